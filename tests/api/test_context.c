/*
 * The context: what opening reads, whose conversations a view sees, and what calls say
 * after close and after fork().
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* Nothing of the user's is read: the folders do not exist, the variables lie. */
START_TEST(open_null)
{
	aichat *ai = NULL;
	aichat_conversation *conv = NULL;
	aichat_list *list = NULL;
	struct heard heard = { 0 };

	setenv("HOME", "/nonexistent/home", 1);
	setenv("XDG_CONFIG_HOME", "/nonexistent/config", 1);
	setenv("XDG_DATA_HOME", "/nonexistent/data", 1);
	setenv("AICHAT_CONFIG", "/nonexistent/file", 1);
	setenv("AICHAT_STORE", "nonsense:", 1);
	setenv("AICHAT_MODEL", "nonsense", 1);
	setenv("OPENAI_API_KEY", "key-of-the-environment", 1);
	expect(aichat_open(NULL, &ai, &error), 0);
	expect(aichat_conversation_new(ai, NULL, &conv, &error), 0);
	aichat_options *keyed = bag("model", "openai/gpt-fake", NULL);
	aichat_reply *reply = NULL;
	expect(aichat_conversation_send(conv, "x", -1, keyed, &reply, &error),
	       AICHAT_EKEY);
	aichat_options *echo = bag("model", "echo", NULL);
	hear_done(send_text(conv, "Only you and me.", echo), &heard,
		  AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "Only you and me.");
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 1);
	verify(ai);
	aichat_list_unref(list);
	aichat_options_free(keyed);
	aichat_options_free(echo);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);

	/* It was kept in memory only. */
	expect(aichat_open(NULL, &ai, &error), 0);
	expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 0);
	aichat_list_unref(list);
	aichat_close(ai);
	ck_assert_ptr_null(aichat_close(NULL));
}
END_TEST

static void refuse(const char *name, const char *value, int code)
{
	aichat_options *options = bag(name, value, NULL);
	aichat *ai = NULL;

	expect(aichat_open(options, &ai, &error), code);
	ck_assert_ptr_null(ai);
	aichat_options_free(options);
}

START_TEST(open_errors)
{
	char path[512];

	refuse("store", "nonsense:x", AICHAT_EINVAL);
	refuse("store", "postgres-of-no-kind:x", AICHAT_EINVAL);
	refuse("provider.own.api_key", "x", AICHAT_ECONFIG);
	expect(aichat_open(NULL, NULL, &error), AICHAT_EINVAL);

	/* A file that is no store, and a folder where a file should be. */
	snprintf(path, sizeof(path), "%s", support_path("other"));
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("This is no database.\n", file);
	fclose(file);
	refuse("store", path, AICHAT_ESTORECORRUPT);
	refuse("store", support_path("."), AICHAT_EINVAL);
	refuse("store", "/proc/1/no-such-folder/store.db", AICHAT_ESTORE);
}
END_TEST

/* ---- owners ---- */

START_TEST(owner_names)
{
	aichat *ai = open_ai("memory:", "gen");
	aichat *anna = NULL;
	char long_name[140];

	memset(long_name, 'n', sizeof(long_name));
	long_name[129] = '\0';
	expect(aichat_for_owner(ai, "", &anna, &error), AICHAT_EINVAL);
	expect(aichat_for_owner(ai, NULL, &anna, &error), AICHAT_EINVAL);
	expect(aichat_for_owner(ai, "a\nb", &anna, &error), AICHAT_EINVAL);
	expect(aichat_for_owner(ai, "a\xff", &anna, &error), AICHAT_EINVAL);
	expect(aichat_for_owner(ai, long_name, &anna, &error), AICHAT_EINVAL);
	long_name[128] = '\0';
	expect(aichat_for_owner(ai, long_name, &anna, &error), 0);
	aichat_close(anna);
	aichat_close(ai);
}
END_TEST

START_TEST(owners)
{
	aichat *ai = open_ai(support_path("owners.db"), "tools/1/n/2");
	aichat *anna = NULL, *bert = NULL;
	aichat_list *list = NULL;
	aichat_reply *reply = NULL;
	aichat_messages *messages = NULL;
	aichat_conversation *found = NULL;
	struct heard heard = { 0 };

	expect(aichat_for_owner(ai, "anna", &anna, &error), 0);
	expect(aichat_for_owner(anna, "bert", &bert, &error), 0);

	aichat_conversation *conv = new_conversation(anna, NULL);
	hear_done(send_text(conv, "Mine.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	/* Hers, and of nobody else: not by any id, nor by a prefix. */
	aichat *const others[] = { ai, bert };
	aichat_conversation *own = new_conversation(bert, NULL);
	for (size_t i = 0; i < 2; i++) {
		char prefix[24];
		snprintf(prefix, sizeof(prefix), "%.23s", aichat_conversation_id(conv));
		expect(aichat_conversation_open(others[i], aichat_conversation_id(conv),
						&found, &error),
		       AICHAT_ENOTFOUND);
		expect(aichat_conversation_open(others[i], prefix, &found, &error),
		       AICHAT_ENOTFOUND);
		expect(aichat_conversation_open(others[i], heard.message_id, &found,
						&error),
		       AICHAT_ENOTFOUND);
		expect(aichat_reply_open(others[i], heard.reply_id, 0, &reply, &error),
		       AICHAT_ENOTFOUND);
		expect(aichat_reply_open(others[i], heard.message_id, 0, &reply, &error),
		       AICHAT_ENOTFOUND);
		expect(aichat_conversation_list(others[i], NULL, 10, &list, &error), 0);
		ck_assert_uint_eq(aichat_list_count(list), 0);
		aichat_list_unref(list);
	}
	expect(aichat_conversation_edit(own, heard.user_id, "x", -1, NULL, &reply,
					&error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_retry(own, heard.user_id, NULL, &reply, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_set_head(own, heard.user_id, &error),
	       AICHAT_ENOTFOUND);
	expect(aichat_conversation_children(own, heard.user_id, &messages, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(messages), 0);
	aichat_messages_unref(messages);
	expect(aichat_conversation_list(anna, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 1);
	aichat_list_unref(list);

	/* Views may go in any order; what was opened through them stays. */
	aichat_close(anna);
	heard_done(&heard);
	hear_done(send_text(conv, "Still mine.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	verify(ai);
	aichat_conversation_unref(own);
	aichat_close(ai);
	expect(aichat_conversation_send(conv, "x", -1, NULL, &reply, &error),
	       AICHAT_ECLOSED);
	expect(aichat_conversation_list(bert, NULL, 10, &list, &error), AICHAT_ECLOSED);
	aichat_conversation_unref(conv);
	aichat_close(bert);
}
END_TEST

/* ---- every call, with one code ---- */

struct everything {
	aichat *ai, *view;
	aichat_conversation *conv;
	aichat_reply *running;
	aichat_watch *watch;
	aichat_record *record;
	aichat_exchange *open, *asked;
	char user_id[40], reply_id[40];
};

static aichat_exchange *open_exchange(aichat *ai)
{
	static const char body[] = "{\"model\":\"openai/gpt-fake\",\"messages\":"
				   "[{\"role\":\"user\",\"content\":\"x\"}]}";
	aichat_exchange *exchange = NULL;

	expect(aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, "openai-chat", body,
				    strlen(body), &exchange, &error),
	       0);
	return exchange;
}

static void open_everything(struct everything *e, const char *store)
{
	struct heard heard = { 0 };

	e->ai = open_ai(store, "n/1000/rate/50");
	expect(aichat_for_owner(e->ai, "viewer", &e->view, &error), 0);
	e->conv = new_conversation(e->ai, NULL);
	aichat_options *echo = bag("model", "echo", NULL);
	hear_done(send_text(e->conv, "first", echo), &heard, AICHAT_REPLY_COMPLETE);
	snprintf(e->user_id, sizeof(e->user_id), "%s", heard.user_id);
	heard_done(&heard);
	e->running = send_text(e->conv, "second", NULL);
	hear_until(e->running, &heard, AICHAT_EVENT_TEXT);
	ck_assert_int_eq(aichat_watch_new(&e->watch), 0);
	expect(aichat_watch_add(e->watch, e->running, 1, &error), 0);
	snprintf(e->reply_id, sizeof(e->reply_id), "%s", heard.reply_id);
	heard_done(&heard);
	aichat_options_free(echo);
	expect(aichat_record_new("user", "anna", &e->record, &error), 0);
	e->open = open_exchange(e->ai);
	e->asked = open_exchange(e->ai);
	expect(aichat_exchange_start(e->asked, &error), 0);
}

static void drop_everything(struct everything *e)
{
	aichat_record_free(e->record);
	aichat_exchange_free(e->open);
	aichat_exchange_free(e->asked);
	aichat_watch_free(e->watch);
	aichat_reply_unref(e->running);
	aichat_conversation_unref(e->conv);
	aichat_close(e->view);
}

static void expect_account(struct everything *e, int code)
{
	aichat_record *record = NULL;
	aichat_records *records = NULL;
	char *json = NULL;

	expect(aichat_record_add(e->ai, e->record, &error), code);
	expect(aichat_record_save(e->ai, e->record, &error), code);
	expect(aichat_record_get(e->ai, "user", "anna", &record, &error), code);
	expect(aichat_record_find(e->ai, "user", "Anna", &record, &error), code);
	expect(aichat_record_delete(e->ai, "user", "anna", &error), code);
	expect(aichat_record_list(e->ai, "user", NULL, NULL, NULL, 9, &records, &error),
	       code);
	expect(aichat_idempotency_find(e->ai, "key", "digest", &json, &error), code);
	expect(aichat_audit_add(e->ai, "anna", "login", NULL, NULL, 0, &error), code);
	expect(aichat_audit_list(e->ai, NULL, 9, &json, NULL, &error), code);
	expect(aichat_audit_verify(e->ai, NULL, NULL, &error), code);
	expect(aichat_usage_add(e->ai, "{}", -1, &error), code);
	expect(aichat_usage_list(e->ai, NULL, 9, &json, NULL, &error), code);
	expect(aichat_usage_sum(e->ai, 0, 1, &json, NULL, &error), code);
	expect(aichat_owner_delete(e->ai, "anna", &error), code);
}

static void expect_exchange(struct everything *e, int code)
{
	aichat_exchange *exchange = NULL;
	const char *bytes = NULL;
	size_t len = 0;

	expect(aichat_exchange_open(e->ai, AICHAT_EXCHANGE_REPLY, "openai-chat", "{}", 2,
				    &exchange, &error),
	       code);
	expect(aichat_exchange_start(e->open, &error), code);
	expect(aichat_exchange_next(e->asked, STEP_MS, &bytes, &len, &error), code);
}

static void expect_conversation(struct everything *e, const aichat_message *message,
				int code)
{
	aichat_reply *reply = NULL;
	aichat_message *same = NULL;
	aichat_messages *messages = NULL;
	aichat_list *list = NULL;
	char *json = NULL;

	expect(aichat_conversation_send_after(e->conv, e->user_id, message, 0, NULL,
					      &reply, &error),
	       code);
	expect(aichat_conversation_save(e->conv, &error), code);
	expect(aichat_conversation_change(e->conv, "{}", -1, 0, &error), code);
	expect(aichat_conversation_to_json(e->conv, &json, NULL, NULL, &error), code);
	expect(aichat_conversation_erase(e->conv, e->user_id, &error), code);
	expect(aichat_conversation_message(e->conv, e->user_id, &same, &error), code);
	expect(aichat_conversation_tree(e->conv, NULL, 9, &messages, &error), code);
	expect(aichat_conversation_path_page(e->conv, NULL, 9, &messages, &error), code);
	expect(aichat_conversation_list_filtered(e->ai, 0, NULL, NULL, NULL, 9, &list,
						 &error),
	       code);
	expect(aichat_reply_to_json(e->running, &json, NULL, &error), code);
}

/* Every call that documents the code gives it, and changes nothing. */
static void expect_all(struct everything *e, int code)
{
	aichat *view = NULL;
	aichat_conversation *conv = NULL;
	aichat_reply *reply = NULL;
	aichat_list *list = NULL;
	aichat_messages *messages = NULL;
	aichat_message *message = NULL;
	char *head = NULL;
	int fd = -1;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	expect(aichat_for_owner(e->ai, "other", &view, &error), code);
	expect(aichat_for_owner(e->view, "other", &view, &error), code);
	expect(aichat_reply_open(e->ai, e->reply_id, 0, &reply, &error), code);
	expect(aichat_complete(e->ai, &message, 1, NULL, 0, NULL, &reply, &error), code);
	expect(aichat_verify(e->ai, &error), code);
	expect(aichat_store_check(e->ai, &error), code);
	expect(aichat_conversation_new(e->ai, NULL, &conv, &error), code);
	expect(aichat_conversation_open(e->ai, aichat_conversation_id(e->conv), &conv,
					&error),
	       code);
	expect(aichat_conversation_list(e->view, NULL, 10, &list, &error), code);
	expect(aichat_conversation_send(e->conv, "x", -1, NULL, &reply, &error), code);
	expect(aichat_conversation_send_message(e->conv, message, NULL, &reply, &error),
	       code);
	expect(aichat_conversation_edit(e->conv, e->user_id, "x", -1, NULL, &reply,
					&error),
	       code);
	expect(aichat_conversation_retry(e->conv, NULL, NULL, &reply, &error), code);
	expect(aichat_conversation_set_head(e->conv, e->user_id, &error), code);
	expect(aichat_conversation_set_head(e->conv, NULL, &error), code);
	expect(aichat_conversation_head(e->conv, &head, &error), code);
	expect(aichat_conversation_set_title(e->conv, "x", &error), code);
	expect(aichat_conversation_delete(e->conv, &error), code);
	expect(aichat_conversation_path(e->conv, 0, &messages, &error), code);
	expect(aichat_conversation_children(e->conv, NULL, &messages, &error), code);
	expect_conversation(e, message, code);
	expect_account(e, code);
	expect_exchange(e, code);
	expect(aichat_reply_fd(e->running, &fd, &error), code);
	expect(aichat_reply_cancel(e->running, &error), code);
	expect(aichat_reply_tool_result(e->running, "x", "y", -1, 0, &error), code);
	aichat_message_unref(message);
}

START_TEST(closed)
{
	struct everything e;
	struct heard heard = { 0 };

	open_everything(&e, support_path("closed.db"));
	/* The handle itself goes with close; a view of it stays. */
	aichat *ai = NULL;
	expect(aichat_for_owner(e.ai, "local", &ai, &error), 0);
	aichat_close(e.ai);
	e.ai = ai;
	expect_all(&e, AICHAT_ECLOSED);
	uint64_t tag = 0;
	ck_assert_int_eq(aichat_watch_next(e.watch, STEP_MS, &tag), 1);
	while (hear_one(e.running, &heard) == 1)
		;
	ck_assert(heard.result == 0 || heard.result == AICHAT_ECLOSED);
	heard_done(&heard);
	aichat_close(e.ai);
	drop_everything(&e);
}
END_TEST

static void in_child(struct everything *e, bool close_first)
{
	const aichat_event *event = NULL;
	aichat_watch *watch = NULL;
	uint64_t tag = 0;

	expect_all(e, AICHAT_EFORK);
	ck_assert_int_eq(aichat_reply_next(e->running, -1, &event), AICHAT_EFORK);
	ck_assert_int_eq(aichat_watch_next(e->watch, -1, &tag), AICHAT_EFORK);
	expect(aichat_watch_add(e->watch, e->running, 1, &error), AICHAT_EFORK);
	aichat_watch_remove(e->watch, e->running);
	aichat_watch_wake(e->watch);
	ck_assert_int_eq(aichat_watch_new(&watch), 0);
	expect(aichat_watch_add(watch, e->running, 1, &error), AICHAT_EFORK);
	aichat_watch_free(watch);
	if (close_first)
		aichat_close(e->ai);
	drop_everything(e);
	if (!close_first)
		aichat_close(e->ai);
}

/* In the child every call says so, and giving back is harmless for the parent. */
START_TEST(forked)
{
	struct everything e;
	struct heard heard = { 0 };
	int status;

	open_everything(&e, support_path("forked.db"));
	for (int i = 0; i < 2; i++) {
		pid_t child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			in_child(&e, i == 0);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
	}
	/* Here everything goes on. */
	hear_until(e.running, &heard, AICHAT_EVENT_TEXT);
	expect(aichat_reply_cancel(e.running, &error), 0);
	hear(e.running, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_STOPPED);
	verify(e.ai);
	heard_done(&heard);
	drop_everything(&e);
	aichat_close(e.ai);
}
END_TEST

static void *wait_for_news(void *watch)
{
	uint64_t tag;

	return aichat_watch_next(watch, -1, &tag) == AICHAT_EAGAIN ? watch : NULL;
}

/* The child has no thread that waits, and waits for none. */
START_TEST(forked_while_a_thread_waits)
{
	aichat_watch *watch = NULL;
	pthread_t thread;
	void *woken = NULL;
	int status;

	ck_assert_int_eq(aichat_watch_new(&watch), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_news, watch), 0);
	usleep(50000); /* likely it waits then */
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		alarm(10);
		aichat_watch_free(watch);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	aichat_watch_wake(watch);
	ck_assert_int_eq(pthread_join(thread, &woken), 0);
	ck_assert_ptr_eq(woken, watch);
	aichat_watch_free(watch);
}
END_TEST

/* A child may have a context of its own. The thread sanitizer cannot follow it there. */
START_TEST(opened_in_child)
{
#ifdef __SANITIZE_THREAD__
	return;
#endif
	aichat *ai = open_ai("memory:", "n/1000/rate/50");
	aichat_reply *reply = complete_text(ai, "parent", NULL);
	struct heard heard = { 0 };
	int status;

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct heard own = { 0 };
		aichat *mine = open_ai("memory:", "n/3");
		hear_done(complete_text(mine, "child", NULL), &own,
			  AICHAT_REPLY_COMPLETE);
		heard_done(&own);
		aichat_close(mine);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_close(ai);
}
END_TEST

/* Two contexts on one file see each other's conversations and share one store. */
START_TEST(two_contexts)
{
	const char *store = support_path("two.db");
	aichat *one = open_ai(store, "n/3");
	aichat *two = open_ai(store, "n/3");
	struct heard heard = { 0 };
	aichat_conversation *conv = new_conversation(one, NULL);

	hear_done(send_text(conv, "From one.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	aichat_conversation *same = open_conversation(two, aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	aichat_close(one);
	heard_done(&heard);
	hear_done(send_text(same, "From two.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	verify(two);
	aichat_conversation_unref(same);
	aichat_close(two);
}
END_TEST

/* Ready before the first send: both threads are there, and go again if opening fails. */
START_TEST(prepared)
{
	const char *store = support_path("prepared.db");
	const int before = thread_count();
	struct heard heard = { 0 };
	aichat *ai = open_with(
		options_for(store, "n/3", "prepare_to_send", "true", NULL));
	aichat *second = open_with(
		options_for(store, "n/3", "prepare_to_send", "true", NULL));

	/* Two engines and, for one file, one writer. */
	ck_assert_int_eq(thread_count(), before + 3);
	aichat_conversation *conv = new_conversation(ai, NULL);
	hear_done(send_text(conv, "At once.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_int_eq(thread_count(), before + 3);
	heard_done(&heard);
	verify(second);
	aichat_conversation_unref(conv);
	aichat_close(second);
	aichat_close(ai);

	aichat_options *options = bag("prepare_to_send", "true", "store",
				      "/proc/1/no-such-folder/store.db", NULL);
	expect(aichat_open(options, &ai, &error), AICHAT_ESTORE);
	expect(aichat_options_set(options, "store", support_path("."), -1, &error), 0);
	expect(aichat_open(options, &ai, &error), AICHAT_EINVAL);
	aichat_options_free(options);
}
END_TEST

SUITE("context", open_null, open_errors, owner_names, owners, closed, forked,
      forked_while_a_thread_waits, opened_in_child, two_contexts, prepared)
