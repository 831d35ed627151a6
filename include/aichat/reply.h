#ifndef AICHAT_REPLY_H
#define AICHAT_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>
#include <aichat/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Replies and their events.
 *
 * A reply is one answer to one message: one call of the model, or several with
 * tool calls between them. An `aichat_reply` is a cursor on its events; several
 * may be open on one reply, in several threads and processes, each at its own
 * place. A stored reply goes on when its cursors are gone; a reply that is not
 * stored is cancelled with its last one.
 */

/** A cursor on the events of a reply; counted references. */
typedef struct aichat_reply aichat_reply;
/** One event, borrowed from the cursor that gave it. */
typedef struct aichat_event aichat_event;

/** What an event tells. Unknown types are to be ignored. */
enum aichat_event_type {
	AICHAT_EVENT_START = 1,      /**< it is on disk; the model is being asked */
	AICHAT_EVENT_PART_START = 2, /**< a part of the message begins */
	AICHAT_EVENT_TEXT = 3,       /**< a piece of text */
	AICHAT_EVENT_REASONING = 4,  /**< a piece of reasoning */
	AICHAT_EVENT_TOOL_CALL = 5,  /**< a piece of a tool call's arguments */
	AICHAT_EVENT_PART_END = 6,   /**< the part is whole */
	AICHAT_EVENT_USAGE = 7,      /**< figures so far; replaces earlier ones */
	AICHAT_EVENT_RETRY = 8,      /**< an attempt failed; another follows */
	AICHAT_EVENT_MESSAGE = 9,    /**< sealed; its tool calls want answers */
	AICHAT_EVENT_SNAPSHOT = 10,  /**< replaces everything seen so far */
	AICHAT_EVENT_DONE = 11,      /**< the last: it ended well or was stopped */
	AICHAT_EVENT_ERROR = 12      /**< the last: it failed or was cut off */
};

/** The life of a reply. */
enum aichat_reply_state {
	AICHAT_REPLY_QUEUED = 1,
	AICHAT_REPLY_RUNNING = 2,
	AICHAT_REPLY_WAITING = 3, /**< for tool results */
	AICHAT_REPLY_COMPLETE = 4,
	AICHAT_REPLY_STOPPED = 5,
	AICHAT_REPLY_INTERRUPTED = 6,
	AICHAT_REPLY_FAILED = 7
};

/**
 * The name of a reply's state in JSON, such as "complete".
 *
 * @param state  enum aichat_reply_state
 * @return a static string; "unknown" for other numbers
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_reply_state_name(int state);

/**
 * Take the next event.
 *
 * @param reply       a cursor
 * @param timeout_ms  how long to wait for one; 0 = not at all, -1 = for ever
 * @param ret_event   set when 1 is returned; borrowed until the next call on this cursor
 * @return 1 with an event; 0 when the reply is over, from then on always; or
 *   AICHAT_EAGAIN   nothing came in the time given
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the cursor was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  earlier events cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: network, at most @p timeout_ms.
 * Since: 0.1
 */
AICHAT_API int aichat_reply_next(aichat_reply *reply, int64_t timeout_ms,
				 const aichat_event **ret_event);

/**
 * A descriptor for the caller's event loop, readable exactly when
 * aichat_reply_next() with a time of 0 would return 1, or AICHAT_ECLOSED.
 *
 * It is made on first use and closed with the cursor. The caller polls it and does
 * nothing else with it.
 *
 * @param reply   a cursor
 * @param ret_fd  set on success
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the cursor was made by another process
 *   AICHAT_ELIMIT   no descriptor is left
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_reply_fd(aichat_reply *reply, int *ret_fd, aichat_error **reterr);

/**
 * Make aichat_reply_next() return AICHAT_EAGAIN at once, if it waits, or else the next
 * time that it would wait: for a thread that is to stop watching. An event that is there
 * goes first.
 *
 * @param reply  may be NULL; a cursor, on which the caller holds a reference
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_reply_wake(aichat_reply *reply);

/**
 * The stored reply as JSON: id, conversation_id, state, model, user_message_id (what it
 * answers), message_id (the last that it wrote), message_ids (all of them), rounds (calls
 * of the model), last_seq, created_at, ended_at, and the error that ended it.
 *
 * @param reply         a cursor
 * @param ret_json      set on success; NUL-terminated; caller owns: aichat_free()
 * @param ret_json_len  may be NULL; bytes in it
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  it could not be stored, is not yet, or its conversation is deleted
 *   AICHAT_ESTATE     it is a reply that is not stored
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the context was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTORECORRUPT  the store cannot be read
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_reply_to_json(aichat_reply *reply, char **ret_json,
				    size_t *ret_json_len, aichat_error **reterr);

/**
 * Stop the reply. What came stays; the last event is `done` with the state
 * `stopped`. A reply that is over is left as it is.
 *
 * @param reply   a cursor
 * @param reterr  may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECLOSED  the context was closed
 *   AICHAT_EFORK    the cursor was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  a reply that does not run here cannot be stopped in the store
 *   AICHAT_ENOMEM
 *
 * Threads: any, also while another waits in aichat_reply_next().   Blocks: storage,
 * if another process runs the reply.   Since: 0.1
 */
AICHAT_API int aichat_reply_cancel(aichat_reply *reply, aichat_error **reterr);

/**
 * Answer a tool call. When all calls of the message are answered, the reply goes
 * on with the next call of the model.
 *
 * @param reply     a cursor on a reply that has sealed a message with tool calls
 * @param call_id   the tool call's id
 * @param text      what the tool returned, UTF-8, copied
 * @param text_len  bytes in @p text; -1 if it is NUL-terminated
 * @param is_error  1 if the tool failed
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  no such call waits
 *   AICHAT_EEXIST     the call is answered already
 *   AICHAT_ESTATE     the reply does not wait for tool results
 *   AICHAT_EUTF8      the text is not UTF-8
 *   AICHAT_ETOOLARGE  the text is larger than 16 MiB
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_EFORK      the cursor was made by another process
 *   AICHAT_ESTORE, AICHAT_ESTOREBUSY, AICHAT_ESTOREFULL, AICHAT_ESTOREREADONLY,
 *   AICHAT_ESTORECORRUPT  not stored; the call still waits
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: storage.   Since: 0.1
 */
AICHAT_API int aichat_reply_tool_result(aichat_reply *reply, const char *call_id,
					const char *text, int64_t text_len, int is_error,
					aichat_error **reterr);

/**
 * Take another reference on the cursor.
 *
 * @param reply  may be NULL
 * @return @p reply
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_reply *aichat_reply_ref(aichat_reply *reply);

/**
 * Give a reference back. The last one detaches from a stored reply, which goes on,
 * and cancels one that is not stored.
 *
 * @param reply  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_reply *aichat_reply_unref(aichat_reply *reply);

/**
 * The reply's id, by which aichat_reply_open() finds it.
 *
 * @param reply  a cursor
 * @return 36 characters
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_reply_id(const aichat_reply *reply);

/**
 * What an event tells.
 *
 * @param event  an event
 * @return enum aichat_event_type
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_event_type(const aichat_event *event);

/**
 * The name of an event type in JSON, such as "text".
 *
 * @param type  enum aichat_event_type
 * @return a static string; "unknown" for other numbers
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_event_type_name(int type);

/**
 * The event's number in its reply, from 1, without gaps but those of a snapshot.
 *
 * @param event  an event
 * @return a number to resume after with aichat_reply_open()
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API uint64_t aichat_event_seq(const aichat_event *event);

/**
 * The id of the message that is being written.
 *
 * @param event  an event
 * @return 36 characters
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_event_message_id(const aichat_event *event);

/**
 * The piece that an event carries: of text and reasoning, or of a tool call's
 * arguments.
 *
 * @param event  an event
 * @return UTF-8, NUL-terminated, borrowed from @p event; "" if it carries none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_event_text(const aichat_event *event);

/**
 * Bytes in the piece.
 *
 * @param event  an event
 * @return bytes, the NUL not counted
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_event_text_len(const aichat_event *event);

/**
 * Which part of the message the event is about.
 *
 * @param event  an event
 * @return from 0
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API size_t aichat_event_index(const aichat_event *event);

/**
 * The type of the part that begins or ends.
 *
 * @param event  an event
 * @return enum aichat_part_type; 0 for other events
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_event_part_type(const aichat_event *event);

/**
 * The id of the tool call that begins, goes on or ends.
 *
 * @param event  an event
 * @return borrowed from @p event; NULL if it is about no tool call, or does not repeat it
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_event_part_id(const aichat_event *event);

/**
 * The name of the tool that is called.
 *
 * @param event  an event
 * @return borrowed from @p event; NULL if it is about no tool call, or does not repeat it
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_event_part_name(const aichat_event *event);

/**
 * One figure of the usage so far, of `usage`.
 *
 * @param event  an event
 * @param kind   enum aichat_usage_kind
 * @return tokens; -1 if the provider did not say, and for other events
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_event_usage(const aichat_event *event, int kind);

/**
 * The id of the question, of `start`.
 *
 * @param event  an event
 * @return 36 characters; "" for other events, and for a reply that is not stored
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_event_user_message_id(const aichat_event *event);

/**
 * The message that an event carries: the sealed one of `message`, the last one of
 * `done` and `snapshot`, what there is of `error`.
 *
 * @param event  an event
 * @return borrowed from @p event; NULL if it carries none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_message *aichat_event_message(const aichat_event *event);

/**
 * The state of the reply after `done` and `error`.
 *
 * @param event  an event
 * @return enum aichat_reply_state; 0 for other events
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_event_state(const aichat_event *event);

/**
 * What went wrong, of `error` and `retry`.
 *
 * @param event  an event
 * @return borrowed from @p event; NULL for other events
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const aichat_error *aichat_event_error(const aichat_event *event);

/**
 * How long `retry` waits before the next attempt.
 *
 * @param event  an event
 * @return milliseconds; 0 for other events
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_event_delay_ms(const aichat_event *event);

/**
 * The event as one line of JSON.
 *
 * @param event         an event
 * @param ret_json      set on success; NUL-terminated; caller owns: aichat_free()
 * @param ret_json_len  may be NULL; bytes in it
 * @return 0, or
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_event_to_json(const aichat_event *event, char **ret_json,
				    size_t *ret_json_len);

#ifdef __cplusplus
}
#endif

#endif
