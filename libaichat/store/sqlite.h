#pragma once

/*
 * The SQLite backend's own: one file (or private memory), a connection that writes, and
 * a few that read.
 *
 * Rules that keep the file sound: every write transaction and every checkpoint holds the
 * write lock of the lock file, so that no two connections ever write or checkpoint at
 * once; readers are opened read-only; nothing else in the process opens the file.
 */

#include <pthread.h>
#include <stdatomic.h>

#include <sqlite3.h>

#include "store/backend.h"
#include "store/sqlite_sql.h"

struct aic_sqlite;

struct aic_sqlite_conn {
	struct aic_session session; /* first */
	struct aic_sqlite *db;
	sqlite3 *handle;
	struct aic_sqlite_conn *next;            /* among the idle readers */
	sqlite3_stmt *statements[AIC_SQL_COUNT]; /* prepared when first used */
};

/* The lock file: byte 0 is the write lock, the others are proofs of life. */
struct aic_sqlite_lock {
	int fd; /* -1: memory, where there is nobody else */
	int64_t busy_timeout_ms;
	uint32_t slot; /* our own proof of life; 0 = none */
};

/* Space that is set aside for the ends of what runs; see sqlite_disk.c. */
struct aic_sqlite_ballast {
	int64_t bytes;        /* 0 = none is kept */
	_Atomic bool low;     /* it was given up, or could not be made */
	pthread_mutex_t lock; /* guards what follows, and the file */
	int64_t again_ms;     /* when it is tried next */
};

struct aic_sqlite {
	struct aic_backend backend; /* first */
	struct aic_sqlite_conn writer;
	const char *path; /* the store's; NULL for memory */
	dev_t device;
	ino_t inode;
	struct aic_sqlite_lock lock;
	_Atomic bool corrupt;     /* seen damaged: it is not written any more */
	_Atomic bool failed;      /* a write or a sync was lost: the same */
	_Atomic int failed_errno; /* why; -1 = another process met it */
	bool unchecked;           /* a write or a sync was lost before we opened it */
	struct aic_sqlite_ballast ballast;
	_Atomic bool to_purge; /* erased content is left in the WAL */
	bool durable;          /* the writer's synchronous is FULL */
	int wal_pages;         /* after the last commit */

	/* Our slot: its owner's replies are not folded yet; taken in this transaction;
	 * taken after the mark. */
	bool slot_fresh, slot_uncommitted, slot_unkept;

	pthread_mutex_t pool;    /* guards what follows */
	pthread_cond_t returned; /* a reader is idle, or one less is open */
	struct aic_sqlite_conn *idle;
	unsigned idle_count, reader_count;
};

static inline struct aic_sqlite_conn *aic_sqlite_conn_of(struct aic_session *session)
{
	return (struct aic_sqlite_conn *)session;
}

/* ---- sqlite.c: connections and errors --------------------------------------------- */

/* What SQLite said, as an error of ours: what, where, what to do. */
int aic_sqlite_error(struct aic_sqlite_conn *conn, int rc, aichat_error **reterr);
/* "PATH: the store is damaged (WHY)..."; it is not written any more. */
int aic_sqlite_damaged(struct aic_sqlite *db, const char *why, aichat_error **reterr);
/* One statement that is run once: not kept, no rows wanted. */
int aic_sqlite_exec(struct aic_sqlite_conn *conn, const char *sql, aichat_error **reterr);
/* A statement with one number as its result. */
int aic_sqlite_number(struct aic_sqlite_conn *conn, const char *sql, int64_t *ret,
		      aichat_error **reterr);

/*
 * A prepared statement in use. Values are bound and columns are read in order; the first
 * failure sticks and comes out of step() or end().
 */
struct aic_query {
	struct aic_sqlite_conn *conn;
	sqlite3_stmt *stmt;
	int rc;     /* SQLite's */
	int next;   /* value to bind, from 1 */
	int column; /* to read, from 0 */
	bool row;   /* it is on a row */
};

struct aic_query aic_query(struct aic_sqlite_conn *conn, enum aic_sql which);
void aic_query_done(struct aic_query *q);
#define AIC_QUERY(name, conn, which)                                                     \
	AIC_CLEANUP(aic_query_done) struct aic_query name = aic_query(conn, which)

void aic_query_bind_int(struct aic_query *q, int64_t value);
void aic_query_bind_null(struct aic_query *q);
/* Borrowed until the query is done; data NULL = null. */
void aic_query_bind_str(struct aic_query *q, struct aic_str text);
void aic_query_bind_text(struct aic_query *q, const char *text);
void aic_query_bind_bytes(struct aic_query *q, const void *data, size_t len);
/* An unset id is null. */
void aic_query_bind_id(struct aic_query *q, const struct aic_id *id);

/* 1 = a row, 0 = no more, else an error of ours. */
int aic_query_step(struct aic_query *q, aichat_error **reterr);
/* A statement that gives no rows. */
int aic_query_run(struct aic_query *q, aichat_error **reterr);
/* After reading columns: 0, or out of memory. */
int aic_query_check(struct aic_query *q, aichat_error **reterr);

int64_t aic_query_int(struct aic_query *q);
int64_t aic_query_int_or(struct aic_query *q, int64_t null);
void aic_query_id(struct aic_query *q, struct aic_id *ret_id);
/* Owned copies; NULL for null. */
void aic_query_text(struct aic_query *q, char **ret_text);
void aic_query_string(struct aic_query *q, struct aic_string *ret_string);
/* Borrowed until the next step; data NULL = null. */
struct aic_str aic_query_bytes(struct aic_query *q);

/* ---- the other files -------------------------------------------------------------- */

/* Keys: conversation.no << 24 | ordinal, reply.no << 32 | seq. */
#define AIC_ORDINAL_BITS 24
#define AIC_ORDINAL_MAX (((int64_t)1 << AIC_ORDINAL_BITS) - 1)
#define AIC_SEQ_BITS 32
#define AIC_SEQ_MAX (((int64_t)1 << AIC_SEQ_BITS) - 1)
/* Tool results within tool results. */
#define AIC_PART_DEPTH_MAX 8

/* sqlite_file.c */
int aic_sqlite_locate(const char *location, struct aic_place *ret_place,
		      aichat_error **reterr);
int aic_sqlite_locate_memory(const char *location, struct aic_place *ret_place,
			     aichat_error **reterr);
#ifdef AIC_TEST_HOOKS
/* What statfs() says of every folder from now on; 0 = the truth. */
void aic_sqlite_set_file_system(long magic);
#endif

/* sqlite_lock.c */
int aic_sqlite_lock_open(struct aic_sqlite_lock *lock, const char *store_path,
			 aichat_error **reterr);
void aic_sqlite_lock_close(struct aic_sqlite_lock *lock);
/* Waits up to the busy timeout; 0 = none. 0, AICHAT_ESTOREBUSY or AICHAT_ESTORE. */
int aic_sqlite_lock_write(struct aic_sqlite_lock *lock, const char *store_path,
			  int64_t timeout_ms, aichat_error **reterr);
void aic_sqlite_unlock_write(struct aic_sqlite_lock *lock);
/* Take a free byte as our proof of life. 1 = it is new, 0 = we had one. */
int aic_sqlite_take_slot(struct aic_sqlite_lock *lock, const char *store_path,
			 aichat_error **reterr);
void aic_sqlite_drop_slot(struct aic_sqlite_lock *lock);
/* Whether a process lives that holds this byte. */
bool aic_sqlite_slot_lives(const struct aic_sqlite_lock *lock, uint32_t slot);

/* sqlite_schema.c: make, migrate or refuse. Under the write lock when `locked`; 1 = the
 * lock is needed. */
int aic_sqlite_schema(struct aic_sqlite_conn *conn, bool locked, aichat_error **reterr);

/* sqlite_vfs.c: the name of the VFS to open with; NULL = SQLite's own. */
const char *aic_sqlite_vfs(void);

/* sqlite_read.c */
int aic_sqlite_missing(aichat_error **reterr, const char *what, const struct aic_id *id);
/* A row of AIC_SQL_MESSAGE_COLUMNS, with its parts; the key of its parent. */
int aic_sqlite_take_message(struct aic_query *q, struct aichat_message **ret_message,
			    int64_t *ret_parent, aichat_error **reterr);
int aic_sqlite_read_conversation(struct aic_session *session, const char *owner,
				 const struct aic_id *id,
				 struct aic_conversation_row *ret_row,
				 aichat_error **reterr);
int aic_sqlite_read_conversations(struct aic_session *session, const char *owner,
				  const struct aic_conversation_filter *filter,
				  int64_t before_updated_unix_ms,
				  const struct aic_id *before_id, size_t limit,
				  struct aic_conversation_rows *ret_rows,
				  aichat_error **reterr);
int aic_sqlite_read_prefix(struct aic_session *session, const char *owner,
			   const struct aic_id *first, const struct aic_id *last,
			   struct aic_id ret_ids[2], size_t *ret_count,
			   aichat_error **reterr);
int aic_sqlite_read_message(struct aic_session *session, const char *owner,
			    const struct aic_id *id, struct aichat_message **ret_message,
			    aichat_error **reterr);
int aic_sqlite_read_path(struct aic_session *session, const char *owner,
			 const struct aic_id *tip, size_t limit,
			 struct aic_messages *ret_messages, aichat_error **reterr);
int aic_sqlite_read_tree(struct aic_session *session, const char *owner,
			 const struct aic_id *conversation_id, const struct aic_id *after,
			 size_t limit, struct aic_messages *ret_messages,
			 aichat_error **reterr);
int aic_sqlite_read_children(struct aic_session *session, const char *owner,
			     const struct aic_id *conversation_id,
			     const struct aic_id *parent,
			     struct aic_messages *ret_messages, aichat_error **reterr);
int aic_sqlite_read_reply_messages(struct aic_session *session, const char *owner,
				   const struct aic_id *reply_id,
				   struct aic_messages *ret_messages,
				   aichat_error **reterr);

/* sqlite_reply.c */
/* A row of AIC_SQL_REPLY_COLUMNS. */
struct aic_sqlite_reply {
	int64_t no;
	bool logged;
	struct aic_reply_row row;
};
int aic_sqlite_take_reply(struct aic_query *q, struct aic_sqlite_reply *ret_reply,
			  aichat_error **reterr);
int aic_sqlite_read_reply(struct aic_session *session, const char *owner,
			  const struct aic_id *id, struct aic_reply_row *ret_row,
			  aichat_error **reterr);
int aic_sqlite_read_reply_of(struct aic_session *session, const char *owner,
			     const struct aic_id *message_id,
			     struct aic_reply_row *ret_row, aichat_error **reterr);
int aic_sqlite_read_events(struct aic_session *session, const char *owner,
			   const struct aic_id *reply_id, uint64_t after,
			   struct aic_event_list *ret_events, aichat_error **reterr);
int aic_sqlite_read_cancelled(struct aic_session *session, struct aic_id *ret_ids,
			      size_t max, size_t *ret_count, aichat_error **reterr);
int aic_sqlite_claim(struct aic_session *session, aichat_error **reterr);
void aic_sqlite_own(struct aic_session *session);
int aic_sqlite_dead(struct aic_session *session, struct aic_dead_reply *ret_replies,
		    size_t max, size_t *ret_count, aichat_error **reterr);
int aic_sqlite_add_reply(struct aic_session *session, const char *owner,
			 const struct aic_reply_row *row, aichat_error **reterr);
int aic_sqlite_set_reply(struct aic_session *session, const char *owner,
			 const struct aic_reply_row *row, aichat_error **reterr);
int aic_sqlite_cancel_reply(struct aic_session *session, const char *owner,
			    const struct aic_id *id, aichat_error **reterr);
int aic_sqlite_add_events(struct aic_session *session, const struct aic_id *reply_id,
			  struct aichat_event *const *events, size_t count,
			  aichat_error **reterr);
int aic_sqlite_prune(struct aic_session *session, int64_t ended_before_unix_ms,
		     size_t max, aichat_error **reterr);
int aic_sqlite_drop_log(struct aic_sqlite_conn *conn, int64_t reply,
			aichat_error **reterr);

/* sqlite_write.c */
int aic_sqlite_conversation_no(struct aic_sqlite_conn *conn, const char *owner,
			       const struct aic_id *id, int64_t *ret_no,
			       aichat_error **reterr);
int aic_sqlite_add_conversation(struct aic_session *session, const char *owner,
				const struct aic_conversation_row *row,
				aichat_error **reterr);
int aic_sqlite_set_conversation(struct aic_session *session, const char *owner,
				const struct aic_conversation_row *row, int64_t version,
				aichat_error **reterr);
int aic_sqlite_set_head(struct aic_session *session, const char *owner,
			const struct aic_id *conversation_id, const struct aic_id *head,
			int64_t updated_unix_ms, aichat_error **reterr);
int aic_sqlite_delete_conversation(struct aic_session *session, const char *owner,
				   const struct aic_id *id, aichat_error **reterr);
int aic_sqlite_erase_message(struct aic_session *session, const char *owner,
			     const struct aic_id *id, aichat_error **reterr);
int aic_sqlite_add_message(struct aic_session *session, const char *owner,
			   const struct aichat_message *message,
			   const struct aic_id *reply_id, aichat_error **reterr);
int aic_sqlite_update_message(struct aic_session *session, const char *owner,
			      const struct aichat_message *message,
			      aichat_error **reterr);

/* sqlite_disk.c */
/* A write or a sync failed with this errno: AICHAT_ESTORE; nothing is written any more.
 */
int aic_sqlite_disk_failed(struct aic_sqlite *db, int number, aichat_error **reterr);
/* AICHAT_ESTOREREADONLY after that. */
int aic_sqlite_disk_refuse(const struct aic_sqlite *db, aichat_error **reterr);
/* Before anything of the store is opened: whether it must be checked before a write. */
void aic_sqlite_disk_open(struct aic_sqlite *db);
/*
 * Does it, if that is due; noted: the lock file says that a disk failed. Under the write
 * lock, before a transaction. AICHAT_ESTORECORRUPT, AICHAT_ESTOREREADONLY.
 */
int aic_sqlite_disk_check(struct aic_sqlite *db, bool noted, aichat_error **reterr);
void aic_sqlite_ballast_open(struct aic_sqlite *db, int64_t bytes);
bool aic_sqlite_make_room(struct aic_backend *backend);
int aic_sqlite_check_writable(struct aic_backend *backend, aichat_error **reterr);

/* sqlite_verify.c */
/* The file itself; rows are verify's. AICHAT_ESTORECORRUPT. */
int aic_sqlite_check_file(struct aic_sqlite_conn *conn, aichat_error **reterr);
int aic_sqlite_verify(struct aic_session *session, struct aic_verifier *verifier,
		      aichat_error **reterr);

/* sqlite_account.c */
int aic_sqlite_read_record(struct aic_session *session, const char *owner,
			   const char *kind, const char *id, const char *name,
			   int64_t now_unix_ms, struct aic_record_row *ret_row,
			   aichat_error **reterr);
int aic_sqlite_read_records(struct aic_session *session,
			    const struct aic_record_query *query,
			    struct aic_record_rows *ret_rows, aichat_error **reterr);
int aic_sqlite_add_record(struct aic_session *session, const char *owner,
			  const struct aic_record_row *row, aichat_error **reterr);
int aic_sqlite_set_record(struct aic_session *session, const char *owner,
			  const struct aic_record_row *row, aichat_error **reterr);
int aic_sqlite_delete_record(struct aic_session *session, const char *owner,
			     const char *kind, const char *id, int64_t now_unix_ms,
			     aichat_error **reterr);
int aic_sqlite_prune_records(struct aic_session *session, int64_t now_unix_ms, size_t max,
			     aichat_error **reterr);
int aic_sqlite_read_idempotency(struct aic_session *session, const char *owner,
				const char *key, int64_t before_unix_ms,
				char **ret_digest, char **ret_object,
				aichat_error **reterr);
int aic_sqlite_add_idempotency(struct aic_session *session, const char *owner,
			       const struct aic_idempotency *request, const char *object,
			       int64_t now_unix_ms, aichat_error **reterr);
int aic_sqlite_prune_idempotency(struct aic_session *session, int64_t before_unix_ms,
				 size_t max, aichat_error **reterr);
int aic_sqlite_read_last_audit(struct aic_session *session,
			       struct aic_audit_link *ret_last, aichat_error **reterr);
int aic_sqlite_add_audit(struct aic_session *session, const struct aic_audit_row *row,
			 aichat_error **reterr);
int aic_sqlite_read_audits(struct aic_session *session, const char *owner,
			   int64_t before_no, size_t limit,
			   struct aic_audit_rows *ret_rows, aichat_error **reterr);
int aic_sqlite_walk_audit(struct aic_session *session, struct aic_audit_walk *walk,
			  int64_t *ret_highest, aichat_error **reterr);
int aic_sqlite_add_usage(struct aic_session *session, const char *owner,
			 const struct aic_usage_row *row, aichat_error **reterr);
int aic_sqlite_read_usages(struct aic_session *session, const char *owner,
			   int64_t before_no, size_t limit,
			   struct aic_usage_rows *ret_rows, aichat_error **reterr);
int aic_sqlite_read_usage_sum(struct aic_session *session, const char *owner,
			      int64_t since_unix_ms, int64_t until_unix_ms,
			      struct aic_usage_rows *ret_rows, aichat_error **reterr);
int aic_sqlite_read_running(struct aic_session *session, const char *owner,
			    struct aic_id *ret_ids, size_t max, size_t *ret_count,
			    aichat_error **reterr);
int aic_sqlite_forget_owner(struct aic_session *session, const char *owner,
			    aichat_error **reterr);
