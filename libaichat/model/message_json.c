/*
 * The canonical JSON of messages and parts, both ways. Writing is total: every message in
 * memory has a form, and reading it gives an equal message. The members stand in one
 * order, because digests are made over this text.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "model/message_json.h"
#include "model/read.h"

static void put_id(struct aic_json_writer *w, const char *key, const struct aic_id *id)
{
	char text[AIC_ID_TEXT];

	if (aic_id_is_set(id))
		aic_json_put_member(w, key, aic_id_text(id, text));
}

static void put_count(struct aic_json_writer *w, const char *key, int64_t count)
{
	if (count < 0)
		return;
	aic_json_put_key(w, key);
	aic_json_put_int(w, count);
}

static void put_string(struct aic_json_writer *w, const char *key,
		       const struct aic_string *text)
{
	if (!text->data)
		return;
	aic_json_put_key(w, key);
	aic_json_put_str(w, aic_string_str(text));
}

void aic_usage_write(const struct aic_usage *usage, struct aic_json_writer *w)
{
	aic_json_begin(w, '{');
	put_count(w, "input_tokens", usage->input);
	put_count(w, "cached_tokens", usage->cached);
	put_count(w, "cache_write_tokens", usage->cache_write);
	put_count(w, "output_tokens", usage->output);
	put_count(w, "reasoning_tokens", usage->reasoning);
	aic_json_end(w, '}');
}

/* Some members go by another name in some parts. */
static const char *text_key(enum aichat_part_type type)
{
	return type == AICHAT_PART_TOOL_CALL ? "arguments" : "text";
}

static const char *id_key(enum aichat_part_type type)
{
	return type == AICHAT_PART_TOOL_RESULT ? "tool_call_id" : "id";
}

static const char *name_key(enum aichat_part_type type)
{
	return type == AICHAT_PART_SOURCE ? "title" : "name";
}

/* Parts that are nothing without a text, so that a reader may insist on it. */
static bool needs_text(enum aichat_part_type type)
{
	return type == AICHAT_PART_TEXT || type == AICHAT_PART_REFUSAL;
}

static void put_data(struct aic_json_writer *w, const struct aic_string *data,
		     bool with_data)
{
	unsigned char digest[AIC_DIGEST_BYTES];
	char text[AIC_DIGEST_TEXT];

	if (!data->data)
		return;
	aic_sha256(data->data, data->len, digest);
	aic_json_put_member(w, "sha256", aic_digest_text(digest, text));
	put_count(w, "size", (int64_t)data->len);
	if (!with_data)
		return;
	/* Base64 needs no escapes: it goes to the buffer without a detour. */
	aic_json_put_key(w, "data");
	aic_json_put_raw(w, AIC_STR("\""));
	aic_base64_encode(w->buf, data->data, data->len);
	aic_buf_putc(w->buf, '"');
}

void aic_part_write(const struct aichat_part *part, struct aic_json_writer *w,
		    bool with_data)
{
	bool is_result = part->type == AICHAT_PART_TOOL_RESULT;

	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", aichat_part_type_name(part->type));
	aic_json_put_member(w, id_key(part->type), part->id);
	aic_json_put_member(w, "media_type", part->media_type);
	put_data(w, &part->data, with_data);
	aic_json_put_member(w, name_key(part->type), part->name);
	aic_json_put_member(w, "url", part->url);
	if (is_result) {
		aic_json_put_key(w, "is_error");
		aic_json_put_bool(w, part->is_error);
	} else if (needs_text(part->type) && !part->text.data) {
		aic_json_put_member(w, "text", "");
	} else {
		put_string(w, text_key(part->type), &part->text);
	}
	if (is_result || part->part_count) {
		aic_json_put_key(w, "parts");
		aic_json_begin(w, '[');
		for (size_t i = 0; i < part->part_count; i++)
			aic_part_write(&part->parts[i], w, with_data);
		aic_json_end(w, ']');
	}
	put_string(w, "raw", &part->raw);
	aic_json_end(w, '}');
}

void aic_message_write(const struct aichat_message *message, struct aic_json_writer *w,
		       bool with_data)
{
	const struct aic_usage *u = &message->usage;
	char time[AIC_TIME_TEXT];

	aic_json_begin(w, '{');
	put_id(w, "id", &message->id);
	put_id(w, "conversation_id", &message->conversation_id);
	put_id(w, "parent_id", &message->parent_id);
	put_id(w, "edit_of", &message->edit_of);
	aic_json_put_member(w, "role", aichat_role_name(message->role));
	aic_json_put_member(w, "state", aichat_message_state_name(message->state));
	if (message->created_unix_ms)
		aic_json_put_member(w, "created_at",
				    aic_time_text(message->created_unix_ms, time));
	aic_json_put_member(w, "provider", message->provider);
	aic_json_put_member(w, "model", message->model);
	aic_json_put_member(w, "dialect", message->dialect);
	aic_json_put_member(w, "response_id", message->response_id);
	if (message->stop_reason != AICHAT_STOP_NONE)
		aic_json_put_member(w, "stop_reason",
				    aichat_stop_reason_name(message->stop_reason));
	aic_json_put_member(w, "stop_word", message->stop_word);
	aic_json_put_member(w, "stop_sequence", message->stop_sequence);
	if (u->input >= 0 || u->cached >= 0 || u->cache_write >= 0 || u->output >= 0 ||
	    u->reasoning >= 0) {
		aic_json_put_key(w, "usage");
		aic_usage_write(u, w);
	}
	put_count(w, "cost_nano_usd", message->cost_nano_usd);
	aic_json_put_key(w, "parts");
	aic_json_begin(w, '[');
	for (size_t i = 0; i < message->part_count; i++)
		aic_part_write(&message->parts[i], w, with_data);
	aic_json_end(w, ']');
	aic_json_end(w, '}');
}

int aic_message_digest(const struct aichat_message *message,
		       unsigned char digest[AIC_DIGEST_BYTES])
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);

	aic_message_write(message, &w, false);
	if (text.error)
		return text.error;
	aic_blake2b(text.data, text.len, digest);
	return 0;
}

int aic_usage_read(const struct aic_read *r, struct aic_usage *usage)
{
	int result;

	*usage = AIC_USAGE_UNKNOWN;
	if ((result = aic_read_count(r, "input_tokens", &usage->input)) < 0 ||
	    (result = aic_read_count(r, "cached_tokens", &usage->cached)) < 0 ||
	    (result = aic_read_count(r, "cache_write_tokens", &usage->cache_write)) < 0 ||
	    (result = aic_read_count(r, "output_tokens", &usage->output)) < 0 ||
	    (result = aic_read_count(r, "reasoning_tokens", &usage->reasoning)) < 0)
		return result;
	return 0;
}

/* Bytes, and the digest that must be theirs. */
static int read_data(const struct aic_read *r, struct aic_string *data)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf bytes = aic_buf(AIC_PART_BYTES_MAX);
	AIC_CLEANUP(aic_string_done) struct aic_string text = { 0 };
	unsigned char digest[AIC_DIGEST_BYTES];
	char want[AIC_DIGEST_TEXT];
	int result = aic_read_string(r, "data", &text);

	if (result <= 0)
		return result;
	if (!aic_base64_decode(&bytes, text.data, text.len))
		return aic_read_fail(r, "data", bytes.error ? bytes.error : AICHAT_EJSON,
				     bytes.error ? "is too long" : "is no base64");
	data->data = aic_buf_take(&bytes, &data->len);
	if (!data->data)
		return aic_error_nomem(r->reterr);
	int sha256 = aic_json_get_set(r->doc, r->value, "sha256");
	aic_sha256(data->data, data->len, digest);
	if (sha256 >= 0 &&
	    !aic_json_equals(r->doc, sha256, aic_digest_text(digest, want)))
		return aic_read_fail(r, "sha256", AICHAT_EJSON,
				     "is not that of the data");
	return 0;
}

/* It goes into requests as it is, so it must be JSON. */
static int read_raw(const struct aic_read *r, struct aic_string *raw)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	int result = aic_read_string(r, "raw", raw);

	if (result <= 0)
		return result;
	result = aic_json_scan(&doc, raw->data, raw->len, &aic_json_wire);
	return result < 0 ? aic_read_fail(r, "raw", result, "is no JSON text") : 0;
}

static int read_part(const struct aic_read *r, struct aichat_part *part);

/* Into a message, or into a tool result. */
static int read_parts(const struct aic_read *r, struct aichat_message *message,
		      struct aichat_part *tool_result)
{
	struct aic_read array, element = { 0 };
	int result = aic_read_child(r, "parts", AIC_JSON_ARRAY, &array);

	if (result <= 0)
		return result;
	while (aic_read_element(&array, &element)) {
		if (element.index >= AIC_PARTS_MAX)
			return aic_read_fail(r, "parts", AICHAT_ETOOLARGE,
					     "has too many elements");
		struct aichat_part *part = message ? aic_message_add_part(
							     message, AICHAT_PART_UNKNOWN)
						   : aic_part_add_part(
							     tool_result,
							     AICHAT_PART_UNKNOWN);
		if (!part)
			return aic_error_nomem(r->reterr);
		result = read_part(&element, part);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_part(const struct aic_read *r, struct aichat_part *part)
{
	char word[AIC_WORD_MAX];
	int result = aic_read_object(r);

	if (result < 0 || (result = aic_read_word(r, "type", word)) < 0)
		return result;
	if (result == 0)
		return aic_read_fail(r, "type", AICHAT_EJSON, "is missing");
	part->type = aic_part_type_parse(aic_str(word));
	if (!part->type) {
		/* From a newer version, perhaps: kept whole. */
		part->type = AICHAT_PART_UNKNOWN;
		result = aic_string_set(&part->raw, aic_json_raw(r->doc, r->value));
		return result < 0 ? aic_error_nomem(r->reterr) : 0;
	}
	if (part->type == AICHAT_PART_TOOL_RESULT) {
		result = aic_read_bool(r, "is_error", &part->is_error);
	} else {
		result = aic_read_string(r, text_key(part->type), &part->text);
		if (result == 0 && needs_text(part->type))
			result = aic_read_fail(r, "text", AICHAT_EJSON, "is missing");
	}
	if (result < 0 ||
	    (result = aic_read_text(r, id_key(part->type), &part->id)) < 0 ||
	    (result = aic_read_text(r, name_key(part->type), &part->name)) < 0 ||
	    (result = aic_read_text(r, "media_type", &part->media_type)) < 0 ||
	    (result = aic_read_text(r, "url", &part->url)) < 0 ||
	    (result = read_data(r, &part->data)) < 0 ||
	    (result = read_raw(r, &part->raw)) < 0 ||
	    (result = read_parts(r, NULL, part)) < 0)
		return result;
	return 0;
}

int aic_part_read_at(const struct aic_read *r, struct aichat_part *part)
{
	*part = (struct aichat_part){ 0 };
	int result = read_part(r, part);
	if (result < 0)
		aic_part_done(part);
	return result;
}

int aic_part_read(const struct aic_json *doc, int object, struct aichat_part *part,
		  aichat_error **reterr)
{
	struct aic_read r = { doc, object, reterr, NULL, "part", -1 };

	return aic_part_read_at(&r, part);
}

static int read_words(const struct aic_read *r, struct aichat_message *message)
{
	char word[AIC_WORD_MAX];
	int result = aic_read_word(r, "role", word);

	if (result < 0)
		return result;
	if (result == 0)
		return aic_read_fail(r, "role", AICHAT_EJSON, "is missing");
	message->role = aic_role_parse(aic_str(word));
	if (!message->role)
		return aic_read_fail(r, "role", AICHAT_EJSON,
				     "is none of system, user, assistant, tool");
	message->state = AICHAT_MESSAGE_SEALED;
	result = aic_read_word(r, "state", word);
	if (result > 0)
		message->state = aic_message_state_parse(aic_str(word));
	if (!message->state)
		return aic_read_fail(r, "state", AICHAT_EJSON, "is no state");
	if (result < 0 || (result = aic_read_word(r, "stop_reason", word)) < 0)
		return result;
	if (result > 0) {
		message->stop_reason = aic_stop_reason_parse(aic_str(word));
		if (!message->stop_reason) /* a newer version's */
			message->stop_reason = AICHAT_STOP_UNKNOWN;
	}
	return 0;
}

static int read_message(const struct aic_read *r, struct aichat_message *message)
{
	struct aic_read usage;
	int result = read_words(r, message);

	if (result < 0 || (result = aic_read_id(r, "id", &message->id)) < 0 ||
	    (result = aic_read_id(r, "conversation_id", &message->conversation_id)) < 0 ||
	    (result = aic_read_id(r, "parent_id", &message->parent_id)) < 0 ||
	    (result = aic_read_id(r, "edit_of", &message->edit_of)) < 0 ||
	    (result = aic_read_time(r, "created_at", &message->created_unix_ms)) < 0 ||
	    (result = aic_read_text(r, "provider", &message->provider)) < 0 ||
	    (result = aic_read_text(r, "model", &message->model)) < 0 ||
	    (result = aic_read_text(r, "dialect", &message->dialect)) < 0 ||
	    (result = aic_read_text(r, "response_id", &message->response_id)) < 0 ||
	    (result = aic_read_text(r, "stop_word", &message->stop_word)) < 0 ||
	    (result = aic_read_text(r, "stop_sequence", &message->stop_sequence)) < 0 ||
	    (result = aic_read_count(r, "cost_nano_usd", &message->cost_nano_usd)) < 0 ||
	    (result = aic_read_child(r, "usage", AIC_JSON_OBJECT, &usage)) < 0 ||
	    (result > 0 && (result = aic_usage_read(&usage, &message->usage)) < 0) ||
	    (result = read_parts(r, message, NULL)) < 0)
		return result;
	aic_message_set_texts(message);
	return 0;
}

int aic_message_read_at(const struct aic_read *r, struct aichat_message **ret_message)
{
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *message = aic_message_new(AICHAT_ROLE_USER);

	if (!message)
		return aic_error_nomem(r->reterr);
	int result = aic_read_object(r);
	if (result < 0 || (result = read_message(r, message)) < 0)
		return result;
	*ret_message = AIC_TAKE(message);
	return 0;
}

int aic_message_read(const struct aic_json *doc, int object,
		     struct aichat_message **ret_message, aichat_error **reterr)
{
	struct aic_read r = { doc, object, reterr, NULL, "message", -1 };

	return aic_message_read_at(&r, ret_message);
}
