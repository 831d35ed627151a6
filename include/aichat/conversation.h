#ifndef AICHAT_CONVERSATION_H
#define AICHAT_CONVERSATION_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>
#include <aichat/message.h>
#include <aichat/model.h>
#include <aichat/options.h>
#include <aichat/reply.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Conversations: trees of messages, kept in the store.
 *
 * A conversation has a head, the message that the next one follows. Sending,
 * editing and retrying add messages and move the head; nothing is ever
 * overwritten, so every branch stays reachable.
 */

/** One conversation, seen from one head; counted references. */
typedef struct aichat_conversation aichat_conversation;
/** A page of the list of conversations. */
typedef struct aichat_list aichat_list;
/** A list of messages. */
typedef struct aichat_messages aichat_messages;

/**
 * Make a new, empty conversation. It is written with its first message, or by
 * aichat_conversation_save().
 *
 * @param ai                a context
 * @param options           settings of this conversation, copied; may be NULL
 * @param ret_conversation  set on success; caller owns: aichat_conversation_unref()
 * @param reterr            may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   an option that only aichat_open() takes
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_conversation_new(aichat *ai, const aichat_options *options,
				       aichat_conversation **ret_conversation,
				       aichat_error **reterr);

/**
 * Open a stored conversation.
 *
 * @param ai                a context
 * @param id                its id, or as many of its first characters as are unique; the
 *                          id of one of its messages opens it with that message as head
 *                          of this handle
 * @param ret_conversation  set on success; caller owns: aichat_conversation_unref()
 * @param reterr            may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such conversation
 *   AICHAT_EEXIST     several begin so
 *   AICHAT_EINVAL     not an id
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_open(aichat *ai, const char *id,
					aichat_conversation **ret_conversation,
					aichat_error **reterr);

/**
 * Write the conversation as it is, with its settings, before its first message or
 * between messages.
 *
 * @param conversation  a conversation
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  it was deleted
 *   AICHAT_EEXIST     it is new, and its option `idempotency_key` was used before
 *   AICHAT_ECONFLICT  the same, for another request
 *   AICHAT_EINVAL     the key or the digest of its options
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_save(aichat_conversation *conversation,
					aichat_error **reterr);

/**
 * Change what is stored of a conversation, all at once or not at all. One that is new
 * is written.
 *
 * @param conversation  a conversation
 * @param json          an object with any of `title` (text, at most 200 characters;
 *                      null for the first words), `tags` (an array of up to 64 texts of
 *                      1 to 64 characters), `head` (a message's id; null for before the
 *                      first), `pinned`, `archived`, and `settings` with `options` (as
 *                      for aichat_options_set_json(): those named are set or taken
 *                      back) and `tools` (as for aichat_conversation_set_tools())
 * @param json_len      bytes in @p json; -1 if it is NUL-terminated
 * @param version       that the stored conversation must have; 0 for any
 * @param reterr        may be NULL; set on failure only, names the member:
 *                      aichat_error_unref()
 * @return 0, or
 *   AICHAT_ESTALE     the conversation has another version: someone changed it
 *   AICHAT_ENOTFOUND  it is deleted; or no such message
 *   AICHAT_EEXIST     it is new, and its option `idempotency_key` was used before
 *   AICHAT_ECONFLICT  the same, for another request
 *   AICHAT_EJSON      not JSON
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  the title is too long, or the JSON beyond the limits of
 *                     aichat_json_parse()
 *   AICHAT_EINVAL     a member that there is not, or whose value does not fit
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_change(aichat_conversation *conversation,
					  const char *json, int64_t json_len,
					  int64_t version, aichat_error **reterr);

/**
 * The stored conversation as canonical JSON: id, title, head, settings with options and
 * tools, tags, pinned, archived, version, created_at, updated_at.
 *
 * @param conversation  a conversation
 * @param ret_json      set on success; NUL-terminated; caller owns: aichat_free()
 * @param ret_json_len  may be NULL; bytes in it
 * @param ret_version   may be NULL; counts its changes, from 1
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  it is not stored yet, or is deleted
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_to_json(aichat_conversation *conversation,
					   char **ret_json, size_t *ret_json_len,
					   int64_t *ret_version, aichat_error **reterr);

/**
 * Take another reference.
 *
 * @param conversation  may be NULL
 * @return @p conversation
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_conversation *
aichat_conversation_ref(aichat_conversation *conversation);

/**
 * Give a reference back. Replies go on.
 *
 * @param conversation  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_conversation *
aichat_conversation_unref(aichat_conversation *conversation);

/**
 * The conversation's id.
 *
 * @param conversation  a conversation
 * @return 36 characters
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_conversation_id(const aichat_conversation *conversation);

/**
 * Declare the tools that the model may call, for the sends that follow.
 *
 * @param conversation  a conversation
 * @param json          an array of {"name", "description", "parameters"}, where
 *                      parameters is a JSON schema of an object; NULL for none
 * @param json_len      bytes in @p json; -1 if it is NUL-terminated
 * @param reterr        may be NULL; set on failure only, names the place:
 *                      aichat_error_unref()
 * @return 0, or
 *   AICHAT_EJSON      not JSON
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  larger than 16 MiB, or too many
 *   AICHAT_EINVAL     not an array of tools, or a name is used twice
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_conversation_set_tools(aichat_conversation *conversation,
					     const char *json, int64_t json_len,
					     aichat_error **reterr);

/**
 * Append a user message to the head and start the reply.
 *
 * The message is on disk before anything is sent to the provider; the event
 * `start` tells so. If it cannot be stored, `error` is the reply's only event.
 *
 * With the option `idempotency_key` a repeated request makes nothing again: its only
 * event is `error` with AICHAT_EEXIST, and aichat_idempotency_find() tells the id of the
 * reply that the first one made (AICHAT_ECONFLICT: it was another request). See
 * <aichat/account.h>.
 *
 * @param conversation  a conversation
 * @param text          UTF-8, copied
 * @param text_len      bytes in @p text; -1 if it is NUL-terminated
 * @param options       for this reply only, copied; may be NULL
 * @param ret_reply     set on success; caller owns: aichat_reply_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL     the text is empty, an option that only aichat_open() takes, or an
 *                     idempotency key that is too long
 *   AICHAT_EUTF8      the text is not UTF-8
 *   AICHAT_ETOOLARGE  the text is larger than 16 MiB
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
AICHAT_API int aichat_conversation_send(aichat_conversation *conversation,
					const char *text, int64_t text_len,
					const aichat_options *options,
					aichat_reply **ret_reply, aichat_error **reterr);

/**
 * As aichat_conversation_send(), with a message that may have images and files.
 *
 * @param conversation  a conversation
 * @param message       role user, with at least one part; copied
 * @param options       for this reply only, copied; may be NULL
 * @param ret_reply     set on success; caller owns: aichat_reply_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   no user message with a part, or an option that only aichat_open()
 *                   takes
 *   AICHAT_EMODEL   no model is set, or there is none of that name
 *   AICHAT_EKEY     the model's provider has no key
 *   AICHAT_ECONFIG  the model's provider has no address
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ELIMIT   no descriptor is left for the engine
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_conversation_send_message(aichat_conversation *conversation,
						const aichat_message *message,
						const aichat_options *options,
						aichat_reply **ret_reply,
						aichat_error **reterr);

/**
 * As aichat_conversation_send_message(), under a message of the caller's choice, and
 * only if nobody has changed the conversation meanwhile.
 *
 * Two sends under one message make siblings. With a version the later one is refused:
 * its only event is `error` with AICHAT_ESTALE.
 *
 * @param conversation  a conversation
 * @param parent_id     the message that it follows; "" for none, NULL for the head
 * @param message       role user, with at least one part; copied
 * @param version       that the stored conversation must have; 0 for any
 * @param options       for this reply only, copied; may be NULL
 * @param ret_reply     set on success; caller owns: aichat_reply_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_EINVAL     not an id, no user message with a part, an option that only
 *                     aichat_open() takes, or an idempotency key that is too long
 *   AICHAT_EMODEL     no model is set, or there is none of that name
 *   AICHAT_EKEY       the model's provider has no key
 *   AICHAT_ECONFIG    the model's provider has no address
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ELIMIT     no descriptor is left for the engine
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage, with a parent.   Since: 0.1
 */
AICHAT_API int
aichat_conversation_send_after(aichat_conversation *conversation, const char *parent_id,
			       const aichat_message *message, int64_t version,
			       const aichat_options *options, aichat_reply **ret_reply,
			       aichat_error **reterr);

/**
 * Say a user message differently: a sibling of it with another text, and a reply.
 *
 * @param conversation  a conversation
 * @param message_id    the user message to replace
 * @param text          UTF-8, copied
 * @param text_len      bytes in @p text; -1 if it is NUL-terminated
 * @param options       for this reply only, copied; may be NULL
 * @param ret_reply     set on success; caller owns: aichat_reply_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_ESTATE     it is no user message
 *   AICHAT_EINVAL     not an id, or the text is empty, or an option that only
 *                     aichat_open() takes
 *   AICHAT_EUTF8      the text is not UTF-8
 *   AICHAT_ETOOLARGE  the text is larger than 16 MiB
 *   AICHAT_EMODEL     no model is set, or there is none of that name
 *   AICHAT_EKEY       the model's provider has no key
 *   AICHAT_ECONFIG    the model's provider has no address
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ELIMIT     no descriptor is left for the engine
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_edit(aichat_conversation *conversation,
					const char *message_id, const char *text,
					int64_t text_len, const aichat_options *options,
					aichat_reply **ret_reply, aichat_error **reterr);

/**
 * Answer a message again: a sibling of the reply that there is, if any.
 *
 * @param conversation  a conversation
 * @param message_id    a user message, or an assistant message whose question is to be
 *                      answered again; NULL for the head
 * @param options       for this reply only, such as another model; copied; may be NULL
 * @param ret_reply     set on success; caller owns: aichat_reply_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_ESTATE     there is no user message to answer
 *   AICHAT_EINVAL     not an id, or an option that only aichat_open() takes
 *   AICHAT_EMODEL     no model is set, or there is none of that name
 *   AICHAT_EKEY       the model's provider has no key
 *   AICHAT_ECONFIG    the model's provider has no address
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ELIMIT     no descriptor is left for the engine
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_retry(aichat_conversation *conversation,
					 const char *message_id,
					 const aichat_options *options,
					 aichat_reply **ret_reply, aichat_error **reterr);

/**
 * Move the head: the next send follows this message, and so begins a branch.
 *
 * @param conversation  a conversation
 * @param message_id    one of its messages; NULL for before the first
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_EINVAL     not an id
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_set_head(aichat_conversation *conversation,
					    const char *message_id,
					    aichat_error **reterr);

/**
 * The head's id.
 *
 * @param conversation  a conversation
 * @param ret_id        set on success; "" for an empty one; caller owns: aichat_free()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_head(aichat_conversation *conversation, char **ret_id,
					aichat_error **reterr);

/**
 * Set the title, or take it away.
 *
 * @param conversation  a conversation
 * @param title         UTF-8, NUL-terminated, at most 200 characters; NULL for none
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  the conversation is not stored yet, or is deleted
 *   AICHAT_EUTF8      the title is not UTF-8
 *   AICHAT_ETOOLARGE  the title is too long
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_set_title(aichat_conversation *conversation,
					     const char *title, aichat_error **reterr);

/**
 * Delete the conversation with all its messages, for good.
 *
 * @param conversation  a conversation; of the handle nothing but unref is of use after
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  it was never stored, or is deleted already
 *   AICHAT_ESTATE     a reply is running
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not deleted
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_delete(aichat_conversation *conversation,
					  aichat_error **reterr);

/**
 * Take a message's content away for good. Its place in the tree stays, with the state
 * `erased`; so do its times, usage and cost. What was made of it goes, too: the log of
 * the reply that wrote it, the title if it is the message's first words, and the option
 * `system` if it is the system prompt.
 *
 * @param conversation  a conversation
 * @param message_id    one of its messages
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0 when nothing of it is left in the store's files; 1 when it is gone from the
 *   tables, and from the files as soon as nobody reads an old state; or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_EINVAL     not an id
 *   AICHAT_ESTATE     the reply that writes it is not over
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_erase(aichat_conversation *conversation,
					 const char *message_id, aichat_error **reterr);

/**
 * One message.
 *
 * @param conversation  a conversation
 * @param message_id    one of its messages
 * @param ret_message   set on success; caller owns: aichat_message_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_EINVAL     not an id
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_message(aichat_conversation *conversation,
					   const char *message_id,
					   aichat_message **ret_message,
					   aichat_error **reterr);

/**
 * All messages in the order in which they were stored, a page at a time; their parents
 * make them a tree.
 *
 * @param conversation  a conversation
 * @param after         where the last page ended, from aichat_messages_cursor(); NULL to
 *                      begin
 * @param limit         at most so many, 1 to 1000
 * @param ret_messages  set on success; caller owns: aichat_messages_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  the conversation is not stored, or has no such message
 *   AICHAT_EINVAL     the limit or the cursor
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_tree(aichat_conversation *conversation,
					const char *after, size_t limit,
					aichat_messages **ret_messages,
					aichat_error **reterr);

/**
 * The messages up to the head, a page at a time from the end: the first page has the
 * last messages, oldest first, and each further one those before it.
 *
 * @param conversation  a conversation
 * @param before        where the last page began, from aichat_messages_cursor(); NULL
 *                      for the head
 * @param limit         at most so many, 1 to 1000
 * @param ret_messages  set on success; caller owns: aichat_messages_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such message in this conversation
 *   AICHAT_EINVAL     the limit or the cursor
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_path_page(aichat_conversation *conversation,
					     const char *before, size_t limit,
					     aichat_messages **ret_messages,
					     aichat_error **reterr);

/**
 * The messages from the first to the head.
 *
 * @param conversation  a conversation
 * @param limit         only the last so many; 0 for all
 * @param ret_messages  set on success; caller owns: aichat_messages_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_path(aichat_conversation *conversation, size_t limit,
					aichat_messages **ret_messages,
					aichat_error **reterr);

/**
 * The messages that follow a message: more than one where the conversation branches.
 *
 * @param conversation  a conversation
 * @param message_id    one of its messages; NULL for the first messages
 * @param ret_messages  set on success, oldest first; caller owns: aichat_messages_unref()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   not an id
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_children(aichat_conversation *conversation,
					    const char *message_id,
					    aichat_messages **ret_messages,
					    aichat_error **reterr);

/**
 * How many messages a list has.
 *
 * @param messages  a list
 * @return a count
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_messages_count(const aichat_messages *messages);

/**
 * The n-th message of a list.
 *
 * @param messages  a list
 * @param n         from 0
 * @return borrowed from @p messages; NULL past the end
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_message *aichat_messages_at(const aichat_messages *messages, size_t n);

/**
 * Where a page ends, to go on from.
 *
 * @param messages  a list
 * @return borrowed from @p messages; NULL if there is no further page, and for lists
 *   that have no pages
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_messages_cursor(const aichat_messages *messages);

/**
 * Free a list.
 *
 * @param messages  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_messages *aichat_messages_unref(aichat_messages *messages);

/**
 * List conversations that are not archived, the ones changed last first.
 *
 * @param ai        a context
 * @param after     where an earlier list ended, from aichat_list_cursor(); NULL to begin
 * @param limit     at most so many, 1 to 1000
 * @param ret_list  set on success; caller owns: aichat_list_unref()
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the limit or the cursor
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_list(aichat *ai, const char *after, size_t limit,
					aichat_list **ret_list, aichat_error **reterr);

/**
 * List the conversations that fit, the ones changed last first.
 *
 * @param ai        a context
 * @param archived  1 for those that are archived, 0 for the others
 * @param tag       that they must have, exactly; NULL for any
 * @param text      that their titles must have, ASCII letters in either case; NULL for
 *                  any
 * @param after     where an earlier list of the same kind ended, from
 *                  aichat_list_cursor(); NULL to begin
 * @param limit     at most so many, 1 to 1000
 * @param ret_list  set on success; caller owns: aichat_list_unref()
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   the limit or the cursor
 *   AICHAT_EUTF8    the tag or the text is not UTF-8
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_conversation_list_filtered(aichat *ai, int archived,
						 const char *tag, const char *text,
						 const char *after, size_t limit,
						 aichat_list **ret_list,
						 aichat_error **reterr);

/**
 * How many conversations a list has.
 *
 * @param list  a list
 * @return a count
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_list_count(const aichat_list *list);

/**
 * The id of the n-th conversation.
 *
 * @param list  a list
 * @param n     from 0
 * @return borrowed from @p list; NULL past the end
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_list_id(const aichat_list *list, size_t n);

/**
 * The title of the n-th conversation: the one that was set, else the first words of
 * its first message.
 *
 * @param list  a list
 * @param n     from 0
 * @return borrowed from @p list; NULL past the end
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_list_title(const aichat_list *list, size_t n);

/**
 * When the n-th conversation was changed last.
 *
 * @param list  a list
 * @param n     from 0
 * @return milliseconds since 1970, UTC; 0 past the end
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_list_updated_unix_ms(const aichat_list *list, size_t n);

/**
 * The n-th conversation as aichat_conversation_to_json() gives it.
 *
 * @param list          a list
 * @param n             from 0
 * @param ret_json      set on success; NUL-terminated; caller owns: aichat_free()
 * @param ret_json_len  may be NULL; bytes in it
 * @return 0, or
 *   AICHAT_EINVAL  past the end
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_list_to_json(const aichat_list *list, size_t n, char **ret_json,
				   size_t *ret_json_len);

/**
 * Where the list ends, to go on from.
 *
 * @param list  a list
 * @return borrowed from @p list; NULL when there is nothing after it
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_list_cursor(const aichat_list *list);

/**
 * Free a list.
 *
 * @param list  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_list *aichat_list_unref(aichat_list *list);

#ifdef __cplusplus
}
#endif

#endif
