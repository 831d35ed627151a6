#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/utf8.h"

/* Longer lines are cut: one that needs memory could not tell that there is none. */
#define LINE_MAX_BYTES 1024

/* What a cut left of the last character. */
static void drop_half_character(char *line, size_t len)
{
	size_t start = len - 1;

	while (start > 0 && len - start < 4 &&
	       ((unsigned char)line[start] & 0xc0) == 0x80)
		start--;
	if (!aic_utf8_sequence(line + start, len - start))
		line[start] = '\0';
}

void aic_log(const struct aic_log *log, int level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	if (!log || !log->hook || level > log->level)
		return;
	va_start(args, format);
	int len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line))
		drop_half_character(line, sizeof(line) - 1);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
	log->hook(log->user, level, line);
}
