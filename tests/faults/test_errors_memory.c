/*
 * AICHAT_ENOMEM of every public function that lists it: called while no allocation
 * of ours or of SQLite's succeeds, and again when they do. test_failing.c walks through
 * single failures.
 */

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "suite.h"

#define TOOLS "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]"

/* The call fails for want of memory, and an error object, where it gives one, says so. */
#define expect_no_memory(call)                                                           \
	do {                                                                             \
		aichat_error *error = NULL;                                              \
		aic_mem_fail_at(1, true);                                                \
		sqlite3_hard_heap_limit64(1);                                            \
		int result_ = (call);                                                    \
		sqlite3_hard_heap_limit64(0);                                            \
		aic_mem_fail_at(0, false);                                               \
		ck_assert_int_eq(result_, AICHAT_ENOMEM);                                \
		if (error)                                                               \
			ck_assert_int_eq(aichat_error_code(error), AICHAT_ENOMEM);       \
		aichat_error_unref(error);                                               \
	} while (0)

START_TEST(values)
{
	aichat_json *doc = NULL;
	aichat_message *message = NULL;
	aichat_watch *watch = NULL;
	aichat_options *options = bag("max_tokens", "5", NULL);
	char *text = NULL;
	size_t at = 0;

	expect_no_memory(aichat_json_parse("[1]", -1, &doc, &error));
	expect_no_memory(
		aichat_json_parse_limited("[1]", -1, 0, 0, 0, &at, &doc, &error));
	expect_no_memory(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message));
	expect_no_memory(aichat_watch_new(&watch));
	expect_no_memory(
		aichat_message_from_json("{\"role\":\"user\"}", -1, &message, &error));
	ck_assert_ptr_null(message);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect_no_memory(aichat_message_add_data(message, AICHAT_PART_IMAGE, "image/png",
						 NULL, "y", 1));
	ck_assert_uint_eq(aichat_message_part_count(message), 1);
	expect_no_memory(aichat_message_text(message, &text, NULL));
	expect_no_memory(aichat_message_to_json(message, &text, NULL));
	aichat_message_unref(message);

	expect_no_memory(aichat_options_set(options, "model", "echo", -1, &error));
	expect_no_memory(aichat_options_set_int(options, "seed", 7, &error));
	expect_no_memory(aichat_options_set_number(options, "top_p", 0.5, &error));
	expect_no_memory(aichat_options_set_json(options, "{\"seed\":7}", -1, &error));
	expect_no_memory(aichat_options_load(options, NULL, &error));
	ck_assert_str_eq(aichat_options_name(options, 0), "max_tokens");
	ck_assert_ptr_null(aichat_options_name(options, 1));
	aichat_options_free(options);
}
END_TEST

START_TEST(accounts)
{
	aichat *ai = open_ai(support_path("accounts.db"), "n/1");
	aichat_record *record = NULL, *other = NULL;
	aichat_records *records = NULL;
	char *json = NULL;

	expect_no_memory(aichat_record_new("user", "anna", &record, &error));
	expect(aichat_record_new("user", "anna", &record, &error), 0);
	expect_no_memory(aichat_record_set_name(record, "Anna", &error));
	expect_no_memory(aichat_record_set_parent(record, "group", "all", &error));
	expect_no_memory(aichat_record_set_json(record, "{\"a\":1}", -1, &error));
	expect_no_memory(aichat_record_set_idempotency(record, "key", "digest", &error));
	expect_no_memory(aichat_record_add(ai, record, &error));
	expect(aichat_record_add(ai, record, &error), 0);
	expect_no_memory(aichat_record_save(ai, record, &error));
	expect_no_memory(aichat_record_get(ai, "user", "anna", &other, &error));
	expect_no_memory(aichat_record_find(ai, "user", "Anna", &other, &error));
	expect_no_memory(
		aichat_record_list(ai, "user", NULL, NULL, NULL, 9, &records, &error));
	expect_no_memory(aichat_record_delete(ai, "user", "anna", &error));
	expect_no_memory(aichat_idempotency_find(ai, "key", "digest", &json, &error));
	expect_no_memory(aichat_audit_add(ai, "anna", "login", NULL, NULL, 0, &error));
	expect_no_memory(aichat_audit_list(ai, NULL, 9, &json, NULL, &error));
	expect_no_memory(aichat_audit_verify(ai, NULL, NULL, &error));
	expect_no_memory(aichat_usage_add(ai, "{}", -1, &error));
	expect_no_memory(aichat_usage_list(ai, NULL, 9, &json, NULL, &error));
	expect_no_memory(aichat_usage_sum(ai, 0, 1, &json, NULL, &error));
	expect_no_memory(aichat_owner_delete(ai, "anna", &error));
	expect(aichat_record_get(ai, "user", "anna", &other, &error), 0);
	ck_assert_int_eq(aichat_record_version(other), 1);
	aichat_record_free(record);
	aichat_record_free(other);
	verify(ai);
	aichat_close(ai);
}
END_TEST

START_TEST(exchanges)
{
	static const char body[] = "{\"model\":\"openai/gpt-fake\",\"messages\":"
				   "[{\"role\":\"user\",\"content\":\"x\"}]}";
	aichat *ai = open_ai("memory:", "delay/300");
	aichat_exchange *x = NULL;
	aichat_error *why = NULL;
	const char *bytes = NULL;
	char *json = NULL;
	size_t len = 0;
	int status = 0;

	expect_no_memory(aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, "openai-chat",
					      body, strlen(body), &x, &error));
	expect(aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, "openai-chat", body,
				    strlen(body), &x, &error),
	       0);
	expect_no_memory(aichat_exchange_set_header(x, "anthropic-beta", "one", &error));
	expect_no_memory(aichat_exchange_start(x, &error));
	aichat_exchange_free(x);
	expect(aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, "openai-chat", body,
				    strlen(body), &x, &error),
	       0);
	expect(aichat_exchange_start(x, &error), 0);
	expect_no_memory(aichat_exchange_next(x, STEP_MS, &bytes, &len, &error));
	aichat_exchange_free(x);

	expect_no_memory(aichat_dialect_models(ai, "openai-chat", NULL, NULL, 0, &json,
					       &len, &error));
	expect_no_memory(
		aichat_dialect_model(ai, "openai-chat", "gpt-fake", &json, &len, &error));
	ck_assert_int_eq(aichat_json_parse("[", -1, &(aichat_json *){ NULL }, &why),
			 AICHAT_EJSON);
	expect_no_memory(aichat_dialect_error("openai-chat", why, &status, &json, &len));
	aichat_error_unref(why);
	aichat_close(ai);
}
END_TEST

START_TEST(contexts)
{
	aichat *ai = NULL, *view = NULL;
	aichat_model *model = NULL;
	aichat_conversation *conv = NULL;
	char *name = NULL;

	expect_no_memory(aichat_open(NULL, &ai, &error));
	ai = open_ai(support_path("contexts.db"), "n/1");
	expect_no_memory(aichat_for_owner(ai, "anna", &view, &error));
	expect_no_memory(aichat_verify(ai, &error));
	expect_no_memory(aichat_model_at(ai, 0, &model));
	expect_no_memory(aichat_model_find(ai, "echo", &model, &error));
	expect_no_memory(aichat_model_choose(ai, &name, &error));
	expect_no_memory(aichat_conversation_new(ai, NULL, &conv, &error));
	verify(ai);
	aichat_close(ai);
}
END_TEST

/* What asks, of a conversation that has an answer. */
static void asking(aichat *ai, aichat_conversation *conv, const char *user_id)
{
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect_no_memory(aichat_complete(ai, &message, 1, NULL, 0, NULL, &reply, &error));
	expect_no_memory(aichat_conversation_set_tools(conv, TOOLS, -1, &error));
	expect_no_memory(aichat_conversation_send(conv, "x", -1, NULL, &reply, &error));
	expect_no_memory(
		aichat_conversation_send_message(conv, message, NULL, &reply, &error));
	expect_no_memory(
		aichat_conversation_edit(conv, user_id, "x", -1, NULL, &reply, &error));
	expect_no_memory(aichat_conversation_retry(conv, user_id, NULL, &reply, &error));
	expect_no_memory(aichat_conversation_send_after(conv, user_id, message, 0, NULL,
							&reply, &error));
	ck_assert_ptr_null(reply);
	aichat_message_unref(message);
}

static void reading(aichat *ai, aichat_conversation *conv, const char *reply_id,
		    const char *user_id)
{
	aichat_conversation *same = NULL;
	aichat_messages *messages = NULL;
	aichat_message *message = NULL;
	aichat_list *list = NULL;
	aichat_reply *reply = NULL;
	const aichat_event *event = NULL;
	char *head = NULL, *json = NULL;

	expect_no_memory(aichat_conversation_open(ai, aichat_conversation_id(conv), &same,
						  &error));
	expect_no_memory(aichat_conversation_head(conv, &head, &error));
	expect_no_memory(aichat_conversation_path(conv, 0, &messages, &error));
	expect_no_memory(aichat_conversation_children(conv, NULL, &messages, &error));
	expect_no_memory(aichat_conversation_to_json(conv, &json, NULL, NULL, &error));
	expect_no_memory(aichat_conversation_message(conv, user_id, &message, &error));
	expect_no_memory(aichat_conversation_tree(conv, NULL, 10, &messages, &error));
	expect_no_memory(
		aichat_conversation_path_page(conv, NULL, 10, &messages, &error));
	expect_no_memory(aichat_conversation_list_filtered(ai, 0, NULL, NULL, NULL, 10,
							   &list, &error));
	expect_no_memory(aichat_conversation_list(ai, NULL, 10, &list, &error));
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	expect_no_memory(aichat_list_to_json(list, 0, &json, NULL));
	aichat_list_unref(list);
	expect_no_memory(aichat_reply_open(ai, reply_id, 0, &reply, &error));
	reply = open_reply(ai, reply_id, 0);
	expect_no_memory(aichat_reply_to_json(reply, &json, NULL, &error));
	expect_no_memory(aichat_reply_next(reply, 0, &event));
	ck_assert_int_eq(aichat_reply_next(reply, 0, &event), 1);
	expect_no_memory(aichat_event_to_json(event, &json, NULL));
	aichat_reply_unref(reply);
}

/* From another context, in whose memory nothing is. */
static void changing(aichat_conversation *conv, aichat_reply *waiting,
		     const char *call_id, const char *user_id)
{
	struct heard heard = { 0 };

	expect_no_memory(aichat_conversation_set_head(conv, user_id, &error));
	expect_no_memory(aichat_conversation_set_title(conv, "x", &error));
	expect_no_memory(aichat_conversation_save(conv, &error));
	expect_no_memory(
		aichat_conversation_change(conv, "{\"pinned\":true}", -1, 0, &error));
	expect_no_memory(aichat_conversation_erase(conv, user_id, &error));
	expect_no_memory(aichat_conversation_delete(conv, &error));
	expect_no_memory(aichat_reply_cancel(waiting, &error));
	expect_no_memory(aichat_reply_tool_result(waiting, call_id, "4", -1, 0, &error));
	/* It still waits, and now it can be told. */
	expect(aichat_reply_tool_result(waiting, call_id, "4", -1, 0, &error), 0);
	hear(waiting, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
}

START_TEST(conversations)
{
	const char *store = support_path("memory.db");
	aichat *ai = open_ai(store, "tools/1/n/2");
	aichat_options *echo = bag("model", "echo", NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_conversation *tools = new_conversation(ai, NULL);
	struct heard first = { 0 }, heard = { 0 };
	char id[40];

	hear_done(send_text(conv, "Before.", echo), &first, AICHAT_REPLY_COMPLETE);
	expect(aichat_conversation_set_tools(tools, TOOLS, -1, &error), 0);
	aichat_reply *reply = send_text(tools, "Use it.", NULL);
	while (!heard.calls)
		hear_until(reply, &heard, AICHAT_EVENT_MESSAGE);
	asking(ai, conv, first.user_id);
	aichat_reply_unref(reply);
	snprintf(id, sizeof(id), "%s", aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	aichat_conversation_unref(tools);
	aichat_close(ai);

	ai = open_ai(store, "n/2");
	conv = open_conversation(ai, id);
	reply = open_reply(ai, heard.reply_id, 0);
	reading(ai, conv, first.reply_id, first.user_id);
	changing(conv, reply, heard.call_ids[0], first.user_id);
	verify(ai);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_close(ai);
	heard_done(&first);
	heard_done(&heard);
	aichat_options_free(echo);
}
END_TEST

SUITE("errors_memory", values, exchanges, contexts, accounts, conversations)
