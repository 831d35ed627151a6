/*
 * The parts of a reply but for its tool calls: texts of three kinds, of which one is open
 * at a time.
 */

#include "base/mem.h"
#include "base/utf8.h"
#include "dialect/chat.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

struct aichat_event *aic_oai_add(struct oai_decoder *d, struct oai_choice *c,
				 enum aichat_event_type type)
{
	struct aichat_event *event = aic_events_add(d->events, type);

	event->choice = c->number;
	return event;
}

/* --- strings --- */

static int hex4(const char *at)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* The half of a pair that the raw text between quotes ends in, 0 if it does not. */
static uint16_t high_at_end(struct aic_str raw)
{
	if (raw.len < 6)
		return 0;
	const char *escape = raw.data + raw.len - 6;
	int code = escape[0] == '\\' && escape[1] == 'u' ? hex4(escape + 2) : -1;
	if (code < 0xd800 || code > 0xdbff)
		return 0;
	/* An escaped backslash before "ud83d" only looks like it. */
	size_t slashes = 0;
	while (escape > raw.data + slashes && escape[-1 - (ptrdiff_t)slashes] == '\\')
		slashes++;
	return slashes % 2 ? 0 : (uint16_t)code;
}

static uint16_t low_at_start(struct aic_str raw)
{
	int code = raw.len >= 6 && raw.data[0] == '\\' && raw.data[1] == 'u'
			   ? hex4(raw.data + 2)
			   : -1;

	return code >= 0xdc00 && code <= 0xdfff ? (uint16_t)code : 0;
}

/* Copies into the arena. */
struct aic_str aic_oai_keep(struct oai_decoder *d, struct aic_str text)
{
	char *copy = aic_arena_get(&d->arena, text.len);

	if (!copy)
		return (struct aic_str){ NULL, 0 };
	if (text.len)
		memcpy(copy, text.data, text.len);
	return (struct aic_str){ copy, text.len };
}

/*
 * A tokenizer may cut a character in two, and the server then writes each half of its
 * surrogate pair into a delta of its own. The scan takes such halves; here they meet.
 */
static struct aic_str join(struct oai_decoder *d, int string, uint16_t *high)
{
	struct aic_str raw = aic_json_raw(&d->doc, string);
	char first[4];
	size_t first_len = 0;
	size_t skip = 0; /* of the unescaped text: the replacements of halves */

	raw = (struct aic_str){ raw.data + 1, raw.len - 2 };
	if (*high && raw.len == 0)
		return AIC_STR("");
	aic_buf_reset(&d->scratch);
	aic_json_text(&d->doc, string, &d->scratch);
	struct aic_str text = aic_buf_str(&d->scratch);
	uint16_t low = low_at_start(raw);
	if (*high && low) {
		uint32_t code = 0x10000 + (((uint32_t)*high - 0xd800) << 10) +
				((uint32_t)low - 0xdc00);
		first_len = aic_utf8_encode(code, first);
		skip = sizeof(replacement) - 1;
	} else if (*high) {
		first_len = sizeof(replacement) - 1;
		memcpy(first, replacement, first_len);
	}
	*high = high_at_end(raw);
	if (*high)
		text.len -= AIC_MIN(text.len, sizeof(replacement) - 1);
	text.data += AIC_MIN(skip, text.len);
	text.len -= AIC_MIN(skip, text.len);
	char *out = aic_arena_get(&d->arena, first_len + text.len);
	if (!out)
		return (struct aic_str){ NULL, 0 };
	memcpy(out, first, first_len);
	memcpy(out + first_len, text.data, text.len);
	return (struct aic_str){ out, first_len + text.len };
}

struct aic_str aic_oai_string(struct oai_decoder *d, int string, uint16_t *high)
{
	if (!aic_json_is(&d->doc, string, AIC_JSON_STRING))
		return (struct aic_str){ NULL, 0 };
	const struct aic_json_token *token = &d->doc.tokens[string];
	if (AIC_LIKELY(!token->escaped && !*high))
		return (struct aic_str){ d->doc.text + token->start + 1,
					 token->end - token->start - 2 };
	return join(d, string, high);
}

/* --- texts --- */

static void end_open(struct oai_decoder *d, struct oai_choice *c)
{
	if (!c->open)
		return;
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_END);
	event->index = c->open_part;
	event->part_type = c->open;
	if (c->open == AICHAT_PART_REASONING)
		event->raw = aic_oai_details_take(d, c);
	c->open = 0;
}

static void begin(struct oai_decoder *d, struct oai_choice *c, enum aichat_part_type type)
{
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_START);

	c->open = type;
	c->open_part = c->parts++;
	event->index = c->open_part;
	event->part_type = type;
	if (type == AICHAT_PART_REFUSAL)
		c->has_refusal = true;
}

/* Members that came without a word of reasoning get a part to go with. */
static void place_members(struct oai_decoder *d, struct oai_choice *c)
{
	if (!c->open && aic_oai_details_pending(c)) {
		begin(d, c, AICHAT_PART_REASONING);
		end_open(d, c);
	}
}

static void tell(struct oai_decoder *d, struct oai_choice *c, enum aichat_part_type type,
		 struct aic_str text)
{
	if (!text.len)
		return;
	if (c->open != type) {
		end_open(d, c);
		if (type != AICHAT_PART_REASONING)
			place_members(d, c);
		begin(d, c, type);
	}
	struct aichat_event *event = aic_oai_add(d, c,
						 type == AICHAT_PART_REASONING
							 ? AICHAT_EVENT_REASONING
							 : AICHAT_EVENT_TEXT);
	event->index = c->open_part;
	event->part_type = type;
	event->text = text;
}

/* <think> and </think> turn text into reasoning and back; the rest is told. Up to seven
 * bytes that may be the beginning of a tag are held until more comes. */
static void split_think(struct oai_decoder *d, struct oai_choice *c, struct aic_str text)
{
	if (c->held_len) {
		char *joined = aic_arena_get(&d->arena, c->held_len + text.len);
		if (!joined)
			return;
		memcpy(joined, c->held, c->held_len);
		memcpy(joined + c->held_len, text.data, text.len);
		text = (struct aic_str){ joined, c->held_len + text.len };
		c->held_len = 0;
	}
	for (;;) {
		struct aic_str tag = c->thinking ? AIC_STR("</think>")
						 : AIC_STR("<think>");
		enum aichat_part_type type = c->thinking ? AICHAT_PART_REASONING
							 : AICHAT_PART_TEXT;
		const char *at = memmem(text.data, text.len, tag.data, tag.len);
		if (!at) {
			size_t keep = AIC_MIN(tag.len - 1, text.len);
			while (keep &&
			       memcmp(text.data + text.len - keep, tag.data, keep) != 0)
				keep--;
			tell(d, c, type, (struct aic_str){ text.data, text.len - keep });
			memcpy(c->held, text.data + text.len - keep, keep);
			c->held_len = (uint8_t)keep;
			return;
		}
		size_t before = (size_t)(at - text.data);
		tell(d, c, type, (struct aic_str){ text.data, before });
		text.data += before + tag.len;
		text.len -= before + tag.len;
		c->thinking = !c->thinking;
	}
}

/*
 * xAI repeats deltas, and at the end all of the text as one. A short piece may well come
 * twice in earnest, so it is taken as it is.
 */
static bool is_repeated(struct oai_decoder *d, struct oai_choice *c,
			enum aichat_part_type type, struct aic_str text)
{
	const size_t earnest = 4;
	struct aic_buf *said = type == AICHAT_PART_TEXT ? &c->said : &c->thought;

	if (!(d->base.profile.quirks & AIC_QUIRK_DEDUPE) || type == AICHAT_PART_REFUSAL ||
	    !text.len)
		return false;
	if (text.len >= earnest) {
		struct aic_str all = aic_buf_str(said);
		size_t last_at = type == AICHAT_PART_TEXT ? c->said_last : 0;
		struct aic_str last = { all.data + last_at, all.len - last_at };
		if (aic_str_equal(text, last) || aic_str_equal(text, all))
			return true;
	}
	if (type != AICHAT_PART_TEXT)
		aic_buf_reset(said);
	else
		c->said_last = said->len;
	aic_buf_append(said, text.data, text.len);
	return false;
}

static void flush_high(struct oai_decoder *d, struct oai_choice *c)
{
	if (!c->high)
		return;
	c->high = 0;
	tell(d, c, c->high_type,
	     (struct aic_str){ replacement, sizeof(replacement) - 1 });
}

/* What was held was no tag after all. */
static void flush_held(struct oai_decoder *d, struct oai_choice *c)
{
	struct aic_str held = { c->held, c->held_len };

	if (!c->held_len)
		return;
	c->held_len = 0;
	tell(d, c, c->thinking ? AICHAT_PART_REASONING : AICHAT_PART_TEXT,
	     aic_oai_keep(d, held));
}

static void put_text(struct oai_decoder *d, struct oai_choice *c,
		     enum aichat_part_type type, struct aic_str text)
{
	if (!text.len || is_repeated(d, c, type, text))
		return;
	if (type == AICHAT_PART_TEXT && (d->base.profile.quirks & AIC_QUIRK_THINK_TAGS)) {
		split_think(d, c, text);
		return;
	}
	flush_held(d, c);
	tell(d, c, type, text);
}

void aic_oai_text(struct oai_decoder *d, struct oai_choice *c, enum aichat_part_type type,
		  int string)
{
	if (AIC_UNLIKELY(c->high && c->high_type != type &&
			 aic_json_raw(&d->doc, string).len > 2))
		flush_high(d, c);
	struct aic_str text = aic_oai_string(d, string, &c->high);
	if (c->high)
		c->high_type = type;
	put_text(d, c, type, text);
}

void aic_oai_end_texts(struct oai_decoder *d, struct oai_choice *c)
{
	flush_high(d, c);
	flush_held(d, c);
	end_open(d, c);
	place_members(d, c);
}

uint32_t aic_oai_next_part(struct oai_decoder *d, struct oai_choice *c)
{
	aic_oai_end_texts(d, c);
	return c->parts++;
}

/* --- content in parts --- */

static void tell_unknown(struct oai_decoder *d, struct oai_choice *c, int value)
{
	uint32_t index = aic_oai_next_part(d, c);
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_START);

	event->index = index;
	event->part_type = AICHAT_PART_UNKNOWN;
	event = aic_oai_add(d, c, AICHAT_EVENT_PART_END);
	event->index = index;
	event->part_type = AICHAT_PART_UNKNOWN;
	event->raw = aic_json_raw(&d->doc, value);
}

/* Mistral: {"type":"thinking","thinking":"..." or [{"type":"text","text":"..."}]}. */
static void put_thinking(struct oai_decoder *d, struct oai_choice *c, int thinking)
{
	if (aic_json_is(&d->doc, thinking, AIC_JSON_STRING)) {
		aic_oai_text(d, c, AICHAT_PART_REASONING, thinking);
		return;
	}
	for (int v = aic_json_first(&d->doc, thinking); v >= 0;
	     v = aic_json_next(&d->doc, thinking, v))
		aic_oai_text(d, c, AICHAT_PART_REASONING,
			     aic_json_get(&d->doc, v, "text"));
}

static void put_item(struct oai_decoder *d, struct oai_choice *c, int item)
{
	const struct aic_json *doc = &d->doc;

	if (aic_json_is(doc, item, AIC_JSON_STRING)) {
		aic_oai_text(d, c, AICHAT_PART_TEXT, item);
		return;
	}
	if (!aic_json_is(doc, item, AIC_JSON_OBJECT))
		return;
	int type = aic_json_get(doc, item, "type");
	if (aic_json_equals(doc, type, "text"))
		aic_oai_text(d, c, AICHAT_PART_TEXT, aic_json_get(doc, item, "text"));
	else if (aic_json_equals(doc, type, "thinking"))
		put_thinking(d, c, aic_json_get(doc, item, "thinking"));
	else if (aic_json_equals(doc, type, "refusal"))
		aic_oai_text(d, c, AICHAT_PART_REFUSAL,
			     aic_json_get(doc, item, "refusal"));
	else
		tell_unknown(d, c, item);
}

int aic_oai_content(struct oai_decoder *d, struct oai_choice *c, int content)
{
	switch (aic_json_type(&d->doc, content)) {
	case AIC_JSON_STRING:
		aic_oai_text(d, c, AICHAT_PART_TEXT, content);
		break;
	case AIC_JSON_ARRAY:
		for (int v = aic_json_first(&d->doc, content); v >= 0;
		     v = aic_json_next(&d->doc, content, v))
			put_item(d, c, v);
		break;
	case AIC_JSON_OBJECT: /* Snowflake hands structured output out as it is */
		put_text(d, c, AICHAT_PART_TEXT, aic_json_raw(&d->doc, content));
		break;
	default:
		break;
	}
	return 0;
}
