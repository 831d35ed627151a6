/*
 * Writing conversations and messages.
 */

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/sqlite.h"

/* ---- conversations ---------------------------------------------------------------- */

int aic_sqlite_conversation_no(struct aic_sqlite_conn *conn, const char *owner,
			       const struct aic_id *id, int64_t *ret_no,
			       aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_CONVERSATION_NO);

	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, "conversation", id);
	*ret_no = aic_query_int(&q);
	return rc < 0 ? rc : 0;
}

/* Where a message is, and what of it matters to who writes. */
struct place {
	int64_t k, parent, part, parts;
	enum aichat_message_state state;
	struct aic_id parent_id;
};

static int find_place(struct aic_sqlite_conn *conn, const char *owner,
		      const struct aic_id *id, struct place *ret, aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_MESSAGE_PLACE);

	aic_query_bind_id(&q, id);
	aic_query_bind_text(&q, owner);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, "message", id);
	if (rc < 0)
		return rc;
	ret->k = aic_query_int(&q);
	ret->state = (enum aichat_message_state)aic_query_int(&q);
	ret->parent = aic_query_int(&q);
	ret->part = aic_query_int(&q);
	ret->parts = aic_query_int(&q);
	aic_query_id(&q, &ret->parent_id);
	return aic_query_check(&q, reterr);
}

/* A message of this conversation, and no other one's. */
static int find_in(struct aic_sqlite_conn *conn, const char *owner, int64_t no,
		   const struct aic_id *id, struct place *ret, aichat_error **reterr)
{
	int rc = find_place(conn, owner, id, ret, reterr);

	if (rc == 0 && ret->k >> AIC_ORDINAL_BITS != no)
		return aic_sqlite_missing(reterr, "message", id);
	return rc;
}

static int check_head(struct aic_sqlite_conn *conn, const char *owner,
		      const struct aic_id *conversation_id, const struct aic_id *head,
		      aichat_error **reterr)
{
	struct place place;
	int64_t no = 0;

	if (!head || !aic_id_is_set(head))
		return 0;
	int rc = aic_sqlite_conversation_no(conn, owner, conversation_id, &no, reterr);
	return rc < 0 ? rc : find_in(conn, owner, no, head, &place, reterr);
}

int aic_sqlite_add_conversation(struct aic_session *session, const char *owner,
				const struct aic_conversation_row *row,
				aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_ADD_CONVERSATION);

	aic_query_bind_text(&q, owner);
	aic_query_bind_id(&q, &row->id);
	aic_query_bind_text(&q, row->title);
	aic_query_bind_text(&q, row->settings);
	aic_query_bind_text(&q, row->tags);
	aic_query_bind_id(&q, &row->head);
	aic_query_bind_int(&q, row->created_unix_ms);
	aic_query_bind_int(&q, row->updated_unix_ms);
	aic_query_bind_int(&q, AIC_MAX(row->version, (int64_t)1));
	aic_query_bind_int(&q, row->pinned);
	aic_query_bind_int(&q, row->archived);
	return aic_query_run(&q, reterr);
}

int aic_sqlite_set_conversation(struct aic_session *session, const char *owner,
				const struct aic_conversation_row *row, int64_t version,
				aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t no = 0;
	int rc = check_head(conn, owner, &row->id, &row->head, reterr);

	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_SET_CONVERSATION);
	aic_query_bind_id(&q, &row->id);
	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, row->title);
	aic_query_bind_text(&q, row->settings);
	aic_query_bind_text(&q, row->tags);
	aic_query_bind_id(&q, &row->head);
	aic_query_bind_int(&q, row->updated_unix_ms);
	aic_query_bind_int(&q, row->pinned);
	aic_query_bind_int(&q, row->archived);
	aic_query_bind_int(&q, version);
	rc = aic_query_run(&q, reterr);
	if (rc < 0 || sqlite3_changes(conn->handle) > 0)
		return rc;
	rc = aic_sqlite_conversation_no(conn, owner, &row->id, &no, reterr);
	if (rc < 0)
		return rc;
	return aic_error_set(reterr, AICHAT_ESTALE,
			     "the conversation was changed by someone else; read it "
			     "again");
}

int aic_sqlite_set_head(struct aic_session *session, const char *owner,
			const struct aic_id *conversation_id, const struct aic_id *head,
			int64_t updated_unix_ms, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int rc = check_head(conn, owner, conversation_id, head, reterr);

	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_SET_HEAD);
	aic_query_bind_id(&q, conversation_id);
	aic_query_bind_text(&q, owner);
	aic_query_bind_id(&q, head);
	aic_query_bind_int(&q, updated_unix_ms);
	rc = aic_query_run(&q, reterr);
	if (rc == 0 && sqlite3_changes(conn->handle) == 0)
		return aic_sqlite_missing(reterr, "conversation", conversation_id);
	return rc;
}

static int run_range(struct aic_sqlite_conn *conn, enum aic_sql which, int64_t first,
		     int64_t end, aichat_error **reterr)
{
	AIC_QUERY(q, conn, which);

	aic_query_bind_int(&q, first);
	aic_query_bind_int(&q, end);
	return aic_query_run(&q, reterr);
}

static int run_on(struct aic_sqlite_conn *conn, enum aic_sql which, int64_t no,
		  aichat_error **reterr)
{
	AIC_QUERY(q, conn, which);

	aic_query_bind_int(&q, no);
	return aic_query_run(&q, reterr);
}

/* Bytes that no other part has go with them. */
static int drop_parts(struct aic_sqlite_conn *conn, int64_t first, int64_t end,
		      aichat_error **reterr)
{
	int rc = run_range(conn, AIC_SQL_DROP_BLOBS, first, end, reterr);

	return rc < 0 ? rc : run_range(conn, AIC_SQL_DROP_PARTS, first, end, reterr);
}

static int drop_logs(struct aic_sqlite_conn *conn, int64_t no, aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_REPLIES_OF);
	int rc;

	aic_query_bind_int(&q, no);
	while ((rc = aic_query_step(&q, reterr)) > 0) {
		int64_t reply = aic_query_int(&q);
		rc = run_range(conn, AIC_SQL_DROP_EVENTS, reply << AIC_SEQ_BITS,
			       (reply + 1) << AIC_SEQ_BITS, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int refuse_running(struct aic_sqlite_conn *conn, int64_t no, aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_RUNNING_IN);

	aic_query_bind_int(&q, no);
	int rc = aic_query_step(&q, reterr);
	return rc <= 0 ? rc
		       : aic_error_set(reterr, AICHAT_ESTATE,
				       "a reply of the conversation is running; stop it "
				       "first");
}

/* What is deleted is overwritten in the tables, but the WAL still has it. */
static int note_purge(struct aic_sqlite_conn *conn, aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_TO_PURGE);

	aic_query_bind_int(&q, aic_clock_unix_ms());
	int rc = aic_query_run(&q, reterr);
	if (rc == 0)
		atomic_store(&conn->db->to_purge, true);
	return rc;
}

int aic_sqlite_delete_conversation(struct aic_session *session, const char *owner,
				   const struct aic_id *id, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t no = 0;
	int rc = aic_sqlite_conversation_no(conn, owner, id, &no, reterr);

	if (rc < 0)
		return rc;
	int64_t first = no << AIC_ORDINAL_BITS;
	int64_t end = (no + 1) << AIC_ORDINAL_BITS;
	if ((rc = refuse_running(conn, no, reterr)) < 0 ||
	    (rc = drop_logs(conn, no, reterr)) < 0 ||
	    (rc = run_on(conn, AIC_SQL_DROP_REPLIES, no, reterr)) < 0 ||
	    (rc = drop_parts(conn, first, end, reterr)) < 0 ||
	    (rc = run_range(conn, AIC_SQL_DROP_MESSAGES, first, end, reterr)) < 0 ||
	    (rc = note_purge(conn, reterr)) < 0)
		return rc;
	return run_on(conn, AIC_SQL_DROP_CONVERSATION, no, reterr);
}

/* ---- parts ------------------------------------------------------------------------ */

/* The next free key after those of a conversation. */
static int next_key(struct aic_sqlite_conn *conn, enum aic_sql which, int64_t no,
		    int64_t *ret_key, aichat_error **reterr)
{
	int64_t root = no << AIC_ORDINAL_BITS;
	AIC_QUERY(q, conn, which);

	aic_query_bind_int(&q, root);
	aic_query_bind_int(&q, root | AIC_ORDINAL_MAX);
	int rc = aic_query_step(&q, reterr);
	if (rc < 0)
		return rc;
	*ret_key = (rc > 0 ? aic_query_int(&q) : root) + 1;
	if (*ret_key >> AIC_ORDINAL_BITS == no)
		return 0;
	return aic_error_set(reterr, AICHAT_ETOOLARGE,
			     "the conversation is full; begin another one");
}

/* Large bytes are stored once, whoever has them. */
static int add_blob(struct aic_sqlite_conn *conn, const struct aic_string *data,
		    int64_t *ret_no, aichat_error **reterr)
{
	unsigned char hash[AIC_DIGEST_BYTES];

	aic_sha256(data->data, data->len, hash);
	AIC_QUERY(q, conn, AIC_SQL_BLOB_NO);
	aic_query_bind_bytes(&q, hash, sizeof(hash));
	int rc = aic_query_step(&q, reterr);
	*ret_no = aic_query_int(&q);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	AIC_QUERY(add, conn, AIC_SQL_ADD_BLOB);
	aic_query_bind_bytes(&add, hash, sizeof(hash));
	aic_query_bind_bytes(&add, data->data, data->len);
	rc = aic_query_run(&add, reterr);
	*ret_no = sqlite3_last_insert_rowid(conn->handle);
	return rc;
}

static int add_part(struct aic_sqlite_conn *conn, const struct aichat_part *part,
		    int64_t *k, unsigned depth, aichat_error **reterr)
{
	bool is_result = part->type == AICHAT_PART_TOOL_RESULT; /* its text is a cache */
	int64_t blob = 0;
	int rc = 0;

	if (part->part_count && depth >= AIC_PART_DEPTH_MAX)
		return aic_error_set(reterr, AICHAT_ETOOLARGE,
				     "parts are nested more than %d deep",
				     AIC_PART_DEPTH_MAX);
	if (part->data.data)
		rc = add_blob(conn, &part->data, &blob, reterr);
	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_ADD_PART);
	aic_query_bind_int(&q, (*k)++);
	aic_query_bind_int(&q, part->type);
	aic_query_bind_int(&q, part->is_error);
	aic_query_bind_int(&q, (int64_t)part->part_count);
	aic_query_bind_str(&q, is_result ? (struct aic_str){ 0 }
					 : aic_string_str(&part->text));
	aic_query_bind_str(&q, aic_string_str(&part->raw));
	aic_query_bind_text(&q, part->id);
	aic_query_bind_text(&q, part->name);
	aic_query_bind_text(&q, part->media_type);
	aic_query_bind_text(&q, part->url);
	if (part->data.data)
		aic_query_bind_int(&q, blob);
	else
		aic_query_bind_null(&q);
	rc = aic_query_run(&q, reterr);
	for (size_t i = 0; rc == 0 && i < part->part_count; i++)
		rc = add_part(conn, &part->parts[i], k, depth + 1, reterr);
	return rc;
}

static int64_t count_rows(const struct aichat_part *parts, size_t count)
{
	int64_t rows = (int64_t)count;

	for (size_t i = 0; i < count; i++)
		rows += count_rows(parts[i].parts, parts[i].part_count);
	return rows;
}

/* The parts of a message, behind all others of the conversation. */
static int add_parts(struct aic_sqlite_conn *conn, const struct aichat_message *message,
		     int64_t no, int64_t *ret_first, int64_t *ret_count,
		     aichat_error **reterr)
{
	*ret_first = 0;
	*ret_count = count_rows(message->parts, message->part_count);
	if (!*ret_count)
		return 0;
	int rc = next_key(conn, AIC_SQL_LAST_PART, no, ret_first, reterr);
	if (rc < 0)
		return rc;
	if ((*ret_first + *ret_count) >> AIC_ORDINAL_BITS != no)
		return aic_error_set(reterr, AICHAT_ETOOLARGE,
				     "the conversation is full; begin another one");
	int64_t k = *ret_first;
	for (size_t i = 0; rc == 0 && i < message->part_count; i++)
		rc = add_part(conn, &message->parts[i], &k, 0, reterr);
	return rc;
}

/* ---- messages --------------------------------------------------------------------- */

/* What ADD_MESSAGE and SET_MESSAGE have in common, from `part` on. */
static void bind_message(struct aic_query *q, const struct aichat_message *m,
			 int64_t part, int64_t parts, const unsigned char *digest)
{
	aic_query_bind_int(q, part);
	aic_query_bind_int(q, parts);
	aic_query_bind_bytes(q, digest, AIC_DIGEST_BYTES);
	aic_query_bind_id(q, &m->edit_of);
	aic_query_bind_int(q, m->role);
	aic_query_bind_int(q, m->state);
	aic_query_bind_int(q, m->stop_reason);
	aic_query_bind_int(q, m->created_unix_ms);
	aic_query_bind_int(q, m->cost_nano_usd);
	aic_query_bind_int(q, m->usage.input);
	aic_query_bind_int(q, m->usage.cached);
	aic_query_bind_int(q, m->usage.cache_write);
	aic_query_bind_int(q, m->usage.output);
	aic_query_bind_int(q, m->usage.reasoning);
	aic_query_bind_text(q, m->dialect);
	aic_query_bind_text(q, m->provider);
	aic_query_bind_text(q, m->model);
	aic_query_bind_text(q, m->stop_word);
	aic_query_bind_text(q, m->stop_sequence);
	aic_query_bind_text(q, m->response_id);
}

/* Of a message that changes no more. *ret_digest = NULL for an open one. */
static int seal(const struct aichat_message *message,
		unsigned char digest[AIC_DIGEST_BYTES], unsigned char **ret_digest,
		aichat_error **reterr)
{
	*ret_digest = NULL;
	if (message->state == AICHAT_MESSAGE_OPEN)
		return 0;
	*ret_digest = digest;
	int rc = aic_message_digest(message, digest);
	return rc < 0 ? aic_error_code(reterr, rc, "the message's digest") : 0;
}

static int find_reply(struct aic_sqlite_conn *conn, const struct aic_id *id,
		      int64_t *ret_no, aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_REPLY_PLACE);

	aic_query_bind_id(&q, id);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return aic_sqlite_missing(reterr, "reply", id);
	*ret_no = aic_query_int(&q);
	return rc < 0 ? rc : 0;
}

int aic_sqlite_add_message(struct aic_session *session, const char *owner,
			   const struct aichat_message *message,
			   const struct aic_id *reply_id, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	unsigned char bytes[AIC_DIGEST_BYTES];
	unsigned char *digest = NULL;
	struct place parent = { 0 };
	int64_t no = 0, k = 0, reply = 0, part = 0, parts = 0;
	int rc = aic_sqlite_conversation_no(conn, owner, &message->conversation_id, &no,
					    reterr);

	parent.k = no << AIC_ORDINAL_BITS;
	if (rc == 0 && aic_id_is_set(&message->parent_id))
		rc = find_in(conn, owner, no, &message->parent_id, &parent, reterr);
	if (rc == 0 && reply_id)
		rc = find_reply(conn, reply_id, &reply, reterr);
	if (rc < 0 || (rc = seal(message, bytes, &digest, reterr)) < 0 ||
	    (rc = next_key(conn, AIC_SQL_LAST_MESSAGE, no, &k, reterr)) < 0 ||
	    (rc = add_parts(conn, message, no, &part, &parts, reterr)) < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_ADD_MESSAGE);
	aic_query_bind_int(&q, k);
	aic_query_bind_int(&q, parent.k);
	aic_query_bind_id(&q, &message->id);
	if (reply_id)
		aic_query_bind_int(&q, reply);
	else
		aic_query_bind_null(&q);
	bind_message(&q, message, part, parts, digest);
	return aic_query_run(&q, reterr);
}

/* A stored message as it is now, with these rows as its parts. */
static int set_message(struct aic_sqlite_conn *conn, int64_t k,
		       const struct aichat_message *message, int64_t part, int64_t parts,
		       aichat_error **reterr)
{
	unsigned char bytes[AIC_DIGEST_BYTES];
	unsigned char *digest = NULL;
	int rc = seal(message, bytes, &digest, reterr);

	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_SET_MESSAGE);
	aic_query_bind_int(&q, k);
	bind_message(&q, message, part, parts, digest);
	return aic_query_run(&q, reterr);
}

int aic_sqlite_update_message(struct aic_session *session, const char *owner,
			      const struct aichat_message *message, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	struct place place = { 0 };
	int64_t no = 0, part = 0, parts = 0;
	int rc = aic_sqlite_conversation_no(conn, owner, &message->conversation_id, &no,
					    reterr);

	if (rc < 0 || (rc = find_in(conn, owner, no, &message->id, &place, reterr)) < 0)
		return rc;
	if (place.state != AICHAT_MESSAGE_OPEN)
		return aic_error_set(reterr, AICHAT_ESTATE,
				     "the message is sealed; it changes no more");
	if (!aic_id_equal(&place.parent_id, &message->parent_id))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a message cannot get another parent");
	if (place.parts)
		rc = drop_parts(conn, place.part, place.part + place.parts, reterr);
	if (rc == 0)
		rc = add_parts(conn, message, no, &part, &parts, reterr);
	return rc < 0 ? rc : set_message(conn, place.k, message, part, parts, reterr);
}

/* ---- erasing ---------------------------------------------------------------------- */

/* The log of the reply that wrote it says the same once more. */
static int drop_writers_log(struct aic_sqlite_conn *conn, int64_t k,
			    aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_WRITER_OF);

	aic_query_bind_int(&q, k);
	int rc = aic_query_step(&q, reterr);
	int64_t reply = aic_query_int(&q);
	int64_t state = aic_query_int(&q);
	if (rc <= 0)
		return rc;
	if (state < AICHAT_REPLY_COMPLETE)
		return aic_error_set(reterr, AICHAT_ESTATE,
				     "the reply that writes the message is not over; "
				     "stop it first");
	return aic_sqlite_drop_log(conn, reply, reterr);
}

/* What is left says who answered what, when, and what it cost. */
static void keep_skeleton(struct aichat_message *message)
{
	for (size_t i = 0; i < message->part_count; i++)
		aic_part_done(&message->parts[i]);
	message->part_count = 0;
	aic_free(AIC_TAKE(message->stop_sequence));
	aic_free(AIC_TAKE(message->response_id));
	message->state = AICHAT_MESSAGE_ERASED;
}

int aic_sqlite_erase_message(struct aic_session *session, const char *owner,
			     const struct aic_id *id, aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	struct place place = { 0 };
	int rc = find_place(conn, owner, id, &place, reterr);

	if (rc < 0 || place.state == AICHAT_MESSAGE_ERASED)
		return rc;
	rc = drop_writers_log(conn, place.k, reterr);
	if (rc == 0)
		rc = aic_sqlite_read_message(session, owner, id, &message, reterr);
	if (rc == 0 && place.parts)
		rc = drop_parts(conn, place.part, place.part + place.parts, reterr);
	if (rc < 0)
		return rc;
	keep_skeleton(message);
	rc = set_message(conn, place.k, message, 0, 0, reterr);
	return rc < 0 ? rc : note_purge(conn, reterr);
}
