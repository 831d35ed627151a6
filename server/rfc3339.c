#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rfc3339.h"

char *time_text(int64_t unix_ms, char text[TIME_TEXT])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm parts;
	size_t len = 0;

	if (gmtime_r(&seconds, &parts))
		len = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + len, TIME_TEXT - len, ".%03dZ", (int)(unix_ms % 1000));
	return text;
}

/* So many digits, as a number up to `most`; -1. */
static int digits(const char **at, int count, int most)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + **at - '0';
	}
	return value <= most ? value : -1;
}

static bool expect(const char **at, char c)
{
	return *(*at)++ == c;
}

/* "Z", "+02:00": minutes to take away. */
static bool read_zone(const char *at, int *ret_minutes)
{
	*ret_minutes = 0;
	if (*at == 'Z' || *at == 'z')
		return at[1] == '\0';
	if (*at != '+' && *at != '-')
		return false;
	int sign = *at++ == '+' ? 1 : -1;
	int hours = digits(&at, 2, 23);
	if (hours < 0 || *at++ != ':')
		return false;
	int minutes = digits(&at, 2, 59);
	*ret_minutes = sign * (hours * 60 + minutes);
	return minutes >= 0 && *at == '\0';
}

bool time_read(const char *text, int64_t *ret_unix_ms)
{
	const char *at = text;
	struct tm parts = { 0 };
	int zone, ms = 0;

	if ((parts.tm_year = digits(&at, 4, 9999) - 1900) < 70 || !expect(&at, '-') ||
	    (parts.tm_mon = digits(&at, 2, 12) - 1) < 0 || !expect(&at, '-') ||
	    (parts.tm_mday = digits(&at, 2, 31)) < 1 || (*at != 'T' && *at != 't') ||
	    !at++ || (parts.tm_hour = digits(&at, 2, 23)) < 0 || !expect(&at, ':') ||
	    (parts.tm_min = digits(&at, 2, 59)) < 0 || !expect(&at, ':') ||
	    (parts.tm_sec = digits(&at, 2, 60)) < 0)
		return false;
	if (*at == '.') {
		size_t count = strspn(++at, "0123456789");
		if (count == 0)
			return false;
		for (size_t i = 0, unit = 100; i < count && unit; i++, unit /= 10)
			ms += (int)unit * (at[i] - '0');
		at += count;
	}
	if (!read_zone(at, &zone))
		return false;
	int day = parts.tm_mday;
	parts.tm_sec = parts.tm_sec == 60 ? 59 : parts.tm_sec; /* a leap second */
	time_t seconds = timegm(&parts);
	/* The thirtieth of February comes out as another day. */
	if (parts.tm_mday != day)
		return false;
	*ret_unix_ms = ((int64_t)seconds - zone * 60) * 1000 + ms;
	return *ret_unix_ms >= 0;
}
