/*
 * Storage against bare sqlite3: the same rows, with the same sync, through statements
 * that are prepared once.
 *
 *     bench_store FOLDER
 *
 * Prints WHAT | OURS | PEER | RATIO | TARGET, the target a lower bound. The two sides
 * take turns, and medians are compared.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"

#define ROUNDS 9
#define APPENDS 300
#define WRITERS 64
#define TEXT_BYTES 1024

static char text[TEXT_BYTES + 1];

static _Noreturn void fail(const char *what, const aichat_error *error)
{
	fprintf(stderr, "bench_store: %s: %s\n", what, aichat_error_message(error));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* ---- ours ------------------------------------------------------------------------- */

struct append {
	struct aic_job job;
	struct aic_id conversation;
	struct aic_id tip; /* of its conversation, so far */
	bool make;         /* the conversation, too */
	int messages;      /* in this transaction */
};

static int append_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct append *append = (struct append *)job;
	int rc = 0;

	if (append->make) {
		struct aic_conversation_row row = { .id = append->conversation,
						    .version = 1 };
		rc = aic_store_add_conversation(store, "me", &row, reterr);
	}
	for (int i = 0; rc == 0 && i < append->messages; i++) {
		struct aichat_message *m = aic_message_new(AICHAT_ROLE_USER);
		if (!m || aic_message_add_text(m, aic_str(text)) < 0)
			fail("message", NULL);
		m->id = aic_id_new();
		m->conversation_id = append->conversation;
		m->parent_id = append->tip;
		m->state = AICHAT_MESSAGE_SEALED;
		m->created_unix_ms = 1;
		aic_message_set_texts(m);
		rc = aic_store_add_message(store, "me", m, NULL, reterr);
		append->tip = m->id;
		aichat_message_unref(m);
	}
	return rc;
}

static void append(struct aic_store *store, struct append *append)
{
	aichat_error *error = NULL;

	append->job = (struct aic_job){ .run = append_run, .durable = true };
	if (aic_store_run(store, &append->job, &error) < 0)
		fail("append", error);
	append->make = false;
}

static struct append new_conversation(struct aic_store *store, int messages)
{
	struct append a = { .conversation = aic_id_new(),
			    .make = true,
			    .messages = messages };

	append(store, &a);
	a.messages = 1;
	return a;
}

static struct aic_store *open_store(const char *folder, const char *name)
{
	char path[512];
	struct aic_store *store = NULL;
	aichat_error *error = NULL;
	const struct aic_store_config config = { .url = path, .busy_timeout_ms = 5000 };

	snprintf(path, sizeof(path), "sqlite:%s/%s", folder, name);
	if (aic_store_open(&config, &store, &error) < 0)
		fail("open", error);
	return store;
}

/* ---- the peer: sqlite3 and nothing else ------------------------------------------- */

struct bare {
	sqlite3 *handle;
	sqlite3_stmt *begin, *commit, *message, *part;
	sqlite3_int64 k;
};

static void bare_check(struct bare *bare, int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE) {
		fprintf(stderr, "bench_store: sqlite3: %s\n",
			sqlite3_errmsg(bare->handle));
		exit(1);
	}
}

static void bare_open(struct bare *bare, const char *folder)
{
	/* The columns and indices that a message of ours has. */
	static const char schema[] =
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA wal_autocheckpoint = 1024;"
		"CREATE TABLE message(k INTEGER PRIMARY KEY, parent INT NOT NULL,"
		" id BLOB NOT NULL UNIQUE, reply INT, part INT, parts INT, digest BLOB,"
		" edit_of BLOB, role INT, state INT, stop_reason INT, created_at INT,"
		" cost INT, input INT, cached INT, cache_write INT, output INT,"
		" reasoning INT, dialect TEXT, provider TEXT, model TEXT, stop_word TEXT,"
		" stop_sequence TEXT, response_id TEXT) STRICT;"
		"CREATE INDEX message_child ON message(parent);"
		"CREATE TABLE part(k INTEGER PRIMARY KEY, type INT, is_error INT,"
		" children INT, text TEXT, raw TEXT, call_id TEXT, name TEXT,"
		" media_type TEXT, url TEXT, blob INT) STRICT";
	char path[512];

	snprintf(path, sizeof(path), "%s/bare", folder);
	bare_check(bare, sqlite3_open(path, &bare->handle));
	bare_check(bare, sqlite3_exec(bare->handle, schema, NULL, NULL, NULL));
	bare_check(bare, sqlite3_prepare_v2(bare->handle, "BEGIN IMMEDIATE", -1,
					    &bare->begin, NULL));
	bare_check(bare,
		   sqlite3_prepare_v2(bare->handle, "COMMIT", -1, &bare->commit, NULL));
	bare_check(bare,
		   sqlite3_prepare_v2(
			   bare->handle,
			   "INSERT INTO message(k, parent, id, part, parts, digest, "
			   "role, state, stop_reason, created_at, cost, input, "
			   "cached, cache_write, output, reasoning) VALUES(?1, "
			   "?1 - 1, ?2, ?1, 1, ?3, 2, 2, 0, 1, -1, -1, -1, -1, -1, "
			   "-1)",
			   -1, &bare->message, NULL));
	bare_check(bare, sqlite3_prepare_v2(bare->handle,
					    "INSERT INTO part(k, type, is_error, "
					    "children, text) VALUES(?1, 1, 0, 0, ?2)",
					    -1, &bare->part, NULL));
}

static void bare_step(struct bare *bare, sqlite3_stmt *stmt)
{
	bare_check(bare, sqlite3_step(stmt));
	bare_check(bare, sqlite3_reset(stmt));
}

static void bare_append(struct bare *bare)
{
	struct aic_id id = aic_id_new();
	unsigned char digest[32] = { 1 };

	bare_step(bare, bare->begin);
	sqlite3_bind_int64(bare->message, 1, ++bare->k);
	sqlite3_bind_blob(bare->message, 2, id.bytes, sizeof(id.bytes), SQLITE_STATIC);
	sqlite3_bind_blob(bare->message, 3, digest, sizeof(digest), SQLITE_STATIC);
	bare_step(bare, bare->message);
	sqlite3_bind_int64(bare->part, 1, bare->k);
	sqlite3_bind_text(bare->part, 2, text, TEXT_BYTES, SQLITE_STATIC);
	bare_step(bare, bare->part);
	bare_step(bare, bare->commit);
}

static void bare_close(struct bare *bare)
{
	sqlite3_finalize(bare->begin);
	sqlite3_finalize(bare->commit);
	sqlite3_finalize(bare->message);
	sqlite3_finalize(bare->part);
	sqlite3_close(bare->handle);
}

/* ---- rows of the result ----------------------------------------------------------- */

static void row(const char *what, double ours, double peer, const char *unit,
		double ratio, double target)
{
	printf("%s | %.1f %s | %.1f %s | %.3f | %.2f\n", what, ours, unit, peer, unit,
	       ratio, target);
	fflush(stdout);
}

static void bench_append(const char *folder)
{
	struct aic_store *store = open_store(folder, "single");
	struct append conversation = new_conversation(store, 1);
	struct bare bare = { 0 };
	double ours[ROUNDS], peer[ROUNDS];

	bare_open(&bare, folder);
	for (int r = -1; r < ROUNDS; r++) { /* the first is for warming up */
		double start = now();
		for (int i = 0; i < APPENDS; i++)
			append(store, &conversation);
		double middle = now();
		for (int i = 0; i < APPENDS; i++)
			bare_append(&bare);
		double end = now();
		if (r < 0)
			continue;
		ours[r] = APPENDS / (middle - start);
		peer[r] = APPENDS / (end - middle);
	}
	double a = median(ours, ROUNDS), b = median(peer, ROUNDS);
	row("append durably / bare sqlite3", a, b, "/s", a / b, 0.8);
	bare_close(&bare);
	aic_store_unref(store);
}

static void *write_many(void *argument)
{
	struct aic_store *store = argument;
	struct append conversation = new_conversation(store, 1);

	for (int i = 1; i < APPENDS / 4; i++)
		append(store, &conversation);
	return NULL;
}

static void bench_group(const char *folder)
{
	struct aic_store *store = open_store(folder, "group");
	aichat_error *error = NULL;
	double single[ROUNDS], group[ROUNDS];
	pthread_t threads[WRITERS];

	if (aic_store_start_writer(store, &error) < 0)
		fail("writer", error);
	struct append conversation = new_conversation(store, 1);
	for (int r = -1; r < ROUNDS; r++) {
		double start = now();
		for (int i = 0; i < APPENDS; i++)
			append(store, &conversation);
		double middle = now();
		for (int i = 0; i < WRITERS; i++)
			if (pthread_create(&threads[i], NULL, write_many, store) != 0)
				fail("thread", NULL);
		for (int i = 0; i < WRITERS; i++)
			pthread_join(threads[i], NULL);
		double end = now();
		if (r < 0)
			continue;
		single[r] = APPENDS / (middle - start);
		group[r] = WRITERS * (APPENDS / 4) / (end - middle);
	}
	double a = median(group, ROUNDS), b = median(single, ROUNDS);
	row("append durably, 64 writers / 1 writer", a, b, "/s", a / b, 4.0);
	aic_store_unref(store);
}

static double last_page(struct aic_store *store, const struct append *conversation)
{
	double start = now();

	for (int i = 0; i < 50; i++) {
		struct aic_messages page = { 0 };
		aichat_error *error = NULL;
		if (aic_store_path(store, "me", &conversation->tip, 50, &page, &error) <
			    0 ||
		    page.count != 50)
			fail("path", error);
		aic_messages_done(&page);
	}
	return (now() - start) / 50 * 1e6;
}

static void bench_page(const char *folder)
{
	struct aic_store *store = open_store(folder, "page");
	struct append large = new_conversation(store, 10000);
	struct append small = new_conversation(store, 50);
	double of_large[ROUNDS], of_small[ROUNDS];

	for (int r = -1; r < ROUNDS; r++) {
		double a = last_page(store, &large), b = last_page(store, &small);
		if (r < 0)
			continue;
		of_large[r] = a;
		of_small[r] = b;
	}
	/* 1.5 times the time is the most: as a lower bound, turned round. */
	double a = median(of_large, ROUNDS), b = median(of_small, ROUNDS);
	row("last page of 10,000 messages / of 50", a, b, "us", b / a, 1 / 1.5);
	aic_store_unref(store);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: bench_store FOLDER\n");
		return 2;
	}
	memset(text, 'x', TEXT_BYTES);
	bench_append(argv[1]);
	bench_group(argv[1]);
	bench_page(argv[1]);
	return 0;
}
