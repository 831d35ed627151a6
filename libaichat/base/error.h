#pragma once

/*
 * Making errors. Functions that fail return a negative code and, where the caller
 * passed `reterr`, one object with a line for people. Use:
 *
 *     return aic_error_set(reterr, AICHAT_ESTORE, "%s: cannot be read: %s", path, why);
 */

#include <aichat/error.h>

#include "base/common.h"

AIC_DEFINE_CLEANUP(aichat_error *, aichat_error_unref)

/* What a provider said besides the line; zero where it said nothing. */
struct aic_error_detail {
	int http_status;
	const char *provider_code; /* copied */
	const char *request_id;    /* copied */
	int64_t retry_after_ms;    /* -1 = not said */
};

/* Sets *reterr (if there is one) and returns code. Control characters become '?'. */
int aic_error_set(aichat_error **reterr, int code, const char *format, ...)
	AIC_PRINTF(3, 4);
int aic_error_set_detail(aichat_error **reterr, int code,
			 const struct aic_error_detail *detail, const char *format, ...)
	AIC_PRINTF(4, 5);
/* Out of memory needs no memory: a static object. */
int aic_error_nomem(aichat_error **reterr);
/* For code that only has a code: the code's own text, with what was being done. */
int aic_error_code(aichat_error **reterr, int code, const char *doing);
/* Move an owned error to where the caller wants it, or drop it. Returns its code. */
int aic_error_pass(aichat_error **reterr, aichat_error *error);
/* strerror() that is safe with threads; buf holds the text. */
const char *aic_errno_text(int number, char *buf, size_t size);
