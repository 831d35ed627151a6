#pragma once

/*
 * The engine: one thread per context with one curl_multi, which runs all transfers. It
 * never waits for a disk. Everything that the callbacks of this layer call runs on it.
 */

#include "base/common.h"
#include "base/error.h"
#include "base/log.h"

struct aic_engine;

struct aic_engine_config {    /* strings are copied */
	const char *proxy;    /* NULL or "" = none; never for this machine itself */
	const char *no_proxy; /* as curl's CURLOPT_NOPROXY */
	const char *ca_file;
	const struct aic_log *log; /* outlives the engine; may be NULL */
};

/* Starts the thread. AICHAT_ENOMEM, AICHAT_ELIMIT (no descriptor is left). */
int aic_engine_new(const struct aic_engine_config *config, struct aic_engine **ret_engine,
		   aichat_error **reterr);
/* What it was given. */
const struct aic_log *aic_engine_log(const struct aic_engine *engine);
/*
 * Ends transfers (each is told AICHAT_ECLOSED), closes what is registered, runs the
 * posted tasks, joins, frees. Not from the engine's own thread.
 */
struct aic_engine *aic_engine_free(struct aic_engine *engine);

/*
 * An attempt is to come: libcurl is loaded on the engine's thread meanwhile. Without it
 * the first attempt does that. If it fails, the attempt will say so. Any thread.
 */
void aic_engine_prepare(struct aic_engine *engine);

/* Something to be run once on the engine's thread. Embedded in its owner; never fails. */
struct aic_task {
	void (*run)(struct aic_task *task);
	struct aic_task *next;
};
/* Any thread. A task must not be posted again before it runs; it may be from then on. */
void aic_engine_post(struct aic_engine *engine, struct aic_task *task);
bool aic_engine_is_current(const struct aic_engine *engine);

/* Engine thread only from here on. A timer is embedded, fires once, may be set again. */
struct aic_timer {
	void (*fire)(struct aic_timer *timer);
	int64_t due_mono_ms;
	size_t slot; /* 1 + place in the heap; 0 = not set */
};
/* 0 or AICHAT_ENOMEM; moving a timer that is set cannot fail. */
int aic_timer_set(struct aic_engine *engine, struct aic_timer *timer,
		  int64_t due_mono_ms);
void aic_timer_clear(struct aic_engine *engine, struct aic_timer *timer);

/* A descriptor to be told of when it can be read (a key command's output). */
struct aic_watch {
	int fd;
	void (*ready)(struct aic_watch *watch);
	struct aic_watch *next;
};
/* 0 or AICHAT_ENOMEM. */
int aic_watch_add(struct aic_engine *engine, struct aic_watch *watch);
void aic_watch_remove(struct aic_engine *engine, struct aic_watch *watch);

/*
 * Something that must be ended before the engine can go. close() is called at most once,
 * after the closer was taken off the list.
 */
struct aic_closer {
	void (*close)(struct aic_closer *closer);
	struct aic_closer *next, *previous;
};
void aic_closer_add(struct aic_engine *engine, struct aic_closer *closer);
void aic_closer_remove(struct aic_engine *engine, struct aic_closer *closer);
