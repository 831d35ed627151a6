#pragma once

/*
 * A growing byte buffer with a stated maximum. The first failure sticks: later
 * appends do nothing, so that a writer checks once, at the end. Data is always
 * NUL-terminated (the NUL is not counted).
 */

#include "base/common.h"

struct aic_buf {
	char *data; /* NULL only while empty and never written */
	size_t len;
	size_t capacity;
	size_t max; /* bytes; 0 = AIC_BUF_MAX */
	int error;  /* AICHAT_ENOMEM or AICHAT_ETOOLARGE */
};

#define AIC_BUF_MAX ((size_t)1 << 30)

static inline struct aic_buf aic_buf(size_t max)
{
	return (struct aic_buf){ .max = max };
}

void aic_buf_done(struct aic_buf *buf);
/* Keeps the memory, forgets content and error. */
void aic_buf_reset(struct aic_buf *buf);
/* Room for so many more bytes; returns where they go, NULL on failure. */
char *aic_buf_reserve(struct aic_buf *buf, size_t more);
int aic_buf_append(struct aic_buf *buf, const void *data, size_t len);
int aic_buf_puts(struct aic_buf *buf, const char *text);
int aic_buf_printf(struct aic_buf *buf, const char *format, ...) AIC_PRINTF(2, 3);
/* Locale-free decimal. */
int aic_buf_put_int(struct aic_buf *buf, int64_t value);
/* Drop bytes from the front. */
void aic_buf_consume(struct aic_buf *buf, size_t len);
/* Hand the NUL-terminated data over (aic_free); NULL if the buffer had failed. */
char *aic_buf_take(struct aic_buf *buf, size_t *ret_len);

static inline int aic_buf_putc(struct aic_buf *buf, char c)
{
	bool fits = buf->len + 1 < buf->capacity && !buf->error &&
		    buf->len < (buf->max ? buf->max : AIC_BUF_MAX);

	if (!fits)
		return aic_buf_append(buf, &c, 1);
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
	return 0;
}

static inline struct aic_str aic_buf_str(const struct aic_buf *buf)
{
	return (struct aic_str){ buf->data ? buf->data : "", buf->len };
}
