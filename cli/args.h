#pragma once

#include <stdbool.h>
#include <stddef.h>

struct command;

/*
 * The command line. Options may stand anywhere before `--`; each has one key: its
 * letter, or an upper-case character if it has only a long name.
 */
struct option_row {
	char key;
	char letter; /* or 0 */
	const char *name;
	const char *argument; /* what it takes, for the help; NULL for nothing */
	bool common;          /* every command takes it */
	const char *help;
};

#define ARGS_SETTINGS_MAX 64

struct args {
	const char *values[128]; /* by key: the last value that was given */
	unsigned counts[128];    /* by key: how often it was given */
	const char *settings[ARGS_SETTINGS_MAX]; /* all of -o */
	size_t setting_count;
	char **words;
	size_t word_count;
	const struct command *command; /* NULL if no word names one */
	bool ended;                    /* a `--` came */
	char problem[512];             /* what is wrong, if args_read() says so */
};

/* The n-th option of the table; NULL past the last. */
const struct option_row *option_at(size_t n);

/* Read the command line; words keeps pointers into argv. False: see problem. */
bool args_read(struct args *args, int argc, char **argv);
bool args_has(const struct args *args, char key);
/* NULL if it was not given. */
const char *args_value(const struct args *args, char key);
