/*
 * Options: the table, what names and values are taken, bags, chains, and JSON.
 */

#include <locale.h>
#include <math.h>
#include <stdio.h>

#include <check.h>

#include <aichat/options.h>

#include "model/options.h"
#include "model_support.h"

static aichat_options *bag;

static void setup(void)
{
	bag = aichat_options_new();
	ck_assert_ptr_nonnull(bag);
}

static void teardown(void)
{
	bag = aichat_options_free(bag);
}

static int set(const char *name, const char *value)
{
	return aichat_options_set(bag, name, value, -1, NULL);
}

static const char *get(const char *name)
{
	const char *value = NULL;

	ck_assert_int_ge(aichat_options_get(bag, name, &value), 0);
	return value;
}

START_TEST(the_table_is_whole)
{
	size_t n = 0;

	for (; aichat_option_name(n); n++) {
		const char *name = aichat_option_name(n);
		int type = aichat_option_type(n);
		ck_assert_int_ge(type, AICHAT_OPTION_STRING);
		ck_assert_int_le(type, AICHAT_OPTION_JSON);
		ck_assert_str_ne(aichat_option_help(n), "");
		for (size_t i = 0; i < n; i++)
			ck_assert_str_ne(name, aichat_option_name(i));
		if (strstr(name, "NAME"))
			continue;
		/* A default is a value like any other, and reads as one. */
		const char *fallback = aichat_option_default(n), *value = "";
		ck_assert_int_eq(aichat_options_get(bag, name, &value), 0);
		ck_assert_ptr_eq(value, fallback);
		if (!fallback)
			continue;
		struct aic_options_chain none = { { NULL } }, own = { { bag } };
		double number = aic_chain_number(&none, name);
		ck_assert_int_eq(set(name, fallback), 0);
		ck_assert_msg(aic_chain_number(&own, name) == number || isnan(number),
			      "%s: %s", name, fallback);
	}
	ck_assert_uint_gt(n, 30);
	ck_assert_int_eq(aichat_option_type(n), 0);
	ck_assert_ptr_null(aichat_option_help(n));
	ck_assert_ptr_null(aichat_option_default(n));
}
END_TEST

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const char *const names[] = {
	"model",
	"body.top_k",
	"body.metadata.x",
	"body.NAME ",
	"body.$ref \xc3\xbc",
	("body." X64),
	"alias.gpt-4.1",
	"alias.Fast_1",
	"provider.work.base_url",
	"provider.my-own_2.api_key",
};

static const struct {
	const char *name;
	const char *message;
} unknown[] = {
	{ "", "unknown option \"\"" },
	{ "temprature", "unknown option \"temprature\": did you mean \"temperature\"?" },
	{ "tempreature",
	  "unknown option \"tempreature\": did you mean \"temperature\"?" },
	{ "max-tokens", "unknown option \"max-tokens\": did you mean \"max_tokens\"?" },
	{ "modle", "unknown option \"modle\": did you mean \"model\"?" },
	{ "Model", "unknown option \"Model\": did you mean \"model\"?" },
	{ "bdy.top_k", "unknown option \"bdy.top_k\": did you mean \"body.top_k\"?" },
	{ "provider.work.baseurl",
	  "unknown option \"provider.work.baseurl\": did you mean "
	  "\"provider.work.base_url\"?" },
	{ "providers.work.api_key",
	  "unknown option \"providers.work.api_key\": did you mean "
	  "\"provider.work.api_key\"?" },
	{ "colour", "unknown option \"colour\"" },
	{ "body.", "unknown option \"body.\"" },
	{ "body.a\nb", "unknown option \"body.a b\"" },
	{ "body.\xc3", "unknown option" },
	{ "body." X64 "x", "unknown option \"body." X64 "x\"" },
	{ "body." X64 X64, "unknown option" },
	{ "alias.a b", "unknown option \"alias.a b\"" },
	{ "provider.Work.api_key", "unknown option \"provider.Work.api_key\"" },
	{ "provider.a.b.api_key", "unknown option \"provider.a.b.api_key\": did you mean "
				  "\"provider.a.api_key\"?" },
	{ "provider..api_key", "unknown option \"provider..api_key\"" },
};

START_TEST(names_that_are)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(names); i++)
		ck_assert_ptr_nonnull(aic_option_find(names[i]));
}
END_TEST

START_TEST(names_that_are_not)
{
	aichat_error *err = NULL;
	const char *value;

	ck_assert_int_eq(aichat_options_set(bag, unknown[_i].name, "1", -1, &err),
			 AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(err), unknown[_i].message);
	aichat_error_unref(err);
	ck_assert_int_eq(aichat_options_get(bag, unknown[_i].name, &value),
			 AICHAT_EINVAL);
	ck_assert_ptr_null(aichat_options_origin(bag, unknown[_i].name));
	ck_assert_int_eq(aichat_options_set_int(bag, unknown[_i].name, 1, NULL),
			 AICHAT_EINVAL);
}
END_TEST

static const struct {
	const char *name;
	const char *value;
	const char *why; /* NULL = it is taken */
} values[] = {
	{ "max_tokens", "1", NULL },
	{ "max_tokens", "10000000", NULL },
	{ "max_tokens", "0", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "10000001", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "99999999999999999999", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "1.5", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "12k", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "0x10", "is no whole number from 1 to 10000000" },
	{ "max_tokens", "\"5\"", "is no whole number from 1 to 10000000" },
	{ "seed", "0", NULL },
	{ "seed", "-1", "is no whole number from 0 to 2147483647" },
	{ "temperature", "0.7", NULL },
	{ "temperature", "2", NULL },
	{ "temperature", "1e-3", NULL },
	{ "temperature", "2.01", "is no number from 0 to 2" },
	{ "temperature", "0,7", "is no number from 0 to 2" },
	{ "temperature", "-0.1", "is no number from 0 to 2" },
	{ "temperature", "nan", "is no number from 0 to 2" },
	{ "temperature", "1e999", "is no number from 0 to 2" },
	{ "stream", "true", NULL },
	{ "stream", "off", NULL },
	{ "stream", "1", NULL },
	{ "stream", "TRUE", "is neither true nor false" },
	{ "stream", "", "is neither true nor false" },
	{ "stream", "2", "is neither true nor false" },
	{ "model", "openai/gpt-5", NULL },
	{ "model", "", "is empty" },
	{ "model", "a\nb", "has a control character in it" },
	{ "model", "a\x7f", "has a control character in it" },
	{ "model", "a\xc2\x85", "has a control character in it" },
	{ "model", "a\xc3", "is not UTF-8" },
	{ "system", "", NULL },
	{ "system", "Line one.\n\tLine two.\r\n", NULL },
	{ "system", "bell\x07", "has a control character in it" },
	{ "proxy", "", NULL },
	{ "no_proxy", "", NULL },
	{ "store", "", "is empty" },
	{ "reasoning_effort", "xhigh", NULL },
	{ "reasoning_effort", "High",
	  "is none of none, minimal, low, medium, high, xhigh, max" },
	{ "tool_choice", "get_weather-2", NULL },
	{ "tool_choice", "get weather",
	  "is none of auto, none, required or a tool's name" },
	{ "tool_choice", "", "is empty" },
	{ "stop", "END\n\nSTOP\t", NULL },
	{ "stop", "", NULL },
	{ "stop", "a\x1b", "has a control character in it" },
	{ "response_schema", "{\"type\":\"object\"}", NULL },
	{ "response_schema", "[]", "is no JSON object" },
	{ "body.top_k", "40", NULL },
	{ "body.x", "\"text\"", NULL },
	{ "body.x", "null", NULL },
	{ "body.x", " [1, 2] ", NULL },
	{ "provider.a.base_url", "https://api.example.com/v1", NULL },
	{ "provider.a.base_url", "http://[::1]:8080", NULL },
	{ "provider.a.base_url", "ftp://x",
	  "does not start with http:// or https:// and a host" },
	{ "provider.a.base_url", "https://",
	  "does not start with http:// or https:// and a host" },
	{ "provider.a.base_url", "http:///x",
	  "does not start with http:// or https:// and a host" },
	{ "provider.a.base_url", "https://api.example.com/v1/@home", NULL },
	{ "provider.a.base_url", "https://me:secret@api.example.com/v1",
	  "has a user or a password in it; set api_key instead" },
	{ "provider.a.base_url", "http://a b",
	  "does not start with http:// or https:// and a host" },
	{ "provider.a.headers", "X-One: 1\nx_two:\n", NULL },
	{ "provider.a.headers", "X-One: 1\nnothing",
	  "has a line that is no `Name: value`" },
	{ "provider.a.headers", ": 1", "has a line that is no `Name: value`" },
	{ "provider.a.headers", "A B: 1", "has a line that is no `Name: value`" },
	{ "provider.a.headers", "A: 1\r\n", "has a control character in it" },
	{ "provider.a.api_key", "sk-secret\n", "has a control character in it" },
	{ "alias.fast", "openai/gpt-5-nano", NULL },
};

START_TEST(values_are_checked)
{
	aichat_error *err = NULL;
	char want[200];
	int result = aichat_options_set(bag, values[_i].name, values[_i].value, -1, &err);

	if (!values[_i].why) {
		ck_assert_msg(result == 0, "%s", aichat_error_message(err));
		ck_assert_str_eq(get(values[_i].name), values[_i].value);
		ck_assert_str_eq(aichat_options_origin(bag, values[_i].name), "set");
		return;
	}
	ck_assert_int_eq(result, AICHAT_EINVAL);
	snprintf(want, sizeof(want), "option \"%s\" %s", values[_i].name, values[_i].why);
	ck_assert_str_eq(aichat_error_message(err), want);
	aichat_error_unref(err);
	ck_assert_str_eq(aichat_options_origin(bag, values[_i].name), "default");
}
END_TEST

START_TEST(no_json_is_told_with_its_place)
{
	aichat_error *err = NULL;

	ck_assert_int_eq(aichat_options_set(bag, "body.x", "{\"a\":1,\"a\":2}", -1, &err),
			 AICHAT_EINVAL);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(err),
				     "option \"body.x\" is no JSON: "
				     "byte "));
	aichat_error_unref(err);
	ck_assert_int_eq(set("body.x", "tru"), AICHAT_EINVAL);
	ck_assert_int_eq(set("body.x", ""), AICHAT_EINVAL);
}
END_TEST

/* A key may be wrong in many ways; none of them may bring it into a log. */
START_TEST(errors_never_quote_a_key)
{
	static const char *const keys[] = { "sk-secret\n", "sk-secret\xff",
					    "\x01sk-secret" };

	for (size_t i = 0; i < AIC_ARRAY_LEN(keys); i++) {
		aichat_error *err = NULL;
		ck_assert_int_eq(
			aichat_options_set(bag, "provider.a.api_key", keys[i], -1, &err),
			AICHAT_EINVAL);
		ck_assert_ptr_null(strstr(aichat_error_message(err), "secret"));
		aichat_error_unref(err);
	}
}
END_TEST

START_TEST(arguments_are_checked)
{
	const char *value;
	char *large = aic_malloc(AIC_OPTION_VALUE_MAX + 1);

	ck_assert_int_eq(aichat_options_set(NULL, "model", "m", -1, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set(bag, NULL, "m", -1, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set(bag, "model", "m", -2, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set(bag, "model", "a\0b", 3, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set(bag, "system", "a\0b", 3, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set(bag, "stop", "a\0b", 3, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_get(NULL, "model", &value), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_get(bag, NULL, &value), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_get(bag, "model", NULL), AICHAT_EINVAL);
	ck_assert_ptr_nonnull(large);
	memset(large, 'x', AIC_OPTION_VALUE_MAX + 1);
	ck_assert_int_eq(aichat_options_set(bag, "system", large,
					    (int64_t)AIC_OPTION_VALUE_MAX + 1, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set(bag, "system", large,
					    (int64_t)AIC_OPTION_VALUE_MAX, NULL),
			 0);
	aic_free(large);
	ck_assert_int_eq(aichat_options_set(bag, "model", "abcdef", 3, NULL), 0);
	ck_assert_str_eq(get("model"), "abc");
	ck_assert_ptr_null(aichat_options_free(NULL));
}
END_TEST

START_TEST(numbers_have_setters)
{
	aichat_error *err = NULL;

	ck_assert_int_eq(aichat_options_set_int(bag, "max_tokens", 800, NULL), 0);
	ck_assert_str_eq(get("max_tokens"), "800");
	ck_assert_int_eq(aichat_options_set_int(bag, "max_tokens", 0, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_int(bag, "max_tokens", INT64_MIN, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_int(bag, "model", 1, &err), AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(err),
			 "option \"model\" is no whole number");
	err = aichat_error_unref(err);
	ck_assert_int_eq(aichat_options_set_int(bag, "temperature", 1, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_number(bag, "temperature", 0.1, NULL), 0);
	ck_assert_str_eq(get("temperature"), "0.1");
	ck_assert_int_eq(aichat_options_set_number(bag, "temperature", 2.1, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_number(bag, "temperature", (double)NAN, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(
		aichat_options_set_number(bag, "temperature", (double)INFINITY, &err),
		AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(err),
			 "option \"temperature\" is no number from 0 to 2");
	err = aichat_error_unref(err);
	ck_assert_int_eq(aichat_options_set_number(bag, "max_tokens", 1, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_int(NULL, "max_tokens", 1, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_number(bag, NULL, 1, NULL), AICHAT_EINVAL);
}
END_TEST

START_TEST(no_locale_has_a_say)
{
	struct aic_options_chain chain = { { bag } };

	/* Where it is installed; elsewhere the C locale must do. */
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		setlocale(LC_ALL, "C");
	ck_assert_int_eq(set("temperature", "0.5"), 0);
	ck_assert(aic_chain_number(&chain, "temperature") == 0.5);
	ck_assert_int_eq(aichat_options_set_number(bag, "top_p", 0.25, NULL), 0);
	ck_assert_str_eq(get("top_p"), "0.25");
}
END_TEST

START_TEST(the_bag_is_sorted)
{
	static const char *const order[] = { "alias.b",    "body.a", "body.b",
					     "max_tokens", "model",  "provider.x.api_key",
					     "temperature" };
	static const size_t set_order[] = { 4, 0, 6, 2, 1, 5, 3 };
	const char *value;

	for (size_t i = 0; i < AIC_ARRAY_LEN(order); i++)
		ck_assert_int_eq(set(order[set_order[i]], "1"), 0);
	ck_assert_uint_eq(aic_options_count(bag), AIC_ARRAY_LEN(order));
	for (size_t i = 0; i < AIC_ARRAY_LEN(order); i++) {
		ck_assert_str_eq(aichat_options_name(bag, i), order[i]);
		ck_assert_str_eq(aic_options_at(bag, i, &value), order[i]);
		ck_assert_str_eq(value, "1");
	}
	ck_assert_ptr_null(aichat_options_name(bag, AIC_ARRAY_LEN(order)));
	/* Taken back from the middle, and what was never there. */
	ck_assert_int_eq(set("body.b", NULL), 0);
	ck_assert_int_eq(set("body.c", NULL), 0);
	ck_assert_str_eq(aichat_options_name(bag, 2), "max_tokens");
	ck_assert_int_eq(aichat_options_get(bag, "body.b", &value), 0);
	ck_assert_ptr_null(value);
	ck_assert_int_eq(set("model", "2"), 0);
	ck_assert_str_eq(get("model"), "2");
	ck_assert_uint_eq(aic_options_count(bag), AIC_ARRAY_LEN(order) - 1);
	ck_assert_str_eq(aic_options_provider(bag, "x", "api_key"), "1");
	ck_assert_ptr_null(aic_options_provider(bag, "x", "base_url"));
	ck_assert_ptr_null(aic_options_provider(bag, "y", "api_key"));
	ck_assert_ptr_null(aic_options_provider(bag, X64 X64 X64 X64, "api_key"));
	ck_assert_uint_eq(aic_options_count(NULL), 0);
}
END_TEST

START_TEST(what_is_set_already_stays_if_wished)
{
	ck_assert_int_eq(aic_options_set(bag, "model", AIC_STR("a"), "f:1", true, NULL),
			 0);
	ck_assert_str_eq(aichat_options_origin(bag, "model"), "f:1");
	ck_assert_int_eq(aic_options_set(bag, "model", AIC_STR("b"), "f:2", true, NULL),
			 0);
	ck_assert_str_eq(get("model"), "a");
	ck_assert_int_eq(aic_options_set(bag, "model", aic_str(NULL), "f:2", true, NULL),
			 0);
	ck_assert_str_eq(get("model"), "a");
	/* It is checked even so. */
	ck_assert_int_eq(aic_options_set(bag, "model", AIC_STR(""), "f:3", true, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aic_options_set(bag, "model", AIC_STR("b"), "f:4", false, NULL),
			 0);
	ck_assert_str_eq(get("model"), "b");
	ck_assert_str_eq(aichat_options_origin(bag, "model"), "f:4");
}
END_TEST

START_TEST(the_nearest_bag_wins)
{
	aichat_options *far = aichat_options_new();
	struct aic_options_chain chain = { { NULL, bag, NULL, far } };

	ck_assert_ptr_null(aic_chain_string(&chain, "model"));
	ck_assert_int_eq(aic_chain_int(&chain, "max_tokens", -1), -1);
	ck_assert(isnan(aic_chain_number(&chain, "temperature")));
	ck_assert_int_eq(aic_chain_bool(&chain, "parallel_tool_calls", -1), -1);
	/* The table's */
	ck_assert_int_eq(aic_chain_int(&chain, "max_retries", -1), 2);
	ck_assert_int_eq(aic_chain_int(&chain, "max_reply_bytes", -1), 33554432);
	ck_assert_int_eq(aic_chain_bool(&chain, "stream", -1), 1);
	ck_assert_str_eq(aic_chain_string(&chain, "max_tool_rounds"), "25");
	ck_assert_int_eq(aichat_options_set(far, "stream", "no", -1, NULL), 0);
	ck_assert_int_eq(aichat_options_set(far, "model", "far", -1, NULL), 0);
	ck_assert_int_eq(aichat_options_set(far, "max_tokens", "10000000", -1, NULL), 0);
	ck_assert_int_eq(aic_chain_bool(&chain, "stream", -1), 0);
	ck_assert_str_eq(aic_chain_string(&chain, "model"), "far");
	ck_assert_int_eq(aic_chain_int(&chain, "max_tokens", -1), 10000000);
	ck_assert_int_eq(set("model", "near"), 0);
	ck_assert_int_eq(set("temperature", "0.5"), 0);
	ck_assert_str_eq(aic_chain_string(&chain, "model"), "near");
	ck_assert(aic_chain_number(&chain, "temperature") == 0.5);
	aichat_options_free(far);
}
END_TEST

static void hook(void *user, int level, const char *message)
{
	(void)user, (void)level, (void)message;
}

START_TEST(a_copy_is_its_own)
{
	int user;

	ck_assert_int_eq(set("model", "m"), 0);
	ck_assert_int_eq(set("temperature", "0.5"), 0);
	ck_assert_int_eq(aichat_options_set_log(bag, hook, &user, 0), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_log(bag, hook, &user, 5), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_log(NULL, hook, &user, 1), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_options_set_log(bag, hook, &user, AICHAT_LOG_INFO), 0);
	aichat_options *copy = aic_options_copy(bag);
	ck_assert_int_eq(set("model", "n"), 0);
	struct aic_options_chain chain = { { copy } };
	ck_assert_str_eq(aic_chain_string(&chain, "model"), "m");
	ck_assert(aic_chain_number(&chain, "temperature") == 0.5);
	ck_assert_str_eq(aichat_options_origin(copy, "model"), "set");
	ck_assert_ptr_eq(aic_options_log(copy)->user, &user);
	ck_assert(aic_options_log(copy)->hook == hook);
	ck_assert_int_eq(aic_options_log(copy)->level, AICHAT_LOG_INFO);
	aichat_options_free(copy);
	copy = aic_options_copy(NULL);
	ck_assert_uint_eq(aic_options_count(copy), 0);
	ck_assert(!aic_options_log(NULL)->hook);
	aichat_options_free(copy);
}
END_TEST

START_TEST(what_is_for_the_context_only)
{
	aichat_error *err = NULL;

	ck_assert_int_eq(aic_options_check_chat(NULL, NULL), 0);
	ck_assert_int_eq(set("model", "m"), 0);
	ck_assert_int_eq(aic_options_check_chat(bag, NULL), 0);
	ck_assert_int_eq(set("store", "memory:"), 0);
	ck_assert_int_eq(aic_options_check_chat(bag, &err), AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(err),
			 "option \"store\" counts for the whole context: "
			 "give it to aichat_open()");
	aichat_error_unref(err);
}
END_TEST

static int read_bag(const char *json, aichat_options **ret, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	int result = aic_json_scan(&doc, json, strlen(json), &aic_json_strict);

	if (result < 0)
		return result;
	return aic_options_read(&doc, 0, ret, reterr);
}

START_TEST(json_both_ways)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);
	aichat_options *back = NULL;

	ck_assert_int_eq(set("body.\"q\"", "{\"a\":[1]}"), 0);
	ck_assert_int_eq(set("system", "two\nlines"), 0);
	ck_assert_int_eq(set("temperature", "0.5"), 0);
	aic_options_write(bag, &w);
	ck_assert_str_eq(text.data,
			 "{\"body.\\\"q\\\"\":\"{\\\"a\\\":[1]}\","
			 "\"system\":\"two\\nlines\",\"temperature\":\"0.5\"}");
	ck_assert_int_eq(read_bag(text.data, &back, NULL), 0);
	ck_assert_uint_eq(aic_options_count(back), 3);
	for (size_t i = 0; i < 3; i++) {
		const char *value;
		const char *name = aic_options_at(back, i, &value);
		ck_assert_str_eq(value, get(name));
	}
	aichat_options_free(back);
	/* As people would write it. */
	ck_assert_int_eq(
		read_bag("{\"temperature\":0.5,\"stream\":false,\"body.x\":{\"a\":1},"
			 "\"model\":null}",
			 &back, NULL),
		0);
	struct aic_options_chain chain = { { back } };
	ck_assert(aic_chain_number(&chain, "temperature") == 0.5);
	ck_assert_int_eq(aic_chain_bool(&chain, "stream", -1), 0);
	ck_assert_str_eq(aic_chain_string(&chain, "body.x"), "{\"a\":1}");
	ck_assert_uint_eq(aic_options_count(back), 3);
	aichat_options_free(back);
}
END_TEST

START_TEST(json_that_is_refused)
{
	aichat_options *back = NULL;
	aichat_error *err = NULL;

	ck_assert_int_eq(read_bag("[]", &back, NULL), AICHAT_EJSON);
	ck_assert_int_eq(read_bag("{\"modle\":\"m\"}", &back, &err), AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(err),
			 "unknown option \"modle\": did you mean \"model\"?");
	err = aichat_error_unref(err);
	ck_assert_int_eq(read_bag("{\"model\":[1]}", &back, &err), AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(err),
			 "option \"model\" is no text, number, true or false");
	err = aichat_error_unref(err);
	ck_assert_int_eq(read_bag("{\"model\\u0000\":\"m\"}", &back, NULL),
			 AICHAT_EINVAL);
	ck_assert_int_eq(read_bag("{\"model\":\"a\\u0000\"}", &back, NULL),
			 AICHAT_EINVAL);
	ck_assert_ptr_null(back);
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int use(void *data)
{
	aichat_options *options = aichat_options_new(), *copy = NULL, *back = NULL;
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);
	aichat_error *err = NULL;
	(void)data;
	int result = options ? 0 : AICHAT_ENOMEM;

	if (result == 0)
		result = aichat_options_set(options, "body.x", "{\"a\":1}", -1, &err);
	if (result == 0)
		result = aichat_options_set_number(options, "temperature", 0.5, &err);
	if (result == 0)
		result = aichat_options_set_int(options, "max_tokens", 5, &err);
	if (result == 0)
		result = aichat_options_set(options, "body.x", "2", -1, &err);
	if (result == 0) {
		copy = aic_options_copy(options);
		result = copy ? 0 : AICHAT_ENOMEM;
	}
	if (result == 0) {
		aic_options_write(copy, &w);
		result = text.error;
	}
	if (result == 0)
		result = read_bag(text.data, &back, &err);
	if (err)
		ck_assert_int_eq(aichat_error_code(err), AICHAT_ENOMEM);
	aichat_error_unref(err);
	aichat_options_free(options);
	aichat_options_free(copy);
	aichat_options_free(back);
	return result;
}

START_TEST(memory_runs_out)
{
	walk_failures(use, NULL);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_table_is_whole);
	tcase_add_test(tests, names_that_are);
	tcase_add_loop_test(tests, names_that_are_not, 0, AIC_ARRAY_LEN(unknown));
	tcase_add_loop_test(tests, values_are_checked, 0, AIC_ARRAY_LEN(values));
	tcase_add_test(tests, no_json_is_told_with_its_place);
	tcase_add_test(tests, errors_never_quote_a_key);
	tcase_add_test(tests, arguments_are_checked);
	tcase_add_test(tests, numbers_have_setters);
	tcase_add_test(tests, no_locale_has_a_say);
	tcase_add_test(tests, the_bag_is_sorted);
	tcase_add_test(tests, what_is_set_already_stays_if_wished);
	tcase_add_test(tests, the_nearest_bag_wins);
	tcase_add_test(tests, a_copy_is_its_own);
	tcase_add_test(tests, what_is_for_the_context_only);
	tcase_add_test(tests, json_both_ways);
	tcase_add_test(tests, json_that_is_refused);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
