#pragma once

/*
 * A dialect is one wire format, both ways: requests, replies, stream events and errors,
 * read and written. Everything here is pure: bytes in, model out, and the reverse; no
 * sockets, no clock, no globals.
 */

#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "model/event.h"
#include "model/message.h"
#include "model/profile.h"
#include "model/request.h"

/* What one piece of a stream meant, for the timers of whoever reads it. */
enum aic_decoded {
	AIC_DECODED_NOTHING = 0,  /* a ping, padding: no sign of progress */
	AIC_DECODED_PROGRESS = 1, /* the reply moved on */
	AIC_DECODED_END = 2,      /* the terminal event: nothing more is expected */
};

/* Reads one reply. The common part; each dialect puts its own state behind it. */
struct aic_decoder {
	const struct aic_dialect *dialect;
	struct aic_profile profile; /* its strings must outlive the decoder */
	/* What is known so far. */
	bool finished;       /* a terminal state arrived, and no error did */
	aichat_error *error; /* what the provider reported inside the reply; owned */
	char *model;         /* as the provider says; owned */
	char *response_id;   /* owned */
};

/* Writes one reply to a caller. */
struct aic_encoder_config {
	const char *response_id; /* shown to the caller, such as chatcmpl-...; borrowed */
	const char *model;       /* shown to the caller; borrowed */
	int64_t created_unix_ms;
	bool stream_usage; /* Chat: the caller asked for the usage chunk */
};

struct aic_encoder {
	const struct aic_dialect *dialect;
	struct aic_encoder_config config;
};

/* What a provider's error means to us. */
struct aic_failure {
	int code; /* AICHAT_E... */
	int http_status;
	bool never_retry;    /* quota, spend limit: waiting does not help */
	char *message;       /* the provider's line or an excerpt; owned; may be NULL */
	char *provider_code; /* owned; may be NULL */
};
void aic_failure_done(struct aic_failure *failure);

struct aic_dialect {
	const char *name;       /* "openai-chat", "anthropic-messages" */
	const char *path;       /* where replies are asked for, behind the base URL */
	const char *stream_end; /* the frame that ends a stream */

	/* Requests. encode: the JSON body is appended to out. What could not be carried
	 * goes to report (may be NULL). */
	int (*encode_request)(const struct aic_request *request,
			      const struct aic_profile *profile, struct aic_buf *out,
			      struct aic_report *report, aichat_error **reterr);
	int (*decode_request)(struct aic_str body, struct aic_request **ret_request,
			      aichat_error **reterr);

	/*
	 * Replies, as events: part_start, text, reasoning, tool_call, part_end, usage
	 * and, for each answer, `message` with its stop reason. Events are appended to
	 * `events` and borrow from the data and the decoder until the next call. Result:
	 * enum aic_decoded, or AICHAT_EPROTOCOL, AICHAT_EJSON, AICHAT_EUTF8,
	 * AICHAT_ETOOLARGE, AICHAT_ENOMEM (decoder->error is then set as well, unless
	 * memory is out). An error that the provider reports is no failure of the call:
	 * it is AIC_DECODED_END with decoder->error set.
	 */
	struct aic_decoder *(*decoder_new)(const struct aic_profile *profile);
	void (*decoder_free)(struct aic_decoder *decoder);
	/* One SSE event; name is empty when it had none. */
	int (*decode_event)(struct aic_decoder *decoder, struct aic_str name,
			    struct aic_str data, struct aic_events *events);
	/* A whole reply in plain JSON. */
	int (*decode_reply)(struct aic_decoder *decoder, struct aic_str body,
			    struct aic_events *events);
	/* The bytes are over: closes open parts. The caller then looks at finished and
	 * error. */
	int (*decode_end)(struct aic_decoder *decoder, struct aic_events *events);

	/* Replies to a caller. Each appends whole SSE frames (or nothing) to out. */
	struct aic_encoder *(*encoder_new)(const struct aic_encoder_config *config);
	void (*encoder_free)(struct aic_encoder *encoder);
	int (*encode_event)(struct aic_encoder *encoder, const struct aichat_event *event,
			    struct aic_buf *out);
	/* A whole reply in plain JSON. */
	int (*encode_reply)(const struct aic_encoder_config *config,
			    const struct aichat_message *message, struct aic_buf *out);

	/* Errors. decode: body of an answer that is no 2xx. encode: the body for a
	 * caller; returns the HTTP status that goes with it. */
	void (*decode_error)(int http_status, struct aic_str body,
			     struct aic_failure *failure);
	int (*encode_error)(const aichat_error *error, struct aic_buf *out);
};

extern const struct aic_dialect aic_dialect_openai_chat;
extern const struct aic_dialect aic_dialect_anthropic_messages;

/* By its name; NULL if there is none. */
const struct aic_dialect *aic_dialect_find(const char *name);

/* One decoder owned by a variable. */
static inline void aic_decoder_freep(struct aic_decoder **decoder)
{
	if (*decoder)
		(*decoder)->dialect->decoder_free(*decoder);
}
