/*
 * reasoning_details: an array of objects that must come back as they were
 * (OpenRouter, Snowflake). In a stream they arrive in pieces: neighbours of one index and
 * type are one entry, whose text grows and whose other members are set. Strings are put
 * together as raw JSON, so that every byte stays as it came.
 */

#include "base/mem.h"
#include "dialect/chat.h"

static bool is_text(struct aic_str name)
{
	return AIC_KEY_IS(name, "text") || AIC_KEY_IS(name, "summary");
}

static struct aic_str raw_key(const struct aic_json *doc, int member)
{
	struct aic_str key = aic_json_raw(doc, aic_json_key(member));

	return (struct aic_str){ key.data + 1, key.len - 2 };
}

/* Whether the piece says the same there; when one of them is silent, absent_fits. */
static bool same_member(const struct aic_json *doc, int piece, const char *name,
			const struct oai_detail *detail, bool absent_fits)
{
	const struct oai_member *have = aic_oai_member_find(&detail->members,
							    aic_str(name));
	int value = aic_json_get_set(doc, piece, name);

	if (!have || value < 0)
		return absent_fits || (!have && value < 0);
	return aic_str_equal(aic_buf_str(&have->json), aic_json_raw(doc, value));
}

static struct oai_detail *find_detail(const struct aic_json *doc, struct oai_choice *c,
				      int piece, int64_t index)
{
	struct oai_detail *last = c->detail_count ? &c->details[c->detail_count - 1]
						  : NULL;

	if (!last || last->index != index ||
	    !same_member(doc, piece, "type", last, false) ||
	    !same_member(doc, piece, "id", last, true))
		return NULL;
	/* Encrypted entries come whole: two of them are two. */
	if (aic_json_get_set(doc, piece, "data") >= 0)
		return NULL;
	return last;
}

static int set_member(const struct aic_json *doc, struct oai_detail *detail, int member)
{
	struct aic_str name = raw_key(doc, member);
	struct aic_str json = aic_json_raw(doc, member);
	struct oai_member *have = aic_oai_member_find(&detail->members, name);

	if (have && aic_json_is(doc, member, AIC_JSON_NULL))
		return 0;
	bool grows = have && is_text(name) && aic_json_is(doc, member, AIC_JSON_STRING) &&
		     have->json.len >= 2 && have->json.data[0] == '"';
	if (!grows)
		return aic_oai_member_set(&detail->members, name, json);
	have->json.len--; /* its closing quote */
	return aic_buf_append(&have->json, json.data + 1, json.len - 1);
}

static int add_piece(struct oai_decoder *d, struct oai_choice *c, int piece)
{
	const struct aic_json *doc = &d->doc;
	int64_t index = aic_count_read(doc, aic_json_get(doc, piece, "index"));
	struct oai_detail *detail = d->whole ? NULL : find_detail(doc, c, piece, index);

	if (!detail) {
		if (!AIC_GROW(c->details, c->detail_count, &c->detail_capacity))
			return AICHAT_ENOMEM;
		detail = &c->details[c->detail_count++];
		*detail = (struct oai_detail){ index, { 0 }, aic_buf(OAI_RAW_MAX) };
		struct aic_str raw = aic_json_raw(doc, piece);
		if (aic_buf_append(&detail->as_it_came, raw.data, raw.len) < 0)
			return detail->as_it_came.error;
	} else {
		aic_buf_reset(&detail->as_it_came);
	}
	if (d->whole)
		return 0; /* no further piece will come */
	for (int v = aic_json_first(doc, piece); v >= 0;
	     v = aic_json_next(doc, piece, v)) {
		int result = set_member(doc, detail, v);
		if (result < 0)
			return result;
	}
	return 0;
}

int aic_oai_details(struct oai_decoder *d, struct oai_choice *c, int details, bool tell)
{
	const struct aic_json *doc = &d->doc;

	if (!aic_json_is(doc, details, AIC_JSON_ARRAY))
		return 0;
	for (int v = aic_json_first(doc, details); v >= 0;
	     v = aic_json_next(doc, details, v)) {
		if (!aic_json_is(doc, v, AIC_JSON_OBJECT))
			continue;
		int text = aic_json_get_set(doc, v, "text");
		if (text < 0)
			text = aic_json_get_set(doc, v, "summary");
		if (tell)
			aic_oai_text(d, c, AICHAT_PART_REASONING, text);
		c->raw_bytes += aic_json_raw(doc, v).len;
		int result = c->raw_bytes > OAI_RAW_MAX ? AICHAT_ETOOLARGE
							: add_piece(d, c, v);
		if (result < 0)
			return aic_oai_fail(d, result, "reasoning_details: %s",
					    aichat_error_text(result));
	}
	return 0;
}

int aic_oai_message_member(struct oai_decoder *d, struct oai_choice *c, int member)
{
	struct aic_str json = aic_json_raw(&d->doc, member);

	if (aic_json_is(&d->doc, member, AIC_JSON_NULL))
		return 0;
	c->raw_bytes += json.len;
	int result = c->raw_bytes > OAI_RAW_MAX
			     ? AICHAT_ETOOLARGE
			     : aic_oai_member_set(&c->members, raw_key(&d->doc, member),
						  json);
	if (result < 0)
		return aic_oai_fail(d, result, "%s: %s", "a member of the message",
				    aichat_error_text(result));
	return 0;
}

bool aic_oai_details_pending(const struct oai_choice *c)
{
	return c->detail_count || c->members.count;
}

static void put_detail(struct aic_json_writer *w, const struct oai_detail *detail)
{
	if (detail->as_it_came.len) {
		aic_json_put_raw(w, aic_buf_str(&detail->as_it_came));
		return;
	}
	aic_json_begin(w, '{');
	aic_oai_members_write(&detail->members, w);
	aic_json_end(w, '}');
}

static void forget(struct oai_choice *c)
{
	for (size_t i = 0; i < c->detail_count; i++) {
		aic_oai_members_done(&c->details[i].members);
		aic_buf_done(&c->details[i].as_it_came);
	}
	c->detail_count = 0;
	aic_oai_members_done(&c->members);
	c->raw_bytes = 0;
}

struct aic_str aic_oai_details_take(struct oai_decoder *d, struct oai_choice *c)
{
	struct aic_json_writer w = aic_json_writer(&d->scratch);

	if (!aic_oai_details_pending(c))
		return (struct aic_str){ NULL, 0 };
	aic_buf_reset(&d->scratch);
	aic_json_begin(&w, '{');
	if (c->detail_count) {
		aic_json_put_key(&w, "reasoning_details");
		aic_json_begin(&w, '[');
		for (size_t i = 0; i < c->detail_count; i++)
			put_detail(&w, &c->details[i]);
		aic_json_end(&w, ']');
	}
	aic_oai_members_write(&c->members, &w);
	aic_json_end(&w, '}');
	forget(c);
	return aic_oai_keep(d, aic_buf_str(&d->scratch));
}

void aic_oai_details_done(struct oai_choice *c)
{
	forget(c);
	aic_free(c->details);
	c->details = NULL;
}
