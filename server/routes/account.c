/*
 * One's own account: login and logout, who one is, one's own keys.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "account_requests.h"
#include "accounts.h"
#include "auth.h"
#include "log.h"
#include "rfc3339.h"

/* ---- login ------------------------------------------------------------------------ */

static void write_csrf(aichat_json_writer *w, const char *csrf)
{
	aichat_json_writer_key(w, "csrf_token", -1);
	aichat_json_writer_string(w, csrf, -1);
}

static void let_in(struct call *call, const struct user *user)
{
	struct accounts *accounts = call->server->accounts;
	char token[TOKEN_TEXT], csrf[DIGEST_TEXT];
	aichat_error *error = NULL;

	if (login_add(accounts, user, token, &error) < 0) {
		call_fail(call, error);
		aichat_error_unref(error);
		return;
	}
	audit(accounts, user->name, "login", NULL, audit_details(call));
	token_csrf(accounts_secret(accounts), token, csrf);
	auth_set_cookie(call, token);
	sodium_memzero(token, sizeof(token));
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "user", -1);
	write_user(w, user);
	write_csrf(w, csrf);
	aichat_json_writer_end_object(w);
	call_answer(call, 200, w);
}

static void note_wrong(struct call *call, const char *name)
{
	if (throttle_note(name, http_peer(call->request), false))
		audit(call->server->accounts, "aichatd", "login.held_off", NULL,
		      audit_details(call));
}

static void refuse_login(struct call *call, const char *name)
{
	note_wrong(call, name);
	call_refuse(call, 401, "UNAUTHENTICATED", "name or password is wrong");
}

static void login(struct call *call)
{
	const char *name = call_text(call->body, "name", "");
	const char *password = call_text(call->body, "password", "");
	struct user user = { 0 };
	aichat_error *error = NULL;

	if (!wait_out(call, throttle_wait_ms(name, http_peer(call->request))))
		return;
	int rc = user_get(call->server->accounts, NULL, name, &user, &error);
	if (rc < 0 && rc != AICHAT_ENOTFOUND) {
		call_fail(call, error);
		aichat_error_unref(error);
		return;
	}
	aichat_error_unref(error);
	if (rc < 0 || user.ending)
		user.password[0] = '\0';
	switch (password_check(password, user.password)) {
	case PASSWORD_RIGHT:
		throttle_note(name, http_peer(call->request), true);
		let_in(call, &user);
		break;
	case PASSWORD_WRONG:
		refuse_login(call, name);
		break;
	case PASSWORD_BUSY:
		refuse_busy(call);
		break;
	}
	sodium_memzero(&user, sizeof(user));
}

static void logout(struct call *call)
{
	const struct principal *principal = &call->principal;
	aichat_error *error = NULL;

	if (!*principal->login) {
		call_refuse(call, 409, "WRONG_STATE", "the request has no login to end");
		return;
	}
	int rc = login_end(call->server, principal->login, &error);
	if (rc < 0 && rc != AICHAT_ENOTFOUND) {
		call_fail(call, error);
	} else {
		audit(call->server->accounts, principal->name, "logout", NULL, NULL);
		auth_set_cookie(call, "");
		call_answer_empty(call, 204);
	}
	aichat_error_unref(error);
}

/* ---- the own password -------------------------------------------------------------- */

/* Whoever finds an open login, or a key, does not know it. False and answered. */
static bool knows_password(struct call *call, const struct user *user)
{
	const char *name = call->principal.name;

	if (!*user->password) {
		call_refuse(call, 409, "WRONG_STATE",
			    "you have no password to change; an admin can give you one");
		return false;
	}
	switch (password_check(call_text(call->body, "old_password", ""),
			       user->password)) {
	case PASSWORD_RIGHT:
		throttle_note(name, http_peer(call->request), true);
		return true;
	case PASSWORD_WRONG:
		note_wrong(call, name);
		call_refuse(call, 403, "FORBIDDEN", "the old password is wrong");
		return false;
	case PASSWORD_BUSY:
		break;
	}
	refuse_busy(call);
	return false;
}

static void change_password(struct call *call)
{
	const struct principal *principal = &call->principal;
	struct accounts *accounts = call->server->accounts;
	aichat_error *error = NULL;
	struct user user;

	if (!wait_out(call, throttle_wait_ms(principal->name, http_peer(call->request))))
		return;
	int rc = user_get(accounts, principal->user, NULL, &user, &error);
	if (rc < 0) {
		call_fail(call, error);
	} else if (!knows_password(call, &user)) {
		/* answered */
	} else if (password_hash(call_text(call->body, "new_password", ""),
				 user.password) != PASSWORD_RIGHT) {
		refuse_busy(call);
	} else if ((rc = user_save_keeping(call->server, &user, principal->login,
					   &error)) == AICHAT_ESTALE) {
		call_refuse(call, 409, "CONFLICT",
			    "your account was changed meanwhile; nothing was done");
	} else if (rc < 0) {
		call_fail(call, error);
	} else {
		audit(accounts, principal->name, "user.password", principal->name,
		      audit_details(call));
		call_answer_empty(call, 204);
	}
	aichat_error_unref(error);
	sodium_memzero(&user, sizeof(user));
}

/* ---- who one is -------------------------------------------------------------------- */

static void me(struct call *call)
{
	const struct principal *principal = &call->principal;
	char csrf[DIGEST_TEXT];
	struct user user;
	aichat_error *error = NULL;

	if (user_get(call->server->accounts, principal->user, NULL, &user, &error) < 0) {
		call_fail(call, error);
		aichat_error_unref(error);
		return;
	}
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "user", -1);
	write_user(w, &user);
	if (*principal->key) {
		aichat_json_writer_key(w, "key_id", -1);
		aichat_json_writer_string(w, principal->key, -1);
	}
	write_scopes(w, principal->scopes);
	if (auth_csrf(call, csrf))
		write_csrf(w, csrf);
	aichat_json_writer_end_object(w);
	call_answer(call, 200, w);
	sodium_memzero(&user, sizeof(user));
}

/* ---- own keys --------------------------------------------------------------------- */

static void answer_key(struct call *call, int status, const struct key *key,
		       const char *token)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	write_key(w, key);
	if (token) {
		aichat_json_writer_key(w, "key", -1);
		aichat_json_writer_string(w, token, -1);
	}
	aichat_json_writer_end_object(w);
	call_answer(call, status, w);
}

static void write_key_row(aichat_json_writer *w, const aichat_record *record)
{
	struct key key;

	if (!key_from(record, &key))
		return;
	aichat_json_writer_begin_object(w);
	write_key(w, &key);
	aichat_json_writer_end_object(w);
}

static void list_keys(struct call *call)
{
	answer_list(call, "key", call->principal.user, write_key_row);
}

/* A subset of what the maker has; of a new key's own accord everything but `admin`. */
static bool read_scopes(struct call *call, unsigned *ret_scopes)
{
	int list = aichat_json_get(call->body, 0, "scopes");
	unsigned held = call->principal.scopes;

	*ret_scopes = list == AICHAT_JSON_NONE ? held & ~(unsigned)SCOPE_ADMIN : 0;
	for (int v = aichat_json_first(call->body, list); v != AICHAT_JSON_NONE;
	     v = aichat_json_next(call->body, list, v)) {
		const char *name = aichat_json_string(call->body, v, NULL);
		unsigned scope = name ? scope_of(name) : 0;
		if (!scope) {
			call_mistake(call, "body.scopes", "choice",
				     "is of read, chat, gateway, admin");
		} else if (scope & ~held) {
			call_refuse(call, 403, "FORBIDDEN",
				    "a key cannot have more than its maker: %s", name);
			return false;
		}
		*ret_scopes |= scope;
	}
	if (*ret_scopes == 0)
		call_mistake(call, "body.scopes", "too_short", "at least one is needed");
	return true;
}

/* Nobody gets around a key's limits or its end by making another one with it. */
static bool check_maker(struct call *call, struct key *key)
{
	const struct principal *maker = &call->principal;
	const struct limit_values *limits = &maker->key_limits;

	if (limits->requests_per_minute || limits->tokens_per_minute ||
	    limits->concurrent_replies) {
		call_refuse(call, 403, "FORBIDDEN",
			    "a key with limits of its own makes no keys");
		return false;
	}
	if (!maker->key_expires_unix_ms)
		return true;
	if (!key->expires_unix_ms)
		key->expires_unix_ms = maker->key_expires_unix_ms;
	if (key->expires_unix_ms <= maker->key_expires_unix_ms)
		return true;
	call_refuse(call, 403, "FORBIDDEN", "a key cannot last longer than its maker");
	return false;
}

static void repeat_key(struct call *call, const struct request_key *request)
{
	char id[80] = "";
	aichat_error *error = NULL;
	struct key key;
	int rc = accounts_repeat(call->server->accounts, request, id, &error);

	if (rc == 1)
		rc = key_get(call->server->accounts, id, &key, &error);
	if (rc < 0)
		call_fail(call, error);
	else
		answer_key(call, 200, &key, NULL);
	aichat_error_unref(error);
}

static void add_key(struct call *call)
{
	struct accounts *accounts = call->server->accounts;
	struct request_key request;
	struct key key = { 0 };
	char token[TOKEN_TEXT];
	aichat_error *error = NULL;
	bool has_request;

	if (!read_scopes(call, &key.scopes) || !read_limits(call, &key.limits) ||
	    !read_request_key(call, &request, &has_request))
		return;
	const char *expires = call_text(call->body, "expires_at", NULL);
	if (expires && !time_read(expires, &key.expires_unix_ms))
		call_mistake(call, "body.expires_at", "time", "is no time");
	else if (expires && key.expires_unix_ms <= clock_unix_ms())
		call_mistake(call, "body.expires_at", "past", "is over already");
	if (call_refuse_mistakes(call) || !check_maker(call, &key))
		return;
	snprintf(key.user, sizeof(key.user), "%s", call->principal.user);
	snprintf(key.name, sizeof(key.name), "%s", call_text(call->body, "name", ""));
	int rc = key_add(accounts, &key, token, has_request ? &request : NULL, &error);
	if (rc == AICHAT_EEXIST && has_request) {
		repeat_key(call, &request);
	} else if (rc < 0) {
		call_fail(call, error);
	} else {
		audit(accounts, call->principal.name, "key.add", key.id, NULL);
		answer_key(call, 201, &key, token);
	}
	sodium_memzero(token, sizeof(token));
	aichat_error_unref(error);
}

/* A login revokes any of its user's keys. A key only itself and what may do no more than
 * it: a small one that got lost must not take the large ones away. */
static bool may_revoke(const struct principal *principal, const struct key *key)
{
	return *principal->login || strcmp(principal->key, key->id) == 0 ||
	       (key->scopes & ~principal->scopes) == 0;
}

static void revoke_key(struct call *call)
{
	struct accounts *accounts = call->server->accounts;
	const char *id = call->path_values[0];
	aichat_error *error = NULL;
	struct key key;
	int rc = key_get(accounts, id, &key, &error);

	/* What is foreign is not there. */
	if (rc == AICHAT_ENOTFOUND ||
	    (rc == 0 && strcmp(key.user, call->principal.user) != 0)) {
		call_refuse(call, 404, "NOT_FOUND", "there is no such key");
	} else if (rc == 0 && !may_revoke(&call->principal, &key)) {
		call_refuse(call, 403, "FORBIDDEN",
			    "a key revokes itself, and keys that may do no more than it; "
			    "log in to revoke this one");
	} else if (rc < 0 || key_revoke(call->server, id, &error) < 0) {
		call_fail(call, error);
	} else {
		audit(accounts, call->principal.name, "key.revoke", id, NULL);
		call_answer_empty(call, 204);
	}
	aichat_error_unref(error);
}

/* ---- the table -------------------------------------------------------------------- */

static const struct field login_body[] = {
	{ .name = "name",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = USER_NAME_MAX,
	  .help = "the login name" },
	{ .name = "password",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = PASSWORD_MAX,
	  .help = "the password" },
	{ .type = FIELD_END },
};

static const struct field password_body[] = {
	{ .name = "old_password",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = PASSWORD_MAX,
	  .help = "the password until now" },
	{ .name = "new_password",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = PASSWORD_MIN,
	  .maximum = PASSWORD_MAX,
	  .help = "the password from now on" },
	{ .type = FIELD_END },
};

static const struct field key_body[] = {
	{ .name = "name",
	  .type = FIELD_STRING,
	  .maximum = KEY_NAME_MAX,
	  .help = "what the key is for" },
	{ .name = "scopes",
	  .type = FIELD_STRINGS,
	  .minimum = 1,
	  .maximum = 4,
	  .help = "of read, chat, gateway, admin; without it all that the maker has but "
		  "admin" },
	{ .name = "expires_at",
	  .type = FIELD_TIME,
	  .help = "when it ends; without it never, or with the key that makes it" },
	{ .name = "limits",
	  .type = FIELD_OBJECT,
	  .fields = limit_fields,
	  .help = "limits of this key alone" },
	{ .type = FIELD_END },
};

const struct route routes_account[] = {
	{
		.method = "POST",
		.path = "/api/v1/login",
		.name = "account.login",
		.summary = "Log in with a password",
		.about = "Sets the login's cookie. What changes something must then send "
			 "the CSRF token in the header X-CSRF-Token. Who guesses has to "
			 "wait longer each time (429).",
		.flags = ROUTE_OPEN,
		.body = login_body,
		.answers = { { 200, "Login", "The user, and the CSRF token." } },
		.handle = login,
	},
	{
		.method = "POST",
		.path = "/api/v1/logout",
		.name = "account.logout",
		.summary = "End the login that the request came with",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN,
		.answers = { { 204, NULL, "It has ended." } },
		.handle = logout,
	},
	{
		.method = "GET",
		.path = "/api/v1/me",
		.name = "account.me",
		.summary = "Who asks, and what they may",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN,
		.answers = { { 200, "Me",
			       "The user, scopes, and for a login the CSRF "
			       "token." } },
		.handle = me,
	},
	{
		.method = "POST",
		.path = "/api/v1/me/password",
		.name = "account.password",
		.summary = "Change your own password",
		.about =
			"All other logins end; keys stay. Who guesses the old one has to "
			"wait longer each time (429), as for logins.",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN,
		.body = password_body,
		.answers = { { 204, NULL, "It is changed." } },
		.handle = change_password,
	},
	{
		.method = "GET",
		.path = "/api/v1/me/keys",
		.name = "keys.list",
		.summary = "List your own keys",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT,
		.query = list_query,
		.answers = { { 200, "KeyList", "A page of them, oldest first." } },
		.handle = list_keys,
	},
	{
		.method = "POST",
		.path = "/api/v1/me/keys",
		.name = "keys.add",
		.summary = "Make a key",
		.about =
			"The key itself is in this answer and nowhere else; a repeat "
			"with "
			"the same Idempotency-Key tells all but it. It can never do more "
			"than its maker, nor last longer; a key with limits of its own "
			"makes none.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT | SCOPE_ADMIN,
		.flags = ROUTE_IDEMPOTENT,
		.body = key_body,
		.answers = { { 201, "NewKey", "The key." },
			     { 200, "Key", "It was made before, by the same request." } },
		.handle = add_key,
	},
	{
		.method = "DELETE",
		.path = "/api/v1/me/keys/{id}",
		.name = "keys.revoke",
		.summary = "Revoke one of one's own keys, and end what runs with it",
		.about = "A key may revoke itself, and keys that may do no more than it; "
			 "a login any.",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN,
		.path_values = { { "id", OBJECT_KEY, "the key's id" } },
		.answers = { { 204, NULL, "It is revoked." } },
		.handle = revoke_key,
	},
	{ .method = NULL },
};
