/*
 * Why civetweb could not read a head. It says "malformed" of one that is over its buffer,
 * of one that came too late, and of one that was cut short; the clock and the kernel's
 * count of the connection's bytes tell them apart.
 */

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "internal.h"

/* What was read of the connection's bytes since it was accepted; 0 if nobody knows. */
static uint64_t bytes_read(const struct connection *connection)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int unread = 0;

	if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    len < offsetof(struct tcp_info, tcpi_bytes_received) +
			    sizeof(info.tcpi_bytes_received) ||
	    ioctl(connection->fd, FIONREAD, &unread) < 0)
		return 0;
	return info.tcpi_bytes_received - (uint64_t)unread;
}

/* The last header's value is followed by what was two line ends: see check.c. */
static size_t head_len(const struct mg_request_info *info)
{
	const char *value = info->http_headers[info->num_headers - 1].value;

	return (size_t)(value + strlen(value) + 4 - info->request_method);
}

void http_await_first(struct connection *connection)
{
	connection->awaits_since_ms = http_now_ms();
}

/* How much chunks took beside what was in them only the kernel knows; else nobody has to
 * be asked. */
void http_await_next(const struct http_request *request)
{
	struct connection *connection = request->connection;

	connection->is_kept = true;
	connection->awaits_since_ms = http_now_ms();
	if (request->is_chunked)
		connection->bytes_before = bytes_read(connection);
	else
		connection->bytes_before += head_len(request->info) +
					    (uint64_t)request->content_length;
}

const char *http_explain_head(const struct http_request *request, int *ret_status)
{
	const struct http_config *config = &request->server->config;
	const struct connection *connection = request->connection;
	int64_t limit_ms = connection->is_kept ? config->idle_timeout_ms
					       : config->header_timeout_ms;

	/* Both clocks began at about the same time. */
	if (http_now_ms() - connection->awaits_since_ms >= limit_ms * 9 / 10) {
		*ret_status = 408;
		return "the head of the request came too late";
	}
	if (bytes_read(connection) >= connection->bytes_before + HEADERS_BYTES_MAX) {
		*ret_status = 431;
		return "the head of the request is over 16 KiB";
	}
	*ret_status = 400;
	return "no HTTP/1.1 request, or cut short in its head";
}
