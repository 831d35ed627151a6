#pragma once

/*
 * Reading replies of Chat Completions in tests: events into a message, and what is
 * compared of it, as one line of canonical JSON.
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
