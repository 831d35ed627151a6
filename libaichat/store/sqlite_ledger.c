/*
 * The audit log and the rows of usage: what is only ever appended.
 */

#include "base/mem.h"
#include "store/sqlite.h"

static int take_hash(struct aic_query *q, unsigned char hash[AIC_DIGEST_BYTES],
		     aichat_error **reterr)
{
	struct aic_str bytes = aic_query_bytes(q);
	int rc = aic_query_check(q, reterr);

	if (rc < 0)
		return rc;
	/* What is no hash equals none. */
	memset(hash, 0, AIC_DIGEST_BYTES);
	if (bytes.len == AIC_DIGEST_BYTES)
		memcpy(hash, bytes.data, bytes.len);
	return 0;
}

static int take_audit(struct aic_query *q, struct aic_audit_row *row,
		      aichat_error **reterr)
{
	row->no = aic_query_int(q);
	row->at_unix_ms = aic_query_int(q);
	aic_query_text(q, &row->owner);
	aic_query_text(q, &row->actor);
	aic_query_text(q, &row->action);
	aic_query_text(q, &row->object);
	aic_query_text(q, &row->details);
	return take_hash(q, row->hash, reterr);
}

int aic_sqlite_read_last_audit(struct aic_session *session,
			       struct aic_audit_link *ret_last, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_LAST_AUDIT);

	*ret_last = (struct aic_audit_link){ 0 };
	int rc = aic_query_step(&q, reterr);
	if (rc <= 0)
		return rc;
	ret_last->no = aic_query_int(&q);
	return take_hash(&q, ret_last->hash, reterr);
}

int aic_sqlite_add_audit(struct aic_session *session, const struct aic_audit_row *row,
			 aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_ADD_AUDIT);

	aic_query_bind_int(&q, row->no);
	aic_query_bind_int(&q, row->at_unix_ms);
	aic_query_bind_text(&q, row->owner);
	aic_query_bind_text(&q, row->actor);
	aic_query_bind_text(&q, row->action);
	aic_query_bind_text(&q, row->object);
	aic_query_bind_text(&q, row->details);
	aic_query_bind_bytes(&q, row->hash, sizeof(row->hash));
	return aic_query_run(&q, reterr);
}

int aic_sqlite_read_audits(struct aic_session *session, const char *owner,
			   int64_t before_no, size_t limit,
			   struct aic_audit_rows *ret_rows, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_AUDITS);
	int rc;

	aic_query_bind_text(&q, owner);
	aic_query_bind_int(&q, before_no);
	aic_query_bind_int(&q, (int64_t)limit);
	while ((rc = aic_query_step(&q, reterr)) > 0) {
		if (!AIC_GROW(ret_rows->items, ret_rows->count, &ret_rows->capacity))
			return aic_error_nomem(reterr);
		struct aic_audit_row *row = &ret_rows->items[ret_rows->count++];
		*row = (struct aic_audit_row){ 0 };
		rc = take_audit(&q, row, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int aic_sqlite_walk_audit(struct aic_session *session, struct aic_audit_walk *walk,
			  int64_t *ret_highest, aichat_error **reterr)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	AIC_QUERY(q, conn, AIC_SQL_ALL_AUDITS);
	int rc;

	while ((rc = aic_query_step(&q, reterr)) > 0) {
		AIC_CLEANUP(aic_audit_row_done) struct aic_audit_row row = { 0 };
		rc = take_audit(&q, &row, reterr);
		if (rc == 0)
			rc = walk->entry(walk, &row, reterr);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	AIC_QUERY(counter, conn, AIC_SQL_AUDIT_COUNTER);
	rc = aic_query_step(&counter, reterr);
	*ret_highest = rc > 0 ? aic_query_int(&counter) : 0;
	return rc < 0 ? rc : 0;
}

/* ---- usage ------------------------------------------------------------------------ */

int aic_sqlite_add_usage(struct aic_session *session, const char *owner,
			 const struct aic_usage_row *row, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_ADD_USAGE);

	aic_query_bind_int(&q, row->at_unix_ms);
	aic_query_bind_text(&q, owner);
	for (size_t i = 0; i < AIC_USAGE_TEXTS; i++)
		aic_query_bind_text(&q, row->texts[i]);
	for (size_t i = 0; i < AIC_USAGE_FIGURES; i++)
		if (row->figures[i] < 0)
			aic_query_bind_null(&q);
		else
			aic_query_bind_int(&q, row->figures[i]);
	return aic_query_run(&q, reterr);
}

static int take_usages(struct aic_query *q, struct aic_usage_rows *rows,
		       aichat_error **reterr)
{
	int rc;

	while ((rc = aic_query_step(q, reterr)) > 0) {
		if (!AIC_GROW(rows->items, rows->count, &rows->capacity))
			return aic_error_nomem(reterr);
		struct aic_usage_row *row = &rows->items[rows->count++];
		*row = (struct aic_usage_row){ 0 };
		row->no = aic_query_int(q);
		row->at_unix_ms = aic_query_int(q);
		for (size_t i = 0; i < AIC_USAGE_TEXTS; i++)
			aic_query_text(q, &row->texts[i]);
		for (size_t i = 0; i < AIC_USAGE_FIGURES; i++)
			row->figures[i] = aic_query_int_or(q, -1);
		rc = aic_query_check(q, reterr);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int aic_sqlite_read_usages(struct aic_session *session, const char *owner,
			   int64_t before_no, size_t limit,
			   struct aic_usage_rows *ret_rows, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_USAGES);

	aic_query_bind_text(&q, owner);
	aic_query_bind_int(&q, before_no);
	aic_query_bind_int(&q, (int64_t)limit);
	return take_usages(&q, ret_rows, reterr);
}

int aic_sqlite_read_usage_sum(struct aic_session *session, const char *owner,
			      int64_t since_unix_ms, int64_t until_unix_ms,
			      struct aic_usage_rows *ret_rows, aichat_error **reterr)
{
	AIC_QUERY(q, aic_sqlite_conn_of(session), AIC_SQL_USAGE_SUM);

	aic_query_bind_text(&q, owner);
	aic_query_bind_int(&q, since_unix_ms);
	aic_query_bind_int(&q, until_unix_ms);
	return take_usages(&q, ret_rows, reterr);
}
