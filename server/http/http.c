/*
 * civetweb: started with everything off that it could do by itself, and every request
 * taken in begin_request, so that its files, CGI, CORS and authorization are never
 * reached.
 */

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

int64_t http_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- civetweb's callbacks ---- */

static struct http_server *server_of(const struct mg_connection *conn)
{
	return mg_get_user_data(mg_get_context(conn));
}

static void learn_port(struct http_server *server, const struct mg_context *context)
{
	struct mg_server_port port = { 0 };

	if (!atomic_load(&server->port) && mg_get_server_ports(context, 1, &port) == 1)
		atomic_store(&server->port, port.port);
}

static int on_connection(const struct mg_connection *conn, void **data)
{
	struct http_server *server = server_of(conn);

	*data = NULL;
	learn_port(server, mg_get_context(conn));
	reaper_notice(server);
	return 0;
}

static void on_closing(const struct mg_connection *conn)
{
	const struct mg_request_info *info = mg_get_request_info(conn);

	if (info)
		reaper_closing(server_of(conn), info->remote_addr, info->remote_port);
}

static void on_closed(const struct mg_connection *conn)
{
	const struct mg_request_info *info = mg_get_request_info(conn);

	if (info)
		reaper_closed(server_of(conn), info->remote_addr, info->remote_port);
}

/* Connection as the client wishes it; civetweb decides in the same way. */
static bool wants_to_keep(const struct http_request *request)
{
	const char *connection = mg_get_header(request->conn, "Connection");

	if (!connection)
		return request->is_http11;
	return strcasestr(connection, "keep-alive") != NULL;
}

static void begin(struct http_request *request, struct mg_connection *conn)
{
	*request = (struct http_request){
		.server = server_of(conn),
		.conn = conn,
		.info = mg_get_request_info(conn),
		.body_status = -1,
		.max_body_bytes = server_of(conn)->config.max_body_bytes,
	};
	const struct mg_request_info *info = request->info;
	request->connection = mg_get_user_connection_data(conn);
	if (!request->connection) {
		request->connection = reaper_find(request->server, info->remote_addr,
						  info->remote_port);
		mg_set_user_connection_data(conn, request->connection);
	}
	snprintf(request->peer, sizeof(request->peer), "%s", info->remote_addr);
	request->is_http11 = info->http_version && strcmp(info->http_version, "1.1") == 0;
	request->is_head = info->request_method &&
			   strcmp(info->request_method, "HEAD") == 0;
	request->keep = wants_to_keep(request) &&
			!atomic_load(&request->server->draining);
}

/* A request that failed a check: whatever follows it on the connection means nothing. */
static void refuse(struct http_request *request, int status, const char *message)
{
	const struct http_config *config = &request->server->config;

	request->keep = false;
	config->refuse(request, status, message, config->user);
}

static int on_request(struct mg_connection *conn)
{
	struct http_request request;
	int status = 0;

	begin(&request, conn);
	if (!request.connection || request.connection->is_over_limit) {
		mg_disable_connection_keep_alive(conn);
		return 503;
	}
	struct http_server *server = request.server;
	atomic_fetch_add(&server->active, 1);
	const char *wrong = http_check(&request, &status);
	request.is_checked = !wrong;
	if (wrong)
		refuse(&request, status, wrong);
	else
		server->config.handle(&request, server->config.user);
	http_request_done(&request);
	atomic_fetch_sub(&server->active, 1);
	return request.status ? request.status : 500;
}

/* What civetweb itself found wrong, before there was a request. */
static int on_error(struct mg_connection *conn, int status, const char *message)
{
	struct http_request request;

	(void)message;
	begin(&request, conn);
	if (!request.connection || request.connection->is_over_limit)
		return 0;
	const char *wrong = "only HTTP/1.1 and HTTP/1.0 are spoken here";
	if (status != 505)
		wrong = http_explain_head(&request, &status);
	refuse(&request, status, wrong);
	http_request_done(&request);
	return 0;
}

static int on_log(const struct mg_connection *conn, const char *message)
{
	(void)conn;
	(void)message;
	return 1; /* whatever it has to say holds parts of requests */
}

/* ---- start and stop ---- */

static const struct mg_callbacks callbacks = {
	.begin_request = on_request,
	.http_error = on_error,
	.init_connection = on_connection,
	.connection_close = on_closing,
	.connection_closed = on_closed,
	.log_message = on_log,
};

static bool is_ipv6(const char *host, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	snprintf(text, sizeof(text), "%.*s", (int)len, host);
	return len < sizeof(text) && inet_pton(AF_INET6, text, &address) == 1;
}

/*
 * "HOST:PORT" to what civetweb takes. Debian's is built without IPv6 (mg_check_feature(8)
 * is 0), and the reaper knows its sockets by IPv4 addresses.
 */
static int check_listen(const char *listen, char ports[64], char error[256])
{
	const char *colon = strrchr(listen, ':');
	struct in_addr address;
	char host[32];

	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strlen(colon + 1) > 5 || strtol(colon + 1, NULL, 10) > 65535) {
		size_t len = strlen(listen);
		if (len && (listen[len - 1] == 's' || listen[len - 1] == 'r'))
			snprintf(error, 256,
				 "%.64s: TLS is not spoken here: put a reverse proxy in "
				 "front (nginx, Caddy) and listen on 127.0.0.1",
				 listen);
		else
			snprintf(error, 256, "%.128s is not HOST:PORT", listen);
		return -1;
	}
	size_t len = (size_t)(colon - listen);
	if (len == 0 || (len == 1 && *listen == '*'))
		snprintf(host, sizeof(host), "0.0.0.0");
	else if (len == 9 && strncmp(listen, "localhost", 9) == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	else
		snprintf(host, sizeof(host), "%.*s", (int)(len < 31 ? len : 31), listen);
	if (is_ipv6(listen, len)) {
		snprintf(error, 256,
			 "%.64s: IPv6 is not spoken here: put a reverse proxy in front "
			 "(nginx, Caddy), which does, and listen on 127.0.0.1",
			 listen);
		return -1;
	}
	if (inet_pton(AF_INET, host, &address) != 1) {
		snprintf(error, 256,
			 "%.128s: the host must be an IPv4 address or localhost", listen);
		return -1;
	}
	snprintf(ports, 64, "%s:%s", host, colon + 1);
	return 0;
}

int http_check_listen(const char *listen, char error[256])
{
	char ports[64];

	return check_listen(listen, ports, error);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
	mg_init_library(0);
}

static struct mg_context *start_context(struct http_server *server, const char *ports)
{
	const struct http_config *config = &server->config;
	char threads[16], header_timeout[24], idle_timeout[24], queue[16];

	snprintf(threads, sizeof(threads), "%d", config->workers);
	snprintf(queue, sizeof(queue), "%d", config->connections < 256 ? 16 : 128);
	snprintf(header_timeout, sizeof(header_timeout), "%" PRId64,
		 config->header_timeout_ms);
	snprintf(idle_timeout, sizeof(idle_timeout), "%" PRId64, config->idle_timeout_ms);
	const char *options[] = {
		"listening_ports",
		ports,
		"num_threads",
		threads,
		"connection_queue",
		queue,
		"listen_backlog",
		"1024",
		"tcp_nodelay",
		"1",
		"enable_keep_alive",
		"yes",
		"request_timeout_ms",
		header_timeout,
		"keep_alive_timeout_ms",
		idle_timeout,
		"decode_url",
		"no",
		"decode_query_string",
		"no",
		"enable_directory_listing",
		"no",
		"enable_auth_domain_check",
		"no",
		"cgi_pattern",
		"",
		"ssi_pattern",
		"",
		"access_control_allow_origin",
		"",
		"access_control_allow_methods",
		"",
		"access_control_allow_headers",
		"",
		NULL,
	};
	return mg_start(&callbacks, server, options);
}

int http_server_start(const struct http_config *config, struct http_server **ret_server,
		      char error[256])
{
	struct http_server *server = NULL;
	char ports[64];

	if (check_listen(config->listen, ports, error) < 0)
		return -1;
	pthread_once(&library_once, start_library);
	server = calloc(1, sizeof(*server));
	if (!server) {
		snprintf(error, 256, "out of memory");
		return -1;
	}
	server->config = *config;
	if (reaper_start(error) < 0) {
		free(server);
		return -1;
	}
	snprintf(server->host, sizeof(server->host), "%.*s", (int)strcspn(ports, ":"),
		 ports);
	server->context = start_context(server, ports);
	if (!server->context) {
		snprintf(
			error, 256,
			"cannot listen on %s: the port is taken or not ours, or there is "
			"no memory for %d threads",
			config->listen, config->workers);
		reaper_stop();
		free(server);
		return -1;
	}
	learn_port(server, server->context);
	*ret_server = server;
	return 0;
}

int http_server_port(const struct http_server *server)
{
	return atomic_load(&server->port);
}

void http_server_drain(struct http_server *server)
{
	atomic_store(&server->draining, true);
}

int http_server_active(const struct http_server *server)
{
	return atomic_load(&server->active);
}

int http_server_connections(const struct http_server *server)
{
	return atomic_load(&server->count);
}

void http_server_wake(struct http_server *server)
{
	reaper_wake_all(server);
}

void http_server_cut(struct http_server *server)
{
	reaper_shut_all(server);
}

static void *stop_context(void *server)
{
	mg_stop(((struct http_server *)server)->context);
	atomic_store(&((struct http_server *)server)->stopped, true);
	return NULL;
}

/* civetweb's listening thread looks only every two seconds whether it shall stop, or when
 * somebody comes. */
static void knock(const struct http_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	address.sin_port = htons((uint16_t)atomic_load(&server->port));
	if (inet_pton(AF_INET, server->host, &address.sin_addr) == 1 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		usleep(1000);
	close(fd);
}

struct http_server *http_server_stop(struct http_server *server)
{
	pthread_t stopper;

	if (!server)
		return NULL;
	http_server_cut(server);
	if (pthread_create(&stopper, NULL, stop_context, server) == 0) {
		while (!atomic_load(&server->stopped)) {
			knock(server);
			usleep(10000);
		}
		pthread_join(stopper, NULL);
	} else {
		stop_context(server);
	}
	reaper_stop();
	free(server);
	return NULL;
}
