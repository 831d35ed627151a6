/*
 * Many streams at once from one thread: how late is each token, and is any lost?
 *
 *     load HOST-PORT KEY TOKENS INTERVAL_MS RAMP_MS < requests
 *
 * Each line of the input is a connection: METHOD PATH BODY. The streams are fakellm's:
 * token i is "toki ", and is due i intervals after the first. How they are framed makes
 * no difference: what is looked for is the next token that was not seen yet. Requests
 * are HTTP/1.0, so that no chunk stands in the middle of one.
 *
 * Lateness is against the stream's own most punctual token; those that a viewer finds
 * there already when it comes are not late. Prints one line: streams that were whole,
 * tokens that came, and the median and 99th percentile of lateness in us. What became of
 * streams that were not whole is said on standard error, one line for each kind of it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct stream {
	int fd;
	int next;       /* the token that is waited for */
	int digits, at; /* of a token that is read: its number, the place in "tok" */
	char *request;
	size_t len;
	int64_t *times;
	char answer[256]; /* how it began; ends with 0 */
	size_t answer_len;
	int failure; /* errno of the read that ended it */
};

static int tokens, interval_ms, epoll_fd;

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		die("load");
	return memory;
}

/* One request of the input. False at its end. */
static int read_request(struct stream *s, const char *key)
{
	char *line = NULL, method[16], path[512];
	size_t room = 0;
	int body = 0;

	ssize_t len = getline(&line, &room, stdin);
	if (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len <= 0 || sscanf(line, "%15s %511s %n", method, path, &body) != 2) {
		free(line);
		return 0;
	}
	size_t size = (size_t)len + strlen(key) + 1024;
	s->request = allocate(1, size);
	s->len = (size_t)snprintf(
		s->request, size,
		"%s %s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
		"Accept: text/event-stream\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		method, path, key, (size_t)len - (size_t)body, line + body);
	s->times = allocate((size_t)tokens, sizeof(*s->times));
	s->fd = -1;
	free(line);
	return 1;
}

static void begin(struct stream *s, const struct sockaddr_in *address)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 ||
	    connect(s->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		die("load: connect");
	if (send(s->fd, s->request, s->len, MSG_NOSIGNAL) != (ssize_t)s->len)
		die("load: send");
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &event) < 0)
		die("load: epoll");
}

static void scan(struct stream *s, const char *bytes, size_t len, int64_t now)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		if (s->at < 3) {
			s->at = c == "tok"[s->at] ? s->at + 1 : c == 't';
			s->digits = 0;
		} else if (c >= '0' && c <= '9' && s->digits < tokens) {
			s->digits = s->digits * 10 + (c - '0');
		} else {
			if (c == ' ' && s->digits == s->next && s->next < tokens)
				s->times[s->next++] = now;
			s->at = c == 't';
		}
	}
}

/* 0 when it has ended. */
static int receive(struct stream *s)
{
	static char bytes[1 << 16];
	int64_t now = now_us();
	ssize_t len;

	while ((len = recv(s->fd, bytes, sizeof(bytes), 0)) > 0) {
		size_t room = sizeof(s->answer) - 1 - s->answer_len;
		size_t more = (size_t)len < room ? (size_t)len : room;
		memcpy(s->answer + s->answer_len, bytes, more);
		s->answer_len += more;
		scan(s, bytes, (size_t)len, now);
	}
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	s->failure = len < 0 ? errno : 0;
	close(s->fd);
	s->fd = -1;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(const struct stream *streams, size_t count)
{
	int64_t *late = allocate(count * (size_t)tokens + 1, sizeof(*late));
	size_t whole = 0, came = 0, counted = 0;

	for (size_t n = 0; n < count; n++) {
		const struct stream *s = &streams[n];
		int64_t first = INT64_MAX;
		int live = 0; /* the first token that was waited for */
		while (live < s->next &&
		       s->times[live] - s->times[0] < (int64_t)interval_ms * 500)
			live++;
		for (int i = live; i < s->next; i++) {
			int64_t offset = s->times[i] - (int64_t)i * interval_ms * 1000;
			first = offset < first ? offset : first;
		}
		for (int i = live; i < s->next; i++)
			late[counted++] = s->times[i] - (int64_t)i * interval_ms * 1000 -
					  first;
		came += (size_t)s->next;
		whole += s->next == tokens;
	}
	qsort(late, counted, sizeof(*late), by_value);
	printf("%zu %zu %lld %lld\n", whole, came, (long long)late[counted / 2],
	       (long long)late[counted * 99 / 100]);
	free(late);
}

/* The kind of a stream that is not whole: its status and how it ended. */
static void describe(const struct stream *s, char *text, size_t size)
{
	const char *end = s->fd >= 0   ? "is still open"
			  : s->failure ? strerror(s->failure)
				       : "was closed";

	if (s->answer_len)
		snprintf(text, size, "%.*s, %s after %s", (int)strcspn(s->answer, "\r\n"),
			 s->answer, end, s->next ? "some tokens" : "no token");
	else
		snprintf(text, size, "no answer, %s", end);
}

static void explain(const struct stream *streams, size_t count)
{
	char kinds[16][128], kind[128];
	size_t counts[16], known = 0;

	for (size_t n = 0; n < count; n++) {
		size_t k = 0;
		if (streams[n].next == tokens)
			continue;
		describe(&streams[n], kind, sizeof(kind));
		while (k < known && strcmp(kinds[k], kind) != 0)
			k++;
		if (k == known && known < sizeof(counts) / sizeof(*counts)) {
			memcpy(kinds[known], kind, sizeof(kind));
			counts[known++] = 0;
		}
		if (k < known)
			counts[k]++;
	}
	for (size_t k = 0; k < known; k++)
		fprintf(stderr, "load: %zu streams: %s\n", counts[k], kinds[k]);
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct rlimit limit;
	size_t count = 0, room = 0, begun = 0, open;
	struct stream *streams = NULL;

	if (argc != 6)
		return 2;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)number(argv[1]));
	tokens = number(argv[3]);
	interval_ms = number(argv[4]);
	int64_t ramp_us = (int64_t)number(argv[5]) * 1000;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	for (;;) {
		if (count == room) {
			room = room ? room * 2 : 1024;
			streams = realloc(streams, room * sizeof(*streams));
			if (!streams)
				die("load");
		}
		streams[count] = (struct stream){ .fd = -1 };
		if (!read_request(&streams[count], argv[2]))
			break;
		count++;
	}
	int64_t start = now_us();
	int64_t last = start + ramp_us + ((int64_t)tokens * interval_ms + 60000) * 1000;
	for (open = 0; begun < count || open > 0;) {
		struct epoll_event events[256];
		int64_t now = now_us();
		while (begun < count &&
		       now - start >= ramp_us * (int64_t)begun / (int64_t)count) {
			begin(&streams[begun++], &address);
			open++;
		}
		int ready = epoll_wait(epoll_fd, events, 256, begun < count ? 1 : 1000);
		for (int i = 0; i < ready; i++)
			open -= !receive(events[i].data.ptr);
		if (now > last)
			break;
	}
	report(streams, count);
	explain(streams, count);
	return 0;
}
