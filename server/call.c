/*
 * What handlers use to look at a request and to answer it.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "errors.h"
#include "server.h"

#define MISTAKES_MAX 50
#define JSON_TYPE "application/json"

struct call_mistake {
	char loc[200];
	char type[32];
	char message[240];
};

/* ---- what was asked ---- */

const char *call_text(const aichat_json *doc, const char *name, const char *otherwise)
{
	const char *text = aichat_json_string(doc, aichat_json_get(doc, 0, name), NULL);

	return text ? text : otherwise;
}

int64_t call_int(const aichat_json *doc, const char *name, int64_t otherwise)
{
	int64_t value;

	if (aichat_json_int(doc, aichat_json_get(doc, 0, name), &value) < 0)
		return otherwise;
	return value;
}

bool call_bool(const aichat_json *doc, const char *name, bool otherwise)
{
	return aichat_json_bool(doc, aichat_json_get(doc, 0, name), otherwise) != 0;
}

bool call_has(const aichat_json *doc, const char *name)
{
	return aichat_json_get(doc, 0, name) != AICHAT_JSON_NONE;
}

/* ---- answers ---- */

void call_answer_json(struct call *call, int status, const char *json, size_t len)
{
	http_answer(call->request, status, JSON_TYPE, json, len);
}

void call_answer(struct call *call, int status, aichat_json_writer *writer)
{
	const char *text = NULL;
	size_t len = 0;

	if (aichat_json_writer_finish(writer, &text, &len) < 0)
		call_refuse(call, 500, "INTERNAL", "the answer could not be written");
	else
		call_answer_json(call, status, text, len);
	aichat_json_writer_unref(writer);
}

void call_answer_empty(struct call *call, int status)
{
	http_answer(call->request, status, NULL, NULL, 0);
}

void call_set_version(struct call *call, int64_t version)
{
	char etag[32];

	snprintf(etag, sizeof(etag), "\"%" PRId64 "\"", version);
	http_set_header(call->request, "ETag", etag);
}

int call_if_match(struct call *call, int64_t *ret_version)
{
	const char *text = http_header(call->request, "If-Match");

	if (!text || strcmp(text, "*") == 0)
		return 0;
	size_t digits = *text == '"' ? strspn(text + 1, "0123456789") : 0;
	if (digits == 0 || digits > 18 || strcmp(text + 1 + digits, "\"") != 0) {
		call_refuse(call, 412, "STALE", "If-Match names no version of this");
		return -1;
	}
	*ret_version = strtoll(text + 1, NULL, 10);
	return 1;
}

/* ---- errors ---- */

struct problem { /* what an error body says */
	const struct error_kind *kind;
	const char *message;
	const aichat_error *cause; /* or NULL */
};

/* ["body","messages",3,"role"] */
static void write_loc(aichat_json_writer *w, const char *loc)
{
	aichat_json_writer_begin_array(w);
	while (*loc) {
		size_t len = strcspn(loc, ".");
		if (len && len < 10 && strspn(loc, "0123456789") == len)
			aichat_json_writer_int(w, strtoll(loc, NULL, 10));
		else
			aichat_json_writer_string(w, loc, (int64_t)len);
		loc += len + (loc[len] == '.');
	}
	aichat_json_writer_end_array(w);
}

static void write_member(aichat_json_writer *w, const char *key, const char *text)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_string(w, text, -1);
}

static void write_native(aichat_json_writer *w, const struct call *call,
			 const struct problem *problem)
{
	const char *provider_code = aichat_error_provider_code(problem->cause);
	const char *provider_id = aichat_error_request_id(problem->cause);

	write_member(w, "code", problem->kind->code);
	write_member(w, "message", problem->message);
	aichat_json_writer_key(w, "details", -1);
	aichat_json_writer_begin_object(w);
	write_member(w, "request_id", call->request_id);
	if (provider_code)
		write_member(w, "provider_code", provider_code);
	if (provider_id)
		write_member(w, "provider_request_id", provider_id);
	if (call->mistake_count) {
		aichat_json_writer_key(w, "errors", -1);
		aichat_json_writer_begin_array(w);
		for (size_t i = 0; i < call->mistake_count; i++) {
			aichat_json_writer_begin_object(w);
			aichat_json_writer_key(w, "loc", -1);
			write_loc(w, call->mistakes[i].loc);
			write_member(w, "type", call->mistakes[i].type);
			write_member(w, "msg", call->mistakes[i].message);
			aichat_json_writer_end_object(w);
		}
		aichat_json_writer_end_array(w);
	}
	aichat_json_writer_end_object(w);
}

static void write_openai(aichat_json_writer *w, const struct call *call,
			 const struct problem *problem)
{
	const char *param = call->mistake_count ? call->mistakes[0].loc : NULL;

	if (param && strncmp(param, "body.", 5) == 0)
		param += 5;
	write_member(w, "message", problem->message);
	write_member(w, "type", problem->kind->openai_type);
	write_member(w, "param", param);
	write_member(w, "code", problem->kind->openai_code);
}

static aichat_json_writer *write_error(const struct call *call,
				       const struct problem *problem)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	bool anthropic = call->surface == SURFACE_ANTHROPIC;

	aichat_json_writer_begin_object(w);
	if (anthropic)
		write_member(w, "type", "error");
	aichat_json_writer_key(w, "error", -1);
	aichat_json_writer_begin_object(w);
	if (anthropic) {
		write_member(w, "type", problem->kind->anthropic_type);
		write_member(w, "message", problem->message);
	} else if (call->surface == SURFACE_NATIVE) {
		write_native(w, call, problem);
	} else {
		write_openai(w, call, problem);
	}
	aichat_json_writer_end_object(w);
	if (anthropic)
		write_member(w, "request_id", call->request_id);
	aichat_json_writer_end_object(w);
	return w;
}

/* What the gateway's clients know under another number. */
static int surface_status(const struct call *call, const struct error_kind *kind,
			  int status)
{
	if (call->surface != SURFACE_NATIVE && status == 422)
		return 400;
	if (call->surface == SURFACE_ANTHROPIC && status == 503 &&
	    strcmp(kind->code, "PROVIDER_OVERLOADED") == 0)
		return 529;
	return status;
}

/* Official clients look at these before they try again. */
static void set_retry_headers(struct call *call, const struct problem *problem,
			      bool retry)
{
	int64_t after_ms = aichat_error_retry_after_ms(problem->cause);
	char text[32];

	if (call->surface != SURFACE_NATIVE)
		http_set_header(call->request, "x-should-retry",
				retry ? "true" : "false");
	if (!retry && after_ms < 0)
		return;
	/* limits.c knows better when a limit is free again, and has said so. */
	if (strcmp(problem->kind->code, "RATE_LIMITED") == 0 && after_ms < 0)
		return;
	if (after_ms < 0)
		after_ms = 1000;
	if (after_ms > 86400000)
		after_ms = 86400000;
	snprintf(text, sizeof(text), "%" PRId64, (after_ms + 999) / 1000);
	http_set_header(call->request, "Retry-After", text);
	if (call->surface == SURFACE_NATIVE)
		return;
	snprintf(text, sizeof(text), "%" PRId64, after_ms);
	http_set_header(call->request, "retry-after-ms", text);
}

static void answer_problem(struct call *call, int status, const struct problem *problem)
{
	const char *text = NULL;
	size_t len = 0;

	call->error_type = problem->kind->error_type;
	call->error_code = problem->kind->code;
	if (http_answered(call->request))
		return;
	status = surface_status(call, problem->kind, status);
	set_retry_headers(call, problem, problem->kind->retry);
	if (status == 401)
		http_set_header(call->request, "WWW-Authenticate", "Bearer");
	aichat_json_writer *w = write_error(call, problem);
	if (aichat_json_writer_finish(w, &text, &len) < 0) {
		text = "{\"error\":{\"code\":\"BUSY\",\"message\":\"out of memory\","
		       "\"details\":{}}}";
		len = strlen(text);
	}
	call_answer_json(call, status, text, len);
	aichat_json_writer_unref(w);
}

void call_refuse(struct call *call, int status, const char *code, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	const struct problem problem = { error_kind(code), message, NULL };
	answer_problem(call, status, &problem);
}

static struct problem problem_of(const aichat_error *error, int *ret_status)
{
	struct problem problem = { error_kind_of(error, ret_status),
				   aichat_error_message(error), error };

	/* What a broken invariant says is for the log. */
	if (strcmp(problem.kind->code, "INTERNAL") == 0)
		problem.message = "an internal error";
	return problem;
}

/*
 * A gateway's caller gets an exchange's error in the words that the library has for its
 * dialect, which are those of an error inside of a stream, too.
 */
static bool fail_in_dialect(struct call *call, const aichat_error *error,
			    const struct problem *problem)
{
	const char *dialect = call->surface == SURFACE_ANTHROPIC ? "anthropic-messages"
								 : "openai-chat";
	char *json = NULL;
	size_t len = 0;
	int status;

	if (call->surface == SURFACE_NATIVE ||
	    strcmp(problem->kind->code, "INTERNAL") == 0 ||
	    aichat_dialect_error(dialect, error, &status, &json, &len) < 0)
		return false;
	call->error_type = problem->kind->error_type;
	call->error_code = problem->kind->code;
	if (!http_answered(call->request)) {
		set_retry_headers(call, problem, aichat_dialect_should_retry(error));
		call_answer_json(call, status, json, len);
	}
	aichat_free(json);
	return true;
}

void call_fail(struct call *call, const aichat_error *error)
{
	int status;
	const struct problem problem = problem_of(error, &status);

	if (!fail_in_dialect(call, error, &problem))
		answer_problem(call, status, &problem);
}

char *call_error_json(const struct call *call, const aichat_error *error, size_t *ret_len)
{
	int status;
	const struct problem problem = problem_of(error, &status);
	aichat_json_writer *w = write_error(call, &problem);
	const char *text = NULL;
	char *copy = NULL;

	if (aichat_json_writer_finish(w, &text, ret_len) == 0)
		copy = strndup(text, *ret_len);
	aichat_json_writer_unref(w);
	return copy;
}

/* ---- mistakes ---- */

void call_mistake(struct call *call, const char *loc, const char *type,
		  const char *format, ...)
{
	va_list args;

	if (call->mistake_count == MISTAKES_MAX)
		return;
	if (!call->mistakes)
		call->mistakes = calloc(MISTAKES_MAX, sizeof(*call->mistakes));
	if (!call->mistakes)
		return;
	struct call_mistake *mistake = &call->mistakes[call->mistake_count++];
	snprintf(mistake->loc, sizeof(mistake->loc), "%s", loc);
	snprintf(mistake->type, sizeof(mistake->type), "%s", type);
	va_start(args, format);
	vsnprintf(mistake->message, sizeof(mistake->message), format, args);
	va_end(args);
}

bool call_refuse_mistakes(struct call *call)
{
	size_t count = call->mistake_count;

	if (count == 0)
		return false;
	if (count == 1 || call->surface != SURFACE_NATIVE)
		call_refuse(call, 422, "VALIDATION_FAILED", "%s: %s",
			    call->mistakes[0].loc, call->mistakes[0].message);
	else
		call_refuse(call, 422, "VALIDATION_FAILED", "%zu fields are invalid",
			    count);
	return true;
}
