/*
 * The table of errors.
 */

#include <string.h>

#include "errors.h"

#define INVALID "invalid_request_error"

static const struct error_kind kinds[] = {
	/* What the caller can mend. */
	{ "VALIDATION_FAILED", 422, "caller_invalid", INVALID, NULL, INVALID, false },
	{ "UNKNOWN_MODEL", 404, "caller_invalid", INVALID, "model_not_found",
	  "not_found_error", false },
	{ "CONTEXT_TOO_LONG", 400, "caller_invalid", INVALID, "context_length_exceeded",
	  INVALID, false },
	{ "UNAUTHENTICATED", 401, "caller_unauthenticated", INVALID, "invalid_api_key",
	  "authentication_error", false },
	{ "FORBIDDEN", 403, "caller_forbidden", INVALID, "insufficient_permissions",
	  "permission_error", false },
	{ "NOT_FOUND", 404, "caller_not_found", INVALID, "not_found", "not_found_error",
	  false },
	{ "METHOD_NOT_ALLOWED", 405, "caller_invalid", INVALID, "method_not_allowed",
	  INVALID, false },
	{ "REQUEST_TIMEOUT", 408, "caller_too_slow", INVALID, "request_timeout",
	  "timeout_error", false },
	{ "CONFLICT", 409, "caller_conflict", INVALID, "conflict", INVALID, false },
	{ "WRONG_STATE", 409, "caller_conflict", INVALID, "wrong_state", INVALID, false },
	{ "IDEMPOTENCY_CONFLICT", 409, "caller_conflict", INVALID, "idempotency_conflict",
	  INVALID, false },
	{ "STALE", 412, "caller_conflict", INVALID, "stale", INVALID, false },
	{ "TOO_LARGE", 413, "caller_too_large", INVALID, "too_large", "request_too_large",
	  false },
	{ "UNSUPPORTED_MEDIA_TYPE", 415, "caller_invalid", INVALID,
	  "unsupported_media_type", INVALID, false },
	{ "MISDIRECTED", 421, "caller_invalid", INVALID, "misdirected", INVALID, false },
	{ "CANCELED", 409, "caller_gone", INVALID, "canceled", INVALID, false },
	/* What the operator set. */
	{ "RATE_LIMITED", 429, "policy_limit", "rate_limit_error", "rate_limit_exceeded",
	  "rate_limit_error", true },
	{ "BUDGET_EXCEEDED", 429, "policy_limit", "insufficient_quota",
	  "insufficient_quota", "rate_limit_error", false },
	/* Upstream. The library has tried again already. */
	{ "PROVIDER_AUTH", 502, "provider_auth", "server_error", "provider_auth",
	  "api_error", false },
	{ "PROVIDER_QUOTA", 502, "provider_limit", "server_error", "provider_quota",
	  "api_error", false },
	{ "PROVIDER_UNREACHABLE", 502, "provider_unreachable", "server_error",
	  "provider_unreachable", "api_error", false },
	{ "PROVIDER_TLS", 502, "provider_tls", "server_error", "provider_tls",
	  "api_error", false },
	{ "PROVIDER_TIMEOUT", 504, "provider_timeout", "server_error", "provider_timeout",
	  "timeout_error", false },
	{ "PROVIDER_RATE_LIMITED", 429, "provider_limit", "rate_limit_error",
	  "provider_rate_limited", "rate_limit_error", true },
	{ "PROVIDER_OVERLOADED", 503, "provider_limit", "server_error",
	  "provider_overloaded", "overloaded_error", true },
	{ "PROVIDER_REJECTED", 400, "provider_rejected", INVALID, "provider_rejected",
	  INVALID, false },
	{ "CONTENT_FILTERED", 400, "provider_rejected", INVALID, "content_filter",
	  INVALID, false },
	{ "PROVIDER_ERROR", 502, "provider_error", "server_error", "provider_error",
	  "api_error", false },
	/* Ours. */
	{ "BUSY", 503, "own_busy", "server_error", "busy", "overloaded_error", true },
	{ "DRAINING", 503, "own_draining", "server_error", "draining", "overloaded_error",
	  true },
	{ "STORAGE_FULL", 507, "own_storage", "server_error", "storage_full", "api_error",
	  false },
	{ "STORAGE_READ_ONLY", 503, "own_storage", "server_error", "storage_read_only",
	  "api_error", false },
	{ "STORAGE", 500, "own_storage", "server_error", "storage", "api_error", false },
	{ "INTERNAL", 500, "own_internal", "server_error", "internal", "api_error",
	  false },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

const struct error_kind *error_kind(const char *code)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].code, code) == 0)
			return &kinds[i];
	return &kinds[KINDS - 1];
}

static const char *code_of(int code)
{
	switch (code) {
	case AICHAT_EINVAL:
	case AICHAT_EJSON:
	case AICHAT_EUTF8:
		return "VALIDATION_FAILED";
	case AICHAT_ENOTFOUND:
		return "NOT_FOUND";
	case AICHAT_EEXIST:
		return "CONFLICT";
	case AICHAT_ESTATE:
		return "WRONG_STATE";
	case AICHAT_ECONFLICT:
		return "IDEMPOTENCY_CONFLICT";
	case AICHAT_ESTALE:
		return "STALE";
	case AICHAT_ETOOLARGE:
		return "TOO_LARGE";
	case AICHAT_ELIMIT:
		return "RATE_LIMITED";
	case AICHAT_ECANCELED:
		return "CANCELED";
	case AICHAT_ECLOSED:
		return "DRAINING";
	case AICHAT_EMODEL:
		return "UNKNOWN_MODEL";
	case AICHAT_EKEY:
	case AICHAT_EAUTH:
		return "PROVIDER_AUTH";
	case AICHAT_ESTOREFULL:
		return "STORAGE_FULL";
	case AICHAT_ESTOREBUSY:
	case AICHAT_ENOMEM:
		return "BUSY";
	case AICHAT_ESTOREREADONLY:
		return "STORAGE_READ_ONLY";
	case AICHAT_ESTORE:
	case AICHAT_ESTORECORRUPT:
	case AICHAT_ESTORENEWER:
		return "STORAGE";
	case AICHAT_ENETWORK:
		return "PROVIDER_UNREACHABLE";
	case AICHAT_ETLS:
		return "PROVIDER_TLS";
	case AICHAT_ETIMEOUT:
		return "PROVIDER_TIMEOUT";
	case AICHAT_EPROTOCOL:
	case AICHAT_EINTERRUPTED:
	case AICHAT_EPROVIDER:
		return "PROVIDER_ERROR";
	case AICHAT_ERATELIMIT:
		return "PROVIDER_RATE_LIMITED";
	case AICHAT_EQUOTA:
		return "PROVIDER_QUOTA";
	case AICHAT_EREQUEST:
		return "PROVIDER_REJECTED";
	case AICHAT_ECONTEXT:
		return "CONTEXT_TOO_LONG";
	case AICHAT_EFILTER:
		return "CONTENT_FILTERED";
	case AICHAT_EOVERLOADED:
		return "PROVIDER_OVERLOADED";
	default:
		return "INTERNAL";
	}
}

const struct error_kind *error_kind_of(const aichat_error *error, int *ret_status)
{
	const struct error_kind *kind = error_kind(code_of(aichat_error_code(error)));

	int code = aichat_error_code(error);
	*ret_status = code == AICHAT_EJSON || code == AICHAT_EUTF8 ? 400 : kind->status;
	/* A provider that refuses what was asked says best in which way. */
	int upstream = aichat_error_http_status(error);
	if (strcmp(kind->code, "PROVIDER_REJECTED") == 0 && upstream >= 400 &&
	    upstream < 500 && upstream != 401 && upstream != 403)
		*ret_status = upstream;
	return kind;
}

const char *error_type_at(int n)
{
	static const char *const types[] = {
#define ERROR_TYPE_NAME(name) #name,
		ERROR_TYPES(ERROR_TYPE_NAME)
#undef ERROR_TYPE_NAME
	};

	return n >= 0 && (size_t)n < sizeof(types) / sizeof(*types) ? types[n] : NULL;
}
