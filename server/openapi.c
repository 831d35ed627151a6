/*
 * OpenAPI 3.1 from the route table. x-roles, x-scopes and x-objects say what the access
 * tests need to know: who may, and what a {value} of the path names.
 */

#include <stdio.h>
#include <string.h>

#include "openapi.h"
#include "route.h"
#include "schemas.h"

static void put(aichat_json_writer *w, const char *key, const char *text)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_string(w, text, -1);
}

static void begin(aichat_json_writer *w, const char *key)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_begin_object(w);
}

static void begin_list(aichat_json_writer *w, const char *key)
{
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_begin_array(w);
}

static void put_ref(aichat_json_writer *w, const char *schema)
{
	char ref[96];

	snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema);
	aichat_json_writer_begin_object(w);
	put(w, "$ref", ref);
	aichat_json_writer_end_object(w);
}

/* ---- fields ---- */

static void write_object(aichat_json_writer *w, const struct field *fields, bool strict);

static void put_type(aichat_json_writer *w, const char *type, bool nullable)
{
	if (!nullable) {
		put(w, "type", type);
		return;
	}
	begin_list(w, "type");
	aichat_json_writer_string(w, type, -1);
	aichat_json_writer_string(w, "null", -1);
	aichat_json_writer_end_array(w);
}

static void put_range(aichat_json_writer *w, const struct field *field,
		      const char *minimum, const char *maximum)
{
	if (field->minimum) {
		aichat_json_writer_key(w, minimum, -1);
		aichat_json_writer_int(w, field->minimum);
	}
	if (field->maximum) {
		aichat_json_writer_key(w, maximum, -1);
		aichat_json_writer_int(w, field->maximum);
	}
}

static void put_choices(aichat_json_writer *w, const struct field *field)
{
	if (!field->choices)
		return;
	begin_list(w, "enum");
	for (const char *const *choice = field->choices; *choice; choice++)
		aichat_json_writer_string(w, *choice, -1);
	if (field->nullable)
		aichat_json_writer_null(w);
	aichat_json_writer_end_array(w);
}

/* The members of a field's schema, without braces. */
static void write_type(aichat_json_writer *w, const struct field *field, bool strict)
{
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_ID:
	case FIELD_TIME:
		put_type(w, "string", field->nullable);
		if (field->type != FIELD_STRING)
			put(w, "format", field->type == FIELD_ID ? "uuid" : "date-time");
		put_range(w, field, "minLength", "maxLength");
		put_choices(w, field);
		break;
	case FIELD_INT:
	case FIELD_NUMBER:
		put_type(w, field->type == FIELD_INT ? "integer" : "number",
			 field->nullable);
		put_range(w, field, "minimum", "maximum");
		break;
	case FIELD_BOOL:
		put_type(w, "boolean", field->nullable);
		break;
	case FIELD_OBJECT:
		put_type(w, "object", field->nullable);
		if (field->fields)
			write_object(w, field->fields, strict);
		break;
	case FIELD_STRINGS:
	case FIELD_OBJECTS:
		put_type(w, "array", field->nullable);
		put_range(w, field, "minItems", "maxItems");
		begin(w, "items");
		put(w, "type", field->type == FIELD_STRINGS ? "string" : "object");
		if (field->type == FIELD_STRINGS)
			put_choices(w, field);
		else if (field->fields)
			write_object(w, field->fields, strict);
		aichat_json_writer_end_object(w);
		break;
	case FIELD_ANY:
	case FIELD_END:
		break;
	}
}

static void write_object(aichat_json_writer *w, const struct field *fields, bool strict)
{
	int required = 0;

	begin(w, "properties");
	for (const struct field *field = fields; field->type != FIELD_END; field++) {
		begin(w, field->name);
		write_type(w, field, strict);
		put(w, "description", field->help);
		aichat_json_writer_end_object(w);
		required += field->required;
	}
	aichat_json_writer_end_object(w);
	if (required) {
		begin_list(w, "required");
		for (const struct field *field = fields; field->type != FIELD_END;
		     field++)
			if (field->required)
				aichat_json_writer_string(w, field->name, -1);
		aichat_json_writer_end_array(w);
	}
	if (strict) {
		aichat_json_writer_key(w, "additionalProperties", -1);
		aichat_json_writer_bool(w, false);
	}
}

/* ---- one operation ---- */

static void write_parameter(aichat_json_writer *w, const char *name, const char *in,
			    bool required, const char *help, const struct field *field)
{
	aichat_json_writer_begin_object(w);
	put(w, "name", name);
	put(w, "in", in);
	aichat_json_writer_key(w, "required", -1);
	aichat_json_writer_bool(w, required);
	put(w, "description", help);
	begin(w, "schema");
	if (field)
		write_type(w, field, true);
	else
		put(w, "type", "string");
	aichat_json_writer_end_object(w);
	aichat_json_writer_end_object(w);
}

static void write_parameters(aichat_json_writer *w, const struct route *route)
{
	begin_list(w, "parameters");
	for (int i = 0; i < PATH_VALUES_MAX && route->path_values[i].name; i++)
		write_parameter(w, route->path_values[i].name, "path", true,
				route->path_values[i].help, NULL);
	for (const struct field *field = route->query; field && field->type != FIELD_END;
	     field++)
		write_parameter(w, field->name, "query", field->required, field->help,
				field);
	if (route->flags & ROUTE_IDEMPOTENT)
		write_parameter(
			w, "Idempotency-Key", "header", false,
			"a name of the request's own: repeated with the same body, "
			"it gets the same answer and is done once",
			NULL);
	if (strcmp(route->method, "PATCH") == 0)
		write_parameter(
			w, "If-Match", "header", false,
			"the ETag that was read: refused with 412 if it has changed "
			"since",
			NULL);
	aichat_json_writer_end_array(w);
}

static void write_body(aichat_json_writer *w, const struct route *route)
{
	if (!route->body)
		return;
	begin(w, "requestBody");
	aichat_json_writer_key(w, "required", -1);
	aichat_json_writer_bool(w, true);
	begin(w, "content");
	begin(w, "application/json");
	begin(w, "schema");
	put(w, "type", "object");
	write_object(w, route->body, route->surface == SURFACE_NATIVE);
	for (int i = 0; i < 4; i++)
		aichat_json_writer_end_object(w);
}

static void write_content(aichat_json_writer *w, const char *type, const char *schema)
{
	begin(w, type);
	aichat_json_writer_key(w, "schema", -1);
	put_ref(w, schema);
	aichat_json_writer_end_object(w);
}

static void write_answers(aichat_json_writer *w, const struct route *route)
{
	char status[8];

	begin(w, "responses");
	for (int i = 0; i < ANSWERS_MAX && route->answers[i].status; i++) {
		const struct answer *answer = &route->answers[i];
		bool text = answer->schema && strcmp(answer->schema, "Text") == 0;
		snprintf(status, sizeof(status), "%d", answer->status);
		begin(w, status);
		put(w, "description", answer->help);
		if (answer->schema) {
			begin(w, "content");
			write_content(w, text ? "text/plain" : "application/json",
				      answer->schema);
			if (route->flags & ROUTE_STREAM && answer->status < 300)
				write_content(w, "text/event-stream", "Text");
			aichat_json_writer_end_object(w);
		}
		aichat_json_writer_end_object(w);
	}
	begin(w, "default");
	put(w, "description", "What went wrong.");
	begin(w, "content");
	write_content(w, "application/json",
		      route->surface == SURFACE_NATIVE      ? "Error"
		      : route->surface == SURFACE_ANTHROPIC ? "AnthropicError"
							    : "OpenAIError");
	for (int i = 0; i < 3; i++)
		aichat_json_writer_end_object(w);
}

/* ---- who may ---- */

static void write_bits(aichat_json_writer *w, const char *key, unsigned bits,
		       const char *const *names)
{
	begin_list(w, key);
	for (unsigned i = 0; names[i]; i++)
		if (bits & 1U << i)
			aichat_json_writer_string(w, names[i], -1);
	aichat_json_writer_end_array(w);
}

static void write_access(aichat_json_writer *w, const struct route *route)
{
	static const char *const roles[] = { "admin", "user", "viewer", NULL };
	static const char *const scopes[] = { "read", "chat", "gateway", "admin", NULL };
	static const char *const objects[] = { "none",  "conversation", "message",
					       "reply", "key",          "user" };

	write_bits(w, "x-roles", route->roles, roles);
	write_bits(w, "x-scopes", route->scopes, scopes);
	begin(w, "x-objects");
	for (int i = 0; i < PATH_VALUES_MAX && route->path_values[i].name; i++)
		put(w, route->path_values[i].name, objects[route->path_values[i].object]);
	aichat_json_writer_end_object(w);
	if (!(route->flags & ROUTE_OPEN))
		return;
	begin_list(w, "security");
	aichat_json_writer_end_array(w);
}

static void write_operation(aichat_json_writer *w, const struct route *route)
{
	char method[12];
	size_t len = 0;

	for (; route->method[len]; len++)
		method[len] = (char)(route->method[len] | 0x20);
	method[len] = '\0';
	begin(w, method);
	put(w, "operationId", route->name);
	put(w, "summary", route->summary);
	if (route->about)
		put(w, "description", route->about);
	begin_list(w, "tags");
	aichat_json_writer_string(w, route->name, (int64_t)strcspn(route->name, "."));
	aichat_json_writer_end_array(w);
	write_access(w, route);
	write_parameters(w, route);
	write_body(w, route);
	write_answers(w, route);
	aichat_json_writer_end_object(w);
}

/* ---- all ---- */

/* A {value*} is a {value} to the document. */
static void put_path(aichat_json_writer *w, const char *path)
{
	char plain[128];
	size_t len = 0;

	for (; *path && len < sizeof(plain) - 1; path++)
		if (*path != '*')
			plain[len++] = *path;
	aichat_json_writer_key(w, plain, (int64_t)len);
}

static void write_paths(aichat_json_writer *w)
{
	const struct route *route, *other;

	begin(w, "paths");
	for (int i = 0; (route = route_at(i)); i++) {
		bool seen = false;
		for (int j = 0; j < i && !seen; j++)
			seen = strcmp(route_at(j)->path, route->path) == 0;
		if (seen)
			continue;
		put_path(w, route->path);
		aichat_json_writer_begin_object(w);
		for (int j = i; (other = route_at(j)); j++)
			if (strcmp(other->path, route->path) == 0)
				write_operation(w, other);
		aichat_json_writer_end_object(w);
	}
	aichat_json_writer_end_object(w);
}

static void write_components(aichat_json_writer *w)
{
	const struct schema *schema;

	begin(w, "components");
	begin(w, "schemas");
	for (int i = 0; (schema = schema_at(i)); i++) {
		aichat_json_writer_key(w, schema->name, -1);
		aichat_json_writer_raw(w, schema->json, -1);
	}
	aichat_json_writer_end_object(w);
	begin(w, "securitySchemes");
	begin(w, "bearer");
	put(w, "type", "http");
	put(w, "scheme", "bearer");
	put(w, "description", "Authorization: Bearer ack_...");
	aichat_json_writer_end_object(w);
	begin(w, "header");
	put(w, "type", "apiKey");
	put(w, "in", "header");
	put(w, "name", "x-api-key");
	for (int i = 0; i < 3; i++)
		aichat_json_writer_end_object(w);
}

aichat_json_writer *openapi_write(void)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	put(w, "openapi", "3.1.0");
	begin(w, "info");
	put(w, "title", "aichatd");
	put(w, "version", aichat_version());
	put(w, "description",
	    "Stored conversations with language models under /api/v1, and the interfaces "
	    "of OpenAI and Anthropic under /v1.");
	begin(w, "license");
	put(w, "name", "MIT");
	put(w, "identifier", "MIT");
	aichat_json_writer_end_object(w);
	aichat_json_writer_end_object(w);
	begin_list(w, "security");
	for (int i = 0; i < 2; i++) {
		aichat_json_writer_begin_object(w);
		begin_list(w, i ? "header" : "bearer");
		aichat_json_writer_end_array(w);
		aichat_json_writer_end_object(w);
	}
	aichat_json_writer_end_array(w);
	write_paths(w);
	write_components(w);
	aichat_json_writer_end_object(w);
	return w;
}
