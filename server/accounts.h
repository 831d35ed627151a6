#pragma once

/*
 * Users, keys and logins as the store keeps them: records of the owner "aichatd", which
 * is nobody's, so that they are apart from what the users have. The others are
 * children of their user and go with it.
 *
 *     user   name = login name   {"role","password","limits","ending"}
 *     key    id = public id      {"name","scopes","digest","limits","last_used_at"}
 *     login  id = public id      {"digest"}
 *     ending id = the user's     {}, while the user is being deleted
 */

#include "call.h"
#include "password.h"
#include "server.h"
#include "token.h"

#define LOGIN_MS ((int64_t)12 * 60 * 60 * 1000)
#define USER_NAME_MAX 64
#define KEY_NAME_MAX 100

struct user {
	char id[40];
	char name[129];
	char password[PASSWORD_HASH]; /* the hash; "" for none: no login */
	unsigned role;
	bool ending; /* is being deleted, and may do nothing any more */
	struct limit_values limits;
	int64_t version, created_unix_ms, updated_unix_ms;
};

struct key {
	char id[40];
	char user[40];
	char name[KEY_NAME_MAX + 1];
	unsigned scopes;
	unsigned char digest[DIGEST_BYTES];
	struct limit_values limits;
	int64_t created_unix_ms, expires_unix_ms; /* 0 = never */
	int64_t last_used_unix_ms;                /* 0 = never; to the minute */
};

/* A request that adds something, for who repeats it; or NULL. */
struct request_key {
	char key[DIGEST_TEXT], digest[DIGEST_TEXT];
};

/* ---- words ---- */

const char *role_name(unsigned role);
unsigned role_of(const char *name);  /* 0 for none */
unsigned scope_of(const char *name); /* 0 for none */
/* All that a role may have. */
unsigned role_scopes(unsigned role);
/* The n-th scope's name if `scopes` has it; NULL past the last, "" if not. */
const char *scope_name(int n, unsigned scopes);
/* 1 to USER_NAME_MAX of a-z, 0-9 and .-_@ */
bool is_user_name(const char *name);

void write_user(aichat_json_writer *w, const struct user *user);
void write_key(aichat_json_writer *w, const struct key *key);
/* `"scopes": [...]` */
void write_scopes(aichat_json_writer *w, unsigned scopes);
/* `"limits": {...}` of those that are set. */
void write_limits(aichat_json_writer *w, const struct limit_values *limits);

/* ---- records ---- */

/* By id, or by name if id is NULL. */
int user_get(struct accounts *accounts, const char *id, const char *name,
	     struct user *ret_user, aichat_error **reterr);
/* Gives id, version and times. AICHAT_EEXIST, AICHAT_ECONFLICT. */
int user_add(struct accounts *accounts, struct user *user,
	     const struct request_key *request, aichat_error **reterr);
/*
 * Save what was read, if nobody else has since (AICHAT_ESTALE). The last admin stays one:
 * AICHAT_ESTATE. Takes effect at once; with another password, or none any more, all
 * logins end.
 */
int user_save(struct server *server, struct user *user, aichat_error **reterr);
/* The same, but this login goes on. */
int user_save_keeping(struct server *server, struct user *user, const char *login,
		      aichat_error **reterr);
/* Nobody is let in any more; the daemon of this store deletes them, once nothing of
 * theirs runs. AICHAT_ESTATE as for user_save(). */
int user_begin_delete(struct server *server, struct user *user, aichat_error **reterr);
/*
 * With keys, logins, and all that the user has stored; can be repeated. own_calls: how
 * many of the user's calls wait for this. AICHAT_EAGAIN without an error: others of them
 * do not end within wait_ms.
 */
int user_delete(struct server *server, struct user *user, int64_t own_calls,
		int64_t wait_ms, aichat_error **reterr);
/* As long as a call that was cut off may take to end. */
int64_t user_delete_wait_ms(const struct server *server);
/* Keys, logins and password are gone; what is stored stays. */
int user_revoke(struct server *server, struct user *user, aichat_error **reterr);

int key_get(struct accounts *accounts, const char *id, struct key *ret_key,
	    aichat_error **reterr);
/* Gives id, digest and creation, and the key itself, which nobody sees again. */
int key_add(struct accounts *accounts, struct key *key, char ret_token[TOKEN_TEXT],
	    const struct request_key *request, aichat_error **reterr);
int key_revoke(struct server *server, const char *id, aichat_error **reterr);
/* Write down that it was used, if it is a minute since. */
void key_note_use(struct accounts *accounts, const struct key *key);

/* A page of users, of all keys, or of one user's keys. The record's fields into one. */
int accounts_list(struct accounts *accounts, const char *kind, const char *user,
		  const char *after, size_t limit, aichat_records **ret_records,
		  aichat_error **reterr);
bool user_from(const aichat_record *record, struct user *ret_user);
bool key_from(const aichat_record *record, struct key *ret_key);

/* A login: its cookie's token. */
int login_add(struct accounts *accounts, const struct user *user,
	      char ret_token[TOKEN_TEXT], aichat_error **reterr);
int login_get(struct accounts *accounts, const char *id, char ret_user[40],
	      unsigned char ret_digest[DIGEST_BYTES], int64_t *ret_expires_unix_ms,
	      aichat_error **reterr);
int login_end(struct server *server, const char *id, aichat_error **reterr);

/* ---- the rest ---- */

const struct token_secret *accounts_secret(const struct accounts *accounts);
/* Rights may have been taken away: nothing is believed that was looked up before. */
void accounts_changed(struct server *server);
/* The view of the store that has the records and the audit log. */
aichat *accounts_store(const struct accounts *accounts);
/* What the request with this key added before: 1 and its id, 0, AICHAT_ECONFLICT. */
int accounts_repeat(struct accounts *accounts, const struct request_key *request,
		    char ret_id[80], aichat_error **reterr);
/*
 * Into the audit log. details: a writer's finished object, taken; or NULL. It is for what
 * was done already: a failure is logged.
 */
void audit(struct accounts *accounts, const char *actor, const char *action,
	   const char *object, aichat_json_writer *details);

/* auth.c's part of the accounts. */
struct auth_cache *auth_cache_new(void);
struct auth_cache *auth_cache_free(struct auth_cache *cache);
void auth_cache_clear(struct auth_cache *cache);
struct auth_cache *accounts_cache(const struct accounts *accounts);
