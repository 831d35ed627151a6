#include "dialect/anthropic_block.h"
#include "dialect/shared.h"

void aic_block_done(struct aic_block *block)
{
	aic_buf_done(&block->start);
	aic_buf_done(&block->text);
	aic_buf_done(&block->more);
	aic_buf_done(&block->sealed);
	aic_buf_done(&block->id);
	aic_buf_done(&block->name);
}

static const struct {
	const char *type;
	enum aic_block_kind kind;
	enum aichat_part_type part;
	const char *known[4]; /* members that our fields carry, besides the type */
} kinds[] = {
	{ "text", AIC_BLOCK_TEXT, AICHAT_PART_TEXT, { "text", "citations" } },
	{ "thinking",
	  AIC_BLOCK_THINKING,
	  AICHAT_PART_REASONING,
	  { "thinking", "signature" } },
	{ "redacted_thinking", AIC_BLOCK_REDACTED, AICHAT_PART_REASONING, { "data" } },
	{ "tool_use",
	  AIC_BLOCK_TOOL_USE,
	  AICHAT_PART_TOOL_CALL,
	  { "id", "name", "input" } },
	{ "compaction", AIC_BLOCK_COMPACTION, AICHAT_PART_COMPACTION, { NULL } },
};

enum aic_block_kind aic_block_kind(const struct aic_json *doc, int block)
{
	int type = aic_json_get(doc, block, "type");

	for (size_t i = 0; i < AIC_ARRAY_LEN(kinds); i++)
		if (aic_json_equals(doc, type, kinds[i].type))
			return kinds[i].kind;
	return AIC_BLOCK_OPAQUE;
}

enum aichat_part_type aic_block_part(enum aic_block_kind kind)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].part;
	return AICHAT_PART_UNKNOWN;
}

static bool is_known(struct aic_str key, enum aic_block_kind kind)
{
	if (AIC_KEY_IS(key, "type"))
		return true;
	for (size_t i = 0; i < AIC_ARRAY_LEN(kinds); i++)
		for (size_t k = 0; kinds[i].kind == kind && k < 4 && kinds[i].known[k];
		     k++)
			if (aic_str_is(key, kinds[i].known[k]))
				return true;
	return false;
}

bool aic_block_has_extra(const struct aic_json *doc, int block, enum aic_block_kind kind)
{
	for (int v = aic_json_first(doc, block); v >= 0; v = aic_json_next(doc, block, v))
		if (!is_known(aic_member_key(doc, v), kind))
			return true;
	return aic_json_count(doc, aic_json_get(doc, block, "citations")) > 0;
}

bool aic_block_is_signed(const struct aic_json *doc, int block)
{
	int signature = aic_json_get(doc, block, "signature");

	return aic_json_is(doc, signature, AIC_JSON_STRING) &&
	       aic_json_raw(doc, signature).len > 2;
}

static int put(struct aic_buf *to, struct aic_str text)
{
	return aic_buf_append(to, text.data, text.len);
}

static int set(struct aic_buf *to, struct aic_str text)
{
	aic_buf_reset(to);
	return put(to, text);
}

/* What the start says already and deltas will add to or replace. */
static int take_start(struct aic_block *block, const struct aic_json *doc, int value)
{
	struct aic_buf *more = &block->more;
	int member;

	switch (block->kind) {
	case AIC_BLOCK_TEXT:
		member = aic_json_get(doc, value, "citations");
		for (int v = aic_json_first(doc, member); v >= 0;
		     v = aic_json_next(doc, member, v)) {
			if (more->len)
				aic_buf_putc(more, ',');
			put(more, aic_json_raw(doc, v));
		}
		return more->error;
	case AIC_BLOCK_THINKING:
		if (!aic_block_is_signed(doc, value))
			return 0;
		return put(more,
			   aic_json_raw(doc, aic_json_get(doc, value, "signature")));
	case AIC_BLOCK_TOOL_USE:
		member = aic_json_get(doc, value, "input");
		if (aic_json_is(doc, member, AIC_JSON_STRING))
			return aic_json_text(doc, member, more);
		if (aic_json_count(doc, member) > 0)
			return put(more, aic_json_raw(doc, member));
		return 0;
	default:
		return 0;
	}
}

int aic_block_begin(struct aic_block *block, const struct aic_json *doc, int value)
{
	struct aic_buf *bufs[] = { &block->start,  &block->text, &block->more,
				   &block->sealed, &block->id,   &block->name };

	for (size_t i = 0; i < AIC_ARRAY_LEN(bufs); i++) {
		bufs[i]->max = AIC_PART_BYTES_MAX;
		aic_buf_reset(bufs[i]);
	}
	block->has_half = false;
	block->kind = aic_block_kind(doc, value);
	block->extra = aic_block_has_extra(doc, value, block->kind);
	aic_json_text(doc, aic_json_get(doc, value, "id"), &block->id);
	aic_json_text(doc, aic_json_get(doc, value, "name"), &block->name);
	put(&block->start, aic_json_raw(doc, value));
	take_start(block, doc, value);
	for (size_t i = 0; i < AIC_ARRAY_LEN(bufs); i++)
		if (bufs[i]->error)
			return bufs[i]->error;
	return 0;
}

int aic_block_delta(struct aic_block *block, const struct aic_json *doc, int delta)
{
	int type = aic_json_get(doc, delta, "type");
	int value;

	if (aic_json_equals(doc, type, "signature_delta")) {
		value = aic_json_get(doc, delta, "signature");
		if (block->kind == AIC_BLOCK_THINKING &&
		    aic_json_is(doc, value, AIC_JSON_STRING))
			return set(&block->more, aic_json_raw(doc, value));
	} else if (aic_json_equals(doc, type, "citations_delta")) {
		value = aic_json_get_set(doc, delta, "citation");
		if (block->kind != AIC_BLOCK_TEXT || value < 0)
			return 0;
		if (block->more.len)
			aic_buf_putc(&block->more, ',');
		return put(&block->more, aic_json_raw(doc, value));
	} else if (aic_json_equals(doc, type, "compaction_delta") &&
		   block->kind == AIC_BLOCK_COMPACTION) {
		value = aic_json_get(doc, delta, "content");
		if (value >= 0)
			set(&block->more, aic_json_raw(doc, value));
		value = aic_json_get(doc, delta, "encrypted_content");
		if (value >= 0)
			set(&block->sealed, aic_json_raw(doc, value));
		return block->more.error ? block->more.error : block->sealed.error;
	}
	return 0; /* a kind of delta that we do not know */
}

/* A member with a new value. */
struct swap {
	const char *key;
	struct aic_str json; /* empty = as it was */
	bool placed;
};

static struct swap *find_swap(struct swap *swaps, size_t count, struct aic_str key)
{
	for (size_t i = 0; i < count; i++)
		if (swaps[i].json.len && aic_str_is(key, swaps[i].key))
			return &swaps[i];
	return NULL;
}

/* The object with new values in their old places; a member that it had not comes last. */
static int rebuild(const struct aic_json *doc, struct swap *swaps, size_t count,
		   struct aic_buf *out)
{
	char before = '{';

	for (int v = aic_json_first(doc, 0); v >= 0; v = aic_json_next(doc, 0, v)) {
		struct swap *swap = find_swap(swaps, count, aic_member_key(doc, v));
		aic_buf_putc(out, before);
		put(out, aic_json_raw(doc, aic_json_key(v)));
		aic_buf_putc(out, ':');
		put(out, swap ? swap->json : aic_json_raw(doc, v));
		if (swap)
			swap->placed = true;
		before = ',';
	}
	for (size_t i = 0; i < count; i++) {
		if (swaps[i].placed || !swaps[i].json.len)
			continue;
		aic_buf_printf(out, "%c\"%s\":", before, swaps[i].key);
		put(out, swaps[i].json);
		before = ',';
	}
	return aic_buf_putc(out, '}');
}

static bool is_json(struct aic_str text)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	return text.len && aic_json_scan(&doc, text.data, text.len, &aic_json_wire) == 0;
}

/* As a JSON string, quotes included. */
static struct aic_str quoted(const struct aic_buf *text, struct aic_buf *room)
{
	struct aic_json_writer w = aic_json_writer(room);

	aic_json_put_str(&w, aic_buf_str(text));
	return aic_buf_str(room);
}

static int text_raw(const struct aic_block *block, const struct aic_json *doc,
		    struct aic_buf *out)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf list = aic_buf(0);

	if (!block->extra && !block->more.len)
		return 0;
	if (block->more.len) {
		aic_buf_putc(&list, '[');
		put(&list, aic_buf_str(&block->more));
		aic_buf_putc(&list, ']');
	}
	struct swap swaps[] = { { "text", quoted(&block->text, &text), false },
				{ "citations", aic_buf_str(&list), false } };
	rebuild(doc, swaps, 2, out);
	return text.error ? text.error : list.error;
}

static int thinking_raw(const struct aic_block *block, const struct aic_json *doc,
			bool unsigned_too, struct aic_buf *out)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	if (block->more.len <= 2 && !unsigned_too) /* "" is no signature */
		return 0;
	struct swap swaps[] = { { "thinking", quoted(&block->text, &text), false },
				{ "signature", aic_buf_str(&block->more), false } };
	rebuild(doc, swaps, 2, out);
	return text.error;
}

/* A tool's input, if what came is JSON; what was cut off stays what the start said. */
static void input_raw(const struct aic_block *block, const struct aic_json *doc,
		      struct aic_buf *out)
{
	struct aic_str input = aic_buf_str(&block->text);

	if (!is_json(input)) {
		put(out, aic_buf_str(&block->start));
		return;
	}
	struct swap swaps[] = { { "input", input, false } };
	rebuild(doc, swaps, 1, out);
}

static void compaction_raw(const struct aic_block *block, const struct aic_json *doc,
			   struct aic_buf *out)
{
	struct swap swaps[] = {
		{ "content", aic_buf_str(&block->more), false },
		{ "encrypted_content", aic_buf_str(&block->sealed), false },
	};

	if (block->more.len || block->sealed.len)
		rebuild(doc, swaps, 2, out);
	else
		put(out, aic_buf_str(&block->start));
}

int aic_block_raw(const struct aic_block *block, struct aic_json *doc, bool unsigned_too,
		  struct aic_buf *out)
{
	int code = aic_json_scan(doc, block->start.data, block->start.len,
				 &aic_json_wire);

	if (code < 0)
		return code;
	switch (block->kind) {
	case AIC_BLOCK_TEXT:
		code = text_raw(block, doc, out);
		break;
	case AIC_BLOCK_THINKING:
		code = thinking_raw(block, doc, unsigned_too, out);
		break;
	case AIC_BLOCK_TOOL_USE:
		if (block->extra)
			input_raw(block, doc, out);
		break;
	case AIC_BLOCK_COMPACTION:
		compaction_raw(block, doc, out);
		break;
	default:
		input_raw(block, doc, out);
	}
	return code ? code : out->error;
}

/*
 * Only an odd run of backslashes makes its last one the start of an escape; a high half
 * is \ud8.. to \udb...
 */
const char *aic_block_half(struct aic_str inside)
{
	if (inside.len < 6)
		return NULL;
	const char *at = inside.data + inside.len - 6;
	if (at[0] != '\\' || at[1] != 'u' || (at[2] | 0x20) != 'd' ||
	    !strchr("89abAB", at[3]) || !at[3])
		return NULL;
	const char *run = at;
	while (run > inside.data && run[-1] == '\\')
		run--;
	return (at - run) % 2 == 0 ? at : NULL;
}
