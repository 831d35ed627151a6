/*
 * Two replies at once in a plain poll() loop, with no thread of our own: the descriptor
 * of a reply is readable exactly when there is an event to take.
 */

#include <poll.h>
#include <stdio.h>

#include <aichat/aichat.h>

#define REPLIES 2

struct job {
	const char *question;
	aichat_conversation *conversation;
	aichat_reply *reply;
	size_t bytes;
	int over;
};

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

int main(void)
{
	struct job jobs[REPLIES] = { { .question = "Name three rivers." },
				     { .question = "Name three mountains." } };
	struct pollfd slots[REPLIES] = { { .fd = -1 }, { .fd = -1 } };
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_error *error = NULL;
	int running = 0;

	if (aichat_options_load(options, NULL, &error) == 0 &&
	    aichat_open(options, &ai, &error) == 0)
		while (running < REPLIES &&
		       start(ai, &jobs[running], &slots[running], &error) == 0)
			running++;
	if (error)
		fprintf(stderr, "%s\n", aichat_error_message(error));

	int failed = running < REPLIES;
	while (!failed && running) {
		if (poll(slots, REPLIES, -1) < 0)
			break;
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

	for (int i = 0; i < REPLIES; i++) {
		aichat_reply_unref(jobs[i].reply);
		aichat_conversation_unref(jobs[i].conversation);
	}
	aichat_close(ai);
	aichat_options_free(options);
	aichat_error_unref(error);
	return failed || running;
}
