#pragma once

/*
 * What a storage backend is: one const struct of functions over two kinds of object.
 *
 * A backend holds one store. It has one writer session, used by one thread at a time
 * (the generic part sees to it), and reading sessions, each for one thread. What can be
 * done once for all backends is not here: queueing, group commit, waking, followers,
 * folding of dead replies, verification.
 *
 * To add a backend: a file with such a struct, and a line in store.c.
 */

#include <sys/types.h>

#include "store/account.h"
#include "store/store.h"

struct aic_backend {
	const struct aic_store_backend *ops;
	struct aic_session *writer;
	bool is_shared;   /* other processes may use it at the same time */
	bool one_session; /* it is read through the writer session, too */
};

/* The first member of each backend's own. */
struct aic_session {
	struct aic_backend *backend;
};

/* Where a store is. Two URLs with the same device and inode are one store. */
struct aic_place {
	char *location; /* as the backend wants it at open; owned */
	char *name;     /* for people; owned */
	bool shared;    /* device and inode are set, and count */
	dev_t device;
	ino_t inode;
};

/* A reply whose owner is dead. */
struct aic_dead_reply {
	struct aic_id id;
	char *owner; /* of its conversation; owned */
};

/* What verify is told of each message and each reply; a result below 0 ends the walk. */
struct aic_verifier {
	int (*message)(struct aic_verifier *verifier,
		       const struct aichat_message *message,
		       const unsigned char *digest /* or NULL */,
		       const struct aic_reply_row *reply /* or NULL: id and state */,
		       aichat_error **reterr);
	int (*reply)(struct aic_verifier *verifier, const char *owner,
		     const struct aic_reply_row *row, bool has_log,
		     aichat_error **reterr);
};

/* Called with each entry of the audit log; a result below 0 ends the walk. */
struct aic_audit_walk {
	int (*entry)(struct aic_audit_walk *walk, const struct aic_audit_row *row,
		     aichat_error **reterr);
};

/*
 * All of these return 0, or a code with an error. `session` is a reading one or the
 * writer's. Functions that mirror one of store.h keep its contract.
 */
struct aic_store_backend {
	const char *scheme;

	/* Make what must exist (folders, an empty file) and say where it is. */
	int (*locate)(const char *location, struct aic_place *ret_place,
		      aichat_error **reterr);
	int (*open)(const struct aic_place *place, const struct aic_store_config *config,
		    struct aic_backend **ret_backend, aichat_error **reterr);
	void (*close)(struct aic_backend *backend);

	/* Transactions, on the writer session. A failed begin or commit leaves none. */
	int (*begin)(struct aic_backend *backend, bool durable, aichat_error **reterr);
	int (*commit)(struct aic_backend *backend, aichat_error **reterr);
	void (*rollback)(struct aic_backend *backend);
	/* One savepoint: mark it, then keep or undo what came after it. */
	int (*mark)(struct aic_backend *backend, aichat_error **reterr);
	int (*keep)(struct aic_backend *backend, aichat_error **reterr);
	int (*undo)(struct aic_backend *backend, aichat_error **reterr);
	/* False when a failure has ended it: nothing of it will be stored. */
	bool (*in_transaction)(struct aic_backend *backend);

	/* Whether what is new may be written: AICHAT_ESTOREFULL while space is short,
	 * AICHAT_ESTOREREADONLY, AICHAT_ESTORECORRUPT. Any thread. */
	int (*check_writable)(struct aic_backend *backend, aichat_error **reterr);
	/* After a full disk: whether there is room now that was set aside. */
	bool (*make_room)(struct aic_backend *backend);

	/* Nothing that was erased is left in the files. Any thread. */
	bool (*is_purged)(struct aic_backend *backend);

	/* One consistent view until read_end(). Any thread. hurry: not in a queue, since
	 * the caller has a view already, or others wait for it. */
	int (*read_begin)(struct aic_backend *backend, bool hurry,
			  struct aic_session **ret_session, aichat_error **reterr);
	void (*read_end)(struct aic_session *session);

	/*
	 * This process is about to own a running reply: it gets a proof of life. 1 = it
	 * was new, so that replies that name it belong to someone dead; dead() tells
	 * them until own() is called.
	 */
	int (*claim)(struct aic_session *session, aichat_error **reterr);
	void (*own)(struct aic_session *session);
	/* Running replies whose owner is dead, up to max. */
	int (*dead)(struct aic_session *session, struct aic_dead_reply *ret_replies,
		    size_t max, size_t *ret_count, aichat_error **reterr);

	int (*conversation)(struct aic_session *session, const char *owner,
			    const struct aic_id *id, struct aic_conversation_row *ret_row,
			    aichat_error **reterr);
	int (*conversations)(struct aic_session *session, const char *owner,
			     const struct aic_conversation_filter *filter,
			     int64_t before_updated_unix_ms,
			     const struct aic_id *before_id, size_t limit,
			     struct aic_conversation_rows *ret_rows,
			     aichat_error **reterr);
	int (*by_prefix)(struct aic_session *session, const char *owner,
			 const struct aic_id *first, const struct aic_id *last,
			 struct aic_id ret_ids[2], size_t *ret_count,
			 aichat_error **reterr);
	int (*message)(struct aic_session *session, const char *owner,
		       const struct aic_id *id, struct aichat_message **ret_message,
		       aichat_error **reterr);
	/* From the tip to the root; the generic part turns it round. */
	int (*path)(struct aic_session *session, const char *owner,
		    const struct aic_id *tip, size_t limit,
		    struct aic_messages *ret_messages, aichat_error **reterr);
	int (*tree)(struct aic_session *session, const char *owner,
		    const struct aic_id *conversation_id, const struct aic_id *after,
		    size_t limit, struct aic_messages *ret_messages,
		    aichat_error **reterr);
	int (*children)(struct aic_session *session, const char *owner,
			const struct aic_id *conversation_id, const struct aic_id *parent,
			struct aic_messages *ret_messages, aichat_error **reterr);
	int (*reply)(struct aic_session *session, const char *owner,
		     const struct aic_id *id, struct aic_reply_row *ret_row,
		     aichat_error **reterr);
	int (*reply_of)(struct aic_session *session, const char *owner,
			const struct aic_id *message_id, struct aic_reply_row *ret_row,
			aichat_error **reterr);
	int (*reply_messages)(struct aic_session *session, const char *owner,
			      const struct aic_id *reply_id,
			      struct aic_messages *ret_messages, aichat_error **reterr);
	int (*events)(struct aic_session *session, const char *owner,
		      const struct aic_id *reply_id, uint64_t after,
		      struct aic_event_list *ret_events, aichat_error **reterr);
	int (*cancelled)(struct aic_session *session, struct aic_id *ret_ids, size_t max,
			 size_t *ret_count, aichat_error **reterr);

	int (*add_conversation)(struct aic_session *session, const char *owner,
				const struct aic_conversation_row *row,
				aichat_error **reterr);
	int (*set_conversation)(struct aic_session *session, const char *owner,
				const struct aic_conversation_row *row, int64_t version,
				aichat_error **reterr);
	int (*set_head)(struct aic_session *session, const char *owner,
			const struct aic_id *conversation_id, const struct aic_id *head,
			int64_t updated_unix_ms, aichat_error **reterr);
	int (*delete_conversation)(struct aic_session *session, const char *owner,
				   const struct aic_id *id, aichat_error **reterr);
	int (*erase_message)(struct aic_session *session, const char *owner,
			     const struct aic_id *id, aichat_error **reterr);
	int (*add_message)(struct aic_session *session, const char *owner,
			   const struct aichat_message *message,
			   const struct aic_id *reply_id, aichat_error **reterr);
	int (*update_message)(struct aic_session *session, const char *owner,
			      const struct aichat_message *message,
			      aichat_error **reterr);
	int (*add_reply)(struct aic_session *session, const char *owner,
			 const struct aic_reply_row *row, aichat_error **reterr);
	int (*set_reply)(struct aic_session *session, const char *owner,
			 const struct aic_reply_row *row, aichat_error **reterr);
	int (*cancel_reply)(struct aic_session *session, const char *owner,
			    const struct aic_id *id, aichat_error **reterr);
	/* All or nothing: no savepoint may be around it (struct aic_job, `simple`). */
	int (*add_events)(struct aic_session *session, const struct aic_id *reply_id,
			  struct aichat_event *const *events, size_t count,
			  aichat_error **reterr);
	int (*prune)(struct aic_session *session, int64_t ended_before_unix_ms,
		     size_t max, aichat_error **reterr);

	/* What account.h has. `before` counts for times: what is not younger is gone. */
	int (*record)(struct aic_session *session, const char *owner, const char *kind,
		      const char *id, const char *name, int64_t now_unix_ms,
		      struct aic_record_row *ret_row, aichat_error **reterr);
	int (*records)(struct aic_session *session, const struct aic_record_query *query,
		       struct aic_record_rows *ret_rows, aichat_error **reterr);
	int (*add_record)(struct aic_session *session, const char *owner,
			  const struct aic_record_row *row, aichat_error **reterr);
	int (*set_record)(struct aic_session *session, const char *owner,
			  const struct aic_record_row *row, aichat_error **reterr);
	int (*delete_record)(struct aic_session *session, const char *owner,
			     const char *kind, const char *id, int64_t now_unix_ms,
			     aichat_error **reterr);
	int (*prune_records)(struct aic_session *session, int64_t now_unix_ms, size_t max,
			     aichat_error **reterr);
	/* 1 and what is stored with a key that is younger than `before`, or 0. */
	int (*idempotency)(struct aic_session *session, const char *owner,
			   const char *key, int64_t before_unix_ms, char **ret_digest,
			   char **ret_object, aichat_error **reterr);
	/* In place of one of the same key that is too old. */
	int (*add_idempotency)(struct aic_session *session, const char *owner,
			       const struct aic_idempotency *request, const char *object,
			       int64_t now_unix_ms, aichat_error **reterr);
	int (*prune_idempotency)(struct aic_session *session, int64_t before_unix_ms,
				 size_t max, aichat_error **reterr);
	/* The last entry's number and hash; number 0 if there is none. */
	int (*last_audit)(struct aic_session *session, struct aic_audit_link *ret_last,
			  aichat_error **reterr);
	int (*add_audit)(struct aic_session *session, const struct aic_audit_row *row,
			 aichat_error **reterr);
	int (*audits)(struct aic_session *session, const char *owner, int64_t before_no,
		      size_t limit, struct aic_audit_rows *ret_rows,
		      aichat_error **reterr);
	/* All, oldest first; *ret_highest: the highest number that there ever was. */
	int (*walk_audit)(struct aic_session *session, struct aic_audit_walk *walk,
			  int64_t *ret_highest, aichat_error **reterr);
	int (*add_usage)(struct aic_session *session, const char *owner,
			 const struct aic_usage_row *row, aichat_error **reterr);
	int (*usages)(struct aic_session *session, const char *owner, int64_t before_no,
		      size_t limit, struct aic_usage_rows *ret_rows,
		      aichat_error **reterr);
	int (*usage_sum)(struct aic_session *session, const char *owner,
			 int64_t since_unix_ms, int64_t until_unix_ms,
			 struct aic_usage_rows *ret_rows, aichat_error **reterr);
	int (*running)(struct aic_session *session, const char *owner,
		       struct aic_id *ret_ids, size_t max, size_t *ret_count,
		       aichat_error **reterr);
	int (*forget_owner)(struct aic_session *session, const char *owner,
			    aichat_error **reterr);

	/* The file itself and what hangs together in it, then every message and reply. */
	int (*verify)(struct aic_session *session, struct aic_verifier *verifier,
		      aichat_error **reterr);
};

extern const struct aic_store_backend aic_store_sqlite;
extern const struct aic_store_backend aic_store_memory;
