/* Begins a conversation that offers a tool, as another program would: begin TEXT. */

#include <stdio.h>
#include <stdlib.h>

#include <aichat/aichat.h>

static void check(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, aichat_error_text(rc));
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	static const char tools[] = "[{\"name\":\"look\",\"parameters\":"
				    "{\"type\":\"object\",\"properties\":{}}}]";
	aichat_options *options = aichat_options_new();
	aichat_options *once = aichat_options_new();
	aichat_conversation *conversation = NULL;
	aichat_reply *reply = NULL;
	aichat *ai = NULL;
	const aichat_event *event;
	int last = 0;

	if (argc != 2 || !options || !once)
		return EXIT_FAILURE;
	check(aichat_options_load(options, NULL, NULL), "options");
	check(aichat_open(options, &ai, NULL), "open");
	check(aichat_conversation_new(ai, NULL, &conversation, NULL), "new");
	check(aichat_conversation_set_tools(conversation, tools, -1, NULL), "tools");
	check(aichat_options_set(once, "model", "echo", -1, NULL), "model");
	check(aichat_conversation_send(conversation, argv[1], -1, once, &reply, NULL),
	      "send");
	while (aichat_reply_next(reply, 20000, &event) == 1)
		last = aichat_event_type(event);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conversation);
	aichat_options_free(options);
	aichat_options_free(once);
	aichat_close(ai);
	return last == AICHAT_EVENT_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}
