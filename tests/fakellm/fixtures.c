/*
 * Hand-made replies. NAME.http.json holds {"status", "headers", "body"?, "request"?};
 * NAME.body, if there is one, is the body byte for byte. A fixture with a request
 * {"method"?, "path"?, "body"} is also found by what the client sends. Files are read
 * at each use: a test may write them while the server runs.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plan.h"

#define SUFFIX ".http.json"

static const char *folder;

void fixtures_dir(const char *dir)
{
	folder = dir;
}

static struct json_object *load(const char *name)
{
	struct buf path = { 0 }, text = { 0 };
	struct json_object *v = NULL;
	buf_printf(&path, "%s/%s" SUFFIX, folder, name);
	if (read_file(path.p, &text))
		v = json_parse(text.p, text.len);
	buf_free(&path);
	buf_free(&text);
	return v;
}

static void load_body(const char *name, struct json_object *fixture, struct buf *body)
{
	struct buf path = { 0 };
	struct json_object *v = json_member(fixture, "body");
	buf_printf(&path, "%s/%s.body", folder, name);
	if (!read_file(path.p, body) && json_object_is_type(v, json_type_string))
		buf_add(body, json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
	else if (!body->p && v)
		buf_str(body, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
	buf_add(body, "", 0);
	buf_free(&path);
}

static void replay(struct conn *c, const struct plan *p, const char *name,
		   struct json_object *fixture)
{
	struct json_object *headers = json_member(fixture, "headers");
	struct json_object *status = json_member(fixture, "status");
	struct buf body = { 0 };
	bool sse = false;
	if (json_object_is_type(headers, json_type_object)) {
		for (struct lh_entry *m = first_member(headers); m; m = m->next) {
			const char *key = member_key(m);
			struct json_object *value = member_value(m);
			const char *text = json_object_get_string(value);
			buf_printf(&c->reply.headers, "%s: %s\r\n", key,
				   text ? text : "");
			if (!strcasecmp(key, "content-type"))
				sse = text && strstr(text, "text/event-stream");
		}
	}
	load_body(name, fixture, &body);
	answer_bytes(c, p, status ? json_object_get_int(status) : 200, &body, sse);
}

bool fixture_replay(struct conn *c, const struct plan *p)
{
	if (!folder || strstr(p->rest, ".."))
		return false;
	/* The name may have slashes, and the API's path follows it. */
	char *name = xstrdup(p->rest + strspn(p->rest, "/"));
	struct json_object *fixture = NULL;
	while (*name && !(fixture = load(name))) {
		char *slash = strrchr(name, '/');
		*(slash ? slash : name) = 0;
	}
	if (fixture)
		replay(c, p, name, fixture);
	bool found = fixture;
	json_object_put(fixture);
	free(name);
	return found;
}

static bool same_text(struct json_object *want, const char *name, const char *got)
{
	const char *text = json_text(want, name);
	return !text || !strcmp(text, got);
}

static bool same_request(const struct conn *c, const struct plan *p,
			 struct json_object *want, const struct buf *got)
{
	struct buf canonical = { 0 };
	json_canonical(&canonical, json_member(want, "body"));
	bool same = same_text(want, "method", c->req.method) &&
		    same_text(want, "path", p->rest) && canonical.len == got->len &&
		    !memcmp(canonical.p, got->p, got->len);
	buf_free(&canonical);
	return same;
}

/* Visits the folder and those below it in the order of names; true once one matches. */
static bool search(struct conn *c, const struct plan *p, const char *sub,
		   const struct buf *got)
{
	struct buf dir = { 0 };
	struct dirent **list = NULL;
	bool found = false;
	buf_printf(&dir, "%s/%s", folder, sub);
	int n = scandir(dir.p, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *file = list[i]->d_name;
		size_t len = strlen(file), suffix = strlen(SUFFIX);
		struct buf name = { 0 };
		buf_printf(&name, "%s%s", sub, file);
		if (found || file[0] == '.') {
			/* only freed */
		} else if (list[i]->d_type == DT_DIR) {
			buf_str(&name, "/");
			found = search(c, p, name.p, got);
		} else if (len > suffix && !strcmp(file + len - suffix, SUFFIX)) {
			name.p[name.len - suffix] = 0;
			struct json_object *fixture = load(name.p);
			struct json_object *want = json_member(fixture, "request");
			found = want && same_request(c, p, want, got);
			if (found)
				replay(c, p, name.p, fixture);
			json_object_put(fixture);
		}
		buf_free(&name);
		free(list[i]);
	}
	free(list);
	buf_free(&dir);
	return found;
}

bool fixture_match(struct conn *c, const struct plan *p, struct json_object *body)
{
	struct buf canonical = { 0 };
	json_canonical(&canonical, body);
	bool found = folder && search(c, p, "", &canonical);
	buf_free(&canonical);
	return found;
}
