/*
 * Sockets, timers and the loop. Level-triggered epoll; a binary heap of deadlines,
 * one for each connection that waits for time to pass. A connection is freed only
 * while its own event or timer is handled, so no event can find it gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

#define EVENTS 256
#define MAX_PIPELINED (4u << 20)

int server_port;

static int epfd = -1, listen_fd = -1;
static bool accepting;
static struct conn *conns;
static struct conn **heap;
static size_t heap_len, heap_cap;

static void heap_put(size_t i, struct conn *c)
{
	heap[i] = c;
	c->heap_at = i + 1;
}

static void heap_up(size_t i, struct conn *c)
{
	for (; i && heap[(i - 1) / 2]->due > c->due; i = (i - 1) / 2)
		heap_put(i, heap[(i - 1) / 2]);
	heap_put(i, c);
}

static void heap_down(size_t i, struct conn *c)
{
	for (;;) {
		size_t kid = 2 * i + 1;
		if (kid + 1 < heap_len && heap[kid + 1]->due < heap[kid]->due)
			kid++;
		if (kid >= heap_len || heap[kid]->due >= c->due)
			break;
		heap_put(i, heap[kid]);
		i = kid;
	}
	heap_put(i, c);
}

void conn_timer(struct conn *c, int64_t due)
{
	if (c->heap_at) {
		size_t i = c->heap_at - 1;
		struct conn *last = heap[--heap_len];
		c->heap_at = 0;
		if (last != c) {
			heap_down(i, last);
			heap_up(last->heap_at - 1, last);
		}
	}
	c->due = due;
	if (!due)
		return;
	if (heap_len == heap_cap) {
		heap_cap = heap_cap ? heap_cap * 2 : 256;
		struct conn **more = xalloc(heap_cap * sizeof(*more));
		if (heap_len)
			memcpy(more, heap, heap_len * sizeof(*more));
		free(heap);
		heap = more;
	}
	heap_up(heap_len++, c);
}

void conn_watch(struct conn *c, bool writable)
{
	uint32_t mask = EPOLLIN | EPOLLRDHUP | (writable ? (uint32_t)EPOLLOUT : 0);
	if (mask == c->mask)
		return;
	struct epoll_event ev = { .events = mask, .data.ptr = c };
	epoll_ctl(epfd, c->mask ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev);
	c->mask = mask;
}

struct conn *server_conns(void)
{
	return conns;
}

int server_listen(int port)
{
	int one = 1;
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(addr);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listen_fd < 0)
		return -1;
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listen_fd, 4096) ||
	    getsockname(listen_fd, (struct sockaddr *)&addr, &len))
		return -1;
	return server_port = ntohs(addr.sin_port);
}

static void watch_listener(bool on)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &listen_fd };
	if (on != accepting)
		epoll_ctl(epfd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listen_fd, &ev);
	accepting = on;
}

static void accept_all(void)
{
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			/* Out of descriptors: listen again when a connection has closed.
			 */
			if (errno == EMFILE || errno == ENFILE)
				watch_listener(false);
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return;
		}
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		struct conn *c = xalloc(sizeof(*c));
		c->fd = fd;
		c->reply.length = -1;
		c->next_conn = conns;
		if (conns)
			conns->prev = c;
		conns = c;
		journal_conn(1);
		conn_watch(c, false);
	}
}

static void conn_close(struct conn *c)
{
	conn_timer(c, 0);
	close(c->fd);
	if (c->prev)
		c->prev->next_conn = c->next_conn;
	else
		conns = c->next_conn;
	if (c->next_conn)
		c->next_conn->prev = c->prev;
	request_clear(&c->req);
	reply_clear(&c->reply);
	buf_free(&c->in);
	buf_free(&c->head);
	buf_free(&c->raw);
	buf_free(&c->wire);
	free(c);
	journal_conn(-1);
	watch_listener(true);
}

static void refuse_garbage(struct conn *c)
{
	struct buf body = { 0 };
	buf_str(&body, "fakellm: malformed HTTP request\n");
	request_clear(&c->req);
	c->req.method = xstrdup("?");
	c->req.target = xstrdup("/malformed");
	c->req.path = xstrdup("/malformed");
	buf_add(&c->req.body, c->in.p, c->in.len);
	c->in.len = 0;
	c->reply.status = 400;
	c->reply.close = true;
	c->reply.length = (long long)body.len;
	buf_str(&c->reply.headers, "Content-Type: text/plain\r\n");
	c->reply.source = source_bytes(&body);
}

/* Starts the next request if all of it is here. */
static bool take_request(struct conn *c)
{
	int rc = http_parse(c);
	if (rc == 0) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
		if (c->in_body && c->req.expect_continue) {
			c->req.expect_continue = false;
			if (send(c->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) < 0)
				return false; /* the socket's own event will tell */
		}
		conn_watch(c, false);
		return false;
	}
	if (rc < 0)
		refuse_garbage(c);
	journal_begin(c);
	if (rc > 0)
		app_handle(c);
	deliver_start(c);
	return true;
}

static const char *how_closed(const struct conn *c)
{
	if (c->reply.drop)
		return "dropped";
	if (c->reply.limit == LIMIT_RESET)
		return "reset";
	return c->reply.limit == LIMIT_CUT ? "cut" : "sent";
}

static void advance(struct conn *c)
{
	for (;;) {
		switch (deliver(c)) {
		case DELIVERY_WAIT:
			return;
		case DELIVERY_GONE:
			journal_end(c, "client-closed");
			conn_close(c);
			return;
		case DELIVERY_CLOSE:
			journal_end(c, how_closed(c));
			conn_close(c);
			return;
		case DELIVERY_NEXT:
			journal_end(c, "sent");
			request_clear(&c->req);
			reply_clear(&c->reply);
			c->phase = PH_REQUEST;
			if (!take_request(c))
				return;
		}
	}
}

/* False when the client is gone and the connection with it. */
static bool conn_read(struct conn *c)
{
	char part[65536];
	for (;;) {
		ssize_t n = recv(c->fd, part, sizeof(part), 0);
		if (n > 0) {
			buf_add(&c->in, part, (size_t)n);
			if (c->phase == PH_REQUEST || c->in.len < MAX_PIPELINED)
				continue;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			return true;
		}
		if (c->phase != PH_REQUEST)
			journal_end(c, "client-closed");
		conn_close(c);
		return false;
	}
}

static void conn_event(struct conn *c, uint32_t events)
{
	if (events & ~(uint32_t)EPOLLOUT) {
		bool idle = c->phase == PH_REQUEST;
		if (!conn_read(c))
			return;
		if (idle && take_request(c)) {
			advance(c);
			return;
		}
	}
	if ((events & EPOLLOUT) && c->phase != PH_REQUEST)
		advance(c);
}

/* To the nanosecond, also where epoll_pwait2() is missing: Linux before 5.11, valgrind.
 */
static int wait_for_events(struct epoll_event *evs, int64_t wait_ns)
{
	struct timespec ts = { .tv_sec = wait_ns / 1000000000,
			       .tv_nsec = wait_ns % 1000000000 };
	static bool missing;

	if (!missing) {
		int n = epoll_pwait2(epfd, evs, EVENTS, &ts, NULL);
		missing = n < 0 && errno == ENOSYS;
		if (!missing)
			return n;
	}
	struct pollfd ready = { .fd = epfd, .events = POLLIN };
	int n = ppoll(&ready, 1, &ts, NULL);
	return n > 0 ? epoll_wait(epfd, evs, EVENTS, 0) : n;
}

int server_run(int signal_fd, bool until_eof, int64_t end_ns)
{
	static int stdin_tag;
	struct epoll_event evs[EVENTS];
	struct epoll_event sig = { .events = EPOLLIN, .data.ptr = NULL };
	struct epoll_event eof = { .events = EPOLLIN, .data.ptr = &stdin_tag };
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, signal_fd, &sig))
		return -1;
	if (until_eof && epoll_ctl(epfd, EPOLL_CTL_ADD, STDIN_FILENO, &eof))
		return -1;
	watch_listener(true);
	for (;;) {
		int64_t now = now_ns();
		while (heap_len && heap[0]->due <= now) {
			struct conn *c = heap[0];
			conn_timer(c, 0);
			advance(c);
		}
		now = now_ns();
		if (now >= end_ns)
			return 0;
		int64_t until = heap_len && heap[0]->due < end_ns ? heap[0]->due : end_ns;
		int64_t wait = until > now ? until - now : 0;
		int n = wait_for_events(evs, wait);
		if (n < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < n; i++) {
			char drop[4096];
			if (!evs[i].data.ptr)
				return 0;
			if (evs[i].data.ptr == &listen_fd)
				accept_all();
			else if (evs[i].data.ptr == &stdin_tag) {
				if (read(STDIN_FILENO, drop, sizeof(drop)) <= 0)
					return 0;
			} else
				conn_event(evs[i].data.ptr, evs[i].events);
		}
	}
}
