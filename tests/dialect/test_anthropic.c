/*
 * The Messages dialect's decoder: streams, whole replies, errors.
 */

#include "anthropic_support.h"
#include "seeds.h"

#define ck_part(o, n, kind)                                                              \
	__extension__({                                                                  \
		ck_assert_uint_gt((o).message->part_count, (n));                         \
		ck_assert_int_eq((o).message->parts[n].type, AICHAT_PART_##kind);        \
		&(o).message->parts[n];                                                  \
	})

static void ck_whole(const struct outcome *o, size_t parts)
{
	ck_assert_int_eq(o->code, 0);
	ck_assert_msg(!o->error, "%s", aichat_error_message(o->error));
	ck_assert(o->finished);
	ck_assert_uint_eq(o->message->part_count, parts);
}

START_TEST(text_and_stop)
{
	struct outcome o = read_stream(START, BLOCK(0, "{'type':'text','text':'He'}"),
				       TEXT(0, "'llo \\ud83d\\udc4b'"), END(0),
				       STOP("end_turn"));

	ck_whole(&o, 1);
	ck_str(ck_part(o, 0, TEXT)->text, "Hello \xf0\x9f\x91\x8b");
	ck_assert_ptr_null(o.message->parts[0].raw.data);
	ck_assert_int_eq(o.message->stop_reason, AICHAT_STOP_STOP);
	ck_assert_str_eq(o.message->stop_word, "end_turn");
	ck_assert_str_eq(o.model, "m");
	ck_assert_str_eq(o.response_id, "msg_1");
	ck_assert_int_eq(o.message->usage.input, 10);
	ck_assert_int_eq(o.message->usage.output, 5);
	ck_assert_int_eq(o.message->usage.cached, -1);
	outcome_done(&o);
}
END_TEST

START_TEST(stop_words)
{
	static const struct {
		const char *word;
		enum aichat_stop_reason reason;
	} cases[] = {
		{ "end_turn", AICHAT_STOP_STOP },
		{ "max_tokens", AICHAT_STOP_LENGTH },
		{ "stop_sequence", AICHAT_STOP_SEQUENCE },
		{ "tool_use", AICHAT_STOP_TOOL_CALLS },
		{ "pause_turn", AICHAT_STOP_PAUSE },
		{ "compaction", AICHAT_STOP_PAUSE },
		{ "refusal", AICHAT_STOP_REFUSAL },
		{ "model_context_window_exceeded", AICHAT_STOP_CONTEXT_WINDOW },
		{ "bored", AICHAT_STOP_UNKNOWN },
	};
	char delta[100];

	snprintf(delta, sizeof(delta),
		 EVENT("{'type':'message_delta','delta':{'stop_reason':'%s'}}"),
		 cases[_i].word);
	struct outcome o = read_stream(START, delta, EVENT("{'type':'message_stop'}"));
	ck_whole(&o, 0);
	ck_assert_int_eq(o.message->stop_reason, cases[_i].reason);
	ck_assert_str_eq(o.message->stop_word, cases[_i].word);
	outcome_done(&o);
}
END_TEST

START_TEST(matched_sequence)
{
	struct outcome o = read_stream(
		START,
		STOP_BY("{'stop_reason':'stop_sequence','stop_sequence':'\\n\\nEnd'}"));

	ck_whole(&o, 0);
	ck_assert_str_eq(o.message->stop_sequence, "\n\nEnd");
	outcome_done(&o);
}
END_TEST

/* Figures replace each other and the three of the input add up. */
START_TEST(usage_is_cumulative)
{
	struct outcome o = read_stream(
		EVENT("{'type':'message_start','message':{'usage':{'input_tokens':10,'"
		      "cache_creation_input_tokens':null,'cache_read_input_tokens':60,'"
		      "output_tokens':1}}}"),
		EVENT("{'type':'message_delta','delta':{},'usage':{'output_tokens':5}}"),
		EVENT("{'type':'message_delta','delta':{'stop_reason':'end_turn'},'usage'"
		      ":{'input_tokens':12,'cache_creation_input_tokens':7,'cache_read_"
		      "input_tokens':null,'output_tokens':9,'output_tokens_details':{'"
		      "thinking_tokens':4}}}"),
		EVENT("{'type':'message_stop'}"));

	ck_whole(&o, 0);
	ck_assert_int_eq(o.message->usage.input, 12 + 7 + 60);
	ck_assert_int_eq(o.message->usage.cached, 60);
	ck_assert_int_eq(o.message->usage.cache_write, 7);
	ck_assert_int_eq(o.message->usage.output, 9);
	ck_assert_int_eq(o.message->usage.reasoning, 4);
	outcome_done(&o);
	o = read_stream(
		EVENT("{'type':'message_start','message':{}}"),
		EVENT("{'type':'message_delta','delta':{'stop_reason':'end_turn'}}"),
		EVENT("{'type':'message_stop'}"));
	ck_whole(&o, 0);
	ck_assert(!aic_usage_is_set(&o.message->usage));
	outcome_done(&o);
}
END_TEST

START_TEST(thinking_is_kept_exactly)
{
	struct outcome o = read_stream(
		START, BLOCK(0, "{'type':'thinking','thinking':'','signature':''}"),
		THOUGHT(0, "'One \\'and\\''"), THOUGHT(0, "' two'"),
		SIGNED(0, "'A\\/b\\u003d'"), END(0),
		BLOCK(1, "{'type':'thinking','thinking':'','signature':''}"),
		SIGNED(1, "'c2ln'"), END(1),
		BLOCK(2, "{'type':'redacted_thinking', 'data' : 'x\\u0041'}"), END(2),
		BLOCK(3, "{'type':'thinking','thinking':'free'}"), END(3),
		STOP("end_turn"));

	ck_whole(&o, 4);
	ck_str(ck_part(o, 0, REASONING)->text, "One 'and' two");
	ck_str(o.message->parts[0].raw, "{'type':'thinking','thinking':'One \\'and\\' "
					"two','signature':'A\\/b\\u003d'}");
	ck_assert_uint_eq(ck_part(o, 1, REASONING)->text.len, 0);
	ck_str(o.message->parts[1].raw,
	       "{'type':'thinking','thinking':'','signature':'c2ln'}");
	ck_assert_ptr_null(ck_part(o, 2, REASONING)->text.data);
	ck_str(o.message->parts[2].raw,
	       "{'type':'redacted_thinking', 'data' : 'x\\u0041'}");
	ck_str(ck_part(o, 3, REASONING)->text, "free");
	ck_assert_ptr_null(o.message->parts[3].raw.data);
	outcome_done(&o);
}
END_TEST

START_TEST(unsigned_thinking_by_quirk)
{
	const char *frames = FRAMES(
		START, BLOCK(0, "{'type':'thinking','thinking':'','signature':''}"),
		THOUGHT(0, "'Aloud'"), END(0), STOP("end_turn"));
	struct outcome o = read_bytes(aic_str(frames), false,
				      AIC_QUIRK_UNSIGNED_THINKING);

	ck_whole(&o, 1);
	ck_str(ck_part(o, 0, REASONING)->raw,
	       "{'type':'thinking','thinking':'Aloud','signature':''}");
	outcome_done(&o);
	o = read_stream(frames);
	ck_assert_ptr_null(ck_part(o, 0, REASONING)->raw.data);
	outcome_done(&o);
}
END_TEST

START_TEST(calls)
{
	struct outcome o = read_stream(
		START, BLOCK(0, "{'type':'tool_use','id':'t1','name':'add','input':{}}"),
		INPUT(0, "''"), INPUT(0, "'{\\'x\\':'"), INPUT(0, "' 1.0}'"), END(0),
		BLOCK(1, "{'type':'tool_use','id':'t2','name':'now','input':{}}"), END(1),
		BLOCK(2, "{'type':'tool_use','name':'early','input':{'a': 1}}"), END(2),
		BLOCK(3, "{'type':'tool_use','id':'t4','name':'far','input':{},'caller':{"
			 "'type':'code','id':'c'}}"),
		INPUT(3, "'{\\'y\\':\\'\\\\ud83d'"), INPUT(3, "'\\\\udc4b\\'}'"), END(3),
		STOP("end_turn"));

	ck_whole(&o, 4);
	ck_str(ck_part(o, 0, TOOL_CALL)->text, "{'x': 1.0}");
	ck_assert_str_eq(o.message->parts[0].id, "t1");
	ck_assert_str_eq(o.message->parts[0].name, "add");
	ck_assert_ptr_null(o.message->parts[0].raw.data);
	ck_str(ck_part(o, 1, TOOL_CALL)->text, "{}");
	ck_str(ck_part(o, 2, TOOL_CALL)->text, "{'a': 1}");
	ck_assert_str_eq(o.message->parts[2].id, "call_2");
	ck_str(ck_part(o, 3, TOOL_CALL)->text, "{'y':'\\ud83d\\udc4b'}");
	ck_str(o.message->parts[3].raw,
	       "{'type':'tool_use','id':'t4','name':'far','input':{'y':'\\ud83d\\udc4b'},"
	       "'caller':{'type':'code','id':'c'}}");
	ck_assert_int_eq(o.message->stop_reason, AICHAT_STOP_TOOL_CALLS);
	ck_assert_str_eq(o.message->stop_word, "end_turn");
	outcome_done(&o);
}
END_TEST

/* Cut off by the token limit: what came stays what came. */
START_TEST(call_cut_off)
{
	struct outcome o = read_stream(START,
				       BLOCK(0, "{'type':'tool_use','id':'t','name':'f','"
						"input':{},'caller':{'type':'direct'}}"),
				       INPUT(0, "'{\\'x\\': \\'ab'"), END(0),
				       STOP("max_tokens"));

	ck_whole(&o, 1);
	ck_str(ck_part(o, 0, TOOL_CALL)->text, "{'x': 'ab");
	ck_str(o.message->parts[0].raw, "{'type':'tool_use','id':'t','name':'f','input':{"
					"},'caller':{'type':'direct'}}");
	ck_assert_str_eq(o.message->stop_word, "max_tokens");
	outcome_done(&o);
}
END_TEST

START_TEST(citations)
{
	struct outcome o = read_stream(
		START, BLOCK(0, "{'citations':[],'type':'text','text':''}"),
		CITED(0, "{'a': 1.50}"), TEXT(0, "'Said \\'so\\''"),
		CITED(0, "{'b':'\\u00e9'}"), END(0),
		BLOCK(1, "{'type':'text','text':'x','citations':null}"), END(1),
		BLOCK(2, "{'type':'text','text':'y'}"), CITED(2, "{'c':1}"), END(2),
		STOP("end_turn"));

	ck_whole(&o, 3);
	ck_str(ck_part(o, 0, TEXT)->text, "Said 'so'");
	ck_str(o.message->parts[0].raw,
	       "{'citations':[{'a': 1.50},{'b':'\\u00e9'}],'type':'text','text':'Said "
	       "\\'so\\''}");
	ck_assert_ptr_null(ck_part(o, 1, TEXT)->raw.data);
	ck_str(ck_part(o, 2, TEXT)->raw,
	       "{'type':'text','text':'y','citations':[{'c':1}]}");
	outcome_done(&o);
}
END_TEST

START_TEST(blocks_without_a_name)
{
	static const char result[] =
		"{'type':'web_search_tool_result','tool_use_id':'s','content':[{'"
		"encrypted_content':'A\\u002b/=', 'n':1e0}]}";
	struct outcome o = read_stream(
		START,
		BLOCK(0, "{'type':'server_tool_use','id':'s','name':'web_search','input':"
			 "{}, 'z':[ ]}"),
		INPUT(0, "'{\\'query\\':'"), INPUT(0, "' \\'q\\'}'"), END(0),
		BLOCK(1, "{'type':'web_search_tool_result','tool_use_id':'s','content':[{"
			 "'encrypted_content':'A\\u002b/=', 'n':1e0}]}"),
		END(1), BLOCK(2, "{'type':'server_tool_use','input':{}}"),
		INPUT(2, "'{\\'que'"), END(2),
		BLOCK(3, "{'type':'compaction','content':null}"),
		DELTA(3, "{'type':'compaction_delta','content':'All so "
			 "far.','encrypted_content':'ZW\\u0041'}"),
		END(3), BLOCK(4, "{'untyped':true}"), END(4), STOP("pause_turn"));

	ck_whole(&o, 5);
	ck_str(ck_part(o, 0, UNKNOWN)->raw,
	       "{'type':'server_tool_use','id':'s','name':'web_search','input':{'query': "
	       "'q'},'z':[ ]}");
	ck_str(ck_part(o, 1, UNKNOWN)->raw, result);
	ck_str(ck_part(o, 2, UNKNOWN)->raw, "{'type':'server_tool_use','input':{}}");
	ck_str(ck_part(o, 3, COMPACTION)->raw, "{'type':'compaction','content':'All so "
					       "far.','encrypted_content':'ZW\\u0041'}");
	ck_str(o.message->parts[3].text, "All so far.");
	ck_str(ck_part(o, 4, UNKNOWN)->raw, "{'untyped':true}");
	ck_assert_int_eq(o.message->stop_reason, AICHAT_STOP_PAUSE);
	outcome_done(&o);
}
END_TEST

START_TEST(refusals)
{
	struct outcome o = read_stream(
		START, BLOCK(0, "{'type':'text','text':'I'}"), END(0),
		STOP_BY("{'stop_reason':'refusal','stop_details':{'type':'refusal', "
			"'category':'bio','explanation':'Not \\u0074his.'}}"));

	ck_whole(&o, 2);
	ck_str(ck_part(o, 1, REFUSAL)->text, "Not this.");
	ck_str(o.message->parts[1].raw,
	       "{'type':'refusal', 'category':'bio','explanation':'Not \\u0074his.'}");
	ck_assert_int_eq(o.message->stop_reason, AICHAT_STOP_REFUSAL);
	outcome_done(&o);
	o = read_reply("{'content':[],'stop_reason':'refusal','stop_details':{'type':'"
		       "refusal','category':null,'explanation':null}}");
	ck_whole(&o, 1);
	ck_assert_uint_eq(ck_part(o, 0, REFUSAL)->text.len, 0);
	ck_str(o.message->parts[0].raw,
	       "{'type':'refusal','category':null,'explanation':null}");
	outcome_done(&o);
}
END_TEST

/* Blocks that overlap, that never stop, that start twice, and events for none. */
START_TEST(odd_order)
{
	struct outcome o = read_stream(
		TEXT(0, "'before'"), EVENT("{'type':'ping'}"), START, START,
		BLOCK(7, "{'type':'text','text':''}"),
		BLOCK(3, "{'type':'tool_use','id':'t','name':'f','input':{}}"),
		TEXT(7, "'A'"), INPUT(3, "'{'"), TEXT(9, "'nowhere'"), TEXT(7, "'B'"),
		INPUT(3, "'}'"), END(3), END(3),
		BLOCK(7, "{'type':'text','text':'again'}"),
		NAMED("content_block_delta",
		      "{'delta':{'type':'text_delta','text':'!'}}"),
		NAMED("future", "{'type':'future','index':7}"),
		DELTA(7, "{'type':'tint_delta','text':'blue'}"), STOP("end_turn"),
		EVENT("[DONE]"), TEXT(7, "'after'"), EVENT("nonsense"));

	ck_whole(&o, 3);
	ck_str(ck_part(o, 0, TEXT)->text, "AB");
	ck_str(ck_part(o, 1, TOOL_CALL)->text, "{}");
	ck_str(ck_part(o, 2, TEXT)->text, "again!");
	outcome_done(&o);
}
END_TEST

/* Halves of a character in two pieces; halves that stay alone. */
START_TEST(surrogate_halves)
{
	struct outcome o = read_stream(
		START, BLOCK(0, "{'type':'text','text':''}"), TEXT(0, "'a\\ud83d'"),
		TEXT(0, "'\\udc4bb\\\\ud83d'"), TEXT(0, "'c\\ud83d'"), TEXT(0, "'d'"),
		TEXT(0, "'\\ud83d'"), END(0), STOP("end_turn"));

	ck_whole(&o, 1);
	ck_str(ck_part(o, 0, TEXT)->text, "a\xf0\x9f\x91\x8b"
					  "b\\ud83dc\xef\xbf\xbd"
					  "d\xef\xbf\xbd");
	outcome_done(&o);
}
END_TEST

START_TEST(cut_off)
{
	struct outcome o = read_stream(START, BLOCK(0, "{'type':'text','text':'Cut'}"));

	ck_assert(!o.finished && !o.error && o.code == 0);
	ck_str(ck_part(o, 0, TEXT)->text, "Cut");
	outcome_done(&o);
	/* A stop reason alone is no end, an end without one is none either. */
	o = read_stream(
		START,
		EVENT("{'type':'message_delta','delta':{'stop_reason':'end_turn'}}"));
	ck_assert(!o.finished && !o.error);
	outcome_done(&o);
	o = read_stream(START, EVENT("{'type':'message_stop'}"));
	ck_assert(!o.finished && !o.error);
	outcome_done(&o);
}
END_TEST

#define FAILED(type, message)                                                            \
	EVENT("{'type':'error','error':{'type':'" type "','message':'" message "'}}")

static const struct {
	const char *frame;
	int code;
	const char *message, *word;
} stream_errors[] = {
	{ NAMED("error", "{'type':'error','error':{'details':null,'type':'overloaded_"
			 "error','message':'Overloaded'}}"),
	  AICHAT_EOVERLOADED, "Overloaded", "overloaded_error" },
	{ FAILED("rate_limit_error", "Slow"), AICHAT_ERATELIMIT, "Slow",
	  "rate_limit_error" },
	{ EVENT("{'type':'error','error':{'type':'rate_limit_error','message':'M','"
		"details':{'error_code':'enforced_spend_limit_reached'}}}"),
	  AICHAT_EQUOTA, "M", "enforced_spend_limit_reached" },
	{ EVENT("{'error':{'type':'authentication_error','message':'Key'}}"),
	  AICHAT_EAUTH, "Key", "authentication_error" },
	{ FAILED("permission_error", "No"), AICHAT_EAUTH, "No", "permission_error" },
	{ FAILED("invalid_request_error", "messages: wrong"), AICHAT_EREQUEST,
	  "messages: wrong", "invalid_request_error" },
	{ FAILED("invalid_request_error", "prompt is too long: 9 > 8"), AICHAT_ECONTEXT,
	  "prompt is too long: 9 > 8", "invalid_request_error" },
	{ FAILED("request_too_large", "Big"), AICHAT_ECONTEXT, "Big",
	  "request_too_large" },
	{ FAILED("timeout_error", "Late"), AICHAT_ETIMEOUT, "Late", "timeout_error" },
	{ FAILED("billing_error", "Pay"), AICHAT_EQUOTA, "Pay", "billing_error" },
	{ FAILED("api_error", "Broke"), AICHAT_EPROVIDER, "Broke", "api_error" },
	{ NAMED("error", "upstream <b>gone</b>"), AICHAT_EPROVIDER,
	  "upstream <b>gone</b>", NULL },
	{ NAMED("error", "{'message':'flat'}"), AICHAT_EPROVIDER, "flat", NULL },
	{ EVENT("{'type':'error','message':'flat'}"), AICHAT_EPROVIDER, "flat", NULL },
	{ EVENT("{'error':'a line'}"), AICHAT_EPROVIDER, "a line", NULL },
};
START_TEST(errors_in_streams)
{
	struct outcome o = read_stream(START, BLOCK(0, "{'type':'text','text':'Kept'}"),
				       stream_errors[_i].frame, TEXT(0, "' not'"),
				       STOP("end_turn"));

	ck_assert_int_eq(o.code, 0);
	ck_assert(!o.finished);
	ck_assert_int_eq(aichat_error_code(o.error), stream_errors[_i].code);
	ck_assert_str_eq(aichat_error_message(o.error), stream_errors[_i].message);
	if (stream_errors[_i].word)
		ck_assert_str_eq(aichat_error_provider_code(o.error),
				 stream_errors[_i].word);
	else
		ck_assert_ptr_null(aichat_error_provider_code(o.error));
	ck_str(ck_part(o, 0, TEXT)->text, "Kept");
	outcome_done(&o);
}
END_TEST

START_TEST(bad_data)
{
	struct outcome o = read_stream(START, EVENT("{'type':"));

	ck_assert_int_eq(o.code, AICHAT_EPROTOCOL);
	ck_assert_int_eq(aichat_error_code(o.error), AICHAT_EPROTOCOL);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(o.error), "column"));
	outcome_done(&o);
	o = read_stream(START, EVENT("{'type':'\xff'}"));
	ck_assert_int_eq(o.code, AICHAT_EPROTOCOL);
	outcome_done(&o);
	o = read_stream(START, EVENT("7"), EVENT("[]"), EVENT("{'error':null,'type':1}"),
			EVENT("{'error':false}"), STOP("end_turn"));
	ck_whole(&o, 0);
	outcome_done(&o);
}
END_TEST

START_TEST(whole_replies)
{
	struct outcome o = read_reply(
		" {'id':'msg_2','model':'m-\\u0032','content':[{'type':'thinking','"
		"thinking':'h\\u0069', "
		"'signature':'c2ln'},7,{'type':'text','text':'A\\nB'},{'type':'text','"
		"text':'C','citations':[{'x':1 "
		"}]},{'type':'tool_use','id':'t\\u0031','name':'f','input':{'a' "
		":1}},{'type':'tool_use','id':'t2','name':'f','input':null,'caller':{}},{"
		"'type':'mystery', "
		"'v':[1]},{'type':'compaction','content':'Sum'}],'stop_reason':'tool_use'"
		",'usage':{'input_tokens':3,'output_tokens':4}}\n");

	ck_whole(&o, 7);
	ck_str(ck_part(o, 0, REASONING)->text, "hi");
	ck_str(o.message->parts[0].raw,
	       "{'type':'thinking','thinking':'h\\u0069', 'signature':'c2ln'}");
	ck_str(ck_part(o, 1, TEXT)->text, "A\nB");
	ck_str(ck_part(o, 2, TEXT)->raw,
	       "{'type':'text','text':'C','citations':[{'x':1 }]}");
	ck_str(ck_part(o, 3, TOOL_CALL)->text, "{'a' :1}");
	ck_assert_str_eq(o.message->parts[3].id, "t1");
	ck_str(ck_part(o, 4, TOOL_CALL)->text, "{}");
	ck_assert_ptr_nonnull(o.message->parts[4].raw.data);
	ck_str(ck_part(o, 5, UNKNOWN)->raw, "{'type':'mystery', 'v':[1]}");
	ck_str(ck_part(o, 6, COMPACTION)->text, "Sum");
	ck_assert_str_eq(o.model, "m-2");
	ck_assert_int_eq(o.message->usage.input, 3);
	outcome_done(&o);
}
END_TEST

START_TEST(whole_errors)
{
	struct outcome o = read_reply(
		"{'type':'error','error':{'type':'overloaded_error','message':'Later'}}");

	ck_assert_int_eq(o.code, 0);
	ck_assert_int_eq(aichat_error_code(o.error), AICHAT_EOVERLOADED);
	outcome_done(&o);
	o = read_reply("{'message':'no such path'}");
	ck_assert(!o.finished);
	ck_assert_str_eq(aichat_error_message(o.error), "no such path");
	outcome_done(&o);
	static const char *const wrong[] = { "{}", "[]", "7", "{'content':null}" };
	for (size_t i = 0; i < AIC_ARRAY_LEN(wrong); i++) {
		o = read_reply(wrong[i]);
		ck_assert_int_eq(o.code, AICHAT_EPROTOCOL);
		ck_assert_int_eq(aichat_error_code(o.error), AICHAT_EPROTOCOL);
		ck_assert(!o.finished);
		outcome_done(&o);
	}
}
END_TEST

START_TEST(error_bodies)
{
	static const struct {
		int status;
		const char *body;
		int code;
		bool never;
	} cases[] = {
		{ 429, "{'type':'error','error':{'type':'rate_limit_error'}}",
		  AICHAT_ERATELIMIT, false },
		{ 429,
		  "{'type':'error','error':{'type':'rate_limit_error','details':{'error_"
		  "code':'contract_spend_limit_reached'}}}",
		  AICHAT_EQUOTA, true },
		{ 529, "{'type':'error','error':{'type':'overloaded_error'}}",
		  AICHAT_EOVERLOADED, false },
		{ 401, "{'type':'error','error':{'type':'authentication_error'}}",
		  AICHAT_EAUTH, false },
		{ 402, "", AICHAT_EQUOTA, true },
		{ 400,
		  "{'type':'error','error':{'type':'invalid_request_error','message':'"
		  "prompt is too long: 200016 tokens > 200000 maximum'}}",
		  AICHAT_ECONTEXT, false },
		{ 504, "{'type':'error','error':{'type':'timeout_error'}}",
		  AICHAT_ETIMEOUT, false },
		{ 502, "<html>bad gateway</html>", AICHAT_EPROVIDER, false },
	};
	struct aic_failure failure = { 0 };

	ANTHROPIC->decode_error(cases[_i].status, aic_str(json(cases[_i].body)),
				&failure);
	ck_assert_int_eq(failure.code, cases[_i].code);
	ck_assert_int_eq(failure.http_status, cases[_i].status);
	if (cases[_i].never)
		ck_assert(failure.never_retry);
	aic_failure_done(&failure);
}
END_TEST

START_TEST(too_many_parts)
{
	struct aic_buf body = aic_buf(0);

	aic_buf_puts(&body, json("{'content':["));
	for (int i = 0; i <= AIC_PARTS_MAX; i++)
		aic_buf_puts(&body, json(i ? ",{'type':'x'}" : "{'type':'x'}"));
	aic_buf_puts(&body, json("],'stop_reason':'end_turn'}"));
	struct outcome o = read_bytes(aic_buf_str(&body), true, 0);
	ck_assert_int_eq(o.code, AICHAT_ETOOLARGE);
	ck_assert_int_eq(aichat_error_code(o.error), AICHAT_ETOOLARGE);
	outcome_done(&o);
	aic_buf_done(&body);
}
END_TEST

/* Of everything something; in a place of its own. */
static char *rich(void)
{
	static char text[4096];
	const char *frames = FRAMES(
		START, BLOCK(0, "{'type':'thinking','thinking':'','signature':''}"),
		THOUGHT(0, "'Hm\\n'"), SIGNED(0, "'c2ln'"), END(0),
		BLOCK(1, "{'type':'text','text':'','citations':[]}"),
		TEXT(1, "'long enough a text, \\u00e9 and \\ud83d'"),
		TEXT(1, "'\\udc4b'"), CITED(1, "{'a':1}"), END(1),
		BLOCK(2, "{'type':'server_tool_use','id':'s','name':'w','input':{}}"),
		INPUT(2, "'{\\'q\\':1}'"), END(2),
		BLOCK(3, "{'type':'compaction','content':'so \\u0066ar'}"), END(3),
		BLOCK(4,
		      "{'type':'tool_use','id':'t','name':'f','input':{},'caller':{}}"),
		INPUT(4, "'{}'"),
		STOP_BY("{'stop_reason':'refusal','stop_details':{'type':'refusal','"
			"explanation':'N\\u006f'}}"));

	snprintf(text, sizeof(text), "%s", frames);
	return text;
}

#ifdef AIC_TEST_HOOKS
static int read_rich(void *data)
{
	struct outcome o = read_bytes(aic_str(data), false, 0);
	int code = o.code;

	if (code == 0) {
		ck_assert(o.finished);
		ck_assert_uint_eq(o.message->part_count, 6);
	}
	outcome_done(&o);
	return code;
}

START_TEST(without_memory)
{
	walk_failures(read_rich, rich());
}
END_TEST

/* Once warm, a piece of text costs no allocation. */
START_TEST(pieces_allocate_nothing)
{
	const char *piece = json("{'type':'content_block_delta','index':0,'delta':"
				 "{'type':'text_delta','text':' a few words\\n'}}");
	const char *start = json("{'type':'message_start','message':{}}");
	const char *block = json("{'type':'content_block_start','index':0,"
				 "'content_block':{'type':'text','text':''}}");
	struct aic_profile profile = { 0 };
	struct aic_decoder *d = ANTHROPIC->decoder_new(&profile);
	struct aic_events events = { 0 };
	unsigned growths = 0;

	ANTHROPIC->decode_event(d, AIC_STR(""), aic_str(start), &events);
	ANTHROPIC->decode_event(d, AIC_STR(""), aic_str(block), &events);
	for (int i = 0; i < 1000; i++) {
		aic_mem_fail_at(0, false);
		aic_events_reset(&events);
		int code = ANTHROPIC->decode_event(d, AIC_STR(""), aic_str(piece),
						   &events);
		ck_assert_int_eq(code, AIC_DECODED_PROGRESS);
		ck_assert_uint_eq(events.count, 1);
		growths += (unsigned)aic_mem_count();
	}
	/* What is left is the block's text, which doubles: 13,000 bytes from nothing. */
	ck_assert_uint_lt(growths, 16);
	ANTHROPIC->decoder_free(d);
	aic_events_done(&events);
}
END_TEST
#endif

/* Damaged streams end somehow, and never badly. */
START_TEST(hostile)
{
	for (uint64_t seed = 1; seed <= seeds(2000); seed++) {
		struct dice d = dice(seed + (uint64_t)_i * 100000);
		char *text = rich();
		damage(&d, text);
		struct outcome o = read_bytes(aic_str(text), false, 0);
		ck_assert(!o.finished || !o.error);
		ck_assert(o.code == 0 || o.error || o.code == AICHAT_EPROTOCOL);
		outcome_done(&o);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("anthropic");
	TCase *tc = tcase_create("decode");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, text_and_stop);
	tcase_add_loop_test(tc, stop_words, 0, 9);
	tcase_add_test(tc, matched_sequence);
	tcase_add_test(tc, usage_is_cumulative);
	tcase_add_test(tc, thinking_is_kept_exactly);
	tcase_add_test(tc, unsigned_thinking_by_quirk);
	tcase_add_test(tc, calls);
	tcase_add_test(tc, call_cut_off);
	tcase_add_test(tc, citations);
	tcase_add_test(tc, blocks_without_a_name);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, odd_order);
	tcase_add_test(tc, surrogate_halves);
	tcase_add_test(tc, cut_off);
	tcase_add_loop_test(tc, errors_in_streams, 0, 15);
	tcase_add_test(tc, bad_data);
	tcase_add_test(tc, whole_replies);
	tcase_add_test(tc, whole_errors);
	tcase_add_loop_test(tc, error_bodies, 0, 8);
	tcase_add_test(tc, too_many_parts);
	tcase_add_loop_test(tc, hostile, 0, 2);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tc, without_memory);
	tcase_add_test(tc, pieces_allocate_nothing);
#endif
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
