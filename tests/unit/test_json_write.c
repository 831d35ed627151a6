/* The JSON writer, the trees, and the public face of both. */

#include <locale.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include <aichat/json.h>

#include "base/mem.h"
#include "json_copy.h"

static struct aic_buf buf;
static struct aic_json doc;
static struct aic_json_writer w;

static void setup(void)
{
	buf = aic_buf(0);
	doc = (struct aic_json){ 0 };
	w = aic_json_writer(&buf);
}

static void teardown(void)
{
	aic_json_done(&doc);
	aic_buf_done(&buf);
}

START_TEST(writer_puts_commas)
{
	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "a", "x");
	aic_json_put_member(&w, "absent", NULL);
	aic_json_put_key(&w, "b");
	aic_json_begin(&w, '[');
	aic_json_end(&w, ']');
	aic_json_put_key(&w, "c");
	aic_json_begin(&w, '[');
	aic_json_put_int(&w, INT64_MIN);
	aic_json_put_bool(&w, true);
	aic_json_put_bool(&w, false);
	aic_json_put_null(&w);
	aic_json_put_text(&w, NULL);
	aic_json_put_raw(&w, aic_str("1.50"));
	aic_json_begin(&w, '{');
	aic_json_end(&w, '}');
	aic_json_end(&w, ']');
	aic_json_put_keyn(&w, aic_str("d\n"));
	aic_json_put_str(&w, (struct aic_str){ NULL, 0 });
	aic_json_end(&w, '}');
	ck_assert_str_eq(buf.data,
			 "{\"a\":\"x\",\"b\":[],\"c\":[-9223372036854775808,true,false,"
			 "null,null,1.50,{}],\"d\\n\":\"\"}");
	ck_assert_int_eq(buf.error, 0);
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *json;
} escapes[] = {
#define TEXT(literal) literal, sizeof(literal) - 1
	{ TEXT(""), "\"\"" },
	{ TEXT("\"\\/"), "\"\\\"\\\\/\"" },
	{ TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
	{ TEXT("\0\x01\x0b\x1f\x7f"), "\"\\u0000\\u0001\\u000b\\u001f\x7f\"" },
	{ TEXT("\xe2\x80\xa8\xe2\x80\xa9"), "\"\xe2\x80\xa8\xe2\x80\xa9\"" },
	{ TEXT("0123456789abcdef\n0123456789abcdef"),
	  "\"0123456789abcdef\\n0123456789abcdef\"" },
	{ TEXT("\xff"), "\"\xef\xbf\xbd\"" },
	{ TEXT("a\x80z"), "\"a\xef\xbf\xbdz\"" },
	{ TEXT("\xe2\x82"), "\"\xef\xbf\xbd\"" },
	{ TEXT("\xe2\x82z"), "\"\xef\xbf\xbdz\"" },
	{ TEXT("\xf0\x9f\x98"), "\"\xef\xbf\xbd\"" },
	{ TEXT("\xf0\x9f\x98\xc3\xa9"), "\"\xef\xbf\xbd\xc3\xa9\"" },
	{ TEXT("\xc3\xa9\xc3"), "\"\xc3\xa9\xef\xbf\xbd\"" },
	{ TEXT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ TEXT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
};

START_TEST(writer_escapes)
{
	aic_json_put_str(&w, (struct aic_str){ escapes[_i].text, escapes[_i].len });
	ck_assert_str_eq(buf.data, escapes[_i].json);
	ck_assert_int_eq(aic_json_scan(&doc, buf.data, buf.len, &aic_json_strict), 0);
}
END_TEST

static const struct {
	double value;
	const char *json;
} doubles[] = {
	{ 0, "0" },
	{ -0.0, "-0" },
	{ 0.1, "0.1" },
	{ 0.7, "0.7" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1e21, "1e+21" },
	{ 5e-324, "4.94065645841247e-324" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	{ 123456789, "123456789" },
	{ -2.5, "-2.5" },
	{ (double)INFINITY, "null" },
	{ -(double)INFINITY, "null" },
	{ (double)NAN, "null" },
};

START_TEST(writer_doubles)
{
	aic_json_put_double(&w, doubles[_i].value);
	ck_assert_str_eq(buf.data, doubles[_i].json);
}
END_TEST

static bool run(const char *const arguments[])
{
	pid_t child;
	int status = -1;

	if (posix_spawnp(&child, arguments[0], NULL, NULL,
			 (char *const *)(uintptr_t)arguments, environ) != 0)
		return false;
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) <= 1; /* 1: done, with warnings */
}

/* Makes the locale and goes into it; false where the system has no sources for it. */
static bool enter_locale(const char *source, char *folder)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.UTF-8", folder, source);
	const char *const make[] = { "localedef", "--quiet", "-c", "-i", source,
				     "-f",        "UTF-8",   path, NULL };
	setenv("LOCPATH", folder, 1);
	return run(make) && setlocale(LC_ALL, path + strlen(folder) + 1);
}

/* With a decimal point that is not one, and two bytes long, the texts stay JSON. */
START_TEST(locale_does_not_matter)
{
	static const char source[] = "ps_AF";
	char folder[] = "/tmp/aichat-locale-XXXXXX";
	double value;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	if (enter_locale(source, folder)) {
		ck_assert_str_ne(localeconv()->decimal_point, ".");
		aic_json_put_double(&w, 0.1 + 0.2);
		ck_assert_str_eq(buf.data, "0.30000000000000004");
		ck_assert_int_eq(aic_json_scan(&doc, buf.data, buf.len, &aic_json_strict),
				 0);
		ck_assert(aic_json_double(&doc, 0, &value));
		ck_assert(value == 0.1 + 0.2);
		setlocale(LC_ALL, "C");
	} else {
		printf("skipped: the locale %s cannot be made here\n", source);
	}
	const char *const clean[] = { "rm", "-r", folder, NULL };
	ck_assert(run(clean));
}
END_TEST

static uint64_t random_state;

static uint32_t roll(uint32_t sides)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % sides;
}

static void put_random_text(struct aic_json_writer *to, bool key)
{
	static const char *const pieces[] = { "a",
					      "\"",
					      "\\",
					      "\n",
					      "\x01",
					      "\xc3\xa9",
					      "\xe4\xbd\xa0",
					      "\xf0\x9f\x98\x80",
					      "0123456789abcdef",
					      " ",
					      "\\u0041",
					      "/" };
	struct aic_buf text = aic_buf(0);

	for (uint32_t n = roll(6); n > 0; n--)
		aic_buf_puts(&text, pieces[roll(AIC_ARRAY_LEN(pieces))]);
	if (key) {
		aic_buf_put_int(&text, (int64_t)to->buf->len); /* never twice */
		aic_json_put_keyn(to, aic_buf_str(&text));
	} else {
		aic_json_put_str(to, aic_buf_str(&text));
	}
	aic_buf_done(&text);
}

static void put_random(struct aic_json_writer *to, uint32_t depth)
{
	uint32_t kind = roll(depth < 8 ? 9 : 6);

	if (kind == 0) {
		aic_json_put_null(to);
	} else if (kind == 1) {
		aic_json_put_bool(to, roll(2));
	} else if (kind == 2) {
		aic_json_put_int(to, (int64_t)(random_state >> roll(60)));
	} else if (kind == 3) {
		/* A fraction, or past 2^53: what is whole would be copied as an integer.
		 */
		int exponent = roll(2) ? -1 - (int)roll(100) : 60 + (int)roll(200);
		aic_json_put_double(to, ldexp((double)(roll(1u << 30) | 1), exponent));
	} else if (kind < 6) {
		put_random_text(to, false);
	} else {
		aic_json_begin(to, kind == 6 ? '[' : '{');
		for (uint32_t n = roll(depth < 2 ? 40 : 5); n > 0; n--) {
			if (kind != 6)
				put_random_text(to, true);
			put_random(to, depth + 1);
		}
		aic_json_end(to, kind == 6 ? ']' : '}');
	}
}

/* Write, read, write again: the same bytes. */
START_TEST(random_trees)
{
	struct aic_buf again = aic_buf(0);

	for (random_state = 1; random_state < 400; random_state++) {
		uint64_t seed = random_state;
		aic_buf_reset(&buf);
		w.comma = false;
		put_random(&w, 0);
		ck_assert_int_eq(aic_json_scan(&doc, buf.data, buf.len, &aic_json_wire),
				 0);
		struct aic_json_writer copy = aic_json_writer(&again);
		aic_buf_reset(&again);
		json_copy(&doc, 0, &copy);
		ck_assert(strcmp(again.data, buf.data) == 0);
		random_state = seed;
	}
	aic_buf_done(&again);
}
END_TEST

static aichat_json *public_parse(const char *text)
{
	aichat_json *read = NULL;

	ck_assert_int_eq(aichat_json_parse(text, -1, &read, NULL), 0);
	return read;
}

START_TEST(public_reader)
{
	aichat_json *read = public_parse(
		"{\"a\\n\":[1,2.5,\"x\\u0000y\"],\"s\":\"\xc3\xa9\\t\","
		"\"b\":true,\"o\":{\"k\":null}}");
	int64_t whole = 0;
	double number = 0;
	size_t len = 0;

	ck_assert_ptr_eq(aichat_json_ref(read), read);
	ck_assert_ptr_null(aichat_json_unref(read));
	int array = aichat_json_get(read, 0, "a\n");
	ck_assert_int_eq(aichat_json_type(read, 0), AICHAT_JSON_OBJECT);
	ck_assert_int_eq(aichat_json_type(read, array), AICHAT_JSON_ARRAY);
	ck_assert_uint_eq(aichat_json_count(read, array), 3);
	ck_assert_int_eq(aichat_json_int(read, aichat_json_at(read, array, 0), &whole),
			 0);
	ck_assert_int_eq(whole, 1);
	ck_assert_int_eq(aichat_json_int(read, aichat_json_at(read, array, 1), &whole),
			 AICHAT_EINVAL);
	ck_assert_int_eq(
		aichat_json_double(read, aichat_json_at(read, array, 1), &number), 0);
	ck_assert(number == 2.5);
	ck_assert_int_eq(aichat_json_double(read, array, &number), AICHAT_EINVAL);
	ck_assert_mem_eq(aichat_json_string(read, aichat_json_at(read, array, 2), &len),
			 "x\0y", 4);
	ck_assert_uint_eq(len, 3);
	ck_assert_str_eq(aichat_json_string(read, aichat_json_get(read, 0, "s"), &len),
			 "\xc3\xa9\t");
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_null(aichat_json_string(read, array, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_mem_eq(aichat_json_raw(read, array, &len), "[1,2.5,\"x\\u0000y\"]", 18);
	ck_assert_uint_eq(len, 18);
	ck_assert_ptr_null(aichat_json_raw(read, AICHAT_JSON_NONE, &len));
	ck_assert_int_eq(aichat_json_bool(read, aichat_json_get(read, 0, "b"), 0), 1);
	ck_assert_int_eq(aichat_json_bool(read, array, 1), 1);
	const char *const keys[] = { "a\n", "s", "b", "o" };
	int n = 0;
	for (int v = aichat_json_first(read, 0); v >= 0; v = aichat_json_next(read, 0, v))
		ck_assert_str_eq(aichat_json_string(read, aichat_json_key(read, v), NULL),
				 keys[n++]);
	ck_assert_int_eq(n, 4);
	ck_assert_int_eq(aichat_json_key(read, 0), AICHAT_JSON_NONE);
	ck_assert_int_eq(aichat_json_at(read, array, 3), AICHAT_JSON_NONE);
	ck_assert_int_eq(aichat_json_at(read, array, SIZE_MAX), AICHAT_JSON_NONE);
	ck_assert_int_eq(aichat_json_get(read, 0, NULL), AICHAT_JSON_NONE);
	ck_assert_ptr_null(aichat_json_unref(read));
}
END_TEST

START_TEST(public_reader_takes_null)
{
	int64_t whole;
	double number;

	ck_assert_int_eq(aichat_json_type(NULL, 0), AICHAT_JSON_ABSENT);
	ck_assert_int_eq(aichat_json_get(NULL, 0, "a"), AICHAT_JSON_NONE);
	ck_assert_int_eq(aichat_json_at(NULL, 0, 0), AICHAT_JSON_NONE);
	ck_assert_uint_eq(aichat_json_count(NULL, 0), 0);
	ck_assert_int_eq(aichat_json_first(NULL, 0), AICHAT_JSON_NONE);
	ck_assert_int_eq(aichat_json_next(NULL, 0, 1), AICHAT_JSON_NONE);
	ck_assert_int_eq(aichat_json_key(NULL, 2), AICHAT_JSON_NONE);
	ck_assert_ptr_null(aichat_json_string(NULL, 0, NULL));
	ck_assert_ptr_null(aichat_json_raw(NULL, 0, NULL));
	ck_assert_int_eq(aichat_json_bool(NULL, 0, 5), 1);
	ck_assert_int_eq(aichat_json_int(NULL, 0, &whole), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_json_double(NULL, 0, &number), AICHAT_EINVAL);
	ck_assert_ptr_null(aichat_json_ref(NULL));
	ck_assert_ptr_null(aichat_json_unref(NULL));
}
END_TEST

START_TEST(public_parse_fails)
{
	aichat_json *read = NULL;
	aichat_error *error = NULL;
	size_t at = 99;

	ck_assert_int_eq(aichat_json_parse("{\"a\":1,\n\"a\":2}", -1, &read, &error),
			 AICHAT_EJSON);
	ck_assert_str_eq(aichat_error_message(error),
			 "JSON: line 2, column 1: a key appears twice");
	error = aichat_error_unref(error);
	ck_assert_int_eq(aichat_json_parse("\"\xff\"", 3, &read, NULL), AICHAT_EUTF8);
	ck_assert_int_eq(aichat_json_parse(NULL, -1, &read, &error), AICHAT_EINVAL);
	error = aichat_error_unref(error);
	ck_assert_int_eq(aichat_json_parse("1", -2, &read, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_json_parse("\"\\ud800\"", -1, &read, NULL), AICHAT_EJSON);
	ck_assert_int_eq(
		aichat_json_parse_limited("[1,2]", -1, 4, 0, 0, &at, &read, NULL),
		AICHAT_ETOOLARGE);
	ck_assert_uint_eq(at, 0);
	ck_assert_int_eq(
		aichat_json_parse_limited("[1,2]", -1, 0, 2, 0, &at, &read, NULL),
		AICHAT_ETOOLARGE);
	ck_assert_uint_eq(at, 3);
	ck_assert_int_eq(
		aichat_json_parse_limited("[[1]]", -1, 0, 0, 1, &at, &read, NULL),
		AICHAT_ETOOLARGE);
	ck_assert_uint_eq(at, 1);
	ck_assert_ptr_null(read);
	ck_assert_int_eq(
		aichat_json_parse_limited("[[1]]", -1, 5, 3, 2, &at, &read, NULL), 0);
	aichat_json_unref(read);
}
END_TEST

START_TEST(public_writer)
{
	aichat_json_writer *writer = aichat_json_writer_new(0);
	const char *text = NULL;
	size_t len = 0;

	for (int round = 0; round < 2; round++) {
		aichat_json_writer_begin_object(writer);
		aichat_json_writer_key(writer, "a\n", -1);
		aichat_json_writer_begin_array(writer);
		aichat_json_writer_int(writer, -5);
		aichat_json_writer_double(writer, 0.5);
		aichat_json_writer_bool(writer, 2);
		aichat_json_writer_null(writer);
		aichat_json_writer_string(writer, "x\"y", 2);
		aichat_json_writer_string(writer, NULL, 0);
		aichat_json_writer_raw(writer, "{\"r\": [1.0]}", -1);
		aichat_json_writer_end_array(writer);
		aichat_json_writer_key(writer, "bcd", 1);
		aichat_json_writer_begin_object(writer);
		aichat_json_writer_end_object(writer);
		aichat_json_writer_end_object(writer);
		ck_assert_int_eq(aichat_json_writer_finish(writer, &text, &len), 0);
		ck_assert_str_eq(
			text,
			"{\"a\\n\":[-5,0.5,true,null,\"x\\\"\",null,{\"r\": [1.0]}],"
			"\"b\":{}}");
		ck_assert_uint_eq(len, strlen(text));
		aichat_json_writer_reset(writer);
	}
	ck_assert_ptr_null(aichat_json_writer_unref(writer));
	ck_assert_ptr_null(aichat_json_writer_unref(NULL));
}
END_TEST

/* One letter for each call, in order: what finish() must say. */
static const struct {
	const char *calls;
	int code;
} misuses[] = {
	{ "", AICHAT_ESTATE },
	{ "{", AICHAT_ESTATE },
	{ "[", AICHAT_ESTATE },
	{ "}", AICHAT_ESTATE },
	{ "]", AICHAT_ESTATE },
	{ "{]", AICHAT_ESTATE },
	{ "[}", AICHAT_ESTATE },
	{ "{1}", AICHAT_ESTATE },
	{ "{k}", AICHAT_ESTATE },
	{ "{kk1}", AICHAT_ESTATE },
	{ "{k11}", AICHAT_ESTATE },
	{ "[k]", AICHAT_ESTATE },
	{ "k", AICHAT_ESTATE },
	{ "11", AICHAT_ESTATE },
	{ "[]1", AICHAT_ESTATE },
	{ "[]]", AICHAT_ESTATE },
	{ "[][", AICHAT_ESTATE },
	{ "{k[}]", AICHAT_ESTATE },
	{ "{k{}{}}", AICHAT_ESTATE },
	{ "{r}", AICHAT_ESTATE },
	{ "b", AICHAT_EJSON },
	{ "[u]", AICHAT_EUTF8 },
	{ "N", AICHAT_EINVAL },
	{ "[S]", AICHAT_EINVAL },
	{ "{K}", AICHAT_EINVAL },
	{ "[bK", AICHAT_EJSON },
	{ "1", 0 },
	{ "[]", 0 },
	{ "{}", 0 },
	{ "{k1k[]k{}kr}", 0 },
	{ "[1{}[]r1]", 0 },
	{ "r", 0 },
};

static void call(aichat_json_writer *writer, char c)
{
	if (c == '{')
		aichat_json_writer_begin_object(writer);
	else if (c == '}')
		aichat_json_writer_end_object(writer);
	else if (c == '[')
		aichat_json_writer_begin_array(writer);
	else if (c == ']')
		aichat_json_writer_end_array(writer);
	else if (c == 'k')
		aichat_json_writer_key(writer, "k", 1);
	else if (c == 'K')
		aichat_json_writer_key(writer, NULL, -1);
	else if (c == '1')
		aichat_json_writer_int(writer, 1);
	else if (c == 'S')
		aichat_json_writer_string(writer, "x", -2);
	else
		aichat_json_writer_raw(writer,
				       c == 'r'   ? "[1]"
				       : c == 'b' ? "[1,]"
				       : c == 'u' ? "\"\xff\""
						  : NULL,
				       -1);
}

START_TEST(public_writer_misuse)
{
	aichat_json_writer *writer = aichat_json_writer_new(0);

	for (const char *c = misuses[_i].calls; *c; c++)
		call(writer, *c);
	ck_assert_msg(aichat_json_writer_finish(writer, NULL, NULL) == misuses[_i].code,
		      "%s", misuses[_i].calls);
	call(NULL, misuses[_i].calls[0]);
	aichat_json_writer_unref(writer);
}
END_TEST

START_TEST(public_writer_limits)
{
	aichat_json_writer *writer = aichat_json_writer_new(10);

	aichat_json_writer_string(writer, "123456789", -1);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_ETOOLARGE);
	aichat_json_writer_reset(writer);
	aichat_json_writer_string(writer, "12345678", -1);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), 0);
	aichat_json_writer_unref(writer);
	writer = aichat_json_writer_new(0);
	for (int i = 0; i < 512; i++)
		aichat_json_writer_begin_array(writer);
	aichat_json_writer_raw(writer, "[]", -1);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_ETOOLARGE);
	aichat_json_writer_reset(writer);
	for (int i = 0; i < 513; i++)
		aichat_json_writer_begin_array(writer);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_ETOOLARGE);
	aichat_json_writer_unref(writer);
	ck_assert_int_eq(aichat_json_writer_finish(NULL, NULL, NULL), AICHAT_ENOMEM);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("json_write");
	TCase *internal = tcase_create("internal");
	TCase *public = tcase_create("public");

	tcase_add_checked_fixture(internal, setup, teardown);
	tcase_set_timeout(internal, 30);
	tcase_add_test(internal, writer_puts_commas);
	tcase_add_loop_test(internal, writer_escapes, 0, AIC_ARRAY_LEN(escapes));
	tcase_add_loop_test(internal, writer_doubles, 0, AIC_ARRAY_LEN(doubles));
	tcase_add_test(internal, locale_does_not_matter);
	tcase_add_test(internal, random_trees);
	tcase_add_test(public, public_reader);
	tcase_add_test(public, public_reader_takes_null);
	tcase_add_test(public, public_parse_fails);
	tcase_add_test(public, public_writer);
	tcase_add_loop_test(public, public_writer_misuse, 0, AIC_ARRAY_LEN(misuses));
	tcase_add_test(public, public_writer_limits);
	suite_add_tcase(s, internal);
	suite_add_tcase(s, public);
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
