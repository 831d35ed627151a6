#include <strings.h>

#include <aichat/error.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/curl.h"
#include "net/head.h"

#define VALUE_MAX ((size_t)1024)

void aic_head_reset(struct aic_head *head)
{
	aic_free(head->content_type);
	aic_free(head->request_id);
	aic_free(head->location);
	aic_free(head->coding);
	*head = (struct aic_head){
		.retry_after_ms = -1,
		.retry_after_exact_ms = -1,
		.should_retry = -1,
	};
}

/* Digits and at most one point; -1 if it is something else. */
static double plain_number(const char *text)
{
	double number;
	size_t len = strspn(text, "0123456789.");

	if (len == 0 || text[len] || len > 32 || !aic_json_strtod(text, &number))
		return -1;
	return number;
}

static int64_t whole_ms(double ms)
{
	return (int64_t)AIC_MIN(ms, 1e12);
}

int64_t aic_retry_after_ms(const char *value, int64_t now_unix_ms)
{
	double seconds = plain_number(value);

	if (seconds >= 0)
		return whole_ms(seconds * 1000);
	if (!strchr(value, ':') || aic_curl_load(NULL))
		return -1;
	int64_t when = (int64_t)aic_curl.getdate(value, NULL);
	return when < 0 ? -1 : AIC_MAX((int64_t)0, when * 1000 - now_unix_ms);
}

/* Keep a value, replacing an earlier one. */
static int keep(char **to, struct aic_str value)
{
	char *copy = aic_strndup(value.data, AIC_MIN(value.len, VALUE_MAX));

	if (!copy)
		return AICHAT_ENOMEM;
	aic_free(*to);
	*to = copy;
	return 0;
}

static int keep_media_type(struct aic_head *head, struct aic_str value)
{
	size_t len = 0;

	while (len < value.len && !strchr("; \t", value.data[len]))
		len++;
	int result = keep(&head->content_type, (struct aic_str){ value.data, len });
	for (char *at = head->content_type; !result && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at | 0x20);
	return result;
}

static bool is_name(struct aic_str name, const char *known)
{
	return name.len == strlen(known) && strncasecmp(name.data, known, name.len) == 0;
}

static int take(struct aic_head *head, struct aic_str name, struct aic_str value)
{
	char text[128];
	size_t len = AIC_MIN(value.len, sizeof(text) - 1);

	memcpy(text, value.data, len);
	text[len] = '\0';
	if (is_name(name, "content-type"))
		return keep_media_type(head, value);
	if (is_name(name, "content-encoding"))
		return keep(&head->coding, value);
	if (is_name(name, "location"))
		return keep(&head->location, value);
	if (is_name(name, "request-id") ||
	    (is_name(name, "x-request-id") && !head->request_id))
		return keep(&head->request_id, value);
	if (is_name(name, "retry-after-ms")) {
		double ms = plain_number(text);
		head->retry_after_exact_ms = ms < 0 ? -1 : whole_ms(ms);
	} else if (is_name(name, "retry-after")) {
		head->retry_after_ms = aic_retry_after_ms(text, aic_clock_unix_ms());
	} else if (is_name(name, "x-should-retry")) {
		head->should_retry = strcasecmp(text, "true") == 0    ? 1
				     : strcasecmp(text, "false") == 0 ? 0
								      : -1;
	}
	return 0;
}

int aic_head_line(struct aic_head *head, struct aic_str line)
{
	const char *colon = memchr(line.data, ':', line.len);

	if (!colon)
		return 0;
	struct aic_str name = { line.data, (size_t)(colon - line.data) };
	struct aic_str value = { colon + 1, line.len - name.len - 1 };
	while (value.len > 0 && (*value.data == ' ' || *value.data == '\t')) {
		value.data++;
		value.len--;
	}
	return take(head, name, value);
}
