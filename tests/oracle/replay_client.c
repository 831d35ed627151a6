/*
 * Asks the library for many replies at once and prints what each became.
 *
 * Standard input has one job a line: DIALECT BASE_URL STREAM PRESET QUIRK, where STREAM
 * is 0 or 1, PRESET is the built-in provider to behave like, and QUIRK the name of a
 * deviation to expect; "-" stands for none. For each job one JSON line is printed, in the
 * order in which they end: {"job": N, "event": {...}} with the number of the line and the
 * final event, or {"job": N, "failed": "..."}.
 *
 * The pieces that the events brought are put together, too: where they do not give the
 * parts of the final message, "pieces" says which part differs.
 */

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aichat/aichat.h>

#define AT_ONCE 16     /* replies in flight */
#define BATCH 128      /* jobs that share a context; each is a provider of its own */
#define PIECES_MAX 512 /* parts that are put together; further ones are not looked at */
#define WAIT_MS 30000

struct job {
	unsigned number;
	char dialect[32];
	char base_url[1024];
	char preset[32];
	char quirk[32];
	int stream;
};

struct piece {
	char *text;
	size_t len;
};

struct running {
	const struct job *job;
	aichat_reply *reply;
	struct pollfd fd;
	bool ended;          /* the final event came */
	char message_id[40]; /* of the message that the pieces make: the first */
	struct piece pieces[PIECES_MAX];
};

static __attribute__((format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("replay_client: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static bool read_job(unsigned number, struct job *job)
{
	static char line[2048];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	job->number = number;
	if (sscanf(line, "%31s %1023s %d %31s %31s", job->dialect, job->base_url,
		   &job->stream, job->preset, job->quirk) != 5)
		die("line %u is no job: %s", number, line);
	return true;
}

static void set(aichat_options *options, const char *name, const char *value)
{
	aichat_error *error = NULL;

	if (aichat_options_set(options, name, value, -1, &error) < 0)
		die("%s: %s", name, aichat_error_message(error));
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

	if (!options)
		die("out of memory");
	set(options, "store", "memory:");
	set(options, "max_retries", "0");
	set(options, "proxy", "");
	for (size_t i = 0; i < count; i++) {
		set_provider(options, &jobs[i], "base_url", jobs[i].base_url);
		set_provider(options, &jobs[i], "api_key", "test-key");
		if (strcmp(jobs[i].preset, "-"))
			set_provider(options, &jobs[i], "preset", jobs[i].preset);
		else
			set_provider(options, &jobs[i], "dialect", jobs[i].dialect);
		if (strcmp(jobs[i].quirk, "-"))
			set_provider(options, &jobs[i], "quirks", jobs[i].quirk);
	}
	if (aichat_open(options, &ai, &error) < 0)
		die("open: %s", aichat_error_message(error));
	aichat_options_free(options);
	return ai;
}

static void print_failed(const struct job *job, const char *what, aichat_error *error)
{
	printf("{\"job\":%u,\"failed\":\"%s: %s\"}\n", job->number, what,
	       aichat_error_name(aichat_error_code(error)));
	fprintf(stderr, "job %u: %s: %s\n", job->number, what,
		aichat_error_message(error));
	aichat_error_unref(error);
}

/* False when the job is over already, and its line printed. */
static bool start(aichat *ai, const struct job *job, struct running *run)
{
	aichat_options *options = aichat_options_new();
	aichat_message *message = NULL;
	aichat_error *error = NULL;
	char model[64];

	memset(run, 0, sizeof(*run));
	run->job = job;
	if (!options || aichat_message_new(AICHAT_ROLE_USER, "Hello?", -1, &message) < 0)
		die("out of memory");
	snprintf(model, sizeof(model), "job%u/asked-model", job->number);
	set(options, "model", model);
	set(options, "stream", job->stream ? "true" : "false");

	const char *what = "complete";
	int r = aichat_complete(ai, &message, 1, NULL, 0, options, &run->reply, &error);
	if (r == 0) {
		what = "fd";
		r = aichat_reply_fd(run->reply, &run->fd.fd, &error);
	}
	run->fd.events = POLLIN;
	aichat_message_unref(message);
	aichat_options_free(options);
	if (r == 0)
		return true;
	print_failed(job, what, error);
	run->reply = aichat_reply_unref(run->reply);
	return false;
}

static void add_piece(struct running *run, const aichat_event *event)
{
	size_t index = aichat_event_index(event), len = aichat_event_text_len(event);

	if (!run->message_id[0])
		snprintf(run->message_id, sizeof(run->message_id), "%s",
			 aichat_event_message_id(event));
	if (index >= PIECES_MAX || !len ||
	    strcmp(run->message_id, aichat_event_message_id(event)))
		return;
	struct piece *piece = &run->pieces[index];
	piece->text = realloc(piece->text, piece->len + len);
	if (!piece->text)
		die("out of memory");
	memcpy(piece->text + piece->len, aichat_event_text(event), len);
	piece->len += len;
}

/* The first part that the pieces do not make; -1 if they make all. */
static int wrong_piece(const struct running *run, const aichat_message *message)
{
	size_t count = message ? aichat_message_part_count(message) : 0;

	if (message && strcmp(run->message_id, aichat_message_id(message)))
		return -1; /* one of several answers, or none had any text */
	for (size_t i = 0; i < PIECES_MAX; i++) {
		const struct piece *piece = &run->pieces[i];
		if (i >= count) {
			if (piece->len)
				return (int)i;
			continue;
		}
		int type = aichat_message_part_type(message, i);
		if (type != AICHAT_PART_TEXT && type != AICHAT_PART_REASONING &&
		    type != AICHAT_PART_TOOL_CALL && type != AICHAT_PART_REFUSAL)
			continue;
		size_t len = 0;
		const char *text = aichat_message_part_text(message, i, &len);
		if (type == AICHAT_PART_TOOL_CALL && !piece->len && len == 2 &&
		    !memcmp(text, "{}", 2))
			continue; /* a call without arguments has no pieces */
		if (len != piece->len || (len && memcmp(text, piece->text, len)))
			return (int)i;
	}
	return -1;
}

static void print_final(struct running *run, const aichat_event *event)
{
	char *json = NULL;

	if (aichat_event_to_json(event, &json, NULL) < 0)
		die("out of memory");
	printf("{\"job\":%u,\"event\":%s", run->job->number, json);
	int wrong = wrong_piece(run, aichat_event_message(event));
	if (wrong >= 0)
		printf(",\"pieces\":%d", wrong);
	puts("}");
	aichat_free(json);
	run->ended = true;
}

static bool goes_on(const aichat_message *message)
{
	int reason = aichat_message_stop_reason(message);

	return reason == AICHAT_STOP_TOOL_CALLS || reason == AICHAT_STOP_PAUSE;
}

/* Takes what is there. True when the reply is over. */
static bool take(struct running *run)
{
	const aichat_event *event;
	int r;

	while ((r = aichat_reply_next(run->reply, 0, &event)) == 1) {
		switch (aichat_event_type(event)) {
		case AICHAT_EVENT_TEXT:
		case AICHAT_EVENT_REASONING:
		case AICHAT_EVENT_TOOL_CALL:
			add_piece(run, event);
			break;
		case AICHAT_EVENT_MESSAGE:
			/* Tool calls want answers that nobody gives, and after a pause
			 * the model would be asked again. */
			if (goes_on(aichat_event_message(event))) {
				print_final(run, event);
				return true;
			}
			break;
		case AICHAT_EVENT_DONE:
		case AICHAT_EVENT_ERROR:
			print_final(run, event);
			break;
		default:
			break;
		}
	}
	if (r == AICHAT_EAGAIN)
		return false;
	if (r < 0)
		die("job %u: next: %s", run->job->number, aichat_error_name(r));
	if (!run->ended)
		printf("{\"job\":%u,\"failed\":\"no final event\"}\n", run->job->number);
	return true;
}

static void finish(struct running *run)
{
	for (size_t i = 0; i < PIECES_MAX; i++)
		free(run->pieces[i].text);
	aichat_reply_unref(run->reply);
	memset(run, 0, sizeof(*run));
}

static void run_batch(const struct job *jobs, size_t count)
{
	static struct running runs[AT_ONCE];
	aichat *ai = open_context(jobs, count);
	size_t next = 0, active = 0;

	while (next < count || active) {
		for (size_t i = 0; i < AT_ONCE; i++)
			while (!runs[i].reply && next < count)
				active += start(ai, &jobs[next++], &runs[i]);
		struct pollfd fds[AT_ONCE];
		for (size_t i = 0; i < AT_ONCE; i++) {
			fds[i] = runs[i].fd;
			if (!runs[i].reply)
				fds[i].fd = -1;
		}
		if (active && poll(fds, AT_ONCE, WAIT_MS) == 0)
			die("nothing happens with %zu replies open", active);
		for (size_t i = 0; i < AT_ONCE; i++) {
			if (!runs[i].reply || !fds[i].revents || !take(&runs[i]))
				continue;
			finish(&runs[i]);
			active--;
		}
	}
	fflush(stdout);
	aichat_close(ai);
}

int main(void)
{
	static struct job jobs[BATCH];
	size_t count = 0;

	for (unsigned number = 0; read_job(number, &jobs[count]); number++) {
		if (++count == BATCH) {
			run_batch(jobs, count);
			count = 0;
		}
	}
	if (count)
		run_batch(jobs, count);
	return 0;
}
