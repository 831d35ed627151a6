/* `aichat rm`: delete conversations for good. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"

/* Whether the user says yes. */
static bool confirm(struct app *app, aichat_conversation *conversation)
{
	CLEANUP(messages_unrefp) aichat_messages *messages = NULL;
	char answer[16];

	aichat_conversation_path(conversation, 0, &messages, NULL);
	out_printf(&app->err, "delete %s with %zu messages? [y/N] ",
		   aichat_conversation_id(conversation), aichat_messages_count(messages));
	ssize_t len = read(STDIN_FILENO, answer, sizeof(answer));
	app->err.mid_line = false; /* the user's newline */
	return len > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

static int delete_one(struct app *app, const char *id)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(conversation_unrefp) aichat_conversation *conversation = NULL;

	int status = app_conversation(app, id, &conversation);
	if (status != STATUS_OK)
		return status;
	const char *whole = aichat_conversation_id(conversation);
	if (strncasecmp(whole, id, strlen(id)) != 0) {
		app_say(app, "%s is a message of the conversation %s; nothing is deleted",
			id, whole);
		return STATUS_FAILED;
	}
	if (!args_has(&app->args, 'f') && !confirm(app, conversation)) {
		app_say(app, "%s is not deleted", whole);
		return STATUS_FAILED;
	}
	if (aichat_conversation_delete(conversation, &error) < 0)
		return app_fail(app, error);
	return STATUS_OK;
}

static int run(struct app *app)
{
	if (!app->args.word_count)
		return app_usage(app,
				 "`rm` needs the ID of a conversation; `aichat list` "
				 "shows them");
	if (!args_has(&app->args, 'f') && !isatty(STDIN_FILENO))
		return app_usage(app,
				 "`rm` asks first, and there is no terminal to ask on; "
				 "-f deletes without asking");
	int status = app_open(app, false);
	for (size_t i = 0; status == STATUS_OK && i < app->args.word_count; i++)
		status = delete_one(app, app->args.words[i]);
	return status;
}

const struct command command_rm = {
	.name = "rm",
	.arguments = "ID...",
	.summary = "delete conversations for good",
	.takes = "f",
	.run = run,
};
