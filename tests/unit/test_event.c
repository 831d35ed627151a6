/*
 * Events: owned copies, JSON both ways, and the public accessors.
 */

#include <check.h>

#include "model_support.h"
#include "seeds.h"

#define SEEDS 600

/* An event of random content, with what it borrows. */
struct made {
	struct aichat_event event;
	struct aic_string strings[7];
	struct aichat_part part;
	struct aichat_message *messages[4];
};

static void borrow(struct dice *d, struct aic_string *own, struct aic_str *to)
{
	if (!flip(d))
		return;
	random_string(d, own);
	/* Empty and none are one to an event. */
	if (own->len)
		*to = aic_string_str(own);
}

static aichat_error *random_error(struct dice *d)
{
	static const int codes[] = { AICHAT_EAUTH, AICHAT_ENOMEM, AICHAT_EINTERRUPTED,
				     AICHAT_EOVERLOADED };
	struct aic_error_detail detail = { .retry_after_ms = perhaps_count(d) };
	AIC_CLEANUP(aic_freep) char *word = random_word(d);
	aichat_error *error = NULL;

	if (flip(d)) {
		detail.http_status = 429;
		detail.provider_code = word;
	}
	if (flip(d))
		detail.request_id = word;
	aic_error_set_detail(&error, codes[roll(d, 4)], &detail, "%s", word);
	return error;
}

static void make_part(struct dice *d, struct made *made)
{
	struct aichat_event *e = &made->event;

	e->index = roll(d, 100);
	switch (e->type) {
	case AICHAT_EVENT_PART_START:
	case AICHAT_EVENT_TOOL_CALL:
		borrow(d, &made->strings[0], &e->id);
		borrow(d, &made->strings[1], &e->name);
		break;
	case AICHAT_EVENT_PART_END:
		borrow(d, &made->strings[2], &e->raw);
		if (flip(d)) {
			made->part.type = (enum aichat_part_type)(1 + roll(d, 11));
			random_part(d, &made->part, false);
			e->part = &made->part;
		}
		break;
	default:
		break;
	}
	if (e->type == AICHAT_EVENT_PART_START || e->type == AICHAT_EVENT_PART_END)
		e->part_type = (enum aichat_part_type)(1 + roll(d, 11));
	else
		borrow(d, &made->strings[3], &e->text);
}

static void make_messages(struct dice *d, struct made *made)
{
	struct aichat_event *e = &made->event;

	if (e->type != AICHAT_EVENT_MESSAGE && flip(d)) {
		e->message_count = 2 + roll(d, 2);
		e->messages = made->messages;
		for (size_t i = 0; i < e->message_count; i++)
			made->messages[i] = random_message(roll(d, 1000));
	}
	if (flip(d))
		made->messages[3] = e->message = random_message(roll(d, 1000));
}

static void make(struct made *made, uint64_t seed)
{
	struct dice d = dice(seed);
	struct aichat_event *e = &made->event;

	*made = (struct made){ 0 };
	e->type = (enum aichat_event_type)(1 + roll(&d, 12));
	e->usage = AIC_USAGE_UNKNOWN;
	e->seq = flip(&d) ? roll(&d, 100000) : 0;
	perhaps_id(&d, &e->message_id);
	switch (e->type) {
	case AICHAT_EVENT_START:
		perhaps_id(&d, &e->reply_id);
		perhaps_id(&d, &e->conversation_id);
		perhaps_id(&d, &e->user_message_id);
		borrow(&d, &made->strings[4], &e->model);
		break;
	case AICHAT_EVENT_USAGE:
		e->usage = random_usage(&d);
		break;
	case AICHAT_EVENT_RETRY:
		e->attempt = roll(&d, 20);
		e->delay_ms = roll(&d, 100000);
		e->error = random_error(&d);
		break;
	case AICHAT_EVENT_MESSAGE:
	case AICHAT_EVENT_SNAPSHOT:
	case AICHAT_EVENT_DONE:
	case AICHAT_EVENT_ERROR:
		make_messages(&d, made);
		if (e->type != AICHAT_EVENT_MESSAGE)
			e->state = (enum aichat_reply_state)roll(&d, 8);
		else if (!e->message) {
			e->stop_reason = (enum aichat_stop_reason)roll(&d, 10);
			borrow(&d, &made->strings[5], &e->stop_word);
			borrow(&d, &made->strings[6], &e->stop_sequence);
		}
		if (e->type == AICHAT_EVENT_ERROR)
			e->error = random_error(&d);
		break;
	default:
		make_part(&d, made);
	}
}

static void unmake(struct made *made)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(made->strings); i++)
		aic_string_done(&made->strings[i]);
	for (size_t i = 0; i < AIC_ARRAY_LEN(made->messages); i++)
		aichat_message_unref(made->messages[i]);
	aic_part_done(&made->part);
	aichat_error_unref(made->event.error);
	*made = (struct made){ 0 };
}

static bool same_error(const aichat_error *a, const aichat_error *b)
{
	return !a == !b && aichat_error_code(a) == aichat_error_code(b) &&
	       strcmp(aichat_error_message(a), aichat_error_message(b)) == 0 &&
	       aichat_error_http_status(a) == aichat_error_http_status(b) &&
	       aichat_error_retry_after_ms(a) == aichat_error_retry_after_ms(b) &&
	       aic_streq(aichat_error_provider_code(a), aichat_error_provider_code(b)) &&
	       aic_streq(aichat_error_request_id(a), aichat_error_request_id(b));
}

static bool same_event(const struct aichat_event *a, const struct aichat_event *b)
{
	if (a->message_count != b->message_count || !a->part != !b->part)
		return false;
	for (size_t i = 0; i < a->message_count; i++)
		if (!same_message(a->messages[i], b->messages[i]))
			return false;
	return a->type == b->type && a->seq == b->seq && a->choice == b->choice &&
	       aic_id_equal(&a->message_id, &b->message_id) && a->index == b->index &&
	       a->part_type == b->part_type && aic_str_equal(a->text, b->text) &&
	       aic_str_equal(a->id, b->id) && aic_str_equal(a->name, b->name) &&
	       aic_str_equal(a->raw, b->raw) &&
	       (!a->part || same_parts(a->part, 1, b->part, 1)) &&
	       same_usage(&a->usage, &b->usage) && a->stop_reason == b->stop_reason &&
	       aic_str_equal(a->stop_word, b->stop_word) &&
	       aic_str_equal(a->stop_sequence, b->stop_sequence) &&
	       same_message(a->message, b->message) &&
	       aic_id_equal(&a->reply_id, &b->reply_id) &&
	       aic_id_equal(&a->conversation_id, &b->conversation_id) &&
	       aic_id_equal(&a->user_message_id, &b->user_message_id) &&
	       aic_str_equal(a->model, b->model) && a->state == b->state &&
	       same_error(a->error, b->error) && a->attempt == b->attempt &&
	       a->delay_ms == b->delay_ms &&
	       strcmp(a->message_id_text, b->message_id_text) == 0;
}

static int read_event(const char *json, struct aichat_event **ret, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	int result = aic_json_scan(&doc, json, strlen(json), &aic_json_wire);

	if (result < 0)
		return aic_json_scan_error(&doc, result, "test", reterr);
	return aic_event_read(&doc, 0, ret, reterr);
}

START_TEST(a_copy_owns_all)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct made made;
		make(&made, seed);
		struct aichat_event *copy = aic_event_copy(&made.event);
		ck_assert_ptr_nonnull(copy);
		unmake(&made);
		/* The sanitizer sees any piece that is still borrowed. */
		make(&made, seed);
		struct aichat_event *second = aic_event_copy(&made.event);
		unmake(&made);
		ck_assert_msg(same_event(copy, second), "seed %d", (int)seed);
		struct aichat_event *third = aic_event_copy(second);
		aic_event_unref(second);
		ck_assert(same_event(copy, third));
		ck_assert_ptr_eq(aic_event_ref(copy), copy);
		ck_assert_ptr_null(aic_event_unref(copy));
		ck_assert(same_event(copy, third));
		aic_event_unref(copy);
		aic_event_unref(third);
	}
}
END_TEST

START_TEST(writing_and_reading_gives_the_same)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct made made;
		struct aichat_event *back = NULL;
		aichat_error *err = NULL;
		char *json = NULL;
		size_t len;
		make(&made, seed);
		struct aichat_event *copy = aic_event_copy(&made.event);
		unmake(&made);
		ck_assert_int_eq(aichat_event_to_json(copy, &json, &len), 0);
		ck_assert_uint_eq(strlen(json), len);
		ck_assert_ptr_null(strchr(json, '\n'));
		int result = read_event(json, &back, &err);
		ck_assert_msg(result == 0, "%s: %s", aichat_error_message(err), json);
		ck_assert_ptr_nonnull(back);
		ck_assert_msg(same_event(copy, back), "seed %d: %s", (int)seed, json);
		aic_free(json);
		aic_event_unref(copy);
		aic_event_unref(back);
	}
}
END_TEST

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define MESSAGE "{\"id\":\"" ID "\",\"role\":\"user\",\"state\":\"sealed\",\"parts\":[]}"

/* What a stream looks like from outside: read and written again it stays as it is. */
static const char *const lines[] = {
	"{\"type\":\"start\",\"seq\":1,\"reply_id\":\"" ID "\",\"conversation_id\":\"" ID
	"\",\"user_message_id\":\"" ID "\",\"message_id\":\"" ID "\",\"model\":\"a/b\"}",
	"{\"type\":\"part_start\",\"seq\":2,\"message_id\":\"" ID
	"\",\"index\":0,\"part\":\"tool_call\",\"id\":\"c\",\"name\":\"f\"}",
	"{\"type\":\"text\",\"seq\":3,\"message_id\":\"" ID
	"\",\"index\":0,\"text\":\"hi\"}",
	"{\"type\":\"reasoning\",\"index\":1,\"text\":\"\"}",
	"{\"type\":\"tool_call\",\"seq\":3,\"index\":0,\"id\":\"c\",\"name\":\"f\","
	"\"arguments\":\"{\\\"a\"}",
	"{\"type\":\"part_end\",\"index\":0,\"part\":\"text\",\"raw\":\"{}\"}",
	"{\"type\":\"part_end\",\"index\":0,\"part\":\"image\",\"value\":"
	"{\"type\":\"image\",\"media_type\":\"image/png\",\"url\":\"u\"}}",
	"{\"type\":\"usage\",\"message_id\":\"" ID "\",\"usage\":{\"output_tokens\":0}}",
	"{\"type\":\"retry\",\"message_id\":\"" ID
	"\",\"attempt\":1,\"delay_ms\":500,\"error\":{\"code\":\"PROVIDER_OVERLOADED\","
	"\"message\":\"busy\",\"details\":{\"http_status\":529,\"provider_code\":\"o\","
	"\"request_id\":\"r\",\"retry_after_ms\":0}}}",
	"{\"type\":\"message\",\"seq\":9,\"message\":" MESSAGE "}",
	"{\"type\":\"message\",\"stop_reason\":\"stop\",\"stop_word\":\"end_turn\"}",
	"{\"type\":\"snapshot\",\"seq\":9,\"state\":\"waiting\",\"message\":" MESSAGE "}",
	"{\"type\":\"done\",\"seq\":9,\"state\":\"complete\",\"message\":" MESSAGE
	",\"messages\":[" MESSAGE "," MESSAGE "]}",
	"{\"type\":\"error\",\"seq\":9,\"state\":\"failed\",\"error\":"
	"{\"code\":\"PROVIDER_AUTH\",\"message\":\"no\"},\"message\":" MESSAGE "}",
	"{\"type\":\"error\",\"seq\":9,\"message_id\":\"" ID "\",\"error\":"
	"{\"code\":\"NO_MEMORY\",\"message\":\"out of memory\"}}",
};

START_TEST(the_form_of_each_type)
{
	struct aichat_event *event = NULL;
	aichat_error *err = NULL;
	char *json = NULL;

	ck_assert_msg(read_event(lines[_i], &event, &err) == 0, "%s",
		      aichat_error_message(err));
	ck_assert_ptr_nonnull(event);
	ck_assert_int_eq(aichat_event_to_json(event, &json, NULL), 0);
	ck_assert_str_eq(json, lines[_i]);
	aic_free(json);
	aic_event_unref(event);
}
END_TEST

START_TEST(the_accessors)
{
	struct aichat_event *event = NULL;

	ck_assert_int_eq(read_event(lines[2], &event, NULL), 0);
	ck_assert_int_eq(aichat_event_type(event), AICHAT_EVENT_TEXT);
	ck_assert_uint_eq(aichat_event_seq(event), 3);
	ck_assert_str_eq(aichat_event_message_id(event), ID);
	ck_assert_str_eq(aichat_event_text(event), "hi");
	ck_assert_uint_eq(aichat_event_text_len(event), 2);
	ck_assert_int_eq(aichat_event_part_type(event), 0);
	ck_assert_int_eq(aichat_event_state(event), 0);
	ck_assert_ptr_null(aichat_event_message(event));
	ck_assert_ptr_null(aichat_event_error(event));
	aic_event_unref(event);

	ck_assert_int_eq(read_event(lines[1], &event, NULL), 0);
	ck_assert_int_eq(aichat_event_part_type(event), AICHAT_PART_TOOL_CALL);
	ck_assert_uint_eq(aichat_event_index(event), 0);
	ck_assert_str_eq(aichat_event_text(event), "");
	aic_event_unref(event);

	ck_assert_int_eq(read_event(lines[8], &event, NULL), 0);
	ck_assert_int_eq(aichat_event_delay_ms(event), 500);
	ck_assert_int_eq(aichat_error_code(aichat_event_error(event)),
			 AICHAT_EOVERLOADED);
	aic_event_unref(event);

	/* A message in an event names it. */
	ck_assert_int_eq(read_event(lines[12], &event, NULL), 0);
	ck_assert_int_eq(aichat_event_state(event), AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(aichat_event_message_id(event), ID);
	ck_assert_str_eq(aichat_message_id(aichat_event_message(event)), ID);
	ck_assert_uint_eq(event->message_count, 2);
	aic_event_unref(event);

	ck_assert_int_eq(aichat_event_to_json(NULL, NULL, NULL), AICHAT_EINVAL);
	ck_assert_str_eq(aichat_event_text(NULL), "");
}
END_TEST

START_TEST(types_of_other_versions_are_passed_over)
{
	struct aichat_event *event = (struct aichat_event *)&event;
	aichat_error *err = NULL;

	ck_assert_int_eq(read_event("{\"type\":\"dance\",\"seq\":1}", &event, &err), 0);
	ck_assert_ptr_null(event);
	ck_assert_ptr_null(err);
	ck_assert_int_eq(read_event("{\"type\":\"error\",\"error\":{\"code\":\"NEW\"}}",
				    &event, &err),
			 0);
	ck_assert_int_eq(aichat_error_code(event->error), AICHAT_EINTERNAL);
	aic_event_unref(event);
}
END_TEST

static const struct {
	const char *json;
	const char *message;
} refused[] = {
	{ "[]", "event is no object" },
	{ "{}", "event.type is missing" },
	{ "{\"type\":3}", "event.type is no string" },
	{ "{\"type\":\"text\",\"seq\":-1}", "event.seq is no whole number from 0" },
	{ "{\"type\":\"text\",\"index\":4294967296}", "event.index is too large" },
	{ "{\"type\":\"text\",\"text\":1}", "event.text is no string" },
	{ "{\"type\":\"done\",\"state\":\"dead\"}", "event.state is no state" },
	{ "{\"type\":\"done\",\"message\":{\"role\":\"user\",\"parts\":[{}]}}",
	  "event.message.parts[0].type is missing" },
	{ "{\"type\":\"done\",\"messages\":[{\"role\":\"user\"},{}]}",
	  "event.messages[1].role is missing" },
	{ "{\"type\":\"part_end\",\"value\":{}}", "event.value.type is missing" },
	{ "{\"type\":\"retry\",\"error\":{}}", "event.error.code is missing" },
	{ "{\"type\":\"retry\",\"error\":{\"code\":\"AGAIN\",\"details\":"
	  "{\"http_status\":1000}}}",
	  "event.error.details.http_status is no status" },
};

START_TEST(what_is_wrong_is_located)
{
	struct aichat_event *event = NULL;
	aichat_error *err = NULL;

	ck_assert_int_eq(read_event(refused[_i].json, &event, &err), AICHAT_EJSON);
	ck_assert_ptr_null(event);
	ck_assert_str_eq(aichat_error_message(err), refused[_i].message);
	aichat_error_unref(err);
}
END_TEST

START_TEST(damage_is_survived)
{
	unsigned read = 0;

	for (uint64_t seed = 0; seed < seeds(4000); seed++) {
		struct made made;
		struct dice d = dice(seed);
		struct aichat_event *event = NULL;
		aichat_error *err = NULL;
		char *json = NULL;
		make(&made, seed);
		ck_assert_int_eq(aichat_event_to_json(&made.event, &json, NULL), 0);
		unmake(&made);
		damage(&d, json);
		int result = read_event(json, &event, &err);
		ck_assert_int_eq(aichat_error_code(err), result);
		ck_assert(result == 0 || !event);
		read += event ? 1 : 0;
		aic_free(json);
		aichat_error_unref(err);
		aic_event_unref(event);
	}
	ck_assert_uint_gt(read, seeds(4000) / 40);
	ck_assert_uint_lt(read, seeds(4000) - seeds(4000) / 40);
}
END_TEST

START_TEST(names_go_both_ways)
{
	for (int i = 1; i <= AICHAT_EVENT_ERROR; i++)
		ck_assert_int_eq(aic_event_type_parse(aic_str(aichat_event_type_name(i))),
				 i);
	for (int i = 1; i <= AICHAT_REPLY_FAILED; i++)
		ck_assert_int_eq(
			aic_reply_state_parse(aic_str(aichat_reply_state_name(i))), i);
	ck_assert_str_eq(aichat_event_type_name(0), "unknown");
	ck_assert_str_eq(aichat_event_type_name(13), "unknown");
	ck_assert_str_eq(aichat_reply_state_name(-1), "unknown");
	ck_assert_str_eq(aichat_reply_state_name(8), "unknown");
}
END_TEST

START_TEST(a_list_keeps_its_memory)
{
	struct aic_events events = { 0 };

	for (uint32_t i = 0; i < 100; i++)
		aic_events_add(&events, AICHAT_EVENT_TEXT)->index = i;
	ck_assert_uint_eq(events.count, 100);
	ck_assert_uint_eq(events.items[99].index, 99);
	size_t capacity = events.capacity;
	aic_events_reset(&events);
	struct aichat_event *event = aic_events_add(&events, AICHAT_EVENT_USAGE);
	ck_assert_ptr_eq(event, events.items);
	ck_assert_uint_eq(event->index, 0);
	ck_assert_int_eq(event->usage.output, -1);
	ck_assert_uint_eq(events.capacity, capacity);
	aic_events_done(&events);
	ck_assert_ptr_null(events.items);
}
END_TEST

#ifdef AIC_TEST_HOOKS
static int copy_and_reread(void *data)
{
	const struct made *made = data;
	struct aichat_event *copy = aic_event_copy(&made->event), *back = NULL;
	char *json = NULL;

	if (!copy)
		return AICHAT_ENOMEM;
	int result = aichat_event_to_json(copy, &json, NULL);
	if (result == 0)
		result = read_event(json, &back, NULL);
	if (result == 0 && !same_event(copy, back))
		result = AICHAT_EINTERNAL;
	aic_event_unref(copy);
	aic_event_unref(back);
	aic_free(json);
	return result;
}

START_TEST(memory_runs_out)
{
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct made made;
		make(&made, seed);
		walk_failures(copy_and_reread, &made);
		unmake(&made);
	}
	struct aic_events events = { 0 };
	aic_mem_fail_at(1, true);
	struct aichat_event *event = aic_events_add(&events, AICHAT_EVENT_TEXT);
	aic_mem_fail_at(0, false);
	ck_assert_ptr_nonnull(event);
	ck_assert_int_eq(event->type, AICHAT_EVENT_TEXT);
	ck_assert(events.failed);
	ck_assert_uint_eq(events.count, 0);
	aic_events_done(&events);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("event");
	TCase *tests = tcase_create("event");

	tcase_set_timeout(tests, 50);
	tcase_add_test(tests, a_copy_owns_all);
	tcase_add_test(tests, writing_and_reading_gives_the_same);
	tcase_add_loop_test(tests, the_form_of_each_type, 0, AIC_ARRAY_LEN(lines));
	tcase_add_test(tests, the_accessors);
	tcase_add_test(tests, types_of_other_versions_are_passed_over);
	tcase_add_loop_test(tests, what_is_wrong_is_located, 0, AIC_ARRAY_LEN(refused));
	tcase_add_test(tests, damage_is_survived);
	tcase_add_test(tests, names_go_both_ways);
	tcase_add_test(tests, a_list_keeps_its_memory);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
