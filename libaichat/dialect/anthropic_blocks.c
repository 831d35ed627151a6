/*
 * Reading the content blocks of a caller's request. A block with members that parts do
 * not have (cache_control, citations, context) is kept whole as the part's raw.
 */

#include "base/mem.h"
#include "dialect/anthropic.h"
#include "dialect/anthropic_block.h"
#include "model/read.h"

/* Whether all members of the object are among these. */
static bool has_only(const struct aic_json *doc, int object, const char *const *names,
		     size_t count)
{
	for (int v = aic_json_first(doc, object); v >= 0;
	     v = aic_json_next(doc, object, v)) {
		bool found = aic_json_is(doc, v, AIC_JSON_NULL);
		for (size_t i = 0; i < count && !found; i++)
			found = aic_json_equals(doc, aic_json_key(v), names[i]);
		if (!found)
			return false;
	}
	return true;
}

#define HAS_ONLY(r, ...)                                                                 \
	has_only((r)->doc, (r)->value, (const char *const[]){ __VA_ARGS__ },             \
		 sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static int keep_raw(const struct aic_read *r, struct aichat_part *part)
{
	if (aic_string_set(&part->raw, aic_json_raw(r->doc, r->value)) < 0)
		return aic_error_nomem(r->reterr);
	return 0;
}

static int required(const struct aic_read *r, const char *key, int result)
{
	return result ? result : aic_read_fail(r, key, AICHAT_EJSON, "is missing");
}

static int read_text(const struct aic_read *r, struct aichat_part *part)
{
	int citations = aic_json_get_set(r->doc, r->value, "citations");
	int code = required(r, "text", aic_read_string(r, "text", &part->text));

	if (code < 0)
		return code;
	if (HAS_ONLY(r, "type", "text", "citations") &&
	    (citations < 0 || (aic_json_is(r->doc, citations, AIC_JSON_ARRAY) &&
			       !aic_json_count(r->doc, citations))))
		return 0;
	return keep_raw(r, part);
}

static int read_base64(const struct aic_read *source, struct aichat_part *part)
{
	struct aic_string text = { 0 };
	int code = required(source, "media_type",
			    aic_read_text(source, "media_type", &part->media_type));

	if (code > 0)
		code = required(source, "data", aic_read_string(source, "data", &text));
	if (code > 0) {
		code = aic_part_set_base64(part, aic_string_str(&text));
		if (code < 0)
			code = aic_read_fail(source, "data", code,
					     code == AICHAT_EJSON ? "is no base64"
								  : "is too large");
	}
	aic_string_done(&text);
	return code;
}

static int read_plain(const struct aic_read *source, struct aichat_part *part)
{
	int code = required(source, "media_type",
			    aic_read_text(source, "media_type", &part->media_type));

	if (code > 0)
		code = required(source, "data",
				aic_read_string(source, "data", &part->data));
	return code;
}

/*
 * An image or a document. Sources that name a file of the provider's, or hold blocks, say
 * nothing to anyone else: such a block is unknown, with its raw.
 */
static int read_media(const struct aic_read *r, struct aichat_part *part)
{
	char type[AIC_WORD_MAX];
	struct aic_read source;
	int code = required(r, "source",
			    aic_read_child(r, "source", AIC_JSON_OBJECT, &source));

	if (code < 0)
		return code;
	code = required(&source, "type", aic_read_word(&source, "type", type));
	if (code < 0)
		return code;
	if (part->type == AICHAT_PART_FILE)
		code = aic_read_text(r, "title", &part->name);
	if (code < 0)
		return code;
	if (aic_streq(type, "base64")) {
		code = read_base64(&source, part);
	} else if (aic_streq(type, "text") && part->type == AICHAT_PART_FILE) {
		code = read_plain(&source, part);
	} else if (aic_streq(type, "url")) {
		code = required(&source, "url",
				aic_read_text(&source, "url", &part->url));
	} else {
		aic_part_done(part);
		part->type = AICHAT_PART_UNKNOWN;
		return keep_raw(r, part);
	}
	if (code < 0)
		return code;
	bool plain = part->type == AICHAT_PART_FILE
			     ? HAS_ONLY(r, "type", "source", "title")
			     : HAS_ONLY(r, "type", "source");
	if (plain && HAS_ONLY(&source, "type", "media_type", "data", "url"))
		return 0;
	return keep_raw(r, part);
}

static int read_thinking(const struct aic_read *r, struct aichat_part *part)
{
	int code = required(r, "thinking", aic_read_string(r, "thinking", &part->text));

	/* Without a signature no provider takes it back. */
	if (code < 0 || !aic_block_is_signed(r->doc, r->value))
		return code;
	return keep_raw(r, part);
}

static int read_call(const struct aic_read *r, struct aichat_part *part)
{
	struct aic_read input;
	int code = required(r, "id", aic_read_text(r, "id", &part->id));

	if (code > 0)
		code = required(r, "name", aic_read_text(r, "name", &part->name));
	if (code > 0)
		code = required(r, "input",
				aic_read_child(r, "input", AIC_JSON_OBJECT, &input));
	if (code < 0)
		return code;
	if (aic_string_set(&part->text, aic_json_raw(r->doc, input.value)) < 0)
		return aic_error_nomem(r->reterr);
	return HAS_ONLY(r, "type", "id", "name", "input") ? 0 : keep_raw(r, part);
}

static int read_block(const struct aic_read *r, struct aichat_part *part, bool *ret_raw);

/* The blocks of a result; nothing is deeper, so this ends. */
static int read_inner(const struct aic_read *r, struct aichat_part *part, bool *ret_raw)
{
	struct aic_read list, element = { 0 };
	int code = aic_read_child(r, "content", AIC_JSON_ARRAY, &list);

	if (code <= 0)
		return code;
	while (aic_read_element(&list, &element)) {
		int type = aic_json_get(r->doc, element.value, "type");
		if (aic_json_equals(r->doc, type, "tool_result") ||
		    aic_json_equals(r->doc, type, "tool_use"))
			return aic_read_fail(&element, "type", AICHAT_EJSON,
					     "is not possible inside a result");
		struct aichat_part *inner = aic_part_add_part(part, AICHAT_PART_TEXT);
		if (!inner)
			return aic_read_fail(&list, NULL,
					     part->part_count >= AIC_PARTS_MAX
						     ? AICHAT_ETOOLARGE
						     : AICHAT_ENOMEM,
					     "has too many blocks");
		code = read_block(&element, inner, ret_raw);
		if (code < 0)
			return code;
	}
	return 0;
}

static int read_result(const struct aic_read *r, struct aichat_part *part, bool *ret_raw)
{
	int content = aic_json_get_set(r->doc, r->value, "content");
	int code = required(r, "tool_use_id", aic_read_text(r, "tool_use_id", &part->id));

	if (code > 0)
		code = aic_read_bool(r, "is_error", &part->is_error);
	if (code < 0)
		return code;
	if (aic_json_is(r->doc, content, AIC_JSON_STRING)) {
		if (aic_json_raw(r->doc, content).len > 2) {
			struct aichat_part *text = aic_part_add_part(part,
								     AICHAT_PART_TEXT);
			if (!text)
				return aic_error_nomem(r->reterr);
			code = aic_read_string(r, "content", &text->text);
		}
	} else {
		code = read_inner(r, part, ret_raw);
	}
	if (code < 0)
		return code;
	return HAS_ONLY(r, "type", "tool_use_id", "content", "is_error")
		       ? 0
		       : keep_raw(r, part);
}

/* Over a fresh text part. *ret_raw becomes true when raw is kept. */
static int read_block(const struct aic_read *r, struct aichat_part *part, bool *ret_raw)
{
	char type[AIC_WORD_MAX];
	int code = aic_read_object(r);

	if (code == 0)
		code = required(r, "type", aic_read_word(r, "type", type));
	if (code < 0)
		return code;
	if (aic_streq(type, "text")) {
		code = read_text(r, part);
	} else if (aic_streq(type, "image") || aic_streq(type, "document")) {
		part->type = *type == 'i' ? AICHAT_PART_IMAGE : AICHAT_PART_FILE;
		code = read_media(r, part);
	} else if (aic_streq(type, "thinking")) {
		part->type = AICHAT_PART_REASONING;
		code = read_thinking(r, part);
	} else if (aic_streq(type, "redacted_thinking")) {
		part->type = AICHAT_PART_REASONING;
		code = keep_raw(r, part);
	} else if (aic_streq(type, "tool_use")) {
		part->type = AICHAT_PART_TOOL_CALL;
		code = read_call(r, part);
	} else if (aic_streq(type, "tool_result")) {
		part->type = AICHAT_PART_TOOL_RESULT;
		code = read_result(r, part, ret_raw);
	} else if (aic_streq(type, "compaction")) {
		part->type = AICHAT_PART_COMPACTION;
		code = aic_read_string(r, "content", &part->text);
		if (code >= 0)
			code = keep_raw(r, part);
	} else {
		part->type = AICHAT_PART_UNKNOWN;
		code = keep_raw(r, part);
	}
	*ret_raw = *ret_raw || part->raw.len > 0;
	return code < 0 ? code : 0;
}

/* --- turns --- */

static int add_message(const struct aic_read *r, struct aic_request *request,
		       enum aichat_role role, struct aichat_message **ret)
{
	struct aichat_message *message = aic_message_new(role);

	if (!message)
		return aic_error_nomem(r->reterr);
	message->state = AICHAT_MESSAGE_SEALED;
	*ret = message; /* borrowed: the request holds it */
	int code = aic_request_add_message(request, message);
	aichat_message_unref(message);
	return code < 0 ? aic_error_nomem(r->reterr) : 0;
}

static int set_dialect(const struct aic_read *r, struct aichat_message *message)
{
	if (message->dialect)
		return 0;
	message->dialect = aic_strdup(AIC_ANTHROPIC);
	return message->dialect ? 0 : aic_error_nomem(r->reterr);
}

static int check_side(const struct aic_read *r, enum aichat_role role)
{
	int type = aic_json_get(r->doc, r->value, "type");

	if (aic_json_equals(r->doc, type, "tool_result") && role != AICHAT_ROLE_USER)
		return aic_read_fail(r, "type", AICHAT_EJSON,
				     "is not possible here: results are a user's");
	if (aic_json_equals(r->doc, type, "tool_use") && role != AICHAT_ROLE_ASSISTANT)
		return aic_read_fail(r, "type", AICHAT_EJSON,
				     "is not possible here: calls are an assistant's");
	return 0;
}

static int read_into(const struct aic_read *r, struct aichat_message *message)
{
	struct aichat_part *part = aic_message_add_part(message, AICHAT_PART_TEXT);
	bool raw = false;

	if (!part)
		return aic_read_fail(r, NULL,
				     message->part_count >= AIC_PARTS_MAX
					     ? AICHAT_ETOOLARGE
					     : AICHAT_ENOMEM,
				     "is one block too many");
	int code = read_block(r, part, &raw);
	return code == 0 && raw ? set_dialect(r, message) : code;
}

/* The blocks of a list that are results, or those that are not. */
static int read_blocks(const struct aic_read *list, enum aichat_role role, bool results,
		       struct aic_request *request)
{
	struct aichat_message *message = NULL;
	struct aic_read element = { 0 };
	int code = 0;

	while (code == 0 && aic_read_element(list, &element)) {
		int type = aic_json_get(list->doc, element.value, "type");
		if (aic_json_equals(list->doc, type, "tool_result") != results)
			continue;
		code = check_side(&element, role);
		if (code == 0 && !message)
			code = add_message(list, request,
					   results ? AICHAT_ROLE_TOOL : role, &message);
		if (code == 0)
			code = read_into(&element, message);
	}
	return code;
}

int aic_anthropic_read_turn(const struct aic_read *turn, const char *key,
			    enum aichat_role role, struct aic_request *request)
{
	int content = aic_json_get_set(turn->doc, turn->value, key);
	struct aichat_message *message = NULL;
	struct aic_string text = { 0 };
	struct aic_read list;
	int code;

	if (aic_json_is(turn->doc, content, AIC_JSON_STRING)) {
		code = aic_read_string(turn, key, &text);
		if (code > 0)
			code = add_message(turn, request, role, &message);
		if (code == 0 && aic_message_add_text(message, aic_string_str(&text)) < 0)
			code = aic_error_nomem(turn->reterr);
		aic_string_done(&text);
		return code;
	}
	code = required(turn, key, aic_read_child(turn, key, AIC_JSON_ARRAY, &list));
	if (code < 0)
		return code;
	if (!aic_json_count(list.doc, list.value))
		return add_message(turn, request, role, &message);
	code = read_blocks(&list, role, true, request);
	return code < 0 ? code : read_blocks(&list, role, false, request);
}
