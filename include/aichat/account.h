#ifndef AICHAT_ACCOUNT_H
#define AICHAT_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>
#include <aichat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * What a program that serves others keeps beside the conversations: records of its own
 * (users, keys, logins), idempotency keys, an audit log, and rows of usage.
 *
 * All of it is in the store and belongs to the owner of the context or view that wrote
 * it, as conversations do. Whom to let in is the program's business; this is where it
 * keeps what it needs to know, with the same durability as everything else.
 *
 * **Idempotency.** A client that repeats a request because it saw no answer must not
 * cause a second one. It names the request by a key; the program gives key and a digest
 * of the request to the call that makes something: the options `idempotency_key` and
 * `request_digest` of a send, edit, retry or new conversation,
 * aichat_record_set_idempotency() for a record. Key and thing are stored in one
 * transaction, so that however many repeats come at once, and whatever dies meanwhile,
 * one of them makes the thing and the others fail: AICHAT_EEXIST, or AICHAT_ECONFLICT if
 * the digest is another one. aichat_idempotency_find() then tells what the first one
 * made. Keys count for 24 hours.
 */

/** A small JSON document with an id, a version, and perhaps a name, a parent and an end.
 */
typedef struct aichat_record aichat_record;
/** A page of a list of records. */
typedef struct aichat_records aichat_records;

/* ---- records ---- */

/**
 * Make a record, a small JSON document. It is stored by aichat_record_add().
 *
 * @param kind        what it is: 1 to 32 of a-z, 0-9, '-' and '_'
 * @param id          1 to 64 of A-Z, a-z, 0-9, '.', '-' and '_', unique within its kind;
 *                    NULL for a new UUID
 * @param ret_record  set on success; caller owns: aichat_record_free()
 * @param reterr      may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the kind or the id
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_record_new(const char *kind, const char *id,
				 aichat_record **ret_record, aichat_error **reterr);

/**
 * Free a record; what is stored stays.
 *
 * @param record  may be NULL
 * @return NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_record *aichat_record_free(aichat_record *record);

/**
 * What the record is.
 *
 * @param record  a record
 * @return borrowed from @p record
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_record_kind(const aichat_record *record);

/**
 * The record's id.
 *
 * @param record  a record
 * @return borrowed from @p record
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_record_id(const aichat_record *record);

/**
 * The record's name.
 *
 * @param record  a record
 * @return borrowed from @p record until it is set; NULL for none
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_record_name(const aichat_record *record);

/**
 * Give the record a name by which aichat_record_find() finds it.
 *
 * @param record  a record
 * @param name    1 to 255 bytes of UTF-8 without control characters, unique within the
 *                kind; NULL for none
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the name
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_record_set_name(aichat_record *record, const char *name,
				      aichat_error **reterr);

/**
 * The kind of the record's parent.
 *
 * @param record  a record
 * @return borrowed from @p record; NULL for none
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_record_parent_kind(const aichat_record *record);

/**
 * The id of the record's parent.
 *
 * @param record  a record
 * @return borrowed from @p record; NULL for none
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_record_parent_id(const aichat_record *record);

/**
 * Make the record a child of another one: when that is deleted, it is deleted, too.
 * Counts for aichat_record_add(); a stored record keeps its parent.
 *
 * @param record  a record
 * @param kind    the parent's
 * @param id      the parent's
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the kind or the id
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_record_set_parent(aichat_record *record, const char *kind,
					const char *id, aichat_error **reterr);

/**
 * The record's document.
 *
 * @param record   a record
 * @param ret_len  may be NULL; its bytes
 * @return a JSON object, "{}" for a new record; NUL-terminated, borrowed from @p record
 *         until it is set
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_record_json(const aichat_record *record, size_t *ret_len);

/**
 * Set the record's document.
 *
 * @param record    a record
 * @param json      a JSON object of at most 64 KiB, as aichat_json_parse() takes it;
 *                  copied
 * @param json_len  bytes in @p json; -1 if it is NUL-terminated
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     no object
 *   AICHAT_EJSON      not strict JSON
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  more than 64 KiB
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_record_set_json(aichat_record *record, const char *json,
				      int64_t json_len, aichat_error **reterr);

/**
 * When the record ends.
 *
 * @param record  a record
 * @return milliseconds since 1970, UTC; 0 for never
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_record_expires_unix_ms(const aichat_record *record);

/**
 * Set when the record ends: from then on it is as if it were deleted.
 *
 * @param record           a record
 * @param expires_unix_ms  milliseconds since 1970, UTC; 0 for never
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_record_set_expires(aichat_record *record, int64_t expires_unix_ms);

/**
 * When the record was added.
 *
 * @param record  a record
 * @return milliseconds since 1970, UTC; 0 for one that is not stored
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_record_created_unix_ms(const aichat_record *record);

/**
 * When the record was saved last.
 *
 * @param record  a record
 * @return milliseconds since 1970, UTC; 0 for one that is not stored
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_record_updated_unix_ms(const aichat_record *record);

/**
 * The version of the record: 1 when it was added, one more each time it was saved.
 *
 * @param record  a record
 * @return a number; 0 for one that is not stored
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_record_version(const aichat_record *record);

/**
 * The request that adds the record, by its key: see the top of this file.
 *
 * @param record  a record
 * @param key     1 to 255 bytes of UTF-8 without control characters
 * @param digest  of the request: up to 128 bytes of UTF-8 without control characters
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the key or the digest
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_record_set_idempotency(aichat_record *record, const char *key,
					     const char *digest, aichat_error **reterr);

/**
 * Store a new record. It is on disk when this returns. Each call also deletes a few of
 * the records that ended.
 *
 * @param ai      a context
 * @param record  on success it has version and times
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     no record was given
 *   AICHAT_EEXIST     the kind has a record of this id or name, or the idempotency key
 *                     was used for the same request
 *   AICHAT_ECONFLICT  the idempotency key was used for another request
 *   AICHAT_ENOTFOUND  there is no such parent
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any; one at a time per object.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_record_add(aichat *ai, aichat_record *record,
				 aichat_error **reterr);

/**
 * Store name, document and end of a record that was read, if nobody else has saved it
 * since. It is on disk when this returns.
 *
 * @param ai      a context
 * @param record  on success it has the new version
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     no record was given
 *   AICHAT_ESTALE     it was saved by someone else: read it again
 *   AICHAT_EEXIST     the kind has another record of this name
 *   AICHAT_ENOTFOUND  it was never added, was deleted, or has ended
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any; one at a time per object.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_record_save(aichat *ai, aichat_record *record,
				  aichat_error **reterr);

/**
 * Read a record by its id.
 *
 * @param ai          a context
 * @param kind        its kind
 * @param id          its id
 * @param ret_record  set on success; caller owns: aichat_record_free()
 * @param reterr      may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such record, or it has ended
 *   AICHAT_EINVAL     no kind or no id was given
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_record_get(aichat *ai, const char *kind, const char *id,
				 aichat_record **ret_record, aichat_error **reterr);

/**
 * Read a record by its name.
 *
 * @param ai          a context
 * @param kind        its kind
 * @param name        its name, byte for byte
 * @param ret_record  set on success; caller owns: aichat_record_free()
 * @param reterr      may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such record, or it has ended
 *   AICHAT_EINVAL     no kind or no name was given
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_record_find(aichat *ai, const char *kind, const char *name,
				  aichat_record **ret_record, aichat_error **reterr);

/**
 * Delete a record and all its children. It is gone from disk when this returns.
 *
 * @param ai      a context
 * @param kind    its kind
 * @param id      its id
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such record, or it has ended
 *   AICHAT_EINVAL     no kind or no id was given
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not deleted
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_record_delete(aichat *ai, const char *kind, const char *id,
				    aichat_error **reterr);

/**
 * List records of a kind in the order in which they were added.
 *
 * @param ai           a context
 * @param kind         their kind
 * @param parent_kind  with @p parent_id: only the children of this record; NULL for all
 * @param parent_id    its id; NULL for all
 * @param after        where an earlier list ended, from aichat_records_cursor(); NULL to
 *                     begin
 * @param limit        at most so many, 1 to 1000
 * @param ret_records  set on success; caller owns: aichat_records_free()
 * @param reterr       may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the limit, the cursor, or half a parent
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_record_list(aichat *ai, const char *kind, const char *parent_kind,
				  const char *parent_id, const char *after, size_t limit,
				  aichat_records **ret_records, aichat_error **reterr);

/**
 * How many records a list has.
 *
 * @param records  a list
 * @return a count
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_records_count(const aichat_records *records);

/**
 * The n-th record of a list, which may be changed and saved.
 *
 * @param records  a list
 * @param n        from 0
 * @return borrowed from @p records; NULL past the end
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_record *aichat_records_at(aichat_records *records, size_t n);

/**
 * Where the list ends, to go on from.
 *
 * @param records  a list
 * @return borrowed from @p records; NULL when there is nothing after it
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_records_cursor(const aichat_records *records);

/**
 * Free a list with its records.
 *
 * @param records  may be NULL
 * @return NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_records *aichat_records_free(aichat_records *records);

/* ---- idempotency ---- */

/**
 * What an earlier request with this key made.
 *
 * @param ai      a context
 * @param key     as given to the request
 * @param digest  of the request that comes now
 * @param ret_id  set when 1 is returned: the id of the reply, conversation or record;
 *                caller owns: aichat_free()
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 1 if there was one, 0 if not, or
 *   AICHAT_ECONFLICT  there was one with another digest
 *   AICHAT_EINVAL     the key or the digest
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_idempotency_find(aichat *ai, const char *key, const char *digest,
				       char **ret_id, aichat_error **reterr);

/* ---- audit ---- */

/**
 * Append to the audit log. It is on disk when this returns. Each entry carries a digest
 * over itself and the one before it, so that nothing can be changed, put between or
 * taken out without aichat_audit_verify() seeing it.
 *
 * @param ai           a context
 * @param actor        who did it: 1 to 255 bytes of UTF-8 without control characters
 * @param action       what: as @p actor
 * @param object       to what: as @p actor, or NULL
 * @param details      a JSON object of at most 64 KiB; NULL for none
 * @param details_len  bytes in @p details; -1 if it is NUL-terminated
 * @param reterr       may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   actor, action or object; details that are no object
 *   AICHAT_EJSON, AICHAT_EUTF8, AICHAT_ETOOLARGE  the details
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_audit_add(aichat *ai, const char *actor, const char *action,
				const char *object, const char *details,
				int64_t details_len, aichat_error **reterr);

/**
 * List the audit log, newest first.
 *
 * @param ai        a context
 * @param after     where an earlier list ended, from its `next`; NULL to begin
 * @param limit     at most so many, 1 to 1000
 * @param ret_json  set on success: {"entries": [{"number", "time", "actor", "action",
 *                  "object", "details", "hash"}], "next"}, `next` only if there is more;
 *                  NUL-terminated, caller owns: aichat_free()
 * @param ret_len   may be NULL; bytes in it
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the limit or the cursor
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_audit_list(aichat *ai, const char *after, size_t limit,
				 char **ret_json, size_t *ret_len, aichat_error **reterr);

/**
 * Check the audit log of the whole store, whoever wrote it. aichat_verify() does, too.
 *
 * @param ai         a context
 * @param ret_count  may be NULL; set on success: how many entries there are
 * @param ret_hash   may be NULL; set on success: the last one's digest, in hexadecimal,
 *                   by which it can be known again; "" for an empty log; caller owns:
 *                   aichat_free()
 * @param reterr     may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ESTORECORRUPT  the log was changed; the error names the first entry that is
 *                         not what was written
 *   AICHAT_ECLOSED        the context was closed
 *   AICHAT_EFORK          the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_audit_verify(aichat *ai, int64_t *ret_count, char **ret_hash,
				   aichat_error **reterr);

/* ---- usage ---- */

/**
 * Note what a request used. The row is committed, but not synchronised, when this
 * returns: a dying process loses nothing, a power failure the last moment.
 *
 * @param ai        a context
 * @param json      an object with any of "key", "provider", "model", "outcome",
 *                  "request_id" (strings of at most 255 bytes), "input_tokens",
 *                  "cached_tokens", "cache_write_tokens", "output_tokens",
 *                  "reasoning_tokens", "cost_nano_usd", "duration_ms" (whole numbers from
 *                  0), and nothing else; null is the same as absent
 * @param json_len  bytes in @p json; -1 if it is NUL-terminated
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   a member that is none of these, or not of its type
 *   AICHAT_EJSON, AICHAT_EUTF8, AICHAT_ETOOLARGE  not such JSON
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage, for one commit.   Since: 0.1
 */
AICHAT_API int aichat_usage_add(aichat *ai, const char *json, int64_t json_len,
				aichat_error **reterr);

/**
 * List the rows of usage, newest first.
 *
 * @param ai        a context
 * @param after     where an earlier list ended, from its `next`; NULL to begin
 * @param limit     at most so many, 1 to 1000
 * @param ret_json  set on success: {"rows": [{"time", and what was given to
 *                  aichat_usage_add()}], "next"}, `next` only if there is more;
 *                  NUL-terminated, caller owns: aichat_free()
 * @param ret_len   may be NULL; bytes in it
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the limit or the cursor
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_usage_list(aichat *ai, const char *after, size_t limit,
				 char **ret_json, size_t *ret_len, aichat_error **reterr);

/**
 * Add up the rows of usage of a time, by key, provider and model.
 *
 * @param ai             a context
 * @param since_unix_ms  from here on
 * @param until_unix_ms  and before here
 * @param ret_json       set on success: an array of {"key", "provider", "model",
 *                       "requests", "input_tokens", "cached_tokens",
 *                       "cache_write_tokens", "output_tokens", "reasoning_tokens",
 *                       "cost_nano_usd"}, a figure only if a row has it; NUL-terminated,
 *                       caller owns: aichat_free()
 * @param ret_len        may be NULL; bytes in it
 * @param reterr         may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_usage_sum(aichat *ai, int64_t since_unix_ms, int64_t until_unix_ms,
				char **ret_json, size_t *ret_len, aichat_error **reterr);

/* ---- owners ---- */

/**
 * Delete all that an owner has, for good: conversations with everything in them,
 * records, idempotency keys. Replies that run are stopped first. The audit log and the
 * rows of usage stay; they have no content. What was begun can be repeated.
 *
 * @param ai      a context
 * @param owner   whose; as for aichat_for_owner()
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the owner's name
 *   AICHAT_ESTATE   a reply did not stop within ten seconds; what could be deleted is
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not all is deleted
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage; ten seconds for replies to stop.   Since: 0.1
 */
AICHAT_API int aichat_owner_delete(aichat *ai, const char *owner, aichat_error **reterr);

#ifdef __cplusplus
}
#endif

#endif
