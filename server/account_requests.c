#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "account_requests.h"
#include "idempotency.h"

#define PAGE 50

const struct field list_query[] = {
	{ .name = "limit",
	  .type = FIELD_INT,
	  .minimum = 1,
	  .maximum = 200,
	  .help = "at most so many; 50 without it" },
	{ .name = "after",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .maximum = 64,
	  .help = "next_cursor of the page before" },
	{ .type = FIELD_END },
};

#define LIMIT_MAX INT64_C(1000000000000)

const struct field limit_fields[] = {
	{ .name = "requests_per_minute",
	  .type = FIELD_INT,
	  .maximum = LIMIT_MAX,
	  .help = "requests within a minute; 0 for no limit of its own" },
	{ .name = "tokens_per_minute",
	  .type = FIELD_INT,
	  .maximum = LIMIT_MAX,
	  .help = "tokens within a minute; 0 for no limit of its own" },
	{ .name = "concurrent_replies",
	  .type = FIELD_INT,
	  .maximum = LIMIT_MAX,
	  .help = "replies that run at once; 0 for no limit of its own" },
	{ .type = FIELD_END },
};

static void read_limit(const aichat_json *body, int limits, const char *name,
		       int64_t *limit)
{
	int64_t value;

	if (aichat_json_int(body, aichat_json_get(body, limits, name), &value) == 0)
		*limit = value;
}

bool read_limits(struct call *call, struct limit_values *limits)
{
	int object = aichat_json_get(call->body, 0, "limits");

	read_limit(call->body, object, "requests_per_minute",
		   &limits->requests_per_minute);
	read_limit(call->body, object, "tokens_per_minute", &limits->tokens_per_minute);
	read_limit(call->body, object, "concurrent_replies", &limits->concurrent_replies);
	return true;
}

bool read_request_key(struct call *call, struct request_key *ret_request, bool *ret_any)
{
	const char *key = NULL;

	if (!idempotency_key(call, &key))
		return false;
	*ret_any = key != NULL;
	if (!key)
		return true;
	/* All accounts' keys are in one place: they are told apart by who asks. */
	digest_of(ret_request->key, call->principal.user, key, NULL);
	idempotency_digest(call, ret_request->digest);
	return true;
}

void answer_list(struct call *call, const char *kind, const char *user,
		 void (*write)(aichat_json_writer *w, const aichat_record *record))
{
	aichat_records *records = NULL;
	aichat_error *error = NULL;

	if (accounts_list(call->server->accounts, kind, user,
			  call_text(call->query, "after", NULL),
			  (size_t)call_int(call->query, "limit", PAGE), &records,
			  &error) < 0) {
		call_fail(call, error);
		aichat_error_unref(error);
		return;
	}
	const char *next = aichat_records_cursor(records);
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "object", -1);
	aichat_json_writer_string(w, "list", -1);
	aichat_json_writer_key(w, "data", -1);
	aichat_json_writer_begin_array(w);
	for (size_t i = 0; i < aichat_records_count(records); i++)
		write(w, aichat_records_at(records, i));
	aichat_json_writer_end_array(w);
	aichat_json_writer_key(w, "has_more", -1);
	aichat_json_writer_bool(w, next != NULL);
	if (next) {
		aichat_json_writer_key(w, "next_cursor", -1);
		aichat_json_writer_string(w, next, -1);
	}
	aichat_json_writer_end_object(w);
	call_answer(call, 200, w);
	aichat_records_free(records);
}

bool wait_out(struct call *call, int64_t wait_ms)
{
	char text[24];

	if (wait_ms == 0)
		return true;
	snprintf(text, sizeof(text), "%" PRId64, (wait_ms + 999) / 1000);
	http_set_header(call->request, "Retry-After", text);
	call_refuse(call, 429, "RATE_LIMITED", "too many wrong passwords: wait %s s",
		    text);
	return false;
}

void refuse_busy(struct call *call)
{
	call_refuse(call, 503, "BUSY", "too many passwords are being checked");
}

aichat_json_writer *audit_details(const struct call *call)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "peer", -1);
	aichat_json_writer_string(w, http_peer(call->request), -1);
	if (*call->principal.key) {
		aichat_json_writer_key(w, "key", -1);
		aichat_json_writer_string(w, call->principal.key, -1);
	}
	aichat_json_writer_end_object(w);
	return w;
}
