#pragma once

/*
 * What /metrics shows, in Prometheus' text format, under the names of OpenTelemetry's
 * conventions for HTTP and for generative AI.
 */

#include <stddef.h>

#include "call.h"

struct metrics;

struct metrics *metrics_new(void);
struct metrics *metrics_free(struct metrics *metrics);

/* A request was answered: its time, and what a model used for it. */
void metrics_request(struct metrics *metrics, const struct call *call);
/* All of it as text; the caller frees it. NULL: out of memory. */
char *metrics_text(struct server *server, size_t *ret_len);
