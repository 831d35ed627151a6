/*
 * Reading a caller's request. Types are strict and errors say where; members that the
 * model has no name for are kept as `extra`, and so are those that it has a name for but
 * not all of (a budget of its own, tools with cache_control): sent on in this dialect
 * they come out as they went in. A translation to another dialect leaves `extra` behind.
 */

#include "base/mem.h"
#include "dialect/anthropic.h"
#include "model/read.h"

struct reader {
	struct aic_read root;
	struct aic_request *request;
};

static int nomem(const struct reader *r)
{
	return aic_error_nomem(r->root.reterr);
}

static int set_extra(const struct reader *r, const char *name, int value)
{
	if (aic_request_set_extra(r->request, aic_str(name),
				  aic_json_raw(r->root.doc, value)) < 0)
		return nomem(r);
	return 0;
}

static bool is_extra(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->request->extra_count; i++)
		if (aic_streq(r->request->extra[i].name, name))
			return true;
	return false;
}

/* Members besides these? */
static bool has_other(const struct aic_json *doc, int object, const char *one,
		      const char *two, const char *three, const char *four)
{
	const char *const known[] = { one, two, three, four };

	for (int v = aic_json_first(doc, object); v >= 0;
	     v = aic_json_next(doc, object, v)) {
		bool found = false;
		for (size_t i = 0; i < AIC_ARRAY_LEN(known); i++)
			found = found ||
				(known[i] &&
				 aic_json_equals(doc, aic_json_key(v), known[i]));
		if (!found)
			return true;
	}
	return false;
}

static int read_number(const struct reader *r, const char *key, double *ret)
{
	int value = aic_json_get_set(r->root.doc, r->root.value, key);
	double number;

	if (value < 0)
		return 0;
	if (!aic_json_double(r->root.doc, value, &number) || number < 0 || number > 1)
		return aic_read_fail(&r->root, key, AICHAT_EJSON,
				     "is no number from 0 to 1");
	*ret = number;
	return 0;
}

static int read_stop(const struct reader *r)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);
	struct aic_read list, element = { 0 };
	int code = aic_read_child(&r->root, "stop_sequences", AIC_JSON_ARRAY, &list);

	if (code <= 0)
		return code;
	while (aic_read_element(&list, &element)) {
		if (!aic_json_is(list.doc, element.value, AIC_JSON_STRING))
			return aic_read_fail(&element, NULL, AICHAT_EJSON,
					     "is no string");
		struct aic_str text = aic_json_str(list.doc, element.value, &scratch);
		if (!text.data || aic_request_add_stop(r->request, text) < 0)
			return nomem(r);
	}
	return 0;
}

/* --- tools --- */

static int read_own_tool(const struct aic_read *r, struct aic_tool *tool)
{
	struct aic_read schema;
	bool strict;
	int code = aic_read_text(r, "name", &tool->name);

	if (code == 0 || (code > 0 && !*tool->name))
		return aic_read_fail(r, "name", AICHAT_EJSON, "is missing");
	if (code > 0)
		code = aic_read_text(r, "description", &tool->description);
	if (code >= 0) {
		code = aic_read_bool(r, "strict", &strict);
		tool->strict = code > 0 ? strict : -1;
	}
	if (code >= 0)
		code = aic_read_child(r, "input_schema", AIC_JSON_OBJECT, &schema);
	if (code == 0)
		return aic_read_fail(r, "input_schema", AICHAT_EJSON, "is missing");
	if (code < 0)
		return code;
	if (aic_string_set(&tool->schema, aic_json_raw(r->doc, schema.value)) < 0)
		return aic_error_nomem(r->reterr);
	return 0;
}

/* What a tool of the caller's has besides what we know of one. */
static bool has_tool_extras(const struct aic_json *doc, int tool)
{
	for (int v = aic_json_first(doc, tool); v >= 0; v = aic_json_next(doc, tool, v)) {
		int key = aic_json_key(v);
		if (!aic_json_is(doc, v, AIC_JSON_NULL) &&
		    !aic_json_equals(doc, key, "name") &&
		    !aic_json_equals(doc, key, "description") &&
		    !aic_json_equals(doc, key, "input_schema") &&
		    !aic_json_equals(doc, key, "strict") &&
		    !aic_json_equals(doc, key, "type"))
			return true;
	}
	return false;
}

static int read_tool(const struct reader *r, const struct aic_read *element, bool *extras)
{
	struct aic_tool tool = { .strict = -1 };
	char type[AIC_WORD_MAX] = "custom";
	int code = aic_read_object(element);

	if (code == 0)
		code = aic_read_word(element, "type", type);
	if (code < 0)
		return code;
	if (aic_streq(type, "custom")) {
		code = read_own_tool(element, &tool);
		*extras = *extras || has_tool_extras(element->doc, element->value);
	} else if (aic_string_set(&tool.raw, aic_json_raw(element->doc, element->value)) <
		   0) {
		code = nomem(r);
	}
	if (code >= 0 && aic_request_add_tool(r->request, &tool) < 0)
		code = nomem(r);
	aic_tool_done(&tool);
	return code < 0 ? code : 0;
}

static int read_tools(const struct reader *r)
{
	struct aic_read list, element = { 0 };
	bool extras = false;
	int code = aic_read_child(&r->root, "tools", AIC_JSON_ARRAY, &list);

	if (code <= 0)
		return code;
	while (aic_read_element(&list, &element)) {
		code = read_tool(r, &element, &extras);
		if (code < 0)
			return code;
	}
	return extras ? set_extra(r, "tools", list.value) : 0;
}

static int read_tool_choice(const struct reader *r)
{
	static const struct {
		const char *type;
		enum aic_tool_choice choice;
	} choices[] = {
		{ "auto", AIC_TOOL_CHOICE_AUTO },
		{ "none", AIC_TOOL_CHOICE_NONE },
		{ "any", AIC_TOOL_CHOICE_REQUIRED },
		{ "tool", AIC_TOOL_CHOICE_NAMED },
	};
	char type[AIC_WORD_MAX] = "";
	struct aic_read choice;
	bool disable;
	int code = aic_read_child(&r->root, "tool_choice", AIC_JSON_OBJECT, &choice);

	if (code > 0)
		code = aic_read_word(&choice, "type", type);
	else
		return code;
	if (code < 0)
		return code;
	for (size_t i = 0; i < AIC_ARRAY_LEN(choices); i++)
		if (aic_streq(type, choices[i].type))
			r->request->tool_choice = choices[i].choice;
	if (!r->request->tool_choice)
		return aic_read_fail(&choice, "type", AICHAT_EJSON,
				     "is none of auto, any, tool, none");
	code = aic_read_bool(&choice, "disable_parallel_tool_use", &disable);
	if (code > 0)
		r->request->parallel_tool_calls = !disable;
	if (code < 0 || r->request->tool_choice != AIC_TOOL_CHOICE_NAMED)
		return code;
	code = aic_read_text(&choice, "name", &r->request->tool_choice_name);
	return code ? code : aic_read_fail(&choice, "name", AICHAT_EJSON, "is missing");
}

/* --- reasoning and format --- */

static int set_effort(const struct reader *r, const char *effort)
{
	char *copy = aic_strdup(effort);

	if (!copy)
		return nomem(r);
	aic_free(r->request->reasoning_effort);
	r->request->reasoning_effort = copy;
	return 0;
}

static const char *effort_of(int64_t budget)
{
	return budget <= 1024    ? "minimal"
	       : budget <= 4096  ? "low"
	       : budget <= 12000 ? "medium"
	       : budget <= 24000 ? "high"
				 : "xhigh";
}

/* The budgets that our own efforts stand for: others are kept to the letter. */
static bool is_own_budget(int64_t budget)
{
	return budget == 1024 || budget == 2048 || budget == 10000 || budget == 16384 ||
	       budget == 32768;
}

static int read_thinking(const struct reader *r, bool has_effort)
{
	char type[AIC_WORD_MAX] = "";
	struct aic_read thinking;
	int64_t budget = 0;
	bool exact = false;
	int code = aic_read_child(&r->root, "thinking", AIC_JSON_OBJECT, &thinking);

	if (code > 0)
		code = aic_read_word(&thinking, "type", type);
	else
		return code;
	if (code == 0)
		return aic_read_fail(&thinking, "type", AICHAT_EJSON, "is missing");
	if (code > 0)
		code = aic_read_count(&thinking, "budget_tokens", &budget);
	if (code < 0)
		return code;
	if (aic_streq(type, "enabled")) {
		code = set_effort(r, effort_of(budget));
		exact = is_own_budget(budget) && !has_effort;
	} else if (aic_streq(type, "disabled")) {
		code = set_effort(r, "none");
		exact = !has_effort;
	} else if (aic_streq(type, "adaptive")) {
		code = has_effort ? 0 : set_effort(r, "high");
		exact = has_effort;
	}
	if (code < 0 || (exact && !has_other(thinking.doc, thinking.value, "type",
					     "budget_tokens", NULL, NULL)))
		return code;
	return set_extra(r, "thinking", thinking.value);
}

static int read_format(const struct reader *r, const struct aic_read *config, bool *exact)
{
	char type[AIC_WORD_MAX] = "";
	struct aic_read format, schema;
	int code = aic_read_child(config, "format", AIC_JSON_OBJECT, &format);

	if (code <= 0)
		return code;
	code = aic_read_word(&format, "type", type);
	if (code < 0)
		return code;
	if (!aic_streq(type, "json_schema")) {
		*exact = false;
		return 0;
	}
	code = aic_read_child(&format, "schema", AIC_JSON_OBJECT, &schema);
	if (code == 0)
		return aic_read_fail(&format, "schema", AICHAT_EJSON, "is missing");
	if (code < 0)
		return code;
	r->request->format = AIC_FORMAT_SCHEMA;
	if (has_other(format.doc, format.value, "type", "schema", NULL, NULL))
		*exact = false;
	if (aic_string_set(&r->request->format_schema,
			   aic_json_raw(format.doc, schema.value)) < 0)
		return nomem(r);
	return 0;
}

/* An effort alone does not ask for thinking, as ours does: that is kept to the letter. */
static int read_output_config(const struct reader *r)
{
	int thinking = aic_json_get_set(r->root.doc, r->root.value, "thinking");
	bool adaptive = aic_json_equals(
		r->root.doc, aic_json_get(r->root.doc, thinking, "type"), "adaptive");
	char effort[AIC_WORD_MAX];
	struct aic_read config;
	bool exact = true, has_effort = false;
	int code = aic_read_child(&r->root, "output_config", AIC_JSON_OBJECT, &config);

	if (code > 0) {
		code = aic_read_word(&config, "effort", effort);
		if (code > 0) {
			has_effort = true;
			exact = adaptive;
			code = set_effort(r, effort);
		}
		if (code >= 0)
			code = read_format(r, &config, &exact);
		if (code >= 0 && (!exact || has_other(config.doc, config.value, "effort",
						      "format", NULL, NULL)))
			code = set_extra(r, "output_config", config.value);
	}
	if (code >= 0)
		code = read_thinking(r, has_effort);
	/* With a thinking of its own the effort is not for us to write. */
	if (code >= 0 && has_effort && is_extra(r, "thinking"))
		code = set_extra(r, "output_config", config.value);
	return code;
}

/* --- the rest --- */

static int read_metadata(const struct reader *r)
{
	struct aic_read metadata;
	int code = aic_read_child(&r->root, "metadata", AIC_JSON_OBJECT, &metadata);

	if (code <= 0)
		return code;
	code = aic_read_text(&metadata, "user_id", &r->request->user);
	if (code < 0 ||
	    !has_other(metadata.doc, metadata.value, "user_id", NULL, NULL, NULL))
		return code;
	return set_extra(r, "metadata", metadata.value);
}

static int read_messages(const struct reader *r)
{
	struct aic_read list, element = { 0 };
	char role[AIC_WORD_MAX];
	int code = aic_read_child(&r->root, "messages", AIC_JSON_ARRAY, &list);

	if (code == 0)
		return aic_read_fail(&r->root, "messages", AICHAT_EJSON, "is missing");
	while (code >= 0 && aic_read_element(&list, &element)) {
		code = aic_read_object(&element);
		if (code == 0)
			code = aic_read_word(&element, "role", role);
		if (code < 0)
			break;
		enum aichat_role which = code > 0 ? aic_role_parse(aic_str(role)) : 0;
		if (!which || which == AICHAT_ROLE_TOOL)
			return aic_read_fail(&element, "role", AICHAT_EJSON,
					     "is none of user, assistant, system");
		code = aic_anthropic_read_turn(&element, "content", which, r->request);
	}
	return code < 0 ? code : 0;
}

static int read_extra(const struct reader *r)
{
	static const char *const known[] = {
		"model",          "messages",    "max_tokens",    "system",
		"stop_sequences", "temperature", "top_p",         "tools",
		"tool_choice",    "thinking",    "output_config", "metadata",
		"stream",
	};
	AIC_CLEANUP(aic_buf_done) struct aic_buf name = aic_buf(0);
	const struct aic_json *doc = r->root.doc;

	for (int v = aic_json_first(doc, 0); v >= 0; v = aic_json_next(doc, 0, v)) {
		bool found = aic_json_is(doc, v, AIC_JSON_NULL);
		for (size_t i = 0; i < AIC_ARRAY_LEN(known) && !found; i++)
			found = aic_json_equals(doc, aic_json_key(v), known[i]);
		if (found)
			continue;
		struct aic_str key = aic_json_str(doc, aic_json_key(v), &name);
		if (!key.data ||
		    aic_request_set_extra(r->request, key, aic_json_raw(doc, v)) < 0)
			return nomem(r);
	}
	return 0;
}

static int read_all(const struct reader *r)
{
	const struct aic_read *root = &r->root;
	struct aic_request *request = r->request;
	int code = aic_read_text(root, "model", &request->model);

	if (code == 0)
		return aic_read_fail(root, "model", AICHAT_EJSON, "is missing");
	if (aic_json_get_set(root->doc, root->value, "system") >= 0 && code >= 0)
		code = aic_anthropic_read_turn(root, "system", AICHAT_ROLE_SYSTEM,
					       request);
	if (code >= 0)
		code = read_messages(r);
	if (code >= 0)
		code = aic_read_count(root, "max_tokens", &request->max_tokens);
	if (code >= 0)
		code = aic_read_bool(root, "stream", &request->stream);
	if (code >= 0)
		code = read_number(r, "temperature", &request->temperature);
	if (code >= 0)
		code = read_number(r, "top_p", &request->top_p);
	if (code >= 0)
		code = read_stop(r);
	if (code >= 0)
		code = read_tools(r);
	if (code >= 0)
		code = read_tool_choice(r);
	if (code >= 0)
		code = read_output_config(r);
	if (code >= 0)
		code = read_metadata(r);
	return code < 0 ? code : read_extra(r);
}

int aic_anthropic_decode_request(struct aic_str body, struct aic_request **ret_request,
				 aichat_error **reterr)
{
	AIC_CLEANUP(aic_request_freep) struct aic_request *request = aic_request_new();
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct reader r = { .request = request };

	if (!request)
		return aic_error_nomem(reterr);
	int code = aic_json_scan(&doc, body.data, body.len, &aic_json_wire);
	if (code < 0)
		return aic_json_scan_error(&doc, code, "the request", reterr);
	code = aic_read_root(&r.root, &doc, 0, "request", reterr);
	if (code == 0)
		code = read_all(&r);
	if (code < 0)
		return code;
	*ret_request = AIC_TAKE(request);
	return 0;
}
