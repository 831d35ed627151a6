#pragma once

/*
 * Requests and tokens a minute, and concurrent replies: for a key, its user, and all
 * together. Reserve before, settle after with what was really used; never check-then-add.
 * Exact: all levels are taken under one lock, or none.
 */

#include "call.h"

struct reservation {
	struct limits *limits; /* NULL: nothing is reserved, or it is settled */
	int64_t tokens;        /* reserved */
	int64_t input_tokens;  /* of them, for what is read; whoever reserves says it */
	void *levels[3];
	int64_t windows[3];
};

struct limits *limits_new(struct server *server);
struct limits *limits_free(struct limits *limits);

/* One request: counted where the router sees it. False and answered (429, Retry-After).
 * Sets the headers of the surface's dialect. */
bool limits_take_request(struct call *call);
/* The request is answered. */
void limits_leave(struct call *call);
/* No more than so many calls of a user's are being answered, and none of their replies
 * runs. */
bool limits_is_idle(struct limits *limits, const char *user, int64_t calls);
/* A request that may hold its worker for long, of the user's. False and answered (429).
 */
bool limits_take_stream(struct call *call);
void limits_end_stream(struct call *call);
/* What the bodies of the call's user hold of memory; NULL: it has no user. It lasts as
 * long as it is not 0. */
_Atomic int64_t *limits_body_bytes(const struct call *call);
/* A reply that may use so many tokens. False and answered. */
bool limits_reserve(struct call *call, int64_t tokens, struct reservation *ret);
/* What it used: what was reserved too much comes back, what was used over counts too.
 * tokens -1: not known, the reservation stands. Once; may be called from any thread. */
void limits_settle(struct reservation *reservation, int64_t tokens);
