#pragma once

/*
 * JSON that is changed rather than read: schemas, merged options, configuration values.
 * The cold paths; the one place that knows json-c. Strictness comes from the scan, which
 * every text passes first. Numbers are kept and printed as they were written.
 *
 * A container owns its children; what a look-up returns is borrowed from it. A null in
 * the text is a value of its own: the NULL pointer always means that there is none, and
 * every function takes it.
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

struct aic_json_tree; /* one value, owned */

/* Scans with limits, then builds. `what` starts the error's line. */
int aic_json_tree_parse(struct aic_str text, const struct aic_json_limits *limits,
			const char *what, struct aic_json_tree **ret,
			aichat_error **reterr);
/* Builds from one value of a tape. Keys with a NUL inside are refused (AICHAT_EJSON). */
int aic_json_tree_build(const struct aic_json *doc, int value, const char *what,
			struct aic_json_tree **ret, aichat_error **reterr);
/* NULL for out of memory. */
struct aic_json_tree *aic_json_tree_new_object(void);
struct aic_json_tree *aic_json_tree_new_array(void);
struct aic_json_tree *aic_json_tree_new_string(struct aic_str text); /* UTF-8 */
struct aic_json_tree *aic_json_tree_new_int(int64_t value);
struct aic_json_tree *aic_json_tree_new_bool(bool value);
struct aic_json_tree *aic_json_tree_new_null(void);
struct aic_json_tree *aic_json_tree_free(struct aic_json_tree *tree);

AIC_DEFINE_CLEANUP(struct aic_json_tree *, aic_json_tree_free)

/* AIC_JSON_ABSENT for NULL. */
enum aic_json_type aic_json_tree_type(const struct aic_json_tree *tree);
/* Members or elements; 0 for what is no container. */
size_t aic_json_tree_count(const struct aic_json_tree *tree);
/* A member, borrowed; NULL if it is not there or this is no object. */
struct aic_json_tree *aic_json_tree_get(const struct aic_json_tree *object,
					const char *key);
/* An element, borrowed; NULL if it is not there or this is no array. */
struct aic_json_tree *aic_json_tree_at(const struct aic_json_tree *array, size_t n);
/* A string's text or a number as it was written, borrowed; {NULL, 0} for all else. */
struct aic_str aic_json_tree_str(const struct aic_json_tree *tree);
/* True for a string of exactly this text. */
bool aic_json_tree_is(const struct aic_json_tree *tree, const char *text);
bool aic_json_tree_int(const struct aic_json_tree *tree, int64_t *ret);
bool aic_json_tree_double(const struct aic_json_tree *tree, double *ret);

/*
 * Walk an object's members in their order:
 *
 *     struct aic_json_walk walk = aic_json_tree_walk(object);
 *     while (aic_json_tree_next(&walk))
 *             use(walk.key, walk.value);
 *
 * The member just returned may be deleted or set; others may not.
 */
struct aic_json_walk {
	const char *key;
	struct aic_json_tree *value;
	void *ahead; /* private */
};

struct aic_json_walk aic_json_tree_walk(const struct aic_json_tree *object);
bool aic_json_tree_next(struct aic_json_walk *walk);

/*
 * Set a member (replacing one of that name in its place) or append an element. The
 * value is taken, also on failure; a NULL value is what a constructor returned that
 * had no memory. 0, AICHAT_ENOMEM, or AICHAT_EINVAL for the wrong kind of container.
 */
int aic_json_tree_set(struct aic_json_tree *object, const char *key,
		      struct aic_json_tree *value);
int aic_json_tree_append(struct aic_json_tree *array, struct aic_json_tree *value);
/* False if there was none. */
bool aic_json_tree_delete(struct aic_json_tree *object, const char *key);
/* Remove a member and hand it over; NULL if there was none. */
struct aic_json_tree *aic_json_tree_take(struct aic_json_tree *object, const char *key);
/* A copy of its own; NULL for out of memory or for NULL. */
struct aic_json_tree *aic_json_tree_copy(const struct aic_json_tree *tree);

/*
 * Compact; canonical: keys sorted by their bytes, so that equal values print equal
 * (numbers and all else as written: 1.0 is not 1). Returns out->error.
 */
int aic_json_tree_print(const struct aic_json_tree *tree, bool canonical,
			struct aic_buf *out);
