/*
 * Chat Completions: reading what the fixtures do not cover (they and the recordings are
 * read by test_decode.py): texts cut anywhere, calls without ids, guard rails, media.
 */

#include "chat_support.h"
#include "seeds.h"

#define SEALED "{\"role\":\"assistant\",\"state\":\"sealed\",\"stop_reason\":"

/* --- texts --- */

START_TEST(halves_of_a_pair_meet_again)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"content\":\"a\\ud83d\"}");
	read_delta(&r, "{\"content\":\"\"}");
	read_delta(&r, "{\"content\":\"\\ude00b\\ud83d\"}");
	read_delta(&r, "{\"content\":\"plain\"}");
	/* An escaped backslash only looks like half a pair. */
	read_delta(&r, "{\"content\":\"\\\\ud83d\"}");
	read_delta(&r, "{\"content\":\"\\ude00\"}");
	read_delta(&r, "{\"content\":\"\\ud83d\"}");
	read_finish(&r, "stop");
	expect_reply(&r,
		     SEALED "\"stop\",\"stop_word\":\"stop\",\"parts\":[{\"type\":"
			    "\"text\",\"text\":\"a"
			    "\xf0\x9f\x98\x80"
			    "b\xef\xbf\xbdplain\\\\ud83d\xef\xbf\xbd\xef\xbf\xbd\"}]}");
}
END_TEST

START_TEST(half_a_pair_stays_with_its_kind)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"reasoning\":\"a\\ud83d\"}");
	read_delta(&r, "{\"content\":\"\\ude00\"}");
	read_finish(&r, "stop");
	expect_reply(&r, SEALED "\"stop\",\"stop_word\":\"stop\",\"parts\":["
				"{\"type\":\"reasoning\",\"text\":\"a\xef\xbf\xbd\"},"
				"{\"type\":\"text\",\"text\":\"\xef\xbf\xbd\"}]}");
}
END_TEST

/* A text with everything that is hard to cut, in JSON. */
static const char hard_text[] = "one <think>two \\n\\\"\\ud83d\\ude00 three</think>four "
				"<thi \\u00e9 </think> \xe4\xbd\xa0"
				" <think>\\\\ five";

/* The end of a piece that starts at `at`: escapes and characters stay whole, but for
 * pairs of surrogates. */
static size_t next_cut(const char *text, size_t at, struct dice *d)
{
	size_t len = strlen(text);

	for (unsigned n = 1 + roll(d, 9); n > 0 && at < len; n--) {
		if (text[at] == '\\')
			at += text[at + 1] == 'u' ? 6 : 2;
		else
			at++;
		while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

/* Where a text may stand in a delta. */
struct place {
	const char *before, *after;
};

static const struct place places[] = {
	{ "{\"content\":\"", "\"}" },
	{ "{\"content\":[{\"type\":\"text\",\"text\":\"", "\"}]}" },
	{ "{\"reasoning_content\":\"", "\"}" },
	{ "{\"refusal\":\"", "\"}" },
	{ "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
	  "\"arguments\":\"",
	  "\"}}]}" },
	{ "{\"tool_calls\":[{\"id\":\"a\",\"custom\":{\"name\":\"f\",\"input\":\"",
	  "\"}}]}" },
	{ "{\"tool_calls\":[{\"function\":{\"arguments\":\"", "\"}}]}" },
	{ "{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":0,\"text\":\"",
	  "\"}]}" },
};

/* The final message when this text comes in pieces that the seed chooses. */
static char *read_cut(const char *text, const struct place *place, uint32_t quirks,
		      uint64_t seed)
{
	struct reading r = read_start(quirks);
	struct dice d = dice(seed);
	size_t len = strlen(text);

	for (size_t at = 0; at < len;) {
		size_t end = seed ? next_cut(text, at, &d) : len;
		char delta[512];
		snprintf(delta, sizeof(delta), "%s%.*s%s", place->before, (int)(end - at),
			 text + at, place->after);
		ck_assert_int_eq(read_delta(&r, delta), AIC_DECODED_PROGRESS);
		at = end;
	}
	read_finish(&r, "stop");
	ck_assert_int_eq(read_end(&r), 0);
	aic_builder_seal(r.messages[0], AICHAT_MESSAGE_SEALED);
	char *have = message_text(r.messages[0], true);
	read_done(&r);
	return have;
}

START_TEST(however_deltas_are_cut)
{
	for (size_t f = 0; f < AIC_ARRAY_LEN(places); f++)
		for (int tags = 0; tags < 2; tags++) {
			uint32_t quirks = tags ? AIC_QUIRK_THINK_TAGS : 0;
			char *want = read_cut(hard_text, &places[f], quirks, 0);
			for (uint64_t seed = 1; seed < seeds(200); seed++) {
				char *have = read_cut(hard_text, &places[f], quirks,
						      seed);
				ck_assert_str_eq(have, want);
				aic_free(have);
			}
			aic_free(want);
		}
}
END_TEST

START_TEST(think_tags_split_text)
{
	char *have = read_cut(hard_text, &places[0], AIC_QUIRK_THINK_TAGS, 0);

	ck_assert_str_eq(
		have, SEALED
		"\"stop\",\"stop_word\":\"stop\",\"parts\":["
		"{\"type\":\"text\",\"text\":\"one \"},"
		"{\"type\":\"reasoning\",\"text\":\"two \\n\\\"\xf0\x9f\x98\x80 three\"},"
		"{\"type\":\"text\",\"text\":\"four <thi \xc3\xa9 </think> \xe4\xbd\xa0 "
		"\"},"
		"{\"type\":\"reasoning\",\"text\":\"\\\\ five\"}]}");
	aic_free(have);
}
END_TEST

START_TEST(a_tag_that_never_came_is_text)
{
	struct reading r = read_start(AIC_QUIRK_THINK_TAGS);

	read_delta(&r, "{\"content\":\"a <thi\"}");
	read_delta(&r, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":"
		       "{\"name\":\"f\",\"arguments\":\"\"}}]}");
	read_finish(&r, "tool_calls");
	expect_reply(&r, SEALED "\"tool_calls\",\"stop_word\":\"tool_calls\",\"parts\":["
				"{\"type\":\"text\",\"text\":\"a <thi\"},"
				"{\"type\":\"tool_call\",\"id\":\"a\",\"name\":\"f\","
				"\"arguments\":\"{}\"}]}");
}
END_TEST

START_TEST(short_repetitions_are_meant)
{
	struct reading r = read_start(AIC_QUIRK_DEDUPE);

	read_delta(&r, "{\"content\":\"ha \"}");
	read_delta(&r, "{\"content\":\"ha \"}");
	read_delta(&r, "{\"content\":\"hello \"}");
	read_delta(&r, "{\"content\":\"hello \"}");
	read_finish(&r, "stop");
	expect_reply(&r, SEALED
		     "\"stop\",\"stop_word\":\"stop\",\"parts\":[{\"type\":\"text\","
		     "\"text\":\"ha ha hello \"}]}");
}
END_TEST

#ifdef AIC_TEST_HOOKS
START_TEST(plain_text_allocates_nothing)
{
	static const char chunk[] = "{\"id\":\"c\",\"object\":\"chat.completion.chunk\","
				    "\"created\":1,\"model\":\"m\","
				    "\"choices\":[{\"index\":0,\"delta\":{\"content\":"
				    "\"some\\ntext\"},\"finish_reason\":null}],"
				    "\"usage\":null}";
	struct reading r = read_start(0);

	for (int round = 0; round < 3; round++) {
		if (round == 2)
			aic_mem_fail_at(1, true);
		/* Not even with escapes, once there is room for such text. */
		for (int i = 0; i < 100; i++) {
			ck_assert_int_eq(r.decoder->dialect->decode_event(
						 r.decoder, AIC_STR(""), aic_str(chunk),
						 &r.events),
					 AIC_DECODED_PROGRESS);
			aic_events_reset(&r.events);
		}
	}
	aic_mem_fail_at(0, false);
	read_done(&r);
}
END_TEST
#endif

/* --- reasoning --- */

START_TEST(details_are_kept_as_they_came)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"reasoning\":\"a\",\"reasoning_details\":[{\"type\":"
		       "\"reasoning.text\","
		       "\"text\":\"a\\u0062\", \"index\":0,\"signature\":null}]}");
	read_delta(&r, "{\"reasoning\":\"b\",\"reasoning_details\":[{\"type\":"
		       "\"reasoning.text\","
		       "\"text\":\"\\n\",\"index\":0}]}");
	read_delta(&r, "{\"reasoning_details\":[{\"type\":\"reasoning.text\","
		       "\"signature\":\"s/=\","
		       "\"index\":0},{\"type\":\"reasoning.encrypted\", "
		       "\"data\":\"x\",\"index\":1},"
		       "{\"type\":\"reasoning.encrypted\",\"data\":\"y\",\"index\":1}]}");
	read_delta(&r, "{\"content\":\"c\"}");
	read_delta(&r, "{\"extra_content\":{\"google\":{ \"thought_signature\":\"t\"}}}");
	read_delta(&r, "{\"content\":\"d\"}");
	read_finish(&r, "stop");
	expect_reply(&r, SEALED
		     "\"stop\",\"stop_word\":\"stop\",\"parts\":["
		     "{\"type\":\"reasoning\",\"text\":\"ab\",\"raw\":\"{\\\"reasoning_"
		     "details\\\":["
		     "{\\\"type\\\":\\\"reasoning.text\\\",\\\"text\\\":"
		     "\\\"a\\\\u0062\\\\n\\\","
		     "\\\"index\\\":0,\\\"signature\\\":\\\"s/=\\\"},"
		     "{\\\"type\\\":\\\"reasoning.encrypted\\\", \\\"data\\\":\\\"x\\\","
		     "\\\"index\\\":1},{\\\"type\\\":\\\"reasoning.encrypted\\\","
		     "\\\"data\\\":\\\"y\\\",\\\"index\\\":1}]}\"},"
		     "{\"type\":\"text\",\"text\":\"cd\"},"
		     "{\"type\":\"reasoning\",\"raw\":\"{\\\"extra_content\\\":{"
		     "\\\"google\\\":"
		     "{ \\\"thought_signature\\\":\\\"t\\\"}}}\"}]}");
}
END_TEST

/* --- calls --- */

#define CALL(id, name, arguments)                                                        \
	"{\"type\":\"tool_call\",\"id\":\"" id "\",\"name\":\"" name                     \
	"\",\"arguments\":\"" arguments "\"}"

/* A reply of these calls. */
#define CALLS(word, calls)                                                               \
	SEALED "\"tool_calls\",\"stop_word\":\"" word "\",\"parts\":[" calls "]}"

#define FIRST CALL("call_0", "f", "{\\\"a\\\":1}")
#define SECOND CALL("call_1", "f", "{\\\"a\\\":2}")
#define THIRD CALL("call_2", "g", "{\\\"b\\\" :3}")
#define FOURTH CALL("call_3", "g", "{}")

START_TEST(whole_calls_without_ids_are_told_apart)
{
	struct reading r = read_start(0);
	static const char *const calls[] = {
		"{\"tool_calls\":[{\"index\":0,\"id\":\"\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{\\\"a\\\":1}\"}}]}",
		"{\"tool_calls\":[{\"index\":0,\"id\":\"\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{\\\"a\\\":2}\"}}]}",
		"{\"tool_calls\":[{\"function\":{\"name\":\"g\",\"arguments\":{\"b\" "
		":3}}}]}",
		"{\"tool_calls\":[{\"function\":{\"name\":\"g\",\"arguments\":{}}}]}",
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(calls); i++)
		read_delta(&r, calls[i]);
	read_finish(&r, "stop");
	expect_reply(&r, CALLS("stop", FIRST "," SECOND "," THIRD "," FOURTH));
}
END_TEST

START_TEST(a_made_id_is_no_other_calls)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"function\":"
		       "{\"name\":\"f\",\"arguments\":\" \"}},{\"index\":1,\"function\":"
		       "{\"name\":\"g\",\"arguments\":\" {} \"}}]}");
	read_finish(&r, "tool_calls");
	expect_reply(&r, CALLS("tool_calls", CALL("call_1", "f", "{}") "," CALL(
						     "call_129", "g", " {} ")));
}
END_TEST

START_TEST(an_object_replaces_pieces)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":"
		       "{\"name\":\"f\",\"arguments\":\"{\\\"x\\\"\"}}]}");
	read_delta(&r, "{\"tool_calls\":[{\"index\":0,\"function\":"
		       "{\"arguments\":{\"x\":1}}}]}");
	read_finish(&r, "tool_calls");
	expect_reply(&r, CALLS("tool_calls", CALL("a", "f", "{\\\"x\\\":1}")));
}
END_TEST

START_TEST(members_of_a_call_are_kept)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\","
		       "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}");
	read_delta(&r, "{\"tool_calls\":[{\"extra_content\":{\"google\": 1.50}}]}");
	read_delta(&r, "{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"type\":\"custom\","
		       "\"custom\":{\"name\":\"g\",\"input\":\"\"}}]}");
	read_finish(&r, "tool_calls");
	expect_reply(&r,
		     SEALED "\"tool_calls\",\"stop_word\":\"tool_calls\",\"parts\":["
			    "{\"type\":\"tool_call\",\"id\":\"a\",\"name\":\"f\","
			    "\"arguments\":\"{}\","
			    "\"raw\":\"{\\\"extra_content\\\":{\\\"google\\\": 1.50}}\"},"
			    "{\"type\":\"tool_call\",\"id\":\"b\",\"name\":\"g\","
			    "\"arguments\":\"{}\","
			    "\"raw\":\"{\\\"type\\\":\\\"custom\\\"}\"}]}");
}
END_TEST

START_TEST(a_deprecated_call)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"content\":null,\"function_call\":{\"name\":\"f\","
		       "\"arguments\":\"\"}}");
	read_delta(&r, "{\"function_call\":{\"arguments\":\"{\\\"a\\\"\"}}");
	read_delta(&r, "{\"function_call\":{\"arguments\":\":1}\"}}");
	read_finish(&r, "function_call");
	expect_reply(&r, CALLS("function_call", CALL("call_0", "f", "{\\\"a\\\":1}")));
}
END_TEST

START_TEST(guard_rails)
{
	struct reading r = read_start(0);
	read_delta(&r, "{\"tool_calls\":[{\"index\":128,\"id\":\"a\"}]}");
	ck_assert_int_eq(r.result, AICHAT_EPROTOCOL);
	expect_failure(&r, AICHAT_EPROTOCOL, "choices[0]: a tool call has the index 128");

	r = read_start(0);
	read_event(&r, "{\"choices\":[{\"index\":-1,\"delta\":{}}]}");
	ck_assert_int_eq(r.result, AICHAT_EPROTOCOL);
	expect_failure(&r, AICHAT_EPROTOCOL, "choices[0].index: -1 is out of range");

	r = read_start(0);
	for (int i = 0; i < 129; i++) {
		char delta[64];
		snprintf(delta, sizeof(delta), "{\"tool_calls\":[{\"id\":\"c%d\"}]}", i);
		read_delta(&r, delta);
	}
	ck_assert_int_eq(r.result, AICHAT_ETOOLARGE);
	expect_failure(&r, AICHAT_ETOOLARGE, "more than 128 tool calls");

	r = read_start(0);
	for (int i = 0; i < 65537; i++)
		read_delta(&r, "{\"tool_calls\":[{\"index\":0}]}");
	ck_assert_int_eq(r.result, AICHAT_ETOOLARGE);
	expect_failure(&r, AICHAT_ETOOLARGE,
		       "the tool calls are in more than 65536 pieces");
}
END_TEST

START_TEST(arguments_are_bounded)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf delta = aic_buf(0);
	struct reading r = read_start(0);

	aic_buf_puts(&delta, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":"
			     "{\"name\":\"f\",\"arguments\":\"");
	for (int i = 0; i < 1 << 16; i++)
		aic_buf_puts(&delta, "0123456789abcdef");
	aic_buf_puts(&delta, "\"}}]}");
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(read_delta(&r, delta.data), AIC_DECODED_PROGRESS);
	ck_assert_int_eq(read_delta(&r, delta.data), AICHAT_ETOOLARGE);
	expect_failure(&r, AICHAT_ETOOLARGE,
		       "a tool call's arguments are larger than 16 MiB");
}
END_TEST

/* --- media --- */

START_TEST(audio_is_put_together_from_any_pieces)
{
	struct reading r = read_start(0);

	read_delta(&r, "{\"audio\":{\"id\":\"audio_1\",\"transcript\":\"He\"}}");
	read_delta(&r, "{\"audio\":{\"data\":\"SGVsb\"}}");
	read_delta(&r, "{\"audio\":{\"data\":\"G8=\",\"transcript\":\"llo\"}}");
	read_delta(&r, "{\"audio\":{\"data\":\"IQ\"}}");
	read_delta(&r, "{\"audio\":{\"data\":\"==\"}}");
	read_delta(&r, "{\"audio\":{\"expires_at\":17}}");
	read_finish(&r, "stop");
	expect_reply(
		&r, SEALED
		"\"stop\",\"stop_word\":\"stop\",\"parts\":[{\"type\":\"audio\","
		"\"sha256\":"
		"\"334d016f755cd6dc58c53a86e183882f8ec14f52fb05345887c8a5edd42c87b7\","
		"\"size\":6,\"data\":\"SGVsbG8h\",\"raw\":\"{\\\"id\\\":\\\"audio_1\\\","
		"\\\"expires_at\\\":17,"
		"\\\"transcript\\\":\\\"Hello\\\"}\"}]}");

	r = read_start(0);
	read_delta(&r, "{\"audio\":{\"id\":\"a\",\"data\":\"!!!!\"}}");
	expect_failure(&r, AICHAT_EPROTOCOL,
		       "the audio of the reply is not valid base64");
}
END_TEST

START_TEST(sources_and_images_come_last)
{
	struct reading r = read_start(0);

	read_delta(
		&r,
		"{\"content\":\"a\",\"annotations\":[{\"type\":\"url_citation\","
		"\"url_citation\":{\"url\":\"https://a\",\"title\":\"A\",\"x\": 1}}]}");
	read_delta(&r,
		   "{\"images\":[{\"type\":\"image_url\",\"image_url\":"
		   "{\"url\":\"data:image/png;base64,SGk=\"}},"
		   "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://b\"}}]}");
	read_delta(&r, "{\"content\":\"b\"}");
	read_finish(&r, "stop");
	expect_reply(
		&r, SEALED
		"\"stop\",\"stop_word\":\"stop\",\"parts\":[{\"type\":\"text\",\"text\":"
		"\"ab\"},"
		"{\"type\":\"source\",\"title\":\"A\",\"url\":\"https://a\","
		"\"raw\":\"{\\\"type\\\":\\\"url_citation\\\",\\\"url_citation\\\":"
		"{\\\"url\\\":\\\"https://a\\\",\\\"title\\\":\\\"A\\\",\\\"x\\\": "
		"1}}\"},"
		"{\"type\":\"image\",\"media_type\":\"image/png\","
		"\"sha256\":"
		"\"3639efcd08abb273b1619e82e78c29a7df02c1051b1820e99fc395dcaa3326b8\","
		"\"size\":2,\"data\":\"SGk=\"},{\"type\":\"image\",\"url\":\"https://"
		"b\"}]}");
}
END_TEST

#ifdef AIC_TEST_HOOKS
/* Everything that a stream can bring. */
static const char *const rich_stream[] = {
	"{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{"
	"\"reasoning\":\"a\\n\","
	"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\",\"index\":0}]"
	"}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"reasoning_details\":[{\"type\":"
	"\"reasoning.text\","
	"\"text\":\"b\",\"signature\":\"s\",\"index\":0}]}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x <thi\\ud83d\"}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ude00 "
	"<think>y</think>\"}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"odd\"}]}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"a\","
	"\"function\":"
	"{\"name\":\"f\",\"arguments\":\"{\\\"\"},\"extra_content\":{}},{\"function\":{"
	"\"name\":"
	"\"g\"}}]}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"a\","
	"\"function\":"
	"{\"arguments\":\"x\\\":1}\"}}]}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"annotations\":[{\"url\":\"u\",\"title\":"
	"\"t\"}],"
	"\"audio\":{\"id\":\"i\",\"data\":\"SGVsbG8\",\"transcript\":\"t\"},\"images\":[{"
	"\"image_url\":{\"url\":\"data:image/png;base64,SGk=\"}}]}}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"audio\":{\"data\":\"=\"}},"
	"\"finish_reason\":\"stop\"}]}",
	"{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
	"[DONE]",
};

static int read_rich_stream(void *unused)
{
	struct aic_profile profile = { .quirks = AIC_QUIRK_THINK_TAGS |
						 AIC_QUIRK_DEDUPE };
	struct aic_decoder *decoder = aic_dialect_openai_chat.decoder_new(&profile);
	struct aic_events events = { 0 };
	int result = decoder ? 0 : AICHAT_ENOMEM;

	(void)unused;
	for (size_t i = 0; i < AIC_ARRAY_LEN(rich_stream) && result >= 0; i++) {
		aic_events_reset(&events);
		result = decoder->dialect->decode_event(decoder, AIC_STR(""),
							aic_str(rich_stream[i]), &events);
	}
	if (result >= 0) {
		ck_assert_int_eq(result, AIC_DECODED_END);
		ck_assert(decoder->finished && !decoder->error);
	} else if (decoder) {
		ck_assert_int_eq(aichat_error_code(decoder->error), AICHAT_ENOMEM);
	}
	if (decoder)
		decoder->dialect->decoder_free(decoder);
	aic_events_done(&events);
	return AIC_MIN(result, 0);
}

START_TEST(memory_runs_out)
{
	walk_failures(read_rich_stream, NULL);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("chat");
	TCase *tests = tcase_create("chat");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, halves_of_a_pair_meet_again);
	tcase_add_test(tests, half_a_pair_stays_with_its_kind);
	tcase_add_test(tests, however_deltas_are_cut);
	tcase_add_test(tests, think_tags_split_text);
	tcase_add_test(tests, a_tag_that_never_came_is_text);
	tcase_add_test(tests, short_repetitions_are_meant);
	tcase_add_test(tests, details_are_kept_as_they_came);
	tcase_add_test(tests, whole_calls_without_ids_are_told_apart);
	tcase_add_test(tests, a_made_id_is_no_other_calls);
	tcase_add_test(tests, an_object_replaces_pieces);
	tcase_add_test(tests, members_of_a_call_are_kept);
	tcase_add_test(tests, a_deprecated_call);
	tcase_add_test(tests, guard_rails);
	tcase_add_test(tests, arguments_are_bounded);
	tcase_add_test(tests, audio_is_put_together_from_any_pieces);
	tcase_add_test(tests, sources_and_images_come_last);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, plain_text_allocates_nothing);
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
