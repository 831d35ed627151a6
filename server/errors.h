#pragma once

/*
 * The daemon's errors: one table from a code to its status and to the words that each
 * surface has for it, and from the library's errors to those codes.
 */

#include <stdbool.h>

#include <aichat/aichat.h>

/*
 * Whose fault an error was, as log and metrics say it. The list is closed: caller_ is for
 * the client to mend, policy_ is a limit that the operator set, provider_ is upstream,
 * own_ is ours.
 */
#define ERROR_TYPES(X)                                                                   \
	X(caller_invalid)                                                                \
	X(caller_unauthenticated)                                                        \
	X(caller_forbidden)                                                              \
	X(caller_not_found)                                                              \
	X(caller_conflict)                                                               \
	X(caller_too_large)                                                              \
	X(caller_too_slow)                                                               \
	X(caller_gone)                                                                   \
	X(policy_limit)                                                                  \
	X(provider_auth)                                                                 \
	X(provider_unreachable)                                                          \
	X(provider_tls)                                                                  \
	X(provider_timeout)                                                              \
	X(provider_limit)                                                                \
	X(provider_rejected)                                                             \
	X(provider_error)                                                                \
	X(own_busy)                                                                      \
	X(own_draining)                                                                  \
	X(own_storage)                                                                   \
	X(own_internal)

struct error_kind {
	const char *code; /* "VALIDATION_FAILED" */
	int status;       /* what it usually comes with */
	const char *error_type;
	const char *openai_type, *openai_code; /* the code may be NULL */
	const char *anthropic_type;
	bool retry; /* whether the same request may succeed a little later */
};

/* The row of a code; an unknown one is INTERNAL. */
const struct error_kind *error_kind(const char *code);
/* The row of a library's error, and its status. */
const struct error_kind *error_kind_of(const aichat_error *error, int *ret_status);
/* The n-th error_type; NULL past the last. */
const char *error_type_at(int n);
