#pragma once

/*
 * What the daemon is told: command line, environment, file, in this order; all of it ends
 * up in the library's options, where the section `server` of the file is `server.NAME`.
 */

#include "server.h"

struct args {
	const char *config, *store, *listen;
	const char *settings[64]; /* of -o */
	int setting_count;
	bool help, version;
	char **words; /* what is no option: a command and its arguments */
	int word_count;
	char problem[256];
};

/* False: see problem. */
bool args_read(struct args *args, int argc, char **argv);
void args_print_help(void);
/* The options that the arguments, the environment and the file make together. */
int options_read(const struct args *args, aichat_options *options, aichat_error **reterr);
/* server.* as numbers and lists; lists are freed with settings_done(). */
int settings_read(const aichat_options *options, struct settings *settings,
		  char error[256]);
void settings_done(struct settings *settings);
