#pragma once

/*
 * Exchanges as tests ask for them: one call takes an answer to its end, and checks on the
 * way what holds for every exchange.
 */

#include <stdio.h>
#include <string.h>

#include "suite.h"

#define CHAT "openai-chat"
#define MESSAGES "anthropic-messages"
#define GPT "openai/gpt-fake"
#define CLAUDE "anthropic/claude-fake"

struct answered {
	int rc;       /* of the last call of next, or of what failed before it */
	size_t gifts; /* how often next gave bytes */
	char *bytes;
	size_t len;
	/* of the error that next returned */
	char line[512];
	int http_status;
	int64_t retry_after_ms;
	bool should_retry;
	/* the figures */
	int result;
	int64_t input, output;
	bool estimated;
	int stop_reason;
	char request_id[128];
};

static inline void answered_done(struct answered *a)
{
	free(a->bytes);
	memset(a, 0, sizeof(*a));
}

/* What next gives until it says something else than 1; the error is noted. */
static inline void take(aichat_exchange *x, struct answered *a)
{
	aichat_error *error = NULL;
	const char *bytes;
	size_t len;

	while ((a->rc = aichat_exchange_next(x, STEP_MS, &bytes, &len, &error)) == 1) {
		ck_assert_uint_gt(len, 0);
		a->bytes = realloc(a->bytes, a->len + len + 1);
		memcpy(a->bytes + a->len, bytes, len);
		a->len += len;
		a->bytes[a->len] = '\0';
		a->gifts++;
		/* Of a stream whole frames only. */
		if (aichat_exchange_is_stream(x))
			ck_assert_msg(strchr("\n\r", bytes[len - 1]), "half a frame");
	}
	ck_assert_int_eq(a->rc < 0, error != NULL);
	if (error) {
		ck_assert_int_eq(aichat_error_code(error), a->rc);
		snprintf(a->line, sizeof(a->line), "%s", aichat_error_message(error));
		a->http_status = aichat_error_http_status(error);
		a->retry_after_ms = aichat_error_retry_after_ms(error);
		a->should_retry = aichat_dialect_should_retry(error);
	}
	aichat_error_unref(error);
}

static inline void note_figures(aichat_exchange *x, struct answered *a)
{
	const char *id = aichat_exchange_request_id(x);

	a->result = aichat_exchange_result(x);
	a->input = aichat_exchange_usage(x, AICHAT_USAGE_INPUT);
	a->output = aichat_exchange_usage(x, AICHAT_USAGE_OUTPUT);
	a->estimated = aichat_exchange_is_estimated(x);
	a->stop_reason = aichat_exchange_stop_reason(x);
	snprintf(a->request_id, sizeof(a->request_id), "%s", id ? id : "");
}

static inline aichat_exchange *open_exchange(aichat *ai, int kind, const char *dialect,
					     const char *body)
{
	aichat_exchange *x = NULL;

	expect(aichat_exchange_open(ai, kind, dialect, body, strlen(body), &x, &error),
	       0);
	return x;
}

/* From the request to the end of the answer. */
static inline void answer(aichat *ai, int kind, const char *dialect, const char *body,
			  struct answered *a)
{
	aichat_exchange *x = open_exchange(ai, kind, dialect, body);
	const char *bytes;
	size_t len;

	answered_done(a);
	expect(aichat_exchange_start(x, &error), 0);
	take(x, a);
	if (a->rc == 0) {
		ck_assert(aichat_exchange_is_over(x));
		ck_assert_int_eq(aichat_exchange_next(x, 0, &bytes, &len, NULL), 0);
	}
	note_figures(x, a);
	aichat_exchange_free(x);
}

/* A question to a model: {"model":...,"max_tokens":...,"messages":[...] MORE}. */
static inline const char *question(const char *model, bool stream, const char *more)
{
	static char body[4096];

	snprintf(body, sizeof(body),
		 "{\"model\":\"%s\",\"max_tokens\":1000,\"stream\":%s,"
		 "\"messages\":[{\"role\":\"user\",\"content\":\"Hello?\"}]%s}",
		 model, stream ? "true" : "false", more);
	return body;
}

static inline void ask(aichat *ai, const char *dialect, const char *model, bool stream,
		       struct answered *a)
{
	answer(ai, AICHAT_EXCHANGE_REPLY, dialect, question(model, stream, ""), a);
}

/* The body with this model where it says MODEL. */
static inline const char *with_model(const char *body, const char *model)
{
	static char text[4096];
	const char *at = strstr(body, "MODEL");

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - body), body, model, at + 5);
	return text;
}

/* How often a text is in the answer. */
static inline int times(const struct answered *a, const char *text)
{
	int count = 0;

	for (const char *at = a->bytes; at && (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

static inline bool ends_with(const struct answered *a, const char *text)
{
	size_t len = strlen(text);

	return a->len >= len && memcmp(a->bytes + a->len - len, text, len) == 0;
}

static inline const char *end_of(const char *dialect)
{
	return strcmp(dialect, CHAT) == 0
		       ? "data: [DONE]\n\n"
		       : "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}
