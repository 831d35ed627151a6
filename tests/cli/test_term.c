/* Nothing that a terminal obeys gets through the filter, however the text is split. */

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "seeds.h"
#include "term.h"

static size_t filter_all(const char *text, size_t len, size_t piece, char *out)
{
	struct term_filter filter = { 0 };
	size_t used = 0;

	for (size_t at = 0; at < len; at += piece) {
		size_t count = len - at < piece ? len - at : piece;
		size_t added = term_filter_push(&filter, text + at, count, out + used);
		ck_assert_uint_le(added, TERM_FILTER_ROOM(count));
		used += added;
	}
	used += term_filter_end(&filter, out + used);
	out[used] = '\0';
	return used;
}

static void expect(const char *text, size_t len, const char *wanted)
{
	char out[1024];

	for (size_t piece = 1; piece <= len; piece++) {
		filter_all(text, len, piece, out);
		ck_assert_str_eq(out, wanted);
	}
}

/* As a terminal in UTF-8 sees it: no C0 but newline and tab, no DEL, no C1, no override
 * of the direction. */
static bool is_harmless(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char *at = (const unsigned char *)text + i;
		if ((at[0] < 0x20 && at[0] != '\n' && at[0] != '\t') || at[0] == 0x7f ||
		    (at[0] == 0xc2 && at[1] <= 0x9f) || (at[0] == 0xd8 && at[1] == 0x9c))
			return false;
		if (at[0] == 0xe2 && at[1] == 0x80 &&
		    ((at[2] >= 0xaa && at[2] <= 0xae) || at[2] == 0x8e || at[2] == 0x8f))
			return false;
		if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
			return false;
	}
	return term_utf8_prefix(text, len) == len;
}

#define EXPECT(text, wanted) expect(text, sizeof(text) - 1, wanted)

START_TEST(test_plain_text_passes)
{
	EXPECT("a\tb\nc", "a\tb\nc");
	EXPECT("gr\xc3\xbc\xc3\x9f dich \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80\n",
	       "gr\xc3\xbc\xc3\x9f dich \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80\n");
	EXPECT("\xc2\xa0\xf4\x8f\xbf\xbf\xee\x80\x80",
	       "\xc2\xa0\xf4\x8f\xbf\xbf\xee\x80\x80");
}
END_TEST

START_TEST(test_controls_become_pictures)
{
	EXPECT("\x1b[31mred", "\xe2\x90\x9b[31mred");
	EXPECT("\x1b]52;c;cm0=\x07", "\xe2\x90\x9b]52;c;cm0=\xe2\x90\x87");
	EXPECT("a\0b", "a\xe2\x90\x80"
		       "b");
	EXPECT("\b\x7f", "\xe2\x90\x88\xe2\x90\xa1");
	EXPECT("\xc2\x9b"
	       "31m",
	       "\xef\xbf\xbd"
	       "31m");
	EXPECT("\xe2\x80\xae"
	       "x\xe2\x81\xa6y\xd8\x9c",
	       "\xef\xbf\xbdx\xef\xbf\xbdy\xef\xbf\xbd");
}
END_TEST

START_TEST(test_carriage_returns)
{
	EXPECT("a\r\nb", "a\nb");
	EXPECT("a\rb", "a\xe2\x90\x8d"
		       "b");
	EXPECT("a\r\r\n", "a\xe2\x90\x8d\n");
	EXPECT("a\r", "a\xe2\x90\x8d");
}
END_TEST

START_TEST(test_what_is_not_utf8)
{
	EXPECT("\xff", "\xef\xbf\xbd");
	EXPECT("\xc0\x9b", "\xef\xbf\xbd\xef\xbf\xbd"); /* an overlong ESC */
	EXPECT("\xe0\x80\x9b", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	EXPECT("\xc3\x1b", "\xef\xbf\xbd\xe2\x90\x9b"); /* ESC in a character */
	EXPECT("\xe4\xb8", "\xef\xbf\xbd");             /* cut off */
	EXPECT("\xed\xa0\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
	EXPECT("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}
END_TEST

START_TEST(test_random_bytes_in_random_pieces)
{
	/* Bytes that matter come more often than others. */
	static const unsigned char nasty[] = { 0x1b, 0x9b, 0xc2, 0xe2, 0x80, 0xae, 0x81,
					       0xa6, '\r', '\n', 0x7f, 0xd8, 0x9c, 0xf0 };
	uint32_t seed = 12345;
	char text[64], out[TERM_FILTER_ROOM(64) + 32], again[sizeof(out)];

	for (int round = 0; round < (int)seeds(20000); round++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1664525u + 1013904223u;
			uint32_t draw = seed >> 8;
			text[i] = draw & 1 ? (char)nasty[(draw >> 1) % sizeof(nasty)]
					   : (char)(draw >> 1);
		}
		size_t used = filter_all(text, sizeof(text), sizeof(text), out);
		ck_assert(is_harmless(out, used));
		size_t other = filter_all(text, sizeof(text), 1 + round % 7, again);
		ck_assert_mem_eq(out, again, used);
		ck_assert_uint_eq(used, other);
	}
}
END_TEST

START_TEST(test_utf8_prefix)
{
	ck_assert_uint_eq(term_utf8_prefix("abc", 3), 3);
	ck_assert_uint_eq(term_utf8_prefix("ab\xff", 3), 2);
	ck_assert_uint_eq(term_utf8_prefix("a\xc3", 2), 1);
	ck_assert_uint_eq(term_utf8_prefix("\xc3\xbc\xed\xa0\x80", 5), 2);
	ck_assert_uint_eq(term_utf8_prefix("", 0), 0);
}
END_TEST

static void expect_line(const char *text, size_t max, const char *wanted)
{
	char *line = term_line(text, max);

	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(line, wanted);
	free(line);
}

START_TEST(test_lines)
{
	expect_line(" one\n\ntwo\tthree \n", 80, "one two three");
	expect_line("abcdef", 6, "abcdef");
	expect_line("abcdef", 3, "abc\xe2\x80\xa6");
	expect_line("\xc3\xbc\xc3\xbc\xc3\xbc", 2, "\xc3\xbc\xc3\xbc\xe2\x80\xa6");
	expect_line("a\x1b]0;title\x07", 80, "a\xe2\x90\x9b]0;title\xe2\x90\x87");
	expect_line("", 80, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("term");
	TCase *cases = tcase_create("filter");

	tcase_set_timeout(cases, 60);
	SRunner *runner = srunner_create(suite);

	tcase_add_test(cases, test_plain_text_passes);
	tcase_add_test(cases, test_controls_become_pictures);
	tcase_add_test(cases, test_carriage_returns);
	tcase_add_test(cases, test_what_is_not_utf8);
	tcase_add_test(cases, test_random_bytes_in_random_pieces);
	tcase_add_test(cases, test_utf8_prefix);
	tcase_add_test(cases, test_lines);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
