/*
 * The two ways to print a result: as text, and as JSON with one object a line. Commands
 * know neither.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* --- text --- */

static void text_reasoning(struct app *app, const aichat_event *event)
{
	if (args_has(&app->args, 'q'))
		return;
	if (!app->shown.reasoning)
		app_end_lines(app);
	app->shown.reasoning = true;
	/* Each piece by itself, so that the terminal is left clean whatever happens. */
	out_markup(&app->err, MARK_DIM);
	out_text(&app->err, aichat_event_text(event), aichat_event_text_len(event));
	out_markup(&app->err, MARK_OFF);
}

static void text_piece(struct app *app, const char *text, size_t len)
{
	if (!len)
		return;
	if (app->shown.reasoning)
		app_end_lines(app);
	out_text(&app->out, text, len);
	app->shown.bytes += len;
	app->shown.any = true;
}

/* All that there is of the reply so far; what was shown of it is not shown again. */
static void text_snapshot(struct app *app, const aichat_event *event)
{
	CLEANUP(aichat_freep) char *text = NULL;
	const aichat_message *message = aichat_event_message(event);
	size_t len = 0;

	if (message && aichat_message_text(message, &text, &len) == 0 &&
	    len > app->shown.bytes)
		text_piece(app, text + app->shown.bytes, len - app->shown.bytes);
}

static void text_retry(struct app *app, const aichat_event *event)
{
	int64_t ms = aichat_event_delay_ms(event);

	app_notice(app, "%s; trying again in %lld.%lld s",
		   aichat_error_message(aichat_event_error(event)),
		   (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

static void text_event(struct app *app, const aichat_event *event)
{
	const char *id = aichat_event_message_id(event);

	if (*id && strcmp(id, app->shown.message_id) != 0) {
		if (app->shown.any)
			out_end_line(&app->out);
		snprintf(app->shown.message_id, sizeof(app->shown.message_id), "%s", id);
		app->shown.bytes = 0;
	}
	switch (aichat_event_type(event)) {
	case AICHAT_EVENT_TEXT:
		text_piece(app, aichat_event_text(event), aichat_event_text_len(event));
		break;
	case AICHAT_EVENT_REASONING:
		text_reasoning(app, event);
		break;
	case AICHAT_EVENT_SNAPSHOT:
		text_snapshot(app, event);
		break;
	case AICHAT_EVENT_RETRY:
		text_retry(app, event);
		break;
	case AICHAT_EVENT_DONE:
	case AICHAT_EVENT_ERROR:
		app_end_lines(app);
		break;
	default:
		break;
	}
}

static int characters(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void text_row(struct app *app, const struct field *fields, size_t count)
{
	size_t last = count;

	while (last > 0 && !fields[last - 1].text)
		last--;
	for (size_t i = 0; i < last; i++) {
		const struct field *field = &fields[i];
		if (!field->text)
			continue;
		char *line = term_line(field->text, 4000);
		const char *text = line ? line : "";
		int fill = abs(field->width) - characters(text);
		if (fill < 0)
			fill = 0;
		if (field->width < 0)
			out_printf(&app->out, "%*s%s", fill, "", text);
		else if (i + 1 < last)
			out_printf(&app->out, "%s%*s", text, fill, "");
		else
			out_puts(&app->out, text);
		if (i + 1 < last)
			out_puts(&app->out, "  ");
		free(line);
	}
	out_text(&app->out, "\n", 1);
}

static void text_part(struct app *app, const aichat_message *message, size_t n)
{
	size_t len = 0;
	const char *text = aichat_message_part_text(message, n, &len);
	const char *name = aichat_message_part_name(message, n);
	int type = aichat_message_part_type(message, n);

	if (type == AICHAT_PART_TEXT || type == AICHAT_PART_REFUSAL) {
		out_text(&app->out, text ? text : "", text ? len : 0);
		return;
	}
	if (app->out.mid_line)
		out_text(&app->out, "\n", 1);
	out_markup(&app->out, MARK_DIM);
	out_printf(&app->out, "[%s%s%s]", aichat_part_type_name(type), name ? " " : "",
		   name ? name : "");
	if (text && len) {
		out_puts(&app->out, " ");
		out_text(&app->out, text, len);
	}
	out_markup(&app->out, MARK_OFF);
	out_text(&app->out, "\n", 1);
}

/* What a reply that is not over has written so far: its events, as far as they came. */
static void text_so_far(struct app *app, const aichat_message *message)
{
	CLEANUP(reply_unrefp) aichat_reply *reply = NULL;
	const char *id = aichat_message_id(message);
	const aichat_event *event = NULL;

	if (aichat_reply_open(app->ai, id, 0, &reply, NULL) < 0)
		return;
	while (!app->out.error && aichat_reply_next(reply, 0, &event) == 1) {
		const char *of = aichat_event_message_id(event);
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT && of &&
		    strcmp(of, id) == 0)
			out_text(&app->out, aichat_event_text(event),
				 aichat_event_text_len(event));
	}
}

static void text_message(struct app *app, const aichat_message *message)
{
	const char *provider = aichat_message_provider(message);
	const char *model = aichat_message_model(message);
	int state = aichat_message_state(message);
	size_t count = aichat_message_part_count(message);

	out_markup(&app->out, MARK_BOLD);
	out_puts(&app->out, aichat_role_name(aichat_message_role(message)));
	out_markup(&app->out, MARK_OFF);
	if (model)
		out_printf(&app->out, " (%s%s%s)", provider ? provider : "",
			   provider ? "/" : "", model);
	if (state == AICHAT_MESSAGE_OPEN)
		out_puts(&app->out, " [being written]");
	else if (state != AICHAT_MESSAGE_SEALED)
		out_printf(&app->out, " [%s]", aichat_message_state_name(state));
	out_puts(&app->out, ":\n");
	for (size_t n = 0; n < count; n++)
		text_part(app, message, n);
	if (state == AICHAT_MESSAGE_OPEN && count == 0)
		text_so_far(app, message);
	out_puts(&app->out, app->out.mid_line ? "\n\n" : "\n");
}

static void text_failure(struct app *app, const aichat_error *error)
{
	(void)app;
	(void)error;
}

const struct printer print_text = { text_event, text_row, text_message, text_failure };

/* --- JSON --- */

static void json_line(struct app *app, char *json, size_t len)
{
	/* The NUL makes room for the newline. */
	json[len] = '\n';
	out_text(&app->out, json, len + 1);
	aichat_free(json);
}

static void json_event(struct app *app, const aichat_event *event)
{
	char *json = NULL;
	size_t len = 0;

	if (aichat_event_to_json(event, &json, &len) == 0)
		json_line(app, json, len);
	else
		app->out.error = ENOMEM;
}

static void json_message(struct app *app, const aichat_message *message)
{
	char *json = NULL;
	size_t len = 0;

	if (aichat_message_to_json(message, &json, &len) == 0)
		json_line(app, json, len);
	else
		app->out.error = ENOMEM;
}

static void json_list(aichat_json_writer *writer, const char *words)
{
	aichat_json_writer_begin_array(writer);
	while (*words) {
		size_t len = strcspn(words, " ");
		aichat_json_writer_string(writer, words, (int64_t)len);
		words += len + strspn(words + len, " ");
	}
	aichat_json_writer_end_array(writer);
}

static void json_finish(struct app *app, aichat_json_writer *writer)
{
	const char *json = NULL;
	size_t len = 0;

	if (aichat_json_writer_finish(writer, &json, &len) == 0)
		out_printf(&app->out, "%s\n", json);
	else
		app->out.error = ENOMEM;
	aichat_json_writer_unref(writer);
}

static void json_row(struct app *app, const struct field *fields, size_t count)
{
	aichat_json_writer *writer = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(writer);
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		const char *value = field->value ? field->value : field->text;
		bool absent = field->type == FIELD_NUMBER
				      ? field->number < 0
				      : field->type != FIELD_BOOL && !value;
		if (absent || field->type == FIELD_NONE)
			continue;
		aichat_json_writer_key(writer, field->name, -1);
		if (field->type == FIELD_NUMBER)
			aichat_json_writer_int(writer, field->number);
		else if (field->type == FIELD_BOOL)
			aichat_json_writer_bool(writer, field->number != 0);
		else if (field->type == FIELD_LIST)
			json_list(writer, value);
		else
			aichat_json_writer_string(writer, value, -1);
	}
	aichat_json_writer_end_object(writer);
	json_finish(app, writer);
}

/* What an error event looks like when it is all there is. */
static void json_failure(struct app *app, const aichat_error *error)
{
	aichat_json_writer *writer = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(writer);
	aichat_json_writer_key(writer, "type", -1);
	aichat_json_writer_string(writer, "error", -1);
	aichat_json_writer_key(writer, "error", -1);
	aichat_json_writer_begin_object(writer);
	aichat_json_writer_key(writer, "code", -1);
	aichat_json_writer_string(writer, aichat_error_name(aichat_error_code(error)),
				  -1);
	aichat_json_writer_key(writer, "message", -1);
	aichat_json_writer_string(writer, aichat_error_message(error), -1);
	aichat_json_writer_end_object(writer);
	aichat_json_writer_end_object(writer);
	json_finish(app, writer);
}

const struct printer print_json = { json_event, json_row, json_message, json_failure };
