/*
 * Content blocks made from parts: what requests and whole replies have in common.
 */

#include "base/utf8.h"
#include "dialect/anthropic.h"

bool aic_anthropic_is_block(struct aic_json *doc, struct aic_str raw, const char *type)
{
	if (!raw.len || aic_json_scan(doc, raw.data, raw.len, &aic_json_wire) < 0)
		return false;
	int value = aic_json_get(doc, 0, "type");
	return type ? aic_json_equals(doc, value, type)
		    : aic_json_is(doc, value, AIC_JSON_STRING) &&
			       aic_json_raw(doc, value).len > 2;
}

bool aic_anthropic_is_reasoning(struct aic_json *doc, struct aic_str raw,
				bool unsigned_too)
{
	if (!aic_anthropic_is_block(doc, raw, NULL))
		return false;
	int type = aic_json_get(doc, 0, "type");
	if (aic_json_equals(doc, type, "redacted_thinking"))
		return true;
	int signature = aic_json_get(doc, 0, "signature");
	return aic_json_equals(doc, type, "thinking") &&
	       (unsigned_too || (aic_json_is(doc, signature, AIC_JSON_STRING) &&
				 aic_json_raw(doc, signature).len > 2));
}

void aic_anthropic_put_text(struct aic_json_writer *w, struct aic_str text)
{
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "text");
	aic_json_put_key(w, "text");
	aic_json_put_str(w, text);
	aic_json_end(w, '}');
}

bool aic_anthropic_put_tool_use(struct aic_json_writer *w, struct aic_json *doc,
				const struct aichat_part *part)
{
	bool good = part->text.len &&
		    aic_json_scan(doc, part->text.data, part->text.len, &aic_json_wire) ==
			    0 &&
		    aic_json_is(doc, 0, AIC_JSON_OBJECT);

	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "tool_use");
	aic_json_put_member(w, "id", part->id ? part->id : "");
	aic_json_put_member(w, "name", part->name ? part->name : "");
	aic_json_put_key(w, "input");
	aic_json_put_raw(w, good ? aic_json_raw(doc, 0) : AIC_STR("{}"));
	aic_json_end(w, '}');
	return good || !part->text.len;
}

/* --- media --- */

static const char *const image_types[] = { "image/jpeg", "image/png", "image/gif",
					   "image/webp" };

static bool is_image_type(const char *type)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(image_types); i++)
		if (aic_streq(type, image_types[i]))
			return true;
	return false;
}

/* "source": what the block holds. text: as it is, else in base64. */
static void put_source(struct aic_json_writer *w, const char *media_type,
		       const struct aic_string *data, bool text)
{
	aic_json_put_key(w, "source");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", text ? "text" : "base64");
	aic_json_put_member(w, "media_type", media_type);
	aic_json_put_key(w, "data");
	if (text)
		aic_json_put_str(w, aic_string_str(data));
	else
		aic_put_base64(w, NULL, data);
	aic_json_end(w, '}');
}

static void put_url(struct aic_json_writer *w, const char *url)
{
	aic_json_put_key(w, "source");
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "url");
	aic_json_put_member(w, "url", url);
	aic_json_end(w, '}');
}

static void put_placeholder(struct aic_json_writer *w, const struct aichat_part *part,
			    struct aic_report *report, const char *why)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	const char *what = part->name         ? part->name
			   : part->media_type ? part->media_type
			   : part->url        ? part->url
					      : "no name";

	aic_buf_printf(&text, "[%s left out: %s]", aichat_part_type_name((int)part->type),
		       what);
	aic_anthropic_put_text(w, aic_buf_str(&text));
	if (text.error && !w->buf->error)
		w->buf->error = text.error;
	aic_report_add(report, "%s %s: %s", aichat_part_type_name((int)part->type), what,
		       why);
}

static void put_image(struct aic_json_writer *w, const struct aichat_part *part)
{
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "image");
	if (part->data.data)
		put_source(w, part->media_type, &part->data, false);
	else
		put_url(w, part->url);
	aic_json_end(w, '}');
}

static void put_document(struct aic_json_writer *w, const struct aichat_part *part,
			 bool text)
{
	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "document");
	if (part->data.data)
		put_source(w, text ? "text/plain" : part->media_type, &part->data, text);
	else
		put_url(w, part->url);
	aic_json_put_member(w, "title", part->name);
	aic_json_end(w, '}');
}

static bool is_text_file(const struct aichat_part *part)
{
	const char *type = part->media_type;

	return type && part->data.data &&
	       (strncmp(type, "text/", 5) == 0 || aic_streq(type, "application/json")) &&
	       aic_utf8_valid(part->data.data, part->data.len);
}

void aic_anthropic_put_media(struct aic_json_writer *w, const struct aichat_part *part,
			     uint32_t quirks, struct aic_report *report)
{
	bool data = part->data.data != NULL;
	const char *why = NULL;

	if (part->type == AICHAT_PART_AUDIO)
		why = "audio is not taken";
	else if (!data && !part->url)
		why = "neither bytes nor a link";
	else if (part->type == AICHAT_PART_IMAGE && (quirks & AIC_QUIRK_NO_IMAGES))
		why = "the model takes text only";
	else if (!data && (quirks & AIC_QUIRK_INLINE_IMAGES))
		why = "links are not fetched";
	else if (part->type == AICHAT_PART_IMAGE && data &&
		 !is_image_type(part->media_type))
		why = "images are taken as JPEG, PNG, GIF or WebP";
	else if (part->type == AICHAT_PART_FILE && data && !is_text_file(part) &&
		 !aic_streq(part->media_type, "application/pdf"))
		why = "files are taken as PDF or text";
	if (why)
		put_placeholder(w, part, report, why);
	else if (part->type == AICHAT_PART_IMAGE)
		put_image(w, part);
	else
		put_document(w, part, is_text_file(part));
}

/* --- tool results --- */

/* A block inside a result, or nothing. */
static void put_inner(struct aic_json_writer *w, struct aic_json *doc,
		      const struct aichat_part *part, bool own, uint32_t quirks,
		      struct aic_report *report)
{
	if (own && aic_anthropic_is_block(doc, aic_string_str(&part->raw), NULL)) {
		aic_json_put_raw(w, aic_string_str(&part->raw));
		return;
	}
	switch (part->type) {
	case AICHAT_PART_TEXT:
	case AICHAT_PART_REFUSAL:
		if (part->text.len)
			aic_anthropic_put_text(w, aic_string_str(&part->text));
		break;
	case AICHAT_PART_IMAGE:
	case AICHAT_PART_FILE:
	case AICHAT_PART_AUDIO:
		aic_anthropic_put_media(w, part, quirks, report);
		break;
	default:
		aic_report_add(report, "%s in a tool result: left out",
			       aichat_part_type_name((int)part->type));
	}
}

void aic_anthropic_put_result(struct aic_json_writer *w, struct aic_json *doc,
			      const struct aichat_part *part, bool own, uint32_t quirks,
			      struct aic_report *report)
{
	const struct aichat_part *only = part->part_count == 1 ? &part->parts[0] : NULL;

	aic_json_begin(w, '{');
	aic_json_put_member(w, "type", "tool_result");
	aic_json_put_member(w, "tool_use_id", part->id ? part->id : "");
	if (only && only->type == AICHAT_PART_TEXT && !(own && only->raw.len)) {
		if (only->text.len) {
			aic_json_put_key(w, "content");
			aic_json_put_str(w, aic_string_str(&only->text));
		}
	} else if (part->part_count) {
		/* An empty list is refused, so nothing is written before a block is. */
		AIC_CLEANUP(aic_buf_done) struct aic_buf blocks = aic_buf(0);
		struct aic_json_writer inner = aic_json_writer(&blocks);
		for (size_t i = 0; i < part->part_count; i++)
			put_inner(&inner, doc, &part->parts[i], own, quirks, report);
		if (blocks.len) {
			aic_json_put_key(w, "content");
			aic_json_begin(w, '[');
			aic_json_put_raw(w, aic_buf_str(&blocks));
			aic_json_end(w, ']');
		}
		if (blocks.error && !w->buf->error)
			w->buf->error = blocks.error;
	}
	if (part->is_error) {
		aic_json_put_key(w, "is_error");
		aic_json_put_bool(w, true);
	}
	aic_json_end(w, '}');
}
