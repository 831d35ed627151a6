#pragma once

/*
 * What the files of the Messages dialect share.
 */

#include "base/buf.h"
#include "base/json.h"
#include "dialect/dialect.h"
#include "dialect/shared.h"
#include "model/message.h"

/* The name that a message's `dialect` has where its parts' raw is ours. */
#define AIC_ANTHROPIC "anthropic-messages"

/* --- anthropic.c: words --- */

/* What the provider's word for a stop means; NONE for an empty word. */
enum aichat_stop_reason aic_anthropic_stop(struct aic_str word);
/* The word for a caller: the provider's own if it means the same here, else ours. */
struct aic_str aic_anthropic_stop_word(enum aichat_stop_reason reason,
				       struct aic_str word);
/* stop_reason, stop_sequence and stop_details; each may be empty. */
void aic_anthropic_put_stop(struct aic_json_writer *w, struct aic_str word,
			    struct aic_str sequence, struct aic_str refusal);
/* stop_details for a refusal that came with words, but without theirs. */
#define AIC_ANTHROPIC_REFUSAL                                                            \
	AIC_STR("{\"type\":\"refusal\",\"category\":null,\"explanation\":null}")
/* The body of an error, without its frame. */
void aic_anthropic_put_error(struct aic_json_writer *w, const aichat_error *error);
/* The usage members; those that are not known are left out or, where callers count on
 * them, zero. */
void aic_anthropic_put_usage(struct aic_json_writer *w, const struct aic_usage *usage);

/* --- the functions of the dialect, file by file --- */

int aic_anthropic_encode_request(const struct aic_request *request,
				 const struct aic_profile *profile, struct aic_buf *out,
				 struct aic_report *report, aichat_error **reterr);
int aic_anthropic_decode_request(struct aic_str body, struct aic_request **ret_request,
				 aichat_error **reterr);

struct aic_decoder *aic_anthropic_decoder_new(const struct aic_profile *profile);
void aic_anthropic_decoder_free(struct aic_decoder *decoder);
int aic_anthropic_decode_event(struct aic_decoder *decoder, struct aic_str name,
			       struct aic_str data, struct aic_events *events);
int aic_anthropic_decode_reply(struct aic_decoder *decoder, struct aic_str body,
			       struct aic_events *events);
int aic_anthropic_decode_end(struct aic_decoder *decoder, struct aic_events *events);

struct aic_encoder *aic_anthropic_encoder_new(const struct aic_encoder_config *config);
void aic_anthropic_encoder_free(struct aic_encoder *encoder);
int aic_anthropic_encode_event(struct aic_encoder *encoder,
			       const struct aichat_event *event, struct aic_buf *out);
int aic_anthropic_encode_reply(const struct aic_encoder_config *config,
			       const struct aichat_message *message, struct aic_buf *out);

/* --- anthropic_parts.c: blocks from parts --- */

/*
 * Whether raw, which stands in a document of its own, is a block of this type (NULL: of
 * any) and may be sent as it is.
 */
bool aic_anthropic_is_block(struct aic_json *doc, struct aic_str raw, const char *type);
/* The same for thinking: signed or redacted; unsigned only where that is wanted. */
bool aic_anthropic_is_reasoning(struct aic_json *doc, struct aic_str raw,
				bool unsigned_too);
/* {"type":"text","text":...} */
void aic_anthropic_put_text(struct aic_json_writer *w, struct aic_str text);
/*
 * A tool_use block; false when the arguments are no JSON object, and {} stands for them.
 * The model then sees an empty call and, from the result, that it failed.
 */
bool aic_anthropic_put_tool_use(struct aic_json_writer *w, struct aic_json *doc,
				const struct aichat_part *part);
/*
 * An image, a document, or for what cannot be sent a text that says so (and a line in the
 * report). quirks: enum aic_quirk.
 */
void aic_anthropic_put_media(struct aic_json_writer *w, const struct aichat_part *part,
			     uint32_t quirks, struct aic_report *report);
/* A tool_result block. own: raw inside may be sent. */
void aic_anthropic_put_result(struct aic_json_writer *w, struct aic_json *doc,
			      const struct aichat_part *part, bool own, uint32_t quirks,
			      struct aic_report *report);

/* --- anthropic_blocks.c: parts from blocks of a request --- */

struct aic_read;
/*
 * The blocks of a turn as messages at the end of the request: tool results as a message
 * of their own, then the rest. role is that of the turn.
 */
int aic_anthropic_read_turn(const struct aic_read *turn, const char *key,
			    enum aichat_role role, struct aic_request *request);

/* --- anthropic_schema.c --- */

/*
 * The schema as output_config.format takes it: objects are closed, oneOf is anyOf, and
 * keywords that are not taken go to the description, for the model to read. Appended to
 * out; the answer is to be validated with the original.
 */
int aic_anthropic_schema(struct aic_str schema, struct aic_buf *out,
			 aichat_error **reterr);
