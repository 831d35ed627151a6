/*
 * The Messages dialect: requests read from a caller; and what is written, read again.
 */

#include <math.h>

#include "anthropic_support.h"
#include "seeds.h"

static struct aic_request *read_body(const char *body)
{
	struct aic_request *request = NULL;
	aichat_error *error = NULL;
	int code = ANTHROPIC->decode_request(aic_str(body), &request, &error);

	ck_assert_msg(code == 0, "%s", aichat_error_message(error));
	ck_assert_ptr_nonnull(request);
	return request;
}

/* Of everything something. */
static const char everything[] =
	"{'model':'m-2','max_tokens':9,'temperature':0.5,'top_p':1,'top_k':3,"
	"'system':[{'type':'text','text':'S','cache_control':{'type':'ephemeral'}}],"
	"'stop_sequences':['a\\n'],'stream':true,'metadata':{'user_id':'u'},"
	"'tools':[{'name':'f','description':'d','input_schema':{'type':'object' },"
	"'strict':true},{'type':'web_search_1','name':'w'}],"
	"'tool_choice':{'type':'tool','name':'f','disable_parallel_tool_use':true},"
	"'thinking':{'type':'enabled','budget_tokens':2048},"
	"'output_config':{'format':{'type':'json_schema','schema':{'type':'object'}}},"
	"'messages':[{'role':'user','content':'Hi'},"
	"{'role':'assistant','content':["
	"{'type':'thinking','thinking':'h','signature':'s'},"
	"{'type':'redacted_thinking','data':'d'},"
	"{'type':'thinking','thinking':'u','signature':''},"
	"{'type':'text','text':'T','citations':[]},"
	"{'type':'tool_use','id':'i','name':'f','input':{'a' :1}},"
	"{'type':'server_tool_use','id':'s'}]},"
	"{'role':'user','content':["
	"{'type':'text','text':'and','cache_control':null},"
	"{'type':'tool_result','tool_use_id':'i','is_error':true,'content':["
	"{'type':'text','text':'r'},"
	"{'type':'image','source':{'type':'base64','media_type':'image/png',"
	"'data':'AAE='}},"
	"{'type':'search_result','x':1}]},"
	"{'type':'image','source':{'type':'url','url':'https://x'}},"
	"{'type':'document','title':'t','source':{'type':'text','media_type':"
	"'text/plain','data':'D'}},"
	"{'type':'document','source':{'type':'base64','media_type':'application/pdf',"
	"'data':'AA=='},'citations':{'enabled':true}},"
	"{'type':'image','source':{'type':'file','file_id':'f'}}]},"
	"{'role':'system','content':'Rhyme'}]}";

START_TEST(read_everything)
{
	struct aic_request *r = read_body(json(everything));

	ck_assert_str_eq(r->model, "m-2");
	ck_assert_int_eq(r->max_tokens, 9);
	ck_assert(r->temperature == 0.5 && r->top_p == 1);
	ck_assert_uint_eq(r->extra_count, 1);
	ck_assert_str_eq(r->extra[0].name, "top_k");
	ck_assert_str_eq(r->stop[0], "a\n");
	ck_assert(r->stream);
	ck_assert_str_eq(r->user, "u");
	ck_assert_uint_eq(r->tool_count, 2);
	ck_str(r->tools[0].schema, "{'type':'object' }");
	ck_assert_int_eq(r->tools[0].strict, 1);
	ck_str(r->tools[1].raw, "{'type':'web_search_1','name':'w'}");
	ck_assert_int_eq(r->tool_choice, AIC_TOOL_CHOICE_NAMED);
	ck_assert_str_eq(r->tool_choice_name, "f");
	ck_assert_int_eq(r->parallel_tool_calls, 0);
	ck_assert_str_eq(r->reasoning_effort, "low");
	ck_assert_int_eq(r->format, AIC_FORMAT_SCHEMA);
	ck_str(r->format_schema, "{'type':'object'}");
	static const struct {
		enum aichat_role role;
		size_t parts;
		bool raw;
	} shapes[] = {
		{ AICHAT_ROLE_SYSTEM, 1, true },    { AICHAT_ROLE_USER, 1, false },
		{ AICHAT_ROLE_ASSISTANT, 6, true }, { AICHAT_ROLE_TOOL, 1, true },
		{ AICHAT_ROLE_USER, 5, true },      { AICHAT_ROLE_SYSTEM, 1, false },
	};
	ck_assert_uint_eq(r->message_count, AIC_ARRAY_LEN(shapes));
	for (size_t i = 0; i < AIC_ARRAY_LEN(shapes); i++) {
		ck_assert_int_eq(r->messages[i]->role, shapes[i].role);
		ck_assert_uint_eq(r->messages[i]->part_count, shapes[i].parts);
		ck_assert_int_eq(r->messages[i]->dialect != NULL, shapes[i].raw);
		ck_assert_ptr_null(r->messages[i]->provider);
	}
	aic_request_free(r);
}
END_TEST

START_TEST(read_blocks)
{
	struct aic_request *r = read_body(json(everything));
	const struct aichat_part *p = r->messages[2]->parts;

	ck_str(r->messages[0]->parts[0].text, "S");
	ck_str(r->messages[0]->parts[0].raw,
	       "{'type':'text','text':'S','cache_control':{'type':'ephemeral'}}");
	ck_str(p[0].text, "h");
	ck_str(p[0].raw, "{'type':'thinking','thinking':'h','signature':'s'}");
	ck_assert_int_eq(p[1].type, AICHAT_PART_REASONING);
	ck_assert_ptr_null(p[2].raw.data);
	ck_assert_ptr_null(p[3].raw.data);
	ck_str(p[4].text, "{'a' :1}");
	ck_assert_int_eq(p[5].type, AICHAT_PART_UNKNOWN);
	p = r->messages[3]->parts;
	ck_assert(p->is_error);
	ck_assert_str_eq(p->id, "i");
	ck_assert_uint_eq(p->part_count, 3);
	ck_str(p->parts[0].text, "r");
	ck_assert_uint_eq(p->parts[1].data.len, 2);
	ck_assert_str_eq(p->parts[1].media_type, "image/png");
	ck_assert_int_eq(p->parts[2].type, AICHAT_PART_UNKNOWN);
	p = r->messages[4]->parts;
	ck_assert_ptr_null(p[0].raw.data);
	ck_assert_str_eq(p[1].url, "https://x");
	ck_assert_str_eq(p[2].name, "t");
	ck_str(p[2].data, "D");
	ck_assert_int_eq(p[3].type, AICHAT_PART_FILE);
	ck_assert_uint_eq(p[3].data.len, 1);
	ck_assert_ptr_nonnull(p[3].raw.data);
	ck_assert_int_eq(p[4].type, AICHAT_PART_UNKNOWN);
	aic_request_free(r);
}
END_TEST

/* What ours cannot say goes out as it came in. */
START_TEST(kept_to_the_letter)
{
	static const char *const members[] = {
		"'thinking':{'type':'enabled','budget_tokens':3000}",
		"'thinking':{'type':'adaptive','display':'omitted'}",
		"'thinking':{'type':'adaptive'}",
		"'thinking':{'type':'between_tools'}",
		"'output_config':{'effort':'low'}",
		"'output_config':{'effort':'low','later':1}",
		"'metadata':{'user_id':'u','more':1}",
		("'tools':[{'name':'f','input_schema':{},'cache_control':{'type':'"
		 "ephemeral'}}]"),
		"'mcp_servers':[{}]",
	};
	struct aic_profile profile = { .quirks = AIC_QUIRK_THINKING_BUDGET |
						 AIC_QUIRK_THINKING_ADAPTIVE };
	char body[500], name[40];

	snprintf(body, sizeof(body),
		 "{'model':'m-2','max_tokens':5000,'messages':[{'role':'user','content':'"
		 "Hi'}],%s}",
		 members[_i]);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(members[_i] + 1, "'"),
		 members[_i] + 1);
	struct aic_request *r = read_body(json(body));
	char *again = body_of(r, &profile, NULL);
	expect(again, name, strchr(members[_i], ':') + 1);
	if (strcmp(name, "output_config") == 0)
		expect(again, "thinking", NULL);
	aic_free(again);
	aic_request_free(r);
}
END_TEST

START_TEST(effort_beside_thinking)
{
	struct aic_profile profile = { .quirks = AIC_QUIRK_THINKING_ADAPTIVE };
	struct aic_request *r = read_body(json(
		"{'model':'m-2','messages':[{'role':'user','content':'Hi'}],'thinking':"
		"{'type':'adaptive','display':'x'},'output_config':{'effort':'max'}}"));

	ck_assert_str_eq(r->reasoning_effort, "max");
	ck_assert_int_eq(r->max_tokens, -1);
	char *again = body_of(r, &profile, NULL);
	expect(again, "thinking", "{'type':'adaptive','display':'x'}");
	expect(again, "output_config", "{'effort':'max'}");
	aic_free(again);
	aic_request_free(r);
}
END_TEST

START_TEST(wrong_requests)
{
	static const struct {
		const char *body, *place;
	} cases[] = {
		{ "[]", "request" },
		{ "{}", "model" },
		{ "{'model':7}", "model" },
		{ "{'model':'m'}", "messages" },
		{ "{'model':'m','messages':{}}", "messages" },
		{ "{'model':'m','messages':[7]}", "messages[0]" },
		{ "{'model':'m','messages':[{'role':'tool','content':''}]}",
		  "messages[0].role" },
		{ "{'model':'m','messages':[{'role':'user'}]}", "messages[0].content" },
		{ "{'model':'m','messages':[{'role':'user','content':7}]}",
		  "messages[0].content" },
		{ "{'model':'m','messages':[{'role':'user','content':''},{'role':'user','"
		  "content':[{'text':'x'}]}]}",
		  "messages[1].content[0].type" },
		{ "{'model':'m','messages':[{'role':'user','content':[{'type':'text','"
		  "text':7}]}]}",
		  "messages[0].content[0].text" },
		{ "{'model':'m','messages':[{'role':'user','content':[{'type':'tool_use',"
		  "'id':'a','name':'f','input':{}}]}]}",
		  "messages[0].content[0].type" },
		{ "{'model':'m','messages':[{'role':'assistant','content':[{'type':'tool_"
		  "use','id':'a','name':'f','input':'{}'}]}]}",
		  "messages[0].content[0].input" },
		{ "{'model':'m','messages':[{'role':'user','content':[{'type':'image','"
		  "source':{'type':'base64','media_type':'image/png','data':'*'}}]}]}",
		  "messages[0].content[0].source.data" },
		{ "{'model':'m','messages':[{'role':'user','content':[{'type':'tool_"
		  "result','tool_use_id':'a','content':[{'type':'tool_result'}]}]}]}",
		  "messages[0].content[0].content[0].type" },
		{ "{'model':'m','messages':[],'system':7}", "system" },
		{ "{'model':'m','messages':[],'max_tokens':'9'}", "max_tokens" },
		{ "{'model':'m','messages':[],'max_tokens':-1}", "max_tokens" },
		{ "{'model':'m','messages':[],'temperature':2}", "temperature" },
		{ "{'model':'m','messages':[],'stop_sequences':[1]}",
		  "stop_sequences[0]" },
		{ "{'model':'m','messages':[],'tools':[{'name':'f'}]}",
		  "tools[0].input_schema" },
		{ "{'model':'m','messages':[],'tool_choice':{'type':'all'}}",
		  "tool_choice.type" },
		{ "{'model':'m','messages':[],'tool_choice':{'type':'tool'}}",
		  "tool_choice.name" },
		{ "{'model':'m','messages':[],'stream':1}", "stream" },
		{ "{'model':'m','messages':[],'thinking':{}}", "thinking.type" },
		{ "{'model':'m','model':'n'}", "column" },
	};
	struct aic_request *request = NULL;
	aichat_error *error = NULL;

	ck_assert_int_eq(ANTHROPIC->decode_request(aic_str(json(cases[_i].body)),
						   &request, &error),
			 AICHAT_EJSON);
	ck_assert_ptr_null(request);
	ck_assert_msg(strstr(aichat_error_message(error), cases[_i].place), "%s: %s",
		      cases[_i].body, aichat_error_message(error));
	aichat_error_unref(error);
}
END_TEST

/* --- properties --- */

static void random_content(struct dice *d, struct aichat_message *m)
{
	struct aic_string text = { 0 };
	struct aichat_part *part;
	unsigned kind = roll(d, 3);

	random_string(d, &text);
	aic_string_append(&text, AIC_STR("."));
	if (kind == 0 && m->role == AICHAT_ROLE_USER) {
		part = aic_message_add_part(m, AICHAT_PART_IMAGE);
		part->media_type = aic_strdup("image/webp");
		aic_string_set(&part->data, aic_string_str(&text));
	} else if (kind == 1 && m->role == AICHAT_ROLE_USER) {
		part = aic_message_add_part(m, AICHAT_PART_FILE);
		part->name = perhaps_word(d);
		if (flip(d)) {
			part->url = random_word(d);
		} else {
			part->media_type = aic_strdup("text/plain");
			aic_string_set(&part->data, aic_string_str(&text));
		}
	} else if (kind == 0) {
		part = aic_message_add_part(m, AICHAT_PART_UNKNOWN);
		set_json(&part->raw, "{'type':'later', 'v':1e1}");
		if (!m->dialect)
			m->dialect = aic_strdup("anthropic-messages");
	} else if (kind == 1) {
		part = aic_message_add_part(m, AICHAT_PART_REASONING);
		aic_string_set(&part->text, AIC_STR("h"));
		set_json(&part->raw,
			 "{'type':'thinking','thinking':'h','signature':'\\u0041'}");
		if (!m->dialect)
			m->dialect = aic_strdup("anthropic-messages");
	} else {
		aic_message_add_text(m, aic_string_str(&text));
	}
	aic_string_done(&text);
}

static struct aichat_message *add(struct aic_request *r, enum aichat_role role)
{
	struct aichat_message *m = aic_message_new(role);

	m->state = AICHAT_MESSAGE_SEALED;
	ck_assert_int_eq(aic_request_add_message(r, m), 0);
	aichat_message_unref(m);
	return m;
}

static void random_loop(struct dice *d, struct aic_request *r)
{
	struct aichat_message *m = add(r, AICHAT_ROLE_ASSISTANT);
	struct aichat_part *part;

	if (flip(d))
		random_content(d, m);
	unsigned calls = roll(d, 3);
	for (unsigned i = 0; i < calls; i++) {
		char id[20];
		snprintf(id, sizeof(id), "t_%u_%u", (unsigned)r->message_count, i);
		part = aic_message_add_part(m, AICHAT_PART_TOOL_CALL);
		part->id = aic_strdup(id);
		part->name = aic_strdup("f");
		set_json(&part->text, "{'a': 1.0}");
	}
	if (!m->part_count)
		aic_message_add_text(m, AIC_STR("so"));
	struct aichat_message *results = calls ? add(r, AICHAT_ROLE_TOOL) : NULL;
	for (unsigned i = 0; i < calls; i++) {
		part = aic_message_add_part(results, AICHAT_PART_TOOL_RESULT);
		part->id = aic_strdup(m->parts[m->part_count - calls + i].id);
		part->is_error = flip(d);
		for (unsigned n = roll(d, 3); n > 0; n--) {
			struct aichat_part *inner = aic_part_add_part(part,
								      AICHAT_PART_TEXT);
			aic_string_set(&inner->text, AIC_STR("r"));
		}
	}
	if (!calls || flip(d))
		random_content(d, add(r, AICHAT_ROLE_USER));
}

static struct aic_request *random_request(uint64_t seed)
{
	static const char *const words[] = { NULL, "none", "minimal", "low", "medium" };
	struct dice d = dice(seed);
	struct aic_request *r = aic_request_new();

	r->model = random_word(&d);
	r->max_tokens = 20000 + roll(&d, 10000);
	if (flip(&d))
		aic_message_add_text(add(r, AICHAT_ROLE_SYSTEM), AIC_STR("Be\n'brief'."));
	random_content(&d, add(r, AICHAT_ROLE_USER));
	for (unsigned n = roll(&d, 4); n > 0; n--)
		random_loop(&d, r);
	struct aic_tool tool = { .name = aic_strdup("f"),
				 .description = perhaps_word(&d),
				 .strict = (int)roll(&d, 3) - 1 };
	set_json(&tool.schema, "{'type':'object', 'properties':{}}");
	ck_assert_int_eq(aic_request_add_tool(r, &tool), 0);
	r->tool_choice = flip(&d) ? AIC_TOOL_CHOICE_AUTO : AIC_TOOL_CHOICE_NONE;
	if (r->tool_choice == AIC_TOOL_CHOICE_AUTO)
		r->parallel_tool_calls = (int)roll(&d, 3) - 1;
	r->user = perhaps_word(&d);
	r->stream = flip(&d);
	for (unsigned n = roll(&d, 3); n > 0; n--)
		aic_request_add_stop(r, AIC_STR("E'ND"));
	const char *effort = words[roll(&d, AIC_ARRAY_LEN(words))];
	/* Thoughts and sampling do not go together, nor a budget into a loop without. */
	if (r->message_count < 3)
		r->reasoning_effort = aic_strdup(effort);
	if (!r->reasoning_effort)
		r->temperature = flip(&d) ? 0.25 : 1;
	if (flip(&d)) {
		r->format = AIC_FORMAT_SCHEMA;
		set_json(&r->format_schema, "{'type':'string'}");
	}
	if (flip(&d))
		aic_request_set_extra(r, AIC_STR("container"),
				      aic_str(json("'c\\u0041'")));
	return r;
}

#define SAME_TEXT(member)                                                                \
	ck_assert_msg(aic_streq(a->member, b->member), "seed %u: " #member,              \
		      (unsigned)seed)
#define SAME_INT(member)                                                                 \
	ck_assert_msg(a->member == b->member, "seed %u: " #member, (unsigned)seed)

static void ck_same_options(const struct aic_request *a, const struct aic_request *b,
			    uint64_t seed)
{
	SAME_TEXT(model);
	SAME_TEXT(user);
	SAME_TEXT(reasoning_effort);
	SAME_INT(max_tokens);
	SAME_INT(tool_choice);
	SAME_INT(parallel_tool_calls);
	SAME_INT(stream);
	SAME_INT(format);
	SAME_INT(stop_count);
	SAME_INT(extra_count);
	SAME_INT(tool_count);
	ck_assert(isnan(a->temperature) ? isnan(b->temperature)
					: a->temperature == b->temperature);
	ck_assert(same_string(&a->format_schema, &b->format_schema));
	for (size_t i = 0; i < a->stop_count; i++)
		SAME_TEXT(stop[i]);
	for (size_t i = 0; i < a->extra_count; i++) {
		SAME_TEXT(extra[i].name);
		ck_assert(same_string(&a->extra[i].value, &b->extra[i].value));
	}
	for (size_t i = 0; i < a->tool_count; i++) {
		SAME_TEXT(tools[i].name);
		SAME_TEXT(tools[i].description);
		SAME_INT(tools[i].strict);
		ck_assert(same_string(&a->tools[i].schema, &b->tools[i].schema));
	}
}

START_TEST(there_and_back)
{
	struct aic_profile profile = { .provider = "anthropic",
				       .quirks = AIC_QUIRK_THINKING_BUDGET };

	for (uint64_t seed = 1; seed <= seeds(1000); seed++) {
		struct aic_request *a = random_request(seed), *b;
		struct aic_buf out = aic_buf(0);
		ck_assert_int_eq(ANTHROPIC->encode_request(a, &profile, &out, NULL, NULL),
				 0);
		b = read_body(out.data);
		ck_same_options(a, b, seed);
		ck_assert_msg(a->message_count == b->message_count, "seed %u: %s",
			      (unsigned)seed, out.data);
		for (size_t i = 0; i < a->message_count; i++)
			ck_assert_msg(same_message(a->messages[i], b->messages[i]),
				      "seed %u, message %u: %s", (unsigned)seed,
				      (unsigned)i, out.data);
		aic_request_free(a);
		aic_request_free(b);
		aic_buf_done(&out);
	}
}
END_TEST

/* Any history gives a body that is JSON and that we would take ourselves. */
START_TEST(any_history)
{
	struct aic_profile profile = { .provider = "p" };

	for (uint64_t seed = 1; seed <= seeds(500); seed++) {
		struct aic_request *r = aic_request_new();
		r->model = aic_strdup("m-2");
		for (uint64_t i = 0; i < 1 + seed % 5; i++) {
			struct aichat_message *m = random_message(seed * 10 + i);
			if (i % 2) {
				aic_free(m->dialect);
				aic_free(m->provider);
				m->dialect = aic_strdup("anthropic-messages");
				m->provider = aic_strdup("p");
			}
			ck_assert_int_eq(aic_request_add_message(r, m), 0);
			aichat_message_unref(m);
		}
		profile.quirks = (uint32_t)seed * 2654435761u;
		struct aic_buf out = aic_buf(0);
		ck_assert_int_eq(ANTHROPIC->encode_request(r, &profile, &out, NULL, NULL),
				 0);
		aic_request_free(read_body(out.data));
		aic_request_free(r);
		aic_buf_done(&out);
	}
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int both_ways(void *data)
{
	struct aic_profile profile = { .quirks = AIC_QUIRK_SYSTEM_ANYWHERE |
						 AIC_QUIRK_THINKING_BUDGET };
	struct aic_buf out = aic_buf(0);
	struct aic_request *request = NULL;
	struct aic_report report = { 0 };
	int code = ANTHROPIC->decode_request(aic_str(data), &request, NULL);

	if (code == 0)
		code = ANTHROPIC->encode_request(request, &profile, &out, &report, NULL);
	aic_request_free(request);
	aic_report_done(&report);
	aic_buf_done(&out);
	return code;
}

START_TEST(without_memory)
{
	char text[sizeof(everything)];

	memcpy(text, json(everything), sizeof(everything));
	walk_failures(both_ways, text);
}
END_TEST
#endif

START_TEST(hostile)
{
	for (uint64_t seed = 1; seed <= seeds(2000); seed++) {
		struct dice d = dice(seed);
		struct aic_request *request = NULL;
		aichat_error *error = NULL;
		char text[sizeof(everything)];
		memcpy(text, json(everything), sizeof(everything));
		damage(&d, text);
		int code = ANTHROPIC->decode_request(aic_str(text), &request, &error);
		ck_assert_msg(code == 0 || code == AICHAT_EJSON || code == AICHAT_EUTF8,
			      "%d: %s", code, text);
		ck_assert(!code == !error && !code == !!request);
		aichat_error_unref(error);
		aic_request_free(request);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("anthropic_read");
	TCase *tc = tcase_create("request");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, read_everything);
	tcase_add_test(tc, read_blocks);
	tcase_add_loop_test(tc, kept_to_the_letter, 0, 9);
	tcase_add_test(tc, effort_beside_thinking);
	tcase_add_loop_test(tc, wrong_requests, 0, 26);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, any_history);
	tcase_add_test(tc, hostile);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tc, without_memory);
#endif
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
