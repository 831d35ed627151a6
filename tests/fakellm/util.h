/* Growing byte buffers, JSON text, hashing: what every other file here needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

struct buf {
	char *p;
	size_t len, cap;
};

void *xalloc(size_t n); /* zeroed; dies when there is no memory */
char *xstrndup(const char *s, size_t n);
char *xstrdup(const char *s);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_json(struct buf *b, const char *s, size_t n); /* escaped, without quotes */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

/* Keys sorted by bytes, no spaces, numbers by value (1.0 and 1 are the same text). */
void json_canonical(struct buf *b, struct json_object *v);
/* Strict: UTF-8, nothing after the end. NULL when refused; JSON null is refused too. */
struct json_object *json_parse(const char *p, size_t n);
/* A member of an object, or NULL if absent, null, or if obj is no object. */
struct json_object *json_member(struct json_object *obj, const char *name);
/* A string member, or NULL. */
const char *json_text(struct json_object *obj, const char *name);

/* An object's members in order; on with ->next. (json-c's own loop is no ISO C.) */
struct lh_entry *first_member(struct json_object *obj);
const char *member_key(const struct lh_entry *m);
struct json_object *member_value(const struct lh_entry *m);

uint64_t fnv1a(uint64_t h, const void *p, size_t n);
#define FNV_SEED 0xcbf29ce484222325ull

int64_t now_ns(void); /* monotonic */
bool read_file(const char *path, struct buf *out);
bool has_prefix(const char *s, const char *prefix);
