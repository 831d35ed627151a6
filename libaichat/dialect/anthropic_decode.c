/*
 * Reading replies of the Messages protocol: its stream events and its whole messages.
 *
 * A stream is message_start, blocks (start, deltas, stop), message_delta with the stop
 * reason and cumulative usage, and message_stop, which alone says that the reply is
 * whole: in all recorded traffic it comes, or an error does. Unknown events, deltas and
 * blocks are normal. An error may come at any place and ends the stream.
 *
 * Texts in events point into the data, the arena (until the next call), or the block.
 */

#include "base/mem.h"
#include "dialect/anthropic.h"
#include "dialect/anthropic_block.h"

#define U_FFFD "\xef\xbf\xbd"

/* The provider's figures as it counts them. */
struct figures {
	int64_t input, written, cached, output, thinking;
};

struct decoder {
	struct aic_decoder base;
	struct aic_json doc;  /* the event, or the whole reply */
	struct aic_json side; /* a second text while the first is in use */
	struct aic_arena arena;
	struct aic_buf work;
	struct aic_block *blocks; /* slots; a closed one is used again */
	size_t block_count, block_capacity;
	size_t last;     /* the slot that was started last */
	uint32_t parts;  /* started so far */
	int64_t started; /* blocks started so far, for starts without an index */
	struct figures figures;
	struct aic_buf stop_word, stop_sequence;
	struct aic_buf refusal; /* stop_details, byte for byte */
	bool begun;             /* message_start came */
	bool stopped;           /* message_stop came */
};

struct aic_decoder *aic_anthropic_decoder_new(const struct aic_profile *profile)
{
	struct decoder *d = aic_new(struct decoder);

	if (!d)
		return NULL;
	d->base.dialect = &aic_dialect_anthropic_messages;
	if (profile)
		d->base.profile = *profile;
	d->figures = (struct figures){ -1, -1, -1, -1, -1 };
	return &d->base;
}

void aic_anthropic_decoder_free(struct aic_decoder *decoder)
{
	struct decoder *d = (struct decoder *)decoder;

	if (!d)
		return;
	for (size_t i = 0; i < d->block_count; i++)
		aic_block_done(&d->blocks[i]);
	aic_free(d->blocks);
	aic_json_done(&d->doc);
	aic_json_done(&d->side);
	aic_arena_done(&d->arena);
	aic_buf_done(&d->work);
	aic_buf_done(&d->stop_word);
	aic_buf_done(&d->stop_sequence);
	aic_buf_done(&d->refusal);
	aic_free(d->base.model);
	aic_free(d->base.response_id);
	aichat_error_unref(d->base.error);
	aic_free(d);
}

/* --- texts ---------------------------------------------------------------------------
 */

/* A copy that lives as long as this call's events; {NULL, 0} for no memory. */
static struct aic_str keep(struct decoder *d, struct aic_str text)
{
	char *copy = aic_arena_get(&d->arena, text.len);

	if (!copy)
		return (struct aic_str){ NULL, 0 };
	if (text.len)
		memcpy(copy, text.data, text.len);
	return (struct aic_str){ copy, text.len };
}

/* A string of doc: in place, or unescaped into the arena. Empty for what is no string. */
static struct aic_str text_of(struct decoder *d, const struct aic_json *doc, int string)
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
static struct aic_str piece_of(struct decoder *d, struct aic_block *block, int string)
{
	if (!aic_json_is(&d->doc, string, AIC_JSON_STRING))
		return AIC_STR("");
	struct aic_str raw = aic_json_raw(&d->doc, string);
	struct aic_str inside = { raw.data + 1, raw.len - 2 };
	const char *half = d->doc.tokens[string].escaped ? aic_block_half(inside) : NULL;
	if (!half && !block->has_half)
		return text_of(d, &d->doc, string);

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
	return keep(d, text_of(d, &d->side, 0));
}

/* The text into a buffer that outlives the call. */
static int store(struct aic_buf *to, const struct aic_json *doc, int string)
{
	aic_buf_reset(to);
	aic_json_text(doc, string, to);
	return to->error;
}

static int store_name(char **to, const struct aic_json *doc, int string)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(4096);

	if (*to || !aic_json_is(doc, string, AIC_JSON_STRING))
		return 0;
	if (aic_json_text(doc, string, &text) < 0)
		return text.error == AICHAT_ENOMEM ? AICHAT_ENOMEM : 0;
	*to = aic_buf_take(&text, NULL);
	return *to ? 0 : AICHAT_ENOMEM;
}

/* --- events --------------------------------------------------------------------------
 */

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
static struct aic_str compaction_text(struct decoder *d, const struct aic_json *doc,
				      int block)
{
	return text_of(d, doc, aic_json_get(doc, block, "content"));
}

/* raw must live as long as the events. */
static int add_end(struct decoder *d, struct aic_events *events, uint32_t index,
		   enum aichat_part_type type, struct aic_str raw, struct aic_str text)
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

static bool is_blank(struct aic_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr(" \t\r\n", text.data[i]) || !text.data[i])
			return false;
	return true;
}

/* Calls of servers that give no ids get one that is the same at every reading. */
static struct aic_str made_id(struct decoder *d, uint32_t index)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf id = aic_buf(64);

	aic_buf_printf(&id, "call_%u", (unsigned)index);
	return keep(d, aic_buf_str(&id));
}

/* --- a block that is whole
 * -------------------------------------------------------------- */

static int whole_block(struct decoder *d, int value, struct aic_events *events)
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
		text = text_of(d, doc, aic_json_get(doc, value, "text"));
		keep_raw = aic_block_has_extra(doc, value, kind);
		break;
	case AIC_BLOCK_THINKING:
		text = text_of(d, doc, aic_json_get(doc, value, "thinking"));
		keep_raw = aic_block_is_signed(doc, value) ||
			   (d->base.profile.quirks & AIC_QUIRK_UNSIGNED_THINKING);
		break;
	case AIC_BLOCK_TOOL_USE:
		id = text_of(d, doc, aic_json_get(doc, value, "id"));
		name = text_of(d, doc, aic_json_get(doc, value, "name"));
		if (!id.len)
			id = made_id(d, index);
		input = aic_json_get_set(doc, value, "input");
		text = aic_json_is(doc, input, AIC_JSON_STRING)
			       ? text_of(d, doc, input)
			       : aic_json_raw(doc, input);
		if (is_blank(text))
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

/* --- blocks of a stream
 * ------------------------------------------------------------------ */

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

static int end_block(struct decoder *d, struct aic_block *block,
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
	if (block->kind == AIC_BLOCK_TOOL_USE && is_blank(aic_buf_str(&block->text)))
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

static struct aic_block *find_block(struct decoder *d, int64_t number)
{
	for (size_t i = 0; i < d->block_count; i++)
		if (d->blocks[i].open && d->blocks[i].number == number)
			return &d->blocks[i];
	return NULL;
}

/* The block that an event is about: by its index, else the one that was started last. */
static struct aic_block *block_of(struct decoder *d)
{
	int64_t number;

	if (aic_json_int(&d->doc, aic_json_get(&d->doc, 0, "index"), &number))
		return find_block(d, number);
	if (d->last < d->block_count && d->blocks[d->last].open)
		return &d->blocks[d->last];
	return NULL;
}

/* A slot for a new block; not `busy`, whose texts this call's events still show. */
static struct aic_block *free_slot(struct decoder *d, size_t busy)
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

static int start_block(struct decoder *d, struct aic_events *events)
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

static int block_delta(struct decoder *d, struct aic_events *events)
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

/* --- usage and the end
 * ------------------------------------------------------------------- */

static void overwrite(const struct aic_json *doc, int value, int64_t *figure)
{
	int64_t count = aic_count_read(doc, value);

	if (count >= 0)
		*figure = count;
}

static int64_t add_up(int64_t sum, int64_t figure)
{
	return figure > 0 && sum <= INT64_MAX - figure ? sum + figure : sum;
}

/* Figures are cumulative: each that is there replaces the one before. */
static void read_usage(struct decoder *d, int usage, struct aic_events *events)
{
	struct figures *f = &d->figures;
	const struct aic_json *doc = &d->doc;

	if (!aic_json_is(doc, usage, AIC_JSON_OBJECT))
		return;
	overwrite(doc, aic_json_get(doc, usage, "input_tokens"), &f->input);
	overwrite(doc, aic_json_get(doc, usage, "cache_creation_input_tokens"),
		  &f->written);
	overwrite(doc, aic_json_get(doc, usage, "cache_read_input_tokens"), &f->cached);
	overwrite(doc, aic_json_get(doc, usage, "output_tokens"), &f->output);
	overwrite(doc,
		  aic_json_get(doc, aic_json_get(doc, usage, "output_tokens_details"),
			       "thinking_tokens"),
		  &f->thinking);
	struct aic_usage sum = {
		.input = f->input < 0 ? -1
				      : add_up(add_up(f->input, f->written), f->cached),
		.cached = f->cached,
		.cache_write = f->written,
		.output = f->output,
		.reasoning = f->thinking,
	};
	if (sum.input >= 0 || sum.cached >= 0 || sum.cache_write >= 0 ||
	    sum.output >= 0 || sum.reasoning >= 0)
		aic_events_add(events, AICHAT_EVENT_USAGE)->usage = sum;
}

/* The members of message_delta's delta, or of a whole message. */
static int read_stop(struct decoder *d, int from)
{
	const struct aic_json *doc = &d->doc;
	int word = aic_json_get_set(doc, from, "stop_reason");
	int sequence = aic_json_get_set(doc, from, "stop_sequence");
	int details = aic_json_get_set(doc, from, "stop_details");
	int code = 0;

	if (word >= 0)
		code = store(&d->stop_word, doc, word);
	if (code == 0 && sequence >= 0)
		code = store(&d->stop_sequence, doc, sequence);
	if (code == 0 &&
	    aic_json_equals(doc, aic_json_get(doc, details, "type"), "refusal")) {
		struct aic_str raw = aic_json_raw(doc, details);
		aic_buf_reset(&d->refusal);
		code = aic_buf_append(&d->refusal, raw.data, raw.len);
	}
	return code;
}

/* Why it refused is no block of theirs, but a part of ours. */
static int add_refusal(struct decoder *d, struct aic_events *events)
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
	struct aic_str text = text_of(d, &d->side,
				      aic_json_get(&d->side, 0, "explanation"));
	add_start(events, index, AICHAT_PART_REFUSAL, (struct aic_str){ 0 },
		  (struct aic_str){ 0 });
	if (text.len)
		add_piece(events, index, AICHAT_PART_REFUSAL, text);
	return add_end(d, events, index, AICHAT_PART_REFUSAL, raw, (struct aic_str){ 0 });
}

/* In the order of their starts. */
static int close_all(struct decoder *d, struct aic_events *events)
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

static int finish(struct decoder *d, struct aic_events *events)
{
	int code = close_all(d, events);

	if (code < 0)
		return code;
	d->stopped = true;
	d->base.finished = d->base.error == NULL;
	struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_MESSAGE);
	event->stop_reason = aic_anthropic_stop(aic_buf_str(&d->stop_word));
	if (d->stop_word.len)
		event->stop_word = aic_buf_str(&d->stop_word);
	if (d->stop_sequence.len)
		event->stop_sequence = aic_buf_str(&d->stop_sequence);
	return AIC_DECODED_END;
}

/* --- the calls
 * --------------------------------------------------------------------------- */

/* A failure of the decoder itself; memory that is out needs no words. */
static int fail(struct decoder *d, int code, const char *why)
{
	d->base.finished = false;
	if (!d->base.error && code != AICHAT_ENOMEM)
		aic_error_set(&d->base.error, code, "%s", why);
	return code;
}

/* What the provider reports; doc is what it said, or text that is no JSON. */
static int provider_error(struct decoder *d, bool is_json, struct aic_str data)
{
	struct aic_failure failure = { .code = AICHAT_EPROVIDER };

	d->base.finished = false;
	d->stopped = true;
	if (d->base.error)
		return AIC_DECODED_END;
	if (is_json)
		aic_failure_read(&d->doc, 0, 0, &failure);
	if (!failure.message)
		failure.message = aic_excerpt(data, 300);
	aic_failure_report(&failure, &d->base.error);
	aic_failure_done(&failure);
	return AIC_DECODED_END;
}

static int scan(struct decoder *d, struct aic_str data, const char *what)
{
	int code = aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire);

	if (code >= 0 || code == AICHAT_ENOMEM)
		return code;
	/* Bad JSON of a provider is not the caller's bad JSON. */
	if (code == AICHAT_EJSON)
		code = AICHAT_EPROTOCOL;
	d->base.finished = false;
	if (!d->base.error)
		aic_json_scan_error(&d->doc, code, what, &d->base.error);
	return code;
}

static int result(struct decoder *d, const struct aic_events *events, int code)
{
	if (events->failed || d->arena.failed)
		code = AICHAT_ENOMEM;
	if (code >= 0)
		return code;
	return fail(d, code,
		    code == AICHAT_ETOOLARGE ? "the reply is larger than the limit"
					     : "the provider's event makes no sense");
}

static int message_start(struct decoder *d, struct aic_events *events)
{
	int message = aic_json_get(&d->doc, 0, "message");
	int code = 0;

	if (d->begun)
		return AIC_DECODED_NOTHING;
	d->begun = true;
	if (store_name(&d->base.model, &d->doc, aic_json_get(&d->doc, message, "model")) <
		    0 ||
	    store_name(&d->base.response_id, &d->doc,
		       aic_json_get(&d->doc, message, "id")) < 0)
		return AICHAT_ENOMEM;
	int content = aic_json_get(&d->doc, message, "content");
	if (aic_json_is(&d->doc, content, AIC_JSON_ARRAY))
		for (int v = aic_json_first(&d->doc, content); v >= 0 && code == 0;
		     v = aic_json_next(&d->doc, content, v))
			code = whole_block(d, v, events);
	read_usage(d, aic_json_get(&d->doc, message, "usage"), events);
	return code < 0 ? code : AIC_DECODED_PROGRESS;
}

static int dispatch(struct decoder *d, struct aic_str type, struct aic_events *events)
{
	int code;

	if (AIC_KEY_IS(type, "message_start"))
		return message_start(d, events);
	if (!d->begun)
		return AIC_DECODED_NOTHING;
	if (AIC_KEY_IS(type, "content_block_delta")) {
		code = block_delta(d, events);
	} else if (AIC_KEY_IS(type, "content_block_start")) {
		code = start_block(d, events);
	} else if (AIC_KEY_IS(type, "content_block_stop")) {
		struct aic_block *block = block_of(d);
		code = block ? end_block(d, block, events) : 0;
	} else if (AIC_KEY_IS(type, "message_delta")) {
		code = read_stop(d, aic_json_get(&d->doc, 0, "delta"));
		read_usage(d, aic_json_get(&d->doc, 0, "usage"), events);
	} else if (AIC_KEY_IS(type, "message_stop")) {
		if (d->stop_word.len)
			return finish(d, events);
		/* Nobody said why it stopped: that is no end but a cut. */
		d->stopped = true;
		return AIC_DECODED_END;
	} else {
		return AIC_DECODED_NOTHING; /* a ping, or what we do not know yet */
	}
	return code < 0 ? code : AIC_DECODED_PROGRESS;
}

static bool is_done_marker(struct aic_str data)
{
	while (data.len && strchr(" \t", *data.data) && *data.data) {
		data.data++;
		data.len--;
	}
	return data.len >= 6 && memcmp(data.data, "[DONE]", 6) == 0;
}

/* An error, by the event's name, its type, or a member that says something. */
static bool is_error(const struct aic_json *doc, struct aic_str name, struct aic_str type)
{
	if (AIC_KEY_IS(name, "error") || AIC_KEY_IS(type, "error"))
		return true;
	if (AIC_KEY_IS(type, "content_block_delta"))
		return false;
	int error = aic_json_get_set(doc, 0, "error");
	return aic_json_count(doc, error) > 0 || aic_json_is(doc, error, AIC_JSON_TRUE) ||
	       (aic_json_is(doc, error, AIC_JSON_STRING) &&
		aic_json_raw(doc, error).len > 2);
}

int aic_anthropic_decode_event(struct aic_decoder *decoder, struct aic_str name,
			       struct aic_str data, struct aic_events *events)
{
	struct decoder *d = (struct decoder *)decoder;
	bool error_name = AIC_KEY_IS(name, "error");

	aic_arena_reset(&d->arena);
	if (is_blank(data) || (!error_name && is_done_marker(data)))
		return AIC_DECODED_NOTHING;
	if (error_name && aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire) < 0)
		return provider_error(d, false, data);
	if (d->stopped && !error_name) {
		/* Nothing counts after the end but an error. */
		if (aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire) < 0)
			return AIC_DECODED_NOTHING;
	} else if (!error_name) {
		int code = scan(d, data, "the provider's event");
		if (code < 0)
			return code;
	}
	if (!aic_json_is(&d->doc, 0, AIC_JSON_OBJECT) && !error_name)
		return AIC_DECODED_NOTHING;
	struct aic_str type = text_of(d, &d->doc, aic_json_get(&d->doc, 0, "type"));
	if (!type.len)
		type = name;
	if (is_error(&d->doc, name, type))
		return result(d, events, provider_error(d, true, data));
	if (d->stopped)
		return AIC_DECODED_NOTHING;
	return result(d, events, dispatch(d, type, events));
}

int aic_anthropic_decode_reply(struct aic_decoder *decoder, struct aic_str body,
			       struct aic_events *events)
{
	struct decoder *d = (struct decoder *)decoder;
	int content, code;

	aic_arena_reset(&d->arena);
	code = scan(d, body, "the provider's reply");
	if (code < 0)
		return code;
	struct aic_str type = text_of(d, &d->doc, aic_json_get(&d->doc, 0, "type"));
	if (is_error(&d->doc, AIC_STR(""), type))
		return provider_error(d, true, body);
	content = aic_json_get(&d->doc, 0, "content");
	if (!aic_json_is(&d->doc, content, AIC_JSON_ARRAY)) {
		/* Some errors come with 200 and a shape of their own. */
		struct aic_failure failure = { 0 };
		bool told = aic_failure_read(&d->doc, 0, 0, &failure) && failure.message;
		aic_failure_done(&failure);
		if (told)
			return provider_error(d, true, body);
		return fail(d, AICHAT_EPROTOCOL,
			    "the provider's reply is no message: it has no content");
	}
	d->begun = true;
	if (store_name(&d->base.model, &d->doc, aic_json_get(&d->doc, 0, "model")) < 0 ||
	    store_name(&d->base.response_id, &d->doc, aic_json_get(&d->doc, 0, "id")) < 0)
		return AICHAT_ENOMEM;
	for (int v = aic_json_first(&d->doc, content); v >= 0 && code >= 0;
	     v = aic_json_next(&d->doc, content, v))
		code = whole_block(d, v, events);
	read_usage(d, aic_json_get(&d->doc, 0, "usage"), events);
	if (code >= 0)
		code = read_stop(d, 0);
	return result(d, events, code < 0 ? code : finish(d, events));
}

int aic_anthropic_decode_end(struct aic_decoder *decoder, struct aic_events *events)
{
	struct decoder *d = (struct decoder *)decoder;

	aic_arena_reset(&d->arena);
	int code = close_all(d, events);
	return result(d, events, code < 0 ? code : AIC_DECODED_END);
}
