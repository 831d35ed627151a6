/*
 * What is to be said: the words of the command line, then what standard input holds if it
 * is no terminal. All of it is read and checked before anything is opened or sent.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define PROMPT_MAX ((size_t)16 << 20)

struct text {
	char *data;
	size_t len;
	size_t room;
};

static bool reserve(struct text *text, size_t count)
{
	if (text->room - text->len >= count)
		return true;
	size_t room = text->room ? text->room : 4096;
	while (room - text->len < count)
		room *= 2;
	char *data = realloc(text->data, room);
	if (!data)
		return false;
	text->data = data;
	text->room = room;
	return true;
}

static bool append(struct text *text, const char *data, size_t len)
{
	if (!reserve(text, len + 1))
		return false;
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
	return true;
}

/* Words are one space apart. */
static int add_words(struct app *app, struct text *text)
{
	for (size_t i = 0; i < app->args.word_count; i++) {
		const char *word = app->args.words[i];
		if ((i && !append(text, " ", 1)) || !append(text, word, strlen(word)))
			return app_nomem(app);
	}
	size_t valid = text->len ? term_utf8_prefix(text->data, text->len) : 0;
	if (valid < text->len)
		return app_usage(app, "the prompt is not UTF-8 at byte %zu", valid);
	return STATUS_OK;
}

/* One byte more than the limit is enough to know. */
static int read_input(struct app *app, struct text *input)
{
	for (;;) {
		if (!reserve(input, 65536))
			return app_nomem(app);
		ssize_t count = read(STDIN_FILENO, input->data + input->len,
				     input->room - input->len - 1);
		if (count == 0)
			return STATUS_OK;
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			app_say(app, "standard input cannot be read: %s",
				strerror(errno));
			return STATUS_FAILED;
		}
		input->len += (size_t)count;
		if (input->len > PROMPT_MAX) {
			app_say(app,
				"standard input has more than the %zu MiB that a "
				"message may have",
				PROMPT_MAX >> 20);
			return STATUS_FAILED;
		}
	}
}

static bool is_blank(const struct text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!strchr(" \t\r\n", text->data[i]) || !text->data[i])
			return false;
	return true;
}

static int add_input(struct app *app, struct text *text)
{
	struct text input = { 0 };
	int status = read_input(app, &input);
	size_t valid = 0;

	if (status == STATUS_OK && input.len)
		valid = term_utf8_prefix(input.data, input.len);
	if (status == STATUS_OK && valid < input.len) {
		app_say(app, "standard input is not UTF-8 at byte %zu; nothing was sent",
			valid);
		status = STATUS_FAILED;
	}
	if (status == STATUS_OK && !is_blank(&input) &&
	    ((text->len && !append(text, "\n\n", 2)) ||
	     !append(text, input.data, input.len)))
		status = app_nomem(app);
	free(input.data);
	return status;
}

int app_prompt(struct app *app, char **ret_text, size_t *ret_len)
{
	struct text text = { 0 };

	*ret_text = NULL;
	*ret_len = 0;
	int status = add_words(app, &text);
	if (status == STATUS_OK && !isatty(STDIN_FILENO))
		status = add_input(app, &text);
	if (status == STATUS_OK && text.len > PROMPT_MAX) {
		app_say(app,
			"the prompt has more than the %zu MiB that a message may have",
			PROMPT_MAX >> 20);
		status = STATUS_FAILED;
	}
	if (status != STATUS_OK || is_blank(&text)) {
		free(text.data);
		return status;
	}
	*ret_text = text.data;
	*ret_len = text.len;
	return STATUS_OK;
}
