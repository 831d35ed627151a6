#pragma once

/*
 * The head of an answer, line by line: the few headers that mean something to us. Pure
 * but for the clock, which an HTTP date is measured against.
 */

#include "base/common.h"

struct aic_head {
	char *content_type; /* lower case, without parameters; NULL if none, as all below
			     */
	char *request_id;   /* request-id or x-request-id */
	char *location;
	char *coding;                 /* Content-Encoding */
	int64_t retry_after_ms;       /* retry-after; -1 = none */
	int64_t retry_after_exact_ms; /* retry-after-ms; -1 = none */
	int should_retry;             /* x-should-retry: 1, 0, -1 = not said */
};

/* Forgets everything; also the end of it. */
void aic_head_reset(struct aic_head *head);
/* One line, not empty, without its end. 0 or AICHAT_ENOMEM. */
int aic_head_line(struct aic_head *head, struct aic_str line);

/* How long a Retry-After value asks to wait: seconds or an HTTP date; -1 = neither. */
int64_t aic_retry_after_ms(const char *value, int64_t now_unix_ms);
