/*
 * A program that loads the library as a plugin, uses it, closes it and unloads it, again
 * and again. What it costs must not grow: not in memory, threads, descriptors or
 * mappings.
 *
 *     plugin LIBRARY STORE TIMES [BASE_URL]
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aichat/aichat.h>

#define FUNCTIONS(X)                                                                     \
	X(aichat_version)                                                                \
	X(aichat_options_new)                                                            \
	X(aichat_options_set)                                                            \
	X(aichat_options_free)                                                           \
	X(aichat_open)                                                                   \
	X(aichat_close)                                                                  \
	X(aichat_conversation_new)                                                       \
	X(aichat_conversation_send)                                                      \
	X(aichat_conversation_unref)                                                     \
	X(aichat_reply_next)                                                             \
	X(aichat_reply_unref)                                                            \
	X(aichat_event_type)                                                             \
	X(aichat_event_error)                                                            \
	X(aichat_error_message)                                                          \
	X(aichat_error_unref)

struct library {
	void *handle;
#define MEMBER(name) __typeof__(&name) name;
	FUNCTIONS(MEMBER)
};

/* What a process has of each. */
struct holdings {
	int descriptors, threads, mappings;
	size_t heap;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return -1;
}

static int load(const char *path, struct library *library)
{
	library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return fail(path, dlerror());
#define FIND(name)                                                                       \
	*(void **)&library->name = dlsym(library->handle, #name);                        \
	if (!library->name)                                                              \
		return fail(#name, dlerror());
	FUNCTIONS(FIND)
	return 0;
}

static int set(const struct library *a, aichat_options *options, const char *name,
	       const char *value)
{
	return value ? a->aichat_options_set(options, name, value, -1, NULL) : 0;
}

static int ask(const struct library *a, const char *store, const char *url)
{
	aichat_options *options = a->aichat_options_new();
	aichat *ai = NULL;
	aichat_conversation *conversation = NULL;
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;
	const aichat_event *event;
	int done = 0;

	if (set(a, options, "store", store) == 0 &&
	    set(a, options, "model", url ? "openai/gpt-fake" : "echo") == 0 &&
	    set(a, options, "provider.openai.base_url", url) == 0 &&
	    set(a, options, "provider.openai.api_key", "key") == 0 &&
	    a->aichat_open(options, &ai, &error) == 0 &&
	    a->aichat_conversation_new(ai, NULL, &conversation, &error) == 0 &&
	    a->aichat_conversation_send(conversation, "Hello.", -1, NULL, &reply,
					&error) == 0)
		while (a->aichat_reply_next(reply, 20000, &event) == 1) {
			if (a->aichat_event_type(event) == AICHAT_EVENT_DONE)
				done = 1;
			if (a->aichat_event_error(event))
				fail("reply", a->aichat_error_message(
						      a->aichat_event_error(event)));
		}
	if (error)
		fail("call", a->aichat_error_message(error));
	a->aichat_error_unref(error);
	a->aichat_reply_unref(reply);
	a->aichat_conversation_unref(conversation);
	a->aichat_close(ai);
	a->aichat_options_free(options);
	return done ? 0 : -1;
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* Of libaichat, when it is not there. */
static int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1024];
	int count = 0;

	while (maps && fgets(line, sizeof(line), maps))
		count += strstr(line, "libaichat") != NULL;
	if (maps)
		fclose(maps);
	return count;
}

static struct holdings look(void)
{
	struct mallinfo2 heap = mallinfo2();

	/* The kernel counts a joined thread for a moment longer. */
	for (int i = 0; i < 200 && entries("/proc/self/task") > 3; i++)
		usleep(5000);
	return (struct holdings){
		.descriptors = entries("/proc/self/fd"),
		.threads = entries("/proc/self/task"),
		.mappings = mappings(),
		.heap = heap.uordblks + heap.hblkhd,
	};
}

/* A handler that it left behind for fork() would be code that is gone. */
static int check_fork(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
	return status == 0 ? 0 : fail("fork", "the child did not end well");
}

int main(int argc, char **argv)
{
	struct holdings before = look();
	struct holdings first = { 0 };
	struct holdings last = { 0 };

	if (argc < 4)
		return 2;
	long times = strtol(argv[3], NULL, 10);
	for (long i = 0; i < times; i++) {
		struct library library = { 0 };
		if (load(argv[1], &library) < 0 ||
		    ask(&library, argv[2], argc > 4 ? argv[4] : NULL) < 0)
			return 1;
		if (dlclose(library.handle))
			return fail("dlclose", dlerror()) < 0;
		last = look();
		/* What other libraries make once and for all is there by then. */
		if (i == times / 2)
			first = last;
	}
	if (check_fork() < 0)
		return 1;
	printf("descriptors %d %d\n", before.descriptors, last.descriptors);
	printf("threads %d %d\n", before.threads, last.threads);
	printf("mappings %d %d\n", before.mappings, last.mappings);
	printf("heap %zu %zu\n", first.heap, last.heap);
	return 0;
}
