/*
 * What a SQLite file is made of over its life: an older schema, and content that was
 * erased and must be in no file any more.
 */

#include "file_support.h"
#include "model_support.h"
#include "store/store_internal.h"

static void set_up(void)
{
	make_test_folder();
}

static void tear_down(void)
{
	remove_test_folder();
}

START_TEST(an_older_store_is_migrated)
{
	const char *path = test_path("store");
	struct aic_conversation_row row = { 0 };
	struct turn t = new_turn("alice");
	struct aic_store *store = must_open(path);

	must_task(store, turn_begin, &t);
	must_task(store, turn_end, &t);
	aic_store_unref(store);
	run_sql(path, "DROP TABLE record; DROP TABLE idempotency; DROP TABLE audit;"
		      "DROP TABLE usage; DROP TABLE purge;"
		      "ALTER TABLE conversation DROP COLUMN tags;"
		      "PRAGMA user_version = 1");
	store = must_open(path);
	ck_assert_ok(aic_store_verify(store, err));
	ck_assert_ok(aic_store_conversation(store, "alice", &t.conversation, &row, err));
	ck_assert_ptr_null(row.tags);
	aic_conversation_row_done(&row);
	must_task(store, erase_answer, &t);
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST

/* ---- erasing ---------------------------------------------------------------------- */

/* Whether the bytes stand anywhere in the store's files. */
static bool files_have(const char *path, const char *text)
{
	static const char *const ends[] = { "", "-wal", "-lock" };
	bool found = false;

	for (size_t i = 0; i < AIC_ARRAY_LEN(ends); i++) {
		char name[160];
		size_t len = 0;
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		char *data = access(name, R_OK) == 0 ? read_file(name, &len) : NULL;
		found = found || (data && memmem(data, len, text, strlen(text)));
		aic_free(data);
	}
	return found;
}

START_TEST(erased_content_is_in_no_file)
{
	const char *path = test_path("store");
	struct aic_store *store = must_open(path);
	struct turn t = new_turn("alice");
	struct aic_session *reader = NULL;

	must_task(store, turn_begin, &t);
	must_task(store, turn_text, &t);
	must_task(store, turn_end, &t);
	ck_assert(files_have(path, "word word "));
	/* Who reads an old state keeps it in the WAL, ... */
	ck_assert_ok(aic_store_read_begin(store, &reader, err));
	struct aic_conversation_row row = { 0 };
	ck_assert_ok(reader->backend->ops->conversation(reader, "alice", &t.conversation,
							&row, err));
	aic_conversation_row_done(&row);
	must_task(store, erase_answer, &t);
	ck_assert(!aic_store_is_purged(store));
	/* ... across processes, until a commit finds nobody. */
	aic_store_read_end(store, reader);
	ck_assert(files_have(path, "word word "));
	must_task(store, set_head_to_question, &t);
	ck_assert(aic_store_is_purged(store));
	ck_assert(!files_have(path, "word word "));
	ck_assert(files_have(path, "why?"));
	must_task(store, delete_conversation, &t);
	ck_assert(aic_store_is_purged(store));
	ck_assert(!files_have(path, "why?"));
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST

START_TEST(a_purge_is_resumed)
{
	const char *path = test_path("store");
	struct aic_store *store = must_open(path);
	struct turn t = new_turn("alice");

	must_task(store, turn_begin, &t);
	must_task(store, turn_end, &t);
	aic_store_unref(store);
	/* As a process leaves it that died behind the commit. */
	run_sql(path, "INSERT INTO purge VALUES(1)");
	store = must_open(path);
	ck_assert(!aic_store_is_purged(store));
	must_task(store, set_head_to_question, &t);
	ck_assert(aic_store_is_purged(store));
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("purge");
	TCase *tests = tcase_create("purge");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, an_older_store_is_migrated);
	tcase_add_test(tests, erased_content_is_in_no_file);
	tcase_add_test(tests, a_purge_is_resumed);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
