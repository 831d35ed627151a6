#ifndef AICHAT_VERSION_H
#define AICHAT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Versions, and how the library's symbols are seen.
 */

/** Marks what the shared library exports. */
#if defined(AICHAT_STATIC)
#define AICHAT_API
#else
#define AICHAT_API __attribute__((visibility("default")))
#endif

/** The version of these headers. */
#define AICHAT_VERSION "0.1.0"

/** Counts breaks of the binary interface; the number in the name libaichat.so.0. */
#define AICHAT_ABI 0

/**
 * The version of the library that is loaded, such as "0.1.0".
 *
 * @return a static string
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_version(void);

/**
 * The binary interface of the library that is loaded.
 *
 * @return equals AICHAT_ABI of the headers that a program was built with
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif
