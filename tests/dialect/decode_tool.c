/*
 * Decodes one reply: `decode_tool DIALECT STATUS CONTENT-TYPE [QUIRKS] < body` prints the
 * final event, `done` or `error`, as one line of canonical JSON. For comparing with
 * another decoder; what the network layer decides (stream or plain, error or reply) is
 * decided here from the status and the content type.
 */

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "dialect/dialect.h"
#include "dialect/shared.h"
#include "model/builder.h"
#include "net/sse.h"

struct run {
	const struct aic_dialect *dialect;
	struct aic_decoder *decoder;
	struct aic_events events;
	struct aichat_message *message;
	int code;
};

static int apply(struct run *run, int code)
{
	for (size_t i = 0; i < run->events.count && code >= 0; i++) {
		if (run->events.items[i].choice > 0)
			continue;
		int result = aic_builder_apply(run->message, &run->events.items[i]);
		code = result < 0 ? result : code;
	}
	aic_events_reset(&run->events);
	if (code < 0 && run->code == 0)
		run->code = code;
	return code;
}

static int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct run *run = user;
	int code = apply(run,
			 run->dialect->decode_event(run->decoder, name, data, &run->events));

	return code < 0 ? code : code == AIC_DECODED_END;
}

static void read_stream(struct run *run, struct aic_str body)
{
	static const struct aic_sse_ops ops = { .event = on_event };
	struct aic_sse sse;

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	if (aic_sse_feed(&sse, body, &ops, run) == 0)
		(void)aic_sse_end(&sse, &ops, run);
	aic_sse_done(&sse);
}

/* The error of a reply that is not whole, owned. */
static aichat_error *error_of(struct run *run)
{
	aichat_error *error = NULL;

	if (run->decoder->error)
		return aichat_error_ref(run->decoder->error);
	if (run->code < 0)
		aic_error_code(&error, run->code, "decoding");
	else if (!run->decoder->finished)
		aic_error_code(&error, AICHAT_EINTERRUPTED, "decoding");
	return error;
}

static void print_final(struct run *run, aichat_error *error)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf line = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&line);
	struct aichat_event event = {
		.type = error ? AICHAT_EVENT_ERROR : AICHAT_EVENT_DONE,
		.state = error ? AICHAT_REPLY_FAILED : AICHAT_REPLY_COMPLETE,
		.message = run->message,
		.error = error,
	};

	aic_builder_seal(run->message, !error ? AICHAT_MESSAGE_SEALED
				       : aichat_error_code(error) == AICHAT_EINTERRUPTED
					       ? AICHAT_MESSAGE_INTERRUPTED
					       : AICHAT_MESSAGE_FAILED);
	if (run->decoder->model)
		run->message->model = aic_strdup(run->decoder->model);
	run->message->dialect = aic_strdup(run->dialect->name);
	aic_event_write(&event, &w);
	printf("%s\n", line.data);
}

static void decode(struct run *run, int status, bool stream, struct aic_str body)
{
	struct aic_failure failure = { 0 };
	aichat_error *error = NULL;

	if (status < 200 || status > 299) {
		run->dialect->decode_error(status, body, &failure);
		aic_failure_report(&failure, &error);
		aic_failure_done(&failure);
	} else {
		if (stream)
			read_stream(run, body);
		else
			(void)apply(run, run->dialect->decode_reply(run->decoder, body,
								    &run->events));
		(void)apply(run, run->dialect->decode_end(run->decoder, &run->events));
		error = error_of(run);
	}
	print_final(run, error);
	aichat_error_unref(error);
}

int main(int argc, char **argv)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf body = aic_buf(0);
	struct aic_profile profile = { .provider = "test" };
	struct run run = { 0 };
	char *room;
	size_t got;

	if (argc < 4 || !(run.dialect = aic_dialect_find(argv[1]))) {
		fprintf(stderr, "usage: decode_tool DIALECT STATUS CONTENT-TYPE [QUIRKS]\n");
		return 2;
	}
	while ((room = aic_buf_reserve(&body, 65536)) &&
	       (got = fread(room, 1, 65536, stdin)) > 0)
		body.len += got;
	if (argc > 4)
		profile.quirks = (uint32_t)strtoul(argv[4], NULL, 0);
	run.decoder = run.dialect->decoder_new(&profile);
	run.message = aic_message_new(AICHAT_ROLE_ASSISTANT);
	decode(&run, (int)strtol(argv[2], NULL, 10),
	       strncasecmp(argv[3], "text/event-stream", 17) == 0, aic_buf_str(&body));
	aichat_message_unref(run.message);
	run.dialect->decoder_free(run.decoder);
	aic_events_done(&run.events);
	return 0;
}
