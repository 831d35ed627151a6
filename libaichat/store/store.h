#pragma once

/*
 * Durable storage of conversations, behind one small table of functions per backend.
 *
 * A store is shared by every context of the process that opens the same file. Reads may
 * be made from any thread. Writes are jobs: functions that run inside a transaction.
 * While no writer thread runs, a job is committed by its caller; once
 * aic_store_start_writer() was called, jobs queue up and the writer commits whatever is
 * queued together, each in a savepoint of its own, so that one failure does not take the
 * others along.
 *
 * Every call that touches conversations names the owner. What is foreign does not exist:
 * AICHAT_ENOTFOUND.
 *
 * Dead owners: a running reply whose process died is folded to `interrupted` (its message
 * put together from the event log) before any read shows it.
 */

#include <aichat/reply.h>

#include "base/common.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "model/event.h"
#include "model/message.h"

struct aic_store;

struct aic_store_config { /* strings are copied */
	const char *url;  /* "sqlite:PATH", a path, "memory:" */
	int64_t busy_timeout_ms;
	int64_t ballast_bytes;     /* set aside for the ends of what runs; 0 = none */
	const struct aic_log *log; /* outlives the store's last user */
	/* If set, the writer is started first, and this called before the file is opened.
	 */
	void (*writer_runs)(void *user);
	void *user;
};

/*
 * AICHAT_EINVAL (no such scheme), AICHAT_ESTORE..., with one line that names the file,
 * what is wrong and what to do. A file is made 0600, its folders 0700.
 */
int aic_store_open(const struct aic_store_config *config, struct aic_store **ret_store,
		   aichat_error **reterr);
/* The last reference commits what is queued, ends the writer and closes the file. */
struct aic_store *aic_store_unref(struct aic_store *store);
/* For messages: "sqlite:/home/..."; borrowed. */
const char *aic_store_name(const struct aic_store *store);

/* ---- jobs ---- */

struct aic_job {
	/* Inside the transaction; a result other than 0 undoes what it did, and only
	 * that. */
	int (*run)(struct aic_job *job, struct aic_store *store, aichat_error **reterr);
	/*
	 * After the commit or the failure, once; the job may be freed in it. error is
	 * borrowed. May be NULL. On the writer's thread for a submitted job, else on the
	 * caller's. It must not wait for another job; it may submit one.
	 */
	void (*done)(struct aic_job *job, int code, aichat_error *error);
	bool durable; /* survives power loss when `done` is called (synchronous FULL) */
	/*
	 * It ends what has begun, makes room, or needs hardly any: done while space is
	 * short, too. If it met a full disk, run() may be called again when room was
	 * made; nothing of the first time is stored.
	 */
	bool ends;
	/* run() changes the store by one call that does all or nothing by itself: it
	 * needs no savepoint. */
	bool simple;
	struct aic_job *next;
};

/* Run it and wait. `done` is called too, before this returns. */
int aic_store_run(struct aic_store *store, struct aic_job *job, aichat_error **reterr);
/* Needed before the first submit. AICHAT_ENOMEM. */
int aic_store_start_writer(struct aic_store *store, aichat_error **reterr);
/* Queue it; never fails by itself. */
void aic_store_submit(struct aic_store *store, struct aic_job *job);

/*
 * Called on the writer's thread every so often (about 30 ms) while it returns true, to
 * look for what other processes wrote; false takes it off the list. Starts no thread:
 * aic_store_start_writer() first.
 */
struct aic_follower {
	bool (*look)(struct aic_follower *follower);
	struct aic_follower *next;
	bool listed;
};
/* Put it on the list, if it is not there. Any thread, also from look() and done(). */
void aic_store_follow(struct aic_store *store, struct aic_follower *follower);
/* When this returns, look() is not running and will not run again. Not from look(). */
void aic_store_unfollow(struct aic_store *store, struct aic_follower *follower);
/* Whether other processes can write to it at all: false for memory. */
bool aic_store_is_shared(const struct aic_store *store);

/* ---- rows ---- */

struct aic_conversation_row {
	struct aic_id id;
	char *title;        /* or NULL */
	char *settings;     /* JSON object or NULL */
	char *tags;         /* JSON array of strings or NULL */
	struct aic_id head; /* unset: empty */
	int64_t created_unix_ms, updated_unix_ms;
	int64_t version; /* from 1, counts changes */
	bool pinned, archived;
};
void aic_conversation_row_done(struct aic_conversation_row *row);

struct aic_conversation_filter {
	bool archived;
	const char *tag;  /* that it must have; or NULL */
	const char *text; /* in its title, ASCII letters in either case; or NULL */
};

struct aic_reply_row {
	struct aic_id id;
	struct aic_id conversation_id;
	struct aic_id parent_id;  /* the message that it answers */
	struct aic_id message_id; /* the one being written, or the last */
	enum aichat_reply_state state;
	bool alive; /* running, by this process or another one that lives; read only */
	bool cancelled;  /* someone asked to stop it */
	uint32_t rounds; /* calls of the model so far */
	uint64_t last_seq;
	int64_t created_unix_ms, ended_unix_ms;
	char *model;   /* PROVIDER/MODEL */
	char *request; /* JSON: options and tools, so that any process can go on */
	char *error;   /* the `error` event that it ended with, as JSON, without its
			  message; or NULL */
};
void aic_reply_row_done(struct aic_reply_row *row);

struct aic_messages { /* a list of references */
	struct aichat_message **items;
	size_t count, capacity;
};
void aic_messages_done(struct aic_messages *messages);

struct aic_conversation_rows {
	struct aic_conversation_row *items;
	size_t count, capacity;
};
void aic_conversation_rows_done(struct aic_conversation_rows *rows);

struct aic_event_list { /* owned events */
	struct aichat_event **items;
	size_t count, capacity;
};
void aic_event_list_done(struct aic_event_list *list);

/* ---- reads: any thread; see what is committed ---- */

int aic_store_conversation(struct aic_store *store, const char *owner,
			   const struct aic_id *id, struct aic_conversation_row *ret_row,
			   aichat_error **reterr);
/* Newest first; those after the one named by (before_updated_unix_ms, before_id), if any.
 */
int aic_store_conversations(struct aic_store *store, const char *owner,
			    const struct aic_conversation_filter *filter,
			    int64_t before_updated_unix_ms,
			    const struct aic_id *before_id, size_t limit,
			    struct aic_conversation_rows *ret_rows,
			    aichat_error **reterr);
/* A conversation by the first characters of its id (for people); AICHAT_EEXIST = several.
 */
int aic_store_conversation_by_prefix(struct aic_store *store, const char *owner,
				     const char *prefix, struct aic_id *ret_id,
				     aichat_error **reterr);
int aic_store_message(struct aic_store *store, const char *owner, const struct aic_id *id,
		      struct aichat_message **ret_message, aichat_error **reterr);
/* From the root (or the limit-th before the tip) to the tip, in that order. limit 0 =
 * all. */
int aic_store_path(struct aic_store *store, const char *owner, const struct aic_id *tip,
		   size_t limit, struct aic_messages *ret_messages,
		   aichat_error **reterr);
/* All messages of a conversation in the order in which they were stored, from the one
 * after `after` (NULL = the first), at most so many. */
int aic_store_tree(struct aic_store *store, const char *owner,
		   const struct aic_id *conversation_id, const struct aic_id *after,
		   size_t limit, struct aic_messages *ret_messages,
		   aichat_error **reterr);
/* The children of a message, oldest first; parent NULL = the first messages. */
int aic_store_children(struct aic_store *store, const char *owner,
		       const struct aic_id *conversation_id, const struct aic_id *parent,
		       struct aic_messages *ret_messages, aichat_error **reterr);
int aic_store_reply(struct aic_store *store, const char *owner, const struct aic_id *id,
		    struct aic_reply_row *ret_row, aichat_error **reterr);
/* The reply that wrote a message. */
int aic_store_reply_of(struct aic_store *store, const char *owner,
		       const struct aic_id *message_id, struct aic_reply_row *ret_row,
		       aichat_error **reterr);
/* The messages that a reply wrote, in order. */
int aic_store_reply_messages(struct aic_store *store, const char *owner,
			     const struct aic_id *reply_id,
			     struct aic_messages *ret_messages, aichat_error **reterr);
/*
 * Events after a number, some of them (at most about 256 KiB). None and 0 when there are
 * no more yet. AICHAT_ENOTFOUND when the log was dropped: the caller makes a snapshot.
 */
int aic_store_events(struct aic_store *store, const char *owner,
		     const struct aic_id *reply_id, uint64_t after,
		     struct aic_event_list *ret_events, aichat_error **reterr);

/* Whether it takes what is new: AICHAT_ESTOREFULL, ...READONLY, ...CORRUPT. Waits for
 * nobody. */
int aic_store_check_writable(struct aic_store *store, aichat_error **reterr);

/* Everything that must hold: digests, one terminal state or a live owner for each reply,
 * no gap in a log, every row owned. AICHAT_ESTORECORRUPT names the first that does not.
 */
int aic_store_verify(struct aic_store *store, aichat_error **reterr);

/*
 * Whether what was erased or deleted is gone from the files as well as from the tables.
 * Every commit goes on with it; who still reads an old state holds it up.
 */
bool aic_store_is_purged(struct aic_store *store);

/* ---- writes: inside a job's run() only ---- */

int aic_store_add_conversation(struct aic_store *store, const char *owner,
			       const struct aic_conversation_row *row,
			       aichat_error **reterr);
/*
 * Title, settings, tags, head, pinned, archived, updated as in the row. version != 0 must
 * be the stored one, else AICHAT_ESTALE. The stored version goes up by one.
 */
int aic_store_set_conversation(struct aic_store *store, const char *owner,
			       const struct aic_conversation_row *row, int64_t version,
			       aichat_error **reterr);
/* Only the head, and updated. */
int aic_store_set_head(struct aic_store *store, const char *owner,
		       const struct aic_id *conversation_id, const struct aic_id *head,
		       int64_t updated_unix_ms, aichat_error **reterr);
/* With all its messages, replies and logs, for good. AICHAT_ESTATE while one of its
 * replies runs. */
int aic_store_delete_conversation(struct aic_store *store, const char *owner,
				  const struct aic_id *id, aichat_error **reterr);
/*
 * Take a message's content away for good, with the log of the reply that wrote it; the
 * skeleton stays, with the state `erased`. AICHAT_ESTATE while that reply is not over.
 */
int aic_store_erase_message(struct aic_store *store, const char *owner,
			    const struct aic_id *id, aichat_error **reterr);
/* A message of any state; its parent must be in the same conversation. reply_id may be
 * NULL. */
int aic_store_add_message(struct aic_store *store, const char *owner,
			  const struct aichat_message *message,
			  const struct aic_id *reply_id, aichat_error **reterr);
/*
 * An open message gets these parts (in place of those it has) and this state, which may
 * be `open` still. AICHAT_ESTATE if it is not open.
 */
int aic_store_update_message(struct aic_store *store, const char *owner,
			     const struct aichat_message *message, aichat_error **reterr);
/* A running reply becomes owned by this process. */
int aic_store_add_reply(struct aic_store *store, const char *owner,
			const struct aic_reply_row *row, aichat_error **reterr);
/* State, message, rounds, last_seq, ended, error. `running` makes this process the owner,
 * every other state has none. AICHAT_ESTATE if it is over already. */
int aic_store_set_reply(struct aic_store *store, const char *owner,
			const struct aic_reply_row *row, aichat_error **reterr);
/* The wish to stop a reply that another process runs. */
int aic_store_cancel_reply(struct aic_store *store, const char *owner,
			   const struct aic_id *id, aichat_error **reterr);
/* Reads inside a job see what the job wrote: the read functions above may be used in
 * run(). */

/* Append to a reply's log; events have their numbers, without a gap. */
int aic_store_add_events(struct aic_store *store, const struct aic_id *reply_id,
			 struct aichat_event *const *events, size_t count,
			 aichat_error **reterr);
/* Replies of this process that someone else asked to stop. Cheap when nothing changed. */
int aic_store_cancelled(struct aic_store *store, struct aic_id *ret_ids, size_t max,
			size_t *ret_count);
/* Drop logs of replies that ended before a time, at most so many. */
int aic_store_prune(struct aic_store *store, int64_t ended_before_unix_ms, size_t max,
		    aichat_error **reterr);
