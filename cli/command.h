#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aichat/aichat.h>

#include "args.h"
#include "output.h"

/*
 * What the commands share. A command is a file in cmd/ that defines one
 * `const struct command command_NAME`, and a word in the list of cmd/meson.build; help,
 * completions and the parser follow.
 */

#define CLEANUP(function) __attribute__((cleanup(function)))

/* What the program returns; 128 and a signal's number if one ended it. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_PROVIDER = 3,
	STATUS_CLOSED = 141, /* the reader of our output went away, as after SIGPIPE */
};

struct app {
	struct args args;
	struct out out; /* standard output */
	struct out err; /* standard error */
	const struct printer *printer;
	struct shown shown;
	aichat_options *options; /* of the context */
	aichat_options *ask;     /* of each question: what the command line says */
	aichat *ai;
	bool in_chat;   /* a conversation on the terminal: signals are for its replies */
	bool fell_back; /* nothing tells which model to use: it is echo */
};

struct command {
	const char *name;
	const char *arguments; /* for the usage line; "" for none */
	const char *summary;   /* one line */
	const char *takes;     /* keys of the options that only some commands take */
	const char *about;     /* further lines, or NULL */
	bool raw; /* what follows the command's name is none of our options */
	int (*run)(struct app *app);
};

/* The n-th command, in the order of the list; NULL past the last. */
const struct command *command_at(size_t n);
const struct command *command_find(const char *name);

/* --- failing --- */

/* What is printed next begins on a new line, whichever stream it goes to. */
void app_end_lines(struct app *app);
/* "aichat: ..." on standard error, on a line of its own. */
void app_say(struct app *app, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* As app_say(), unless -q was given. */
void app_notice(struct app *app, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A mistake on the command line: returns STATUS_USAGE. */
int app_usage(struct app *app, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Print an error of the library; returns the status that goes with it. */
int app_fail(struct app *app, const aichat_error *error);
int app_nomem(struct app *app);
/* The status that goes with an error's code. */
int app_status(int code);

/* --- the store, and what is in it --- */

/* Read the configuration into app->options. Returns a status. */
int app_configure(struct app *app);
/* Configure and open; without a store if in_memory. Returns a status. */
int app_open(struct app *app, bool in_memory);
/* As app_open(), and settle which model is asked. */
int app_open_to_ask(struct app *app);
/* The conversation that id names; the one changed last if it is NULL. */
int app_conversation(struct app *app, const char *id, aichat_conversation **ret);
/* As many of an id's first characters as tell it from all others. */
void app_short_id(struct app *app, const char *id, char text[37]);
void app_close(struct app *app);

void error_unrefp(aichat_error **error);
void conversation_unrefp(aichat_conversation **conversation);
void reply_unrefp(aichat_reply **reply);
void messages_unrefp(aichat_messages **messages);
void freep(void *pointer);
void aichat_freep(void *pointer);

/* --- asking --- */

/* What is to be said, from the words and standard input. *ret_text is NULL if there is
 * nothing. The caller frees it. Returns a status. */
int app_prompt(struct app *app, char **ret_text, size_t *ret_len);
/* Send text, or answer the head again if it is NULL, and print the reply. */
int app_ask(struct app *app, aichat_conversation *conversation, const char *text,
	    size_t len);
/* A new conversation with what the command line says of it. */
int app_new_conversation(struct app *app, aichat_conversation **ret);
/* A conversation on the terminal, until the user leaves it. */
int app_chat(struct app *app);

/* --- signals --- */

/* Catch SIGINT, SIGTERM and SIGHUP. They end the process unless they are deferred. */
void interrupt_setup(void);
/* From now on the first one is only remembered; the second still ends the process. */
void interrupt_defer(bool on);
/* What has to be put right where a signal ends the process; NULL for nothing. */
void interrupt_at_exit(void (*function)(void));
/* The signal that came, or 0; it stays until it is forgotten. */
int interrupt_signal(void);
void interrupt_forget(void);
/* Readable when a signal came. */
int interrupt_fd(void);
