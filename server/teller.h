#pragma once

/*
 * One thread that hands new events to all clients which take them at once, so that a
 * thousand streams do not wake a thousand workers. A client's worker waits meanwhile; it
 * has its stream back when it is needed: at a heartbeat, for a client that takes nothing,
 * for the end.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <aichat/aichat.h>

struct teller;

/* A stream that is with the teller, or can be. Lives on the worker's stack. */
struct told {
	aichat_reply *reply;
	/* There may be events. On the teller's thread, one at a time; it must not block.
	 * False: the worker is needed. */
	bool (*tell)(struct told *told);
	/* The teller's own. */
	pthread_cond_t changed;
	uint64_t seat;
	bool needed;
};

struct teller *teller_new(void); /* NULL for no memory */
struct teller *teller_free(struct teller *teller);

void told_init(struct told *told);
void told_done(struct told *told);
/* Let the teller have it until the worker is needed or the time is over. False: the
 * teller has no place for it. */
bool teller_hold(struct teller *teller, struct told *told, int64_t timeout_ms);
/* The worker is needed, now or as soon as it would wait. Any thread. */
void teller_need(struct teller *teller, struct told *told);
