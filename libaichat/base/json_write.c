#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/json_bytes.h"
#include "base/utf8.h"

static void separate(struct aic_json_writer *w)
{
	if (w->comma)
		aic_buf_putc(w->buf, ',');
	w->comma = true;
}

void aic_json_begin(struct aic_json_writer *w, char bracket)
{
	separate(w);
	aic_buf_putc(w->buf, bracket);
	w->comma = false;
}

void aic_json_end(struct aic_json_writer *w, char bracket)
{
	aic_buf_putc(w->buf, bracket);
	w->comma = true;
}

static void put_control(struct aic_buf *buf, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn\0fr"; /* 8 to 13; 11 has none */
	char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	if (c >= 8 && c <= 13 && letters[c - 8]) {
		escape[1] = letters[c - 8];
		aic_buf_append(buf, escape, 2);
	} else {
		aic_buf_append(buf, escape, sizeof(escape));
	}
}

static void put_escaped(struct aic_buf *buf, struct aic_str text)
{
	const char *at = text.data;
	const char *end = at + text.len;

	aic_buf_putc(buf, '"');
	while (at < end) {
		const char *stop = aic_json_plain(at, end);
		/* Whole characters go with the plain run that they stand in. */
		while (stop < end && (unsigned char)*stop >= 0x80) {
			size_t len = aic_utf8_sequence(stop, (size_t)(end - stop));
			if (!len)
				break;
			stop = aic_json_plain(stop + len, end);
		}
		aic_buf_append(buf, at, (size_t)(stop - at));
		at = stop;
		if (at == end)
			break;
		unsigned char c = (unsigned char)*at;
		if (c >= 0x80) {
			aic_buf_append(buf, "\xef\xbf\xbd", 3);
			at += aic_utf8_bad_prefix(at, (size_t)(end - at));
			continue;
		}
		if (c < 0x20)
			put_control(buf, c);
		else
			aic_buf_append(buf, c == '"' ? "\\\"" : "\\\\", 2);
		at++;
	}
	aic_buf_putc(buf, '"');
}

static void put_quoted(struct aic_buf *buf, struct aic_str text)
{
	char *to = aic_buf_reserve(buf, text.len + 2);

	if (!to)
		return;
	/* Nearly always nothing is escaped. */
	if (aic_json_plain(text.data, text.data + text.len) < text.data + text.len) {
		put_escaped(buf, text);
		return;
	}
	*to++ = '"';
	memcpy(to, text.data, text.len);
	to[text.len] = '"';
	to[text.len + 1] = '\0';
	buf->len += text.len + 2;
}

void aic_json_put_keyn(struct aic_json_writer *w, struct aic_str key)
{
	separate(w);
	put_quoted(w->buf, key);
	aic_buf_putc(w->buf, ':');
	w->comma = false;
}

void aic_json_put_key(struct aic_json_writer *w, const char *key)
{
	aic_json_put_keyn(w, aic_str(key));
}

void aic_json_put_str(struct aic_json_writer *w, struct aic_str text)
{
	separate(w);
	put_quoted(w->buf, text.data ? text : AIC_STR(""));
}

void aic_json_put_text(struct aic_json_writer *w, const char *text)
{
	if (text)
		aic_json_put_str(w, aic_str(text));
	else
		aic_json_put_null(w);
}

void aic_json_put_int(struct aic_json_writer *w, int64_t value)
{
	separate(w);
	aic_buf_put_int(w->buf, value);
}

/* printf() writes the program's decimal point, which may be several bytes. */
static size_t to_point(char *text)
{
	char *to = text;
	bool in_point = false;

	for (const char *from = text; *from; from++) {
		bool own = (*from >= '0' && *from <= '9') || *from == '-' ||
			   *from == '+' || *from == 'e';
		if (own)
			*to++ = *from;
		else if (!in_point)
			*to++ = '.';
		in_point = !own;
	}
	*to = '\0';
	return (size_t)(to - text);
}

void aic_json_put_double(struct aic_json_writer *w, double value)
{
	char text[64];
	double again;

	if (!isfinite(value)) {
		aic_json_put_null(w); /* JSON has no other word for it */
		return;
	}
	separate(w);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		size_t len = to_point(text);
		if (digits == 17 || (aic_json_strtod(text, &again) && again == value)) {
			aic_buf_append(w->buf, text, len);
			break;
		}
	}
}

void aic_json_put_bool(struct aic_json_writer *w, bool value)
{
	separate(w);
	aic_buf_puts(w->buf, value ? "true" : "false");
}

void aic_json_put_null(struct aic_json_writer *w)
{
	separate(w);
	aic_buf_append(w->buf, "null", 4);
}

void aic_json_put_raw(struct aic_json_writer *w, struct aic_str json)
{
	separate(w);
	aic_buf_append(w->buf, json.data, json.len);
}

void aic_json_put_member(struct aic_json_writer *w, const char *key, const char *text)
{
	if (!text)
		return;
	aic_json_put_key(w, key);
	aic_json_put_text(w, text);
}
