#pragma once

/*
 * What the routes of accounts have in common: how they read limits, passwords and
 * idempotency keys, and answer with pages.
 */

#include "accounts.h"

/* `limit` and `after` of a list. */
extern const struct field list_query[];
extern const struct field limit_fields[];

/* Of call->body's `limits`; what is not there stays. Always true. */
bool read_limits(struct call *call, struct limit_values *limits);
/* From the header Idempotency-Key, the user and the request. False and answered. */
bool read_request_key(struct call *call, struct request_key *ret_request, bool *ret_any);
/* {"object":"list","data":[...],"has_more","next_cursor"} of the records of a kind. */
void answer_list(struct call *call, const char *kind, const char *user,
		 void (*write)(aichat_json_writer *w, const aichat_record *record));
/* False and answered with 429 if there is something to wait for. */
bool wait_out(struct call *call, int64_t wait_ms);
/* 503: too many passwords are being hashed. */
void refuse_busy(struct call *call);
/* {"peer","key"}: how the actor came. */
aichat_json_writer *audit_details(const struct call *call);
