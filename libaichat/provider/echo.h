#pragma once

/*
 * The built-in model: repeats the last user message, word by word, offline and always the
 * same. A word of white-space separated text counts as one token. Pure.
 */

#include "model/event.h"
#include "model/request.h"

struct aic_echo {
	const struct aichat_message *question; /* borrowed; NULL = there is none */
	size_t part;                           /* of the question, being repeated */
	size_t at;                             /* byte in its text */
	int64_t read, written;                 /* tokens */
	bool begun;
};

/* Borrows from the request until the last event. */
void aic_echo_init(struct aic_echo *echo, const struct aic_request *request);
/* The next events; false when they are the last. */
bool aic_echo_step(struct aic_echo *echo, struct aic_events *events);
