/*
 * The providers of one context: every preset, as the options change it, and those that
 * only the options name. Built once; after that only `state` changes.
 */

#include <strings.h>

#include "base/mem.h"
#include "provider/registry_internal.h"
#include "provider/state.h"

static const struct aic_preset presets[] = {
#define PRESET(name_, dialect_, base_url_, key_variable_, url_variable_, auth_,          \
	       needs_key_, maker_, quirks_, ids_, default_model_)                        \
	{                                                                                \
		.name = name_,                                                           \
		.dialect = dialect_,                                                     \
		.base_url = base_url_,                                                   \
		.key_variable = key_variable_,                                           \
		.url_variable = url_variable_,                                           \
		.auth = auth_,                                                           \
		.needs_key = needs_key_,                                                 \
		.maker = maker_,                                                         \
		.quirks = quirks_,                                                       \
		.ids = ids_,                                                             \
		.default_model = default_model_,                                         \
	},
#include "provider/presets.def"
#undef PRESET
};

const struct aic_preset *aic_preset_at(size_t n)
{
	return n < AIC_ARRAY_LEN(presets) ? &presets[n] : NULL;
}

const struct aic_preset *aic_preset_find(const char *name)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(presets); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

/* --- one provider --- */

static void provider_done(struct aic_provider *provider)
{
	aic_free(provider->name);
	aic_free(provider->base_url);
	aic_free(provider->api_key);
	aic_free(provider->key_command);
	aic_free(provider->api_version);
	for (size_t i = 0; i < provider->header_count; i++)
		aic_free(provider->headers[i]);
	aic_free(provider->headers);
	aic_free(provider->default_model);
	if (provider->state)
		aic_free(provider->state->command_key);
	aic_free(provider->state);
}

/* A value of this provider's in the options; NULL for none, and for an empty one. */
static const char *given(const struct aichat_options *options, const char *provider,
			 const char *what)
{
	const char *value = options ? aic_options_provider(options, provider, what)
				    : NULL;

	return value && *value ? value : NULL;
}

static int copy(char **to, const char *text, aichat_error **reterr)
{
	if (!text)
		return 0;
	*to = aic_strdup(text);
	return *to ? 0 : aic_error_nomem(reterr);
}

/* The next line of a list, without white space around it; false at the end. */
static bool next_line(const char **at, struct aic_str *ret_line)
{
	while (**at == '\n' || **at == ' ' || **at == '\t' || **at == '\r')
		(*at)++;
	if (!**at)
		return false;
	size_t len = strcspn(*at, "\r\n");
	*ret_line = (struct aic_str){ *at, len };
	*at += len;
	while (ret_line->len > 0 && strchr(" \t", ret_line->data[ret_line->len - 1]))
		ret_line->len--;
	return true;
}

static int add_header(struct aic_provider *provider, const char *prefix,
		      struct aic_str text, aichat_error **reterr)
{
	struct aic_buf line = aic_buf(0);

	aic_buf_puts(&line, prefix);
	aic_buf_append(&line, text.data, text.len);
	char *taken = aic_buf_take(&line, NULL);
	aic_buf_done(&line);
	char **grown = taken ? aic_realloc_array(provider->headers,
						 provider->header_count + 1,
						 sizeof(*provider->headers))
			     : NULL;
	if (!grown) {
		aic_free(taken);
		return aic_error_nomem(reterr);
	}
	provider->headers = grown;
	provider->headers[provider->header_count++] = taken;
	return 0;
}

static int set_headers(struct aic_provider *provider,
		       const struct aichat_options *options, aichat_error **reterr)
{
	static const struct {
		const char *option, *prefix;
	} named[] = {
		{ "organization", "OpenAI-Organization: " },
		{ "project", "OpenAI-Project: " },
	};
	const char *list = given(options, provider->name, "headers");
	struct aic_str line;
	int result = 0;

	for (size_t i = 0; !result && i < AIC_ARRAY_LEN(named); i++) {
		const char *value = given(options, provider->name, named[i].option);
		if (value)
			result = add_header(provider, named[i].prefix, aic_str(value),
					    reterr);
	}
	while (!result && list && next_line(&list, &line)) {
		const char *colon = memchr(line.data, ':', line.len);
		if (!colon || colon == line.data)
			return aic_error_set(
				reterr, AICHAT_ECONFIG,
				"provider.%s.headers: a line is no `Name: value`",
				provider->name);
		result = add_header(provider, "", line, reterr);
	}
	return result;
}

/* Names of deviations, one a line; one with a minus is taken away. */
static int set_quirks(struct aic_provider *provider, const char *list,
		      aichat_error **reterr)
{
	struct aic_str line;

	while (list && next_line(&list, &line)) {
		bool less = *line.data == '-';
		struct aic_str name = { line.data + less, line.len - less };
		uint32_t bit = aic_quirk_find(name);
		if (!bit)
			return aic_error_set(
				reterr, AICHAT_ECONFIG,
				"provider.%s.quirks: there is no %.*s", provider->name,
				(int)AIC_MIN(name.len, (size_t)64), name.data);
		if (less)
			provider->quirks &= ~bit;
		else
			provider->quirks |= bit;
	}
	return 0;
}

static bool ends_with(struct aic_str text, struct aic_str end)
{
	return text.len >= end.len &&
	       memcmp(text.data + text.len - end.len, end.data, end.len) == 0;
}

/*
 * The form that the paths are put behind: without a slash at the end. OpenAI's clients
 * write the /v1 into the base URL, Anthropic's do not, so one that has it loses it. A
 * bare Azure endpoint gets the path of its version-less surface.
 */
static int set_base_url(struct aic_provider *provider, const char *url,
			aichat_error **reterr)
{
	if (!url || !*url)
		return copy(&provider->base_url, "", reterr);
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return aic_error_set(
			reterr, AICHAT_ECONFIG,
			"provider.%s.base_url: does not begin with https:// or "
			"http://",
			provider->name);
	struct aic_str kept = aic_str(url);
	while (kept.len > 0 && kept.data[kept.len - 1] == '/')
		kept.len--;
	if (provider->dialect == &aic_dialect_anthropic_messages &&
	    ends_with(kept, AIC_STR("/v1")))
		kept.len -= 3;
	const char *host = strstr(url, "://") + 3;
	bool bare = host < kept.data + kept.len &&
		    !memchr(host, '/', (size_t)(kept.data + kept.len - host));
	struct aic_buf whole = aic_buf(0);
	aic_buf_append(&whole, kept.data, kept.len);
	if (bare && provider->preset && strcmp(provider->preset->name, "azure") == 0)
		aic_buf_puts(&whole, "/openai/v1");
	provider->base_url = aic_buf_take(&whole, NULL);
	aic_buf_done(&whole);
	return provider->base_url ? 0 : aic_error_nomem(reterr);
}

/* Dialect, auth and quirks: the preset's, then what the options say. */
static int set_kind(struct aic_provider *provider, const struct aichat_options *options,
		    aichat_error **reterr)
{
	const struct aic_preset *preset = provider->preset;
	const char *like = given(options, provider->name, "preset");
	const char *dialect = given(options, provider->name, "dialect");

	if (like && !(preset = aic_preset_find(like)))
		return aic_error_set(
			reterr, AICHAT_ECONFIG,
			"provider.%s.preset: there is no built-in provider %s",
			provider->name, like);
	provider->preset = preset;
	if (preset) {
		provider->dialect = preset->dialect;
		provider->auth = preset->auth;
		provider->quirks = preset->quirks;
	}
	if (dialect) {
		const struct aic_dialect *found = aic_dialect_find(dialect);
		if (!found)
			return aic_error_set(
				reterr, AICHAT_ECONFIG,
				"provider.%s.dialect: there is no dialect %s",
				provider->name, dialect);
		/* The auth of a preset for another dialect says nothing. */
		if (!preset || preset->dialect != found)
			provider->auth = found == &aic_dialect_anthropic_messages
						 ? AIC_AUTH_X_API_KEY
						 : AIC_AUTH_BEARER;
		provider->dialect = found;
	} else if (!preset) {
		return aic_error_set(
			reterr, AICHAT_ECONFIG,
			"provider.%s: is not built in; set provider.%s.dialect, or "
			"provider.%s.preset to the one that it is like",
			provider->name, provider->name, provider->name);
	}
	return set_quirks(provider, given(options, provider->name, "quirks"), reterr);
}

static int set_provider(struct aic_provider *provider,
			const struct aichat_options *options, aichat_error **reterr)
{
	const char *name = provider->name;
	const char *url = given(options, name, "base_url");
	const char *model = given(options, name, "default_model");
	int result = set_kind(provider, options, reterr);
	const struct aic_preset *preset = provider->preset;

	if (result)
		return result;
	bool built_in = preset && strcmp(preset->name, name) == 0;
	/* Somewhere else may do without; if not, its 401 says so. */
	provider->needs_key = preset && preset->needs_key && !url;
	provider->key_variable = built_in ? preset->key_variable : NULL;
	if (!url && !preset)
		return aic_error_set(reterr, AICHAT_ECONFIG,
				     "provider.%s.base_url is not set", name);
	if (!model && preset)
		model = preset->default_model;
	result = set_base_url(provider, url ? url : preset->base_url, reterr);
	if (!result)
		result = copy(&provider->api_key, given(options, name, "api_key"),
			      reterr);
	if (!result)
		result = copy(&provider->key_command, given(options, name, "key_command"),
			      reterr);
	if (!result)
		result = copy(&provider->api_version, given(options, name, "api_version"),
			      reterr);
	if (!result)
		result = copy(&provider->default_model, model, reterr);
	if (!result)
		result = set_headers(provider, options, reterr);
	if (!result && !(provider->state = aic_new(struct aic_provider_state)))
		result = aic_error_nomem(reterr);
	return result;
}

static struct aic_provider *find_provider(const struct aic_registry *registry,
					  struct aic_str name)
{
	for (size_t i = 0; i < registry->provider_count; i++)
		if (aic_str_is(name, registry->providers[i].name))
			return &registry->providers[i];
	return NULL;
}

static int add_provider(struct aic_registry *registry, struct aic_str name,
			const struct aic_preset *preset,
			const struct aichat_options *options, aichat_error **reterr)
{
	if (!AIC_GROW(registry->providers, registry->provider_count,
		      &registry->provider_capacity))
		return aic_error_nomem(reterr);
	struct aic_provider *provider = &registry->providers[registry->provider_count];
	*provider = (struct aic_provider){ .preset = preset };
	provider->name = aic_strndup(name.data, name.len);
	if (!provider->name)
		return aic_error_nomem(reterr);
	registry->provider_count++;
	return set_provider(provider, options, reterr);
}

/* --- all of them --- */

/* One option: a provider that is not there yet, or an alias. */
static int take_option(struct aic_registry *registry,
		       const struct aichat_options *options, const char *name,
		       const char *value, aichat_error **reterr)
{
	static const char provider_prefix[] = "provider.";
	static const char alias_prefix[] = "alias.";

	if (strncmp(name, alias_prefix, sizeof(alias_prefix) - 1) == 0) {
		if (!AIC_GROW(registry->aliases, registry->alias_count,
			      &registry->alias_capacity))
			return aic_error_nomem(reterr);
		struct aic_alias *alias = &registry->aliases[registry->alias_count++];
		*alias = (struct aic_alias){
			.name = aic_strdup(name + sizeof(alias_prefix) - 1),
			.target = aic_strdup(value),
		};
		return alias->name && alias->target ? 0 : aic_error_nomem(reterr);
	}
	if (strncmp(name, provider_prefix, sizeof(provider_prefix) - 1) != 0)
		return 0;
	const char *start = name + sizeof(provider_prefix) - 1;
	const char *end = strrchr(start, '.');
	if (!end || end == start)
		return 0;
	struct aic_str provider = { start, (size_t)(end - start) };
	if (memchr(provider.data, '/', provider.len))
		return aic_error_set(reterr, AICHAT_ECONFIG,
				     "%s: a provider's name has no slash", name);
	if (find_provider(registry, provider))
		return 0;
	return add_provider(registry, provider, NULL, options, reterr);
}

struct aic_registry *aic_registry_free(struct aic_registry *registry)
{
	if (!registry)
		return NULL;
	for (size_t i = 0; i < registry->provider_count; i++)
		provider_done(&registry->providers[i]);
	for (size_t i = 0; i < registry->alias_count; i++) {
		aic_free(registry->aliases[i].name);
		aic_free(registry->aliases[i].target);
	}
	aic_free(registry->providers);
	aic_free(registry->aliases);
	aic_free(registry);
	return NULL;
}

int aic_registry_new(const struct aichat_options *options,
		     struct aic_registry **ret_registry, aichat_error **reterr)
{
	struct aic_registry *registry = aic_new(struct aic_registry);
	const char *name;
	const char *value;
	int result = registry ? 0 : aic_error_nomem(reterr);

	for (size_t i = 0; !result && i < AIC_ARRAY_LEN(presets); i++)
		result = add_provider(registry, aic_str(presets[i].name), &presets[i],
				      options, reterr);
	for (size_t n = 0;
	     !result && options && (name = aic_options_at(options, n, &value)); n++)
		result = take_option(registry, options, name, value, reterr);
	if (result) {
		aic_registry_free(registry);
		return result;
	}
	*ret_registry = registry;
	return 0;
}

const struct aic_provider *aic_registry_provider(const struct aic_registry *registry,
						 const char *name)
{
	return find_provider(registry, aic_str(name));
}

const struct aic_provider *aic_registry_provider_at(const struct aic_registry *registry,
						    size_t n)
{
	return n < registry->provider_count ? &registry->providers[n] : NULL;
}

const char *aic_registry_alias_at(const struct aic_registry *registry, size_t n)
{
	return n < registry->alias_count ? registry->aliases[n].name : NULL;
}
