#ifndef AICHAT_JSON_H
#define AICHAT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Strict JSON: a reader for what comes from outside, such as the arguments of a tool
 * call, and a writer that cannot make a text that is not JSON.
 *
 * The reader takes RFC 8259 and nothing else. What that leaves open is refused, too:
 * keys that appear twice, bytes that are not UTF-8, half surrogate pairs, a byte order
 * mark, and whatever is larger or deeper than the limits.
 *
 * A document never changes after it was read, so any number of threads may look at it.
 * A value in it is named by a number; the root is 0, and AICHAT_JSON_NONE stands for a
 * value that is not there. Every function takes that, so that look-ups can be chained:
 *
 *     int error = aichat_json_get(doc, 0, "error");
 *     const char *text = aichat_json_string(doc, aichat_json_get(doc, error, "message"),
 *                                           NULL);
 */

/** A document that was read; counted references to immutable content. */
typedef struct aichat_json aichat_json;
/** A text that is being written. */
typedef struct aichat_json_writer aichat_json_writer;

/** The number of a value that is not there. */
#define AICHAT_JSON_NONE (-1)

/** What a value is. */
enum aichat_json_type {
	AICHAT_JSON_ABSENT = 0, /**< AICHAT_JSON_NONE, or no value's number */
	AICHAT_JSON_NULL = 1,
	AICHAT_JSON_FALSE = 2,
	AICHAT_JSON_TRUE = 3,
	AICHAT_JSON_NUMBER = 4,
	AICHAT_JSON_STRING = 5,
	AICHAT_JSON_ARRAY = 6,
	AICHAT_JSON_OBJECT = 7
};

/**
 * Read a text of at most 8 MiB, 100,000 values and keys, 32 levels.
 *
 * @param text      UTF-8, copied
 * @param text_len  bytes in @p text; -1 if it is NUL-terminated
 * @param ret_doc   set on success only; caller owns: aichat_json_unref()
 * @param reterr    may be NULL; set on failure only, with line and column:
 *                  aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     @p text is NULL or @p text_len below -1
 *   AICHAT_EJSON      not strict JSON
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  beyond a limit
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_parse(const char *text, int64_t text_len,
				 aichat_json **ret_doc, aichat_error **reterr);

/**
 * Read a text within limits of the caller's choice.
 *
 * @param text          UTF-8, copied
 * @param text_len      bytes in @p text; -1 if it is NUL-terminated
 * @param max_bytes     at most 4 GiB; 0 for the limit of aichat_json_parse()
 * @param max_values    values and keys; 0 for the limit of aichat_json_parse()
 * @param max_depth     levels, at most 512; 0 for the limit of aichat_json_parse()
 * @param ret_error_at  may be NULL; set on failure: the byte of @p text at fault
 * @param ret_doc       set on success only; caller owns: aichat_json_unref()
 * @param reterr        may be NULL; set on failure only, with line and column:
 *                      aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     @p text is NULL or @p text_len below -1
 *   AICHAT_EJSON      not strict JSON
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  beyond a limit
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_parse_limited(const char *text, int64_t text_len,
					 size_t max_bytes, uint32_t max_values,
					 uint32_t max_depth, size_t *ret_error_at,
					 aichat_json **ret_doc, aichat_error **reterr);

/**
 * Take another reference.
 *
 * @param doc  may be NULL
 * @return @p doc
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_json *aichat_json_ref(aichat_json *doc);

/**
 * Give a reference back.
 *
 * @param doc  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_json *aichat_json_unref(aichat_json *doc);

/**
 * What a value is.
 *
 * @param doc    may be NULL
 * @param value  a value's number, or AICHAT_JSON_NONE
 * @return one of enum aichat_json_type
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_type(const aichat_json *doc, int value);

/**
 * A member of an object.
 *
 * @param doc     may be NULL
 * @param object  the object
 * @param key     its key, NUL-terminated and without escapes
 * @return the member's value; AICHAT_JSON_NONE if it is not there or @p object is none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_get(const aichat_json *doc, int object, const char *key);

/**
 * An element of an array. To visit all, aichat_json_next() is faster.
 *
 * @param doc    may be NULL
 * @param array  the array
 * @param n      from 0
 * @return the element; AICHAT_JSON_NONE if it is not there or @p array is none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_at(const aichat_json *doc, int array, size_t n);

/**
 * The number of an array's elements or an object's members.
 *
 * @param doc        may be NULL
 * @param container  the array or object
 * @return how many there are; 0 for what is neither
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_json_count(const aichat_json *doc, int container);

/**
 * The first element of an array, or the value of an object's first member.
 *
 * @param doc        may be NULL
 * @param container  the array or object
 * @return a value; AICHAT_JSON_NONE if there is none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_first(const aichat_json *doc, int container);

/**
 * The one after a value of the same array or object, in the text's order.
 *
 * @param doc        may be NULL
 * @param container  the array or object
 * @param value      what aichat_json_first() or this function returned for it
 * @return a value; AICHAT_JSON_NONE after the last
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_next(const aichat_json *doc, int container, int value);

/**
 * The key of a member, a string like any other.
 *
 * @param doc    may be NULL
 * @param value  what aichat_json_first() or aichat_json_next() returned for an object
 * @return the key; AICHAT_JSON_NONE where there is no such value
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_key(const aichat_json *doc, int value);

/**
 * The text of a string, without quotes and escapes.
 *
 * @param doc      may be NULL
 * @param value    the string
 * @param ret_len  may be NULL; bytes in the text, which may contain NUL
 * @return UTF-8, NUL-terminated, borrowed from @p doc; NULL for what is no string
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_json_string(const aichat_json *doc, int value,
					  size_t *ret_len);

/**
 * A whole number. 1.0 and 1e3 are whole, too.
 *
 * @param doc      may be NULL
 * @param value    the number
 * @param ret_int  set on success only
 * @return 0, or
 *   AICHAT_EINVAL  no number, not whole, or too large for 64 bits
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_int(const aichat_json *doc, int value, int64_t *ret_int);

/**
 * A number, rounded to the nearest double.
 *
 * @param doc         may be NULL
 * @param value       the number
 * @param ret_double  set on success only
 * @return 0, or
 *   AICHAT_EINVAL  no number, or too large for a double
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_double(const aichat_json *doc, int value, double *ret_double);

/**
 * A truth value.
 *
 * @param doc        may be NULL
 * @param value      the value
 * @param otherwise  the answer for what is neither true nor false
 * @return 1, 0, or @p otherwise
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_bool(const aichat_json *doc, int value, int otherwise);

/**
 * The exact bytes of a value as they stood in the text.
 *
 * @param doc      may be NULL
 * @param value    the value
 * @param ret_len  bytes, a string's quotes included; 0 for AICHAT_JSON_NONE
 * @return borrowed from @p doc, not NUL-terminated; NULL for AICHAT_JSON_NONE
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_json_raw(const aichat_json *doc, int value,
				       size_t *ret_len);

/**
 * Start a text.
 *
 * The calls below return nothing: the first mistake sticks, and
 * aichat_json_writer_finish() reports it. Without memory this returns NULL, which all
 * of them take, so that only the end needs a check.
 *
 * @param max_bytes  of the text; 0 for 1 GiB
 * @return a writer, caller owns: aichat_json_writer_unref(); NULL for out of memory
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_json_writer *aichat_json_writer_new(size_t max_bytes);

/**
 * Release a writer and its text.
 *
 * @param writer  may be NULL
 * @return NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_json_writer *aichat_json_writer_unref(aichat_json_writer *writer);

/**
 * Write `{`.
 *
 * @param writer  may be NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_begin_object(aichat_json_writer *writer);

/**
 * Write `}`.
 *
 * @param writer  may be NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_end_object(aichat_json_writer *writer);

/**
 * Write `[`.
 *
 * @param writer  may be NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_begin_array(aichat_json_writer *writer);

/**
 * Write `]`.
 *
 * @param writer  may be NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_end_array(aichat_json_writer *writer);

/**
 * Write the key of an object's next member. That a key is not written twice is up to
 * the caller.
 *
 * @param writer   may be NULL
 * @param key      UTF-8; what is not becomes U+FFFD
 * @param key_len  bytes in @p key; -1 if it is NUL-terminated
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_key(aichat_json_writer *writer, const char *key,
				       int64_t key_len);

/**
 * Write a string.
 *
 * @param writer    may be NULL
 * @param text      UTF-8; what is not becomes U+FFFD; NULL writes null
 * @param text_len  bytes in @p text; -1 if it is NUL-terminated
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_string(aichat_json_writer *writer, const char *text,
					  int64_t text_len);

/**
 * Write a whole number.
 *
 * @param writer  may be NULL
 * @param number  any
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_int(aichat_json_writer *writer, int64_t number);

/**
 * Write a number, in the shortest form that reads back the same.
 *
 * @param writer  may be NULL
 * @param number  infinity and what is not a number are written as null
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_double(aichat_json_writer *writer, double number);

/**
 * Write true or false.
 *
 * @param writer  may be NULL
 * @param truth   0 for false
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_bool(aichat_json_writer *writer, int truth);

/**
 * Write null.
 *
 * @param writer  may be NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_null(aichat_json_writer *writer);

/**
 * Write a value that is JSON already, byte for byte. It is checked.
 *
 * @param writer    may be NULL
 * @param json      one value
 * @param json_len  bytes in @p json; -1 if it is NUL-terminated
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_raw(aichat_json_writer *writer, const char *json,
				       int64_t json_len);

/**
 * The finished text, or the first mistake that was made.
 *
 * @param writer    may be NULL
 * @param ret_text  may be NULL; set on success only; NUL-terminated, borrowed until the
 *                  next call with @p writer
 * @param ret_len   may be NULL; bytes in it
 * @return 0, or
 *   AICHAT_ESTATE     a key or value where none was due, or not all that began was ended
 *   AICHAT_EINVAL     a NULL pointer or a length below -1
 *   AICHAT_EJSON      what was given as JSON is not
 *   AICHAT_EUTF8      what was given as JSON is not UTF-8
 *   AICHAT_ETOOLARGE  beyond max_bytes, or more than 512 levels
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_json_writer_finish(aichat_json_writer *writer,
					 const char **ret_text, size_t *ret_len);

/**
 * Forget text and mistakes and start anew with the same memory.
 *
 * @param writer  may be NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_json_writer_reset(aichat_json_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
