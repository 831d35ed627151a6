/*
 * What a request's path asks for: /ELEMENT/.../MODE/.../v1/API-PATH. plan.c holds the
 * table of elements; README.md says what each does.
 */
#pragma once

#include "server.h"

enum mode {
	MODE_GEN, /* also when the path names none */
	MODE_ECHO,
	MODE_REC,
	MODE_FIX,
	MODE_FIXTURES,
};

/* Numbers are -1 and words NULL where the path does not name them. */
struct plan {
	enum mode mode;
	enum dialect dialect;
	char *rest;    /* from the mode's own argument or from "/v1" on */
	char *unknown; /* an element that is none of ours */

	/* delivery */
	long stall, cut, reset, chunk, whole, close, drop, delay, slow_headers;
	/* content */
	long crlf, cr, bad_utf8, huge_line, no_done, no_usage;
	/* another answer altogether */
	long ping_only, gzip_bomb, redirect, html, status, fail_first;
	char *quota, *retry_after, *retry_after_ms, *should_retry;
	/* generation */
	long n, rate, bytes, tools, rounds, thinking, error_after, json, request, lenient;
};

void plan_parse(struct plan *p, const struct request *r);
/* Applies fail-first: the faults of a plan are only for its first requests. */
void plan_age(struct plan *p, unsigned long long seen);
void plan_clear(struct plan *p);

/* app.c: the ways to answer. Bytes in body are taken over. */
void answer_bytes(struct conn *c, const struct plan *p, int status, struct buf *body,
		  bool sse);
void answer_json(struct conn *c, const struct plan *p, int status, struct buf *body);
void answer_source(struct conn *c, const struct plan *p, struct source *src);
/* type and code may be NULL for what the dialect uses with that status. */
void answer_error(struct conn *c, const struct plan *p, int status, const char *type,
		  const char *code, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));
void error_body(struct buf *b, enum dialect d, int status, const char *type,
		const char *code, const char *param, const char *message,
		unsigned long long serial);
int overloaded_status(enum dialect d);

/* misbehave.c */
bool mangles(const struct plan *p);
void mangle(const struct plan *p, bool sse, const struct buf *in, struct buf *out);
struct source *source_mangled(struct source *inner, const struct plan *p);
struct source *source_pings(const struct plan *p);
struct source *source_gzip_bomb(bool sse);

/* recordings.c: false when there is no such recording */
void recordings_dir(const char *dir);
bool recording_replay(struct conn *c, const struct plan *p);

/* fixtures.c */
void fixtures_dir(const char *dir);
bool fixture_replay(struct conn *c, const struct plan *p);
bool fixture_match(struct conn *c, const struct plan *p, struct json_object *body);

/* generate.c */
void generate(struct conn *c, const struct plan *p, struct json_object *req);
long prompt_tokens(enum dialect d, struct json_object *req);

/* check_chat.c, check_messages.c: false when the request was refused (and answered) */
bool check_chat(struct conn *c, const struct plan *p, struct json_object *req);
bool check_messages(struct conn *c, const struct plan *p, struct json_object *req,
		    bool counting);

/* catalog.c: models and embeddings */
void answer_models(struct conn *c, const struct plan *p, const char *id);
void answer_embeddings(struct conn *c, const struct plan *p, struct json_object *req);
