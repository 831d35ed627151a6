/* Ids, clock, UTF-8, digests, base64, files, threads, log, errors. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include <aichat/log.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"

START_TEST(ids_sort_as_they_are_made)
{
	char last[AIC_ID_TEXT] = "";
	char text[AIC_ID_TEXT];

	for (int i = 0; i < 100000; i++) {
		struct aic_id id = aic_id_new();
		aic_id_text(&id, text);
		if (strcmp(last, text) >= 0)
			ck_abort_msg("%s after %s", text, last);
		memcpy(last, text, sizeof(last));
	}
}
END_TEST

START_TEST(id_text)
{
	struct aic_id id;
	char text[AIC_ID_TEXT];
	static const char lower[] = "0193abcd-ef01-7234-89ab-cdef01234567";

	ck_assert(aic_id_parse("0193ABCD-EF01-7234-89AB-CDEF01234567", 36, &id));
	ck_assert_str_eq(aic_id_text(&id, text), lower);
	ck_assert(aic_id_is_set(&id));
	ck_assert(!aic_id_is_set(&(struct aic_id){ 0 }));
	static const char *const bad[] = {
		"",
		"0193abcd-ef01-7234-89ab-cdef0123456",
		"0193abcd-ef01-7234-89ab-cdef012345678",
		"0193abcdef01-7234-89ab-cdef012345678",
		"0193abcd-ef01-7234-89ab-cdef0123456g",
		"0193abcd-ef01-7234-89ab_cdef01234567",
		"{193abcd-ef01-7234-89ab-cdef01234567",
	};
	for (size_t i = 0; i < AIC_ARRAY_LEN(bad); i++)
		ck_assert_msg(!aic_id_parse(bad[i], strlen(bad[i]), &id), "%s", bad[i]);
	ck_assert(!aic_id_parse(NULL, 36, &id));
	/* What failed to parse left the id alone. */
	ck_assert_str_eq(aic_id_text(&id, text), lower);
}
END_TEST

static const struct {
	const char *text;
	int64_t unix_ms;
	const char *again; /* NULL: the same text */
} times[] = {
	{ "1970-01-01T00:00:00.000Z", 0, NULL },
	{ "2026-11-20T12:34:56.789Z", 1795178096789, NULL },
	{ "2000-02-29T23:59:59.999Z", 951868799999, NULL },
	{ "1969-12-31T23:59:59.999Z", -1, NULL },
	{ "0000-01-01T00:00:00.000Z", -62167219200000, NULL },
	{ "9999-12-31T23:59:59.999Z", 253402300799999, NULL },
	{ "1900-03-01T00:00:00.000Z", -2203891200000, NULL },
	{ "2026-11-20t12:34:56z", 1795178096000, "2026-11-20T12:34:56.000Z" },
	{ "2026-11-20 13:34:56.5+01:00", 1795178096500, "2026-11-20T12:34:56.500Z" },
	{ "2026-11-20T00:04:56.1239-12:30", 1795178096123, "2026-11-20T12:34:56.123Z" },
	{ "2016-12-31T23:59:60Z", 1483228800000, "2017-01-01T00:00:00.000Z" },
};

START_TEST(time_text)
{
	char text[AIC_TIME_TEXT];
	int64_t unix_ms = 0;

	ck_assert(aic_time_parse(times[_i].text, strlen(times[_i].text), &unix_ms));
	ck_assert_int_eq(unix_ms, times[_i].unix_ms);
	ck_assert_str_eq(aic_time_text(unix_ms, text),
			 times[_i].again ? times[_i].again : times[_i].text);
}
END_TEST

START_TEST(time_round_trip)
{
	char text[AIC_TIME_TEXT];
	char before[AIC_TIME_TEXT] = "";
	int64_t again = 0;

	/* A prime step of some 17 days visits all months and days of 10,000 years. */
	for (int64_t ms = -62167219200000; ms <= 253402300799999; ms += 1500450271) {
		aic_time_text(ms, text);
		if (!aic_time_parse(text, strlen(text), &again) || again != ms ||
		    strcmp(before, text) >= 0)
			ck_abort_msg("%s after %s", text, before);
		memcpy(before, text, sizeof(before));
	}
	ck_assert_str_eq(aic_time_text(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
	ck_assert_str_eq(aic_time_text(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
}
END_TEST

START_TEST(bad_times)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-20",
		"2026-11-20T12:34Z",
		"2026-11-20T12:34:56",
		"2026-13-20T12:34:56Z",
		"2026-00-20T12:34:56Z",
		"2026-02-29T12:34:56Z",
		"1900-02-29T12:34:56Z",
		"2026-11-31T12:34:56Z",
		"2026-11-00T12:34:56Z",
		"2026-11-20T24:00:00Z",
		"2026-11-20T12:60:00Z",
		"2026-11-20T12:34:61Z",
		"2026-11-20T12:34:56.Z",
		"2026-11-20T12:34:56+1:00",
		"2026-11-20T12:34:56+24:00",
		"2026-11-20T12:34:56Zx",
		" 2026-11-20T12:34:56Z",
		"2026-1-20T12:34:56Z",
		"+026-11-20T12:34:56Z",
		"2026/11/20T12:34:56Z",
	};
	int64_t unix_ms;

	for (size_t i = 0; i < AIC_ARRAY_LEN(bad); i++)
		ck_assert_msg(!aic_time_parse(bad[i], strlen(bad[i]), &unix_ms), "%s",
			      bad[i]);
	ck_assert(!aic_time_parse(NULL, 0, &unix_ms));
}
END_TEST

START_TEST(clocks)
{
	int64_t mono = aic_clock_mono_ms();

	ck_assert_int_gt(aic_clock_unix_ms(), 1700000000000);
	ck_assert_int_ge(aic_clock_mono_ms(), mono);
	unsigned char a[32] = { 0 };
	unsigned char b[32] = { 0 };
	aic_random_bytes(a, sizeof(a));
	aic_random_bytes(b, sizeof(b));
	ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

/* Every code point that there is, and every prefix of its bytes. */
START_TEST(utf8_code_points)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char bytes[4];
		size_t len = aic_utf8_encode(code, bytes);
		bool surrogate = code >= 0xd800 && code < 0xe000;
		size_t valid = aic_utf8_valid_prefix(bytes, len);
		if (valid != (surrogate ? 0 : len) ||
		    aic_utf8_sequence(bytes, len) != (surrogate ? 0 : len))
			ck_abort_msg("U+%04X: %zu of %zu", code, valid, len);
		for (size_t part = 1; part < len && !surrogate; part++)
			if (aic_utf8_valid_prefix(bytes, part) != 0 ||
			    aic_utf8_bad_prefix(bytes, part) != part)
				ck_abort_msg("U+%04X cut to %zu", code, part);
	}
}
END_TEST

/* All sequences of three bytes, against the table of RFC 3629, section 4. */
START_TEST(utf8_three_bytes)
{
	for (unsigned lead = 0x80; lead < 0x100; lead++)
		for (unsigned rest = 0; rest < 0x10000; rest++) {
			char bytes[3] = { (char)lead, (char)(rest >> 8), (char)rest };
			unsigned second = rest >> 8;
			bool tail2 = second >= 0x80 && second <= 0xbf;
			bool tail3 = (rest & 0xff) >= 0x80 && (rest & 0xff) <= 0xbf;
			size_t expected = 0;
			if (lead >= 0xc2 && lead <= 0xdf && tail2)
				expected = 2;
			else if (lead >= 0xe0 && lead <= 0xef && tail2 && tail3 &&
				 (lead != 0xe0 || second >= 0xa0) &&
				 (lead != 0xed || second <= 0x9f))
				expected = 3;
			if (aic_utf8_sequence(bytes, 3) != expected)
				ck_abort_msg("%02x %04x", lead, rest);
		}
}
END_TEST

START_TEST(utf8_texts)
{
	static const char text[] =
		"plain text and \xc3\xa9, then \xf0\x9f\x98\x80 more plain text";

	ck_assert(aic_utf8_valid(text, sizeof(text) - 1));
	ck_assert(aic_utf8_valid("", 0));
	ck_assert_uint_eq(aic_utf8_valid_prefix("0123456789\xff"
						"abc",
						14),
			  10);
	ck_assert_uint_eq(aic_utf8_valid_prefix("0123456789\xc3", 11), 10);
	ck_assert_uint_eq(aic_utf8_bad_prefix("\xff\x80", 2), 1);
	ck_assert_uint_eq(aic_utf8_bad_prefix("\xf0\x9f\x98"
					      "abc",
					      6),
			  3);
	ck_assert_uint_eq(aic_utf8_bad_prefix("\xed\xa0\x80", 3), 1);
}
END_TEST

/* FIPS 180-4 and RFC 7693 vectors; BLAKE2b cut to 256 bits as its own parameter says. */
START_TEST(digests)
{
	unsigned char digest[AIC_DIGEST_BYTES];
	char text[AIC_DIGEST_TEXT];

	aic_sha256("abc", 3, digest);
	ck_assert_str_eq(
		aic_digest_text(digest, text),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	aic_sha256("", 0, digest);
	ck_assert_str_eq(
		aic_digest_text(digest, text),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	aic_blake2b("abc", 3, digest);
	ck_assert_str_eq(
		aic_digest_text(digest, text),
		"bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	aic_blake2b(NULL, 0, digest);
	ck_assert_str_eq(
		aic_digest_text(digest, text),
		"0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}
END_TEST

static const struct {
	const char *plain;
	const char *text;
} base64[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+" },
};

START_TEST(base64_vectors)
{
	struct aic_buf buf = aic_buf(0);

	aic_buf_puts(&buf, ">");
	ck_assert_int_eq(
		aic_base64_encode(&buf, base64[_i].plain, strlen(base64[_i].plain)), 0);
	ck_assert_str_eq(buf.data + 1, base64[_i].text);
	aic_buf_reset(&buf);
	aic_buf_puts(&buf, ">");
	ck_assert(aic_base64_decode(&buf, base64[_i].text, strlen(base64[_i].text)));
	ck_assert_str_eq(buf.data + 1, base64[_i].plain);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(base64_refuses)
{
	static const char *const bad[] = { "Z",    "Zg",       "Zg=",   "Zg===", "=",
					   "====", "Zg==Zg==", "Zh==",  "Zm9=",  "Zm9v=",
					   "Zm-v", "Zm_v",     "Zm9v!", "Z=g=" };
	struct aic_buf buf = aic_buf(0);

	aic_buf_puts(&buf, "kept");
	for (size_t i = 0; i < AIC_ARRAY_LEN(bad); i++) {
		ck_assert_msg(!aic_base64_decode(&buf, bad[i], strlen(bad[i])), "%s",
			      bad[i]);
		ck_assert_str_eq(buf.data, "kept");
		ck_assert_uint_eq(buf.len, 4);
	}
	ck_assert(aic_base64_decode(&buf, " Zm\r\n9v\tYg =\n= ", 15));
	ck_assert_str_eq(buf.data, "keptfoob");
	aic_buf_done(&buf);
	buf = aic_buf(7);
	ck_assert_int_eq(aic_base64_encode(&buf, "foobar", 6), AICHAT_ETOOLARGE);
	aic_buf_done(&buf);
}
END_TEST

START_TEST(base64_random)
{
	struct aic_buf text = aic_buf(0);
	struct aic_buf back = aic_buf(0);
	unsigned char bytes[257];

	aic_random_bytes(bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		aic_buf_reset(&text);
		aic_buf_reset(&back);
		ck_assert_int_eq(aic_base64_encode(&text, bytes, len), 0);
		ck_assert_uint_eq(text.len, (len + 2) / 3 * 4);
		ck_assert(aic_base64_decode(&back, text.data, text.len));
		ck_assert_uint_eq(back.len, len);
		ck_assert(len == 0 || memcmp(back.data, bytes, len) == 0);
	}
	aic_buf_done(&text);
	aic_buf_done(&back);
}
END_TEST

static char folder[64];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/aichat-test-base-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	static const char *const inside[] = { "/a/b/c", "/a/b", "/a", "/file" };
	char path[128];

	for (size_t i = 0; i < AIC_ARRAY_LEN(inside); i++) {
		snprintf(path, sizeof(path), "%s%s", folder, inside[i]);
		remove(path);
	}
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

START_TEST(folders)
{
	char path[128];
	struct stat status;
	aichat_error *error = NULL;

	snprintf(path, sizeof(path), "%s/a//b/c/", folder);
	ck_assert_int_eq(aic_file_make_folders(path, NULL), 0);
	ck_assert_int_eq(aic_file_make_folders(path, NULL), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/file", folder);
	write_file(path, "x");
	ck_assert_int_eq(aic_file_make_folders(path, &error), AICHAT_EEXIST);
	error = aichat_error_unref(error);
	snprintf(path, sizeof(path), "%s/file/x", folder);
	ck_assert_int_lt(aic_file_make_folders(path, &error), 0);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "/file/x: "));
	aichat_error_unref(error);
	ck_assert_int_eq(aic_file_make_folders("", NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aic_file_make_folders("/", NULL), 0);
}
END_TEST

START_TEST(whole_files)
{
	char path[128];
	char *data = NULL;
	size_t len = 0;
	aichat_error *error = NULL;

	snprintf(path, sizeof(path), "%s/file", folder);
	ck_assert_int_eq(aic_file_read_all(path, 10, &data, &len, &error),
			 AICHAT_ENOTFOUND);
	ck_assert_ptr_nonnull(
		strstr(aichat_error_message(error), "/file: cannot be opened: "));
	error = aichat_error_unref(error);
	write_file(path, "0123456789");
	ck_assert_int_eq(aic_file_read_all(path, 10, &data, &len, &error), 0);
	ck_assert_str_eq(data, "0123456789");
	ck_assert_uint_eq(len, 10);
	aic_free(data);
	ck_assert_int_eq(aic_file_read_all(path, 9, &data, &len, &error),
			 AICHAT_ETOOLARGE);
	error = aichat_error_unref(error);
	ck_assert_int_eq(aic_file_read_all(folder, 9, &data, &len, NULL), AICHAT_ESTORE);
	write_file(path, "");
	ck_assert_int_eq(aic_file_read_all(path, 0, &data, &len, NULL), 0);
	ck_assert_uint_eq(len, 0);
	aic_free(data);
	/* Sizes that files of the kernel state are 0: what counts is what is read. */
	ck_assert_int_eq(
		aic_file_read_all("/proc/self/status", 100000, &data, &len, NULL), 0);
	ck_assert_uint_gt(len, 100);
	aic_free(data);
}
END_TEST

struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool arrived;
	bool all_blocked;
	char name[16];
};

static void *meet(void *argument)
{
	struct meeting *meeting = argument;
	sigset_t mask;

	pthread_mutex_lock(&meeting->lock);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	meeting->all_blocked = sigismember(&mask, SIGTERM) &&
			       sigismember(&mask, SIGINT) &&
			       sigismember(&mask, SIGPIPE) && sigismember(&mask, SIGUSR1);
	pthread_getname_np(pthread_self(), meeting->name, sizeof(meeting->name));
	meeting->arrived = true;
	pthread_cond_signal(&meeting->cond);
	pthread_mutex_unlock(&meeting->lock);
	return NULL;
}

START_TEST(threads)
{
	struct meeting meeting = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t thread;
	sigset_t mask;

	aic_cond_init(&meeting.cond);
	pthread_mutex_lock(&meeting.lock);
	int64_t start = aic_clock_mono_ms();
	ck_assert(!aic_cond_wait_until(&meeting.cond, &meeting.lock, start + 20));
	ck_assert_int_ge(aic_clock_mono_ms(), start + 20);
	ck_assert(!aic_cond_wait_until(&meeting.cond, &meeting.lock, 0));
	ck_assert_int_eq(aic_thread_start(&thread, "a-long-name-15c", meet, &meeting), 0);
	while (!meeting.arrived)
		ck_assert(aic_cond_wait_until(&meeting.cond, &meeting.lock, -1));
	pthread_mutex_unlock(&meeting.lock);
	pthread_join(thread, NULL);
	ck_assert(meeting.all_blocked);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGUSR1));
	ck_assert_str_eq(meeting.name, "a-long-name-15c");
	pthread_cond_destroy(&meeting.cond);
}
END_TEST

static char logged[2048];
static int logged_level;

static void keep(void *user, int level, const char *message)
{
	ck_assert_ptr_eq(user, logged);
	logged_level = level;
	snprintf(logged, sizeof(logged), "%s", message);
}

START_TEST(log_lines)
{
	struct aic_log log = { .hook = keep, .user = logged, .level = AICHAT_LOG_INFO };
	char longest[3000];

	aic_log(&log, AICHAT_LOG_WARNING, "%s is %d\n\x1b", "x", 5);
	ck_assert_str_eq(logged, "x is 5 ?");
	ck_assert_int_eq(logged_level, AICHAT_LOG_WARNING);
	aic_log(&log, AICHAT_LOG_DEBUG, "not wanted");
	ck_assert_str_eq(logged, "x is 5 ?");
	log.hook = NULL;
	aic_log(&log, AICHAT_LOG_ERROR, "nobody listens");
	aic_log(NULL, AICHAT_LOG_ERROR, "nobody listens");
	ck_assert_str_eq(logged, "x is 5 ?");
	/* Cut lines end with a whole character, at every offset. */
	log.hook = keep;
	for (int offset = 0; offset < 4; offset++) {
		size_t len = (size_t)offset;
		memset(longest, 'x', len);
		for (; len + 4 < sizeof(longest); len += 4)
			memcpy(longest + len, "\xf0\x9f\x98\x80", 4);
		longest[len] = '\0';
		aic_log(&log, AICHAT_LOG_ERROR, "%s", longest);
		ck_assert_uint_ge(strlen(logged), 1000);
		ck_assert(aic_utf8_valid(logged, strlen(logged)));
	}
}
END_TEST

START_TEST(errors)
{
	aichat_error *error = NULL;

	ck_assert_int_eq(aic_error_set(&error, AICHAT_ESTORE, "%s: line\n2\x01\x7f", "x"),
			 AICHAT_ESTORE);
	ck_assert_str_eq(aichat_error_message(error), "x: line 2??");
	ck_assert_int_eq(aichat_error_retry_after_ms(error), -1);
	ck_assert_ptr_eq(aichat_error_ref(error), error);
	aichat_error_unref(error);
	ck_assert_int_eq(aichat_error_code(error), AICHAT_ESTORE);
	aichat_error *passed = NULL;
	ck_assert_int_eq(aic_error_pass(&passed, error), AICHAT_ESTORE);
	ck_assert_ptr_eq(passed, error);
	ck_assert_int_eq(aic_error_pass(NULL, passed), AICHAT_ESTORE);
	struct aic_error_detail detail = { 429, "slow_down", "req-1", 1500 };
	aic_error_set_detail(&error, AICHAT_ERATELIMIT, &detail, "busy");
	ck_assert_int_eq(aichat_error_http_status(error), 429);
	ck_assert_str_eq(aichat_error_provider_code(error), "slow_down");
	ck_assert_str_eq(aichat_error_request_id(error), "req-1");
	ck_assert_int_eq(aichat_error_retry_after_ms(error), 1500);
	aichat_error_unref(error);
	ck_assert_int_eq(aic_error_code(&error, AICHAT_ESTALE, "saving"), AICHAT_ESTALE);
	ck_assert_str_eq(aichat_error_message(error),
			 "saving: the object was changed by someone else");
	aichat_error_unref(error);
	ck_assert_int_eq(aic_error_set(NULL, AICHAT_EINVAL, "nobody asks"),
			 AICHAT_EINVAL);
	ck_assert_str_eq(aichat_error_message(NULL), "");
	ck_assert_int_eq(aichat_error_code(NULL), 0);
	ck_assert_str_eq(aichat_error_name(AICHAT_EJSON), "BAD_JSON");
	ck_assert_str_eq(aichat_error_name(-9999), "UNKNOWN");
	ck_assert_str_eq(aichat_error_text(0), "no error");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base");
	TCase *values = tcase_create("values");
	TCase *files = tcase_create("files");
	TCase *others = tcase_create("others");

	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_set_timeout(values, 30);
	tcase_add_test(values, ids_sort_as_they_are_made);
	tcase_add_test(values, id_text);
	tcase_add_loop_test(values, time_text, 0, AIC_ARRAY_LEN(times));
	tcase_add_test(values, time_round_trip);
	tcase_add_test(values, bad_times);
	tcase_add_test(values, clocks);
	tcase_add_test(values, utf8_code_points);
	tcase_add_test(values, utf8_three_bytes);
	tcase_add_test(values, utf8_texts);
	tcase_add_test(values, digests);
	tcase_add_loop_test(values, base64_vectors, 0, AIC_ARRAY_LEN(base64));
	tcase_add_test(values, base64_refuses);
	tcase_add_test(values, base64_random);
	tcase_add_test(files, folders);
	tcase_add_test(files, whole_files);
	tcase_add_test(others, threads);
	tcase_add_test(others, log_lines);
	tcase_add_test(others, errors);
	suite_add_tcase(s, values);
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
