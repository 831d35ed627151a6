/* `aichat help`: written from the tables of commands, options and library options. */

#include <stdio.h>
#include <string.h>

#include "../command.h"

extern const struct command command_help;

static void print_option(struct app *app, const struct option_row *row)
{
	char names[48], letter[8] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(names, sizeof(names), "%s--%s%s%s", letter, row->name,
		 row->argument ? " " : "", row->argument ? row->argument : "");
	out_printf(&app->out, "  %-24s %s\n", names, row->help);
}

static void print_options(struct app *app, const struct command *command)
{
	const struct option_row *row;

	out_puts(&app->out, "\nOptions\n");
	for (size_t i = 0; (row = option_at(i)); i++)
		if (!row->common && (!command || strchr(command->takes, row->key)))
			print_option(app, row);
	for (size_t i = 0; (row = option_at(i)); i++)
		if (row->common)
			print_option(app, row);
}

static int help_all(struct app *app)
{
	const struct command *command;
	struct out *out = &app->out;

	out_puts(out,
		 "Usage: aichat [OPTION...] [PROMPT...]\n"
		 "       aichat COMMAND [OPTION...] [WORD...]\n\n"
		 "Ask a language model; the reply goes to standard output, all else to "
		 "standard\nerror. Without a prompt, on a terminal: a chat. What is "
		 "piped in becomes a part of\nthe prompt. A first word that names a "
		 "command is that command; `aichat ask` takes\nany words.\n\n"
		 "Commands\n");
	for (size_t i = 0; (command = command_at(i)); i++) {
		char usage[40];
		snprintf(usage, sizeof(usage), "%s%s%s", command->name,
			 *command->arguments ? " " : "", command->arguments);
		out_printf(out, "  %-24s %s\n", usage, command->summary);
	}
	print_options(app, command_find("ask"));
	out_puts(out,
		 "\nExit status\n"
		 "  0    done\n"
		 "  1    failed: store, configuration, key, or input\n"
		 "  2    the command line makes no sense, or -m names no model\n"
		 "  3    the provider or the network failed; what came is kept\n"
		 "  130  stopped with Ctrl-C; 143 by SIGTERM, 129 by SIGHUP\n"
		 "  141  the reader of standard output went away\n\n"
		 "Files and environment\n"
		 "  ~/.config/aichat/aichat.conf      configuration (AICHAT_CONFIG)\n"
		 "  ~/.local/share/aichat/aichat.db   conversations (AICHAT_STORE)\n"
		 "  ~/.local/state/aichat/history     what was typed in chats\n"
		 "  OPENAI_API_KEY, ANTHROPIC_API_KEY and others: keys of providers\n"
		 "  AICHAT_MODEL: the model to ask; NO_COLOR: no colours\n\n"
		 "`aichat help COMMAND` tells more of one command.\n");
	return STATUS_OK;
}

static int help_library(struct app *app)
{
	static const char *const types[] = { "",     "text", "integer", "number",
					     "bool", "list", "json" };
	const char *name;

	out_puts(&app->out,
		 "Options for -o KEY=VALUE and for the configuration file\n\n");
	for (size_t i = 0; (name = aichat_option_name(i)); i++) {
		int type = aichat_option_type(i);
		const char *fallback = aichat_option_default(i);
		out_printf(&app->out, "%s (%s%s%s)\n    %s\n", name,
			   type > 0 && type < 7 ? types[type] : "",
			   fallback ? ", default " : "", fallback ? fallback : "",
			   aichat_option_help(i));
	}
	return STATUS_OK;
}

static int help_command(struct app *app, const struct command *command)
{
	out_printf(&app->out, "Usage: aichat %s [OPTION...]%s%s\n\n%s.\n", command->name,
		   *command->arguments ? " " : "", command->arguments, command->summary);
	if (command->about)
		out_printf(&app->out, "%s", command->about);
	print_options(app, command);
	return STATUS_OK;
}

static int run(struct app *app)
{
	const struct args *args = &app->args;
	const char *topic = args->word_count ? args->words[0] : NULL;

	/* `aichat COMMAND -h` comes here, too. */
	if (args_has(args, 'h') && args->command && args->command != &command_help)
		return help_command(app, args->command);
	if (args_has(args, 'h') || !topic)
		return help_all(app);
	if (args->word_count > 1)
		return app_usage(app,
				 "`help` takes one word; to ask them: aichat ask help "
				 "%s ...",
				 topic);
	if (strcmp(topic, "options") == 0)
		return help_library(app);
	const struct command *command = command_find(topic);
	if (!command)
		return app_usage(app,
				 "there is no command %s; to ask that: aichat ask help "
				 "%s",
				 topic, topic);
	return help_command(app, command);
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "show help; `help options`: the library's options",
	.takes = "",
	.run = run,
};
