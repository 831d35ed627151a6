/*
 * Writing requests of the Messages protocol: the body as a whole, and its plain members.
 */

#include <math.h>

#include "base/mem.h"
#include "dialect/anthropic_request.h"

static void request_done(struct aic_anthropic_request *e)
{
	aic_free(e->items);
	aic_free(e->waiting);
	aic_json_done(&e->doc);
}

bool aic_anthropic_is_extra(const struct aic_anthropic_request *e, const char *name)
{
	for (size_t i = 0; i < e->request->extra_count; i++)
		if (aic_streq(e->request->extra[i].name, name))
			return true;
	return false;
}

bool aic_anthropic_is_blank(struct aic_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr(" \t\r\n\v\f", text.data[i]) || !text.data[i])
			return false;
	return true;
}

static int put_output_config(struct aic_anthropic_request *e, aichat_error **reterr)
{
	const struct aic_request *r = e->request;
	AIC_CLEANUP(aic_buf_done) struct aic_buf schema = aic_buf(0);
	bool by_schema = r->format == AIC_FORMAT_SCHEMA && r->format_schema.len;

	if ((!by_schema && !e->effort) || aic_anthropic_is_extra(e, "output_config"))
		return 0;
	aic_json_put_key(&e->w, "output_config");
	aic_json_begin(&e->w, '{');
	aic_json_put_member(&e->w, "effort", e->effort);
	if (by_schema) {
		int code = aic_anthropic_schema(aic_string_str(&r->format_schema),
						&schema, reterr);
		if (code < 0)
			return code;
		aic_json_put_key(&e->w, "format");
		aic_json_begin(&e->w, '{');
		aic_json_put_member(&e->w, "type", "json_schema");
		aic_json_put_key(&e->w, "schema");
		aic_json_put_raw(&e->w, aic_buf_str(&schema));
		aic_json_end(&e->w, '}');
	}
	aic_json_end(&e->w, '}');
	return 0;
}

/* From this version on sampling parameters are refused, even at their default. */
static bool takes_sampling(const struct aic_anthropic_request *e)
{
	return !aic_has_quirk(e, AIC_QUIRK_NO_SAMPLING) &&
	       (!e->profile->version || strcmp(e->profile->version, "2026-10-21") < 0);
}

static void put_number(struct aic_anthropic_request *e, const char *key, double value,
		       double least)
{
	if (isnan(value) || aic_anthropic_is_extra(e, key))
		return;
	if (!takes_sampling(e)) {
		aic_report_add(e->report, "%s: not taken by %s", key,
			       e->request->model ? e->request->model : "this model");
		return;
	}
	/* Reasoning goes with sampling that is left (nearly) alone. */
	if (e->thinking > AIC_THINKING_DISABLED && value < least) {
		aic_report_add(e->report, "%s: not taken while the model reasons", key);
		return;
	}
	if (value > 1) {
		aic_report_add(e->report, "%s: at most 1 is taken", key);
		value = 1;
	}
	aic_json_put_key(&e->w, key);
	aic_json_put_double(&e->w, value);
}

static void put_stop(struct aic_anthropic_request *e)
{
	const struct aic_request *r = e->request;
	bool begun = false;

	if (aic_anthropic_is_extra(e, "stop_sequences"))
		return;
	for (size_t i = 0; i < r->stop_count; i++) {
		if (aic_anthropic_is_blank(aic_str(r->stop[i]))) {
			aic_report_add(e->report,
				       "a stop sequence of white space: not taken");
			continue;
		}
		if (!begun) {
			aic_json_put_key(&e->w, "stop_sequences");
			aic_json_begin(&e->w, '[');
			begun = true;
		}
		aic_json_put_text(&e->w, r->stop[i]);
	}
	if (begun)
		aic_json_end(&e->w, ']');
}

static void put_extra(struct aic_anthropic_request *e)
{
	for (size_t i = 0; i < e->request->extra_count; i++) {
		const struct aic_member *extra = &e->request->extra[i];
		if (aic_streq(extra->name, "top_k") && !takes_sampling(e)) {
			aic_report_add(e->report, "top_k: not taken by this model");
			continue;
		}
		if (!extra->value.len)
			continue;
		aic_json_put_key(&e->w, extra->name);
		aic_json_put_raw(&e->w, aic_string_str(&extra->value));
	}
}

static int put_body(struct aic_anthropic_request *e, aichat_error **reterr)
{
	const struct aic_request *r = e->request;
	const char *model = r->model ? r->model : e->profile->model;

	aic_json_begin(&e->w, '{');
	if (!aic_anthropic_is_extra(e, "model"))
		aic_json_put_member(&e->w, "model", model ? model : "");
	if (!aic_anthropic_is_extra(e, "max_tokens")) {
		aic_json_put_key(&e->w, "max_tokens");
		aic_json_put_int(&e->w, e->max_tokens);
	}
	if (!aic_anthropic_is_extra(e, "system"))
		aic_anthropic_put_system(e);
	if (!aic_anthropic_is_extra(e, "messages"))
		aic_anthropic_put_messages(e);
	aic_anthropic_put_tools(e);
	put_number(e, "temperature", r->temperature, 1);
	put_number(e, "top_p", r->top_p, 0.95);
	put_stop(e);
	aic_anthropic_put_thinking(e);
	int code = put_output_config(e, reterr);
	if (code < 0)
		return code;
	if (r->user && !aic_anthropic_is_extra(e, "metadata")) {
		aic_json_put_key(&e->w, "metadata");
		aic_json_begin(&e->w, '{');
		aic_json_put_member(&e->w, "user_id", r->user);
		aic_json_end(&e->w, '}');
	}
	if (r->stream && !aic_anthropic_is_extra(e, "stream")) {
		aic_json_put_key(&e->w, "stream");
		aic_json_put_bool(&e->w, true);
	}
	put_extra(e);
	aic_json_end(&e->w, '}');
	return 0;
}

int aic_anthropic_encode_request(const struct aic_request *request,
				 const struct aic_profile *profile, struct aic_buf *out,
				 struct aic_report *report, aichat_error **reterr)
{
	AIC_CLEANUP(request_done)
	struct aic_anthropic_request e = {
		.request = request,
		.profile = profile,
		.report = report,
		.w = aic_json_writer(out),
	};

	if (aic_anthropic_collect(&e) < 0)
		return aic_error_nomem(reterr);
	if (request->has_seed)
		aic_report_add(report, "seed: not taken by this protocol");
	aic_anthropic_plan_thinking(&e);
	int code = put_body(&e, reterr);
	if (code < 0)
		return code;
	if (out->error)
		return aic_error_code(reterr, out->error, "making the request");
	return 0;
}
