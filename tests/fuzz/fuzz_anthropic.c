/*
 * The Messages dialect on anything. The first byte says what the rest is: a stream, a
 * whole reply, a request or an error's body. What was understood is written and read
 * again; a first writing leaves out what cannot be said, and from then on each gives the
 * same bytes.
 */

#include "base/mem.h"
#include "dialect/dialect.h"
#include "fuzz.h"
#include "model/builder.h"
#include "net/sse.h"

static const struct aic_dialect *const dialect = &aic_dialect_anthropic_messages;
static const struct aic_encoder_config config = { .response_id = "r", .model = "m" };

struct reading {
	struct aic_decoder *decoder;
	struct aic_events events;
	struct aichat_message *message;
	bool failed;
};

static void take(struct reading *r, int code)
{
	FUZZ_CHECK(code >= 0 || r->decoder->error);
	r->failed = r->failed || code < 0;
	for (size_t i = 0; i < r->events.count && !r->failed; i++) {
		int result = aic_builder_apply(r->message, &r->events.items[i]);
		/* A name with a NUL is the provider's nonsense; the order is ours. */
		FUZZ_CHECK(result == 0 || result == AICHAT_EPROTOCOL);
		r->failed = result < 0;
	}
	aic_events_reset(&r->events);
}

static int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct reading *r = user;

	take(r, dialect->decode_event(r->decoder, name, data, &r->events));
	return r->failed;
}

/* The message that the bytes say, sealed; NULL if they say none. */
static struct aichat_message *read_message(struct aic_str bytes, bool stream)
{
	static const struct aic_sse_ops ops = { .event = on_event };
	struct aic_profile profile = { .provider = "p" };
	struct reading r = {
		.decoder = dialect->decoder_new(&profile),
		.message = aic_message_new(AICHAT_ROLE_ASSISTANT),
	};
	struct aic_sse sse;

	if (stream) {
		aic_sse_init(&sse, (size_t)1 << 20);
		if (aic_sse_feed(&sse, bytes, &ops, &r) == 0)
			(void)aic_sse_end(&sse, &ops, &r);
		aic_sse_done(&sse);
	} else {
		take(&r, dialect->decode_reply(r.decoder, bytes, &r.events));
	}
	if (!r.failed)
		take(&r, dialect->decode_end(r.decoder, &r.events));
	FUZZ_CHECK(!r.decoder->finished || !r.decoder->error);
	bool whole = r.decoder->finished && !r.failed;
	dialect->decoder_free(r.decoder);
	aic_events_done(&r.events);
	aic_builder_seal(r.message, AICHAT_MESSAGE_SEALED);
	r.message->dialect = aic_strdup(dialect->name);
	return whole ? r.message : aichat_message_unref(r.message);
}

static void write_reply(const struct aichat_message *message, struct aic_buf *out)
{
	FUZZ_CHECK(dialect->encode_reply(&config, message, out) == 0);
}

static void write_stream(const struct aichat_message *message, struct aic_buf *out)
{
	struct aic_encoder *encoder = dialect->encoder_new(&config);
	struct aichat_event done = { .type = AICHAT_EVENT_DONE };
	struct aic_events events = { 0 };

	FUZZ_CHECK(aic_builder_events(message, &events) == 0);
	for (size_t i = 0; i < events.count; i++)
		FUZZ_CHECK(dialect->encode_event(encoder, &events.items[i], out) == 0);
	FUZZ_CHECK(dialect->encode_event(encoder, &done, out) == 0);
	dialect->encoder_free(encoder);
	aic_events_done(&events);
}

static void check_reply(struct aic_str bytes, bool stream)
{
	struct aichat_message *message = read_message(bytes, stream);
	void (*const write)(const struct aichat_message *,
			    struct aic_buf *) = stream ? write_stream : write_reply;
	struct aic_buf texts[3] = { 0 };

	if (!message)
		return;
	for (size_t i = 0; i < AIC_ARRAY_LEN(texts); i++) {
		write(message, &texts[i]);
		aichat_message_unref(message);
		message = read_message(aic_buf_str(&texts[i]), stream);
		FUZZ_CHECK(message);
	}
	FUZZ_CHECK(aic_str_equal(aic_buf_str(&texts[1]), aic_buf_str(&texts[2])));
	for (size_t i = 0; i < AIC_ARRAY_LEN(texts); i++)
		aic_buf_done(&texts[i]);
	aichat_message_unref(message);
}

static void write_request(const struct aic_request *request, uint8_t quirks,
			  struct aic_buf *out)
{
	struct aic_profile profile = { .provider = "p",
				       .quirks = (uint32_t)quirks << 12 };
	aichat_error *error = NULL;
	int code = dialect->encode_request(request, &profile, out, NULL, &error);

	/* Only a schema can be refused: it may be deeper than strict JSON may be. */
	FUZZ_CHECK(code == 0 || (code < 0 && error));
	if (code < 0)
		aic_buf_reset(out);
	aichat_error_unref(error);
}

static void check_request(struct aic_str bytes, uint8_t quirks)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf once = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf twice = aic_buf(0);
	struct aic_request *request = NULL;
	aichat_error *error = NULL;
	int code = dialect->decode_request(bytes, &request, &error);

	FUZZ_CHECK((code == 0) == !error && (code == 0) == !!request);
	aichat_error_unref(error);
	if (code < 0)
		return;
	write_request(request, quirks, &once);
	aic_request_free(request);
	if (!once.len)
		return;
	request = NULL;
	code = dialect->decode_request(aic_buf_str(&once), &request, NULL);
	FUZZ_CHECK(code == 0 || code == AICHAT_EJSON); /* an extra member may be wrong */
	if (request)
		write_request(request, quirks, &twice);
	aic_request_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aic_failure failure = { 0 };

	if (!size)
		return 0;
	struct aic_str bytes = { (const char *)data + 1, size - 1 };
	switch (data[0] & 3) {
	case 0:
		check_reply(bytes, true);
		break;
	case 1:
		check_reply(bytes, false);
		break;
	case 2:
		check_request(bytes, data[0] >> 2);
		break;
	default:
		dialect->decode_error(400 + (data[0] >> 2), bytes, &failure);
		FUZZ_CHECK(failure.code < 0);
		aic_failure_done(&failure);
	}
	return 0;
}
