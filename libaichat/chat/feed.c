#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "chat/cursor.h"
#include "chat/feed.h"
#include "chat/snapshot.h"
#include "chat/turn.h"

/* Newest events that stay in memory; cursors further behind read the store. */
#define TAIL_BYTES_MAX ((size_t)256 << 10)

static size_t event_bytes(const struct aichat_event *event)
{
	return sizeof(*event) + event->text.len + event->raw.len + event->id.len +
	       event->name.len;
}

static struct aic_feed *feed_alloc(struct aic_core *core, const char *owner,
				   const struct aic_id *reply_id, bool stored)
{
	struct aic_feed *feed = aic_new(struct aic_feed);

	if (!feed)
		return NULL;
	feed->owner = aic_strdup(owner);
	/* A place for the last event is there before anything can go wrong. */
	if (!feed->owner || !AIC_GROW(feed->tail, 0, &feed->tail_capacity)) {
		aic_free(feed->owner);
		aic_free(feed);
		return NULL;
	}
	feed->refs = 1;
	feed->core = aic_core_ref(core);
	feed->reply_id = *reply_id;
	feed->stored = stored;
	pthread_mutex_init(&feed->lock, NULL);
	aic_cond_init(&feed->changed);
	return feed;
}

static void feed_free(struct aic_feed *feed)
{
	for (size_t i = 0; i < feed->tail_count; i++)
		aic_event_unref(feed->tail[i]);
	aic_free(feed->tail);
	/* In a copy of the process they may have threads that it does not have. */
	if (feed->core->pid == getpid()) {
		pthread_cond_destroy(&feed->changed);
		pthread_mutex_destroy(&feed->lock);
	}
	aic_core_unref(feed->core);
	aic_free(feed->owner);
	aic_free(feed);
}

/* ---- the core's list, under its lock ---------------------------------------------- */

/* The end of an id is random. */
static struct aic_feed **bucket_of(struct aic_core *core, const struct aic_id *id)
{
	return &core->feeds_by_id[id->bytes[sizeof(id->bytes) - 1] % AIC_FEED_BUCKETS];
}

static void list(struct aic_core *core, struct aic_feed *feed)
{
	feed->next = core->feeds;
	feed->link = &core->feeds;
	if (feed->next)
		feed->next->link = &feed->next;
	core->feeds = feed;
	if (feed->stored) {
		struct aic_feed **bucket = bucket_of(core, &feed->reply_id);
		feed->next_of_id = *bucket;
		*bucket = feed;
	}
}

static void unlist(struct aic_core *core, struct aic_feed *feed)
{
	*feed->link = feed->next;
	if (feed->next)
		feed->next->link = feed->link;
	if (feed->stored) {
		struct aic_feed **of_id = bucket_of(core, &feed->reply_id);
		while (*of_id != feed)
			of_id = &(*of_id)->next_of_id;
		*of_id = feed->next_of_id;
	}
}

/* owner NULL: anybody's. */
static struct aic_feed *find_locked(struct aic_core *core, const char *owner,
				    const struct aic_id *reply_id)
{
	for (struct aic_feed *f = *bucket_of(core, reply_id); f; f = f->next_of_id)
		if (aic_id_equal(&f->reply_id, reply_id) &&
		    (!owner || aic_streq(f->owner, owner)) && atomic_load(&f->refs) > 0)
			return aic_feed_ref(f);
	return NULL;
}

/* ---- feeds ------------------------------------------------------------------------ */

int aic_feed_new(struct aic_core *core, const char *owner, const struct aic_id *reply_id,
		 bool stored, struct aic_feed **ret_feed)
{
	struct aic_feed *feed = feed_alloc(core, owner, reply_id, stored);

	if (!feed)
		return AICHAT_ENOMEM;
	pthread_mutex_lock(&core->lock);
	list(core, feed);
	pthread_mutex_unlock(&core->lock);
	*ret_feed = feed;
	return 0;
}

struct aic_feed *aic_feed_of(struct aic_core *core, const struct aic_id *reply_id)
{
	pthread_mutex_lock(&core->lock);
	struct aic_feed *feed = find_locked(core, NULL, reply_id);
	pthread_mutex_unlock(&core->lock);
	return feed;
}

int aic_feed_find(struct aic_core *core, const char *owner,
		  const struct aic_reply_row *row, struct aic_feed **ret_feed)
{
	struct aic_feed *made = feed_alloc(core, owner, &row->id, true);

	if (!made)
		return AICHAT_ENOMEM;
	made->last_seq = row->last_seq;
	made->over = row->state >= AICHAT_REPLY_COMPLETE;
	pthread_mutex_lock(&core->lock);
	struct aic_feed *found = find_locked(core, owner, &row->id);
	if (!found)
		list(core, made);
	pthread_mutex_unlock(&core->lock);
	if (found)
		feed_free(made);
	else
		found = made;
	*ret_feed = found;
	return 0;
}

struct aic_feed *aic_feed_ref(struct aic_feed *feed)
{
	atomic_fetch_add_explicit(&feed->refs, 1, memory_order_relaxed);
	return feed;
}

struct aic_feed *aic_feed_unref(struct aic_feed *feed)
{
	if (!feed)
		return NULL;
	struct aic_core *core = feed->core;
	/* Under the core's lock, so that nobody finds it in the list meanwhile. */
	bool ours = core->pid == getpid();
	if (ours)
		pthread_mutex_lock(&core->lock);
	bool last = atomic_fetch_sub_explicit(&feed->refs, 1, memory_order_acq_rel) == 1;
	if (last)
		unlist(core, feed);
	if (ours)
		pthread_mutex_unlock(&core->lock);
	if (last)
		feed_free(feed);
	return NULL;
}

/* Forget what no cursor needs from memory. */
static void trim_tail(struct aic_feed *feed)
{
	size_t drop = 0;

	if (feed->stored) {
		while (feed->tail_bytes > TAIL_BYTES_MAX && drop + 1 < feed->tail_count)
			feed->tail_bytes -= event_bytes(feed->tail[drop++]);
	} else if (feed->cursors) {
		/* The only cursor of a reply that is not stored. */
		while (drop < feed->tail_count &&
		       feed->tail[drop]->seq <= feed->cursors->seq)
			feed->tail_bytes -= event_bytes(feed->tail[drop++]);
	}
	if (!drop)
		return;
	for (size_t i = 0; i < drop; i++)
		aic_event_unref(feed->tail[i]);
	feed->tail_count -= drop;
	memmove(feed->tail, feed->tail + drop, feed->tail_count * sizeof(*feed->tail));
}

void aic_feed_publish(struct aic_feed *feed, struct aichat_event *const *events,
		      size_t count)
{
	pthread_mutex_lock(&feed->lock);
	for (size_t i = 0; i < count; i++) {
		if (events[i]->seq <= feed->last_seq)
			continue;
		if (!AIC_GROW(feed->tail, feed->tail_count, &feed->tail_capacity)) {
			/* Memory is out. Cursors fall behind and read the store; of a
			 * reply that is not stored, what is in the tail goes to make
			 * room. */
			for (size_t t = 0; t < feed->tail_count; t++)
				aic_event_unref(feed->tail[t]);
			feed->tail_count = feed->tail_bytes = 0;
		}
		feed->tail[feed->tail_count++] = aic_event_ref(events[i]);
		feed->tail_bytes += event_bytes(events[i]);
		feed->last_seq = events[i]->seq;
		if (events[i]->type == AICHAT_EVENT_DONE ||
		    events[i]->type == AICHAT_EVENT_ERROR)
			feed->over = true;
	}
	trim_tail(feed);
	for (struct aichat_reply *r = feed->cursors; r; r = r->next)
		aic_cursor_signal(r);
	pthread_mutex_unlock(&feed->lock);
	/* Without the lock, for which those that wake would wait at once. */
	pthread_cond_broadcast(&feed->changed);
}

size_t aic_feed_backlog(struct aic_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	trim_tail(feed);
	size_t bytes = feed->tail_bytes;
	pthread_mutex_unlock(&feed->lock);
	return bytes;
}

void aic_feed_wake(struct aic_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	for (struct aichat_reply *r = feed->cursors; r; r = r->next)
		aic_cursor_signal(r);
	pthread_mutex_unlock(&feed->lock);
	/* Without the lock, for which those that wake would wait at once. */
	pthread_cond_broadcast(&feed->changed);
}

/* Under the feed's lock. */
static bool is_foreign(const struct aic_feed *feed)
{
	return feed->stored && !feed->turn && !feed->over && feed->cursors;
}

bool aic_feed_is_foreign(struct aic_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	bool foreign = is_foreign(feed);
	pthread_mutex_unlock(&feed->lock);
	return foreign;
}

bool aic_feed_follow(struct aic_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	bool wanted = is_foreign(feed);
	uint64_t after = feed->last_seq;
	pthread_mutex_unlock(&feed->lock);
	if (!wanted)
		return false;

	struct aic_event_list list = { 0 };
	int rc = aic_store_events(feed->core->store, feed->owner, &feed->reply_id, after,
				  &list, NULL);
	if (rc == AICHAT_ENOTFOUND)
		rc = aic_snapshot_read(feed, after, &list);
	if (rc == 0 && list.count)
		aic_feed_publish(feed, list.items, list.count);
	aic_event_list_done(&list);
	if (rc == AICHAT_ENOTFOUND) {
		/* Deleted: there is nothing to wait for. */
		pthread_mutex_lock(&feed->lock);
		feed->over = true;
		pthread_mutex_unlock(&feed->lock);
		aic_feed_wake(feed);
	}
	return true;
}

struct aic_turn *aic_feed_turn(struct aic_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	struct aic_turn *turn = feed->turn ? aic_turn_ref(feed->turn) : NULL;
	pthread_mutex_unlock(&feed->lock);
	return turn;
}

void aic_feed_set_turn(struct aic_feed *feed, struct aic_turn *turn)
{
	if (turn)
		aic_turn_ref(turn);
	pthread_mutex_lock(&feed->lock);
	struct aic_turn *before = feed->turn;
	feed->turn = turn;
	pthread_mutex_unlock(&feed->lock);
	aic_turn_unref(before);
}
