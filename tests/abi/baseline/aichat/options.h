#ifndef AICHAT_OPTIONS_H
#define AICHAT_OPTIONS_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#include <aichat/log.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_options aichat_options;
enum aichat_option_type {
	AICHAT_OPTION_STRING = 1,
	AICHAT_OPTION_INT = 2,
	AICHAT_OPTION_NUMBER = 3,
	AICHAT_OPTION_BOOL = 4,
	AICHAT_OPTION_LIST = 5,
	AICHAT_OPTION_JSON = 6
};
AICHAT_API aichat_options *aichat_options_new(void);
AICHAT_API aichat_options *aichat_options_free(aichat_options *options);
AICHAT_API int aichat_options_set_json(aichat_options *options, const char *json,
				       int64_t json_len, aichat_error **reterr);
AICHAT_API int aichat_options_set(aichat_options *options, const char *name,
				  const char *value, int64_t value_len,
				  aichat_error **reterr);
AICHAT_API int aichat_options_set_int(aichat_options *options, const char *name,
				      int64_t value, aichat_error **reterr);
AICHAT_API int aichat_options_set_number(aichat_options *options, const char *name,
					 double value, aichat_error **reterr);
AICHAT_API int aichat_options_get(const aichat_options *options, const char *name,
				  const char **ret_value);
AICHAT_API const char *aichat_options_origin(const aichat_options *options,
					     const char *name);
AICHAT_API const char *aichat_options_name(const aichat_options *options, size_t n);
AICHAT_API int aichat_options_load(aichat_options *options, const char *path,
				   aichat_error **reterr);
AICHAT_API int aichat_options_set_log(aichat_options *options, aichat_log_hook hook,
				      void *user, int level);
AICHAT_API const char *aichat_option_name(size_t n);
AICHAT_API int aichat_option_type(size_t n);
AICHAT_API const char *aichat_option_help(size_t n);
AICHAT_API const char *aichat_option_default(size_t n);
#ifdef __cplusplus
}
#endif
#endif
