/*
 * Chat Completions: reading usage, under the names and with the habits of all who speak
 * the protocol.
 */

#include "dialect/chat.h"

/* The first figure that is there. */
static int64_t count_at(const struct aic_json *doc, int object, const char *const *names)
{
	int64_t count = -1;

	for (; *names && count < 0; names++)
		count = aic_count_read(doc, aic_json_get(doc, object, *names));
	return count;
}

/*
 * Who counts how: OpenAI's prompt has the cache in it and its completion the reasoning.
 * xAI's do not always; the total tells, where there is one.
 */
static void reconcile(struct aic_usage *u, int64_t prompt, int64_t total, bool excludes)
{
	if (u->cached > u->input && u->input >= 0)
		u->input += u->cached;
	if (u->output < 0 || u->reasoning <= 0)
		return;
	bool beside = excludes || u->reasoning > u->output;
	if (prompt >= 0 && total == prompt + u->output + u->reasoning)
		beside = true;
	else if (prompt >= 0 && total == prompt + u->output)
		beside = false;
	if (beside)
		u->output += u->reasoning;
}

void aic_oai_read_usage(struct oai_decoder *d, int value)
{
	static const char *const cached_inside[] = { "cached_tokens", NULL };
	static const char *const cached[] = { "prompt_cache_hit_tokens",
					      "num_cached_tokens", NULL };
	static const char *const cached_apart[] = { "cached_tokens",
						    "cache_read_input_tokens", NULL };
	static const char *const written[] = { "cache_creation_input_tokens", NULL };
	const struct aic_json *doc = &d->doc;
	int prompt_details = aic_json_get(doc, value, "prompt_tokens_details");
	int output_details = aic_json_get(doc, value, "completion_tokens_details");
	struct aic_usage u = AIC_USAGE_UNKNOWN;

	if (!aic_json_is(doc, value, AIC_JSON_OBJECT))
		return;
	u.input = aic_count_read(doc, aic_json_get(doc, value, "prompt_tokens"));
	u.output = aic_count_read(doc, aic_json_get(doc, value, "completion_tokens"));
	int64_t total = aic_count_read(doc, aic_json_get(doc, value, "total_tokens"));
	if (u.input <= 0 && u.output <= 0 && total <= 0)
		return; /* a placeholder */
	u.cached = count_at(doc, prompt_details, cached_inside);
	if (u.cached < 0)
		u.cached = count_at(doc, value, cached);
	u.cache_write = aic_count_read(
		doc, aic_json_get(doc, prompt_details, "cache_write_tokens"));
	u.reasoning = aic_count_read(
		doc, aic_json_get(doc, output_details, "reasoning_tokens"));
	if (u.reasoning < 0)
		u.reasoning = aic_count_read(
			doc, aic_json_get(doc, value, "reasoning_tokens"));
	reconcile(&u, u.input, total,
		  d->base.profile.quirks & AIC_QUIRK_OUTPUT_WITHOUT_REASONING);
	if (u.cached < 0)
		u.cached = count_at(doc, value, cached_apart);
	if (u.cache_write < 0)
		u.cache_write = count_at(doc, value, written);
	d->usage = u;
}
