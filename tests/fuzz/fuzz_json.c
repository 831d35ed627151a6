/*
 * JSON from anywhere: what the strict scan takes, the wire's takes; what is written from
 * a tape reads back with the same tokens; a canonical text is its own canonical text;
 * and any bytes written as a string are JSON.
 */

#include <aichat/json.h>

#include "base/json.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "json_copy.h"

static void check_tape(const struct aic_json *doc)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	AIC_CLEANUP(aic_json_done) struct aic_json again = { 0 };
	struct aic_json_limits limits = aic_json_wire;
	struct aic_json_writer w = aic_json_writer(&text);

	/* A control character grows to six bytes. */
	limits.max_bytes *= 6;
	json_copy(doc, 0, &w);
	FUZZ_CHECK(text.error == 0);
	FUZZ_CHECK(aic_json_scan(&again, text.data, text.len, &limits) == 0);
	FUZZ_CHECK(again.count == doc->count);
	for (uint32_t i = 0; i < doc->count; i++) {
		struct aic_json_token *token = &doc->tokens[i];
		FUZZ_CHECK(token->start < token->end && token->end <= doc->len);
		FUZZ_CHECK(i + token->skip <= doc->count);
		FUZZ_CHECK(again.tokens[i].type == token->type);
		FUZZ_CHECK(again.tokens[i].skip == token->skip);
	}
}

static void check_string(struct aic_str bytes)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf back = aic_buf(0);
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_json_writer w = aic_json_writer(&text);

	aic_json_put_str(&w, bytes);
	FUZZ_CHECK(aic_json_scan(&doc, text.data, text.len, &aic_json_wire) == 0);
	FUZZ_CHECK(aic_json_text(&doc, 0, &back) == 0);
	FUZZ_CHECK(back.len == aic_json_text_len(&doc, 0));
	FUZZ_CHECK(aic_utf8_valid(back.data, back.len));
	if (aic_utf8_valid(bytes.data, bytes.len))
		FUZZ_CHECK(aic_str_equal(aic_buf_str(&back), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AIC_CLEANUP(aic_json_done) struct aic_json wire = { 0 };
	AIC_CLEANUP(aic_json_done) struct aic_json strict = { 0 };
	struct aic_str text = { size ? (const char *)data : "", size };
	aichat_json *doc = NULL;
	size_t at = 0;

	int of_wire = aic_json_scan(&wire, text.data, text.len, &aic_json_wire);
	int of_strict = aic_json_scan(&strict, text.data, text.len, &aic_json_strict);
	FUZZ_CHECK(of_strict < 0 || of_wire == 0);
	FUZZ_CHECK(wire.error_at <= size && strict.error_at <= size);
	FUZZ_CHECK((of_wire == 0) == !wire.error_why);
	if (of_wire == 0)
		check_tape(&wire);
	int public = aichat_json_parse_limited(text.data, (int64_t)size, 0, 0, 0, &at,
					       &doc, NULL);
	FUZZ_CHECK(public == of_strict && at == strict.error_at);
	for (int i = 0; i < (int)strict.count; i++) {
		size_t len = 0;
		const char *string = aichat_json_string(doc, i, &len);
		FUZZ_CHECK(!string || string[len] == '\0');
	}
	aichat_json_unref(doc);
	check_string(text);
	return 0;
}
