#pragma once

/*
 * One strict scan of a JSON text into a tape of tokens with exact byte spans: the
 * only reader of wire and stored data. It checks UTF-8, control characters, escapes,
 * numbers, duplicate keys, depth, count and that nothing follows the value. Nothing
 * is copied: the text must outlive the tape. The tape's memory is reused by the next
 * scan, so that reading a stream allocates nothing.
 *
 * A value is named by its token's number; 0 is the root. AIC_JSON_NONE stands for a
 * value that is not there, and every function takes it, so look-ups can be chained:
 *
 *     int message = aic_json_get(doc, aic_json_get(doc, 0, "error"), "message");
 */

#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"

#define AIC_JSON_NONE (-1)

enum aic_json_type {
	AIC_JSON_ABSENT, /* of AIC_JSON_NONE */
	AIC_JSON_NULL,
	AIC_JSON_FALSE,
	AIC_JSON_TRUE,
	AIC_JSON_NUMBER,
	AIC_JSON_STRING,
	AIC_JSON_ARRAY,
	AIC_JSON_OBJECT,
};

struct aic_json_token {
	uint32_t start; /* of the value's first byte; a string's quote */
	uint32_t end;   /* after its last byte */
	uint32_t skip;  /* tokens in this value, itself included; a key counts as one */
	uint32_t type : 8, escaped : 1, integer : 1,
		count : 22; /* count: of children, saturating */
};

#define AIC_JSON_COUNT_MAX ((1u << 22) - 1)
/* What max_depth is cut to. */
#define AIC_JSON_DEPTH_MAX 512

struct aic_json_limits {
	size_t max_bytes;
	uint32_t max_tokens;
	uint32_t max_depth;
	bool lone_surrogates; /* take them (they read as U+FFFD): providers do send them
			       */
};

/* Wire data: 64 MiB, depth 128, lone surrogates taken. Strict: 8 MiB, 100,000 tokens,
 * depth 32. */
extern const struct aic_json_limits aic_json_wire;
extern const struct aic_json_limits aic_json_strict;

struct aic_json {
	const char *text; /* borrowed */
	size_t len;
	struct aic_json_token *tokens;
	uint32_t count;
	uint32_t capacity;
	uint32_t error_at;     /* byte where the last scan failed */
	const char *error_why; /* static text */
};

void aic_json_done(struct aic_json *doc);

/* 0, AICHAT_EJSON, AICHAT_EUTF8, AICHAT_ETOOLARGE or AICHAT_ENOMEM. */
int aic_json_scan(struct aic_json *doc, const char *text, size_t len,
		  const struct aic_json_limits *limits);
/* The last failure as an error: "WHAT: line 3, column 14: a key appears twice". */
int aic_json_scan_error(const struct aic_json *doc, int code, const char *what,
			aichat_error **reterr);

enum aic_json_type aic_json_type(const struct aic_json *doc, int value);
static inline bool aic_json_is(const struct aic_json *doc, int value,
			       enum aic_json_type type)
{
	return aic_json_type(doc, value) == type;
}

/* A member of an object by its (unescaped) key; AIC_JSON_NONE if it is no object. */
int aic_json_getn(const struct aic_json *doc, int object, struct aic_str key);
static inline int aic_json_get(const struct aic_json *doc, int object, const char *key)
{
	return aic_json_getn(doc, object, aic_str(key));
}
/* Like aic_json_get(), but a member that is null counts as absent. */
int aic_json_get_set(const struct aic_json *doc, int object, const char *key);
/* The n-th element of an array. */
int aic_json_at(const struct aic_json *doc, int array, uint32_t n);
uint32_t aic_json_count(const struct aic_json *doc, int container);
/*
 * Walk an array's elements or an object's member values:
 * `for (int v = aic_json_first(doc, c); v >= 0; v = aic_json_next(doc, c, v))`
 */
int aic_json_first(const struct aic_json *doc, int container);
int aic_json_next(const struct aic_json *doc, int container, int value);
/* The key token of a member value of an object: a string value like any other. */
static inline int aic_json_key(int member)
{
	return member - 1;
}

/* The exact bytes of a value, a string's quotes included; empty for none. */
struct aic_str aic_json_raw(const struct aic_json *doc, int value);
/* Append a string's unescaped text; nothing for what is no string. Returns buf->error. */
int aic_json_text(const struct aic_json *doc, int string, struct aic_buf *buf);
/* The length of a string's text, unescaped; 0 for what is no string. */
size_t aic_json_text_len(const struct aic_json *doc, int string);
/*
 * A string's text without copying when it has no escapes, else unescaped into scratch
 * (which is reset first). {NULL, 0} for what is no string or on failure (see
 * scratch->error).
 */
struct aic_str aic_json_str(const struct aic_json *doc, int string,
			    struct aic_buf *scratch);
/* A NUL-terminated copy; NULL for no string, an embedded NUL or out of memory. */
char *aic_json_strdup(const struct aic_json *doc, int string);
bool aic_json_equals(const struct aic_json *doc, int string, const char *text);
bool aic_json_bool(const struct aic_json *doc, int value, bool otherwise);
/* True and *ret set when it is a whole number that fits; 1.0 and 1e3 are whole, too. */
bool aic_json_int(const struct aic_json *doc, int value, int64_t *ret);
/* False, too, when it is too large for a double. */
bool aic_json_double(const struct aic_json *doc, int value, double *ret);
/* strtod() with a decimal point whatever the locale; false if the result is infinite. */
bool aic_json_strtod(const char *text, double *ret);

/*
 * The writer: appends to a buffer, puts the commas, and checks once, at the end
 * (buf->error). Keys are C strings of our own; values are escaped. Invalid UTF-8 in a
 * string is written as U+FFFD.
 */
struct aic_json_writer {
	struct aic_buf *buf;
	bool comma; /* the next value needs one before it */
};

static inline struct aic_json_writer aic_json_writer(struct aic_buf *buf)
{
	return (struct aic_json_writer){ .buf = buf };
}

void aic_json_begin(struct aic_json_writer *w, char bracket); /* '{' or '[' */
void aic_json_end(struct aic_json_writer *w, char bracket);   /* '}' or ']' */
void aic_json_put_key(struct aic_json_writer *w, const char *key);
void aic_json_put_keyn(struct aic_json_writer *w, struct aic_str key); /* escaped */
void aic_json_put_str(struct aic_json_writer *w, struct aic_str text);
void aic_json_put_text(struct aic_json_writer *w, const char *text); /* NULL = null */
void aic_json_put_int(struct aic_json_writer *w, int64_t value);
void aic_json_put_double(struct aic_json_writer *w, double value);
void aic_json_put_bool(struct aic_json_writer *w, bool value);
void aic_json_put_null(struct aic_json_writer *w);
/* A value that is JSON already, byte for byte. */
void aic_json_put_raw(struct aic_json_writer *w, struct aic_str json);
/* `"key":` and the value; nothing at all when text is NULL. */
void aic_json_put_member(struct aic_json_writer *w, const char *key, const char *text);
