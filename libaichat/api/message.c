/*
 * Messages for applications: checks arguments, then the model. Accessors take NULL, and
 * a part past the end, for a message that says nothing.
 */

#include <aichat/message.h>

#include "api/context.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/message.h"

#define DATA_MAX ((size_t)32 << 20)

/* A message with its bytes in base64; one caller's mistake must not cost all memory. */
static const struct aic_json_limits message_limits = {
	.max_bytes = (size_t)256 << 20,
	.max_tokens = 1000000,
	.max_depth = 64,
};

int aichat_message_new(int role, const char *text, int64_t text_len,
		       aichat_message **ret_message)
{
	if (!ret_message || role < AICHAT_ROLE_SYSTEM || role > AICHAT_ROLE_TOOL ||
	    text_len < -1)
		return AICHAT_EINVAL;
	struct aic_str content = { text, text ? (size_t)text_len : 0 };
	if (text && text_len < 0)
		content.len = strlen(text);
	if (content.len > AIC_TEXT_MAX)
		return AICHAT_ETOOLARGE;
	if (text && !aic_utf8_valid(content.data, content.len))
		return AICHAT_EUTF8;
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *message = aic_message_new((enum aichat_role)role);
	if (!message || (text && aic_message_add_text(message, content) < 0))
		return AICHAT_ENOMEM;
	*ret_message = AIC_TAKE(message);
	return 0;
}

int aichat_message_from_json(const char *json, int64_t json_len,
			     aichat_message **ret_message, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	if (!json || json_len < -1 || !ret_message)
		return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
	size_t len = json_len < 0 ? strlen(json) : (size_t)json_len;
	int result = aic_json_scan(&doc, json, len, &message_limits);
	if (result < 0)
		return aic_json_scan_error(&doc, result, "message", reterr);
	return aic_message_read(&doc, 0, ret_message, reterr);
}

int aichat_message_add_data(aichat_message *message, int type, const char *media_type,
			    const char *name, const void *data, size_t data_len)
{
	struct aichat_part made = { .type = (enum aichat_part_type)type };

	if (!message || !media_type || !*media_type || (!data && data_len) ||
	    (type != AICHAT_PART_IMAGE && type != AICHAT_PART_AUDIO &&
	     type != AICHAT_PART_FILE))
		return AICHAT_EINVAL;
	if (message->state != AICHAT_MESSAGE_OPEN || atomic_load(&message->refs) != 1)
		return AICHAT_ESTATE;
	if (data_len > DATA_MAX || message->part_count >= AIC_PARTS_MAX)
		return AICHAT_ETOOLARGE;
	made.media_type = aic_strdup(media_type);
	made.name = aic_strdup(name);
	struct aic_str bytes = { data ? data : "", data_len };
	struct aichat_part *part = NULL;
	if (made.media_type && (made.name || !name) &&
	    aic_string_set(&made.data, bytes) == 0)
		part = aic_message_add_part(message, made.type);
	if (!part) {
		aic_part_done(&made);
		return AICHAT_ENOMEM;
	}
	*part = made;
	return 0;
}

const char *aichat_message_id(const aichat_message *message)
{
	return message ? message->id_text : "";
}

const char *aichat_message_parent_id(const aichat_message *message)
{
	return message ? message->parent_text : "";
}

const char *aichat_message_conversation_id(const aichat_message *message)
{
	return message ? message->conversation_text : "";
}

int aichat_message_role(const aichat_message *message)
{
	return message ? (int)message->role : 0;
}

int aichat_message_state(const aichat_message *message)
{
	return message ? (int)message->state : 0;
}

int64_t aichat_message_created_unix_ms(const aichat_message *message)
{
	return message ? message->created_unix_ms : 0;
}

const char *aichat_message_provider(const aichat_message *message)
{
	return message ? message->provider : NULL;
}

const char *aichat_message_model(const aichat_message *message)
{
	return message ? message->model : NULL;
}

int aichat_message_stop_reason(const aichat_message *message)
{
	return message ? (int)message->stop_reason : 0;
}

int64_t aichat_message_usage(const aichat_message *message, int kind)
{
	return message ? aic_usage_figure(&message->usage, kind) : -1;
}

int64_t aichat_message_cost_nano_usd(const aichat_message *message)
{
	return message ? message->cost_nano_usd : -1;
}

/* Hand a finished buffer to the caller. */
static int give(struct aic_buf *text, char **ret_text, size_t *ret_len)
{
	char *data = aic_buf_take(text, ret_len);

	if (!data)
		return text->error ? text->error : AICHAT_ENOMEM;
	*ret_text = data;
	return 0;
}

int aichat_message_text(const aichat_message *message, char **ret_text,
			size_t *ret_text_len)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	if (!message || !ret_text)
		return AICHAT_EINVAL;
	for (size_t i = 0; i < message->part_count; i++)
		if (message->parts[i].type == AICHAT_PART_TEXT)
			aic_buf_append(&text, message->parts[i].text.data,
				       message->parts[i].text.len);
	return give(&text, ret_text, ret_text_len);
}

int aichat_message_to_json(const aichat_message *message, char **ret_json,
			   size_t *ret_json_len)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);

	if (!message || !ret_json)
		return AICHAT_EINVAL;
	aic_message_write(message, &w, true);
	return give(&text, ret_json, ret_json_len);
}

size_t aichat_message_part_count(const aichat_message *message)
{
	return message ? message->part_count : 0;
}

static const struct aichat_part *part_at(const aichat_message *message, size_t n)
{
	return n < aichat_message_part_count(message) ? &message->parts[n] : NULL;
}

int aichat_message_part_type(const aichat_message *message, size_t n)
{
	const struct aichat_part *part = part_at(message, n);

	return part ? (int)part->type : 0;
}

const char *aichat_message_part_text(const aichat_message *message, size_t n,
				     size_t *ret_len)
{
	const struct aichat_part *part = part_at(message, n);
	struct aic_str text = { 0 };

	if (part)
		text = aic_part_text(part);
	if (ret_len)
		*ret_len = text.len;
	return text.data;
}

const char *aichat_message_part_id(const aichat_message *message, size_t n)
{
	const struct aichat_part *part = part_at(message, n);

	return part ? part->id : NULL;
}

const char *aichat_message_part_name(const aichat_message *message, size_t n)
{
	const struct aichat_part *part = part_at(message, n);

	return part ? part->name : NULL;
}

const void *aichat_message_part_data(const aichat_message *message, size_t n,
				     size_t *ret_len, const char **ret_media_type)
{
	const struct aichat_part *part = part_at(message, n);
	const void *data = part ? part->data.data : NULL;

	if (ret_len)
		*ret_len = data ? part->data.len : 0;
	if (ret_media_type)
		*ret_media_type = part ? part->media_type : NULL;
	return data;
}
