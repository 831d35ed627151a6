/*
 * What Anthropic's Messages API refuses, with its status and error shape. A check
 * answers the request itself and returns false. Consecutive messages of one role are
 * one turn, as the server merges them.
 */
#include "generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(...) \
	(answer_error(c, p, 400, "invalid_request_error", NULL, NULL, __VA_ARGS__), false)
#define MAX_IDS 1024

/* Where the walk over the turns is. */
struct walk {
	const char *model;
	bool new_version;		/* anthropic-version 2026-10-21 */
	const char *role;		/* of the turn so far, NULL before the first */
	const char *pending[MAX_IDS];	/* tool_use ids of the last assistant turn */
	size_t npending, seen_n;
	const char *seen[MAX_IDS];	/* all tool_use ids */
	bool other_before_results;	/* this user turn has had something else */
	bool tool_blocks;
	const char *last_text;		/* of the last block, if it is text */
};

static size_t length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static bool blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == 0;
}

/* 46 for claude-opus-4-6, 50 for claude-sonnet-5; 0 if the name tells no version. */
static int model_version(const char *model)
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
		"model", "messages", "system", "thinking", "tools", "tool_choice",
		"output_config", "cache_control", "context_management", "mcp_servers",
		/* not when counting: */
		"max_tokens", "stream", "stop_sequences", "metadata", "service_tier", "speed",
		"inference_geo", "container", "diagnostics", "temperature", "top_p", "top_k",
		"thread", "compaction", "fallbacks",
	};
	size_t n = counting ? 10 : sizeof(known) / sizeof(*known);
	json_object_object_foreach(req, key, value) {
		(void)value;
		size_t i = 0;
		while (i < n && strcmp(known[i], key))
			i++;
		if (i == n)
			return REFUSE("%s: Extra inputs are not permitted", key);
	}
	return true;
}

static bool check_sampling(struct conn *c, const struct plan *p, struct json_object *req,
			   const struct walk *w)
{
	static const char *const names[] = { "temperature", "top_p", "top_k" };
	static const double lowest[] = { 1.0, 0.99, 1e9 };
	int version = model_version(w->model);
	for (size_t i = 0; i < 3; i++) {
		struct json_object *v = json_member(req, names[i]);
		if (!v)
			continue;
		if (w->new_version)
			return REFUSE("%s: Extra inputs are not permitted", names[i]);
		if (version > 46 && json_object_get_double(v) < lowest[i])
			return REFUSE("`%s` is not supported by this model.", names[i]);
		if (i < 2 && (json_object_get_double(v) < 0 || json_object_get_double(v) > 1))
			return REFUSE("%s: range: 0..1", names[i]);
	}
	return true;
}

static bool check_thinking(struct conn *c, const struct plan *p, struct json_object *req,
			   const struct walk *w)
{
	struct json_object *thinking = json_member(req, "thinking");
	const char *type = json_text(thinking, "type");
	const char *choice = json_text(json_member(req, "tool_choice"), "type");
	int version = model_version(w->model);
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
		return REFUSE("\"thinking.type.enabled\" is not supported for this model. Use "
			      "\"thinking.type.adaptive\" and \"output_config.effort\".");
	if (budget < 1024)
		return REFUSE("thinking.enabled.budget_tokens: Input should be greater than or "
			      "equal to 1024");
	if (json_member(req, "max_tokens") &&
	    budget >= json_object_get_int64(json_member(req, "max_tokens")))
		return REFUSE("`max_tokens` must be greater than `thinking.budget_tokens`.");
	if (choice && (!strcmp(choice, "any") || !strcmp(choice, "tool")))
		return REFUSE("Thinking may not be enabled when tool_choice forces tool use.");
	return true;
}

static bool check_tools(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *tools = json_member(req, "tools");
	for (size_t i = 0; i < length(tools); i++) {
		struct json_object *t = json_object_array_get_idx(tools, i);
		struct json_object *schema = json_member(t, "input_schema");
		const char *name = json_text(t, "name"), *type = json_text(t, "type");
		if (!name)
			return REFUSE("tools.%zu.custom.name: Field required", i);
		if (!name_ok(name, 64))
			return REFUSE("tools.%zu.custom.name: String should match pattern "
				      "'^[a-zA-Z0-9_-]{1,64}$'", i);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(name, json_text(json_object_array_get_idx(tools, k), "name")))
				return REFUSE("tools: Tool names must be unique.");
		if (type && strcmp(type, "custom"))
			continue;	/* one that the provider runs */
		const char *kind = json_text(schema, "type");
		if (!kind || strcmp(kind, "object"))
			return REFUSE("tools.%zu.custom.input_schema.type: Field required", i);
	}
	if (json_member(req, "tool_choice") && !length(tools))
		return REFUSE("tool_choice may only be specified while providing tools.");
	return true;
}

/* Closes a user turn, or the conversation: are the calls before it all answered? */
static bool check_answered(struct conn *c, const struct plan *p, struct walk *w, size_t m)
{
	if (!w->npending)
		return true;
	struct buf ids = { 0 };
	for (size_t i = 0; i < w->npending; i++)
		buf_printf(&ids, "%s%s", i ? ", " : "", w->pending[i]);
	answer_error(c, p, 400, "invalid_request_error", NULL, NULL,
		     "messages.%zu: `tool_use` ids were found without `tool_result` blocks "
		     "immediately after: %s. Each `tool_use` block must have a corresponding "
		     "`tool_result` block in the next message.", m, ids.p);
	buf_free(&ids);
	return false;
}

static bool check_tool_use(struct conn *c, const struct plan *p, struct walk *w,
			   struct json_object *block, size_t m, size_t i)
{
	const char *id = json_text(block, "id");
	if (!name_ok(id, 4096))
		return REFUSE("messages.%zu.content.%zu.tool_use.id: String should match pattern "
			      "'^[a-zA-Z0-9_-]+$'", m, i);
	if (!name_ok(json_text(block, "name"), 200))
		return REFUSE("messages.%zu.content.%zu.tool_use.name: String should match "
			      "pattern '^[a-zA-Z0-9_-]{1,200}$'", m, i);
	if (!json_object_is_type(json_member(block, "input"), json_type_object))
		return REFUSE("messages.%zu.content.%zu.tool_use.input: Input should be a valid "
			      "dictionary", m, i);
	for (size_t k = 0; k < w->seen_n; k++)
		if (!strcmp(w->seen[k], id))
			return REFUSE("messages.%zu.content.%zu: `tool_use` ids must be unique", m,
				      i);
	if (w->seen_n == MAX_IDS)
		return REFUSE("fakellm: more than %d tool calls", MAX_IDS);
	w->tool_blocks = true;
	w->seen[w->seen_n++] = w->pending[w->npending++] = id;
	return true;
}

static bool check_tool_result(struct conn *c, const struct plan *p, struct walk *w,
			      struct json_object *block, size_t m, size_t i)
{
	const char *id = json_text(block, "tool_use_id");
	if (!id)
		return REFUSE("messages.%zu.content.%zu.tool_result.tool_use_id: Field required",
			      m, i);
	w->tool_blocks = true;
	for (size_t k = 0; k < w->npending; k++) {
		if (strcmp(w->pending[k], id))
			continue;
		if (w->other_before_results)
			return check_answered(c, p, w, m);
		w->pending[k] = w->pending[--w->npending];
		return true;
	}
	return REFUSE("messages.%zu.content.%zu: unexpected `tool_use_id` found in `tool_result` "
		      "blocks: %s. Each `tool_result` block must have a corresponding `tool_use` "
		      "block in the previous message.", m, i, id);
}

/* Only reasoning that this server signed for this model, and that nobody changed. */
static bool check_signature(struct conn *c, const struct plan *p, const struct walk *w,
			    struct json_object *block, size_t m, size_t i)
{
	const char *text = json_text(block, "thinking"), *sig = json_text(block, "signature");
	if (!text || !sig)
		return REFUSE("messages.%zu.content.%zu.thinking.%s: Field required", m, i,
			      text ? "signature" : "thinking");
	struct buf want = { 0 };
	reasoning_signature(&want, w->model, text);
	bool same = !strcmp(want.p, sig);
	buf_free(&want);
	return same || REFUSE("messages.%zu.content.%zu: Invalid `signature` in `thinking` block",
			      m, i);
}

static bool check_block(struct conn *c, const struct plan *p, struct walk *w,
			struct json_object *block, size_t m, size_t i)
{
	const char *type = json_text(block, "type"), *text = json_text(block, "text");
	bool assistant = !strcmp(w->role, "assistant");
	w->last_text = NULL;
	if (!type)
		return REFUSE("messages.%zu.content.%zu.type: Field required", m, i);
	if (!strcmp(type, "tool_result"))
		return !assistant ? check_tool_result(c, p, w, block, m, i) :
				    REFUSE("messages.%zu: `tool_result` blocks can only be in "
					   "`user` messages", m);
	w->other_before_results = !assistant;
	if (!strcmp(type, "text")) {
		if (!text)
			return REFUSE("messages.%zu.content.%zu.text.text: Field required", m, i);
		if (!*text)
			return REFUSE("messages: text content blocks must be non-empty");
		if (blank(text))
			return REFUSE("messages: text content blocks must contain non-whitespace "
				      "text");
		if (w->new_version && !assistant && length(json_member(block, "citations")))
			return REFUSE("messages.%zu.content.%zu.text.citations: not permitted in "
				      "user messages", m, i);
		w->last_text = text;
	} else if (!strcmp(type, "tool_use")) {
		return assistant ? check_tool_use(c, p, w, block, m, i) :
				   REFUSE("messages.%zu: `tool_use` blocks can only be in "
					  "`assistant` messages", m);
	} else if (!strcmp(type, "thinking")) {
		return assistant ? check_signature(c, p, w, block, m, i) :
				   REFUSE("messages.%zu: `thinking` blocks can only be in "
					  "`assistant` messages", m);
	} else if (!strcmp(type, "document") && assistant && w->new_version) {
		return REFUSE("messages.%zu.content.%zu: `document` blocks cannot be in assistant "
			      "messages", m, i);
	}
	return true;
}

/* A message of another role than the one before begins a turn. */
static bool begin_turn(struct conn *c, const struct plan *p, struct walk *w,
		       const char *role, size_t m)
{
	bool user = !strcmp(role, "user"), assistant = !strcmp(role, "assistant");
	if (!user && !assistant && strcmp(role, "system"))
		return REFUSE("messages.%zu.role: Input should be 'user' or 'assistant'", m);
	if (!user && !assistant) {
		if (model_version(w->model) < 48)
			return REFUSE("messages: Unexpected role \"system\". The Messages API "
				      "accepts a top-level `system` parameter, not \"system\" as an "
				      "input message role.");
		if (!w->role || !strcmp(w->role, "assistant"))
			return REFUSE("messages.%zu: a `system` message must follow a `user` "
				      "message", m);
	}
	if (!w->role && assistant)
		return REFUSE("messages: first message must use the \"user\" role");
	if (w->role && !strcmp(w->role, "system") && user)
		return REFUSE("messages.%zu: a `system` message must precede an `assistant` "
			      "message or the end", m - 1);
	if (w->role && !strcmp(w->role, role))
		return true;
	/* Calls are answered in the turn that follows theirs, so its end is the time. */
	if (w->role && !user && !check_answered(c, p, w, m - 1))
		return false;
	w->role = role;
	w->other_before_results = false;
	return true;
}

static bool check_message(struct conn *c, const struct plan *p, struct walk *w,
			  struct json_object *message, size_t m)
{
	const char *role = json_text(message, "role");
	struct json_object *content = json_member(message, "content");
	if (!role)
		return REFUSE("messages.%zu.role: Field required", m);
	if (!begin_turn(c, p, w, role, m))
		return false;
	if (!content)
		return REFUSE("messages.%zu.content: Field required", m);
	if (json_object_is_type(content, json_type_string)) {
		w->last_text = json_object_get_string(content);
		w->other_before_results = true;
		if (!*w->last_text)
			return REFUSE("messages.%zu: all messages must have non-empty content "
				      "except for the optional final assistant message", m);
		return !blank(w->last_text) || REFUSE("messages: text content blocks must contain "
						      "non-whitespace text");
	}
	if (!length(content))
		return REFUSE("messages.%zu: all messages must have non-empty content except for "
			      "the optional final assistant message", m);
	for (size_t i = 0; i < length(content); i++)
		if (!check_block(c, p, w, json_object_array_get_idx(content, i), m, i))
			return false;
	return true;
}

static bool check_end(struct conn *c, const struct plan *p, const struct walk *w,
		      struct json_object *req)
{
	if (w->tool_blocks && !length(json_member(req, "tools")))
		return REFUSE("Requests which include `tool_use` or `tool_result` blocks must "
			      "define tools");
	if (strcmp(w->role, "assistant"))
		return true;
	if (model_version(w->model) >= 46)
		return REFUSE("This model does not support assistant message prefill. The "
			      "conversation must end with a user message.");
	size_t n = w->last_text ? strlen(w->last_text) : 0;
	if (n && strchr(" \t\r\n", w->last_text[n - 1]))
		return REFUSE("messages: final assistant content cannot end with trailing "
			      "whitespace");
	return true;
}

static bool check_turns(struct conn *c, const struct plan *p, struct walk *w,
			struct json_object *req)
{
	struct json_object *messages = json_member(req, "messages");
	size_t n = length(messages);
	if (!json_object_is_type(messages, json_type_array))
		return REFUSE("messages: Field required");
	if (!n)
		return REFUSE("messages: at least one message is required");
	for (size_t m = 0; m < n; m++)
		if (!check_message(c, p, w, json_object_array_get_idx(messages, m), m))
			return false;
	return check_answered(c, p, w, n - 1) && check_end(c, p, w, req);
}

static bool check_system(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct json_object *system = json_member(req, "system");
	for (size_t i = 0; i < length(system); i++) {
		const char *text = json_text(json_object_array_get_idx(system, i), "text");
		if (!text)
			return REFUSE("system.%zu.text: Field required", i);
		if (blank(text))
			return REFUSE("system: text content blocks must be non-empty");
	}
	struct json_object *stops = json_member(req, "stop_sequences");
	for (size_t i = 0; i < length(stops); i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(stops, i));
		if (!s || blank(s))
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
	struct walk w = { .model = json_text(req, "model") };
	w.new_version = version && !strcmp(version, "2026-10-21");
	if (!w.model || !*w.model)
		return REFUSE("model: Field required");
	if (has_prefix(w.model, "no-such"))
		return answer_error(c, p, 404, NULL, NULL, NULL, "model: %s", w.model), false;
	if (!counting && !max)
		return REFUSE("max_tokens: Field required");
	if (!counting && (!json_object_is_type(max, json_type_int) ||
			  json_object_get_int64(max) < 0))
		return REFUSE("max_tokens: Input should be greater than or equal to 0");
	return check_members(c, p, req, counting) && check_sampling(c, p, req, &w) &&
	       check_system(c, p, req) && check_tools(c, p, req) &&
	       check_turns(c, p, &w, req) && check_thinking(c, p, req, &w);
}
