/*
 * The public face of base/json. A document owns its text, the tape over it, and a
 * second run of the text's length in which every string stands unescaped and
 * NUL-terminated at the place of its opening quote (there is room: the two quotes
 * give way to one NUL, and no escape is shorter than what it means). All of it is
 * made once, so that readers need no lock.
 */

#include <stdatomic.h>

#include <aichat/json.h>

#include "base/json.h"
#include "base/mem.h"

struct aichat_json {
	_Atomic unsigned refs;
	char *text;
	char *strings;
	struct aic_json tape;
};

_Static_assert((int)AICHAT_JSON_OBJECT == (int)AIC_JSON_OBJECT &&
		       (int)AICHAT_JSON_NULL == (int)AIC_JSON_NULL,
	       "both faces name the types alike");

/* False for what is no text. */
static bool get_text(const char *text, int64_t len, struct aic_str *ret)
{
	if (!text || len < -1)
		return false;
	*ret = len < 0 ? aic_str(text) : (struct aic_str){ text, (size_t)len };
	return true;
}

/* Puts every string's text where aichat_json_string() looks for it. */
static int lay_out_strings(aichat_json *doc)
{
	const struct aic_json *tape = &doc->tape;
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);

	for (uint32_t i = 0; i < tape->count; i++) {
		if (tape->tokens[i].type != AIC_JSON_STRING)
			continue;
		struct aic_str text = aic_json_str(tape, (int)i, &scratch);
		if (!text.data)
			return AICHAT_ENOMEM;
		char *to = doc->strings + tape->tokens[i].start;
		memcpy(to, text.data, text.len);
		to[text.len] = '\0';
	}
	return 0;
}

/* Takes the tape over the caller's text and makes it one over a copy. */
static aichat_json *new_document(struct aic_json *tape)
{
	aichat_json *doc = aic_new(aichat_json);

	if (!doc)
		return NULL;
	doc->refs = 1;
	doc->tape = *tape;
	*tape = (struct aic_json){ 0 };
	doc->text = aic_strndup(doc->tape.text, doc->tape.len);
	doc->strings = aic_malloc(doc->tape.len + 1);
	doc->tape.text = doc->text;
	if (!doc->text || !doc->strings || lay_out_strings(doc) < 0)
		return aichat_json_unref(doc);
	return doc;
}

int aichat_json_parse_limited(const char *text, int64_t text_len, size_t max_bytes,
			      uint32_t max_values, uint32_t max_depth,
			      size_t *ret_error_at, aichat_json **ret_doc,
			      aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json tape = { 0 };
	struct aic_json_limits limits = aic_json_strict;
	struct aic_str whole;

	if (max_bytes)
		limits.max_bytes = max_bytes;
	if (max_values)
		limits.max_tokens = max_values;
	if (max_depth)
		limits.max_depth = max_depth;
	if (ret_error_at)
		*ret_error_at = 0;
	if (!ret_doc || !get_text(text, text_len, &whole))
		return aic_error_set(reterr, AICHAT_EINVAL, "JSON: no text was given");
	int code = aic_json_scan(&tape, whole.data, whole.len, &limits);
	if (code < 0) {
		if (ret_error_at)
			*ret_error_at = tape.error_at;
		return aic_json_scan_error(&tape, code, "JSON", reterr);
	}
	aichat_json *doc = new_document(&tape);
	if (!doc)
		return aic_error_nomem(reterr);
	*ret_doc = doc;
	return 0;
}

int aichat_json_parse(const char *text, int64_t text_len, aichat_json **ret_doc,
		      aichat_error **reterr)
{
	return aichat_json_parse_limited(text, text_len, 0, 0, 0, NULL, ret_doc, reterr);
}

aichat_json *aichat_json_ref(aichat_json *doc)
{
	if (doc)
		atomic_fetch_add_explicit(&doc->refs, 1, memory_order_relaxed);
	return doc;
}

aichat_json *aichat_json_unref(aichat_json *doc)
{
	if (doc && atomic_fetch_sub_explicit(&doc->refs, 1, memory_order_acq_rel) == 1) {
		aic_json_done(&doc->tape);
		aic_free(doc->text);
		aic_free(doc->strings);
		aic_free(doc);
	}
	return NULL;
}

int aichat_json_type(const aichat_json *doc, int value)
{
	return doc ? (int)aic_json_type(&doc->tape, value) : AICHAT_JSON_ABSENT;
}

int aichat_json_get(const aichat_json *doc, int object, const char *key)
{
	return doc && key ? aic_json_get(&doc->tape, object, key) : AICHAT_JSON_NONE;
}

int aichat_json_at(const aichat_json *doc, int array, size_t n)
{
	if (!doc || n >= aic_json_count(&doc->tape, array))
		return AICHAT_JSON_NONE;
	return aic_json_at(&doc->tape, array, (uint32_t)n);
}

size_t aichat_json_count(const aichat_json *doc, int container)
{
	return doc ? aic_json_count(&doc->tape, container) : 0;
}

int aichat_json_first(const aichat_json *doc, int container)
{
	return doc ? aic_json_first(&doc->tape, container) : AICHAT_JSON_NONE;
}

int aichat_json_next(const aichat_json *doc, int container, int value)
{
	return doc ? aic_json_next(&doc->tape, container, value) : AICHAT_JSON_NONE;
}

int aichat_json_key(const aichat_json *doc, int value)
{
	if (!doc || value < 1 || !aic_json_type(&doc->tape, value) ||
	    !aic_json_is(&doc->tape, aic_json_key(value), AIC_JSON_STRING))
		return AICHAT_JSON_NONE;
	return aic_json_key(value);
}

const char *aichat_json_string(const aichat_json *doc, int value, size_t *ret_len)
{
	bool string = doc && aic_json_is(&doc->tape, value, AIC_JSON_STRING);

	if (ret_len)
		*ret_len = string ? aic_json_text_len(&doc->tape, value) : 0;
	return string ? doc->strings + doc->tape.tokens[value].start : NULL;
}

int aichat_json_int(const aichat_json *doc, int value, int64_t *ret_int)
{
	return doc && aic_json_int(&doc->tape, value, ret_int) ? 0 : AICHAT_EINVAL;
}

int aichat_json_double(const aichat_json *doc, int value, double *ret_double)
{
	return doc && aic_json_double(&doc->tape, value, ret_double) ? 0 : AICHAT_EINVAL;
}

int aichat_json_bool(const aichat_json *doc, int value, int otherwise)
{
	int type = aichat_json_type(doc, value);

	return type == AICHAT_JSON_TRUE || (type != AICHAT_JSON_FALSE && otherwise);
}

const char *aichat_json_raw(const aichat_json *doc, int value, size_t *ret_len)
{
	struct aic_str raw = { NULL, 0 };

	if (aichat_json_type(doc, value) != AICHAT_JSON_ABSENT)
		raw = aic_json_raw(&doc->tape, value);
	if (ret_len)
		*ret_len = raw.len;
	return raw.data;
}

/*
 * The writer knows what is due and refuses everything else. All it must remember of
 * the containers around is which are objects.
 */
struct aichat_json_writer {
	struct aic_buf buf;
	struct aic_json_writer w;
	int code; /* the first mistake */
	unsigned depth;
	bool has_key; /* an object's next value has its key */
	bool done;    /* the root is written */
	bool object[AIC_JSON_DEPTH_MAX];
};

aichat_json_writer *aichat_json_writer_new(size_t max_bytes)
{
	aichat_json_writer *writer = aic_new(aichat_json_writer);

	if (!writer)
		return NULL;
	writer->buf.max = max_bytes;
	writer->w = aic_json_writer(&writer->buf);
	return writer;
}

aichat_json_writer *aichat_json_writer_unref(aichat_json_writer *writer)
{
	if (writer) {
		aic_buf_done(&writer->buf);
		aic_free(writer);
	}
	return NULL;
}

void aichat_json_writer_reset(aichat_json_writer *writer)
{
	if (!writer)
		return;
	aic_buf_reset(&writer->buf);
	writer->w = aic_json_writer(&writer->buf);
	writer->code = 0;
	writer->depth = 0;
	writer->has_key = false;
	writer->done = false;
}

/* True while nothing is wrong; else notes what is. */
static bool check(aichat_json_writer *writer, bool right, int code)
{
	if (!writer)
		return false;
	if (!writer->code)
		writer->code = writer->buf.error;
	if (!writer->code && !right)
		writer->code = code;
	return !writer->code;
}

static bool in_object(const aichat_json_writer *writer)
{
	return writer->depth > 0 && writer->object[writer->depth - 1];
}

/* A value may follow; from here on it has. */
static bool take_value(aichat_json_writer *writer)
{
	bool due = writer && !writer->done && (!in_object(writer) || writer->has_key);

	if (!check(writer, due, AICHAT_ESTATE))
		return false;
	writer->has_key = false;
	writer->done = writer->depth == 0;
	return true;
}

static void begin(aichat_json_writer *writer, bool object)
{
	if (!take_value(writer) ||
	    !check(writer, writer->depth < AIC_JSON_DEPTH_MAX, AICHAT_ETOOLARGE))
		return;
	writer->object[writer->depth++] = object;
	writer->done = false;
	aic_json_begin(&writer->w, object ? '{' : '[');
}

static void end(aichat_json_writer *writer, bool object)
{
	bool due = writer && writer->depth > 0 && in_object(writer) == object &&
		   !writer->has_key;

	if (!check(writer, due, AICHAT_ESTATE))
		return;
	writer->depth--;
	writer->done = writer->depth == 0;
	aic_json_end(&writer->w, object ? '}' : ']');
}

void aichat_json_writer_begin_object(aichat_json_writer *writer)
{
	begin(writer, true);
}

void aichat_json_writer_end_object(aichat_json_writer *writer)
{
	end(writer, true);
}

void aichat_json_writer_begin_array(aichat_json_writer *writer)
{
	begin(writer, false);
}

void aichat_json_writer_end_array(aichat_json_writer *writer)
{
	end(writer, false);
}

void aichat_json_writer_key(aichat_json_writer *writer, const char *key, int64_t key_len)
{
	struct aic_str text = { NULL, 0 };
	bool valid = get_text(key, key_len, &text);
	bool due = writer && in_object(writer) && !writer->has_key;

	if (!check(writer, valid, AICHAT_EINVAL) || !check(writer, due, AICHAT_ESTATE))
		return;
	writer->has_key = true;
	aic_json_put_keyn(&writer->w, text);
}

void aichat_json_writer_string(aichat_json_writer *writer, const char *text,
			       int64_t text_len)
{
	struct aic_str whole = { NULL, 0 };
	bool valid = !text || get_text(text, text_len, &whole);

	if (!check(writer, valid, AICHAT_EINVAL) || !take_value(writer))
		return;
	if (text)
		aic_json_put_str(&writer->w, whole);
	else
		aic_json_put_null(&writer->w);
}

void aichat_json_writer_int(aichat_json_writer *writer, int64_t number)
{
	if (take_value(writer))
		aic_json_put_int(&writer->w, number);
}

void aichat_json_writer_double(aichat_json_writer *writer, double number)
{
	if (take_value(writer))
		aic_json_put_double(&writer->w, number);
}

void aichat_json_writer_bool(aichat_json_writer *writer, int truth)
{
	if (take_value(writer))
		aic_json_put_bool(&writer->w, truth);
}

void aichat_json_writer_null(aichat_json_writer *writer)
{
	if (take_value(writer))
		aic_json_put_null(&writer->w);
}

void aichat_json_writer_raw(aichat_json_writer *writer, const char *json,
			    int64_t json_len)
{
	AIC_CLEANUP(aic_json_done) struct aic_json tape = { 0 };
	struct aic_str text = { NULL, 0 };
	bool valid = get_text(json, json_len, &text);

	if (!check(writer, valid, AICHAT_EINVAL) || !take_value(writer))
		return;
	const struct aic_json_limits limits = {
		.max_bytes = AIC_BUF_MAX,
		.max_tokens = aic_json_wire.max_tokens,
		.max_depth = AIC_JSON_DEPTH_MAX - writer->depth,
	};
	int code = aic_json_scan(&tape, text.data, text.len, &limits);
	if (check(writer, code == 0, code))
		aic_json_put_raw(&writer->w, text);
}

int aichat_json_writer_finish(aichat_json_writer *writer, const char **ret_text,
			      size_t *ret_len)
{
	if (!writer)
		return AICHAT_ENOMEM;
	if (!check(writer, writer->done && writer->depth == 0, AICHAT_ESTATE))
		return writer->code;
	struct aic_str text = aic_buf_str(&writer->buf);
	if (ret_text)
		*ret_text = text.data;
	if (ret_len)
		*ret_len = text.len;
	return 0;
}
