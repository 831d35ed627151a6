#ifndef AICHAT_WATCH_H
#define AICHAT_WATCH_H

#include <stdint.h>

#include <aichat/error.h>
#include <aichat/reply.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * One thread for many replies.
 *
 * A watch tells which of its replies has something to take, without a descriptor or a
 * thread for each:
 *
 *     while (aichat_watch_next(watch, -1, &tag) == 1)
 *             while (aichat_reply_next(reply_of(tag), 0, &event) == 1)
 *                     ...
 *
 * A reply is told once when there is something, and again only after
 * aichat_reply_next() found nothing more: take everything, or remember to come back.
 */

/** Waits for many replies; one owner. */
typedef struct aichat_watch aichat_watch;

/**
 * A watch without replies.
 *
 * @param ret_watch  set on success; caller owns: aichat_watch_free()
 * @return 0, or AICHAT_EINVAL, AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_watch_new(aichat_watch **ret_watch);

/**
 * Take every reply out, and free the watch, in which no thread may wait.
 *
 * @param watch  may be NULL
 * @return NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_watch *aichat_watch_free(aichat_watch *watch);

/**
 * Watch a reply. If there is something to take, it is told at once.
 *
 * @param watch   a watch, which takes a reference on the reply
 * @param reply   a cursor that is in no watch
 * @param tag     what aichat_watch_next() gives for it
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL  no watch or no reply was given
 *   AICHAT_ESTATE  the cursor is in a watch already
 *   AICHAT_EFORK   the watch or the cursor was made by another process
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_watch_add(aichat_watch *watch, aichat_reply *reply, uint64_t tag,
				aichat_error **reterr);

/**
 * Take a reply out. When this returns, aichat_watch_next() does not give its tag any
 * more; a thread to which it was given before may still have it.
 *
 * @param watch  may be NULL
 * @param reply  may be NULL, or not in the watch
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_watch_remove(aichat_watch *watch, aichat_reply *reply);

/**
 * The next reply for which aichat_reply_next() would return something else than
 * AICHAT_EAGAIN.
 *
 * @param watch       a watch
 * @param timeout_ms  how long to wait; below 0: for ever
 * @param ret_tag     set on 1
 * @return 1 and a tag, or
 *   AICHAT_EAGAIN  none within the time, or aichat_watch_wake() was called
 *   AICHAT_EINVAL  no watch was given
 *   AICHAT_EFORK   the watch was made by another process
 *
 * Threads: any.   Blocks: network.   Since: 0.1
 */
AICHAT_API int aichat_watch_next(aichat_watch *watch, int64_t timeout_ms,
				 uint64_t *ret_tag);

/**
 * Make one aichat_watch_next() return AICHAT_EAGAIN: the one that waits, or the next
 * that would.
 *
 * @param watch  may be NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_watch_wake(aichat_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
