#pragma once

/*
 * The log hook: the library's only way to say something unasked. Secrets and prompts
 * never get here.
 */

#include "base/common.h"

struct aic_log {
	void (*hook)(void *user, int level, const char *message); /* may be NULL */
	void *user;
	int level; /* the least important level that is wanted: AICHAT_LOG_... */
};

void aic_log(const struct aic_log *log, int level, const char *format, ...)
	AIC_PRINTF(3, 4);
