/*
 * Messages: the canonical JSON both ways, digests, copies, and the public accessors.
 */

#include <pthread.h>

#include <check.h>

#include <aichat/message.h>

#include "model_support.h"
#include "seeds.h"

#define SEEDS 400

static struct aichat_message *read_back(const char *json)
{
	struct aichat_message *message = NULL;
	aichat_error *err = NULL;
	int result = aichat_message_from_json(json, -1, &message, &err);

	ck_assert_msg(result == 0, "%s: %s", aichat_error_message(err), json);
	ck_assert_ptr_null(err);
	return message;
}

START_TEST(writing_and_reading_gives_the_same)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct aichat_message *m = random_message(seed);
		char *json = message_text(m, true);
		struct aichat_message *back = read_back(json);
		ck_assert_msg(same_message(m, back), "seed %d: %s", (int)seed, json);
		char *again = message_text(back, true);
		ck_assert_str_eq(json, again);
		aic_free(json);
		aic_free(again);
		aichat_message_unref(m);
		aichat_message_unref(back);
	}
}
END_TEST

START_TEST(a_copy_is_the_same_and_its_own)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct aichat_message *m = random_message(seed);
		struct aichat_message *copy = aic_message_copy(m);
		ck_assert_ptr_nonnull(copy);
		ck_assert(same_message(m, copy));
		aichat_message_unref(m);
		m = random_message(seed);
		ck_assert(same_message(m, copy));
		ck_assert_int_eq(aic_message_add_text(copy, AIC_STR("more")), 0);
		ck_assert(!same_message(m, copy));
		aichat_message_unref(m);
		aichat_message_unref(copy);
	}
}
END_TEST

/* The order of the members and their form are what others rely on. */
START_TEST(the_canonical_form)
{
	static const char json[] =
		"{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\","
		"\"conversation_id\":\"01890a5d-ac96-774b-bcce-b302099a8058\","
		"\"parent_id\":\"01890a5d-ac96-774b-bcce-b302099a8059\","
		"\"role\":\"assistant\",\"state\":\"sealed\","
		"\"created_at\":\"2026-11-20T12:00:00.123Z\",\"provider\":\"openai\","
		"\"model\":\"gpt-5\",\"dialect\":\"openai-chat\",\"response_id\":\"r1\","
		"\"stop_reason\":\"tool_calls\",\"stop_word\":\"stop\","
		"\"usage\":{\"input_tokens\":9,\"cached_tokens\":0,"
		"\"cache_write_tokens\":0,\"output_tokens\":7,\"reasoning_tokens\":0},"
		"\"cost_nano_usd\":1200,\"parts\":["
		"{\"type\":\"reasoning\",\"text\":\"hm\","
		"\"raw\":\"{\\\"exact\\\": \\\"text\\\"}\"},"
		"{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"refusal\",\"text\":"
		"\"no\"},"
		"{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"f\","
		"\"arguments\":\"{\\\"as\\\":\\\"it came\\\"}\"},"
		"{\"type\":\"tool_result\",\"tool_call_id\":\"c1\",\"is_error\":false,"
		"\"parts\":[]},"
		"{\"type\":\"image\",\"media_type\":\"image/png\",\"sha256\":"
		"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
		"\"size\":3,\"data\":\"YWJj\"},"
		"{\"type\":\"source\",\"title\":\"T\",\"url\":\"https://a.b/\"},"
		"{\"type\":\"unknown\",\"raw\":\"[1]\"}]}";
	struct aichat_message *m = read_back(json);
	char *again = message_text(m, true);
	ck_assert_str_eq(again, json);
	aic_free(again);
	/* Without the bytes their digest stands for them. */
	again = message_text(m, false);
	ck_assert_ptr_null(strstr(again, "YWJj"));
	ck_assert_ptr_nonnull(strstr(again, "\"size\":3}"));
	aic_free(again);
	aichat_message_unref(m);
}
END_TEST

START_TEST(little_is_needed)
{
	struct aichat_message *m = read_back("{\"role\":\"user\",\"colour\":[{}]}");

	ck_assert_int_eq(m->state, AICHAT_MESSAGE_SEALED);
	ck_assert_int_eq(m->cost_nano_usd, -1);
	ck_assert_int_eq(m->usage.input, -1);
	ck_assert_uint_eq(m->part_count, 0);
	aichat_message_unref(m);
	m = read_back("{\"role\":\"user\",\"parent_id\":null,\"parts\":null}");
	ck_assert(!aic_id_is_set(&m->parent_id));
	aichat_message_unref(m);
}
END_TEST

START_TEST(parts_of_other_versions_are_kept_whole)
{
	struct aichat_message *m = read_back(
		"{\"role\":\"user\",\"stop_reason\":\"bored\",\"parts\":"
		"[{\"type\":\"hologram\", "
		"\"x\":1.50},{\"type\":\"te\\u0078t\",\"text\":\"\"}]}");

	ck_assert_int_eq(m->stop_reason, AICHAT_STOP_UNKNOWN);
	ck_assert_int_eq(m->parts[0].type, AICHAT_PART_UNKNOWN);
	ck_assert_str_eq(m->parts[0].raw.data, "{\"type\":\"hologram\", \"x\":1.50}");
	ck_assert_int_eq(m->parts[1].type, AICHAT_PART_TEXT);
	aichat_message_unref(m);
}
END_TEST

static const struct {
	const char *json;
	int code;
	const char *message;
} refused[] = {
	{ "[]", AICHAT_EJSON, "message is no object" },
	{ "{}", AICHAT_EJSON, "message.role is missing" },
	{ "{\"role\":1}", AICHAT_EJSON, "message.role is no string" },
	{ "{\"role\":\"boss\"}", AICHAT_EJSON,
	  "message.role is none of system, user, assistant, tool" },
	{ "{\"role\":\"user\",\"state\":\"half\"}", AICHAT_EJSON,
	  "message.state is no state" },
	{ "{\"role\":\"user\",\"id\":\"1\"}", AICHAT_EJSON, "message.id is no id" },
	{ "{\"role\":\"user\",\"created_at\":\"today\"}", AICHAT_EJSON,
	  "message.created_at is no RFC 3339 time" },
	{ "{\"role\":\"user\",\"cost_nano_usd\":1.5}", AICHAT_EJSON,
	  "message.cost_nano_usd is no whole number from 0" },
	{ "{\"role\":\"user\",\"usage\":{\"input_tokens\":-1}}", AICHAT_EJSON,
	  "message.usage.input_tokens is no whole number from 0" },
	{ "{\"role\":\"user\",\"usage\":[]}", AICHAT_EJSON,
	  "message.usage is no object" },
	{ "{\"role\":\"user\",\"model\":\"a\\u0000b\"}", AICHAT_EJSON,
	  "message.model has a NUL in it" },
	{ "{\"role\":\"user\",\"parts\":{}}", AICHAT_EJSON, "message.parts is no array" },
	{ "{\"role\":\"user\",\"parts\":[1]}", AICHAT_EJSON,
	  "message.parts[0] is no object" },
	{ "{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"a\"},{}]}",
	  AICHAT_EJSON, "message.parts[1].type is missing" },
	{ "{\"role\":\"user\",\"parts\":[{\"type\":\"text\"}]}", AICHAT_EJSON,
	  "message.parts[0].text is missing" },
	{ "{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":[]}]}", AICHAT_EJSON,
	  "message.parts[0].text is no string" },
	{ "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_result\",\"is_error\":0}]}",
	  AICHAT_EJSON, "message.parts[0].is_error is neither true nor false" },
	{ "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_result\",\"parts\":"
	  "[{\"type\":\"text\"}]}]}",
	  AICHAT_EJSON, "message.parts[0].parts[0].text is missing" },
	{ "{\"role\":\"user\",\"parts\":[{\"type\":\"image\",\"data\":\"?\"}]}",
	  AICHAT_EJSON, "message.parts[0].data is no base64" },
	{ "{\"role\":\"user\",\"parts\":[{\"type\":\"image\",\"data\":\"YWJj\","
	  "\"sha256\":\"ab\"}]}",
	  AICHAT_EJSON, "message.parts[0].sha256 is not that of the data" },
	{ "{\"role\":\"user\",\"parts\":[{\"type\":\"unknown\",\"raw\":\"{\"}]}",
	  AICHAT_EJSON, "message.parts[0].raw is no JSON text" },
};

START_TEST(what_is_wrong_is_located)
{
	struct aichat_message *message = NULL;
	aichat_error *err = NULL;
	int result = aichat_message_from_json(refused[_i].json, -1, &message, &err);

	ck_assert_int_eq(result, refused[_i].code);
	ck_assert_ptr_null(message);
	ck_assert_int_eq(aichat_error_code(err), refused[_i].code);
	ck_assert_str_eq(aichat_error_message(err), refused[_i].message);
	aichat_error_unref(err);
	/* The detail is optional. */
	ck_assert_int_eq(aichat_message_from_json(refused[_i].json, -1, &message, NULL),
			 refused[_i].code);
}
END_TEST

START_TEST(parts_by_themselves)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	static const char long_type[] =
		"{\"type\":\"a_type_of_part_with_a_name_that_goes_on_and_on\"}";
	struct aic_json_writer w = aic_json_writer(&text);
	struct aichat_part part = { .type = AICHAT_PART_TEXT };
	aichat_error *err = NULL;

	/* A text part has a text in JSON, even if nobody gave it one. */
	aic_part_write(&part, &w, true);
	ck_assert_str_eq(text.data, "{\"type\":\"text\",\"text\":\"\"}");
	ck_assert_int_eq(aic_json_scan(&doc, text.data, text.len, &aic_json_strict), 0);
	ck_assert_int_eq(aic_part_read(&doc, 0, &part, NULL), 0);
	ck_assert_str_eq(part.text.data, "");
	aic_part_done(&part);
	ck_assert_int_eq(
		aic_json_scan(&doc, long_type, sizeof(long_type) - 1, &aic_json_strict),
		0);
	ck_assert_int_eq(aic_part_read(&doc, 0, &part, NULL), 0);
	ck_assert_int_eq(part.type, AICHAT_PART_UNKNOWN);
	ck_assert_str_eq(part.raw.data, long_type);
	aic_part_done(&part);
	ck_assert_int_eq(aic_json_scan(&doc, "[]", 2, &aic_json_strict), 0);
	ck_assert_int_eq(aic_part_read(&doc, 0, &part, &err), AICHAT_EJSON);
	ck_assert_str_eq(aichat_error_message(err), "part is no object");
	aichat_error_unref(err);
}
END_TEST

/* Damaged text is told, or reads as a message that has a form of its own. */
START_TEST(damage_is_survived)
{
	unsigned read = 0;

	for (uint64_t seed = 0; seed < seeds(4000); seed++) {
		struct dice d = dice(seed);
		struct aichat_message *m = random_message(seed), *back = NULL, *again;
		char *json = message_text(m, true);
		aichat_error *err = NULL;
		damage(&d, json);
		int result = aichat_message_from_json(json, -1, &back, &err);
		aic_free(json);
		aichat_message_unref(m);
		ck_assert(!back == (result < 0) && !err == (result == 0));
		ck_assert_int_eq(aichat_error_code(err), result);
		aichat_error_unref(err);
		if (!back)
			continue;
		read++;
		json = message_text(back, true);
		again = read_back(json);
		ck_assert(same_message(back, again));
		aic_free(json);
		aichat_message_unref(back);
		aichat_message_unref(again);
	}
	ck_assert_uint_gt(read, seeds(4000) / 40);
	ck_assert_uint_lt(read, seeds(4000) - seeds(4000) / 40);
}
END_TEST

START_TEST(too_many_parts)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf json = aic_buf(0);
	struct aichat_message *message = NULL;

	aic_buf_puts(&json, "{\"role\":\"user\",\"parts\":[");
	for (int i = 0; i <= AIC_PARTS_MAX; i++)
		aic_buf_printf(&json, "%s{\"type\":\"file\"}", i ? "," : "");
	aic_buf_puts(&json, "]}");
	ck_assert_int_eq(
		aichat_message_from_json(json.data, (int64_t)json.len, &message, NULL),
		AICHAT_ETOOLARGE);
	ck_assert_int_eq(
		aichat_message_from_json("{\"role\":\"\xff\"}", -1, &message, NULL),
		AICHAT_EUTF8);
	ck_assert_int_eq(aichat_message_from_json("{", -1, &message, NULL), AICHAT_EJSON);
	ck_assert_int_eq(aichat_message_from_json(NULL, -1, &message, NULL),
			 AICHAT_EINVAL);
	ck_assert_ptr_null(message);
}
END_TEST

START_TEST(digests_tell_messages_apart)
{
	unsigned char first[AIC_DIGEST_BYTES], second[AIC_DIGEST_BYTES];
	struct aichat_message *m = random_message(7), *copy = aic_message_copy(m);

	ck_assert_int_eq(aic_message_digest(m, first), 0);
	ck_assert_int_eq(aic_message_digest(copy, second), 0);
	ck_assert_mem_eq(first, second, sizeof(first));
	/* A figure, a byte of data, and the difference between none and empty count. */
	copy->usage.input++;
	ck_assert_int_eq(aic_message_digest(copy, second), 0);
	ck_assert_mem_ne(first, second, sizeof(first));
	copy->usage.input--;
	struct aichat_part *part = aic_message_add_part(copy, AICHAT_PART_IMAGE);
	ck_assert_int_eq(aic_string_set(&part->data, AIC_STR("abc")), 0);
	ck_assert_int_eq(aic_message_digest(copy, first), 0);
	part->data.data[1] = 'B';
	ck_assert_int_eq(aic_message_digest(copy, second), 0);
	ck_assert_mem_ne(first, second, sizeof(first));
	aichat_message_unref(m);
	aichat_message_unref(copy);
}
END_TEST

START_TEST(digests_stay_what_they_were)
{
	struct aichat_message *m = read_back(
		"{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"hi\"}]}");
	unsigned char digest[AIC_DIGEST_BYTES], want[AIC_DIGEST_BYTES];
	static const char text[] = "{\"role\":\"user\",\"state\":\"sealed\",\"parts\":"
				   "[{\"type\":\"text\",\"text\":\"hi\"}]}";

	ck_assert_int_eq(aic_message_digest(m, digest), 0);
	aic_blake2b(text, sizeof(text) - 1, want);
	ck_assert_mem_eq(digest, want, sizeof(want));
	aichat_message_unref(m);
}
END_TEST

START_TEST(names_go_both_ways)
{
	for (int i = 1; i <= AICHAT_ROLE_TOOL; i++)
		ck_assert_int_eq(aic_role_parse(aic_str(aichat_role_name(i))), i);
	for (int i = 1; i <= AICHAT_MESSAGE_ERASED; i++)
		ck_assert_int_eq(
			aic_message_state_parse(aic_str(aichat_message_state_name(i))),
			i);
	for (int i = 1; i <= AICHAT_PART_UNKNOWN; i++)
		ck_assert_int_eq(aic_part_type_parse(aic_str(aichat_part_type_name(i))),
				 i);
	for (int i = 1; i <= AICHAT_STOP_UNKNOWN; i++)
		ck_assert_int_eq(
			aic_stop_reason_parse(aic_str(aichat_stop_reason_name(i))), i);
	ck_assert_str_eq(aichat_role_name(0), "unknown");
	ck_assert_str_eq(aichat_role_name(-1), "unknown");
	ck_assert_str_eq(aichat_role_name(5), "unknown");
	ck_assert_str_eq(aichat_stop_reason_name(99), "unknown");
	ck_assert_int_eq(aic_role_parse(AIC_STR("unknown")), 0);
	ck_assert_int_eq(aic_role_parse(AIC_STR("")), 0);
}
END_TEST

START_TEST(made_by_hand)
{
	struct aichat_message *m = NULL;
	char *text;
	size_t len;
	const char *media_type;

	ck_assert_int_eq(aichat_message_new(0, "x", -1, &m), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_new(5, "x", -1, &m), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", -2, &m),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "\xc3", -1, &m),
			 AICHAT_EUTF8);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "x", 1, NULL),
			 AICHAT_EINVAL);
	ck_assert_ptr_null(m);
	ck_assert_int_eq(aichat_message_text(NULL, &text, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_to_json(NULL, &text, NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_usage(NULL, AICHAT_USAGE_INPUT), -1);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "hello", 4, &m), 0);
	ck_assert_str_eq(aichat_message_id(m), "");
	ck_assert_int_eq(aichat_message_role(m), AICHAT_ROLE_USER);
	ck_assert_int_eq(aichat_message_state(m), AICHAT_MESSAGE_OPEN);
	ck_assert_int_eq(
		aichat_message_add_data(m, AICHAT_PART_TEXT, "a/b", NULL, "x", 1),
		AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_add_data(m, AICHAT_PART_FILE, "", NULL, "x", 1),
			 AICHAT_EINVAL);
	ck_assert_int_eq(aichat_message_add_data(m, AICHAT_PART_FILE, "a/b", NULL, "x",
						 (size_t)33 << 20),
			 AICHAT_ETOOLARGE);
	ck_assert_int_eq(
		aichat_message_add_data(m, AICHAT_PART_FILE, "a/b", "n.bin", "x\0y", 3),
		0);
	ck_assert_int_eq(
		aichat_message_add_data(m, AICHAT_PART_IMAGE, "c/d", NULL, NULL, 0), 0);
	aichat_message_ref(m);
	ck_assert_int_eq(
		aichat_message_add_data(m, AICHAT_PART_FILE, "a/b", NULL, "x", 1),
		AICHAT_ESTATE);
	aichat_message_unref(m);
	ck_assert_uint_eq(aichat_message_part_count(m), 3);
	ck_assert_str_eq(aichat_message_part_text(m, 0, &len), "hell");
	ck_assert_uint_eq(len, 4);
	ck_assert_str_eq(aichat_message_part_name(m, 1), "n.bin");
	ck_assert_mem_eq(aichat_message_part_data(m, 1, &len, &media_type), "x\0y", 3);
	ck_assert_uint_eq(len, 3);
	ck_assert_str_eq(media_type, "a/b");
	ck_assert_ptr_nonnull(aichat_message_part_data(m, 2, &len, NULL));
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_null(aichat_message_part_data(m, 0, &len, &media_type));
	ck_assert_int_eq(aichat_message_part_type(m, 3), 0);
	ck_assert_ptr_null(aichat_message_part_text(m, 3, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_null(aichat_message_part_id(m, 9));
	ck_assert_int_eq(aichat_message_text(m, &text, &len), 0);
	ck_assert_str_eq(text, "hell");
	aic_free(text);
	ck_assert_ptr_null(aichat_message_unref(m));
}
END_TEST

START_TEST(accessors_of_a_reply)
{
	struct aichat_message *m = read_back(
		"{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"role\":\"assistant\","
		"\"conversation_id\":\"01890a5d-ac96-774b-bcce-b302099a8058\","
		"\"parent_id\":\"01890a5d-ac96-774b-bcce-b302099a8059\","
		"\"created_at\":\"1970-01-01T00:00:01.500Z\",\"provider\":\"p\","
		"\"model\":\"m\","
		"\"stop_reason\":\"length\",\"usage\":{\"input_tokens\":9,\"output_"
		"tokens\":7,"
		"\"cached_tokens\":3,\"cache_write_tokens\":2,\"reasoning_tokens\":0},"
		"\"cost_nano_usd\":5,\"parts\":[{\"type\":\"text\",\"text\":"
		"\"a\\u0000b\"},"
		"{\"type\":\"reasoning\",\"text\":\"not "
		"this\"},{\"type\":\"text\",\"text\":\"c\"},"
		"{\"type\":\"source\",\"url\":\"u\",\"title\":\"t\"},"
		"{\"type\":\"tool_call\",\"id\":\"i\",\"name\":\"n\",\"arguments\":\"{}"
		"\"}]}");
	char *text;
	size_t len;

	ck_assert_str_eq(aichat_message_id(m), "01890a5d-ac96-774b-bcce-b302099a8057");
	ck_assert_str_eq(aichat_message_conversation_id(m),
			 "01890a5d-ac96-774b-bcce-b302099a8058");
	ck_assert_str_eq(aichat_message_parent_id(m),
			 "01890a5d-ac96-774b-bcce-b302099a8059");
	ck_assert_int_eq(aichat_message_created_unix_ms(m), 1500);
	ck_assert_str_eq(aichat_message_provider(m), "p");
	ck_assert_str_eq(aichat_message_model(m), "m");
	ck_assert_int_eq(aichat_message_stop_reason(m), AICHAT_STOP_LENGTH);
	ck_assert_int_eq(aichat_message_usage(m, AICHAT_USAGE_INPUT), 9);
	ck_assert_int_eq(aichat_message_usage(m, AICHAT_USAGE_CACHED), 3);
	ck_assert_int_eq(aichat_message_usage(m, AICHAT_USAGE_CACHE_WRITE), 2);
	ck_assert_int_eq(aichat_message_usage(m, AICHAT_USAGE_OUTPUT), 7);
	ck_assert_int_eq(aichat_message_usage(m, AICHAT_USAGE_REASONING), 0);
	ck_assert_int_eq(aichat_message_usage(m, 6), -1);
	ck_assert_int_eq(aichat_message_cost_nano_usd(m), 5);
	ck_assert_int_eq(aichat_message_text(m, &text, &len), 0);
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(text, "a\0bc", 5);
	aic_free(text);
	ck_assert_str_eq(aichat_message_part_text(m, 3, NULL), "u");
	ck_assert_str_eq(aichat_message_part_name(m, 3), "t");
	ck_assert_str_eq(aichat_message_part_text(m, 4, NULL), "{}");
	ck_assert_str_eq(aichat_message_part_id(m, 4), "i");
	aichat_message_unref(m);
	ck_assert_str_eq(aichat_message_id(NULL), "");
	ck_assert_uint_eq(aichat_message_part_count(NULL), 0);
	ck_assert_ptr_null(aichat_message_unref(NULL));
}
END_TEST

static void *ask_for_text(void *message)
{
	size_t len = 0;
	const char *text = aichat_message_part_text(message, 0, &len);

	return text && len == 6 && memcmp(text, "one\0ab", 7) == 0 ? message : NULL;
}

/* The texts of a result are put together by whoever asks first. */
START_TEST(the_text_of_a_result)
{
	for (int round = 0; round < 50; round++) {
		struct aichat_message *m = read_back(
			"{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_result\","
			"\"parts\":["
			"{\"type\":\"text\",\"text\":\"one\\u0000\"},{\"type\":\"image\"}"
			","
			"{\"type\":\"text\",\"text\":\"ab\"}]},"
			"{\"type\":\"tool_result\",\"parts\":[{\"type\":\"text\","
			"\"text\":\"x\"}]},"
			"{\"type\":\"tool_result\"}]}");
		pthread_t threads[4];
		unsigned char before[AIC_DIGEST_BYTES], after[AIC_DIGEST_BYTES];
		ck_assert_int_eq(aic_message_digest(m, before), 0);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(
				pthread_create(&threads[i], NULL, ask_for_text, m), 0);
		for (int i = 0; i < 4; i++) {
			void *good;
			ck_assert_int_eq(pthread_join(threads[i], &good), 0);
			ck_assert_ptr_eq(good, m);
		}
		ck_assert_str_eq(aichat_message_part_text(m, 1, NULL), "x");
		ck_assert_ptr_null(aichat_message_part_text(m, 2, NULL));
		/* Asking changes nothing. */
		ck_assert_int_eq(aic_message_digest(m, after), 0);
		ck_assert_mem_eq(before, after, sizeof(before));
		aichat_message_unref(m);
	}
}
END_TEST

START_TEST(strings_grow)
{
	struct aic_string s = { 0 }, want = { 0 };
	struct dice d = dice(1);
	AIC_CLEANUP(aic_buf_done) struct aic_buf buf = aic_buf(0);

	ck_assert_int_eq(aic_string_append(&s, AIC_STR("")), 0);
	ck_assert_str_eq(s.data, "");
	for (int i = 0; i < 1000; i++) {
		struct aic_str piece = random_piece(&d, true);
		ck_assert_int_eq(aic_string_append(&s, piece), 0);
		aic_buf_append(&buf, piece.data, piece.len);
		ck_assert(aic_str_equal(aic_string_str(&s), aic_buf_str(&buf)));
		ck_assert_int_eq(s.data[s.len], 0);
	}
	/* From itself, exactly, and on from there. */
	ck_assert_int_eq(aic_string_set(&s, (struct aic_str){ s.data + 1, 3 }), 0);
	ck_assert_uint_eq(s.len, 3);
	ck_assert_int_eq(aic_string_append(&s, AIC_STR("!")), 0);
	ck_assert_int_eq(s.data[3], '!');
	ck_assert_int_eq(aic_string_set(&s, want.data ? AIC_STR("") : aic_str(NULL)), 0);
	ck_assert_ptr_null(s.data);
	aic_string_done(&s);
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int copy_and_reread(void *data)
{
	struct aichat_message *copy = aic_message_copy(data), *back = NULL;
	unsigned char digest[AIC_DIGEST_BYTES];
	char *json = NULL;

	if (!copy)
		return AICHAT_ENOMEM;
	int result = aichat_message_to_json(copy, &json, NULL);
	if (result == 0)
		result = aichat_message_from_json(json, -1, &back, NULL);
	if (result == 0 && !same_message(copy, back))
		result = AICHAT_EINTERNAL;
	if (result == 0)
		result = aic_message_digest(back, digest);
	aichat_message_unref(copy);
	aichat_message_unref(back);
	aic_free(json);
	return result;
}

static int make(void *data)
{
	struct aichat_message *m = NULL;
	aichat_error *err = NULL;
	char *text = NULL;
	(void)data;
	int result = aichat_message_new(AICHAT_ROLE_USER, "hello", -1, &m);

	if (result == 0)
		result = aichat_message_add_data(m, AICHAT_PART_FILE, "a/b", "n", "x", 1);
	if (result == 0)
		result = aichat_message_text(m, &text, NULL);
	if (result == 0) {
		struct aichat_message *none = NULL;
		result = aichat_message_from_json("{\"role\":\"user\",\"parts\":[{}]}",
						  -1, &none, &err);
		/* Without memory the error may say so instead, but it is always there. */
		ck_assert_ptr_nonnull(err);
		result = result == AICHAT_EJSON ? 0 : result;
		aichat_error_unref(err);
	}
	aic_free(text);
	aichat_message_unref(m);
	return result;
}

START_TEST(memory_runs_out)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct aichat_message *m = random_message(seed);
		walk_failures(copy_and_reread, m);
		aichat_message_unref(m);
	}
	walk_failures(make, NULL);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *tests = tcase_create("message");

	tcase_set_timeout(tests, 50);
	tcase_add_test(tests, writing_and_reading_gives_the_same);
	tcase_add_test(tests, a_copy_is_the_same_and_its_own);
	tcase_add_test(tests, the_canonical_form);
	tcase_add_test(tests, little_is_needed);
	tcase_add_test(tests, parts_of_other_versions_are_kept_whole);
	tcase_add_loop_test(tests, what_is_wrong_is_located, 0, AIC_ARRAY_LEN(refused));
	tcase_add_test(tests, parts_by_themselves);
	tcase_add_test(tests, damage_is_survived);
	tcase_add_test(tests, too_many_parts);
	tcase_add_test(tests, digests_tell_messages_apart);
	tcase_add_test(tests, digests_stay_what_they_were);
	tcase_add_test(tests, names_go_both_ways);
	tcase_add_test(tests, made_by_hand);
	tcase_add_test(tests, accessors_of_a_reply);
	tcase_add_test(tests, the_text_of_a_result);
	tcase_add_test(tests, strings_grow);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
