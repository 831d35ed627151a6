#pragma once

/*
 * What engine.c and attempt.c share. Engine thread only, but for the members under the
 * lock.
 */

#include <pthread.h>
#include <sys/epoll.h>

#include "net/curl.h"
#include "net/engine.h"

struct aic_attempt;
struct aic_handle;

#define AIC_ENGINE_BATCH 64

struct aic_engine {
	char *proxy, *no_proxy, *ca_file;
	const struct aic_log *log;
	pthread_t thread;
	int epoll_fd;
	int wake_fd; /* an eventfd in the epoll set */

	/* the lock protects these */
	pthread_mutex_t lock;
	struct aic_task *tasks, **tasks_end;
	bool stopping;
	bool preparing; /* that task was posted */

	/* the thread alone */
	CURLM *multi;              /* NULL until the first attempt, or what prepares it */
	struct aic_timer **timers; /* a binary heap, the nearest first */
	size_t timer_count, timer_capacity;
	struct aic_timer curl_timer; /* when curl wants to be called */
	struct aic_closer closers;   /* the head of a ring */
	struct aic_watch *watches;
	struct aic_task prepare;
	struct aic_handle *idle; /* the one that was used last first */
	size_t idle_count;
	struct aic_attempt *dead; /* cancelled inside of curl; freed after it returns */
	unsigned in_curl; /* depth of calls into curl, whose handles are then in use */
	struct epoll_event batch[AIC_ENGINE_BATCH]; /* being worked off */
	int batch_at, batch_count;
};

/* The engine's multi is there after this. AICHAT_ENETWORK, AICHAT_ENOMEM. */
int aic_engine_use_curl(struct aic_engine *engine, aichat_error **reterr);
/* Around every call that may run an attempt's callbacks. */
static inline void aic_engine_enter_curl(struct aic_engine *engine)
{
	engine->in_curl++;
}
void aic_engine_leave_curl(struct aic_engine *engine);

/* attempt.c: a transfer is over; and the freeing of what was cancelled inside of curl. */
void aic_attempt_finish(struct aic_attempt *attempt, CURLcode result);
void aic_attempt_bury(struct aic_engine *engine);
