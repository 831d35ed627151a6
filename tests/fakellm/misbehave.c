/*
 * Faults in the bytes of a body: line ends, bad UTF-8, missing ends and figures, lines
 * without end, pings without end, a gzip bomb. Faults of delivery are in deliver.c.
 */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define PING_EVERY_NS 50000000
#define PART 65536u
#define BOMB_BYTES (10ull << 30)

bool mangles(const struct plan *p)
{
	return p->crlf >= 0 || p->cr >= 0 || p->bad_utf8 >= 0 || p->no_done >= 0 ||
	       p->no_usage >= 0;
}

/* The end of the line at `at`: its text ends at *text, the next line is returned. */
static size_t line_end(const char *s, size_t len, size_t at, size_t *text)
{
	while (at < len && s[at] != '\n' && s[at] != '\r')
		at++;
	*text = at;
	if (at < len && s[at] == '\r' && at + 1 < len && s[at + 1] == '\n')
		return at + 2;
	return at < len ? at + 1 : at;
}

/* Puts FF at the head of every text that a reader would show. */
static void spoil_text(const char *s, size_t len, struct buf *out)
{
	static const char *const names[] = {
		"\"content\"", "\"text\"", "\"thinking\"", "\"delta\"", "\"message\"",
	};
	size_t from = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] != '"')
			continue;
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
			size_t n = strlen(names[k]);
			if (len - i < n || memcmp(s + i, names[k], n))
				continue;
			size_t at = i + n;
			while (at < len && (s[at] == ' ' || s[at] == ':'))
				at++;
			if (at + 1 < len && at > i + n && s[at] == '"' &&
			    s[at + 1] != '"') {
				buf_add(out, s + from, at + 1 - from);
				buf_str(out, "\xff");
				from = at + 1;
			}
			break;
		}
	}
	buf_add(out, s + from, len - from);
}

/* Takes the usage out of a JSON value; false when nothing is left worth sending. */
static bool drop_usage(const char *s, size_t len, struct buf *out)
{
	struct json_object *v = json_parse(s, len);
	if (!json_object_is_type(v, json_type_object)) {
		buf_add(out, s, len);
		json_object_put(v);
		return true;
	}
	struct json_object *choices = json_member(v, "choices");
	bool keep = !json_member(v, "usage") ||
		    !json_object_is_type(choices, json_type_array) ||
		    json_object_array_length(choices) > 0;
	json_object_object_del(v, "usage");
	if (json_member(v, "message"))
		json_object_object_del(json_member(v, "message"), "usage");
	buf_str(out, json_object_to_json_string_ext(
			     v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(v);
	return keep;
}

static bool is_terminal(const char *name, const char *line, size_t len)
{
	size_t n = strlen(name);
	return len >= n && !memcmp(line, name, n);
}

/* One event, its lines and the empty one after them. */
static void mangle_event(const struct plan *p, const char *s, size_t len, struct buf *out)
{
	struct buf made = { 0 };
	bool keep = true;
	for (size_t at = 0, text; at < len && keep;) {
		size_t next = line_end(s, len, at, &text), n = text - at;
		const char *line = s + at;
		if (p->no_done >= 0)
			keep = !is_terminal("data: [DONE]", line, n) &&
			       !is_terminal("event: message_stop", line, n) &&
			       !is_terminal("event: response.completed", line, n);
		struct buf data = { 0 };
		size_t skip = n > 6 && !memcmp(line, "data: ", 6) ? 6 : 0;
		if (p->no_usage >= 0 && skip)
			keep &= drop_usage(line + skip, n - skip, &data);
		else
			buf_add(&data, line + skip, n - skip);
		buf_add(&made, line, skip);
		if (p->bad_utf8 >= 0)
			spoil_text(data.p, data.len, &made);
		else
			buf_add(&made, data.p, data.len);
		if (p->crlf >= 0)
			buf_str(&made, text < next ? "\r\n" : "");
		else if (p->cr >= 0)
			buf_str(&made, text < next ? "\r" : "");
		else
			buf_add(&made, s + text, next - text);
		buf_free(&data);
		at = next;
	}
	if (keep)
		buf_add(out, made.p, made.len);
	buf_free(&made);
}

void mangle(const struct plan *p, bool sse, const struct buf *in, struct buf *out)
{
	if (!sse) {
		struct buf data = { 0 };
		if (p->no_usage >= 0)
			drop_usage(in->p, in->len, &data);
		else
			buf_add(&data, in->p, in->len);
		if (p->bad_utf8 >= 0)
			spoil_text(data.p, data.len, out);
		else
			buf_add(out, data.p, data.len);
		buf_free(&data);
		return;
	}
	for (size_t from = 0, at = 0, text; at < in->len;) {
		size_t start = at;
		at = line_end(in->p, in->len, at, &text);
		if (text == start || at == in->len) {
			mangle_event(p, in->p + from, at - from, out);
			from = at;
		}
	}
}

struct mangled {
	struct source s, *inner;
	struct plan p;          /* its numbers; the words are not ours */
	unsigned long long pad; /* bytes of the huge line still to come */
	int stage;              /* of the huge line: 0 before, 1 within, 2 past it */
};

static const char *line_breaks(const struct plan *p)
{
	return p->crlf >= 0 ? "\r\n\r\n" : p->cr >= 0 ? "\r\r" : "\n\n";
}

/* A line that every reader must skip, or refuse for its size. */
static void huge_line(struct mangled *m, struct buf *out)
{
	const char *open = m->p.dialect == MESSAGES
				   ? "data: {\"type\":\"ping\",\"padding\":\""
				   : "data: {\"choices\":[],\"obfuscation\":\"";
	unsigned long long size = (unsigned long long)m->p.huge_line;
	if (m->stage == 0) {
		buf_str(out, open);
		m->pad = size > strlen(open) + 2 ? size - strlen(open) - 2 : 0;
		m->stage = 1;
		return;
	}
	char part[PART];
	size_t n = m->pad < PART ? (size_t)m->pad : PART;
	memset(part, 'a', n);
	buf_add(out, part, n);
	m->pad -= n;
	if (!m->pad) {
		buf_printf(out, "\"}%s", line_breaks(&m->p));
		m->stage = 2;
	}
}

static bool mangled_next(struct source *s, struct buf *out)
{
	struct mangled *m = (struct mangled *)s;
	if (m->p.huge_line >= 0 && m->stage < 2) {
		huge_line(m, out);
		return true;
	}
	struct buf piece = { 0 };
	bool more = m->inner->next(m->inner, &piece);
	s->due = m->inner->due;
	if (more && mangles(&m->p))
		mangle(&m->p, true, &piece, out);
	else
		buf_add(out, piece.p, piece.len);
	buf_free(&piece);
	return more;
}

static void mangled_free(struct source *s)
{
	struct mangled *m = (struct mangled *)s;
	m->inner->free(m->inner);
	free(m);
}

struct source *source_mangled(struct source *inner, const struct plan *p)
{
	if (!mangles(p) && p->huge_line < 0)
		return inner;
	struct mangled *m = xalloc(sizeof(*m));
	m->s.next = mangled_next;
	m->s.free = mangled_free;
	m->s.due = inner->due;
	m->inner = inner;
	m->p = *p;
	return &m->s;
}

struct pings {
	struct source s;
	struct buf event;
};

static bool pings_next(struct source *s, struct buf *out)
{
	struct pings *g = (struct pings *)s;
	buf_add(out, g->event.p, g->event.len);
	s->due = now_ns() + PING_EVERY_NS;
	return true;
}

static void pings_free(struct source *s)
{
	buf_free(&((struct pings *)s)->event);
	free(s);
}

struct source *source_pings(const struct plan *p)
{
	struct pings *g = xalloc(sizeof(*g));
	struct buf plain = { 0 };
	g->s.next = pings_next;
	g->s.free = pings_free;
	buf_str(&plain, p->dialect == MESSAGES
				? "event: ping\ndata: {\"type\": \"ping\"}\n\n"
				: ": keep-alive\n\n");
	mangle(p, true, &plain, &g->event);
	buf_free(&plain);
	return &g->s;
}

struct bomb {
	struct source s;
	const char *opening;
	unsigned long long inflated;
	uint32_t bits;
	unsigned nbits;
};

/* Deflate packs Huffman codes most significant bit first, the rest of it last. */
static void put_code(struct bomb *g, struct buf *out, unsigned code, unsigned len)
{
	while (len--) {
		g->bits |= ((code >> len) & 1u) << g->nbits;
		if (++g->nbits == 8) {
			char byte = (char)g->bits;
			buf_add(out, &byte, 1);
			g->bits = g->nbits = 0;
		}
	}
}

/*
 * One block with fixed codes (RFC 1951, 3.2.6): the opening as literals, then copies of
 * 258 bytes from one byte back, 13 bits each: what arrives grows 159-fold.
 */
static bool bomb_next(struct source *s, struct buf *out)
{
	struct bomb *g = (struct bomb *)s;
	if (!g->inflated) {
		buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
		/* Not the last block; type 01, low bit first. */
		put_code(g, out, 2, 3);
		for (const char *t = g->opening; *t; t++)
			put_code(g, out, 0x30u + (unsigned char)*t, 8);
	}
	if (g->inflated >= BOMB_BYTES)
		return false;
	for (size_t stop = out->len + PART; out->len < stop; g->inflated += 258) {
		put_code(g, out, 0xc5, 8); /* symbol 285: length 258 */
		put_code(g, out, 0, 5);    /* distance 1 */
	}
	return true;
}

static void bomb_free(struct source *s)
{
	free(s);
}

struct source *source_gzip_bomb(bool sse)
{
	struct bomb *g = xalloc(sizeof(*g));
	g->s.next = bomb_next;
	g->s.free = bomb_free;
	g->opening = sse ? "data: {\"a" : "{\"a";
	return &g->s;
}
