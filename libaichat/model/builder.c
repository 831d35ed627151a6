/*
 * A message from its events, and the events of a message. Parts are told apart by their
 * index; pieces of several may come in any order, but a part begins when all before it
 * have begun.
 */

#include "base/mem.h"
#include "model/builder.h"

static struct aichat_part *add_part(struct aichat_message *message,
				    enum aichat_part_type type, int *ret_error)
{
	if (message->part_count >= AIC_PARTS_MAX) {
		*ret_error = AICHAT_ETOOLARGE;
		return NULL;
	}
	struct aichat_part *part = aic_message_add_part(message, type);
	if (!part) {
		*ret_error = AICHAT_ENOMEM;
		return NULL;
	}
	/* A call always has arguments; room now, so that sealing cannot fail. */
	if (type == AICHAT_PART_TOOL_CALL &&
	    aic_string_append(&part->text, AIC_STR("")) < 0) {
		message->part_count--;
		*ret_error = AICHAT_ENOMEM;
		return NULL;
	}
	return part;
}

/* The first that is said stays: providers repeat ids and names with every piece. */
static int set_once(char **to, struct aic_str text)
{
	if (*to || !text.len)
		return 0;
	if (memchr(text.data, '\0', text.len))
		return AICHAT_EPROTOCOL;
	*to = aic_strndup(text.data, text.len);
	return *to ? 0 : AICHAT_ENOMEM;
}

static int set_names(struct aichat_part *part, const struct aichat_event *event)
{
	int result = set_once(&part->id, event->id);

	return result < 0 ? result : set_once(&part->name, event->name);
}

static int part_start(struct aichat_message *message, const struct aichat_event *event)
{
	int error = AICHAT_EPROTOCOL;

	if (event->index != message->part_count || !event->part_type)
		return error;
	struct aichat_part *part = add_part(message, event->part_type, &error);
	return part ? set_names(part, event) : error;
}

static bool takes(enum aichat_part_type part, enum aichat_event_type piece)
{
	switch (part) {
	case AICHAT_PART_TEXT:
	case AICHAT_PART_REFUSAL:
	case AICHAT_PART_COMPACTION:
		return piece == AICHAT_EVENT_TEXT;
	case AICHAT_PART_REASONING:
		return piece == AICHAT_EVENT_REASONING;
	case AICHAT_PART_TOOL_CALL:
		return piece == AICHAT_EVENT_TOOL_CALL;
	default:
		return false;
	}
}

static enum aichat_part_type part_of(enum aichat_event_type piece)
{
	return piece == AICHAT_EVENT_TEXT        ? AICHAT_PART_TEXT
	       : piece == AICHAT_EVENT_REASONING ? AICHAT_PART_REASONING
						 : AICHAT_PART_TOOL_CALL;
}

static int piece(struct aichat_message *message, const struct aichat_event *event)
{
	struct aichat_part *part = NULL;
	int error = AICHAT_EPROTOCOL;

	if (event->index < message->part_count)
		part = &message->parts[event->index];
	else if (event->index == message->part_count)
		part = add_part(message, part_of(event->type), &error);
	if (!part)
		return error;
	if (!takes(part->type, event->type))
		return AICHAT_EPROTOCOL;
	if (event->text.len > AIC_PART_BYTES_MAX - part->text.len)
		return AICHAT_ETOOLARGE;
	int result = set_names(part, event);
	return result < 0 ? result : aic_string_append(&part->text, event->text);
}

static int part_end(struct aichat_message *message, const struct aichat_event *event)
{
	if (event->index >= message->part_count)
		return AICHAT_EPROTOCOL;
	struct aichat_part *part = &message->parts[event->index];
	if (event->raw.len > AIC_PART_BYTES_MAX)
		return AICHAT_ETOOLARGE;
	if (event->part) {
		struct aichat_part whole;
		if (aic_part_copy(&whole, event->part) < 0)
			return AICHAT_ENOMEM;
		aic_part_done(part);
		*part = whole;
	}
	return event->raw.len ? aic_string_set(&part->raw, event->raw) : 0;
}

static void usage(struct aic_usage *have, const struct aic_usage *now)
{
	have->input = now->input >= 0 ? now->input : have->input;
	have->cached = now->cached >= 0 ? now->cached : have->cached;
	have->cache_write = now->cache_write >= 0 ? now->cache_write : have->cache_write;
	have->output = now->output >= 0 ? now->output : have->output;
	have->reasoning = now->reasoning >= 0 ? now->reasoning : have->reasoning;
}

static int set_last(char **to, struct aic_str text)
{
	char *had = AIC_TAKE(*to);
	int result = set_once(to, text);

	if (*to)
		aic_free(had);
	else
		*to = had;
	return result;
}

static int stop(struct aichat_message *message, const struct aichat_event *event)
{
	const struct aichat_message *sealed = event->message;
	struct aic_str word = sealed ? aic_str(sealed->stop_word) : event->stop_word;
	struct aic_str sequence = sealed ? aic_str(sealed->stop_sequence)
					 : event->stop_sequence;
	enum aichat_stop_reason reason = sealed ? sealed->stop_reason
						: event->stop_reason;

	if (reason != AICHAT_STOP_NONE)
		message->stop_reason = reason;
	int result = set_last(&message->stop_word, word);
	return result < 0 ? result : set_last(&message->stop_sequence, sequence);
}

int aic_builder_apply(struct aichat_message *message, const struct aichat_event *event)
{
	if (message->state != AICHAT_MESSAGE_OPEN)
		AIC_BUG(AICHAT_EINTERNAL);
	switch (event->type) {
	case AICHAT_EVENT_PART_START:
		return part_start(message, event);
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
		return piece(message, event);
	case AICHAT_EVENT_PART_END:
		return part_end(message, event);
	case AICHAT_EVENT_USAGE:
		usage(&message->usage, &event->usage);
		return 0;
	case AICHAT_EVENT_MESSAGE:
		return stop(message, event);
	default:
		return 0;
	}
}

/* A text that says nothing; with raw it may still be needed, for its signature. */
static bool is_empty(const struct aichat_part *part)
{
	switch (part->type) {
	case AICHAT_PART_TEXT:
	case AICHAT_PART_REASONING:
	case AICHAT_PART_REFUSAL:
		return !part->text.len && !part->raw.len;
	default:
		return false;
	}
}

void aic_builder_seal(struct aichat_message *message, enum aichat_message_state state)
{
	size_t kept = 0;

	for (size_t i = 0; i < message->part_count; i++) {
		struct aichat_part *part = &message->parts[i];
		if (is_empty(part)) {
			aic_part_done(part);
			continue;
		}
		/* Only what is whole is repaired. Without memory the arguments stay
		 * empty, which every reader takes for {} as well. */
		if (part->type == AICHAT_PART_TOOL_CALL &&
		    state == AICHAT_MESSAGE_SEALED) {
			message->stop_reason = AICHAT_STOP_TOOL_CALLS;
			if (!part->text.len)
				(void)aic_string_append(&part->text, AIC_STR("{}"));
		}
		if (kept != i) {
			message->parts[kept] = *part;
			*part = (struct aichat_part){ 0 };
		}
		kept++;
	}
	message->part_count = kept;
	message->state = state;
}

/* Whether pieces and raw say all of the part. */
static bool in_pieces(const struct aichat_part *part)
{
	bool is_call = part->type == AICHAT_PART_TOOL_CALL;

	return !part->media_type && !part->url && !part->data.data && !part->part_count &&
	       (is_call || (!part->id && !part->name)) &&
	       (part->type == AICHAT_PART_REASONING || is_call ||
		takes(part->type, AICHAT_EVENT_TEXT));
}

static void part_events(const struct aichat_part *part, uint32_t index,
			const struct aic_id *id, struct aic_events *events)
{
	struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_PART_START);

	event->message_id = *id;
	event->index = index;
	event->part_type = part->type;
	if (part->type == AICHAT_PART_TOOL_CALL) {
		event->id = aic_str(part->id);
		event->name = aic_str(part->name);
	}
	bool pieces = in_pieces(part);
	if (pieces && part->text.data) {
		event = aic_events_add(events, part->type == AICHAT_PART_REASONING
						       ? AICHAT_EVENT_REASONING
					       : part->type == AICHAT_PART_TOOL_CALL
						       ? AICHAT_EVENT_TOOL_CALL
						       : AICHAT_EVENT_TEXT);
		event->message_id = *id;
		event->index = index;
		event->text = aic_string_str(&part->text);
	}
	event = aic_events_add(events, AICHAT_EVENT_PART_END);
	event->message_id = *id;
	event->index = index;
	event->part_type = part->type;
	if (pieces)
		event->raw = aic_string_str(&part->raw);
	else
		event->part = part;
}

int aic_builder_events(const struct aichat_message *message, struct aic_events *events)
{
	const struct aic_usage *u = &message->usage;

	for (size_t i = 0; i < message->part_count; i++)
		part_events(&message->parts[i], (uint32_t)i, &message->id, events);
	if (u->input >= 0 || u->cached >= 0 || u->cache_write >= 0 || u->output >= 0 ||
	    u->reasoning >= 0) {
		struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_USAGE);
		event->message_id = message->id;
		event->usage = *u;
	}
	struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_MESSAGE);
	event->message_id = message->id;
	event->stop_reason = message->stop_reason;
	event->stop_word = aic_str(message->stop_word);
	event->stop_sequence = aic_str(message->stop_sequence);
	return events->failed ? AICHAT_ENOMEM : 0;
}
