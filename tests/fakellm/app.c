/*
 * From a request to a reply: control, then the faults that replace the answer, then
 * the mode. Refuses what a provider would refuse before it reads the body.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plan.h"

static void header(struct conn *c, const char *name, const char *value)
{
	buf_printf(&c->reply.headers, "%s: %s\r\n", name, value);
}

/* What the path asks of delivery, whatever is delivered. */
static void shape(struct conn *c, const struct plan *p)
{
	struct reply *r = &c->reply;
	const long limits[] = { p->stall, p->cut, p->reset };
	for (int i = 0; i < 3; i++) {
		if (limits[i] < 0)
			continue;
		r->limit = (enum limit_action)(LIMIT_STALL + i);
		r->limit_at = (unsigned long long)limits[i];
	}
	r->chunk = p->chunk > 0 ? p->chunk : 0;
	r->delay_ns = p->delay > 0 ? p->delay * 1000000ll : 0;
	r->slow_ns = p->slow_headers > 0 ? p->slow_headers * 1000000ll : 0;
	r->whole = p->whole >= 0;
	r->close = p->close >= 0;
	r->drop = p->drop >= 0;
	if (p->retry_after)
		header(c, "Retry-After", p->retry_after);
	if (p->retry_after_ms)
		header(c, "Retry-After-Ms", p->retry_after_ms);
	if (p->should_retry)
		header(c, "X-Should-Retry", p->should_retry);
}

void answer_bytes(struct conn *c, const struct plan *p, int status, struct buf *body,
		  bool sse)
{
	c->reply.status = status;
	if (sse) {
		c->reply.length = -1;
		c->reply.source = source_mangled(source_bytes(body), p);
		return;
	}
	if (mangles(p)) {
		struct buf spoilt = { 0 };
		mangle(p, false, body, &spoilt);
		buf_free(body);
		*body = spoilt;
	}
	c->reply.length = (long long)body->len;
	c->reply.source = source_bytes(body);
}

static void request_id(struct conn *c, enum dialect d)
{
	buf_printf(&c->reply.headers, "%s: req_fake%06llu\r\n",
		   d == MESSAGES ? "request-id" : "x-request-id", c->req.serial);
}

void answer_json(struct conn *c, const struct plan *p, int status, struct buf *body)
{
	header(c, "Content-Type", "application/json");
	request_id(c, p->dialect);
	answer_bytes(c, p, status, body, false);
}

void answer_source(struct conn *c, const struct plan *p, struct source *src)
{
	header(c, "Content-Type",
	       p->dialect == MESSAGES ? "text/event-stream; charset=utf-8"
				      : "text/event-stream");
	header(c, "Cache-Control", "no-cache");
	request_id(c, p->dialect);
	c->reply.status = 200;
	c->reply.length = -1;
	c->reply.source = source_mangled(src, p);
}

struct error_name {
	int status;
	const char *type, *code;
};

static const struct error_name chat_errors[] = {
	{ 401, "invalid_request_error", "invalid_api_key" },
	{ 429, "requests", "rate_limit_exceeded" },
	{ 500, "server_error", NULL },
	{ 503, "service_unavailable_error", "server_is_overloaded" },
	{ 0, "server_error", NULL },
};

static const struct error_name messages_errors[] = {
	{ 401, "authentication_error", NULL }, { 402, "billing_error", NULL },
	{ 403, "permission_error", NULL },     { 404, "not_found_error", NULL },
	{ 409, "conflict_error", NULL },       { 413, "request_too_large", NULL },
	{ 429, "rate_limit_error", NULL },     { 504, "timeout_error", NULL },
	{ 529, "overloaded_error", NULL },     { 0, "api_error", NULL },
};

void error_body(struct buf *b, enum dialect d, int status, const char *type,
		const char *code, const char *param, const char *message,
		unsigned long long serial)
{
	const struct error_name *e = d == MESSAGES ? messages_errors : chat_errors;
	while (e->status && e->status != status)
		e++;
	bool named = e->status || status >= 500;
	if (!code && !type && named)
		code = e->code;
	if (!type)
		type = named ? e->type : "invalid_request_error";
	if (d == MESSAGES) {
		buf_printf(
			b,
			"{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"",
			type);
		buf_json(b, message, strlen(message));
		buf_str(b, "\"");
		if (code)
			buf_printf(b, ",\"details\":{\"error_code\":\"%s\"}", code);
		buf_printf(b, "},\"request_id\":\"req_fake%06llu\"}", serial);
		return;
	}
	buf_str(b, "{\"error\":{\"message\":\"");
	buf_json(b, message, strlen(message));
	buf_printf(b, "\",\"type\":\"%s\",\"param\":", type);
	if (param)
		buf_printf(b, "\"%s\",\"code\":", param);
	else
		buf_str(b, "null,\"code\":");
	if (code)
		buf_printf(b, "\"%s\"}}", code);
	else
		buf_str(b, "null}}");
}

void answer_error(struct conn *c, const struct plan *p, int status, const char *type,
		  const char *code, const char *param, const char *fmt, ...)
{
	char message[2048];
	struct buf body = { 0 };
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	error_body(&body, p->dialect, status, type, code, param, message, c->req.serial);
	answer_json(c, p, status, &body);
}

static bool stream_asked(const struct request *r)
{
	struct json_object *v = json_parse(r->body.p, r->body.len);
	bool yes = json_object_get_boolean(json_member(v, "stream"));
	json_object_put(v);
	return yes;
}

static void answer_html(struct conn *c, const struct plan *p)
{
	int status = p->status >= 0 ? (int)p->status : 502;
	struct buf body = { 0 };
	buf_printf(&body,
		   "<html>\r\n<head><title>%d</title></head>\r\n<body>\r\n"
		   "<center><h1>%d</h1></center>\r\n<hr><center>proxy</center>\r\n"
		   "</body>\r\n</html>\r\n",
		   status, status);
	header(c, "Content-Type", "text/html");
	answer_bytes(c, p, status, &body, false);
}

/* To the same place without the element: a client that follows gets a good answer. */
static void answer_redirect(struct conn *c, const struct plan *p)
{
	static const char element[] = "/redirect";
	const char *t = c->req.target, *at = strstr(t, element);
	struct buf body = { 0 };
	if (!at)
		at = t + strlen(t);
	const char *rest = *at ? at + strlen(element) : at;
	buf_printf(&c->reply.headers, "Location: http://127.0.0.1:%d%.*s%s\r\n",
		   server_port, (int)(at - t), t, rest);
	header(c, "Content-Type", "text/plain");
	buf_str(&body, "moved\n");
	answer_bytes(c, p, 307, &body, false);
}

static void answer_status(struct conn *c, const struct plan *p)
{
	if (p->quota && p->dialect == MESSAGES)
		answer_error(c, p, 429, "rate_limit_error",
			     *p->quota ? p->quota : "enforced_spend_limit_reached", NULL,
			     "The spend limit of this organization is reached.");
	else if (p->quota)
		answer_error(c, p, 429, "insufficient_quota",
			     *p->quota ? p->quota : "credit_balance_exhausted", NULL,
			     "You exceeded your current quota, please check your plan.");
	else
		answer_error(c, p, (int)p->status, NULL, NULL, NULL,
			     "Status %ld, as the path asks.", p->status);
}

/* Answers that need nothing of the request but its path. */
static bool answer_fault(struct conn *c, const struct plan *p)
{
	if (p->redirect >= 0) {
		answer_redirect(c, p);
	} else if (p->html >= 0) {
		answer_html(c, p);
	} else if (p->quota || p->status >= 300) {
		answer_status(c, p);
	} else if (p->gzip_bomb >= 0) {
		bool sse = stream_asked(&c->req);
		header(c, "Content-Encoding", "gzip");
		header(c, "Content-Type", sse ? "text/event-stream" : "application/json");
		c->reply.status = 200;
		c->reply.source = source_gzip_bomb(sse);
	} else if (p->ping_only >= 0) {
		answer_source(c, p, source_pings(p));
	} else {
		return false;
	}
	return true;
}

/* OpenAI shows a wrong key masked; so do we, for a client may quote the message. */
static void refuse_key(struct conn *c, const struct plan *p, const char *key)
{
	if (p->dialect == MESSAGES)
		answer_error(c, p, 401, NULL, NULL, NULL,
			     key ? "invalid x-api-key" : "x-api-key header is required");
	else if (!key)
		answer_error(
			c, p, 401, "invalid_request_error", NULL, NULL,
			"You didn't provide an API key. Put it in an Authorization "
			"header using Bearer auth (Authorization: Bearer YOUR_KEY).");
	else
		answer_error(c, p, 401, NULL, NULL, NULL,
			     "Incorrect API key provided: %.2s*****%s.", key,
			     strlen(key) > 4 ? key + strlen(key) - 4 : "");
}

static bool check_key(struct conn *c, const struct plan *p)
{
	const char *key = p->dialect == MESSAGES ? http_header(&c->req, "x-api-key")
						 : NULL;
	const char *auth = http_header(&c->req, "authorization");
	if (!key && auth && !strncasecmp(auth, "bearer ", 7))
		key = auth + 7;
	if (key && !*key)
		key = NULL;
	if (key && strcmp(key, "wrong-key"))
		return true;
	refuse_key(c, p, key);
	return false;
}

static bool check_version(struct conn *c, const struct plan *p)
{
	const char *v = http_header(&c->req, "anthropic-version");
	if (p->dialect != MESSAGES)
		return true;
	if (!v)
		answer_error(c, p, 400, NULL, NULL, NULL,
			     "anthropic-version: header is required");
	else if (strcmp(v, "2026-10-21") && strcmp(v, "2023-06-01"))
		answer_error(c, p, 400, NULL, NULL, NULL,
			     "anthropic-version: \"%s\" is not a valid version", v);
	else
		return true;
	return false;
}

static void answer_unknown(struct conn *c, const struct plan *p)
{
	if (p->dialect == MESSAGES)
		answer_error(c, p, 404, NULL, NULL, NULL, "Not Found");
	else
		answer_error(c, p, 404, NULL, NULL, NULL, "Invalid URL (%s %s)",
			     c->req.method, p->rest);
}

static void answer_count(struct conn *c, const struct plan *p, struct json_object *req)
{
	if (!check_messages(c, p, req, true))
		return;
	struct buf body = { 0 };
	buf_printf(&body, "{\"input_tokens\":%ld}", prompt_tokens(p->dialect, req));
	answer_json(c, p, 200, &body);
}

static void post(struct conn *c, const struct plan *p, struct json_object *req)
{
	if (!strcmp(p->rest, "/v1/messages/count_tokens")) {
		answer_count(c, p, req);
	} else if (!strcmp(p->rest, "/v1/embeddings")) {
		answer_embeddings(c, p, req);
	} else if (p->dialect == MESSAGES ? !check_messages(c, p, req, false)
					  : !check_chat(c, p, req)) {
		return;
	} else if (p->mode != MODE_FIXTURES) {
		generate(c, p, req);
	} else if (!fixture_match(c, p, req)) {
		answer_error(c, p, 404, NULL, NULL, NULL,
			     "fakellm: no fixture matches this request");
	}
}

static void answer_api(struct conn *c, const struct plan *p)
{
	static const char *const posts[] = {
		"/v1/chat/completions",
		"/v1/embeddings",
		"/v1/messages",
		"/v1/messages/count_tokens",
	};
	bool get = !strcmp(c->req.method, "GET"), known = false;
	bool models = has_prefix(p->rest, "/v1/models") &&
		      (!p->rest[10] || (p->rest[10] == '/' && p->rest[11]));
	for (size_t i = 0; i < sizeof(posts) / sizeof(*posts); i++)
		known |= !strcmp(p->rest, posts[i]);
	if (!(get && models) && !(known && !strcmp(c->req.method, "POST"))) {
		answer_unknown(c, p);
		return;
	}
	if (!check_key(c, p) || !check_version(c, p))
		return;
	if (get) {
		answer_models(c, p, p->rest[10] ? p->rest + 11 : NULL);
		return;
	}
	struct json_object *req = json_parse(c->req.body.p, c->req.body.len);
	if (json_object_is_type(req, json_type_object))
		post(c, p, req);
	else if (p->dialect == MESSAGES)
		answer_error(c, p, 400, NULL, NULL, NULL,
			     "The request body is not valid JSON");
	else
		answer_error(c, p, 400, NULL, NULL, NULL,
			     "We could not parse the JSON body of your request.");
	json_object_put(req);
}

static void control(struct conn *c, const struct plan *p)
{
	struct buf body = { 0 };
	int status = 200;
	if (!strcmp(c->req.path, "/control/stats")) {
		journal_stats(&body);
	} else if (!strcmp(c->req.path, "/control/reset") &&
		   !strcmp(c->req.method, "POST")) {
		journal_reset();
		buf_str(&body, "{}\n");
	} else {
		status = 404;
		buf_str(&body, "{\"error\":\"no such control\"}\n");
	}
	answer_json(c, p, status, &body);
}

void app_handle(struct conn *c)
{
	struct plan p;
	plan_parse(&p, &c->req);
	if (has_prefix(c->req.path, "/control/")) {
		control(c, &p);
		plan_clear(&p);
		return;
	}
	plan_age(&p, journal_seen(c->req.path));
	shape(c, &p);
	if (p.unknown)
		answer_error(
			c, &p, 404, NULL, NULL, NULL,
			"fakellm: the path element \"%s\" is unknown, or its argument "
			"is missing",
			p.unknown);
	else if (answer_fault(c, &p))
		;
	else if (p.mode == MODE_REC ? !recording_replay(c, &p)
				    : p.mode == MODE_FIX && !fixture_replay(c, &p))
		answer_error(c, &p, 404, NULL, NULL, NULL, "fakellm: no %s at \"%s\"",
			     p.mode == MODE_REC ? "recording" : "fixture", p.rest);
	else if (p.mode != MODE_REC && p.mode != MODE_FIX)
		answer_api(c, &p);
	plan_clear(&p);
}
