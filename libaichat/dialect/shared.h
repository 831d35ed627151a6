#pragma once

/*
 * What the dialects share: what providers say when something fails, memory for one
 * call's texts, media in base64, the figures of a usage object.
 */

#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/json.h"
#include "dialect/dialect.h"
#include "model/message.h"

/* --- memory that lives until the next reset --- */

struct aic_arena_block;

/* Blocks never move, so what was handed out stays where it is. */
struct aic_arena {
	struct aic_arena_block *blocks; /* the newest first */
	bool failed;                    /* out of memory, since the last reset */
};

/* NULL when memory is out; at least one byte. */
char *aic_arena_get(struct aic_arena *arena, size_t size);
/* Forgets all texts; keeps one block, so that a steady stream allocates nothing. */
void aic_arena_reset(struct aic_arena *arena);
void aic_arena_done(struct aic_arena *arena);

/* --- JSON --- */

/* A member's key without its quotes; empty when it is written with escapes, as no key of
 * the protocols is. Short enough to be inlined into the loops over members. */
static inline struct aic_str aic_member_key(const struct aic_json *doc, int member)
{
	const struct aic_json_token *key = &doc->tokens[aic_json_key(member)];

	if (key->escaped)
		return AIC_STR("");
	return (struct aic_str){ doc->text + key->start + 1, key->end - key->start - 2 };
}

#define AIC_KEY_IS(key, literal)                                                         \
	((key).len == sizeof(literal) - 1 &&                                             \
	 memcmp((key).data, (literal), sizeof(literal) - 1) == 0)

/* A NUL-terminated copy of a string; *ret = NULL where there is none. 0, AICHAT_EJSON
 * when it has a NUL in it, or AICHAT_ENOMEM. */
int aic_string_dup(const struct aic_json *doc, int value, char **ret);
/* A count of something; -1 where there is none, or no whole number from 0 to 2^40: more
 * there is of nothing, and sums and prices of it would not fit. */
int64_t aic_count_read(const struct aic_json *doc, int value);
/* The first of an array, else the value itself: some send documents as [{...}]. */
int aic_unwrap(const struct aic_json *doc, int value);
/* Lets something be written into the writer's buffer by hand, as the next value. */
static inline struct aic_buf *aic_put_open(struct aic_json_writer *w)
{
	aic_json_put_raw(w, AIC_STR(""));
	return w->buf;
}

/* --- media --- */

/* "data:MEDIA/TYPE;base64,DATA"; the media type without its parameters, perhaps empty. */
bool aic_data_uri_split(struct aic_str uri, struct aic_str *ret_media_type,
			struct aic_str *ret_base64);
/* The part's data becomes what the base64 text says: 0, AICHAT_EJSON when it is none,
 * AICHAT_ETOOLARGE or AICHAT_ENOMEM. */
int aic_part_set_base64(struct aichat_part *part, struct aic_str base64);
/* A string value: the data in base64, as a data URI if there is a media type. */
void aic_put_base64(struct aic_json_writer *w, const char *media_type,
		    const struct aic_string *data);

/* --- failures --- */

/*
 * What an error document means: {"error":{...}}, {"error":"text"}, the members at the
 * top, or FastAPI's `detail`; http_status is 0 for an error inside a reply. False when
 * nothing in it looks like an error. Out of memory leaves texts out.
 */
bool aic_failure_read(const struct aic_json *doc, int document, int http_status,
		      struct aic_failure *ret);
/* A body that is no 2xx: any of the above, or whatever text a proxy made. This is
 * decode_error of both dialects. */
void aic_failure_decode(int http_status, struct aic_str body, struct aic_failure *ret);
/* The failure as an error object; takes nothing over. */
int aic_failure_report(const struct aic_failure *failure, aichat_error **reterr);

/* One line of at most max bytes, white space run together; owned, NULL for no memory. */
char *aic_excerpt(struct aic_str text, size_t max);

/* The HTTP status for a caller that goes with one of our codes. */
int aic_status_for(const aichat_error *error);
/* Our word for what no dialect has one for: there is no provider that could say it. NULL
 * for anything else. */
const char *aic_word_for(const aichat_error *error);
