/*
 * Descriptors and what the program says itself: whole writes, the filter for terminals,
 * and the lines on standard error.
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define PIECE 2048

/* --- descriptors --- */

void out_setup(struct out *out, int fd, bool no_color)
{
	const char *no = getenv("NO_COLOR"); /* no-color.org: any text but an empty one */
	const char *term = getenv("TERM");

	*out = (struct out){ .fd = fd, .tty = isatty(fd) };
	out->color = out->tty && !no_color && !(no && *no) && term && *term &&
		     strcmp(term, "dumb") != 0;
}

void out_raw(struct out *out, const char *bytes, size_t len)
{
	while (len && !out->error) {
		ssize_t count = write(out->fd, bytes, len);
		if (count >= 0) {
			bytes += count;
			len -= (size_t)count;
		} else if (errno == EAGAIN) {
			struct pollfd wait = { .fd = out->fd, .events = POLLOUT };
			/* A signal ends the wait: the reader may have stopped reading. */
			if (poll(&wait, 1, -1) < 0 && interrupt_signal())
				return;
		} else if (errno != EINTR) {
			out->error = errno;
		} else if (interrupt_signal()) {
			return;
		}
	}
}

void out_text(struct out *out, const char *text, size_t len)
{
	char safe[TERM_FILTER_ROOM(PIECE)];

	if (len)
		out->mid_line = text[len - 1] != '\n';
	if (!out->tty) {
		out_raw(out, text, len);
		return;
	}
	while (len) {
		size_t piece = len < PIECE ? len : PIECE;
		out_raw(out, safe, term_filter_push(&out->filter, text, piece, safe));
		text += piece;
		len -= piece;
	}
}

void out_puts(struct out *out, const char *text)
{
	out_text(out, text, strlen(text));
}

void out_printf(struct out *out, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	if (len < 0)
		return;
	out_text(out, text, (size_t)len);
	free(text);
}

/* What the filter holds back belongs before whatever comes now. */
static void settle(struct out *out)
{
	char rest[TERM_FILTER_ROOM(0)];

	if (out->tty)
		out_raw(out, rest, term_filter_end(&out->filter, rest));
}

void out_markup(struct out *out, const char *sequence)
{
	if (!out->color)
		return;
	settle(out);
	out_raw(out, sequence, strlen(sequence));
}

void out_end_line(struct out *out)
{
	settle(out);
	if (out->tty && out->mid_line)
		out_text(out, "\n", 1);
}

/* --- lines of our own --- */

/* Standard error often is the same terminal: text there begins on a new line. */
void app_end_lines(struct app *app)
{
	out_end_line(&app->out);
	if (app->err.mid_line)
		out_text(&app->err, "\n", 1);
	app->shown.reasoning = false;
}

static __attribute__((format(printf, 2, 0))) void say(struct app *app, const char *format,
						      va_list list)
{
	char *text = NULL;

	app_end_lines(app);
	if (vasprintf(&text, format, list) < 0)
		return;
	/* An error may quote what a provider or a file said, and stays one line. */
	char *line = term_line(text, 4000);
	out_printf(&app->err, "aichat: %s\n", line ? line : text);
	free(line);
	free(text);
}

void app_say(struct app *app, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(app, format, list);
	va_end(list);
}

void app_notice(struct app *app, const char *format, ...)
{
	va_list list;

	if (args_has(&app->args, 'q'))
		return;
	va_start(list, format);
	say(app, format, list);
	va_end(list);
}

int app_usage(struct app *app, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	if (len < 0)
		return STATUS_USAGE;
	app_say(app, "%s (aichat --help tells more)", text);
	free(text);
	return STATUS_USAGE;
}
