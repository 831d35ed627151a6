/*
 * Queries and bodies against the fields of a route.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

#define LOC_MAX 200

static bool is_strict(const struct call *call)
{
	return call->surface == SURFACE_NATIVE;
}

/* ---- single values ---- */

/* The form of a UUID; whether there is such a thing is another question. */
static bool is_id(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != '-')
			return false;
	return true;
}

/* 2026-01-31T12:00:00Z, with or without a fraction, or with an offset. */
static bool is_time(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i])
				   : text[i] != form[i])
			return false;
	if (text[i] == '.') {
		size_t digits = strspn(text + i + 1, "0123456789");
		if (digits == 0 || digits > 9)
			return false;
		i += 1 + digits;
	}
	if (strcmp(text + i, "Z") == 0)
		return true;
	return (text[i] == '+' || text[i] == '-') && strlen(text + i) == 6 &&
	       strspn(text + i + 1, "0123456789") == 2 && text[i + 3] == ':' &&
	       strspn(text + i + 4, "0123456789") == 2;
}

static bool is_choice(const struct field *field, const char *text)
{
	for (const char *const *choice = field->choices; *choice; choice++)
		if (strcmp(*choice, text) == 0)
			return true;
	return false;
}

static void choice_mistake(struct call *call, const struct field *field, const char *loc)
{
	char list[160] = "";
	size_t len = 0;

	for (const char *const *choice = field->choices; *choice && len < 140; choice++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					len ? ", " : "", *choice);
	call_mistake(call, loc, "choice", "must be one of %s", list);
}

static void check_string(struct call *call, const struct field *field, const char *loc,
			 const char *text, size_t len)
{
	if (field->type == FIELD_ID && !is_id(text))
		call_mistake(call, loc, "id", "is not an id");
	else if (field->type == FIELD_TIME && !is_time(text))
		call_mistake(call, loc, "time",
			     "is not a time such as 2026-01-31T12:00:00Z");
	else if (field->choices && !is_choice(field, text))
		choice_mistake(call, field, loc);
	else if ((int64_t)len < field->minimum)
		call_mistake(call, loc, "too_short", "at least %" PRId64 " bytes",
			     field->minimum);
	else if (field->maximum && (int64_t)len > field->maximum)
		call_mistake(call, loc, "too_long", "at most %" PRId64 " bytes",
			     field->maximum);
	else if (memchr(text, '\0', len))
		call_mistake(call, loc, "nul", "must not hold a NUL");
}

static bool has_range(const struct field *field)
{
	return field->minimum || field->maximum;
}

static void check_range(struct call *call, const struct field *field, const char *loc,
			double value)
{
	if (has_range(field) &&
	    (value < (double)field->minimum || value > (double)field->maximum))
		call_mistake(call, loc, "range",
			     "must be between %" PRId64 " and %" PRId64, field->minimum,
			     field->maximum);
}

/* ---- the body ---- */

static void check_fields(struct call *call, const struct field *fields, int object,
			 const char *loc);

static void check_array(struct call *call, const struct field *field, int array,
			const char *loc)
{
	const aichat_json *doc = call->body;
	size_t count = aichat_json_count(doc, array);
	char inner[LOC_MAX];
	int n = 0;

	if ((int64_t)count < field->minimum)
		call_mistake(call, loc, "too_short", "at least %" PRId64 " items",
			     field->minimum);
	if (field->maximum && (int64_t)count > field->maximum) {
		call_mistake(call, loc, "too_long", "at most %" PRId64 " items",
			     field->maximum);
		return;
	}
	for (int item = aichat_json_first(doc, array); item != AICHAT_JSON_NONE;
	     item = aichat_json_next(doc, array, item), n++) {
		snprintf(inner, sizeof(inner), "%.180s.%d", loc, n);
		int type = aichat_json_type(doc, item);
		if (field->type == FIELD_STRINGS && type != AICHAT_JSON_STRING)
			call_mistake(call, inner, "type", "must be a string");
		else if (field->type == FIELD_OBJECTS && type != AICHAT_JSON_OBJECT)
			call_mistake(call, inner, "type", "must be an object");
		else if (field->type == FIELD_OBJECTS && field->fields)
			check_fields(call, field->fields, item, inner);
		else if (field->type == FIELD_STRINGS && field->choices &&
			 !is_choice(field, aichat_json_string(doc, item, NULL)))
			choice_mistake(call, field, inner);
	}
}

static void check_value(struct call *call, const struct field *field, int value,
			const char *loc)
{
	const aichat_json *doc = call->body;
	int type = aichat_json_type(doc, value);
	const char *wanted = NULL;
	int64_t whole;
	double number;
	size_t len;

	if (type == AICHAT_JSON_NULL && field->nullable)
		return;
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_ID:
	case FIELD_TIME:
		wanted = "a string";
		if (type == AICHAT_JSON_STRING) {
			const char *text = aichat_json_string(doc, value, &len);
			check_string(call, field, loc, text, len);
			return;
		}
		break;
	case FIELD_INT:
		wanted = "a whole number";
		if (aichat_json_int(doc, value, &whole) == 0) {
			check_range(call, field, loc, (double)whole);
			return;
		}
		break;
	case FIELD_NUMBER:
		wanted = "a number";
		if (aichat_json_double(doc, value, &number) == 0) {
			check_range(call, field, loc, number);
			return;
		}
		break;
	case FIELD_BOOL:
		wanted = "true or false";
		if (type == AICHAT_JSON_TRUE || type == AICHAT_JSON_FALSE)
			return;
		break;
	case FIELD_OBJECT:
		wanted = "an object";
		if (type == AICHAT_JSON_OBJECT) {
			if (field->fields)
				check_fields(call, field->fields, value, loc);
			return;
		}
		break;
	case FIELD_STRINGS:
	case FIELD_OBJECTS:
		wanted = "an array";
		if (type == AICHAT_JSON_ARRAY) {
			check_array(call, field, value, loc);
			return;
		}
		break;
	case FIELD_ANY:
	case FIELD_END:
		return;
	}
	call_mistake(call, loc, "type", "must be %s", wanted);
}

static const struct field *field_named(const struct field *fields, const char *name)
{
	for (; fields && fields->type != FIELD_END; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static void check_fields(struct call *call, const struct field *fields, int object,
			 const char *loc)
{
	const aichat_json *doc = call->body;
	char inner[LOC_MAX];

	for (int value = aichat_json_first(doc, object); value != AICHAT_JSON_NONE;
	     value = aichat_json_next(doc, object, value)) {
		size_t len = 0;
		const char *key = aichat_json_string(doc, aichat_json_key(doc, value),
						     &len);
		const struct field *field = strlen(key) == len ? field_named(fields, key)
							       : NULL;
		snprintf(inner, sizeof(inner), "%s.%.80s", loc, key);
		if (field)
			check_value(call, field, value, inner);
		else if (is_strict(call))
			call_mistake(call, inner, "unknown", "there is no such field");
	}
	for (; fields && fields->type != FIELD_END; fields++) {
		if (!fields->required ||
		    aichat_json_get(doc, object, fields->name) != AICHAT_JSON_NONE)
			continue;
		snprintf(inner, sizeof(inner), "%s.%s", loc, fields->name);
		call_mistake(call, inner, "missing", "is required");
	}
}

bool validate_body(struct call *call)
{
	aichat_error *error = NULL;

	if (call->raw_body_len == 0 && !(call->route->body && call->route->body->name))
		return true; /* nothing is asked for, and nothing came */
	if (call->raw_body_len == 0) {
		/* An empty body says as much as an empty object. */
		call->raw_body = "{}";
		call->raw_body_len = 2;
	}
	int rc = aichat_json_parse_limited(call->raw_body, (int64_t)call->raw_body_len,
					   call->raw_body_len + 1, 0, 0, NULL,
					   &call->body, &error);
	if (rc < 0) {
		if (rc == AICHAT_EJSON || rc == AICHAT_EUTF8)
			call_mistake(call, "body", "json", "%s",
				     aichat_error_message(error));
		call_fail(call, error);
		aichat_error_unref(error);
		return false;
	}
	if (aichat_json_type(call->body, 0) != AICHAT_JSON_OBJECT)
		call_mistake(call, "body", "type", "must be an object");
	else
		check_fields(call, call->route->body, 0, "body");
	return call->mistake_count == 0;
}

/* ---- the query ---- */

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* One name or value of a query, decoded. False if an encoding is cut short. */
static bool decode(const char *text, size_t len, char *into)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '%') {
			*into++ = text[i] == '+' ? ' ' : text[i];
			continue;
		}
		if (i + 2 >= len || !isxdigit((unsigned char)text[i + 1]) ||
		    !isxdigit((unsigned char)text[i + 2]))
			return false;
		char byte = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
		if (byte == '\0')
			return false;
		*into++ = byte;
		i += 2;
	}
	*into = '\0';
	return true;
}

static void write_parameter(struct call *call, aichat_json_writer *w,
			    const struct field *field, const char *loc, const char *value)
{
	char *end = NULL;
	long long number;

	aichat_json_writer_key(w, field->name, -1);
	switch (field->type) {
	case FIELD_INT:
		number = strtoll(value, &end, 10);
		if (end == value || *end || strlen(value) > 18 ||
		    isspace((unsigned char)*value))
			call_mistake(call, loc, "type", "must be a whole number");
		else
			check_range(call, field, loc, (double)number);
		aichat_json_writer_int(w, number);
		break;
	case FIELD_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			call_mistake(call, loc, "type", "must be true or false");
		aichat_json_writer_bool(w, strcmp(value, "true") == 0);
		break;
	default:
		check_string(call, field, loc, value, strlen(value));
		aichat_json_writer_string(w, value, -1);
	}
}

/* One `name=value`. Bit n of `seen` is the n-th field. */
static void check_parameter(struct call *call, aichat_json_writer *w, const char *text,
			    size_t len, uint64_t *seen, char *name)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	char *value = name + name_len + 1;
	char loc[LOC_MAX];

	if (!decode(text, name_len, name) ||
	    !decode(equals ? equals + 1 : "", equals ? len - name_len - 1 : 0, value)) {
		call_mistake(call, "query", "encoding", "is not percent-encoded UTF-8");
		return;
	}
	snprintf(loc, sizeof(loc), "query.%.80s", name);
	const struct field *field = field_named(call->route->query, name);
	if (!field) {
		if (is_strict(call))
			call_mistake(call, loc, "unknown", "there is no such parameter");
		return;
	}
	uint64_t bit = (uint64_t)1 << (field - call->route->query);
	if (*seen & bit) {
		call_mistake(call, loc, "repeated", "stands more than once");
		return;
	}
	*seen |= bit;
	write_parameter(call, w, field, loc, value);
}

bool validate_query(struct call *call)
{
	const char *query = http_query(call->request);
	aichat_json_writer *w = aichat_json_writer_new(0);
	char *room = malloc(strlen(query) + 3);
	const char *text = NULL;
	uint64_t seen = 0;
	size_t len = 0;
	char loc[LOC_MAX];

	aichat_json_writer_begin_object(w);
	for (const char *at = query; room && *at; at += len + (at[len] == '&')) {
		len = strcspn(at, "&");
		if (len)
			check_parameter(call, w, at, len, &seen, room);
	}
	aichat_json_writer_end_object(w);
	const struct field *fields = call->route->query;
	for (int i = 0; fields && fields[i].type != FIELD_END; i++) {
		if (!fields[i].required || seen & (uint64_t)1 << i)
			continue;
		snprintf(loc, sizeof(loc), "query.%s", fields[i].name);
		call_mistake(call, loc, "missing", "is required");
	}
	bool ok = room && aichat_json_writer_finish(w, &text, &len) == 0 &&
		  aichat_json_parse(text, (int64_t)len, &call->query, NULL) == 0;
	aichat_json_writer_unref(w);
	free(room);
	return ok && call->mistake_count == 0;
}
