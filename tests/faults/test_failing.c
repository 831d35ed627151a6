/*
 * The n-th allocation fails, or the n-th file operation, once or from then on, until a
 * scenario ends without one that failed. Whatever fails: nothing crashes or hangs, the
 * code says so, the store holds afterwards, and no reply stays running.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "seeds.h"
#include "suite.h"

#define TOOLS "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]"
/* Points of one scenario in one mode, evenly spread when it has more. */
#define POINTS_MAX 80

/* An ending of any kind, within the time. */
static void take_all(aichat_reply *reply)
{
	const aichat_event *event = NULL;
	int rc;

	while ((rc = aichat_reply_next(reply, STEP_MS, &event)) == 1)
		;
	ck_assert_int_ne(rc, AICHAT_EAGAIN);
	if (rc < 0)
		ck_assert_str_ne(aichat_error_name(rc), "UNKNOWN");
}

/* What a call may say when it fails, which is always allowed. */
static bool fine(int rc, aichat_error *error)
{
	ck_assert_int_le(rc, 1);
	/* Memory may be out for the line, too. */
	if (rc < 0 && error && aichat_error_code(error) != AICHAT_ENOMEM)
		ck_assert_int_eq(aichat_error_code(error), rc);
	aichat_error_unref(error);
	return rc >= 0;
}

#define FINE(call)                                                                       \
	__extension__({                                                                  \
		aichat_error *error = NULL;                                              \
		int rc_ = (call);                                                        \
		fine(rc_, error);                                                        \
	})

static void ask(aichat *ai, aichat_conversation *conv)
{
	aichat_reply *reply = NULL;

	(void)ai;
	if (FINE(aichat_conversation_send(conv, "A question.", -1, NULL, &reply, &error)))
		take_all(reply);
	aichat_reply_unref(reply);
}

static void ask_stateless(aichat *ai, aichat_conversation *conv)
{
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;

	(void)conv;
	if (aichat_message_new(AICHAT_ROLE_USER, "Once.", -1, &message) == 0 &&
	    FINE(aichat_complete(ai, &message, 1, NULL, 0, NULL, &reply, &error)))
		take_all(reply);
	aichat_message_unref(message);
	aichat_reply_unref(reply);
}

/* Until the calls are there, or the end; then an answer. */
static void use_tools(aichat *ai, aichat_conversation *conv)
{
	const aichat_event *event = NULL;
	aichat_reply *reply = NULL;
	char id[64] = "";

	(void)ai;
	if (!FINE(aichat_conversation_set_tools(conv, TOOLS, -1, &error)) ||
	    !FINE(aichat_conversation_send(conv, "Use it.", -1, NULL, &reply, &error)))
		return;
	while (!*id && aichat_reply_next(reply, STEP_MS, &event) == 1) {
		const aichat_message *message = aichat_event_message(event);
		if (aichat_event_type(event) == AICHAT_EVENT_MESSAGE &&
		    aichat_message_part_count(message))
			snprintf(id, sizeof(id), "%s",
				 aichat_message_part_id(message, 0));
	}
	for (int tries = 0; *id && tries < 3; tries++)
		if (FINE(aichat_reply_tool_result(reply, id, "result", -1, 0, &error))) {
			take_all(reply);
			break;
		}
	if (FINE(aichat_reply_cancel(reply, &error)) && *id)
		take_all(reply);
	aichat_reply_unref(reply);
}

static void look(aichat *ai, aichat_conversation *conv)
{
	aichat_list *list = NULL;
	aichat_messages *messages = NULL;
	aichat_reply *reply = NULL;
	aichat_conversation *same = NULL;
	char *head = NULL;

	FINE(aichat_conversation_list(ai, NULL, 10, &list, &error));
	FINE(aichat_conversation_path(conv, 0, &messages, &error));
	aichat_messages_unref(messages);
	messages = NULL;
	FINE(aichat_conversation_children(conv, NULL, &messages, &error));
	if (FINE(aichat_conversation_head(conv, &head, &error)) &&
	    FINE(aichat_reply_open(ai, head, 0, &reply, &error)))
		take_all(reply);
	FINE(aichat_conversation_open(ai, aichat_conversation_id(conv), &same, &error));
	FINE(aichat_conversation_set_title(conv, "a title", &error));
	FINE(aichat_conversation_set_title(conv, NULL, &error));
	FINE(aichat_verify(ai, &error));
	aichat_free(head);
	aichat_list_unref(list);
	aichat_messages_unref(messages);
	aichat_reply_unref(reply);
	aichat_conversation_unref(same);
}

static void edit_and_retry(aichat *ai, aichat_conversation *conv)
{
	aichat_messages *first = NULL;
	aichat_reply *reply = NULL;

	(void)ai;
	if (!FINE(aichat_conversation_children(conv, NULL, &first, &error)))
		return;
	const char *id = aichat_message_id(aichat_messages_at(first, 0));
	if (FINE(aichat_conversation_edit(conv, id, "Differently.", -1, NULL, &reply,
					  &error)))
		take_all(reply);
	reply = aichat_reply_unref(reply);
	if (FINE(aichat_conversation_retry(conv, id, NULL, &reply, &error)))
		take_all(reply);
	aichat_reply_unref(reply);
	aichat_messages_unref(first);
}

/* What a program keeps beside the conversations. */
static void keep_accounts(aichat *ai, aichat_conversation *conv)
{
	aichat_record *user = NULL, *key = NULL, *read = NULL;
	aichat_records *list = NULL;
	char *text = NULL;

	(void)conv;
	if (FINE(aichat_record_new("user", NULL, &user, &error)) &&
	    FINE(aichat_record_set_name(user, "ann", &error)) &&
	    FINE(aichat_record_set_json(user, "{\"role\":\"user\"}", -1, &error)) &&
	    FINE(aichat_record_add(ai, user, &error)) &&
	    FINE(aichat_record_new("key", NULL, &key, &error)) &&
	    FINE(aichat_record_set_parent(key, "user", aichat_record_id(user), &error)) &&
	    FINE(aichat_record_set_idempotency(key, "once", "d", &error)))
		FINE(aichat_record_add(ai, key, &error));
	if (FINE(aichat_idempotency_find(ai, "once", "d", &text, &error)))
		text = aichat_free(text);
	if (FINE(aichat_record_find(ai, "user", "ann", &read, &error)))
		FINE(aichat_record_save(ai, read, &error));
	FINE(aichat_record_list(ai, "key", NULL, NULL, NULL, 10, &list, &error));
	FINE(aichat_audit_add(ai, "ann", "login", "it", "{\"a\":1}", -1, &error));
	if (FINE(aichat_audit_list(ai, NULL, 10, &text, NULL, &error)))
		text = aichat_free(text);
	if (FINE(aichat_audit_verify(ai, NULL, &text, &error)))
		text = aichat_free(text);
	FINE(aichat_usage_add(ai, "{\"key\":\"k\",\"input_tokens\":1}", -1, &error));
	if (FINE(aichat_usage_sum(ai, 0, INT64_MAX, &text, NULL, &error)))
		text = aichat_free(text);
	if (user)
		FINE(aichat_record_delete(ai, "user", aichat_record_id(user), &error));
	FINE(aichat_owner_delete(ai, "nobody", &error));
	aichat_records_free(list);
	aichat_record_free(read);
	aichat_record_free(key);
	aichat_record_free(user);
}

/* ---- the loop ---- */

typedef void scenario(aichat *ai, aichat_conversation *conv);

enum hook {
	MEMORY,
	FILES,
};

static void arm(enum hook hook, uint64_t n, bool persistent)
{
	if (hook == MEMORY)
		aic_mem_fail_at(n, persistent);
	else
		aic_file_fail_at(n, persistent, n % 2 ? EIO : ENOSPC);
}

static uint64_t passed(enum hook hook)
{
	return hook == MEMORY ? aic_mem_count() : aic_file_count();
}

/* Everything holds, and every reply of the conversation is over or waits. */
static void check_store(const char *store, const char *id, const char *what, uint64_t n)
{
	aichat *ai = open_ai(store, "n/1");
	aichat_messages *path = NULL;
	aichat_error *why = NULL;

	ck_assert_msg(aichat_verify(ai, &why) == 0, "%s %lu: %s", what, (unsigned long)n,
		      aichat_error_message(why));
	aichat_conversation *conv = open_conversation(ai, id);
	expect(aichat_conversation_path(conv, 0, &path, &why), 0);
	ck_assert_uint_ge(aichat_messages_count(path), 2);
	for (size_t i = 0; i < aichat_messages_count(path); i++)
		if (aichat_message_state(aichat_messages_at(path, i)) ==
		    AICHAT_MESSAGE_OPEN)
			ck_abort_msg("%s %lu: message %zu is open", what,
				     (unsigned long)n, i);
	aichat_messages_unref(path);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}

/* One run with the n-th failing; how many operations there were. */
static uint64_t run_once(scenario *run, enum hook hook, const char *elements,
			 const char *what, uint64_t n, bool persistent)
{
	const char *store = support_path("torture.db");
	aichat_options *echo = bag("model", "echo", NULL);
	aichat *ai = open_ai(store, elements, "max_retries", "0");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	char id[40];

	snprintf(id, sizeof(id), "%s", aichat_conversation_id(conv));
	hear_done(send_text(conv, "Before.", echo), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	arm(hook, n, persistent);
	run(ai, conv);
	uint64_t count = passed(hook);
	arm(hook, 0, false);
	/* Whatever it was, it is over: the next send works. */
	hear_done(complete_text(ai, "After.", echo), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
	aichat_options_free(echo);
	check_store(store, id, what, n);
	return count;
}

static void torture(scenario *run, enum hook hook, const char *elements, const char *what)
{
	uint64_t total = run_once(run, hook, elements, what, 0, false);
	uint64_t step = total / seeds(POINTS_MAX) + 1;

	ck_assert_uint_gt(total, 0);
	for (int persistent = 0; persistent < 2; persistent++)
		for (uint64_t n = 1 + (uint64_t)persistent; n <= total + 1; n += step)
			run_once(run, hook, elements, what, n, persistent);
}

START_TEST(memory_of_ask)
{
	torture(ask, MEMORY, "n/5", "ask");
}
END_TEST

START_TEST(memory_of_ask_stateless)
{
	torture(ask_stateless, MEMORY, "n/5", "ask_stateless");
}
END_TEST

START_TEST(memory_of_tools)
{
	torture(use_tools, MEMORY, "tools/1/n/3", "use_tools");
}
END_TEST

START_TEST(memory_of_look)
{
	torture(look, MEMORY, "n/5", "look");
}
END_TEST

START_TEST(memory_of_edit)
{
	torture(edit_and_retry, MEMORY, "n/5", "edit_and_retry");
}
END_TEST

START_TEST(memory_of_accounts)
{
	torture(keep_accounts, MEMORY, "n/5", "keep_accounts");
}
END_TEST

START_TEST(files_of_accounts)
{
	torture(keep_accounts, FILES, "n/5", "keep_accounts");
}
END_TEST

START_TEST(files_of_ask)
{
	torture(ask, FILES, "n/5", "ask");
}
END_TEST

START_TEST(files_of_tools)
{
	torture(use_tools, FILES, "tools/1/n/3", "use_tools");
}
END_TEST

START_TEST(files_of_look)
{
	torture(look, FILES, "n/5", "look");
}
END_TEST

/* Opening fails cleanly, and works when the failure is gone. */
START_TEST(opening)
{
	for (int hook = MEMORY; hook <= FILES; hook++)
		for (int persistent = 0; persistent < 2; persistent++) {
			aichat_options *options = options_for(support_path("open.db"),
							      "n/1", NULL);
			int rc = AICHAT_ENOMEM;
			for (uint64_t n = 1; rc < 0; n += stride() + n / 40) {
				aichat *ai = NULL;
				aichat_error *error = NULL;
				ck_assert_uint_lt(n, 100000);
				arm((enum hook)hook, n, persistent);
				rc = aichat_open(options, &ai, &error);
				uint64_t count = passed((enum hook)hook);
				arm((enum hook)hook, 0, false);
				if (rc < 0) {
					ck_assert_ptr_null(ai);
					ck_assert_int_eq(aichat_error_code(error), rc);
				} else if (count >= n) {
					rc = -1; /* it did without */
				}
				aichat_error_unref(error);
				if (ai)
					verify(ai);
				aichat_close(ai);
			}
			aichat_options_free(options);
		}
}
END_TEST

/* A log that was dropped: the reply is told by a snapshot. */
START_TEST(snapshot)
{
	aichat *ai = open_ai(support_path("snapshot.db"), "n/20");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard first = { 0 }, heard = { 0 };

	hear_done(send_text(conv, "Long ago.", NULL), &first, AICHAT_REPLY_COMPLETE);
	aic_clock_set_unix_ms(aic_clock_unix_ms() + 11 * 60 * 1000);
	for (int i = 0; i < 3; i++) {
		heard_done(&heard);
		hear_done(send_text(conv, "Now.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	}
	aic_clock_set_unix_ms(0);
	for (uint64_t after = 0; after < first.last_seq; after++) {
		heard_done(&heard);
		heard.last_seq = after;
		hear_done(open_reply(ai, first.reply_id, after), &heard,
			  AICHAT_REPLY_COMPLETE);
		ck_assert_uint_eq(heard.last_seq, first.last_seq);
		ck_assert_uint_eq(heard.count[AICHAT_EVENT_SNAPSHOT],
				  after + 1 < first.last_seq);
		char *text = text_of(heard.message);
		ck_assert_str_eq(text, first.text);
		aichat_free(text);
	}
	verify(ai);
	heard_done(&first);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* Each fault point fails once: the error is told, the store holds. */
START_TEST(points)
{
	static const char *const faults[] = {
		"turn.begin:fail@1",          "turn.seal:fail@1",
		"store.before_begin:fail@1",  "store.before_begin:fail@2",
		"store.before_commit:fail@1", "store.before_commit:fail@2",
		"store.before_commit:fail@3",
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		aichat *ai = open_ai(support_path("points.db"), "n/5/rate/50");
		aichat_conversation *conv = new_conversation(ai, NULL);
		struct heard heard = { 0 };
		aic_fault_set(faults[i]);
		aichat_reply *reply = send_text(conv, "Fail.", NULL);
		hear(reply, &heard);
		aic_fault_set("");
		ck_assert_msg(heard.terminal == AICHAT_EVENT_ERROR, "%s", faults[i]);
		ck_assert_int_eq(heard.code, AICHAT_ESTORE);
		verify(ai);
		heard_done(&heard);
		/* The reply is over in the store, too, if it began there. */
		aichat_reply *again = NULL;
		if (aichat_reply_open(ai, aichat_reply_id(reply), 0, &again, NULL) == 0)
			hear_done(again, &heard, AICHAT_REPLY_INTERRUPTED);
		heard_done(&heard);
		aichat_reply_unref(reply);
		hear_done(send_text(conv, "Again.", NULL), &heard, AICHAT_REPLY_COMPLETE);
		heard_done(&heard);
		aichat_conversation_unref(conv);
		verify(ai);
		aichat_close(ai);
	}
}
END_TEST

SUITE("failing", snapshot, points, opening, memory_of_ask, memory_of_ask_stateless,
      memory_of_tools, memory_of_look, memory_of_edit, files_of_ask, files_of_tools,
      files_of_look, memory_of_accounts, files_of_accounts)
