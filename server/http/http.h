#pragma once

/*
 * HTTP/1.1, strictly: the only place that knows civetweb. What arrives here has been
 * checked before anyone believes it (framing, header count, sizes, methods, the path's
 * bytes); what fails a check is answered and closed here.
 *
 * One worker belongs to a connection. A request's memory lives until its handler returns.
 * One reaper thread watches the sockets of requests that ask for it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_request;

struct http_config {
	const char *listen;     /* "127.0.0.1:8020"; the port may be 0 */
	int connections;        /* the most that are open at once */
	int workers;            /* threads; more than connections */
	int connections_per_ip; /* 0 = no limit */
	int64_t max_body_bytes;
	int64_t header_timeout_ms; /* also the longest that a peer may neither take nor
				      send */
	int64_t idle_timeout_ms;   /* of a kept connection between requests */
	int64_t body_timeout_ms;   /* of a whole body, whatever its pace */
	int64_t min_body_rate;     /* bytes a second, after the first five seconds */
	int64_t write_timeout_ms;  /* without progress of one write */
	/* Called on a worker for every request that passed the checks. */
	void (*handle)(struct http_request *request, void *user);
	/* A request that failed them: write the error in the form of the path's surface.
	 */
	void (*refuse)(struct http_request *request, int status, const char *message,
		       void *user);
	/* Whether connections_per_ip does not count for this address; or NULL. */
	bool (*is_exempt)(const char *peer, void *user);
	void *user;
};

/* 0, or -1 with one line in error[]; nothing is listened on yet. */
int http_check_listen(const char *listen, char error[256]);
/* 0, or -1 with one line in error[]. */
int http_server_start(const struct http_config *config, struct http_server **ret_server,
		      char error[256]);
int http_server_port(const struct http_server *server);
/* No new connections or requests (503 DRAINING by the caller); running ones go on. */
void http_server_drain(struct http_server *server);
/* Call `gone` of everybody who watches: they are to look whether they shall end. */
void http_server_wake(struct http_server *server);
/* Shut every connection: reads and writes that wait fail. */
void http_server_cut(struct http_server *server);
/* Requests that are being answered now; and connections. */
int http_server_active(const struct http_server *server);
int http_server_connections(const struct http_server *server);
/* Ends: connections that are left are shut, workers joined. */
struct http_server *http_server_stop(struct http_server *server);

/* ---- the request: all borrowed ---- */

const char *http_method(const struct http_request *request); /* "" if it was refused */
/* Raw, as it came, without the query; checked: begins with '/', no NUL, no control, no
 * encoded slash or dot segment. Percent-encoding in it is not decoded. */
const char *http_path(const struct http_request *request);
const char *http_query(const struct http_request *request); /* raw; "" for none */
/* By name, case-insensitive; NULL if it is absent. A header that must not be repeated
 * (host, content-length, authorization, ...) stood once: repeated ones were refused. */
const char *http_header(const struct http_request *request, const char *name);
/* The peer, or what a configured proxy says of it. */
const char *http_peer(const struct http_request *request);
void http_set_peer(struct http_request *request, const char *peer);
/*
 * Before the body is read: how large it may be, if less than the server's bodies, and
 * what counts the bytes in memory of all bodies of who sends it (or NULL), who may have
 * half of what there is for everybody. The counter must stay as long as it is not 0.
 */
void http_limit_body(struct http_request *request, int64_t max_bytes,
		     _Atomic int64_t *senders_bytes);
/*
 * Read the body. 0 and the bytes (NUL-terminated, freed with the request); else the
 * HTTP status that it deserves: 400 cut short, 408 too slow, 413 too large, 429 the
 * sender has too much in memory, 503 everybody has; the connection is then closed after
 * the answer. A second call gives the same.
 */
int http_body(struct http_request *request, const char **ret_body, size_t *ret_len);
/* The body is not wanted: the connection is closed after the answer if there is one. */
void http_skip_body(struct http_request *request);

/* ---- the answer ---- */

/* Before the head is written. Values with control characters are refused (dropped, and an
 * assertion in test builds): no header can be split. */
void http_set_header(struct http_request *request, const char *name, const char *value);
/* The whole answer in one write. */
void http_answer(struct http_request *request, int status, const char *content_type,
		 const void *body, size_t len);
/* A stream: the head goes out together with the first bytes that are written. */
void http_begin_stream(struct http_request *request, int status,
		       const char *content_type);
/* One write, chunked where the client is HTTP/1.1. 0, or -1: the client is gone, or too
 * slow; write no more. */
int http_write(struct http_request *request, const void *bytes, size_t len);
/*
 * The same without a wait: what the client does not take at once stays with the request
 * for the next http_write() or http_flush(), and this returns 1. From any thread, while
 * the worker does nothing with the request.
 */
int http_write_now(struct http_request *request, const void *bytes, size_t len);
/* Write what http_write_now() has left. False: the client is gone, or too slow. */
bool http_flush(struct http_request *request);
/* The regular end of a stream. Without it the connection is cut, and the client sees
 * that something is missing. */
void http_end_stream(struct http_request *request);
bool http_answered(const struct http_request *request); /* the head is out */
/* Status and bytes sent so far, for the log. */
int http_status(const struct http_request *request);
int64_t http_bytes_sent(const struct http_request *request);

/* ---- a client that leaves ---- */

/*
 * Once, on the reaper's thread, soon after the client has closed its connection, or its
 * sending half, which no client does that waits for an answer. It must not block: cancel,
 * or wake somebody. Not called any more when http_unwatch() returned.
 */
void http_watch(struct http_request *request, void (*gone)(void *user), void *user);
void http_unwatch(struct http_request *request);
bool http_is_gone(const struct http_request *request);
