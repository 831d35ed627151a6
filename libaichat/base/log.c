#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

/* Longer lines are cut: a log line that needs memory could not tell that there is none.
 */
#define LINE_MAX_BYTES 1024

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
	/* A cut must not leave half a character. */
	if ((size_t)len >= sizeof(line)) {
		size_t end = sizeof(line) - 1;
		while (end > 0 && ((unsigned char)line[end] & 0xc0) == 0x80)
			end--;
		line[AIC_MIN(end, sizeof(line) - 1)] = '\0';
	}
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
	log->hook(log->user, level, line);
}
