#pragma once

/*
 * Routes that begin a reply: reserve, ask, and tell the caller of it. A request that is
 * repeated with its Idempotency-Key is told of the reply that the first one began.
 */

#include "call.h"

/* Asks; *ret_reply on success. As aichat_conversation_send(). */
typedef int send_begin(struct call *call, aichat_conversation *conversation,
		       const aichat_options *options, aichat_reply **ret_reply,
		       aichat_error **reterr);

/* Of the conversation that the path names. The call is answered. */
void send_answer(struct call *call, send_begin *begin);

/* The conversation that the path names; NULL and answered if there is none. */
aichat_conversation *conversation_of(struct call *call);
