#pragma once

#include "base/common.h"

#define AIC_DIGEST_BYTES 32

/* SHA-256, by which large bytes are stored once. */
void aic_sha256(const void *data, size_t len, unsigned char digest[AIC_DIGEST_BYTES]);
/* BLAKE2b-256, by which a message is verified. */
void aic_blake2b(const void *data, size_t len, unsigned char digest[AIC_DIGEST_BYTES]);

#define AIC_DIGEST_TEXT (2 * AIC_DIGEST_BYTES + 1)
char *aic_digest_text(const unsigned char digest[AIC_DIGEST_BYTES],
		      char text[AIC_DIGEST_TEXT]);

/* Base64 (RFC 4648, padded). Encoded text is appended. */
struct aic_buf;
int aic_base64_encode(struct aic_buf *out, const void *data, size_t len);
/* False if it is no base64; white space is skipped. Appended to out. */
bool aic_base64_decode(struct aic_buf *out, const char *text, size_t len);
