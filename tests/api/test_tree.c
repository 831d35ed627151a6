/*
 * The tree: edits, retries, branches, heads, titles, lists, and what goes with delete.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define NO_ID "0197a000-0000-7000-8000-000000000000"

static void say(aichat_conversation *conv, const char *text, struct heard *heard)
{
	heard_done(heard);
	hear_done(send_text(conv, text, NULL), heard, AICHAT_REPLY_COMPLETE);
}

static size_t path_length(aichat_conversation *conv, size_t limit)
{
	aichat_messages *path = NULL;

	expect(aichat_conversation_path(conv, limit, &path, &error), 0);
	size_t count = aichat_messages_count(path);
	ck_assert_ptr_null(aichat_messages_at(path, count));
	aichat_messages_unref(path);
	return count;
}

static size_t child_count(aichat_conversation *conv, const char *id)
{
	aichat_messages *children = NULL;

	expect(aichat_conversation_children(conv, id, &children, &error), 0);
	size_t count = aichat_messages_count(children);
	aichat_messages_unref(children);
	return count;
}

static void check_head(aichat_conversation *conv, const char *id)
{
	char *head = NULL;

	expect(aichat_conversation_head(conv, &head, &error), 0);
	ck_assert_str_eq(head, id);
	aichat_free(head);
}

START_TEST(edit_and_retry)
{
	aichat *ai = open_ai(support_path("tree.db"), "echo");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard first = { 0 }, second = { 0 }, heard = { 0 };
	aichat_reply *reply = NULL;

	check_head(conv, "");
	ck_assert_uint_eq(path_length(conv, 0), 0);
	ck_assert_uint_eq(child_count(conv, NULL), 0);
	expect(aichat_conversation_retry(conv, NULL, NULL, &reply, &error),
	       AICHAT_ESTATE);
	say(conv, "one", &first);
	say(conv, "two", &second);
	check_head(conv, second.message_id);
	ck_assert_uint_eq(path_length(conv, 0), 4);
	ck_assert_uint_eq(path_length(conv, 3), 3);
	ck_assert_uint_eq(path_length(conv, 100), 4);

	/* The second question, said differently: beside it, with an answer of its own. */
	expect(aichat_conversation_edit(conv, second.user_id, "two, better", -1, NULL,
					&reply, &error),
	       0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "two, better");
	check_head(conv, heard.message_id);
	ck_assert_uint_eq(child_count(conv, first.message_id), 2);
	ck_assert_uint_eq(path_length(conv, 0), 4);
	/* Of the first question, too, which has no parent. */
	heard_done(&heard);
	expect(aichat_conversation_edit(conv, first.user_id, "one, better", -1, NULL,
					&reply, &error),
	       0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(child_count(conv, NULL), 2);
	ck_assert_uint_eq(path_length(conv, 0), 2);
	/* An answer again, by question, by answer, by head. */
	heard_done(&heard);
	expect(aichat_conversation_retry(conv, second.user_id, NULL, &reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	expect(aichat_conversation_retry(conv, second.message_id, NULL, &reply, &error),
	       0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	expect(aichat_conversation_retry(conv, NULL, NULL, &reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "two");
	ck_assert_uint_eq(child_count(conv, second.user_id), 4);

	expect(aichat_conversation_edit(conv, second.message_id, "x", -1, NULL, &reply,
					&error),
	       AICHAT_ESTATE);
	expect(aichat_conversation_edit(conv, NO_ID, "x", -1, NULL, &reply, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_edit(conv, "x", "x", -1, NULL, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_edit(conv, second.user_id, "", -1, NULL, &reply,
					&error),
	       AICHAT_EINVAL);
	expect(aichat_conversation_edit(conv, second.user_id, "\xff", -1, NULL, &reply,
					&error),
	       AICHAT_EUTF8);
	expect(aichat_conversation_retry(conv, NO_ID, NULL, &reply, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_retry(conv, "x", NULL, &reply, &error), AICHAT_EINVAL);
	verify(ai);
	heard_done(&first);
	heard_done(&second);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(heads)
{
	aichat *ai = open_ai(support_path("heads.db"), "echo");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_conversation *other = new_conversation(ai, NULL);
	struct heard first = { 0 }, second = { 0 }, heard = { 0 };

	say(conv, "one", &first);
	say(conv, "two", &second);
	expect(aichat_conversation_set_head(conv, first.message_id, &error), 0);
	check_head(conv, first.message_id);
	say(conv, "another two", &heard);
	ck_assert_uint_eq(path_length(conv, 0), 4);
	ck_assert_uint_eq(child_count(conv, first.message_id), 2);
	expect(aichat_conversation_set_head(conv, NULL, &error), 0);
	check_head(conv, "");
	ck_assert_uint_eq(path_length(conv, 0), 0);
	say(conv, "another one", &heard);
	ck_assert_uint_eq(child_count(conv, NULL), 2);
	ck_assert_uint_eq(path_length(conv, 0), 2);

	/* Opened by a message, the handle has it as head; the conversation keeps its. */
	aichat_conversation *here = open_conversation(ai, second.message_id);
	check_head(here, second.message_id);
	ck_assert_str_eq(aichat_conversation_id(here), aichat_conversation_id(conv));
	aichat_conversation *there = open_conversation(ai, aichat_conversation_id(conv));
	check_head(there, heard.message_id);

	expect(aichat_conversation_set_head(conv, NO_ID, &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_set_head(conv, "nonsense", &error), AICHAT_EINVAL);
	expect(aichat_conversation_set_head(other, first.message_id, &error),
	       AICHAT_ENOTFOUND);
	aichat_messages *children = NULL;
	expect(aichat_conversation_children(conv, "nonsense", &children, &error),
	       AICHAT_EINVAL);
	verify(ai);
	heard_done(&first);
	heard_done(&second);
	heard_done(&heard);
	aichat_conversation_unref(here);
	aichat_conversation_unref(there);
	aichat_conversation_unref(other);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* Who sends while an answer is being written continues where it began. */
START_TEST(send_while_a_reply_runs)
{
	aichat *ai = open_ai(support_path("siblings.db"), "n/100/rate/40");
	aichat_options *echo = bag("model", "echo", NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard first = { 0 }, running = { 0 }, heard = { 0 };

	hear_done(send_text(conv, "first", echo), &first, AICHAT_REPLY_COMPLETE);
	aichat_reply *slow = send_text(conv, "slow", NULL);
	hear_until(slow, &running, AICHAT_EVENT_TEXT);
	hear_done(send_text(conv, "meanwhile", echo), &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(child_count(conv, first.message_id), 2);
	ck_assert_uint_eq(path_length(conv, 0), 4);
	hear_done(slow, &running, AICHAT_REPLY_COMPLETE);
	check_head(conv, heard.message_id);
	verify(ai);

	/* The very first message of a conversation, too. */
	aichat_conversation *fresh = new_conversation(ai, NULL);
	aichat_reply *one = send_text(fresh, "one", NULL);
	aichat_reply *two = send_text(fresh, "two", NULL);
	heard_done(&heard);
	hear_done(one, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	hear_done(two, &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(child_count(fresh, NULL), 2);
	verify(ai);
	heard_done(&first);
	heard_done(&running);
	heard_done(&heard);
	aichat_options_free(echo);
	aichat_conversation_unref(fresh);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(titles)
{
	aichat *ai = open_ai(support_path("titles.db"), "echo");
	aichat_options *prompted = bag("system", "Be kind.", NULL);
	aichat_conversation *conv = new_conversation(ai, prompted);
	aichat_list *list = NULL;
	struct heard heard = { 0 };
	char title[1000];

	expect(aichat_conversation_set_title(conv, "too early", &error),
	       AICHAT_ENOTFOUND);
	say(conv, "  The first\n words of it  ", &heard);
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_str_eq(aichat_list_title(list, 0), "The first words of it");
	aichat_list_unref(list);
	expect(aichat_conversation_set_title(conv, "\xc3\x84 title", &error), 0);
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_str_eq(aichat_list_title(list, 0), "\xc3\x84 title");
	aichat_list_unref(list);
	expect(aichat_conversation_set_title(conv, NULL, &error), 0);
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_str_eq(aichat_list_title(list, 0), "The first words of it");
	aichat_list_unref(list);

	for (size_t i = 0; i < 201; i++)
		memcpy(title + 2 * i, "\xc3\xa4", 2);
	title[402] = '\0';
	expect(aichat_conversation_set_title(conv, title, &error), AICHAT_ETOOLARGE);
	title[400] = '\0';
	expect(aichat_conversation_set_title(conv, title, &error), 0);
	expect(aichat_conversation_set_title(conv, "\xff", &error), AICHAT_EUTF8);
	heard_done(&heard);
	aichat_options_free(prompted);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(lists)
{
	aichat *ai = open_ai("memory:", "echo");
	aichat_list *list = NULL;
	char ids[25][40];
	char cursor[128] = "";
	size_t seen = 0;

	for (size_t i = 0; i < 25; i++) {
		aichat_conversation *conv = new_conversation(ai, NULL);
		struct heard heard = { 0 };
		say(conv, "listed", &heard);
		snprintf(ids[i], sizeof(ids[i]), "%s", aichat_conversation_id(conv));
		heard_done(&heard);
		aichat_conversation_unref(conv);
	}
	do {
		expect(aichat_conversation_list(ai, *cursor ? cursor : NULL, 10, &list,
						&error),
		       0);
		ck_assert_uint_eq(aichat_list_count(list), seen < 20 ? 10 : 5);
		for (size_t i = 0; i < aichat_list_count(list); i++, seen++) {
			ck_assert_str_eq(aichat_list_title(list, i), "listed");
			ck_assert_int_gt(aichat_list_updated_unix_ms(list, i), 0);
			for (size_t k = 0; k < 25; k++)
				if (strcmp(ids[k], aichat_list_id(list, i)) == 0)
					ids[k][0] = '\0';
		}
		ck_assert_ptr_null(aichat_list_id(list, aichat_list_count(list)));
		ck_assert_int_eq(
			aichat_list_updated_unix_ms(list, aichat_list_count(list)), 0);
		const char *next = aichat_list_cursor(list);
		snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		aichat_list_unref(list);
	} while (*cursor);
	ck_assert_uint_eq(seen, 25);
	for (size_t k = 0; k < 25; k++)
		ck_assert_str_eq(ids[k], "");
	list = NULL;
	expect(aichat_conversation_list(ai, NULL, 0, &list, &error), AICHAT_EINVAL);
	expect(aichat_conversation_list(ai, NULL, 1001, &list, &error), AICHAT_EINVAL);
	expect(aichat_conversation_list(ai, "nonsense", 1, &list, &error), AICHAT_EINVAL);
	expect(aichat_conversation_list(ai, "12-x", 1, &list, &error), AICHAT_EINVAL);
	expect(aichat_conversation_list(NULL, NULL, 1, &list, &error), AICHAT_EINVAL);
	ck_assert_ptr_null(list);
	aichat_close(ai);
}
END_TEST

START_TEST(delete)
{
	aichat *ai = open_ai(support_path("delete.db"), "n/1000/rate/100");
	aichat_options *echo = bag("model", "echo", NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_conversation *found = NULL;
	struct heard heard = { 0 };

	expect(aichat_conversation_delete(conv, &error), AICHAT_ENOTFOUND);
	hear_done(send_text(conv, "to go", echo), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	aichat_reply *reply = send_text(conv, "running", NULL);
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	expect(aichat_conversation_delete(conv, &error), AICHAT_ESTATE);
	expect(aichat_reply_cancel(reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_STOPPED);
	expect(aichat_conversation_delete(conv, &error), 0);
	expect(aichat_conversation_delete(conv, &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_open(ai, aichat_conversation_id(conv), &found, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_open(ai, heard.message_id, &found, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_reply_open(ai, heard.reply_id, 0, &reply, &error),
	       AICHAT_ENOTFOUND);
	verify(ai);
	heard_done(&heard);
	aichat_options_free(echo);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(opening)
{
	aichat *ai = open_ai("memory:", "echo");
	aichat_conversation *convs[2], *found = NULL;
	struct heard heard = { 0 };
	char prefix[40];
	size_t same = 0;

	for (size_t i = 0; i < 2; i++) {
		convs[i] = new_conversation(ai, NULL);
		say(convs[i], "x", &heard);
	}
	while (aichat_conversation_id(convs[0])[same] ==
	       aichat_conversation_id(convs[1])[same])
		same++;
	snprintf(prefix, sizeof(prefix), "%.*s", (int)same + 1,
		 aichat_conversation_id(convs[1]));
	found = open_conversation(ai, prefix);
	ck_assert_str_eq(aichat_conversation_id(found), aichat_conversation_id(convs[1]));
	aichat_conversation_unref(found);
	prefix[same] = '\0';
	expect(aichat_conversation_open(ai, prefix, &found, &error), AICHAT_EEXIST);
	expect(aichat_conversation_open(ai, "zz", &found, &error), AICHAT_EINVAL);
	expect(aichat_conversation_open(ai, "", &found, &error), AICHAT_EINVAL);
	expect(aichat_conversation_open(ai, NULL, &found, &error), AICHAT_EINVAL);
	expect(aichat_conversation_open(ai, NO_ID, &found, &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_open(ai, "ffff", &found, &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_open(NULL, "ffff", &found, &error), AICHAT_EINVAL);
	ck_assert_ptr_eq(aichat_conversation_ref(convs[0]), convs[0]);
	ck_assert_ptr_null(aichat_conversation_unref(convs[0]));
	ck_assert_ptr_null(aichat_conversation_ref(NULL));
	aichat_options *context = bag("store", "memory:", NULL);
	expect(aichat_conversation_new(ai, context, &found, &error), AICHAT_EINVAL);
	expect(aichat_conversation_new(NULL, NULL, &found, &error), AICHAT_EINVAL);
	aichat_options_free(context);
	heard_done(&heard);
	aichat_conversation_unref(convs[0]);
	aichat_conversation_unref(convs[1]);
	aichat_close(ai);
}
END_TEST

/* Settings belong to the conversation and are there when it is opened again. */
START_TEST(settings)
{
	aichat *ai = open_ai(support_path("settings.db"), "echo/request/lenient");
	aichat_options *options = bag("temperature", "0.125", "system", "Be short.",
				      NULL);
	aichat_conversation *conv = new_conversation(ai, options);
	struct heard heard = { 0 };
	char id[40];

	say(conv, "x", &heard);
	snprintf(id, sizeof(id), "%s", aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	aichat_close(ai);
	ai = open_ai(support_path("settings.db"), "echo/request/lenient");
	conv = open_conversation(ai, id);
	say(conv, "y", &heard);
	ck_assert_ptr_nonnull(strstr(heard.text, "\"temperature\":0.125}"));
	ck_assert_ptr_nonnull(strstr(heard.text, "Be short."));
	heard_done(&heard);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

SUITE("tree", edit_and_retry, heads, send_while_a_reply_runs, titles, lists, delete,
      opening, settings)
