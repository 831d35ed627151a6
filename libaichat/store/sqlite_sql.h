#pragma once

/*
 * Every statement on conversations, by name. Each connection prepares one when it is
 * first used and keeps it. Whatever belongs to somebody is found through its
 * conversation's owner, in the statement itself.
 */

/* Of messages m, their conversation c, and their parent p. */
#define AIC_SQL_MESSAGE_COLUMNS                                                          \
	"m.k, m.parent, m.part, m.parts, m.id, c.id, p.id, m.edit_of, m.role, m.state, " \
	"m.stop_reason, m.created_at, m.cost, m.input, m.cached, m.cache_write, "        \
	"m.output, m.reasoning, m.dialect, m.provider, m.model, m.stop_word, "           \
	"m.stop_sequence, m.response_id "
#define AIC_SQL_MESSAGE_FROM                                                             \
	"FROM message m JOIN conversation c ON c.no = m.k >> 24 "                        \
	"LEFT JOIN message p ON p.k = m.parent "
#define AIC_SQL_CONVERSATION_COLUMNS                                                     \
	"id, title, settings, tags, head, created_at, updated_at, version, pinned, "     \
	"archived "
/* Of replies r and their conversation c. */
#define AIC_SQL_REPLY_COLUMNS                                                            \
	"r.no, r.slot, r.logged, r.id, c.id, r.parent_id, r.message_id, r.state, "       \
	"r.cancelled, r.rounds, r.last_seq, r.created_at, r.ended_at, r.model, "         \
	"r.request, r.error "
#define AIC_SQL_REPLY_FROM "FROM reply r JOIN conversation c ON c.no = r.conversation "

#define AIC_SQL_RECORD_COLUMNS                                                           \
	"r.no, r.kind, r.id, r.name, p.kind, p.id, r.version, r.created_at, "            \
	"r.updated_at, r.expires_at, r.json "
#define AIC_SQL_RECORD_FROM "FROM record r LEFT JOIN record p ON p.no = r.parent "
/* A record that has not ended at ?3. */
#define AIC_SQL_RECORD_LIVES "(r.expires_at IS NULL OR r.expires_at > ?3) "
/* The records of a table `gone` with all below them. */
#define AIC_SQL_RECORDS_BELOW(gone)                                                      \
	"WITH RECURSIVE gone(no) AS (SELECT no FROM (" gone ") UNION "                   \
	"SELECT r.no FROM record r JOIN gone ON r.parent = gone.no) "                    \
	"DELETE FROM record WHERE no IN (SELECT no FROM gone)"
#define AIC_SQL_AUDIT_COLUMNS "no, at, owner, actor, action, object, details, hash "
#define AIC_SQL_USAGE_FIGURES                                                            \
	"input, cached, cache_write, output, reasoning, cost, duration "

#define AIC_SQL_MAP(X)                                                                   \
	X(BEGIN, "BEGIN IMMEDIATE")                                                      \
	X(BEGIN_READ, "BEGIN")                                                           \
	X(COMMIT, "COMMIT")                                                              \
	X(ROLLBACK, "ROLLBACK")                                                          \
	X(MARK, "SAVEPOINT job")                                                         \
	X(KEEP, "RELEASE job")                                                           \
	X(UNDO, "ROLLBACK TO job")                                                       \
                                                                                         \
	X(CONVERSATION, "SELECT " AIC_SQL_CONVERSATION_COLUMNS                           \
			"FROM conversation WHERE id = ?1 AND owner = ?2")                \
	X(CONVERSATIONS, "SELECT " AIC_SQL_CONVERSATION_COLUMNS                          \
			 "FROM conversation WHERE owner = ?1 AND archived = ?2 "         \
			 "AND (updated_at, id) < (?3, ?4) AND (?6 IS NULL OR EXISTS "    \
			 "(SELECT 1 FROM json_each(tags) WHERE value = ?6)) "            \
			 "AND (?7 IS NULL OR instr(lower(title), lower(?7))) "           \
			 "ORDER BY updated_at DESC, id DESC LIMIT ?5")                   \
	X(CONVERSATION_PREFIX, "SELECT id FROM conversation WHERE id BETWEEN ?1 AND ?2 " \
			       "AND owner = ?3 LIMIT 2")                                 \
	X(CONVERSATION_NO, "SELECT no FROM conversation WHERE id = ?1 AND owner = ?2")   \
	X(MESSAGE, "SELECT " AIC_SQL_MESSAGE_COLUMNS AIC_SQL_MESSAGE_FROM                \
		   "WHERE m.id = ?1 AND c.owner = ?2")                                   \
	X(MESSAGE_AT, "SELECT " AIC_SQL_MESSAGE_COLUMNS AIC_SQL_MESSAGE_FROM             \
		      "WHERE m.k = ?1 AND c.owner = ?2")                                 \
	X(TREE, "SELECT " AIC_SQL_MESSAGE_COLUMNS AIC_SQL_MESSAGE_FROM                   \
		"WHERE m.k > ?1 AND m.k <= ?2 AND c.owner = ?3 ORDER BY m.k LIMIT ?4")   \
	X(CHILDREN, "SELECT " AIC_SQL_MESSAGE_COLUMNS AIC_SQL_MESSAGE_FROM               \
		    "WHERE m.parent = ?1 AND c.owner = ?2 ORDER BY m.k")                 \
	X(REPLY_MESSAGES,                                                                \
	  "SELECT " AIC_SQL_MESSAGE_COLUMNS AIC_SQL_MESSAGE_FROM                         \
	  "WHERE m.reply = (SELECT no FROM reply WHERE id = ?1) AND c.owner = ?2 "       \
	  "ORDER BY m.k")                                                                \
	X(MESSAGE_PLACE, "SELECT m.k, m.state, m.parent, m.part, m.parts, p.id "         \
			 "FROM message m JOIN conversation c ON c.no = m.k >> 24 "       \
			 "LEFT JOIN message p ON p.k = m.parent "                        \
			 "WHERE m.id = ?1 AND c.owner = ?2")                             \
	X(PARTS, "SELECT part.type, part.is_error, part.children, part.text, part.raw, " \
		 "part.call_id, part.name, part.media_type, part.url, blob.data "        \
		 "FROM part LEFT JOIN blob ON blob.no = part.blob "                      \
		 "WHERE part.k >= ?1 AND part.k < ?2 ORDER BY part.k")                   \
                                                                                         \
	X(REPLY, "SELECT " AIC_SQL_REPLY_COLUMNS AIC_SQL_REPLY_FROM                      \
		 "WHERE r.id = ?1 AND c.owner = ?2")                                     \
	X(REPLY_OF, "SELECT " AIC_SQL_REPLY_COLUMNS AIC_SQL_REPLY_FROM                   \
		    "JOIN message m ON m.reply = r.no "                                  \
		    "WHERE m.id = ?1 AND c.owner = ?2")                                  \
	X(NEXT_SLOT, "SELECT min(slot) FROM reply WHERE state = 2 AND slot > ?1")        \
	X(OF_SLOT, "SELECT r.id, c.owner " AIC_SQL_REPLY_FROM                            \
		   "WHERE r.state = 2 AND r.slot = ?1 LIMIT ?2")                         \
	X(CANCELLED, "SELECT id FROM reply WHERE state = 2 AND cancelled = 1 "           \
		     "AND slot = ?1 LIMIT ?2")                                           \
	X(REPLY_PLACE, "SELECT no, state, (SELECT (k & 0xffffffff) + n - 1 FROM event "  \
		       "WHERE k > no << 32 AND k < (no + 1) << 32 "                      \
		       "ORDER BY k DESC LIMIT 1) FROM reply WHERE id = ?1")              \
	X(LOG_END, "SELECT k, n FROM event WHERE k > ?1 AND k < ?2 "                     \
		   "ORDER BY k DESC LIMIT 1")                                            \
	X(EVENTS, "SELECT k, n, payload FROM event WHERE k < ?2 AND k >= "               \
		  "coalesce((SELECT max(k) FROM event WHERE k > ?1 AND k <= ?3), ?1) "   \
		  "ORDER BY k")                                                          \
                                                                                         \
	X(ADD_CONVERSATION,                                                              \
	  "INSERT INTO conversation(owner, id, title, settings, tags, head, "            \
	  "created_at, updated_at, version, pinned, archived) "                          \
	  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")                        \
	X(SET_CONVERSATION,                                                              \
	  "UPDATE conversation SET title = ?3, settings = ?4, tags = ?5, head = ?6, "    \
	  "updated_at = ?7, pinned = ?8, archived = ?9, version = version + 1 "          \
	  "WHERE id = ?1 AND owner = ?2 AND ?10 IN (0, version)")                        \
	X(SET_HEAD, "UPDATE conversation SET head = ?3, updated_at = ?4, "               \
		    "version = version + 1 WHERE id = ?1 AND owner = ?2")                \
	X(LAST_MESSAGE, "SELECT k FROM message WHERE k > ?1 AND k <= ?2 "                \
			"ORDER BY k DESC LIMIT 1")                                       \
	X(LAST_PART, "SELECT k FROM part WHERE k > ?1 AND k <= ?2 "                      \
		     "ORDER BY k DESC LIMIT 1")                                          \
	X(ADD_MESSAGE,                                                                   \
	  "INSERT INTO message(k, parent, id, reply, part, parts, digest, edit_of, "     \
	  "role, state, stop_reason, created_at, cost, input, cached, cache_write, "     \
	  "output, reasoning, dialect, provider, model, stop_word, stop_sequence, "      \
	  "response_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "      \
	  "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)")                 \
	X(SET_MESSAGE,                                                                   \
	  "UPDATE message SET part = ?2, parts = ?3, digest = ?4, edit_of = ?5, "        \
	  "role = ?6, state = ?7, stop_reason = ?8, created_at = ?9, cost = ?10, "       \
	  "input = ?11, cached = ?12, cache_write = ?13, output = ?14, "                 \
	  "reasoning = ?15, dialect = ?16, provider = ?17, model = ?18, "                \
	  "stop_word = ?19, stop_sequence = ?20, response_id = ?21 WHERE k = ?1")        \
	X(ADD_PART, "INSERT INTO part(k, type, is_error, children, text, raw, call_id, " \
		    "name, media_type, url, blob) "                                      \
		    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")              \
	X(BLOB_NO, "SELECT no FROM blob WHERE hash = ?1")                                \
	X(ADD_BLOB, "INSERT INTO blob(hash, data) VALUES(?1, ?2)")                       \
	X(DROP_BLOBS,                                                                    \
	  "DELETE FROM blob WHERE no IN (SELECT blob FROM part "                         \
	  "WHERE k >= ?1 AND k < ?2 AND blob IS NOT NULL) AND NOT EXISTS "               \
	  "(SELECT 1 FROM part p WHERE p.blob = blob.no AND (p.k < ?1 OR p.k >= ?2))")   \
	X(DROP_PARTS, "DELETE FROM part WHERE k >= ?1 AND k < ?2")                       \
	X(DROP_MESSAGES, "DELETE FROM message WHERE k >= ?1 AND k < ?2")                 \
	X(REPLIES_OF, "SELECT no FROM reply WHERE conversation = ?1")                    \
	X(DROP_EVENTS, "DELETE FROM event WHERE k >= ?1 AND k < ?2")                     \
	X(RUNNING_IN,                                                                    \
	  "SELECT 1 FROM reply WHERE conversation = ?1 AND state = 2 LIMIT 1")           \
	X(WRITER_OF, "SELECT r.no, r.state FROM message m JOIN reply r "                 \
		     "ON r.no = m.reply WHERE m.k = ?1")                                 \
	X(TO_PURGE, "INSERT INTO purge(erased_at) VALUES(?1)")                           \
	X(PURGED, "DELETE FROM purge")                                                   \
	X(DROP_REPLIES, "DELETE FROM reply WHERE conversation = ?1")                     \
	X(DROP_CONVERSATION, "DELETE FROM conversation WHERE no = ?1")                   \
                                                                                         \
	X(ADD_REPLY,                                                                     \
	  "INSERT INTO reply(conversation, slot, id, parent_id, message_id, state, "     \
	  "cancelled, rounds, last_seq, created_at, ended_at, model, request, error) "   \
	  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")         \
	X(SET_REPLY,                                                                     \
	  "UPDATE reply SET slot = ?3, message_id = ?4, state = ?5, rounds = ?6, "       \
	  "last_seq = ?7, ended_at = ?8, error = ?9 WHERE id = ?1 AND state < 4 "        \
	  "AND conversation IN (SELECT no FROM conversation WHERE owner = ?2)")          \
	X(CANCEL_REPLY,                                                                  \
	  "UPDATE reply SET cancelled = 1 WHERE id = ?1 AND state = 2 "                  \
	  "AND conversation IN (SELECT no FROM conversation WHERE owner = ?2)")          \
	X(ADD_EVENTS, "INSERT INTO event(k, n, payload) VALUES(?1, ?2, ?3)")             \
	X(OLD_LOGS, "SELECT no FROM reply WHERE logged = 1 AND ended_at IS NOT NULL "    \
		    "AND ended_at < ?1 ORDER BY ended_at LIMIT ?2")                      \
	X(LOG_DROPPED, "UPDATE reply SET logged = 0 WHERE no = ?1")                      \
                                                                                         \
	X(RECORD,                                                                        \
	  "SELECT " AIC_SQL_RECORD_COLUMNS AIC_SQL_RECORD_FROM                           \
	  "WHERE r.owner = ?1 AND r.kind = ?2 AND r.id = ?4 AND " AIC_SQL_RECORD_LIVES)  \
	X(RECORD_NAMED, "SELECT " AIC_SQL_RECORD_COLUMNS AIC_SQL_RECORD_FROM             \
			"WHERE r.owner = ?1 AND r.kind = ?2 AND r.name = ?4 "            \
			"AND " AIC_SQL_RECORD_LIVES)                                     \
	X(RECORDS, "SELECT " AIC_SQL_RECORD_COLUMNS AIC_SQL_RECORD_FROM                  \
		   "WHERE r.owner = ?1 AND r.kind = ?2 AND " AIC_SQL_RECORD_LIVES        \
		   "AND r.no > ?4 ORDER BY r.no LIMIT ?5")                               \
	X(RECORDS_OF,                                                                    \
	  "SELECT " AIC_SQL_RECORD_COLUMNS AIC_SQL_RECORD_FROM                           \
	  "WHERE r.owner = ?1 AND r.kind = ?2 AND " AIC_SQL_RECORD_LIVES                 \
	  "AND r.no > ?4 AND r.parent = (SELECT no FROM record WHERE owner = "           \
	  "?1 AND kind = ?6 AND id = ?7) ORDER BY r.no LIMIT ?5")                        \
	X(ADD_RECORD,                                                                    \
	  "INSERT INTO record(owner, kind, id, name, parent, version, "                  \
	  "created_at, updated_at, expires_at, json) VALUES(?1, ?2, ?3, ?4, "            \
	  "?5, 1, ?6, ?6, ?7, ?8)")                                                      \
	X(SET_RECORD, "UPDATE record SET name = ?4, updated_at = ?5, expires_at = ?6, "  \
		      "json = ?7, version = version + 1 WHERE owner = ?1 AND kind = ?2 " \
		      "AND id = ?3")                                                     \
	X(DROP_RECORD, AIC_SQL_RECORDS_BELOW("SELECT no FROM record WHERE no = ?1"))     \
	X(DROP_ENDED,                                                                    \
	  AIC_SQL_RECORDS_BELOW(                                                         \
		  "SELECT no FROM record WHERE expires_at <= ?1 ORDER BY expires_at "    \
		  "LIMIT ?2"))                                                           \
	X(DROP_ENDED_LIKE,                                                               \
	  AIC_SQL_RECORDS_BELOW(                                                         \
		  "SELECT no FROM record WHERE owner = ?1 AND kind = ?2 AND "            \
		  "expires_at <= ?3 AND (id = ?4 OR name = ?5)"))                        \
	X(DROP_RECORDS, "DELETE FROM record WHERE owner = ?1")                           \
                                                                                         \
	X(IDEMPOTENCY,                                                                   \
	  "SELECT digest, object FROM idempotency WHERE owner = ?1 AND key = "           \
	  "?2 AND created_at > ?3")                                                      \
	X(ADD_IDEMPOTENCY,                                                               \
	  "INSERT OR REPLACE INTO idempotency(owner, key, digest, object, "              \
	  "created_at) VALUES(?1, ?2, ?3, ?4, ?5)")                                      \
	X(DROP_IDEMPOTENCY,                                                              \
	  "DELETE FROM idempotency WHERE (owner, key) IN (SELECT owner, key "            \
	  "FROM idempotency WHERE created_at <= ?1 ORDER BY created_at LIMIT "           \
	  "?2)")                                                                         \
	X(DROP_KEYS, "DELETE FROM idempotency WHERE owner = ?1")                         \
                                                                                         \
	X(LAST_AUDIT, "SELECT no, hash FROM audit ORDER BY no DESC LIMIT 1")             \
	X(ADD_AUDIT, "INSERT INTO audit(no, at, owner, actor, action, object, details, " \
		     "hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                     \
	X(AUDITS, "SELECT " AIC_SQL_AUDIT_COLUMNS                                        \
		  "FROM audit WHERE owner = ?1 AND no < ?2 ORDER BY no DESC LIMIT ?3")   \
	X(ALL_AUDITS, "SELECT " AIC_SQL_AUDIT_COLUMNS "FROM audit ORDER BY no")          \
	X(AUDIT_COUNTER, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'")         \
                                                                                         \
	X(ADD_USAGE, "INSERT INTO usage(at, owner, key, provider, model, outcome, "      \
		     "request_id, " AIC_SQL_USAGE_FIGURES                                \
		     ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, " \
		     "?14)")                                                             \
	X(USAGES, "SELECT no, at, key, provider, model, outcome, "                       \
		  "request_id, " AIC_SQL_USAGE_FIGURES                                   \
		  "FROM usage WHERE owner = ?1 AND no < ?2 ORDER BY no DESC LIMIT ?3")   \
	X(USAGE_SUM,                                                                     \
	  "SELECT count(*), 0, key, provider, model, NULL, NULL, sum(input), "           \
	  "sum(cached), sum(cache_write), sum(output), sum(reasoning), "                 \
	  "sum(cost), NULL FROM usage WHERE owner = ?1 AND at >= ?2 AND at < "           \
	  "?3 GROUP BY key, provider, model ORDER BY key, provider, model")              \
                                                                                         \
	X(RUNNING_OF, "SELECT r.id " AIC_SQL_REPLY_FROM                                  \
		      "WHERE r.state = 2 AND c.owner = ?1 LIMIT ?2")                     \
                                                                                         \
	X(VERIFY_MESSAGES,                                                               \
	  "SELECT m.digest, m.reply, r.id, r.state, " AIC_SQL_MESSAGE_COLUMNS            \
		  AIC_SQL_MESSAGE_FROM "LEFT JOIN reply r ON r.no = m.reply "            \
	  "ORDER BY m.k")                                                                \
	X(VERIFY_REPLIES,                                                                \
	  "SELECT c.owner, " AIC_SQL_REPLY_COLUMNS AIC_SQL_REPLY_FROM "ORDER BY r.no")

enum aic_sql {
#define AIC_SQL_ENUM(name, sql) AIC_SQL_##name,
	AIC_SQL_MAP(AIC_SQL_ENUM)
#undef AIC_SQL_ENUM
	AIC_SQL_COUNT
};
