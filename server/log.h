#pragma once

/*
 * The log: one JSON object a line on standard error. A request's line says who, what, how
 * long and how it ended; never what was asked or answered, and no key.
 */

#include "call.h"

void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For aichat_options_set_log(). */
void log_library(void *user, int level, const char *message);
void log_request(const struct call *call);

int64_t clock_mono_us(void);
int64_t clock_unix_ms(void);
