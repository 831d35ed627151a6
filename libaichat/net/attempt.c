/*
 * One attempt is one curl easy handle in the engine's multi.
 *
 * What is allowed is little: see handle.h. Errors name the URL without user and query,
 * and never a header's value.
 *
 * While curl runs, its handles must not be removed. An attempt that is cancelled then is
 * put on the engine's `dead` list and freed when curl has returned.
 */

#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "net/attempt.h"
#include "net/engine_internal.h"
#include "net/handle.h"
#include "net/head.h"

#define HEADER_BYTES_MAX ((size_t)256 << 10)

struct aic_attempt {
	struct aic_engine *engine;
	struct aic_attempt_ops ops;
	void *user;
	struct aic_handle *handle;
	struct curl_slist *headers;
	struct aic_closer closer;
	struct aic_attempt *next_dead;
	int64_t connect_timeout_ms;
	int64_t bytes_left;
	size_t header_bytes;
	int code;            /* why we ended it; 0 = we did not */
	aichat_error *error; /* the same; NULL when bytes() said it */
	bool clean;          /* it went well: the handle is of use again */
	bool cancelled;
	bool paused;          /* is wanted */
	bool stopped;         /* curl was told */
	bool headed;          /* the head was given */
	struct aic_head head; /* that is being read */
	char curl_error[CURL_ERROR_SIZE];
};

/* --- the head --- */

static int fail(struct aic_attempt *attempt, int code, const char *why)
{
	if (!attempt->code) {
		attempt->code = code;
		if (code == AICHAT_ENOMEM)
			aic_error_nomem(&attempt->error);
		else
			aic_error_set(&attempt->error, code, "%s: %s",
				      attempt->handle->shown_url, why);
	}
	return code;
}

/* A redirect would carry our key and the conversation to somebody else. */
static int refuse_redirect(struct aic_attempt *attempt, int status)
{
	CURLU *url = aic_curl.url();
	char *host = NULL;

	if (url && attempt->head.location &&
	    !aic_curl.url_set(url, CURLUPART_URL, attempt->head.location,
			      CURLU_NON_SUPPORT_SCHEME))
		aic_curl.url_get(url, CURLUPART_HOST, &host, 0);
	if (!attempt->code) {
		attempt->code = AICHAT_EPROTOCOL;
		aic_error_set_detail(&attempt->error, AICHAT_EPROTOCOL,
				     &(struct aic_error_detail){
					     .http_status = status,
					     .request_id = attempt->head.request_id,
					     .retry_after_ms = -1,
				     },
				     "%s: redirects (%d) to %s, which is not followed; "
				     "set the base_url to where the provider is",
				     attempt->handle->shown_url, status,
				     host ? host : "another place");
	}
	aic_curl.free(host);
	aic_curl.url_cleanup(url);
	return AICHAT_EPROTOCOL;
}

/* The provider has said nothing: it is the proxy in front of it. */
static int fail_proxy(struct aic_attempt *attempt, long status)
{
	if (!attempt->code) {
		attempt->code = AICHAT_ENETWORK;
		aic_error_set_detail(
			&attempt->error, AICHAT_ENETWORK,
			&(struct aic_error_detail){
				.http_status = (int)status,
				.retry_after_ms = -1,
			},
			"%s: the proxy refuses; %s", attempt->handle->shown_url,
			status == 407 ? "give it a user and a password in the option "
					"proxy: http://USER:PASSWORD@HOST:PORT"
				      : "check the option proxy, or name the host in "
					"no_proxy");
	}
	return AICHAT_ENETWORK;
}

static int end_head(struct aic_attempt *attempt)
{
	long status = 0;

	aic_curl.easy_getinfo(attempt->handle->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200) {
		aic_head_reset(&attempt->head);
		return 0;
	}
	if (status == 407)
		return fail_proxy(attempt, status);
	if (status >= 300 && status < 400)
		return refuse_redirect(attempt, (int)status);
	if (attempt->head.coding && strcasecmp(attempt->head.coding, "identity") != 0)
		return fail(attempt, AICHAT_EPROTOCOL,
			    "the answer is compressed, which was not asked for");
	attempt->headed = true;
	struct aic_attempt_head head = {
		.status = (int)status,
		.content_type = attempt->head.content_type ? attempt->head.content_type
							   : "",
		.request_id = attempt->head.request_id,
		.retry_after_ms = attempt->head.retry_after_exact_ms >= 0
					  ? attempt->head.retry_after_exact_ms
					  : attempt->head.retry_after_ms,
		.should_retry = attempt->head.should_retry,
	};
	attempt->ops.head(attempt->user, &head);
	return 0;
}

static size_t on_header(char *data, size_t size AIC_UNUSED, size_t len, void *user)
{
	struct aic_attempt *attempt = user;
	struct aic_str line = { data, len };

	if (attempt->cancelled)
		return 0;
	if (attempt->headed) /* a trailer */
		return len;
	attempt->header_bytes += len;
	if (attempt->header_bytes > HEADER_BYTES_MAX) {
		fail(attempt, AICHAT_EPROTOCOL, "the answer's head does not end");
		return 0;
	}
	while (line.len > 0 && strchr("\r\n \t", line.data[line.len - 1]))
		line.len--;
	if (line.len == 0)
		return end_head(attempt) || attempt->cancelled ? 0 : len;
	if (aic_head_line(&attempt->head, line)) {
		fail(attempt, AICHAT_ENOMEM, "");
		return 0;
	}
	return len;
}

/* --- the body --- */

static size_t on_bytes(char *data, size_t size AIC_UNUSED, size_t len, void *user)
{
	struct aic_attempt *attempt = user;

	if (attempt->cancelled)
		return 0;
	if (attempt->paused) {
		attempt->stopped = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if ((int64_t)len > attempt->bytes_left) {
		fail(attempt, AICHAT_ETOOLARGE,
		     "the answer is larger than max_reply_bytes allows");
		return 0;
	}
	attempt->bytes_left -= (int64_t)len;
	int result = attempt->ops.bytes(attempt->user, (struct aic_str){ data, len });
	if (result == 1 && !attempt->cancelled) {
		attempt->bytes_left += (int64_t)len;
		attempt->paused = true;
		attempt->stopped = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (result < 0 && !attempt->code)
		attempt->code = result;
	return attempt->cancelled || result < 0 ? 0 : len;
}

/* --- the end --- */

static void attempt_free(struct aic_attempt *attempt)
{
	if (attempt->handle)
		aic_curl.multi_remove_handle(attempt->engine->multi,
					     attempt->handle->easy);
	if (attempt->clean)
		aic_handle_keep(attempt->engine, attempt->handle);
	else
		aic_handle_free(attempt->handle);
	aic_closer_remove(attempt->engine, &attempt->closer);
	/* They may hold a key. */
	for (struct curl_slist *at = attempt->headers; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	aic_curl.slist_free_all(attempt->headers);
	aic_head_reset(&attempt->head);
	aichat_error_unref(attempt->error);
	aic_free(attempt);
}
AIC_DEFINE_CLEANUP(struct aic_attempt *, attempt_free)

void aic_attempt_bury(struct aic_engine *engine)
{
	while (engine->dead) {
		struct aic_attempt *attempt = engine->dead;
		engine->dead = attempt->next_dead;
		attempt_free(attempt);
	}
}

/* What curl says, without the line end and never empty. */
static const char *curl_words(const struct aic_attempt *attempt, CURLcode result)
{
	return attempt->curl_error[0] ? attempt->curl_error
				      : aic_curl.easy_strerror(result);
}

static int fail_connect(struct aic_attempt *attempt, CURLcode result)
{
	long number = 0;
	char buf[128];
	char text[128];

	aic_curl.easy_getinfo(attempt->handle->easy, CURLINFO_OS_ERRNO, &number);
	/* Curl's own line names the proxy, where there is one. */
	if (number == 0 || (*attempt->engine->proxy && !attempt->handle->direct))
		return fail(attempt, AICHAT_ENETWORK, curl_words(attempt, result));
	snprintf(text, sizeof(text), "%s", aic_errno_text((int)number, buf, sizeof(buf)));
	if (text[0] >= 'A' && text[0] <= 'Z')
		text[0] = (char)(text[0] | 0x20);
	return fail(attempt, AICHAT_ENETWORK, text);
}

/* The line ends with what to do, where that can be told. */
static int fail_secure(struct aic_attempt *attempt, CURLcode result)
{
	const char *remedy = "";
	char text[CURL_ERROR_SIZE + 128];

	if (result == CURLE_SSL_CONNECT_ERROR)
		remedy = "; check that https is spoken there";
	else if (result == CURLE_PEER_FAILED_VERIFICATION)
		remedy = "; check the base_url, or name who is to be trusted in the "
			 "option ca_file";
	snprintf(text, sizeof(text), "%s%s", curl_words(attempt, result), remedy);
	return fail(attempt, AICHAT_ETLS, text);
}

static int fail_timeout(struct aic_attempt *attempt)
{
	if (!attempt->code) {
		attempt->code = AICHAT_ETIMEOUT;
		aic_error_set(&attempt->error, AICHAT_ETIMEOUT,
			      "%s: no connection within %lld ms",
			      attempt->handle->shown_url,
			      (long long)attempt->connect_timeout_ms);
	}
	return AICHAT_ETIMEOUT;
}

static int explain(struct aic_attempt *attempt, CURLcode result)
{
	long tunnel = 0; /* the proxy's answer, where one was asked for a connection */

	aic_curl.easy_getinfo(attempt->handle->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (result != CURLE_OK && tunnel >= 300)
		return fail_proxy(attempt, tunnel);
	switch (result) {
	case CURLE_OK:
		if (!attempt->headed)
			return fail(attempt, AICHAT_EPROTOCOL, "no answer came");
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return fail(attempt, AICHAT_ENOMEM, "");
	case CURLE_COULDNT_RESOLVE_HOST:
		return fail(attempt, AICHAT_ENETWORK,
			    "the host's name cannot be resolved");
	case CURLE_COULDNT_RESOLVE_PROXY:
		return fail(attempt, AICHAT_ENETWORK,
			    "the proxy's name cannot be resolved");
	case CURLE_COULDNT_CONNECT:
		return fail_connect(attempt, result);
	case CURLE_OPERATION_TIMEDOUT:
		return fail_timeout(attempt);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return fail_secure(attempt, result);
	case CURLE_UNSUPPORTED_PROTOCOL: /* an answer that is not even HTTP/1.0, too */
	case CURLE_URL_MALFORMAT:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return fail(attempt, AICHAT_EPROTOCOL, curl_words(attempt, result));
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
		return fail(attempt, AICHAT_ENETWORK,
			    "the connection was closed too early");
	default:
		return fail(attempt, AICHAT_ENETWORK, curl_words(attempt, result));
	}
}

static void end_attempt(struct aic_attempt *attempt)
{
	struct aic_attempt_ops ops = attempt->ops;
	void *user = attempt->user;
	int code = attempt->code;
	aichat_error *error = AIC_TAKE(attempt->error);

	/* First the handle goes back, so that its connection can be used again at once.
	 */
	attempt_free(attempt);
	ops.done(user, code, error);
}

void aic_attempt_finish(struct aic_attempt *attempt, CURLcode result)
{
	if (!attempt->code)
		explain(attempt, result);
	attempt->clean = result == CURLE_OK && !attempt->code;
	end_attempt(attempt);
}

static void on_close(struct aic_closer *closer)
{
	struct aic_attempt *attempt = (struct aic_attempt *)((char *)closer -
							     offsetof(struct aic_attempt,
								      closer));

	fail(attempt, AICHAT_ECLOSED, "the context is being closed");
	end_attempt(attempt);
}

void aic_attempt_cancel(struct aic_attempt *attempt)
{
	struct aic_engine *engine = attempt->engine;

	if (!engine->in_curl) {
		attempt_free(attempt);
		return;
	}
	aic_closer_remove(engine, &attempt->closer);
	attempt->cancelled = true;
	attempt->next_dead = engine->dead;
	engine->dead = attempt;
}

void aic_attempt_pause(struct aic_attempt *attempt, bool paused)
{
	struct aic_engine *engine = attempt->engine;

	attempt->paused = paused;
	/* Pausing waits for the next bytes: on_bytes() then says so. */
	if (paused || !attempt->stopped)
		return;
	attempt->stopped = false;
	aic_engine_enter_curl(engine);
	aic_curl.easy_pause(attempt->handle->easy, CURLPAUSE_CONT);
	aic_engine_leave_curl(engine);
}

/* --- the start --- */

static int add_header(struct aic_attempt *attempt, const char *line,
		      aichat_error **reterr)
{
	const char *colon = strchr(line, ':');

	if (!colon || colon == line)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a header is no `Name: value`");
	for (const char *at = line; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return aic_error_set(reterr, AICHAT_EINVAL,
					     "the header %.*s holds a control character, "
					     "perhaps a line end",
					     (int)AIC_MIN(colon - line, (ptrdiff_t)64),
					     line);
	struct curl_slist *more = aic_curl.slist_append(attempt->headers, line);
	if (!more)
		return aic_error_nomem(reterr);
	attempt->headers = more;
	return 0;
}

/* All of what differs: the handle may have had another attempt. */
static CURLcode set_request(struct aic_attempt *attempt,
			    const struct aic_attempt_config *config)
{
	CURL *easy = attempt->handle->easy;
	bool post = strcmp(config->method, "POST") == 0;
	bool get = strcmp(config->method, "GET") == 0;
	CURLcode result = CURLE_OK;

/* The first failure sticks; curl fails here only for want of memory. */
#define SET(option, value)                                                               \
	(result = result ? result : aic_curl.easy_setopt(easy, option, value))
	SET(CURLOPT_PRIVATE, attempt);
	SET(CURLOPT_ERRORBUFFER, attempt->curl_error);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)attempt->connect_timeout_ms);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, attempt);
	SET(CURLOPT_WRITEFUNCTION, on_bytes);
	SET(CURLOPT_WRITEDATA, attempt);
	SET(CURLOPT_HTTPHEADER, attempt->headers);
	SET(CURLOPT_HTTPGET, 1L);
	if (post) {
		SET(CURLOPT_POSTFIELDS, config->body.len ? config->body.data : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)config->body.len);
	}
	SET(CURLOPT_CUSTOMREQUEST, post || get ? NULL : config->method);
#undef SET
	return result;
}

int aic_attempt_start(struct aic_engine *engine, const struct aic_attempt_config *config,
		      const struct aic_attempt_ops *ops, void *user,
		      struct aic_attempt **ret_attempt, aichat_error **reterr)
{
	int result = aic_engine_use_curl(engine, reterr);
	if (result)
		return result;
	AIC_CLEANUP(attempt_freep)
	struct aic_attempt *attempt = aic_new(struct aic_attempt);
	if (!attempt)
		return aic_error_nomem(reterr);
	attempt->engine = engine;
	attempt->ops = *ops;
	attempt->user = user;
	attempt->connect_timeout_ms = config->connect_timeout_ms;
	attempt->bytes_left = config->max_bytes;
	aic_head_reset(&attempt->head);

	result = aic_handle_take(engine, config->url, &attempt->handle, reterr);
	for (size_t i = 0; !result && i < config->header_count; i++)
		result = add_header(attempt, config->headers[i], reterr);
	if (!result) /* curl would wait for a 100 before it sends a long body */
		result = add_header(attempt, "Expect:", reterr);
	if (result)
		return result;
	if (set_request(attempt, config))
		return aic_error_nomem(reterr);
	attempt->closer.close = on_close;
	aic_engine_enter_curl(engine);
	CURLMcode bad = aic_curl.multi_add_handle(engine->multi, attempt->handle->easy);
	aic_engine_leave_curl(engine);
	if (bad)
		return aic_error_nomem(reterr);
	aic_closer_add(engine, &attempt->closer);
	*ret_attempt = AIC_TAKE(attempt);
	return 0;
}
