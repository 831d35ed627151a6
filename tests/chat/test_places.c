/*
 * Cursors in places where they rarely are: behind events that went when memory was out,
 * and in a list of conversations from before 1970.
 */

#include "api/context.h"
#include "base/mem.h"
#include "chat/cursor.h"
#include "chat/feed.h"
#include "suite.h"

static void publish(struct aic_feed *feed, enum aichat_event_type type, uint64_t seq)
{
	struct aichat_event event = {
		.type = type,
		.seq = seq,
		.state = AICHAT_REPLY_COMPLETE,
		.text = AIC_STR("word "),
	};
	struct aichat_event *copy = aic_event_copy(&event);

	ck_assert_ptr_nonnull(copy);
	aic_feed_publish(feed, &copy, 1);
	aic_event_unref(copy);
}

/* It is told once that some are missing; then come those that are there. */
START_TEST(dropped)
{
	struct aic_core *core = NULL;
	struct aic_feed *feed = NULL;
	const struct aic_id id = aic_id_new();
	const aichat_event *event = NULL;
	uint64_t seq = 0;

	expect(aic_core_open(NULL, &core, &error), 0);
	ck_assert_int_eq(aic_feed_new(core, "local", &id, false, &feed), 0);
	aichat_reply *reply = aic_cursor_new();
	ck_assert_ptr_nonnull(reply);
	aic_cursor_attach(reply, feed, 0);
	/* As many as there is room for, and one for which there is none. */
	while (feed->tail_count < feed->tail_capacity || !seq)
		publish(feed, AICHAT_EVENT_TEXT, ++seq);
	struct aichat_event last = { .type = AICHAT_EVENT_TEXT, .seq = ++seq };
	struct aichat_event *copy = aic_event_copy(&last);
	aic_mem_fail_at(1, true);
	aic_feed_publish(feed, &copy, 1);
	aic_mem_fail_at(0, false);
	aic_event_unref(copy);
	ck_assert_uint_eq(feed->tail_count, 1);
	publish(feed, AICHAT_EVENT_DONE, seq + 1);

	ck_assert_int_eq(aic_cursor_next(reply, 0, &event), AICHAT_ENOMEM);
	ck_assert_int_eq(aic_cursor_next(reply, 0, &event), 1);
	ck_assert_uint_eq(event->seq, seq);
	ck_assert_int_eq(aic_cursor_next(reply, 0, &event), 1);
	ck_assert_int_eq(event->type, AICHAT_EVENT_DONE);
	ck_assert_int_eq(aic_cursor_next(reply, 0, &event), 0);
	aichat_reply_unref(reply);
	aic_core_close(core);
	aic_core_unref(core);
}
END_TEST

struct date_job {
	struct aic_job job;
	const char *id;
	int64_t unix_ms;
};

static int set_date(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	const struct date_job *date = (struct date_job *)job;
	struct aic_conversation_row row = { 0 };
	struct aic_id id;

	ck_assert(aic_id_parse(date->id, strlen(date->id), &id));
	int rc = aic_store_conversation(store, "local", &id, &row, reterr);
	row.updated_unix_ms = date->unix_ms;
	if (rc == 0)
		rc = aic_store_set_conversation(store, "local", &row, 0, reterr);
	aic_conversation_row_done(&row);
	return rc;
}

START_TEST(before_1970)
{
	aichat *ai = open_ai("memory:", "n/3");
	const char *after = NULL;
	char cursor[80];
	int seen = 0;

	for (int i = 0; i < 5; i++) {
		struct heard heard = { 0 };
		aichat_conversation *conv = new_conversation(ai, NULL);
		hear_done(send_text(conv, "In the past.", NULL), &heard,
			  AICHAT_REPLY_COMPLETE);
		heard_done(&heard);
		struct date_job date = { { .run = set_date },
					 aichat_conversation_id(conv),
					 -3000 + 1000 * i };
		expect(aic_store_run(ai->core->store, &date.job, &error), 0);
		aichat_conversation_unref(conv);
	}
	do {
		aichat_list *list = NULL;
		expect(aichat_conversation_list(ai, after, 1, &list, &error), 0);
		ck_assert_uint_eq(aichat_list_count(list), 1);
		ck_assert_int_eq(aichat_list_updated_unix_ms(list, 0),
				 1000 - 1000 * seen);
		seen++;
		after = aichat_list_cursor(list);
		if (after)
			after = memcpy(cursor, after, strlen(after) + 1);
		aichat_list_unref(list);
	} while (after);
	ck_assert_int_eq(seen, 5);
	aichat_close(ai);
}
END_TEST

SUITE("places", dropped, before_1970)
