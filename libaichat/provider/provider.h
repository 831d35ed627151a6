#pragma once

/*
 * Who answers: the built-in presets, what the configuration adds, and what a model's
 * name means.
 */

#include "base/common.h"
#include "base/error.h"
#include "dialect/dialect.h"
#include "model/options.h"
#include "model/profile.h"
#include "model/usage.h"

/* How the key goes into a request. */
enum aic_auth {
	AIC_AUTH_NONE,
	AIC_AUTH_BEARER,    /* Authorization: Bearer KEY */
	AIC_AUTH_X_API_KEY, /* x-api-key: KEY */
	AIC_AUTH_API_KEY,   /* api-key: KEY (Azure) */
};

struct aic_preset;
struct aic_provider_state;

/* One provider, resolved from preset and configuration. Immutable. */
struct aic_provider {
	char *name;
	const struct aic_preset *preset;   /* what it is like; or NULL */
	const struct aic_dialect *dialect; /* NULL = the built-in echo */
	char *base_url;                    /* without a slash at the end */
	char *api_key;                     /* NULL = none, or by command */
	char *key_command;
	const char *key_variable; /* the environment's name for the key, for messages; or
				     NULL */
	char *api_version;
	char **headers; /* further ones, "Name: value" */
	size_t header_count;
	char *default_model;
	enum aic_auth auth;
	uint32_t quirks;
	bool needs_key;
	struct aic_provider_state *state; /* what is learnt on the way; state.h */
};

/* What is known of a model. Rows of catalog.def. */
struct aic_model_info {
	const char *provider;
	const char *name;
	int64_t context_tokens; /* 0 = not known */
	int64_t output_tokens;  /* 0 = not known */
	uint32_t abilities;     /* AICHAT_ABILITY_... of <aichat/model.h> */
	uint32_t quirks;        /* further AIC_QUIRK_... of this model */
	/* 10^-9 US dollars a token; -1 = not known */
	int64_t input_price, cached_price, cache_write_price, output_price;
	int64_t priced_up_to;  /* input tokens up to which the prices hold; 0 = all */
	const char *priced_on; /* the day of the prices, "2026-11-20"; NULL = none */
	bool family;           /* of all models whose names begin so; no model itself */
};

/* All providers and names of one context. Built at open, then only read. */
struct aic_registry;
int aic_registry_new(const struct aichat_options *options,
		     struct aic_registry **ret_registry, aichat_error **reterr);
struct aic_registry *aic_registry_free(struct aic_registry *registry);
const struct aic_provider *aic_registry_provider(const struct aic_registry *registry,
						 const char *name);
/* The n-th provider, and the n-th alias by its name; NULL past the last. */
const struct aic_provider *aic_registry_provider_at(const struct aic_registry *registry,
						    size_t n);
const char *aic_registry_alias_at(const struct aic_registry *registry, size_t n);

/* Where a request goes. Points into the registry and the catalog but for the model. */
struct aic_target {
	const struct aic_provider *provider;
	const struct aic_model_info *info; /* NULL = not in the catalog */
	char *model;                       /* by the provider's name for it; owned */
};
void aic_target_done(struct aic_target *target);

/*
 * What a name means: PROVIDER/MODEL, an alias, a provider's name (its default model), or
 * a model of the catalog. AICHAT_EMODEL: none, or several (the line lists them).
 */
int aic_target_resolve(const struct aic_registry *registry, const char *name,
		       struct aic_target *ret_target, aichat_error **reterr);
/* Whether it can be asked: AICHAT_EKEY names the variable and the option that are
 * missing; AICHAT_ECONFIG when it has no base_url. */
int aic_target_check_key(const struct aic_target *target, aichat_error **reterr);
/* The codec's view of it. Borrows from the target. */
struct aic_profile aic_target_profile(const struct aic_target *target);

/* The n-th model of the catalog; NULL past the last. */
const struct aic_model_info *aic_model_info_at(size_t n);
/* What the catalog knows of a provider's model: by its name, by its name without the date
 * at the end, by its family; else NULL. */
const struct aic_model_info *aic_model_info_find(const char *provider, const char *model);

/* 10^-9 US dollars; -1 when a price or figure that is needed is not known. */
int64_t aic_model_cost(const struct aic_model_info *info, const struct aic_usage *usage);

/*
 * The model that the configuration stands for: the `model` option, else the default of
 * the first provider that has a key; NULL for none. *ret_name: aic_free().
 */
int aic_model_configured(const struct aic_registry *registry,
			 const struct aichat_options *options, char **ret_name,
			 aichat_error **reterr);
/*
 * The model to use when none is named: what the configuration stands for, else
 * an Ollama or llama-server on this machine that answers within 50 ms,
 * else "echo". Blocks at most that long. *ret_name: aic_free().
 */
int aic_model_choose(const struct aic_registry *registry,
		     const struct aichat_options *options, char **ret_name,
		     aichat_error **reterr);
