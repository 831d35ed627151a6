/*
 * Adding up the messages of a reply.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "tally.h"

static void forget(int64_t figures[USAGE_FIGURES])
{
	for (int i = 0; i < USAGE_FIGURES; i++)
		figures[i] = -1;
}

void tally_begin(struct tally *tally, aichat *ai, int64_t input_tokens)
{
	*tally = (struct tally){
		.cost_nano_usd = -1,
		.ai = ai,
		.input_tokens = input_tokens,
		.open = true,
	};
	forget(tally->used);
	forget(tally->told);
}

static void add_known(int64_t *sum, int64_t more)
{
	if (more >= 0)
		*sum = *sum < 0 ? more : *sum + more;
}

/* ---- estimates ---- */

static bool add_cost(int64_t *cost, int64_t tokens, int64_t price)
{
	if (tokens > 0)
		*cost += tokens * price;
	return tokens <= 0 || price >= 0;
}

static int64_t cost_of(const struct tally *tally, const int64_t figures[USAGE_FIGURES])
{
	aichat_model *model = NULL;
	int64_t prices[AICHAT_PRICE_OUTPUT + 1], cost = 0;

	if (aichat_model_find(tally->ai, tally->model, &model, NULL) < 0)
		return -1;
	for (int kind = AICHAT_PRICE_INPUT; kind <= AICHAT_PRICE_OUTPUT; kind++)
		prices[kind] = aichat_model_price_nano_usd(model, kind);
	aichat_model_unref(model);
	int64_t cached = figures[AICHAT_USAGE_CACHED];
	int64_t written = figures[AICHAT_USAGE_CACHE_WRITE];
	int64_t fresh = figures[AICHAT_USAGE_INPUT] - (cached > 0 ? cached : 0) -
			(written > 0 ? written : 0);
	bool known = add_cost(&cost, fresh, prices[AICHAT_PRICE_INPUT]) &&
		     add_cost(&cost, cached, prices[AICHAT_PRICE_CACHED]) &&
		     add_cost(&cost, written, prices[AICHAT_PRICE_CACHE_WRITE]) &&
		     add_cost(&cost, figures[AICHAT_USAGE_OUTPUT],
			      prices[AICHAT_PRICE_OUTPUT]);
	return known ? cost : -1;
}

/* True if something had to be estimated. cut: the provider has told what it did so far
 * at best. */
static bool estimate(const struct tally *tally, bool cut, int64_t figures[USAGE_FIGURES])
{
	int64_t written = (tally->written_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	bool input = figures[AICHAT_USAGE_INPUT] < 0;
	bool output = figures[AICHAT_USAGE_OUTPUT] < 0 ||
		      (cut && figures[AICHAT_USAGE_OUTPUT] < written);

	if (input)
		figures[AICHAT_USAGE_INPUT] = tally->input_tokens;
	if (output)
		figures[AICHAT_USAGE_OUTPUT] = written;
	return input || output;
}

/* A provider that has said nothing wants nothing, unless it was not let finish. */
static void add(struct tally *tally, bool cut, int64_t figures[USAGE_FIGURES],
		int64_t cost_nano_usd)
{
	bool told = figures[AICHAT_USAGE_INPUT] >= 0 || figures[AICHAT_USAGE_OUTPUT] >= 0;

	if ((told || cut || tally->written_bytes > 0) && estimate(tally, cut, figures))
		cost_nano_usd = cost_of(tally, figures);
	for (int i = 0; i < USAGE_FIGURES; i++)
		add_known(&tally->used[i], figures[i]);
	add_known(&tally->cost_nano_usd, cost_nano_usd);
	/* The next one reads all of that. */
	add_known(&tally->input_tokens, figures[AICHAT_USAGE_OUTPUT]);
	tally->written_bytes = 0;
	tally->open = false;
	forget(tally->told);
}

/* ---- events ---- */

/* Whether the provider was cut off by somebody, in whatever it was doing. */
static bool was_cut(const aichat_event *event)
{
	int code = aichat_error_code(aichat_event_error(event));

	return aichat_event_state(event) == AICHAT_REPLY_STOPPED ||
	       code == AICHAT_ECANCELED || code == AICHAT_ETIMEOUT ||
	       code == AICHAT_EINTERRUPTED || code == AICHAT_ETOOLARGE;
}

/* Once, if it is told of twice. */
static void count(struct tally *tally, const aichat_event *event,
		  const aichat_message *message)
{
	const char *provider = aichat_message_provider(message);
	const char *model = aichat_message_model(message);
	int64_t figures[USAGE_FIGURES] = { -1 };

	if (strcmp(tally->counted, aichat_message_id(message)) == 0)
		return;
	snprintf(tally->counted, sizeof(tally->counted), "%s",
		 aichat_message_id(message));
	if (provider && model)
		snprintf(tally->model, sizeof(tally->model), "%s/%s", provider, model);
	for (int kind = AICHAT_USAGE_INPUT; kind < USAGE_FIGURES; kind++)
		figures[kind] = aichat_message_usage(message, kind);
	if (figures[AICHAT_USAGE_INPUT] >= 0)
		tally->input_tokens = figures[AICHAT_USAGE_INPUT];
	add(tally, was_cut(event), figures, aichat_message_cost_nano_usd(message));
}

void tally_note(struct tally *tally, const aichat_event *event)
{
	const aichat_message *message = aichat_event_message(event);

	switch (aichat_event_type(event)) {
	case AICHAT_EVENT_TEXT:
	case AICHAT_EVENT_REASONING:
	case AICHAT_EVENT_TOOL_CALL:
		tally->written_bytes += (int64_t)aichat_event_text_len(event);
		tally->open = true;
		break;
	case AICHAT_EVENT_USAGE:
		tally->open = true;
		for (int kind = AICHAT_USAGE_INPUT; kind < USAGE_FIGURES; kind++)
			if (aichat_event_usage(event, kind) >= 0)
				tally->told[kind] = aichat_event_usage(event, kind);
		break;
	case AICHAT_EVENT_MESSAGE: /* the last one is told of again, with how it ended */
		if (aichat_message_stop_reason(message) == AICHAT_STOP_TOOL_CALLS)
			count(tally, event, message);
		break;
	case AICHAT_EVENT_DONE:
	case AICHAT_EVENT_ERROR:
		if (message)
			count(tally, event, message);
		else /* it failed before there was one, or while it was written */
			tally->open = was_cut(event) || tally->written_bytes > 0;
		break;
	default:
		break;
	}
}

static void read_model(struct tally *tally, aichat_reply *reply)
{
	aichat_json *doc = NULL;
	char *json = NULL;
	size_t len = 0;

	if (aichat_reply_to_json(reply, &json, &len, NULL) == 0 &&
	    aichat_json_parse(json, (int64_t)len, &doc, NULL) == 0)
		snprintf(tally->model, sizeof(tally->model), "%s",
			 call_text(doc, "model", ""));
	aichat_json_unref(doc);
	aichat_free(json);
}

void tally_end(struct tally *tally, aichat_reply *reply)
{
	if (!tally->model[0])
		read_model(tally, reply);
	if (tally->open)
		add(tally, true, tally->told, -1);
}

int64_t tally_tokens(const struct tally *tally)
{
	int64_t input = tally->used[AICHAT_USAGE_INPUT];
	int64_t output = tally->used[AICHAT_USAGE_OUTPUT];

	return (input > 0 ? input : 0) + (output > 0 ? output : 0);
}
