/*
 * The engine's thread: tasks, timers, descriptors and curl, one after the other.
 *
 * libcurl tells which sockets and which time it waits for (its multi-socket interface);
 * they go into one epoll set and one heap of timers, so that an event costs the same
 * however many transfers there are, and an idle engine sleeps until it is woken.
 *
 * Other threads only post tasks: under the lock, then an eventfd wakes the thread. The
 * lock is never held while anything is called.
 */

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/engine.h"
#include "net/engine_internal.h"
#include "net/handle.h"

/* Idle connections that are kept for reuse. */
#define CONNECTIONS_MAX 256L

/* What an epoll event is about: 0 the eventfd, odd a socket of curl's, else a watch. */
static uint64_t socket_mark(curl_socket_t fd)
{
	return (uint64_t)(unsigned)fd << 1 | 1;
}

/* --- timers --- */

static void timer_place(struct aic_engine *engine, size_t at, struct aic_timer *timer)
{
	engine->timers[at] = timer;
	timer->slot = at + 1;
}

static void timer_up(struct aic_engine *engine, size_t at)
{
	struct aic_timer *timer = engine->timers[at];

	while (at > 0) {
		size_t parent = (at - 1) / 2;
		if (engine->timers[parent]->due_mono_ms <= timer->due_mono_ms)
			break;
		timer_place(engine, at, engine->timers[parent]);
		at = parent;
	}
	timer_place(engine, at, timer);
}

static void timer_down(struct aic_engine *engine, size_t at)
{
	struct aic_timer *timer = engine->timers[at];

	while (2 * at + 1 < engine->timer_count) {
		size_t child = 2 * at + 1;
		if (child + 1 < engine->timer_count &&
		    engine->timers[child + 1]->due_mono_ms <
			    engine->timers[child]->due_mono_ms)
			child++;
		if (timer->due_mono_ms <= engine->timers[child]->due_mono_ms)
			break;
		timer_place(engine, at, engine->timers[child]);
		at = child;
	}
	timer_place(engine, at, timer);
}

int aic_timer_set(struct aic_engine *engine, struct aic_timer *timer, int64_t due_mono_ms)
{
	if (!timer->slot) {
		/* Curl's own must not fail: one place more than the others need is kept.
		 */
		if (timer != &engine->curl_timer &&
		    !AIC_GROW(engine->timers, engine->timer_count + 1,
			      &engine->timer_capacity))
			return AICHAT_ENOMEM;
		timer_place(engine, engine->timer_count++, timer);
	}
	timer->due_mono_ms = due_mono_ms;
	timer_up(engine, timer->slot - 1);
	timer_down(engine, timer->slot - 1);
	return 0;
}

void aic_timer_clear(struct aic_engine *engine, struct aic_timer *timer)
{
	if (!timer->slot)
		return;
	size_t at = timer->slot - 1;
	struct aic_timer *last = engine->timers[--engine->timer_count];
	timer->slot = 0;
	if (last == timer)
		return;
	timer_place(engine, at, last);
	timer_up(engine, at);
	timer_down(engine, last->slot - 1);
}

static void fire_timers(struct aic_engine *engine)
{
	int64_t now = aic_clock_mono_ms();

	while (engine->timer_count > 0 && engine->timers[0]->due_mono_ms <= now) {
		struct aic_timer *timer = engine->timers[0];
		aic_timer_clear(engine, timer);
		timer->fire(timer);
	}
}

/* --- tasks --- */

static void wake(struct aic_engine *engine)
{
	uint64_t one = 1;
	/* It can only fail because it is as full as it gets, and then it wakes, too. */
	ssize_t done AIC_UNUSED = write(engine->wake_fd, &one, sizeof(one));
}

bool aic_engine_is_current(const struct aic_engine *engine)
{
	return pthread_equal(pthread_self(), engine->thread);
}

void aic_engine_post(struct aic_engine *engine, struct aic_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&engine->lock);
	bool first = !engine->tasks;
	*engine->tasks_end = task;
	engine->tasks_end = &task->next;
	pthread_mutex_unlock(&engine->lock);
	/* The thread itself looks at the list before it sleeps. */
	if (first && !aic_engine_is_current(engine))
		wake(engine);
}

/* True if there were any. Those that are posted meanwhile wait for the next round. */
static bool run_tasks(struct aic_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	struct aic_task *task = engine->tasks;
	engine->tasks = NULL;
	engine->tasks_end = &engine->tasks;
	pthread_mutex_unlock(&engine->lock);
	bool any = task;
	while (task) {
		struct aic_task *next = task->next;
		task->run(task);
		task = next;
	}
	return any;
}

/* --- watches and closers --- */

int aic_watch_add(struct aic_engine *engine, struct aic_watch *watch)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)(uintptr_t)watch,
	};

	if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0)
		return AICHAT_ENOMEM;
	watch->next = engine->watches;
	engine->watches = watch;
	return 0;
}

void aic_watch_remove(struct aic_engine *engine, struct aic_watch *watch)
{
	struct aic_watch **at = &engine->watches;

	while (*at && *at != watch)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = watch->next;
	epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	/* It may be about to be told. */
	for (int i = engine->batch_at; i < engine->batch_count; i++)
		if (engine->batch[i].data.u64 == (uint64_t)(uintptr_t)watch)
			engine->batch[i].data.u64 = 0;
}

void aic_closer_add(struct aic_engine *engine, struct aic_closer *closer)
{
	closer->next = &engine->closers;
	closer->previous = engine->closers.previous;
	closer->previous->next = closer;
	closer->next->previous = closer;
}

void aic_closer_remove(struct aic_engine *engine AIC_UNUSED, struct aic_closer *closer)
{
	if (!closer->next)
		return;
	closer->previous->next = closer->next;
	closer->next->previous = closer->previous;
	closer->next = NULL;
	closer->previous = NULL;
}

/* --- curl --- */

/* known: what was assigned to the socket since curl began to watch it. */
static int on_socket(CURL *easy AIC_UNUSED, curl_socket_t fd, int what, void *user,
		     void *known)
{
	struct aic_engine *engine = user;
	struct epoll_event event = { .data.u64 = socket_mark(fd) };

	if (what == CURL_POLL_REMOVE) {
		/* Gone already where curl closed the socket before it told us. */
		epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	/* The other way, too: curl gives all transfers up where this fails. */
	if (epoll_ctl(engine->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
		      &event) < 0 &&
	    epoll_ctl(engine->epoll_fd, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd,
		      &event) < 0)
		return -1;
	aic_curl.multi_assign(engine->multi, fd, engine);
	return 0;
}

static int on_timer(CURLM *multi AIC_UNUSED, long timeout_ms, void *user)
{
	struct aic_engine *engine = user;

	if (timeout_ms < 0)
		aic_timer_clear(engine, &engine->curl_timer);
	else
		aic_timer_set(engine, &engine->curl_timer,
			      aic_clock_mono_ms() + timeout_ms);
	return 0;
}

void aic_engine_leave_curl(struct aic_engine *engine)
{
	if (--engine->in_curl == 0 && engine->dead)
		aic_attempt_bury(engine);
}

static void curl_act(struct aic_engine *engine, curl_socket_t fd, int what)
{
	int running;

	aic_engine_enter_curl(engine);
	aic_curl.multi_socket_action(engine->multi, fd, what, &running);
	aic_engine_leave_curl(engine);

	int left;
	CURLMsg *message;
	while ((message = aic_curl.multi_info_read(engine->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		struct aic_attempt *attempt = NULL;
		CURLcode result = message->data.result;
		aic_curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
				      (char **)&attempt);
		aic_attempt_finish(attempt, result);
	}
}

static void on_curl_timer(struct aic_timer *timer)
{
	struct aic_engine *engine = (struct aic_engine *)((char *)timer -
							  offsetof(struct aic_engine,
								   curl_timer));

	curl_act(engine, CURL_SOCKET_TIMEOUT, 0);
}

int aic_engine_use_curl(struct aic_engine *engine, aichat_error **reterr)
{
	if (engine->multi)
		return 0;
	int result = aic_curl_load(reterr);
	if (result)
		return result;
	engine->multi = aic_curl.multi_init();
	if (!engine->multi)
		return aic_error_nomem(reterr);
	aic_curl.multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	aic_curl.multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
	aic_curl.multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	aic_curl.multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
	aic_curl.multi_setopt(engine->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	aic_curl.multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	return 0;
}

static void on_prepare(struct aic_task *task)
{
	struct aic_engine *engine = (struct aic_engine *)((char *)task -
							  offsetof(struct aic_engine,
								   prepare));

	aic_engine_use_curl(engine, NULL);
}

void aic_engine_prepare(struct aic_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	bool first = !engine->preparing;
	engine->preparing = true;
	pthread_mutex_unlock(&engine->lock);
	if (first)
		aic_engine_post(engine, &engine->prepare);
}

/* --- the loop --- */

static int time_to_sleep(struct aic_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	bool busy = engine->tasks || engine->stopping;
	pthread_mutex_unlock(&engine->lock);
	if (busy)
		return 0;
	if (engine->timer_count == 0)
		return -1;
	int64_t rest = engine->timers[0]->due_mono_ms - aic_clock_mono_ms();
	if (rest <= 0)
		return 0;
	return rest > INT_MAX ? INT_MAX : (int)rest;
}

static void handle_event(struct aic_engine *engine, const struct epoll_event *event)
{
	if (event->data.u64 & 1) {
		int what = 0;
		if (event->events & (EPOLLIN | EPOLLHUP))
			what |= CURL_CSELECT_IN;
		if (event->events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (event->events & EPOLLERR)
			what |= CURL_CSELECT_ERR;
		curl_act(engine, (curl_socket_t)(event->data.u64 >> 1), what);
	} else if (event->data.u64) {
		struct aic_watch *watch = (struct aic_watch *)(uintptr_t)event->data.u64;
		watch->ready(watch);
	} /* else it was only woken */
}

static void wait_for_events(struct aic_engine *engine)
{
	int count = epoll_wait(engine->epoll_fd, engine->batch, AIC_ENGINE_BATCH,
			       time_to_sleep(engine));

	engine->batch_count = AIC_MAX(count, 0);
	for (engine->batch_at = 0; engine->batch_at < engine->batch_count;) {
		struct epoll_event event = engine->batch[engine->batch_at++];
		handle_event(engine, &event);
	}
}

static void *run(void *argument)
{
	struct aic_engine *engine = argument;
	bool stopping = false;

	while (!stopping) {
		run_tasks(engine);
		fire_timers(engine);
		wait_for_events(engine);
		pthread_mutex_lock(&engine->lock);
		stopping = engine->stopping;
		pthread_mutex_unlock(&engine->lock);
	}
	/* What ends may post; what is posted may register. */
	do {
		while (engine->closers.next != &engine->closers) {
			struct aic_closer *closer = engine->closers.next;
			aic_closer_remove(engine, closer);
			closer->close(closer);
		}
	} while (run_tasks(engine) || engine->closers.next != &engine->closers);
	return NULL;
}

/* --- its life --- */

static void release(struct aic_engine *engine)
{
	while (engine->idle) {
		struct aic_handle *handle = engine->idle;
		engine->idle = handle->next;
		aic_handle_free(handle);
	}
	if (engine->multi)
		aic_curl.multi_cleanup(engine->multi);
	if (engine->epoll_fd >= 0)
		close(engine->epoll_fd);
	if (engine->wake_fd >= 0)
		close(engine->wake_fd);
	pthread_mutex_destroy(&engine->lock);
	aic_free(engine->timers);
	aic_free(engine->proxy);
	aic_free(engine->no_proxy);
	aic_free(engine->ca_file);
	aic_free(engine);
}

static int set_up(struct aic_engine *engine, const struct aic_engine_config *config,
		  aichat_error **reterr)
{
	/* Told once for each time that it is written, so nobody needs to read it. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	engine->proxy = aic_strdup(config->proxy ? config->proxy : "");
	engine->no_proxy = aic_strdup(config->no_proxy ? config->no_proxy : "");
	engine->ca_file = aic_strdup(config->ca_file ? config->ca_file : "");
	if (!engine->proxy || !engine->no_proxy || !engine->ca_file)
		return aic_error_nomem(reterr);
	engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->epoll_fd < 0 || engine->wake_fd < 0 ||
	    epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->wake_fd, &event) < 0) {
		char text[128];
		int code = errno == ENOMEM ? AICHAT_ENOMEM : AICHAT_ELIMIT;
		return aic_error_set(reterr, code, "the network cannot be started: %s",
				     aic_errno_text(errno, text, sizeof(text)));
	}
	/* One place is for curl's own timer. */
	engine->curl_timer.fire = on_curl_timer;
	if (!AIC_GROW(engine->timers, 0, &engine->timer_capacity))
		return aic_error_nomem(reterr);
	if (aic_thread_start(&engine->thread, "aichat-engine", run, engine))
		return aic_error_nomem(reterr);
	return 0;
}

int aic_engine_new(const struct aic_engine_config *config, struct aic_engine **ret_engine,
		   aichat_error **reterr)
{
	struct aic_engine *engine = aic_new(struct aic_engine);
	if (!engine)
		return aic_error_nomem(reterr);
	pthread_mutex_init(&engine->lock, NULL);
	engine->epoll_fd = -1;
	engine->wake_fd = -1;
	engine->log = config->log;
	engine->prepare.run = on_prepare;
	engine->tasks_end = &engine->tasks;
	engine->closers.next = &engine->closers;
	engine->closers.previous = &engine->closers;
	int result = set_up(engine, config, reterr);
	if (result) {
		release(engine);
		return result;
	}
	*ret_engine = engine;
	return 0;
}

const struct aic_log *aic_engine_log(const struct aic_engine *engine)
{
	return engine->log;
}

struct aic_engine *aic_engine_free(struct aic_engine *engine)
{
	if (!engine)
		return NULL;
	pthread_mutex_lock(&engine->lock);
	engine->stopping = true;
	pthread_mutex_unlock(&engine->lock);
	wake(engine);
	pthread_join(engine->thread, NULL);
	release(engine);
	return NULL;
}
