/*
 * Connections: opening them hardened, transactions under the write lock, checkpoints,
 * the pool of readers, and SQLite's errors in words of ours.
 */

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/sqlite.h"

/*
 * The WAL goes back into the file when it has this many pages (16 MiB). A page that many
 * commits have changed goes back once: a thousand running replies change a thousand pages
 * with each commit.
 */
#define WAL_PAGES_MAX 4096
/* While space is short, so that the WAL is used again instead of growing. */
#define WAL_PAGES_SHORT 256
/* At the last close already with this many: who opens the store next reads all of them,
 * but a program that asks one question should not pay for two more syncs each time. */
#define WAL_PAGES_LEFT 64
/* To open a connection takes longer than most reads, so a crowd waits for those that
 * there are; not for ever, since who reads at length, or twice, may hold them all. */
#define READERS_KEPT 8
#define READERS_HURRIED 2 /* kept beyond those, for who does not wait */
#define READER_WAIT_MS 5000

static const char *name_of(const struct aic_sqlite *db)
{
	return db->path ? db->path : "memory:";
}

/* ---- errors ----------------------------------------------------------------------- */

int aic_sqlite_damaged(struct aic_sqlite *db, const char *why, aichat_error **reterr)
{
	atomic_store(&db->corrupt, true);
	return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
			     "%s: the store is damaged (%s); it is not written any "
			     "more: copy it, and restore a backup",
			     name_of(db), why);
}

static int full_error(const struct aic_sqlite *db, aichat_error **reterr)
{
	return aic_error_set(reterr, AICHAT_ESTOREFULL,
			     "%s: no space is left on the disk, nothing was stored; "
			     "free some and try again",
			     name_of(db));
}

static int input_output_error(struct aic_sqlite_conn *conn, int rc, aichat_error **reterr)
{
	/* A failed commit leaves it in errno only, which step() has cleared; what SQLite
	 * remembers may be of an earlier failure. */
	int number = errno ? errno : sqlite3_system_errno(conn->handle);
	char text[128];

	if (rc == SQLITE_IOERR_NOMEM)
		return aic_error_nomem(reterr);
	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
		return aic_sqlite_disk_failed(conn->db, number, reterr);
	if (number == ENOSPC || number == EDQUOT || number == EFBIG)
		return full_error(conn->db, reterr);
	if (number == EROFS)
		return aic_error_set(reterr, AICHAT_ESTOREREADONLY,
				     "%s: the file system is read-only",
				     name_of(conn->db));
	if (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_TRUNCATE)
		return aic_sqlite_disk_failed(conn->db, number, reterr);
	return aic_error_set(reterr, AICHAT_ESTORE, "%s: reading or writing failed: %s",
			     name_of(conn->db),
			     number ? aic_errno_text(number, text, sizeof(text))
				    : sqlite3_errstr(rc));
}

int aic_sqlite_error(struct aic_sqlite_conn *conn, int rc, aichat_error **reterr)
{
	struct aic_sqlite *db = conn->db;

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return aic_error_nomem(reterr);
	case SQLITE_FULL:
		return full_error(db, reterr);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* it gave up waiting for another's recovery */
		return aic_error_set(reterr, AICHAT_ESTOREBUSY,
				     "%s: another program has locked it for %lld ms; "
				     "retry, or raise store_busy_timeout_ms",
				     name_of(db), (long long)db->lock.busy_timeout_ms);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return aic_error_set(reterr, AICHAT_ESTOREREADONLY,
				     "%s: cannot be written; check the permissions of "
				     "the file and its folder, or set the option store "
				     "to another path",
				     name_of(db));
	case SQLITE_NOTADB:
		atomic_store(&db->corrupt, true);
		return aic_error_set(reterr, AICHAT_ESTORECORRUPT,
				     "%s: is not an aichat store; name another file",
				     name_of(db));
	case SQLITE_CORRUPT:
		return aic_sqlite_damaged(db, sqlite3_errstr(rc), reterr);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return input_output_error(conn, rc, reterr);
	case SQLITE_TOOBIG:
		return aic_error_set(reterr, AICHAT_ETOOLARGE,
				     "%s: a value is too large to be stored",
				     name_of(db));
	case SQLITE_CONSTRAINT:
		return aic_error_set(reterr, AICHAT_EEXIST,
				     "%s: an object with this id exists already",
				     name_of(db));
	case SQLITE_MISUSE:
		AIC_BUG(aic_error_set(reterr, AICHAT_EINTERNAL, "%s: misuse of SQLite",
				      name_of(db)));
	default:
		return aic_error_set(reterr, AICHAT_ESTORE, "%s: %s", name_of(db),
				     sqlite3_errstr(rc));
	}
}

/* ---- single statements ------------------------------------------------------------ */

static int run_once(struct aic_sqlite_conn *conn, const char *sql, int64_t *ret,
		    aichat_error **reterr)
{
	sqlite3_stmt *stmt = NULL;

	errno = 0;
	int rc = sqlite3_prepare_v2(conn->handle, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && ret)
		*ret = sqlite3_column_int64(stmt, 0);
	while (rc == SQLITE_ROW)
		rc = sqlite3_step(stmt);
	/* Said before finalize, which clears what the error was. */
	int code = rc == SQLITE_DONE ? 0 : aic_sqlite_error(conn, rc, reterr);
	sqlite3_finalize(stmt);
	return code;
}

int aic_sqlite_exec(struct aic_sqlite_conn *conn, const char *sql, aichat_error **reterr)
{
	return run_once(conn, sql, NULL, reterr);
}

int aic_sqlite_number(struct aic_sqlite_conn *conn, const char *sql, int64_t *ret,
		      aichat_error **reterr)
{
	return run_once(conn, sql, ret, reterr);
}

static int run_kept(struct aic_sqlite_conn *conn, enum aic_sql which,
		    aichat_error **reterr)
{
	AIC_QUERY(q, conn, which);

	return aic_query_run(&q, reterr);
}

/* ---- connections ------------------------------------------------------------------ */

/* What a file may do to the program that reads it: nothing. */
static int harden(sqlite3 *handle)
{
	static const struct {
		int option, value;
	} settings[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(settings); i++) {
		int rc = sqlite3_db_config(handle, settings[i].option, settings[i].value,
					   NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

static int busy_timeout(const struct aic_sqlite *db)
{
	return (int)AIC_MIN(db->lock.busy_timeout_ms, (int64_t)INT32_MAX);
}

static int open_conn(struct aic_sqlite *db, struct aic_sqlite_conn *conn, int flags,
		     aichat_error **reterr)
{
	/* Small: an idle context is to cost little. Pages are cached as they are used. */
	static const char *const pragmas[] = {
		"PRAGMA cell_size_check = 1",
		"PRAGMA mmap_size = 0",
		"PRAGMA cache_size = -2048",
		"PRAGMA temp_store = MEMORY",
	};

	conn->session.backend = &db->backend;
	conn->db = db;
	int rc = sqlite3_open_v2(db->path ? db->path : ":memory:", &conn->handle,
				 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				 db->path ? aic_sqlite_vfs() : NULL);
	if (!conn->handle)
		return aic_error_nomem(reterr);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0,
				       0);
	if (rc == SQLITE_OK)
		rc = harden(conn->handle);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_autocheckpoint(conn->handle, 0);
	/* Programs that do not know our lock file (a shell) lock in SQLite's way. */
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(conn->handle, busy_timeout(db));
	int code = rc == SQLITE_OK ? 0 : aic_sqlite_error(conn, rc, reterr);
	for (size_t i = 0; code == 0 && i < AIC_ARRAY_LEN(pragmas); i++)
		code = aic_sqlite_exec(conn, pragmas[i], reterr);
	return code;
}

static void close_conn(struct aic_sqlite_conn *conn)
{
	for (size_t i = 0; i < AIC_SQL_COUNT; i++) {
		sqlite3_finalize(conn->statements[i]);
		conn->statements[i] = NULL;
	}
	sqlite3_close(conn->handle);
	conn->handle = NULL;
}

static int note_wal_size(void *user, sqlite3 *handle AIC_UNUSED,
			 const char *name AIC_UNUSED, int pages)
{
	struct aic_sqlite *db = user;

	db->wal_pages = pages;
	return SQLITE_OK;
}

/* Made or migrated if need be, which only one process at a time may do. */
static int settle_schema(struct aic_sqlite *db, aichat_error **reterr)
{
	int rc = aic_sqlite_schema(&db->writer, false, reterr);

	if (rc <= 0)
		return rc;
	rc = aic_sqlite_lock_write(&db->lock, name_of(db), db->lock.busy_timeout_ms,
				   reterr);
	if (rc < 0)
		return rc;
	rc = aic_sqlite_disk_check(db, db->unchecked, reterr);
	if (rc == 0)
		rc = aic_sqlite_schema(&db->writer, true, reterr);
	aic_sqlite_unlock_write(&db->lock);
	/* The pages of all the tables: few of them will be wanted soon. */
	sqlite3_db_release_memory(db->writer.handle);
	return rc;
}

/* The writer's connection, and behind it what every connection finds. */
static int open_writer(struct aic_sqlite *db, aichat_error **reterr)
{
	int rc = open_conn(db, &db->writer,
			   SQLITE_OPEN_READWRITE | (db->path ? 0 : SQLITE_OPEN_MEMORY),
			   reterr);

	if (rc == 0)
		rc = aic_sqlite_exec(&db->writer, "PRAGMA secure_delete = ON", reterr);
	/* Each running reply appends to a page of its own: a thousand of them, or all are
	 * read anew and written twice. */
	if (rc == 0)
		rc = aic_sqlite_exec(&db->writer, "PRAGMA cache_size = -8192", reterr);
	/* Many small tables: small pages, where nothing is read from a disk. */
	if (rc == 0 && !db->path)
		rc = aic_sqlite_exec(&db->writer, "PRAGMA page_size = 512", reterr);
	if (rc == 0)
		rc = settle_schema(db, reterr);
	if (rc < 0)
		close_conn(&db->writer);
	return rc;
}

static struct aic_sqlite *new_db(const struct aic_place *place,
				 const struct aic_store_config *config,
				 const struct aic_store_backend *ops)
{
	struct aic_sqlite *db = aic_new(struct aic_sqlite);

	if (!db)
		return NULL;
	db->backend = (struct aic_backend){
		.ops = ops,
		.writer = &db->writer.session,
		.is_shared = place->shared,
		.one_session = !place->shared,
	};
	db->writer.session.backend = &db->backend;
	db->path = place->shared ? place->location : NULL;
	db->device = place->device;
	db->inode = place->inode;
	db->lock.fd = -1;
	db->lock.busy_timeout_ms = AIC_MAX(config->busy_timeout_ms, (int64_t)0);
	db->durable = true; /* SQLite's default */
	pthread_mutex_init(&db->pool, NULL);
	aic_cond_init(&db->returned);
	pthread_mutex_init(&db->ballast.lock, NULL);
	return db;
}

static void close_db(struct aic_backend *backend);

static int open_file(const struct aic_place *place, const struct aic_store_config *config,
		     struct aic_backend **ret_backend, aichat_error **reterr)
{
	struct aic_sqlite *db = new_db(place, config, &aic_store_sqlite);

	if (!db)
		return aic_error_nomem(reterr);
	int rc = aic_sqlite_lock_open(&db->lock, db->path, reterr);
	if (rc == 0) {
		aic_sqlite_disk_open(db);
		rc = open_writer(db, reterr);
	}
	if (rc < 0) {
		close_db(&db->backend);
		return rc;
	}
	/* What cannot be read of a damaged store is met where it is needed. */
	int64_t to_purge = 0;
	aic_sqlite_number(&db->writer, "SELECT EXISTS (SELECT 1 FROM purge)", &to_purge,
			  NULL);
	atomic_store(&db->to_purge, to_purge != 0);
	sqlite3_wal_hook(db->writer.handle, note_wal_size, db);
	aic_sqlite_ballast_open(db, config->ballast_bytes);
	*ret_backend = &db->backend;
	return 0;
}

/*
 * The tables of a store in memory are made when it is first read or written: a context
 * that only completes has none, and costs a tenth.
 */
static int open_memory(const struct aic_place *place,
		       const struct aic_store_config *config,
		       struct aic_backend **ret_backend, aichat_error **reterr)
{
	struct aic_sqlite *db = new_db(place, config, &aic_store_memory);

	if (!db)
		return aic_error_nomem(reterr);
	*ret_backend = &db->backend;
	return 0;
}

static int make_ready(struct aic_sqlite *db, aichat_error **reterr)
{
	return db->writer.handle ? 0 : open_writer(db, reterr);
}

/*
 * The WAL into the file, under the write lock. Readers and a full disk may keep it from
 * ending, which is no harm; what the disk lost is known from here on.
 */
static bool checkpoint(struct aic_sqlite *db, int mode)
{
	if (atomic_load(&db->failed))
		return false;
	errno = 0;
	int rc = sqlite3_wal_checkpoint_v2(db->writer.handle, NULL, mode, NULL, NULL);
	if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CORRUPT)
		(void)aic_sqlite_error(&db->writer, rc, NULL);
	return rc == SQLITE_OK;
}

/* All of it, and the WAL cut off, if nobody reads what is in it. */
static bool truncate_wal(struct aic_sqlite *db)
{
	sqlite3_busy_timeout(db->writer.handle, 0);
	bool done = checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);
	sqlite3_busy_timeout(db->writer.handle, busy_timeout(db));
	return done;
}

/*
 * Deleted content is overwritten in the tables, and goes from the WAL with it. Readers
 * may keep it from ending; then the next commit goes on, of whatever process.
 */
static void purge(struct aic_sqlite *db)
{
	if (!atomic_load(&db->to_purge) || !db->path || !truncate_wal(db) ||
	    run_kept(&db->writer, AIC_SQL_BEGIN, NULL) < 0)
		return;
	if (run_kept(&db->writer, AIC_SQL_PURGED, NULL) == 0 &&
	    run_kept(&db->writer, AIC_SQL_COMMIT, NULL) == 0)
		atomic_store(&db->to_purge, false);
	else if (!sqlite3_get_autocommit(db->writer.handle))
		run_kept(&db->writer, AIC_SQL_ROLLBACK, NULL);
}

static bool is_purged(struct aic_backend *backend)
{
	const struct aic_sqlite *db = (struct aic_sqlite *)backend;

	return !db->path || !atomic_load(&db->to_purge);
}

/*
 * Writing to a file that nobody finds any more would lose what is written. The lock file
 * tells, too, of a disk that failed.
 */
static int check_place(struct aic_sqlite *db, aichat_error **reterr)
{
	struct stat status;

	if (!db->path)
		return 0;
	if (stat(db->path, &status) == 0 && status.st_dev == db->device &&
	    status.st_ino == db->inode && fstat(db->lock.fd, &status) == 0 &&
	    status.st_nlink > 0)
		return aic_sqlite_disk_check(db, status.st_size > 0, reterr);
	return aic_error_set(reterr, AICHAT_ESTORE,
			     "%s: the store or its lock file was moved or replaced while "
			     "in use; start again",
			     db->path);
}

/* Best effort, and only if nobody else is at it: the next one does it otherwise. */
static void last_checkpoint(struct aic_sqlite *db)
{
	bool wanted = db->wal_pages >= WAL_PAGES_LEFT || atomic_load(&db->to_purge);

	if (!db->path || !wanted || atomic_load(&db->corrupt) || db->unchecked ||
	    aic_sqlite_lock_write(&db->lock, name_of(db), 0, NULL) < 0)
		return;
	/* The disk may have failed under another process since our last write. */
	bool sound = check_place(db, NULL) == 0;
	if (sound && atomic_load(&db->to_purge))
		purge(db);
	else if (sound)
		truncate_wal(db);
	aic_sqlite_unlock_write(&db->lock);
}

static void close_db(struct aic_backend *backend)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	while (db->idle) {
		struct aic_sqlite_conn *conn = db->idle;
		db->idle = conn->next;
		close_conn(conn);
		aic_free(conn);
	}
	last_checkpoint(db);
	close_conn(&db->writer);
	aic_sqlite_lock_close(&db->lock);
	pthread_mutex_destroy(&db->ballast.lock);
	pthread_cond_destroy(&db->returned);
	pthread_mutex_destroy(&db->pool);
	aic_free(db);
}

/* ---- transactions ----------------------------------------------------------------- */

static int set_durable(struct aic_sqlite *db, bool durable, aichat_error **reterr)
{
	if (!db->path || db->durable == durable)
		return 0;
	int rc = aic_sqlite_exec(&db->writer,
				 durable ? "PRAGMA synchronous = FULL"
					 : "PRAGMA synchronous = NORMAL",
				 reterr);
	if (rc == 0)
		db->durable = durable;
	return rc;
}

static int begin(struct aic_backend *backend, bool durable, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	if (atomic_load(&db->corrupt))
		return aic_sqlite_damaged(db, "seen before", reterr);
	int rc = aic_sqlite_disk_refuse(db, reterr);
	if (rc == 0)
		rc = make_ready(db, reterr);
	if (rc == 0)
		rc = aic_sqlite_lock_write(&db->lock, name_of(db),
					   db->lock.busy_timeout_ms, reterr);
	if (rc < 0)
		return rc;
	rc = check_place(db, reterr);
	if (rc == 0)
		rc = set_durable(db, durable, reterr);
	if (rc == 0)
		rc = run_kept(&db->writer, AIC_SQL_BEGIN, reterr);
	if (rc < 0)
		aic_sqlite_unlock_write(&db->lock);
	return rc;
}

/* A proof of life that nothing stored names goes back: it may be a dead one's. */
static void forget_slot(struct aic_sqlite *db)
{
	aic_sqlite_drop_slot(&db->lock);
	db->slot_fresh = db->slot_uncommitted = db->slot_unkept = false;
}

static void rollback(struct aic_backend *backend)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	if (!sqlite3_get_autocommit(db->writer.handle))
		run_kept(&db->writer, AIC_SQL_ROLLBACK, NULL);
	if (db->slot_uncommitted)
		forget_slot(db);
	aic_sqlite_unlock_write(&db->lock);
}

static int commit(struct aic_backend *backend, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;
	int rc = run_kept(&db->writer, AIC_SQL_COMMIT, reterr);

	if (rc < 0) {
		rollback(backend);
		return rc;
	}
	db->slot_uncommitted = db->slot_unkept = false;
	purge(db);
	/* If it does not end the next commit goes on. */
	int most = atomic_load(&db->ballast.low) ? WAL_PAGES_SHORT : WAL_PAGES_MAX;
	if (db->wal_pages >= most) {
		checkpoint(db, SQLITE_CHECKPOINT_PASSIVE);
		db->wal_pages = 0;
	}
	aic_sqlite_unlock_write(&db->lock);
	return 0;
}

static int mark(struct aic_backend *backend, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	db->slot_unkept = false;
	return run_kept(&db->writer, AIC_SQL_MARK, reterr);
}

static int keep(struct aic_backend *backend, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;

	db->slot_unkept = false;
	return run_kept(&db->writer, AIC_SQL_KEEP, reterr);
}

static int undo(struct aic_backend *backend, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;
	int rc = run_kept(&db->writer, AIC_SQL_UNDO, reterr);

	if (rc == 0)
		rc = run_kept(&db->writer, AIC_SQL_KEEP, reterr);
	if (db->slot_unkept)
		forget_slot(db);
	return rc;
}

static bool in_transaction(struct aic_backend *backend)
{
	return !sqlite3_get_autocommit(((struct aic_sqlite *)backend)->writer.handle);
}

/* ---- readers ---------------------------------------------------------------------- */

/* Whoever waits may open another one. */
static void discount_reader(struct aic_sqlite *db)
{
	pthread_mutex_lock(&db->pool);
	db->reader_count--;
	pthread_mutex_unlock(&db->pool);
	pthread_cond_signal(&db->returned);
}

static void drop_reader(struct aic_sqlite_conn *conn)
{
	struct aic_sqlite *db = conn->db;

	close_conn(conn);
	aic_free(conn);
	discount_reader(db);
}

/* NULL: another one is to be opened, and counts already. */
static struct aic_sqlite_conn *take_reader(struct aic_sqlite *db, bool hurry)
{
	int64_t until = 0;

	pthread_mutex_lock(&db->pool);
	while (!db->idle && db->reader_count >= READERS_KEPT && !hurry) {
		until = until ? until : aic_clock_mono_ms() + READER_WAIT_MS;
		if (!aic_cond_wait_until(&db->returned, &db->pool, until))
			break;
	}
	struct aic_sqlite_conn *conn = db->idle;
	if (conn) {
		db->idle = conn->next;
		db->idle_count--;
	} else {
		db->reader_count++;
	}
	pthread_mutex_unlock(&db->pool);
	return conn;
}

static int read_begin(struct aic_backend *backend, bool hurry,
		      struct aic_session **ret_session, aichat_error **reterr)
{
	struct aic_sqlite *db = (struct aic_sqlite *)backend;
	struct aic_sqlite_conn *conn = take_reader(db, hurry);
	int rc = 0;

	if (!conn) {
		conn = aic_new(struct aic_sqlite_conn);
		if (!conn) {
			discount_reader(db);
			return aic_error_nomem(reterr);
		}
		conn->db = db;
		rc = open_conn(db, conn, SQLITE_OPEN_READONLY, reterr);
	}
	if (rc == 0)
		rc = run_kept(conn, AIC_SQL_BEGIN_READ, reterr);
	if (rc < 0) {
		drop_reader(conn);
		return rc;
	}
	*ret_session = &conn->session;
	return 0;
}

static void read_end(struct aic_session *session)
{
	struct aic_sqlite_conn *conn = aic_sqlite_conn_of(session);
	struct aic_sqlite *db = conn->db;
	bool keep_it = run_kept(conn, AIC_SQL_COMMIT, NULL) == 0;

	if (keep_it) {
		pthread_mutex_lock(&db->pool);
		keep_it = db->reader_count <= READERS_KEPT + READERS_HURRIED;
		if (keep_it) {
			conn->next = db->idle;
			db->idle = conn;
			db->idle_count++;
		}
		pthread_mutex_unlock(&db->pool);
	}
	if (keep_it)
		pthread_cond_signal(&db->returned);
	else
		drop_reader(conn);
}

/* Of a store in memory: what is read is what is written. */
static int read_begin_memory(struct aic_backend *backend, bool hurry AIC_UNUSED,
			     struct aic_session **ret_session, aichat_error **reterr)
{
	int rc = make_ready((struct aic_sqlite *)backend, reterr);

	if (rc == 0)
		*ret_session = backend->writer;
	return rc;
}

static void read_end_memory(struct aic_session *session AIC_UNUSED)
{
}

/* ---- the two backends ------------------------------------------------------------- */

#define SHARED_FUNCTIONS                                                                 \
	.close = close_db, .begin = begin, .commit = commit, .rollback = rollback,       \
	.mark = mark, .keep = keep, .undo = undo, .in_transaction = in_transaction,      \
	.is_purged = is_purged, .check_writable = aic_sqlite_check_writable,             \
	.make_room = aic_sqlite_make_room, .claim = aic_sqlite_claim,                    \
	.own = aic_sqlite_own, .dead = aic_sqlite_dead,                                  \
	.conversation = aic_sqlite_read_conversation,                                    \
	.conversations = aic_sqlite_read_conversations,                                  \
	.by_prefix = aic_sqlite_read_prefix, .message = aic_sqlite_read_message,         \
	.path = aic_sqlite_read_path, .tree = aic_sqlite_read_tree,                      \
	.children = aic_sqlite_read_children, .reply = aic_sqlite_read_reply,            \
	.reply_of = aic_sqlite_read_reply_of,                                            \
	.reply_messages = aic_sqlite_read_reply_messages,                                \
	.events = aic_sqlite_read_events, .cancelled = aic_sqlite_read_cancelled,        \
	.add_conversation = aic_sqlite_add_conversation,                                 \
	.set_conversation = aic_sqlite_set_conversation,                                 \
	.set_head = aic_sqlite_set_head,                                                 \
	.delete_conversation = aic_sqlite_delete_conversation,                           \
	.erase_message = aic_sqlite_erase_message,                                       \
	.add_message = aic_sqlite_add_message,                                           \
	.update_message = aic_sqlite_update_message, .add_reply = aic_sqlite_add_reply,  \
	.set_reply = aic_sqlite_set_reply, .cancel_reply = aic_sqlite_cancel_reply,      \
	.add_events = aic_sqlite_add_events, .prune = aic_sqlite_prune,                  \
	.verify = aic_sqlite_verify, .record = aic_sqlite_read_record,                   \
	.records = aic_sqlite_read_records, .add_record = aic_sqlite_add_record,         \
	.set_record = aic_sqlite_set_record, .delete_record = aic_sqlite_delete_record,  \
	.prune_records = aic_sqlite_prune_records,                                       \
	.idempotency = aic_sqlite_read_idempotency,                                      \
	.add_idempotency = aic_sqlite_add_idempotency,                                   \
	.prune_idempotency = aic_sqlite_prune_idempotency,                               \
	.last_audit = aic_sqlite_read_last_audit, .add_audit = aic_sqlite_add_audit,     \
	.audits = aic_sqlite_read_audits, .walk_audit = aic_sqlite_walk_audit,           \
	.add_usage = aic_sqlite_add_usage, .usages = aic_sqlite_read_usages,             \
	.usage_sum = aic_sqlite_read_usage_sum, .running = aic_sqlite_read_running,      \
	.forget_owner = aic_sqlite_forget_owner

const struct aic_store_backend aic_store_sqlite = {
	.scheme = "sqlite",
	.locate = aic_sqlite_locate,
	.open = open_file,
	.read_begin = read_begin,
	.read_end = read_end,
	SHARED_FUNCTIONS,
};

const struct aic_store_backend aic_store_memory = {
	.scheme = "memory",
	.locate = aic_sqlite_locate_memory,
	.open = open_memory,
	.read_begin = read_begin_memory,
	.read_end = read_end_memory,
	SHARED_FUNCTIONS,
};
