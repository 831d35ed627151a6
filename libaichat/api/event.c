/*
 * Events for applications: what aichat/reply.h says of them, and nothing more. Events
 * that get here are owned copies, so that their strings end with a NUL.
 */

#include "base/mem.h"
#include "model/event.h"

int aichat_event_type(const aichat_event *event)
{
	return event ? (int)event->type : 0;
}

uint64_t aichat_event_seq(const aichat_event *event)
{
	return event ? event->seq : 0;
}

const char *aichat_event_message_id(const aichat_event *event)
{
	return event ? event->message_id_text : "";
}

const char *aichat_event_text(const aichat_event *event)
{
	return event && event->text.data ? event->text.data : "";
}

size_t aichat_event_text_len(const aichat_event *event)
{
	return event ? event->text.len : 0;
}

size_t aichat_event_index(const aichat_event *event)
{
	return event ? event->index : 0;
}

int aichat_event_part_type(const aichat_event *event)
{
	return event ? (int)event->part_type : 0;
}

const char *aichat_event_part_id(const aichat_event *event)
{
	return event && event->id.len ? event->id.data : NULL;
}

const char *aichat_event_part_name(const aichat_event *event)
{
	return event && event->name.len ? event->name.data : NULL;
}

int64_t aichat_event_usage(const aichat_event *event, int kind)
{
	return event && event->type == AICHAT_EVENT_USAGE
		       ? aic_usage_figure(&event->usage, kind)
		       : -1;
}

const char *aichat_event_user_message_id(const aichat_event *event)
{
	return event ? event->user_message_text : "";
}

aichat_message *aichat_event_message(const aichat_event *event)
{
	return event ? event->message : NULL;
}

int aichat_event_state(const aichat_event *event)
{
	return event ? (int)event->state : 0;
}

const aichat_error *aichat_event_error(const aichat_event *event)
{
	return event ? event->error : NULL;
}

int64_t aichat_event_delay_ms(const aichat_event *event)
{
	return event ? event->delay_ms : 0;
}

int aichat_event_to_json(const aichat_event *event, char **ret_json, size_t *ret_json_len)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);

	if (!event || !ret_json)
		return AICHAT_EINVAL;
	aic_event_write(event, &w);
	char *json = aic_buf_take(&text, ret_json_len);
	if (!json)
		return text.error ? text.error : AICHAT_ENOMEM;
	*ret_json = json;
	return 0;
}
