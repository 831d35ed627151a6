/* `aichat models`: what the catalog knows. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../command.h"

#define NAME_WIDTH 36

static const struct {
	uint32_t bit;
	const char *name;
} abilities[] = {
	{ AICHAT_ABILITY_TOOLS, "tools" },
	{ AICHAT_ABILITY_IMAGES, "images" },
	{ AICHAT_ABILITY_REASONING, "reasoning" },
	{ AICHAT_ABILITY_SCHEMA, "schema" },
	{ AICHAT_ABILITY_AUDIO, "audio" },
	{ AICHAT_ABILITY_DOCUMENTS, "documents" },
};

/* Dollars for a million tokens; a token's price is in 10^-9 dollars. */
static void price_text(int64_t nano, char *text, size_t room)
{
	if (nano < 0) {
		snprintf(text, room, "-");
		return;
	}
	int used = snprintf(text, room, "%" PRId64 ".%03" PRId64, nano / 1000,
			    nano % 1000);
	if (used > 0 && (size_t)used < room && text[used - 1] == '0')
		text[used - 1] = '\0'; /* two digits, or three if they count */
}

static void tokens_text(int64_t tokens, char *text, size_t room)
{
	if (tokens < 0)
		snprintf(text, room, "-");
	else if (tokens >= 1000000)
		snprintf(text, room, "%" PRId64 ".%" PRId64 "M", tokens / 1000000,
			 tokens % 1000000 / 100000);
	else
		snprintf(text, room, "%" PRId64 "K", tokens / 1000);
}

static void print_model(struct app *app, const aichat_model *model)
{
	uint32_t bits = aichat_model_abilities(model);
	int64_t context = aichat_model_context_tokens(model);
	int64_t input = aichat_model_price_nano_usd(model, AICHAT_PRICE_INPUT);
	int64_t output = aichat_model_price_nano_usd(model, AICHAT_PRICE_OUTPUT);
	bool ready = aichat_model_is_ready(model);
	char context_text[24], input_text[24], output_text[24], able[96] = "";

	for (size_t i = 0; i < sizeof(abilities) / sizeof(*abilities); i++)
		if (bits & abilities[i].bit) {
			size_t used = strlen(able);
			snprintf(able + used, sizeof(able) - used, "%s%s",
				 used ? " " : "", abilities[i].name);
		}
	tokens_text(context, context_text, sizeof(context_text));
	price_text(input, input_text, sizeof(input_text));
	price_text(output, output_text, sizeof(output_text));
	const struct field fields[] = {
		{ .name = "name", .text = aichat_model_name(model), .width = NAME_WIDTH },
		{ .name = "ready",
		  .text = ready ? "ready" : "no key",
		  .width = 6,
		  .type = FIELD_BOOL,
		  .number = ready },
		{ .name = "context_tokens",
		  .text = context_text,
		  .width = -7,
		  .type = FIELD_NUMBER,
		  .number = context },
		{ .name = "output_tokens",
		  .type = FIELD_NUMBER,
		  .number = aichat_model_output_tokens(model) },
		{ .name = "input_nano_usd",
		  .text = input_text,
		  .width = -7,
		  .type = FIELD_NUMBER,
		  .number = input },
		{ .name = "output_nano_usd",
		  .text = output_text,
		  .width = -7,
		  .type = FIELD_NUMBER,
		  .number = output },
		{ .name = "priced_on", .value = aichat_model_priced_on(model) },
		{ .name = "abilities", .text = able, .type = FIELD_LIST },
	};
	app->printer->row(app, fields, sizeof(fields) / sizeof(*fields));
}

static void print_head(struct app *app)
{
	const struct field fields[] = {
		{ .text = "MODEL", .width = NAME_WIDTH },
		{ .text = "KEY", .width = 6 },
		{ .text = "CONTEXT", .width = -7 },
		{ .text = "$/M IN", .width = -7 },
		{ .text = "$/M OUT", .width = -7 },
		{ .text = "CAN" },
	};

	if (app->printer == &print_text)
		app->printer->row(app, fields, sizeof(fields) / sizeof(*fields));
}

static bool is_wanted(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->word_count; i++)
		if (!strcasestr(name, args->words[i]))
			return false;
	return true;
}

static int run(struct app *app)
{
	int status = app_open(app, true);
	bool any = false;
	int rc = 0;

	if (status != STATUS_OK)
		return status;
	for (size_t n = 0; !app->out.error; n++) {
		aichat_model *model = NULL;
		rc = aichat_model_at(app->ai, n, &model);
		if (rc < 0)
			break;
		if (is_wanted(&app->args, aichat_model_name(model))) {
			if (!any)
				print_head(app);
			any = true;
			print_model(app, model);
		}
		aichat_model_unref(model);
	}
	if (rc == AICHAT_ENOMEM)
		return app_nomem(app);
	if (!any && !app->out.error) {
		app_say(app, "the catalog has no such model; others can be asked all the "
			     "same, as PROVIDER/MODEL");
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

const struct command command_models = {
	.name = "models",
	.arguments = "[WORD...]",
	.summary = "list models, or those with all words in their names",
	.takes = "J",
	.about =
		"Prices are US dollars for a million tokens. A model that is not listed\n"
		"can be asked, too: name it as PROVIDER/MODEL.\n",
	.run = run,
};
