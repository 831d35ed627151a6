#pragma once

/*
 * The built-in providers: one row of presets.def each, and what a configured provider
 * can be made like.
 */

#include "base/common.h"
#include "provider/provider.h"

/* What ids of tool calls the provider takes. */
enum aic_id_rule {
	AIC_IDS_40,   /* at most 40 bytes */
	AIC_IDS_64,   /* at most 64 */
	AIC_IDS_NINE, /* exactly 9 letters and digits */
};

struct aic_preset {
	const char *name;
	const struct aic_dialect *dialect;
	const char *base_url;     /* NULL: everybody has their own */
	const char *key_variable; /* the environment's name for the key, or NULL */
	const char *url_variable; /* and for the base URL, or NULL */
	enum aic_auth auth;
	bool needs_key;
	bool maker; /* the models that it serves are its own */
	uint32_t quirks;
	enum aic_id_rule ids;
	const char *default_model; /* or NULL */
};

/* The n-th row, in the order in which a default is looked for; NULL past the last. */
const struct aic_preset *aic_preset_at(size_t n);
/* By its name; NULL if there is none. */
const struct aic_preset *aic_preset_find(const char *name);
