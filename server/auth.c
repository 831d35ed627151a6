/*
 * Who asks. A credential is looked up by its public id and compared as a whole; what was
 * found is cached for a few seconds by that id.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "accounts.h"
#include "auth.h"
#include "log.h"

#define CACHED_MS 5000
#define SLOTS 4096
#define COOKIE "aichat_login"

/* What a key or a login stands for. */
struct grant {
	char id[TOKEN_ID]; /* "" = none */
	unsigned char digest[DIGEST_BYTES];
	struct principal principal;
	int64_t expires_unix_ms;
	int64_t loaded_mono_ms;
	int64_t last_used_unix_ms; /* of a key, as far as we know */
};

struct auth_cache {
	_Atomic uint64_t cleared; /* so often; changes with the lock held */
	pthread_mutex_t lock;     /* guards what follows */
	struct grant slots[SLOTS];
};

struct auth_cache *auth_cache_new(void)
{
	struct auth_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

struct auth_cache *auth_cache_free(struct auth_cache *cache)
{
	if (cache) {
		pthread_mutex_destroy(&cache->lock);
		sodium_memzero(cache->slots, sizeof(cache->slots));
		free(cache);
	}
	return NULL;
}

void auth_cache_clear(struct auth_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	atomic_fetch_add(&cache->cleared, 1);
	pthread_mutex_unlock(&cache->lock);
}

static struct grant *slot_of(struct auth_cache *cache, const char *id)
{
	uint32_t hash = 2166136261u;

	/* The ids are ours and random: nobody chooses where they go. */
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return &cache->slots[hash % SLOTS];
}

/* ---- looking up ------------------------------------------------------------------- */

static int load_key(struct accounts *accounts, const char *id, struct grant *grant,
		    aichat_error **reterr)
{
	struct key key;
	int rc = key_get(accounts, id, &key, reterr);

	if (rc < 0)
		return rc;
	memcpy(grant->digest, key.digest, sizeof(grant->digest));
	grant->expires_unix_ms = key.expires_unix_ms;
	grant->last_used_unix_ms = key.last_used_unix_ms;
	snprintf(grant->principal.user, sizeof(grant->principal.user), "%s", key.user);
	snprintf(grant->principal.key, sizeof(grant->principal.key), "%s", id);
	grant->principal.scopes = key.scopes;
	grant->principal.key_limits = key.limits;
	grant->principal.key_expires_unix_ms = key.expires_unix_ms;
	return 0;
}

static int load_login(struct accounts *accounts, const char *id, struct grant *grant,
		      aichat_error **reterr)
{
	snprintf(grant->principal.login, sizeof(grant->principal.login), "%s", id);
	grant->principal.scopes = ~0u;
	return login_get(accounts, id, grant->principal.user, grant->digest,
			 &grant->expires_unix_ms, reterr);
}

/* From the store. AICHAT_ENOTFOUND for what is no more, or may nothing. */
static int load(struct accounts *accounts, const char *id, bool is_login,
		struct grant *grant, aichat_error **reterr)
{
	struct user user;

	*grant = (struct grant){ .loaded_mono_ms = clock_mono_us() / 1000 };
	snprintf(grant->id, sizeof(grant->id), "%s", id);
	int rc = is_login ? load_login(accounts, id, grant, reterr)
			  : load_key(accounts, id, grant, reterr);
	if (rc == 0)
		rc = user_get(accounts, grant->principal.user, NULL, &user, reterr);
	if (rc < 0)
		return rc;
	if (user.ending || !user.role)
		return AICHAT_ENOTFOUND;
	snprintf(grant->principal.name, sizeof(grant->principal.name), "%s", user.name);
	grant->principal.role = user.role;
	/* Never more than its user holds, whenever that changed. */
	grant->principal.scopes &= role_scopes(user.role);
	grant->principal.user_limits = user.limits;
	return 0;
}

/* From the cache if it is no older than that, or from the store and into the cache. */
static int find(struct accounts *accounts, const char *id, bool is_login,
		int64_t max_age_ms, struct grant *ret_grant, aichat_error **reterr)
{
	struct auth_cache *cache = accounts_cache(accounts);
	int64_t now = clock_mono_us() / 1000;

	pthread_mutex_lock(&cache->lock);
	struct grant *slot = slot_of(cache, id);
	uint64_t cleared = atomic_load(&cache->cleared);
	bool found = strcmp(slot->id, id) == 0 &&
		     is_login == (slot->principal.login[0] != '\0') &&
		     slot->principal.changes == cleared &&
		     now - slot->loaded_mono_ms < max_age_ms;
	if (found)
		*ret_grant = *slot;
	pthread_mutex_unlock(&cache->lock);
	if (!found) {
		int rc = load(accounts, id, is_login, ret_grant, reterr);
		if (rc < 0)
			return rc;
		/* What was read before somebody took it away is not found again. */
		ret_grant->principal.changes = cleared;
		pthread_mutex_lock(&cache->lock);
		*slot = *ret_grant;
		pthread_mutex_unlock(&cache->lock);
	}
	if (ret_grant->expires_unix_ms && ret_grant->expires_unix_ms <= clock_unix_ms())
		return AICHAT_ENOTFOUND;
	return 0;
}

/* ---- what came -------------------------------------------------------------------- */

struct credential {
	char token[TOKEN_TEXT];
	bool is_login;
	bool several; /* different ones */
	bool any, malformed;
};

static void note(struct credential *credential, const char *text, size_t len,
		 bool is_login)
{
	if (len >= sizeof(credential->token) || len == 0) {
		credential->several |= credential->any;
		credential->any = credential->malformed = true;
		return;
	}
	if (credential->any &&
	    (credential->malformed || is_login != credential->is_login ||
	     strlen(credential->token) != len ||
	     memcmp(credential->token, text, len) != 0))
		credential->several = true;
	memcpy(credential->token, text, len);
	credential->token[len] = '\0';
	credential->is_login = is_login;
	credential->any = true;
}

static void note_authorization(struct credential *credential, const char *header)
{
	size_t scheme = strcspn(header, " ");

	if (scheme != 6 || strncasecmp(header, "Bearer", 6) != 0) {
		note(credential, "", 0, false);
		return;
	}
	header += scheme;
	header += strspn(header, " ");
	note(credential, header, strlen(header), false);
}

static void note_cookie(struct credential *credential, const char *header)
{
	size_t name = strlen(COOKIE);

	while (*header) {
		header += strspn(header, " ;");
		size_t len = strcspn(header, ";");
		size_t value = len;
		while (value > 0 && header[value - 1] == ' ')
			value--;
		if (value > name && strncmp(header, COOKIE "=", name + 1) == 0)
			note(credential, header + name + 1, value - name - 1, true);
		header += len;
	}
}

static struct credential credential_of(const struct http_request *request)
{
	static const char *const names[] = { "x-api-key", "api-key" };
	struct credential credential = { 0 };
	const char *header = http_header(request, "Authorization");

	if (header)
		note_authorization(&credential, header);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((header = http_header(request, names[i])))
			note(&credential, header, strlen(header), false);
	if ((header = http_header(request, "Cookie")))
		note_cookie(&credential, header);
	return credential;
}

/* ---- may they --------------------------------------------------------------------- */

void auth_refuse(struct call *call)
{
	call_refuse(call, 401, "UNAUTHENTICATED",
		    "the key or login is not known here, was revoked, or has ended");
}

/* A browser sends the cookie along whoever asks; the token only our own page has. */
static bool check_csrf(struct call *call, const char *token)
{
	const char *method = http_method(call->request);
	const char *given = http_header(call->request, "X-CSRF-Token");
	char wanted[DIGEST_TEXT];

	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return true;
	token_csrf(accounts_secret(call->server->accounts), token, wanted);
	if (given && strlen(given) == sizeof(wanted) - 1 &&
	    sodium_memcmp(given, wanted, sizeof(wanted) - 1) == 0)
		return true;
	call_refuse(call, 403, "FORBIDDEN",
		    "a request with a login's cookie that changes something needs the "
		    "header X-CSRF-Token with the token that the login gave");
	return false;
}

static void note_use(struct accounts *accounts, const struct grant *grant)
{
	struct auth_cache *cache = accounts_cache(accounts);
	struct key key = { .last_used_unix_ms = grant->last_used_unix_ms };

	if (clock_unix_ms() - grant->last_used_unix_ms < 60000)
		return;
	/* One of those that come now writes it. */
	pthread_mutex_lock(&cache->lock);
	struct grant *slot = slot_of(cache, grant->id);
	bool mine = strcmp(slot->id, grant->id) == 0 &&
		    slot->last_used_unix_ms == grant->last_used_unix_ms;
	if (mine)
		slot->last_used_unix_ms = clock_unix_ms();
	pthread_mutex_unlock(&cache->lock);
	if (!mine)
		return;
	snprintf(key.id, sizeof(key.id), "%s", grant->id);
	key_note_use(accounts, &key);
}

bool auth_check(struct call *call)
{
	struct accounts *accounts = call->server->accounts;
	struct credential credential = credential_of(call->request);
	unsigned char digest[DIGEST_BYTES];
	aichat_error *error = NULL;
	struct grant grant;
	char id[TOKEN_ID];
	bool ok = false;

	if (credential.several)
		call_refuse(call, 400, "VALIDATION_FAILED",
			    "the request has two different keys or logins; send one");
	else if (!credential.any)
		call_refuse(call, 401, "UNAUTHENTICATED",
			    "a key is needed: Authorization: Bearer, or x-api-key");
	else if (credential.malformed ||
		 !token_read(credential.token,
			     credential.is_login ? TOKEN_LOGIN_PREFIX : TOKEN_KEY_PREFIX,
			     id))
		auth_refuse(call);
	else
		ok = true;
	if (!ok)
		goto out;
	token_digest(accounts_secret(accounts), credential.token, digest);
	int rc = find(accounts, id, credential.is_login, CACHED_MS, &grant, &error);
	if (rc < 0 && rc != AICHAT_ENOTFOUND) {
		call_fail(call, error);
		ok = false;
	} else if (rc < 0 || sodium_memcmp(grant.digest, digest, sizeof(digest)) != 0) {
		auth_refuse(call);
		ok = false;
	} else if (credential.is_login) {
		ok = check_csrf(call, credential.token);
	} else {
		note_use(accounts, &grant);
	}
	if (ok)
		call->principal = grant.principal;
out:
	aichat_error_unref(error);
	sodium_memzero(&credential, sizeof(credential));
	return ok;
}

bool auth_allow(struct call *call)
{
	const struct principal *principal = &call->principal;

	if (!(call->route->roles & principal->role)) {
		call_refuse(call, 403, "FORBIDDEN", "this is not for the role %s",
			    role_name(principal->role));
		return false;
	}
	if (!(call->route->scopes & principal->scopes)) {
		call_refuse(call, 403, "FORBIDDEN",
			    "this key has none of the scopes that this needs");
		return false;
	}
	return true;
}

bool auth_still_valid(struct server *server, const struct principal *principal)
{
	bool is_login = principal->login[0] != '\0';
	struct grant grant;

	if (!principal->user[0])
		return true;
	/* Another process may have taken it away: a stream asks seldom, and wants to
	 * know. */
	int rc = find(server->accounts, is_login ? principal->login : principal->key,
		      is_login, 0, &grant, NULL);
	/* Of a store that is busy nobody knows; the next heartbeat asks again. */
	if (rc < 0)
		return rc != AICHAT_ENOTFOUND;
	return grant.principal.role == principal->role &&
	       (principal->scopes & ~grant.principal.scopes) == 0;
}

bool auth_holds(const struct call *call, struct auth_watch *watch)
{
	struct auth_cache *cache = accounts_cache(call->server->accounts);
	uint64_t changes = atomic_load(&cache->cleared);
	int64_t now = clock_mono_us();

	/* The call itself was let in a moment ago. */
	if (!watch->asked_mono_us)
		*watch = (struct auth_watch){ call->principal.changes,
					      call->started_mono_us };
	if (watch->changes == changes &&
	    now - watch->asked_mono_us < call->server->settings.heartbeat_ms * 900)
		return true;
	*watch = (struct auth_watch){ changes, now };
	return auth_still_valid(call->server, &call->principal);
}

bool auth_is_unchanged(const struct call *call, const struct auth_watch *watch)
{
	struct auth_cache *cache = accounts_cache(call->server->accounts);

	return watch->changes == atomic_load(&cache->cleared);
}

bool auth_csrf(struct call *call, char ret_csrf[DIGEST_TEXT])
{
	struct credential credential = credential_of(call->request);
	bool is_login = credential.any && credential.is_login;

	if (is_login)
		token_csrf(accounts_secret(call->server->accounts), credential.token,
			   ret_csrf);
	sodium_memzero(&credential, sizeof(credential));
	return is_login;
}

void auth_set_cookie(struct call *call, const char *token)
{
	const char *scheme = http_header(call->request, "X-Forwarded-Proto");
	bool secure = *call->server->settings.proxies && scheme &&
		      strcasecmp(scheme, "https") == 0;
	char cookie[256];

	snprintf(cookie, sizeof(cookie),
		 COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", token,
		 *token ? (long long)(LOGIN_MS / 1000) : 0LL, secure ? "; Secure" : "");
	http_set_header(call->request, "Set-Cookie", cookie);
	sodium_memzero(cookie, sizeof(cookie));
}
