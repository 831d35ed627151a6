#include "base/mem.h"
#include "dialect/dialect.h"

static const struct aic_dialect *const dialects[] = {
	&aic_dialect_openai_chat,
	&aic_dialect_anthropic_messages,
};

const struct aic_dialect *aic_dialect_find(const char *name)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(dialects); i++)
		if (aic_streq(dialects[i]->name, name))
			return dialects[i];
	return NULL;
}

void aic_failure_done(struct aic_failure *failure)
{
	aic_free(failure->message);
	aic_free(failure->provider_code);
	*failure = (struct aic_failure){ 0 };
}
