#pragma once

/*
 * What a reply has used, from its events in their order. What its provider has not told,
 * because it never does or because it was cut off, is estimated as for the gateway: the
 * input as it was reserved, the output as the bytes of what came, divided by four.
 */

#include <stdbool.h>
#include <stdint.h>

#include <aichat/aichat.h>

#include "usage.h"

#define BYTES_PER_TOKEN 4 /* about */

struct tally {
	int64_t used[USAGE_FIGURES]; /* -1 = not known, as below */
	int64_t cost_nano_usd;
	char model[128]; /* PROVIDER/MODEL; "" until it is known */

	/* for the message that is being written */
	bool open;            /* something may have been used for it */
	aichat *ai;           /* knows the prices; borrowed */
	char counted[40];     /* the one that was added last */
	int64_t input_tokens; /* what it is expected to read */
	int64_t written_bytes;
	int64_t told[USAGE_FIGURES]; /* by the provider, so far */
};

/* ai: lives as long as the tally. input_tokens: what is read before the first answer. */
void tally_begin(struct tally *tally, aichat *ai, int64_t input_tokens);
void tally_note(struct tally *tally, const aichat_event *event);
/* No event follows. What was being written then is added, if it never came to its end;
 * the reply says by whom. */
void tally_end(struct tally *tally, aichat_reply *reply);
int64_t tally_tokens(const struct tally *tally);
