/*
 * Chat Completions: writing whole replies and errors, and what chunks have in common
 * with them.
 */

#include "base/error.h"
#include "base/mem.h"
#include "dialect/chat.h"

/* With OpenAI a refusal is said in `refusal`, and the word is stop; one that was only a
 * verdict, as Anthropic gives it, has no better word than the filter's. */
const char *aic_oai_finish_word(enum aichat_stop_reason reason, bool has_refusal)
{
	switch (reason) {
	case AICHAT_STOP_LENGTH:
	case AICHAT_STOP_CONTEXT_WINDOW:
		return "length";
	case AICHAT_STOP_TOOL_CALLS:
		return "tool_calls";
	case AICHAT_STOP_CONTENT_FILTER:
		return "content_filter";
	case AICHAT_STOP_REFUSAL:
		return has_refusal ? "stop" : "content_filter";
	default:
		return "stop";
	}
}

static void put_count(struct aic_json_writer *w, const char *key, int64_t count)
{
	if (count < 0)
		return;
	aic_json_put_key(w, key);
	aic_json_put_int(w, count);
}

/* What is not known is left out: it is not 0. */
void aic_oai_put_usage(struct aic_json_writer *w, const struct aic_usage *u)
{
	aic_json_begin(w, '{');
	put_count(w, "prompt_tokens", u->input);
	put_count(w, "completion_tokens", u->output);
	if (u->input >= 0 && u->output >= 0)
		put_count(w, "total_tokens", u->input + u->output);
	if (u->cached >= 0 || u->cache_write >= 0) {
		aic_json_put_key(w, "prompt_tokens_details");
		aic_json_begin(w, '{');
		put_count(w, "cached_tokens", u->cached);
		put_count(w, "cache_write_tokens", u->cache_write);
		aic_json_end(w, '}');
	}
	if (u->reasoning >= 0) {
		aic_json_put_key(w, "completion_tokens_details");
		aic_json_begin(w, '{');
		put_count(w, "reasoning_tokens", u->reasoning);
		aic_json_end(w, '}');
	}
	aic_json_end(w, '}');
}

bool aic_oai_scan_raw(struct aic_buf *out, struct aic_str raw, struct aic_json *doc)
{
	int result = raw.len ? aic_json_scan(doc, raw.data, raw.len, &aic_json_wire) : 0;

	if (result == AICHAT_ENOMEM && !out->error)
		out->error = result;
	if (raw.len && result == 0 && aic_json_is(doc, 0, AIC_JSON_OBJECT))
		return true;
	doc->count = 0; /* as if there were none */
	return false;
}

static bool scan_part(struct aic_json_writer *w, const struct aichat_part *part,
		      struct aic_json *doc)
{
	return aic_oai_scan_raw(w->buf, aic_string_str(&part->raw), doc);
}

void aic_oai_put_annotation(struct aic_json_writer *w, const struct aichat_part *source)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	if (scan_part(w, source, &doc) &&
	    aic_json_equals(&doc, aic_json_get(&doc, 0, "type"), "url_citation")) {
		aic_json_put_raw(w, aic_string_str(&source->raw));
		return;
	}
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "url_citation");
	aic_json_put_key(w, "url_citation");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "url", source->url ? source->url : "");
	aic_json_put_member(w, "title", source->name ? source->name : "");
	/* Where in the text it is cited is not known; the members are required. */
	aic_json_put_key(w, "start_index");
	aic_json_put_int(w, 0);
	aic_json_put_key(w, "end_index");
	aic_json_put_int(w, 0);
	aic_json_end(w, '}');
	aic_json_end(w, '}');
}

void aic_oai_put_audio(struct aic_json_writer *w, const struct aichat_part *audio)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	aic_json_begin(w, '{');
	if (scan_part(w, audio, &doc))
		for (int v = aic_json_first(&doc, 0); v >= 0;
		     v = aic_json_next(&doc, 0, v)) {
			struct aic_str key = aic_member_key(&doc, v);
			if (!key.len || AIC_KEY_IS(key, "data"))
				continue;
			aic_json_put_keyn(w, key);
			aic_json_put_raw(w, aic_json_raw(&doc, v));
		}
	aic_json_put_key(w, "data");
	aic_put_base64(w, NULL, &audio->data);
	aic_json_end(w, '}');
}

void aic_oai_put_image(struct aic_json_writer *w, const struct aichat_part *image)
{
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "image_url");
	aic_json_put_key(w, "image_url");
	aic_json_begin(w, '{');
	aic_json_put_key(w, "url");
	if (image->url)
		aic_json_put_text(w, image->url);
	else
		aic_put_base64(w, image->media_type ? image->media_type : "image/png",
			       &image->data);
	aic_json_end(w, '}');
	aic_json_end(w, '}');
}

/* --- calls --- */

bool aic_oai_is_custom(struct aic_buf *out, struct aic_str raw)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	return aic_oai_scan_raw(out, raw, &doc) &&
	       aic_json_equals(&doc, aic_json_get(&doc, 0, "type"), "custom");
}

/* Names that only this dialect has: a raw of another one is not mistaken for ours. */
static bool is_replayed(struct aic_str key, bool of_call)
{
	return AIC_KEY_IS(key, "extra_content") ||
	       (!of_call && (AIC_KEY_IS(key, "reasoning_details") ||
			     AIC_KEY_IS(key, "thought_signature")));
}

bool aic_oai_has_replayed(const struct aic_json *doc, bool of_call)
{
	for (int v = aic_json_first(doc, 0); v >= 0; v = aic_json_next(doc, 0, v))
		if (is_replayed(aic_member_key(doc, v), of_call))
			return true;
	return false;
}

void aic_oai_put_replayed(struct aic_json_writer *w, const struct aic_json *doc,
			  bool of_call)
{
	for (int v = aic_json_first(doc, 0); v >= 0; v = aic_json_next(doc, 0, v)) {
		struct aic_str key = aic_member_key(doc, v);
		if (!is_replayed(key, of_call))
			continue;
		aic_json_put_keyn(w, key);
		aic_json_put_raw(w, aic_json_raw(doc, v));
	}
}

void aic_oai_put_call(struct aic_json_writer *w, const struct aichat_part *call,
		      struct aic_str arguments)
{
	bool custom = aic_oai_is_custom(w->buf, aic_string_str(&call->raw));

	aic_json_put_member(w, "id", call->id ? call->id : "");
	aic_json_put_member(w, "type", custom ? "custom" : "function");
	aic_json_put_key(w, custom ? "custom" : "function");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "name", call->name ? call->name : "");
	aic_json_put_key(w, custom ? "input" : "arguments");
	aic_json_put_str(w, arguments);
	aic_json_end(w, '}');
}

static void put_calls(struct aic_json_writer *w, const struct aichat_message *message)
{
	aic_json_put_key(w, "tool_calls");
	aic_json_begin(w, '[');
	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		if (part->type != AICHAT_PART_TOOL_CALL)
			continue;
		struct aic_str arguments = aic_string_str(&part->text);
		AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
		aic_json_begin(w, '{');
		aic_oai_put_call(w, part, arguments.len ? arguments : AIC_STR("{}"));
		if (scan_part(w, part, &raw))
			aic_oai_put_replayed(w, &raw, true);
		aic_json_end(w, '}');
	}
	aic_json_end(w, ']');
}

/* --- whole replies --- */

/* All parts of a type as one string, null if there are none. */
static void put_joined(struct aic_json_writer *w, const char *key,
		       const struct aichat_message *message, enum aichat_part_type type)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	for (size_t i = 0; i < message->part_count; i++)
		if (message->parts[i].type == type)
			aic_buf_append(&text, message->parts[i].text.data,
				       message->parts[i].text.len);
	aic_json_put_key(w, key);
	if (text.error)
		w->buf->error = text.error;
	else if (aic_message_has(message, type))
		aic_json_put_str(w, aic_buf_str(&text));
	else
		aic_json_put_null(w);
}

static void put_list(struct aic_json_writer *w, const char *key,
		     const struct aichat_message *message, enum aichat_part_type type,
		     void (*put)(struct aic_json_writer *, const struct aichat_part *))
{
	if (!aic_message_has(message, type))
		return;
	aic_json_put_key(w, key);
	aic_json_begin(w, '[');
	for (size_t i = 0; i < message->part_count; i++)
		if (message->parts[i].type == type)
			put(w, &message->parts[i]);
	aic_json_end(w, ']');
}

/* The text, and what must come back with the message: of the first part that has it. */
static void put_reasoning(struct aic_json_writer *w, const struct aichat_message *message)
{
	put_joined(w, "reasoning_content", message, AICHAT_PART_REASONING);
	for (size_t i = 0; i < message->part_count; i++) {
		AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
		if (message->parts[i].type != AICHAT_PART_REASONING ||
		    !scan_part(w, &message->parts[i], &raw) ||
		    !aic_oai_has_replayed(&raw, false))
			continue;
		aic_oai_put_replayed(w, &raw, false);
		return;
	}
}

static void put_message(struct aic_json_writer *w, const struct aichat_message *message)
{
	aic_json_begin(w, '{');
	aic_json_put_member(w, "role", "assistant");
	put_joined(w, "content", message, AICHAT_PART_TEXT);
	put_joined(w, "refusal", message, AICHAT_PART_REFUSAL);
	if (aic_message_has(message, AICHAT_PART_REASONING))
		put_reasoning(w, message);
	put_list(w, "annotations", message, AICHAT_PART_SOURCE, aic_oai_put_annotation);
	put_list(w, "images", message, AICHAT_PART_IMAGE, aic_oai_put_image);
	for (size_t i = 0; i < message->part_count; i++)
		if (message->parts[i].type == AICHAT_PART_AUDIO) {
			aic_json_put_key(w, "audio");
			aic_oai_put_audio(w, &message->parts[i]);
			break; /* there is room for one */
		}
	if (aic_message_has(message, AICHAT_PART_TOOL_CALL))
		put_calls(w, message);
	aic_json_end(w, '}');
}

int aic_oai_encode_reply(const struct aic_encoder_config *config,
			 const struct aichat_message *message, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);
	bool has_refusal = aic_message_has(message, AICHAT_PART_REFUSAL);

	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "id", config->response_id ? config->response_id : "");
	aic_json_put_member(&w, "object", "chat.completion");
	aic_json_put_key(&w, "created");
	aic_json_put_int(&w, config->created_unix_ms / 1000);
	aic_json_put_member(&w, "model", config->model ? config->model : "");
	aic_json_put_key(&w, "choices");
	aic_json_begin(&w, '[');
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "index");
	aic_json_put_int(&w, 0);
	aic_json_put_key(&w, "message");
	put_message(&w, message);
	aic_json_put_key(&w, "logprobs");
	aic_json_put_null(&w);
	aic_json_put_member(&w, "finish_reason",
			    aic_oai_finish_word(message->stop_reason, has_refusal));
	aic_json_end(&w, '}');
	aic_json_end(&w, ']');
	if (aic_usage_is_set(&message->usage)) {
		aic_json_put_key(&w, "usage");
		aic_oai_put_usage(&w, &message->usage);
	}
	aic_json_end(&w, '}');
	return out->error;
}

/* --- errors --- */

static const char *error_type(int status)
{
	switch (status) {
	case 401:
		return "authentication_error";
	case 403:
		return "permission_error";
	case 429:
		return "rate_limit_error";
	case 503:
		return "service_unavailable_error";
	default:
		return status < 500 ? "invalid_request_error" : "server_error";
	}
}

/* Words that OpenAI's clients know, where it has one for what happened; else ours. */
static const char *error_code(const aichat_error *error)
{
	switch (aichat_error_code(error)) {
	case AICHAT_ECONTEXT:
		return "context_length_exceeded";
	case AICHAT_EFILTER:
		return "content_filter";
	case AICHAT_EQUOTA:
		return "insufficient_quota";
	case AICHAT_ERATELIMIT:
	case AICHAT_ELIMIT:
		return "rate_limit_exceeded";
	case AICHAT_EOVERLOADED:
		return "server_is_overloaded";
	case AICHAT_EMODEL:
		return "model_not_found";
	case AICHAT_EREQUEST:
		return aichat_error_provider_code(error);
	default:
		return aic_word_for(error);
	}
}

int aic_oai_encode_error(const aichat_error *error, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);
	int status = aic_status_for(error);

	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "error");
	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "message");
	aic_json_put_text(&w, aichat_error_message(error));
	aic_json_put_key(&w, "type");
	aic_json_put_text(&w, aichat_error_code(error) == AICHAT_EQUOTA
				      ? "insufficient_quota"
				      : error_type(status));
	aic_json_put_key(&w, "param");
	aic_json_put_null(&w);
	aic_json_put_key(&w, "code");
	aic_json_put_text(&w, error_code(error));
	aic_json_end(&w, '}');
	aic_json_end(&w, '}');
	return status;
}
