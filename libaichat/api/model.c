/*
 * The public face of the catalog and of names. A model object is a copy: it needs no
 * context any more.
 */

#include <aichat/model.h>

#include "api/context.h"
#include "base/buf.h"
#include "base/mem.h"
#include "chat/core.h"
#include "provider/provider.h"

struct aichat_model {
	char *name;                        /* PROVIDER/MODEL */
	const struct aic_model_info *info; /* NULL = not in the catalog */
	int ready;
};

/* Takes nothing over. */
static int model_new(const struct aic_target *target, aichat_model **ret_model)
{
	struct aic_buf name = aic_buf(0);
	aichat_model *model = aic_new(aichat_model);

	if (!model)
		return AICHAT_ENOMEM;
	aic_buf_printf(&name, "%s/%s", target->provider->name, target->model);
	model->name = aic_buf_take(&name, NULL);
	aic_buf_done(&name);
	if (!model->name) {
		aic_free(model);
		return AICHAT_ENOMEM;
	}
	model->info = target->info;
	model->ready = aic_target_check_key(target, NULL) == 0;
	*ret_model = model;
	return 0;
}

int aichat_model_at(aichat *ai, size_t n, aichat_model **ret_model)
{
	if (!ai || !ret_model)
		return AICHAT_EINVAL;
	const struct aic_model_info *info = aic_model_info_at(n);
	if (!info)
		return AICHAT_ENOTFOUND;
	struct aic_target target = {
		.provider = aic_registry_provider(ai->core->registry, info->provider),
		.info = info,
		.model = aic_strdup(info->name),
	};
	int result = target.model ? model_new(&target, ret_model) : AICHAT_ENOMEM;
	aic_target_done(&target);
	return result;
}

int aichat_model_find(aichat *ai, const char *name, aichat_model **ret_model,
		      aichat_error **reterr)
{
	struct aic_target target = { 0 };

	if (!ai || !name || !ret_model)
		return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
	int result = aic_target_resolve(ai->core->registry, name, &target, reterr);
	if (result)
		return result;
	result = model_new(&target, ret_model);
	aic_target_done(&target);
	return result ? aic_error_nomem(reterr) : 0;
}

int aichat_model_choose(aichat *ai, char **ret_name, aichat_error **reterr)
{
	if (!ai || !ret_name)
		return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
	return aic_model_choose(ai->core->registry, ai->core->options, ret_name, reterr);
}

aichat_model *aichat_model_unref(aichat_model *model)
{
	if (model) {
		aic_free(model->name);
		aic_free(model);
	}
	return NULL;
}

const char *aichat_model_name(const aichat_model *model)
{
	return model ? model->name : "";
}

int aichat_model_is_ready(const aichat_model *model)
{
	return model ? model->ready : 0;
}

/* What the catalog does not know is 0 there and -1 outside. */
static int64_t known(int64_t tokens)
{
	return tokens > 0 ? tokens : -1;
}

int64_t aichat_model_context_tokens(const aichat_model *model)
{
	return model && model->info ? known(model->info->context_tokens) : -1;
}

int64_t aichat_model_output_tokens(const aichat_model *model)
{
	return model && model->info ? known(model->info->output_tokens) : -1;
}

uint32_t aichat_model_abilities(const aichat_model *model)
{
	return model && model->info ? model->info->abilities : 0;
}

int64_t aichat_model_price_nano_usd(const aichat_model *model, int kind)
{
	if (!model || !model->info)
		return -1;
	switch (kind) {
	case AICHAT_PRICE_INPUT:
		return model->info->input_price;
	case AICHAT_PRICE_CACHED:
		return model->info->cached_price;
	case AICHAT_PRICE_CACHE_WRITE:
		return model->info->cache_write_price;
	case AICHAT_PRICE_OUTPUT:
		return model->info->output_price;
	default:
		return -1;
	}
}

const char *aichat_model_priced_on(const aichat_model *model)
{
	return model && model->info ? model->info->priced_on : NULL;
}
