/*
 * JSON schemas as output_config.format takes them: fewer keywords than the standard has.
 *
 * Kept are those that give a value its shape. Bounds, patterns and the like go to the
 * description, where the model still reads them; the answer is validated with the
 * original. Objects are closed, because open ones are refused.
 */

#include "dialect/anthropic.h"

struct schema {
	struct aic_json doc;
	struct aic_json_writer w;
};

static void schema_done(struct schema *s)
{
	aic_json_done(&s->doc);
}

/* Formats that are checked; others are only words. */
static const char *const formats[] = { "date-time", "time", "date", "duration", "email",
				       "hostname",  "uri",  "ipv4", "ipv6",     "uuid" };

/* What a keyword's value is. */
enum keyword {
	KEYWORD_NOTE,    /* not taken: told in the description */
	KEYWORD_VALUE,   /* copied as it is */
	KEYWORD_SCHEMA,  /* one schema */
	KEYWORD_SCHEMAS, /* a list of them */
	KEYWORD_NAMED,   /* an object of them */
	KEYWORD_OURS,    /* written elsewhere, or dropped */
};

static const struct {
	const char *name;
	enum keyword what;
} keywords[] = {
	{ "type", KEYWORD_VALUE },        { "enum", KEYWORD_VALUE },
	{ "const", KEYWORD_VALUE },       { "required", KEYWORD_VALUE },
	{ "$ref", KEYWORD_VALUE },        { "title", KEYWORD_VALUE },
	{ "default", KEYWORD_VALUE },     { "items", KEYWORD_SCHEMA },
	{ "properties", KEYWORD_NAMED },  { "$defs", KEYWORD_NAMED },
	{ "definitions", KEYWORD_NAMED }, { "anyOf", KEYWORD_SCHEMAS },
	{ "allOf", KEYWORD_SCHEMAS },     { "description", KEYWORD_OURS },
	{ "$schema", KEYWORD_OURS },      { "$id", KEYWORD_OURS },
	{ "$comment", KEYWORD_OURS },     { "additionalProperties", KEYWORD_OURS },
};

/* Whether a keyword's value fits what the keyword is; else it is only a note. */
static enum keyword keyword_of(const struct schema *s, int object, int member)
{
	const struct aic_json *doc = &s->doc;
	int key = aic_json_key(member);

	if (aic_json_equals(doc, key, "oneOf"))
		return aic_json_get(doc, object, "anyOf") < 0 &&
				       aic_json_is(doc, member, AIC_JSON_ARRAY)
			       ? KEYWORD_SCHEMAS
			       : KEYWORD_NOTE;
	if (aic_json_equals(doc, key, "format")) {
		for (size_t i = 0; i < AIC_ARRAY_LEN(formats); i++)
			if (aic_json_equals(doc, member, formats[i]))
				return KEYWORD_VALUE;
		return KEYWORD_NOTE;
	}
	for (size_t i = 0; i < AIC_ARRAY_LEN(keywords); i++) {
		if (!aic_json_equals(doc, key, keywords[i].name))
			continue;
		enum keyword what = keywords[i].what;
		bool fits = what == KEYWORD_SCHEMAS
				    ? aic_json_is(doc, member, AIC_JSON_ARRAY)
			    : what == KEYWORD_SCHEMA || what == KEYWORD_NAMED
				    ? aic_json_is(doc, member, AIC_JSON_OBJECT)
				    : true;
		return fits ? what : KEYWORD_NOTE;
	}
	return KEYWORD_NOTE;
}

static bool is_object_schema(const struct aic_json *doc, int schema)
{
	int type = aic_json_get(doc, schema, "type");

	if (aic_json_equals(doc, type, "object"))
		return true;
	if (aic_json_is(doc, type, AIC_JSON_ARRAY))
		for (int v = aic_json_first(doc, type); v >= 0;
		     v = aic_json_next(doc, type, v))
			if (aic_json_equals(doc, v, "object"))
				return true;
	return type < 0 && aic_json_get(doc, schema, "properties") >= 0;
}

/* The description that was there, then "keyword: value" of all that is not taken. */
static void put_description(struct schema *s, int object)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	const struct aic_json *doc = &s->doc;
	bool noted = false;

	aic_json_text(doc, aic_json_get(doc, object, "description"), &text);
	for (int v = aic_json_first(doc, object); v >= 0;
	     v = aic_json_next(doc, object, v)) {
		if (keyword_of(s, object, v) != KEYWORD_NOTE)
			continue;
		aic_buf_puts(&text, noted ? "; " : text.len ? "\n" : "");
		aic_json_text(doc, aic_json_key(v), &text);
		aic_buf_puts(&text, ": ");
		struct aic_str value = aic_json_raw(doc, v);
		if (aic_json_is(doc, v, AIC_JSON_STRING))
			aic_json_text(doc, v, &text);
		else
			aic_buf_append(&text, value.data, value.len);
		noted = true;
	}
	if (text.len) {
		aic_json_put_key(&s->w, "description");
		aic_json_put_str(&s->w, aic_buf_str(&text));
	}
	if (text.error && !s->w.buf->error)
		s->w.buf->error = text.error;
}

static void put_schema(struct schema *s, int schema);

static void put_schemas(struct schema *s, int list)
{
	aic_json_begin(&s->w, '[');
	for (int v = aic_json_first(&s->doc, list); v >= 0;
	     v = aic_json_next(&s->doc, list, v))
		put_schema(s, v);
	aic_json_end(&s->w, ']');
}

/* The member's key as it is written, or another. */
static void put_key(struct schema *s, int member, const char *other)
{
	struct aic_str key = aic_json_raw(&s->doc, aic_json_key(member));

	if (other) {
		aic_json_put_key(&s->w, other);
		return;
	}
	aic_json_put_raw(&s->w, key);
	aic_buf_putc(s->w.buf, ':');
	s->w.comma = false;
}

static void put_named(struct schema *s, int object)
{
	aic_json_begin(&s->w, '{');
	for (int v = aic_json_first(&s->doc, object); v >= 0;
	     v = aic_json_next(&s->doc, object, v)) {
		put_key(s, v, NULL);
		put_schema(s, v);
	}
	aic_json_end(&s->w, '}');
}

/* As deep as the scan lets a text be. */
static void put_schema(struct schema *s, int schema)
{
	const struct aic_json *doc = &s->doc;

	if (!aic_json_is(doc, schema, AIC_JSON_OBJECT)) {
		aic_json_put_raw(&s->w, aic_json_raw(doc, schema));
		return;
	}
	aic_json_begin(&s->w, '{');
	for (int v = aic_json_first(doc, schema); v >= 0;
	     v = aic_json_next(doc, schema, v)) {
		enum keyword what = keyword_of(s, schema, v);
		if (what == KEYWORD_NOTE || what == KEYWORD_OURS)
			continue;
		put_key(s, v,
			aic_json_equals(doc, aic_json_key(v), "oneOf") ? "anyOf" : NULL);
		if (what == KEYWORD_SCHEMA)
			put_schema(s, v);
		else if (what == KEYWORD_SCHEMAS)
			put_schemas(s, v);
		else if (what == KEYWORD_NAMED)
			put_named(s, v);
		else
			aic_json_put_raw(&s->w, aic_json_raw(doc, v));
	}
	put_description(s, schema);
	if (is_object_schema(doc, schema)) {
		aic_json_put_key(&s->w, "additionalProperties");
		aic_json_put_bool(&s->w, false);
	}
	aic_json_end(&s->w, '}');
}

int aic_anthropic_schema(struct aic_str schema, struct aic_buf *out,
			 aichat_error **reterr)
{
	AIC_CLEANUP(schema_done) struct schema s = { .w = aic_json_writer(out) };
	int code = aic_json_scan(&s.doc, schema.data, schema.len, &aic_json_strict);

	if (code < 0)
		return aic_json_scan_error(&s.doc, code, "the response schema", reterr);
	if (!aic_json_is(&s.doc, 0, AIC_JSON_OBJECT))
		return aic_error_set(reterr, AICHAT_EJSON,
				     "the response schema is no object");
	put_schema(&s, 0);
	return out->error ? aic_error_code(reterr, out->error, "making the request") : 0;
}
