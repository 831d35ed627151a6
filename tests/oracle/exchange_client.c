/*
 * Asks for one exchange after the other and prints what each gave.
 *
 * Standard input has one job a line: CALLER TARGET BASE_URL STREAM PRESET, the two
 * dialects, 0 or 1, and the built-in provider to behave like ("-" for none). For each job
 * one JSON line is printed: {"job": N, "code": C, "bytes": "..."}: the code with which
 * the exchange ended, and all that it gave.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aichat/aichat.h>

#define BATCH 128 /* jobs that share a context; each is a provider of its own */
#define WAIT_MS 30000

struct job {
	unsigned number;
	char caller[32], target[32], base_url[1024], preset[32];
	int stream;
};

static void die(const char *what, aichat_error *error)
{
	fprintf(stderr, "exchange_client: %s: %s\n", what,
		error ? aichat_error_message(error) : "out of memory");
	exit(2);
}

static void set(aichat_options *options, const char *name, const char *value)
{
	aichat_error *error = NULL;

	if (aichat_options_set(options, name, value, -1, &error) < 0)
		die(name, error);
}

static void set_provider(aichat_options *options, const struct job *job, const char *what,
			 const char *value)
{
	char name[64];

	snprintf(name, sizeof(name), "provider.job%u.%s", job->number, what);
	set(options, name, value);
}

static aichat *open_context(const struct job *jobs, size_t count)
{
	aichat_options *options = aichat_options_new();
	aichat_error *error = NULL;
	aichat *ai = NULL;

	set(options, "store", "memory:");
	set(options, "max_retries", "0");
	set(options, "proxy", "");
	for (size_t i = 0; i < count; i++) {
		set_provider(options, &jobs[i], "base_url", jobs[i].base_url);
		set_provider(options, &jobs[i], "api_key", "test-key");
		if (strcmp(jobs[i].preset, "-"))
			set_provider(options, &jobs[i], "preset", jobs[i].preset);
		else
			set_provider(options, &jobs[i], "dialect", jobs[i].target);
	}
	if (aichat_open(options, &ai, &error) < 0)
		die("open", error);
	aichat_options_free(options);
	return ai;
}

static void print_result(const struct job *job, int code, const char *bytes, size_t len)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	const char *text = NULL;
	size_t text_len = 0;

	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "job", -1);
	aichat_json_writer_int(w, job->number);
	aichat_json_writer_key(w, "code", -1);
	aichat_json_writer_int(w, code);
	aichat_json_writer_key(w, "bytes", -1);
	aichat_json_writer_string(w, bytes, (int64_t)len);
	aichat_json_writer_end_object(w);
	if (aichat_json_writer_finish(w, &text, &text_len) < 0)
		die("the result", NULL);
	puts(text);
	aichat_json_writer_unref(w);
}

static void run(aichat *ai, const struct job *job)
{
	aichat_exchange *x = NULL;
	aichat_error *error = NULL;
	char body[512], *all = NULL;
	const char *bytes;
	size_t len, total = 0;

	int size = snprintf(body, sizeof(body),
			    "{\"model\":\"job%u/"
			    "asked\",\"max_tokens\":99,\"stream\":%s,\"messages\":["
			    "{\"role\":\"user\",\"content\":\"Hello?\"}]%s}",
			    job->number, job->stream ? "true" : "false",
			    job->stream && strcmp(job->caller, "openai-chat") == 0
				    ? ",\"stream_options\":{\"include_usage\":true}"
				    : "");
	if (aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, job->caller, body,
				 (size_t)size, &x, &error) < 0 ||
	    aichat_exchange_start(x, &error) < 0)
		die("the exchange", error);
	int code;
	while ((code = aichat_exchange_next(x, WAIT_MS, &bytes, &len, &error)) == 1) {
		all = realloc(all, total + len + 1);
		memcpy(all + total, bytes, len);
		total += len;
	}
	if (code == AICHAT_EAGAIN)
		die("nothing happens", error);
	aichat_error_unref(error);
	print_result(job, aichat_exchange_result(x), all ? all : "", total);
	free(all);
	aichat_exchange_free(x);
}

int main(void)
{
	static struct job jobs[BATCH];
	static char line[2048];
	unsigned number = 0;
	size_t count;

	do {
		for (count = 0; count < BATCH && fgets(line, sizeof(line), stdin);
		     count++) {
			struct job *job = &jobs[count];
			job->number = number++;
			if (sscanf(line, "%31s %31s %1023s %d %31s", job->caller,
				   job->target, job->base_url, &job->stream,
				   job->preset) != 5)
				die(line, NULL);
		}
		if (!count)
			break;
		aichat *ai = open_context(jobs, count);
		for (size_t i = 0; i < count; i++)
			run(ai, &jobs[i]);
		aichat_close(ai);
	} while (count == BATCH);
	return 0;
}
