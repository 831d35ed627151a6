/* `aichat retry`: answer the last question again. */

#include "../command.h"

static int run(struct app *app)
{
	CLEANUP(conversation_unrefp) aichat_conversation *conversation = NULL;

	if (app->args.word_count > 1)
		return app_usage(app, "`retry` takes one ID, not %zu words",
				 app->args.word_count);
	int status = app_open_to_ask(app);
	if (status == STATUS_OK)
		status = app_conversation(
			app, app->args.word_count ? app->args.words[0] : NULL,
			&conversation);
	return status == STATUS_OK ? app_ask(app, conversation, NULL, 0) : status;
}

const struct command command_retry = {
	.name = "retry",
	.arguments = "[ID]",
	.summary = "answer the last question again",
	.takes = "mJ",
	.about = "The answer there is stays, as another branch; `show --tree` shows "
		 "all.\n",
	.run = run,
};
