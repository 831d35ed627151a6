/*
 * Two replies and a timer in libuv's loop, as in a program built around Node's.
 *
 *     cc event_loop_uv.c $(pkg-config --cflags --libs libaichat libuv)
 */

#include <stdio.h>
#include <uv.h>

#include <aichat/aichat.h>

#define REPLIES 2
#define TICK_MS 100

struct job {
	const char *question;
	aichat_conversation *conversation;
	aichat_reply *reply;
	size_t bytes;
	uv_poll_t poll;
	struct app *app;
};

struct app {
	uv_loop_t loop;
	uv_timer_t timer;
	struct job jobs[REPLIES];
	int running;
};

/* Take what there is, and do not wait for more. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct job *job = poll->data;
	const aichat_event *event;
	int rc;

	(void)status;
	(void)events;
	while ((rc = aichat_reply_next(job->reply, 0, &event)) == 1) {
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT)
			job->bytes += aichat_event_text_len(event);
		if (aichat_event_type(event) == AICHAT_EVENT_ERROR)
			fprintf(stderr, "%s: %s\n", job->question,
				aichat_error_message(aichat_event_error(event)));
		if (aichat_event_type(event) == AICHAT_EVENT_DONE)
			printf("%s: %zu bytes\n", job->question, job->bytes);
	}
	if (rc == AICHAT_EAGAIN)
		return;
	/* The loop must not watch a descriptor that is going to be closed. */
	uv_close((uv_handle_t *)poll, NULL);
	if (--job->app->running == 0)
		uv_close((uv_handle_t *)&job->app->timer, NULL);
}

static void on_tick(uv_timer_t *timer)
{
	const struct app *app = timer->data;

	printf("so far: %zu bytes\n", app->jobs[0].bytes + app->jobs[1].bytes);
}

static int start(aichat *ai, struct app *app, struct job *job, aichat_error **error)
{
	int fd;

	if (aichat_conversation_new(ai, NULL, &job->conversation, error) < 0 ||
	    aichat_conversation_send(job->conversation, job->question, -1, NULL,
				     &job->reply, error) < 0 ||
	    aichat_reply_fd(job->reply, &fd, error) < 0)
		return -1;
	job->app = app;
	job->poll.data = job;
	uv_poll_init(&app->loop, &job->poll, fd);
	uv_poll_start(&job->poll, UV_READABLE, on_readable);
	app->running++;
	return 0;
}

/* Runs until the timer is closed, with the last reply. */
static int run(aichat *ai, struct app *app, aichat_error **error)
{
	if (start(ai, app, &app->jobs[0], error) < 0 ||
	    start(ai, app, &app->jobs[1], error) < 0)
		return -1;
	app->timer.data = app;
	uv_timer_init(&app->loop, &app->timer);
	uv_timer_start(&app->timer, on_tick, TICK_MS, TICK_MS);
	uv_run(&app->loop, UV_RUN_DEFAULT);
	return uv_loop_close(&app->loop);
}

int main(void)
{
	struct app app = { .jobs = { { .question = "Name three rivers." },
				     { .question = "Name three mountains." } } };
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_error *error = NULL;
	int rc = -1;

	uv_loop_init(&app.loop);
	if (aichat_options_load(options, NULL, &error) == 0 &&
	    aichat_open(options, &ai, &error) == 0)
		rc = run(ai, &app, &error);
	if (error)
		fprintf(stderr, "%s\n", aichat_error_message(error));

	for (int i = 0; i < REPLIES; i++) {
		aichat_reply_unref(app.jobs[i].reply);
		aichat_conversation_unref(app.jobs[i].conversation);
	}
	aichat_close(ai);
	aichat_options_free(options);
	aichat_error_unref(error);
	return rc < 0;
}
