#pragma once

/*
 * From an HTTP request to its route's handler: request id, Host and Origin, route, who
 * asks, limits, validation; then the handler, the log line and the metrics.
 */

#include "http/http.h"

struct server;

struct port { /* what http/ hands back with each request */
	struct server *server;
	bool is_admin; /* the health and metrics port */
};

void dispatch(struct http_request *request, void *port);
void dispatch_refused(struct http_request *request, int status, const char *message,
		      void *port);
/* Whether limits per address do not count for this one. */
bool dispatch_is_exempt(const char *peer, void *port);
/* Whether an address is one of the proxies, or this machine. */
bool is_loopback(const char *address);
