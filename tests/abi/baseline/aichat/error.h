#ifndef AICHAT_ERROR_H
#define AICHAT_ERROR_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/version.h>
#ifdef __cplusplus
extern "C" {
#endif
#define AICHAT_ERROR_MAP(X)                                                              \
	X(EINVAL, -1, "INVALID", "an argument is not valid")                             \
	X(ENOMEM, -2, "NO_MEMORY", "out of memory")                                      \
	X(EINTERNAL, -3, "INTERNAL", "internal error")                                   \
	X(EAGAIN, -4, "AGAIN", "nothing within the time given")                          \
	X(ECLOSED, -5, "CLOSED", "the context is closed")                                \
	X(EFORK, -6, "FORKED", "the handle was made by another process")                 \
	X(ENOTFOUND, -7, "NOT_FOUND", "no such object")                                  \
	X(EEXIST, -8, "EXISTS", "the object exists already")                             \
	X(ESTATE, -9, "WRONG_STATE", "not possible in this state")                       \
	X(ESTALE, -10, "STALE", "the object was changed by someone else")                \
	X(ETOOLARGE, -11, "TOO_LARGE", "larger than the limit")                          \
	X(ELIMIT, -12, "LIMIT", "a limit was reached")                                   \
	X(EJSON, -13, "BAD_JSON", "not valid JSON")                                      \
	X(EUTF8, -14, "BAD_UTF8", "not valid UTF-8")                                     \
	X(ECANCELED, -15, "CANCELED", "stopped on request")                              \
	X(ECONFLICT, -16, "IDEMPOTENCY_CONFLICT",                                        \
	  "the idempotency key was used for another request")                            \
	X(ECONFIG, -20, "BAD_CONFIG", "the configuration is not valid")                  \
	X(EMODEL, -21, "UNKNOWN_MODEL", "no such model")                                 \
	X(EKEY, -22, "NO_KEY", "no API key")                                             \
	X(ESTORE, -30, "STORAGE", "the store failed")                                    \
	X(ESTOREFULL, -31, "STORAGE_FULL", "no space is left for the store")             \
	X(ESTOREBUSY, -32, "STORAGE_BUSY", "the store is locked by another process")     \
	X(ESTOREREADONLY, -33, "STORAGE_READ_ONLY", "the store cannot be written")       \
	X(ESTORECORRUPT, -34, "STORAGE_CORRUPT", "the store is damaged")                 \
	X(ESTORENEWER, -35, "STORAGE_NEWER", "the store was made by a newer version")    \
	X(ENETWORK, -40, "PROVIDER_UNREACHABLE", "the provider cannot be reached")       \
	X(ETIMEOUT, -41, "PROVIDER_TIMEOUT", "the provider did not answer in time")      \
	X(ETLS, -42, "PROVIDER_TLS", "no secure connection to the provider")             \
	X(EPROTOCOL, -43, "PROVIDER_PROTOCOL", "the provider's answer makes no sense")   \
	X(EINTERRUPTED, -44, "INTERRUPTED", "the reply was cut off")                     \
	X(EAUTH, -50, "PROVIDER_AUTH", "the provider refused the key")                   \
	X(ERATELIMIT, -51, "PROVIDER_RATE_LIMITED", "the provider asks to slow down")    \
	X(EQUOTA, -52, "PROVIDER_QUOTA", "the provider account has no credit left")      \
	X(EREQUEST, -53, "PROVIDER_REJECTED", "the provider refused the request")        \
	X(ECONTEXT, -54, "CONTEXT_TOO_LONG",                                             \
	  "the conversation is too long for the model")                                  \
	X(EFILTER, -55, "CONTENT_FILTERED", "the provider's filter refused the content") \
	X(EPROVIDER, -56, "PROVIDER_ERROR", "the provider failed")                       \
	X(EOVERLOADED, -57, "PROVIDER_OVERLOADED", "the provider is overloaded")
#define AICHAT_ERROR_ENUM(name, number, text_name, text) AICHAT_##name = number,
enum aichat_error_code {
	AICHAT_OK = 0,
	AICHAT_ERROR_MAP(AICHAT_ERROR_ENUM)
};
#undef AICHAT_ERROR_ENUM
typedef struct aichat_error aichat_error;
AICHAT_API const char *aichat_error_name(int code);
AICHAT_API const char *aichat_error_text(int code);
AICHAT_API aichat_error *aichat_error_ref(aichat_error *error);
AICHAT_API aichat_error *aichat_error_unref(aichat_error *error);
AICHAT_API int aichat_error_code(const aichat_error *error);
AICHAT_API const char *aichat_error_message(const aichat_error *error);
AICHAT_API int aichat_error_http_status(const aichat_error *error);
AICHAT_API const char *aichat_error_provider_code(const aichat_error *error);
AICHAT_API const char *aichat_error_request_id(const aichat_error *error);
AICHAT_API int64_t aichat_error_retry_after_ms(const aichat_error *error);
#ifdef __cplusplus
}
#endif
#endif
