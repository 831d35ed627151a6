#pragma once

/*
 * Passwords: Argon2id, which takes 64 MiB and some time on purpose. Two are hashed at
 * once, a few wait for their turn, and more are turned away, so that a flood of logins
 * costs neither memory nor everybody's workers. Who guesses has to wait longer each time.
 */

#include <stdbool.h>
#include <stdint.h>

#define PASSWORD_HASH 128 /* with the NUL: crypto_pwhash_STRBYTES */
#define PASSWORD_MIN 8
#define PASSWORD_MAX 1024

enum password_result {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_BUSY, /* too many at once, or no memory: later */
};

/* PASSWORD_RIGHT and the hash to keep, or PASSWORD_BUSY. */
enum password_result password_hash(const char *password, char ret_hash[PASSWORD_HASH]);
/* hash "": a user without one, or nobody; it takes the same time. */
enum password_result password_check(const char *password, const char *hash);

/* Milliseconds until the next attempt of this name from this address; 0 = now. */
int64_t throttle_wait_ms(const char *name, const char *peer);
/* What came of an attempt. True: from now on they have to wait. */
bool throttle_note(const char *name, const char *peer, bool success);
