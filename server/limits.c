/*
 * Limits by counting within a minute that begins with the first request after the last
 * one ended. Everybody who asks is counted at three levels: the key, its user, all. One
 * lock guards them all, so that what is reserved is reserved at each of them or at none,
 * and the sum is exact whoever asks at once.
 *
 * A reservation that is settled in a later minute gives nothing back, because what it
 * took is forgotten; what it used over counts there. Nobody gets tokens for nothing.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "log.h"
#include "rfc3339.h"
#include "server.h"

#define WINDOW_MS 60000
#define BUCKETS 256
#define LEVELS_MAX 20000 /* that are counted at once; more are a flood of keys */
#define LEVELS 3

struct level {
	struct level *next;
	char id[48]; /* "k" and the key, "u" and the user, "*" */
	struct limit_values limits;
	int64_t window; /* counts minutes; what is settled later knows its own */
	int64_t ends_mono_ms;
	int64_t requests, tokens;   /* used in it */
	int64_t replies;            /* running now */
	int64_t calls;              /* being answered now */
	int64_t streams;            /* of them */
	_Atomic int64_t body_bytes; /* of them, in memory */
};

struct limits {
	struct server *server;
	pthread_mutex_t lock; /* guards what follows */
	struct level *buckets[BUCKETS];
	size_t count;
};

/* What is left of one kind, at the level that has least. */
struct state {
	int64_t limit; /* 0 = no limit */
	int64_t remaining;
	int64_t reset_ms;
};

struct limits *limits_new(struct server *server)
{
	struct limits *limits = calloc(1, sizeof(*limits));

	if (limits) {
		limits->server = server;
		pthread_mutex_init(&limits->lock, NULL);
	}
	return limits;
}

struct limits *limits_free(struct limits *limits)
{
	if (!limits)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		while (limits->buckets[i]) {
			struct level *level = limits->buckets[i];
			limits->buckets[i] = level->next;
			free(level);
		}
	pthread_mutex_destroy(&limits->lock);
	free(limits);
	return NULL;
}

/* ---- levels: with the lock held --------------------------------------------------- */

static void turn_window(struct level *level, int64_t now)
{
	if (now < level->ends_mono_ms)
		return;
	level->window++;
	level->ends_mono_ms = now + WINDOW_MS;
	level->requests = level->tokens = 0;
}

/* Levels that count nothing any more make room. */
static void sweep(struct limits *limits, int64_t now)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct level **link = &limits->buckets[i]; *link;) {
			struct level *level = *link;
			if (level->replies > 0 || level->calls > 0 ||
			    atomic_load(&level->body_bytes) > 0 ||
			    now < level->ends_mono_ms) {
				link = &level->next;
				continue;
			}
			*link = level->next;
			free(level);
			limits->count--;
		}
}

static struct level *find_level(struct limits *limits, char kind, const char *name,
				int64_t now)
{
	uint32_t hash = 2166136261u ^ (unsigned char)kind;
	char id[sizeof(((struct level *)0)->id)];

	snprintf(id, sizeof(id), "%c%s", kind, name);
	for (const char *c = id; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	struct level **bucket = &limits->buckets[hash % BUCKETS];
	for (struct level *level = *bucket; level; level = level->next)
		if (strcmp(level->id, id) == 0) {
			turn_window(level, now);
			return level;
		}
	if (limits->count >= LEVELS_MAX)
		sweep(limits, now);
	if (limits->count >= LEVELS_MAX)
		return NULL;
	struct level *level = calloc(1, sizeof(*level));
	if (!level)
		return NULL;
	memcpy(level->id, id, sizeof(id));
	turn_window(level, now);
	level->next = *bucket;
	*bucket = level;
	limits->count++;
	return level;
}

static int64_t first_of(int64_t own, int64_t otherwise)
{
	return own ? own : otherwise;
}

/* The levels of who asks, with the limits of each. False: no memory. */
static bool find_levels(struct call *call, struct level *levels[LEVELS], int64_t now)
{
	const struct settings *s = &call->server->settings;
	const struct principal *p = &call->principal;
	struct limits *limits = call->server->limits;

	levels[0] = find_level(limits, 'k', *p->key ? p->key : p->login, now);
	levels[1] = levels[0] ? find_level(limits, 'u', p->user, now) : NULL;
	levels[2] = levels[1] ? find_level(limits, '*', "", now) : NULL;
	if (!levels[2])
		return false;
	levels[0]->limits = p->key_limits;
	levels[1]->limits = (struct limit_values){
		first_of(p->user_limits.requests_per_minute, s->user_requests_per_minute),
		first_of(p->user_limits.tokens_per_minute, s->user_tokens_per_minute),
		first_of(p->user_limits.concurrent_replies, s->user_concurrent_replies),
	};
	levels[2]->limits = (struct limit_values){
		s->requests_per_minute,
		s->tokens_per_minute,
		s->concurrent_replies,
	};
	return true;
}

static void keep_least(struct state *state, int64_t limit, int64_t used,
		       const struct level *level, int64_t now)
{
	int64_t remaining = limit > used ? limit - used : 0;

	if (limit == 0 || (state->limit && state->remaining <= remaining))
		return;
	*state = (struct state){ limit, remaining, level->ends_mono_ms - now };
}

static struct state state_of(struct level *const levels[LEVELS], bool tokens, int64_t now)
{
	struct state state = { 0 };

	for (int i = 0; i < LEVELS; i++)
		keep_least(&state,
			   tokens ? levels[i]->limits.tokens_per_minute
				  : levels[i]->limits.requests_per_minute,
			   tokens ? levels[i]->tokens : levels[i]->requests, levels[i],
			   now);
	return state;
}

/* ---- what the client is told ------------------------------------------------------ */

static void set_number(struct call *call, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	http_set_header(call->request, name, text);
}

/* "6m0s", "1s", "12ms" */
static void duration_text(int64_t ms, char text[48])
{
	if (ms < 1000)
		snprintf(text, 48, "%" PRId64 "ms", ms);
	else if (ms < 60000)
		snprintf(text, 48, "%" PRId64 "s", (ms + 999) / 1000);
	else
		snprintf(text, 48, "%" PRId64 "m%" PRId64 "s", ms / 60000,
			 ms % 60000 / 1000);
}

static void set_headers(struct call *call, const char *what, const struct state *state)
{
	bool anthropic = call->surface == SURFACE_ANTHROPIC;
	char name[64], text[48];

	if (!state->limit)
		return;
	snprintf(name, sizeof(name),
		 anthropic ? "anthropic-ratelimit-%s-limit" : "x-ratelimit-limit-%s",
		 what);
	set_number(call, name, state->limit);
	snprintf(name, sizeof(name),
		 anthropic ? "anthropic-ratelimit-%s-remaining"
			   : "x-ratelimit-remaining-%s",
		 what);
	set_number(call, name, state->remaining);
	snprintf(name, sizeof(name),
		 anthropic ? "anthropic-ratelimit-%s-reset" : "x-ratelimit-reset-%s",
		 what);
	if (anthropic)
		time_text(clock_unix_ms() + state->reset_ms, text);
	else
		duration_text(state->reset_ms, text);
	http_set_header(call->request, name, text);
}

static void refuse(struct call *call, int64_t wait_ms, const char *what,
		   const struct level *level, int64_t limit)
{
	const char *whose = level->id[0] == 'k'   ? "this key"
			    : level->id[0] == 'u' ? "this user"
						  : "this server";

	set_number(call, "Retry-After", (wait_ms + 999) / 1000);
	set_number(call, "retry-after-ms", wait_ms);
	call_refuse(call, 429, "RATE_LIMITED", "%s may have %" PRId64 " %s", whose, limit,
		    what);
}

static bool busy(struct call *call)
{
	call_refuse(call, 503, "BUSY", "too many keys are in use at once");
	return false;
}

/* ---- requests --------------------------------------------------------------------- */

bool limits_take_request(struct call *call)
{
	struct limits *limits = call->server->limits;
	int64_t now = clock_mono_us() / 1000;
	struct level *levels[LEVELS], full = { 0 };

	pthread_mutex_lock(&limits->lock);
	bool found = find_levels(call, levels, now);
	for (int i = 0; found && i < LEVELS && !full.id[0]; i++) {
		int64_t limit = levels[i]->limits.requests_per_minute;
		if (limit && levels[i]->requests >= limit)
			full = *levels[i];
	}
	for (int i = 0; found && i < LEVELS && !full.id[0]; i++)
		levels[i]->requests++;
	if (found && !full.id[0]) {
		call->user_level = levels[1];
		call->user_level->calls++;
	}
	struct state requests = { 0 }, tokens = { 0 };
	if (found) {
		requests = state_of(levels, false, now);
		tokens = state_of(levels, true, now);
	}
	pthread_mutex_unlock(&limits->lock);
	if (!found)
		return busy(call);
	set_headers(call, "requests", &requests);
	/* Where tokens are reserved they are told then. */
	if (!(call->route->flags & ROUTE_MODEL) || full.id[0])
		set_headers(call, "tokens", &tokens);
	if (full.id[0])
		refuse(call, full.ends_mono_ms - now, "requests a minute", &full,
		       full.limits.requests_per_minute);
	return !full.id[0];
}

void limits_leave(struct call *call)
{
	struct limits *limits = call->server->limits;

	if (!call->user_level)
		return;
	pthread_mutex_lock(&limits->lock);
	call->user_level->calls--;
	pthread_mutex_unlock(&limits->lock);
	call->user_level = NULL;
}

bool limits_is_idle(struct limits *limits, const char *user, int64_t calls)
{
	pthread_mutex_lock(&limits->lock);
	const struct level *level = find_level(limits, 'u', user, clock_mono_us() / 1000);
	bool idle = !level || (level->calls <= calls && level->replies == 0);
	pthread_mutex_unlock(&limits->lock);
	return idle;
}

bool limits_take_stream(struct call *call)
{
	const struct settings *settings = &call->server->settings;
	struct limits *limits = call->server->limits;
	int64_t most = settings->user_streams ? settings->user_streams
					      : (settings->streams + 3) / 4;
	struct level *level = call->user_level;

	if (!level)
		return true;
	pthread_mutex_lock(&limits->lock);
	bool taken = level->streams < most;
	level->streams += taken;
	pthread_mutex_unlock(&limits->lock);
	if (!taken)
		refuse(call, 1000, "streams at once", level, most);
	return taken;
}

void limits_end_stream(struct call *call)
{
	struct limits *limits = call->server->limits;

	if (!call->user_level)
		return;
	pthread_mutex_lock(&limits->lock);
	call->user_level->streams--;
	pthread_mutex_unlock(&limits->lock);
}

_Atomic int64_t *limits_body_bytes(const struct call *call)
{
	return call->user_level ? &call->user_level->body_bytes : NULL;
}

/* ---- replies and tokens ----------------------------------------------------------- */

/* The first level that has no room, and for what. */
static const struct level *find_full(struct level *const levels[LEVELS], int64_t tokens,
				     bool *ret_replies)
{
	for (int i = 0; i < LEVELS; i++) {
		const struct level *level = levels[i];
		const struct limit_values *limits = &level->limits;
		*ret_replies = limits->concurrent_replies &&
			       level->replies >= limits->concurrent_replies;
		if (*ret_replies || (limits->tokens_per_minute &&
				     level->tokens + tokens > limits->tokens_per_minute))
			return level;
	}
	return NULL;
}

bool limits_reserve(struct call *call, int64_t tokens, struct reservation *ret)
{
	struct limits *limits = call->server->limits;
	int64_t now = clock_mono_us() / 1000;
	struct level *levels[LEVELS], full = { 0 };
	bool for_replies = false;

	*ret = (struct reservation){ 0 };
	pthread_mutex_lock(&limits->lock);
	bool found = find_levels(call, levels, now);
	const struct level *at = found ? find_full(levels, tokens, &for_replies) : NULL;
	if (at)
		full = *at;
	for (int i = 0; found && !at && i < LEVELS; i++) {
		levels[i]->tokens += tokens;
		levels[i]->replies++;
		ret->levels[i] = levels[i];
		ret->windows[i] = levels[i]->window;
	}
	struct state state = { 0 };
	if (found)
		state = state_of(levels, true, now);
	pthread_mutex_unlock(&limits->lock);
	if (!found)
		return busy(call);
	set_headers(call, "tokens", &state);
	if (full.id[0]) {
		if (for_replies)
			refuse(call, 1000, "replies at once", &full,
			       full.limits.concurrent_replies);
		else
			refuse(call, full.ends_mono_ms - now,
			       "tokens a minute, and not so many are left", &full,
			       full.limits.tokens_per_minute);
		return false;
	}
	ret->limits = limits;
	ret->tokens = tokens;
	return true;
}

void limits_settle(struct reservation *reservation, int64_t tokens)
{
	struct limits *limits = reservation->limits;
	int64_t now = clock_mono_us() / 1000;

	if (!limits)
		return;
	pthread_mutex_lock(&limits->lock);
	int64_t over = tokens < 0 ? 0 : tokens - reservation->tokens;
	for (int i = 0; i < LEVELS; i++) {
		struct level *level = reservation->levels[i];
		turn_window(level, now);
		if (over > 0 || level->window == reservation->windows[i])
			level->tokens += over;
		level->replies--;
	}
	pthread_mutex_unlock(&limits->lock);
	reservation->limits = NULL;
}
