/*
 * The lock file, STORE-lock: POSIX record locks, which the kernel drops when a process
 * ends, however it ends.
 *
 * Byte 0 is the write lock. The other bytes are proofs of life: a process that runs a
 * reply holds one of its own, and a running reply names its owner's. Record locks belong
 * to the process and vanish when it closes any descriptor of the file, so there is one
 * descriptor for each store, open as long as the store is. Threads are told apart by the
 * store's own lock, not here.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/sqlite.h"

#define SLOTS_MAX 65535
/* Between two tries for the write lock. The holder needs it for a sync or two. */
#define WAIT_MIN_US 50
#define WAIT_MAX_US 2000

static int set_lock(int fd, short type, uint32_t byte)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	lock.l_start = byte;
	lock.l_len = 1;
	int rc;
	do
		rc = fcntl(fd, F_SETLK, &lock);
	while (rc < 0 && errno == EINTR);
	return rc;
}

static int lock_error(const char *store_path, const char *what, aichat_error **reterr)
{
	char text[128];
	int number = errno;
	int code = number == EACCES || number == EROFS || number == EPERM
			   ? AICHAT_ESTOREREADONLY
		   : number == ENOSPC || number == EDQUOT ? AICHAT_ESTOREFULL
							  : AICHAT_ESTORE;

	return aic_error_set(reterr, code, "%s-lock: %s: %s", store_path, what,
			     aic_errno_text(number, text, sizeof(text)));
}

int aic_sqlite_lock_open(struct aic_sqlite_lock *lock, const char *store_path,
			 aichat_error **reterr)
{
	size_t len = strlen(store_path);
	AIC_CLEANUP(aic_freep) char *path = aic_malloc(len + sizeof("-lock"));

	if (!path)
		return aic_error_nomem(reterr);
	memcpy(path, store_path, len);
	memcpy(path + len, "-lock", sizeof("-lock"));
	lock->fd = aic_file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (lock->fd < 0)
		return lock_error(store_path, "cannot be opened", reterr);
	return 0;
}

void aic_sqlite_lock_close(struct aic_sqlite_lock *lock)
{
	if (lock->fd >= 0)
		aic_file_close(lock->fd);
	lock->fd = -1;
}

/* Not the same for all who wait, so that they do not meet again. */
static void wait_a_little(unsigned *wait_us)
{
	unsigned char random = 0;

	aic_random_bytes(&random, sizeof(random));
	long us = (long)(*wait_us / 2 + *wait_us * random / 256);
	struct timespec time = { .tv_nsec = us * 1000 };
	nanosleep(&time, NULL);
	*wait_us = AIC_MIN(*wait_us * 2, (unsigned)WAIT_MAX_US);
}

int aic_sqlite_lock_write(struct aic_sqlite_lock *lock, const char *store_path,
			  int64_t timeout_ms, aichat_error **reterr)
{
	unsigned wait_us = WAIT_MIN_US;
	int64_t until = 0;

	if (lock->fd < 0)
		return 0;
	while (set_lock(lock->fd, F_WRLCK, 0) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return lock_error(store_path, "cannot be locked", reterr);
		int64_t now = aic_clock_mono_ms();
		until = until ? until : now + timeout_ms;
		if (now >= until)
			return aic_error_set(
				reterr, AICHAT_ESTOREBUSY,
				"%s: another process has been writing for %lld ms; "
				"retry, or raise store_busy_timeout_ms",
				store_path, (long long)timeout_ms);
		wait_a_little(&wait_us);
	}
	return 0;
}

void aic_sqlite_unlock_write(struct aic_sqlite_lock *lock)
{
	if (lock->fd >= 0)
		set_lock(lock->fd, F_UNLCK, 0);
}

int aic_sqlite_take_slot(struct aic_sqlite_lock *lock, const char *store_path,
			 aichat_error **reterr)
{
	if (lock->slot)
		return 0;
	if (lock->fd < 0) {
		lock->slot = 1;
		return 1;
	}
	for (uint32_t slot = 1; slot <= SLOTS_MAX; slot++) {
		if (set_lock(lock->fd, F_WRLCK, slot) == 0) {
			lock->slot = slot;
			return 1;
		}
		if (errno != EAGAIN && errno != EACCES)
			return lock_error(store_path, "cannot be locked", reterr);
	}
	return aic_error_set(reterr, AICHAT_ELIMIT,
			     "%s: more than %d processes run replies in it", store_path,
			     SLOTS_MAX);
}

void aic_sqlite_drop_slot(struct aic_sqlite_lock *lock)
{
	if (lock->slot && lock->fd >= 0)
		set_lock(lock->fd, F_UNLCK, lock->slot);
	lock->slot = 0;
}

bool aic_sqlite_slot_lives(const struct aic_sqlite_lock *lock, uint32_t slot)
{
	struct flock probe = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (slot == lock->slot)
		return true;
	if (lock->fd < 0)
		return false;
	probe.l_start = slot;
	probe.l_len = 1;
	/* What cannot be told is left alone. */
	return fcntl(lock->fd, F_GETLK, &probe) < 0 || probe.l_type != F_UNLCK;
}
