#pragma once

/*
 * What is in a store besides conversations: records of the program, idempotency keys, the
 * audit log, rows of usage. Reads may be made from any thread, writes inside a job's
 * run() only, as in store.h.
 */

#include "base/common.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"

struct aic_store;

/* ---- records ---- */

struct aic_record_row {
	int64_t no; /* the place in a list; of a stored one */
	char *kind, *id;
	char *name;                    /* or NULL */
	char *parent_kind, *parent_id; /* or NULL, both */
	int64_t version;               /* from 1, counts changes */
	int64_t created_unix_ms, updated_unix_ms;
	int64_t expires_unix_ms; /* 0 = never */
	char *json;
};
void aic_record_row_done(struct aic_record_row *row);

struct aic_record_rows {
	struct aic_record_row *items;
	size_t count, capacity;
};
void aic_record_rows_done(struct aic_record_rows *rows);

/* By id, or by name if id is NULL. What has ended at `now` is not there. */
int aic_store_record(struct aic_store *store, const char *owner, const char *kind,
		     const char *id, const char *name, int64_t now_unix_ms,
		     struct aic_record_row *ret_row, aichat_error **reterr);

struct aic_record_query {
	const char *owner, *kind;
	const char *parent_kind, *parent_id; /* or NULL, both */
	int64_t after_no;                    /* 0 = from the first */
	int64_t now_unix_ms;
	size_t limit;
};
int aic_store_records(struct aic_store *store, const struct aic_record_query *query,
		      struct aic_record_rows *ret_rows, aichat_error **reterr);

/*
 * Version 1, both times created_unix_ms. AICHAT_EEXIST, AICHAT_ENOTFOUND (parent). Drops
 * a few of those that ended.
 */
int aic_store_add_record(struct aic_store *store, const char *owner,
			 const struct aic_record_row *row, aichat_error **reterr);
/*
 * Name, end, document and updated as in the row, if its version is the stored one
 * (AICHAT_ESTALE). The stored version goes up by one.
 */
int aic_store_set_record(struct aic_store *store, const char *owner,
			 const struct aic_record_row *row, aichat_error **reterr);
/* With all below it. */
int aic_store_delete_record(struct aic_store *store, const char *owner, const char *kind,
			    const char *id, int64_t now_unix_ms, aichat_error **reterr);

/* ---- idempotency ---- */

#define AIC_IDEMPOTENCY_MS ((int64_t)24 * 60 * 60 * 1000)
#define AIC_IDEMPOTENCY_KEY_MAX 255
#define AIC_IDEMPOTENCY_DIGEST_MAX 128

/* A request by its key. digest NULL is the same as "". */
struct aic_idempotency {
	const char *key; /* NULL = none was given */
	const char *digest;
};

/* AICHAT_EINVAL for a key or digest that nobody can have; no key is fine. */
int aic_idempotency_check(const struct aic_idempotency *request, aichat_error **reterr);
/* 1 and the id of what it made; 0 if there was none; AICHAT_ECONFLICT. */
int aic_store_idempotency(struct aic_store *store, const char *owner,
			  const struct aic_idempotency *request, char **ret_object,
			  aichat_error **reterr);
/*
 * In the job that makes the thing: it is the request's. AICHAT_EEXIST if an earlier one
 * made one, AICHAT_ECONFLICT. Nothing without a key. Drops a few that are too old.
 */
int aic_store_add_idempotency(struct aic_store *store, const char *owner,
			      const struct aic_idempotency *request, const char *object,
			      aichat_error **reterr);

/* ---- audit ---- */

struct aic_audit_row {
	int64_t no; /* from 1, without a gap */
	int64_t at_unix_ms;
	char *owner, *actor, *action;
	char *object, *details; /* or NULL */
	unsigned char hash[AIC_DIGEST_BYTES];
};
void aic_audit_row_done(struct aic_audit_row *row);

struct aic_audit_rows {
	struct aic_audit_row *items;
	size_t count, capacity;
};
void aic_audit_rows_done(struct aic_audit_rows *rows);

/* Number and hash are made here. */
int aic_store_add_audit(struct aic_store *store, const struct aic_audit_row *row,
			aichat_error **reterr);
/* Newest first, those before a number. */
int aic_store_audits(struct aic_store *store, const char *owner, int64_t before_no,
		     size_t limit, struct aic_audit_rows *ret_rows,
		     aichat_error **reterr);
/* The whole chain, of all owners. *ret_last: its last link; number 0 = empty. */
struct aic_audit_link {
	int64_t no;
	unsigned char hash[AIC_DIGEST_BYTES];
};
int aic_store_verify_audit(struct aic_store *store, struct aic_audit_link *ret_last,
			   aichat_error **reterr);

/* ---- usage ---- */

enum aic_usage_text {
	AIC_USAGE_KEY,
	AIC_USAGE_PROVIDER,
	AIC_USAGE_MODEL,
	AIC_USAGE_OUTCOME,
	AIC_USAGE_REQUEST_ID,
	AIC_USAGE_TEXTS
};

enum aic_usage_figure {
	AIC_USAGE_INPUT,
	AIC_USAGE_CACHED,
	AIC_USAGE_CACHE_WRITE,
	AIC_USAGE_OUTPUT,
	AIC_USAGE_REASONING,
	AIC_USAGE_COST,
	AIC_USAGE_DURATION,
	AIC_USAGE_FIGURES
};

struct aic_usage_row {
	int64_t no; /* of a sum: how many rows */
	int64_t at_unix_ms;
	char *texts[AIC_USAGE_TEXTS];       /* or NULL */
	int64_t figures[AIC_USAGE_FIGURES]; /* -1 = not known */
};
void aic_usage_row_done(struct aic_usage_row *row);

struct aic_usage_rows {
	struct aic_usage_row *items;
	size_t count, capacity;
};
void aic_usage_rows_done(struct aic_usage_rows *rows);

int aic_store_add_usage(struct aic_store *store, const char *owner,
			const struct aic_usage_row *row, aichat_error **reterr);
/* Newest first, those before a number. */
int aic_store_usages(struct aic_store *store, const char *owner, int64_t before_no,
		     size_t limit, struct aic_usage_rows *ret_rows,
		     aichat_error **reterr);
/* Added up by key, provider and model, from `since` to before `until`. */
int aic_store_usage_sum(struct aic_store *store, const char *owner, int64_t since_unix_ms,
			int64_t until_unix_ms, struct aic_usage_rows *ret_rows,
			aichat_error **reterr);

/* ---- owners ---- */

/* Replies of an owner that run, in whichever process. */
int aic_store_running(struct aic_store *store, const char *owner, struct aic_id *ret_ids,
		      size_t max, size_t *ret_count, aichat_error **reterr);
/* Records and idempotency keys of an owner. */
int aic_store_forget_owner(struct aic_store *store, const char *owner,
			   aichat_error **reterr);
