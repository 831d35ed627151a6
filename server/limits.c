/*
 * Limits: none are counted.
 */

#include <stdlib.h>

#include "limits.h"
#include "server.h"

struct limits {
	struct server *server;
};

struct limits *limits_new(struct server *server)
{
	struct limits *limits = calloc(1, sizeof(*limits));

	if (limits)
		limits->server = server;
	return limits;
}

struct limits *limits_free(struct limits *limits)
{
	free(limits);
	return NULL;
}

bool limits_take_request(struct call *call)
{
	(void)call;
	return true;
}

bool limits_reserve(struct call *call, int64_t tokens, struct reservation *ret)
{
	*ret = (struct reservation){ .limits = call->server->limits, .tokens = tokens };
	return true;
}

void limits_settle(struct reservation *reservation, int64_t tokens)
{
	reservation->tokens = tokens;
}
