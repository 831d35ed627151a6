/*
 * Chat Completions: writing requests. Members that the caller set raw come last and
 * replace ours: no key is written twice.
 */

#include <math.h>

#include "base/mem.h"
#include "dialect/chat.h"

/* What every member needs to know. */
struct oai_put {
	struct aic_json_writer *w;
	const struct aic_request *request;
	const struct aic_profile *profile;
	struct aic_report *report;
};

static bool has_quirk(const struct oai_put *p, uint32_t quirk)
{
	return p->profile->quirks & quirk;
}

/* Writes the key, unless the caller has a value of its own for it. */
static bool begin_member(const struct oai_put *p, const char *key)
{
	for (size_t i = 0; i < p->request->extra_count; i++)
		if (aic_streq(p->request->extra[i].name, key))
			return false;
	aic_json_put_key(p->w, key);
	return true;
}

static void put_text_member(const struct oai_put *p, const char *key, const char *text)
{
	if (text && begin_member(p, key))
		aic_json_put_text(p->w, text);
}

static void put_limits(const struct oai_put *p)
{
	bool old = has_quirk(p, AIC_QUIRK_MAX_TOKENS);

	if (p->request->max_tokens >= 0 &&
	    begin_member(p, old ? "max_tokens" : "max_completion_tokens"))
		aic_json_put_int(p->w, p->request->max_tokens);
}

static void put_number(const struct oai_put *p, const char *key, double value)
{
	if (isnan(value))
		return;
	if (has_quirk(p, AIC_QUIRK_NO_SAMPLING))
		aic_report_add(p->report, "%s: not taken by %s, not sent", key,
			       p->profile->model ? p->profile->model : "this model");
	else if (begin_member(p, key))
		aic_json_put_double(p->w, value);
}

static void put_sampling(const struct oai_put *p)
{
	const struct aic_request *r = p->request;

	put_number(p, "temperature", r->temperature);
	put_number(p, "top_p", r->top_p);
	if (r->stop_count && begin_member(p, "stop")) {
		aic_json_begin(p->w, '[');
		for (size_t i = 0; i < r->stop_count; i++)
			aic_json_put_text(p->w, r->stop[i]);
		aic_json_end(p->w, ']');
	}
	if (r->has_seed && begin_member(p, "seed"))
		aic_json_put_int(p->w, r->seed);
}

static void put_schema(const struct oai_put *p)
{
	const struct aic_request *r = p->request;

	aic_json_begin(p->w, '{');
	aic_json_put_member(p->w, "name", r->format_name ? r->format_name : "reply");
	aic_json_put_member(p->w, "description", r->format_description);
	aic_json_put_key(p->w, "schema");
	aic_json_put_raw(p->w, r->format_schema.len ? aic_string_str(&r->format_schema)
						    : AIC_STR("{}"));
	if (r->format_strict >= 0) {
		aic_json_put_key(p->w, "strict");
		aic_json_put_bool(p->w, r->format_strict);
	}
	aic_json_end(p->w, '}');
}

static void put_format(const struct oai_put *p)
{
	static const char *const types[] = {
		[AIC_FORMAT_TEXT] = "text",
		[AIC_FORMAT_JSON] = "json_object",
		[AIC_FORMAT_SCHEMA] = "json_schema",
	};
	enum aic_format format = p->request->format;

	if (format == AIC_FORMAT_UNSET || !begin_member(p, "response_format"))
		return;
	aic_json_begin(p->w, '{');
	aic_json_put_member(p->w, "type", types[format]);
	if (format == AIC_FORMAT_SCHEMA) {
		aic_json_put_key(p->w, "json_schema");
		put_schema(p);
	}
	aic_json_end(p->w, '}');
}

/* Models of this kind reason unless told not to, and refuse tools while they do. */
static void put_effort(const struct oai_put *p)
{
	const char *effort = p->request->reasoning_effort;

	if (p->request->tool_count && has_quirk(p, AIC_QUIRK_EFFORT_NONE_WITH_TOOLS) &&
	    !aic_streq(effort, "none")) {
		if (effort)
			aic_report_add(
				p->report,
				"reasoning_effort: %s takes no tools while it reasons; "
				"\"none\" instead of \"%s\"",
				p->profile->model ? p->profile->model : "this model",
				effort);
		effort = "none";
	}
	put_text_member(p, "reasoning_effort", effort);
}

/* --- tools --- */

static void put_tool(const struct oai_put *p, const struct aic_tool *tool)
{
	if (tool->raw.len) {
		aic_json_put_raw(p->w, aic_string_str(&tool->raw));
		return;
	}
	aic_json_begin(p->w, '{');
	aic_json_put_member(p->w, "type", "function");
	aic_json_put_key(p->w, "function");
	aic_json_begin(p->w, '{');
	aic_json_put_member(p->w, "name", tool->name);
	aic_json_put_member(p->w, "description", tool->description);
	if (tool->schema.len) {
		aic_json_put_key(p->w, "parameters");
		aic_json_put_raw(p->w, aic_string_str(&tool->schema));
	}
	if (tool->strict >= 0 && !has_quirk(p, AIC_QUIRK_NO_STRICT)) {
		aic_json_put_key(p->w, "strict");
		aic_json_put_bool(p->w, tool->strict);
	}
	aic_json_end(p->w, '}');
	aic_json_end(p->w, '}');
}

static void put_choice_name(const struct oai_put *p)
{
	if (has_quirk(p, AIC_QUIRK_CHOICE_ANY)) { /* it cannot force one tool */
		aic_report_add(p->report,
			       "tool_choice: %s cannot be forced by name; \"any\"",
			       p->request->tool_choice_name);
		aic_json_put_text(p->w, "any");
		return;
	}
	aic_json_begin(p->w, '{');
	aic_json_put_member(p->w, "type", "function");
	aic_json_put_key(p->w, "function");
	aic_json_begin(p->w, '{');
	aic_json_put_member(p->w, "name", p->request->tool_choice_name);
	aic_json_end(p->w, '}');
	aic_json_end(p->w, '}');
}

static void put_choice(const struct oai_put *p)
{
	enum aic_tool_choice choice = p->request->tool_choice;
	bool harmless = choice == AIC_TOOL_CHOICE_UNSET || choice == AIC_TOOL_CHOICE_AUTO;

	if (choice == AIC_TOOL_CHOICE_UNSET)
		return;
	if (!harmless && has_quirk(p, AIC_QUIRK_NO_TOOL_CHOICE)) {
		aic_report_add(p->report,
			       "tool_choice: only auto is taken by %s, not sent",
			       p->profile->provider ? p->profile->provider : "it");
		return;
	}
	if (!begin_member(p, "tool_choice"))
		return;
	switch (choice) {
	case AIC_TOOL_CHOICE_NONE:
		aic_json_put_text(p->w, "none");
		break;
	case AIC_TOOL_CHOICE_REQUIRED:
		aic_json_put_text(p->w, has_quirk(p, AIC_QUIRK_CHOICE_ANY) ? "any"
									   : "required");
		break;
	case AIC_TOOL_CHOICE_NAMED:
		put_choice_name(p);
		break;
	default:
		aic_json_put_text(p->w, "auto");
		break;
	}
}

static void put_tools(const struct oai_put *p)
{
	const struct aic_request *r = p->request;

	/* Without tools the other two are errors. */
	if (!r->tool_count)
		return;
	if (begin_member(p, "tools")) {
		aic_json_begin(p->w, '[');
		for (size_t i = 0; i < r->tool_count; i++)
			put_tool(p, &r->tools[i]);
		aic_json_end(p->w, ']');
	}
	put_choice(p);
	if (r->parallel_tool_calls >= 0 && !has_quirk(p, AIC_QUIRK_NO_PARALLEL) &&
	    begin_member(p, "parallel_tool_calls"))
		aic_json_put_bool(p->w, r->parallel_tool_calls);
}

/* --- the body --- */

static void put_stream(const struct oai_put *p)
{
	if (!p->request->stream)
		return;
	if (begin_member(p, "stream"))
		aic_json_put_bool(p->w, true);
	if (p->request->stream_usage && !has_quirk(p, AIC_QUIRK_NO_STREAM_USAGE) &&
	    begin_member(p, "stream_options"))
		aic_json_put_raw(p->w, AIC_STR("{\"include_usage\":true}"));
}

static void put_extra(const struct oai_put *p)
{
	const struct aic_request *r = p->request;

	for (size_t i = 0; i < r->extra_count; i++) {
		aic_json_put_key(p->w, r->extra[i].name);
		aic_json_put_raw(p->w, aic_string_str(&r->extra[i].value));
	}
}

int aic_oai_encode_request(const struct aic_request *request,
			   const struct aic_profile *profile, struct aic_buf *out,
			   struct aic_report *report, aichat_error **reterr)
{
	struct aic_json_writer w = aic_json_writer(out);
	struct oai_put p = { &w, request, profile, report };
	int result = 0;

	aic_json_begin(&w, '{');
	put_text_member(&p, "model", request->model ? request->model : profile->model);
	if (begin_member(&p, "messages"))
		result = aic_oai_put_messages(&w, request, profile, report);
	put_limits(&p);
	put_sampling(&p);
	put_format(&p);
	put_effort(&p);
	put_tools(&p);
	put_text_member(&p, "user", request->user);
	put_stream(&p);
	put_extra(&p);
	aic_json_end(&w, '}');
	if (result == 0)
		result = out->error;
	return result < 0 ? aic_error_code(reterr, result, "the request") : 0;
}
