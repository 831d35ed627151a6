#ifndef AICHAT_LOG_H
#define AICHAT_LOG_H

#include <aichat/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * The library's log: lines for a hook that the application sets.
 */

/** How important a line of the log is; a hook gets its level and all below it. */
enum aichat_log_level {
	AICHAT_LOG_ERROR = 1,
	AICHAT_LOG_WARNING = 2,
	AICHAT_LOG_INFO = 3,
	AICHAT_LOG_DEBUG = 4
};

/**
 * Called with one line of the library's log, from any of its threads.
 *
 * It must not call the library, and must be quick. The line holds no prompt,
 * no reply and no key.
 *
 * @param user     as given to aichat_options_set_log()
 * @param level    enum aichat_log_level
 * @param message  UTF-8, one line without its end; valid during the call
 */
typedef void (*aichat_log_hook)(void *user, int level, const char *message);

#ifdef __cplusplus
}
#endif

#endif
