/*
 * The middle of a turn: the call of the model, and its events into the log. See
 * turn_state.h for how engine and writer take turns.
 */

#include <aichat/log.h>

#include "base/mem.h"
#include "chat/turn_state.h"
#include "model/builder.h"

static void ended(struct aic_turn *turn, int code, aichat_error *error, bool began);

/* ---- what comes, on the engine's thread ---- */

static bool is_piece(enum aichat_event_type type)
{
	return type == AICHAT_EVENT_TEXT || type == AICHAT_EVENT_REASONING ||
	       type == AICHAT_EVENT_TOOL_CALL;
}

static int append_pending(struct aic_turn *turn, const struct aichat_event *event)
{
	if (!AIC_GROW(turn->pending.items, turn->pending.count, &turn->pending.capacity))
		return AICHAT_ENOMEM;
	struct aichat_event *copy = aic_event_copy(event);
	if (!copy)
		return AICHAT_ENOMEM;
	turn->pending.items[turn->pending.count++] = copy;
	return 0;
}

/*
 * Pieces that came one after the other become one event. On failure they stay, for the
 * next try. That memory was out for a piece was told when it came.
 */
static int flush_run(struct aic_turn *turn)
{
	if (turn->run.len) {
		turn->run_event.text = aic_buf_str(&turn->run);
		int rc = append_pending(turn, &turn->run_event);
		if (rc < 0)
			return rc;
	}
	aic_buf_reset(&turn->run);
	return 0;
}

static int add_piece(struct aic_turn *turn, const struct aichat_event *event)
{
	const struct aichat_event *run = &turn->run_event;
	int rc = 0;

	if (turn->run.len && (run->type != event->type || run->index != event->index))
		rc = flush_run(turn);
	if (rc < 0)
		return rc;
	if (!turn->run.len) {
		/* The part's own strings: the event's go with the decoder's next step. */
		const struct aichat_part *part = &turn->message->parts[event->index];
		turn->run_event = (struct aichat_event){
			.type = event->type,
			.message_id = turn->message->id,
			.index = event->index,
			.usage = AIC_USAGE_UNKNOWN,
			.id = aic_str(part->id),
			.name = aic_str(part->name),
		};
		/* Many small pieces cost more than their text. */
		turn->pending_bytes += sizeof(*event) + turn->run_event.id.len +
				       turn->run_event.name.len;
	}
	turn->pending_bytes += event->text.len;
	return aic_buf_append(&turn->run, event->text.data, event->text.len);
}

static int add_pending(struct aic_turn *turn, const struct aichat_event *event)
{
	if (is_piece(event->type))
		return add_piece(turn, event);
	/* The decoder's word that the answer is over: ours follows with the seal. */
	if (event->type == AICHAT_EVENT_MESSAGE)
		return 0;
	int rc = flush_run(turn);
	if (rc < 0)
		return rc;
	struct aichat_event ours = *event;
	ours.message_id = turn->message->id;
	turn->pending_bytes += sizeof(ours) + event->raw.len;
	return append_pending(turn, &ours);
}

/* The disk lags, or the only reader of a reply that is not stored. */
static bool is_behind(const struct aic_turn *turn)
{
	return turn->pending_bytes > PENDING_BYTES_MAX ||
	       (!turn->stored && aic_feed_backlog(turn->feed) > PENDING_BYTES_MAX);
}

static void call_events(void *user, const struct aic_events *events)
{
	struct aic_turn *turn = user;
	bool pause = false;
	int rc = 0;

	pthread_mutex_lock(&turn->lock);
	for (size_t i = 0; i < events->count && rc == 0; i++) {
		const struct aichat_event *event = &events->items[i];
		if (event->choice > 0)
			continue; /* one answer was asked for */
		rc = aic_builder_apply(turn->message, event);
		if (rc == 0)
			rc = add_pending(turn, event);
	}
	struct aic_call *call = turn->call;
	if (rc < 0 && turn->why == 0)
		turn->why = rc;
	else
		pause = !turn->paused && is_behind(turn);
	turn->paused = turn->paused || pause;
	/* The turn is alive until the call's last word, and so is the call. */
	if (rc < 0)
		aic_call_cancel(call);
	else if (pause)
		aic_call_pause(call, true);
	aic_turn_advance_locked(turn);
	pthread_mutex_unlock(&turn->lock);
}

static void call_done(void *user, struct aic_call_result *result)
{
	struct aic_turn *turn = user;

	pthread_mutex_lock(&turn->lock);
	int why = turn->why;
	aichat_error *why_error = AIC_TAKE(turn->why_error);
	if (result->model) {
		/* What the provider says it is, such as a dated name. */
		char *model = aic_strdup(result->model);
		if (model) {
			aic_free(turn->message->model);
			turn->message->model = model;
		}
	}
	if (result->response_id) {
		aic_free(turn->message->response_id);
		turn->message->response_id = aic_strdup(result->response_id);
	}
	pthread_mutex_unlock(&turn->lock);

	aichat_error *error = AIC_TAKE(result->error);
	int code = result->code;
	if (why < 0) {
		/* Something of the reply is lost, however the call ended. */
		aichat_error_unref(error);
		error = why_error;
		code = error ? why : aic_error_code(&error, why, "the reply");
	}
	ended(turn, code, error, result->began);
}

/* The call is over, or never began. Takes the error. */
static void ended(struct aic_turn *turn, int code, aichat_error *error, bool began)
{
	/* What follows may be the end of the turn. */
	aic_turn_ref(turn);
	pthread_mutex_lock(&turn->lock);
	struct aic_call *call = AIC_TAKE(turn->call);
	if (code == AICHAT_ECANCELED && turn->cancel == AIC_CANCEL_CLOSE) {
		error = aichat_error_unref(error);
		code = aic_error_set(&error, AICHAT_EINTERRUPTED,
				     "the program ended while the reply was coming");
	}
	turn->ended = true;
	turn->result = code;
	turn->error = error;
	turn->began = began;
	aic_turn_advance_locked(turn);
	pthread_mutex_unlock(&turn->lock);
	if (call)
		aic_call_release(call);
	aic_turn_unref(turn);
}

void aic_turn_fail(struct aic_turn *turn, int code, aichat_error *error)
{
	ended(turn, code, error, false);
}

void aic_turn_call(struct aic_turn *turn)
{
	const struct aic_options_chain chain = { { turn->core->options } };
	const struct aic_call_ops ops = {
		.events = call_events,
		.done = call_done,
		.discreet = !aic_chain_bool(&chain, "show_addresses", true),
	};
	struct aic_request *request = aic_turn_request(turn);
	aichat_error *error = NULL;

	if (turn->stored) /* the store has it */
		aic_messages_done(&turn->path);
	turn->rounds++;
	pthread_mutex_lock(&turn->lock);
	turn->busy = false;
	turn->ended = false;
	turn->result = turn->why = 0;
	bool cancelled = turn->cancel != AIC_CANCEL_NO;
	int rc = AICHAT_ECANCELED;
	if (cancelled)
		aic_request_free(request);
	else if (!request)
		rc = AICHAT_ENOMEM;
	else /* with the lock held: its events wait until turn->call is set */
		rc = aic_call_start(turn->core->engine, &turn->target, request, NULL,
				    &turn->limits, &ops, turn, &turn->call, &error);
	pthread_mutex_unlock(&turn->lock);
	if (rc == 0)
		return;
	if (!error)
		aic_error_code(&error, rc, "the request");
	aic_turn_fail(turn, rc, error);
}

/* ---- the log ---- */

int aic_turn_take_pending(struct aic_turn *turn)
{
	struct aic_event_list *pending = &turn->pending;
	int rc = flush_run(turn);
	size_t taken = 0;

	for (; rc == 0 && taken < pending->count; taken++) {
		if (!AIC_GROW(turn->batch.items, turn->batch.count,
			      &turn->batch.capacity)) {
			rc = AICHAT_ENOMEM;
			break;
		}
		pending->items[taken]->seq = ++turn->seq;
		turn->batch.items[turn->batch.count++] = pending->items[taken];
	}
	pending->count -= taken;
	if (taken && pending->count)
		memmove(pending->items, pending->items + taken,
			pending->count * sizeof(*pending->items));
	if (rc == 0)
		turn->pending_bytes = 0;
	return rc;
}

int aic_turn_log_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct aic_turn *turn = aic_turn_of(job);

	pthread_mutex_lock(&turn->lock);
	int rc = aic_turn_take_pending(turn);
	pthread_mutex_unlock(&turn->lock);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the reply's events");
	if (!turn->stored || !turn->batch.count)
		return 0;
	return aic_store_add_events(store, &turn->reply_id, turn->batch.items,
				    turn->batch.count, reterr);
}

static void log_done(struct aic_job *job, int code, aichat_error *error)
{
	struct aic_turn *turn = aic_turn_of(job);
	bool resume = false;

	if (code == 0)
		aic_turn_publish(turn);
	pthread_mutex_lock(&turn->lock);
	turn->busy = false;
	if (code < 0) {
		aic_log(&turn->core->log, AICHAT_LOG_ERROR, "a reply's events: %s",
			aichat_error_message(error));
		/* When the call is over, the seal writes them, or tells that it cannot.
		 */
		if (!turn->ended && turn->why == 0) {
			turn->why = code;
			turn->why_error = aichat_error_ref(error);
		}
		if (turn->call)
			aic_call_cancel(turn->call);
	} else if (turn->paused && turn->pending_bytes < PENDING_BYTES_LOW &&
		   (turn->stored || aic_feed_backlog(turn->feed) < PENDING_BYTES_LOW)) {
		resume = true;
		turn->paused = false;
	}
	if (resume && turn->call)
		aic_call_pause(turn->call, false);
	aic_turn_advance_locked(turn);
	pthread_mutex_unlock(&turn->lock);
}

void aic_turn_drained(struct aic_turn *turn)
{
	if (aic_feed_backlog(turn->feed) >= PENDING_BYTES_LOW)
		return;
	pthread_mutex_lock(&turn->lock);
	if (turn->paused && turn->pending_bytes < PENDING_BYTES_LOW) {
		turn->paused = false;
		if (turn->call)
			aic_call_pause(turn->call, false);
	}
	pthread_mutex_unlock(&turn->lock);
}

/* ---- who is next ---- */

void aic_turn_advance_locked(struct aic_turn *turn)
{
	if (turn->busy || turn->over)
		return;
	/* What could not be logged waits for the seal. */
	bool log = turn->why == 0 && (turn->pending.count || turn->run.len);
	if (!turn->ended && !log)
		return;
	turn->busy = true;
	bool seal = turn->ended;
	/* Without a store the job runs here and now, and takes the lock itself. */
	if (!turn->stored)
		pthread_mutex_unlock(&turn->lock);
	if (seal)
		aic_turn_submit(turn, aic_turn_seal_run, aic_turn_seal_done, true);
	else
		aic_turn_submit(turn, aic_turn_log_run, log_done, false);
	if (!turn->stored)
		pthread_mutex_lock(&turn->lock);
}

bool aic_turn_cancel(struct aic_turn *turn, bool closing)
{
	pthread_mutex_lock(&turn->lock);
	bool over = turn->over;
	if (turn->cancel == AIC_CANCEL_NO)
		turn->cancel = closing ? AIC_CANCEL_CLOSE : AIC_CANCEL_STOP;
	if (turn->call)
		aic_call_cancel(turn->call);
	pthread_mutex_unlock(&turn->lock);
	return !over;
}
