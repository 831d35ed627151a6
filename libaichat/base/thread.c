#include <errno.h>
#include <signal.h>
#include <time.h>

#include <aichat/error.h>

#include "base/thread.h"

int aic_thread_start(pthread_t *thread, const char *name, void *(*run)(void *),
		     void *argument)
{
	sigset_t all;
	sigset_t before;

	/* A thread inherits the mask; the program's signals are none of our business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return AICHAT_ENOMEM;
	pthread_setname_np(*thread, name);
	return 0;
}

void aic_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

bool aic_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
			 int64_t deadline_mono_ms)
{
	if (deadline_mono_ms < 0) {
		pthread_cond_wait(cond, mutex);
		return true;
	}
	struct timespec until = {
		.tv_sec = (time_t)(deadline_mono_ms / 1000),
		.tv_nsec = (long)(deadline_mono_ms % 1000) * 1000000,
	};
	return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}
