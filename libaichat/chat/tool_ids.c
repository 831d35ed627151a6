#include <aichat/error.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "chat/tool_ids.h"

/* What a mapped id ends with, so that two that were cut alike still differ. */
#define HASH_CHARACTERS 9

void aic_tool_ids_init(struct aic_tool_ids *ids, uint32_t max, bool exact)
{
	*ids = (struct aic_tool_ids){ .max = max, .exact = exact };
}

void aic_tool_ids_done(struct aic_tool_ids *ids)
{
	aic_free(ids->seen);
}

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool fits(const struct aic_tool_ids *ids, const char *id)
{
	size_t len = id ? strlen(id) : 0;

	if (!len || (ids->max && len > ids->max) || (ids->exact && len != ids->max))
		return false;
	for (const char *c = id; *c; c++)
		if (!is_letter_or_digit(*c) && (ids->exact || (*c != '_' && *c != '-')))
			return false;
	return true;
}

/* FNV-1a; 0 stands for a free place. */
static uint64_t hash(const char *id)
{
	uint64_t h = 14695981039346656037u;

	for (const char *c = id; *c; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211u;
	return h ? h : 1;
}

static bool insert(uint64_t *table, size_t capacity, uint64_t h)
{
	for (size_t i = h & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
		if (table[i] == h)
			return false;
		if (!table[i]) {
			table[i] = h;
			return true;
		}
	}
}

/* 1: it is new, and known from now on; 0: it is taken. */
static int take(struct aic_tool_ids *ids, const char *id)
{
	if (ids->count * 2 >= ids->capacity) {
		size_t larger = ids->capacity ? ids->capacity * 2 : 32;
		uint64_t *table = aic_calloc(larger, sizeof(*table));
		if (!table)
			return AICHAT_ENOMEM;
		for (size_t i = 0; i < ids->capacity; i++)
			if (ids->seen[i])
				insert(table, larger, ids->seen[i]);
		aic_free(ids->seen);
		ids->seen = table;
		ids->capacity = larger;
	}
	if (!insert(ids->seen, ids->capacity, hash(id)))
		return 0;
	ids->count++;
	return 1;
}

/* The n-th substitute of an id: as much of it as can stay, then its hash. */
static int substitute(const struct aic_tool_ids *ids, const char *id, unsigned n,
		      char **ret_id)
{
	static const char letters[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	AIC_CLEANUP(aic_buf_done) struct aic_buf seed = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	unsigned char digest[AIC_DIGEST_BYTES];
	size_t max = ids->max ? ids->max : 40;

	aic_buf_printf(&seed, "%u:%s", n, id ? id : "");
	if (seed.error)
		return seed.error;
	aic_blake2b(seed.data, seed.len, digest);
	for (const char *c = id;
	     !ids->exact && c && *c && out.len + HASH_CHARACTERS + 1 < max; c++)
		aic_buf_putc(&out, is_letter_or_digit(*c) || *c == '-' ? *c : '_');
	if (out.len)
		aic_buf_putc(&out, '_');
	for (size_t i = 0; i < HASH_CHARACTERS && out.len < max; i++)
		aic_buf_putc(&out, letters[digest[i] % (sizeof(letters) - 1)]);
	*ret_id = aic_buf_take(&out, NULL);
	return *ret_id ? 0 : AICHAT_ENOMEM;
}

int aic_tool_ids_map(struct aic_tool_ids *ids, const char *id, char **ret_id)
{
	if (fits(ids, id)) {
		int taken = take(ids, id);
		if (taken < 0)
			return taken;
		*ret_id = taken ? aic_strdup(id) : NULL;
		if (taken)
			return *ret_id ? 0 : AICHAT_ENOMEM;
	}
	for (unsigned n = 0;; n++) {
		int rc = substitute(ids, id, n, ret_id);
		if (rc == 0)
			rc = take(ids, *ret_id);
		if (rc > 0)
			return 0;
		aic_free(*ret_id);
		*ret_id = NULL;
		if (rc < 0)
			return rc;
	}
}
