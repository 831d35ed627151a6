/*
 * One reply: send, print what comes, stop when asked to, and say how it ended. The text
 * is in the store before it gets here, so that nothing that was printed can be lost.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

struct asking {
	struct app *app;
	aichat_conversation *conversation;
	aichat_reply *reply;
	bool started;    /* the question is on disk */
	bool cancelled;  /* we stopped it */
	bool has_text;   /* something came */
	int state;       /* enum aichat_reply_state at the end */
	int stop_reason; /* of the last message */
	aichat_error *error;
};

/* --- notices --- */

static bool is_stored(const struct app *app)
{
	const char *store = NULL;

	aichat_options_get(app->options, "store", &store);
	return store && strcmp(store, "memory:") != 0;
}

/* Once, if nothing tells which model to use: the reply is only an echo. */
static void tell_model(struct asking *asking, const aichat_event *event)
{
	struct app *app = asking->app;
	CLEANUP(aichat_freep) char *json = NULL;
	aichat_json *doc = NULL;
	size_t len = 0;

	if (!app->fell_back || aichat_event_to_json(event, &json, &len) < 0 ||
	    aichat_json_parse(json, (int64_t)len, &doc, NULL) < 0)
		return;
	const char *model = aichat_json_string(doc, aichat_json_get(doc, 0, "model"),
					       NULL);
	if (!model || strcmp(model, "echo/echo") == 0)
		app_notice(
			app,
			"model: echo, which repeats what it is told; for a real one set "
			"OPENAI_API_KEY or ANTHROPIC_API_KEY, name one with -m, or set "
			"`model` in ~/.config/aichat/aichat.conf");
	app->fell_back = false;
	aichat_json_unref(doc);
}

static void tell_stop_reason(const struct asking *asking)
{
	struct app *app = asking->app;

	switch (asking->stop_reason) {
	case AICHAT_STOP_LENGTH:
		app_notice(app, "the reply ends here because it reached max_tokens");
		break;
	case AICHAT_STOP_CONTEXT_WINDOW:
		app_notice(app,
			   "the reply ends here because the model's context is full");
		break;
	case AICHAT_STOP_CONTENT_FILTER:
		app_notice(app, "the provider's filter ended the reply");
		break;
	case AICHAT_STOP_REFUSAL:
		app_notice(app, "the model refused");
		break;
	case AICHAT_STOP_TOOL_CALLS:
		break;
	default:
		if (!asking->has_text)
			app_notice(app, "the reply is empty");
		break;
	}
}

/* What a failure or a stop left behind, and how to go on from there. */
static void tell_kept(const struct asking *asking)
{
	struct app *app = asking->app;
	const char *what = asking->has_text ? "the question and what came are kept"
					    : "the question is kept";
	char id[37];

	if (!asking->started || !is_stored(app))
		return;
	app_short_id(app, aichat_conversation_id(asking->conversation), id);
	if (app->in_chat)
		app_notice(app, "%s; to ask again: /retry", what);
	else
		app_notice(app, "%s; to ask again: aichat retry %s", what, id);
}

/* --- events --- */

/* This client has no tools; a conversation begun elsewhere may still offer some. */
static void refuse_tools(struct asking *asking, const aichat_message *message)
{
	static const char answer[] = "This tool is not available here.";
	size_t count = aichat_message_part_count(message);

	for (size_t i = 0; i < count; i++) {
		const char *id = aichat_message_part_id(message, i);
		const char *name = aichat_message_part_name(message, i);
		if (aichat_message_part_type(message, i) != AICHAT_PART_TOOL_CALL || !id)
			continue;
		if (aichat_reply_tool_result(asking->reply, id, answer, -1, 1, NULL) == 0)
			app_notice(asking->app,
				   "the model asked for the tool %s, which "
				   "this client does not have",
				   name ? name : "");
	}
}

static void on_event(struct asking *asking, const aichat_event *event)
{
	struct app *app = asking->app;
	const aichat_message *message = aichat_event_message(event);
	int type = aichat_event_type(event);

	if (type == AICHAT_EVENT_START) {
		asking->started = true;
		tell_model(asking, event);
	}
	if (type == AICHAT_EVENT_TEXT || type == AICHAT_EVENT_REASONING)
		asking->has_text = true;
	if (!app->out.error)
		app->printer->event(app, event);
	if (type == AICHAT_EVENT_MESSAGE && message)
		refuse_tools(asking, message);
	if (type == AICHAT_EVENT_DONE || type == AICHAT_EVENT_ERROR) {
		asking->state = aichat_event_state(event);
		asking->stop_reason = message ? aichat_message_stop_reason(message) : 0;
		/* The accessor's object is lent until the next event. */
		if (type == AICHAT_EVENT_ERROR)
			asking->error = aichat_error_ref(
				(aichat_error *)(uintptr_t)aichat_event_error(event));
	}
}

static void cancel(struct asking *asking)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;

	if (asking->cancelled)
		return;
	asking->cancelled = true;
	if (aichat_reply_cancel(asking->reply, &error) < 0)
		app_say(asking->app, "%s", aichat_error_message(error));
}

/* Until something comes, a signal does, or nobody reads our output any more. */
static int wait_for_more(struct asking *asking)
{
	struct app *app = asking->app;
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	struct pollfd fds[3] = {
		{ .fd = -1, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
		{ .fd = app->out.error || asking->cancelled ? -1 : app->out.fd },
	};

	if (asking->cancelled)
		fds[1].fd = -1;
	if (aichat_reply_fd(asking->reply, &fds[0].fd, &error) < 0)
		return app_fail(app, error);
	if (poll(fds, 3, -1) > 0 && fds[2].revents & POLLERR)
		app->out.error = EPIPE;
	return STATUS_OK;
}

static int follow(struct asking *asking)
{
	struct app *app = asking->app;
	const aichat_event *event = NULL;

	for (;;) {
		int rc = aichat_reply_next(asking->reply, 0, &event);
		if (rc == 0)
			return STATUS_OK;
		if (rc < 0 && rc != AICHAT_EAGAIN) {
			app_say(app, "the reply cannot be followed: %s",
				aichat_error_text(rc));
			return app_status(rc);
		}
		if (rc == 1)
			on_event(asking, event);
		else if (wait_for_more(asking) != STATUS_OK)
			return STATUS_FAILED;
		if (interrupt_signal() || app->out.error)
			cancel(asking);
	}
}

/* --- the end --- */

static int finish(struct asking *asking)
{
	struct app *app = asking->app;

	if (app->out.error)
		return STATUS_FAILED; /* which is said at the end of all */
	if (interrupt_signal()) {
		out_end_line(&app->out);
		if (asking->state == AICHAT_REPLY_STOPPED && app->in_chat)
			app_notice(app, "stopped");
		else if (asking->state == AICHAT_REPLY_STOPPED)
			tell_kept(asking);
		return 128 + interrupt_signal();
	}
	if (asking->error) {
		int status = app_fail(app, asking->error);
		/* Whatever it is: the provider said so. */
		if (aichat_error_http_status(asking->error))
			status = STATUS_PROVIDER;
		tell_kept(asking);
		return status;
	}
	if (asking->state == AICHAT_REPLY_STOPPED)
		app_notice(app, "the reply was stopped");
	else
		tell_stop_reason(asking);
	return STATUS_OK;
}

/* The command line names a model that there is not: that is a mistake in its use. */
static int not_sent(struct app *app, const aichat_error *error)
{
	app->printer->failure(app, error);
	int status = app_fail(app, error);
	return aichat_error_code(error) == AICHAT_EMODEL && args_has(&app->args, 'm')
		       ? STATUS_USAGE
		       : status;
}

int app_ask(struct app *app, aichat_conversation *conversation, const char *text,
	    size_t len)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(reply_unrefp) aichat_reply *reply = NULL;
	struct asking asking = {
		.app = app,
		.conversation = conversation,
	};
	int rc;

	app->shown = (struct shown){ 0 };
	interrupt_defer(true);
	if (text)
		rc = aichat_conversation_send(conversation, text, (int64_t)len, app->ask,
					      &reply, &error);
	else
		rc = aichat_conversation_retry(conversation, NULL, app->ask, &reply,
					       &error);
	int status;
	if (rc < 0) {
		status = not_sent(app, error);
	} else {
		asking.reply = reply;
		status = follow(&asking);
		if (status == STATUS_OK)
			status = finish(&asking);
	}
	interrupt_defer(app->in_chat);
	aichat_error_unref(asking.error);
	return status;
}
