#pragma once

/*
 * What a codec must know of the other side: which provider and model a request is for,
 * and how that one deviates from the protocol.
 */

#include "base/common.h"

/* Deviations (a row of the preset table sets them). */
enum aic_quirk {
	/* knows max_tokens, not max_completion_tokens */
	AIC_QUIRK_MAX_TOKENS = 1 << 0,
	/* rejects stream_options */
	AIC_QUIRK_NO_STREAM_USAGE = 1 << 1,
	/* says "any" for a required tool choice */
	AIC_QUIRK_CHOICE_ANY = 1 << 2,
	/* rejects or ignores tool_choice other than auto */
	AIC_QUIRK_NO_TOOL_CHOICE = 1 << 3,
	/* rejects parallel_tool_calls */
	AIC_QUIRK_NO_PARALLEL = 1 << 4,
	/* rejects strict in tools */
	AIC_QUIRK_NO_STRICT = 1 << 5,
	/* takes one system message, first */
	AIC_QUIRK_ONE_SYSTEM = 1 << 6,
	/* an assistant turn must come between */
	AIC_QUIRK_NO_USER_AFTER_TOOL = 1 << 7,
	/* <think>...</think> in the text is reasoning */
	AIC_QUIRK_THINK_TAGS = 1 << 8,
	/* repeats deltas and whole messages */
	AIC_QUIRK_DEDUPE = 1 << 9,
	/* wants reasoning_content back with tool calls */
	AIC_QUIRK_REPLAY_REASONING = 1 << 10,
	/* completion_tokens excludes reasoning */
	AIC_QUIRK_OUTPUT_WITHOUT_REASONING = 1 << 11,
	/* rejects temperature and top_p */
	AIC_QUIRK_NO_SAMPLING = 1 << 12,
	/* does not fetch image URLs */
	AIC_QUIRK_INLINE_IMAGES = 1 << 13,
	/* rejects tools while it reasons */
	AIC_QUIRK_EFFORT_NONE_WITH_TOOLS = 1 << 14,
	/* Messages: reasoning by a token budget */
	AIC_QUIRK_THINKING_BUDGET = 1 << 15,
	/* Messages: reasoning adaptive, by effort */
	AIC_QUIRK_THINKING_ADAPTIVE = 1 << 16,
	/* Messages: thinking blocks carry no signature */
	AIC_QUIRK_UNSIGNED_THINKING = 1 << 17,
	/* a final assistant message is rejected */
	AIC_QUIRK_NO_PREFILL = 1 << 18,
	/* Messages: system turns are taken in place */
	AIC_QUIRK_SYSTEM_ANYWHERE = 1 << 19,
	/* text only */
	AIC_QUIRK_NO_IMAGES = 1 << 20,
	/* reasoning_details are to be replayed */
	AIC_QUIRK_OPENROUTER = 1 << 21,
	/* takes content as a string only */
	AIC_QUIRK_FLATTEN = 1 << 22,
};

struct aic_profile {
	const char *provider; /* the provider's name, compared with messages' provider */
	const char *model;    /* by the provider's name for it */
	const char *version;  /* Messages: anthropic-version */
	uint32_t quirks;
	int64_t max_tokens; /* sent if the protocol wants one and the caller has none */
	uint32_t id_max;    /* longest tool call id that is taken; 0 = no limit */
	bool id_alnum;      /* ids are letters and digits only, exactly id_max of them */
};
