/*
 * Chat Completions: writing requests. Members stand in a fixed order, so bodies are
 * compared as text.
 */

#include <math.h>

#include "chat_support.h"

/* A request from canonical JSON: an array of messages. */
static struct aic_request *request_of(const char *messages)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_request *request = aic_request_new();

	ck_assert_int_eq(aic_json_scan(&doc, messages, strlen(messages), &aic_json_wire),
			 0);
	for (int v = aic_json_first(&doc, 0); v >= 0; v = aic_json_next(&doc, 0, v)) {
		AIC_CLEANUP(aichat_message_unrefp) aichat_message *message = NULL;
		aichat_error *error = NULL;
		ck_assert_msg(aic_message_read(&doc, v, &message, &error) == 0, "%s",
			      aichat_error_message(error));
		ck_assert_int_eq(aic_request_add_message(request, message), 0);
	}
	return request;
}

/* The body's messages for this history. */
static void expect_messages(const char *history, uint32_t quirks, const char *want,
			    const char *report_line)
{
	AIC_CLEANUP(aic_request_freep) struct aic_request *request = request_of(history);
	AIC_CLEANUP(aic_buf_done) struct aic_buf body = aic_buf(0);

	aic_buf_printf(&body, "{\"model\":\"m\",\"messages\":%s}", want);
	expect_body(request, quirks, body.data, report_line);
}

#define IMAGE "{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"SGk=\"}"
#define SENT_IMAGE                                                                       \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"                   \
	"png;base64,SGk=\"}}"

START_TEST(text_is_a_plain_string)
{
	expect_messages(
		"[{\"role\":\"system\",\"parts\":[" TEXT("s") "]}," USER("h\\n") "]", 0,
		"[{\"role\":\"system\",\"content\":\"s\"}," SENT_USER("h\\n") "]", NULL);
	expect_messages(
		"[{\"role\":\"user\",\"parts\":[" TEXT("a") "," TEXT("b") "]}]", 0,
		"[{\"role\":\"user\",\"content\":[" TEXT("a") "," TEXT("b") "]}]", NULL);
	expect_messages("[{\"role\":\"user\",\"parts\":[" TEXT("a") "," TEXT("b") "]}]",
			AIC_QUIRK_FLATTEN, "[" SENT_USER("a\\n\\nb") "]", NULL);
	/* An assistant's texts are one. */
	expect_messages(
		"[{\"role\":\"assistant\",\"parts\":[" TEXT("a") "," TEXT("b") "]}]", 0,
		"[{\"role\":\"assistant\",\"content\":\"ab\"}]", NULL);
	/* Nothing to say. */
	expect_messages("[" USER("a") ",{\"role\":\"assistant\",\"parts\":[]}]", 0,
			"[" SENT_USER("a") "]", NULL);
}
END_TEST

START_TEST(media)
{
	expect_messages(
		"[{\"role\":\"user\",\"parts\":[" IMAGE
		",{\"type\":\"image\",\"url\":\"https://i\"},"
		"{\"type\":\"audio\",\"media_type\":\"audio/mpeg\",\"data\":\"SGk=\"},"
		"{\"type\":\"file\",\"media_type\":\"application/"
		"pdf\",\"name\":\"a.pdf\","
		"\"data\":\"SGk=\"}]}]",
		0,
		"[{\"role\":\"user\",\"content\":[" SENT_IMAGE
		",{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://i\"}},"
		"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"SGk=\",\"format\":"
		"\"mp3\"}},"
		"{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
		"\"file_data\":\"data:application/pdf;base64,SGk=\"}}]}]",
		NULL);
	expect_messages(
		"[{\"role\":\"user\",\"parts\":[" TEXT("a") "," IMAGE "]}]",
		AIC_QUIRK_NO_IMAGES,
		"[{\"role\":\"user\",\"content\":[" TEXT("a") "," TEXT("[image]") "]}]",
		"image: not taken by p, a placeholder instead");
	expect_messages("[{\"role\":\"user\",\"parts\":[{\"type\":\"image\",\"url\":"
			"\"https://i\"}]}]",
			AIC_QUIRK_INLINE_IMAGES, "[" SENT_USER("[image: https://i]") "]",
			"image: not taken by p, a placeholder instead");
}
END_TEST

START_TEST(tool_results)
{
	expect_messages(
		"[{\"role\":\"tool\",\"parts\":[" RESULT("a", TEXT("1")) "," RESULT(
			"b", "") "]},{\"role\":\"tool\",\"parts\":["
				 "{\"type\":\"tool_result\",\"tool_call_id\":\"c\",\"is_"
				 "error\":true,"
				 "\"parts\":[" TEXT("no") "]}]}]",
		0,
		"[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"},"
		"{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"\"},"
		"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"Error: no\"}]",
		NULL);
}
END_TEST

START_TEST(images_of_results_follow_the_last_result)
{
	static const char history[] = "[{\"role\":\"tool\",\"parts\":[" RESULT(
		"a", TEXT("1") "," IMAGE) "]},"
					  "{\"role\":\"tool\",\"parts\":[" RESULT(
						  "b", IMAGE) "]}," USER("x") "]";

	expect_messages(history, 0,
			"[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":"
			"\"1\\n[image: in the user message that follows]\"},"
			"{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":"
			"\"[image: in the user message that follows]\"},"
			"{\"role\":\"user\",\"content\":[" TEXT(
				"From the tool results above:") "," SENT_IMAGE
								"," SENT_IMAGE
								"]}," SENT_USER("x") "]",
			NULL);
	expect_messages(
		history, AIC_QUIRK_NO_IMAGES | AIC_QUIRK_NO_USER_AFTER_TOOL,
		"[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\\n[image]\"},"
		"{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"[image]\"},"
		"{\"role\":\"assistant\",\"content\":\"OK.\"}," SENT_USER("x") "]",
		"image: not taken by p, a placeholder instead");
}
END_TEST

#define CALL(more)                                                                       \
	"{\"type\":\"tool_call\",\"id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"" more  \
	"}"
#define SENT_CALL(more)                                                                  \
	"{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","              \
	"\"arguments\":\"{}\"}" more "}"
#define OWN "\"provider\":\"p\",\"dialect\":\"openai-chat\","
#define FOREIGN "\"provider\":\"q\",\"dialect\":\"openai-chat\","

START_TEST(calls)
{
	static const char raw[] =
		",\"raw\":\"{\\\"extra_content\\\":{\\\"google\\\": 1.0}}\"";
	AIC_CLEANUP(aic_buf_done) struct aic_buf history = aic_buf(0);

	expect_messages(
		"[{\"role\":\"assistant\",\"parts\":[" CALL("") "]}]", 0,
		"[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" SENT_CALL(
			"") "]}]",
		NULL);
	for (int own = 0; own < 2; own++) {
		aic_buf_reset(&history);
		aic_buf_printf(
			&history,
			"[{\"role\":\"assistant\",%s\"parts\":[{\"type\":\"tool_call\","
			"\"id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"%s}]}]",
			own ? OWN : FOREIGN, raw);
		expect_messages(
			history.data, 0,
			own ? "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":"
			      "[" SENT_CALL(",\"extra_content\":{\"google\": 1.0}") "]}]"
			    : "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":"
			      "[" SENT_CALL("") "]}]",
			NULL);
	}
	expect_messages(
		"[{\"role\":\"assistant\"," OWN
		"\"parts\":[" CALL(",\"raw\":\"{\\\"type\\\":\\\"custom\\\"}\"") "]}]",
		0,
		"[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\","
		"\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"{}\"}}]}]",
		NULL);
}
END_TEST

START_TEST(reasoning)
{
	static const char mine[] = "[{\"role\":\"assistant\"," OWN
				   "\"parts\":[{\"type\":\"reasoning\",\"text\":\"r\","
				   "\"raw\":\"{\\\"reasoning_details\\\":[{\\\"a\\\": "
				   "1}],\\\"extra_content\\\":2}\"},"
				   "{\"type\":\"reasoning\",\"text\":\"s\",\"raw\":\"{"
				   "\\\"reasoning_details\\\":"
				   "[{\\\"b\\\":2}]}\"}," CALL("") "]}]";
	static const char foreign[] = "[{\"role\":\"assistant\"," FOREIGN
				      "\"parts\":[{\"type\":\"reasoning\","
				      "\"text\":\"r\",\"raw\":\"{\\\"reasoning_"
				      "details\\\":[{\\\"a\\\": 1}]}\"}," CALL("") "]}]";

	expect_messages(mine, 0,
			"[{\"role\":\"assistant\",\"content\":null,\"extra_content\":2,"
			"\"tool_calls\":[" SENT_CALL("") "]}]",
			"reasoning: not sent back in an assistant's message");
	expect_messages(mine, AIC_QUIRK_OPENROUTER,
			"[{\"role\":\"assistant\",\"content\":null,\"reasoning_details\":"
			"[{\"a\": 1},{\"b\":2}],\"extra_content\":2,"
			"\"tool_calls\":[" SENT_CALL("") "]}]",
			NULL);
	expect_messages(
		mine, AIC_QUIRK_REPLAY_REASONING,
		"[{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"rs\","
		"\"extra_content\":2,\"tool_calls\":[" SENT_CALL("") "]}]",
		NULL);
	expect_messages(
		foreign, AIC_QUIRK_REPLAY_REASONING | AIC_QUIRK_OPENROUTER,
		"[{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\","
		"\"tool_calls\":[" SENT_CALL("") "]}]",
		NULL);
	/* Without calls it must not be sent. */
	expect_messages("[{\"role\":\"assistant\"," OWN
			"\"parts\":[{\"type\":\"reasoning\","
			"\"text\":\"r\"}," TEXT("a") "]}]",
			AIC_QUIRK_REPLAY_REASONING,
			"[{\"role\":\"assistant\",\"content\":\"a\"}]", NULL);
}
END_TEST

START_TEST(refusals_and_audio)
{
	expect_messages("[{\"role\":\"assistant\"," OWN
			"\"parts\":[{\"type\":\"refusal\","
			"\"text\":\"no\"}]}]",
			0,
			"[{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\","
			"\"refusal\":\"no\"}]}]",
			NULL);
	expect_messages("[{\"role\":\"assistant\"," FOREIGN
			"\"parts\":[{\"type\":\"refusal\","
			"\"text\":\"no\"}]}]",
			0, "[{\"role\":\"assistant\",\"content\":\"no\"}]", NULL);
	expect_messages("[{\"role\":\"assistant\"," OWN "\"parts\":[{\"type\":\"audio\","
			"\"data\":\"SGk=\",\"raw\":\"{\\\"id\\\":\\\"audio_1\\\","
			"\\\"x\\\":1}\"}]}]",
			0,
			"[{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":"
			"\"audio_1\"}}]",
			NULL);
}
END_TEST

START_TEST(one_system_message)
{
	expect_messages(
		"[{\"role\":\"system\",\"parts\":[" TEXT("a") "," TEXT("b") "]}," USER(
			"u") ",{\"role\":\"system\",\"parts\":[" TEXT("c") "]}]",
		AIC_QUIRK_ONE_SYSTEM,
		"[{\"role\":\"system\",\"content\":\"a\\n\\nb\\n\\nc\"}," SENT_USER(
			"u") "]",
		NULL);
}
END_TEST

START_TEST(json_is_spoken_of)
{
	static const char line[] =
		"response_format: \"Answer in JSON.\" was added, since no "
		"message speaks of JSON";
	AIC_CLEANUP(aic_request_freep)
	struct aic_request *request = request_of(
		"[{\"role\":\"system\",\"parts\":[" TEXT("a") "]}," USER("b") "]");

	request->format = AIC_FORMAT_JSON;
	expect_body(
		request, 0,
		"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"a\"},"
		"{\"role\":\"system\",\"content\":\"Answer in JSON.\"}," SENT_USER(
			"b") "],\"response_format\":{\"type\":\"json_object\"}}",
		line);
	expect_body(request, AIC_QUIRK_ONE_SYSTEM,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
		    "\"a\\n\\nAnswer in JSON.\"}," SENT_USER(
			    "b") "],\"response_format\":{\"type\":\"json_object\"}}",
		    line);
	AIC_CLEANUP(aic_request_freep)
	struct aic_request *speaks = request_of("[" USER("as Json") "]");
	speaks->format = AIC_FORMAT_JSON;
	expect_body(
		speaks, 0,
		"{\"model\":\"m\",\"messages\":[" SENT_USER(
			"as Json") "],\"response_format\":{\"type\":\"json_object\"}}",
		NULL);
}
END_TEST

static struct aic_request *full_request(void)
{
	struct aic_request *r = request_of("[" USER("u") "]");
	struct aic_tool tool = { .strict = 1 };
	struct aic_tool own = { .strict = -1 };

	r->model = aic_strdup("other");
	r->max_tokens = 7;
	r->temperature = 0.1;
	r->top_p = 1;
	r->seed = -3;
	r->has_seed = true;
	r->reasoning_effort = aic_strdup("low");
	r->parallel_tool_calls = 0;
	r->tool_choice = AIC_TOOL_CHOICE_NAMED;
	r->tool_choice_name = aic_strdup("f");
	r->format = AIC_FORMAT_SCHEMA;
	r->format_name = aic_strdup("n");
	r->format_strict = 0;
	r->user = aic_strdup("who");
	r->stream = r->stream_usage = true;
	tool.name = aic_strdup("f");
	tool.description = aic_strdup("d");
	ck_assert_int_eq(aic_string_set(&tool.schema, AIC_STR("{\"type\": \"object\"}")),
			 0);
	ck_assert_int_eq(aic_string_set(&own.raw, AIC_STR("{\"type\":\"x\"}")), 0);
	ck_assert_int_eq(aic_string_set(&r->format_schema, AIC_STR("{\"a\":1.0}")), 0);
	ck_assert_int_eq(aic_request_add_tool(r, &tool), 0);
	ck_assert_int_eq(aic_request_add_tool(r, &own), 0);
	ck_assert_int_eq(aic_request_add_stop(r, AIC_STR("END")), 0);
	return r;
}

#define SCHEMA                                                                           \
	"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"," \
	"\"schema\":{\"a\":1.0},\"strict\":false}},"

START_TEST(every_member)
{
	AIC_CLEANUP(aic_request_freep) struct aic_request *r = full_request();

	expect_body(r, 0,
		    "{\"model\":\"other\",\"messages\":[" SENT_USER(
			    "u") "],"
				 "\"max_completion_tokens\":7,\"temperature\":0.1,\"top_"
				 "p\":1,\"stop\":[\"END\"],"
				 "\"seed\":-3," SCHEMA "\"reasoning_effort\":\"low\","
				 "\"tools\":[{\"type\":\"function\",\"function\":{"
				 "\"name\":\"f\",\"description\":"
				 "\"d\",\"parameters\":{\"type\": "
				 "\"object\"},\"strict\":true}},{\"type\":\"x\"}],"
				 "\"tool_choice\":{\"type\":\"function\",\"function\":{"
				 "\"name\":\"f\"}},"
				 "\"parallel_tool_calls\":false,\"user\":\"who\","
				 "\"stream\":true,"
				 "\"stream_options\":{\"include_usage\":true}}",
		    NULL);
	r->temperature = NAN;
	r->top_p = NAN;
	expect_body(r,
		    AIC_QUIRK_MAX_TOKENS | AIC_QUIRK_NO_STREAM_USAGE |
			    AIC_QUIRK_NO_TOOL_CHOICE | AIC_QUIRK_NO_PARALLEL |
			    AIC_QUIRK_NO_STRICT | AIC_QUIRK_NO_SAMPLING,
		    "{\"model\":\"other\",\"messages\":[" SENT_USER(
			    "u") "],"
				 "\"max_tokens\":7,\"stop\":[\"END\"],\"seed\":-3," SCHEMA
				 "\"reasoning_effort\":\"low\","
				 "\"tools\":[{\"type\":\"function\",\"function\":{"
				 "\"name\":\"f\",\"description\":"
				 "\"d\",\"parameters\":{\"type\": "
				 "\"object\"}}},{\"type\":\"x\"}],"
				 "\"user\":\"who\",\"stream\":true}",
		    "tool_choice: only auto is taken by p, not sent");
}
END_TEST

START_TEST(raw_members_replace_ours)
{
	AIC_CLEANUP(aic_request_freep)
	struct aic_request *r = request_of("[" USER("u") "]");

	r->temperature = 0.5;
	r->stream = true;
	ck_assert_int_eq(aic_request_set_extra(r, AIC_STR("temperature"), AIC_STR("1e0")),
			 0);
	ck_assert_int_eq(aic_request_set_extra(r, AIC_STR("messages"), AIC_STR("[ ]")),
			 0);
	ck_assert_int_eq(aic_request_set_extra(r, AIC_STR("n"), AIC_STR("2")), 0);
	expect_body(r, 0,
		    "{\"model\":\"m\",\"stream\":true,\"temperature\":1e0,"
		    "\"messages\":[ ],\"n\":2}",
		    NULL);
}
END_TEST

START_TEST(tools_while_reasoning)
{
	AIC_CLEANUP(aic_request_freep)
	struct aic_request *r = request_of("[" USER("u") "]");
	struct aic_tool tool = { .strict = -1, .name = aic_strdup("f") };

	r->tool_choice = AIC_TOOL_CHOICE_REQUIRED;
	r->parallel_tool_calls = 1;
	expect_body(r, AIC_QUIRK_EFFORT_NONE_WITH_TOOLS,
		    "{\"model\":\"m\",\"messages\":[" SENT_USER("u") "]}", NULL);
	ck_assert_int_eq(aic_request_add_tool(r, &tool), 0);
	expect_body(
		r, AIC_QUIRK_EFFORT_NONE_WITH_TOOLS | AIC_QUIRK_CHOICE_ANY,
		"{\"model\":\"m\",\"messages\":[" SENT_USER(
			"u") "],"
			     "\"reasoning_effort\":\"none\",\"tools\":[{\"type\":"
			     "\"function\","
			     "\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"any\","
			     "\"parallel_tool_calls\":true}",
		NULL);
	r->reasoning_effort = aic_strdup("high");
	r->tool_choice = AIC_TOOL_CHOICE_NONE;
	expect_body(
		r, AIC_QUIRK_EFFORT_NONE_WITH_TOOLS | AIC_QUIRK_NO_PARALLEL,
		"{\"model\":\"m\",\"messages\":[" SENT_USER(
			"u") "],"
			     "\"reasoning_effort\":\"none\",\"tools\":[{\"type\":"
			     "\"function\","
			     "\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"none\"}",
		"reasoning_effort: m takes no tools while it reasons; \"none\" instead "
		"of "
		"\"high\"");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chat_request");
	TCase *tests = tcase_create("chat_request");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, text_is_a_plain_string);
	tcase_add_test(tests, media);
	tcase_add_test(tests, tool_results);
	tcase_add_test(tests, images_of_results_follow_the_last_result);
	tcase_add_test(tests, calls);
	tcase_add_test(tests, reasoning);
	tcase_add_test(tests, refusals_and_audio);
	tcase_add_test(tests, one_system_message);
	tcase_add_test(tests, json_is_spoken_of);
	tcase_add_test(tests, every_member);
	tcase_add_test(tests, raw_members_replace_ours);
	tcase_add_test(tests, tools_while_reasoning);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
