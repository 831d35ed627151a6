#pragma once

/*
 * Threads that block every signal, and the locks that go with them.
 */

#include <pthread.h>

#include "base/common.h"

/* 0 or AICHAT_ENOMEM. name: at most 15 characters, seen in debuggers. */
int aic_thread_start(pthread_t *thread, const char *name, void *(*run)(void *),
		     void *argument);

/* A condition that waits on the monotonic clock. */
void aic_cond_init(pthread_cond_t *cond);
/*
 * Wait with mutex held until woken (perhaps for nothing) or the time is over.
 * deadline_mono_ms < 0 waits for ever. False when the time is over.
 */
bool aic_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
			 int64_t deadline_mono_ms);
