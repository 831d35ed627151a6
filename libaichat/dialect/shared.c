#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dialect/shared.h"

/* --- memory that lives until the next reset --- */

#define ARENA_BLOCK ((size_t)4096)
#define COUNT_MAX ((int64_t)1 << 40)

struct aic_arena_block {
	struct aic_arena_block *next;
	size_t used, size;
	char bytes[];
};

char *aic_arena_get(struct aic_arena *arena, size_t size)
{
	struct aic_arena_block *block = arena->blocks;

	size = AIC_MAX(size, (size_t)1);
	if (!block || size > block->size - block->used) {
		size_t room = AIC_MAX(size, block ? block->size * 2 : ARENA_BLOCK);
		block = aic_realloc_array(NULL, sizeof(*block) + room, 1);
		if (!block) {
			arena->failed = true;
			return NULL;
		}
		*block = (struct aic_arena_block){ arena->blocks, 0, room };
		arena->blocks = block;
	}
	block->used += size;
	return block->bytes + block->used - size;
}

static void free_blocks(struct aic_arena_block *block)
{
	while (block) {
		struct aic_arena_block *next = block->next;
		aic_free(block);
		block = next;
	}
}

void aic_arena_reset(struct aic_arena *arena)
{
	arena->failed = false;
	if (!arena->blocks)
		return;
	free_blocks(arena->blocks->next);
	arena->blocks->next = NULL;
	arena->blocks->used = 0;
	/* One huge text is no reason to keep its memory for the rest of the stream. */
	if (arena->blocks->size > 256 * ARENA_BLOCK)
		aic_arena_done(arena);
}

void aic_arena_done(struct aic_arena *arena)
{
	free_blocks(arena->blocks);
	*arena = (struct aic_arena){ 0 };
}

/* --- JSON --- */

int aic_string_dup(const struct aic_json *doc, int value, char **ret)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	*ret = NULL;
	if (!aic_json_is(doc, value, AIC_JSON_STRING))
		return 0;
	if (aic_json_text(doc, value, &text) < 0)
		return text.error;
	if (text.len && memchr(text.data, '\0', text.len))
		return AICHAT_EJSON;
	*ret = aic_buf_take(&text, NULL);
	return *ret ? 0 : AICHAT_ENOMEM;
}

int64_t aic_count_read(const struct aic_json *doc, int value)
{
	int64_t count;

	return aic_json_int(doc, value, &count) && count >= 0 && count <= COUNT_MAX
		       ? count
		       : -1;
}

int aic_unwrap(const struct aic_json *doc, int value)
{
	if (aic_json_is(doc, value, AIC_JSON_ARRAY) && aic_json_count(doc, value) > 0)
		return aic_json_first(doc, value);
	return value;
}

/* --- media --- */

static bool has_prefix(struct aic_str text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text.len < len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 'a' - 'A');
		if (c != prefix[i])
			return false;
	}
	return true;
}

bool aic_data_uri_split(struct aic_str uri, struct aic_str *ret_media_type,
			struct aic_str *ret_base64)
{
	static const char marker[] = ";base64";
	const size_t marker_len = sizeof(marker) - 1;

	if (!has_prefix(uri, "data:"))
		return false;
	const char *comma = memchr(uri.data, ',', uri.len);
	if (!comma)
		return false;
	const char *type = uri.data + 5;
	size_t type_len = (size_t)(comma - type);
	if (type_len < marker_len)
		return false;
	struct aic_str end = { comma - marker_len, marker_len };
	if (!has_prefix(end, marker))
		return false;
	type_len -= marker_len;
	const char *parameter = memchr(type, ';', type_len);
	if (parameter)
		type_len = (size_t)(parameter - type);
	*ret_media_type = (struct aic_str){ type, type_len };
	*ret_base64 = (struct aic_str){ comma + 1,
					uri.len - (size_t)(comma + 1 - uri.data) };
	return true;
}

int aic_part_set_base64(struct aichat_part *part, struct aic_str base64)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf bytes = aic_buf(AIC_PART_BYTES_MAX);

	if (!aic_base64_decode(&bytes, base64.data, base64.len))
		return bytes.error ? bytes.error : AICHAT_EJSON;
	if (bytes.error)
		return bytes.error;
	aic_string_done(&part->data);
	part->data.data = aic_buf_take(&bytes, &part->data.len);
	return part->data.data ? 0 : AICHAT_ENOMEM;
}

void aic_put_base64(struct aic_json_writer *w, const char *media_type,
		    const struct aic_string *data)
{
	struct aic_buf *buf = aic_put_open(w);

	aic_buf_putc(buf, '"');
	if (media_type) {
		/* The type came from outside; only what types are made of goes in. */
		aic_buf_puts(buf, "data:");
		for (const char *c = media_type; *c; c++)
			if ((unsigned char)*c > ' ' && (unsigned char)*c < 0x7f &&
			    !strchr("\"\\,;", *c))
				aic_buf_putc(buf, *c);
		aic_buf_puts(buf, ";base64,");
	}
	aic_base64_encode(buf, data->data ? data->data : "", data->len);
	aic_buf_putc(buf, '"');
}

/* --- texts --- */

char *aic_excerpt(struct aic_str text, size_t max)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf line = { 0 };
	bool space = false;

	for (size_t i = 0; i < text.len && line.len < max && !line.error;) {
		unsigned char c = (unsigned char)text.data[i];
		size_t len = aic_utf8_sequence(text.data + i, text.len - i);
		if (c <= ' ' || c == 0x7f) {
			space = line.len > 0;
			i++;
			continue;
		}
		if (line.len + space + AIC_MAX(len, (size_t)1) > max)
			break;
		if (space)
			aic_buf_putc(&line, ' ');
		space = false;
		if (len)
			aic_buf_append(&line, text.data + i, len);
		else
			aic_buf_putc(&line, '?');
		i += AIC_MAX(len, (size_t)1);
	}
	return aic_buf_take(&line, NULL);
}
