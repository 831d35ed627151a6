#ifndef AICHAT_AICHAT_H
#define AICHAT_AICHAT_H
#include <aichat/account.h>
#include <aichat/conversation.h>
#include <aichat/dialect.h>
#include <aichat/error.h>
#include <aichat/json.h>
#include <aichat/log.h>
#include <aichat/message.h>
#include <aichat/model.h>
#include <aichat/options.h>
#include <aichat/reply.h>
#include <aichat/version.h>
#ifdef __cplusplus
extern "C" {
#endif
AICHAT_API int aichat_open(const aichat_options *options, aichat **ret_ai,
			   aichat_error **reterr);
AICHAT_API aichat *aichat_close(aichat *ai);
AICHAT_API int aichat_for_owner(aichat *ai, const char *owner, aichat **ret_view,
				aichat_error **reterr);
AICHAT_API int aichat_reply_open(aichat *ai, const char *reply_id, uint64_t after,
				 aichat_reply **ret_reply, aichat_error **reterr);
AICHAT_API int aichat_complete(aichat *ai, aichat_message *const *messages, size_t count,
			       const char *tools, int64_t tools_len,
			       const aichat_options *options, aichat_reply **ret_reply,
			       aichat_error **reterr);
AICHAT_API int aichat_verify(aichat *ai, aichat_error **reterr);
AICHAT_API void *aichat_free(void *memory);
#ifdef __cplusplus
}
#endif
#endif
