#pragma once

/* What registry.c builds and target.c reads. */

#include "provider/preset.h"
#include "provider/provider.h"

struct aic_alias {
	char *name;
	char *target;
};

struct aic_registry {
	struct aic_provider *providers; /* the presets in their order, then the others */
	size_t provider_count, provider_capacity;
	struct aic_alias *aliases;
	size_t alias_count, alias_capacity;
};
