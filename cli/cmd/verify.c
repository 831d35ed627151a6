/* `aichat verify`: whether everything holds that must hold in the store. */

#include "../command.h"

static int run(struct app *app)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;

	if (app->args.word_count)
		return app_usage(app, "`verify` takes no words");
	int status = app_open(app, false);
	if (status != STATUS_OK)
		return status;
	if (aichat_verify(app->ai, &error) < 0)
		return app_fail(app, error);
	out_puts(&app->out, "ok\n");
	return STATUS_OK;
}

const struct command command_verify = {
	.name = "verify",
	.arguments = "",
	.summary = "check that the store is whole",
	.takes = "",
	.run = run,
};
