/*
 * What went wrong, in one line: who, the HTTP status, the provider's own words, and what
 * to do. A key that a provider repeats in its words is taken out.
 */

#include <strings.h>

#include <aichat/error.h>
#include <aichat/log.h>

#include "base/mem.h"
#include "provider/call_internal.h"

/* The text with the key cut out; owned. NULL for out of memory. */
static char *without_key(const struct aic_call *call, const char *text)
{
	const char *key = aic_key_now(call->target.provider);
	struct aic_buf clean = aic_buf(0);
	const char *found;

	/* A key so short would be a placeholder, and a part of ordinary words. */
	if (!key || strlen(key) < 8)
		return aic_strdup(text);
	while ((found = strstr(text, key))) {
		aic_buf_append(&clean, text, (size_t)(found - text));
		aic_buf_puts(&clean, "***");
		text = found + strlen(key);
	}
	aic_buf_puts(&clean, text);
	char *taken = aic_buf_take(&clean, NULL);
	aic_buf_done(&clean);
	return taken;
}

static aichat_error *make(const struct aic_call *call, int code,
			  const struct aic_error_detail *detail, const char *text)
{
	const char *provider = call->target.provider->name;
	char *clean = without_key(call, text);
	aichat_error *error = NULL;

	if (!clean)
		aic_error_nomem(&error);
	else if (detail->http_status >= 400)
		aic_error_set_detail(&error, code, detail, "%s: %d: %s", provider,
				     detail->http_status, clean);
	else
		aic_error_set_detail(&error, code, detail, "%s: %s", provider, clean);
	aic_free(clean);
	return error;
}

/* Whether the text has a URL of where the call went. */
static bool tells_address(const struct aic_call *call, const char *text)
{
	const char *url = call->url.len ? strstr(aic_buf_str(&call->url).data, "://")
					: NULL;

	if (!url)
		return false;
	url += 3;
	const char *user = memchr(url, '@', strcspn(url, "/?"));
	const char *host = user ? user + 1 : url;
	size_t len = strcspn(host, ":/?");
	while ((text = strstr(text, "://"))) {
		text += 3;
		if (strncasecmp(text, host, len) == 0)
			return true;
	}
	return false;
}

/* What failed on the way is told with the address. */
static const char *for_caller(const struct aic_call *call, int code, const char *text)
{
	if (!call->ops.discreet || !tells_address(call, text))
		return text;
	aic_log(aic_engine_log(call->engine), AICHAT_LOG_WARNING, "%s: %s",
		call->target.provider->name, text);
	return aichat_error_text(code);
}

aichat_error *aic_call_name_error(const struct aic_call *call, int code,
				  aichat_error *error)
{
	struct aic_error_detail detail = {
		.http_status = aichat_error_http_status(error),
		.provider_code = aichat_error_provider_code(error),
		.request_id = aichat_error_request_id(error),
		.retry_after_ms = aichat_error_retry_after_ms(error),
	};

	if (code == AICHAT_ENOMEM || aichat_error_code(error) == AICHAT_ENOMEM) {
		aichat_error_unref(error);
		error = NULL;
		aic_error_nomem(&error);
		return error;
	}
	if (!detail.request_id)
		detail.request_id = call->request_id;
	aichat_error *named = make(
		call, code, &detail,
		error ? for_caller(call, code, aichat_error_message(error))
		      : aichat_error_text(code));
	aichat_error_unref(error);
	return named;
}

/* What the user can do about it; appended to the provider's words. */
static void advise(const struct aic_call *call, int code, struct aic_buf *line)
{
	const struct aic_provider *provider = call->target.provider;

	if (code == AICHAT_EAUTH && call->status == 401) {
		if (provider->key_command)
			aic_buf_printf(line, " (the key is from provider.%s.key_command)",
				       provider->name);
		else if (provider->key_variable)
			aic_buf_printf(line, " (set %s or provider.%s.api_key)",
				       provider->key_variable, provider->name);
		else
			aic_buf_printf(line, " (set provider.%s.api_key)",
				       provider->name);
	} else if (call->status == 404 || call->status == 405) {
		const char *url = aic_buf_str(&call->url).data;
		int len = (int)strcspn(url, "?");
		if (call->ops.discreet)
			aic_log(aic_engine_log(call->engine), AICHAT_LOG_WARNING,
				"%s: %d for %s at %.*s", provider->name, call->status,
				call->target.model, len, url);
		else
			aic_buf_printf(line, " (asked for %s at %.*s)",
				       call->target.model, len, url);
	}
}

aichat_error *aic_call_refusal(const struct aic_call *call, bool *ret_never_retry)
{
	struct aic_failure failure = { 0 };
	struct aic_buf line = aic_buf(0);
	aichat_error *error = NULL;

	call->target.provider->dialect->decode_error(call->status,
						     aic_buf_str(&call->bytes), &failure);
	struct aic_error_detail detail = {
		.http_status = call->status,
		.provider_code = failure.provider_code,
		.request_id = call->request_id,
		.retry_after_ms = call->retry_after_ms,
	};
	aic_buf_puts(&line, failure.message && *failure.message
				    ? failure.message
				    : aichat_error_text(failure.code));
	advise(call, failure.code, &line);
	if (line.error)
		aic_error_nomem(&error);
	else
		error = make(call, failure.code, &detail, line.data);
	/* Credit that comes back in a while is a limit of speed. */
	*ret_never_retry = failure.never_retry &&
			   !(call->status == 402 && call->retry_after_ms >= 0);
	aic_buf_done(&line);
	aic_failure_done(&failure);
	return error;
}

aichat_error *aic_call_timeout(const struct aic_call *call)
{
	aichat_error *error = NULL;
	struct aic_error_detail detail = {
		.request_id = call->request_id,
		.retry_after_ms = -1,
	};
	const char *what = call->progressed ? "silence within the reply"
					    : "no sign of a reply";
	const char *option = call->progressed ? "event_timeout_ms"
					      : "first_event_timeout_ms";
	int64_t limit = call->progressed ? call->limits.event_timeout_ms
					 : call->limits.first_event_timeout_ms;

	aic_error_set_detail(&error, AICHAT_ETIMEOUT, &detail, "%s: %s for %lld ms (%s)",
			     call->target.provider->name, what, (long long)limit, option);
	return error;
}
