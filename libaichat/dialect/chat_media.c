/*
 * Sources, images and audio of a reply: parts that have no pieces. Sources are told
 * beside the text, often before it is over, and images in the last delta, so both wait
 * for the end of the answer.
 */

#include "base/hash.h"
#include "base/mem.h"
#include "dialect/chat.h"

static struct aichat_part *add_tail(struct oai_choice *c, enum aichat_part_type type)
{
	if (c->tail_count >= AIC_PARTS_MAX ||
	    !AIC_GROW(c->tail, c->tail_count, &c->tail_capacity))
		return NULL;
	struct aichat_part *part = &c->tail[c->tail_count++];
	*part = (struct aichat_part){ .type = type };
	return part;
}

/* {"type":"url_citation","url_citation":{"url","title",...}}; some leave the inner
 * object out. What cites no page is kept as it is. */
static int add_annotation(struct oai_decoder *d, struct oai_choice *c, int note)
{
	const struct aic_json *doc = &d->doc;
	int cited = aic_json_get_set(doc, note, "url_citation");
	int url = aic_json_get_set(doc, cited >= 0 ? cited : note, "url");
	bool is_source = cited >= 0 || url >= 0;
	struct aichat_part *part = add_tail(c, is_source ? AICHAT_PART_SOURCE
							 : AICHAT_PART_UNKNOWN);

	if (!part)
		return c->tail_count >= AIC_PARTS_MAX ? AICHAT_ETOOLARGE : AICHAT_ENOMEM;
	int title = aic_json_get_set(doc, cited >= 0 ? cited : note, "title");
	/* One that is no plain text is none. */
	if (is_source && (aic_string_dup(doc, url, &part->url) == AICHAT_ENOMEM ||
			  aic_string_dup(doc, title, &part->name) == AICHAT_ENOMEM))
		return AICHAT_ENOMEM;
	return aic_string_set(&part->raw, aic_json_raw(doc, note));
}

int aic_oai_annotations(struct oai_decoder *d, struct oai_choice *c, int annotations)
{
	const struct aic_json *doc = &d->doc;

	for (int v = aic_json_first(doc, annotations); v >= 0;
	     v = aic_json_next(doc, annotations, v)) {
		int result = aic_json_is(doc, v, AIC_JSON_OBJECT)
				     ? add_annotation(d, c, v)
				     : 0;
		if (result < 0)
			return aic_oai_fail(d, result, "annotations: %s",
					    aichat_error_text(result));
	}
	return 0;
}

/* OpenRouter: {"type":"image_url","image_url":{"url":"data:..."}}. */
static int add_image(struct oai_decoder *d, struct oai_choice *c, int image)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(AIC_PART_BYTES_MAX);
	const struct aic_json *doc = &d->doc;
	int value = aic_json_get(doc, aic_json_get(doc, image, "image_url"), "url");
	struct aic_str url = aic_json_str(doc, value, &text);
	struct aic_str type, base64;
	struct aichat_part *part = url.len ? add_tail(c, AICHAT_PART_IMAGE) : NULL;

	if (!part)
		return text.error ? text.error : url.len ? AICHAT_ENOMEM : 0;
	if (!aic_data_uri_split(url, &type, &base64))
		return aic_string_dup(doc, value, &part->url);
	part->media_type = aic_strndup(type.data, type.len);
	if (!part->media_type)
		return AICHAT_ENOMEM;
	return aic_part_set_base64(part, base64);
}

int aic_oai_images(struct oai_decoder *d, struct oai_choice *c, int images)
{
	for (int v = aic_json_first(&d->doc, images); v >= 0;
	     v = aic_json_next(&d->doc, images, v)) {
		int result = add_image(d, c, v);
		if (result == AICHAT_EJSON)
			return aic_oai_fail(d, AICHAT_EPROTOCOL,
					    "an image of the reply is not valid base64");
		if (result < 0)
			return aic_oai_fail(d, result, "images: %s",
					    aichat_error_text(result));
	}
	return 0;
}

/* --- audio --- */

/* Deltas are cut anywhere, so up to three digits wait for their group of four. */
static bool add_base64(struct oai_choice *c, struct aic_str text)
{
	char group[4];

	while (text.len && (c->audio_held_len || text.len < 4)) {
		c->audio_held[c->audio_held_len++] = *text.data++;
		text.len--;
		if (c->audio_held_len < 4)
			continue;
		memcpy(group, c->audio_held, 4);
		c->audio_held_len = 0;
		if (!aic_base64_decode(&c->audio_data, group, 4))
			return false;
	}
	if (!text.len)
		return true;
	size_t whole = text.len & ~(size_t)3;
	if (whole && !aic_base64_decode(&c->audio_data, text.data, whole))
		return false;
	memcpy(c->audio_held, text.data + whole, text.len - whole);
	c->audio_held_len = (uint8_t)(c->audio_held_len + text.len - whole);
	return true;
}

static bool says_something(const struct aic_json *doc, int string)
{
	return aic_json_is(doc, string, AIC_JSON_STRING) &&
	       aic_json_raw(doc, string).len > 2;
}

static void begin_audio(struct oai_decoder *d, struct oai_choice *c)
{
	c->has_audio = true;
	c->audio_part = aic_oai_next_part(d, c);
	c->audio = (struct aichat_part){ .type = AICHAT_PART_AUDIO };
	c->audio_data = aic_buf(AIC_PART_BYTES_MAX);
	c->audio_transcript = aic_buf(AIC_PART_BYTES_MAX);
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_START);
	event->index = c->audio_part;
	event->part_type = AICHAT_PART_AUDIO;
}

int aic_oai_audio(struct oai_decoder *d, struct oai_choice *c, int audio)
{
	const struct aic_json *doc = &d->doc;
	int data = aic_json_get(doc, audio, "data");
	int transcript = aic_json_get(doc, audio, "transcript");

	if (!aic_json_is(doc, audio, AIC_JSON_OBJECT))
		return 0;
	/* Snowflake sends an empty one with every message. */
	if (!c->has_audio && !says_something(doc, data) &&
	    !says_something(doc, transcript) &&
	    !says_something(doc, aic_json_get(doc, audio, "id")))
		return 0;
	if (!c->has_audio)
		begin_audio(d, c);
	struct aic_str base64 = aic_json_str(doc, data, &d->scratch);
	if (!add_base64(c, base64)) {
		int error = c->audio_data.error;
		return aic_oai_fail(d, error ? error : AICHAT_EPROTOCOL,
				    "the audio of the reply is %s",
				    error ? "too large" : "not valid base64");
	}
	if (aic_json_text(doc, transcript, &c->audio_transcript) < 0)
		return aic_oai_fail(d, c->audio_transcript.error,
				    "the transcript is too long");
	for (int v = aic_json_first(doc, audio); v >= 0;
	     v = aic_json_next(doc, audio, v)) {
		struct aic_str key = aic_member_key(doc, v);
		if (v == data || v == transcript || !key.len ||
		    aic_json_is(doc, v, AIC_JSON_NULL))
			continue;
		int result = aic_oai_member_set(&c->audio_members, key,
						aic_json_raw(doc, v));
		if (result < 0)
			return aic_oai_fail(d, result, "audio: %s",
					    aichat_error_text(result));
	}
	return 0;
}

/* The audio's id is what a later request names it by. */
static int end_audio(struct oai_decoder *d, struct oai_choice *c)
{
	struct aic_json_writer w = aic_json_writer(&d->scratch);

	aic_buf_reset(&d->scratch);
	aic_json_begin(&w, '{');
	aic_oai_members_write(&c->audio_members, &w);
	if (c->audio_transcript.len) {
		aic_json_put_key(&w, "transcript");
		aic_json_put_str(&w, aic_buf_str(&c->audio_transcript));
	}
	aic_json_end(&w, '}');
	c->audio.data.len = c->audio_data.len;
	c->audio.data.data = aic_buf_take(&c->audio_data, NULL);
	if (!c->audio.data.data || d->scratch.error ||
	    aic_string_set(&c->audio.raw, aic_buf_str(&d->scratch)) < 0)
		return AICHAT_ENOMEM;
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_END);
	event->index = c->audio_part;
	event->part_type = AICHAT_PART_AUDIO;
	event->part = &c->audio;
	return 0;
}

int aic_oai_end_media(struct oai_decoder *d, struct oai_choice *c)
{
	for (size_t i = 0; i < c->tail_count; i++) {
		uint32_t index = aic_oai_next_part(d, c);
		struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_START);
		event->index = index;
		event->part_type = c->tail[i].type;
		event = aic_oai_add(d, c, AICHAT_EVENT_PART_END);
		event->index = index;
		event->part_type = c->tail[i].type;
		event->part = &c->tail[i];
	}
	return c->has_audio ? end_audio(d, c) : 0;
}

void aic_oai_media_done(struct oai_choice *c)
{
	for (size_t i = 0; i < c->tail_count; i++)
		aic_part_done(&c->tail[i]);
	aic_free(c->tail);
	aic_part_done(&c->audio);
	aic_oai_members_done(&c->audio_members);
	aic_buf_done(&c->audio_data);
	aic_buf_done(&c->audio_transcript);
}
