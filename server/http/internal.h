#pragma once

/*
 * What the files of http/ share. A connection lives from civetweb's init_connection to
 * its connection_close, a request as long as its handler runs, on the worker's stack.
 */

#include <pthread.h>
#include <stdatomic.h>

#include <civetweb.h>

#include "http.h"

#define HEADERS_BYTES_MAX 16384 /* of a request: request line and headers */
#define PEER_BYTES 48

enum deadline_kind {
	DEADLINE_READ,
	DEADLINE_WRITE
};

struct connection {
	struct http_server *server;
	struct connection *previous, *next; /* of all; guarded by the reaper's lock */
	struct connection *next_of_peer;    /* with the same hash; guarded likewise */
	int fd;
	unsigned generation; /* tells it from others that had its fd */
	uint32_t address;    /* of the peer, as the network has it */
	int peer_port;
	char peer[PEER_BYTES];
	bool is_over_limit; /* was turned away, and is shut */
	bool is_closing;    /* its fd may be another's already */
	/* Of head.c, on the worker. */
	bool is_kept;            /* it had a request already */
	int64_t awaits_since_ms; /* the next one */
	uint64_t bytes_before;   /* of those that it had */
	/* When the reaper shuts the socket, in monotonic milliseconds; 0 = never. */
	_Atomic int64_t deadline_ms;
	_Atomic int deadline_kind;
	_Atomic bool is_timed_out;
	/* http_watch(); guarded by the reaper's lock but for is_gone. */
	void (*gone)(void *user);
	void *gone_user;
	bool in_epoll;
	_Atomic bool is_gone;
};

struct http_server {
	struct http_config config;
	struct mg_context *context;
	char host[32];
	_Atomic int port;  /* 0 until it is known */
	_Atomic int count; /* connections; written under the reaper's lock */
	int ahead;         /* so many were entered before they began; likewise */
	_Atomic int active;
	_Atomic bool draining, stopped;
};

struct text { /* a growing text; failed once memory was out or it grew too long */
	char *data;
	size_t len, room;
	bool failed;
};

struct http_request {
	struct http_server *server;
	struct connection *connection;
	struct mg_connection *conn;
	const struct mg_request_info *info;
	char peer[PEER_BYTES];
	bool is_checked; /* it can be believed */
	bool is_http11, is_head;
	bool keep; /* the client lets the connection live on */
	bool expects_continue;
	/* What the checked headers say of the body. */
	bool is_chunked;
	int64_t content_length; /* 0 for none */
	int64_t max_body_bytes;
	_Atomic int64_t *senders_bytes; /* or NULL */
	char *body;
	size_t body_len, body_room;
	int body_status;   /* of the first http_body(): 0 = read; -1 = not asked */
	bool is_body_over; /* nothing of it is left on the connection */
	/* The answer. */
	struct text headers;
	bool is_answered, is_stream, is_ended, is_cut;
	int status;
	int64_t bytes_sent;
};

int64_t http_now_ms(void); /* monotonic */

/* check.c: NULL, or what is wrong and *ret_status. Fills in what the headers say. */
const char *http_check(struct http_request *request, int *ret_status);
/* Whether a header's name stands in the request's list, and how often. */
int http_count_header(const struct http_request *request, const char *name,
		      const char **ret_first);

/* head.c: from here on a first request may come, or the one after a request that was
 * answered; and what was wrong if it never became one. */
void http_await_first(struct connection *connection);
void http_await_next(const struct http_request *request);
const char *http_explain_head(const struct http_request *request, int *ret_status);

/* answer.c */
void text_add(struct text *text, const void *bytes, size_t len);
void text_printf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const char *http_status_text(int status);
/* Write bytes that count as nothing of the answer: 100 Continue. */
int http_write_raw(struct http_request *request, const void *bytes, size_t len);

/* request.c: what is left to do when the handler has returned. */
void http_request_done(struct http_request *request);

/* reaper.c */
int reaper_start(char error[256]); /* counted */
void reaper_stop(void);
/* A connection was accepted: enter a socket that is not known, and shut it if there are
 * too many. */
void reaper_notice(struct http_server *server);
/* The connection of a peer; NULL if it has left already. */
struct connection *reaper_find(struct http_server *server, const char *address,
			       int peer_port);
/* Before its socket is closed, and after that. */
void reaper_closing(const struct http_server *server, const char *address, int peer_port);
void reaper_closed(const struct http_server *server, const char *address, int peer_port);
void reaper_deadline(struct connection *connection, enum deadline_kind kind,
		     int64_t deadline_ms);
void reaper_shut_all(struct http_server *server);
void reaper_wake_all(struct http_server *server);
