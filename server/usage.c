/*
 * A row of usage as JSON, which the store takes.
 */

#include <string.h>

#include "log.h"
#include "owed.h"
#include "usage.h"

static const char *const figure_names[USAGE_FIGURES] = {
	[AICHAT_USAGE_INPUT] = "input_tokens",
	[AICHAT_USAGE_CACHED] = "cached_tokens",
	[AICHAT_USAGE_CACHE_WRITE] = "cache_write_tokens",
	[AICHAT_USAGE_OUTPUT] = "output_tokens",
	[AICHAT_USAGE_REASONING] = "reasoning_tokens",
};

static void put_text(aichat_json_writer *w, const char *name, const char *text,
		     size_t len)
{
	if (!len)
		return;
	aichat_json_writer_key(w, name, -1);
	aichat_json_writer_string(w, text, (int64_t)len);
}

static void put_count(aichat_json_writer *w, const char *name, int64_t count)
{
	if (count < 0)
		return;
	aichat_json_writer_key(w, name, -1);
	aichat_json_writer_int(w, count);
}

static void put_model(aichat_json_writer *w, const char *model)
{
	size_t provider = strcspn(model, "/");

	put_text(w, "provider", model, provider);
	model += provider + (model[provider] == '/');
	put_text(w, "model", model, strlen(model));
}

void usage_write(aichat *ai, const struct usage *usage)
{
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_error *error = NULL;
	const char *json = NULL;
	size_t len = 0;

	aichat_json_writer_begin_object(w);
	put_text(w, "key", usage->key, strlen(usage->key));
	put_model(w, usage->model);
	put_text(w, "outcome", usage->outcome, strlen(usage->outcome));
	put_text(w, "request_id", usage->request_id, strlen(usage->request_id));
	for (int i = 0; i < USAGE_FIGURES; i++)
		if (figure_names[i])
			put_count(w, figure_names[i], usage->figures[i]);
	put_count(w, "cost_nano_usd", usage->cost_nano_usd);
	put_count(w, "duration_ms", usage->duration_ms);
	aichat_json_writer_end_object(w);
	bool whole = aichat_json_writer_finish(w, &json, &len) == 0;
	bool in_turn = whole && owed_write(ai); /* older ones first */
	bool done = in_turn && aichat_usage_add(ai, json, (int64_t)len, &error) == 0;
	if (whole && !done && (!in_turn || owed_is_worth_it(error)))
		owed_add(usage->user, json, len, error);
	else if (!done)
		log_line(AICHAT_LOG_ERROR, "the usage of %s is not stored: %s",
			 usage->request_id,
			 error ? aichat_error_message(error) : "out of memory");
	aichat_error_unref(error);
	aichat_json_writer_unref(w);
}
