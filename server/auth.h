#pragma once

/*
 * Who asks, and what they may: users, passwords, keys, logins. The store keeps the
 * records; hashing and policy are here.
 *
 * A key is "ack_" + public id + "_" + secret; only the keyed BLAKE2b of the whole is
 * stored, compared in constant time. Passwords are Argon2id, at most two at once. A login
 * is a cookie with a token of the same kind and a CSRF token for what changes something.
 *
 * What is looked up is cached by the whole digest for at most five seconds. Taking away
 * (revocation, another role, deletion) changes the user's authority number at once in
 * this process: a stream asks auth_still_valid() at each heartbeat.
 */

#include "call.h"
#include "server.h"

int accounts_open(struct server *server, aichat_error **reterr);
void accounts_close(struct server *server);

/*
 * From Authorization: Bearer, x-api-key, api-key, or the login cookie; two different ones
 * are refused (400). True and the principal, or false and the call is answered (401).
 */
bool auth_check(struct call *call);
/* Roles and scopes of the route. False and answered (403). */
bool auth_allow(struct call *call);
/* Whether a principal may still do what it could; cheap. */
bool auth_still_valid(struct server *server, const struct principal *principal);
/* Whether there is any key or user at all: else main.c has the first admin key made. */
int accounts_exist(struct server *server, bool *ret_exist, aichat_error **reterr);
int accounts_first_key(struct server *server, char **ret_key, aichat_error **reterr);
