#pragma once

/*
 * Identity: UUID version 7 (RFC 9562), 16 bytes inside, 36 characters outside. Ids made
 * by one process in one millisecond still sort in the order they were made.
 */

#include "base/common.h"

#define AIC_ID_TEXT 37 /* with the NUL */

struct aic_id {
	unsigned char bytes[16];
};

struct aic_id aic_id_new(void);
bool aic_id_is_set(const struct aic_id *id); /* not all zero */
bool aic_id_equal(const struct aic_id *a, const struct aic_id *b);
/* Writes text (36 characters and NUL) and returns it. */
char *aic_id_text(const struct aic_id *id, char text[AIC_ID_TEXT]);
/* False if text is no UUID; upper case is taken. */
bool aic_id_parse(const char *text, size_t len, struct aic_id *ret_id);

#ifdef AIC_TEST_HOOKS
/* Forget the last id, so that a run with the same clock and seed makes the same ids. */
void aic_id_reset(void);
#endif
