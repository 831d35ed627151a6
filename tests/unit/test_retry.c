/* Which failures are worth another attempt, and when it is made. */

#include <stdlib.h>

#include <check.h>

#include <aichat/error.h>

#include "net/head.h"
#include "provider/retry.h"

static struct aic_retry_facts facts(int status)
{
	return (struct aic_retry_facts){
		.code = AICHAT_EPROVIDER,
		.http_status = status,
		.retry_after_ms = -1,
		.should_retry = -1,
	};
}

static int64_t delay(const struct aic_retry_facts *f, int64_t made)
{
	return aic_retry_delay_ms(f, made, 2, 60000, 0);
}

START_TEST(test_statuses)
{
	static const struct {
		int status;
		bool again;
	} cases[] = {
		{ 400, false }, { 401, false }, { 402, false }, { 403, false },
		{ 404, false }, { 408, true },  { 409, true },  { 413, false },
		{ 422, false }, { 429, true },  { 498, true },  { 499, false },
		{ 500, true },  { 502, true },  { 503, true },  { 504, true },
		{ 529, true },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		struct aic_retry_facts f = facts(cases[i].status);
		ck_assert_msg((delay(&f, 0) >= 0) == cases[i].again, "status %d",
			      cases[i].status);
	}
}
END_TEST

START_TEST(test_no_answer)
{
	struct aic_retry_facts f = facts(0);

	f.code = AICHAT_ENETWORK;
	ck_assert_int_ge(delay(&f, 0), 0);
	f.code = AICHAT_ETIMEOUT;
	ck_assert_int_ge(delay(&f, 0), 0);
	f.code = AICHAT_ETLS;
	ck_assert_int_eq(delay(&f, 0), -1);
	f.code = AICHAT_EPROTOCOL;
	ck_assert_int_eq(delay(&f, 0), -1);
}
END_TEST

START_TEST(test_what_the_provider_says)
{
	struct aic_retry_facts f = facts(500);

	f.should_retry = 0;
	ck_assert_int_eq(delay(&f, 0), -1);
	f = facts(400);
	f.should_retry = 1;
	ck_assert_int_ge(delay(&f, 0), 0);
	f = facts(402);
	f.retry_after_ms = 1000;
	ck_assert_int_eq(delay(&f, 0), 1000);
	f = facts(429);
	f.retry_after_ms = 120;
	ck_assert_int_eq(delay(&f, 0), 120);
	f.retry_after_ms = 60000;
	ck_assert_int_eq(delay(&f, 0), 60000);
	f.retry_after_ms = 60001;
	ck_assert_int_eq(delay(&f, 0), -1);
	/* Money does not come back by waiting, whatever else is said. */
	f = facts(429);
	f.never_retry = true;
	f.should_retry = 1;
	f.retry_after_ms = 1;
	ck_assert_int_eq(delay(&f, 0), -1);
}
END_TEST

START_TEST(test_backoff)
{
	struct aic_retry_facts f = facts(503);

	ck_assert_int_eq(aic_retry_delay_ms(&f, 0, 9, 60000, 0), 500);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 0, 9, 60000, 1), 375);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 1, 9, 60000, 0), 1000);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 1, 9, 60000, 1), 750);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 4, 9, 60000, 0), 8000);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 8, 9, 60000, 0), 8000);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 8, 9, 3000, 0), 3000);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 2, 2, 60000, 0), -1);
	ck_assert_int_eq(aic_retry_delay_ms(&f, 0, 0, 60000, 0), -1);
}
END_TEST

START_TEST(test_retry_after_values)
{
	const int64_t now = INT64_C(784111777000); /* Sun, 06 Nov 1994 08:49:37 GMT */

	ck_assert_int_eq(aic_retry_after_ms("2", now), 2000);
	ck_assert_int_eq(aic_retry_after_ms("0.12", now), 120);
	ck_assert_int_eq(aic_retry_after_ms("0", now), 0);
	ck_assert_int_eq(aic_retry_after_ms("99999999999999999999", now),
			 INT64_C(1000000000000));
	ck_assert_int_eq(aic_retry_after_ms("Sun, 06 Nov 1994 08:49:39 GMT", now), 2000);
	ck_assert_int_eq(aic_retry_after_ms("Sun, 06 Nov 1994 08:49:07 GMT", now), 0);
	ck_assert_int_eq(aic_retry_after_ms("", now), -1);
	ck_assert_int_eq(aic_retry_after_ms("-1", now), -1);
	ck_assert_int_eq(aic_retry_after_ms("1e3", now), -1);
	ck_assert_int_eq(aic_retry_after_ms("soon: later", now), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retry");
	TCase *tests = tcase_create("rules");

	tcase_add_test(tests, test_statuses);
	tcase_add_test(tests, test_no_answer);
	tcase_add_test(tests, test_what_the_provider_says);
	tcase_add_test(tests, test_backoff);
	tcase_add_test(tests, test_retry_after_values);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
