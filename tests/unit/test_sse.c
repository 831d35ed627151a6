/*
 * Framing: the same bytes give the same events however they are cut, and what the
 * standard says about names, comments, several data lines and the end of the stream.
 */

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <aichat/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/sse.h"

/* Events as text: "name|data;" each, "#" for a comment. */
struct seen {
	struct aic_buf text;
	int comments;
	int events;
	int stop_at; /* the event that ends the feed; 0 = none */
};

static int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct seen *seen = user;

	aic_buf_append(&seen->text, name.data, name.len);
	aic_buf_putc(&seen->text, '|');
	aic_buf_append(&seen->text, data.data, data.len);
	aic_buf_putc(&seen->text, ';');
	return ++seen->events == seen->stop_at ? 7 : 0;
}

static void on_comment(void *user)
{
	struct seen *seen = user;

	seen->comments++;
	aic_buf_putc(&seen->text, '#');
}

static const struct aic_sse_ops ops = { on_event, on_comment };

/* Feed from heap copies of exact size, so that a read past the end is caught. */
static int feed(struct aic_sse *sse, const char *bytes, size_t len, struct seen *seen)
{
	char *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	int result = aic_sse_feed(sse, (struct aic_str){ copy, len }, &ops, seen);
	free(copy);
	return result;
}

static void expect_cut(const char *bytes, size_t len, size_t first, size_t second,
		       const char *expected)
{
	struct aic_sse sse;
	struct seen seen = { 0 };

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	ck_assert_int_eq(feed(&sse, bytes, first, &seen), 0);
	ck_assert_int_eq(feed(&sse, bytes + first, second - first, &seen), 0);
	ck_assert_int_eq(feed(&sse, bytes + second, len - second, &seen), 0);
	ck_assert_int_eq(aic_sse_end(&sse, &ops, &seen), 0);
	ck_assert_str_eq(aic_buf_str(&seen.text).data, expected);
	aic_sse_done(&sse);
	aic_buf_done(&seen.text);
}

/* Whole, at every pair of cuts, and byte by byte. */
static void expect_len(const char *bytes, size_t len, const char *expected)
{
	struct aic_sse sse;
	struct seen seen = { 0 };

	for (size_t first = 0; first <= len; first++)
		for (size_t second = first; second <= len; second++)
			expect_cut(bytes, len, first, second, expected);
	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(feed(&sse, bytes + i, 1, &seen), 0);
	ck_assert_int_eq(aic_sse_end(&sse, &ops, &seen), 0);
	ck_assert_str_eq(aic_buf_str(&seen.text).data, expected);
	aic_sse_done(&sse);
	aic_buf_done(&seen.text);
}

static void expect(const char *bytes, const char *expected)
{
	expect_len(bytes, strlen(bytes), expected);
}

START_TEST(test_usual_streams)
{
	expect("", "");
	expect("data: {\"a\":1}\n\ndata: [DONE]\n\n", "|{\"a\":1};|[DONE];");
	expect("event: ping\ndata: {}\n\nevent: x\ndata: y\n\n", "ping|{};x|y;");
	expect("data:no space\n\ndata:  two\n\n", "|no space;| two;");
	expect("data: \xF0\x9F\x98\x80 \xC3\xA9\n\n", "|\xF0\x9F\x98\x80 \xC3\xA9;");
}
END_TEST

START_TEST(test_line_ends)
{
	expect("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", "a|1;|2;");
	expect("event: a\rdata: 1\r\rdata: 2\r\r", "a|1;|2;");
	expect("data: 1\r\n\ndata: 2\n\r\ndata: 3\r\n\r", "|1;|2;|3;");
	expect("\n\n\r\r\n\ndata: 1\n\n\n", "|1;");
}
END_TEST

START_TEST(test_fields)
{
	expect(": comment\ndata: 1\n:\n\n", "#"
					    "#"
					    "|1;");
	expect("data: 1\ndata: 2\ndata\ndata: 4\n\n", "|1\n2\n\n4;");
	expect("id: 5\nretry: 100\nwhat: ever\nnocolon\ndata: 1\n\n", "|1;");
	/* A name counts for its own event only, the last one wins. */
	expect("event: a\nevent: b\ndata: 1\n\ndata: 2\n\n", "b|1;|2;");
	/* Without data there is no event, and the name is forgotten. */
	expect("event: a\n\ndata: 1\n\nevent: b\ndata:\n\ndata: 2\n\n", "|1;|2;");
	expect("data: 1\nevent: late\n\n", "late|1;");
}
END_TEST

START_TEST(test_byte_order_mark)
{
	expect("\xEF\xBB\xBF"
	       "data: 1\n\n",
	       "|1;");
	/* Only the first one, and only a whole one. */
	expect("\xEF\xBB\xBF\xEF\xBB\xBF"
	       "data: 1\n\ndata: 2\n\n",
	       "|2;");
	expect("\xEF\xBB"
	       "data: 1\n\ndata: 2\n\n",
	       "|2;");
}
END_TEST

START_TEST(test_end_without_blank_line)
{
	expect("data: {\"a\":[]}", "|{\"a\":[]};");
	expect("event: e\ndata: {\"a\":1}\n", "e|{\"a\":1};");
	expect("data: [DONE] ", "|[DONE] ;");
	expect("data: {\"a\":", "");
	expect("data: text\n", "");
	expect("event: x", "");
}
END_TEST

START_TEST(test_nul_bytes)
{
	static const char bytes[] = "data: a\0b\n\n";
	struct aic_sse sse;
	struct seen seen = { 0 };

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	ck_assert_int_eq(feed(&sse, bytes, sizeof(bytes) - 1, &seen), 0);
	ck_assert_uint_eq(seen.text.len, 5);
	ck_assert_mem_eq(seen.text.data, "|a\0b;", 5);
	aic_sse_done(&sse);
	aic_buf_done(&seen.text);
}
END_TEST

START_TEST(test_handler_ends_the_feed)
{
	struct aic_sse sse;
	struct seen seen = { .stop_at = 2 };
	const char *bytes = "data: 1\n\ndata: 2\n\ndata: 3\n\n";

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	ck_assert_int_eq(feed(&sse, bytes, strlen(bytes), &seen), 7);
	ck_assert_int_eq(seen.events, 2);
	aic_sse_done(&sse);
	aic_buf_done(&seen.text);
}
END_TEST

static int feed_limited(const char *bytes, size_t step)
{
	struct aic_sse sse;
	struct seen seen = { 0 };
	int result = 0;

	aic_sse_init(&sse, 16);
	for (size_t at = 0; !result && at < strlen(bytes); at += step)
		result = feed(&sse, bytes + at, AIC_MIN(step, strlen(bytes) - at), &seen);
	aic_sse_done(&sse);
	aic_buf_done(&seen.text);
	return result;
}

START_TEST(test_limit)
{
	for (size_t step = 1; step < 40; step++) {
		ck_assert_int_eq(feed_limited("data: 1234567890\n\n", step), 0);
		ck_assert_int_eq(feed_limited("data: 12345678901\n\n", step),
				 AICHAT_ETOOLARGE);
		ck_assert_int_eq(feed_limited("data: 123456789012345678901", step),
				 AICHAT_ETOOLARGE);
		/* Several lines make one event. */
		ck_assert_int_eq(feed_limited("data: 123456\ndata: 123456\n"
					      "data: 12\n\n",
					      step),
				 0);
		ck_assert_int_eq(feed_limited("data: 123456\ndata: 123456\n"
					      "data: 123\n\n",
					      step),
				 AICHAT_ETOOLARGE);
	}
}
END_TEST

/* 1 MiB of each line end, fed at once, must not take quadratic time. */
START_TEST(test_long_runs)
{
	static const char ends[] = { '\n', '\r' };
	size_t len = (size_t)1 << 20;
	char *bytes = malloc(len);

	for (size_t i = 0; i < sizeof(ends); i++) {
		struct aic_sse sse;
		struct seen seen = { 0 };
		memset(bytes, ends[i], len);
		aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
		ck_assert_int_eq(
			aic_sse_feed(&sse, (struct aic_str){ bytes, len }, &ops, &seen),
			0);
		ck_assert_int_eq(seen.events, 0);
		aic_sse_done(&sse);
	}
	free(bytes);
}
END_TEST

#ifdef AIC_TEST_HOOKS
START_TEST(test_out_of_memory)
{
	const char *bytes = ": c\nevent: a\ndata: {\ndata: }\n\ndata: 1";
	bool failed_once = false;

	for (uint64_t n = 1;; n++) {
		struct aic_sse sse;
		struct seen seen = { 0 };
		int result = 0;
		aic_buf_reserve(&seen.text, 256);
		aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
		aic_mem_fail_at(n, false);
		for (size_t i = 0; !result && i < strlen(bytes); i++)
			result = feed(&sse, bytes + i, 1, &seen);
		bool finished = aic_mem_count() < n;
		aic_mem_fail_at(0, false);
		aic_sse_done(&sse);
		aic_buf_done(&seen.text);
		if (finished) {
			ck_assert_int_eq(result, 0);
			break;
		}
		ck_assert_int_eq(result, AICHAT_ENOMEM);
		failed_once = true;
	}
	ck_assert(failed_once);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("sse");
	TCase *tests = tcase_create("framing");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_usual_streams);
	tcase_add_test(tests, test_line_ends);
	tcase_add_test(tests, test_fields);
	tcase_add_test(tests, test_byte_order_mark);
	tcase_add_test(tests, test_end_without_blank_line);
	tcase_add_test(tests, test_nul_bytes);
	tcase_add_test(tests, test_handler_ends_the_feed);
	tcase_add_test(tests, test_limit);
	tcase_add_test(tests, test_long_runs);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, test_out_of_memory);
#endif
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
