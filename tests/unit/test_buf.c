/* The growing buffer and the allocator under it. */

#include <stdlib.h>

#include <check.h>

#include <aichat/error.h>

#include "base/buf.h"
#include "base/mem.h"

START_TEST(appends)
{
	struct aic_buf buf = aic_buf(0);

	ck_assert_str_eq(aic_buf_str(&buf).data, "");
	ck_assert_int_eq(aic_buf_append(&buf, NULL, 0), 0);
	ck_assert_int_eq(aic_buf_append(&buf, "ab\0c", 4), 0);
	ck_assert_int_eq(aic_buf_puts(&buf, "d"), 0);
	ck_assert_int_eq(aic_buf_putc(&buf, 'e'), 0);
	ck_assert_int_eq(aic_buf_printf(&buf, "%s-%d", "f", 7), 0);
	ck_assert_int_eq(aic_buf_put_int(&buf, INT64_MIN), 0);
	ck_assert_int_eq(aic_buf_put_int(&buf, 0), 0);
	ck_assert_uint_eq(buf.len, 30);
	ck_assert_mem_eq(buf.data, "ab\0cdef-7-92233720368547758080", 31);
	aic_buf_consume(&buf, 4);
	ck_assert_str_eq(buf.data, "def-7-92233720368547758080");
	aic_buf_consume(&buf, 1000);
	ck_assert_uint_eq(buf.len, 0);
	ck_assert_str_eq(buf.data, "");
	aic_buf_done(&buf);
	ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(grows_past_every_size)
{
	struct aic_buf buf = aic_buf(0);

	for (int i = 0; i < 100000; i++)
		aic_buf_putc(&buf, (char)('a' + i % 26));
	ck_assert_uint_eq(buf.len, 100000);
	for (int i = 0; i < 100000; i++)
		if (buf.data[i] != 'a' + i % 26)
			ck_abort_msg("wrong at %d", i);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(maximum_sticks)
{
	struct aic_buf buf = aic_buf(5);

	ck_assert_int_eq(aic_buf_puts(&buf, "abc"), 0);
	ck_assert_int_eq(aic_buf_puts(&buf, "def"), AICHAT_ETOOLARGE);
	ck_assert_int_eq(aic_buf_puts(&buf, "d"), AICHAT_ETOOLARGE);
	ck_assert_int_eq(aic_buf_printf(&buf, "%d", 1), AICHAT_ETOOLARGE);
	ck_assert_str_eq(buf.data, "abc");
	ck_assert_ptr_null(aic_buf_take(&buf, NULL));
	ck_assert_ptr_null(aic_buf_reserve(&buf, 0));
	aic_buf_reset(&buf);
	ck_assert_int_eq(aic_buf_puts(&buf, "12345"), 0);
	ck_assert_int_eq(aic_buf_append(&buf, "x", SIZE_MAX), AICHAT_ETOOLARGE);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(take_hands_over)
{
	struct aic_buf buf = aic_buf(0);
	size_t len = 9;
	char *text = aic_buf_take(&buf, &len);

	ck_assert_str_eq(text, "");
	ck_assert_uint_eq(len, 0);
	aic_free(text);
	aic_buf_puts(&buf, "abc");
	text = aic_buf_take(&buf, &len);
	ck_assert_str_eq(text, "abc");
	ck_assert_uint_eq(len, 3);
	aic_free(text);
	ck_assert_uint_eq(buf.len, 0);
	ck_assert_int_eq(aic_buf_puts(&buf, "again"), 0);
	ck_assert_str_eq(buf.data, "again");
	aic_buf_done(&buf);
}
END_TEST

START_TEST(memory_edges)
{
	void *nothing = aic_malloc(0);
	int *items = NULL;
	size_t capacity = 0;

	ck_assert_ptr_nonnull(nothing);
	aic_free(nothing);
	ck_assert_ptr_null(aic_realloc_array(NULL, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(aic_strdup(NULL));
	ck_assert_ptr_null(aic_strndup("x", SIZE_MAX));
	for (size_t i = 0; i < 1000; i++) {
		ck_assert(AIC_GROW(items, i, &capacity));
		items[i] = (int)i;
	}
	ck_assert_int_eq(items[999], 999);
	ck_assert_uint_ge(capacity, 1000);
	aic_free(items);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("buf");
	TCase *tests = tcase_create("buf");

	tcase_add_test(tests, appends);
	tcase_add_test(tests, grows_past_every_size);
	tcase_add_test(tests, maximum_sticks);
	tcase_add_test(tests, take_hands_over);
	tcase_add_test(tests, memory_edges);
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
