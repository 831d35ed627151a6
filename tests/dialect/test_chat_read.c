/*
 * Chat Completions: reading callers' requests. What is read and written again is the same
 * text, or the same said in our way.
 */

#include "chat_support.h"

/* What a caller may say, word for word as we write it: reading and writing changes
 * nothing. */
static const char *const bodies[] = {
	"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,SGk=\","
	"\"detail\":\"low\"},\"prompt_cache_breakpoint\":{\"mode\": \"explicit\"}},"
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}},"
	"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"SGk=\",\"format\":\"wav\"}"
	"},"
	"{\"type\":\"file\",\"file\":{\"filename\":\"f\",\"file_data\":"
	"\"data:text/"
	"plain;base64,SGk=\"}},{\"type\":\"file\",\"file\":{\"file_id\":\"id\"}},"
	"{\"type\":\"file\",\"file\":{\"file_data\":\"https://f\"}},"
	"{\"type\":\"odd\",\"x\": [1.0]}]},"
	"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\","
	"\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{]\"},"
	"\"extra_content\":{\"k\": 1}},{\"id\":\"b\",\"type\":\"custom\",\"custom\":"
	"{\"name\":\"g\",\"input\":\"free\"}}]},"
	"{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"},"
	"{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"\"},"
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}"
	","
	"{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":\"au\"}},"
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"t\","
	"\"prompt_cache_breakpoint\":{}}]},{\"role\":\"user\",\"content\":\"last\"}]}",

	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"json\"}],"
	"\"max_completion_tokens\":9,\"temperature\":0.7,\"top_p\":0.25,\"stop\":[\"a\","
	"\"b\"],"
	"\"seed\":5,\"response_format\":{\"type\":\"json_object\"},"
	"\"reasoning_effort\":\"minimal\",\"tools\":[{\"type\":\"function\",\"function\":"
	"{\"name\":\"f\",\"description\":\"d\",\"parameters\":{ },\"strict\":false}},"
	"{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}}],\"tool_choice\":\"required\","
	"\"parallel_tool_calls\":true,\"user\":\"u\",\"stream\":true,"
	"\"stream_options\":{\"include_usage\":true},\"n\":2,\"logit_bias\":{\"1\": "
	"-1.50}}",

	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"}],"
	"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
	"\"description\":\"d\",\"schema\":{\"x\":[]},\"strict\":true}},"
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
	"\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",

	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"}],"
	"\"response_format\":{\"type\":\"text\"},"
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
	"\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{}}}",
};

static struct aic_request *decode(const char *body)
{
	struct aic_request *request = NULL;
	aichat_error *error = NULL;

	ck_assert_msg(aic_dialect_openai_chat.decode_request(aic_str(body), &request,
							     &error) == 0,
		      "%s", aichat_error_message(error));
	return request;
}

START_TEST(there_and_back)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(bodies); i++) {
		AIC_CLEANUP(aic_request_freep)
		struct aic_request *request = decode(bodies[i]);
		expect_body(request, 0, bodies[i], NULL);
	}
}
END_TEST

/* Other ways to say the same. */
START_TEST(what_callers_say_otherwise)
{
	static const char *const cases[][2] = {
		{ "{\"model\":\"m\",\"max_tokens\":3,\"stop\":\"x\",\"temperature\":null,"
		  "\"messages\":[{\"role\":\"developer\",\"content\":\"d\",\"name\":"
		  "\"n\"}]}",
		  "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"d\"}"
		  "],"
		  "\"max_completion_tokens\":3,\"stop\":[\"x\"]}" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"function_"
		  "call\":"
		  "{\"name\":\"f\",\"arguments\":\"{}\"}},{\"role\":\"function\","
		  "\"name\":\"f\","
		  "\"content\":\"1\"}],\"functions\":[{\"name\":\"f\"}],\"function_"
		  "call\":"
		  "{\"name\":\"f\"}}",
		  "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":"
		  "null,"
		  "\"tool_calls\":[{\"id\":\"call_f1\",\"type\":\"function\","
		  "\"function\":"
		  "{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_"
		  "call_id\":"
		  "\"call_f1\",\"content\":\"1\"}],\"tools\":[{\"type\":\"function\","
		  "\"function\":"
		  "{\"name\":\"f\"}}],\"tool_choice\":{\"type\":\"function\","
		  "\"function\":"
		  "{\"name\":\"f\"}}}" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"refusal\":"
		  "\"no\","
		  "\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":"
		  "\"f\","
		  "\"arguments\":{\"x\": "
		  "1}}},{\"id\":\"b\",\"function\":{\"name\":\"f\"}}]}]}",
		  "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[{"
		  "\"type\":"
		  "\"refusal\",\"refusal\":\"no\"}],\"tool_calls\":[{\"id\":\"a\","
		  "\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": "
		  "1}\"}},"
		  "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		  "\"arguments\":\"{}\"}}]}]}" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
		  "\"type\":"
		  "\"image_url\",\"image_url\":\"https://x\"}]}]}",
		  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
		  "\"type\":"
		  "\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]}]}" },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		AIC_CLEANUP(aic_request_freep)
		struct aic_request *request = decode(cases[i][0]);
		expect_body(request, 0, cases[i][1], NULL);
	}
}
END_TEST

START_TEST(what_is_read)
{
	AIC_CLEANUP(aic_request_freep)
	struct aic_request *r = decode(
		"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":"
		"\"a\","
		"\"reasoning_content\":\"r\",\"reasoning_details\":[{\"d\": 1}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[{\"type\":"
		"\"text\","
		"\"text\":\"1\"}]},{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":"
		"\"2\"},"
		"{\"role\":\"user\",\"content\":[]}]}");
	static const char *const want[] = {
		("{\"role\":\"assistant\",\"state\":\"sealed\",\"dialect\":\"openai-"
		 "chat\",\"parts\":[{\"type\":\"reasoning\",\"text\":\"r\",\"raw\":"
		 "\"{\\\"reasoning_details\\\":[{\\\"d\\\": 1}]}\"}," TEXT("a") "]}"),
		("{\"role\":\"tool\",\"state\":\"sealed\",\"dialect\":\"openai-chat\","
		 "\"parts\":[" RESULT("a", TEXT("1")) "," RESULT("b", TEXT("2")) "]}"),
		("{\"role\":\"user\",\"state\":\"sealed\",\"dialect\":\"openai-chat\","
		 "\"parts\":[]}"),
	};

	ck_assert_int_eq((int)r->message_count, 3);
	for (size_t i = 0; i < AIC_ARRAY_LEN(want); i++)
		expect_message(r->messages[i], want[i]);
}
END_TEST

#define BODY(messages) "{\"model\":\"m\",\"messages\":" messages "}"
#define MEMBER(member) "{\"model\":\"m\",\"messages\":[" SENT_USER("u") "]," member "}"

static const char *const mistakes[][2] = {
	{ "[]", "request is no object" },
	{ "{\"messages\":[]}", "request.model is missing" },
	{ "{\"model\":1}", "request.model is no string" },
	{ "{\"model\":\"m\"}", "request.messages is missing" },
	{ BODY("[]"), "request.messages is empty" },
	{ BODY("{}"), "request.messages is no array" },
	{ BODY("[7]"), "messages[0] is no object" },
	{ BODY("[{}]"), "messages[0].role is missing" },
	{ BODY("[{\"role\":\"bot\"}]"), "messages[0].role is none of system, "
					"developer, user, assistant, tool" },
	{ BODY("[{\"role\":\"user\"}]"), "messages[0].content is missing" },
	{ BODY("[{\"role\":\"user\",\"content\":1}]"),
	  "messages[0].content is neither a string nor an array of parts" },
	{ BODY("[" SENT_USER("") "," SENT_USER(
		  "") ",{\"role\":\"user\",\"content\":[{}]}]"),
	  "messages[2].content[0].type is missing" },
	{ BODY("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}"
	       "]"),
	  "messages[0].content[0].text is no string" },
	{ BODY("[{\"role\":\"user\",\"content\":[" TEXT(
		  "") ",{\"type\":\"image_url\",\"image_url\":{\"url\":"
		      "\"data:image/png;base64,?\"}}]}]"),
	  "messages[0].content[1].image_url.url is not valid base64" },
	{ BODY("[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]"),
	  "messages[0].content[0].input_audio is missing" },
	{ BODY("[{\"role\":\"assistant\"}]"),
	  "messages[0].content is missing, and there are no tool_calls" },
	{ BODY("[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\"}]}]"),
	  "messages[0].tool_calls[0].function is missing" },
	{ BODY("[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\","
	       "\"function\":{}}]}]"),
	  "messages[0].tool_calls[0].function.name is missing" },
	{ BODY("[{\"role\":\"tool\",\"content\":\"\"}]"),
	  "messages[0].tool_call_id is missing" },
	{ BODY("[{\"role\":\"tool\",\"tool_call_id\":\"a\"}]"),
	  "messages[0].content is missing" },
	{ MEMBER("\"temperature\":\"hot\""), "request.temperature is no number" },
	{ MEMBER("\"max_tokens\":-1"), "request.max_tokens is no whole number from 0" },
	{ MEMBER("\"seed\":1.5"), "request.seed is no whole number" },
	{ MEMBER("\"stop\":[1]"), "request.stop has an element that is no plain string" },
	{ MEMBER("\"stop\":{}"),
	  "request.stop is neither a string nor an array of strings" },
	{ MEMBER("\"stream\":\"yes\""), "request.stream is neither true nor false" },
	{ MEMBER("\"stream_options\":{\"include_usage\":1}"),
	  "stream_options.include_usage is neither true nor false" },
	{ MEMBER("\"tools\":[{\"type\":\"function\"}]"), "tools[0].function is missing" },
	{ MEMBER("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		 "\"parameters\":[]}}]"),
	  "tools[0].function.parameters is no object" },
	{ MEMBER("\"tool_choice\":\"maybe\""),
	  "request.tool_choice is neither auto, none, required nor an object" },
	{ MEMBER("\"tool_choice\":{\"type\":\"function\"}"),
	  "tool_choice.function is missing" },
	{ MEMBER("\"response_format\":{\"type\":\"json_schema\"}"),
	  "response_format.json_schema is missing" },
};

START_TEST(mistakes_are_located)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(mistakes); i++) {
		struct aic_request *request = NULL;
		AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
		ck_assert_int_eq(aic_dialect_openai_chat.decode_request(
					 aic_str(mistakes[i][0]), &request, &error),
				 AICHAT_EJSON);
		ck_assert_ptr_null(request);
		ck_assert_str_eq(aichat_error_message(error), mistakes[i][1]);
	}
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int read_and_write(void *data)
{
	AIC_CLEANUP(aic_request_freep) struct aic_request *request = NULL;
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	struct aic_profile profile = profile_of(AIC_QUIRK_OPENROUTER);
	const char *body = data;
	int result = aic_dialect_openai_chat.decode_request(aic_str(body), &request,
							    &error);

	if (result == 0)
		result = aic_dialect_openai_chat.encode_request(request, &profile, &out,
								NULL, &error);
	ck_assert_int_eq(aichat_error_code(error), result);
	if (result == 0)
		ck_assert_str_eq(out.data, body);
	return result;
}

START_TEST(memory_runs_out)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(bodies); i++) {
		char *body = aic_strdup(bodies[i]);
		walk_failures(read_and_write, body);
		aic_free(body);
	}
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("chat_read");
	TCase *tests = tcase_create("chat_read");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, what_callers_say_otherwise);
	tcase_add_test(tests, what_is_read);
	tcase_add_test(tests, mistakes_are_located);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
