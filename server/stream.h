#pragma once

/*
 * Looking at a reply for a caller: its events as server-sent events, or its end as JSON.
 * The worker waits in aichat_reply_next(); a client that leaves wakes it.
 */

#include "call.h"
#include "ongoing.h"

/* Whether the caller wants events: `stream` in the body, else Accept. */
bool stream_is_wanted(const struct call *call);
/*
 * Tell the caller of a reply, from its cursor's place on: as events or by its end. first:
 * an event that was taken already, or NULL. ongoing: what accounts for it, ended or left
 * when this returns; NULL for a mere viewer. The call is answered.
 */
void stream_reply(struct call *call, aichat_reply *reply, const aichat_event *first,
		  struct ongoing *ongoing, bool as_events);
