#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lock.h"

/* Of the open file, not of the process: who looks at it takes nothing away. */
static struct flock whole(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

static void path_of(const struct server *server, char path[4112])
{
	snprintf(path, 4112, "%s-daemon", server->store_path);
}

static int write_pid(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	return ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len ? -1 : 0;
}

int lock_take(const struct server *server, int *ret_fd, char error[512])
{
	struct flock lock = whole(F_WRLCK);
	char path[4112], pid[24] = "";

	*ret_fd = -1;
	if (!server->store_path[0])
		return 0;
	path_of(server, path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		snprintf(error, 512, "%.400s: %s", path, strerror(errno));
		return -1;
	}
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0 && write_pid(fd) == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (errno == EAGAIN || errno == EACCES) {
		ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[len > 0 ? strspn(pid, "0123456789") : 0] = '\0';
		snprintf(error, 512,
			 "%.300s: another aichatd (process %s) has this store; stop it, "
			 "or name another store with --store",
			 server->store_path, *pid ? pid : "unknown");
	} else {
		snprintf(error, 512, "%.400s: cannot be locked: %s", path,
			 strerror(errno));
	}
	close(fd);
	return -1;
}

bool lock_is_taken(const struct server *server)
{
	struct flock lock = whole(F_WRLCK);
	char path[4112];

	if (!server->store_path[0])
		return false;
	path_of(server, path);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool taken = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return taken;
}
