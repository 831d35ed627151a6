/*
 * Tool results and explicit stops: what an application says to a reply that runs or
 * waits.
 *
 * The results of a stored reply are parts of an open `tool` message behind the message
 * with the calls, so that any process can add the next one; whoever adds the last seals
 * it and goes on with the reply.
 */

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/turn_state.h"
#include "model/builder.h"

/* One result on its way. The caller waits for it. */
struct result_job {
	struct aic_job job;
	struct aic_feed *feed;
	struct aic_turn *turn; /* made when the reply goes on */
	const char *call_id;
	struct aic_str text;
	bool is_error;
	bool complete; /* that was the last one */
};

static const struct aichat_part *find_part(const struct aichat_message *message,
					   enum aichat_part_type type, const char *id)
{
	for (size_t i = 0; message && i < message->part_count; i++)
		if (message->parts[i].type == type && aic_streq(message->parts[i].id, id))
			return &message->parts[i];
	return NULL;
}

static bool all_answered(const struct aichat_message *calls,
			 const struct aichat_message *results)
{
	for (size_t i = 0; i < calls->part_count; i++)
		if (calls->parts[i].type == AICHAT_PART_TOOL_CALL &&
		    !find_part(results, AICHAT_PART_TOOL_RESULT, calls->parts[i].id))
			return false;
	return true;
}

static struct aichat_message *new_tool_message(const struct aichat_message *calls)
{
	struct aichat_message *message = aic_message_new(AICHAT_ROLE_TOOL);

	if (!message)
		return NULL;
	message->id = aic_id_new();
	message->conversation_id = calls->conversation_id;
	message->parent_id = calls->id;
	message->created_unix_ms = aic_clock_unix_ms();
	aic_message_set_texts(message);
	return message;
}

static int add_result(struct aichat_message *message, const char *call_id,
		      const char *tool_name, struct aic_str text, bool is_error)
{
	struct aichat_part *result = aic_message_add_part(message,
							  AICHAT_PART_TOOL_RESULT);

	if (!result)
		return AICHAT_ENOMEM;
	result->is_error = is_error;
	result->id = aic_strdup(call_id);
	result->name = aic_strdup(tool_name);
	struct aichat_part *part = aic_part_add_part(result, AICHAT_PART_TEXT);
	if (!result->id || (tool_name && !result->name) || !part ||
	    aic_string_set(&part->text, text) < 0)
		return AICHAT_ENOMEM;
	return 0;
}

static int not_waiting(aichat_error **reterr)
{
	return aic_error_set(reterr, AICHAT_ESTATE,
			     "the reply does not wait for tool results");
}

/* The call that a result is for, checked against what is there. */
static int check_result(const struct aichat_message *calls,
			const struct aichat_message *results, const char *call_id,
			const struct aichat_part **ret_call, aichat_error **reterr)
{
	*ret_call = find_part(calls, AICHAT_PART_TOOL_CALL, call_id);
	if (!*ret_call)
		return aic_error_set(reterr, AICHAT_ENOTFOUND,
				     "no tool call \"%s\" waits", call_id);
	if (find_part(results, AICHAT_PART_TOOL_RESULT, call_id))
		return aic_error_set(reterr, AICHAT_EEXIST,
				     "the tool call \"%s\" has its result already",
				     call_id);
	return 0;
}

/* ---- going on ---- */

static int append_path(struct aic_turn *turn, struct aichat_message *message)
{
	if (!AIC_GROW(turn->path.items, turn->path.count, &turn->path.capacity))
		return AICHAT_ENOMEM;
	turn->path.items[turn->path.count++] = aichat_message_ref(message);
	return 0;
}

int aic_turn_write_next(struct aic_turn *turn, struct aic_store *store,
			struct aichat_message *after, aichat_error **reterr)
{
	struct aichat_message *next = aic_turn_open_message(turn, &after->id);

	if (!next)
		return aic_error_nomem(reterr);
	if (!turn->stored) {
		int rc = append_path(turn, after);
		aichat_message_unref(turn->message);
		turn->message = next;
		return rc < 0 ? aic_error_nomem(reterr) : 0;
	}
	struct aichat_message *before = turn->message;
	int rc = aic_store_add_message(store, turn->owner, next, &turn->reply_id, reterr);
	if (rc == 0)
		rc = aic_store_set_head(store, turn->owner, &turn->conversation_id,
					&next->id, aic_clock_unix_ms(), reterr);
	if (rc == 0)
		rc = aic_store_path(store, turn->owner, &after->id, 0, &turn->path,
				    reterr);
	turn->message = next;
	if (rc == 0) {
		struct aic_reply_row row = aic_turn_row(turn, AICHAT_REPLY_RUNNING);
		rc = aic_store_set_reply(store, turn->owner, &row, reterr);
	}
	/* Nothing of it happened if it failed, so the message is the one before. */
	if (rc < 0) {
		turn->message = before;
		aichat_message_unref(next);
		return rc;
	}
	aichat_message_unref(turn->before);
	turn->before = before;
	return 0;
}

/* The turn of a stored reply, made anew from its row: it may have begun anywhere. */
static int turn_from_row(struct aic_feed *feed, const struct aic_reply_row *row,
			 struct aic_turn **ret_turn, aichat_error **reterr)
{
	struct aic_json doc = { 0 };
	struct aic_target target = { 0 };
	aichat_options *options = NULL;
	struct aic_turn *turn = NULL;
	AIC_CLEANUP(aic_freep) char *tools = NULL;

	int rc = aic_target_resolve(feed->core->registry, row->model, &target, reterr);
	if (rc == 0)
		rc = aic_target_check_key(&target, reterr);
	if (rc < 0)
		goto out;
	const char *request = row->request ? row->request : "{}";
	rc = aic_json_scan(&doc, request, strlen(request), &aic_json_wire);
	if (rc < 0) {
		aic_json_scan_error(&doc, rc, "the reply's settings", reterr);
		goto out;
	}
	rc = aic_options_read(&doc, aic_json_get(&doc, 0, "options"), &options, reterr);
	if (rc < 0)
		goto out;
	struct aic_str tools_json = aic_json_raw(&doc, aic_json_get(&doc, 0, "tools"));
	tools = tools_json.len ? aic_strndup(tools_json.data, tools_json.len) : NULL;
	turn = aic_turn_new(feed->core, feed->owner, feed, &target);
	if (!turn || (tools_json.len && !tools)) {
		aic_error_nomem(reterr);
		rc = AICHAT_ENOMEM;
		goto out;
	}
	rc = aic_turn_configure(turn, options, tools, reterr);
	turn->conversation_id = row->conversation_id;
	turn->answer_id = row->parent_id;
	turn->rounds = row->rounds;
	turn->seq = row->last_seq;
	if (rc == 0)
		*ret_turn = AIC_TAKE(turn);
out:
	aic_turn_unref(turn);
	aichat_options_free(options);
	aic_target_done(&target);
	aic_json_done(&doc);
	return rc;
}

static int add_tool_event(struct aic_turn *turn, struct aichat_message *results)
{
	struct aichat_event event = { .type = AICHAT_EVENT_MESSAGE,
				      .message_id = results->id,
				      .message = results };
	return aic_turn_add_event(turn, &event);
}

/* All results are there: the reply runs again, here. In the transaction. */
static int go_on(struct result_job *result, struct aic_store *store,
		 const struct aic_reply_row *row, struct aichat_message *results,
		 aichat_error **reterr)
{
	int rc = turn_from_row(result->feed, row, &result->turn, reterr);
	struct aic_turn *turn = result->turn;

	if (!turn)
		return rc;
	rc = aic_store_reply_messages(store, turn->owner, &turn->reply_id, &turn->written,
				      reterr);
	if (rc == 0 && add_tool_event(turn, results) < 0)
		rc = aic_error_nomem(reterr);
	if (rc == 0)
		rc = aic_turn_write_next(turn, store, results, reterr);
	if (rc == 0)
		rc = aic_store_add_events(store, &turn->reply_id, turn->batch.items,
					  turn->batch.count, reterr);
	return rc;
}

/* The open tool message behind the calls, or a new one. */
static int find_results(struct aic_store *store, struct aic_feed *feed,
			const struct aic_reply_row *row,
			const struct aichat_message *calls,
			struct aichat_message **ret_message, bool *ret_new,
			aichat_error **reterr)
{
	struct aic_messages children = { 0 };
	int rc = aic_store_children(store, feed->owner, &row->conversation_id, &calls->id,
				    &children, reterr);
	struct aichat_message *found = NULL;

	for (size_t i = 0; rc == 0 && i < children.count; i++)
		if (children.items[i]->role == AICHAT_ROLE_TOOL &&
		    children.items[i]->state == AICHAT_MESSAGE_OPEN)
			found = children.items[i];
	*ret_new = !found;
	*ret_message = found ? aic_message_copy(found) : new_tool_message(calls);
	aic_messages_done(&children);
	if (rc == 0 && !*ret_message)
		rc = aic_error_nomem(reterr);
	return rc;
}

static int result_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct result_job *result = (struct result_job *)job;
	struct aic_feed *feed = result->feed;
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *calls = NULL;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *results = NULL;
	const struct aichat_part *call = NULL;
	bool fresh = false;

	int rc = aic_store_reply(store, feed->owner, &feed->reply_id, &row, reterr);
	if (rc < 0)
		return rc;
	if (row.state != AICHAT_REPLY_WAITING)
		return not_waiting(reterr);
	rc = aic_store_message(store, feed->owner, &row.message_id, &calls, reterr);
	if (rc == 0)
		rc = find_results(store, feed, &row, calls, &results, &fresh, reterr);
	if (rc == 0)
		rc = check_result(calls, results, result->call_id, &call, reterr);
	if (rc < 0)
		return rc;
	if (add_result(results, result->call_id, call->name, result->text,
		       result->is_error) < 0)
		return aic_error_nomem(reterr);
	result->complete = all_answered(calls, results);
	if (result->complete)
		results->state = AICHAT_MESSAGE_SEALED;
	rc = fresh ? aic_store_add_message(store, feed->owner, results, &feed->reply_id,
					   reterr)
		   : aic_store_update_message(store, feed->owner, results, reterr);
	if (rc == 0 && result->complete)
		rc = go_on(result, store, &row, results, reterr);
	return rc;
}

static int result_stored(struct aic_feed *feed, const char *call_id, struct aic_str text,
			 bool is_error, aichat_error **reterr)
{
	struct result_job result = {
		.job = { .run = result_run, .durable = true },
		.feed = feed,
		.call_id = call_id,
		.text = text,
		.is_error = is_error,
	};
	int rc = aic_core_start(feed->core, reterr);
	if (rc == 0)
		rc = aic_store_run(feed->core->store, &result.job, reterr);
	if (rc < 0 || !result.turn) {
		aic_turn_unref(result.turn);
		return rc;
	}
	rc = aic_turn_enter(result.turn, reterr);
	if (rc < 0) {
		/* The context closed between the commit and here: the reply is ours by
		 * its row, and is folded when this process is gone. The result is stored.
		 */
		aic_turn_unref(result.turn);
		return rc;
	}
	aic_turn_publish(result.turn);
	aic_turn_call(result.turn);
	return 0;
}

/* ---- replies that are not stored ---- */

static int result_unstored(struct aic_turn *turn, const char *call_id,
			   struct aic_str text, bool is_error, aichat_error **reterr)
{
	const struct aichat_part *call = NULL;
	bool complete = false;
	int rc = 0;

	pthread_mutex_lock(&turn->lock);
	struct aichat_message *calls = turn->message;
	if (!turn->resting) {
		rc = not_waiting(reterr);
		goto out;
	}
	if (!turn->tool_message && !(turn->tool_message = new_tool_message(calls))) {
		rc = aic_error_nomem(reterr);
		goto out;
	}
	rc = check_result(calls, turn->tool_message, call_id, &call, reterr);
	if (rc < 0)
		goto out;
	if (add_result(turn->tool_message, call_id, call->name, text, is_error) < 0) {
		rc = aic_error_nomem(reterr);
		goto out;
	}
	complete = all_answered(calls, turn->tool_message);
	if (complete)
		turn->over = turn->resting = false;
out:
	pthread_mutex_unlock(&turn->lock);
	if (rc < 0 || !complete)
		return rc;

	aic_turn_ref(turn); /* the running turn's own */
	rc = aic_turn_enter(turn, reterr);
	if (rc < 0) {
		aic_turn_unref(turn);
		return rc;
	}
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *results = AIC_TAKE(turn->tool_message);
	results->state = AICHAT_MESSAGE_SEALED;
	rc = append_path(turn, calls);
	if (rc == 0)
		rc = aic_turn_add_written(turn, results);
	if (rc == 0)
		rc = aic_turn_write_next(turn, NULL, results, NULL);
	if (rc == 0)
		rc = add_tool_event(turn, results);
	aic_turn_publish(turn);
	if (rc == 0) {
		aic_turn_call(turn);
		return 0;
	}
	aichat_error *error = NULL;
	aic_error_nomem(&error);
	pthread_mutex_lock(&turn->lock);
	turn->busy = false;
	pthread_mutex_unlock(&turn->lock);
	aic_turn_fail(turn, rc, error);
	return aic_error_nomem(reterr);
}

int aic_reply_tool_result(struct aic_feed *feed, const char *call_id, struct aic_str text,
			  bool is_error, aichat_error **reterr)
{
	if (!aic_utf8_valid(text.data, text.len))
		return aic_error_set(reterr, AICHAT_EUTF8,
				     "the tool's result is not UTF-8");
	if (feed->stored)
		return result_stored(feed, call_id, text, is_error, reterr);
	struct aic_turn *turn = aic_feed_turn(feed);
	int rc = turn ? result_unstored(turn, call_id, text, is_error, reterr)
		      : not_waiting(reterr);
	aic_turn_unref(turn);
	return rc;
}

/* ---- stop ---- */

/* A stop of a reply that waits, or that another process runs. */
struct stop_job {
	struct aic_job job;
	struct aic_feed *feed;
	struct aichat_event *done;
};

/* The results that came stay; more are not taken. */
static int end_results(struct aic_store *store, const char *owner,
		       const struct aic_messages *messages, aichat_error **reterr)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < messages->count; i++) {
		if (messages->items[i]->state != AICHAT_MESSAGE_OPEN)
			continue;
		AIC_CLEANUP(aichat_message_unrefp)
		struct aichat_message *results = aic_message_copy(messages->items[i]);
		if (!results)
			return aic_error_nomem(reterr);
		results->state = AICHAT_MESSAGE_STOPPED;
		rc = aic_store_update_message(store, owner, results, reterr);
	}
	return rc;
}

/* The reply waits for nobody any more. */
static int stop_waiting(struct stop_job *stop, struct aic_store *store,
			struct aic_reply_row *row, aichat_error **reterr)
{
	struct aic_feed *feed = stop->feed;
	struct aic_messages messages = { 0 };
	int rc = aic_store_reply_messages(store, feed->owner, &row->id, &messages,
					  reterr);

	if (rc == 0)
		rc = end_results(store, feed->owner, &messages, reterr);
	if (rc < 0) {
		aic_messages_done(&messages);
		return rc;
	}
	struct aichat_event event = {
		.type = AICHAT_EVENT_DONE,
		.seq = row->last_seq + 1,
		.message_id = row->message_id,
		.state = AICHAT_REPLY_STOPPED,
	};
	for (size_t i = 0; i < messages.count; i++)
		if (aic_id_equal(&messages.items[i]->id, &row->message_id))
			event.message = messages.items[i];
	if (messages.count > 1) {
		event.messages = messages.items;
		event.message_count = messages.count;
	}
	aic_event_unref(stop->done); /* of a first try */
	stop->done = aic_event_copy(&event);
	aic_messages_done(&messages);
	if (!stop->done)
		return aic_error_nomem(reterr);
	rc = aic_store_add_events(store, &row->id, &stop->done, 1, reterr);
	row->state = AICHAT_REPLY_STOPPED;
	row->last_seq = event.seq;
	row->ended_unix_ms = aic_clock_unix_ms();
	if (rc == 0)
		rc = aic_store_set_reply(store, feed->owner, row, reterr);
	return rc;
}

static int stop_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct stop_job *stop = (struct stop_job *)job;
	struct aic_feed *feed = stop->feed;
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };

	int rc = aic_store_reply(store, feed->owner, &feed->reply_id, &row, reterr);
	if (rc < 0)
		return rc;
	if (row.state == AICHAT_REPLY_WAITING)
		return stop_waiting(stop, store, &row, reterr);
	if (row.state == AICHAT_REPLY_RUNNING)
		return aic_store_cancel_reply(store, feed->owner, &feed->reply_id,
					      reterr);
	return 0; /* over already */
}

void aic_turn_stop_resting(struct aic_turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	bool resting = turn->resting;
	turn->resting = false;
	pthread_mutex_unlock(&turn->lock);
	if (!resting)
		return;
	aic_turn_publish_end(turn, AICHAT_REPLY_STOPPED, turn->message, NULL);
	aic_feed_set_turn(turn->feed, NULL);
}

int aic_reply_stop(struct aic_feed *feed, aichat_error **reterr)
{
	struct stop_job stop = {
		.job = { .run = stop_run, .durable = true, .ends = true }, .feed = feed
	};
	int rc = aic_store_run(feed->core->store, &stop.job, reterr);

	if (rc == 0 && stop.done)
		aic_feed_publish(feed, &stop.done, 1);
	aic_event_unref(stop.done);
	return rc;
}

int aic_reply_cancel(struct aic_feed *feed, aichat_error **reterr)
{
	struct aic_turn *turn = aic_feed_turn(feed);

	if (turn) {
		bool taken = aic_turn_cancel(turn, false);
		if (!feed->stored)
			aic_turn_stop_resting(turn);
		aic_turn_unref(turn);
		if (taken || !feed->stored)
			return 0;
	}
	pthread_mutex_lock(&feed->lock);
	bool over = feed->over;
	pthread_mutex_unlock(&feed->lock);
	return over || !feed->stored ? 0 : aic_reply_stop(feed, reterr);
}
