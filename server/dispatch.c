/*
 * What happens to every request. The order matters: nothing is believed before Host and
 * Origin were looked at, nobody unknown gets a body read or learns which routes there are
 * that take one, and nothing is counted for whom nobody is.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "auth.h"
#include "dispatch.h"
#include "limits.h"
#include "log.h"
#include "metrics.h"
#include "server.h"
#include "validate.h"

#define REQUEST_ID_MAX 64
/* Of who is not known yet: a name and a password, however they are escaped. */
#define OPEN_BODY_MAX 8192

/* ---- request ids ---- */

static bool is_request_id(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return len > 0 && len <= REQUEST_ID_MAX && text[len] == '\0';
}

/* The client's own if it is one, so that both sides find the same lines. */
static void set_request_id(struct call *call)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	const char *given = http_header(call->request, "x-request-id");
	unsigned char random[24];

	if (given && is_request_id(given)) {
		snprintf(call->request_id, sizeof(call->request_id), "%s", given);
		return;
	}
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		memset(random, 0, sizeof(random));
	memcpy(call->request_id, "req_", 4);
	for (size_t i = 0; i < sizeof(random); i++)
		call->request_id[4 + i] = digits[random[i] & 31];
}

/* ---- where from ---- */

bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static bool is_listed(const char *const *list, const char *text, size_t len)
{
	for (; list && *list; list++)
		if (strlen(*list) == len && strncasecmp(*list, text, len) == 0)
			return true;
	return false;
}

bool dispatch_is_exempt(const char *peer, void *port)
{
	const struct settings *settings = &((struct port *)port)->server->settings;

	return is_listed(settings->proxies, peer, strlen(peer)) ||
	       (settings->connections_per_ip == 0 && is_loopback(peer));
}

/* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT: the address in its one spelling, for it is
 * counted by it. */
static bool read_address(const char *text, size_t len, char address[INET6_ADDRSTRLEN])
{
	char copy[64], *host = copy, *end = NULL;
	struct in6_addr six;
	struct in_addr four;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (*copy == '[') {
		host++;
		end = strchr(copy, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
	} else {
		end = strchr(copy, ':');
		if (end && strchr(end + 1, ':'))
			end = NULL;
	}
	if (end)
		*end = '\0';
	if (inet_pton(AF_INET, host, &four) == 1)
		return inet_ntop(AF_INET, &four, address, INET6_ADDRSTRLEN) != NULL;
	return inet_pton(AF_INET6, host, &six) == 1 &&
	       inet_ntop(AF_INET6, &six, address, INET6_ADDRSTRLEN);
}

/* The address that the nearest proxy of ours saw: what stands further left, the client
 * may have written itself. */
static void take_forwarded_peer(struct call *call)
{
	const char *const *proxies = call->server->settings.proxies;
	const char *list = http_header(call->request, "X-Forwarded-For");
	const char *peer = http_peer(call->request);
	char address[INET6_ADDRSTRLEN];

	if (!list || !is_listed(proxies, peer, strlen(peer)))
		return;
	for (const char *end = list + strlen(list); end > list;) {
		const char *begin = end;
		while (begin > list && begin[-1] != ',')
			begin--;
		const char *from = begin + strspn(begin, " ");
		size_t len = strcspn(from, " ,");
		if (!read_address(from, len, address))
			return;
		http_set_peer(call->request, address);
		if (!is_listed(proxies, address, strlen(address)))
			return;
		end = begin > list ? begin - 1 : list;
	}
}

/* A name that Host may hold: this machine's own, or one of the list, whatever its port. A
 * page of another name whose address was turned to ours stays outside. */
static bool is_host_ours(const struct call *call, const char *host)
{
	static const char *const own[] = { "localhost", "127.0.0.1", "[::1]", NULL };
	const struct settings *settings = &call->server->settings;
	const char *listen = call->on_admin_port ? settings->admin_listen
						 : settings->listen;
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len > strlen(host) ||
	    (host[len] && (host[len] != ':' || strspn(host + len + 1, "0123456789") !=
						       strlen(host + len + 1))))
		return false;
	return is_listed(own, host, len) || is_listed(settings->hosts, host, len) ||
	       is_listed(settings->hosts, host, strlen(host)) ||
	       (strncmp(listen, "0.0.0.0", 7) != 0 && strncmp(listen, host, len) == 0 &&
		listen[len] == ':');
}

/* Pages of others may not ask us anything, whatever their browser holds of ours. */
static bool is_origin_ours(const struct call *call, const char *origin)
{
	const char *host = http_header(call->request, "Host");
	const char *scheme_end = strstr(origin, "://");

	if (is_listed(call->server->settings.origins, origin, strlen(origin)))
		return true;
	return scheme_end &&
	       (strncmp(origin, "http://", 7) == 0 ||
		strncmp(origin, "https://", 8) == 0) &&
	       strcasecmp(scheme_end + 3, host) == 0;
}

static bool check_origin(struct call *call)
{
	const char *origin = http_header(call->request, "Origin");

	if (!is_host_ours(call, http_header(call->request, "Host"))) {
		call_refuse(call, 421, "MISDIRECTED",
			    "this server does not answer for that Host; an operator adds "
			    "it to server.hosts");
		return false;
	}
	if (origin && !is_origin_ours(call, origin)) {
		call_refuse(
			call, 403, "FORBIDDEN",
			"pages of another origin may not ask this server; an operator "
			"adds it to server.origins");
		return false;
	}
	return true;
}

/* ---- the route ---- */

/* The surface of a path, whether there is a route or not: errors speak its language. */
static enum surface surface_of(const struct call *call, const char *path,
			       enum surface route)
{
	if (route == SURFACE_BOTH ||
	    (route == SURFACE_NATIVE && !call->route && strncmp(path, "/v1/", 4) == 0)) {
		bool anthropic = strncmp(path, "/v1/messages", 12) == 0 ||
				 http_header(call->request, "anthropic-version");
		return anthropic ? SURFACE_ANTHROPIC : SURFACE_OPENAI;
	}
	return route;
}

struct found {      /* by the router */
	int status; /* where there is no route */
	char allow[64];
};

/* The route, which may be none, and with it the surface. */
static struct found find_route(struct call *call)
{
	const char *path = http_path(call->request);
	struct found found = { .status = 404 };

	const struct route *route = route_find(http_method(call->request), path,
					       call->path_values, &found.status,
					       found.allow);
	if (call->on_admin_port && !(route && route->flags & ROUTE_ADMIN_PORT)) {
		route = NULL;
		found.status = 404;
	}
	call->route = route;
	call->surface = surface_of(call, path, route ? route->surface : SURFACE_NATIVE);
	if (call->surface == SURFACE_ANTHROPIC)
		http_set_header(call->request, "request-id", call->request_id);
	return found;
}

static bool check_route(struct call *call, const struct found *found)
{
	if (call->route)
		return true;
	if (found->status == 405) {
		http_set_header(call->request, "Allow", found->allow);
		call_refuse(call, 405, "METHOD_NOT_ALLOWED", "%s is not for this path",
			    http_method(call->request));
	} else {
		call_refuse(call, 404, "NOT_FOUND", "there is no such path");
	}
	return false;
}

/* An id that cannot be one names nothing, as one that is not there. */
static bool check_path_values(struct call *call)
{
	for (int i = 0; i < PATH_VALUES_MAX && call->route->path_values[i].name; i++) {
		enum object object = call->route->path_values[i].object;
		if (object != OBJECT_CONVERSATION && object != OBJECT_MESSAGE &&
		    object != OBJECT_REPLY)
			continue;
		if (strlen(call->path_values[i]) == 36 &&
		    strspn(call->path_values[i], "0123456789abcdef-") == 36)
			continue;
		call_refuse(call, 404, "NOT_FOUND", "there is no such %s",
			    object == OBJECT_CONVERSATION ? "conversation"
			    : object == OBJECT_MESSAGE    ? "message"
							  : "reply");
		return false;
	}
	return true;
}

/* ---- the body ---- */

static bool is_json_type(const char *type)
{
	size_t len = strlen("application/json");

	if (!type || strncasecmp(type, "application/json", len) != 0)
		return false;
	type += len + strspn(type + len, " ");
	return *type == '\0' || *type == ';';
}

static bool read_body(struct call *call)
{
	/* Where a body means nothing it is not read, and the connection closed after it.
	 */
	if (strcmp(call->route->method, "GET") == 0 ||
	    strcmp(call->route->method, "DELETE") == 0) {
		http_skip_body(call->request);
		return true;
	}
	int64_t max_bytes = call->server->settings.max_body_bytes;

	if (call->route->flags & ROUTE_OPEN && max_bytes > OPEN_BODY_MAX)
		max_bytes = OPEN_BODY_MAX;
	http_limit_body(call->request, max_bytes, limits_body_bytes(call));
	int status = http_body(call->request, &call->raw_body, &call->raw_body_len);

	switch (status) {
	case 0:
		break;
	case 408:
		call_refuse(call, 408, "REQUEST_TIMEOUT", "the body came too slowly");
		return false;
	case 413:
		call_refuse(call, 413, "TOO_LARGE", "the body is larger than %lld bytes",
			    (long long)max_bytes);
		return false;
	case 429:
		http_set_header(call->request, "Retry-After", "1");
		call_refuse(call, 429, "RATE_LIMITED",
			    "this user's requests hold too much memory; wait until some "
			    "are answered");
		return false;
	case 503:
		call_refuse(call, 503, "BUSY", "too many bodies are being read");
		return false;
	default:
		call_refuse(call, 400, "VALIDATION_FAILED",
			    "the body was cut short, or its chunks make no sense");
		return false;
	}
	if (call->raw_body_len == 0 ||
	    is_json_type(http_header(call->request, "Content-Type")))
		return true;
	call_refuse(call, 415, "UNSUPPORTED_MEDIA_TYPE",
		    "the body must be application/json");
	return false;
}

/* ---- in order ---- */

/* A user is deleted when none of their calls is counted any more. One that was let in
 * before that began, and is counted only now, nobody waited for. */
static bool check_still(struct call *call)
{
	struct auth_watch rights = { 0 };

	if (auth_holds(call, &rights))
		return true;
	auth_refuse(call);
	return false;
}

static bool admit(struct call *call)
{
	bool open = call->route->flags & ROUTE_OPEN;

	if (!open && atomic_load(&call->server->draining)) {
		call_refuse(call, 503, "DRAINING", "the server is shutting down");
		return false;
	}
	if (open)
		return true;
	if (call->on_admin_port && is_loopback(http_peer(call->request)))
		return true;
	return auth_check(call) && auth_allow(call) && limits_take_request(call) &&
	       check_still(call);
}

static bool open_view(struct call *call)
{
	aichat_error *error = NULL;

	if (!call->principal.user[0] ||
	    aichat_for_owner(call->server->ai, call->principal.user, &call->ai, &error) ==
		    0)
		return true;
	call_fail(call, error);
	aichat_error_unref(error);
	return false;
}

static void end_stream(struct call *call)
{
	atomic_fetch_sub(&call->server->streams, 1);
	limits_end_stream(call);
}

/* Streams hold their workers; enough of them stay free for everybody else, and for other
 * users' streams. */
static bool take_stream(struct call *call)
{
	struct server *server = call->server;

	if (!(call->route->flags & ROUTE_STREAM))
		return true;
	if (!limits_take_stream(call))
		return false;
	if (atomic_fetch_add(&server->streams, 1) < server->settings.streams)
		return true;
	end_stream(call);
	call_refuse(call, 503, "BUSY", "too many replies are being streamed");
	return false;
}

static void handle(struct call *call)
{
	if (!check_path_values(call) || !read_body(call))
		return;
	bool ok = validate_query(call);
	if (!(call->route->flags & ROUTE_RAW_BODY))
		ok = validate_body(call) && ok;
	if (http_answered(call->request) || call_refuse_mistakes(call))
		return;
	if (!ok || !call->query) {
		call_refuse(call, 503, "BUSY", "out of memory");
		return;
	}
	if (!open_view(call) || !take_stream(call))
		return;
	call->route->handle(call);
	if (call->route->flags & ROUTE_STREAM)
		end_stream(call);
}

static void begin(struct call *call, struct http_request *request,
		  const struct port *port)
{
	*call = (struct call){
		.server = port->server,
		.request = request,
		.on_admin_port = port->is_admin,
		.started_mono_us = clock_mono_us(),
		.input_tokens = -1,
		.output_tokens = -1,
		.cost_nano_usd = -1,
	};
	set_request_id(call);
	http_set_header(request, "x-request-id", call->request_id);
	http_set_header(request, "X-Content-Type-Options", "nosniff");
	http_set_header(request, "Cache-Control", "no-store");
}

static void finish(struct call *call)
{
	if (!http_answered(call->request))
		call_refuse(call, 500, "INTERNAL", "an internal error");
	metrics_request(call->server->metrics, call);
	log_request(call);
	limits_leave(call);
	aichat_close(call->ai);
	aichat_json_unref(call->query);
	aichat_json_unref(call->body);
	free(call->mistakes);
}

void dispatch(struct http_request *request, void *port)
{
	struct call call;

	begin(&call, request, port);
	take_forwarded_peer(&call);
	const struct found found = find_route(&call);
	if (check_origin(&call) && check_route(&call, &found) && admit(&call))
		handle(&call);
	finish(&call);
}

void dispatch_refused(struct http_request *request, int status, const char *message,
		      void *port)
{
	struct call call;

	begin(&call, request, port);
	call.surface = surface_of(&call, http_path(request), SURFACE_NATIVE);
	call_refuse(&call, status,
		    status == 431   ? "TOO_LARGE"
		    : status == 408 ? "REQUEST_TIMEOUT"
		    : status == 405 ? "METHOD_NOT_ALLOWED"
				    : "VALIDATION_FAILED",
		    "%s", message);
	finish(&call);
}
