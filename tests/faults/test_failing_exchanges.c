/*
 * The n-th allocation of an exchange fails, once or from then on, until a run comes by
 * without one that failed. Whatever fails: nothing crashes or hangs, a code says so, and
 * what a caller takes for a whole answer is one.
 */

#include "base/mem.h"
#include "exchange_support.h"

/* Points of one scenario in one mode, evenly spread when it has more. */
#define POINTS_MAX 150
#define TOOLS                                                                            \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\"" \
	":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}]"

struct scenario {
	const char *name;
	const char *elements; /* what the provider plays */
	int kind;
	const char *dialect;
	const char *body;
	const char *last;   /* the end of a whole answer */
	const char *within; /* what else a whole answer has */
};

/* What may be said of a call that fails. */
static void check_failure(const struct scenario *s, uint64_t n, int rc,
			  aichat_error *error)
{
	ck_assert_msg(rc < 0 && rc != AICHAT_EAGAIN && rc != AICHAT_EINTERNAL,
		      "%s %lu: %s", s->name, (unsigned long)n, aichat_error_name(rc));
	/* Memory may be out for the line, too. */
	if (error && aichat_error_code(error) != AICHAT_ENOMEM)
		ck_assert_int_eq(aichat_error_code(error), rc);
	aichat_error_unref(error);
}

static int take_failing(aichat_exchange *x, struct answered *a, aichat_error **reterr)
{
	const char *bytes;
	size_t len;
	int rc;

	while ((rc = aichat_exchange_next(x, STEP_MS, &bytes, &len, reterr)) == 1) {
		a->bytes = realloc(a->bytes, a->len + len + 1);
		memcpy(a->bytes + a->len, bytes, len);
		a->len += len;
		a->bytes[a->len] = '\0';
	}
	return rc;
}

/* From the request to the end. What is not whole has said so: by a code, or in a stream
 * by an end that is none. */
static void run(aichat *ai, const struct scenario *s, uint64_t n)
{
	struct answered a = { 0 };
	aichat_exchange *x = NULL;
	aichat_error *error = NULL;

	int rc = aichat_exchange_open(ai, s->kind, s->dialect, s->body, strlen(s->body),
				      &x, &error);
	if (rc < 0)
		ck_assert_ptr_null(x);
	if (rc == 0)
		rc = aichat_exchange_set_header(x, "anthropic-beta", "one", &error);
	if (rc == 0)
		rc = aichat_exchange_start(x, &error);
	if (rc == 0)
		rc = take_failing(x, &a, &error);
	if (rc < 0)
		check_failure(s, n, rc, error);
	bool is_whole = rc == 0 && aichat_exchange_result(x) == 0;
	if (is_whole)
		ck_assert_msg(ends_with(&a, s->last) && times(&a, s->within) == 1,
			      "%s %lu: %s", s->name, (unsigned long)n, a.bytes);
	else if (x && aichat_exchange_is_stream(x))
		ck_assert_msg(!a.len || !ends_with(&a, s->last), "%s %lu: %s", s->name,
			      (unsigned long)n, a.bytes);
	answered_done(&a);
	aichat_exchange_free(x);
}

/* How many allocations there were. */
static uint64_t run_failing(const struct scenario *s, uint64_t n, bool persistent)
{
	aichat *ai = open_ai("memory:", s->elements, "max_retries", "0",
			     "first_event_timeout_ms", "2000");
	uint64_t count;

	aic_mem_fail_at(n, persistent);
	run(ai, s, n);
	count = aic_mem_count();
	aic_mem_fail_at(0, false);
	run(ai, s, 0); /* whatever it was, it is over */
	aichat_close(ai);
	return count;
}

static void torture(const struct scenario *s)
{
	uint64_t total = run_failing(s, 0, false);
	uint64_t step = total / POINTS_MAX + 1;

	ck_assert_uint_gt(total, 0);
	for (int persistent = 0; persistent < 2; persistent++)
		for (uint64_t n = 1 + (uint64_t)persistent; n <= total + 1; n += step)
			run_failing(s, n, persistent);
}

#define REPLY AICHAT_EXCHANGE_REPLY
#define ASK(model, more)                                                                 \
	"{\"model\":\"" model "\",\"max_tokens\":1000,\"messages\":[{\"role\":\"user\"," \
	"\"content\":\"Hello?\"}]" more "}"
#define STREAM ",\"stream\":true"
#define DONE "data: [DONE]\n\n"
#define STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

static void torture_all(const struct scenario *scenarios, size_t count)
{
	for (size_t i = 0; i < count; i++)
		torture(&scenarios[i]);
}

/* Where the provider speaks the caller's protocol. */
START_TEST(forwarded)
{
	static const struct scenario scenarios[] = {
		{ "chat", "n/5", REPLY, CHAT, ASK(GPT, ""), "}", "tok4 " },
		{ "chat, stream", "n/5", REPLY, CHAT, ASK(GPT, STREAM), DONE, "tok4 " },
		{ "messages", "n/5", REPLY, MESSAGES, ASK(CLAUDE, ""), "}", "tok4 " },
		{ "messages, stream", "n/5", REPLY, MESSAGES, ASK(CLAUDE, STREAM), STOP,
		  "tok4 " },
	};

	torture_all(scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
END_TEST

START_TEST(translated)
{
	static const struct scenario scenarios[] = {
		{ "chat", "n/5", REPLY, CHAT, ASK(CLAUDE, ""), "}", "tok4 " },
		{ "chat, stream", "n/5", REPLY, CHAT, ASK(CLAUDE, STREAM), DONE,
		  "tok4 " },
		{ "messages", "n/5", REPLY, MESSAGES, ASK(GPT, ""), "}", "tok4 " },
		{ "messages, stream", "n/5", REPLY, MESSAGES, ASK(GPT, STREAM), STOP,
		  "tok4 " },
		{ "tools", "tools/1", REPLY, CHAT, ASK(CLAUDE, STREAM TOOLS), DONE,
		  "\"finish_reason\":\"tool_calls\"" },
	};

	torture_all(scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
END_TEST

START_TEST(documents)
{
	static const struct scenario scenarios[] = {
		{ "tokens, counted", "n/5", AICHAT_EXCHANGE_COUNT_TOKENS, MESSAGES,
		  ASK(CLAUDE, ""), "}", "\"input_tokens\"" },
		{ "tokens, estimated", "n/5", AICHAT_EXCHANGE_COUNT_TOKENS, MESSAGES,
		  ASK(GPT, ""), "}", "\"input_tokens\"" },
		{ "embeddings", "n/5", AICHAT_EXCHANGE_EMBEDDINGS, CHAT,
		  "{\"model\":\"" GPT "\",\"input\":\"x\"}", "}", "\"prompt_tokens\"" },
	};

	torture_all(scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
END_TEST

SUITE("failing_exchanges", forwarded, translated, documents)
