#pragma once

/*
 * Replies of the Messages protocol as tests write them, what the decoder makes of them,
 * and a look into JSON by a path.
 */

#include <stdio.h>
#include <stdlib.h>

#include "../unit/model_support.h"
#include "dialect/dialect.h"
#include "model/builder.h"
#include "net/sse.h"

#define ANTHROPIC (&aic_dialect_anthropic_messages)

/* Frames of a stream whose event names are the types of their data. */
#define START                                                                            \
	"data: "                                                                         \
	"{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\","     \
	"\"content\":[],\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n"
#define BLOCK(n, json)                                                                   \
	"data: {\"type\":\"content_block_start\",\"index\":" #n                          \
	",\"content_block\":" json "}\n\n"
#define DELTA(n, json)                                                                   \
	"data: {\"type\":\"content_block_delta\",\"index\":" #n ",\"delta\":" json "}\n" \
										   "\n"
#define TEXT(n, json)                                                                    \
	"data: {\"type\":\"content_block_delta\",\"index\":" #n                          \
	",\"delta\":{\"type\":\"text_delta\",\"text\":" json "}}\n\n"
#define INPUT(n, json)                                                                   \
	"data: {\"type\":\"content_block_delta\",\"index\":" #n                          \
	",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":" json "}}\n\n"
#define END(n) "data: {\"type\":\"content_block_stop\",\"index\":" #n "}\n\n"
#define STOP(word)                                                                       \
	"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" word           \
	"\"},\"usage\":{\"output_tokens\":5}}\n\n"                                       \
	"data: {\"type\":\"message_stop\"}\n\n"

/* What became of a reply. */
struct outcome {
	struct aichat_message *message; /* sealed, as far as it came */
	aichat_error *error;
	char *model, *response_id;
	bool finished;
	int code; /* of the first call that failed */
	int end;  /* the last result that was no failure */
};

struct reading {
	struct aic_decoder *decoder;
	struct aic_events events;
	struct outcome *outcome;
};

static inline void apply(struct reading *r, int code)
{
	struct outcome *o = r->outcome;

	for (size_t i = 0; i < r->events.count && code >= 0; i++) {
		int result = aic_builder_apply(o->message, &r->events.items[i]);
		if (result < 0)
			code = result;
	}
	aic_events_reset(&r->events);
	if (code >= 0)
		o->end = code;
	else if (!o->code)
		o->code = code;
}

static inline int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct reading *r = user;
	/* Exactly as large as the data, so that a sanitizer sees a read behind it. */
	char *exact = aic_malloc(data.len + 1);

	if (!exact) {
		apply(r, AICHAT_ENOMEM);
		return r->outcome->code;
	}
	memcpy(exact, data.data, data.len);
	apply(r,
	      ANTHROPIC->decode_event(r->decoder, name,
				      (struct aic_str){ exact, data.len }, &r->events));
	aic_free(exact);
	return r->outcome->code;
}

static inline void read_frames(struct reading *r, struct aic_str text)
{
	static const struct aic_sse_ops ops = { .event = on_event };
	struct aic_sse sse;
	int code;

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	code = aic_sse_feed(&sse, text, &ops, r);
	if (code == 0)
		code = aic_sse_end(&sse, &ops, r);
	if (code < 0)
		apply(r, code);
	aic_sse_done(&sse);
}

static inline void outcome_done(struct outcome *o)
{
	aichat_message_unref(o->message);
	aichat_error_unref(o->error);
	aic_free(o->model);
	aic_free(o->response_id);
}

/* A stream, or with `whole` a reply in one piece. Without memory: code ENOMEM. */
static inline struct outcome read_bytes(struct aic_str text, bool whole, uint32_t quirks)
{
	struct aic_profile profile = { .provider = "anthropic", .quirks = quirks };
	struct outcome o = { .message = aic_message_new(AICHAT_ROLE_ASSISTANT) };
	struct reading r = { .decoder = ANTHROPIC->decoder_new(&profile), .outcome = &o };

	if (!r.decoder || !o.message) {
		o.code = AICHAT_ENOMEM;
	} else {
		if (whole)
			apply(&r, ANTHROPIC->decode_reply(r.decoder, text, &r.events));
		else
			read_frames(&r, text);
		if (o.code == 0)
			apply(&r, ANTHROPIC->decode_end(r.decoder, &r.events));
		o.finished = r.decoder->finished;
		o.error = aichat_error_ref(r.decoder->error);
		o.model = AIC_TAKE(r.decoder->model);
		o.response_id = AIC_TAKE(r.decoder->response_id);
		aic_builder_seal(o.message, o.finished ? AICHAT_MESSAGE_SEALED
						       : AICHAT_MESSAGE_FAILED);
	}
	if (r.decoder)
		ANTHROPIC->decoder_free(r.decoder);
	aic_events_done(&r.events);
	return o;
}

static inline struct outcome read_stream(const char *text)
{
	return read_bytes(aic_str(text), false, 0);
}

static inline struct outcome read_reply(const char *text)
{
	return read_bytes(aic_str(text), true, 0);
}

/* Make it a message that the provider wrote, as a conversation keeps it. */
static inline void adopt(struct aichat_message *message, const char *provider)
{
	message->dialect = aic_strdup("anthropic-messages");
	message->provider = aic_strdup(provider);
	ck_assert(message->dialect && message->provider);
}

/* --- JSON by a path: "messages.0.content" --- */

static inline int at_path(const struct aic_json *doc, const char *path)
{
	int value = 0;

	while (*path && value >= 0) {
		char key[64];
		size_t len = strcspn(path, ".");
		ck_assert_uint_lt(len, sizeof(key));
		memcpy(key, path, len);
		key[len] = '\0';
		value = aic_json_is(doc, value, AIC_JSON_ARRAY)
				? aic_json_at(doc, value,
					      (uint32_t)strtoul(key, NULL, 10))
				: aic_json_get(doc, value, key);
		path += len + (path[len] == '.');
	}
	return value;
}

/* The value at the path is exactly these bytes; NULL: there is none. */
static inline void expect(const char *json, const char *path, const char *bytes)
{
	struct aic_json doc = { 0 };
	size_t len = strlen(json);

	ck_assert_msg(aic_json_scan(&doc, json, len, &aic_json_wire) == 0,
		      "no JSON at byte %u (%s): %s", doc.error_at, doc.error_why, json);
	int value = at_path(&doc, path);
	struct aic_str raw = aic_json_raw(&doc, value);
	if (!bytes)
		ck_assert_msg(value < 0, "%s is there: %.*s", path, (int)raw.len,
			      raw.data);
	else
		ck_assert_msg(value >= 0 && aic_str_is(raw, bytes),
			      "%s: expected %s, got %.*s\nin %s", path, bytes,
			      (int)raw.len, raw.data, json);
	aic_json_done(&doc);
}

#define ck_str(string, text)                                                             \
	do {                                                                             \
		ck_assert_ptr_nonnull((string).data);                                    \
		ck_assert_str_eq((string).data, (text));                                 \
		ck_assert_uint_eq((string).len, strlen(text));                           \
	} while (0)
