/*
 * Messages and parts as values: made by one owner, then only read and counted. Public
 * functions that every layer needs (names, references) are here; the other accessors
 * are in api/message.c.
 */

#include "base/mem.h"
#include "model/message.h"

/* Strings grow in powers of two, so that a part made of many pieces is cheap. */
#define STRING_MIN ((size_t)16)

static size_t capacity_for(size_t len)
{
	size_t capacity = STRING_MIN;

	while (capacity <= len)
		capacity *= 2;
	return capacity;
}

int aic_string_set(struct aic_string *s, struct aic_str value)
{
	char *data = NULL;

	if (value.data) {
		data = aic_strndup(value.data, value.len);
		if (!data)
			return AICHAT_ENOMEM;
	}
	aic_free(s->data);
	*s = (struct aic_string){ data, data ? value.len : 0, data ? value.len + 1 : 0 };
	return 0;
}

int aic_string_append(struct aic_string *s, struct aic_str more)
{
	if (more.len >= SIZE_MAX / 4 - s->len)
		return AICHAT_ENOMEM;
	if (!s->data || s->len + more.len >= s->capacity) {
		size_t capacity = capacity_for(s->len + more.len);
		char *data = aic_realloc_array(s->data, capacity, 1);
		if (!data)
			return AICHAT_ENOMEM;
		s->data = data;
		s->capacity = capacity;
	}
	if (more.len)
		memcpy(s->data + s->len, more.data, more.len);
	s->len += more.len;
	s->data[s->len] = '\0';
	return 0;
}

void aic_string_done(struct aic_string *s)
{
	aic_free(s->data);
	*s = (struct aic_string){ 0 };
}

/* A list of parts starts with one and doubles: most messages have one part. */
static struct aichat_part *add_part(struct aichat_part **parts, size_t *count,
				    size_t *capacity, enum aichat_part_type type)
{
	if (*count >= AIC_PARTS_MAX)
		return NULL;
	if (*count == *capacity) {
		size_t larger = *capacity ? *capacity * 2 : 1;
		void *grown = aic_realloc_array(*parts, larger, sizeof(**parts));
		if (!grown)
			return NULL;
		*parts = grown;
		*capacity = larger;
	}
	struct aichat_part *part = &(*parts)[(*count)++];
	*part = (struct aichat_part){ .type = type };
	return part;
}

struct aichat_part *aic_message_add_part(struct aichat_message *message,
					 enum aichat_part_type type)
{
	return add_part(&message->parts, &message->part_count, &message->part_capacity,
			type);
}

struct aichat_part *aic_part_add_part(struct aichat_part *result,
				      enum aichat_part_type type)
{
	return add_part(&result->parts, &result->part_count, &result->part_capacity,
			type);
}

int aic_message_add_text(struct aichat_message *message, struct aic_str text)
{
	struct aichat_part *part = aic_message_add_part(message, AICHAT_PART_TEXT);

	if (!part)
		return AICHAT_ENOMEM;
	if (!text.data)
		text = AIC_STR("");
	if (aic_string_set(&part->text, text) < 0) {
		message->part_count--;
		return AICHAT_ENOMEM;
	}
	return 0;
}

static void free_parts(struct aichat_part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		aic_part_done(&parts[i]);
	aic_free(parts);
}

void aic_part_done(struct aichat_part *part)
{
	aic_string_done(&part->text);
	aic_string_done(&part->raw);
	aic_string_done(&part->data);
	aic_free(part->id);
	aic_free(part->name);
	aic_free(part->media_type);
	aic_free(part->url);
	free_parts(part->parts, part->part_count);
	*part = (struct aichat_part){ 0 };
}

/* A copy of a text that may be missing. */
static bool copy_text(char **to, const char *from)
{
	*to = aic_strdup(from);
	return *to || !from;
}

static bool copy_parts(struct aichat_part **to, size_t *to_count, size_t *to_capacity,
		       const struct aichat_part *from, size_t count)
{
	if (!count)
		return true;
	*to = aic_calloc(count, sizeof(**to));
	if (!*to)
		return false;
	*to_capacity = count;
	for (; *to_count < count; ++*to_count)
		if (aic_part_copy(&(*to)[*to_count], &from[*to_count]) < 0)
			return false;
	return true;
}

int aic_part_copy(struct aichat_part *to, const struct aichat_part *from)
{
	struct aichat_part copy = { .type = from->type, .is_error = from->is_error };
	bool is_result = from->type == AICHAT_PART_TOOL_RESULT; /* its text is a cache */

	if ((is_result || aic_string_set(&copy.text, aic_string_str(&from->text)) == 0) &&
	    aic_string_set(&copy.raw, aic_string_str(&from->raw)) == 0 &&
	    aic_string_set(&copy.data, aic_string_str(&from->data)) == 0 &&
	    copy_text(&copy.id, from->id) && copy_text(&copy.name, from->name) &&
	    copy_text(&copy.media_type, from->media_type) &&
	    copy_text(&copy.url, from->url) &&
	    copy_parts(&copy.parts, &copy.part_count, &copy.part_capacity, from->parts,
		       from->part_count)) {
		*to = copy;
		return 0;
	}
	aic_part_done(&copy);
	*to = copy;
	return AICHAT_ENOMEM;
}

/*
 * Several texts of a result are put together when first asked for. Messages are read by
 * many threads, so the cache is set by compare-and-swap, and the loser's copy goes.
 */
static struct aic_str result_text(const struct aichat_part *part)
{
	const struct aichat_part *first = NULL;
	char **cache = &((struct aichat_part *)(uintptr_t)part)->text.data;
	size_t texts = 0, len = 0;

	for (size_t i = 0; i < part->part_count; i++)
		if (part->parts[i].type == AICHAT_PART_TEXT && part->parts[i].text.data) {
			first = texts++ ? first : &part->parts[i];
			len += part->parts[i].text.len;
		}
	if (texts <= 1)
		return first ? aic_string_str(&first->text) : (struct aic_str){ 0 };
	char *have = __atomic_load_n(cache, __ATOMIC_ACQUIRE);
	if (have)
		return (struct aic_str){ have, len };
	char *text = aic_malloc(len + 1);
	if (!text)
		return (struct aic_str){ 0 };
	char *end = text;
	for (size_t i = 0; i < part->part_count; i++)
		if (part->parts[i].type == AICHAT_PART_TEXT && part->parts[i].text.len) {
			memcpy(end, part->parts[i].text.data, part->parts[i].text.len);
			end += part->parts[i].text.len;
		}
	*end = '\0';
	if (!__atomic_compare_exchange_n(cache, &have, text, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		aic_free(text);
		text = have;
	}
	return (struct aic_str){ text, len };
}

struct aic_str aic_part_text(const struct aichat_part *part)
{
	switch (part->type) {
	case AICHAT_PART_TOOL_RESULT:
		return result_text(part);
	case AICHAT_PART_SOURCE:
		return aic_str(part->url);
	default:
		return aic_string_str(&part->text);
	}
}

struct aichat_message *aic_message_new(enum aichat_role role)
{
	struct aichat_message *message = aic_new(struct aichat_message);

	if (!message)
		return NULL;
	atomic_init(&message->refs, 1);
	message->role = role;
	message->state = AICHAT_MESSAGE_OPEN;
	message->cost_nano_usd = -1;
	message->usage = AIC_USAGE_UNKNOWN;
	return message;
}

aichat_message *aichat_message_ref(aichat_message *message)
{
	if (message)
		atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
	return message;
}

aichat_message *aichat_message_unref(aichat_message *message)
{
	if (!message ||
	    atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	free_parts(message->parts, message->part_count);
	aic_free(message->dialect);
	aic_free(message->provider);
	aic_free(message->model);
	aic_free(message->stop_word);
	aic_free(message->stop_sequence);
	aic_free(message->response_id);
	aic_free(message);
	return NULL;
}

int aic_message_copy_origin(struct aichat_message *to, const struct aichat_message *from)
{
	to->id = from->id;
	to->conversation_id = from->conversation_id;
	to->parent_id = from->parent_id;
	to->edit_of = from->edit_of;
	to->state = from->state;
	to->stop_reason = from->stop_reason;
	to->created_unix_ms = from->created_unix_ms;
	to->cost_nano_usd = from->cost_nano_usd;
	to->usage = from->usage;
	aic_message_set_texts(to);
	if (!copy_text(&to->dialect, from->dialect) ||
	    !copy_text(&to->provider, from->provider) ||
	    !copy_text(&to->model, from->model) ||
	    !copy_text(&to->stop_word, from->stop_word) ||
	    !copy_text(&to->stop_sequence, from->stop_sequence) ||
	    !copy_text(&to->response_id, from->response_id))
		return AICHAT_ENOMEM;
	return 0;
}

struct aichat_message *aic_message_copy(const struct aichat_message *message)
{
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *copy = aic_message_new(message->role);

	if (!copy || aic_message_copy_origin(copy, message) < 0 ||
	    !copy_parts(&copy->parts, &copy->part_count, &copy->part_capacity,
			message->parts, message->part_count))
		return NULL;
	return AIC_TAKE(copy);
}

static void set_text(const struct aic_id *id, char text[AIC_ID_TEXT])
{
	if (aic_id_is_set(id))
		aic_id_text(id, text);
	else
		text[0] = '\0';
}

void aic_message_set_texts(struct aichat_message *message)
{
	set_text(&message->id, message->id_text);
	set_text(&message->conversation_id, message->conversation_text);
	set_text(&message->parent_id, message->parent_text);
}

bool aic_message_has(const struct aichat_message *message, enum aichat_part_type type)
{
	for (size_t i = 0; i < message->part_count; i++)
		if (message->parts[i].type == type)
			return true;
	return false;
}

/* The names in JSON, by number. Numbers without a name are not in use. */
static const char *const role_names[] = {
	[AICHAT_ROLE_SYSTEM] = "system",
	[AICHAT_ROLE_USER] = "user",
	[AICHAT_ROLE_ASSISTANT] = "assistant",
	[AICHAT_ROLE_TOOL] = "tool",
};

static const char *const state_names[] = {
	[AICHAT_MESSAGE_OPEN] = "open",
	[AICHAT_MESSAGE_SEALED] = "sealed",
	[AICHAT_MESSAGE_INTERRUPTED] = "interrupted",
	[AICHAT_MESSAGE_STOPPED] = "stopped",
	[AICHAT_MESSAGE_FAILED] = "failed",
	[AICHAT_MESSAGE_ERASED] = "erased",
};

static const char *const part_names[] = {
	[AICHAT_PART_TEXT] = "text",           [AICHAT_PART_REASONING] = "reasoning",
	[AICHAT_PART_TOOL_CALL] = "tool_call", [AICHAT_PART_TOOL_RESULT] = "tool_result",
	[AICHAT_PART_IMAGE] = "image",         [AICHAT_PART_AUDIO] = "audio",
	[AICHAT_PART_FILE] = "file",           [AICHAT_PART_REFUSAL] = "refusal",
	[AICHAT_PART_SOURCE] = "source",       [AICHAT_PART_COMPACTION] = "compaction",
	[AICHAT_PART_UNKNOWN] = "unknown",
};

/* AICHAT_STOP_NONE has none: JSON then has no stop_reason. */
static const char *const stop_names[] = {
	[AICHAT_STOP_STOP] = "stop",
	[AICHAT_STOP_SEQUENCE] = "stop_sequence",
	[AICHAT_STOP_LENGTH] = "length",
	[AICHAT_STOP_CONTEXT_WINDOW] = "context_window",
	[AICHAT_STOP_TOOL_CALLS] = "tool_calls",
	[AICHAT_STOP_REFUSAL] = "refusal",
	[AICHAT_STOP_CONTENT_FILTER] = "content_filter",
	[AICHAT_STOP_PAUSE] = "pause",
	[AICHAT_STOP_UNKNOWN] = "unknown",
};

static const char *name_of(const char *const *names, size_t count, int number)
{
	const char *name = number >= 0 && (size_t)number < count ? names[number] : NULL;

	return name ? name : "unknown";
}

static int number_of(const char *const *names, size_t count, struct aic_str name)
{
	for (size_t i = 1; i < count; i++)
		if (aic_str_is(name, names[i]))
			return (int)i;
	return 0;
}

const char *aichat_role_name(int role)
{
	return name_of(role_names, AIC_ARRAY_LEN(role_names), role);
}

const char *aichat_message_state_name(int state)
{
	return name_of(state_names, AIC_ARRAY_LEN(state_names), state);
}

const char *aichat_part_type_name(int type)
{
	return name_of(part_names, AIC_ARRAY_LEN(part_names), type);
}

const char *aichat_stop_reason_name(int reason)
{
	return name_of(stop_names, AIC_ARRAY_LEN(stop_names), reason);
}

enum aichat_role aic_role_parse(struct aic_str name)
{
	return (enum aichat_role)number_of(role_names, AIC_ARRAY_LEN(role_names), name);
}

enum aichat_message_state aic_message_state_parse(struct aic_str name)
{
	return (enum aichat_message_state)number_of(state_names,
						    AIC_ARRAY_LEN(state_names), name);
}

enum aichat_part_type aic_part_type_parse(struct aic_str name)
{
	return (enum aichat_part_type)number_of(part_names, AIC_ARRAY_LEN(part_names),
						name);
}

enum aichat_stop_reason aic_stop_reason_parse(struct aic_str name)
{
	return (enum aichat_stop_reason)number_of(stop_names, AIC_ARRAY_LEN(stop_names),
						  name);
}
