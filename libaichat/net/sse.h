#pragma once

/*
 * Server-sent events, by the WHATWG rules ("Server-sent events", section 9.2.6), from
 * bytes cut anywhere. Pure: no I/O. Reconnection is not ours, so `id` and `retry` are
 * ignored.
 */

#include "base/buf.h"
#include "base/common.h"

#define AIC_SSE_EVENT_MAX ((size_t)64 << 20)

struct aic_sse {
	struct aic_buf line; /* a line that is not whole yet */
	struct aic_buf
		data; /* of the event that is being read, where it had to be copied */
	struct aic_buf name; /* the same */
	struct aic_str
		direct_data; /* within the bytes that are being fed; then data is empty */
	struct aic_str direct_name;
	size_t event_max;
	size_t bom_seen; /* bytes of the byte order mark that came */
	bool started;    /* the byte order mark was looked for */
	bool after_cr;   /* an LF that follows belongs to the CR */
	const char
		*at; /* behind the event that is told, in what is fed; NULL at the end */
	bool has_data;
};

/* event_max: the longest line, and the longest data of one event. */
void aic_sse_init(struct aic_sse *sse, size_t event_max);
void aic_sse_done(struct aic_sse *sse);

struct aic_sse_ops {
	/*
	 * One event that has data. Borrowed. A result other than 0 ends the feed with
	 * that result; nothing may be fed after it.
	 */
	int (*event)(void *user, struct aic_str name, struct aic_str data);
	/* A comment line: a sign of life. May be NULL. */
	void (*comment)(void *user);
};

/* 0, what ops->event returned, AICHAT_ETOOLARGE or AICHAT_ENOMEM. */
int aic_sse_feed(struct aic_sse *sse, struct aic_str bytes, const struct aic_sse_ops *ops,
		 void *user);
/*
 * The bytes are over. The standard drops an event without its blank line; providers do
 * leave it out, so it is given when its data is JSON or "[DONE]".
 */
int aic_sse_end(struct aic_sse *sse, const struct aic_sse_ops *ops, void *user);
