/*
 * The list of answers that are being made, and the records of those that were.
 *
 * A playback is in the list from the moment its request is let in until its answer is
 * over and kept, so there is no moment at which a repeat would find neither.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "auth.h"
#include "log.h"
#include "playback.h"
#include "server.h"

#define KEY_MAX 255
#define ID_LEN 40
#define KEPT_MS ((int64_t)24 * 60 * 60 * 1000)
#define KEPT_MAX ((size_t)1 << 20)
#define PIECE_JSON 60000 /* of an answer in one record, which takes 64 KiB */
#define PING ": ping\n\n"

struct playback {
	struct playback *next; /* in the list; NULL for the last */
	unsigned refs;
	char user[40];
	char key[KEY_MAX + 1];
	unsigned char digest[32]; /* of the request */
	pthread_cond_t changed;
	bool headed, stream; /* what the answer is is known */
	bool over;           /* nothing comes any more */
	bool ended;          /* in the regular way: it was not cut */
	bool failed;         /* memory was out for some of it */
	char *bytes;
	size_t len, room;
};

static struct playback *running;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of them */

/* ---- their life ---- */

static struct playback *playback_new(const struct call *call, const char *key,
				     const unsigned char digest[32])
{
	struct playback *p = calloc(1, sizeof(*p));
	pthread_condattr_t attributes;

	if (!p)
		return NULL;
	p->refs = 1;
	snprintf(p->user, sizeof(p->user), "%s", call->principal.user);
	snprintf(p->key, sizeof(p->key), "%s", key);
	memcpy(p->digest, digest, sizeof(p->digest));
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return p;
}

/* With the lock held. */
static void unref(struct playback *p)
{
	if (--p->refs > 0)
		return;
	pthread_cond_destroy(&p->changed);
	free(p->bytes);
	free(p);
}

static struct playback *find(const struct call *call, const char *key)
{
	for (struct playback *p = running; p; p = p->next)
		if (strcmp(p->key, key) == 0 &&
		    strcmp(p->user, call->principal.user) == 0)
			return p;
	return NULL;
}

static void leave(struct playback *p)
{
	pthread_mutex_lock(&lock);
	unref(p);
	pthread_mutex_unlock(&lock);
}

/* Over, and found no more. */
static void end(struct playback *p)
{
	pthread_mutex_lock(&lock);
	for (struct playback **at = &running; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	p->over = true;
	pthread_cond_broadcast(&p->changed);
	unref(p);
	pthread_mutex_unlock(&lock);
}

/* ---- recording ---- */

void playback_head(struct playback *p, bool stream)
{
	pthread_mutex_lock(&lock);
	p->headed = true;
	p->stream = stream;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&lock);
}

void playback_add(struct playback *p, const char *bytes, size_t len)
{
	pthread_mutex_lock(&lock);
	if (p->room - p->len < len) {
		size_t room = p->room ? p->room : 4096;
		while (room - p->len < len)
			room *= 2;
		char *larger = realloc(p->bytes, room);
		if (larger) {
			p->bytes = larger;
			p->room = room;
		} else {
			p->failed = true;
		}
	}
	if (!p->failed) {
		memcpy(p->bytes + p->len, bytes, len);
		p->len += len;
	}
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&lock);
}

/* ---- repeats of one that runs ---- */

static void wake_all(void *user)
{
	struct playback *p = user;

	/* Missed by one that is about to wait, it is seen at the next heartbeat. */
	pthread_cond_broadcast(&p->changed);
}

static void wait_for_more(struct playback *p, int64_t wait_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&p->changed, &lock, &until);
}

static void begin_answer(struct call *call, bool stream)
{
	http_set_header(call->request, "Idempotent-Replayed", "true");
	if (!stream)
		return;
	http_set_header(call->request, "X-Accel-Buffering", "no");
	http_begin_stream(call->request, 200, "text/event-stream; charset=utf-8");
}

enum outcome {
	NOT_YET, /* nobody knows what it will be */
	STREAM,
	DOCUMENT,
	NO_ANSWER, /* it failed, or was cut before this caller was told anything */
};

/* What the answer is, if it is known within a heartbeat. */
static enum outcome wait_for_answer(struct playback *p, int64_t wait_ms)
{
	enum outcome answer = NOT_YET;

	pthread_mutex_lock(&lock);
	if (!p->over && !(p->headed && p->stream))
		wait_for_more(p, wait_ms);
	if (p->over && (!p->ended || p->failed))
		answer = NO_ANSWER;
	else if (p->headed && p->stream)
		answer = STREAM;
	else if (p->over)
		answer = DOCUMENT;
	pthread_mutex_unlock(&lock);
	return answer;
}

/* Whether a repeat is still told; if not, and it was told nothing yet, it is refused. */
static bool goes_on(struct call *call, struct auth_watch *rights)
{
	if (http_is_gone(call->request))
		call_refuse(call, 409, "CANCELED", "the client has left");
	else if (atomic_load(&call->server->stopping))
		call_refuse(call, 503, "DRAINING", "the server is shutting down");
	else if (!auth_holds(call, rights))
		auth_refuse(call);
	else
		return true;
	return false;
}

enum turn {
	GO_ON,
	THE_END, /* of a stream that came to its end */
	CUT,
};

/* One write of what is new, or of a comment. Writing waits for the client, so the lock,
 * which is everybody's, is not held meanwhile. */
static enum turn write_more(struct call *call, struct playback *p, size_t *sent)
{
	char *copy = NULL;

	pthread_mutex_lock(&lock);
	if (p->len == *sent && !p->over)
		wait_for_more(p, call->server->settings.heartbeat_ms);
	size_t len = p->len - *sent;
	bool over = p->over && !len, whole = p->ended && !p->failed;
	if (len && (copy = malloc(len)))
		memcpy(copy, p->bytes + *sent, len);
	pthread_mutex_unlock(&lock);
	if (over)
		return whole ? THE_END : CUT;
	if (len && !copy)
		return CUT;
	if (!http_answered(call->request))
		begin_answer(call, true);
	int result = len ? http_write(call->request, copy, len)
			 : http_write(call->request, PING, strlen(PING));
	*sent += len;
	free(copy);
	return result < 0 ? CUT : GO_ON;
}

static void follow_stream(struct call *call, struct playback *p,
			  struct auth_watch *rights)
{
	size_t sent = 0;
	enum turn turn = GO_ON;

	while (turn == GO_ON && goes_on(call, rights))
		turn = write_more(call, p, &sent);
	if (turn == THE_END)
		http_end_stream(call->request);
}

/* False: it failed before there was anything of an answer. */
static bool follow(struct call *call, struct playback *p)
{
	struct auth_watch rights = { 0 };
	enum outcome answer = NOT_YET;

	http_watch(call->request, wake_all, p);
	while (answer == NOT_YET && goes_on(call, &rights))
		answer = wait_for_answer(p, call->server->settings.heartbeat_ms);
	if (answer == STREAM) {
		follow_stream(call, p, &rights);
	} else if (answer == DOCUMENT) { /* it is over: its bytes stay as they are */
		begin_answer(call, false);
		http_answer(call->request, 200, "application/json", p->bytes, p->len);
	}
	http_unwatch(call->request);
	leave(p);
	return answer != NO_ANSWER;
}

static void refuse_other(struct call *call)
{
	call_refuse(call, 409, "IDEMPOTENCY_CONFLICT",
		    "the Idempotency-Key was used for another request");
}

/* ---- what is kept ---- */

/* The record's id: nobody can guess from it what key was given. */
static void id_of(const struct playback *p, char id[ID_LEN + 1])
{
	unsigned char hash[ID_LEN / 2];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)p->key,
			   strlen(p->key), NULL, 0);
	sodium_bin2hex(id, ID_LEN + 1, hash, sizeof(hash));
}

/* {"digest", "stream", "whole", "pieces"}, or a piece: {"bytes"}. */
static char *describe(const struct playback *p, bool whole, size_t pieces)
{
	char digest[65], *text = NULL;

	sodium_bin2hex(digest, sizeof(digest), p->digest, sizeof(p->digest));
	if (asprintf(&text,
		     "{\"digest\":\"%s\",\"stream\":%s,\"whole\":%s,\"pieces\":%zu}",
		     digest, p->stream ? "true" : "false", whole ? "true" : "false",
		     pieces) < 0)
		return NULL;
	return text;
}

static aichat_record *new_record(const char *kind, const char *id, const char *json,
				 size_t len, aichat_error **reterr)
{
	aichat_record *record = NULL;

	if (!json || aichat_record_new(kind, id, &record, reterr) < 0)
		return NULL;
	aichat_record_set_expires(record, clock_unix_ms() + KEPT_MS);
	if (aichat_record_set_json(record, json, (int64_t)len, reterr) < 0)
		record = aichat_record_free(record);
	return record;
}

static size_t json_len_of(unsigned char byte)
{
	return byte < ' ' ? 6 : byte == '"' || byte == '\\' ? 2 : 1;
}

/* How many of the bytes from `at` on make a piece: whole characters, and as many as fit,
 * since every record is a commit. */
static size_t piece_len(const struct playback *p, size_t at)
{
	size_t len = 0, json_len = 0;

	while (at + len < p->len && json_len < PIECE_JSON)
		json_len += json_len_of((unsigned char)p->bytes[at + len++]);
	while (at + len < p->len && ((unsigned char)p->bytes[at + len] & 0xc0) == 0x80)
		len++;
	return len;
}

static bool keep_piece(struct call *call, const struct playback *p, const char *id,
		       size_t number, size_t at, size_t len, aichat_error **reterr)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_record *record = NULL;
	const char *json = NULL;
	char piece_id[ID_LEN + 16];
	size_t json_len = 0;
	bool kept = false;

	snprintf(piece_id, sizeof(piece_id), "%s-%zu", id, number);
	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "bytes", -1);
	aichat_json_writer_string(w, p->bytes + at, (int64_t)len);
	aichat_json_writer_end_object(w);
	if (aichat_json_writer_finish(w, &json, &json_len) == 0)
		record = new_record("answer-piece", piece_id, json, json_len, reterr);
	if (record)
		kept = aichat_record_set_parent(record, "answer", id, reterr) == 0 &&
		       aichat_record_add(call->ai, record, reterr) == 0;
	aichat_record_free(record);
	aichat_json_writer_unref(w);
	return kept;
}

static bool keep_all(struct call *call, const struct playback *p, aichat_error **reterr)
{
	char id[ID_LEN + 1];
	size_t pieces = 0;
	char *json = describe(p, false, 0);
	aichat_record *record;

	id_of(p, id);
	record = new_record("answer", id, json, json ? strlen(json) : 0, reterr);
	free(json);
	bool kept = record && aichat_record_add(call->ai, record, reterr) == 0;
	for (size_t at = 0, len; kept && at < p->len; at += len) {
		len = piece_len(p, at);
		kept = keep_piece(call, p, id, pieces++, at, len, reterr);
	}
	json = kept ? describe(p, true, pieces) : NULL;
	kept = json && aichat_record_set_json(record, json, -1, reterr) == 0 &&
	       aichat_record_save(call->ai, record, reterr) == 0;
	free(json);
	aichat_record_free(record);
	return kept;
}

static void keep(struct call *call, const struct playback *p)
{
	aichat_error *error = NULL;

	if (p->len > KEPT_MAX) {
		log_line(AICHAT_LOG_WARNING,
			 "%s: an answer of %zu bytes is too large to be kept for repeats",
			 call->request_id, p->len);
		return;
	}
	if (!keep_all(call, p, &error))
		log_line(AICHAT_LOG_ERROR, "%s: the answer is not kept for repeats: %s",
			 call->request_id,
			 error ? aichat_error_message(error) : "out of memory");
	aichat_error_unref(error);
}

/* ---- what was kept ---- */

static bool recall_piece(struct call *call, struct playback *p, const char *id,
			 int64_t number)
{
	char piece_id[ID_LEN + 32];
	aichat_record *record = NULL;
	aichat_json *doc = NULL;
	const char *bytes = NULL;
	size_t len = 0;

	snprintf(piece_id, sizeof(piece_id), "%s-%lld", id, (long long)number);
	if (aichat_record_get(call->ai, "answer-piece", piece_id, &record, NULL) < 0)
		return false;
	if (aichat_json_parse(aichat_record_json(record, NULL), -1, &doc, NULL) == 0)
		bytes = aichat_json_string(doc, aichat_json_get(doc, 0, "bytes"), &len);
	if (bytes)
		playback_add(p, bytes, len);
	aichat_json_unref(doc);
	aichat_record_free(record);
	return bytes && !p->failed;
}

static void answer_again(struct call *call, const struct playback *p)
{
	begin_answer(call, p->stream);
	if (!p->stream) {
		http_answer(call->request, 200, "application/json", p->bytes, p->len);
		return;
	}
	if (http_write(call->request, p->bytes, p->len) == 0)
		http_end_stream(call->request);
}

/* What a record of an answer says; true if the call was answered. */
static bool recall_from(struct call *call, struct playback *p, const char *id,
			const aichat_json *doc)
{
	const char *digest = call_text(doc, "digest", "");
	int64_t pieces = call_int(doc, "pieces", 0);
	char wanted[65];
	bool whole = call_bool(doc, "whole", false);

	sodium_bin2hex(wanted, sizeof(wanted), p->digest, sizeof(p->digest));
	if (whole && strcmp(digest, wanted) != 0) {
		refuse_other(call);
		return true;
	}
	for (int64_t i = 0; whole && i < pieces; i++)
		whole = recall_piece(call, p, id, i);
	if (!whole) { /* whoever wrote it died over it */
		p->len = 0;
		aichat_record_delete(call->ai, "answer", id, NULL);
		return false;
	}
	p->stream = call_bool(doc, "stream", false);
	answer_again(call, p);
	return true;
}

/* True and answered if an answer was kept. */
static bool recall(struct call *call, struct playback *p)
{
	aichat_record *record = NULL;
	aichat_json *doc = NULL;
	char id[ID_LEN + 1];
	bool answered = false;

	id_of(p, id);
	if (aichat_record_get(call->ai, "answer", id, &record, NULL) < 0)
		return false;
	if (aichat_json_parse(aichat_record_json(record, NULL), -1, &doc, NULL) == 0)
		answered = recall_from(call, p, id, doc);
	aichat_json_unref(doc);
	aichat_record_free(record);
	return answered;
}

/* ---- the beginning ---- */

static bool is_key(const char *key)
{
	size_t len = strlen(key);

	if (len == 0 || len > KEY_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return false;
	return true;
}

/* What makes two requests the same. */
static void digest_of(const struct call *call, unsigned char digest[32])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const unsigned char *)call->route->name,
				  strlen(call->route->name) + 1);
	crypto_generichash_update(&state, (const unsigned char *)call->raw_body,
				  call->raw_body_len);
	crypto_generichash_final(&state, digest, 32);
}

/* Ours in the list, or an earlier one with a reference; NULL when memory is out. */
static struct playback *enter(const struct call *call, const char *key,
			      const unsigned char digest[32], bool *ret_first)
{
	pthread_mutex_lock(&lock);
	struct playback *p = find(call, key);
	*ret_first = p == NULL;
	if (p) {
		p->refs++;
	} else if ((p = playback_new(call, key, digest))) {
		p->next = running;
		running = p;
	}
	pthread_mutex_unlock(&lock);
	return p;
}

bool playback_begin(struct call *call, struct playback **ret)
{
	const char *key = http_header(call->request, "Idempotency-Key");
	unsigned char digest[32];
	bool first;

	if (!key)
		return true;
	if (!is_key(key)) {
		call_refuse(call, 400, "VALIDATION_FAILED",
			    "the Idempotency-Key must be 1 to 255 visible characters");
		return false;
	}
	digest_of(call, digest);
	for (;;) {
		struct playback *p = enter(call, key, digest, &first);
		if (!p) {
			call_refuse(call, 503, "BUSY", "out of memory");
			return false;
		}
		if (first) {
			if (!recall(call, p)) {
				*ret = p;
				return true;
			}
			end(p);
			return false;
		}
		if (memcmp(p->digest, digest, sizeof(digest)) != 0) {
			leave(p);
			refuse_other(call);
			return false;
		}
		if (follow(call, p))
			return false;
	}
}

void playback_end(struct playback *p, struct call *call, enum playback_outcome how)
{
	pthread_mutex_lock(&lock);
	p->over = true;
	p->ended = how != PLAYBACK_CUT;
	pthread_cond_broadcast(&p->changed); /* repeats need not wait for the disk */
	pthread_mutex_unlock(&lock);
	if (how == PLAYBACK_WHOLE && !p->failed)
		keep(call, p);
	end(p);
}
