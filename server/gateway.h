#pragma once

/*
 * The gateway: one call becomes one exchange of the library, and its answer goes to the
 * caller as it comes. Nothing of it is stored but what it used, and, if the caller named
 * its request by an Idempotency-Key, the answer.
 */

#include "call.h"

/* Answers the call. kind: enum aichat_exchange_kind. */
void gateway_run(struct call *call, int kind);
/* "openai-chat" or "anthropic-messages": what the call's surface speaks. */
const char *gateway_dialect(const struct call *call);
