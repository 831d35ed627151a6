/*
 * The scan: one pass over the text, one token for each value and key, containers on
 * an explicit stack. It checks everything that RFC 8259 demands and what that RFC
 * leaves open: UTF-8, duplicate keys, half surrogate pairs, depth and size.
 *
 * A stream's chunk has about thirty tokens in 300 bytes, and this is all that stands
 * between the socket and the events. Hence: no call for a token but the rare ones, the
 * string bodies sixteen bytes at a time, and for duplicate keys a set of 64 bits that
 * nearly always says "not yet" without a look at the other keys.
 */

#include "base/json.h"
#include "base/json_bytes.h"
#include "base/mem.h"
#include "base/utf8.h"

const struct aic_json_limits aic_json_wire = {
	.max_bytes = (size_t)64 << 20,
	.max_tokens = 4000000,
	.max_depth = 128,
	.lone_surrogates = true,
};

const struct aic_json_limits aic_json_strict = {
	.max_bytes = (size_t)8 << 20,
	.max_tokens = 100000,
	.max_depth = 32,
};

struct frame {
	uint32_t token; /* the container's number */
	uint32_t count; /* of its children */
	uint64_t seen;  /* one bit for each signature of a key */
};

struct scan {
	struct aic_json *doc;
	const char *at;
	const char *end;
	struct frame *top;             /* NULL outside of any container */
	struct aic_json_token *tokens; /* the tape's, kept near */
	uint32_t count;
	uint32_t capacity;
	uint32_t max_tokens;
	uint32_t max_depth;
	bool lone_surrogates;
	struct frame frames[AIC_JSON_DEPTH_MAX];
};

#define INLINE static inline __attribute__((always_inline))
#define RARE static __attribute__((noinline, cold))

void aic_json_done(struct aic_json *doc)
{
	aic_free(doc->tokens);
	*doc = (struct aic_json){ 0 };
}

RARE int fail(struct scan *s, const char *at, int code, const char *why)
{
	s->doc->error_at = (uint32_t)(at - s->doc->text);
	s->doc->error_why = why;
	return code;
}

/* What was due at s->at is not there. */
RARE int not_due(struct scan *s, const char *why)
{
	return fail(s, s->at, AICHAT_EJSON,
		    s->at == s->end ? "the text ends too soon" : why);
}

RARE int grow(struct scan *s)
{
	size_t larger = s->capacity ? (size_t)s->capacity * 2 : 64;

	if (s->count >= s->max_tokens)
		return fail(s, s->at, AICHAT_ETOOLARGE, "too many values");
	struct aic_json_token *tokens = aic_realloc_array(s->doc->tokens, larger,
							  sizeof(*tokens));
	if (!tokens)
		return fail(s, s->at, AICHAT_ENOMEM, "out of memory");
	s->doc->tokens = tokens;
	s->doc->capacity = (uint32_t)larger;
	s->tokens = tokens;
	s->capacity = (uint32_t)AIC_MIN(larger, (size_t)s->max_tokens);
	return 0;
}

INLINE int room(struct scan *s)
{
	return AIC_LIKELY(s->count < s->capacity) ? 0 : grow(s);
}

INLINE void skip_space(struct scan *s)
{
	while (s->at < s->end && (unsigned char)*s->at <= ' ' &&
	       (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
		s->at++;
}

/* s->at is at a backslash. */
static int scan_escape(struct scan *s)
{
	const char *at = s->at;
	size_t left = (size_t)(s->end - at);

	if (left < 2 || !at[1] || !strchr("\"\\/bfnrtu", at[1]))
		return fail(s, at, AICHAT_EJSON, "an escape that JSON does not have");
	if (at[1] != 'u') {
		s->at += 2;
		return 0;
	}
	int32_t code = left < 6 ? -1 : aic_json_hex4(at + 2);
	if (code < 0)
		return fail(s, at, AICHAT_EJSON, "\\u without four hexadecimal digits");
	s->at += 6;
	if (code < 0xd800 || code > 0xdfff)
		return 0;
	if (code < 0xdc00 && left >= 12 && at[6] == '\\' && at[7] == 'u') {
		int32_t low = aic_json_hex4(at + 8);
		if (low >= 0xdc00 && low <= 0xdfff) {
			s->at += 6;
			return 0;
		}
	}
	if (s->lone_surrogates)
		return 0;
	return fail(s, at, AICHAT_EJSON, "half of a surrogate pair");
}

INLINE bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/*
 * A run of text that is not ASCII. The two common lengths are told here; what is rare
 * or wrong is left to aic_utf8_sequence(). A lone space between words stays inside.
 */
static int scan_wide(struct scan *s)
{
	const char *at = s->at;
	const char *end = s->end;

	while (end - at >= 4) {
		unsigned char lead = (unsigned char)at[0];
		if (lead >= 0xc2 && lead < 0xe0 && continues(at[1]))
			at += 2;
		else if (lead > 0xe0 && lead < 0xf0 && lead != 0xed && continues(at[1]) &&
			 continues(at[2]))
			at += 3;
		else if (lead == ' ' && (unsigned char)at[1] >= 0x80)
			at++;
		else
			break;
	}
	while (at < end && (unsigned char)*at >= 0x80) {
		size_t step = aic_utf8_sequence(at, (size_t)(end - at));
		if (!step)
			return fail(s, at, AICHAT_EUTF8, "not UTF-8");
		at += step;
	}
	s->at = at;
	return 0;
}

/* What is no plain ASCII: a run of other characters, an escape, or a mistake. */
static __attribute__((noinline)) int scan_special(struct scan *s, bool *escaped)
{
	unsigned char c = (unsigned char)*s->at;

	if (c == '\\') {
		*escaped = true;
		return scan_escape(s);
	}
	if (c < 0x20)
		return fail(s, s->at, AICHAT_EJSON, "a control character in a string");
	return scan_wide(s);
}

/* s->at is at the opening quote; afterwards behind the closing one. */
INLINE int scan_string(struct scan *s, struct aic_json_token *token)
{
	const char *start = s->at++;
	bool escaped = false;

	for (;;) {
		s->at = aic_json_plain(s->at, s->end);
		if (AIC_UNLIKELY(s->at == s->end))
			return fail(s, start, AICHAT_EJSON, "a string that does not end");
		if (AIC_LIKELY(*s->at == '"'))
			break;
		int code = scan_special(s, &escaped);
		if (code < 0)
			return code;
	}
	s->at++;
	*token = (struct aic_json_token){
		.start = (uint32_t)(start - s->doc->text),
		.end = (uint32_t)(s->at - s->doc->text),
		.skip = 1,
		.type = AIC_JSON_STRING,
		.escaped = escaped,
	};
	return 0;
}

INLINE bool at_digit(const struct scan *s)
{
	return s->at < s->end && (unsigned)(*s->at - '0') < 10;
}

INLINE bool skip_digits(struct scan *s)
{
	if (!at_digit(s))
		return false;
	do
		s->at++;
	while (at_digit(s));
	return true;
}

INLINE int scan_number(struct scan *s, struct aic_json_token *token)
{
	const char *start = s->at;
	bool integer = true;

	s->at += *s->at == '-';
	if (s->at < s->end && *s->at == '0') {
		s->at++;
		if (at_digit(s))
			return fail(s, start, AICHAT_EJSON,
				    "a number that starts with 0");
	} else if (!skip_digits(s)) {
		return not_due(s, "a digit is due");
	}
	if (s->at < s->end && *s->at == '.') {
		integer = false;
		s->at++;
		if (!skip_digits(s))
			return not_due(s, "a digit is due");
	}
	if (s->at < s->end && (*s->at | 0x20) == 'e') {
		integer = false;
		s->at++;
		s->at += s->at < s->end && (*s->at == '+' || *s->at == '-');
		if (!skip_digits(s))
			return not_due(s, "a digit is due");
	}
	*token = (struct aic_json_token){
		.start = (uint32_t)(start - s->doc->text),
		.end = (uint32_t)(s->at - s->doc->text),
		.skip = 1,
		.type = AIC_JSON_NUMBER,
		.integer = integer,
	};
	return 0;
}

INLINE int scan_word(struct scan *s, struct aic_json_token *token, const char *word,
		     size_t len, enum aic_json_type type)
{
	uint32_t start = (uint32_t)(s->at - s->doc->text);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return not_due(s, "a value is due");
	s->at += len;
	*token = (struct aic_json_token){
		.start = start,
		.end = start + (uint32_t)len,
		.skip = 1,
		.type = (unsigned char)type,
	};
	return 0;
}

/* Compares the new key with every earlier one of its object. */
static __attribute__((noinline)) int compare_keys(struct scan *s, uint32_t key)
{
	const struct aic_json_token *tokens = s->tokens;

	for (uint32_t at = s->top->token + 1; at < key; at += 1 + tokens[at + 1].skip)
		if (aic_json_same_text(s->doc->text, &tokens[at], &tokens[key]))
			return fail(s, s->doc->text + tokens[key].start, AICHAT_EJSON,
				    AIC_JSON_KEY_TWICE);
	return 0;
}

/* One of 64 bits, from the key's length and three of its bytes. */
INLINE uint64_t signature(const char *key, size_t len)
{
	/* The quotes around it stand in for an empty key's bytes. */
	uint32_t mix = (uint32_t)len << 24 ^ (uint32_t)(unsigned char)key[0] << 16 ^
		       (uint32_t)(unsigned char)key[len / 2] << 8 ^
		       (uint32_t)(unsigned char)key[(ptrdiff_t)len - 1];

	return UINT64_C(1) << (mix * UINT32_C(0x9e3779b1) >> 26);
}

/* A key and its colon; s->at is behind `{` or `,`. */
INLINE int scan_key(struct scan *s)
{
	struct frame *top = s->top;
	uint32_t key = s->count;

	skip_space(s);
	if (s->at == s->end || *s->at != '"')
		return not_due(s, "a key in quotes is due");
	int code = room(s);
	if (code < 0)
		return code;
	struct aic_json_token *token = &s->tokens[key];
	code = scan_string(s, token);
	if (code < 0)
		return code;
	s->count++;
	/* The keys of a large object are compared when it ends. */
	if (top->count < AIC_JSON_MANY_KEYS) {
		uint64_t bit = UINT64_MAX;
		if (!token->escaped)
			bit = signature(s->doc->text + token->start + 1,
					token->end - token->start - 2);
		if ((top->seen & bit) && (code = compare_keys(s, key)) < 0)
			return code;
		top->seen |= bit;
	}
	if (AIC_UNLIKELY(s->at == s->end || *s->at != ':')) {
		skip_space(s);
		if (s->at == s->end || *s->at != ':')
			return not_due(s, "a colon is due");
	}
	s->at++;
	return 0;
}

/* The container on top is complete; s->at is at its bracket. */
INLINE int close_container(struct scan *s)
{
	struct aic_json_token *token = &s->tokens[s->top->token];

	s->at++;
	token->end = (uint32_t)(s->at - s->doc->text);
	token->skip = s->count - s->top->token;
	token->count = AIC_MIN(s->top->count, AIC_JSON_COUNT_MAX) & AIC_JSON_COUNT_MAX;
	if (AIC_UNLIKELY(s->top->count > AIC_JSON_MANY_KEYS) &&
	    token->type == AIC_JSON_OBJECT) {
		int code = aic_json_check_keys(s->doc, s->top->token, s->top->count);
		if (code < 0)
			return code;
	}
	s->top = s->top == s->frames ? NULL : s->top - 1;
	return 0;
}

/* `{` or `[`; s->at is at it. */
INLINE int open_container(struct scan *s, enum aic_json_type type)
{
	struct frame *top = s->top ? s->top + 1 : s->frames;

	if (top - s->frames >= (ptrdiff_t)s->max_depth)
		return fail(s, s->at, AICHAT_ETOOLARGE, "nested too deeply");
	s->tokens[s->count] = (struct aic_json_token){
		.start = (uint32_t)(s->at - s->doc->text),
		.type = (unsigned char)type,
	};
	*top = (struct frame){ .token = s->count++ };
	s->top = top;
	s->at++;
	return 0;
}

/* A value that is no container. */
INLINE int scan_scalar(struct scan *s)
{
	struct aic_json_token *token = &s->tokens[s->count++];

	switch (*s->at) {
	case '"':
		return scan_string(s, token);
	case 'n':
		return scan_word(s, token, "null", 4, AIC_JSON_NULL);
	case 't':
		return scan_word(s, token, "true", 4, AIC_JSON_TRUE);
	case 'f':
		return scan_word(s, token, "false", 5, AIC_JSON_FALSE);
	default:
		if (*s->at == '-' || at_digit(s))
			return scan_number(s, token);
		return not_due(s, "a value is due");
	}
}

/*
 * Behind a value: close what ends here, up to a comma and (in an object) the next key.
 * Returns 1 when another value is due, 0 when the root is complete.
 */
INLINE int scan_follow(struct scan *s)
{
	while (s->top) {
		bool object = s->tokens[s->top->token].type == AIC_JSON_OBJECT;
		s->top->count++;
		skip_space(s);
		char c = '\0';
		if (AIC_LIKELY(s->at < s->end))
			c = *s->at;
		if (c == ',') {
			s->at++;
			int code = object ? scan_key(s) : 0;
			return code < 0 ? code : 1;
		}
		if (c != (object ? '}' : ']'))
			return not_due(s, object ? "a comma or } is due"
						 : "a comma or ] is due");
		int code = close_container(s);
		if (code < 0)
			return code;
	}
	return 0;
}

/* Everything from the first value's first byte to the last one's last. */
static int scan_values(struct scan *s)
{
	int more;

	do {
		skip_space(s);
		if (AIC_UNLIKELY(s->at == s->end))
			return not_due(s, "");
		int code = room(s);
		if (code < 0)
			return code;
		char c = *s->at;
		if (c == '{' || c == '[') {
			code = open_container(s, c == '{' ? AIC_JSON_OBJECT
							  : AIC_JSON_ARRAY);
			if (code < 0)
				return code;
			skip_space(s);
			bool empty = s->at < s->end && *s->at == (c == '{' ? '}' : ']');
			if (!empty) {
				code = c == '{' ? scan_key(s) : 0;
				if (code < 0)
					return code;
				more = 1;
				continue;
			}
			code = close_container(s);
		} else {
			code = scan_scalar(s);
		}
		if (code < 0)
			return code;
		more = scan_follow(s);
	} while (more > 0);
	return more;
}

static int scan_text(struct scan *s)
{
	struct aic_json *doc = s->doc;

	if (doc->len >= 3 && memcmp(doc->text, "\xef\xbb\xbf", 3) == 0)
		return fail(s, s->at, AICHAT_EJSON, "a byte order mark");
	skip_space(s);
	if (s->at == s->end)
		return fail(s, s->at, AICHAT_EJSON, "there is no value");
	int code = scan_values(s);
	if (code < 0)
		return code;
	skip_space(s);
	if (s->at < s->end)
		return fail(s, s->at, AICHAT_EJSON, "something follows the value");
	return 0;
}

int aic_json_scan(struct aic_json *doc, const char *text, size_t len,
		  const struct aic_json_limits *limits)
{
	struct scan s;

	doc->text = len ? text : "";
	doc->len = len;
	doc->count = 0;
	doc->error_at = 0;
	doc->error_why = NULL;
	s.doc = doc;
	s.at = doc->text;
	s.end = doc->text + len;
	s.top = NULL;
	s.tokens = doc->tokens;
	s.count = 0;
	s.capacity = AIC_MIN(doc->capacity, limits->max_tokens);
	s.max_tokens = limits->max_tokens;
	s.max_depth = AIC_MIN(limits->max_depth, (uint32_t)AIC_JSON_DEPTH_MAX);
	s.lone_surrogates = limits->lone_surrogates;
	/* Places in the text are kept in 32 bits. */
	if (len > limits->max_bytes || len >= UINT32_MAX)
		return fail(&s, s.at, AICHAT_ETOOLARGE, "too many bytes");
	int code = scan_text(&s);
	if (code == 0)
		doc->count = s.count;
	return code;
}

int aic_json_scan_error(const struct aic_json *doc, int code, const char *what,
			aichat_error **reterr)
{
	uint32_t line = 1;
	uint32_t column = 1;

	if (code == AICHAT_ENOMEM)
		return aic_error_nomem(reterr);
	for (uint32_t i = 0; i < doc->error_at; i++) {
		if (doc->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)doc->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return aic_error_set(reterr, code, "%s: line %u, column %u: %s", what, line,
			     column, doc->error_why);
}
