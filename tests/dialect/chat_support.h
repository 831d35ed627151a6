#pragma once

/*
 * Reading replies of Chat Completions in tests: events into a message, and what is
 * compared of it, as one line of canonical JSON. Requests are compared as the text of
 * their body.
 */

#include <stdio.h>

#include <check.h>

#include "../unit/model_support.h"
#include "base/mem.h"
#include "dialect/dialect.h"
#include "model/builder.h"

struct reading {
	struct aic_decoder *decoder;
	struct aic_events events;
	struct aichat_message *messages[2]; /* the first two answers */
	int result;                         /* of the last call */
};

static inline struct reading read_start(uint32_t quirks)
{
	struct aic_profile profile = { .provider = "p", .model = "m", .quirks = quirks };
	struct reading r = { 0 };

	r.decoder = aic_dialect_openai_chat.decoder_new(&profile);
	r.messages[0] = aic_message_new(AICHAT_ROLE_ASSISTANT);
	r.messages[1] = aic_message_new(AICHAT_ROLE_ASSISTANT);
	ck_assert(r.decoder && r.messages[0] && r.messages[1]);
	return r;
}

static inline int read_apply(struct reading *r)
{
	int result = 0;

	for (size_t i = 0; i < r->events.count && result == 0; i++) {
		ck_assert_uint_lt(r->events.items[i].choice, 2);
		result = aic_builder_apply(r->messages[r->events.items[i].choice],
					   &r->events.items[i]);
	}
	aic_events_reset(&r->events);
	return result;
}

static inline int read_event(struct reading *r, const char *data)
{
	r->result = r->decoder->dialect->decode_event(r->decoder, AIC_STR(""),
						      aic_str(data), &r->events);
	ck_assert_int_eq(read_apply(r), 0);
	return r->result;
}

/* A chunk with this delta for the first answer. */
static inline int read_delta(struct reading *r, const char *delta)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf data = aic_buf(0);

	aic_buf_printf(&data, "{\"choices\":[{\"index\":0,\"delta\":%s}]}", delta);
	return read_event(r, data.data);
}

static inline int read_finish(struct reading *r, const char *word)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf data = aic_buf(0);

	aic_buf_printf(
		&data,
		"{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}",
		word);
	return read_event(r, data.data);
}

static inline int read_end(struct reading *r)
{
	r->result = r->decoder->dialect->decode_end(r->decoder, &r->events);
	ck_assert_int_eq(read_apply(r), 0);
	return r->result;
}

static inline void read_done(struct reading *r)
{
	aichat_message_unref(r->messages[0]);
	aichat_message_unref(r->messages[1]);
	r->decoder->dialect->decoder_free(r->decoder);
	aic_events_done(&r->events);
}

/* What the reply came to: `{"role","state","stop_reason",...}`. */
static inline void expect_message(struct aichat_message *message, const char *want)
{
	char *have = message_text(message, true);

	ck_assert_str_eq(have, want);
	aic_free(have);
}

/* Ends a reply that must be whole, and compares. */
static inline void expect_reply(struct reading *r, const char *want)
{
	ck_assert_int_eq(read_end(r), 0);
	ck_assert_msg(r->decoder->finished, "%s",
		      aichat_error_message(r->decoder->error));
	aic_builder_seal(r->messages[0], AICHAT_MESSAGE_SEALED);
	expect_message(r->messages[0], want);
	read_done(r);
}

/* Ends a reply that must have failed with this code and line. */
static inline void expect_failure(struct reading *r, int code, const char *line)
{
	ck_assert_int_eq(read_end(r), 0);
	ck_assert(!r->decoder->finished);
	ck_assert_int_eq(aichat_error_code(r->decoder->error), code);
	ck_assert_str_eq(aichat_error_message(r->decoder->error), line);
	read_done(r);
}

/* --- requests --- */

#define USER(text)                                                                       \
	"{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define SENT_USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define RESULT(id, parts)                                                                \
	"{\"type\":\"tool_result\",\"tool_call_id\":\"" id "\",\"is_error\":false,"      \
	"\"parts\":[" parts "]}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static inline struct aic_profile profile_of(uint32_t quirks)
{
	return (struct aic_profile){ .provider = "p", .model = "m", .quirks = quirks };
}

static inline void expect_body(const struct aic_request *request, uint32_t quirks,
			       const char *want, const char *report_line)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	AIC_CLEANUP(aic_report_done) struct aic_report report = { 0 };
	struct aic_profile profile = profile_of(quirks);
	aichat_error *error = NULL;

	ck_assert_int_eq(aic_dialect_openai_chat.encode_request(request, &profile, &out,
								&report, &error),
			 0);
	ck_assert_str_eq(out.data, want);
	/* The scan refuses a key that appears twice. */
	ck_assert_int_eq(aic_json_scan(&doc, out.data, out.len, &aic_json_wire), 0);
	ck_assert_int_eq((int)report.count, report_line ? 1 : 0);
	if (report_line)
		ck_assert_str_eq(report.lines[0], report_line);
}
