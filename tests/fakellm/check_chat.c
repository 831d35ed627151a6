/*
 * What OpenAI's Chat Completions refuses, with its status and error shape. A check
 * answers the request itself and returns false.
 */
#include <string.h>

#include "check.h"

#define REFUSE REFUSE_CHAT

bool name_ok(const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0;
	return n && n <= max &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
			 "-") == n;
}

size_t array_length(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
}

bool one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool is_reasoning_model(const char *model)
{
	return has_prefix(model, "o1") || has_prefix(model, "o3") ||
	       has_prefix(model, "o4") || has_prefix(model, "gpt-5");
}

static bool check_members(struct conn *c, const struct plan *p, struct json_object *req)
{
	static const char *const known[] = {
		"model",
		"messages",
		"max_completion_tokens",
		"max_tokens",
		"tools",
		"tool_choice",
		"parallel_tool_calls",
		"response_format",
		"reasoning_effort",
		"verbosity",
		"temperature",
		"top_p",
		"frequency_penalty",
		"presence_penalty",
		"logit_bias",
		"logprobs",
		"top_logprobs",
		"stop",
		"n",
		"seed",
		"modalities",
		"audio",
		"prediction",
		"stream",
		"stream_options",
		"service_tier",
		"store",
		"metadata",
		"safety_identifier",
		"prompt_cache_key",
		"user",
		"prompt_cache_options",
		"prompt_cache_retention",
		"moderation",
		"web_search_options",
		"functions",
		"function_call",
		NULL,
	};
	for (struct lh_entry *m = first_member(req); m; m = m->next) {
		const char *key = member_key(m);
		if (!one_of(key, known))
			return REFUSE("unknown_parameter", key,
				      "Unknown parameter: '%s'.", key);
	}
	return true;
}

static bool check_range(struct conn *c, const struct plan *p, struct json_object *req,
			const char *name, double min, double max)
{
	struct json_object *v = json_member(req, name);
	if (!v)
		return true;
	if (!json_object_is_type(v, json_type_double) &&
	    !json_object_is_type(v, json_type_int))
		return REFUSE("invalid_type", name,
			      "Invalid type for '%s': expected a number.", name);
	double d = json_object_get_double(v);
	if (d < min)
		return REFUSE("decimal_below_min_value", name,
			      "Invalid '%s': expected a value >= %g, but got %g instead.",
			      name, min, d);
	if (d > max)
		return REFUSE("decimal_above_max_value", name,
			      "Invalid '%s': expected a value <= %g, but got %g instead.",
			      name, max, d);
	return true;
}

static bool is_empty(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) && !array_length(v);
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
		return REFUSE(
			"unsupported_parameter", "max_tokens",
			"Unsupported parameter: 'max_tokens' is not supported with this "
			"model. Use 'max_completion_tokens' instead.");
	if (json_member(req, "stop") && !is_empty(json_member(req, "stop")))
		return REFUSE("unsupported_parameter", "stop",
			      "Unsupported parameter: 'stop' is not supported with this "
			      "model.");
	for (size_t i = 0; fixed[i]; i++) {
		struct json_object *v = json_member(req, fixed[i]);
		if (v && json_object_get_double(v) != (i < 2 ? 1.0 : 0.0))
			return REFUSE(
				"unsupported_value", fixed[i],
				"Unsupported value: '%s' does not support %g with this "
				"model. Only the default value is supported.",
				fixed[i], json_object_get_double(v));
	}
	/* Function tools with active reasoning: only the Responses API takes both. */
	const char *effort = json_text(req, "reasoning_effort");
	bool gated = has_prefix(model, "gpt-5.4") || has_prefix(model, "gpt-5.5") ||
		     has_prefix(model, "gpt-5.6");
	bool active = effort ? strcmp(effort, "none") != 0
			     : !has_prefix(model, "gpt-5.4");
	if (gated && active && array_length(json_member(req, "tools")))
		return REFUSE(NULL, "reasoning_effort",
			      "Function tools with reasoning_effort are not supported "
			      "for %s in "
			      "/v1/chat/completions. Please use /v1/responses or set "
			      "reasoning_effort to 'none'.",
			      model);
	return true;
}

static bool check_tools(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *tools = json_member(req, "tools");
	if (!tools) {
		if (json_member(req, "tool_choice"))
			return REFUSE(NULL, "tool_choice",
				      "Invalid value for 'tool_choice': "
				      "'tool_choice' is only allowed when 'tools' are "
				      "specified.");
		if (json_member(req, "parallel_tool_calls"))
			return REFUSE(
				NULL, "parallel_tool_calls",
				"Invalid value for 'parallel_tool_calls': it is only "
				"allowed when 'tools' are specified.");
		return true;
	}
	if (!array_length(tools))
		return REFUSE(
			"empty_array", "tools",
			"Invalid 'tools': empty array. Expected an "
			"array with minimum length 1, but got an empty array instead.");
	for (size_t i = 0; i < array_length(tools); i++) {
		struct json_object *t = json_object_array_get_idx(tools, i);
		const char *type = json_text(t, "type");
		if (!type || (strcmp(type, "function") && strcmp(type, "custom")))
			return REFUSE("invalid_value", "tools",
				      "Invalid value for 'tools[%zu].type': expected "
				      "'function' or "
				      "'custom'.",
				      i);
		const char *name = json_text(json_member(t, type), "name");
		if (!name)
			return REFUSE("missing_required_parameter", "tools",
				      "Missing required parameter: 'tools[%zu].%s.name'.",
				      i, type);
		if (strlen(name) > 64)
			return REFUSE("string_above_max_length", "tools",
				      "Invalid 'tools[%zu].%s.name': string too long. "
				      "Expected a "
				      "string with maximum length 64, but got a string "
				      "with length "
				      "%zu instead.",
				      i, type, strlen(name));
		if (!name_ok(name, 64))
			return REFUSE("invalid_value", "tools",
				      "Invalid 'tools[%zu].%s.name': string does not "
				      "match pattern. "
				      "Expected a string that matches the pattern "
				      "'^[a-zA-Z0-9_-]+$'.",
				      i, type);
	}
	return true;
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
		return REFUSE(NULL, "stream_options",
			      "The 'stream_options' parameter is only "
			      "allowed when 'stream' is enabled.");
	if (choices && json_object_get_int(choices) != 1)
		return REFUSE("unsupported_value", "n", "fakellm gives one choice.");
	if (array_length(json_member(req, "stop")) > 4)
		return REFUSE("array_above_max_length", "stop",
			      "Invalid 'stop': array too long. "
			      "Expected an array with maximum length 4.");
	if (format && !strcmp(format, "json_object")) {
		const char *text = json_object_to_json_string(
			json_member(req, "messages"));
		if (!strcasestr(text, "json"))
			return REFUSE(NULL, "messages",
				      "'messages' must contain the word 'json' in "
				      "some form, to use 'response_format' of type "
				      "'json_object'.");
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
				    "The model `%s` does not exist or you do not have "
				    "access to "
				    "it.",
				    model),
		       false;
	if (prompt_tokens(CHAT, req) > MAX_PROMPT)
		return REFUSE("context_length_exceeded", "messages",
			      "Your input exceeds the context window of this model.");
	return check_members(c, p, req) && check_chat_messages(c, p, req) &&
	       check_tools(c, p, req) && check_options(c, p, req) &&
	       check_reasoning_model(c, p, req, model);
}
