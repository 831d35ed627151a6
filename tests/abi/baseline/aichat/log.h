#ifndef AICHAT_LOG_H
#define AICHAT_LOG_H
#include <aichat/error.h>
#ifdef __cplusplus
extern "C" {
#endif
enum aichat_log_level {
	AICHAT_LOG_ERROR = 1,
	AICHAT_LOG_WARNING = 2,
	AICHAT_LOG_INFO = 3,
	AICHAT_LOG_DEBUG = 4
};
typedef void (*aichat_log_hook)(void *user, int level, const char *message);
#ifdef __cplusplus
}
#endif
#endif
