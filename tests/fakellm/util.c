/* Growing byte buffers, JSON text, hashing. A test tool may die when memory is short. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

static void out_of_memory(void)
{
	fputs("fakellm: out of memory\n", stderr);
	exit(70);
}

void *xalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xalloc(n + 1);
	memcpy(p, s, n);
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->cap - b->len < n + 1) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap - b->len < n + 1)
			cap *= 2;
		char *q = realloc(b->p, cap);
		if (!q)
			out_of_memory();
		b->p = q;
		b->cap = cap;
	}
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = 0;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
		return;
	}
	char *big = xalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_add(b, big, (size_t)n);
	free(big);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

/* Length of the UTF-8 sequence at s, 0 if there is none. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void buf_json(struct buf *b, const char *s, size_t n)
{
	static const char special[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	size_t from = 0;
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t len = utf8_len((const unsigned char *)s + i, n - i);
		if (len && c >= 0x20 && c != '"' && c != '\\') {
			i += len;
			continue;
		}
		buf_add(b, s + from, i - from);
		const char *at = c ? strchr(special, c) : NULL;
		if (at)
			buf_printf(b, "\\%c", letter[at - special]);
		else if (len)
			buf_printf(b, "\\u%04x", c);
		else
			buf_str(b, "\xef\xbf\xbd");
		from = ++i;
	}
	buf_add(b, s + from, n - from);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void canonical_object(struct buf *b, struct json_object *v)
{
	size_t n = (size_t)json_object_object_length(v), i = 0;
	const char **keys = xalloc(n * sizeof(*keys));
	for (struct lh_entry *m = first_member(v); m; m = m->next) {
		const char *key = member_key(m);
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_key);
	buf_str(b, "{");
	for (i = 0; i < n; i++) {
		buf_str(b, i ? ",\"" : "\"");
		buf_json(b, keys[i], strlen(keys[i]));
		buf_str(b, "\":");
		json_canonical(b, json_object_object_get(v, keys[i]));
	}
	buf_str(b, "}");
	free(keys);
}

static void canonical_double(struct buf *b, double d)
{
	const double exact = 9007199254740992.0;
	if (d > -exact && d < exact && d == (double)(int64_t)d) {
		buf_printf(b, "%" PRId64, (int64_t)d);
		return;
	}
	char text[40];
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_str(b, text);
}

void json_canonical(struct buf *b, struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		buf_str(b, "null");
		break;
	case json_type_boolean:
		buf_str(b, json_object_get_boolean(v) ? "true" : "false");
		break;
	case json_type_int:
		if (json_object_get_int64(v) == INT64_MAX)
			buf_printf(b, "%" PRIu64, json_object_get_uint64(v));
		else
			buf_printf(b, "%" PRId64, json_object_get_int64(v));
		break;
	case json_type_double:
		canonical_double(b, json_object_get_double(v));
		break;
	case json_type_string:
		buf_str(b, "\"");
		buf_json(b, json_object_get_string(v),
			 (size_t)json_object_get_string_len(v));
		buf_str(b, "\"");
		break;
	case json_type_array:
		buf_str(b, "[");
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			if (i)
				buf_str(b, ",");
			json_canonical(b, json_object_array_get_idx(v, i));
		}
		buf_str(b, "]");
		break;
	case json_type_object:
		canonical_object(b, v);
		break;
	}
}

struct json_object *json_parse(const char *p, size_t n)
{
	struct json_tokener *tok = json_tokener_new_ex(256);
	if (!tok)
		out_of_memory();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *v = NULL;
	if (n && n < INT32_MAX)
		v = json_tokener_parse_ex(tok, p, (int)n);
	bool whole = v && json_tokener_get_error(tok) == json_tokener_success;
	for (size_t i = json_tokener_get_parse_end(tok); whole && i < n; i++)
		whole = strchr(" \t\r\n", p[i]) && p[i];
	json_tokener_free(tok);
	if (whole)
		return v;
	json_object_put(v);
	return NULL;
}

struct json_object *json_member(struct json_object *obj, const char *name)
{
	struct json_object *v = NULL;
	if (json_object_is_type(obj, json_type_object))
		json_object_object_get_ex(obj, name, &v);
	return v;
}

const char *json_text(struct json_object *obj, const char *name)
{
	struct json_object *v = json_member(obj, name);
	return json_object_is_type(v, json_type_string) ? json_object_get_string(v)
							: NULL;
}

struct lh_entry *first_member(struct json_object *obj)
{
	return json_object_get_object(obj)->head;
}

const char *member_key(const struct lh_entry *m)
{
	return m->k;
}

struct json_object *member_value(const struct lh_entry *m)
{
	return (struct json_object *)(uintptr_t)m->v;
}

uint64_t fnv1a(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x100000001b3ull;
	return h;
}

int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	char part[65536];
	size_t n;
	buf_add(out, "", 0);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	bool ok = !ferror(f);
	fclose(f);
	return ok;
}

bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
