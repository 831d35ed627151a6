/*
 * The list of answers that are being made, each with what was written so far.
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
#include "kept.h"
#include "playback.h"
#include "server.h"

#define KEY_MAX 255
#define WRITE_MAX ((size_t)64 * 1024)
#define PING ": ping\n\n"

struct playback {
	struct playback *next; /* in the list; NULL for the last */
	unsigned refs;
	char user[40];
	char key[KEY_MAX + 1];
	unsigned char digest[DIGEST_LEN]; /* of the request */
	pthread_cond_t changed;
	bool headed, stream; /* what the answer is is known */
	bool over;           /* nothing comes any more */
	bool ended;          /* in the regular way: it was not cut */
	bool failed;         /* memory was out for some of it */
	bool too_large;      /* to be recorded: there are no bytes any more */
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

/* With the lock held. */
static bool make_room(struct playback *p, size_t len)
{
	size_t room = p->room ? p->room : 4096;

	if (p->room - p->len >= len)
		return true;
	while (room - p->len < len)
		room *= 2;
	char *larger = realloc(p->bytes, room);
	if (!larger)
		return false;
	p->bytes = larger;
	p->room = room;
	return true;
}

/* With the lock held. */
static void forget(struct playback *p)
{
	free(p->bytes);
	p->bytes = NULL;
	p->len = p->room = 0;
}

void playback_add(struct playback *p, const char *bytes, size_t len)
{
	pthread_mutex_lock(&lock);
	p->too_large = p->too_large || len > KEPT_MAX - p->len;
	p->failed = !p->too_large && (p->failed || !make_room(p, len));
	if (p->too_large || p->failed) {
		forget(p);
	} else {
		memcpy(p->bytes + p->len, bytes, len);
		p->len += len;
	}
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&lock);
}

/* ---- repeats ---- */

static void refuse_other(struct call *call)
{
	call_refuse(call, 409, "IDEMPOTENCY_CONFLICT",
		    "the Idempotency-Key was used for another request");
}

static void refuse_too_large(struct call *call)
{
	call_refuse(call, 409, "IDEMPOTENCY_CONFLICT",
		    "the first request with this Idempotency-Key got an answer of more "
		    "than %zu bytes, which is not kept; to ask again, use another key",
		    KEPT_MAX);
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
	TOO_LARGE,
	NO_ANSWER, /* it failed, or was cut before this caller was told anything */
};

/* What the answer is, if it is known within a heartbeat. */
static enum outcome wait_for_answer(struct playback *p, int64_t wait_ms)
{
	enum outcome answer = NOT_YET;

	pthread_mutex_lock(&lock);
	if (!p->over && !p->too_large && !(p->headed && p->stream))
		wait_for_more(p, wait_ms);
	if (p->too_large)
		answer = TOO_LARGE;
	else if (p->over && (!p->ended || p->failed))
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
	if (p->len == *sent && !p->over && !p->too_large)
		wait_for_more(p, call->server->settings.heartbeat_ms);
	bool lost = p->too_large || p->failed;
	size_t len = lost ? 0 : p->len - *sent;
	len = len < WRITE_MAX ? len : WRITE_MAX;
	bool over = lost || (p->over && !len), whole = p->ended && !lost;
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
	} else if (answer == TOO_LARGE) {
		refuse_too_large(call);
	} else if (answer == DOCUMENT) { /* it is over: its bytes stay as they are */
		begin_answer(call, false);
		http_answer(call->request, 200, "application/json", p->bytes, p->len);
	}
	http_unwatch(call->request);
	leave(p);
	return answer != NO_ANSWER;
}

/* ---- repeats of one that is over ---- */

static void answer_again(struct call *call, const struct kept_answer *answer)
{
	begin_answer(call, answer->stream);
	if (!answer->stream)
		http_answer(call->request, 200, "application/json", answer->bytes,
			    answer->len);
	else if (http_write(call->request, answer->bytes, answer->len) == 0)
		http_end_stream(call->request);
}

/* True and answered if an answer was kept, or nobody can tell: the model is not asked
 * twice for what is there. */
static bool recall(struct call *call, const struct playback *p)
{
	struct kept_answer answer;
	aichat_error *error = NULL;

	switch (kept_find(call, p->key, p->digest, &answer, &error)) {
	case KEPT_NONE:
		return false;
	case KEPT_OTHER:
		refuse_other(call);
		return true;
	case KEPT_UNREADABLE:
		if (error)
			call_fail(call, error);
		else
			call_refuse(call, 503, "BUSY", "out of memory");
		aichat_error_unref(error);
		return true;
	case KEPT_FOUND:
		break;
	}
	if (answer.too_large)
		refuse_too_large(call);
	else
		answer_again(call, &answer);
	free(answer.bytes);
	return true;
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
	const struct kept_answer answer = { p->stream, p->too_large, p->bytes, p->len };
	if (how == PLAYBACK_WHOLE && !p->failed)
		kept_add(call, p->key, p->digest, &answer);
	end(p);
}
