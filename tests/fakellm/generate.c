/*
 * Replies made up from the request and the path. Everything is computable by a test:
 *
 *   text token i       "tokI " (I decimal, from 0); with bytes/K: "tokI" padded with
 *                      x or cut to K-1 bytes, then a space
 *   reasoning token i  "thI "
 *   prompt tokens      bytes of all text in the request / 4, rounded up, at least 1
 *   output tokens      reasoning + text tokens + 10 for each tool call
 *
 * The request's own token limit is kept: past it the reply stops for length.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"

#define PIECE 8     /* bytes of an echoed token, about */
#define ARG_PIECE 7 /* bytes of a fragment of arguments */

enum stage {
	ST_START,
	ST_REASONING,
	ST_TEXT,
	ST_CALLS,
	ST_FINISH,
	ST_OVER,
};

static size_t formula_token(const struct gen *g, long i, char *out, size_t room)
{
	int n = snprintf(out, room, "tok%ld ", i);
	if (!g->token_bytes)
		return (size_t)n;
	size_t size = (size_t)g->token_bytes;
	if (size > (size_t)n)
		memset(out + n - 1, 'x', size - (size_t)n);
	out[size - 1] = ' ';
	return size;
}

/* An echoed token: some bytes, never ending inside a character. */
static size_t echo_token(const struct gen *g, size_t at)
{
	size_t n = g->text_len - at < PIECE ? g->text_len - at : PIECE;
	while (at + n < g->text_len && ((unsigned char)g->text[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

static long echo_tokens(const struct gen *g)
{
	long tokens = 0;
	for (size_t at = 0; at < g->text_len; at += echo_token(g, at))
		tokens++;
	return tokens;
}

long gen_output_tokens(const struct gen *g)
{
	return g->thinking + g->texts + (long)g->ncalls * TOOL_TOKENS;
}

void gen_reasoning(const struct gen *g, struct buf *out)
{
	for (long i = 0; i < g->thinking; i++)
		buf_printf(out, "th%ld ", i);
	buf_add(out, "", 0);
}

static void one_text(struct gen *g, struct buf *out, long i)
{
	if (g->text) {
		size_t n = echo_token(g, g->text_at);
		buf_add(out, g->text + g->text_at, n);
		g->text_at += n;
		return;
	}
	size_t room = (size_t)g->token_bytes + 32;
	char *token = xalloc(room);
	buf_add(out, token, formula_token(g, i, token, room));
	free(token);
}

void gen_text(struct gen *g, struct buf *out)
{
	buf_add(out, "", 0);
	for (long i = 0; i < g->texts; i++)
		one_text(g, out, i);
}

void reasoning_signature(struct buf *out, const char *model, const char *text)
{
	uint64_t h = fnv1a(FNV_SEED, model, strlen(model) + 1);
	buf_printf(out, "fakeSig+%016llx/==",
		   (unsigned long long)fnv1a(h, text, strlen(text)));
}

static void pace(struct gen *g)
{
	g->spoken++;
	if (g->step_ns)
		g->s.due = g->start + g->spoken * g->step_ns;
}

static void next_stage(struct gen *g)
{
	g->stage++;
	g->done = 0;
}

static void say_reasoning(struct gen *g, struct buf *out)
{
	char token[32];
	int n = snprintf(token, sizeof(token), "th%ld ", g->done++);
	g->wire->reasoning(g, out, token, (size_t)n);
	pace(g);
}

static void say_text(struct gen *g, struct buf *out)
{
	struct buf token = { 0 };
	one_text(g, &token, g->done++);
	g->wire->text(g, out, token.p, token.len);
	buf_free(&token);
	pace(g);
}

/* The head of a call, then its arguments in fragments. */
static void say_call(struct gen *g, struct buf *out)
{
	const struct call *c = &g->calls[g->call];
	size_t len = strlen(c->arguments);
	if (!g->done) {
		g->wire->call_open(g, out, g->call);
		g->done = 1;
		g->arg_at = 0;
	} else {
		size_t n = len - g->arg_at < ARG_PIECE ? len - g->arg_at : ARG_PIECE;
		g->wire->call_arguments(g, out, g->call, c->arguments + g->arg_at, n);
		g->arg_at += n;
		if (g->arg_at == len) {
			g->call++;
			g->done = 0;
		}
	}
	pace(g);
}

static bool gen_next(struct source *s, struct buf *out)
{
	struct gen *g = (struct gen *)s;
	if (g->error_after >= 0 && g->stage > ST_START && g->stage < ST_OVER &&
	    g->spoken >= g->error_after) {
		g->wire->error(g, out);
		g->stage = ST_OVER;
		return true;
	}
	for (;; next_stage(g)) {
		switch ((enum stage)g->stage) {
		case ST_START:
			g->start = now_ns();
			g->wire->start(g, out);
			next_stage(g);
			return true;
		case ST_REASONING:
			if (g->done == g->thinking)
				break;
			say_reasoning(g, out);
			return true;
		case ST_TEXT:
			if (g->done == g->texts)
				break;
			say_text(g, out);
			return true;
		case ST_CALLS:
			if (g->call == g->ncalls)
				break;
			say_call(g, out);
			return true;
		case ST_FINISH:
			g->wire->finish(g, out);
			next_stage(g);
			return true;
		case ST_OVER:
			return false;
		}
	}
}

static void gen_free(struct source *s)
{
	struct gen *g = (struct gen *)s;
	for (size_t i = 0; i < g->ncalls; i++) {
		free(g->calls[i].id);
		free(g->calls[i].name);
		free(g->calls[i].arguments);
	}
	free(g->calls);
	free(g->model);
	free(g->text);
	free(g->signature);
	buf_free(&g->prefix);
	buf_free(&g->suffix);
	free(g);
}

static void set_text(struct gen *g, struct buf *text)
{
	buf_add(text, "", 0);
	g->text = text->p;
	g->text_len = text->len;
	g->texts = echo_tokens(g);
}

static void choose_text(struct gen *g, const struct plan *p, struct json_object *req)
{
	struct json_object *schema = NULL;
	struct buf text = { 0 };
	if (p->mode == MODE_ECHO) {
		if (p->request >= 0)
			json_canonical(&text, req);
		else
			last_user_text(req, &text);
		set_text(g, &text);
	} else if (reply_schema(g->dialect, req, &schema)) {
		if (schema)
			schema_instance(schema, "value", 0, &text);
		else
			buf_str(&text, "{\"value\":0}");
		set_text(g, &text);
	} else {
		g->texts = p->n >= 0 ? p->n : 20;
		g->token_bytes = p->bytes > 0 ? p->bytes : 0;
	}
}

/* The request's limit counts reasoning first, then text. */
static void obey_limit(struct gen *g, struct json_object *req)
{
	struct json_object *max = json_member(req, "max_completion_tokens");
	if (!max)
		max = json_member(req, "max_tokens");
	long left = max ? (long)json_object_get_int64(max) : LONG_MAX;
	if (g->ncalls)
		return;
	g->truncated = g->thinking + g->texts > left;
	if (g->thinking > left)
		g->thinking = left;
	if (g->texts > left - g->thinking)
		g->texts = left - g->thinking;
}

static void sign(struct gen *g)
{
	struct buf text = { 0 }, signature = { 0 };
	gen_reasoning(g, &text);
	reasoning_signature(&signature, g->model, text.p);
	g->signature = signature.p;
	buf_free(&text);
}

void generate(struct conn *c, const struct plan *p, struct json_object *req)
{
	struct gen *g = xalloc(sizeof(*g));
	const char *model = json_text(req, "model");
	bool stream = json_object_get_boolean(json_member(req, "stream")) && p->json < 0;
	g->s.next = gen_next;
	g->s.free = gen_free;
	g->wire = p->dialect == MESSAGES ? &wire_messages : &wire_chat;
	g->dialect = p->dialect;
	g->model = xstrdup(model ? model : "fake-model");
	g->serial = c->req.serial;
	g->include_usage = json_object_get_boolean(
		json_member(json_member(req, "stream_options"), "include_usage"));
	g->prompt = prompt_tokens(p->dialect, req);
	g->thinking = p->thinking > 0 ? p->thinking : 0;
	g->error_after = p->error_after;
	g->step_ns = p->rate > 0 ? 1000000000 / p->rate : 0;
	if (tool_rounds(p->dialect, req) < (p->rounds > 0 ? p->rounds : 1) &&
	    (p->rounds > 0 || !ends_in_tool_result(p->dialect, req)))
		make_calls(g, req, p->tools);
	if (!g->ncalls)
		choose_text(g, p, req);
	obey_limit(g, req);
	sign(g);
	if (stream) {
		answer_source(c, p, &g->s);
		return;
	}
	struct buf body = { 0 };
	if (g->error_after >= 0) {
		answer_error(c, p, overloaded_status(p->dialect), NULL, NULL, NULL,
			     "Overloaded");
	} else {
		g->wire->whole(g, &body);
		answer_json(c, p, 200, &body);
		/* The answer is ready when its last token would have been. */
		c->reply.delay_ns += g->step_ns * gen_output_tokens(g);
	}
	gen_free(&g->s);
}
