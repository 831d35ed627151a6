#pragma once

/*
 * The audit log and the rows of usage: from JSON into the store, and out of it again.
 */

#include <aichat/account.h>

#include "base/buf.h"
#include "store/account.h"
#include "store/store.h"

int aic_audit_add(struct aic_store *store, const struct aic_audit_row *row,
		  aichat_error **reterr);
/* A page, newest first: see aichat_audit_list(). before_no: INT64_MAX to begin. */
int aic_audit_page(struct aic_store *store, const char *owner, int64_t before_no,
		   size_t limit, struct aic_buf *out, aichat_error **reterr);

/* See aichat_usage_add(). */
int aic_usage_add(struct aic_store *store, const char *owner, struct aic_str json,
		  aichat_error **reterr);
int aic_usage_page(struct aic_store *store, const char *owner, int64_t before_no,
		   size_t limit, struct aic_buf *out, aichat_error **reterr);
int aic_usage_report(struct aic_store *store, const char *owner, int64_t since_unix_ms,
		     int64_t until_unix_ms, struct aic_buf *out, aichat_error **reterr);
