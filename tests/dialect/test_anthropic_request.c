/*
 * The Messages dialect's requests: written for a provider, read from a caller.
 */

#include <math.h>

#include "anthropic_support.h"

/* --- requests as canonical messages --- */

static struct aic_request *request_of(const char *messages)
{
	struct aic_request *request = aic_request_new();
	struct aic_json doc = { 0 };

	ck_assert_msg(aic_json_scan(&doc, messages, strlen(messages), &aic_json_wire) ==
			      0,
		      "%s at %u: %s", doc.error_why, doc.error_at, messages);
	for (int v = aic_json_first(&doc, 0); v >= 0; v = aic_json_next(&doc, 0, v)) {
		struct aichat_message *message = NULL;
		aichat_error *error = NULL;
		ck_assert_msg(aic_message_read(&doc, v, &message, &error) == 0, "%s",
			      aichat_error_message(error));
		ck_assert_int_eq(aic_request_add_message(request, message), 0);
		aichat_message_unref(message);
	}
	aic_json_done(&doc);
	request->model = aic_strdup("m-2");
	return request;
}

#define USER(text)                                                                       \
	"{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define SAID(text)                                                                       \
	"{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define SYSTEM(text)                                                                     \
	"{\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define CALLED(id, arguments)                                                            \
	"{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"" id        \
	"\",\"name\":\"add\",\"arguments\":\"" arguments "\"}]}"
#define RESULT(id, parts)                                                                \
	"{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_result\",\"tool_call_id\":\"" id \
	"\",\"is_error\":false,\"parts\":[" parts "]}]}"

/* The body; owned. *report (if any) must contain the word, NULL: must be empty. */
static char *body_of(struct aic_request *request, const struct aic_profile *profile,
		     const char *reported)
{
	struct aic_profile plain = { .provider = "anthropic", .model = "m-2" };
	struct aic_report report = { 0 };
	struct aic_buf out = aic_buf(0);
	aichat_error *error = NULL;
	bool found = false;
	int code = ANTHROPIC->encode_request(request, profile ? profile : &plain, &out,
					     &report, &error);

	ck_assert_msg(code == 0, "%s", aichat_error_message(error));
	for (size_t i = 0; i < report.count; i++) {
		ck_assert_msg(reported, "reported: %s", report.lines[i]);
		found = found || strstr(report.lines[i], reported);
	}
	ck_assert_msg(!reported || found, "%s is not reported", reported);
	aic_report_done(&report);
	char *body = aic_buf_take(&out, NULL);
	expect(body, "model", "\"m-2\"");
	return body;
}

/* One member of the body of these messages. */
static void ck_body(const char *messages, const struct aic_profile *profile,
		    const char *reported, const char *path, const char *expected)
{
	struct aic_request *request = request_of(messages);
	char *body = body_of(request, profile, reported);

	expect(body, path, expected);
	aic_free(body);
	aic_request_free(request);
}

#define PROFILE(flags)                                                                   \
	(&(struct aic_profile){ .provider = "anthropic", .quirks = (flags) })

START_TEST(turns)
{
	ck_body("[" SYSTEM("Be brief.") "," USER("Hi") "]", NULL, NULL, "system",
		"\"Be brief.\"");
	ck_body("[" USER("Hi") "]", NULL, NULL, "system", NULL);
	ck_body("[" USER("Hi") "]", NULL, NULL, "max_tokens", "4096");
	ck_body("[" USER("Hi") "]", NULL, NULL, "stream", NULL);
	ck_body("[" SYSTEM("A") "," SYSTEM("") "," SYSTEM("B") "," USER("Hi") "]", NULL,
		NULL, "system",
		"[{\"type\":\"text\",\"text\":\"A\"},{\"type\":\"text\",\"text\":\"B\"}"
		"]");
	ck_body("[" USER("A") "," USER("B") "," SAID("C") "," SAID("") "," USER(
			" \\n") "," SAID("D") "," USER("E") "]",
		NULL, NULL, "messages",
		"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"A\"},"
		"{\"type\":\"text\",\"text\":\"B\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"C\"},"
		"{\"type\":\"text\",\"text\":\"D\"}]},"
		"{\"role\":\"user\",\"content\":\"E\"}]");
	ck_body("[" SAID("First") "," USER("Hi") "]", NULL, "first turn", "messages.0",
		"{\"role\":\"user\",\"content\":\"Continue.\"}");
	ck_body("[" SYSTEM("Only") "]", NULL, "no user's turn", "messages",
		"[{\"role\":\"user\",\"content\":\"Continue.\"}]");
}
END_TEST

START_TEST(prefill)
{
	ck_body("[" USER("Go") "," SAID("foo \\n") "]", NULL, NULL, "messages.1.content",
		"\"foo\"");
	ck_body("[" USER("Go") "," SAID("foo \\n") "," USER("on") "]", NULL, NULL,
		"messages.1.content", "\"foo \\n\"");
	ck_body("[" USER("Go") "," SAID("foo ") "]", PROFILE(AIC_QUIRK_NO_PREFILL),
		"no user's turn", "messages.2",
		"{\"role\":\"user\",\"content\":\"Continue.\"}");
	/* A pause is sent back unchanged, whatever the model takes. */
	ck_body("[" USER("Go") ",{\"role\":\"assistant\",\"stop_reason\":\"pause\","
			       "\"parts\":"
			       "[{\"type\":\"text\",\"text\":\"foo \"}]}]",
		PROFILE(AIC_QUIRK_NO_PREFILL), NULL, "messages.1",
		"{\"role\":\"assistant\",\"content\":\"foo \"}");
}
END_TEST

START_TEST(instructions_in_the_middle)
{
	static const char after_call[] =
		"[" USER("Go") "," CALLED("t", "{}") "," SYSTEM("Be kind") "," RESULT(
			"t", "") "," SAID("So") "," SYSTEM("Now") "," SAID("!") "]";
	struct aic_profile anywhere = { .provider = "anthropic",
					.quirks = AIC_QUIRK_SYSTEM_ANYWHERE };

	ck_body("[" USER("Hi") "," SYSTEM("Rhyme") "," SAID("Yo") "]", &anywhere, NULL,
		"messages.1",
		"{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"Rhyme\"}"
		"]}");
	ck_body("[" USER("Hi") "," SYSTEM("Rhyme") "," SAID("Yo") "]", NULL,
		"system message", "messages.0.content",
		"[{\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"text\",\"text\":"
		"\"<system>\\nRhyme\\n</system>\"}]");
	struct aic_request *request = request_of(after_call);
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = -1 };
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	char *body = body_of(request, &anywhere, NULL);
	expect(body, "messages.2.role", "\"user\"");
	expect(body, "messages.2.content",
	       "[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}]");
	expect(body, "messages.3.role", "\"system\"");
	/* After an assistant none may stand: it is a user's then. */
	expect(body, "messages.5.role", "\"user\"");
	expect(body, "messages.5.content.0.text", "\"<system>\\nNow\\n</system>\"");
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(calls_and_results)
{
	static const char history[] = "[" USER(
		"Go") ",{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"text\":"
		      "\"\"},"
		      "{\"type\":\"tool_call\",\"id\":\"a\",\"name\":\"add\","
		      "\"arguments\":"
		      "\" {\\\"x\\\" :1.0} "
		      "\"},{\"type\":\"tool_call\",\"id\":\"b\",\"name\":\"add\","
		      "\"arguments\":\"\"}]}," USER(
			      "Wait") "," RESULT("a", "{\"type\":\"text\",\"text\":"
						      "\"2\"}") ","
								"{\"role\":\"tool\","
								"\"parts\":[{\"type\":"
								"\"tool_result\",\"tool_"
								"call_id\":\"b\","
								"\"is_error\":true,"
								"\"parts\":[{\"type\":"
								"\"text\",\"text\":"
								"\"no\"},"
								"{\"type\":\"image\","
								"\"media_type\":\"image/"
								"png\",\"data\":\"AAE=\"}"
								"]}]}]";
	struct aic_request *request = request_of(history);
	struct aic_tool tool = { .name = aic_strdup("add"),
				 .description = aic_strdup("Adds."),
				 .strict = 1 };

	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	char *body = body_of(request, NULL, NULL);
	expect(body, "messages.1.content",
	       "[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"add\",\"input\":{\"x\" "
	       ":1.0}},"
	       "{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"add\",\"input\":{}}]");
	expect(body, "messages.2.content",
	       "[{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"2\"},"
	       "{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":["
	       "{\"type\":\"text\",\"text\":\"no\"},{\"type\":\"image\",\"source\":{"
	       "\"type\":"
	       "\"base64\",\"media_type\":\"image/"
	       "png\",\"data\":\"AAE=\"}}],\"is_error\":true},"
	       "{\"type\":\"text\",\"text\":\"Wait\"}]");
	expect(body, "tools",
	       "[{\"name\":\"add\",\"description\":\"Adds.\",\"input_schema\":{\"type\":"
	       "\"object\",\"properties\":{}},\"strict\":true}]");
	expect(body, "tool_choice", NULL);
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(arguments_that_are_none)
{
	ck_body("[" USER("Go") "," CALLED("a", "{\\\"x\\\":") "," RESULT("a", "") "]",
		NULL, "no JSON object", "messages.1.content.0.input", "{}");
	ck_body("[" USER("Go") "," CALLED("a", "[1]") "," RESULT("a", "") "]", NULL,
		"no JSON object", "messages.1.content.0.input", "{}");
}
END_TEST

/* Calls in the history, but no tools now: they are named, and not to be called. */
START_TEST(tools_that_are_gone)
{
	static const char history[] = "[" USER("Go") "," CALLED("a", "{}") "," RESULT(
		"a", "") "," CALLED("b", "{}") "," RESULT("b", "") "]";

	ck_body(history, NULL, NULL, "tools",
		"[{\"name\":\"add\",\"input_schema\":{\"type\":\"object\",\"properties\":"
		"{}}}]");
	ck_body(history, NULL, NULL, "tool_choice", "{\"type\":\"none\"}");
	ck_body("[" USER("Go") "]", NULL, NULL, "tools", NULL);
}
END_TEST

START_TEST(tool_choices)
{
	static const struct {
		enum aic_tool_choice choice;
		int parallel;
		const char *expected;
	} cases[] = {
		{ AIC_TOOL_CHOICE_UNSET, -1, NULL },
		{ AIC_TOOL_CHOICE_UNSET, 1, NULL },
		{ AIC_TOOL_CHOICE_UNSET, 0,
		  "{\"type\":\"auto\",\"disable_parallel_tool_use\":true}" },
		{ AIC_TOOL_CHOICE_AUTO, 1,
		  "{\"type\":\"auto\",\"disable_parallel_tool_use\":false}" },
		{ AIC_TOOL_CHOICE_REQUIRED, -1, "{\"type\":\"any\"}" },
		{ AIC_TOOL_CHOICE_NAMED, 0,
		  "{\"type\":\"tool\",\"name\":\"add\",\"disable_parallel_tool_use\":"
		  "true}" },
		{ AIC_TOOL_CHOICE_NONE, 0, "{\"type\":\"none\"}" },
	};
	struct aic_request *request = request_of("[" USER("Go") "]");
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = 0 };

	aic_string_set(&tool.schema, AIC_STR("{ \"properties\":{}}"));
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	tool.raw = (struct aic_string){ 0 };
	aic_string_set(&tool.raw,
		       AIC_STR("{\"type\":\"web_search_20260318\", \"name\":\"w\"}"));
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	request->tool_choice = cases[_i].choice;
	request->parallel_tool_calls = cases[_i].parallel;
	if (cases[_i].choice == AIC_TOOL_CHOICE_NAMED)
		request->tool_choice_name = aic_strdup("add");
	char *body = body_of(request, NULL, NULL);
	expect(body, "tool_choice", cases[_i].expected);
	expect(body, "tools.0.input_schema", "{\"type\":\"object\", \"properties\":{}}");
	expect(body, "tools.0.strict", "false");
	expect(body, "tools.1", "{\"type\":\"web_search_20260318\", \"name\":\"w\"}");
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(media)
{
	static const struct {
		const char *part;
		uint32_t quirks;
		const char *reported, *expected;
	} cases[] = {
		{ "{\"type\":\"image\",\"url\":\"https://x/y.png\"}", 0, NULL,
		  "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/"
		  "y.png\"}}" },
		{ "{\"type\":\"image\",\"url\":\"https://x/y.png\"}",
		  AIC_QUIRK_INLINE_IMAGES, "not fetched",
		  "{\"type\":\"text\",\"text\":\"[image left out: https://x/y.png]\"}" },
		{ "{\"type\":\"image\",\"media_type\":\"image/bmp\",\"data\":\"AA==\"}",
		  0, "JPEG",
		  "{\"type\":\"text\",\"text\":\"[image left out: image/bmp]\"}" },
		{ "{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"AA==\"}",
		  AIC_QUIRK_NO_IMAGES, "text only",
		  "{\"type\":\"text\",\"text\":\"[image left out: image/png]\"}" },
		{ "{\"type\":\"file\",\"media_type\":\"application/"
		  "pdf\",\"name\":\"a.pdf\","
		  "\"data\":\"AA==\"}",
		  0, NULL,
		  "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":"
		  "\"application/pdf\",\"data\":\"AA==\"},\"title\":\"a.pdf\"}" },
		{ "{\"type\":\"file\",\"media_type\":\"text/"
		  "markdown\",\"data\":\"IyBI\"}",
		  0, NULL,
		  "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":"
		  "\"text/plain\",\"data\":\"# H\"}}" },
		{ "{\"type\":\"file\",\"media_type\":\"application/"
		  "zip\",\"data\":\"AA==\"}",
		  0, "PDF or text",
		  "{\"type\":\"text\",\"text\":\"[file left out: application/zip]\"}" },
		{ "{\"type\":\"audio\",\"media_type\":\"audio/wav\",\"data\":\"AA==\"}",
		  0, "audio",
		  "{\"type\":\"text\",\"text\":\"[audio left out: audio/wav]\"}" },
	};
	char history[1000];

	snprintf(history, sizeof(history), "[{\"role\":\"user\",\"parts\":[%s]}]",
		 cases[_i].part);
	ck_body(history, PROFILE(cases[_i].quirks), cases[_i].reported,
		"messages.0.content.0", cases[_i].expected);
}
END_TEST

/* --- replay --- */

static const char thoughtful[] = START BLOCK(
	0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
	DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"Hm \\\"so\\\"\"}") DELTA(
		0, "{\"type\":\"signature_delta\",\"signature\":\"A\\/b\\u003d\"}") END(0)
		BLOCK(1, "{\"type\":\"redacted_thinking\", \"data\":\"\\u0041\"}") END(
			1) BLOCK(2, "{\"type\":\"thinking\",\"thinking\":\"unsigned\"}")
			END(2) BLOCK(3, "{\"type\":\"mystery\",\"v\":[1.50, {}]}") END(3)
				BLOCK(4, "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":"
					 "\"add\",\"input\":{},"
					 "\"caller\":{\"type\":\"direct\"}}")
					INPUT(4, "\"{\\\"x\\\": 1.0}\"") END(4)
						STOP("tool_use");

/* Through the store's form and back, then into a request. */
static char *replayed(const char *frames, const char *provider, uint32_t quirks,
		      const char *reported)
{
	struct aic_profile profile = { .provider = "anthropic", .quirks = quirks };
	struct outcome o = read_bytes(aic_str(frames), false, quirks);
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = -1 };

	adopt(o.message, provider);
	char *json = message_text(o.message, true);
	struct aic_buf history = aic_buf(0);
	aic_buf_printf(&history, "[%s,%s,%s]", USER("Go"), json, RESULT("t", ""));
	struct aic_request *request = request_of(history.data);
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	char *body = body_of(request, &profile, reported);
	aic_request_free(request);
	aic_buf_done(&history);
	aic_free(json);
	outcome_done(&o);
	return body;
}

START_TEST(replay_is_exact)
{
	char *body = replayed(thoughtful, "anthropic", 0, "reasoning: not replayed");

	expect(body, "messages.1.content",
	       "[{\"type\":\"thinking\",\"thinking\":\"Hm \\\"so\\\"\",\"signature\":"
	       "\"A\\/b\\u003d\"},"
	       "{\"type\":\"redacted_thinking\", \"data\":\"\\u0041\"},"
	       "{\"type\":\"mystery\",\"v\":[1.50, {}]},"
	       "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"add\",\"input\":{\"x\": "
	       "1.0},"
	       "\"caller\":{\"type\":\"direct\"}}]");
	aic_free(body);
	/* Of another provider: only what has fields of ours. */
	body = replayed(thoughtful, "elsewhere", 0, "unknown: not replayed to anthropic");
	expect(body, "messages.1.content",
	       "[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"add\",\"input\":{\"x\": "
	       "1.0}}]");
	aic_free(body);
	body = replayed(thoughtful, "anthropic", AIC_QUIRK_UNSIGNED_THINKING, NULL);
	expect(body, "messages.1.content.2",
	       "{\"type\":\"thinking\",\"thinking\":\"unsigned\"}");
	aic_free(body);
}
END_TEST

/* A refusal's explanation was no text of the model's; another dialect's refusal was. */
START_TEST(refusals_in_the_history)
{
	ck_body("[" USER("A") ",{\"role\":\"assistant\",\"dialect\":\"anthropic-"
			      "messages\","
			      "\"parts\":[{\"type\":\"refusal\",\"text\":\"why\",\"raw\":"
			      "\"{\\\"type\\\":"
			      "\\\"refusal\\\"}\"}]}," USER("B") "]",
		NULL, NULL, "messages",
		"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"A\"},"
		"{\"type\":\"text\",\"text\":\"B\"}]}]");
	ck_body("[" USER(
			"A") ",{\"role\":\"assistant\",\"dialect\":\"openai-chat\","
			     "\"parts\":[{\"type\":\"refusal\",\"text\":\"No.\"}]}," USER(
				     "B") "]",
		NULL, NULL, "messages.1.content",
		"[{\"type\":\"text\",\"text\":\"No.\"}]");
}
END_TEST

/* Raw that is none, or speaks of another call than the part, is not sent. */
START_TEST(raw_is_checked)
{
	ck_body("[" USER("A") ",{\"role\":\"assistant\",\"dialect\":\"anthropic-"
			      "messages\","
			      "\"parts\":[{\"type\":\"text\",\"text\":\"T\",\"raw\":\"["
			      "\\\"text\\\"]\"},"
			      "{\"type\":\"tool_call\",\"id\":\"new\",\"name\":\"add\","
			      "\"arguments\":\"{}\","
			      "\"raw\":\"{\\\"type\\\":\\\"tool_use\\\",\\\"id\\\":"
			      "\\\"old\\\",\\\"name\\\":"
			      "\\\"add\\\",\\\"input\\\":{}}\"}]}," RESULT("new", "") "]",
		NULL, NULL, "messages.1.content",
		"[{\"type\":\"text\",\"text\":\"T\"},{\"type\":\"tool_use\",\"id\":"
		"\"new\","
		"\"name\":\"add\",\"input\":{}}]");
}
END_TEST

/* --- options --- */

static char *optioned(const struct aic_profile *profile, const char *effort, int64_t max,
		      double temperature, const char *reported)
{
	struct aic_request *request = request_of("[" USER("Go") "]");

	request->max_tokens = max;
	request->temperature = temperature;
	request->reasoning_effort = aic_strdup(effort);
	char *body = body_of(request, profile, reported);
	aic_request_free(request);
	return body;
}

static void ck_options(char *body, const char *max_tokens, const char *thinking,
		       const char *output_config, const char *temperature)
{
	expect(body, "max_tokens", max_tokens);
	expect(body, "thinking", thinking);
	expect(body, "output_config", output_config);
	expect(body, "temperature", temperature);
	aic_free(body);
}

START_TEST(sampling)
{
	struct aic_profile profile = { .version = "2023-06-01" };

	ck_options(optioned(&profile, NULL, 9, 0.5, NULL), "9", NULL, NULL, "0.5");
	ck_options(optioned(&profile, NULL, 9, 1.5, "at most 1"), "9", NULL, NULL, "1");
	profile.version = "2026-10-21";
	ck_options(optioned(&profile, NULL, 9, 0.5, "temperature"), "9", NULL, NULL,
		   NULL);
	profile = (struct aic_profile){ .quirks = AIC_QUIRK_NO_SAMPLING,
					.max_tokens = 77 };
	ck_options(optioned(&profile, NULL, -1, 0.5, "temperature"), "77", NULL, NULL,
		   NULL);
}
END_TEST

START_TEST(efforts)
{
	struct aic_profile none = { 0 };
	struct aic_profile budget = { .quirks = AIC_QUIRK_THINKING_BUDGET };
	struct aic_profile adaptive = { .quirks = AIC_QUIRK_THINKING_ADAPTIVE };
	struct aic_profile both = { .quirks = AIC_QUIRK_THINKING_BUDGET |
					      AIC_QUIRK_THINKING_ADAPTIVE };
	const char *enabled = "{\"type\":\"enabled\",\"budget_tokens\":10000}";
	const char *adapts = "{\"type\":\"adaptive\"}";

	ck_options(optioned(&none, "high", 9, NAN, "reasoning_effort"), "9", NULL, NULL,
		   NULL);
	ck_options(optioned(&none, "none", 9, NAN, NULL), "9", NULL, NULL, NULL);
	ck_options(optioned(&budget, "none", 9, 0.5, NULL), "9",
		   "{\"type\":\"disabled\"}", NULL, "0.5");
	ck_options(optioned(&budget, "medium", 20000, NAN, NULL), "20000", enabled, NULL,
		   NULL);
	ck_options(optioned(&budget, "medium", -1, 0.5, "while the model reasons"),
		   "14096", enabled, NULL, NULL);
	ck_options(optioned(&budget, "medium", 8000, NAN, NULL), "8000",
		   "{\"type\":\"enabled\",\"budget_tokens\":4000}", NULL, NULL);
	ck_options(optioned(&budget, "low", 800, NAN, "no room"), "800", NULL, NULL,
		   NULL);
	ck_options(optioned(&budget, "odd", 800, NAN, "not known"), "800", NULL, NULL,
		   NULL);
	ck_options(optioned(&adaptive, "minimal", 9, NAN, NULL), "9", adapts,
		   "{\"effort\":\"low\"}", NULL);
	ck_options(optioned(&adaptive, "xhigh", 9, NAN, NULL), "9", adapts,
		   "{\"effort\":\"xhigh\"}", NULL);
	ck_options(optioned(&both, "xhigh", 9, NAN, NULL), "9", adapts,
		   "{\"effort\":\"max\"}", NULL);
}
END_TEST

START_TEST(budget_and_tools)
{
	struct aic_profile budget = { .quirks = AIC_QUIRK_THINKING_BUDGET };
	struct aic_request *request = request_of(
		"[" USER("Go") "," CALLED("a", "{}") "," RESULT("a", "") "]");
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = -1 };

	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	request->reasoning_effort = aic_strdup("low");
	char *body = body_of(request, &budget, "inside a tool loop");
	expect(body, "thinking", NULL);
	aic_free(body);
	request->tool_choice = AIC_TOOL_CHOICE_REQUIRED;
	body = body_of(request, &budget, "forced tool");
	expect(body, "thinking", NULL);
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(formats)
{
	struct aic_request *request = request_of("[" SYSTEM("S") "," USER("Go") "]");
	aichat_error *error = NULL;
	struct aic_buf out = aic_buf(0);

	request->format = AIC_FORMAT_JSON;
	char *body = body_of(request, NULL, NULL);
	expect(body, "system.0.text", "\"S\"");
	expect(body, "system.1.text",
	       "\"Answer with one JSON object and nothing else.\"");
	aic_free(body);
	request->format = AIC_FORMAT_SCHEMA;
	aic_string_set(
		&request->format_schema,
		AIC_STR("{\"$schema\":\"x\",\"type\":\"object\",\"properties\":{"
			"\"minimum\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
			"\"b\":{\"description\":\"B.\",\"type\":[\"object\",\"null\"],"
			"\"additionalProperties\":{\"type\":\"string\"}},"
			"\"c\":{\"type\":\"array\",\"items\":{\"oneOf\":[{\"type\":"
			"\"string\","
			"\"format\":\"date\"},{\"format\":\"zip\"},true]},\"minItems\":2}"
			","
			"\"d\":{\"$ref\":\"#/$defs/e\"}},\"required\":[\"b\"],"
			"\"$defs\":{\"e\":{\"anyOf\":[{}],\"oneOf\":[{}],\"not\":{}}}}"));
	body = body_of(request, NULL, NULL);
	expect(body, "system", "\"S\"");
	expect(body, "output_config",
	       "{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\","
	       "\"properties\":{\"minimum\":{\"type\":\"integer\",\"description\":"
	       "\"minimum: 1; "
	       "maximum: "
	       "9\"},\"b\":{\"type\":[\"object\",\"null\"],\"description\":\"B.\","
	       "\"additionalProperties\":false},\"c\":{\"type\":\"array\",\"items\":{"
	       "\"anyOf\":["
	       "{\"type\":\"string\",\"format\":\"date\"},{\"description\":\"format: "
	       "zip\"},true]},"
	       "\"description\":\"minItems: "
	       "2\"},\"d\":{\"$ref\":\"#/$defs/e\"}},\"required\":"
	       "[\"b\"],\"$defs\":{\"e\":{\"anyOf\":[{}],\"description\":\"oneOf: [{}]; "
	       "not: {}\"}},"
	       "\"additionalProperties\":false}}}");
	aic_free(body);
	aic_string_set(&request->format_schema, AIC_STR("{\"type\":"));
	struct aic_profile profile = { 0 };
	ck_assert_int_eq(ANTHROPIC->encode_request(request, &profile, &out, NULL, &error),
			 AICHAT_EJSON);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "schema"));
	aichat_error_unref(error);
	aic_buf_done(&out);
	aic_request_free(request);
}
END_TEST

START_TEST(stops_and_extras)
{
	struct aic_profile profile = { .version = "2026-10-21" };
	struct aic_request *request = request_of("[" USER("Go") "]");

	aic_request_add_stop(request, AIC_STR(" \n"));
	aic_request_add_stop(request, AIC_STR("END"));
	request->user = aic_strdup("u1");
	request->stream = true;
	aic_request_set_extra(request, AIC_STR("max_tokens"), AIC_STR("5"));
	aic_request_set_extra(request, AIC_STR("container"), AIC_STR("{\"id\":\"c\"}"));
	aic_request_set_extra(request, AIC_STR("top_k"), AIC_STR("4"));
	char *body = body_of(request, &profile, "t"); /* white space, and top_k */
	expect(body, "stop_sequences", "[\"END\"]");
	expect(body, "metadata", "{\"user_id\":\"u1\"}");
	expect(body, "stream", "true");
	expect(body, "max_tokens", "5"); /* a member twice would be no JSON to our scan */
	expect(body, "container", "{\"id\":\"c\"}");
	expect(body, "top_k", NULL);
	aic_free(body);
	aic_request_free(request);
}
END_TEST

/* --- reading --- */

static struct aic_request *read_body(const char *body)
{
	struct aic_request *request = NULL;
	aichat_error *error = NULL;
	int code = ANTHROPIC->decode_request(aic_str(body), &request, &error);

	ck_assert_msg(code == 0, "%s", aichat_error_message(error));
	ck_assert_ptr_nonnull(request);
	return request;
}

static const char everything[] =
	"{\"model\":\"m-2\",\"max_tokens\":9,\"temperature\":0.5,\"top_p\":1,\"top_k\":3,"
	"\"system\":[{\"type\":\"text\",\"text\":\"S\",\"cache_control\":{\"type\":"
	"\"ephemeral\"}}],"
	"\"stop_sequences\":[\"a\\n\"],\"stream\":true,\"metadata\":{\"user_id\":\"u\"},"
	"\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":"
	"\"object\" },"
	"\"strict\":true},{\"type\":\"web_search_1\",\"name\":\"w\"}],"
	"\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":"
	"true},"
	"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},"
	"\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
	"\"object\"}}},"
	"\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\","
	"\"signature\":\"s\"},{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
	"{\"type\":\"thinking\",\"thinking\":\"u\",\"signature\":\"\"},"
	"{\"type\":\"text\",\"text\":\"T\",\"citations\":[]},"
	"{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"a\" :1}},"
	"{\"type\":\"server_tool_use\",\"id\":\"s\"}]},"
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"and\",\"cache_"
	"control\":null},"
	"{\"type\":\"tool_result\",\"tool_use_id\":\"i\",\"is_error\":true,\"content\":["
	"{\"type\":\"text\",\"text\":\"r\"},{\"type\":\"image\",\"source\":{\"type\":"
	"\"base64\","
	"\"media_type\":\"image/"
	"png\",\"data\":\"AAE=\"}},{\"type\":\"search_result\",\"x\":1}]},"
	"{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}},"
	"{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"text\",\"media_"
	"type\":"
	"\"text/"
	"plain\",\"data\":\"D\"}},{\"type\":\"document\",\"source\":{\"type\":\"base64\","
	"\"media_type\":\"application/"
	"pdf\",\"data\":\"AA==\"},\"citations\":{\"enabled\":true}},"
	"{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]},"
	"{\"role\":\"system\",\"content\":\"Rhyme\"}]}";

START_TEST(read_everything)
{
	struct aic_request *r = read_body(everything);

	ck_assert_str_eq(r->model, "m-2");
	ck_assert_int_eq(r->max_tokens, 9);
	ck_assert(r->temperature == 0.5 && r->top_p == 1);
	ck_assert_uint_eq(r->extra_count, 1);
	ck_assert_str_eq(r->extra[0].name, "top_k");
	ck_assert_str_eq(r->stop[0], "a\n");
	ck_assert(r->stream);
	ck_assert_str_eq(r->user, "u");
	ck_assert_uint_eq(r->tool_count, 2);
	ck_str(r->tools[0].schema, "{\"type\":\"object\" }");
	ck_assert_int_eq(r->tools[0].strict, 1);
	ck_str(r->tools[1].raw, "{\"type\":\"web_search_1\",\"name\":\"w\"}");
	ck_assert_int_eq(r->tool_choice, AIC_TOOL_CHOICE_NAMED);
	ck_assert_str_eq(r->tool_choice_name, "f");
	ck_assert_int_eq(r->parallel_tool_calls, 0);
	ck_assert_str_eq(r->reasoning_effort, "low");
	ck_assert_int_eq(r->format, AIC_FORMAT_SCHEMA);
	ck_str(r->format_schema, "{\"type\":\"object\"}");
	static const struct {
		enum aichat_role role;
		size_t parts;
		bool raw;
	} shapes[] = {
		{ AICHAT_ROLE_SYSTEM, 1, true },    { AICHAT_ROLE_USER, 1, false },
		{ AICHAT_ROLE_ASSISTANT, 6, true }, { AICHAT_ROLE_TOOL, 1, true },
		{ AICHAT_ROLE_USER, 5, true },      { AICHAT_ROLE_SYSTEM, 1, false },
	};
	ck_assert_uint_eq(r->message_count, AIC_ARRAY_LEN(shapes));
	for (size_t i = 0; i < AIC_ARRAY_LEN(shapes); i++) {
		ck_assert_int_eq(r->messages[i]->role, shapes[i].role);
		ck_assert_uint_eq(r->messages[i]->part_count, shapes[i].parts);
		ck_assert_int_eq(r->messages[i]->dialect != NULL, shapes[i].raw);
		ck_assert_ptr_null(r->messages[i]->provider);
	}
	aic_request_free(r);
}
END_TEST

START_TEST(read_blocks)
{
	struct aic_request *r = read_body(everything);
	const struct aichat_part *p = r->messages[2]->parts;

	ck_str(r->messages[0]->parts[0].text, "S");
	ck_str(r->messages[0]->parts[0].raw, "{\"type\":\"text\",\"text\":\"S\",\"cache_"
					     "control\":{\"type\":\"ephemeral\"}}");
	ck_str(p[0].text, "h");
	ck_str(p[0].raw,
	       "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"s\"}");
	ck_assert_int_eq(p[1].type, AICHAT_PART_REASONING);
	ck_assert_ptr_null(p[2].raw.data);
	ck_assert_ptr_null(p[3].raw.data);
	ck_str(p[4].text, "{\"a\" :1}");
	ck_assert_int_eq(p[5].type, AICHAT_PART_UNKNOWN);
	p = r->messages[3]->parts;
	ck_assert(p->is_error);
	ck_assert_str_eq(p->id, "i");
	ck_assert_uint_eq(p->part_count, 3);
	ck_str(p->parts[0].text, "r");
	ck_assert_uint_eq(p->parts[1].data.len, 2);
	ck_assert_str_eq(p->parts[1].media_type, "image/png");
	ck_assert_int_eq(p->parts[2].type, AICHAT_PART_UNKNOWN);
	p = r->messages[4]->parts;
	ck_assert_ptr_null(p[0].raw.data);
	ck_assert_str_eq(p[1].url, "https://x");
	ck_assert_str_eq(p[2].name, "t");
	ck_str(p[2].data, "D");
	ck_assert_int_eq(p[3].type, AICHAT_PART_FILE);
	ck_assert_uint_eq(p[3].data.len, 1);
	ck_assert_ptr_nonnull(p[3].raw.data);
	ck_assert_int_eq(p[4].type, AICHAT_PART_UNKNOWN);
	aic_request_free(r);
}
END_TEST

/* What ours cannot say goes out as it came in. */
START_TEST(kept_to_the_letter)
{
	static const char *const members[] = {
		"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000}",
		"\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"}",
		"\"thinking\":{\"type\":\"adaptive\"}",
		"\"thinking\":{\"type\":\"between_tools\"}",
		"\"output_config\":{\"effort\":\"low\"}",
		"\"output_config\":{\"effort\":\"low\",\"later\":1}",
		"\"metadata\":{\"user_id\":\"u\",\"more\":1}",
		"\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"cache_control\":{"
		"\"type\":"
		"\"ephemeral\"}}]",
		"\"mcp_servers\":[{}]",
	};
	struct aic_profile profile = { .quirks = AIC_QUIRK_THINKING_BUDGET |
						 AIC_QUIRK_THINKING_ADAPTIVE };
	char body[500], name[40];

	snprintf(
		body, sizeof(body),
		"{\"model\":\"m-2\",\"max_tokens\":5000,\"messages\":[{\"role\":\"user\","
		"\"content\":\"Hi\"}],%s}",
		members[_i]);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(members[_i] + 1, "\""),
		 members[_i] + 1);
	struct aic_request *r = read_body(body);
	char *again = body_of(r, &profile, NULL);
	expect(again, name, strchr(members[_i], ':') + 1);
	if (strcmp(name, "output_config") == 0)
		expect(again, "thinking", NULL);
	aic_free(again);
	aic_request_free(r);
}
END_TEST

START_TEST(wrong_requests)
{
	static const struct {
		const char *body, *place;
	} cases[] = {
		{ "[]", "request" },
		{ "{}", "model" },
		{ "{\"model\":7}", "model" },
		{ "{\"model\":\"m\"}", "messages" },
		{ "{\"model\":\"m\",\"messages\":{}}", "messages" },
		{ "{\"model\":\"m\",\"messages\":[7]}", "messages[0]" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"\"}]}",
		  "messages[0].role" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}",
		  "messages[0].content" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":7}]}",
		  "messages[0].content" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"},{"
		  "\"role\":"
		  "\"user\",\"content\":[{\"text\":\"x\"}]}]}",
		  "messages[1].content[0].type" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
		  "\"type\":"
		  "\"text\",\"text\":7}]}]}",
		  "messages[0].content[0].text" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
		  "\"type\":"
		  "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}]}]}",
		  "messages[0].content[0].type" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[{"
		  "\"type\":"
		  "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":\"{}\"}]}]}",
		  "messages[0].content[0].input" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
		  "\"type\":"
		  "\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
		  "png\",\"data\":"
		  "\"*\"}}]}]}",
		  "messages[0].content[0].source.data" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
		  "\"type\":"
		  "\"tool_result\",\"tool_use_id\":\"a\",\"content\":[{\"type\":\"tool_"
		  "result\"}]}]}]}",
		  "messages[0].content[0].content[0].type" },
		{ "{\"model\":\"m\",\"messages\":[],\"system\":7}", "system" },
		{ "{\"model\":\"m\",\"messages\":[],\"max_tokens\":\"9\"}",
		  "max_tokens" },
		{ "{\"model\":\"m\",\"messages\":[],\"max_tokens\":-1}", "max_tokens" },
		{ "{\"model\":\"m\",\"messages\":[],\"temperature\":2}", "temperature" },
		{ "{\"model\":\"m\",\"messages\":[],\"stop_sequences\":[1]}",
		  "stop_sequences[0]" },
		{ "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"name\":\"f\"}]}",
		  "tools[0].input_schema" },
		{ "{\"model\":\"m\",\"messages\":[],\"tool_choice\":{\"type\":\"all\"}}",
		  "tool_choice.type" },
		{ "{\"model\":\"m\",\"messages\":[],\"tool_choice\":{\"type\":\"tool\"}}",
		  "tool_choice.name" },
		{ "{\"model\":\"m\",\"messages\":[],\"stream\":1}", "stream" },
		{ "{\"model\":\"m\",\"messages\":[],\"thinking\":{}}", "thinking.type" },
		{ "{\"model\":\"m\",\"model\":\"n\"}", "column" },
	};
	struct aic_request *request = NULL;
	aichat_error *error = NULL;

	ck_assert_int_eq(
		ANTHROPIC->decode_request(aic_str(cases[_i].body), &request, &error),
		AICHAT_EJSON);
	ck_assert_ptr_null(request);
	ck_assert_msg(strstr(aichat_error_message(error), cases[_i].place), "%s: %s",
		      cases[_i].body, aichat_error_message(error));
	aichat_error_unref(error);
}
END_TEST

/* --- properties --- */

static void random_content(struct dice *d, struct aichat_message *m)
{
	struct aic_string text = { 0 };
	struct aichat_part *part;
	unsigned kind = roll(d, 3);

	random_string(d, &text);
	aic_string_append(&text, AIC_STR("."));
	if (kind == 0 && m->role == AICHAT_ROLE_USER) {
		part = aic_message_add_part(m, AICHAT_PART_IMAGE);
		part->media_type = aic_strdup("image/webp");
		aic_string_set(&part->data, aic_string_str(&text));
	} else if (kind == 1 && m->role == AICHAT_ROLE_USER) {
		part = aic_message_add_part(m, AICHAT_PART_FILE);
		part->name = perhaps_word(d);
		if (flip(d)) {
			part->url = random_word(d);
		} else {
			part->media_type = aic_strdup("text/plain");
			aic_string_set(&part->data, aic_string_str(&text));
		}
	} else if (kind == 0) {
		part = aic_message_add_part(m, AICHAT_PART_UNKNOWN);
		aic_string_set(&part->raw, AIC_STR("{\"type\":\"later\", \"v\":1e1}"));
		if (!m->dialect)
			m->dialect = aic_strdup("anthropic-messages");
	} else if (kind == 1) {
		part = aic_message_add_part(m, AICHAT_PART_REASONING);
		aic_string_set(&part->text, AIC_STR("h"));
		aic_string_set(&part->raw,
			       AIC_STR("{\"type\":\"thinking\",\"thinking\":\"h\","
				       "\"signature\":\"\\u0041\"}"));
		if (!m->dialect)
			m->dialect = aic_strdup("anthropic-messages");
	} else {
		aic_message_add_text(m, aic_string_str(&text));
	}
	aic_string_done(&text);
}

static struct aichat_message *add(struct aic_request *r, enum aichat_role role)
{
	struct aichat_message *m = aic_message_new(role);

	m->state = AICHAT_MESSAGE_SEALED;
	ck_assert_int_eq(aic_request_add_message(r, m), 0);
	aichat_message_unref(m);
	return m;
}

static void random_loop(struct dice *d, struct aic_request *r)
{
	struct aichat_message *m = add(r, AICHAT_ROLE_ASSISTANT);
	struct aichat_part *part;

	if (flip(d))
		random_content(d, m);
	unsigned calls = roll(d, 3);
	for (unsigned i = 0; i < calls; i++) {
		char id[20];
		snprintf(id, sizeof(id), "t_%u_%u", (unsigned)r->message_count, i);
		part = aic_message_add_part(m, AICHAT_PART_TOOL_CALL);
		part->id = aic_strdup(id);
		part->name = aic_strdup("f");
		aic_string_set(&part->text, AIC_STR("{\"a\": 1.0}"));
	}
	if (!m->part_count)
		aic_message_add_text(m, AIC_STR("so"));
	struct aichat_message *results = calls ? add(r, AICHAT_ROLE_TOOL) : NULL;
	for (unsigned i = 0; i < calls; i++) {
		part = aic_message_add_part(results, AICHAT_PART_TOOL_RESULT);
		part->id = aic_strdup(m->parts[m->part_count - calls + i].id);
		part->is_error = flip(d);
		for (unsigned n = roll(d, 3); n > 0; n--) {
			struct aichat_part *inner = aic_part_add_part(part,
								      AICHAT_PART_TEXT);
			aic_string_set(&inner->text, AIC_STR("r"));
		}
	}
	if (!calls || flip(d))
		random_content(d, add(r, AICHAT_ROLE_USER));
}

static struct aic_request *random_request(uint64_t seed)
{
	static const char *const words[] = { NULL, "none", "minimal", "low", "medium" };
	struct dice d = dice(seed);
	struct aic_request *r = aic_request_new();

	r->model = random_word(&d);
	r->max_tokens = 20000 + roll(&d, 10000);
	if (flip(&d))
		aic_message_add_text(add(r, AICHAT_ROLE_SYSTEM),
				     AIC_STR("Be\n\"brief\"."));
	random_content(&d, add(r, AICHAT_ROLE_USER));
	for (unsigned n = roll(&d, 4); n > 0; n--)
		random_loop(&d, r);
	struct aic_tool tool = { .name = aic_strdup("f"),
				 .description = perhaps_word(&d),
				 .strict = (int)roll(&d, 3) - 1 };
	aic_string_set(&tool.schema, AIC_STR("{\"type\":\"object\", \"properties\":{}}"));
	ck_assert_int_eq(aic_request_add_tool(r, &tool), 0);
	r->tool_choice = flip(&d) ? AIC_TOOL_CHOICE_AUTO : AIC_TOOL_CHOICE_NONE;
	if (r->tool_choice == AIC_TOOL_CHOICE_AUTO)
		r->parallel_tool_calls = (int)roll(&d, 3) - 1;
	r->user = perhaps_word(&d);
	r->stream = flip(&d);
	for (unsigned n = roll(&d, 3); n > 0; n--)
		aic_request_add_stop(r, AIC_STR("E\"ND"));
	const char *effort = words[roll(&d, AIC_ARRAY_LEN(words))];
	/* Thoughts and sampling do not go together, nor a budget into a loop without. */
	if (r->message_count < 3)
		r->reasoning_effort = aic_strdup(effort);
	if (!r->reasoning_effort)
		r->temperature = flip(&d) ? 0.25 : 1;
	if (flip(&d)) {
		r->format = AIC_FORMAT_SCHEMA;
		aic_string_set(&r->format_schema, AIC_STR("{\"type\":\"string\"}"));
	}
	if (flip(&d))
		aic_request_set_extra(r, AIC_STR("container"), AIC_STR("\"c\\u0041\""));
	return r;
}

#define SAME_TEXT(member)                                                                \
	ck_assert_msg(aic_streq(a->member, b->member), "seed %u: " #member,              \
		      (unsigned)seed)
#define SAME_INT(member)                                                                 \
	ck_assert_msg(a->member == b->member, "seed %u: " #member, (unsigned)seed)

static void ck_same_options(const struct aic_request *a, const struct aic_request *b,
			    uint64_t seed)
{
	SAME_TEXT(model);
	SAME_TEXT(user);
	SAME_TEXT(reasoning_effort);
	SAME_INT(max_tokens);
	SAME_INT(tool_choice);
	SAME_INT(parallel_tool_calls);
	SAME_INT(stream);
	SAME_INT(format);
	SAME_INT(stop_count);
	SAME_INT(extra_count);
	SAME_INT(tool_count);
	ck_assert(isnan(a->temperature) ? isnan(b->temperature)
					: a->temperature == b->temperature);
	ck_assert(same_string(&a->format_schema, &b->format_schema));
	for (size_t i = 0; i < a->stop_count; i++)
		SAME_TEXT(stop[i]);
	for (size_t i = 0; i < a->extra_count; i++) {
		SAME_TEXT(extra[i].name);
		ck_assert(same_string(&a->extra[i].value, &b->extra[i].value));
	}
	for (size_t i = 0; i < a->tool_count; i++) {
		SAME_TEXT(tools[i].name);
		SAME_TEXT(tools[i].description);
		SAME_INT(tools[i].strict);
		ck_assert(same_string(&a->tools[i].schema, &b->tools[i].schema));
	}
}

START_TEST(there_and_back)
{
	struct aic_profile profile = { .provider = "anthropic",
				       .quirks = AIC_QUIRK_THINKING_BUDGET };

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct aic_request *a = random_request(seed), *b;
		struct aic_buf out = aic_buf(0);
		ck_assert_int_eq(ANTHROPIC->encode_request(a, &profile, &out, NULL, NULL),
				 0);
		b = read_body(out.data);
		ck_same_options(a, b, seed);
		ck_assert_msg(a->message_count == b->message_count, "seed %u: %s",
			      (unsigned)seed, out.data);
		for (size_t i = 0; i < a->message_count; i++)
			ck_assert_msg(same_message(a->messages[i], b->messages[i]),
				      "seed %u, message %u: %s", (unsigned)seed,
				      (unsigned)i, out.data);
		aic_request_free(a);
		aic_request_free(b);
		aic_buf_done(&out);
	}
}
END_TEST

/* Any history gives a body that is JSON and that we would take ourselves. */
START_TEST(any_history)
{
	struct aic_profile profile = { .provider = "p" };

	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct aic_request *r = aic_request_new();
		r->model = aic_strdup("m-2");
		for (uint64_t i = 0; i < 1 + seed % 5; i++) {
			struct aichat_message *m = random_message(seed * 10 + i);
			if (i % 2) {
				aic_free(m->dialect);
				aic_free(m->provider);
				m->dialect = aic_strdup("anthropic-messages");
				m->provider = aic_strdup("p");
			}
			ck_assert_int_eq(aic_request_add_message(r, m), 0);
			aichat_message_unref(m);
		}
		profile.quirks = (uint32_t)seed * 2654435761u;
		struct aic_buf out = aic_buf(0);
		ck_assert_int_eq(ANTHROPIC->encode_request(r, &profile, &out, NULL, NULL),
				 0);
		aic_request_free(read_body(out.data));
		aic_request_free(r);
		aic_buf_done(&out);
	}
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int both_ways(void *data)
{
	struct aic_profile profile = { .quirks = AIC_QUIRK_SYSTEM_ANYWHERE |
						 AIC_QUIRK_THINKING_BUDGET };
	struct aic_buf out = aic_buf(0);
	struct aic_request *request = NULL;
	struct aic_report report = { 0 };
	int code = ANTHROPIC->decode_request(aic_str(data), &request, NULL);

	if (code == 0)
		code = ANTHROPIC->encode_request(request, &profile, &out, &report, NULL);
	aic_request_free(request);
	aic_report_done(&report);
	aic_buf_done(&out);
	return code;
}

START_TEST(without_memory)
{
	walk_failures(both_ways, (void *)(uintptr_t)everything);
}
END_TEST
#endif

START_TEST(hostile)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct dice d = dice(seed);
		struct aic_request *request = NULL;
		aichat_error *error = NULL;
		char text[sizeof(everything)];
		memcpy(text, everything, sizeof(everything));
		damage(&d, text);
		int code = ANTHROPIC->decode_request(aic_str(text), &request, &error);
		ck_assert_msg(code == 0 || code == AICHAT_EJSON || code == AICHAT_EUTF8,
			      "%d: %s", code, text);
		ck_assert(!code == !error && !code == !!request);
		aichat_error_unref(error);
		aic_request_free(request);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("anthropic_request");
	TCase *tc = tcase_create("request");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, turns);
	tcase_add_test(tc, prefill);
	tcase_add_test(tc, instructions_in_the_middle);
	tcase_add_test(tc, calls_and_results);
	tcase_add_test(tc, arguments_that_are_none);
	tcase_add_test(tc, tools_that_are_gone);
	tcase_add_loop_test(tc, tool_choices, 0, 7);
	tcase_add_loop_test(tc, media, 0, 8);
	tcase_add_test(tc, replay_is_exact);
	tcase_add_test(tc, refusals_in_the_history);
	tcase_add_test(tc, raw_is_checked);
	tcase_add_test(tc, sampling);
	tcase_add_test(tc, efforts);
	tcase_add_test(tc, budget_and_tools);
	tcase_add_test(tc, formats);
	tcase_add_test(tc, stops_and_extras);
	tcase_add_test(tc, read_everything);
	tcase_add_test(tc, read_blocks);
	tcase_add_loop_test(tc, kept_to_the_letter, 0, 9);
	tcase_add_loop_test(tc, wrong_requests, 0, 26);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, any_history);
	tcase_add_test(tc, hostile);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tc, without_memory);
#endif
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
