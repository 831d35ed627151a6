/* `aichat PROMPT` and `aichat ask PROMPT`. */

#include <unistd.h>

#include "../command.h"

static int check_flags(struct app *app)
{
	const struct args *args = &app->args;
	bool goes_on = args_has(args, 'c') || args_has(args, 'I');

	if (args_has(args, 'c') && args_has(args, 'I'))
		return app_usage(app, "--continue and --id name two conversations");
	if (goes_on && args_has(args, 's'))
		return app_usage(app, "--system is for a new conversation, so not with "
				      "--continue or --id");
	if (goes_on && args_has(args, 'n'))
		return app_usage(app,
				 "--no-store cannot go on with a conversation that is "
				 "stored");
	return STATUS_OK;
}

static int open_conversation(struct app *app, aichat_conversation **ret)
{
	const struct args *args = &app->args;

	if (args_has(args, 'c') || args_has(args, 'I'))
		return app_conversation(app, args_value(args, 'I'), ret);
	return app_new_conversation(app, ret);
}

static int run(struct app *app)
{
	CLEANUP(conversation_unrefp) aichat_conversation *conversation = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	int status = check_flags(app);
	if (status == STATUS_OK)
		status = app_prompt(app, &text, &len);
	if (status != STATUS_OK)
		return status;
	if (!text && !app->args.word_count && !args_has(&app->args, 'J') &&
	    isatty(STDIN_FILENO) && app->out.tty)
		return app_chat(app);
	if (!text)
		return app_usage(app,
				 "there is nothing to ask: give a prompt, or pipe one "
				 "in");
	status = app_open_to_ask(app);
	if (status == STATUS_OK)
		status = open_conversation(app, &conversation);
	return status == STATUS_OK ? app_ask(app, conversation, text, len) : status;
}

const struct command command_ask = {
	.name = "ask",
	.arguments = "PROMPT...",
	.summary = "ask a model; the word `ask` can be left out",
	.takes = "mscInJ",
	.about = "Words are joined by spaces. What standard input holds, if it is no\n"
		 "terminal, follows after a blank line.\n",
	.run = run,
};
