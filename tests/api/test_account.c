/*
 * What a program keeps beside the conversations: records, idempotency keys, the audit
 * log, usage; and that an owner's things are that owner's.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static aichat_record *new_record(const char *kind, const char *id)
{
	aichat_record *record = NULL;

	expect(aichat_record_new(kind, id, &record, &error), 0);
	return record;
}

static aichat *view_of(aichat *ai, const char *owner)
{
	aichat *view = NULL;

	expect(aichat_for_owner(ai, owner, &view, &error), 0);
	return view;
}

/* ---- records ---------------------------------------------------------------------- */

START_TEST(a_record_and_its_life)
{
	aichat *ai = open_ai(support_path("account.db"), "echo");
	aichat_record *record = new_record("user", NULL), *read = NULL, *same = NULL;

	ck_assert_str_eq(aichat_record_json(record, NULL), "{}");
	ck_assert_int_eq(aichat_record_version(record), 0);
	expect(aichat_record_save(ai, record, &error), AICHAT_ENOTFOUND);
	expect(aichat_record_set_name(record, "ann", &error), 0);
	expect(aichat_record_set_json(record, "{\"role\":\"admin\"}", -1, &error), 0);
	expect(aichat_record_add(ai, record, &error), 0);
	ck_assert_int_eq(aichat_record_version(record), 1);
	expect(aichat_record_add(ai, record, &error), AICHAT_EEXIST);

	expect(aichat_record_find(ai, "user", "ann", &read, &error), 0);
	ck_assert_str_eq(aichat_record_id(read), aichat_record_id(record));
	ck_assert_str_eq(aichat_record_kind(read), "user");
	ck_assert_str_eq(aichat_record_json(read, NULL), "{\"role\":\"admin\"}");
	expect(aichat_record_get(ai, "user", aichat_record_id(record), &same, &error), 0);
	expect(aichat_record_set_name(read, "eve", &error), 0);
	aichat_record_set_expires(read, now_ms() + 4000000000000);
	expect(aichat_record_save(ai, read, &error), 0);
	ck_assert_int_eq(aichat_record_version(read), 2);
	expect(aichat_record_save(ai, same, &error), AICHAT_ESTALE);
	expect(aichat_record_find(ai, "user", "ann", &same, &error), AICHAT_ENOTFOUND);

	aichat_record *child = new_record("key", "k.1");
	expect(aichat_record_set_parent(child, "user", aichat_record_id(read), &error),
	       0);
	expect(aichat_record_add(ai, child, &error), 0);
	ck_assert_str_eq(aichat_record_parent_kind(child), "user");
	ck_assert_str_eq(aichat_record_parent_id(child), aichat_record_id(read));
	expect(aichat_record_delete(ai, "user", aichat_record_id(read), &error), 0);
	expect(aichat_record_get(ai, "key", "k.1", &same, &error), AICHAT_ENOTFOUND);
	aichat_record_free(child);
	aichat_record_free(same);
	aichat_record_free(read);
	aichat_record_free(record);
	verify(ai);
	aichat_close(ai);
}
END_TEST

START_TEST(what_a_record_may_not_be)
{
	static char large[70000];
	char long_name[300];
	aichat_record *record = NULL;
	aichat *ai = open_ai("memory:", "echo");

	memset(long_name, 'n', sizeof(long_name));
	long_name[256] = '\0';
	expect(aichat_record_new(NULL, NULL, &record, &error), AICHAT_EINVAL);
	expect(aichat_record_new("", NULL, &record, &error), AICHAT_EINVAL);
	expect(aichat_record_new("User", NULL, &record, &error), AICHAT_EINVAL);
	expect(aichat_record_new("user", "", &record, &error), AICHAT_EINVAL);
	expect(aichat_record_new("user", "a/b", &record, &error), AICHAT_EINVAL);
	expect(aichat_record_add(ai, NULL, &error), AICHAT_EINVAL);
	expect(aichat_record_save(ai, NULL, &error), AICHAT_EINVAL);
	record = new_record("user", "1");
	expect(aichat_record_set_name(record, "", &error), AICHAT_EINVAL);
	expect(aichat_record_set_name(record, "a\nb", &error), AICHAT_EINVAL);
	expect(aichat_record_set_name(record, "\xff", &error), AICHAT_EINVAL);
	expect(aichat_record_set_name(record, long_name, &error), AICHAT_EINVAL);
	expect(aichat_record_set_parent(record, "user", NULL, &error), AICHAT_EINVAL);
	expect(aichat_record_set_json(record, "[]", -1, &error), AICHAT_EINVAL);
	expect(aichat_record_set_json(record, NULL, -1, &error), AICHAT_EINVAL);
	expect(aichat_record_set_json(record, "{\"a\":1,\"a\":2}", -1, &error),
	       AICHAT_EJSON);
	expect(aichat_record_set_json(record, "{\"a\":\"\xff\"}", -1, &error),
	       AICHAT_EUTF8);
	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, "{}", 2);
	expect(aichat_record_set_json(record, large, -1, &error), AICHAT_ETOOLARGE);
	long_name[255] = 'n';
	expect(aichat_record_set_idempotency(record, long_name, "", &error),
	       AICHAT_EINVAL);
	expect(aichat_record_set_idempotency(record, "", "", &error), AICHAT_EINVAL);
	long_name[129] = '\0';
	expect(aichat_record_set_idempotency(record, "k", long_name, &error),
	       AICHAT_EINVAL);
	ck_assert_str_eq(aichat_record_json(record, NULL), "{}");
	aichat_record_free(record);

	aichat_records *records = NULL;
	expect(aichat_record_list(ai, "key", NULL, NULL, NULL, 0, &records, &error),
	       AICHAT_EINVAL);
	expect(aichat_record_list(ai, "key", "user", NULL, NULL, 1, &records, &error),
	       AICHAT_EINVAL);
	expect(aichat_record_list(ai, "key", NULL, NULL, "x", 1, &records, &error),
	       AICHAT_EINVAL);
	aichat_close(ai);
}
END_TEST

START_TEST(records_page_by_page)
{
	aichat *ai = open_ai("memory:", "echo");
	char id[16], cursor[64] = "";
	int seen = 0, pages = 0;

	for (int i = 0; i < 7; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		aichat_record *record = new_record("key", id);
		expect(aichat_record_add(ai, record, &error), 0);
		aichat_record_free(record);
	}
	do {
		aichat_records *records = NULL;
		expect(aichat_record_list(ai, "key", NULL, NULL, *cursor ? cursor : NULL,
					  3, &records, &error),
		       0);
		for (size_t i = 0; i < aichat_records_count(records); i++) {
			snprintf(id, sizeof(id), "k%d", seen++);
			ck_assert_str_eq(aichat_record_id(aichat_records_at(records, i)),
					 id);
		}
		ck_assert_ptr_null(
			aichat_records_at(records, aichat_records_count(records)));
		const char *next = aichat_records_cursor(records);
		snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		aichat_records_free(records);
		pages++;
	} while (*cursor);
	ck_assert_int_eq(seen, 7);
	ck_assert_int_eq(pages, 3);
	aichat_close(ai);
}
END_TEST

/* ---- owners ----------------------------------------------------------------------- */

START_TEST(what_is_foreign_does_not_exist)
{
	aichat *ai = open_ai(support_path("owners.db"), "echo");
	aichat *ann = view_of(ai, "ann"), *bob = view_of(ai, "bob");
	aichat_record *record = new_record("note", "1"), *found = NULL;
	char *id = NULL, *json = NULL;

	expect(aichat_record_set_name(record, "n", &error), 0);
	expect(aichat_record_set_idempotency(record, "key", "digest", &error), 0);
	expect(aichat_record_add(ann, record, &error), 0);
	expect(aichat_usage_add(ann, "{\"input_tokens\":5}", -1, &error), 0);
	expect(aichat_audit_add(ann, "ann", "did", NULL, NULL, 0, &error), 0);

	expect(aichat_record_get(bob, "note", "1", &found, &error), AICHAT_ENOTFOUND);
	expect(aichat_record_find(bob, "note", "n", &found, &error), AICHAT_ENOTFOUND);
	expect(aichat_record_save(bob, record, &error), AICHAT_ENOTFOUND);
	expect(aichat_record_delete(bob, "note", "1", &error), AICHAT_ENOTFOUND);
	expect(aichat_idempotency_find(bob, "key", "digest", &id, &error), 0);
	expect(aichat_usage_list(bob, NULL, 10, &json, NULL, &error), 0);
	ck_assert_str_eq(json, "{\"rows\":[]}");
	json = aichat_free(json);
	expect(aichat_audit_list(bob, NULL, 10, &json, NULL, &error), 0);
	ck_assert_str_eq(json, "{\"entries\":[]}");
	json = aichat_free(json);
	aichat_records *records = NULL;
	expect(aichat_record_list(bob, "note", NULL, NULL, NULL, 10, &records, &error),
	       0);
	ck_assert_uint_eq(aichat_records_count(records), 0);
	aichat_records_free(records);

	/* The same names are free for others, and count for each. */
	aichat_record *other = new_record("note", "1");
	expect(aichat_record_set_name(other, "n", &error), 0);
	expect(aichat_record_set_idempotency(other, "key", "else", &error), 0);
	expect(aichat_record_add(bob, other, &error), 0);
	expect(aichat_idempotency_find(ann, "key", "digest", &id, &error), 1);
	ck_assert_str_eq(id, "1");
	id = aichat_free(id);
	expect(aichat_idempotency_find(ann, "key", "else", &id, &error),
	       AICHAT_ECONFLICT);
	aichat_record_free(other);
	aichat_record_free(record);
	aichat_close(bob);
	aichat_close(ann);
	aichat_close(ai);
}
END_TEST

/* With a reply that runs, and conversations of someone else. */
START_TEST(an_owner_is_deleted)
{
	aichat *ai = open_ai(support_path("delete.db"), "gen/n/1000/rate/20");
	aichat_options *echo = bag("model", "echo", NULL);
	aichat *ann = view_of(ai, "ann"), *bob = view_of(ai, "bob");
	aichat_record *record = new_record("note", "1");
	struct heard heard = { 0 };
	aichat_list *list = NULL;

	for (int i = 0; i < 20; i++) {
		aichat_conversation *conv = new_conversation(i ? ann : bob, NULL);
		heard_done(&heard);
		hear_done(send_text(conv, "Hello.", echo), &heard, AICHAT_REPLY_COMPLETE);
		aichat_conversation_unref(conv);
	}
	aichat_conversation *conv = new_conversation(ann, NULL);
	aichat_reply *reply = send_text(conv, "On and on.", NULL);
	heard_done(&heard);
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	expect(aichat_record_add(ann, record, &error), 0);

	expect(aichat_owner_delete(ai, "ann", &error), 0);
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_STOPPED);
	expect(aichat_conversation_list(ann, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 0);
	aichat_list_unref(list);
	expect(aichat_record_delete(ann, "note", "1", &error), AICHAT_ENOTFOUND);
	expect(aichat_conversation_list(bob, NULL, 10, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 1);
	aichat_list_unref(list);
	expect(aichat_owner_delete(ai, "ann", &error), 0);
	expect(aichat_owner_delete(ai, "", &error), AICHAT_EINVAL);
	verify(ai);
	heard_done(&heard);
	aichat_record_free(record);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_options_free(echo);
	aichat_close(bob);
	aichat_close(ann);
	aichat_close(ai);
}
END_TEST

/* ---- idempotency ------------------------------------------------------------------ */

#define SENDERS 100

struct sender {
	aichat *ai;
	char conversation[40];
	const aichat_options *options;
	char reply_id[40];
	int code; /* of the terminal event; 0 = done */
};

static void *send_once(void *data)
{
	struct sender *s = data;
	aichat_conversation *conv = NULL;
	aichat_reply *reply = NULL;
	const aichat_event *event = NULL;

	s->code = AICHAT_EINTERNAL;
	if (aichat_conversation_open(s->ai, s->conversation, &conv, NULL) < 0)
		return NULL;
	if (aichat_conversation_send(conv, "Once.", -1, s->options, &reply, NULL) == 0) {
		snprintf(s->reply_id, sizeof(s->reply_id), "%s", aichat_reply_id(reply));
		while (aichat_reply_next(reply, STEP_MS, &event) == 1)
			if (aichat_event_type(event) == AICHAT_EVENT_DONE ||
			    aichat_event_type(event) == AICHAT_EVENT_ERROR)
				s->code = aichat_error_code(aichat_event_error(event));
	}
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	return NULL;
}

/* Fault 6: a hundred at once, and one reply. */
START_TEST(a_hundred_repeats_make_one_reply)
{
	aichat *ai = open_ai(support_path("repeats.db"), "n/5");
	aichat_options *options = bag("idempotency_key", "once", "request_digest", "d",
				      NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	static struct sender senders[SENDERS];
	static pthread_t threads[SENDERS];
	struct heard heard = { 0 };
	aichat_messages *children = NULL;
	const char *made = NULL;
	char *id = NULL;

	hear_done(send_text(conv, "Before.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .ai = ai, .options = options };
		snprintf(senders[i].conversation, sizeof(senders[i].conversation), "%s",
			 aichat_conversation_id(conv));
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, send_once, &senders[i]), 0);
	}
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(threads[i], NULL);
		if (senders[i].code == 0) {
			ck_assert_ptr_null(made);
			made = senders[i].reply_id;
		} else {
			ck_assert_int_eq(senders[i].code, AICHAT_EEXIST);
		}
	}
	ck_assert_ptr_nonnull(made);
	expect(aichat_idempotency_find(ai, "once", "d", &id, &error), 1);
	ck_assert_str_eq(id, made);
	expect(aichat_conversation_children(conv, heard.message_id, &children, &error),
	       0);
	ck_assert_uint_eq(aichat_messages_count(children), 1);
	aichat_messages_unref(children);

	/* Attached to what there is, from its first event. */
	heard_done(&heard);
	hear_done(open_reply(ai, id, 0), &heard, AICHAT_REPLY_COMPLETE);
	aichat_free(id);
	heard_done(&heard);

	/* Fault 7: another request under the same key. */
	set_option(options, "request_digest", "e");
	aichat_reply *reply = send_text(conv, "Other.", options);
	hear(reply, &heard);
	ck_assert_int_eq(heard.code, AICHAT_ECONFLICT);
	aichat_reply_unref(reply);
	verify(ai);
	heard_done(&heard);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(a_key_is_of_one_send)
{
	aichat *ai = open_ai(support_path("one.db"), "echo");
	aichat_options *options = bag("idempotency_key", "k", NULL);
	/* That of the conversation's own options is not the sends'. */
	aichat_conversation *conv = new_conversation(ai, options);
	struct heard heard = { 0 };
	aichat_reply *reply = NULL;
	aichat_message *message = NULL;
	char *id = NULL;
	char long_key[300];

	for (int i = 0; i < 2; i++) {
		hear_done(send_text(conv, "a", NULL), &heard, AICHAT_REPLY_COMPLETE);
		heard_done(&heard);
	}
	expect(aichat_idempotency_find(ai, "k", NULL, &id, &error), 0);
	hear_done(send_text(conv, "b", options), &heard, AICHAT_REPLY_COMPLETE);
	expect(aichat_idempotency_find(ai, "k", NULL, &id, &error), 1);
	ck_assert_str_eq(id, heard.reply_id);
	aichat_free(id);
	expect(aichat_conversation_retry(conv, NULL, options, &reply, &error), 0);
	heard_done(&heard);
	hear(reply, &heard);
	ck_assert_int_eq(heard.code, AICHAT_EEXIST);
	aichat_reply_unref(reply);
	/* A repeat leaves the conversation as it was. */
	heard_done(&heard);
	hear_done(send_text(conv, "c", NULL), &heard, AICHAT_REPLY_COMPLETE);

	memset(long_key, 'k', sizeof(long_key) - 1);
	long_key[256] = '\0';
	set_option(options, "idempotency_key", long_key);
	expect(aichat_conversation_send(conv, "d", -1, options, &reply, &error),
	       AICHAT_EINVAL);
	expect(aichat_idempotency_find(ai, long_key, "", &id, &error), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "e", -1, &message), 0);
	expect(aichat_complete(ai, &message, 1, NULL, 0, options, &reply, &error),
	       AICHAT_EINVAL);
	aichat_message_unref(message);
	verify(ai);
	heard_done(&heard);
	aichat_options_free(options);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(a_record_is_added_once)
{
	aichat *ai = open_ai("memory:", "echo");
	char *id = NULL;

	for (int i = 0; i < 3; i++) {
		aichat_record *record = new_record("key", NULL);
		expect(aichat_record_set_idempotency(record, "k", i < 2 ? "d" : "e",
						     &error),
		       0);
		expect(aichat_record_add(ai, record, &error), i == 0 ? 0
							      : i == 1
								      ? AICHAT_EEXIST
								      : AICHAT_ECONFLICT);
		if (i == 0) {
			expect(aichat_idempotency_find(ai, "k", "d", &id, &error), 1);
			ck_assert_str_eq(id, aichat_record_id(record));
			aichat_free(id);
		}
		aichat_record_free(record);
	}
	aichat_close(ai);
}
END_TEST

/* ---- audit and usage -------------------------------------------------------------- */

START_TEST(the_audit_log)
{
	aichat *ai = open_ai(support_path("audit.db"), "echo");
	char *json = NULL, *hash = NULL;
	int64_t count = 0;
	size_t len = 0;

	expect(aichat_audit_verify(ai, &count, &hash, &error), 0);
	ck_assert_int_eq(count, 0);
	ck_assert_str_eq(hash, "");
	hash = aichat_free(hash);
	expect(aichat_audit_add(ai, "", "login", NULL, NULL, 0, &error), AICHAT_EINVAL);
	expect(aichat_audit_add(ai, "ann", "a\nb", NULL, NULL, 0, &error), AICHAT_EINVAL);
	expect(aichat_audit_add(ai, "ann", "login", "", NULL, 0, &error), AICHAT_EINVAL);
	expect(aichat_audit_add(ai, "ann", "login", NULL, "7", -1, &error),
	       AICHAT_EINVAL);
	expect(aichat_audit_add(ai, "ann", "login", NULL, "{", -1, &error), AICHAT_EJSON);
	expect(aichat_audit_add(ai, "ann", "login", NULL, NULL, 0, &error), 0);
	expect(aichat_audit_add(ai, "ann", "key.add", "k1", "{\"scopes\":[\"read\"]}", -1,
				&error),
	       0);
	expect(aichat_audit_list(ai, NULL, 1, &json, &len, &error), 0);
	ck_assert_uint_eq(len, strlen(json));
	ck_assert_ptr_nonnull(strstr(json, "\"number\":2"));
	ck_assert_ptr_nonnull(
		strstr(json, "\"actor\":\"ann\",\"action\":\"key.add\",\"object\":\"k1\","
			     "\"details\":{\"scopes\":[\"read\"]},\"hash\":\""));
	ck_assert_ptr_nonnull(strstr(json, "\"next\":\"2\"}"));
	json = aichat_free(json);
	expect(aichat_audit_list(ai, "2", 1, &json, &len, &error), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"action\":\"login\""));
	ck_assert_ptr_null(strstr(json, "next"));
	json = aichat_free(json);
	expect(aichat_audit_verify(ai, &count, &hash, &error), 0);
	ck_assert_int_eq(count, 2);
	ck_assert_uint_eq(strlen(hash), 64);
	aichat_free(hash);
	aichat_close(ai);
}
END_TEST

#define NOTERS 64
#define NOTES 10

struct noter {
	aichat *ai;
	int failed;
};

static void *note_usage(void *data)
{
	struct noter *noter = data;

	for (int i = 0; i < NOTES; i++)
		if (aichat_usage_add(noter->ai,
				     "{\"key\":\"k\",\"provider\":\"p\",\"model\":\"m\","
				     "\"input_tokens\":3,\"output_tokens\":2,"
				     "\"cost_nano_usd\":7,\"outcome\":null}",
				     -1, NULL) < 0)
			noter->failed++;
	return NULL;
}

START_TEST(usage_of_many_is_exact)
{
	aichat *ai = open_ai(support_path("usage.db"), "echo");
	static struct noter noters[NOTERS];
	static pthread_t threads[NOTERS];
	char *json = NULL, wanted[256];

	for (int i = 0; i < NOTERS; i++) {
		noters[i].ai = ai;
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, note_usage, &noters[i]), 0);
	}
	for (int i = 0; i < NOTERS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(noters[i].failed, 0);
	}
	expect(aichat_usage_sum(ai, 0, INT64_MAX, &json, NULL, &error), 0);
	snprintf(wanted, sizeof(wanted),
		 "[{\"requests\":%d,\"key\":\"k\",\"provider\":\"p\",\"model\":\"m\","
		 "\"input_tokens\":%d,\"output_tokens\":%d,\"cost_nano_usd\":%d}]",
		 NOTERS * NOTES, 3 * NOTERS * NOTES, 2 * NOTERS * NOTES,
		 7 * NOTERS * NOTES);
	ck_assert_str_eq(json, wanted);
	aichat_free(json);
	expect(aichat_usage_list(ai, NULL, 2, &json, NULL, &error), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"next\":\""));
	aichat_free(json);
	aichat_close(ai);
}
END_TEST

START_TEST(what_usage_may_not_be)
{
	static const struct {
		const char *json;
		int code;
	} cases[] = {
		{ "{}", 0 },
		{ "{\"key\":null}", 0 },
		{ "[]", AICHAT_EINVAL },
		{ "{\"input_tokens\":-1}", AICHAT_EINVAL },
		{ "{\"input_tokens\":1.5}", AICHAT_EINVAL },
		{ "{\"input_tokens\":\"1\"}", AICHAT_EINVAL },
		{ "{\"key\":1}", AICHAT_EINVAL },
		{ "{\"key\":\"a\\u0000b\"}", AICHAT_EINVAL },
		{ "{\"tokens\":1}", AICHAT_EINVAL },
		{ "{", AICHAT_EJSON },
	};
	aichat *ai = open_ai("memory:", "echo");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(aichat_usage_add(ai, cases[i].json, -1, &error), cases[i].code);
	aichat_close(ai);
}
END_TEST

SUITE("account", a_record_and_its_life, what_a_record_may_not_be, records_page_by_page,
      what_is_foreign_does_not_exist, an_owner_is_deleted,
      a_hundred_repeats_make_one_reply, a_key_is_of_one_send, a_record_is_added_once,
      the_audit_log, usage_of_many_is_exact, what_usage_may_not_be)
