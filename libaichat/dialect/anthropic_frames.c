/*
 * The frames of a stream of the Messages protocol.
 */

#include "dialect/anthropic_encode.h"

void aic_anthropic_store(struct aic_anthropic_encoder *e, struct aic_buf *to,
			 struct aic_str text)
{
	aic_buf_reset(to);
	if (aic_buf_append(to, text.data, text.len) < 0)
		e->error = to->error;
}

struct frame {
	struct aic_json_writer w;
	size_t start; /* of the data */
};

static struct frame begin_frame(struct aic_buf *out, const char *name)
{
	aic_buf_puts(out, "event: ");
	aic_buf_puts(out, name);
	aic_buf_puts(out, "\ndata: ");
	struct frame frame = { aic_json_writer(out), out->len };
	aic_json_begin(&frame.w, '{');
	aic_json_put_member(&frame.w, "type", name);
	return frame;
}

/* A line end inside the data would end it; in JSON it is only white space. */
static void end_frame(struct frame *frame)
{
	struct aic_buf *out = frame->w.buf;

	aic_json_end(&frame->w, '}');
	for (size_t i = frame->start; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
	aic_buf_puts(out, "\n\n");
}

void aic_anthropic_put_start(struct aic_anthropic_encoder *e, struct aic_buf *out)
{
	const struct aic_encoder_config *config = &e->base.config;

	if (e->begun)
		return;
	e->begun = true;
	struct frame f = begin_frame(out, "message_start");
	aic_json_put_key(&f.w, "message");
	aic_json_begin(&f.w, '{');
	aic_json_put_member(&f.w, "id", config->response_id ? config->response_id : "");
	aic_json_put_member(&f.w, "type", "message");
	aic_json_put_member(&f.w, "role", "assistant");
	aic_json_put_member(&f.w, "model", config->model ? config->model : "");
	aic_json_put_key(&f.w, "content");
	aic_json_begin(&f.w, '[');
	aic_json_end(&f.w, ']');
	aic_json_put_key(&f.w, "stop_reason");
	aic_json_put_null(&f.w);
	aic_json_put_key(&f.w, "stop_sequence");
	aic_json_put_null(&f.w);
	aic_json_put_key(&f.w, "usage");
	aic_anthropic_put_usage(&f.w, &e->usage);
	aic_json_end(&f.w, '}');
	end_frame(&f);
}

/* --- blocks --- */

static struct frame begin_block(struct aic_anthropic_encoder *e, struct aic_buf *out)
{
	struct frame f = begin_frame(out, "content_block_start");

	aic_json_put_key(&f.w, "index");
	aic_json_put_int(&f.w, e->blocks++);
	aic_json_put_key(&f.w, "content_block");
	return f;
}

static void put_block_stop(struct aic_anthropic_encoder *e, struct aic_buf *out)
{
	struct frame f = begin_frame(out, "content_block_stop");

	aic_json_put_key(&f.w, "index");
	aic_json_put_int(&f.w, (int64_t)e->blocks - 1);
	end_frame(&f);
}

/* A delta of the open block with one member: a string, or JSON. */
static void put_delta(struct aic_anthropic_encoder *e, struct aic_buf *out,
		      const char *type, const char *key, struct aic_str value, bool json)
{
	struct frame f = begin_frame(out, "content_block_delta");

	aic_json_put_key(&f.w, "index");
	aic_json_put_int(&f.w, (int64_t)e->blocks - 1);
	aic_json_put_key(&f.w, "delta");
	aic_json_begin(&f.w, '{');
	aic_json_put_member(&f.w, "type", type);
	aic_json_put_key(&f.w, key);
	if (json)
		aic_json_put_raw(&f.w, value);
	else
		aic_json_put_str(&f.w, value);
	aic_json_end(&f.w, '}');
	end_frame(&f);
}

void aic_anthropic_open_block(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			      struct aic_buf *out)
{
	if (slot->opened)
		return;
	slot->opened = true;
	struct frame f = begin_block(e, out);
	aic_json_begin(&f.w, '{');
	switch (slot->type) {
	case AICHAT_PART_REASONING:
		aic_json_put_member(&f.w, "type", "thinking");
		aic_json_put_member(&f.w, "thinking", "");
		/* Never made up: what has none stays without. */
		aic_json_put_member(&f.w, "signature", "");
		break;
	case AICHAT_PART_TOOL_CALL:
		aic_json_put_member(&f.w, "type", "tool_use");
		aic_json_put_key(&f.w, "id");
		aic_json_put_str(&f.w, aic_buf_str(&slot->id));
		aic_json_put_key(&f.w, "name");
		aic_json_put_str(&f.w, aic_buf_str(&slot->name));
		aic_json_put_key(&f.w, "input");
		aic_json_begin(&f.w, '{');
		aic_json_end(&f.w, '}');
		break;
	default:
		aic_json_put_member(&f.w, "type", "text");
		aic_json_put_member(&f.w, "text", "");
	}
	aic_json_end(&f.w, '}');
	end_frame(&f);
}

void aic_anthropic_put_piece(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			     struct aic_str text, struct aic_buf *out)
{
	if (!text.len)
		return;
	aic_anthropic_open_block(e, slot, out);
	if (slot->type == AICHAT_PART_REASONING)
		put_delta(e, out, "thinking_delta", "thinking", text, false);
	else if (slot->type == AICHAT_PART_TOOL_CALL)
		put_delta(e, out, "input_json_delta", "partial_json", text, false);
	else
		put_delta(e, out, "text_delta", "text", text, false);
}

/* A block that has no pieces. */
static void put_whole(struct aic_anthropic_encoder *e, struct aic_str raw,
		      struct aic_buf *out)
{
	struct frame f = begin_block(e, out);

	aic_json_put_raw(&f.w, raw);
	end_frame(&f);
	put_block_stop(e, out);
}

static void put_citations(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			  struct aic_str raw, struct aic_buf *out)
{
	if (!aic_anthropic_is_block(&e->doc, raw, "text"))
		return;
	int list = aic_json_get(&e->doc, 0, "citations");
	if (!aic_json_is(&e->doc, list, AIC_JSON_ARRAY))
		return;
	for (int v = aic_json_first(&e->doc, list); v >= 0;
	     v = aic_json_next(&e->doc, list, v)) {
		aic_anthropic_open_block(e, slot, out);
		put_delta(e, out, "citations_delta", "citation", aic_json_raw(&e->doc, v),
			  true);
	}
}

static void end_reasoning(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			  struct aic_str raw, struct aic_buf *out)
{
	if (!aic_anthropic_is_reasoning(&e->doc, raw, false))
		return;
	int signature = aic_json_get(&e->doc, 0, "signature");
	if (signature >= 0) {
		aic_anthropic_open_block(e, slot, out);
		put_delta(e, out, "signature_delta", "signature",
			  aic_json_raw(&e->doc, signature), true);
	} else if (!slot->opened) {
		put_whole(e, raw, out);
	}
}

void aic_anthropic_put_end(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			   struct aic_str raw, struct aic_buf *out)
{
	switch (slot->type) {
	case AICHAT_PART_TEXT:
		put_citations(e, slot, raw, out);
		break;
	case AICHAT_PART_REASONING:
		end_reasoning(e, slot, raw, out);
		break;
	case AICHAT_PART_TOOL_CALL:
		aic_anthropic_open_block(e, slot, out);
		break;
	case AICHAT_PART_REFUSAL:
		/* Details of our own are no text; another's refusal is. */
		if (aic_anthropic_is_block(&e->doc, raw, "refusal")) {
			aic_anthropic_store(e, &e->refusal, raw);
			break;
		}
		aic_anthropic_put_piece(e, slot, aic_buf_str(&slot->text), out);
		aic_anthropic_store(e, &e->refusal, AIC_ANTHROPIC_REFUSAL);
		break;
	case AICHAT_PART_COMPACTION:
		if (aic_anthropic_is_block(&e->doc, raw, "compaction"))
			put_whole(e, raw, out);
		break;
	case AICHAT_PART_UNKNOWN:
		if (aic_anthropic_is_block(&e->doc, raw, NULL))
			put_whole(e, raw, out);
		break;
	default:
		break; /* nothing that an assistant can say here */
	}
	if (slot->opened)
		put_block_stop(e, out);
}

/* --- the end --- */

void aic_anthropic_put_done(struct aic_anthropic_encoder *e, struct aic_buf *out)
{
	e->over = true;
	struct frame f = begin_frame(out, "message_delta");
	aic_json_put_key(&f.w, "delta");
	aic_json_begin(&f.w, '{');
	aic_anthropic_put_stop(
		&f.w, aic_anthropic_stop_word(e->stop_reason, aic_buf_str(&e->stop_word)),
		aic_buf_str(&e->stop_sequence), aic_buf_str(&e->refusal));
	aic_json_end(&f.w, '}');
	aic_json_put_key(&f.w, "usage");
	aic_anthropic_put_usage(&f.w, &e->usage);
	end_frame(&f);
	f = begin_frame(out, "message_stop");
	end_frame(&f);
}

void aic_anthropic_fail(struct aic_anthropic_encoder *e, const aichat_error *error,
			struct aic_buf *out)
{
	e->over = true;
	aic_buf_puts(out, "event: error\ndata: ");
	struct aic_json_writer w = aic_json_writer(out);
	aic_anthropic_put_error(&w, error);
	aic_buf_puts(out, "\n\n");
}
