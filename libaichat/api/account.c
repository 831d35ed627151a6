/*
 * Records and idempotency keys; account_log.c has audit, usage and owners.
 */

#include <aichat/account.h>

#include "account/record.h"
#include "api/context.h"
#include "base/clock.h"
#include "base/mem.h"

#define LIMIT_MAX 1000

struct aichat_records {
	struct aichat_record *items;
	size_t count;
	char cursor[AIC_CURSOR_TEXT]; /* "" at the end */
};

/* ---- a record --------------------------------------------------------------------- */

int aichat_record_new(const char *kind, const char *id, aichat_record **ret_record,
		      aichat_error **reterr)
{
	char text[AIC_ID_TEXT];
	int rc = aic_record_check_kind(kind, reterr);

	if (rc == 0 && id)
		rc = aic_record_check_id(id, reterr);
	if (rc < 0)
		return rc;
	if (!id) {
		struct aic_id made = aic_id_new();
		id = aic_id_text(&made, text);
	}
	AIC_CLEANUP(aichat_record_freep)
	struct aichat_record *record = aic_new(struct aichat_record);
	if (!record)
		return aic_error_nomem(reterr);
	record->row.kind = aic_strdup(kind);
	record->row.id = aic_strdup(id);
	record->row.json = aic_strdup("{}");
	if (!record->row.kind || !record->row.id || !record->row.json)
		return aic_error_nomem(reterr);
	*ret_record = AIC_TAKE(record);
	return 0;
}

const char *aichat_record_kind(const aichat_record *record)
{
	return record->row.kind;
}

const char *aichat_record_id(const aichat_record *record)
{
	return record->row.id;
}

const char *aichat_record_name(const aichat_record *record)
{
	return record->row.name;
}

const char *aichat_record_parent_kind(const aichat_record *record)
{
	return record->row.parent_kind;
}

const char *aichat_record_parent_id(const aichat_record *record)
{
	return record->row.parent_id;
}

const char *aichat_record_json(const aichat_record *record, size_t *ret_len)
{
	if (ret_len)
		*ret_len = strlen(record->row.json);
	return record->row.json;
}

int64_t aichat_record_expires_unix_ms(const aichat_record *record)
{
	return record->row.expires_unix_ms;
}

int64_t aichat_record_created_unix_ms(const aichat_record *record)
{
	return record->row.created_unix_ms;
}

int64_t aichat_record_updated_unix_ms(const aichat_record *record)
{
	return record->row.updated_unix_ms;
}

int64_t aichat_record_version(const aichat_record *record)
{
	return record->row.version;
}

static int replace(char **text, struct aic_str with, aichat_error **reterr)
{
	char *copy = with.data ? aic_strndup(with.data, with.len) : NULL;

	if (with.data && !copy)
		return aic_error_nomem(reterr);
	aic_free(*text);
	*text = copy;
	return 0;
}

int aichat_record_set_name(aichat_record *record, const char *name, aichat_error **reterr)
{
	int rc = name ? aic_record_check_text(name, "a record's name", reterr) : 0;

	return rc < 0 ? rc : replace(&record->row.name, aic_str(name), reterr);
}

int aichat_record_set_parent(aichat_record *record, const char *kind, const char *id,
			     aichat_error **reterr)
{
	int rc = aic_record_check_kind(kind, reterr);

	if (rc == 0)
		rc = aic_record_check_id(id, reterr);
	if (rc == 0)
		rc = replace(&record->row.parent_kind, aic_str(kind), reterr);
	return rc < 0 ? rc : replace(&record->row.parent_id, aic_str(id), reterr);
}

int aichat_record_set_json(aichat_record *record, const char *json, int64_t json_len,
			   aichat_error **reterr)
{
	struct aic_str text;
	int rc = aic_text_argument(json, json_len, "the record", &text, reterr);

	if (rc == 0)
		rc = aic_record_check_json(text, "the record", reterr);
	return rc < 0 ? rc : replace(&record->row.json, text, reterr);
}

void aichat_record_set_expires(aichat_record *record, int64_t expires_unix_ms)
{
	record->row.expires_unix_ms = AIC_MAX(expires_unix_ms, (int64_t)0);
}

int aichat_record_set_idempotency(aichat_record *record, const char *key,
				  const char *digest, aichat_error **reterr)
{
	const struct aic_idempotency request = { key, digest };
	int rc = aic_idempotency_check(&request, reterr);

	if (rc == 0)
		rc = replace(&record->key, aic_str(key), reterr);
	return rc < 0 ? rc : replace(&record->digest, aic_str(digest), reterr);
}

/* ---- in the store ----------------------------------------------------------------- */

int aichat_record_add(aichat *ai, aichat_record *record, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc == 0 && !record)
		rc = aic_error_set(reterr, AICHAT_EINVAL, "no record was given");
	return rc < 0 ? rc : aic_record_add(core->store, ai->owner, record, reterr);
}

int aichat_record_save(aichat *ai, aichat_record *record, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc == 0 && !record)
		rc = aic_error_set(reterr, AICHAT_EINVAL, "no record was given");
	return rc < 0 ? rc : aic_record_save(core->store, ai->owner, record, reterr);
}

static int read_record(aichat *ai, const char *kind, const char *id, const char *name,
		       aichat_record **ret_record, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc < 0)
		return rc;
	if (!kind || (!id && !name))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a record is found by its kind and its id or name");
	AIC_CLEANUP(aichat_record_freep)
	struct aichat_record *record = aic_new(struct aichat_record);
	if (!record)
		return aic_error_nomem(reterr);
	rc = aic_store_record(core->store, ai->owner, kind, id, name, aic_clock_unix_ms(),
			      &record->row, reterr);
	if (rc == 0)
		*ret_record = AIC_TAKE(record);
	return rc;
}

int aichat_record_get(aichat *ai, const char *kind, const char *id,
		      aichat_record **ret_record, aichat_error **reterr)
{
	return read_record(ai, kind, id, NULL, ret_record, reterr);
}

int aichat_record_find(aichat *ai, const char *kind, const char *name,
		       aichat_record **ret_record, aichat_error **reterr)
{
	return read_record(ai, kind, NULL, name, ret_record, reterr);
}

int aichat_record_delete(aichat *ai, const char *kind, const char *id,
			 aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc < 0)
		return rc;
	if (!kind || !id)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a record is found by its kind and its id");
	return aic_record_delete(core->store, ai->owner, kind, id, reterr);
}

int aichat_record_list(aichat *ai, const char *kind, const char *parent_kind,
		       const char *parent_id, const char *after, size_t limit,
		       aichat_records **ret_records, aichat_error **reterr)
{
	AIC_CLEANUP(aic_record_rows_done) struct aic_record_rows rows = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_record_query query = {
		.kind = kind,
		.parent_kind = parent_kind,
		.parent_id = parent_id,
		.now_unix_ms = aic_clock_unix_ms(),
		.limit = limit + 1, /* tells whether there is a next page */
	};

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_record_check_kind(kind, reterr);
	if (rc == 0 && !parent_kind != !parent_id)
		rc = aic_error_set(reterr, AICHAT_EINVAL,
				   "a parent is named by its kind and its id");
	if (rc == 0)
		rc = aic_page_arguments(limit, LIMIT_MAX, after, 0, &query.after_no,
					reterr);
	if (rc < 0)
		return rc;
	query.owner = ai->owner;
	rc = aic_store_records(core->store, &query, &rows, reterr);
	if (rc < 0)
		return rc;
	struct aichat_records *list = aic_new(struct aichat_records);
	if (!list || !(list->items = aic_calloc(rows.count + 1, sizeof(*list->items)))) {
		aic_free(list);
		return aic_error_nomem(reterr);
	}
	list->count = AIC_MIN(rows.count, limit);
	for (size_t i = 0; i < list->count; i++) {
		list->items[i].row = rows.items[i];
		rows.items[i] = (struct aic_record_row){ 0 };
	}
	if (rows.count > limit)
		aic_page_cursor(list->items[limit - 1].row.no, list->cursor);
	*ret_records = list;
	return 0;
}

size_t aichat_records_count(const aichat_records *records)
{
	return records ? records->count : 0;
}

aichat_record *aichat_records_at(aichat_records *records, size_t n)
{
	return n < aichat_records_count(records) ? &records->items[n] : NULL;
}

const char *aichat_records_cursor(const aichat_records *records)
{
	return records && records->cursor[0] ? records->cursor : NULL;
}

aichat_records *aichat_records_free(aichat_records *records)
{
	if (!records)
		return NULL;
	for (size_t i = 0; i < records->count; i++) {
		aic_record_row_done(&records->items[i].row);
		aic_free(records->items[i].key);
		aic_free(records->items[i].digest);
	}
	aic_free(records->items);
	aic_free(records);
	return NULL;
}

/* ---- idempotency ------------------------------------------------------------------ */

int aichat_idempotency_find(aichat *ai, const char *key, const char *digest,
			    char **ret_id, aichat_error **reterr)
{
	const struct aic_idempotency request = { key, digest };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc == 0 && !key)
		rc = aic_error_set(reterr, AICHAT_EINVAL, "no idempotency key was given");
	if (rc == 0)
		rc = aic_idempotency_check(&request, reterr);
	return rc < 0 ? rc
		      : aic_store_idempotency(core->store, ai->owner, &request, ret_id,
					      reterr);
}
