/*
 * Reading conversations and messages.
 */

#include "base/mem.h"
#include "store/sqlite.h"

int aic_sqlite_missing(aichat_error **reterr, const char *what, const struct aic_id *id)
{
	char text[AIC_ID_TEXT];

	return aic_error_set(reterr, AICHAT_ENOTFOUND, "no %s %s", what,
			     aic_id_text(id, text));
}

/* ---- conversations ---------------------------------------------------------------- */

static int take_conversation(struct aic_query *q, struct aic_conversation_row *row,
			     aichat_error **reterr)
{
	aic_query_id(q, &row->id);
	aic_query_text(q, &row->title);
	aic_query_text(q, &row->settings);
	aic_query_text(q, &row->tags);
	aic_query_id(q, &row->head);
	row->created_unix_ms = aic_query_int(q);
	row->updated_unix_ms = aic_query_int(q);
	row->version = aic_query_int(q);
	row->pinned = aic_query_int(q) != 0;
	row->archived = aic_query_int(q) != 0;
	int rc = aic_query_check(q, reterr);
	if (rc < 0)
		aic_conversation_row_done(row);
	return rc;
}

int aic_sqlite_read_conversation(struct aic_session *session, const char *owner,
				 const struct aic_id *id,
				 struct aic_conversation_row *ret_row,
				 aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_CONVERSATION);
	struct aic_conversation_row row = { 0 };

	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, "conversation", id);
	if (rc > 0)
		rc = take_conversation(&q, &row, reterr);
	if (rc == 0)
		*ret_row = row;
	return rc;
}

int aic_sqlite_read_conversations(struct aic_session *session, const char *owner,
				  const struct aic_conversation_filter *filter,
				  int64_t before_updated_unix_ms,
				  const struct aic_id *before_id, size_t limit,
				  struct aic_conversation_rows *ret_rows,
				  aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_CONVERSATIONS);
	bool from = before_id && aic_id_is_set(before_id);
	int rc;

	aic_query_bind_text(&q, owner);
	aic_query_bind_int(&q, filter->archived);
	aic_query_bind_int(&q, from ? before_updated_unix_ms : INT64_MAX);
	aic_query_bind_bytes(&q, from ? before_id->bytes : (const void *)"",
			     from ? sizeof(before_id->bytes) : 0);
	aic_query_bind_int(&q, (int64_t)AIC_MIN(limit, (size_t)INT32_MAX));
	aic_query_bind_text(&q, filter->tag);
	aic_query_bind_text(&q, filter->text);
	while ((rc = aic_query_step(&q, reterr)) > 0) {
		if (!AIC_GROW(ret_rows->items, ret_rows->count, &ret_rows->capacity))
			return aic_error_nomem(reterr);
		struct aic_conversation_row *row = &ret_rows->items[ret_rows->count];
		*row = (struct aic_conversation_row){ 0 };
		rc = take_conversation(&q, row, reterr);
		if (rc < 0)
			return rc;
		ret_rows->count++;
	}
	return rc;
}

int aic_sqlite_read_prefix(struct aic_session *session, const char *owner,
			   const struct aic_id *first, const struct aic_id *last,
			   struct aic_id ret_ids[2], size_t *ret_count,
			   aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_CONVERSATION_PREFIX);
	int rc;

	*ret_count = 0;
	aic_query_bind_bytes(&q, first->bytes, sizeof(first->bytes));
	aic_query_bind_bytes(&q, last->bytes, sizeof(last->bytes));
	aic_query_bind_text(&q, owner);
	while (*ret_count < 2 && (rc = aic_query_step(&q, reterr)) != 0) {
		if (rc < 0)
			return rc;
		aic_query_id(&q, &ret_ids[(*ret_count)++]);
	}
	return aic_query_check(&q, reterr);
}

/* ---- parts ------------------------------------------------------------------------ */

/* The next row, and the rows inside it, which follow it. */
static int take_part(struct aic_query *q, struct aichat_part *part, unsigned depth,
		     aichat_error **reterr)
{
	part->type = (enum aichat_part_type)aic_query_int(q);
	part->is_error = aic_query_int(q) != 0;
	int64_t children = aic_query_int(q);
	aic_query_string(q, &part->text);
	aic_query_string(q, &part->raw);
	aic_query_text(q, &part->id);
	aic_query_text(q, &part->name);
	aic_query_text(q, &part->media_type);
	aic_query_text(q, &part->url);
	aic_query_string(q, &part->data);
	int rc = aic_query_check(q, reterr);
	if (rc == 0 && children && depth >= AIC_PART_DEPTH_MAX)
		return aic_sqlite_damaged(q->conn->db, "parts within parts", reterr);
	for (; rc == 0 && children > 0; children--) {
		rc = aic_query_step(q, reterr);
		if (rc == 0)
			return aic_sqlite_damaged(q->conn->db, "a part is missing",
						  reterr);
		if (rc < 0)
			return rc;
		struct aichat_part *inner = aic_part_add_part(part, AICHAT_PART_UNKNOWN);
		rc = inner ? take_part(q, inner, depth + 1, reterr)
			   : aic_error_nomem(reterr);
	}
	return rc;
}

static int read_parts(struct aic_sqlite_conn *conn, int64_t first, int64_t count,
		      struct aichat_message *message, aichat_error **reterr)
{
	if (!count)
		return 0;
	AIC_QUERY(q, conn, AIC_SQL_PARTS);
	int rc;

	aic_query_bind_int(&q, first);
	aic_query_bind_int(&q, first + count);
	while ((rc = aic_query_step(&q, reterr)) > 0) {
		struct aichat_part *part = aic_message_add_part(message,
								AICHAT_PART_UNKNOWN);
		rc = part ? take_part(&q, part, 0, reterr) : aic_error_nomem(reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* ---- messages --------------------------------------------------------------------- */

int aic_sqlite_take_message(struct aic_query *q, struct aichat_message **ret_message,
			    int64_t *ret_parent, aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_USER);

	if (!m)
		return aic_error_nomem(reterr);
	int64_t k = aic_query_int(q);
	*ret_parent = aic_query_int(q);
	int64_t part = aic_query_int(q);
	int64_t parts = aic_query_int(q);
	aic_query_id(q, &m->id);
	aic_query_id(q, &m->conversation_id);
	aic_query_id(q, &m->parent_id);
	aic_query_id(q, &m->edit_of);
	m->role = (enum aichat_role)aic_query_int(q);
	m->state = (enum aichat_message_state)aic_query_int(q);
	m->stop_reason = (enum aichat_stop_reason)aic_query_int(q);
	m->created_unix_ms = aic_query_int(q);
	m->cost_nano_usd = aic_query_int(q);
	m->usage.input = aic_query_int(q);
	m->usage.cached = aic_query_int(q);
	m->usage.cache_write = aic_query_int(q);
	m->usage.output = aic_query_int(q);
	m->usage.reasoning = aic_query_int(q);
	aic_query_text(q, &m->dialect);
	aic_query_text(q, &m->provider);
	aic_query_text(q, &m->model);
	aic_query_text(q, &m->stop_word);
	aic_query_text(q, &m->stop_sequence);
	aic_query_text(q, &m->response_id);
	int rc = aic_query_check(q, reterr);
	if (rc == 0)
		rc = read_parts(q->conn, part, parts, m, reterr);
	if (rc < 0)
		return rc;
	/* A parent is older than its children: no path is endless. */
	if (*ret_parent >= k)
		return aic_sqlite_damaged(q->conn->db, "a message precedes its parent",
					  reterr);
	aic_message_set_texts(m);
	*ret_message = AIC_TAKE(m);
	return 0;
}

static int find_message(struct aic_sqlite_conn *conn, const char *owner,
			const struct aic_id *id, struct aichat_message **ret_message,
			int64_t *ret_parent, aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_MESSAGE);

	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, "message", id);
	return rc < 0 ? rc : aic_sqlite_take_message(&q, ret_message, ret_parent, reterr);
}

int aic_sqlite_read_message(struct aic_session *session, const char *owner,
			    const struct aic_id *id, struct aichat_message **ret_message,
			    aichat_error **reterr)
{
	int64_t parent = 0;

	return find_message(aic_sqlite_conn_of(session), owner, id, ret_message, &parent,
			    reterr);
}

static int find_message_at(struct aic_sqlite_conn *conn, const char *owner, int64_t k,
			   struct aichat_message **ret_message, int64_t *ret_parent,
			   aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_MESSAGE_AT);

	aic_query_bind_int(&q, k);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_damaged(conn->db, "a message's parent is missing",
					  reterr);
	return rc < 0 ? rc : aic_sqlite_take_message(&q, ret_message, ret_parent, reterr);
}

static int append(struct aic_messages *list, struct aichat_message *message,
		  aichat_error **reterr)
{
	if (!AIC_GROW(list->items, list->count, &list->capacity)) {
		aichat_message_unref(message);
		return aic_error_nomem(reterr);
	}
	list->items[list->count++] = message;
	return 0;
}

int aic_sqlite_read_path(struct aic_session *session, const char *owner,
			 const struct aic_id *tip, size_t limit,
			 struct aic_messages *ret_messages, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	struct aichat_message *message = NULL;
	int64_t parent = 0;
	int rc = find_message(conn, owner, tip, &message, &parent, reterr);

	while (rc == 0) {
		rc = append(ret_messages, message, reterr);
		if (rc < 0 || (parent & AIC_ORDINAL_MAX) == 0 ||
		    ret_messages->count == limit)
			break;
		rc = find_message_at(conn, owner, parent, &message, &parent, reterr);
	}
	return rc;
}

static int take_messages(struct aic_query *q, struct aic_messages *list,
			 aichat_error **reterr)
{
	int rc;

	while ((rc = aic_query_step(q, reterr)) > 0) {
		struct aichat_message *message = NULL;
		int64_t parent = 0;
		rc = aic_sqlite_take_message(q, &message, &parent, reterr);
		if (rc == 0)
			rc = append(list, message, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* The key of a message, or that of the root for NULL; the conversation must be there. */
static int message_key(struct aic_sqlite_conn *conn, const char *owner,
		       const struct aic_id *conversation_id, const struct aic_id *id,
		       int64_t *ret_key, aichat_error **reterr)
{
	int64_t no = 0;
	int rc = aic_sqlite_conversation_no(conn, owner, conversation_id, &no, reterr);

	if (rc < 0)
		return rc;
	*ret_key = no << AIC_ORDINAL_BITS;
	if (!id)
		return 0;
	AIC_QUERY(q, conn, AIC_SQL_MESSAGE_PLACE);
	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	rc = aic_query_step(&q, reterr);
	if (rc < 0)
		return rc;
	*ret_key = aic_query_int(&q);
	if (rc == 0 || *ret_key >> AIC_ORDINAL_BITS != no)
		return aic_sqlite_missing(reterr, "message", id);
	return 0;
}

int aic_sqlite_read_tree(struct aic_session *session, const char *owner,
			 const struct aic_id *conversation_id, const struct aic_id *after,
			 size_t limit, struct aic_messages *ret_messages,
			 aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t key = 0;
	int rc = message_key(conn, owner, conversation_id, after, &key, reterr);

	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_TREE);
	aic_query_bind_int(&q, key);
	aic_query_bind_int(&q, key | AIC_ORDINAL_MAX);
	aic_query_bind_text(&q, owner);
	aic_query_bind_int(&q, (int64_t)AIC_MIN(limit, (size_t)INT32_MAX));
	return take_messages(&q, ret_messages, reterr);
}

int aic_sqlite_read_children(struct aic_session *session, const char *owner,
			     const struct aic_id *conversation_id,
			     const struct aic_id *parent,
			     struct aic_messages *ret_messages, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t key = 0;
	int rc = message_key(conn, owner, conversation_id, parent, &key, reterr);

	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_CHILDREN);
	aic_query_bind_int(&q, key);
	aic_query_bind_text(&q, owner);
	return take_messages(&q, ret_messages, reterr);
}

int aic_sqlite_read_reply_messages(struct aic_session *session, const char *owner,
				   const struct aic_id *reply_id,
				   struct aic_messages *ret_messages,
				   aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_REPLY_MESSAGES);

	aic_query_bind_id(&q, reply_id);
	aic_query_bind_text(&q, owner);
	int rc = take_messages(&q, ret_messages, reterr);
	if (rc < 0 || ret_messages->count)
		return rc;
	/* None yet, or no such reply. */
	struct aic_reply_row row = { 0 };
	rc = aic_sqlite_read_reply(session, owner, reply_id, &row, reterr);
	aic_reply_row_done(&row);
	return rc;
}
