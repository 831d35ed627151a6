/*
 * What an event costs whoever takes it, in C: bench_events.py does the same in Python.
 *
 *     bench_events URL
 *
 * Prints the processor time of the taking thread per event, in nanoseconds: of a reply
 * while it streams, and of one that is over.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <aichat/aichat.h>

static void check(int rc, aichat_error *error)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_events: %s\n", aichat_error_message(error));
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Look at what an application looks at. */
static double per_event(aichat_reply *reply)
{
	const aichat_event *event;
	size_t events = 0, bytes = 0;
	double start = cpu_ns();
	int last = 0;

	while (aichat_reply_next(reply, -1, &event) == 1) {
		last = aichat_event_type(event);
		if (last == AICHAT_EVENT_TEXT && *aichat_event_text(event))
			bytes += aichat_event_text_len(event);
		events++;
	}
	if (last != AICHAT_EVENT_DONE || !bytes)
		check(-1, NULL);
	return (cpu_ns() - start) / (double)events;
}

int main(int argc, char **argv)
{
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_conversation *conversation = NULL;
	aichat_reply *reply = NULL, *again = NULL;
	aichat_error *error = NULL;

	if (argc != 2)
		return 2;
	check(aichat_options_set(options, "provider.openai.base_url", argv[1], -1,
				 &error),
	      error);
	check(aichat_options_set(options, "provider.openai.api_key", "test", -1, &error),
	      error);
	check(aichat_options_set(options, "model", "openai/test", -1, &error), error);
	check(aichat_open(options, &ai, &error), error);
	check(aichat_conversation_new(ai, NULL, &conversation, &error), error);
	check(aichat_conversation_send(conversation, "x", -1, NULL, &reply, &error),
	      error);
	double streaming = per_event(reply);
	check(aichat_reply_open(ai, aichat_reply_id(reply), 0, &again, &error), error);
	printf("%.0f %.0f\n", streaming, per_event(again));
	aichat_reply_unref(again);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conversation);
	aichat_close(ai);
	aichat_options_free(options);
	return 0;
}
