/*
 * What providers say when something fails, and what it means to us. There is no standard:
 * the line and the code stand in `error`, at the top, or in `detail`; codes are words or
 * numbers; some bodies are a proxy's HTML. The provider's code decides before the HTTP
 * status, since money that ran out and a speed limit share one (429).
 */

#include "base/mem.h"
#include "dialect/shared.h"

#define LINE_MAX_BYTES 1000
#define EXCERPT_MAX_BYTES 300
#define WORD_MAX_BYTES 100

/* A provider's word, and what it means. */
struct meaning {
	const char *word;
	int code;
	bool never_retry;
};

/* Sorted by precedence: a filter's verdict is told in places where others are, too. */
static const struct meaning meanings[] = {
	{ "content_filter", AICHAT_EFILTER, true },
	{ "content_policy_violation", AICHAT_EFILTER, true },
	{ "ResponsibleAIPolicyViolation", AICHAT_EFILTER, true },
	{ "context_length_exceeded", AICHAT_ECONTEXT, true },
	{ "exceed_context_size_error", AICHAT_ECONTEXT, true },
	{ "insufficient_quota", AICHAT_EQUOTA, true },
	{ "credit_balance_exhausted", AICHAT_EQUOTA, true },
	{ "organization_spend_limit_exceeded", AICHAT_EQUOTA, true },
	{ "project_spend_limit_exceeded", AICHAT_EQUOTA, true },
	{ "organization_usage_limit_exceeded", AICHAT_EQUOTA, true },
	{ "enforced_spend_limit_reached", AICHAT_EQUOTA, true },
	{ "contract_spend_limit_reached", AICHAT_EQUOTA, true },
	{ "billing_error", AICHAT_EQUOTA, true },
	{ "model_not_found", AICHAT_EMODEL, true },
};

/* The same for errors inside a reply, which have no HTTP status to go by. */
static const struct meaning stream_meanings[] = {
	{ "overloaded_error", AICHAT_EOVERLOADED, false },
	{ "server_is_overloaded", AICHAT_EOVERLOADED, false },
	{ "service_unavailable_error", AICHAT_EOVERLOADED, false },
	{ "insufficient_system_resource", AICHAT_EOVERLOADED, false },
	{ "capacity_exceeded", AICHAT_EOVERLOADED, false },
	{ "rate_limit_error", AICHAT_ERATELIMIT, false },
	{ "rate_limit_exceeded", AICHAT_ERATELIMIT, false },
	{ "slow_down", AICHAT_ERATELIMIT, false },
	{ "authentication_error", AICHAT_EAUTH, true },
	{ "invalid_api_key", AICHAT_EAUTH, true },
	{ "permission_error", AICHAT_EAUTH, true },
	{ "invalid_request_error", AICHAT_EREQUEST, true },
	{ "BadRequestError", AICHAT_EREQUEST, true },
	{ "not_found_error", AICHAT_EREQUEST, true },
	{ "request_too_large", AICHAT_ECONTEXT, true },
	{ "timeout_error", AICHAT_ETIMEOUT, false },
};

/* Prose that tells of a full context where no code does. Lower case. */
static const char *const context_phrases[] = {
	"context length",
	"context window",
	"context size",
	"maximum context",
	"prompt is too long",
	"prompt too long",
	"too many total text bytes",
	"input is too long",
};

/* The texts of an error document. */
struct said {
	char *words[4]; /* by importance: details.error_code, code, type, innererror's */
	size_t word_count;
	char *message;
};

static void said_done(struct said *said)
{
	for (size_t i = 0; i < said->word_count; i++)
		aic_free(said->words[i]);
	aic_free(said->message);
}

/* A word is a string or a whole number; anything else says nothing. */
static void add_word(struct said *said, const struct aic_json *doc, int value)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_str word = { 0 };

	if (aic_json_is(doc, value, AIC_JSON_STRING))
		word = aic_json_str(doc, value, &text);
	else if (aic_json_is(doc, value, AIC_JSON_NUMBER))
		word = aic_json_raw(doc, value);
	if (!word.len || said->word_count == AIC_ARRAY_LEN(said->words))
		return;
	char *copy = aic_excerpt(word, WORD_MAX_BYTES);
	if (copy)
		said->words[said->word_count++] = copy;
}

static void set_message(struct said *said, const struct aic_json *doc, int value)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_str line = { 0 };

	if (said->message)
		return;
	if (aic_json_is(doc, value, AIC_JSON_STRING))
		line = aic_json_str(doc, value, &text);
	else if (aic_json_is(doc, value, AIC_JSON_ARRAY) ||
		 aic_json_is(doc, value, AIC_JSON_OBJECT))
		line = aic_json_raw(doc, value); /* FastAPI lists what was wrong */
	if (line.len)
		said->message = aic_excerpt(line, LINE_MAX_BYTES);
}

/* OpenRouter's own line is "Provider returned error"; what that one said is beside it. */
static void add_upstream(struct said *said, const struct aic_json *doc, int error)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf line = aic_buf(0);
	int raw = aic_json_get(doc, aic_json_get(doc, error, "metadata"), "raw");
	struct aic_str upstream = aic_json_str(doc, raw, &text);

	if (!upstream.len || !said->message)
		return;
	char *more = aic_excerpt(upstream, EXCERPT_MAX_BYTES);
	if (!more)
		return;
	aic_buf_printf(&line, "%s: %s", said->message, more);
	aic_free(more);
	char *whole = aic_buf_take(&line, NULL);
	if (whole) {
		aic_free(said->message);
		said->message = whole;
	}
}

/* An `error` that is there but false, empty or null is none: some send it always. */
static bool is_something(const struct aic_json *doc, int value)
{
	switch (aic_json_type(doc, value)) {
	case AIC_JSON_STRING:
		return aic_json_raw(doc, value).len > 2;
	case AIC_JSON_OBJECT:
	case AIC_JSON_ARRAY:
	case AIC_JSON_TRUE:
		return true;
	case AIC_JSON_NUMBER:
		return !aic_str_is(aic_json_raw(doc, value), "0");
	default:
		return false;
	}
}

static void read_inner(struct said *said, const struct aic_json *doc, int error)
{
	int details = aic_json_get(doc, error, "details");
	int inner = aic_json_get(doc, error, "innererror");

	add_word(said, doc, aic_json_get(doc, details, "error_code"));
	add_word(said, doc, aic_json_get(doc, error, "code"));
	add_word(said, doc, aic_json_get(doc, error, "type"));
	add_word(said, doc, aic_json_get(doc, inner, "code"));
	set_message(said, doc, aic_json_get(doc, error, "message"));
	add_upstream(said, doc, error);
}

static void read_top(struct said *said, const struct aic_json *doc, int document)
{
	int type = aic_json_get(doc, document, "type");

	add_word(said, doc, aic_json_get(doc, document, "code"));
	add_word(said, doc, aic_json_get(doc, document, "error_code"));
	if (!aic_json_equals(doc, type, "error")) /* which only names the document */
		add_word(said, doc, type);
	set_message(said, doc, aic_json_get(doc, document, "message"));
	set_message(said, doc, aic_json_get(doc, document, "detail"));
}

/* False when it does not look like an error at all. */
static bool read_said(struct said *said, const struct aic_json *doc, int document)
{
	document = aic_unwrap(doc, document);
	int error = aic_json_get(doc, document, "error");
	if (aic_json_is(doc, error, AIC_JSON_OBJECT))
		read_inner(said, doc, error);
	else
		set_message(said, doc, error);
	read_top(said, doc, document);
	return is_something(doc, error) || said->message || said->word_count;
}

static const struct meaning *find_word(const struct meaning *table, size_t count,
				       const struct said *said)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < said->word_count; k++)
			if (aic_streq(said->words[k], table[i].word))
				return &table[i];
	return NULL;
}

static bool tells_of_context(const char *message)
{
	char low[LINE_MAX_BYTES + 1];
	size_t len = 0;

	for (; message && message[len] && len < LINE_MAX_BYTES; len++) {
		char c = message[len];
		low[len] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	low[len] = '\0';
	for (size_t i = 0; i < AIC_ARRAY_LEN(context_phrases); i++)
		if (strstr(low, context_phrases[i]))
			return true;
	return false;
}

static int code_of_status(int status, const char *message)
{
	switch (status) {
	case 401:
	case 403:
		return AICHAT_EAUTH;
	case 402:
		return AICHAT_EQUOTA;
	case 408:
	case 504:
		return AICHAT_ETIMEOUT;
	case 429:
		return AICHAT_ERATELIMIT;
	case 498: /* Groq: no capacity for the flex tier */
	case 503:
	case 529:
		return AICHAT_EOVERLOADED;
	case 400:
	case 413:
	case 422:
		return tells_of_context(message) ? AICHAT_ECONTEXT : AICHAT_EREQUEST;
	default:
		return status >= 400 && status < 500 ? AICHAT_EREQUEST : AICHAT_EPROVIDER;
	}
}

/* Codes inside a reply are often the HTTP status of whoever stands behind. */
static int status_among(const struct said *said)
{
	for (size_t i = 0; i < said->word_count; i++) {
		const char *w = said->words[i];
		bool digits = strlen(w) == 3 && w[0] >= '4' && w[0] <= '5' &&
			      w[1] >= '0' && w[1] <= '9' && w[2] >= '0' && w[2] <= '9';
		if (digits)
			return (w[0] - '0') * 100 + (w[1] - '0') * 10 + (w[2] - '0');
	}
	return 0;
}

static void judge(const struct said *said, struct aic_failure *failure)
{
	const struct meaning *meaning = find_word(meanings, AIC_ARRAY_LEN(meanings),
						  said);
	int status = failure->http_status;

	if (status < 400) {
		if (!meaning)
			meaning = find_word(stream_meanings,
					    AIC_ARRAY_LEN(stream_meanings), said);
		status = status_among(said);
	}
	if (meaning) {
		failure->code = meaning->code;
		if (failure->code == AICHAT_EREQUEST && tells_of_context(said->message))
			failure->code = AICHAT_ECONTEXT;
		failure->never_retry = meaning->never_retry;
	} else {
		failure->code = code_of_status(status, said->message);
		failure->never_retry = failure->code == AICHAT_EQUOTA;
	}
}

bool aic_failure_read(const struct aic_json *doc, int document, int http_status,
		      struct aic_failure *ret)
{
	AIC_CLEANUP(said_done) struct said said = { 0 };
	bool found = read_said(&said, doc, document);

	*ret = (struct aic_failure){ .http_status = http_status };
	judge(&said, ret);
	if (said.word_count)
		ret->provider_code = AIC_TAKE(said.words[0]);
	ret->message = AIC_TAKE(said.message);
	return found;
}

void aic_failure_decode(int http_status, struct aic_str body, struct aic_failure *ret)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct said nothing = { 0 };

	*ret = (struct aic_failure){ .http_status = http_status };
	if (body.len && aic_json_scan(&doc, body.data, body.len, &aic_json_wire) == 0 &&
	    aic_failure_read(&doc, 0, http_status, ret) && ret->message)
		return;
	char *line = aic_excerpt(body, EXCERPT_MAX_BYTES);
	if (!ret->code) {
		nothing.message = line;
		judge(&nothing, ret);
	}
	if (line && *line)
		ret->message = line;
	else
		aic_free(line);
}

int aic_failure_report(const struct aic_failure *failure, aichat_error **reterr)
{
	struct aic_error_detail detail = {
		.http_status = failure->http_status,
		.provider_code = failure->provider_code,
		.retry_after_ms = -1,
	};

	if (failure->message && *failure->message)
		return aic_error_set_detail(reterr, failure->code, &detail, "%s",
					    failure->message);
	return aic_error_set_detail(reterr, failure->code, &detail, "%s%s%s",
				    aichat_error_text(failure->code),
				    failure->provider_code ? ": " : "",
				    failure->provider_code ? failure->provider_code : "");
}

const char *aic_word_for(const aichat_error *error)
{
	switch (aichat_error_code(error)) {
	case AICHAT_ENETWORK:
		return "provider_unreachable";
	case AICHAT_ETLS:
		return "provider_tls";
	case AICHAT_ETIMEOUT:
		return "provider_timeout";
	default:
		return NULL;
	}
}

int aic_status_for(const aichat_error *error)
{
	switch (aichat_error_code(error)) {
	case AICHAT_EINVAL:
	case AICHAT_EJSON:
	case AICHAT_EUTF8:
	case AICHAT_EREQUEST:
	case AICHAT_ECONTEXT:
	case AICHAT_EFILTER:
		return 400;
	case AICHAT_EMODEL:
	case AICHAT_ENOTFOUND:
		return 404;
	case AICHAT_EEXIST:
	case AICHAT_ESTATE:
		return 409;
	case AICHAT_ESTALE:
		return 412;
	case AICHAT_ETOOLARGE:
		return 413;
	case AICHAT_ERATELIMIT:
	case AICHAT_EQUOTA:
	case AICHAT_ELIMIT:
		return 429;
	case AICHAT_EKEY:
	case AICHAT_EAUTH: /* our key was refused, not the caller's */
	case AICHAT_ENETWORK:
	case AICHAT_ETLS:
	case AICHAT_EPROTOCOL:
	case AICHAT_EINTERRUPTED:
	case AICHAT_EPROVIDER:
		return 502;
	case AICHAT_EOVERLOADED:
	case AICHAT_ECLOSED:
	case AICHAT_ESTOREBUSY:
	case AICHAT_ESTOREFULL:
		return 503;
	case AICHAT_ETIMEOUT:
		return 504;
	default:
		return 500;
	}
}
