#include "base/mem.h"
#include "chat/snapshot.h"

/* The error that a failed reply ended with. */
static aichat_error *stored_error(const struct aic_reply_row *row)
{
	struct aic_json doc = { 0 };
	AIC_CLEANUP(aic_event_unrefp) struct aichat_event *event = NULL;
	aichat_error *error = NULL;

	if (row->error &&
	    aic_json_scan(&doc, row->error, strlen(row->error), &aic_json_wire) == 0)
		aic_event_read(&doc, 0, &event, NULL);
	aic_json_done(&doc);
	if (event && event->error)
		return aichat_error_ref(event->error);
	aic_error_set(&error, AICHAT_EINTERRUPTED, "the reply was cut off");
	return error;
}

/* The two events that tell all of a reply that is over. */
static int tell(const struct aic_reply_row *row, const struct aic_messages *messages,
		aichat_error *error, struct aic_event_list *list)
{
	struct aichat_event event = {
		.type = AICHAT_EVENT_SNAPSHOT,
		.seq = row->last_seq ? row->last_seq - 1 : 0,
		.message_id = row->message_id,
		.state = row->state,
	};
	if (messages->count)
		event.message = messages->items[messages->count - 1];
	if (messages->count > 1) {
		event.messages = messages->items;
		event.message_count = messages->count;
	}
	list->items = aic_calloc(2, sizeof(*list->items));
	if (!list->items)
		return AICHAT_ENOMEM;
	list->capacity = 2;
	list->items[0] = aic_event_copy(&event);
	event.seq = row->last_seq;
	event.type = error ? AICHAT_EVENT_ERROR : AICHAT_EVENT_DONE;
	event.error = error;
	list->items[1] = aic_event_copy(&event);
	list->count = 2;
	return list->items[0] && list->items[1] ? 0 : AICHAT_ENOMEM;
}

int aic_snapshot_read(struct aic_feed *feed, uint64_t after,
		      struct aic_event_list *ret_events)
{
	struct aic_store *store = feed->core->store;
	struct aic_reply_row row = { 0 };
	struct aic_messages messages = { 0 };
	aichat_error *error = NULL;

	int rc = aic_store_reply(store, feed->owner, &feed->reply_id, &row, NULL);
	if (rc == 0)
		rc = aic_store_reply_messages(store, feed->owner, &feed->reply_id,
					      &messages, NULL);
	if (rc == 0) {
		if (row.state == AICHAT_REPLY_FAILED ||
		    row.state == AICHAT_REPLY_INTERRUPTED)
			error = stored_error(&row);
		rc = tell(&row, &messages, error, ret_events);
	}
	if (rc < 0)
		aic_event_list_done(ret_events);
	/* A viewer that lacks only the last event has seen everything else. */
	else if (after + 1 >= row.last_seq && ret_events->count == 2) {
		aic_event_unref(ret_events->items[0]);
		ret_events->items[0] = ret_events->items[1];
		ret_events->count = 1;
	}
	aichat_error_unref(error);
	aic_messages_done(&messages);
	aic_reply_row_done(&row);
	return rc;
}
