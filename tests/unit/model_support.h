#pragma once

/*
 * Random values of the model from a seed, what makes two of them equal, and a walk of
 * failing allocations.
 */

#include <check.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/event.h"
#include "model/message.h"

struct dice {
	uint64_t state;
};

static inline struct dice dice(uint64_t seed)
{
	return (struct dice){ seed * 0x9e3779b97f4a7c15u + 1 };
}

/* 0 to below - 1 (splitmix64) */
static inline unsigned roll(struct dice *d, unsigned below)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ (z >> 31)) >> 11) % below;
}

static inline bool flip(struct dice *d)
{
	return roll(d, 2) == 1;
}

/* A figure, or -1 for one that is not known. */
static inline int64_t perhaps_count(struct dice *d)
{
	return flip(d) ? (int64_t)roll(d, 1000000) : -1;
}

static inline struct aic_usage random_usage(struct dice *d)
{
	struct aic_usage usage = AIC_USAGE_UNKNOWN;

	usage.input = perhaps_count(d);
	usage.cached = perhaps_count(d);
	usage.cache_write = flip(d) ? 0 : -1;
	usage.output = flip(d) ? INT64_MAX : -1;
	usage.reasoning = perhaps_count(d);
	return usage;
}

/* UTF-8 that JSON has to escape, and that it has not. */
static inline struct aic_str random_piece(struct dice *d, bool with_nul)
{
	static const struct aic_str pieces[] = {
		{ "a", 1 },
		{ "Hello, world", 12 },
		{ "\"quoted\" \\ back", 15 },
		{ "\n\t\r", 3 },
		{ "\x01\x1f\x7f", 3 },
		{ "z\xc3\xbcrich", 7 },
		{ "\xe4\xbd\xa0\xe5\xa5\xbd", 6 },
		{ "\xf0\x9f\x91\x8b\xf0\x9f\x8f\xbd", 8 },
		{ "\xe2\x80\xa8", 3 },
		{ "{\"a\":[1,2]}", 11 },
		{ "</script>", 9 },
		{ "x\0y", 3 },
	};

	return pieces[roll(d, AIC_ARRAY_LEN(pieces) - (with_nul ? 0 : 1))];
}

static inline void random_string(struct dice *d, struct aic_string *to)
{
	ck_assert_int_eq(aic_string_set(to, AIC_STR("")), 0);
	for (unsigned n = roll(d, 6); n > 0; n--)
		ck_assert_int_eq(aic_string_append(to, random_piece(d, true)), 0);
}

/* Without NUL, and never empty. */
static inline char *random_word(struct dice *d)
{
	struct aic_buf text = aic_buf(0);

	for (unsigned n = 1 + roll(d, 3); n > 0; n--) {
		struct aic_str piece = random_piece(d, false);
		aic_buf_append(&text, piece.data, piece.len);
	}
	char *word = aic_buf_take(&text, NULL);
	ck_assert_ptr_nonnull(word);
	return word;
}

static inline char *perhaps_word(struct dice *d)
{
	return flip(d) ? random_word(d) : NULL;
}

static inline void perhaps_id(struct dice *d, struct aic_id *id)
{
	if (flip(d))
		for (size_t i = 0; i < sizeof(id->bytes); i++)
			id->bytes[i] = (unsigned char)roll(d, 256);
}

static inline void perhaps_raw(struct dice *d, struct aic_string *raw)
{
	static const char *const values[] = {
		"{\"signature\": \"\\u00e9==\",  \"n\":1.0}", "[]", "\"\\ud83d\"",
		"-0.0e+1"
	};

	if (flip(d))
		ck_assert_int_eq(aic_string_set(raw, aic_str(values[roll(d, 4)])), 0);
}

static inline void random_part(struct dice *d, struct aichat_part *part, bool nested)
{
	switch (part->type) {
	case AICHAT_PART_TEXT:
	case AICHAT_PART_REFUSAL:
		random_string(d, &part->text);
		break;
	case AICHAT_PART_REASONING:
	case AICHAT_PART_COMPACTION:
		if (flip(d))
			random_string(d, &part->text);
		break;
	case AICHAT_PART_TOOL_CALL:
		part->id = perhaps_word(d);
		part->name = perhaps_word(d);
		random_string(d, &part->text);
		break;
	case AICHAT_PART_TOOL_RESULT:
		part->id = perhaps_word(d);
		part->is_error = flip(d);
		for (unsigned n = nested ? 0 : roll(d, 4); n > 0; n--) {
			struct aichat_part *inner = aic_part_add_part(
				part, (enum aichat_part_type)(1 + roll(d, 11)));
			ck_assert_ptr_nonnull(inner);
			random_part(d, inner, true);
		}
		break;
	case AICHAT_PART_IMAGE:
	case AICHAT_PART_AUDIO:
	case AICHAT_PART_FILE:
		part->media_type = perhaps_word(d);
		part->name = perhaps_word(d);
		if (flip(d))
			random_string(d, &part->data);
		else
			part->url = random_word(d);
		break;
	case AICHAT_PART_SOURCE:
		part->name = perhaps_word(d);
		part->url = perhaps_word(d);
		break;
	case AICHAT_PART_UNKNOWN:
		break;
	}
	perhaps_raw(d, &part->raw);
}

static inline struct aichat_message *random_message(uint64_t seed)
{
	struct dice d = dice(seed);
	struct aichat_message *m = aic_message_new((enum aichat_role)(1 + roll(&d, 4)));

	ck_assert_ptr_nonnull(m);
	perhaps_id(&d, &m->id);
	perhaps_id(&d, &m->conversation_id);
	perhaps_id(&d, &m->parent_id);
	perhaps_id(&d, &m->edit_of);
	m->state = (enum aichat_message_state)(1 + roll(&d, 6));
	m->stop_reason = (enum aichat_stop_reason)roll(&d, 10);
	m->created_unix_ms = flip(&d) ? 1700000000000 + roll(&d, 2000000000) : 0;
	m->cost_nano_usd = perhaps_count(&d);
	m->usage = random_usage(&d);
	m->dialect = perhaps_word(&d);
	m->provider = perhaps_word(&d);
	m->model = perhaps_word(&d);
	m->stop_word = perhaps_word(&d);
	m->stop_sequence = perhaps_word(&d);
	m->response_id = perhaps_word(&d);
	for (unsigned n = roll(&d, 7); n > 0; n--) {
		struct aichat_part *part = aic_message_add_part(
			m, (enum aichat_part_type)(1 + roll(&d, 11)));
		ck_assert_ptr_nonnull(part);
		random_part(&d, part, false);
	}
	aic_message_set_texts(m);
	return m;
}

static inline bool same_string(const struct aic_string *a, const struct aic_string *b)
{
	return !a->data == !b->data &&
	       aic_str_equal(aic_string_str(a), aic_string_str(b));
}

static inline bool same_parts(const struct aichat_part *a, size_t a_count,
			      const struct aichat_part *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++, a++, b++)
		if (a->type != b->type || a->is_error != b->is_error ||
		    (a->type != AICHAT_PART_TOOL_RESULT &&
		     !same_string(&a->text, &b->text)) ||
		    !same_string(&a->raw, &b->raw) || !same_string(&a->data, &b->data) ||
		    !aic_streq(a->id, b->id) || !aic_streq(a->name, b->name) ||
		    !aic_streq(a->media_type, b->media_type) ||
		    !aic_streq(a->url, b->url) ||
		    !same_parts(a->parts, a->part_count, b->parts, b->part_count))
			return false;
	return true;
}

static inline bool same_usage(const struct aic_usage *a, const struct aic_usage *b)
{
	return a->input == b->input && a->cached == b->cached &&
	       a->cache_write == b->cache_write && a->output == b->output &&
	       a->reasoning == b->reasoning;
}

static inline bool same_message(const struct aichat_message *a,
				const struct aichat_message *b)
{
	if (!a || !b)
		return a == b;
	return aic_id_equal(&a->id, &b->id) &&
	       aic_id_equal(&a->conversation_id, &b->conversation_id) &&
	       aic_id_equal(&a->parent_id, &b->parent_id) &&
	       aic_id_equal(&a->edit_of, &b->edit_of) && a->role == b->role &&
	       a->state == b->state && a->stop_reason == b->stop_reason &&
	       a->created_unix_ms == b->created_unix_ms &&
	       a->cost_nano_usd == b->cost_nano_usd && same_usage(&a->usage, &b->usage) &&
	       aic_streq(a->dialect, b->dialect) && aic_streq(a->provider, b->provider) &&
	       aic_streq(a->model, b->model) && aic_streq(a->stop_word, b->stop_word) &&
	       aic_streq(a->stop_sequence, b->stop_sequence) &&
	       aic_streq(a->response_id, b->response_id) &&
	       strcmp(a->id_text, b->id_text) == 0 &&
	       strcmp(a->conversation_text, b->conversation_text) == 0 &&
	       strcmp(a->parent_text, b->parent_text) == 0 &&
	       same_parts(a->parts, a->part_count, b->parts, b->part_count);
}

/* The canonical JSON; owned (aic_free). */
static inline char *message_text(const struct aichat_message *message, bool with_data)
{
	struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);

	aic_message_write(message, &w, with_data);
	char *json = aic_buf_take(&text, NULL);
	ck_assert_ptr_nonnull(json);
	return json;
}

/* Change, drop or double some bytes; the text keeps its memory. */
static inline void damage(struct dice *d, char *text)
{
	static const char bytes[] = "{}[]\",:\\0-1.eutn\xc3\x80 ";

	for (unsigned n = 1 + roll(d, 3); n > 0 && *text; n--) {
		char *at = text + roll(d, (unsigned)strlen(text));
		switch (roll(d, 3)) {
		case 0:
			*at = bytes[roll(d, sizeof(bytes) - 1)];
			break;
		case 1:
			memmove(at, at + 1, strlen(at));
			break;
		default:
			memmove(at, at + 1, strlen(at) - 1);
		}
	}
}

#ifdef AIC_TEST_HOOKS
/*
 * Run with the n-th allocation failing, for every n, once and from then on, until a run
 * needs no more of them. The run returns 0 or AICHAT_ENOMEM and leaves nothing behind;
 * what it leaves, the sanitizers tell.
 */
static inline void walk_failures(int (*run)(void *data), void *data)
{
	for (int persistent = 0; persistent < 2; persistent++)
		for (uint64_t n = 1;; n++) {
			aic_mem_fail_at(n, persistent);
			int result = run(data);
			bool reached = aic_mem_count() >= n;
			aic_mem_fail_at(0, false);
			ck_assert_msg(result == 0 || result == AICHAT_ENOMEM,
				      "allocation %d: result %d", (int)n, result);
			if (!reached) {
				ck_assert_int_eq(result, 0);
				break;
			}
			ck_assert_int_lt((int)n, 100000);
		}
}
#endif

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
