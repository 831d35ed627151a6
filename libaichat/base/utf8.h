#pragma once

#include "base/common.h"

/* Length of the longest valid prefix: len when all of it is UTF-8 (no surrogates, no
 * overlong). */
size_t aic_utf8_valid_prefix(const char *data, size_t len);

static inline bool aic_utf8_valid(const char *data, size_t len)
{
	return aic_utf8_valid_prefix(data, len) == len;
}

/* Bytes of the sequence that data (len > 0) starts with, 1 to 4; 0 if it is none. */
size_t aic_utf8_sequence(const char *data, size_t len);
/* Where that was 0: how many bytes one U+FFFD stands for (1 to 3). */
size_t aic_utf8_bad_prefix(const char *data, size_t len);

/* Append a code point's bytes (1 to 4) to out; returns their number. */
size_t aic_utf8_encode(uint32_t code_point, char out[4]);
