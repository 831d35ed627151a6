#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Lines typed on a terminal, with editing and a history. */
struct editor;

enum edited {
	EDITED_LINE,
	EDITED_INTERRUPT, /* a signal came; what was typed is dropped */
	EDITED_END,       /* Ctrl-D on an empty line, or the terminal is gone */
	EDITED_NOMEM,
};

/*
 * With keep_history, the history is read from its file and written there. On failure
 * *ret_why says what is wrong with libedit, or is NULL if it is the terminal.
 */
struct editor *editor_new(bool keep_history, const char **ret_why);
void editor_free(struct editor *editor);

/*
 * Read a message: one line, or several if they end with a backslash or are pasted. The
 * caller frees *ret_text, which has no newline at its end.
 */
enum edited editor_read(struct editor *editor, char **ret_text, size_t *ret_len);
