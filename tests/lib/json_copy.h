#pragma once

/*
 * Writes a value of a tape again, through every function of the reader: numbers as
 * integers where they are, else as doubles, else as they stood.
 */

#include "base/json.h"

static void json_copy(const struct aic_json *doc, int value, struct aic_json_writer *w);

static inline void json_copy_container(const struct aic_json *doc, int value,
				       struct aic_json_writer *w)
{
	bool object = aic_json_is(doc, value, AIC_JSON_OBJECT);
	struct aic_buf key = aic_buf(0);

	aic_json_begin(w, object ? '{' : '[');
	for (int v = aic_json_first(doc, value); v >= 0;
	     v = aic_json_next(doc, value, v)) {
		if (object)
			aic_json_put_keyn(w, aic_json_str(doc, aic_json_key(v), &key));
		json_copy(doc, v, w);
	}
	aic_json_end(w, object ? '}' : ']');
	aic_buf_done(&key);
}

static inline void json_copy_number(const struct aic_json *doc, int value,
				    struct aic_json_writer *w)
{
	int64_t whole;
	double number;

	if (aic_json_int(doc, value, &whole))
		aic_json_put_int(w, whole);
	else if (aic_json_double(doc, value, &number))
		aic_json_put_double(w, number);
	else
		aic_json_put_raw(w, aic_json_raw(doc, value));
}

static void json_copy(const struct aic_json *doc, int value, struct aic_json_writer *w)
{
	struct aic_buf scratch = aic_buf(0);

	switch (aic_json_type(doc, value)) {
	case AIC_JSON_ABSENT:
	case AIC_JSON_NULL:
		aic_json_put_null(w);
		break;
	case AIC_JSON_FALSE:
	case AIC_JSON_TRUE:
		aic_json_put_bool(w, aic_json_bool(doc, value, false));
		break;
	case AIC_JSON_NUMBER:
		json_copy_number(doc, value, w);
		break;
	case AIC_JSON_STRING:
		aic_json_put_str(w, aic_json_str(doc, value, &scratch));
		break;
	case AIC_JSON_ARRAY:
	case AIC_JSON_OBJECT:
		json_copy_container(doc, value, w);
		break;
	}
	aic_buf_done(&scratch);
}
