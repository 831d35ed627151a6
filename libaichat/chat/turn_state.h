#pragma once

/*
 * What the files of the turn share: begin (turn.c), the request (turn_request.c), the
 * stream (turn_stream.c), the seal (turn_seal.c), tool results and stops (turn_tools.c).
 *
 * A turn does one thing with the store at a time: `job` is embedded, and `busy` while it
 * is queued or runs. Events of the call come on the engine's thread meanwhile and gather
 * in `pending`; when the job is done the next one takes what has gathered. So a batch is
 * as large as the disk is slow.
 */

#include <pthread.h>

#include "base/buf.h"
#include "chat/feed.h"
#include "chat/turn.h"
#include "model/event.h"
#include "model/request.h"
#include "provider/call.h"
#include "provider/provider.h"

/* Uncommitted bytes of a reply at which its transfer pauses, and goes on again. */
#define PENDING_BYTES_MAX ((size_t)256 << 10)
#define PENDING_BYTES_LOW ((size_t)64 << 10)

enum aic_cancel {
	AIC_CANCEL_NO,
	AIC_CANCEL_STOP,  /* someone asked for it */
	AIC_CANCEL_CLOSE, /* the context goes */
};

struct aic_turn {
	_Atomic unsigned refs;
	struct aic_core *core; /* a reference */
	struct aic_feed *feed; /* a reference while it runs */
	char *owner;
	bool stored;
	struct aic_id reply_id;
	struct aic_id conversation_id;
	struct aic_target target;
	char *model_name;               /* PROVIDER/MODEL */
	struct aichat_options *options; /* of conversation and send */
	char *tools_json;               /* or NULL */
	struct aic_tool *tools;
	size_t tool_count;
	struct aic_call_limits limits;
	int64_t max_rounds;

	/* What begin writes; see struct aic_turn_question. */
	bool new_conversation;
	int64_t version;
	char *system;
	char *settings;
	struct aic_id parent_id;
	struct aic_id after_reply;
	struct aic_id answer_id; /* the message that is answered */
	struct aichat_message *user_message;
	char *request_key, *request_digest; /* or NULL */

	struct aic_job job;
	struct aic_messages path;    /* what the next call is asked with */
	struct aic_messages written; /* sealed messages of this reply */
	struct aichat_message
		*message; /* open: the engine's while a call runs, else the job's */
	struct aichat_message *before; /* that the open one follows, until it is stored */
	uint32_t rounds;
	uint64_t seq;                /* of the newest event that has a number */
	struct aic_event_list batch; /* of the job that runs */
	bool cut_short;              /* the message ended at a limit of tokens */
	int step;                    /* what the seal decided */
	bool sealed;                 /* it did, and has not been stored yet */
	enum aichat_reply_state sealed_state;
	struct aichat_message
		*tool_message; /* results so far, of a reply that is not stored */
	struct aichat_event
		*last_resort; /* the terminal event when there is no memory for one */

	pthread_mutex_t lock; /* guards what follows */
	bool busy;
	bool over;
	bool resting; /* a reply that is not stored waits for tool results */
	struct aic_call *call;
	int why; /* we end the call ourselves, because of this; with why_error or none */
	aichat_error *why_error;
	bool ended; /* the call is; then: */
	int result;
	aichat_error *error;
	bool began;
	bool paused;
	enum aic_cancel cancel;
	struct aic_event_list pending;
	size_t pending_bytes;
	struct aic_buf run; /* pieces of one part, not yet an event */
	struct aichat_event run_event;
};

/* A reply's state and what it ends with; for the last job. */
struct aic_ending {
	enum aichat_message_state message_state;
	enum aichat_reply_state reply_state;
	int code;
	aichat_error *error; /* owned */
};

struct aic_turn *aic_turn_new(struct aic_core *core, const char *owner,
			      struct aic_feed *feed, const struct aic_target *target);
/* Tools and options; both are copied. */
int aic_turn_configure(struct aic_turn *turn, const struct aichat_options *options,
		       const char *tools, aichat_error **reterr);
struct aichat_message *aic_turn_open_message(const struct aic_turn *turn,
					     const struct aic_id *parent);

/* Number an event and put it into the batch. The event is copied. */
int aic_turn_add_event(struct aic_turn *turn, struct aichat_event *event);
/* The row as it is now, borrowing from the turn. */
struct aic_reply_row aic_turn_row(const struct aic_turn *turn,
				  enum aichat_reply_state state);
/* {"options":{...},"tools":[...]}: what a process needs to go on. */
int aic_turn_request_json(const struct aic_turn *turn, struct aic_buf *out);

/*
 * In a job: the reply goes on with another message, which follows this one: turn->message
 * is made anew, and turn->path filled.
 */
int aic_turn_write_next(struct aic_turn *turn, struct aic_store *store,
			struct aichat_message *after, aichat_error **reterr);
/* The request for the model, with turn->path; NULL for out of memory. */
struct aic_request *aic_turn_request(const struct aic_turn *turn);
/*
 * Number what has gathered and move it into the batch, behind what a failed commit left
 * there. With the lock held.
 */
int aic_turn_take_pending(struct aic_turn *turn);
/* The job that writes what has gathered. */
int aic_turn_log_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr);
/* The job that ends the turn, or its message. */
int aic_turn_seal_run(struct aic_job *job, struct aic_store *store,
		      aichat_error **reterr);
void aic_turn_seal_done(struct aic_job *job, int code, aichat_error *error);
/* Ask the model with turn->path; on failure the turn goes to its end by itself. */
void aic_turn_call(struct aic_turn *turn);
/* Submit the job that there is a need for, if none runs. With the turn's lock held. */
void aic_turn_advance_locked(struct aic_turn *turn);
/* Submit turn->job with these functions; runs it at once when nothing is stored. */
void aic_turn_submit(struct aic_turn *turn,
		     int (*run)(struct aic_job *, struct aic_store *, aichat_error **),
		     void (*done)(struct aic_job *, int, aichat_error *), bool durable);
/* End the call with this result, as if it had ended so. */
void aic_turn_fail(struct aic_turn *turn, int code, aichat_error *error);
/* The newest message that the reply wrote, for its terminal event; once is enough. */
int aic_turn_add_written(struct aic_turn *turn, struct aichat_message *message);
/* The terminal event of this ending into the batch; error is borrowed. */
int aic_turn_add_terminal(struct aic_turn *turn, enum aichat_reply_state state,
			  struct aichat_message *message, aichat_error *error);
/* Publish the batch and forget it. */
void aic_turn_publish(struct aic_turn *turn);
/*
 * Publish what ends the reply, in place of the batch, which is not stored; memory need
 * not be there for it. error is borrowed.
 */
void aic_turn_publish_end(struct aic_turn *turn, enum aichat_reply_state state,
			  struct aichat_message *message, aichat_error *error);
/* Forget the batch: none of it was stored. */
void aic_turn_drop_batch(struct aic_turn *turn);
/* The turn is known and counted; it is busy from here on. AICHAT_ECLOSED. */
int aic_turn_enter(struct aic_turn *turn, aichat_error **reterr);
/* The reply is over, or waits where another process may take it up. */
void aic_turn_leave(struct aic_turn *turn);
/* The reply waits for tool results in the feed, and is not counted meanwhile. */
void aic_turn_rest(struct aic_turn *turn);
/* Someone cancelled a reply that is not stored and rests. */
void aic_turn_stop_resting(struct aic_turn *turn);
/* Stop a stored reply that no turn here writes: it waits, or another process runs it. */
int aic_reply_stop(struct aic_feed *feed, aichat_error **reterr);

static inline struct aic_turn *aic_turn_of(struct aic_job *job)
{
	return (struct aic_turn *)((char *)job - offsetof(struct aic_turn, job));
}
