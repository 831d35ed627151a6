/*
 * A request as its handler sees it, and its body.
 *
 * mg_read() blocks until all that it was asked for is there, each byte starting its
 * timeout anew. So the body is read in pieces that are likely to be there, and the reaper
 * shuts the reading side when the time for the piece is over.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "internal.h"

#define PIECE ((size_t)4096)
#define PIECE_MAX ((size_t)256 * 1024)
#define FREE_MS 5000   /* of a body before its rate counts */
#define LINGER_MS 1000 /* for a client that is still sending to see the answer */
#define LINGER_BYTES ((size_t)4 << 20)
#define BODIES_MAX 32 /* of the largest size, in memory together */

/* Bytes of all bodies in memory. */
static _Atomic int64_t body_bytes;

/* ---- what it says ---- */

const char *http_method(const struct http_request *request)
{
	return request->is_checked ? request->info->request_method : "";
}

const char *http_path(const struct http_request *request)
{
	const char *path = request->info->request_uri;

	return path ? path : "";
}

const char *http_query(const struct http_request *request)
{
	const char *query = request->info->query_string;

	return query && request->info->request_uri ? query : "";
}

const char *http_header(const struct http_request *request, const char *name)
{
	const char *value = NULL;

	http_count_header(request, name, &value);
	return value;
}

const char *http_peer(const struct http_request *request)
{
	return request->peer;
}

void http_set_peer(struct http_request *request, const char *peer)
{
	size_t len = strnlen(peer, sizeof(request->peer) - 1);

	memcpy(request->peer, peer, len);
	request->peer[len] = '\0';
}

/* ---- the body ---- */

void http_limit_body(struct http_request *request, int64_t max_bytes,
		     _Atomic int64_t *senders_bytes)
{
	if (max_bytes < request->max_body_bytes)
		request->max_body_bytes = max_bytes;
	request->senders_bytes = senders_bytes;
}

static bool take(_Atomic int64_t *bytes, int64_t more, int64_t most)
{
	if (atomic_fetch_add(bytes, more) + more <= most)
		return true;
	atomic_fetch_sub(bytes, more);
	return false;
}

static void give_back(struct http_request *request, int64_t bytes)
{
	atomic_fetch_sub(&body_bytes, bytes);
	if (request->senders_bytes && bytes)
		atomic_fetch_sub(request->senders_bytes, bytes);
}

/* Room for another piece and the NUL; memory grows with what really came. */
static int make_room(struct http_request *request, size_t more)
{
	size_t wanted = request->body_len + more + 1;
	size_t size = request->body_room ? request->body_room : PIECE + 1;

	if (wanted <= request->body_room)
		return 0;
	while (size < wanted)
		size *= 2;
	int64_t most = request->server->config.max_body_bytes * BODIES_MAX;
	int64_t added = (int64_t)(size - request->body_room);
	if (request->senders_bytes && !take(request->senders_bytes, added, most / 2))
		return 429;
	if (!take(&body_bytes, added, most)) {
		if (request->senders_bytes)
			atomic_fetch_sub(request->senders_bytes, added);
		return 503;
	}
	char *larger = realloc(request->body, size);
	if (!larger) {
		give_back(request, added);
		return 503;
	}
	request->body = larger;
	request->body_room = size;
	return 0;
}

/* As much as is waiting on the socket, and a little if nothing is. */
static size_t piece_size(const struct http_request *request, int64_t most)
{
	int waiting = 0;
	size_t size = PIECE;

	if (most > (int64_t)size &&
	    ioctl(request->connection->fd, FIONREAD, &waiting) == 0 &&
	    (size_t)waiting > size)
		size = (size_t)waiting;
	if (size > PIECE_MAX)
		size = PIECE_MAX;
	return (int64_t)size > most ? (size_t)most : size;
}

/* When a body is too slow: at the end of its time, or where its rate falls too low. */
static int64_t body_deadline(const struct http_request *request, int64_t started_ms)
{
	const struct http_config *config = &request->server->config;
	int64_t whole = started_ms + config->body_timeout_ms;
	int64_t rate = config->min_body_rate;

	if (rate <= 0)
		return whole;
	int64_t by_rate = started_ms + FREE_MS + (int64_t)request->body_len * 1000 / rate;
	return by_rate < whole ? by_rate : whole;
}

static int read_body(struct http_request *request)
{
	const struct http_config *config = &request->server->config;
	const int64_t max = request->max_body_bytes;
	const int64_t started_ms = http_now_ms();

	for (;;) {
		/* One byte more than is allowed shows that there is more. */
		int64_t left = request->is_chunked ? max + 1 - (int64_t)request->body_len
						   : request->content_length -
							     (int64_t)request->body_len;
		if (left == 0)
			return request->is_chunked ? 413 : 0;
		size_t piece = piece_size(request, left);
		int status = make_room(request, piece);
		if (status)
			return status;
		reaper_deadline(request->connection, DEADLINE_READ,
				body_deadline(request, started_ms));
		int64_t asked_ms = http_now_ms();
		int got = mg_read(request->conn, request->body + request->body_len,
				  piece);
		if (got == 0 && request->is_chunked)
			return 0;
		/* civetweb gives up on a peer that is silent for so long. */
		if (got <= 0)
			return http_now_ms() - asked_ms < config->header_timeout_ms ? 400
										    : 408;
		request->body_len += (size_t)got;
	}
}

int http_body(struct http_request *request, const char **ret_body, size_t *ret_len)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (request->body_status < 0) {
		int status = 0;
		if (request->content_length > request->max_body_bytes)
			status = 413;
		else if (request->is_body_over)
			status = make_room(request, 0);
		else if (request->expects_continue &&
			 http_write_raw(request, go_on, sizeof(go_on) - 1) < 0)
			status = 400;
		else
			status = read_body(request);
		reaper_deadline(request->connection, DEADLINE_READ, 0);
		if (status == 400 && atomic_load(&request->connection->is_timed_out))
			status = 408;
		if (status == 0) {
			request->is_body_over = true;
			request->body[request->body_len] = '\0';
		}
		request->body_status = status;
	}
	if (request->body_status)
		return request->body_status;
	*ret_body = request->body;
	*ret_len = request->body_len;
	return 0;
}

void http_skip_body(struct http_request *request)
{
	if (!request->is_body_over)
		request->keep = false;
}

/* ---- the end ---- */

/*
 * A socket that is closed while bytes wait on it is reset, and the client that was still
 * sending never sees why it was refused. So they are read for a moment.
 */
static void linger(struct http_request *request)
{
	const int fd = request->connection->fd;
	const int64_t end_ms = http_now_ms() + LINGER_MS;
	size_t left = LINGER_BYTES;
	char bytes[8192];

	shutdown(fd, SHUT_WR);
	while (left > 0) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t wait_ms = end_ms - http_now_ms();
		if (wait_ms <= 0 || poll(&poll_fd, 1, (int)wait_ms) <= 0)
			return;
		ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			return;
		left -= got > 0 ? ((size_t)got < left ? (size_t)got : left) : 0;
	}
}

void http_request_done(struct http_request *request)
{
	http_unwatch(request);
	if (request->is_answered && request->is_stream && !request->is_ended)
		request->is_cut = true;
	if (!request->is_answered || request->is_cut || !request->is_body_over)
		request->keep = false;
	if (!request->keep)
		mg_disable_connection_keep_alive(request->conn);
	else
		http_await_next(request);
	if (request->is_answered && !request->is_cut && !request->is_body_over)
		linger(request);
	give_back(request, (int64_t)request->body_room);
	free(request->body);
	free(request->headers.data);
}
