/*
 * Chat Completions: how replies end, and errors in all their shapes.
 */

#include "chat_support.h"

#define SEALED "{\"role\":\"assistant\",\"state\":\"sealed\",\"stop_reason\":"

/* --- the end --- */

START_TEST(done_alone_is_no_success)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"content\":\"a\"}");
	ck_assert_int_eq(read_event(&r, "[DONE]"), AIC_DECODED_END);
	ck_assert(!r.decoder->finished);
	ck_assert_ptr_null(r.decoder->error);
	read_done(&r);

	/* The final accounting is written when the model is done; cut off, it proves
	 * nothing. */
	for (int done = 0; done < 2; done++) {
		r = read_start(0);
		read_delta(&r, "{\"content\":\"a\"}");
		read_event(&r, "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
			       "\"completion_tokens\":2}}");
		if (done)
			ck_assert_int_eq(read_event(&r, " [DONE] "), AIC_DECODED_END);
		ck_assert_int_eq(read_end(&r), 0);
		ck_assert_int_eq(r.decoder->finished, done);
		ck_assert_int_eq(r.messages[0]->stop_reason,
				 done ? AICHAT_STOP_STOP : AICHAT_STOP_NONE);
		ck_assert_int_eq(r.messages[0]->usage.output, 2);
		read_done(&r);
	}
}
END_TEST

/* Sums of such figures, and their price, would not fit. */
START_TEST(absurd_usage_counts_as_none)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"content\":\"a\"}");
	read_event(&r, "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
		       "\"completion_tokens\":9223372036854775807,"
		       "\"total_tokens\":9223372036854775807,"
		       "\"prompt_tokens_details\":"
		       "{\"cached_tokens\":9223372036854775807},"
		       "\"reasoning_tokens\":1099511627777}}");
	read_event(&r, "[DONE]");
	ck_assert_int_eq(read_end(&r), 0);
	ck_assert_int_eq(r.messages[0]->usage.input, 7);
	ck_assert_int_eq(r.messages[0]->usage.output, -1);
	ck_assert_int_eq(r.messages[0]->usage.cached, -1);
	ck_assert_int_eq(r.messages[0]->usage.reasoning, -1);
	read_done(&r);
}
END_TEST

START_TEST(several_answers)
{
	struct reading r = read_start(0);

	read_event(&r, "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}},"
		       "{\"index\":0,\"delta\":{\"content\":\"a\"}}]}");
	read_event(&r, "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
		       "\"length\"}]}");
	read_event(
		&r,
		"{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}");
	ck_assert_int_eq(read_event(&r, "[DONE]"), AIC_DECODED_END);
	ck_assert(r.decoder->finished);
	aic_builder_seal(r.messages[0], AICHAT_MESSAGE_SEALED);
	aic_builder_seal(r.messages[1], AICHAT_MESSAGE_SEALED);
	expect_message(r.messages[0],
		       SEALED "\"length\",\"stop_word\":\"length\",\"parts\":"
			      "[{\"type\":\"text\",\"text\":\"a\"}]}");
	expect_message(r.messages[1], SEALED "\"stop\",\"stop_word\":\"stop\",\"parts\":"
					     "[{\"type\":\"text\",\"text\":\"b\"}]}");
	read_done(&r);
}
END_TEST

START_TEST(what_is_no_sign_of_progress)
{
	struct reading r = read_start(0);

	ck_assert_int_eq(read_event(&r, ""), AIC_DECODED_NOTHING);
	ck_assert_int_eq(read_event(&r, "{}"), AIC_DECODED_NOTHING);
	ck_assert_int_eq(read_event(&r, "{\"choices\":[]}"), AIC_DECODED_NOTHING);
	ck_assert_int_eq(read_event(&r, "17"), AIC_DECODED_NOTHING);
	ck_assert_int_eq(read_delta(&r, "{\"role\":\"assistant\"}"),
			 AIC_DECODED_PROGRESS);
	read_done(&r);
}
END_TEST

/* --- errors --- */

static void expect_error(const char *data, int code, const char *word, const char *line)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"content\":\"partial\"}");
	ck_assert_int_eq(read_event(&r, data), AIC_DECODED_END);
	ck_assert_int_eq(r.messages[0]->part_count, 1);
	if (word)
		ck_assert_str_eq(aichat_error_provider_code(r.decoder->error), word);
	else
		ck_assert_ptr_null(aichat_error_provider_code(r.decoder->error));
	expect_failure(&r, code, line);
}

START_TEST(errors_in_a_stream)
{
	expect_error("{\"error\":{\"message\":\"too\\nlong\",\"code\":\"context_length_"
		     "exceeded\"}}",
		     AICHAT_ECONTEXT, "context_length_exceeded", "too long");
	expect_error("{\"error\":{\"message\":\"no\",\"type\":\"insufficient_quota\"}}",
		     AICHAT_EQUOTA, "insufficient_quota", "no");
	expect_error(
		"{\"error\":{\"code\":429,\"message\":\"up\",\"metadata\":{\"raw\":"
		"\"slow\"}},"
		"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}",
		AICHAT_ERATELIMIT, "429", "up: slow");
	expect_error("{\"error\":\"just text\"}", AICHAT_EPROVIDER, NULL, "just text");
	expect_error("{\"error\":{}, \"message\":\"m\",\"code\":503}", AICHAT_EOVERLOADED,
		     "503", "m");
	expect_error("[{\"error\":{\"message\":\"in a list\",\"code\":400}}]",
		     AICHAT_EREQUEST, "400", "in a list");
	expect_error(
		"{\"object\":\"error\",\"message\":\"old\",\"type\":\"BadRequestError\"}",
		AICHAT_EREQUEST, "BadRequestError", "old");
	expect_error("{\"detail\":[{\"loc\":[\"body\"]}]}", AICHAT_EPROVIDER, NULL,
		     "[{\"loc\":[\"body\"]}]");
	expect_error(
		"{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
		"\"insufficient_system_resource\"}]}",
		AICHAT_EOVERLOADED, "insufficient_system_resource",
		"the provider ended the reply with \"insufficient_system_resource\"");
	expect_error(
		"{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\","
		"\"error\":{\"code\":502,\"message\":\"behind\"}}]}",
		AICHAT_EPROVIDER, "502", "behind");
}
END_TEST

START_TEST(an_event_named_error)
{
	struct reading r = read_start(0);

	ck_assert_int_eq(r.decoder->dialect->decode_event(r.decoder, AIC_STR("error"),
							  AIC_STR("upstream\tdied"),
							  &r.events),
			 AIC_DECODED_END);
	expect_failure(&r, AICHAT_EPROVIDER, "upstream died");
}
END_TEST

START_TEST(what_is_no_reply)
{
	static const struct {
		const char *body;
		int code;
		const char *line;
	} cases[] = {
		{ "{\"choices\":null}", AICHAT_EPROTOCOL,
		  "the reply is no chat completion: choices is null" },
		{ "{\"id\":\"x\"}", AICHAT_EPROTOCOL,
		  "the reply is no chat completion: choices is missing" },
		{ "{\"choices\":[]}", AICHAT_EPROTOCOL,
		  "the reply is no chat completion: choices is empty" },
		{ "{\"choices\":{}}", AICHAT_EPROTOCOL,
		  "the reply is no chat completion: choices is no array" },
		{ "{\"choices\":[{\"index\":0}]}", AICHAT_EPROTOCOL,
		  "choices[0].message is missing" },
		{ "{\"choices\":[7]}", AICHAT_EPROTOCOL, "choices[0] is no object" },
		{ "[]", AICHAT_EPROTOCOL, "the reply is no JSON object" },
		{ "<html>", AICHAT_EPROTOCOL,
		  "the reply: line 1, column 1: a value is due" },
		{ "{\"error\":\"Unexpected endpoint\"}", AICHAT_EPROVIDER,
		  "Unexpected endpoint" },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		struct reading r = read_start(0);
		int result = r.decoder->dialect->decode_reply(
			r.decoder, aic_str(cases[i].body), &r.events);
		ck_assert(result == AIC_DECODED_END || result == AICHAT_EPROTOCOL);
		expect_failure(&r, cases[i].code, cases[i].line);
	}
}
END_TEST

START_TEST(answers_that_are_no_success)
{
	static const struct {
		int status, code;
		bool never_retry;
		const char *word, *line, *body;
	} cases[] = {
		{ 429, AICHAT_EQUOTA, true, "credit_balance_exhausted", "pay",
		  "{\"error\":{\"message\":\"pay\",\"code\":\"credit_balance_exhausted\"}"
		  "}" },
		{ 429, AICHAT_ERATELIMIT, false, NULL, "slow", "{\"error\":\"slow\"}" },
		{ 402, AICHAT_EQUOTA, true, NULL, "", "" },
		{ 400, AICHAT_ECONTEXT, false, NULL, "maximum context length is 9",
		  "{\"detail\":\"maximum context length is 9\"}" },
		{ 400, AICHAT_EFILTER, true, "400", "filtered",
		  "{\"error\":{\"message\":\"filtered\",\"code\":\"400\",\"innererror\":"
		  "{\"code\":\"ResponsibleAIPolicyViolation\"}}}" },
		{ 404, AICHAT_EMODEL, true, "model_not_found", "no",
		  "{\"error\":{\"message\":\"no\",\"code\":\"model_not_found\"}}" },
		{ 401, AICHAT_EAUTH, false, NULL, "who?", "{\"message\":\"who?\"}" },
		{ 502, AICHAT_EPROVIDER, false, NULL, "<html> <b>Bad</b> </html>",
		  "\n<html>\n <b>Bad</b>\n</html>\n" },
		{ 529, AICHAT_EOVERLOADED, false, NULL, "\xc3\xa9??",
		  "\xc3\xa9\xff\xc3" },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		struct aic_failure f;
		aic_dialect_openai_chat.decode_error(cases[i].status,
						     aic_str(cases[i].body), &f);
		ck_assert_int_eq(f.code, cases[i].code);
		ck_assert_int_eq(f.http_status, cases[i].status);
		ck_assert_int_eq(f.never_retry, cases[i].never_retry);
		ck_assert_str_eq(f.message ? f.message : "", cases[i].line);
		ck_assert(aic_streq(f.provider_code, cases[i].word));
		aic_failure_done(&f);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chat_errors");
	TCase *tests = tcase_create("chat_errors");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, done_alone_is_no_success);
	tcase_add_test(tests, absurd_usage_counts_as_none);
	tcase_add_test(tests, several_answers);
	tcase_add_test(tests, what_is_no_sign_of_progress);
	tcase_add_test(tests, errors_in_a_stream);
	tcase_add_test(tests, an_event_named_error);
	tcase_add_test(tests, what_is_no_reply);
	tcase_add_test(tests, answers_that_are_no_success);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
