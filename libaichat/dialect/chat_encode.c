/*
 * Chat Completions: writing a stream. The role comes first, calls are numbered among
 * themselves, id and name are said once; finish, usage (if asked) and [DONE] are written
 * when the reply is done. After an error nothing follows: a finish would be a lie.
 *
 * How much of each part was written is kept, so that a snapshot, which repeats all that
 * came, adds just what is missing.
 */

#include "base/mem.h"
#include "dialect/chat.h"

struct written_part {
	enum aichat_part_type type;
	uint32_t ordinal; /* of a call, among calls */
	size_t sent;      /* bytes of its text */
	bool whole;       /* it has no pieces, and was written; of a call: was begun */
	bool custom;      /* a call with free text */
	bool replayed;    /* what must come back was written */
};

struct written_choice {
	uint32_t number;
	bool begun;
	bool has_refusal;
	enum aichat_stop_reason stop;
	struct written_part *parts;
	size_t count, capacity;
	uint32_t calls;
};

struct oai_encoder {
	struct aic_encoder base;
	struct aic_buf head; /* `data: {...,"choices":[` */
	struct written_choice *choices;
	size_t choice_count, choice_capacity;
	struct aic_usage usage;
	bool ended;
};

struct aic_encoder *aic_oai_encoder_new(const struct aic_encoder_config *config)
{
	struct oai_encoder *e = aic_new(struct oai_encoder);

	if (!e)
		return NULL;
	e->base.dialect = &aic_dialect_openai_chat;
	e->base.config = *config;
	e->usage = AIC_USAGE_UNKNOWN;
	aic_buf_puts(&e->head, "data: ");
	struct aic_json_writer w = aic_json_writer(&e->head);
	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "id", config->response_id ? config->response_id : "");
	aic_json_put_member(&w, "object", "chat.completion.chunk");
	aic_json_put_key(&w, "created");
	aic_json_put_int(&w, config->created_unix_ms / 1000);
	aic_json_put_member(&w, "model", config->model ? config->model : "");
	aic_json_put_key(&w, "choices");
	aic_json_begin(&w, '[');
	if (!e->head.error)
		return &e->base;
	aic_oai_encoder_free(&e->base);
	return NULL;
}

void aic_oai_encoder_free(struct aic_encoder *encoder)
{
	struct oai_encoder *e = (struct oai_encoder *)encoder;

	if (!e)
		return;
	for (size_t i = 0; i < e->choice_count; i++)
		aic_free(e->choices[i].parts);
	aic_free(e->choices);
	aic_buf_done(&e->head);
	aic_free(e);
}

/* --- frames --- */

static struct aic_json_writer
begin_chunk(struct oai_encoder *e, const struct written_choice *c, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);

	aic_buf_append(out, e->head.data, e->head.len);
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "index");
	aic_json_put_int(&w, c->number);
	aic_json_put_key(&w, "delta");
	aic_json_begin(&w, '{');
	return w;
}

static int end_chunk(struct oai_encoder *e, struct aic_json_writer *w, const char *finish)
{
	aic_json_end(w, '}');
	aic_json_put_key(w, "logprobs");
	aic_json_put_null(w);
	aic_json_put_key(w, "finish_reason");
	aic_json_put_text(w, finish);
	aic_json_end(w, '}');
	aic_buf_puts(w->buf,
		     e->base.config.stream_usage ? "],\"usage\":null}\n\n" : "]}\n\n");
	return w->buf->error;
}

static int put_role(struct oai_encoder *e, struct written_choice *c, struct aic_buf *out)
{
	if (c->begun)
		return 0;
	c->begun = true;
	struct aic_json_writer w = begin_chunk(e, c, out);
	aic_json_put_member(&w, "role", "assistant");
	aic_json_put_member(&w, "content", "");
	return end_chunk(e, &w, NULL);
}

/* --- what was written --- */

static struct written_choice *find_choice(struct oai_encoder *e, uint32_t number)
{
	for (size_t i = 0; i < e->choice_count; i++)
		if (e->choices[i].number == number)
			return &e->choices[i];
	if (e->choice_count >= OAI_CHOICES_MAX ||
	    !AIC_GROW(e->choices, e->choice_count, &e->choice_capacity))
		return NULL;
	struct written_choice *c = &e->choices[e->choice_count++];
	*c = (struct written_choice){ .number = number };
	return c;
}

/* A new part past the end has the type 0. */
static struct written_part *find_part(struct written_choice *c, uint32_t index)
{
	if (index >= AIC_PARTS_MAX)
		return NULL;
	while (c->count <= index) {
		if (!AIC_GROW(c->parts, c->count, &c->capacity))
			return NULL;
		c->parts[c->count++] = (struct written_part){ 0 };
	}
	return &c->parts[index];
}

static void set_type(struct written_choice *c, struct written_part *part,
		     enum aichat_part_type type)
{
	if (part->type || !type)
		return;
	part->type = type;
	if (type == AICHAT_PART_TOOL_CALL)
		part->ordinal = c->calls++;
	if (type == AICHAT_PART_REFUSAL)
		c->has_refusal = true;
}

/* --- parts --- */

static const char *key_of(enum aichat_part_type type)
{
	switch (type) {
	case AICHAT_PART_TEXT:
		return "content";
	case AICHAT_PART_REFUSAL:
		return "refusal";
	case AICHAT_PART_REASONING:
		return "reasoning_content";
	default:
		return NULL;
	}
}

static int put_text(struct oai_encoder *e, struct written_choice *c,
		    struct written_part *part, struct aic_str text, struct aic_buf *out)
{
	const char *key = key_of(part->type);

	if (!key || !text.len)
		return 0;
	part->sent += text.len;
	struct aic_json_writer w = begin_chunk(e, c, out);
	aic_json_put_key(&w, key);
	aic_json_put_str(&w, text);
	return end_chunk(e, &w, NULL);
}

static struct aic_json_writer begin_call(struct oai_encoder *e, struct written_choice *c,
					 const struct written_part *part,
					 struct aic_buf *out)
{
	struct aic_json_writer w = begin_chunk(e, c, out);

	aic_json_put_key(&w, "tool_calls");
	aic_json_begin(&w, '[');
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "index");
	aic_json_put_int(&w, part->ordinal);
	return w;
}

static int end_call(struct oai_encoder *e, struct aic_json_writer *w)
{
	aic_json_end(w, '}');
	aic_json_end(w, ']');
	return end_chunk(e, w, NULL);
}

/* raw: of the call, as far as it is known when it begins. */
static int put_call_start(struct oai_encoder *e, struct written_choice *c,
			  struct written_part *part, struct aic_str id,
			  struct aic_str name, struct aic_str raw, struct aic_buf *out)
{
	struct aic_json_writer w = begin_call(e, c, part, out);

	part->whole = true; /* id and name are said once */
	part->custom = aic_oai_is_custom(out, raw);
	aic_json_put_key(&w, "id");
	aic_json_put_str(&w, id);
	aic_json_put_member(&w, "type", part->custom ? "custom" : "function");
	aic_json_put_key(&w, part->custom ? "custom" : "function");
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "name");
	aic_json_put_str(&w, name);
	aic_json_put_member(&w, part->custom ? "input" : "arguments", "");
	aic_json_end(&w, '}');
	return end_call(e, &w);
}

static int put_arguments(struct oai_encoder *e, struct written_choice *c,
			 struct written_part *part, struct aic_str text,
			 struct aic_buf *out)
{
	if (!text.len)
		return 0;
	part->sent += text.len;
	struct aic_json_writer w = begin_call(e, c, part, out);
	aic_json_put_key(&w, part->custom ? "custom" : "function");
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, part->custom ? "input" : "arguments");
	aic_json_put_str(&w, text);
	aic_json_end(&w, '}');
	return end_call(e, &w);
}

/* A part that has no pieces, as far as a chunk can say it. */
static int put_whole(struct oai_encoder *e, struct written_choice *c,
		     struct written_part *part, const struct aichat_part *value,
		     struct aic_buf *out)
{
	if (part->whole ||
	    (value->type != AICHAT_PART_SOURCE && value->type != AICHAT_PART_IMAGE &&
	     value->type != AICHAT_PART_AUDIO))
		return 0;
	part->whole = true;
	struct aic_json_writer w = begin_chunk(e, c, out);
	if (value->type == AICHAT_PART_AUDIO) {
		aic_json_put_key(&w, "audio");
		aic_oai_put_audio(&w, value);
		return end_chunk(e, &w, NULL);
	}
	bool is_source = value->type == AICHAT_PART_SOURCE;
	aic_json_put_key(&w, is_source ? "annotations" : "images");
	aic_json_begin(&w, '[');
	if (is_source)
		aic_oai_put_annotation(&w, value);
	else
		aic_oai_put_image(&w, value);
	aic_json_end(&w, ']');
	return end_chunk(e, &w, NULL);
}

/* What of a whole part was not written yet. */
static int put_missing(struct oai_encoder *e, struct written_choice *c,
		       struct written_part *part, const struct aichat_part *value,
		       struct aic_buf *out)
{
	struct aic_str text = aic_string_str(&value->text);
	size_t sent = AIC_MIN(part->sent, text.len);
	int result = 0;

	set_type(c, part, value->type);
	text = (struct aic_str){ text.data + sent, text.len - sent };
	if (key_of(part->type))
		return put_text(e, c, part, text, out);
	if (part->type != AICHAT_PART_TOOL_CALL)
		return put_whole(e, c, part, value, out);
	if (!part->whole)
		result = put_call_start(e, c, part, aic_str(value->id),
					aic_str(value->name), aic_string_str(&value->raw),
					out);
	return result < 0 ? result : put_arguments(e, c, part, text, out);
}

/*
 * Members that the caller must send back with the message, or the provider behind us
 * refuses it (Gemini's signatures, OpenRouter's reasoning_details).
 */
static int put_replayed(struct oai_encoder *e, struct written_choice *c,
			struct written_part *part, struct aic_str raw,
			struct aic_buf *out)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	bool is_call = part->type == AICHAT_PART_TOOL_CALL;

	if (!raw.len || part->replayed ||
	    (!is_call && part->type != AICHAT_PART_REASONING) ||
	    !aic_oai_scan_raw(out, raw, &doc) || !aic_oai_has_replayed(&doc, is_call))
		return out->error;
	part->replayed = true;
	struct aic_json_writer w = is_call ? begin_call(e, c, part, out)
					   : begin_chunk(e, c, out);
	aic_oai_put_replayed(&w, &doc, is_call);
	return is_call ? end_call(e, &w) : end_chunk(e, &w, NULL);
}

/* --- events --- */

static int piece(struct oai_encoder *e, struct written_choice *c,
		 const struct aichat_event *event, enum aichat_part_type type,
		 struct aic_buf *out)
{
	struct written_part *part = find_part(c, event->index);

	if (!part)
		return AICHAT_ENOMEM;
	set_type(c, part, type);
	if (part->type != AICHAT_PART_TOOL_CALL)
		return put_text(e, c, part, event->text, out);
	int result = 0;
	if (!part->whole)
		result = put_call_start(e, c, part, event->id, event->name, event->raw,
					out);
	return result < 0 ? result : put_arguments(e, c, part, event->text, out);
}

static int part_start(struct oai_encoder *e, struct written_choice *c,
		      const struct aichat_event *event, struct aic_buf *out)
{
	struct written_part *part = find_part(c, event->index);

	if (!part)
		return AICHAT_ENOMEM;
	set_type(c, part, event->part_type);
	if (part->type != AICHAT_PART_TOOL_CALL || part->whole || !event->name.len)
		return 0;
	return put_call_start(e, c, part, event->id, event->name, event->raw, out);
}

static int part_end(struct oai_encoder *e, struct written_choice *c,
		    const struct aichat_event *event, struct aic_buf *out)
{
	struct written_part *part = find_part(c, event->index);

	if (!part)
		return AICHAT_ENOMEM;
	int result = event->part ? put_missing(e, c, part, event->part, out) : 0;
	struct aic_str raw = event->raw;
	if (!raw.len && event->part)
		raw = aic_string_str(&event->part->raw);
	return result < 0 ? result : put_replayed(e, c, part, raw, out);
}

static int snapshot(struct oai_encoder *e, struct written_choice *c,
		    const struct aichat_message *message, struct aic_buf *out)
{
	for (size_t i = 0; message && i < message->part_count; i++) {
		struct written_part *part = find_part(c, (uint32_t)i);
		int result = part ? put_missing(e, c, part, &message->parts[i], out)
				  : AICHAT_ENOMEM;
		if (result == 0 && message->state != AICHAT_MESSAGE_OPEN)
			result = put_replayed(
				e, c, part, aic_string_str(&message->parts[i].raw), out);
		if (result < 0)
			return result;
	}
	return 0;
}

static void note_message(struct oai_encoder *e, struct written_choice *c,
			 const struct aichat_event *event)
{
	const struct aichat_message *message = event->message;

	c->stop = message ? message->stop_reason : event->stop_reason;
	if (message && aic_usage_is_set(&message->usage))
		e->usage = message->usage;
	/* Another message of the same reply has parts of its own. */
	c->count = 0;
}

static int done(struct oai_encoder *e, const struct aichat_event *event,
		struct aic_buf *out)
{
	struct written_choice *c = find_choice(e, 0);

	if (!c)
		return AICHAT_ENOMEM;
	if (event->message) {
		c->stop = event->message->stop_reason;
		if (aic_usage_is_set(&event->message->usage))
			e->usage = event->message->usage;
	}
	for (size_t i = 0; i < e->choice_count; i++) {
		c = &e->choices[i];
		put_role(e, c, out);
		struct aic_json_writer w = begin_chunk(e, c, out);
		end_chunk(e, &w, aic_oai_finish_word(c->stop, c->has_refusal));
	}
	if (e->base.config.stream_usage && aic_usage_is_set(&e->usage)) {
		struct aic_json_writer w = aic_json_writer(out);
		aic_buf_append(out, e->head.data, e->head.len);
		aic_buf_puts(out, "],\"usage\":");
		aic_oai_put_usage(&w, &e->usage);
		aic_buf_puts(out, "}\n\n");
	}
	aic_buf_puts(out, "data: [DONE]\n\n");
	e->ended = true;
	return out->error;
}

static int error(struct oai_encoder *e, const struct aichat_event *event,
		 struct aic_buf *out)
{
	e->ended = true;
	aic_buf_puts(out, "data: ");
	aic_oai_encode_error(event->error, out);
	aic_buf_puts(out, "\n\n");
	return out->error;
}

static int content(struct oai_encoder *e, struct written_choice *c,
		   const struct aichat_event *event, struct aic_buf *out)
{
	int result = put_role(e, c, out);

	if (result < 0)
		return result;
	switch (event->type) {
	case AICHAT_EVENT_PART_START:
		return part_start(e, c, event, out);
	case AICHAT_EVENT_TEXT:
		return piece(e, c, event, AICHAT_PART_TEXT, out);
	case AICHAT_EVENT_REASONING:
		return piece(e, c, event, AICHAT_PART_REASONING, out);
	case AICHAT_EVENT_TOOL_CALL:
		return piece(e, c, event, AICHAT_PART_TOOL_CALL, out);
	case AICHAT_EVENT_PART_END:
		return part_end(e, c, event, out);
	default:
		return snapshot(e, c, event->message, out);
	}
}

int aic_oai_encode_event(struct aic_encoder *encoder, const struct aichat_event *event,
			 struct aic_buf *out)
{
	struct oai_encoder *e = (struct oai_encoder *)encoder;
	struct written_choice *c = find_choice(e, event->choice);

	if (!c)
		return AICHAT_ENOMEM;
	if (e->ended)
		return 0;
	switch (event->type) {
	case AICHAT_EVENT_PART_START:
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
	case AICHAT_EVENT_PART_END:
	case AICHAT_EVENT_SNAPSHOT:
		return content(e, c, event, out);
	case AICHAT_EVENT_USAGE:
		e->usage = event->usage;
		return 0;
	case AICHAT_EVENT_MESSAGE:
		note_message(e, c, event);
		return 0;
	case AICHAT_EVENT_DONE:
		return done(e, event, out);
	case AICHAT_EVENT_ERROR:
		return error(e, event, out);
	default:
		return 0;
	}
}
