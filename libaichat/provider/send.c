/*
 * The request: where it goes, its headers and its body.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "provider/call_internal.h"
#include "provider/state.h"

/* Only what may stand in a query as it is. */
static bool is_plain(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012"
				 "3456789-._~")] == '\0';
}

static int set_url(struct aic_call *call, aichat_error **reterr)
{
	const struct aic_provider *provider = call->target.provider;
	const char *base = provider->base_url;
	size_t base_len = strcspn(base, "?");

	aic_buf_reset(&call->url);
	aic_buf_append(&call->url, base, base_len);
	aic_buf_puts(&call->url,
		     call->raw.path ? call->raw.path : provider->dialect->path);
	aic_buf_puts(&call->url, base + base_len);
	if (provider->api_version && !call->profile.version) {
		if (!is_plain(provider->api_version))
			return aic_error_set(reterr, AICHAT_ECONFIG,
					     "provider.%s.api_version is no version",
					     provider->name);
		aic_buf_printf(&call->url, "%sapi-version=%s", base[base_len] ? "&" : "?",
			       provider->api_version);
	}
	return call->url.error ? aic_error_nomem(reterr) : 0;
}

static int encode_body(struct aic_call *call, aichat_error **reterr)
{
	struct aic_request *request = call->request;

	if (atomic_load_explicit(&call->target.provider->state->no_stream_usage,
				 memory_order_relaxed))
		call->profile.quirks |= AIC_QUIRK_NO_STREAM_USAGE;
	request->stream_usage = request->stream &&
				!(call->profile.quirks & AIC_QUIRK_NO_STREAM_USAGE);
	aic_buf_reset(&call->body);
	if (call->raw.body)
		call->raw.body(call->user, request->stream_usage, &call->body);
	int result = call->raw.body ? 0
				    : call->target.provider->dialect->encode_request(
					      request, &call->profile, &call->body, NULL,
					      reterr);
	if (result)
		return result;
	return call->body.error ? aic_error_code(reterr, call->body.error, "the request")
				: 0;
}

int aic_call_encode(struct aic_call *call, aichat_error **reterr)
{
	int result = set_url(call, reterr);

	return result ? result : encode_body(call, reterr);
}

/* --- headers --- */

void aic_call_forget_headers(struct aic_call *call)
{
	for (size_t i = 0; i < call->header_count; i++) {
		explicit_bzero(call->header_lines[i], strlen(call->header_lines[i]));
		aic_free(call->header_lines[i]);
	}
	call->header_count = 0;
}

static int add_header(struct aic_call *call, const char *name, const char *value)
{
	if (call->header_count == AIC_ARRAY_LEN(call->header_lines))
		return AICHAT_ELIMIT;
	size_t size = strlen(name) + strlen(value) + 1;
	char *line = aic_malloc(size);
	if (!line)
		return AICHAT_ENOMEM;
	memcpy(line, name, strlen(name));
	memcpy(line + strlen(name), value, strlen(value) + 1);
	call->header_lines[call->header_count++] = line;
	return 0;
}

static int add_key(struct aic_call *call)
{
	static const char *const names[] = {
		[AIC_AUTH_BEARER] = "Authorization: Bearer ",
		[AIC_AUTH_X_API_KEY] = "x-api-key: ",
		[AIC_AUTH_API_KEY] = "api-key: ",
	};
	const struct aic_provider *provider = call->target.provider;
	const char *key = aic_key_now(provider);

	if (!key || provider->auth == AIC_AUTH_NONE)
		return 0;
	return add_header(call, names[provider->auth], key);
}

static int set_headers(struct aic_call *call)
{
	const struct aic_provider *provider = call->target.provider;
	const char *version = call->raw.version ? call->raw.version
						: call->profile.version;
	int result;

	aic_call_forget_headers(call);
	result = add_header(call, "Content-Type: ", "application/json");
	if (!result)
		result = add_header(call, "Accept: ",
				    call->request->stream ? "text/event-stream"
							  : "application/json");
	if (!result && version)
		result = add_header(call, "anthropic-version: ", version);
	if (!result && call->raw.beta)
		result = add_header(call, "anthropic-beta: ", call->raw.beta);
	if (!result)
		result = add_key(call);
	for (size_t i = 0; !result && i < provider->header_count; i++)
		result = add_header(call, "", provider->headers[i]);
	return result;
}

void aic_call_send(struct aic_call *call)
{
	aichat_error *error = NULL;
	int result = set_headers(call);

	aic_call_forget_answer(call);
	if (result) {
		aic_error_code(&error, result, "the request's headers");
		aic_call_finish(call, result, error);
		return;
	}
	struct aic_attempt_config config = {
		.method = "POST",
		.url = call->url.data,
		.headers = (const char *const *)call->header_lines,
		.header_count = call->header_count,
		.body = aic_buf_str(&call->body),
		.connect_timeout_ms = call->limits.connect_timeout_ms,
		.max_bytes = call->limits.max_reply_bytes,
	};
	result = aic_attempt_start(call->engine, &config, &aic_call_attempt_ops, call,
				   &call->attempt, &error);
	/* The attempt has its own copy. */
	aic_call_forget_headers(call);
	if (!result) {
		call->state = AIC_CALL_SENT;
		call->asked = true;
		call->deadline_mono_ms = aic_clock_mono_ms() +
					 call->limits.first_event_timeout_ms;
		result = aic_timer_set(call->engine, &call->timer,
				       call->deadline_mono_ms);
		if (result)
			aic_error_nomem(&error);
	}
	if (result)
		aic_call_finish(call, result, aic_call_name_error(call, result, error));
	else if (call->paused)
		aic_attempt_pause(call->attempt, true);
}
