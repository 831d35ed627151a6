#pragma once

/*
 * The core: what a context and its views share. One store, one engine (from the first
 * send on), the registry of providers, and the feeds of replies that are running or
 * watched.
 *
 * Locks, in the order they are taken: core->lock, then a turn's, then a feed's. None is
 * held while the store or the engine is called to wait.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/common.h"
#include "base/error.h"
#include "base/log.h"
#include "model/options.h"
#include "net/engine.h"
#include "provider/call.h"
#include "provider/provider.h"
#include "store/store.h"

struct aic_feed;

#define AIC_FEED_BUCKETS 256

struct aic_core {
	_Atomic unsigned refs;
	pid_t pid; /* of the process that made it */
	_Atomic bool closed;
	struct aic_log log;
	struct aichat_options *options;     /* frozen */
	struct aic_call_limits call_limits; /* as the options have them */
	struct aic_registry *registry;
	struct aic_store *store;

	pthread_mutex_t lock; /* guards what follows */
	struct aic_engine *engine;
	struct aic_feed *feeds;                         /* all that live */
	struct aic_feed *feeds_by_id[AIC_FEED_BUCKETS]; /* of stored replies */
	unsigned turns;                                 /* that run */
	unsigned calls;      /* from outside that use store or engine */
	pthread_cond_t idle; /* one of the two became 0: close waits for both */
	struct aic_follower follower;
};

int aic_core_open(const struct aichat_options *options, struct aic_core **ret_core,
		  aichat_error **reterr);
struct aic_core *aic_core_ref(struct aic_core *core);
/* The last reference frees; without aic_core_close() only memory (after fork). */
struct aic_core *aic_core_unref(struct aic_core *core);
/* Ends what runs, commits, joins. Once. */
void aic_core_close(struct aic_core *core);
/* 0, AICHAT_EFORK or AICHAT_ECLOSED. */
int aic_core_check(const struct aic_core *core, aichat_error **reterr);
/*
 * The same, and on success the core stays open until aic_core_exit(). Every call from
 * outside that uses store or engine is between the two; they may be nested.
 */
int aic_core_enter(struct aic_core *core, struct aic_core **ret_entered,
		   aichat_error **reterr);
void aic_core_exit(struct aic_core *core);
AIC_DEFINE_CLEANUP(struct aic_core *, aic_core_exit)
/* The engine and the store's writer run after this. */
int aic_core_start(struct aic_core *core, aichat_error **reterr);
/* A provider will be asked, once the question is on disk: the engine gets ready. */
void aic_core_prepare(struct aic_core *core);
/* A turn begins and ends. Begin fails with AICHAT_ECLOSED. */
int aic_core_begin_turn(struct aic_core *core, aichat_error **reterr);
void aic_core_end_turn(struct aic_core *core);
/* Look at what other processes write, as long as there is a feed that wants it. */
void aic_core_watch(struct aic_core *core);
