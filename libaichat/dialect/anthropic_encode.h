#pragma once

/*
 * Writing a stream of the Messages protocol: the encoder's state, and its frames.
 */

#include "dialect/anthropic.h"

/* A part that has begun and is not all written. */
struct aic_slot {
	uint32_t index; /* as events name it */
	enum aichat_part_type type;
	bool opened;         /* its block was started */
	bool ended;          /* nothing more comes */
	struct aic_buf text; /* that waits */
	struct aic_buf raw;  /* of one that ended while it waited */
	struct aic_buf id, name;
};

/* What a caller has of a part. */
struct aic_told {
	size_t bytes; /* of its text */
	bool begun, ended;
};

struct aic_anthropic_encoder {
	struct aic_encoder base;
	struct aic_json doc;
	struct aic_slot *slots; /* the first is the one that is written */
	size_t slot_count, slot_capacity;
	struct aic_told *told; /* by the parts' indices */
	size_t told_count, told_capacity;
	unsigned blocks; /* started so far */
	bool begun;      /* message_start is written */
	bool over;       /* message_stop or an error is */
	struct aic_usage usage;
	enum aichat_stop_reason stop_reason;
	struct aic_buf stop_word, stop_sequence;
	struct aic_buf refusal; /* stop_details as they came, if they did */
	int error;
};

/* --- anthropic_frames.c: each appends whole frames; failures stay in out or error --- */

/* message_start, once. */
void aic_anthropic_put_start(struct aic_anthropic_encoder *e, struct aic_buf *out);
/* The start of the slot's block, once. */
void aic_anthropic_open_block(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			      struct aic_buf *out);
/* A piece of the slot's text; nothing for an empty one. */
void aic_anthropic_put_piece(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			     struct aic_str text, struct aic_buf *out);
/* What a part's end adds; raw is used where its look says that it is ours. */
void aic_anthropic_put_end(struct aic_anthropic_encoder *e, struct aic_slot *slot,
			   struct aic_str raw, struct aic_buf *out);
/* message_delta and message_stop, or an error: nothing follows. */
void aic_anthropic_put_done(struct aic_anthropic_encoder *e, struct aic_buf *out);
void aic_anthropic_fail(struct aic_anthropic_encoder *e, const aichat_error *error,
			struct aic_buf *out);
/* The text into a buffer of the encoder's. */
void aic_anthropic_store(struct aic_anthropic_encoder *e, struct aic_buf *to,
			 struct aic_str text);
