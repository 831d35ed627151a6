/*
 * What must hold before anybody believes a request. civetweb 1.15 accepts much that
 * another program on the way may read otherwise: two lengths, a length beside chunks,
 * names with a space behind them, folded lines, more headers than it keeps. Whoever makes
 * two programs disagree on where a request ends can put words into the mouth of the next
 * client, so whatever can be read in two ways is refused.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

int http_count_header(const struct http_request *request, const char *name,
		      const char **ret_first)
{
	const struct mg_request_info *info = request->info;
	int count = 0;

	for (int i = 0; i < info->num_headers; i++) {
		if (strcasecmp(info->http_headers[i].name, name) != 0)
			continue;
		if (count++ == 0 && ret_first)
			*ret_first = info->http_headers[i].value;
	}
	return count;
}

static bool is_token(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	return true;
}

/*
 * civetweb cuts its buffer into strings where it stands, so the bytes between them still
 * tell how each line was written: exactly `Name: value CR LF`, and after the last one the
 * empty line. A space before the colon, a bare LF, a folded line or one that ended the
 * list early leave other bytes there.
 */
static bool is_line_plain(const struct mg_header *header, bool last)
{
	const char *colon = header->name + strlen(header->name);
	const char *end = header->value + strlen(header->value);

	for (const char *c = colon + 1; c < header->value; c++)
		if (*c != ' ')
			return false;
	if (end[1] != '\0')
		return false;
	return last ? end[2] == '\r' && end[3] == '\0' : true;
}

static const char *check_lines(const struct mg_request_info *info)
{
	for (int i = 0; i < info->num_headers; i++) {
		const struct mg_header *header = &info->http_headers[i];
		if (!is_token(header->name))
			return "a header's name is not valid";
		if (!is_line_plain(header, i + 1 == info->num_headers))
			return "a header line is not `Name: value` with CR LF, or is "
			       "folded";
		for (const char *c = header->value; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				return "a header holds a control character";
	}
	return NULL;
}

/* Where the body ends, said once and in one way. */
static const char *check_framing(struct http_request *request, int *ret_status)
{
	const char *length = NULL, *encoding = NULL, *expect = NULL;
	int lengths = http_count_header(request, "Content-Length", &length);
	int encodings = http_count_header(request, "Transfer-Encoding", &encoding);

	if (lengths > 1)
		return "Content-Length stands more than once";
	if (encodings > 1 || (encodings && strcasecmp(encoding, "chunked") != 0))
		return "Transfer-Encoding must be `chunked` or absent";
	if (encodings && lengths)
		return "Content-Length beside Transfer-Encoding";
	if (encodings && !request->is_http11)
		return "Transfer-Encoding is not for HTTP/1.0";
	if (lengths) {
		size_t digits = strspn(length, "0123456789");
		if (digits == 0 || digits > 18 || length[digits])
			return "Content-Length is not a number";
		request->content_length = strtoll(length, NULL, 10);
	}
	request->is_chunked = encodings == 1;
	request->is_body_over = !encodings && request->content_length == 0;
	int expects = http_count_header(request, "Expect", &expect);
	if (expects > 1 || (expects && strcasecmp(expect, "100-continue") != 0)) {
		*ret_status = 417;
		return "Expect must be `100-continue`";
	}
	request->expects_continue = expects && request->is_http11;
	return NULL;
}

static const char *check_repeats(const struct http_request *request)
{
	static const char *const once[] = {
		"Authorization",   "x-api-key",         "api-key",      "Cookie",
		"Content-Type",    "Idempotency-Key",   "Origin",       "If-Match",
		"Last-Event-ID",   "x-request-id",      "x-csrf-token", "Connection",
		"X-Forwarded-For", "anthropic-version", "Upgrade",
	};

	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
		if (http_count_header(request, once[i], NULL) > 1)
			return "a header that may stand once is repeated";
	return NULL;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Raw and plain: every byte printable ASCII, and no spelling of a slash or a dot segment
 * that somebody might resolve. */
static const char *check_path(const char *path)
{
	const char *segment = path;

	if (*path != '/')
		return "the path must begin with a slash";
	for (const char *c = path; *c; c++) {
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
		    strchr("\\\"<>^`{|}#", *c))
			return "the path holds a byte that must be encoded";
		if (*c == '%') {
			if (!isxdigit((unsigned char)c[1]) ||
			    !isxdigit((unsigned char)c[2]))
				return "the path holds a % without two hex digits";
			int byte = hex_value(c[1]) * 16 + hex_value(c[2]);
			if (byte < ' ' || byte == 0x7f || byte == '/' || byte == '\\' ||
			    byte == '.' || byte == '%')
				return "the path holds an encoded byte that is not taken";
		}
	}
	while (segment) {
		size_t len = strcspn(++segment, "/");
		if ((len == 1 && segment[0] == '.') ||
		    (len == 2 && segment[0] == '.' && segment[1] == '.'))
			return "the path holds a dot segment";
		segment = strchr(segment, '/');
	}
	return NULL;
}

static const char *check_query(const char *query)
{
	for (const char *c = query ? query : ""; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return "the query holds a byte that must be encoded";
	return NULL;
}

const char *http_check(struct http_request *request, int *ret_status)
{
	static const char *const methods[] = { "GET",   "HEAD",   "POST",   "PUT",
					       "PATCH", "DELETE", "OPTIONS" };
	const struct mg_request_info *info = request->info;
	const char *host = NULL;
	bool known = false;

	*ret_status = 400;
	if (info->num_headers >= MG_MAX_HEADERS) {
		*ret_status = 431;
		return "more than 63 headers";
	}
	if (!info->num_headers || http_count_header(request, "Host", &host) != 1 ||
	    !*host)
		return "there must be exactly one Host";
	const char *wrong = check_lines(info);
	if (!wrong)
		wrong = check_framing(request, ret_status);
	if (!wrong)
		wrong = check_repeats(request);
	if (!wrong)
		wrong = check_path(info->request_uri);
	if (!wrong)
		wrong = check_query(info->query_string);
	if (wrong)
		return wrong;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		known |= strcmp(info->request_method, methods[i]) == 0;
	if (known)
		return NULL;
	*ret_status = 405;
	return "there is no such method here";
}
