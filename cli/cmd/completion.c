/* `aichat completion SHELL`: a script for the shell, written from the tables. */

#include <string.h>

#include "../command.h"

static void print_commands(struct app *app)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)); i++)
		out_printf(&app->out, "%s%s", i ? " " : "", command->name);
}

static void bash(struct app *app)
{
	const struct option_row *row;
	struct out *out = &app->out;

	out_puts(out, "_aichat() {\n"
		      "\tlocal word=${COMP_WORDS[COMP_CWORD]}\n"
		      "\tcase ${COMP_WORDS[COMP_CWORD - 1]} in\n"
		      "\t-m | --model)\n"
		      "\t\tCOMPREPLY=($(compgen -W \"$(aichat models 2>/dev/null |\n"
		      "\t\t\tsed 1d | cut -d' ' -f1)\" -- \"$word\"))\n"
		      "\t\treturn ;;\n"
		      "\t--config) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
		      "\tesac\n"
		      "\tcase $word in\n"
		      "\t-*) COMPREPLY=($(compgen -W '");
	for (size_t i = 0; (row = option_at(i)); i++)
		out_printf(out, "%s--%s", i ? " " : "", row->name);
	out_puts(out, "' -- \"$word\")) ;;\n"
		      "\t*) [ \"$COMP_CWORD\" != 1 ] ||\n"
		      "\t\tCOMPREPLY=($(compgen -W '");
	print_commands(app);
	out_puts(out, "' -- \"$word\")) ;;\n\tesac\n}\ncomplete -F _aichat aichat\n");
}

static void zsh(struct app *app)
{
	out_puts(&app->out, "#compdef aichat\n"
			    "autoload -U +X bashcompinit && bashcompinit\n");
	bash(app);
}

static void fish(struct app *app)
{
	const struct command *command;
	const struct option_row *row;
	struct out *out = &app->out;

	out_puts(out, "complete -c aichat -f\n");
	for (size_t i = 0; (command = command_at(i)); i++)
		out_printf(
			out,
			"complete -c aichat -n __fish_use_subcommand -a %s -d \"%s\"\n",
			command->name, command->summary);
	for (size_t i = 0; (row = option_at(i)); i++) {
		out_printf(out, "complete -c aichat -l %s", row->name);
		if (row->letter)
			out_printf(out, " -s %c", row->letter);
		out_printf(out, "%s -d \"%s\"\n", row->argument ? " -r" : "", row->help);
	}
	out_puts(out, "complete -c aichat -s m -l model -x -a "
		      "\"(aichat models 2>/dev/null | sed 1d | cut -d' ' -f1)\"\n");
}

static int run(struct app *app)
{
	static const struct {
		const char *name;
		void (*print)(struct app *app);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (app->args.word_count == 1 &&
		    strcmp(app->args.words[0], shells[i].name) == 0) {
			shells[i].print(app);
			return STATUS_OK;
		}
	return app_usage(app, "`completion` needs one of: bash, zsh, fish");
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "SHELL",
	.summary = "print completions for bash, zsh or fish",
	.takes = "",
	.about = "For bash: eval \"$(aichat completion bash)\" in ~/.bashrc.\n",
	.run = run,
};
