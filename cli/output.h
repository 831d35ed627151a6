#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aichat/aichat.h>

#include "term.h"

struct app;

/*
 * Where output goes: a file descriptor, written at once and whole. On a terminal all text
 * is filtered; what the program itself wants to say to the terminal goes through
 * out_markup().
 */
struct out {
	int fd;
	bool tty;
	bool color;    /* markup is wanted */
	bool mid_line; /* the last byte was no newline */
	int error; /* errno of the first write that failed; nothing is written after */
	struct term_filter filter;
};

void out_setup(struct out *out, int fd, bool no_color);
void out_text(struct out *out, const char *text, size_t len);
void out_puts(struct out *out, const char *text);
void out_printf(struct out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Bytes that are not text, such as escape sequences of our own. */
void out_raw(struct out *out, const char *bytes, size_t len);
/* A sequence that sets or resets colours. */
void out_markup(struct out *out, const char *sequence);
/* Begin a new line, if this is a terminal and not at the beginning of one. */
void out_end_line(struct out *out);

#define MARK_DIM "\033[2m"
#define MARK_BOLD "\033[1m"
#define MARK_OFF "\033[0m"

/* What was shown of the reply that is being printed. */
struct shown {
	char message_id[37];
	size_t bytes;   /* of this message's text */
	bool reasoning; /* the last piece was reasoning */
	bool any;       /* some text of the reply */
};

/* One column of a row: how people see it, and what JSON says. */
struct field {
	const char *name;
	const char *text; /* NULL: not shown to people */
	int width;        /* at least so many characters; negative: to the right */
	enum field_type {
		FIELD_TEXT,   /* value, or text if it is NULL */
		FIELD_NUMBER, /* number; absent if it is negative */
		FIELD_BOOL,   /* number */
		FIELD_LIST,   /* value: words, separated by blanks */
		FIELD_NONE,   /* not in JSON */
	} type;
	const char *value;
	int64_t number;
};

/* How results are printed: as text, or as JSON, one object a line. */
struct printer {
	void (*event)(struct app *app, const aichat_event *event);
	void (*row)(struct app *app, const struct field *fields, size_t count);
	void (*message)(struct app *app, const aichat_message *message);
	/* The library's error, as a result. */
	void (*failure)(struct app *app, const aichat_error *error);
};

extern const struct printer print_text;
extern const struct printer print_json;
