/*
 * Records and idempotency keys.
 *
 * A record that has ended is not there for anybody. It stays in the table until it is
 * pruned, or in the way of a new one of its id or name.
 */

#include "base/mem.h"
#include "store/sqlite.h"

static void take_record(struct aic_query *q, struct aic_record_row *row)
{
	row->no = aic_query_int(q);
	aic_query_text(q, &row->kind);
	aic_query_text(q, &row->id);
	aic_query_text(q, &row->name);
	aic_query_text(q, &row->parent_kind);
	aic_query_text(q, &row->parent_id);
	row->version = aic_query_int(q);
	row->created_unix_ms = aic_query_int(q);
	row->updated_unix_ms = aic_query_int(q);
	row->expires_unix_ms = aic_query_int(q);
	aic_query_text(q, &row->json);
}

static int no_record(const char *kind, const char *id, aichat_error **reterr)
{
	return aic_error_set(reterr, AICHAT_ENOTFOUND, "no %s \"%.255s\"", kind, id);
}

int aic_sqlite_read_record(struct aic_session *session, const char *owner,
			   const char *kind, const char *id, const char *name,
			   int64_t now_unix_ms, struct aic_record_row *ret_row,
			   aichat_error **reterr)
{
	struct aic_record_row row = { 0 };
	AIC_QUERY(q, aic_sqlite_conn_of(session),
		  id ? AIC_SQL_RECORD : AIC_SQL_RECORD_NAMED);

	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, kind);
	aic_query_bind_int(&q, now_unix_ms);
	aic_query_bind_text(&q, id ? id : name);
	int rc = aic_query_step(&q, reterr);
	if (rc == 0)
		return no_record(kind, id ? id : name, reterr);
	if (rc < 0)
		return rc;
	take_record(&q, &row);
	rc = aic_query_check(&q, reterr);
	if (rc < 0)
		aic_record_row_done(&row);
	else
		*ret_row = row;
	return rc;
}

int aic_sqlite_read_records(struct aic_session *session,
			    const struct aic_record_query *query,
			    struct aic_record_rows *ret_rows, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session),
		  query->parent_id ? AIC_SQL_RECORDS_OF : AIC_SQL_RECORDS);
	int rc;

	aic_query_bind_text(&q, query->owner);
	aic_query_bind_text(&q, query->kind);
	aic_query_bind_int(&q, query->now_unix_ms);
	aic_query_bind_int(&q, query->after_no);
	aic_query_bind_int(&q, (int64_t)query->limit);
	if (query->parent_id) {
		aic_query_bind_text(&q, query->parent_kind);
		aic_query_bind_text(&q, query->parent_id);
	}
	while ((rc = aic_query_step(&q, reterr)) > 0) {
		if (!AIC_GROW(ret_rows->items, ret_rows->count, &ret_rows->capacity))
			return aic_error_nomem(reterr);
		struct aic_record_row *row = &ret_rows->items[ret_rows->count++];
		*row = (struct aic_record_row){ 0 };
		take_record(&q, row);
		rc = aic_query_check(&q, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* 1 and its number and version, or 0. */
static int find_record(struct aic_sqlite_conn *conn, enum aic_sql which,
		       const char *owner, const char *kind, const char *text,
		       int64_t now_unix_ms, int64_t *ret_no, int64_t *ret_version,
		       aichat_error **reterr)
{
	AIC_CLEANUP(aic_record_row_done) struct aic_record_row row = { 0 };
	AIC_QUERY(q, conn, which);

	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, kind);
	aic_query_bind_int(&q, now_unix_ms);
	aic_query_bind_text(&q, text);
	int rc = aic_query_step(&q, reterr);
	if (rc <= 0)
		return rc;
	take_record(&q, &row);
	*ret_no = row.no;
	*ret_version = row.version;
	rc = aic_query_check(&q, reterr);
	return rc < 0 ? rc : 1;
}

/* That nobody but `self` has the name. */
static int check_name(struct aic_sqlite_conn *conn, const char *owner,
		      const struct aic_record_row *row, int64_t self, int64_t now_unix_ms,
		      aichat_error **reterr)
{
	int64_t no = 0, version = 0;

	if (!row->name)
		return 0;
	int rc = find_record(conn, AIC_SQL_RECORD_NAMED, owner, row->kind, row->name,
			     now_unix_ms, &no, &version, reterr);
	if (rc <= 0 || no == self)
		return rc < 0 ? rc : 0;
	return aic_error_set(reterr, AICHAT_EEXIST,
			     "there is a %s of the name \"%s\" already", row->kind,
			     row->name);
}

/* Ended ones of this id or name give way. */
static int drop_ended_like(struct aic_sqlite_conn *conn, const char *owner,
			   const struct aic_record_row *row, int64_t now_unix_ms,
			   aichat_error **reterr)
{
	AIC_QUERY(q, conn, AIC_SQL_DROP_ENDED_LIKE);

	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, row->kind);
	aic_query_bind_int(&q, now_unix_ms);
	aic_query_bind_text(&q, row->id);
	aic_query_bind_text(&q, row->name);
	return aic_query_run(&q, reterr);
}

static void bind_end(struct aic_query *q, int64_t expires_unix_ms)
{
	if (expires_unix_ms)
		aic_query_bind_int(q, expires_unix_ms);
	else
		aic_query_bind_null(q);
}

int aic_sqlite_add_record(struct aic_session *session, const char *owner,
			  const struct aic_record_row *row, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t now = row->created_unix_ms;
	int64_t no = 0, version = 0, parent = 0;
	int rc = drop_ended_like(conn, owner, row, now, reterr);

	if (rc == 0)
		rc = find_record(conn, AIC_SQL_RECORD, owner, row->kind, row->id, now,
				 &no, &version, reterr);
	if (rc > 0)
		return aic_error_set(reterr, AICHAT_EEXIST,
				     "there is a %s \"%s\" already", row->kind, row->id);
	if (rc == 0)
		rc = check_name(conn, owner, row, 0, now, reterr);
	if (rc == 0 && row->parent_id) {
		rc = find_record(conn, AIC_SQL_RECORD, owner, row->parent_kind,
				 row->parent_id, now, &parent, &version, reterr);
		if (rc == 0)
			return no_record(row->parent_kind, row->parent_id, reterr);
	}
	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_ADD_RECORD);
	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, row->kind);
	aic_query_bind_text(&q, row->id);
	aic_query_bind_text(&q, row->name);
	if (row->parent_id)
		aic_query_bind_int(&q, parent);
	else
		aic_query_bind_null(&q);
	aic_query_bind_int(&q, now);
	bind_end(&q, row->expires_unix_ms);
	aic_query_bind_text(&q, row->json);
	return aic_query_run(&q, reterr);
}

int aic_sqlite_set_record(struct aic_session *session, const char *owner,
			  const struct aic_record_row *row, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t now = row->updated_unix_ms;
	int64_t no = 0, version = 0;
	int rc = find_record(conn, AIC_SQL_RECORD, owner, row->kind, row->id, now, &no,
			     &version, reterr);

	if (rc == 0)
		return no_record(row->kind, row->id, reterr);
	if (rc > 0 && version != row->version)
		return aic_error_set(reterr, AICHAT_ESTALE,
				     "the %s \"%s\" was changed by someone else; read it "
				     "again",
				     row->kind, row->id);
	if (rc > 0)
		rc = drop_ended_like(conn, owner, row, now, reterr);
	if (rc == 0)
		rc = check_name(conn, owner, row, no, now, reterr);
	if (rc < 0)
		return rc;
	AIC_QUERY(q, conn, AIC_SQL_SET_RECORD);
	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, row->kind);
	aic_query_bind_text(&q, row->id);
	aic_query_bind_text(&q, row->name);
	aic_query_bind_int(&q, now);
	bind_end(&q, row->expires_unix_ms);
	aic_query_bind_text(&q, row->json);
	return aic_query_run(&q, reterr);
}

int aic_sqlite_delete_record(struct aic_session *session, const char *owner,
			     const char *kind, const char *id, int64_t now_unix_ms,
			     aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	int64_t no = 0, version = 0;
	int rc = find_record(conn, AIC_SQL_RECORD, owner, kind, id, now_unix_ms, &no,
			     &version, reterr);

	if (rc <= 0)
		return rc < 0 ? rc : no_record(kind, id, reterr);
	AIC_QUERY(q, conn, AIC_SQL_DROP_RECORD);
	aic_query_bind_int(&q, no);
	return aic_query_run(&q, reterr);
}

/* A statement that drops a few of what is not younger than a time. */
static int drop_old(struct aic_session *session, enum aic_sql which, int64_t unix_ms,
		    size_t max, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), which);

	aic_query_bind_int(&q, unix_ms);
	aic_query_bind_int(&q, (int64_t)max);
	return aic_query_run(&q, reterr);
}

int aic_sqlite_prune_records(struct aic_session *session, int64_t now_unix_ms, size_t max,
			     aichat_error **reterr)
{
	return drop_old(session, AIC_SQL_DROP_ENDED, now_unix_ms, max, reterr);
}

/* ---- idempotency ------------------------------------------------------------------ */

int aic_sqlite_read_idempotency(struct aic_session *session, const char *owner,
				const char *key, int64_t before_unix_ms,
				char **ret_digest, char **ret_object,
				aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_IDEMPOTENCY);

	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, key);
	aic_query_bind_int(&q, before_unix_ms);
	int rc = aic_query_step(&q, reterr);
	if (rc <= 0)
		return rc;
	aic_query_text(&q, ret_digest);
	aic_query_text(&q, ret_object);
	rc = aic_query_check(&q, reterr);
	return rc < 0 ? rc : 1;
}

int aic_sqlite_add_idempotency(struct aic_session *session, const char *owner,
			       const struct aic_idempotency *request, const char *object,
			       int64_t now_unix_ms, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_ADD_IDEMPOTENCY);

	aic_query_bind_text(&q, owner);
	aic_query_bind_text(&q, request->key);
	aic_query_bind_text(&q, request->digest ? request->digest : "");
	aic_query_bind_text(&q, object);
	aic_query_bind_int(&q, now_unix_ms);
	return aic_query_run(&q, reterr);
}

int aic_sqlite_prune_idempotency(struct aic_session *session, int64_t before_unix_ms,
				 size_t max, aichat_error **reterr)
{
	return drop_old(session, AIC_SQL_DROP_IDEMPOTENCY, before_unix_ms, max, reterr);
}

/* ---- owners ----------------------------------------------------------------------- */

int aic_sqlite_read_running(struct aic_session *session, const char *owner,
			    struct aic_id *ret_ids, size_t max, size_t *ret_count,
			    aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_RUNNING_OF);
	int rc;

	*ret_count = 0;
	aic_query_bind_text(&q, owner);
	aic_query_bind_int(&q, (int64_t)max);
	while ((rc = aic_query_step(&q, reterr)) > 0)
		aic_query_id(&q, &ret_ids[(*ret_count)++]);
	return rc < 0 ? rc : aic_query_check(&q, reterr);
}

int aic_sqlite_forget_owner(struct aic_session *session, const char *owner,
			    aichat_error **reterr)
{
	static const enum aic_sql statements[] = { AIC_SQL_DROP_RECORDS,
						   AIC_SQL_DROP_KEYS };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < AIC_ARRAY_LEN(statements); i++) {
		AIC_QUERY(q, aic_sqlite_conn_of(session), statements[i]);
		aic_query_bind_text(&q, owner);
		rc = aic_query_run(&q, reterr);
	}
	return rc;
}
