/*
 * A conversation is a tree: edit a question, answer one again, and look at the branches.
 * Nothing that was said is overwritten.
 */

#include <stdio.h>

#include <aichat/aichat.h>

/* Wait for a reply's end and give it back. */
static int finish(aichat_reply *reply)
{
	const aichat_event *event;
	int failed = 0;

	while (aichat_reply_next(reply, -1, &event) == 1)
		if (aichat_event_type(event) == AICHAT_EVENT_ERROR) {
			fprintf(stderr, "%s\n",
				aichat_error_message(aichat_event_error(event)));
			failed = -1;
		}
	aichat_reply_unref(reply);
	return failed;
}

/* Print what follows a message, indented by depth. */
static int print_tree(aichat_conversation *conversation, const char *id, int depth,
		      aichat_error **error)
{
	aichat_messages *children = NULL;

	if (aichat_conversation_children(conversation, id, &children, error) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < aichat_messages_count(children); i++) {
		aichat_message *message = aichat_messages_at(children, i);
		char *text = NULL;
		if (aichat_message_text(message, &text, NULL) < 0)
			break;
		printf("%*s%s: %.40s\n", depth * 2, "",
		       aichat_role_name(aichat_message_role(message)), text);
		aichat_free(text);
		rc = print_tree(conversation, aichat_message_id(message), depth + 1,
				error);
	}
	aichat_messages_unref(children);
	return rc;
}

int main(void)
{
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_conversation *conversation = NULL;
	aichat_messages *path = NULL;
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;
	int result = 1;

	if (aichat_options_load(options, NULL, &error) < 0 ||
	    aichat_open(options, &ai, &error) < 0 ||
	    aichat_conversation_new(ai, NULL, &conversation, &error) < 0 ||
	    aichat_conversation_send(conversation, "Name a colour.", -1, NULL, &reply,
				     &error) < 0 ||
	    finish(reply) < 0 ||
	    aichat_conversation_path(conversation, 0, &path, &error) < 0)
		goto out;

	/* The same question in other words: a sibling of the first message. */
	const char *question = aichat_message_id(aichat_messages_at(path, 0));
	if (aichat_conversation_edit(conversation, question, "Name a warm colour.", -1,
				     NULL, &reply, &error) < 0 ||
	    finish(reply) < 0)
		goto out;

	/* The first question again: a sibling of its answer. */
	if (aichat_conversation_retry(conversation, question, NULL, &reply, &error) < 0 ||
	    finish(reply) < 0)
		goto out;
	result = print_tree(conversation, NULL, 0, &error) < 0;
out:
	if (error)
		fprintf(stderr, "%s\n", aichat_error_message(error));
	aichat_error_unref(error);
	aichat_messages_unref(path);
	aichat_conversation_unref(conversation);
	aichat_close(ai);
	aichat_options_free(options);
	return result;
}
