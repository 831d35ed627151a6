/*
 * Writing a whole reply of the Messages protocol for a caller.
 */

#include "dialect/anthropic.h"

static void put_part(struct aic_json_writer *w, struct aic_json *doc,
		     const struct aichat_part *part, bool own, struct aic_str *refusal)
{
	struct aic_str raw = own ? aic_string_str(&part->raw) : (struct aic_str){ 0 };

	if (part->type == AICHAT_PART_REFUSAL &&
	    aic_anthropic_is_block(doc, raw, "refusal")) {
		*refusal = raw;
		return;
	}
	if (aic_anthropic_is_block(doc, raw, NULL)) {
		aic_json_put_raw(w, raw);
		return;
	}
	switch (part->type) {
	case AICHAT_PART_REFUSAL:
		*refusal = AIC_ANTHROPIC_REFUSAL;
		__attribute__((fallthrough));
	case AICHAT_PART_TEXT:
		if (part->text.len)
			aic_anthropic_put_text(w, aic_string_str(&part->text));
		break;
	case AICHAT_PART_REASONING:
		if (!part->text.len)
			break;
		aic_json_begin(w, '{');
		aic_json_put_member(w, "type", "thinking");
		aic_json_put_key(w, "thinking");
		aic_json_put_str(w, aic_string_str(&part->text));
		aic_json_put_member(w, "signature", "");
		aic_json_end(w, '}');
		break;
	case AICHAT_PART_TOOL_CALL:
		aic_anthropic_put_tool_use(w, doc, part);
		break;
	default:
		break;
	}
}

int aic_anthropic_encode_reply(const struct aic_encoder_config *config,
			       const struct aichat_message *message, struct aic_buf *out)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_json_writer w = aic_json_writer(out);
	bool own = aic_streq(message->dialect, AIC_ANTHROPIC);
	struct aic_str refusal = { 0 }, word = aic_str(message->stop_word);

	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "id", config->response_id ? config->response_id : "");
	aic_json_put_member(&w, "type", "message");
	aic_json_put_member(&w, "role", "assistant");
	aic_json_put_member(&w, "model", config->model ? config->model : "");
	aic_json_put_key(&w, "content");
	aic_json_begin(&w, '[');
	for (size_t i = 0; i < message->part_count; i++)
		put_part(&w, &doc, &message->parts[i], own, &refusal);
	aic_json_end(&w, ']');
	/* A word of the provider's that we do not know goes back as it came. */
	if (!own || aic_anthropic_stop(word) != AICHAT_STOP_UNKNOWN)
		word = aic_anthropic_stop_word(message->stop_reason, word);
	aic_anthropic_put_stop(&w, word, aic_str(message->stop_sequence), refusal);
	aic_json_put_key(&w, "usage");
	aic_anthropic_put_usage(&w, &message->usage);
	aic_json_end(&w, '}');
	return out->error;
}
