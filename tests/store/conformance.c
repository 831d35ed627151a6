/*
 * What every kind of store does. The suite runs once for each URL below; a new backend
 * adds a line there.
 */

#include "model_support.h"
#include "store_support.h"

static const struct kind {
	const char *name;
	bool shared; /* another process sees it; here: another open of the same URL does
		      */
	bool file;
} kinds[] = {
	{ "memory", false, false },
	{ "sqlite", true, true },
};

static const struct kind *kind;
static struct aic_store *store;
static char url[128];

static void set_up(void)
{
	make_test_folder();
	if (kind->file)
		snprintf(url, sizeof(url), "%s:%s/store", kind->name, test_folder);
	else
		snprintf(url, sizeof(url), "%s:", kind->name);
	store = must_open(url);
}

static void tear_down(void)
{
	ck_assert_ok(aic_store_verify(store, err));
	store = aic_store_unref(store);
	remove_test_folder();
}

START_TEST(a_turn_is_stored)
{
	struct turn t = new_turn("alice");
	struct aic_messages path = { 0 };
	struct aic_reply_row reply = { 0 };
	struct aic_event_list events = { 0 };

	must_task(store, turn_begin, &t);
	must_task(store, turn_text, &t);
	must_task(store, turn_text, &t);
	ck_assert_ok(aic_store_reply(store, "alice", &t.reply, &reply, err));
	ck_assert_int_eq(reply.state, AICHAT_REPLY_RUNNING);
	ck_assert(reply.alive);
	ck_assert_uint_eq(reply.last_seq, 3);
	aic_reply_row_done(&reply);

	must_task(store, turn_end, &t);
	ck_assert_ok(aic_store_path(store, "alice", &t.answer->id, 0, &path, err));
	ck_assert_uint_eq(path.count, 2);
	ck_assert(same_message(path.items[0], t.question));
	ck_assert(same_message(path.items[1], t.answer));
	ck_assert_ok(aic_store_events(store, "alice", &t.reply, 0, &events, err));
	ck_assert_uint_eq(events.count, 4);
	ck_assert_int_eq(events.items[3]->type, AICHAT_EVENT_DONE);
	ck_assert_ok(aic_store_reply_of(store, "alice", &t.answer->id, &reply, err));
	ck_assert_int_eq(reply.state, AICHAT_REPLY_COMPLETE);
	ck_assert(!reply.alive);
	ck_assert_str_eq(reply.model, "echo/echo");
	aic_reply_row_done(&reply);
	aic_messages_done(&path);
	aic_event_list_done(&events);
	turn_done(&t);
}
END_TEST

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < AIC_ARRAY_LEN(kinds); i++) {
		kind = &kinds[i];
		Suite *suite = suite_create(kind->name);
		TCase *rows = tcase_create("rows");
		tcase_add_checked_fixture(rows, set_up, tear_down);
		tcase_add_test(rows, a_turn_is_stored);
		suite_add_tcase(suite, rows);
		failed += run_suite(suite);
	}
	return failed ? 1 : 0;
}
