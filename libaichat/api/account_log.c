/*
 * The audit log, rows of usage, and the end of an owner.
 */

#include <aichat/account.h>
#include <aichat/aichat.h>

#include "account/ledger.h"
#include "account/record.h"
#include "api/context.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#define LIMIT_MAX 1000
#define STOP_MS 10000
/* At a time, so that no transaction holds others up for long. */
#define DELETED_AT_ONCE 16

/* ---- pages ------------------------------------------------------------------------ */

/* A buffer becomes the caller's text. */
static int give(struct aic_buf *out, int rc, char **ret_json, size_t *ret_len)
{
	size_t len = 0;

	if (rc == 0) {
		*ret_json = aic_buf_take(out, &len);
		if (ret_len)
			*ret_len = len;
	}
	aic_buf_done(out);
	return rc;
}

static int page(aichat *ai, const char *after, size_t limit,
		int (*write)(struct aic_store *, const char *, int64_t, size_t,
			     struct aic_buf *, aichat_error **),
		char **ret_json, size_t *ret_len, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_buf out = aic_buf(0);
	int64_t before = 0;

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_page_arguments(limit, LIMIT_MAX, after, INT64_MAX, &before,
					reterr);
	if (rc == 0)
		rc = write(core->store, ai->owner, before, limit, &out, reterr);
	return give(&out, rc, ret_json, ret_len);
}

/* ---- audit ------------------------------------------------------------------------ */

int aichat_audit_add(aichat *ai, const char *actor, const char *action,
		     const char *object, const char *details, int64_t details_len,
		     aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	AIC_CLEANUP(aic_freep) char *json = NULL;

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_record_check_text(actor, "the actor of an audit entry", reterr);
	if (rc == 0)
		rc = aic_record_check_text(action, "the action of an audit entry",
					   reterr);
	if (rc == 0 && object)
		rc = aic_record_check_text(object, "the object of an audit entry",
					   reterr);
	if (rc == 0 && details) {
		struct aic_str text;
		rc = aic_text_argument(details, details_len, "the details", &text,
				       reterr);
		if (rc == 0)
			rc = aic_record_check_json(text, "the details", reterr);
		if (rc == 0 && !(json = aic_strndup(text.data, text.len)))
			rc = aic_error_nomem(reterr);
	}
	if (rc < 0)
		return rc;
	/* The row borrows. */
	const struct aic_audit_row row = {
		.owner = ai->owner,
		.actor = (char *)(uintptr_t)actor,
		.action = (char *)(uintptr_t)action,
		.object = (char *)(uintptr_t)object,
		.details = json,
	};
	return aic_audit_add(core->store, &row, reterr);
}

int aichat_audit_list(aichat *ai, const char *after, size_t limit, char **ret_json,
		      size_t *ret_len, aichat_error **reterr)
{
	return page(ai, after, limit, aic_audit_page, ret_json, ret_len, reterr);
}

int aichat_audit_verify(aichat *ai, int64_t *ret_count, char **ret_hash,
			aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_audit_link last = { 0 };
	char text[AIC_DIGEST_TEXT] = "";

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_store_verify_audit(core->store, &last, reterr);
	if (rc < 0)
		return rc;
	if (last.no)
		aic_digest_text(last.hash, text);
	if (ret_hash && !(*ret_hash = aic_strdup(text)))
		return aic_error_nomem(reterr);
	if (ret_count)
		*ret_count = last.no;
	return 0;
}

/* ---- usage ------------------------------------------------------------------------ */

int aichat_usage_add(aichat *ai, const char *json, int64_t json_len,
		     aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_str text;

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_text_argument(json, json_len, "usage", &text, reterr);
	return rc < 0 ? rc : aic_usage_add(core->store, ai->owner, text, reterr);
}

int aichat_usage_list(aichat *ai, const char *after, size_t limit, char **ret_json,
		      size_t *ret_len, aichat_error **reterr)
{
	return page(ai, after, limit, aic_usage_page, ret_json, ret_len, reterr);
}

int aichat_usage_sum(aichat *ai, int64_t since_unix_ms, int64_t until_unix_ms,
		     char **ret_json, size_t *ret_len, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_buf out = aic_buf(0);

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_usage_report(core->store, ai->owner, since_unix_ms,
				      until_unix_ms, &out, reterr);
	return give(&out, rc, ret_json, ret_len);
}

/* ---- owners ----------------------------------------------------------------------- */

/* Cancel one and wait for its end, until a time. */
static int stop_reply(aichat *view, const struct aic_id *id, int64_t until_mono_ms,
		      aichat_error **reterr)
{
	const aichat_event *event = NULL;
	struct aichat_reply *reply = NULL;
	char text[AIC_ID_TEXT];
	int rc = aichat_reply_open(view, aic_id_text(id, text), 0, &reply, reterr);

	if (rc == AICHAT_ENOTFOUND) {
		if (reterr)
			*reterr = aichat_error_unref(*reterr);
		return 0;
	}
	if (rc == 0)
		rc = aichat_reply_cancel(reply, reterr);
	if (rc == 0)
		do {
			int64_t left = until_mono_ms - aic_clock_mono_ms();
			rc = aichat_reply_next(reply, AIC_MAX(left, (int64_t)0), &event);
		} while (rc == 1);
	aichat_reply_unref(reply);
	if (rc == AICHAT_EAGAIN)
		return aic_error_set(reterr, AICHAT_ESTATE,
				     "reply %s does not stop; try again later", text);
	return rc;
}

static int stop_replies(struct aic_core *core, aichat *view, aichat_error **reterr)
{
	int64_t until = aic_clock_mono_ms() + STOP_MS;
	struct aic_id ids[DELETED_AT_ONCE];
	size_t count = 0;
	int rc;

	do {
		rc = aic_store_running(core->store, view->owner, ids, AIC_ARRAY_LEN(ids),
				       &count, reterr);
		for (size_t i = 0; rc == 0 && i < count; i++)
			rc = stop_reply(view, &ids[i], until, reterr);
	} while (rc == 0 && count);
	return rc;
}

struct forget_job {
	struct aic_job job; /* first */
	const char *owner;
	bool more; /* conversations are left */
};

static int run_forget(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct forget_job *j = (struct forget_job *)job;
	int rc = 0;

	j->more = false;
	for (int archived = 0; archived < 2; archived++) {
		AIC_CLEANUP(aic_conversation_rows_done)
		struct aic_conversation_rows rows = { 0 };
		const struct aic_conversation_filter filter = { .archived = archived };
		rc = aic_store_conversations(store, j->owner, &filter, INT64_MAX, NULL,
					     DELETED_AT_ONCE, &rows, reterr);
		for (size_t i = 0; rc == 0 && i < rows.count; i++)
			rc = aic_store_delete_conversation(store, j->owner,
							   &rows.items[i].id, reterr);
		if (rc < 0)
			return rc;
		j->more = j->more || rows.count > 0;
	}
	return j->more ? 0 : aic_store_forget_owner(store, j->owner, reterr);
}

int aichat_owner_delete(aichat *ai, const char *owner, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aichat *view = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc == 0)
		rc = aichat_for_owner(ai, owner, &view, reterr);
	if (rc < 0)
		return rc;
	struct forget_job job = {
		.job = { .run = run_forget, .durable = true, .ends = true },
		.owner = view->owner,
	};
	do {
		rc = stop_replies(core, view, reterr);
		if (rc == 0)
			rc = aic_store_run(core->store, &job.job, reterr);
	} while (rc == 0 && job.more);
	aichat_close(view);
	return rc;
}
