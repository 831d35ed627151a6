/*
 * Chat Completions: reading replies, streams and whole ones.
 *
 * An answer is over when its finish_reason came, but it is closed only with [DONE] or the
 * end of the bytes: usage, sources and moderation may follow. [DONE] alone is no success:
 * without a finish_reason the reply was cut off, but for one case that OpenAI's own audio
 * streams and Snowflake show: the final accounting (usage with no choices) came, and that
 * is written only when the model is done.
 */

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "dialect/chat.h"

int aic_oai_fail(struct oai_decoder *d, int code, const char *format, ...)
{
	char line[512];
	va_list args;

	d->base.finished = false;
	d->ended = true;
	if (d->base.error)
		return code;
	if (code == AICHAT_ENOMEM)
		return aic_error_nomem(&d->base.error);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return aic_error_set(&d->base.error, code, "%s", line);
}

static struct aic_decoder *decoder_new(const struct aic_profile *profile)
{
	struct oai_decoder *d = aic_new(struct oai_decoder);

	if (!d)
		return NULL;
	d->base.dialect = &aic_dialect_openai_chat;
	d->base.profile = *profile;
	d->usage = d->told_usage = AIC_USAGE_UNKNOWN;
	d->scratch = aic_buf(0);
	return &d->base;
}

static void choice_free(struct oai_choice *c)
{
	for (size_t i = 0; i < c->call_count; i++)
		aic_oai_call_done(&c->calls[i]);
	aic_free(c->calls);
	aic_oai_details_done(c);
	aic_oai_media_done(c);
	aic_buf_done(&c->said);
	aic_buf_done(&c->thought);
	aic_free(c->word);
	aic_free(c);
}

static void decoder_free(struct aic_decoder *base)
{
	struct oai_decoder *d = (struct oai_decoder *)base;

	if (!d)
		return;
	for (size_t i = 0; i < d->choice_count; i++)
		choice_free(d->choices[i]);
	aic_free(d->choices);
	aic_json_done(&d->doc);
	aic_arena_done(&d->arena);
	aic_buf_done(&d->scratch);
	aichat_error_unref(base->error);
	aic_free(base->model);
	aic_free(base->response_id);
	aic_free(d);
}

/* --- answers --- */

static void tell_usage(struct oai_decoder *d)
{
	if (!memcmp(&d->usage, &d->told_usage, sizeof(d->usage)))
		return;
	aic_events_add(d->events, AICHAT_EVENT_USAGE)->usage = d->usage;
	d->told_usage = d->usage;
}

static struct oai_choice *find_choice(struct oai_decoder *d, int item, uint32_t position)
{
	int64_t number;

	if (!aic_json_int(&d->doc, aic_json_get(&d->doc, item, "index"), &number))
		number = d->whole ? position : 0;
	if (number < 0 || number >= OAI_CHOICES_MAX) {
		aic_oai_fail(d, AICHAT_EPROTOCOL,
			     "choices[%u].index: %lld is out of range",
			     (unsigned)position, (long long)number);
		return NULL;
	}
	for (size_t i = 0; i < d->choice_count; i++)
		if (d->choices[i]->number == number)
			return d->choices[i];
	struct oai_choice *c = NULL;
	if (AIC_GROW(d->choices, d->choice_count, &d->choice_capacity))
		c = aic_new(struct oai_choice);
	if (!c) {
		aic_oai_fail(d, AICHAT_ENOMEM, "an answer");
		return NULL;
	}
	c->number = (uint32_t)number;
	d->choices[d->choice_count++] = c;
	return c;
}

struct delta {
	int content, reasoning, reasoning_content, details, refusal, tool_calls;
	int function_call, annotations, audio, images, extra_content, signature;
};

static void read_delta(const struct aic_json *doc, int value, struct delta *ret)
{
	memset(ret, 0xff, sizeof(*ret)); /* AIC_JSON_NONE everywhere */
	for (int v = aic_json_first(doc, value); v >= 0;
	     v = aic_json_next(doc, value, v)) {
		struct aic_str key = aic_member_key(doc, v);
		if (AIC_KEY_IS(key, "content"))
			ret->content = v;
		else if (AIC_KEY_IS(key, "role"))
			continue;
		else if (AIC_KEY_IS(key, "reasoning"))
			ret->reasoning = v;
		else if (AIC_KEY_IS(key, "reasoning_content"))
			ret->reasoning_content = v;
		else if (AIC_KEY_IS(key, "reasoning_details"))
			ret->details = v;
		else if (AIC_KEY_IS(key, "refusal"))
			ret->refusal = v;
		else if (AIC_KEY_IS(key, "tool_calls"))
			ret->tool_calls = v;
		else if (AIC_KEY_IS(key, "function_call"))
			ret->function_call = v;
		else if (AIC_KEY_IS(key, "annotations"))
			ret->annotations = v;
		else if (AIC_KEY_IS(key, "audio"))
			ret->audio = v;
		else if (AIC_KEY_IS(key, "images"))
			ret->images = v;
		else if (AIC_KEY_IS(key, "extra_content"))
			ret->extra_content = v;
		else if (AIC_KEY_IS(key, "thought_signature"))
			ret->signature = v;
	}
}

static bool says_something(const struct aic_json *doc, int string)
{
	return aic_json_is(doc, string, AIC_JSON_STRING) &&
	       aic_json_raw(doc, string).len > 2;
}

/* What a message may have besides reasoning and text. */
static int feed_rest(struct oai_decoder *d, struct oai_choice *c, const struct delta *m)
{
	int result = 0;

	if (m->tool_calls >= 0)
		result = aic_oai_calls(d, c, m->tool_calls);
	if (result == 0 && m->function_call >= 0)
		result = aic_oai_function_call(d, c, m->function_call);
	if (result == 0 && m->annotations >= 0)
		result = aic_oai_annotations(d, c, m->annotations);
	if (result == 0 && m->audio >= 0)
		result = aic_oai_audio(d, c, m->audio);
	if (result == 0 && m->images >= 0)
		result = aic_oai_images(d, c, m->images);
	return result;
}

static int feed_delta(struct oai_decoder *d, struct oai_choice *c, int value)
{
	struct delta m;
	int result = 0;

	read_delta(&d->doc, value, &m);
	/* Servers that know both names repeat the text under the second. */
	int reasoning = says_something(&d->doc, m.reasoning_content) ? m.reasoning_content
								     : m.reasoning;
	bool reasoned = says_something(&d->doc, reasoning);
	if (reasoned)
		aic_oai_text(d, c, AICHAT_PART_REASONING, reasoning);
	c->has_thought = c->has_thought || reasoned;
	if (m.details >= 0)
		result = aic_oai_details(d, c, m.details, !c->has_thought);
	if (result == 0 && m.extra_content >= 0)
		result = aic_oai_message_member(d, c, m.extra_content);
	if (result == 0 && m.signature >= 0)
		result = aic_oai_message_member(d, c, m.signature);
	if (result == 0 && m.content >= 0)
		result = aic_oai_content(d, c, m.content);
	if (result < 0)
		return result;
	if (m.refusal >= 0)
		aic_oai_text(d, c, AICHAT_PART_REFUSAL, m.refusal);
	return feed_rest(d, c, &m);
}

/* --- the end of an answer --- */

static enum aichat_stop_reason stop_reason(const struct oai_choice *c)
{
	static const struct {
		const char *word;
		enum aichat_stop_reason reason;
	} words[] = {
		{ "stop", AICHAT_STOP_STOP },
		{ "length", AICHAT_STOP_LENGTH },
		{ "model_length", AICHAT_STOP_CONTEXT_WINDOW }, /* Mistral */
		{ "tool_calls", AICHAT_STOP_TOOL_CALLS },
		{ "function_call", AICHAT_STOP_TOOL_CALLS },
		{ "content_filter", AICHAT_STOP_CONTENT_FILTER },
	};
	const char *word = c->word ? c->word : "stop";

	if (c->call_count)
		return AICHAT_STOP_TOOL_CALLS;
	if (c->has_refusal && aic_streq(word, "stop"))
		return AICHAT_STOP_REFUSAL;
	for (size_t i = 0; i < AIC_ARRAY_LEN(words); i++)
		if (aic_streq(word, words[i].word))
			return words[i].reason;
	return AICHAT_STOP_UNKNOWN;
}

static int close_choice(struct oai_decoder *d, struct oai_choice *c, bool whole)
{
	if (c->closed)
		return 0;
	c->closed = true;
	aic_oai_end_texts(d, c);
	aic_oai_end_calls(d, c, whole);
	if (aic_oai_end_media(d, c) < 0)
		d->events->failed = true;
	if (whole) {
		struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_MESSAGE);
		event->stop_reason = stop_reason(c);
		event->stop_word = aic_str(c->word);
	}
	return 0;
}

/*
 * Closes all answers: those that finished get their message. The reply is what its first
 * answer is; others may have lost their finish_reason (litellm).
 */
static void close_all(struct oai_decoder *d)
{
	const struct oai_choice *first = NULL;

	for (size_t i = 0; i < d->choice_count; i++)
		if (!first || d->choices[i]->number < first->number)
			first = d->choices[i];
	bool failed = d->base.error;
	d->base.finished = !failed && first &&
			   (first->word || d->whole || d->final_usage);
	for (size_t i = 0; i < d->choice_count; i++)
		close_choice(d, d->choices[i],
			     !failed &&
				     (d->choices[i]->word || d->whole || d->final_usage));
	tell_usage(d);
	d->ended = true;
}

/* The provider's own error ends the reply; what came before it stays. */
static void take_failure(struct oai_decoder *d, int document)
{
	struct aic_failure failure;

	aic_failure_read(&d->doc, document, 0, &failure);
	if (!d->base.error)
		aic_failure_report(&failure, &d->base.error);
	aic_failure_done(&failure);
	d->base.finished = false;
}

static int take_finish(struct oai_decoder *d, struct oai_choice *c, int item)
{
	int reason = aic_json_get(&d->doc, item, "finish_reason");
	int error = aic_json_get_set(&d->doc, item, "error");

	if (says_something(&d->doc, reason)) {
		char *word;
		int result = aic_string_dup(&d->doc, reason, &word);
		if (result < 0)
			return aic_oai_fail(
				d, result == AICHAT_ENOMEM ? result : AICHAT_EPROTOCOL,
				"the finish_reason is no plain text");
		aic_free(c->word);
		c->word = word;
	}
	if (aic_json_is(&d->doc, error, AIC_JSON_OBJECT)) {
		take_failure(d, item);
		return 0;
	}
	bool overloaded = aic_streq(c->word, "insufficient_system_resource");
	if ((overloaded || aic_streq(c->word, "error")) && !d->base.error) {
		struct aic_error_detail detail = { 0, c->word, NULL, -1 };
		aic_error_set_detail(&d->base.error,
				     overloaded ? AICHAT_EOVERLOADED : AICHAT_EPROVIDER,
				     &detail, "the provider ended the reply with \"%s\"",
				     c->word);
	}
	return 0;
}

/* --- documents --- */

struct document {
	int choices, usage, error, model, id, object, x_groq;
};

static void read_document(const struct aic_json *doc, int value, struct document *ret)
{
	memset(ret, 0xff, sizeof(*ret)); /* AIC_JSON_NONE everywhere */
	for (int v = aic_json_first(doc, value); v >= 0;
	     v = aic_json_next(doc, value, v)) {
		struct aic_str key = aic_member_key(doc, v);
		if (AIC_KEY_IS(key, "choices"))
			ret->choices = v;
		else if (AIC_KEY_IS(key, "usage"))
			ret->usage = v;
		else if (AIC_KEY_IS(key, "error"))
			ret->error = v;
		else if (AIC_KEY_IS(key, "model"))
			ret->model = v;
		else if (AIC_KEY_IS(key, "id"))
			ret->id = v;
		else if (AIC_KEY_IS(key, "object"))
			ret->object = v;
		else if (AIC_KEY_IS(key, "x_groq"))
			ret->x_groq = v;
	}
}

static bool is_true(const struct aic_json *doc, int value)
{
	switch (aic_json_type(doc, value)) {
	case AIC_JSON_OBJECT:
	case AIC_JSON_ARRAY:
		return aic_json_count(doc, value) > 0;
	case AIC_JSON_STRING:
		return aic_json_raw(doc, value).len > 2;
	case AIC_JSON_TRUE:
		return true;
	default:
		return false;
	}
}

static bool is_error(const struct aic_json *doc, int value, const struct document *m)
{
	if (is_true(doc, m->error) || aic_json_equals(doc, m->object, "error"))
		return true;
	/* Frameworks answer {"detail":"..."} or {"message":"..."} and nothing else. */
	return m->choices < 0 && m->usage < 0 && m->id < 0 &&
	       (aic_json_get_set(doc, value, "detail") >= 0 ||
		says_something(doc, aic_json_get(doc, value, "message")));
}

static int set_once(struct oai_decoder *d, char **to, int value)
{
	if (AIC_LIKELY(*to != NULL) || !says_something(&d->doc, value))
		return 0;
	if (aic_string_dup(&d->doc, value, to) == AICHAT_ENOMEM)
		return aic_oai_fail(d, AICHAT_ENOMEM, "a name");
	return 0; /* one that is no plain text is none */
}

/* delta in a stream; message where a server put the whole reply into its stream */
static int delta_of(struct oai_decoder *d, const struct oai_choice *c, int item)
{
	int delta = aic_json_get(&d->doc, item, d->whole ? "message" : "delta");

	if (delta < 0 && !d->whole && c->parts == 0)
		delta = aic_json_get(&d->doc, item, "message");
	return delta;
}

static int feed_choices(struct oai_decoder *d, int choices)
{
	const struct aic_json *doc = &d->doc;
	uint32_t position = 0;

	for (int v = aic_json_first(doc, choices); v >= 0;
	     v = aic_json_next(doc, choices, v)) {
		if (!aic_json_is(doc, v, AIC_JSON_OBJECT))
			continue;
		struct oai_choice *c = find_choice(d, v, position++);
		if (!c)
			return aichat_error_code(d->base.error);
		int delta = delta_of(d, c, v);
		/* Azure leaves the message out when its filter took all of it. */
		bool empty = d->whole && !aic_json_is(doc, delta, AIC_JSON_OBJECT) &&
			     !says_something(doc,
					     aic_json_get(doc, v, "finish_reason")) &&
			     aic_json_get_set(doc, v, "error") < 0;
		if (empty && !d->base.error)
			return aic_oai_fail(d, AICHAT_EPROTOCOL,
					    "choices[%u].message is %s",
					    (unsigned)position - 1,
					    delta < 0 ? "missing" : "no object");
		int result = aic_json_is(doc, delta, AIC_JSON_OBJECT)
				     ? feed_delta(d, c, delta)
				     : 0;
		if (result == 0)
			result = take_finish(d, c, v);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Memory that ran out on the way shows only here. */
static int settle(struct oai_decoder *d, int result)
{
	if (result >= 0 && (d->events->failed || d->arena.failed || d->scratch.error))
		result = aic_oai_fail(d,
				      d->scratch.error ? d->scratch.error : AICHAT_ENOMEM,
				      "a text of the reply is too large");
	return result;
}

static int feed_document(struct oai_decoder *d, int value, const struct document *m,
			 bool named_error)
{
	int result = set_once(d, &d->base.model, m->model);
	if (result == 0)
		result = set_once(d, &d->base.response_id, m->id);
	/* Before the choices: what their finish_reason says of it is less. */
	if (result == 0 && (named_error || is_error(&d->doc, value, m)))
		take_failure(d, value);
	if (result == 0)
		result = feed_choices(d, m->choices);
	if (result < 0)
		return result;
	bool has_usage = aic_json_is(&d->doc, m->usage, AIC_JSON_OBJECT);
	if (has_usage)
		aic_oai_read_usage(d, m->usage);
	else if (m->x_groq >= 0)
		aic_oai_read_usage(d, aic_json_get(&d->doc, m->x_groq, "usage"));
	if (has_usage && aic_json_is(&d->doc, m->choices, AIC_JSON_ARRAY) &&
	    aic_json_count(&d->doc, m->choices) == 0)
		d->final_usage = aic_usage_is_set(&d->usage);
	return 0;
}

static int scan(struct oai_decoder *d, struct aic_str data, const char *what)
{
	int result = aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire);

	if (result == 0)
		return 0;
	d->ended = true;
	d->base.finished = false;
	/* To the caller it is one thing: the provider does not keep to the protocol. */
	if (result == AICHAT_EJSON || result == AICHAT_EUTF8)
		result = AICHAT_EPROTOCOL;
	return d->base.error ? result
			     : aic_json_scan_error(&d->doc, result, what, &d->base.error);
}

static struct aic_str trim(struct aic_str text)
{
	while (text.len && (unsigned char)text.data[0] <= ' ') {
		text.data++;
		text.len--;
	}
	while (text.len && (unsigned char)text.data[text.len - 1] <= ' ')
		text.len--;
	return text;
}

static void begin_call(struct oai_decoder *d, struct aic_events *events)
{
	d->events = events;
	aic_arena_reset(&d->arena);
	aic_buf_reset(&d->scratch);
}

static int decode_event(struct aic_decoder *base, struct aic_str name,
			struct aic_str data, struct aic_events *events)
{
	struct oai_decoder *d = (struct oai_decoder *)base;
	bool named_error = aic_str_is(name, "error");
	struct document m;

	begin_call(d, events);
	data = trim(data);
	if (d->ended)
		return AIC_DECODED_END;
	if (data.len >= 6 && memcmp(data.data, "[DONE]", 6) == 0) {
		close_all(d);
		int result = settle(d, 0);
		return result < 0 ? result : AIC_DECODED_END;
	}
	if (!data.len)
		return AIC_DECODED_NOTHING;
	if (named_error && data.data[0] != '{' && data.data[0] != '[') {
		struct aic_failure failure;
		aic_failure_decode(0, data, &failure);
		aic_failure_report(&failure, &d->base.error);
		aic_failure_done(&failure);
		close_all(d);
		return AIC_DECODED_END;
	}
	int result = scan(d, data, "the reply");
	if (result < 0)
		return result;
	int root = aic_unwrap(&d->doc, 0);
	if (!aic_json_is(&d->doc, root, AIC_JSON_OBJECT))
		return AIC_DECODED_NOTHING;
	read_document(&d->doc, root, &m);
	result = settle(d, feed_document(d, root, &m, named_error));
	if (result < 0)
		return result;
	if (d->base.error) {
		close_all(d);
		result = settle(d, 0);
		return result < 0 ? result : AIC_DECODED_END;
	}
	if (d->final_usage)
		tell_usage(d);
	d->base.finished = d->choice_count && d->choices[0]->word;
	return aic_json_count(&d->doc, m.choices) || m.usage >= 0 ? AIC_DECODED_PROGRESS
								  : AIC_DECODED_NOTHING;
}

static int no_choices(struct oai_decoder *d, const struct document *m)
{
	const char *why = m->choices < 0                                    ? "is missing"
			  : aic_json_is(&d->doc, m->choices, AIC_JSON_NULL) ? "is null"
			  : aic_json_is(&d->doc, m->choices, AIC_JSON_ARRAY)
				  ? "is empty"
				  : "is no array";

	return aic_oai_fail(d, AICHAT_EPROTOCOL,
			    "the reply is no chat completion: choices %s", why);
}

static int decode_reply(struct aic_decoder *base, struct aic_str body,
			struct aic_events *events)
{
	struct oai_decoder *d = (struct oai_decoder *)base;
	struct document m;

	begin_call(d, events);
	d->whole = true;
	int result = scan(d, trim(body), "the reply");
	if (result < 0)
		return result;
	int root = aic_unwrap(&d->doc, 0);
	if (!aic_json_is(&d->doc, root, AIC_JSON_OBJECT))
		return aic_oai_fail(d, AICHAT_EPROTOCOL, "the reply is no JSON object");
	read_document(&d->doc, root, &m);
	bool answered = aic_json_is(&d->doc, m.choices, AIC_JSON_ARRAY) &&
			aic_json_count(&d->doc, m.choices) > 0;
	result = feed_document(d, root, &m, false);
	if (result == 0 && !answered && !d->base.error)
		result = no_choices(d, &m);
	if (result == 0 && !d->base.error && !d->choice_count)
		result = aic_oai_fail(d, AICHAT_EPROTOCOL, "choices[0] is no object");
	if (result < 0)
		return result;
	close_all(d);
	result = settle(d, 0);
	return result < 0 ? result : AIC_DECODED_END;
}

static int decode_end(struct aic_decoder *base, struct aic_events *events)
{
	struct oai_decoder *d = (struct oai_decoder *)base;

	begin_call(d, events);
	/* Without [DONE] the accounting proves nothing: who cut it there? */
	if (!d->ended)
		d->final_usage = false;
	close_all(d);
	return settle(d, 0);
}

const struct aic_dialect aic_dialect_openai_chat = {
	.name = "openai-chat",
	.path = "/chat/completions",
	.stream_end = "data: [DONE]\n\n",
	.encode_request = aic_oai_encode_request,
	.decode_request = aic_oai_decode_request,
	.decoder_new = decoder_new,
	.decoder_free = decoder_free,
	.decode_event = decode_event,
	.decode_reply = decode_reply,
	.decode_end = decode_end,
	.encoder_new = aic_oai_encoder_new,
	.encoder_free = aic_oai_encoder_free,
	.encode_event = aic_oai_encode_event,
	.encode_reply = aic_oai_encode_reply,
	.decode_error = aic_failure_decode,
	.encode_error = aic_oai_encode_error,
};
