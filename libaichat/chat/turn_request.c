/*
 * What a turn asks the model: its options, its tools and the projected path.
 */

#include <aichat/log.h>

#include "base/mem.h"
#include "chat/projection.h"
#include "chat/turn_state.h"

static int set_string(char **to, const char *value)
{
	*to = aic_strdup(value);
	return value && !*to ? AICHAT_ENOMEM : 0;
}

/* A list option: one value a line. */
static int set_stop(struct aic_request *request, const char *lines)
{
	for (const char *at = lines; at && *at;) {
		size_t len = strcspn(at, "\n");
		if (len && aic_request_add_stop(request, (struct aic_str){ at, len }) < 0)
			return AICHAT_ENOMEM;
		at += len + (at[len] == '\n');
	}
	return 0;
}

static int set_tool_choice(struct aic_request *request, const char *choice)
{
	static const struct {
		const char *word;
		enum aic_tool_choice choice;
	} words[] = {
		{ "auto", AIC_TOOL_CHOICE_AUTO },
		{ "none", AIC_TOOL_CHOICE_NONE },
		{ "required", AIC_TOOL_CHOICE_REQUIRED },
	};

	if (!choice)
		return 0;
	for (size_t i = 0; i < AIC_ARRAY_LEN(words); i++)
		if (aic_streq(choice, words[i].word)) {
			request->tool_choice = words[i].choice;
			return 0;
		}
	request->tool_choice = AIC_TOOL_CHOICE_NAMED;
	return set_string(&request->tool_choice_name, choice);
}

static int set_body_members(struct aic_request *request,
			    const struct aichat_options *options)
{
	size_t count = aic_options_count(options);

	for (size_t i = 0; i < count; i++) {
		const char *value;
		const char *name = aic_options_at(options, i, &value);
		if (strncmp(name, "body.", 5) == 0 &&
		    aic_request_set_extra(request, aic_str(name + 5), aic_str(value)) < 0)
			return AICHAT_ENOMEM;
	}
	return 0;
}

static int fill_request(const struct aic_turn *turn, struct aic_request *request)
{
	const struct aic_options_chain chain = { { turn->options, turn->core->options } };
	const char *schema = aic_chain_string(&chain, "response_schema");
	int64_t seed = aic_chain_int(&chain, "seed", -1);

	request->max_tokens = aic_chain_int(&chain, "max_tokens", -1);
	request->temperature = aic_chain_number(&chain, "temperature");
	request->top_p = aic_chain_number(&chain, "top_p");
	request->parallel_tool_calls = aic_chain_bool(&chain, "parallel_tool_calls", -1);
	request->stream = aic_chain_bool(&chain, "stream", 1) == 1;
	request->stream_usage = request->stream;
	request->has_seed = seed >= 0;
	request->seed = seed;
	if (set_string(&request->model, turn->target.model) < 0 ||
	    set_string(&request->reasoning_effort,
		       aic_chain_string(&chain, "reasoning_effort")) < 0 ||
	    set_stop(request, aic_chain_string(&chain, "stop")) < 0)
		return AICHAT_ENOMEM;
	if (turn->tool_count &&
	    set_tool_choice(request, aic_chain_string(&chain, "tool_choice")) < 0)
		return AICHAT_ENOMEM;
	if (schema) {
		request->format = AIC_FORMAT_SCHEMA;
		if (set_string(&request->format_name, "reply") < 0 ||
		    aic_string_set(&request->format_schema, aic_str(schema)) < 0)
			return AICHAT_ENOMEM;
	}
	for (size_t i = 0; i < turn->tool_count; i++) {
		struct aic_tool tool = { 0 };
		if (aic_tool_copy(&tool, &turn->tools[i]) < 0 ||
		    aic_request_add_tool(request, &tool) < 0) {
			aic_tool_done(&tool);
			return AICHAT_ENOMEM;
		}
	}
	/* The context's members first: the send's replace them. */
	if (set_body_members(request, turn->core->options) < 0)
		return AICHAT_ENOMEM;
	return set_body_members(request, turn->options);
}

struct aic_request *aic_turn_request(const struct aic_turn *turn)
{
	static const struct aic_dialect no_dialect = { .name = "echo" };
	const struct aic_dialect *dialect = turn->target.provider->dialect;
	struct aic_profile profile = aic_target_profile(&turn->target);
	struct aic_report report = { 0 };
	struct aic_request *request = aic_request_new();

	if (!request || fill_request(turn, request) < 0 ||
	    aic_project(turn->path.items, turn->path.count,
			dialect ? dialect : &no_dialect, &profile, request, &report) < 0)
		request = aic_request_free(request);
	for (size_t i = 0; i < report.count; i++)
		aic_log(&turn->core->log, AICHAT_LOG_INFO, "%s: %s", turn->model_name,
			report.lines[i]);
	aic_report_done(&report);
	return request;
}
