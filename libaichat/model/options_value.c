/*
 * What values an option takes. A value comes from a file, a command line or a caller and
 * goes into headers, URLs and requests, so it is checked where it enters.
 */

#include <math.h>
#include <stdio.h>

#include "base/utf8.h"
#include "model/options_value.h"

static int fail(const char *name, aichat_error **reterr, const char *why)
{
	return aic_error_set(reterr, AICHAT_EINVAL, "option \"%s\" %s", name, why);
}

/* Strict JSON, so that no locale and no C library has a say in what a number is. */
static int scan_number(struct aic_str value, bool whole, double *ret_number)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	int64_t integer;
	int result = aic_json_scan(&doc, value.data, value.len, &aic_json_strict);

	if (result == AICHAT_ENOMEM)
		return result;
	if (result < 0 || !aic_json_is(&doc, 0, AIC_JSON_NUMBER))
		return AICHAT_EINVAL;
	if (whole) {
		if (!aic_json_int(&doc, 0, &integer))
			return AICHAT_EINVAL;
		*ret_number = (double)integer;
		return 0;
	}
	return aic_json_double(&doc, 0, ret_number) ? 0 : AICHAT_EINVAL;
}

/* A limit for people: whole, and without an exponent. */
static void put_limit(double limit, char text[32])
{
	snprintf(text, 32, "%lld", (long long)limit);
}

static int check_number(const struct aic_option_info *info, const char *name,
			struct aic_str value, double *ret_number, aichat_error **reterr)
{
	bool whole = info->type == AICHAT_OPTION_INT;
	char minimum[32], maximum[32];
	int result = scan_number(value, whole, ret_number);

	if (result == AICHAT_ENOMEM)
		return aic_error_nomem(reterr);
	if (result == 0 && *ret_number >= info->minimum && *ret_number <= info->maximum)
		return 0;
	put_limit(info->minimum, minimum);
	put_limit(info->maximum, maximum);
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "option \"%s\" is no %snumber from %s to %s", name,
			     whole ? "whole " : "", minimum, maximum);
}

static bool parse_bool(struct aic_str value, double *ret_number)
{
	static const char *const words[] = { "false", "true", "no", "yes",
					     "off",   "on",   "0",  "1" };

	for (size_t i = 0; i < AIC_ARRAY_LEN(words); i++)
		if (aic_str_is(value, words[i])) {
			*ret_number = i % 2 ? 1 : 0;
			return true;
		}
	return false;
}

static bool is_token(struct aic_str text, const char *besides)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');
		if (!alnum && (!c || !strchr(besides, c)))
			return false;
	}
	return text.len > 0;
}

/* Control characters besides the allowed ones, C1 controls among them. */
static bool has_controls(struct aic_str value, const char *allowed)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if ((c < 0x20 || c == 0x7f) && (!c || !strchr(allowed, (char)c)))
			return true;
		if (c == 0xc2 && i + 1 < value.len &&
		    (unsigned char)value.data[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static bool is_url(struct aic_str value)
{
	size_t scheme = value.len > 8 && memcmp(value.data, "https://", 8) == 0  ? 8
			: value.len > 7 && memcmp(value.data, "http://", 7) == 0 ? 7
										 : 0;

	return scheme && value.data[scheme] != '/' && !memchr(value.data, ' ', value.len);
}

/* Errors and logs name URLs, so no secret may be in one. */
static bool has_password(struct aic_str url)
{
	size_t start = (size_t)((const char *)memchr(url.data, ':', url.len) - url.data) +
		       3;

	for (size_t i = start; i < url.len && url.data[i] != '/'; i++)
		if (url.data[i] == '@')
			return true;
	return false;
}

static bool is_word_of(struct aic_str value, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (aic_str_is(value, words[i]))
			return true;
	return false;
}

static int check_string(const struct aic_option_info *info, const char *name,
			struct aic_str value, aichat_error **reterr)
{
	static const char *const efforts[] = { "none", "minimal", "low", "medium",
					       "high", "xhigh",   "max" };
	bool is_system = strcmp(info->name, "system") == 0; /* a prompt has lines */
	bool may_be_empty = is_system || strcmp(info->name, "proxy") == 0 ||
			    strcmp(info->name, "no_proxy") == 0;
	const char *last = strrchr(info->name, '.');

	if (has_controls(value, is_system ? "\t\n\r" : ""))
		return fail(name, reterr, "has a control character in it");
	if (!value.len && !may_be_empty)
		return fail(name, reterr,
			    strcmp(info->name, "server.admin_listen") == 0
				    ? "is empty; `none` stands for nowhere"
				    : "is empty");
	if (strcmp(info->name, "reasoning_effort") == 0 &&
	    !is_word_of(value, efforts, AIC_ARRAY_LEN(efforts)))
		return fail(name, reterr,
			    "is none of none, minimal, low, medium, high, xhigh, max");
	if (strcmp(info->name, "tool_choice") == 0 &&
	    (value.len > 64 || !is_token(value, "_-")))
		return fail(name, reterr,
			    "is none of auto, none, required or a tool's name");
	if (last && strcmp(last, ".base_url") == 0 && !is_url(value))
		return fail(name, reterr,
			    "does not start with http:// or https:// and a host");
	if (last && strcmp(last, ".base_url") == 0 && has_password(value))
		return fail(name, reterr,
			    "has a user or a password in it; set api_key instead");
	return 0;
}

/* Header lines: a token, a colon, a value (RFC 9110 section 5.1). */
static bool are_headers(struct aic_str value)
{
	while (value.len) {
		const char *end = memchr(value.data, '\n', value.len);
		size_t len = end ? (size_t)(end - value.data) : value.len;
		const char *colon = memchr(value.data, ':', len);
		if (len &&
		    (!colon || !is_token((struct aic_str){ value.data,
							   (size_t)(colon - value.data) },
					 "!#$%&'*+-.^_`|~")))
			return false;
		len += end ? 1 : 0;
		value.data += len;
		value.len -= len;
	}
	return true;
}

static int check_list(const struct aic_option_info *info, const char *name,
		      struct aic_str value, aichat_error **reterr)
{
	const char *last = strrchr(info->name, '.');

	if (has_controls(value, "\t\n"))
		return fail(name, reterr, "has a control character in it");
	if (last && strcmp(last, ".headers") == 0 && !are_headers(value))
		return fail(name, reterr, "has a line that is no `Name: value`");
	return 0;
}

static int check_json(const struct aic_option_info *info, const char *name,
		      struct aic_str value, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	int result = aic_json_scan(&doc, value.data, value.len, &aic_json_strict);

	if (result == AICHAT_ENOMEM)
		return aic_error_nomem(reterr);
	if (result < 0)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "option \"%s\" is no JSON: byte %u: %s", name,
				     doc.error_at, doc.error_why ? doc.error_why : "");
	if (strcmp(info->name, "response_schema") == 0 &&
	    !aic_json_is(&doc, 0, AIC_JSON_OBJECT))
		return fail(name, reterr, "is no JSON object");
	return 0;
}

int aic_option_check(const struct aic_option_info *info, const char *name,
		     struct aic_str value, double *ret_number, aichat_error **reterr)
{
	if (value.len > AIC_OPTION_VALUE_MAX)
		return fail(name, reterr, "is longer than 1 MiB");
	if (!aic_utf8_valid(value.data, value.len))
		return fail(name, reterr, "is not UTF-8");
	switch (info->type) {
	case AICHAT_OPTION_INT:
	case AICHAT_OPTION_NUMBER:
		return check_number(info, name, value, ret_number, reterr);
	case AICHAT_OPTION_BOOL:
		return parse_bool(value, ret_number)
			       ? 0
			       : fail(name, reterr, "is neither true nor false");
	case AICHAT_OPTION_STRING:
		return check_string(info, name, value, reterr);
	case AICHAT_OPTION_LIST:
		return check_list(info, name, value, reterr);
	case AICHAT_OPTION_JSON:
		return check_json(info, name, value, reterr);
	}
	AIC_BUG(AICHAT_EINTERNAL);
}

double aic_option_fallback_number(const struct aic_option_info *info)
{
	double number = NAN;

	if (!info->fallback || parse_bool(aic_str(info->fallback), &number))
		return number;
	if (info->type == AICHAT_OPTION_STRING)
		return number;
	/* Defaults are our own whole numbers: no scan, which could run out of memory. */
	int64_t integer = 0;
	for (const char *c = info->fallback; *c; c++)
		integer = integer * 10 + (*c - '0');
	return (double)integer;
}
