#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "account_json.h"
#include "auth.h"
#include "http/http.h"
#include "limits.h"
#include "log.h"

#define OWNER "aichatd"
#define END_CALLS_MS 5000 /* beyond the time that a write may take */

struct accounts {
	aichat *ai; /* a view of the owner above */
	struct token_secret secret;
	struct auth_cache *cache;
	pthread_mutex_t change; /* held while admins are counted and one is changed */
};

/* ---- records ---------------------------------------------------------------------- */

static int set_user(aichat_record *record, const struct user *user, aichat_error **reterr)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	account_put_text(w, "role", role_name(user->role));
	if (*user->password)
		account_put_text(w, "password", user->password);
	if (user->ending) {
		aichat_json_writer_key(w, "ending", -1);
		aichat_json_writer_bool(w, true);
	}
	write_limits(w, &user->limits);
	aichat_json_writer_end_object(w);
	int rc = account_set_json(record, w, reterr);
	return rc < 0 ? rc : aichat_record_set_name(record, user->name, reterr);
}

bool user_from(const aichat_record *record, struct user *ret_user)
{
	aichat_json *doc = NULL;

	*ret_user = (struct user){
		.version = aichat_record_version(record),
		.created_unix_ms = aichat_record_created_unix_ms(record),
		.updated_unix_ms = aichat_record_updated_unix_ms(record),
	};
	if (aichat_json_parse(aichat_record_json(record, NULL), -1, &doc, NULL) < 0)
		return false;
	const char *name = aichat_record_name(record);
	snprintf(ret_user->id, sizeof(ret_user->id), "%s", aichat_record_id(record));
	snprintf(ret_user->name, sizeof(ret_user->name), "%s", name ? name : "");
	snprintf(ret_user->password, sizeof(ret_user->password), "%s",
		 call_text(doc, "password", ""));
	ret_user->role = role_of(call_text(doc, "role", ""));
	ret_user->ending = call_bool(doc, "ending", false);
	ret_user->limits = account_limits(doc);
	aichat_json_unref(doc);
	return true;
}

static int read_user(struct accounts *accounts, const char *id, const char *name,
		     struct user *ret_user, aichat_record **ret_record,
		     aichat_error **reterr)
{
	int rc = id ? aichat_record_get(accounts->ai, "user", id, ret_record, reterr)
		    : aichat_record_find(accounts->ai, "user", name, ret_record, reterr);

	if (rc == 0 && !user_from(*ret_record, ret_user)) {
		*ret_record = aichat_record_free(*ret_record);
		rc = AICHAT_ENOMEM;
	}
	return rc;
}

int user_get(struct accounts *accounts, const char *id, const char *name,
	     struct user *ret_user, aichat_error **reterr)
{
	aichat_record *record = NULL;
	int rc = read_user(accounts, id, name, ret_user, &record, reterr);

	aichat_record_free(record);
	return rc;
}

int user_add(struct accounts *accounts, struct user *user,
	     const struct request_key *request, aichat_error **reterr)
{
	aichat_record *record = NULL;
	int rc = aichat_record_new("user", NULL, &record, reterr);

	if (rc == 0)
		rc = set_user(record, user, reterr);
	if (rc == 0)
		rc = account_set_request(record, request, reterr);
	if (rc == 0)
		rc = aichat_record_add(accounts->ai, record, reterr);
	if (rc == 0 && !user_from(record, user))
		rc = AICHAT_ENOMEM;
	aichat_record_free(record);
	return rc;
}

/* Whether somebody else is an admin. */
static int has_other_admin(struct accounts *accounts, const char *id, bool *ret_has,
			   aichat_error **reterr)
{
	char after[64] = "";
	struct user user;
	int rc = 0;

	*ret_has = false;
	do {
		aichat_records *records = NULL;
		rc = accounts_list(accounts, "user", NULL, *after ? after : NULL, 200,
				   &records, reterr);
		for (size_t i = 0; i < aichat_records_count(records); i++)
			if (user_from(aichat_records_at(records, i), &user) &&
			    user.role == ROLE_ADMIN && !user.ending &&
			    strcmp(user.id, id) != 0)
				*ret_has = true;
		const char *next = aichat_records_cursor(records);
		snprintf(after, sizeof(after), "%s", next ? next : "");
		aichat_records_free(records);
	} while (rc == 0 && !*ret_has && *after);
	return rc;
}

/* With accounts->change held. */
static int save_user(struct accounts *accounts, struct user *user,
		     bool *ret_other_password, aichat_error **reterr)
{
	aichat_record *record = NULL;
	struct user before;
	bool others = true;
	int rc = read_user(accounts, user->id, NULL, &before, &record, reterr);

	if (rc == 0 && before.version != user->version)
		rc = AICHAT_ESTALE;
	if (rc == 0 && before.role == ROLE_ADMIN && !before.ending &&
	    (user->role != ROLE_ADMIN || user->ending))
		rc = has_other_admin(accounts, user->id, &others, reterr);
	if (rc == 0 && !others)
		rc = AICHAT_ESTATE;
	if (rc == 0) {
		*ret_other_password = strcmp(before.password, user->password) != 0;
		rc = set_user(record, user, reterr);
	}
	if (rc == 0)
		rc = aichat_record_save(accounts->ai, record, reterr);
	if (rc == 0 && !user_from(record, user))
		rc = AICHAT_ENOMEM;
	aichat_record_free(record);
	return rc;
}

/* One that is not there any more is as good as deleted. */
static int drop(struct accounts *accounts, const char *kind, const char *id,
		aichat_error **reterr)
{
	aichat_error *error = NULL;
	int rc = aichat_record_delete(accounts->ai, kind, id, &error);

	if (rc < 0 && rc != AICHAT_ENOTFOUND) {
		*reterr = error;
		return rc;
	}
	aichat_error_unref(error);
	return 0;
}

/* All children of a kind but one. */
static int drop_children(struct accounts *accounts, const char *kind, const char *user,
			 const char *kept, aichat_error **reterr)
{
	size_t dropped;
	int rc;

	do {
		aichat_records *records = NULL;
		dropped = 0;
		rc = aichat_record_list(accounts->ai, kind, "user", user, NULL, 100,
					&records, reterr);
		for (size_t i = 0; rc == 0 && i < aichat_records_count(records); i++) {
			const char *id = aichat_record_id(aichat_records_at(records, i));
			if (strcmp(id, kept) == 0)
				continue;
			rc = drop(accounts, kind, id, reterr);
			dropped++;
		}
		aichat_records_free(records);
	} while (rc == 0 && dropped);
	return rc;
}

int user_save_keeping(struct server *server, struct user *user, const char *login,
		      aichat_error **reterr)
{
	struct accounts *accounts = server->accounts;
	bool other_password = false;

	pthread_mutex_lock(&accounts->change);
	int rc = save_user(accounts, user, &other_password, reterr);
	pthread_mutex_unlock(&accounts->change);
	/* Whoever knew the password before may have logged in with it. */
	if (rc == 0 && other_password)
		rc = drop_children(accounts, "login", user->id, login, reterr);
	accounts_changed(server);
	return rc;
}

int user_save(struct server *server, struct user *user, aichat_error **reterr)
{
	return user_save_keeping(server, user, "", reterr);
}

int user_revoke(struct server *server, struct user *user, aichat_error **reterr)
{
	struct accounts *accounts = server->accounts;
	int rc = 0;

	if (*user->password) {
		*user->password = '\0';
		rc = user_save(server, user, reterr);
	}
	if (rc == 0)
		rc = drop_children(accounts, "key", user->id, "", reterr);
	if (rc == 0)
		rc = drop_children(accounts, "login", user->id, "", reterr);
	accounts_changed(server);
	return rc;
}

/* ---- deleting a user -------------------------------------------------------------- */

/* What still runs ends soon, because its rights are gone; who takes nothing of what is
 * written to them has server.write_timeout_ms. */
int64_t user_delete_wait_ms(const struct server *server)
{
	return server->settings.write_timeout_ms + END_CALLS_MS;
}

static int wait_for_calls(struct server *server, const char *user, int64_t own_calls,
			  int64_t wait_ms)
{
	int64_t end_us = clock_mono_us() + wait_ms * 1000;

	while (!limits_is_idle(server->limits, user, own_calls)) {
		if (clock_mono_us() >= end_us || atomic_load(&server->stopping))
			return AICHAT_EAGAIN;
		usleep(10000);
	}
	return 0;
}

/* So that whoever has to end something finds it without reading all users. */
static int note_ending(struct accounts *accounts, const char *user, aichat_error **reterr)
{
	aichat_record *record = NULL;
	aichat_error *error = NULL;
	int rc = aichat_record_new("ending", user, &record, &error);

	if (rc == 0)
		rc = aichat_record_set_parent(record, "user", user, &error);
	if (rc == 0)
		rc = aichat_record_set_json(record, "{}", -1, &error);
	if (rc == 0)
		rc = aichat_record_add(accounts->ai, record, &error);
	aichat_record_free(record);
	if (rc < 0 && rc != AICHAT_EEXIST) {
		*reterr = error;
		return rc;
	}
	aichat_error_unref(error);
	return 0;
}

int user_begin_delete(struct server *server, struct user *user, aichat_error **reterr)
{
	int rc = 0;

	if (!user->ending) {
		user->ending = true;
		rc = user_save(server, user, reterr);
	}
	return rc < 0 ? rc : note_ending(server->accounts, user->id, reterr);
}

/* First nobody is let in any more, last the record goes: what breaks off between can be
 * done again. The first time what they have is deleted ends their replies; what calls and
 * replies wrote at their end goes the second time. */
int user_delete(struct server *server, struct user *user, int64_t own_calls,
		int64_t wait_ms, aichat_error **reterr)
{
	int rc = user_begin_delete(server, user, reterr);

	if (rc == 0)
		rc = aichat_owner_delete(server->ai, user->id, reterr);
	if (rc == 0)
		rc = wait_for_calls(server, user->id, own_calls, wait_ms);
	if (rc == 0)
		rc = aichat_owner_delete(server->ai, user->id, reterr);
	if (rc == 0)
		rc = drop(server->accounts, "user", user->id, reterr);
	accounts_changed(server);
	return rc;
}

static void finish(struct server *server, const char *id)
{
	aichat_error *error = NULL;
	struct user user;
	int rc = user_get(server->accounts, id, NULL, &user, &error);

	/* Those that were let in before, through the cache, look at their rights now. */
	accounts_changed(server);
	if (rc == 0)
		rc = user_delete(server, &user, 0, 0, &error);
	if (rc == 0)
		log_line(AICHAT_LOG_INFO, "the user %s was deleted", user.id);
	else if (rc != AICHAT_EAGAIN && rc != AICHAT_ENOTFOUND)
		log_line(AICHAT_LOG_ERROR, "the user %s is not deleted yet: %s", id,
			 error ? aichat_error_message(error) : aichat_error_text(rc));
	aichat_error_unref(error);
	sodium_memzero(&user, sizeof(user));
}

void accounts_finish(struct server *server)
{
	aichat_records *records = NULL;

	/* A store that cannot be read now is asked again in a moment. */
	if (accounts_list(server->accounts, "ending", NULL, NULL, 50, &records, NULL) < 0)
		return;
	for (size_t i = 0; i < aichat_records_count(records); i++)
		finish(server, aichat_record_id(aichat_records_at(records, i)));
	aichat_records_free(records);
}

/* ---- the rest --------------------------------------------------------------------- */

const struct token_secret *accounts_secret(const struct accounts *accounts)
{
	return &accounts->secret;
}

aichat *accounts_store(const struct accounts *accounts)
{
	return accounts->ai;
}

struct auth_cache *accounts_cache(const struct accounts *accounts)
{
	return accounts->cache;
}

void accounts_changed(struct server *server)
{
	auth_cache_clear(server->accounts->cache);
	if (server->http)
		http_server_wake(server->http);
}

int accounts_repeat(struct accounts *accounts, const struct request_key *request,
		    char ret_id[80], aichat_error **reterr)
{
	char *id = NULL;
	int rc = aichat_idempotency_find(accounts->ai, request->key, request->digest, &id,
					 reterr);

	if (rc == 1)
		snprintf(ret_id, 80, "%s", id);
	aichat_free(id);
	return rc;
}

void audit(struct accounts *accounts, const char *actor, const char *action,
	   const char *object, aichat_json_writer *details)
{
	aichat_error *error = NULL;
	const char *text = NULL;
	size_t len = 0;
	int rc = details ? aichat_json_writer_finish(details, &text, &len) : 0;

	if (rc == 0)
		rc = aichat_audit_add(accounts->ai, actor, action, object, text,
				      (int64_t)len, &error);
	if (rc < 0)
		log_line(AICHAT_LOG_ERROR, "%s is not in the audit log: %s", action,
			 error ? aichat_error_message(error) : aichat_error_text(rc));
	aichat_error_unref(error);
	aichat_json_writer_unref(details);
}

int accounts_list(struct accounts *accounts, const char *kind, const char *user,
		  const char *after, size_t limit, aichat_records **ret_records,
		  aichat_error **reterr)
{
	return aichat_record_list(accounts->ai, kind, user ? "user" : NULL, user, after,
				  limit, ret_records, reterr);
}

int accounts_exist(struct server *server, bool *ret_exist, aichat_error **reterr)
{
	aichat_records *records = NULL;
	int rc = accounts_list(server->accounts, "user", NULL, NULL, 1, &records, reterr);

	*ret_exist = aichat_records_count(records) > 0;
	aichat_records_free(records);
	return rc;
}

int accounts_first_key(struct server *server, char **ret_key, aichat_error **reterr)
{
	struct accounts *accounts = server->accounts;
	struct user user = { .name = "admin", .role = ROLE_ADMIN };
	struct key key = { .name = "first key" };
	char token[TOKEN_TEXT];

	int rc = user_add(accounts, &user, NULL, reterr);
	if (rc < 0)
		return rc;
	snprintf(key.user, sizeof(key.user), "%s", user.id);
	key.scopes = role_scopes(user.role);
	rc = key_add(accounts, &key, token, NULL, reterr);
	if (rc < 0)
		return rc;
	audit(accounts, "aichatd", "key.add", key.id, NULL);
	*ret_key = strdup(token);
	sodium_memzero(token, sizeof(token));
	return *ret_key ? 0 : AICHAT_ENOMEM;
}

int accounts_open(struct server *server, char error[256])
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));
	char path[sizeof(server->store_path) + 16] = "";
	aichat_error *why = NULL;
	bool made, exist = false;

	snprintf(error, 256, "out of memory");
	if (!accounts)
		return -1;
	pthread_mutex_init(&accounts->change, NULL);
	server->accounts = accounts;
	accounts->cache = auth_cache_new();
	if (!accounts->cache)
		return -1;
	int rc = aichat_for_owner(server->ai, OWNER, &accounts->ai, &why);
	if (rc == 0 && server->store_path[0])
		snprintf(path, sizeof(path), "%s-secret", server->store_path);
	if (rc == 0 && token_secret_open(path, &accounts->secret, &made, error) < 0)
		return -1;
	if (rc == 0 && made)
		rc = accounts_exist(server, &exist, &why);
	if (rc < 0) {
		snprintf(error, 256, "%s", why ? aichat_error_message(why) : error);
		aichat_error_unref(why);
		return -1;
	}
	if (exist)
		log_line(AICHAT_LOG_WARNING,
			 "%s was missing and is new: all keys and logins are void; "
			 "restore it, or make new ones with `aichatd key add`",
			 path);
	return 0;
}

void accounts_close(struct server *server)
{
	struct accounts *accounts = server->accounts;

	server->accounts = NULL;
	if (!accounts)
		return;
	auth_cache_free(accounts->cache);
	aichat_close(accounts->ai);
	pthread_mutex_destroy(&accounts->change);
	sodium_memzero(&accounts->secret, sizeof(accounts->secret));
	free(accounts);
}
