#include <inttypes.h>
#include <stdio.h>

#include "account/ledger.h"
#include "account/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

/* The number to go on from is text in JSON, as cursors are. */
static void put_next(struct aic_json_writer *w, int64_t no)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, no);
	aic_json_put_member(w, "next", text);
}

static void put_time(struct aic_json_writer *w, const char *key, int64_t unix_ms)
{
	char text[AIC_TIME_TEXT];

	aic_json_put_member(w, key, aic_time_text(unix_ms, text));
}

static int finish(const struct aic_buf *out, aichat_error **reterr)
{
	return out->error ? aic_error_code(reterr, out->error, "the list") : 0;
}

/* ---- audit ------------------------------------------------------------------------ */

struct audit_job {
	struct aic_job job; /* first */
	struct aic_audit_row row;
};

static int run_audit(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	return aic_store_add_audit(store, &((struct audit_job *)job)->row, reterr);
}

int aic_audit_add(struct aic_store *store, const struct aic_audit_row *row,
		  aichat_error **reterr)
{
	struct audit_job job = {
		.job = { .run = run_audit, .durable = true, .ends = true },
		.row = *row,
	};

	job.row.at_unix_ms = aic_clock_unix_ms();
	return aic_store_run(store, &job.job, reterr);
}

static void put_audit(struct aic_json_writer *w, const struct aic_audit_row *row)
{
	char hash[AIC_DIGEST_TEXT];

	aic_json_begin(w, '{');
	aic_json_put_key(w, "number");
	aic_json_put_int(w, row->no);
	put_time(w, "time", row->at_unix_ms);
	aic_json_put_member(w, "actor", row->actor);
	aic_json_put_member(w, "action", row->action);
	aic_json_put_member(w, "object", row->object);
	if (row->details) {
		aic_json_put_key(w, "details");
		aic_json_put_raw(w, aic_str(row->details));
	}
	aic_json_put_member(w, "hash", aic_digest_text(row->hash, hash));
	aic_json_end(w, '}');
}

int aic_audit_page(struct aic_store *store, const char *owner, int64_t before_no,
		   size_t limit, struct aic_buf *out, aichat_error **reterr)
{
	AIC_CLEANUP(aic_audit_rows_done) struct aic_audit_rows rows = { 0 };
	struct aic_json_writer w = aic_json_writer(out);
	/* One more than wanted tells whether there is a next page. */
	int rc = aic_store_audits(store, owner, before_no, limit + 1, &rows, reterr);

	if (rc < 0)
		return rc;
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "entries");
	aic_json_begin(&w, '[');
	for (size_t i = 0; i < rows.count && i < limit; i++)
		put_audit(&w, &rows.items[i]);
	aic_json_end(&w, ']');
	if (rows.count > limit)
		put_next(&w, rows.items[limit - 1].no);
	aic_json_end(&w, '}');
	return finish(out, reterr);
}

/* ---- usage ------------------------------------------------------------------------ */

static const char *const text_names[AIC_USAGE_TEXTS] = {
	[AIC_USAGE_KEY] = "key",
	[AIC_USAGE_PROVIDER] = "provider",
	[AIC_USAGE_MODEL] = "model",
	[AIC_USAGE_OUTCOME] = "outcome",
	[AIC_USAGE_REQUEST_ID] = "request_id",
};

static const char *const figure_names[AIC_USAGE_FIGURES] = {
	[AIC_USAGE_INPUT] = "input_tokens",
	[AIC_USAGE_CACHED] = "cached_tokens",
	[AIC_USAGE_CACHE_WRITE] = "cache_write_tokens",
	[AIC_USAGE_OUTPUT] = "output_tokens",
	[AIC_USAGE_REASONING] = "reasoning_tokens",
	[AIC_USAGE_COST] = "cost_nano_usd",
	[AIC_USAGE_DURATION] = "duration_ms",
};

static int find_name(const struct aic_json *doc, int key, const char *const *names,
		     int count)
{
	for (int i = 0; i < count; i++)
		if (aic_json_equals(doc, key, names[i]))
			return i;
	return -1;
}

static int read_text(const struct aic_json *doc, int value, const char *name,
		     char **ret_text, aichat_error **reterr)
{
	if (aic_json_text_len(doc, value) > AIC_RECORD_TEXT_MAX ||
	    !aic_json_is(doc, value, AIC_JSON_STRING))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "usage: %s is a string of at most %d bytes", name,
				     AIC_RECORD_TEXT_MAX);
	*ret_text = aic_json_strdup(doc, value);
	if (*ret_text)
		return 0;
	/* Of a text that is not too long: a NUL in it, or no memory. */
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	if (aic_json_text(doc, value, &text) == 0 && memchr(text.data, 0, text.len))
		return aic_error_set(reterr, AICHAT_EINVAL, "usage: %s contains NUL",
				     name);
	return aic_error_nomem(reterr);
}

static int read_member(const struct aic_json *doc, int value, struct aic_usage_row *row,
		       aichat_error **reterr)
{
	int key = aic_json_key(value);
	int text = find_name(doc, key, text_names, AIC_USAGE_TEXTS);
	int figure = text < 0 ? find_name(doc, key, figure_names, AIC_USAGE_FIGURES) : -1;

	if (text < 0 && figure < 0) {
		struct aic_str raw = aic_json_raw(doc, key);
		return aic_error_set(reterr, AICHAT_EINVAL, "usage: no such member: %.*s",
				     (int)AIC_MIN(raw.len, (size_t)64), raw.data);
	}
	if (aic_json_is(doc, value, AIC_JSON_NULL))
		return 0;
	if (text >= 0)
		return read_text(doc, value, text_names[text], &row->texts[text], reterr);
	if (!aic_json_int(doc, value, &row->figures[figure]) || row->figures[figure] < 0)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "usage: %s is a whole number from 0",
				     figure_names[figure]);
	return 0;
}

static int read_usage(struct aic_str json, struct aic_usage_row *row,
		      aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_json_limits limits = aic_json_strict;

	limits.max_bytes = AIC_RECORD_JSON_MAX;
	int rc = aic_json_scan(&doc, json.data, json.len, &limits);
	if (rc < 0)
		return aic_json_scan_error(&doc, rc, "usage", reterr);
	if (!aic_json_is(&doc, 0, AIC_JSON_OBJECT))
		return aic_error_set(reterr, AICHAT_EINVAL, "usage: no JSON object");
	for (int v = aic_json_first(&doc, 0); v >= 0 && rc == 0;
	     v = aic_json_next(&doc, 0, v))
		rc = read_member(&doc, v, row, reterr);
	return rc;
}

struct usage_job {
	struct aic_job job; /* first */
	const char *owner;
	const struct aic_usage_row *row;
};

static int run_usage(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct usage_job *j = (struct usage_job *)job;

	return aic_store_add_usage(store, j->owner, j->row, reterr);
}

int aic_usage_add(struct aic_store *store, const char *owner, struct aic_str json,
		  aichat_error **reterr)
{
	AIC_CLEANUP(aic_usage_row_done) struct aic_usage_row row = { 0 };

	row.at_unix_ms = aic_clock_unix_ms();
	for (size_t i = 0; i < AIC_USAGE_FIGURES; i++)
		row.figures[i] = -1;
	int rc = read_usage(json, &row, reterr);
	/* Many callers at once share the writer's commits. */
	if (rc == 0)
		rc = aic_store_start_writer(store, reterr);
	if (rc < 0)
		return rc;
	struct usage_job job = { .job = { .run = run_usage, .ends = true }, owner, &row };
	return aic_store_run(store, &job.job, reterr);
}

static void put_usage(struct aic_json_writer *w, const struct aic_usage_row *row)
{
	for (size_t i = 0; i < AIC_USAGE_TEXTS; i++)
		aic_json_put_member(w, text_names[i], row->texts[i]);
	for (size_t i = 0; i < AIC_USAGE_FIGURES; i++)
		if (row->figures[i] >= 0) {
			aic_json_put_key(w, figure_names[i]);
			aic_json_put_int(w, row->figures[i]);
		}
}

int aic_usage_page(struct aic_store *store, const char *owner, int64_t before_no,
		   size_t limit, struct aic_buf *out, aichat_error **reterr)
{
	AIC_CLEANUP(aic_usage_rows_done) struct aic_usage_rows rows = { 0 };
	struct aic_json_writer w = aic_json_writer(out);
	int rc = aic_store_usages(store, owner, before_no, limit + 1, &rows, reterr);

	if (rc < 0)
		return rc;
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "rows");
	aic_json_begin(&w, '[');
	for (size_t i = 0; i < rows.count && i < limit; i++) {
		aic_json_begin(&w, '{');
		put_time(&w, "time", rows.items[i].at_unix_ms);
		put_usage(&w, &rows.items[i]);
		aic_json_end(&w, '}');
	}
	aic_json_end(&w, ']');
	if (rows.count > limit)
		put_next(&w, rows.items[limit - 1].no);
	aic_json_end(&w, '}');
	return finish(out, reterr);
}

int aic_usage_report(struct aic_store *store, const char *owner, int64_t since_unix_ms,
		     int64_t until_unix_ms, struct aic_buf *out, aichat_error **reterr)
{
	AIC_CLEANUP(aic_usage_rows_done) struct aic_usage_rows rows = { 0 };
	struct aic_json_writer w = aic_json_writer(out);
	int rc = aic_store_usage_sum(store, owner, since_unix_ms, until_unix_ms, &rows,
				     reterr);

	if (rc < 0)
		return rc;
	aic_json_begin(&w, '[');
	for (size_t i = 0; i < rows.count; i++) {
		aic_json_begin(&w, '{');
		aic_json_put_key(&w, "requests");
		aic_json_put_int(&w, rows.items[i].no);
		put_usage(&w, &rows.items[i]);
		aic_json_end(&w, '}');
	}
	aic_json_end(&w, ']');
	return finish(out, reterr);
}
