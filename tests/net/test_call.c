/* Calls that go well, that are stopped and paused, many at once, and without memory. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "seeds.h"
#include "support.h"

/* tok0 tok1 ... as fakellm makes them. */
static void expect_tokens(const struct asked *asked, int count)
{
	char word[32];
	const char *at = asked->text;

	for (int i = 0; i < count; i++) {
		snprintf(word, sizeof(word), "tok%d ", i);
		ck_assert_msg(strncmp(at, word, strlen(word)) == 0, "at %d: %.20s", i,
			      at);
		at += strlen(word);
	}
	ck_assert_str_eq(at, "");
}

static void expect_good(const struct asked *asked)
{
	ck_assert_msg(asked->code == 0, "%s", asked->line);
	ck_assert(asked->began);
	ck_assert_int_eq(asked->parts_open, 0);
	ck_assert_int_eq(asked->messages, 1);
	ck_assert_int_eq(asked->stop_reason, AICHAT_STOP_STOP);
}

static void expect_reply(const char *elements, const char *dialect, bool stream,
			 int tokens)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, elements, dialect, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", stream), 0);
	await(asked);
	expect_good(asked);
	expect_tokens(asked, tokens);
	ck_assert_int_eq(asked->output_tokens, tokens);
	asked_free(asked);
	world_close(&world);
}

START_TEST(test_replies)
{
	static const char *const dialects[] = { CHAT, MESSAGES };

	for (size_t i = 0; i < AIC_ARRAY_LEN(dialects); i++) {
		expect_reply("gen/n/12/", dialects[i], true, 12);
		expect_reply("gen/n/12/", dialects[i], false, 12);
		/* Plain JSON though a stream was asked for. */
		expect_reply("gen/n/12/json/", dialects[i], true, 12);
		expect_reply("gen/n/5/chunk/1/", dialects[i], true, 5);
		expect_reply("gen/n/5/chunk/1/crlf/", dialects[i], true, 5);
		expect_reply("gen/n/5/chunk/7/cr/", dialects[i], true, 5);
		expect_reply("gen/n/500/whole/", dialects[i], true, 500);
		expect_reply("gen/n/12/close/", dialects[i], true, 12);
		expect_reply("gen/n/12/delay/50/slow-headers/10/", dialects[i], true, 12);
		expect_reply("gen/n/5/rate/100/", dialects[i], true, 5);
	}
	/* A long answer in one line and in pieces. */
	expect_reply("gen/n/2000/", CHAT, true, 2000);
	/* Without [DONE]: the finish reason is enough. */
	expect_reply("gen/n/5/no-done/", CHAT, true, 5);
}
END_TEST

static int connections(const char *stats)
{
	return (int)strtol(strstr(stats, "\"connections\":") + 14, NULL, 10);
}

START_TEST(test_connections_are_used_again)
{
	struct world world;
	char *before = server_get("/control/stats");
	int had = connections(before);

	free(before);
	world_open(&world, "gen/n/3/", CHAT, NULL);
	for (int i = 0; i < 10; i++) {
		struct asked *asked = asked_new();
		ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
		await(asked);
		expect_good(asked);
		asked_free(asked);
	}
	char *after = server_get("/control/stats");
	/* One for the calls (two where one was still being read), two for the look-ups.
	 */
	ck_assert_int_le(connections(after) - had, 4);
	free(after);
	world_close(&world);
}
END_TEST

START_TEST(test_request_id_and_headers)
{
	struct world world;
	struct asked *asked = asked_new();

	/* It gives the request's body back as text. */
	world_open(&world, "echo/request/", CHAT,
		   OPTIONS("provider.fake.headers", "X-Test: yes\nX-More: 1"));
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	expect_good(asked);
	ck_assert_ptr_nonnull(strstr(asked->text, "\"model\":\"model-1\""));
	ck_assert_ptr_nonnull(strstr(asked->text, "\"stream\":true"));
	ck_assert_ptr_nonnull(strstr(asked->text, "include_usage"));
	asked_free(asked);
	world_close(&world);
}
END_TEST

START_TEST(test_echo)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "none/", CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "echo", true), 0);
	await(asked);
	expect_good(asked);
	ck_assert_str_eq(asked->text, "Say  something\nnice");
	ck_assert_int_eq(asked->output_tokens, 3);
	ck_assert_int_ge(asked->events, 6);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* --- stopping and pausing --- */

static void expect_cancelled(const char *elements, bool after_text)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, elements, CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	if (after_text)
		await_text(asked);
	int64_t before = aic_clock_mono_ms();
	aic_call_cancel(asked->call);
	await(asked);
	/* It is a matter of one wake-up; the bound is for a busy machine. */
	ck_assert_int_lt(aic_clock_mono_ms() - before, 2000);
	ck_assert_int_eq(asked->code, AICHAT_ECANCELED);
	ck_assert_int_eq(asked->parts_open, 0);
	ck_assert_int_eq(asked->began, after_text);
	aic_call_cancel(asked->call); /* changes nothing any more */
	aic_call_pause(asked->call, true);
	asked_free(asked);
	world_close(&world);
}

START_TEST(test_cancel)
{
	expect_cancelled("gen/n/100000/rate/50/", true);
	expect_cancelled("gen/n/10/stall/0/", false);
	expect_cancelled("gen/delay/20000/", false);
	expect_cancelled("gen/n/100000/", true);
	expect_cancelled("ping-only/", false);
	/* While connecting. */
	struct silence silence;
	silence_open(&silence);
	expect_cancelled(silence.url, false);
	silence_close(&silence);
}
END_TEST

START_TEST(test_the_server_sees_the_end)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "gen/n/100000/rate/20/bytes/11/", CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await_text(asked);
	aic_call_cancel(asked->call);
	await(asked);
	bool gone = false;
	for (int i = 0; i < 200 && !gone; i++) {
		char *stats = server_get("/control/stats");
		gone = strstr(stats, "\"active\":0,") != NULL;
		free(stats);
		if (!gone)
			usleep(20000);
	}
	ck_assert(gone);
	asked_free(asked);
	world_close(&world);
}
END_TEST

START_TEST(test_pause)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "gen/n/3000/bytes/200/", CHAT, NULL);
	/* The silence is ours: no timeout may strike while it lasts. */
	world.limits.event_timeout_ms = 1000;
	asked->slow = true;
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await_text(asked);
	aic_call_pause(asked->call, true);
	usleep(200000);
	pthread_mutex_lock(&asked->lock);
	int seen = asked->events;
	ck_assert(!asked->done);
	pthread_mutex_unlock(&asked->lock);
	usleep(1300000);
	pthread_mutex_lock(&asked->lock);
	ck_assert_int_eq(asked->events, seen);
	ck_assert(!asked->done);
	asked->slow = false;
	pthread_mutex_unlock(&asked->lock);
	aic_call_pause(asked->call, false);
	await(asked);
	expect_good(asked);
	ck_assert_int_eq(asked->output_tokens, 3000);
	asked_free(asked);
	world_close(&world);
}
END_TEST

START_TEST(test_cancel_while_paused)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "gen/n/100000/", CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await_text(asked);
	aic_call_pause(asked->call, true);
	usleep(50000);
	aic_call_cancel(asked->call);
	await(asked);
	ck_assert_int_eq(asked->code, AICHAT_ECANCELED);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* Pausing before the first byte, and back and forth. */
START_TEST(test_pause_at_once)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "delay/500/gen/n/300/", CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	aic_call_pause(asked->call, true);
	usleep(800000);
	pthread_mutex_lock(&asked->lock);
	ck_assert(!asked->done);
	pthread_mutex_unlock(&asked->lock);
	for (int i = 0; i < 21; i++)
		aic_call_pause(asked->call, i % 2);
	await(asked);
	expect_good(asked);
	expect_tokens(asked, 300);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* --- many, and the end of the engine --- */

START_TEST(test_a_hundred_at_once)
{
	enum {
		COUNT = 100
	};
	struct world world;
	struct asked *asked[COUNT];

	world_open(&world, "gen/n/50/rate/100/", CHAT, NULL);
	for (int i = 0; i < COUNT; i++) {
		asked[i] = asked_new();
		ck_assert_int_eq(ask(&world, asked[i], "fake/model-1", true), 0);
		/* Before it can be over, however long the start of all takes. */
		if (i % 10 == 9)
			aic_call_cancel(asked[i - 9]->call);
	}
	for (int i = 0; i < COUNT; i++) {
		await(asked[i]);
		if (i % 10 == 0) {
			ck_assert_int_eq(asked[i]->code, AICHAT_ECANCELED);
		} else {
			expect_good(asked[i]);
			expect_tokens(asked[i], 50);
		}
		asked_free(asked[i]);
	}
	world_close(&world);
}
END_TEST

static void expect_closed(const char *elements, const char *const *options,
			  bool after_text)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, elements, CHAT, options);
	world.limits.max_retries = 5;
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	if (after_text)
		await_text(asked);
	else
		usleep(100000);
	world.engine = aic_engine_free(world.engine);
	ck_assert(asked->done);
	ck_assert_int_eq(asked->code, AICHAT_ECLOSED);
	ck_assert_int_eq(asked->parts_open, 0);
	asked_free(asked);
	world_close(&world);
}

START_TEST(test_engine_ends_first)
{
	expect_closed("gen/n/100000/rate/50/", NULL, true);
	expect_closed("gen/delay/20000/", NULL, false);
	/* Between two attempts, and while the key is being made. */
	expect_closed("status/503/retry-after/30/", NULL, false);
	expect_closed("gen/",
		      OPTIONS("provider.fake.api_key", "", "provider.fake.key_command",
			      "sleep 20"),
		      false);
	/* An engine that nobody used. */
	struct world world;
	world_open(&world, "gen/", CHAT, NULL);
	world_close(&world);
}
END_TEST

/* An idle engine sleeps: no time of its own passes. */
START_TEST(test_idle)
{
	struct world world;
	struct asked *asked = asked_new();
	struct timespec before;
	struct timespec after;

	world_open(&world, "gen/n/3/", CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	usleep(500000); /* curl's own timers run out */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	usleep(1000000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	int64_t used_us = (after.tv_sec - before.tv_sec) * 1000000 +
			  (after.tv_nsec - before.tv_nsec) / 1000;
	ck_assert_int_lt(used_us, 20000);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* --- memory --- */

#ifdef AIC_TEST_HOOKS
/* Fail the n-th allocation of a call, once or from then on: it ends, and nothing leaks.
 */
static void expect_survival(const char *elements, const char *dialect, bool stream)
{
	struct world world;
	unsigned failures = 0;

	world_open(&world, elements, dialect, NULL);
	world.limits.max_retries = 1;
	world.limits.max_retry_delay_ms = 1;
	for (uint64_t n = 1;; n += stride()) {
		struct asked *asked = asked_new();
		aic_mem_fail_at(n, n % 2);
		if (ask(&world, asked, "fake/model-1", stream) == 0)
			await(asked);
		bool finished = aic_mem_count() < n;
		aic_mem_fail_at(0, false);
		/* What there was no memory for was not told. */
		if (asked->code != AICHAT_ENOMEM)
			ck_assert_int_eq(asked->parts_open, 0);
		/* Some allocations are for what can be missed, such as a request's id. */
		if (asked->code != 0)
			ck_assert_msg(asked->code == AICHAT_ENOMEM ||
					      asked->code == AICHAT_EREQUEST ||
					      asked->code == AICHAT_EOVERLOADED,
				      "%d: %s", asked->code, asked->line);
		failures += asked->code == AICHAT_ENOMEM;
		asked_free(asked);
		if (finished)
			break;
	}
	ck_assert_uint_ge(failures, seeds(11));
	world_close(&world);
}

START_TEST(test_out_of_memory)
{
	expect_survival("gen/n/3/tools/0/", CHAT, true);
	expect_survival("gen/n/3/", CHAT, false);
	expect_survival("gen/n/3/thinking/2/", MESSAGES, true);
	expect_survival("status/503/retry-after-ms/1/", CHAT, true);
}
END_TEST
#endif

int main(void)
{
	server_start();
	Suite *suite = suite_create("call");
	TCase *tests = tcase_create("calls");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_replies);
	tcase_add_test(tests, test_connections_are_used_again);
	tcase_add_test(tests, test_request_id_and_headers);
	tcase_add_test(tests, test_echo);
	tcase_add_test(tests, test_cancel);
	tcase_add_test(tests, test_the_server_sees_the_end);
	tcase_add_test(tests, test_pause);
	tcase_add_test(tests, test_cancel_while_paused);
	tcase_add_test(tests, test_pause_at_once);
	tcase_add_test(tests, test_a_hundred_at_once);
	tcase_add_test(tests, test_engine_ends_first);
	tcase_add_test(tests, test_idle);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, test_out_of_memory);
#endif
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
