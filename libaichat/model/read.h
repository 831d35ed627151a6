#pragma once

/*
 * Reading JSON of our own with strict types and located errors, such as
 * "message.parts[2].type is missing". A member that is null counts as absent; members
 * that nobody asks for are ignored.
 *
 * The readers of members return 1 when the member is there, 0 when it is absent (and
 * nothing is written), AICHAT_EJSON, AICHAT_ETOOLARGE or AICHAT_ENOMEM.
 */

#include "base/common.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "model/message.h"

/* A value, and where it is. */
struct aic_read {
	const struct aic_json *doc;
	int value;
	aichat_error **reterr;
	const struct aic_read
		*up;      /* the object that it is a member of; NULL = the root */
	const char *name; /* the member's */
	int64_t index;    /* in the array of that name; -1 = it is no element */
};

/* A value that must be an object; name starts the places in errors. */
int aic_read_root(struct aic_read *r, const struct aic_json *doc, int object,
		  const char *name, aichat_error **reterr);
/* The error "PLACE.KEY WHY"; key may be NULL. Returns code. */
int aic_read_fail(const struct aic_read *r, const char *key, int code, const char *why);

int aic_read_string(const struct aic_read *r, const char *key, struct aic_string *ret);
int aic_read_text(const struct aic_read *r, const char *key,
		  char **ret); /* no NUL in it */
/* Into a fixed array; one that is longer reads as "?". */
#define AIC_WORD_MAX 40
int aic_read_word(const struct aic_read *r, const char *key, char ret[AIC_WORD_MAX]);
int aic_read_count(const struct aic_read *r, const char *key, int64_t *ret); /* >= 0 */
int aic_read_bool(const struct aic_read *r, const char *key, bool *ret);
int aic_read_id(const struct aic_read *r, const char *key, struct aic_id *ret);
int aic_read_time(const struct aic_read *r, const char *key, int64_t *ret_unix_ms);
/* A member that is an object or an array, to read on from. */
int aic_read_child(const struct aic_read *r, const char *key, enum aic_json_type type,
		   struct aic_read *ret);
/* Step through an array from aic_read_child(); start with *element = {0}. False = over.
 */
bool aic_read_element(const struct aic_read *array, struct aic_read *element);
/* AICHAT_EJSON unless the value is an object. */
int aic_read_object(const struct aic_read *r);
