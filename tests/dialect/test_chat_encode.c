/*
 * Chat Completions: writing replies, as a stream and whole. What is written reads back as
 * what it was.
 */

#include "chat_support.h"
#include "net/sse.h"
#include "seeds.h"

static const struct aic_encoder_config config = { .response_id = "chatcmpl-1",
						  .model = "m",
						  .created_unix_ms = 1700000000999 };

#define HEAD                                                                             \
	"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","             \
	"\"created\":1700000000,\"model\":\"m\",\"choices\":["
#define CHUNK(delta)                                                                     \
	HEAD "{\"index\":0,\"delta\":" delta                                             \
	     ",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
#define ROLE CHUNK("{\"role\":\"assistant\",\"content\":\"\"}")
#define FINISH(word)                                                                     \
	HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"" word     \
	     "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

/* --- streams --- */

struct writing {
	struct aic_encoder *encoder;
	struct aic_buf out;
};

static struct writing write_start(const struct aic_encoder_config *how)
{
	struct writing w = { aic_dialect_openai_chat.encoder_new(how), aic_buf(0) };

	ck_assert_ptr_nonnull(w.encoder);
	return w;
}

static void put(struct writing *w, struct aichat_event event)
{
	ck_assert_int_eq(w->encoder->dialect->encode_event(w->encoder, &event, &w->out),
			 0);
}

static void expect_stream(struct writing *w, const char *want)
{
	ck_assert_str_eq(w->out.data ? w->out.data : "", want);
	w->encoder->dialect->encoder_free(w->encoder);
	aic_buf_done(&w->out);
}

#define EVENT(kind, ...)                                                                 \
	((struct aichat_event){ .type = AICHAT_EVENT_##kind, __VA_ARGS__ })

START_TEST(a_stream)
{
	struct writing w = write_start(&config);

	put(&w, EVENT(START, .model = AIC_STR("p/m")));
	put(&w, EVENT(RETRY, .attempt = 1));
	ck_assert_int_eq((int)w.out.len,
			 0); /* an early failure can still have a status */
	put(&w, EVENT(PART_START, .part_type = AICHAT_PART_REASONING));
	put(&w, EVENT(REASONING, .text = AIC_STR("hm")));
	put(&w, EVENT(PART_END, .part_type = AICHAT_PART_REASONING));
	put(&w, EVENT(PART_START, .index = 1, .part_type = AICHAT_PART_TEXT));
	put(&w, EVENT(TEXT, .index = 1, .text = AIC_STR("a\n")));
	put(&w, EVENT(PART_END, .index = 1, .part_type = AICHAT_PART_TEXT));
	put(&w, EVENT(PART_START, .index = 2, .part_type = AICHAT_PART_TOOL_CALL,
		      .id = AIC_STR("x"), .name = AIC_STR("f")));
	put(&w, EVENT(PART_START, .index = 3, .part_type = AICHAT_PART_TOOL_CALL,
		      .id = AIC_STR("y"), .name = AIC_STR("g"),
		      .raw = AIC_STR("{\"type\":\"custom\"}")));
	put(&w, EVENT(TOOL_CALL, .index = 3, .text = AIC_STR("free")));
	put(&w, EVENT(TOOL_CALL, .index = 2, .text = AIC_STR("{}"), .id = AIC_STR("x")));
	put(&w, EVENT(PART_END, .index = 2, .part_type = AICHAT_PART_TOOL_CALL,
		      .raw = AIC_STR("{\"extra_content\":{\"s\": 1},\"else\":2}")));
	put(&w, EVENT(USAGE, .usage = { 9, -1, -1, 7, -1 }));
	put(&w, EVENT(MESSAGE, .stop_reason = AICHAT_STOP_TOOL_CALLS));
	put(&w, EVENT(DONE, .state = AICHAT_REPLY_COMPLETE));
	put(&w, EVENT(TEXT, .text = AIC_STR("too late")));
	expect_stream(
		&w,
		ROLE CHUNK("{\"reasoning_content\":\"hm\"}") CHUNK(
			"{\"content\":"
			"\"a\\n\"}") CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"x\","
					   "\"type\":"
					   "\"function\","
					   "\"function\":{\"name\":\"f\",\"arguments\":"
					   "\"\"}}]}")
			CHUNK("{\"tool_calls\":[{\"index\":1,\"id\":\"y\",\"type\":"
			      "\"custom\","
			      "\"custom\":{\"name\":\"g\",\"input\":\"\"}}]}")
				CHUNK("{\"tool_calls\":[{\"index\":1,\"custom\":{"
				      "\"input\":\"free\"}}]}")
					CHUNK("{\"tool_calls\":[{\"index\":0,"
					      "\"function\":"
					      "{\"arguments\":\"{}\"}}]}")
						CHUNK("{\"tool_calls\":[{\"index\":0,"
						      "\"extra_content\":{\"s\": 1}}]}")
							FINISH("tool_calls") DONE);
}
END_TEST

START_TEST(usage_if_asked)
{
	struct aic_encoder_config asked = config;
	asked.stream_usage = true;
	struct writing w = write_start(&asked);

	put(&w, EVENT(USAGE, .usage = { 9, 4, 0, 7, 3 }));
	put(&w, EVENT(MESSAGE, .stop_reason = AICHAT_STOP_LENGTH));
	put(&w, EVENT(DONE, .state = AICHAT_REPLY_COMPLETE));
	expect_stream(
		&w, HEAD
		"{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
		"\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n" HEAD
		"{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"
		"\"length\"}],"
		"\"usage\":null}\n\n" HEAD "],\"usage\":{\"prompt_tokens\":9,"
		"\"completion_tokens\":7,\"total_tokens\":16,"
		"\"prompt_tokens_details\":{\"cached_tokens\":4,\"cache_write_tokens\":0}"
		","
		"\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n" DONE);
}
END_TEST

START_TEST(an_error_is_the_last_word)
{
	struct writing w = write_start(&config);
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;

	aic_error_set(&error, AICHAT_EOVERLOADED, "busy");
	put(&w, EVENT(TEXT, .text = AIC_STR("a")));
	put(&w, EVENT(ERROR, .error = error));
	put(&w, EVENT(DONE, .state = AICHAT_REPLY_FAILED));
	expect_stream(
		&w,
		ROLE CHUNK(
			"{\"content\":\"a\"}") "data: "
					       "{\"error\":{\"message\":\"busy\","
					       "\"type\":"
					       "\"service_unavailable_error\",\"param\":"
					       "null,"
					       "\"code\":\"server_is_overloaded\"}}\n\n");
}
END_TEST

START_TEST(refusals_and_filters)
{
	struct writing w = write_start(&config);

	put(&w, EVENT(PART_START, .part_type = AICHAT_PART_REFUSAL));
	put(&w, EVENT(TEXT, .text = AIC_STR("no")));
	put(&w, EVENT(MESSAGE, .stop_reason = AICHAT_STOP_REFUSAL));
	put(&w, EVENT(DONE, .state = AICHAT_REPLY_COMPLETE));
	expect_stream(&w, ROLE CHUNK("{\"refusal\":\"no\"}") FINISH("stop") DONE);

	/* A verdict without words. */
	w = write_start(&config);
	put(&w, EVENT(MESSAGE, .stop_reason = AICHAT_STOP_REFUSAL));
	put(&w, EVENT(DONE, .state = AICHAT_REPLY_COMPLETE));
	expect_stream(&w, ROLE FINISH("content_filter") DONE);
}
END_TEST

/* A snapshot repeats all that came; only what was not sent is sent. */
START_TEST(snapshots_add_what_is_missing)
{
	struct writing w = write_start(&config);
	AIC_CLEANUP(aichat_message_unrefp)
	aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);

	ck_assert_int_eq(aic_message_add_text(m, AIC_STR("abc")), 0);
	struct aichat_part *call = aic_message_add_part(m, AICHAT_PART_TOOL_CALL);
	call->id = aic_strdup("x");
	call->name = aic_strdup("f");
	ck_assert_int_eq(aic_string_set(&call->text, AIC_STR("{}")), 0);
	put(&w, EVENT(TEXT, .text = AIC_STR("ab")));
	put(&w, EVENT(SNAPSHOT, .message = m));
	put(&w, EVENT(SNAPSHOT, .message = m));
	expect_stream(&w,
		      ROLE CHUNK("{\"content\":\"ab\"}") CHUNK("{\"content\":\"c\"}")
			      CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"type\":"
				    "\"function\","
				    "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}")
				      CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":"
					    "{\"arguments\":\"{}\"}}]}"));
}
END_TEST

START_TEST(several_answers)
{
	struct writing w = write_start(&config);

	put(&w, EVENT(TEXT, .choice = 1, .text = AIC_STR("b")));
	put(&w, EVENT(TEXT, .text = AIC_STR("a")));
	put(&w, EVENT(MESSAGE, .choice = 1, .stop_reason = AICHAT_STOP_LENGTH));
	put(&w, EVENT(MESSAGE, .stop_reason = AICHAT_STOP_STOP));
	ck_assert_ptr_nonnull(
		strstr(w.out.data, "\"index\":1,\"delta\":{\"content\":\"b\"}"));
	ck_assert_ptr_nonnull(
		strstr(w.out.data, "\"index\":0,\"delta\":{\"content\":\"a\"}"));
	put(&w, EVENT(DONE, .state = AICHAT_REPLY_COMPLETE));
	ck_assert_ptr_nonnull(strstr(w.out.data,
				     "{\"index\":1,\"delta\":{},\"logprobs\":null,"
				     "\"finish_reason\":\"length\"}"));
	ck_assert_ptr_nonnull(strstr(w.out.data,
				     "{\"index\":0,\"delta\":{},\"logprobs\":null,"
				     "\"finish_reason\":\"stop\"}"));
	w.encoder->dialect->encoder_free(w.encoder);
	aic_buf_done(&w.out);
}
END_TEST

/* --- there and back --- */

static void random_text(struct dice *d, struct aic_string *to)
{
	do
		random_string(d, to);
	while (!to->len);
}

static void add_source(struct dice *d, struct aichat_message *m)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf raw = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&raw);
	struct aichat_part *part = aic_message_add_part(m, AICHAT_PART_SOURCE);

	part->url = random_word(d);
	part->name = random_word(d);
	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "type", "url_citation");
	aic_json_put_key(&w, "url_citation");
	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "url", part->url);
	aic_json_put_member(&w, "title", part->name);
	aic_json_end(&w, '}');
	aic_json_end(&w, '}');
	ck_assert_int_eq(aic_string_set(&part->raw, aic_buf_str(&raw)), 0);
}

static void add_call(struct dice *d, struct aichat_message *m, unsigned n)
{
	static const char *const raws[] = { "", "{\"extra_content\":{\"a\": [1]}}",
					    "{\"type\":\"custom\"}" };
	struct aichat_part *part = aic_message_add_part(m, AICHAT_PART_TOOL_CALL);
	unsigned raw = roll(d, 3);
	AIC_CLEANUP(aic_buf_done) struct aic_buf id = aic_buf(0);

	aic_buf_printf(&id, "call_%u", n);
	part->id = aic_buf_take(&id, NULL);
	part->name = random_word(d);
	random_text(d, &part->text);
	/* Blank arguments become {}, and another whole call would look like a new one. */
	ck_assert_int_eq(aic_string_append(&part->text, AIC_STR("]")), 0);
	if (raw)
		ck_assert_int_eq(aic_string_set(&part->raw, aic_str(raws[raw])), 0);
}

/* A reply that the dialect can say in full: reasoning, text, refusal, calls, sources, in
 * that order, each once but for calls and sources. */
static struct aichat_message *random_reply(uint64_t seed)
{
	static const enum aichat_stop_reason stops[] = { AICHAT_STOP_STOP,
							 AICHAT_STOP_LENGTH,
							 AICHAT_STOP_CONTENT_FILTER };
	struct dice d = dice(seed);
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);

	m->stop_reason = stops[roll(&d, 3)];
	if (flip(&d)) {
		struct aichat_part *part = aic_message_add_part(m, AICHAT_PART_REASONING);
		random_text(&d, &part->text);
		if (flip(&d))
			ck_assert_int_eq(
				aic_string_set(
					&part->raw,
					AIC_STR("{\"reasoning_details\":[{\"type\":\"x\","
						"\"a\": 1}],\"extra_content\":\"s\"}")),
				0);
	}
	if (flip(&d))
		random_text(&d, &aic_message_add_part(m, AICHAT_PART_TEXT)->text);
	if (flip(&d))
		random_text(&d, &aic_message_add_part(m, AICHAT_PART_REFUSAL)->text);
	for (unsigned n = roll(&d, 4); n > 0; n--)
		add_call(&d, m, n);
	for (unsigned n = roll(&d, 3); n > 0; n--)
		add_source(&d, m);
	if (aic_message_has(m, AICHAT_PART_TOOL_CALL))
		m->stop_reason = AICHAT_STOP_TOOL_CALLS;
	else if (aic_message_has(m, AICHAT_PART_REFUSAL) &&
		 m->stop_reason == AICHAT_STOP_STOP)
		m->stop_reason = AICHAT_STOP_REFUSAL;
	if (flip(&d))
		m->usage = (struct aic_usage){ 1 + roll(&d, 1000), flip(&d) ? 0 : -1,
					       flip(&d) ? 1 : -1, 500,
					       flip(&d) ? 20 : -1 };
	m->state = AICHAT_MESSAGE_SEALED;
	return m;
}

static void expect_same(struct aichat_message *want, struct reading *r, uint64_t seed)
{
	ck_assert_int_eq(read_end(r), 0);
	ck_assert_msg(r->decoder->finished, "seed %d", (int)seed);
	aic_builder_seal(r->messages[0], AICHAT_MESSAGE_SEALED);
	/* The word is ours, made from the reason. */
	aic_free(r->messages[0]->stop_word);
	r->messages[0]->stop_word = NULL;
	char *have = message_text(r->messages[0], true);
	char *meant = message_text(want, true);
	ck_assert_str_eq(have, meant);
	aic_free(have);
	aic_free(meant);
	read_done(r);
}

START_TEST(whole_replies_read_back)
{
	for (uint64_t seed = 0; seed < seeds(500); seed++) {
		AIC_CLEANUP(aichat_message_unrefp) aichat_message *m = random_reply(seed);
		AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
		struct reading r = read_start(0);
		ck_assert_int_eq(aic_dialect_openai_chat.encode_reply(&config, m, &out),
				 0);
		ck_assert_int_eq(r.decoder->dialect->decode_reply(
					 r.decoder, aic_buf_str(&out), &r.events),
				 AIC_DECODED_END);
		ck_assert_int_eq(read_apply(&r), 0);
		ck_assert_str_eq(r.decoder->model, "m");
		ck_assert_str_eq(r.decoder->response_id, "chatcmpl-1");
		expect_same(m, &r, seed);
	}
}
END_TEST

/* Pieces of a few bytes, cut between characters. */
static void put_cut(struct writing *w, struct aichat_event event, struct dice *d)
{
	struct aic_str text = event.text;

	for (size_t at = 0; at < text.len;) {
		size_t end = AIC_MIN(at + 1 + roll(d, 9), text.len);
		while (end < text.len && ((unsigned char)text.data[end] & 0xc0) == 0x80)
			end++;
		event.text = (struct aic_str){ text.data + at, end - at };
		put(w, event);
		at = end;
	}
}

static int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct reading *r = user;

	r->result = r->decoder->dialect->decode_event(r->decoder, name, data, &r->events);
	ck_assert_int_eq(read_apply(r), 0);
	ck_assert_int_ge(r->result, 0);
	return 0;
}

START_TEST(streams_read_back)
{
	static const struct aic_sse_ops ops = { .event = on_event };
	struct aic_encoder_config asked = config;

	asked.stream_usage = true;
	for (uint64_t seed = 0; seed < seeds(500); seed++) {
		AIC_CLEANUP(aichat_message_unrefp) aichat_message *m = random_reply(seed);
		struct aic_events events = { 0 };
		struct dice d = dice(seed + 1);
		struct writing w = write_start(&asked);
		ck_assert_int_eq(aic_builder_events(m, &events), 0);
		for (size_t i = 0; i < events.count; i++) {
			struct aichat_event *e = &events.items[i];
			/* As a decoder does it: a custom call is known when it begins. */
			if (e->type == AICHAT_EVENT_PART_START &&
			    e->part_type == AICHAT_PART_TOOL_CALL)
				e->raw = aic_string_str(&m->parts[e->index].raw);
			if (e->text.len)
				put_cut(&w, *e, &d);
			else
				put(&w, *e);
		}
		put(&w, EVENT(DONE, .state = AICHAT_REPLY_COMPLETE));
		aic_events_done(&events);
		struct reading r = read_start(0);
		struct aic_sse sse;
		aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
		ck_assert_int_eq(aic_sse_feed(&sse, aic_buf_str(&w.out), &ops, &r), 0);
		aic_sse_done(&sse);
		ck_assert_int_eq(r.result, AIC_DECODED_END);
		expect_same(m, &r, seed);
		w.encoder->dialect->encoder_free(w.encoder);
		aic_buf_done(&w.out);
	}
}
END_TEST

START_TEST(a_whole_reply)
{
	AIC_CLEANUP(aichat_message_unrefp)
	aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);

	ck_assert_int_eq(aic_message_add_text(m, AIC_STR("a")), 0);
	ck_assert_int_eq(aic_message_add_text(m, AIC_STR("b")), 0);
	struct aichat_part *source = aic_message_add_part(m, AICHAT_PART_SOURCE);
	source->url = aic_strdup("u");
	struct aichat_part *audio = aic_message_add_part(m, AICHAT_PART_AUDIO);
	ck_assert_int_eq(aic_string_set(&audio->data, AIC_STR("Hi")), 0);
	ck_assert_int_eq(aic_string_set(&audio->raw, AIC_STR("{\"id\":\"au\"}")), 0);
	struct aichat_part *image = aic_message_add_part(m, AICHAT_PART_IMAGE);
	ck_assert_int_eq(aic_string_set(&image->data, AIC_STR("Hi")), 0);
	m->stop_reason = AICHAT_STOP_SEQUENCE;
	ck_assert_int_eq(aic_dialect_openai_chat.encode_reply(&config, m, &out), 0);
	ck_assert_str_eq(
		out.data,
		"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":"
		"1700000000,"
		"\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
		"\"assistant\","
		"\"content\":\"ab\",\"refusal\":null,\"annotations\":[{\"type\":\"url_"
		"citation\","
		"\"url_citation\":{\"url\":\"u\",\"title\":\"\",\"start_index\":0,\"end_"
		"index\":0}}],"
		"\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
		"\"data:image/"
		"png;base64,SGk=\"}}],\"audio\":{\"id\":\"au\",\"data\":\"SGk=\"}},"
		"\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
}
END_TEST

START_TEST(errors)
{
	static const struct {
		int code, status;
		const char *type, *word;
	} cases[] = {
		{ AICHAT_EJSON, 400, "invalid_request_error", "null" },
		{ AICHAT_ECONTEXT, 400, "invalid_request_error",
		  "\"context_length_exceeded\"" },
		{ AICHAT_EMODEL, 404, "invalid_request_error", "\"model_not_found\"" },
		{ AICHAT_ETOOLARGE, 413, "invalid_request_error", "null" },
		{ AICHAT_EQUOTA, 429, "insufficient_quota", "\"insufficient_quota\"" },
		{ AICHAT_ERATELIMIT, 429, "rate_limit_error", "\"rate_limit_exceeded\"" },
		{ AICHAT_EAUTH, 502, "server_error", "null" },
		{ AICHAT_EOVERLOADED, 503, "service_unavailable_error",
		  "\"server_is_overloaded\"" },
		{ AICHAT_ETIMEOUT, 504, "server_error", "\"provider_timeout\"" },
		{ AICHAT_ENETWORK, 502, "server_error", "\"provider_unreachable\"" },
		{ AICHAT_ETLS, 502, "server_error", "\"provider_tls\"" },
		{ AICHAT_EINTERNAL, 500, "server_error", "null" },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
		AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
		AIC_CLEANUP(aic_buf_done) struct aic_buf want = aic_buf(0);
		aic_error_set(&error, cases[i].code, "a \"line\"");
		ck_assert_int_eq(aic_dialect_openai_chat.encode_error(error, &out),
				 cases[i].status);
		aic_buf_printf(
			&want,
			"{\"error\":{\"message\":\"a \\\"line\\\"\",\"type\":\"%s\","
			"\"param\":null,\"code\":%s}}",
			cases[i].type, cases[i].word);
		ck_assert_str_eq(out.data, want.data);
	}
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int write_stream(void *data)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	struct aic_encoder *encoder = aic_dialect_openai_chat.encoder_new(&config);
	struct aic_events *events = data;
	int result = encoder ? 0 : AICHAT_ENOMEM;

	for (size_t i = 0; i < events->count && result == 0; i++)
		result = encoder->dialect->encode_event(encoder, &events->items[i], &out);
	if (encoder)
		encoder->dialect->encoder_free(encoder);
	return result;
}

static int write_whole(void *data)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);

	return aic_dialect_openai_chat.encode_reply(&config, data, &out);
}

START_TEST(memory_runs_out)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		AIC_CLEANUP(aichat_message_unrefp) aichat_message *m = random_reply(seed);
		struct aic_events events = { 0 };
		ck_assert_int_eq(aic_builder_events(m, &events), 0);
		*aic_events_add(&events, AICHAT_EVENT_DONE) = EVENT(DONE, .message = m);
		walk_failures(write_stream, &events);
		walk_failures(write_whole, m);
		aic_events_done(&events);
	}
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("chat_encode");
	TCase *tests = tcase_create("chat_encode");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_stream);
	tcase_add_test(tests, usage_if_asked);
	tcase_add_test(tests, an_error_is_the_last_word);
	tcase_add_test(tests, refusals_and_filters);
	tcase_add_test(tests, snapshots_add_what_is_missing);
	tcase_add_test(tests, several_answers);
	tcase_add_test(tests, whole_replies_read_back);
	tcase_add_test(tests, streams_read_back);
	tcase_add_test(tests, a_whole_reply);
	tcase_add_test(tests, errors);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
