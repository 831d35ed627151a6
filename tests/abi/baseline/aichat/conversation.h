#ifndef AICHAT_CONVERSATION_H
#define AICHAT_CONVERSATION_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#include <aichat/message.h>
#include <aichat/model.h>
#include <aichat/options.h>
#include <aichat/reply.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_conversation aichat_conversation;
typedef struct aichat_list aichat_list;
typedef struct aichat_messages aichat_messages;
AICHAT_API int aichat_conversation_new(aichat *ai, const aichat_options *options,
				       aichat_conversation **ret_conversation,
				       aichat_error **reterr);
AICHAT_API int aichat_conversation_open(aichat *ai, const char *id,
					aichat_conversation **ret_conversation,
					aichat_error **reterr);
AICHAT_API int aichat_conversation_save(aichat_conversation *conversation,
					aichat_error **reterr);
AICHAT_API int aichat_conversation_change(aichat_conversation *conversation,
					  const char *json, int64_t json_len,
					  int64_t version, aichat_error **reterr);
AICHAT_API int aichat_conversation_to_json(aichat_conversation *conversation,
					   char **ret_json, size_t *ret_json_len,
					   int64_t *ret_version, aichat_error **reterr);
AICHAT_API aichat_conversation *
aichat_conversation_ref(aichat_conversation *conversation);
AICHAT_API aichat_conversation *
aichat_conversation_unref(aichat_conversation *conversation);
AICHAT_API const char *aichat_conversation_id(const aichat_conversation *conversation);
AICHAT_API int aichat_conversation_set_tools(aichat_conversation *conversation,
					     const char *json, int64_t json_len,
					     aichat_error **reterr);
AICHAT_API int aichat_conversation_send(aichat_conversation *conversation,
					const char *text, int64_t text_len,
					const aichat_options *options,
					aichat_reply **ret_reply, aichat_error **reterr);
AICHAT_API int aichat_conversation_send_message(aichat_conversation *conversation,
						const aichat_message *message,
						const aichat_options *options,
						aichat_reply **ret_reply,
						aichat_error **reterr);
AICHAT_API int
aichat_conversation_send_after(aichat_conversation *conversation, const char *parent_id,
			       const aichat_message *message, int64_t version,
			       const aichat_options *options, aichat_reply **ret_reply,
			       aichat_error **reterr);
AICHAT_API int aichat_conversation_edit(aichat_conversation *conversation,
					const char *message_id, const char *text,
					int64_t text_len, const aichat_options *options,
					aichat_reply **ret_reply, aichat_error **reterr);
AICHAT_API int aichat_conversation_retry(aichat_conversation *conversation,
					 const char *message_id,
					 const aichat_options *options,
					 aichat_reply **ret_reply, aichat_error **reterr);
AICHAT_API int aichat_conversation_set_head(aichat_conversation *conversation,
					    const char *message_id,
					    aichat_error **reterr);
AICHAT_API int aichat_conversation_head(aichat_conversation *conversation, char **ret_id,
					aichat_error **reterr);
AICHAT_API int aichat_conversation_set_title(aichat_conversation *conversation,
					     const char *title, aichat_error **reterr);
AICHAT_API int aichat_conversation_delete(aichat_conversation *conversation,
					  aichat_error **reterr);
AICHAT_API int aichat_conversation_erase(aichat_conversation *conversation,
					 const char *message_id, aichat_error **reterr);
AICHAT_API int aichat_conversation_message(aichat_conversation *conversation,
					   const char *message_id,
					   aichat_message **ret_message,
					   aichat_error **reterr);
AICHAT_API int aichat_conversation_tree(aichat_conversation *conversation,
					const char *after, size_t limit,
					aichat_messages **ret_messages,
					aichat_error **reterr);
AICHAT_API int aichat_conversation_path_page(aichat_conversation *conversation,
					     const char *before, size_t limit,
					     aichat_messages **ret_messages,
					     aichat_error **reterr);
AICHAT_API int aichat_conversation_path(aichat_conversation *conversation, size_t limit,
					aichat_messages **ret_messages,
					aichat_error **reterr);
AICHAT_API int aichat_conversation_children(aichat_conversation *conversation,
					    const char *message_id,
					    aichat_messages **ret_messages,
					    aichat_error **reterr);
AICHAT_API size_t aichat_messages_count(const aichat_messages *messages);
AICHAT_API aichat_message *aichat_messages_at(const aichat_messages *messages, size_t n);
AICHAT_API const char *aichat_messages_cursor(const aichat_messages *messages);
AICHAT_API aichat_messages *aichat_messages_unref(aichat_messages *messages);
AICHAT_API int aichat_conversation_list(aichat *ai, const char *after, size_t limit,
					aichat_list **ret_list, aichat_error **reterr);
AICHAT_API int aichat_conversation_list_filtered(aichat *ai, int archived,
						 const char *tag, const char *text,
						 const char *after, size_t limit,
						 aichat_list **ret_list,
						 aichat_error **reterr);
AICHAT_API size_t aichat_list_count(const aichat_list *list);
AICHAT_API const char *aichat_list_id(const aichat_list *list, size_t n);
AICHAT_API const char *aichat_list_title(const aichat_list *list, size_t n);
AICHAT_API int64_t aichat_list_updated_unix_ms(const aichat_list *list, size_t n);
AICHAT_API int aichat_list_to_json(const aichat_list *list, size_t n, char **ret_json,
				   size_t *ret_json_len);
AICHAT_API const char *aichat_list_cursor(const aichat_list *list);
AICHAT_API aichat_list *aichat_list_unref(aichat_list *list);
#ifdef __cplusplus
}
#endif
#endif
