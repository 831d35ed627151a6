/* Generated replies in the form of the Anthropic Messages API. */
#include <string.h>

#include "generate.h"

enum block {
	NO_BLOCK,
	THINKING,
	TEXT,
	CALL,
};

static const char *stop_reason(const struct gen *g)
{
	return g->ncalls ? "tool_use" : g->truncated ? "max_tokens" : "end_turn";
}

static void usage(const struct gen *g, struct buf *out, long output)
{
	buf_printf(out,
		   "\"usage\":{\"input_tokens\":%ld,\"cache_creation_input_tokens\":0,"
		   "\"cache_read_input_tokens\":0,\"cache_creation\":"
		   "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
		   "\"output_tokens\":%ld,\"output_tokens_details\":{\"thinking_tokens\":"
		   "%ld},"
		   "\"service_tier\":\"standard\"}",
		   g->prompt, output, output < g->thinking ? output : g->thinking);
}

static void head(const struct gen *g, struct buf *out)
{
	buf_str(out, "{\"model\":\"");
	buf_json(out, g->model, strlen(g->model));
	buf_printf(out,
		   "\",\"id\":\"msg_fake%06llu\",\"type\":\"message\","
		   "\"role\":\"assistant\",\"content\":[",
		   g->serial);
}

static void start(struct gen *g, struct buf *out)
{
	buf_str(out,
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	head(g, out);
	buf_str(out,
		"],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,");
	usage(g, out, 1);
	buf_str(out, "}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
}

static void block_delta(struct gen *g, struct buf *out, const char *type,
			const char *name, const char *s, size_t n)
{
	buf_printf(out,
		   "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
		   "\"index\":%d,\"delta\":{\"type\":\"%s\",\"%s\":\"",
		   g->index, type, name);
	buf_json(out, s, n);
	buf_str(out, "\"}}\n\n");
}

static void close_block(struct gen *g, struct buf *out)
{
	if (g->open_block == NO_BLOCK)
		return;
	if (g->open_block == THINKING)
		block_delta(g, out, "signature_delta", "signature", g->signature,
			    strlen(g->signature));
	buf_printf(out,
		   "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
		   "\"index\":%d}\n\n",
		   g->index);
	g->index++;
	g->open_block = NO_BLOCK;
}

static void open_block(struct gen *g, struct buf *out, enum block kind, const char *json)
{
	if (g->open_block == (int)kind && kind != CALL)
		return;
	close_block(g, out);
	g->open_block = kind;
	buf_printf(out,
		   "event: content_block_start\ndata: {\"type\":\"content_block_start\","
		   "\"index\":%d,\"content_block\":%s}\n\n",
		   g->index, json);
}

static void reasoning(struct gen *g, struct buf *out, const char *s, size_t n)
{
	open_block(g, out, THINKING,
		   "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
	block_delta(g, out, "thinking_delta", "thinking", s, n);
}

static void text(struct gen *g, struct buf *out, const char *s, size_t n)
{
	open_block(g, out, TEXT, "{\"type\":\"text\",\"text\":\"\"}");
	block_delta(g, out, "text_delta", "text", s, n);
}

static void call_open(struct gen *g, struct buf *out, size_t i)
{
	struct buf json = { 0 };
	buf_printf(&json,
		   "{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":{}}",
		   g->calls[i].id, g->calls[i].name);
	open_block(g, out, CALL, json.p);
	block_delta(g, out, "input_json_delta", "partial_json", "", 0);
	buf_free(&json);
}

static void call_arguments(struct gen *g, struct buf *out, size_t i, const char *s,
			   size_t n)
{
	(void)i; /* blocks do not interleave: it is the open one */
	block_delta(g, out, "input_json_delta", "partial_json", s, n);
}

static void finish(struct gen *g, struct buf *out)
{
	close_block(g, out);
	buf_printf(
		out,
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
		"{\"stop_reason\":\"%s\",\"stop_sequence\":null,\"stop_details\":null},",
		stop_reason(g));
	usage(g, out, gen_output_tokens(g));
	buf_str(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static void error(struct gen *g, struct buf *out)
{
	buf_str(out, "event: error\ndata: ");
	error_body(out, MESSAGES, 529, NULL, NULL, NULL, "Overloaded", g->serial);
	buf_str(out, "\n\n");
}

static void whole(struct gen *g, struct buf *out)
{
	struct buf said = { 0 };
	const char *sep = "";
	head(g, out);
	if (g->thinking) {
		gen_reasoning(g, &said);
		buf_printf(out,
			   "{\"type\":\"thinking\",\"thinking\":\"%s\",\"signature\":\"%"
			   "s\"}",
			   said.p, g->signature);
		sep = ",";
	}
	if (g->texts) {
		buf_clear(&said);
		gen_text(g, &said);
		buf_printf(out, "%s{\"type\":\"text\",\"text\":\"", sep);
		buf_json(out, said.p, said.len);
		buf_str(out, "\"}");
		sep = ",";
	}
	for (size_t i = 0; i < g->ncalls; i++, sep = ",")
		buf_printf(out,
			   "%s{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\","
			   "\"input\":%s}",
			   sep, g->calls[i].id, g->calls[i].name, g->calls[i].arguments);
	buf_free(&said);
	buf_printf(out,
		   "],\"stop_reason\":\"%s\",\"stop_sequence\":null,"
		   "\"stop_details\":null,",
		   stop_reason(g));
	usage(g, out, gen_output_tokens(g));
	buf_str(out, "}");
}

const struct wire wire_messages = {
	.start = start,
	.reasoning = reasoning,
	.text = text,
	.call_open = call_open,
	.call_arguments = call_arguments,
	.finish = finish,
	.whole = whole,
	.error = error,
};
