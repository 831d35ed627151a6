#pragma once

#include "base/common.h"

/* Tokens; -1 = the provider did not say, which is not zero. */
struct aic_usage {
	int64_t input;       /* everything read */
	int64_t cached;      /* of it, from a cache */
	int64_t cache_write; /* of it, written to a cache */
	int64_t output;      /* everything written */
	int64_t reasoning;   /* of it, reasoning */
};

#define AIC_USAGE_UNKNOWN ((struct aic_usage){ -1, -1, -1, -1, -1 })

/* By enum aichat_usage_kind; -1 for other numbers. */
static inline int64_t aic_usage_figure(const struct aic_usage *u, int kind)
{
	switch (kind) {
	case AICHAT_USAGE_INPUT:
		return u->input;
	case AICHAT_USAGE_CACHED:
		return u->cached;
	case AICHAT_USAGE_CACHE_WRITE:
		return u->cache_write;
	case AICHAT_USAGE_OUTPUT:
		return u->output;
	case AICHAT_USAGE_REASONING:
		return u->reasoning;
	default:
		return -1;
	}
}

static inline bool aic_usage_is_set(const struct aic_usage *u)
{
	return u->input >= 0 || u->output >= 0;
}
