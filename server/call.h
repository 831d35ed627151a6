#pragma once

/*
 * A call: one request being answered. The router makes it, checks who asks and what is
 * asked, and hands it to the route's handler, which answers exactly once.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aichat/aichat.h>

#include "http/http.h"
#include "route.h"

struct level;
struct server;

struct limit_values { /* 0 = none of its own */
	int64_t requests_per_minute, tokens_per_minute, concurrent_replies;
};

/* Who asks. Made anew for each call from the cache of auth.c. */
struct principal {
	char user[40];   /* the user's id; the owner of what they store is the same */
	char name[129];  /* the user's login name */
	char key[40];    /* the key's public id; "" for a login */
	char login[40];  /* the login's; "" for a key */
	unsigned role;   /* one of enum role */
	unsigned scopes; /* enum scope; of a login all that its role allows */
	struct limit_values user_limits, key_limits;
	int64_t key_expires_unix_ms; /* 0 = never */
	uint64_t changes;            /* of rights that this knows of: see auth_holds() */
};

struct call {
	struct server *server;
	struct http_request *request;
	const struct route *route;
	enum surface surface; /* the route's, or what SURFACE_BOTH came out as */
	struct principal principal;
	struct level *user_level; /* of limits.c: where it is counted; NULL = nowhere */
	aichat *ai; /* the store as the principal sees it; NULL on open routes */
	char request_id[72];
	char path_values[PATH_VALUES_MAX][128];
	aichat_json *query; /* an object of what the query held, checked; never NULL */
	aichat_json *body;  /* checked; NULL if the route takes none, or takes it raw */
	const char *raw_body;
	size_t raw_body_len;
	bool on_admin_port;
	struct call_mistake *mistakes;
	size_t mistake_count;

	/* For the log line and the metrics; handlers fill in what they know. */
	int64_t started_mono_us;
	int64_t first_byte_mono_us;
	char model[128];                     /* PROVIDER/MODEL */
	int64_t input_tokens, output_tokens; /* -1 = not known */
	int64_t cost_nano_usd;
	const char *error_type; /* of the closed list in errors.h; NULL = none */
	const char *error_code; /* of the table in errors.c; NULL = none */
};

/* ---- what was asked ---- */

/* A member of the body or query: text with its default, number with its default. */
const char *call_text(const aichat_json *doc, const char *name, const char *otherwise);
int64_t call_int(const aichat_json *doc, const char *name, int64_t otherwise);
bool call_bool(const aichat_json *doc, const char *name, bool otherwise);
bool call_has(const aichat_json *doc, const char *name);

/* ---- answers ---- */

/* 200, or another 2xx, with the writer's document; takes the writer. */
void call_answer(struct call *call, int status, aichat_json_writer *writer);
/* The same with JSON that is there already. */
void call_answer_json(struct call *call, int status, const char *json, size_t len);
void call_answer_empty(struct call *call, int status);
/* ETag: "VERSION". */
void call_set_version(struct call *call, int64_t version);
/* The version of If-Match: 1 and *ret_version; 0 = none came (or `*`); -1 = it is none of
 * ours and 412 was answered. */
int call_if_match(struct call *call, int64_t *ret_version);

/* An error in the surface's form, from a code of the daemon ("VALIDATION_FAILED"). */
void call_refuse(struct call *call, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* From the library's error, which says status and code; borrowed. */
void call_fail(struct call *call, const aichat_error *error);
/* The body of such an error, for a stream that has begun. Caller frees: free(). */
char *call_error_json(const struct call *call, const aichat_error *error,
		      size_t *ret_len);

/* A mistake in the request: gathered, then answered together with 422 and the place of
 * each. loc is written as "body.messages.3.role". */
void call_mistake(struct call *call, const char *loc, const char *type,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* True and answered if there was a mistake. */
bool call_refuse_mistakes(struct call *call);
