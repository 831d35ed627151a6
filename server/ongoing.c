/*
 * Replies until their end, with or without anybody who looks.
 *
 * One lock guards the lists. A cursor is used by one thread at a time: its caller's
 * worker, then the thread here, to which ongoing_leave() hands it under the lock.
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "errors.h"
#include "log.h"
#include "ongoing.h"
#include "server.h"
#include "tally.h"
#include "usage.h"

#define TICK_MS 1000
/* Events that one reply gives before it is another's turn. */
#define EVENTS_AT_ONCE 256

struct ongoing {
	struct ongoings *all;
	struct ongoing *next;
	aichat_reply *reply; /* a reference */
	char user[40], key[40];
	char request_id[72]; /* of the call that began it */
	int64_t began_mono_us;

	/* of whoever has the cursor */
	struct tally tally;
	int64_t settled;     /* tokens, in rounds that waited for tool results */
	const char *outcome; /* NULL: it is not over */

	/* under the lock */
	struct reservation
		reservation; /* of the round that runs; a waiting one has none */
	uint64_t called;   /* the event that asked for tool results, if it was the last */
	uint64_t answered; /* up to this event somebody has given them */
	bool detached;     /* the cursor is the thread's */
	bool stopped;      /* by us */
	int viewers;       /* of all that are listed, those of this reply */
	int64_t unseen_us; /* since when nobody looks; 0 = somebody does */
};

struct ongoings {
	struct server *server;
	pthread_t thread;
	int epoll_fd, wake_fd;
	pthread_mutex_t lock; /* guards what follows */
	struct ongoing *first;
	struct viewer *viewers;
	bool stop;
};

/* ---- accounting ---- */

bool event_wants_results(const aichat_event *event)
{
	return aichat_event_type(event) == AICHAT_EVENT_MESSAGE &&
	       aichat_message_stop_reason(aichat_event_message(event)) ==
		       AICHAT_STOP_TOOL_CALLS;
}

/* How it ended, if it did; a round that ends with tool calls is one, too. */
static const char *outcome_of(const aichat_event *event, const aichat_message *message)
{
	int status;

	switch (aichat_event_type(event)) {
	case AICHAT_EVENT_ERROR:
		return error_kind_of(aichat_event_error(event), &status)->error_type;
	case AICHAT_EVENT_DONE:
		return aichat_message_state(message) == AICHAT_MESSAGE_STOPPED
			       ? "stopped"
			       : "complete";
	default:
		return event_wants_results(event) ? "complete" : NULL;
	}
}

/* For tool results: nobody writes it meanwhile. Under the lock. */
static bool is_waiting(const struct ongoing *o)
{
	return o->called > o->answered;
}

static void settle_round(struct ongoing *o, struct reservation *reservation)
{
	int64_t used = tally_tokens(&o->tally);

	limits_settle(reservation, used - o->settled);
	o->settled = used;
}

void ongoing_note(struct ongoing *ongoing, const aichat_event *event)
{
	struct reservation over = { 0 };

	tally_note(&ongoing->tally, event);
	ongoing->outcome = outcome_of(event, aichat_event_message(event));
	pthread_mutex_lock(&ongoing->all->lock);
	ongoing->called = event_wants_results(event) ? aichat_event_seq(event) : 0;
	if (is_waiting(ongoing)) {
		over = ongoing->reservation;
		ongoing->reservation.limits = NULL;
	}
	pthread_mutex_unlock(&ongoing->all->lock);
	if (over.limits)
		settle_round(ongoing, &over);
}

static void write_row(const struct ongoing *o)
{
	struct server *server = o->all->server;
	struct usage usage = {
		.user = o->user,
		.key = o->key,
		.model = o->tally.model,
		.outcome = o->outcome                       ? o->outcome
			   : atomic_load(&server->stopping) ? "own_draining"
							    : "stopped", /* deleted */
		.request_id = o->request_id,
		.cost_nano_usd = o->tally.cost_nano_usd,
		.duration_ms = (clock_mono_us() - o->began_mono_us) / 1000,
	};
	aichat_error *error = NULL;
	aichat *ai = NULL;

	memcpy(usage.figures, o->tally.used, sizeof(usage.figures));
	if (aichat_for_owner(server->ai, o->user, &ai, &error) == 0)
		usage_write(ai, &usage);
	else
		log_line(AICHAT_LOG_ERROR, "the usage of %s is not stored: %s",
			 o->request_id, aichat_error_message(error));
	aichat_error_unref(error);
	aichat_close(ai);
}

static void tell_call(const struct ongoing *o, struct call *call)
{
	const struct tally *tally = &o->tally;

	call->input_tokens = tally->used[AICHAT_USAGE_INPUT];
	call->output_tokens = tally->used[AICHAT_USAGE_OUTPUT];
	call->cost_nano_usd = tally->cost_nano_usd;
	if (tally->model[0])
		snprintf(call->model, sizeof(call->model), "%s", tally->model);
}

/* ---- one reply ---- */

static struct ongoing *ongoing_new(struct call *call, aichat_reply *reply,
				   const struct reservation *reservation)
{
	struct ongoing *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->all = call->server->ongoings;
	o->reply = aichat_reply_ref(reply);
	o->reservation = *reservation;
	tally_begin(&o->tally, call->server->ai, reservation->input_tokens);
	snprintf(o->user, sizeof(o->user), "%s", call->principal.user);
	snprintf(o->key, sizeof(o->key), "%s", call->principal.key);
	snprintf(o->request_id, sizeof(o->request_id), "%s", call->request_id);
	o->began_mono_us = call->started_mono_us;
	return o;
}

static void wake(struct ongoings *all)
{
	uint64_t one = 1;

	/* It can only fail where the thread is awake already. */
	ssize_t ignored = write(all->wake_fd, &one, sizeof(one));
	(void)ignored;
}

static bool is_of(const struct viewer *viewer, const struct ongoing *o)
{
	return strcmp(viewer->reply_id, aichat_reply_id(o->reply)) == 0;
}

/* Under the lock. */
static void list(struct ongoing *o)
{
	for (const struct viewer *v = o->all->viewers; v; v = v->next)
		o->viewers += is_of(v, o);
	o->next = o->all->first;
	o->all->first = o;
}

/* Under the lock. */
static void unlist(struct ongoing *o)
{
	struct ongoing **link = &o->all->first;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
}

static void ongoing_free(struct ongoing *o)
{
	if (!o)
		return;
	aichat_reply_unref(o->reply);
	free(o);
}

/* After unlist(), without the lock. */
static void settle(struct ongoing *o)
{
	tally_end(&o->tally, o->reply);
	write_row(o);
	/* Who waits until its user has nothing that runs waits for this. */
	settle_round(o, &o->reservation);
	ongoing_free(o);
}

struct ongoing *ongoing_begin(struct call *call, aichat_reply *reply,
			      struct reservation *reservation)
{
	struct ongoing *o = ongoing_new(call, reply, reservation);

	if (!o) {
		aichat_reply_cancel(reply, NULL); /* nobody would account for it */
		limits_settle(reservation, -1);
		return NULL;
	}
	pthread_mutex_lock(&o->all->lock);
	list(o);
	pthread_mutex_unlock(&o->all->lock);
	return o;
}

void ongoing_end(struct ongoing *ongoing, struct call *call)
{
	if (!ongoing)
		return;
	tell_call(ongoing, call);
	pthread_mutex_lock(&ongoing->all->lock);
	unlist(ongoing);
	pthread_mutex_unlock(&ongoing->all->lock);
	settle(ongoing);
}

/* Its cursor's descriptor wakes the thread. False: none is left. Under the lock. */
static bool detach(struct ongoing *o)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = o };
	int fd = -1;

	o->detached = true;
	return aichat_reply_fd(o->reply, &fd, NULL) == 0 &&
	       epoll_ctl(o->all->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void ongoing_leave(struct ongoing *ongoing, struct call *call)
{
	if (!ongoing)
		return;
	struct ongoings *all = ongoing->all;
	tell_call(ongoing, call);
	pthread_mutex_lock(&all->lock);
	bool done = is_waiting(ongoing);
	if (!done && !detach(ongoing)) {
		aichat_reply_cancel(ongoing->reply, NULL);
		done = true;
	}
	if (done)
		unlist(ongoing);
	pthread_mutex_unlock(&all->lock);
	if (done)
		settle(ongoing);
	wake(all);
}

/* Under the lock. */
static struct ongoing *find(const struct ongoings *all, const char *reply_id)
{
	for (struct ongoing *o = all->first; o; o = o->next)
		if (strcmp(aichat_reply_id(o->reply), reply_id) == 0)
			return o;
	return NULL;
}

void ongoing_resume(struct call *call, aichat_reply *reply, uint64_t last_seq,
		    struct reservation *reservation)
{
	struct ongoings *all = call->server->ongoings;
	struct ongoing *mine = ongoing_new(call, reply, reservation);

	pthread_mutex_lock(&all->lock);
	struct ongoing *known = find(all, aichat_reply_id(reply));
	if (known) {
		known->answered = last_seq;
		/* It has one still if it did not see yet that it waited. */
		if (!known->reservation.limits) {
			known->reservation = *reservation;
			reservation->limits = NULL;
		}
	} else if (mine) {
		list(mine);
	}
	pthread_mutex_unlock(&all->lock);
	if (mine && !known) {
		ongoing_leave(mine, call);
		return;
	}
	if (!known)
		aichat_reply_cancel(reply, NULL);
	limits_settle(reservation, known ? 0 : -1);
	ongoing_free(mine);
}

/* ---- viewers ---- */

/* Under the lock. */
static void count_viewer(struct ongoings *ongoings, const struct viewer *viewer, int more)
{
	for (struct ongoing *o = ongoings->first; o; o = o->next)
		if (is_of(viewer, o))
			o->viewers += more;
}

void viewer_add(struct ongoings *ongoings, struct viewer *viewer)
{
	pthread_mutex_lock(&ongoings->lock);
	viewer->next = ongoings->viewers;
	viewer->link = &ongoings->viewers;
	if (viewer->next)
		viewer->next->link = &viewer->next;
	ongoings->viewers = viewer;
	count_viewer(ongoings, viewer, 1);
	pthread_mutex_unlock(&ongoings->lock);
}

void viewer_remove(struct ongoings *ongoings, struct viewer *viewer)
{
	pthread_mutex_lock(&ongoings->lock);
	*viewer->link = viewer->next;
	if (viewer->next)
		viewer->next->link = viewer->link;
	count_viewer(ongoings, viewer, -1);
	pthread_mutex_unlock(&ongoings->lock);
}

/* ---- the thread ---- */

/* Take what is there. True when it is over, or waits for tool results. */
static bool follow(struct ongoing *o)
{
	const aichat_event *event = NULL;
	int rc = 1;

	for (int i = 0; i < EVENTS_AT_ONCE && rc == 1; i++) {
		rc = aichat_reply_next(o->reply, 0, &event);
		if (rc == 1)
			ongoing_note(o, event);
	}
	return rc != 1 && rc != AICHAT_EAGAIN;
}

/* Its caller's worker may hold the cursor for a moment still, and with it the descriptor,
 * which would name what is freed. */
static void forget_cursor(const struct ongoing *o)
{
	int fd = -1;

	if (aichat_reply_fd(o->reply, &fd, NULL) == 0)
		epoll_ctl(o->all->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void follow_ready(struct ongoings *all, struct ongoing *o)
{
	bool over = follow(o);

	pthread_mutex_lock(&all->lock);
	over = over || is_waiting(o);
	if (over)
		unlist(o);
	pthread_mutex_unlock(&all->lock);
	if (!over)
		return;
	forget_cursor(o);
	settle(o);
}

/* How many of the user's have been unseen for longer. Under the lock. */
static int count_before(const struct ongoing *o)
{
	int count = 0;

	for (const struct ongoing *p = o->all->first; p; p = p->next)
		count += p != o && p->detached && !p->stopped && p->unseen_us &&
			 strcmp(p->user, o->user) == 0 &&
			 (p->unseen_us < o->unseen_us ||
			  (p->unseen_us == o->unseen_us && p < o));
	return count;
}

/* Under the lock: who looks at what, and what nobody looks at for too long. */
static void check_detached(struct ongoings *all)
{
	const struct settings *settings = &all->server->settings;
	int64_t now_us = clock_mono_us();

	for (struct ongoing *o = all->first; o; o = o->next) {
		if (!o->detached || o->viewers > 0)
			o->unseen_us = 0;
		else if (!o->unseen_us)
			o->unseen_us = now_us;
	}
	for (struct ongoing *o = all->first; o; o = o->next) {
		if (!o->unseen_us || o->stopped)
			continue;
		bool late = now_us - o->unseen_us > settings->detached_ms * 1000;
		if (!late && count_before(o) < settings->detached_per_user)
			continue;
		o->stopped = true;
		log_line(AICHAT_LOG_INFO, "reply %s is stopped: %s",
			 aichat_reply_id(o->reply),
			 late ? "nobody looked at it for too long"
			      : "its user has too many that nobody looks at");
		aichat_reply_cancel(o->reply, NULL);
	}
}

static void *run(void *argument)
{
	struct ongoings *all = argument;
	struct epoll_event events[64];
	uint64_t woken;
	int64_t check_us = 0;

	for (;;) {
		int64_t now_us = clock_mono_us();
		pthread_mutex_lock(&all->lock);
		bool stop = all->stop;
		bool idle = !all->first;
		if (now_us >= check_us) {
			check_detached(all);
			check_us = now_us + TICK_MS * 1000;
		}
		pthread_mutex_unlock(&all->lock);
		if (stop)
			return NULL;
		int count = epoll_wait(all->epoll_fd, events, 64, idle ? -1 : TICK_MS);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				follow_ready(all, events[i].data.ptr);
			else if (read(all->wake_fd, &woken, sizeof(woken)) > 0)
				check_us = 0; /* somebody left */
		}
	}
}

struct ongoings *ongoings_new(struct server *server)
{
	struct ongoings *all = calloc(1, sizeof(*all));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	sigset_t signals, before;

	if (!all)
		return NULL;
	all->server = server;
	pthread_mutex_init(&all->lock, NULL);
	all->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	all->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigfillset(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	bool ok = all->epoll_fd >= 0 && all->wake_fd >= 0 &&
		  epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, all->wake_fd, &event) == 0 &&
		  pthread_create(&all->thread, NULL, run, all) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ok)
		return all;
	if (all->epoll_fd >= 0)
		close(all->epoll_fd);
	if (all->wake_fd >= 0)
		close(all->wake_fd);
	pthread_mutex_destroy(&all->lock);
	free(all);
	return NULL;
}

struct ongoings *ongoings_free(struct ongoings *ongoings)
{
	if (!ongoings)
		return NULL;
	pthread_mutex_lock(&ongoings->lock);
	ongoings->stop = true;
	pthread_mutex_unlock(&ongoings->lock);
	wake(ongoings);
	pthread_join(ongoings->thread, NULL);
	while (ongoings->first) {
		struct ongoing *o = ongoings->first;
		ongoings->first = o->next;
		settle(o);
	}
	close(ongoings->epoll_fd);
	close(ongoings->wake_fd);
	pthread_mutex_destroy(&ongoings->lock);
	free(ongoings);
	return NULL;
}

int ongoings_running(struct ongoings *ongoings)
{
	int count = 0;

	pthread_mutex_lock(&ongoings->lock);
	for (const struct ongoing *o = ongoings->first; o; o = o->next)
		count += !is_waiting(o);
	pthread_mutex_unlock(&ongoings->lock);
	return count;
}
