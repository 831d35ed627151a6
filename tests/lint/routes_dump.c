/*
 * The daemon's route table as the program has it: one line of JSON a route, for
 * routes.py.
 */

#include <stdio.h>

#include <aichat/aichat.h>

#include "call.h"

static void put(aichat_json_writer *w, const char *key, const char *text)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_string(w, text, -1);
}

static void put_int(aichat_json_writer *w, const char *key, int64_t value)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_int(w, value);
}

static void put_bool(aichat_json_writer *w, const char *key, bool value)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_bool(w, value);
}

static void begin_list(aichat_json_writer *w, const char *key)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_begin_array(w);
}

/* "settings.options", with those that are inside of it. */
static void put_fields(aichat_json_writer *w, const char *in, const struct field *fields)
{
	for (; fields && fields->type != FIELD_END; fields++) {
		char name[256];
		snprintf(name, sizeof(name), "%s%s", in, fields->name);
		aichat_json_writer_begin_object(w);
		put(w, "name", name);
		put(w, "help", fields->help);
		aichat_json_writer_end_object(w);
		snprintf(name, sizeof(name), "%s%s.", in, fields->name);
		put_fields(w, name, fields->fields);
	}
}

static void put_answers(aichat_json_writer *w, const struct route *route)
{
	begin_list(w, "answers");
	for (int i = 0; i < ANSWERS_MAX && route->answers[i].status; i++) {
		aichat_json_writer_begin_object(w);
		put_int(w, "status", route->answers[i].status);
		put(w, "help", route->answers[i].help);
		aichat_json_writer_end_object(w);
	}
	aichat_json_writer_end_array(w);
}

static void put_route(aichat_json_writer *w, const struct route *route)
{
	aichat_json_writer_begin_object(w);
	put(w, "name", route->name);
	put(w, "method", route->method);
	put(w, "path", route->path);
	put(w, "summary", route->summary);
	put_int(w, "roles", route->roles);
	put_int(w, "scopes", route->scopes);
	put_bool(w, "open", route->flags & ROUTE_OPEN);
	put_bool(w, "handled", route->handle != NULL);
	put_answers(w, route);
	begin_list(w, "fields");
	for (int i = 0; i < PATH_VALUES_MAX && route->path_values[i].name; i++) {
		aichat_json_writer_begin_object(w);
		put(w, "name", route->path_values[i].name);
		put(w, "help", route->path_values[i].help);
		aichat_json_writer_end_object(w);
	}
	put_fields(w, "query.", route->query);
	put_fields(w, "body.", route->body);
	aichat_json_writer_end_array(w);
	aichat_json_writer_end_object(w);
}

int main(void)
{
	const struct route *route;

	for (int n = 0; (route = route_at(n)); n++) {
		aichat_json_writer *w = aichat_json_writer_new(0);
		const char *text = NULL;
		put_route(w, route);
		if (aichat_json_writer_finish(w, &text, NULL) < 0)
			return 1;
		puts(text);
		aichat_json_writer_unref(w);
	}
	return 0;
}
