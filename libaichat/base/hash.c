/*
 * Digests by libsodium; hexadecimal and base64 text by ourselves, because libsodium's
 * are made for secrets and pay for it.
 */

#include <pthread.h>

#include <sodium.h>

#include <aichat/error.h>

#include "base/buf.h"
#include "base/hash.h"

_Static_assert(AIC_DIGEST_BYTES == crypto_hash_sha256_BYTES, "SHA-256 is 32 bytes");

/* Chooses the code for this processor; without it the plain code runs. */
static void start_sodium(void)
{
	if (sodium_init() < 0)
		return;
}

void aic_sha256(const void *data, size_t len, unsigned char digest[AIC_DIGEST_BYTES])
{
	crypto_hash_sha256(digest, data, len);
}

void aic_blake2b(const void *data, size_t len, unsigned char digest[AIC_DIGEST_BYTES])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_sodium);
	crypto_generichash(digest, AIC_DIGEST_BYTES, data, len, NULL, 0);
}

char *aic_digest_text(const unsigned char digest[AIC_DIGEST_BYTES],
		      char text[AIC_DIGEST_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < AIC_DIGEST_BYTES; i++) {
		text[2 * i] = hex[digest[i] >> 4];
		text[2 * i + 1] = hex[digest[i] & 15];
	}
	text[AIC_DIGEST_TEXT - 1] = '\0';
	return text;
}

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int aic_base64_encode(struct aic_buf *out, const void *data, size_t len)
{
	const unsigned char *from = data;

	if (len > AIC_BUF_MAX) {
		out->error = out->error ? out->error : AICHAT_ETOOLARGE;
		return out->error;
	}
	char *to = aic_buf_reserve(out, (len + 2) / 3 * 4);
	if (!to)
		return out->error;
	for (; len >= 3; len -= 3, from += 3, to += 4) {
		uint32_t bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 |
				from[2];
		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = alphabet[bits >> 6 & 63];
		to[3] = alphabet[bits & 63];
	}
	if (len) {
		uint32_t bits = (uint32_t)from[0] << 16 | (len == 2 ? from[1] << 8 : 0);
		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = len == 2 ? alphabet[bits >> 6 & 63] : '=';
		to[3] = '=';
		to += 4;
	}
	*to = '\0';
	out->len = (size_t)(to - out->data);
	return 0;
}

#define SPACE 64
#define PAD 65
#define BAD 255

static unsigned char base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned char)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned char)(c - '0' + 52);
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return SPACE;
	return c == '=' ? PAD : BAD;
}

/* The last group: what its padding leaves; bits that nobody would read must be zero. */
static bool put_last(char **to, uint32_t bits, int digits, int pads)
{
	if (digits == 0)
		return pads == 0;
	if (digits + pads != 4 || pads > 2)
		return false;
	bits <<= 6 * pads;
	if (bits & (pads == 2 ? 0xffff : 0xff))
		return false;
	*(*to)++ = (char)(bits >> 16);
	if (pads == 1)
		*(*to)++ = (char)(bits >> 8);
	return true;
}

bool aic_base64_decode(struct aic_buf *out, const char *text, size_t len)
{
	char *to = aic_buf_reserve(out, len / 4 * 3 + 3);
	uint32_t bits = 0;
	int digits = 0;
	int pads = 0;

	if (!to)
		return false;
	char *start = to;
	bool ok = true;
	for (size_t i = 0; i < len && ok; i++) {
		unsigned char value = base64_value((unsigned char)text[i]);
		if (value == SPACE)
			continue;
		if (value == PAD) {
			pads++;
			continue;
		}
		ok = value != BAD && pads == 0;
		bits = bits << 6 | value;
		if (++digits == 4) {
			*to++ = (char)(bits >> 16);
			*to++ = (char)(bits >> 8);
			*to++ = (char)bits;
			bits = 0;
			digits = 0;
		}
	}
	if (!ok || !put_last(&to, bits, digits, pads)) {
		*start = '\0';
		return false;
	}
	*to = '\0';
	out->len = (size_t)(to - out->data);
	return true;
}
