#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "chat/cursor.h"
#include "chat/snapshot.h"
#include "chat/turn.h"
#include "chat/watch.h"

struct aichat_reply *aic_cursor_new(void)
{
	struct aichat_reply *reply = aic_new(struct aichat_reply);

	if (reply) {
		reply->refs = 1;
		reply->fd = -1;
	}
	return reply;
}

void aic_cursor_attach(struct aichat_reply *reply, struct aic_feed *feed, uint64_t after)
{
	reply->feed = feed;
	reply->seq = after;
	aic_id_text(&feed->reply_id, reply->id_text);
	pthread_mutex_lock(&feed->lock);
	reply->next = feed->cursors;
	feed->cursors = reply;
	bool foreign = feed->stored && !feed->turn && !feed->over;
	pthread_mutex_unlock(&feed->lock);
	if (!foreign)
		return;
	/* What was written since its row was read; the rest, if others write it, later.
	 */
	aic_feed_follow(feed);
	aic_core_watch(feed->core);
}

aichat_reply *aichat_reply_ref(aichat_reply *reply)
{
	if (reply)
		atomic_fetch_add_explicit(&reply->refs, 1, memory_order_relaxed);
	return reply;
}

aichat_reply *aichat_reply_unref(aichat_reply *reply)
{
	if (!reply ||
	    atomic_fetch_sub_explicit(&reply->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	struct aic_feed *feed = reply->feed;
	if (feed && feed->core->pid == getpid()) {
		pthread_mutex_lock(&feed->lock);
		struct aichat_reply **link = &feed->cursors;
		while (*link && *link != reply)
			link = &(*link)->next;
		if (*link)
			*link = reply->next;
		pthread_mutex_unlock(&feed->lock);
		/* Nobody can find a reply that is not stored: it has no one left. */
		if (!feed->stored)
			aic_reply_cancel(feed, NULL);
	}
	if (reply->fd >= 0)
		close(reply->fd);
	aic_event_unref(reply->current);
	aic_event_list_done(&reply->page);
	aic_feed_unref(feed);
	aic_free(reply);
	return NULL;
}

/* The context was closed, and nobody is left who would publish more. */
static bool is_abandoned(const struct aic_feed *feed)
{
	return !feed->over && !feed->turn && atomic_load(&feed->core->closed);
}

/* Whether next(0) would return an event or AICHAT_ECLOSED. Under the feed's lock. */
static bool has_news(const struct aichat_reply *reply)
{
	return reply->has_page || reply->seq < reply->feed->last_seq ||
	       is_abandoned(reply->feed);
}

void aic_cursor_signal(struct aichat_reply *reply)
{
	uint64_t count = 1;
	bool wanted = has_news(reply);

	if (reply->watch) {
		bool tell = wanted || (reply->feed->over && !reply->ended);
		if (tell != reply->told)
			aic_reply_watch_tell(reply, tell);
		reply->told = tell;
	}
	if (reply->fd < 0 || wanted == reply->raised)
		return;
	/* An eventfd that holds 0 or 1 can always be written once and read once. */
	ssize_t n = wanted ? write(reply->fd, &count, sizeof(count))
			   : read(reply->fd, &count, sizeof(count));
	if (n == (ssize_t)sizeof(count))
		reply->raised = wanted;
}

int aic_cursor_fd(struct aichat_reply *reply, int *ret_fd, aichat_error **reterr)
{
	if (reply->fd < 0) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0) {
			char text[128];
			return aic_error_set(reterr, AICHAT_ELIMIT,
					     "a descriptor for the reply: %s",
					     aic_errno_text(errno, text, sizeof(text)));
		}
		pthread_mutex_lock(&reply->feed->lock);
		reply->fd = fd;
		aic_cursor_signal(reply);
		pthread_mutex_unlock(&reply->feed->lock);
	}
	*ret_fd = reply->fd;
	return 0;
}

/* Give this event, whose reference the cursor takes over. Under the feed's lock. */
static int give(struct aichat_reply *reply, struct aichat_event *event,
		const struct aichat_event **ret_event)
{
	reply->current = event;
	reply->seq = event->seq;
	reply->ended = event->type == AICHAT_EVENT_DONE ||
		       event->type == AICHAT_EVENT_ERROR;
	reply->has_page = reply->page_at < reply->page.count;
	aic_cursor_signal(reply);
	*ret_event = event;
	return 1;
}

/* The event after the cursor's, if the tail holds it. Under the feed's lock. */
static struct aichat_event *in_tail(const struct aichat_reply *reply)
{
	const struct aic_feed *feed = reply->feed;

	if (!feed->tail_count || reply->seq + 1 < feed->tail[0]->seq)
		return NULL;
	uint64_t n = reply->seq + 1 - feed->tail[0]->seq;
	/* Numbers have no gaps but before a snapshot, which begins a tail. */
	return n < feed->tail_count ? feed->tail[n] : NULL;
}

/* Read what the tail has no longer, of a reply that is stored. Without locks. */
static int read_page(struct aichat_reply *reply, uint64_t after)
{
	struct aic_feed *feed = reply->feed;

	aic_event_list_done(&reply->page);
	reply->page_at = 0;
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_core_enter(feed->core, &core, NULL);
	if (rc == 0)
		rc = aic_store_events(feed->core->store, feed->owner, &feed->reply_id,
				      after, &reply->page, NULL);
	if (rc == AICHAT_ENOTFOUND)
		rc = aic_snapshot_read(feed, after, &reply->page);
	return rc;
}

void aic_cursor_wake(struct aichat_reply *reply)
{
	pthread_mutex_lock(&reply->feed->lock);
	reply->woken = true;
	pthread_cond_broadcast(&reply->feed->changed);
	pthread_mutex_unlock(&reply->feed->lock);
}

int aic_cursor_next(struct aichat_reply *reply, int64_t timeout_ms,
		    const struct aichat_event **ret_event)
{
	struct aic_feed *feed = reply->feed;
	int64_t now = timeout_ms > 0 ? aic_clock_mono_ms() : 0;
	int64_t deadline = timeout_ms < 0 || timeout_ms > INT64_MAX - now
				   ? -1
				   : now + timeout_ms;
	struct aic_turn *drained = NULL;
	bool timed_out = timeout_ms == 0;
	int result;

	reply->current = aic_event_unref(reply->current);
	pthread_mutex_lock(&feed->lock);
	for (;;) {
		if (reply->page_at < reply->page.count) {
			struct aichat_event *event = reply->page.items[reply->page_at];
			reply->page.items[reply->page_at++] = NULL;
			result = give(reply, event, ret_event);
			break;
		}
		struct aichat_event *event = in_tail(reply);
		if (event) {
			result = give(reply, aic_event_ref(event), ret_event);
			if (!feed->stored && feed->turn)
				drained = aic_turn_ref(feed->turn);
			break;
		}
		if (reply->seq < feed->last_seq && !feed->stored) {
			/* What lay between went when memory was out. It is told once;
			 * the last event has all of the message. */
			reply->seq = feed->tail[0]->seq - 1;
			result = AICHAT_ENOMEM;
			break;
		}
		if (reply->seq < feed->last_seq) {
			uint64_t after = reply->seq;
			pthread_mutex_unlock(&feed->lock);
			result = read_page(reply, after);
			pthread_mutex_lock(&feed->lock);
			reply->has_page = reply->page.count > 0;
			if (result == 0 && !reply->has_page)
				result = AICHAT_ESTORECORRUPT; /* it said that there are
								  some */
			if (result < 0)
				break;
			continue;
		}
		if (feed->over) {
			reply->ended = true;
			aic_cursor_signal(reply);
			result = 0;
			break;
		}
		if (is_abandoned(feed)) {
			result = AICHAT_ECLOSED;
			break;
		}
		if (timed_out || reply->woken) {
			reply->woken = false;
			result = AICHAT_EAGAIN;
			break;
		}
		timed_out = !aic_cond_wait_until(&feed->changed, &feed->lock, deadline);
	}
	pthread_mutex_unlock(&feed->lock);
	if (drained) {
		aic_turn_drained(drained);
		aic_turn_unref(drained);
	}
	return result;
}
