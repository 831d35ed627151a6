#pragma once

/*
 * Replies that are being written for callers of this daemon. A reply belongs to the
 * store: who began it may leave, and it goes on. Somebody has to wait for its end all the
 * same, to settle what it used and write that down, and to stop it when nobody looks for
 * too long. While its caller is there that is the caller's worker; afterwards it is one
 * thread for all.
 *
 * Nobody looks at a detached reply. Of those a user has a limited number, and each a
 * limited time; the youngest over the number, and those over the time, are stopped.
 */

#include "call.h"
#include "limits.h"

struct ongoing;  /* one reply that is accounted for */
struct ongoings; /* all of them */

struct ongoings *ongoings_new(struct server *server);
/* Forgets all; the library interrupts what still runs when the context closes. */
struct ongoings *ongoings_free(struct ongoings *ongoings);
/* How many run, and do not wait for tool results. */
int ongoings_running(struct ongoings *ongoings);

/*
 * A reply that the call has begun; takes its own reference on the cursor, which from here
 * on is the caller's until ongoing_end() or ongoing_leave(). NULL when memory is out: the
 * reservation is settled, and the reply stopped.
 */
struct ongoing *ongoing_begin(struct call *call, aichat_reply *reply,
			      struct reservation *reservation);
/* Every event that the caller takes from the cursor goes through here, in order. */
void ongoing_note(struct ongoing *ongoing, const aichat_event *event);
/* Whether the reply stops at this event for tool results, unless it may do no more. */
bool event_wants_results(const aichat_event *event);
/* It is over, and settled. What it used goes into the call. */
void ongoing_end(struct ongoing *ongoing, struct call *call);
/* The caller goes, the reply goes on. */
void ongoing_leave(struct ongoing *ongoing, struct call *call);
/*
 * The tool calls with which this reply stopped at this event were all answered: it goes
 * on. It is accounted for by whoever does so already, or from the cursor's place on by
 * nobody's worker; then another reference is taken. The reservation is settled, or will
 * be.
 */
void ongoing_resume(struct call *call, aichat_reply *reply, uint64_t last_seq,
		    struct reservation *reservation);

/* Somebody looks at a reply, so long as this is listed. Lives on the worker's stack. */
struct viewer {
	const char *reply_id;
	struct viewer *next, **link;
};
void viewer_add(struct ongoings *ongoings, struct viewer *viewer);
void viewer_remove(struct ongoings *ongoings, struct viewer *viewer);
