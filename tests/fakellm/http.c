/*
 * Reading requests. Bytes collect in c->in until a head and its body are whole;
 * what follows them stays for the next request of the connection.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server.h"

#define MAX_HEAD (256u << 10)
#define MAX_BODY (512ull << 20)

const char *http_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->nheaders; i++)
		if (!strcmp(r->headers[i].name, name))
			return r->headers[i].value;
	return NULL;
}

void request_clear(struct request *r)
{
	for (size_t i = 0; i < r->nheaders; i++) {
		free(r->headers[i].name);
		free(r->headers[i].value);
	}
	free(r->headers);
	free(r->method);
	free(r->target);
	free(r->path);
	free(r->query);
	buf_free(&r->body);
	*r = (struct request){ 0 };
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *percent_decode(const char *s, size_t n)
{
	char *out = xalloc(n + 1);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 &&
		    hex_digit(s[i + 2]) >= 0) {
			out[len++] = (char)(hex_digit(s[i + 1]) * 16 +
					    hex_digit(s[i + 2]));
			i += 2;
		} else {
			out[len++] = s[i];
		}
	}
	return out;
}

static void set_target(struct request *r, const char *s, size_t n)
{
	r->target = xstrndup(s, n);
	const char *q = memchr(s, '?', n);
	size_t path = q ? (size_t)(q - s) : n;
	r->path = percent_decode(s, path);
	if (q)
		r->query = xstrndup(q + 1, n - path - 1);
}

static bool parse_request_line(struct request *r, const char *line, const char *end)
{
	const char *sp = memchr(line, ' ', (size_t)(end - line));
	const char *sp2 = sp ? memchr(sp + 1, ' ', (size_t)(end - sp - 1)) : NULL;
	if (!sp2 || sp == line || sp[1] != '/' || end - sp2 != 9)
		return false;
	if (memcmp(sp2 + 1, "HTTP/1.", 7) || (sp2[8] != '0' && sp2[8] != '1'))
		return false;
	r->http10 = sp2[8] == '0';
	r->close = r->http10;
	r->method = xstrndup(line, (size_t)(sp - line));
	set_target(r, sp + 1, (size_t)(sp2 - sp - 1));
	return true;
}

static bool parse_header(struct request *r, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	if (!colon || colon == line || line[0] == ' ' || line[0] == '\t')
		return false;
	const char *v = colon + 1;
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	struct header *h = realloc(r->headers, (r->nheaders + 1) * sizeof(*h));
	if (!h)
		return false;
	r->headers = h;
	h += r->nheaders++;
	h->name = xstrndup(line, (size_t)(colon - line));
	h->value = xstrndup(v, (size_t)(end - v));
	for (char *p = h->name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	return true;
}

static bool parse_head(struct conn *c, const char *p, const char *end)
{
	struct request *r = &c->req;
	const char *eol = memmem(p, (size_t)(end - p), "\r\n", 2);
	if (!eol || !parse_request_line(r, p, eol))
		return false;
	for (p = eol + 2; p < end; p = eol + 2) {
		eol = memmem(p, (size_t)(end - p), "\r\n", 2);
		if (!eol)
			return false;
		if (eol == p)
			break;
		if (!parse_header(r, p, eol))
			return false;
	}
	const char *v = http_header(r, "connection");
	if (v && !strcasecmp(v, "close"))
		r->close = true;
	if (v && !strcasecmp(v, "keep-alive"))
		r->close = false;
	v = http_header(r, "expect");
	r->expect_continue = v && !strcasecmp(v, "100-continue");
	return true;
}

/*
 * Takes a chunked body out of p. Parses from the start each time: bodies are short
 * and arrive in few pieces, and the code stays a single pass.
 */
static int parse_chunked(struct request *r, const char *p, size_t n, size_t *used)
{
	size_t at = 0;
	buf_clear(&r->body);
	for (;;) {
		const char *eol = memmem(p + at, n - at, "\r\n", 2);
		if (!eol)
			return n - at > 1024 ? -1 : 0;
		size_t size = 0, start = at;
		for (; hex_digit(p[at]) >= 0; at++) {
			size = size * 16 + (size_t)hex_digit(p[at]);
			if (size > MAX_BODY)
				return -1;
		}
		if (at == start || (p[at] != '\r' && p[at] != ';' && p[at] != ' '))
			return -1;
		at = (size_t)(eol - p) + 2;
		if (!size)
			break;
		if (n - at < size + 2)
			return 0;
		if (memcmp(p + at + size, "\r\n", 2))
			return -1;
		buf_add(&r->body, p + at, size);
		at += size + 2;
		if (r->body.len > MAX_BODY)
			return -1;
	}
	/* Trailers, then an empty line. */
	for (;;) {
		const char *eol = memmem(p + at, n - at, "\r\n", 2);
		if (!eol)
			return 0;
		bool empty = eol == p + at;
		at = (size_t)(eol - p) + 2;
		if (empty)
			break;
	}
	*used = at;
	return 1;
}

static int parse_body(struct conn *c)
{
	struct request *r = &c->req;
	const char *te = http_header(r, "transfer-encoding");
	const char *cl = http_header(r, "content-length");
	size_t used = 0;
	if (te) {
		/* Both framings at once is how requests are smuggled. */
		if (strcasecmp(te, "chunked") || cl)
			return -1;
		int rc = parse_chunked(r, c->in.p, c->in.len, &used);
		if (rc != 1)
			return rc;
	} else if (cl) {
		char *end;
		unsigned long long len = strtoull(cl, &end, 10);
		if (cl[0] < '0' || cl[0] > '9' || *end || len > MAX_BODY)
			return -1;
		if (c->in.len < len)
			return 0;
		used = (size_t)len;
		buf_add(&r->body, c->in.p, used);
	}
	buf_add(&r->body, "", 0);
	memmove(c->in.p, c->in.p + used, c->in.len - used);
	c->in.len -= used;
	c->in_body = false;
	return 1;
}

int http_parse(struct conn *c)
{
	if (!c->in_body) {
		while (c->in.len >= 2 && !memcmp(c->in.p, "\r\n", 2)) {
			memmove(c->in.p, c->in.p + 2, c->in.len - 2);
			c->in.len -= 2;
			c->scanned = 0;
		}
		if (!c->in.len)
			return 0;
		size_t from = c->scanned > 3 ? c->scanned - 3 : 0;
		char *end = memmem(c->in.p + from, c->in.len - from, "\r\n\r\n", 4);
		c->scanned = c->in.len;
		if (!end)
			return c->in.len > MAX_HEAD ? -1 : 0;
		if (!parse_head(c, c->in.p, end + 2))
			return -1;
		size_t head = (size_t)(end - c->in.p) + 4;
		memmove(c->in.p, c->in.p + head, c->in.len - head);
		c->in.len -= head;
		c->scanned = 0;
		c->in_body = true;
	}
	return parse_body(c);
}
