#pragma once

/*
 * One call of a model: encode, attempt, decode, and attempt again where that is allowed:
 * before the first byte of an answer only. Timers follow what the dialect calls progress.
 */

#include "model/event.h"
#include "model/request.h"
#include "net/engine.h"
#include "provider/provider.h"

struct aic_call;

struct aic_call_limits {
	int64_t connect_timeout_ms;
	int64_t first_event_timeout_ms;
	int64_t event_timeout_ms;
	int64_t max_retries;
	int64_t max_retry_delay_ms;
	int64_t max_reply_bytes;
};
struct aic_call_limits aic_call_limits(const struct aic_options_chain *options);

/*
 * A request whose bytes are not made here but a caller's. All is borrowed until `done`.
 * Of the call's aic_request only `stream` counts then.
 */
struct aic_call_raw {
	const char *path;    /* behind the base URL; NULL = the dialect's */
	const char *version; /* anthropic-version; NULL = the provider's */
	const char *beta;    /* anthropic-beta, or NULL */
	bool document;       /* the answer is one JSON document that no dialect reads */
	/*
	 * Appends the body. usage: with what asks for the usage of a stream. Called
	 * before the call starts, and again on the engine's thread where the provider
	 * turns out not to take that.
	 */
	int (*body)(void *user, bool usage, struct aic_buf *out);
};

/* How a call ended. Borrowed during `done` but for the error, which the callee owns. */
struct aic_call_result {
	int code;            /* 0, AICHAT_ECANCELED, AICHAT_EINTERRUPTED, or another */
	aichat_error *error; /* NULL exactly when code is 0 */
	bool asked;          /* the provider got the request, and did not refuse it */
	bool began;          /* something of the reply came */
	const char *model;   /* as the provider says, or NULL */
	const char *response_id;
	const char *request_id; /* the provider's id of the request, or NULL */
};

struct aic_call_ops { /* on the engine's thread */
	/* What came: the decoder's events, and AICHAT_EVENT_RETRY before each new
	 * attempt. */
	void (*events)(void *user, const struct aic_events *events);
	/* Once, last; open parts were ended before. */
	void (*done)(void *user, struct aic_call_result *result);

	/* What follows may be NULL. */
	/* Before the first events of an answer: whether it comes as a stream, and the
	 * provider's id of the request, or NULL. */
	void (*answer)(void *user, bool stream, const char *request_id);
	/* The bytes that were just told as events: a whole frame with the comments before
	 * it, or a whole document. */
	void (*bytes)(void *user, struct aic_str bytes, enum aic_decoded what);
	/* All that came so far was told. */
	void (*caught_up)(void *user);

	/* The errors go to somebody else than who configured the provider: where it is
	 * stands in the log alone. */
	bool discreet;
};

/*
 * Any thread; returns at once. Takes the request and a copy of the target's model.
 * raw: NULL, or instead of what the request would be encoded to. On failure nothing is
 * called and the request is freed all the same.
 */
int aic_call_start(struct aic_engine *engine, const struct aic_target *target,
		   struct aic_request *request, const struct aic_call_raw *raw,
		   const struct aic_call_limits *limits, const struct aic_call_ops *ops,
		   void *user, struct aic_call **ret_call, aichat_error **reterr);
/* Any thread: `done` follows soon with AICHAT_ECANCELED, unless it has been called. */
void aic_call_cancel(struct aic_call *call);
/* Any thread: stop reading from the provider (for a disk that lags), or go on. */
void aic_call_pause(struct aic_call *call, bool paused);
/* Any thread, once: the caller will not touch it again. The call itself goes on. */
struct aic_call *aic_call_release(struct aic_call *call);
