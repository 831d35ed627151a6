/*
 * A small program that uses the library; also valid C++11. It is built as others would
 * build theirs, and asks the model that needs no network.
 */
#include <stdio.h>
#include <string.h>

#include <aichat/aichat.h>

static int fail(aichat_error *error)
{
	fprintf(stderr, "%s\n", aichat_error_message(error));
	aichat_error_unref(error);
	return 1;
}

int main(void)
{
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_conversation *conversation = NULL;
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;
	const aichat_event *event = NULL;

	if (strcmp(aichat_version(), AICHAT_VERSION) != 0 ||
	    aichat_abi_version() != AICHAT_ABI) {
		fprintf(stderr, "the header says %s, the library %s\n", AICHAT_VERSION,
			aichat_version());
		return 1;
	}
	if (aichat_options_set(options, "model", "echo", -1, &error) < 0 ||
	    aichat_open(options, &ai, &error) < 0 ||
	    aichat_conversation_new(ai, NULL, &conversation, &error) < 0 ||
	    aichat_conversation_send(conversation, aichat_version(), -1, NULL, &reply,
				     &error) < 0)
		return fail(error);
	printf("aichat ");
	while (aichat_reply_next(reply, -1, &event) == 1)
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT)
			fwrite(aichat_event_text(event), 1, aichat_event_text_len(event),
			       stdout);
	printf("\n");
	aichat_reply_unref(reply);
	aichat_conversation_unref(conversation);
	aichat_close(ai);
	aichat_options_free(options);
	return 0;
}
