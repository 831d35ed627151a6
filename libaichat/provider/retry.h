#pragma once

/*
 * Whether an attempt that failed is made again, and when. Pure: what it depends on is
 * given to it.
 */

#include "base/common.h"

struct aic_retry_facts {
	int code;               /* AICHAT_E... */
	int http_status;        /* 0 = no answer came */
	bool never_retry;       /* waiting does not help: no credit, a spend limit */
	int64_t retry_after_ms; /* what the provider asked for; -1 = nothing */
	int should_retry;       /* x-should-retry: 1, 0, -1 = not said */
};

/*
 * made: further attempts that were made already, of max_retries. random: from [0, 1).
 * Result: milliseconds until the next attempt; -1 = none.
 */
int64_t aic_retry_delay_ms(const struct aic_retry_facts *facts, int64_t made,
			   int64_t max_retries, int64_t max_delay_ms, double random);
