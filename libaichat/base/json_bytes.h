#pragma once

/*
 * What the files of the JSON module share and nobody else needs.
 */

#include "base/common.h"
#include "base/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * The first byte in [at, end) that a JSON string cannot just copy: a quote, a
 * backslash, a control character, or anything that is not ASCII; end if there is none.
 */
static inline const char *aic_json_plain(const char *at, const char *end)
{
#ifdef __SSE2__
	/* As signed bytes, the controls and all that is not ASCII are below the space. */
	const __m128i space = _mm_set1_epi8(0x20);
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');

	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i low = _mm_cmplt_epi8(bytes, space);
		__m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
					     _mm_cmpeq_epi8(bytes, backslash));
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(low, found));
		if (mask)
			return at + __builtin_ctz(mask);
	}
#else
	/*
	 * Eight at a time: a byte minus one borrows into its top bit when it was zero,
	 * so a byte equals c where (word ^ c) has a zero byte. Borrows only ever reach
	 * bytes above the first hit, and the loop below finds that one itself.
	 */
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = ones << 7;

	for (; end - at >= 8; at += 8) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		uint64_t quote = word ^ ones * '"';
		uint64_t backslash = word ^ ones * '\\';
		if (((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) &
		    tops)
			break;
	}
#endif
	while (at < end) {
		unsigned char c = (unsigned char)*at;
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
		at++;
	}
	return at;
}

static inline int aic_json_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape; -1 if they are none. */
static inline int32_t aic_json_hex4(const char *at)
{
	int32_t value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = aic_json_hex(at[i]);
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/*
 * One escape of a string that passed the scan, at its backslash: writes what it means
 * (1 to 4 bytes; U+FFFD for half a surrogate pair), moves past it, returns the bytes.
 */
size_t aic_json_unescape(const char **at, const char *end, char out[4]);

/* Keys above which an object's are compared by hash, when it ends. */
#define AIC_JSON_MANY_KEYS 32
#define AIC_JSON_KEY_TWICE "a key appears twice"

/* Whether two strings mean the same text. */
bool aic_json_same_text(const char *text, const struct aic_json_token *a,
			const struct aic_json_token *b);
/* An object of count members that the scan has just closed: 0, or the scan's failure. */
int aic_json_check_keys(struct aic_json *doc, uint32_t object, uint32_t count);
