#pragma once

/*
 * One content block of a streamed reply while it comes in: what its start said, what its
 * deltas brought, and at its end the block as the provider would have sent it whole.
 */

#include "base/buf.h"
#include "base/json.h"
#include "model/message.h"

enum aic_block_kind {
	AIC_BLOCK_OPAQUE, /* everything that is none of these */
	AIC_BLOCK_TEXT,
	AIC_BLOCK_THINKING,
	AIC_BLOCK_REDACTED,
	AIC_BLOCK_TOOL_USE,
	AIC_BLOCK_COMPACTION,
};

struct aic_block {
	bool open;
	enum aic_block_kind kind;
	bool extra;           /* it has members that our fields do not carry */
	int64_t number;       /* the provider's index */
	uint32_t index;       /* ours */
	struct aic_buf start; /* the block as it began, byte for byte */
	struct aic_buf
		text; /* what a text, a thought, a call's or a tool's input holds */
	/* JSON that deltas brought: citations with commas between, a signature, a
	 * compaction's content; a call's input as its start had it. */
	struct aic_buf more;
	struct aic_buf sealed; /* a compaction's encrypted_content */
	struct aic_buf id, name;
	/* An escape of half a surrogate pair that ended a piece; the rest may follow. */
	char half[6];
	bool has_half;
};

void aic_block_done(struct aic_block *block);

enum aic_block_kind aic_block_kind(const struct aic_json *doc, int block);
enum aichat_part_type aic_block_part(enum aic_block_kind kind);
/* Whether it has members (or citations) that our fields do not carry. */
bool aic_block_has_extra(const struct aic_json *doc, int block, enum aic_block_kind kind);
/* Whether a thought can be replayed: it has a signature. */
bool aic_block_is_signed(const struct aic_json *doc, int block);

/* Empties what an earlier block left and takes the start over; 0 or a buffer's error. */
int aic_block_begin(struct aic_block *block, const struct aic_json *doc, int value);
/* What a delta other than text brings. 0 or a buffer's error. */
int aic_block_delta(struct aic_block *block, const struct aic_json *doc, int delta);
/*
 * The part's raw, into out; nothing where our fields carry everything. doc is for reading
 * the start again. unsigned_too: keep thoughts without signature.
 */
int aic_block_raw(const struct aic_block *block, struct aic_json *doc, bool unsigned_too,
		  struct aic_buf *out);

/* Whether the string ends in the escape of a high surrogate: where that starts, or NULL.
 */
const char *aic_block_half(struct aic_str inside);
