#include <strings.h>

#include <aichat/dialect.h>

#include "api/context.h"
#include "base/mem.h"
#include "chat/exchange.h"

#define HEADER_MAX 1024

/* ---- errors ---- */

int aichat_dialect_error(const char *dialect, const aichat_error *error, int *ret_status,
			 char **ret_json, size_t *ret_len)
{
	const struct aic_dialect *words = aic_dialect_find(dialect);
	struct aic_buf body = aic_buf(0);

	if (!words || !error || !ret_status || !ret_json || !ret_len)
		return AICHAT_EINVAL;
	int status = words->encode_error(error, &body);
	char *json = aic_buf_take(&body, ret_len);
	aic_buf_done(&body);
	if (!json)
		return AICHAT_ENOMEM;
	*ret_status = status;
	*ret_json = json;
	return 0;
}

int aichat_dialect_should_retry(const aichat_error *error)
{
	int code = aichat_error_code(error);

	return code == AICHAT_ECLOSED || code == AICHAT_ESTOREBUSY ||
	       (code == AICHAT_ERATELIMIT && aichat_error_retry_after_ms(error) >= 0);
}

/* ---- exchanges ---- */

static bool is_kind(int kind, const struct aic_dialect *dialect)
{
	switch (kind) {
	case AICHAT_EXCHANGE_REPLY:
		return true;
	case AICHAT_EXCHANGE_COUNT_TOKENS:
		return dialect == &aic_dialect_anthropic_messages;
	case AICHAT_EXCHANGE_EMBEDDINGS:
		return dialect == &aic_dialect_openai_chat;
	default:
		return false;
	}
}

int aichat_exchange_open(aichat *ai, int kind, const char *dialect, const char *body,
			 size_t body_len, aichat_exchange **ret_exchange,
			 aichat_error **reterr)
{
	const struct aic_dialect *words = aic_dialect_find(dialect);
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	if (rc < 0)
		return rc;
	if (!words || !is_kind(kind, words))
		return aic_error_set(reterr, AICHAT_EINVAL, "%s",
				     !words ? "there is no such dialect"
					    : "the dialect has no such request");
	if (!body || !ret_exchange)
		return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
	return aic_exchange_open(core, (enum aichat_exchange_kind)kind, words,
				 (struct aic_str){ body, body_len }, ret_exchange,
				 reterr);
}

int aichat_exchange_set_header(aichat_exchange *x, const char *name, const char *value,
			       aichat_error **reterr)
{
	char **to = !x || !name                                  ? NULL
		    : strcasecmp(name, "anthropic-version") == 0 ? &x->version
		    : strcasecmp(name, "anthropic-beta") == 0    ? &x->beta
								 : NULL;
	size_t len = value ? strlen(value) : 0;

	if (!to)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "this header is not passed on");
	bool plain = len > 0 && len <= HEADER_MAX;
	for (size_t i = 0; plain && i < len; i++)
		plain = value[i] >= ' ' && value[i] <= '~';
	if (!plain)
		return aic_error_set(reterr, AICHAT_EINVAL, "%s: the value is none",
				     name);
	char *copy = aic_strdup(value);
	if (!copy)
		return aic_error_nomem(reterr);
	aic_free(*to);
	*to = copy;
	return 0;
}

const char *aichat_exchange_model(const aichat_exchange *x)
{
	return x ? x->model_name : "";
}

int aichat_exchange_is_stream(const aichat_exchange *x)
{
	return x && x->stream;
}

int64_t aichat_exchange_input_estimate(const aichat_exchange *x)
{
	return x ? x->input_estimate : 0;
}

int64_t aichat_exchange_output_limit(const aichat_exchange *x)
{
	return x ? x->output_limit : 0;
}

int aichat_exchange_start(aichat_exchange *x, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;

	if (!x)
		return aic_error_set(reterr, AICHAT_EINVAL, "no exchange was given");
	int rc = aic_core_enter(x->core, &core, reterr);
	return rc < 0 ? rc : aic_exchange_start(x, reterr);
}

int aichat_exchange_next(aichat_exchange *x, int64_t timeout_ms, const char **ret_bytes,
			 size_t *ret_len, aichat_error **reterr)
{
	struct aic_str bytes = { 0 };

	if (!x || !ret_bytes || !ret_len)
		return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
	/* What came before the context was closed can still be taken. */
	if (aic_core_check(x->core, NULL) == AICHAT_EFORK)
		return aic_core_check(x->core, reterr);
	int rc = aic_exchange_next(x, timeout_ms, &bytes, reterr);
	if (rc == 1) {
		*ret_bytes = bytes.data;
		*ret_len = bytes.len;
	}
	return rc;
}

void aichat_exchange_set_begun(aichat_exchange *x)
{
	if (x)
		x->begun = true;
}

int aichat_exchange_is_over(aichat_exchange *x)
{
	return x && aic_exchange_is_over(x);
}

void aichat_exchange_cancel(aichat_exchange *x)
{
	if (x)
		aic_exchange_cancel(x);
}

aichat_exchange *aichat_exchange_free(aichat_exchange *x)
{
	if (!x)
		return NULL;
	/* Of a copy made by fork() only memory is freed. */
	if (aic_core_check(x->core, NULL) != AICHAT_EFORK)
		aic_exchange_cancel(x);
	aic_exchange_unref(x);
	return NULL;
}

/* ---- its figures ---- */

int aichat_exchange_result(const aichat_exchange *x)
{
	return x ? x->code : AICHAT_EINVAL;
}

int64_t aichat_exchange_usage(const aichat_exchange *x, int kind)
{
	if (!x)
		return -1;
	switch (kind) {
	case AICHAT_USAGE_INPUT:
		return x->used.input;
	case AICHAT_USAGE_CACHED:
		return x->used.cached;
	case AICHAT_USAGE_CACHE_WRITE:
		return x->used.cache_write;
	case AICHAT_USAGE_OUTPUT:
		return x->used.output;
	case AICHAT_USAGE_REASONING:
		return x->used.reasoning;
	default:
		return -1;
	}
}

int aichat_exchange_is_estimated(const aichat_exchange *x)
{
	return x && x->estimated;
}

int64_t aichat_exchange_cost_nano_usd(const aichat_exchange *x)
{
	return x ? aic_model_cost(x->target.info, &x->used) : -1;
}

int aichat_exchange_stop_reason(const aichat_exchange *x)
{
	return x ? (int)x->stop_reason : 0;
}

const char *aichat_exchange_request_id(const aichat_exchange *x)
{
	return x ? x->request_id : NULL;
}
