/*
 * Conversations that are written empty, changed and read as JSON; messages by id and in
 * pages; erasing; a reply's state, and waking who waits for it.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define NO_ID "0197a000-0000-7000-8000-000000000000"

static char *conversation_json(aichat_conversation *conv, int64_t *ret_version)
{
	char *json = NULL;
	size_t len = 0;

	expect(aichat_conversation_to_json(conv, &json, &len, ret_version, &error), 0);
	ck_assert_uint_eq(strlen(json), len);
	return json;
}

/* The JSON has this text in it, or has it not. */
static void check_json(aichat_conversation *conv, const char *text, bool there)
{
	char *json = conversation_json(conv, NULL);

	ck_assert_msg(!strstr(json, text) == !there, "%s: %s", text, json);
	aichat_free(json);
}

static void change(aichat_conversation *conv, const char *json, int wanted)
{
	expect(aichat_conversation_change(conv, json, -1, 0, &error), wanted);
}

START_TEST(an_empty_conversation_is_written)
{
	aichat *ai = open_ai(support_path("store"), "echo");
	aichat_options *options = bag("system", "Be brief.", NULL);
	aichat_conversation *conv = new_conversation(ai, options), *again;
	struct heard heard = { 0 };
	aichat_messages *path = NULL;
	int64_t version = 0;
	char *json = NULL;

	expect(aichat_conversation_to_json(conv, &json, NULL, NULL, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_save(conv, &error), 0);
	json = conversation_json(conv, &version);
	ck_assert_int_eq(version, 1);
	ck_assert_ptr_null(strstr(json, "\"title\""));
	ck_assert_ptr_null(strstr(json, "\"head\""));
	ck_assert_ptr_nonnull(strstr(
		json, "\"settings\":{\"options\":{\"system\":\"Be brief.\"}},\"tags\":[],"
		      "\"pinned\":false,\"archived\":false,\"version\":1,"));
	aichat_free(json);

	/* From its first message on it is as if it had not been written before. */
	again = open_conversation(ai, aichat_conversation_id(conv));
	hear_done(send_text(again, "Why is it so?", NULL), &heard, AICHAT_REPLY_COMPLETE);
	expect(aichat_conversation_path(again, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 3);
	check_message(path, 0, AICHAT_ROLE_SYSTEM, "Be brief.");
	check_message(path, 1, AICHAT_ROLE_USER, "Why is it so?");
	check_json(conv, "\"title\":\"Why is it so?\"", true);
	check_json(conv, heard.message_id, true);
	aichat_messages_unref(path);
	/* Saving what is there already changes its settings only. */
	expect(aichat_conversation_set_tools(conv, "[{\"name\":\"f\"}]", -1, &error), 0);
	expect(aichat_conversation_save(conv, &error), 0);
	check_json(conv, "\"tools\":[{\"name\":\"f\"}]", true);
	check_json(conv, heard.message_id, true);
	heard_done(&heard);
	expect(aichat_conversation_delete(conv, &error), 0);
	expect(aichat_conversation_save(conv, &error), AICHAT_ENOTFOUND);
	aichat_conversation_unref(conv);
	aichat_conversation_unref(again);
	aichat_options_free(options);
	verify(ai);
	aichat_close(ai);
}
END_TEST

START_TEST(a_change_is_all_or_nothing)
{
	aichat *ai = open_ai(support_path("store"), "echo");
	aichat_conversation *conv = new_conversation(ai, NULL);
	int64_t version = 0;

	change(conv,
	       "{\"title\":\"T\",\"tags\":[\"b\",\"a\",\"b\"],\"pinned\":true,"
	       "\"settings\":{\"options\":{\"temperature\":0.5,\"model\":\"echo/echo\"},"
	       "\"tools\":[{\"name\":\"f\"}]}}",
	       0);
	check_json(conv, "\"title\":\"T\"", true);
	check_json(conv, "\"tags\":[\"b\",\"a\"],\"pinned\":true,\"archived\":false",
		   true);
	change(conv,
	       "{\"settings\":{\"options\":{\"temperature\":null,\"seed\":7},"
	       "\"tools\":null},\"archived\":true,\"title\":null,\"tags\":[]}",
	       0);
	check_json(conv, "\"options\":{\"model\":\"echo/echo\",\"seed\":\"7\"}}", true);
	check_json(conv, "\"title\"", false);
	aichat_free(conversation_json(conv, &version));
	ck_assert_int_eq(version, 2);

	static const struct {
		const char *json;
		int code;
	} wrong[] = {
		{ "", AICHAT_EJSON },
		{ "[]", AICHAT_EINVAL },
		{ "{\"title\":1}", AICHAT_EINVAL },
		{ "{\"title\":\"a\\u0000b\"}", AICHAT_EINVAL },
		{ "{\"tags\":\"x\"}", AICHAT_EINVAL },
		{ "{\"tags\":[\"\"]}", AICHAT_EINVAL },
		{ "{\"tags\":[\"x\",1]}", AICHAT_EINVAL },
		{ "{\"head\":\"x\"}", AICHAT_EINVAL },
		{ "{\"head\":\"" NO_ID "\"}", AICHAT_ENOTFOUND },
		{ "{\"pinned\":null}", AICHAT_EINVAL },
		{ "{\"archived\":\"true\"}", AICHAT_EINVAL },
		{ "{\"settings\":[]}", AICHAT_EINVAL },
		{ "{\"settings\":{\"x\":1}}", AICHAT_EINVAL },
		{ "{\"settings\":{\"options\":[]}}", AICHAT_EINVAL },
		{ "{\"settings\":{\"options\":{\"nonsense\":1}}}", AICHAT_EINVAL },
		{ "{\"settings\":{\"options\":{\"store\":\"x\"}}}", AICHAT_EINVAL },
		{ "{\"settings\":{\"options\":{\"seed\":-1}}}", AICHAT_EINVAL },
		{ "{\"settings\":{\"tools\":[{}]}}", AICHAT_EINVAL },
		{ "{\"owner\":\"mallory\"}", AICHAT_EINVAL },
		{ "{\"title\":\"kept out\",\"pinned\":7}", AICHAT_EINVAL },
		{ "{\"title\":\"\xff\"}", AICHAT_EUTF8 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		change(conv, wrong[i].json, wrong[i].code);
	expect(aichat_conversation_change(conv, NULL, 0, 0, &error), AICHAT_EINVAL);
	char long_title[256];
	snprintf(long_title, sizeof(long_title), "{\"title\":\"%0201d\"}", 0);
	change(conv, long_title, AICHAT_ETOOLARGE);
	expect(aichat_conversation_change(conv, "{}", -1, 1, &error), AICHAT_ESTALE);
	check_json(conv, "kept out", false);
	aichat_free(conversation_json(conv, &version));
	ck_assert_int_eq(version, 2);
	expect(aichat_conversation_change(conv, "{\"pinned\":false}", -1, 2, &error), 0);
	aichat_conversation_unref(conv);
	/* A version that a new one cannot have. */
	conv = new_conversation(ai, NULL);
	expect(aichat_conversation_change(conv, "{}", -1, 1, &error), AICHAT_ENOTFOUND);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

START_TEST(lists_are_filtered)
{
	aichat *ai = open_ai(support_path("store"), "echo"), *bob = NULL;
	aichat_list *list = NULL;
	char *json = NULL;

	expect(aichat_for_owner(ai, "bob", &bob, &error), 0);
	static const char *const changes[] = {
		"{\"title\":\"Roses\",\"tags\":[\"garden\"]}",
		"{\"title\":\"Weeds\",\"tags\":[\"garden\",\"work\"]}",
		"{\"title\":\"More roses\",\"archived\":true}",
	};
	for (int i = 0; i < 3; i++) {
		aichat_conversation *conv = new_conversation(ai, NULL);
		change(conv, changes[i], 0);
		aichat_conversation_unref(conv);
	}
	static const struct {
		int archived;
		const char *tag, *text;
		size_t count;
	} cases[] = {
		{ 0, NULL, NULL, 2 },     { 1, NULL, NULL, 1 },
		{ 0, "garden", NULL, 2 }, { 0, "work", NULL, 1 },
		{ 1, "work", NULL, 0 },   { 0, NULL, "ROSE", 1 },
		{ 0, "work", "rose", 0 }, { 1, NULL, "rose", 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(aichat_conversation_list_filtered(ai, cases[i].archived,
							 cases[i].tag, cases[i].text,
							 NULL, 10, &list, &error),
		       0);
		ck_assert_uint_eq(aichat_list_count(list), cases[i].count);
		aichat_list_unref(list);
		expect(aichat_conversation_list_filtered(bob, cases[i].archived,
							 cases[i].tag, cases[i].text,
							 NULL, 10, &list, &error),
		       0);
		ck_assert_uint_eq(aichat_list_count(list), 0);
		aichat_list_unref(list);
	}
	expect(aichat_conversation_list_filtered(ai, 0, "\xff", NULL, NULL, 10, &list,
						 &error),
	       AICHAT_EUTF8);
	expect(aichat_conversation_list_filtered(ai, 0, NULL, "\xff", NULL, 10, &list,
						 &error),
	       AICHAT_EUTF8);
	/* A page's cursor goes on under the same filter. */
	expect(aichat_conversation_list_filtered(ai, 0, "garden", NULL, NULL, 1, &list,
						 &error),
	       0);
	ck_assert_int_eq(aichat_list_to_json(list, 0, &json, NULL), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"title\":\"Weeds\""));
	ck_assert_ptr_nonnull(strstr(json, "\"tags\":[\"garden\",\"work\"]"));
	aichat_free(json);
	ck_assert_int_eq(aichat_list_to_json(list, 1, &json, NULL), AICHAT_EINVAL);
	aichat_list *next = NULL;
	expect(aichat_conversation_list_filtered(
		       ai, 0, "garden", NULL, aichat_list_cursor(list), 1, &next, &error),
	       0);
	ck_assert_str_eq(aichat_list_title(next, 0), "Roses");
	ck_assert_ptr_null(aichat_list_cursor(next));
	aichat_list_unref(list);
	aichat_list_unref(next);
	aichat_close(bob);
	aichat_close(ai);
}
END_TEST

/* ---- messages --------------------------------------------------------------------- */

static aichat_reply *send_after(aichat_conversation *conv, const char *parent,
				const char *text, int64_t version)
{
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, text, -1, &message), 0);
	expect(aichat_conversation_send_after(conv, parent, message, version, NULL,
					      &reply, &error),
	       0);
	aichat_message_unref(message);
	return reply;
}

START_TEST(a_message_goes_where_it_is_sent)
{
	aichat *ai = open_ai(support_path("store"), "echo");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard first = { 0 }, heard = { 0 };
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;
	int64_t version = 0;

	hear_done(send_after(conv, NULL, "one", 0), &first, AICHAT_REPLY_COMPLETE);
	hear_done(send_after(conv, NULL, "two", 0), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	/* Beside "two"; behind the question, not its answer; and beside "one". */
	const char *const parents[] = { first.message_id, first.user_id, "" };
	for (int i = 0; i < 3; i++) {
		hear_done(send_after(conv, parents[i], "other", 0), &heard,
			  AICHAT_REPLY_COMPLETE);
		expect(aichat_conversation_message(conv, heard.user_id, &message, &error),
		       0);
		ck_assert_str_eq(aichat_message_parent_id(message), parents[i]);
		aichat_message_unref(message);
		heard_done(&heard);
	}
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect(aichat_conversation_send_after(conv, NO_ID, message, 0, NULL, &reply,
					      &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_send_after(conv, "x", message, 0, NULL, &reply,
					      &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_send_after(conv, NULL, message, -1, NULL, &reply,
					      &error),
	       AICHAT_EINVAL);
	aichat_message_unref(message);

	/* Of two who saw the same version one is refused, and the tree is as it was. */
	aichat_free(conversation_json(conv, &version));
	hear_done(send_after(conv, NULL, "mine", version), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	hear_done(send_after(conv, NULL, "late", version), &heard, AICHAT_REPLY_FAILED);
	ck_assert_int_eq(heard.code, AICHAT_ESTALE);
	ck_assert_uint_eq(heard.events, 1);
	check_json(conv, first.message_id, false);
	heard_done(&heard);
	heard_done(&first);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

static void check_wrong_pages(aichat_conversation *conv, const char *foreign_id)
{
	aichat_messages *page = NULL;
	aichat_message *message = NULL;

	static const size_t limits[] = { 0, 1001 };
	for (int i = 0; i < 2; i++) {
		expect(aichat_conversation_tree(conv, NULL, limits[i], &page, &error),
		       AICHAT_EINVAL);
		expect(aichat_conversation_path_page(conv, NULL, limits[i], &page,
						     &error),
		       AICHAT_EINVAL);
	}
	const char *const strange[] = { foreign_id, NO_ID };
	for (int i = 0; i < 2; i++) {
		expect(aichat_conversation_tree(conv, strange[i], 3, &page, &error),
		       AICHAT_ENOTFOUND);
		expect(aichat_conversation_path_page(conv, strange[i], 3, &page, &error),
		       AICHAT_ENOTFOUND);
		expect(aichat_conversation_message(conv, strange[i], &message, &error),
		       AICHAT_ENOTFOUND);
	}
	expect(aichat_conversation_tree(conv, "x", 3, &page, &error), AICHAT_EINVAL);
	expect(aichat_conversation_path_page(conv, "x", 3, &page, &error), AICHAT_EINVAL);
	expect(aichat_conversation_message(conv, "x", &message, &error), AICHAT_EINVAL);
}

START_TEST(messages_are_read_in_pages)
{
	aichat *ai = open_ai(support_path("store"), "echo");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_conversation *other = new_conversation(ai, NULL);
	struct heard heard = { 0 }, foreign = { 0 };
	aichat_messages *page = NULL, *all = NULL;
	char cursor[40] = "";

	expect(aichat_conversation_tree(conv, NULL, 10, &page, &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_path_page(conv, NULL, 10, &page, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(page), 0);
	aichat_messages_unref(page);
	for (int i = 0; i < 4; i++) {
		heard_done(&heard);
		hear_done(send_text(conv, "hi", NULL), &heard, AICHAT_REPLY_COMPLETE);
	}
	hear_done(send_text(other, "hi", NULL), &foreign, AICHAT_REPLY_COMPLETE);
	expect(aichat_conversation_path(conv, 0, &all, &error), 0);
	ck_assert_ptr_null(aichat_messages_cursor(all));

	size_t count = aichat_messages_count(all), at = 0;
	ck_assert_uint_eq(count, 8);
	/* There is one branch: the tree is the path, read from the other end. */
	do {
		expect(aichat_conversation_tree(conv, *cursor ? cursor : NULL, 3, &page,
						&error),
		       0);
		for (size_t i = 0; i < aichat_messages_count(page); i++)
			ck_assert_str_eq(
				aichat_message_id(aichat_messages_at(page, i)),
				aichat_message_id(aichat_messages_at(all, at++)));
		const char *next = aichat_messages_cursor(page);
		snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		aichat_messages_unref(page);
	} while (*cursor);
	ck_assert_uint_eq(at, count);
	do {
		expect(aichat_conversation_path_page(conv, *cursor ? cursor : NULL, 3,
						     &page, &error),
		       0);
		at -= aichat_messages_count(page);
		for (size_t i = 0; i < aichat_messages_count(page); i++)
			ck_assert_str_eq(
				aichat_message_id(aichat_messages_at(page, i)),
				aichat_message_id(aichat_messages_at(all, at + i)));
		const char *next = aichat_messages_cursor(page);
		snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		aichat_messages_unref(page);
	} while (*cursor);
	ck_assert_uint_eq(at, 0);
	aichat_messages_unref(all);

	check_wrong_pages(conv, foreign.message_id);
	heard_done(&heard);
	heard_done(&foreign);
	aichat_conversation_unref(conv);
	aichat_conversation_unref(other);
	aichat_close(ai);
}
END_TEST

/* Whether the bytes stand in any file of the test's store. */
static bool files_have(const char *text)
{
	static const char *const names[] = { "store", "store-wal", "store-lock" };
	static char data[1 << 20];
	bool found = false;

	for (int i = 0; i < 3; i++) {
		FILE *file = fopen(support_path(names[i]), "r");
		size_t len = file ? fread(data, 1, sizeof(data), file) : 0;
		ck_assert_uint_lt(len, sizeof(data));
		found = found || memmem(data, len, text, strlen(text));
		if (file)
			fclose(file);
	}
	return found;
}

START_TEST(what_is_erased_is_nowhere)
{
	aichat *ai = open_ai(support_path("store"), "echo");
	aichat_options *options = bag("system", "covert orders", NULL);
	aichat_conversation *conv = new_conversation(ai, options);
	struct heard heard = { 0 }, again = { 0 };
	aichat_messages *path = NULL;

	hear_done(send_text(conv, "xyzzy xyzzy", NULL), &heard, AICHAT_REPLY_COMPLETE);
	ck_assert(files_have("xyzzy") && files_have("covert orders"));
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	for (size_t i = 0; i < 3; i++) {
		const char *id = aichat_message_id(aichat_messages_at(path, i));
		expect(aichat_conversation_erase(conv, id, &error), 0);
	}
	aichat_messages_unref(path);
	ck_assert(!files_have("xyzzy"));
	ck_assert(!files_have("covert orders"));
	check_json(conv, "\"title\"", false);
	/* The skeleton holds the tree together, and says nothing to a model. */
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 3);
	ck_assert_int_eq(aichat_message_state(aichat_messages_at(path, 1)),
			 AICHAT_MESSAGE_ERASED);
	aichat_messages_unref(path);
	hear_done(open_reply(ai, heard.reply_id, 0), &again, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(again.count[AICHAT_EVENT_SNAPSHOT], 1);
	ck_assert_str_eq(again.text ? again.text : "", "");
	heard_done(&again);
	hear_done(send_text(conv, "on we go", NULL), &again, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(again.text, "on we go");
	expect(aichat_conversation_erase(conv, NO_ID, &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_erase(conv, "x", &error), AICHAT_EINVAL);
	heard_done(&heard);
	heard_done(&again);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

START_TEST(a_message_that_is_written_is_not_erased)
{
	aichat *ai = open_ai(support_path("store"), "n/1000/stall/2000");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "hi", NULL);

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	expect(aichat_conversation_erase(conv, heard.message_id, &error), AICHAT_ESTATE);
	expect(aichat_reply_cancel(reply, &error), 0);
	hear(reply, &heard);
	expect(aichat_conversation_erase(conv, heard.message_id, &error), 0);
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

/* ---- replies ---------------------------------------------------------------------- */

static void check_reply(aichat_reply *reply, const char *key, const char *wanted)
{
	char *json = NULL;

	expect(aichat_reply_to_json(reply, &json, NULL, &error), 0);
	char *value = json_member(json, key, NULL);
	ck_assert_msg(value && strcmp(value, wanted) == 0, "%s: %s", key, json);
	free(value);
	aichat_free(json);
}

START_TEST(a_reply_tells_its_state)
{
	aichat *ai = open_ai(support_path("store"), "n/1000/stall/2000");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "hi", NULL), *other;
	char *json = NULL;

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	check_reply(reply, "state", "running");
	check_reply(reply, "id", heard.reply_id);
	check_reply(reply, "conversation_id", heard.conversation_id);
	check_reply(reply, "user_message_id", heard.user_id);
	check_reply(reply, "message_id", heard.message_id);
	check_reply(reply, "model", "openai/gpt-fake");
	expect(aichat_reply_cancel(reply, &error), 0);
	hear(reply, &heard);
	check_reply(reply, "state", "stopped");
	expect(aichat_reply_to_json(reply, &json, NULL, &error), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"ended_at\""));
	ck_assert_ptr_nonnull(strstr(json, "\"rounds\":1"));
	aichat_free(json);
	expect(aichat_conversation_delete(conv, &error), 0);
	expect(aichat_reply_to_json(reply, &json, NULL, &error), AICHAT_ENOTFOUND);
	other = complete_text(ai, "hi", NULL);
	expect(aichat_reply_to_json(other, &json, NULL, &error), AICHAT_ESTATE);
	aichat_reply_unref(other);
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(a_failed_reply_tells_why)
{
	aichat *ai = open_ai(support_path("store"), "status/400");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "hi", NULL);
	char *json = NULL;

	hear(reply, &heard);
	check_reply(reply, "state", "failed");
	expect(aichat_reply_to_json(reply, &json, NULL, &error), 0);
	char *message = json_member(json, "error", "message", NULL);
	ck_assert_ptr_nonnull(message);
	ck_assert_str_eq(message, heard.line);
	free(message);
	aichat_free(json);
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

static void *wake_later(void *reply)
{
	sleep_ms(50);
	aichat_reply_wake(reply);
	return NULL;
}

START_TEST(who_waits_is_woken)
{
	aichat *ai = open_ai(support_path("store"), "n/1000/stall/2000");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 }, all = { 0 };
	aichat_reply *reply = send_text(conv, "hi", NULL);
	const aichat_event *event = NULL;
	pthread_t thread;

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	while (aichat_reply_next(reply, 200, &event) == 1)
		heard.last_seq = aichat_event_seq(event);
	ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, reply), 0);
	ck_assert_int_eq(aichat_reply_next(reply, -1, &event), AICHAT_EAGAIN);
	pthread_join(thread, NULL);
	/* Before it waits; once; and events go first. */
	aichat_reply_wake(reply);
	ck_assert_int_eq(aichat_reply_next(reply, -1, &event), AICHAT_EAGAIN);
	expect(aichat_reply_cancel(reply, &error), 0);
	aichat_reply *second = open_reply(ai, aichat_reply_id(reply), 0);
	hear(reply, &heard);
	aichat_reply_wake(second);
	hear(second, &all);
	heard_done(&all);
	ck_assert_int_eq(aichat_reply_next(second, -1, &event), 0);
	aichat_reply_wake(NULL);
	aichat_reply_unref(second);
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

SUITE("change", an_empty_conversation_is_written, a_change_is_all_or_nothing,
      lists_are_filtered, a_message_goes_where_it_is_sent, messages_are_read_in_pages,
      what_is_erased_is_nowhere, a_message_that_is_written_is_not_erased,
      a_reply_tells_its_state, a_failed_reply_tells_why, who_waits_is_woken)
