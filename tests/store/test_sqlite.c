/*
 * The file of a SQLite store: who may read it, what is refused, and what becomes of it
 * when the disk fails, is full, or lies.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "base/file.h"
#include "file_support.h"
#include "model_support.h"
#include "seeds.h"
#include "store_support.h"

#ifdef AIC_TEST_HOOKS
void aic_sqlite_set_file_system(long magic);
#endif

static void set_up(void)
{
	make_test_folder();
}

static void tear_down(void)
{
	remove_test_folder();
}

/* Open must fail with this code and a line that has this text. */
static void check_refused(const char *path, int code, const char *text)
{
	struct aic_store *store = NULL;
	aichat_error *error = NULL;
	int rc = try_open(path, &store, &error);

	ck_assert_msg(rc == code, "%s: %d, not %d: %s", path, rc, code,
		      aichat_error_message(error));
	ck_assert_msg(strstr(aichat_error_message(error), text),
		      "\"%s\" is not in \"%s\"", text, aichat_error_message(error));
	aichat_error_unref(error);
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

/* ---- modes and places ------------------------------------------------------------- */

static mode_t mode_of(const char *path)
{
	struct stat status;

	ck_assert_msg(stat(path, &status) == 0, "%s: %s", path, strerror(errno));
	return status.st_mode & 07777;
}

START_TEST(nobody_else_may_read_it)
{
	static const mode_t masks[] = { 0, 022, 0277 };
	static const char *const files[] = { "", "-wal", "-shm", "-lock" };
	struct turn t = new_turn("alice");
	char path[128], name[192];

	umask(masks[_i]);
	snprintf(path, sizeof(path), "%s/made/for/it%s", test_folder, "/store");
	/* A mask that takes our own rights would keep us out of folders that we make. */
	if (masks[_i] & 0700)
		snprintf(path, sizeof(path), "%s/store", test_folder);
	struct aic_store *store = must_open(path);
	must_task(store, turn_begin, &t);
	for (size_t i = 0; i < AIC_ARRAY_LEN(files); i++) {
		snprintf(name, sizeof(name), "%s%s", path, files[i]);
		ck_assert_uint_eq(mode_of(name) & 077, 0);
		if (i < 3 || !(masks[_i] & 0700))
			ck_assert_uint_eq(mode_of(name), 0600);
	}
	if (!(masks[_i] & 0700)) {
		ck_assert_uint_eq(mode_of(test_path("made")), 0700);
		ck_assert_uint_eq(mode_of(test_path("made/for")), 0700);
	}
	aic_store_unref(store);
	umask(022);
	turn_done(&t);
}
END_TEST

/* Root may write anywhere, so these look with other eyes. */
static void as_nobody(void (*look)(void))
{
	fflush(NULL);
	ck_assert_int_eq(chmod(test_folder, 0755), 0);
	pid_t child = check_fork();
	if (child == 0) {
		if (geteuid() == 0)
			ck_assert(setgid(65534) == 0 && setuid(65534) == 0);
		look();
		exit(0);
	}
	check_waitpid_and_exit(child);
}

static void look_at_locked_places(void)
{
	check_refused(test_path("file"), AICHAT_ESTOREREADONLY, "/file: ");
	check_refused(test_path("unreadable"), AICHAT_ESTOREREADONLY, "/unreadable: ");
	check_refused(test_path("folder/store"), AICHAT_ESTOREREADONLY, "/folder: ");
	check_refused(test_path("folder/new"), AICHAT_ESTOREREADONLY, "/folder/new: ");
	check_refused(test_path("folder/a/b/new"), AICHAT_ESTORE, "/folder/a/b: ");
}

START_TEST(a_place_without_rights_is_named)
{
	aic_store_unref(must_open(test_path("file")));
	aic_store_unref(must_open(test_path("unreadable")));
	aic_store_unref(must_open(test_path("folder/store")));
	chmod(test_path("file"), 0444);
	chmod(test_path("unreadable"), 0);
	chmod(test_path("folder/store"), 0666);
	chmod(test_path("folder"), 0555);
	as_nobody(look_at_locked_places);
}
END_TEST

START_TEST(what_is_no_path_is_said)
{
	char path[1200];

	mkdir(test_path("folder"), 0700);
	check_refused(test_path("folder"), AICHAT_EINVAL, "is a folder");
	check_refused(test_path("folder/"), AICHAT_EINVAL, "is a folder");
	check_refused("/dev/null", AICHAT_EINVAL, "no regular file");
	write_file(test_path("file"), "x", 1);
	check_refused(test_path("file/store"), AICHAT_ESTORE, "/file/store: ");
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	check_refused(path, AICHAT_EINVAL, "longer than");
	/* Short enough as it is given, not as it is. */
	int n = snprintf(path, sizeof(path), "%s/", test_folder);
	for (int i = 0; i < 2; i++) {
		memset(path + n, 'y', 200);
		n += 200;
		path[n++] = '/';
		path[n] = '\0';
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	ck_assert_int_eq(chdir(path), 0);
	memset(path, 'z', 150);
	path[150] = '\0';
	check_refused(path, AICHAT_EINVAL, "longer than");
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(every_name_of_a_file_is_one_store)
{
	char link[256], plain[256];

	snprintf(plain, sizeof(plain), "%s/store", test_folder);
	snprintf(link, sizeof(link), "%s/link", test_folder);
	struct aic_store *store = must_open(plain);
	ck_assert_int_eq(symlink(plain, link), 0);
	struct aic_store *same = must_open(link);
	ck_assert_ptr_eq(store, same);
	aic_store_unref(same);
	aic_store_unref(store);
	/* By the link alone, too: everything lies beside the file. */
	store = must_open(link);
	ck_assert_str_eq(aic_store_name(store) + strlen("sqlite:"), plain);
	ck_assert_int_ne(access(test_path("link-lock"), F_OK), 0);
	aic_store_unref(store);
}
END_TEST

#ifdef AIC_TEST_HOOKS
START_TEST(a_network_file_system_is_refused)
{
	static const long magics[] = { 0x6969, 0x517b, (long)0xff534d42, 0x01021997,
				       0x65735546 };

	aic_store_unref(must_open(test_path("old")));
	for (size_t i = 0; i < AIC_ARRAY_LEN(magics); i++) {
		aic_sqlite_set_file_system(magics[i]);
		check_refused(test_path("new"), AICHAT_ESTORE, "network file system");
		check_refused(test_path("old"), AICHAT_ESTORE, "network file system");
		ck_assert_int_ne(access(test_path("new"), F_OK), 0);
	}
	aic_sqlite_set_file_system(0xef53); /* ext4 */
	aic_store_unref(must_open(test_path("new")));
	aic_sqlite_set_file_system(0);
}
END_TEST
#endif

/* ---- what is no store of ours ----------------------------------------------------- */

START_TEST(a_file_of_someone_else_is_left_alone)
{
	static const char *const foreign[] = {
		"CREATE TABLE t(x); INSERT INTO t VALUES(1)",
		"PRAGMA application_id = 77",
		"PRAGMA user_version = 1",
		"PRAGMA application_id = 1634288488; PRAGMA user_version = 1",
	};
	const char *path = test_path("file");
	size_t before_len, after_len;

	for (size_t i = 0; i < AIC_ARRAY_LEN(foreign) + 2; i++) {
		unlink(path);
		if (i < AIC_ARRAY_LEN(foreign))
			run_sql(path, foreign[i]);
		else if (i == AIC_ARRAY_LEN(foreign))
			write_file(path, "Dear diary,\n", 12);
		else
			write_file(path, "SQLite format 3", 16);
		char *before = read_file(path, &before_len);
		check_refused(path, AICHAT_ESTORECORRUPT, "is not an aichat store");
		char *after = read_file(path, &after_len);
		ck_assert_uint_eq(before_len, after_len);
		ck_assert_mem_eq(before, after, before_len);
		aic_free(before);
		aic_free(after);
	}
	/* An empty file is a new store. */
	write_file(path, "", 0);
	struct aic_store *store = must_open(path);
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
}
END_TEST

START_TEST(a_newer_store_is_refused)
{
	const char *path = test_path("store");

	aic_store_unref(must_open(path));
	run_sql(path, "PRAGMA user_version = 99");
	check_refused(path, AICHAT_ESTORENEWER, "schema 99");
	run_sql(path, "PRAGMA user_version = 2");
	aic_store_unref(must_open(path));
}
END_TEST

/* ---- damage ----------------------------------------------------------------------- */

#define TURNS 12

static struct turn turns[TURNS];

/* A store with everything in it, closed, and no WAL beside it. */
static char *build_store(const char *path, size_t *ret_len)
{
	struct aic_store *store = must_open(path);

	for (int i = 0; i < TURNS; i++) {
		turns[i] = new_turn("alice");
		for (int p = 0; p < 8; p++) {
			struct dice d = dice((uint64_t)(i * 8 + p));
			struct aichat_part *part = aic_message_add_part(
				turns[i].question,
				(enum aichat_part_type)(1 + roll(&d, 11)));
			random_part(&d, part, false);
		}
		must_task(store, turn_begin, &turns[i]);
		must_task(store, turn_text, &turns[i]);
		must_task(store, turn_end, &turns[i]);
	}
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
	run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
	return read_file(path, ret_len);
}

static bool is_damage(int rc)
{
	return rc == AICHAT_ESTORECORRUPT || rc == AICHAT_ENOTFOUND ||
	       rc == AICHAT_ESTORE || rc == AICHAT_ESTORENEWER;
}

/* Whatever the file has become: nothing that verify lets pass reads differently. */
static bool check_damaged(const char *path)
{
	struct aic_store *store = NULL;
	int rc = try_open(path, &store, NULL);

	if (rc < 0) {
		ck_assert_msg(is_damage(rc), "open: %d", rc);
		return true;
	}
	int verified = aic_store_verify(store, NULL);
	ck_assert_msg(verified == 0 || is_damage(verified), "verify: %d", verified);
	for (int i = 0; i < TURNS; i++) {
		struct aic_messages list = { 0 };
		struct aic_event_list events = { 0 };
		rc = aic_store_path(store, "alice", &turns[i].answer->id, 0, &list, NULL);
		ck_assert_msg(rc == 0 || is_damage(rc), "path: %d", rc);
		if (verified == 0) {
			ck_assert_int_eq(rc, 0);
			ck_assert_uint_eq(list.count, 2);
			ck_assert(same_message(list.items[0], turns[i].question));
			ck_assert(same_message(list.items[1], turns[i].answer));
		}
		rc = aic_store_events(store, "alice", &turns[i].reply, 0, &events, NULL);
		ck_assert_msg(rc == 0 || is_damage(rc), "events: %d", rc);
		aic_messages_done(&list);
		aic_event_list_done(&events);
	}
	aic_store_unref(store);
	return verified < 0;
}

START_TEST(flipped_bits_are_found)
{
	const char *path = test_path("store");
	size_t len;
	char *data = build_store(path, &len);
	struct dice d = dice(7);
	unsigned found = 0;
	enum {
		FLIPS = 250
	};

	for (uint64_t i = 0; i < seeds(FLIPS); i++) {
		size_t at = roll(&d, (unsigned)len);
		char bit = (char)(1 << roll(&d, 8));
		data[at] = (char)(data[at] ^ bit);
		write_file(path, data, len);
		unlink(test_path("store-wal"));
		unlink(test_path("store-shm"));
		found += check_damaged(path);
		data[at] = (char)(data[at] ^ bit);
	}
	/* Many bits of a file mean nothing; of those that do, none may pass. */
	ck_assert_uint_gt(found, seeds(FLIPS) / 8);
	aic_free(data);
}
END_TEST

START_TEST(a_cut_file_is_found)
{
	const char *path = test_path("store");
	size_t len;
	char *data = build_store(path, &len);

	for (size_t keep = 100; keep < len; keep += 1000 + keep / 8) {
		write_file(path, data, keep);
		unlink(test_path("store-wal"));
		unlink(test_path("store-shm"));
		ck_assert_msg(check_damaged(path), "cut at %zu of %zu", keep, len);
	}
	aic_free(data);
}
END_TEST

/* What was seen damaged is not written any more. */
START_TEST(a_damaged_store_is_not_written)
{
	const char *path = test_path("store");
	const char *empty = test_path("empty");
	size_t len, empty_len;
	char *data = build_store(path, &len);
	struct turn t = new_turn("alice");
	aichat_error *error = NULL;

	/* Every page that an empty store has not. */
	aic_store_unref(must_open(empty));
	run_sql(empty, "PRAGMA wal_checkpoint(TRUNCATE)");
	aic_free(read_file(empty, &empty_len));
	memset(data + empty_len, 0x5a, len - empty_len);
	write_file(path, data, len);
	struct aic_store *store = must_open(path);
	ck_assert_int_eq(aic_store_verify(store, NULL), AICHAT_ESTORECORRUPT);
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, &error),
			 AICHAT_ESTORECORRUPT);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "damaged"));
	aichat_error_unref(error);
	aic_store_unref(store);
	size_t after_len;
	char *after = read_file(path, &after_len);
	ck_assert_uint_eq(len, after_len);
	ck_assert_mem_eq(data, after, len);
	aic_free(after);
	aic_free(data);
	turn_done(&t);
}
END_TEST

/* Each row that lies is found, by a verify that names what. */
START_TEST(verify_finds_rows_that_lie)
{
	static const struct {
		const char *sql, *text;
	} lies[] = {
		{ "UPDATE part SET text = 'other' WHERE k = (SELECT min(k) FROM part)",
		  "digest differs" },
		{ "UPDATE message SET model = 'x'", "digest differs" },
		{ "UPDATE message SET created_at = created_at + 1", "digest differs" },
		{ "UPDATE message SET digest = NULL", "has no digest" },
		{ "DELETE FROM part WHERE k = (SELECT max(k) FROM part)", "its parts" },
		{ "DELETE FROM message WHERE k IN (SELECT parent FROM message)",
		  "its parent" },
		{ "DELETE FROM conversation", "without a conversation" },
		{ "UPDATE conversation SET owner = ''", "without an owner" },
		{ "UPDATE conversation SET head = x'00'", "head" },
		{ "DELETE FROM reply", "its reply" },
		{ "UPDATE reply SET state = 5", "another state" },
		{ "UPDATE reply SET state = 3, ended_at = NULL", "another state" },
		{ "UPDATE reply SET ended_at = NULL", "did not end" },
		{ "UPDATE reply SET last_seq = 9", "lacks the end" },
		{ "DELETE FROM event WHERE (k & 4294967295) = 2", "gap" },
		{ "DELETE FROM event WHERE (k & 4294967295) = 3", "no last event" },
		{ "UPDATE event SET k = k + (1 << 40)", "events without a reply" },
		{ "UPDATE event SET payload = x'7b'", "cannot be read" },
		{ "UPDATE message SET state = 1 WHERE reply IS NOT NULL", "is open" },
		{ "INSERT INTO blob(hash, data) VALUES(x'00', x'00')", "without a part" },
	};
	const char *path = test_path("store");
	size_t len;
	char *data = build_store(path, &len);

	for (size_t i = 0; i < AIC_ARRAY_LEN(lies); i++) {
		aichat_error *error = NULL;
		unlink(test_path("store-wal"));
		unlink(test_path("store-shm"));
		write_file(path, data, len);
		run_sql(path, lies[i].sql);
		struct aic_store *store = must_open(path);
		ck_assert_msg(aic_store_verify(store, &error) == AICHAT_ESTORECORRUPT,
			      "not found: %s", lies[i].sql);
		ck_assert_msg(strstr(aichat_error_message(error), lies[i].text), "%s: %s",
			      lies[i].sql, aichat_error_message(error));
		aichat_error_unref(error);
		aic_store_unref(store);
	}
	aic_free(data);
}
END_TEST

START_TEST(a_store_that_was_moved_is_not_written)
{
	static const char *const moved[] = { "store", "store-lock" };
	struct turn t = new_turn("alice");
	struct aic_store *store = must_open(test_path("store"));
	aichat_error *error = NULL;

	ck_assert_int_eq(rename(test_path(moved[_i]), test_path("elsewhere")), 0);
	if (_i)
		unlink(test_path("elsewhere"));
	ck_assert_int_eq(try_task(store, true, turn_begin, &t, &error), AICHAT_ESTORE);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "moved or replaced"));
	aichat_error_unref(error);
	aic_store_unref(store);
	turn_done(&t);
}
END_TEST

/* ---- a full disk, and one that fails ---------------------------------------------- */

static struct turn many[400];

/* The limit on the size of files stands for a full disk. */
START_TEST(a_full_disk_loses_nothing_that_was_stored)
{
	struct aic_store *store = must_open(test_path("store"));
	struct rlimit limit = { 300 << 10, RLIM_INFINITY };
	aichat_error *error = NULL;
	struct aic_messages path = { 0 };
	int stored = 0, rc = 0;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (rc == 0 && stored < (int)AIC_ARRAY_LEN(many)) {
		many[stored] = new_turn("alice");
		rc = try_task(store, true, turn_begin, &many[stored], &error);
		stored += rc == 0;
	}
	ck_assert_msg(rc == AICHAT_ESTOREFULL, "%d: %s", rc, aichat_error_message(error));
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "no space"));
	aichat_error_unref(error);
	/* It can be read meanwhile, and written when there is room again. */
	for (int i = 0; i < stored; i++) {
		ck_assert_ok(aic_store_path(store, "alice", &many[i].answer->id, 0, &path,
					    err));
		ck_assert_uint_eq(path.count, 2);
	}
	aic_messages_done(&path);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	must_task(store, turn_begin, &many[stored]);
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
}
END_TEST

#ifdef AIC_TEST_HOOKS
struct life {
	struct turn turn;
	int steps; /* that were acknowledged */
};

static int try_life(struct life *life)
{
	static int (*const steps[])(struct aic_store *, void *,
				    aichat_error **) = { turn_begin, turn_text,
							 turn_end };
	struct aic_store *store = NULL;
	int rc = try_open(test_path("store"), &store, NULL);

	life->steps = 0;
	for (size_t i = 0; rc == 0 && i < AIC_ARRAY_LEN(steps); i++) {
		rc = try_task(store, true, steps[i], &life->turn, NULL);
		life->steps += rc == 0;
	}
	aic_store_unref(store);
	return rc;
}

/* What was acknowledged is there; the rest is whole or not there. */
static void check_life(struct life *life)
{
	struct aic_store *store = must_open(test_path("store"));
	struct aic_reply_row row = { 0 };
	struct aichat_message *message = NULL;

	ck_assert_ok(aic_store_verify(store, err));
	int rc = aic_store_reply(store, "alice", &life->turn.reply, &row, NULL);
	ck_assert(rc == 0 || (rc == AICHAT_ENOTFOUND && life->steps == 0));
	if (rc == 0) {
		ck_assert_ok(aic_store_message(store, "alice", &life->turn.answer->id,
					       &message, err));
		ck_assert_uint_ge(row.last_seq, (uint64_t)life->steps);
		bool complete = row.state == AICHAT_REPLY_COMPLETE;
		ck_assert(complete || life->steps < 3);
		ck_assert(complete || row.state == AICHAT_REPLY_INTERRUPTED);
		if (complete)
			ck_assert(same_message(message, life->turn.answer) ||
				  life->steps < 3);
		else if (life->steps == 2)
			ck_assert_str_eq(message->parts[0].text.data, "word ");
	}
	aichat_message_unref(message);
	aic_reply_row_done(&row);
	aic_store_unref(store);
}

START_TEST(every_operation_on_files_may_fail)
{
	static const int numbers[] = { EIO, ENOSPC };
	int number = numbers[_i % 2];
	bool persistent = _i >= 2;
	bool reached = true;

	for (uint64_t n = 1; reached; n += stride()) {
		struct life life = { .turn = new_turn("alice") };
		/* Every third time a new store, so that making it is walked, too. */
		if (n % 3 == 0)
			unlink(test_path("store")), unlink(test_path("store-wal")),
				unlink(test_path("store-shm"));
		aic_file_fail_at(n, persistent, number);
		int rc = try_life(&life);
		reached = aic_file_count() >= n;
		aic_file_fail_at(0, false, 0);
		ck_assert_msg(rc == 0 || rc == AICHAT_ESTORE || rc == AICHAT_ESTOREFULL ||
				      rc == AICHAT_ESTOREREADONLY ||
				      rc == AICHAT_ESTORECORRUPT,
			      "operation %d: %d", (int)n, rc);
		ck_assert(reached || rc == 0);
		check_life(&life);
		turn_done(&life.turn);
	}
}
END_TEST

/* SQLite's allocations, too. */
static void *sqlite_malloc(int size)
{
	int64_t *block = aic_malloc((size_t)size + sizeof(*block));

	if (!block)
		return NULL;
	*block = size;
	return block + 1;
}

static void sqlite_free(void *memory)
{
	if (memory)
		aic_free((int64_t *)memory - 1);
}

static void *sqlite_realloc(void *memory, int size)
{
	int64_t *block = aic_realloc_array((int64_t *)memory - 1,
					   (size_t)size + sizeof(*block), 1);

	if (!block)
		return NULL;
	*block = size;
	return block + 1;
}

static int sqlite_size(void *memory)
{
	return memory ? (int)((int64_t *)memory)[-1] : 0;
}

static int sqlite_roundup(int size)
{
	return (size + 7) & ~7;
}

static int sqlite_init(void *data AIC_UNUSED)
{
	return SQLITE_OK;
}

static void sqlite_shutdown(void *data AIC_UNUSED)
{
}

START_TEST(sqlite_may_run_out_of_memory)
{
	static const sqlite3_mem_methods methods = {
		.xMalloc = sqlite_malloc,
		.xFree = sqlite_free,
		.xRealloc = sqlite_realloc,
		.xSize = sqlite_size,
		.xRoundup = sqlite_roundup,
		.xInit = sqlite_init,
		.xShutdown = sqlite_shutdown,
	};
	bool reached = true;

	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
	aic_store_unref(must_open(test_path("store")));
	for (uint64_t n = 1; reached; n += stride() + n / 40) {
		struct life life = { .turn = new_turn("alice") };
		aic_mem_fail_at(n, _i == 1);
		int rc = try_life(&life);
		reached = aic_mem_count() >= n;
		aic_mem_fail_at(0, false);
		/* SQLite takes a failure here and there as one of the file. */
		ck_assert_msg(rc == 0 || rc == AICHAT_ENOMEM || rc == AICHAT_ESTORE,
			      "allocation %d: %d", (int)n, rc);
		ck_assert(reached || rc == 0);
		check_life(&life);
		turn_done(&life.turn);
	}
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("sqlite");
	TCase *tests = tcase_create("file");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, nobody_else_may_read_it, 0, 3);
	tcase_add_test(tests, a_place_without_rights_is_named);
	tcase_add_test(tests, what_is_no_path_is_said);
	tcase_add_test(tests, every_name_of_a_file_is_one_store);
	tcase_add_test(tests, a_file_of_someone_else_is_left_alone);
	tcase_add_test(tests, a_newer_store_is_refused);
	tcase_add_test(tests, flipped_bits_are_found);
	tcase_add_test(tests, a_cut_file_is_found);
	tcase_add_test(tests, a_damaged_store_is_not_written);
	tcase_add_test(tests, verify_finds_rows_that_lie);
	tcase_add_loop_test(tests, a_store_that_was_moved_is_not_written, 0, 2);
	tcase_add_test(tests, a_full_disk_loses_nothing_that_was_stored);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, a_network_file_system_is_refused);
	tcase_add_loop_test(tests, every_operation_on_files_may_fail, 0, 4);
	tcase_add_loop_test(tests, sqlite_may_run_out_of_memory, 0, 2);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
