/*
 * The turns of a request: runs of blocks of one side, results first in a user's turn, and
 * no white space where the model is to go on. Then the system prompt.
 */

#include "dialect/anthropic_request.h"

#define JSON_INSTRUCTION "Answer with one JSON object and nothing else."

static struct aic_str without_end(struct aic_str text)
{
	while (text.len && strchr(" \t\r\n\v\f", text.data[text.len - 1]) &&
	       text.data[text.len - 1])
		text.len--;
	return text;
}

static void put_marked(struct aic_anthropic_request *e, struct aic_str text)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf marked = aic_buf(0);

	aic_buf_puts(&marked, "<system>\n");
	aic_buf_append(&marked, text.data, text.len);
	aic_buf_puts(&marked, "\n</system>");
	aic_anthropic_put_text(&e->w, aic_buf_str(&marked));
	if (marked.error && !e->w.buf->error)
		e->w.buf->error = marked.error;
}

/* White space at the end, from where the model is to go on, is refused. */
static bool is_cut(const struct aic_anthropic_request *e, const struct aic_item *item)
{
	return item == &e->items[e->count - 1] && item->side == AIC_SIDE_ASSISTANT &&
	       item->part->type == AICHAT_PART_TEXT &&
	       item->message->stop_reason != AICHAT_STOP_PAUSE &&
	       without_end(aic_string_str(&item->part->text)).len < item->part->text.len;
}

static void put_item(struct aic_anthropic_request *e, const struct aic_item *item)
{
	const struct aichat_part *part = item->part;
	struct aic_str text = part ? aic_string_str(&part->text) : AIC_STR(AIC_FILLER);

	if (is_cut(e, item)) {
		aic_anthropic_put_text(&e->w, without_end(text));
		return;
	}
	if (!part || item->marked) {
		if (part)
			put_marked(e, text);
		else
			aic_anthropic_put_text(&e->w, text);
		return;
	}
	if (item->raw) {
		aic_json_put_raw(&e->w, aic_string_str(&part->raw));
		return;
	}
	switch (part->type) {
	case AICHAT_PART_TOOL_CALL:
		if (!aic_anthropic_put_tool_use(&e->w, &e->doc, part))
			aic_report_add(e->report,
				       "tool call %s: its arguments are no JSON "
				       "object, sent as {}",
				       part->id ? part->id : "without id");
		break;
	case AICHAT_PART_TOOL_RESULT:
		aic_anthropic_put_result(&e->w, &e->doc, part,
					 aic_anthropic_is_own(e, item->message),
					 e->profile->quirks, e->report);
		break;
	case AICHAT_PART_IMAGE:
	case AICHAT_PART_FILE:
	case AICHAT_PART_AUDIO:
		if (item->side == AIC_SIDE_USER) {
			aic_anthropic_put_media(&e->w, part, e->profile->quirks,
						e->report);
			break;
		}
		aic_report_add(e->report, "%s of an assistant: only mentioned",
			       aichat_part_type_name((int)part->type));
		aic_anthropic_put_text(&e->w, AIC_STR("[media left out]"));
		break;
	default:
		aic_anthropic_put_text(&e->w, text);
	}
}

/* A turn of one plain text is written as a string. */
static bool is_plain(const struct aic_anthropic_request *e, size_t from, size_t to)
{
	const struct aic_item *item = &e->items[from];

	return to - from == 1 && !item->raw && !item->marked &&
	       item->side != AIC_SIDE_SYSTEM &&
	       (!item->part || item->part->type == AICHAT_PART_TEXT);
}

static void put_turn(struct aic_anthropic_request *e, size_t from, size_t to)
{
	static const char *const roles[] = { "user", "assistant", "system" };
	const struct aic_item *first = &e->items[from];

	aic_json_begin(&e->w, '{');
	aic_json_put_member(&e->w, "role", roles[first->side]);
	aic_json_put_key(&e->w, "content");
	if (is_plain(e, from, to)) {
		struct aic_str text = first->part ? aic_string_str(&first->part->text)
						  : AIC_STR(AIC_FILLER);
		aic_json_put_str(&e->w, is_cut(e, first) ? without_end(text) : text);
	} else {
		aic_json_begin(&e->w, '[');
		for (size_t i = from; i < to; i++)
			if (aic_is_result(&e->items[i]))
				put_item(e, &e->items[i]);
		for (size_t i = from; i < to; i++)
			if (!aic_is_result(&e->items[i]))
				put_item(e, &e->items[i]);
		aic_json_end(&e->w, ']');
	}
	aic_json_end(&e->w, '}');
}

void aic_anthropic_put_messages(struct aic_anthropic_request *e)
{
	aic_json_put_key(&e->w, "messages");
	aic_json_begin(&e->w, '[');
	for (size_t from = 0, to; from < e->count; from = to) {
		for (to = from + 1; to < e->count; to++)
			if (e->items[to].side != e->items[from].side)
				break;
		put_turn(e, from, to);
	}
	aic_json_end(&e->w, ']');
}

/* --- the system prompt --- */

/* The prompt's texts, one by one; *at counts messages and parts. NULL when over. */
static const struct aichat_part *next_system(struct aic_anthropic_request *e,
					     size_t *message, size_t *part, bool *ret_raw)
{
	for (; *message < e->leading; ++*message, *part = 0) {
		const struct aichat_message *m = e->request->messages[*message];
		while (*part < m->part_count) {
			const struct aichat_part *p = &m->parts[(*part)++];
			*ret_raw = aic_anthropic_is_raw(e, m, p);
			if (p->type == AICHAT_PART_TEXT &&
			    (*ret_raw ||
			     !aic_anthropic_is_blank(aic_string_str(&p->text))))
				return p;
		}
	}
	return NULL;
}

void aic_anthropic_put_system(struct aic_anthropic_request *e)
{
	bool instruct = e->request->format == AIC_FORMAT_JSON;
	const struct aichat_part *only = NULL;
	size_t message = 0, part = 0, count = 0;
	bool raw, plain = !instruct;

	for (const struct aichat_part *p; (p = next_system(e, &message, &part, &raw));) {
		only = p;
		plain = plain && !raw && count == 0;
		count++;
	}
	if (!count && !instruct)
		return;
	aic_json_put_key(&e->w, "system");
	if (plain) {
		aic_json_put_str(&e->w, aic_string_str(&only->text));
		return;
	}
	aic_json_begin(&e->w, '[');
	message = part = 0;
	for (const struct aichat_part *p; (p = next_system(e, &message, &part, &raw));) {
		if (raw)
			aic_json_put_raw(&e->w, aic_string_str(&p->raw));
		else
			aic_anthropic_put_text(&e->w, aic_string_str(&p->text));
	}
	if (instruct)
		aic_anthropic_put_text(&e->w, AIC_STR(JSON_INSTRUCTION));
	aic_json_end(&e->w, ']');
}
