/*
 * Requests as values, reports, and tools from JSON.
 */

#include <math.h>

#include <check.h>

#include "model/request.h"
#include "model/tools.h"
#include "model_support.h"

START_TEST(nothing_is_said_at_first)
{
	struct aic_request *request = aic_request_new();

	ck_assert_int_eq(request->max_tokens, -1);
	ck_assert(isnan(request->temperature));
	ck_assert(isnan(request->top_p));
	ck_assert_int_eq(request->parallel_tool_calls, -1);
	ck_assert_int_eq(request->format_strict, -1);
	ck_assert(!request->has_seed);
	ck_assert_int_eq(request->tool_choice, AIC_TOOL_CHOICE_UNSET);
	ck_assert_int_eq(request->format, AIC_FORMAT_UNSET);
	ck_assert_ptr_null(aic_request_free(request));
	ck_assert_ptr_null(aic_request_free(NULL));
}
END_TEST

START_TEST(lists_grow)
{
	struct aic_request *request = aic_request_new();
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_USER);

	for (int i = 0; i < 20; i++) {
		char name[] = "tool_a";
		name[5] = (char)('a' + i);
		struct aic_tool tool = { .name = aic_strdup(name), .strict = 1 };
		ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
		ck_assert_ptr_null(tool.name);
		ck_assert_int_eq(tool.strict, -1);
		ck_assert_int_eq(aic_request_add_message(request, m), 0);
		ck_assert_int_eq(aic_request_add_stop(request, aic_str(name + i % 5)), 0);
		ck_assert_int_eq(
			aic_request_set_extra(request, aic_str(name), AIC_STR("1")), 0);
	}
	ck_assert_uint_eq(request->tool_count, 20);
	ck_assert_str_eq(request->tools[19].name, "tool_t");
	ck_assert_uint_eq(request->message_count, 20);
	ck_assert_str_eq(request->stop[3], "l_d");
	/* One value a name, the last. */
	ck_assert_int_eq(
		aic_request_set_extra(request, AIC_STR("tool_c"), AIC_STR("[2]")), 0);
	ck_assert_uint_eq(request->extra_count, 20);
	ck_assert_str_eq(request->extra[2].value.data, "[2]");
	aichat_message_unref(m);
	ck_assert_int_eq(request->messages[19]->role, AICHAT_ROLE_USER);
	aic_request_free(request);
}
END_TEST

START_TEST(reports)
{
	struct aic_report report = { 0 };

	aic_report_add(&report, "%s: not taken by %s", "temperature", "p");
	aic_report_add(&report, "%s: not taken by %s", "temperature", "p");
	aic_report_add(&report, "%s: not taken by %s", "top_p", "p");
	ck_assert_uint_eq(report.count, 2);
	ck_assert_str_eq(report.lines[0], "temperature: not taken by p");
	for (int i = 0; i < 1000; i++)
		aic_report_add(&report, "line %d", i);
	ck_assert_uint_le(report.count, 64);
	aic_report_done(&report);
	ck_assert_uint_eq(report.count, 0);
	aic_report_add(NULL, "nobody listens");
}
END_TEST

static int read_tools(const char *json, struct aic_tool **tools, size_t *count,
		      aichat_error **reterr)
{
	return aic_tools_read(aic_str(json), tools, count, reterr);
}

START_TEST(tools_are_read)
{
	struct aic_tool *tools = NULL, copy;
	size_t count = 99;

	ck_assert_int_eq(read_tools("[]", &tools, &count, NULL), 0);
	ck_assert_uint_eq(count, 0);
	aic_tools_free(tools, count);
	ck_assert_int_eq(
		read_tools(
			"[{\"name\":\"get_weather-2\",\"description\":\"It \\\"is\\\"\","
			"\"parameters\":{ \"type\": \"object\" },\"strict\":true},"
			"{\"type\":\"function\",\"name\":\"f\",\"strict\":null},"
			"{\"type\":\"web_search\", \"name\":\"f\",\"max_uses\":3}]",
			&tools, &count, NULL),
		0);
	ck_assert_uint_eq(count, 3);
	ck_assert_str_eq(tools[0].name, "get_weather-2");
	ck_assert_str_eq(tools[0].description, "It \"is\"");
	ck_assert_str_eq(tools[0].schema.data, "{ \"type\": \"object\" }");
	ck_assert_int_eq(tools[0].strict, 1);
	ck_assert_ptr_null(tools[0].raw.data);
	ck_assert_int_eq(tools[1].strict, -1);
	ck_assert_ptr_null(tools[1].schema.data);
	ck_assert_ptr_null(tools[2].name);
	ck_assert_str_eq(tools[2].raw.data,
			 "{\"type\":\"web_search\", \"name\":\"f\",\"max_uses\":3}");
	ck_assert_int_eq(aic_tool_copy(&copy, &tools[0]), 0);
	aic_tools_free(tools, count);
	ck_assert_str_eq(copy.name, "get_weather-2");
	ck_assert_str_eq(copy.schema.data, "{ \"type\": \"object\" }");
	ck_assert_int_eq(copy.strict, 1);
	aic_tool_done(&copy);
}
END_TEST

static const struct {
	const char *json;
	const char *message; /* NULL = any */
} refused[] = {
	{ "", NULL },
	{ "[{]", NULL },
	{ "{}", "tools is no array" },
	{ "[1]", "tools[0] is no object" },
	{ "[{}]", "tools[0].name is missing" },
	{ "[{\"name\":1}]", "tools[0].name is no string" },
	{ "[{\"name\":\"\"}]", "tools[0].name is not 1 to 64 of A-Z, a-z, 0-9, _ and -" },
	{ "[{\"name\":\"a b\"}]",
	  "tools[0].name is not 1 to 64 of A-Z, a-z, 0-9, _ and -" },
	{ "[{\"name\":"
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]",
	  "tools[0].name is not 1 to 64 of A-Z, a-z, 0-9, _ and -" },
	{ "[{\"name\":\"a\"},{\"name\":\"a\"}]",
	  "tools[1].name is that of another tool" },
	{ "[{\"name\":\"a\",\"parameters\":[]}]", "tools[0].parameters is no object" },
	{ "[{\"name\":\"a\",\"strict\":1}]",
	  "tools[0].strict is neither true nor false" },
	{ "[{\"name\":\"a\",\"input_schema\":{}}]",
	  "tools[0].input_schema is none of name, description, parameters, strict" },
};

START_TEST(tools_that_are_refused)
{
	struct aic_tool *tools = NULL;
	aichat_error *err = NULL;
	size_t count = 99;

	ck_assert_int_eq(read_tools(refused[_i].json, &tools, &count, &err),
			 AICHAT_EJSON);
	ck_assert_ptr_null(tools);
	ck_assert_uint_eq(count, 99);
	if (refused[_i].message)
		ck_assert_str_eq(aichat_error_message(err), refused[_i].message);
	aichat_error_unref(err);
}
END_TEST

START_TEST(too_many_tools)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf json = aic_buf(0);
	struct aic_tool *tools = NULL;
	size_t count;

	for (int i = 0; i <= 1024; i++)
		aic_buf_printf(&json, "%c{\"name\":\"t%d\"}", i ? ',' : '[', i);
	aic_buf_putc(&json, ']');
	ck_assert_int_eq(aic_tools_read(aic_buf_str(&json), &tools, &count, NULL),
			 AICHAT_ETOOLARGE);
	ck_assert_ptr_null(tools);
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int fill(void *data)
{
	struct aic_request *request = aic_request_new();
	struct aic_tool *tools = NULL, copy = { 0 };
	struct aic_report report = { 0 };
	size_t count = 0;
	int result = request ? aic_request_add_message(request, data) : AICHAT_ENOMEM;

	aic_report_add(&report, "may be lost");
	aic_report_done(&report);
	if (result == 0)
		result = aic_request_add_stop(request, AIC_STR("x"));
	if (result == 0)
		result = aic_request_set_extra(request, AIC_STR("x"), AIC_STR("1"));
	if (result == 0)
		result = aic_request_set_extra(request, AIC_STR("x"), AIC_STR("2"));
	if (result == 0)
		result = aic_tools_read(AIC_STR("[{\"name\":\"a\",\"description\":\"d\","
						"\"parameters\":{}},{\"type\":\"x\"}]"),
					&tools, &count, NULL);
	if (result == 0)
		result = aic_tool_copy(&copy, &tools[0]);
	if (result == 0)
		result = aic_request_add_tool(request, &copy);
	aic_tool_done(&copy);
	aic_tools_free(tools, count);
	aic_request_free(request);
	return result;
}

START_TEST(memory_runs_out)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_USER);

	walk_failures(fill, m);
	ck_assert_uint_eq(m->refs, 1);
	aichat_message_unref(m);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tests = tcase_create("request");

	tcase_add_test(tests, nothing_is_said_at_first);
	tcase_add_test(tests, lists_grow);
	tcase_add_test(tests, reports);
	tcase_add_test(tests, tools_are_read);
	tcase_add_loop_test(tests, tools_that_are_refused, 0, AIC_ARRAY_LEN(refused));
	tcase_add_test(tests, too_many_tools);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
