/*
 * What OpenAI's Chat Completions refuses, with its status and error shape. A check
 * answers the request itself and returns false.
 */
#include "plan.h"

#include <stdio.h>
#include <string.h>

#define REFUSE(code, param, ...) \
	(answer_error(c, p, 400, "invalid_request_error", code, param, __VA_ARGS__), false)
#define MAX_PENDING 256

struct pending {
	const char *ids[MAX_PENDING];	/* calls without a tool message so far */
	size_t n;
};

bool name_ok(const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0;
	return n && n <= max &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static bool one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool is_reasoning_model(const char *model)
{
	return has_prefix(model, "o1") || has_prefix(model, "o3") || has_prefix(model, "o4") ||
	       has_prefix(model, "gpt-5");
}

static size_t length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static bool check_members(struct conn *c, const struct plan *p, struct json_object *req)
{
	static const char *const known[] = {
		"model", "messages", "max_completion_tokens", "max_tokens", "tools",
		"tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
		"verbosity", "temperature", "top_p", "frequency_penalty", "presence_penalty",
		"logit_bias", "logprobs", "top_logprobs", "stop", "n", "seed", "modalities",
		"audio", "prediction", "stream", "stream_options", "service_tier", "store",
		"metadata", "safety_identifier", "prompt_cache_key", "user",
		"prompt_cache_options", "prompt_cache_retention", "moderation",
		"web_search_options", "functions", "function_call", NULL,
	};
	json_object_object_foreach(req, key, value) {
		(void)value;
		if (!one_of(key, known))
			return REFUSE("unknown_parameter", key, "Unknown parameter: '%s'.", key);
	}
	return true;
}

static bool check_range(struct conn *c, const struct plan *p, struct json_object *req,
			const char *name, double min, double max)
{
	struct json_object *v = json_member(req, name);
	if (!v)
		return true;
	if (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
		return REFUSE("invalid_type", name, "Invalid type for '%s': expected a number.",
			      name);
	double d = json_object_get_double(v);
	if (d < min)
		return REFUSE("decimal_below_min_value", name,
			      "Invalid '%s': expected a value >= %g, but got %g instead.", name,
			      min, d);
	if (d > max)
		return REFUSE("decimal_above_max_value", name,
			      "Invalid '%s': expected a value <= %g, but got %g instead.", name,
			      max, d);
	return true;
}

static bool check_reasoning_model(struct conn *c, const struct plan *p,
				  struct json_object *req, const char *model)
{
	static const char *const fixed[] = {
		"temperature", "top_p", "frequency_penalty", "presence_penalty", NULL,
	};
	if (!is_reasoning_model(model))
		return true;
	if (json_member(req, "max_tokens"))
		return REFUSE("unsupported_parameter", "max_tokens",
			      "Unsupported parameter: 'max_tokens' is not supported with this "
			      "model. Use 'max_completion_tokens' instead.");
	if (json_member(req, "stop"))
		return REFUSE("unsupported_parameter", "stop",
			      "Unsupported parameter: 'stop' is not supported with this model.");
	for (size_t i = 0; fixed[i]; i++) {
		struct json_object *v = json_member(req, fixed[i]);
		if (v && json_object_get_double(v) != (i < 2 ? 1.0 : 0.0))
			return REFUSE("unsupported_value", fixed[i],
				      "Unsupported value: '%s' does not support %g with this "
				      "model. Only the default value is supported.", fixed[i],
				      json_object_get_double(v));
	}
	/* Function tools with active reasoning: only the Responses API takes both. */
	const char *effort = json_text(req, "reasoning_effort");
	bool gated = has_prefix(model, "gpt-5.4") || has_prefix(model, "gpt-5.5") ||
		     has_prefix(model, "gpt-5.6");
	bool active = effort ? strcmp(effort, "none") != 0 : !has_prefix(model, "gpt-5.4");
	if (gated && active && length(json_member(req, "tools")))
		return REFUSE(NULL, "reasoning_effort",
			      "Function tools with reasoning_effort are not supported for %s in "
			      "/v1/chat/completions. Please use /v1/responses or set "
			      "reasoning_effort to 'none'.", model);
	return true;
}

static bool check_tools(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *tools = json_member(req, "tools");
	if (!tools) {
		if (json_member(req, "tool_choice"))
			return REFUSE(NULL, "tool_choice", "Invalid value for 'tool_choice': "
				      "'tool_choice' is only allowed when 'tools' are specified.");
		if (json_member(req, "parallel_tool_calls"))
			return REFUSE(NULL, "parallel_tool_calls",
				      "Invalid value for 'parallel_tool_calls': it is only "
				      "allowed when 'tools' are specified.");
		return true;
	}
	if (!length(tools))
		return REFUSE("empty_array", "tools", "Invalid 'tools': empty array. Expected an "
			      "array with minimum length 1, but got an empty array instead.");
	for (size_t i = 0; i < length(tools); i++) {
		struct json_object *t = json_object_array_get_idx(tools, i);
		const char *type = json_text(t, "type");
		if (!type || (strcmp(type, "function") && strcmp(type, "custom")))
			return REFUSE("invalid_value", "tools",
				      "Invalid value for 'tools[%zu].type': expected 'function' or "
				      "'custom'.", i);
		const char *name = json_text(json_member(t, type), "name");
		if (!name)
			return REFUSE("missing_required_parameter", "tools",
				      "Missing required parameter: 'tools[%zu].%s.name'.", i, type);
		if (strlen(name) > 64)
			return REFUSE("string_above_max_length", "tools",
				      "Invalid 'tools[%zu].%s.name': string too long. Expected a "
				      "string with maximum length 64, but got a string with length "
				      "%zu instead.", i, type, strlen(name));
		if (!name_ok(name, 64))
			return REFUSE("invalid_value", "tools",
				      "Invalid 'tools[%zu].%s.name': string does not match pattern. "
				      "Expected a string that matches the pattern "
				      "'^[a-zA-Z0-9_-]+$'.", i, type);
	}
	return true;
}

static bool check_call(struct conn *c, const struct plan *p, struct json_object *call,
		       size_t m, size_t i)
{
	const char *id = json_text(call, "id"), *type = json_text(call, "type");
	struct json_object *f = type ? json_member(call, type) : NULL;
	const char *name = json_text(f, "name");
	if (!id || !*id || !f)
		return REFUSE("missing_required_parameter", "messages", "Missing required "
			      "parameter: 'messages[%zu].tool_calls[%zu].%s'.", m, i,
			      !id || !*id ? "id" : type ? type : "type");
	if (strlen(id) > 40)
		return REFUSE("string_above_max_length", "messages",
			      "Invalid 'messages[%zu].tool_calls[%zu].id': string too long. "
			      "Expected a string with maximum length 40, but got a string with "
			      "length %zu instead.", m, i, strlen(id));
	if (!name_ok(name, 64))
		return REFUSE("invalid_value", "messages",
			      "Invalid 'messages[%zu].tool_calls[%zu].function.name': string does "
			      "not match pattern '^[a-zA-Z0-9_-]+$' of at most 64 characters.", m, i);
	if (!strcmp(type, "function") && !json_text(f, "arguments"))
		return REFUSE("invalid_type", "messages",
			      "Invalid type for 'messages[%zu].tool_calls[%zu].function."
			      "arguments': expected a string.", m, i);
	return true;
}

/* Which parts a role may send. */
static bool check_content(struct conn *c, const struct plan *p, struct json_object *message,
			  const char *role, size_t m)
{
	static const char *const user[] = { "text", "image_url", "input_audio", "file", NULL };
	static const char *const assistant[] = { "text", "refusal", NULL };
	static const char *const others[] = { "text", NULL };
	struct json_object *v = json_member(message, "content");
	bool optional = !strcmp(role, "assistant") &&
			(length(json_member(message, "tool_calls")) ||
			 json_member(message, "function_call") || json_member(message, "audio"));
	if (!v && !optional)
		return REFUSE("invalid_type", "messages", "Invalid value for 'content' of "
			      "messages.[%zu]: expected a string, got null.", m);
	if (!v || json_object_is_type(v, json_type_string))
		return true;
	if (!length(v))
		return REFUSE("invalid_type", "messages", "Invalid type for "
			      "'messages[%zu].content': expected a string or a list of parts.", m);
	const char *const *allowed = !strcmp(role, "user") ? user :
				     !strcmp(role, "assistant") ? assistant : others;
	for (size_t i = 0; i < length(v); i++) {
		struct json_object *part = json_object_array_get_idx(v, i);
		const char *type = json_text(part, "type");
		if (!type || !one_of(type, allowed))
			return REFUSE("invalid_value", "messages", "Invalid value: '%s'. "
				      "'messages[%zu].content[%zu]' of role '%s' cannot be of this "
				      "type.", type ? type : "", m, i, role);
		if (!json_member(part, type))
			return REFUSE("missing_required_parameter", "messages", "Missing required "
				      "parameter: 'messages[%zu].content[%zu].%s'.", m, i, type);
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
		     "An assistant message with 'tool_calls' must be followed by tool messages "
		     "responding to each 'tool_call_id'. The following tool_call_ids did not have "
		     "response messages: %s", ids.p);
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
			      "Missing required parameter: 'messages[%zu].tool_call_id'.", m);
	for (size_t i = 0; i < pending->n; i++) {
		if (strcmp(pending->ids[i], id))
			continue;
		pending->ids[i] = pending->ids[--pending->n];
		return true;
	}
	return REFUSE(NULL, param, "Invalid parameter: messages with role 'tool' must be a "
		      "response to a preceding message with 'tool_calls' (tool_call_id %s).", id);
}

static bool check_message(struct conn *c, const struct plan *p, struct json_object *message,
			  struct pending *pending, size_t m)
{
	static const char *const roles[] = {
		"system", "developer", "user", "assistant", "tool", "function", NULL,
	};
	const char *role = json_text(message, "role");
	if (!role || !one_of(role, roles))
		return REFUSE("invalid_value", "messages", "Invalid value: '%s'. "
			      "'messages[%zu].role' must be one of system, developer, user, "
			      "assistant, tool and function.", role ? role : "", m);
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
	if (!length(calls) || length(calls) > MAX_PENDING)
		return REFUSE("empty_array", "messages", "Invalid 'messages[%zu].tool_calls': "
			      "expected an array of 1 to %d calls.", m, MAX_PENDING);
	for (size_t i = 0; i < length(calls); i++) {
		struct json_object *call = json_object_array_get_idx(calls, i);
		if (!check_call(c, p, call, m, i))
			return false;
		pending->ids[pending->n++] = json_text(call, "id");
	}
	return true;
}

static bool check_all_messages(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *messages = json_member(req, "messages");
	struct pending pending = { .n = 0 };
	size_t n = length(messages);
	if (!json_object_is_type(messages, json_type_array))
		return REFUSE("missing_required_parameter", "messages",
			      "Missing required parameter: 'messages'.");
	if (!n)
		return REFUSE("empty_array", "messages", "Invalid 'messages': empty array. "
			      "Expected an array with minimum length 1.");
	for (size_t i = 0; i < n; i++)
		if (!check_message(c, p, json_object_array_get_idx(messages, i), &pending, i))
			return false;
	return check_answered(c, p, &pending, n - 1);
}

static bool check_options(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *stream = json_member(req, "stream");
	struct json_object *choices = json_member(req, "n");
	const char *format = json_text(json_member(req, "response_format"), "type");
	if (stream && !json_object_is_type(stream, json_type_boolean))
		return REFUSE("invalid_type", "stream",
			      "Invalid type for 'stream': expected a boolean.");
	if (json_member(req, "stream_options") && !json_object_get_boolean(stream))
		return REFUSE(NULL, "stream_options", "The 'stream_options' parameter is only "
			      "allowed when 'stream' is enabled.");
	if (choices && json_object_get_int(choices) != 1)
		return REFUSE("unsupported_value", "n", "fakellm gives one choice.");
	if (length(json_member(req, "stop")) > 4)
		return REFUSE("array_above_max_length", "stop", "Invalid 'stop': array too long. "
			      "Expected an array with maximum length 4.");
	if (format && !strcmp(format, "json_object")) {
		const char *text = json_object_to_json_string(json_member(req, "messages"));
		if (!strcasestr(text, "json"))
			return REFUSE(NULL, "messages", "'messages' must contain the word 'json' in "
				      "some form, to use 'response_format' of type 'json_object'.");
	}
	return check_range(c, p, req, "temperature", 0, 2) &&
	       check_range(c, p, req, "top_p", 0, 1) &&
	       check_range(c, p, req, "frequency_penalty", -2, 2) &&
	       check_range(c, p, req, "presence_penalty", -2, 2) &&
	       check_range(c, p, req, "max_tokens", 1, 1e9) &&
	       check_range(c, p, req, "max_completion_tokens", 1, 1e9);
}

bool check_chat(struct conn *c, const struct plan *p, struct json_object *req)
{
	const char *model = json_text(req, "model");
	if (p->lenient >= 0)
		return true;
	if (!model || !*model)
		return REFUSE(NULL, NULL, "you must provide a model parameter");
	if (has_prefix(model, "no-such"))
		return answer_error(c, p, 404, NULL, "model_not_found", NULL,
				    "The model `%s` does not exist or you do not have access to "
				    "it.", model), false;
	return check_members(c, p, req) && check_all_messages(c, p, req) &&
	       check_tools(c, p, req) && check_options(c, p, req) &&
	       check_reasoning_model(c, p, req, model);
}
