/*
 * The cursor's public face; chat/cursor.c and chat/turn_tools.c do the work.
 */

#include <unistd.h>

#include <aichat/reply.h>

#include "api/context.h"
#include "base/clock.h"
#include "chat/cursor.h"
#include "chat/turn.h"

int aichat_reply_next(aichat_reply *reply, int64_t timeout_ms,
		      const aichat_event **ret_event)
{
	if (!reply || !ret_event)
		return AICHAT_EINVAL;
	if (reply->feed->core->pid != getpid())
		return AICHAT_EFORK;
	return aic_cursor_next(reply, timeout_ms, ret_event);
}

int aichat_reply_fd(aichat_reply *reply, int *ret_fd, aichat_error **reterr)
{
	if (!reply || !ret_fd)
		return aic_error_set(reterr, AICHAT_EINVAL, "no reply was given");
	int rc = aic_core_check(reply->feed->core, reterr);
	return rc < 0 ? rc : aic_cursor_fd(reply, ret_fd, reterr);
}

void aichat_reply_wake(aichat_reply *reply)
{
	if (reply && reply->feed->core->pid == getpid())
		aic_cursor_wake(reply);
}

int aichat_reply_cancel(aichat_reply *reply, aichat_error **reterr)
{
	if (!reply)
		return aic_error_set(reterr, AICHAT_EINVAL, "no reply was given");
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_core_enter(reply->feed->core, &core, reterr);
	return rc < 0 ? rc : aic_reply_cancel(reply->feed, reterr);
}

int aichat_reply_tool_result(aichat_reply *reply, const char *call_id, const char *text,
			     int64_t text_len, int is_error, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_str value;

	if (!reply || !call_id)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "no reply or no call was given");
	int rc = aic_core_enter(reply->feed->core, &core, reterr);
	if (rc == 0)
		rc = aic_text_argument(text, text_len, "the tool's result", &value,
				       reterr);
	return rc < 0 ? rc
		      : aic_reply_tool_result(reply->feed, call_id, value, is_error != 0,
					      reterr);
}

const char *aichat_reply_id(const aichat_reply *reply)
{
	return reply ? reply->id_text : "";
}

static void put_id(struct aic_json_writer *w, const char *key, const struct aic_id *id)
{
	char text[AIC_ID_TEXT];

	if (aic_id_is_set(id))
		aic_json_put_member(w, key, aic_id_text(id, text));
}

static void put_time(struct aic_json_writer *w, const char *key, int64_t unix_ms)
{
	char text[AIC_TIME_TEXT];

	if (unix_ms)
		aic_json_put_member(w, key, aic_time_text(unix_ms, text));
}

static void put_int(struct aic_json_writer *w, const char *key, int64_t value)
{
	aic_json_put_key(w, key);
	aic_json_put_int(w, value);
}

/* What the terminal event said. */
static void put_error(struct aic_json_writer *w, const char *event)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	if (!event || aic_json_scan(&doc, event, strlen(event), &aic_json_wire) < 0)
		return;
	struct aic_str error = aic_json_raw(&doc, aic_json_get(&doc, 0, "error"));
	if (error.len) {
		aic_json_put_key(w, "error");
		aic_json_put_raw(w, error);
	}
}

static char *reply_json(const struct aic_reply_row *row,
			const struct aic_messages *messages, size_t *ret_len)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf json = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&json);
	char text[AIC_ID_TEXT];

	aic_json_begin(&w, '{');
	put_id(&w, "id", &row->id);
	put_id(&w, "conversation_id", &row->conversation_id);
	aic_json_put_member(&w, "state", aichat_reply_state_name((int)row->state));
	aic_json_put_member(&w, "model", row->model);
	put_id(&w, "user_message_id", &row->parent_id);
	put_id(&w, "message_id", &row->message_id);
	aic_json_put_key(&w, "message_ids");
	aic_json_begin(&w, '[');
	for (size_t i = 0; i < messages->count; i++)
		aic_json_put_text(&w, aic_id_text(&messages->items[i]->id, text));
	aic_json_end(&w, ']');
	put_int(&w, "rounds", row->rounds);
	put_int(&w, "last_seq", (int64_t)row->last_seq);
	put_time(&w, "created_at", row->created_unix_ms);
	put_time(&w, "ended_at", row->ended_unix_ms);
	put_error(&w, row->error);
	aic_json_end(&w, '}');
	return aic_buf_take(&json, ret_len);
}

int aichat_reply_to_json(aichat_reply *reply, char **ret_json, size_t *ret_json_len,
			 aichat_error **reterr)
{
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aic_messages_done) struct aic_messages messages = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;

	if (!reply)
		return aic_error_set(reterr, AICHAT_EINVAL, "no reply was given");
	const struct aic_feed *feed = reply->feed;
	int rc = aic_core_enter(feed->core, &core, reterr);
	if (rc == 0 && !feed->stored)
		rc = aic_error_set(reterr, AICHAT_ESTATE, "the reply is not stored");
	if (rc == 0)
		rc = aic_store_reply(core->store, feed->owner, &feed->reply_id, &row,
				     reterr);
	if (rc == 0)
		rc = aic_store_reply_messages(core->store, feed->owner, &feed->reply_id,
					      &messages, reterr);
	if (rc < 0)
		return rc;
	char *json = reply_json(&row, &messages, ret_json_len);
	if (!json)
		return aic_error_nomem(reterr);
	*ret_json = json;
	return 0;
}
