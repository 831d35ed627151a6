#pragma once

/*
 * Keys and login tokens: a prefix, a public id by which the record is found, 256 random
 * bits, and a checksum, so that a mistyped one costs no look-up and scanners of leaked
 * text find few that are none.
 *
 *     ack_ + 16 characters + _ + 52 characters + 6 characters, base32 in lower case
 *
 * The store has only BLAKE2b of the whole token under a key of the store's own, which is
 * in a file beside it: who can write the store, but not read that file, makes no key.
 * Secrets of 256 bits need no slow hash.
 */

#include <stdbool.h>

#include "idempotency.h" /* DIGEST_TEXT */

#define TOKEN_ID 17 /* with the NUL, as all of these */
#define TOKEN_TEXT 80
#define TOKEN_KEY_PREFIX "ack_"
#define TOKEN_LOGIN_PREFIX "acl_"
#define DIGEST_BYTES 32

struct token_secret {
	unsigned char bytes[32];
};

/*
 * Read the secret's file, or make it (0600) if there is none. path "": one that lives as
 * long as the process. 0, or -1 with one line in error[].
 */
int token_secret_open(const char *path, struct token_secret *ret_secret, bool *ret_made,
		      char error[256]);

void token_make(const char *prefix, char ret_id[TOKEN_ID], char ret_token[TOKEN_TEXT]);
/* Whether it has the form of one, and its id. */
bool token_read(const char *token, const char *prefix, char ret_id[TOKEN_ID]);
void token_digest(const struct token_secret *secret, const char *token,
		  unsigned char ret_digest[DIGEST_BYTES]);
/* What a page must send along with a login's cookie: derived from it. */
void token_csrf(const struct token_secret *secret, const char *token,
		char ret_csrf[DIGEST_TEXT]);

void digest_text(const unsigned char digest[DIGEST_BYTES], char text[DIGEST_TEXT]);
/* BLAKE2b of a few texts, each with its end, in hexadecimal. NULL ends the list. */
void digest_of(char ret_text[DIGEST_TEXT], const char *first, ...)
	__attribute__((sentinel));
