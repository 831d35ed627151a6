/*
 * A disk that loses a write or a sync, and one that fills up: what a store does from
 * then on, and when it is opened next.
 */

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/file.h"
#include "file_support.h"
#include "model_support.h"
#include "store_support.h"

static void set_up(void)
{
	make_test_folder();
}

static void tear_down(void)
{
#ifdef AIC_TEST_HOOKS
	aic_file_fail_at(0, false, 0);
	aic_fault_set(NULL);
#endif
	umount2(test_path("small"), MNT_DETACH);
	remove_test_folder();
}

static off_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : -1;
}

/* A task that ends something: also while space is short, and perhaps twice. */
struct end {
	struct aic_job job; /* first */
	int (*act)(struct aic_store *store, void *data, aichat_error **reterr);
	struct turn *turn;
	uint64_t seq; /* as it was */
	struct aichat_message *answer;
	int runs;
};

static int run_end(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct end *end = (struct end *)job;

	end->runs++;
	end->turn->seq = end->seq;
	aichat_message_unref(end->turn->answer);
	end->turn->answer = aichat_message_ref(end->answer);
	return end->act(store, end->turn, reterr);
}

static struct end new_end(int (*act)(struct aic_store *, void *, aichat_error **),
			  struct turn *turn)
{
	return (struct end){ { .run = run_end, .durable = true, .ends = true },
			     act,
			     turn,
			     turn->seq,
			     aichat_message_ref(turn->answer),
			     0 };
}

static int try_end(struct aic_store *store,
		   int (*act)(struct aic_store *, void *, aichat_error **),
		   struct turn *turn, aichat_error **reterr)
{
	struct end end = new_end(act, turn);
	int rc = aic_store_run(store, &end.job, reterr);

	aichat_message_unref(end.answer);
	return rc;
}

static struct aic_store *open_with_ballast(const char *path, int64_t bytes)
{
	const struct aic_store_config config = {
		.url = path,
		.busy_timeout_ms = 5000,
		.ballast_bytes = bytes,
	};
	struct aic_store *store = NULL;

	ck_assert_ok(aic_store_open(&config, &store, err));
	return store;
}

#ifdef AIC_TEST_HOOKS
/* ---- lost ------------------------------------------------------------------------- */

#define STEPS 7

/* A life with everything that writes or syncs: new tables, logs, ends, checkpoints. */
struct life {
	struct turn first, second;
	int acknowledged; /* steps that were told to be stored */
};

static const struct step {
	int (*act)(struct aic_store *, void *, aichat_error **);
	bool durable, second;
} life_steps[STEPS] = {
	{ turn_begin, true, false }, { turn_text, false, false },
	{ turn_end, true, false },   { delete_conversation, true, false },
	{ turn_begin, true, true },  { turn_text, false, true },
	{ turn_end, true, true },
};

static int live(struct aic_store *store, struct life *life, aichat_error **reterr)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < STEPS; i++) {
		const struct step *step = &life_steps[i];
		rc = try_task(store, step->durable, step->act,
			      step->second ? &life->second : &life->first, reterr);
		life->acknowledged += rc == 0;
	}
	return rc;
}

/* Nothing is written any more, and every try says why; what is there can be read. */
static void check_failed(struct aic_store *store, const struct life *life)
{
	struct aic_conversation_rows rows = { 0 };
	struct turn t = new_turn("alice");
	aichat_error *error = NULL;

	aic_file_fail_kind_at(AIC_FILE_WRITE | AIC_FILE_SYNC, 0, false, 0);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), AICHAT_ESTOREREADONLY);
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, &error),
			 AICHAT_ESTOREREADONLY);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "the disk failed"));
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "aichat verify"));
	aichat_error_unref(error);
	ck_assert_int_eq(try_end(store, turn_begin, &t, NULL), AICHAT_ESTOREREADONLY);
	ck_assert_ok(aic_store_conversations(store, "alice", &current, INT64_MAX, NULL,
					     10, &rows, err));
	if (life->acknowledged > 4)
		ck_assert_uint_eq(rows.count, 1);
	aic_conversation_rows_done(&rows);
	aic_store_unref(store);
	ck_assert_msg(aic_file_count() == 0, "%d writes and syncs after the failure",
		      (int)aic_file_count());
	turn_done(&t);
}

/* What was acknowledged is there. What was not is whole or not there: nobody was told. */
static void check_later(struct life *life)
{
	struct aic_store *store = must_open(test_path("store"));
	struct aic_reply_row row = { 0 };
	struct turn t = new_turn("alice");

	ck_assert_ok(aic_store_verify(store, err));
	int rc = aic_store_reply(store, "alice", &life->second.reply, &row, NULL);
	if (life->acknowledged >= 5)
		ck_assert_int_eq(rc, 0);
	if (life->acknowledged == STEPS)
		ck_assert_int_eq(row.state, AICHAT_REPLY_COMPLETE);
	if (life->acknowledged >= 4)
		ck_assert_int_eq(aic_store_reply(store, "alice", &life->first.reply,
						 &(struct aic_reply_row){ 0 }, NULL),
				 AICHAT_ENOTFOUND);
	aic_reply_row_done(&row);
	must_task(store, turn_begin, &t);
	ck_assert_int_eq(size_of(test_path("store-lock")), 0);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), 0);
	aic_store_unref(store);
	turn_done(&t);
}

static void remove_store(void)
{
	unlink(test_path("store"));
	unlink(test_path("store-wal"));
	unlink(test_path("store-shm"));
	unlink(test_path("store-lock"));
}

/* Every write, then every sync, fails once. */
START_TEST(what_the_disk_lost_ends_writing)
{
	unsigned kind = _i ? AIC_FILE_SYNC : AIC_FILE_WRITE;
	bool reached = true;
	int failures = 0;

	for (uint64_t n = 1; reached; n++) {
		struct life life = { new_turn("alice"), new_turn("alice"), 0 };
		struct aic_store *store = NULL;
		aichat_error *error = NULL;
		aic_file_fail_kind_at(kind, n, false, EIO);
		int rc = try_open(test_path("store"), &store, &error);
		if (rc == 0)
			rc = live(store, &life, &error);
		reached = aic_file_count() >= n;
		aic_file_fail_at(0, false, 0);
		bool failed = store && aic_store_check_writable(store, NULL) < 0;
		/* A checkpoint that fails costs nothing that was acknowledged. */
		ck_assert(reached ? rc < 0 || failed : rc == 0);
		if (rc < 0) {
			ck_assert_msg(rc == AICHAT_ESTORE || rc == AICHAT_ESTOREREADONLY,
				      "operation %d: %d", (int)n, rc);
			ck_assert_ptr_nonnull(
				strstr(aichat_error_message(error), "the disk failed"));
		}
		failures += reached;
		if (store && reached)
			check_failed(store, &life);
		else
			aic_store_unref(store);
		ck_assert(!reached || size_of(test_path("store-lock")) > 0);
		check_later(&life);
		aichat_error_unref(error);
		turn_done(&life.first);
		turn_done(&life.second);
		remove_store();
	}
	ck_assert_int_gt(failures, 5);
}
END_TEST

/* More than SQLite keeps in memory: it is written before the commit. */
static int much_text(struct aic_store *store, void *data, aichat_error **reterr)
{
	static char text[1 << 18];
	int rc = 0;

	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; rc == 0 && i < 16; i++)
		rc = turn_log(store, data, text, reterr);
	return rc;
}

/* A page that is lost in the middle of a batch takes all of the batch along. */
START_TEST(a_batch_that_lost_a_page_is_not_committed)
{
	struct turn turns[] = { new_turn("alice"), new_turn("alice"), new_turn("alice") };
	struct task jobs[] = {
		{ { .run = run_task, .durable = true }, turn_begin, &turns[1] },
		{ { .run = run_task, .durable = true }, much_text, &turns[0] },
		{ { .run = run_task, .durable = true }, turn_begin, &turns[2] },
	};
	struct aic_store *store = must_open(test_path("store"));
	struct aic_conversation_rows rows = { 0 };

	must_task(store, turn_begin, &turns[0]);
	for (size_t i = 0; i < AIC_ARRAY_LEN(jobs); i++)
		aic_store_submit(store, &jobs[i].job);
	aic_file_fail_kind_at(AIC_FILE_WRITE, 1, false, EIO);
	ck_assert_ok(aic_store_start_writer(store, err));
	/* Behind them, or in the same batch. */
	ck_assert_int_lt(try_task(store, true, set_head_to_question, &turns[0], NULL), 0);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), AICHAT_ESTOREREADONLY);
	/* The page, and the note of it. */
	ck_assert_uint_eq(aic_file_count(), 2);
	aic_file_fail_at(0, false, 0);
	aic_store_unref(store);
	store = must_open(test_path("store"));
	ck_assert_ok(aic_store_verify(store, err));
	ck_assert_ok(aic_store_conversations(store, "alice", &current, INT64_MAX, NULL,
					     10, &rows, err));
	ck_assert_uint_eq(rows.count, 1);
	aic_conversation_rows_done(&rows);
	aic_store_unref(store);
	for (size_t i = 0; i < AIC_ARRAY_LEN(turns); i++)
		turn_done(&turns[i]);
}
END_TEST

/* A sync that fails for want of space has lost what it was to save all the same. */
START_TEST(a_sync_without_space_is_lost_too)
{
	struct turn t = new_turn("alice");
	struct aic_store *store = open_with_ballast(test_path("store"), 1 << 20);

	aic_file_fail_kind_at(AIC_FILE_SYNC, 1, false, ENOSPC);
	ck_assert_int_eq(try_end(store, turn_begin, &t, NULL), AICHAT_ESTORE);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), AICHAT_ESTOREREADONLY);
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST

/* ---- opened next ------------------------------------------------------------------ */

/* A store of some size, whose disk has failed since. */
static void build_failed(struct turn *kept)
{
	struct aic_store *store = must_open(test_path("store"));
	struct turn t = new_turn("alice");

	for (int i = 0; i < 40; i++) {
		struct turn filler = new_turn("bob");
		must_task(store, turn_begin, &filler);
		must_task(store, turn_end, &filler);
		turn_done(&filler);
	}
	must_task(store, turn_begin, kept);
	must_task(store, turn_end, kept);
	aic_store_unref(store);
	run_sql(test_path("store"), "PRAGMA wal_checkpoint(TRUNCATE)");
	store = must_open(test_path("store"));
	aic_file_fail_kind_at(AIC_FILE_SYNC, 1, false, EIO);
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, NULL), AICHAT_ESTORE);
	aic_file_fail_at(0, false, 0);
	aic_store_unref(store);
	unlink(test_path("store-wal"));
	turn_done(&t);
}

/* An index that lacks what its table has: nothing that a new write would meet. */
static void damage_index(void)
{
	run_sql(test_path("store"),
		"PRAGMA writable_schema = ON;"
		"CREATE TABLE spare(x); CREATE INDEX spare_x ON spare(x);"
		"INSERT INTO spare VALUES(1), (2);"
		"UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema"
		" WHERE name = 'part') WHERE name = 'spare_x'");
	run_sql(test_path("store"), "PRAGMA wal_checkpoint(TRUNCATE)");
}

START_TEST(damage_is_found_before_the_first_write)
{
	struct turn kept = new_turn("alice"), t = new_turn("alice");
	struct aichat_message *message = NULL;
	aichat_error *error = NULL;

	build_failed(&kept);
	ck_assert_int_gt(size_of(test_path("store-lock")), 0);
	damage_index();
	struct aic_store *store = must_open(test_path("store"));
	/* Who reads is not kept waiting. */
	ck_assert_ok(aic_store_message(store, "alice", &kept.answer->id, &message, err));
	aichat_message_unref(message);
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, &error),
			 AICHAT_ESTORECORRUPT);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "damaged"));
	aichat_error_unref(error);
	aic_store_unref(store);
	ck_assert_int_gt(size_of(test_path("store-lock")), 0);
	/* Without the note nobody would have looked. */
	ck_assert_int_eq(truncate(test_path("store-lock"), 0), 0);
	store = must_open(test_path("store"));
	ck_assert_ok(try_task(store, true, turn_begin, &t, err));
	aic_store_unref(store);
	turn_done(&kept);
	turn_done(&t);
}
END_TEST

/* What was erased waits to go from the log: that can wait for the check, too. */
START_TEST(who_only_reads_makes_no_checkpoint)
{
	struct turn kept = new_turn("alice");
	struct aichat_message *message = NULL;

	build_failed(&kept);
	run_sql(test_path("store"), "INSERT INTO purge(erased_at) VALUES(1)");
	aic_file_fail_kind_at(AIC_FILE_WRITE | AIC_FILE_SYNC, 0, false, 0);
	struct aic_store *store = must_open(test_path("store"));
	ck_assert_ok(aic_store_message(store, "alice", &kept.answer->id, &message, err));
	aic_store_unref(store);
	ck_assert_uint_eq(aic_file_count(), 0);
	aichat_message_unref(message);
	turn_done(&kept);
}
END_TEST

static void leave_note_as_other(void)
{
	int status;
	pid_t child = fork(); /* closing the file here would drop our locks */

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		FILE *note = fopen(test_path("store-lock"), "w");
		_exit(note && fputs("x", note) >= 0 && fclose(note) == 0 ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

/* Another process met the failure: who has the store open does not write it, either. */
START_TEST(everybody_starts_again)
{
	struct turn t = new_turn("alice");
	struct aic_store *store = must_open(test_path("store"));
	aichat_error *error = NULL;

	must_task(store, turn_begin, &t);
	leave_note_as_other();
	ck_assert_int_eq(try_task(store, true, turn_text, &t, &error),
			 AICHAT_ESTOREREADONLY);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "another process"));
	aichat_error_unref(error);
	aic_store_unref(store);
	store = must_open(test_path("store"));
	ck_assert_int_eq(size_of(test_path("store-lock")), 0); /* folding wrote */
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST

/* Who closes the store after that trusts the log as little. */
START_TEST(no_last_checkpoint_after_anothers_failure)
{
	for (int noted = 0; noted < 2; noted++) {
		struct turn t = new_turn("alice");
		struct aic_store *store = must_open(test_path("store"));
		must_task(store, turn_begin, &t);
		must_task(store, much_text, &t); /* a log that is cut off at the end */
		must_task(store, turn_end, &t);
		if (noted)
			leave_note_as_other();
		aic_file_fail_kind_at(AIC_FILE_WRITE | AIC_FILE_SYNC, 0, false, 0);
		aic_store_unref(store);
		ck_assert((aic_file_count() == 0) == noted);
		ck_assert((size_of(test_path("store-wal")) > 0) == noted);
		turn_done(&t);
	}
}
END_TEST

/* ---- full ------------------------------------------------------------------------- */

#define BALLAST ((int64_t)1 << 20)

static void check_low(struct aic_store *store)
{
	struct turn t = new_turn("alice");
	aichat_error *error = NULL;

	ck_assert_int_eq(aic_store_check_writable(store, NULL), AICHAT_ESTOREFULL);
	ck_assert_int_eq(size_of(test_path("store-ballast")), -1);
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, &error),
			 AICHAT_ESTOREFULL);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "nothing new"));
	aichat_error_unref(error);
	turn_done(&t);
}

static void wait_for_room(struct aic_store *store)
{
	for (int i = 0; i < 1000 && aic_store_check_writable(store, NULL) < 0; i++)
		usleep(10000);
	ck_assert_ok(aic_store_check_writable(store, err));
}

static int end_and_delete(struct aic_store *store, void *data, aichat_error **reterr)
{
	int rc = turn_end(store, data, reterr);

	/* A page that is new for the log, in the middle of the transaction. */
	return rc < 0 ? rc : delete_conversation(store, data, reterr);
}

/*
 * A quota, which no look at the disk shows: some write of a transaction fails. What ends
 * something is done all the same, what is new is not.
 */
START_TEST(ends_are_written_on_the_ballast)
{
	bool reached = true;

	for (uint64_t n = 1; reached; n++) {
		struct turn t = new_turn("alice"), later = new_turn("alice");
		struct aic_store *store = open_with_ballast(test_path("store"), BALLAST);
		ck_assert_int_eq(size_of(test_path("store-ballast")), BALLAST);
		must_task(store, turn_begin, &t);
		aic_fault_set("store.ballast:fail");
		aic_file_fail_kind_at(AIC_FILE_WRITE, n, false, ENOSPC);
		ck_assert_ok(try_end(store, _i ? end_and_delete : turn_text, &t, err));
		reached = aic_file_count() >= n;
		aic_file_fail_at(0, false, 0);
		/* A checkpoint that has no room is only put off. */
		bool low = aic_store_check_writable(store, NULL) < 0;
		ck_assert(low == reached || (_i && reached && n > 1));
		if (low) {
			check_low(store);
			ck_assert_ok(try_end(store, _i ? turn_begin : turn_end,
					     _i ? &later : &t, err));
			aic_fault_set("");
			wait_for_room(store);
			ck_assert_int_eq(size_of(test_path("store-ballast")), BALLAST);
			must_task(store, _i ? turn_text : turn_begin, &later);
		}
		ck_assert_ok(aic_store_verify(store, err));
		aic_store_unref(store);
		turn_done(&t);
		turn_done(&later);
		if (n == 4) /* each waits for a second */
			n += 8;
	}
}
END_TEST

/* In one batch: what is new fails, what ends is tried again, each for itself. */
START_TEST(a_batch_is_parted)
{
	struct turn old = new_turn("alice"), fresh = new_turn("alice");
	struct aic_store *store = open_with_ballast(test_path("store"), BALLAST);
	struct aic_reply_row row = { 0 };

	must_task(store, turn_begin, &old);
	struct task begin = { { .run = run_task, .durable = true }, turn_begin, &fresh };
	struct end text = new_end(turn_text, &old);
	aic_fault_set("store.ballast:fail");
	aic_file_fail_kind_at(AIC_FILE_WRITE, 1, false, ENOSPC);
	aic_store_submit(store, &begin.job);
	aic_store_submit(store, &text.job);
	ck_assert_ok(aic_store_start_writer(store, err));
	/* Behind both. */
	ck_assert_ok(try_end(store, set_head_to_question, &old, err));
	aic_file_fail_at(0, false, 0);
	ck_assert_int_eq(text.runs, 2);
	aichat_message_unref(text.answer);
	ck_assert_int_eq(aic_store_reply(store, "alice", &fresh.reply, &row, NULL),
			 AICHAT_ENOTFOUND);
	ck_assert_ok(aic_store_reply(store, "alice", &old.reply, &row, err));
	ck_assert_uint_eq(row.last_seq, text.seq + 1);
	aic_reply_row_done(&row);
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
	turn_done(&old);
	turn_done(&fresh);
}
END_TEST

/* Without the option a full disk is an error of each write, and nothing else. */
START_TEST(no_ballast_unless_it_is_asked_for)
{
	struct turn t = new_turn("alice");
	struct aic_store *store = must_open(test_path("store"));

	ck_assert_int_eq(size_of(test_path("store-ballast")), -1);
	aic_file_fail_kind_at(AIC_FILE_WRITE, 1, false, ENOSPC);
	ck_assert_int_eq(try_end(store, turn_begin, &t, NULL), AICHAT_ESTOREFULL);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), 0);
	must_task(store, turn_begin, &t);
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST
#endif

/* ---- on a small disk -------------------------------------------------------------- */

static bool make_small_disk(const char *megabytes)
{
	char options[32];

	mkdir(test_path("small"), 0700);
	snprintf(options, sizeof(options), "size=%sm", megabytes);
	if (mount("tmpfs", test_path("small"), "tmpfs", 0, options) == 0)
		return true;
	fprintf(stderr, "skipped: a file system cannot be mounted: %s\n",
		strerror(errno));
	return false;
}

static void fill_up(const char *path, int64_t leave)
{
	struct statvfs disk;
	int fd = aic_file_open(path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(statvfs(test_path("small"), &disk), 0);
	off_t bytes = (off_t)(disk.f_bavail * disk.f_frsize) - leave;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(aic_file_allocate(fd, bytes), 0);
	aic_file_close(fd);
}

/* The ballast is given up before the disk is full, and made again when there is room. */
START_TEST(a_small_disk)
{
	struct turn t = new_turn("alice"), more = new_turn("alice");
	struct aichat_message *message = NULL;
	int pieces = 0;

	if (!make_small_disk("8"))
		return;
	const char *path = test_path("small/store");
	const char *ballast = test_path("small/store-ballast");
	struct aic_store *store = open_with_ballast(path, 2 << 20);
	struct stat status;
	ck_assert_int_eq(stat(ballast, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_int_eq(status.st_size, 2 << 20);
	ck_assert_int_ge(status.st_blocks * 512, 2 << 20);
	must_task(store, turn_begin, &t);
	fill_up(test_path("small/filler"), 100 << 10);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), AICHAT_ESTOREFULL);
	ck_assert_int_eq(size_of(ballast), -1);
	/* More than was left beside it. */
	while (pieces < 100) {
		ck_assert_ok(try_end(store, turn_text, &t, err));
		pieces++;
	}
	ck_assert_ok(try_end(store, turn_end, &t, err));
	ck_assert_int_eq(try_task(store, true, turn_begin, &more, NULL),
			 AICHAT_ESTOREFULL);
	/* What makes room is allowed. */
	ck_assert_ok(try_end(store, erase_answer, &t, err));
	ck_assert_ok(aic_store_message(store, "alice", &t.question->id, &message, err));
	aichat_message_unref(message);
	unlink(test_path("small/filler"));
	for (int i = 0; i < 1000 && aic_store_check_writable(store, NULL) < 0; i++)
		usleep(10000);
	must_task(store, turn_begin, &more);
	ck_assert_int_eq(size_of(ballast), 2 << 20);
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
	turn_done(&t);
	turn_done(&more);
}
END_TEST

/* Opened where there is no room for it: what is there can be read and deleted. */
START_TEST(a_disk_that_is_full_already)
{
	struct turn t = new_turn("alice"), more = new_turn("alice");

	if (!make_small_disk("8"))
		return;
	const char *path = test_path("small/store");
	struct aic_store *store = must_open(path);
	must_task(store, turn_begin, &t);
	must_task(store, turn_end, &t);
	aic_store_unref(store);
	fill_up(test_path("small/filler"), 1 << 20);
	store = open_with_ballast(path, 2 << 20);
	ck_assert_int_eq(aic_store_check_writable(store, NULL), AICHAT_ESTOREFULL);
	ck_assert_int_eq(size_of(test_path("small/store-ballast")), -1);
	ck_assert_int_eq(try_task(store, true, turn_begin, &more, NULL),
			 AICHAT_ESTOREFULL);
	ck_assert_ok(try_end(store, delete_conversation, &t, err));
	aic_store_unref(store);
	turn_done(&t);
	turn_done(&more);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk");
	TCase *tests = tcase_create("disk");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
#ifdef AIC_TEST_HOOKS
	tcase_add_loop_test(tests, what_the_disk_lost_ends_writing, 0, 2);
	tcase_add_test(tests, a_batch_that_lost_a_page_is_not_committed);
	tcase_add_test(tests, a_sync_without_space_is_lost_too);
	tcase_add_test(tests, damage_is_found_before_the_first_write);
	tcase_add_test(tests, who_only_reads_makes_no_checkpoint);
	tcase_add_test(tests, everybody_starts_again);
	tcase_add_test(tests, no_last_checkpoint_after_anothers_failure);
	tcase_add_loop_test(tests, ends_are_written_on_the_ballast, 0, 2);
	tcase_add_test(tests, a_batch_is_parted);
	tcase_add_test(tests, no_ballast_unless_it_is_asked_for);
#endif
	tcase_add_test(tests, a_small_disk);
	tcase_add_test(tests, a_disk_that_is_full_already);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
