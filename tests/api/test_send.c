/*
 * One send and what its reply tells: order, numbers, JSON, figures, both dialects, and
 * what an option changes in the request.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define TOKENS_5 "tok0 tok1 tok2 tok3 tok4 "

/* The order in which events may follow each other, told by their types. */
static void check_order(aichat_reply *reply, struct heard *heard)
{
	static const char
		*const order = "start part_start text+ part_end usage* message done";
	char seen[1024] = "";
	size_t texts = 0;

	for (;;) {
		size_t before[EVENT_TYPES];
		memcpy(before, heard->count, sizeof(before));
		if (hear_one(reply, heard) != 1)
			break;
		for (int type = 1; type < EVENT_TYPES; type++) {
			if (heard->count[type] == before[type])
				continue;
			texts += type == AICHAT_EVENT_TEXT;
			if (type == AICHAT_EVENT_USAGE ||
			    (type == AICHAT_EVENT_TEXT && texts > 1))
				continue;
			strncat(seen, aichat_event_type_name(type), 64);
			strncat(seen, type >= AICHAT_EVENT_DONE ? "" : " ", 2);
		}
	}
	ck_assert_msg(strcmp(seen, "start part_start text part_end message done") == 0,
		      "%s instead of %s", seen, order);
	ck_assert_uint_ge(heard->count[AICHAT_EVENT_USAGE], 1);
}

static void check_whole(const char *model)
{
	aichat *ai = open_ai("memory:", "gen/n/5");
	aichat_options *options = bag("model", model, NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_reply *reply = send_text(conv, "Hello there, model!", options);
	struct heard heard = { 0 };

	check_order(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.reply_id, aichat_reply_id(reply));
	ck_assert_str_eq(heard.conversation_id, aichat_conversation_id(conv));
	ck_assert_str_eq(heard.text, TOKENS_5);
	const aichat_message *message = heard.message;
	char *text = text_of(message);
	ck_assert_str_eq(text, heard.text);
	ck_assert_str_eq(aichat_message_id(message), heard.message_id);
	ck_assert_str_eq(aichat_message_parent_id(message), heard.user_id);
	ck_assert_str_eq(aichat_message_conversation_id(message), heard.conversation_id);
	ck_assert_int_eq(aichat_message_state(message), AICHAT_MESSAGE_SEALED);
	ck_assert_int_eq(aichat_message_stop_reason(message), AICHAT_STOP_STOP);
	ck_assert_int_eq(aichat_message_usage(message, AICHAT_USAGE_INPUT), 5);
	ck_assert_int_eq(aichat_message_usage(message, AICHAT_USAGE_OUTPUT), 5);
	ck_assert_int_eq((int64_t)strncmp(model, aichat_message_provider(message),
					  strlen(aichat_message_provider(message))),
			 0);
	ck_assert_str_eq(aichat_message_model(message), strchr(model, '/') + 1);

	aichat_messages *path = NULL;
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 2);
	check_message(path, 0, AICHAT_ROLE_USER, "Hello there, model!");
	check_message(path, 1, AICHAT_ROLE_ASSISTANT, TOKENS_5);
	ck_assert_str_eq(aichat_message_id(aichat_messages_at(path, 0)), heard.user_id);
	aichat_messages_unref(path);
	verify(ai);
	aichat_free(text);
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_options_free(options);
	aichat_close(ai);
}

START_TEST(chat_completions)
{
	check_whole("openai/gpt-fake");
}
END_TEST

START_TEST(messages)
{
	check_whole("anthropic/claude-fake");
}
END_TEST

/* Known prices give a cost, unknown ones none. */
START_TEST(cost)
{
	aichat *ai = open_ai("memory:", "gen/n/5");
	aichat_model *model = NULL;
	struct heard heard = { 0 };

	hear_done(complete_text(ai, "price", NULL), &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_int_eq(aichat_message_cost_nano_usd(heard.message), -1);
	heard_done(&heard);

	/* The first of the catalog that has prices. */
	for (size_t n = 0; aichat_model_at(ai, n, &model) == 0; n++) {
		if (strncmp(aichat_model_name(model), "openai/", 7) == 0 &&
		    aichat_model_price_nano_usd(model, AICHAT_PRICE_INPUT) > 0)
			break;
		model = aichat_model_unref(model);
	}
	ck_assert_ptr_nonnull(model);
	aichat_options *options = bag("model", aichat_model_name(model), NULL);
	hear_done(complete_text(ai, "What does this cost?", options), &heard,
		  AICHAT_REPLY_COMPLETE);
	ck_assert_int_eq(
		aichat_message_cost_nano_usd(heard.message),
		5 * aichat_model_price_nano_usd(model, AICHAT_PRICE_INPUT) +
			5 * aichat_model_price_nano_usd(model, AICHAT_PRICE_OUTPUT));
	heard_done(&heard);
	aichat_model_unref(model);
	aichat_options_free(options);
	aichat_close(ai);
}
END_TEST

static const char *const both[] = { "openai/gpt-fake", "anthropic/claude-fake" };

/* Without a stream, and JSON in answer to the wish for one. */
START_TEST(whole_answers)
{
	static const char *const elements[] = { "gen/n/5", "gen/n/5/json" };

	for (size_t e = 0; e < 2; e++)
		for (size_t m = 0; m < 2; m++) {
			aichat *ai = open_ai("memory:", elements[e]);
			aichat_options *options = bag("model", both[m], "stream",
						      e == 0 ? "false" : "true", NULL);
			aichat_conversation *conv = new_conversation(ai, options);
			struct heard heard = { 0 };

			hear_done(send_text(conv, "all at once", NULL), &heard,
				  AICHAT_REPLY_COMPLETE);
			ck_assert_str_eq(heard.text, TOKENS_5);
			ck_assert_int_eq(
				aichat_message_usage(heard.message, AICHAT_USAGE_OUTPUT),
				5);
			heard_done(&heard);
			aichat_conversation_unref(conv);
			aichat_options_free(options);
			aichat_close(ai);
		}
}
END_TEST

START_TEST(reasoning)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "thinking/3/n/2", "model", both[m],
				     "reasoning_effort", "low", "max_tokens", "8000");
		aichat_conversation *conv = new_conversation(ai, NULL);
		struct heard heard = { 0 };

		/* Twice: the second request carries the first's reasoning back. */
		for (int round = 0; round < 2; round++) {
			heard_done(&heard);
			hear_done(send_text(conv, "Think.", NULL), &heard,
				  AICHAT_REPLY_COMPLETE);
			ck_assert_str_eq(heard.reasoning, "th0 th1 th2 ");
			ck_assert_str_eq(heard.text, "tok0 tok1 ");
			ck_assert_uint_eq(aichat_message_part_count(heard.message), 2);
			ck_assert_int_eq(aichat_message_part_type(heard.message, 0),
					 AICHAT_PART_REASONING);
		}
		heard_done(&heard);
		aichat_conversation_unref(conv);
		aichat_close(ai);
	}
}
END_TEST

START_TEST(stateless)
{
	aichat *ai = open_ai("memory:", "echo");
	aichat_list *list = NULL;
	aichat_reply *again = NULL;
	struct heard heard = { 0 };
	aichat_reply *reply = complete_text(ai, "not kept", NULL);

	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "not kept");
	ck_assert_str_eq(heard.conversation_id, "");
	ck_assert_str_eq(aichat_message_conversation_id(heard.message), "");
	expect(aichat_reply_open(ai, aichat_reply_id(reply), 0, &again, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 0);
	aichat_list_unref(list);
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_close(ai);
}
END_TEST

/* The last cursor of a reply that is not stored takes it along. */
START_TEST(stateless_given_back)
{
	aichat *ai = open_ai("memory:", "n/1000/rate/20");
	struct heard heard = { 0 };
	aichat_reply *reply = complete_text(ai, "long", NULL);

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	aichat_reply_unref(reply);
	heard_done(&heard);
	int64_t before = now_ms();
	aichat_close(ai);
	ck_assert_int_lt(now_ms() - before, 5000);
}
END_TEST

/* ---- what options do to the request: echo/request tells it ---- */

static const char *request_of(aichat_conversation *conv, const aichat_options *options,
			      struct heard *heard)
{
	heard_done(heard);
	hear_done(send_text(conv, "the question", options), heard, AICHAT_REPLY_COMPLETE);
	return heard->text;
}

static void has(const char *request, const char *piece)
{
	ck_assert_msg(strstr(request, piece) != NULL, "no %s in ...%s", piece,
		      request + (strlen(request) > 300 ? strlen(request) - 300 : 0));
}

static void has_not(const char *request, const char *piece)
{
	ck_assert_msg(strstr(request, piece) == NULL, "%s in %s", piece, request);
}

START_TEST(options_of_each_level)
{
	aichat *ai = open_ai("memory:", "echo/request/lenient", "temperature", "0.25",
			     "max_tokens", "100000", "body.context_member", "[1]",
			     "body.member", "\"context\"");
	aichat_options *of_conv = bag("temperature", "0.5", "system", "Be brief.",
				      "body.member", "\"conversation\"", NULL);
	aichat_options *of_send = bag("temperature", "0.75", "body.member",
				      "{\"of\":\"send\"}", NULL);
	aichat_conversation *plain = new_conversation(ai, NULL);
	aichat_conversation *conv = new_conversation(ai, of_conv);
	struct heard heard = { 0 };

	const char *request = request_of(plain, NULL, &heard);
	has(request, "\"temperature\":0.25");
	has(request, ":100000");
	has(request, "\"context_member\":[1]");
	has(request, "\"member\":\"context\"");
	has_not(request, "\"role\":\"system\"");
	request = request_of(conv, NULL, &heard);
	has(request, "\"temperature\":0.5");
	has(request, "\"member\":\"conversation\"");
	has(request, "\"context_member\":[1]");
	has(request, "Be brief.");
	request = request_of(conv, of_send, &heard);
	has(request, "\"temperature\":0.75");
	has(request, "\"member\":{\"of\":\"send\"}");
	has(request, "Be brief.");
	/* The send's were for that send. */
	request = request_of(conv, NULL, &heard);
	has(request, "\"temperature\":0.5");
	heard_done(&heard);
	aichat_options_free(of_conv);
	aichat_options_free(of_send);
	aichat_conversation_unref(plain);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(further_members)
{
	aichat *ai = open_ai("memory:", "echo/request/lenient");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_options *options = bag("stop", "one\ntwo", "seed", "7", "top_p", "0.5",
				      "reasoning_effort", "high", NULL);
	struct heard heard = { 0 };

	const char *request = request_of(conv, options, &heard);
	has(request, "\"stop\":[\"one\",\"two\"]");
	has(request, "\"seed\":7");
	has(request, "\"top_p\":0.5");
	has(request, "\"reasoning_effort\":\"high\"");
	has(request, "\"stream\":true");
	set_option(options, "model", "anthropic/claude-fake");
	set_option(options, "reasoning_effort", NULL);
	request = request_of(conv, options, &heard);
	has(request, "\"stop_sequences\":[\"one\",\"two\"]");
	heard_done(&heard);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(schema)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "gen", "model", both[m]);
		aichat_options *options = bag(
			"response_schema",
			"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"
			"\"string\"},\"size\":{\"type\":\"integer\"}},\"required\":["
			"\"city\",\"size\"],\"additionalProperties\":false}",
			NULL);
		struct heard heard = { 0 };

		hear_done(complete_text(ai, "A city.", options), &heard,
			  AICHAT_REPLY_COMPLETE);
		char *city = json_member(heard.text, "city", NULL);
		ck_assert_ptr_nonnull(city);
		free(city);
		heard_done(&heard);
		aichat_options_free(options);
		aichat_close(ai);
	}
}
END_TEST

/* Every turn of the conversation goes along, on another model, too. */
START_TEST(context_of_the_conversation)
{
	aichat *ai = open_ai("memory:", "echo/request/lenient");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_options *other = bag("model", "anthropic/claude-fake", NULL);
	aichat_options *echo = bag("model", "echo", NULL);
	struct heard heard = { 0 };

	hear_done(send_text(conv, "first words", echo), &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "first words");
	const char *request = request_of(conv, NULL, &heard);
	has(request, "first words");
	has(request, "the question");
	request = request_of(conv, other, &heard);
	has(request, "first words");
	has(request, "\"messages\"");
	heard_done(&heard);
	aichat_options_free(other);
	aichat_options_free(echo);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(message_with_image)
{
	aichat *ai = open_ai("memory:", "echo/request");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;
	struct heard heard = { 0 };

	ck_assert_int_eq(
		aichat_message_new(AICHAT_ROLE_USER, "What is it?", -1, &message), 0);
	ck_assert_int_eq(aichat_message_add_data(message, AICHAT_PART_IMAGE, "image/png",
						 NULL, "\x89PNG\r\n\x1a\n", 8),
			 0);
	expect(aichat_conversation_send_message(conv, message, NULL, &reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	has(heard.text, "data:image/png;base64,iVBORw0KGgo=");
	heard_done(&heard);
	aichat_message_unref(message);

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_ASSISTANT, "no", -1, &message),
			 0);
	expect(aichat_conversation_send_message(conv, message, NULL, &reply, &error),
	       AICHAT_EINVAL);
	aichat_message_unref(message);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, NULL, 0, &message), 0);
	expect(aichat_conversation_send_message(conv, message, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send_message(conv, NULL, NULL, &reply, &error),
	       AICHAT_EINVAL);
	aichat_message_unref(message);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* Sixteen MiB go through whole; a byte more is refused, and so is what is no text. */
START_TEST(arguments)
{
	aichat *ai = open_ai("memory:", "gen/n/1/lenient");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_reply *reply = NULL;
	const size_t most = (size_t)16 << 20;
	char *large = malloc(most + 1);
	aichat_options *context = bag("store", "memory:", NULL);
	aichat_options *unknown = bag("model", "no-such-thing", NULL);
	aichat_options *keyless = bag("model", "mistral/mistral-small", NULL);

	ck_assert_ptr_nonnull(large);
	memset(large, 'x', most + 1);
	expect(aichat_conversation_send(conv, large, (int64_t)most + 1, NULL, &reply,
					&error),
	       AICHAT_ETOOLARGE);
	expect(aichat_conversation_send(conv, "", -1, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send(conv, " \n\t ", -1, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send(conv, NULL, -1, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send(conv, "x", -2, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send(NULL, "x", -1, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send(conv, "a\xff", -1, NULL, &reply, &error),
	       AICHAT_EUTF8);
	expect(aichat_conversation_send(conv, "a", -1, context, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send(conv, "a", -1, unknown, &reply, &error),
	       AICHAT_EMODEL);
	expect(aichat_conversation_send(conv, "a", -1, keyless, &reply, &error),
	       AICHAT_EKEY);
	ck_assert_ptr_null(reply);
	ck_assert_int_eq(aichat_conversation_send(conv, "", -1, NULL, &reply, NULL),
			 AICHAT_EINVAL);

	aichat_message *message = NULL;
	aichat_message *const none = NULL;
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect(aichat_complete(ai, NULL, 1, NULL, 0, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_complete(ai, &message, 0, NULL, 0, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_complete(ai, &none, 1, NULL, 0, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_complete(ai, &message, 1, "[", -1, NULL, &reply, &error),
	       AICHAT_EJSON);
	expect(aichat_complete(ai, &message, 1, "{}", -1, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_complete(ai, &message, 1, NULL, 0, unknown, &reply, &error),
	       AICHAT_EMODEL);
	expect(aichat_complete(ai, &message, 1, NULL, 0, keyless, &reply, &error),
	       AICHAT_EKEY);
	expect(aichat_complete(ai, &message, 1, NULL, 0, context, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_complete(NULL, &message, 1, NULL, 0, NULL, &reply, &error),
	       AICHAT_EINVAL);
	aichat_message_unref(message);
	aichat_options_free(context);
	aichat_options_free(unknown);
	aichat_options_free(keyless);
	aichat_conversation_unref(conv);
	aichat_close(ai);
	free(large);
}
END_TEST

START_TEST(no_model)
{
	aichat_options *options = options_for("memory:", "gen", NULL);
	aichat_reply *reply = NULL;

	set_option(options, "model", NULL);
	set_option(options, "provider.openai.api_key", NULL);
	set_option(options, "provider.anthropic.api_key", NULL);
	aichat *ai = open_with(options);
	aichat_conversation *conv = new_conversation(ai, NULL);
	expect(aichat_conversation_send(conv, "to whom?", -1, NULL, &reply, &error),
	       AICHAT_EMODEL);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* Text of any kind comes back byte for byte, from provider and store. */
START_TEST(bytes)
{
	static const char text[] =
		"nul\0in it, \xf0\x9f\x8c\xb3 tree, \"quotes\" \\ / \x7f "
		"\xe2\x80\xa8 tab\t";
	const int64_t len = (int64_t)sizeof(text) - 1;
	aichat *ai = open_ai(support_path("bytes.db"), "echo");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_reply *reply = NULL;
	struct heard heard = { 0 };

	expect(aichat_conversation_send(conv, text, len, NULL, &reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(heard.text_len, sizeof(text) - 1);
	ck_assert_mem_eq(heard.text, text, sizeof(text) - 1);
	char *id = strdup(aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	aichat_close(ai);

	ai = open_ai(support_path("bytes.db"), "echo");
	conv = open_conversation(ai, id);
	aichat_messages *path = NULL;
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	for (size_t n = 0; n < 2; n++) {
		char *own = NULL;
		size_t own_len = 0;
		ck_assert_int_eq(
			aichat_message_text(aichat_messages_at(path, n), &own, &own_len),
			0);
		ck_assert_uint_eq(own_len, sizeof(text) - 1);
		ck_assert_mem_eq(own, text, own_len);
		aichat_free(own);
	}
	aichat_messages_unref(path);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
	heard_done(&heard);
	free(id);
}
END_TEST

SUITE("send", chat_completions, messages, cost, whole_answers, reasoning, stateless,
      stateless_given_back, options_of_each_level, further_members, schema,
      context_of_the_conversation, message_with_image, arguments, no_model, bytes)
