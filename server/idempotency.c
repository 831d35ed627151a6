/*
 * What makes a repeated request the same one.
 */

#include <string.h>

#include <sodium.h>

#include "accounts.h"
#include "idempotency.h"
#include "log.h"

#define NOTE "request" /* the kind of its record */
/* As long as a key counts. */
#define NOTED_MS ((int64_t)24 * 60 * 60 * 1000)

bool idempotency_key(struct call *call, const char **ret_key)
{
	const char *key = http_header(call->request, "Idempotency-Key");

	*ret_key = NULL;
	if (!key || !(call->route->flags & ROUTE_IDEMPOTENT))
		return true;
	if (!*key || strlen(key) > 255) {
		call_refuse(call, 422, "VALIDATION_FAILED",
			    "Idempotency-Key has 1 to 255 characters");
		return false;
	}
	*ret_key = key;
	return true;
}

static void hash_text(crypto_generichash_state *state, const char *text, size_t len)
{
	/* With its end, so that no two requests run together. */
	crypto_generichash_update(state, (const unsigned char *)text, len);
	crypto_generichash_update(state, (const unsigned char *)"", 1);
}

/* The body but for a password: of that only its own hash is ever stored. */
static void hash_body(crypto_generichash_state *state, const struct call *call)
{
	const char *body = call->raw_body ? call->raw_body : "";
	size_t len = call->raw_body_len, whole_len = 0, secret_len = 0;
	const char *whole = aichat_json_raw(call->body, 0, &whole_len);
	const char *secret = aichat_json_raw(
		call->body, aichat_json_get(call->body, 0, "password"), &secret_len);

	if (!secret) {
		hash_text(state, body, len);
		return;
	}
	hash_text(state, whole, (size_t)(secret - whole));
	secret += secret_len;
	hash_text(state, secret, whole_len - (size_t)(secret - whole));
}

void idempotency_digest(const struct call *call, char ret_digest[DIGEST_TEXT])
{
	const struct token_secret *secret = accounts_secret(call->server->accounts);
	const char *method = http_method(call->request);
	const char *path = http_path(call->request);
	unsigned char hash[32];
	crypto_generichash_state state;

	crypto_generichash_init(&state, secret->bytes, sizeof(secret->bytes),
				sizeof(hash));
	hash_text(&state, method, strlen(method));
	hash_text(&state, path, strlen(path));
	hash_body(&state, call);
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(ret_digest, DIGEST_TEXT, hash, sizeof(hash));
}

int idempotency_set(struct call *call, aichat_options *options, aichat_error **reterr)
{
	char digest[DIGEST_TEXT];
	const char *key = NULL;

	if (!idempotency_key(call, &key) || !key)
		return 0;
	idempotency_digest(call, digest);
	int rc = aichat_options_set(options, "idempotency_key", key, -1, reterr);
	if (rc == 0)
		rc = aichat_options_set(options, "request_digest", digest, -1, reterr);
	return rc;
}

int idempotency_find(struct call *call, char **ret_id)
{
	char digest[DIGEST_TEXT];
	aichat_error *error = NULL;
	const char *key = NULL;

	if (!idempotency_key(call, &key))
		return -1;
	if (!key)
		return 0;
	idempotency_digest(call, digest);
	int rc = aichat_idempotency_find(call->ai, key, digest, ret_id, &error);
	if (rc < 0)
		call_fail(call, error);
	aichat_error_unref(error);
	return rc < 0 ? -1 : rc;
}

/* ---- requests that make nothing ---- */

static int add_note(struct call *call, const char *key, char **ret_note,
		    aichat_error **reterr)
{
	char digest[DIGEST_TEXT];
	aichat_record *record = NULL;

	idempotency_digest(call, digest);
	int rc = aichat_record_new(NOTE, NULL, &record, reterr);
	if (rc == 0) {
		aichat_record_set_expires(record, clock_unix_ms() + NOTED_MS);
		rc = aichat_record_set_idempotency(record, key, digest, reterr);
	}
	if (rc == 0)
		rc = aichat_record_add(call->ai, record, reterr);
	if (rc == 0)
		*ret_note = strdup(aichat_record_id(record));
	aichat_record_free(record);
	return rc;
}

/* Whether the earlier request was taken: its note was not withdrawn. */
static int was_taken(struct call *call)
{
	aichat_record *record = NULL;
	aichat_error *error = NULL;
	char *id = NULL;

	if (idempotency_find(call, &id) < 0)
		return -1;
	int rc = id ? aichat_record_get(call->ai, NOTE, id, &record, &error)
		    : AICHAT_ENOTFOUND;
	if (rc == 0)
		http_set_header(call->request, "Idempotent-Replayed", "true");
	else if (rc != AICHAT_ENOTFOUND)
		call_fail(call, error);
	aichat_error_unref(error);
	aichat_record_free(record);
	aichat_free(id);
	return rc == 0 ? 1 : rc == AICHAT_ENOTFOUND ? 0 : -1;
}

int idempotency_note(struct call *call, char **ret_note)
{
	aichat_error *error = NULL;
	const char *key = NULL;

	*ret_note = NULL;
	if (!idempotency_key(call, &key))
		return -1;
	int rc = key ? add_note(call, key, ret_note, &error) : 0;
	if (rc == AICHAT_EEXIST)
		rc = was_taken(call);
	else if (rc < 0)
		call_fail(call, error);
	aichat_error_unref(error);
	return rc < 0 ? -1 : rc;
}

void idempotency_withdraw(struct call *call, const char *note)
{
	if (note)
		(void)aichat_record_delete(call->ai, NOTE, note, NULL);
}
