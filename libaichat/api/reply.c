/*
 * The cursor's public face; chat/cursor.c and chat/turn_tools.c do the work.
 */

#include <unistd.h>

#include <aichat/reply.h>

#include "api/context.h"
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
