/*
 * Who asks: one admin, on this machine, until there are accounts.
 */

#include <stdio.h>

#include "auth.h"
#include "dispatch.h"

bool auth_check(struct call *call)
{
	if (!is_loopback(http_peer(call->request))) {
		call_refuse(call, 401, "UNAUTHENTICATED", "no key was given");
		return false;
	}
	snprintf(call->principal.user, sizeof(call->principal.user), "local");
	call->principal.role = ROLE_ADMIN;
	call->principal.scopes = SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN;
	return true;
}

bool auth_allow(struct call *call)
{
	(void)call;
	return true;
}

bool auth_still_valid(struct server *server, const struct principal *principal)
{
	(void)server;
	(void)principal;
	return true;
}
