/* Records, idempotency keys, the audit log, usage. */

#include "conformance.h"
#include "store/account.h"

#define NOW 1000000

/* ---- records ---------------------------------------------------------------------- */

struct record_task {
	const char *owner;
	struct aic_record_row row;
};

static int add_record(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct record_task *t = data;

	return aic_store_add_record(s, t->owner, &t->row, reterr);
}

static int set_record(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct record_task *t = data;

	return aic_store_set_record(s, t->owner, &t->row, reterr);
}

static int delete_record(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct record_task *t = data;

	return aic_store_delete_record(s, t->owner, t->row.kind, t->row.id,
				       t->row.updated_unix_ms, reterr);
}

#define TEXT(text) ((char[]){ text })

/* What a task with this row says. */
static int record_code(int (*act)(struct aic_store *, void *, aichat_error **),
		       const char *owner, struct aic_record_row row)
{
	struct record_task t = { owner, row };
	char empty[] = "{}";

	if (!t.row.json)
		t.row.json = empty;
	t.row.created_unix_ms = t.row.created_unix_ms ? t.row.created_unix_ms : NOW;
	t.row.updated_unix_ms = t.row.updated_unix_ms ? t.row.updated_unix_ms : NOW;
	return try_task(store, true, act, &t, NULL);
}

#define ADD(owner, ...)                                                                  \
	record_code(add_record, owner, (struct aic_record_row){ __VA_ARGS__ })
#define SET(owner, ...)                                                                  \
	record_code(set_record, owner, (struct aic_record_row){ __VA_ARGS__ })
#define DROP(owner, ...)                                                                 \
	record_code(delete_record, owner, (struct aic_record_row){ __VA_ARGS__ })

static int has(const char *owner, const char *what, const char *id, int64_t now)
{
	struct aic_record_row row = { 0 };
	int rc = aic_store_record(store, owner, what, id, NULL, now, &row, NULL);

	aic_record_row_done(&row);
	return rc;
}

START_TEST(records_are_kept)
{
	struct aic_record_row row = { 0 };

	ck_assert_int_eq(ADD("a", .kind = TEXT("user"), .id = TEXT("1"),
			     .name = TEXT("ann"), .json = TEXT("{\"n\": 1}")),
			 0);
	ck_assert_int_eq(ADD("a", .kind = TEXT("user"), .id = TEXT("1")), AICHAT_EEXIST);
	ck_assert_int_eq(
		ADD("a", .kind = TEXT("user"), .id = TEXT("2"), .name = TEXT("ann")),
		AICHAT_EEXIST);
	/* Another kind, another owner: other names. */
	ck_assert_int_eq(
		ADD("a", .kind = TEXT("key"), .id = TEXT("1"), .name = TEXT("ann")), 0);
	ck_assert_int_eq(
		ADD("b", .kind = TEXT("user"), .id = TEXT("1"), .name = TEXT("ann")), 0);

	ck_assert_ok(aic_store_record(store, "a", "user", NULL, "ann", NOW, &row, err));
	ck_assert_str_eq(row.id, "1");
	ck_assert_str_eq(row.json, "{\"n\": 1}");
	ck_assert_int_eq(row.version, 1);
	ck_assert_int_eq(row.created_unix_ms, NOW);
	ck_assert_int_eq(row.updated_unix_ms, NOW);
	ck_assert_int_eq(row.expires_unix_ms, 0);
	ck_assert_ptr_null(row.parent_id);
	aic_record_row_done(&row);
	ck_assert_int_eq(aic_store_record(store, "c", "user", "1", NULL, NOW, &row, NULL),
			 AICHAT_ENOTFOUND);
}
END_TEST

START_TEST(a_record_is_saved_by_who_read_it_last)
{
	struct aic_record_row row = { 0 };

	ck_assert_int_eq(
		ADD("a", .kind = TEXT("user"), .id = TEXT("1"), .name = TEXT("ann")), 0);
	ck_assert_int_eq(
		ADD("a", .kind = TEXT("user"), .id = TEXT("2"), .name = TEXT("bob")), 0);
	ck_assert_int_eq(SET("a", .kind = TEXT("user"), .id = TEXT("1"), .version = 1,
			     .name = TEXT("eve"), .json = TEXT("{\"x\":2}"),
			     .updated_unix_ms = NOW + 5),
			 0);
	ck_assert_int_eq(SET("a", .kind = TEXT("user"), .id = TEXT("1"), .version = 1),
			 AICHAT_ESTALE);
	ck_assert_int_eq(SET("a", .kind = TEXT("user"), .id = TEXT("1"), .version = 2,
			     .name = TEXT("bob")),
			 AICHAT_EEXIST);
	ck_assert_int_eq(SET("b", .kind = TEXT("user"), .id = TEXT("1"), .version = 2),
			 AICHAT_ENOTFOUND);
	ck_assert_ok(aic_store_record(store, "a", "user", "1", NULL, NOW, &row, err));
	ck_assert_str_eq(row.name, "eve");
	ck_assert_str_eq(row.json, "{\"x\":2}");
	ck_assert_int_eq(row.version, 2);
	ck_assert_int_eq(row.created_unix_ms, NOW);
	ck_assert_int_eq(row.updated_unix_ms, NOW + 5);
	aic_record_row_done(&row);
}
END_TEST

START_TEST(children_go_with_their_parent)
{
	ck_assert_int_eq(ADD("a", .kind = TEXT("user"), .id = TEXT("1")), 0);
	ck_assert_int_eq(ADD("a", .kind = TEXT("key"), .id = TEXT("k"),
			     .parent_kind = TEXT("user"), .parent_id = TEXT("1")),
			 0);
	ck_assert_int_eq(ADD("a", .kind = TEXT("note"), .id = TEXT("n"),
			     .parent_kind = TEXT("key"), .parent_id = TEXT("k")),
			 0);
	ck_assert_int_eq(ADD("a", .kind = TEXT("key"), .id = TEXT("other")), 0);
	/* No parent that is not there, and no foreign one. */
	ck_assert_int_eq(ADD("a", .kind = TEXT("key"), .id = TEXT("x"),
			     .parent_kind = TEXT("user"), .parent_id = TEXT("9")),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(ADD("b", .kind = TEXT("key"), .id = TEXT("x"),
			     .parent_kind = TEXT("user"), .parent_id = TEXT("1")),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(DROP("b", .kind = TEXT("user"), .id = TEXT("1")),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(DROP("a", .kind = TEXT("user"), .id = TEXT("1")), 0);
	ck_assert_int_eq(has("a", "key", "k", NOW), AICHAT_ENOTFOUND);
	ck_assert_int_eq(has("a", "note", "n", NOW), AICHAT_ENOTFOUND);
	ck_assert_int_eq(has("a", "key", "other", NOW), 0);
	ck_assert_int_eq(DROP("a", .kind = TEXT("user"), .id = TEXT("1")),
			 AICHAT_ENOTFOUND);
}
END_TEST

START_TEST(what_has_ended_is_gone)
{
	ck_assert_int_eq(ADD("a", .kind = TEXT("login"), .id = TEXT("1"),
			     .name = TEXT("n"), .expires_unix_ms = NOW + 10),
			 0);
	ck_assert_int_eq(ADD("a", .kind = TEXT("child"), .id = TEXT("c"),
			     .parent_kind = TEXT("login"), .parent_id = TEXT("1")),
			 0);
	ck_assert_int_eq(has("a", "login", "1", NOW + 9), 0);
	ck_assert_int_eq(has("a", "login", "1", NOW + 10), AICHAT_ENOTFOUND);
	ck_assert_int_eq(SET("a", .kind = TEXT("login"), .id = TEXT("1"), .version = 1,
			     .updated_unix_ms = NOW + 10),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(DROP("a", .kind = TEXT("login"), .id = TEXT("1"),
			      .updated_unix_ms = NOW + 10),
			 AICHAT_ENOTFOUND);
	/* Neither its id nor its name is in the way; what hung on it is gone. */
	ck_assert_int_eq(ADD("a", .kind = TEXT("login"), .id = TEXT("1"),
			     .name = TEXT("n"), .created_unix_ms = NOW + 10),
			 0);
	ck_assert_int_eq(has("a", "login", "1", NOW + 10), 0);
	ck_assert_int_eq(has("a", "child", "c", NOW + 10), AICHAT_ENOTFOUND);
}
END_TEST

START_TEST(records_are_listed_in_pages)
{
	char id[16];
	struct aic_record_query query = {
		.owner = "a", .kind = "key", .now_unix_ms = NOW, .limit = 2
	};

	ck_assert_int_eq(ADD("a", .kind = TEXT("user"), .id = TEXT("u")), 0);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		ck_assert_int_eq(ADD("a", .kind = TEXT("key"), .id = id,
				     .parent_kind = i % 2 ? TEXT("user") : NULL,
				     .parent_id = i % 2 ? TEXT("u") : NULL),
				 0);
	}
	ck_assert_int_eq(ADD("b", .kind = TEXT("key"), .id = TEXT("kb")), 0);
	ck_assert_int_eq(ADD("a", .kind = TEXT("key"), .id = TEXT("end"),
			     .expires_unix_ms = NOW - 1),
			 0);
	int seen = 0;
	for (int page = 0; page < 4; page++) {
		struct aic_record_rows rows = { 0 };
		ck_assert_ok(aic_store_records(store, &query, &rows, err));
		for (size_t i = 0; i < rows.count; i++, seen++) {
			snprintf(id, sizeof(id), "k%d", seen);
			ck_assert_str_eq(rows.items[i].id, id);
			query.after_no = rows.items[i].no;
		}
		aic_record_rows_done(&rows);
	}
	ck_assert_int_eq(seen, 5);

	struct aic_record_rows rows = { 0 };
	query = (struct aic_record_query){ .owner = "a",
					   .kind = "key",
					   .parent_kind = "user",
					   .parent_id = "u",
					   .now_unix_ms = NOW,
					   .limit = 10 };
	ck_assert_ok(aic_store_records(store, &query, &rows, err));
	ck_assert_uint_eq(rows.count, 2);
	ck_assert_str_eq(rows.items[0].id, "k1");
	ck_assert_str_eq(rows.items[0].parent_kind, "user");
	ck_assert_str_eq(rows.items[0].parent_id, "u");
	aic_record_rows_done(&rows);
	query.owner = "b";
	ck_assert_ok(aic_store_records(store, &query, &rows, err));
	ck_assert_uint_eq(rows.count, 0);
	aic_record_rows_done(&rows);
}
END_TEST

/* ---- idempotency ------------------------------------------------------------------ */

struct claim_task {
	const char *owner, *key, *digest, *object;
	int fail;
};

static int claim(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct claim_task *t = data;
	const struct aic_idempotency request = { t->key, t->digest };
	int rc = aic_store_add_idempotency(s, t->owner, &request, t->object, reterr);

	return rc < 0 ? rc : t->fail;
}

static int claim_code(const char *owner, const char *key, const char *digest,
		      const char *object, int fail)
{
	struct claim_task t = { owner, key, digest, object, fail };

	return try_task(store, true, claim, &t, NULL);
}

static int find_code(const char *owner, const char *key, const char *digest,
		     const char *object)
{
	const struct aic_idempotency request = { key, digest };
	char *found = NULL;
	int rc = aic_store_idempotency(store, owner, &request, &found, NULL);

	if (rc == 1)
		ck_assert_str_eq(found, object);
	aic_free(found);
	return rc;
}

START_TEST(a_request_makes_one_thing)
{
	ck_assert_int_eq(find_code("a", "k", "d", NULL), 0);
	/* What was undone was never there. */
	ck_assert_int_eq(claim_code("a", "k", "d", "first", AICHAT_ESTATE),
			 AICHAT_ESTATE);
	ck_assert_int_eq(find_code("a", "k", "d", NULL), 0);
	ck_assert_int_eq(claim_code("a", "k", "d", "second", 0), 0);
	ck_assert_int_eq(claim_code("a", "k", "d", "third", 0), AICHAT_EEXIST);
	ck_assert_int_eq(claim_code("a", "k", "e", "third", 0), AICHAT_ECONFLICT);
	ck_assert_int_eq(find_code("a", "k", "d", "second"), 1);
	ck_assert_int_eq(find_code("a", "k", "e", NULL), AICHAT_ECONFLICT);
	/* A key is its owner's; no digest is one, too. */
	ck_assert_int_eq(find_code("b", "k", "d", NULL), 0);
	ck_assert_int_eq(claim_code("b", "k", NULL, "fourth", 0), 0);
	ck_assert_int_eq(find_code("b", "k", "", "fourth"), 1);
}
END_TEST

#ifdef AIC_TEST_HOOKS
START_TEST(keys_count_for_a_day)
{
	int64_t now = aic_clock_unix_ms();

	aic_clock_set_unix_ms(now);
	ck_assert_int_eq(claim_code("a", "k", "d", "first", 0), 0);
	aic_clock_set_unix_ms(now + AIC_IDEMPOTENCY_MS - 1);
	ck_assert_int_eq(find_code("a", "k", "d", "first"), 1);
	aic_clock_set_unix_ms(now + AIC_IDEMPOTENCY_MS);
	ck_assert_int_eq(find_code("a", "k", "e", NULL), 0);
	ck_assert_int_eq(claim_code("a", "k", "e", "second", 0), 0);
	ck_assert_int_eq(find_code("a", "k", "e", "second"), 1);
	aic_clock_set_unix_ms(0);
}
END_TEST
#endif

/* ---- audit and usage -------------------------------------------------------------- */

static int add_audit(struct aic_store *s, void *data, aichat_error **reterr)
{
	return aic_store_add_audit(s, data, reterr);
}

START_TEST(the_audit_log_is_a_chain)
{
	struct aic_audit_row row = { .at_unix_ms = NOW,
				     .actor = TEXT("ann"),
				     .action = TEXT("login") };
	struct aic_audit_rows rows = { 0 };
	struct aic_audit_link last = { 0 };

	ck_assert_ok(aic_store_verify_audit(store, &last, err));
	ck_assert_int_eq(last.no, 0);
	for (int i = 0; i < 5; i++) {
		row.owner = i == 2 ? TEXT("b") : TEXT("a");
		row.object = i == 3 ? TEXT("it") : NULL;
		must_task(store, add_audit, &row);
	}
	ck_assert_ok(aic_store_verify_audit(store, &last, err));
	ck_assert_int_eq(last.no, 5);
	ck_assert_ok(aic_store_audits(store, "a", INT64_MAX, 3, &rows, err));
	ck_assert_uint_eq(rows.count, 3);
	ck_assert_int_eq(rows.items[0].no, 5);
	ck_assert_mem_eq(rows.items[0].hash, last.hash, sizeof(last.hash));
	ck_assert_str_eq(rows.items[1].object, "it");
	ck_assert_int_eq(rows.items[2].no, 2);
	aic_audit_rows_done(&rows);
	ck_assert_ok(aic_store_audits(store, "a", 2, 3, &rows, err));
	ck_assert_uint_eq(rows.count, 1);
	ck_assert_str_eq(rows.items[0].actor, "ann");
	aic_audit_rows_done(&rows);
}
END_TEST

struct usage_task {
	const char *owner;
	struct aic_usage_row row;
};

static int add_usage(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct usage_task *t = data;

	return aic_store_add_usage(s, t->owner, &t->row, reterr);
}

START_TEST(usage_adds_up)
{
	struct usage_task t = { .owner = "a" };
	struct aic_usage_rows rows = { 0 };

	for (size_t i = 0; i < AIC_USAGE_FIGURES; i++)
		t.row.figures[i] = -1;
	t.row.texts[AIC_USAGE_KEY] = TEXT("k");
	t.row.texts[AIC_USAGE_MODEL] = TEXT("m");
	for (int i = 0; i < 4; i++) {
		t.row.at_unix_ms = NOW + i;
		t.row.figures[AIC_USAGE_INPUT] = i ? 10 : -1;
		must_task(store, add_usage, &t);
	}
	t.owner = "b";
	must_task(store, add_usage, &t);

	/* Missing is not zero; the end is not in. */
	ck_assert_ok(aic_store_usage_sum(store, "a", NOW, NOW + 3, &rows, err));
	ck_assert_uint_eq(rows.count, 1);
	ck_assert_int_eq(rows.items[0].no, 3);
	ck_assert_int_eq(rows.items[0].figures[AIC_USAGE_INPUT], 20);
	ck_assert_int_eq(rows.items[0].figures[AIC_USAGE_OUTPUT], -1);
	ck_assert_str_eq(rows.items[0].texts[AIC_USAGE_MODEL], "m");
	aic_usage_rows_done(&rows);
	ck_assert_ok(aic_store_usages(store, "a", INT64_MAX, 2, &rows, err));
	ck_assert_uint_eq(rows.count, 2);
	ck_assert_int_eq(rows.items[1].at_unix_ms, NOW + 2);
	int64_t before = rows.items[1].no;
	aic_usage_rows_done(&rows);
	ck_assert_ok(aic_store_usages(store, "a", before, 9, &rows, err));
	ck_assert_uint_eq(rows.count, 2);
	ck_assert_int_eq(rows.items[1].figures[AIC_USAGE_INPUT], -1);
	aic_usage_rows_done(&rows);
}
END_TEST

static int forget(struct aic_store *s, void *data, aichat_error **reterr)
{
	return aic_store_forget_owner(s, data, reterr);
}

START_TEST(an_owner_is_forgotten)
{
	struct turn t = new_turn("a");
	struct aic_id ids[4];
	size_t count = 0;

	must_task(store, turn_begin, &t);
	ck_assert_ok(aic_store_running(store, "a", ids, 4, &count, err));
	ck_assert_uint_eq(count, 1);
	ck_assert(aic_id_equal(&ids[0], &t.reply));
	ck_assert_ok(aic_store_running(store, "b", ids, 4, &count, err));
	ck_assert_uint_eq(count, 0);
	must_task(store, turn_text, &t);
	must_task(store, turn_text, &t);
	must_task(store, turn_end, &t);
	turn_done(&t);

	for (int i = 0; i < 2; i++) {
		const char *owner = i ? "b" : "a";
		ck_assert_int_eq(ADD(owner, .kind = TEXT("note"), .id = TEXT("1")), 0);
		ck_assert_int_eq(claim_code(owner, "k", "d", "it", 0), 0);
	}
	must_task(store, forget, TEXT("a"));
	ck_assert_int_eq(has("a", "note", "1", NOW), AICHAT_ENOTFOUND);
	ck_assert_int_eq(find_code("a", "k", "d", NULL), 0);
	ck_assert_int_eq(has("b", "note", "1", NOW), 0);
	ck_assert_int_eq(find_code("b", "k", "d", "it"), 1);
}
END_TEST

void add_account_tests(TCase *tests)
{
	tcase_add_test(tests, records_are_kept);
	tcase_add_test(tests, a_record_is_saved_by_who_read_it_last);
	tcase_add_test(tests, children_go_with_their_parent);
	tcase_add_test(tests, what_has_ended_is_gone);
	tcase_add_test(tests, records_are_listed_in_pages);
	tcase_add_test(tests, a_request_makes_one_thing);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, keys_count_for_a_day);
#endif
	tcase_add_test(tests, the_audit_log_is_a_chain);
	tcase_add_test(tests, usage_adds_up);
	tcase_add_test(tests, an_owner_is_forgotten);
}
