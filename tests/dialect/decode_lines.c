/*
 * Decodes replies for a test that compares them with another decoder. Each line of the
 * input is {"dialect", "status", "stream", "quirks", "cut", "body"}; the answer is one
 * line with the final event, `done` or `error`, whose message is what the events built.
 * With "cut" the stream's bytes come in pieces of so many. What the network layer decides
 * (stream or plain, error or reply) is decided here.
 *
 * The further answers of n > 1 follow in `messages`, in the order of their numbers.
 *
 * With "request" the body is a caller's request; the answer is the request as it would be
 * sent on, or {"error"}.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "dialect/dialect.h"
#include "dialect/shared.h"
#include "model/builder.h"
#include "net/sse.h"

#define CHOICES 8

struct run {
	const struct aic_dialect *dialect;
	struct aic_decoder *decoder;
	struct aic_events events;
	struct aichat_message *messages[CHOICES];
	size_t count;
	int code;
};

static struct aichat_message *message_of(struct run *run, uint32_t choice)
{
	if (choice >= CHOICES) {
		fprintf(stderr, "answer %u: more than there is room for\n", choice);
		exit(1);
	}
	while (run->count <= choice)
		run->messages[run->count++] = aic_message_new(AICHAT_ROLE_ASSISTANT);
	return run->messages[choice];
}

static int apply(struct run *run, int code)
{
	for (size_t i = 0; i < run->events.count && code >= 0; i++) {
		const struct aichat_event *event = &run->events.items[i];
		int result = aic_builder_apply(message_of(run, event->choice), event);
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
	/* Exactly as large as the data, so that a sanitizer sees a read behind it. */
	char *exact = aic_malloc(data.len ? data.len : 1);

	memcpy(exact, data.data, data.len);
	data.data = exact;
	int code = apply(
		run, run->dialect->decode_event(run->decoder, name, data, &run->events));
	aic_free(exact);
	return code < 0 ? code : code == AIC_DECODED_END;
}

static void read_stream(struct run *run, struct aic_str body, size_t cut)
{
	static const struct aic_sse_ops ops = { .event = on_event };
	struct aic_sse sse;
	int result = 0;

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	while (body.len && result == 0) {
		size_t len = cut ? AIC_MIN(cut, body.len) : body.len;
		result = aic_sse_feed(&sse, (struct aic_str){ body.data, len }, &ops,
				      run);
		body.data += len;
		body.len -= len;
	}
	if (result == 0)
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
		.message = message_of(run, 0),
		.messages = run->messages,
		.message_count = error || run->count < 2 ? 0 : run->count,
		.error = error,
	};

	for (size_t i = 0; i < run->count; i++) {
		aic_builder_seal(run->messages[i],
				 !error ? AICHAT_MESSAGE_SEALED
				 : aichat_error_code(error) == AICHAT_EINTERRUPTED
					 ? AICHAT_MESSAGE_INTERRUPTED
					 : AICHAT_MESSAGE_FAILED);
		if (run->decoder->model)
			run->messages[i]->model = aic_strdup(run->decoder->model);
	}
	aic_event_write(&event, &w);
	printf("%s\n", line.data);
}

static void decode(struct run *run, int status, bool stream, size_t cut,
		   struct aic_str body)
{
	struct aic_failure failure = { 0 };
	aichat_error *error = NULL;

	if (status < 200 || status > 299) {
		run->dialect->decode_error(status, body, &failure);
		aic_failure_report(&failure, &error);
		aic_failure_done(&failure);
	} else {
		if (stream)
			read_stream(run, body, cut);
		else
			(void)apply(run, run->dialect->decode_reply(run->decoder, body,
								    &run->events));
		(void)apply(run, run->dialect->decode_end(run->decoder, &run->events));
		error = error_of(run);
	}
	print_final(run, error);
	aichat_error_unref(error);
}

static void pass_on(const struct aic_dialect *dialect, struct aic_str body)
{
	AIC_CLEANUP(aic_request_freep) struct aic_request *request = NULL;
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	struct aic_profile profile = { .provider = "test",
				       .model = "m",
				       .max_tokens = 4096 };
	int result = dialect->decode_request(body, &request, &error);

	if (result == 0)
		result = dialect->encode_request(request, &profile, &out, NULL, &error);
	if (result < 0) {
		struct aic_json_writer w = aic_json_writer(&out);
		aic_buf_reset(&out);
		aic_json_begin(&w, '{');
		aic_json_put_member(&w, "error", aichat_error_message(error));
		aic_json_end(&w, '}');
	}
	printf("%s\n", out.data);
}

static bool run_line(struct aic_str line)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	AIC_CLEANUP(aic_buf_done) struct aic_buf body = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf name = aic_buf(0);
	struct aic_profile profile = { .provider = "test", .model = "m" };
	struct run run = { 0 };
	int64_t status = 200, cut = 0, quirks = 0;

	if (aic_json_scan(&doc, line.data, line.len, &aic_json_wire) < 0)
		return false;
	aic_json_text(&doc, aic_json_get(&doc, 0, "dialect"), &name);
	run.dialect = aic_dialect_find(name.data);
	if (!run.dialect)
		return false;
	aic_json_int(&doc, aic_json_get(&doc, 0, "status"), &status);
	aic_json_int(&doc, aic_json_get(&doc, 0, "cut"), &cut);
	aic_json_int(&doc, aic_json_get(&doc, 0, "quirks"), &quirks);
	aic_json_text(&doc, aic_json_get(&doc, 0, "body"), &body);
	if (aic_json_bool(&doc, aic_json_get(&doc, 0, "request"), false)) {
		pass_on(run.dialect, aic_buf_str(&body));
		return true;
	}
	profile.quirks = (uint32_t)quirks;
	run.decoder = run.dialect->decoder_new(&profile);
	decode(&run, (int)status,
	       aic_json_bool(&doc, aic_json_get(&doc, 0, "stream"), false), (size_t)cut,
	       aic_buf_str(&body));
	for (size_t i = 0; i < run.count; i++)
		aichat_message_unref(run.messages[i]);
	run.dialect->decoder_free(run.decoder);
	aic_events_done(&run.events);
	return true;
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	bool ok = true;

	while (ok && (len = getline(&line, &room, stdin)) > 0) {
		ok = run_line((struct aic_str){ line, (size_t)len });
		if (!ok)
			fprintf(stderr, "a line is not understood\n");
		fflush(stdout);
	}
	free(line);
	return ok ? 0 : 1;
}
