/*
 * Sending a reply: head, then the body as its source yields it, framed for HTTP and
 * cut, paced or broken off as the reply asks. One call sends a bounded number of
 * pieces, so that a stream split at every byte does not hold up the others.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "server.h"

#define SENDS_PER_TURN 64
/* Small pieces that are ready share a send up to this. */
#define WIRE_TARGET (32u << 10)
/* Beside the values of enum delivery: something to send, or another phase to enter. */
#define GO 100

struct bytes_source {
	struct source s;
	struct buf body;
	bool over;
};

static bool bytes_next(struct source *s, struct buf *out)
{
	struct bytes_source *b = (struct bytes_source *)s;
	if (b->over || !b->body.len)
		return false;
	buf_add(out, b->body.p, b->body.len);
	return b->over = true;
}

static void bytes_free(struct source *s)
{
	buf_free(&((struct bytes_source *)s)->body);
	free(s);
}

struct source *source_bytes(struct buf *body)
{
	struct bytes_source *b = xalloc(sizeof(*b));
	b->s.next = bytes_next;
	b->s.free = bytes_free;
	b->body = *body;
	*body = (struct buf){ 0 };
	return &b->s;
}

void reply_clear(struct reply *r)
{
	buf_free(&r->headers);
	if (r->source)
		r->source->free(r->source);
	*r = (struct reply){ .length = -1 };
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" },
		{ 307, "Temporary Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Payload Too Large" },
		{ 422, "Unprocessable Entity" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 529, "Site is overloaded" },
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

static void build_head(struct conn *c)
{
	struct reply *r = &c->reply;
	if (c->req.close)
		r->close = true;
	c->chunked = !r->close && (r->length < 0 || r->chunk);
	buf_clear(&c->head);
	buf_printf(&c->head, "HTTP/1.1 %d %s\r\n", r->status, reason(r->status));
	buf_add(&c->head, r->headers.p, r->headers.len);
	if (c->chunked)
		buf_str(&c->head, "Transfer-Encoding: chunked\r\n");
	else if (r->length >= 0)
		buf_printf(&c->head, "Content-Length: %lld\r\n", r->length);
	if (r->close)
		buf_str(&c->head, "Connection: close\r\n");
	buf_str(&c->head, "\r\n");
	c->head_at = 0;
}

void deliver_start(struct conn *c)
{
	build_head(c);
	c->source_over = false;
	c->raw_at = c->raw.len = 0;
	c->wire_at = c->wire.len = 0;
	c->body_bytes = 0;
	c->wake = c->reply.delay_ns ? now_ns() + c->reply.delay_ns : 0;
	c->phase = PH_DELAY;
}

static enum delivery sleep_until(struct conn *c, int64_t when)
{
	conn_watch(c, false);
	conn_timer(c, when);
	return DELIVERY_WAIT;
}

static void frame(struct conn *c, size_t n)
{
	if (c->chunked)
		buf_printf(&c->wire, "%zx\r\n", n);
	buf_add(&c->wire, c->raw.p + c->raw_at, n);
	if (c->chunked)
		buf_str(&c->wire, "\r\n");
	c->raw_at += n;
	c->body_bytes += n;
	if (c->raw_at == c->raw.len)
		c->raw_at = c->raw.len = 0;
}

static int strike(struct conn *c)
{
	switch (c->reply.limit) {
	case LIMIT_STALL:
		c->phase = PH_STALLED;
		break;
	case LIMIT_RESET:
		c->phase = PH_RESET;
		c->wake = now_ns() + 5000000000;
		break;
	case LIMIT_CUT:
	case LIMIT_NONE:
		c->reply.close = true;
		c->phase = PH_DRAIN;
		break;
	}
	return GO;
}

static int end_of_body(struct conn *c)
{
	if (c->reply.limit != LIMIT_NONE)
		return strike(c);
	if (c->chunked)
		buf_str(&c->wire, "0\r\n\r\n");
	c->phase = PH_DRAIN;
	return GO;
}

static int frame_body(struct conn *c)
{
	struct reply *r = &c->reply;
	if (c->head_at < c->head.len) {
		buf_add(&c->wire, c->head.p + c->head_at, c->head.len - c->head_at);
		c->head_at = c->head.len;
		if (r->chunk)
			return GO;
	}
	int64_t now = now_ns();
	size_t want = r->whole ? SIZE_MAX : r->chunk ? (size_t)r->chunk : 1;
	while (c->wire.len < WIRE_TARGET || r->whole) {
		size_t have = c->raw.len - c->raw_at;
		unsigned long long left = r->limit == LIMIT_NONE
						  ? SIZE_MAX
						  : r->limit_at - c->body_bytes;
		if (!left)
			return strike(c);
		if (!c->source_over && have < want &&
		    (r->whole || r->source->due <= now)) {
			c->source_over = !r->source->next(r->source, &c->raw);
			continue;
		}
		if (!have && c->source_over)
			return end_of_body(c);
		if (!have)
			return c->wire.len ? GO : (int)sleep_until(c, r->source->due);
		size_t n = r->chunk && (size_t)r->chunk < have ? (size_t)r->chunk : have;
		frame(c, left < n ? (size_t)left : n);
		if (r->chunk)
			break;
	}
	return GO;
}

/* Called with nothing left to send: what comes next? A delivery, or GO. */
static int refill(struct conn *c)
{
	c->wire_at = c->wire.len = 0;
	switch (c->phase) {
	case PH_REQUEST:
		break;
	case PH_DELAY:
		if (c->wake > now_ns())
			return (int)sleep_until(c, c->wake);
		if (c->reply.drop)
			return DELIVERY_CLOSE;
		c->wake = 0;
		c->phase = c->reply.slow_ns ? PH_SLOW_HEADERS : PH_BODY;
		return GO;
	case PH_SLOW_HEADERS:
		if (c->wake > now_ns())
			return (int)sleep_until(c, c->wake);
		const char *line = c->head.p + c->head_at;
		size_t n = (size_t)(strchr(line, '\n') + 1 - line);
		buf_add(&c->wire, line, n);
		c->head_at += n;
		c->wake = now_ns() + c->reply.slow_ns;
		if (c->head_at == c->head.len)
			c->phase = PH_BODY;
		return GO;
	case PH_BODY:
		return frame_body(c);
	case PH_DRAIN:
		return c->reply.close ? DELIVERY_CLOSE : DELIVERY_NEXT;
	case PH_STALLED:
		return (int)sleep_until(c, 0);
	case PH_RESET: {
		/* An RST drops what the peer's kernel has not yet taken: let it take all.
		 */
		int unsent = 0;
		if (!ioctl(c->fd, SIOCOUTQ, &unsent) && unsent && c->wake > now_ns())
			return (int)sleep_until(c, now_ns() + 1000000);
		struct linger hard = { .l_onoff = 1 };
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		return DELIVERY_CLOSE;
	}
	}
	return DELIVERY_CLOSE;
}

enum delivery deliver(struct conn *c)
{
	for (int sends = 0; sends < SENDS_PER_TURN;) {
		if (c->wire_at == c->wire.len) {
			int rc = refill(c);
			if (rc != GO)
				return (enum delivery)rc;
			continue;
		}
		ssize_t n = send(c->fd, c->wire.p + c->wire_at, c->wire.len - c->wire_at,
				 MSG_NOSIGNAL);
		sends++;
		if (n >= 0) {
			c->wire_at += (size_t)n;
		} else if (errno == EAGAIN) {
			conn_watch(c, true);
			return DELIVERY_WAIT;
		} else if (errno != EINTR) {
			return DELIVERY_GONE;
		}
	}
	conn_watch(c, true); /* more at once, but the others first */
	return DELIVERY_WAIT;
}
