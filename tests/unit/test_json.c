/* The scan and the reader of its tape. */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "base/json.h"
#include "base/mem.h"
#include "json_copy.h"

static struct aic_json doc;

static void teardown(void)
{
	aic_json_done(&doc);
}

static int scan(const char *text)
{
	return aic_json_scan(&doc, text, strlen(text), &aic_json_strict);
}

static const char *const good[] = {
	"null",
	"true",
	"false",
	"0",
	"-0",
	"1",
	"-1",
	"10",
	"1234567890",
	"0.5",
	"-0.0",
	"1.25e10",
	"1E5",
	"1e+5",
	"1e-5",
	"0e0",
	"0E+1",
	"1e400",
	"-1e-400",
	"123456789012345678901234567890",
	"\"\"",
	"\"a\"",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	"\"\\u0041\"",
	"\"\\u0000\"",
	"\"\\uD83D\\uDE00\"",
	"\"\\ud83d\\ude00\\u00e9\"",
	"\"\x7f\"",
	"\"\xc2\x80\"",
	"\"\xdf\xbf\"",
	"\"\xe0\xa0\x80\"",
	"\"\xed\x9f\xbf\"",
	"\"\xee\x80\x80\"",
	"\"\xef\xbf\xbf\"",
	"\"\xf0\x90\x80\x80\"",
	"\"\xf4\x8f\xbf\xbf\"",
	"\"\xef\xbb\xbf\"",
	"\"\xe2\x80\xa8\"",
	"[]",
	"[ ]",
	"[1]",
	"[1,2]",
	"[ 1 , 2 ]",
	"[[],[[]]]",
	"{}",
	"{ }",
	"{\"a\":1}",
	"{\"a\":1,\"b\":2}",
	"{ \"a\" : 1 , \"b\" : { } }",
	"{\"\":1}",
	"{\"\":1,\"a\":2}",
	"{\"a\":{\"a\":{\"a\":1}}}",
	"[{\"a\":1},{\"a\":1}]",
	" 1",
	"1 ",
	"\t\n\r 1 \t\n\r",
	"\n[\n1\n,\n2\n]\n",
	"{\"a\\u0000\":1,\"a\":2}",
	"{\"a\":1,\"A\":2,\"\\u0062\":3}",
	"[\"longer than sixteen bytes, \\\"quotes\\\", Fran\xc3\xa7ois\"]",
	"\"0123456789abcde\"",
	"\"0123456789abcdef\"",
	"\"0123456789abcde\\n\"",
	"\"\xce\xb1\xce\xb2 \xce\xb3\xce\xb4 \xce\xb5\"",
	"\"\xe4\xbd\xa0\xe5\xa5\xbd abc\"",
	"\"\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\"",
	"\"\xed\x95\x9c\xea\xb8\x80\"",
};

START_TEST(good_texts)
{
	const char *text = good[_i];

	ck_assert_msg(scan(text) == 0, "%s: %s", text, doc.error_why);
	ck_assert_ptr_null(doc.error_why);
	ck_assert_uint_eq(doc.tokens[0].skip, doc.count);
}
END_TEST

static const struct {
	const char *text;
	int code;
	uint32_t at;
} bad[] = {
	{ "", AICHAT_EJSON, 0 },
	{ " \n", AICHAT_EJSON, 2 },
	{ "\xef\xbb\xbf{}", AICHAT_EJSON, 0 },
	{ "nul", AICHAT_EJSON, 0 },
	{ "nulL", AICHAT_EJSON, 0 },
	{ "Null", AICHAT_EJSON, 0 },
	{ "nulll", AICHAT_EJSON, 4 },
	{ "tru", AICHAT_EJSON, 0 },
	{ "falsch", AICHAT_EJSON, 0 },
	{ "NaN", AICHAT_EJSON, 0 },
	{ "Infinity", AICHAT_EJSON, 0 },
	{ "-Infinity", AICHAT_EJSON, 1 },
	{ "+1", AICHAT_EJSON, 0 },
	{ "-", AICHAT_EJSON, 1 },
	{ "--1", AICHAT_EJSON, 1 },
	{ "01", AICHAT_EJSON, 0 },
	{ "-01", AICHAT_EJSON, 0 },
	{ "00", AICHAT_EJSON, 0 },
	{ "1.", AICHAT_EJSON, 2 },
	{ ".5", AICHAT_EJSON, 0 },
	{ "1.e5", AICHAT_EJSON, 2 },
	{ "1e", AICHAT_EJSON, 2 },
	{ "1e+", AICHAT_EJSON, 3 },
	{ "1e5.5", AICHAT_EJSON, 3 },
	{ "0x10", AICHAT_EJSON, 1 },
	{ "1a", AICHAT_EJSON, 1 },
	{ "1 2", AICHAT_EJSON, 2 },
	{ "1,", AICHAT_EJSON, 1 },
	{ "\"", AICHAT_EJSON, 0 },
	{ "\"abc", AICHAT_EJSON, 0 },
	{ "\"abc\\\"", AICHAT_EJSON, 0 },
	{ "\"\\", AICHAT_EJSON, 1 },
	{ "\"\\x\"", AICHAT_EJSON, 1 },
	{ "\"\\'\"", AICHAT_EJSON, 1 },
	{ "\"\\u\"", AICHAT_EJSON, 1 },
	{ "\"\\u123\"", AICHAT_EJSON, 1 },
	{ "\"\\u12g4\"", AICHAT_EJSON, 1 },
	{ "\"\\u123", AICHAT_EJSON, 1 },
	{ "\"\\U0041\"", AICHAT_EJSON, 1 },
	{ "'a'", AICHAT_EJSON, 0 },
	{ "\"\n\"", AICHAT_EJSON, 1 },
	{ "\"\t\"", AICHAT_EJSON, 1 },
	{ "\"\x1f\"", AICHAT_EJSON, 1 },
	{ "\"0123456789abcdef\x01\"", AICHAT_EJSON, 17 },
	{ "\"\\ud800\"", AICHAT_EJSON, 1 },
	{ "\"\\udc00\"", AICHAT_EJSON, 1 },
	{ "\"\\ud800\\u0041\"", AICHAT_EJSON, 1 },
	{ "\"\\ud800\\ud800\"", AICHAT_EJSON, 1 },
	{ "\"\\ud800x\"", AICHAT_EJSON, 1 },
	{ "\"\x80\"", AICHAT_EUTF8, 1 },
	{ "\"a\xff\"", AICHAT_EUTF8, 2 },
	{ "\"\xc0\xaf\"", AICHAT_EUTF8, 1 },
	{ "\"\xc1\xbf\"", AICHAT_EUTF8, 1 },
	{ "\"\xe0\x9f\xbf\"", AICHAT_EUTF8, 1 },
	{ "\"\xed\xa0\x80\"", AICHAT_EUTF8, 1 },
	{ "\"\xf0\x8f\xbf\xbf\"", AICHAT_EUTF8, 1 },
	{ "\"\xf4\x90\x80\x80\"", AICHAT_EUTF8, 1 },
	{ "\"\xf5\x80\x80\x80\"", AICHAT_EUTF8, 1 },
	{ "\"\xc3\"", AICHAT_EUTF8, 1 },
	{ "\"\xe2\x82\"", AICHAT_EUTF8, 1 },
	{ "\"\xe2\x82", AICHAT_EUTF8, 1 },
	{ "\"\xc3\xa9\xc3\xa9\xc3x\"", AICHAT_EUTF8, 5 },
	{ "\xc3\xa9", AICHAT_EJSON, 0 },
	{ "[", AICHAT_EJSON, 1 },
	{ "]", AICHAT_EJSON, 0 },
	{ "[1", AICHAT_EJSON, 2 },
	{ "[1,", AICHAT_EJSON, 3 },
	{ "[1,]", AICHAT_EJSON, 3 },
	{ "[,1]", AICHAT_EJSON, 1 },
	{ "[1 2]", AICHAT_EJSON, 3 },
	{ "[1}", AICHAT_EJSON, 2 },
	{ "[1]]", AICHAT_EJSON, 3 },
	{ "[\"a\":1]", AICHAT_EJSON, 4 },
	{ "{", AICHAT_EJSON, 1 },
	{ "{\"a\"", AICHAT_EJSON, 4 },
	{ "{\"a\":", AICHAT_EJSON, 5 },
	{ "{\"a\":1", AICHAT_EJSON, 6 },
	{ "{\"a\":1,", AICHAT_EJSON, 7 },
	{ "{\"a\":1,}", AICHAT_EJSON, 7 },
	{ "{\"a\":1]", AICHAT_EJSON, 6 },
	{ "{\"a\" 1}", AICHAT_EJSON, 5 },
	{ "{\"a\"::1}", AICHAT_EJSON, 5 },
	{ "{a:1}", AICHAT_EJSON, 1 },
	{ "{1:1}", AICHAT_EJSON, 1 },
	{ "{\"a\"}", AICHAT_EJSON, 4 },
	{ "{,}", AICHAT_EJSON, 1 },
	{ "{\"a\":1 \"b\":2}", AICHAT_EJSON, 7 },
	{ "{\"a\":1,\"a\":2}", AICHAT_EJSON, 7 },
	{ "{\"a\":1,\"\\u0061\":2}", AICHAT_EJSON, 7 },
	{ "{\"\\u0061\":1,\"a\":2}", AICHAT_EJSON, 12 },
	{ "{\"\":1,\"\":2}", AICHAT_EJSON, 6 },
	{ "{\"b\":{\"x\":[1,{\"y\":2}]},\"\\n\":0,\"b\":2}", AICHAT_EJSON, 30 },
	{ "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", AICHAT_EJSON, 18 },
	{ "// x\n1", AICHAT_EJSON, 0 },
	{ "1 // x", AICHAT_EJSON, 2 },
	{ "[1]\f", AICHAT_EJSON, 3 },
	{ "\v1", AICHAT_EJSON, 0 },
	{ "\xc2\xa0"
	  "1",
	  AICHAT_EJSON, 0 },
	{ "{}{}", AICHAT_EJSON, 2 },
};

START_TEST(bad_texts)
{
	int code = scan(bad[_i].text);

	ck_assert_msg(code == bad[_i].code, "%s: %d, %s", bad[_i].text, code,
		      doc.error_why);
	ck_assert_msg(doc.error_at == bad[_i].at, "%s: at %u, %s", bad[_i].text,
		      doc.error_at, doc.error_why);
	ck_assert_ptr_nonnull(doc.error_why);
	ck_assert_uint_eq(doc.count, 0);
	ck_assert_int_eq(aic_json_type(&doc, 0), AIC_JSON_ABSENT);
}
END_TEST

START_TEST(nul_bytes)
{
	ck_assert_int_eq(aic_json_scan(&doc, "1\0", 2, &aic_json_strict), AICHAT_EJSON);
	ck_assert_int_eq(aic_json_scan(&doc, "\"a\0b\"", 5, &aic_json_strict),
			 AICHAT_EJSON);
	ck_assert_int_eq(aic_json_scan(&doc, "\"\\\0\"", 4, &aic_json_strict),
			 AICHAT_EJSON);
	ck_assert_int_eq(aic_json_scan(&doc, NULL, 0, &aic_json_strict), AICHAT_EJSON);
}
END_TEST

static const char whole[] =
	" {\"id\":\"x\\u00e9\\ud83d\\ude00\\n\",\"n\":[0,-1.5e+3,true,false,null],"
	"\"\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80 "
	"0123456789abcdef\":{\"a\":{},\"b\":[[]]}}";

/* Copies are made of exactly the bytes, so that a sanitizer sees any read behind them. */
START_TEST(every_truncation_fails)
{
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *part = aic_strndup(whole, len);
		char *exact = malloc(len ? len : 1);
		memcpy(exact, part, len);
		int code = aic_json_scan(&doc, exact, len, &aic_json_strict);
		ck_assert_msg(code == AICHAT_EJSON || code == AICHAT_EUTF8, "%s", part);
		ck_assert_uint_le(doc.error_at, len);
		free(exact);
		aic_free(part);
	}
	ck_assert_int_eq(scan(whole), 0);
}
END_TEST

/* No mutation may crash, and what is taken must read back as JSON. */
START_TEST(random_mutations)
{
	static const char spice[] = "\"\\{}[]:,0123456789.eE+-tfnul \n\x80\xff\xc3\xa9";
	uint32_t random = 12345;

	for (int round = 0; round < 20000; round++) {
		char *text = malloc(sizeof(whole) - 1);
		memcpy(text, whole, sizeof(whole) - 1);
		for (int i = 0; i < 1 + round % 4; i++) {
			random = random * 1664525 + 1013904223;
			text[(random >> 8) % (sizeof(whole) - 1)] =
				spice[(random >> 24) % (sizeof(spice) - 1)];
		}
		if (aic_json_scan(&doc, text, sizeof(whole) - 1, &aic_json_wire) == 0) {
			struct aic_buf buf = aic_buf(0);
			struct aic_json again = { 0 };
			struct aic_json_writer w = aic_json_writer(&buf);
			json_copy(&doc, 0, &w);
			ck_assert_int_eq(aic_json_scan(&again, buf.data, buf.len,
						       &aic_json_strict),
					 0);
			ck_assert_uint_eq(again.count, doc.count);
			aic_json_done(&again);
			aic_buf_done(&buf);
		}
		free(text);
	}
}
END_TEST

static struct aic_buf nested(uint32_t depth, char open, const char *inside)
{
	struct aic_buf buf = aic_buf(0);

	for (uint32_t i = 0; i < depth; i++)
		aic_buf_puts(&buf, open == '[' ? "[" : "{\"k\":");
	aic_buf_puts(&buf, inside);
	for (uint32_t i = 0; i < depth; i++)
		aic_buf_putc(&buf, open == '[' ? ']' : '}');
	return buf;
}

START_TEST(depth_is_limited)
{
	for (int kind = 0; kind < 2; kind++) {
		struct aic_buf fits = nested(32, kind ? '{' : '[', "1");
		struct aic_buf deep = nested(33, kind ? '{' : '[', "1");
		struct aic_buf deeper = nested(512, kind ? '{' : '[', "");
		struct aic_json_limits any = aic_json_wire;
		any.max_depth = UINT32_MAX;
		ck_assert_int_eq(scan(fits.data), 0);
		ck_assert_int_eq(scan(deep.data), AICHAT_ETOOLARGE);
		ck_assert_uint_eq(doc.error_at, kind ? 32 * 5 : 32);
		/* Open to the last level, it fails for its content; one more for its
		 * depth. */
		int code = aic_json_scan(&doc, deeper.data, deeper.len, &any);
		ck_assert_int_eq(code, kind ? AICHAT_EJSON : 0);
		struct aic_buf too_deep = nested(513, '[', "");
		code = aic_json_scan(&doc, too_deep.data, too_deep.len, &any);
		ck_assert_int_eq(code, AICHAT_ETOOLARGE);
		aic_buf_done(&fits);
		aic_buf_done(&deep);
		aic_buf_done(&deeper);
		aic_buf_done(&too_deep);
	}
}
END_TEST

START_TEST(tokens_and_bytes_are_limited)
{
	struct aic_json_limits few = { .max_bytes = 20, .max_tokens = 5, .max_depth = 4 };

	ck_assert_int_eq(aic_json_scan(&doc, "[1,2,3,4]", 9, &few), 0);
	ck_assert_int_eq(aic_json_scan(&doc, "[1,2,3,4,5]", 11, &few), AICHAT_ETOOLARGE);
	ck_assert_int_eq(aic_json_scan(&doc, "{\"a\":1,\"b\":2}", 13, &few), 0);
	ck_assert_int_eq(aic_json_scan(&doc, "{\"a\":1,\"b\":[]}", 14, &few), 0);
	ck_assert_int_eq(aic_json_scan(&doc, "{\"a\":1,\"b\":[1]}", 15, &few),
			 AICHAT_ETOOLARGE);
	ck_assert_int_eq(aic_json_scan(&doc, "[1]                 ", 20, &few), 0);
	ck_assert_int_eq(aic_json_scan(&doc, "[1]                  ", 21, &few),
			 AICHAT_ETOOLARGE);
	ck_assert_int_eq(aic_json_scan(&doc, "", (size_t)UINT32_MAX + 1, &aic_json_wire),
			 AICHAT_ETOOLARGE);
	/* A tape that grew for another text does not lift the limit. */
	ck_assert_int_eq(scan("[1,2,3,4,5,6,7,8]"), 0);
	ck_assert_int_eq(aic_json_scan(&doc, "[1,2,3,4,5]", 11, &few), AICHAT_ETOOLARGE);
}
END_TEST

START_TEST(lone_surrogates_on_the_wire)
{
	struct aic_buf buf = aic_buf(0);
	static const char text[] =
		"[\"a\\ud800b\",\"\\udc00\",\"\\ud83d\\ud83d\\ude00\"]";

	ck_assert_int_eq(aic_json_scan(&doc, text, sizeof(text) - 1, &aic_json_wire), 0);
	ck_assert(aic_str_is(aic_json_str(&doc, 1, &buf), "a\xef\xbf\xbd"
							  "b"));
	ck_assert(aic_str_is(aic_json_str(&doc, 2, &buf), "\xef\xbf\xbd"));
	ck_assert(
		aic_str_is(aic_json_str(&doc, 3, &buf), "\xef\xbf\xbd\xf0\x9f\x98\x80"));
	ck_assert_uint_eq(aic_json_text_len(&doc, 3), 7);
	aic_buf_done(&buf);
}
END_TEST

/* Objects of every size around the change of method, the pair at every distance. */
START_TEST(duplicate_keys)
{
	for (int count = 2; count < 80; count++) {
		for (int twin = -1; twin < count - 1; twin += 1 + count / 9) {
			struct aic_buf buf = aic_buf(0);
			for (int i = 0; i < count; i++) {
				int name = i == count - 1 && twin >= 0 ? twin : i;
				aic_buf_printf(
					&buf, "%c\"%s%d\":[{\"%d\":0}]", i ? ',' : '{',
					i == count - 1 && count % 2 ? "\\u006b" : "k",
					name, i);
			}
			aic_buf_putc(&buf, '}');
			ck_assert_msg(scan(buf.data) == (twin < 0 ? 0 : AICHAT_EJSON),
				      "%s", buf.data);
			if (twin < 0)
				ck_assert_uint_eq(aic_json_count(&doc, 0),
						  (uint32_t)count);
			aic_buf_done(&buf);
		}
	}
}
END_TEST

/* Would take minutes if each key were compared with each. */
START_TEST(many_keys)
{
	struct aic_buf buf = aic_buf(0);

	for (int i = 0; i < 100000; i++)
		aic_buf_printf(&buf, "%c\"%06d\\t\":%d", i ? ',' : '{', i, i);
	aic_buf_putc(&buf, '}');
	ck_assert_int_eq(aic_json_scan(&doc, buf.data, buf.len, &aic_json_wire), 0);
	ck_assert_uint_eq(aic_json_count(&doc, 0), 100000);
	int64_t value;
	ck_assert(aic_json_int(&doc, aic_json_get(&doc, 0, "099999\t"), &value));
	ck_assert_int_eq(value, 99999);
	buf.data[buf.len - 1] = ',';
	size_t at = buf.len;
	aic_buf_puts(&buf, "\"050000\\u0009\":0}");
	ck_assert_int_eq(aic_json_scan(&doc, buf.data, buf.len, &aic_json_wire),
			 AICHAT_EJSON);
	ck_assert_uint_eq(doc.error_at, at);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(located_errors)
{
	aichat_error *error = NULL;
	int code = scan("{\"caf\xc3\xa9\": 1,\n  \"\xe4\xbd\xa0\": tru}");

	ck_assert_int_eq(aic_json_scan_error(&doc, code, "x.json", &error), AICHAT_EJSON);
	ck_assert_str_eq(aichat_error_message(error),
			 "x.json: line 2, column 8: a value is due");
	aichat_error_unref(error);
	ck_assert_int_eq(aic_json_scan_error(&doc, code, "x", NULL), AICHAT_EJSON);
	ck_assert_int_eq(aic_json_scan_error(&doc, AICHAT_ENOMEM, "x", &error),
			 AICHAT_ENOMEM);
	ck_assert_int_eq(aichat_error_code(error), AICHAT_ENOMEM);
}
END_TEST

START_TEST(look_ups)
{
	struct aic_buf buf = aic_buf(0);

	ck_assert_int_eq(
		scan("{\"a\":[10,[20,21],{\"z\":1}],\"n\":null,\"k\\ney\":\"v\\t\","
		     "\"s\":\"plain\",\"e\":{},\"t\":true,\"f\":false}"),
		0);
	int a = aic_json_get(&doc, 0, "a");
	ck_assert_int_eq(aic_json_type(&doc, a), AIC_JSON_ARRAY);
	ck_assert_uint_eq(aic_json_count(&doc, a), 3);
	ck_assert_uint_eq(aic_json_count(&doc, 0), 7);
	ck_assert_uint_eq(aic_json_count(&doc, aic_json_get(&doc, 0, "s")), 0);
	ck_assert(aic_str_is(aic_json_raw(&doc, aic_json_at(&doc, a, 1)), "[20,21]"));
	ck_assert(aic_str_is(aic_json_raw(&doc, aic_json_at(&doc, a, 2)), "{\"z\":1}"));
	ck_assert_int_eq(aic_json_at(&doc, a, 3), AIC_JSON_NONE);
	ck_assert_int_eq(aic_json_at(&doc, 0, 0), AIC_JSON_NONE);
	ck_assert_int_eq(aic_json_get(&doc, a, "a"), AIC_JSON_NONE);
	ck_assert_int_eq(aic_json_get(&doc, 0, "z"), AIC_JSON_NONE);
	ck_assert_int_eq(aic_json_get(&doc, aic_json_get(&doc, 0, "zz"), "a"),
			 AIC_JSON_NONE);
	ck_assert_int_ge(aic_json_get(&doc, 0, "n"), 0);
	ck_assert_int_eq(aic_json_get_set(&doc, 0, "n"), AIC_JSON_NONE);
	ck_assert_int_ge(aic_json_get_set(&doc, 0, "s"), 0);
	int key = aic_json_get(&doc, 0, "k\ney");
	ck_assert_int_ge(key, 0);
	ck_assert(aic_json_equals(&doc, key, "v\t"));
	ck_assert(!aic_json_equals(&doc, key, "v"));
	ck_assert(!aic_json_equals(&doc, key, "v\tx"));
	ck_assert(!aic_json_equals(&doc, a, "v\t"));
	ck_assert(aic_str_is(aic_json_str(&doc, aic_json_key(key), &buf), "k\ney"));
	ck_assert_ptr_null(aic_json_str(&doc, a, &buf).data);
	ck_assert_uint_eq(aic_json_text_len(&doc, key), 2);
	ck_assert_int_eq(aic_json_first(&doc, aic_json_get(&doc, 0, "e")), AIC_JSON_NONE);
	ck_assert_int_eq(aic_json_first(&doc, key), AIC_JSON_NONE);
	ck_assert_int_eq(aic_json_next(&doc, AIC_JSON_NONE, 1), AIC_JSON_NONE);
	ck_assert(aic_json_bool(&doc, aic_json_get(&doc, 0, "t"), false));
	ck_assert(!aic_json_bool(&doc, aic_json_get(&doc, 0, "f"), true));
	ck_assert(aic_json_bool(&doc, a, true));
	ck_assert_int_eq(aic_json_type(&doc, 1000), AIC_JSON_ABSENT);
	ck_assert_uint_eq(aic_json_raw(&doc, AIC_JSON_NONE).len, 0);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(string_copies)
{
	ck_assert_int_eq(scan("[\"a\\nb\",\"\",\"x\\u0000y\",1]"), 0);
	char *text = aic_json_strdup(&doc, 1);
	ck_assert_str_eq(text, "a\nb");
	aic_free(text);
	text = aic_json_strdup(&doc, 2);
	ck_assert_str_eq(text, "");
	aic_free(text);
	ck_assert_ptr_null(aic_json_strdup(&doc, 3));
	ck_assert_ptr_null(aic_json_strdup(&doc, 4));
	ck_assert(!aic_json_equals(&doc, 3, "x"));
	struct aic_buf small = aic_buf(2);
	ck_assert_int_eq(aic_json_text(&doc, 1, &small), AICHAT_ETOOLARGE);
	aic_buf_done(&small);
}
END_TEST

static const struct {
	const char *text;
	bool whole;
	int64_t value;
} whole_numbers[] = {
	{ "0", true, 0 },
	{ "-0", true, 0 },
	{ "42", true, 42 },
	{ "9223372036854775807", true, INT64_MAX },
	{ "-9223372036854775808", true, INT64_MIN },
	{ "9223372036854775808", false, 0 },
	{ "-9223372036854775809", false, 0 },
	{ "99999999999999999999999", false, 0 },
	{ "1.0", true, 1 },
	{ "1e3", true, 1000 },
	{ "-2.50e1", true, -25 },
	{ "1.5", false, 0 },
	{ "1e-1", false, 0 },
	{ "1e300", false, 0 },
	{ "1e400", false, 0 },
	{ "\"1\"", false, 0 },
	{ "true", false, 0 },
};

START_TEST(whole_number)
{
	int64_t value = 77;

	ck_assert_int_eq(scan(whole_numbers[_i].text), 0);
	ck_assert_int_eq(aic_json_int(&doc, 0, &value), whole_numbers[_i].whole);
	ck_assert_int_eq(value, whole_numbers[_i].whole ? whole_numbers[_i].value : 77);
}
END_TEST

static const char *const doubles[] = {
	"0",
	"-0",
	"0.1",
	"1.5",
	"-2.5e-3",
	"1e22",
	"1e23",
	"1e-22",
	"1e-23",
	"5e-324",
	"2.2250738585072014e-308",
	"1.7976931348623157e308",
	"9007199254740993",
	"123456789012345678901234567890",
	"0.30000000000000004",
	"3.141592653589793238462643383279502884197",
	"1e0000000000000000000000001",
	"1.00000000000000011102230246251565404236316680908203125",
	"100e-2",
	"12345678e-10",
	"4.35",
	"0.000001",
	"1e-7",
	"8.41e21",
	"2e-44",
	"2.4703282292062328e-324",
};

START_TEST(double_is_exact)
{
	double value = 0;
	double expected = strtod(doubles[_i],
				 NULL); /* the program's locale is "C" here */
	struct aic_buf in_array = aic_buf(0);

	ck_assert_int_eq(scan(doubles[_i]), 0);
	ck_assert(aic_json_double(&doc, 0, &value));
	ck_assert_msg(memcmp(&value, &expected, sizeof(value)) == 0, "%s: %.17g",
		      doubles[_i], value);
	aic_buf_printf(&in_array, "[%s,1]", doubles[_i]);
	ck_assert_int_eq(scan(in_array.data), 0);
	ck_assert(aic_json_double(&doc, 1, &value));
	ck_assert(memcmp(&value, &expected, sizeof(value)) == 0);
	aic_buf_done(&in_array);
}
END_TEST

START_TEST(double_out_of_range)
{
	double value = 7;

	ck_assert_int_eq(scan("[1e309,-1e400,\"x\"]"), 0);
	for (int i = 1; i <= 3; i++)
		ck_assert(!aic_json_double(&doc, i, &value));
}
END_TEST

/* Numbers near the bounds of the short way must agree with strtod(). */
START_TEST(random_doubles)
{
	uint32_t random = 99;

	for (int i = 0; i < 50000; i++) {
		char text[64];
		double value = 0;
		random = random * 1664525 + 1013904223;
		snprintf(text, sizeof(text), "%s%u%u.%ue%d", random & 1 ? "-" : "",
			 (random >> 4) % 9 + 1,
			 (random >> 8) % (i % 2 ? 100u : 10000000u),
			 (random >> 16) % 10000, (int)(random >> 20) % 30 - 15);
		double expected = strtod(text, NULL);
		if (scan(text) < 0 || !aic_json_double(&doc, 0, &value) ||
		    memcmp(&value, &expected, sizeof(value)) != 0)
			ck_abort_msg("%s", text);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("json");
	TCase *scans = tcase_create("scan");
	TCase *reads = tcase_create("read");

	tcase_add_checked_fixture(scans, NULL, teardown);
	tcase_add_checked_fixture(reads, NULL, teardown);
	tcase_set_timeout(scans, 30);
	tcase_add_loop_test(scans, good_texts, 0, AIC_ARRAY_LEN(good));
	tcase_add_loop_test(scans, bad_texts, 0, AIC_ARRAY_LEN(bad));
	tcase_add_test(scans, nul_bytes);
	tcase_add_test(scans, every_truncation_fails);
	tcase_add_test(scans, random_mutations);
	tcase_add_test(scans, depth_is_limited);
	tcase_add_test(scans, tokens_and_bytes_are_limited);
	tcase_add_test(scans, duplicate_keys);
	tcase_add_test(scans, many_keys);
	tcase_add_test(scans, located_errors);
	tcase_add_test(reads, lone_surrogates_on_the_wire);
	tcase_add_test(reads, look_ups);
	tcase_add_test(reads, string_copies);
	tcase_add_loop_test(reads, whole_number, 0, AIC_ARRAY_LEN(whole_numbers));
	tcase_add_loop_test(reads, double_is_exact, 0, AIC_ARRAY_LEN(doubles));
	tcase_add_test(reads, double_out_of_range);
	tcase_add_test(reads, random_doubles);
	suite_add_tcase(s, scans);
	suite_add_tcase(s, reads);
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
