#pragma once

/*
 * The conformance suite: what every kind of store does. It runs once for each URL in
 * conformance.c.
 */

#include <pthread.h>
#include <time.h>

#include "model_support.h"
#include "store_support.h"

struct kind {
	const char *name;
	bool shared; /* who opens the same URL opens the same store */
	bool file;
};

/* Of the test that runs: opened before it, verified and closed after it. */
extern const struct kind *kind;
extern struct aic_store *store;
extern char store_url[128];

void add_account_tests(TCase *tests);
void add_row_tests(TCase *tests);
void add_job_tests(TCase *tests);
void add_change_tests(TCase *tests);
