#pragma once

/*
 * Ids of tool calls that a target takes: letters, digits, `_` and `-`, not too long, and
 * none twice. What fits stays; the rest is mapped, always the same way, so that the same
 * history gives the same request every time (and the provider's cache its chance).
 */

#include "base/common.h"

struct aic_tool_ids {
	uint32_t max;   /* longest that is taken; 0 = no limit */
	bool exact;     /* letters and digits only, exactly max of them */
	uint64_t *seen; /* an open hash table of hashes; 0 = free */
	size_t count, capacity;
};

void aic_tool_ids_init(struct aic_tool_ids *ids, uint32_t max, bool exact);
void aic_tool_ids_done(struct aic_tool_ids *ids);
/* The id for the next call, whose own is `id` (may be NULL). *ret_id: aic_free(). */
int aic_tool_ids_map(struct aic_tool_ids *ids, const char *id, char **ret_id);
