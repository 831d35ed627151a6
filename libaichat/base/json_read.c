/*
 * Reading the tape that the scan left. Every function takes AIC_JSON_NONE and numbers
 * out of range. What the scan has checked is not checked again.
 */

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/json_bytes.h"
#include "base/mem.h"
#include "base/utf8.h"

static const struct aic_json_token *token_of(const struct aic_json *doc, int value)
{
	return value >= 0 && (uint32_t)value < doc->count ? &doc->tokens[value] : NULL;
}

static const struct aic_json_token *token_if(const struct aic_json *doc, int value,
					     enum aic_json_type type)
{
	const struct aic_json_token *token = token_of(doc, value);

	return token && token->type == type ? token : NULL;
}

enum aic_json_type aic_json_type(const struct aic_json *doc, int value)
{
	const struct aic_json_token *token = token_of(doc, value);

	return token ? token->type : AIC_JSON_ABSENT;
}

/* What stands between a string's quotes. */
static struct aic_str inside(const struct aic_json *doc,
			     const struct aic_json_token *token)
{
	return (struct aic_str){ doc->text + token->start + 1,
				 token->end - token->start - 2 };
}

size_t aic_json_unescape(const char **at, const char *end, char out[4])
{
	const char *from = *at;
	char c = from[1];

	*at += 2;
	switch (c) {
	case 'b':
		out[0] = '\b';
		return 1;
	case 'f':
		out[0] = '\f';
		return 1;
	case 'n':
		out[0] = '\n';
		return 1;
	case 'r':
		out[0] = '\r';
		return 1;
	case 't':
		out[0] = '\t';
		return 1;
	case 'u':
		break;
	default:
		out[0] = c;
		return 1;
	}
	uint32_t code = (uint32_t)aic_json_hex4(from + 2);
	*at += 4;
	if (code >= 0xd800 && code < 0xe000) {
		int32_t low = -1;
		if (code < 0xdc00 && end - from >= 12 && from[6] == '\\' &&
		    from[7] == 'u')
			low = aic_json_hex4(from + 8);
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) +
			       ((uint32_t)low - 0xdc00);
			*at += 6;
		} else {
			code = 0xfffd;
		}
	}
	return aic_utf8_encode(code, out);
}

static bool equals(const struct aic_json *doc, const struct aic_json_token *token,
		   struct aic_str text)
{
	struct aic_str raw = inside(doc, token);

	if (AIC_LIKELY(!token->escaped))
		return raw.len == text.len && memcmp(raw.data, text.data, text.len) == 0;
	if (raw.len < text.len)
		return false;
	const char *at = raw.data;
	const char *end = raw.data + raw.len;
	while (at < end) {
		char bytes[4] = { *at };
		size_t len = 1;
		if (*at == '\\')
			len = aic_json_unescape(&at, end, bytes);
		else
			at++;
		if (len > text.len || memcmp(bytes, text.data, len) != 0)
			return false;
		text.data += len;
		text.len -= len;
	}
	return text.len == 0;
}

bool aic_json_equals(const struct aic_json *doc, int string, const char *text)
{
	const struct aic_json_token *token = token_if(doc, string, AIC_JSON_STRING);

	return token && equals(doc, token, aic_str(text));
}

int aic_json_getn(const struct aic_json *doc, int object, struct aic_str key)
{
	const struct aic_json_token *token = token_if(doc, object, AIC_JSON_OBJECT);

	if (!token)
		return AIC_JSON_NONE;
	const struct aic_json_token *end = token + token->skip;
	const struct aic_json_token *at = token + 1;
	for (; at < end; at += 1 + at[1].skip) {
		/* Nearly every key that is not the one has another length. */
		if (AIC_LIKELY(at->end - at->start - 2 != key.len && !at->escaped))
			continue;
		if (equals(doc, at, key))
			return (int)(at - doc->tokens) + 1;
	}
	return AIC_JSON_NONE;
}

int aic_json_get_set(const struct aic_json *doc, int object, const char *key)
{
	int value = aic_json_get(doc, object, key);

	return aic_json_is(doc, value, AIC_JSON_NULL) ? AIC_JSON_NONE : value;
}

int aic_json_at(const struct aic_json *doc, int array, uint32_t n)
{
	if (!token_if(doc, array, AIC_JSON_ARRAY))
		return AIC_JSON_NONE;
	int value = aic_json_first(doc, array);
	while (value >= 0 && n-- > 0)
		value = aic_json_next(doc, array, value);
	return value;
}

uint32_t aic_json_count(const struct aic_json *doc, int container)
{
	const struct aic_json_token *token = token_of(doc, container);

	if (!token || token->type < AIC_JSON_ARRAY)
		return 0;
	if (token->count < AIC_JSON_COUNT_MAX)
		return token->count;
	uint32_t count = 0;
	for (int v = aic_json_first(doc, container); v >= 0;
	     v = aic_json_next(doc, container, v))
		count++;
	return count;
}

/* Where the value of a member or the element that starts at `at` is, if it is inside. */
static int value_at(const struct aic_json_token *container, int number, uint32_t at)
{
	if (at >= (uint32_t)number + container->skip)
		return AIC_JSON_NONE;
	return (int)at + (container->type == AIC_JSON_OBJECT);
}

int aic_json_first(const struct aic_json *doc, int container)
{
	const struct aic_json_token *token = token_of(doc, container);

	if (!token || token->type < AIC_JSON_ARRAY)
		return AIC_JSON_NONE;
	return value_at(token, container, (uint32_t)container + 1);
}

int aic_json_next(const struct aic_json *doc, int container, int value)
{
	const struct aic_json_token *token = token_of(doc, container);
	const struct aic_json_token *last = token_of(doc, value);

	if (!token || !last || token->type < AIC_JSON_ARRAY)
		return AIC_JSON_NONE;
	return value_at(token, container, (uint32_t)value + last->skip);
}

struct aic_str aic_json_raw(const struct aic_json *doc, int value)
{
	const struct aic_json_token *token = token_of(doc, value);

	if (!token)
		return (struct aic_str){ "", 0 };
	return (struct aic_str){ doc->text + token->start, token->end - token->start };
}

int aic_json_text(const struct aic_json *doc, int string, struct aic_buf *buf)
{
	const struct aic_json_token *token = token_if(doc, string, AIC_JSON_STRING);

	if (!token)
		return buf->error;
	struct aic_str raw = inside(doc, token);
	/* No escape means more bytes than it has. */
	char *to = aic_buf_reserve(buf, raw.len);
	if (!to)
		return buf->error;
	const char *at = raw.data;
	const char *end = raw.data + raw.len;
	while (at < end) {
		const char *escape = token->escaped ? memchr(at, '\\', (size_t)(end - at))
						    : NULL;
		size_t plain = (size_t)((escape ? escape : end) - at);
		memcpy(to, at, plain);
		to += plain;
		at += plain;
		if (escape) {
			char bytes[4];
			size_t len = aic_json_unescape(&at, end, bytes);
			memcpy(to, bytes, len);
			to += len;
		}
	}
	*to = '\0';
	buf->len = (size_t)(to - buf->data);
	return 0;
}

size_t aic_json_text_len(const struct aic_json *doc, int string)
{
	const struct aic_json_token *token = token_if(doc, string, AIC_JSON_STRING);

	if (!token)
		return 0;
	struct aic_str raw = inside(doc, token);
	if (!token->escaped)
		return raw.len;
	size_t len = raw.len;
	const char *at = raw.data;
	const char *end = raw.data + raw.len;
	while ((at = memchr(at, '\\', (size_t)(end - at)))) {
		char bytes[4];
		const char *escape = at;
		size_t means = aic_json_unescape(&at, end, bytes);
		len -= (size_t)(at - escape) - means;
	}
	return len;
}

struct aic_str aic_json_str(const struct aic_json *doc, int string,
			    struct aic_buf *scratch)
{
	const struct aic_json_token *token = token_if(doc, string, AIC_JSON_STRING);

	if (!token)
		return (struct aic_str){ NULL, 0 };
	if (!token->escaped)
		return inside(doc, token);
	aic_buf_reset(scratch);
	if (aic_json_text(doc, string, scratch) < 0)
		return (struct aic_str){ NULL, 0 };
	return aic_buf_str(scratch);
}

char *aic_json_strdup(const struct aic_json *doc, int string)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf buf = aic_buf(0);

	if (!token_if(doc, string, AIC_JSON_STRING) ||
	    aic_json_text(doc, string, &buf) < 0 ||
	    memchr(aic_buf_str(&buf).data, '\0', buf.len))
		return NULL;
	return aic_buf_take(&buf, NULL);
}

bool aic_json_bool(const struct aic_json *doc, int value, bool otherwise)
{
	enum aic_json_type type = aic_json_type(doc, value);

	return type == AIC_JSON_TRUE || (type != AIC_JSON_FALSE && otherwise);
}

/* 2^53: below it every whole number is a double of its own. */
#define EXACT 9007199254740992.0

bool aic_json_int(const struct aic_json *doc, int value, int64_t *ret)
{
	const struct aic_json_token *token = token_if(doc, value, AIC_JSON_NUMBER);
	double number;

	if (!token)
		return false;
	if (!token->integer) {
		/* Some write 1.0 or 1e3 for whole numbers. */
		if (!aic_json_double(doc, value, &number) || number < -EXACT ||
		    number > EXACT || number != floor(number))
			return false;
		*ret = (int64_t)number;
		return true;
	}
	const char *at = doc->text + token->start;
	const char *end = doc->text + token->end;
	bool negative = *at == '-';
	int64_t result = 0;
	for (at += negative; at < end; at++) {
		int digit = *at - '0';
		if (__builtin_mul_overflow(result, 10, &result) ||
		    __builtin_sub_overflow(result, digit, &result))
			return false;
	}
	/* Gathered below zero, where one more number fits than above. */
	if (!negative && __builtin_sub_overflow(0, result, &result))
		return false;
	*ret = result;
	return true;
}

static locale_t c_locale;

static void make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool aic_json_strtod(const char *text, double *ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int saved = errno;

	pthread_once(&once, make_c_locale);
	if (!c_locale)
		return false;
	*ret = strtod_l(text, NULL, c_locale);
	errno = saved;
	return isfinite(*ret);
}

/*
 * Up to 15 digits and a power of ten up to 22 are both exact doubles, so that one
 * multiplication or division rounds once, correctly.
 */
static bool short_double(const char *at, const char *end, double *ret)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	bool negative = *at == '-';
	uint64_t digits = 0;
	int exponent = 0;
	bool fraction = false;

	if (FLT_EVAL_METHOD != 0 || end - at > 17)
		return false;
	for (at += negative; at < end && *at != 'e' && *at != 'E'; at++) {
		if (*at == '.') {
			fraction = true;
			continue;
		}
		digits = digits * 10 + (uint64_t)(*at - '0');
		exponent -= fraction;
	}
	if (at < end) {
		int written = 0;
		bool below = *++at == '-';
		at += *at == '-' || *at == '+';
		for (; at < end && written < 1000; at++)
			written = written * 10 + *at - '0';
		exponent += below ? -written : written;
	}
	if (digits >= UINT64_C(1) << 53 || exponent < -22 || exponent > 22)
		return false;
	double result = (double)digits;
	result = exponent < 0 ? result / powers[-exponent] : result * powers[exponent];
	*ret = negative ? -result : result;
	return true;
}

bool aic_json_double(const struct aic_json *doc, int value, double *ret)
{
	const struct aic_json_token *token = token_if(doc, value, AIC_JSON_NUMBER);

	if (!token)
		return false;
	const char *text = doc->text + token->start;
	if (short_double(text, doc->text + token->end, ret))
		return true;
	/* Whatever follows a number inside a text stops strtod(); at its end nothing
	 * does. */
	if (token->end < doc->len)
		return aic_json_strtod(text, ret);
	AIC_CLEANUP(aic_freep) char *copy = aic_strndup(text, token->end - token->start);
	return copy && aic_json_strtod(copy, ret);
}
