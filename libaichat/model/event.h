#pragma once

/*
 * The only streaming vocabulary inside: what happens to a reply, one small value each.
 *
 * An event as a decoder gives it borrows its strings, until the decoder's next call.
 * aic_event_copy() makes one that owns all it points at, in a single allocation plus
 * references.
 */

#include <stdatomic.h>

#include <aichat/reply.h>

#include "base/common.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "model/message.h"
#include "model/usage.h"

/* What all events have, and what each type uses; the rest is zero. */
struct aichat_event {
	_Atomic unsigned refs; /* of a copy */
	enum aichat_event_type type;
	uint64_t seq;             /* from 1; set when it is published */
	struct aic_id message_id; /* the message that is being written */
	uint32_t choice;          /* decoders only: which of several answers (n > 1) */

	/* part_start, text, reasoning, tool_call, part_end */
	uint32_t index;                  /* of the part in the message */
	enum aichat_part_type part_type; /* part_start, part_end */
	struct aic_str text; /* the piece; of tool_call a piece of the arguments */
	struct aic_str id;   /* tool_call, and part_start of one */
	struct aic_str name; /* the same */
	struct aic_str raw;  /* part_end: the part's raw, if it has any */
	/* part_end of a part that has no pieces (image, audio, file, source, compaction,
	 * unknown) or whose whole value differs from its pieces put together */
	const struct aichat_part *part;

	struct aic_usage usage; /* usage: replaces what was known before */

	/* message: from a decoder only the three below; published, the sealed message */
	enum aichat_stop_reason stop_reason;
	struct aic_str stop_word;
	struct aic_str stop_sequence;
	/* message, snapshot, done, error (what there is) */
	struct aichat_message *message;

	/* start */
	struct aic_id reply_id;
	struct aic_id conversation_id;
	struct aic_id user_message_id;
	struct aic_str model; /* provider/model */

	/* done, snapshot */
	enum aichat_reply_state state;
	struct aichat_message **messages; /* all of the reply, when there are several */
	size_t message_count;

	/* retry, error */
	aichat_error *error;
	uint32_t attempt; /* retry: the number of the one that failed, from 1 */
	int64_t delay_ms; /* retry: until the next */

	/* of a copy, for the accessors */
	char message_id_text[AIC_ID_TEXT];
	char user_message_text[AIC_ID_TEXT];
};

/*
 * An owned, counted copy; NULL for out of memory. What follows from other members is
 * filled in: the last of several messages, and a message's id.
 */
struct aichat_event *aic_event_copy(const struct aichat_event *event);
struct aichat_event *aic_event_ref(struct aichat_event *event);
struct aichat_event *aic_event_unref(struct aichat_event *event);
AIC_DEFINE_CLEANUP(struct aichat_event *, aic_event_unref)

/* One JSON object on one line, without the line end. */
void aic_event_write(const struct aichat_event *event, struct aic_json_writer *w);
/* The reverse, an owned copy. Unknown types: *ret_event = NULL and 0. */
int aic_event_read(const struct aic_json *doc, int object,
		   struct aichat_event **ret_event, aichat_error **reterr);

const char *aic_event_type_name(enum aichat_event_type type);
enum aichat_event_type aic_event_type_parse(struct aic_str name);   /* 0 = none */
enum aichat_reply_state aic_reply_state_parse(struct aic_str name); /* 0 = none */

/* A list that decoders fill and their caller empties; the memory is kept. */
struct aic_events {
	struct aichat_event *items;
	size_t count;
	size_t capacity;
	bool failed;               /* out of memory */
	struct aichat_event spare; /* what aic_events_add() gives then */
};

void aic_events_done(struct aic_events *events);
static inline void aic_events_reset(struct aic_events *events)
{
	events->count = 0;
}
/* At the end, zeroed but for type and unknown usage; a spare one when memory is out. */
struct aichat_event *aic_events_add(struct aic_events *events,
				    enum aichat_event_type type);
