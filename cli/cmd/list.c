/* `aichat list`: the conversations, the ones changed last first. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../command.h"

#define PAGE 100

static void age_of(int64_t unix_ms, char *text, size_t room)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t seconds = now.tv_sec - unix_ms / 1000;
	if (seconds < 0)
		seconds = 0;
	if (seconds < 60)
		snprintf(text, room, "%" PRId64 " s", seconds);
	else if (seconds < 3600)
		snprintf(text, room, "%" PRId64 " min", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(text, room, "%" PRId64 " h", seconds / 3600);
	else
		snprintf(text, room, "%" PRId64 " d", seconds / 86400);
}

static void time_of(int64_t unix_ms, char *text, size_t room)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	size_t used = 0;

	if (gmtime_r(&seconds, &utc))
		used = strftime(text, room, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + used, room - used, ".%03dZ", (int)(unix_ms % 1000));
}

static void print_one(struct app *app, const aichat_list *list, size_t n)
{
	const char *id = aichat_list_id(list, n);
	const char *title = aichat_list_title(list, n);
	int64_t updated = aichat_list_updated_unix_ms(list, n);
	char short_id[37] = "", age[32], when[40];

	if (app->printer == &print_text)
		app_short_id(app, id, short_id);
	age_of(updated, age, sizeof(age));
	time_of(updated, when, sizeof(when));
	const struct field fields[] = {
		{ .name = "id", .text = short_id, .width = 13, .value = id },
		{ .name = "updated_at", .text = age, .width = -6, .value = when },
		{ .name = "title", .text = title ? title : "", .value = title },
	};
	app->printer->row(app, fields, sizeof(fields) / sizeof(*fields));
}

/* A number of the command line; false for anything else. */
static bool read_limit(const char *text, size_t *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || text[digits] || digits > 9)
		return false;
	*ret = strtoul(text, NULL, 10);
	return true;
}

static int run(struct app *app)
{
	const char *text = args_value(&app->args, 'l');
	CLEANUP(freep) char *cursor = NULL;
	size_t left = 20;

	if (app->args.word_count)
		return app_usage(app,
				 "`list` takes no words; to ask them: aichat ask list "
				 "%s%s",
				 app->args.words[0],
				 app->args.word_count > 1 ? " ..." : "");
	if (text && !read_limit(text, &left))
		return app_usage(app, "-l %s: not a number", text);
	if (!left)
		left = SIZE_MAX;
	int status = app_open(app, false);
	if (status != STATUS_OK)
		return status;
	while (left && !app->out.error) {
		CLEANUP(error_unrefp) aichat_error *error = NULL;
		aichat_list *list = NULL;
		if (aichat_conversation_list(app->ai, cursor, left < PAGE ? left : PAGE,
					     &list, &error) < 0)
			return app_fail(app, error);
		size_t count = aichat_list_count(list);
		for (size_t n = 0; n < count; n++)
			print_one(app, list, n);
		left -= count;
		const char *next = aichat_list_cursor(list);
		free(cursor);
		cursor = next ? strdup(next) : NULL;
		aichat_list_unref(list);
		if (!cursor || !count)
			break;
	}
	return STATUS_OK;
}

const struct command command_list = {
	.name = "list",
	.arguments = "",
	.summary = "list conversations, the ones changed last first",
	.takes = "lJ",
	.run = run,
};
