#pragma once

/* The file of a SQLite store from outside. */

#include <sqlite3.h>

#include "base/file.h"
#include "store_support.h"

static inline char *read_file(const char *path, size_t *ret_len)
{
	char *data = NULL;

	ck_assert_ok(aic_file_read_all(path, 1 << 26, &data, ret_len, err));
	return data;
}

/* Behind the store's back. */
static inline void run_sql(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(handle, sql, NULL, NULL, &message) == SQLITE_OK,
		      "%s: %s", sql, message);
	sqlite3_close(handle);
}
