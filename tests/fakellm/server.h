/*
 * The HTTP/1.1 side: one thread, epoll, keep-alive, one request at a time on a
 * connection. The application gets a whole request, fills in a reply and returns;
 * deliver.c then sends it, in the shape and with the faults the reply asks for.
 */
#pragma once

#include "util.h"

enum dialect {
	CHAT,
	MESSAGES,
};

struct header {
	char *name, *value; /* the name in lower case */
};

struct request {
	char *method, *target; /* the target as it came */
	char *path, *query;    /* the path percent-decoded; query may be NULL */
	struct header *headers;
	size_t nheaders;
	struct buf body;
	bool http10, close, expect_continue;
	unsigned long long serial;
};

/* Yields a body piece by piece. */
struct source {
	/* Appends the next piece and returns true; false at the end, nothing appended. */
	bool (*next)(struct source *s, struct buf *out);
	void (*free)(struct source *s);
	/* When the next piece may be taken, 0 = at once. next() moves it on. */
	int64_t due;
};

enum limit_action {
	LIMIT_NONE,
	LIMIT_STALL, /* silence for ever */
	LIMIT_CUT,   /* clean close */
	LIMIT_RESET, /* RST */
};

struct reply {
	int status;
	struct buf headers; /* lines of "Name: value\r\n" */
	struct source *source;
	long long length; /* content-length, or -1 for a stream */
	enum limit_action limit;
	unsigned long long limit_at; /* body bytes before it strikes */
	long chunk;                  /* split at every so many bytes, 0 = not */
	int64_t delay_ns;            /* before the status line */
	int64_t slow_ns;             /* between header lines */
	bool whole, close, drop;     /* drop: close without a byte */
};

enum phase {
	PH_REQUEST,
	PH_DELAY,
	PH_SLOW_HEADERS,
	PH_BODY,
	PH_DRAIN, /* everything is framed, the last bytes are on their way out */
	PH_STALLED,
	PH_RESET, /* waiting until the client's kernel has all that was sent */
};

struct conn {
	int fd;
	uint32_t mask; /* what epoll watches now */
	struct conn *prev, *next_conn;
	size_t heap_at; /* place in the timer heap + 1, 0 = none */
	int64_t due;

	struct buf in;
	size_t scanned; /* bytes of in without an end of headers */
	bool in_body, dead;

	enum phase phase;
	struct request req;
	struct reply reply;
	bool source_over, chunked;
	struct buf head; /* the status line and headers, from head_at on unsent */
	size_t head_at;
	int64_t wake;   /* end of a delay, next slow line, end of patience */
	struct buf raw; /* body bytes not yet framed, from raw_at on */
	size_t raw_at;
	struct buf wire; /* bytes for the socket, from wire_at on */
	size_t wire_at;
	unsigned long long body_bytes;
};

/* server.c */
int server_listen(int port); /* returns the port, or -1 */
/* Until told to stop: 0, or -1 when it cannot wait for events. */
int server_run(int signal_fd, bool until_eof, int64_t end_ns);
void conn_timer(struct conn *c, int64_t due); /* 0 disarms */
void conn_watch(struct conn *c, bool writable);
struct conn *server_conns(void);
extern int server_port;

/* http.c: 1 = a whole request is in c->req, 0 = more bytes needed, -1 = malformed */
int http_parse(struct conn *c);
const char *http_header(const struct request *r, const char *name);
void request_clear(struct request *r);

/* deliver.c */
enum delivery {
	DELIVERY_WAIT,  /* a timer or EPOLLOUT will go on */
	DELIVERY_NEXT,  /* done; the connection takes another request */
	DELIVERY_CLOSE, /* done; close the connection */
	DELIVERY_GONE,  /* the client went away */
};
void deliver_start(struct conn *c);
enum delivery deliver(struct conn *c);
void reply_clear(struct reply *r);
struct source *source_bytes(struct buf *body); /* takes over the bytes */

/* app.c: fills in c->reply */
void app_handle(struct conn *c);

/* journal.c: the log file and the figures for /control/stats */
void journal_open(const char *path);
void journal_conn(int opened); /* +1 opened, -1 closed */
void journal_begin(struct conn *c);
void journal_end(struct conn *c, const char *how);
void journal_stats(struct buf *out);
void journal_reset(void);
/* How many requests this path has had, the one just begun included. */
unsigned long long journal_seen(const char *path);
