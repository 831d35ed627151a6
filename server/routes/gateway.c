/*
 * The gateway: what clients of OpenAI's and Anthropic's APIs expect to find here.
 */

#include "gateway.h"

/* ---- what they take ---- */

/* For the document only: a request is read by the library, and by the provider. */
static const struct field chat_body[] = {
	{ .name = "model",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "An alias, PROVIDER/MODEL, or a model of the catalog." },
	{ .name = "messages",
	  .type = FIELD_ANY,
	  .required = true,
	  .help = "The conversation, as the dialect has it." },
	{ .name = "stream",
	  .type = FIELD_BOOL,
	  .help = "Server-sent events instead of one document." },
	{ .type = FIELD_END },
};

static const struct field count_body[] = {
	{ .name = "model",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "An alias, PROVIDER/MODEL, or a model of the catalog." },
	{ .name = "messages",
	  .type = FIELD_ANY,
	  .required = true,
	  .help = "The conversation whose tokens are counted." },
	{ .type = FIELD_END },
};

static const struct field embeddings_body[] = {
	{ .name = "model",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "An alias, PROVIDER/MODEL, or one of OpenAI's text-embedding models." },
	{ .name = "input",
	  .type = FIELD_ANY,
	  .required = true,
	  .help = "A text, several, or tokens." },
	{ .type = FIELD_END },
};

static const struct field models_query[] = {
	{ .name = "after_id",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "Only the models behind this one." },
	{ .name = "before_id",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "Only the models before this one: the last of them, if there is a "
		  "limit." },
	{ .name = "limit",
	  .type = FIELD_INT,
	  .minimum = 1,
	  .maximum = 1000,
	  .help = "At most so many; without it all." },
	{ .type = FIELD_END },
};

/* ---- what they do ---- */

static void reply(struct call *call)
{
	gateway_run(call, AICHAT_EXCHANGE_REPLY);
}

static void count_tokens(struct call *call)
{
	gateway_run(call, AICHAT_EXCHANGE_COUNT_TOKENS);
}

static void embeddings(struct call *call)
{
	gateway_run(call, AICHAT_EXCHANGE_EMBEDDINGS);
}

static void answer_list(struct call *call, int result, char *json, size_t len,
			aichat_error *error)
{
	if (result == 0)
		call_answer_json(call, 200, json, len);
	else
		call_fail(call, error);
	aichat_free(json);
	aichat_error_unref(error);
}

static void models(struct call *call)
{
	aichat_error *error = NULL;
	char *json = NULL;
	size_t len = 0;
	int result = aichat_dialect_models(
		call->ai, gateway_dialect(call), call_text(call->query, "after_id", NULL),
		call_text(call->query, "before_id", NULL),
		(size_t)call_int(call->query, "limit", 0), &json, &len, &error);

	answer_list(call, result, json, len, error);
}

static void model(struct call *call)
{
	aichat_error *error = NULL;
	char *json = NULL;
	size_t len = 0;
	int result = aichat_dialect_model(call->ai, gateway_dialect(call),
					  call->path_values[0], &json, &len, &error);

	answer_list(call, result, json, len, error);
}

/* ---- the table ---- */

#define EXCHANGE_FLAGS (ROUTE_STREAM | ROUTE_RAW_BODY | ROUTE_MODEL | ROUTE_IDEMPOTENT)

const struct route routes_gateway[] = {
	{
		.method = "POST",
		.path = "/v1/chat/completions",
		.name = "gateway.chat",
		.summary = "A reply, as OpenAI's Chat Completions",
		.about = "Answered by the model's provider whatever its own protocol is. "
			 "Errors have OpenAI's form, also inside a stream.",
		.surface = SURFACE_OPENAI,
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_GATEWAY,
		.flags = EXCHANGE_FLAGS,
		.body = chat_body,
		.answers = { { 200, "ChatCompletion", "The reply, or a stream of it." } },
		.handle = reply,
	},
	{
		.method = "POST",
		.path = "/v1/messages",
		.name = "gateway.messages",
		.summary = "A reply, as Anthropic's Messages",
		.about = "Answered by the model's provider whatever its own protocol is. "
			 "Errors have Anthropic's form, also inside a stream.",
		.surface = SURFACE_ANTHROPIC,
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_GATEWAY,
		.flags = EXCHANGE_FLAGS,
		.body = chat_body,
		.answers = { { 200, "AnthropicMessage",
			       "The reply, or a stream of it." } },
		.handle = reply,
	},
	{
		.method = "POST",
		.path = "/v1/messages/count_tokens",
		.name = "gateway.count_tokens",
		.summary = "How many tokens a request has",
		.about = "Asked of providers that can tell; else estimated: the bytes of "
			 "messages, system prompt and tools, divided by four.",
		.surface = SURFACE_ANTHROPIC,
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_GATEWAY,
		.flags = EXCHANGE_FLAGS,
		.body = count_body,
		.answers = { { 200, "TokenCount", "The figure." } },
		.handle = count_tokens,
	},
	{
		.method = "POST",
		.path = "/v1/embeddings",
		.name = "gateway.embeddings",
		.summary = "Embeddings, passed through to the provider",
		.surface = SURFACE_OPENAI,
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_GATEWAY,
		.flags = EXCHANGE_FLAGS,
		.body = embeddings_body,
		.answers = { { 200, "Embeddings", "What the provider says." } },
		.handle = embeddings,
	},
	{
		.method = "GET",
		.path = "/v1/models",
		.name = "gateway.models",
		.summary = "The models that can be asked",
		.about = "In OpenAI's form, or in Anthropic's for callers that send "
			 "anthropic-version.",
		.surface = SURFACE_BOTH,
		.roles = ROLE_ANY,
		.scopes = SCOPE_GATEWAY | SCOPE_READ,
		.query = models_query,
		.answers = { { 200, "ModelList", "The list." } },
		.handle = models,
	},
	{
		.method = "GET",
		.path = "/v1/models/{id*}",
		.name = "gateway.model",
		.summary = "One model, by its name",
		.surface = SURFACE_BOTH,
		.roles = ROLE_ANY,
		.scopes = SCOPE_GATEWAY | SCOPE_READ,
		.path_values = { { "id", OBJECT_NONE,
				   "Any name that the gateway takes." } },
		.answers = { { 200, "Model", "The model." } },
		.handle = model,
	},
	{ .method = NULL },
};
