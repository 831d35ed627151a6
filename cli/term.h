#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What may be shown on a terminal. Text of a model, a title or an error is somebody
 * else's: a control character in it could move the cursor, rename the window, write to
 * the clipboard or make the terminal type. None gets through.
 */

/* UTF-8 that comes in pieces. */
struct term_decoder {
	uint32_t code;
	uint8_t wanted; /* bytes that are still missing */
	uint8_t lower;  /* what the next one may be */
	uint8_t upper;
};

struct term_filter {
	struct term_decoder decoder;
	bool carriage; /* a CR that may belong to a CRLF */
};

/* A filter's output for so many bytes of input. */
#define TERM_FILTER_ROOM(len) (3 * (len) + 8)

/*
 * Filter a piece of text, which may end anywhere. Controls but newline and tab become
 * their pictures (ESC is U+241B), what reorders text or is not UTF-8 becomes U+FFFD.
 *
 * Returns the bytes written to out, at most TERM_FILTER_ROOM(len).
 */
size_t term_filter_push(struct term_filter *filter, const char *text, size_t len,
			char *out);

/* The text is over: what is still held back. At most TERM_FILTER_ROOM(0) bytes. */
size_t term_filter_end(struct term_filter *filter, char *out);

/* Length of the longest prefix that is UTF-8: len if all of it is. */
size_t term_utf8_prefix(const char *text, size_t len);

/*
 * One line that is safe anywhere: white space and newlines become single spaces. Longer
 * ones are cut after so many characters and end with an ellipsis. The caller frees it.
 */
char *term_line(const char *text, size_t max_characters);
