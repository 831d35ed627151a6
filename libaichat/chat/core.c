#include <unistd.h>

#include <aichat/log.h>

#include "base/mem.h"
#include "base/thread.h"
#include "chat/core.h"
#include "chat/feed.h"
#include "chat/turn.h"

/* Cancellations by others that are taken at one look; more wait for the next. */
#define CANCELLED_AT_ONCE 16

static bool look(struct aic_follower *follower);

static int start_engine(struct aic_core *core, aichat_error **reterr)
{
	const struct aic_options_chain chain = { { core->options } };
	const struct aic_engine_config config = {
		.proxy = aic_chain_string(&chain, "proxy"),
		.no_proxy = aic_chain_string(&chain, "no_proxy"),
		.ca_file = aic_chain_string(&chain, "ca_file"),
		.log = &core->log,
	};

	return aic_engine_new(&config, &core->engine, reterr);
}

static void prepare(void *user)
{
	aic_engine_prepare(((struct aic_core *)user)->engine);
}

/*
 * With `prepare_to_send` libcurl is loaded while the store is opened. Both threads are
 * there before that begins: glibc makes none while it loads a library.
 */
static int open_store(struct aic_core *core, aichat_error **reterr)
{
	const struct aic_options_chain chain = { { core->options } };
	const char *url = aic_chain_string(&chain, "store");
	struct aic_store_config config = {
		.url = url ? url : "memory:",
		.busy_timeout_ms = aic_chain_int(&chain, "store_busy_timeout_ms", 5000),
		.ballast_bytes = aic_chain_int(&chain, "store_ballast_bytes", 0),
		.log = &core->log,
		.user = core,
	};

	if (aic_chain_bool(&chain, "prepare_to_send", false)) {
		int rc = start_engine(core, reterr);
		if (rc < 0)
			return rc;
		config.writer_runs = prepare;
	}
	return aic_store_open(&config, &core->store, reterr);
}

int aic_core_open(const struct aichat_options *options, struct aic_core **ret_core,
		  aichat_error **reterr)
{
	struct aic_core *core = aic_new(struct aic_core);

	if (!core)
		return aic_error_nomem(reterr);
	core->refs = 1;
	core->pid = getpid();
	core->follower.look = look;
	pthread_mutex_init(&core->lock, NULL);
	aic_cond_init(&core->idle);

	int rc = AICHAT_ENOMEM;
	core->options = options ? aic_options_copy(options) : aichat_options_new();
	if (!core->options) {
		aic_error_nomem(reterr);
		goto failed;
	}
	core->call_limits = aic_call_limits(
		&(const struct aic_options_chain){ { core->options } });
	core->log = *aic_options_log(core->options);
	rc = aic_registry_new(core->options, &core->registry, reterr);
	if (rc < 0)
		goto failed;
	rc = open_store(core, reterr);
	if (rc < 0)
		goto failed;
	*ret_core = core;
	return 0;
failed:
	aic_engine_free(core->engine);
	aic_core_unref(core);
	return rc;
}

struct aic_core *aic_core_ref(struct aic_core *core)
{
	atomic_fetch_add_explicit(&core->refs, 1, memory_order_relaxed);
	return core;
}

struct aic_core *aic_core_unref(struct aic_core *core)
{
	if (!core || atomic_fetch_sub_explicit(&core->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	/* What close did not end belongs to a process that we are a copy of, as do the
	 * threads that may wait. */
	bool ours = core->pid == getpid();
	if (ours && core->store)
		aic_store_unref(core->store);
	aic_registry_free(core->registry);
	aichat_options_free(core->options);
	if (ours) {
		pthread_cond_destroy(&core->idle);
		pthread_mutex_destroy(&core->lock);
	}
	aic_free(core);
	return NULL;
}

/* Feeds, each with a reference. */
struct feeds {
	struct aic_feed **items;
	size_t count;
	bool failed; /* memory is out */
};

/* Those that another process writes, as far as we know. Under the core's lock. */
static struct feeds foreign_feeds(struct aic_core *core)
{
	struct feeds feeds = { 0 };
	size_t n = 0;

	for (struct aic_feed *f = core->feeds; f; f = f->next)
		n += aic_feed_is_foreign(f);
	feeds.items = n ? aic_calloc(n, sizeof(*feeds.items)) : NULL;
	feeds.failed = n && !feeds.items;
	for (struct aic_feed *f = core->feeds; f && feeds.items && feeds.count < n;
	     f = f->next)
		/* One whose last reference is going cannot be kept. */
		if (aic_feed_is_foreign(f) && atomic_load(&f->refs) > 0)
			feeds.items[feeds.count++] = aic_feed_ref(f);
	return feeds;
}

static void feeds_done(struct feeds *feeds)
{
	for (size_t i = 0; i < feeds->count; i++)
		aic_feed_unref(feeds->items[i]);
	aic_free(feeds->items);
}

/* Visit every feed, without memory and without the lock; new ones come first. */
static void each_feed(struct aic_core *core, void (*visit)(struct aic_feed *feed))
{
	struct aic_feed *at = NULL;

	pthread_mutex_lock(&core->lock);
	for (struct aic_feed *f = core->feeds; f; f = at->next) {
		/* The one that we hold is still listed, so its neighbour can be found. */
		struct aic_feed *before = at;
		at = aic_feed_ref(f);
		pthread_mutex_unlock(&core->lock);
		aic_feed_unref(before);
		visit(at);
		pthread_mutex_lock(&core->lock);
	}
	pthread_mutex_unlock(&core->lock);
	aic_feed_unref(at);
}

static void cancel_turn(struct aic_feed *feed)
{
	struct aic_turn *turn = aic_feed_turn(feed);

	if (turn)
		aic_turn_cancel(turn, true);
	aic_turn_unref(turn);
}

/* A reply that is not stored and waits for tool results has nobody to go on. */
static void abandon(struct aic_feed *feed)
{
	aic_feed_set_turn(feed, NULL);
	aic_feed_wake(feed);
}

void aic_core_close(struct aic_core *core)
{
	if (core->pid != getpid() || atomic_exchange(&core->closed, true))
		return;
	each_feed(core, cancel_turn);

	pthread_mutex_lock(&core->lock);
	while (core->turns || core->calls)
		aic_cond_wait_until(&core->idle, &core->lock, -1);
	struct aic_engine *engine = AIC_TAKE(core->engine);
	pthread_mutex_unlock(&core->lock);

	/* Whoever could still have asked for it is gone. */
	aic_store_unfollow(core->store, &core->follower);
	if (engine)
		aic_engine_free(engine);
	each_feed(core, abandon);
	core->store = aic_store_unref(core->store);
}

int aic_core_check(const struct aic_core *core, aichat_error **reterr)
{
	if (core->pid != getpid())
		return aic_error_set(
			reterr, AICHAT_EFORK,
			"this context was opened by process %ld; open another "
			"one after fork()",
			(long)core->pid);
	if (atomic_load_explicit(&core->closed, memory_order_acquire))
		return aic_error_set(reterr, AICHAT_ECLOSED, "the context is closed");
	return 0;
}

int aic_core_enter(struct aic_core *core, struct aic_core **ret_entered,
		   aichat_error **reterr)
{
	int rc = aic_core_check(core, reterr);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&core->lock);
	bool closed = atomic_load(&core->closed);
	core->calls += !closed;
	pthread_mutex_unlock(&core->lock);
	if (closed)
		return aic_core_check(core, reterr);
	*ret_entered = core;
	return 0;
}

void aic_core_exit(struct aic_core *core)
{
	pthread_mutex_lock(&core->lock);
	if (--core->calls == 0)
		pthread_cond_broadcast(&core->idle);
	pthread_mutex_unlock(&core->lock);
}

int aic_core_start(struct aic_core *core, aichat_error **reterr)
{
	int rc = aic_store_start_writer(core->store, reterr);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&core->lock);
	if (!core->engine)
		rc = start_engine(core, reterr);
	pthread_mutex_unlock(&core->lock);
	return rc;
}

void aic_core_prepare(struct aic_core *core)
{
	pthread_mutex_lock(&core->lock);
	if (core->engine)
		aic_engine_prepare(core->engine);
	pthread_mutex_unlock(&core->lock);
}

int aic_core_begin_turn(struct aic_core *core, aichat_error **reterr)
{
	pthread_mutex_lock(&core->lock);
	bool closed = atomic_load(&core->closed);
	if (!closed)
		core->turns++;
	pthread_mutex_unlock(&core->lock);
	return closed ? aic_core_check(core, reterr) : 0;
}

void aic_core_end_turn(struct aic_core *core)
{
	pthread_mutex_lock(&core->lock);
	if (--core->turns == 0)
		pthread_cond_broadcast(&core->idle);
	pthread_mutex_unlock(&core->lock);
}

void aic_core_watch(struct aic_core *core)
{
	if (aic_store_is_shared(core->store) && !atomic_load(&core->closed))
		aic_store_follow(core->store, &core->follower);
}

/* Someone in another process asked to stop replies that run here. */
static void take_cancellations(struct aic_core *core)
{
	struct aic_id ids[CANCELLED_AT_ONCE];
	size_t count = 0;

	if (aic_store_cancelled(core->store, ids, CANCELLED_AT_ONCE, &count) < 0)
		return; /* the next look will tell */
	for (size_t i = 0; i < count; i++) {
		struct aic_feed *feed = aic_feed_of(core, &ids[i]);
		struct aic_turn *turn = feed ? aic_feed_turn(feed) : NULL;
		if (turn)
			aic_turn_cancel(turn, false);
		aic_turn_unref(turn);
		aic_feed_unref(feed);
	}
}

static bool look(struct aic_follower *follower)
{
	struct aic_core *core = (struct aic_core *)((char *)follower -
						    offsetof(struct aic_core, follower));
	bool again = false;

	pthread_mutex_lock(&core->lock);
	struct feeds feeds = foreign_feeds(core);
	again = core->turns > 0;
	pthread_mutex_unlock(&core->lock);

	if (feeds.failed)
		return true;
	if (again)
		take_cancellations(core);
	for (size_t i = 0; i < feeds.count; i++)
		again = aic_feed_follow(feeds.items[i]) || again;
	feeds_done(&feeds);
	return again;
}
