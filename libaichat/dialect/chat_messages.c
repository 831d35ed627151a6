/*
 * Chat Completions: writing messages. They go out in order; what the format cannot say
 * is said otherwise (an error as text, an image of a tool's result in a user message
 * after all results) or left out and reported.
 */

#include "base/mem.h"
#include "dialect/chat.h"

/* --- messages --- */

static void begin_message(struct oai_writer *x, const char *role)
{
	bool is_user = aic_streq(role, "user");

	if (is_user && x->after_tool &&
	    aic_oai_has_quirk(x, AIC_QUIRK_NO_USER_AFTER_TOOL)) {
		aic_json_begin(x->w, '{');
		aic_json_put_member(x->w, "role", "assistant");
		aic_json_put_member(x->w, "content", "OK.");
		aic_json_end(x->w, '}');
	}
	x->after_tool = aic_streq(role, "tool");
	aic_json_begin(x->w, '{');
	aic_json_put_member(x->w, "role", role);
}

/* The media of tool results that went out with placeholders. */
static void put_waiting_media(struct oai_writer *x)
{
	bool begun = false;

	for (size_t i = x->media_from; i < x->media_to; i++) {
		const struct aichat_message *message = x->request->messages[i];
		for (size_t k = 0; k < message->part_count; k++) {
			const struct aichat_part *result = &message->parts[k];
			for (size_t n = 0; result->type == AICHAT_PART_TOOL_RESULT &&
					   n < result->part_count;
			     n++) {
				if (!aic_oai_is_media(result->parts[n].type) ||
				    !aic_oai_takes(x, &result->parts[n],
						   aic_oai_is_own(x, message)))
					continue;
				if (!begun) {
					begin_message(x, "user");
					aic_json_put_key(x->w, "content");
					aic_json_begin(x->w, '[');
					aic_json_put_raw(
						x->w,
						AIC_STR("{\"type\":\"text\",\"text\":"
							"\"From the tool results "
							"above:\"}"));
					begun = true;
				}
				aic_oai_put_part(x, &result->parts[n],
						 aic_oai_is_own(x, message));
			}
		}
	}
	if (begun) {
		aic_json_end(x->w, ']');
		aic_json_end(x->w, '}');
	}
	x->media_from = x->media_to = 0;
}

static void put_result_text(struct oai_writer *x, const struct aichat_part *result,
			    bool own)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	bool first = true;

	if (result->is_error)
		aic_buf_puts(&text, "Error: ");
	for (size_t i = 0; i < result->part_count; i++) {
		const struct aichat_part *part = &result->parts[i];
		if (!aic_oai_is_content(part))
			continue;
		if (!first)
			aic_buf_putc(&text, '\n');
		first = false;
		if (part->type == AICHAT_PART_TEXT)
			aic_buf_append(&text, part->text.data, part->text.len);
		else if (aic_oai_is_media(part->type) && aic_oai_takes(x, part, own))
			aic_buf_printf(&text, "[%s: in the user message that follows]",
				       aichat_part_type_name((int)part->type));
		else
			aic_oai_put_placeholder(x, part, &text);
	}
	aic_json_put_str(x->w, aic_buf_str(&text));
	if (text.error)
		x->error = text.error;
}

static void put_results(struct oai_writer *x, size_t number)
{
	const struct aichat_message *message = x->request->messages[number];
	bool any = false;

	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *result = &message->parts[i];
		if (result->type != AICHAT_PART_TOOL_RESULT)
			continue;
		any = true;
		begin_message(x, "tool");
		aic_json_put_member(x->w, "tool_call_id", result->id ? result->id : "");
		aic_json_put_key(x->w, "content");
		put_result_text(x, result, aic_oai_is_own(x, message));
		aic_json_end(x->w, '}');
	}
	if (!any)
		return;
	if (x->media_from == x->media_to)
		x->media_from = number;
	x->media_to = number + 1;
}

/* --- the assistant --- */

/* Members of the message that its reasoning parts carry. */
static void put_reasoning(struct oai_writer *x, const struct aichat_message *message)
{
	bool first = true;

	if (!aic_oai_is_own(x, message))
		return;
	for (size_t i = 0; i < message->part_count; i++) {
		AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
		if (message->parts[i].type != AICHAT_PART_REASONING)
			continue;
		aic_oai_scan_own(x, &message->parts[i], true, &raw);
		int details = aic_json_get(&raw, 0, "reasoning_details");
		if (!aic_oai_has_quirk(x, AIC_QUIRK_OPENROUTER))
			details = AIC_JSON_NONE;
		for (int v = aic_json_first(&raw, details); v >= 0;
		     v = aic_json_next(&raw, details, v)) {
			if (first) {
				aic_json_put_key(x->w, "reasoning_details");
				aic_json_begin(x->w, '[');
			}
			first = false;
			aic_json_put_raw(x->w, aic_json_raw(&raw, v));
		}
	}
	if (!first)
		aic_json_end(x->w, ']');
}

/* The others are put back once, from the last part that has any. */
static void put_message_members(struct oai_writer *x,
				const struct aichat_message *message)
{
	static const char *const ours[] = {
		"role",  "content",           "refusal",
		"audio", "reasoning_content", "reasoning_details",
		"name",  "tool_calls",        "function_call",
		NULL,
	};

	for (size_t i = message->part_count; aic_oai_is_own(x, message) && i-- > 0;) {
		AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
		if (message->parts[i].type != AICHAT_PART_REASONING)
			continue;
		aic_oai_scan_own(x, &message->parts[i], true, &raw);
		if (aic_json_count(&raw, 0) == 0 ||
		    (aic_json_count(&raw, 0) == 1 &&
		     aic_json_get(&raw, 0, "reasoning_details") >= 0))
			continue;
		aic_oai_put_members(x->w, &raw, 0, ours);
		return;
	}
}

/* DeepSeek wants its reasoning back with tool calls, were it empty; else it must not
 * be sent. */
static void put_reasoning_content(struct oai_writer *x,
				  const struct aichat_message *message)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	bool own = !message->provider ||
		   aic_streq(message->provider, x->profile->provider);

	if (!aic_oai_has_quirk(x, AIC_QUIRK_REPLAY_REASONING) ||
	    !aic_message_has(message, AICHAT_PART_TOOL_CALL))
		return;
	for (size_t i = 0; own && i < message->part_count; i++)
		if (message->parts[i].type == AICHAT_PART_REASONING)
			aic_buf_append(&text, message->parts[i].text.data,
				       message->parts[i].text.len);
	aic_json_put_key(x->w, "reasoning_content");
	aic_json_put_str(x->w, aic_buf_str(&text));
	if (text.error)
		x->error = text.error;
}

static void put_calls(struct oai_writer *x, const struct aichat_message *message)
{
	static const char *const ours[] = { "id",       "type",   "index",
					    "function", "custom", NULL };

	if (!aic_message_has(message, AICHAT_PART_TOOL_CALL))
		return;
	aic_json_put_key(x->w, "tool_calls");
	aic_json_begin(x->w, '[');
	for (size_t i = 0; i < message->part_count; i++) {
		AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
		const struct aichat_part *call = &message->parts[i];
		if (call->type != AICHAT_PART_TOOL_CALL)
			continue;
		aic_oai_scan_own(x, call, aic_oai_is_own(x, message), &raw);
		aic_json_begin(x->w, '{');
		aic_oai_put_call(x->w, call,
				 call->text.len ? aic_string_str(&call->text)
						: AIC_STR("{}"));
		aic_oai_put_members(x->w, &raw, 0, ours);
		aic_json_end(x->w, '}');
	}
	aic_json_end(x->w, ']');
}

/* Text and refusals, in the order that they have. */
static void put_said(struct oai_writer *x, const struct aichat_message *message)
{
	bool own = aic_oai_is_own(x, message);

	aic_json_begin(x->w, '[');
	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		if (part->type == AICHAT_PART_REFUSAL) {
			aic_json_begin(x->w, '{');
			aic_json_put_member(x->w, "type", "refusal");
			aic_json_put_key(x->w, "refusal");
			aic_json_put_str(x->w, aic_string_str(&part->text));
			aic_json_end(x->w, '}');
		} else if (part->type == AICHAT_PART_TEXT ||
			   (part->type == AICHAT_PART_UNKNOWN &&
			    aic_oai_takes(x, part, own))) {
			aic_oai_put_part(x, part, own);
		}
	}
	aic_json_end(x->w, ']');
}

/* All that was said as one string; a refusal is text to those who know no such thing. */
static bool put_said_plain(struct oai_writer *x, const struct aichat_message *message)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	bool any = false;

	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		if (part->type != AICHAT_PART_TEXT && part->type != AICHAT_PART_REFUSAL)
			continue;
		any = true;
		aic_buf_append(&text, part->text.data, part->text.len);
	}
	if (any) {
		aic_json_put_key(x->w, "content");
		aic_json_put_str(x->w, aic_buf_str(&text));
	}
	if (text.error)
		x->error = text.error;
	return any;
}

/* An answer in audio is named by its id, a JSON string; the bytes stay with the provider.
 * Into id, which stays empty when there is none. */
static void find_audio(struct oai_writer *x, const struct aichat_message *message,
		       struct aic_buf *id)
{
	for (size_t i = 0; aic_oai_is_own(x, message) && i < message->part_count; i++) {
		AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
		if (message->parts[i].type != AICHAT_PART_AUDIO || id->len)
			continue;
		aic_oai_scan_own(x, &message->parts[i], true, &raw);
		int value = aic_json_get(&raw, 0, "id");
		struct aic_str json = aic_json_raw(&raw, value);
		if (aic_json_is(&raw, value, AIC_JSON_STRING) &&
		    aic_buf_append(id, json.data, json.len) < 0)
			x->error = id->error;
	}
}

static void report_assistant(struct oai_writer *x, const struct aichat_message *message)
{
	for (size_t i = 0; i < message->part_count; i++) {
		enum aichat_part_type type = message->parts[i].type;
		if (type == AICHAT_PART_SOURCE || type == AICHAT_PART_COMPACTION ||
		    type == AICHAT_PART_IMAGE || type == AICHAT_PART_FILE ||
		    (type == AICHAT_PART_REASONING &&
		     !aic_oai_has_quirk(x, AIC_QUIRK_REPLAY_REASONING |
						   AIC_QUIRK_OPENROUTER)))
			aic_report_add(x->report,
				       "%s: not sent back in an assistant's message",
				       aichat_part_type_name((int)type));
	}
}

/* Content that must be said in parts. */
static bool needs_parts(struct oai_writer *x, const struct aichat_message *message)
{
	bool own = aic_oai_is_own(x, message);
	bool knows_refusals = aic_streq(message->dialect, aic_dialect_openai_chat.name) &&
			      own;

	if (aic_oai_has_quirk(x, AIC_QUIRK_FLATTEN))
		return false;
	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		if ((part->type == AICHAT_PART_TEXT && own && part->raw.len) ||
		    (part->type == AICHAT_PART_UNKNOWN && aic_oai_takes(x, part, own)) ||
		    (part->type == AICHAT_PART_REFUSAL && knows_refusals))
			return true;
	}
	return false;
}

static void put_assistant(struct oai_writer *x, const struct aichat_message *message)
{
	bool calls = aic_message_has(message, AICHAT_PART_TOOL_CALL);
	bool said = aic_message_has(message, AICHAT_PART_TEXT) ||
		    aic_message_has(message, AICHAT_PART_REFUSAL) ||
		    needs_parts(x, message);
	AIC_CLEANUP(aic_buf_done) struct aic_buf audio_id = aic_buf(0);

	find_audio(x, message, &audio_id);
	report_assistant(x, message);
	/* Without anything to say it would be refused. */
	if (!calls && !said && !audio_id.len)
		return;
	begin_message(x, "assistant");
	if (needs_parts(x, message)) {
		aic_json_put_key(x->w, "content");
		put_said(x, message);
	} else if (!put_said_plain(x, message)) {
		aic_json_put_key(x->w, "content");
		aic_json_put_null(x->w);
	}
	put_reasoning_content(x, message);
	put_reasoning(x, message);
	put_message_members(x, message);
	if (audio_id.len) {
		aic_json_put_key(x->w, "audio");
		aic_json_begin(x->w, '{');
		aic_json_put_key(x->w, "id");
		aic_json_put_raw(x->w, aic_buf_str(&audio_id));
		aic_json_end(x->w, '}');
	}
	put_calls(x, message);
	aic_json_end(x->w, '}');
}

/* --- system messages --- */

/* Every system text in one message, for templates that take no other. */
static void put_one_system(struct oai_writer *x, const char *more)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	for (size_t i = 0; i < x->request->message_count; i++) {
		const struct aichat_message *message = x->request->messages[i];
		for (size_t k = 0;
		     message->role == AICHAT_ROLE_SYSTEM && k < message->part_count;
		     k++) {
			if (message->parts[k].type != AICHAT_PART_TEXT)
				continue;
			if (text.len)
				aic_buf_puts(&text, "\n\n");
			aic_buf_append(&text, message->parts[k].text.data,
				       message->parts[k].text.len);
		}
	}
	if (more)
		aic_buf_printf(&text, "%s%s", text.len ? "\n\n" : "", more);
	if (text.len) {
		begin_message(x, "system");
		aic_json_put_key(x->w, "content");
		aic_json_put_str(x->w, aic_buf_str(&text));
		aic_json_end(x->w, '}');
	}
	if (text.error)
		x->error = text.error;
}

static bool says_json(const struct aichat_part *part)
{
	for (size_t i = 0; i + 4 <= part->text.len; i++)
		if (strncasecmp(part->text.data + i, "json", 4) == 0)
			return true;
	return false;
}

/* OpenAI refuses json_object unless some message speaks of JSON. */
static bool wants_json_word(const struct oai_writer *x)
{
	if (x->request->format != AIC_FORMAT_JSON)
		return false;
	for (size_t i = 0; i < x->request->message_count; i++)
		for (size_t k = 0; k < x->request->messages[i]->part_count; k++)
			if (says_json(&x->request->messages[i]->parts[k]))
				return false;
	return true;
}

static void put_message(struct oai_writer *x, size_t number)
{
	const struct aichat_message *message = x->request->messages[number];

	switch (message->role) {
	case AICHAT_ROLE_ASSISTANT:
		put_waiting_media(x);
		put_assistant(x, message);
		return;
	case AICHAT_ROLE_SYSTEM:
		if (aic_oai_has_quirk(x, AIC_QUIRK_ONE_SYSTEM) ||
		    !aic_oai_has_content(message))
			return;
		put_waiting_media(x);
		begin_message(x, "system");
		break;
	default:
		put_results(x, number);
		if (!aic_oai_has_content(message))
			return;
		put_waiting_media(x);
		begin_message(x, "user");
		break;
	}
	aic_oai_put_content(x, message);
	aic_json_end(x->w, '}');
}

/* A line of ours, once, after the leading system messages. */
static void put_more(struct oai_writer *x, const char **more)
{
	if (!*more)
		return;
	begin_message(x, "system");
	aic_json_put_member(x->w, "content", AIC_TAKE(*more));
	aic_json_end(x->w, '}');
}

int aic_oai_put_messages(struct aic_json_writer *w, const struct aic_request *request,
			 const struct aic_profile *profile, struct aic_report *report)
{
	struct oai_writer x = {
		.w = w, .request = request, .profile = profile, .report = report
	};
	const char *more = wants_json_word(&x) ? "Answer in JSON." : NULL;

	if (more)
		aic_report_add(report,
			       "response_format: \"%s\" was added, since no message "
			       "speaks of JSON",
			       more);
	aic_json_begin(w, '[');
	if (aic_oai_has_quirk(&x, AIC_QUIRK_ONE_SYSTEM)) {
		put_one_system(&x, more);
		more = NULL;
	}
	for (size_t i = 0; i < request->message_count; i++) {
		if (request->messages[i]->role != AICHAT_ROLE_SYSTEM)
			put_more(&x, &more);
		put_message(&x, i);
	}
	put_more(&x, &more);
	put_waiting_media(&x);
	aic_json_end(w, ']');
	return x.error;
}
