/* Conversations, messages, replies and logs. */

#include "conformance.h"

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

/* ---- conversations ---------------------------------------------------------------- */

struct add_conversation {
	const char *owner;
	struct aic_conversation_row row;
};

static int add_conversation(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct add_conversation *add = data;

	return aic_store_add_conversation(s, add->owner, &add->row, reterr);
}

static struct aic_id new_conversation(const char *owner, char *title, int64_t updated,
				      bool archived)
{
	struct add_conversation add = {
		.owner = owner,
		.row = { .id = aic_id_new(),
			 .title = title,
			 .created_unix_ms = 5,
			 .updated_unix_ms = updated,
			 .version = 1,
			 .archived = archived },
	};

	must_task(store, add_conversation, &add);
	return add.row.id;
}

START_TEST(conversations_are_listed_newest_first)
{
	struct aic_conversation_rows rows = { 0 };
	struct aic_id ids[5];
	char title[] = "t\xc3\xbctle";

	for (int i = 0; i < 5; i++)
		ids[i] = new_conversation("alice", i == 1 ? title : NULL,
					  i < 3 ? 100 : 200, false);
	new_conversation("bob", NULL, 150, false);
	struct aic_id archived = new_conversation("alice", NULL, 300, true);

	ck_assert_ok(aic_store_conversations(store, "alice", &current, 0, NULL, 10, &rows,
					     err));
	ck_assert_uint_eq(rows.count, 5);
	/* Of the same time, the younger id first. */
	static const int order[] = { 4, 3, 2, 1, 0 };
	for (int i = 0; i < 5; i++)
		ck_assert(aic_id_equal(&rows.items[i].id, &ids[order[i]]));
	ck_assert_str_eq(rows.items[3].title, title);
	ck_assert_ptr_null(rows.items[0].title);
	aic_conversation_rows_done(&rows);

	/* Page by page, the same. */
	struct aic_id last = { 0 };
	int64_t updated = INT64_MAX;
	for (int i = 0; i < 6; i++) {
		ck_assert_ok(aic_store_conversations(store, "alice", &current, updated,
						     i ? &last : NULL, 1, &rows, err));
		ck_assert_uint_eq(rows.count, i < 5);
		if (i < 5) {
			ck_assert(aic_id_equal(&rows.items[0].id, &ids[order[i]]));
			last = rows.items[0].id;
			updated = rows.items[0].updated_unix_ms;
		}
		aic_conversation_rows_done(&rows);
	}
	ck_assert_ok(aic_store_conversations(store, "alice", &archive, 0, NULL, 10, &rows,
					     err));
	ck_assert_uint_eq(rows.count, 1);
	ck_assert(aic_id_equal(&rows.items[0].id, &archived));
	aic_conversation_rows_done(&rows);
}
END_TEST

START_TEST(a_prefix_names_a_conversation)
{
	struct aic_id a = new_conversation("alice", NULL, 1, false);
	struct aic_id b = new_conversation("alice", NULL, 1, false);
	struct aic_id c = new_conversation("bob", NULL, 1, false);
	struct aic_id found;
	char text[AIC_ID_TEXT], upper[AIC_ID_TEXT];

	for (size_t len = 1; len <= 36; len++) {
		aic_id_text(&a, text);
		text[len] = '\0';
		int rc = aic_store_conversation_by_prefix(store, "alice", text, &found,
							  NULL);
		if (rc == 0)
			ck_assert(aic_id_equal(&found, &a));
		else
			ck_assert_int_eq(rc, AICHAT_EEXIST);
		ck_assert(len < 36 || rc == 0);
	}
	aic_id_text(&b, upper);
	for (char *u = upper; *u; u++)
		*u = (char)(*u >= 'a' && *u <= 'f' ? *u - 32 : *u);
	ck_assert_ok(
		aic_store_conversation_by_prefix(store, "alice", upper, &found, err));
	ck_assert(aic_id_equal(&found, &b));
	/* Eight digits are some hours of time: both of alice's begin so. */
	text[8] = '\0';
	ck_assert_int_eq(
		aic_store_conversation_by_prefix(store, "alice", text, &found, NULL),
		AICHAT_EEXIST);
	aic_id_text(&c, text);
	static const char *const none[] = { "", "-", "x", "ffffffff",
					    ("0123456701234567"
					     "01234567012345678") };
	for (size_t i = 0; i < AIC_ARRAY_LEN(none); i++)
		ck_assert_int_eq(aic_store_conversation_by_prefix(store, "alice", none[i],
								  &found, NULL),
				 AICHAT_ENOTFOUND);
	ck_assert_int_eq(
		aic_store_conversation_by_prefix(store, "alice", text, &found, NULL),
		AICHAT_ENOTFOUND);
}
END_TEST

struct change {
	const char *owner;
	struct aic_conversation_row row;
	int64_t version;
};

static int change_conversation(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct change *change = data;

	return aic_store_set_conversation(s, change->owner, &change->row, change->version,
					  reterr);
}

START_TEST(a_change_counts_and_a_stale_one_is_refused)
{
	char title[] = "new", settings[] = "{\"model\":\"a/b\"}";
	struct aic_conversation_row row = { 0 };
	struct change change = {
		.owner = "alice",
		.row = { .id = new_conversation("alice", NULL, 1, false),
			 .title = title,
			 .settings = settings,
			 .updated_unix_ms = 77,
			 .pinned = true },
		.version = 1,
	};

	must_task(store, change_conversation, &change);
	ck_assert_ok(aic_store_conversation(store, "alice", &change.row.id, &row, err));
	ck_assert_str_eq(row.title, title);
	ck_assert_str_eq(row.settings, settings);
	ck_assert_int_eq(row.updated_unix_ms, 77);
	ck_assert_int_eq(row.created_unix_ms, 5);
	ck_assert_int_eq(row.version, 2);
	ck_assert(row.pinned && !row.archived);
	ck_assert(!aic_id_is_set(&row.head));
	aic_conversation_row_done(&row);

	ck_assert_int_eq(try_task(store, false, change_conversation, &change, NULL),
			 AICHAT_ESTALE);
	change.version = 0;
	must_task(store, change_conversation, &change);
	change.owner = "bob";
	ck_assert_int_eq(try_task(store, false, change_conversation, &change, NULL),
			 AICHAT_ENOTFOUND);
	change.owner = "alice";
	change.row.head = aic_id_new(); /* no message */
	ck_assert_int_eq(try_task(store, false, change_conversation, &change, NULL),
			 AICHAT_ENOTFOUND);
}
END_TEST

/* ---- whose it is ------------------------------------------------------------------ */

struct foreign {
	struct turn *turn;
	int step;
};

static int foreign_write(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct foreign *f = data;
	struct turn *t = f->turn;
	struct aic_conversation_row conversation = { .id = t->conversation };
	struct aic_reply_row reply = { .id = t->reply,
				       .conversation_id = t->conversation,
				       .state = AICHAT_REPLY_COMPLETE };

	switch (f->step) {
	case 0:
		return aic_store_set_conversation(s, "bob", &conversation, 0, reterr);
	case 1:
		return aic_store_set_head(s, "bob", &t->conversation, &t->question->id, 1,
					  reterr);
	case 2:
		return aic_store_delete_conversation(s, "bob", &t->conversation, reterr);
	case 3:
		return aic_store_add_message(s, "bob", t->question, NULL, reterr);
	case 4:
		return aic_store_update_message(s, "bob", t->answer, reterr);
	case 5:
		return aic_store_add_reply(s, "bob", &reply, reterr);
	case 6:
		return aic_store_set_reply(s, "bob", &reply, reterr);
	default:
		return aic_store_cancel_reply(s, "bob", &t->reply, reterr);
	}
}

START_TEST(what_is_foreign_does_not_exist)
{
	struct turn t = new_turn("alice");
	struct aic_conversation_row row = { 0 };
	struct aichat_message *message = NULL;
	struct aic_messages list = { 0 };
	struct aic_reply_row reply = { 0 };
	struct aic_event_list events = { 0 };

	must_task(store, turn_begin, &t);
	for (struct foreign f = { &t, 0 }; f.step < 8; f.step++)
		ck_assert_int_eq(try_task(store, false, foreign_write, &f, NULL),
				 AICHAT_ENOTFOUND);
	ck_assert_int_eq(
		aic_store_conversation(store, "bob", &t.conversation, &row, NULL),
		AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_message(store, "bob", &t.question->id, &message, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_path(store, "bob", &t.answer->id, 0, &list, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(
		aic_store_children(store, "bob", &t.conversation, NULL, &list, NULL),
		AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_reply(store, "bob", &t.reply, &reply, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_reply_of(store, "bob", &t.answer->id, &reply, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_reply_messages(store, "bob", &t.reply, &list, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_events(store, "bob", &t.reply, 0, &events, NULL),
			 AICHAT_ENOTFOUND);
	/* Nothing of it has changed. */
	ck_assert_ok(aic_store_reply(store, "alice", &t.reply, &reply, err));
	ck_assert(reply.state == AICHAT_REPLY_RUNNING && !reply.cancelled);
	aic_reply_row_done(&reply);
	must_task(store, turn_end, &t);
	turn_done(&t);
}
END_TEST

/* ---- messages --------------------------------------------------------------------- */

static int add_message(struct aic_store *s, void *data, aichat_error **reterr)
{
	return aic_store_add_message(s, "alice", data, NULL, reterr);
}

START_TEST(every_message_reads_back_as_it_was)
{
	struct aic_id conversation = new_conversation("alice", NULL, 1, false);
	struct aichat_message *messages[60];
	struct aic_messages path = { 0 };
	struct aic_id parent = { 0 };
	size_t count = AIC_ARRAY_LEN(messages);

	for (size_t i = 0; i < count; i++) {
		struct aichat_message *m = random_message(i + 1);
		m->id = aic_id_new();
		m->conversation_id = conversation;
		m->parent_id = parent;
		if (m->state == AICHAT_MESSAGE_OPEN)
			m->state = AICHAT_MESSAGE_STOPPED;
		aic_message_set_texts(m);
		must_task(store, add_message, m);
		parent = m->id;
		messages[i] = m;
	}
	for (size_t i = 0; i < count; i++) {
		struct aichat_message *read = NULL;
		struct aic_messages children = { 0 };
		ck_assert_ok(
			aic_store_message(store, "alice", &messages[i]->id, &read, err));
		ck_assert(same_message(read, messages[i]));
		ck_assert_ok(aic_store_children(store, "alice", &conversation,
						&messages[i]->parent_id, &children, err));
		ck_assert_uint_eq(children.count, 1);
		ck_assert(same_message(children.items[0], messages[i]));
		aic_messages_done(&children);
		aichat_message_unref(read);
	}
	ck_assert_ok(aic_store_path(store, "alice", &parent, 0, &path, err));
	ck_assert_uint_eq(path.count, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert(same_message(path.items[i], messages[i]));
		aichat_message_unref(messages[i]);
	}
	aic_messages_done(&path);
}
END_TEST

struct addition {
	struct turn *turn;
	struct aichat_message *message;
};

static int update_message(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct addition *a = data;

	return aic_store_update_message(s, a->turn->owner, a->message, reterr);
}

START_TEST(an_open_message_changes_until_it_is_sealed)
{
	struct turn t = new_turn("alice");
	struct aichat_message *read = NULL;

	must_task(store, turn_begin, &t);
	for (uint64_t i = 0; i < 12; i++) {
		struct aichat_message *m = random_message(1000 + i);
		m->id = t.answer->id;
		m->conversation_id = t.conversation;
		m->parent_id = t.question->id;
		m->state = i < 11 ? AICHAT_MESSAGE_OPEN : AICHAT_MESSAGE_SEALED;
		aic_message_set_texts(m);
		must_task(store, update_message, &(struct addition){ &t, m });
		ck_assert_ok(aic_store_message(store, "alice", &m->id, &read, err));
		ck_assert(same_message(read, m));
		read = aichat_message_unref(read);
		if (i == 11) {
			ck_assert_int_eq(try_task(store, false, update_message,
						  &(struct addition){ &t, m }, NULL),
					 AICHAT_ESTATE);
			m->parent_id = t.answer->id;
		}
		aichat_message_unref(m);
	}
	turn_done(&t);
}
END_TEST

START_TEST(a_message_belongs_to_one_conversation)
{
	struct aic_id mine = new_conversation("alice", NULL, 1, false);
	struct aic_id other = new_conversation("alice", NULL, 1, false);
	struct aic_id gone = aic_id_new();
	struct aichat_message *first = new_message(&other, NULL, AICHAT_ROLE_USER,
						   AICHAT_MESSAGE_SEALED, "x");

	must_task(store, add_message, first);
	ck_assert_int_eq(try_task(store, false, add_message, first, NULL), AICHAT_EEXIST);
	const struct aic_id *const parents[] = { &first->id, &gone, &mine };
	for (size_t i = 0; i < AIC_ARRAY_LEN(parents); i++) {
		struct aichat_message *m = new_message(
			&mine, parents[i], AICHAT_ROLE_USER, AICHAT_MESSAGE_SEALED, "y");
		ck_assert_int_eq(try_task(store, false, add_message, m, NULL),
				 AICHAT_ENOTFOUND);
		aichat_message_unref(m);
	}
	struct aichat_message *m = new_message(&gone, NULL, AICHAT_ROLE_USER,
					       AICHAT_MESSAGE_SEALED, "y");
	ck_assert_int_eq(try_task(store, false, add_message, m, NULL), AICHAT_ENOTFOUND);
	aichat_message_unref(m);
	aichat_message_unref(first);
}
END_TEST

START_TEST(children_come_oldest_first)
{
	struct aic_id conversation = new_conversation("alice", NULL, 1, false);
	struct aichat_message *roots[3], *leaves[3];
	struct aic_messages list = { 0 };

	for (int i = 0; i < 3; i++) {
		roots[i] = new_message(&conversation, NULL, AICHAT_ROLE_USER,
				       AICHAT_MESSAGE_SEALED, "root");
		must_task(store, add_message, roots[i]);
		leaves[i] = new_message(&conversation, &roots[0]->id, AICHAT_ROLE_USER,
					AICHAT_MESSAGE_SEALED, "leaf");
		must_task(store, add_message, leaves[i]);
	}
	ck_assert_ok(aic_store_children(store, "alice", &conversation, NULL, &list, err));
	ck_assert_uint_eq(list.count, 3);
	for (int i = 0; i < 3; i++)
		ck_assert(same_message(list.items[i], roots[i]));
	ck_assert_ok(aic_store_children(store, "alice", &conversation, &roots[0]->id,
					&list, err));
	ck_assert_uint_eq(list.count, 3);
	for (int i = 0; i < 3; i++)
		ck_assert(same_message(list.items[i], leaves[i]));
	ck_assert_ok(aic_store_children(store, "alice", &conversation, &leaves[2]->id,
					&list, err));
	ck_assert_uint_eq(list.count, 0);
	aic_messages_done(&list);
	for (int i = 0; i < 3; i++) {
		aichat_message_unref(roots[i]);
		aichat_message_unref(leaves[i]);
	}
}
END_TEST

struct chain {
	struct aic_id conversation, tip;
	int count;
};

static int add_chain(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct chain *chain = data;
	int rc = 0;

	for (int i = 0; rc == 0 && i < chain->count; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", i);
		struct aichat_message *m = new_message(&chain->conversation, &chain->tip,
						       AICHAT_ROLE_USER,
						       AICHAT_MESSAGE_SEALED, text);
		rc = aic_store_add_message(s, "alice", m, NULL, reterr);
		chain->tip = m->id;
		aichat_message_unref(m);
	}
	return rc;
}

START_TEST(a_path_has_all_or_the_last)
{
	struct chain chain = { .conversation = new_conversation("alice", NULL, 1, false),
			       .count = 2000 };
	struct aic_messages path = { 0 };
	static const size_t limits[] = { 0, 1, 50, 1999, 2000, 5000 };

	must_task(store, add_chain, &chain);
	for (size_t l = 0; l < AIC_ARRAY_LEN(limits); l++) {
		size_t want = limits[l] && limits[l] < 2000 ? limits[l] : 2000;
		ck_assert_ok(aic_store_path(store, "alice", &chain.tip, limits[l], &path,
					    err));
		ck_assert_uint_eq(path.count, want);
		for (size_t i = 0; i < want; i++) {
			char text[16];
			snprintf(text, sizeof(text), "%zu", 2000 - want + i);
			ck_assert_str_eq(path.items[i]->parts[0].text.data, text);
		}
	}
	aic_messages_done(&path);
}
END_TEST

/* Bytes that two conversations have outlive one of them. */
START_TEST(deleting_takes_all_of_a_conversation_and_no_more)
{
	struct turn t = new_turn("alice"), u = new_turn("alice");
	struct aichat_message *read = NULL;
	struct aic_messages list = { 0 };
	struct aic_reply_row reply = { 0 };
	struct turn *turns[] = { &t, &u };

	for (int i = 0; i < 2; i++) {
		struct aichat_part *image = aic_message_add_part(turns[i]->question,
								 AICHAT_PART_IMAGE);
		ck_assert_int_eq(aic_string_set(&image->data, AIC_STR("same\0bytes")), 0);
		must_task(store, turn_begin, turns[i]);
		must_task(store, turn_text, turns[i]);
	}
	must_task(store, turn_end, &u);
	ck_assert_int_eq(try_task(store, false, delete_conversation, &t, NULL),
			 AICHAT_ESTATE); /* a reply runs in it */
	must_task(store, turn_end, &t);
	must_task(store, delete_conversation, &t);
	ck_assert_int_eq(aic_store_message(store, "alice", &t.question->id, &read, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_path(store, "alice", &t.answer->id, 0, &list, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(aic_store_reply(store, "alice", &t.reply, &reply, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_int_eq(try_task(store, false, turn_text, &t, NULL), AICHAT_ENOTFOUND);
	ck_assert_int_eq(try_task(store, false, delete_conversation, &t, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_ok(aic_store_message(store, "alice", &u.question->id, &read, err));
	ck_assert(same_message(read, u.question));
	aichat_message_unref(read);
	must_task(store, delete_conversation, &u);
	turn_done(&t);
	turn_done(&u);
}
END_TEST

/* ---- replies and logs ------------------------------------------------------------- */

struct log {
	struct turn *turn;
	int count;
	size_t bytes;
};

static int write_log(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct log *log = data;
	struct aichat_event *events[16];
	char *text = aic_calloc(1, log->bytes + 1);
	int rc = 0;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', log->bytes);
	for (int i = 0; i < log->count; i++)
		events[i] = new_text_event(&log->turn->answer->id,
					   log->turn->seq + 1 + (uint64_t)i, text);
	rc = aic_store_add_events(s, &log->turn->reply, events, (size_t)log->count,
				  reterr);
	for (int i = 0; i < log->count; i++)
		aic_event_unref(events[i]);
	aic_free(text);
	log->turn->seq += rc == 0 ? (uint64_t)log->count : 0;
	return rc;
}

START_TEST(a_log_is_read_from_any_event)
{
	struct turn t = new_turn("alice");
	struct aic_event_list list = { 0 };

	must_task(store, turn_begin, &t);
	for (int i = 0; i < 40; i++)
		must_task(store, write_log, &(struct log){ &t, 1 + i % 16, 3000 });
	ck_assert_uint_gt(t.seq, 200);
	for (uint64_t after = 0; after <= t.seq + 3; after++) {
		ck_assert_ok(
			aic_store_events(store, "alice", &t.reply, after, &list, err));
		ck_assert_int_eq(list.count > 0, after < t.seq);
		for (size_t i = 0; i < list.count; i++)
			ck_assert_uint_eq(list.items[i]->seq, after + 1 + i);
		/* Some of them, and not far more than a quarter of a megabyte. */
		ck_assert_uint_le(list.count, (256 * 1024 + 16 * 3000) / 3000 + 1);
	}
	aic_event_list_done(&list);
	must_task(store, turn_end, &t);
	turn_done(&t);
}
END_TEST

static int write_gap(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;
	uint64_t seq = t->seq;

	t->seq++;
	int rc = turn_log(s, t, "late", reterr);
	t->seq = seq;
	return rc;
}

static int write_again(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;
	uint64_t seq = t->seq;

	t->seq--;
	int rc = turn_log(s, t, "again", reterr);
	t->seq = seq;
	return rc;
}

START_TEST(a_log_has_no_gap_and_one_end)
{
	struct turn t = new_turn("alice");

	must_task(store, turn_begin, &t);
	ck_assert_int_eq(try_task(store, false, write_gap, &t, NULL), AICHAT_ESTATE);
	ck_assert_int_eq(try_task(store, false, write_again, &t, NULL), AICHAT_ESTATE);
	must_task(store, turn_end, &t);
	ck_assert_int_eq(try_task(store, false, turn_text, &t, NULL), AICHAT_ESTATE);
	ck_assert_int_eq(try_task(store, false, turn_end, &t, NULL), AICHAT_ESTATE);
	turn_done(&t);
}
END_TEST

static int prune(struct aic_store *s, void *data, aichat_error **reterr)
{
	return aic_store_prune(s, *(int64_t *)data, 2, reterr);
}

START_TEST(old_logs_are_dropped_a_few_at_a_time)
{
	struct turn turns[5];
	struct aic_event_list list = { 0 };
	int64_t early = 3000, late = 3001; /* they ended at 3000 */

	for (int i = 0; i < 5; i++) {
		turns[i] = new_turn("alice");
		must_task(store, turn_begin, &turns[i]);
		if (i < 4)
			must_task(store, turn_end, &turns[i]);
	}
	for (int round = 0; round < 4; round++) {
		int dropped = 0;
		must_task(store, prune, round ? &late : &early);
		for (int i = 0; i < 5; i++) {
			int rc = aic_store_events(store, "alice", &turns[i].reply, 0,
						  &list, NULL);
			ck_assert(rc == 0 || rc == AICHAT_ENOTFOUND);
			dropped += rc != 0;
			/* Who has seen all of it misses nothing. */
			ck_assert_ok(aic_store_events(store, "alice", &turns[i].reply,
						      turns[i].seq, &list, err));
			ck_assert_uint_eq(list.count, 0);
		}
		ck_assert_int_eq(dropped, AIC_MIN(2 * round, 4));
	}
	ck_assert_ok(aic_store_events(store, "alice", &turns[4].reply, 0, &list, err));
	ck_assert_uint_eq(list.count, 1); /* it still runs */
	aic_event_list_done(&list);
	for (int i = 0; i < 5; i++)
		turn_done(&turns[i]);
}
END_TEST

static int cancel(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_cancel_reply(s, t->owner, &t->reply, reterr);
}

START_TEST(a_wish_to_stop_is_seen)
{
	struct turn t = new_turn("alice"), u = new_turn("alice");
	struct aic_reply_row row = { 0 };
	struct aic_id ids[4];
	size_t count = 9;

	must_task(store, turn_begin, &t);
	must_task(store, turn_begin, &u);
	ck_assert_int_eq(aic_store_cancelled(store, ids, 4, &count), 0);
	ck_assert_uint_eq(count, 0);
	must_task(store, cancel, &t);
	ck_assert_int_eq(aic_store_cancelled(store, ids, 4, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert(aic_id_equal(&ids[0], &t.reply));
	ck_assert_ok(aic_store_reply(store, "alice", &t.reply, &row, err));
	ck_assert(row.cancelled);
	aic_reply_row_done(&row);
	must_task(store, turn_end, &t);
	ck_assert_int_eq(aic_store_cancelled(store, ids, 4, &count), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(try_task(store, false, cancel, &t, NULL), AICHAT_ESTATE);
	turn_done(&t);
	turn_done(&u);
}
END_TEST

static int begin_with_tool_message(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct addition *a = data;
	struct turn *t = a->turn;
	struct aic_reply_row row = {
		.id = t->reply,
		.message_id = t->answer->id,
		.state = AICHAT_REPLY_WAITING,
		.last_seq = t->seq,
	};
	int rc = aic_store_set_reply(s, t->owner, &row, reterr);

	return rc < 0 ? rc
		      : aic_store_add_message(s, t->owner, a->message, &t->reply, reterr);
}

/* A reply that waits has no owner, writes several messages, and runs again. */
START_TEST(a_reply_waits_and_goes_on)
{
	struct turn t = new_turn("alice");
	struct aic_messages written = { 0 };
	struct aic_reply_row row = { 0 };

	must_task(store, turn_begin, &t);
	struct aichat_message *tool = new_message(&t.conversation, &t.answer->id,
						  AICHAT_ROLE_TOOL, AICHAT_MESSAGE_OPEN,
						  NULL);
	must_task(store, begin_with_tool_message, &(struct addition){ &t, tool });
	ck_assert_ok(aic_store_reply(store, "alice", &t.reply, &row, err));
	ck_assert(row.state == AICHAT_REPLY_WAITING && !row.alive);
	aic_reply_row_done(&row);
	ck_assert_ok(aic_store_reply_messages(store, "alice", &t.reply, &written, err));
	ck_assert_uint_eq(written.count, 2);
	ck_assert(same_message(written.items[0], t.answer));
	ck_assert(same_message(written.items[1], tool));
	aic_messages_done(&written);
	aichat_message_unref(tool);
	turn_done(&t);
}
END_TEST

void add_row_tests(TCase *tests)
{
	tcase_add_test(tests, a_turn_is_stored);
	tcase_add_test(tests, conversations_are_listed_newest_first);
	tcase_add_test(tests, a_prefix_names_a_conversation);
	tcase_add_test(tests, a_change_counts_and_a_stale_one_is_refused);
	tcase_add_test(tests, what_is_foreign_does_not_exist);
	tcase_add_test(tests, every_message_reads_back_as_it_was);
	tcase_add_test(tests, an_open_message_changes_until_it_is_sealed);
	tcase_add_test(tests, a_message_belongs_to_one_conversation);
	tcase_add_test(tests, children_come_oldest_first);
	tcase_add_test(tests, a_path_has_all_or_the_last);
	tcase_add_test(tests, deleting_takes_all_of_a_conversation_and_no_more);
	tcase_add_test(tests, a_log_is_read_from_any_event);
	tcase_add_test(tests, a_log_has_no_gap_and_one_end);
	tcase_add_test(tests, old_logs_are_dropped_a_few_at_a_time);
	tcase_add_test(tests, a_wish_to_stop_is_seen);
	tcase_add_test(tests, a_reply_waits_and_goes_on);
}
