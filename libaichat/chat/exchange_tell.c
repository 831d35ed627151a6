/*
 * The engine's side of an exchange: what the call tells becomes bytes for the caller.
 *
 * Forwarded, the provider's frames are taken as they are, and its events are only read
 * for the accounting; translated, the events are written anew. Both are held back until
 * the first content, and the frame that ends a stream until the call ended well: what a
 * provider calls the end may still be none.
 */

#include <aichat/message.h>

#include "base/clock.h"
#include "base/mem.h"
#include "chat/exchange.h"
#include "model/builder.h"

/* ---- to the caller ---- */

/* What is staged may be taken. With the lock held. */
static void flush_locked(struct aichat_exchange *x)
{
	if (!x->staged.len)
		return;
	if (!x->ready.len) {
		struct aic_buf empty = x->ready;
		x->ready = x->staged;
		x->staged = empty;
	} else {
		aic_buf_append(&x->ready, x->staged.data, x->staged.len);
		if (x->ready.error && !x->failure)
			x->failure = x->ready.error;
	}
	aic_buf_reset(&x->staged);
}

/* Woken while the lock is held, it would only wait for that. */
static void unlock_and_wake(struct aichat_exchange *x)
{
	bool waiting = x->waiting;

	pthread_mutex_unlock(&x->lock);
	if (waiting)
		pthread_cond_signal(&x->changed);
}

static void caught_up(void *user)
{
	struct aichat_exchange *x = user;

	if (!x->stream || !x->released || !x->staged.len)
		return;
	pthread_mutex_lock(&x->lock);
	flush_locked(x);
	if (!x->paused && x->ready.len > AIC_EXCHANGE_HIGH) {
		x->paused = true;
		aic_call_pause(x->call, true);
	}
	unlock_and_wake(x);
}

/* Something of ours failed: the call is ended, and the caller told why. */
static void fail(struct aichat_exchange *x, int code)
{
	if (code >= 0 || x->failure)
		return;
	x->failure = code;
	pthread_mutex_lock(&x->lock);
	aic_call_cancel(x->call);
	pthread_mutex_unlock(&x->lock);
}

/* ---- what comes ---- */

/* Once: before the answer there may have been attempts, of which it was told. */
static int start_encoder(struct aichat_exchange *x)
{
	if (x->encoder || x->message)
		return 0;
	struct aic_id id = aic_id_new();
	bool messages = x->dialect == &aic_dialect_anthropic_messages;
	char *text = x->response_id;

	memcpy(text, messages ? "msg_" : "chatcmpl-", messages ? 5 : 10);
	aic_id_text(&id, text + strlen(text));
	const struct aic_encoder_config config = {
		.response_id = text,
		.model = x->asked,
		.created_unix_ms = aic_clock_unix_ms(),
		.stream_usage = x->usage_wanted,
	};
	if (x->stream) {
		x->encoder = x->dialect->encoder_new(&config);
		return x->encoder ? 0 : AICHAT_ENOMEM;
	}
	const struct aic_dialect *from = x->target.provider->dialect;
	x->message = aic_message_new(AICHAT_ROLE_ASSISTANT);
	if (!x->message)
		return AICHAT_ENOMEM;
	x->message->created_unix_ms = config.created_unix_ms;
	x->message->dialect = from ? aic_strdup(from->name) : NULL;
	return from && !x->message->dialect ? AICHAT_ENOMEM : 0;
}

/* The provider answers: only now it is known whether as it was asked to. */
static void on_answer(void *user, bool stream, const char *request_id)
{
	struct aichat_exchange *x = user;

	x->request_id = aic_strdup(request_id); /* without memory it is missed, no more */
	x->translates = !x->forwards || stream != x->stream;
	if (x->translates)
		fail(x, start_encoder(x));
}

/* Whether an event is something that a caller can see. */
static bool is_content(const struct aichat_event *event)
{
	switch (event->type) {
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
	case AICHAT_EVENT_MESSAGE:
		return true;
	case AICHAT_EVENT_PART_END: /* a part that was cut off before it said anything */
		return event->part || event->raw.len;
	case AICHAT_EVENT_PART_START:
		return event->part_type == AICHAT_PART_TOOL_CALL;
	default:
		return false;
	}
}

/* For the accounting. */
static void note(struct aichat_exchange *x, const struct aichat_event *event)
{
	switch (event->type) {
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
		x->text_bytes += (int64_t)event->text.len;
		break;
	case AICHAT_EVENT_USAGE:
		x->used = event->usage;
		break;
	case AICHAT_EVENT_MESSAGE:
		if (event->choice == 0)
			x->stop_reason = event->stop_reason;
		break;
	default:
		break;
	}
}

static int translate(struct aichat_exchange *x, const struct aichat_event *event)
{
	if (x->encoder)
		return x->dialect->encode_event(x->encoder, event, &x->staged);
	return event->choice == 0 ? aic_builder_apply(x->message, event) : 0;
}

static void on_events(void *user, const struct aic_events *events)
{
	struct aichat_exchange *x = user;

	/* The echo has no answer to read. */
	if (x->translates)
		fail(x, start_encoder(x));
	x->only_usage = events->count > 0;
	for (size_t i = 0; i < events->count && !x->failure; i++) {
		const struct aichat_event *event = &events->items[i];
		if (event->type == AICHAT_EVENT_RETRY)
			continue;
		x->released = x->released || is_content(event);
		x->only_usage = x->only_usage && event->type == AICHAT_EVENT_USAGE;
		note(x, event);
		if (x->translates)
			fail(x, translate(x, event));
	}
}

static void on_bytes(void *user, struct aic_str bytes, enum aic_decoded what)
{
	struct aichat_exchange *x = user;
	bool hide = x->usage_hidden && x->only_usage && what != AIC_DECODED_END;

	x->only_usage = false;
	if (x->translates || hide || x->failure)
		return;
	if (what == AIC_DECODED_END) {
		x->terminated = true;
		fail(x, aic_buf_append(&x->last, bytes.data, bytes.len));
	} else {
		fail(x, aic_buf_append(&x->staged, bytes.data, bytes.len));
	}
}

/* ---- the end ---- */

/* A figure of a document that no dialect reads. */
static int64_t figure(const struct aic_json *doc, const char *object, const char *key)
{
	int64_t value;
	int at = *object ? aic_json_get(doc, 0, object) : 0;

	return aic_json_int(doc, aic_json_get(doc, at, key), &value) && value >= 0 ? value
										   : -1;
}

static void read_document_usage(struct aichat_exchange *x)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	if (x->kind != AICHAT_EXCHANGE_EMBEDDINGS ||
	    aic_json_scan(&doc, x->last.data, x->last.len, &aic_json_wire))
		return;
	x->used.input = figure(&doc, "usage", "prompt_tokens");
	x->used.output = x->used.input >= 0 ? 0 : -1;
}

static void estimate(struct aichat_exchange *x, const struct aic_call_result *result)
{
	bool cut = result->code == AICHAT_ECANCELED || result->code == AICHAT_ETIMEOUT;

	/* Counting is free, and nobody is paid for an echo. */
	if (x->kind == AICHAT_EXCHANGE_COUNT_TOKENS || !x->target.provider->dialect ||
	    (!result->began && !(result->asked && cut)))
		return;
	if (x->used.input < 0) {
		x->used.input = x->input_estimate;
		x->estimated = true;
	}
	/* Messages tells a first figure at once, and the true one at the end. */
	int64_t written = (x->text_bytes + 3) / 4;
	if (x->used.output < 0 || (result->code && x->used.output < written)) {
		x->used.output = written;
		x->estimated = true;
	}
}

static int finish_translation(struct aichat_exchange *x)
{
	const struct aichat_event done = {
		.type = AICHAT_EVENT_DONE,
		.state = AICHAT_REPLY_COMPLETE,
		.usage = AIC_USAGE_UNKNOWN,
	};

	if (x->encoder)
		return x->dialect->encode_event(x->encoder, &done, &x->staged);
	if (!x->message)
		AIC_BUG(AICHAT_EINTERNAL);
	aic_builder_seal(x->message, AICHAT_MESSAGE_SEALED);
	x->message->usage = x->used;
	x->stop_reason = x->message->stop_reason;
	const struct aic_encoder_config config = {
		.response_id = x->response_id,
		.model = x->asked,
		.created_unix_ms = x->message->created_unix_ms,
	};
	return x->dialect->encode_reply(&config, x->message, &x->staged);
}

/* The answer is whole: what was held back may go out. */
static int finish(struct aichat_exchange *x)
{
	x->released = true;
	if (x->raw.document)
		read_document_usage(x);
	if (x->translates)
		return finish_translation(x);
	if (x->staged.len) {
		aic_buf_append(&x->staged, x->last.data, x->last.len);
	} else {
		struct aic_buf empty = x->staged;
		x->staged = x->last;
		x->last = empty;
	}
	/* Some leave the last frame out, though the reply is whole. */
	if (x->stream && !x->terminated)
		aic_buf_puts(&x->staged, x->dialect->stream_end);
	return x->staged.error;
}

static void on_done(void *user, struct aic_call_result *result)
{
	struct aichat_exchange *x = user;
	aichat_error *error = result->error;
	int code = result->code;

	if (!code && !x->failure) {
		x->failure = finish(x);
		code = x->failure;
	}
	if (x->failure) {
		error = aichat_error_unref(error);
		code = aic_error_code(&error, x->failure, "the answer");
	}
	estimate(x, result);
	if (!x->request_id)
		x->request_id = aic_strdup(result->request_id);
	if (code && (!x->released || !x->stream))
		aic_buf_reset(&x->staged);

	pthread_mutex_lock(&x->lock);
	flush_locked(x);
	x->ended = true;
	x->code = code;
	x->error = error;
	struct aic_call *call = AIC_TAKE(x->call);
	unlock_and_wake(x);
	aic_call_release(call);
	aic_exchange_unref(x);
}

const struct aic_call_ops aic_exchange_ops = {
	.events = on_events,
	.done = on_done,
	.answer = on_answer,
	.bytes = on_bytes,
	.caught_up = caught_up,
	.discreet = true,
};

void aic_exchange_answer(struct aichat_exchange *x, struct aic_str document)
{
	pthread_mutex_lock(&x->lock);
	x->code = aic_buf_append(&x->ready, document.data, document.len);
	if (x->code)
		aic_error_nomem(&x->error);
	x->ended = true;
	pthread_mutex_unlock(&x->lock);
}

int aic_exchange_put_error(const struct aichat_exchange *x, aichat_error *error,
			   struct aic_buf *out)
{
	const struct aichat_event event = {
		.type = AICHAT_EVENT_ERROR,
		.usage = AIC_USAGE_UNKNOWN,
		.error = error,
	};
	const struct aic_encoder_config config = { .model = x->asked };
	struct aic_encoder *encoder = x->dialect->encoder_new(&config);

	if (!encoder)
		return AICHAT_ENOMEM;
	int code = x->dialect->encode_event(encoder, &event, out);
	x->dialect->encoder_free(encoder);
	return code;
}
