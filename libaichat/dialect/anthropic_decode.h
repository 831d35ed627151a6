#pragma once

/*
 * Reading replies of the Messages protocol: the decoder's state, shared by the files that
 * do it.
 *
 * Texts in events point into the data, the arena (until the next call), or a block that
 * is still open.
 */

#include "dialect/anthropic.h"
#include "dialect/anthropic_block.h"

/* The provider's figures as it counts them. */
struct aic_figures {
	int64_t input, written, cached, output, thinking;
};

struct aic_anthropic_decoder {
	struct aic_decoder base;
	struct aic_json doc;  /* the event, or the whole reply */
	struct aic_json side; /* a second text while the first is in use */
	struct aic_arena arena;
	struct aic_buf work;
	struct aic_block *blocks; /* slots; a closed one is used again */
	size_t block_count, block_capacity;
	size_t last;     /* the slot that was started last */
	uint32_t parts;  /* started so far */
	int64_t started; /* blocks started so far, for starts without an index */
	struct aic_figures figures;
	struct aic_buf stop_word, stop_sequence;
	struct aic_buf refusal; /* stop_details, byte for byte */
	bool begun;             /* message_start came */
	bool stopped;           /* message_stop came */
};

/* --- anthropic_content.c; results are 0 or an error --- */

/* A content block that is whole, by its token in doc. */
int aic_anthropic_whole_block(struct aic_anthropic_decoder *d, int value,
			      struct aic_events *events);
/* The events of a stream in doc that are about a block. */
int aic_anthropic_block_start(struct aic_anthropic_decoder *d, struct aic_events *events);
int aic_anthropic_block_delta(struct aic_anthropic_decoder *d, struct aic_events *events);
int aic_anthropic_block_stop(struct aic_anthropic_decoder *d, struct aic_events *events);
/* Ends the blocks that are open, in the order of their starts; then tells of a refusal.
 */
int aic_anthropic_close(struct aic_anthropic_decoder *d, struct aic_events *events);

/* A string of doc: in place, or unescaped into the arena. Empty for what is no string. */
struct aic_str aic_anthropic_text(struct aic_anthropic_decoder *d,
				  const struct aic_json *doc, int string);
bool aic_anthropic_is_space(struct aic_str text);
