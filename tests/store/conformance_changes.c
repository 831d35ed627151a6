/* Tags and filters, the tree in pages, and what erasing leaves. */

#include "conformance.h"

/* ---- tags ------------------------------------------------------------------------- */

static int add_conversation(struct aic_store *s, void *data, aichat_error **reterr)
{
	return aic_store_add_conversation(s, "alice", data, reterr);
}

static int set_conversation(struct aic_store *s, void *data, aichat_error **reterr)
{
	return aic_store_set_conversation(s, "alice", data, 0, reterr);
}

static struct aic_conversation_row new_row(char *title, char *tags, int64_t updated)
{
	return (struct aic_conversation_row){
		.id = aic_id_new(),
		.title = title,
		.tags = tags,
		.created_unix_ms = 5,
		.updated_unix_ms = updated,
	};
}

/* The ids that the filter lets through are these, in this order. */
static void check_filtered(const struct aic_conversation_filter *filter, size_t count,
			   const struct aic_conversation_row *const *wanted)
{
	struct aic_conversation_rows rows = { 0 };

	ck_assert_ok(
		aic_store_conversations(store, "alice", filter, 0, NULL, 10, &rows, err));
	ck_assert_uint_eq(rows.count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert(aic_id_equal(&rows.items[i].id, &wanted[i]->id));
	aic_conversation_rows_done(&rows);
}

START_TEST(conversations_are_filtered)
{
	char work[] = "[\"work\",\"a \\\"b\\\"\"]", home[] = "[\"home\"]";
	char roses[] = "On Roses 100%", weeds[] = "on weeds";
	struct aic_conversation_row a = new_row(roses, work, 1);
	struct aic_conversation_row b = new_row(weeds, home, 2);
	struct aic_conversation_row c = new_row(NULL, NULL, 3);
	struct aic_conversation_row row = { 0 };

	must_task(store, add_conversation, &a);
	must_task(store, add_conversation, &b);
	must_task(store, add_conversation, &c);
	ck_assert_ok(aic_store_conversation(store, "alice", &a.id, &row, err));
	ck_assert_str_eq(row.tags, work);
	aic_conversation_row_done(&row);

	const struct {
		struct aic_conversation_filter filter;
		size_t count;
		const struct aic_conversation_row *rows[3];
	} cases[] = {
		{ { .tag = NULL }, 3, { &c, &b, &a } },
		{ { .tag = "work" }, 1, { &a } },
		{ { .tag = "a \"b\"" }, 1, { &a } },
		{ { .tag = "wor" }, 0, { NULL } },
		{ { .tag = "%" }, 0, { NULL } },
		{ { .text = "ON " }, 2, { &b, &a } },
		{ { .text = "%" }, 1, { &a } },
		{ { .text = "on_" }, 0, { NULL } },
		{ { .text = "roses", .tag = "work" }, 1, { &a } },
		{ { .text = "roses", .tag = "home" }, 0, { NULL } },
		{ { .archived = true, .tag = "work" }, 0, { NULL } },
	};
	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++)
		check_filtered(&cases[i].filter, cases[i].count, cases[i].rows);

	a.tags = home;
	must_task(store, set_conversation, &a);
	check_filtered(&cases[1].filter, 0, NULL);
	a.tags = NULL;
	must_task(store, set_conversation, &a);
	ck_assert_ok(aic_store_conversation(store, "alice", &a.id, &row, err));
	ck_assert_ptr_null(row.tags);
	aic_conversation_row_done(&row);
}
END_TEST

/* ---- the tree --------------------------------------------------------------------- */

struct add_message {
	const char *owner;
	struct aichat_message *message;
};

static int add_message(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct add_message *add = data;

	return aic_store_add_message(s, add->owner, add->message, NULL, reterr);
}

START_TEST(the_tree_is_read_in_pages)
{
	struct turn t = new_turn("alice"), other = new_turn("alice");
	struct aic_messages page = { 0 };
	struct aic_id ids[5];
	size_t seen = 0;

	must_task(store, turn_begin, &t);
	must_task(store, turn_begin, &other);
	ids[0] = t.question->id;
	ids[1] = t.answer->id;
	for (int i = 2; i < 5; i++) {
		struct add_message add = {
			"alice",
			new_message(&t.conversation, i == 3 ? NULL : &ids[0],
				    AICHAT_ROLE_USER, AICHAT_MESSAGE_SEALED, "more")
		};
		ids[i] = add.message->id;
		must_task(store, add_message, &add);
		aichat_message_unref(add.message);
	}
	do {
		ck_assert_ok(aic_store_tree(store, "alice", &t.conversation,
					    seen ? &ids[seen - 1] : NULL, 2, &page, err));
		for (size_t i = 0; i < page.count; i++)
			ck_assert(aic_id_equal(&page.items[i]->id, &ids[seen++]));
	} while (page.count);
	ck_assert_uint_eq(seen, 5);
	aic_messages_done(&page);
	ck_assert_int_eq(
		aic_store_tree(store, "bob", &t.conversation, NULL, 2, &page, NULL),
		AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_tree(store, "alice", &t.conversation,
					&other.question->id, 2, &page, NULL),
			 AICHAT_ENOTFOUND);
	must_task(store, turn_end, &t);
	must_task(store, turn_end, &other);
	turn_done(&t);
	turn_done(&other);
}
END_TEST

/* ---- erasing ---------------------------------------------------------------------- */

static int erase_as_bob(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_erase_message(s, "bob", &t->answer->id, reterr);
}

static int erase_question(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_erase_message(s, "alice", &t->question->id, reterr);
}

START_TEST(an_erased_message_keeps_its_place)
{
	struct turn t = new_turn("alice");
	struct aic_messages path = { 0 };
	struct aic_event_list events = { 0 };
	unsigned char png[] = "\x89PNG not really";

	struct aichat_part *image = aic_message_add_part(t.question, AICHAT_PART_IMAGE);
	ck_assert_ptr_nonnull(image);
	image->media_type = aic_strdup("image/png");
	ck_assert_int_eq(aic_string_set(&image->data,
					(struct aic_str){ (char *)png, sizeof(png) }),
			 0);
	must_task(store, turn_begin, &t);
	must_task(store, turn_text, &t);
	/* While it is being written it stays. */
	ck_assert_int_eq(try_task(store, false, erase_answer, &t, NULL), AICHAT_ESTATE);
	must_task(store, turn_end, &t);
	ck_assert_int_eq(try_task(store, false, erase_as_bob, &t, NULL),
			 AICHAT_ENOTFOUND);
	must_task(store, erase_answer, &t);
	must_task(store, erase_answer, &t); /* again is no mistake */
	must_task(store, erase_question, &t);

	ck_assert_ok(aic_store_path(store, "alice", &t.answer->id, 0, &path, err));
	ck_assert_uint_eq(path.count, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(path.items[i]->state, AICHAT_MESSAGE_ERASED);
		ck_assert_uint_eq(path.items[i]->part_count, 0);
	}
	ck_assert_int_eq(path.items[1]->role, AICHAT_ROLE_ASSISTANT);
	ck_assert_int_eq(path.items[1]->stop_reason, AICHAT_STOP_STOP);
	/* Its log is gone as well: who resumes gets a snapshot. */
	ck_assert_int_eq(aic_store_events(store, "alice", &t.reply, 0, &events, NULL),
			 AICHAT_ENOTFOUND);
	aic_messages_done(&path);
	turn_done(&t);
}
END_TEST

void add_change_tests(TCase *tests)
{
	tcase_add_test(tests, conversations_are_filtered);
	tcase_add_test(tests, the_tree_is_read_in_pages);
	tcase_add_test(tests, an_erased_message_keeps_its_place);
}
