/*
 * A reply told to a caller, event by event or at its end.
 *
 * Events have their numbers as `id:`, so that a browser comes back with Last-Event-ID
 * and misses nothing. All that is there goes out in one write: when the machine is
 * behind, writes get fewer and larger. While a client takes what comes, the teller's
 * thread tells it; its worker does the rest. A client that takes nothing for too long is
 * dropped by http/; the reply is not its business.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "log.h"
#include "server.h"
#include "stream.h"
#include "teller.h"

#define WRITE_BYTES_MAX ((size_t)64 * 1024)
/* When a client should come back that was cut off, and when the server goes. */
#define RETRY "retry: 2000\n\n"
#define RETRY_SOON "retry: 1000\n\n"

struct telling {
	struct told told; /* first */
	struct call *call;
	aichat_reply *reply;
	struct ongoing *ongoing;
	struct auth_watch rights;
	int64_t beat_us; /* of the last heartbeat */
	bool over;       /* the terminal event was taken */
	bool caught_up;  /* everything that there was is sent */
	bool is_cut;     /* the client cannot be told any more */
	char *out;
	size_t len, room;
};

bool stream_is_wanted(const struct call *call)
{
	const char *accept = http_header(call->request, "Accept");
	bool asked = accept && strstr(accept, "text/event-stream");

	return call_bool(call->body, "stream", asked);
}

/* On the reaper's thread. */
static void look_up(void *user)
{
	struct telling *t = user;

	aichat_reply_wake(t->reply);
	teller_need(t->call->server->teller, &t->told);
}

static void note(struct telling *t, const aichat_event *event)
{
	int type = aichat_event_type(event);

	if (t->ongoing)
		ongoing_note(t->ongoing, event);
	t->over = type == AICHAT_EVENT_DONE || type == AICHAT_EVENT_ERROR;
}

/* ---- events ---- */

static bool add(struct telling *t, const char *bytes, size_t len)
{
	if (t->room - t->len < len) {
		size_t room = t->room ? t->room : 1024;
		while (room - t->len < len)
			room *= 2;
		char *out = realloc(t->out, room);
		if (!out)
			return false;
		t->out = out;
		t->room = room;
	}
	memcpy(t->out + t->len, bytes, len);
	t->len += len;
	return true;
}

static bool add_event(struct telling *t, const aichat_event *event)
{
	char *json = NULL;
	size_t len = 0;
	char head[48];

	note(t, event);
	if (aichat_event_to_json(event, &json, &len) < 0)
		return false;
	int head_len = snprintf(head, sizeof(head),
				"id: %" PRIu64 "\ndata: ", aichat_event_seq(event));
	bool ok = add(t, head, (size_t)head_len) && add(t, json, len) &&
		  add(t, "\n\n", 2);
	aichat_free(json);
	return ok;
}

/* What is there was written, or given up. Thousands of streams would keep a buffer each.
 */
static void forget_out(struct telling *t)
{
	if (t->len && !t->call->first_byte_mono_us)
		t->call->first_byte_mono_us = clock_mono_us();
	free(t->out);
	t->out = NULL;
	t->len = t->room = 0;
}

/* False: the client is gone, or there was no memory. */
static bool send_out(struct telling *t)
{
	int result = t->len ? http_write(t->call->request, t->out, t->len) : 0;

	forget_out(t);
	return result == 0;
}

enum turn {
	GO_ON,
	THE_END, /* nothing will follow */
	CUT,     /* something follows, and can be asked for again */
};

/* Nothing came for a while, or somebody woke us. */
static enum turn beat(struct telling *t)
{
	struct call *call = t->call;
	int64_t now_us = clock_mono_us();

	if (http_is_gone(call->request))
		return CUT;
	if (atomic_load(&call->server->stopping)) {
		add(t, RETRY_SOON, strlen(RETRY_SOON));
		send_out(t);
		return THE_END;
	}
	if (!auth_holds(call, &t->rights)) {
		call->error_type = "caller_unauthenticated";
		return CUT;
	}
	if (now_us - t->beat_us >= call->server->settings.heartbeat_ms * 1000)
		t->beat_us = now_us;
	return GO_ON;
}

static int64_t until_beat_ms(const struct telling *t)
{
	int64_t beat_ms = t->call->server->settings.heartbeat_ms;
	int64_t left_ms = beat_ms - (clock_mono_us() - t->beat_us) / 1000;

	return left_ms < 1 ? 1 : left_ms;
}

/* Put events into the buffer, as many as there are or fit; what the last look said. */
static int take_events(struct telling *t, int64_t timeout_ms)
{
	const aichat_event *event = NULL;
	int rc = aichat_reply_next(t->reply, timeout_ms, &event);

	while (rc == 1) {
		if (!add_event(t, event)) {
			t->is_cut = true;
			break;
		}
		if (t->over || t->len >= WRITE_BYTES_MAX)
			break;
		rc = aichat_reply_next(t->reply, 0, &event);
	}
	return rc;
}

/*
 * On the teller's thread: send what there is, so long as the client takes it. What is
 * out of the ordinary is the worker's.
 */
static bool tell(struct told *told)
{
	struct telling *t = (struct telling *)told;

	if (!auth_is_unchanged(t->call, &t->rights))
		return false;
	int rc = take_events(t, 0);
	if (t->len && !t->is_cut) {
		int result = http_write_now(t->call->request, t->out, t->len);
		forget_out(t);
		t->is_cut = result < 0;
		if (result != 0)
			return false;
	}
	return rc == AICHAT_EAGAIN;
}

/* Send all that there is, after a wait of at most so long. */
static enum turn tell_some(struct telling *t, int64_t timeout_ms)
{
	int64_t beat_us = t->beat_us;
	int rc = t->over || t->is_cut ? 1 : take_events(t, timeout_ms);

	if (t->is_cut || !http_flush(t->call->request) || (t->len && !send_out(t)))
		return CUT;
	t->caught_up = rc == AICHAT_EAGAIN;
	if (t->over || rc == 0)
		return THE_END;
	if (rc < 0 && rc != AICHAT_EAGAIN) {
		t->call->error_type = rc == AICHAT_ECLOSED ? "own_draining"
							   : "own_storage";
		return CUT;
	}
	enum turn turn = beat(t);
	/* A comment shows that we live, where events do not. */
	if (turn == GO_ON && t->beat_us != beat_us &&
	    (!add(t, ":\n\n", 3) || !send_out(t)))
		return CUT;
	return turn;
}

static void tell_events(struct telling *t, const aichat_event *first)
{
	struct http_request *request = t->call->request;
	enum turn turn = GO_ON;

	http_set_header(request, "X-Accel-Buffering", "no");
	http_begin_stream(request, 200, "text/event-stream");
	if (!add(t, RETRY, strlen(RETRY)) || (first && !add_event(t, first)) ||
	    !send_out(t))
		turn = CUT;
	else if (t->over)
		turn = THE_END;
	while (turn == GO_ON) {
		bool told = t->caught_up && teller_hold(t->call->server->teller, &t->told,
							until_beat_ms(t));
		turn = tell_some(t, told || !t->caught_up ? 0 : until_beat_ms(t));
	}
	if (turn == THE_END)
		http_end_stream(request);
}

/* ---- the end ---- */

/* {"reply":{...},"message":{...},"messages":[...]}, the last two from this event. */
static void answer_end(struct telling *t, const aichat_event *event)
{
	struct call *call = t->call;
	aichat_error *error = NULL;
	aichat_json *doc = NULL;
	char *reply = NULL, *json = NULL;
	size_t reply_len = 0, len = 0;

	int rc = aichat_reply_to_json(t->reply, &reply, &reply_len, &error);
	if (rc == 0)
		rc = aichat_event_to_json(event, &json, &len);
	if (rc == 0)
		rc = aichat_json_parse_limited(json, (int64_t)len, (size_t)1 << 30,
					       1 << 24, 512, NULL, &doc, &error);
	if (rc < 0) {
		call_fail(call, error);
	} else {
		aichat_json_writer *w = aichat_json_writer_new(0);
		aichat_json_writer_begin_object(w);
		aichat_json_writer_key(w, "reply", -1);
		aichat_json_writer_raw(w, reply, (int64_t)reply_len);
		static const char *const names[] = { "message", "messages" };
		for (int i = 0; i < 2; i++) {
			size_t raw_len;
			const char *raw = aichat_json_raw(
				doc, aichat_json_get(doc, 0, names[i]), &raw_len);
			if (!raw)
				continue;
			aichat_json_writer_key(w, names[i], -1);
			aichat_json_writer_raw(w, raw, (int64_t)raw_len);
		}
		aichat_json_writer_end_object(w);
		call_answer(call, 200, w);
	}
	aichat_json_unref(doc);
	aichat_free(json);
	aichat_free(reply);
	aichat_error_unref(error);
}

static bool is_waiting(const struct telling *t)
{
	char *json = NULL;
	bool waiting = aichat_reply_to_json(t->reply, &json, NULL, NULL) == 0 &&
		       strstr(json, "\"state\":\"waiting\"");

	aichat_free(json);
	return waiting;
}

/* True when the call is answered. */
static bool tell_end(struct telling *t, const aichat_event *event)
{
	int type = aichat_event_type(event);

	note(t, event);
	if (type == AICHAT_EVENT_ERROR) {
		call_fail(t->call, aichat_event_error(event));
		return true;
	}
	/* It goes on when somebody has answered the tool calls. */
	bool done = type == AICHAT_EVENT_DONE ||
		    (event_wants_results(event) && is_waiting(t));
	if (done)
		answer_end(t, event);
	return done;
}

static void wait_for_end(struct telling *t, const aichat_event *first)
{
	struct call *call = t->call;
	const aichat_event *event = first;
	int rc = first ? 1 : AICHAT_EAGAIN;

	for (;;) {
		if (rc == 1 && tell_end(t, event))
			return;
		if (rc != 1 && rc != AICHAT_EAGAIN)
			break;
		if (http_is_gone(call->request)) {
			call_refuse(call, 409, "CANCELED",
				    "the client has left; the reply goes on");
			return;
		}
		if (!auth_holds(call, &t->rights)) {
			call_refuse(call, 401, "UNAUTHENTICATED",
				    "the key does not count any more; the reply goes on");
			return;
		}
		if (atomic_load(&call->server->stopping))
			break;
		rc = aichat_reply_next(t->reply, until_beat_ms(t), &event);
		if (rc == AICHAT_EAGAIN)
			t->beat_us = clock_mono_us();
	}
	if (rc == 1 || rc == AICHAT_EAGAIN || rc == AICHAT_ECLOSED)
		call_refuse(
			call, 503, "DRAINING",
			"the server is shutting down; what came of the reply is kept");
	else if (rc == 0)
		call_refuse(call, 404, "NOT_FOUND", "the reply was deleted");
	else
		call_refuse(call, 500, "STORAGE", "the reply cannot be read");
}

void stream_reply(struct call *call, aichat_reply *reply, const aichat_event *first,
		  struct ongoing *ongoing, bool as_events)
{
	struct telling t = {
		.told = { .reply = reply, .tell = tell },
		.call = call,
		.reply = reply,
		.ongoing = ongoing,
		.beat_us = clock_mono_us(),
	};
	struct viewer viewer = { .reply_id = aichat_reply_id(reply) };

	told_init(&t.told);
	viewer_add(call->server->ongoings, &viewer);
	http_watch(call->request, look_up, &t);
	if (as_events)
		tell_events(&t, first);
	else
		wait_for_end(&t, first);
	http_unwatch(call->request);
	viewer_remove(call->server->ongoings, &viewer);
	told_done(&t.told);
	free(t.out);
	if (t.over)
		ongoing_end(ongoing, call);
	else
		ongoing_leave(ongoing, call);
}
