/*
 * The messages of a Chat Completions request: roles, contents, and that every tool call
 * is answered before anything else is said.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"

#define REFUSE REFUSE_CHAT
#define MAX_PENDING 256

/* Calls without a tool message so far. */
struct pending {
	const char *ids[MAX_PENDING];
	size_t n;
};

static bool check_call(struct conn *c, const struct plan *p, struct json_object *call,
		       size_t m, size_t i)
{
	const char *id = json_text(call, "id"), *type = json_text(call, "type");
	struct json_object *f = type ? json_member(call, type) : NULL;
	const char *name = json_text(f, "name");
	if (!id || !*id || !f)
		return REFUSE("missing_required_parameter", "messages",
			      "Missing required "
			      "parameter: 'messages[%zu].tool_calls[%zu].%s'.",
			      m, i,
			      !id || !*id ? "id"
			      : type      ? type
					  : "type");
	if (strlen(id) > 40)
		return REFUSE(
			"string_above_max_length", "messages",
			"Invalid 'messages[%zu].tool_calls[%zu].id': string too long. "
			"Expected a string with maximum length 40, but got a string with "
			"length %zu instead.",
			m, i, strlen(id));
	if (!name_ok(name, 64))
		return REFUSE(
			"invalid_value", "messages",
			"Invalid 'messages[%zu].tool_calls[%zu].function.name': string "
			"does "
			"not match pattern '^[a-zA-Z0-9_-]+$' of at most 64 characters.",
			m, i);
	if (!strcmp(type, "function") && !json_text(f, "arguments"))
		return REFUSE("invalid_type", "messages",
			      "Invalid type for 'messages[%zu].tool_calls[%zu].function."
			      "arguments': expected a string.",
			      m, i);
	return true;
}

/* Which parts a role may send. */
static bool check_content(struct conn *c, const struct plan *p,
			  struct json_object *message, const char *role, size_t m)
{
	static const char *const user[] = { "text", "image_url", "input_audio", "file",
					    NULL };
	static const char *const assistant[] = { "text", "refusal", NULL };
	static const char *const others[] = { "text", NULL };
	struct json_object *v = json_member(message, "content");
	bool optional = !strcmp(role, "assistant") &&
			(array_length(json_member(message, "tool_calls")) ||
			 json_member(message, "function_call") ||
			 json_member(message, "audio"));
	if (!v && !optional)
		return REFUSE("invalid_type", "messages",
			      "Invalid value for 'content' of "
			      "messages.[%zu]: expected a string, got null.",
			      m);
	if (!v || json_object_is_type(v, json_type_string))
		return true;
	if (!array_length(v))
		return REFUSE(
			"invalid_type", "messages",
			"Invalid type for "
			"'messages[%zu].content': expected a string or a list of parts.",
			m);
	const char *const *allowed = !strcmp(role, "user")        ? user
				     : !strcmp(role, "assistant") ? assistant
								  : others;
	for (size_t i = 0; i < array_length(v); i++) {
		struct json_object *part = json_object_array_get_idx(v, i);
		const char *type = json_text(part, "type");
		if (!type || !one_of(type, allowed))
			return REFUSE("invalid_value", "messages",
				      "Invalid value: '%s'. "
				      "'messages[%zu].content[%zu]' of role '%s' cannot "
				      "be of this "
				      "type.",
				      type ? type : "", m, i, role);
		if (!json_member(part, type))
			return REFUSE("missing_required_parameter", "messages",
				      "Missing required "
				      "parameter: 'messages[%zu].content[%zu].%s'.",
				      m, i, type);
	}
	return true;
}

static bool check_answered(struct conn *c, const struct plan *p,
			   const struct pending *pending, size_t m)
{
	if (!pending->n)
		return true;
	char param[64];
	struct buf ids = { 0 };
	for (size_t i = 0; i < pending->n; i++)
		buf_printf(&ids, "%s%s", i ? ", " : "", pending->ids[i]);
	snprintf(param, sizeof(param), "messages.[%zu].role", m);
	answer_error(c, p, 400, "invalid_request_error", NULL, param,
		     "An assistant message with 'tool_calls' must be followed by tool "
		     "messages "
		     "responding to each 'tool_call_id'. The following tool_call_ids did "
		     "not have "
		     "response messages: %s",
		     ids.p);
	buf_free(&ids);
	return false;
}

static bool take_answer(struct conn *c, const struct plan *p, struct json_object *message,
			struct pending *pending, size_t m)
{
	const char *id = json_text(message, "tool_call_id");
	char param[64];
	snprintf(param, sizeof(param), "messages.[%zu].role", m);
	if (!id)
		return REFUSE("missing_required_parameter", "messages",
			      "Missing required parameter: 'messages[%zu].tool_call_id'.",
			      m);
	for (size_t i = 0; i < pending->n; i++) {
		if (strcmp(pending->ids[i], id))
			continue;
		pending->ids[i] = pending->ids[--pending->n];
		return true;
	}
	return REFUSE(
		NULL, param,
		"Invalid parameter: messages with role 'tool' must be a "
		"response to a preceding message with 'tool_calls' (tool_call_id %s).",
		id);
}

static bool check_message(struct conn *c, const struct plan *p,
			  struct json_object *message, struct pending *pending, size_t m)
{
	static const char *const roles[] = {
		"system", "developer", "user", "assistant", "tool", "function", NULL,
	};
	const char *role = json_text(message, "role");
	if (!role || !one_of(role, roles))
		return REFUSE(
			"invalid_value", "messages",
			"Invalid value: '%s'. "
			"'messages[%zu].role' must be one of system, developer, user, "
			"assistant, tool and function.",
			role ? role : "", m);
	if (!strcmp(role, "tool")) {
		if (!take_answer(c, p, message, pending, m))
			return false;
	} else if (!check_answered(c, p, pending, m)) {
		return false;
	}
	if (!check_content(c, p, message, role, m))
		return false;
	struct json_object *calls = json_member(message, "tool_calls");
	if (!calls)
		return true;
	if (strcmp(role, "assistant"))
		return REFUSE("unknown_parameter", "messages",
			      "Unknown parameter: 'messages[%zu].tool_calls'.", m);
	if (!array_length(calls) || array_length(calls) > MAX_PENDING)
		return REFUSE("empty_array", "messages",
			      "Invalid 'messages[%zu].tool_calls': "
			      "expected an array of 1 to %d calls.",
			      m, MAX_PENDING);
	for (size_t i = 0; i < array_length(calls); i++) {
		struct json_object *call = json_object_array_get_idx(calls, i);
		if (!check_call(c, p, call, m, i))
			return false;
		pending->ids[pending->n++] = json_text(call, "id");
	}
	return true;
}

bool check_chat_messages(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *messages = json_member(req, "messages");
	struct pending pending = { .n = 0 };
	size_t n = array_length(messages);
	if (!json_object_is_type(messages, json_type_array))
		return REFUSE("missing_required_parameter", "messages",
			      "Missing required parameter: 'messages'.");
	if (!n)
		return REFUSE("empty_array", "messages",
			      "Invalid 'messages': empty array. "
			      "Expected an array with minimum length 1.");
	for (size_t i = 0; i < n; i++)
		if (!check_message(c, p, json_object_array_get_idx(messages, i), &pending,
				   i))
			return false;
	return check_answered(c, p, &pending, n - 1);
}
