#pragma once

/* Times as JSON has them: RFC 3339, UTC, milliseconds. */

#include <stdbool.h>
#include <stdint.h>

#define TIME_TEXT 40

char *time_text(int64_t unix_ms, char text[TIME_TEXT]);
/* False if it is no such time, or is before 1970. */
bool time_read(const char *text, int64_t *ret_unix_ms);
