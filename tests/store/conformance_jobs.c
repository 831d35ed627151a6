/* Jobs, the writer, followers, and a store as a whole. */

#include "conformance.h"
#include "seeds.h"

/* ---- jobs ------------------------------------------------------------------------- */

struct counted {
	struct aic_job job;
	struct aic_id id;
	int result;
	int ran, done, code;
	bool has_error;
	bool seen; /* what it wrote, by itself */
	pthread_t thread;
};

static int run_counted(struct aic_job *job, struct aic_store *s, aichat_error **reterr)
{
	struct counted *c = (struct counted *)job;
	struct aic_conversation_row row = { .id = c->id, .version = 1 };

	c->ran++;
	int rc = aic_store_add_conversation(s, "alice", &row, reterr);
	if (rc < 0)
		return rc;
	c->seen = aic_store_conversation(s, "alice", &c->id, &row, NULL) == 0;
	aic_conversation_row_done(&row);
	if (c->result)
		aic_error_set(reterr, c->result, "as asked");
	return c->result;
}

static void counted_done(struct aic_job *job, int code, aichat_error *error)
{
	struct counted *c = (struct counted *)job;

	c->done++;
	c->code = code;
	c->has_error = error;
	c->thread = pthread_self();
}

static struct counted counted(int result)
{
	return (struct counted){
		.job = { .run = run_counted,
			 .done = counted_done,
			 .durable = result == 0 },
		.id = aic_id_new(),
		.result = result,
	};
}

static bool is_stored(const struct aic_id *id)
{
	struct aic_conversation_row row = { 0 };
	int rc = aic_store_conversation(store, "alice", id, &row, NULL);

	aic_conversation_row_done(&row);
	return rc == 0;
}

static void check_job(int result)
{
	struct counted c = counted(result);
	aichat_error *error = NULL;

	ck_assert_int_eq(aic_store_run(store, &c.job, &error), result);
	ck_assert_int_eq(c.ran, 1);
	ck_assert_int_eq(c.done, 1);
	ck_assert_int_eq(c.code, result);
	ck_assert(c.seen);
	ck_assert(c.has_error == (result != 0) && !error == (result == 0));
	ck_assert(pthread_equal(c.thread, pthread_self()));
	ck_assert(is_stored(&c.id) == (result == 0));
	aichat_error_unref(error);
}

START_TEST(a_job_is_all_or_nothing)
{
	check_job(0);
	check_job(AICHAT_EINVAL);
	check_job(1); /* whatever is not 0 */
	ck_assert_ok(aic_store_start_writer(store, err));
	check_job(0);
	check_job(AICHAT_EINVAL);
	ck_assert_ok(aic_store_start_writer(store, err));
	struct counted c = counted(0);
	c.job.done = NULL;
	ck_assert_ok(aic_store_run(store, &c.job, err));
	ck_assert(is_stored(&c.id));
}
END_TEST

/* Queued together with others, each job fails or is stored for itself. */
START_TEST(a_failure_does_not_take_others_along)
{
	enum {
		JOBS = 600
	};
	static struct counted jobs[JOBS];
	struct counted last = counted(0);

	ck_assert_ok(aic_store_start_writer(store, err));
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = counted(i % 3 == 1 ? AICHAT_EINVAL : 0);
		aic_store_submit(store, &jobs[i].job);
	}
	/* Behind all of them. */
	ck_assert_ok(aic_store_run(store, &last.job, err));
	for (int i = 0; i < JOBS; i++) {
		ck_assert_int_eq(jobs[i].ran, 1);
		ck_assert_int_eq(jobs[i].done, 1);
		ck_assert_int_eq(jobs[i].code, i % 3 == 1 ? AICHAT_EINVAL : 0);
		ck_assert(is_stored(&jobs[i].id) == (i % 3 != 1));
	}
}
END_TEST

struct resubmitted {
	struct aic_job job;
	int left;
};

static int run_nothing(struct aic_job *job AIC_UNUSED, struct aic_store *s AIC_UNUSED,
		       aichat_error **reterr AIC_UNUSED)
{
	return 0;
}

static void submit_again(struct aic_job *job, int code, aichat_error *error AIC_UNUSED)
{
	struct resubmitted *r = (struct resubmitted *)job;

	ck_assert_int_eq(code, 0);
	if (--r->left)
		aic_store_submit(store, job);
}

/* Closing commits what is queued, and what that queues. */
START_TEST(closing_commits_what_is_queued)
{
	struct resubmitted r = { { .run = run_nothing, .done = submit_again }, 50 };
	struct aic_store *other = NULL;
	struct counted c = counted(0);

	ck_assert_ok(aic_store_start_writer(store, err));
	aic_store_submit(store, &r.job);
	aic_store_submit(store, &c.job);
	store = aic_store_unref(store);
	ck_assert_int_eq(r.left, 0);
	ck_assert_int_eq(c.done, 1);
	ck_assert_ok(try_open(store_url, &other, err));
	store = other;
	ck_assert(is_stored(&c.id) == kind->shared);
}
END_TEST

static void *many_jobs(void *argument AIC_UNUSED)
{
	for (int i = 0; i < 40; i++) {
		struct counted c = counted(i % 8 == 7 ? AICHAT_EINVAL : 0);
		c.job.durable = i % 2;
		int rc = aic_store_run(store, &c.job, NULL);
		if (rc != c.result || c.done != 1 || !is_stored(&c.id) != (rc != 0))
			return &store;
	}
	return NULL;
}

START_TEST(many_threads_write_and_read)
{
	pthread_t threads[16];
	void *bad = NULL;

	if (_i)
		ck_assert_ok(aic_store_start_writer(store, err));
	for (size_t i = 0; i < AIC_ARRAY_LEN(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, many_jobs, NULL), 0);
	for (size_t i = 0; i < AIC_ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
}
END_TEST

/* ---- followers -------------------------------------------------------------------- */

struct watcher {
	struct aic_follower follower;
	_Atomic int looks;
	_Atomic int wanted;
	_Atomic bool inside;
};

static void wait_ms(long ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

static bool look(struct aic_follower *follower)
{
	struct watcher *w = (struct watcher *)follower;

	atomic_store(&w->inside, true);
	wait_ms(3);
	int looks = atomic_fetch_add(&w->looks, 1) + 1;
	atomic_store(&w->inside, false);
	return looks < atomic_load(&w->wanted);
}

static void wait_for(struct watcher *w, int looks)
{
	for (int i = 0; i < 2000 && atomic_load(&w->looks) < looks; i++)
		wait_ms(5);
	ck_assert_int_ge(atomic_load(&w->looks), looks);
}

START_TEST(followers_look_until_they_have_seen)
{
	struct watcher a = { .follower = { .look = look }, .wanted = 3 };
	struct watcher b = { .follower = { .look = look }, .wanted = INT32_MAX };

	aic_store_follow(store, &a.follower); /* before there is a writer */
	ck_assert_ok(aic_store_start_writer(store, err));
	aic_store_follow(store, &b.follower);
	aic_store_follow(store, &b.follower);
	wait_for(&a, 3);
	wait_for(&b, 4);
	ck_assert_int_eq(atomic_load(&a.looks), 3);
	ck_assert(!a.follower.listed);
	atomic_store(&a.wanted, 5);
	aic_store_follow(store, &a.follower);
	wait_for(&a, 5);
	for (int i = 0; i < 20; i++) {
		aic_store_unfollow(store, &b.follower);
		ck_assert(!atomic_load(&b.inside));
		int looks = atomic_load(&b.looks);
		wait_ms(i % 2 ? 1 : 40);
		ck_assert_int_eq(atomic_load(&b.looks), looks);
		aic_store_follow(store, &b.follower);
		wait_for(&b, looks + 1);
	}
	aic_store_unfollow(store, &b.follower);
	aic_store_unfollow(store, &a.follower);
}
END_TEST

/* ---- the rest --------------------------------------------------------------------- */

START_TEST(a_store_is_opened_by_url)
{
	struct aic_store *other = NULL;
	static const char *const wrong[] = { "", "nosuch:x", "memory:x", "sqlite:" };

	for (size_t i = 0; i < AIC_ARRAY_LEN(wrong); i++) {
		aichat_error *error = NULL;
		ck_assert_int_eq(try_open(wrong[i], &other, &error), AICHAT_EINVAL);
		ck_assert_int_gt((int)strlen(aichat_error_message(error)), 10);
		aichat_error_unref(error);
	}
	struct counted c = counted(0);
	ck_assert_ok(aic_store_run(store, &c.job, err));
	ck_assert_ok(try_open(store_url, &other, err));
	/* The same file is the same store. */
	ck_assert(aic_store_is_shared(store) == kind->shared);
	ck_assert((other == store) == kind->shared);
	if (kind->shared)
		ck_assert_str_eq(aic_store_name(store), store_url);
	aic_store_unref(other);
	ck_assert(is_stored(&c.id));
}
END_TEST

START_TEST(lists_may_have_holes)
{
	struct aic_event_list events = { aic_calloc(2, sizeof(void *)), 2, 2 };
	struct aic_messages messages = { aic_calloc(2, sizeof(void *)), 2, 2 };

	aic_event_list_done(&events);
	aic_messages_done(&messages);
	ck_assert(!events.items && !messages.items && !events.count && !messages.count);
}
END_TEST

#ifdef AIC_TEST_HOOKS
static struct turn walked;

/* Open, write, read, verify, close: with ids of its own each time. */
static int whole_turn(void)
{
	struct aic_store *s = NULL;
	struct aic_messages path = { 0 };
	struct aic_event_list events = { 0 };
	struct aic_conversation_rows rows = { 0 };
	const struct aic_store_config config = { .url = store_url,
						 .busy_timeout_ms = 5000 };

	walked.conversation = aic_id_new();
	walked.reply = aic_id_new();
	walked.question->id = aic_id_new();
	walked.answer->id = aic_id_new();
	walked.question
		->conversation_id = walked.answer->conversation_id = walked.conversation;
	walked.answer->parent_id = walked.question->id;
	int rc = aic_store_open(&config, &s, NULL);
	if (rc == 0)
		rc = try_task(s, true, turn_begin, &walked, NULL);
	if (rc == 0)
		rc = aic_store_path(s, "alice", &walked.answer->id, 0, &path, NULL);
	if (rc == 0)
		rc = aic_store_events(s, "alice", &walked.reply, 0, &events, NULL);
	if (rc == 0)
		rc = aic_store_conversations(s, "alice", &current, 0, NULL, 5, &rows,
					     NULL);
	if (rc == 0)
		rc = aic_store_verify(s, NULL);
	aic_messages_done(&path);
	aic_event_list_done(&events);
	aic_conversation_rows_done(&rows);
	aic_store_unref(s);
	return rc;
}

static int end_and_delete(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;
	struct aic_reply_row row = { .id = t->reply, .state = AICHAT_REPLY_STOPPED };
	int rc = aic_store_set_reply(s, t->owner, &row, reterr);

	return rc < 0 ? rc
		      : aic_store_delete_conversation(s, t->owner, &t->conversation,
						      reterr);
}

/* As walk_failures(), but what a run has stored is deleted before the next one. */
START_TEST(memory_may_run_out_anywhere)
{
	walked = new_turn("alice");
	for (int persistent = 0; persistent < 2; persistent++) {
		bool reached = true;
		for (uint64_t n = 1; reached; n += stride()) {
			aic_mem_fail_at(n, persistent);
			int rc = whole_turn();
			reached = aic_mem_count() >= n;
			aic_mem_fail_at(0, false);
			ck_assert_msg(rc == 0 || rc == AICHAT_ENOMEM,
				      "allocation %d: result %d", (int)n, rc);
			ck_assert(reached || rc == 0);
			rc = try_task(store, false, end_and_delete, &walked, NULL);
			ck_assert(rc == 0 || rc == AICHAT_ENOTFOUND);
		}
	}
	turn_done(&walked);
}
END_TEST
#endif

void add_job_tests(TCase *tests)
{
	tcase_add_test(tests, a_job_is_all_or_nothing);
	tcase_add_test(tests, a_failure_does_not_take_others_along);
	tcase_add_test(tests, closing_commits_what_is_queued);
	tcase_add_loop_test(tests, many_threads_write_and_read, 0, 2);
	tcase_add_test(tests, followers_look_until_they_have_seen);
	tcase_add_test(tests, a_store_is_opened_by_url);
	tcase_add_test(tests, lists_may_have_holes);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_may_run_out_anywhere);
#endif
}
