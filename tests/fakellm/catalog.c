/* Lists of models in both shapes, and embeddings. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static const char *const chat_models[] = {
	"fake-model", "gpt-4o", "gpt-4o-mini", "gpt-5.5", "o3", "text-embedding-3-small",
};

struct messages_model {
	const char *id, *name, *created;
};

static const struct messages_model messages_models[] = {
	{ "claude-opus-5", "Claude Opus 5", "2026-07-24T00:00:00Z" },
	{ "claude-sonnet-5", "Claude Sonnet 5", "2026-06-29T00:00:00Z" },
	{ "claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17T00:00:00Z" },
	{ "claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z" },
	{ "fake-model", "Fake Model", "2026-01-01T00:00:00Z" },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void chat_model(struct buf *b, const char *id)
{
	buf_printf(b,
		   "{\"id\":\"%s\",\"object\":\"model\",\"created\":1767225600,"
		   "\"owned_by\":\"fakellm\"}",
		   id);
}

static void messages_model(struct buf *b, const struct messages_model *m)
{
	buf_printf(
		b,
		"{\"type\":\"model\",\"id\":\"%s\",\"display_name\":\"%s\","
		"\"created_at\":\"%s\",\"max_input_tokens\":200000,\"max_tokens\":64000,"
		"\"lifecycle\":\"active\",\"capabilities\":{\"image_input\":"
		"{\"supported\":true},\"thinking\":{\"supported\":true}}}",
		m->id, m->name, m->created);
}

static bool chat_list(struct buf *b, const char *id)
{
	for (size_t i = 0; i < COUNT(chat_models); i++) {
		if (id && !strcmp(id, chat_models[i])) {
			chat_model(b, id);
			return true;
		}
	}
	if (id)
		return false;
	buf_str(b, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < COUNT(chat_models); i++) {
		buf_str(b, i ? "," : "");
		chat_model(b, chat_models[i]);
	}
	buf_str(b, "]}");
	return true;
}

/* A query member's value, up to the next '&'; its length in *n. NULL = absent. */
static const char *query(const struct request *r, const char *name, size_t *n)
{
	for (const char *q = r->query; q && *q; q += *q == '&') {
		*n = strcspn(q, "&");
		if (has_prefix(q, name) && q[strlen(name)] == '=') {
			*n -= strlen(name) + 1;
			return q + strlen(name) + 1;
		}
		q += *n;
	}
	return NULL;
}

/* A page: limit models after the one that after_id names. */
static void messages_page(struct buf *b, const struct request *r)
{
	size_t n = 0, from = 0, to = COUNT(messages_models);
	const char *after = query(r, "after_id", &n);
	for (size_t i = 0; after && i < COUNT(messages_models); i++)
		if (strlen(messages_models[i].id) == n &&
		    !memcmp(messages_models[i].id, after, n))
			from = i + 1;
	const char *limit = query(r, "limit", &n);
	size_t most = limit ? strtoul(limit, NULL, 10) : 20;
	if (most && to - from > most)
		to = from + most;
	buf_str(b, "{\"data\":[");
	for (size_t i = from; i < to; i++) {
		buf_str(b, i > from ? "," : "");
		messages_model(b, &messages_models[i]);
	}
	buf_printf(b, "],\"has_more\":%s,",
		   to < COUNT(messages_models) ? "true" : "false");
	if (to > from)
		buf_printf(b, "\"first_id\":\"%s\",\"last_id\":\"%s\"}",
			   messages_models[from].id, messages_models[to - 1].id);
	else
		buf_str(b, "\"first_id\":null,\"last_id\":null}");
}

void answer_models(struct conn *c, const struct plan *p, const char *id)
{
	struct buf body = { 0 };
	bool found = false;
	if (p->dialect == CHAT) {
		found = chat_list(&body, id);
	} else if (!id) {
		messages_page(&body, &c->req);
		found = true;
	} else {
		for (size_t i = 0; i < COUNT(messages_models) && !found; i++) {
			found = !strcmp(messages_models[i].id, id);
			if (found)
				messages_model(&body, &messages_models[i]);
		}
	}
	if (found)
		answer_json(c, p, 200, &body);
	else if (p->dialect == MESSAGES)
		answer_error(c, p, 404, NULL, NULL, NULL, "model: %s", id);
	else
		answer_error(c, p, 404, NULL, "model_not_found", "model",
			     "The model '%s' does not exist", id);
}

/* Eighths, so that every value is exact in any number format. */
static float component(const char *text, size_t i)
{
	uint64_t h = fnv1a(FNV_SEED, text, strlen(text));
	h = fnv1a(h, &i, sizeof(i));
	return (float)((int)(h >> 32 & 15) - 8) / 8.0f;
}

static void base64(struct buf *b, const unsigned char *s, size_t n)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)s[i] << 16;
		v |= i + 1 < n ? (unsigned)s[i + 1] << 8 : 0;
		v |= i + 2 < n ? s[i + 2] : 0;
		char four[4] = { digit[v >> 18], digit[v >> 12 & 63],
				 i + 1 < n ? digit[v >> 6 & 63] : '=',
				 i + 2 < n ? digit[v & 63] : '=' };
		buf_add(b, four, 4);
	}
}

static void embedding(struct buf *b, const char *text, size_t index, size_t dims,
		      bool b64)
{
	float *v = xalloc(dims * sizeof(*v));
	for (size_t i = 0; i < dims; i++)
		v[i] = component(text, i);
	buf_printf(b, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":",
		   index ? "," : "", index);
	if (b64) {
		buf_str(b, "\"");
		base64(b, (const unsigned char *)v, dims * sizeof(*v));
		buf_str(b, "\"}");
	} else {
		for (size_t i = 0; i < dims; i++)
			buf_printf(b, "%s%g", i ? "," : "[", (double)v[i]);
		buf_str(b, "]}");
	}
	free(v);
}

void answer_embeddings(struct conn *c, const struct plan *p, struct json_object *req)
{
	const char *model = json_text(req, "model"),
		   *format = json_text(req, "encoding_format");
	struct json_object *input = json_member(req, "input");
	struct json_object *dims = json_member(req, "dimensions");
	int64_t n = dims ? json_object_get_int64(dims) : 8;
	bool list = json_object_is_type(input, json_type_array);
	size_t count = list ? json_object_array_length(input) : 1, bytes = 0;
	if (!model)
		answer_error(c, p, 400, NULL, NULL, NULL,
			     "you must provide a model parameter");
	else if (!count || (!list && !json_object_is_type(input, json_type_string)))
		answer_error(c, p, 400, NULL, NULL, NULL, "'$.input' is invalid.");
	else if (n < 1 || n > 4096)
		answer_error(c, p, 400, NULL, NULL, NULL,
			     "%lld is not between 1 and 4096 - 'dimensions'",
			     (long long)n);
	if (c->reply.source)
		return;
	struct buf body = { 0 };
	buf_str(&body, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < count; i++) {
		struct json_object *v = list ? json_object_array_get_idx(input, i)
					     : input;
		const char *text = json_object_get_string(v);
		bytes += strlen(text ? text : "");
		embedding(&body, text ? text : "", i, (size_t)n,
			  format && !strcmp(format, "base64"));
	}
	buf_str(&body, "],\"model\":\"");
	buf_json(&body, model, strlen(model));
	buf_printf(&body, "\",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}",
		   (bytes + 3) / 4, (bytes + 3) / 4);
	answer_json(c, p, 200, &body);
}
