#pragma once

/*
 * Whether the store takes what is new: a disk that failed or is almost full is told in
 * the log once, and callers are refused before a provider is asked for what could not be
 * written down.
 */

#include <stdbool.h>

#include "call.h"

/* 0, or why it does not: aichat_store_check(). */
int storage_check(aichat *ai, aichat_error **reterr);
/* False and answered if it does not. */
bool storage_takes(struct call *call);
