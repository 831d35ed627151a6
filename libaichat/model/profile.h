#pragma once

/*
 * What a codec must know of the other side: which provider and model a request is for,
 * and how that one deviates from the protocol.
 */

#include "base/common.h"

/* Deviations, one bit each. */
enum aic_quirk {
#define QUIRK(name, text, bit, help) AIC_QUIRK_##name = 1 << (bit),
#include "model/quirks.def"
#undef QUIRK
};

/* The bit of a deviation by its name; 0 = there is none. */
uint32_t aic_quirk_find(struct aic_str name);

struct aic_profile {
	const char *provider; /* the provider's name, compared with messages' provider */
	const char *model;    /* by the provider's name for it */
	const char *version;  /* Messages: anthropic-version */
	uint32_t quirks;
	int64_t max_tokens; /* sent if the protocol wants one and the caller has none */
	uint32_t id_max;    /* longest tool call id that is taken; 0 = no limit */
	bool id_alnum;      /* ids are letters and digits only, exactly id_max of them */
};
