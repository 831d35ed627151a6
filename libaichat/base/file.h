#pragma once

/*
 * Every operation on files that the library makes itself goes through this table; test
 * builds count them and make the n-th one fail, of all or of one kind. The SQLite store
 * wraps its VFS with the same counter.
 */

#include <sys/types.h>

#include "base/common.h"
#include "base/error.h"

/* As the system calls: -1 and errno. */
int aic_file_open(const char *path, int flags, mode_t mode); /* O_CLOEXEC is added */
int aic_file_close(int fd);
ssize_t aic_file_read(int fd, void *to, size_t len);
ssize_t aic_file_write(int fd, const void *from, size_t len);
int aic_file_fsync(int fd);
int aic_file_truncate(int fd, off_t size);
/* The file has this size, and its space is set aside. */
int aic_file_allocate(int fd, off_t size);
int aic_file_rename(const char *from, const char *to);
int aic_file_unlink(const char *path);
int aic_file_mkdir(const char *path, mode_t mode);

/* Make a folder and its missing parents, mode 0700 each. */
int aic_file_make_folders(const char *path, aichat_error **reterr);
/* A whole file, at most max bytes; *ret_data is NUL-terminated (aic_free). */
int aic_file_read_all(const char *path, size_t max, char **ret_data, size_t *ret_len,
		      aichat_error **reterr);

#ifdef AIC_TEST_HOOKS
enum aic_file_kind {
	AIC_FILE_WRITE = 1, /* or make longer */
	AIC_FILE_SYNC = 2,
	AIC_FILE_OTHER = 4,
	AIC_FILE_ANY = 7,
};
/* Fail the n-th operation from now with errno; persistent: and all after it. 0 = off. */
void aic_file_fail_at(uint64_t n, bool persistent, int error_number);
/* The n-th of these kinds, which alone are counted from now. */
void aic_file_fail_kind_at(unsigned kinds, uint64_t n, bool persistent, int error_number);
uint64_t aic_file_count(void);
/* For operations made elsewhere (SQLite's): true when this one must fail; sets errno. */
bool aic_file_must_fail(enum aic_file_kind kind);
#endif
