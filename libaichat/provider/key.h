#pragma once

/*
 * Keys that a command prints. Engine thread only: one engine serves one registry.
 */

#include "net/engine.h"
#include "provider/provider.h"

/* Someone who waits for a key. Embedded in its owner. */
struct aic_key_wait {
	/* Once, unless aic_key_leave() was called. code 0: aic_key_now() has it. Else
	 * AICHAT_EKEY, AICHAT_ETIMEOUT, AICHAT_ECLOSED or AICHAT_ENOMEM; the error is the
	 * callee's. */
	void (*ready)(struct aic_key_wait *wait, int code, aichat_error *error);
	const struct aic_provider *provider;
	struct aic_key_wait *next; /* of the same command */
};

/* The key to be sent; NULL if there is none (yet). Borrowed until it is forgotten. */
const char *aic_key_now(const struct aic_provider *provider);
/* 1: there is nothing to wait for. 0: wait->ready() will be called. Or an error. */
int aic_key_get(struct aic_engine *engine, const struct aic_provider *provider,
		struct aic_key_wait *wait, aichat_error **reterr);
/* The owner goes; the command is ended when nobody waits for it. */
void aic_key_leave(struct aic_key_wait *wait);
/* The provider refused it: the next aic_key_get() runs the command again. */
void aic_key_forget(const struct aic_provider *provider);
