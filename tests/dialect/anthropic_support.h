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

/*
 * JSON in tests is written with ' for ", and becomes JSON here: one of a ring of texts,
 * so that a few are there at a time.
 */
#define RING 8
#define RING_BYTES 16384

static inline const char *json_join(const char *const *pieces, const char *between)
{
	static char ring[RING][RING_BYTES];
	static unsigned turn;
	char *text = ring[turn++ % RING], *to = text;

	for (size_t i = 0; pieces[i]; i++) {
		const char *parts[] = { i ? between : "", pieces[i] };
		for (size_t k = 0; k < 2; k++)
			for (const char *from = parts[k]; *from; from++) {
				ck_assert_uint_lt((size_t)(to - text), RING_BYTES - 1);
				*to++ = *from == '\'' ? '"' : *from;
			}
	}
	*to = '\0';
	return text;
}

static inline const char *json(const char *text)
{
	return json_join((const char *const[]){ text, NULL }, "");
}

/* Frames of a stream whose event names are the types of their data. */
#define EVENT(json) "data: " json "\n\n"
#define NAMED(name, json) "event: " name "\ndata: " json "\n\n"
#define START                                                                            \
	EVENT("{'type':'message_start','message':{'id':'msg_1','model':'m','content':[]" \
	      ","                                                                        \
	      "'usage':{'input_tokens':10,'output_tokens':1}}}")
#define BLOCK(n, json)                                                                   \
	EVENT("{'type':'content_block_start','index':" #n ",'content_block':" json "}")
#define DELTA(n, json)                                                                   \
	EVENT("{'type':'content_block_delta','index':" #n ",'delta':" json "}")
#define TEXT(n, json) DELTA(n, "{'type':'text_delta','text':" json "}")
#define THOUGHT(n, json) DELTA(n, "{'type':'thinking_delta','thinking':" json "}")
#define SIGNED(n, json) DELTA(n, "{'type':'signature_delta','signature':" json "}")
#define INPUT(n, json) DELTA(n, "{'type':'input_json_delta','partial_json':" json "}")
#define CITED(n, json) DELTA(n, "{'type':'citations_delta','citation':" json "}")
#define END(n) EVENT("{'type':'content_block_stop','index':" #n "}")
#define STOP_BY(delta)                                                                   \
	EVENT("{'type':'message_delta','delta':" delta ",'usage':{'output_tokens':5}}"), \
		EVENT("{'type':'message_stop'}")
#define STOP(word) STOP_BY("{'stop_reason':'" word "'}")
#define FRAMES(...) json_join((const char *const[]){ __VA_ARGS__, NULL }, "")

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

#define read_stream(...) read_bytes(aic_str(FRAMES(__VA_ARGS__)), false, 0)
#define read_reply(text) read_bytes(aic_str(json(text)), true, 0)

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
static inline void expect(const char *body, const char *path, const char *expected)
{
	const char *bytes = expected ? json(expected) : NULL;
	struct aic_json doc = { 0 };
	size_t len = strlen(body);

	ck_assert_msg(aic_json_scan(&doc, body, len, &aic_json_wire) == 0,
		      "no JSON at byte %u (%s): %s", doc.error_at, doc.error_why, body);
	int value = at_path(&doc, path);
	struct aic_str raw = aic_json_raw(&doc, value);
	if (!bytes)
		ck_assert_msg(value < 0, "%s is there: %.*s", path, (int)raw.len,
			      raw.data);
	else
		ck_assert_msg(value >= 0 && aic_str_is(raw, bytes),
			      "%s: expected %s, got %.*s\nin %s", path, bytes,
			      (int)raw.len, raw.data, body);
	aic_json_done(&doc);
}

static inline void set_json(struct aic_string *to, const char *text)
{
	ck_assert_int_eq(aic_string_set(to, aic_str(json(text))), 0);
}

/* The string is this, once ' is ". */
#define ck_str(string, text)                                                             \
	do {                                                                             \
		const char *wanted_ = json(text);                                        \
		ck_assert_ptr_nonnull((string).data);                                    \
		ck_assert_str_eq((string).data, wanted_);                                \
		ck_assert_uint_eq((string).len, strlen(wanted_));                        \
	} while (0)

/* --- requests --- */

/* The body; owned. The report must have the word in it, or (NULL) be empty. */
static inline char *body_of(struct aic_request *request,
			    const struct aic_profile *profile, const char *reported)
{
	struct aic_profile plain = { .provider = "anthropic", .model = "m-2" };
	struct aic_report report = { 0 };
	struct aic_buf out = aic_buf(0);
	aichat_error *error = NULL;
	bool found = false;
	int code = ANTHROPIC->encode_request(request, profile ? profile : &plain, &out,
					     &report, &error);

	ck_assert_msg(code == 0, "%s", aichat_error_message(error));
	for (size_t i = 0; i < report.count; i++) {
		ck_assert_msg(reported, "reported: %s", report.lines[i]);
		found = found || strstr(report.lines[i], reported);
	}
	ck_assert_msg(!reported || found, "%s is not reported", reported);
	aic_report_done(&report);
	char *body = aic_buf_take(&out, NULL);
	expect(body, "model", "'m-2'");
	return body;
}
