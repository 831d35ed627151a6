/*
 * The teller's thread and its seats. A seat's number is the tag in the watch: one that
 * is told late names a seat that is empty, or another's, who then looks for nothing.
 */

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "teller.h"

struct teller {
	aichat_watch *watch;
	pthread_t thread;
	_Atomic bool stop;
	pthread_mutex_t lock; /* held while a stream is told of; guards what follows */
	struct told **seats;
	uint64_t *free_seats; /* a stack */
	size_t seat_count, free_count;
};

static void *run(void *argument)
{
	struct teller *teller = argument;
	uint64_t seat = 0;

	while (!atomic_load(&teller->stop)) {
		if (aichat_watch_next(teller->watch, -1, &seat) != 1)
			continue;
		pthread_mutex_lock(&teller->lock);
		struct told *told = teller->seats[seat];
		if (told && !told->needed && !told->tell(told)) {
			told->needed = true;
			pthread_cond_signal(&told->changed);
		}
		pthread_mutex_unlock(&teller->lock);
	}
	return NULL;
}

struct teller *teller_new(void)
{
	struct teller *teller = calloc(1, sizeof(*teller));
	sigset_t all, before;

	if (!teller)
		return NULL;
	if (aichat_watch_new(&teller->watch) < 0) {
		free(teller);
		return NULL;
	}
	pthread_mutex_init(&teller->lock, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int failed = pthread_create(&teller->thread, NULL, run, teller);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		return teller;
	aichat_watch_free(teller->watch);
	pthread_mutex_destroy(&teller->lock);
	free(teller);
	return NULL;
}

struct teller *teller_free(struct teller *teller)
{
	if (!teller)
		return NULL;
	atomic_store(&teller->stop, true);
	aichat_watch_wake(teller->watch);
	pthread_join(teller->thread, NULL);
	aichat_watch_free(teller->watch);
	pthread_mutex_destroy(&teller->lock);
	free(teller->seats);
	free(teller->free_seats);
	free(teller);
	return NULL;
}

/* ---- what workers do -------------------------------------------------------------- */

void told_init(struct told *told)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&told->changed, &attr);
	pthread_condattr_destroy(&attr);
}

void told_done(struct told *told)
{
	pthread_cond_destroy(&told->changed);
}

/* Under the lock. */
static bool add_seats(struct teller *teller)
{
	size_t count = teller->seat_count ? teller->seat_count * 2 : 64;
	struct told **seats = realloc(teller->seats, count * sizeof(*seats));

	if (seats)
		teller->seats = seats;
	uint64_t *free_seats = realloc(teller->free_seats, count * sizeof(*free_seats));
	if (free_seats)
		teller->free_seats = free_seats;
	if (!seats || !free_seats)
		return false;
	for (size_t n = teller->seat_count; n < count; n++) {
		teller->seats[n] = NULL;
		teller->free_seats[teller->free_count++] = n;
	}
	teller->seat_count = count;
	return true;
}

/* Under the lock. */
static void wait_until_needed(struct teller *teller, struct told *told,
			      int64_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!told->needed &&
	       pthread_cond_timedwait(&told->changed, &teller->lock, &until) == 0)
		continue;
}

bool teller_hold(struct teller *teller, struct told *told, int64_t timeout_ms)
{
	pthread_mutex_lock(&teller->lock);
	bool seated = teller->free_count > 0 || add_seats(teller);
	if (seated) {
		told->seat = teller->free_seats[--teller->free_count];
		teller->seats[told->seat] = told;
		seated = aichat_watch_add(teller->watch, told->reply, told->seat, NULL) ==
			 0;
		if (seated)
			wait_until_needed(teller, told, timeout_ms);
		aichat_watch_remove(teller->watch, told->reply);
		teller->seats[told->seat] = NULL;
		teller->free_seats[teller->free_count++] = told->seat;
	}
	told->needed = false;
	pthread_mutex_unlock(&teller->lock);
	return seated;
}

void teller_need(struct teller *teller, struct told *told)
{
	pthread_mutex_lock(&teller->lock);
	told->needed = true;
	pthread_cond_signal(&told->changed);
	pthread_mutex_unlock(&teller->lock);
}
