#pragma once

/*
 * Rows of usage: what calls of the gateway, and replies, have used, by user and key. They
 * have no content, and stay when what was said is deleted.
 */

#include <stdint.h>

#include <aichat/aichat.h>

#define USAGE_FIGURES (AICHAT_USAGE_REASONING + 1) /* by enum aichat_usage_kind */

struct usage {
	const char *user;               /* the owner of the row */
	const char *key;                /* the key's public id; "" for a login */
	const char *model;              /* PROVIDER/MODEL; "" if it is not known */
	const char *outcome;            /* "complete", or why not */
	const char *request_id;         /* of the call that began it */
	int64_t figures[USAGE_FIGURES]; /* -1 = not known, as below */
	int64_t cost_nano_usd, duration_ms;
};

/* `ai` is the user's. What the store does not take now is kept for later: owed.h. */
void usage_write(aichat *ai, const struct usage *usage);
