/*
 * Writing replies in the Messages protocol for a caller, as a stream.
 *
 * Callers count on blocks that do not overlap, so one is open at a time: parts queue in
 * the order in which they began, and what comes for a later one waits until those before
 * it have ended. A block opens with its first content, so that a part that stays empty
 * leaves no trace. The stop reason and the final usage go out with the reply's last
 * event.
 */

#include "base/mem.h"
#include "dialect/anthropic_encode.h"
#include "model/builder.h"

struct aic_encoder *aic_anthropic_encoder_new(const struct aic_encoder_config *config)
{
	struct aic_anthropic_encoder *e = aic_new(struct aic_anthropic_encoder);

	if (!e)
		return NULL;
	e->base.dialect = &aic_dialect_anthropic_messages;
	e->base.config = *config;
	e->usage = AIC_USAGE_UNKNOWN;
	return &e->base;
}

static void slot_done(struct aic_slot *slot)
{
	aic_buf_done(&slot->text);
	aic_buf_done(&slot->raw);
	aic_buf_done(&slot->id);
	aic_buf_done(&slot->name);
}

void aic_anthropic_encoder_free(struct aic_encoder *encoder)
{
	struct aic_anthropic_encoder *e = (struct aic_anthropic_encoder *)encoder;

	if (!e)
		return;
	/* Slots keep their memory for the next block, so all of them are gone through. */
	for (size_t i = 0; i < e->slot_capacity; i++)
		slot_done(&e->slots[i]);
	aic_free(e->slots);
	aic_free(e->told);
	aic_json_done(&e->doc);
	aic_buf_done(&e->stop_word);
	aic_buf_done(&e->stop_sequence);
	aic_buf_done(&e->refusal);
	aic_free(e);
}

/* --- parts --- */

/* Until the name is known a call cannot be opened; a refusal's end tells what it is. */
static bool is_writable(const struct aic_slot *slot)
{
	switch (slot->type) {
	case AICHAT_PART_TEXT:
	case AICHAT_PART_REASONING:
		return true;
	case AICHAT_PART_TOOL_CALL:
		return slot->opened || slot->name.len > 0;
	default:
		return false;
	}
}

/* Write what has waited for the first slot, and go on to the next when that has ended. */
static void pump(struct aic_anthropic_encoder *e, struct aic_buf *out)
{
	while (e->slot_count > 0) {
		struct aic_slot *slot = &e->slots[0];
		if (is_writable(slot) ||
		    (slot->ended && slot->type == AICHAT_PART_TOOL_CALL)) {
			aic_anthropic_put_piece(e, slot, aic_buf_str(&slot->text), out);
			aic_buf_reset(&slot->text);
		}
		if (!slot->ended)
			return;
		aic_anthropic_put_end(e, slot, aic_buf_str(&slot->raw), out);
		/* The spent slot goes behind the others, with its memory. */
		struct aic_slot spent = *slot;
		e->slot_count--;
		memmove(e->slots, e->slots + 1, e->slot_count * sizeof(*e->slots));
		e->slots[e->slot_count] = spent;
	}
}

static struct aic_slot *find_slot(struct aic_anthropic_encoder *e, uint32_t index)
{
	for (size_t i = 0; i < e->slot_count; i++)
		if (e->slots[i].index == index && !e->slots[i].ended)
			return &e->slots[i];
	return NULL;
}

static struct aic_slot *add_slot(struct aic_anthropic_encoder *e, uint32_t index,
				 enum aichat_part_type type)
{
	size_t before = e->slot_capacity;

	if (e->slot_count >= AIC_PARTS_MAX) {
		e->error = AICHAT_ETOOLARGE;
		return NULL;
	}
	if (!AIC_GROW(e->slots, e->slot_count, &e->slot_capacity)) {
		e->error = AICHAT_ENOMEM;
		return NULL;
	}
	memset(e->slots + before, 0, (e->slot_capacity - before) * sizeof(*e->slots));
	struct aic_slot *slot = &e->slots[e->slot_count++];
	slot->index = index;
	slot->type = type;
	slot->opened = slot->ended = false;
	aic_buf_reset(&slot->text);
	aic_buf_reset(&slot->raw);
	aic_buf_reset(&slot->id);
	aic_buf_reset(&slot->name);
	return slot;
}

static void set_names(struct aic_anthropic_encoder *e, struct aic_slot *slot,
		      struct aic_str id, struct aic_str name)
{
	if (id.len && !slot->id.len)
		aic_anthropic_store(e, &slot->id, id);
	if (name.len && !slot->name.len)
		aic_anthropic_store(e, &slot->name, name);
}

static void part_start(struct aic_anthropic_encoder *e, const struct aichat_event *event,
		       struct aic_buf *out)
{
	struct aic_slot *slot = find_slot(e, event->index);

	if (!slot)
		slot = add_slot(e, event->index, event->part_type);
	if (!slot)
		return;
	set_names(e, slot, event->id, event->name);
	if (slot == e->slots && slot->type == AICHAT_PART_TOOL_CALL && slot->name.len)
		aic_anthropic_open_block(e, slot, out);
}

static void piece(struct aic_anthropic_encoder *e, const struct aichat_event *event,
		  struct aic_buf *out)
{
	struct aic_slot *slot = find_slot(e, event->index);

	if (!slot)
		slot = add_slot(
			e, event->index,
			event->type == AICHAT_EVENT_REASONING   ? AICHAT_PART_REASONING
			: event->type == AICHAT_EVENT_TOOL_CALL ? AICHAT_PART_TOOL_CALL
								: AICHAT_PART_TEXT);
	if (!slot)
		return;
	if (event->type == AICHAT_EVENT_TOOL_CALL)
		set_names(e, slot, event->id, event->name);
	if (slot == e->slots && is_writable(slot) && !slot->text.len) {
		aic_anthropic_put_piece(e, slot, event->text, out);
		return;
	}
	if (aic_buf_append(&slot->text, event->text.data, event->text.len) < 0)
		e->error = slot->text.error;
	pump(e, out);
}

static void part_end(struct aic_anthropic_encoder *e, const struct aichat_event *event,
		     struct aic_buf *out)
{
	const struct aichat_part *part = event->part;
	struct aic_slot *slot = find_slot(e, event->index);

	if (!slot)
		return;
	slot->ended = true;
	aic_anthropic_store(e, &slot->raw,
			    part && !event->raw.len ? aic_string_str(&part->raw)
						    : event->raw);
	if (part) {
		set_names(e, slot, aic_str(part->id), aic_str(part->name));
		/* Pieces that went out stay; without any, the whole is what there is. */
		if (!slot->opened && !slot->text.len)
			aic_anthropic_store(e, &slot->text, aic_string_str(&part->text));
	}
	pump(e, out);
}

static void end_parts(struct aic_anthropic_encoder *e, struct aic_buf *out)
{
	for (size_t i = 0; i < e->slot_count; i++)
		e->slots[i].ended = true;
	pump(e, out);
}

/* --- the end --- */

static void take_stop(struct aic_anthropic_encoder *e, enum aichat_stop_reason reason,
		      struct aic_str word, struct aic_str sequence)
{
	e->stop_reason = reason;
	aic_anthropic_store(e, &e->stop_word, word);
	aic_anthropic_store(e, &e->stop_sequence, sequence);
}

static void take_message(struct aic_anthropic_encoder *e,
			 const struct aichat_message *message)
{
	if (message->stop_reason)
		take_stop(e, message->stop_reason, aic_str(message->stop_word),
			  aic_str(message->stop_sequence));
	if (aic_usage_is_set(&message->usage))
		e->usage = message->usage;
}

/* --- what is out already --- */

static void encode(struct aic_anthropic_encoder *e, const struct aichat_event *event,
		   struct aic_buf *out);

/* The count for a part, zero when it is new; NULL past the limit and without memory. */
static struct aic_told *told_of(struct aic_anthropic_encoder *e, uint32_t index)
{
	if (index >= AIC_PARTS_MAX) {
		e->error = AICHAT_ETOOLARGE;
		return NULL;
	}
	while (e->told_count <= index) {
		if (!AIC_GROW(e->told, e->told_count, &e->told_capacity)) {
			e->error = AICHAT_ENOMEM;
			return NULL;
		}
		e->told[e->told_count++] = (struct aic_told){ 0 };
	}
	return &e->told[index];
}

/* Of an event of a snapshot, what is new; false for nothing. */
static bool is_news(struct aic_anthropic_encoder *e, struct aichat_event *event)
{
	struct aic_told *told;

	switch (event->type) {
	case AICHAT_EVENT_PART_START:
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
	case AICHAT_EVENT_PART_END:
		break;
	default:
		return true;
	}
	told = told_of(e, event->index);
	if (!told || told->ended)
		return false;
	if (event->type == AICHAT_EVENT_PART_START)
		return !told->begun;
	if (event->type == AICHAT_EVENT_PART_END)
		return true;
	size_t known = AIC_MIN(told->bytes, event->text.len);
	event->text.data += known;
	event->text.len -= known;
	return event->text.len > 0;
}

/*
 * A snapshot repeats all that came; what is out stays, the rest is added. While the
 * message is open its last part may go on, and so may a call whose arguments are not
 * whole.
 */
static bool may_go_on(struct aic_anthropic_encoder *e,
		      const struct aichat_message *message, uint32_t index)
{
	const struct aichat_part *part = &message->parts[index];

	if (message->state != AICHAT_MESSAGE_OPEN)
		return false;
	return index + 1 == message->part_count ||
	       (part->type == AICHAT_PART_TOOL_CALL &&
		aic_json_scan(&e->doc, part->text.data, part->text.len, &aic_json_wire) <
			0);
}

static void snapshot(struct aic_anthropic_encoder *e,
		     const struct aichat_message *message, struct aic_buf *out)
{
	AIC_CLEANUP(aic_events_done) struct aic_events events = { 0 };

	if (!message)
		return;
	e->error = aic_builder_events(message, &events);
	for (size_t i = 0; i < events.count && !e->error; i++) {
		struct aichat_event *event = &events.items[i];
		bool end = event->type == AICHAT_EVENT_PART_END;
		if (event->type == AICHAT_EVENT_MESSAGE &&
		    message->state == AICHAT_MESSAGE_OPEN)
			continue;
		if (end && may_go_on(e, message, event->index))
			continue;
		if (is_news(e, event) && !e->error)
			encode(e, event, out);
	}
}

/* Count what goes out, for a snapshot that repeats it. */
static void note(struct aic_anthropic_encoder *e, const struct aichat_event *event)
{
	struct aic_told *told = told_of(e, event->index);

	if (!told)
		return;
	told->begun = true;
	told->bytes += event->text.len;
	told->ended = event->type == AICHAT_EVENT_PART_END;
}

static void encode(struct aic_anthropic_encoder *e, const struct aichat_event *event,
		   struct aic_buf *out)
{
	switch (event->type) {
	case AICHAT_EVENT_PART_START:
		note(e, event);
		part_start(e, event, out);
		break;
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
		note(e, event);
		piece(e, event, out);
		break;
	case AICHAT_EVENT_PART_END:
		note(e, event);
		part_end(e, event, out);
		break;
	case AICHAT_EVENT_USAGE:
		e->usage = event->usage;
		break;
	case AICHAT_EVENT_MESSAGE:
		end_parts(e, out);
		e->told_count = 0; /* another message counts its parts anew */
		if (event->stop_reason)
			take_stop(e, event->stop_reason, event->stop_word,
				  event->stop_sequence);
		if (event->message)
			take_message(e, event->message);
		break;
	case AICHAT_EVENT_SNAPSHOT:
		snapshot(e, event->message, out);
		break;
	case AICHAT_EVENT_DONE:
		if (event->message && !e->stop_reason)
			take_message(e, event->message);
		end_parts(e, out);
		aic_anthropic_put_done(e, out);
		break;
	default:
		break;
	}
}

int aic_anthropic_encode_event(struct aic_encoder *encoder,
			       const struct aichat_event *event, struct aic_buf *out)
{
	struct aic_anthropic_encoder *e = (struct aic_anthropic_encoder *)encoder;

	if (e->error || e->over || event->choice > 0)
		return e->error;
	if (event->type == AICHAT_EVENT_ERROR) {
		aic_anthropic_fail(e, event->error, out);
	} else if (event->type == AICHAT_EVENT_RETRY) {
		if (e->begun)
			aic_buf_puts(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
	} else {
		if (event->type == AICHAT_EVENT_USAGE)
			e->usage =
				event->usage; /* if it comes first, the start tells it */
		aic_anthropic_put_start(e, out);
		encode(e, event, out);
	}
	if (!e->error)
		e->error = out->error;
	return e->error;
}
