/* Generated replies in the form of Chat Completions (providers: OpenAI and its kin). */
#include <string.h>

#include "generate.h"

#define CREATED 1795132800 /* fixed, so that replies can be compared */

static const char *finish_reason(const struct gen *g)
{
	return g->ncalls ? "tool_calls" : g->truncated ? "length" : "stop";
}

static void usage(const struct gen *g, struct buf *out)
{
	long output = gen_output_tokens(g);
	buf_printf(
		out,
		"{\"prompt_tokens\":%ld,\"completion_tokens\":%ld,\"total_tokens\":%ld,"
		"\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
		"\"completion_tokens_details\":{\"reasoning_tokens\":%ld,"
		"\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
		"\"rejected_prediction_tokens\":0}}",
		g->prompt, output, g->prompt + output, g->thinking);
}

static void head(const struct gen *g, struct buf *out, const char *object)
{
	buf_printf(out,
		   "{\"id\":\"chatcmpl-fake%06llu\",\"object\":\"%s\",\"created\":%d,"
		   "\"model\":\"",
		   g->serial, object, CREATED);
	buf_json(out, g->model, strlen(g->model));
	buf_str(out, "\",");
}

/* Everything around a delta is the same in each chunk of a stream. */
static void chunk_open(struct gen *g, struct buf *out)
{
	buf_add(out, g->prefix.p, g->prefix.len);
	buf_str(out, "\"choices\":[{\"index\":0,\"delta\":{");
}

static void chunk_close(struct gen *g, struct buf *out, const char *reason)
{
	if (reason)
		buf_printf(out, "},\"logprobs\":null,\"finish_reason\":\"%s\"}]", reason);
	else
		buf_str(out, "},\"logprobs\":null,\"finish_reason\":null}]");
	buf_add(out, g->suffix.p, g->suffix.len);
}

static void start(struct gen *g, struct buf *out)
{
	buf_str(&g->prefix, "data: ");
	head(g, &g->prefix, "chat.completion.chunk");
	buf_str(&g->prefix,
		"\"service_tier\":\"default\",\"system_fingerprint\":\"fp_fake\",");
	buf_str(&g->suffix, g->include_usage ? ",\"usage\":null}\n\n" : "}\n\n");
	chunk_open(g, out);
	buf_printf(out, "\"role\":\"assistant\",\"content\":%s,\"refusal\":null",
		   g->ncalls ? "null" : "\"\"");
	chunk_close(g, out, NULL);
}

static void delta(struct gen *g, struct buf *out, const char *name, const char *s,
		  size_t n)
{
	chunk_open(g, out);
	buf_printf(out, "\"%s\":\"", name);
	buf_json(out, s, n);
	buf_str(out, "\"");
	chunk_close(g, out, NULL);
}

static void reasoning(struct gen *g, struct buf *out, const char *s, size_t n)
{
	delta(g, out, "reasoning_content", s, n);
}

static void text(struct gen *g, struct buf *out, const char *s, size_t n)
{
	delta(g, out, "content", s, n);
}

static void call_open(struct gen *g, struct buf *out, size_t i)
{
	chunk_open(g, out);
	buf_printf(out,
		   "\"tool_calls\":[{\"index\":%zu,\"id\":\"%s\",\"type\":\"function\","
		   "\"function\":{\"name\":\"%s\",\"arguments\":\"\"}}]",
		   i, g->calls[i].id, g->calls[i].name);
	chunk_close(g, out, NULL);
}

static void call_arguments(struct gen *g, struct buf *out, size_t i, const char *s,
			   size_t n)
{
	chunk_open(g, out);
	buf_printf(out, "\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":\"",
		   i);
	buf_json(out, s, n);
	buf_str(out, "\"}}]");
	chunk_close(g, out, NULL);
}

static void finish(struct gen *g, struct buf *out)
{
	chunk_open(g, out);
	chunk_close(g, out, finish_reason(g));
	if (g->include_usage) {
		buf_add(out, g->prefix.p, g->prefix.len);
		buf_str(out, "\"choices\":[],\"usage\":");
		usage(g, out);
		buf_str(out, "}\n\n");
	}
	buf_str(out, "data: [DONE]\n\n");
}

static void error(struct gen *g, struct buf *out)
{
	buf_str(out, "data: ");
	error_body(out, CHAT, 500, NULL, NULL, NULL,
		   "The server had an error while processing your request.", g->serial);
	buf_str(out, "\n\n");
}

static void whole(struct gen *g, struct buf *out)
{
	struct buf said = { 0 };
	head(g, out, "chat.completion");
	buf_str(out, "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
		     "\"content\":");
	gen_text(g, &said);
	if (g->ncalls) {
		buf_str(out, "null");
	} else {
		buf_str(out, "\"");
		buf_json(out, said.p, said.len);
		buf_str(out, "\"");
	}
	if (g->thinking) {
		buf_clear(&said);
		gen_reasoning(g, &said);
		buf_printf(out, ",\"reasoning_content\":\"%s\"", said.p);
	}
	buf_free(&said);
	for (size_t i = 0; i < g->ncalls; i++) {
		const struct call *c = &g->calls[i];
		buf_printf(
			out,
			"%s{\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":"
			"\"%s\",\"arguments\":\"",
			i ? "," : ",\"tool_calls\":[", c->id, c->name);
		buf_json(out, c->arguments, strlen(c->arguments));
		buf_str(out, "\"}}");
	}
	buf_printf(out,
		   "%s,\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
		   "\"finish_reason\":\"%s\"}],\"usage\":",
		   g->ncalls ? "]" : "", finish_reason(g));
	usage(g, out);
	buf_str(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_fake\"}");
}

const struct wire wire_chat = {
	.start = start,
	.reasoning = reasoning,
	.text = text,
	.call_open = call_open,
	.call_arguments = call_arguments,
	.finish = finish,
	.whole = whole,
	.error = error,
};
