/*
 * The errors of single calls that no other test is about: models that cannot be asked,
 * texts that are too large, nothing left to open.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "suite.h"

#define TEXT_MAX ((int64_t)16 << 20)
#define TOOLS "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]"

/* A conversation with an answer, and the id of its question. */
static aichat_conversation *answered(aichat *ai, char user_id[40])
{
	aichat_options *echo = bag("model", "echo", NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	hear_done(send_text(conv, "Before.", echo), &heard, AICHAT_REPLY_COMPLETE);
	memcpy(user_id, heard.user_id, 40);
	heard_done(&heard);
	aichat_options_free(echo);
	return conv;
}

/* Every call that asks a model, with options that it refuses. */
static void expect_refused(aichat *ai, aichat_conversation *conv, const char *user_id,
			   const aichat_options *options, int code)
{
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect(aichat_complete(ai, &message, 1, NULL, 0, options, &reply, &error), code);
	expect(aichat_conversation_send(conv, "x", -1, options, &reply, &error), code);
	expect(aichat_conversation_send_message(conv, message, options, &reply, &error),
	       code);
	expect(aichat_conversation_edit(conv, user_id, "x", -1, options, &reply, &error),
	       code);
	expect(aichat_conversation_retry(conv, user_id, options, &reply, &error), code);
	expect(aichat_conversation_send_after(conv, user_id, message, 0, options, &reply,
					      &error),
	       code);
	ck_assert_ptr_null(reply);
	aichat_message_unref(message);
}

static void refuse_model(const char *model, int code)
{
	aichat *ai = NULL;
	aichat_options *options = bag("model", model, NULL);
	char user_id[40];

	expect(aichat_open(NULL, &ai, &error), 0);
	aichat_conversation *conv = answered(ai, user_id);
	expect_refused(ai, conv, user_id, options, code);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}

START_TEST(models)
{
	aichat *ai = NULL;
	aichat_model *model = NULL;
	char *name = NULL;

	refuse_model("nowhere/none", AICHAT_EMODEL);
	refuse_model("openai/gpt-fake", AICHAT_EKEY);
	refuse_model("azure/deployment", AICHAT_ECONFIG);

	aichat_options *options = bag("model", "nowhere/none", NULL);
	expect(aichat_open(options, &ai, &error), 0);
	ck_assert_int_eq(aichat_model_at(ai, 100000, &model), AICHAT_ENOTFOUND);
	expect(aichat_model_find(ai, "nowhere/none", &model, &error), AICHAT_EMODEL);
	expect(aichat_model_choose(ai, &name, &error), AICHAT_EMODEL);
	aichat_options_free(options);
	aichat_close(ai);
}
END_TEST

/* A letter more than the limit; one less is taken elsewhere. */
START_TEST(too_large)
{
	aichat *ai = open_ai("memory:", "tools/1/n/1");
	char *text = malloc((size_t)TEXT_MAX + 1);
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;
	aichat_json *doc = NULL;
	struct heard heard = { 0 };
	char user_id[40];

	memset(text, 'x', (size_t)TEXT_MAX + 1);
	aichat_conversation *conv = answered(ai, user_id);
	ck_assert_int_eq(
		aichat_message_new(AICHAT_ROLE_USER, text, TEXT_MAX + 1, &message),
		AICHAT_ETOOLARGE);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, text, TEXT_MAX, &message),
			 0);
	expect(aichat_complete(ai, &message, 1, text, TEXT_MAX + 1, NULL, &reply, &error),
	       AICHAT_ETOOLARGE);
	expect(aichat_conversation_set_tools(conv, text, TEXT_MAX + 1, &error),
	       AICHAT_ETOOLARGE);
	expect(aichat_conversation_edit(conv, user_id, text, TEXT_MAX + 1, NULL, &reply,
					&error),
	       AICHAT_ETOOLARGE);
	expect(aichat_json_parse(text, TEXT_MAX, &doc, &error), AICHAT_ETOOLARGE);

	expect(aichat_conversation_set_tools(conv, TOOLS, -1, &error), 0);
	reply = send_text(conv, "Use it.", NULL);
	while (!heard.calls)
		hear_until(reply, &heard, AICHAT_EVENT_MESSAGE);
	expect(aichat_reply_tool_result(reply, heard.call_ids[0], text, TEXT_MAX + 1, 0,
					&error),
	       AICHAT_ETOOLARGE);
	heard_done(&heard);
	free(text);
	aichat_reply_unref(reply);
	aichat_message_unref(message);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(not_utf8)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect(aichat_complete(ai, &message, 1, "[\"\xff\"]", -1, NULL, &reply, &error),
	       AICHAT_EUTF8);
	expect(aichat_conversation_set_tools(conv, "[\"\xff\"]", -1, &error),
	       AICHAT_EUTF8);
	aichat_message_unref(message);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(json)
{
	aichat_json *doc = NULL;
	size_t at = 0;

	expect(aichat_json_parse_limited(NULL, 0, 0, 0, 0, &at, &doc, &error),
	       AICHAT_EINVAL);
	expect(aichat_json_parse_limited("[1,]", -1, 0, 0, 0, &at, &doc, &error),
	       AICHAT_EJSON);
	ck_assert_uint_eq(at, 3);
	expect(aichat_json_parse_limited("[\"\xff\"]", -1, 0, 0, 0, &at, &doc, &error),
	       AICHAT_EUTF8);
	ck_assert_uint_eq(at, 2);
	ck_assert_ptr_null(doc);

	aichat_json_writer *writer = aichat_json_writer_new(0);
	aichat_json_writer_begin_array(writer);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_ESTATE);
	aichat_json_writer_reset(writer);
	aichat_json_writer_string(writer, "x", -2);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_EINVAL);
	aichat_json_writer_reset(writer);
	aichat_json_writer_raw(writer, "[1,]", -1);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_EJSON);
	aichat_json_writer_reset(writer);
	aichat_json_writer_raw(writer, "\"\xff\"", -1);
	ck_assert_int_eq(aichat_json_writer_finish(writer, NULL, NULL), AICHAT_EUTF8);
	aichat_json_writer_unref(writer);
}
END_TEST

/* No descriptor is left, for the engine or for a cursor. */
START_TEST(no_descriptor)
{
	const char *store = support_path("limit.db");
	aichat *ai = open_ai(store, "n/1");
	struct heard heard = { 0 };
	struct rlimit before, none;
	char user_id[40], id[40];
	int fd = -1;

	aichat_conversation *conv = answered(ai, user_id);
	snprintf(id, sizeof(id), "%s", aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	aichat_close(ai);

	/* A context that has not asked yet, but has read. */
	ai = open_ai(store, "n/1");
	conv = open_conversation(ai, id);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_refused(ai, conv, user_id, NULL, AICHAT_ELIMIT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);

	aichat_reply *reply = send_text(conv, "Now.", NULL);
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect(aichat_reply_fd(reply, &fd, &error), AICHAT_ELIMIT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* A cursor on a reply that waits for tool results when the context is closed. */
START_TEST(closed_while_waiting)
{
	aichat *ai = open_ai(support_path("waiting.db"), "tools/1/n/1");
	aichat_conversation *conv = new_conversation(ai, NULL);
	const aichat_event *event = NULL;
	int rc;

	expect(aichat_conversation_set_tools(conv, TOOLS, -1, &error), 0);
	aichat_reply *reply = send_text(conv, "Use it.", NULL);
	do
		ck_assert_int_eq(aichat_reply_next(reply, STEP_MS, &event), 1);
	while (aichat_event_type(event) != AICHAT_EVENT_MESSAGE ||
	       aichat_message_role(aichat_event_message(event)) != AICHAT_ROLE_ASSISTANT);
	aichat_conversation_unref(conv);
	aichat_close(ai);
	while ((rc = aichat_reply_next(reply, STEP_MS, &event)) == 1)
		;
	ck_assert_int_eq(rc, AICHAT_ECLOSED);
	ck_assert_int_eq(aichat_reply_next(reply, -1, &event), AICHAT_ECLOSED);
	aichat_reply_unref(reply);
}
END_TEST

SUITE("errors_calls", models, too_large, not_utf8, json, no_descriptor,
      closed_while_waiting)
