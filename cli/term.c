/*
 * The filter between other people's text and the terminal, and the UTF-8 it works on.
 *
 * It looks at decoded characters, so that neither a sequence that is split between two
 * pieces nor an overlong one can hide a control. Nothing of an escape sequence needs to
 * be understood: without its ESC it is only text.
 */

#include <stdlib.h>
#include <string.h>

#include "term.h"

#define REPLACEMENT 0xfffdu
#define PICTURES 0x2400u /* the pictures of the C0 controls, U+2400 and on */

static size_t encode(uint32_t code, char *out)
{
	unsigned char *to = (unsigned char *)out;

	if (code < 0x80) {
		to[0] = (unsigned char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (unsigned char)(0xc0 | code >> 6);
		to[1] = (unsigned char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (unsigned char)(0xe0 | code >> 12);
		to[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		to[2] = (unsigned char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (unsigned char)(0xf0 | code >> 18);
	to[1] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
	to[2] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	to[3] = (unsigned char)(0x80 | (code & 0x3f));
	return 4;
}

enum decoded {
	DECODE_MORE,  /* in the middle of a character */
	DECODE_DONE,  /* decoder->code is one */
	DECODE_BAD,   /* this byte cannot be */
	DECODE_AGAIN, /* what came before it cannot be; this byte begins anew */
};

static void expect(struct term_decoder *decoder, uint32_t code, uint8_t wanted,
		   uint8_t lower, uint8_t upper)
{
	*decoder = (struct term_decoder){ code, wanted, lower, upper };
}

/* The Unicode Standard, table 3-7: the second byte is what rules out overlong forms,
 * surrogates and what lies above U+10FFFF. */
static enum decoded decode(struct term_decoder *decoder, unsigned char byte)
{
	if (decoder->wanted) {
		if (byte < decoder->lower || byte > decoder->upper) {
			decoder->wanted = 0;
			return DECODE_AGAIN;
		}
		expect(decoder, decoder->code << 6 | (byte & 0x3fu),
		       (uint8_t)(decoder->wanted - 1), 0x80, 0xbf);
		return decoder->wanted ? DECODE_MORE : DECODE_DONE;
	}
	if (byte < 0x80) {
		decoder->code = byte;
		return DECODE_DONE;
	}
	if (byte >= 0xc2 && byte <= 0xdf)
		expect(decoder, byte & 0x1fu, 1, 0x80, 0xbf);
	else if (byte >= 0xe0 && byte <= 0xef)
		expect(decoder, byte & 0x0fu, 2, byte == 0xe0 ? 0xa0 : 0x80,
		       byte == 0xed ? 0x9f : 0xbf);
	else if (byte >= 0xf0 && byte <= 0xf4)
		expect(decoder, byte & 0x07u, 3, byte == 0xf0 ? 0x90 : 0x80,
		       byte == 0xf4 ? 0x8f : 0xbf);
	else
		return DECODE_BAD;
	return DECODE_MORE;
}

static bool reorders(uint32_t code)
{
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0x200e || code == 0x200f || code == 0x061c;
}

static size_t show(struct term_filter *filter, uint32_t code, char *out)
{
	size_t used = 0;

	if (filter->carriage && code != '\n')
		used = encode(PICTURES + '\r', out);
	filter->carriage = code == '\r';
	if (filter->carriage)
		return used;
	if (code < 0x20 && code != '\n' && code != '\t')
		code += PICTURES;
	else if (code == 0x7f)
		code = 0x2421;
	else if ((code >= 0x80 && code <= 0x9f) || reorders(code))
		code = REPLACEMENT;
	return used + encode(code, out + used);
}

size_t term_filter_push(struct term_filter *filter, const char *text, size_t len,
			char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		enum decoded what = decode(&filter->decoder, (unsigned char)text[i]);
		if (what == DECODE_AGAIN) {
			used += show(filter, REPLACEMENT, out + used);
			what = decode(&filter->decoder, (unsigned char)text[i]);
		}
		if (what == DECODE_DONE)
			used += show(filter, filter->decoder.code, out + used);
		else if (what == DECODE_BAD)
			used += show(filter, REPLACEMENT, out + used);
	}
	return used;
}

size_t term_filter_end(struct term_filter *filter, char *out)
{
	size_t used = 0;

	if (filter->decoder.wanted)
		used = show(filter, REPLACEMENT, out);
	if (filter->carriage)
		used += encode(PICTURES + '\r', out + used);
	*filter = (struct term_filter){ 0 };
	return used;
}

size_t term_utf8_prefix(const char *text, size_t len)
{
	struct term_decoder decoder = { 0 };
	size_t whole = 0;

	for (size_t i = 0; i < len; i++) {
		enum decoded what = decode(&decoder, (unsigned char)text[i]);
		if (what == DECODE_BAD || what == DECODE_AGAIN)
			break;
		if (what == DECODE_DONE)
			whole = i + 1;
	}
	return whole;
}

char *term_line(const char *text, size_t max_characters)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	struct term_filter filter = { 0 };
	size_t len = strlen(text);
	char *safe = malloc(TERM_FILTER_ROOM(len) + TERM_FILTER_ROOM(0));

	if (!safe)
		return NULL;
	size_t count = term_filter_push(&filter, text, len, safe);
	count += term_filter_end(&filter, safe + count);

	/* What follows is never longer than what is there. */
	size_t used = 0;
	size_t characters = 0;
	for (size_t i = 0; i < count; i++) {
		char c = safe[i];
		if (c == '\n' || c == '\t')
			c = ' ';
		if (c == ' ' && (used == 0 || safe[used - 1] == ' '))
			continue;
		if (((unsigned char)c & 0xc0) != 0x80 && characters++ == max_characters) {
			memcpy(safe + used, ellipsis, sizeof(ellipsis) - 1);
			used += sizeof(ellipsis) - 1;
			break;
		}
		safe[used++] = c;
	}
	while (used && safe[used - 1] == ' ')
		used--;
	safe[used] = '\0';
	return safe;
}
