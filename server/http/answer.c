/*
 * Answers: a head with no way to split it, and one mg_write() for a whole answer or for
 * each piece of a stream. Several small writes wait for one another's acknowledgements.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "internal.h"

#define HEAD_BYTES_MAX 16384
#define WRITE_RATE                                                                       \
	((int64_t)16384) /* bytes a second that a reader must take at least              \
			  */

void text_add(struct text *text, const void *bytes, size_t len)
{
	if (text->failed || len == 0)
		return;
	if (text->room - text->len < len + 1) {
		size_t room = text->room ? text->room : 512;
		while (room - text->len < len + 1)
			room *= 2;
		char *data = realloc(text->data, room);
		if (!data) {
			text->failed = true;
			return;
		}
		text->data = data;
		text->room = room;
	}
	memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line))
		text->failed = true;
	else
		text_add(text, line, (size_t)len);
}

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
		{ 529, "Overloaded" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}

/* ---- writing ---- */

int http_write_raw(struct http_request *request, const void *bytes, size_t len)
{
	if (request->is_cut || http_is_gone(request))
		return -1;
	reaper_deadline(request->connection, DEADLINE_WRITE,
			http_now_ms() + request->server->config.write_timeout_ms +
				(int64_t)len * 1000 / WRITE_RATE);
	int written = mg_write(request->conn, bytes, len);
	reaper_deadline(request->connection, DEADLINE_WRITE, 0);
	if (written >= 0 && (size_t)written == len)
		return 0;
	request->is_cut = true;
	request->keep = false;
	return -1;
}

static int write_counted(struct http_request *request, const struct text *text)
{
	if (text->failed || http_write_raw(request, text->data, text->len) < 0) {
		request->is_cut = true;
		return -1;
	}
	request->bytes_sent += (int64_t)text->len;
	return 0;
}

/* ---- the head ---- */

static bool is_header_plain(const char *name, const char *value)
{
	if (!*name || strpbrk(name, ": \t"))
		return false;
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return false;
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	return true;
}

void http_set_header(struct http_request *request, const char *name, const char *value)
{
	bool plain = is_header_plain(name, value);

#ifdef AIC_TEST_HOOKS
	if (!plain)
		abort();
#endif
	if (!plain || request->is_answered ||
	    request->headers.len + strlen(name) + strlen(value) > HEAD_BYTES_MAX)
		return;
	text_add(&request->headers, name, strlen(name));
	text_add(&request->headers, ": ", 2);
	text_add(&request->headers, value, strlen(value));
	text_add(&request->headers, "\r\n", 2);
}

/* As HTTP writes it, made once a second. */
static const char *date_now(void)
{
	static _Thread_local char date[40];
	static _Thread_local time_t second;
	time_t now = time(NULL);
	struct tm parts;

	if (now != second && gmtime_r(&now, &parts)) {
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
		second = now;
	}
	return date;
}

static void begin_head(struct http_request *request, struct text *head, int status,
		       const char *content_type)
{
	request->is_answered = true;
	request->status = status;
	if (!request->is_body_over || atomic_load(&request->server->draining))
		request->keep = false;
	text_printf(head, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: %s\r\n", status,
		    http_status_text(status), date_now(),
		    request->keep ? "keep-alive" : "close");
	if (content_type)
		text_printf(head, "Content-Type: %s\r\n", content_type);
	text_add(head, request->headers.data, request->headers.len);
	head->failed |= request->headers.failed;
}

void http_answer(struct http_request *request, int status, const char *content_type,
		 const void *body, size_t len)
{
	struct text text = { 0 };

	if (request->is_answered)
		return;
	begin_head(request, &text, status, content_type);
	if (status != 204 && status != 304)
		text_printf(&text, "Content-Length: %zu\r\n", len);
	text_add(&text, "\r\n", 2);
	if (!request->is_head && status != 204 && status != 304)
		text_add(&text, body, len);
	write_counted(request, &text);
	free(text.data);
}

/* ---- streams ---- */

void http_begin_stream(struct http_request *request, int status, const char *content_type)
{
	struct text head = { 0 };

	if (request->is_answered)
		return;
	if (!request->is_http11)
		request->keep = false;
	begin_head(request, &head, status, content_type);
	if (request->is_http11)
		text_printf(&head, "Transfer-Encoding: chunked\r\n");
	text_add(&head, "\r\n", 2);
	request->is_stream = true;
	/* It waits in the place of the headers for the first bytes. */
	free(request->headers.data);
	request->headers = head;
}

/* A piece, and the end if `last`, behind what still waits: the head, or what the client
 * did not take. */
static struct text make_piece(struct http_request *request, const void *bytes, size_t len,
			      bool last)
{
	struct text text = request->headers;

	request->headers = (struct text){ 0 };
	if (request->is_head || request->is_cut) {
		len = 0;
		last = false;
	}
	if (len > 0 && request->is_http11)
		text_printf(&text, "%zx\r\n", len);
	text_add(&text, bytes, len);
	if (len > 0 && request->is_http11)
		text_add(&text, "\r\n", 2);
	if (last && request->is_http11)
		text_add(&text, "0\r\n\r\n", 5);
	return text;
}

static int write_piece(struct http_request *request, const void *bytes, size_t len,
		       bool last)
{
	struct text text = make_piece(request, bytes, len, last);
	int result = request->is_cut           ? -1
		     : text.len || text.failed ? write_counted(request, &text)
					       : 0;
	free(text.data);
	return result;
}

int http_write(struct http_request *request, const void *bytes, size_t len)
{
	if (!request->is_stream || request->is_ended)
		return -1;
	return write_piece(request, bytes, len, false);
}

int http_write_now(struct http_request *request, const void *bytes, size_t len)
{
	if (!request->is_stream || request->is_ended || request->is_cut ||
	    http_is_gone(request))
		return -1;
	struct text text = make_piece(request, bytes, len, false);
	ssize_t sent = text.failed ? -1
				   : send(request->connection->fd, text.data, text.len,
					  MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && !text.failed && (errno == EAGAIN || errno == EINTR))
		sent = 0;
	if (sent < 0) {
		request->is_cut = true;
		request->keep = false;
		free(text.data);
		return -1;
	}
	request->bytes_sent += sent;
	text.len -= (size_t)sent;
	if (text.len == 0) {
		free(text.data);
		return 0;
	}
	memmove(text.data, text.data + sent, text.len);
	request->headers = text;
	return 1;
}

bool http_flush(struct http_request *request)
{
	return !request->headers.len || http_write(request, NULL, 0) == 0;
}

void http_end_stream(struct http_request *request)
{
	if (!request->is_stream || request->is_ended)
		return;
	write_piece(request, NULL, 0, true);
	request->is_ended = true;
}

bool http_answered(const struct http_request *request)
{
	return request->is_answered;
}

int http_status(const struct http_request *request)
{
	return request->status;
}

int64_t http_bytes_sent(const struct http_request *request)
{
	return request->bytes_sent;
}
