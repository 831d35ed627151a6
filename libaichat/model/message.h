#pragma once

/*
 * Messages and parts as values. A message is built by one owner, then only read: after
 * it is sealed or shared nothing in it changes, and references are counted.
 */

#include <stdatomic.h>

#include <aichat/message.h>

#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/json.h"
#include "model/usage.h"

#define AIC_PARTS_MAX 4096
#define AIC_PART_BYTES_MAX ((size_t)64 << 20)

/* An owned string; NUL-terminated, and may hold NULs before its end. */
struct aic_string {
	char *data; /* NULL = none, which is not the same as empty */
	size_t len;
	size_t capacity; /* of data; 0 = no more than it holds */
};

static inline struct aic_str aic_string_str(const struct aic_string *s)
{
	return (struct aic_str){ s->data, s->len };
}

int aic_string_set(struct aic_string *s, struct aic_str value); /* 0, AICHAT_ENOMEM */
int aic_string_append(struct aic_string *s, struct aic_str more);
void aic_string_done(struct aic_string *s);

/* An ordered atom of a message. Which members are set depends on the type. */
struct aichat_part {
	enum aichat_part_type type;
	bool is_error; /* tool_result */
	/* text, reasoning, refusal, compaction; a call's arguments, as they came. In a
	 * result a cache of aic_part_text(), read by nobody else. */
	struct aic_string text;
	/* the provider's own JSON where our members do not carry it all */
	struct aic_string raw;
	char *id;               /* tool_call: its id; tool_result: the id of the call */
	char *name;             /* the tool; a file's name; a source's title */
	char *media_type;       /* image, audio, file */
	char *url;              /* image, file by reference; a source's link */
	struct aic_string data; /* image, audio, file: the bytes, decoded */
	struct aichat_part *parts; /* tool_result: what it returned */
	size_t part_count;
	size_t part_capacity;
};

struct aichat_message {
	_Atomic unsigned refs;
	struct aic_id id;              /* unset until it gets one */
	struct aic_id conversation_id; /* unset if it is not stored */
	struct aic_id parent_id;       /* unset for a first message */
	struct aic_id edit_of;         /* the sibling that it replaces, if any */
	enum aichat_role role;
	enum aichat_message_state state;
	enum aichat_stop_reason stop_reason;
	int64_t created_unix_ms;
	int64_t cost_nano_usd; /* -1 = not known */
	struct aic_usage usage;
	char *dialect;   /* the language of the parts' raw: a dialect's name, or NULL */
	char *provider;  /* who wrote it; NULL = no provider */
	char *model;     /* by the provider's name for it */
	char *stop_word; /* the provider's own word for the stop reason */
	char *stop_sequence; /* the sequence that stopped it */
	char *response_id;   /* the provider's id of this answer */
	struct aichat_part *parts;
	size_t part_count;
	size_t part_capacity;
	/* Text forms of the ids, for the accessors; filled by aic_message_set_texts(). */
	char id_text[AIC_ID_TEXT];
	char conversation_text[AIC_ID_TEXT];
	char parent_text[AIC_ID_TEXT];
};

AIC_DEFINE_CLEANUP(aichat_message *, aichat_message_unref)

/* One reference; nothing set but the role, AICHAT_MESSAGE_OPEN, and "unknown" figures. */
struct aichat_message *aic_message_new(enum aichat_role role);
/*
 * A new zeroed part at the end, NULL for out of memory or past AIC_PARTS_MAX. The parts
 * move: pointers to earlier ones end here.
 */
struct aichat_part *aic_message_add_part(struct aichat_message *message,
					 enum aichat_part_type type);
/* The same inside a tool result. */
struct aichat_part *aic_part_add_part(struct aichat_part *result,
				      enum aichat_part_type type);
/* A text part with this text. */
int aic_message_add_text(struct aichat_message *message, struct aic_str text);
void aic_part_done(struct aichat_part *part);
/* Over what is in `to`, which is not freed; left zeroed on failure. 0, AICHAT_ENOMEM */
int aic_part_copy(struct aichat_part *to, const struct aichat_part *from);
/* A deep copy that its owner may change; ids and state as they were. */
struct aichat_message *aic_message_copy(const struct aichat_message *message);
/* Everything but the role and the parts, into a message fresh from aic_message_new(). */
int aic_message_copy_origin(struct aichat_message *to, const struct aichat_message *from);
/* Fill the text forms of the ids. After every change of an id. */
void aic_message_set_texts(struct aichat_message *message);
/*
 * The part's text for people: a result's is all text that its parts hold. {NULL, 0} for
 * none, and when memory is out.
 */
struct aic_str aic_part_text(const struct aichat_part *part);
bool aic_message_has(const struct aichat_message *message, enum aichat_part_type type);

/*
 * Canonical JSON (design: the one form in --json, API, exports, fixtures). Absent members
 * are left out. data goes as "sha256" plus "data" (base64) when with_data, else the
 * digest only.
 */
void aic_message_write(const struct aichat_message *message, struct aic_json_writer *w,
		       bool with_data);
void aic_part_write(const struct aichat_part *part, struct aic_json_writer *w,
		    bool with_data);
int aic_message_read(const struct aic_json *doc, int object,
		     struct aichat_message **ret_message, aichat_error **reterr);
int aic_part_read(const struct aic_json *doc, int object, struct aichat_part *part,
		  aichat_error **reterr);
/*
 * BLAKE2b over the canonical JSON, bytes as their digests: what verify checks. Nothing in
 * it changes after the seal, and nothing that others do changes it.
 */
int aic_message_digest(const struct aichat_message *message,
		       unsigned char digest[AIC_DIGEST_BYTES]);

enum aichat_role aic_role_parse(struct aic_str name);                   /* 0 = none */
enum aichat_message_state aic_message_state_parse(struct aic_str name); /* 0 = none */
enum aichat_part_type aic_part_type_parse(struct aic_str name);         /* 0 = none */
enum aichat_stop_reason aic_stop_reason_parse(struct aic_str name);     /* 0 = none */
