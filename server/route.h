#pragma once

/*
 * The route table: what the daemon offers, in one form. Router, validation, rights,
 * /openapi.json and the access tests are made from it. A resource is a file in routes/
 * that defines one `const struct route routes_NAME[]`, ended by an empty row, and a word
 * in the list of routes/meson.build.
 */

#include <stdbool.h>
#include <stdint.h>

struct call;

enum role { /* of a user; bits */
	ROLE_ADMIN = 1,
	ROLE_USER = 2,
	ROLE_VIEWER = 4,
	ROLE_ANY = ROLE_ADMIN | ROLE_USER | ROLE_VIEWER,
};

enum scope { /* of a key; bits. A login has all that its role allows. */
	SCOPE_READ = 1,
	SCOPE_CHAT = 2,
	SCOPE_GATEWAY = 4,
	SCOPE_ADMIN = 8,
};

/* Which form errors and limits take. */
enum surface {
	SURFACE_NATIVE, /* {"error":{"code","message","details"}} */
	SURFACE_OPENAI,
	SURFACE_ANTHROPIC,
	SURFACE_BOTH, /* by the caller: Anthropic if it sends anthropic-version */
};

enum field_type {
	FIELD_END,
	FIELD_STRING, /* minimum and maximum: bytes */
	FIELD_ID,     /* of a stored thing */
	FIELD_INT,    /* minimum and maximum: the value */
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_TIME,    /* RFC 3339 */
	FIELD_OBJECT,  /* `fields`, or any object without them */
	FIELD_STRINGS, /* an array; minimum and maximum: items */
	FIELD_OBJECTS, /* an array of `fields` */
	FIELD_ANY,
};

/* A member of a body, or a parameter of the query (scalars only). */
struct field {
	const char *name;
	enum field_type type;
	bool required;
	bool nullable;
	int64_t minimum, maximum;
	const char *const *choices; /* NULL-ended; or NULL */
	const struct field *fields;
	const char *help; /* one line; every field has it */
};

/* What an id in the path names: the access tests need to make one of each. */
enum object {
	OBJECT_NONE,
	OBJECT_CONVERSATION,
	OBJECT_MESSAGE,
	OBJECT_REPLY,
	OBJECT_KEY,
	OBJECT_USER,
};

struct path_value { /* of a {name} in the path, in its order */
	const char *name;
	enum object object;
	const char *help;
};

struct answer {
	int status;
	const char *schema; /* a name in openapi.c's schemas; NULL = no body */
	const char *help;
};

#define PATH_VALUES_MAX 2
#define ANSWERS_MAX 4

enum route_flag {
	ROUTE_OPEN = 1,     /* no principal is asked for */
	ROUTE_STREAM = 2,   /* may hold its worker for long: counts against streams */
	ROUTE_RAW_BODY = 4, /* the handler reads the body itself, as it came */
	ROUTE_MODEL =
		8, /* may cost tokens: counts against tokens and concurrent replies */
	ROUTE_IDEMPOTENT = 16, /* takes an Idempotency-Key */
	ROUTE_ADMIN_PORT = 32, /* served on the health and metrics port as well */
};

struct route {
	const char *method;
	const char *path; /* "/api/v1/conversations/{id}" */
	const char *name; /* operationId; also in log and metrics: "conversations.get" */
	const char *summary; /* one line */
	const char *about;   /* further lines, or NULL */
	enum surface surface;
	unsigned roles;  /* who may; 0 only with ROUTE_OPEN */
	unsigned scopes; /* a key needs one of them */
	unsigned flags;
	struct path_value path_values[PATH_VALUES_MAX];
	const struct field *query;
	const struct field *body; /* NULL = takes none */
	struct answer
		answers[ANSWERS_MAX]; /* on success; the errors are the same for all */
	void (*handle)(struct call *call);
};

/* The n-th route of all; NULL past the last. */
const struct route *route_at(int n);
/* The route that a path and method mean. NULL with *ret_status 404, or 405 (*ret_allow:
 * the methods that there are). Values of the path are copied into `values`. */
const struct route *route_find(const char *method, const char *path,
			       char values[PATH_VALUES_MAX][128], int *ret_status,
			       char ret_allow[64]);
