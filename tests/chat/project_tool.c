/*
 * Turns a history into a request's body: JSON on standard input (see test_requests.py),
 * the body on standard output, the report of losses on standard error, a line each.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "chat/projection.h"
#include "dialect/dialect.h"
#include "model/builder.h"
#include "model/event.h"
#include "net/sse.h"

static struct aic_json doc;

static void die(const char *what, aichat_error *error)
{
	fprintf(stderr, "%s: %s\n", what, aichat_error_message(error));
	exit(1);
}

static char *member(int object, const char *key)
{
	return aic_json_strdup(&doc, aic_json_get(&doc, object, key));
}

static int64_t number(int object, const char *key, int64_t otherwise)
{
	int64_t value = otherwise;

	aic_json_int(&doc, aic_json_get(&doc, object, key), &value);
	return value;
}

/* ---- replies that the library reads itself ---- */

struct reading {
	struct aic_decoder *decoder;
	struct aichat_message *message;
	struct aic_events events;
};

static void apply(struct reading *reading)
{
	for (size_t i = 0; i < reading->events.count; i++)
		if (aic_builder_apply(reading->message, &reading->events.items[i]) < 0)
			die("a reply's events", NULL);
	aic_events_reset(&reading->events);
}

static int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct reading *reading = user;
	int rc = reading->decoder->dialect->decode_event(reading->decoder, name, data,
							 &reading->events);

	if (rc < 0)
		die("a reply", reading->decoder->error);
	apply(reading);
	return 0;
}

static struct aichat_message *read_reply(int object, const struct aic_profile *profile)
{
	AIC_CLEANUP(aic_freep) char *dialect_name = member(object, "dialect");
	AIC_CLEANUP(aic_buf_done) struct aic_buf body = aic_buf(0);
	const struct aic_dialect *dialect = aic_dialect_find(dialect_name);
	const struct aic_sse_ops ops = { .event = on_event };
	struct reading reading = {
		.decoder = dialect->decoder_new(profile),
		.message = aic_message_new(AICHAT_ROLE_ASSISTANT),
	};

	aic_json_text(&doc, aic_json_get(&doc, object, "body"), &body);
	if (aic_json_bool(&doc, aic_json_get(&doc, object, "stream"), true)) {
		struct aic_sse sse;
		aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
		if (aic_sse_feed(&sse, aic_buf_str(&body), &ops, &reading) < 0 ||
		    aic_sse_end(&sse, &ops, &reading) < 0)
			die("a stream", NULL);
		aic_sse_done(&sse);
	} else if (dialect->decode_reply(reading.decoder, aic_buf_str(&body),
					 &reading.events) < 0) {
		die("a reply", reading.decoder->error);
	}
	dialect->decode_end(reading.decoder, &reading.events);
	apply(&reading);
	aic_builder_seal(reading.message, AICHAT_MESSAGE_SEALED);
	reading.message->dialect = aic_strdup(dialect->name);
	reading.message->provider = member(object, "provider");
	reading.message->model = member(object, "model");
	aic_events_done(&reading.events);
	dialect->decoder_free(reading.decoder);
	return reading.message;
}

/* ---- the request ---- */

static void read_options(int object, struct aic_request *request)
{
	AIC_CLEANUP(aic_freep) char *choice = member(object, "tool_choice");
	int format = aic_json_get(&doc, object, "format");

	request->max_tokens = number(object, "max_tokens", -1);
	aic_json_double(&doc, aic_json_get(&doc, object, "temperature"),
			&request->temperature);
	aic_json_double(&doc, aic_json_get(&doc, object, "top_p"), &request->top_p);
	int parallel = aic_json_get(&doc, object, "parallel_tool_calls");
	request->parallel_tool_calls = parallel < 0
					       ? -1
					       : aic_json_bool(&doc, parallel, false);
	request->reasoning_effort = member(object, "reasoning_effort");
	request->stream = aic_json_bool(&doc, aic_json_get(&doc, object, "stream"),
					false);
	request->stream_usage = aic_json_bool(
		&doc, aic_json_get(&doc, object, "stream_usage"), false);
	if (aic_streq(choice, "auto"))
		request->tool_choice = AIC_TOOL_CHOICE_AUTO;
	else if (aic_streq(choice, "none"))
		request->tool_choice = AIC_TOOL_CHOICE_NONE;
	else if (aic_streq(choice, "required"))
		request->tool_choice = AIC_TOOL_CHOICE_REQUIRED;
	else if (choice) {
		request->tool_choice = AIC_TOOL_CHOICE_NAMED;
		request->tool_choice_name = aic_strdup(choice);
	}
	if (format >= 0) {
		bool schema = aic_json_equals(&doc, aic_json_get(&doc, format, "type"),
					      "schema");
		request->format = schema ? AIC_FORMAT_SCHEMA : AIC_FORMAT_JSON;
		request->format_name = member(format, "name");
		aic_string_set(&request->format_schema,
			       aic_json_raw(&doc, aic_json_get(&doc, format, "schema")));
	}
}

static void read_tools(int list, struct aic_request *request)
{
	for (int t = aic_json_first(&doc, list); t >= 0;
	     t = aic_json_next(&doc, list, t)) {
		struct aic_tool tool = { .name = member(t, "name"),
					 .description = member(t, "description"),
					 .strict = -1 };
		int schema = aic_json_get(&doc, t, "schema");
		if (schema >= 0)
			aic_string_set(&tool.schema, aic_json_raw(&doc, schema));
		if (aic_request_add_tool(request, &tool) < 0)
			die("a tool", NULL);
	}
}

static struct aic_profile read_profile(int object)
{
	struct aic_profile profile = {
		.max_tokens = number(object, "max_tokens", 0),
		.id_max = (uint32_t)number(object, "id_max", 0),
		.id_alnum = aic_json_bool(&doc, aic_json_get(&doc, object, "id_alnum"),
					  false),
	};
	int list = aic_json_get(&doc, object, "quirks");

	for (int q = aic_json_first(&doc, list); q >= 0;
	     q = aic_json_next(&doc, list, q)) {
		AIC_CLEANUP(aic_freep) char *name = aic_json_strdup(&doc, q);
		uint32_t bit = aic_quirk_find(aic_str(name));
		if (!bit)
			die(name, NULL);
		profile.quirks |= bit;
	}
	return profile;
}

static void read_messages(int list, const struct aic_profile *profile,
			  struct aichat_message ***ret_path, size_t *ret_count)
{
	size_t count = aic_json_count(&doc, list);
	struct aichat_message **path = aic_calloc(count, sizeof(*path));
	size_t n = 0;

	for (int m = aic_json_first(&doc, list); m >= 0;
	     m = aic_json_next(&doc, list, m)) {
		int reply = aic_json_get(&doc, m, "reply");
		aichat_error *error = NULL;
		if (reply >= 0)
			path[n++] = read_reply(reply, profile);
		else if (aic_message_read(&doc, m, &path[n++], &error) < 0)
			die("a message", error);
	}
	*ret_path = path;
	*ret_count = n;
}

int main(void)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf input = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf body = aic_buf(0);
	struct aichat_message **path;
	struct aic_report report = { 0 };
	aichat_error *error = NULL;
	size_t count;
	size_t got;

	do {
		char *to = aic_buf_reserve(&input, 65536);
		got = fread(to, 1, 65536, stdin);
		input.len += got;
	} while (got);
	if (aic_json_scan(&doc, input.data, input.len, &aic_json_wire) < 0)
		die("the input", NULL);
	AIC_CLEANUP(aic_freep) char *target = member(0, "target");
	const struct aic_dialect *dialect = aic_dialect_find(target);
	int given = aic_json_get(&doc, 0, "profile");
	char *provider = member(given, "provider");
	char *model = member(given, "model");
	char *version = member(given, "version");
	struct aic_profile profile = read_profile(given);
	profile.provider = provider;
	profile.model = model;
	profile.version = version;
	struct aic_request *request = aic_request_new();
	request->model = aic_strdup(profile.model);
	read_messages(aic_json_get(&doc, 0, "messages"), &profile, &path, &count);
	read_tools(aic_json_get(&doc, 0, "tools"), request);
	read_options(aic_json_get(&doc, 0, "options"), request);

	if (aic_project(path, count, dialect, &profile, request, &report) < 0)
		die("the projection", NULL);
	if (dialect->encode_request(request, &profile, &body, &report, &error) < 0)
		die("the request", error);
	fwrite(body.data, 1, body.len, stdout);
	for (size_t i = 0; i < report.count; i++)
		fprintf(stderr, "%s\n", report.lines[i]);

	for (size_t i = 0; i < count; i++)
		aichat_message_unref(path[i]);
	aic_free(path);
	aic_free(provider);
	aic_free(model);
	aic_free(version);
	aic_report_done(&report);
	aic_request_free(request);
	aic_json_done(&doc);
	return 0;
}
