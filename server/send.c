/*
 * Beginning a reply for a caller.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idempotency.h"
#include "send.h"
#include "server.h"
#include "stream.h"
#include "tally.h"

/* What a reply is expected to write at most when nothing says it. */
#define OUTPUT_TOKENS 1024
/* Of the path, to find what its last reply used. */
#define PATH_MESSAGES 32

aichat_conversation *conversation_of(struct call *call)
{
	aichat_conversation *conversation = NULL;
	aichat_error *error = NULL;

	if (aichat_conversation_open(call->ai, call->path_values[0], &conversation,
				     &error) < 0) {
		call_fail(call, error);
		aichat_error_unref(error);
		return NULL;
	}
	/* The id of a message would open its conversation, too. */
	if (strcmp(aichat_conversation_id(conversation), call->path_values[0]) == 0)
		return conversation;
	call_refuse(call, 404, "NOT_FOUND", "no conversation %s", call->path_values[0]);
	return aichat_conversation_unref(conversation);
}

/* ---- what was asked ---- */

/* The body's options. NULL and answered if one is wrong. */
static aichat_options *read_options(struct call *call)
{
	aichat_options *options = aichat_options_new();
	aichat_error *error = NULL;
	size_t len = 0;
	int value = aichat_json_get(call->body, 0, "options");
	const char *json = aichat_json_raw(call->body, value, &len);

	int rc = options ? 0 : AICHAT_ENOMEM;
	if (rc == 0 && json)
		rc = aichat_options_set_json(options, json, (int64_t)len, &error);
	if (rc == 0)
		rc = idempotency_set(call, options, &error);
	if (rc == AICHAT_EINVAL) {
		call_mistake(call, "body.options", "invalid", "%s",
			     aichat_error_message(error));
		call_refuse_mistakes(call);
	} else if (rc < 0) {
		call_fail(call, error);
	}
	aichat_error_unref(error);
	return rc < 0 ? aichat_options_free(options) : options;
}

/* ---- what it may use: a guess, which is settled with the real figure ---- */

/* All that was read and written for it; -1 if its provider did not tell. */
static int64_t used_for(const aichat_message *message)
{
	int64_t input = aichat_message_usage(message, AICHAT_USAGE_INPUT);
	int64_t output = aichat_message_usage(message, AICHAT_USAGE_OUTPUT);

	return input < 0 ? -1 : input + (output > 0 ? output : 0);
}

static int64_t text_tokens(const aichat_message *message)
{
	size_t bytes = 0, len;

	for (size_t i = 0; i < aichat_message_part_count(message); i++)
		if (aichat_message_part_text(message, i, &len))
			bytes += len;
	return (int64_t)(bytes / BYTES_PER_TOKEN);
}

/* The message that the new one follows, or takes the place of; "" for none, NULL for the
 * head. */
static const char *place_of(const struct call *call)
{
	int parent = aichat_json_get(call->body, 0, "parent_id");

	if (call->path_values[1][0])
		return call->path_values[1];
	if (aichat_json_type(call->body, parent) == AICHAT_JSON_NULL)
		return "";
	return aichat_json_string(call->body, parent, NULL);
}

/*
 * What the model reads before the new message: what it read and wrote last, and what came
 * since; without such a figure, all texts that are near, and the settings.
 */
static int64_t held_tokens(aichat_conversation *conversation, const char *place,
			   size_t settings_len)
{
	aichat_messages *path = NULL;
	aichat_message *last = NULL;
	int64_t tokens = 0, used = -1;

	if (place && *place &&
	    aichat_conversation_message(conversation, place, &last, NULL) == 0) {
		used = used_for(last);
		tokens = used < 0 ? text_tokens(last) : used;
	}
	if (used < 0 && (!place || *place) &&
	    aichat_conversation_path_page(conversation, place, PATH_MESSAGES, &path,
					  NULL) == 0)
		for (size_t i = aichat_messages_count(path); i-- > 0 && used < 0;) {
			const aichat_message *message = aichat_messages_at(path, i);
			used = used_for(message);
			tokens += used < 0 ? text_tokens(message) : used;
		}
	aichat_messages_unref(path);
	aichat_message_unref(last);
	return used < 0 ? tokens + (int64_t)settings_len / BYTES_PER_TOKEN : tokens;
}

/* The request's limit, else the conversation's, else the configuration's. */
static int64_t output_limit(const struct call *call, const aichat_options *options,
			    const aichat_json *doc)
{
	int set = aichat_json_get(doc, aichat_json_get(doc, 0, "settings"), "options");
	const char *max = NULL;

	if (options)
		(void)aichat_options_get(options, "max_tokens", &max);
	if (!max)
		max = aichat_json_string(doc, aichat_json_get(doc, set, "max_tokens"),
					 NULL);
	if (!max)
		(void)aichat_options_get(call->server->options, "max_tokens", &max);
	return max ? strtoll(max, NULL, 10) : OUTPUT_TOKENS;
}

bool send_reserve(struct call *call, aichat_conversation *conversation, const char *place,
		  const aichat_options *options, struct reservation *ret)
{
	aichat_json *doc = NULL;
	char *json = NULL;
	size_t len = 0;

	if (aichat_conversation_to_json(conversation, &json, &len, NULL, NULL) == 0)
		(void)aichat_json_parse(json, (int64_t)len, &doc, NULL);
	int64_t input = (int64_t)call->raw_body_len / BYTES_PER_TOKEN +
			held_tokens(conversation, place, len);
	bool reserved = limits_reserve(call, input + output_limit(call, options, doc),
				       ret);
	if (reserved)
		ret->input_tokens = input;
	aichat_json_unref(doc);
	aichat_free(json);
	return reserved;
}

/* ---- telling ---- */

static void set_location(struct call *call, const char *reply_id)
{
	char location[80];

	snprintf(location, sizeof(location), "/api/v1/replies/%s", reply_id);
	http_set_header(call->request, "Location", location);
}

/* The reply that the first request with this key began, from its first event. */
static void tell_again(struct call *call, const char *reply_id)
{
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;

	if (aichat_reply_open(call->ai, reply_id, 0, &reply, &error) < 0) {
		call_fail(call, error);
		aichat_error_unref(error);
		return;
	}
	set_location(call, reply_id);
	http_set_header(call->request, "Idempotent-Replayed", "true");
	stream_reply(call, reply, NULL, NULL, stream_is_wanted(call));
	aichat_reply_unref(reply);
}

static bool tell_if_repeated(struct call *call)
{
	char *id = NULL;
	int found = idempotency_find(call, &id);

	if (found > 0)
		tell_again(call, id);
	aichat_free(id);
	return found != 0;
}

/*
 * The first event says whether it is stored. What cannot be stored has a status of its
 * own; another request with the same key may have been faster.
 */
static void tell(struct call *call, aichat_reply *reply, struct reservation *reservation)
{
	const aichat_event *event = NULL;
	const aichat_error *error = NULL;
	int rc = aichat_reply_next(reply, -1, &event);

	if (rc == 1 && aichat_event_type(event) == AICHAT_EVENT_START) {
		set_location(call, aichat_reply_id(reply));
		struct ongoing *ongoing = ongoing_begin(call, reply, reservation);
		stream_reply(call, reply, event, ongoing, stream_is_wanted(call));
		return;
	}
	limits_settle(reservation, 0);
	if (rc == 1)
		error = aichat_event_error(event);
	if (aichat_error_code(error) == AICHAT_EEXIST && tell_if_repeated(call))
		return;
	if (error)
		call_fail(call, error);
	else
		call_refuse(call, 503, "DRAINING", "the server is shutting down");
}

void send_answer(struct call *call, send_begin *begin)
{
	struct reservation reservation;
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;

	if (tell_if_repeated(call))
		return;
	aichat_conversation *conversation = conversation_of(call);
	aichat_options *options = conversation ? read_options(call) : NULL;
	if (options &&
	    send_reserve(call, conversation, place_of(call), options, &reservation)) {
		int rc = begin(call, conversation, options, &reply, &error);
		if (rc == 0) {
			tell(call, reply, &reservation);
		} else {
			limits_settle(&reservation, 0);
			if (!http_answered(call->request))
				call_fail(call, error);
		}
	}
	aichat_error_unref(error);
	aichat_reply_unref(reply);
	aichat_options_free(options);
	aichat_conversation_unref(conversation);
}
