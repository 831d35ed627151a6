/*
 * What is known of models, and what a reply cost. The table is catalog.def; a name is
 * looked for exactly, then without the date at its end, then as one of a family, the
 * longest first.
 */

#include <aichat/model.h>

#include "provider/provider.h"

#define TOOLS AICHAT_ABILITY_TOOLS
#define IMAGES AICHAT_ABILITY_IMAGES
#define REASONING AICHAT_ABILITY_REASONING
#define SCHEMA AICHAT_ABILITY_SCHEMA
#define AUDIO AICHAT_ABILITY_AUDIO
#define DOCUMENTS AICHAT_ABILITY_DOCUMENTS

static const struct aic_model_info models[] = {
#define MODEL(provider_, name_, context_, output_, abilities_, quirks_, input_, cached_, \
	      cache_write_, output_price_, priced_up_to_, priced_on_)                    \
	{                                                                                \
		.provider = provider_,                                                   \
		.name = name_,                                                           \
		.context_tokens = context_,                                              \
		.output_tokens = output_,                                                \
		.abilities = abilities_,                                                 \
		.quirks = quirks_,                                                       \
		.input_price = input_,                                                   \
		.cached_price = cached_,                                                 \
		.cache_write_price = cache_write_,                                       \
		.output_price = output_price_,                                           \
		.priced_up_to = priced_up_to_,                                           \
		.priced_on = priced_on_,                                                 \
	},
#define FAMILY(provider_, name_, context_, output_, abilities_, quirks_)
#include "provider/catalog.def"
#undef MODEL
#undef FAMILY
};

static const struct aic_model_info families[] = {
#define MODEL(provider_, name_, context_, output_, abilities_, quirks_, input_, cached_, \
	      cache_write_, output_price_, priced_up_to_, priced_on_)
#define FAMILY(provider_, name_, context_, output_, abilities_, quirks_)                 \
	{                                                                                \
		.provider = provider_,                                                   \
		.name = name_,                                                           \
		.context_tokens = context_,                                              \
		.output_tokens = output_,                                                \
		.abilities = abilities_,                                                 \
		.quirks = quirks_,                                                       \
		.input_price = -1,                                                       \
		.cached_price = -1,                                                      \
		.cache_write_price = -1,                                                 \
		.output_price = -1,                                                      \
		.family = true,                                                          \
	},
#include "provider/catalog.def"
#undef MODEL
#undef FAMILY
};

const struct aic_model_info *aic_model_info_at(size_t n)
{
	return n < AIC_ARRAY_LEN(models) ? &models[n] : NULL;
}

static bool all_digits(const char *at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return true;
}

/* Length without "-20261120", "@20261120" or "-2026-11-20" at the end. */
static size_t undated_len(const char *name)
{
	size_t len = strlen(name);
	const char *end = name + len;

	if (len > 9 && (end[-9] == '-' || end[-9] == '@') && all_digits(end - 8, 8))
		return len - 9;
	if (len > 11 && end[-11] == '-' && end[-6] == '-' && end[-3] == '-' &&
	    all_digits(end - 10, 4) && all_digits(end - 5, 2) && all_digits(end - 2, 2))
		return len - 11;
	return len;
}

static const struct aic_model_info *find_exactly(const char *provider, const char *name,
						 size_t len)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(models); i++)
		if (strncmp(models[i].name, name, len) == 0 && !models[i].name[len] &&
		    strcmp(models[i].provider, provider) == 0)
			return &models[i];
	return NULL;
}

const struct aic_model_info *aic_model_info_find(const char *provider, const char *model)
{
	size_t len = strlen(model);
	const struct aic_model_info *found = find_exactly(provider, model, len);
	size_t longest = 0;

	if (!found && undated_len(model) < len)
		found = find_exactly(provider, model, undated_len(model));
	if (found)
		return found;
	for (size_t i = 0; i < AIC_ARRAY_LEN(families); i++) {
		size_t own = strlen(families[i].name);
		if (own > longest && strncmp(families[i].name, model, own) == 0 &&
		    strcmp(families[i].provider, provider) == 0) {
			found = &families[i];
			longest = own;
		}
	}
	return found;
}

/* Adds tokens at a price; false when there are some and it is not known. */
static bool add_cost(int64_t *cost, int64_t tokens, int64_t price)
{
	int64_t more;

	if (tokens <= 0)
		return true;
	return price >= 0 && !__builtin_mul_overflow(tokens, price, &more) &&
	       !__builtin_add_overflow(*cost, more, cost);
}

int64_t aic_model_cost(const struct aic_model_info *info, const struct aic_usage *usage)
{
	int64_t cost = 0;

	if (!info || usage->input < 0 || usage->output < 0)
		return -1;
	if (info->priced_up_to > 0 && usage->input > info->priced_up_to)
		return -1;
	int64_t cached = AIC_MAX(usage->cached, (int64_t)0);
	int64_t written = AIC_MAX(usage->cache_write, (int64_t)0);
	/* The parts of a sum that does not add up are the figures to trust. */
	int64_t fresh = AIC_MAX(usage->input - cached - written, (int64_t)0);
	bool known = add_cost(&cost, fresh, info->input_price) &&
		     add_cost(&cost, cached, info->cached_price) &&
		     add_cost(&cost, written, info->cache_write_price) &&
		     add_cost(&cost, usage->output, info->output_price);
	return known ? cost : -1;
}
