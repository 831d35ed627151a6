/* `aichat show`: one conversation, from its first message to its head, or all of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../command.h"

/* A message whose line is still to come. */
struct pending {
	aichat_message *message;
	int depth;
};

struct tree {
	struct pending *items;
	size_t count, room;
};

static bool push(struct tree *tree, aichat_message *message, int depth)
{
	if (tree->count == tree->room) {
		size_t room = tree->room ? 2 * tree->room : 64;
		struct pending *items = realloc(tree->items, room * sizeof(*items));
		if (!items)
			return false;
		tree->items = items;
		tree->room = room;
	}
	tree->items[tree->count++] = (struct pending){ aichat_message_ref(message),
						       depth };
	return true;
}

static void tree_done(struct tree *tree)
{
	while (tree->count)
		aichat_message_unref(tree->items[--tree->count].message);
	free(tree->items);
}

/* The answers to a message, the oldest to be printed first. Only a branch is indented,
 * so that a long conversation does not run out of the screen. */
static int push_children(struct app *app, struct tree *tree,
			 aichat_conversation *conversation, const char *id, int depth)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(messages_unrefp) aichat_messages *children = NULL;

	if (aichat_conversation_children(conversation, id, &children, &error) < 0)
		return app_fail(app, error);
	size_t count = aichat_messages_count(children);
	for (size_t n = count; n-- > 0;)
		if (!push(tree, aichat_messages_at(children, n), depth + (count > 1)))
			return app_nomem(app);
	return STATUS_OK;
}

static void print_line(struct app *app, const aichat_message *message, int depth,
		       const char *head)
{
	CLEANUP(aichat_freep) char *text = NULL;
	int state = aichat_message_state(message);
	const char *id = aichat_message_id(message);

	if (app->printer == &print_json) {
		app->printer->message(app, message);
		return;
	}
	if (aichat_message_text(message, &text, NULL) < 0)
		text = NULL;
	char *line = term_line(text ? text : "", 50);
	out_printf(&app->out, "%s %s %*s%s: %s%s%s%s\n", id,
		   strcmp(id, head) == 0 ? "*" : " ", 2 * depth, "",
		   aichat_role_name(aichat_message_role(message)),
		   state == AICHAT_MESSAGE_SEALED ? "" : "[",
		   state == AICHAT_MESSAGE_SEALED ? "" : aichat_message_state_name(state),
		   state == AICHAT_MESSAGE_SEALED ? "" : "] ", line ? line : "");
	free(line);
}

static int show_tree(struct app *app, aichat_conversation *conversation)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(aichat_freep) char *head = NULL;
	struct tree tree = { 0 };

	if (aichat_conversation_head(conversation, &head, &error) < 0)
		return app_fail(app, error);
	int status = push_children(app, &tree, conversation, NULL, 0);
	while (status == STATUS_OK && tree.count && !app->out.error) {
		struct pending next = tree.items[--tree.count];
		print_line(app, next.message, next.depth, head);
		status = push_children(app, &tree, conversation,
				       aichat_message_id(next.message), next.depth);
		aichat_message_unref(next.message);
	}
	tree_done(&tree);
	return status;
}

static int run(struct app *app)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(conversation_unrefp) aichat_conversation *conversation = NULL;
	CLEANUP(messages_unrefp) aichat_messages *messages = NULL;

	if (app->args.word_count > 1)
		return app_usage(app, "`show` takes one ID, not %zu words",
				 app->args.word_count);
	int status = app_open(app, false);
	if (status == STATUS_OK)
		status = app_conversation(
			app, app->args.word_count ? app->args.words[0] : NULL,
			&conversation);
	if (status != STATUS_OK || args_has(&app->args, 'T'))
		return status == STATUS_OK ? show_tree(app, conversation) : status;
	if (aichat_conversation_path(conversation, 0, &messages, &error) < 0)
		return app_fail(app, error);
	size_t count = aichat_messages_count(messages);
	for (size_t n = 0; n < count && !app->out.error; n++)
		app->printer->message(app, aichat_messages_at(messages, n));
	return STATUS_OK;
}

const struct command command_show = {
	.name = "show",
	.arguments = "[ID]",
	.summary = "print a conversation, the last one unless an ID names another",
	.takes = "TJ",
	.about = "The id of a message prints the conversation up to it.\n",
	.run = run,
};
