#pragma once

/*
 * All time and all randomness come through here, so that a test can replay a run.
 */

#include "base/common.h"

int64_t aic_clock_unix_ms(void);
int64_t aic_clock_mono_ms(void);
void aic_random_bytes(void *to, size_t len);

#define AIC_TIME_TEXT 25 /* "2026-11-20T12:00:00.000Z" with the NUL */
/* RFC 3339, UTC, milliseconds. */
char *aic_time_text(int64_t unix_ms, char text[AIC_TIME_TEXT]);
/* False if it is no RFC 3339 time. */
bool aic_time_parse(const char *text, size_t len, int64_t *ret_unix_ms);

#ifdef AIC_TEST_HOOKS
/* Freeze the wall clock at a time (0 = real again); monotonic time goes on. */
void aic_clock_set_unix_ms(int64_t unix_ms);
/* Seed the randomness (0 = real again). */
void aic_random_seed(uint64_t seed);
#endif
