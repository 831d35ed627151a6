/*
 * The rows stand in a list, oldest first, under one lock, which is not held while one is
 * written: who writes has taken the list away, so nobody writes a row twice.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "owed.h"

#define ROWS_MAX 10000 /* of a few hundred bytes each */

struct row {
	struct row *next;
	size_t len;
	char user[40];
	char json[];
};

static struct {
	pthread_mutex_t lock;
	struct row *first, **last;
	_Atomic size_t count; /* changed under the lock */
	size_t lost;
	bool told; /* since all was written last */
} owed = { .lock = PTHREAD_MUTEX_INITIALIZER, .last = &owed.first };

bool owed_is_worth_it(const aichat_error *error)
{
	switch (aichat_error_code(error)) {
	case AICHAT_ESTORE:
	case AICHAT_ESTOREFULL:
	case AICHAT_ESTOREBUSY:
	case AICHAT_ESTOREREADONLY:
		return true;
	default:
		return false;
	}
}

void owed_add(const char *user, const char *json, size_t len, const aichat_error *error)
{
	struct row *row = malloc(sizeof(*row) + len);

	if (row) {
		*row = (struct row){ .len = len };
		strncpy(row->user, user, sizeof(row->user) - 1);
		memcpy(row->json, json, len);
	}
	pthread_mutex_lock(&owed.lock);
	bool keep = row && owed.count < ROWS_MAX;
	bool tell = !owed.told || (!keep && !owed.lost);
	owed.told = true;
	if (keep) {
		*owed.last = row;
		owed.last = &row->next;
		owed.count++;
	} else {
		owed.lost++;
	}
	pthread_mutex_unlock(&owed.lock);
	if (!keep)
		free(row);
	if (tell)
		log_line(AICHAT_LOG_ERROR, "what was used is %s for the time being: %s",
			 keep ? "kept in memory" : "in this log only",
			 error ? aichat_error_message(error) : "older rows wait, too");
}

static bool write_row(aichat *ai, const struct row *row)
{
	aichat_error *error = NULL;
	aichat *view = NULL;

	int rc = aichat_for_owner(ai, row->user, &view, &error);
	if (rc == 0)
		rc = aichat_usage_add(view, row->json, (int64_t)row->len, &error);
	bool later = rc < 0 && owed_is_worth_it(error);
	if (rc < 0 && !later)
		log_line(AICHAT_LOG_ERROR, "usage is not stored: %s",
			 aichat_error_message(error));
	aichat_error_unref(error);
	aichat_close(view);
	return !later;
}

static struct row *take_all(void)
{
	pthread_mutex_lock(&owed.lock);
	struct row *rows = owed.first;
	owed.first = NULL;
	owed.last = &owed.first;
	owed.count = 0;
	pthread_mutex_unlock(&owed.lock);
	return rows;
}

/* In front of those that have come meanwhile. */
static void put_back(struct row *rows)
{
	struct row **end = &rows;
	size_t count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	pthread_mutex_lock(&owed.lock);
	*end = owed.first;
	if (!owed.first)
		owed.last = end;
	owed.first = rows;
	owed.count += count;
	pthread_mutex_unlock(&owed.lock);
}

bool owed_write(aichat *ai)
{
	size_t written = 0;

	if (!atomic_load(&owed.count))
		return true;
	struct row *rows = take_all();
	while (rows && write_row(ai, rows)) {
		struct row *next = rows->next;
		free(rows);
		rows = next;
		written++;
	}
	if (rows) {
		put_back(rows);
		return false;
	}
	if (!written)
		return true;
	pthread_mutex_lock(&owed.lock);
	owed.told = owed.first != NULL;
	pthread_mutex_unlock(&owed.lock);
	log_line(AICHAT_LOG_INFO, "%zu rows of what was used are written", written);
	return true;
}

void owed_forget(void)
{
	struct row *rows = take_all();
	size_t count = 0;

	while (rows) {
		struct row *next = rows->next;
		free(rows);
		rows = next;
		count++;
	}
	if (count + owed.lost)
		log_line(AICHAT_LOG_ERROR,
			 "%zu rows of what was used are lost; the log has their requests",
			 count + owed.lost);
}
