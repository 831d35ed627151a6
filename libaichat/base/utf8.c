#include "base/utf8.h"

size_t aic_utf8_sequence(const char *data, size_t len)
{
	const unsigned char *at = (const unsigned char *)data;
	unsigned char lead = at[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t need;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2)
		return 0;
	if (lead < 0xe0) {
		need = 2;
	} else if (lead < 0xf0) {
		need = 3;
		if (lead == 0xe0)
			low = 0xa0; /* shorter forms exist */
		else if (lead == 0xed)
			high = 0x9f; /* surrogates */
	} else if (lead < 0xf5) {
		need = 4;
		if (lead == 0xf0)
			low = 0x90;
		else if (lead == 0xf4)
			high = 0x8f; /* past U+10FFFF */
	} else {
		return 0;
	}
	if (len < need || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

size_t aic_utf8_bad_prefix(const char *data, size_t len)
{
	/*
	 * What could still have become a sequence counts as one mistake. Continuing it
	 * with the only bytes that fit tells whether it could have.
	 */
	for (size_t n = AIC_MIN(len, (size_t)3); n > 1; n--) {
		char whole[4] = { (char)0x80, (char)0x80, (char)0x80, (char)0x80 };
		memcpy(whole, data, n);
		if (aic_utf8_sequence(whole, sizeof(whole)) > n)
			return n;
	}
	return 1;
}

size_t aic_utf8_valid_prefix(const char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint64_t word;
		if (len - at >= sizeof(word)) {
			memcpy(&word, data + at, sizeof(word));
			if (!(word & UINT64_C(0x8080808080808080))) {
				at += sizeof(word);
				continue;
			}
		}
		size_t step = aic_utf8_sequence(data + at, len - at);
		if (!step)
			break;
		at += step;
	}
	return at;
}

size_t aic_utf8_encode(uint32_t code_point, char out[4])
{
	if (code_point < 0x80) {
		out[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		out[0] = (char)(0xc0 | code_point >> 6);
		out[1] = (char)(0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000) {
		out[0] = (char)(0xe0 | code_point >> 12);
		out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code_point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code_point >> 18);
	out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code_point & 0x3f));
	return 4;
}
