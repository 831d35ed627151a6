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

/* What a reply is expected to write at most when nothing says it. */
#define OUTPUT_TOKENS 1024

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

/* A guess that is settled with the real figure: four bytes are about a token. */
static int64_t expected_tokens(const struct call *call, const aichat_options *options)
{
	const char *max = NULL;
	int64_t output = OUTPUT_TOKENS;

	if (aichat_options_get(options, "max_tokens", &max) == 0 && max)
		output = strtoll(max, NULL, 10);
	return (int64_t)call->raw_body_len / 4 + output;
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
	    limits_reserve(call, expected_tokens(call, options), &reservation)) {
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
