/*
 * The content of a reply: blocks to parts, whole ones and those that come in pieces.
 */

#include "base/mem.h"
#include "dialect/anthropic_decode.h"

#define U_FFFD "\xef\xbf\xbd"

/* --- texts --- */

/* A copy that lives as long as this call's events; {NULL, 0} for no memory. */
static struct aic_str keep(struct aic_anthropic_decoder *d, struct aic_str text)
{
	char *copy = aic_arena_get(&d->arena, text.len);

	if (!copy)
		return (struct aic_str){ NULL, 0 };
	if (text.len)
		memcpy(copy, text.data, text.len);
	return (struct aic_str){ copy, text.len };
}

/* A string of doc: in place, or unescaped into the arena. Empty for what is no string. */
struct aic_str aic_anthropic_text(struct aic_anthropic_decoder *d,
				  const struct aic_json *doc, int string)
{
	if (!aic_json_is(doc, string, AIC_JSON_STRING))
		return AIC_STR("");
	struct aic_str raw = aic_json_raw(doc, string);
	if (!doc->tokens[string].escaped)
		return (struct aic_str){ raw.data + 1, raw.len - 2 };
	char *room = aic_arena_get(&d->arena, raw.len + 1);
	if (!room)
		return AIC_STR("");
	/* The text is never longer than its escapes, so the room stays where it is. */
	struct aic_buf text = { .data = room, .capacity = raw.len + 1 };
	aic_json_text(doc, string, &text);
	return aic_buf_str(&text);
}

/*
 * The same for a piece of a stream. Some servers cut between the two escapes of one
 * character; the first half then waits for the next piece.
 */
static struct aic_str piece_of(struct aic_anthropic_decoder *d, struct aic_block *block,
			       int string)
{
	if (!aic_json_is(&d->doc, string, AIC_JSON_STRING))
		return AIC_STR("");
	struct aic_str raw = aic_json_raw(&d->doc, string);
	struct aic_str inside = { raw.data + 1, raw.len - 2 };
	const char *half = d->doc.tokens[string].escaped ? aic_block_half(inside) : NULL;
	if (!half && !block->has_half)
		return aic_anthropic_text(d, &d->doc, string);

	aic_buf_reset(&d->work);
	aic_buf_putc(&d->work, '"');
	if (block->has_half)
		aic_buf_append(&d->work, block->half, sizeof(block->half));
	aic_buf_append(&d->work, inside.data,
		       half ? (size_t)(half - inside.data) : inside.len);
	aic_buf_putc(&d->work, '"');
	block->has_half = half != NULL;
	if (half)
		memcpy(block->half, half, sizeof(block->half));
	if (d->work.error ||
	    aic_json_scan(&d->side, d->work.data, d->work.len, &aic_json_wire) < 0) {
		d->arena.failed = true; /* it was valid before: memory is out */
		return AIC_STR("");
	}
	return keep(d, aic_anthropic_text(d, &d->side, 0));
}

/* --- events --- */

static void add_start(struct aic_events *events, uint32_t index,
		      enum aichat_part_type type, struct aic_str id, struct aic_str name)
{
	struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_PART_START);

	event->index = index;
	event->part_type = type;
	event->id = id;
	event->name = name;
}

static struct aichat_event *add_piece(struct aic_events *events, uint32_t index,
				      enum aichat_part_type type, struct aic_str text)
{
	struct aichat_event *event = aic_events_add(
		events, type == AICHAT_PART_REASONING   ? AICHAT_EVENT_REASONING
			: type == AICHAT_PART_TOOL_CALL ? AICHAT_EVENT_TOOL_CALL
							: AICHAT_EVENT_TEXT);

	event->index = index;
	event->text = text;
	return event;
}

/* The content of a compaction, or nothing: what search and people see of it. */
static struct aic_str compaction_text(struct aic_anthropic_decoder *d,
				      const struct aic_json *doc, int block)
{
	return aic_anthropic_text(d, doc, aic_json_get(doc, block, "content"));
}

/* raw must live as long as the events. */
static int add_end(struct aic_anthropic_decoder *d, struct aic_events *events,
		   uint32_t index, enum aichat_part_type type, struct aic_str raw,
		   struct aic_str text)
{
	struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_PART_END);

	event->index = index;
	event->part_type = type;
	if (type != AICHAT_PART_UNKNOWN && type != AICHAT_PART_COMPACTION) {
		event->raw = raw;
		return 0;
	}
	/* Aligned by hand: the arena knows bytes only. */
	char *room = aic_arena_get(&d->arena, sizeof(struct aichat_part) + 16);
	if (!room)
		return AICHAT_ENOMEM;
	room += -(uintptr_t)room & 15;
	struct aichat_part *part = (struct aichat_part *)(void *)room;
	*part = (struct aichat_part){ .type = type };
	part->raw = (struct aic_string){ (char *)(uintptr_t)raw.data, raw.len, 0 };
	if (text.len)
		part->text = (struct aic_string){ (char *)(uintptr_t)text.data, text.len,
						  0 };
	event->part = part;
	return 0;
}

bool aic_anthropic_is_space(struct aic_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr(" \t\r\n", text.data[i]) || !text.data[i])
			return false;
	return true;
}

/* Calls of servers that give no ids get one that is the same at every reading. */
static struct aic_str made_id(struct aic_anthropic_decoder *d, uint32_t index)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf id = aic_buf(64);

	aic_buf_printf(&id, "call_%u", (unsigned)index);
	return keep(d, aic_buf_str(&id));
}

/* --- a block that is whole --- */

int aic_anthropic_whole_block(struct aic_anthropic_decoder *d, int value,
			      struct aic_events *events)
{
	const struct aic_json *doc = &d->doc;
	enum aic_block_kind kind = aic_block_kind(doc, value);
	enum aichat_part_type type = aic_block_part(kind);
	struct aic_str id = { 0 }, name = { 0 }, text = { 0 };
	struct aic_str raw = aic_json_raw(doc, value);
	bool keep_raw = true;
	int input;

	if (!aic_json_is(doc, value, AIC_JSON_OBJECT))
		return 0;
	if (d->parts >= AIC_PARTS_MAX)
		return AICHAT_ETOOLARGE;
	uint32_t index = d->parts++;
	switch (kind) {
	case AIC_BLOCK_TEXT:
		text = aic_anthropic_text(d, doc, aic_json_get(doc, value, "text"));
		keep_raw = aic_block_has_extra(doc, value, kind);
		break;
	case AIC_BLOCK_THINKING:
		text = aic_anthropic_text(d, doc, aic_json_get(doc, value, "thinking"));
		keep_raw = aic_block_is_signed(doc, value) ||
			   (d->base.profile.quirks & AIC_QUIRK_UNSIGNED_THINKING);
		break;
	case AIC_BLOCK_TOOL_USE:
		id = aic_anthropic_text(d, doc, aic_json_get(doc, value, "id"));
		name = aic_anthropic_text(d, doc, aic_json_get(doc, value, "name"));
		if (!id.len)
			id = made_id(d, index);
		input = aic_json_get_set(doc, value, "input");
		text = aic_json_is(doc, input, AIC_JSON_STRING)
			       ? aic_anthropic_text(d, doc, input)
			       : aic_json_raw(doc, input);
		if (aic_anthropic_is_space(text))
			text = AIC_STR("{}");
		keep_raw = aic_block_has_extra(doc, value, kind);
		break;
	case AIC_BLOCK_COMPACTION:
		text = compaction_text(d, doc, value);
		break;
	default:
		break;
	}
	add_start(events, index, type, id, name);
	if (text.len && type != AICHAT_PART_COMPACTION) {
		struct aichat_event *event = add_piece(events, index, type, text);
		event->id = id;
		event->name = name;
	}
	return add_end(d, events, index, type, keep_raw ? raw : (struct aic_str){ 0 },
		       text);
}

/* --- blocks of a stream --- */

/* A piece of a block's text: remembered for the block's raw, and told. */
static int add_text(struct aic_block *block, struct aic_str text,
		    struct aic_events *events)
{
	enum aichat_part_type type = aic_block_part(block->kind);

	if (!text.len)
		return 0;
	if (aic_buf_append(&block->text, text.data, text.len) < 0)
		return block->text.error;
	if (type != AICHAT_PART_TEXT && type != AICHAT_PART_REASONING &&
	    type != AICHAT_PART_TOOL_CALL)
		return 0;
	struct aichat_event *event = add_piece(events, block->index, type, text);
	if (type == AICHAT_PART_TOOL_CALL) {
		event->id = aic_buf_str(&block->id);
		event->name = aic_buf_str(&block->name);
	}
	return 0;
}

static int end_block(struct aic_anthropic_decoder *d, struct aic_block *block,
		     struct aic_events *events)
{
	bool unsigned_too = d->base.profile.quirks & AIC_QUIRK_UNSIGNED_THINKING;
	enum aichat_part_type type = aic_block_part(block->kind);
	struct aic_str text = { 0 };
	int code = 0;

	block->open = false;
	if (block->has_half) {
		block->has_half = false;
		code = add_text(block, AIC_STR(U_FFFD), events);
	}
	if (block->kind == AIC_BLOCK_TOOL_USE &&
	    aic_anthropic_is_space(aic_buf_str(&block->text)))
		code = add_text(block,
				block->more.len ? keep(d, aic_buf_str(&block->more))
						: AIC_STR("{}"),
				events);
	aic_buf_reset(&d->work);
	if (code == 0)
		code = aic_block_raw(block, &d->side, unsigned_too, &d->work);
	if (code < 0)
		return code;
	struct aic_str raw = d->work.len ? keep(d, aic_buf_str(&d->work))
					 : (struct aic_str){ 0 };
	if (d->work.len && !raw.data)
		return AICHAT_ENOMEM;
	if (block->kind == AIC_BLOCK_COMPACTION) {
		code = aic_json_scan(&d->side, raw.data, raw.len, &aic_json_wire);
		if (code < 0)
			return code;
		text = compaction_text(d, &d->side, 0);
	}
	return add_end(d, events, block->index, type, raw, text);
}

static struct aic_block *find_block(struct aic_anthropic_decoder *d, int64_t number)
{
	for (size_t i = 0; i < d->block_count; i++)
		if (d->blocks[i].open && d->blocks[i].number == number)
			return &d->blocks[i];
	return NULL;
}

/* The block that an event is about: by its index, else the one that was started last. */
static struct aic_block *block_of(struct aic_anthropic_decoder *d)
{
	int64_t number;

	if (aic_json_int(&d->doc, aic_json_get(&d->doc, 0, "index"), &number))
		return find_block(d, number);
	if (d->last < d->block_count && d->blocks[d->last].open)
		return &d->blocks[d->last];
	return NULL;
}

/* A slot for a new block; not `busy`, whose texts this call's events still show. */
static struct aic_block *free_slot(struct aic_anthropic_decoder *d, size_t busy)
{
	size_t at = 0;

	while (at < d->block_count && (d->blocks[at].open || at == busy))
		at++;
	if (at == d->block_count) {
		if (!AIC_GROW(d->blocks, d->block_count, &d->block_capacity))
			return NULL;
		d->blocks[d->block_count++] = (struct aic_block){ 0 };
	}
	d->last = at;
	return &d->blocks[at];
}

int aic_anthropic_block_start(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	int value = aic_json_get(&d->doc, 0, "content_block");
	int64_t number = d->started;
	size_t busy = SIZE_MAX;
	int code;

	if (!aic_json_is(&d->doc, value, AIC_JSON_OBJECT))
		return 0;
	aic_json_int(&d->doc, aic_json_get(&d->doc, 0, "index"), &number);
	struct aic_block *block = find_block(d, number);
	if (block) { /* its stop was left out */
		busy = (size_t)(block - d->blocks);
		code = end_block(d, block, events);
		if (code < 0)
			return code;
	}
	if (d->parts >= AIC_PARTS_MAX)
		return AICHAT_ETOOLARGE;
	block = free_slot(d, busy);
	if (!block)
		return AICHAT_ENOMEM;
	code = aic_block_begin(block, &d->doc, value);
	if (code < 0)
		return code;
	block->open = true;
	block->number = number;
	block->index = d->parts++;
	d->started++;
	if (block->kind == AIC_BLOCK_TOOL_USE && !block->id.len)
		aic_buf_printf(&block->id, "call_%u", (unsigned)block->index);
	if (block->id.error)
		return block->id.error;
	bool call = block->kind == AIC_BLOCK_TOOL_USE;
	add_start(events, block->index, aic_block_part(block->kind),
		  call ? aic_buf_str(&block->id) : (struct aic_str){ 0 },
		  call ? aic_buf_str(&block->name) : (struct aic_str){ 0 });
	const char *key = block->kind == AIC_BLOCK_TEXT       ? "text"
			  : block->kind == AIC_BLOCK_THINKING ? "thinking"
							      : NULL;
	if (!key)
		return 0;
	return add_text(block, piece_of(d, block, aic_json_get(&d->doc, value, key)),
			events);
}

/* What a delta adds to the block's text; no string where it adds to something else. */
static int delta_text(const struct aic_json *doc, int delta, enum aic_block_kind kind)
{
	int type = aic_json_get(doc, delta, "type");

	switch (kind) {
	case AIC_BLOCK_TEXT:
		return aic_json_equals(doc, type, "text_delta")
			       ? aic_json_get(doc, delta, "text")
			       : AIC_JSON_NONE;
	case AIC_BLOCK_THINKING:
		return aic_json_equals(doc, type, "thinking_delta")
			       ? aic_json_get(doc, delta, "thinking")
			       : AIC_JSON_NONE;
	default:
		return aic_json_equals(doc, type, "input_json_delta")
			       ? aic_json_get(doc, delta, "partial_json")
			       : AIC_JSON_NONE;
	}
}

int aic_anthropic_block_delta(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	struct aic_block *block = block_of(d);
	int delta = aic_json_get(&d->doc, 0, "delta");

	if (!block)
		return 0;
	int text = delta_text(&d->doc, delta, block->kind);
	if (text >= 0)
		return add_text(block, piece_of(d, block, text), events);
	return aic_block_delta(block, &d->doc, delta);
}

int aic_anthropic_block_stop(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	struct aic_block *block = block_of(d);

	return block ? end_block(d, block, events) : 0;
}

/* Why it refused is no block of theirs, but a part of ours. */
static int add_refusal(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	if (!d->refusal.len || d->parts >= AIC_PARTS_MAX)
		return 0;
	struct aic_str raw = keep(d, aic_buf_str(&d->refusal));
	aic_buf_reset(&d->refusal);
	if (!raw.data)
		return AICHAT_ENOMEM;
	int code = aic_json_scan(&d->side, raw.data, raw.len, &aic_json_wire);
	if (code < 0)
		return code;
	uint32_t index = d->parts++;
	struct aic_str text = aic_anthropic_text(
		d, &d->side, aic_json_get(&d->side, 0, "explanation"));
	add_start(events, index, AICHAT_PART_REFUSAL, (struct aic_str){ 0 },
		  (struct aic_str){ 0 });
	if (text.len)
		add_piece(events, index, AICHAT_PART_REFUSAL, text);
	return add_end(d, events, index, AICHAT_PART_REFUSAL, raw, (struct aic_str){ 0 });
}

/* In the order of their starts. */
int aic_anthropic_close(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	for (;;) {
		struct aic_block *first = NULL;
		for (size_t i = 0; i < d->block_count; i++)
			if (d->blocks[i].open &&
			    (!first || d->blocks[i].index < first->index))
				first = &d->blocks[i];
		if (!first)
			return add_refusal(d, events);
		int code = end_block(d, first, events);
		if (code < 0)
			return code;
	}
}
