#include <stdarg.h>
#include <stdio.h>

#include <aichat/error.h>

#include "base/buf.h"
#include "base/mem.h"

void aic_buf_done(struct aic_buf *buf)
{
	aic_free(buf->data);
	*buf = aic_buf(buf->max);
}

void aic_buf_reset(struct aic_buf *buf)
{
	buf->len = 0;
	buf->error = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *aic_buf_reserve(struct aic_buf *buf, size_t more)
{
	size_t max = buf->max ? buf->max : AIC_BUF_MAX;

	if (buf->error)
		return NULL;
	if (more > max - AIC_MIN(buf->len, max)) {
		buf->error = AICHAT_ETOOLARGE;
		return NULL;
	}
	size_t need = buf->len + more + 1;
	if (need > buf->capacity) {
		size_t larger = AIC_MAX(buf->capacity * 2, (size_t)64);
		larger = AIC_MAX(larger, need);
		char *data = aic_realloc_array(buf->data, larger, 1);
		if (!data) {
			buf->error = AICHAT_ENOMEM;
			return NULL;
		}
		buf->data = data;
		buf->capacity = larger;
	}
	return buf->data + buf->len;
}

int aic_buf_append(struct aic_buf *buf, const void *data, size_t len)
{
	char *to = aic_buf_reserve(buf, len);

	if (!to)
		return buf->error;
	if (len)
		memcpy(to, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return 0;
}

int aic_buf_puts(struct aic_buf *buf, const char *text)
{
	return aic_buf_append(buf, text, strlen(text));
}

int aic_buf_printf(struct aic_buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return buf->error = AICHAT_EINTERNAL;
	char *to = aic_buf_reserve(buf, (size_t)len);
	if (!to)
		return buf->error;
	va_start(args, format);
	vsnprintf(to, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
	return 0;
}

int aic_buf_put_int(struct aic_buf *buf, int64_t value)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--at = '-';
	return aic_buf_append(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void aic_buf_consume(struct aic_buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf->len = 0;
	} else {
		memmove(buf->data, buf->data + len, buf->len - len);
		buf->len -= len;
	}
	if (buf->data)
		buf->data[buf->len] = '\0';
}

char *aic_buf_take(struct aic_buf *buf, size_t *ret_len)
{
	if (buf->error || !aic_buf_reserve(buf, 0))
		return NULL;
	buf->data[buf->len] = '\0';
	if (ret_len)
		*ret_len = buf->len;
	buf->capacity = 0;
	buf->len = 0;
	return AIC_TAKE(buf->data);
}
