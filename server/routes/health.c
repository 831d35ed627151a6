/*
 * Whether the process is alive, whether it can do its work, and how it does.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "call.h"
#include "log.h"
#include "metrics.h"
#include "owed.h"
#include "server.h"
#include "storage.h"

#define READY_MS 2000 /* how long a look at the store counts */

static void put(aichat_json_writer *w, const char *key, const char *text)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_string(w, text, -1);
}

static void healthz(struct call *call)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	put(w, "status", "ok");
	aichat_json_writer_end_object(w);
	call_answer(call, 200, w);
}

/* ---- ready ---- */

/* What was found last, so that a thousand probes write once. */
static struct {
	pthread_mutex_t lock;
	int64_t looked_ms;
	char store[160], disk[160]; /* "ok", or what is wrong */
} ready = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The only proof that the store can be written is to write. */
static int write_something(aichat *ai, aichat_error **reterr)
{
	aichat_record *record = NULL;

	int rc = aichat_record_get(ai, "ready", "aichatd", &record, reterr);
	if (rc == AICHAT_ENOTFOUND) {
		if (reterr && *reterr)
			*reterr = aichat_error_unref(*reterr);
		rc = aichat_record_new("ready", "aichatd", &record, reterr);
		if (rc == 0)
			rc = aichat_record_add(ai, record, reterr);
	} else if (rc == 0) {
		rc = aichat_record_save(ai, record, reterr);
	}
	aichat_record_free(record);
	/* Somebody else has just written the same: as good a proof. */
	return rc == AICHAT_ESTALE || rc == AICHAT_EEXIST ? 0 : rc;
}

static void look_at_disk(const struct server *server)
{
	struct statvfs disk;

	snprintf(ready.disk, sizeof(ready.disk), "ok");
	if (!server->store_path[0])
		return;
	if (statvfs(server->store_path, &disk) < 0)
		snprintf(ready.disk, sizeof(ready.disk), "%s", strerror(errno));
	else if ((int64_t)(disk.f_bavail * disk.f_frsize) <
		 server->settings.min_free_bytes)
		snprintf(ready.disk, sizeof(ready.disk),
			 "less than server.min_free_bytes is free");
}

static bool look(struct server *server, char store[160], char disk[160])
{
	aichat_error *error = NULL;

	pthread_mutex_lock(&ready.lock);
	int64_t now_ms = clock_mono_us() / 1000;
	if (!ready.looked_ms || now_ms - ready.looked_ms > READY_MS) {
		look_at_disk(server);
		int rc = storage_check(server->ai, &error);
		if (rc == 0)
			rc = write_something(server->ai, &error);
		if (rc == 0)
			owed_write(server->ai);
		snprintf(ready.store, sizeof(ready.store), "%s",
			 rc < 0 ? aichat_error_name(rc) : "ok");
		aichat_error_unref(error);
		ready.looked_ms = now_ms;
	}
	memcpy(store, ready.store, sizeof(ready.store));
	memcpy(disk, ready.disk, sizeof(ready.disk));
	pthread_mutex_unlock(&ready.lock);
	return strcmp(store, "ok") == 0 && strcmp(disk, "ok") == 0;
}

static void readyz(struct call *call)
{
	char store[160], disk[160];
	bool draining = atomic_load(&call->server->draining);
	bool ok = look(call->server, store, disk) && !draining;
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	put(w, "status", ok ? "ok" : draining ? "draining" : "failed");
	put(w, "store", store);
	put(w, "disk", disk);
	put(w, "version", aichat_version());
	aichat_json_writer_end_object(w);
	call_answer(call, ok ? 200 : 503, w);
}

static void metrics(struct call *call)
{
	size_t len = 0;
	char *text = metrics_text(call->server, &len);

	if (text)
		http_answer(call->request, 200,
			    "text/plain; version=0.0.4; charset=utf-8", text, len);
	else
		call_refuse(call, 503, "BUSY", "out of memory");
	free(text);
}

const struct route routes_health[] = {
	{
		.method = "GET",
		.path = "/healthz",
		.name = "health.live",
		.summary = "Whether the process answers",
		.flags = ROUTE_OPEN | ROUTE_ADMIN_PORT,
		.answers = { { 200, "Health", "It does." } },
		.handle = healthz,
	},
	{
		.method = "GET",
		.path = "/readyz",
		.name = "health.ready",
		.summary = "Whether it can do its work: the store takes writes, the disk "
			   "has "
			   "room",
		.about = "The store is written to, at most every two seconds. Anything "
			 "but "
			 "200 says what is wrong.",
		.flags = ROUTE_OPEN | ROUTE_ADMIN_PORT,
		.answers = { { 200, "Readiness", "It can." },
			     { 503, "Readiness", "It cannot, or is shutting down." } },
		.handle = readyz,
	},
	{
		.method = "GET",
		.path = "/metrics",
		.name = "health.metrics",
		.summary = "Metrics in the text format of Prometheus",
		.about = "On the port for health and metrics, this machine needs no key.",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.flags = ROUTE_ADMIN_PORT,
		.answers = { { 200, "Text", "The metrics." } },
		.handle = metrics,
	},
	{ .method = NULL },
};
