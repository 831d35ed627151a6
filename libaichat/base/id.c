/*
 * UUIDs of version 7: 48 bits of milliseconds, then a counter of 32 bits that starts
 * at random (in its lower half) in each millisecond, then 42 random bits. The counter
 * is what makes ids of one millisecond sort; its lock is held for a few instructions.
 */

#include <pthread.h>

#include "base/clock.h"
#include "base/id.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_ms;
static uint32_t last_count;

/* A clock that was set back by more than this is believed; by less, time stands still. */
#define BACK_MS 10000

static void stamp(uint32_t random, int64_t *ret_ms, uint32_t *ret_count)
{
	int64_t now = aic_clock_unix_ms();

	pthread_mutex_lock(&lock);
	if (now > last_ms || now < last_ms - BACK_MS) {
		last_ms = now;
		last_count = random >> 1;
	} else if (++last_count == 0) {
		last_ms++;
	}
	*ret_ms = last_ms;
	*ret_count = last_count;
	pthread_mutex_unlock(&lock);
}

struct aic_id aic_id_new(void)
{
	struct aic_id id;
	unsigned char random[10];
	uint32_t start;
	uint32_t count;
	int64_t ms;

	aic_random_bytes(random, sizeof(random));
	memcpy(&start, random, sizeof(start));
	stamp(start, &ms, &count);
	for (int i = 0; i < 6; i++)
		id.bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
	id.bytes[6] = (unsigned char)(0x70 | count >> 28);
	id.bytes[7] = (unsigned char)(count >> 20);
	id.bytes[8] = (unsigned char)(0x80 | (count >> 14 & 0x3f));
	id.bytes[9] = (unsigned char)(count >> 6);
	id.bytes[10] = (unsigned char)(count << 2 | (random[4] & 3));
	memcpy(id.bytes + 11, random + 5, 5);
	return id;
}

#ifdef AIC_TEST_HOOKS
void aic_id_reset(void)
{
	pthread_mutex_lock(&lock);
	last_ms = 0;
	last_count = 0;
	pthread_mutex_unlock(&lock);
}
#endif

bool aic_id_is_set(const struct aic_id *id)
{
	for (size_t i = 0; i < sizeof(id->bytes); i++)
		if (id->bytes[i])
			return true;
	return false;
}

bool aic_id_equal(const struct aic_id *a, const struct aic_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *aic_id_text(const struct aic_id *id, char text[AIC_ID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	char *to = text;

	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		if (dash_before(i))
			*to++ = '-';
		*to++ = hex[id->bytes[i] >> 4];
		*to++ = hex[id->bytes[i] & 15];
	}
	*to = '\0';
	return text;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool aic_id_parse(const char *text, size_t len, struct aic_id *ret_id)
{
	struct aic_id id;

	if (!text || len != AIC_ID_TEXT - 1)
		return false;
	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		if (dash_before(i) && *text++ != '-')
			return false;
		int high = hex_value(text[0]);
		int low = hex_value(text[1]);
		if (high < 0 || low < 0)
			return false;
		id.bytes[i] = (unsigned char)(high << 4 | low);
		text += 2;
	}
	*ret_id = id;
	return true;
}
