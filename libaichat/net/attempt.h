#pragma once

/*
 * One attempt: one HTTP request, its answer as bytes. No retry, no meaning. Engine
 * thread only.
 */

#include "base/common.h"
#include "base/error.h"
#include "net/engine.h"

struct aic_attempt;

struct aic_attempt_config { /* everything is borrowed until `done` */
	const char *method; /* "POST", "GET" */
	const char *url;    /* http or https only */
	const char *const
		*headers; /* "Name: value"; values are checked for control characters */
	size_t header_count;
	struct aic_str body;
	int64_t connect_timeout_ms;
	int64_t max_bytes; /* of the answer's body */
};

/* What the answer's head says. */
struct aic_attempt_head { /* borrowed during the call */
	int status;
	const char *content_type; /* lower case, without parameters; "" if none */
	const char *request_id;   /* x-request-id or request-id; NULL if none */
	int64_t retry_after_ms;   /* retry-after-ms, retry-after; -1 = none */
	int should_retry;         /* x-should-retry: 1, 0, -1 = not said */
};

/* head and bytes may cancel and pause attempts, but start none. */
struct aic_attempt_ops {
	void (*head)(void *user, const struct aic_attempt_head *head);
	/*
	 * Result: 0 goes on; negative ends the attempt with that code; 1 pauses it, and
	 * gives the same bytes again when it goes on.
	 */
	int (*bytes)(void *user, struct aic_str bytes);
	/*
	 * Once, last. code 0: the answer is over (a body may still be cut in meaning).
	 * Else AICHAT_ENETWORK, AICHAT_ETIMEOUT (connecting), AICHAT_ETLS,
	 * AICHAT_EPROTOCOL (a redirect, a scheme, a header), AICHAT_ETOOLARGE, what
	 * bytes() returned, AICHAT_ECLOSED. error is owned by the callee, NULL exactly
	 * when code is 0 or bytes() said it.
	 */
	void (*done)(void *user, int code, aichat_error *error);
};

/* On failure nothing is called. AICHAT_EINVAL for a bad URL or header; AICHAT_ECLOSED;
 * AICHAT_ENOMEM. */
int aic_attempt_start(struct aic_engine *engine, const struct aic_attempt_config *config,
		      const struct aic_attempt_ops *ops, void *user,
		      struct aic_attempt **ret_attempt, aichat_error **reterr);
/* Ends it at once; `done` is not called, the attempt is gone. */
void aic_attempt_cancel(struct aic_attempt *attempt);
/* Stop and go on reading. Going on may call bytes(). */
void aic_attempt_pause(struct aic_attempt *attempt, bool paused);
