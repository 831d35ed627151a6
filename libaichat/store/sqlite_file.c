/*
 * Where a store's file is: its folder made, the file system looked at, the file there
 * with the right mode, and its one true path, because the lock file and the WAL lie
 * beside it whatever name it was opened by.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/sqlite.h"

/* SQLite's own limit is 512, with "-journal" behind the name (os_unix.c). */
#define PATH_BYTES_MAX 500

/*
 * File systems on which WAL is not safe, because its index is memory that all processes
 * share: those of other machines, and FUSE, which hides them. Numbers: statfs(2), and
 * linux/magic.h.
 */
static const struct {
	unsigned long magic;
	const char *name;
} remote_file_systems[] = {
	{ 0x6969, "NFS" },          { 0x517b, "SMB" },      { 0xff534d42, "CIFS" },
	{ 0xfe534d42, "SMB2" },     { 0x01021997, "9P" },   { 0x00c36400, "Ceph" },
	{ 0x5346414f, "AFS" },      { 0x6b414653, "AFS" },  { 0x73757245, "Coda" },
	{ 0x564c, "NCP" },          { 0x47504653, "GPFS" }, { 0x0bd00bd0, "Lustre" },
	{ 0x20030528, "OrangeFS" }, { 0x65735546, "FUSE" }, { 0x7461636f, "OCFS2" },
	{ 0x01161970, "GFS2" },
};

#ifdef AIC_TEST_HOOKS
static _Atomic long pretended_magic;

void aic_sqlite_set_file_system(long magic)
{
	atomic_store(&pretended_magic, magic);
}
#endif

static int check_file_system(const char *folder, const char *path, aichat_error **reterr)
{
	struct statfs status;

	if (statfs(folder, &status) < 0)
		return 0; /* what is wrong with it, opening will tell */
	unsigned long magic = (unsigned long)status.f_type & 0xffffffff;
#ifdef AIC_TEST_HOOKS
	if (atomic_load(&pretended_magic))
		magic = (unsigned long)atomic_load(&pretended_magic) & 0xffffffff;
#endif
	for (size_t i = 0; i < AIC_ARRAY_LEN(remote_file_systems); i++)
		if (remote_file_systems[i].magic == magic)
			return aic_error_set(
				reterr, AICHAT_ESTORE,
				"%s: is on a network file system (%s), where several "
				"processes would damage it; use a path on a local disk",
				path, remote_file_systems[i].name);
	return 0;
}

static int open_error(const char *path, const char *what, aichat_error **reterr)
{
	char text[128];
	int number = errno;
	int code = AICHAT_ESTORE;

	if (number == EACCES || number == EROFS || number == EPERM)
		code = AICHAT_ESTOREREADONLY;
	else if (number == ENOSPC || number == EDQUOT)
		code = AICHAT_ESTOREFULL;
	else if (number == ENAMETOOLONG)
		code = AICHAT_EINVAL;
	const char *remedy = "; change that, or set the option store to another path";
	if (code == AICHAT_ESTOREFULL)
		remedy = "; free some space and try again";
	else if (code == AICHAT_ESTORE)
		remedy = "";
	return aic_error_set(reterr, code, "%s: %s: %s%s", path, what,
			     aic_errno_text(number, text, sizeof(text)), remedy);
}

/* The folder of a path, "." for none. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return aic_strdup(".");
	return aic_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* An empty file, 0600 whatever the umask. */
static int make_file(const char *path, aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *folder = folder_of(path);

	if (!folder)
		return aic_error_nomem(reterr);
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	int rc = aic_file_make_folders(folder, &error);
	/* What is missing, or in the way, is nothing that the caller asked for. */
	if (rc == AICHAT_ENOTFOUND || rc == AICHAT_EEXIST)
		return aic_error_set(reterr, AICHAT_ESTORE, "%s",
				     aichat_error_message(error));
	if (rc < 0)
		return aic_error_pass(reterr, AIC_TAKE(error));
	rc = check_file_system(folder, path, reterr);
	if (rc < 0)
		return rc;
	int fd = aic_file_open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0) {
		rc = open_error(path, "cannot be made", reterr);
		if (fd >= 0)
			aic_file_close(fd);
		return rc;
	}
	aic_file_close(fd); /* nothing was written */
	return 0;
}

/* The path that there is, without links; it must be a file that we may write. */
static int resolve(const char *location, struct aic_place *place, aichat_error **reterr)
{
	struct stat status;
	AIC_CLEANUP(aic_freep) char *folder = NULL;
	char *path = aic_malloc(PATH_MAX);

	if (!path)
		return aic_error_nomem(reterr);
	place->location = path;
	if (!realpath(location, path) || stat(path, &status) < 0)
		return open_error(location, "cannot be opened", reterr);
	if (S_ISDIR(status.st_mode))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "%s: is a folder; name a file in it", location);
	if (!S_ISREG(status.st_mode))
		return aic_error_set(reterr, AICHAT_EINVAL, "%s: is no regular file",
				     location);
	if (strlen(path) > PATH_BYTES_MAX)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "%s: the path is longer than %d bytes", path,
				     PATH_BYTES_MAX);
	folder = folder_of(path);
	if (!folder)
		return aic_error_nomem(reterr);
	int rc = check_file_system(folder, path, reterr);
	if (rc < 0)
		return rc;
	/* The WAL and the lock file are made beside it. */
	if (access(path, R_OK | W_OK) < 0)
		return open_error(path, "the store cannot be written", reterr);
	if (access(folder, W_OK | X_OK) < 0)
		return open_error(folder, "the store's folder cannot be written", reterr);
	place->shared = true;
	place->device = status.st_dev;
	place->inode = status.st_ino;
	return 0;
}

int aic_sqlite_locate(const char *location, struct aic_place *ret_place,
		      aichat_error **reterr)
{
	struct stat status;

	if (!*location)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "\"sqlite:\" wants a path behind it");
	if (strlen(location) > PATH_BYTES_MAX)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "%.60s...: the path is longer than %d bytes",
				     location, PATH_BYTES_MAX);
	if (location[strlen(location) - 1] == '/')
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "%s: is a folder; name a file in it", location);
	/*
	 * A file that is there is not opened here: closing it again would drop the locks
	 * of a store that has it open.
	 */
	int rc = stat(location, &status) < 0 && errno == ENOENT
			 ? make_file(location, reterr)
			 : 0;
	if (rc == 0)
		rc = resolve(location, ret_place, reterr);
	if (rc < 0)
		return rc;
	struct aic_buf name = aic_buf(0);
	aic_buf_printf(&name, "sqlite:%s", ret_place->location);
	ret_place->name = aic_buf_take(&name, NULL);
	aic_buf_done(&name);
	return ret_place->name ? 0 : aic_error_nomem(reterr);
}

int aic_sqlite_locate_memory(const char *location, struct aic_place *ret_place,
			     aichat_error **reterr)
{
	if (*location)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "\"memory:\" takes nothing behind it");
	ret_place->name = aic_strdup("memory:");
	return ret_place->name ? 0 : aic_error_nomem(reterr);
}
