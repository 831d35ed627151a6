/*
 * Says what the library and json-c make of documents, for a comparison with Python.
 *
 * Standard input: documents, each a line with its length in bytes, then the bytes.
 * Standard output: a line for each, the JSON object
 *
 *     {"code":0,"at":0,"copy":"...","wire":0,"json_c":"..."}
 *
 * where copy is written from the tape, wire is the code of a scan with the wire's limits,
 * and json_c is json-c's own output or null if it refuses.
 */

#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/json.h"
#include "base/mem.h"
#include "json_copy.h"

static const struct aic_json_limits strict = {
	.max_bytes = 1 << 24,
	.max_tokens = 1 << 20,
	.max_depth = 190,
};

static void put_copy(struct aic_json_writer *w, const struct aic_json *doc)
{
	struct aic_buf copy = aic_buf(0);
	struct aic_json_writer to = aic_json_writer(&copy);

	json_copy(doc, 0, &to);
	aic_json_put_key(w, "copy");
	aic_json_put_str(w, aic_buf_str(&copy));
	aic_buf_done(&copy);
}

static void put_json_c(struct aic_json_writer *w, struct aic_str text)
{
	json_tokener *tokener = json_tokener_new_ex(1000);

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* The NUL tells that no more follows. */
	json_object *object = json_tokener_parse_ex(tokener, text.data,
						    (int)text.len + 1);
	bool taken = json_tokener_get_error(tokener) == json_tokener_success &&
		     json_tokener_get_parse_end(tokener) >= text.len;
	aic_json_put_key(w, "json_c");
	if (taken)
		aic_json_put_text(w, object ? json_object_to_json_string_ext(
						      object, JSON_C_TO_STRING_PLAIN)
					    : "null");
	else
		aic_json_put_null(w);
	json_object_put(object);
	json_tokener_free(tokener);
}

static void answer(struct aic_str text)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf line = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&line);
	struct aic_json doc = { 0 };

	int wire = aic_json_scan(&doc, text.data, text.len, &aic_json_wire);
	int code = aic_json_scan(&doc, text.data, text.len, &strict);
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "code");
	aic_json_put_int(&w, code);
	aic_json_put_key(&w, "at");
	aic_json_put_int(&w, doc.error_at);
	aic_json_put_key(&w, "wire");
	aic_json_put_int(&w, wire);
	if (code == 0)
		put_copy(&w, &doc);
	put_json_c(&w, text);
	aic_json_end(&w, '}');
	aic_buf_putc(&line, '\n');
	fwrite(line.data, 1, line.len, stdout);
	aic_json_done(&doc);
}

int main(void)
{
	char length[32];

	while (fgets(length, sizeof(length), stdin)) {
		size_t len = strtoul(length, NULL, 10);
		char *text = aic_malloc(len + 1);
		if (!text || fread(text, 1, len, stdin) != len)
			return EXIT_FAILURE;
		text[len] = '\0';
		answer((struct aic_str){ text, len });
		aic_free(text);
	}
	return EXIT_SUCCESS;
}
