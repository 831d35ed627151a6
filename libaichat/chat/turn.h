#pragma once

/*
 * A turn: this process writes a reply. It takes the reply through its life on disk:
 *
 *   begin   one durable transaction: the user's message sealed, the answer open, the
 * reply running, the head moved; only then is the model asked; stream  what comes is
 * logged, a batch with each commit, then published; seal    one durable transaction: the
 * message with its state, and the reply's.
 *
 * A message with tool calls leaves the reply waiting; when the last result is stored, by
 * whichever process, a turn there goes on with the next call of the model. A reply that
 * is not stored takes the same way with nothing to write.
 */

#include "chat/core.h"
#include "chat/feed.h"
#include "model/options.h"
#include "model/request.h"
#include "store/account.h"

struct aic_turn;

/* What to answer. Strings and objects are copied or referenced. */
struct aic_turn_question {
	/* A stored reply. */
	struct aic_id conversation_id;
	bool new_conversation;   /* to be written with this turn */
	int64_t version;         /* that the conversation must have; 0 = any */
	const char *system;      /* begins what has no parent, or NULL */
	struct aic_id parent_id; /* what the user's message follows; unset = nothing */
	struct aic_id
		after_reply; /* or the last message of this reply, if it is stored */
	struct aichat_message
		*user_message;   /* to be added; NULL = answer answer_id again */
	struct aic_id answer_id; /* the stored message to answer, without user_message */
	const char *
		settings; /* the conversation's settings as JSON, or NULL = as they are */
	/* A reply that is not stored: these messages. */
	struct aichat_message *const *messages;
	size_t message_count;
	struct aic_idempotency request; /* of a stored reply; without a key: none */
	/* Both. */
	const char *tools; /* JSON or NULL */
	const struct aichat_options
		*options; /* of the conversation and the send together */
};

/*
 * Start it; everything else is told through the feed. *ret_answer_id: the message that
 * will hold the answer. The feed has one reference for the caller.
 */
int aic_turn_start(struct aic_core *core, const char *owner,
		   const struct aic_turn_question *question, struct aic_feed **ret_feed,
		   struct aic_id *ret_answer_id, aichat_error **reterr);

/*
 * Any thread. closing: the context goes, so the reply is interrupted, not stopped. False
 * when it is too late for the turn, but perhaps not for the reply, which may wait.
 */
bool aic_turn_cancel(struct aic_turn *turn, bool closing);
/* A cursor took events of a reply that is not stored. */
void aic_turn_drained(struct aic_turn *turn);
/* The first words of a message, for a list of conversations; NULL for no memory. */
char *aic_turn_title(const struct aichat_message *message);
struct aic_turn *aic_turn_ref(struct aic_turn *turn);
struct aic_turn *aic_turn_unref(struct aic_turn *turn);

/* See aichat_reply_tool_result() and aichat_reply_cancel(). */
int aic_reply_tool_result(struct aic_feed *feed, const char *call_id, struct aic_str text,
			  bool is_error, aichat_error **reterr);
int aic_reply_cancel(struct aic_feed *feed, aichat_error **reterr);
