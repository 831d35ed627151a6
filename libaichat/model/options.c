/*
 * Bags of options. Entries are sorted by name and hold the text that was given, checked,
 * with the parsed number beside it so that reading one never fails. Not locked: a bag
 * has one user at a time, and the library works on copies.
 */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "model/options.h"
#include "model/options_value.h"

/* Past this somebody sets options in a loop. */
#define ENTRIES_MAX 10000

struct entry {
	char *name;
	char *value;
	char *origin;
	size_t len;    /* of value */
	double number; /* INT (exact, the ranges are small), NUMBER and BOOL */
	const struct aic_option_info *info;
};

struct aichat_options {
	struct entry *entries;
	size_t count, capacity;
	struct aic_log log;
};

aichat_options *aichat_options_new(void)
{
	return aic_new(aichat_options);
}

static void entry_done(struct entry *entry)
{
	aic_free(entry->name);
	aic_free(entry->value);
	aic_free(entry->origin);
}

aichat_options *aichat_options_free(aichat_options *options)
{
	if (!options)
		return NULL;
	for (size_t i = 0; i < options->count; i++)
		entry_done(&options->entries[i]);
	aic_free(options->entries);
	aic_free(options);
	return NULL;
}

/* Where the name is, or where it belongs. */
static size_t find_entry(const struct aichat_options *options, const char *name,
			 bool *found)
{
	size_t low = 0, high = options->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(options->entries[middle].name, name);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct entry *get_entry(const struct aichat_options *options,
				     const char *name)
{
	bool found;

	if (!options)
		return NULL;
	size_t at = find_entry(options, name, &found);
	return found ? &options->entries[at] : NULL;
}

static void remove_entry(struct aichat_options *options, size_t at)
{
	entry_done(&options->entries[at]);
	options->count--;
	memmove(&options->entries[at], &options->entries[at + 1],
		(options->count - at) * sizeof(*options->entries));
}

static int put_entry(struct aichat_options *options, size_t at, bool replace,
		     const struct entry *like, aichat_error **reterr)
{
	struct entry entry = *like;

	if (!replace && options->count >= ENTRIES_MAX)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "more than %d options are set", ENTRIES_MAX);
	entry.name = aic_strdup(like->name);
	entry.value = aic_strndup(like->value, like->len);
	entry.origin = aic_strdup(like->origin);
	if (!entry.name || !entry.value || !entry.origin ||
	    (!replace &&
	     !AIC_GROW(options->entries, options->count, &options->capacity))) {
		entry_done(&entry);
		return aic_error_nomem(reterr);
	}
	if (replace) {
		entry_done(&options->entries[at]);
	} else {
		memmove(&options->entries[at + 1], &options->entries[at],
			(options->count - at) * sizeof(*options->entries));
		options->count++;
	}
	options->entries[at] = entry;
	return 0;
}

int aic_options_set(struct aichat_options *options, const char *name,
		    struct aic_str value, const char *origin, bool keep,
		    aichat_error **reterr)
{
	const struct aic_option_info *info = aic_option_find(name);
	double number = 0;
	bool found;

	if (!info)
		return aic_option_unknown(name, reterr);
	size_t at = find_entry(options, name, &found);
	if (!value.data) {
		if (found && !keep)
			remove_entry(options, at);
		return 0;
	}
	int result = aic_option_check(info, name, value, &number, reterr);
	if (result < 0 || (found && keep))
		return result;
	struct entry like = {
		.name = (char *)(uintptr_t)name,
		.value = (char *)(uintptr_t)value.data,
		.origin = (char *)(uintptr_t)(origin ? origin : "set"),
		.len = value.len,
		.number = number,
		.info = info,
	};
	return put_entry(options, at, found, &like, reterr);
}

/* The nearest bag's entry; else *ret_info for its default. */
static const struct entry *chain_entry(const struct aic_options_chain *chain,
				       const char *name,
				       const struct aic_option_info **ret_info)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(chain->bags); i++) {
		const struct entry *entry = get_entry(chain->bags[i], name);
		if (entry)
			return entry;
	}
	*ret_info = aic_option_find(name);
	if (!*ret_info)
		AIC_BUG(NULL);
	return NULL;
}

const char *aic_chain_string(const struct aic_options_chain *chain, const char *name)
{
	const struct aic_option_info *info = NULL;
	const struct entry *entry = chain_entry(chain, name, &info);

	if (entry)
		return entry->value;
	return info ? info->fallback : NULL;
}

double aic_chain_number(const struct aic_options_chain *chain, const char *name)
{
	const struct aic_option_info *info = NULL;
	const struct entry *entry = chain_entry(chain, name, &info);

	if (entry)
		return entry->number;
	return info ? aic_option_fallback_number(info) : NAN;
}

int64_t aic_chain_int(const struct aic_options_chain *chain, const char *name,
		      int64_t unset)
{
	double number = aic_chain_number(chain, name);

	return isnan(number) ? unset : (int64_t)number;
}

int aic_chain_bool(const struct aic_options_chain *chain, const char *name, int unset)
{
	double number = aic_chain_number(chain, name);

	return isnan(number) ? unset : number != 0;
}

const char *aic_options_provider(const struct aichat_options *options,
				 const char *provider, const char *what)
{
	char name[256];
	int len = snprintf(name, sizeof(name), "provider.%s.%s", provider, what);

	if (len < 0 || (size_t)len >= sizeof(name))
		return NULL;
	const struct entry *entry = get_entry(options, name);
	return entry ? entry->value : NULL;
}

size_t aic_options_count(const struct aichat_options *options)
{
	return options ? options->count : 0;
}

const char *aic_options_at(const struct aichat_options *options, size_t n,
			   const char **ret_value)
{
	if (n >= aic_options_count(options))
		return NULL;
	if (ret_value)
		*ret_value = options->entries[n].value;
	return options->entries[n].name;
}

const char *aic_options_get(const struct aichat_options *options, const char *name,
			    const char **ret_origin)
{
	const struct entry *entry = get_entry(options, name);

	if (!entry)
		return NULL;
	if (ret_origin)
		*ret_origin = entry->origin;
	return entry->value;
}

struct aichat_options *aic_options_copy(const struct aichat_options *options)
{
	struct aichat_options *copy = aichat_options_new();

	if (!copy || !options)
		return copy;
	copy->log = options->log;
	for (size_t i = 0; i < options->count; i++)
		if (put_entry(copy, i, false, &options->entries[i], NULL) < 0)
			return aichat_options_free(copy);
	return copy;
}

const struct aic_log *aic_options_log(const struct aichat_options *options)
{
	static const struct aic_log none = { 0 };

	return options ? &options->log : &none;
}

void aic_options_set_log(struct aichat_options *options, const struct aic_log *log)
{
	options->log = *log;
}

int aic_options_check_chat(const struct aichat_options *options, aichat_error **reterr)
{
	for (size_t i = 0; i < aic_options_count(options); i++)
		if (options->entries[i].info->where == AIC_OPTION_CONTEXT)
			return aic_error_set(
				reterr, AICHAT_EINVAL,
				"option \"%s\" counts for the whole context: "
				"give it to aichat_open()",
				options->entries[i].name);
	return 0;
}

void aic_options_write(const struct aichat_options *options, struct aic_json_writer *w)
{
	aic_json_begin(w, '{');
	for (size_t i = 0; i < aic_options_count(options); i++) {
		const struct entry *entry = &options->entries[i];
		if (entry->info->where == AIC_OPTION_REQUEST)
			continue;
		aic_json_put_keyn(w, aic_str(entry->name));
		aic_json_put_str(w, (struct aic_str){ entry->value, entry->len });
	}
	aic_json_end(w, '}');
}

/* Text as it is; a number, true or false as written; of a JSON option any value. */
static int read_value(const struct aic_json *doc, int value,
		      const struct aic_option_info *info, const char *name,
		      struct aic_buf *scratch, struct aic_str *ret, aichat_error **reterr)
{
	switch (aic_json_type(doc, value)) {
	case AIC_JSON_STRING:
		*ret = aic_json_str(doc, value, scratch);
		return ret->data ? 0 : aic_error_nomem(reterr);
	case AIC_JSON_ARRAY:
	case AIC_JSON_OBJECT:
		if (!info || info->type == AICHAT_OPTION_JSON)
			break;
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "option \"%s\" is no text, number, true or false",
				     name);
	case AIC_JSON_NULL: /* takes it back */
		*ret = (struct aic_str){ 0 };
		return 0;
	default:
		break;
	}
	*ret = aic_json_raw(doc, value);
	return 0;
}

int aic_options_apply(const struct aic_json *doc, int object,
		      struct aichat_options *options, aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf key = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);

	for (int v = aic_json_first(doc, object); v >= 0;
	     v = aic_json_next(doc, object, v)) {
		struct aic_str value;
		aic_buf_reset(&key);
		if (aic_json_text(doc, aic_json_key(v), &key) < 0 ||
		    !aic_buf_reserve(&key, 0))
			return aic_error_nomem(reterr);
		if (memchr(key.data, '\0', key.len))
			return aic_error_set(reterr, AICHAT_EINVAL,
					     "the name of an option has a NUL in it");
		int result = read_value(doc, v, aic_option_find(key.data), key.data,
					&scratch, &value, reterr);
		if (result < 0 ||
		    (result = aic_options_set(options, key.data, value, "settings", false,
					      reterr)) < 0)
			return result;
	}
	return 0;
}

int aic_options_read(const struct aic_json *doc, int object,
		     struct aichat_options **ret_options, aichat_error **reterr)
{
	if (!aic_json_is(doc, object, AIC_JSON_OBJECT))
		return aic_error_set(reterr, AICHAT_EJSON, "options are no object");
	struct aichat_options *options = aichat_options_new();
	if (!options)
		return aic_error_nomem(reterr);
	int result = aic_options_apply(doc, object, options, reterr);
	if (result < 0) {
		aichat_options_free(options);
		return result;
	}
	*ret_options = options;
	return 0;
}
