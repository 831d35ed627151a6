/*
 * Events as JSON, one object a line, both ways. What an event carries is written, empty
 * strings and unset ids are not; bytes of parts are in it, so that a log can be replayed.
 */

#include "base/mem.h"
#include "model/event.h"
#include "model/message_json.h"
#include "model/read.h"

static void put_str(struct aic_json_writer *w, const char *key, struct aic_str text)
{
	if (!text.len)
		return;
	aic_json_put_key(w, key);
	aic_json_put_str(w, text);
}

static void put_piece(struct aic_json_writer *w, const char *key, struct aic_str text)
{
	aic_json_put_key(w, key);
	aic_json_put_str(w, text.data ? text : AIC_STR(""));
}

static void put_int(struct aic_json_writer *w, const char *key, int64_t value)
{
	aic_json_put_key(w, key);
	aic_json_put_int(w, value);
}

static void put_id(struct aic_json_writer *w, const char *key, const struct aic_id *id)
{
	char text[AIC_ID_TEXT];

	if (aic_id_is_set(id))
		aic_json_put_member(w, key, aic_id_text(id, text));
}

static void put_error(struct aic_json_writer *w, const aichat_error *error)
{
	const char *provider_code = aichat_error_provider_code(error);
	const char *request_id = aichat_error_request_id(error);
	int64_t retry_after_ms = aichat_error_retry_after_ms(error);
	int http_status = aichat_error_http_status(error);

	if (!error)
		return;
	aic_json_put_key(w, "error");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "code", aichat_error_name(aichat_error_code(error)));
	aic_json_put_member(w, "message", aichat_error_message(error));
	if (http_status || provider_code || request_id || retry_after_ms >= 0) {
		aic_json_put_key(w, "details");
		aic_json_begin(w, '{');
		if (http_status)
			put_int(w, "http_status", http_status);
		aic_json_put_member(w, "provider_code", provider_code);
		aic_json_put_member(w, "request_id", request_id);
		if (retry_after_ms >= 0)
			put_int(w, "retry_after_ms", retry_after_ms);
		aic_json_end(w, '}');
	}
	aic_json_end(w, '}');
}

static void put_messages(struct aic_json_writer *w, const struct aichat_event *event)
{
	if (event->message) {
		aic_json_put_key(w, "message");
		aic_message_write(event->message, w, true);
	}
	if (event->message_count < 2)
		return;
	aic_json_put_key(w, "messages");
	aic_json_begin(w, '[');
	for (size_t i = 0; i < event->message_count; i++)
		aic_message_write(event->messages[i], w, true);
	aic_json_end(w, ']');
}

static void put_part(struct aic_json_writer *w, const struct aichat_event *event)
{
	put_int(w, "index", event->index);
	switch (event->type) {
	case AICHAT_EVENT_PART_START:
		aic_json_put_member(w, "part", aichat_part_type_name(event->part_type));
		put_str(w, "id", event->id);
		put_str(w, "name", event->name);
		break;
	case AICHAT_EVENT_TOOL_CALL:
		put_str(w, "id", event->id);
		put_str(w, "name", event->name);
		put_piece(w, "arguments", event->text);
		break;
	case AICHAT_EVENT_PART_END:
		aic_json_put_member(w, "part", aichat_part_type_name(event->part_type));
		put_str(w, "raw", event->raw);
		if (event->part) {
			aic_json_put_key(w, "value");
			aic_part_write(event->part, w, true);
		}
		break;
	default:
		put_piece(w, "text", event->text);
	}
}

static void put_stop(struct aic_json_writer *w, const struct aichat_event *event)
{
	if (event->stop_reason != AICHAT_STOP_NONE)
		aic_json_put_member(w, "stop_reason",
				    aichat_stop_reason_name(event->stop_reason));
	put_str(w, "stop_word", event->stop_word);
	put_str(w, "stop_sequence", event->stop_sequence);
}

/* What only this type of event has. */
static void put_members(struct aic_json_writer *w, const struct aichat_event *event)
{
	switch (event->type) {
	case AICHAT_EVENT_START:
		put_str(w, "model", event->model);
		break;
	case AICHAT_EVENT_PART_START:
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
	case AICHAT_EVENT_PART_END:
		put_part(w, event);
		break;
	case AICHAT_EVENT_USAGE:
		aic_json_put_key(w, "usage");
		aic_usage_write(&event->usage, w);
		break;
	case AICHAT_EVENT_RETRY:
		put_int(w, "attempt", event->attempt);
		put_int(w, "delay_ms", event->delay_ms);
		put_error(w, event->error);
		break;
	case AICHAT_EVENT_MESSAGE:
		if (!event->message)
			put_stop(w, event);
		put_messages(w, event);
		break;
	case AICHAT_EVENT_SNAPSHOT:
	case AICHAT_EVENT_DONE:
	case AICHAT_EVENT_ERROR:
		if (event->state)
			aic_json_put_member(w, "state",
					    aichat_reply_state_name(event->state));
		put_error(w, event->error);
		put_messages(w, event);
		break;
	}
}

void aic_event_write(const struct aichat_event *event, struct aic_json_writer *w)
{
	const struct aichat_message *message = event->message;

	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", aic_event_type_name(event->type));
	if (event->seq)
		put_int(w, "seq", (int64_t)event->seq);
	if (event->type == AICHAT_EVENT_START) {
		put_id(w, "reply_id", &event->reply_id);
		put_id(w, "conversation_id", &event->conversation_id);
		put_id(w, "user_message_id", &event->user_message_id);
	}
	/* A message that is in the event says its id itself. */
	if (!message || !aic_id_equal(&message->id, &event->message_id))
		put_id(w, "message_id", &event->message_id);
	put_members(w, event);
	aic_json_end(w, '}');
}

/* An event that is being read, with what it borrows. */
struct reading {
	struct aichat_event event;
	struct aic_string text, id, name, raw, stop_word, stop_sequence, model;
	struct aichat_part part;
};

static void reading_done(struct reading *reading)
{
	struct aichat_event *event = &reading->event;

	aic_string_done(&reading->text);
	aic_string_done(&reading->id);
	aic_string_done(&reading->name);
	aic_string_done(&reading->raw);
	aic_string_done(&reading->stop_word);
	aic_string_done(&reading->stop_sequence);
	aic_string_done(&reading->model);
	aic_part_done(&reading->part);
	aichat_message_unref(event->message);
	for (size_t i = 0; i < event->message_count; i++)
		aichat_message_unref(event->messages[i]);
	aic_free(event->messages);
	aichat_error_unref(event->error);
}

/* The members below return 0 or an error: what is absent stays as it was. */
static int read_str(const struct aic_read *r, const char *key, struct aic_string *own,
		    struct aic_str *ret)
{
	int result = aic_read_string(r, key, own);

	if (result > 0)
		*ret = aic_string_str(own);
	return AIC_MIN(result, 0);
}

static int read_u32(const struct aic_read *r, const char *key, uint32_t *ret)
{
	int64_t number = 0;
	int result = aic_read_count(r, key, &number);

	if (number > UINT32_MAX)
		return aic_read_fail(r, key, AICHAT_EJSON, "is too large");
	if (result > 0)
		*ret = (uint32_t)number;
	return AIC_MIN(result, 0);
}

static int error_code(const char *name)
{
#define IF_NAME(code, number, text_name, text)                                           \
	if (strcmp(name, text_name) == 0)                                                \
		return number;
	AICHAT_ERROR_MAP(IF_NAME)
#undef IF_NAME
	return AICHAT_EINTERNAL; /* a newer version's */
}

static int read_details(const struct aic_read *r, struct aic_error_detail *detail,
			char **provider_code, char **request_id)
{
	struct aic_read details;
	int64_t status = 0;
	int result = aic_read_child(r, "details", AIC_JSON_OBJECT, &details);

	if (result <= 0)
		return result;
	if ((result = aic_read_count(&details, "http_status", &status)) < 0 ||
	    (result = aic_read_count(&details, "retry_after_ms",
				     &detail->retry_after_ms)) < 0 ||
	    (result = aic_read_text(&details, "provider_code", provider_code)) < 0 ||
	    (result = aic_read_text(&details, "request_id", request_id)) < 0)
		return result;
	if (status > 999)
		return aic_read_fail(&details, "http_status", AICHAT_EJSON,
				     "is no status");
	detail->http_status = (int)status;
	detail->provider_code = *provider_code;
	detail->request_id = *request_id;
	return 0;
}

static int read_error(const struct aic_read *r, aichat_error **ret_error)
{
	AIC_CLEANUP(aic_freep) char *message = NULL;
	AIC_CLEANUP(aic_freep) char *provider_code = NULL;
	AIC_CLEANUP(aic_freep) char *request_id = NULL;
	struct aic_error_detail detail = { .retry_after_ms = -1 };
	struct aic_read object;
	char word[AIC_WORD_MAX];
	int result = aic_read_child(r, "error", AIC_JSON_OBJECT, &object);

	if (result <= 0)
		return result;
	if ((result = aic_read_word(&object, "code", word)) < 0)
		return result;
	if (result == 0)
		return aic_read_fail(&object, "code", AICHAT_EJSON, "is missing");
	if ((result = aic_read_text(&object, "message", &message)) < 0 ||
	    (result = read_details(&object, &detail, &provider_code, &request_id)) < 0)
		return result;
	/* When memory is out, the error is the static object that says so. */
	aichat_error *out_of_memory = NULL;
	aic_error_nomem(&out_of_memory);
	aic_error_set_detail(ret_error, error_code(word), &detail, "%s",
			     message ? message : "");
	if (*ret_error == out_of_memory)
		return aic_error_nomem(r->reterr);
	return 0;
}

static int read_messages(const struct aic_read *r, struct aichat_event *event)
{
	struct aic_read child, array, element = { 0 };
	size_t capacity = 0;
	int result = aic_read_child(r, "message", AIC_JSON_OBJECT, &child);

	if (result < 0 ||
	    (result > 0 && (result = aic_message_read_at(&child, &event->message)) < 0) ||
	    (result = aic_read_child(r, "messages", AIC_JSON_ARRAY, &array)) <= 0)
		return result;
	while (aic_read_element(&array, &element)) {
		if (!AIC_GROW(event->messages, event->message_count, &capacity))
			return aic_error_nomem(r->reterr);
		result = aic_message_read_at(&element,
					     &event->messages[event->message_count]);
		if (result < 0)
			return result;
		event->message_count++;
	}
	return 0;
}

static int read_part(const struct aic_read *r, struct reading *reading)
{
	struct aichat_event *event = &reading->event;
	bool is_call = event->type == AICHAT_EVENT_TOOL_CALL;
	struct aic_read value;
	char word[AIC_WORD_MAX];
	int result = aic_read_word(r, "part", word);

	if (result > 0) {
		event->part_type = aic_part_type_parse(aic_str(word));
		if (!event->part_type)
			event->part_type = AICHAT_PART_UNKNOWN;
	}
	if (result < 0 || (result = read_u32(r, "index", &event->index)) < 0 ||
	    (result = read_str(r, "id", &reading->id, &event->id)) < 0 ||
	    (result = read_str(r, "name", &reading->name, &event->name)) < 0 ||
	    (result = read_str(r, "raw", &reading->raw, &event->raw)) < 0 ||
	    (result = read_str(r, is_call ? "arguments" : "text", &reading->text,
			       &event->text)) < 0 ||
	    (result = aic_read_child(r, "value", AIC_JSON_OBJECT, &value)) <= 0)
		return result;
	event->part = &reading->part;
	return aic_part_read_at(&value, &reading->part);
}

static int read_ids(const struct aic_read *r, struct aichat_event *event)
{
	int64_t seq = 0;
	int result = aic_read_count(r, "seq", &seq);

	event->seq = (uint64_t)seq;
	if (result < 0 ||
	    (result = aic_read_id(r, "message_id", &event->message_id)) < 0 ||
	    (result = aic_read_id(r, "reply_id", &event->reply_id)) < 0 ||
	    (result = aic_read_id(r, "conversation_id", &event->conversation_id)) < 0 ||
	    (result = aic_read_id(r, "user_message_id", &event->user_message_id)) < 0)
		return result;
	return 0;
}

/* Stop reason, state and usage. */
static int read_outcome(const struct aic_read *r, struct reading *reading)
{
	struct aichat_event *event = &reading->event;
	struct aic_read usage;
	char word[AIC_WORD_MAX];
	int result = aic_read_word(r, "stop_reason", word);

	if (result > 0) {
		event->stop_reason = aic_stop_reason_parse(aic_str(word));
		if (!event->stop_reason)
			event->stop_reason = AICHAT_STOP_UNKNOWN;
	}
	if (result < 0 || (result = aic_read_word(r, "state", word)) < 0)
		return result;
	if (result > 0) {
		event->state = aic_reply_state_parse(aic_str(word));
		if (!event->state)
			return aic_read_fail(r, "state", AICHAT_EJSON, "is no state");
	}
	if ((result = read_str(r, "stop_word", &reading->stop_word, &event->stop_word)) <
		    0 ||
	    (result = read_str(r, "stop_sequence", &reading->stop_sequence,
			       &event->stop_sequence)) < 0 ||
	    (result = aic_read_child(r, "usage", AIC_JSON_OBJECT, &usage)) <= 0)
		return result;
	return aic_usage_read(&usage, &event->usage);
}

static int read_event(const struct aic_read *r, struct reading *reading)
{
	struct aichat_event *event = &reading->event;
	int result = read_ids(r, event);

	if (result < 0 || (result = read_u32(r, "attempt", &event->attempt)) < 0 ||
	    (result = aic_read_count(r, "delay_ms", &event->delay_ms)) < 0 ||
	    (result = read_str(r, "model", &reading->model, &event->model)) < 0 ||
	    (result = read_part(r, reading)) < 0 ||
	    (result = read_outcome(r, reading)) < 0 ||
	    (result = read_error(r, &event->error)) < 0 ||
	    (result = read_messages(r, event)) < 0)
		return result;
	return 0;
}

int aic_event_read(const struct aic_json *doc, int object,
		   struct aichat_event **ret_event, aichat_error **reterr)
{
	AIC_CLEANUP(reading_done) struct reading reading = { 0 };
	struct aic_read r;
	char word[AIC_WORD_MAX];
	int result = aic_read_root(&r, doc, object, "event", reterr);

	if (result < 0 || (result = aic_read_word(&r, "type", word)) < 0)
		return result;
	if (result == 0)
		return aic_read_fail(&r, "type", AICHAT_EJSON, "is missing");
	reading.event.type = aic_event_type_parse(aic_str(word));
	reading.event.usage = AIC_USAGE_UNKNOWN;
	if (!reading.event.type) {
		*ret_event = NULL;
		return 0;
	}
	if ((result = read_event(&r, &reading)) < 0)
		return result;
	struct aichat_event *event = aic_event_copy(&reading.event);
	if (!event)
		return aic_error_nomem(reterr);
	*ret_event = event;
	return 0;
}
