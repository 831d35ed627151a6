/*
 * The schema, as a list of migrations that only grows. user_version is the number of
 * those that a file has seen; application_id says that the file is ours.
 *
 * Enumerations are stored as the numbers of the public headers, ids as their 16 bytes,
 * times as milliseconds since 1970. Keys cluster: a conversation's messages and parts lie
 * together (no << 24 | ordinal), as do the events of a reply (no << 32 | seq), so that
 * the last page of a long conversation costs no more than a short one.
 */

#include "store/sqlite.h"

#define APPLICATION_ID 0x61694368 /* "aiCh" */

static const char *const version_1[] = {
	"CREATE TABLE conversation(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
	" owner TEXT NOT NULL, title TEXT, settings TEXT, head BLOB,"
	" created_at INT NOT NULL, updated_at INT NOT NULL, version INT NOT NULL,"
	" pinned INT NOT NULL, archived INT NOT NULL) STRICT",
	"CREATE INDEX conversation_list"
	" ON conversation(owner, archived, updated_at DESC, id DESC)",

	/* parent: the key of the parent; ordinal 0 stands for the root. part, parts: its
	 * rows in `part` are parts in number, from that key on. */
	"CREATE TABLE message(k INTEGER PRIMARY KEY, parent INT NOT NULL,"
	" id BLOB NOT NULL UNIQUE, reply INT, part INT NOT NULL, parts INT NOT NULL,"
	" digest BLOB, edit_of BLOB, role INT NOT NULL, state INT NOT NULL,"
	" stop_reason INT NOT NULL, created_at INT NOT NULL, cost INT NOT NULL,"
	" input INT NOT NULL, cached INT NOT NULL, cache_write INT NOT NULL,"
	" output INT NOT NULL, reasoning INT NOT NULL, dialect TEXT, provider TEXT,"
	" model TEXT, stop_word TEXT, stop_sequence TEXT, response_id TEXT) STRICT",
	"CREATE INDEX message_child ON message(parent)",
	"CREATE INDEX message_reply ON message(reply) WHERE reply IS NOT NULL",

	/* children: so many of the following rows at the next level are inside it. */
	"CREATE TABLE part(k INTEGER PRIMARY KEY, type INT NOT NULL,"
	" is_error INT NOT NULL, children INT NOT NULL, text TEXT, raw TEXT,"
	" call_id TEXT, name TEXT, media_type TEXT, url TEXT, blob INT) STRICT",
	"CREATE INDEX part_blob ON part(blob) WHERE blob IS NOT NULL",
	"CREATE TABLE blob(no INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE,"
	" data BLOB NOT NULL) STRICT",

	/* slot: the lock file's byte that the process which runs it holds. */
	"CREATE TABLE reply(no INTEGER PRIMARY KEY, conversation INT NOT NULL, slot INT,"
	" logged INT NOT NULL DEFAULT 1, id BLOB NOT NULL UNIQUE, parent_id BLOB,"
	" message_id BLOB, state INT NOT NULL, cancelled INT NOT NULL,"
	" rounds INT NOT NULL, last_seq INT NOT NULL, created_at INT NOT NULL,"
	" ended_at INT, model TEXT, request TEXT, error TEXT) STRICT",
	"CREATE INDEX reply_conversation ON reply(conversation)",
	"CREATE INDEX reply_running ON reply(slot) WHERE state = 2",
	"CREATE INDEX reply_log ON reply(ended_at)"
	" WHERE logged = 1 AND ended_at IS NOT NULL",

	/* One row is a batch of n events, one JSON object a line. */
	"CREATE TABLE event(k INTEGER PRIMARY KEY, n INT NOT NULL,"
	" payload BLOB NOT NULL) STRICT",
};

static const char *const version_2[] = {
	"ALTER TABLE conversation ADD COLUMN tags TEXT", /* a JSON array of strings */
	/* Content was deleted from the tables; until the row goes, the WAL may have it.
	 */
	"CREATE TABLE purge(erased_at INT NOT NULL) STRICT",

	/* What the program keeps of its own: users, keys, logins. parent: another one,
	 * with which this one goes. */
	"CREATE TABLE record(no INTEGER PRIMARY KEY, owner TEXT NOT NULL,"
	" kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT, parent INT,"
	" version INT NOT NULL, created_at INT NOT NULL, updated_at INT NOT NULL,"
	" expires_at INT, json TEXT NOT NULL, UNIQUE(owner, kind, id)) STRICT",
	"CREATE UNIQUE INDEX record_name ON record(owner, kind, name)"
	" WHERE name IS NOT NULL",
	"CREATE INDEX record_list ON record(owner, kind)",
	"CREATE INDEX record_parent ON record(parent) WHERE parent IS NOT NULL",
	"CREATE INDEX record_end ON record(expires_at) WHERE expires_at IS NOT NULL",

	/* object: the id of what the request made. */
	"CREATE TABLE idempotency(owner TEXT NOT NULL, key TEXT NOT NULL,"
	" digest TEXT NOT NULL, object TEXT NOT NULL, created_at INT NOT NULL,"
	" PRIMARY KEY(owner, key)) STRICT, WITHOUT ROWID",
	"CREATE INDEX idempotency_age ON idempotency(created_at)",

	/* Numbers are never used again, so that a missing end is noticed. */
	"CREATE TABLE audit(no INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL,"
	" owner TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, object TEXT,"
	" details TEXT, hash BLOB NOT NULL) STRICT",
	"CREATE INDEX audit_owner ON audit(owner, no)",

	"CREATE TABLE usage(no INTEGER PRIMARY KEY, at INT NOT NULL,"
	" owner TEXT NOT NULL, key TEXT, provider TEXT, model TEXT, outcome TEXT,"
	" request_id TEXT, input INT, cached INT, cache_write INT, output INT,"
	" reasoning INT, cost INT, duration INT) STRICT",
	"CREATE INDEX usage_owner ON usage(owner, at)",
};

struct migration {
	const char *const *statements;
	size_t count;
};

static const struct migration migrations[] = {
	{ version_1, AIC_ARRAY_LEN(version_1) },
	{ version_2, AIC_ARRAY_LEN(version_2) },
};

#define VERSION ((int64_t)AIC_ARRAY_LEN(migrations))

static const char *path_of(const struct aic_sqlite_conn *conn)
{
	return conn->db->path ? conn->db->path : "memory:";
}

static int not_ours(struct aic_sqlite_conn *conn, aichat_error **reterr)
{
	conn->db->corrupt = true;
	return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
			     "%s: is not an aichat store; name another file",
			     path_of(conn));
}

/* The version of a file that is ours; 0 = empty. */
static int read_version(struct aic_sqlite_conn *conn, int64_t *ret_version,
			aichat_error **reterr)
{
	int64_t application = 0, tables = 0;
	int rc = aic_sqlite_number(conn, "PRAGMA application_id", &application, reterr);

	if (rc == 0)
		rc = aic_sqlite_number(conn, "PRAGMA user_version", ret_version, reterr);
	if (rc == 0)
		rc = aic_sqlite_number(conn, "SELECT count(*) FROM sqlite_schema",
				       &tables, reterr);
	if (rc < 0)
		return rc;
	if (application == 0 && *ret_version == 0 && tables == 0)
		return 0;
	if (application != APPLICATION_ID || *ret_version < 1 || tables == 0)
		return not_ours(conn, reterr);
	if (*ret_version <= VERSION)
		return 0;
	return aic_error_set(reterr, AICHAT_ESTORENEWER,
			     "%s: was made by a newer version of aichat (schema %lld, "
			     "this one knows %lld); update aichat or name another store",
			     path_of(conn), (long long)*ret_version, (long long)VERSION);
}

static int run_migrations(struct aic_sqlite_conn *conn, int64_t version,
			  aichat_error **reterr)
{
	char sql[64];

	for (; version < VERSION; version++) {
		const struct migration *m = &migrations[version];
		for (size_t i = 0; i < m->count; i++) {
			int rc = aic_sqlite_exec(conn, m->statements[i], reterr);
			if (rc < 0)
				return rc;
		}
	}
	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA application_id = %d", APPLICATION_ID);
	int rc = aic_sqlite_exec(conn, sql, reterr);
	if (rc < 0)
		return rc;
	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version = %d", (int)VERSION);
	return aic_sqlite_exec(conn, sql, reterr);
}

static int migrate(struct aic_sqlite_conn *conn, aichat_error **reterr)
{
	int64_t version = 0;
	int rc = aic_sqlite_exec(conn, "BEGIN IMMEDIATE", reterr);

	if (rc < 0)
		return rc;
	rc = read_version(conn, &version, reterr);
	if (rc == 0 && version < VERSION)
		rc = run_migrations(conn, version, reterr);
	if (rc == 0)
		rc = aic_sqlite_exec(conn, "COMMIT", reterr);
	if (rc < 0 && !sqlite3_get_autocommit(conn->handle))
		aic_sqlite_exec(conn, "ROLLBACK", NULL);
	return rc;
}

int aic_sqlite_schema(struct aic_sqlite_conn *conn, bool locked, aichat_error **reterr)
{
	int64_t version = 0, is_wal = 0;
	/* One view: another process may be making the store at this moment. */
	int rc = aic_sqlite_exec(conn, "BEGIN", reterr);

	if (rc == 0)
		rc = read_version(conn, &version, reterr);
	if (!sqlite3_get_autocommit(conn->handle))
		aic_sqlite_exec(conn, "COMMIT", NULL);
	if (rc == 0 && conn->db->path)
		rc = aic_sqlite_number(conn,
				       "SELECT journal_mode = 'wal' "
				       "FROM pragma_journal_mode",
				       &is_wal, reterr);
	if (rc < 0)
		return rc;
	bool settle_mode = conn->db->path && !is_wal;
	if (version == VERSION && !settle_mode)
		return 0;
	if (!locked)
		return 1;
	/* Once set it stays in the file. */
	if (settle_mode)
		rc = aic_sqlite_exec(conn, "PRAGMA journal_mode = WAL", reterr);
	return rc < 0 || version == VERSION ? rc : migrate(conn, reterr);
}
