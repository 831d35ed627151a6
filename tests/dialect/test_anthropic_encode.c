/*
 * The Messages dialect's encoder: streams and whole replies for a caller, errors; and
 * what the decoder makes of them again.
 */

#include "anthropic_support.h"
#include "seeds.h"

static const struct aic_encoder_config config = { .response_id = "msg_9",
						  .model = "shown" };

/* --- events by hand --- */

struct script {
	struct aic_encoder *encoder;
	struct aic_buf out;
};

static void open_script(struct script *s)
{
	*s = (struct script){ .encoder = ANTHROPIC->encoder_new(&config) };
	ck_assert_ptr_nonnull(s->encoder);
}

static void close_script(struct script *s)
{
	ANTHROPIC->encoder_free(s->encoder);
	aic_buf_done(&s->out);
}

static void send(struct script *s, struct aichat_event event)
{
	ck_assert_int_eq(ANTHROPIC->encode_event(s->encoder, &event, &s->out), 0);
}

static void send_start(struct script *s, uint32_t index, enum aichat_part_type type)
{
	struct aichat_event event = { .type = AICHAT_EVENT_PART_START,
				      .index = index,
				      .part_type = type };

	if (type == AICHAT_PART_TOOL_CALL) {
		event.id = AIC_STR("toolu_1");
		event.name = AIC_STR("add");
	}
	send(s, event);
}

static void send_piece(struct script *s, enum aichat_event_type type, uint32_t index,
		       const char *text)
{
	send(s, (struct aichat_event){
			.type = type, .index = index, .text = aic_str(json(text)) });
}

static void send_end(struct script *s, uint32_t index, enum aichat_part_type type,
		     const char *raw)
{
	send(s, (struct aichat_event){ .type = AICHAT_EVENT_PART_END,
				       .index = index,
				       .part_type = type,
				       .raw = raw ? aic_str(json(raw))
						  : (struct aic_str){ 0 } });
}

static void send_done(struct script *s, enum aichat_stop_reason reason, const char *word)
{
	send(s, (struct aichat_event){ .type = AICHAT_EVENT_MESSAGE,
				       .stop_reason = reason,
				       .stop_word = aic_str(word) });
	send(s, (struct aichat_event){ .type = AICHAT_EVENT_DONE });
}

#define MESSAGE_START                                                                    \
	NAMED("message_start", "{'type':'message_start','message':{'id':'msg_9','type':" \
			       "'message','role':'assistant','model':'shown',"           \
			       "'content':[],'stop_reason':null,'stop_sequence':null,"   \
			       "'usage':{'input_tokens':0,'output_tokens':0}}}")
#define BLOCK_START(n, json)                                                             \
	NAMED("content_block_start",                                                     \
	      "{'type':'content_block_start','index':" #n ",'content_block':" json "}")
#define BLOCK_DELTA(n, json)                                                             \
	NAMED("content_block_delta",                                                     \
	      "{'type':'content_block_delta','index':" #n ",'delta':" json "}")
#define BLOCK_STOP(n)                                                                    \
	NAMED("content_block_stop", "{'type':'content_block_stop','index':" #n "}")
#define MESSAGE_STOP(delta, usage)                                                       \
	NAMED("message_delta",                                                           \
	      "{'type':'message_delta','delta':" delta ",'usage':" usage "}"),           \
		NAMED("message_stop", "{'type':'message_stop'}")
#define NO_USAGE "{'input_tokens':0,'output_tokens':0}"

/* These frames and no others; closes the script. */
#define ck_out(script, ...)                                                              \
	do {                                                                             \
		ck_assert_str_eq(aic_buf_str(&(script)->out).data, FRAMES(__VA_ARGS__)); \
		close_script(script);                                                    \
	} while (0)

START_TEST(text_frames)
{
	struct script s;

	open_script(&s);
	send(&s, (struct aichat_event){ .type = AICHAT_EVENT_START });
	send_start(&s, 0, AICHAT_PART_TEXT);
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "Hi\n");
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "");
	send(&s, (struct aichat_event){ .type = AICHAT_EVENT_RETRY });
	send_end(&s, 0, AICHAT_PART_TEXT, NULL);
	send(&s, (struct aichat_event){ .type = AICHAT_EVENT_USAGE,
					.usage = { 100, 60, 10, 7, 3 } });
	send_done(&s, AICHAT_STOP_LENGTH, "length");
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "after the end");
	ck_out(&s, MESSAGE_START, BLOCK_START(0, "{'type':'text','text':''}"),
	       BLOCK_DELTA(0, "{'type':'text_delta','text':'Hi\\n'}"),
	       NAMED("ping", "{'type':'ping'}"), BLOCK_STOP(0),
	       MESSAGE_STOP("{'stop_reason':'max_tokens','stop_sequence':null}",
			    "{'input_tokens':30,'cache_creation_input_tokens':10,'cache_"
			    "read_input_tokens':60,'output_tokens':7,'output_tokens_"
			    "details':{'thinking_tokens':3}}"));
}
END_TEST

/* Two calls at once: the second waits until the first has ended. */
START_TEST(interleaved_calls)
{
	struct script s;

	open_script(&s);
	send_start(&s, 0, AICHAT_PART_TOOL_CALL);
	send(&s, (struct aichat_event){ .type = AICHAT_EVENT_PART_START,
					.index = 1,
					.part_type = AICHAT_PART_TOOL_CALL });
	send_piece(&s, AICHAT_EVENT_TOOL_CALL, 1, "{'b'");
	send_piece(&s, AICHAT_EVENT_TOOL_CALL, 0, "{'a'");
	send(&s, (struct aichat_event){ .type = AICHAT_EVENT_TOOL_CALL,
					.index = 1,
					.text = AIC_STR(":2}"),
					.id = AIC_STR("toolu_2"),
					.name = AIC_STR("sub") });
	send_end(&s, 1, AICHAT_PART_TOOL_CALL, NULL);
	send_piece(&s, AICHAT_EVENT_TOOL_CALL, 0, ":1}");
	send_done(&s, AICHAT_STOP_TOOL_CALLS, "stop");
	ck_out(&s, MESSAGE_START,
	       BLOCK_START(0,
			   "{'type':'tool_use','id':'toolu_1','name':'add','input':{}}"),
	       BLOCK_DELTA(0, "{'type':'input_json_delta','partial_json':'{\\'a\\''}"),
	       BLOCK_DELTA(0, "{'type':'input_json_delta','partial_json':':1}'}"),
	       BLOCK_STOP(0),
	       BLOCK_START(1,
			   "{'type':'tool_use','id':'toolu_2','name':'sub','input':{}}"),
	       BLOCK_DELTA(1, "{'type':'input_json_delta','partial_json':'{\\'b\\':2}'}"),
	       BLOCK_STOP(1),
	       MESSAGE_STOP("{'stop_reason':'tool_use','stop_sequence':null}", NO_USAGE));
}
END_TEST

START_TEST(raw_frames)
{
	struct script s;

	open_script(&s);
	send_start(&s, 0, AICHAT_PART_REASONING);
	send_piece(&s, AICHAT_EVENT_REASONING, 0, "Hm");
	send_end(&s, 0, AICHAT_PART_REASONING,
		 "{'type':'thinking','thinking':'Hm','signature':'A\\/='}");
	send_start(&s, 1, AICHAT_PART_REASONING);
	send_end(&s, 1, AICHAT_PART_REASONING,
		 "{'type':'redacted_thinking',\n'data':'\\u0041'}");
	send_start(&s, 2, AICHAT_PART_REASONING); /* of somebody else, without a text */
	send_end(&s, 2, AICHAT_PART_REASONING, "{'encrypted_content':'x'}");
	send_start(&s, 3, AICHAT_PART_TEXT);
	send_piece(&s, AICHAT_EVENT_TEXT, 3, "T");
	send_end(&s, 3, AICHAT_PART_TEXT,
		 "{'type':'text','text':'T','citations':[{'n':1.0}]}");
	send_start(&s, 4, AICHAT_PART_UNKNOWN);
	send_end(&s, 4, AICHAT_PART_UNKNOWN, "{'type':'mystery','v':[ 1]}");
	send_start(&s, 5, AICHAT_PART_UNKNOWN);
	send_end(&s, 5, AICHAT_PART_UNKNOWN, "['no block']");
	send_done(&s, AICHAT_STOP_STOP, "stop");
	ck_out(&s, MESSAGE_START,
	       BLOCK_START(0, "{'type':'thinking','thinking':'','signature':''}"),
	       BLOCK_DELTA(0, "{'type':'thinking_delta','thinking':'Hm'}"),
	       BLOCK_DELTA(0, "{'type':'signature_delta','signature':'A\\/='}"),
	       BLOCK_STOP(0),
	       BLOCK_START(1, "{'type':'redacted_thinking', 'data':'\\u0041'}"),
	       BLOCK_STOP(1), BLOCK_START(2, "{'type':'text','text':''}"),
	       BLOCK_DELTA(2, "{'type':'text_delta','text':'T'}"),
	       BLOCK_DELTA(2, "{'type':'citations_delta','citation':{'n':1.0}}"),
	       BLOCK_STOP(2), BLOCK_START(3, "{'type':'mystery','v':[ 1]}"),
	       BLOCK_STOP(3),
	       MESSAGE_STOP("{'stop_reason':'end_turn','stop_sequence':null}", NO_USAGE));
}
END_TEST

START_TEST(refusal_frames)
{
	struct script s;

	open_script(&s);
	send_start(&s, 0, AICHAT_PART_REFUSAL);
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "I can");
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "not.");
	send_end(&s, 0, AICHAT_PART_REFUSAL, NULL);
	send_done(&s, AICHAT_STOP_CONTENT_FILTER, "content_filter");
	ck_out(&s, MESSAGE_START, BLOCK_START(0, "{'type':'text','text':''}"),
	       BLOCK_DELTA(0, "{'type':'text_delta','text':'I cannot.'}"), BLOCK_STOP(0),
	       MESSAGE_STOP("{'stop_reason':'refusal','stop_sequence':null,'stop_details'"
			    ":{'type':'refusal','category':null,'explanation':null}}",
			    NO_USAGE));
	open_script(&s);
	send_start(&s, 0, AICHAT_PART_REFUSAL);
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "Why");
	send_end(&s, 0, AICHAT_PART_REFUSAL,
		 "{'type':'refusal','category':'x','explanation':'Why'}");
	send_done(&s, AICHAT_STOP_REFUSAL, "refusal");
	ck_out(&s, MESSAGE_START,
	       MESSAGE_STOP("{'stop_reason':'refusal','stop_sequence':null,'stop_details'"
			    ":{'type':'refusal','category':'x','explanation':'Why'}}",
			    NO_USAGE));
}
END_TEST

START_TEST(error_frame)
{
	struct aichat_event event = { .type = AICHAT_EVENT_ERROR };
	struct script s;

	aic_error_set(&event.error, AICHAT_EOVERLOADED, "busy");
	open_script(&s);
	send_start(&s, 0, AICHAT_PART_TEXT);
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "Par");
	send(&s, event);
	send_done(&s, AICHAT_STOP_STOP, "stop"); /* no end follows an error */
	ck_out(&s, MESSAGE_START, BLOCK_START(0, "{'type':'text','text':''}"),
	       BLOCK_DELTA(0, "{'type':'text_delta','text':'Par'}"),
	       NAMED("error", "{'type':'error','error':{'type':'overloaded_error','"
			      "message':'busy'}}"));
	aichat_error_unref(event.error);
}
END_TEST

/* A caller that fell behind gets what it lacks, and what follows. */
START_TEST(snapshot_adds_the_rest)
{
	struct aichat_message *message = aic_message_new(AICHAT_ROLE_ASSISTANT);
	struct script s;

	ck_assert_int_eq(aic_message_add_text(message, AIC_STR("Hello, world")), 0);
	struct aichat_part *call = aic_message_add_part(message, AICHAT_PART_TOOL_CALL);
	call->id = aic_strdup("toolu_1");
	call->name = aic_strdup("add");
	set_json(&call->text, "{'a'");
	open_script(&s);
	send_start(&s, 0, AICHAT_PART_TEXT);
	send_piece(&s, AICHAT_EVENT_TEXT, 0, "Hello");
	send(&s,
	     (struct aichat_event){ .type = AICHAT_EVENT_SNAPSHOT, .message = message });
	send_piece(&s, AICHAT_EVENT_TOOL_CALL, 1, ":1}");
	send_end(&s, 1, AICHAT_PART_TOOL_CALL, NULL);
	send_done(&s, AICHAT_STOP_TOOL_CALLS, "tool_use");
	ck_out(&s, MESSAGE_START, BLOCK_START(0, "{'type':'text','text':''}"),
	       BLOCK_DELTA(0, "{'type':'text_delta','text':'Hello'}"),
	       BLOCK_DELTA(0, "{'type':'text_delta','text':', world'}"), BLOCK_STOP(0),
	       BLOCK_START(1,
			   "{'type':'tool_use','id':'toolu_1','name':'add','input':{}}"),
	       BLOCK_DELTA(1, "{'type':'input_json_delta','partial_json':'{\\'a\\''}"),
	       BLOCK_DELTA(1, "{'type':'input_json_delta','partial_json':':1}'}"),
	       BLOCK_STOP(1),
	       MESSAGE_STOP("{'stop_reason':'tool_use','stop_sequence':null}", NO_USAGE));
	aichat_message_unref(message);
}
END_TEST

/* --- whole replies --- */

static char *reply_of(const struct aichat_message *message)
{
	struct aic_buf out = aic_buf(0);

	ck_assert_int_eq(ANTHROPIC->encode_reply(&config, message, &out), 0);
	char *text = aic_buf_take(&out, NULL);
	ck_assert_ptr_nonnull(text);
	return text;
}

START_TEST(foreign_reply)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);

	m->dialect = aic_strdup("openai-chat");
	struct aichat_part *part = aic_message_add_part(m, AICHAT_PART_REASONING);
	aic_string_set(&part->text, AIC_STR("Hm"));
	set_json(&part->raw, "{'type':'thinking','signature':'forged'}");
	aic_message_add_text(m, AIC_STR("Hi"));
	aic_message_add_text(m, AIC_STR(""));
	part = aic_message_add_part(m, AICHAT_PART_TOOL_CALL);
	part->id = aic_strdup("call_1");
	part->name = aic_strdup("f");
	set_json(&part->text, " {'a' :1} ");
	part = aic_message_add_part(m, AICHAT_PART_TOOL_CALL);
	part->id = aic_strdup("call_2");
	part->name = aic_strdup("f");
	set_json(&part->text, "{'cut");
	m->stop_reason = AICHAT_STOP_TOOL_CALLS;
	m->stop_word = aic_strdup("stop");
	m->usage = (struct aic_usage){ 5, 9, -1, 2, -1 }; /* more cached than read */
	char *text = reply_of(m);
	expect(text, "id", "'msg_9'");
	expect(text, "model", "'shown'");
	expect(text, "type", "'message'");
	expect(text, "role", "'assistant'");
	expect(text, "content",
	       "[{'type':'thinking','thinking':'Hm','signature':''},{'type':'text','text'"
	       ":'Hi'},{'type':'tool_use','id':'call_1','name':'f','input':{'a' "
	       ":1}},{'type':'tool_use','id':'call_2','name':'f','input':{}}]");
	expect(text, "stop_reason", "'tool_use'");
	expect(text, "stop_sequence", "null");
	expect(text, "usage",
	       "{'input_tokens':0,'cache_read_input_tokens':9,'output_tokens':2}");
	aic_free(text);
	aichat_message_unref(m);
}
END_TEST

START_TEST(errors_there_and_back)
{
	static const struct {
		int code, status;
		const char *type;
		int again;
	} cases[] = {
		{ AICHAT_EREQUEST, 400, "invalid_request_error", AICHAT_EREQUEST },
		{ AICHAT_EINVAL, 400, "invalid_request_error", AICHAT_EREQUEST },
		{ AICHAT_EQUOTA, 402, "billing_error", AICHAT_EQUOTA },
		{ AICHAT_EMODEL, 404, "not_found_error", AICHAT_EREQUEST },
		{ AICHAT_ESTATE, 409, "conflict_error", AICHAT_EREQUEST },
		{ AICHAT_ETOOLARGE, 413, "request_too_large", AICHAT_EREQUEST },
		{ AICHAT_ERATELIMIT, 429, "rate_limit_error", AICHAT_ERATELIMIT },
		{ AICHAT_EINTERNAL, 500, "api_error", AICHAT_EPROVIDER },
		{ AICHAT_ENETWORK, 502, "api_error", AICHAT_EPROVIDER },
		{ AICHAT_ETIMEOUT, 504, "timeout_error", AICHAT_ETIMEOUT },
		{ AICHAT_EOVERLOADED, 529, "overloaded_error", AICHAT_EOVERLOADED },
	};
	struct aic_error_detail detail = { .provider_code = "why_so",
					   .request_id = "req_1",
					   .retry_after_ms = -1 };
	struct aic_failure failure = { 0 };
	struct aic_buf out = aic_buf(0);
	aichat_error *error = NULL;
	char type[64];

	aic_error_set_detail(&error, cases[_i].code, &detail, "it failed");
	ck_assert_int_eq(ANTHROPIC->encode_error(error, &out), cases[_i].status);
	snprintf(type, sizeof(type), "'%s'", cases[_i].type);
	expect(out.data, "type", "'error'");
	expect(out.data, "error.type", type);
	expect(out.data, "error.message", "'it failed'");
	expect(out.data, "error.details.error_code", "'why_so'");
	expect(out.data, "request_id", "'req_1'");
	ANTHROPIC->decode_error(cases[_i].status, aic_buf_str(&out), &failure);
	ck_assert_int_eq(failure.code, cases[_i].again);
	ck_assert_str_eq(failure.message, "it failed");
	aic_failure_done(&failure);
	aic_buf_done(&out);
	aichat_error_unref(error);
}
END_TEST

/* --- properties --- */

/* A block with the part's text in it, and whatever follows that. */
static void set_block(struct aichat_part *part, const char *before, const char *after)
{
	struct aic_buf raw = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&raw);

	aic_buf_puts(&raw, json(before));
	aic_json_put_str(&w, aic_string_str(&part->text));
	aic_buf_puts(&raw, json(after));
	ck_assert_int_eq(aic_string_set(&part->raw, aic_buf_str(&raw)), 0);
	aic_buf_done(&raw);
}

static void add_sayable(struct dice *d, struct aichat_message *m)
{
	static const enum aichat_part_type types[] = {
		AICHAT_PART_TEXT,      AICHAT_PART_TEXT,      AICHAT_PART_REASONING,
		AICHAT_PART_REASONING, AICHAT_PART_TOOL_CALL, AICHAT_PART_UNKNOWN,
	};
	unsigned kind = roll(d, AIC_ARRAY_LEN(types));
	struct aichat_part *part = aic_message_add_part(m, types[kind]);

	if (kind < 3) {
		random_string(d, &part->text);
		aic_string_append(&part->text,
				  AIC_STR(".")); /* empty ones are left out */
	}
	if (kind == 1)
		set_block(part, "{'type':'text','text':",
			  ",'citations':[{'cited':'\\u0041', 'n':1e1}]}");
	if (kind == 2)
		set_block(part, "{'type':'thinking','thinking':",
			  ",'signature':'A\\/\\u003d'}");
	if (kind == 3)
		set_json(&part->raw, "{'type':'redacted_thinking',  'data':'\\u0042'}");
	if (kind == 4) {
		part->id = random_word(d);
		part->name = random_word(d);
		set_json(&part->text, flip(d) ? "{}" : "{'a': [1.0]}");
	}
	if (kind == 5)
		set_json(&part->raw, "{'type':'later', 'v':-0.0}");
}

/* A reply that this protocol can say, as its decoder would have built it. */
static struct aichat_message *sayable(uint64_t seed)
{
	static const struct {
		enum aichat_stop_reason reason;
		const char *word;
	} stops[] = {
		{ AICHAT_STOP_STOP, "end_turn" },
		{ AICHAT_STOP_LENGTH, "max_tokens" },
		{ AICHAT_STOP_SEQUENCE, "stop_sequence" },
		{ AICHAT_STOP_PAUSE, "pause_turn" },
		{ AICHAT_STOP_PAUSE, "compaction" },
		{ AICHAT_STOP_CONTEXT_WINDOW, "model_context_window_exceeded" },
		{ AICHAT_STOP_TOOL_CALLS, "tool_use" },
	};
	struct dice d = dice(seed);
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);

	m->dialect = aic_strdup("anthropic-messages");
	for (unsigned n = roll(&d, 6); n > 0; n--)
		add_sayable(&d, m);
	/* Of the words that go with calls, one. */
	unsigned stop = aic_message_has(m, AICHAT_PART_TOOL_CALL)
				? (unsigned)AIC_ARRAY_LEN(stops) - 1 - roll(&d, 2)
				: roll(&d, AIC_ARRAY_LEN(stops) - 1);
	m->stop_reason = stops[stop].reason;
	m->stop_word = aic_strdup(stops[stop].word);
	if (m->stop_reason == AICHAT_STOP_SEQUENCE)
		m->stop_sequence = random_word(&d);
	int64_t cached = (int64_t)roll(&d, 100) - 1, written = (int64_t)roll(&d, 100) - 1;
	m->usage = (struct aic_usage){ roll(&d, 1000) + (cached > 0 ? cached : 0) +
					       (written > 0 ? written : 0),
				       cached, written, roll(&d, 1000),
				       (int64_t)roll(&d, 100) - 1 };
	aic_builder_seal(m, AICHAT_MESSAGE_SEALED);
	return m;
}

static void ck_same(struct aichat_message *m, struct outcome *o, uint64_t seed)
{
	ck_assert_int_eq(o->code, 0);
	ck_assert(o->finished);
	o->message->dialect = aic_strdup("anthropic-messages");
	char *a = message_text(m, true), *b = message_text(o->message, true);
	ck_assert_msg(same_message(m, o->message), "seed %u:\n%s\n%s", (unsigned)seed, a,
		      b);
	aic_free(a);
	aic_free(b);
}

START_TEST(replies_there_and_back)
{
	for (uint64_t seed = 1; seed <= seeds(1000); seed++) {
		struct aichat_message *m = sayable(seed);
		char *text = reply_of(m);
		struct outcome o = read_reply(text);
		ck_same(m, &o, seed);
		ck_assert_str_eq(o.response_id, "msg_9");
		ck_assert_str_eq(o.model, "shown");
		outcome_done(&o);
		aic_free(text);
		aichat_message_unref(m);
	}
}
END_TEST

static int encode_message(const struct aichat_message *m, struct aic_buf *out)
{
	struct aichat_event done = { .type = AICHAT_EVENT_DONE };
	struct aic_encoder *encoder = ANTHROPIC->encoder_new(&config);
	struct aic_events events = { 0 };
	int code = encoder ? aic_builder_events(m, &events) : AICHAT_ENOMEM;

	for (size_t i = 0; i < events.count && code == 0; i++)
		code = ANTHROPIC->encode_event(encoder, &events.items[i], out);
	if (code == 0)
		code = ANTHROPIC->encode_event(encoder, &done, out);
	if (encoder)
		ANTHROPIC->encoder_free(encoder);
	aic_events_done(&events);
	return code;
}

START_TEST(streams_there_and_back)
{
	for (uint64_t seed = 1; seed <= seeds(1000); seed++) {
		struct aichat_message *m = sayable(seed);
		struct aic_buf out = aic_buf(0);
		ck_assert_int_eq(encode_message(m, &out), 0);
		struct outcome o = read_bytes(aic_buf_str(&out), false, 0);
		ck_same(m, &o, seed);
		outcome_done(&o);
		aic_buf_done(&out);
		aichat_message_unref(m);
	}
}
END_TEST

/* Whatever a message holds, what is written is JSON and reads as a reply. */
START_TEST(any_message)
{
	for (uint64_t seed = 1; seed <= seeds(1000); seed++) {
		struct aichat_message *m = random_message(seed);
		struct aic_buf out = aic_buf(0);
		if (seed % 2) {
			aic_free(m->dialect);
			m->dialect = aic_strdup("anthropic-messages");
		}
		char *text = reply_of(m);
		struct outcome o = read_reply(text);
		ck_assert_msg(o.finished, "seed %u: %s", (unsigned)seed, text);
		outcome_done(&o);
		aic_free(text);
		ck_assert_int_eq(encode_message(m, &out), 0);
		o = read_bytes(aic_buf_str(&out), false, 0);
		ck_assert_msg(o.finished, "seed %u: %s", (unsigned)seed, out.data);
		outcome_done(&o);
		aic_buf_done(&out);
		aichat_message_unref(m);
	}
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int encode_rich(void *data)
{
	struct aic_buf out = aic_buf(0), whole = aic_buf(0);
	int code = encode_message(data, &out);

	if (code == 0)
		code = ANTHROPIC->encode_reply(&config, data, &whole);
	aic_buf_done(&out);
	aic_buf_done(&whole);
	return code;
}

START_TEST(without_memory)
{
	struct aichat_message *m = sayable(7);

	for (uint64_t seed = 8; m->part_count < 5; seed++) {
		aichat_message_unref(m);
		m = sayable(seed);
	}
	walk_failures(encode_rich, m);
	aichat_message_unref(m);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("anthropic_encode");
	TCase *tc = tcase_create("encode");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, text_frames);
	tcase_add_test(tc, interleaved_calls);
	tcase_add_test(tc, raw_frames);
	tcase_add_test(tc, refusal_frames);
	tcase_add_test(tc, error_frame);
	tcase_add_test(tc, snapshot_adds_the_rest);
	tcase_add_test(tc, foreign_reply);
	tcase_add_loop_test(tc, errors_there_and_back, 0, 11);
	tcase_add_test(tc, replies_there_and_back);
	tcase_add_test(tc, streams_there_and_back);
	tcase_add_test(tc, any_message);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tc, without_memory);
#endif
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
