/*
 * Chat Completions from anywhere. The first byte chooses: `e` the events of a stream, one
 * a line; `r` a whole reply; `q` a request; `x` an error's body. What was decoded builds
 * a message; what is written is JSON without doubled keys, and reads back.
 */

#include <string.h>

#include "base/json.h"
#include "dialect/dialect.h"
#include "fuzz.h"
#include "model/builder.h"
#include "model/profile.h"

static const struct aic_dialect *const dialect = &aic_dialect_openai_chat;

static void check_json(struct aic_str text)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_json_limits limits = aic_json_wire;

	limits.max_bytes *= 8; /* escapes grow */
	FUZZ_CHECK(aic_json_scan(&doc, text.data, text.len, &limits) == 0);
}

/* Frames: `data: JSON` and an empty line. */
static void check_frames(struct aic_str out)
{
	while (out.len) {
		FUZZ_CHECK(out.len > 8 && memcmp(out.data, "data: ", 6) == 0);
		const char *end = memmem(out.data, out.len, "\n\n", 2);
		FUZZ_CHECK(end != NULL);
		struct aic_str data = { out.data + 6, (size_t)(end - out.data) - 6 };
		if (!aic_str_is(data, "[DONE]"))
			check_json(data);
		out.len -= (size_t)(end + 2 - out.data);
		out.data = end + 2;
	}
}

struct run {
	struct aic_decoder *decoder;
	struct aic_encoder *encoder;
	struct aic_events events;
	struct aichat_message *message;
	struct aic_buf out;
};

/* Every event fits the message so far, and can be written on. */
static void take(struct run *run, int result)
{
	FUZZ_CHECK(result >= 0 || run->decoder->error);
	for (size_t i = 0; i < run->events.count; i++) {
		const struct aichat_event *event = &run->events.items[i];
		if (event->choice == 0) {
			int applied = aic_builder_apply(run->message, event);
			FUZZ_CHECK(applied == 0 || applied == AICHAT_ETOOLARGE);
		}
		FUZZ_CHECK(dialect->encode_event(run->encoder, event, &run->out) == 0);
	}
	aic_events_reset(&run->events);
}

static void decode(struct aic_str data, bool whole, uint32_t quirks)
{
	struct aic_profile profile = { .provider = "p", .model = "m", .quirks = quirks };
	struct aic_encoder_config config = { .stream_usage = true };
	struct run run = { .decoder = dialect->decoder_new(&profile),
			   .encoder = dialect->encoder_new(&config),
			   .message = aic_message_new(AICHAT_ROLE_ASSISTANT) };

	while (!whole && data.len) {
		const char *end = memchr(data.data, '\n', data.len);
		size_t len = end ? (size_t)(end - data.data) : data.len;
		take(&run, dialect->decode_event(run.decoder, AIC_STR(""),
						 (struct aic_str){ data.data, len },
						 &run.events));
		data.data += len + (end != NULL);
		data.len -= len + (end != NULL);
	}
	if (whole)
		take(&run, dialect->decode_reply(run.decoder, data, &run.events));
	take(&run, dialect->decode_end(run.decoder, &run.events));
	FUZZ_CHECK(!run.decoder->finished || !run.decoder->error);
	aic_builder_seal(run.message, AICHAT_MESSAGE_SEALED);
	struct aichat_event done = { .type = AICHAT_EVENT_DONE, .message = run.message };
	FUZZ_CHECK(dialect->encode_event(run.encoder, &done, &run.out) == 0);
	check_frames(aic_buf_str(&run.out));
	aic_buf_reset(&run.out);
	FUZZ_CHECK(dialect->encode_reply(&config, run.message, &run.out) == 0);
	check_json(aic_buf_str(&run.out));
	aic_buf_done(&run.out);
	aic_events_done(&run.events);
	aichat_message_unref(run.message);
	dialect->decoder_free(run.decoder);
	dialect->encoder_free(run.encoder);
}

/* One way to say it: writing what was read says the same the second time. */
static void request(struct aic_str body, uint32_t quirks)
{
	struct aic_profile profile = { .provider = "p", .model = "m", .quirks = quirks };
	AIC_CLEANUP(aic_request_freep) struct aic_request *first = NULL;
	AIC_CLEANUP(aic_request_freep) struct aic_request *second = NULL;
	AIC_CLEANUP(aic_buf_done) struct aic_buf once = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf twice = aic_buf(0);
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;

	if (dialect->decode_request(body, &first, &error) < 0) {
		FUZZ_CHECK(error != NULL);
		return;
	}
	FUZZ_CHECK(dialect->encode_request(first, &profile, &once, NULL, NULL) == 0);
	check_json(aic_buf_str(&once));
	/* Messages without anything to say are left out; all of them may have been. */
	if (dialect->decode_request(aic_buf_str(&once), &second, NULL) < 0) {
		FUZZ_CHECK(memmem(once.data, once.len, "\"messages\":[]", 13) != NULL);
		return;
	}
	FUZZ_CHECK(dialect->encode_request(second, &profile, &twice, NULL, NULL) == 0);
	FUZZ_CHECK(aic_str_equal(aic_buf_str(&once), aic_buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aic_failure failure;

	if (size < 2)
		return 0;
	/* The second byte: which of the decoder's deviations are on. */
	uint32_t quirks = (data[1] & 1 ? AIC_QUIRK_THINK_TAGS : 0) |
			  (data[1] & 2 ? AIC_QUIRK_DEDUPE : 0) |
			  (data[1] & 4 ? AIC_QUIRK_FLATTEN : 0) |
			  (data[1] & 8 ? AIC_QUIRK_ONE_SYSTEM : 0);
	struct aic_str text = { (const char *)data + 2, size - 2 };
	switch (data[0]) {
	case 'e':
	case 'r':
		decode(text, data[0] == 'r', quirks);
		break;
	case 'q':
		request(text, quirks);
		break;
	case 'x':
		dialect->decode_error(400 + data[1], text, &failure);
		FUZZ_CHECK(failure.code < 0);
		aic_failure_done(&failure);
		break;
	default:
		break;
	}
	return 0;
}
