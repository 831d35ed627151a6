/*
 * A server of server/http/ alone, for what its tests want to see: bodies come back,
 * streams run, and it says when a client has left.
 *
 *     echod NAME=NUMBER...        members of struct http_config; `drain` on SIGUSR1
 */

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/http.h"

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static long parameter(struct http_request *request, const char *name, long otherwise)
{
	const char *at = strstr(http_query(request), name);

	return at ? strtol(at + strlen(name) + 1, NULL, 10) : otherwise;
}

static void on_gone(void *user)
{
	atomic_store((_Atomic bool *)user, true);
}

/* `n` events of `bytes`, `ms` apart, until the client has left. */
static void stream(struct http_request *request)
{
	_Atomic bool gone = false;
	long n = parameter(request, "n", 3), ms = parameter(request, "ms", 0);
	long bytes = parameter(request, "bytes", 10);
	char *event = malloc((size_t)bytes + 1);
	int failed = 0;

	memset(event, 'x', (size_t)bytes);
	event[bytes] = '\n';
	http_watch(request, on_gone, &gone);
	http_begin_stream(request, 200, "text/event-stream");
	for (long i = 0; i < n && !failed && !gone; i++) {
		failed = http_write(request, event, (size_t)bytes + 1);
		for (long slept = 0; slept < ms && !gone; slept += 10)
			sleep_ms(10);
	}
	http_unwatch(request);
	if (!failed && !gone && !parameter(request, "cut", 0))
		http_end_stream(request);
	say(failed ? "stream failed" : gone ? "stream gone" : "stream done");
	free(event);
}

static void handle(struct http_request *request, void *user)
{
	const char *path = http_path(request);
	const char *body = NULL;
	size_t len = 0;

	(void)user;
	if (strcmp(path, "/stream") == 0) {
		stream(request);
		return;
	}
	if (strcmp(path, "/sleep") == 0)
		sleep_ms(parameter(request, "ms", 100));
	if (strcmp(path, "/early") == 0) {
		http_skip_body(request);
		http_answer(request, 401, "text/plain", "early", 5);
		return;
	}
	int status = http_body(request, &body, &len);
	if (status)
		http_answer(request, status, "text/plain", "body", 4);
	else if (strcmp(path, "/echo") == 0)
		http_answer(request, 200, "text/plain", body, len);
	else
		http_answer(request, 200, "text/plain", http_peer(request),
			    strlen(http_peer(request)));
}

static void refuse(struct http_request *request, int status, const char *message,
		   void *user)
{
	(void)user;
	http_answer(request, status, "text/plain", message, strlen(message));
}

int main(int argc, char **argv)
{
	struct http_config config = {
		.listen = "127.0.0.1:0",
		.connections = 20,
		.workers = 24,
		.max_body_bytes = 1 << 20,
		.header_timeout_ms = 1000,
		.idle_timeout_ms = 1000,
		.body_timeout_ms = 20000,
		.write_timeout_ms = 1000,
		.handle = handle,
		.refuse = refuse,
	};
	struct {
		const char *name;
		int *number;
		int64_t *wide;
	} const names[] = {
		{ "connections", &config.connections, NULL },
		{ "workers", &config.workers, NULL },
		{ "connections_per_ip", &config.connections_per_ip, NULL },
		{ "max_body_bytes", NULL, &config.max_body_bytes },
		{ "header_timeout_ms", NULL, &config.header_timeout_ms },
		{ "idle_timeout_ms", NULL, &config.idle_timeout_ms },
		{ "body_timeout_ms", NULL, &config.body_timeout_ms },
		{ "min_body_rate", NULL, &config.min_body_rate },
		{ "write_timeout_ms", NULL, &config.write_timeout_ms },
	};
	struct http_server *server = NULL;
	char error[256];
	sigset_t taken;
	int number = 0;

	for (int i = 1; i < argc; i++) {
		size_t len = strcspn(argv[i], "=");
		for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
			if (strlen(names[n].name) != len ||
			    strncmp(names[n].name, argv[i], len) != 0)
				continue;
			if (names[n].number)
				*names[n].number = (int)strtol(argv[i] + len + 1, NULL,
							       10);
			else
				*names[n].wide = strtoll(argv[i] + len + 1, NULL, 10);
		}
		if (strncmp(argv[i], "listen=", 7) == 0)
			config.listen = argv[i] + 7;
	}
	sigemptyset(&taken);
	sigaddset(&taken, SIGTERM);
	sigaddset(&taken, SIGUSR1);
	sigprocmask(SIG_BLOCK, &taken, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (http_server_start(&config, &server, error) < 0) {
		printf("error %s\n", error);
		return 1;
	}
	printf("port %d\n", http_server_port(server));
	fflush(stdout);
	while (sigwait(&taken, &number) == 0 && number == SIGUSR1)
		http_server_drain(server);
	http_server_stop(server);
	say("stopped");
	return 0;
}
