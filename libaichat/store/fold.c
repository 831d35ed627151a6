/*
 * Folding: the end of a reply whose process died. Its message is put together from the
 * event log, as far as that goes, and sealed as interrupted; the log gets the terminal
 * event that it lacks, so that who follows it learns the end.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "model/builder.h"
#include "store/store_internal.h"

#define DEAD_AT_ONCE 32

/* The whole log, applied to the message as far as it makes sense. */
static int replay(struct aic_session *session, const char *owner,
		  const struct aic_id *reply_id, struct aichat_message *message,
		  aichat_error **reterr)
{
	uint64_t after = 0;
	bool sound = true;

	for (;;) {
		AIC_CLEANUP(aic_event_list_done) struct aic_event_list list = { 0 };
		AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
		int rc = session->backend->ops->events(session, owner, reply_id, after,
						       &list, &error);
		/* Of a log that is damaged, what is readable is kept. */
		if (rc < 0 && rc != AICHAT_ESTORECORRUPT)
			return aic_error_pass(reterr, AIC_TAKE(error));
		if (rc < 0 || !list.count)
			return 0;
		for (size_t i = 0; i < list.count; i++) {
			const struct aichat_event *event = list.items[i];
			after = event->seq;
			if (!sound || !aic_id_equal(&event->message_id, &message->id))
				continue;
			rc = aic_builder_apply(message, event);
			if (rc == AICHAT_ENOMEM)
				return aic_error_nomem(reterr);
			sound = rc == 0; /* what came before it is kept */
		}
	}
}

/* The message, if it is open, replaced by what the log says of it: in memory only. */
static int put_together(struct aic_session *session, const char *owner,
			const struct aic_id *reply_id, struct aichat_message **message,
			aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *folded = aic_message_copy(*message);

	if (!folded)
		return aic_error_nomem(reterr);
	/* The parts of a tool message are stored as they come; others are in the log. */
	if (folded->role != AICHAT_ROLE_TOOL) {
		for (size_t i = 0; i < folded->part_count; i++)
			aic_part_done(&folded->parts[i]);
		folded->part_count = 0;
		int rc = replay(session, owner, reply_id, folded, reterr);
		if (rc < 0)
			return rc;
	}
	aic_builder_seal(folded, AICHAT_MESSAGE_INTERRUPTED);
	aichat_message_unref(*message);
	*message = AIC_TAKE(folded);
	return 0;
}

static int fold_message(struct aic_session *session, const struct aic_dead_reply *dead,
			struct aichat_message **message, aichat_error **reterr)
{
	if ((*message)->state != AICHAT_MESSAGE_OPEN)
		return 0;
	int rc = put_together(session, dead->owner, &dead->id, message, reterr);
	return rc < 0 ? rc
		      : session->backend->ops->update_message(session, dead->owner,
							      *message, reterr);
}

static int error_json(const struct aichat_event *event, char **ret_json)
{
	struct aic_buf json = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&json);
	struct aichat_event bare = {
		.type = event->type,
		.seq = event->seq,
		.message_id = event->message_id,
		.state = event->state,
		.error = event->error,
	};

	aic_event_write(&bare, &w);
	*ret_json = aic_buf_take(&json, NULL);
	aic_buf_done(&json);
	return *ret_json ? 0 : AICHAT_ENOMEM;
}

/* The terminal event; NULL for no memory. */
static struct aichat_event *end_event(const struct aic_reply_row *row,
				      const struct aic_messages *messages)
{
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	struct aichat_event event = {
		.type = AICHAT_EVENT_ERROR,
		.seq = row->last_seq + 1,
		.message_id = row->message_id,
		.state = AICHAT_REPLY_INTERRUPTED,
	};

	aic_error_set(&error, AICHAT_EINTERRUPTED,
		      "the program that was receiving the reply ended before it was "
		      "complete; what had come is kept");
	event.error = error;
	for (size_t i = 0; i < messages->count; i++)
		if (aic_id_equal(&messages->items[i]->id, &row->message_id))
			event.message = messages->items[i];
	if (messages->count > 1) {
		event.messages = messages->items;
		event.message_count = messages->count;
	}
	return aic_event_copy(&event);
}

/* The terminal event, in the log and in the row. */
static int end_reply(struct aic_session *session, const struct aic_dead_reply *dead,
		     struct aic_reply_row *row, const struct aic_messages *messages,
		     aichat_error **reterr)
{
	AIC_CLEANUP(aic_event_unrefp)
	struct aichat_event *event = end_event(row, messages);

	aic_free(AIC_TAKE(row->error));
	if (!event || error_json(event, &row->error) < 0)
		return aic_error_nomem(reterr);
	int rc = session->backend->ops->add_events(session, &dead->id, &event, 1, reterr);
	if (rc < 0)
		return rc;
	row->state = AICHAT_REPLY_INTERRUPTED;
	row->last_seq = event->seq;
	row->ended_unix_ms = aic_clock_unix_ms();
	return session->backend->ops->set_reply(session, dead->owner, row, reterr);
}

static int fold_one(struct aic_session *session, const struct aic_dead_reply *dead,
		    aichat_error **reterr)
{
	const struct aic_store_backend *ops = session->backend->ops;
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aic_messages_done) struct aic_messages messages = { 0 };

	if (AIC_FAULT("store.fold"))
		return aic_error_set(reterr, AICHAT_ESTORE, "fault point store.fold");
	int rc = ops->reply(session, dead->owner, &dead->id, &row, reterr);
	if (rc == 0)
		rc = ops->reply_messages(session, dead->owner, &dead->id, &messages,
					 reterr);
	for (size_t i = 0; rc == 0 && i < messages.count; i++)
		rc = fold_message(session, dead, &messages.items[i], reterr);
	if (rc == 0)
		rc = end_reply(session, dead, &row, &messages, reterr);
	return rc == 0 && AIC_FAULT("store.folded")
		       ? aic_error_set(reterr, AICHAT_ESTORE, "fault point store.folded")
		       : rc;
}

int aic_fold_dead(struct aic_session *session, aichat_error **reterr)
{
	struct aic_dead_reply dead[DEAD_AT_ONCE];
	size_t count = DEAD_AT_ONCE;
	int rc = 0;

	while (rc == 0 && count == DEAD_AT_ONCE) {
		rc = session->backend->ops->dead(session, dead, DEAD_AT_ONCE, &count,
						 reterr);
		for (size_t i = 0; i < count; i++) {
			if (rc == 0)
				rc = fold_one(session, &dead[i], reterr);
			aic_free(dead[i].owner);
		}
	}
	return rc;
}

static int fold_run(struct aic_job *job AIC_UNUSED, struct aic_store *store,
		    aichat_error **reterr)
{
	store->folded = true;
	return aic_fold_dead(store->backend->writer, reterr);
}

/*
 * Durable: who was told of the end must not find the reply running after a power loss.
 */
static int fold(struct aic_store *store)
{
	struct aic_job job = { .run = fold_run, .durable = true, .ends = true };

	return aic_store_run(store, &job, NULL);
}

static bool any_dead(struct aic_session *session)
{
	struct aic_dead_reply dead;
	size_t count = 0;

	if (session->backend->ops->dead(session, &dead, 1, &count, NULL) < 0)
		return false; /* the read itself will meet the failure */
	if (count)
		aic_free(dead.owner);
	return count > 0;
}

/*
 * Inside of a job: what cannot be folded stays as it was, and the job goes on, which may
 * be the one that makes room.
 */
static int fold_in_job(struct aic_store *store, aichat_error **reterr)
{
	struct aic_backend *backend = store->backend;
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;

	if (!any_dead(backend->writer))
		return 0;
	int rc = backend->ops->mark(backend, reterr);
	if (rc < 0)
		return rc;
	rc = aic_fold_dead(backend->writer, &error);
	if (rc == 0)
		return backend->ops->keep(backend, reterr);
	if (!backend->ops->in_transaction(backend))
		return aic_error_pass(reterr, AIC_TAKE(error));
	return backend->ops->undo(backend, reterr);
}

void aic_fold_at_open(struct aic_store *store)
{
	/* Of what nobody shares, nobody has died. A store that cannot be written now can
	 * be read all the same. */
	if (store->backend->is_shared && any_dead(store->backend->writer))
		(void)fold(store);
}

int aic_store_read_begin(struct aic_store *store, struct aic_session **ret_session,
			 aichat_error **reterr)
{
	struct aic_backend *backend = store->backend;
	/* Every commit waits for the writer. */
	bool hurry = atomic_load(&store->writer_thread) == (uintptr_t)pthread_self();

	if (aic_store_in_job(store)) {
		*ret_session = backend->writer;
		if (store->folded || !backend->is_shared)
			return 0;
		store->folded = true;
		return fold_in_job(store, reterr);
	}
	if (backend->one_session) {
		pthread_mutex_lock(&store->write);
		int result = backend->ops->read_begin(backend, hurry, ret_session,
						      reterr);
		if (result < 0)
			pthread_mutex_unlock(&store->write);
		return result;
	}
	int rc = backend->ops->read_begin(backend, hurry, ret_session, reterr);
	if (rc < 0 || !any_dead(*ret_session))
		return rc;
	/* A store that cannot be written now can be read all the same. */
	backend->ops->read_end(*ret_session);
	(void)fold(store);
	return backend->ops->read_begin(backend, hurry, ret_session, reterr);
}

void aic_store_read_end(struct aic_store *store, struct aic_session *session)
{
	if (aic_store_in_job(store))
		return;
	store->backend->ops->read_end(session);
	if (store->backend->one_session)
		pthread_mutex_unlock(&store->write);
}

/*
 * Whether a reply that runs in this view runs nowhere any more. An owner commits the end
 * of its reply and only then gives back its proof of life, and the view may be older than
 * that commit: so who seems dead is looked at again, in a view that begins now.
 */
static bool is_dead(struct aic_session *session, const char *owner,
		    const struct aic_reply_row *row)
{
	struct aic_backend *backend = session->backend;
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row now = { 0 };
	struct aic_session *newer = NULL;

	if (!backend->is_shared || row->state != AICHAT_REPLY_RUNNING || row->alive ||
	    backend->ops->read_begin(backend, true, &newer, NULL) < 0)
		return false;
	bool runs = backend->ops->reply(newer, owner, &row->id, &now, NULL) == 0 &&
		    now.state == AICHAT_REPLY_RUNNING && !now.alive;
	backend->ops->read_end(newer);
	return runs;
}

int aic_fold_shown(struct aic_session *session, const char *owner,
		   struct aichat_message **message, aichat_error **reterr)
{
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };

	if ((*message)->state != AICHAT_MESSAGE_OPEN)
		return 0;
	/* A tool message of a reply that waits is open, too, and stays so. */
	if (session->backend->ops->reply_of(session, owner, &(*message)->id, &row, NULL) <
		    0 ||
	    !is_dead(session, owner, &row))
		return 0;
	return put_together(session, owner, &row.id, message, reterr);
}

void aic_fold_shown_reply(struct aic_session *session, const char *owner,
			  struct aic_reply_row *row)
{
	if (!is_dead(session, owner, row))
		return;
	row->state = AICHAT_REPLY_INTERRUPTED;
	row->last_seq++;
	row->ended_unix_ms = aic_clock_unix_ms();
}

int aic_fold_shown_end(struct aic_session *session, const char *owner,
		       const struct aic_id *reply_id, uint64_t after,
		       struct aic_event_list *events, aichat_error **reterr)
{
	const struct aic_store_backend *ops = session->backend->ops;
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aic_messages_done) struct aic_messages messages = { 0 };

	int rc = ops->reply(session, owner, reply_id, &row, reterr);
	if (rc < 0 || row.last_seq != after || !is_dead(session, owner, &row))
		return rc;
	rc = ops->reply_messages(session, owner, reply_id, &messages, reterr);
	for (size_t i = 0; rc == 0 && i < messages.count; i++)
		if (messages.items[i]->state == AICHAT_MESSAGE_OPEN)
			rc = put_together(session, owner, reply_id, &messages.items[i],
					  reterr);
	if (rc < 0)
		return rc;
	struct aichat_event *event = end_event(&row, &messages);
	if (!event || !AIC_GROW(events->items, events->count, &events->capacity)) {
		aic_event_unref(event);
		return aic_error_nomem(reterr);
	}
	events->items[events->count++] = event;
	return 0;
}
