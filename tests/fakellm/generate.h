/*
 * A reply being generated: what it will say was fixed when the request came; the
 * dialect's writer turns it into events or into one JSON document.
 */
#pragma once

#include "plan.h"

#define TOOL_TOKENS 10 /* what a tool call costs, however long */
#define MAX_CALLS 64

struct call {
	char *id, *name, *arguments;
};

struct gen {
	struct source s;
	const struct wire *wire;
	enum dialect dialect;
	char *model;
	unsigned long long serial;

	bool include_usage;
	long prompt, thinking, texts; /* tokens: read, reasoned, written as text */
	bool truncated;               /* stopped by the request's token limit */
	char *text;                   /* what is said; NULL = the formula's tokens */
	size_t text_len, text_at;
	long token_bytes; /* of a formula token, 0 = as long as it is */
	struct call *calls;
	size_t ncalls;
	char *signature;
	long error_after; /* tokens before an error event, -1 = none */
	int64_t start, step_ns;

	/* where the stream is */
	int stage;
	long done, spoken; /* tokens of this stage; of all stages */
	size_t call, arg_at;
	int open_block, index;     /* Messages: kind of the open block, its index */
	struct buf prefix, suffix; /* Chat: what every chunk begins and ends with */
};

struct wire {
	void (*start)(struct gen *g, struct buf *out);
	void (*reasoning)(struct gen *g, struct buf *out, const char *s, size_t n);
	void (*text)(struct gen *g, struct buf *out, const char *s, size_t n);
	void (*call_open)(struct gen *g, struct buf *out, size_t i);
	void (*call_arguments)(struct gen *g, struct buf *out, size_t i, const char *s,
			       size_t n);
	void (*finish)(struct gen *g, struct buf *out);
	void (*whole)(struct gen *g, struct buf *out);
	void (*error)(struct gen *g, struct buf *out);
};

extern const struct wire wire_chat, wire_messages;

long gen_output_tokens(const struct gen *g);
void gen_reasoning(const struct gen *g, struct buf *out); /* all of it */
void gen_text(struct gen *g, struct buf *out);            /* all of it */

/* The signature that belongs to reasoning text from this model. */
void reasoning_signature(struct buf *out, const char *model, const char *text);

/* request.c: what a request says, in either dialect */
struct json_object *request_messages(struct json_object *req);
void content_text(struct json_object *content, struct buf *out);
void last_user_text(struct json_object *req, struct buf *out);
bool ends_in_tool_result(enum dialect d, struct json_object *req);
long tool_rounds(enum dialect d, struct json_object *req); /* since the user spoke */
void make_calls(struct gen *g, struct json_object *req, long count);
/* The schema that the reply's text must fit, and whether there is one. */
bool reply_schema(enum dialect d, struct json_object *req, struct json_object **schema);
void schema_instance(struct json_object *schema, const char *name, long i,
		     struct buf *out);
