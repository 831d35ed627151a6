#pragma once

/*
 * Whether a request says what its route asks for, by the route's table. Every mistake is
 * noted with its place.
 */

#include "call.h"

/* What the query holds, as call->query. False: mistakes were noted, or memory is out. */
bool validate_query(struct call *call);
/* The raw body, as call->body. False and answered, or mistakes were noted. */
bool validate_body(struct call *call);
