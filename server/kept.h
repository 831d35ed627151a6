#pragma once

/*
 * Answers of the gateway that are kept for repeats, in records of their caller's: 24
 * hours, and of each user no more bytes than server.kept_answer_bytes, of which the
 * oldest go first. Of an answer over KEPT_MAX only that is kept.
 */

#include "call.h"

#define KEPT_MAX ((size_t)1 << 20)
#define DIGEST_LEN 32

struct kept_answer {
	bool stream;    /* or a document */
	bool too_large; /* there are no bytes */
	char *bytes;    /* free() */
	size_t len;
};

/* Under the caller's key, with the digest of the request. What cannot be kept is told in
 * the log. */
void kept_add(struct call *call, const char *key, const unsigned char digest[DIGEST_LEN],
	      const struct kept_answer *answer);

enum kept {
	KEPT_NONE,
	KEPT_OTHER, /* the key was used for another request */
	KEPT_FOUND,
	KEPT_UNREADABLE, /* nobody knows; *reterr says why, NULL for no memory */
};
enum kept kept_find(struct call *call, const char *key,
		    const unsigned char digest[DIGEST_LEN], struct kept_answer *ret,
		    aichat_error **reterr);
