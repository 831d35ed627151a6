/*
 * Chat Completions: reading a caller's request. Types are checked, with the place in the
 * error; what we have no name for is kept raw and goes out again as it came.
 */

#include "base/mem.h"
#include "dialect/chat.h"
#include "model/read.h"

/* Raw text of a member that is sent on as it is. */
static int keep_extra(const struct aic_read *r, int member, struct aic_request *request)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(4096);
	struct aic_str name = aic_json_str(r->doc, aic_json_key(member), &text);

	if (text.error == AICHAT_ETOOLARGE || memchr(name.data, '\0', name.len))
		return aic_read_fail(r, NULL, AICHAT_EJSON,
				     "has a member with a strange name");
	if (text.error)
		return aic_error_nomem(r->reterr);
	if (aic_request_set_extra(request, name, aic_json_raw(r->doc, member)) < 0)
		return aic_error_nomem(r->reterr);
	return 0;
}

static int keep_named(const struct aic_read *r, const char *key,
		      struct aic_request *request)
{
	int value = aic_json_get_set(r->doc, r->value, key);

	return value >= 0 ? keep_extra(r, value, request) : 0;
}

static int read_number(const struct aic_read *r, const char *key, double *ret)
{
	int value = aic_json_get_set(r->doc, r->value, key);

	if (value >= 0 && !aic_json_double(r->doc, value, ret))
		return aic_read_fail(r, key, AICHAT_EJSON, "is no number");
	return 0;
}

static int read_flag(const struct aic_read *r, const char *key, int *ret)
{
	bool flag;
	int result = aic_read_bool(r, key, &flag);

	if (result > 0)
		*ret = flag;
	return result < 0 ? result : 0;
}

/* --- tools --- */

static int read_function(const struct aic_read *r, struct aic_tool *tool)
{
	struct aic_read schema;
	int result = aic_read_text(r, "name", &tool->name);

	if (result == 0)
		return aic_read_fail(r, "name", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_read_text(r, "description", &tool->description);
	if (result >= 0)
		result = aic_read_child(r, "parameters", AIC_JSON_OBJECT, &schema);
	if (result > 0 &&
	    aic_string_set(&tool->schema, aic_json_raw(schema.doc, schema.value)) < 0)
		return aic_error_nomem(r->reterr);
	return result < 0 ? result : read_flag(r, "strict", &tool->strict);
}

/* A function, or a tool of another type, which only the provider understands. */
static int read_tool(const struct aic_read *r, struct aic_tool *tool)
{
	struct aic_read function;
	char type[AIC_WORD_MAX] = "";
	int result = aic_read_object(r);

	if (result == 0)
		result = aic_read_word(r, "type", type);
	if (result < 0)
		return result;
	/* Mistral's own clients leave it out. */
	if (result == 0 && aic_json_get_set(r->doc, r->value, "function") < 0)
		return aic_read_fail(r, "type", AICHAT_EJSON, "is missing");
	if (result > 0 && !aic_streq(type, "function")) {
		if (aic_string_set(&tool->raw, aic_json_raw(r->doc, r->value)) < 0)
			return aic_error_nomem(r->reterr);
		return 0;
	}
	result = aic_read_child(r, "function", AIC_JSON_OBJECT, &function);
	if (result == 0)
		return aic_read_fail(r, "function", AICHAT_EJSON, "is missing");
	return result < 0 ? result : read_function(&function, tool);
}

static int add_tools(const struct aic_read *root, const char *key,
		     struct aic_request *request,
		     int (*read)(const struct aic_read *, struct aic_tool *))
{
	struct aic_read list;
	struct aic_read each = { 0 };
	int result = aic_read_child(root, key, AIC_JSON_ARRAY, &list);

	if (result <= 0)
		return result;
	list.up = NULL; /* places start with the member */
	while (aic_read_element(&list, &each)) {
		AIC_CLEANUP(aic_tool_done) struct aic_tool tool = { .strict = -1 };
		result = read(&each, &tool);
		if (result < 0)
			return result;
		if (aic_request_add_tool(request, &tool) < 0)
			return aic_error_nomem(root->reterr);
	}
	return 0;
}

/* The deprecated list has the functions themselves. */
static int read_legacy(const struct aic_read *r, struct aic_tool *tool)
{
	int result = aic_read_object(r);

	return result < 0 ? result : read_function(r, tool);
}

static bool parse_choice(const char *word, enum aic_tool_choice *ret)
{
	if (aic_streq(word, "auto"))
		*ret = AIC_TOOL_CHOICE_AUTO;
	else if (aic_streq(word, "none"))
		*ret = AIC_TOOL_CHOICE_NONE;
	else if (aic_streq(word, "required") || aic_streq(word, "any"))
		*ret = AIC_TOOL_CHOICE_REQUIRED;
	else
		return false;
	return true;
}

static int read_choice_name(const struct aic_read *r, struct aic_request *request)
{
	int result = aic_read_text(r, "name", &request->tool_choice_name);

	if (result == 0)
		return aic_read_fail(r, "name", AICHAT_EJSON, "is missing");
	request->tool_choice = AIC_TOOL_CHOICE_NAMED;
	return result < 0 ? result : 0;
}

static int read_choice(const struct aic_read *root, struct aic_request *request)
{
	struct aic_read choice, function;
	char word[AIC_WORD_MAX];
	int result;

	if (!aic_json_is(root->doc,
			 aic_json_get_set(root->doc, root->value, "tool_choice"),
			 AIC_JSON_OBJECT)) {
		result = aic_read_word(root, "tool_choice", word);
		if (result > 0 && !parse_choice(word, &request->tool_choice))
			return aic_read_fail(
				root, "tool_choice", AICHAT_EJSON,
				"is neither auto, none, required nor an object");
		return result < 0 ? result : 0;
	}
	result = aic_read_child(root, "tool_choice", AIC_JSON_OBJECT, &choice);
	if (result < 0)
		return result;
	choice.up = NULL;
	result = aic_read_word(&choice, "type", word);
	if (result < 0)
		return result;
	/* Subsets and custom tools: only the provider knows what to do. */
	if (result == 0 || !aic_streq(word, "function"))
		return keep_named(root, "tool_choice", request);
	result = aic_read_child(&choice, "function", AIC_JSON_OBJECT, &function);
	if (result == 0)
		return aic_read_fail(&choice, "function", AICHAT_EJSON, "is missing");
	return result < 0 ? result : read_choice_name(&function, request);
}

/* "none", "auto" or {"name"}. */
static int read_legacy_choice(const struct aic_read *root, struct aic_request *request)
{
	struct aic_read choice;
	char word[AIC_WORD_MAX];
	int value = aic_json_get_set(root->doc, root->value, "function_call");

	if (value < 0)
		return 0;
	if (aic_json_is(root->doc, value, AIC_JSON_OBJECT)) {
		int result = aic_read_child(root, "function_call", AIC_JSON_OBJECT,
					    &choice);
		choice.up = NULL;
		return result < 0 ? result : read_choice_name(&choice, request);
	}
	int result = aic_read_word(root, "function_call", word);
	if (result > 0 && !parse_choice(word, &request->tool_choice))
		return aic_read_fail(root, "function_call", AICHAT_EJSON,
				     "is neither auto, none nor an object");
	return result < 0 ? result : 0;
}

static int read_tools(const struct aic_read *root, struct aic_request *request)
{
	int result = add_tools(root, "tools", request, read_tool);

	if (result == 0)
		result = add_tools(root, "functions", request, read_legacy);
	if (result == 0)
		result = read_legacy_choice(root, request);
	if (result == 0)
		result = read_choice(root, request);
	if (result == 0)
		result = read_flag(root, "parallel_tool_calls",
				   &request->parallel_tool_calls);
	return result;
}

/* --- response_format --- */

static int read_schema(const struct aic_read *format, struct aic_request *request)
{
	struct aic_read inner, schema;
	int result = aic_read_child(format, "json_schema", AIC_JSON_OBJECT, &inner);

	if (result == 0)
		return aic_read_fail(format, "json_schema", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_read_text(&inner, "name", &request->format_name);
	if (result >= 0)
		result = aic_read_text(&inner, "description",
				       &request->format_description);
	if (result >= 0)
		result = aic_read_child(&inner, "schema", AIC_JSON_OBJECT, &schema);
	if (result > 0 && aic_string_set(&request->format_schema,
					 aic_json_raw(schema.doc, schema.value)) < 0)
		return aic_error_nomem(format->reterr);
	return result < 0 ? result : read_flag(&inner, "strict", &request->format_strict);
}

static int read_format(const struct aic_read *root, struct aic_request *request)
{
	struct aic_read format;
	char type[AIC_WORD_MAX];
	int result = aic_read_child(root, "response_format", AIC_JSON_OBJECT, &format);

	if (result <= 0)
		return result;
	format.up = NULL;
	result = aic_read_word(&format, "type", type);
	if (result < 0)
		return result;
	if (result == 0)
		return aic_read_fail(&format, "type", AICHAT_EJSON, "is missing");
	if (aic_streq(type, "text"))
		request->format = AIC_FORMAT_TEXT;
	else if (aic_streq(type, "json_object"))
		request->format = AIC_FORMAT_JSON;
	else if (aic_streq(type, "json_schema"))
		request->format = AIC_FORMAT_SCHEMA;
	else
		return keep_named(root, "response_format", request);
	return request->format == AIC_FORMAT_SCHEMA ? read_schema(&format, request) : 0;
}

/* --- the rest --- */

static int read_stop(const struct aic_read *root, struct aic_request *request)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	const struct aic_json *doc = root->doc;
	int stop = aic_json_get_set(doc, root->value, "stop");
	bool is_list = aic_json_is(doc, stop, AIC_JSON_ARRAY);

	if (stop < 0)
		return 0;
	if (!is_list && !aic_json_is(doc, stop, AIC_JSON_STRING))
		return aic_read_fail(root, "stop", AICHAT_EJSON,
				     "is neither a string nor an array of strings");
	for (int v = is_list ? aic_json_first(doc, stop) : stop; v >= 0;
	     v = is_list ? aic_json_next(doc, stop, v) : AIC_JSON_NONE) {
		struct aic_str word = aic_json_str(doc, v, &text);
		if (!aic_json_is(doc, v, AIC_JSON_STRING) ||
		    (word.len && memchr(word.data, '\0', word.len)))
			return aic_read_fail(root, "stop", AICHAT_EJSON,
					     "has an element that is no plain string");
		if (text.error || aic_request_add_stop(request, word) < 0)
			return aic_error_nomem(root->reterr);
	}
	return 0;
}

static int read_limits(const struct aic_read *root, struct aic_request *request)
{
	int result = aic_read_count(root, "max_completion_tokens", &request->max_tokens);

	if (result == 0)
		result = aic_read_count(root, "max_tokens", &request->max_tokens);
	if (result >= 0)
		result = read_number(root, "temperature", &request->temperature);
	if (result >= 0)
		result = read_number(root, "top_p", &request->top_p);
	if (result >= 0)
		result = read_stop(root, request);
	if (result < 0)
		return result;
	int seed = aic_json_get_set(root->doc, root->value, "seed");
	request->has_seed = aic_json_int(root->doc, seed, &request->seed);
	if (seed >= 0 && !request->has_seed)
		return aic_read_fail(root, "seed", AICHAT_EJSON, "is no whole number");
	result = aic_read_text(root, "reasoning_effort", &request->reasoning_effort);
	if (result >= 0)
		result = aic_read_text(root, "user", &request->user);
	return result < 0 ? result : 0;
}

static int read_stream(const struct aic_read *root, struct aic_request *request)
{
	struct aic_read options;
	int result = aic_read_bool(root, "stream", &request->stream);

	if (result >= 0)
		result = aic_read_child(root, "stream_options", AIC_JSON_OBJECT,
					&options);
	if (result <= 0)
		return result;
	options.up = NULL;
	result = aic_read_bool(&options, "include_usage", &request->stream_usage);
	return result < 0 ? result : 0;
}

/* Every member that was not read. */
static int read_extra(const struct aic_read *root, struct aic_request *request)
{
	static const char *const known[] = {
		"model",
		"messages",
		"max_completion_tokens",
		"max_tokens",
		"temperature",
		"top_p",
		"stop",
		"seed",
		"reasoning_effort",
		"user",
		"tools",
		"functions",
		"tool_choice",
		"function_call",
		"parallel_tool_calls",
		"response_format",
		"stream",
		"stream_options",
	};
	const struct aic_json *doc = root->doc;

	for (int v = aic_json_first(doc, root->value); v >= 0;
	     v = aic_json_next(doc, root->value, v)) {
		bool is_known = aic_json_is(doc, v, AIC_JSON_NULL);
		for (size_t i = 0; i < AIC_ARRAY_LEN(known) && !is_known; i++)
			is_known = aic_json_equals(doc, aic_json_key(v), known[i]);
		int result = is_known ? 0 : keep_extra(root, v, request);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_request(const struct aic_read *root, struct aic_request *request)
{
	int result = aic_read_text(root, "model", &request->model);

	if (result == 0)
		return aic_read_fail(root, "model", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_oai_read_messages(root, request);
	if (result >= 0)
		result = read_limits(root, request);
	if (result >= 0)
		result = read_tools(root, request);
	if (result >= 0)
		result = read_format(root, request);
	if (result >= 0)
		result = read_stream(root, request);
	if (result >= 0)
		result = read_extra(root, request);
	return result;
}

int aic_oai_decode_request(struct aic_str body, struct aic_request **ret_request,
			   aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	AIC_CLEANUP(aic_request_freep) struct aic_request *request = aic_request_new();
	struct aic_read root;

	if (!request)
		return aic_error_nomem(reterr);
	int result = aic_json_scan(&doc, body.data, body.len, &aic_json_wire);
	if (result < 0)
		return aic_json_scan_error(&doc, result, "the request", reterr);
	result = aic_read_root(&root, &doc, 0, "request", reterr);
	if (result == 0)
		result = read_request(&root, request);
	if (result < 0)
		return result;
	*ret_request = AIC_TAKE(request);
	return 0;
}
