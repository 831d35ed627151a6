#include <string.h>

#include <sodium.h>

#include "account_json.h"
#include "rfc3339.h"

/* ---- words ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned role, scopes;
} roles[] = {
	{ "admin", ROLE_ADMIN, SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN },
	{ "user", ROLE_USER, SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY },
	{ "viewer", ROLE_VIEWER, SCOPE_READ },
};

static const struct {
	const char *name;
	unsigned scope;
} scopes[] = {
	{ "read", SCOPE_READ },
	{ "chat", SCOPE_CHAT },
	{ "gateway", SCOPE_GATEWAY },
	{ "admin", SCOPE_ADMIN },
};

#define ROLES (sizeof(roles) / sizeof(*roles))
#define SCOPES ((int)(sizeof(scopes) / sizeof(*scopes)))

const char *role_name(unsigned role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles[i].role == role)
			return roles[i].name;
	return "none";
}

unsigned role_of(const char *name)
{
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].role;
	return 0;
}

unsigned role_scopes(unsigned role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles[i].role == role)
			return roles[i].scopes;
	return 0;
}

unsigned scope_of(const char *name)
{
	for (int i = 0; i < SCOPES; i++)
		if (strcmp(scopes[i].name, name) == 0)
			return scopes[i].scope;
	return 0;
}

const char *scope_name(int n, unsigned of)
{
	if (n >= SCOPES)
		return NULL;
	return of & scopes[n].scope ? scopes[n].name : "";
}

bool is_user_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_@");

	return len > 0 && len <= USER_NAME_MAX && name[len] == '\0';
}

/* ---- JSON ------------------------------------------------------------------------- */

void account_put_text(aichat_json_writer *w, const char *name, const char *text)
{
	aichat_json_writer_key(w, name, -1);
	aichat_json_writer_string(w, text, -1);
}

void account_put_int(aichat_json_writer *w, const char *name, int64_t number)
{
	aichat_json_writer_key(w, name, -1);
	aichat_json_writer_int(w, number);
}

static void put_limit(aichat_json_writer *w, const char *name, int64_t limit)
{
	if (limit)
		account_put_int(w, name, limit);
}

void write_limits(aichat_json_writer *w, const struct limit_values *limits)
{
	aichat_json_writer_key(w, "limits", -1);
	aichat_json_writer_begin_object(w);
	put_limit(w, "requests_per_minute", limits->requests_per_minute);
	put_limit(w, "tokens_per_minute", limits->tokens_per_minute);
	put_limit(w, "concurrent_replies", limits->concurrent_replies);
	aichat_json_writer_end_object(w);
}

static int64_t limit_in(const aichat_json *doc, int limits, const char *name)
{
	int64_t value = 0;

	if (aichat_json_int(doc, aichat_json_get(doc, limits, name), &value) < 0)
		return 0;
	return value;
}

struct limit_values account_limits(const aichat_json *doc)
{
	int limits = aichat_json_get(doc, 0, "limits");

	return (struct limit_values){
		.requests_per_minute = limit_in(doc, limits, "requests_per_minute"),
		.tokens_per_minute = limit_in(doc, limits, "tokens_per_minute"),
		.concurrent_replies = limit_in(doc, limits, "concurrent_replies"),
	};
}

void write_scopes(aichat_json_writer *w, unsigned of)
{
	const char *name;

	aichat_json_writer_key(w, "scopes", -1);
	aichat_json_writer_begin_array(w);
	for (int i = 0; (name = scope_name(i, of)); i++)
		if (*name)
			aichat_json_writer_string(w, name, -1);
	aichat_json_writer_end_array(w);
}

unsigned account_scopes(const aichat_json *doc)
{
	int list = aichat_json_get(doc, 0, "scopes");
	unsigned found = 0;

	for (int v = aichat_json_first(doc, list); v != AICHAT_JSON_NONE;
	     v = aichat_json_next(doc, list, v)) {
		const char *name = aichat_json_string(doc, v, NULL);
		found |= name ? scope_of(name) : 0;
	}
	return found;
}

void account_put_digest(aichat_json_writer *w, const unsigned char digest[DIGEST_BYTES])
{
	char text[DIGEST_TEXT];

	digest_text(digest, text);
	account_put_text(w, "digest", text);
}

bool account_digest(const aichat_json *doc, unsigned char ret_digest[DIGEST_BYTES])
{
	const char *text = call_text(doc, "digest", "");
	size_t len = 0;

	return sodium_hex2bin(ret_digest, DIGEST_BYTES, text, strlen(text), NULL, &len,
			      NULL) == 0 &&
	       len == DIGEST_BYTES;
}

static void put_time(aichat_json_writer *w, const char *name, int64_t unix_ms)
{
	char text[TIME_TEXT];

	if (unix_ms)
		account_put_text(w, name, time_text(unix_ms, text));
}

void write_user(aichat_json_writer *w, const struct user *user)
{
	aichat_json_writer_begin_object(w);
	account_put_text(w, "id", user->id);
	account_put_text(w, "name", user->name);
	account_put_text(w, "role", role_name(user->role));
	aichat_json_writer_key(w, "has_password", -1);
	aichat_json_writer_bool(w, *user->password != '\0');
	if (user->ending) {
		aichat_json_writer_key(w, "ending", -1);
		aichat_json_writer_bool(w, true);
	}
	write_limits(w, &user->limits);
	put_time(w, "created_at", user->created_unix_ms);
	put_time(w, "updated_at", user->updated_unix_ms);
	aichat_json_writer_end_object(w);
}

void write_key(aichat_json_writer *w, const struct key *key)
{
	account_put_text(w, "id", key->id);
	account_put_text(w, "user_id", key->user);
	account_put_text(w, "name", key->name);
	write_scopes(w, key->scopes);
	write_limits(w, &key->limits);
	put_time(w, "created_at", key->created_unix_ms);
	put_time(w, "expires_at", key->expires_unix_ms);
	put_time(w, "last_used_at", key->last_used_unix_ms);
}

/* ---- records ---- */

int account_set_json(aichat_record *record, aichat_json_writer *w, aichat_error **reterr)
{
	const char *text = NULL;
	size_t len = 0;
	int rc = aichat_json_writer_finish(w, &text, &len);

	if (rc == 0)
		rc = aichat_record_set_json(record, text, (int64_t)len, reterr);
	aichat_json_writer_unref(w);
	return rc;
}

int account_set_request(aichat_record *record, const struct request_key *request,
			aichat_error **reterr)
{
	return request ? aichat_record_set_idempotency(record, request->key,
						       request->digest, reterr)
		       : 0;
}
