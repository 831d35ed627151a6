#ifndef AICHAT_DIALECT_H
#define AICHAT_DIALECT_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#include <aichat/model.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_exchange aichat_exchange;
enum aichat_exchange_kind {
	AICHAT_EXCHANGE_REPLY = 1,
	AICHAT_EXCHANGE_COUNT_TOKENS = 2,
	AICHAT_EXCHANGE_EMBEDDINGS = 3
};
AICHAT_API int aichat_exchange_open(aichat *ai, int kind, const char *dialect,
				    const char *body, size_t body_len,
				    aichat_exchange **ret_exchange,
				    aichat_error **reterr);
AICHAT_API int aichat_exchange_set_header(aichat_exchange *exchange, const char *name,
					  const char *value, aichat_error **reterr);
AICHAT_API const char *aichat_exchange_model(const aichat_exchange *exchange);
AICHAT_API int aichat_exchange_is_stream(const aichat_exchange *exchange);
AICHAT_API int64_t aichat_exchange_input_estimate(const aichat_exchange *exchange);
AICHAT_API int64_t aichat_exchange_output_limit(const aichat_exchange *exchange);
AICHAT_API int aichat_exchange_start(aichat_exchange *exchange, aichat_error **reterr);
AICHAT_API int aichat_exchange_next(aichat_exchange *exchange, int64_t timeout_ms,
				    const char **ret_bytes, size_t *ret_len,
				    aichat_error **reterr);
AICHAT_API void aichat_exchange_set_begun(aichat_exchange *exchange);
AICHAT_API int aichat_exchange_is_over(aichat_exchange *exchange);
AICHAT_API void aichat_exchange_cancel(aichat_exchange *exchange);
AICHAT_API int aichat_exchange_result(const aichat_exchange *exchange);
AICHAT_API int64_t aichat_exchange_usage(const aichat_exchange *exchange, int kind);
AICHAT_API int aichat_exchange_is_estimated(const aichat_exchange *exchange);
AICHAT_API int64_t aichat_exchange_cost_nano_usd(const aichat_exchange *exchange);
AICHAT_API int aichat_exchange_stop_reason(const aichat_exchange *exchange);
AICHAT_API const char *aichat_exchange_request_id(const aichat_exchange *exchange);
AICHAT_API aichat_exchange *aichat_exchange_free(aichat_exchange *exchange);
AICHAT_API int aichat_dialect_error(const char *dialect, const aichat_error *error,
				    int *ret_status, char **ret_json, size_t *ret_len);
AICHAT_API int aichat_dialect_should_retry(const aichat_error *error);
AICHAT_API int aichat_dialect_models(aichat *ai, const char *dialect, const char *after,
				     const char *before, size_t limit, char **ret_json,
				     size_t *ret_len, aichat_error **reterr);
AICHAT_API int aichat_dialect_model(aichat *ai, const char *dialect, const char *name,
				    char **ret_json, size_t *ret_len,
				    aichat_error **reterr);
#ifdef __cplusplus
}
#endif
#endif
