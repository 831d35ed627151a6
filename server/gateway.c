/*
 * From a caller to a provider and back.
 *
 * The head of a stream goes out with the first content, so that a provider that fails
 * first is answered with its status. A model that thinks for long would have the
 * connection cut by proxies that close what is silent for a minute: so the head goes out
 * before that, with a comment, and a comment follows at every heartbeat; what fails then
 * fails in the stream.
 *
 * What was used is booked before the last bytes go out: whoever has seen an answer finds
 * it in the accounts.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "errors.h"
#include "gateway.h"
#include "limits.h"
#include "log.h"
#include "playback.h"
#include "server.h"
#include "storage.h"
#include "usage.h"

#define SILENCE_MS 30000 /* before the head of a stream goes out alone */
#define PROMPT_MS 250    /* an answer within this needs nobody to watch its caller */
#define PING ": ping\n\n"

struct run {
	struct call *call;
	aichat_exchange *exchange;
	struct reservation reservation;
	struct auth_watch rights;
	struct playback *playback; /* or NULL */
	bool revoked;              /* the caller's rights were, so it was cancelled */
	bool begun; /* the head is out, or would be if the caller were there */
	bool ended; /* all was passed on, if only what went wrong */
	bool booked;
	bool watched; /* that the caller leaves is told */
};

const char *gateway_dialect(const struct call *call)
{
	return call->surface == SURFACE_ANTHROPIC ? "anthropic-messages" : "openai-chat";
}

/* ---- what it used ---- */

/* Why it failed. What was cancelled was so because of the server, the rights, or else
 * because the caller had left. */
static const struct error_kind *reason_of(const struct run *run,
					  const aichat_error *error)
{
	int status;

	if (aichat_error_code(error) == AICHAT_ECANCELED) {
		if (run->revoked)
			return error_kind("UNAUTHENTICATED");
		if (atomic_load(&run->call->server->stopping))
			return error_kind("DRAINING");
	}
	return error_kind_of(error, &status);
}

static const char *outcome_of(const struct run *run, const aichat_error *error)
{
	if (aichat_exchange_result(run->exchange) == 0)
		return "complete";
	if (!error)
		return "provider_error";
	const struct error_kind *reason = reason_of(run, error);
	return strcmp(reason->code, "CANCELED") == 0 ? "client_closed"
						     : reason->error_type;
}

static void write_row(const struct run *run, const char *outcome)
{
	const struct call *call = run->call;
	struct usage usage = {
		.user = call->principal.user,
		.key = call->principal.key,
		.model = aichat_exchange_model(run->exchange),
		.outcome = outcome,
		.request_id = call->request_id,
		.cost_nano_usd = call->cost_nano_usd,
		.duration_ms = (clock_mono_us() - call->started_mono_us) / 1000,
	};

	for (int kind = AICHAT_USAGE_INPUT; kind < USAGE_FIGURES; kind++)
		usage.figures[kind] = aichat_exchange_usage(run->exchange, kind);
	usage_write(call->ai, &usage);
}

/* Once, when the exchange is over. error: what it failed with, or NULL. */
static void book(struct run *run, const aichat_error *error)
{
	struct call *call = run->call;
	int64_t used = 0;

	if (run->booked)
		return;
	run->booked = true;
	call->input_tokens = aichat_exchange_usage(run->exchange, AICHAT_USAGE_INPUT);
	call->output_tokens = aichat_exchange_usage(run->exchange, AICHAT_USAGE_OUTPUT);
	call->cost_nano_usd = aichat_exchange_cost_nano_usd(run->exchange);
	used += call->input_tokens > 0 ? call->input_tokens : 0;
	used += call->output_tokens > 0 ? call->output_tokens : 0;
	limits_settle(&run->reservation, used);
	write_row(run, outcome_of(run, error));
}

/* ---- to the caller ---- */

static void note_first_byte(struct call *call)
{
	if (!call->first_byte_mono_us)
		call->first_byte_mono_us = clock_mono_us();
}

static void set_answer_headers(struct run *run)
{
	const char *id = aichat_exchange_request_id(run->exchange);

	http_set_header(run->call->request, "x-aichat-model",
			aichat_exchange_model(run->exchange));
	if (id && strlen(id) <= 128)
		http_set_header(run->call->request, "x-provider-request-id", id);
}

static void begin_stream(struct run *run)
{
	if (run->begun)
		return;
	run->begun = true;
	set_answer_headers(run);
	http_set_header(run->call->request, "X-Accel-Buffering", "no");
	http_begin_stream(run->call->request, 200, "text/event-stream; charset=utf-8");
	aichat_exchange_set_begun(run->exchange);
	if (run->playback)
		playback_head(run->playback, true);
}

/* A caller that left and gave no key has cancelled the exchange; with a key it goes on
 * for the repeat. */
static void write_stream(struct run *run, const char *bytes, size_t len)
{
	begin_stream(run);
	note_first_byte(run->call);
	if (run->playback)
		playback_add(run->playback, bytes, len);
	if (http_write(run->call->request, bytes, len) < 0 && !run->playback)
		aichat_exchange_cancel(run->exchange);
}

static void write_document(struct run *run, const char *bytes, size_t len)
{
	run->begun = true;
	note_first_byte(run->call);
	set_answer_headers(run);
	if (run->playback) {
		playback_head(run->playback, false);
		playback_add(run->playback, bytes, len);
	}
	http_answer(run->call->request, 200, "application/json", bytes, len);
}

/* Nothing came for a while. */
static void wait_on(struct run *run, int64_t silent_ms)
{
	struct call *call = run->call;

	if (!aichat_exchange_is_stream(run->exchange) ||
	    (!run->begun && silent_ms < SILENCE_MS))
		return;
	begin_stream(run);
	if (http_write(call->request, PING, strlen(PING)) < 0 && !run->playback)
		aichat_exchange_cancel(run->exchange);
}

/* On the reaper's thread: the caller left, or the server stops. */
static void gone(void *user)
{
	struct run *run = user;

	if (atomic_load(&run->call->server->stopping) ||
	    (http_is_gone(run->call->request) && !run->playback))
		aichat_exchange_cancel(run->exchange);
}

/* ---- the exchange ---- */

static void fail(struct run *run, const aichat_error *error)
{
	const struct error_kind *reason = reason_of(run, error);

	book(run, error);
	if (run->begun) /* a stream is cut: without its end nobody takes it for whole */
		run->call->error_type = reason->error_type;
	else if (strcmp(reason->code, "DRAINING") == 0)
		call_refuse(run->call, 503, "DRAINING", "the server is shutting down");
	else if (strcmp(reason->code, "UNAUTHENTICATED") == 0)
		auth_refuse(run->call);
	else if (strcmp(reason->code, "CANCELED") == 0) /* nobody is there; for the log */
		call_refuse(run->call, 409, "CANCELED", "the caller has left");
	else
		call_fail(run->call, error);
}

/* What a caller of a stream that failed has seen as its last frame. */
static void note_failure(struct run *run)
{
	if (aichat_exchange_result(run->exchange) < 0 && !run->call->error_type)
		run->call->error_type = "provider_error";
}

/* It costs a little, which a prompt answer is spared. */
static void watch(struct run *run)
{
	run->watched = true;
	http_watch(run->call->request, gone, run);
}

static void pass_on(struct run *run)
{
	bool stream = aichat_exchange_is_stream(run->exchange);
	int64_t silent_ms = 0, wait_ms = PROMPT_MS;
	aichat_error *error = NULL;
	const char *bytes;
	size_t len;
	int rc;

	while ((rc = aichat_exchange_next(run->exchange, wait_ms, &bytes, &len,
					  &error)) != 0) {
		run->revoked = run->revoked || !auth_holds(run->call, &run->rights);
		if (run->revoked || atomic_load(&run->call->server->stopping))
			aichat_exchange_cancel(run->exchange);
		if (rc == AICHAT_EAGAIN) {
			error = aichat_error_unref(error);
			silent_ms += wait_ms;
			wait_ms = run->call->server->settings.heartbeat_ms;
			if (!run->watched)
				watch(run);
			else
				wait_on(run, silent_ms);
			continue;
		}
		if (rc < 0) {
			fail(run, error);
			aichat_error_unref(error);
			return;
		}
		silent_ms = 0;
		if (aichat_exchange_is_over(run->exchange))
			book(run, NULL);
		else if (!run->watched)
			watch(run);
		if (stream)
			write_stream(run, bytes, len);
		else
			write_document(run, bytes, len);
	}
	run->ended = true;
	book(run, NULL);
	note_failure(run);
	http_end_stream(run->call->request);
}

static enum playback_outcome how_it_ended(const struct run *run)
{
	if (!run->begun || !run->ended)
		return PLAYBACK_CUT;
	return aichat_exchange_result(run->exchange) == 0 ? PLAYBACK_WHOLE
							  : PLAYBACK_ERROR;
}

static void start(struct run *run)
{
	struct call *call = run->call;
	aichat_error *error = NULL;

	if (aichat_exchange_start(run->exchange, &error) < 0) {
		fail(run, error);
		aichat_error_unref(error);
	} else {
		pass_on(run);
	}
	if (run->watched)
		http_unwatch(call->request);
	if (run->playback)
		playback_end(run->playback, call, how_it_ended(run));
}

/* Closed list: nothing else of a caller's headers reaches a provider. */
static bool pass_headers(struct run *run, aichat_error **reterr)
{
	static const char *const names[] = { "anthropic-version", "anthropic-beta" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = http_header(run->call->request, names[i]);
		if (value && *value &&
		    aichat_exchange_set_header(run->exchange, names[i], value, reterr) <
			    0)
			return false;
	}
	return true;
}

static bool open_exchange(struct run *run, int kind)
{
	struct call *call = run->call;
	aichat_error *error = NULL;

	if (aichat_exchange_open(call->ai, kind, gateway_dialect(call), call->raw_body,
				 call->raw_body_len, &run->exchange, &error) == 0 &&
	    pass_headers(run, &error)) {
		snprintf(call->model, sizeof(call->model), "%s",
			 aichat_exchange_model(run->exchange));
		return true;
	}
	call_fail(call, error);
	aichat_error_unref(error);
	return false;
}

void gateway_run(struct call *call, int kind)
{
	struct run run = { .call = call };

	if (!call->raw_body_len) {
		call_refuse(call, 400, "VALIDATION_FAILED", "the request has no body");
		return;
	}
	if (open_exchange(&run, kind) && playback_begin(call, &run.playback)) {
		int64_t tokens = aichat_exchange_input_estimate(run.exchange) +
				 aichat_exchange_output_limit(run.exchange);
		/* What could not be written down is not used. */
		if (storage_takes(call) && limits_reserve(call, tokens, &run.reservation))
			start(&run);
		else if (run.playback)
			playback_end(run.playback, call, PLAYBACK_CUT);
	}
	aichat_exchange_free(run.exchange);
}
