#ifndef AICHAT_REPLY_H
#define AICHAT_REPLY_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#include <aichat/message.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_reply aichat_reply;
typedef struct aichat_event aichat_event;
enum aichat_event_type {
	AICHAT_EVENT_START = 1,
	AICHAT_EVENT_PART_START = 2,
	AICHAT_EVENT_TEXT = 3,
	AICHAT_EVENT_REASONING = 4,
	AICHAT_EVENT_TOOL_CALL = 5,
	AICHAT_EVENT_PART_END = 6,
	AICHAT_EVENT_USAGE = 7,
	AICHAT_EVENT_RETRY = 8,
	AICHAT_EVENT_MESSAGE = 9,
	AICHAT_EVENT_SNAPSHOT = 10,
	AICHAT_EVENT_DONE = 11,
	AICHAT_EVENT_ERROR = 12
};
enum aichat_reply_state {
	AICHAT_REPLY_QUEUED = 1,
	AICHAT_REPLY_RUNNING = 2,
	AICHAT_REPLY_WAITING = 3,
	AICHAT_REPLY_COMPLETE = 4,
	AICHAT_REPLY_STOPPED = 5,
	AICHAT_REPLY_INTERRUPTED = 6,
	AICHAT_REPLY_FAILED = 7
};
AICHAT_API const char *aichat_reply_state_name(int state);
AICHAT_API int aichat_reply_next(aichat_reply *reply, int64_t timeout_ms,
				 const aichat_event **ret_event);
AICHAT_API int aichat_reply_fd(aichat_reply *reply, int *ret_fd, aichat_error **reterr);
AICHAT_API void aichat_reply_wake(aichat_reply *reply);
AICHAT_API int aichat_reply_to_json(aichat_reply *reply, char **ret_json,
				    size_t *ret_json_len, aichat_error **reterr);
AICHAT_API int aichat_reply_cancel(aichat_reply *reply, aichat_error **reterr);
AICHAT_API int aichat_reply_tool_result(aichat_reply *reply, const char *call_id,
					const char *text, int64_t text_len, int is_error,
					aichat_error **reterr);
AICHAT_API aichat_reply *aichat_reply_ref(aichat_reply *reply);
AICHAT_API aichat_reply *aichat_reply_unref(aichat_reply *reply);
AICHAT_API const char *aichat_reply_id(const aichat_reply *reply);
AICHAT_API int aichat_event_type(const aichat_event *event);
AICHAT_API const char *aichat_event_type_name(int type);
AICHAT_API uint64_t aichat_event_seq(const aichat_event *event);
AICHAT_API const char *aichat_event_message_id(const aichat_event *event);
AICHAT_API const char *aichat_event_text(const aichat_event *event);
AICHAT_API size_t aichat_event_text_len(const aichat_event *event);
AICHAT_API size_t aichat_event_index(const aichat_event *event);
AICHAT_API int aichat_event_part_type(const aichat_event *event);
AICHAT_API const char *aichat_event_part_id(const aichat_event *event);
AICHAT_API const char *aichat_event_part_name(const aichat_event *event);
AICHAT_API int64_t aichat_event_usage(const aichat_event *event, int kind);
AICHAT_API const char *aichat_event_user_message_id(const aichat_event *event);
AICHAT_API aichat_message *aichat_event_message(const aichat_event *event);
AICHAT_API int aichat_event_state(const aichat_event *event);
AICHAT_API const aichat_error *aichat_event_error(const aichat_event *event);
AICHAT_API int64_t aichat_event_delay_ms(const aichat_event *event);
AICHAT_API int aichat_event_to_json(const aichat_event *event, char **ret_json,
				    size_t *ret_json_len);
#ifdef __cplusplus
}
#endif
#endif
