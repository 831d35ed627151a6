#include "account/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

#define SMALL_BYTES 4096 /* of a record for which there is room on the ballast */

aichat_record *aichat_record_free(aichat_record *record)
{
	if (!record)
		return NULL;
	aic_record_row_done(&record->row);
	aic_free(record->key);
	aic_free(record->digest);
	aic_free(record);
	return NULL;
}

/* ---- checks ----------------------------------------------------------------------- */

int aic_record_check_text(const char *text, const char *what, aichat_error **reterr)
{
	size_t len = text ? strlen(text) : 0;
	bool valid = len > 0 && len <= AIC_RECORD_TEXT_MAX && aic_utf8_valid(text, len);

	for (size_t i = 0; valid && i < len; i++)
		valid = (unsigned char)text[i] >= 0x20 && text[i] != 0x7f;
	if (valid)
		return 0;
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "%s has 1 to %d bytes of UTF-8 without control characters",
			     what, AIC_RECORD_TEXT_MAX);
}

static bool consists_of(const char *text, const char *characters, size_t max)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= max && strspn(text, characters) == len;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

int aic_record_check_kind(const char *kind, aichat_error **reterr)
{
	if (consists_of(kind, LOWER DIGITS "-_", AIC_RECORD_KIND_MAX))
		return 0;
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "a record's kind is 1 to %d of a-z, 0-9, '-' and '_'",
			     AIC_RECORD_KIND_MAX);
}

int aic_record_check_id(const char *id, aichat_error **reterr)
{
	if (consists_of(id, LOWER UPPER DIGITS ".-_", AIC_RECORD_ID_MAX))
		return 0;
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "a record's id is 1 to %d of A-Z, a-z, 0-9, '.', '-' and "
			     "'_'",
			     AIC_RECORD_ID_MAX);
}

int aic_record_check_json(struct aic_str json, const char *what, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_json_limits limits = aic_json_strict;

	limits.max_bytes = AIC_RECORD_JSON_MAX;
	int rc = aic_json_scan(&doc, json.data, json.len, &limits);
	if (rc < 0)
		return aic_json_scan_error(&doc, rc, what, reterr);
	if (!aic_json_is(&doc, 0, AIC_JSON_OBJECT))
		return aic_error_set(reterr, AICHAT_EINVAL, "%s: no JSON object", what);
	return 0;
}

/* ---- jobs ------------------------------------------------------------------------- */

struct record_job {
	struct aic_job job; /* first */
	const char *owner;
	struct aichat_record *record;
	const char *kind, *id; /* to delete */
	int64_t now_unix_ms;
};

/* People log in, and rights are taken away, on a full disk, too. */
static bool is_small(const struct aichat_record *record)
{
	return !record->row.json || strlen(record->row.json) <= SMALL_BYTES;
}

static int run(struct aic_store *store, const char *owner, struct aichat_record *record,
	       int (*act)(struct aic_job *, struct aic_store *, aichat_error **),
	       aichat_error **reterr)
{
	struct record_job job = {
		.job = { .run = act, .durable = true, .ends = is_small(record) },
		.owner = owner,
		.record = record,
		.now_unix_ms = aic_clock_unix_ms(),
	};

	return aic_store_run(store, &job.job, reterr);
}

static int run_add(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct record_job *j = (struct record_job *)job;
	const struct aic_idempotency request = { j->record->key, j->record->digest };

	j->record->row.created_unix_ms = j->now_unix_ms;
	int rc = aic_store_add_idempotency(store, j->owner, &request, j->record->row.id,
					   reterr);
	return rc < 0 ? rc
		      : aic_store_add_record(store, j->owner, &j->record->row, reterr);
}

int aic_record_add(struct aic_store *store, const char *owner,
		   struct aichat_record *record, aichat_error **reterr)
{
	int64_t created = record->row.created_unix_ms;
	int rc = run(store, owner, record, run_add, reterr);

	if (rc < 0) {
		record->row.created_unix_ms = created;
		return rc;
	}
	record->row.version = 1;
	record->row.updated_unix_ms = record->row.created_unix_ms;
	return 0;
}

static int run_save(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct record_job *j = (struct record_job *)job;

	j->record->row.updated_unix_ms = j->now_unix_ms;
	return aic_store_set_record(store, j->owner, &j->record->row, reterr);
}

int aic_record_save(struct aic_store *store, const char *owner,
		    struct aichat_record *record, aichat_error **reterr)
{
	int64_t updated = record->row.updated_unix_ms;
	int rc = run(store, owner, record, run_save, reterr);

	if (rc < 0)
		record->row.updated_unix_ms = updated;
	else
		record->row.version++;
	return rc;
}

static int run_delete(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct record_job *j = (struct record_job *)job;

	return aic_store_delete_record(store, j->owner, j->kind, j->id, j->now_unix_ms,
				       reterr);
}

int aic_record_delete(struct aic_store *store, const char *owner, const char *kind,
		      const char *id, aichat_error **reterr)
{
	struct record_job job = {
		.job = { .run = run_delete, .durable = true, .ends = true },
		.owner = owner,
		.kind = kind,
		.id = id,
		.now_unix_ms = aic_clock_unix_ms(),
	};

	return aic_store_run(store, &job.job, reterr);
}
