#pragma once

/*
 * The inside of the Chat Completions dialect: the decoder's state, shared by the files
 * chat_*.c and by nobody else.
 *
 * A reply is fed as deltas, a whole reply as one big delta, so that both forms obey the
 * same rules. Texts are borrowed from the data where they have no escapes, else they
 * live in the arena until the next call.
 *
 * What a part's raw holds, in messages of this dialect: members that our fields do not
 * carry, nested as they stood, and never our own members once more.
 *   text, media      of the content part, {"image_url":{"detail":"low"}}
 *   tool_call        of the call: {"extra_content":...}; {"type":"custom"}
 *   reasoning        of the assistant message: {"reasoning_details":[...]}
 *   audio (a reply)  {"id":...,"transcript":...}
 *   source, unknown  the whole annotation or content part
 */

#include "base/buf.h"
#include "base/common.h"
#include "base/json.h"
#include "dialect/dialect.h"
#include "dialect/shared.h"
#include "model/event.h"
#include "model/profile.h"
#include "model/read.h"
#include "model/request.h"

/* Guard rails: as the official SDKs have them. */
#define OAI_CHOICES_MAX 128
#define OAI_CALLS_MAX 128
#define OAI_ARGUMENTS_MAX ((size_t)16 << 20)
#define OAI_FRAGMENTS_MAX 65536
/* Ours: of members kept raw in one part. */
#define OAI_MEMBERS_MAX 32
#define OAI_RAW_MAX ((size_t)16 << 20)

/* A member that our fields do not carry: its name and its JSON, byte for byte. */
struct oai_member {
	struct aic_buf name; /* as it stands between the quotes */
	struct aic_buf json;
};

struct oai_members {
	struct oai_member *items;
	size_t count, capacity;
};

/* A tool call that is being put together. */
struct oai_call {
	int64_t index; /* the provider's; -1 = it gave none */
	char *id;      /* NULL until one comes */
	char *name;
	bool custom;   /* free text instead of JSON */
	bool started;  /* part_start was given */
	bool replaced; /* the pieces given do not add up to the arguments */
	uint32_t part;
	uint16_t high; /* the first half of a pair that a piece ended in */
	struct aic_buf arguments;
	size_t told; /* bytes of them that events gave */
	struct oai_members members;
	struct aichat_part value; /* for part_end when replaced; borrows */
};

/* One entry of reasoning_details, pieces of the same put together. */
struct oai_detail {
	int64_t index; /* -1 = none */
	struct oai_members members;
	struct aic_buf as_it_came; /* empty once a second piece was joined to it */
};

/* What is known of one answer (n > 1 asks for several). */
struct oai_choice {
	uint32_t number;
	uint32_t parts;             /* begun so far */
	enum aichat_part_type open; /* text, reasoning or refusal; 0 = none */
	uint32_t open_part;

	enum aichat_part_type high_type; /* whose text ended in half a pair */
	uint16_t high;

	bool thinking; /* inside <think> */
	uint8_t held_len;
	char held[8]; /* perhaps the beginning of a tag */

	struct oai_call *calls;
	size_t call_count, call_capacity;
	uint32_t fragments;
	bool has_refusal;
	bool has_thought; /* reasoning came by itself: details only repeat it */

	/* Members of the assistant message to put back; they go with a reasoning part. */
	struct oai_members members;
	struct oai_detail *details;
	size_t detail_count, detail_capacity;
	size_t raw_bytes; /* of both */

	struct aichat_part *tail; /* sources and images: given at the end; owned */
	size_t tail_count, tail_capacity;

	bool has_audio;
	uint32_t audio_part;
	struct aichat_part audio;
	struct oai_members audio_members;
	struct aic_buf audio_data;
	struct aic_buf audio_transcript;
	uint8_t audio_held_len;
	char audio_held[4];

	struct aic_buf said;    /* AIC_QUIRK_DEDUPE: all text */
	size_t said_last;       /* of it, the last delta */
	struct aic_buf thought; /* the last delta of reasoning */

	char *word; /* the finish reason, as it came */
	bool closed;
};

struct oai_decoder {
	struct aic_decoder base;
	struct aic_json doc;
	struct aic_arena arena;
	struct aic_buf scratch;
	struct aic_events *events;   /* of this call */
	struct oai_choice **choices; /* in order of their first appearance */
	size_t choice_count, choice_capacity;
	struct aic_usage usage, told_usage;
	bool whole;       /* the reply came as one document */
	bool final_usage; /* the chunk with usage and no choices came */
	bool ended;       /* nothing more is to be read */
};

/* Fails the reply: sets the decoder's error, returns code. */
int aic_oai_fail(struct oai_decoder *d, int code, const char *format, ...)
	AIC_PRINTF(3, 4);

/* --- chat_usage.c --- */

/* What it says replaces d->usage; one that says nothing changes nothing. */
void aic_oai_read_usage(struct oai_decoder *d, int value);

/* --- chat_parts.c: texts --- */

struct aichat_event *aic_oai_add(struct oai_decoder *d, struct oai_choice *c,
				 enum aichat_event_type type);
/* A part's number. Ends the open text; a part must be begun at once. */
uint32_t aic_oai_next_part(struct oai_decoder *d, struct oai_choice *c);
/* A JSON string's text, where the half of a pair may wait in the next; {NULL, 0} for
 * what is no string. */
struct aic_str aic_oai_string(struct oai_decoder *d, int string, uint16_t *high);
struct aic_str aic_oai_keep(struct oai_decoder *d, struct aic_str text);
void aic_oai_text(struct oai_decoder *d, struct oai_choice *c, enum aichat_part_type type,
		  int string);
int aic_oai_content(struct oai_decoder *d, struct oai_choice *c, int content);
/* All text is over; members that came without reasoning get their part. */
void aic_oai_end_texts(struct oai_decoder *d, struct oai_choice *c);

/* --- chat_media.c: what has no pieces --- */

int aic_oai_annotations(struct oai_decoder *d, struct oai_choice *c, int annotations);
int aic_oai_audio(struct oai_decoder *d, struct oai_choice *c, int audio);
int aic_oai_images(struct oai_decoder *d, struct oai_choice *c, int images);
int aic_oai_end_media(struct oai_decoder *d, struct oai_choice *c);
void aic_oai_media_done(struct oai_choice *c);

/* --- chat_details.c: members of the message that must come back --- */

/* tell: their text is the reasoning, as nothing else gives it. */
int aic_oai_details(struct oai_decoder *d, struct oai_choice *c, int details, bool tell);
int aic_oai_message_member(struct oai_decoder *d, struct oai_choice *c, int member);
bool aic_oai_details_pending(const struct oai_choice *c);
/* All of them as one JSON object, kept in the arena, and forgotten; {NULL, 0} for none.
 */
struct aic_str aic_oai_details_take(struct oai_decoder *d, struct oai_choice *c);
void aic_oai_details_done(struct oai_choice *c);

/* --- chat_members.c --- */

/* Sets the member; a later value replaces an earlier one. 0, AICHAT_ENOMEM or
 * AICHAT_ETOOLARGE. */
int aic_oai_member_set(struct oai_members *members, struct aic_str name,
		       struct aic_str json);
/* Appends `"name":json` for each, with commas between and before, unless first. */
void aic_oai_members_write(const struct oai_members *members, struct aic_json_writer *w);
struct oai_member *aic_oai_member_find(const struct oai_members *members,
				       struct aic_str name);
void aic_oai_members_done(struct oai_members *members);

/* --- chat_tools.c --- */

int aic_oai_calls(struct oai_decoder *d, struct oai_choice *c, int fragments);
/* The deprecated function_call, a single call without an id. */
int aic_oai_function_call(struct oai_decoder *d, struct oai_choice *c, int call);
/* whole: the choice finished; only then are missing arguments {}. */
void aic_oai_end_calls(struct oai_decoder *d, struct oai_choice *c, bool whole);
void aic_oai_call_done(struct oai_call *call);

/* --- chat_encode.c --- */

struct aic_encoder *aic_oai_encoder_new(const struct aic_encoder_config *config);
void aic_oai_encoder_free(struct aic_encoder *encoder);
int aic_oai_encode_event(struct aic_encoder *encoder, const struct aichat_event *event,
			 struct aic_buf *out);

/* --- chat_reply.c: what whole replies, chunks and errors have in common --- */

int aic_oai_encode_reply(const struct aic_encoder_config *config,
			 const struct aichat_message *message, struct aic_buf *out);
int aic_oai_encode_error(const aichat_error *error, struct aic_buf *out);
const char *aic_oai_finish_word(enum aichat_stop_reason reason, bool has_refusal);
void aic_oai_put_usage(struct aic_json_writer *w, const struct aic_usage *usage);
void aic_oai_put_annotation(struct aic_json_writer *w, const struct aichat_part *source);
void aic_oai_put_audio(struct aic_json_writer *w, const struct aichat_part *audio);
void aic_oai_put_image(struct aic_json_writer *w, const struct aichat_part *image);
/* "function":{...} or "custom":{...}, and the type before it. */
void aic_oai_put_call(struct aic_json_writer *w, const struct aichat_part *call,
		      struct aic_str arguments);
/* A part's raw as a tape; false when there is none or it is no object. Without memory
 * out has failed. */
bool aic_oai_scan_raw(struct aic_buf *out, struct aic_str raw, struct aic_json *doc);
bool aic_oai_is_custom(struct aic_buf *out, struct aic_str raw);
/* Members that a caller must send back: of a call, or of the message. doc: a part's raw.
 */
bool aic_oai_has_replayed(const struct aic_json *doc, bool of_call);
void aic_oai_put_replayed(struct aic_json_writer *w, const struct aic_json *doc,
			  bool of_call);

/* --- chat_request.c, chat_messages.c, chat_content.c --- */

int aic_oai_encode_request(const struct aic_request *request,
			   const struct aic_profile *profile, struct aic_buf *out,
			   struct aic_report *report, aichat_error **reterr);
/* Writes the messages of one request. */
struct oai_writer {
	struct aic_json_writer *w;
	const struct aic_request *request;
	const struct aic_profile *profile;
	struct aic_report *report;
	bool after_tool; /* the last message was a tool's */
	/* Tool results whose media wait for the last of them: messages [from, to). */
	size_t media_from, media_to;
	int error;
};

bool aic_oai_has_quirk(const struct oai_writer *x, uint32_t quirk);
/*
 * Whether its raw means something to whom we write to. A part's raw holds the members
 * that our fields do not carry, in the places where they stood, and goes back only to
 * the provider that it came from.
 */
bool aic_oai_is_own(const struct oai_writer *x, const struct aichat_message *message);
bool aic_oai_is_media(enum aichat_part_type type);
/* Text, media, or of unknown type. */
bool aic_oai_is_content(const struct aichat_part *part);
bool aic_oai_has_content(const struct aichat_message *message);
/* Whether the format, and the other side, have a place for it. */
bool aic_oai_takes(const struct oai_writer *x, const struct aichat_part *part, bool own);
/* The same for a part, whose raw is looked at only if it is ours. */
void aic_oai_scan_own(struct oai_writer *x, const struct aichat_part *part, bool own,
		      struct aic_json *doc);
/* Members of an object of the raw text but for those that we write ourselves. */
void aic_oai_put_members(struct aic_json_writer *w, const struct aic_json *doc,
			 int object, const char *const *except);
void aic_oai_put_placeholder(struct oai_writer *x, const struct aichat_part *part,
			     struct aic_buf *out);
void aic_oai_put_part(struct oai_writer *x, const struct aichat_part *part, bool own);
/* "content" and its value. */
void aic_oai_put_content(struct oai_writer *x, const struct aichat_message *message);

int aic_oai_put_messages(struct aic_json_writer *w, const struct aic_request *request,
			 const struct aic_profile *profile, struct aic_report *report);
/* --- chat_read_parts.c --- */

/* Where parts go: into a message, or into a tool's result. */
struct oai_target {
	struct aichat_message *message;
	struct aichat_part *result;
};

/* A string, or an array of parts; 1 when there was any. */
int aic_oai_read_content(const struct aic_read *r, struct oai_target to);
/* The members that are not known become the part's raw. inner: the object of that name,
 * whose other members are kept under it. */
int aic_oai_keep_raw(const struct aic_read *r, struct aichat_part *part,
		     const char *const *known, const char *inner,
		     const char *const *inner_known);

/* --- chat_read.c, chat_read_messages.c --- */

int aic_oai_decode_request(struct aic_str body, struct aic_request **ret_request,
			   aichat_error **reterr);
int aic_oai_read_messages(const struct aic_read *root, struct aic_request *request);
