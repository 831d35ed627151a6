/*
 * Decoding a chat stream: our framing and decoder, against a line split by memchr with a
 * json-c parse of each chunk, over the same bytes. Prints nanoseconds a chunk of each.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "dialect/dialect.h"
#include "net/sse.h"

#define CHUNKS 20000
#define ROUNDS 9
#define READ_BYTES 16384 /* what one read of a socket may bring */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_dialect: %s\n", what);
	exit(1);
}

/* Chunks of about 300 bytes, as OpenAI sends them. */
static void make_stream(struct aic_buf *stream)
{
	for (int i = 0; i < CHUNKS; i++)
		aic_buf_printf(
			stream,
			"data: "
			"{\"id\":\"chatcmpl-Bx7Qm2v9LkT4RzNf0cYhWd81sUaEo\",\"object\":"
			"\"chat.completion.chunk\",\"created\":1795000000,\"model\":"
			"\"gpt-5.6-"
			"2026-08-01\",\"service_tier\":\"default\",\"system_"
			"fingerprint\":"
			"\"fp_4c2851f862\",\"choices\":[{\"index\":0,\"delta\":{"
			"\"content\":"
			"\" "
			"word%d\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":"
			"null}\n\n",
			i % 97);
	if (stream->error)
		die("out of memory");
}

/* ---- ours ---- */

struct reading {
	struct aic_decoder *decoder;
	struct aic_events events;
	size_t bytes;
};

static int on_event(void *user, struct aic_str name, struct aic_str data)
{
	struct reading *reading = user;

	aic_events_reset(&reading->events);
	if (reading->decoder->dialect->decode_event(reading->decoder, name, data,
						    &reading->events) < 0)
		return -1;
	for (size_t i = 0; i < reading->events.count; i++)
		reading->bytes += reading->events.items[i].text.len;
	return 0;
}

static double ours(const struct aic_buf *stream, size_t *ret_bytes)
{
	const struct aic_profile profile = { .provider = "openai", .model = "gpt-5.6" };
	const struct aic_sse_ops ops = { .event = on_event };
	struct reading reading = {
		.decoder = aic_dialect_openai_chat.decoder_new(&profile),
	};
	struct aic_sse sse;

	aic_sse_init(&sse, AIC_SSE_EVENT_MAX);
	double start = now_ns();
	for (size_t at = 0; at < stream->len; at += READ_BYTES) {
		size_t len = AIC_MIN(stream->len - at, (size_t)READ_BYTES);
		if (aic_sse_feed(&sse, (struct aic_str){ stream->data + at, len }, &ops,
				 &reading) < 0)
			die("the stream is not understood");
	}
	double ns = now_ns() - start;
	*ret_bytes = reading.bytes;
	aic_sse_done(&sse);
	aic_events_done(&reading.events);
	aic_dialect_openai_chat.decoder_free(reading.decoder);
	return ns / CHUNKS;
}

/* ---- the peer ---- */

static double peer(const struct aic_buf *stream, size_t *ret_bytes)
{
	struct json_tokener *tokener = json_tokener_new();
	size_t bytes = 0;

	double start = now_ns();
	for (const char *at = stream->data, *end = at + stream->len; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		if (stop - at > 6) {
			json_tokener_reset(tokener);
			struct json_object *chunk = json_tokener_parse_ex(
				tokener, at + 6, (int)(stop - at - 6));
			struct json_object *choices = json_object_object_get(chunk,
									     "choices");
			struct json_object *delta = json_object_object_get(
				json_object_array_get_idx(choices, 0), "delta");
			bytes += (size_t)json_object_get_string_len(
				json_object_object_get(delta, "content"));
			json_object_put(chunk);
		}
		at = stop + 1;
	}
	double ns = now_ns() - start;
	*ret_bytes = bytes;
	json_tokener_free(tokener);
	return ns / CHUNKS;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	struct aic_buf stream = aic_buf(0);
	double mine[ROUNDS];
	double other[ROUNDS];
	size_t my_bytes = 0;
	size_t other_bytes = 0;

	make_stream(&stream);
	for (int i = 0; i < ROUNDS; i++) {
		mine[i] = ours(&stream, &my_bytes);
		other[i] = peer(&stream, &other_bytes);
	}
	if (!my_bytes || my_bytes != other_bytes)
		die("the two did not read the same text");
	qsort(mine, ROUNDS, sizeof(double), by_value);
	qsort(other, ROUNDS, sizeof(double), by_value);
	printf("%.1f %.1f\n", mine[ROUNDS / 2], other[ROUNDS / 2]);
	aic_buf_done(&stream);
	return 0;
}
