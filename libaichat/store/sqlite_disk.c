/*
 * A disk that fails, and a disk that fills up.
 *
 * After a write or a sync that failed nobody knows what the disk has: the kernel forgets
 * pages that it could not write, and a second sync would find nothing left to do. So the
 * store is not written any more, by this process, until it is opened anew; no checkpoint
 * either, which would trust those pages. The lock file, which is empty otherwise, keeps a
 * note of it: whoever opens the store next checks the file before it writes.
 *
 * STORE-ballast is space that is set aside, if the option asks for it. When the disk is
 * almost full it is given up, so that what runs can still write its end; what is new is
 * refused from then on, until there is room for the ballast again.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/sqlite.h"

/* The ballast is given up when less than this part of it is free, and made again when
 * twice as much would be left. */
#define LOW_PART 4
/* Between two tries to make it where there seems to be room: a quota does not show. */
#define AGAIN_MS 1000

static char *beside(const struct aic_sqlite *db, const char *suffix)
{
	size_t len = strlen(db->path);
	char *path = aic_malloc(len + strlen(suffix) + 1);

	if (path) {
		memcpy(path, db->path, len);
		memcpy(path + len, suffix, strlen(suffix) + 1);
	}
	return path;
}

/* ---- failed ----------------------------------------------------------------------- */

static int failed_error(const struct aic_sqlite *db, int code, aichat_error **reterr)
{
	char text[128];
	int number = atomic_load(&db->failed_errno);

	return aic_error_set(reterr, code,
			     "%s: %s: %s; the store is not written any more: stop, check "
			     "the disk, start again, and run `aichat verify`",
			     db->path,
			     number < 0 ? "the disk failed under another process"
					: "the disk failed",
			     number > 0 ? aic_errno_text(number, text, sizeof(text))
					: "a write or a sync was lost");
}

/* Best effort: the disk has just failed. */
static void leave_note(struct aic_sqlite *db)
{
	static const char note[] = "A write or a sync of the store failed. It is checked "
				   "when it is opened next.\n";

	if (aic_file_write(db->lock.fd, note, strlen(note)) > 0)
		(void)aic_file_fsync(db->lock.fd);
}

int aic_sqlite_disk_failed(struct aic_sqlite *db, int number, aichat_error **reterr)
{
	atomic_store(&db->failed_errno, number);
	if (!atomic_exchange(&db->failed, true))
		leave_note(db);
	return failed_error(db, AICHAT_ESTORE, reterr);
}

int aic_sqlite_disk_refuse(const struct aic_sqlite *db, aichat_error **reterr)
{
	return atomic_load(&db->failed) ? failed_error(db, AICHAT_ESTOREREADONLY, reterr)
					: 0;
}

/* What the kernel kept in memory may be what the disk never got. */
static void forget_cached(const struct aic_sqlite *db, const char *suffix)
{
	AIC_CLEANUP(aic_freep) char *path = beside(db, suffix);
	int fd = path ? aic_file_open(path, O_RDONLY | O_NOFOLLOW, 0) : -1;

	if (fd < 0)
		return;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	aic_file_close(fd); /* nothing was written */
}

void aic_sqlite_disk_open(struct aic_sqlite *db)
{
	struct stat status;

	db->unchecked = fstat(db->lock.fd, &status) == 0 && status.st_size > 0;
	if (!db->unchecked)
		return;
	/* The only time to open them: nobody here has the store open, and its locks. */
	forget_cached(db, "");
	forget_cached(db, "-wal");
}

int aic_sqlite_disk_check(struct aic_sqlite *db, bool noted, aichat_error **reterr)
{
	if (!noted) {
		db->unchecked = false; /* another process has seen to it */
		return 0;
	}
	if (!db->unchecked) { /* the note was left while we had it open */
		atomic_store(&db->failed_errno, -1);
		atomic_store(&db->failed, true);
		return aic_sqlite_disk_refuse(db, reterr);
	}
	int rc = aic_sqlite_check_file(&db->writer, reterr);
	if (rc < 0)
		return rc;
	db->unchecked = false;
	(void)aic_file_truncate(db->lock.fd, 0); /* else the next one checks again */
	return 0;
}

/* ---- full ------------------------------------------------------------------------- */

static int64_t free_bytes(const struct aic_sqlite *db)
{
	struct statvfs disk;

	if (fstatvfs(db->lock.fd, &disk) < 0)
		return INT64_MAX; /* what is wrong, writing will tell */
	return (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
}

static bool is_no_space(int number)
{
	return number == ENOSPC || number == EDQUOT;
}

/* The file, with its space. False: errno says why not. */
static bool make_ballast(const struct aic_sqlite *db)
{
	AIC_CLEANUP(aic_freep) char *path = beside(db, "-ballast");

	errno = ENOMEM;
	int fd = path ? aic_file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600) : -1;
	if (fd < 0)
		return false;
	bool made = aic_file_truncate(fd, db->ballast.bytes) == 0 &&
		    aic_file_allocate(fd, db->ballast.bytes) == 0;
	int number = errno;
	if (!made)
		(void)aic_file_unlink(path);
	aic_file_close(fd);
	errno = number;
	return made;
}

/* Under the ballast's lock. */
static void release(struct aic_sqlite *db)
{
	AIC_CLEANUP(aic_freep) char *path = beside(db, "-ballast");

	atomic_store(&db->ballast.low, true);
	db->ballast.again_ms = aic_clock_mono_ms() + AGAIN_MS;
	int fd = path ? aic_file_open(path, O_RDWR | O_NOFOLLOW, 0) : -1;
	if (fd >= 0) { /* at once, whoever else has it open */
		(void)aic_file_truncate(fd, 0);
		aic_file_close(fd);
	}
	if (path)
		(void)aic_file_unlink(path);
}

/* Under the ballast's lock, while space is low. */
static void try_again(struct aic_sqlite *db)
{
	int64_t now = aic_clock_mono_ms();
	int64_t bytes = db->ballast.bytes;

	if (now < db->ballast.again_ms || free_bytes(db) - bytes < 2 * bytes / LOW_PART)
		return;
	db->ballast.again_ms = now + AGAIN_MS;
	if (!AIC_FAULT("store.ballast") && make_ballast(db))
		atomic_store(&db->ballast.low, false);
}

void aic_sqlite_ballast_open(struct aic_sqlite *db, int64_t bytes)
{
	pthread_mutex_lock(&db->ballast.lock);
	db->ballast.bytes = bytes;
	atomic_store(&db->ballast.low, false);
	if (bytes && !make_ballast(db)) {
		/* Without room for it we are where it is for. Where it cannot be made at
		 * all the store does without. */
		if (is_no_space(errno))
			atomic_store(&db->ballast.low, true);
		else
			db->ballast.bytes = 0;
	}
	pthread_mutex_unlock(&db->ballast.lock);
}

static void look(struct aic_sqlite *db)
{
	pthread_mutex_lock(&db->ballast.lock);
	if (atomic_load(&db->ballast.low))
		try_again(db);
	else if (db->ballast.bytes && free_bytes(db) < db->ballast.bytes / LOW_PART)
		release(db);
	pthread_mutex_unlock(&db->ballast.lock);
}

bool aic_sqlite_make_room(struct aic_backend *backend)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	pthread_mutex_lock(&db->ballast.lock);
	bool made = db->ballast.bytes && !atomic_load(&db->ballast.low);
	if (made)
		release(db);
	pthread_mutex_unlock(&db->ballast.lock);
	return made;
}

int aic_sqlite_check_writable(struct aic_backend *backend, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	if (!db->path)
		return 0;
	if (atomic_load(&db->corrupt))
		return aic_sqlite_damaged(db, "seen before", reterr);
	int rc = aic_sqlite_disk_refuse(db, reterr);
	if (rc < 0 || !db->ballast.bytes)
		return rc;
	look(db);
	if (!atomic_load(&db->ballast.low))
		return 0;
	return aic_error_set(reterr, AICHAT_ESTOREFULL,
			     "%s: hardly any space is left on the disk: what runs may "
			     "end, nothing new is stored; free some and try again",
			     db->path);
}
