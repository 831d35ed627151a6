/*
 * Clocks, calendar text and randomness. In test builds the wall clock can be frozen
 * and the randomness seeded; `lock` guards the state of the seeded generator.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t aic_clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Kernels before 3.17 and some sandboxes have no getrandom(). */
static size_t read_urandom(unsigned char *to, size_t len)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < len) {
		ssize_t n = read(fd, to + done, len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (fd >= 0)
		close(fd);
	return done;
}

static void system_random(unsigned char *to, size_t len)
{
	int saved = errno;

	while (len > 0) {
		ssize_t n = getrandom(to, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			n = (ssize_t)read_urandom(to, len);
		if (n == 0)
			break; /* a machine without any randomness */
		to += n;
		len -= (size_t)n;
	}
	errno = saved;
}

#ifdef AIC_TEST_HOOKS
#include <pthread.h>
#include <stdatomic.h>

static _Atomic int64_t frozen_ms;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t seed; /* 0: real randomness */

int64_t aic_clock_unix_ms(void)
{
	int64_t frozen = atomic_load(&frozen_ms);

	return frozen ? frozen : read_clock(CLOCK_REALTIME);
}

void aic_clock_set_unix_ms(int64_t unix_ms)
{
	atomic_store(&frozen_ms, unix_ms);
}

void aic_random_seed(uint64_t new_seed)
{
	pthread_mutex_lock(&lock);
	seed = new_seed;
	pthread_mutex_unlock(&lock);
	aic_id_reset();
}

/* SplitMix64: plain, and every seed is good. */
static unsigned char next_seeded_byte(void)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	if (!seed)
		seed = 1;
	uint64_t z = seed;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned char)(z ^ z >> 31);
}

void aic_random_bytes(void *to, size_t len)
{
	pthread_mutex_lock(&lock);
	bool seeded = seed;
	for (size_t i = 0; seeded && i < len; i++)
		((unsigned char *)to)[i] = next_seeded_byte();
	pthread_mutex_unlock(&lock);
	if (!seeded)
		system_random(to, len);
}
#else
int64_t aic_clock_unix_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

void aic_random_bytes(void *to, size_t len)
{
	system_random(to, len);
}
#endif

/*
 * Days since 1970-01-01 in the Gregorian calendar, and back. Years are counted from
 * March, so that the leap day is a year's last: then a month's first day is a linear
 * function of the month, and 400 years always have 146097 days.
 */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
	if (month <= 2)
		year--;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day -
			      1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
			     day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
			       day_of_era / 146096) /
			      365;
	int64_t day_of_year = day_of_era -
			      (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t from_march = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
	*month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

#define DAY_MS INT64_C(86400000)
#define FIRST_MS (INT64_C(-719528) * DAY_MS)    /* 0000-01-01 */
#define LAST_MS (INT64_C(2932897) * DAY_MS - 1) /* 9999-12-31 */

static char *put_digits(char *to, int64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		to[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return to + digits;
}

char *aic_time_text(int64_t unix_ms, char text[AIC_TIME_TEXT])
{
	int year;
	int month;
	int day;

	/* Four digits are all that the format has. */
	unix_ms = AIC_MAX(unix_ms, FIRST_MS);
	unix_ms = AIC_MIN(unix_ms, LAST_MS);
	int64_t days = unix_ms / DAY_MS - (unix_ms % DAY_MS < 0);
	int64_t ms = unix_ms - days * DAY_MS;
	date_of_days(days, &year, &month, &day);
	char *to = put_digits(text, year, 4);
	*to++ = '-';
	to = put_digits(to, month, 2);
	*to++ = '-';
	to = put_digits(to, day, 2);
	*to++ = 'T';
	to = put_digits(to, ms / 3600000, 2);
	*to++ = ':';
	to = put_digits(to, ms / 60000 % 60, 2);
	*to++ = ':';
	to = put_digits(to, ms / 1000 % 60, 2);
	*to++ = '.';
	to = put_digits(to, ms % 1000, 3);
	*to++ = 'Z';
	*to = '\0';
	return text;
}

/* What is left of a text that is being taken apart. */
struct rest {
	const char *at;
	const char *end;
};

static bool take_char(struct rest *rest, char c)
{
	if (rest->at == rest->end || (*rest->at != c && (*rest->at | 0x20) != c))
		return false;
	rest->at++;
	return true;
}

static bool take_digits(struct rest *rest, int digits, int low, int high, int *ret)
{
	int value = 0;

	if (rest->end - rest->at < digits)
		return false;
	for (; digits; digits--, rest->at++) {
		if (*rest->at < '0' || *rest->at > '9')
			return false;
		value = value * 10 + *rest->at - '0';
	}
	*ret = value;
	return value >= low && value <= high;
}

/* `.123456`, cut to milliseconds; nothing is zero. */
static bool take_fraction(struct rest *rest, int *ret_ms)
{
	int unit = 100;

	*ret_ms = 0;
	if (!take_char(rest, '.'))
		return true;
	const char *first = rest->at;
	for (; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9'; rest->at++) {
		*ret_ms += unit * (*rest->at - '0');
		unit /= 10;
	}
	return rest->at > first;
}

static bool take_zone(struct rest *rest, int *ret_minutes)
{
	int hours;
	int minutes;

	*ret_minutes = 0;
	if (take_char(rest, 'z'))
		return true;
	int sign = take_char(rest, '+') ? 1 : take_char(rest, '-') ? -1 : 0;
	if (!sign || !take_digits(rest, 2, 0, 23, &hours) || !take_char(rest, ':') ||
	    !take_digits(rest, 2, 0, 59, &minutes))
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

static int days_in_month(int year, int month)
{
	static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (leap && month == 2);
}

bool aic_time_parse(const char *text, size_t len, int64_t *ret_unix_ms)
{
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second;
	int ms;
	int zone;

	if (!text)
		return false;
	struct rest rest = { text, text + len };
	if (!take_digits(&rest, 4, 0, 9999, &year) || !take_char(&rest, '-') ||
	    !take_digits(&rest, 2, 1, 12, &month) || !take_char(&rest, '-') ||
	    !take_digits(&rest, 2, 1, days_in_month(year, month), &day))
		return false;
	if (!take_char(&rest, 't') && !take_char(&rest, ' '))
		return false;
	/* A leap second counts as the first of the next minute. */
	if (!take_digits(&rest, 2, 0, 23, &hour) || !take_char(&rest, ':') ||
	    !take_digits(&rest, 2, 0, 59, &minute) || !take_char(&rest, ':') ||
	    !take_digits(&rest, 2, 0, 60, &second) || !take_fraction(&rest, &ms) ||
	    !take_zone(&rest, &zone) || rest.at != rest.end)
		return false;
	*ret_unix_ms = days_of_date(year, month, day) * DAY_MS +
		       (hour * 60 + minute - zone) * INT64_C(60000) + second * 1000 + ms;
	return true;
}
