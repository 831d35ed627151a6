#ifndef AICHAT_VERSION_H
#define AICHAT_VERSION_H
#ifdef __cplusplus
extern "C" {
#endif
#if defined(AICHAT_STATIC)
#define AICHAT_API
#else
#define AICHAT_API __attribute__((visibility("default")))
#endif
#define AICHAT_VERSION "0.1.0"
#define AICHAT_ABI 0
AICHAT_API const char *aichat_version(void);
AICHAT_API int aichat_abi_version(void);
#ifdef __cplusplus
}
#endif
#endif
