/*
 * Keys, and logins, which are keys that a browser keeps in a cookie.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "account_json.h"
#include "log.h"

#define USE_NOTED_MS 60000

/* ---- keys ------------------------------------------------------------------------- */

static int set_key(aichat_record *record, const struct key *key, aichat_error **reterr)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	account_put_text(w, "name", key->name);
	write_scopes(w, key->scopes);
	account_put_digest(w, key->digest);
	write_limits(w, &key->limits);
	account_put_int(w, "last_used_at", key->last_used_unix_ms);
	aichat_json_writer_end_object(w);
	return account_set_json(record, w, reterr);
}

bool key_from(const aichat_record *record, struct key *ret_key)
{
	const char *user = aichat_record_parent_id(record);
	aichat_json *doc = NULL;

	*ret_key = (struct key){
		.created_unix_ms = aichat_record_created_unix_ms(record),
		.expires_unix_ms = aichat_record_expires_unix_ms(record),
	};
	if (!user ||
	    aichat_json_parse(aichat_record_json(record, NULL), -1, &doc, NULL) < 0)
		return false;
	snprintf(ret_key->id, sizeof(ret_key->id), "%s", aichat_record_id(record));
	snprintf(ret_key->user, sizeof(ret_key->user), "%s", user);
	snprintf(ret_key->name, sizeof(ret_key->name), "%s", call_text(doc, "name", ""));
	ret_key->scopes = account_scopes(doc);
	ret_key->limits = account_limits(doc);
	ret_key->last_used_unix_ms = call_int(doc, "last_used_at", 0);
	bool ok = account_digest(doc, ret_key->digest);
	aichat_json_unref(doc);
	return ok;
}

int key_get(struct accounts *accounts, const char *id, struct key *ret_key,
	    aichat_error **reterr)
{
	aichat_record *record = NULL;
	int rc = aichat_record_get(accounts_store(accounts), "key", id, &record, reterr);

	if (rc == 0 && !key_from(record, ret_key))
		rc = AICHAT_ENOMEM;
	aichat_record_free(record);
	return rc;
}

int key_add(struct accounts *accounts, struct key *key, char ret_token[TOKEN_TEXT],
	    const struct request_key *request, aichat_error **reterr)
{
	aichat_record *record = NULL;
	char id[TOKEN_ID];

	token_make(TOKEN_KEY_PREFIX, id, ret_token);
	token_digest(accounts_secret(accounts), ret_token, key->digest);
	int rc = aichat_record_new("key", id, &record, reterr);
	if (rc == 0)
		rc = aichat_record_set_parent(record, "user", key->user, reterr);
	if (rc == 0)
		rc = set_key(record, key, reterr);
	if (rc == 0)
		rc = account_set_request(record, request, reterr);
	if (rc == 0) {
		aichat_record_set_expires(record, key->expires_unix_ms);
		rc = aichat_record_add(accounts_store(accounts), record, reterr);
	}
	if (rc == 0 && !key_from(record, key))
		rc = AICHAT_ENOMEM;
	aichat_record_free(record);
	if (rc < 0)
		sodium_memzero(ret_token, TOKEN_TEXT);
	return rc;
}

int key_revoke(struct server *server, const char *id, aichat_error **reterr)
{
	int rc = aichat_record_delete(accounts_store(server->accounts), "key", id,
				      reterr);

	accounts_changed(server);
	return rc;
}

void key_note_use(struct accounts *accounts, const struct key *key)
{
	int64_t now = clock_unix_ms();
	aichat_record *record = NULL;
	struct key stored;

	if (now - key->last_used_unix_ms < USE_NOTED_MS)
		return;
	/* Somebody else may have noted it, or the key may be gone: nothing is lost. */
	if (aichat_record_get(accounts_store(accounts), "key", key->id, &record, NULL) ==
		    0 &&
	    key_from(record, &stored) && now - stored.last_used_unix_ms >= USE_NOTED_MS) {
		stored.last_used_unix_ms = now;
		if (set_key(record, &stored, NULL) == 0)
			aichat_record_save(accounts_store(accounts), record, NULL);
	}
	aichat_record_free(record);
}

/* ---- logins ----------------------------------------------------------------------- */

int login_add(struct accounts *accounts, const struct user *user,
	      char ret_token[TOKEN_TEXT], aichat_error **reterr)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	unsigned char digest[DIGEST_BYTES];
	aichat_record *record = NULL;
	char id[TOKEN_ID];

	token_make(TOKEN_LOGIN_PREFIX, id, ret_token);
	token_digest(accounts_secret(accounts), ret_token, digest);
	aichat_json_writer_begin_object(w);
	account_put_digest(w, digest);
	aichat_json_writer_end_object(w);
	int rc = aichat_record_new("login", id, &record, reterr);
	if (rc < 0) {
		aichat_json_writer_unref(w);
		return rc;
	}
	rc = account_set_json(record, w, reterr);
	if (rc == 0)
		rc = aichat_record_set_parent(record, "user", user->id, reterr);
	if (rc == 0) {
		aichat_record_set_expires(record, clock_unix_ms() + LOGIN_MS);
		rc = aichat_record_add(accounts_store(accounts), record, reterr);
	}
	aichat_record_free(record);
	return rc;
}

int login_get(struct accounts *accounts, const char *id, char ret_user[40],
	      unsigned char ret_digest[DIGEST_BYTES], int64_t *ret_expires_unix_ms,
	      aichat_error **reterr)
{
	aichat_record *record = NULL;
	aichat_json *doc = NULL;
	int rc = aichat_record_get(accounts_store(accounts), "login", id, &record,
				   reterr);

	if (rc < 0)
		return rc;
	const char *user = aichat_record_parent_id(record);
	rc = aichat_json_parse(aichat_record_json(record, NULL), -1, &doc, reterr);
	if (rc == 0 && (!user || !account_digest(doc, ret_digest)))
		rc = AICHAT_ENOTFOUND;
	if (rc == 0) {
		snprintf(ret_user, 40, "%s", user);
		*ret_expires_unix_ms = aichat_record_expires_unix_ms(record);
	}
	aichat_json_unref(doc);
	aichat_record_free(record);
	return rc;
}

int login_end(struct server *server, const char *id, aichat_error **reterr)
{
	int rc = aichat_record_delete(accounts_store(server->accounts), "login", id,
				      reterr);

	accounts_changed(server);
	return rc;
}
