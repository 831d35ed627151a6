#pragma once

/*
 * Who asks, and what they may: users, passwords, keys, logins. The store keeps the
 * records; hashing and policy are here.
 *
 * A key is "ack_" + public id + "_" + secret; only the keyed BLAKE2b of the whole is
 * stored, compared in constant time. Passwords are Argon2id, at most two at once. A login
 * is a cookie with a token of the same kind and a CSRF token for what changes something.
 *
 * What is looked up is cached for at most five seconds, and every use compares the whole
 * digest. Taking away (revocation, another role, deletion) empties the cache of this
 * process at once and wakes the streams, which ask auth_still_valid() then and at each
 * heartbeat.
 */

#include "call.h"
#include "server.h"

/* 0, or -1 with one line in error[]. */
int accounts_open(struct server *server, char error[256]);
void accounts_close(struct server *server);

/*
 * From Authorization: Bearer, x-api-key, api-key, or the login cookie; two different ones
 * are refused (400). True and the principal, or false and the call is answered (401).
 */
bool auth_check(struct call *call);
/* Roles and scopes of the route. False and answered (403). */
bool auth_allow(struct call *call);
/* Whether a principal may still do what it could, as the store says it now. */
bool auth_still_valid(struct server *server, const struct principal *principal);
/*
 * The same for a loop that streams: cheap enough for every turn of it. It asks again
 * when rights were taken away here, and once in a heartbeat. Begin with { 0 }.
 */
struct auth_watch {
	uint64_t changes;
	int64_t asked_mono_us;
};
bool auth_holds(const struct call *call, struct auth_watch *watch);
/* No right of anybody has changed since auth_holds() looked. */
bool auth_is_unchanged(const struct call *call, const struct auth_watch *watch);
/* 401, as for a key that nobody knows: it does not hold, or does not any more. */
void auth_refuse(struct call *call);
/* The CSRF token of the login that the request came with. False: it came with a key. */
bool auth_csrf(struct call *call, char ret_csrf[65]);
/* The login's cookie; "" takes it away. */
void auth_set_cookie(struct call *call, const char *token);
/* Users whose deletion was begun elsewhere, or broken off: nobody is let in any more, and
 * who has nothing that runs here is deleted. */
void accounts_finish(struct server *server);
/* Whether there is any key or user at all: else main.c has the first admin key made. */
int accounts_exist(struct server *server, bool *ret_exist, aichat_error **reterr);
int accounts_first_key(struct server *server, char **ret_key, aichat_error **reterr);
