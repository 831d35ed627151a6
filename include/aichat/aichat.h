#ifndef AICHAT_AICHAT_H
#define AICHAT_AICHAT_H

/**
 * @file
 * libaichat: conversations with language models, kept.
 *
 * **A context** (`aichat`) is one store and one engine. Make it with aichat_open()
 * and end it with aichat_close(). Opened with NULL it keeps everything in memory and
 * reads nothing of the user's: no file, no environment.
 *
 * **Event loops.** Sending does not block. What happens is taken with
 * aichat_reply_next(), which can wait or not; aichat_reply_fd() gives a descriptor for
 * poll(), GLib, libuv, Qt or asyncio that is readable exactly when there is something
 * to take. One thread can wait for many replies: <aichat/watch.h>.
 *
 * **Threads.** Every function says which threads may call it. The library starts at
 * most two of its own, both at the first send (with the option prepare_to_send, when
 * the context is opened): the engine, which runs all transfers, and the store's writer.
 * They block all signals. Nothing is called back but the log
 * hook.
 *
 * **Ownership.** A `const char *` that a function returns is borrowed from the object
 * that it was asked of, until that changes or goes. What a `ret_` parameter gives is
 * the caller's: objects go back with their unref or free function, memory with
 * aichat_free(). Those functions take NULL and return NULL. Objects keep alive what
 * they depend on, so they may be given back in any order.
 *
 * **Strings** are UTF-8 with a length; a length of -1 stands for "NUL-terminated".
 *
 * **Errors.** See <aichat/error.h>.
 *
 * **fork().** A context and all that belongs to it is of use only in the process that
 * made it; elsewhere calls return AICHAT_EFORK, and unref and close free memory only.
 *
 * **The process is yours.** No signal handler is installed, no locale read, nothing is
 * printed, no environment variable read unless aichat_options_load() is called, and
 * the library never exits.
 */

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
#include <aichat/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Open a context.
 *
 * @param options  copied; NULL for a store in memory and all defaults
 * @param ret_ai   set on success; caller owns: aichat_close()
 * @param reterr   may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECONFIG         a provider or alias makes no sense
 *   AICHAT_EINVAL          no such kind of store, or it is no regular file
 *   AICHAT_EFORK           the process that this one is a copy of has the store open
 *   AICHAT_ESTORE          the store cannot be opened, or is on a network file system
 *   AICHAT_ESTOREBUSY      another process holds it too long
 *   AICHAT_ESTOREREADONLY  it cannot be written
 *   AICHAT_ESTOREFULL      no space is left
 *   AICHAT_ESTORECORRUPT   it is damaged, or not a store
 *   AICHAT_ESTORENEWER     it was made by a newer version
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_open(const aichat_options *options, aichat **ret_ai,
			   aichat_error **reterr);

/**
 * Close a context: running replies of this process end as `interrupted` with what came,
 * everything is committed, the threads end. Calls on what is left return AICHAT_ECLOSED.
 *
 * @param ai  may be NULL; given back by this call
 * @return NULL
 *
 * Threads: any; not twice.   Blocks: storage.   Since: 0.1
 */
AICHAT_API aichat *aichat_close(aichat *ai);

/**
 * The same engine and store seen by another owner: every call on the view and on what
 * is opened through it touches that owner's conversations only. A plain context is the
 * owner "local".
 *
 * @param ai        a context or a view of it
 * @param owner     1 to 128 bytes of UTF-8 without control characters
 * @param ret_view  set on success; caller owns: aichat_close()
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the owner's name
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_for_owner(aichat *ai, const char *owner, aichat **ret_view,
				aichat_error **reterr);

/**
 * Open a cursor on a stored reply, at any place: running or over, here or in another
 * process.
 *
 * @param ai         a context
 * @param reply_id   from aichat_reply_id(), or the id of a message that the reply wrote
 * @param after      the number of the last event that is not wanted; 0 for all
 * @param ret_reply  set on success; caller owns: aichat_reply_unref()
 * @param reterr     may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such reply
 *   AICHAT_EINVAL     not an id
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_reply_open(aichat *ai, const char *reply_id, uint64_t after,
				 aichat_reply **ret_reply, aichat_error **reterr);

/**
 * Ask a model without storing anything.
 *
 * @param ai         a context
 * @param messages   the conversation, oldest first; references are taken
 * @param count      how many, at least 1
 * @param tools      as for aichat_conversation_set_tools(); NULL for none
 * @param tools_len  bytes in @p tools; -1 if it is NUL-terminated
 * @param options    for this reply only, copied; may be NULL
 * @param ret_reply  set on success; caller owns: aichat_reply_unref(), which cancels it
 * @param reterr     may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     no messages, or an option that only aichat_open() takes, or tools
 *   AICHAT_EJSON      the tools are not JSON
 *   AICHAT_EUTF8      the tools are not UTF-8
 *   AICHAT_ETOOLARGE  the tools are larger than 16 MiB, or too many
 *   AICHAT_EMODEL     no model is set, or there is none of that name
 *   AICHAT_EKEY       the model's provider has no key
 *   AICHAT_ECONFIG    the model's provider has no address
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ELIMIT     no descriptor is left for the engine
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_complete(aichat *ai, aichat_message *const *messages, size_t count,
			       const char *tools, int64_t tools_len,
			       const aichat_options *options, aichat_reply **ret_reply,
			       aichat_error **reterr);

/**
 * Check everything that must hold in the store.
 *
 * @param ai      a context
 * @param reterr  may be NULL; set on failure only, names what does not hold:
 *                aichat_error_unref()
 * @return 0, or
 *   AICHAT_ESTORECORRUPT  something does not hold
 *   AICHAT_ECLOSED        the context was closed
 *   AICHAT_EFORK          the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_verify(aichat *ai, aichat_error **reterr);

/**
 * Whether the store takes what is new: for a program that would rather not begin what it
 * could not write down.
 *
 * A store that failed to write something takes nothing more until it is opened anew; see
 * the option store_ballast_bytes for a disk that is almost full. Nothing is written to
 * find out, so success is no promise.
 *
 * @param ai      a context
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ESTOREFULL      hardly any space is left: what runs may end
 *   AICHAT_ESTOREREADONLY  the disk failed; close it, check the disk, open it again
 *   AICHAT_ESTORECORRUPT   it was found to be damaged
 *   AICHAT_ECLOSED         the context was closed
 *   AICHAT_EFORK           the context was made by another process
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_store_check(aichat *ai, aichat_error **reterr);

/**
 * Free memory that a `ret_` parameter gave.
 *
 * @param memory  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void *aichat_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
