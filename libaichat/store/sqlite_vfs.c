/*
 * Test builds: SQLite's VFS with every operation on files counted, and the n-th made to
 * fail, by the counter of base/file.h.
 */

#include "store/sqlite.h"

#ifdef AIC_TEST_HOOKS

#include <errno.h>
#include <pthread.h>

#include "base/file.h"

struct shim_file {
	sqlite3_file base;  /* first */
	sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;
static pthread_once_t shim_once = PTHREAD_ONCE_INIT;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct shim_file *)file)->real;
}

/* A full disk has a code of its own. */
static int failure(int code)
{
	return errno == ENOSPC ? SQLITE_FULL : code;
}

static int shim_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
	if (aic_file_must_fail(AIC_FILE_OTHER))
		return SQLITE_IOERR_READ;
	return real_of(file)->pMethods->xRead(real_of(file), to, len, at);
}

static int shim_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
	if (aic_file_must_fail(AIC_FILE_WRITE))
		return failure(SQLITE_IOERR_WRITE);
	return real_of(file)->pMethods->xWrite(real_of(file), from, len, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (aic_file_must_fail(AIC_FILE_OTHER))
		return SQLITE_IOERR_TRUNCATE;
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	if (aic_file_must_fail(AIC_FILE_SYNC))
		return SQLITE_IOERR_FSYNC;
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int shim_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_check_lock(sqlite3_file *file, int *ret)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int shim_control(sqlite3_file *file, int op, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int shim_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend,
			void volatile **ret)
{
	/* Memory that is made anew from the log: no write that could be lost. */
	if (extend && aic_file_must_fail(AIC_FILE_OTHER))
		return failure(SQLITE_IOERR_SHMMAP);
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_shm_unmap(sqlite3_file *file, int delete_it)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_check_lock,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector_size,
	.xDeviceCharacteristics = shim_characteristics,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_shm_barrier,
	.xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs AIC_UNUSED, sqlite3_filename name,
		     sqlite3_file *file, int flags, int *ret_flags)
{
	struct shim_file *shim = (struct shim_file *)file;

	shim->base.pMethods = NULL;
	shim->real = (sqlite3_file *)(shim + 1);
	if (aic_file_must_fail(AIC_FILE_OTHER))
		return failure(SQLITE_CANTOPEN);
	int rc = real_vfs->xOpen(real_vfs, name, shim->real, flags, ret_flags);
	if (shim->real->pMethods)
		shim->base.pMethods = &shim_methods;
	return rc;
}

static int shim_delete(sqlite3_vfs *vfs AIC_UNUSED, const char *name, int sync)
{
	if (aic_file_must_fail(AIC_FILE_OTHER))
		return SQLITE_IOERR_DELETE;
	return real_vfs->xDelete(real_vfs, name, sync);
}

static void make_shim(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	if (!real_vfs)
		return;
	/* What is not wrapped (paths, time, randomness) stays SQLite's. */
	shim_vfs = *real_vfs;
	shim_vfs.zName = "aichat-test";
	shim_vfs.szOsFile += (int)sizeof(struct shim_file);
	shim_vfs.xOpen = shim_open;
	shim_vfs.xDelete = shim_delete;
	shim_vfs.pNext = NULL;
	if (sqlite3_vfs_register(&shim_vfs, 0) != SQLITE_OK)
		real_vfs = NULL;
}

const char *aic_sqlite_vfs(void)
{
	pthread_once(&shim_once, make_shim);
	return real_vfs ? shim_vfs.zName : NULL;
}

#else

const char *aic_sqlite_vfs(void)
{
	return NULL;
}

#endif
