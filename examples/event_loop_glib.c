/*
 * Two replies and a timer in GLib's main loop, as in a GTK or GNOME program.
 *
 *     cc event_loop_glib.c $(pkg-config --cflags --libs libaichat glib-2.0)
 */

#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>

#include <aichat/aichat.h>

#define REPLIES 2
#define TICK_MS 100

struct job {
	const char *question;
	aichat_conversation *conversation;
	aichat_reply *reply;
	size_t bytes;
	struct app *app;
};

struct app {
	GMainLoop *loop;
	struct job jobs[REPLIES];
	int running;
};

/* Take what there is, and do not wait for more. */
static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
	struct job *job = user;
	const aichat_event *event;
	int rc;

	(void)fd;
	(void)condition;
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
		return G_SOURCE_CONTINUE;
	if (--job->app->running == 0)
		g_main_loop_quit(job->app->loop);
	return G_SOURCE_REMOVE;
}

static gboolean on_tick(gpointer user)
{
	struct app *app = user;

	printf("so far: %zu bytes\n", app->jobs[0].bytes + app->jobs[1].bytes);
	return G_SOURCE_CONTINUE;
}

static int start(aichat *ai, struct job *job, aichat_error **error)
{
	int fd;

	if (aichat_conversation_new(ai, NULL, &job->conversation, error) < 0 ||
	    aichat_conversation_send(job->conversation, job->question, -1, NULL,
				     &job->reply, error) < 0 ||
	    aichat_reply_fd(job->reply, &fd, error) < 0)
		return -1;
	g_unix_fd_add(fd, G_IO_IN, on_readable, job);
	job->app->running++;
	return 0;
}

int main(void)
{
	struct app app = { .loop = g_main_loop_new(NULL, FALSE),
			   .jobs = { { .question = "Name three rivers.", .app = &app },
				     { .question = "Name three mountains.",
				       .app = &app } } };
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_error *error = NULL;

	g_timeout_add(TICK_MS, on_tick, &app);
	if (aichat_options_load(options, NULL, &error) == 0 &&
	    aichat_open(options, &ai, &error) == 0 &&
	    start(ai, &app.jobs[0], &error) == 0 && start(ai, &app.jobs[1], &error) == 0)
		g_main_loop_run(app.loop);
	else
		fprintf(stderr, "%s\n", aichat_error_message(error));

	for (int i = 0; i < REPLIES; i++) {
		aichat_reply_unref(app.jobs[i].reply);
		aichat_conversation_unref(app.jobs[i].conversation);
	}
	aichat_close(ai);
	aichat_options_free(options);
	g_main_loop_unref(app.loop);
	int failed = error != NULL;
	aichat_error_unref(error);
	return failed;
}
