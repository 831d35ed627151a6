#include "model/profile.h"

uint32_t aic_quirk_find(struct aic_str name)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} quirks[] = {
#define QUIRK(upper, text, bit, help) { text, 1u << (bit) },
#include "model/quirks.def"
#undef QUIRK
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(quirks); i++)
		if (aic_str_is(name, quirks[i].name))
			return quirks[i].bit;
	return 0;
}
