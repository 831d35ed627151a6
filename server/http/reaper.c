/*
 * The sockets behind civetweb's connections, and the one thread that watches them: it
 * tells whoever asked when a client has left, and shuts sockets whose time is over.
 *
 * civetweb 1.15 hands out neither its sockets nor, where a connection begins, the peer.
 * So whenever one begins, some socket of our port that is not known yet is looked for
 * among the descriptors; it may be that of a neighbour, which then finds ours. A request
 * knows its peer, and by that its socket.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

#define TICK_MS 200
/* The kernel doubles it: what a slow reader may hold. */
#define SEND_BUFFER (128 * 1024)
#define SILENT_PEER_MS 30000 /* unacknowledged this long, a peer is gone */
#define CLOSED_RUN 64        /* of descriptors, beyond those that are known */
#define DESCRIPTORS_MAX ((size_t)1 << 20)
#define FIRST_DESCRIPTOR 3
#define PEER_BUCKETS 4096

static struct {
	pthread_mutex_t lock; /* guards all but by_fd's entries, which may be read */
	int users;
	pthread_t thread;
	int epoll_fd, wake_fd;
	bool stop;
	struct connection *first;
	struct connection *by_peer[PEER_BUCKETS];
	unsigned generations;
	size_t top;    /* the highest descriptor that is known */
	size_t lowest; /* no descriptor below it was free when last looked at */
	struct connection *_Atomic *by_fd;
	size_t size; /* of by_fd */
} reaper = { .lock = PTHREAD_MUTEX_INITIALIZER, .epoll_fd = -1, .wake_fd = -1 };

/* ---- the thread ---- */

static void wake(void)
{
	uint64_t one = 1;

	/* It can only fail where the thread is awake already. */
	ssize_t ignored = write(reaper.wake_fd, &one, sizeof(one));
	(void)ignored;
}

/* Under the lock. */
static void client_left(const struct epoll_event *event)
{
	size_t fd = (uint32_t)event->data.u64;
	unsigned generation = (unsigned)(event->data.u64 >> 32);
	struct connection *connection = fd < reaper.size ? atomic_load(&reaper.by_fd[fd])
							 : NULL;

	if (!connection || connection->generation != generation || !connection->in_epoll)
		return;
	epoll_ctl(reaper.epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
	connection->in_epoll = false;
	atomic_store(&connection->is_gone, true);
	if (connection->gone)
		connection->gone(connection->gone_user);
}

/* Under the lock: shut what is over its time. */
static void shut_late(int64_t now_ms)
{
	for (struct connection *c = reaper.first; c; c = c->next) {
		int64_t deadline_ms = atomic_load(&c->deadline_ms);
		if (!deadline_ms || now_ms < deadline_ms || c->is_closing)
			continue;
		atomic_store(&c->is_timed_out, true);
		atomic_store(&c->deadline_ms, 0);
		shutdown(c->fd, atomic_load(&c->deadline_kind) == DEADLINE_READ
					? SHUT_RD
					: SHUT_RDWR);
	}
}

static void *reap(void *unused)
{
	struct epoll_event events[64];
	uint64_t woken;

	(void)unused;
	for (;;) {
		pthread_mutex_lock(&reaper.lock);
		bool stop = reaper.stop;
		bool idle = reaper.first == NULL;
		pthread_mutex_unlock(&reaper.lock);
		if (stop)
			return NULL;
		int count = epoll_wait(reaper.epoll_fd, events, 64, idle ? -1 : TICK_MS);
		pthread_mutex_lock(&reaper.lock);
		for (int i = 0; i < count; i++) {
			if (events[i].data.u64 != UINT64_MAX)
				client_left(&events[i]);
			else if (read(reaper.wake_fd, &woken, sizeof(woken)) < 0)
				continue;
		}
		shut_late(http_now_ms());
		pthread_mutex_unlock(&reaper.lock);
	}
}

static int start(char error[256])
{
	struct rlimit limit;
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = UINT64_MAX };
	sigset_t all, before;

	reaper.size = 65536;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		reaper.size = limit.rlim_cur < DESCRIPTORS_MAX ? (size_t)limit.rlim_cur
							       : DESCRIPTORS_MAX;
	reaper.by_fd = calloc(reaper.size, sizeof(*reaper.by_fd));
	reaper.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	reaper.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reaper.stop = false;
	reaper.lowest = FIRST_DESCRIPTOR;
	if (reaper.by_fd && reaper.epoll_fd >= 0 && reaper.wake_fd >= 0 &&
	    epoll_ctl(reaper.epoll_fd, EPOLL_CTL_ADD, reaper.wake_fd, &event) == 0) {
		sigfillset(&all);
		pthread_sigmask(SIG_BLOCK, &all, &before);
		int failed = pthread_create(&reaper.thread, NULL, reap, NULL);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (!failed)
			return 0;
		errno = failed;
	}
	snprintf(error, 256, "cannot watch connections: %s", strerror(errno));
	free(reaper.by_fd);
	if (reaper.epoll_fd >= 0)
		close(reaper.epoll_fd);
	if (reaper.wake_fd >= 0)
		close(reaper.wake_fd);
	reaper.by_fd = NULL;
	return -1;
}

int reaper_start(char error[256])
{
	int result = 0;

	pthread_mutex_lock(&reaper.lock);
	if (reaper.users == 0)
		result = start(error);
	reaper.users += result == 0;
	pthread_mutex_unlock(&reaper.lock);
	return result;
}

void reaper_stop(void)
{
	pthread_mutex_lock(&reaper.lock);
	bool last = --reaper.users == 0;
	reaper.stop = last;
	pthread_mutex_unlock(&reaper.lock);
	if (!last)
		return;
	wake();
	pthread_join(reaper.thread, NULL);
	close(reaper.epoll_fd);
	close(reaper.wake_fd);
	free(reaper.by_fd);
	reaper.by_fd = NULL;
}

/* ---- connections ---- */

/* Whether a descriptor is a socket that was accepted on the server's port. */
static bool is_accepted(int fd, const struct http_server *server,
			struct sockaddr_in *ret_peer)
{
	struct sockaddr_in own = { 0 };
	socklen_t len = sizeof(*ret_peer), own_len = sizeof(own);

	/* The port first: it sorts out the sockets to providers. */
	return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
	       own.sin_family == AF_INET &&
	       ntohs(own.sin_port) == atomic_load(&server->port) &&
	       getpeername(fd, (struct sockaddr *)ret_peer, &len) == 0 &&
	       ret_peer->sin_family == AF_INET;
}

/* Under the lock: whether by_fd's entry is this socket's. */
static bool is_known(const struct http_server *server, size_t fd,
		     const struct sockaddr_in *peer)
{
	const struct connection *connection = atomic_load(&reaper.by_fd[fd]);

	return connection && connection->server == server &&
	       connection->address == peer->sin_addr.s_addr &&
	       connection->peer_port == ntohs(peer->sin_port);
}

/* Under the lock: whether a descriptor is a socket of the server's that is not known. */
static bool is_new(const struct http_server *server, size_t fd,
		   struct sockaddr_in *ret_peer)
{
	const struct connection *known = atomic_load(&reaper.by_fd[fd]);

	if (known && !known->is_closing)
		return false;
	return is_accepted((int)fd, server, ret_peer) && !is_known(server, fd, ret_peer);
}

/* Where the open descriptors end. */
static size_t end_of_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	size_t end = 0;

	if (!folder)
		return reaper.size;
	while ((entry = readdir(folder))) {
		size_t fd = strtoul(entry->d_name, NULL, 10);
		end = fd >= end ? fd + 1 : end;
	}
	closedir(folder);
	return end < reaper.size ? end : reaper.size;
}

/*
 * The first new one from a number on; below 0 and in *ret_end where the search ended,
 * which is a run of closed ones beyond the highest that is known.
 */
static int search(const struct http_server *server, size_t from,
		  struct sockaddr_in *ret_peer, size_t *ret_end)
{
	size_t closed = 0, lowest_closed = reaper.size, fd;
	bool found = false;

	for (fd = from; fd < reaper.size && closed < CLOSED_RUN && !found; fd++) {
		errno = 0;
		found = is_new(server, fd, ret_peer);
		if (!found && errno == EBADF && fd < lowest_closed)
			lowest_closed = fd;
		closed = !found && errno == EBADF && fd > reaper.top ? closed + 1 : 0;
	}
	reaper.lowest = fd < lowest_closed ? fd : lowest_closed;
	*ret_end = fd;
	return found ? (int)fd - 1 : -1;
}

/*
 * The kernel gives out the lowest number that is free, so the search begins at the lowest
 * that was when we last looked, and mostly ends there: it must not take longer the more
 * descriptors are open. But lower ones may have been closed since that are not ours. And
 * what was accepted while many were open, and waits for a worker since, lies where those
 * were.
 */
static int find_socket(const struct http_server *server, struct sockaddr_in *ret_peer)
{
	size_t end = 0;
	int fd = search(server, reaper.lowest, ret_peer, &end);

	if (fd < 0 && reaper.lowest > FIRST_DESCRIPTOR)
		fd = search(server, FIRST_DESCRIPTOR, ret_peer, &end);
	if (fd >= 0 || end == reaper.size)
		return fd;
	for (const size_t last = end_of_open(); end < last; end++)
		if (is_new(server, end, ret_peer))
			return (int)end;
	return -1;
}

/* Under the lock. */
static bool is_over_limit(const struct connection *connection)
{
	const struct http_server *server = connection->server;
	const struct http_config *config = &server->config;
	int same = 0;

	if (server->count > config->connections)
		return true;
	if (config->connections_per_ip <= 0 ||
	    (config->is_exempt && config->is_exempt(connection->peer, config->user)))
		return false;
	for (const struct connection *c = reaper.first; c; c = c->next)
		same += c->server == server && c->address == connection->address;
	return same > config->connections_per_ip;
}

/* Without a look at what is asked: there is no worker to wait for it. */
static void turn_away(int fd)
{
	static const char answer[] =
		"HTTP/1.1 503 Service Unavailable\r\n"
		"Content-Type: application/json\r\n"
		"Connection: close\r\n"
		"Retry-After: 1\r\n"
		"Content-Length: 72\r\n"
		"\r\n"
		"{\"error\":{\"code\":\"BUSY\",\"message\":\"too many connections\","
		"\"details\":{}}}\n";

	ssize_t ignored = send(fd, answer, sizeof(answer) - 1,
			       MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)ignored;
	shutdown(fd, SHUT_RDWR);
}

/* Under the lock. */
static void set_options(const struct connection *connection)
{
	const int send_buffer = SEND_BUFFER;
	const unsigned silent_ms = SILENT_PEER_MS;

	setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &send_buffer,
		   sizeof(send_buffer));
	setsockopt(connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms,
		   sizeof(silent_ms));
}

static struct connection **bucket_of(uint32_t address, int peer_port)
{
	uint32_t mixed = (address ^ address >> 16) * 31 + (uint32_t)peer_port;

	return &reaper.by_peer[mixed % PEER_BUCKETS];
}

/* Under the lock: enter what find_socket() found. */
static struct connection *enter(struct http_server *server, int fd,
				const struct sockaddr_in *peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		shutdown(fd, SHUT_RDWR);
		return NULL;
	}
	connection->server = server;
	connection->fd = fd;
	connection->address = peer->sin_addr.s_addr;
	connection->peer_port = ntohs(peer->sin_port);
	inet_ntop(AF_INET, &peer->sin_addr, connection->peer, sizeof(connection->peer));
	connection->generation = ++reaper.generations;
	http_await_first(connection);
	if (!reaper.first)
		wake();
	connection->next = reaper.first;
	if (reaper.first)
		reaper.first->previous = connection;
	reaper.first = connection;
	struct connection **bucket = bucket_of(connection->address,
					       connection->peer_port);
	connection->next_of_peer = *bucket;
	*bucket = connection;
	atomic_fetch_add(&server->count, 1);
	server->ahead++;
	atomic_store(&reaper.by_fd[fd], connection);
	if ((size_t)fd > reaper.top)
		reaper.top = (size_t)fd;
	connection->is_over_limit = is_over_limit(connection);
	if (connection->is_over_limit)
		turn_away(fd);
	else
		set_options(connection);
	return connection;
}

void reaper_notice(struct http_server *server)
{
	struct sockaddr_in peer = { 0 };

	pthread_mutex_lock(&reaper.lock);
	/* A request may have found the last one before its neighbour could. */
	if (--server->ahead < 0) {
		int fd = find_socket(server, &peer);
		if (fd < 0 || !enter(server, fd, &peer))
			server->ahead = 0;
	}
	pthread_mutex_unlock(&reaper.lock);
}

/* Under the lock. A peer may come to both of our ports from one of its own. */
static struct connection *by_peer(const struct http_server *server, const char *text,
				  int peer_port, bool closing)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		return NULL;
	struct connection *c = *bucket_of(address.s_addr, peer_port);
	while (c && (c->server != server || c->peer_port != peer_port ||
		     c->address != address.s_addr || c->is_closing != closing))
		c = c->next_of_peer;
	return c;
}

/* Under the lock. */
static void leave(struct connection *connection)
{
	struct connection **link = bucket_of(connection->address, connection->peer_port);

	while (*link != connection)
		link = &(*link)->next_of_peer;
	*link = connection->next_of_peer;
	/* Its number may be a new connection's already. */
	if (atomic_load(&reaper.by_fd[connection->fd]) == connection)
		atomic_store(&reaper.by_fd[connection->fd], NULL);
	while (reaper.top > FIRST_DESCRIPTOR && !atomic_load(&reaper.by_fd[reaper.top]))
		reaper.top--;
	if ((size_t)connection->fd < reaper.lowest)
		reaper.lowest = (size_t)connection->fd;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		reaper.first = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	atomic_fetch_sub(&connection->server->count, 1);
	free(connection);
}

struct connection *reaper_find(struct http_server *server, const char *address,
			       int peer_port)
{
	struct sockaddr_in peer = { 0 };
	bool any = true;

	pthread_mutex_lock(&reaper.lock);
	struct connection *connection = by_peer(server, address, peer_port, false);
	/* Whatever is found on the way need not be looked for again. */
	while (!connection && any) {
		int fd = find_socket(server, &peer);
		any = fd >= 0 && enter(server, fd, &peer);
		connection = any ? by_peer(server, address, peer_port, false) : NULL;
	}
	pthread_mutex_unlock(&reaper.lock);
	return connection;
}

void reaper_closing(const struct http_server *server, const char *address, int peer_port)
{
	pthread_mutex_lock(&reaper.lock);
	struct connection *connection = by_peer(server, address, peer_port, false);
	if (connection) {
		if (connection->in_epoll)
			epoll_ctl(reaper.epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
		connection->in_epoll = false;
		connection->is_closing = true;
	}
	pthread_mutex_unlock(&reaper.lock);
}

void reaper_closed(const struct http_server *server, const char *address, int peer_port)
{
	pthread_mutex_lock(&reaper.lock);
	struct connection *connection = by_peer(server, address, peer_port, true);
	if (connection)
		leave(connection);
	pthread_mutex_unlock(&reaper.lock);
}

void reaper_deadline(struct connection *connection, enum deadline_kind kind,
		     int64_t deadline_ms)
{
	atomic_store(&connection->deadline_kind, (int)kind);
	atomic_store(&connection->deadline_ms, deadline_ms);
}

void reaper_shut_all(struct http_server *server)
{
	pthread_mutex_lock(&reaper.lock);
	for (struct connection *c = reaper.first; c; c = c->next)
		if (c->server == server && !c->is_closing)
			shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_unlock(&reaper.lock);
}

void reaper_wake_all(struct http_server *server)
{
	pthread_mutex_lock(&reaper.lock);
	for (struct connection *c = reaper.first; c; c = c->next)
		if (c->server == server && c->gone)
			c->gone(c->gone_user);
	pthread_mutex_unlock(&reaper.lock);
}

/* ---- clients that leave ---- */

void http_watch(struct http_request *request, void (*gone)(void *user), void *user)
{
	struct connection *connection = request->connection;

	pthread_mutex_lock(&reaper.lock);
	struct epoll_event event = {
		.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
		.data.u64 = (uint64_t)connection->generation << 32 |
			    (uint32_t)connection->fd,
	};
	connection->gone = gone;
	connection->gone_user = user;
	if (!connection->in_epoll)
		connection->in_epoll = epoll_ctl(reaper.epoll_fd, EPOLL_CTL_ADD,
						 connection->fd, &event) == 0;
	pthread_mutex_unlock(&reaper.lock);
}

void http_unwatch(struct http_request *request)
{
	struct connection *connection = request->connection;

	if (!connection || !connection->gone) /* which only this thread sets */
		return;
	pthread_mutex_lock(&reaper.lock);
	if (connection->in_epoll)
		epoll_ctl(reaper.epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
	connection->in_epoll = false;
	connection->gone = NULL;
	connection->gone_user = NULL;
	pthread_mutex_unlock(&reaper.lock);
}

bool http_is_gone(const struct http_request *request)
{
	return atomic_load(&request->connection->is_gone);
}
