#ifndef AICHAT_MESSAGE_H
#define AICHAT_MESSAGE_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_message aichat_message;
enum aichat_role {
	AICHAT_ROLE_SYSTEM = 1,
	AICHAT_ROLE_USER = 2,
	AICHAT_ROLE_ASSISTANT = 3,
	AICHAT_ROLE_TOOL = 4
};
enum aichat_message_state {
	AICHAT_MESSAGE_OPEN = 1,
	AICHAT_MESSAGE_SEALED = 2,
	AICHAT_MESSAGE_INTERRUPTED = 3,
	AICHAT_MESSAGE_STOPPED = 4,
	AICHAT_MESSAGE_FAILED = 5,
	AICHAT_MESSAGE_ERASED = 6
};
enum aichat_part_type {
	AICHAT_PART_TEXT = 1,
	AICHAT_PART_REASONING = 2,
	AICHAT_PART_TOOL_CALL = 3,
	AICHAT_PART_TOOL_RESULT = 4,
	AICHAT_PART_IMAGE = 5,
	AICHAT_PART_AUDIO = 6,
	AICHAT_PART_FILE = 7,
	AICHAT_PART_REFUSAL = 8,
	AICHAT_PART_SOURCE = 9,
	AICHAT_PART_COMPACTION = 10,
	AICHAT_PART_UNKNOWN = 11
};
enum aichat_stop_reason {
	AICHAT_STOP_NONE = 0,
	AICHAT_STOP_STOP = 1,
	AICHAT_STOP_SEQUENCE = 2,
	AICHAT_STOP_LENGTH = 3,
	AICHAT_STOP_CONTEXT_WINDOW = 4,
	AICHAT_STOP_TOOL_CALLS = 5,
	AICHAT_STOP_REFUSAL = 6,
	AICHAT_STOP_CONTENT_FILTER = 7,
	AICHAT_STOP_PAUSE = 8,
	AICHAT_STOP_UNKNOWN = 9
};
enum aichat_usage_kind {
	AICHAT_USAGE_INPUT = 1,
	AICHAT_USAGE_CACHED = 2,
	AICHAT_USAGE_CACHE_WRITE = 3,
	AICHAT_USAGE_OUTPUT = 4,
	AICHAT_USAGE_REASONING = 5
};
AICHAT_API const char *aichat_role_name(int role);
AICHAT_API const char *aichat_message_state_name(int state);
AICHAT_API const char *aichat_part_type_name(int type);
AICHAT_API const char *aichat_stop_reason_name(int reason);
AICHAT_API int aichat_message_new(int role, const char *text, int64_t text_len,
				  aichat_message **ret_message);
AICHAT_API int aichat_message_from_json(const char *json, int64_t json_len,
					aichat_message **ret_message,
					aichat_error **reterr);
AICHAT_API int aichat_message_add_data(aichat_message *message, int type,
				       const char *media_type, const char *name,
				       const void *data, size_t data_len);
AICHAT_API aichat_message *aichat_message_ref(aichat_message *message);
AICHAT_API aichat_message *aichat_message_unref(aichat_message *message);
AICHAT_API const char *aichat_message_id(const aichat_message *message);
AICHAT_API const char *aichat_message_parent_id(const aichat_message *message);
AICHAT_API const char *aichat_message_conversation_id(const aichat_message *message);
AICHAT_API int aichat_message_role(const aichat_message *message);
AICHAT_API int aichat_message_state(const aichat_message *message);
AICHAT_API int64_t aichat_message_created_unix_ms(const aichat_message *message);
AICHAT_API const char *aichat_message_provider(const aichat_message *message);
AICHAT_API const char *aichat_message_model(const aichat_message *message);
AICHAT_API int aichat_message_stop_reason(const aichat_message *message);
AICHAT_API int64_t aichat_message_usage(const aichat_message *message, int kind);
AICHAT_API int64_t aichat_message_cost_nano_usd(const aichat_message *message);
AICHAT_API int aichat_message_text(const aichat_message *message, char **ret_text,
				   size_t *ret_text_len);
AICHAT_API int aichat_message_to_json(const aichat_message *message, char **ret_json,
				      size_t *ret_json_len);
AICHAT_API size_t aichat_message_part_count(const aichat_message *message);
AICHAT_API int aichat_message_part_type(const aichat_message *message, size_t n);
AICHAT_API const char *aichat_message_part_text(const aichat_message *message, size_t n,
						size_t *ret_len);
AICHAT_API const char *aichat_message_part_id(const aichat_message *message, size_t n);
AICHAT_API const char *aichat_message_part_name(const aichat_message *message, size_t n);
AICHAT_API const void *aichat_message_part_data(const aichat_message *message, size_t n,
						size_t *ret_len,
						const char **ret_media_type);
#ifdef __cplusplus
}
#endif
#endif
