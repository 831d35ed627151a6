/*
 * Replies: their state, their events from any place on, stopping them, and answering
 * their tool calls.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idempotency.h"
#include "send.h"
#include "server.h"
#include "stream.h"

/* How long the answer to a cancel waits for the end, which comes at once as a rule. */
#define CANCEL_WAIT_MS 2000
/* Behind every event. */
#define THE_END (UINT64_MAX >> 2)

static void fail(struct call *call, aichat_error *error)
{
	call_fail(call, error);
	aichat_error_unref(error);
}

/*
 * The reply that the path names, by its id or that of a message that it wrote, from
 * behind an event; NULL and answered. Who finds an open message can so look on.
 */
static aichat_reply *reply_of(struct call *call, uint64_t after)
{
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;

	if (aichat_reply_open(call->ai, call->path_values[0], after, &reply, &error) < 0)
		fail(call, error);
	return reply;
}

static void answer_state(struct call *call, aichat_reply *reply)
{
	aichat_error *error = NULL;
	char *json = NULL;
	size_t len = 0;

	if (aichat_reply_to_json(reply, &json, &len, &error) < 0) {
		fail(call, error);
		return;
	}
	call_answer_json(call, 200, json, len);
	aichat_free(json);
}

/* ---- handlers ---- */

static void get(struct call *call)
{
	aichat_reply *reply = reply_of(call, 0);

	if (reply)
		answer_state(call, reply);
	aichat_reply_unref(reply);
}

/* What a browser sends when it comes back goes before what its address says. */
static bool read_place(struct call *call, uint64_t *ret_after)
{
	const char *last = http_header(call->request, "Last-Event-ID");

	*ret_after = (uint64_t)call_int(call->query, "after", 0);
	if (!last || !*last)
		return true;
	size_t digits = strspn(last, "0123456789");
	if (last[digits] || digits > 18) {
		call_refuse(call, 422, "VALIDATION_FAILED",
			    "Last-Event-ID is no number of an event");
		return false;
	}
	*ret_after = strtoull(last, NULL, 10);
	return true;
}

struct standing {        /* how a reply stands */
	uint64_t newest; /* the number of the newest event that is stored */
	bool over, waiting;
	char conversation[40];
	char last[40]; /* of its messages */
};

/* An id, or "" if there is none. */
static void read_id(const aichat_json *doc, int value, char id[40])
{
	const char *text = aichat_json_string(doc, value, NULL);

	snprintf(id, 40, "%s", text ? text : "");
}

static struct standing standing_of(aichat_reply *reply)
{
	struct standing standing = { 0 };
	aichat_json *doc = NULL;
	char *json = NULL;
	size_t len = 0;

	if (aichat_reply_to_json(reply, &json, &len, NULL) == 0 &&
	    aichat_json_parse(json, (int64_t)len, &doc, NULL) == 0) {
		standing.newest = (uint64_t)call_int(doc, "last_seq", 0);
		standing.over = call_has(doc, "ended_at");
		standing.waiting = strcmp(call_text(doc, "state", ""), "waiting") == 0;
		read_id(doc, aichat_json_get(doc, 0, "conversation_id"),
			standing.conversation);
		int ids = aichat_json_get(doc, 0, "message_ids");
		for (int id = aichat_json_first(doc, ids); id != AICHAT_JSON_NONE;
		     id = aichat_json_next(doc, ids, id))
			read_id(doc, id, standing.last);
	}
	aichat_json_unref(doc);
	aichat_free(json);
	return standing;
}

static void events(struct call *call)
{
	uint64_t after;

	if (!read_place(call, &after))
		return;
	aichat_reply *reply = reply_of(call, after);
	if (!reply)
		return;
	struct standing standing = standing_of(reply);
	/* 204 is what keeps a browser from asking again. */
	if (standing.over && standing.newest <= after)
		call_answer_empty(call, 204);
	else
		stream_reply(call, reply, NULL, NULL, true);
	aichat_reply_unref(reply);
}

static void cancel(struct call *call)
{
	aichat_reply *reply = reply_of(call, THE_END);
	const aichat_event *event = NULL;
	aichat_error *error = NULL;
	char *note = NULL;

	if (!reply)
		return;
	/* A repeat stops it again: the first may have been cut off before it did. */
	if (idempotency_note(call, &note) >= 0) {
		if (aichat_reply_cancel(reply, &error) < 0) {
			fail(call, error);
		} else {
			(void)aichat_reply_next(reply, CANCEL_WAIT_MS, &event);
			answer_state(call, reply);
		}
	}
	free(note);
	aichat_reply_unref(reply);
}

/* ---- tool results ---- */

/* Answered if one is refused; those before it are given. */
static void give_results(struct call *call, aichat_reply *reply, bool repeated,
			 const char *note)
{
	const aichat_json *body = call->body;
	int results = aichat_json_get(body, 0, "results");

	for (int r = aichat_json_first(body, results); r != AICHAT_JSON_NONE;
	     r = aichat_json_next(body, results, r)) {
		aichat_error *error = NULL;
		size_t len = 0;
		const char *id = aichat_json_string(
			body, aichat_json_get(body, r, "tool_call_id"), NULL);
		const char *text = aichat_json_string(
			body, aichat_json_get(body, r, "text"), &len);
		int is_error = aichat_json_bool(body,
						aichat_json_get(body, r, "is_error"), 0);
		int rc = aichat_reply_tool_result(reply, id, text, (int64_t)len, is_error,
						  &error);
		bool waits = rc != AICHAT_ENOTFOUND && rc != AICHAT_ESTATE;
		/* Who repeats what was lost on the way is not at fault, nor if the reply
		 * has gone on since. */
		if (rc == 0 || rc == AICHAT_EEXIST || (repeated && !waits)) {
			aichat_error_unref(error);
			continue;
		}
		if (!waits)
			idempotency_withdraw(call, note);
		fail(call, error);
		return;
	}
	answer_state(call, reply);
}

/* For the model's next answer. False and answered. */
static bool reserve(struct call *call, const struct standing *standing,
		    struct reservation *reservation)
{
	aichat_conversation *conversation = NULL;
	aichat_error *error = NULL;
	bool reserved = false;

	if (aichat_conversation_open(call->ai, standing->conversation, &conversation,
				     &error) < 0)
		fail(call, error);
	else
		reserved = send_reserve(call, conversation, standing->last, NULL,
					reservation);
	aichat_conversation_unref(conversation);
	return reserved;
}

/* With the last result the reply goes on, and somebody has to account for it. */
static void tool_results(struct call *call)
{
	struct reservation reservation = { 0 };
	aichat_reply *reply = reply_of(call, 0);
	char *note = NULL;

	if (!reply)
		return;
	struct standing before = standing_of(reply);
	aichat_reply_unref(reply);
	reply = reply_of(call, before.newest);
	if (!reply)
		return;
	if (reserve(call, &before, &reservation)) {
		int repeated = idempotency_note(call, &note);
		if (repeated >= 0)
			give_results(call, reply, repeated, note);
		if (repeated >= 0 && before.waiting && !standing_of(reply).waiting)
			ongoing_resume(call, reply, before.newest, &reservation);
		else
			limits_settle(&reservation, 0);
	}
	free(note);
	aichat_reply_unref(reply);
}

/* ---- the table ---- */

static const struct field events_fields[] = {
	{ .name = "after",
	  .type = FIELD_INT,
	  .maximum = (int64_t)1 << 53,
	  .help = "the number of the last event that was seen; Last-Event-ID goes before "
		  "it" },
	{ .type = FIELD_END },
};

static const struct field result_fields[] = {
	{ .name = "tool_call_id",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = 512,
	  .help = "the call" },
	{ .name = "text",
	  .type = FIELD_STRING,
	  .required = true,
	  .help = "what the tool returned" },
	{ .name = "is_error", .type = FIELD_BOOL, .help = "whether the tool failed" },
	{ .type = FIELD_END },
};

static const struct field tool_results_fields[] = {
	{ .name = "results",
	  .type = FIELD_OBJECTS,
	  .required = true,
	  .minimum = 1,
	  .maximum = 128,
	  .fields = result_fields,
	  .help = "of one or more of the calls" },
	{ .type = FIELD_END },
};

static const struct field no_fields[] = {
	{ .type = FIELD_END },
};

#define ID                                                                               \
	{                                                                                \
		"id", OBJECT_REPLY, "the reply, or a message that it wrote"              \
	}

const struct route routes_replies[] = {
	{
		.method = "GET",
		.path = "/api/v1/replies/{id}",
		.name = "replies.get",
		.summary = "How a reply stands",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_READ,
		.path_values = { ID },
		.answers = { { 200, "Reply", "Its state." } },
		.handle = get,
	},
	{
		.method = "GET",
		.path = "/api/v1/replies/{id}/events",
		.name = "replies.events",
		.summary = "Look at a reply from any of its events on",
		.about = "Any number of viewers, while it is written and afterwards. Ten "
			 "minutes after its end one `snapshot` stands for all events.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_READ,
		.flags = ROUTE_STREAM,
		.path_values = { ID },
		.query = events_fields,
		.answers = { { 200, "Events", "Server-sent events up to its end." },
			     { 204, NULL, "It is over, and all was seen." } },
		.handle = events,
	},
	{
		.method = "POST",
		.path = "/api/v1/replies/{id}/cancel",
		.name = "replies.cancel",
		.summary = "Stop a reply; what came is kept",
		.about = "One that is over is left as it is.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.flags = ROUTE_IDEMPOTENT,
		.path_values = { ID },
		.body = no_fields,
		.answers = { { 200, "Reply", "Its state." } },
		.handle = cancel,
	},
	{
		.method = "POST",
		.path = "/api/v1/replies/{id}/tool-results",
		.name = "replies.tool_results",
		.summary = "Answer tool calls; with the last answer the reply goes on",
		.about = "A result that is there already stays as it is.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.flags = ROUTE_MODEL | ROUTE_IDEMPOTENT,
		.path_values = { ID },
		.body = tool_results_fields,
		.answers = { { 200, "Reply", "Its state." } },
		.handle = tool_results,
	},
	{ .method = NULL },
};
