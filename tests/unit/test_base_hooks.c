/*
 * What only test builds can show: failing memory and files, frozen clocks, seeds, fault
 * points.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"

static void reset_hooks(void)
{
	aic_clock_set_unix_ms(0);
	aic_random_seed(0);
	aic_file_fail_at(0, false, 0);
	aic_mem_fail_at(0, false);
	aic_fault_set(NULL);
}

static char folder[64];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/aichat-test-base-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	char path[128];

	reset_hooks();
	snprintf(path, sizeof(path), "%s/file", folder);
	remove(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(const char *path, const char *text)
{
	int fd = aic_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(aic_file_write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(aic_file_fsync(fd), 0);
	ck_assert_int_eq(aic_file_close(fd), 0);
}

START_TEST(clock_and_seed)
{
	unsigned char a[32] = { 0 };
	unsigned char b[32] = { 0 };

	aic_clock_set_unix_ms(5);
	ck_assert_int_eq(aic_clock_unix_ms(), 5);
	ck_assert_int_gt(aic_clock_mono_ms(), 5);
	aic_random_seed(7);
	aic_random_bytes(a, sizeof(a));
	aic_random_seed(7);
	aic_random_bytes(b, sizeof(b));
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

START_TEST(no_memory_sticks)
{
	struct aic_buf buf = aic_buf(0);

	aic_buf_puts(&buf, "kept");
	aic_mem_fail_at(1, false);
	ck_assert_int_eq(aic_buf_printf(&buf, "%1000d", 1), AICHAT_ENOMEM);
	ck_assert_int_eq(aic_buf_puts(&buf, "x"), AICHAT_ENOMEM);
	aic_mem_fail_at(0, false);
	ck_assert_str_eq(buf.data, "kept");
	aic_buf_reset(&buf);
	ck_assert_int_eq(aic_buf_puts(&buf, "x"), 0);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(memory_fails_when_told)
{
	aic_mem_fail_at(2, false);
	void *first = aic_malloc(1);
	void *second = aic_calloc(1, 1);
	char *third = aic_strdup("x");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(second);
	ck_assert_ptr_nonnull(third);
	ck_assert_uint_eq(aic_mem_count(), 3);
	aic_mem_fail_at(1, true);
	ck_assert_ptr_null(aic_strdup("x"));
	ck_assert_ptr_null(aic_realloc_array(NULL, 1, 1));
	aic_mem_fail_at(0, false);
	aic_free(first);
	aic_free(third);
	aic_free(NULL);
}
END_TEST

/* A frozen clock, and one that is set back a little, still make ids that sort. */
START_TEST(ids_sort_when_time_stands_still)
{
	aic_clock_set_unix_ms(1763640000000);
	struct aic_id a = aic_id_new();
	struct aic_id b = aic_id_new();
	aic_clock_set_unix_ms(1763640000000 - 5000);
	struct aic_id c = aic_id_new();
	aic_clock_set_unix_ms(1763640000001);
	struct aic_id d = aic_id_new();
	ck_assert_int_lt(memcmp(a.bytes, b.bytes, 16), 0);
	ck_assert_int_lt(memcmp(b.bytes, c.bytes, 16), 0);
	ck_assert_int_lt(memcmp(c.bytes, d.bytes, 16), 0);
	/* Version 7, variant 10, and the time in front. */
	ck_assert_int_eq(a.bytes[6] >> 4, 7);
	ck_assert_int_eq(a.bytes[8] >> 6, 2);
	int64_t ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | d.bytes[i];
	ck_assert_int_eq(ms, 1763640000001);
}
END_TEST

START_TEST(ids_replay_with_a_seed)
{
	struct aic_id first[3];

	for (int round = 0; round < 2; round++) {
		aic_random_seed(42);
		aic_clock_set_unix_ms(1763640000000);
		for (int i = 0; i < 3; i++) {
			struct aic_id id = aic_id_new();
			if (round == 0)
				first[i] = id;
			else
				ck_assert(aic_id_equal(&first[i], &id));
		}
	}
	aic_random_seed(43);
	struct aic_id other = aic_id_new();
	ck_assert(!aic_id_equal(&first[0], &other));
}
END_TEST

/* Open, read, read to the end, close: each fails in turn, and nothing is left open. */
START_TEST(file_failures)
{
	char path[128];
	char *data = NULL;
	int code = -1;
	uint64_t n = 0;

	snprintf(path, sizeof(path), "%s/file", folder);
	write_file(path, "some text");
	int free_fd = dup(0);
	close(free_fd);
	while (code < 0) {
		n++;
		aic_file_fail_at(n, false, n == 1 ? ENOSPC : EIO);
		code = aic_file_read_all(path, 100, &data, NULL, NULL);
		if (code < 0)
			ck_assert_int_eq(code,
					 n == 1 ? AICHAT_ESTOREFULL : AICHAT_ESTORE);
	}
	/* A failing close of a file that was only read loses nothing. */
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(aic_file_count(), 4);
	aic_free(data);
	int fd = dup(0);
	ck_assert_int_eq(fd, free_fd);
	close(fd);
	aic_file_fail_at(1, true, EROFS);
	ck_assert_int_eq(aic_file_rename(path, path), -1);
	ck_assert_int_eq(aic_file_unlink(path), -1);
	ck_assert_int_eq(errno, EROFS);
	ck_assert(aic_file_must_fail(AIC_FILE_OTHER));
	aic_file_fail_at(0, false, 0);
	ck_assert(!aic_file_must_fail(AIC_FILE_OTHER));
	/* Of one kind only: others are not counted. */
	aic_file_fail_kind_at(AIC_FILE_SYNC, 2, false, EIO);
	ck_assert(!aic_file_must_fail(AIC_FILE_WRITE));
	ck_assert(!aic_file_must_fail(AIC_FILE_SYNC));
	ck_assert(!aic_file_must_fail(AIC_FILE_OTHER));
	ck_assert(aic_file_must_fail(AIC_FILE_SYNC));
	ck_assert_uint_eq(aic_file_count(), 2);
	aic_file_fail_at(0, false, 0);
	ck_assert_int_eq(aic_file_unlink(path), 0);
}
END_TEST

START_TEST(file_reading_without_memory)
{
	char path[128];
	char *data = NULL;
	int code = AICHAT_ENOMEM;
	uint64_t n = 0;

	snprintf(path, sizeof(path), "%s/file", folder);
	write_file(path, "some text");
	while (code == AICHAT_ENOMEM) {
		aichat_error *error = NULL;
		aic_mem_fail_at(++n, false);
		code = aic_file_read_all(path, 100, &data, NULL, &error);
		ck_assert_int_eq(aichat_error_code(error), code);
		aichat_error_unref(error);
	}
	ck_assert_int_eq(code, 0);
	ck_assert_uint_ge(n, 2);
	aic_free(data);
	aic_mem_fail_at(1, false);
	ck_assert_int_eq(aic_file_make_folders("/tmp", NULL), AICHAT_ENOMEM);
}
END_TEST

START_TEST(fault_points)
{
	ck_assert(!AIC_FAULT("a.b"));
	aic_fault_set("a.b:fail@2,c:fail,d:delay=1");
	ck_assert(!AIC_FAULT("a.b"));
	ck_assert(AIC_FAULT("a.b"));
	ck_assert(!AIC_FAULT("a.b"));
	ck_assert(AIC_FAULT("c"));
	ck_assert(AIC_FAULT("c"));
	int64_t start = aic_clock_mono_ms();
	ck_assert(!AIC_FAULT("d"));
	ck_assert_int_ge(aic_clock_mono_ms() - start, 1);
	ck_assert(!AIC_FAULT("a"));
	aic_fault_set(NULL);
	ck_assert(!AIC_FAULT("c"));
}
END_TEST

static int status_of_child(void (*run)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		run();
		_exit(7);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

static void die_at_third(void)
{
	setenv("AICHAT_FAULT", "x:kill@3", 1);
	aic_fault_set(NULL); /* earlier tests may have looked there already */
	for (int i = 0; i < 3; i++)
		if (AIC_FAULT("x") || AIC_FAULT("y"))
			_exit(8);
}

static void die_after_two(void)
{
	aic_fault_set("x:kill@3");
	for (int i = 0; i < 2; i++)
		if (AIC_FAULT("x"))
			_exit(8);
}

static void misspell(void)
{
	aic_fault_set("x:kil");
}

START_TEST(fault_points_kill)
{
	int status = status_of_child(die_at_third);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	status = status_of_child(die_after_two);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	status = status_of_child(misspell);
	ck_assert(WIFSIGNALED(status));
}
END_TEST

START_TEST(errors_without_memory)
{
	struct aic_error_detail detail = { 500, "code", "id", -1 };
	uint64_t n = 0;
	bool complete = false;

	while (!complete) {
		aichat_error *error = NULL;
		aic_mem_fail_at(++n, false);
		ck_assert_int_eq(
			aic_error_set_detail(&error, AICHAT_EPROVIDER, &detail, "x"),
			AICHAT_EPROVIDER);
		aic_mem_fail_at(0, false);
		ck_assert_ptr_nonnull(error);
		complete = aichat_error_code(error) == AICHAT_EPROVIDER;
		ck_assert(complete || aichat_error_code(error) == AICHAT_ENOMEM);
		aichat_error_unref(error);
	}
	ck_assert_uint_eq(n, 5);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_hooks");
	TCase *files = tcase_create("files");
	TCase *others = tcase_create("others");

	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_add_checked_fixture(others, NULL, reset_hooks);
	tcase_add_test(files, file_failures);
	tcase_add_test(files, file_reading_without_memory);
	tcase_add_test(others, no_memory_sticks);
	tcase_add_test(others, memory_fails_when_told);
	tcase_add_test(others, clock_and_seed);
	tcase_add_test(others, ids_sort_when_time_stands_still);
	tcase_add_test(others, ids_replay_with_a_seed);
	tcase_add_test(others, fault_points);
	tcase_add_test(others, fault_points_kill);
	tcase_add_test(others, errors_without_memory);
	suite_add_tcase(s, files);
	suite_add_tcase(s, others);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
