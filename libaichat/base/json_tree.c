/*
 * Trees of json-c objects; `struct aic_json_tree` is a `json_object` under another
 * name. json-c neither parses nor prints here: its parser is lenient, and both
 * misbehave when memory runs out. It holds containers and texts.
 *
 * Two kinds of value are marked. A null is a boolean whose userdata is `null_mark`,
 * because json-c's own null is the NULL pointer, which could not be told from a value
 * that is missing or had no memory. A number is a "double" that carries the text it
 * was read from, as json_object_new_double_s() makes them.
 */

#include <limits.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/json_tree.h"
#include "base/mem.h"

/* Freeing nests as deeply as the tree does; json-c 0.16 uses the stack for it. */
#define DEPTH_MAX 200

static char null_mark;

static json_object *object_of(const struct aic_json_tree *tree)
{
	return (json_object *)(uintptr_t)tree;
}

static struct aic_json_tree *tree_of(json_object *object)
{
	return (struct aic_json_tree *)object;
}

struct aic_json_tree *aic_json_tree_new_object(void)
{
	return tree_of(json_object_new_object());
}

struct aic_json_tree *aic_json_tree_new_array(void)
{
	return tree_of(json_object_new_array());
}

struct aic_json_tree *aic_json_tree_new_string(struct aic_str text)
{
	if (text.len >= INT_MAX)
		return NULL;
	return tree_of(
		json_object_new_string_len(text.data ? text.data : "", (int)text.len));
}

static struct aic_json_tree *new_number(struct aic_str text)
{
	char brief[64];
	AIC_CLEANUP(aic_freep) char *copy = NULL;

	if (text.len < sizeof(brief)) {
		memcpy(brief, text.data, text.len);
		brief[text.len] = '\0';
	} else {
		copy = aic_strndup(text.data, text.len);
		if (!copy)
			return NULL;
	}
	return tree_of(json_object_new_double_s(0, copy ? copy : brief));
}

struct aic_json_tree *aic_json_tree_new_int(int64_t value)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	if (aic_buf_put_int(&text, value) < 0)
		return NULL;
	return new_number(aic_buf_str(&text));
}

struct aic_json_tree *aic_json_tree_new_bool(bool value)
{
	return tree_of(json_object_new_boolean(value));
}

struct aic_json_tree *aic_json_tree_new_null(void)
{
	json_object *null = json_object_new_boolean(0);

	if (null)
		json_object_set_userdata(null, &null_mark, NULL);
	return tree_of(null);
}

struct aic_json_tree *aic_json_tree_free(struct aic_json_tree *tree)
{
	json_object_put(object_of(tree));
	return NULL;
}

enum aic_json_type aic_json_tree_type(const struct aic_json_tree *tree)
{
	json_object *object = object_of(tree);

	if (!object)
		return AIC_JSON_ABSENT;
	switch (json_object_get_type(object)) {
	case json_type_boolean:
		if (json_object_get_userdata(object) == &null_mark)
			return AIC_JSON_NULL;
		return json_object_get_boolean(object) ? AIC_JSON_TRUE : AIC_JSON_FALSE;
	case json_type_double:
		return AIC_JSON_NUMBER;
	case json_type_string:
		return AIC_JSON_STRING;
	case json_type_array:
		return AIC_JSON_ARRAY;
	case json_type_object:
		return AIC_JSON_OBJECT;
	case json_type_int:
	case json_type_null:
		break;
	}
	AIC_BUG(AIC_JSON_ABSENT); /* nobody here makes one */
}

size_t aic_json_tree_count(const struct aic_json_tree *tree)
{
	enum aic_json_type type = aic_json_tree_type(tree);

	if (type == AIC_JSON_ARRAY)
		return json_object_array_length(object_of(tree));
	return type == AIC_JSON_OBJECT
		       ? (size_t)json_object_object_length(object_of(tree))
		       : 0;
}

struct aic_json_tree *aic_json_tree_get(const struct aic_json_tree *object,
					const char *key)
{
	json_object *value = NULL;

	if (aic_json_tree_type(object) != AIC_JSON_OBJECT)
		return NULL;
	json_object_object_get_ex(object_of(object), key, &value);
	return tree_of(value);
}

struct aic_json_tree *aic_json_tree_at(const struct aic_json_tree *array, size_t n)
{
	if (aic_json_tree_type(array) != AIC_JSON_ARRAY ||
	    n >= json_object_array_length(object_of(array)))
		return NULL;
	return tree_of(json_object_array_get_idx(object_of(array), n));
}

struct aic_str aic_json_tree_str(const struct aic_json_tree *tree)
{
	json_object *object = object_of(tree);

	switch (aic_json_tree_type(tree)) {
	case AIC_JSON_STRING:
		return (struct aic_str){ json_object_get_string(object),
					 (size_t)json_object_get_string_len(object) };
	case AIC_JSON_NUMBER:
		return aic_str(json_object_get_userdata(object));
	default:
		return (struct aic_str){ NULL, 0 };
	}
}

bool aic_json_tree_is(const struct aic_json_tree *tree, const char *text)
{
	return aic_json_tree_type(tree) == AIC_JSON_STRING &&
	       aic_str_is(aic_json_tree_str(tree), text);
}

/* A number's text is JSON by itself: the reader of the tape knows the rest. */
static bool number_tape(const struct aic_json_tree *tree, struct aic_json *doc)
{
	if (aic_json_tree_type(tree) != AIC_JSON_NUMBER)
		return false;
	struct aic_str text = aic_json_tree_str(tree);
	return aic_json_scan(doc, text.data, text.len, &aic_json_wire) == 0;
}

bool aic_json_tree_int(const struct aic_json_tree *tree, int64_t *ret)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	return number_tape(tree, &doc) && aic_json_int(&doc, 0, ret);
}

bool aic_json_tree_double(const struct aic_json_tree *tree, double *ret)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	return number_tape(tree, &doc) && aic_json_double(&doc, 0, ret);
}

struct aic_json_walk aic_json_tree_walk(const struct aic_json_tree *object)
{
	struct aic_json_walk walk = { 0 };

	if (aic_json_tree_type(object) == AIC_JSON_OBJECT)
		walk.ahead = lh_table_head(json_object_get_object(object_of(object)));
	return walk;
}

bool aic_json_tree_next(struct aic_json_walk *walk)
{
	struct lh_entry *entry = walk->ahead;

	if (!entry)
		return false;
	walk->key = lh_entry_k(entry);
	walk->value = tree_of(lh_entry_v(entry));
	walk->ahead = lh_entry_next(entry);
	return true;
}

/*
 * json-c 0.16 loses the copy of a key whose table could not grow: so grow it before. A
 * key that is there needs none, and a walk may be under way.
 */
static bool has_room(json_object *object, const char *key)
{
	struct lh_table *table = json_object_get_object(object);

	return json_object_object_get_ex(object, key, NULL) ||
	       table->count < table->size * LH_LOAD_FACTOR ||
	       (table->size < INT_MAX / 2 &&
		lh_table_resize(table, table->size * 2) == 0);
}

int aic_json_tree_set(struct aic_json_tree *object, const char *key,
		      struct aic_json_tree *value)
{
	int code = 0;

	if (!value)
		return AICHAT_ENOMEM;
	if (aic_json_tree_type(object) != AIC_JSON_OBJECT)
		code = AICHAT_EINVAL;
	else if (!has_room(object_of(object), key) ||
		 json_object_object_add(object_of(object), key, object_of(value)) < 0)
		code = AICHAT_ENOMEM;
	if (code < 0)
		aic_json_tree_free(value);
	return code;
}

int aic_json_tree_append(struct aic_json_tree *array, struct aic_json_tree *value)
{
	int code = 0;

	if (!value)
		return AICHAT_ENOMEM;
	if (aic_json_tree_type(array) != AIC_JSON_ARRAY)
		code = AICHAT_EINVAL;
	else if (json_object_array_add(object_of(array), object_of(value)) < 0)
		code = AICHAT_ENOMEM;
	if (code < 0)
		aic_json_tree_free(value);
	return code;
}

struct aic_json_tree *aic_json_tree_take(struct aic_json_tree *object, const char *key)
{
	struct aic_json_tree *value = aic_json_tree_get(object, key);

	if (!value)
		return NULL;
	json_object_get(object_of(value));
	json_object_object_del(object_of(object), key);
	return value;
}

bool aic_json_tree_delete(struct aic_json_tree *object, const char *key)
{
	AIC_CLEANUP(aic_json_tree_freep)
	struct aic_json_tree *value = aic_json_tree_take(object, key);

	return value;
}

/* Building from a tape. */

static int build(const struct aic_json *doc, int value, unsigned depth,
		 struct aic_json_tree **ret);

static int build_array(const struct aic_json *doc, int array, unsigned depth,
		       struct aic_json_tree *tree)
{
	int code = tree ? 0 : AICHAT_ENOMEM;

	for (int v = aic_json_first(doc, array); v >= 0 && code == 0;
	     v = aic_json_next(doc, array, v)) {
		struct aic_json_tree *element = NULL;
		code = build(doc, v, depth, &element);
		if (code == 0)
			code = aic_json_tree_append(tree, element);
	}
	return code;
}

static int build_object(const struct aic_json *doc, int object, unsigned depth,
			struct aic_json_tree *tree)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf key = aic_buf(0);
	int code = tree ? 0 : AICHAT_ENOMEM;

	for (int v = aic_json_first(doc, object); v >= 0 && code == 0;
	     v = aic_json_next(doc, object, v)) {
		struct aic_json_tree *member = NULL;
		aic_buf_reset(&key);
		code = aic_json_text(doc, aic_json_key(v), &key);
		/* json-c's keys end at a NUL: two that differ behind it would collide. */
		if (code == 0 && memchr(aic_buf_str(&key).data, '\0', key.len))
			code = AICHAT_EJSON;
		if (code == 0)
			code = build(doc, v, depth, &member);
		if (code == 0)
			code = aic_json_tree_set(tree, aic_buf_str(&key).data, member);
	}
	return code;
}

static struct aic_json_tree *build_string(const struct aic_json *doc, int string)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);
	struct aic_str text = aic_json_str(doc, string, &scratch);

	return text.data ? aic_json_tree_new_string(text) : NULL;
}

static int build(const struct aic_json *doc, int value, unsigned depth,
		 struct aic_json_tree **ret)
{
	AIC_CLEANUP(aic_json_tree_freep) struct aic_json_tree *tree = NULL;
	int code = 0;

	if (depth >= DEPTH_MAX)
		return AICHAT_ETOOLARGE;
	switch (aic_json_type(doc, value)) {
	case AIC_JSON_ABSENT:
		return AICHAT_EINVAL;
	case AIC_JSON_NULL:
		tree = aic_json_tree_new_null();
		break;
	case AIC_JSON_FALSE:
	case AIC_JSON_TRUE:
		tree = aic_json_tree_new_bool(aic_json_bool(doc, value, false));
		break;
	case AIC_JSON_NUMBER:
		tree = new_number(aic_json_raw(doc, value));
		break;
	case AIC_JSON_STRING:
		tree = build_string(doc, value);
		break;
	case AIC_JSON_ARRAY:
		tree = aic_json_tree_new_array();
		code = build_array(doc, value, depth + 1, tree);
		break;
	case AIC_JSON_OBJECT:
		tree = aic_json_tree_new_object();
		code = build_object(doc, value, depth + 1, tree);
		break;
	}
	if (code < 0)
		return code;
	*ret = AIC_TAKE(tree);
	return *ret ? 0 : AICHAT_ENOMEM;
}

int aic_json_tree_build(const struct aic_json *doc, int value, const char *what,
			struct aic_json_tree **ret, aichat_error **reterr)
{
	struct aic_json_tree *tree = NULL;
	int code = build(doc, value, 0, &tree);

	if (code == AICHAT_EJSON)
		return aic_error_set(reterr, code, "%s: a key contains U+0000", what);
	if (code == AICHAT_ETOOLARGE)
		return aic_error_set(reterr, code, "%s: nested too deeply", what);
	if (code < 0)
		return aic_error_code(reterr, code, what);
	*ret = tree;
	return 0;
}

int aic_json_tree_parse(struct aic_str text, const struct aic_json_limits *limits,
			const char *what, struct aic_json_tree **ret,
			aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	int code = aic_json_scan(&doc, text.data, text.len, limits);

	if (code < 0)
		return aic_json_scan_error(&doc, code, what, reterr);
	return aic_json_tree_build(&doc, 0, what, ret, reterr);
}

/* Printing. */

static void print(struct aic_json_writer *w, const struct aic_json_tree *tree,
		  bool canonical, unsigned depth);

static void print_array(struct aic_json_writer *w, const struct aic_json_tree *tree,
			bool canonical, unsigned depth)
{
	aic_json_begin(w, '[');
	for (size_t i = 0; i < aic_json_tree_count(tree); i++)
		print(w, aic_json_tree_at(tree, i), canonical, depth);
	aic_json_end(w, ']');
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct aic_json_walk *)a)->key,
		      ((const struct aic_json_walk *)b)->key);
}

/* The members in the order of their keys; NULL and an error in w->buf without memory. */
static struct aic_json_walk *sorted_members(struct aic_json_writer *w,
					    const struct aic_json_tree *tree)
{
	size_t count = aic_json_tree_count(tree);
	struct aic_json_walk walk = aic_json_tree_walk(tree);
	struct aic_json_walk *members = aic_calloc(count, sizeof(*members));

	if (!members) {
		if (!w->buf->error)
			w->buf->error = AICHAT_ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < count && aic_json_tree_next(&walk); i++)
		members[i] = walk;
	qsort(members, count, sizeof(*members), compare_keys);
	return members;
}

static void print_object(struct aic_json_writer *w, const struct aic_json_tree *tree,
			 bool canonical, unsigned depth)
{
	AIC_CLEANUP(aic_freep) struct aic_json_walk *members = NULL;
	struct aic_json_walk walk = aic_json_tree_walk(tree);

	if (canonical) {
		members = sorted_members(w, tree);
		if (!members)
			return;
	}
	aic_json_begin(w, '{');
	for (size_t i = 0; aic_json_tree_next(&walk); i++) {
		const struct aic_json_walk *member = members ? &members[i] : &walk;
		aic_json_put_key(w, member->key);
		print(w, member->value, canonical, depth);
	}
	aic_json_end(w, '}');
}

static void print(struct aic_json_writer *w, const struct aic_json_tree *tree,
		  bool canonical, unsigned depth)
{
	if (depth >= DEPTH_MAX && !w->buf->error)
		w->buf->error = AICHAT_ETOOLARGE;
	if (w->buf->error)
		return;
	switch (aic_json_tree_type(tree)) {
	case AIC_JSON_NULL:
	case AIC_JSON_ABSENT:
		aic_json_put_null(w);
		break;
	case AIC_JSON_FALSE:
	case AIC_JSON_TRUE:
		aic_json_put_bool(w, aic_json_tree_type(tree) == AIC_JSON_TRUE);
		break;
	case AIC_JSON_NUMBER:
		aic_json_put_raw(w, aic_json_tree_str(tree));
		break;
	case AIC_JSON_STRING:
		aic_json_put_str(w, aic_json_tree_str(tree));
		break;
	case AIC_JSON_ARRAY:
		print_array(w, tree, canonical, depth + 1);
		break;
	case AIC_JSON_OBJECT:
		print_object(w, tree, canonical, depth + 1);
		break;
	}
}

int aic_json_tree_print(const struct aic_json_tree *tree, bool canonical,
			struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);

	print(&w, tree, canonical, 0);
	return out->error;
}

struct aic_json_tree *aic_json_tree_copy(const struct aic_json_tree *tree)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	const struct aic_json_limits any = {
		.max_bytes = AIC_BUF_MAX,
		.max_tokens = UINT32_MAX,
		.max_depth = DEPTH_MAX,
	};
	struct aic_json_tree *copy = NULL;

	if (!tree || aic_json_tree_print(tree, false, &text) < 0)
		return NULL;
	aic_json_tree_parse(aic_buf_str(&text), &any, "", &copy, NULL);
	return copy;
}
