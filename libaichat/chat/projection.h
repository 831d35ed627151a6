#pragma once

/*
 * The projection: one pure function that turns a path of the tree into messages that the
 * target accepts, and says what it had to drop.
 */

#include "dialect/dialect.h"
#include "model/message.h"
#include "model/profile.h"
#include "model/request.h"

/*
 * Append the path (root first) to the request's messages, made valid for the target:
 * every tool call answered, foreign reasoning gone, ids fit, nothing empty, nothing open.
 * Messages that need no change are taken by reference. report may be NULL.
 */
int aic_project(struct aichat_message *const *path, size_t count,
		const struct aic_dialect *dialect, const struct aic_profile *profile,
		struct aic_request *request, struct aic_report *report);
