/*
 * Several processes on one file: proofs of life, the write lock, the race to make it,
 * and death at any instant.
 *
 * A process that has a store open may not use it in a child, so the children here are
 * made first, and told what to do through pipes.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

#include "base/fault.h"
#include "model_support.h"
#include "seeds.h"
#include "store_support.h"

/* ---- children --------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int to, from;     /* the parent's ends */
	struct turn turn; /* made before the fork: both know its ids */
};

/* The child's ends, in the child. */
static int child_in, child_out;

static void say(char c)
{
	if (write(child_out, &c, 1) != 1)
		_exit(3);
}

static void hear(void)
{
	char c;

	if (read(child_in, &c, 1) != 1)
		_exit(4); /* the parent is gone */
}

/* The turns of all children of a test: they are looked at after the child's end. */
static struct turn started[64];
static size_t started_count;

/* Runs act(turn) in a child, which leaves by _exit(). */
static struct child start(void (*act)(struct turn *turn))
{
	struct child child = { .turn = new_turn("alice") };
	int in[2], out[2];

	ck_assert_uint_lt(started_count, AIC_ARRAY_LEN(started));
	started[started_count++] = child.turn;
	ck_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	fflush(NULL);
	child.pid = fork();
	ck_assert_int_ge(child.pid, 0);
	if (child.pid == 0) {
		close(in[1]);
		close(out[0]);
		child_in = in[0];
		child_out = out[1];
		alarm(50);
		act(&child.turn);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	child.to = in[1];
	child.from = out[0];
	return child;
}

static void tell(const struct child *child)
{
	ck_assert_int_eq(write(child->to, "x", 1), 1);
}

static void wait_for(const struct child *child)
{
	char c;

	ck_assert_msg(read(child->from, &c, 1) == 1, "a child ended early");
}

static void end(struct child *child, bool by_force)
{
	int status = 0;

	if (by_force)
		kill(child->pid, SIGKILL);
	ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
	if (!by_force)
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "a child ended with %d", status);
	close(child->to);
	close(child->from);
}

/* In a child: what must not fail. */
static void need(int rc, const aichat_error *error, int line)
{
	if (rc == 0)
		return;
	fprintf(stderr, "child, line %d: %d %s\n", line, rc, aichat_error_message(error));
	_exit(5);
}

#define NEED(call)                                                                       \
	do {                                                                             \
		aichat_error *need_error_ = NULL;                                        \
		aichat_error **err = &need_error_;                                       \
		int need_rc_ = (call);                                                   \
		need(need_rc_, need_error_, __LINE__);                                   \
	} while (0)

static char store_path[128];

static void set_up(void)
{
	make_test_folder();
	snprintf(store_path, sizeof(store_path), "%s/store", test_folder);
}

static void tear_down(void)
{
	while (started_count)
		turn_done(&started[--started_count]);
	remove_test_folder();
}

static struct aic_store *child_open(void)
{
	struct aic_store *store = NULL;

	NEED(try_open(store_path, &store, err));
	return store;
}

static void verify_and_close(struct aic_store *store)
{
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
}

static enum aichat_reply_state state_of(struct aic_store *store, const struct turn *t,
					bool *ret_alive)
{
	struct aic_reply_row row = { 0 };

	ck_assert_ok(aic_store_reply(store, "alice", &t->reply, &row, err));
	enum aichat_reply_state state = row.state;
	if (ret_alive)
		*ret_alive = row.alive;
	aic_reply_row_done(&row);
	return state;
}

/* ---- proofs of life --------------------------------------------------------------- */

/* Begins a reply, writes three words, and waits to be told to end it. */
static void run_reply(struct turn *t)
{
	struct aic_store *store = child_open();

	NEED(try_task(store, true, turn_begin, t, err));
	for (int i = 0; i < 3; i++)
		NEED(try_task(store, false, turn_text, t, err));
	say('r');
	hear();
	NEED(try_task(store, true, turn_end, t, err));
	aic_store_unref(store);
}

static void check_folded(struct aic_store *store, const struct turn *t)
{
	struct aichat_message *message = NULL;
	struct aic_reply_row row = { 0 };
	struct aic_event_list events = { 0 };

	/* A viewer that has seen everything learns the end, and only that. */
	ck_assert_ok(aic_store_events(store, "alice", &t->reply, 4, &events, err));
	ck_assert_uint_eq(events.count, 1);
	const struct aichat_event *last = events.items[0];
	ck_assert_int_eq(last->type, AICHAT_EVENT_ERROR);
	ck_assert_int_eq(last->state, AICHAT_REPLY_INTERRUPTED);
	ck_assert_int_eq(aichat_error_code(last->error), AICHAT_EINTERRUPTED);
	ck_assert_uint_eq(last->seq, 5);
	ck_assert_ok(aic_store_message(store, "alice", &t->answer->id, &message, err));
	ck_assert_int_eq(message->state, AICHAT_MESSAGE_INTERRUPTED);
	ck_assert_uint_eq(message->part_count, 1);
	ck_assert_str_eq(message->parts[0].text.data, "word word word ");
	ck_assert(same_message(last->message, message));
	ck_assert_ok(aic_store_reply(store, "alice", &t->reply, &row, err));
	ck_assert_int_eq(row.state, AICHAT_REPLY_INTERRUPTED);
	ck_assert_uint_eq(row.last_seq, 5);
	ck_assert_int_gt(row.ended_unix_ms, 0);
	ck_assert_ptr_nonnull(strstr(row.error, "INTERRUPTED"));
	ck_assert_ptr_null(strstr(row.error, "\"parts\""));
	aic_reply_row_done(&row);
	aic_event_list_done(&events);
	aichat_message_unref(message);
}

/* Reading is enough; which read it is does not matter. */
START_TEST(a_dead_owners_reply_is_folded_at_once)
{
	struct child dead = start(run_reply), alive = start(run_reply);
	struct aic_messages list = { 0 };
	bool lives = false;

	wait_for(&dead);
	wait_for(&alive);
	struct aic_store *store = must_open(store_path);
	ck_assert_int_eq(state_of(store, &dead.turn, &lives), AICHAT_REPLY_RUNNING);
	ck_assert(lives);
	ck_assert_int_eq(state_of(store, &alive.turn, &lives), AICHAT_REPLY_RUNNING);
	ck_assert(lives);
	end(&dead, true);
	if (_i == 0) {
		ck_assert_int_eq(state_of(store, &dead.turn, NULL),
				 AICHAT_REPLY_INTERRUPTED);
	} else if (_i == 1) {
		ck_assert_ok(aic_store_path(store, "alice", &dead.turn.answer->id, 0,
					    &list, err));
		ck_assert_uint_eq(list.count, 2);
		ck_assert_int_eq(list.items[1]->state, AICHAT_MESSAGE_INTERRUPTED);
		aic_messages_done(&list);
	} else if (_i == 2) {
		/* Another process, that was not there. */
		aic_store_unref(store);
		store = must_open(store_path);
	} else if (_i == 3) {
		ck_assert_ok(aic_store_start_writer(store, err));
	} else {
		/* A dead reply is in nobody's way. */
		must_task(store, delete_conversation, &dead.turn);
	}
	if (_i < 4)
		check_folded(store, &dead.turn);
	ck_assert_int_eq(state_of(store, &alive.turn, &lives), AICHAT_REPLY_RUNNING);
	ck_assert(lives);
	verify_and_close(store);
	tell(&alive);
	end(&alive, false);
	store = must_open(store_path);
	ck_assert_int_eq(state_of(store, &alive.turn, NULL), AICHAT_REPLY_COMPLETE);
	verify_and_close(store);
}
END_TEST

#ifdef AIC_TEST_HOOKS
/* A full disk, say: what the dead one wrote can be read all the same. */
START_TEST(what_cannot_be_folded_is_shown_as_if)
{
	struct child dead = start(run_reply);
	struct aichat_message *message = NULL;
	struct aic_messages list = { 0 };

	wait_for(&dead);
	end(&dead, true);
	aic_fault_set("store.before_begin:fail");
	struct aic_store *store = must_open(store_path);
	ck_assert_ok(
		aic_store_message(store, "alice", &dead.turn.answer->id, &message, err));
	ck_assert_int_eq(message->state, AICHAT_MESSAGE_INTERRUPTED);
	ck_assert_uint_eq(message->part_count, 1);
	ck_assert_str_eq(message->parts[0].text.data, "word word word ");
	ck_assert_ok(
		aic_store_path(store, "alice", &dead.turn.answer->id, 0, &list, err));
	ck_assert_uint_eq(list.count, 2);
	ck_assert(same_message(list.items[1], message));

	/* The reply is over, too, and who follows its log learns it. */
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aic_event_list_done) struct aic_event_list log = { 0 };
	AIC_CLEANUP(aic_event_list_done) struct aic_event_list end_of_it = { 0 };
	ck_assert_ok(aic_store_reply(store, "alice", &dead.turn.reply, &row, err));
	ck_assert_int_eq(row.state, AICHAT_REPLY_INTERRUPTED);
	ck_assert_ok(aic_store_events(store, "alice", &dead.turn.reply, 0, &log, err));
	ck_assert_uint_eq(log.items[log.count - 1]->seq + 1, row.last_seq);
	ck_assert_ok(aic_store_events(store, "alice", &dead.turn.reply, row.last_seq - 1,
				      &end_of_it, err));
	ck_assert_uint_eq(end_of_it.count, 1);
	ck_assert_int_eq(end_of_it.items[0]->type, AICHAT_EVENT_ERROR);
	ck_assert_int_eq(end_of_it.items[0]->state, AICHAT_REPLY_INTERRUPTED);
	ck_assert_uint_eq(end_of_it.items[0]->seq, row.last_seq);
	ck_assert(same_message(end_of_it.items[0]->message, message));
	ck_assert_ok(aic_store_events(store, "alice", &dead.turn.reply, row.last_seq,
				      &log, err));
	ck_assert_uint_eq(log.count, 0);
	aic_fault_set("");
	check_folded(store, &dead.turn);
	aichat_message_unref(message);
	aic_messages_done(&list);
	verify_and_close(store);
}
END_TEST

static int read_head(struct aic_store *store, void *data, aichat_error **reterr)
{
	const struct turn *t = data;
	struct aic_conversation_row row = { 0 };
	int rc = aic_store_conversation(store, "alice", &t->conversation, &row, reterr);

	if (rc == 0)
		rc = aic_store_set_head(store, "alice", &t->conversation, &row.head,
					row.updated_unix_ms, reterr);
	aic_conversation_row_done(&row);
	return rc;
}

/* What cannot be folded is in no job's way, and nothing of it stays half done. */
START_TEST(what_cannot_be_folded_fails_no_job)
{
	struct child dead = start(run_reply);

	wait_for(&dead);
	end(&dead, true);
	aic_fault_set("store.folded:fail");
	struct aic_store *store = must_open(store_path);
	must_task(store, read_head, &dead.turn);
	aic_fault_set("store.fold:fail");
	must_task(store, read_head, &dead.turn);
	aic_fault_set("");
	check_folded(store, &dead.turn);
	verify_and_close(store);
}
END_TEST
#endif

static int turn_begin_and_fail(struct aic_store *store, void *data, aichat_error **reterr)
{
	int rc = turn_begin(store, data, reterr);

	return rc < 0 ? rc : AICHAT_EINVAL;
}

/* Is there before the other one dies; takes its proof of life, and gives it back. */
static void fail_to_begin(struct turn *t)
{
	struct aic_store *store = child_open();

	say('o');
	hear();
	if (try_task(store, true, turn_begin_and_fail, t, NULL) != AICHAT_EINVAL)
		_exit(6);
	say('f');
	hear();
	NEED(try_task(store, true, turn_begin, t, err));
	NEED(try_task(store, true, turn_end, t, err));
	aic_store_unref(store);
}

START_TEST(a_proof_of_life_that_is_given_back_proves_nothing)
{
	struct child late = start(fail_to_begin);
	wait_for(&late);
	struct child dead = start(run_reply);
	wait_for(&dead);
	end(&dead, true);
	tell(&late);
	wait_for(&late);
	struct aic_store *store = must_open(store_path);
	check_folded(store, &dead.turn);
	verify_and_close(store);
	tell(&late);
	end(&late, false);
}
END_TEST

/* Takes the dead one's byte, whose replies end first. */
static void begin_late(struct turn *t)
{
	struct aic_store *store = child_open();

	say('o');
	hear();
	NEED(try_task(store, true, turn_begin, t, err));
	say('b');
	hear();
	NEED(try_task(store, true, turn_end, t, err));
	aic_store_unref(store);
}

START_TEST(who_inherits_a_byte_does_not_inherit_replies)
{
	struct child late = start(begin_late);
	wait_for(&late);
	struct child dead = start(run_reply);
	wait_for(&dead);
	end(&dead, true);
	tell(&late);
	wait_for(&late);
	bool lives = false;
	struct aic_store *store = must_open(store_path);
	check_folded(store, &dead.turn);
	ck_assert_int_eq(state_of(store, &late.turn, &lives), AICHAT_REPLY_RUNNING);
	ck_assert(lives);
	tell(&late);
	end(&late, false);
	verify_and_close(store);
}
END_TEST

/* The wish of another process is seen by the one that runs the reply. */
static void run_until_cancelled(struct turn *t)
{
	struct aic_store *store = child_open();
	struct aic_id id;
	size_t count = 0;

	NEED(try_task(store, true, turn_begin, t, err));
	say('r');
	while (!count) {
		struct timespec time = { .tv_nsec = 5000000 };
		if (aic_store_cancelled(store, &id, 1, &count) < 0)
			_exit(7);
		nanosleep(&time, NULL);
	}
	if (!aic_id_equal(&id, &t->reply))
		_exit(7);
	NEED(try_task(store, true, turn_end, t, err));
	aic_store_unref(store);
}

static int cancel(struct aic_store *store, void *data, aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_cancel_reply(store, t->owner, &t->reply, reterr);
}

START_TEST(a_wish_to_stop_crosses_processes)
{
	struct child child = start(run_until_cancelled), other = start(run_reply);

	wait_for(&child);
	wait_for(&other);
	struct aic_store *store = must_open(store_path);
	must_task(store, cancel, &child.turn);
	end(&child, false);
	ck_assert_int_eq(state_of(store, &child.turn, NULL), AICHAT_REPLY_COMPLETE);
	tell(&other);
	end(&other, false);
	verify_and_close(store);
}
END_TEST

/* ---- fork ------------------------------------------------------------------------- */

START_TEST(a_copy_of_a_process_leaves_the_store_alone)
{
	struct aic_store *store = must_open(store_path);
	struct turn t = new_turn("alice");
	int status = 0;

	/* The writer runs, and rests: who forks amid malloc() has other troubles. */
	ck_assert_ok(aic_store_start_writer(store, err));
	must_task(store, turn_begin, &t);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct aic_store *copy = NULL;
		int rc = try_open(store_path, &copy, NULL);
		aic_store_unref(store);
		/* Another store is its own. */
		int other = try_open(test_path("other"), &copy, NULL);
		aic_store_unref(copy);
		_exit(rc == AICHAT_EFORK && other == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* Our locks are still ours. */
	bool lives = false;
	ck_assert_int_eq(state_of(store, &t, &lives), AICHAT_REPLY_RUNNING);
	ck_assert(lives);
	must_task(store, turn_end, &t);
	verify_and_close(store);
	turn_done(&t);
}
END_TEST

/* ---- the write lock --------------------------------------------------------------- */

static void hold_write_lock(struct turn *t AIC_UNUSED)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd = open(test_path("store-lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fcntl(fd, F_SETLK, &lock) < 0)
		_exit(8);
	say('l');
	hear();
}

/* A program that knows nothing of the lock file. */
static void hold_sqlite_lock(struct turn *t AIC_UNUSED)
{
	sqlite3 *handle = NULL;

	if (sqlite3_open(store_path, &handle) != SQLITE_OK ||
	    sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		_exit(9);
	say('l');
	hear();
	sqlite3_close(handle);
}

START_TEST(a_lock_is_waited_for_and_named)
{
	const struct aic_store_config config = { .url = store_path,
						 .busy_timeout_ms = 150 };
	struct aic_store *store = NULL;
	struct turn t = new_turn("alice");
	aichat_error *error = NULL;

	struct child maker = start(begin_late);
	wait_for(&maker);
	struct child holder = start(_i ? hold_sqlite_lock : hold_write_lock);
	wait_for(&holder);
	ck_assert_ok(aic_store_open(&config, &store, err));
	int64_t before = aic_clock_mono_ms();
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, &error),
			 AICHAT_ESTOREBUSY);
	ck_assert_int_ge(aic_clock_mono_ms() - before, 140);
	ck_assert_ptr_nonnull(
		strstr(aichat_error_message(error), "store_busy_timeout_ms"));
	aichat_error_unref(error);
	tell(&holder);
	end(&holder, false);
	must_task(store, turn_begin, &t);
	must_task(store, turn_end, &t);
	aic_store_unref(store);
	tell(&maker);
	wait_for(&maker);
	tell(&maker);
	end(&maker, false);
	turn_done(&t);
}
END_TEST

#define CROWD 16

/* Opens what is perhaps not there yet, with all the others. */
static void open_and_write(struct turn *t)
{
	say('r');
	hear();
	struct aic_store *store = child_open();
	NEED(try_task(store, true, turn_begin, t, err));
	for (uint64_t i = 0; i < seeds(20); i++)
		NEED(try_task(store, i % 4 == 0, turn_text, t, err));
	NEED(try_task(store, true, turn_end, t, err));
	aic_store_unref(store);
}

START_TEST(sixteen_processes_make_and_write_one_store)
{
	struct child crowd[CROWD];
	struct aic_conversation_rows rows = { 0 };

	for (int i = 0; i < CROWD; i++)
		crowd[i] = start(open_and_write);
	for (int i = 0; i < CROWD; i++)
		wait_for(&crowd[i]);
	for (int i = 0; i < CROWD; i++)
		tell(&crowd[i]);
	for (int i = 0; i < CROWD; i++)
		end(&crowd[i], false);
	struct aic_store *store = must_open(store_path);
	ck_assert_ok(aic_store_conversations(store, "alice", &current, 0, NULL, 100,
					     &rows, err));
	ck_assert_uint_eq(rows.count, CROWD);
	for (int i = 0; i < CROWD; i++)
		ck_assert_int_eq(state_of(store, &crowd[i].turn, NULL),
				 AICHAT_REPLY_COMPLETE);
	aic_conversation_rows_done(&rows);
	verify_and_close(store);
}
END_TEST

#define TEXTS 400

/* Readers beside a writer see whole transactions. */
static void write_much(struct turn *t)
{
	struct aic_store *store = child_open();

	NEED(try_task(store, true, turn_begin, t, err));
	say('r');
	for (uint64_t i = 0; i < seeds(TEXTS); i++)
		NEED(try_task(store, false, turn_text, t, err));
	NEED(try_task(store, true, turn_end, t, err));
	aic_store_unref(store);
}

START_TEST(another_process_is_followed)
{
	struct child child = start(write_much);
	uint64_t seq = 0;
	bool over = false;

	wait_for(&child);
	struct aic_store *store = must_open(store_path);
	for (int64_t until = aic_clock_mono_ms() + 30000;
	     !over && aic_clock_mono_ms() < until;) {
		struct aic_event_list events = { 0 };
		ck_assert_ok(aic_store_events(store, "alice", &child.turn.reply, seq,
					      &events, err));
		for (size_t i = 0; i < events.count; i++) {
			ck_assert_uint_eq(events.items[i]->seq, ++seq);
			over = events.items[i]->type == AICHAT_EVENT_DONE;
		}
		aic_event_list_done(&events);
	}
	ck_assert(over);
	ck_assert_uint_eq(seq, seeds(TEXTS) + 2);
	end(&child, false);
	verify_and_close(store);
}
END_TEST

/* ---- death ------------------------------------------------------------------------ */

#ifdef AIC_TEST_HOOKS
#define LIVES 60
#define TURNS_OF_A_LIFE 4

/* Shared with the child: which fault point kills it, and at which passage. */
static unsigned life;
static struct turn last_life[TURNS_OF_A_LIFE];

/* A turn after the other, each step said when it is stored, until it dies. */
static void live(struct turn *t AIC_UNUSED)
{
	static const char *const points[] = { "store.before_begin", "store.before_commit",
					      "store.after_commit" };
	char fault[64];

	snprintf(fault, sizeof(fault), "%s:kill@%u", points[life % 3], 1 + life / 3 % 18);
	aic_fault_set(fault);
	struct aic_store *store = child_open();
	if (life % 2)
		NEED(aic_store_start_writer(store, err));
	for (int i = 0; i < TURNS_OF_A_LIFE; i++) {
		struct turn *turn = &last_life[i];
		NEED(try_task(store, true, turn_begin, turn, err));
		say('b');
		for (int e = 0; e < 3; e++) {
			NEED(try_task(store, false, turn_text, turn, err));
			say('t');
		}
		NEED(try_task(store, true, turn_end, turn, err));
		say('e');
	}
	aic_store_unref(store);
}

/* Everything that was said to be stored is, and every reply has its one end. */
static void check_life(struct aic_store *store, int said)
{
	for (int i = 0; i < TURNS_OF_A_LIFE; i++, said -= 5) {
		struct turn *t = &last_life[i];
		struct aic_reply_row row = { 0 };
		struct aichat_message *message = NULL;
		int rc = aic_store_reply(store, "alice", &t->reply, &row, NULL);
		ck_assert(rc == 0 || (rc == AICHAT_ENOTFOUND && said <= 0));
		if (rc == 0) {
			ck_assert(row.state == AICHAT_REPLY_COMPLETE ||
				  row.state == AICHAT_REPLY_INTERRUPTED);
			ck_assert(said < 5 || row.state == AICHAT_REPLY_COMPLETE);
			ck_assert_ok(aic_store_message(store, "alice", &t->answer->id,
						       &message, err));
			size_t words = message->part_count
					       ? message->parts[0].text.len / 5
					       : 0;
			if (row.state == AICHAT_REPLY_INTERRUPTED)
				ck_assert_int_ge((int)words, AIC_MIN(said, 4) - 1);
		}
		aichat_message_unref(message);
		aic_reply_row_done(&row);
	}
}

START_TEST(death_at_any_instant_leaves_a_sound_store)
{
	unsigned killed = 0;

	for (life = 0; life < seeds(LIVES); life++) {
		int said = 0, status = 0;
		char c;
		for (int i = 0; i < TURNS_OF_A_LIFE; i++)
			last_life[i] = new_turn("alice");
		struct child child = start(live);
		while (read(child.from, &c, 1) == 1)
			said++;
		ck_assert_int_eq(waitpid(child.pid, &status, 0), child.pid);
		ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
						  : status == 0,
			      "life %u ended with %d", life, status);
		killed += WIFSIGNALED(status);
		close(child.to);
		close(child.from);
		struct aic_store *store = must_open(store_path);
		check_life(store, said);
		verify_and_close(store);
		for (int i = 0; i < TURNS_OF_A_LIFE; i++)
			turn_done(&last_life[i]);
		turn_done(&started[--started_count]);
	}
	ck_assert_uint_gt(killed, seeds(LIVES) * 3 / 4);
}
END_TEST
#endif

/* Killed from outside, wherever it is just then. */
static void live_on(struct turn *t AIC_UNUSED)
{
	struct aic_store *store = child_open();

	NEED(aic_store_start_writer(store, err));
	say('o');
	for (;;) {
		struct turn turn = new_turn("alice");
		NEED(try_task(store, true, turn_begin, &turn, err));
		NEED(try_task(store, false, turn_text, &turn, err));
		NEED(try_task(store, true, turn_end, &turn, err));
		turn_done(&turn);
	}
}

START_TEST(death_from_outside_leaves_a_sound_store)
{
	struct dice d = dice(11);

	for (uint64_t i = 0; i < seeds(20); i++) {
		struct child children[2] = { start(live_on), start(live_on) };
		struct timespec time = { .tv_nsec = 1000 * (long)(1 + roll(&d, 15000)) };
		wait_for(&children[0]);
		wait_for(&children[1]);
		nanosleep(&time, NULL);
		end(&children[0], true);
		end(&children[1], true);
		verify_and_close(must_open(store_path));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("processes");
	TCase *tests = tcase_create("processes");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_dead_owners_reply_is_folded_at_once, 0, 5);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, what_cannot_be_folded_is_shown_as_if);
	tcase_add_test(tests, what_cannot_be_folded_fails_no_job);
#endif
	tcase_add_test(tests, a_proof_of_life_that_is_given_back_proves_nothing);
	tcase_add_test(tests, who_inherits_a_byte_does_not_inherit_replies);
	tcase_add_test(tests, a_wish_to_stop_crosses_processes);
	tcase_add_test(tests, a_copy_of_a_process_leaves_the_store_alone);
	tcase_add_loop_test(tests, a_lock_is_waited_for_and_named, 0, 2);
	tcase_add_loop_test(tests, sixteen_processes_make_and_write_one_store, 0, 3);
	tcase_add_test(tests, another_process_is_followed);
	tcase_add_test(tests, death_from_outside_leaves_a_sound_store);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, death_at_any_instant_leaves_a_sound_store);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
