/*
 * The builder: a message from its events, however they are cut, and back.
 */

#include <check.h>

#include "model/builder.h"
#include "model_support.h"
#include "seeds.h"

#define SEEDS 400

/* What events do not carry, from another message. */
static struct aichat_message *start_like(const struct aichat_message *m)
{
	struct aichat_message *built = aic_message_new(m->role);

	ck_assert_ptr_nonnull(built);
	built->id = m->id;
	built->conversation_id = m->conversation_id;
	built->parent_id = m->parent_id;
	built->edit_of = m->edit_of;
	built->created_unix_ms = m->created_unix_ms;
	built->cost_nano_usd = m->cost_nano_usd;
	built->dialect = aic_strdup(m->dialect);
	built->provider = aic_strdup(m->provider);
	built->model = aic_strdup(m->model);
	built->response_id = aic_strdup(m->response_id);
	aic_message_set_texts(built);
	return built;
}

static void apply(struct aichat_message *message, const struct aichat_event *event)
{
	ck_assert_int_eq(aic_builder_apply(message, event), 0);
}

START_TEST(the_events_of_a_message_build_it)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct aichat_message *m = random_message(seed);
		struct aichat_message *built = start_like(m);
		struct aic_events events = { 0 };
		ck_assert_int_eq(aic_builder_events(m, &events), 0);
		for (size_t i = 0; i < events.count; i++)
			apply(built, &events.items[i]);
		built->state = m->state;
		char *want = message_text(m, true), *have = message_text(built, true);
		ck_assert_str_eq(have, want);
		ck_assert_msg(same_message(m, built), "seed %d: %s", (int)seed, want);
		aic_free(want);
		aic_free(have);
		aic_events_done(&events);
		aichat_message_unref(m);
		aichat_message_unref(built);
	}
}
END_TEST

static bool is_piece(const struct aichat_event *e)
{
	return e->type == AICHAT_EVENT_TEXT || e->type == AICHAT_EVENT_REASONING ||
	       e->type == AICHAT_EVENT_TOOL_CALL;
}

/* Apply with the pieces cut anywhere, each through a log that was written and read. */
static void apply_cut(struct aichat_message *built, const struct aichat_event *event,
		      struct dice *d)
{
	struct aichat_event piece = *event;
	size_t done = 0;

	do {
		size_t left = event->text.len - done;
		size_t len = is_piece(event) && left ? roll(d, (unsigned)left) + 1 : left;
		if (event->text.data)
			piece.text = (struct aic_str){ event->text.data + done, len };
		struct aichat_event *copy = aic_event_copy(&piece);
		ck_assert_ptr_nonnull(copy);
		apply(built, copy);
		aic_event_unref(copy);
		done += len;
	} while (done < event->text.len);
}

START_TEST(however_the_pieces_are_cut)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct aichat_message *m = random_message(seed);
		struct aichat_message *built = start_like(m);
		struct aic_events events = { 0 };
		struct dice d = dice(seed + 1000);
		ck_assert_int_eq(aic_builder_events(m, &events), 0);
		for (size_t i = 0; i < events.count; i++)
			apply_cut(built, &events.items[i], &d);
		built->state = m->state;
		ck_assert_msg(same_message(m, built), "seed %d", (int)seed);
		aic_events_done(&events);
		aichat_message_unref(m);
		aichat_message_unref(built);
	}
}
END_TEST

/* Parts begin in order; after that anything of one may come between anything of others.
 */
START_TEST(however_the_parts_are_mixed)
{
	for (uint64_t seed = 0; seed < seeds(SEEDS); seed++) {
		struct aichat_message *m = random_message(seed);
		struct aichat_message *built = start_like(m);
		struct aic_events events = { 0 };
		struct dice d = dice(seed + 2000);
		ck_assert_int_eq(aic_builder_events(m, &events), 0);
		for (size_t i = 0; i < events.count; i++)
			if (events.items[i].type == AICHAT_EVENT_PART_START)
				apply(built, &events.items[i]);
		/* Take from the front of a random part until none has anything. */
		for (size_t left = events.count; left > 0;) {
			size_t at = roll(&d, (unsigned)events.count);
			uint32_t index = events.items[at].index;
			bool is_part = is_piece(&events.items[at]) ||
				       events.items[at].type == AICHAT_EVENT_PART_END;
			for (size_t i = 0; is_part && i < at; i++)
				if (is_piece(&events.items[i]) &&
				    events.items[i].index == index)
					at = i;
			if (!events.items[at].type)
				continue;
			if (events.items[at].type != AICHAT_EVENT_PART_START)
				apply(built, &events.items[at]);
			events.items[at].type = 0;
			left--;
		}
		built->state = m->state;
		ck_assert_msg(same_message(m, built), "seed %d", (int)seed);
		aic_events_done(&events);
		aichat_message_unref(m);
		aichat_message_unref(built);
	}
}
END_TEST

static struct aichat_event piece(enum aichat_event_type type, uint32_t index,
				 const char *text)
{
	return (struct aichat_event){ .type = type,
				      .index = index,
				      .text = aic_str(text),
				      .usage = AIC_USAGE_UNKNOWN };
}

static struct aichat_event part(enum aichat_event_type type, uint32_t index,
				enum aichat_part_type part_type)
{
	return (struct aichat_event){ .type = type,
				      .index = index,
				      .part_type = part_type,
				      .usage = AIC_USAGE_UNKNOWN };
}

START_TEST(parts_need_no_start)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);
	struct aichat_event e = piece(AICHAT_EVENT_REASONING, 0, "hm");

	apply(m, &e);
	e = piece(AICHAT_EVENT_TEXT, 1, "a");
	apply(m, &e);
	e = piece(AICHAT_EVENT_TOOL_CALL, 2, "{\"a\":");
	e.id = AIC_STR("c1");
	apply(m, &e);
	/* The first id and name stay. */
	e = piece(AICHAT_EVENT_TOOL_CALL, 2, "1}");
	e.id = AIC_STR("c2");
	e.name = AIC_STR("f");
	apply(m, &e);
	ck_assert_uint_eq(m->part_count, 3);
	ck_assert_int_eq(m->parts[0].type, AICHAT_PART_REASONING);
	ck_assert_int_eq(m->parts[1].type, AICHAT_PART_TEXT);
	ck_assert_str_eq(m->parts[2].text.data, "{\"a\":1}");
	ck_assert_str_eq(m->parts[2].id, "c1");
	ck_assert_str_eq(m->parts[2].name, "f");
	aichat_message_unref(m);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);
	struct aichat_event e = piece(AICHAT_EVENT_TEXT, 1, "a");

	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	e = part(AICHAT_EVENT_PART_START, 1, AICHAT_PART_TEXT);
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	e = part(AICHAT_EVENT_PART_END, 0, AICHAT_PART_TEXT);
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	e = part(AICHAT_EVENT_PART_START, 0, AICHAT_PART_TEXT);
	apply(m, &e);
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	e = piece(AICHAT_EVENT_REASONING, 0, "a");
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	e = part(AICHAT_EVENT_PART_START, 1, AICHAT_PART_IMAGE);
	apply(m, &e);
	e = piece(AICHAT_EVENT_TEXT, 1, "a");
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	e = piece(AICHAT_EVENT_TOOL_CALL, 2, "{}");
	e.name = (struct aic_str){ "a\0b", 3 };
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_EPROTOCOL);
	aichat_message_unref(m);
}
END_TEST

START_TEST(sizes_are_bounded)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);

	for (uint32_t i = 0; i < AIC_PARTS_MAX; i++) {
		struct aichat_event e = part(AICHAT_EVENT_PART_START, i,
					     AICHAT_PART_TEXT);
		apply(m, &e);
	}
	struct aichat_event e = part(AICHAT_EVENT_PART_START, AIC_PARTS_MAX,
				     AICHAT_PART_TEXT);
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_ETOOLARGE);
	e = piece(AICHAT_EVENT_TEXT, AIC_PARTS_MAX, "a");
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_ETOOLARGE);
	/* Bytes are not looked at before their number is. */
	e = piece(AICHAT_EVENT_TEXT, 0, "a");
	e.text.len = AIC_PART_BYTES_MAX + 1;
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_ETOOLARGE);
	e = part(AICHAT_EVENT_PART_END, 0, AICHAT_PART_TEXT);
	e.raw = (struct aic_str){ "a", AIC_PART_BYTES_MAX + 1 };
	ck_assert_int_eq(aic_builder_apply(m, &e), AICHAT_ETOOLARGE);
	aichat_message_unref(m);
}
END_TEST

START_TEST(usage_and_stop_are_replaced)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);
	struct aichat_event e = { .type = AICHAT_EVENT_USAGE,
				  .usage = { 10, -1, 2, -1, 0 } };

	apply(m, &e);
	e.usage = (struct aic_usage){ -1, 5, -1, 7, 3 };
	apply(m, &e);
	ck_assert(same_usage(&m->usage, &(struct aic_usage){ 10, 5, 2, 7, 3 }));
	e = (struct aichat_event){ .type = AICHAT_EVENT_MESSAGE,
				   .stop_reason = AICHAT_STOP_SEQUENCE,
				   .stop_word = AIC_STR("stop_sequence"),
				   .stop_sequence = AIC_STR("END") };
	apply(m, &e);
	ck_assert_int_eq(m->stop_reason, AICHAT_STOP_SEQUENCE);
	ck_assert_str_eq(m->stop_sequence, "END");
	/* What a later one does not say stays. */
	e = (struct aichat_event){ .type = AICHAT_EVENT_MESSAGE,
				   .stop_word = AIC_STR("x") };
	apply(m, &e);
	ck_assert_int_eq(m->stop_reason, AICHAT_STOP_SEQUENCE);
	ck_assert_str_eq(m->stop_word, "x");
	ck_assert_str_eq(m->stop_sequence, "END");
	/* A sealed message tells its own; events of other kinds tell nothing. */
	struct aichat_message *sealed = aic_message_new(AICHAT_ROLE_ASSISTANT);
	sealed->stop_reason = AICHAT_STOP_LENGTH;
	e = (struct aichat_event){ .type = AICHAT_EVENT_MESSAGE, .message = sealed };
	apply(m, &e);
	ck_assert_int_eq(m->stop_reason, AICHAT_STOP_LENGTH);
	e = (struct aichat_event){ .type = AICHAT_EVENT_DONE, .text = AIC_STR("x") };
	apply(m, &e);
	ck_assert_uint_eq(m->part_count, 0);
	aichat_message_unref(sealed);
	aichat_message_unref(m);
}
END_TEST

static struct aichat_message *to_seal(void)
{
	struct aichat_message *m = aic_message_new(AICHAT_ROLE_ASSISTANT);
	static const enum aichat_part_type types[] = {
		AICHAT_PART_TEXT, AICHAT_PART_REASONING, AICHAT_PART_TOOL_CALL,
		AICHAT_PART_TEXT, AICHAT_PART_REASONING, AICHAT_PART_REFUSAL,
	};

	for (uint32_t i = 0; i < AIC_ARRAY_LEN(types); i++) {
		struct aichat_event e = part(AICHAT_EVENT_PART_START, i, types[i]);
		apply(m, &e);
	}
	struct aichat_event e = part(AICHAT_EVENT_PART_END, 1, AICHAT_PART_REASONING);
	e.raw = AIC_STR("{}");
	apply(m, &e);
	e = piece(AICHAT_EVENT_TEXT, 3, "x");
	apply(m, &e);
	m->stop_reason = AICHAT_STOP_STOP;
	return m;
}

START_TEST(sealing)
{
	struct aichat_message *m = to_seal();

	aic_builder_seal(m, AICHAT_MESSAGE_SEALED);
	ck_assert_int_eq(m->state, AICHAT_MESSAGE_SEALED);
	ck_assert_int_eq(m->stop_reason, AICHAT_STOP_TOOL_CALLS);
	ck_assert_uint_eq(m->part_count, 3);
	ck_assert_int_eq(m->parts[0].type, AICHAT_PART_REASONING);
	ck_assert_str_eq(m->parts[0].raw.data, "{}");
	ck_assert_str_eq(m->parts[1].text.data, "{}");
	ck_assert_str_eq(m->parts[2].text.data, "x");
	aichat_message_unref(m);
	/* What was cut off is left as it came. */
	m = to_seal();
	aic_builder_seal(m, AICHAT_MESSAGE_INTERRUPTED);
	ck_assert_int_eq(m->state, AICHAT_MESSAGE_INTERRUPTED);
	ck_assert_int_eq(m->stop_reason, AICHAT_STOP_STOP);
	ck_assert_uint_eq(m->part_count, 3);
	ck_assert_str_eq(m->parts[1].text.data, "");
	aichat_message_unref(m);
}
END_TEST

#ifdef AIC_TEST_HOOKS
START_TEST(sealing_needs_no_memory)
{
	struct aichat_message *m = to_seal();

	aic_mem_fail_at(1, true);
	aic_builder_seal(m, AICHAT_MESSAGE_SEALED);
	aic_mem_fail_at(0, false);
	ck_assert_str_eq(m->parts[1].text.data, "{}");
	aichat_message_unref(m);
}
END_TEST

static int build(void *data)
{
	struct aic_events events = { 0 };
	struct aichat_message *built = aic_message_new(AICHAT_ROLE_ASSISTANT);
	int result = built ? aic_builder_events(data, &events) : AICHAT_ENOMEM;

	for (size_t i = 0; result == 0 && i < events.count; i++)
		result = aic_builder_apply(built, &events.items[i]);
	if (result == 0)
		aic_builder_seal(built, AICHAT_MESSAGE_SEALED);
	aic_events_done(&events);
	aichat_message_unref(built);
	return result;
}

START_TEST(memory_runs_out)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct aichat_message *m = random_message(seed);
		walk_failures(build, m);
		aichat_message_unref(m);
	}
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("builder");
	TCase *tests = tcase_create("builder");

	tcase_set_timeout(tests, 50);
	tcase_add_test(tests, the_events_of_a_message_build_it);
	tcase_add_test(tests, however_the_pieces_are_cut);
	tcase_add_test(tests, however_the_parts_are_mixed);
	tcase_add_test(tests, parts_need_no_start);
	tcase_add_test(tests, what_makes_no_sense_is_refused);
	tcase_add_test(tests, sizes_are_bounded);
	tcase_add_test(tests, usage_and_stop_are_replaced);
	tcase_add_test(tests, sealing);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, sealing_needs_no_memory);
	tcase_add_test(tests, memory_runs_out);
#endif
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
