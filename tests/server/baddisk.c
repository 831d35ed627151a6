/*
 * A disk that fails, for the tests of the daemon: preloaded, it takes the place of the
 * calls by which SQLite reads and writes. While the file that BAD_DISK names is there,
 * those that it lists fail: "read EIO", "write ENOSPC", "write EDQUOT", "sync EIO"...
 * With "once" behind that the file goes with the first.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* What the file says now about this call. errno is set if it is to fail. */
static bool must_fail(const char *call)
{
	const char *path = getenv("BAD_DISK");
	char text[32] = "";

	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0 || strncmp(text, call, strlen(call)) != 0)
		return false;
	if (strstr(text, "once"))
		unlink(path);
	errno = strstr(text, "ENOSPC") ? ENOSPC : strstr(text, "EDQUOT") ? EDQUOT : EIO;
	return true;
}

/* What cannot be written cannot be set aside, either. */
int posix_fallocate64(int fd, off64_t from, off64_t len)
{
	static int (*real)(int, off64_t, off64_t);

	if (must_fail("write"))
		return errno;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "posix_fallocate64");
	return real(fd, from, len);
}

ssize_t pread64(int fd, void *to, size_t len, off64_t at)
{
	static ssize_t (*real)(int, void *, size_t, off64_t);

	if (must_fail("read"))
		return -1;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pread64");
	return real(fd, to, len, at);
}

ssize_t pwrite64(int fd, const void *from, size_t len, off64_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);

	if (must_fail("write"))
		return -1;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	return real(fd, from, len, at);
}

int fdatasync(int fd)
{
	static int (*real)(int);

	if (must_fail("sync"))
		return -1;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	return real(fd);
}
