/* The path's elements: one table, one loop. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

enum kind {
	FLAG,         /* no argument */
	NUMBER,       /* an argument, a number */
	MAYBE_NUMBER, /* an argument if the next element is a number */
	WORD,         /* an argument, any text */
	MAYBE_CODE,   /* an argument if the next element has an underscore */
	MODE,         /* a mode without argument: elements may follow */
	MODE_REST,    /* a mode that takes the rest of the path */
};

struct element {
	const char *name;
	enum kind kind;
	size_t at; /* offset in struct plan, or the mode */
	long preset;
	bool fault; /* with fail-first: only for the first requests */
};

#define AT(member) offsetof(struct plan, member)

static const struct element elements[] = {
	{ "gen", MODE, MODE_GEN, 0, false },
	{ "echo", MODE, MODE_ECHO, 0, false },
	{ "fixtures", MODE, MODE_FIXTURES, 0, false },
	{ "rec", MODE_REST, MODE_REC, 0, false },
	{ "fix", MODE_REST, MODE_FIX, 0, false },

	{ "stall", NUMBER, AT(stall), 0, true },
	{ "cut", NUMBER, AT(cut), 0, true },
	{ "reset", NUMBER, AT(reset), 0, true },
	{ "drop", FLAG, AT(drop), 1, true },
	{ "delay", NUMBER, AT(delay), 0, true },
	{ "slow-headers", NUMBER, AT(slow_headers), 0, true },
	{ "chunk", NUMBER, AT(chunk), 0, false },
	{ "whole", FLAG, AT(whole), 1, false },
	{ "close", FLAG, AT(close), 1, false },

	{ "crlf", FLAG, AT(crlf), 1, false },
	{ "cr", FLAG, AT(cr), 1, false },
	{ "bad-utf8", FLAG, AT(bad_utf8), 1, true },
	{ "huge-line", NUMBER, AT(huge_line), 0, true },
	{ "no-done", FLAG, AT(no_done), 1, true },
	{ "no-usage", FLAG, AT(no_usage), 1, false },

	{ "ping-only", FLAG, AT(ping_only), 1, true },
	{ "gzip-bomb", FLAG, AT(gzip_bomb), 1, true },
	{ "redirect", FLAG, AT(redirect), 1, true },
	{ "html", FLAG, AT(html), 1, true },
	{ "status", NUMBER, AT(status), 0, true },
	{ "quota", MAYBE_CODE, AT(quota), 0, true },
	{ "retry-after", WORD, AT(retry_after), 0, true },
	{ "retry-after-ms", WORD, AT(retry_after_ms), 0, true },
	{ "should-retry", WORD, AT(should_retry), 0, true },
	{ "fail-first", NUMBER, AT(fail_first), 0, false },

	{ "n", NUMBER, AT(n), 0, false },
	{ "rate", NUMBER, AT(rate), 0, false },
	{ "bytes", NUMBER, AT(bytes), 0, false },
	{ "tools", NUMBER, AT(tools), 0, false },
	{ "rounds", NUMBER, AT(rounds), 0, false },
	{ "thinking", MAYBE_NUMBER, AT(thinking), 5, false },
	{ "error-after", NUMBER, AT(error_after), 0, true },
	{ "json", FLAG, AT(json), 1, false },
	{ "request", FLAG, AT(request), 1, false },
	{ "lenient", FLAG, AT(lenient), 1, false },
};

#define ELEMENTS (sizeof(elements) / sizeof(*elements))

static long *number_at(struct plan *p, const struct element *e)
{
	return (long *)(void *)((char *)p + e->at);
}

static char **word_at(struct plan *p, const struct element *e)
{
	return (char **)(void *)((char *)p + e->at);
}

static bool is_word(const struct element *e)
{
	return e->kind == WORD || e->kind == MAYBE_CODE;
}

static bool is_mode(const struct element *e)
{
	return e->kind == MODE || e->kind == MODE_REST;
}

static void unset(struct plan *p, const struct element *e)
{
	if (is_word(e)) {
		free(*word_at(p, e));
		*word_at(p, e) = NULL;
	} else if (!is_mode(e)) {
		*number_at(p, e) = -1;
	}
}

static size_t element_len(const char *s)
{
	return strcspn(s, "/");
}

static bool is_number(const char *s, size_t n)
{
	return n > 0 && n < 16 && strspn(s, "0123456789") == n;
}

static const struct element *find(const char *s, size_t n)
{
	for (size_t i = 0; i < ELEMENTS; i++)
		if (strlen(elements[i].name) == n && !memcmp(elements[i].name, s, n))
			return &elements[i];
	return NULL;
}

/* Takes an element's argument from s; returns what follows, NULL if it is wrong. */
static const char *argument(struct plan *p, const struct element *e, const char *s)
{
	size_t n = *s == '/' ? element_len(s + 1) : 0;
	bool number = n && is_number(s + 1, n);
	switch (e->kind) {
	case NUMBER:
	case MAYBE_NUMBER:
		if (number)
			*number_at(p, e) = strtol(s + 1, NULL, 10);
		else if (e->kind == MAYBE_NUMBER)
			*number_at(p, e) = e->preset;
		return number ? s + 1 + n : e->kind == NUMBER ? NULL : s;
	case WORD:
		if (n)
			*word_at(p, e) = xstrndup(s + 1, n);
		return n ? s + 1 + n : NULL;
	case MAYBE_CODE: {
		bool code = n && memchr(s + 1, '_', n);
		*word_at(p, e) = code ? xstrndup(s + 1, n) : xstrdup("");
		return code ? s + 1 + n : s;
	}
	case FLAG:
		*number_at(p, e) = e->preset;
		return s;
	case MODE:
	case MODE_REST:
		p->mode = (enum mode)e->at;
		return s;
	}
	return NULL;
}

static enum dialect guess_dialect(const struct request *r)
{
	if (strstr(r->path, "/v1/messages"))
		return MESSAGES;
	/* Both have /v1/models; only one has a version header. */
	if (strstr(r->path, "/v1/models") && http_header(r, "anthropic-version"))
		return MESSAGES;
	return CHAT;
}

void plan_parse(struct plan *p, const struct request *r)
{
	*p = (struct plan){ .mode = MODE_GEN };
	for (size_t i = 0; i < ELEMENTS; i++)
		unset(p, &elements[i]);
	p->dialect = guess_dialect(r);
	const char *s = r->path;
	while (*s == '/') {
		size_t n = element_len(s + 1);
		if (n == 2 && !memcmp(s + 1, "v1", 2))
			break;
		const struct element *e = find(s + 1, n);
		const char *after = e ? argument(p, e, s + 1 + n) : NULL;
		if (!after) {
			p->unknown = xstrndup(s + 1, n);
			break;
		}
		s = after;
		if (e->kind == MODE_REST)
			break;
	}
	p->rest = xstrdup(s);
	/* These have no end to gather, and nothing but it to tell. */
	if (p->ping_only >= 0 || p->gzip_bomb >= 0)
		p->whole = -1;
}

int overloaded_status(enum dialect d)
{
	return d == MESSAGES ? 529 : 503;
}

void plan_age(struct plan *p, unsigned long long seen)
{
	if (p->fail_first < 0)
		return;
	bool over = seen > (unsigned long long)p->fail_first, any = false;
	for (size_t i = 0; i < ELEMENTS; i++) {
		const struct element *e = &elements[i];
		if (!e->fault)
			continue;
		any |= is_word(e) ? e->at == AT(quota) && p->quota
				  : *number_at(p, e) >= 0;
		if (over)
			unset(p, e);
	}
	if (!over && !any)
		p->status = overloaded_status(p->dialect);
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < ELEMENTS; i++)
		unset(p, &elements[i]);
	free(p->rest);
	free(p->unknown);
}
