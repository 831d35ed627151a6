/*
 * The command line, by one table of options. It is read here and not with getopt_long():
 * options stand anywhere, a word after `--` never names a command, long names are not
 * abbreviated (what is unique today may not be tomorrow), and nothing in the environment
 * changes how it is read.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "command.h"

static const struct option_row table[] = {
	{ 'm', 'm', "model", "MODEL", false,
	  "who answers: PROVIDER/MODEL, a model's name or an alias" },
	{ 's', 's', "system", "TEXT", false, "the system prompt of a new conversation" },
	{ 'c', 'c', "continue", NULL, false, "go on with the last conversation" },
	{ 'I', 0, "id", "ID", false,
	  "go on with this one: its id or how that begins, or a message's" },
	{ 'n', 'n', "no-store", NULL, false, "keep nothing of this" },
	{ 'l', 'l', "limit", "N", false, "at most so many, 0 for all (default: 20)" },
	{ 'T', 0, "tree", NULL, false, "all branches, one line for each message" },
	{ 'f', 'f', "force", NULL, false, "do not ask" },
	{ 'J', 0, "json", NULL, false, "print JSON, one object a line" },
	{ 'o', 'o', "option", "KEY=VALUE", true,
	  "set an option of the library; `aichat help options` lists them" },
	{ 'S', 0, "store", "URL", true, "where conversations are kept" },
	{ 'F', 0, "config", "FILE", true, "read this configuration file" },
	{ 'q', 'q', "quiet", NULL, true, "no notices and no reasoning" },
	{ 'v', 'v', "verbose", NULL, true, "show the library's log; -vv shows more" },
	{ 'C', 0, "no-color", NULL, true, "no colours" },
	{ 'h', 'h', "help", NULL, true, "show help" },
	{ 'V', 0, "version", NULL, true, "show the version" },
};

const struct option_row *option_at(size_t n)
{
	return n < sizeof(table) / sizeof(*table) ? &table[n] : NULL;
}

static const struct option_row *by_letter(char letter)
{
	for (size_t i = 0; option_at(i); i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

static const struct option_row *by_name(const char *name, size_t len)
{
	for (size_t i = 0; option_at(i); i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return &table[i];
	return NULL;
}

/* The option whose name begins as this one does, for a hint. */
static const struct option_row *similar(const char *name, size_t len)
{
	for (; len >= 2; len--)
		for (size_t i = 0; option_at(i); i++)
			if (strncmp(table[i].name, name, len) == 0)
				return &table[i];
	return NULL;
}

__attribute__((format(printf, 2, 3))) static bool problem(struct args *args,
							  const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(args->problem, sizeof(args->problem), format, list);
	va_end(list);
	return false;
}

static bool take(struct args *args, const struct option_row *row, const char *value)
{
	args->counts[(unsigned char)row->key]++;
	args->values[(unsigned char)row->key] = value;
	if (row->key != 'o')
		return true;
	if (args->setting_count == ARGS_SETTINGS_MAX)
		return problem(args, "-o is given more than %d times", ARGS_SETTINGS_MAX);
	args->settings[args->setting_count++] = value;
	return true;
}

static bool read_long(struct args *args, char **argv, int argc, int *at)
{
	const char *text = argv[*at] + 2;
	size_t len = strcspn(text, "=");
	const struct option_row *row = by_name(text, len);

	if (!row) {
		const struct option_row *other = similar(text, len);
		return problem(args, "there is no option --%.*s%s%s%s", (int)len, text,
			       other ? "; did you mean --" : "", other ? other->name : "",
			       other ? "?" : "");
	}
	if (!row->argument && text[len])
		return problem(args, "--%s takes no value", row->name);
	if (!row->argument)
		return take(args, row, NULL);
	if (text[len])
		return take(args, row, text + len + 1);
	if (*at + 1 >= argc)
		return problem(args, "--%s needs a value: --%s %s", row->name, row->name,
			       row->argument);
	return take(args, row, argv[++*at]);
}

/* One argument may hold several letters, the last of them with its value: -qm MODEL. */
static bool read_letters(struct args *args, char **argv, int argc, int *at)
{
	for (const char *letter = argv[*at] + 1; *letter; letter++) {
		const struct option_row *row = by_letter(*letter);
		if (!row && letter == argv[*at] + 1)
			return problem(
				args,
				"there is no option %.40s (before words that begin "
				"with a dash, put --)",
				argv[*at]);
		if (!row)
			return problem(args, "there is no option -%.4s", letter);
		if (!row->argument) {
			if (!take(args, row, NULL))
				return false;
			continue;
		}
		if (letter[1])
			return take(args, row, letter + 1);
		if (*at + 1 >= argc)
			return problem(args, "-%c needs a value: -%c %s", row->letter,
				       row->letter, row->argument);
		return take(args, row, argv[++*at]);
	}
	return true;
}

/* Whether all options that were given are the command's; a prompt is for `ask`. */
static bool check_command(struct args *args)
{
	const struct command *command = args->command ? args->command
						      : command_find("ask");

	if (args_has(args, 'h') || args_has(args, 'V'))
		return true;
	for (size_t i = 0; option_at(i); i++) {
		const struct option_row *row = &table[i];
		if (row->common || !args_has(args, row->key) ||
		    strchr(command->takes, row->key))
			continue;
		return problem(args, "`%s` takes no --%s", command->name, row->name);
	}
	return true;
}

bool args_read(struct args *args, int argc, char **argv)
{
	bool ok = true;

	/* Words move to the front, over what was read already. */
	args->words = argv + 1;
	for (int at = 1; at < argc && ok; at++) {
		char *text = argv[at];
		if (args->ended || text[0] != '-' || !text[1]) {
			if (!args->ended && !args->word_count && !args->command &&
			    (args->command = command_find(text))) {
				args->ended = args->command->raw;
				continue;
			}
			args->words[args->word_count++] = text;
		} else if (strcmp(text, "--") == 0) {
			args->ended = true;
		} else if (text[1] == '-') {
			ok = read_long(args, argv, argc, &at);
		} else {
			ok = read_letters(args, argv, argc, &at);
		}
	}
	return ok && check_command(args);
}

bool args_has(const struct args *args, char key)
{
	return args->counts[(unsigned char)key] > 0;
}

const char *args_value(const struct args *args, char key)
{
	return args->values[(unsigned char)key];
}
