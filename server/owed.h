#pragma once

/*
 * Rows of usage that could not be written: what was used is kept in memory until the
 * store takes it, and told in the log once. So many at most; what is beyond, or is left
 * when the daemon ends, stands in the log's lines of the requests.
 */

#include <stdbool.h>
#include <stddef.h>

#include <aichat/aichat.h>

/* Whether a row that failed so may be written later. */
bool owed_is_worth_it(const aichat_error *error);
/* Keep a row of this user; error: why, or NULL: older ones come first. */
void owed_add(const char *user, const char *json, size_t len, const aichat_error *error);
/* Write what is kept, any user's; false if some is left. */
bool owed_write(aichat *ai);
/* The daemon ends: what is left is lost. */
void owed_forget(void);
