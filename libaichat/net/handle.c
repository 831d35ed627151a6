/*
 * Curl's easy handles, made ready for one URL and kept for the next attempt that asks
 * there: to make one and to read its URL costs as much as a short transfer.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include "base/mem.h"
#include "net/engine_internal.h"
#include "net/handle.h"

/* Idle ones; each has some ten kilobytes. */
#define IDLE_MAX 32

#define CONNECTION_AGE_MAX_S 3600L
#define UPLOAD_BUFFER 16384L

/* --- its URL --- */

/*
 * Another machine's "localhost" is not ours: a proxy that the environment names would
 * look for our local server on its own side. host: as curl writes it, with an IPv6
 * address in brackets.
 */
static bool is_loopback(const char *host)
{
	static const char name[] = "localhost";
	struct in_addr v4;
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	if (*host == '[' && len - 2 < sizeof(text)) {
		memcpy(text, host + 1, len - 2);
		text[len - 2] = '\0';
		return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	}
	len -= len > 0 && host[len - 1] == '.';
	if (len < sizeof(name) - 1)
		return false;
	/* RFC 6761, section 6.3: the names below it, too. */
	size_t before = len - (sizeof(name) - 1);
	return strncasecmp(host + before, name, sizeof(name) - 1) == 0 &&
	       (before == 0 || host[before - 1] == '.');
}

/* What of a URL may be shown; the URL is as it was after it. */
static CURLUcode show_url(CURLU *url, char **ret_shown)
{
	CURLU *copy = aic_curl.url_dup(url);

	if (!copy)
		return CURLUE_OUT_OF_MEMORY;
	aic_curl.url_set(copy, CURLUPART_USER, NULL, 0);
	aic_curl.url_set(copy, CURLUPART_PASSWORD, NULL, 0);
	aic_curl.url_set(copy, CURLUPART_QUERY, NULL, 0);
	aic_curl.url_set(copy, CURLUPART_FRAGMENT, NULL, 0);
	CURLUcode bad = aic_curl.url_get(copy, CURLUPART_URL, ret_shown, 0);
	aic_curl.url_cleanup(copy);
	return bad;
}

static int take_url(struct aic_handle *handle, const char *text, aichat_error **reterr)
{
	char *scheme = NULL;
	char *host = NULL;
	char *shown = NULL;

	handle->url = aic_curl.url();
	handle->text = aic_strdup(text);
	if (!handle->url || !handle->text)
		return aic_error_nomem(reterr);
	CURLUcode bad = aic_curl.url_set(handle->url, CURLUPART_URL, text, 0);
	if (!bad)
		bad = aic_curl.url_get(handle->url, CURLUPART_SCHEME, &scheme, 0);
	if (!bad && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		bad = CURLUE_UNSUPPORTED_SCHEME;
	if (!bad)
		bad = aic_curl.url_get(handle->url, CURLUPART_HOST, &host, 0);
	if (!bad)
		bad = show_url(handle->url, &shown);
	int result = 0;
	if (bad == CURLUE_OUT_OF_MEMORY)
		result = aic_error_nomem(reterr);
	else if (bad)
		result = aic_error_set(reterr, AICHAT_EINVAL,
				       "the base_url is no http or https address");
	else if (!(handle->shown_url = aic_strdup(shown)))
		result = aic_error_nomem(reterr);
	else
		handle->direct = is_loopback(host);
	aic_curl.free(scheme);
	aic_curl.free(host);
	aic_curl.free(shown);
	return result;
}

/* --- what is the same for every attempt --- */

static CURLcode set_transport(struct aic_handle *handle, const struct aic_engine *engine)
{
	CURLcode result = CURLE_OK;

/* The first failure sticks; curl fails here only for want of memory. */
#define SET(option, value)                                                               \
	(result = result ? result : aic_curl.easy_setopt(handle->easy, option, value))
	SET(CURLOPT_CURLU, handle->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (*engine->ca_file)
		SET(CURLOPT_CAINFO, engine->ca_file);
	/* An empty string means none, and keeps curl from looking into the environment.
	 */
	SET(CURLOPT_PROXY, handle->direct ? "" : engine->proxy);
	SET(CURLOPT_NOPROXY, engine->no_proxy);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_MAXLIFETIME_CONN, CONNECTION_AGE_MAX_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, 60L);
	SET(CURLOPT_TCP_KEEPINTVL, 30L);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	SET(CURLOPT_USERAGENT, "aichat/" AICHAT_VERSION);
	/* Else a cancelled attempt would hold up all others until its name is resolved.
	 */
	SET(CURLOPT_QUICK_EXIT, 1L);
#undef SET
	return result;
}

/* --- their life --- */

struct aic_handle *aic_handle_free(struct aic_handle *handle)
{
	if (!handle)
		return NULL;
	if (handle->easy)
		aic_curl.easy_cleanup(handle->easy);
	aic_curl.url_cleanup(handle->url);
	aic_free(handle->text);
	aic_free(handle->shown_url);
	aic_free(handle);
	return NULL;
}

static struct aic_handle *take_idle(struct aic_engine *engine, const char *url)
{
	for (struct aic_handle **at = &engine->idle; *at; at = &(*at)->next)
		if (strcmp((*at)->text, url) == 0) {
			struct aic_handle *handle = *at;
			*at = handle->next;
			engine->idle_count--;
			return handle;
		}
	return NULL;
}

int aic_handle_take(struct aic_engine *engine, const char *url,
		    struct aic_handle **ret_handle, aichat_error **reterr)
{
	*ret_handle = take_idle(engine, url);
	if (*ret_handle)
		return 0;
	struct aic_handle *handle = aic_new(struct aic_handle);
	if (!handle)
		return aic_error_nomem(reterr);
	int result = take_url(handle, url, reterr);
	if (result == 0) {
		handle->easy = aic_curl.easy_init();
		if (!handle->easy || set_transport(handle, engine))
			result = aic_error_nomem(reterr);
	}
	*ret_handle = result ? aic_handle_free(handle) : handle;
	return result;
}

void aic_handle_keep(struct aic_engine *engine, struct aic_handle *handle)
{
	/* What it borrowed is gone. */
	aic_curl.easy_setopt(handle->easy, CURLOPT_HTTPHEADER, NULL);
	aic_curl.easy_setopt(handle->easy, CURLOPT_POSTFIELDS, NULL);
	aic_curl.easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, NULL);
	handle->next = engine->idle;
	engine->idle = handle;
	if (++engine->idle_count <= IDLE_MAX)
		return;
	/* The one that was not asked for the longest. */
	struct aic_handle **last = &engine->idle;
	while ((*last)->next)
		last = &(*last)->next;
	*last = aic_handle_free(*last);
	engine->idle_count--;
}
