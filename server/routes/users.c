/*
 * Everybody's accounts, for admins; and the audit log.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "account_requests.h"
#include "accounts.h"

static void answer_user(struct call *call, int status, const struct user *user)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	call_set_version(call, user->version);
	write_user(w, user);
	call_answer(call, status, w);
}

/* The user of the path. False and answered. */
static bool find_user(struct call *call, struct user *ret_user)
{
	aichat_error *error = NULL;
	int rc = user_get(call->server->accounts, call->path_values[0], NULL, ret_user,
			  &error);

	if (rc == AICHAT_ENOTFOUND)
		call_refuse(call, 404, "NOT_FOUND", "there is no such user");
	else if (rc < 0)
		call_fail(call, error);
	aichat_error_unref(error);
	return rc == 0;
}

static void write_user_row(aichat_json_writer *w, const aichat_record *record)
{
	struct user user;

	if (user_from(record, &user))
		write_user(w, &user);
	sodium_memzero(&user, sizeof(user));
}

static void list_users(struct call *call)
{
	answer_list(call, "user", NULL, write_user_row);
}

static void get_user(struct call *call)
{
	struct user user;

	if (find_user(call, &user))
		answer_user(call, 200, &user);
}

/* What the body says of a user; what it does not say stays. False and answered. */
static bool read_user(struct call *call, struct user *user)
{
	const char *name = call_text(call->body, "name", NULL);
	const char *role = call_text(call->body, "role", NULL);
	const char *password = call_text(call->body, "password", NULL);

	if (name && !is_user_name(name))
		call_mistake(call, "body.name", "name", "is 1 to %d of a-z, 0-9 and .-_@",
			     USER_NAME_MAX);
	read_limits(call, &user->limits);
	if (call_refuse_mistakes(call))
		return false;
	if (name)
		snprintf(user->name, sizeof(user->name), "%s", name);
	if (role)
		user->role = role_of(role);
	if (password && password_hash(password, user->password) != PASSWORD_RIGHT) {
		refuse_busy(call);
		return false;
	}
	if (!password &&
	    aichat_json_type(call->body, aichat_json_get(call->body, 0, "password")) ==
		    AICHAT_JSON_NULL)
		user->password[0] = '\0';
	return true;
}

static void repeat_user(struct call *call, const struct request_key *request)
{
	aichat_error *error = NULL;
	char id[80] = "";
	struct user user;
	int rc = accounts_repeat(call->server->accounts, request, id, &error);

	if (rc == 0) {
		call_refuse(call, 409, "CONFLICT", "there is a user of this name");
		return;
	}
	if (rc == 1)
		rc = user_get(call->server->accounts, id, NULL, &user, &error);
	if (rc < 0)
		call_fail(call, error);
	else
		answer_user(call, 200, &user);
	aichat_error_unref(error);
}

static void add_user(struct call *call)
{
	struct accounts *accounts = call->server->accounts;
	struct user user = { .role = ROLE_USER };
	struct request_key request;
	aichat_error *error = NULL;
	bool has_request;

	if (!read_request_key(call, &request, &has_request) || !read_user(call, &user))
		return;
	int rc = user_add(accounts, &user, has_request ? &request : NULL, &error);
	if (rc == AICHAT_EEXIST && has_request) {
		repeat_user(call, &request);
	} else if (rc == AICHAT_EEXIST) {
		call_refuse(call, 409, "CONFLICT", "there is a user of this name");
	} else if (rc < 0) {
		call_fail(call, error);
	} else {
		audit(accounts, call->principal.name, "user.add", user.name,
		      audit_details(call));
		answer_user(call, 201, &user);
	}
	aichat_error_unref(error);
	sodium_memzero(&user, sizeof(user));
}

static void fail_change(struct call *call, int rc, const aichat_error *error)
{
	if (rc == AICHAT_ESTATE && !error)
		call_refuse(call, 409, "WRONG_STATE", "this is the last admin");
	else if (rc == AICHAT_EAGAIN && !error)
		call_refuse(call, 503, "BUSY",
			    "requests of the user do not end; delete the user again");
	else if (rc == AICHAT_ESTALE)
		call_refuse(call, 412, "STALE",
			    "the user was changed by someone else; read it again");
	else if (rc == AICHAT_EEXIST)
		call_refuse(call, 409, "CONFLICT", "there is a user of this name");
	else
		call_fail(call, error);
}

static void change_user(struct call *call)
{
	aichat_error *error = NULL;
	int64_t version = 0;
	struct user user;

	if (!find_user(call, &user))
		return;
	int wanted = call_if_match(call, &version);
	if (wanted < 0)
		return;
	if (wanted && version != user.version) {
		fail_change(call, AICHAT_ESTALE, NULL);
		return;
	}
	unsigned role = user.role;
	if (!read_user(call, &user))
		return;
	int rc = user_save(call->server, &user, &error);
	if (rc < 0) {
		fail_change(call, rc, error);
	} else {
		audit(call->server->accounts, call->principal.name,
		      role == user.role ? "user.change" : "user.role", user.name,
		      audit_details(call));
		answer_user(call, 200, &user);
	}
	aichat_error_unref(error);
	sodium_memzero(&user, sizeof(user));
}

static void delete_user(struct call *call)
{
	aichat_error *error = NULL;
	struct user user;

	if (!find_user(call, &user))
		return;
	bool is_own = strcmp(user.id, call->principal.user) == 0;
	int rc = user_delete(call->server, &user, is_own,
			     user_delete_wait_ms(call->server), &error);
	if (rc < 0) {
		fail_change(call, rc, error);
	} else {
		audit(call->server->accounts, call->principal.name, "user.delete",
		      user.name, audit_details(call));
		call_answer_empty(call, 204);
	}
	aichat_error_unref(error);
}

/* ---- audit ------------------------------------------------------------------------ */

static void list_audit(struct call *call)
{
	aichat_error *error = NULL;
	aichat_json *page = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc = aichat_audit_list(accounts_store(call->server->accounts),
				   call_text(call->query, "after", NULL),
				   (size_t)call_int(call->query, "limit", 50), &text,
				   &len, &error);

	if (rc == 0)
		rc = aichat_json_parse_limited(text, (int64_t)len, (size_t)64 << 20, 0, 0,
					       NULL, &page, &error);
	if (rc < 0) {
		call_fail(call, error);
	} else {
		const char *next = call_text(page, "next", NULL);
		aichat_json_writer *w = aichat_json_writer_new(0);
		const char *entries = aichat_json_raw(
			page, aichat_json_get(page, 0, "entries"), &len);
		aichat_json_writer_begin_object(w);
		aichat_json_writer_key(w, "object", -1);
		aichat_json_writer_string(w, "list", -1);
		aichat_json_writer_key(w, "data", -1);
		aichat_json_writer_raw(w, entries, (int64_t)len);
		aichat_json_writer_key(w, "has_more", -1);
		aichat_json_writer_bool(w, next != NULL);
		if (next) {
			aichat_json_writer_key(w, "next_cursor", -1);
			aichat_json_writer_string(w, next, -1);
		}
		aichat_json_writer_end_object(w);
		call_answer(call, 200, w);
	}
	aichat_json_unref(page);
	aichat_free(text);
	aichat_error_unref(error);
}

/* ---- the table -------------------------------------------------------------------- */

static const char *const role_names[] = { "admin", "user", "viewer", NULL };

static const struct field new_user[] = {
	{ .name = "name",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = USER_NAME_MAX,
	  .help = "the login name: of a-z, 0-9 and .-_@" },
	{ .name = "role",
	  .type = FIELD_STRING,
	  .choices = role_names,
	  .help = "user without it" },
	{ .name = "password",
	  .type = FIELD_STRING,
	  .minimum = PASSWORD_MIN,
	  .maximum = PASSWORD_MAX,
	  .help = "to log in with; without it keys only" },
	{ .name = "limits",
	  .type = FIELD_OBJECT,
	  .fields = limit_fields,
	  .help = "limits of this user" },
	{ .type = FIELD_END },
};

static const struct field user_changes[] = {
	{ .name = "name",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .maximum = USER_NAME_MAX,
	  .help = "another login name" },
	{ .name = "role",
	  .type = FIELD_STRING,
	  .choices = role_names,
	  .help = "another role; counts at once" },
	{ .name = "password",
	  .type = FIELD_STRING,
	  .nullable = true,
	  .minimum = PASSWORD_MIN,
	  .maximum = PASSWORD_MAX,
	  .help = "another password; null takes it away; logins end" },
	{ .name = "limits",
	  .type = FIELD_OBJECT,
	  .fields = limit_fields,
	  .help = "those that change; 0 takes one away" },
	{ .type = FIELD_END },
};

#define USER_ID                                                                          \
	{                                                                                \
		{                                                                        \
			"id", OBJECT_USER, "the user's id"                               \
		}                                                                        \
	}

const struct route routes_users[] = {
	{
		.method = "GET",
		.path = "/api/v1/users",
		.name = "users.list",
		.summary = "List all users",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.query = list_query,
		.answers = { { 200, "UserList", "A page of them, oldest first." } },
		.handle = list_users,
	},
	{
		.method = "POST",
		.path = "/api/v1/users",
		.name = "users.add",
		.summary = "Make a user",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.flags = ROUTE_IDEMPOTENT,
		.body = new_user,
		.answers = { { 201, "User", "The user." },
			     { 200, "User",
			       "It was made before, by the same request." } },
		.handle = add_user,
	},
	{
		.method = "GET",
		.path = "/api/v1/users/{id}",
		.name = "users.get",
		.summary = "Read one user",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.path_values = USER_ID,
		.answers = { { 200, "User", "The user; ETag is the version." } },
		.handle = get_user,
	},
	{
		.method = "PATCH",
		.path = "/api/v1/users/{id}",
		.name = "users.change",
		.summary = "Change name, role, password or limits",
		.about = "With If-Match only if nobody else has changed it since. The "
			 "last "
			 "admin stays one.",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.path_values = USER_ID,
		.body = user_changes,
		.answers = { { 200, "User", "The user as it is now." } },
		.handle = change_user,
	},
	{
		.method = "DELETE",
		.path = "/api/v1/users/{id}",
		.name = "users.delete",
		.summary = "Delete a user with all that is theirs, for good",
		.about =
			"Keys and logins end at once, replies are stopped, conversations "
			"are deleted. What was broken off can be repeated.",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.path_values = USER_ID,
		.answers = { { 204, NULL, "The user is gone." } },
		.handle = delete_user,
	},
	{
		.method = "GET",
		.path = "/api/v1/audit",
		.name = "audit.list",
		.summary = "Who did what, newest first",
		.about = "Each entry has a digest over itself and the one before it; "
			 "`aichatd audit verify` checks the chain.",
		.roles = ROLE_ADMIN,
		.scopes = SCOPE_ADMIN,
		.query = list_query,
		.answers = { { 200, "AuditList", "A page of entries." } },
		.handle = list_audit,
	},
	{ .method = NULL },
};
