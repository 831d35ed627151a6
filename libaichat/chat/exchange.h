#pragma once

/*
 * An exchange: a caller's request in its dialect, and the answer in the same. See
 * <aichat/dialect.h>.
 *
 * exchange_read.c reads the request and decides how it goes on: forwarded, as it came, or
 * translated. exchange_tell.c is the engine's side: what the call tells becomes bytes.
 * exchange.c is the caller's side, and the life of the whole.
 *
 * Bytes go from the engine to the caller through three buffers that change places, so
 * that nothing is copied: `staged` is the engine's, `ready` is between the two, `given`
 * is the caller's.
 */

#include <pthread.h>
#include <stdatomic.h>

#include <aichat/dialect.h>

#include "base/buf.h"
#include "chat/core.h"
#include "dialect/dialect.h"
#include "provider/call.h"
#include "provider/provider.h"

/* Bytes that the caller has not taken at which the transfer pauses, and goes on again. */
#define AIC_EXCHANGE_HIGH ((size_t)256 << 10)
#define AIC_EXCHANGE_LOW ((size_t)64 << 10)

/* Something else in place of some bytes of the body. */
struct aic_splice {
	size_t at, cut;
	struct aic_buf insert;
};

struct aichat_exchange {
	_Atomic unsigned refs; /* the handle's, and the call's while it runs */
	struct aic_core *core; /* a reference */

	/* What is asked: does not change after open. */
	enum aichat_exchange_kind kind;
	const struct aic_dialect *dialect; /* the caller's */
	struct aic_target target;
	char *model_name; /* PROVIDER/MODEL */
	char *asked;      /* the model as the caller calls it */
	bool stream;
	bool usage_wanted; /* Chat: the caller asked for the usage of the stream */
	bool forwards; /* the provider speaks the caller's dialect: bytes go through */
	int64_t input_estimate;
	int64_t output_limit;
	char *body; /* the caller's */
	size_t body_len;
	struct aic_splice model, usage; /* with an empty insert: none */
	struct aic_request *request;    /* translated; the call takes it */
	char *version, *beta;           /* headers of the caller's */
	struct aic_call_raw raw;

	/* The engine's while the call runs; then whoever sees `ended`. */
	bool translates; /* the answer, whatever became of the request */
	bool released;   /* its first content came: bytes may go out */
	bool usage_hidden;
	bool only_usage; /* what was told last was nothing but the usage we asked for */
	bool terminated; /* the frame that ends the stream came */
	struct aic_encoder *encoder;
	struct aichat_message *message; /* of a whole answer that is translated */
	struct aic_buf staged;
	struct aic_buf last; /* the frame that ends it, until we know that it is true */
	int failure;         /* of our own: memory, a limit */
	int64_t text_bytes;
	struct aic_usage used;
	bool estimated;
	enum aichat_stop_reason stop_reason;
	char *request_id;
	char response_id[48];

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct aic_call *call; /* while it runs */
	struct aic_buf ready;
	bool waiting; /* the caller, for `changed` */
	bool paused;
	bool started;
	bool cancelled;
	bool ended; /* the call is; then: */
	int code;
	aichat_error *error;

	/* The caller's. */
	struct aic_buf given;
	bool begun;  /* the caller of the gateway saw the head: a failure is a frame */
	bool failed; /* the frame that says so was given */
};

/* exchange.c */
int aic_exchange_open(struct aic_core *core, enum aichat_exchange_kind kind,
		      const struct aic_dialect *dialect, struct aic_str body,
		      struct aichat_exchange **ret_exchange, aichat_error **reterr);
int aic_exchange_start(struct aichat_exchange *x, aichat_error **reterr);
int aic_exchange_next(struct aichat_exchange *x, int64_t timeout_ms, struct aic_str *ret,
		      aichat_error **reterr);
bool aic_exchange_is_over(struct aichat_exchange *x);
void aic_exchange_cancel(struct aichat_exchange *x);
void aic_exchange_unref(struct aichat_exchange *x);
AIC_DEFINE_CLEANUP(struct aichat_exchange *, aic_exchange_unref)

/* exchange_read.c */
/* Everything about the request, from x->kind, x->dialect and x->body. */
int aic_exchange_read(struct aichat_exchange *x, aichat_error **reterr);
/* For aic_call_raw. */
int aic_exchange_body(void *user, bool usage, struct aic_buf *out);

/* exchange_tell.c */
extern const struct aic_call_ops aic_exchange_ops;
/* The answer is there without anybody being asked. */
void aic_exchange_answer(struct aichat_exchange *x, struct aic_str document);
/* The frame, or nothing, that tells of an error in the stream. */
int aic_exchange_put_error(const struct aichat_exchange *x, aichat_error *error,
			   struct aic_buf *out);
