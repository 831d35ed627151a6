#pragma once

/*
 * The option table, and what a name and a value must look like.
 */

#include "model/options.h"

/* The n-th row; NULL past the last. */
const struct aic_option_info *aic_option_row(size_t n);
/* The error for a name that is not in the table, with the nearest that is. */
int aic_option_unknown(const char *name, aichat_error **reterr);
/*
 * 0 with the number that the value is (INT, NUMBER, BOOL), AICHAT_EINVAL or
 * AICHAT_ENOMEM. Errors never quote the value: it may be a key.
 */
int aic_option_check(const struct aic_option_info *info, const char *name,
		     struct aic_str value, double *ret_number, aichat_error **reterr);
/* The default of an INT, NUMBER or BOOL; NaN for none. */
double aic_option_fallback_number(const struct aic_option_info *info);
