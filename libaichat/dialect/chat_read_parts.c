/*
 * Chat Completions: reading the content of a caller's messages. Members that our fields
 * do not carry stay in the part's raw, in the places where they stood.
 */

#include "base/mem.h"
#include "dialect/chat.h"

static int nomem(const struct aic_read *r)
{
	return aic_error_nomem(r->reterr);
}

/* --- raw --- */

/* The members of an object but for those that are known; nothing when there are none. */
static void put_unknown(struct aic_json_writer *w, const struct aic_json *doc, int object,
			const char *const *known)
{
	for (int v = aic_json_first(doc, object); v >= 0;
	     v = aic_json_next(doc, object, v)) {
		struct aic_str key = aic_member_key(doc, v);
		bool skip = !key.len || aic_json_is(doc, v, AIC_JSON_NULL);
		for (size_t i = 0; known[i] && !skip; i++)
			skip = aic_str_is(key, known[i]);
		if (skip)
			continue;
		aic_json_put_keyn(w, key);
		aic_json_put_raw(w, aic_json_raw(doc, v));
	}
}

static bool has_unknown(const struct aic_json *doc, int object, const char *const *known)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&out);

	put_unknown(&w, doc, object, known);
	return out.len || out.error;
}

/* inner: the object of that name, whose other members are kept under it. */
int aic_oai_keep_raw(const struct aic_read *r, struct aichat_part *part,
		     const char *const *known, const char *inner,
		     const char *const *inner_known)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&out);
	int object = inner ? aic_json_get(r->doc, r->value, inner) : AIC_JSON_NONE;
	bool has_inner = object >= 0 && has_unknown(r->doc, object, inner_known);

	if (!has_inner && !has_unknown(r->doc, r->value, known))
		return 0;
	aic_json_begin(&w, '{');
	if (has_inner) {
		aic_json_put_key(&w, inner);
		aic_json_begin(&w, '{');
		put_unknown(&w, r->doc, object, inner_known);
		aic_json_end(&w, '}');
	}
	put_unknown(&w, r->doc, r->value, known);
	aic_json_end(&w, '}');
	if (out.error || aic_string_set(&part->raw, aic_buf_str(&out)) < 0)
		return nomem(r);
	return 0;
}

/* --- parts --- */

/* A data URI's or plain base64's bytes. */
static int set_data(const struct aic_read *r, const char *key, struct aichat_part *part,
		    struct aic_str base64)
{
	int result = aic_part_set_base64(part, base64);

	if (result == AICHAT_ENOMEM)
		return nomem(r);
	if (result == AICHAT_ETOOLARGE)
		return aic_read_fail(r, key, result, "is larger than 64 MiB");
	return result < 0 ? aic_read_fail(r, key, AICHAT_EJSON, "is not valid base64")
			  : 0;
}

static int set_uri(const struct aic_read *r, const char *key, struct aichat_part *part,
		   bool takes_links)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_str type, base64;
	int value = aic_json_get_set(r->doc, r->value, key);
	struct aic_str uri = aic_json_str(r->doc, value, &text);

	if (text.error)
		return nomem(r);
	if (!uri.data)
		return aic_read_fail(r, key, AICHAT_EJSON,
				     value < 0 ? "is missing" : "is no string");
	if (aic_data_uri_split(uri, &type, &base64)) {
		part->media_type = aic_strndup(type.data, type.len);
		return part->media_type ? set_data(r, key, part, base64) : nomem(r);
	}
	/* OpenRouter takes a file's link where its data would be. */
	bool is_link = uri.len > 8 && (memcmp(uri.data, "https://", 8) == 0 ||
				       memcmp(uri.data, "http://", 7) == 0);
	if (!takes_links && !is_link)
		return set_data(r, key, part, uri);
	int result = aic_read_text(r, key, &part->url);
	return result < 0 ? result : 0;
}

static int read_image(const struct aic_read *r, struct aichat_part *part)
{
	static const char *const known[] = { "type", "image_url", NULL };
	static const char *const inner_known[] = { "url", NULL };
	struct aic_read image;
	int result;

	/* Some clients leave the inner object out. */
	if (aic_json_is(r->doc, aic_json_get(r->doc, r->value, "image_url"),
			AIC_JSON_STRING))
		return set_uri(r, "image_url", part, true);
	result = aic_read_child(r, "image_url", AIC_JSON_OBJECT, &image);
	if (result == 0)
		return aic_read_fail(r, "image_url", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = set_uri(&image, "url", part, true);
	return result < 0 ? result
			  : aic_oai_keep_raw(r, part, known, "image_url", inner_known);
}

static int read_audio(const struct aic_read *r, struct aichat_part *part)
{
	static const char *const known[] = { "type", "input_audio", NULL };
	static const char *const inner_known[] = { "data", "format", NULL };
	struct aic_read audio;
	char format[AIC_WORD_MAX] = "wav";
	int result = aic_read_child(r, "input_audio", AIC_JSON_OBJECT, &audio);

	if (result == 0)
		return aic_read_fail(r, "input_audio", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_read_word(&audio, "format", format);
	if (result >= 0)
		result = set_uri(&audio, "data", part, false);
	if (result < 0)
		return result;
	if (!part->media_type)
		part->media_type = aic_strdup(aic_streq(format, "mp3") ? "audio/mpeg"
								       : "audio/wav");
	return part->media_type
		       ? aic_oai_keep_raw(r, part, known, "input_audio", inner_known)
		       : nomem(r);
}

/* file_id stays in raw: only who gave it knows the file. */
static int read_file(const struct aic_read *r, struct aichat_part *part)
{
	static const char *const known[] = { "type", "file", NULL };
	static const char *const inner_known[] = { "file_data", "filename", NULL };
	struct aic_read file;
	int result = aic_read_child(r, "file", AIC_JSON_OBJECT, &file);

	if (result == 0)
		return aic_read_fail(r, "file", AICHAT_EJSON, "is missing");
	if (result > 0)
		result = aic_read_text(&file, "filename", &part->name);
	if (result >= 0 && aic_json_get_set(file.doc, file.value, "file_data") >= 0)
		result = set_uri(&file, "file_data", part, false);
	return result < 0 ? result
			  : aic_oai_keep_raw(r, part, known, "file", inner_known);
}

static int read_text(const struct aic_read *r, const char *key, struct aichat_part *part)
{
	const char *const known[] = { "type", key, NULL };
	int result = aic_read_string(r, key, &part->text);

	if (result == 0)
		return aic_read_fail(r, key, AICHAT_EJSON, "is missing");
	return result < 0 ? result : aic_oai_keep_raw(r, part, known, NULL, NULL);
}

static int read_part(const struct aic_read *r, struct aichat_part *part)
{
	switch (part->type) {
	case AICHAT_PART_TEXT:
		return read_text(r, "text", part);
	case AICHAT_PART_REFUSAL:
		return read_text(r, "refusal", part);
	case AICHAT_PART_IMAGE:
		return read_image(r, part);
	case AICHAT_PART_AUDIO:
		return read_audio(r, part);
	case AICHAT_PART_FILE:
		return read_file(r, part);
	default:
		if (aic_string_set(&part->raw, aic_json_raw(r->doc, r->value)) < 0)
			return nomem(r);
		return 0;
	}
}

static enum aichat_part_type type_of(const char *word)
{
	static const struct {
		const char *word;
		enum aichat_part_type type;
	} words[] = {
		{ "text", AICHAT_PART_TEXT },         { "image_url", AICHAT_PART_IMAGE },
		{ "input_audio", AICHAT_PART_AUDIO }, { "file", AICHAT_PART_FILE },
		{ "refusal", AICHAT_PART_REFUSAL },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(words); i++)
		if (aic_streq(word, words[i].word))
			return words[i].type;
	return AICHAT_PART_UNKNOWN;
}

static struct aichat_part *add_part(struct oai_target to, enum aichat_part_type type)
{
	return to.result ? aic_part_add_part(to.result, type)
			 : aic_message_add_part(to.message, type);
}

static int read_element(const struct aic_read *r, struct oai_target to)
{
	char type[AIC_WORD_MAX];
	int result = aic_read_object(r);

	if (result == 0)
		result = aic_read_word(r, "type", type);
	if (result == 0)
		return aic_read_fail(r, "type", AICHAT_EJSON, "is missing");
	if (result < 0)
		return result;
	struct aichat_part *part = add_part(to, type_of(type));
	return part ? read_part(r, part) : nomem(r);
}

/* A string, or an array of parts; 1 when there was any. */
int aic_oai_read_content(const struct aic_read *r, struct oai_target to)
{
	int content = aic_json_get_set(r->doc, r->value, "content");
	struct aic_read list;
	struct aic_read each = { 0 };

	if (content < 0)
		return 0;
	if (aic_json_is(r->doc, content, AIC_JSON_STRING)) {
		struct aichat_part *part = add_part(to, AICHAT_PART_TEXT);
		return part ? aic_read_string(r, "content", &part->text) : nomem(r);
	}
	if (!aic_json_is(r->doc, content, AIC_JSON_ARRAY))
		return aic_read_fail(r, "content", AICHAT_EJSON,
				     "is neither a string nor an array of parts");
	int result = aic_read_child(r, "content", AIC_JSON_ARRAY, &list);
	if (aic_json_count(r->doc, content) > AIC_PARTS_MAX)
		return aic_read_fail(r, "content", AICHAT_ETOOLARGE,
				     "has too many parts");
	while (result > 0 && aic_read_element(&list, &each)) {
		result = read_element(&each, to);
		result = result < 0 ? result : 1;
	}
	return result;
}
