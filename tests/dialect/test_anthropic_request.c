/*
 * The Messages dialect: requests written for a provider.
 */

#include <math.h>

#include "anthropic_support.h"

/* --- requests as canonical messages --- */

static struct aic_request *request_of(const char *messages)
{
	struct aic_request *request = aic_request_new();
	struct aic_buf list = aic_buf(0);
	struct aic_json doc = { 0 };

	aic_buf_printf(&list, "[%s]", messages);
	ck_assert_msg(aic_json_scan(&doc, list.data, list.len, &aic_json_wire) == 0,
		      "%s at %u: %s", doc.error_why, doc.error_at, messages);
	for (int v = aic_json_first(&doc, 0); v >= 0; v = aic_json_next(&doc, 0, v)) {
		struct aichat_message *message = NULL;
		aichat_error *error = NULL;
		ck_assert_msg(aic_message_read(&doc, v, &message, &error) == 0, "%s",
			      aichat_error_message(error));
		ck_assert_int_eq(aic_request_add_message(request, message), 0);
		aichat_message_unref(message);
	}
	aic_json_done(&doc);
	aic_buf_done(&list);
	request->model = aic_strdup("m-2");
	return request;
}

#define USER(text) "{'role':'user','parts':[{'type':'text','text':'" text "'}]}"
#define SAID(text) "{'role':'assistant','parts':[{'type':'text','text':'" text "'}]}"
#define SYSTEM(text) "{'role':'system','parts':[{'type':'text','text':'" text "'}]}"
#define CALLED(id, arguments)                                                            \
	"{'role':'assistant','parts':[{'type':'tool_call','id':'" id                     \
	"','name':'add','arguments':'" arguments "'}]}"
#define ASSISTANT(members) "{'role':'assistant'," members "}"
#define RESULT(id, parts)                                                                \
	"{'role':'tool','parts':[{'type':'tool_result','tool_call_id':'" id              \
	"','is_error':false,'parts':[" parts "]}]}"
/* Messages, as the list that a request has. */
#define HISTORY(...) json_join((const char *const[]){ __VA_ARGS__, NULL }, ",")

/* One member of the body of these messages. */
static void ck_body(const char *messages, const struct aic_profile *profile,
		    const char *reported, const char *path, const char *expected)
{
	struct aic_request *request = request_of(messages);
	char *body = body_of(request, profile, reported);

	expect(body, path, expected);
	aic_free(body);
	aic_request_free(request);
}

#define PROFILE(flags)                                                                   \
	(&(struct aic_profile){ .provider = "anthropic", .quirks = (flags) })

START_TEST(turns)
{
	ck_body(HISTORY(SYSTEM("Be brief."), USER("Hi")), NULL, NULL, "system",
		"'Be brief.'");
	ck_body(HISTORY(USER("Hi")), NULL, NULL, "system", NULL);
	ck_body(HISTORY(USER("Hi")), NULL, NULL, "max_tokens", "4096");
	ck_body(HISTORY(USER("Hi")), NULL, NULL, "stream", NULL);
	ck_body(HISTORY(SYSTEM("A"), SYSTEM(""), SYSTEM("B"), USER("Hi")), NULL, NULL,
		"system", "[{'type':'text','text':'A'},{'type':'text','text':'B'}]");
	ck_body(HISTORY(USER("A"), USER("B"), SAID("C"), SAID(""), USER(" \\n"),
			SAID("D"), USER("E")),
		NULL, NULL, "messages",
		"[{'role':'user','content':[{'type':'text','text':'A'},{'type':'text','"
		"text':'B'}]},{'role':'assistant','content':[{'type':'text','text':'C'},{"
		"'type':'text','text':'D'}]},{'role':'user','content':'E'}]");
	ck_body(HISTORY(SAID("First"), USER("Hi")), NULL, "first turn", "messages.0",
		"{'role':'user','content':'Continue.'}");
	ck_body(HISTORY(SYSTEM("Only")), NULL, "no user's turn", "messages",
		"[{'role':'user','content':'Continue.'}]");
}
END_TEST

START_TEST(prefill)
{
	ck_body(HISTORY(USER("Go"), SAID("foo \\n")), NULL, NULL, "messages.1.content",
		"'foo'");
	ck_body(HISTORY(USER("Go"), SAID("foo \\n"), USER("on")), NULL, NULL,
		"messages.1.content", "'foo \\n'");
	ck_body(HISTORY(USER("Go"), SAID("foo ")), PROFILE(AIC_QUIRK_NO_PREFILL),
		"no user's turn", "messages.2", "{'role':'user','content':'Continue.'}");
	/* A pause is sent back unchanged, whatever the model takes. */
	ck_body(HISTORY(USER("Go"), ASSISTANT("'stop_reason':'pause','parts':[{'type':'"
					      "text','text':'foo '}]")),
		PROFILE(AIC_QUIRK_NO_PREFILL), NULL, "messages.1",
		"{'role':'assistant','content':'foo '}");
}
END_TEST

START_TEST(instructions_in_the_middle)
{
	struct aic_request *request = request_of(
		HISTORY(USER("Go"), CALLED("t", "{}"), SYSTEM("Be kind"), RESULT("t", ""),
			SAID("So"), SYSTEM("Now"), SAID("!")));
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = -1 };
	struct aic_profile anywhere = { .provider = "anthropic",
					.quirks = AIC_QUIRK_SYSTEM_ANYWHERE };

	ck_body(HISTORY(USER("Hi"), SYSTEM("Rhyme"), SAID("Yo")), &anywhere, NULL,
		"messages.1",
		"{'role':'system','content':[{'type':'text','text':'Rhyme'}]}");
	ck_body(HISTORY(USER("Hi"), SYSTEM("Rhyme"), SAID("Yo")), NULL, "system message",
		"messages.0.content",
		"[{'type':'text','text':'Hi'},{'type':'text','text':'<system>\\nRhyme\\n<"
		"/system>'}]");
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	char *body = body_of(request, &anywhere, NULL);
	expect(body, "messages.2.role", "'user'");
	expect(body, "messages.2.content", "[{'type':'tool_result','tool_use_id':'t'}]");
	expect(body, "messages.3.role", "'system'");
	/* After an assistant none may stand: it is a user's then. */
	expect(body, "messages.5.role", "'user'");
	expect(body, "messages.5.content.0.text", "'<system>\\nNow\\n</system>'");
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(calls_and_results)
{
	struct aic_request *request = request_of(HISTORY(
		USER("Go"),
		ASSISTANT(
			"'parts':[{'type':'text','text':''},{'type':'tool_call','id':'a',"
			"'name':'add','arguments':' {\\'x\\' :1.0} "
			"'},{'type':'tool_call','id':'b','name':'add','arguments':''}]"),
		USER("Wait"), RESULT("a", "{'type':'text','text':'2'}"),
		"{'role':'tool','parts':[{'type':'tool_result','tool_call_id':'b','is_"
		"error':true,'parts':[{'type':'text','text':'no'},{'type':'image','media_"
		"type':'image/png','data':'AAE='}]}]}"));
	struct aic_tool tool = { .name = aic_strdup("add"),
				 .description = aic_strdup("Adds."),
				 .strict = 1 };

	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	char *body = body_of(request, NULL, NULL);
	expect(body, "messages.1.content",
	       "[{'type':'tool_use','id':'a','name':'add','input':{'x' "
	       ":1.0}},{'type':'tool_use','id':'b','name':'add','input':{}}]");
	expect(body, "messages.2.content",
	       "[{'type':'tool_result','tool_use_id':'a','content':'2'},{'type':'tool_"
	       "result','tool_use_id':'b','content':[{'type':'text','text':'no'},{'type':"
	       "'image','source':{'type':'base64','media_type':'image/"
	       "png','data':'AAE='}}],'is_error':true},{'type':'text','text':'Wait'}]");
	expect(body, "tools",
	       "[{'name':'add','description':'Adds.','input_schema':{'type':'object','"
	       "properties':{}},'strict':true}]");
	expect(body, "tool_choice", NULL);
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(arguments_that_are_none)
{
	ck_body(HISTORY(USER("Go"), CALLED("a", "{\\'x\\':"), RESULT("a", "")), NULL,
		"no JSON object", "messages.1.content.0.input", "{}");
	ck_body(HISTORY(USER("Go"), CALLED("a", "[1]"), RESULT("a", "")), NULL,
		"no JSON object", "messages.1.content.0.input", "{}");
}
END_TEST

/* Calls in the history, but no tools now: they are named, and not to be called. */
START_TEST(tools_that_are_gone)
{
	char history[2000];

	snprintf(history, sizeof(history), "%s",
		 HISTORY(USER("Go"), CALLED("a", "{}"), RESULT("a", ""),
			 CALLED("b", "{}"), RESULT("b", "")));

	ck_body(history, NULL, NULL, "tools",
		"[{'name':'add','input_schema':{'type':'object','properties':{}}}]");
	ck_body(history, NULL, NULL, "tool_choice", "{'type':'none'}");
	ck_body(HISTORY(USER("Go")), NULL, NULL, "tools", NULL);
}
END_TEST

START_TEST(tool_choices)
{
	static const struct {
		enum aic_tool_choice choice;
		int parallel;
		const char *expected;
	} cases[] = {
		{ AIC_TOOL_CHOICE_UNSET, -1, NULL },
		{ AIC_TOOL_CHOICE_UNSET, 1, NULL },
		{ AIC_TOOL_CHOICE_UNSET, 0,
		  "{'type':'auto','disable_parallel_tool_use':true}" },
		{ AIC_TOOL_CHOICE_AUTO, 1,
		  "{'type':'auto','disable_parallel_tool_use':false}" },
		{ AIC_TOOL_CHOICE_REQUIRED, -1, "{'type':'any'}" },
		{ AIC_TOOL_CHOICE_NAMED, 0,
		  "{'type':'tool','name':'add','disable_parallel_tool_use':true}" },
		{ AIC_TOOL_CHOICE_NONE, 0, "{'type':'none'}" },
	};
	struct aic_request *request = request_of(HISTORY(USER("Go")));
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = 0 };

	set_json(&tool.schema, "{ 'properties':{}}");
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	tool.raw = (struct aic_string){ 0 };
	set_json(&tool.raw, "{'type':'web_search_20260318', 'name':'w'}");
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	request->tool_choice = cases[_i].choice;
	request->parallel_tool_calls = cases[_i].parallel;
	if (cases[_i].choice == AIC_TOOL_CHOICE_NAMED)
		request->tool_choice_name = aic_strdup("add");
	char *body = body_of(request, NULL, NULL);
	expect(body, "tool_choice", cases[_i].expected);
	expect(body, "tools.0.input_schema", "{'type':'object', 'properties':{}}");
	expect(body, "tools.0.strict", "false");
	expect(body, "tools.1", "{'type':'web_search_20260318', 'name':'w'}");
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(media)
{
	static const struct {
		const char *part;
		uint32_t quirks;
		const char *reported, *expected;
	} cases[] = {
		{ "{'type':'image','url':'https://x/y.png'}", 0, NULL,
		  "{'type':'image','source':{'type':'url','url':'https://x/y.png'}}" },
		{ "{'type':'image','url':'https://x/y.png'}", AIC_QUIRK_INLINE_IMAGES,
		  "not fetched",
		  "{'type':'text','text':'[image left out: https://x/y.png]'}" },
		{ "{'type':'image','media_type':'image/bmp','data':'AA=='}", 0, "JPEG",
		  "{'type':'text','text':'[image left out: image/bmp]'}" },
		{ "{'type':'image','media_type':'image/png','data':'AA=='}",
		  AIC_QUIRK_NO_IMAGES, "text only",
		  "{'type':'text','text':'[image left out: image/png]'}" },
		{ "{'type':'file','media_type':'application/"
		  "pdf','name':'a.pdf','data':'AA=='}",
		  0, NULL,
		  "{'type':'document','source':{'type':'base64','media_type':'"
		  "application/pdf','data':'AA=='},'title':'a.pdf'}" },
		{ "{'type':'file','media_type':'text/markdown','data':'IyBI'}", 0, NULL,
		  "{'type':'document','source':{'type':'text','media_type':'text/"
		  "plain','data':'# H'}}" },
		{ "{'type':'file','media_type':'application/zip','data':'AA=='}", 0,
		  "PDF or text",
		  "{'type':'text','text':'[file left out: application/zip]'}" },
		{ "{'type':'audio','media_type':'audio/wav','data':'AA=='}", 0, "audio",
		  "{'type':'text','text':'[audio left out: audio/wav]'}" },
	};
	char history[1000];

	snprintf(history, sizeof(history), "{'role':'user','parts':[%s]}",
		 cases[_i].part);
	ck_body(json(history), PROFILE(cases[_i].quirks), cases[_i].reported,
		"messages.0.content.0", cases[_i].expected);
}
END_TEST

/* --- replay --- */

static const char *thoughtful(void)
{
	return FRAMES(START, BLOCK(0, "{'type':'thinking','thinking':'','signature':''}"),
		      THOUGHT(0, "'Hm \\'so\\''"), SIGNED(0, "'A\\/b\\u003d'"), END(0),
		      BLOCK(1, "{'type':'redacted_thinking', 'data':'\\u0041'}"), END(1),
		      BLOCK(2, "{'type':'thinking','thinking':'unsigned'}"), END(2),
		      BLOCK(3, "{'type':'mystery','v':[1.50, {}]}"), END(3),
		      BLOCK(4, "{'type':'tool_use','id':'t','name':'add','input':{},'"
			       "caller':{'type':'direct'}}"),
		      INPUT(4, "'{\\'x\\': 1.0}'"), END(4), STOP("tool_use"));
}

/* Through the store's form and back, then into a request. */
static char *replayed(const char *frames, const char *provider, uint32_t quirks,
		      const char *reported)
{
	struct aic_profile profile = { .provider = "anthropic", .quirks = quirks };
	struct outcome o = read_bytes(aic_str(frames), false, quirks);
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = -1 };

	adopt(o.message, provider);
	char *text = message_text(o.message, true);
	struct aic_request *request = request_of(
		HISTORY(USER("Go"), text, RESULT("t", "")));
	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	char *body = body_of(request, &profile, reported);
	aic_request_free(request);
	aic_free(text);
	outcome_done(&o);
	return body;
}

START_TEST(replay_is_exact)
{
	char *body = replayed(thoughtful(), "anthropic", 0, "reasoning: not replayed");

	expect(body, "messages.1.content",
	       "[{'type':'thinking','thinking':'Hm "
	       "\\'so\\'','signature':'A\\/b\\u003d'},{'type':'redacted_thinking', "
	       "'data':'\\u0041'},{'type':'mystery','v':[1.50, "
	       "{}]},{'type':'tool_use','id':'t','name':'add','input':{'x': "
	       "1.0},'caller':{'type':'direct'}}]");
	aic_free(body);
	/* Of another provider: only what has fields of ours. */
	body = replayed(thoughtful(), "elsewhere", 0,
			"unknown: not replayed to anthropic");
	expect(body, "messages.1.content",
	       "[{'type':'tool_use','id':'t','name':'add','input':{'x': 1.0}}]");
	aic_free(body);
	body = replayed(thoughtful(), "anthropic", AIC_QUIRK_UNSIGNED_THINKING, NULL);
	expect(body, "messages.1.content.2", "{'type':'thinking','thinking':'unsigned'}");
	aic_free(body);
}
END_TEST

/* A refusal's explanation was no text of the model's; another dialect's refusal was. */
START_TEST(refusals_in_the_history)
{
	ck_body(HISTORY(USER("A"),
			ASSISTANT("'dialect':'anthropic-messages','parts':[{'type':'"
				  "refusal','text':'why','raw':'{\\'type\\':\\'refusal\\'"
				  "}'}]"),
			USER("B")),
		NULL, NULL, "messages",
		"[{'role':'user','content':[{'type':'text','text':'A'},{'type':'text','"
		"text':'B'}]}]");
	ck_body(HISTORY(USER("A"),
			ASSISTANT("'dialect':'openai-chat','parts':[{'type':'refusal','"
				  "text':'No.'}]"),
			USER("B")),
		NULL, NULL, "messages.1.content", "[{'type':'text','text':'No.'}]");
}
END_TEST

/* Raw that is none, or speaks of another call than the part, is not sent. */
START_TEST(raw_is_checked)
{
	ck_body(HISTORY(USER("A"),
			ASSISTANT("'dialect':'anthropic-messages','parts':[{'type':'text'"
				  ",'text':'T','raw':'[\\'text\\']'},{'type':'tool_call',"
				  "'id':'new','name':'add','arguments':'{}','raw':'{\\'"
				  "type\\':\\'tool_use\\',\\'id\\':\\'old\\',\\'name\\':"
				  "\\'add\\',\\'input\\':{}}'}]"),
			RESULT("new", "")),
		NULL, NULL, "messages.1.content",
		"[{'type':'text','text':'T'},{'type':'tool_use','id':'new','name':'add','"
		"input':{}}]");
}
END_TEST

/* --- options --- */

static char *optioned(const struct aic_profile *profile, const char *effort, int64_t max,
		      double temperature, const char *reported)
{
	struct aic_request *request = request_of(HISTORY(USER("Go")));

	request->max_tokens = max;
	request->temperature = temperature;
	request->reasoning_effort = aic_strdup(effort);
	char *body = body_of(request, profile, reported);
	aic_request_free(request);
	return body;
}

static void ck_options(char *body, const char *max_tokens, const char *thinking,
		       const char *output_config, const char *temperature)
{
	expect(body, "max_tokens", max_tokens);
	expect(body, "thinking", thinking);
	expect(body, "output_config", output_config);
	expect(body, "temperature", temperature);
	aic_free(body);
}

START_TEST(sampling)
{
	struct aic_profile profile = { .version = "2023-06-01" };

	ck_options(optioned(&profile, NULL, 9, 0.5, NULL), "9", NULL, NULL, "0.5");
	ck_options(optioned(&profile, NULL, 9, 1.5, "at most 1"), "9", NULL, NULL, "1");
	profile.version = "2026-10-21";
	ck_options(optioned(&profile, NULL, 9, 0.5, "temperature"), "9", NULL, NULL,
		   NULL);
	profile = (struct aic_profile){ .quirks = AIC_QUIRK_NO_SAMPLING,
					.max_tokens = 77 };
	ck_options(optioned(&profile, NULL, -1, 0.5, "temperature"), "77", NULL, NULL,
		   NULL);
}
END_TEST

START_TEST(efforts)
{
	struct aic_profile none = { 0 };
	struct aic_profile budget = { .quirks = AIC_QUIRK_THINKING_BUDGET };
	struct aic_profile adaptive = { .quirks = AIC_QUIRK_THINKING_ADAPTIVE };
	struct aic_profile both = { .quirks = AIC_QUIRK_THINKING_BUDGET |
					      AIC_QUIRK_THINKING_ADAPTIVE };
	const char *enabled = "{'type':'enabled','budget_tokens':10000}";
	const char *adapts = "{'type':'adaptive'}";

	ck_options(optioned(&none, "high", 9, NAN, "reasoning_effort"), "9", NULL, NULL,
		   NULL);
	ck_options(optioned(&none, "none", 9, NAN, NULL), "9", NULL, NULL, NULL);
	ck_options(optioned(&budget, "none", 9, 0.5, NULL), "9", "{'type':'disabled'}",
		   NULL, "0.5");
	ck_options(optioned(&budget, "medium", 20000, NAN, NULL), "20000", enabled, NULL,
		   NULL);
	ck_options(optioned(&budget, "medium", -1, 0.5, "while the model reasons"),
		   "14096", enabled, NULL, NULL);
	ck_options(optioned(&budget, "medium", 20000, 1, NULL), "20000", enabled, NULL,
		   "1");
	ck_options(optioned(&budget, "medium", 8000, NAN, NULL), "8000",
		   "{'type':'enabled','budget_tokens':4000}", NULL, NULL);
	ck_options(optioned(&budget, "low", 800, NAN, "no room"), "800", NULL, NULL,
		   NULL);
	ck_options(optioned(&budget, "odd", 800, NAN, "not known"), "800", NULL, NULL,
		   NULL);
	ck_options(optioned(&adaptive, "minimal", 9, NAN, NULL), "9", adapts,
		   "{'effort':'low'}", NULL);
	ck_options(optioned(&adaptive, "xhigh", 9, NAN, NULL), "9", adapts,
		   "{'effort':'xhigh'}", NULL);
	ck_options(optioned(&both, "xhigh", 9, NAN, NULL), "9", adapts,
		   "{'effort':'max'}", NULL);
}
END_TEST

START_TEST(budget_and_tools)
{
	struct aic_profile budget = { .quirks = AIC_QUIRK_THINKING_BUDGET };
	struct aic_request *request = request_of(
		HISTORY(USER("Go"), CALLED("a", "{}"), RESULT("a", "")));
	struct aic_tool tool = { .name = aic_strdup("add"), .strict = -1 };

	ck_assert_int_eq(aic_request_add_tool(request, &tool), 0);
	request->reasoning_effort = aic_strdup("low");
	char *body = body_of(request, &budget, "inside a tool loop");
	expect(body, "thinking", NULL);
	aic_free(body);
	request->tool_choice = AIC_TOOL_CHOICE_REQUIRED;
	body = body_of(request, &budget, "forced tool");
	expect(body, "thinking", NULL);
	aic_free(body);
	aic_request_free(request);
}
END_TEST

START_TEST(formats)
{
	struct aic_request *request = request_of(HISTORY(SYSTEM("S"), USER("Go")));
	aichat_error *error = NULL;
	struct aic_buf out = aic_buf(0);

	request->format = AIC_FORMAT_JSON;
	char *body = body_of(request, NULL, NULL);
	expect(body, "system.0.text", "'S'");
	expect(body, "system.1.text", "'Answer with one JSON object and nothing else.'");
	aic_free(body);
	request->format = AIC_FORMAT_SCHEMA;
	set_json(&request->format_schema,
		 "{'$schema':'x','type':'object','properties':{'minimum':{'type':'"
		 "integer','minimum':1,'maximum':9},'b':{'description':'B.','type':['"
		 "object','null'],'additionalProperties':{'type':'string'}},'c':{'type':'"
		 "array','items':{'oneOf':[{'type':'string','format':'date'},{'format':'"
		 "zip'},true]},'minItems':2},'d':{'$ref':'#/$defs/"
		 "e'}},'required':['b'],'$defs':{'e':{'anyOf':[{}],'oneOf':[{}],'not':{}}"
		 "}}");
	body = body_of(request, NULL, NULL);
	expect(body, "system", "'S'");
	expect(body, "output_config",
	       "{'format':{'type':'json_schema','schema':{'type':'object','properties':{'"
	       "minimum':{'type':'integer','description':'minimum: 1; maximum: "
	       "9'},'b':{'type':['object','null'],'description':'B.','"
	       "additionalProperties':false},'c':{'type':'array','items':{'anyOf':[{'"
	       "type':'string','format':'date'},{'description':'format: "
	       "zip'},true]},'description':'minItems: "
	       "2'},'d':{'$ref':'#/$defs/"
	       "e'}},'required':['b'],'$defs':{'e':{'anyOf':[{}],'description':'oneOf: "
	       "[{}]; not: {}'}},'additionalProperties':false}}}");
	aic_free(body);
	set_json(&request->format_schema, "{'type':");
	struct aic_profile profile = { 0 };
	ck_assert_int_eq(ANTHROPIC->encode_request(request, &profile, &out, NULL, &error),
			 AICHAT_EJSON);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "schema"));
	aichat_error_unref(error);
	aic_buf_done(&out);
	aic_request_free(request);
}
END_TEST

START_TEST(stops_and_extras)
{
	struct aic_profile profile = { .version = "2026-10-21" };
	struct aic_request *request = request_of(HISTORY(USER("Go")));

	aic_request_add_stop(request, AIC_STR(" \n"));
	aic_request_add_stop(request, AIC_STR("END"));
	request->user = aic_strdup("u1");
	request->stream = true;
	aic_request_set_extra(request, AIC_STR("max_tokens"), AIC_STR("5"));
	aic_request_set_extra(request, AIC_STR("container"), aic_str(json("{'id':'c'}")));
	aic_request_set_extra(request, AIC_STR("top_k"), AIC_STR("4"));
	char *body = body_of(request, &profile, "t"); /* white space, and top_k */
	expect(body, "stop_sequences", "['END']");
	expect(body, "metadata", "{'user_id':'u1'}");
	expect(body, "stream", "true");
	expect(body, "max_tokens", "5"); /* a member twice would be no JSON to our scan */
	expect(body, "container", "{'id':'c'}");
	expect(body, "top_k", NULL);
	aic_free(body);
	aic_request_free(request);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("anthropic_request");
	TCase *tc = tcase_create("request");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, turns);
	tcase_add_test(tc, prefill);
	tcase_add_test(tc, instructions_in_the_middle);
	tcase_add_test(tc, calls_and_results);
	tcase_add_test(tc, arguments_that_are_none);
	tcase_add_test(tc, tools_that_are_gone);
	tcase_add_loop_test(tc, tool_choices, 0, 7);
	tcase_add_loop_test(tc, media, 0, 8);
	tcase_add_test(tc, replay_is_exact);
	tcase_add_test(tc, refusals_in_the_history);
	tcase_add_test(tc, raw_is_checked);
	tcase_add_test(tc, sampling);
	tcase_add_test(tc, efforts);
	tcase_add_test(tc, budget_and_tools);
	tcase_add_test(tc, formats);
	tcase_add_test(tc, stops_and_extras);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
