#pragma once

/*
 * The tools of a conversation as JSON: `[{"name", "description"?, "parameters"?,
 * "strict"?}]`, or a provider's own tool as it is.
 */

#include "model/request.h"

/* Reads and checks: names are [A-Za-z0-9_-]{1,64} and differ, parameters is an object. */
int aic_tools_read(struct aic_str json, struct aic_tool **ret_tools, size_t *ret_count,
		   aichat_error **reterr);
void aic_tools_free(struct aic_tool *tools, size_t count);
