#pragma once

/*
 * The inside of a call, shared by call.c (its life), send.c (requests), answer.c (what
 * comes back) and failure.c (what went wrong, in words). Engine thread only, but for the
 * members that say otherwise.
 */

#include <stdatomic.h>

#include "base/buf.h"
#include "net/attempt.h"
#include "net/engine.h"
#include "net/sse.h"
#include "provider/call.h"
#include "provider/echo.h"
#include "provider/key.h"

enum aic_call_state {
	AIC_CALL_NEW,
	AIC_CALL_KEY,     /* a command prints it */
	AIC_CALL_SENT,    /* an attempt runs */
	AIC_CALL_WAITING, /* for the next attempt */
	AIC_CALL_ECHOING,
	AIC_CALL_DRAINING, /* `done` was called; the connection is read to its end */
	AIC_CALL_OVER,
};

/* What the bytes of an answer are. */
enum aic_answer {
	AIC_ANSWER_NONE,    /* no head yet */
	AIC_ANSWER_UNKNOWN, /* 2xx; the first bytes tell */
	AIC_ANSWER_EVENTS,  /* 2xx, server-sent events */
	AIC_ANSWER_WHOLE,   /* 2xx, one document */
	AIC_ANSWER_REFUSAL, /* not 2xx */
};

struct aic_call {
	atomic_uint refs;
	struct aic_engine *engine;
	struct aic_target target; /* with its own model */
	struct aic_profile profile;
	struct aic_request *request;
	struct aic_call_raw raw; /* without a body: none */
	struct aic_call_limits limits;
	struct aic_call_ops ops;
	void *user;

	/* any thread */
	struct aic_task task;
	atomic_bool posted;
	atomic_bool cancel_wanted;
	atomic_bool pause_wanted;
	atomic_bool over; /* nothing is posted any more */

	enum aic_call_state state;
	struct aic_closer closer;
	struct aic_timer timer;
	struct aic_attempt *attempt;
	struct aic_key_wait key_wait;
	struct aic_echo echo;
	bool paused;

	/* the request */
	struct aic_buf url;
	struct aic_buf body;
	char *header_lines[32];
	size_t header_count;
	int64_t retries;     /* made so far */
	bool key_renewed;    /* after a 401 */
	bool usage_given_up; /* stream_options were rejected */

	/* the answer */
	enum aic_answer answer;
	int status;
	char *request_id;
	int64_t retry_after_ms;
	int should_retry;
	bool is_html;
	struct aic_sse sse;
	/* of a document; of a stream what came of the next frame, if bytes are wanted */
	struct aic_buf bytes;
	const char *frame; /* where it goes on in what is being fed */
	bool skip_lf;      /* the LF that follows was given already */
	struct aic_decoder *decoder;
	struct aic_events events;
	bool asked;      /* a request went out, and no answer refused it */
	bool decoded;    /* decode_end was called */
	bool began;      /* something of the reply came */
	bool progressed; /* so that the shorter limit counts */
	int64_t deadline_mono_ms;
};

/* call.c */
/*
 * The caller's last word: the last events, then `done`; takes the error, and makes one
 * where there is none. The call is gone after it unless it is draining.
 */
void aic_call_finish(struct aic_call *call, int code, aichat_error *error);
/* The engine has no more to do with it. */
void aic_call_bury(struct aic_call *call);
/* Another attempt after a while: tells the caller. Takes the error. */
void aic_call_wait(struct aic_call *call, int64_t delay_ms, aichat_error *error);
/* Sends, or first gets the key. */
void aic_call_go(struct aic_call *call);
/* Gives the caller what is in call->events. 0 or AICHAT_ENOMEM. */
int aic_call_tell(struct aic_call *call);
/* The reply moved on: the time until it must again starts anew. */
void aic_call_progress(struct aic_call *call);
/* While an attempt runs: something must happen within this time. */
void aic_call_deadline(struct aic_call *call, int64_t from_now_ms);

/* send.c */
/* URL and body. Any thread, before the call is started. */
int aic_call_encode(struct aic_call *call, aichat_error **reterr);
void aic_call_send(struct aic_call *call);
void aic_call_forget_headers(struct aic_call *call);

/* answer.c */
extern const struct aic_attempt_ops aic_call_attempt_ops;
void aic_call_forget_answer(struct aic_call *call);
/* The answer is no 2xx, and all that is wanted of it is there. */
void aic_call_end_refusal(struct aic_call *call);
/* Closes what is open in the reply. 0 or an error. */
int aic_call_end_reply(struct aic_call *call);

/* failure.c */
/* "openai: LINE": the error with the provider's name before it. Takes it. */
aichat_error *aic_call_name_error(const struct aic_call *call, int code,
				  aichat_error *error);
/* What an answer that is no 2xx means, and whether waiting helps. */
aichat_error *aic_call_refusal(const struct aic_call *call, bool *ret_never_retry);
/* A timer ran out. */
aichat_error *aic_call_timeout(const struct aic_call *call);
