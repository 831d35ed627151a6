/*
 * Writing replies in the Messages protocol for a caller: as a stream, or whole.
 *
 * Callers count on blocks that do not overlap, so one is open at a time: parts queue in
 * the order in which they began, and what comes for a later one waits until those before
 * it have ended. A block opens with its first content, so that a part that stays empty
 * leaves no trace. The stop reason and the final usage go out with the reply's last
 * event.
 */

#include "base/mem.h"
#include "dialect/anthropic.h"
#include "model/builder.h"

/* A part that has begun and is not all written. */
struct slot {
	uint32_t index; /* as events name it */
	enum aichat_part_type type;
	bool opened;         /* its block was started */
	bool ended;          /* nothing more comes */
	struct aic_buf text; /* that waits */
	struct aic_buf raw;  /* of one that ended while it waited */
	struct aic_buf id, name;
};

/* What a caller has of a part. */
struct told {
	size_t bytes; /* of its text */
	bool begun, ended;
};

struct encoder {
	struct aic_encoder base;
	struct aic_json doc;
	struct slot *slots; /* the first is the one that is written */
	size_t slot_count, slot_capacity;
	struct told *told; /* by the parts' indices */
	size_t told_count, told_capacity;
	unsigned blocks; /* started so far */
	bool begun;      /* message_start is written */
	bool over;       /* message_stop or an error is */
	struct aic_usage usage;
	enum aichat_stop_reason stop_reason;
	struct aic_buf stop_word, stop_sequence;
	struct aic_buf refusal; /* stop_details as they came, if they did */
	int error;
};

struct aic_encoder *aic_anthropic_encoder_new(const struct aic_encoder_config *config)
{
	struct encoder *e = aic_new(struct encoder);

	if (!e)
		return NULL;
	e->base.dialect = &aic_dialect_anthropic_messages;
	e->base.config = *config;
	e->usage = AIC_USAGE_UNKNOWN;
	return &e->base;
}

static void slot_done(struct slot *slot)
{
	aic_buf_done(&slot->text);
	aic_buf_done(&slot->raw);
	aic_buf_done(&slot->id);
	aic_buf_done(&slot->name);
}

void aic_anthropic_encoder_free(struct aic_encoder *encoder)
{
	struct encoder *e = (struct encoder *)encoder;

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

static void store(struct encoder *e, struct aic_buf *to, struct aic_str text)
{
	aic_buf_reset(to);
	if (aic_buf_append(to, text.data, text.len) < 0)
		e->error = to->error;
}

/* --- frames --- */

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

static void put_start(struct encoder *e, struct aic_buf *out)
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

static struct frame begin_block(struct encoder *e, struct aic_buf *out)
{
	struct frame f = begin_frame(out, "content_block_start");

	aic_json_put_key(&f.w, "index");
	aic_json_put_int(&f.w, e->blocks++);
	aic_json_put_key(&f.w, "content_block");
	return f;
}

static void put_block_stop(struct encoder *e, struct aic_buf *out)
{
	struct frame f = begin_frame(out, "content_block_stop");

	aic_json_put_key(&f.w, "index");
	aic_json_put_int(&f.w, (int64_t)e->blocks - 1);
	end_frame(&f);
}

/* A delta of the open block with one member: a string, or JSON. */
static void put_delta(struct encoder *e, struct aic_buf *out, const char *type,
		      const char *key, struct aic_str value, bool json)
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

static void open_block(struct encoder *e, struct slot *slot, struct aic_buf *out)
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

static void put_text(struct encoder *e, struct slot *slot, struct aic_str text,
		     struct aic_buf *out)
{
	if (!text.len)
		return;
	open_block(e, slot, out);
	if (slot->type == AICHAT_PART_REASONING)
		put_delta(e, out, "thinking_delta", "thinking", text, false);
	else if (slot->type == AICHAT_PART_TOOL_CALL)
		put_delta(e, out, "input_json_delta", "partial_json", text, false);
	else
		put_delta(e, out, "text_delta", "text", text, false);
}

/* A block that has no pieces. */
static void put_whole(struct encoder *e, struct aic_str raw, struct aic_buf *out)
{
	struct frame f = begin_block(e, out);

	aic_json_put_raw(&f.w, raw);
	end_frame(&f);
	put_block_stop(e, out);
}

static void put_citations(struct encoder *e, struct slot *slot, struct aic_str raw,
			  struct aic_buf *out)
{
	if (!aic_anthropic_is_block(&e->doc, raw, "text"))
		return;
	int list = aic_json_get(&e->doc, 0, "citations");
	if (!aic_json_is(&e->doc, list, AIC_JSON_ARRAY))
		return;
	for (int v = aic_json_first(&e->doc, list); v >= 0;
	     v = aic_json_next(&e->doc, list, v)) {
		open_block(e, slot, out);
		put_delta(e, out, "citations_delta", "citation", aic_json_raw(&e->doc, v),
			  true);
	}
}

static void end_reasoning(struct encoder *e, struct slot *slot, struct aic_str raw,
			  struct aic_buf *out)
{
	if (!aic_anthropic_is_reasoning(&e->doc, raw, false))
		return;
	int signature = aic_json_get(&e->doc, 0, "signature");
	if (signature >= 0) {
		open_block(e, slot, out);
		put_delta(e, out, "signature_delta", "signature",
			  aic_json_raw(&e->doc, signature), true);
	} else if (!slot->opened) {
		put_whole(e, raw, out);
	}
}

/* What a part's end adds; raw is used where its look says that it is ours. */
static void put_end(struct encoder *e, struct slot *slot, struct aic_str raw,
		    struct aic_buf *out)
{
	switch (slot->type) {
	case AICHAT_PART_TEXT:
		put_citations(e, slot, raw, out);
		break;
	case AICHAT_PART_REASONING:
		end_reasoning(e, slot, raw, out);
		break;
	case AICHAT_PART_TOOL_CALL:
		open_block(e, slot, out);
		break;
	case AICHAT_PART_REFUSAL:
		/* Details of our own are no text; another's refusal is. */
		if (aic_anthropic_is_block(&e->doc, raw, "refusal")) {
			store(e, &e->refusal, raw);
			break;
		}
		put_text(e, slot, aic_buf_str(&slot->text), out);
		store(e, &e->refusal, AIC_ANTHROPIC_REFUSAL);
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

/* --- parts --- */

/* Until the name is known a call cannot be opened; a refusal's end tells what it is. */
static bool is_writable(const struct slot *slot)
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
static void pump(struct encoder *e, struct aic_buf *out)
{
	while (e->slot_count > 0) {
		struct slot *slot = &e->slots[0];
		if (is_writable(slot) ||
		    (slot->ended && slot->type == AICHAT_PART_TOOL_CALL)) {
			put_text(e, slot, aic_buf_str(&slot->text), out);
			aic_buf_reset(&slot->text);
		}
		if (!slot->ended)
			return;
		put_end(e, slot, aic_buf_str(&slot->raw), out);
		/* The spent slot goes behind the others, with its memory. */
		struct slot spent = *slot;
		e->slot_count--;
		memmove(e->slots, e->slots + 1, e->slot_count * sizeof(*e->slots));
		e->slots[e->slot_count] = spent;
	}
}

static struct slot *find_slot(struct encoder *e, uint32_t index)
{
	for (size_t i = 0; i < e->slot_count; i++)
		if (e->slots[i].index == index && !e->slots[i].ended)
			return &e->slots[i];
	return NULL;
}

static struct slot *add_slot(struct encoder *e, uint32_t index,
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
	struct slot *slot = &e->slots[e->slot_count++];
	slot->index = index;
	slot->type = type;
	slot->opened = slot->ended = false;
	aic_buf_reset(&slot->text);
	aic_buf_reset(&slot->raw);
	aic_buf_reset(&slot->id);
	aic_buf_reset(&slot->name);
	return slot;
}

static void set_names(struct encoder *e, struct slot *slot, struct aic_str id,
		      struct aic_str name)
{
	if (id.len && !slot->id.len)
		store(e, &slot->id, id);
	if (name.len && !slot->name.len)
		store(e, &slot->name, name);
}

static void part_start(struct encoder *e, const struct aichat_event *event,
		       struct aic_buf *out)
{
	struct slot *slot = find_slot(e, event->index);

	if (!slot)
		slot = add_slot(e, event->index, event->part_type);
	if (!slot)
		return;
	set_names(e, slot, event->id, event->name);
	if (slot == e->slots && slot->type == AICHAT_PART_TOOL_CALL && slot->name.len)
		open_block(e, slot, out);
}

static void piece(struct encoder *e, const struct aichat_event *event,
		  struct aic_buf *out)
{
	struct slot *slot = find_slot(e, event->index);

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
		put_text(e, slot, event->text, out);
		return;
	}
	if (aic_buf_append(&slot->text, event->text.data, event->text.len) < 0)
		e->error = slot->text.error;
	pump(e, out);
}

static void part_end(struct encoder *e, const struct aichat_event *event,
		     struct aic_buf *out)
{
	const struct aichat_part *part = event->part;
	struct slot *slot = find_slot(e, event->index);

	if (!slot)
		return;
	slot->ended = true;
	store(e, &slot->raw,
	      part && !event->raw.len ? aic_string_str(&part->raw) : event->raw);
	if (part) {
		set_names(e, slot, aic_str(part->id), aic_str(part->name));
		/* Pieces that went out stay; without any, the whole is what there is. */
		if (!slot->opened && !slot->text.len)
			store(e, &slot->text, aic_string_str(&part->text));
	}
	pump(e, out);
}

static void end_parts(struct encoder *e, struct aic_buf *out)
{
	for (size_t i = 0; i < e->slot_count; i++)
		e->slots[i].ended = true;
	pump(e, out);
}

/* --- the end --- */

static void take_stop(struct encoder *e, enum aichat_stop_reason reason,
		      struct aic_str word, struct aic_str sequence)
{
	e->stop_reason = reason;
	store(e, &e->stop_word, word);
	store(e, &e->stop_sequence, sequence);
}

static void take_message(struct encoder *e, const struct aichat_message *message)
{
	if (message->stop_reason)
		take_stop(e, message->stop_reason, aic_str(message->stop_word),
			  aic_str(message->stop_sequence));
	if (aic_usage_is_set(&message->usage))
		e->usage = message->usage;
}

static void put_done(struct encoder *e, struct aic_buf *out)
{
	e->over = true;
	end_parts(e, out);
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

static void put_error(struct encoder *e, const aichat_error *error, struct aic_buf *out)
{
	e->over = true;
	aic_buf_puts(out, "event: error\ndata: ");
	struct aic_json_writer w = aic_json_writer(out);
	aic_anthropic_put_error(&w, error);
	aic_buf_puts(out, "\n\n");
}

/* --- what is out already --- */

static void encode(struct encoder *e, const struct aichat_event *event,
		   struct aic_buf *out);

/* The count for a part, zero when it is new; NULL past the limit and without memory. */
static struct told *told_of(struct encoder *e, uint32_t index)
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
		e->told[e->told_count++] = (struct told){ 0 };
	}
	return &e->told[index];
}

/* Of an event of a snapshot, what is new; false for nothing. */
static bool is_news(struct encoder *e, struct aichat_event *event)
{
	struct told *told;

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
static bool may_go_on(struct encoder *e, const struct aichat_message *message,
		      uint32_t index)
{
	const struct aichat_part *part = &message->parts[index];

	if (message->state != AICHAT_MESSAGE_OPEN)
		return false;
	return index + 1 == message->part_count ||
	       (part->type == AICHAT_PART_TOOL_CALL &&
		aic_json_scan(&e->doc, part->text.data, part->text.len, &aic_json_wire) <
			0);
}

static void snapshot(struct encoder *e, const struct aichat_message *message,
		     struct aic_buf *out)
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
static void note(struct encoder *e, const struct aichat_event *event)
{
	struct told *told = told_of(e, event->index);

	if (!told)
		return;
	told->begun = true;
	told->bytes += event->text.len;
	told->ended = event->type == AICHAT_EVENT_PART_END;
}

static void encode(struct encoder *e, const struct aichat_event *event,
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
		put_done(e, out);
		break;
	default:
		break;
	}
}

int aic_anthropic_encode_event(struct aic_encoder *encoder,
			       const struct aichat_event *event, struct aic_buf *out)
{
	struct encoder *e = (struct encoder *)encoder;

	if (e->error || e->over || event->choice > 0)
		return e->error;
	if (event->type == AICHAT_EVENT_ERROR) {
		put_error(e, event->error, out);
	} else if (event->type == AICHAT_EVENT_RETRY) {
		if (e->begun)
			aic_buf_puts(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
	} else {
		if (event->type == AICHAT_EVENT_USAGE)
			e->usage =
				event->usage; /* if it comes first, the start tells it */
		put_start(e, out);
		encode(e, event, out);
	}
	if (!e->error)
		e->error = out->error;
	return e->error;
}
