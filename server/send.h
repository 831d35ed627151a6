#pragma once

/*
 * Routes that begin a reply: reserve, ask, and tell the caller of it. A request that is
 * repeated with its Idempotency-Key is told of the reply that the first one began.
 */

#include "call.h"
#include "limits.h"

/* Asks; *ret_reply on success. As aichat_conversation_send(). */
typedef int send_begin(struct call *call, aichat_conversation *conversation,
		       const aichat_options *options, aichat_reply **ret_reply,
		       aichat_error **reterr);

/* Of the conversation that the path names. The call is answered. */
void send_answer(struct call *call, send_begin *begin);

/* The conversation that the path names; NULL and answered if there is none. */
aichat_conversation *conversation_of(struct call *call);

/*
 * Reserve what a reply may use that follows the message `place` ("" = none, NULL = the
 * head): what its model reads, the body among it, and the most that it may write. False
 * and answered. options: of this reply alone, or NULL.
 */
bool send_reserve(struct call *call, aichat_conversation *conversation, const char *place,
		  const aichat_options *options, struct reservation *ret);
