/*
 * The option table and its names: which row a name belongs to, and which name was meant
 * by one that belongs to none.
 */

#include <stdio.h>

#include "base/utf8.h"
#include "model/options_value.h"

#define NAME_PART_MAX 64

/* clang-format off */
static const struct aic_option_info table[] = {
#define OPTION(name, type, where, minimum, maximum, fallback, help)                      \
	{ name, AICHAT_OPTION_##type, AIC_OPTION_##where, minimum, maximum,              \
	  fallback, help },
#include "model/options.def"
#undef OPTION
};
/* clang-format on */

const struct aic_option_info *aic_option_row(size_t n)
{
	return n < AIC_ARRAY_LEN(table) ? &table[n] : NULL;
}

static bool all_of(struct aic_str text, const char *allowed)
{
	for (size_t i = 0; i < text.len; i++)
		if (!text.data[i] || !strchr(allowed, text.data[i]))
			return false;
	return true;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Whether a part of the user's choosing is one. */
static bool is_name_part(const char *row, struct aic_str part)
{
	if (part.len == 0 || part.len > NAME_PART_MAX)
		return false;
	if (starts(row, "provider."))
		return all_of(part, LOWER "_-");
	if (starts(row, "alias."))
		return all_of(part, LOWER UPPER "_.-");
	/* A member of the request's body: what a provider may call one. */
	for (size_t i = 0; i < part.len; i++)
		if ((unsigned char)part.data[i] < 0x20 || part.data[i] == 0x7f)
			return false;
	return aic_utf8_valid(part.data, part.len);
}

/* Whether a name is this row's, which has NAME in it. */
static bool matches(const char *row, const char *hole, const char *name)
{
	size_t before = (size_t)(hole - row);
	size_t after = strlen(hole + 4);
	size_t len = strlen(name);

	if (len <= before + after || memcmp(row, name, before) != 0 ||
	    strcmp(name + len - after, hole + 4) != 0)
		return false;
	return is_name_part(row, (struct aic_str){ name + before, len - before - after });
}

const struct aic_option_info *aic_option_find(const char *name)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(table); i++) {
		const char *hole = strstr(table[i].name, "NAME");
		if (hole ? matches(table[i].name, hole, name)
			 : strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

#define GUESS_MAX 128

/* Edit distance with swaps of neighbours; both shorter than GUESS_MAX. */
static unsigned distance(const char *a, const char *b)
{
	unsigned char rows[3][GUESS_MAX + 1];
	size_t b_len = strlen(b);

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned char)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned char *now = rows[i % 3], *last = rows[(i - 1) % 3];
		const unsigned char *before = rows[(i + 1) % 3];
		now[0] = (unsigned char)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
			best = AIC_MIN(best, last[j] + 1u);
			best = AIC_MIN(best, now[j - 1] + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				best = AIC_MIN(best, before[j - 2] + 1u);
			now[j] = (unsigned char)best;
		}
	}
	return rows[strlen(a) % 3][b_len];
}

/* The row's name with the user's own part of `name` in it: the piece after the first dot,
 * up to the next where the row goes on. */
static bool fill_in(const char *row, const char *name, char guess[GUESS_MAX])
{
	const char *hole = strstr(row, "NAME");
	const char *own = strchr(name, '.');

	if (!hole)
		return snprintf(guess, GUESS_MAX, "%s", row) < GUESS_MAX;
	if (!own)
		return false;
	own++;
	size_t len = hole[4] ? strcspn(own, ".") : strlen(own);
	if (!is_name_part(row, (struct aic_str){ own, len }))
		return false;
	return snprintf(guess, GUESS_MAX, "%.*s%.*s%s", (int)(hole - row), row, (int)len,
			own, hole + 4) < GUESS_MAX;
}

int aic_option_unknown(const char *name, aichat_error **reterr)
{
	char guess[GUESS_MAX], nearest[GUESS_MAX] = "";
	size_t len = strlen(name);
	unsigned least = (unsigned)AIC_MIN(len, (size_t)12) / 3 + 1;

	if (len >= GUESS_MAX || !aic_utf8_valid(name, len))
		return aic_error_set(reterr, AICHAT_EINVAL, "unknown option");
	for (size_t i = 0; i < AIC_ARRAY_LEN(table); i++) {
		if (!fill_in(table[i].name, name, guess))
			continue;
		unsigned d = distance(name, guess);
		if (d && d < least) {
			least = d;
			memcpy(nearest, guess, sizeof(nearest));
		}
	}
	if (!*nearest)
		return aic_error_set(reterr, AICHAT_EINVAL, "unknown option \"%s\"",
				     name);
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "unknown option \"%s\": did you mean \"%s\"?", name,
			     nearest);
}
