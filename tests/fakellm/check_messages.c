/*
 * What Anthropic's Messages API refuses, with its status and error shape. A check
 * answers the request itself and returns false. check_turns.c has the messages.
 */
#include <string.h>

#include "check.h"

#define REFUSE REFUSE_MESSAGES

bool blank_text(const char *s)
{
	return s[strspn(s, " \t\r\n")] == 0;
}

/* 46 for claude-opus-4-6, 50 for claude-sonnet-5; 0 if the name tells no version. */
int model_version(const char *model)
{
	static const char *const families[] = { "opus-", "sonnet-", "haiku-", "fable-",
						"mythos-" };
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		const char *at = strstr(model, families[i]);
		if (!at)
			continue;
		at += strlen(families[i]);
		size_t digits = strspn(at, "0123456789");
		if (digits != 1)
			return 0;
		int major = (at[0] - '0') * 10;
		/* Eight digits are a date, not a minor version. */
		if (at[1] == '-' && strspn(at + 2, "0123456789") == 1)
			return major + at[2] - '0';
		return major;
	}
	return 0;
}

static bool check_members(struct conn *c, const struct plan *p, struct json_object *req,
			  bool counting)
{
	static const char *const known[] = {
		"model",
		"messages",
		"system",
		"thinking",
		"tools",
		"tool_choice",
		"output_config",
		"output_format",
		"cache_control",
		"context_management",
		"mcp_servers",
		/* not when counting: */
		"max_tokens",
		"stream",
		"stop_sequences",
		"metadata",
		"service_tier",
		"speed",
		"inference_geo",
		"container",
		"diagnostics",
		"temperature",
		"top_p",
		"top_k",
		"thread",
		"compaction",
		"fallbacks",
	};
	size_t n = counting ? 11 : sizeof(known) / sizeof(*known);
	for (struct lh_entry *m = first_member(req); m; m = m->next) {
		const char *key = member_key(m);
		size_t i = 0;
		while (i < n && strcmp(known[i], key))
			i++;
		if (i == n)
			return REFUSE("%s: Extra inputs are not permitted", key);
	}
	return true;
}

static bool check_sampling(struct conn *c, const struct plan *p, struct json_object *req,
			   const char *model, bool new_version)
{
	static const char *const names[] = { "temperature", "top_p", "top_k" };
	static const double lowest[] = { 1.0, 0.99, 1e9 };
	int version = model_version(model);
	for (size_t i = 0; i < 3; i++) {
		struct json_object *v = json_member(req, names[i]);
		if (!v)
			continue;
		if (new_version)
			return REFUSE("%s: Extra inputs are not permitted", names[i]);
		if (version > 46 && json_object_get_double(v) < lowest[i])
			return REFUSE("`%s` is not supported by this model.", names[i]);
		if (i < 2 &&
		    (json_object_get_double(v) < 0 || json_object_get_double(v) > 1))
			return REFUSE("%s: range: 0..1", names[i]);
	}
	return true;
}

static bool check_thinking(struct conn *c, const struct plan *p, struct json_object *req,
			   const char *model)
{
	struct json_object *thinking = json_member(req, "thinking");
	const char *type = json_text(thinking, "type");
	const char *choice = json_text(json_member(req, "tool_choice"), "type");
	int version = model_version(model);
	int64_t budget = json_object_get_int64(json_member(thinking, "budget_tokens"));
	if (!thinking)
		return true;
	if (!type)
		return REFUSE("thinking.type: Field required");
	if (!strcmp(type, "adaptive") && version && version < 46)
		return REFUSE("adaptive thinking is not supported on this model");
	if (strcmp(type, "enabled"))
		return true;
	if (version > 46)
		return REFUSE(
			"\"thinking.type.enabled\" is not supported for this model. Use "
			"\"thinking.type.adaptive\" and \"output_config.effort\".");
	if (budget < 1024)
		return REFUSE(
			"thinking.enabled.budget_tokens: Input should be greater than or "
			"equal to 1024");
	if (json_member(req, "max_tokens") &&
	    budget >= json_object_get_int64(json_member(req, "max_tokens")))
		return REFUSE(
			"`max_tokens` must be greater than `thinking.budget_tokens`.");
	if (choice && (!strcmp(choice, "any") || !strcmp(choice, "tool")))
		return REFUSE(
			"Thinking may not be enabled when tool_choice forces tool use.");
	return true;
}

static bool check_tools(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *tools = json_member(req, "tools");
	for (size_t i = 0; i < array_length(tools); i++) {
		struct json_object *t = json_object_array_get_idx(tools, i);
		struct json_object *schema = json_member(t, "input_schema");
		const char *name = json_text(t, "name"), *type = json_text(t, "type");
		if (!name)
			return REFUSE("tools.%zu.custom.name: Field required", i);
		if (!name_ok(name, 64))
			return REFUSE(
				"tools.%zu.custom.name: String should match pattern "
				"'^[a-zA-Z0-9_-]{1,64}$'",
				i);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(name, json_text(json_object_array_get_idx(tools, k),
						    "name")))
				return REFUSE("tools: Tool names must be unique.");
		if (type && strcmp(type, "custom"))
			continue; /* one that the provider runs */
		const char *kind = json_text(schema, "type");
		if (!kind || strcmp(kind, "object"))
			return REFUSE(
				"tools.%zu.custom.input_schema.type: Field required", i);
	}
	if (json_member(req, "tool_choice") && !array_length(tools))
		return REFUSE("tool_choice may only be specified while providing tools.");
	return true;
}

static bool check_system(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *system = json_member(req, "system");
	for (size_t i = 0; i < array_length(system); i++) {
		const char *text = json_text(json_object_array_get_idx(system, i),
					     "text");
		if (!text)
			return REFUSE("system.%zu.text: Field required", i);
		if (blank_text(text))
			return REFUSE("system: text content blocks must be non-empty");
	}
	struct json_object *stops = json_member(req, "stop_sequences");
	for (size_t i = 0; i < array_length(stops); i++) {
		const char *s = json_object_get_string(
			json_object_array_get_idx(stops, i));
		if (!s || blank_text(s))
			return REFUSE("stop_sequences: each stop sequence must contain "
				      "non-whitespace");
	}
	return true;
}

bool check_messages(struct conn *c, const struct plan *p, struct json_object *req,
		    bool counting)
{
	struct json_object *max = json_member(req, "max_tokens");
	const char *version = http_header(&c->req, "anthropic-version");
	if (p->lenient >= 0)
		return true;
	const char *model = json_text(req, "model");
	bool new_version = version && !strcmp(version, "2026-10-21");
	if (!model || !*model)
		return REFUSE("model: Field required");
	if (has_prefix(model, "no-such"))
		return answer_error(c, p, 404, NULL, NULL, NULL, "model: %s", model),
		       false;
	if (!counting && !max)
		return REFUSE("max_tokens: Field required");
	if (!counting &&
	    (!json_object_is_type(max, json_type_int) || json_object_get_int64(max) < 0))
		return REFUSE("max_tokens: Input should be greater than or equal to 0");
	if (prompt_tokens(MESSAGES, req) > MAX_PROMPT)
		return REFUSE("prompt is too long: %ld tokens > %d maximum",
			      prompt_tokens(MESSAGES, req), MAX_PROMPT);
	return check_members(c, p, req, counting) &&
	       check_sampling(c, p, req, model, new_version) && check_system(c, p, req) &&
	       check_tools(c, p, req) && check_turns(c, p, req, model, new_version) &&
	       check_thinking(c, p, req, model);
}
