/*
 * The errors of the store that the entries of the public functions list, each provoked:
 * files that cannot be read or written, a disk that is full, another process at work, and
 * damage. What fails leaves everything as it was.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/fault.h"
#include "base/file.h"
#include "suite.h"

#define BUSY_MS "50"
#define TOOLS "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]"

/* ---- a store with something in it, and a handle of every kind ---- */

struct shelf {
	char path[512];
	aichat *ai;
	aichat_conversation *conv, *other;
	aichat_record *record; /* read from the store */
	aichat_reply *over;    /* a cursor at the beginning of a reply that has ended */
	aichat_reply *waiting; /* for the result of the call `call_id` */
	char conv_id[40], other_id[40], user_id[40], reply_id[40], waiting_id[40];
	char call_id[64];
	unsigned touched;
};

/* Handles of a context in whose memory nothing is yet. */
static void open_shelf(struct shelf *s)
{
	aichat_options *options = options_for(s->path, "n/2", NULL);

	set_option(options, "store_busy_timeout_ms", BUSY_MS);
	s->ai = open_with(options);
	s->conv = open_conversation(s->ai, s->conv_id);
	s->other = open_conversation(s->ai, s->other_id);
	s->over = open_reply(s->ai, s->reply_id, 0);
	expect(aichat_record_get(s->ai, "user", "anna", &s->record, &error), 0);
}

static void fill(struct shelf *s)
{
	aichat *ai = open_ai(s->path, "tools/1/n/2");
	aichat_options *echo = bag("model", "echo", NULL);
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_conversation *tools = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	hear_done(send_text(conv, "Before.", echo), &heard, AICHAT_REPLY_COMPLETE);
	snprintf(s->user_id, sizeof(s->user_id), "%s", heard.user_id);
	snprintf(s->reply_id, sizeof(s->reply_id), "%s", heard.reply_id);
	heard_done(&heard);
	expect(aichat_conversation_set_tools(tools, TOOLS, -1, &error), 0);
	aichat_reply *reply = send_text(tools, "Use it.", NULL);
	while (!heard.calls)
		hear_until(reply, &heard, AICHAT_EVENT_MESSAGE);
	snprintf(s->call_id, sizeof(s->call_id), "%s", heard.call_ids[0]);

	aichat_record *record = NULL;
	expect(aichat_record_new("user", "anna", &record, &error), 0);
	expect(aichat_record_add(ai, record, &error), 0);
	aichat_record_free(record);

	snprintf(s->waiting_id, sizeof(s->waiting_id), "%s", heard.reply_id);
	snprintf(s->conv_id, sizeof(s->conv_id), "%s", aichat_conversation_id(conv));
	snprintf(s->other_id, sizeof(s->other_id), "%s", aichat_conversation_id(tools));
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_conversation_unref(tools);
	aichat_close(ai);
	aichat_options_free(echo);
}

static struct shelf new_shelf(void)
{
	struct shelf s = { 0 };

	snprintf(s.path, sizeof(s.path), "%s", support_path("shelf.db"));
	fill(&s);
	open_shelf(&s);
	return s;
}

/* From here on a thread of the library looks at the store now and then. */
static void open_waiting(struct shelf *s)
{
	s->waiting = open_reply(s->ai, s->waiting_id, 0);
}

/* Whatever went wrong is over: nothing was changed, and everything works. */
static void check_whole(struct shelf *s)
{
	struct heard heard = { 0 };
	aichat_messages *path = NULL;

	verify(s->ai);
	expect(aichat_conversation_path(s->conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 2);
	check_message(path, 0, AICHAT_ROLE_USER, "Before.");
	aichat_messages_unref(path);
	hear(s->over, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	expect(aichat_reply_tool_result(s->waiting, s->call_id, "4", -1, 0, &error), 0);
	hear(s->waiting, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
}

static void drop(struct shelf *s)
{
	aichat_record_free(s->record);
	aichat_reply_unref(s->over);
	aichat_reply_unref(s->waiting);
	aichat_conversation_unref(s->conv);
	aichat_conversation_unref(s->other);
	aichat_close(s->ai);
}

/* What SQLite had in memory is stale after it: the next read goes to the file. */
static void touch(struct shelf *s)
{
	char title[16];

	snprintf(title, sizeof(title), "%u", ++s->touched);
	expect(aichat_conversation_set_title(s->other, title, &error), 0);
}

/* ---- the calls ---- */

static int file_errno; /* what every operation on files fails with, or 0 */

static void trouble(struct shelf *s)
{
	if (!file_errno)
		return;
	touch(s);
	aic_file_fail_at(1, true, file_errno);
}

#define TROUBLED(assertion)                                                              \
	do {                                                                             \
		trouble(s);                                                              \
		assertion;                                                               \
		aic_file_fail_at(0, false, 0);                                           \
	} while (0)

static void expect_read_account(struct shelf *s, int code)
{
	aichat_record *record = NULL;
	aichat_records *records = NULL;
	char *json = NULL;

	TROUBLED(expect(aichat_record_get(s->ai, "user", "anna", &record, &error), code));
	TROUBLED(
		expect(aichat_record_find(s->ai, "user", "Anna", &record, &error), code));
	TROUBLED(expect(
		aichat_record_list(s->ai, "user", NULL, NULL, NULL, 10, &records, &error),
		code));
	TROUBLED(expect(aichat_idempotency_find(s->ai, "key", "digest", &json, &error),
			code));
	TROUBLED(expect(aichat_audit_list(s->ai, NULL, 10, &json, NULL, &error), code));
	TROUBLED(expect(aichat_audit_verify(s->ai, NULL, NULL, &error), code));
	TROUBLED(expect(aichat_usage_list(s->ai, NULL, 10, &json, NULL, &error), code));
	TROUBLED(expect(aichat_usage_sum(s->ai, 0, 1, &json, NULL, &error), code));
}

static void expect_read_json(struct shelf *s, int code)
{
	aichat_messages *list = NULL;
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;
	aichat_list *page = NULL;
	char *json = NULL;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -1, &message), 0);
	TROUBLED(expect(aichat_conversation_send_after(s->conv, s->user_id, message, 0,
						       NULL, &reply, &error),
			code));
	aichat_message_unref(message);
	TROUBLED(expect(aichat_conversation_to_json(s->conv, &json, NULL, NULL, &error),
			code));
	TROUBLED(
		expect(aichat_conversation_message(s->conv, s->user_id, &message, &error),
		       code));
	TROUBLED(
		expect(aichat_conversation_tree(s->conv, NULL, 10, &list, &error), code));
	TROUBLED(expect(aichat_conversation_path_page(s->conv, NULL, 10, &list, &error),
			code));
	TROUBLED(expect(aichat_conversation_list_filtered(s->ai, 0, NULL, NULL, NULL, 10,
							  &page, &error),
			code));
	TROUBLED(expect(aichat_reply_to_json(s->over, &json, NULL, &error), code));
}

static void expect_read(struct shelf *s, int code)
{
	aichat_conversation *conv = NULL;
	aichat_reply *reply = NULL;
	aichat_messages *list = NULL;
	aichat_list *page = NULL;
	const aichat_event *event = NULL;
	char *head = NULL;

	expect_read_account(s, code);
	expect_read_json(s, code);
	TROUBLED(expect(aichat_reply_open(s->ai, s->reply_id, 0, &reply, &error), code));
	TROUBLED(expect(aichat_verify(s->ai, &error), code));
	TROUBLED(expect(aichat_conversation_open(s->ai, aichat_conversation_id(s->conv),
						 &conv, &error),
			code));
	TROUBLED(expect(aichat_conversation_edit(s->conv, s->user_id, "x", -1, NULL,
						 &reply, &error),
			code));
	TROUBLED(expect(
		aichat_conversation_retry(s->conv, s->user_id, NULL, &reply, &error),
		code));
	TROUBLED(expect(aichat_conversation_head(s->conv, &head, &error), code));
	TROUBLED(expect(aichat_conversation_path(s->conv, 0, &list, &error), code));
	TROUBLED(
		expect(aichat_conversation_children(s->conv, NULL, &list, &error), code));
	TROUBLED(expect(aichat_conversation_list(s->ai, NULL, 10, &page, &error), code));
	TROUBLED(ck_assert_int_eq(aichat_reply_next(s->over, 0, &event), code));
}

static void expect_written_account(struct shelf *s, int code)
{
	aichat_record *record = NULL;

	expect(aichat_record_new("user", "bert", &record, &error), 0);
	TROUBLED(expect(aichat_record_add(s->ai, record, &error), code));
	TROUBLED(expect(aichat_record_save(s->ai, s->record, &error), code));
	TROUBLED(expect(aichat_record_delete(s->ai, "user", "anna", &error), code));
	TROUBLED(expect(aichat_audit_add(s->ai, "anna", "login", NULL, NULL, 0, &error),
			code));
	TROUBLED(expect(aichat_usage_add(s->ai, "{}", -1, &error), code));
	TROUBLED(expect(aichat_owner_delete(s->ai, "local", &error), code));
	aichat_record_free(record);
}

static void expect_written(struct shelf *s, int code)
{
	expect_written_account(s, code);
	TROUBLED(expect(aichat_conversation_save(s->conv, &error), code));
	TROUBLED(expect(
		aichat_conversation_change(s->conv, "{\"pinned\":true}", -1, 0, &error),
		code));
	TROUBLED(expect(aichat_conversation_erase(s->conv, s->user_id, &error), code));
	TROUBLED(expect(aichat_conversation_set_head(s->conv, NULL, &error), code));
	TROUBLED(expect(aichat_conversation_set_title(s->conv, "x", &error), code));
	TROUBLED(expect(aichat_conversation_delete(s->conv, &error), code));
	TROUBLED(expect(aichat_reply_cancel(s->waiting, &error), code));
	TROUBLED(expect(
		aichat_reply_tool_result(s->waiting, s->call_id, "4", -1, 0, &error),
		code));
}

START_TEST(broken_files)
{
	struct shelf s = new_shelf();

	file_errno = EIO;
	expect_read(&s, AICHAT_ESTORE);
	open_waiting(&s);
	file_errno = ENOSPC;
	expect_written(&s, AICHAT_ESTOREFULL);
	file_errno = EROFS;
	expect_written(&s, AICHAT_ESTOREREADONLY);
	file_errno = 0;
	aic_fault_set("store.before_begin:fail");
	expect_written(&s, AICHAT_ESTORE);
	aic_fault_set("");
	check_whole(&s);
	drop(&s);
}
END_TEST

/* What the disk has is not known after that: nothing is written before a new start. */
START_TEST(lost_writes)
{
	struct shelf s = new_shelf();

	open_waiting(&s);
	aic_file_fail_kind_at(AIC_FILE_WRITE, 1, true, EIO);
	expect(aichat_conversation_set_title(s.conv, "x", &error), AICHAT_ESTORE);
	aic_file_fail_at(0, false, 0);
	expect_written(&s, AICHAT_ESTOREREADONLY);
	expect(aichat_store_check(s.ai, &error), AICHAT_ESTOREREADONLY);
	drop(&s);
	open_shelf(&s);
	open_waiting(&s);
	expect(aichat_store_check(s.ai, &error), 0);
	check_whole(&s);
	drop(&s);
}
END_TEST

/* A small one is taken on a full disk, which a login is; a large one is not. */
static void expect_records_of_room(aichat *ai)
{
	char json[8192] = "{\"x\":\"";
	aichat_record *record = NULL;

	expect(aichat_record_new("login", "one", &record, &error), 0);
	expect(aichat_record_add(ai, record, &error), 0);
	memset(json + 6, 'x', sizeof(json) - 9);
	memcpy(json + sizeof(json) - 3, "\"}", 3);
	expect(aichat_record_set_json(record, json, -1, &error), 0);
	expect(aichat_record_save(ai, record, &error), AICHAT_ESTOREFULL);
	expect(aichat_record_delete(ai, "login", "one", &error), 0);
	aichat_record_free(record);
}

/* The space that was set aside: a reply that runs gets its end, nothing new begins. */
START_TEST(full_disk)
{
	aichat_options *options = options_for(support_path("full.db"), "n/200/rate/200",
					      "store_ballast_bytes", "1048576", NULL);
	aichat *ai = open_with(options);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Go on.", NULL);

	expect(aichat_store_check(ai, &error), 0);
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	aic_fault_set("store.full:fail@1,store.ballast:fail");
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	expect(aichat_store_check(ai, &error), AICHAT_ESTOREFULL);
	expect(aichat_conversation_set_title(conv, "x", &error), AICHAT_ESTOREFULL);
	expect_records_of_room(ai);
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	aic_fault_set("");
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* ---- another process ---- */

static void lock_range(int fd, off_t from, off_t count)
{
	struct flock range = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = from,
		.l_len = count,
	};

	if (fd < 0 || fcntl(fd, F_SETLK, &range) < 0)
		_exit(2);
}

/* The path of a file beside the store. */
static int open_beside(const char *store, const char *suffix)
{
	char path[600];

	snprintf(path, sizeof(path), "%s%s", store, suffix);
	return open(path, O_RDWR);
}

/*
 * As a process that writes, and one that rebuilds SQLite's index of the log: the locks of
 * both, and the index's header in a state that nobody may use. All is put back.
 */
static void hold(const char *store, int ready, int go_on)
{
	char header[96], nonsense[96], byte = 0;
	int index = open_beside(store, "-shm");

	lock_range(open_beside(store, "-lock"), 0, 1);
	if (index >= 0) {
		lock_range(index, 120, 3);
		if (pread(index, header, sizeof(header), 0) != sizeof(header))
			_exit(2);
		memset(nonsense, 0x55, sizeof(nonsense));
		if (pwrite(index, nonsense, sizeof(nonsense), 0) != sizeof(nonsense))
			_exit(2);
	}
	if (write(ready, &byte, 1) != 1 || read(go_on, &byte, 1) < 0)
		_exit(2);
	if (index >= 0 && pwrite(index, header, sizeof(header), 0) != sizeof(header))
		_exit(2);
	_exit(0);
}

struct other {
	pid_t pid;
	int go_on;
};

static struct other start_other(const char *store)
{
	int ready[2], go_on[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(go_on), 0);
	struct other other = { .pid = fork(), .go_on = go_on[1] };
	ck_assert_int_ge(other.pid, 0);
	if (other.pid == 0) {
		close(go_on[1]);
		hold(store, ready[1], go_on[0]);
	}
	close(ready[1]);
	close(go_on[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return other;
}

static void end_other(struct other other)
{
	int status;

	close(other.go_on);
	ck_assert_int_eq(waitpid(other.pid, &status, 0), other.pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(busy)
{
	struct shelf s = new_shelf();

	open_waiting(&s);
	struct other other = start_other(s.path);
	expect_read(&s, AICHAT_ESTOREBUSY);
	expect_written(&s, AICHAT_ESTOREBUSY);
	end_other(other);
	check_whole(&s);
	drop(&s);
}
END_TEST

/* ---- damage ---- */

/* In a process of its own: closing the file here would drop the store's locks. */
static void damage(const char *store)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		char page[4096];
		struct stat size;
		int fd = open_beside(store, ""), wal = open_beside(store, "-wal");
		if (fd < 0 || fstat(fd, &size) < 0)
			_exit(2);
		memset(page, 0xff, sizeof(page));
		for (off_t at = sizeof(page); at < size.st_size; at += sizeof(page))
			if (pwrite(fd, page, sizeof(page), at) != sizeof(page))
				_exit(2);
		/* In the log a page follows 24 bytes, of which 4 are its number. */
		const off_t frame = 24 + sizeof(page);
		if (wal < 0 || fstat(wal, &size) < 0)
			_exit(0);
		for (off_t at = 32; at + frame <= size.st_size; at += frame) {
			unsigned char number[4];
			if (pread(wal, number, 4, at) != 4)
				_exit(2);
			if (memcmp(number, "\0\0\0\1", 4) != 0 &&
			    pwrite(wal, page, sizeof(page), at + 24) != sizeof(page))
				_exit(2);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(damaged)
{
	struct shelf s = new_shelf();

	touch(&s);
	damage(s.path);
	expect_read(&s, AICHAT_ESTORECORRUPT);
	drop(&s);
}
END_TEST

/* What is known to be damaged is not written any more. */
START_TEST(damaged_is_not_written)
{
	struct shelf s = new_shelf();

	open_waiting(&s);
	touch(&s);
	damage(s.path);
	expect(aichat_verify(s.ai, &error), AICHAT_ESTORECORRUPT);
	expect_written(&s, AICHAT_ESTORECORRUPT);
	expect(aichat_store_check(s.ai, &error), AICHAT_ESTORECORRUPT);
	drop(&s);
}
END_TEST

/* ---- opening ---- */

static void expect_open(const char *path, int code)
{
	aichat_options *options = bag("store", path, "store_busy_timeout_ms", BUSY_MS,
				      NULL);
	aichat *ai = NULL;

	expect(aichat_open(options, &ai, &error), code);
	ck_assert(!ai == (code < 0));
	aic_file_fail_at(0, false, 0);
	aichat_close(ai);
	aichat_options_free(options);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(opening)
{
	char path[512], lock[600];
	int status;

	snprintf(path, sizeof(path), "%s", support_path("open.db"));
	aic_file_fail_at(1, true, EROFS);
	expect_open(path, AICHAT_ESTOREREADONLY);
	aic_file_fail_at(1, true, ENOSPC);
	expect_open(path, AICHAT_ESTOREFULL);
	/* A new store, and another process that makes it. */
	snprintf(lock, sizeof(lock), "%s-lock", path);
	close(creat(lock, 0600));
	struct other other = start_other(path);
	expect_open(path, AICHAT_ESTOREBUSY);
	end_other(other);
	expect_open(path, 0);
	run_sql(path, "PRAGMA user_version = 99");
	expect_open(path, AICHAT_ESTORENEWER);

	/* What is open here cannot be opened by a copy of this process. */
	struct shelf s = new_shelf();
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		expect_open(s.path, AICHAT_EFORK);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	drop(&s);
}
END_TEST

/* Settings that no version could have written are damage, too. */
START_TEST(settings)
{
	struct shelf s = new_shelf();
	aichat_conversation *conv = NULL;
	char id[40];

	snprintf(id, sizeof(id), "%s", aichat_conversation_id(s.conv));
	drop(&s);
	run_sql(s.path, "UPDATE conversation SET settings = '{\"options\":1}'");
	aichat *ai = open_ai(s.path, "n/1");
	expect(aichat_conversation_open(ai, id, &conv, &error), AICHAT_ESTORECORRUPT);
	aichat_close(ai);
}
END_TEST

SUITE("errors_store", broken_files, lost_writes, full_disk, busy, damaged,
      damaged_is_not_written, opening, settings)
