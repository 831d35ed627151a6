/*
 * Reading replies of the Messages protocol: its stream events and its whole messages.
 *
 * A stream is message_start, blocks (start, deltas, stop), message_delta with the stop
 * reason and cumulative usage, and message_stop, which alone says that the reply is
 * whole: in all recorded traffic it comes, or an error does. Unknown events, deltas and
 * blocks are normal. An error may come at any place and ends the stream.
 */

#include "base/mem.h"
#include "dialect/anthropic_decode.h"

struct aic_decoder *aic_anthropic_decoder_new(const struct aic_profile *profile)
{
	struct aic_anthropic_decoder *d = aic_new(struct aic_anthropic_decoder);

	if (!d)
		return NULL;
	d->base.dialect = &aic_dialect_anthropic_messages;
	if (profile)
		d->base.profile = *profile;
	d->figures = (struct aic_figures){ -1, -1, -1, -1, -1 };
	return &d->base;
}

void aic_anthropic_decoder_free(struct aic_decoder *decoder)
{
	struct aic_anthropic_decoder *d = (struct aic_anthropic_decoder *)decoder;

	if (!d)
		return;
	for (size_t i = 0; i < d->block_count; i++)
		aic_block_done(&d->blocks[i]);
	aic_free(d->blocks);
	aic_json_done(&d->doc);
	aic_json_done(&d->side);
	aic_arena_done(&d->arena);
	aic_buf_done(&d->work);
	aic_buf_done(&d->stop_word);
	aic_buf_done(&d->stop_sequence);
	aic_buf_done(&d->refusal);
	aic_free(d->base.model);
	aic_free(d->base.response_id);
	aichat_error_unref(d->base.error);
	aic_free(d);
}

/* The text into a buffer that outlives the call. */
static int store(struct aic_buf *to, const struct aic_json *doc, int string)
{
	aic_buf_reset(to);
	aic_json_text(doc, string, to);
	return to->error;
}

static int store_name(char **to, const struct aic_json *doc, int string)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(4096);

	if (*to || !aic_json_is(doc, string, AIC_JSON_STRING))
		return 0;
	if (aic_json_text(doc, string, &text) < 0)
		return text.error == AICHAT_ENOMEM ? AICHAT_ENOMEM : 0;
	*to = aic_buf_take(&text, NULL);
	return *to ? 0 : AICHAT_ENOMEM;
}

/* --- usage and the end --- */

static void overwrite(const struct aic_json *doc, int value, int64_t *figure)
{
	int64_t count = aic_count_read(doc, value);

	if (count >= 0)
		*figure = count;
}

static int64_t add_up(int64_t sum, int64_t figure)
{
	return figure > 0 && sum <= INT64_MAX - figure ? sum + figure : sum;
}

/* Figures are cumulative: each that is there replaces the one before. */
static void read_usage(struct aic_anthropic_decoder *d, int usage,
		       struct aic_events *events)
{
	struct aic_figures *f = &d->figures;
	const struct aic_json *doc = &d->doc;

	if (!aic_json_is(doc, usage, AIC_JSON_OBJECT))
		return;
	overwrite(doc, aic_json_get(doc, usage, "input_tokens"), &f->input);
	overwrite(doc, aic_json_get(doc, usage, "cache_creation_input_tokens"),
		  &f->written);
	overwrite(doc, aic_json_get(doc, usage, "cache_read_input_tokens"), &f->cached);
	overwrite(doc, aic_json_get(doc, usage, "output_tokens"), &f->output);
	overwrite(doc,
		  aic_json_get(doc, aic_json_get(doc, usage, "output_tokens_details"),
			       "thinking_tokens"),
		  &f->thinking);
	struct aic_usage sum = {
		.input = f->input < 0 ? -1
				      : add_up(add_up(f->input, f->written), f->cached),
		.cached = f->cached,
		.cache_write = f->written,
		.output = f->output,
		.reasoning = f->thinking,
	};
	if (sum.input >= 0 || sum.cached >= 0 || sum.cache_write >= 0 ||
	    sum.output >= 0 || sum.reasoning >= 0)
		aic_events_add(events, AICHAT_EVENT_USAGE)->usage = sum;
}

/* The members of message_delta's delta, or of a whole message. */
static int read_stop(struct aic_anthropic_decoder *d, int from)
{
	const struct aic_json *doc = &d->doc;
	int word = aic_json_get_set(doc, from, "stop_reason");
	int sequence = aic_json_get_set(doc, from, "stop_sequence");
	int details = aic_json_get_set(doc, from, "stop_details");
	int code = 0;

	if (word >= 0)
		code = store(&d->stop_word, doc, word);
	if (code == 0 && sequence >= 0)
		code = store(&d->stop_sequence, doc, sequence);
	if (code == 0 &&
	    aic_json_equals(doc, aic_json_get(doc, details, "type"), "refusal")) {
		struct aic_str raw = aic_json_raw(doc, details);
		aic_buf_reset(&d->refusal);
		code = aic_buf_append(&d->refusal, raw.data, raw.len);
	}
	return code;
}

static int finish(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	int code = aic_anthropic_close(d, events);

	if (code < 0)
		return code;
	d->stopped = true;
	d->base.finished = d->base.error == NULL;
	struct aichat_event *event = aic_events_add(events, AICHAT_EVENT_MESSAGE);
	event->stop_reason = aic_anthropic_stop(aic_buf_str(&d->stop_word));
	if (d->stop_word.len)
		event->stop_word = aic_buf_str(&d->stop_word);
	if (d->stop_sequence.len)
		event->stop_sequence = aic_buf_str(&d->stop_sequence);
	return AIC_DECODED_END;
}

/* --- the calls --- */

/* A failure of the decoder itself; memory that is out needs no words. */
static int fail(struct aic_anthropic_decoder *d, int code, const char *why)
{
	d->base.finished = false;
	if (!d->base.error && code != AICHAT_ENOMEM)
		aic_error_set(&d->base.error, code, "%s", why);
	return code;
}

/* What the provider reports; doc is what it said, or text that is no JSON. */
static int provider_error(struct aic_anthropic_decoder *d, bool is_json,
			  struct aic_str data)
{
	struct aic_failure failure = { .code = AICHAT_EPROVIDER };

	d->base.finished = false;
	d->stopped = true;
	if (d->base.error)
		return AIC_DECODED_END;
	if (is_json)
		aic_failure_read(&d->doc, 0, 0, &failure);
	if (!failure.message)
		failure.message = aic_excerpt(data, 300);
	aic_failure_report(&failure, &d->base.error);
	aic_failure_done(&failure);
	return AIC_DECODED_END;
}

static int scan(struct aic_anthropic_decoder *d, struct aic_str data, const char *what)
{
	int code = aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire);

	if (code >= 0 || code == AICHAT_ENOMEM)
		return code;
	/* Bad JSON of a provider is not the caller's bad JSON. */
	if (code == AICHAT_EJSON || code == AICHAT_EUTF8)
		code = AICHAT_EPROTOCOL;
	d->base.finished = false;
	if (!d->base.error)
		aic_json_scan_error(&d->doc, code, what, &d->base.error);
	return code;
}

static int result(struct aic_anthropic_decoder *d, const struct aic_events *events,
		  int code)
{
	if (events->failed || d->arena.failed)
		code = AICHAT_ENOMEM;
	if (code >= 0)
		return code;
	return fail(d, code,
		    code == AICHAT_ETOOLARGE ? "the reply is larger than the limit"
					     : "the provider's event makes no sense");
}

static int message_start(struct aic_anthropic_decoder *d, struct aic_events *events)
{
	int message = aic_json_get(&d->doc, 0, "message");
	int code = 0;

	if (d->begun)
		return AIC_DECODED_NOTHING;
	d->begun = true;
	if (store_name(&d->base.model, &d->doc, aic_json_get(&d->doc, message, "model")) <
		    0 ||
	    store_name(&d->base.response_id, &d->doc,
		       aic_json_get(&d->doc, message, "id")) < 0)
		return AICHAT_ENOMEM;
	int content = aic_json_get(&d->doc, message, "content");
	if (aic_json_is(&d->doc, content, AIC_JSON_ARRAY))
		for (int v = aic_json_first(&d->doc, content); v >= 0 && code == 0;
		     v = aic_json_next(&d->doc, content, v))
			code = aic_anthropic_whole_block(d, v, events);
	read_usage(d, aic_json_get(&d->doc, message, "usage"), events);
	return code < 0 ? code : AIC_DECODED_PROGRESS;
}

static int dispatch(struct aic_anthropic_decoder *d, struct aic_str type,
		    struct aic_events *events)
{
	int code;

	if (AIC_KEY_IS(type, "message_start"))
		return message_start(d, events);
	if (!d->begun)
		return AIC_DECODED_NOTHING;
	if (AIC_KEY_IS(type, "content_block_delta")) {
		code = aic_anthropic_block_delta(d, events);
	} else if (AIC_KEY_IS(type, "content_block_start")) {
		code = aic_anthropic_block_start(d, events);
	} else if (AIC_KEY_IS(type, "content_block_stop")) {
		code = aic_anthropic_block_stop(d, events);
	} else if (AIC_KEY_IS(type, "message_delta")) {
		code = read_stop(d, aic_json_get(&d->doc, 0, "delta"));
		read_usage(d, aic_json_get(&d->doc, 0, "usage"), events);
	} else if (AIC_KEY_IS(type, "message_stop")) {
		if (d->stop_word.len)
			return finish(d, events);
		/* Nobody said why it stopped: that is no end but a cut. */
		d->stopped = true;
		return AIC_DECODED_END;
	} else {
		return AIC_DECODED_NOTHING; /* a ping, or what we do not know yet */
	}
	return code < 0 ? code : AIC_DECODED_PROGRESS;
}

static bool is_done_marker(struct aic_str data)
{
	while (data.len && strchr(" \t", *data.data) && *data.data) {
		data.data++;
		data.len--;
	}
	return data.len >= 6 && memcmp(data.data, "[DONE]", 6) == 0;
}

/* An error, by the event's name, its type, or a member that says something. */
static bool is_error(const struct aic_json *doc, struct aic_str name, struct aic_str type)
{
	if (AIC_KEY_IS(name, "error") || AIC_KEY_IS(type, "error"))
		return true;
	if (AIC_KEY_IS(type, "content_block_delta"))
		return false;
	int error = aic_json_get_set(doc, 0, "error");
	return aic_json_count(doc, error) > 0 || aic_json_is(doc, error, AIC_JSON_TRUE) ||
	       (aic_json_is(doc, error, AIC_JSON_STRING) &&
		aic_json_raw(doc, error).len > 2);
}

int aic_anthropic_decode_event(struct aic_decoder *decoder, struct aic_str name,
			       struct aic_str data, struct aic_events *events)
{
	struct aic_anthropic_decoder *d = (struct aic_anthropic_decoder *)decoder;
	bool error_name = AIC_KEY_IS(name, "error");

	aic_arena_reset(&d->arena);
	if (aic_anthropic_is_space(data) || (!error_name && is_done_marker(data)))
		return AIC_DECODED_NOTHING;
	if (error_name && aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire) < 0)
		return provider_error(d, false, data);
	if (d->stopped && !error_name) {
		/* Nothing counts after the end but an error. */
		if (aic_json_scan(&d->doc, data.data, data.len, &aic_json_wire) < 0)
			return AIC_DECODED_NOTHING;
	} else if (!error_name) {
		int code = scan(d, data, "the provider's event");
		if (code < 0)
			return code;
	}
	if (!aic_json_is(&d->doc, 0, AIC_JSON_OBJECT) && !error_name)
		return AIC_DECODED_NOTHING;
	struct aic_str type = aic_anthropic_text(d, &d->doc,
						 aic_json_get(&d->doc, 0, "type"));
	if (!type.len)
		type = name;
	if (is_error(&d->doc, name, type))
		return result(d, events, provider_error(d, true, data));
	if (d->stopped)
		return AIC_DECODED_NOTHING;
	return result(d, events, dispatch(d, type, events));
}

int aic_anthropic_decode_reply(struct aic_decoder *decoder, struct aic_str body,
			       struct aic_events *events)
{
	struct aic_anthropic_decoder *d = (struct aic_anthropic_decoder *)decoder;
	int content, code;

	aic_arena_reset(&d->arena);
	code = scan(d, body, "the provider's reply");
	if (code < 0)
		return code;
	struct aic_str type = aic_anthropic_text(d, &d->doc,
						 aic_json_get(&d->doc, 0, "type"));
	if (is_error(&d->doc, AIC_STR(""), type))
		return provider_error(d, true, body);
	content = aic_json_get(&d->doc, 0, "content");
	if (!aic_json_is(&d->doc, content, AIC_JSON_ARRAY)) {
		/* Some errors come with 200 and a shape of their own. */
		struct aic_failure failure = { 0 };
		bool told = aic_failure_read(&d->doc, 0, 0, &failure) && failure.message;
		aic_failure_done(&failure);
		if (told)
			return provider_error(d, true, body);
		return fail(d, AICHAT_EPROTOCOL,
			    "the provider's reply is no message: it has no content");
	}
	d->begun = true;
	if (store_name(&d->base.model, &d->doc, aic_json_get(&d->doc, 0, "model")) < 0 ||
	    store_name(&d->base.response_id, &d->doc, aic_json_get(&d->doc, 0, "id")) < 0)
		return AICHAT_ENOMEM;
	for (int v = aic_json_first(&d->doc, content); v >= 0 && code >= 0;
	     v = aic_json_next(&d->doc, content, v))
		code = aic_anthropic_whole_block(d, v, events);
	read_usage(d, aic_json_get(&d->doc, 0, "usage"), events);
	if (code >= 0)
		code = read_stop(d, 0);
	return result(d, events, code < 0 ? code : finish(d, events));
}

int aic_anthropic_decode_end(struct aic_decoder *decoder, struct aic_events *events)
{
	struct aic_anthropic_decoder *d = (struct aic_anthropic_decoder *)decoder;

	aic_arena_reset(&d->arena);
	int code = aic_anthropic_close(d, events);
	return result(d, events, code < 0 ? code : AIC_DECODED_END);
}
