/*
 * Replies and their logs.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "store/sqlite.h"

/* What one call gives, about; at least one row of the log. */
#define EVENTS_BYTES_MAX ((size_t)256 << 10)

static int64_t log_first(int64_t reply)
{
	return reply << AIC_SEQ_BITS;
}

static int64_t log_end(int64_t reply)
{
	return (reply + 1) << AIC_SEQ_BITS;
}

/* The number of the last event in a log, 0 for none. */
static int last_logged(struct aic_sqlite_conn *conn, int64_t reply, uint64_t *ret_seq,
		       aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_LOG_END);

	aic_query_bind_int(&q, log_first(reply));
	aic_query_bind_int(&q, log_end(reply));
	int rc = aic_query_step(&q, reterr);
	*ret_seq = 0;
	if (rc > 0) {
		int64_t first = aic_query_int(&q) & AIC_SEQ_MAX;
		*ret_seq = (uint64_t)(first + aic_query_int(&q) - 1);
	}
	return rc < 0 ? rc : 0;
}

int aic_sqlite_take_reply(struct aic_query *q, struct aic_sqlite_reply *ret_reply,
			  aichat_error **reterr)
{
	struct aic_sqlite *db = q->conn->db;
	struct aic_reply_row row = { 0 };
	uint64_t logged = 0;

	ret_reply->no = aic_query_int(q);
	int64_t slot = aic_query_int(q);
	ret_reply->logged = aic_query_int(q) != 0;
	aic_query_id(q, &row.id);
	aic_query_id(q, &row.conversation_id);
	aic_query_id(q, &row.parent_id);
	aic_query_id(q, &row.message_id);
	row.state = (enum aichat_reply_state)aic_query_int(q);
	row.cancelled = aic_query_int(q) != 0;
	row.rounds = (uint32_t)aic_query_int(q);
	row.last_seq = (uint64_t)aic_query_int(q);
	row.created_unix_ms = aic_query_int(q);
	row.ended_unix_ms = aic_query_int(q);
	aic_query_text(q, &row.model);
	aic_query_text(q, &row.request);
	aic_query_text(q, &row.error);
	int rc = aic_query_check(q, reterr);
	/* While it runs, the log is ahead of the row. */
	if (rc == 0 && row.state < AICHAT_REPLY_COMPLETE)
		rc = last_logged(q->conn, ret_reply->no, &logged, reterr);
	if (rc < 0) {
		aic_reply_row_done(&row);
		return rc;
	}
	row.last_seq = AIC_MAX(row.last_seq, logged);
	row.alive = row.state == AICHAT_REPLY_RUNNING &&
		    aic_sqlite_slot_lives(&db->lock, (uint32_t)slot);
	ret_reply->row = row;
	return 0;
}

static int find_reply(struct aic_sqlite_conn *conn, enum aic_sql which, const char *owner,
		      const struct aic_id *id, const char *what,
		      struct aic_sqlite_reply *ret_reply, aichat_error **reterr)
{
	AIC_QUERY(q, conn, which);

	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, what, id);
	return rc < 0 ? rc : aic_sqlite_take_reply(&q, ret_reply, reterr);
}

int aic_sqlite_read_reply(struct aic_session *session, const char *owner,
			  const struct aic_id *id, struct aic_reply_row *ret_row,
			  aichat_error **reterr)
{
	struct aic_sqlite_reply reply;
	int rc = find_reply(aic_sqlite_conn_of(session), AIC_SQL_REPLY, owner, id,
			    "reply", &reply, reterr);

	if (rc == 0)
		*ret_row = reply.row;
	return rc;
}

int aic_sqlite_read_reply_of(struct aic_session *session, const char *owner,
			     const struct aic_id *message_id,
			     struct aic_reply_row *ret_row, aichat_error **reterr)
{
	struct aic_sqlite_reply reply;
	int rc = find_reply(aic_sqlite_conn_of(session), AIC_SQL_REPLY_OF, owner,
			    message_id, "reply that wrote message", &reply, reterr);

	if (rc == 0)
		*ret_row = reply.row;
	return rc;
}

/* ---- proofs of life --------------------------------------------------------------- */

int aic_sqlite_claim(struct aic_session *session, aichat_error **reterr)
{
	struct aic_sqlite *db = aic_sqlite_conn_of(session)->db;
	int rc = aic_sqlite_take_slot(&db->lock, db->path, reterr);

	if (rc > 0)
		db->slot_fresh = db->slot_uncommitted = db->slot_unkept = true;
	return rc;
}

void aic_sqlite_own(struct aic_session *session)
{
	aic_sqlite_conn_of(session)->db->slot_fresh = false;
}

static int dead_of_slot(struct aic_sqlite_conn *conn, int64_t slot,
			struct aic_dead_reply *replies, size_t max, size_t *count,
			aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_OF_SLOT);
	int rc;

	aic_query_bind_int(&q, slot);
	aic_query_bind_int(&q, (int64_t)(max - *count));
	while ((rc = aic_query_step(&q, reterr)) > 0) {
		struct aic_dead_reply *dead = &replies[*count];
		aic_query_id(&q, &dead->id);
		aic_query_text(&q, &dead->owner);
		if (dead->owner)
			++*count;
		rc = aic_query_check(&q, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int aic_sqlite_dead(struct aic_session *session, struct aic_dead_reply *ret_replies,
		    size_t max, size_t *ret_count, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	struct aic_sqlite *db = conn->db;
	bool fresh = conn == &db->writer && db->slot_fresh;
	int64_t slot = 0;
	int rc = 0;

	*ret_count = 0;
	/* Memory dies with its only process. */
	while (rc == 0 && db->path && *ret_count < max) {
		AIC_QUERY(q, conn, AIC_SQL_NEXT_SLOT);
		aic_query_bind_int(&q, slot);
		rc = aic_query_step(&q, reterr);
		slot = rc > 0 ? aic_query_int(&q) : 0;
		aic_query_done(&q);
		if (rc <= 0 || !slot)
			break; /* the minimum of none is null */
		rc = 0;
		if ((fresh && slot == db->lock.slot) ||
		    !aic_sqlite_slot_lives(&db->lock, (uint32_t)slot))
			rc = dead_of_slot(conn, slot, ret_replies, max, ret_count,
					  reterr);
	}
	for (size_t i = 0; rc < 0 && i < *ret_count; i++)
		aic_free(ret_replies[i].owner);
	if (rc < 0)
		*ret_count = 0;
	return rc < 0 ? rc : 0;
}

int aic_sqlite_read_cancelled(struct aic_session *session, struct aic_id *ret_ids,
			      size_t max, size_t *ret_count, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	AIC_QUERY(q, conn, AIC_SQL_CANCELLED);
	int rc;

	*ret_count = 0;
	aic_query_bind_int(&q, conn->db->lock.slot);
	aic_query_bind_int(&q, (int64_t)max);
	while ((rc = aic_query_step(&q, reterr)) > 0)
		aic_query_id(&q, &ret_ids[(*ret_count)++]);
	return rc < 0 ? rc : aic_query_check(&q, reterr);
}

/* ---- rows ------------------------------------------------------------------------- */

static void bind_time(struct aic_query *q, int64_t unix_ms)
{
	if (unix_ms)
		aic_query_bind_int(q, unix_ms);
	else
		aic_query_bind_null(q);
}

/* Only a running reply has an owner. */
static void bind_slot(struct aic_query *q, const struct aic_reply_row *row)
{
	if (row->state == AICHAT_REPLY_RUNNING)
		aic_query_bind_int(q, q->conn->db->lock.slot);
	else
		aic_query_bind_null(q);
}

int aic_sqlite_add_reply(struct aic_session *session, const char *owner,
			 const struct aic_reply_row *row, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t no = 0;
	int rc = aic_sqlite_conversation_no(conn, owner, &row->conversation_id, &no,
					    reterr);

	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_ADD_REPLY);
	aic_query_bind_int(&q, no);
	bind_slot(&q, row);
	aic_query_bind_id(&q, &row->id);
	aic_query_bind_id(&q, &row->parent_id);
	aic_query_bind_id(&q, &row->message_id);
	aic_query_bind_int(&q, row->state);
	aic_query_bind_int(&q, row->cancelled);
	aic_query_bind_int(&q, row->rounds);
	aic_query_bind_int(&q, (int64_t)row->last_seq);
	aic_query_bind_int(&q, row->created_unix_ms);
	bind_time(&q, row->ended_unix_ms);
	aic_query_bind_text(&q, row->model);
	aic_query_bind_text(&q, row->request);
	aic_query_bind_text(&q, row->error);
	return aic_query_run(&q, reterr);
}

/* Why an update found nothing: it is not there, or over. */
static int unchanged(struct aic_session *session, const char *owner,
		     const struct aic_id *id, aichat_error **reterr)
{
	struct aic_reply_row row = { 0 };
	int rc = aic_sqlite_read_reply(session, owner, id, &row, reterr);

	if (rc < 0)
		return rc;
	rc = aic_error_set(reterr, AICHAT_ESTATE, "the reply is %s",
			   aichat_reply_state_name(row.state));
	aic_reply_row_done(&row);
	return rc;
}

int aic_sqlite_set_reply(struct aic_session *session, const char *owner,
			 const struct aic_reply_row *row, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	AIC_QUERY(q, conn, AIC_SQL_SET_REPLY);

	aic_query_bind_id(&q, &row->id);
	aic_query_bind_text(&q, owner);
	bind_slot(&q, row);
	aic_query_bind_id(&q, &row->message_id);
	aic_query_bind_int(&q, row->state);
	aic_query_bind_int(&q, row->rounds);
	aic_query_bind_int(&q, (int64_t)row->last_seq);
	bind_time(&q, row->ended_unix_ms);
	aic_query_bind_text(&q, row->error);
	int rc = aic_query_run(&q, reterr);
	if (rc < 0 || sqlite3_changes(conn->handle) > 0)
		return rc;
	return unchanged(session, owner, &row->id, reterr);
}

int aic_sqlite_cancel_reply(struct aic_session *session, const char *owner,
			    const struct aic_id *id, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	AIC_QUERY(q, conn, AIC_SQL_CANCEL_REPLY);

	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_run(&q, reterr);
	if (rc < 0 || sqlite3_changes(conn->handle) > 0)
		return rc;
	return unchanged(session, owner, id, reterr);
}

/* ---- logs ------------------------------------------------------------------------- */

/* A running reply's number, and that these events are the next of its log. */
static int check_next(struct aic_sqlite_conn *conn, const struct aic_id *reply_id,
		      struct aichat_event *const *events, size_t count, int64_t *ret_no,
		      aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_REPLY_PLACE);

	aic_query_bind_id(&q, reply_id);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, "reply", reply_id);
	if (rc < 0)
		return rc;
	*ret_no = aic_query_int(&q);
	enum aichat_reply_state state = (enum aichat_reply_state)aic_query_int(&q);
	if (state >= AICHAT_REPLY_COMPLETE)
		return aic_error_set(reterr, AICHAT_ESTATE, "the reply is %s",
				     aichat_reply_state_name(state));
	uint64_t last = (uint64_t)aic_query_int(&q); /* 0 for none */
	rc = aic_query_check(&q, reterr);
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (events[i]->seq != last + 1 + i || events[i]->seq > AIC_SEQ_MAX)
			return aic_error_set(reterr, AICHAT_ESTATE,
					     "event %llu does not follow event %llu",
					     (unsigned long long)events[i]->seq,
					     (unsigned long long)(last + i));
	return rc;
}

int aic_sqlite_add_events(struct aic_session *session, const struct aic_id *reply_id,
			  struct aichat_event *const *events, size_t count,
			  aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	AIC_CLEANUP(aic_buf_done) struct aic_buf payload = aic_buf(0);
	int64_t no = 0;
	int rc = check_next(conn, reply_id, events, count, &no, reterr);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		struct aic_json_writer w = aic_json_writer(&payload);
		aic_event_write(events[i], &w);
		aic_buf_putc(&payload, '\n');
	}
	if (payload.error)
		return aic_error_code(reterr, payload.error, "the reply's events");
	AIC_QUERY(q, conn, AIC_SQL_ADD_EVENTS);
	aic_query_bind_int(&q, log_first(no) | (int64_t)events[0]->seq);
	aic_query_bind_int(&q, (int64_t)count);
	aic_query_bind_bytes(&q, payload.data, payload.len);
	return aic_query_run(&q, reterr);
}

/* One row's lines; those after `after` are wanted. */
static int take_events(struct aic_sqlite *db, struct aic_json *doc,
		       struct aic_str payload, uint64_t after,
		       struct aic_event_list *list, aichat_error **reterr)
{
	while (payload.len) {
		struct aichat_event *event = NULL;
		const char *end = memchr(payload.data, '\n', payload.len);
		size_t len = end ? (size_t)(end - payload.data) : payload.len;
		int rc = aic_json_scan(doc, payload.data, len, &aic_json_wire);
		if (rc == 0)
			rc = aic_event_read(doc, 0, &event, NULL);
		if (rc == AICHAT_ENOMEM)
			return aic_error_nomem(reterr);
		if (rc < 0)
			return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
					     "%s: a reply's log cannot be read",
					     db->path ? db->path : "memory:");
		payload.data += len + (end != NULL);
		payload.len -= len + (end != NULL);
		/* A newer version's event, or one that is known. */
		if (!event || event->seq <= after) {
			aic_event_unref(event);
			continue;
		}
		if (!AIC_GROW(list->items, list->count, &list->capacity)) {
			aic_event_unref(event);
			return aic_error_nomem(reterr);
		}
		list->items[list->count++] = event;
	}
	return 0;
}

int aic_sqlite_read_events(struct aic_session *session, const char *owner,
			   const struct aic_id *reply_id, uint64_t after,
			   struct aic_event_list *ret_events, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_sqlite_reply reply;
	size_t bytes = 0;
	int rc = find_reply(conn, AIC_SQL_REPLY, owner, reply_id, "reply", &reply,
			    reterr);

	if (rc < 0)
		return rc;
	uint64_t last = reply.row.last_seq;
	aic_reply_row_done(&reply.row);
	if (after >= last)
		return 0;
	if (!reply.logged)
		return aic_error_set(reterr, AICHAT_ENOTFOUND,
				     "the log of this reply was dropped");
	AIC_QUERY(q, conn, AIC_SQL_EVENTS);
	aic_query_bind_int(&q, log_first(reply.no));
	aic_query_bind_int(&q, log_end(reply.no));
	aic_query_bind_int(&q, log_first(reply.no) | (int64_t)(after + 1));
	while (bytes < EVENTS_BYTES_MAX && (rc = aic_query_step(&q, reterr)) > 0) {
		(void)aic_query_int(&q);
		(void)aic_query_int(&q);
		struct aic_str payload = aic_query_bytes(&q);
		bytes += payload.len;
		rc = aic_query_check(&q, reterr);
		if (rc == 0)
			rc = take_events(conn->db, &doc, payload, after, ret_events,
					 reterr);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? rc : 0;
}

int aic_sqlite_drop_log(struct aic_sqlite_conn *conn, int64_t no, aichat_error **reterr)
{
	AIC_QUERY(events, conn, AIC_SQL_DROP_EVENTS);
	AIC_QUERY(reply, conn, AIC_SQL_LOG_DROPPED);

	aic_query_bind_int(&events, log_first(no));
	aic_query_bind_int(&events, log_end(no));
	int rc = aic_query_run(&events, reterr);
	aic_query_bind_int(&reply, no);
	return rc < 0 ? rc : aic_query_run(&reply, reterr);
}

int aic_sqlite_prune(struct aic_session *session, int64_t ended_before_unix_ms,
		     size_t max, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);

	for (size_t i = 0; i < max; i++) {
		AIC_QUERY(q, conn, AIC_SQL_OLD_LOGS);
		aic_query_bind_int(&q, ended_before_unix_ms);
		aic_query_bind_int(&q, 1);
		int rc = aic_query_step(&q, reterr);
		int64_t no = aic_query_int(&q);
		aic_query_done(&q);
		if (rc <= 0)
			return rc;
		rc = aic_sqlite_drop_log(conn, no, reterr);
		if (rc < 0)
			return rc;
	}
	return 0;
}
