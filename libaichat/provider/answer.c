/*
 * What comes back: the head decides what the bytes are, the dialect reads them, and the
 * end decides how the call ends. Nothing is sent again once a 2xx came.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "provider/call_internal.h"
#include "provider/retry.h"
#include "provider/state.h"

#define REFUSAL_MAX ((size_t)64 << 10)
#define REFUSAL_TIMEOUT_MS 10000

/* What an SSE event tells the feed: the terminal one came. */
#define FEED_ENDED 1

void aic_call_forget_answer(struct aic_call *call)
{
	const struct aic_dialect *dialect = call->target.provider->dialect;

	if (call->decoder)
		dialect->decoder_free(AIC_TAKE(call->decoder));
	aic_sse_done(&call->sse);
	aic_sse_init(&call->sse, AIC_SSE_EVENT_MAX);
	aic_buf_reset(&call->bytes);
	aic_free(AIC_TAKE(call->request_id));
	call->answer = AIC_ANSWER_NONE;
	call->status = 0;
	call->retry_after_ms = -1;
	call->should_retry = -1;
	call->is_html = false;
	call->decoded = false;
	call->progressed = false;
	call->skip_lf = false;
}

/* --- the head --- */

static bool is_events_type(const char *type)
{
	return strcmp(type, "text/event-stream") == 0;
}

static void on_head(void *user, const struct aic_attempt_head *head)
{
	struct aic_call *call = user;

	call->status = head->status;
	call->retry_after_ms = head->retry_after_ms;
	call->should_retry = head->should_retry;
	/* Without memory the id is missed, no more. */
	call->request_id = aic_strdup(head->request_id);
	call->is_html = strcmp(head->content_type, "text/html") == 0;
	if (head->status < 200 || head->status > 299) {
		call->answer = AIC_ANSWER_REFUSAL;
		call->asked = false;
	} else if (call->raw.document)
		call->answer = AIC_ANSWER_WHOLE;
	else if (is_events_type(head->content_type))
		call->answer = AIC_ANSWER_EVENTS;
	else
		call->answer = AIC_ANSWER_UNKNOWN;
	call->bytes.max = call->answer == AIC_ANSWER_REFUSAL ? REFUSAL_MAX : 0;
	/* What it says must not take longer than what it refuses. */
	if (call->answer == AIC_ANSWER_REFUSAL)
		aic_call_deadline(call, AIC_MIN(call->limits.first_event_timeout_ms,
						(int64_t)REFUSAL_TIMEOUT_MS));
}

static void conclude(struct aic_call *call, int code, aichat_error *error);

/* --- the body --- */

/* A decoder for this answer, made when its first byte comes. */
static int need_decoder(struct aic_call *call)
{
	if (call->decoder)
		return 0;
	call->decoder = call->target.provider->dialect->decoder_new(&call->profile);
	if (call->decoder && call->ops.answer)
		call->ops.answer(call->user, call->answer == AIC_ANSWER_EVENTS,
				 call->request_id);
	return call->decoder ? 0 : AICHAT_ENOMEM;
}

/*
 * The frame of an event that was told. It ends where the reader is, or, where the bytes
 * do, without its blank line, which is put there. A CR LF may be cut in two: then its LF
 * is given now and left out when it comes.
 */
static int give_frame(struct aic_call *call, enum aic_decoded what)
{
	struct aic_str frame = { call->frame, 0 };

	if (!call->ops.bytes)
		return 0;
	if (call->sse.at) {
		frame.len = (size_t)(call->sse.at - call->frame);
		call->frame = call->sse.at;
	}
	if (call->bytes.len || call->sse.after_cr || !call->sse.at) {
		aic_buf_append(&call->bytes, frame.data, frame.len);
		frame = aic_buf_str(&call->bytes);
		call->skip_lf = call->sse.at && frame.len > 1 &&
				frame.data[frame.len - 2] == '\n' &&
				frame.data[frame.len - 1] == '\r';
		aic_buf_puts(&call->bytes, call->skip_lf  ? "\n"
					   : call->sse.at ? ""
							  : "\n\n");
		frame = aic_buf_str(&call->bytes);
	}
	int error = call->bytes.error;
	if (!error)
		call->ops.bytes(call->user, frame, what);
	aic_buf_reset(&call->bytes);
	return error;
}

static int on_sse_event(void *user, struct aic_str name, struct aic_str data)
{
	struct aic_call *call = user;

	if (atomic_load_explicit(&call->cancel_wanted, memory_order_relaxed))
		return AICHAT_ECANCELED;
	int result = call->target.provider->dialect->decode_event(call->decoder, name,
								  data, &call->events);
	if (result == AIC_DECODED_PROGRESS)
		aic_call_progress(call);
	int told = aic_call_tell(call);
	if (!told && result >= 0)
		told = give_frame(call, (enum aic_decoded)result);
	if (told)
		return told;
	return result == AIC_DECODED_END ? FEED_ENDED : AIC_MIN(result, 0);
}

static const struct aic_sse_ops sse_ops = { .event = on_sse_event };

/* The first byte that is no white space tells a document from events without their type:
 * JSON begins with a bracket, a page with `<`, and a field's name with neither. */
static void guess_answer(struct aic_call *call, struct aic_str bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (strchr(" \t\r\n", bytes.data[i]) && bytes.data[i])
			continue;
		call->answer = call->request->stream &&
					       strchr("de:ir\xEF", bytes.data[i]) &&
					       bytes.data[i]
				       ? AIC_ANSWER_EVENTS
				       : AIC_ANSWER_WHOLE;
		return;
	}
}

static int take_events(struct aic_call *call, struct aic_str bytes)
{
	int result = need_decoder(call);
	const char *end = bytes.data + bytes.len;

	call->frame = bytes.data + (call->skip_lf && *bytes.data == '\n');
	call->skip_lf = false;
	if (!result)
		result = aic_sse_feed(&call->sse, bytes, &sse_ops, call);
	if (result != FEED_ENDED) {
		if (!result && call->ops.bytes)
			result = aic_buf_append(&call->bytes, call->frame,
						(size_t)(end - call->frame));
		if (!result && call->ops.caught_up)
			call->ops.caught_up(call->user);
		return result;
	}
	/* The caller is told at once; the connection goes on until it can be used again.
	 */
	call->state = AIC_CALL_DRAINING;
	conclude(call, 0, NULL);
	return 0;
}

static int on_bytes(void *user, struct aic_str bytes)
{
	struct aic_call *call = user;

	if (call->state != AIC_CALL_SENT) /* the rest after the last event */
		return 0;
	/* Curl may go on reading for long before the wish is seen otherwise. */
	if (atomic_load_explicit(&call->pause_wanted, memory_order_relaxed)) {
		call->paused = true;
		return 1;
	}
	if (call->answer == AIC_ANSWER_UNKNOWN)
		guess_answer(call, bytes);
	switch (call->answer) {
	case AIC_ANSWER_EVENTS:
		return take_events(call, bytes);
	case AIC_ANSWER_WHOLE:
		aic_call_progress(call);
		return aic_buf_append(&call->bytes, bytes.data, bytes.len);
	case AIC_ANSWER_REFUSAL:
		return aic_buf_append(&call->bytes, bytes.data,
				      AIC_MIN(bytes.len, REFUSAL_MAX - call->bytes.len));
	default: /* white space so far */
		return 0;
	}
}

/* --- the end --- */

int aic_call_end_reply(struct aic_call *call)
{
	if (!call->decoder || call->decoded)
		return 0;
	call->decoded = true;
	int result = call->target.provider->dialect->decode_end(call->decoder,
								&call->events);
	int told = aic_call_tell(call);
	return result < 0 ? result : told;
}

/*
 * The reply is over: with a code of ours, or (0) as the decoder says. What the provider
 * reported comes first; without a terminal event the reply was cut off.
 */
static void conclude(struct aic_call *call, int code, aichat_error *error)
{
	struct aic_decoder *decoder = call->decoder;
	bool reported = decoder && decoder->error;
	int result = aic_call_end_reply(call);

	if (result == AICHAT_ENOMEM || code == AICHAT_ENOMEM) {
		code = AICHAT_ENOMEM;
	} else if (reported || (!code && decoder && decoder->error)) {
		aichat_error_unref(error);
		error = aichat_error_ref(decoder->error);
		code = aichat_error_code(error);
	} else if (!code && decoder && decoder->finished) {
		aic_call_finish(call, 0, NULL);
		return;
	} else if (!code && result < 0) {
		code = result;
	} else if (!code) {
		code = aic_error_set(&error, AICHAT_EINTERRUPTED,
				     "the reply was cut off before its end");
	}
	aic_call_finish(call, code, aic_call_name_error(call, code, error));
}

/* What no dialect reads is JSON at least. */
static void end_raw_document(struct aic_call *call)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_str body = aic_buf_str(&call->bytes);
	aichat_error *error = NULL;

	int code = aic_json_scan(&doc, body.data, body.len, &aic_json_wire);
	if (!code) {
		call->began = true;
		call->ops.bytes(call->user, body, AIC_DECODED_END);
		aic_call_finish(call, 0, NULL);
		return;
	}
	code = code == AICHAT_ENOMEM ? code : AICHAT_EPROTOCOL;
	aic_json_scan_error(&doc, code, "the answer", &error);
	aic_call_finish(call, code, aic_call_name_error(call, code, error));
}

static void end_document(struct aic_call *call)
{
	struct aic_str body = aic_buf_str(&call->bytes);
	aichat_error *error = NULL;
	int result = call->raw.document ? 0 : need_decoder(call);

	if (!result && (call->is_html || body.len == 0)) {
		aic_error_set(&error, AICHAT_EPROTOCOL,
			      "the answer was %s; check provider.%s.base_url",
			      call->is_html ? "a web page" : "nothing",
			      call->target.provider->name);
		conclude(call, AICHAT_EPROTOCOL, error);
		return;
	}
	if (call->raw.document) {
		end_raw_document(call);
		return;
	}
	while (body.len > 0 && *body.data && strchr(" \t\r\n", *body.data)) {
		body.data++;
		body.len--;
	}
	if (!result)
		result = call->target.provider->dialect->decode_reply(call->decoder, body,
								      &call->events);
	int told = aic_call_tell(call);
	if (result >= 0 && !told && call->ops.bytes)
		call->ops.bytes(call->user, aic_buf_str(&call->bytes), AIC_DECODED_END);
	conclude(call, result < 0 ? result : told, NULL);
}

/* The connection broke, or a limit of ours was reached, inside of a 2xx. */
static void end_broken(struct aic_call *call, int code, aichat_error *error)
{
	if (error && (code == AICHAT_ENETWORK || code == AICHAT_EPROTOCOL)) {
		aichat_error *cut = NULL;
		aic_error_set(&cut, AICHAT_EINTERRUPTED, "the reply was cut off: %s",
			      aichat_error_message(error));
		aichat_error_unref(error);
		error = cut;
		code = AICHAT_EINTERRUPTED;
	}
	/* A terminal event may have come before the connection broke. */
	if (code == AICHAT_EINTERRUPTED && !aic_call_end_reply(call) && call->decoder &&
	    call->decoder->finished && !call->decoder->error) {
		aichat_error_unref(error);
		aic_call_finish(call, 0, NULL);
		return;
	}
	conclude(call, code, error);
}

/* Old servers reject stream_options; then the figures are done without. */
static bool give_up_usage(struct aic_call *call)
{
	struct aic_provider_state *state = call->target.provider->state;
	struct aic_str said = aic_buf_str(&call->bytes);

	if (call->usage_given_up || !call->request->stream_usage ||
	    (call->status != 400 && call->status != 422) ||
	    !memmem(said.data, said.len, "stream_options", 14))
		return false;
	call->usage_given_up = true;
	atomic_store_explicit(&state->no_stream_usage, true, memory_order_relaxed);
	return true;
}

/* A key from a command may have been renewed meanwhile. */
static bool renew_key(struct aic_call *call)
{
	const struct aic_provider *provider = call->target.provider;

	if (call->status != 401 || call->key_renewed || provider->api_key ||
	    !provider->key_command)
		return false;
	call->key_renewed = true;
	aic_key_forget(provider);
	return true;
}

static double random_part(void)
{
	uint32_t bits;

	aic_random_bytes(&bits, sizeof(bits));
	return bits / 4294967296.0;
}

static void try_again(struct aic_call *call, int code, aichat_error *error, bool never)
{
	/* The provider's, or that of the proxy in front of it. */
	const int status = call->status ? call->status : aichat_error_http_status(error);
	const struct aic_retry_facts facts = {
		.code = code,
		.http_status = status,
		.never_retry = never,
		.retry_after_ms = call->retry_after_ms,
		.should_retry = call->should_retry,
	};
	int64_t delay = aic_retry_delay_ms(
		&facts, call->retries, call->limits.max_retries,
		call->limits.max_retry_delay_ms, random_part());

	if (delay < 0)
		aic_call_finish(call, code, error);
	else
		aic_call_wait(call, delay, error);
}

void aic_call_end_refusal(struct aic_call *call)
{
	bool never = false;

	if (give_up_usage(call)) {
		aichat_error *error = NULL;
		int result = aic_call_encode(call, &error);
		if (result)
			aic_call_finish(call, result, error);
		else
			aic_call_go(call);
		return;
	}
	if (renew_key(call)) {
		aic_call_go(call);
		return;
	}
	aichat_error *error = aic_call_refusal(call, &never);
	try_again(call, aichat_error_code(error), error, never);
}

static void on_done(void *user, int code, aichat_error *error)
{
	struct aic_call *call = user;

	call->attempt = NULL;
	aic_timer_clear(call->engine, &call->timer);
	if (call->state == AIC_CALL_DRAINING) {
		aichat_error_unref(error);
		aic_call_bury(call);
		return;
	}
	if (code == AICHAT_ECLOSED || code == AICHAT_ENOMEM || code == AICHAT_ECANCELED) {
		aic_call_finish(call, code, error);
		return;
	}
	switch (call->answer) {
	case AIC_ANSWER_NONE:
		call->asked = false;
		error = aic_call_name_error(call, code, error);
		try_again(call, code, error, false);
		return;
	case AIC_ANSWER_REFUSAL: /* what came of it is enough */
		aichat_error_unref(error);
		aic_call_end_refusal(call);
		return;
	default:
		break;
	}
	if (code) {
		end_broken(call, code, error);
	} else if (call->answer == AIC_ANSWER_EVENTS) {
		int result = need_decoder(call);
		if (!result)
			result = aic_sse_end(&call->sse, &sse_ops, call);
		conclude(call, AIC_MIN(result, 0), NULL);
	} else {
		end_document(call);
	}
}

const struct aic_attempt_ops aic_call_attempt_ops = {
	.head = on_head,
	.bytes = on_bytes,
	.done = on_done,
};
