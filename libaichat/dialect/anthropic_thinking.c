/*
 * How much the model is to think: older models take a budget of tokens, newer ones an
 * effort, some take both, and what neither is known of gets nothing.
 */

#include "dialect/anthropic_request.h"

#define BUDGET_MIN 1024

static const struct {
	const char *effort;
	int64_t budget;
	const char *word; /* of output_config */
} efforts[] = {
	{ "minimal", 1024, "low" },    { "low", 2048, "low" },
	{ "medium", 10000, "medium" }, { "high", 16384, "high" },
	{ "xhigh", 32768, "xhigh" },   { "max", 32768, "max" },
};

/*
 * A tool loop keeps one way of thinking: with a budget, a turn whose call was not thought
 * about (another model's, or thoughts that could not be replayed) is refused.
 */
static bool is_in_thoughtless_loop(const struct aic_anthropic_request *e)
{
	size_t at = e->count;
	bool results = false, call = false, thought = false;

	for (; at > 0 && e->items[at - 1].side != AIC_SIDE_ASSISTANT; at--)
		results = results || aic_is_result(&e->items[at - 1]);
	for (; at > 0 && e->items[at - 1].side == AIC_SIDE_ASSISTANT; at--) {
		call = call || e->items[at - 1].part->type == AICHAT_PART_TOOL_CALL;
		thought = thought || e->items[at - 1].part->type == AICHAT_PART_REASONING;
	}
	return results && call && !thought;
}

/* The budget is below max_tokens: the caller's limit stands, our own gives way. */
static void plan_budget(struct aic_anthropic_request *e, int64_t budget)
{
	const struct aic_request *r = e->request;
	bool forced = r->tool_choice == AIC_TOOL_CHOICE_REQUIRED ||
		      r->tool_choice == AIC_TOOL_CHOICE_NAMED;

	if (forced && r->tool_count) {
		aic_report_add(e->report, "reasoning_effort: not with a forced tool");
		return;
	}
	if (is_in_thoughtless_loop(e)) {
		aic_report_add(e->report,
			       "reasoning_effort: not inside a tool loop begun without");
		return;
	}
	if (e->max_tokens <= budget) {
		if (r->max_tokens < 0)
			e->max_tokens = budget + AIC_MAX_TOKENS_DEFAULT;
		else if (e->max_tokens > BUDGET_MIN)
			budget = AIC_MAX((int64_t)BUDGET_MIN, e->max_tokens / 2);
		else
			budget = 0;
	}
	if (!budget) {
		aic_report_add(e->report,
			       "reasoning_effort: max_tokens leaves no room for it");
		return;
	}
	e->thinking = AIC_THINKING_BUDGET;
	e->budget = budget;
}

void aic_anthropic_plan_thinking(struct aic_anthropic_request *e)
{
	const struct aic_request *r = e->request;
	bool adaptive = aic_has_quirk(e, AIC_QUIRK_THINKING_ADAPTIVE);
	bool budget = aic_has_quirk(e, AIC_QUIRK_THINKING_BUDGET);

	if (r->max_tokens >= 0)
		e->max_tokens = r->max_tokens;
	else if (e->profile->max_tokens > 0)
		e->max_tokens = e->profile->max_tokens;
	else
		e->max_tokens = AIC_MAX_TOKENS_DEFAULT;
	if (!r->reasoning_effort || aic_anthropic_is_extra(e, "thinking") ||
	    aic_anthropic_is_extra(e, "output_config"))
		return;
	if (aic_streq(r->reasoning_effort, "none")) {
		if (adaptive || budget)
			e->thinking = AIC_THINKING_DISABLED;
		return;
	}
	for (size_t i = 0; i < AIC_ARRAY_LEN(efforts); i++) {
		if (!aic_streq(r->reasoning_effort, efforts[i].effort))
			continue;
		if (adaptive) {
			e->thinking = AIC_THINKING_ADAPTIVE;
			e->effort = efforts[i].word;
			/* Models that take both ways are older than xhigh. */
			if (budget && aic_streq(e->effort, "xhigh"))
				e->effort = "max";
		} else if (budget) {
			plan_budget(e, efforts[i].budget);
		} else {
			aic_report_add(e->report, "reasoning_effort: not taken by %s",
				       r->model ? r->model : "this model");
		}
		return;
	}
	aic_report_add(e->report, "reasoning_effort %s: not known", r->reasoning_effort);
}

void aic_anthropic_put_thinking(struct aic_anthropic_request *e)
{
	static const char *const types[] = { NULL, "disabled", "enabled", "adaptive" };

	if (e->thinking == AIC_THINKING_UNSET)
		return;
	aic_json_put_key(&e->w, "thinking");
	aic_json_begin(&e->w, '{');
	aic_json_put_member(&e->w, "type", types[e->thinking]);
	if (e->thinking == AIC_THINKING_BUDGET) {
		aic_json_put_key(&e->w, "budget_tokens");
		aic_json_put_int(&e->w, e->budget);
	}
	aic_json_end(&e->w, '}');
}
