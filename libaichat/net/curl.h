#pragma once

/*
 * libcurl, loaded when the first attempt needs it. Its more than thirty libraries cost
 * several milliseconds at the start of a program, and most programs and commands of ours
 * never ask a provider. So it is not linked: its functions are called through this table,
 * `aic_curl.easy_init()`, after aic_curl_load() went well.
 */

#include <curl/curl.h>

#include "base/common.h"
#include "base/error.h"

#define AIC_CURL_FUNCTIONS(X)                                                            \
	X(easy_cleanup)                                                                  \
	X(easy_getinfo)                                                                  \
	X(easy_init)                                                                     \
	X(easy_pause)                                                                    \
	X(easy_setopt)                                                                   \
	X(easy_strerror)                                                                 \
	X(free)                                                                          \
	X(getdate)                                                                       \
	X(global_init)                                                                   \
	X(multi_add_handle)                                                              \
	X(multi_assign)                                                                  \
	X(multi_cleanup)                                                                 \
	X(multi_info_read)                                                               \
	X(multi_init)                                                                    \
	X(multi_remove_handle)                                                           \
	X(multi_setopt)                                                                  \
	X(multi_socket_action)                                                           \
	X(slist_append)                                                                  \
	X(slist_free_all)                                                                \
	X(url)                                                                           \
	X(url_cleanup)                                                                   \
	X(url_dup)                                                                       \
	X(url_get)                                                                       \
	X(url_set)                                                                       \
	X(version_info)

struct aic_curl {
#define AIC_CURL_MEMBER(name) __typeof__(curl_##name) *name;
	AIC_CURL_FUNCTIONS(AIC_CURL_MEMBER)
#undef AIC_CURL_MEMBER
};

extern struct aic_curl aic_curl;

/*
 * Any thread, any number of times: the first that goes well does the work, which takes
 * milliseconds. 0, AICHAT_ENETWORK (it is missing, too old, or does not start) or
 * AICHAT_ENOMEM.
 */
int aic_curl_load(aichat_error **reterr);

#ifdef AIC_TEST_HOOKS
/* The file to load instead; NULL goes back. Counts while nothing is loaded. */
void aic_curl_set_name(const char *name);
#endif
