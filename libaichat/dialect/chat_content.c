/*
 * Chat Completions: writing the content of messages. What the other side cannot take
 * leaves words in its place.
 */

#include "base/mem.h"
#include "dialect/chat.h"

bool aic_oai_has_quirk(const struct oai_writer *x, uint32_t quirk)
{
	return x->profile->quirks & quirk;
}

/* Whether its raw means something to whom we write to. */
bool aic_oai_is_own(const struct oai_writer *x, const struct aichat_message *message)
{
	return aic_streq(message->dialect, aic_dialect_openai_chat.name) &&
	       (!message->provider || aic_streq(message->provider, x->profile->provider));
}

bool aic_oai_is_media(enum aichat_part_type type)
{
	return type == AICHAT_PART_IMAGE || type == AICHAT_PART_AUDIO ||
	       type == AICHAT_PART_FILE;
}

/* --- raw members --- */

/* Members of an object of the raw text but for one, which our own object takes up. */
void aic_oai_put_members(struct aic_json_writer *w, const struct aic_json *doc,
			 int object, const char *const *except)
{
	if (!aic_json_is(doc, object, AIC_JSON_OBJECT))
		return;
	for (int v = aic_json_first(doc, object); v >= 0;
	     v = aic_json_next(doc, object, v)) {
		struct aic_str key = aic_member_key(doc, v);
		bool skip = !key.len;
		for (size_t i = 0; except[i] && !skip; i++)
			skip = aic_str_is(key, except[i]);
		if (skip)
			continue;
		aic_json_put_keyn(w, key);
		aic_json_put_raw(w, aic_json_raw(doc, v));
	}
}

void aic_oai_scan_own(struct oai_writer *x, const struct aichat_part *part, bool own,
		      struct aic_json *doc)
{
	if (own)
		aic_oai_scan_raw(x->w->buf, aic_string_str(&part->raw), doc);
}

/* --- parts of content --- */

static bool takes_image(const struct oai_writer *x, const struct aichat_part *part)
{
	if (aic_oai_has_quirk(x, AIC_QUIRK_NO_IMAGES))
		return false;
	return part->data.data ||
	       (part->url && !aic_oai_has_quirk(x, AIC_QUIRK_INLINE_IMAGES));
}

/* Whether the format has a place for it; raw may name a file by its id. */
bool aic_oai_takes(const struct oai_writer *x, const struct aichat_part *part, bool own)
{
	switch (part->type) {
	case AICHAT_PART_TEXT:
		return true;
	case AICHAT_PART_IMAGE:
		return !aic_oai_has_quirk(x, AIC_QUIRK_FLATTEN) && takes_image(x, part);
	case AICHAT_PART_AUDIO:
		return !aic_oai_has_quirk(x, AIC_QUIRK_FLATTEN) && part->data.data;
	case AICHAT_PART_FILE:
		return !aic_oai_has_quirk(x, AIC_QUIRK_FLATTEN) &&
		       (part->data.data || (own && (part->url || part->raw.len)));
	case AICHAT_PART_UNKNOWN:
		return !aic_oai_has_quirk(x, AIC_QUIRK_FLATTEN) && own && part->raw.len;
	default:
		return false;
	}
}

/* wav and mp3 are what the format knows. */
static const char *audio_format(const char *media_type)
{
	if (media_type && (strstr(media_type, "mpeg") || strstr(media_type, "mp3")))
		return "mp3";
	return "wav";
}

static void put_image(struct aic_json_writer *w, const struct aichat_part *part,
		      const struct aic_json *raw)
{
	static const char *const inner[] = { "url", NULL };
	static const char *const outer[] = { "type", "image_url", NULL };

	aic_json_put_member(w, "type", "image_url");
	aic_json_put_key(w, "image_url");
	aic_json_begin(w, '{');
	aic_json_put_key(w, "url");
	if (part->data.data)
		aic_put_base64(w, part->media_type ? part->media_type : "image/png",
			       &part->data);
	else
		aic_json_put_text(w, part->url);
	aic_oai_put_members(w, raw, aic_json_get(raw, 0, "image_url"), inner);
	aic_json_end(w, '}');
	aic_oai_put_members(w, raw, 0, outer);
}

static void put_audio(struct aic_json_writer *w, const struct aichat_part *part,
		      const struct aic_json *raw)
{
	static const char *const inner[] = { "data", "format", NULL };
	static const char *const outer[] = { "type", "input_audio", NULL };

	aic_json_put_member(w, "type", "input_audio");
	aic_json_put_key(w, "input_audio");
	aic_json_begin(w, '{');
	aic_json_put_key(w, "data");
	aic_put_base64(w, NULL, &part->data);
	aic_json_put_member(w, "format", audio_format(part->media_type));
	aic_oai_put_members(w, raw, aic_json_get(raw, 0, "input_audio"), inner);
	aic_json_end(w, '}');
	aic_oai_put_members(w, raw, 0, outer);
}

static void put_file(struct aic_json_writer *w, const struct aichat_part *part,
		     const struct aic_json *raw)
{
	static const char *const inner[] = { "filename", "file_data", NULL };
	static const char *const outer[] = { "type", "file", NULL };
	const char *type = part->media_type ? part->media_type
					    : "application/octet-stream";

	aic_json_put_member(w, "type", "file");
	aic_json_put_key(w, "file");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "filename", part->name);
	if (part->data.data) {
		aic_json_put_key(w, "file_data");
		aic_put_base64(w, type, &part->data);
	} else {
		aic_json_put_member(w, "file_data", part->url);
	}
	aic_oai_put_members(w, raw, aic_json_get(raw, 0, "file"), inner);
	aic_json_end(w, '}');
	aic_oai_put_members(w, raw, 0, outer);
}

static void put_text_part(struct aic_json_writer *w, struct aic_str text,
			  const struct aic_json *raw)
{
	static const char *const outer[] = { "type", "text", NULL };

	aic_json_put_member(w, "type", "text");
	aic_json_put_key(w, "text");
	aic_json_put_str(w, text);
	aic_oai_put_members(w, raw, 0, outer);
}

/* What cannot be sent leaves words in its place, so that the reader knows. */
void aic_oai_put_placeholder(struct oai_writer *x, const struct aichat_part *part,
			     struct aic_buf *out)
{
	const char *type = aichat_part_type_name((int)part->type);

	aic_buf_printf(out, "[%s%s%s]", type, part->name || part->url ? ": " : "",
		       part->name  ? part->name
		       : part->url ? part->url
				   : "");
	aic_report_add(x->report, "%s: not taken by %s, a placeholder instead", type,
		       x->profile->provider ? x->profile->provider : "the provider");
}

void aic_oai_put_part(struct oai_writer *x, const struct aichat_part *part, bool own)
{
	AIC_CLEANUP(aic_json_done) struct aic_json raw = { 0 };
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	aic_oai_scan_own(x, part, own, &raw);
	bool taken = aic_oai_takes(x, part, own);
	if (part->type == AICHAT_PART_UNKNOWN && taken && raw.count) {
		aic_json_put_raw(x->w, aic_string_str(&part->raw));
		return;
	}
	aic_json_begin(x->w, '{');
	if (!taken || part->type == AICHAT_PART_UNKNOWN) {
		aic_oai_put_placeholder(x, part, &text);
		put_text_part(x->w, aic_buf_str(&text), &raw);
	} else if (part->type == AICHAT_PART_TEXT) {
		put_text_part(x->w, aic_string_str(&part->text), &raw);
	} else if (part->type == AICHAT_PART_IMAGE) {
		put_image(x->w, part, &raw);
	} else if (part->type == AICHAT_PART_AUDIO) {
		put_audio(x->w, part, &raw);
	} else {
		put_file(x->w, part, &raw);
	}
	aic_json_end(x->w, '}');
	if (text.error)
		x->error = text.error;
}

/* --- content --- */

bool aic_oai_is_content(const struct aichat_part *part)
{
	return part->type == AICHAT_PART_TEXT || part->type == AICHAT_PART_UNKNOWN ||
	       aic_oai_is_media(part->type);
}

/* Whether it can be left a plain string: everything is text without more to say. */
static bool is_plain(const struct oai_writer *x, const struct aichat_message *message,
		     bool joins)
{
	bool own = aic_oai_is_own(x, message);
	size_t texts = 0;

	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		if (part->type == AICHAT_PART_TEXT
			    ? own && part->raw.len
			    : aic_oai_is_content(part) && aic_oai_takes(x, part, own))
			return false;
		texts += aic_oai_is_content(part);
	}
	return texts <= 1 || joins;
}

/* All content as one string: texts, and placeholders for what else there is. */
static void put_string(struct oai_writer *x, const struct aichat_message *message,
		       const char *between)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	bool first = true;

	for (size_t i = 0; i < message->part_count; i++) {
		const struct aichat_part *part = &message->parts[i];
		if (!aic_oai_is_content(part))
			continue;
		if (!first)
			aic_buf_puts(&text, between);
		first = false;
		if (part->type == AICHAT_PART_TEXT)
			aic_buf_append(&text, part->text.data, part->text.len);
		else
			aic_oai_put_placeholder(x, part, &text);
	}
	aic_json_put_str(x->w, aic_buf_str(&text));
	if (text.error)
		x->error = text.error;
}

void aic_oai_put_content(struct oai_writer *x, const struct aichat_message *message)
{
	bool flat = aic_oai_has_quirk(x, AIC_QUIRK_FLATTEN);

	aic_json_put_key(x->w, "content");
	if (flat || is_plain(x, message, false)) {
		put_string(x, message, "\n\n");
		return;
	}
	aic_json_begin(x->w, '[');
	for (size_t i = 0; i < message->part_count; i++)
		if (aic_oai_is_content(&message->parts[i]))
			aic_oai_put_part(x, &message->parts[i],
					 aic_oai_is_own(x, message));
	aic_json_end(x->w, ']');
}

bool aic_oai_has_content(const struct aichat_message *message)
{
	for (size_t i = 0; i < message->part_count; i++)
		if (aic_oai_is_content(&message->parts[i]))
			return true;
	return false;
}
