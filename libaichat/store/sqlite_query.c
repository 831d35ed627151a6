/*
 * Statements in use: binding and reading in order, with one place for failures.
 */

#include <errno.h>

#include "base/mem.h"
#include "store/sqlite.h"

static const char *const texts[] = {
#define SQL_TEXT(name, sql) [AIC_SQL_##name] = sql,
	AIC_SQL_MAP(SQL_TEXT)
#undef SQL_TEXT
};

struct aic_query aic_query(struct aic_sqlite_conn *conn, enum aic_sql which)
{
	struct aic_query q = { .conn = conn, .next = 1 };
	sqlite3_stmt **stmt = &conn->statements[which];

	if (!*stmt)
		q.rc = sqlite3_prepare_v3(conn->handle, texts[which], -1,
					  SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	q.stmt = *stmt;
	/* One that is in use further up the stack would lose its place. */
	if (q.rc == SQLITE_OK && sqlite3_stmt_busy(q.stmt)) {
		q.stmt = NULL;
		q.rc = SQLITE_MISUSE;
	}
	return q;
}

void aic_query_done(struct aic_query *q)
{
	if (!q->stmt)
		return;
	sqlite3_reset(q->stmt);
	/* What was bound is borrowed. */
	sqlite3_clear_bindings(q->stmt);
	q->stmt = NULL;
}

static bool usable(const struct aic_query *q)
{
	return q->rc == SQLITE_OK;
}

void aic_query_bind_int(struct aic_query *q, int64_t value)
{
	if (usable(q))
		q->rc = sqlite3_bind_int64(q->stmt, q->next++, value);
}

void aic_query_bind_null(struct aic_query *q)
{
	q->next++;
}

void aic_query_bind_str(struct aic_query *q, struct aic_str text)
{
	if (!text.data)
		aic_query_bind_null(q);
	else if (usable(q))
		q->rc = sqlite3_bind_text64(q->stmt, q->next++, text.data, text.len,
					    SQLITE_STATIC, SQLITE_UTF8);
}

void aic_query_bind_text(struct aic_query *q, const char *text)
{
	aic_query_bind_str(q, aic_str(text));
}

void aic_query_bind_bytes(struct aic_query *q, const void *data, size_t len)
{
	if (!data)
		aic_query_bind_null(q);
	else if (usable(q))
		q->rc = sqlite3_bind_blob64(q->stmt, q->next++, data, len, SQLITE_STATIC);
}

void aic_query_bind_id(struct aic_query *q, const struct aic_id *id)
{
	if (id && aic_id_is_set(id))
		aic_query_bind_bytes(q, id->bytes, sizeof(id->bytes));
	else
		aic_query_bind_null(q);
}

int aic_query_step(struct aic_query *q, aichat_error **reterr)
{
	q->column = 0;
	q->row = false;
	if (usable(q)) {
		errno = 0; /* for aic_sqlite_error() */
		int rc = sqlite3_step(q->stmt);
		if (rc == SQLITE_ROW) {
			q->row = true;
			return 1;
		}
		if (rc == SQLITE_DONE)
			return 0;
		q->rc = rc;
	}
	return aic_sqlite_error(q->conn, q->rc, reterr);
}

int aic_query_run(struct aic_query *q, aichat_error **reterr)
{
	int rc = aic_query_step(q, reterr);

	/* Ended now: a statement that is in use keeps its savepoint from being released.
	 */
	aic_query_done(q);
	return rc < 0 ? rc : 0;
}

int aic_query_check(struct aic_query *q, aichat_error **reterr)
{
	if (usable(q))
		return 0;
	return aic_sqlite_error(q->conn, q->rc, reterr);
}

static bool has_value(struct aic_query *q)
{
	return q->row && sqlite3_column_type(q->stmt, q->column) != SQLITE_NULL;
}

int64_t aic_query_int(struct aic_query *q)
{
	return q->row ? sqlite3_column_int64(q->stmt, q->column++) : 0;
}

int64_t aic_query_int_or(struct aic_query *q, int64_t null)
{
	if (has_value(q))
		return aic_query_int(q);
	q->column++;
	return null;
}

struct aic_str aic_query_bytes(struct aic_query *q)
{
	struct aic_str bytes = { 0 };

	if (has_value(q)) {
		bytes.data = sqlite3_column_blob(q->stmt, q->column);
		bytes.len = (size_t)sqlite3_column_bytes(q->stmt, q->column);
		/* An empty blob has no address; neither has one without memory. */
		if (!bytes.data && sqlite3_errcode(q->conn->handle) == SQLITE_NOMEM)
			q->rc = SQLITE_NOMEM;
		else if (!bytes.data)
			bytes.data = "";
	}
	q->column++;
	return bytes;
}

void aic_query_id(struct aic_query *q, struct aic_id *ret_id)
{
	struct aic_str bytes = aic_query_bytes(q);

	if (!bytes.data) {
		*ret_id = (struct aic_id){ 0 };
		return;
	}
	if (bytes.len == sizeof(ret_id->bytes))
		memcpy(ret_id->bytes, bytes.data, bytes.len);
	else
		q->rc = SQLITE_CORRUPT;
}

void aic_query_text(struct aic_query *q, char **ret_text)
{
	struct aic_str bytes = aic_query_bytes(q);

	*ret_text = NULL;
	if (!bytes.data)
		return;
	*ret_text = aic_strndup(bytes.data, bytes.len);
	if (!*ret_text)
		q->rc = SQLITE_NOMEM;
}

void aic_query_string(struct aic_query *q, struct aic_string *ret_string)
{
	struct aic_str bytes = aic_query_bytes(q);

	*ret_string = (struct aic_string){ 0 };
	if (bytes.data && aic_string_set(ret_string, bytes) < 0)
		q->rc = SQLITE_NOMEM;
}
