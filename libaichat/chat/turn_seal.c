/*
 * The end of a turn: the message gets its state, the reply its terminal event, in one
 * durable transaction. Or it goes on: to wait for tool results, or with another message.
 */

#include <aichat/log.h>

#include "base/fault.h"
#include "base/mem.h"
#include "chat/turn_state.h"
#include "model/builder.h"

/* The provider said itself that it failed; anything else cut the reply off. */
static bool is_providers_word(int code)
{
	switch (code) {
	case AICHAT_EAUTH:
	case AICHAT_ERATELIMIT:
	case AICHAT_EQUOTA:
	case AICHAT_EREQUEST:
	case AICHAT_ECONTEXT:
	case AICHAT_EFILTER:
	case AICHAT_EPROVIDER:
	case AICHAT_EOVERLOADED:
		return true;
	default:
		return false;
	}
}

static struct aic_ending ending_of(const struct aic_turn *turn)
{
	const struct aichat_message *message = turn->message;

	if (turn->result == 0)
		return (struct aic_ending){ .message_state = AICHAT_MESSAGE_SEALED,
					    .reply_state = AICHAT_REPLY_COMPLETE };
	if (turn->cancel == AIC_CANCEL_STOP && turn->result == AICHAT_ECANCELED)
		return (struct aic_ending){ .message_state = AICHAT_MESSAGE_STOPPED,
					    .reply_state = AICHAT_REPLY_STOPPED };
	struct aic_ending ending = { .code = turn->result,
				     .message_state = AICHAT_MESSAGE_FAILED,
				     .reply_state = AICHAT_REPLY_FAILED };
	bool came = turn->began || message->part_count;
	if ((came && !is_providers_word(turn->result)) ||
	    turn->cancel == AIC_CANCEL_CLOSE) {
		ending.message_state = AICHAT_MESSAGE_INTERRUPTED;
		ending.reply_state = AICHAT_REPLY_INTERRUPTED;
	}
	return ending;
}

/* Whether the application is to answer tool calls. Those of a message that was cut short
 * may lack their end, and are not to be run. */
static bool wants_results(const struct aic_turn *turn)
{
	return turn->tool_count && !turn->cut_short &&
	       aic_message_has(turn->message, AICHAT_PART_TOOL_CALL) &&
	       turn->message->stop_reason == AICHAT_STOP_TOOL_CALLS;
}

/* The row's account of the error: the event without the message. */
static int error_json(aichat_error *error, enum aichat_reply_state state,
		      struct aic_buf *out)
{
	struct aichat_event event = { .type = AICHAT_EVENT_ERROR,
				      .state = state,
				      .error = error };
	struct aic_json_writer w = aic_json_writer(out);

	aic_event_write(&event, &w);
	return out->error;
}

static int seal_message(struct aic_turn *turn, enum aichat_message_state state)
{
	struct aichat_message *message = turn->message;

	turn->cut_short = message->stop_reason == AICHAT_STOP_LENGTH ||
			  message->stop_reason == AICHAT_STOP_CONTEXT_WINDOW;
	aic_builder_seal(message, state);
	message->cost_nano_usd = aic_model_cost(turn->target.info, &message->usage);
	aic_message_set_texts(message);
	struct aichat_event event = { .type = AICHAT_EVENT_MESSAGE,
				      .message_id = message->id,
				      .stop_reason = message->stop_reason,
				      .message = message };
	int rc = aic_turn_add_written(turn, message);
	return rc < 0 ? rc : aic_turn_add_event(turn, &event);
}

static int seal_store(struct aic_turn *turn, struct aic_store *store,
		      const struct aic_reply_row *row, aichat_error **reterr)
{
	int rc = aic_store_add_events(store, &turn->reply_id, turn->batch.items,
				      turn->batch.count, reterr);
	if (rc == 0)
		rc = aic_store_update_message(store, turn->owner, turn->message, reterr);
	if (rc == 0)
		rc = aic_store_set_reply(store, turn->owner, row, reterr);
	return rc;
}

/* What the message that was sealed asks for. */
enum next_step {
	STEP_END,
	STEP_WAIT,  /* for the application's tool results */
	STEP_GO_ON, /* the provider paused a long turn: it wants its own words back */
	STEP_LIMIT, /* one of the two, but often enough */
};

static enum next_step next_step(const struct aic_turn *turn)
{
	bool paused = turn->message->stop_reason == AICHAT_STOP_PAUSE;

	if (turn->result < 0 || (!paused && !wants_results(turn)))
		return STEP_END;
	if (turn->rounds > turn->max_rounds)
		return STEP_LIMIT;
	return paused ? STEP_GO_ON : STEP_WAIT;
}

/* Whoever cancelled a message that came whole does not want what would follow it. */
static void obey(struct aic_turn *turn, enum aic_cancel cancel, struct aic_ending *ending)
{
	if (turn->step == STEP_END || cancel == AIC_CANCEL_NO)
		return;
	if (cancel == AIC_CANCEL_STOP) {
		turn->step = STEP_END;
		ending->reply_state = AICHAT_REPLY_STOPPED;
	} else if (turn->step == STEP_GO_ON) {
		/* Tool results can be given later, to another process, too. */
		turn->step = STEP_END;
		ending->reply_state = AICHAT_REPLY_INTERRUPTED;
		ending->code = aic_error_set(&turn->error, AICHAT_EINTERRUPTED,
					     "the program ended before the reply did");
	}
}

/* The reply's last event. */
static int end_reply(struct aic_turn *turn, struct aic_ending *ending)
{
	if (turn->step == STEP_LIMIT) {
		ending->reply_state = AICHAT_REPLY_FAILED;
		ending->code = aic_error_set(
			&turn->error, AICHAT_ELIMIT,
			"the model went on %u times in one reply; raise "
			"max_tool_rounds to let it go on",
			turn->rounds);
	}
	return aic_turn_add_terminal(turn, ending->reply_state, turn->message,
				     ending->code < 0 ? turn->error : NULL);
}

/* What the message and the reply come to. */
static int seal(struct aic_turn *turn)
{
	turn->before = aichat_message_unref(turn->before); /* stored long ago */
	pthread_mutex_lock(&turn->lock);
	int rc = aic_turn_take_pending(turn);
	struct aic_ending ending = ending_of(turn);
	enum aic_cancel cancel = turn->cancel;
	pthread_mutex_unlock(&turn->lock);
	if (rc == 0)
		rc = seal_message(turn, ending.message_state);
	turn->step = next_step(turn);
	obey(turn, cancel, &ending);
	if (rc == 0 && turn->step == STEP_WAIT)
		ending.reply_state = AICHAT_REPLY_WAITING;
	else if (rc == 0 && turn->step == STEP_GO_ON)
		ending.reply_state = AICHAT_REPLY_RUNNING;
	else if (rc == 0)
		rc = end_reply(turn, &ending);
	turn->sealed = rc == 0;
	turn->sealed_state = ending.reply_state;
	return rc;
}

/* The disk was full: the message that was to follow is not there. */
static void take_back_next(struct aic_turn *turn)
{
	aic_messages_done(&turn->path);
	if (!turn->before)
		return;
	aichat_message_unref(turn->message);
	turn->message = AIC_TAKE(turn->before);
}

static bool is_terminal_error(const struct aic_turn *turn)
{
	const struct aic_event_list *batch = &turn->batch;

	return batch->count && batch->items[batch->count - 1]->type == AICHAT_EVENT_ERROR;
}

static int store_seal(struct aic_turn *turn, struct aic_store *store,
		      aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_reply_row row = aic_turn_row(turn, turn->sealed_state);

	if (is_terminal_error(turn) &&
	    error_json(turn->error, turn->sealed_state, &text) < 0)
		return aic_error_code(reterr, text.error, "the reply's end");
	row.error = text.len ? text.data : NULL;
	return seal_store(turn, store, &row, reterr);
}

int aic_turn_seal_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct aic_turn *turn = aic_turn_of(job);

	if (AIC_FAULT("turn.seal"))
		return aic_error_set(reterr, AICHAT_ESTORE, "fault point turn.seal");
	if (turn->sealed)
		take_back_next(turn);
	int rc = turn->sealed ? 0 : seal(turn);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the reply's end");
	if (turn->stored)
		rc = store_seal(turn, store, reterr);
	if (rc == 0 && turn->step == STEP_GO_ON)
		rc = aic_turn_write_next(turn, store, turn->message, reterr);
	return rc;
}

/*
 * The end could not be written, so the reply is told to be interrupted, and once more
 * tried to be stored as that. If this fails, too, the store has the log, and whoever
 * opens it when this process is gone folds it.
 */
static int give_up_run(struct aic_job *job, struct aic_store *store,
		       aichat_error **reterr)
{
	struct aic_turn *turn = aic_turn_of(job);
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	aic_turn_drop_batch(turn);
	int rc = error_json(turn->error, AICHAT_REPLY_INTERRUPTED, &text);
	if (rc == 0)
		rc = aic_turn_add_terminal(turn, AICHAT_REPLY_INTERRUPTED, turn->message,
					   turn->error);
	if (rc < 0 || !turn->stored)
		return rc;
	struct aic_reply_row row = aic_turn_row(turn, AICHAT_REPLY_INTERRUPTED);
	row.error = text.data;
	return seal_store(turn, store, &row, reterr);
}

static void give_up_done(struct aic_job *job, int code, aichat_error *error)
{
	struct aic_turn *turn = aic_turn_of(job);

	if (code < 0)
		aic_log(&turn->core->log, AICHAT_LOG_ERROR,
			"a reply's end was not stored: %s",
			error ? aichat_error_message(error) : aichat_error_text(code));
	if (code < 0)
		aic_turn_publish_end(turn, AICHAT_REPLY_INTERRUPTED, turn->message,
				     turn->error);
	else
		aic_turn_publish(turn);
	aic_turn_leave(turn);
}

static void seal_failed(struct aic_turn *turn, int code, aichat_error *error)
{
	aic_log(&turn->core->log, AICHAT_LOG_WARNING,
		"a reply's end was not stored at once: %s",
		error ? aichat_error_message(error) : aichat_error_text(code));
	if (turn->result == 0) {
		aichat_error_unref(turn->error);
		turn->error = aichat_error_ref(error);
	}
	if (!turn->error)
		aic_error_code(&turn->error, code, "the reply's end");
	/* The message that was to follow went with the transaction. */
	if (turn->step == STEP_GO_ON && turn->before) {
		aichat_message_unref(turn->message);
		turn->message = AIC_TAKE(turn->before);
	}
	aic_builder_seal(turn->message, AICHAT_MESSAGE_INTERRUPTED);
	/* The seal may not have got that far; without memory the event does without. */
	(void)aic_turn_add_written(turn, turn->message);
	aic_turn_submit(turn, give_up_run, give_up_done, true);
}

void aic_turn_seal_done(struct aic_job *job, int code, aichat_error *error)
{
	struct aic_turn *turn = aic_turn_of(job);

	turn->sealed = false;
	if (code == 0)
		turn->before = aichat_message_unref(turn->before);
	if (code == 0 && turn->step == STEP_GO_ON) {
		aic_turn_publish(turn);
		aic_turn_call(turn);
		return;
	}
	/* Nothing else remembers a reply that is not stored: its turn waits in the feed.
	 */
	bool rests = code == 0 && turn->step == STEP_WAIT && !turn->stored;
	pthread_mutex_lock(&turn->lock);
	turn->over = true;
	bool cancelled = turn->cancel == AIC_CANCEL_STOP;
	if (rests) {
		/* With the lock held: the answer to a call may come at once. */
		aic_turn_publish(turn);
		turn->resting = true;
	}
	pthread_mutex_unlock(&turn->lock);
	if (code < 0) {
		seal_failed(turn, code, error);
		return;
	}
	if (rests) {
		if (cancelled) /* while nobody could tell that it was going to rest */
			aic_turn_stop_resting(turn);
		aic_turn_rest(turn);
		return;
	}
	aic_turn_publish(turn);
	/* Cancelled after the seal was written that makes it wait. */
	if (turn->step == STEP_WAIT && cancelled)
		aic_reply_stop(turn->feed, NULL);
	aic_turn_leave(turn);
}
