/*
 * Recorded exchanges by id. The .jsonl files are mapped and indexed at the first use;
 * a line is parsed when first asked for and then kept, so that a benchmark which
 * replays one recording measures the client and not this.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan.h"

#define BUCKETS 8192

struct recording {
	struct recording *next;
	const char *id, *line; /* in the mapped file */
	size_t id_len, line_len;
	bool parsed, sse;
	int status;
	struct buf headers, body;
};

static const char *folder;
static bool indexed;
static struct recording *table[BUCKETS];

void recordings_dir(const char *dir)
{
	folder = dir;
}

static void add_line(const char *line, size_t len)
{
	static const char start[] = "{\"id\":\"";
	size_t skip = sizeof(start) - 1;
	if (len < skip || memcmp(line, start, skip))
		return;
	const char *end = memchr(line + skip, '"', len - skip);
	if (!end)
		return;
	struct recording *r = xalloc(sizeof(*r));
	r->id = line + skip;
	r->id_len = (size_t)(end - r->id);
	r->line = line;
	r->line_len = len;
	size_t at = fnv1a(FNV_SEED, r->id, r->id_len) % BUCKETS;
	r->next = table[at];
	table[at] = r;
}

static void index_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !st.st_size) {
		fprintf(stderr, "fakellm: cannot read %s\n", path);
		if (fd >= 0)
			close(fd);
		return;
	}
	size_t size = (size_t)st.st_size;
	char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	for (char *end = p + size; p < end;) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		char *stop = nl ? nl : end;
		add_line(p, (size_t)(stop - p));
		p = nl ? nl + 1 : end;
	}
}

static void index_folder(void)
{
	indexed = true;
	DIR *d = folder ? opendir(folder) : NULL;
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (n < 6 || strcmp(e->d_name + n - 6, ".jsonl"))
			continue;
		struct buf path = { 0 };
		buf_printf(&path, "%s/%s", folder, e->d_name);
		index_file(path.p);
		buf_free(&path);
	}
	closedir(d);
}

static struct recording *find(const char *id, size_t len)
{
	struct recording *r = table[fnv1a(FNV_SEED, id, len) % BUCKETS];
	while (r && (r->id_len != len || memcmp(r->id, id, len)))
		r = r->next;
	return r;
}

/* The id is followed by the API's path; both have slashes, so the longest id wins. */
static struct recording *find_prefix(const char *rest)
{
	for (size_t n = strlen(rest); n; n--) {
		if (rest[n] && rest[n] != '/')
			continue;
		struct recording *r = find(rest, n);
		if (r)
			return r;
	}
	return NULL;
}

/* Framing is made anew, and the body was recorded decoded. */
static bool is_framing(const char *name)
{
	static const char *const names[] = {
		"content-length",
		"transfer-encoding",
		"content-encoding",
		"connection",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

static void parse(struct recording *r)
{
	struct json_object *line = json_parse(r->line, r->line_len);
	struct json_object *response = json_member(line, "response");
	struct json_object *headers = json_member(response, "headers");
	struct json_object *body = json_member(response, "body_text");
	r->parsed = true;
	r->status = json_object_get_int(json_member(response, "status"));
	if (json_object_is_type(headers, json_type_object)) {
		for (struct lh_entry *m = first_member(headers); m; m = m->next) {
			const char *name = member_key(m);
			struct json_object *value = member_value(m);
			const char *text = json_object_get_string(value);
			if (is_framing(name) || !text)
				continue;
			buf_printf(&r->headers, "%s: %s\r\n", name, text);
			if (!strcasecmp(name, "content-type"))
				r->sse = strstr(text, "text/event-stream");
		}
	}
	buf_add(&r->body, "", 0);
	if (json_object_is_type(body, json_type_string))
		buf_add(&r->body, json_object_get_string(body),
			(size_t)json_object_get_string_len(body));
	json_object_put(line);
}

bool recording_replay(struct conn *c, const struct plan *p)
{
	if (!indexed)
		index_folder();
	struct recording *r = p->rest[0] == '/' ? find_prefix(p->rest + 1) : NULL;
	if (!r)
		return false;
	if (!r->parsed)
		parse(r);
	struct buf body = { 0 };
	buf_add(&body, r->body.p, r->body.len);
	buf_add(&c->reply.headers, r->headers.p, r->headers.len);
	answer_bytes(c, p, r->status, &body, r->sse);
	return true;
}
