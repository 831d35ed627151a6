/*
 * The models that can be asked.
 */

#include "page.h"

static void put_known(aichat_json_writer *w, const char *key, int64_t value)
{
	if (value < 0)
		return;
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_int(w, value);
}

static void put_abilities(aichat_json_writer *w, uint32_t abilities)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ AICHAT_ABILITY_TOOLS, "tools" },
		{ AICHAT_ABILITY_IMAGES, "images" },
		{ AICHAT_ABILITY_REASONING, "reasoning" },
		{ AICHAT_ABILITY_SCHEMA, "schema" },
		{ AICHAT_ABILITY_AUDIO, "audio" },
		{ AICHAT_ABILITY_DOCUMENTS, "documents" },
	};

	aichat_json_writer_key(w, "abilities", -1);
	aichat_json_writer_begin_array(w);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (abilities & names[i].bit)
			aichat_json_writer_string(w, names[i].name, -1);
	aichat_json_writer_end_array(w);
}

static void put_prices(aichat_json_writer *w, const aichat_model *model)
{
	static const struct {
		int kind;
		const char *name;
	} names[] = {
		{ AICHAT_PRICE_INPUT, "input" },
		{ AICHAT_PRICE_CACHED, "cached" },
		{ AICHAT_PRICE_CACHE_WRITE, "cache_write" },
		{ AICHAT_PRICE_OUTPUT, "output" },
	};

	if (!aichat_model_priced_on(model))
		return;
	aichat_json_writer_key(w, "nano_usd_per_token", -1);
	aichat_json_writer_begin_object(w);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		put_known(w, names[i].name,
			  aichat_model_price_nano_usd(model, names[i].kind));
	aichat_json_writer_end_object(w);
	aichat_json_writer_key(w, "priced_on", -1);
	aichat_json_writer_string(w, aichat_model_priced_on(model), -1);
}

/* Those whose providers have a key, or need none; with all=true the whole catalog. */
static void list(struct call *call)
{
	aichat_json_writer *w = page_begin();
	bool all = call_bool(call->query, "all", false);
	aichat_model *model = NULL;

	for (size_t n = 0; aichat_model_at(call->ai, n, &model) == 0; n++) {
		bool ready = aichat_model_is_ready(model);
		if (ready || all) {
			aichat_json_writer_begin_object(w);
			aichat_json_writer_key(w, "id", -1);
			aichat_json_writer_string(w, aichat_model_name(model), -1);
			aichat_json_writer_key(w, "ready", -1);
			aichat_json_writer_bool(w, ready);
			put_known(w, "context_tokens",
				  aichat_model_context_tokens(model));
			put_known(w, "output_tokens", aichat_model_output_tokens(model));
			put_abilities(w, aichat_model_abilities(model));
			put_prices(w, model);
			aichat_json_writer_end_object(w);
		}
		model = aichat_model_unref(model);
	}
	page_answer(call, w, NULL);
}

static const struct field list_fields[] = {
	{ .name = "all",
	  .type = FIELD_BOOL,
	  .help = "true: also models whose providers have no key" },
	{ .type = FIELD_END },
};

const struct route routes_models[] = {
	{
		.method = "GET",
		.path = "/api/v1/models",
		.name = "models.list",
		.summary = "Models with context sizes, prices and abilities",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT,
		.query = list_fields,
		.answers = { { 200, "ModelList", "All of them." } },
		.handle = list,
	},
	{ .method = NULL },
};
