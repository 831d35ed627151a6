/*
 * What the name of a model means: an alias, PROVIDER/MODEL, a provider, or a model of the
 * catalog. What is only in the catalog must be one thing; nothing is chosen silently, but
 * a model is its maker's before anybody's who serves it, too.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "provider/registry_internal.h"

#define ALIASES_MAX 8
#define NAME_MAX_BYTES 256
#define SUGGESTIONS_MAX 3
/* What a reply may have where the protocol wants a number and nobody gave one. */
#define OUTPUT_DEFAULT 32000
#define OUTPUT_UNKNOWN 4096

void aic_target_done(struct aic_target *target)
{
	aic_free(AIC_TAKE(target->model));
}

static const char *catalog_name(const struct aic_provider *provider)
{
	return provider->preset ? provider->preset->name : provider->name;
}

static int set_target(struct aic_target *target, const struct aic_provider *provider,
		      const char *model, aichat_error **reterr)
{
	char *own = aic_strdup(model);

	if (!own)
		return aic_error_nomem(reterr);
	*target = (struct aic_target){
		.provider = provider,
		.info = aic_model_info_find(catalog_name(provider), model),
		.model = own,
	};
	return 0;
}

/* --- what was perhaps meant --- */

/* Edits that make one word of another (Levenshtein); a large number for long ones. */
static size_t distance(const char *a, const char *b)
{
	unsigned short row[65];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	if (a_len > 64 || b_len > 64)
		return 1000;
	for (size_t k = 0; k <= b_len; k++)
		row[k] = (unsigned short)k;
	for (size_t i = 0; i < a_len; i++) {
		unsigned short diagonal = row[0];
		row[0] = (unsigned short)(i + 1);
		for (size_t k = 0; k < b_len; k++) {
			int change = diagonal + (a[i] != b[k]);
			int less = AIC_MIN(row[k], row[k + 1]) + 1;
			diagonal = row[k + 1];
			row[k + 1] = (unsigned short)AIC_MIN(change, less);
		}
	}
	return row[b_len];
}

/* The models whose names are nearest, each once, as " (did you mean a, b?)". */
static void suggest(struct aic_buf *line, const char *name)
{
	const char *best[SUGGESTIONS_MAX] = { NULL };
	size_t scores[SUGGESTIONS_MAX];
	size_t limit = strlen(name) / 3 + 1;
	size_t count = 0;
	const struct aic_model_info *info;

	for (size_t n = 0; (info = aic_model_info_at(n)); n++) {
		size_t score = strstr(info->name, name) ? 0 : distance(name, info->name);
		size_t at = count;
		bool known = false;
		for (size_t i = 0; i < count; i++)
			known = known || strcmp(best[i], info->name) == 0;
		if (known || score > limit)
			continue;
		while (at > 0 && scores[at - 1] > score)
			at--;
		if (at == SUGGESTIONS_MAX)
			continue;
		count = AIC_MIN(count + 1, (size_t)SUGGESTIONS_MAX);
		for (size_t i = count - 1; i > at; i--) {
			best[i] = best[i - 1];
			scores[i] = scores[i - 1];
		}
		best[at] = info->name;
		scores[at] = score;
	}
	for (size_t i = 0; i < count; i++)
		aic_buf_printf(line, "%s%s", i ? ", " : " (did you mean ", best[i]);
	if (count)
		aic_buf_puts(line, "?)");
}

static int unknown_name(const char *name, aichat_error **reterr)
{
	struct aic_buf line = aic_buf(0);

	aic_buf_printf(&line, "there is no model %.*s", NAME_MAX_BYTES, name);
	suggest(&line, name);
	aic_buf_puts(&line,
		     "; PROVIDER/MODEL works for models that are not in the catalog");
	int result = line.error ? aic_error_nomem(reterr)
				: aic_error_set(reterr, AICHAT_EMODEL, "%s", line.data);
	aic_buf_done(&line);
	return result;
}

static int unknown_provider(const struct aic_registry *registry, const char *name,
			    aichat_error **reterr)
{
	int len = (int)AIC_MIN(strcspn(name, "/"), (size_t)NAME_MAX_BYTES);
	char *provider = aic_strndup(name, (size_t)len);
	const char *nearest = NULL;
	size_t score = 3;

	if (!provider)
		return aic_error_nomem(reterr);
	for (size_t i = 0; i < registry->provider_count; i++) {
		size_t edits = distance(provider, registry->providers[i].name);
		if (edits < score) {
			score = edits;
			nearest = registry->providers[i].name;
		}
	}
	aic_free(provider);
	return aic_error_set(
		reterr, AICHAT_EMODEL,
		"%.*s: there is no provider %.*s%s%s%s; provider.%.*s.base_url and "
		"provider.%.*s.dialect make one",
		NAME_MAX_BYTES, name, len, name, nearest ? " (did you mean " : "",
		nearest ? nearest : "", nearest ? "?)" : "", len, name, len, name);
}

/* --- names of the catalog --- */

static int several(const char *name, const struct aic_provider *const *found,
		   size_t count, aichat_error **reterr)
{
	struct aic_buf line = aic_buf(0);

	aic_buf_printf(&line,
		       "%.*s is served by several providers; name one: ", NAME_MAX_BYTES,
		       name);
	for (size_t i = 0; i < count; i++)
		aic_buf_printf(&line, "%s%s/%.*s", i ? ", " : "", found[i]->name,
			       NAME_MAX_BYTES, name);
	int result = line.error ? aic_error_nomem(reterr)
				: aic_error_set(reterr, AICHAT_EMODEL, "%s", line.data);
	aic_buf_done(&line);
	return result;
}

static int resolve_bare(const struct aic_registry *registry, const char *name,
			struct aic_target *ret_target, aichat_error **reterr)
{
	const struct aic_provider *found[16];
	const struct aic_provider *maker = NULL;
	size_t count = 0;

	for (size_t i = 0; i < registry->provider_count; i++) {
		const struct aic_provider *provider = &registry->providers[i];
		bool built_in = provider->preset &&
				strcmp(provider->preset->name, provider->name) == 0;
		if (!built_in || !aic_model_info_find(provider->name, name) ||
		    count == AIC_ARRAY_LEN(found))
			continue;
		found[count++] = provider;
		if (provider->preset->maker)
			maker = provider;
	}
	if (count == 0)
		return unknown_name(name, reterr);
	if (count > 1 && !maker)
		return several(name, found, count, reterr);
	return set_target(ret_target, maker ? maker : found[0], name, reterr);
}

static const char *find_alias(const struct aic_registry *registry, const char *name)
{
	for (size_t i = 0; i < registry->alias_count; i++)
		if (strcmp(registry->aliases[i].name, name) == 0)
			return registry->aliases[i].target;
	return NULL;
}

int aic_target_resolve(const struct aic_registry *registry, const char *name,
		       struct aic_target *ret_target, aichat_error **reterr)
{
	const char *asked = name;
	const char *target;

	for (int depth = 0; (target = find_alias(registry, name)); depth++) {
		/* An alias may be called like the model that it stands for. */
		if (strcmp(target, name) == 0)
			break;
		if (depth == ALIASES_MAX)
			return aic_error_set(reterr, AICHAT_EMODEL,
					     "alias.%.*s leads to no model: the aliases "
					     "go in a circle",
					     NAME_MAX_BYTES, asked);
		name = target;
	}
	const char *slash = strchr(name, '/');
	const struct aic_provider *provider;
	if (slash && slash > name && slash[1]) {
		struct aic_str first = { name, (size_t)(slash - name) };
		for (size_t i = 0; i < registry->provider_count; i++)
			if (aic_str_is(first, registry->providers[i].name))
				return set_target(ret_target, &registry->providers[i],
						  slash + 1, reterr);
		/* Those who serve others' models call them MAKER/MODEL. */
		if (resolve_bare(registry, name, ret_target, NULL) == 0)
			return 0;
		return unknown_provider(registry, name, reterr);
	}
	provider = aic_registry_provider(registry, name);
	if (!provider)
		return resolve_bare(registry, name, ret_target, reterr);
	if (!provider->default_model)
		return aic_error_set(
			reterr, AICHAT_EMODEL,
			"%s has no default model; name one as %s/MODEL, or set "
			"provider.%s.default_model",
			name, name, name);
	return set_target(ret_target, provider, provider->default_model, reterr);
}

int aic_target_check_key(const struct aic_target *target, aichat_error **reterr)
{
	const struct aic_provider *provider = target->provider;

	if (provider->dialect && !*provider->base_url)
		return aic_error_set(reterr, AICHAT_ECONFIG,
				     "%s has no address; set provider.%s.base_url",
				     provider->name, provider->name);
	if (!provider->needs_key || provider->api_key || provider->key_command)
		return 0;
	if (provider->key_variable)
		return aic_error_set(reterr, AICHAT_EKEY,
				     "%s needs an API key; set %s or provider.%s.api_key",
				     provider->name, provider->key_variable,
				     provider->name);
	return aic_error_set(reterr, AICHAT_EKEY,
			     "%s needs an API key; set provider.%s.api_key",
			     provider->name, provider->name);
}

struct aic_profile aic_target_profile(const struct aic_target *target)
{
	const struct aic_provider *provider = target->provider;
	const struct aic_model_info *info = target->info;
	bool messages = provider->dialect == &aic_dialect_anthropic_messages;
	enum aic_id_rule ids = provider->preset ? provider->preset->ids
			       : messages       ? AIC_IDS_64
						: AIC_IDS_40;
	struct aic_profile profile = {
		.provider = provider->name,
		.model = target->model,
		.quirks = provider->quirks | (info ? info->quirks : 0),
		.max_tokens = OUTPUT_UNKNOWN,
		.id_max = ids == AIC_IDS_NINE ? 9
			  : ids == AIC_IDS_64 ? 64
					      : 40,
		.id_alnum = ids == AIC_IDS_NINE,
	};

	/* The older version takes all that newer models take, and old models need it. */
	if (messages)
		profile.version = provider->api_version ? provider->api_version
							: "2023-06-01";
	if (info && info->output_tokens > 0)
		profile.max_tokens = AIC_MIN(info->output_tokens,
					     (int64_t)OUTPUT_DEFAULT);
	return profile;
}
