#pragma once

/*
 * Answers of the gateway under an Idempotency-Key. While the first request runs, repeats
 * of it get what it gets, as it comes. A whole answer is kept for a while (kept.h) and
 * given to repeats as it was; after a failure the next one tries anew. An answer over
 * KEPT_MAX is not recorded: repeats are cut, or refused.
 */

#include "call.h"

struct playback;

/*
 * True: the caller goes on, and records in *ret if it is not NULL (it is where no key was
 * given). False: answered, by what an earlier request got, or with a refusal.
 */
bool playback_begin(struct call *call, struct playback **ret);
/* What the answer is: a stream, or a document. */
void playback_head(struct playback *playback, bool stream);
void playback_add(struct playback *playback, const char *bytes, size_t len);
enum playback_outcome {
	PLAYBACK_CUT,   /* there is no answer, or not all of it */
	PLAYBACK_ERROR, /* a stream that ended with what went wrong */
	PLAYBACK_WHOLE, /* stored for later repeats */
};
/* The answer is over. Gives the playback back. */
void playback_end(struct playback *playback, struct call *call,
		  enum playback_outcome how);
