/*
 * Which blocks a request has: the parts of its messages in order, each with the side that
 * says it. The protocol refuses much that others take, so what goes into the list is
 * already legal: no empty text, instructions where they may stand, a user at the
 * beginning. What cannot be said is left out with a line in the report.
 */

#include "base/mem.h"
#include "dialect/anthropic_request.h"

static int add_item(struct aic_anthropic_request *e, struct aic_item item)
{
	if (!AIC_GROW(e->items, e->count, &e->capacity))
		return AICHAT_ENOMEM;
	e->items[e->count++] = item;
	return 0;
}

/* Whether the raw of this message's parts is in our language and from this provider. */
bool aic_anthropic_is_own(const struct aic_anthropic_request *e,
			  const struct aichat_message *message)
{
	return aic_streq(message->dialect, AIC_ANTHROPIC) &&
	       (!message->provider || aic_streq(message->provider, e->profile->provider));
}

/* A name or an id in raw must still be the part's: a projection may have changed it. */
static bool raw_agrees(const struct aic_json *doc, const struct aichat_part *part)
{
	const char *key = part->type == AICHAT_PART_TOOL_RESULT ? "tool_use_id" : "id";
	int id = aic_json_get(doc, 0, key);

	if (part->type != AICHAT_PART_TOOL_CALL && part->type != AICHAT_PART_TOOL_RESULT)
		return true;
	return part->id && aic_json_equals(doc, id, part->id) &&
	       (!part->name || part->type == AICHAT_PART_TOOL_RESULT ||
		aic_json_equals(doc, aic_json_get(doc, 0, "name"), part->name));
}

/* What raw of a part must be, by its type; NULL: any block. */
static const char *block_type(enum aichat_part_type type)
{
	switch (type) {
	case AICHAT_PART_TEXT:
		return "text";
	case AICHAT_PART_TOOL_CALL:
		return "tool_use";
	case AICHAT_PART_TOOL_RESULT:
		return "tool_result";
	case AICHAT_PART_IMAGE:
		return "image";
	case AICHAT_PART_FILE:
		return "document";
	case AICHAT_PART_COMPACTION:
		return "compaction";
	default:
		return NULL;
	}
}

/* Whether the part's raw can be sent as it is. */
bool aic_anthropic_is_raw(struct aic_anthropic_request *e,
			  const struct aichat_message *message,
			  const struct aichat_part *part)
{
	struct aic_str raw = aic_string_str(&part->raw);

	if (!raw.len || !aic_anthropic_is_own(e, message))
		return false;
	if (part->type == AICHAT_PART_REASONING)
		return aic_anthropic_is_reasoning(
			&e->doc, raw, aic_has_quirk(e, AIC_QUIRK_UNSIGNED_THINKING));
	if (part->type == AICHAT_PART_REFUSAL)
		return false; /* stop_details is no block */
	return aic_anthropic_is_block(&e->doc, raw, block_type(part->type)) &&
	       raw_agrees(&e->doc, part);
}

/* Whether a part without usable raw says something that this protocol can say. */
static bool is_sayable(struct aic_anthropic_request *e,
		       const struct aichat_message *message,
		       const struct aichat_part *part)
{
	switch (part->type) {
	case AICHAT_PART_TEXT:
		return !aic_anthropic_is_blank(aic_string_str(&part->text));
	case AICHAT_PART_TOOL_CALL:
		return message->role == AICHAT_ROLE_ASSISTANT;
	case AICHAT_PART_TOOL_RESULT:
		return message->role != AICHAT_ROLE_ASSISTANT;
	case AICHAT_PART_IMAGE:
	case AICHAT_PART_FILE:
	case AICHAT_PART_AUDIO:
		/* What an assistant made is only told of. */
		return true;
	case AICHAT_PART_REFUSAL:
		/* The provider's explanation was not the model's text. */
		return !(aic_anthropic_is_own(e, message) && part->raw.len) &&
		       !aic_anthropic_is_blank(aic_string_str(&part->text));
	case AICHAT_PART_COMPACTION:
		if (!aic_anthropic_is_blank(aic_string_str(&part->text)))
			return true;
		break;
	case AICHAT_PART_SOURCE:
		return false; /* it came with a text that is sent */
	case AICHAT_PART_REASONING:
		if (!part->text.len && !part->raw.len)
			return false;
		break;
	default:
		break;
	}
	aic_report_add(e->report, "%s: not replayed to %s",
		       aichat_part_type_name((int)part->type),
		       e->profile->provider ? e->profile->provider : "this provider");
	return false;
}

static int add_parts(struct aic_anthropic_request *e,
		     const struct aichat_message *message, enum aic_side side,
		     bool marked)
{
	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		struct aic_item item = { side, message, part,
					 aic_anthropic_is_raw(e, message, part), marked };
		if (!item.raw && !is_sayable(e, message, part))
			continue;
		if (marked || (side == AIC_SIDE_SYSTEM && !item.raw)) {
			/* An instruction is words. */
			if (part->type != AICHAT_PART_TEXT)
				continue;
			item.raw = false;
		}
		e->has_calls = e->has_calls || part->type == AICHAT_PART_TOOL_CALL ||
			       part->type == AICHAT_PART_TOOL_RESULT;
		int code = add_item(e, item);
		if (code < 0)
			return code;
	}
	return 0;
}

static int wait_instruction(struct aic_anthropic_request *e,
			    const struct aichat_message *message)
{
	if (!AIC_GROW(e->waiting, e->waiting_count, &e->waiting_capacity))
		return AICHAT_ENOMEM;
	e->waiting[e->waiting_count++] = message;
	return 0;
}

/* An instruction stands after a user and before an assistant or the end. */
static int place_instructions(struct aic_anthropic_request *e)
{
	bool after_user = e->count && e->items[e->count - 1].side == AIC_SIDE_USER;

	for (size_t i = 0; i < e->waiting_count; i++) {
		int code = add_parts(e, e->waiting[i],
				     after_user ? AIC_SIDE_SYSTEM : AIC_SIDE_USER,
				     !after_user);
		if (code < 0)
			return code;
	}
	e->waiting_count = 0;
	return 0;
}

static int add_message(struct aic_anthropic_request *e,
		       const struct aichat_message *message)
{
	int code;

	switch (message->role) {
	case AICHAT_ROLE_SYSTEM:
		if (aic_has_quirk(e, AIC_QUIRK_SYSTEM_ANYWHERE))
			return wait_instruction(e, message);
		aic_report_add(e->report,
			       "a system message among the turns: sent as a user's");
		return add_parts(e, message, AIC_SIDE_USER, true);
	case AICHAT_ROLE_ASSISTANT:
		code = place_instructions(e);
		return code < 0 ? code : add_parts(e, message, AIC_SIDE_ASSISTANT, false);
	default:
		return add_parts(e, message, AIC_SIDE_USER, false);
	}
}

/* A reply that paused is sent back as it is; any other at the end is a prefill. */
static bool is_refused_prefill(const struct aic_anthropic_request *e)
{
	const struct aic_item *last = &e->items[e->count - 1];

	return aic_has_quirk(e, AIC_QUIRK_NO_PREFILL) &&
	       last->side == AIC_SIDE_ASSISTANT &&
	       last->message->stop_reason != AICHAT_STOP_PAUSE &&
	       (last->part->type == AICHAT_PART_TEXT ||
		last->part->type == AICHAT_PART_REFUSAL ||
		last->part->type == AICHAT_PART_REASONING);
}

int aic_anthropic_collect(struct aic_anthropic_request *e)
{
	const struct aic_request *r = e->request;
	const struct aic_item filler = { .side = AIC_SIDE_USER };
	int code = 0;

	while (e->leading < r->message_count &&
	       r->messages[e->leading]->role == AICHAT_ROLE_SYSTEM)
		e->leading++;
	for (size_t i = e->leading; i < r->message_count && code == 0; i++) {
		size_t before = e->count;
		code = add_message(e, r->messages[i]);
		if (code == 0 && before == 0 && e->count &&
		    e->items[0].side != AIC_SIDE_USER) {
			aic_report_add(e->report,
				       "the first turn is no user's: one was added");
			code = add_item(e, filler);
			memmove(e->items + 1, e->items,
				(e->count - 1) * sizeof(*e->items));
			e->items[0] = filler;
		}
	}
	if (code == 0)
		code = place_instructions(e);
	if (code == 0 && (e->count == 0 || is_refused_prefill(e))) {
		aic_report_add(e->report, "no user's turn at the end: one was added");
		code = add_item(e, filler);
	}
	return code;
}
