/*
 * What happened: one JSON line a request in the log file, and counts for
 * /control/stats. Requests to /control are in neither. Keys are written whole on
 * purpose: tests look for canaries here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#define BUCKETS 1024

struct path_count {
	struct path_count *next;
	char *path;
	unsigned long long requests, aborted;
	unsigned long long statuses[600];
};

static struct {
	unsigned long long requests, connections, aborted, peak_active;
	long long open, active;
} total;

static struct path_count *paths[BUCKETS];
static unsigned long long serial;
static int log_fd = -1;

void journal_open(const char *path)
{
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0) {
		fprintf(stderr, "fakellm: %s: %s\n", path, strerror(errno));
		exit(66);
	}
}

static struct path_count *find(const char *path)
{
	size_t at = fnv1a(FNV_SEED, path, strlen(path)) % BUCKETS;
	struct path_count *p = paths[at];
	while (p && strcmp(p->path, path))
		p = p->next;
	if (!p) {
		p = xalloc(sizeof(*p));
		p->path = xstrdup(path);
		p->next = paths[at];
		paths[at] = p;
	}
	return p;
}

static bool is_control(const struct conn *c)
{
	return has_prefix(c->req.path, "/control/");
}

void journal_conn(int opened)
{
	total.open += opened;
	if (opened > 0)
		total.connections++;
}

void journal_begin(struct conn *c)
{
	c->req.serial = ++serial;
	if (is_control(c))
		return;
	total.requests++;
	if ((unsigned long long)++total.active > total.peak_active)
		total.peak_active++;
	find(c->req.path)->requests++;
}

unsigned long long journal_seen(const char *path)
{
	return find(path)->requests;
}

static void field(struct buf *b, const char *name, const char *value, size_t len)
{
	buf_printf(b, ",\"%s\":\"", name);
	buf_json(b, value, len);
	buf_str(b, "\"");
}

static void write_line(const struct conn *c, const char *how, unsigned long long sent)
{
	const struct request *r = &c->req;
	struct timespec ts;
	struct tm tm;
	char stamp[40];
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	struct buf b = { 0 };
	buf_printf(&b, "{\"time\":\"%s.%03ldZ\",\"serial\":%llu", stamp,
		   ts.tv_nsec / 1000000, r->serial);
	field(&b, "method", r->method, strlen(r->method));
	field(&b, "path", r->path, strlen(r->path));
	field(&b, "target", r->target, strlen(r->target));
	buf_str(&b, ",\"headers\":[");
	for (size_t i = 0; i < r->nheaders; i++) {
		buf_str(&b, i ? ",[\"" : "[\"");
		buf_json(&b, r->headers[i].name, strlen(r->headers[i].name));
		buf_str(&b, "\",\"");
		buf_json(&b, r->headers[i].value, strlen(r->headers[i].value));
		buf_str(&b, "\"]");
	}
	buf_str(&b, "]");
	field(&b, "body", r->body.p ? r->body.p : "", r->body.len);
	buf_printf(&b, ",\"status\":%d,\"sent\":%llu", c->reply.status, sent);
	field(&b, "end", how, strlen(how));
	buf_str(&b, "}\n");
	for (size_t at = 0; at < b.len;) {
		ssize_t n = write(log_fd, b.p + at, b.len - at);
		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	buf_free(&b);
}

void journal_end(struct conn *c, const char *how)
{
	if (is_control(c))
		return;
	/* Bytes that never left are, but for a little HTTP framing, body bytes. */
	unsigned long long left = c->wire.len - c->wire_at;
	unsigned long long sent = c->body_bytes > left ? c->body_bytes - left : 0;
	struct path_count *p = find(c->req.path);
	if (total.active)
		total.active--;
	if (!strcmp(how, "client-closed")) {
		total.aborted++;
		p->aborted++;
	}
	if (c->reply.status >= 0 && c->reply.status < 600)
		p->statuses[c->reply.status]++;
	if (log_fd >= 0)
		write_line(c, how, sent);
}

void journal_stats(struct buf *b)
{
	buf_printf(b,
		   "{\"requests\":%llu,\"connections\":%llu,\"open_connections\":%lld,"
		   "\"active\":%lld,\"peak_active\":%llu,\"aborted\":%llu,\"paths\":{",
		   total.requests, total.connections, total.open, total.active,
		   total.peak_active, total.aborted);
	bool first = true;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct path_count *p = paths[i]; p; p = p->next) {
			buf_str(b, first ? "\"" : ",\"");
			first = false;
			buf_json(b, p->path, strlen(p->path));
			buf_printf(
				b,
				"\":{\"requests\":%llu,\"aborted\":%llu,\"statuses\":{",
				p->requests, p->aborted);
			bool sep = false;
			for (int s = 0; s < 600; s++) {
				if (!p->statuses[s])
					continue;
				buf_printf(b, "%s\"%d\":%llu", sep ? "," : "", s,
					   p->statuses[s]);
				sep = true;
			}
			buf_str(b, "}}");
		}
	}
	buf_str(b, "}}\n");
}

void journal_reset(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (paths[i]) {
			struct path_count *p = paths[i];
			paths[i] = p->next;
			free(p->path);
			free(p);
		}
	}
	total.requests = total.connections = total.aborted = 0;
	total.peak_active = (unsigned long long)total.active;
}
