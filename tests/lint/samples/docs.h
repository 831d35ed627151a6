#ifndef AICHAT_SAMPLE_H
#define AICHAT_SAMPLE_H

/* Not for the reference. */
AICHAT_API void aichat_undocumented(void);

/**
 * lower case, and so no sentence.
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_lower(void);

/**
 * One parameter is missing.
 *
 * @param first  there
 * @return 0
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_missing(int first, const char *second);

/**
 * The order is wrong.
 *
 * @param b  second
 * @param a  first
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_order(int (*a)(int, char), unsigned char b[16]);

/**
 * Nameless.
 *
 * @return 0
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_nameless(const char *);

/**
 * Returns something that nobody explains.
 *
 * Threads: whoever.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_silent(void);

/**
 * Returns nothing.
 *
 * @return nothing
 *
 * Blocks: no.
 */
AICHAT_API void aichat_nothing(void);

/**
 * Says nothing of its own.
 *
 * @return as aichat_right()
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_follower(void);

/** Data is not exported. */
AICHAT_API extern int aichat_data;

/**
 * Append a user message and start the reply.
 *
 * @param conv      open for writing
 * @param text      UTF-8, copied
 * @param sizes     of both
 * @param ret_size  set on success only
 * @return 0, or
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_right(aichat_conversation *conv, const char *text,
			    const size_t sizes[2], size_t *ret_size);

#endif
