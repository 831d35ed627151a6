/*
 * Events as values: counted copies, names, and the list that decoders fill.
 */

#include "base/mem.h"
#include "model/event.h"

static void free_event(struct aichat_event *event)
{
	if (event->part) {
		struct aichat_part *part = (struct aichat_part *)(uintptr_t)event->part;
		aic_part_done(part);
		aic_free(part);
	}
	aichat_message_unref(event->message);
	for (size_t i = 0; i < event->message_count; i++)
		aichat_message_unref(event->messages[i]);
	aichat_error_unref(event->error);
	aic_free(event);
}

struct aichat_event *aic_event_ref(struct aichat_event *event)
{
	if (event)
		atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
	return event;
}

struct aichat_event *aic_event_unref(struct aichat_event *event)
{
	if (event &&
	    atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) == 1)
		free_event(event);
	return NULL;
}

/* Move a borrowed string to where the copy keeps its own. */
static void keep(struct aic_str *s, char **room)
{
	if (!s->data)
		return;
	if (s->len)
		memcpy(*room, s->data, s->len);
	(*room)[s->len] = '\0';
	s->data = *room;
	*room += s->len + 1;
}

static size_t room_for(struct aic_str s)
{
	return s.data ? s.len + 1 : 0;
}

/* What follows from other members need not be set by who makes the event. */
static void complete(struct aichat_event *event)
{
	if (!event->message && event->message_count)
		event->message = event->messages[event->message_count - 1];
	if (event->message && !aic_id_is_set(&event->message_id))
		event->message_id = event->message->id;
	event->message_id_text[0] = event->user_message_text[0] = '\0';
	if (aic_id_is_set(&event->message_id))
		aic_id_text(&event->message_id, event->message_id_text);
	if (aic_id_is_set(&event->user_message_id))
		aic_id_text(&event->user_message_id, event->user_message_text);
}

static bool copy_part(struct aichat_event *copy)
{
	if (!copy->part)
		return true;
	struct aichat_part *part = aic_new(struct aichat_part);
	if (!part)
		return false;
	if (aic_part_copy(part, copy->part) < 0) {
		aic_free(part);
		return false;
	}
	copy->part = part;
	return true;
}

/* One block: the event, the list of messages, then the strings. */
struct aichat_event *aic_event_copy(const struct aichat_event *event)
{
	const size_t after_refs = offsetof(struct aichat_event, type);
	size_t list = event->message_count * sizeof(*event->messages);
	size_t strings = room_for(event->text) + room_for(event->id) +
			 room_for(event->name) + room_for(event->raw) +
			 room_for(event->stop_word) + room_for(event->stop_sequence) +
			 room_for(event->model);
	struct aichat_event *copy = aic_malloc(sizeof(*copy) + list + strings);

	if (!copy)
		return NULL;
	/* All but the count, which other threads may be changing. */
	memcpy((char *)copy + after_refs, (const char *)event + after_refs,
	       sizeof(*copy) - after_refs);
	atomic_init(&copy->refs, 1);
	if (!copy_part(copy)) {
		aic_free(copy);
		return NULL;
	}
	complete(copy);
	copy->messages = list ? (struct aichat_message **)(copy + 1) : NULL;
	for (size_t i = 0; i < copy->message_count; i++)
		copy->messages[i] = aichat_message_ref(event->messages[i]);
	aichat_message_ref(copy->message);
	aichat_error_ref(copy->error);
	char *room = (char *)(copy + 1) + list;
	keep(&copy->text, &room);
	keep(&copy->id, &room);
	keep(&copy->name, &room);
	keep(&copy->raw, &room);
	keep(&copy->stop_word, &room);
	keep(&copy->stop_sequence, &room);
	keep(&copy->model, &room);
	return copy;
}

static const char *const event_names[] = {
	[AICHAT_EVENT_START] = "start",         [AICHAT_EVENT_PART_START] = "part_start",
	[AICHAT_EVENT_TEXT] = "text",           [AICHAT_EVENT_REASONING] = "reasoning",
	[AICHAT_EVENT_TOOL_CALL] = "tool_call", [AICHAT_EVENT_PART_END] = "part_end",
	[AICHAT_EVENT_USAGE] = "usage",         [AICHAT_EVENT_RETRY] = "retry",
	[AICHAT_EVENT_MESSAGE] = "message",     [AICHAT_EVENT_SNAPSHOT] = "snapshot",
	[AICHAT_EVENT_DONE] = "done",           [AICHAT_EVENT_ERROR] = "error",
};

static const char *const reply_states[] = {
	[AICHAT_REPLY_QUEUED] = "queued",   [AICHAT_REPLY_RUNNING] = "running",
	[AICHAT_REPLY_WAITING] = "waiting", [AICHAT_REPLY_COMPLETE] = "complete",
	[AICHAT_REPLY_STOPPED] = "stopped", [AICHAT_REPLY_INTERRUPTED] = "interrupted",
	[AICHAT_REPLY_FAILED] = "failed",
};

const char *aichat_event_type_name(int type)
{
	if (type <= 0 || (size_t)type >= AIC_ARRAY_LEN(event_names))
		return "unknown";
	return event_names[type];
}

const char *aic_event_type_name(enum aichat_event_type type)
{
	return aichat_event_type_name((int)type);
}

enum aichat_event_type aic_event_type_parse(struct aic_str name)
{
	for (size_t i = 1; i < AIC_ARRAY_LEN(event_names); i++)
		if (aic_str_is(name, event_names[i]))
			return (enum aichat_event_type)i;
	return 0;
}

const char *aichat_reply_state_name(int state)
{
	if (state <= 0 || (size_t)state >= AIC_ARRAY_LEN(reply_states))
		return "unknown";
	return reply_states[state];
}

enum aichat_reply_state aic_reply_state_parse(struct aic_str name)
{
	for (size_t i = 1; i < AIC_ARRAY_LEN(reply_states); i++)
		if (aic_str_is(name, reply_states[i]))
			return (enum aichat_reply_state)i;
	return 0;
}

void aic_events_done(struct aic_events *events)
{
	aic_free(events->items);
	*events = (struct aic_events){ 0 };
}

struct aichat_event *aic_events_add(struct aic_events *events,
				    enum aichat_event_type type)
{
	struct aichat_event *event = &events->spare;

	if (AIC_GROW(events->items, events->count, &events->capacity))
		event = &events->items[events->count++];
	else
		events->failed = true;
	memset((void *)event, 0, sizeof(*event));
	event->type = type;
	event->usage = AIC_USAGE_UNKNOWN;
	return event;
}
