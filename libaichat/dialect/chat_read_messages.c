/*
 * Chat Completions: reading the messages of a caller's request. A run of tool messages
 * becomes one message with several results, since other dialects want them together.
 */

#include "base/mem.h"
#include "dialect/chat.h"
#include "model/read.h"

struct reader {
	const struct aic_read *r; /* the message */
	struct aichat_message *message;
	uint32_t *legacy_calls; /* of the request: deprecated calls, which have no id */
};

static int nomem(const struct aic_read *r)
{
	return aic_error_nomem(r->reterr);
}

static struct oai_target to_message(const struct reader *m)
{
	return (struct oai_target){ .message = m->message };
}

/* --- the assistant --- */

static int read_custom(const struct aic_read *call, struct aichat_part *part)
{
	struct aic_read custom;
	int result = aic_read_child(call, "custom", AIC_JSON_OBJECT, &custom);

	if (result == 0)
		return aic_read_fail(call, "custom", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_read_text(&custom, "name", &part->name);
	if (result > 0)
		result = aic_read_string(&custom, "input", &part->text);
	if (result == 0)
		return aic_read_fail(&custom, part->name ? "input" : "name", AICHAT_EJSON,
				     "is missing");
	return result < 0 ? result : 0;
}

static int read_function(const struct aic_read *function, struct aichat_part *part)
{
	int arguments = aic_json_get_set(function->doc, function->value, "arguments");
	int result = aic_read_text(function, "name", &part->name);

	if (result == 0)
		return aic_read_fail(function, "name", AICHAT_EJSON, "is missing");
	if (result < 0)
		return result;
	/* Clients that built the message by hand have the object, or nothing. */
	if (aic_json_is(function->doc, arguments, AIC_JSON_OBJECT)) {
		if (aic_string_set(&part->text, aic_json_raw(function->doc, arguments)) <
		    0)
			return nomem(function);
		return 0;
	}
	result = aic_read_string(function, "arguments", &part->text);
	if (result == 0 && aic_string_set(&part->text, AIC_STR("{}")) < 0)
		return nomem(function);
	return result < 0 ? result : 0;
}

static int read_call(const struct aic_read *call, struct aichat_message *message)
{
	static const char *const known[] = { "id",       "type",   "index",
					     "function", "custom", NULL };
	static const char *const known_custom[] = { "id", "index", "function", "custom",
						    NULL };
	struct aic_read function;
	char type[AIC_WORD_MAX] = "function";
	int result = aic_read_object(call);

	if (result < 0)
		return result;
	struct aichat_part *part = aic_message_add_part(message, AICHAT_PART_TOOL_CALL);
	if (!part)
		return nomem(call);
	result = aic_read_text(call, "id", &part->id);
	if (result == 0)
		return aic_read_fail(call, "id", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_read_word(call, "type", type);
	if (result < 0)
		return result;
	bool custom = aic_streq(type, "custom");
	if (custom) {
		result = read_custom(call, part);
	} else {
		result = aic_read_child(call, "function", AIC_JSON_OBJECT, &function);
		if (result == 0)
			return aic_read_fail(call, "function", AICHAT_EJSON,
					     "is missing");
		if (result > 0)
			result = read_function(&function, part);
	}
	return result < 0 ? result
			  : aic_oai_keep_raw(call, part, custom ? known_custom : known,
					     NULL, NULL);
}

static int read_calls(const struct reader *m)
{
	struct aic_read list;
	struct aic_read each = { 0 };
	int result = aic_read_child(m->r, "tool_calls", AIC_JSON_ARRAY, &list);

	if (result > 0 && aic_json_count(list.doc, list.value) > OAI_CALLS_MAX)
		return aic_read_fail(m->r, "tool_calls", AICHAT_ETOOLARGE,
				     "has too many calls");
	while (result > 0 && aic_read_element(&list, &each)) {
		result = read_call(&each, m->message);
		result = result < 0 ? result : 1;
	}
	return result < 0 ? result : 0;
}

/* The deprecated call has no id; the next function message answers it. */
static char *legacy_id(uint32_t number)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf id = aic_buf(64);

	aic_buf_puts(&id, "call_f");
	aic_buf_put_int(&id, number);
	return aic_buf_take(&id, NULL);
}

static int read_legacy_call(const struct reader *m)
{
	struct aic_read call;
	int result = aic_read_child(m->r, "function_call", AIC_JSON_OBJECT, &call);

	if (result <= 0)
		return result;
	struct aichat_part *part = aic_message_add_part(m->message,
							AICHAT_PART_TOOL_CALL);
	if (part)
		part->id = legacy_id(++*m->legacy_calls);
	return part && part->id ? read_function(&call, part) : nomem(m->r);
}

static bool is_text(const struct aic_read *r, const char *key)
{
	int value = aic_json_get(r->doc, r->value, key);

	return aic_json_is(r->doc, value, AIC_JSON_STRING) &&
	       aic_json_raw(r->doc, value).len > 2;
}

/* Reasoning, and what must come back with it: one part, first. */
static int read_reasoning(const struct reader *m)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf raw = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&raw);
	const struct aic_read *r = m->r;
	const char *key = is_text(r, "reasoning_content") ? "reasoning_content"
							  : "reasoning";
	int members = 0;

	aic_json_begin(&w, '{');
	for (int v = aic_json_first(r->doc, r->value); v >= 0;
	     v = aic_json_next(r->doc, r->value, v)) {
		struct aic_str name = aic_member_key(r->doc, v);
		if ((!AIC_KEY_IS(name, "reasoning_details") &&
		     !AIC_KEY_IS(name, "extra_content") &&
		     !AIC_KEY_IS(name, "thought_signature")) ||
		    aic_json_is(r->doc, v, AIC_JSON_NULL))
			continue;
		aic_json_put_keyn(&w, name);
		aic_json_put_raw(&w, aic_json_raw(r->doc, v));
		members++;
	}
	aic_json_end(&w, '}');
	if (!members && !is_text(r, key))
		return 0;
	struct aichat_part *part = aic_message_add_part(m->message,
							AICHAT_PART_REASONING);
	if (!part || raw.error ||
	    (members && aic_string_set(&part->raw, aic_buf_str(&raw)) < 0))
		return nomem(r);
	int result = aic_read_string(r, key, &part->text);
	return result < 0 ? result : 0;
}

static int read_refusal(const struct reader *m)
{
	if (!is_text(m->r, "refusal"))
		return 0;
	struct aichat_part *part = aic_message_add_part(m->message, AICHAT_PART_REFUSAL);
	return part ? aic_read_string(m->r, "refusal", &part->text) : nomem(m->r);
}

/* {"id"} of an earlier answer in audio. */
static int read_audio_id(const struct reader *m)
{
	struct aic_read audio;
	int result = aic_read_child(m->r, "audio", AIC_JSON_OBJECT, &audio);

	if (result <= 0)
		return result;
	struct aichat_part *part = aic_message_add_part(m->message, AICHAT_PART_AUDIO);
	if (!part || aic_string_set(&part->raw, aic_json_raw(audio.doc, audio.value)) < 0)
		return nomem(m->r);
	return 0;
}

static int read_assistant(const struct reader *m)
{
	int result = read_reasoning(m);

	if (result >= 0)
		result = aic_oai_read_content(m->r, to_message(m));
	if (result >= 0)
		result = read_refusal(m);
	if (result >= 0)
		result = read_audio_id(m);
	if (result >= 0)
		result = read_calls(m);
	if (result >= 0)
		result = read_legacy_call(m);
	if (result < 0)
		return result;
	if (!m->message->part_count)
		return aic_read_fail(m->r, "content", AICHAT_EJSON,
				     "is missing, and there are no tool_calls");
	return 0;
}

/* --- the others --- */

static int read_result(const struct reader *m, bool legacy)
{
	struct aichat_part *result_part = aic_message_add_part(m->message,
							       AICHAT_PART_TOOL_RESULT);
	int result = 1;

	if (!result_part)
		return nomem(m->r);
	if (legacy) {
		result_part->id = legacy_id(AIC_MAX(*m->legacy_calls, 1u));
		if (!result_part->id)
			return nomem(m->r);
	} else {
		result = aic_read_text(m->r, "tool_call_id", &result_part->id);
	}
	if (result == 0)
		return aic_read_fail(m->r, "tool_call_id", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_oai_read_content(
			m->r, (struct oai_target){ .result = result_part });
	if (result == 0 && !legacy)
		return aic_read_fail(m->r, "content", AICHAT_EJSON, "is missing");
	return result < 0 ? result : 0;
}

static int read_said(const struct reader *m)
{
	int result = aic_oai_read_content(m->r, to_message(m));

	if (result == 0)
		return aic_read_fail(m->r, "content", AICHAT_EJSON, "is missing");
	return result < 0 ? result : 0;
}

static int role_of(const struct aic_read *r, enum aichat_role *ret, bool *ret_legacy)
{
	char word[AIC_WORD_MAX];
	int result = aic_read_object(r);

	if (result == 0)
		result = aic_read_word(r, "role", word);
	if (result == 0)
		return aic_read_fail(r, "role", AICHAT_EJSON, "is missing");
	if (result < 0)
		return result;
	*ret_legacy = aic_streq(word, "function");
	*ret = *ret_legacy                    ? AICHAT_ROLE_TOOL
	       : aic_streq(word, "developer") ? AICHAT_ROLE_SYSTEM
					      : aic_role_parse(aic_str(word));
	if (*ret)
		return 0;
	return aic_read_fail(r, "role", AICHAT_EJSON,
			     "is none of system, developer, user, assistant, tool");
}

static int read_message(const struct reader *m, bool legacy)
{
	switch (m->message->role) {
	case AICHAT_ROLE_ASSISTANT:
		return read_assistant(m);
	case AICHAT_ROLE_TOOL:
		return read_result(m, legacy);
	default:
		return read_said(m);
	}
}

/* The message to read into: the last one again when both are tools'. */
static struct aichat_message *message_for(struct aic_request *request,
					  enum aichat_role role)
{
	struct aichat_message *last =
		request->message_count ? request->messages[request->message_count - 1]
				       : NULL;

	if (role == AICHAT_ROLE_TOOL && last && last->role == AICHAT_ROLE_TOOL &&
	    last->part_count < AIC_PARTS_MAX)
		return last;
	AIC_CLEANUP(aichat_message_unrefp)
	aichat_message *message = aic_message_new(role);
	if (!message)
		return NULL;
	message->state = AICHAT_MESSAGE_SEALED;
	message->dialect = aic_strdup(aic_dialect_openai_chat.name);
	if (!message->dialect || aic_request_add_message(request, message) < 0)
		return NULL;
	return message; /* the request holds it */
}

int aic_oai_read_messages(const struct aic_read *root, struct aic_request *request)
{
	struct aic_read list;
	struct aic_read each = { 0 };
	uint32_t legacy_calls = 0;
	int result = aic_read_child(root, "messages", AIC_JSON_ARRAY, &list);

	if (result < 0)
		return result;
	if (result == 0 || aic_json_count(list.doc, list.value) == 0)
		return aic_read_fail(root, "messages", AICHAT_EJSON,
				     result == 0 ? "is missing" : "is empty");
	list.up = NULL; /* places start with the member */
	while (aic_read_element(&list, &each)) {
		enum aichat_role role;
		bool legacy;
		result = role_of(&each, &role, &legacy);
		if (result < 0)
			return result;
		struct reader m = { &each, message_for(request, role), &legacy_calls };
		if (!m.message)
			return nomem(root);
		result = read_message(&m, legacy);
		if (result < 0)
			return result;
	}
	return 0;
}
