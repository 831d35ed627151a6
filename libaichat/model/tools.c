/*
 * Tools from JSON. A tool whose "type" is something else than "function" is run by the
 * provider and passed on as it is; of our own, members that we do not know are errors,
 * because a misspelt "parameters" would be a tool without any.
 */

#include "base/mem.h"
#include "model/read.h"
#include "model/tools.h"

#define TOOLS_MAX 1024
#define TOOL_NAME_MAX 64

void aic_tools_free(struct aic_tool *tools, size_t count)
{
	for (size_t i = 0; i < count; i++)
		aic_tool_done(&tools[i]);
	aic_free(tools);
}

static bool is_tool_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_-");

	return len > 0 && len <= TOOL_NAME_MAX && !name[len];
}

static int check_members(const struct aic_read *r)
{
	static const char *const known[] = { "type", "name", "description", "parameters",
					     "strict" };
	AIC_CLEANUP(aic_buf_done) struct aic_buf key = aic_buf(0);

	for (int v = aic_json_first(r->doc, r->value); v >= 0;
	     v = aic_json_next(r->doc, r->value, v)) {
		bool found = false;
		for (size_t i = 0; i < AIC_ARRAY_LEN(known); i++)
			found = found ||
				aic_json_equals(r->doc, aic_json_key(v), known[i]);
		if (found)
			continue;
		struct aic_str name = aic_json_str(r->doc, aic_json_key(v), &key);
		if (!name.data)
			return aic_error_nomem(r->reterr);
		AIC_CLEANUP(aic_freep) char *text = aic_strndup(name.data, name.len);
		if (!text)
			return aic_error_nomem(r->reterr);
		return aic_read_fail(r, text, AICHAT_EJSON,
				     "is none of name, description, parameters, strict");
	}
	return 0;
}

static int read_function(const struct aic_read *r, struct aic_tool *tool)
{
	struct aic_read schema;
	bool strict;
	int result = check_members(r);

	if (result < 0 || (result = aic_read_text(r, "name", &tool->name)) < 0)
		return result;
	if (result == 0)
		return aic_read_fail(r, "name", AICHAT_EJSON, "is missing");
	if (!is_tool_name(tool->name))
		return aic_read_fail(r, "name", AICHAT_EJSON,
				     "is not 1 to 64 of A-Z, a-z, 0-9, _ and -");
	if ((result = aic_read_text(r, "description", &tool->description)) < 0 ||
	    (result = aic_read_bool(r, "strict", &strict)) < 0)
		return result;
	tool->strict = result > 0 ? strict : -1;
	result = aic_read_child(r, "parameters", AIC_JSON_OBJECT, &schema);
	if (result <= 0)
		return result;
	if (aic_string_set(&tool->schema, aic_json_raw(r->doc, schema.value)) < 0)
		return aic_error_nomem(r->reterr);
	return 0;
}

static int read_tool(const struct aic_read *r, struct aic_tool *tool)
{
	char type[AIC_WORD_MAX];
	int result = aic_read_object(r);

	*tool = (struct aic_tool){ .strict = -1 };
	if (result < 0 || (result = aic_read_word(r, "type", type)) < 0)
		return result;
	if (result == 0 || strcmp(type, "function") == 0)
		return read_function(r, tool);
	if (aic_string_set(&tool->raw, aic_json_raw(r->doc, r->value)) < 0)
		return aic_error_nomem(r->reterr);
	return 0;
}

static bool is_twice(const struct aic_tool *tools, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++)
		if (tools[i].name && aic_streq(tools[i].name, tools[count - 1].name))
			return true;
	return false;
}

static int read_tools(const struct aic_read *array, struct aic_tool **tools,
		      size_t *count)
{
	struct aic_read element = { 0 };
	size_t capacity = 0;

	while (aic_read_element(array, &element)) {
		if (*count >= TOOLS_MAX)
			return aic_read_fail(array, NULL, AICHAT_ETOOLARGE,
					     "has too many elements");
		if (!AIC_GROW(*tools, *count, &capacity))
			return aic_error_nomem(array->reterr);
		int result = read_tool(&element, &(*tools)[(*count)++]);
		if (result < 0)
			return result;
		if (is_twice(*tools, *count))
			return aic_read_fail(&element, "name", AICHAT_EJSON,
					     "is that of another tool");
	}
	return 0;
}

int aic_tools_read(struct aic_str json, struct aic_tool **ret_tools, size_t *ret_count,
		   aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_tool *tools = NULL;
	size_t count = 0;
	int result = aic_json_scan(&doc, json.data, json.len, &aic_json_strict);

	if (result < 0)
		return aic_json_scan_error(&doc, result, "tools", reterr);
	struct aic_read array = { &doc, 0, reterr, NULL, "tools", -1 };
	if (!aic_json_is(&doc, 0, AIC_JSON_ARRAY))
		return aic_read_fail(&array, NULL, AICHAT_EJSON, "is no array");
	result = read_tools(&array, &tools, &count);
	if (result < 0) {
		aic_tools_free(tools, count);
		return result;
	}
	*ret_tools = tools;
	*ret_count = count;
	return 0;
}
