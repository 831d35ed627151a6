/*
 * The system calls on files, in one place so that test builds can make the n-th of
 * them fail. close() counts too: its failure is how some file systems report a full
 * disk; the descriptor is gone all the same.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#ifdef AIC_TEST_HOOKS
#include <stdatomic.h>

static _Atomic uint64_t operations;
static _Atomic uint64_t fail_at;
static _Atomic bool fail_on;
static _Atomic int fail_errno;
static _Atomic unsigned fail_kinds = AIC_FILE_ANY;

void aic_file_fail_at(uint64_t n, bool persistent, int error_number)
{
	aic_file_fail_kind_at(AIC_FILE_ANY, n, persistent, error_number);
}

void aic_file_fail_kind_at(unsigned kinds, uint64_t n, bool persistent, int error_number)
{
	atomic_store(&fail_at, 0);
	atomic_store(&operations, 0);
	atomic_store(&fail_kinds, kinds);
	atomic_store(&fail_on, persistent);
	atomic_store(&fail_errno, error_number);
	atomic_store(&fail_at, n);
}

uint64_t aic_file_count(void)
{
	return atomic_load(&operations);
}

bool aic_file_must_fail(enum aic_file_kind kind)
{
	if (!(atomic_load(&fail_kinds) & kind))
		return false;
	uint64_t n = atomic_fetch_add(&operations, 1) + 1;
	uint64_t at = atomic_load(&fail_at);

	if (!at || n < at || (n > at && !atomic_load(&fail_on)))
		return false;
	errno = atomic_load(&fail_errno);
	return true;
}
#define MUST_FAIL_AT(kind) aic_file_must_fail(kind)
#else
#define MUST_FAIL_AT(kind) false
#endif
#define MUST_FAIL() MUST_FAIL_AT(AIC_FILE_OTHER)

int aic_file_open(const char *path, int flags, mode_t mode)
{
	return MUST_FAIL() ? -1 : open(path, flags | O_CLOEXEC, mode);
}

int aic_file_close(int fd)
{
	bool fail = MUST_FAIL();
	int number = errno;
	int result = close(fd);

	if (!fail)
		return result;
	errno = number;
	return -1;
}

ssize_t aic_file_read(int fd, void *to, size_t len)
{
	return MUST_FAIL() ? -1 : read(fd, to, len);
}

ssize_t aic_file_write(int fd, const void *from, size_t len)
{
	return MUST_FAIL_AT(AIC_FILE_WRITE) ? -1 : write(fd, from, len);
}

int aic_file_fsync(int fd)
{
	return MUST_FAIL_AT(AIC_FILE_SYNC) ? -1 : fsync(fd);
}

int aic_file_truncate(int fd, off_t size)
{
	return MUST_FAIL() ? -1 : ftruncate(fd, size);
}

int aic_file_allocate(int fd, off_t size)
{
	if (MUST_FAIL_AT(AIC_FILE_WRITE))
		return -1;
	do
		errno = posix_fallocate(fd, 0, size);
	while (errno == EINTR);
	return errno ? -1 : 0;
}

int aic_file_rename(const char *from, const char *to)
{
	return MUST_FAIL() ? -1 : rename(from, to);
}

int aic_file_unlink(const char *path)
{
	return MUST_FAIL() ? -1 : unlink(path);
}

int aic_file_mkdir(const char *path, mode_t mode)
{
	return MUST_FAIL() ? -1 : mkdir(path, mode);
}

static int file_error(aichat_error **reterr, const char *path, const char *what)
{
	char text[128];
	int number = errno;
	int code = AICHAT_ESTORE;

	if (number == ENOENT || number == ENOTDIR)
		code = AICHAT_ENOTFOUND;
	else if (number == ENOSPC || number == EDQUOT)
		code = AICHAT_ESTOREFULL;
	else if (number == EROFS)
		code = AICHAT_ESTOREREADONLY;
	return aic_error_set(reterr, code, "%s: %s: %s", path, what,
			     aic_errno_text(number, text, sizeof(text)));
}

static int make_folder(const char *path, const char *asked, aichat_error **reterr)
{
	struct stat status;

	if (aic_file_mkdir(path, 0700) == 0)
		return 0;
	/* It may be there, without our right to make it. */
	int number = errno;
	if (stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return 0;
		return aic_error_set(reterr, AICHAT_EEXIST,
				     "%s: %s is a file, not a folder", asked, path);
	}
	errno = number;
	return file_error(reterr, asked, "cannot be made");
}

int aic_file_make_folders(const char *path, aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *part = aic_strdup(path);

	if (!part)
		return aic_error_nomem(reterr);
	if (!*part)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "the name of a folder is empty");
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		if (slash[-1] == '/')
			continue;
		*slash = '\0';
		int code = make_folder(part, path, reterr);
		if (code < 0)
			return code;
		*slash = '/';
	}
	size_t len = strlen(part);
	return part[len - 1] == '/' ? 0 : make_folder(part, path, reterr);
}

/* 1 at the end, 0 when there may be more, else a code. */
static int read_some(int fd, const char *path, struct aic_buf *buf, size_t max,
		     aichat_error **reterr)
{
	char *to = aic_buf_reserve(buf, 16384);

	if (!to)
		return aic_error_code(reterr, buf->error, path);
	ssize_t n = aic_file_read(fd, to, buf->capacity - buf->len - 1);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return file_error(reterr, path, "cannot be read");
	buf->len += (size_t)n;
	if (buf->len > max)
		return aic_error_set(reterr, AICHAT_ETOOLARGE,
				     "%s: is larger than %zu bytes", path, max);
	return n == 0;
}

int aic_file_read_all(const char *path, size_t max, char **ret_data, size_t *ret_len,
		      aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf buf = aic_buf(AIC_BUF_MAX);
	int done;

	int fd = aic_file_open(path, O_RDONLY, 0);
	if (fd < 0)
		return file_error(reterr, path, "cannot be opened");
	do
		done = read_some(fd, path, &buf, max, reterr);
	while (done == 0);
	aic_file_close(fd); /* nothing was written that it could lose */
	if (done < 0)
		return done;
	char *data = aic_buf_take(&buf, ret_len);
	if (!data)
		return aic_error_nomem(reterr);
	*ret_data = data;
	return 0;
}
