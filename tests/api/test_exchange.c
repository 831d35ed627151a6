/*
 * Exchanges that go well: every pair of dialects, whole and streamed, with tools,
 * reasoning, images and schemas; what is forwarded stays as it was; figures, estimates
 * and lists.
 */

#include "exchange_support.h"

static const char *const dialects[] = { CHAT, MESSAGES };
static const char *const models[] = { GPT, CLAUDE };

START_TEST(every_pair)
{
	aichat *ai = open_ai("memory:", "n/5");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++)
			for (int stream = 0; stream < 2; stream++) {
				ask(ai, dialects[d], models[m], stream, &a);
				ck_assert_int_eq(a.rc, 0);
				ck_assert_int_eq(a.result, 0);
				for (int i = 0; i < 5; i++) {
					char token[16];
					snprintf(token, sizeof(token), "tok%d ", i);
					ck_assert_int_eq(times(&a, token), 1);
				}
				ck_assert_int_eq(a.output, 5);
				ck_assert_int_gt(a.input, 0);
				ck_assert(!a.estimated);
				ck_assert_int_eq(a.stop_reason, AICHAT_STOP_STOP);
				ck_assert_str_ne(a.request_id, "");
				ck_assert_int_eq(ends_with(&a, end_of(dialects[d])),
						 stream);
				if (!stream)
					ck_assert_uint_eq(a.gifts, 1);
			}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(usage_is_shown_only_if_asked_for)
{
	aichat *ai = open_ai("memory:", "n/3");
	struct answered a = { 0 };

	for (int m = 0; m < 2; m++) {
		ask(ai, CHAT, models[m], true, &a);
		ck_assert_int_eq(times(&a, "\"choices\":[]"), 0);
		ck_assert_int_eq(a.output, 3);
		static const char *const mores[] = {
			",\"stream_options\":{\"include_usage\":true}",
			",\"stream_options\":{\"include_usage\":true,"
			"\"include_obfuscation\":false}",
		};
		for (size_t i = 0; i < 2; i++) {
			answer(ai, AICHAT_EXCHANGE_REPLY, CHAT,
			       question(models[m], true, mores[i]), &a);
			ck_assert_int_eq(times(&a, "\"choices\":[]"), 1);
			ck_assert_int_eq(a.output, 3);
		}
		static const char *const others[] = {
			",\"stream_options\":null",
			",\"stream_options\":{}",
			",\"stream_options\":{\"include_usage\":false}",
			",\"stream_options\":{\"include_obfuscation\":false}",
		};
		for (size_t i = 0; i < 4; i++) {
			answer(ai, AICHAT_EXCHANGE_REPLY, CHAT,
			       question(models[m], true, others[i]), &a);
			ck_assert_int_eq(times(&a, "\"choices\":[]"), 0);
			ck_assert_int_eq(a.rc, 0);
			ck_assert_int_eq(a.output, 3);
			ck_assert(!a.estimated);
		}
	}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(tools)
{
	static const char *const mores[] = {
		",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\","
		"\"parameters\":{\"type\":\"object\",\"properties\":{\"where\":"
		"{\"type\":\"string\"}},\"required\":[\"where\"]}}}]",
		",\"tools\":[{\"name\":\"look\",\"input_schema\":{\"type\":\"object\","
		"\"properties\":{\"where\":{\"type\":\"string\"}},"
		"\"required\":[\"where\"]}}]",
	};
	aichat *ai = open_ai("memory:", "tools/2");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++)
			for (int stream = 0; stream < 2; stream++) {
				answer(ai, AICHAT_EXCHANGE_REPLY, dialects[d],
				       question(models[m], stream, mores[d]), &a);
				ck_assert_int_eq(a.rc, 0);
				ck_assert_int_eq(a.stop_reason, AICHAT_STOP_TOOL_CALLS);
				ck_assert_int_eq(times(&a, "\"look\""), 2);
				/* Of a stream the arguments may come in pieces. */
				ck_assert_int_ge(times(&a, "where-0"), !stream);
				ck_assert_int_ge(times(&a, "where-1"), !stream);
				if (d == 0)
					ck_assert_int_ge(times(&a, "\"tool_calls\""), 1);
				else
					ck_assert_int_eq(times(&a, "\"tool_use\""), 3);
			}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

/* The answer to the calls goes back in either dialect; the provider checks it. */
START_TEST(tool_results)
{
	static const char *const bodies[] = {
		"{\"model\":\"MODEL\",\"max_tokens\":100,\"messages\":["
		"{\"role\":\"user\",\"content\":\"Look!\"},"
		"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
		"\"call.with:odd/characters and one that is much too long for anyone to "
		"take it\",\"type\":\"function\",\"function\":{\"name\":\"look\","
		"\"arguments\":\"{\\\"where\\\":\\\"here\\\"}\"}}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"call.with:odd/characters and one "
		"that is much too long for anyone to take it\",\"content\":\"a cat\"}],"
		"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\","
		"\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}",
		"{\"model\":\"MODEL\",\"max_tokens\":100,\"messages\":["
		"{\"role\":\"user\",\"content\":\"Look!\"},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
		"\"toolu_1\",\"name\":\"look\",\"input\":{\"where\":\"here\"}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		"\"tool_use_id\":\"toolu_1\",\"content\":\"a cat\"}]}],"
		"\"tools\":[{\"name\":\"look\",\"input_schema\":{\"type\":\"object\","
		"\"properties\":{}}}]}",
	};
	aichat *ai = open_ai("memory:", "n/2");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++) {
			if (d == 0 && m == 0)
				continue; /* forwarded, and rightly refused */
			answer(ai, AICHAT_EXCHANGE_REPLY, dialects[d],
			       with_model(bodies[d], models[m]), &a);
			ck_assert_msg(a.rc == 0, "%s", a.line);
			ck_assert_int_eq(times(&a, "tok1 "), 1);
		}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(reasoning)
{
	aichat *ai = open_ai("memory:", "thinking/3/n/2");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++)
			for (int stream = 0; stream < 2; stream++) {
				const char *more = d == 1 ? ",\"thinking\":{\"type\":"
							    "\"adaptive\"}"
							  : "";
				answer(ai, AICHAT_EXCHANGE_REPLY, dialects[d],
				       question(models[m], stream, more), &a);
				ck_assert_msg(a.rc == 0, "%s", a.line);
				ck_assert_int_eq(times(&a, "th2 "), 1);
				ck_assert_int_eq(times(&a, "tok1 "), 1);
				if (d == 0)
					ck_assert_int_ge(times(&a, "reasoning_content"),
							 1);
				else
					ck_assert_int_ge(times(&a, "\"thinking\""), 1);
			}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

/* What we made of another's reasoning has no signature, and is not replayed. */
START_TEST(unsigned_thinking_is_left_out)
{
	aichat *ai = open_ai("memory:", "echo/request");
	struct answered a = { 0 };

	answer(ai, AICHAT_EXCHANGE_REPLY, MESSAGES,
	       "{\"model\":\"" CLAUDE "\",\"max_tokens\":100,\"messages\":["
	       "{\"role\":\"user\",\"content\":\"One?\"},{\"role\":\"assistant\","
	       "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\","
	       "\"signature\":\"\"},{\"type\":\"text\",\"text\":\"Two.\"}]},"
	       "{\"role\":\"user\",\"content\":\"Three?\"}]}",
	       &a);
	ck_assert_msg(a.rc == 0, "%s", a.line);
	ck_assert_int_eq(times(&a, "signature"), 0);
	ck_assert_int_eq(times(&a, "Two."), 1);
	ck_assert_int_eq(times(&a, "Three?"), 1);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(images_and_schemas)
{
	static const char *const bodies[] = {
		"{\"model\":\"MODEL\",\"max_tokens\":100,\"messages\":[{\"role\":"
		"\"user\","
		"\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
		"\"data:image/png;base64,aGVsbG8=\"}},{\"type\":\"text\",\"text\":"
		"\"What?\"}]}],\"response_format\":{\"type\":\"json_schema\","
		"\"json_schema\":{\"name\":\"thing\",\"strict\":true,\"schema\":"
		"{\"type\":\"object\",\"properties\":{\"colour\":{\"type\":\"string\"}},"
		"\"required\":[\"colour\"],\"additionalProperties\":false}}}}",
		"{\"model\":\"MODEL\",\"max_tokens\":100,\"messages\":[{\"role\":"
		"\"user\","
		"\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		"\"media_type\":\"image/png\",\"data\":\"aGVsbG8=\"}},{\"type\":\"text\","
		"\"text\":\"What?\"}]}],\"output_config\":{\"format\":{\"type\":"
		"\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":"
		"{\"colour\":{\"type\":\"string\"}},\"required\":[\"colour\"],"
		"\"additionalProperties\":false}}}}",
	};
	aichat *echo = open_ai("memory:", "echo/request");
	aichat *gen = open_ai("memory:", "gen");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++) {
			answer(echo, AICHAT_EXCHANGE_REPLY, dialects[d],
			       with_model(bodies[d], models[m]), &a);
			ck_assert_msg(a.rc == 0, "%s", a.line);
			ck_assert_int_eq(times(&a, "aGVsbG8="), 1);
			ck_assert_int_eq(
				times(&a, m ? "output_config" : "response_format"), 1);
			answer(gen, AICHAT_EXCHANGE_REPLY, dialects[d],
			       with_model(bodies[d], models[m]), &a);
			ck_assert_int_eq(a.rc, 0);
			ck_assert_int_ge(times(&a, "colour"), 1);
		}
	answered_done(&a);
	aichat_close(gen);
	aichat_close(echo);
}
END_TEST

/* Same dialect: what the caller wrote goes out, with the provider's name of the model. */
START_TEST(forwarded_as_it_came)
{
	static const char *const bodies[] = {
		"{ \"messages\" : [{\"role\":\"user\",\"content\":\"Hi\"}],\n"
		" \"temperature\": 1.50, \"new_member\":{\"a\":[1e2]},"
		" \"model\":\"MODEL\" }",
		"{\"max_tokens\":100, \"messages\" : [{\"role\":\"user\",\"content\":"
		"[{\"type\":\"text\",\"text\":\"Hi\",\"cache_control\":{\"type\":"
		"\"ephemeral\"}}]}], \"new_member\":1.0, \"model\":\"MODEL\"}",
	};
	aichat *ai = open_ai("memory:", "lenient/echo/request", "alias.quick", GPT,
			     "alias.clever", CLAUDE);
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int alias = 0; alias < 2; alias++) {
			const char *model = !alias ? models[d] : d ? "clever" : "quick";
			answer(ai, AICHAT_EXCHANGE_REPLY, dialects[d],
			       with_model(bodies[d], model), &a);
			ck_assert_msg(a.rc == 0, "%s", a.line);
			ck_assert_int_eq(times(&a, "new_member"), 1);
			ck_assert_int_eq(times(&a, d ? "cache_control" : "temperature"),
					 1);
			ck_assert_int_ge(times(&a, d ? "claude-fake" : "gpt-fake"), 1);
			ck_assert_int_eq(times(&a, d ? "anthropic/" : "openai/"), 0);
		}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(the_echo)
{
	aichat *ai = open_ai("memory:", "n/1");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int stream = 0; stream < 2; stream++) {
			ask(ai, dialects[d], "echo", stream, &a);
			ck_assert_int_eq(a.rc, 0);
			ck_assert_int_eq(times(&a, "Hello?"), 1);
			ck_assert_int_eq(ends_with(&a, end_of(dialects[d])), stream);
		}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

/* The provider answers in another way than it was asked to. */
START_TEST(whole_where_a_stream_was_asked_for)
{
	aichat *ai = open_ai("memory:", "json/n/3");
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++)
		for (int m = 0; m < 2; m++) {
			ask(ai, dialects[d], models[m], true, &a);
			ck_assert_int_eq(a.rc, 0);
			ck_assert(ends_with(&a, end_of(dialects[d])));
			ck_assert_int_eq(times(&a, "tok0 tok1 tok2 "), 1);
			ck_assert_int_eq(a.output, 3);
		}
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

/* However the bytes are cut, what is forwarded is the same. */
START_TEST(cut_anywhere)
{
	static const char *const ways[] = { "n/4",      "n/4/chunk/1",      "n/4/chunk/7",
					    "n/4/crlf", "n/4/crlf/chunk/1", "n/4/cr" };
	struct answered a = { 0 };

	for (int d = 0; d < 2; d++) {
		size_t lens[6];
		for (size_t w = 0; w < 6; w++) {
			aichat *ai = open_ai("memory:", ways[w]);
			ask(ai, dialects[d], models[d], true, &a);
			ck_assert_int_eq(a.rc, 0);
			ck_assert_int_eq(times(&a, "tok3 "), 1);
			lens[w] = a.len;
			aichat_close(ai);
		}
		ck_assert_uint_eq(lens[1], lens[0]);
		ck_assert_uint_eq(lens[2], lens[0]);
		ck_assert_uint_eq(lens[4], lens[3]);
		ck_assert_uint_gt(lens[3], lens[0]);
		ck_assert_uint_eq(lens[5], lens[0]);
	}
	answered_done(&a);
}
END_TEST

START_TEST(counting)
{
	static const char body[] =
		"{\"model\":\"MODEL\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"How long is this?\"}]}";
	aichat *ai = open_ai("memory:", "n/1");
	struct answered a = { 0 };
	char wanted[64];

	answer(ai, AICHAT_EXCHANGE_COUNT_TOKENS, MESSAGES, with_model(body, CLAUDE), &a);
	ck_assert_int_eq(a.rc, 0);
	ck_assert_str_eq(a.bytes, "{\"input_tokens\":5}"); /* the provider's word */
	ck_assert_int_eq(a.input, -1);

	/* The stated rule: bytes of the messages as JSON, by four, rounded up. */
	answer(ai, AICHAT_EXCHANGE_COUNT_TOKENS, MESSAGES, with_model(body, GPT), &a);
	const char *messages = strchr(body, '[');
	snprintf(wanted, sizeof(wanted), "{\"input_tokens\":%zu}",
		 (strlen(messages) - 1 + 3) / 4);
	ck_assert_str_eq(a.bytes, wanted);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(estimates)
{
	aichat *ai = open_ai("memory:", "n/1");
	static char body[16384];
	char data[4001];

	memset(data, 'A', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\0';
	aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
					   question(GPT, false, ",\"n\":3"));
	ck_assert_int_eq(aichat_exchange_input_estimate(x), 9);
	ck_assert_int_eq(aichat_exchange_output_limit(x), 3000);
	ck_assert_str_eq(aichat_exchange_model(x), GPT);
	ck_assert(!aichat_exchange_is_stream(x));
	aichat_exchange_free(x);

	/* Media count as media. */
	snprintf(body, sizeof(body),
		 "{\"model\":\"" GPT "\",\"messages\":[{\"role\":\"user\",\"content\":["
		 "{\"type\":\"image_url\",\"image_url\":{\"url\":"
		 "\"data:image/png;base64,%s\"}}]}]}",
		 data);
	x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT, body);
	ck_assert_int_gt(aichat_exchange_input_estimate(x), 1600);
	ck_assert_int_lt(aichat_exchange_input_estimate(x), 1650);
	ck_assert_int_eq(aichat_exchange_output_limit(x), 4096);
	aichat_exchange_free(x);

	/* What the catalog knows, up to 32,000. */
	x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
			  "{\"model\":\"gpt-5.6\",\"messages\":[{\"role\":\"user\","
			  "\"content\":\"Hi\"}]}");
	ck_assert_str_eq(aichat_exchange_model(x), "openai/gpt-5.6");
	ck_assert_int_eq(aichat_exchange_output_limit(x), 32000);
	aichat_exchange_free(x);
	aichat_close(ai);
}
END_TEST

START_TEST(costs)
{
	aichat *ai = open_ai("memory:", "n/1000");
	aichat_exchange *x = open_exchange(
		ai, AICHAT_EXCHANGE_REPLY, CHAT,
		"{\"model\":\"gpt-5.6\",\"stream\":true,\"messages\":[{\"role\":\"user\","
		"\"content\":\"Hi\"}]}");
	aichat_model *model = NULL;
	struct answered a = { 0 };

	expect(aichat_exchange_start(x, &error), 0);
	take(x, &a);
	note_figures(x, &a);
	expect(aichat_model_find(ai, "gpt-5.6", &model, &error), 0);
	int64_t wanted = a.input *
				 aichat_model_price_nano_usd(model, AICHAT_PRICE_INPUT) +
			 a.output *
				 aichat_model_price_nano_usd(model, AICHAT_PRICE_OUTPUT);
	ck_assert_int_gt(wanted, 0);
	ck_assert_int_eq(aichat_exchange_cost_nano_usd(x), wanted);
	aichat_model_unref(model);
	aichat_exchange_free(x);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(embeddings)
{
	aichat *ai = open_ai("memory:", "gen");
	struct answered a = { 0 };

	answer(ai, AICHAT_EXCHANGE_EMBEDDINGS, CHAT,
	       "{\"model\":\"text-embedding-3-small\",\"input\":[\"one\",\"two\"]}", &a);
	ck_assert_msg(a.rc == 0, "%s", a.line);
	ck_assert_int_eq(times(&a, "\"embedding\":"), 2);
	ck_assert_int_gt(a.input, 0);
	ck_assert_int_eq(a.output, 0);
	aichat_exchange *x = NULL;
	static const char body[] = "{\"model\":\"" CLAUDE "\",\"input\":\"one\"}";
	expect(aichat_exchange_open(ai, AICHAT_EXCHANGE_EMBEDDINGS, CHAT, body,
				    strlen(body), &x, &error),
	       AICHAT_EREQUEST);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(headers)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, MESSAGES,
					   question(CLAUDE, false, ""));
	struct answered a = { 0 };

	expect(aichat_exchange_set_header(x, "anthropic-beta", "a-1,b-2", &error), 0);
	expect(aichat_exchange_set_header(x, "Anthropic-Version", "2023-06-01", &error),
	       0);
	expect(aichat_exchange_set_header(x, "authorization", "Bearer x", &error),
	       AICHAT_EINVAL);
	expect(aichat_exchange_set_header(x, "anthropic-beta", "a\r\nx: y", &error),
	       AICHAT_EINVAL);
	expect(aichat_exchange_set_header(x, "anthropic-beta", "", &error),
	       AICHAT_EINVAL);
	expect(aichat_exchange_start(x, &error), 0);
	take(x, &a);
	ck_assert_int_eq(a.rc, 0);
	aichat_exchange_free(x);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

START_TEST(lists_of_models)
{
	aichat *ai = open_ai("memory:", "n/1", "alias.quick", GPT);
	aichat_json *list = NULL;
	char *json = NULL;
	size_t len = 0;

	expect(aichat_dialect_models(ai, CHAT, NULL, NULL, 0, &json, &len, &error), 0);
	expect(aichat_json_parse(json, (int64_t)len, &list, &error), 0);
	ck_assert_ptr_nonnull(strstr(json, "{\"object\":\"list\",\"data\":["));
	ck_assert_ptr_nonnull(strstr(json, "{\"object\":\"model\",\"id\":\"quick\","
					   "\"created\":0,\"owned_by\":\"openai\"}"));
	ck_assert_ptr_nonnull(strstr(json, "\"id\":\"gpt-5.6\""));
	/* Without a key it is not offered. */
	ck_assert_ptr_null(strstr(json, "\"owned_by\":\"xai\""));
	aichat_json_unref(list);
	aichat_free(json);

	/* Two pages. */
	expect(aichat_dialect_models(ai, MESSAGES, NULL, NULL, 1, &json, &len, &error),
	       0);
	ck_assert_ptr_nonnull(strstr(json, "\"has_more\":true,\"first_id\":\"quick\","
					   "\"last_id\":\"quick\"}"));
	aichat_free(json);
	expect(aichat_dialect_models(ai, MESSAGES, "quick", NULL, 0, &json, &len, &error),
	       0);
	ck_assert_ptr_null(strstr(json, "\"quick\""));
	ck_assert_ptr_nonnull(strstr(json, "\"has_more\":false"));
	aichat_free(json);

	/* Backwards, from the end of what is before. */
	expect(aichat_dialect_models(ai, MESSAGES, NULL, "gpt-5.6", 0, &json, &len,
				     &error),
	       0);
	ck_assert_ptr_nonnull(strstr(json, "\"id\":\"quick\""));
	ck_assert_ptr_null(strstr(json, "\"id\":\"gpt-5.6\""));
	ck_assert_ptr_nonnull(strstr(json, "\"has_more\":false,\"first_id\":\"quick\""));
	aichat_free(json);
	expect(aichat_dialect_models(ai, MESSAGES, NULL, "gpt-5.6", 1, &json, &len,
				     &error),
	       0);
	ck_assert_ptr_null(strstr(json, "\"id\":\"gpt-5.6\""));
	aichat_free(json);
	expect(aichat_dialect_models(ai, MESSAGES, NULL, "quick", 0, &json, &len, &error),
	       0);
	ck_assert_str_eq(json, "{\"data\":[],\"has_more\":false,\"first_id\":null,"
			       "\"last_id\":null}");
	aichat_free(json);
	expect(aichat_dialect_models(ai, MESSAGES, "no-such", NULL, 0, &json, &len,
				     &error),
	       AICHAT_EINVAL);
	expect(aichat_dialect_models(ai, MESSAGES, NULL, "no-such", 0, &json, &len,
				     &error),
	       AICHAT_EINVAL);
	expect(aichat_dialect_models(ai, MESSAGES, "quick", "gpt-5.6", 0, &json, &len,
				     &error),
	       AICHAT_EINVAL);

	expect(aichat_dialect_model(ai, MESSAGES, "gpt-5.6", &json, &len, &error), 0);
	ck_assert_str_eq(json, "{\"type\":\"model\",\"id\":\"gpt-5.6\",\"display_name\":"
			       "\"gpt-5.6\",\"created_at\":\"1970-01-01T00:00:00Z\","
			       "\"max_input_tokens\":1050000,\"max_tokens\":128000}");
	aichat_free(json);
	expect(aichat_dialect_model(ai, CHAT, "no-such", &json, &len, &error),
	       AICHAT_EMODEL);
	expect(aichat_dialect_model(ai, CHAT, "xai/grok", &json, &len, &error),
	       AICHAT_EMODEL);
	expect(aichat_dialect_models(ai, "esperanto", NULL, NULL, 0, &json, &len, &error),
	       AICHAT_EINVAL);
	aichat_close(ai);
}
END_TEST

/* A caller that reads nothing for a while holds the provider up, not our memory. */
START_TEST(a_slow_caller)
{
	aichat *ai = open_ai("memory:", "n/20000/bytes/100");
	aichat_exchange *x = open_exchange(
		ai, AICHAT_EXCHANGE_REPLY, CHAT,
		"{\"model\":\"" CLAUDE "\",\"stream\":true,\"max_tokens\":100000,"
		"\"messages\":[{\"role\":\"user\",\"content\":\"Much!\"}]}");
	struct answered a = { 0 };

	expect(aichat_exchange_start(x, &error), 0);
	sleep_ms(200);
	ck_assert(!aichat_exchange_is_over(x));
	take(x, &a);
	ck_assert_int_eq(a.rc, 0);
	ck_assert_int_eq(times(&a, "tok19999"), 1);
	ck_assert(ends_with(&a, end_of(CHAT)));
	aichat_exchange_free(x);
	answered_done(&a);
	aichat_close(ai);
}
END_TEST

SUITE("exchange", every_pair, usage_is_shown_only_if_asked_for, tools, tool_results,
      reasoning, unsigned_thinking_is_left_out, images_and_schemas, forwarded_as_it_came,
      the_echo, whole_where_a_stream_was_asked_for, cut_anywhere, counting, estimates,
      costs, embeddings, headers, lists_of_models, a_slow_caller)
