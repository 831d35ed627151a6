/* The errors of records, logs and settings that no other test is about. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* Longer than any document may be. */
#define TOO_LONG (((int64_t)8 << 20) + 1)

static aichat_record *new_record(const char *id, const char *name)
{
	aichat_record *record = NULL;

	expect(aichat_record_new("user", id, &record, &error), 0);
	expect(aichat_record_set_name(record, name, &error), 0);
	return record;
}

START_TEST(records)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_record *anna = new_record("anna", "Anna"), *bert = new_record("bert", "B");
	aichat_record *found = NULL;

	expect(aichat_record_set_idempotency(anna, "key", "one request", &error), 0);
	expect(aichat_record_add(ai, anna, &error), 0);
	expect(aichat_record_set_idempotency(bert, "key", "another", &error), 0);
	expect(aichat_record_add(ai, bert, &error), AICHAT_ECONFLICT);
	expect(aichat_record_set_idempotency(bert, "key of its own", "", &error), 0);
	expect(aichat_record_set_parent(bert, "group", "none", &error), 0);
	expect(aichat_record_add(ai, bert, &error), AICHAT_ENOTFOUND);
	aichat_record_free(bert);

	bert = new_record("bert", "B");
	expect(aichat_record_add(ai, bert, &error), 0);
	expect(aichat_record_set_name(bert, "Anna", &error), 0);
	expect(aichat_record_save(ai, bert, &error), AICHAT_EEXIST);

	expect(aichat_record_get(ai, "user", NULL, &found, &error), AICHAT_EINVAL);
	expect(aichat_record_find(ai, NULL, "Anna", &found, &error), AICHAT_EINVAL);
	expect(aichat_record_delete(ai, "user", NULL, &error), AICHAT_EINVAL);
	ck_assert_ptr_null(found);
	aichat_record_free(anna);
	aichat_record_free(bert);
	aichat_close(ai);
}
END_TEST

START_TEST(logs)
{
	aichat *ai = open_ai("memory:", "n/1");
	char *json = NULL, *text = malloc((size_t)TOO_LONG);

	memset(text, ' ', (size_t)TOO_LONG);
	expect(aichat_audit_list(ai, NULL, 0, &json, NULL, &error), AICHAT_EINVAL);
	expect(aichat_audit_add(ai, "anna", "login", NULL, "{\"a\":\"\xff\"}", -1,
				&error),
	       AICHAT_EUTF8);
	expect(aichat_audit_add(ai, "anna", "login", NULL, text, TOO_LONG, &error),
	       AICHAT_ETOOLARGE);
	expect(aichat_usage_list(ai, "no cursor", 9, &json, NULL, &error), AICHAT_EINVAL);
	expect(aichat_usage_add(ai, "{\"model\":1}", -1, &error), AICHAT_EINVAL);
	expect(aichat_usage_add(ai, "{", -1, &error), AICHAT_EJSON);
	expect(aichat_usage_add(ai, "{\"model\":\"\xff\"}", -1, &error), AICHAT_EUTF8);
	expect(aichat_usage_add(ai, text, TOO_LONG, &error), AICHAT_ETOOLARGE);
	ck_assert_ptr_null(json);
	free(text);
	aichat_close(ai);
}
END_TEST

START_TEST(settings)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_options *options = aichat_options_new();
	aichat_list *list = NULL;
	char *text = malloc((size_t)TOO_LONG);

	memset(text, ' ', (size_t)TOO_LONG);
	expect(aichat_options_set_json(options, "{", -1, &error), AICHAT_EJSON);
	expect(aichat_options_set_json(options, "{\"model\":\"\xff\"}", -1, &error),
	       AICHAT_EUTF8);
	expect(aichat_options_set_json(options, text, TOO_LONG, &error),
	       AICHAT_ETOOLARGE);
	expect(aichat_options_set_json(options, "{\"no_such\":1}", -1, &error),
	       AICHAT_EINVAL);
	ck_assert_ptr_null(aichat_options_name(options, 0));
	expect(aichat_conversation_change(conv, "{", -1, 0, &error), AICHAT_EJSON);
	expect(aichat_conversation_change(conv, "{\"title\":\"\xff\"}", -1, 0, &error),
	       AICHAT_EUTF8);
	expect(aichat_conversation_list_filtered(ai, 0, NULL, NULL, NULL, 0, &list,
						 &error),
	       AICHAT_EINVAL);
	free(text);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

static aichat_conversation *keyed(aichat *ai, const char *key, const char *digest)
{
	aichat_options *options = bag("idempotency_key", key, "request_digest", digest,
				      NULL);
	aichat_conversation *conv = new_conversation(ai, options);

	aichat_options_free(options);
	return conv;
}

/* A new conversation, written by a request with a key. */
START_TEST(repeated)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_conversation *first = keyed(ai, "key", "one request");
	aichat_conversation *again = keyed(ai, "key", "one request");
	aichat_conversation *other = keyed(ai, "key", "another");
	char long_key[300];

	memset(long_key, 'k', sizeof(long_key));
	long_key[sizeof(long_key) - 1] = '\0';
	aichat_conversation *wrong = keyed(ai, long_key, "one request");
	expect(aichat_conversation_save(wrong, &error), AICHAT_EINVAL);
	expect(aichat_conversation_save(first, &error), 0);
	expect(aichat_conversation_save(again, &error), AICHAT_EEXIST);
	expect(aichat_conversation_save(other, &error), AICHAT_ECONFLICT);
	expect(aichat_conversation_change(again, "{}", -1, 0, &error), AICHAT_EEXIST);
	expect(aichat_conversation_change(other, "{}", -1, 0, &error), AICHAT_ECONFLICT);
	aichat_conversation_unref(first);
	aichat_conversation_unref(again);
	aichat_conversation_unref(other);
	aichat_conversation_unref(wrong);
	aichat_close(ai);
}
END_TEST

/* Runs a reply of Anna's for as long as it is let, in a process of its own. */
static void run_reply(const char *store, int ready)
{
	aichat *ai = open_ai(store, "n/1000/rate/10"), *anna = NULL;
	struct heard heard = { 0 };

	expect(aichat_for_owner(ai, "anna", &anna, &error), 0);
	aichat_reply *reply = send_text(new_conversation(anna, NULL), "Go on.", NULL);
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	ck_assert_int_eq(write(ready, "", 1), 1);
	hear(reply, &heard);
	_exit(0);
}

/* The process that runs the reply is alive and does not listen: ten seconds are given. */
START_TEST(owner_that_cannot_go)
{
	const char *store = support_path("owner.db");
	int ready[2], status;
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		run_reply(store, ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	ck_assert_int_eq(kill(child, SIGSTOP), 0);
	aichat *ai = open_ai(store, "n/1");
	expect(aichat_owner_delete(ai, "anna", &error), AICHAT_ESTATE);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	/* Now it is over, and the owner goes. */
	expect(aichat_owner_delete(ai, "anna", &error), 0);
	verify(ai);
	aichat_close(ai);
}
END_TEST

SUITE("errors_account", records, logs, settings, repeated, owner_that_cannot_go)
