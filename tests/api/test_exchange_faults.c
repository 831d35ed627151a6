/*
 * Exchanges that go wrong: requests that are none, failures before the first content and
 * after it, callers that leave at every stage, a context that is closed.
 */

#include <pthread.h>

#include "exchange_support.h"

static const char *const dialects[] = { CHAT, MESSAGES };
static const char *const models[] = { GPT, CLAUDE };

/* For providers that fall silent, which is not to make a test wait. Others may be slow.
 */
#define NO_RETRIES "max_retries", "0"
#define IMPATIENT NO_RETRIES, "first_event_timeout_ms", "300", "event_timeout_ms", "300"

static void refused(aichat *ai, int kind, const char *dialect, const char *body, int code,
		    const char *line)
{
	aichat_exchange *x = NULL;
	aichat_error *error = NULL;

	int rc = aichat_exchange_open(ai, kind, dialect, body, strlen(body), &x, &error);
	ck_assert_msg(rc == code, "%s: %d, %s", body, rc, aichat_error_message(error));
	ck_assert_msg(strstr(aichat_error_message(error), line), "%s",
		      aichat_error_message(error));
	ck_assert_ptr_null(x);
	aichat_error_unref(error);
}

START_TEST(requests_that_are_none)
{
	aichat *ai = open_ai("memory:", "n/1");
	const int reply = AICHAT_EXCHANGE_REPLY;

	refused(ai, reply, CHAT, "", AICHAT_EJSON, "");
	refused(ai, reply, CHAT, "[]", AICHAT_EJSON, "request is no object");
	refused(ai, reply, CHAT, "{\"model\":\"x\"", AICHAT_EJSON, "line 1");
	refused(ai, reply, CHAT, "{\"model\":\"\xff\"}", AICHAT_EUTF8, "");
	refused(ai, reply, CHAT, "{}", AICHAT_EJSON, "request.model is missing");
	refused(ai, reply, CHAT, "{\"model\":1}", AICHAT_EJSON, "request.model");
	refused(ai, reply, CHAT, "{\"model\":\"" GPT "\"}", AICHAT_EJSON,
		"request.messages is missing");
	refused(ai, reply, CHAT, "{\"model\":\"" GPT "\",\"messages\":{}}", AICHAT_EJSON,
		"request.messages is no array");
	refused(ai, reply, CHAT, "{\"model\":\"" GPT "\",\"messages\":[]}", AICHAT_EJSON,
		"request.messages is empty");
	refused(ai, reply, CHAT,
		"{\"model\":\"" GPT "\",\"messages\":[1],\"stream\":\"yes\"}",
		AICHAT_EJSON, "request.stream");
	refused(ai, reply, CHAT,
		"{\"model\":\"" GPT "\",\"messages\":[1],\"max_tokens\":-1}",
		AICHAT_EJSON, "request.max_tokens");
	refused(ai, reply, CHAT,
		"{\"model\":\"" GPT "\",\"messages\":[1],\"n\":9999999999999999999}",
		AICHAT_EJSON, "request.n");
	refused(ai, reply, CHAT,
		"{\"model\":\"" GPT "\",\"model\":\"other\",\"messages\":[1]}",
		AICHAT_EJSON, "twice");
	refused(ai, reply, CHAT, "{\"model\":\"no-such-model-at-all\",\"messages\":[1]}",
		AICHAT_EMODEL, "no-such-model-at-all");
	refused(ai, reply, CHAT, "{\"model\":\"xai/grok-4\",\"messages\":[1]}",
		AICHAT_EKEY, "XAI_API_KEY");
	/* What is translated is read strictly. */
	refused(ai, reply, CHAT, "{\"model\":\"" CLAUDE "\",\"messages\":[1]}",
		AICHAT_EJSON, "messages[0]");
	refused(ai, reply, MESSAGES,
		"{\"model\":\"" GPT "\",\"messages\":[{\"role\":\"wizard\",\"content\":"
		"\"x\"}]}",
		AICHAT_EJSON, "role");
	refused(ai, reply, CHAT,
		"{\"model\":\"" CLAUDE "\",\"n\":2,\"messages\":[{\"role\":\"user\","
		"\"content\":\"x\"}]}",
		AICHAT_EREQUEST, "request.n");
	refused(ai, reply, MESSAGES,
		"{\"model\":\"" CLAUDE "\",\"thread\":{\"type\":\"create\"},\"messages\":"
		"[{\"role\":\"user\",\"content\":\"x\"}]}",
		AICHAT_EREQUEST, "request.thread");
	refused(ai, reply, "esperanto", "{}", AICHAT_EINVAL, "dialect");
	refused(ai, AICHAT_EXCHANGE_EMBEDDINGS, MESSAGES, "{}", AICHAT_EINVAL, "request");
	refused(ai, 99, CHAT, "{}", AICHAT_EINVAL, "request");
	refused(NULL, reply, CHAT, "{}", AICHAT_EINVAL, "context");
	aichat_close(ai);
}
END_TEST

/* Failures before the first content: a result, nothing was given. */
static const struct {
	const char *elements;
	int code;
	bool should_retry;
} before[] = {
	{ "status/400", AICHAT_EREQUEST, false },
	{ "status/401", AICHAT_EAUTH, false },
	{ "status/403", AICHAT_EAUTH, false },
	{ "status/404", AICHAT_EMODEL, false },
	{ "status/429", AICHAT_ERATELIMIT, false },
	{ "status/429/retry-after/7", AICHAT_ERATELIMIT, true },
	{ "quota", AICHAT_EQUOTA, false },
	{ "status/500", AICHAT_EPROVIDER, false },
	{ "status/503", AICHAT_EOVERLOADED, false },
	{ "html", AICHAT_EPROVIDER, false },
	{ "html/status/200", AICHAT_EPROTOCOL, false },
	{ "redirect", AICHAT_EPROTOCOL, false },
	{ "drop", AICHAT_ENETWORK, false },
	{ "delay/60000", AICHAT_ETIMEOUT, false },
	{ "slow-headers/60000", AICHAT_ETIMEOUT, false },
	{ "cut/0", AICHAT_EINTERRUPTED, false },
	{ "reset/0", AICHAT_EINTERRUPTED, false },
	{ "stall/0", AICHAT_ETIMEOUT, false },
	{ "ping-only", AICHAT_ETIMEOUT, false },
	{ "gzip-bomb", AICHAT_EPROTOCOL, false },
	{ "n/3/error-after/0", AICHAT_EOVERLOADED, false },
	{ "n/3/bad-utf8", AICHAT_EPROTOCOL, false },
};

START_TEST(before_the_first_content)
{
	struct answered a = { 0 };
	aichat *ai = before[_i].code == AICHAT_ETIMEOUT
			     ? open_ai("memory:", before[_i].elements, IMPATIENT)
			     : open_ai("memory:", before[_i].elements, NO_RETRIES);

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++) {
			ask(ai, dialects[d], models[m], true, &a);
			ck_assert_uint_eq(a.gifts, 0);
			ck_assert_msg(a.rc < 0, "%s: no failure", before[_i].elements);
			/* The two protocols have words of their own for some. */
			ck_assert_msg(a.rc == before[_i].code ||
					      (before[_i].code == AICHAT_EOVERLOADED &&
					       a.rc == AICHAT_EPROVIDER) ||
					      (before[_i].code == AICHAT_EMODEL &&
					       a.rc == AICHAT_EREQUEST),
				      "%s: %s", before[_i].elements, a.line);
			ck_assert_int_eq(a.should_retry, before[_i].should_retry);
			ck_assert_int_eq(a.result, a.rc);
			ck_assert_ptr_null(strstr(a.line, "key-of-a-test"));
		}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

/* The same where the answer is no stream. */
START_TEST(whole_or_nothing)
{
	static const char *const ways[] = { "n/50/cut/200",   "n/50/reset/200",
					    "n/50/stall/200", "status/500",
					    "drop",           "html/status/200",
					    "n/50/bad-utf8" };
	struct answered a = { 0 };

	for (size_t w = 0; w < 7; w++) {
		aichat *ai = open_ai("memory:", ways[w], IMPATIENT);
		for (int d = 0; d < 2; d++)
			for (int m = 0; m < 2; m++) {
				ask(ai, dialects[d], models[m], false, &a);
				ck_assert_msg(a.rc < 0, "%s: %s", ways[w], a.bytes);
				ck_assert_uint_eq(a.gifts, 0);
			}
		aichat_close(ai);
	}
	answered_done(&a);
}
END_TEST

/* After the first content: what came, then one error, and no end. */
START_TEST(in_the_stream)
{
	static const char *const ways[] = {
		"n/50/cut/4000",      "n/50/reset/4000", "n/50/stall/4000",
		"n/50/error-after/5", "n/50/cut/3001",   "n/50/rate/20/error-after/2",
	};
	struct answered a = { 0 };

	for (size_t w = 0; w < 6; w++) {
		aichat *ai = open_ai("memory:", ways[w], NO_RETRIES, "event_timeout_ms",
				     "300");
		for (int d = 0; d < 2; d++)
			for (int m = 0; m < 2; m++) {
				ask(ai, dialects[d], models[m], true, &a);
				ck_assert_msg(a.rc == 0, "%s: %s", ways[w], a.line);
				ck_assert_int_lt(a.result, 0);
				ck_assert_int_ge(times(&a, "tok0 "), 1);
				ck_assert_int_eq(times(&a, "tok49 "), 0);
				ck_assert_int_eq(times(&a, "[DONE]"), 0);
				ck_assert_int_eq(times(&a, "message_stop"), 0);
				ck_assert_int_eq(times(&a, "\"stop\""), 0);
				ck_assert_int_eq(times(&a, "end_turn"), 0);
				ck_assert_int_eq(times(&a, "\"error\":{"), 1);
				ck_assert(ends_with(&a, "}\n\n"));
				ck_assert_int_eq(times(&a, "event: error\n"), d == 1);
				/* What there was is booked. */
				ck_assert_int_gt(a.input, 0);
				ck_assert_int_gt(a.output, 0);
				ck_assert(a.estimated);
			}
		aichat_close(ai);
	}
	answered_done(&a);
}
END_TEST

/* What ends a Chat stream may be left out where the finish_reason came. */
START_TEST(without_the_last_frame)
{
	aichat *ai = open_ai("memory:", "n/3/no-done", NO_RETRIES);
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++) {
		ask(ai, dialects[d], GPT, true, &a);
		ck_assert_msg(a.rc == 0, "%s", a.line);
		ck_assert_int_eq(a.result, 0);
		ck_assert(ends_with(&a, end_of(dialects[d])));
		/* Messages says all before it, too, but for the end itself. */
		ask(ai, dialects[d], CLAUDE, true, &a);
		ck_assert_int_eq(a.rc, 0);
		ck_assert_int_lt(a.result, 0);
		ck_assert_int_eq(times(&a, "\"error\":{"), 1);
		ck_assert_int_eq(times(&a, "[DONE]"), 0);
	}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(too_large)
{
	aichat *ai = open_ai("memory:", "n/50/huge-line/3000000", "max_reply_bytes",
			     "1000000", NO_RETRIES);
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++) {
		ask(ai, dialects[d], models[d], true, &a);
		ck_assert_int_eq(a.rc, AICHAT_ETOOLARGE);
		ck_assert_uint_eq(a.gifts, 0);
	}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(tried_again_before_the_first_byte)
{
	aichat *ai = open_ai("memory:", "fail-first/2/retry-after-ms/1/n/2");
	struct answered a = { 0 };

	ask(ai, CHAT, GPT, true, &a);
	ck_assert_int_eq(a.rc, 0);
	ck_assert_int_eq(times(&a, "tok1 "), 1);
	ask(ai, CHAT, CLAUDE, true, &a);
	ck_assert_int_eq(a.rc, 0);
	ck_assert_int_eq(times(&a, "tok1 "), 1);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(a_head_that_went_out_already)
{
	aichat *ai = open_ai("memory:", "delay/200/status/500", NO_RETRIES);
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++) {
		aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, dialects[d],
						   question(models[d], true, ""));
		const char *bytes;
		size_t len;
		expect(aichat_exchange_start(x, &error), 0);
		expect(aichat_exchange_next(x, 1, &bytes, &len, &error), AICHAT_EAGAIN);
		aichat_exchange_set_begun(x);
		answered_done(&a);
		take(x, &a);
		ck_assert_int_eq(a.rc, 0);
		ck_assert_int_eq(times(&a, "\"error\":{"), 1);
		ck_assert_int_lt(aichat_exchange_result(x), 0);
		aichat_exchange_free(x);
	}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

/* ---- leaving ---- */

static void *cancel_later(void *exchange)
{
	sleep_ms(100);
	aichat_exchange_cancel(exchange);
	return NULL;
}

START_TEST(cancelled)
{
	/* Before the provider answers, while it stalls, in a stream, in a document. */
	static const struct {
		const char *elements;
		bool stream;
	} ways[] = {
		{ "delay/60000", true },
		{ "delay/60000", false },
		{ "stall/0", true },
		{ "n/1000/rate/50", true },
		{ "n/1000/rate/50", false },
		{ "ping-only", true },
		{ "status/500/retry-after/30", true },
	};
	struct answered a = { 0 };

	for (size_t w = 0; w < 7; w++)
		for (int d = 0; d < 2; d++) {
			aichat *ai = open_ai("memory:", ways[w].elements);
			aichat_exchange *x = open_exchange(
				ai, AICHAT_EXCHANGE_REPLY, dialects[d],
				question(models[w % 2], ways[w].stream, ""));
			pthread_t thread;
			expect(aichat_exchange_start(x, &error), 0);
			ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, x),
					 0);
			int64_t from = now_ms();
			answered_done(&a);
			take(x, &a);
			ck_assert_int_eq(a.rc, AICHAT_ECANCELED);
			ck_assert_int_lt(now_ms() - from, 3000);
			pthread_join(thread, NULL);
			note_figures(x, &a);
			ck_assert_int_eq(a.result, AICHAT_ECANCELED);
			/* What it refused it did not do. */
			bool asked = w != 6;
			ck_assert_int_eq(a.input > 0, asked);
			ck_assert_int_eq(a.output >= 0, asked);
			aichat_exchange_cancel(x);
			aichat_exchange_free(x);
			aichat_close(ai);
		}
	answered_done(&a);
}
END_TEST

START_TEST(given_back_at_any_time)
{
	aichat *ai = open_ai("memory:", "n/1000/rate/100");
	const char *bytes;
	size_t len;

	for (int stage = 0; stage < 4; stage++) {
		aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
						   question(CLAUDE, true, ""));
		if (stage == 1) {
			aichat_exchange_cancel(x);
			expect(aichat_exchange_start(x, &error), AICHAT_ECANCELED);
			expect(aichat_exchange_next(x, 0, &bytes, &len, &error),
			       AICHAT_ECANCELED);
		}
		if (stage >= 2)
			expect(aichat_exchange_start(x, &error), 0);
		if (stage == 3)
			ck_assert_int_eq(
				aichat_exchange_next(x, STEP_MS, &bytes, &len, NULL), 1);
		aichat_exchange_free(x);
	}
	aichat_exchange_free(NULL);
	aichat_close(ai);
}
END_TEST

START_TEST(wrong_order)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
					   question(GPT, false, ""));
	struct answered a = { 0 };
	const char *bytes;
	size_t len;

	expect(aichat_exchange_next(x, 0, &bytes, &len, &error), AICHAT_ESTATE);
	expect(aichat_exchange_start(x, &error), 0);
	expect(aichat_exchange_start(x, &error), AICHAT_ESTATE);
	take(x, &a);
	ck_assert_int_eq(a.rc, 0);
	aichat_exchange_free(x);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(closed_meanwhile)
{
	aichat *ai = open_ai("memory:", "n/1000/rate/50");
	struct answered a = { 0 };
	aichat_exchange *quiet = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
					       question(GPT, false, ""));
	aichat_exchange *stream = open_exchange(ai, AICHAT_EXCHANGE_REPLY, MESSAGES,
						question(CLAUDE, true, ""));
	aichat_exchange *late = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
					      question(GPT, false, ""));
	const char *bytes;
	size_t len;

	expect(aichat_exchange_start(quiet, &error), 0);
	expect(aichat_exchange_start(stream, &error), 0);
	ck_assert_int_eq(aichat_exchange_next(stream, STEP_MS, &bytes, &len, NULL), 1);
	aichat_close(ai);
	take(quiet, &a);
	ck_assert_int_eq(a.rc, AICHAT_ECLOSED);
	ck_assert(a.should_retry);
	answered_done(&a);
	take(stream, &a);
	ck_assert_int_eq(a.rc, 0);
	ck_assert_int_eq(times(&a, "event: error\n"), 1);
	expect(aichat_exchange_start(late, &error), AICHAT_ECLOSED);
	aichat_exchange_free(quiet);
	aichat_exchange_free(stream);
	aichat_exchange_free(late);
	answered_done(&a);
}
END_TEST

/* ---- errors in words ---- */

START_TEST(errors_in_words)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_exchange *x = NULL;
	aichat_error *error = NULL;
	static const char body[] = "{\"model\":\"nothing-like-it\",\"messages\":[1]}";
	int status = 0;
	char *json = NULL;
	size_t len = 0;

	ck_assert_int_eq(aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, CHAT, body,
					      strlen(body), &x, &error),
			 AICHAT_EMODEL);
	ck_assert_int_eq(aichat_dialect_error(CHAT, error, &status, &json, &len), 0);
	ck_assert_int_eq(status, 404);
	ck_assert_uint_eq(len, strlen(json));
	ck_assert_ptr_nonnull(strstr(json, "\"code\":\"model_not_found\""));
	aichat_free(json);
	ck_assert_int_eq(aichat_dialect_error(MESSAGES, error, &status, &json, &len), 0);
	ck_assert_int_eq(status, 404);
	ck_assert_ptr_nonnull(strstr(json, "{\"type\":\"error\",\"error\":{\"type\":"
					   "\"not_found_error\""));
	aichat_free(json);
	ck_assert_int_eq(aichat_dialect_error("esperanto", error, &status, &json, &len),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_dialect_error(CHAT, NULL, &status, &json, &len),
			 AICHAT_EINVAL);
	ck_assert(!aichat_dialect_should_retry(error));
	aichat_error_unref(error);
	aichat_close(ai);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exchange_faults");
	TCase *tcase = tcase_create("exchange_faults");

	tcase_add_checked_fixture(tcase, support_setup, support_teardown);
	tcase_set_timeout(tcase, 55);
	tcase_add_loop_test(tcase, before_the_first_content, 0,
			    (int)(sizeof(before) / sizeof(before[0])));
	tcase_add_test(tcase, requests_that_are_none);
	tcase_add_test(tcase, whole_or_nothing);
	tcase_add_test(tcase, in_the_stream);
	tcase_add_test(tcase, without_the_last_frame);
	tcase_add_test(tcase, too_large);
	tcase_add_test(tcase, tried_again_before_the_first_byte);
	tcase_add_test(tcase, a_head_that_went_out_already);
	tcase_add_test(tcase, cancelled);
	tcase_add_test(tcase, given_back_at_any_time);
	tcase_add_test(tcase, wrong_order);
	tcase_add_test(tcase, closed_meanwhile);
	tcase_add_test(tcase, errors_in_words);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
