/*
 * aichatd: start, wait for a signal, drain, stop.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "auth.h"
#include "config.h"
#include "dispatch.h"
#include "limits.h"
#include "lock.h"
#include "log.h"
#include "metrics.h"
#include "notify.h"
#include "ongoing.h"
#include "owed.h"
#include "teller.h"

#define STATUS_USAGE 2
#define HURRY_MS 2000   /* for streams to end once they are told, and once they are cut */
#define LOOK_MS 1000    /* at what operators have done beside the daemon */
#define RESERVED_FDS 64 /* for store, log, listeners and libraries */

struct daemon {
	struct args args;
	struct server server;
	struct port port, admin_port;
	int lock_fd; /* held as long as we are the daemon of the store */
};

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
	va_list args;

	fputs("aichatd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

static int fail_error(aichat_error *error)
{
	fail("%s", error ? aichat_error_message(error) : "out of memory");
	aichat_error_unref(error);
	return EXIT_FAILURE;
}

/* ---- the process ---- */

/* A file that is opened later must not become a standard stream by accident. */
static void fill_standard_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILURE);
}

/* Keys and conversations are in our memory: it is nobody's to see. */
static void forbid_core_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Signals are taken with sigtimedwait() by the first thread alone. */
static void block_signals(sigset_t *taken)
{
	sigemptyset(taken);
	sigaddset(taken, SIGTERM);
	sigaddset(taken, SIGINT);
	sigaddset(taken, SIGHUP);
	sigprocmask(SIG_BLOCK, taken, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* As many descriptors as the connections may need, each perhaps with one upstream. With
 * fewer, fewer connections: work is refused before descriptors run out. */
static void fit_descriptors(struct settings *settings)
{
	rlim_t wanted = (rlim_t)settings->connections * 2 + 2 * RESERVED_FDS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted)
		return;
	int fitting = limit.rlim_cur > RESERVED_FDS
			      ? (int)(limit.rlim_cur - RESERVED_FDS) / 2
			      : 1;
	fitting = fitting < 4 ? 4 : fitting;
	log_line(AICHAT_LOG_WARNING,
		 "%ld open files are allowed: %d connections at once instead of %d",
		 (long)limit.rlim_cur, fitting, settings->connections);
	settings->workers -= settings->connections - fitting;
	settings->connections = fitting;
	if (settings->streams >= fitting)
		settings->streams = fitting - 1;
}

/* ---- the store ---- */

static void set_store_path(struct server *server)
{
	const char *store = NULL;

	aichat_options_get(server->options, "store", &store);
	if (!store || strcmp(store, "memory:") == 0)
		return;
	if (strncmp(store, "sqlite:", 7) == 0)
		store += 7;
	snprintf(server->store_path, sizeof(server->store_path), "%s", store);
}

/* ---- the first key ---- */

/* Whether standard output ends in systemd's journal. */
static bool is_output_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device = 0, inode = 0;
	struct stat status;
	char *end = NULL;

	if (!stream || fstat(STDOUT_FILENO, &status) < 0)
		return false;
	device = strtoul(stream, &end, 10);
	if (*end == ':')
		inode = strtoul(end + 1, NULL, 10);
	return device == status.st_dev && inode == status.st_ino;
}

/* The log keeps what it is told for ever; a key is for one pair of eyes. */
static int hand_over_key(struct daemon *daemon, const char *key)
{
	char path[sizeof(daemon->server.store_path) + 16];

	if (!is_output_journal() || !daemon->server.store_path[0]) {
		printf("This is the first start. Your admin key, shown only now:\n\n"
		       "    %s\n\n",
		       key);
		return EXIT_SUCCESS;
	}
	snprintf(path, sizeof(path), "%s-first-key", daemon->server.store_path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t len = strlen(key);
	bool written = fd >= 0 && write(fd, key, len) == (ssize_t)len &&
		       write(fd, "\n", 1) == 1;
	if (fd >= 0)
		close(fd);
	if (!written)
		return fail("%s: the first key cannot be written: %s", path,
			    strerror(errno));
	log_line(AICHAT_LOG_INFO, "first start: the admin key is in %s; delete it there",
		 path);
	return EXIT_SUCCESS;
}

static bool is_bind_local(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "localhost:", 10) == 0;
}

static int prepare_accounts(struct daemon *daemon)
{
	struct server *server = &daemon->server;
	aichat_error *error = NULL;
	bool exist = false;
	char *key = NULL;

	if (accounts_exist(server, &exist, &error) < 0)
		return fail_error(error);
	if (exist)
		return EXIT_SUCCESS;
	if (!is_bind_local(server->settings.listen))
		return fail("there is no key for anybody, and %s can be reached from "
			    "outside; start once with --listen 127.0.0.1:8020 to get one",
			    server->settings.listen);
	if (accounts_first_key(server, &key, &error) < 0)
		return fail_error(error);
	int status = hand_over_key(daemon, key);
	explicit_bzero(key, strlen(key));
	aichat_free(key);
	return status;
}

/* ---- serving ---- */

static int listen_on(struct daemon *daemon, bool admin)
{
	struct server *server = &daemon->server;
	const struct settings *settings = &server->settings;
	struct port *port = admin ? &daemon->admin_port : &daemon->port;
	char error[256];

	*port = (struct port){ server, admin };
	const struct http_config config = {
		.listen = admin ? settings->admin_listen : settings->listen,
		.connections = admin ? 16 : settings->connections,
		.workers = admin ? 20 : settings->workers,
		.connections_per_ip = settings->connections_per_ip
					      ? settings->connections_per_ip
					      : (settings->connections + 3) / 4,
		.max_body_bytes = settings->max_body_bytes,
		.header_timeout_ms = settings->header_timeout_ms,
		.idle_timeout_ms = settings->idle_timeout_ms,
		.body_timeout_ms = settings->body_timeout_ms,
		.min_body_rate = settings->min_body_rate,
		.write_timeout_ms = settings->write_timeout_ms,
		.handle = dispatch,
		.refuse = dispatch_refused,
		.is_exempt = dispatch_is_exempt,
		.user = port,
	};
	if (http_server_start(&config, admin ? &server->admin_http : &server->http,
			      error) < 0)
		return fail("%s: %s", admin ? "server.admin_listen" : "server.listen",
			    error);
	return EXIT_SUCCESS;
}

static void say_where(const struct daemon *daemon)
{
	const struct server *server = &daemon->server;
	const char *listen = server->settings.listen;
	int host = (int)strcspn(listen, ":");
	int port = http_server_port(server->http);
	int admin = server->admin_http ? http_server_port(server->admin_http) : 0;

	printf("Listening on http://%.*s:%d\n", host, listen, port);
	fflush(stdout);
	log_line(AICHAT_LOG_INFO, "listening on http://%.*s:%d, health on port %d", host,
		 listen, port, admin);
}

/* The daemon's part of the store: whoever else opens it needs none. */
static int set_ballast(aichat_options *options, aichat_error **reterr)
{
	const char *bytes = NULL;

	aichat_options_get(options, "server.ballast_bytes", &bytes);
	return aichat_options_set(options, "store_ballast_bytes", bytes, -1, reterr);
}

static int start(struct daemon *daemon, bool serving)
{
	struct server *server = &daemon->server;
	aichat_error *error = NULL;
	char message[512];

	if (serving && set_ballast(server->options, &error) < 0)
		return fail_error(error);
	if (aichat_open(server->options, &server->ai, &error) < 0)
		return fail_error(error);
	/* Others may open the store beside the daemon, but for a second one. */
	if (serving && lock_take(server, &daemon->lock_fd, message) < 0)
		return fail("%s", message);
	if (accounts_open(server, message) < 0)
		return fail("%s", message);
	server->limits = limits_new(server);
	server->metrics = metrics_new();
	if (!server->limits || !server->metrics)
		return fail_error(NULL);
	if (!serving)
		return EXIT_SUCCESS;
	server->ongoings = ongoings_new(server);
	server->teller = teller_new();
	if (!server->ongoings || !server->teller)
		return fail_error(NULL);
	return EXIT_SUCCESS;
}

static int take_signal(const sigset_t *taken, int64_t wait_ms)
{
	const struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000 };

	return wait_ms < 0 ? sigwaitinfo(taken, NULL) : sigtimedwait(taken, NULL, &wait);
}

/* Requests are being answered, or replies written that nobody waits for. */
static bool is_busy(struct server *server)
{
	return http_server_active(server->http) > 0 ||
	       (!atomic_load(&server->stopping) &&
		ongoings_running(server->ongoings) > 0);
}

/* Until nothing runs or the time is over. A second signal ends everything at once: that
 * is a crash, and the store is made for crashes. */
static void wait_for_requests(struct daemon *daemon, const sigset_t *taken, int64_t ms)
{
	int64_t end_us = clock_mono_us() + ms * 1000;

	while (is_busy(&daemon->server) && clock_mono_us() < end_us) {
		int number = take_signal(taken, 20);
		if (number == SIGTERM || number == SIGINT) {
			log_line(AICHAT_LOG_WARNING, "stopped at once");
			_exit(EXIT_FAILURE);
		}
	}
}

/* Nothing new; what runs may end by itself. When its time is over, streams say where they
 * can be resumed. Who does not take even that is cut off, so that no worker waits for it
 * and what was used is written down; whatever then still runs is left behind. */
static void drain(struct daemon *daemon, const sigset_t *taken)
{
	struct server *server = &daemon->server;

	notify_systemd("STOPPING=1");
	log_line(AICHAT_LOG_INFO, "draining: %d requests are running",
		 http_server_active(server->http));
	atomic_store(&server->draining, true);
	http_server_drain(server->http);
	wait_for_requests(daemon, taken, server->settings.drain_ms);
	atomic_store(&server->stopping, true);
	http_server_wake(server->http);
	wait_for_requests(daemon, taken, HURRY_MS);
	http_server_cut(server->http);
	wait_for_requests(daemon, taken, HURRY_MS);
	if (http_server_active(server->http) > 0) {
		log_line(AICHAT_LOG_WARNING, "stopped with %d requests running",
			 http_server_active(server->http));
		_exit(EXIT_FAILURE);
	}
	sigprocmask(SIG_UNBLOCK, taken, NULL);
}

/* Before anything is made. */
static int check_listen(const struct settings *settings)
{
	char message[256];

	if (http_check_listen(settings->listen, message) < 0)
		return fail("server.listen: %s", message);
	if (*settings->admin_listen &&
	    http_check_listen(settings->admin_listen, message) < 0)
		return fail("server.admin_listen: %s", message);
	return EXIT_SUCCESS;
}

static int serve(struct daemon *daemon, const sigset_t *taken)
{
	struct server *server = &daemon->server;
	int number;

	fit_descriptors(&server->settings);
	int status = prepare_accounts(daemon);
	if (status == EXIT_SUCCESS)
		status = listen_on(daemon, false);
	if (status == EXIT_SUCCESS && *server->settings.admin_listen)
		status = listen_on(daemon, true);
	if (status != EXIT_SUCCESS)
		return status;
	say_where(daemon);
	notify_systemd("READY=1");
	do {
		accounts_finish(server);
		number = take_signal(taken, LOOK_MS);
	} while (number != SIGTERM && number != SIGINT);
	drain(daemon, taken);
	log_line(AICHAT_LOG_INFO, "stopped");
	return EXIT_SUCCESS;
}

static void stop(struct daemon *daemon)
{
	struct server *server = &daemon->server;

	server->http = http_server_stop(server->http);
	server->admin_http = http_server_stop(server->admin_http);
	server->teller = teller_free(server->teller);
	server->ongoings = ongoings_free(server->ongoings);
	server->limits = limits_free(server->limits);
	server->metrics = metrics_free(server->metrics);
	accounts_close(server);
	owed_write(server->ai);
	owed_forget();
	server->ai = aichat_close(server->ai);
	settings_done(&server->settings);
	server->options = aichat_options_free(server->options);
	if (daemon->lock_fd >= 0)
		close(daemon->lock_fd);
}

static int configure(struct daemon *daemon)
{
	struct server *server = &daemon->server;
	aichat_error *error = NULL;
	char message[256];

	server->options = aichat_options_new();
	if (!server->options)
		return fail_error(NULL);
	aichat_options_set_log(server->options, log_library, NULL, AICHAT_LOG_WARNING);
	/* Where the providers are is the operator's business, not the callers'. */
	if (options_read(&daemon->args, server->options, &error) < 0 ||
	    aichat_options_set(server->options, "show_addresses", "false", -1, &error) <
		    0)
		return fail_error(error);
	if (settings_read(server->options, &server->settings, message) < 0)
		return fail("%s", message);
	server->started_unix_ms = clock_unix_ms();
	set_store_path(server);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct daemon daemon = { .lock_fd = -1 };
	sigset_t taken;

	fill_standard_streams();
	umask(077);
	if (!args_read(&daemon.args, argc, argv)) {
		fail("%s; `aichatd --help` lists what there is", daemon.args.problem);
		return STATUS_USAGE;
	}
	if (daemon.args.version) {
		printf("aichatd %s\n", aichat_version());
		return EXIT_SUCCESS;
	}
	if (daemon.args.help) {
		args_print_help();
		return EXIT_SUCCESS;
	}
	if (daemon.args.word_count == 1 && strcmp(daemon.args.words[0], "help") == 0) {
		admin_print_help();
		return EXIT_SUCCESS;
	}
	forbid_core_dumps();
	int status = configure(&daemon);
	if (status == EXIT_SUCCESS && daemon.args.word_count) {
		status = start(&daemon, false);
		if (status == EXIT_SUCCESS)
			status = admin_run(&daemon.server, daemon.args.word_count,
					   daemon.args.words);
		stop(&daemon);
		return status;
	}
	block_signals(&taken);
	if (status == EXIT_SUCCESS)
		status = check_listen(&daemon.server.settings);
	if (status == EXIT_SUCCESS)
		status = start(&daemon, true);
	if (status == EXIT_SUCCESS)
		status = serve(&daemon, &taken);
	stop(&daemon);
	return status;
}
