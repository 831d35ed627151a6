/*
 * The tools of a request, and whether they may be called.
 */

#include "dialect/anthropic_request.h"

#define EMPTY_SCHEMA "{\"type\":\"object\",\"properties\":{}}"

/* It must be an object's schema, and say so. */
static void put_schema(struct aic_anthropic_request *e, const struct aic_tool *tool)
{
	struct aic_str schema = aic_string_str(&tool->schema);

	aic_json_put_key(&e->w, "input_schema");
	if (!schema.len ||
	    aic_json_scan(&e->doc, schema.data, schema.len, &aic_json_wire) < 0 ||
	    !aic_json_is(&e->doc, 0, AIC_JSON_OBJECT)) {
		aic_json_put_raw(&e->w, AIC_STR(EMPTY_SCHEMA));
		return;
	}
	if (aic_json_get(&e->doc, 0, "type") >= 0) {
		aic_json_put_raw(&e->w, aic_json_raw(&e->doc, 0));
		return;
	}
	struct aic_str inside = aic_json_raw(&e->doc, 0);
	struct aic_buf *out = aic_put_open(&e->w);
	aic_buf_puts(out, "{\"type\":\"object\"");
	if (aic_json_count(&e->doc, 0) > 0)
		aic_buf_putc(out, ',');
	aic_buf_append(out, inside.data + 1, inside.len - 1);
}

static void put_tool(struct aic_anthropic_request *e, const struct aic_tool *tool)
{
	struct aic_str raw = aic_string_str(&tool->raw);

	if (raw.len) {
		if (aic_json_scan(&e->doc, raw.data, raw.len, &aic_json_wire) == 0 &&
		    aic_json_is(&e->doc, 0, AIC_JSON_OBJECT))
			aic_json_put_raw(&e->w, raw);
		else
			aic_report_add(e->report, "a tool is no JSON object: left out");
		return;
	}
	aic_json_begin(&e->w, '{');
	aic_json_put_member(&e->w, "name", tool->name ? tool->name : "");
	aic_json_put_member(&e->w, "description", tool->description);
	put_schema(e, tool);
	if (tool->strict >= 0 && !aic_has_quirk(e, AIC_QUIRK_NO_STRICT)) {
		aic_json_put_key(&e->w, "strict");
		aic_json_put_bool(&e->w, tool->strict);
	}
	aic_json_end(&e->w, '}');
}

/* Whether an earlier item calls a tool of this name. */
static bool is_named_before(const struct aic_anthropic_request *e, size_t item)
{
	const char *name = e->items[item].part->name;

	for (size_t i = 0; i < item; i++)
		if (e->items[i].part && e->items[i].part->type == AICHAT_PART_TOOL_CALL &&
		    aic_streq(e->items[i].part->name, name))
			return true;
	return false;
}

/*
 * Calls in the history without a definition of any tool are refused. The caller offers
 * none now, so these are only named, and choosing one is forbidden.
 */
static void put_mentioned_tools(struct aic_anthropic_request *e)
{
	bool any = false;

	aic_json_put_key(&e->w, "tools");
	aic_json_begin(&e->w, '[');
	for (size_t i = 0; i < e->count; i++) {
		const struct aichat_part *part = e->items[i].part;
		if (!part || part->type != AICHAT_PART_TOOL_CALL || !part->name ||
		    !*part->name || is_named_before(e, i))
			continue;
		any = true;
		struct aic_tool tool = { .name = part->name, .strict = -1 };
		put_tool(e, &tool);
	}
	if (!any) {
		struct aic_tool tool = { .strict = -1 };
		static char name[] = "unavailable";
		tool.name = name;
		put_tool(e, &tool);
	}
	aic_json_end(&e->w, ']');
	if (aic_has_quirk(e, AIC_QUIRK_NO_TOOL_CHOICE) ||
	    aic_anthropic_is_extra(e, "tool_choice"))
		return;
	aic_json_put_key(&e->w, "tool_choice");
	aic_json_put_raw(&e->w, AIC_STR("{\"type\":\"none\"}"));
}

/* The choice's type; NULL when nothing is to be sent. */
static const char *choice_type(struct aic_anthropic_request *e)
{
	switch (e->request->tool_choice) {
	case AIC_TOOL_CHOICE_AUTO:
		return "auto";
	case AIC_TOOL_CHOICE_NONE:
		return "none";
	case AIC_TOOL_CHOICE_REQUIRED:
		return "any";
	case AIC_TOOL_CHOICE_NAMED:
		return "tool";
	default:
		/* The flag has no place of its own. */
		return e->request->parallel_tool_calls == 0 ? "auto" : NULL;
	}
}

static void put_tool_choice(struct aic_anthropic_request *e)
{
	const struct aic_request *r = e->request;
	const char *type = choice_type(e);
	int parallel = r->parallel_tool_calls;

	if (!type || aic_anthropic_is_extra(e, "tool_choice"))
		return;
	if (aic_has_quirk(e, AIC_QUIRK_NO_TOOL_CHOICE)) {
		if (!aic_streq(type, "auto") || parallel == 0)
			aic_report_add(e->report,
				       "tool_choice: not taken by this provider");
		return;
	}
	aic_json_put_key(&e->w, "tool_choice");
	aic_json_begin(&e->w, '{');
	aic_json_put_member(&e->w, "type", type);
	if (r->tool_choice == AIC_TOOL_CHOICE_NAMED)
		aic_json_put_member(&e->w, "name",
				    r->tool_choice_name ? r->tool_choice_name : "");
	if (parallel >= 0 && r->tool_choice != AIC_TOOL_CHOICE_NONE &&
	    !aic_has_quirk(e, AIC_QUIRK_NO_PARALLEL)) {
		aic_json_put_key(&e->w, "disable_parallel_tool_use");
		aic_json_put_bool(&e->w, !parallel);
	}
	aic_json_end(&e->w, '}');
}

void aic_anthropic_put_tools(struct aic_anthropic_request *e)
{
	const struct aic_request *r = e->request;

	if (aic_anthropic_is_extra(e, "tools")) {
		put_tool_choice(e);
		return;
	}
	if (!r->tool_count) {
		if (r->tool_choice > AIC_TOOL_CHOICE_NONE)
			aic_report_add(e->report, "tool_choice: there are no tools");
		if (e->has_calls)
			put_mentioned_tools(e);
		return;
	}
	aic_json_put_key(&e->w, "tools");
	aic_json_begin(&e->w, '[');
	for (size_t i = 0; i < r->tool_count; i++)
		put_tool(e, &r->tools[i]);
	aic_json_end(&e->w, ']');
	put_tool_choice(e);
}
