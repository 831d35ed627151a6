/*
 * Committing: jobs on their caller's thread, or queued for the writer's.
 *
 * The writer takes whatever is queued and commits it at once: while one commit waits for
 * the disk the next batch gathers, so that one caller pays one sync and a thousand share
 * one. Where several replies stream at once, and nobody waits, it lets a batch gather for
 * a moment. Each job has a savepoint of its own, if it needs one. If a failure ends the
 * whole transaction (a full disk does), every job of the batch fails with it: run() may
 * not be repeated, but for the jobs that end something, once, when room could be made for
 * them.
 */

#include "base/clock.h"
#include "base/fault.h"
#include "base/thread.h"
#include "store/store_internal.h"

/* Enough to make the sync cheap; few enough that nobody waits long. */
#define BATCH_MAX 256
#define FOLLOW_MS 30
/* Pieces of several replies at once: a commit for each two of them costs more than they
 * do, and nobody sees a millisecond. */
#define GATHER_MS 2

struct outcome {
	struct aic_job *job;
	int code;
	aichat_error *error;
	bool due; /* it is to be run */
};

static void set_outcome(struct outcome *outcome, int code, aichat_error *error)
{
	aichat_error_unref(outcome->error);
	outcome->code = code;
	outcome->error = error;
}

/* The transaction is gone: what went well in it did not happen either. */
static void fail_all(struct outcome *outcomes, size_t count, int code,
		     aichat_error *error)
{
	for (size_t i = 0; i < count; i++)
		if (outcomes[i].due && outcomes[i].code == 0)
			set_outcome(&outcomes[i], code, aichat_error_ref(error));
}

static int fault_error(const char *name, aichat_error **reterr)
{
	return aic_error_set(reterr, AICHAT_ESTORE, "fault point %s", name);
}

static int begin(struct aic_store *store, bool durable, aichat_error **reterr)
{
	if (AIC_FAULT("store.before_begin"))
		return fault_error("store.before_begin", reterr);
	return store->backend->ops->begin(store->backend, durable, reterr);
}

static int commit(struct aic_store *store, aichat_error **reterr)
{
	if (AIC_FAULT("store.before_commit")) {
		store->backend->ops->rollback(store->backend);
		return fault_error("store.before_commit", reterr);
	}
	if (AIC_FAULT("store.full")) {
		store->backend->ops->rollback(store->backend);
		return aic_error_set(reterr, AICHAT_ESTOREFULL, "fault point store.full");
	}
	int rc = store->backend->ops->commit(store->backend, reterr);
	if (rc == 0)
		(void)AIC_FAULT("store.after_commit");
	return rc;
}

/* A job alone in its transaction needs no savepoint, nor a simple one. */
static int run_job(struct aic_store *store, struct outcome *outcome, bool alone)
{
	struct aic_backend *backend = store->backend;
	bool mark = !alone && !outcome->job->simple;
	aichat_error *error = NULL;

	int rc = mark ? backend->ops->mark(backend, &error) : 0;
	bool marked = rc == 0 && mark;
	if (rc == 0)
		rc = outcome->job->run(outcome->job, store, &error);
	set_outcome(outcome, rc, error);
	if (!marked || !backend->ops->in_transaction(backend))
		return 0;
	error = NULL;
	int end = rc == 0 ? backend->ops->keep(backend, &error)
			  : backend->ops->undo(backend, &error);
	if (end < 0 && rc == 0)
		set_outcome(outcome, end, AIC_TAKE(error));
	aichat_error_unref(error);
	if (rc != 0)
		store->folded = false; /* that was undone, too */
	return end;
}

static void run_jobs(struct aic_store *store, struct outcome *outcomes, size_t count,
		     bool alone)
{
	struct aic_backend *backend = store->backend;
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	struct outcome *last = NULL;
	int rc = 0;

	atomic_store(&store->job_thread, (uintptr_t)pthread_self());
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (!outcomes[i].due)
			continue;
		if (!backend->ops->in_transaction(backend))
			break;
		last = &outcomes[i];
		rc = run_job(store, last, alone);
	}
	atomic_store(&store->job_thread, 0);

	if (rc < 0 || !backend->ops->in_transaction(backend)) {
		/* The last one that ran met the failure. */
		backend->ops->rollback(backend);
		if (last->code == 0)
			set_outcome(last, AICHAT_ESTORE, NULL);
		fail_all(outcomes, count, last->code, last->error);
	} else if (alone && last->code != 0) {
		backend->ops->rollback(backend);
	} else {
		rc = commit(store, &error);
		if (rc < 0)
			fail_all(outcomes, count, rc, error);
	}
}

/* One transaction around those that are due. */
static void commit_due(struct aic_store *store, struct outcome *outcomes, size_t count)
{
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	bool durable = false;
	size_t due = 0;

	for (size_t i = 0; i < count; i++) {
		due += outcomes[i].due;
		durable = durable || (outcomes[i].due && outcomes[i].job->durable);
	}
	if (!due)
		return;
	store->folded = false;
	int rc = begin(store, durable, &error);
	if (rc < 0)
		fail_all(outcomes, count, rc, error);
	else
		run_jobs(store, outcomes, count, due == 1);
	for (size_t i = 0; i < count; i++)
		outcomes[i].due = false;
}

/* What is new is not begun where its end could not be written. */
static void refuse_new(struct aic_store *store, struct outcome *outcomes, size_t count)
{
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	int rc = store->backend->ops->check_writable(store->backend, &error);

	for (size_t i = 0; i < count; i++) {
		outcomes[i].due = rc == 0 || outcomes[i].job->ends;
		if (!outcomes[i].due)
			set_outcome(&outcomes[i], rc, aichat_error_ref(error));
	}
}

/* Those that met a full disk and may be run again are due again. */
static bool are_due_again(struct outcome *outcomes, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		struct outcome *outcome = &outcomes[i];
		if (outcome->code != AICHAT_ESTOREFULL || !outcome->job->ends)
			continue;
		set_outcome(outcome, 0, NULL);
		outcome->due = any = true;
	}
	return any;
}

/* Outcomes are set; done() is not called. With the write lock held. */
static void commit_locked(struct aic_store *store, struct outcome *outcomes, size_t count)
{
	bool full = false;

	refuse_new(store, outcomes, count);
	commit_due(store, outcomes, count);
	for (size_t i = 0; i < count; i++)
		full = full || outcomes[i].code == AICHAT_ESTOREFULL;
	if (full && store->backend->ops->make_room(store->backend) &&
	    are_due_again(outcomes, count))
		commit_due(store, outcomes, count);
}

static void commit_jobs(struct aic_store *store, struct outcome *outcomes, size_t count)
{
	pthread_mutex_lock(&store->write);
	commit_locked(store, outcomes, count);
	pthread_mutex_unlock(&store->write);
}

static int take_outcome(struct outcome *outcome, aichat_error **reterr)
{
	if (reterr)
		*reterr = AIC_TAKE(outcome->error);
	aichat_error_unref(outcome->error);
	return outcome->code;
}

int aic_writer_commit_one(struct aic_store *store, struct aic_job *job,
			  aichat_error **reterr)
{
	struct outcome outcome = { .job = job };

	commit_jobs(store, &outcome, 1);
	return take_outcome(&outcome, reterr);
}

/*
 * A job that needs no sync is done on the spot while nobody writes: to wake the writer
 * and be woken by it takes longer than the job. False: it must be queued.
 */
static bool commit_at_once(struct aic_store *store, struct aic_job *job, int *ret,
			   aichat_error **reterr)
{
	struct outcome outcome = { .job = job };

	if (job->durable || pthread_mutex_trylock(&store->write) != 0)
		return false;
	commit_locked(store, &outcome, 1);
	pthread_mutex_unlock(&store->write);
	*ret = take_outcome(&outcome, reterr);
	return true;
}

/* ---- the writer's thread ---------------------------------------------------------- */

static size_t take_queued(struct aic_store *store, struct outcome *outcomes)
{
	size_t count = 0;

	while (store->first && count < BATCH_MAX) {
		outcomes[count++] = (struct outcome){ .job = store->first };
		store->urgent -= !store->first->simple;
		store->first = store->first->next;
	}
	if (!store->first)
		store->last = &store->first;
	return count;
}

static void commit_queued(struct aic_store *store, struct outcome *outcomes, size_t count)
{
	commit_jobs(store, outcomes, count);
	for (size_t i = 0; i < count; i++) {
		struct outcome *o = &outcomes[i];
		if (o->job->done)
			o->job->done(o->job, o->code, o->error);
		aichat_error_unref(o->error);
	}
}

static void unlist(struct aic_store *store, struct aic_follower *follower)
{
	struct aic_follower **link = &store->followers;

	while (*link && *link != follower)
		link = &(*link)->next;
	if (*link)
		*link = follower->next;
	follower->listed = false;
}

/* Each follower once. Called and left with the queue's lock held. */
static void look_around(struct aic_store *store)
{
	struct aic_follower *todo = AIC_TAKE(store->followers);

	/* Those not looked at yet stay listed, on a list that unfollow() finds, too. */
	store->followers = todo;
	for (struct aic_follower *f = todo; f;) {
		store->looking = f;
		store->look_again = false;
		pthread_mutex_unlock(&store->queue);
		bool again = f->look(f);
		pthread_mutex_lock(&store->queue);
		/* If it was taken off meanwhile, its owner waits in unfollow(). */
		struct aic_follower *next = f->listed ? f->next : NULL;
		if (f->listed && !again && !store->look_again)
			unlist(store, f);
		store->looking = NULL;
		pthread_cond_broadcast(&store->looked);
		f = next;
	}
}

/* Let more come to what is queued, unless somebody waits for it. With the queue's lock.
 */
static void gather(struct aic_store *store)
{
	if (!store->first || store->urgent || store->stopping)
		return;
	store->gathers = true;
	aic_cond_wait_until(&store->queued, &store->queue,
			    aic_clock_mono_ms() + GATHER_MS);
	store->gathers = false;
}

static void *write_jobs(void *argument)
{
	struct aic_store *store = argument;
	struct outcome outcomes[BATCH_MAX];
	int64_t look_at = 0;
	size_t count = 0;

	atomic_store(&store->writer_thread, (uintptr_t)pthread_self());
	pthread_mutex_lock(&store->queue);
	while (store->first || !store->stopping) {
		if (count > 1)
			gather(store);
		count = take_queued(store, outcomes);
		if (count) {
			pthread_mutex_unlock(&store->queue);
			commit_queued(store, outcomes, count);
			pthread_mutex_lock(&store->queue);
		}
		bool follows = store->followers && !store->stopping;
		if (follows && aic_clock_mono_ms() >= look_at) {
			look_around(store);
			look_at = aic_clock_mono_ms() + FOLLOW_MS;
		} else if (!store->first && !store->stopping) {
			store->writer_waits = true;
			aic_cond_wait_until(&store->queued, &store->queue,
					    follows ? look_at : -1);
			store->writer_waits = false;
		}
	}
	bool orphan = store->orphan;
	pthread_mutex_unlock(&store->queue);
	if (orphan)
		aic_store_destroy(store);
	return NULL;
}

int aic_store_start_writer(struct aic_store *store, aichat_error **reterr)
{
	int rc = 0;

	pthread_mutex_lock(&store->queue);
	if (!store->has_writer)
		rc = aic_thread_start(&store->writer, "aichat-store", write_jobs, store);
	if (rc == 0)
		store->has_writer = true;
	pthread_mutex_unlock(&store->queue);
	return rc < 0 ? aic_error_nomem(reterr) : 0;
}

bool aic_writer_stop(struct aic_store *store)
{
	pthread_mutex_lock(&store->queue);
	bool has_writer = store->has_writer;
	pthread_t writer = store->writer;
	bool is_writer = has_writer && pthread_equal(writer, pthread_self());
	store->stopping = true;
	store->orphan = is_writer;
	pthread_cond_broadcast(&store->queued);
	pthread_mutex_unlock(&store->queue);
	if (is_writer)
		pthread_detach(writer);
	else if (has_writer)
		pthread_join(writer, NULL);
	return !is_writer;
}

void aic_store_submit(struct aic_store *store, struct aic_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&store->queue);
	bool wake = store->writer_waits || (store->gathers && !job->simple);
	store->writer_waits = false;
	store->urgent += !job->simple;
	*store->last = job;
	store->last = &job->next;
	pthread_mutex_unlock(&store->queue);
	/* Without the lock, for which the writer would wait at once. */
	if (wake)
		pthread_cond_signal(&store->queued);
}

/* ---- run and wait ----------------------------------------------------------------- */

struct waiter {
	struct aic_job job;
	struct aic_job *inner;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over;
	int code;
	aichat_error *error;
};

static int run_inner(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct waiter *waiter = (struct waiter *)job;

	return waiter->inner->run(waiter->inner, store, reterr);
}

static void wake(struct aic_job *job, int code, aichat_error *error)
{
	struct waiter *waiter = (struct waiter *)job;

	pthread_mutex_lock(&waiter->lock);
	waiter->code = code;
	waiter->error = aichat_error_ref(error);
	waiter->over = true;
	pthread_cond_signal(&waiter->changed);
	pthread_mutex_unlock(&waiter->lock);
}

static int submit_and_wait(struct aic_store *store, struct aic_job *job,
			   aichat_error **reterr)
{
	struct waiter waiter = {
		.job = { .run = run_inner,
			 .done = wake,
			 .durable = job->durable,
			 .ends = job->ends,
			 .simple = job->simple },
		.inner = job,
	};

	pthread_mutex_init(&waiter.lock, NULL);
	aic_cond_init(&waiter.changed);
	aic_store_submit(store, &waiter.job);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.over)
		aic_cond_wait_until(&waiter.changed, &waiter.lock, -1);
	pthread_mutex_unlock(&waiter.lock);
	pthread_cond_destroy(&waiter.changed);
	pthread_mutex_destroy(&waiter.lock);
	*reterr = waiter.error;
	return waiter.code;
}

int aic_store_run(struct aic_store *store, struct aic_job *job, aichat_error **reterr)
{
	aichat_error *error = NULL;

	if (aic_store_in_job(store))
		AIC_BUG(aic_error_set(reterr, AICHAT_EINTERNAL,
				      "a job waits for another one"));
	pthread_mutex_lock(&store->queue);
	/* From its own callbacks the writer cannot wait for itself. */
	bool queue = store->has_writer && !pthread_equal(store->writer, pthread_self());
	bool others = store->first;
	pthread_mutex_unlock(&store->queue);
	int rc = 0;
	if (!queue)
		rc = aic_writer_commit_one(store, job, &error);
	else if (others || !commit_at_once(store, job, &rc, &error))
		rc = submit_and_wait(store, job, &error);
	if (job->done)
		job->done(job, rc, error);
	if (rc != 0)
		aic_error_pass(reterr, error);
	else
		aichat_error_unref(error);
	return rc;
}

/* ---- followers -------------------------------------------------------------------- */

void aic_store_follow(struct aic_store *store, struct aic_follower *follower)
{
	pthread_mutex_lock(&store->queue);
	if (store->looking == follower)
		store->look_again = true;
	if (!follower->listed) {
		follower->listed = true;
		follower->next = store->followers;
		store->followers = follower;
		pthread_cond_signal(&store->queued);
	}
	pthread_mutex_unlock(&store->queue);
}

void aic_store_unfollow(struct aic_store *store, struct aic_follower *follower)
{
	pthread_mutex_lock(&store->queue);
	if (follower->listed)
		unlist(store, follower);
	while (store->looking == follower)
		aic_cond_wait_until(&store->looked, &store->queue, -1);
	pthread_mutex_unlock(&store->queue);
}
