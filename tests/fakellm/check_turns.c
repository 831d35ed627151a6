/*
 * The messages of an Anthropic request. Consecutive messages of one role are one turn, as
 * the server merges them; every tool call of a turn is answered at the head of the next.
 */
#include <string.h>

#include "check.h"

#define REFUSE REFUSE_MESSAGES
#define MAX_IDS 1024

/* Where the walk over the turns is. */
struct walk {
	const char *model;
	bool new_version; /* anthropic-version 2026-10-21 */
	const char *role; /* of the turn so far, NULL before the first */
	/* The last assistant turn's tool_use ids without a result; all of them so far. */
	const char *pending[MAX_IDS], *seen[MAX_IDS];
	size_t npending, seen_n;
	bool other_before_results; /* this user turn has had something else */
	bool tool_blocks;
	const char *last_text; /* of the last block, if it is text */
};

/* Closes a user turn, or the conversation: are the calls before it all answered? */
static bool check_answered(struct conn *c, const struct plan *p, struct walk *w, size_t m)
{
	if (!w->npending)
		return true;
	struct buf ids = { 0 };
	for (size_t i = 0; i < w->npending; i++)
		buf_printf(&ids, "%s%s", i ? ", " : "", w->pending[i]);
	answer_error(
		c, p, 400, "invalid_request_error", NULL, NULL,
		"messages.%zu: `tool_use` ids were found without `tool_result` blocks "
		"immediately after: %s. Each `tool_use` block must have a corresponding "
		"`tool_result` block in the next message.",
		m, ids.p);
	buf_free(&ids);
	return false;
}

static bool check_tool_use(struct conn *c, const struct plan *p, struct walk *w,
			   struct json_object *block, size_t m, size_t i)
{
	const char *id = json_text(block, "id");
	if (!name_ok(id, 4096))
		return REFUSE("messages.%zu.content.%zu.tool_use.id: String should match "
			      "pattern "
			      "'^[a-zA-Z0-9_-]+$'",
			      m, i);
	if (!name_ok(json_text(block, "name"), 200))
		return REFUSE(
			"messages.%zu.content.%zu.tool_use.name: String should match "
			"pattern '^[a-zA-Z0-9_-]{1,200}$'",
			m, i);
	if (!json_object_is_type(json_member(block, "input"), json_type_object))
		return REFUSE("messages.%zu.content.%zu.tool_use.input: Input should be "
			      "a valid "
			      "dictionary",
			      m, i);
	for (size_t k = 0; k < w->seen_n; k++)
		if (!strcmp(w->seen[k], id))
			return REFUSE(
				"messages.%zu.content.%zu: `tool_use` ids must be unique",
				m, i);
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
		return REFUSE("messages.%zu.content.%zu.tool_result.tool_use_id: Field "
			      "required",
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
	return REFUSE("messages.%zu.content.%zu: unexpected `tool_use_id` found in "
		      "`tool_result` "
		      "blocks: %s. Each `tool_result` block must have a corresponding "
		      "`tool_use` "
		      "block in the previous message.",
		      m, i, id);
}

/* Only reasoning that this server signed for this model, and that nobody changed. */
static bool check_signature(struct conn *c, const struct plan *p, const struct walk *w,
			    struct json_object *block, size_t m, size_t i)
{
	const char *text = json_text(block, "thinking"),
		   *sig = json_text(block, "signature");
	if (!text || !sig)
		return REFUSE("messages.%zu.content.%zu.thinking.%s: Field required", m,
			      i, text ? "signature" : "thinking");
	struct buf want = { 0 };
	reasoning_signature(&want, w->model, text);
	bool same = !strcmp(want.p, sig);
	buf_free(&want);
	return same ||
	       REFUSE("messages.%zu.content.%zu: Invalid `signature` in `thinking` block",
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
		return !assistant ? check_tool_result(c, p, w, block, m, i)
				  : REFUSE("messages.%zu: `tool_result` blocks can only "
					   "be in "
					   "`user` messages",
					   m);
	w->other_before_results = !assistant;
	if (!strcmp(type, "text")) {
		if (!text)
			return REFUSE(
				"messages.%zu.content.%zu.text.text: Field required", m,
				i);
		if (!*text)
			return REFUSE("messages: text content blocks must be non-empty");
		/* Assistants have been seen to say a single space, and to have it taken.
		 */
		if (!assistant && blank_text(text))
			return REFUSE("messages: text content blocks must contain "
				      "non-whitespace "
				      "text");
		if (w->new_version && !assistant &&
		    array_length(json_member(block, "citations")))
			return REFUSE("messages.%zu.content.%zu.text.citations: not "
				      "permitted in "
				      "user messages",
				      m, i);
		w->last_text = text;
	} else if (!strcmp(type, "tool_use")) {
		return assistant
			       ? check_tool_use(c, p, w, block, m, i)
			       : REFUSE("messages.%zu: `tool_use` blocks can only be in "
					"`assistant` messages",
					m);
	} else if (!strcmp(type, "thinking")) {
		return assistant
			       ? check_signature(c, p, w, block, m, i)
			       : REFUSE("messages.%zu: `thinking` blocks can only be in "
					"`assistant` messages",
					m);
	} else if (!strcmp(type, "document") && assistant && w->new_version) {
		return REFUSE("messages.%zu.content.%zu: `document` blocks cannot be in "
			      "assistant "
			      "messages",
			      m, i);
	}
	return true;
}

/* A message of another role than the one before begins a turn. */
static bool begin_turn(struct conn *c, const struct plan *p, struct walk *w,
		       const char *role, size_t m)
{
	bool user = !strcmp(role, "user"), assistant = !strcmp(role, "assistant");
	bool system = !strcmp(role, "system");
	if (!user && !assistant && !system)
		return REFUSE("messages.%zu.role: Input should be 'user' or 'assistant'",
			      m);
	if (system) {
		if (model_version(w->model) < 48)
			return REFUSE(
				"messages: Unexpected role \"system\". The Messages API "
				"accepts a top-level `system` parameter, not \"system\" "
				"as an "
				"input message role.");
		if (!w->role || !strcmp(w->role, "assistant"))
			return REFUSE(
				"messages.%zu: a `system` message must follow a `user` "
				"message",
				m);
	}
	if (!w->role && assistant)
		return REFUSE("messages: first message must use the \"user\" role");
	if (w->role && !strcmp(w->role, "system") && user)
		return REFUSE(
			"messages.%zu: a `system` message must precede an `assistant` "
			"message or the end",
			m - 1);
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
			return REFUSE(
				"messages.%zu: all messages must have non-empty content "
				"except for the optional final assistant message",
				m);
		return !blank_text(w->last_text) ||
		       REFUSE("messages: text content blocks must contain "
			      "non-whitespace text");
	}
	if (!array_length(content))
		return REFUSE("messages.%zu: all messages must have non-empty content "
			      "except for "
			      "the optional final assistant message",
			      m);
	for (size_t i = 0; i < array_length(content); i++)
		if (!check_block(c, p, w, json_object_array_get_idx(content, i), m, i))
			return false;
	return true;
}

static bool check_end(struct conn *c, const struct plan *p, const struct walk *w,
		      struct json_object *req)
{
	if (w->tool_blocks && !array_length(json_member(req, "tools")))
		return REFUSE(
			"Requests which include `tool_use` or `tool_result` blocks must "
			"define tools");
	if (strcmp(w->role, "assistant"))
		return true;
	if (model_version(w->model) >= 46)
		return REFUSE(
			"This model does not support assistant message prefill. The "
			"conversation must end with a user message.");
	size_t n = w->last_text ? strlen(w->last_text) : 0;
	if (n && strchr(" \t\r\n", w->last_text[n - 1]))
		return REFUSE(
			"messages: final assistant content cannot end with trailing "
			"whitespace");
	return true;
}

bool check_turns(struct conn *c, const struct plan *p, struct json_object *req,
		 const char *model, bool new_version)
{
	struct json_object *messages = json_member(req, "messages");
	struct walk w = { .model = model, .new_version = new_version };
	size_t n = array_length(messages);
	if (!json_object_is_type(messages, json_type_array))
		return REFUSE("messages: Field required");
	if (!n)
		return REFUSE("messages: at least one message is required");
	for (size_t m = 0; m < n; m++)
		if (!check_message(c, p, &w, json_object_array_get_idx(messages, m), m))
			return false;
	return check_answered(c, p, &w, n - 1) && check_end(c, p, &w, req);
}
