/*
 * The Messages dialect: its table, its words for stops and errors, its usage figures.
 */

#include "dialect/anthropic.h"

static const struct {
	const char *word;
	enum aichat_stop_reason reason;
} stops[] = {
	/* The first of a reason is the one that we use. */
	{ "end_turn", AICHAT_STOP_STOP },
	{ "max_tokens", AICHAT_STOP_LENGTH },
	{ "stop_sequence", AICHAT_STOP_SEQUENCE },
	{ "tool_use", AICHAT_STOP_TOOL_CALLS },
	{ "pause_turn", AICHAT_STOP_PAUSE },
	{ "compaction", AICHAT_STOP_PAUSE },
	{ "refusal", AICHAT_STOP_REFUSAL },
	{ "refusal", AICHAT_STOP_CONTENT_FILTER },
	{ "model_context_window_exceeded", AICHAT_STOP_CONTEXT_WINDOW },
};

enum aichat_stop_reason aic_anthropic_stop(struct aic_str word)
{
	if (!word.len)
		return AICHAT_STOP_NONE;
	for (size_t i = 0; i < AIC_ARRAY_LEN(stops); i++)
		if (aic_str_is(word, stops[i].word))
			return stops[i].reason;
	return AICHAT_STOP_UNKNOWN;
}

/*
 * A reply with calls stopped for them, whatever was said; but a caller must not take a
 * call for whole that the provider cut off.
 */
static bool says_same(enum aichat_stop_reason said, enum aichat_stop_reason reason)
{
	return said == reason ||
	       (reason == AICHAT_STOP_TOOL_CALLS && said != AICHAT_STOP_NONE &&
		said != AICHAT_STOP_STOP && said != AICHAT_STOP_UNKNOWN);
}

struct aic_str aic_anthropic_stop_word(enum aichat_stop_reason reason,
				       struct aic_str word)
{
	if (word.len && reason != AICHAT_STOP_UNKNOWN &&
	    says_same(aic_anthropic_stop(word), reason))
		return word;
	if (reason == AICHAT_STOP_TOOL_CALLS && aic_str_is(word, "length"))
		return AIC_STR("max_tokens"); /* the same, as Chat says it */
	for (size_t i = 0; i < AIC_ARRAY_LEN(stops); i++)
		if (stops[i].reason == reason)
			return aic_str(stops[i].word);
	return AIC_STR("end_turn");
}

void aic_anthropic_put_usage(struct aic_json_writer *w, const struct aic_usage *usage)
{
	int64_t cached = AIC_MAX(usage->cached, (int64_t)0);
	int64_t written = AIC_MAX(usage->cache_write, (int64_t)0);
	int64_t plain = usage->input;

	/* Ours is everything read; theirs leaves the cache out. */
	plain = plain > cached && plain - cached > written ? plain - cached - written : 0;
	aic_json_begin(w, '{');
	aic_json_put_key(w, "input_tokens");
	aic_json_put_int(w, plain);
	if (usage->cache_write >= 0) {
		aic_json_put_key(w, "cache_creation_input_tokens");
		aic_json_put_int(w, usage->cache_write);
	}
	if (usage->cached >= 0) {
		aic_json_put_key(w, "cache_read_input_tokens");
		aic_json_put_int(w, usage->cached);
	}
	aic_json_put_key(w, "output_tokens");
	aic_json_put_int(w, AIC_MAX(usage->output, (int64_t)0));
	if (usage->reasoning >= 0) {
		aic_json_put_key(w, "output_tokens_details");
		aic_json_begin(w, '{');
		aic_json_put_key(w, "thinking_tokens");
		aic_json_put_int(w, usage->reasoning);
		aic_json_end(w, '}');
	}
	aic_json_end(w, '}');
}

void aic_anthropic_put_stop(struct aic_json_writer *w, struct aic_str word,
			    struct aic_str sequence, struct aic_str refusal)
{
	aic_json_put_key(w, "stop_reason");
	if (word.len)
		aic_json_put_str(w, word);
	else
		aic_json_put_null(w);
	aic_json_put_key(w, "stop_sequence");
	if (sequence.len)
		aic_json_put_str(w, sequence);
	else
		aic_json_put_null(w);
	if (refusal.len) {
		aic_json_put_key(w, "stop_details");
		aic_json_put_raw(w, refusal);
	}
}

/* The types that clients branch on. */
static const char *error_type(int code, int status)
{
	if (code == AICHAT_EQUOTA)
		return "billing_error";
	if (code == AICHAT_EOVERLOADED)
		return "overloaded_error";
	switch (status) {
	case 401:
		return "authentication_error";
	case 403:
		return "permission_error";
	case 404:
		return "not_found_error";
	case 409:
		return "conflict_error";
	case 413:
		return "request_too_large";
	case 429:
		return "rate_limit_error";
	case 504:
		return "timeout_error";
	default:
		return status < 500 ? "invalid_request_error" : "api_error";
	}
}

/* Two of our errors have a status of their own here. */
static int error_status(const aichat_error *error)
{
	switch (aichat_error_code(error)) {
	case AICHAT_EQUOTA:
		return 402;
	case AICHAT_EOVERLOADED:
		return 529;
	default:
		return aic_status_for(error);
	}
}

void aic_anthropic_put_error(struct aic_json_writer *w, const aichat_error *error)
{
	int code = aichat_error_code(error);
	const char *type = error_type(code, error_status(error));
	const char *word = aichat_error_provider_code(error);
	const char *line = aichat_error_message(error);

	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "error");
	aic_json_put_key(w, "error");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", type);
	aic_json_put_member(w, "message", *line ? line : aichat_error_text(code));
	if (!word)
		word = aic_word_for(error);
	if (word && !aic_streq(word, type)) {
		aic_json_put_key(w, "details");
		aic_json_begin(w, '{');
		aic_json_put_member(w, "error_code", word);
		aic_json_end(w, '}');
	}
	aic_json_end(w, '}');
	aic_json_put_member(w, "request_id", aichat_error_request_id(error));
	aic_json_end(w, '}');
}

static int encode_error(const aichat_error *error, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);

	aic_anthropic_put_error(&w, error);
	return error_status(error);
}

const struct aic_dialect aic_dialect_anthropic_messages = {
	.name = AIC_ANTHROPIC,
	.path = "/v1/messages",
	.stream_end = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	.encode_request = aic_anthropic_encode_request,
	.decode_request = aic_anthropic_decode_request,
	.decoder_new = aic_anthropic_decoder_new,
	.decoder_free = aic_anthropic_decoder_free,
	.decode_event = aic_anthropic_decode_event,
	.decode_reply = aic_anthropic_decode_reply,
	.decode_end = aic_anthropic_decode_end,
	.encoder_new = aic_anthropic_encoder_new,
	.encoder_free = aic_anthropic_encoder_free,
	.encode_event = aic_anthropic_encode_event,
	.encode_reply = aic_anthropic_encode_reply,
	.decode_error = aic_failure_decode,
	.encode_error = encode_error,
};
