/*
 * Tool calls: asked for as events, answered in any order and by any process, until the
 * model has what it wants.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_as_other(int argc, char **argv);
#define SUITE_MAIN(argc, argv) run_as_other(argc, argv)
#include "suite.h"

#define TOOLS                                                                            \
	"[{\"name\":\"weather\",\"description\":\"the "                                  \
	"weather\",\"parameters\":{\"type\":"                                            \
	"\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":"       \
	"[\"city\"],\"additionalProperties\":false}},"                                   \
	"{\"name\":\"time\",\"description\":\"the time\",\"parameters\":{\"type\":"      \
	"\"object\",\"properties\":{},\"additionalProperties\":false}}]"

static char **other_args;

static const char *const models[] = { "openai/gpt-fake", "anthropic/claude-fake" };

static void set_tools(aichat_conversation *conv, const char *tools)
{
	expect(aichat_conversation_set_tools(conv, tools, -1, &error), 0);
}

static void answer(aichat_reply *reply, const char *call_id, const char *text)
{
	expect(aichat_reply_tool_result(reply, call_id, text, -1, 0, &error), 0);
}

/* Up to the message that asks for this many results. */
static void hear_calls(aichat_reply *reply, struct heard *heard, size_t calls)
{
	do
		hear_until(reply, heard, AICHAT_EVENT_MESSAGE);
	while (aichat_message_role(heard->message) != AICHAT_ROLE_ASSISTANT);
	ck_assert_uint_eq(heard->calls, calls);
	ck_assert_int_eq(aichat_message_stop_reason(heard->message),
			 AICHAT_STOP_TOOL_CALLS);
	ck_assert_int_eq(aichat_message_state(heard->message), AICHAT_MESSAGE_SEALED);
}

static void one_call(const char *store, const char *model)
{
	aichat *ai = open_ai(store, "tools/1/n/3", "model", model);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	set_tools(conv, TOOLS);
	aichat_reply *reply = send_text(conv, "How is the weather?", NULL);
	hear_calls(reply, &heard, 1);
	ck_assert_str_eq(heard.call_names[0], "weather");
	char *city = json_member(heard.arguments, "city", NULL);
	ck_assert_ptr_nonnull(city);
	free(city);
	const aichat_event *event = NULL;
	ck_assert_int_eq(aichat_reply_next(reply, 0, &event), AICHAT_EAGAIN);

	expect(aichat_reply_tool_result(reply, "no-such-call", "?", -1, 0, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_reply_tool_result(reply, heard.call_ids[0], "a\xff", -1, 0, &error),
	       AICHAT_EUTF8);
	expect(aichat_reply_tool_result(reply, NULL, "?", -1, 0, &error), AICHAT_EINVAL);
	expect(aichat_reply_tool_result(NULL, "x", "?", -1, 0, &error), AICHAT_EINVAL);
	answer(reply, heard.call_ids[0], "sunny");
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "tok0 tok1 tok2 ");
	expect(aichat_reply_tool_result(reply, heard.call_ids[0], "late", -1, 0, &error),
	       AICHAT_ESTATE);
	aichat_reply_unref(reply);

	/* The conversation goes on behind the last message of the reply. */
	aichat_messages *path = NULL;
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 4);
	ck_assert_int_eq(aichat_message_role(aichat_messages_at(path, 2)),
			 AICHAT_ROLE_TOOL);
	ck_assert_str_eq(aichat_message_part_text(aichat_messages_at(path, 2), 0, NULL),
			 "sunny");
	check_message(path, 3, AICHAT_ROLE_ASSISTANT, "tok0 tok1 tok2 ");
	aichat_messages_unref(path);
	set_tools(conv, NULL);
	heard_done(&heard);
	hear_done(send_text(conv, "Thanks.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 6);
	aichat_messages_unref(path);
	verify(ai);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}

START_TEST(one)
{
	for (size_t m = 0; m < 2; m++)
		one_call("memory:", models[m]);
}
END_TEST

START_TEST(one_stored)
{
	for (size_t m = 0; m < 2; m++)
		one_call(support_path("tools.db"), models[m]);
}
END_TEST

/* What is being called is known while the arguments come. */
START_TEST(call_events)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "tools/1/n/3", "model", models[m]);
		aichat_conversation *conv = new_conversation(ai, NULL);
		const aichat_event *event = NULL;
		char name[32] = "", id[64] = "", question[40] = "";
		int64_t read = -1;

		set_tools(conv, TOOLS);
		aichat_reply *reply = send_text(conv, "How is the weather?", NULL);
		do {
			ck_assert_int_eq(aichat_reply_next(reply, -1, &event), 1);
			int type = aichat_event_type(event);
			if (type == AICHAT_EVENT_START) {
				snprintf(question, sizeof(question), "%s",
					 aichat_event_user_message_id(event));
				ck_assert_ptr_null(aichat_event_part_id(event));
				ck_assert_ptr_null(aichat_event_part_name(event));
			} else if (type == AICHAT_EVENT_PART_START) {
				snprintf(name, sizeof(name), "%s",
					 aichat_event_part_name(event));
				snprintf(id, sizeof(id), "%s",
					 aichat_event_part_id(event));
			}
			if (type == AICHAT_EVENT_USAGE)
				read = aichat_event_usage(event, AICHAT_USAGE_INPUT);
			else
				ck_assert_int_eq(
					aichat_event_usage(event, AICHAT_USAGE_INPUT),
					-1);
		} while (aichat_event_type(event) != AICHAT_EVENT_MESSAGE);
		ck_assert_str_eq(aichat_event_user_message_id(event), "");
		ck_assert_str_eq(name, "weather");
		aichat_message *message = aichat_event_message(event);
		ck_assert_str_eq(id, aichat_message_part_id(message, 0));
		ck_assert_str_eq(question, aichat_message_parent_id(message));
		ck_assert_int_gt(read, 0);
		ck_assert_int_eq(read, aichat_message_usage(message, AICHAT_USAGE_INPUT));
		aichat_reply_unref(reply);
		aichat_conversation_unref(conv);
		aichat_close(ai);
	}
	ck_assert_ptr_null(aichat_event_part_id(NULL));
	ck_assert_ptr_null(aichat_event_part_name(NULL));
	ck_assert_int_eq(aichat_event_usage(NULL, AICHAT_USAGE_INPUT), -1);
	ck_assert_str_eq(aichat_event_user_message_id(NULL), "");
}
END_TEST

/* Three calls; each waits for its own answer, the second in two tries. */
START_TEST(parallel)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "tools/3/n/2", "model", models[m]);
		aichat_conversation *conv = new_conversation(ai, NULL);
		const aichat_event *event = NULL;
		struct heard heard = { 0 };

		set_tools(conv, TOOLS);
		aichat_reply *reply = send_text(conv, "All of it!", NULL);
		hear_calls(reply, &heard, 3);
		answer(reply, heard.call_ids[2], "third");
		answer(reply, heard.call_ids[0], "first");
		expect(aichat_reply_tool_result(reply, heard.call_ids[0], "again", -1, 0,
						&error),
		       AICHAT_EEXIST);
		ck_assert_int_eq(aichat_reply_next(reply, 0, &event), AICHAT_EAGAIN);
		expect(aichat_reply_tool_result(reply, heard.call_ids[1], "broken", -1, 1,
						&error),
		       0);
		hear(reply, &heard);
		ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
		ck_assert_str_eq(heard.text, "tok0 tok1 ");
		aichat_reply_unref(reply);
		verify(ai);
		heard_done(&heard);
		aichat_conversation_unref(conv);
		aichat_close(ai);
	}
}
END_TEST

START_TEST(not_waiting)
{
	aichat *ai = open_ai("memory:", "n/100/rate/50");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "No tools.", NULL);
	aichat_reply *loose = complete_text(ai, "None either.", NULL);

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	expect(aichat_reply_tool_result(reply, "call", "?", -1, 0, &error),
	       AICHAT_ESTATE);
	expect(aichat_reply_tool_result(loose, "call", "?", -1, 0, &error),
	       AICHAT_ESTATE);
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_reply_unref(loose);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(round_limit)
{
	aichat *ai = open_ai("memory:", "tools/1/rounds/9");
	aichat_options *two = bag("max_tool_rounds", "2", NULL);
	aichat_options *none = bag("max_tool_rounds", "0", NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	set_tools(conv, TOOLS);
	aichat_reply *reply = send_text(conv, "Again and again.", two);
	for (int round = 0; round < 2; round++) {
		hear_calls(reply, &heard, 1);
		answer(reply, heard.call_ids[0], "more");
	}
	hear_done(reply, &heard, AICHAT_REPLY_FAILED);
	ck_assert_int_eq(heard.code, AICHAT_ELIMIT);
	ck_assert_ptr_nonnull(strstr(heard.line, "max_tool_rounds"));
	heard_done(&heard);
	hear_done(send_text(conv, "Not once.", none), &heard, AICHAT_REPLY_FAILED);
	ck_assert_int_eq(heard.code, AICHAT_ELIMIT);
	heard_done(&heard);
	verify(ai);
	aichat_options_free(two);
	aichat_options_free(none);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(stateless)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "tools/2/n/3", "model", models[m]);
		aichat_message *message = NULL;
		aichat_reply *reply = NULL;
		struct heard heard = { 0 };

		ck_assert_int_eq(
			aichat_message_new(AICHAT_ROLE_USER, "Do.", -1, &message), 0);
		expect(aichat_complete(ai, &message, 1, TOOLS, -1, NULL, &reply, &error),
		       0);
		hear_calls(reply, &heard, 2);
		expect(aichat_reply_tool_result(reply, "nobody", "?", -1, 0, &error),
		       AICHAT_ENOTFOUND);
		answer(reply, heard.call_ids[1], "second");
		expect(aichat_reply_tool_result(reply, heard.call_ids[1], "?", -1, 0,
						&error),
		       AICHAT_EEXIST);
		answer(reply, heard.call_ids[0], "first");
		hear(reply, &heard);
		ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
		ck_assert_str_eq(heard.text, "tok0 tok1 tok2 ");
		expect(aichat_reply_tool_result(reply, heard.call_ids[1], "?", -1, 0,
						&error),
		       AICHAT_ESTATE);
		aichat_reply_unref(reply);

		/* Given back, cancelled or closed while it waits. */
		for (int how = 0; how < 3; how++) {
			heard_done(&heard);
			expect(aichat_complete(ai, &message, 1, TOOLS, -1, NULL, &reply,
					       &error),
			       0);
			hear_calls(reply, &heard, 2);
			answer(reply, heard.call_ids[0], "first");
			if (how == 0) {
				aichat_reply_unref(reply);
			} else if (how == 1) {
				expect(aichat_reply_cancel(reply, &error), 0);
				hear_done(reply, &heard, AICHAT_REPLY_STOPPED);
			} else {
				ai = aichat_close(ai);
				hear(reply, &heard);
				ck_assert_int_eq(heard.result, AICHAT_ECLOSED);
				aichat_reply_unref(reply);
			}
		}
		heard_done(&heard);
		aichat_message_unref(message);
	}
}
END_TEST

START_TEST(cancel_while_waiting)
{
	aichat *ai = open_ai(support_path("wait.db"), "tools/2/n/3");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_messages *children = NULL;
	struct heard heard = { 0 };

	set_tools(conv, TOOLS);
	aichat_reply *reply = send_text(conv, "Wait.", NULL);
	hear_calls(reply, &heard, 2);
	answer(reply, heard.call_ids[1], "half");
	expect(aichat_reply_cancel(reply, &error), 0);
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_STOPPED);
	ck_assert_int_eq(aichat_message_role(heard.message), AICHAT_ROLE_ASSISTANT);
	expect(aichat_reply_tool_result(reply, heard.call_ids[0], "late", -1, 0, &error),
	       AICHAT_ESTATE);
	expect(aichat_reply_cancel(reply, &error), 0);
	aichat_reply_unref(reply);
	verify(ai);

	/* A sibling of the reply works, and what follows the stopped one, too. */
	aichat_options *plain = bag("tool_choice", "none", NULL);
	char *id = strdup(heard.user_id);
	heard_done(&heard);
	hear_done(send_text(conv, "Go on.", plain), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	expect(aichat_conversation_retry(conv, id, plain, &reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	expect(aichat_conversation_children(conv, id, &children, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(children), 2);
	aichat_messages_unref(children);
	verify(ai);
	free(id);
	aichat_options_free(plain);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* The process that asked is gone; another one answers and takes the reply up. */
START_TEST(other_process_answers)
{
	const char *store = support_path("other.db");
	int status;

	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		execl(program_invocation_name, "api_tools", "ask", store, support_llm.url,
		      (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);

	aichat *ai = open_ai(store, "tools/2/n/4");
	aichat_list *list = NULL;
	char *head = NULL;
	struct heard heard = { 0 };
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 1);
	aichat_conversation *conv = open_conversation(ai, aichat_list_id(list, 0));
	expect(aichat_conversation_head(conv, &head, &error), 0);
	aichat_reply *reply = open_reply(ai, head, 0);
	hear_calls(reply, &heard, 2);
	/* The first process answered one of the two. */
	expect(aichat_reply_tool_result(reply, heard.call_ids[0], "?", -1, 0, &error),
	       AICHAT_EEXIST);
	answer(reply, heard.call_ids[1], "second");
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "tok0 tok1 tok2 tok3 ");
	aichat_reply_unref(reply);

	aichat_messages *path = NULL;
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 4);
	ck_assert_uint_eq(aichat_message_part_count(aichat_messages_at(path, 2)), 2);
	aichat_messages_unref(path);
	verify(ai);
	heard_done(&heard);
	aichat_free(head);
	aichat_list_unref(list);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* As the other process: ask, answer one of two calls, end. */
START_TEST(ask_and_leave)
{
	struct heard heard = { 0 };
	aichat *ai = open_ai(other_args[2], "tools/2/n/4");
	aichat_conversation *conv = new_conversation(ai, NULL);

	set_tools(conv, TOOLS);
	aichat_reply *reply = send_text(conv, "Who answers?", NULL);
	hear_calls(reply, &heard, 2);
	answer(reply, heard.call_ids[0], "first");
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

static void run_as_other(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[1], "ask") != 0)
		return;
	other_args = argv;
	snprintf(support_llm.url, sizeof(support_llm.url), "%s", argv[3]);
	support_run_other(ask_and_leave);
}

/* A call in arrears is answered before the next question goes out. */
START_TEST(question_instead_of_results)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "tools/1/n/3", "model", models[m]);
		aichat_conversation *conv = new_conversation(ai, NULL);
		aichat_options *plain = bag("tool_choice", "none", NULL);
		struct heard heard = { 0 };

		set_tools(conv, TOOLS);
		aichat_reply *reply = send_text(conv, "Use it.", NULL);
		hear_calls(reply, &heard, 1);
		heard_done(&heard);
		hear_done(send_text(conv, "Never mind.", plain), &heard,
			  AICHAT_REPLY_COMPLETE);
		ck_assert_str_eq(heard.text, "tok0 tok1 tok2 ");
		aichat_reply_unref(reply);
		verify(ai);
		heard_done(&heard);
		aichat_options_free(plain);
		aichat_conversation_unref(conv);
		aichat_close(ai);
	}
}
END_TEST

START_TEST(wrong_tools)
{
	aichat *ai = open_ai("memory:", "gen");
	aichat_conversation *conv = new_conversation(ai, NULL);

	expect(aichat_conversation_set_tools(conv, "[", -1, &error), AICHAT_EJSON);
	expect(aichat_conversation_set_tools(conv, "{}", -1, &error), AICHAT_EINVAL);
	expect(aichat_conversation_set_tools(conv, "[{\"name\":\"a\"},{\"name\":\"a\"}]",
					     -1, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_set_tools(NULL, "[]", -1, &error), AICHAT_EINVAL);
	expect(aichat_conversation_set_tools(conv, "[]", -1, &error), 0);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* Tools belong to the conversation: opened again, it has them. */
START_TEST(stored_with_the_conversation)
{
	aichat *ai = open_ai(support_path("kept.db"), "tools/1/n/2");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	set_tools(conv, TOOLS);
	aichat_reply *reply = send_text(conv, "First.", NULL);
	hear_calls(reply, &heard, 1);
	answer(reply, heard.call_ids[0], "x");
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	char *id = strdup(aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	aichat_close(ai);

	ai = open_ai(support_path("kept.db"), "tools/1/n/2");
	conv = open_conversation(ai, id);
	reply = send_text(conv, "Second.", NULL);
	hear_calls(reply, &heard, 1);
	answer(reply, heard.call_ids[0], "y");
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	verify(ai);
	aichat_conversation_unref(conv);
	aichat_close(ai);
	free(id);
}
END_TEST

SUITE("tools", one, one_stored, call_events, parallel, not_waiting, round_limit,
      stateless, cancel_while_waiting, other_process_answers, question_instead_of_results,
      wrong_tools, stored_with_the_conversation)
