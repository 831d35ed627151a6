/*
 * The middle and the end of a turn: the call of the model, its events into the log, and
 * the seal. See turn_state.h for how engine and writer take turns.
 */

#include <math.h>

#include <aichat/log.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "chat/projection.h"
#include "chat/turn_state.h"
#include "model/builder.h"

static void ended(struct aic_turn *turn, int code, aichat_error *error, bool began);

/* ---- asking ---- */

static int set_string(char **to, const char *value)
{
	*to = aic_strdup(value);
	return value && !*to ? AICHAT_ENOMEM : 0;
}

/* A list option: one value a line. */
static int set_stop(struct aic_request *request, const char *lines)
{
	for (const char *at = lines; at && *at;) {
		size_t len = strcspn(at, "\n");
		if (len && aic_request_add_stop(request, (struct aic_str){ at, len }) < 0)
			return AICHAT_ENOMEM;
		at += len + (at[len] == '\n');
	}
	return 0;
}

static int set_tool_choice(struct aic_request *request, const char *choice)
{
	static const struct {
		const char *word;
		enum aic_tool_choice choice;
	} words[] = {
		{ "auto", AIC_TOOL_CHOICE_AUTO },
		{ "none", AIC_TOOL_CHOICE_NONE },
		{ "required", AIC_TOOL_CHOICE_REQUIRED },
	};

	if (!choice)
		return 0;
	for (size_t i = 0; i < AIC_ARRAY_LEN(words); i++)
		if (aic_streq(choice, words[i].word)) {
			request->tool_choice = words[i].choice;
			return 0;
		}
	request->tool_choice = AIC_TOOL_CHOICE_NAMED;
	return set_string(&request->tool_choice_name, choice);
}

static int set_body_members(struct aic_request *request,
			    const struct aichat_options *options)
{
	size_t count = aic_options_count(options);

	for (size_t i = 0; i < count; i++) {
		const char *value;
		const char *name = aic_options_at(options, i, &value);
		if (strncmp(name, "body.", 5) == 0 &&
		    aic_request_set_extra(request, aic_str(name + 5), aic_str(value)) < 0)
			return AICHAT_ENOMEM;
	}
	return 0;
}

static int fill_request(const struct aic_turn *turn, struct aic_request *request)
{
	const struct aic_options_chain chain = { { turn->options, turn->core->options } };
	const char *schema = aic_chain_string(&chain, "response_schema");
	int64_t seed = aic_chain_int(&chain, "seed", -1);

	request->max_tokens = aic_chain_int(&chain, "max_tokens", -1);
	request->temperature = aic_chain_number(&chain, "temperature");
	request->top_p = aic_chain_number(&chain, "top_p");
	request->parallel_tool_calls = aic_chain_bool(&chain, "parallel_tool_calls", -1);
	request->stream = aic_chain_bool(&chain, "stream", 1) == 1;
	request->stream_usage = request->stream;
	request->has_seed = seed >= 0;
	request->seed = seed;
	if (set_string(&request->model, turn->target.model) < 0 ||
	    set_string(&request->reasoning_effort,
		       aic_chain_string(&chain, "reasoning_effort")) < 0 ||
	    set_stop(request, aic_chain_string(&chain, "stop")) < 0)
		return AICHAT_ENOMEM;
	if (turn->tool_count &&
	    set_tool_choice(request, aic_chain_string(&chain, "tool_choice")) < 0)
		return AICHAT_ENOMEM;
	if (schema) {
		request->format = AIC_FORMAT_SCHEMA;
		if (set_string(&request->format_name, "reply") < 0 ||
		    aic_string_set(&request->format_schema, aic_str(schema)) < 0)
			return AICHAT_ENOMEM;
	}
	for (size_t i = 0; i < turn->tool_count; i++) {
		struct aic_tool tool = { 0 };
		if (aic_tool_copy(&tool, &turn->tools[i]) < 0 ||
		    aic_request_add_tool(request, &tool) < 0) {
			aic_tool_done(&tool);
			return AICHAT_ENOMEM;
		}
	}
	/* The context's members first: the send's replace them. */
	if (set_body_members(request, turn->core->options) < 0)
		return AICHAT_ENOMEM;
	return set_body_members(request, turn->options);
}

static struct aic_request *make_request(const struct aic_turn *turn)
{
	static const struct aic_dialect no_dialect = { .name = "echo" };
	const struct aic_dialect *dialect = turn->target.provider->dialect;
	struct aic_profile profile = aic_target_profile(&turn->target);
	struct aic_report report = { 0 };
	struct aic_request *request = aic_request_new();

	if (!request || fill_request(turn, request) < 0 ||
	    aic_project(turn->path.items, turn->path.count,
			dialect ? dialect : &no_dialect, &profile, request, &report) < 0)
		request = aic_request_free(request);
	for (size_t i = 0; i < report.count; i++)
		aic_log(&turn->core->log, AICHAT_LOG_INFO, "%s: %s", turn->model_name,
			report.lines[i]);
	aic_report_done(&report);
	return request;
}

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

/* Pieces that came one after the other become one event. */
static int flush_run(struct aic_turn *turn)
{
	if (!turn->run.len)
		return turn->run.error;
	turn->run_event.text = aic_buf_str(&turn->run);
	int rc = append_pending(turn, &turn->run_event);
	aic_buf_reset(&turn->run);
	return rc;
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
	if (rc < 0 && turn->result == 0)
		turn->result = rc; /* the call is cancelled; this is why */
	else
		pause = !turn->paused && turn->pending_bytes > PENDING_BYTES_MAX;
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
	int why = turn->result;
	if (result->model) {
		/* What the provider says it is, such as a dated name. */
		char *model = aic_strdup(result->model);
		if (model) {
			aic_free(turn->message->model);
			turn->message->model = model;
		}
	}
	if (result->response_id)
		turn->message->response_id = aic_strdup(result->response_id);
	pthread_mutex_unlock(&turn->lock);

	aichat_error *error = AIC_TAKE(result->error);
	int code = result->code;
	if (code == AICHAT_ECANCELED && why < 0) {
		error = aichat_error_unref(error);
		code = aic_error_code(&error, why, "the reply");
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

static const struct aic_call_ops call_ops = { .events = call_events, .done = call_done };

void aic_turn_call(struct aic_turn *turn)
{
	struct aic_request *request = make_request(turn);
	aichat_error *error = NULL;

	if (turn->stored) /* the store has it */
		aic_messages_done(&turn->path);
	turn->rounds++;
	pthread_mutex_lock(&turn->lock);
	turn->busy = false;
	turn->ended = false;
	turn->result = 0;
	bool cancelled = turn->cancel != AIC_CANCEL_NO;
	int rc = AICHAT_ECANCELED;
	if (cancelled)
		aic_request_free(request);
	else if (!request)
		rc = AICHAT_ENOMEM;
	else /* with the lock held: its events wait until turn->call is set */
		rc = aic_call_start(turn->core->engine, &turn->target, request,
				    &turn->limits, &call_ops, turn, &turn->call, &error);
	pthread_mutex_unlock(&turn->lock);
	if (rc == 0)
		return;
	if (!error)
		aic_error_code(&error, rc, "the request");
	aic_turn_fail(turn, rc, error);
}

/* ---- the log ---- */

/*
 * Number what has gathered and move it into the batch, behind what a failed commit left
 * there. With the lock held.
 */
static int take_pending(struct aic_turn *turn)
{
	int rc = flush_run(turn);

	for (size_t i = 0; i < turn->pending.count && rc == 0; i++) {
		if (!AIC_GROW(turn->batch.items, turn->batch.count,
			      &turn->batch.capacity))
			return AICHAT_ENOMEM;
		turn->pending.items[i]->seq = ++turn->seq;
		turn->batch.items[turn->batch.count++] = turn->pending.items[i];
		turn->pending.items[i] = NULL;
	}
	turn->pending.count = 0;
	turn->pending_bytes = 0;
	return rc;
}

static int log_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct aic_turn *turn = aic_turn_of(job);

	pthread_mutex_lock(&turn->lock);
	int rc = take_pending(turn);
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
		if (turn->result == 0)
			turn->result = code;
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

/* ---- the seal ---- */

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
	if (turn->began || message->part_count || turn->cancel == AIC_CANCEL_CLOSE) {
		ending.message_state = AICHAT_MESSAGE_INTERRUPTED;
		ending.reply_state = AICHAT_REPLY_INTERRUPTED;
	}
	return ending;
}

/* Whether the application is to answer tool calls, or the model goes on by itself. */
static bool wants_results(const struct aic_turn *turn)
{
	return turn->tool_count &&
	       aic_message_has(turn->message, AICHAT_PART_TOOL_CALL) &&
	       turn->message->stop_reason == AICHAT_STOP_TOOL_CALLS;
}

int aic_turn_add_terminal(struct aic_turn *turn, enum aichat_reply_state state,
			  struct aichat_message *message, aichat_error *error)
{
	struct aichat_event event = {
		.type = error ? AICHAT_EVENT_ERROR : AICHAT_EVENT_DONE,
		.state = state,
		.message = message,
		.error = error,
	};
	if (message)
		event.message_id = message->id;
	if (turn->written.count > 1) {
		event.messages = turn->written.items;
		event.message_count = turn->written.count;
	}
	return aic_turn_add_event(turn, &event);
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

	aic_builder_seal(message, state);
	message->cost_nano_usd = aic_model_cost(turn->target.info, &message->usage);
	aic_message_set_texts(message);
	struct aichat_event event = { .type = AICHAT_EVENT_MESSAGE,
				      .message_id = message->id,
				      .stop_reason = message->stop_reason,
				      .message = message };
	if (!AIC_GROW(turn->written.items, turn->written.count, &turn->written.capacity))
		return AICHAT_ENOMEM;
	turn->written.items[turn->written.count++] = aichat_message_ref(message);
	return aic_turn_add_event(turn, &event);
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

	if (turn->result < 0 || turn->cancel != AIC_CANCEL_NO ||
	    (!paused && !wants_results(turn)))
		return STEP_END;
	if (turn->rounds > turn->max_rounds)
		return STEP_LIMIT;
	return paused ? STEP_GO_ON : STEP_WAIT;
}

/* The reply's last event, and its row's. */
static int end_reply(struct aic_turn *turn, struct aic_ending *ending,
		     struct aic_buf *text)
{
	aichat_error *error = ending->code < 0 ? turn->error : NULL;

	if (turn->step == STEP_LIMIT) {
		ending->reply_state = AICHAT_REPLY_FAILED;
		aic_error_set(&turn->error, AICHAT_ELIMIT,
			      "the model went on %u times in one reply; raise "
			      "max_tool_rounds to let it go on",
			      turn->rounds);
		error = turn->error;
	}
	int rc = error ? error_json(error, ending->reply_state, text) : 0;
	if (rc == 0)
		rc = aic_turn_add_terminal(turn, ending->reply_state, turn->message,
					   error);
	return rc;
}

static int seal_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct aic_turn *turn = aic_turn_of(job);
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	if (AIC_FAULT("turn.seal"))
		return aic_error_set(reterr, AICHAT_ESTORE, "fault point turn.seal");
	pthread_mutex_lock(&turn->lock);
	int rc = take_pending(turn);
	struct aic_ending ending = ending_of(turn);
	pthread_mutex_unlock(&turn->lock);
	if (rc == 0)
		rc = seal_message(turn, ending.message_state);
	turn->step = next_step(turn);
	if (rc == 0 && turn->step == STEP_WAIT)
		ending.reply_state = AICHAT_REPLY_WAITING;
	else if (rc == 0 && turn->step == STEP_GO_ON)
		ending.reply_state = AICHAT_REPLY_RUNNING;
	else if (rc == 0)
		rc = end_reply(turn, &ending, &text);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the reply's end");
	if (turn->stored) {
		struct aic_reply_row row = aic_turn_row(turn, ending.reply_state);
		row.error = text.len ? text.data : NULL;
		rc = seal_store(turn, store, &row, reterr);
	}
	if (rc == 0 && turn->step == STEP_GO_ON)
		rc = aic_turn_write_next(turn, store, turn->message, reterr);
	return rc;
}

/*
 * The end cannot be written. Viewers are told all the same; the store has the log, and
 * whoever opens it when this process is gone folds it.
 */
static void seal_failed(struct aic_turn *turn, int code, aichat_error *error)
{
	aic_log(&turn->core->log, AICHAT_LOG_ERROR, "a reply's end was not stored: %s",
		error ? aichat_error_message(error) : aichat_error_text(code));
	for (size_t i = 0; i < turn->batch.count; i++)
		aic_event_unref(turn->batch.items[i]);
	turn->seq -= turn->batch.count;
	turn->batch.count = 0;
	aic_turn_add_terminal(turn, AICHAT_REPLY_INTERRUPTED, turn->message, error);
	aic_turn_publish(turn);
	aic_turn_leave(turn);
}

static void seal_done(struct aic_job *job, int code, aichat_error *error)
{
	struct aic_turn *turn = aic_turn_of(job);

	if (code == 0 && turn->step == STEP_GO_ON) {
		aic_turn_publish(turn);
		aic_turn_call(turn);
		return;
	}
	pthread_mutex_lock(&turn->lock);
	turn->over = true;
	pthread_mutex_unlock(&turn->lock);
	if (code < 0) {
		seal_failed(turn, code, error);
		return;
	}
	/* Nothing else remembers a reply that is not stored: its turn waits in the feed.
	 */
	bool stays = turn->step == STEP_WAIT && !turn->stored;
	aic_turn_publish(turn);
	if (stays)
		aic_turn_rest(turn);
	else
		aic_turn_leave(turn);
}

/* ---- who is next ---- */

void aic_turn_advance_locked(struct aic_turn *turn)
{
	if (turn->busy || turn->over)
		return;
	bool log = turn->pending.count || turn->run.len;
	if (!turn->ended && !log)
		return;
	turn->busy = true;
	bool seal = turn->ended;
	/* Without a store the job runs here and now, and takes the lock itself. */
	if (!turn->stored)
		pthread_mutex_unlock(&turn->lock);
	if (seal)
		aic_turn_submit(turn, seal_run, seal_done, true);
	else
		aic_turn_submit(turn, log_run, log_done, false);
	if (!turn->stored)
		pthread_mutex_lock(&turn->lock);
}

void aic_turn_cancel(struct aic_turn *turn, bool closing)
{
	pthread_mutex_lock(&turn->lock);
	if (turn->cancel == AIC_CANCEL_NO)
		turn->cancel = closing ? AIC_CANCEL_CLOSE : AIC_CANCEL_STOP;
	if (turn->call)
		aic_call_cancel(turn->call);
	pthread_mutex_unlock(&turn->lock);
}
