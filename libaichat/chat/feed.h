#pragma once

/*
 * A feed: the published events of one reply, and the cursors on them.
 *
 * One feed serves a reply in this process, whether a turn here writes it, another process
 * does (then the core's follower reads the store), or it is over. The newest events are
 * kept in memory; a cursor that is behind them reads the store and so never holds up the
 * writer. A reply that is not stored keeps what its only cursor has not taken, and its
 * transfer waits when that grows.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "chat/core.h"
#include "model/event.h"

struct aic_turn;

struct aic_feed {
	_Atomic unsigned refs;
	struct aic_core *core; /* a reference */
	char *owner;
	struct aic_id reply_id;
	bool stored;

	/* Under the core's lock. */
	struct aic_feed *next, **link;
	struct aic_feed *next_of_id; /* stored ones with the same hash */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct aichat_event **tail; /* the newest events, in order */
	size_t tail_count, tail_capacity, tail_bytes;
	uint64_t last_seq;     /* of the newest event that exists */
	bool over;             /* the terminal event is published */
	struct aic_turn *turn; /* that writes it here; its reference; NULL = none */
	struct aichat_reply *cursors;
};

/*
 * The feed of a reply that a turn here is going to write. One reference; listed in the
 * core until the last one goes.
 */
int aic_feed_new(struct aic_core *core, const char *owner, const struct aic_id *reply_id,
		 bool stored, struct aic_feed **ret_feed);
/* The feed of a stored reply, with a reference; NULL if there is none. */
struct aic_feed *aic_feed_of(struct aic_core *core, const struct aic_id *reply_id);
/* The feed of any stored reply: the one that there is, or a new one. */
int aic_feed_find(struct aic_core *core, const char *owner,
		  const struct aic_reply_row *row, struct aic_feed **ret_feed);
struct aic_feed *aic_feed_ref(struct aic_feed *feed);
struct aic_feed *aic_feed_unref(struct aic_feed *feed);

/* Make events visible, in order; references are taken. Events that came before are
 * skipped. */
void aic_feed_publish(struct aic_feed *feed, struct aichat_event *const *events,
		      size_t count);
/* Bytes of a reply that is not stored that its cursor has not taken yet. */
size_t aic_feed_backlog(struct aic_feed *feed);
/* Wake the waiting, to look again (at close). */
void aic_feed_wake(struct aic_feed *feed);
/* Whether another process may write it, and somebody here wants to know. */
bool aic_feed_is_foreign(struct aic_feed *feed);
/*
 * Read what another process wrote. True while more is to be expected. On the writer's
 * thread, and once when a cursor comes.
 */
bool aic_feed_follow(struct aic_feed *feed);
/* The turn that writes it, with a reference; NULL if none does. */
struct aic_turn *aic_feed_turn(struct aic_feed *feed);
void aic_feed_set_turn(struct aic_feed *feed, struct aic_turn *turn);

/* A cursor that has no feed yet; NULL for no memory. */
struct aichat_reply *aic_cursor_new(void);
/* Takes over the reference to the feed. after: the last event not wanted. */
void aic_cursor_attach(struct aichat_reply *reply, struct aic_feed *feed, uint64_t after);
