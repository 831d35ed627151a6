/*
 * Two replies and a timer in a plain poll() loop, with no thread of our own: the
 * descriptor of a reply is readable exactly when there is an event to take. The same
 * with epoll, GLib and libuv: event_loop_epoll.c, event_loop_glib.c, event_loop_uv.c.
 */

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include <aichat/aichat.h>

#define REPLIES 2
#define TICK_MS 100

struct job {
	const char *question;
	aichat_conversation *conversation;
	aichat_reply *reply;
	size_t bytes;
	int over;
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int start(aichat *ai, struct job *job, struct pollfd *slot, aichat_error **error)
{
	slot->events = POLLIN;
	if (aichat_conversation_new(ai, NULL, &job->conversation, error) < 0 ||
	    aichat_conversation_send(job->conversation, job->question, -1, NULL,
				     &job->reply, error) < 0)
		return -1;
	return aichat_reply_fd(job->reply, &slot->fd, error);
}

/* Take what there is, and do not wait for more. */
static void take_events(struct job *job)
{
	const aichat_event *event;
	int rc;

	while ((rc = aichat_reply_next(job->reply, 0, &event)) == 1) {
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT)
			job->bytes += aichat_event_text_len(event);
		if (aichat_event_type(event) == AICHAT_EVENT_ERROR)
			fprintf(stderr, "%s: %s\n", job->question,
				aichat_error_message(aichat_event_error(event)));
		if (aichat_event_type(event) == AICHAT_EVENT_DONE)
			printf("%s: %zu bytes\n", job->question, job->bytes);
	}
	job->over = rc != AICHAT_EAGAIN;
}

/* Until both replies are over; < 0 if poll() fails. */
static int run(struct job jobs[REPLIES], struct pollfd slots[REPLIES])
{
	long tick = now_ms() + TICK_MS;
	int running = REPLIES;

	while (running) {
		long rest = tick - now_ms();
		if (poll(slots, REPLIES, rest > 0 ? (int)rest : 0) < 0)
			return -1;
		if (now_ms() >= tick) {
			printf("so far: %zu bytes\n", jobs[0].bytes + jobs[1].bytes);
			tick += TICK_MS;
		}
		for (int i = 0; i < REPLIES; i++) {
			if (!(slots[i].revents & POLLIN))
				continue;
			take_events(&jobs[i]);
			if (jobs[i].over) {
				slots[i].fd = -1; /* poll() passes over it */
				running--;
			}
		}
	}
	return 0;
}

int main(void)
{
	struct job jobs[REPLIES] = { { .question = "Name three rivers." },
				     { .question = "Name three mountains." } };
	struct pollfd slots[REPLIES];
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_error *error = NULL;
	int rc = -1;

	if (aichat_options_load(options, NULL, &error) == 0 &&
	    aichat_open(options, &ai, &error) == 0 &&
	    start(ai, &jobs[0], &slots[0], &error) == 0 &&
	    start(ai, &jobs[1], &slots[1], &error) == 0)
		rc = run(jobs, slots);
	if (error)
		fprintf(stderr, "%s\n", aichat_error_message(error));

	for (int i = 0; i < REPLIES; i++) {
		aichat_reply_unref(jobs[i].reply);
		aichat_conversation_unref(jobs[i].conversation);
	}
	aichat_close(ai);
	aichat_options_free(options);
	aichat_error_unref(error);
	return rc < 0;
}
