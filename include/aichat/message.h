#ifndef AICHAT_MESSAGE_H
#define AICHAT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Messages and their parts.
 *
 * A message is what one author said in one step. Once it is sealed it never
 * changes; it knows its parent and nothing of its children. Its parts are
 * ordered: text, reasoning, tool calls and their results, images and files.
 *
 * Message objects are counted references to immutable content, so they may be
 * kept and read from any thread. Strings are UTF-8, given as pointer and
 * length, also NUL-terminated, and borrowed from the message.
 */

/** One message; counted references. */
typedef struct aichat_message aichat_message;

/** Who speaks. */
enum aichat_role {
	AICHAT_ROLE_SYSTEM = 1,
	AICHAT_ROLE_USER = 2,
	AICHAT_ROLE_ASSISTANT = 3,
	AICHAT_ROLE_TOOL = 4
};

/** The life of a message. */
enum aichat_message_state {
	AICHAT_MESSAGE_OPEN = 1,        /**< being written */
	AICHAT_MESSAGE_SEALED = 2,      /**< whole */
	AICHAT_MESSAGE_INTERRUPTED = 3, /**< cut off; has what came */
	AICHAT_MESSAGE_STOPPED = 4,     /**< stopped on request; has what came */
	AICHAT_MESSAGE_FAILED = 5,      /**< the provider failed; has what came */
	AICHAT_MESSAGE_ERASED = 6       /**< content removed for good */
};

/** What a part is. */
enum aichat_part_type {
	AICHAT_PART_TEXT = 1,
	AICHAT_PART_REASONING = 2,
	AICHAT_PART_TOOL_CALL = 3,
	AICHAT_PART_TOOL_RESULT = 4,
	AICHAT_PART_IMAGE = 5,
	AICHAT_PART_AUDIO = 6,
	AICHAT_PART_FILE = 7,
	AICHAT_PART_REFUSAL = 8,
	AICHAT_PART_SOURCE = 9,
	AICHAT_PART_COMPACTION = 10,
	AICHAT_PART_UNKNOWN = 11
};

/** Why the model stopped. */
enum aichat_stop_reason {
	AICHAT_STOP_NONE = 0, /**< it has not, or did not say */
	AICHAT_STOP_STOP = 1,
	AICHAT_STOP_SEQUENCE = 2,
	AICHAT_STOP_LENGTH = 3,
	AICHAT_STOP_CONTEXT_WINDOW = 4,
	AICHAT_STOP_TOOL_CALLS = 5,
	AICHAT_STOP_REFUSAL = 6,
	AICHAT_STOP_CONTENT_FILTER = 7,
	AICHAT_STOP_PAUSE = 8,
	AICHAT_STOP_UNKNOWN = 9
};

/** Which figure of the usage. Missing is not zero. */
enum aichat_usage_kind {
	AICHAT_USAGE_INPUT = 1,       /**< everything read, cached or not */
	AICHAT_USAGE_CACHED = 2,      /**< of it, read from a cache */
	AICHAT_USAGE_CACHE_WRITE = 3, /**< of it, written to a cache */
	AICHAT_USAGE_OUTPUT = 4,      /**< everything written */
	AICHAT_USAGE_REASONING = 5    /**< of it, reasoning */
};

/**
 * The name of a role in JSON, such as "user".
 *
 * @param role  enum aichat_role
 * @return a static string; "unknown" for other numbers
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_role_name(int role);

/**
 * The name of a message state in JSON, such as "sealed".
 *
 * @param state  enum aichat_message_state
 * @return a static string; "unknown" for other numbers
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_state_name(int state);

/**
 * The name of a part type in JSON, such as "tool_call".
 *
 * @param type  enum aichat_part_type
 * @return a static string; "unknown" for other numbers
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_part_type_name(int type);

/**
 * The name of a stop reason in JSON, such as "tool_calls".
 *
 * @param reason  enum aichat_stop_reason
 * @return a static string; "unknown" for other numbers
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_stop_reason_name(int reason);

/**
 * Make a message of one text part, for a request that is not stored, or to be
 * extended with the functions below before it is used.
 *
 * @param role         enum aichat_role
 * @param text         UTF-8, copied; may be NULL for a message without text
 * @param text_len     bytes in @p text; -1 if it is NUL-terminated
 * @param ret_message  set on success; caller owns: aichat_message_unref()
 * @return 0, or
 *   AICHAT_EINVAL     no such role
 *   AICHAT_EUTF8      the text is not UTF-8
 *   AICHAT_ETOOLARGE  the text is larger than 16 MiB
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_new(int role, const char *text, int64_t text_len,
				  aichat_message **ret_message);

/**
 * Read a message from its canonical JSON.
 *
 * @param json         one JSON object
 * @param json_len     bytes in @p json; -1 if it is NUL-terminated
 * @param ret_message  set on success; caller owns: aichat_message_unref()
 * @param reterr       may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EJSON      not JSON, or a member is missing or of the wrong type
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  larger than 256 MiB, or too deep
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_from_json(const char *json, int64_t json_len,
					aichat_message **ret_message,
					aichat_error **reterr);

/**
 * Add an image, audio or file part to a message that nobody else has seen yet.
 *
 * @param message     from aichat_message_new(), not yet used anywhere
 * @param type        AICHAT_PART_IMAGE, AICHAT_PART_AUDIO or AICHAT_PART_FILE
 * @param media_type  such as "image/png"
 * @param name        a file name to show, or NULL
 * @param data        the bytes, copied
 * @param data_len    bytes in @p data, at most 32 MiB
 * @return 0, or
 *   AICHAT_EINVAL     another type, or no media type
 *   AICHAT_ESTATE     the message is in use already
 *   AICHAT_ETOOLARGE  more bytes than that, or too many parts
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_add_data(aichat_message *message, int type,
				       const char *media_type, const char *name,
				       const void *data, size_t data_len);

/**
 * Take another reference.
 *
 * @param message  may be NULL
 * @return @p message
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_message *aichat_message_ref(aichat_message *message);

/**
 * Give a reference back.
 *
 * @param message  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_message *aichat_message_unref(aichat_message *message);

/**
 * The message's id.
 *
 * @param message  a message
 * @return 36 characters; "" if it has none yet
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_id(const aichat_message *message);

/**
 * The id of the message that it answers or follows.
 *
 * @param message  a message
 * @return 36 characters; "" for the first of a conversation
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_parent_id(const aichat_message *message);

/**
 * The id of the conversation that it belongs to.
 *
 * @param message  a message
 * @return 36 characters; "" if it is not stored
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_conversation_id(const aichat_message *message);

/**
 * Who speaks.
 *
 * @param message  a message
 * @return enum aichat_role
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_role(const aichat_message *message);

/**
 * Whether it is whole.
 *
 * @param message  a message
 * @return enum aichat_message_state
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_state(const aichat_message *message);

/**
 * When it was made.
 *
 * @param message  a message
 * @return milliseconds since 1970, UTC
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_message_created_unix_ms(const aichat_message *message);

/**
 * The provider that wrote it.
 *
 * @param message  a message
 * @return a name such as "openai"; NULL if no provider did
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_provider(const aichat_message *message);

/**
 * The model that wrote it, by the provider's name for it.
 *
 * @param message  a message
 * @return NULL if no model did
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_model(const aichat_message *message);

/**
 * Why the model stopped.
 *
 * @param message  a message
 * @return enum aichat_stop_reason
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_stop_reason(const aichat_message *message);

/**
 * One figure of the usage.
 *
 * @param message  a message
 * @param kind     enum aichat_usage_kind
 * @return tokens; -1 if the provider did not say
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_message_usage(const aichat_message *message, int kind);

/**
 * What the message cost by the price table of its day.
 *
 * @param message  a message
 * @return 10^-9 US dollars; -1 if it is not known
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_message_cost_nano_usd(const aichat_message *message);

/**
 * All text parts, one after the other.
 *
 * @param message       a message
 * @param ret_text      set on success; NUL-terminated; caller owns: aichat_free()
 * @param ret_text_len  may be NULL; bytes in it
 * @return 0, or
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_text(const aichat_message *message, char **ret_text,
				   size_t *ret_text_len);

/**
 * The message as canonical JSON, the form of every export, event and fixture.
 *
 * @param message       a message
 * @param ret_json      set on success; NUL-terminated; caller owns: aichat_free()
 * @param ret_json_len  may be NULL; bytes in it
 * @return 0, or
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_to_json(const aichat_message *message, char **ret_json,
				      size_t *ret_json_len);

/**
 * How many parts it has.
 *
 * @param message  a message
 * @return a count
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_message_part_count(const aichat_message *message);

/**
 * What the n-th part is.
 *
 * @param message  a message
 * @param n        from 0
 * @return enum aichat_part_type; 0 past the end
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_message_part_type(const aichat_message *message, size_t n);

/**
 * The n-th part's text: of text, reasoning and refusal the text itself, of a tool
 * call its arguments as they came, of a tool result all its text, of a source its
 * link.
 *
 * @param message  a message
 * @param n        from 0
 * @param ret_len  may be NULL; bytes in it
 * @return NULL if there is none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_part_text(const aichat_message *message, size_t n,
						size_t *ret_len);

/**
 * The n-th part's id: of a tool call its own, of a tool result that of its call.
 *
 * @param message  a message
 * @param n        from 0
 * @return NULL if there is none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_part_id(const aichat_message *message, size_t n);

/**
 * The n-th part's name: the tool's, the file's, or the title of a source.
 *
 * @param message  a message
 * @param n        from 0
 * @return NULL if there is none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_message_part_name(const aichat_message *message, size_t n);

/**
 * The bytes of an image, audio or file part.
 *
 * @param message         a message
 * @param n               from 0
 * @param ret_len         bytes in it
 * @param ret_media_type  may be NULL; such as "image/png"
 * @return NULL if there are none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const void *aichat_message_part_data(const aichat_message *message, size_t n,
						size_t *ret_len,
						const char **ret_media_type);

#ifdef __cplusplus
}
#endif

#endif
