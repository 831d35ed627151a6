#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "chat/watch.h"

struct aichat_watch *aic_reply_watch_new(void)
{
	struct aichat_watch *watch = aic_new(struct aichat_watch);

	if (!watch)
		return NULL;
	watch->pid = getpid();
	watch->last = &watch->first;
	pthread_mutex_init(&watch->lock, NULL);
	aic_cond_init(&watch->changed);
	return watch;
}

struct aichat_watch *aic_reply_watch_free(struct aichat_watch *watch)
{
	/* In a copy of the process locks may be held, and waited for, by threads that it
	 * does not have. */
	bool ours = watch->pid == getpid();
	for (struct aichat_reply *next, *r = watch->members; r; r = next) {
		next = r->member_next;
		if (ours)
			aic_reply_watch_remove(watch, r);
		else
			aichat_reply_unref(r);
	}
	if (ours) {
		pthread_cond_destroy(&watch->changed);
		pthread_mutex_destroy(&watch->lock);
	}
	aic_free(watch);
	return NULL;
}

/* ---- the lists, under the watch's lock -------------------------------------------- */

static void join_ready(struct aichat_watch *watch, struct aichat_reply *reply)
{
	reply->ready_next = NULL;
	reply->ready_link = watch->last;
	*watch->last = reply;
	watch->last = &reply->ready_next;
}

static void leave_ready(struct aichat_watch *watch, struct aichat_reply *reply)
{
	if (!reply->ready_link)
		return;
	*reply->ready_link = reply->ready_next;
	if (reply->ready_next)
		reply->ready_next->ready_link = reply->ready_link;
	else
		watch->last = reply->ready_link;
	reply->ready_link = NULL;
}

static void join_members(struct aichat_watch *watch, struct aichat_reply *reply)
{
	reply->member_next = watch->members;
	reply->member_link = &watch->members;
	if (reply->member_next)
		reply->member_next->member_link = &reply->member_next;
	watch->members = reply;
}

static void leave_members(struct aichat_reply *reply)
{
	*reply->member_link = reply->member_next;
	if (reply->member_next)
		reply->member_next->member_link = reply->member_link;
}

/* ---- what cursors and callers do -------------------------------------------------- */

bool aic_reply_watch_add(struct aichat_watch *watch, struct aichat_reply *reply,
			 uint64_t tag)
{
	struct aic_feed *feed = reply->feed;

	pthread_mutex_lock(&feed->lock);
	bool free = !reply->watch;
	if (free) {
		reply->watch = aichat_reply_ref(reply) ? watch : NULL;
		reply->tag = tag;
		reply->told = false;
		pthread_mutex_lock(&watch->lock);
		join_members(watch, reply);
		pthread_mutex_unlock(&watch->lock);
		aic_cursor_signal(reply);
	}
	pthread_mutex_unlock(&feed->lock);
	return free;
}

void aic_reply_watch_remove(struct aichat_watch *watch, struct aichat_reply *reply)
{
	struct aic_feed *feed = reply->feed;

	pthread_mutex_lock(&feed->lock);
	bool is_member = reply->watch == watch;
	if (is_member) {
		pthread_mutex_lock(&watch->lock);
		leave_ready(watch, reply);
		leave_members(reply);
		pthread_mutex_unlock(&watch->lock);
		reply->watch = NULL;
	}
	pthread_mutex_unlock(&feed->lock);
	if (is_member)
		aichat_reply_unref(reply);
}

void aic_reply_watch_tell(struct aichat_reply *reply, bool news)
{
	struct aichat_watch *watch = reply->watch;

	pthread_mutex_lock(&watch->lock);
	if (news)
		join_ready(watch, reply);
	else
		leave_ready(watch, reply);
	bool wake = news && watch->waiting > 0;
	pthread_mutex_unlock(&watch->lock);
	/* Without the lock, for which the one that wakes would wait at once. */
	if (wake)
		pthread_cond_signal(&watch->changed);
}

int aic_reply_watch_next(struct aichat_watch *watch, int64_t timeout_ms,
			 uint64_t *ret_tag)
{
	int64_t now = timeout_ms > 0 ? aic_clock_mono_ms() : 0;
	int64_t deadline = timeout_ms < 0 || timeout_ms > INT64_MAX - now
				   ? -1
				   : now + timeout_ms;
	bool timed_out = timeout_ms == 0;

	pthread_mutex_lock(&watch->lock);
	while (!watch->first && !watch->woken && !timed_out) {
		watch->waiting++;
		timed_out = !aic_cond_wait_until(&watch->changed, &watch->lock, deadline);
		watch->waiting--;
	}
	struct aichat_reply *reply = watch->first;
	if (reply) {
		*ret_tag = reply->tag;
		leave_ready(watch, reply);
	} else {
		watch->woken = false;
	}
	pthread_mutex_unlock(&watch->lock);
	return reply ? 1 : AICHAT_EAGAIN;
}

void aic_reply_watch_wake(struct aichat_watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	watch->woken = true;
	pthread_mutex_unlock(&watch->lock);
	pthread_cond_signal(&watch->changed);
}
