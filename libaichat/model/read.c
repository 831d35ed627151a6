#include "base/clock.h"
#include "base/mem.h"
#include "model/read.h"

static void put_place(struct aic_buf *to, const struct aic_read *r)
{
	if (r->up) {
		put_place(to, r->up);
		aic_buf_putc(to, '.');
	}
	aic_buf_puts(to, r->name);
	if (r->index >= 0)
		aic_buf_printf(to, "[%lld]", (long long)r->index);
}

int aic_read_fail(const struct aic_read *r, const char *key, int code, const char *why)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf place = aic_buf(4096);

	if (code == AICHAT_ENOMEM)
		return aic_error_nomem(r->reterr);
	put_place(&place, r);
	if (key)
		aic_buf_printf(&place, ".%s", key);
	if (place.error)
		return aic_error_set(r->reterr, code, "%s %s", key ? key : r->name, why);
	return aic_error_set(r->reterr, code, "%s %s", place.data, why);
}

int aic_read_root(struct aic_read *r, const struct aic_json *doc, int object,
		  const char *name, aichat_error **reterr)
{
	*r = (struct aic_read){ doc, object, reterr, NULL, name, -1 };
	return aic_read_object(r);
}

int aic_read_object(const struct aic_read *r)
{
	if (aic_json_is(r->doc, r->value, AIC_JSON_OBJECT))
		return 0;
	return aic_read_fail(r, NULL, AICHAT_EJSON, "is no object");
}

/* The member's value; AIC_JSON_NONE and *ret_result when there is nothing to read. */
static int find(const struct aic_read *r, const char *key, enum aic_json_type type,
		const char *why, int *ret_result)
{
	int value = aic_json_get_set(r->doc, r->value, key);

	*ret_result = 0;
	if (value < 0 || aic_json_is(r->doc, value, type))
		return value;
	*ret_result = aic_read_fail(r, key, AICHAT_EJSON, why);
	return AIC_JSON_NONE;
}

int aic_read_string(const struct aic_read *r, const char *key, struct aic_string *ret)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(AIC_PART_BYTES_MAX);
	int result;
	int value = find(r, key, AIC_JSON_STRING, "is no string", &result);

	if (value < 0)
		return result;
	if (aic_json_text(r->doc, value, &text) < 0)
		return aic_read_fail(r, key, text.error, "is too long");
	aic_string_done(ret);
	ret->data = aic_buf_take(&text, &ret->len);
	return ret->data ? 1 : aic_error_nomem(r->reterr);
}

int aic_read_text(const struct aic_read *r, const char *key, char **ret)
{
	struct aic_string text = { 0 };
	int result = aic_read_string(r, key, &text);

	if (result <= 0)
		return result;
	if (memchr(text.data, '\0', text.len)) {
		aic_string_done(&text);
		return aic_read_fail(r, key, AICHAT_EJSON, "has a NUL in it");
	}
	aic_free(*ret);
	*ret = text.data;
	return 1;
}

int aic_read_word(const struct aic_read *r, const char *key, char ret[AIC_WORD_MAX])
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);
	int result;
	int value = find(r, key, AIC_JSON_STRING, "is no string", &result);

	if (value < 0)
		return result;
	struct aic_str word = aic_json_str(r->doc, value, &scratch);
	if (!word.data)
		return aic_error_nomem(r->reterr);
	if (word.len >= AIC_WORD_MAX || memchr(word.data, '\0', word.len))
		word = AIC_STR("?");
	memcpy(ret, word.data, word.len);
	ret[word.len] = '\0';
	return 1;
}

int aic_read_count(const struct aic_read *r, const char *key, int64_t *ret)
{
	static const char why[] = "is no whole number from 0";
	int64_t number;
	int result;
	int value = find(r, key, AIC_JSON_NUMBER, why, &result);

	if (value < 0)
		return result;
	if (!aic_json_int(r->doc, value, &number) || number < 0)
		return aic_read_fail(r, key, AICHAT_EJSON, why);
	*ret = number;
	return 1;
}

int aic_read_bool(const struct aic_read *r, const char *key, bool *ret)
{
	int value = aic_json_get_set(r->doc, r->value, key);

	if (value < 0)
		return 0;
	if (!aic_json_is(r->doc, value, AIC_JSON_TRUE) &&
	    !aic_json_is(r->doc, value, AIC_JSON_FALSE))
		return aic_read_fail(r, key, AICHAT_EJSON, "is neither true nor false");
	*ret = aic_json_is(r->doc, value, AIC_JSON_TRUE);
	return 1;
}

int aic_read_id(const struct aic_read *r, const char *key, struct aic_id *ret)
{
	char word[AIC_WORD_MAX];
	int result = aic_read_word(r, key, word);

	if (result > 0 && !aic_id_parse(word, strlen(word), ret))
		return aic_read_fail(r, key, AICHAT_EJSON, "is no id");
	return result;
}

int aic_read_time(const struct aic_read *r, const char *key, int64_t *ret_unix_ms)
{
	char word[AIC_WORD_MAX];
	int result = aic_read_word(r, key, word);

	if (result > 0 && !aic_time_parse(word, strlen(word), ret_unix_ms))
		return aic_read_fail(r, key, AICHAT_EJSON, "is no RFC 3339 time");
	return result;
}

int aic_read_child(const struct aic_read *r, const char *key, enum aic_json_type type,
		   struct aic_read *ret)
{
	int result;
	int value = find(r, key, type,
			 type == AIC_JSON_ARRAY ? "is no array" : "is no object",
			 &result);

	if (value < 0)
		return result;
	*ret = (struct aic_read){ r->doc, value, r->reterr, r, key, -1 };
	return 1;
}

bool aic_read_element(const struct aic_read *array, struct aic_read *element)
{
	int64_t index = element->doc ? element->index + 1 : 0;
	int value = index ? aic_json_next(array->doc, array->value, element->value)
			  : aic_json_first(array->doc, array->value);

	*element = *array;
	element->value = value;
	element->index = index;
	return value >= 0;
}
