#ifndef AICHAT_MODEL_H
#define AICHAT_MODEL_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat aichat;
typedef struct aichat_model aichat_model;
enum aichat_ability {
	AICHAT_ABILITY_TOOLS = 1,
	AICHAT_ABILITY_IMAGES = 2,
	AICHAT_ABILITY_REASONING = 4,
	AICHAT_ABILITY_SCHEMA = 8,
	AICHAT_ABILITY_AUDIO = 16,
	AICHAT_ABILITY_DOCUMENTS = 32
};
enum aichat_price_kind {
	AICHAT_PRICE_INPUT = 1,
	AICHAT_PRICE_CACHED = 2,
	AICHAT_PRICE_CACHE_WRITE = 3,
	AICHAT_PRICE_OUTPUT = 4
};
AICHAT_API int aichat_model_at(aichat *ai, size_t n, aichat_model **ret_model);
AICHAT_API int aichat_model_find(aichat *ai, const char *name, aichat_model **ret_model,
				 aichat_error **reterr);
AICHAT_API int aichat_model_choose(aichat *ai, char **ret_name, aichat_error **reterr);
AICHAT_API aichat_model *aichat_model_unref(aichat_model *model);
AICHAT_API const char *aichat_model_name(const aichat_model *model);
AICHAT_API int aichat_model_is_ready(const aichat_model *model);
AICHAT_API int64_t aichat_model_context_tokens(const aichat_model *model);
AICHAT_API int64_t aichat_model_output_tokens(const aichat_model *model);
AICHAT_API uint32_t aichat_model_abilities(const aichat_model *model);
AICHAT_API int64_t aichat_model_price_nano_usd(const aichat_model *model, int kind);
AICHAT_API const char *aichat_model_priced_on(const aichat_model *model);
#ifdef __cplusplus
}
#endif
#endif
