/*
 * What only test builds can show: JSON when allocations fail, each in its turn.
 */

#include <stdlib.h>

#include <check.h>

#include <aichat/json.h>

#include "base/json.h"
#include "base/mem.h"

static const char sample[] = "{\"a\\n\":[1,2.5,\"x\\u0000y\",{\"k\":null,\"z\":true}],"
			     "\"long\":12345678901234567890123456789012345678901234567890"
			     "12345678901234567890}";

static struct aic_json doc;

static int scan(const char *text)
{
	return aic_json_scan(&doc, text, strlen(text), &aic_json_strict);
}

static void teardown(void)
{
	aic_mem_fail_at(0, false);
	aic_json_done(&doc);
}

/* Without memory: the code, nothing leaked, and the tape works again afterwards. */
START_TEST(scan_without_memory)
{
	struct aic_buf buf = aic_buf(0);

	for (int i = 0; i < 300; i++)
		aic_buf_printf(&buf, "%c\"k%d\\n\":%d", i ? ',' : '{', i, i);
	aic_buf_putc(&buf, '}');
	int code = AICHAT_ENOMEM;
	uint64_t n = 0;
	while (code == AICHAT_ENOMEM) {
		struct aic_json fresh = { 0 };
		n++;
		aic_mem_fail_at(n, n % 2);
		code = aic_json_scan(&fresh, buf.data, buf.len, &aic_json_strict);
		aic_mem_fail_at(0, false);
		ck_assert(code == 0 || fresh.count == 0);
		ck_assert_int_eq(
			aic_json_scan(&fresh, buf.data, buf.len, &aic_json_strict), 0);
		aic_json_done(&fresh);
	}
	ck_assert_int_eq(code, 0);
	ck_assert_uint_gt(n, 4);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(reading_without_memory)
{
	struct aic_buf buf = aic_buf(0);
	double value;
	char digits[300];

	ck_assert_int_eq(scan("[\"a\\n\"]"), 0);
	aic_mem_fail_at(1, true);
	ck_assert_ptr_null(aic_json_str(&doc, 1, &buf).data);
	ck_assert_int_eq(buf.error, AICHAT_ENOMEM);
	ck_assert_ptr_null(aic_json_strdup(&doc, 1));
	aic_mem_fail_at(0, false);
	memset(digits, '7', sizeof(digits));
	ck_assert_int_eq(aic_json_scan(&doc, digits, sizeof(digits), &aic_json_strict),
			 0);
	aic_mem_fail_at(1, true);
	ck_assert(!aic_json_double(&doc, 0, &value));
	aic_mem_fail_at(0, false);
	ck_assert(aic_json_double(&doc, 0, &value));
	aic_buf_done(&buf);
}
END_TEST

/* The tape's memory is kept: a stream of chunks allocates nothing. */
START_TEST(second_scan_allocates_nothing)
{
	ck_assert_int_eq(scan(sample), 0);
	aic_mem_fail_at(1, true);
	ck_assert_int_eq(scan(sample), 0);
	ck_assert_uint_eq(aic_mem_count(), 0);
	aic_mem_fail_at(0, false);
}
END_TEST

static int public_round(void)
{
	aichat_json *read = NULL;
	aichat_error *error = NULL;
	int code = aichat_json_parse(sample, -1, &read, &error);

	ck_assert_int_eq(aichat_error_code(error), code);
	aichat_error_unref(error);
	aichat_json_writer *writer = aichat_json_writer_new(0);
	aichat_json_writer_begin_array(writer);
	aichat_json_writer_raw(writer, "{\"a\":[1,2,3]}", -1);
	aichat_json_writer_string(writer, sample, -1);
	aichat_json_writer_end_array(writer);
	int written = aichat_json_writer_finish(writer, NULL, NULL);
	aichat_json_writer_unref(writer);
	aichat_json_unref(read);
	return code < 0 ? code : written;
}

/* The n-th allocation fails, for every n that there is, once and from then on. */
START_TEST(json_without_memory)
{
	int code = AICHAT_ENOMEM;
	uint64_t n = 0;

	while (code == AICHAT_ENOMEM) {
		aic_mem_fail_at(++n, _i);
		code = public_round();
		aic_mem_fail_at(0, false);
	}
	ck_assert_int_eq(code, 0);
	ck_assert_uint_gt(n, 5);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("json_hooks");
	TCase *tests = tcase_create("json_hooks");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, scan_without_memory);
	tcase_add_test(tests, reading_without_memory);
	tcase_add_test(tests, second_scan_allocates_nothing);
	tcase_add_loop_test(tests, json_without_memory, 0, 2);
	suite_add_tcase(s, tests);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
