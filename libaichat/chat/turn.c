#include <aichat/log.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "chat/projection.h"
#include "chat/turn.h"
#include "chat/turn_state.h"
#include "model/builder.h"
#include "model/tools.h"

/* Logs of replies that ended this long ago are dropped, a few with each new reply. */
#define LOG_KEPT_MS (10 * 60 * 1000)
#define LOGS_DROPPED 4
#define TITLE_CHARACTERS 80

static int begin_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr);

struct aic_turn *aic_turn_new(struct aic_core *core, const char *owner,
			      struct aic_feed *feed, const struct aic_target *target)
{
	struct aic_turn *turn = aic_new(struct aic_turn);

	if (!turn)
		return NULL;
	turn->refs = 1;
	turn->core = aic_core_ref(core);
	turn->feed = aic_feed_ref(feed);
	turn->stored = feed->stored;
	turn->reply_id = feed->reply_id;
	turn->run = aic_buf(AIC_PART_BYTES_MAX);
	pthread_mutex_init(&turn->lock, NULL);
	turn->target.provider = target->provider;
	turn->target.info = target->info;
	turn->target.model = aic_strdup(target->model);
	turn->owner = aic_strdup(owner);
	struct aic_buf name = aic_buf(1024);
	aic_buf_printf(&name, "%s/%s", target->provider->name, target->model);
	turn->model_name = aic_buf_take(&name, NULL);
	aic_buf_done(&name);
	turn->last_resort = aic_event_copy(&(struct aichat_event){
		.type = AICHAT_EVENT_ERROR,
		.state = AICHAT_REPLY_INTERRUPTED,
	});
	if (turn->last_resort)
		aic_error_nomem(&turn->last_resort->error);
	if (!turn->target.model || !turn->owner || !turn->model_name ||
	    !turn->last_resort) {
		aic_turn_unref(turn);
		return NULL;
	}
	return turn;
}

struct aic_turn *aic_turn_ref(struct aic_turn *turn)
{
	atomic_fetch_add_explicit(&turn->refs, 1, memory_order_relaxed);
	return turn;
}

struct aic_turn *aic_turn_unref(struct aic_turn *turn)
{
	if (!turn || atomic_fetch_sub_explicit(&turn->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	if (turn->call)
		aic_call_release(turn->call);
	aic_event_list_done(&turn->pending);
	aic_event_list_done(&turn->batch);
	aic_buf_done(&turn->run);
	aic_event_unref(turn->last_resort);
	aichat_error_unref(turn->error);
	aichat_error_unref(turn->why_error);
	aichat_message_unref(turn->message);
	aichat_message_unref(turn->before);
	aichat_message_unref(turn->tool_message);
	aichat_message_unref(turn->user_message);
	aic_messages_done(&turn->path);
	aic_messages_done(&turn->written);
	aic_tools_free(turn->tools, turn->tool_count);
	aichat_options_free(turn->options);
	aic_target_done(&turn->target);
	pthread_mutex_destroy(&turn->lock);
	aic_free(turn->request_digest);
	aic_free(turn->request_key);
	aic_free(turn->tools_json);
	aic_free(turn->model_name);
	aic_free(turn->settings);
	aic_free(turn->system);
	aic_free(turn->owner);
	aic_feed_unref(turn->feed);
	aic_core_unref(turn->core);
	aic_free(turn);
	return NULL;
}

int aic_turn_configure(struct aic_turn *turn, const struct aichat_options *options,
		       const char *tools, aichat_error **reterr)
{
	turn->options = options ? aic_options_copy(options) : aichat_options_new();
	/* The system prompt is a message; what is erased there must be nowhere else. */
	if (!turn->options ||
	    aic_options_set(turn->options, "system", (struct aic_str){ 0 }, NULL, false,
			    NULL) < 0)
		return aic_error_nomem(reterr);
	if (tools) {
		turn->tools_json = aic_strdup(tools);
		if (!turn->tools_json)
			return aic_error_nomem(reterr);
		int rc = aic_tools_read(aic_str(tools), &turn->tools, &turn->tool_count,
					reterr);
		if (rc < 0)
			return rc;
	}
	const struct aic_options_chain chain = { { turn->options, turn->core->options } };
	turn->limits = aic_call_limits(&chain);
	turn->max_rounds = aic_chain_int(&chain, "max_tool_rounds", 25);
	return 0;
}

struct aichat_message *aic_turn_open_message(const struct aic_turn *turn,
					     const struct aic_id *parent)
{
	struct aichat_message *message = aic_message_new(AICHAT_ROLE_ASSISTANT);

	if (!message)
		return NULL;
	message->id = aic_id_new();
	message->conversation_id = turn->conversation_id;
	message->parent_id = *parent;
	message->created_unix_ms = aic_clock_unix_ms();
	message->provider = aic_strdup(turn->target.provider->name);
	message->model = aic_strdup(turn->target.model);
	const struct aic_dialect *dialect = turn->target.provider->dialect;
	message->dialect = dialect ? aic_strdup(dialect->name) : NULL;
	aic_message_set_texts(message);
	if (!message->provider || !message->model || (dialect && !message->dialect))
		message = aichat_message_unref(message);
	return message;
}

int aic_turn_add_event(struct aic_turn *turn, struct aichat_event *event)
{
	if (!AIC_GROW(turn->batch.items, turn->batch.count, &turn->batch.capacity))
		return AICHAT_ENOMEM;
	event->seq = turn->seq + 1;
	struct aichat_event *copy = aic_event_copy(event);
	if (!copy)
		return AICHAT_ENOMEM;
	turn->batch.items[turn->batch.count++] = copy;
	turn->seq++;
	return 0;
}

struct aic_reply_row aic_turn_row(const struct aic_turn *turn,
				  enum aichat_reply_state state)
{
	struct aic_reply_row row = {
		.id = turn->reply_id,
		.conversation_id = turn->conversation_id,
		.parent_id = turn->answer_id,
		.state = state,
		.rounds = turn->rounds,
		.last_seq = turn->seq,
		.created_unix_ms = aic_clock_unix_ms(),
		.model = turn->model_name,
	};
	if (turn->message)
		row.message_id = turn->message->id;
	if (state >= AICHAT_REPLY_COMPLETE)
		row.ended_unix_ms = row.created_unix_ms;
	return row;
}

int aic_turn_request_json(const struct aic_turn *turn, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);

	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "options");
	aic_options_write(turn->options, &w);
	if (turn->tools_json) {
		aic_json_put_key(&w, "tools");
		aic_json_put_raw(&w, aic_str(turn->tools_json));
	}
	aic_json_end(&w, '}');
	return out->error;
}

void aic_turn_publish(struct aic_turn *turn)
{
	aic_feed_publish(turn->feed, turn->batch.items, turn->batch.count);
	for (size_t i = 0; i < turn->batch.count; i++)
		aic_event_unref(turn->batch.items[i]);
	turn->batch.count = 0;
}

void aic_turn_drop_batch(struct aic_turn *turn)
{
	for (size_t i = 0; i < turn->batch.count; i++)
		aic_event_unref(turn->batch.items[i]);
	turn->seq -= turn->batch.count;
	turn->batch.count = 0;
}

int aic_turn_add_written(struct aic_turn *turn, struct aichat_message *message)
{
	struct aic_messages *written = &turn->written;

	if (written->count && written->items[written->count - 1] == message)
		return 0;
	if (!AIC_GROW(written->items, written->count, &written->capacity))
		return AICHAT_ENOMEM;
	written->items[written->count++] = aichat_message_ref(message);
	return 0;
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

void aic_turn_publish_end(struct aic_turn *turn, enum aichat_reply_state state,
			  struct aichat_message *message, aichat_error *error)
{
	aic_turn_drop_batch(turn);
	if (aic_turn_add_terminal(turn, state, message, error) == 0) {
		aic_turn_publish(turn);
		return;
	}
	struct aichat_event *event = turn->last_resort;
	event->seq = ++turn->seq;
	event->state = state;
	event->message_id = turn->message->id;
	aic_id_text(&event->message_id, event->message_id_text);
	aic_feed_publish(turn->feed, &event, 1);
}

void aic_turn_submit(struct aic_turn *turn,
		     int (*run)(struct aic_job *, struct aic_store *, aichat_error **),
		     void (*done)(struct aic_job *, int, aichat_error *), bool durable)
{
	turn->job = (struct aic_job){
		.run = run,
		.done = done,
		.durable = durable,
		.ends = run != begin_run,
		.simple = run == aic_turn_log_run,
	};
	if (turn->stored) {
		aic_store_submit(turn->core->store, &turn->job);
		return;
	}
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	int rc = run(&turn->job, NULL, &error);
	done(&turn->job, rc, error);
}

int aic_turn_enter(struct aic_turn *turn, aichat_error **reterr)
{
	/* Seen by a close that comes now, or refused by one that has come. */
	aic_feed_set_turn(turn->feed, turn);
	int rc = aic_core_begin_turn(turn->core, reterr);
	if (rc < 0) {
		aic_feed_set_turn(turn->feed, NULL);
		return rc;
	}
	turn->busy = true;
	aic_core_watch(turn->core);
	return 0;
}

void aic_turn_leave(struct aic_turn *turn)
{
	struct aic_core *core = turn->core;

	aic_feed_set_turn(turn->feed, NULL);
	aic_feed_wake(turn->feed);
	aic_core_watch(core);
	/* The core must outlive the word that this turn is over. */
	aic_core_ref(core);
	aic_turn_unref(turn);
	aic_core_end_turn(core);
	aic_core_unref(core);
}

void aic_turn_rest(struct aic_turn *turn)
{
	struct aic_core *core = aic_core_ref(turn->core);

	aic_turn_unref(turn);
	aic_core_end_turn(core);
	aic_core_unref(core);
}

/* ---- begin ---- */

char *aic_turn_title(const struct aichat_message *message)
{
	struct aic_buf title = aic_buf(TITLE_CHARACTERS * 4 + 8);
	size_t characters = 0;
	bool space = false;

	for (size_t p = 0; p < message->part_count; p++) {
		const struct aichat_part *part = &message->parts[p];
		if (part->type != AICHAT_PART_TEXT)
			continue;
		for (size_t i = 0; i < part->text.len; i++) {
			unsigned char c = (unsigned char)part->text.data[i];
			if (c <= ' ' || c == 0x7f) {
				space = title.len > 0;
				continue;
			}
			bool first = (c & 0xc0) != 0x80; /* of a character's bytes */
			if (first && characters + space >= TITLE_CHARACTERS) {
				aic_buf_puts(&title, "\xe2\x80\xa6"); /* an ellipsis */
				return aic_buf_take(&title, NULL);
			}
			if (first && space) {
				aic_buf_putc(&title, ' ');
				characters++;
				space = false;
			}
			characters += first;
			aic_buf_putc(&title, (char)c);
		}
	}
	return aic_buf_take(&title, NULL);
}

static int write_conversation(struct aic_turn *turn, struct aic_store *store,
			      aichat_error **reterr)
{
	int64_t now = aic_clock_unix_ms();
	AIC_CLEANUP(aic_freep) char *title = aic_turn_title(turn->user_message);
	struct aic_conversation_row row = {
		.id = turn->conversation_id,
		.title = title,
		.settings = turn->settings,
		.created_unix_ms = now,
		.updated_unix_ms = now,
		.version = 1,
	};

	return aic_store_add_conversation(store, turn->owner, &row, reterr);
}

/* The first message of a branch that follows nothing. */
static int write_system(struct aic_turn *turn, struct aic_store *store,
			aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *system = aic_message_new(AICHAT_ROLE_SYSTEM);

	if (!system || aic_message_add_text(system, aic_str(turn->system)) < 0)
		return aic_error_nomem(reterr);
	system->id = aic_id_new();
	system->conversation_id = turn->conversation_id;
	system->state = AICHAT_MESSAGE_SEALED;
	system->created_unix_ms = aic_clock_unix_ms();
	aic_message_set_texts(system);
	turn->parent_id = system->id;
	return aic_store_add_message(store, turn->owner, system, NULL, reterr);
}

/* One that was saved empty gets its title and its settings now. */
static int change_conversation(struct aic_turn *turn, struct aic_store *store,
			       struct aic_conversation_row *row, aichat_error **reterr)
{
	bool changed = turn->settings && !aic_streq(row->settings, turn->settings);

	if (changed) {
		aic_free(row->settings);
		row->settings = aic_strdup(turn->settings);
		if (!row->settings)
			return aic_error_nomem(reterr);
	}
	if (turn->user_message && !row->title && !aic_id_is_set(&row->head)) {
		row->title = aic_turn_title(turn->user_message);
		if (!row->title)
			return aic_error_nomem(reterr);
		changed = true;
	}
	return changed ? aic_store_set_conversation(store, turn->owner, row, 0, reterr)
		       : 0;
}

/* The conversation as it is to be: made if it is not there, changed if need be. */
static int settle_conversation(struct aic_turn *turn, struct aic_store *store,
			       aichat_error **reterr)
{
	AIC_CLEANUP(aic_conversation_row_done) struct aic_conversation_row row = { 0 };
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	bool has_parent = aic_id_is_set(&turn->parent_id) ||
			  aic_id_is_set(&turn->after_reply);

	if (!turn->settings && !turn->version && (has_parent || !turn->user_message))
		return 0;
	int rc = aic_store_conversation(store, turn->owner, &turn->conversation_id, &row,
					&error);
	if (rc == AICHAT_ENOTFOUND && turn->new_conversation)
		return write_conversation(turn, store, reterr);
	if (rc < 0)
		return aic_error_pass(reterr, AIC_TAKE(error));
	if (turn->version && turn->version != row.version)
		return aic_error_set(reterr, AICHAT_ESTALE,
				     "the conversation was changed by someone else; read "
				     "it again");
	return change_conversation(turn, store, &row, reterr);
}

/* Where the store says that the conversation ends. */
static int stored_head(struct aic_turn *turn, struct aic_store *store,
		       aichat_error **reterr)
{
	struct aic_conversation_row row = { 0 };
	int rc = aic_store_conversation(store, turn->owner, &turn->conversation_id, &row,
					reterr);

	turn->parent_id = row.head;
	aic_conversation_row_done(&row);
	return rc;
}

/* The reply that this send follows may have written more than one message. */
static int follow_reply(struct aic_turn *turn, struct aic_store *store,
			aichat_error **reterr)
{
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;

	if (!aic_id_is_set(&turn->after_reply))
		return 0;
	int rc = aic_store_reply(store, turn->owner, &turn->after_reply, &row, &error);
	if (rc == 0)
		turn->parent_id = row.message_id;
	return rc == 0 || rc == AICHAT_ENOTFOUND
		       ? 0
		       : aic_error_pass(reterr, AIC_TAKE(error));
}

/*
 * A message that is being written has no end to follow: who sends meanwhile continues
 * where the running reply began, and makes a sibling. A message that is not there is the
 * answer of an earlier send that could not be stored.
 */
static int settle_parent(struct aic_turn *turn, struct aic_store *store,
			 aichat_error **reterr)
{
	bool looked = false;

	while (aic_id_is_set(&turn->parent_id)) {
		AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *parent = NULL;
		AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *question = NULL;
		AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row reply = { 0 };
		AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
		int rc = aic_store_message(store, turn->owner, &turn->parent_id, &parent,
					   &error);
		if (rc == AICHAT_ENOTFOUND && !looked) {
			looked = true;
			rc = stored_head(turn, store, reterr);
			if (rc < 0)
				return rc;
			continue;
		}
		if (rc < 0)
			return aic_error_pass(reterr, AIC_TAKE(error));
		if (parent->state != AICHAT_MESSAGE_OPEN)
			return 0;
		rc = aic_store_reply_of(store, turn->owner, &turn->parent_id, &reply,
					reterr);
		if (rc == 0)
			rc = aic_store_message(store, turn->owner, &reply.parent_id,
					       &question, reterr);
		if (rc < 0)
			return rc;
		turn->parent_id = question->parent_id;
	}
	return 0;
}

static int write_question(struct aic_turn *turn, struct aic_store *store,
			  aichat_error **reterr)
{
	struct aichat_message *question = turn->user_message;

	if (!question)
		return 0;
	int rc = follow_reply(turn, store, reterr);
	if (rc == 0)
		rc = settle_parent(turn, store, reterr);
	if (rc == 0 && turn->system && !aic_id_is_set(&turn->parent_id))
		rc = write_system(turn, store, reterr);
	if (rc < 0)
		return rc;
	question->parent_id = turn->parent_id;
	aic_message_set_texts(question);
	turn->answer_id = question->id;
	return aic_store_add_message(store, turn->owner, question, NULL, reterr);
}

static int write_reply(struct aic_turn *turn, struct aic_store *store,
		       aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf request = aic_buf(0);

	turn->message->parent_id = turn->answer_id;
	aic_message_set_texts(turn->message);
	if (aic_turn_request_json(turn, &request) < 0)
		return aic_error_code(reterr, request.error, "the reply's settings");
	struct aic_reply_row row = aic_turn_row(turn, AICHAT_REPLY_RUNNING);
	row.request = request.data;
	int rc = aic_store_add_reply(store, turn->owner, &row, reterr);
	if (rc == 0)
		rc = aic_store_add_message(store, turn->owner, turn->message,
					   &turn->reply_id, reterr);
	if (rc == 0)
		rc = aic_store_set_head(store, turn->owner, &turn->conversation_id,
					&turn->message->id, aic_clock_unix_ms(), reterr);
	return rc;
}

/* One request makes one reply, however often it is repeated. */
static int claim_request(struct aic_turn *turn, struct aic_store *store,
			 aichat_error **reterr)
{
	const struct aic_idempotency request = { turn->request_key,
						 turn->request_digest };
	char id[AIC_ID_TEXT];

	return aic_store_add_idempotency(store, turn->owner, &request,
					 aic_id_text(&turn->reply_id, id), reterr);
}

static int begin_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct aic_turn *turn = aic_turn_of(job);
	int rc = 0;

	if (turn->stored) {
		rc = claim_request(turn, store, reterr);
		if (rc == 0)
			rc = settle_conversation(turn, store, reterr);
		if (rc == 0)
			rc = write_question(turn, store, reterr);
		if (rc == 0)
			rc = write_reply(turn, store, reterr);
		if (rc == 0)
			rc = aic_store_path(store, turn->owner, &turn->answer_id, 0,
					    &turn->path, reterr);
	}
	if (rc < 0)
		return rc;
	struct aichat_event start = {
		.type = AICHAT_EVENT_START,
		.message_id = turn->message->id,
		.reply_id = turn->reply_id,
		.conversation_id = turn->conversation_id,
		.user_message_id = turn->answer_id,
		.model = aic_str(turn->model_name),
	};
	if (aic_turn_add_event(turn, &start) < 0)
		return aic_error_nomem(reterr);
	if (turn->stored) {
		rc = aic_store_add_events(store, &turn->reply_id, turn->batch.items,
					  turn->batch.count, reterr);
		if (rc == 0)
			rc = aic_store_prune(store, aic_clock_unix_ms() - LOG_KEPT_MS,
					     LOGS_DROPPED, reterr);
	}
	return AIC_FAULT("turn.begin")
		       ? aic_error_set(reterr, AICHAT_ESTORE, "fault point turn.begin")
		       : rc;
}

/* Nothing of it is on disk: the error is the only event that there ever is. */
static void begin_failed(struct aic_turn *turn, int code, aichat_error *error)
{
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *own = aichat_error_ref(error);

	if (!own)
		aic_error_code(&own, code, "the reply");
	aic_log(&turn->core->log, AICHAT_LOG_ERROR, "a reply was not begun: %s",
		aichat_error_message(own));
	pthread_mutex_lock(&turn->lock);
	turn->over = true;
	pthread_mutex_unlock(&turn->lock);
	aic_turn_publish_end(turn, AICHAT_REPLY_FAILED, NULL, own);
	aic_turn_leave(turn);
}

static void begin_done(struct aic_job *job, int code, aichat_error *error)
{
	struct aic_turn *turn = aic_turn_of(job);

	if (code < 0) {
		begin_failed(turn, code, error);
		return;
	}
	aic_turn_publish(turn);
	aic_turn_call(turn);
}

static int copy_messages(struct aic_messages *to, struct aichat_message *const *from,
			 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!AIC_GROW(to->items, to->count, &to->capacity))
			return AICHAT_ENOMEM;
		to->items[to->count++] = aichat_message_ref(from[i]);
	}
	return 0;
}

static int take_question(struct aic_turn *turn, const struct aic_turn_question *q)
{
	turn->conversation_id = q->conversation_id;
	turn->new_conversation = q->new_conversation;
	turn->version = q->version;
	turn->parent_id = q->parent_id;
	turn->after_reply = q->after_reply;
	turn->answer_id = q->answer_id;
	turn->system = aic_strdup(q->system);
	turn->settings = aic_strdup(q->settings);
	turn->request_key = aic_strdup(q->request.key);
	turn->request_digest = aic_strdup(q->request.digest);
	turn->user_message = aichat_message_ref(q->user_message);
	if ((q->system && !turn->system) || (q->settings && !turn->settings) ||
	    (q->request.key && !turn->request_key) ||
	    (q->request.digest && !turn->request_digest))
		return AICHAT_ENOMEM;
	if (q->user_message)
		turn->answer_id = q->user_message->id;
	turn->message = aic_turn_open_message(turn, &turn->answer_id);
	if (!turn->message)
		return AICHAT_ENOMEM;
	return copy_messages(&turn->path, q->messages, q->message_count);
}

/* The model that the options name, or that the configuration stands for. */
static int find_target(const struct aic_core *core, const struct aichat_options *options,
		       struct aic_target *ret_target, aichat_error **reterr)
{
	const struct aic_options_chain chain = { { options, core->options } };
	const char *model = aic_chain_string(&chain, "model");
	AIC_CLEANUP(aic_freep) char *configured = NULL;

	if (!model) {
		int rc = aic_model_configured(core->registry, core->options, &configured,
					      reterr);
		if (rc < 0)
			return rc;
		model = configured;
	}
	if (!model)
		return aic_error_set(
			reterr, AICHAT_EMODEL,
			"no model is set: set the option \"model\" or a "
			"provider's key, or ask aichat_model_choose() for one");
	return aic_target_resolve(core->registry, model, ret_target, reterr);
}

int aic_turn_start(struct aic_core *core, const char *owner,
		   const struct aic_turn_question *question, struct aic_feed **ret_feed,
		   struct aic_id *ret_answer_id, aichat_error **reterr)
{
	struct aic_target target = { 0 };
	struct aic_feed *feed = NULL;
	struct aic_turn *turn = NULL;

	int rc = find_target(core, question->options, &target, reterr);
	if (rc < 0)
		return rc;
	rc = aic_target_check_key(&target, reterr);
	if (rc == 0)
		rc = aic_core_start(core, reterr);
	if (rc < 0)
		goto out;
	if (target.provider->dialect)
		aic_core_prepare(core);
	const struct aic_id reply_id = aic_id_new();
	bool stored = aic_id_is_set(&question->conversation_id);
	rc = aic_feed_new(core, owner, &reply_id, stored, &feed);
	if (rc == 0 && !(turn = aic_turn_new(core, owner, feed, &target)))
		rc = AICHAT_ENOMEM;
	if (rc < 0) {
		aic_error_nomem(reterr);
		goto out;
	}
	rc = aic_turn_configure(turn, question->options, question->tools, reterr);
	if (rc == 0 && (rc = take_question(turn, question)) < 0)
		aic_error_nomem(reterr);
	if (rc == 0)
		rc = aic_turn_enter(turn, reterr);
	if (rc < 0)
		goto out;
	if (ret_answer_id)
		*ret_answer_id = turn->message->id;
	*ret_feed = AIC_TAKE(feed);
	/* From here on the turn owns itself; aic_turn_leave() lets it go. */
	aic_turn_submit(AIC_TAKE(turn), begin_run, begin_done, true);
out:
	aic_turn_unref(turn);
	aic_feed_unref(feed);
	aic_target_done(&target);
	return rc;
}
