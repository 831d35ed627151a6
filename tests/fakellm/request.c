/* Reading requests of both dialects: texts, tools, schemas. */
#include <stdlib.h>
#include <string.h>

#include "generate.h"

struct json_object *request_messages(struct json_object *req)
{
	struct json_object *v = json_member(req, "messages");
	return json_object_is_type(v, json_type_array) ? v : NULL;
}

static size_t count(struct json_object *array)
{
	return json_object_is_type(array, json_type_array)
		       ? json_object_array_length(array)
		       : 0;
}

static struct json_object *item(struct json_object *array, size_t i)
{
	return json_object_array_get_idx(array, i);
}

/* The text of a content member: a string, or the text parts of a list, in order. */
void content_text(struct json_object *content, struct buf *out)
{
	if (json_object_is_type(content, json_type_string))
		buf_add(out, json_object_get_string(content),
			(size_t)json_object_get_string_len(content));
	for (size_t i = 0; i < count(content); i++) {
		struct json_object *part = item(content, i);
		const char *type = json_text(part, "type");
		if (type && !strcmp(type, "text"))
			content_text(json_member(part, "text"), out);
		else if (type && !strcmp(type, "tool_result"))
			content_text(json_member(part, "content"), out);
	}
}

long prompt_tokens(enum dialect d, struct json_object *req)
{
	struct buf text = { 0 };
	struct json_object *messages = request_messages(req);
	if (d == MESSAGES)
		content_text(json_member(req, "system"), &text);
	for (size_t i = 0; i < count(messages); i++)
		content_text(json_member(item(messages, i), "content"), &text);
	long tokens = (long)((text.len + 3) / 4);
	buf_free(&text);
	return tokens ? tokens : 1;
}

static bool has_block(struct json_object *content, const char *type)
{
	for (size_t i = 0; i < count(content); i++) {
		const char *t = json_text(item(content, i), "type");
		if (t && !strcmp(t, type))
			return true;
	}
	return false;
}

static bool role_is(struct json_object *message, const char *role)
{
	const char *r = json_text(message, "role");
	return r && !strcmp(r, role);
}

static bool is_tool_result(enum dialect d, struct json_object *message)
{
	if (d == CHAT)
		return role_is(message, "tool");
	return role_is(message, "user") &&
	       has_block(json_member(message, "content"), "tool_result");
}

void last_user_text(struct json_object *req, struct buf *out)
{
	struct json_object *messages = request_messages(req);
	for (size_t i = count(messages); i-- && !out->len;) {
		struct json_object *content = json_member(item(messages, i), "content");
		if (role_is(item(messages, i), "user") &&
		    !has_block(content, "tool_result"))
			content_text(content, out);
	}
	buf_add(out, "", 0);
}

bool ends_in_tool_result(enum dialect d, struct json_object *req)
{
	struct json_object *messages = request_messages(req);
	size_t n = count(messages);
	return n && is_tool_result(d, item(messages, n - 1));
}

long tool_rounds(enum dialect d, struct json_object *req)
{
	struct json_object *messages = request_messages(req);
	long rounds = 0;
	for (size_t i = count(messages); i--;) {
		struct json_object *m = item(messages, i);
		if (role_is(m, "assistant"))
			rounds += d == CHAT ? json_member(m, "tool_calls") != NULL
					    : has_block(json_member(m, "content"),
							"tool_use");
		else if (!is_tool_result(d, m))
			break;
	}
	return rounds;
}

static const char *schema_type(struct json_object *schema)
{
	struct json_object *t = json_member(schema, "type");
	if (json_object_is_type(t, json_type_array))
		t = item(t, 0);
	if (json_object_is_type(t, json_type_string))
		return json_object_get_string(t);
	return json_member(schema, "properties") ? "object" : "string";
}

static void object_instance(struct json_object *schema, long i, struct buf *out)
{
	struct json_object *props = json_member(schema, "properties");
	bool first = true;
	buf_str(out, "{");
	if (json_object_is_type(props, json_type_object)) {
		for (struct lh_entry *m = first_member(props); m; m = m->next) {
			const char *key = member_key(m);
			struct json_object *sub = member_value(m);
			buf_str(out, first ? "\"" : ",\"");
			buf_json(out, key, strlen(key));
			buf_str(out, "\":");
			schema_instance(sub, key, i, out);
			first = false;
		}
	}
	buf_str(out, "}");
}

void schema_instance(struct json_object *schema, const char *name, long i,
		     struct buf *out)
{
	struct json_object *any = json_member(schema, "anyOf");
	struct json_object *choice = json_member(schema, "const");
	const char *type = schema_type(schema);
	if (count(json_member(schema, "enum")))
		choice = item(json_member(schema, "enum"), 0);
	if (count(any)) {
		schema_instance(item(any, 0), name, i, out);
	} else if (choice) {
		json_canonical(out, choice);
	} else if (!strcmp(type, "object")) {
		object_instance(schema, i, out);
	} else if (!strcmp(type, "array")) {
		buf_str(out, "[");
		schema_instance(json_member(schema, "items"), name, i, out);
		buf_str(out, "]");
	} else if (!strcmp(type, "integer") || !strcmp(type, "number")) {
		buf_printf(out, "%ld", i);
	} else if (!strcmp(type, "boolean") || !strcmp(type, "null")) {
		buf_str(out, *type == 'b' ? "true" : "null");
	} else {
		buf_str(out, "\"");
		buf_json(out, name, strlen(name));
		buf_printf(out, "-%ld\"", i);
	}
}

/* A tool's own object: what the dialect wraps in "function". NULL for other kinds. */
static struct json_object *tool_at(enum dialect d, struct json_object *tools, size_t i)
{
	struct json_object *t = item(tools, i);
	if (d == CHAT)
		return json_member(t, "function");
	return json_member(t, "input_schema") ? t : NULL;
}

/* The one tool that the request forces, or the one with this number, round and round. */
static struct json_object *pick_tool(enum dialect d, struct json_object *req, size_t turn)
{
	struct json_object *tools = json_member(req, "tools");
	struct json_object *choice = json_member(req, "tool_choice"), *usable[128];
	const char *forced = json_text(
		d == CHAT ? json_member(choice, "function") : choice, "name");
	size_t n = 0;
	for (size_t i = 0; i < count(tools) && n < 128; i++) {
		struct json_object *t = tool_at(d, tools, i);
		const char *name = json_text(t, "name");
		if (!name)
			continue;
		if (forced && !strcmp(forced, name))
			return t;
		usable[n++] = t;
	}
	return n ? usable[turn % n] : NULL;
}

static const char *choice_word(struct json_object *req)
{
	struct json_object *choice = json_member(req, "tool_choice");
	if (json_object_is_type(choice, json_type_string))
		return json_object_get_string(choice);
	const char *type = json_text(choice, "type");
	return type ? type : "auto";
}

static bool one_at_a_time(struct json_object *req)
{
	struct json_object *parallel = json_member(req, "parallel_tool_calls");
	struct json_object *choice = json_member(req, "tool_choice");
	return (parallel && !json_object_get_boolean(parallel)) ||
	       json_object_get_boolean(json_member(choice, "disable_parallel_tool_use"));
}

void make_calls(struct gen *g, struct json_object *req, long wanted)
{
	const char *word = choice_word(req);
	if (!strcmp(word, "none"))
		return;
	if (wanted < 1 && strcmp(word, "auto"))
		wanted = 1; /* a call is demanded */
	if (wanted > 1 && one_at_a_time(req))
		wanted = 1;
	if (wanted < 1 || !pick_tool(g->dialect, req, 0))
		return;
	g->ncalls = wanted > MAX_CALLS ? MAX_CALLS : (size_t)wanted;
	g->calls = xalloc(g->ncalls * sizeof(*g->calls));
	for (size_t i = 0; i < g->ncalls; i++) {
		struct json_object *tool = pick_tool(g->dialect, req, i);
		struct buf id = { 0 }, args = { 0 }, tool_name = { 0 };
		const char *name = json_text(tool, "name");
		/* The turn is part of the id: ids are unique in a conversation. */
		buf_printf(&id, "%s_fake_%zu_%zu", g->dialect == CHAT ? "call" : "toolu",
			   count(request_messages(req)), i);
		object_instance(json_member(tool, g->dialect == CHAT ? "parameters"
								     : "input_schema"),
				(long)i, &args);
		g->calls[i].id = id.p;
		buf_json(&tool_name, name, strlen(name)); /* as the writers need it */
		buf_add(&tool_name, "", 0);
		g->calls[i].name = tool_name.p;
		g->calls[i].arguments = args.p;
	}
}

bool reply_schema(enum dialect d, struct json_object *req, struct json_object **schema)
{
	struct json_object *format = json_member(
		d == CHAT ? req : json_member(req, "output_config"),
		d == CHAT ? "response_format" : "format");
	const char *type = json_text(format, "type");
	if (!type || !strcmp(type, "text"))
		return false;
	*schema = json_member(d == CHAT ? json_member(format, "json_schema") : format,
			      "schema");
	return true;
}
