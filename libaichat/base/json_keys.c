/*
 * Whether two keys of an object are the same. In a small object the scan compares
 * them one by one; those of a large one go through a hash table, keyed at random so
 * that nobody can choose keys that all fall on one place.
 */

#include <pthread.h>
#include <sys/random.h>

#include <sodium.h>

#include "base/json.h"
#include "base/json_bytes.h"
#include "base/mem.h"

/* The unescaped bytes of a string, a few at a time. */
struct reader {
	const char *at;
	const char *end;
};

static struct reader read_token(const char *text, const struct aic_json_token *token)
{
	return (struct reader){ text + token->start + 1, text + token->end - 1 };
}

static size_t read_bytes(struct reader *reader, char out[4])
{
	if (*reader->at == '\\')
		return aic_json_unescape(&reader->at, reader->end, out);
	out[0] = *reader->at++;
	return 1;
}

/* Bytes of both, one after the other; an escape may stand for several. */
static bool same_unescaped(struct reader a, struct reader b)
{
	char of_a[4];
	char of_b[4];
	size_t left_a = 0;
	size_t left_b = 0;
	size_t at_a = 0;
	size_t at_b = 0;

	for (;;) {
		if (at_a == left_a && a.at < a.end) {
			left_a = read_bytes(&a, of_a);
			at_a = 0;
		}
		if (at_b == left_b && b.at < b.end) {
			left_b = read_bytes(&b, of_b);
			at_b = 0;
		}
		if (at_a == left_a || at_b == left_b)
			return at_a == left_a && at_b == left_b;
		if (of_a[at_a++] != of_b[at_b++])
			return false;
	}
}

bool aic_json_same_text(const char *text, const struct aic_json_token *a,
			const struct aic_json_token *b)
{
	size_t len = a->end - a->start;

	if (AIC_UNLIKELY(a->escaped || b->escaped))
		return same_unescaped(read_token(text, a), read_token(text, b));
	return len == b->end - b->start &&
	       memcmp(text + a->start, text + b->start, len) == 0;
}

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

/*
 * Not aic_random_bytes(): a seeded test run must not depend on whether a large object
 * came by before. Without randomness the place of a stack variable has to do.
 */
static void make_hash_key(void)
{
	if (getrandom(hash_key, sizeof(hash_key), GRND_NONBLOCK) == sizeof(hash_key))
		return;
	const unsigned char *place = hash_key;
	const void *here = &place;
	memcpy(hash_key, &place, sizeof(place));
	memcpy(hash_key + sizeof(place), &here, sizeof(here));
}

static int hash_of(const char *text, const struct aic_json_token *token,
		   struct aic_buf *scratch, size_t *ret_hash)
{
	unsigned char hash[crypto_shorthash_BYTES];
	const char *data = text + token->start + 1;
	size_t len = token->end - token->start - 2;

	if (token->escaped) {
		struct reader reader = read_token(text, token);
		aic_buf_reset(scratch);
		char *to = aic_buf_reserve(scratch, len);
		if (!to)
			return scratch->error;
		while (reader.at < reader.end) {
			char bytes[4];
			size_t n = read_bytes(&reader, bytes);
			memcpy(to, bytes, n);
			to += n;
		}
		len = (size_t)(to - scratch->data);
		data = scratch->data;
	}
	crypto_shorthash(hash, (const unsigned char *)data, len, hash_key);
	memcpy(ret_hash, hash, sizeof(*ret_hash)); /* at most the eight bytes */
	return 0;
}

/* Puts every key into the table (a power of two, all zero, at most half full). */
static int fill(struct aic_json *doc, uint32_t object, uint32_t *table, size_t mask,
		struct aic_buf *scratch)
{
	const struct aic_json_token *tokens = doc->tokens;
	uint32_t end = object + tokens[object].skip;
	size_t hash = 0;

	for (uint32_t key = object + 1; key < end; key += 1 + tokens[key + 1].skip) {
		int code = hash_of(doc->text, &tokens[key], scratch, &hash);
		if (code < 0)
			return code;
		size_t slot = hash & mask;
		for (; table[slot]; slot = (slot + 1) & mask) {
			if (!aic_json_same_text(doc->text, &tokens[table[slot]],
						&tokens[key]))
				continue;
			doc->error_at = tokens[key].start;
			doc->error_why = AIC_JSON_KEY_TWICE;
			return AICHAT_EJSON;
		}
		table[slot] = key; /* never 0: that is the root */
	}
	return 0;
}

int aic_json_check_keys(struct aic_json *doc, uint32_t object, uint32_t count)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t few[256] = { 0 };
	AIC_CLEANUP(aic_freep) uint32_t *many = NULL;
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);
	size_t size = AIC_ARRAY_LEN(few);

	pthread_once(&once, make_hash_key);
	while (size < (size_t)count * 2)
		size *= 2;
	if (size > AIC_ARRAY_LEN(few)) {
		many = aic_calloc(size, sizeof(*many));
		if (!many) {
			doc->error_why = "out of memory";
			return AICHAT_ENOMEM;
		}
	}
	return fill(doc, object, many ? many : few, size - 1, &scratch);
}
