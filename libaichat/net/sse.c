/*
 * Bytes to lines, lines to fields, fields to events.
 *
 * The usual event is one `data:` line that lies whole within the bytes that are fed, and
 * then nothing is copied: direct_data points at it. What must outlive the feed, or has
 * several data lines, is moved to a buffer (settle()).
 *
 * A line ends at LF, CR or CRLF. The next LF and the next CR are each looked for once and
 * remembered, so that no mix of line ends makes the scan quadratic.
 */

#include <aichat/error.h>

#include "base/json.h"
#include "net/sse.h"

static const char byte_order_mark[] = "\xEF\xBB\xBF";

void aic_sse_init(struct aic_sse *sse, size_t event_max)
{
	*sse = (struct aic_sse){
		.line = aic_buf(event_max),
		.data = aic_buf(event_max),
		.name = aic_buf(event_max),
		.event_max = event_max,
	};
}

void aic_sse_done(struct aic_sse *sse)
{
	aic_buf_done(&sse->line);
	aic_buf_done(&sse->data);
	aic_buf_done(&sse->name);
}

/* Keep what points into bytes that are about to go. */
static int settle(struct aic_sse *sse)
{
	if (sse->direct_data.data) {
		aic_buf_append(&sse->data, sse->direct_data.data, sse->direct_data.len);
		sse->direct_data = (struct aic_str){ 0 };
	}
	if (sse->direct_name.data) {
		aic_buf_append(&sse->name, sse->direct_name.data, sse->direct_name.len);
		sse->direct_name = (struct aic_str){ 0 };
	}
	return sse->data.error ? sse->data.error : sse->name.error;
}

static int dispatch(struct aic_sse *sse, const struct aic_sse_ops *ops, void *user)
{
	struct aic_str data = sse->direct_data.data ? sse->direct_data
						    : aic_buf_str(&sse->data);
	struct aic_str name = sse->direct_name.data ? sse->direct_name
						    : aic_buf_str(&sse->name);
	int result = 0;

	if (data.len > 0)
		result = ops->event(user, name, data);
	sse->direct_data = (struct aic_str){ 0 };
	sse->direct_name = (struct aic_str){ 0 };
	aic_buf_reset(&sse->data);
	aic_buf_reset(&sse->name);
	sse->has_data = false;
	return result;
}

static int take_data(struct aic_sse *sse, struct aic_str value, bool lasting)
{
	if (!sse->has_data && lasting) {
		sse->direct_data = value;
		sse->has_data = true;
		return 0;
	}
	int result = settle(sse);
	if (result)
		return result;
	if (sse->has_data)
		aic_buf_putc(&sse->data, '\n');
	sse->has_data = true;
	return aic_buf_append(&sse->data, value.data, value.len);
}

static int take_name(struct aic_sse *sse, struct aic_str value, bool lasting)
{
	sse->direct_name = lasting ? value : (struct aic_str){ 0 };
	aic_buf_reset(&sse->name);
	return lasting ? 0 : aic_buf_append(&sse->name, value.data, value.len);
}

/* One line without its end. lasting: it stays where it is until the feed returns. */
static int take_line(struct aic_sse *sse, struct aic_str line, bool lasting,
		     const struct aic_sse_ops *ops, void *user)
{
	if (line.len == 0)
		return dispatch(sse, ops, user);
	if (line.data[0] == ':') {
		if (ops->comment)
			ops->comment(user);
		return 0;
	}
	const char *colon = memchr(line.data, ':', line.len);
	struct aic_str field = line;
	struct aic_str value = { "", 0 };
	if (colon) {
		field.len = (size_t)(colon - line.data);
		value.data = colon + 1;
		value.len = line.len - field.len - 1;
		if (value.len > 0 && *value.data == ' ') {
			value.data++;
			value.len--;
		}
	}
	if (aic_str_equal(field, AIC_STR("data")))
		return take_data(sse, value, lasting);
	if (aic_str_equal(field, AIC_STR("event")))
		return take_name(sse, value, lasting);
	return 0;
}

/* Skip a byte order mark at the very start, however it is cut. */
static int skip_mark(struct aic_sse *sse, struct aic_str *bytes)
{
	while (!sse->started && bytes->len > 0) {
		if (*bytes->data != byte_order_mark[sse->bom_seen]) {
			/* What looked like one begins the first line. */
			sse->started = true;
			return aic_buf_append(&sse->line, byte_order_mark, sse->bom_seen);
		}
		bytes->data++;
		bytes->len--;
		sse->started = ++sse->bom_seen == sizeof(byte_order_mark) - 1;
	}
	return 0;
}

/* One line that ends within the bytes; its start may wait in the buffer. */
static int end_line(struct aic_sse *sse, struct aic_str rest,
		    const struct aic_sse_ops *ops, void *user)
{
	if (sse->line.len == 0) {
		if (rest.len > sse->event_max)
			return AICHAT_ETOOLARGE;
		return take_line(sse, rest, true, ops, user);
	}
	int result = aic_buf_append(&sse->line, rest.data, rest.len);
	if (!result)
		result = take_line(sse, aic_buf_str(&sse->line), false, ops, user);
	aic_buf_reset(&sse->line);
	return result;
}

int aic_sse_feed(struct aic_sse *sse, struct aic_str bytes, const struct aic_sse_ops *ops,
		 void *user)
{
	int result = skip_mark(sse, &bytes);
	if (result || bytes.len == 0)
		return result;

	const char *at = bytes.data;
	const char *end = bytes.data + bytes.len;
	const char *lf = NULL; /* the next one at or after `at`; end if there is none */
	const char *cr = NULL;

	if (sse->after_cr) {
		sse->after_cr = false;
		at += *at == '\n';
	}
	while (at < end) {
		if (!lf || lf < at)
			lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf)
			lf = end;
		if (!cr || cr < at)
			cr = memchr(at, '\r', (size_t)(end - at));
		if (!cr)
			cr = end;
		const char *stop = AIC_MIN(lf, cr);
		if (stop == end)
			break;
		struct aic_str rest = { at, (size_t)(stop - at) };
		at = stop + 1;
		if (*stop == '\r') {
			sse->after_cr = at == end;
			at += at < end && *at == '\n';
		}
		sse->at = at;
		result = end_line(sse, rest, ops, user);
		if (result)
			return result;
	}
	result = settle(sse);
	if (!result && at < end)
		result = aic_buf_append(&sse->line, at, (size_t)(end - at));
	return result;
}

static bool is_whole(struct aic_str data)
{
	struct aic_json doc = { 0 };
	bool whole = false;

	while (data.len > 0 &&
	       (data.data[data.len - 1] == ' ' || data.data[data.len - 1] == '\t'))
		data.len--;
	if (aic_str_equal(data, AIC_STR("[DONE]")))
		return true;
	whole = aic_json_scan(&doc, data.data, data.len, &aic_json_wire) == 0;
	aic_json_done(&doc);
	return whole;
}

int aic_sse_end(struct aic_sse *sse, const struct aic_sse_ops *ops, void *user)
{
	sse->at = NULL;
	if (sse->line.len > 0) {
		int result = take_line(sse, aic_buf_str(&sse->line), false, ops, user);
		aic_buf_reset(&sse->line);
		if (result)
			return result;
	}
	if (sse->has_data && is_whole(aic_buf_str(&sse->data)))
		return dispatch(sse, ops, user);
	return 0;
}
