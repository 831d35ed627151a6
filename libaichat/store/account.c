/*
 * The functions of account.h over the backend's, and what is the same for all backends:
 * what an idempotency key decides, and the chain of the audit log.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "store/store_internal.h"

#define OPS(store) ((store)->backend->ops)
/* Rows that have ended are dropped with each that is added, a few more than one. */
#define PRUNED 4

void aic_record_row_done(struct aic_record_row *row)
{
	aic_free(row->kind);
	aic_free(row->id);
	aic_free(row->name);
	aic_free(row->parent_kind);
	aic_free(row->parent_id);
	aic_free(row->json);
	*row = (struct aic_record_row){ 0 };
}

void aic_audit_row_done(struct aic_audit_row *row)
{
	aic_free(row->owner);
	aic_free(row->actor);
	aic_free(row->action);
	aic_free(row->object);
	aic_free(row->details);
	*row = (struct aic_audit_row){ 0 };
}

void aic_usage_row_done(struct aic_usage_row *row)
{
	for (size_t i = 0; i < AIC_USAGE_TEXTS; i++)
		aic_free(row->texts[i]);
	*row = (struct aic_usage_row){ 0 };
}

#define DEFINE_ROWS_DONE(what)                                                           \
	void aic_##what##_rows_done(struct aic_##what##_rows *rows)                      \
	{                                                                                \
		for (size_t i = 0; i < rows->count; i++)                                 \
			aic_##what##_row_done(&rows->items[i]);                          \
		aic_free(rows->items);                                                   \
		*rows = (struct aic_##what##_rows){ 0 };                                 \
	}
DEFINE_ROWS_DONE(record)
DEFINE_ROWS_DONE(audit)
DEFINE_ROWS_DONE(usage)

/* ---- records ---------------------------------------------------------------------- */

int aic_store_record(struct aic_store *store, const char *owner, const char *kind,
		     const char *id, const char *name, int64_t now_unix_ms,
		     struct aic_record_row *ret_row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->record(session, owner, kind, id, name, now_unix_ms, ret_row,
				reterr);
	aic_store_read_end(store, session);
	return rc;
}

int aic_store_records(struct aic_store *store, const struct aic_record_query *query,
		      struct aic_record_rows *ret_rows, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->records(session, query, ret_rows, reterr);
	aic_store_read_end(store, session);
	if (rc < 0)
		aic_record_rows_done(ret_rows);
	return rc;
}

int aic_store_add_record(struct aic_store *store, const char *owner,
			 const struct aic_record_row *row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	if (rc == 0)
		rc = OPS(store)->prune_records(session, row->created_unix_ms, PRUNED,
					       reterr);
	return rc < 0 ? rc : OPS(store)->add_record(session, owner, row, reterr);
}

int aic_store_set_record(struct aic_store *store, const char *owner,
			 const struct aic_record_row *row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc : OPS(store)->set_record(session, owner, row, reterr);
}

int aic_store_delete_record(struct aic_store *store, const char *owner, const char *kind,
			    const char *id, int64_t now_unix_ms, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc
		      : OPS(store)->delete_record(session, owner, kind, id, now_unix_ms,
						  reterr);
}

/* ---- idempotency ------------------------------------------------------------------ */

static bool is_plain(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len > max || !aic_utf8_valid(text, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

int aic_idempotency_check(const struct aic_idempotency *request, aichat_error **reterr)
{
	if (request->key &&
	    (!*request->key || !is_plain(request->key, AIC_IDEMPOTENCY_KEY_MAX)))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "an idempotency key has 1 to %d bytes of UTF-8 "
				     "without control characters",
				     AIC_IDEMPOTENCY_KEY_MAX);
	if (request->digest && !is_plain(request->digest, AIC_IDEMPOTENCY_DIGEST_MAX))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a request's digest has up to %d bytes of UTF-8 "
				     "without control characters",
				     AIC_IDEMPOTENCY_DIGEST_MAX);
	return 0;
}

/* 1, 0 or AICHAT_ECONFLICT. */
static int find_key(struct aic_store *store, struct aic_session *session,
		    const char *owner, const struct aic_idempotency *request, int64_t now,
		    char **ret_object, aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *digest = NULL;
	AIC_CLEANUP(aic_freep) char *object = NULL;
	int rc = OPS(store)->idempotency(session, owner, request->key,
					 now - AIC_IDEMPOTENCY_MS, &digest, &object,
					 reterr);

	if (rc <= 0)
		return rc;
	if (!aic_streq(digest, request->digest ? request->digest : ""))
		return aic_error_set(reterr, AICHAT_ECONFLICT,
				     "the idempotency key was used for another request; "
				     "use a new one for each");
	*ret_object = AIC_TAKE(object);
	return 1;
}

int aic_store_idempotency(struct aic_store *store, const char *owner,
			  const struct aic_idempotency *request, char **ret_object,
			  aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = find_key(store, session, owner, request, aic_clock_unix_ms(), ret_object,
		      reterr);
	aic_store_read_end(store, session);
	return rc;
}

int aic_store_add_idempotency(struct aic_store *store, const char *owner,
			      const struct aic_idempotency *request, const char *object,
			      aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *earlier = NULL;
	struct aic_session *session = NULL;
	int64_t now = aic_clock_unix_ms();

	if (!request->key)
		return 0;
	int rc = aic_store_job_session(store, &session, reterr);
	if (rc == 0)
		rc = OPS(store)->prune_idempotency(session, now - AIC_IDEMPOTENCY_MS,
						   PRUNED, reterr);
	if (rc == 0)
		rc = find_key(store, session, owner, request, now, &earlier, reterr);
	if (rc > 0)
		return aic_error_set(reterr, AICHAT_EEXIST,
				     "a request with this idempotency key was taken "
				     "before; it made %.64s",
				     earlier);
	return rc < 0 ? rc
		      : OPS(store)->add_idempotency(session, owner, request, object, now,
						    reterr);
}

/* ---- audit ------------------------------------------------------------------------ */

/* Eight bytes, lowest first. */
static void put_number(struct aic_buf *bytes, int64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		aic_buf_putc(bytes, (char)((uint64_t)number >> (8 * i)));
}

/* With its length before it, so that no two rows have the same bytes. */
static void put_text(struct aic_buf *bytes, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	put_number(bytes, text ? (int64_t)len : -1);
	aic_buf_append(bytes, text ? text : "", len);
}

/* The hash of an entry, over the one before it and all that it says. */
static int chain(const struct aic_audit_link *before, const struct aic_audit_row *row,
		 unsigned char ret_hash[AIC_DIGEST_BYTES])
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf bytes = aic_buf(0);

	aic_buf_append(&bytes, before->hash, sizeof(before->hash));
	put_number(&bytes, row->no);
	put_number(&bytes, row->at_unix_ms);
	put_text(&bytes, row->owner);
	put_text(&bytes, row->actor);
	put_text(&bytes, row->action);
	put_text(&bytes, row->object);
	put_text(&bytes, row->details);
	if (bytes.error)
		return bytes.error;
	aic_blake2b(bytes.data, bytes.len, ret_hash);
	return 0;
}

int aic_store_add_audit(struct aic_store *store, const struct aic_audit_row *row,
			aichat_error **reterr)
{
	struct aic_session *session = NULL;
	struct aic_audit_link last = { 0 };
	struct aic_audit_row entry = *row;
	int rc = aic_store_job_session(store, &session, reterr);

	if (rc == 0)
		rc = OPS(store)->last_audit(session, &last, reterr);
	if (rc < 0)
		return rc;
	entry.no = last.no + 1;
	rc = chain(&last, &entry, entry.hash);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the entry's digest");
	return OPS(store)->add_audit(session, &entry, reterr);
}

int aic_store_audits(struct aic_store *store, const char *owner, int64_t before_no,
		     size_t limit, struct aic_audit_rows *ret_rows, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->audits(session, owner, before_no, limit, ret_rows, reterr);
	aic_store_read_end(store, session);
	if (rc < 0)
		aic_audit_rows_done(ret_rows);
	return rc;
}

struct chain_walk {
	struct aic_audit_walk walk; /* first */
	const char *name;           /* the store's */
	struct aic_audit_link last;
};

static int check_entry(struct aic_audit_walk *walk, const struct aic_audit_row *row,
		       aichat_error **reterr)
{
	struct chain_walk *w = (struct chain_walk *)walk;
	unsigned char hash[AIC_DIGEST_BYTES];

	if (row->no != w->last.no + 1)
		return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
				     "%s: the audit log has no entry %lld", w->name,
				     (long long)w->last.no + 1);
	int rc = chain(&w->last, row, hash);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the entry's digest");
	if (memcmp(hash, row->hash, sizeof(hash)) != 0)
		return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
				     "%s: entry %lld of the audit log is not what was "
				     "written: its digest differs",
				     w->name, (long long)row->no);
	w->last.no = row->no;
	memcpy(w->last.hash, hash, sizeof(hash));
	return 0;
}

int aic_store_verify_audit(struct aic_store *store, struct aic_audit_link *ret_last,
			   aichat_error **reterr)
{
	struct chain_walk w = {
		.walk = { .entry = check_entry },
		.name = aic_store_name(store),
	};
	struct aic_session *session = NULL;
	int64_t highest = 0;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->walk_audit(session, &w.walk, &highest, reterr);
	aic_store_read_end(store, session);
	if (rc == 0 && highest != w.last.no)
		rc = aic_error_set(reterr, AICHAT_ESTORECORRUPT,
				   "%s: the audit log ends at entry %lld, but had %lld",
				   w.name, (long long)w.last.no, (long long)highest);
	if (rc == 0 && ret_last)
		*ret_last = w.last;
	return rc;
}

/* ---- usage ------------------------------------------------------------------------ */

int aic_store_add_usage(struct aic_store *store, const char *owner,
			const struct aic_usage_row *row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc : OPS(store)->add_usage(session, owner, row, reterr);
}

int aic_store_usages(struct aic_store *store, const char *owner, int64_t before_no,
		     size_t limit, struct aic_usage_rows *ret_rows, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->usages(session, owner, before_no, limit, ret_rows, reterr);
	aic_store_read_end(store, session);
	if (rc < 0)
		aic_usage_rows_done(ret_rows);
	return rc;
}

int aic_store_usage_sum(struct aic_store *store, const char *owner, int64_t since_unix_ms,
			int64_t until_unix_ms, struct aic_usage_rows *ret_rows,
			aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->usage_sum(session, owner, since_unix_ms, until_unix_ms, ret_rows,
				   reterr);
	aic_store_read_end(store, session);
	if (rc < 0)
		aic_usage_rows_done(ret_rows);
	return rc;
}

/* ---- owners ----------------------------------------------------------------------- */

int aic_store_running(struct aic_store *store, const char *owner, struct aic_id *ret_ids,
		      size_t max, size_t *ret_count, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->running(session, owner, ret_ids, max, ret_count, reterr);
	aic_store_read_end(store, session);
	return rc;
}

int aic_store_forget_owner(struct aic_store *store, const char *owner,
			   aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc : OPS(store)->forget_owner(session, owner, reterr);
}
