#pragma once

/*
 * Idempotency-Key: a request that is repeated makes nothing twice. The library stores the
 * key with what was made; here is what identifies the request.
 */

#include "call.h"

#define DIGEST_TEXT 65

/* The request's key; NULL for none. False and answered if it is no key. */
bool idempotency_key(struct call *call, const char **ret_key);
/* Of method, path and body without a password, keyed with the store's secret; in
 * hexadecimal. */
void idempotency_digest(const struct call *call, char ret_digest[DIGEST_TEXT]);
/* Both into the options of what is to be made. */
int idempotency_set(struct call *call, aichat_options *options, aichat_error **reterr);
/*
 * What an earlier request with this key made: 1 and *ret_id (aichat_free()), 0 for
 * nothing or no key, or -1 and the call is answered.
 */
int idempotency_find(struct call *call, char **ret_id);
/*
 * For a request that makes nothing with which its key could be stored, and that can be
 * done again: note the key before it is done. 0 for the first one and *ret_note (free();
 * NULL without a key), 1 for a repeat of one that was taken, or -1 and the call is
 * answered.
 */
int idempotency_note(struct call *call, char **ret_note);
/* What was noted is refused: its repeat is judged like the first. NULL is no note. */
void idempotency_withdraw(struct call *call, const char *note);
