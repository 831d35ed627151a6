/*
 * What only SQL can tell about a store: that the file is sound, and that its rows hang
 * together. Then each message and each reply goes to the generic part.
 */

#include "base/mem.h"
#include "store/sqlite.h"

/* Each counts what must not be there. */
static const struct {
	const char *sql;
	const char *why;
} strays[] = {
	{ "SELECT count(*) FROM conversation WHERE owner = ''",
	  "a conversation without an owner" },
	{ "SELECT count(*) FROM conversation WHERE tags IS NOT NULL"
	  " AND NOT json_valid(tags)",
	  "tags that are no JSON" },
	{ "SELECT count(*) FROM conversation c WHERE head IS NOT NULL AND NOT EXISTS"
	  " (SELECT 1 FROM message m WHERE m.id = c.head AND m.k >> 24 = c.no)",
	  "a head that is no message of its conversation" },
	{ "SELECT count(*) FROM message m WHERE NOT EXISTS"
	  " (SELECT 1 FROM conversation c WHERE c.no = m.k >> 24)",
	  "a message without a conversation" },
	{ "SELECT count(*) FROM message m WHERE m.parent >= m.k OR"
	  " m.parent >> 24 <> m.k >> 24 OR (m.parent & 16777215 <> 0 AND NOT EXISTS"
	  " (SELECT 1 FROM message p WHERE p.k = m.parent))",
	  "a message without its parent" },
	{ "SELECT count(*) FROM message m WHERE m.reply IS NOT NULL AND NOT EXISTS"
	  " (SELECT 1 FROM reply r WHERE r.no = m.reply"
	  " AND r.conversation = m.k >> 24)",
	  "a message without its reply" },
	{ "SELECT count(*) FROM message m WHERE m.parts <>"
	  " (SELECT count(*) FROM part p WHERE p.k >= m.part AND p.k < m.part + m.parts)",
	  "a message without its parts" },
	{ "SELECT (SELECT count(*) FROM part) - (SELECT coalesce(sum(parts), 0)"
	  " FROM message)",
	  "parts without a message" },
	{ "SELECT count(*) FROM part p WHERE p.blob IS NOT NULL AND NOT EXISTS"
	  " (SELECT 1 FROM blob b WHERE b.no = p.blob)",
	  "a part without its bytes" },
	{ "SELECT count(*) FROM blob b WHERE NOT EXISTS"
	  " (SELECT 1 FROM part p WHERE p.blob = b.no)",
	  "bytes without a part" },
	{ "SELECT count(*) FROM reply r WHERE NOT EXISTS"
	  " (SELECT 1 FROM conversation c WHERE c.no = r.conversation)",
	  "a reply without a conversation" },
	{ "SELECT count(*) FROM reply WHERE (state = 2) <> (slot IS NOT NULL)",
	  "a reply whose owner is not that of its state" },
	{ "SELECT count(*) FROM record r WHERE r.owner = '' OR r.parent IS NOT NULL"
	  " AND NOT EXISTS (SELECT 1 FROM record p WHERE p.no = r.parent"
	  " AND p.owner = r.owner)",
	  "a record without an owner or without its parent" },
	{ "SELECT count(*) FROM event e WHERE NOT EXISTS"
	  " (SELECT 1 FROM reply r WHERE r.no = e.k >> 32 AND r.logged = 1)",
	  "events without a reply" },
};

int aic_sqlite_check_file(struct aic_sqlite_conn *conn, aichat_error **reterr)
{
	int64_t bad = 0;
	int rc = aic_sqlite_number(conn,
				   "SELECT count(*) FROM pragma_integrity_check(1) "
				   "WHERE integrity_check <> 'ok'",
				   &bad, reterr);

	return rc == 0 && bad ? aic_sqlite_damaged(conn->db, "integrity check", reterr)
			      : rc;
}

static int check_strays(struct aic_sqlite_conn *conn, aichat_error **reterr)
{
	int64_t bad = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < AIC_ARRAY_LEN(strays); i++) {
		rc = aic_sqlite_number(conn, strays[i].sql, &bad, reterr);
		if (rc == 0 && bad)
			return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
					     "%s: the store has %s",
					     conn->db->path ? conn->db->path : "memory:",
					     strays[i].why);
	}
	return rc;
}

static int walk_messages(struct aic_sqlite_conn *conn, struct aic_verifier *verifier,
			 aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_VERIFY_MESSAGES);
	int rc;

	while ((rc = aic_query_step(&q, reterr)) > 0) {
		AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
		struct aic_reply_row reply = { 0 };
		unsigned char digest[AIC_DIGEST_BYTES];
		int64_t parent = 0;

		struct aic_str bytes = aic_query_bytes(&q);
		if (bytes.data && bytes.len != sizeof(digest))
			return aic_sqlite_damaged(conn->db, "a digest", reterr);
		if (bytes.data)
			memcpy(digest, bytes.data, sizeof(digest));
		bool has_digest = bytes.data;
		bool has_reply = aic_query_int(&q) != 0;
		aic_query_id(&q, &reply.id);
		reply.state = (enum aichat_reply_state)aic_query_int(&q);
		rc = aic_sqlite_take_message(&q, &message, &parent, reterr);
		if (rc == 0)
			rc = verifier->message(verifier, message,
					       has_digest ? digest : NULL,
					       has_reply ? &reply : NULL, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int walk_replies(struct aic_sqlite_conn *conn, struct aic_verifier *verifier,
			aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_VERIFY_REPLIES);
	int rc;

	while ((rc = aic_query_step(&q, reterr)) > 0) {
		AIC_CLEANUP(aic_freep) char *owner = NULL;
		struct aic_sqlite_reply reply;

		aic_query_text(&q, &owner);
		rc = aic_query_check(&q, reterr);
		if (rc == 0)
			rc = aic_sqlite_take_reply(&q, &reply, reterr);
		if (rc < 0)
			return rc;
		rc = verifier->reply(verifier, owner, &reply.row, reply.logged, reterr);
		aic_reply_row_done(&reply.row);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int aic_sqlite_verify(struct aic_session *session, struct aic_verifier *verifier,
		      aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int rc = aic_sqlite_check_file(conn, reterr);

	if (rc == 0)
		rc = check_strays(conn, reterr);
	if (rc == 0)
		rc = walk_messages(conn, verifier, reterr);
	return rc < 0 ? rc : walk_replies(conn, verifier, reterr);
}
