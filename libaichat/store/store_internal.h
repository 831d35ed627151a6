#pragma once

/*
 * The store object, shared by the files of the generic part.
 *
 * Locks, in the order they are taken: `write`, then `queue`. The registry's lock comes
 * before both. No callback is called with `queue` held; run() is called with `write`
 * held, done() and look() with none.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/backend.h"

struct aic_store {
	/* guarded by the registry's lock */
	unsigned refs;
	struct aic_store *next;

	struct aic_place place;
	pid_t pid; /* of the process that opened it */
	struct aic_backend *backend;

	pthread_mutex_t write;           /* held around each transaction */
	_Atomic uintptr_t job_thread;    /* the thread whose job runs now; 0 = none */
	_Atomic uintptr_t writer_thread; /* 0 until it runs */
	bool folded;                     /* in this transaction; guarded by `write` */

	pthread_mutex_t queue; /* guards what follows */
	pthread_cond_t queued; /* for the writer: jobs, followers, the end */
	pthread_cond_t looked; /* `looking` changed */
	struct aic_job *first, **last;
	struct aic_follower *followers;
	struct aic_follower *looking; /* whose look() runs now */
	bool look_again;              /* it was put on the list meanwhile */
	bool has_writer, stopping;
	bool writer_waits; /* and nobody has woken it yet */
	bool gathers;      /* the writer lets more jobs come */
	size_t urgent;     /* queued jobs that are not simple */
	bool orphan;       /* the writer closes the store when it ends */
	pthread_t writer;
};

/* Whether this thread is inside a job's run(). */
static inline bool aic_store_in_job(const struct aic_store *store)
{
	return atomic_load_explicit(&store->job_thread, memory_order_relaxed) ==
	       (uintptr_t)pthread_self();
}

/* One transaction on this thread, now, around one job whose done() is not called. */
int aic_writer_commit_one(struct aic_store *store, struct aic_job *job,
			  aichat_error **reterr);
/*
 * Commits what is queued and ends the thread. False when this is that thread: it destroys
 * the store when it ends.
 */
bool aic_writer_stop(struct aic_store *store);
/* Closes and frees what has no references and no writer any more. */
void aic_store_destroy(struct aic_store *store);

/* Fold those that `session` shows; it is in a transaction. */
int aic_fold_dead(struct aic_session *session, aichat_error **reterr);

/* What a crash has left, before anyone else has the store. It costs no reader. */
void aic_fold_at_open(struct aic_store *store);
/*
 * A message that was read, as folding would leave it, when its reply's owner is dead and
 * the store cannot be written now.
 */
int aic_fold_shown(struct aic_session *session, const char *owner,
		   struct aichat_message **message, aichat_error **reterr);
/* The same for the reply's row, and for what its log lacks behind `after`: its end. */
void aic_fold_shown_reply(struct aic_session *session, const char *owner,
			  struct aic_reply_row *row);
int aic_fold_shown_end(struct aic_session *session, const char *owner,
		       const struct aic_id *reply_id, uint64_t after,
		       struct aic_event_list *events, aichat_error **reterr);

/*
 * The session to read with, here and now; end it with aic_store_read_end(). Replies whose
 * owner is dead are folded before.
 */
int aic_store_read_begin(struct aic_store *store, struct aic_session **ret_session,
			 aichat_error **reterr);
void aic_store_read_end(struct aic_store *store, struct aic_session *session);
/* The writer's session, which only a job may use. */
int aic_store_job_session(struct aic_store *store, struct aic_session **ret_session,
			  aichat_error **reterr);
