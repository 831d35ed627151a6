/*
 * An answer is a record "answer" and pieces of it that are its children. It is written
 * first without being whole: who finds that finds what somebody died over.
 *
 * How much a user has is counted in memory. Only when that goes over the limit, or is not
 * known yet, the records are read, which also notices what has ended since.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account_json.h"
#include "kept.h"
#include "log.h"
#include "server.h"

#define ID_LEN 40
#define KEPT_MS ((int64_t)24 * 60 * 60 * 1000)
#define PIECE_JSON 60000  /* of an answer in one record, which takes 64 KiB */
#define RECORD_BYTES 1024 /* that an answer takes beside its own */
#define PAGE 200

/* ---- one answer as records ---- */

/* The record's id: nobody can guess from it what key was given. */
static void id_of(const char *key, char id[ID_LEN + 1])
{
	unsigned char hash[ID_LEN / 2];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)key, strlen(key),
			   NULL, 0);
	sodium_bin2hex(id, ID_LEN + 1, hash, sizeof(hash));
}

static void put_bool(aichat_json_writer *w, const char *name, bool value)
{
	aichat_json_writer_key(w, name, -1);
	aichat_json_writer_bool(w, value);
}

static void put_size(aichat_json_writer *w, const char *name, size_t value)
{
	aichat_json_writer_key(w, name, -1);
	aichat_json_writer_int(w, (int64_t)value);
}

static int describe(aichat_record *record, const unsigned char digest[DIGEST_LEN],
		    const struct kept_answer *answer, bool whole, size_t pieces,
		    aichat_error **reterr)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	char text[DIGEST_LEN * 2 + 1];

	sodium_bin2hex(text, sizeof(text), digest, DIGEST_LEN);
	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "digest", -1);
	aichat_json_writer_string(w, text, -1);
	put_bool(w, "stream", answer->stream);
	put_bool(w, "too_large", answer->too_large);
	put_bool(w, "whole", whole);
	put_size(w, "pieces", pieces);
	put_size(w, "bytes", answer->len);
	aichat_json_writer_end_object(w);
	return account_set_json(record, w, reterr);
}

static size_t json_len_of(unsigned char byte)
{
	return byte < ' ' ? 6 : byte == '"' || byte == '\\' ? 2 : 1;
}

/* How many of the bytes from `at` on make a piece: whole characters, and as many as fit,
 * since every record is a commit. */
static size_t piece_len(const struct kept_answer *answer, size_t at)
{
	size_t len = 0, json_len = 0;

	while (at + len < answer->len && json_len < PIECE_JSON)
		json_len += json_len_of((unsigned char)answer->bytes[at + len++]);
	while (at + len < answer->len &&
	       ((unsigned char)answer->bytes[at + len] & 0xc0) == 0x80)
		len++;
	return len;
}

static int add_piece(struct call *call, const char *id, size_t number, const char *bytes,
		     size_t len, aichat_error **reterr)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_record *record = NULL;
	char piece_id[ID_LEN + 24];

	snprintf(piece_id, sizeof(piece_id), "%s-%zu", id, number);
	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "bytes", -1);
	aichat_json_writer_string(w, bytes, (int64_t)len);
	aichat_json_writer_end_object(w);
	int rc = aichat_record_new("answer-piece", piece_id, &record, reterr);
	if (rc < 0) {
		aichat_json_writer_unref(w);
		return rc;
	}
	aichat_record_set_expires(record, clock_unix_ms() + KEPT_MS);
	rc = account_set_json(record, w, reterr);
	if (rc == 0)
		rc = aichat_record_set_parent(record, "answer", id, reterr);
	if (rc == 0)
		rc = aichat_record_add(call->ai, record, reterr);
	aichat_record_free(record);
	return rc;
}

static int add_records(struct call *call, const char *id,
		       const unsigned char digest[DIGEST_LEN],
		       const struct kept_answer *answer, aichat_error **reterr)
{
	aichat_record *record = NULL;
	size_t pieces = 0;
	int rc = aichat_record_new("answer", id, &record, reterr);

	if (rc == 0) {
		aichat_record_set_expires(record, clock_unix_ms() + KEPT_MS);
		rc = describe(record, digest, answer, answer->len == 0, 0, reterr);
	}
	if (rc == 0)
		rc = aichat_record_add(call->ai, record, reterr);
	for (size_t at = 0, len; rc == 0 && at < answer->len; at += len) {
		len = piece_len(answer, at);
		rc = add_piece(call, id, pieces++, answer->bytes + at, len, reterr);
	}
	if (rc == 0 && pieces)
		rc = describe(record, digest, answer, true, pieces, reterr);
	if (rc == 0 && pieces)
		rc = aichat_record_save(call->ai, record, reterr);
	aichat_record_free(record);
	return rc;
}

/* ---- how much there is ---- */

static struct owner { /* who has something kept; never freed, and no more than users */
	struct owner *next;
	char user[40];
	int64_t bytes; /* -1 = not known */
	bool busy;     /* somebody reads the records */
} * owners;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards them */

/* With the lock held. NULL without memory. */
static struct owner *owner_of(const char *user)
{
	for (struct owner *o = owners; o; o = o->next)
		if (strcmp(o->user, user) == 0)
			return o;
	struct owner *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	snprintf(o->user, sizeof(o->user), "%s", user);
	o->bytes = -1;
	o->next = owners;
	owners = o;
	return o;
}

static int64_t size_of(const aichat_record *record)
{
	aichat_json *doc = NULL;
	int64_t bytes = 0;

	if (aichat_json_parse(aichat_record_json(record, NULL), -1, &doc, NULL) == 0)
		bytes = call_int(doc, "bytes", 0);
	aichat_json_unref(doc);
	return bytes + RECORD_BYTES;
}

/* Walk through the answers, oldest first, and delete while more than `most` are left of
 * `bytes`; -1 counts only. What is left then. */
static int walk(aichat *ai, int64_t most, int64_t *bytes, aichat_error **reterr)
{
	char after[ID_LEN + 64] = "";
	int rc = 0;

	do {
		aichat_records *records = NULL;
		rc = aichat_record_list(ai, "answer", NULL, NULL, *after ? after : NULL,
					PAGE, &records, reterr);
		for (size_t i = 0; rc == 0 && i < aichat_records_count(records); i++) {
			const aichat_record *record = aichat_records_at(records, i);
			if (most < 0) {
				*bytes += size_of(record);
				continue;
			}
			if (*bytes <= most)
				break;
			/* If it is gone already, that is as well. */
			(void)aichat_record_delete(ai, "answer", aichat_record_id(record),
						   NULL);
			*bytes -= size_of(record);
		}
		const char *next = aichat_records_cursor(records);
		snprintf(after, sizeof(after), "%s", next ? next : "");
		aichat_records_free(records);
	} while (rc == 0 && *after && (most < 0 || *bytes > most));
	return rc;
}

/* An eighth more than is needed goes, so that this is seldom. */
static void make_room(struct call *call, struct owner *owner)
{
	int64_t limit = call->server->settings.kept_answer_bytes, bytes = 0;
	aichat_error *error = NULL;
	int rc = walk(call->ai, -1, &bytes, &error);

	if (rc == 0 && bytes > limit)
		rc = walk(call->ai, limit - limit / 8, &bytes, &error);
	if (rc < 0)
		log_line(AICHAT_LOG_WARNING,
			 "%s: what is kept for repeats cannot be counted: %s",
			 call->request_id,
			 error ? aichat_error_message(error) : aichat_error_text(rc));
	aichat_error_unref(error);
	pthread_mutex_lock(&lock);
	owner->bytes = rc < 0 ? -1 : bytes;
	owner->busy = false;
	pthread_mutex_unlock(&lock);
}

/* So much more is kept. */
static void count(struct call *call, size_t len)
{
	bool over = false;

	pthread_mutex_lock(&lock);
	struct owner *owner = owner_of(call->principal.user);
	if (owner && owner->bytes >= 0)
		owner->bytes += (int64_t)len + RECORD_BYTES;
	if (owner && !owner->busy)
		owner->busy = over = owner->bytes < 0 ||
				     owner->bytes >
					     call->server->settings.kept_answer_bytes;
	pthread_mutex_unlock(&lock);
	if (over)
		make_room(call, owner);
}

void kept_add(struct call *call, const char *key, const unsigned char digest[DIGEST_LEN],
	      const struct kept_answer *answer)
{
	aichat_error *error = NULL;
	char id[ID_LEN + 1];

	id_of(key, id);
	int rc = add_records(call, id, digest, answer, &error);
	if (rc < 0)
		log_line(AICHAT_LOG_ERROR, "%s: the answer is not kept for repeats: %s",
			 call->request_id,
			 error ? aichat_error_message(error) : aichat_error_text(rc));
	aichat_error_unref(error);
	count(call, answer->len);
}

/* ---- finding one ---- */

/* Each: 1, 0 where something is missing, or what failed: then nothing is known. */

static int get_record(struct call *call, const char *kind, const char *id,
		      aichat_record **ret_record, aichat_json **ret_doc,
		      aichat_error **reterr)
{
	aichat_error *error = NULL;
	int rc = aichat_record_get(call->ai, kind, id, ret_record, &error);

	if (rc == 0)
		rc = aichat_json_parse(aichat_record_json(*ret_record, NULL), -1, ret_doc,
				       NULL);
	if (rc == AICHAT_ENOTFOUND)
		aichat_error_unref(error);
	else
		*reterr = error;
	return rc == 0 ? 1 : rc == AICHAT_ENOTFOUND ? 0 : rc;
}

static int read_piece(struct call *call, const char *id, int64_t number,
		      struct kept_answer *answer, size_t room, aichat_error **reterr)
{
	char piece_id[ID_LEN + 32];
	aichat_record *record = NULL;
	aichat_json *doc = NULL;
	size_t len = 0;

	snprintf(piece_id, sizeof(piece_id), "%s-%lld", id, (long long)number);
	int rc = get_record(call, "answer-piece", piece_id, &record, &doc, reterr);
	if (rc == 1) {
		const char *bytes = aichat_json_string(
			doc, aichat_json_get(doc, 0, "bytes"), &len);
		if (bytes && len <= room - answer->len) {
			memcpy(answer->bytes + answer->len, bytes, len);
			answer->len += len;
		} else {
			rc = 0;
		}
	}
	aichat_json_unref(doc);
	aichat_record_free(record);
	return rc;
}

static int read_answer(struct call *call, const char *id, const aichat_json *doc,
		       struct kept_answer *answer, aichat_error **reterr)
{
	int64_t pieces = call_int(doc, "pieces", 0), bytes = call_int(doc, "bytes", 0);
	int rc = 1;

	answer->stream = call_bool(doc, "stream", false);
	answer->too_large = call_bool(doc, "too_large", false);
	if (!call_bool(doc, "whole", false) || bytes < 0 || bytes > (int64_t)KEPT_MAX)
		return 0;
	answer->bytes = malloc((size_t)bytes + 1);
	if (!answer->bytes)
		return AICHAT_ENOMEM;
	for (int64_t i = 0; rc == 1 && i < pieces; i++)
		rc = read_piece(call, id, i, answer, (size_t)bytes, reterr);
	return rc == 1 ? (int64_t)answer->len == bytes : rc;
}

enum kept kept_find(struct call *call, const char *key,
		    const unsigned char digest[DIGEST_LEN], struct kept_answer *ret,
		    aichat_error **reterr)
{
	aichat_record *record = NULL;
	aichat_json *doc = NULL;
	char id[ID_LEN + 1], wanted[DIGEST_LEN * 2 + 1];
	enum kept found = KEPT_NONE;

	*ret = (struct kept_answer){ 0 };
	id_of(key, id);
	sodium_bin2hex(wanted, sizeof(wanted), digest, DIGEST_LEN);
	int rc = get_record(call, "answer", id, &record, &doc, reterr);
	if (rc == 1) {
		rc = read_answer(call, id, doc, ret, reterr);
		if (rc == 0) /* whoever wrote it died over it */
			aichat_record_delete(call->ai, "answer", id, NULL);
	}
	if (rc < 0)
		found = KEPT_UNREADABLE;
	else if (rc == 1)
		found = strcmp(call_text(doc, "digest", ""), wanted) == 0 ? KEPT_FOUND
									  : KEPT_OTHER;
	if (found != KEPT_FOUND) {
		free(ret->bytes);
		*ret = (struct kept_answer){ 0 };
	}
	aichat_json_unref(doc);
	aichat_record_free(record);
	return found;
}
