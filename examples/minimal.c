/*
 * The smallest chat: one question, the reply as it comes.
 *
 *     cc minimal.c $(pkg-config --cflags --libs libaichat) -o minimal
 *     OPENAI_API_KEY=... ./minimal "Why is the sky blue?"
 */

#include <stdio.h>

#include <aichat/aichat.h>

static int fail(const aichat_error *error)
{
	fprintf(stderr, "%s\n", aichat_error_message(error));
	return 1;
}

int main(int argc, char **argv)
{
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_conversation *conversation = NULL;
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;
	const aichat_event *event;
	int result = 0;

	if (aichat_options_load(options, NULL, &error) < 0 ||
	    aichat_open(options, &ai, &error) < 0 ||
	    aichat_conversation_new(ai, NULL, &conversation, &error) < 0 ||
	    aichat_conversation_send(conversation, argc > 1 ? argv[1] : "Hello!", -1,
				     NULL, &reply, &error) < 0)
		result = fail(error);

	while (reply && aichat_reply_next(reply, -1, &event) == 1) {
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT)
			fwrite(aichat_event_text(event), 1, aichat_event_text_len(event),
			       stdout);
		else if (aichat_event_type(event) == AICHAT_EVENT_ERROR)
			result = fail(aichat_event_error(event));
	}
	if (reply)
		putchar('\n');

	aichat_reply_unref(reply);
	aichat_conversation_unref(conversation);
	aichat_close(ai);
	aichat_options_free(options);
	aichat_error_unref(error);
	return result;
}
