/*
 * The JSON scan against json-c, on a chunk of a chat stream and on a long body. Both
 * run in turns, and the best turn of each counts, because other work shares the machine.
 *
 *     bench_json [MILLISECONDS]    for each turn; 50 if it is not given
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "base/json.h"

#define TURNS 9

static const char chunk[] =
	"{\"id\":\"chatcmpl-C5nEoH0sLkZtYw8Qm2rVbXaUjDfGe\",\"object\":"
	"\"chat.completion.chunk\",\"created\":1763640000,\"model\":\"gpt-4o-mini-2024-"
	"07-18\","
	"\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\","
	"\"choices\":"
	"[{\"index\":0,\"delta\":{\"content\":\" world\"},\"logprobs\":null,"
	"\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"k3Vb9\"}";

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct job {
	const char *name;
	struct aic_str text;
	struct aic_json doc;
	json_tokener *tokener;
	size_t found; /* so that nothing is optimised away */
	double scan;  /* seconds for one text, the best turn */
	double get;
	double tree;
};

static void scan(struct job *job)
{
	if (aic_json_scan(&job->doc, job->text.data, job->text.len, &aic_json_wire) < 0)
		abort();
	job->found += job->doc.count;
}

/* With the look-ups that a dialect makes of a chunk. */
static void scan_and_get(struct job *job)
{
	scan(job);
	int choice = aic_json_at(&job->doc, aic_json_get(&job->doc, 0, "choices"), 0);
	int delta = aic_json_get(&job->doc, choice, "delta");
	job->found += aic_json_raw(&job->doc, aic_json_get(&job->doc, delta, "content"))
			      .len;
	job->found += (size_t)aic_json_get_set(&job->doc, choice, "finish_reason");
	job->found += (size_t)aic_json_get_set(&job->doc, 0, "usage");
}

static void parse_tree(struct job *job)
{
	json_tokener_reset(job->tokener);
	json_object *object = json_tokener_parse_ex(job->tokener, job->text.data,
						    (int)job->text.len);
	if (!object)
		abort();
	job->found += (size_t)json_object_object_length(object);
	json_object_put(object);
}

static void turn(struct job *job, void (*run)(struct job *job), double seconds,
		 double *best)
{
	size_t batch = 1 + 20000 / job->text.len;
	size_t runs = 0;
	double start = now();
	double spent;

	do {
		for (size_t i = 0; i < batch; i++)
			run(job);
		runs += batch;
		spent = now() - start;
	} while (spent < seconds);
	if (*best == 0 || spent / (double)runs < *best)
		*best = spent / (double)runs;
}

static void measure(struct job *job, double seconds)
{
	job->tokener = json_tokener_new();
	for (int i = 0; i < TURNS; i++) {
		turn(job, scan, seconds, &job->scan);
		turn(job, scan_and_get, seconds, &job->get);
		turn(job, parse_tree, seconds, &job->tree);
	}
	double bytes = (double)job->text.len / 1e6;
	printf("%-14s %7zu bytes  scan %8.3f us %6.0f MB/s  with look-ups %8.3f us  "
	       "json-c %8.3f us %5.0f MB/s  %.1f times\n",
	       job->name, job->text.len, job->scan * 1e6, bytes / job->scan,
	       job->get * 1e6, job->tree * 1e6, bytes / job->tree, job->tree / job->get);
	json_tokener_free(job->tokener);
	aic_json_done(&job->doc);
}

/* 500 messages of about 2,000 bytes, as a client sends a long conversation. */
static void write_body(struct aic_buf *buf, const char *sentence)
{
	struct aic_json_writer w = aic_json_writer(buf);

	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "model", "gpt-4o-mini");
	aic_json_put_key(&w, "messages");
	aic_json_begin(&w, '[');
	for (int i = 0; i < 500; i++) {
		struct aic_buf text = aic_buf(0);
		while (text.len < 2000)
			aic_buf_puts(&text, sentence);
		aic_json_begin(&w, '{');
		aic_json_put_member(&w, "role", i % 2 ? "assistant" : "user");
		aic_json_put_key(&w, "content");
		aic_json_put_str(&w, aic_buf_str(&text));
		aic_json_end(&w, '}');
		aic_buf_done(&text);
	}
	aic_json_end(&w, ']');
	aic_json_end(&w, '}');
}

int main(int argc, char **argv)
{
	double seconds = (argc > 1 ? (double)strtoul(argv[1], NULL, 10) : 50) / 1000;
	struct aic_buf english = aic_buf(0);
	struct aic_buf greek = aic_buf(0);

	write_body(&english, "The quick brown fox said \"no\" to the lazy dog.\n");
	write_body(&greek, "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ");
	struct job jobs[] = {
		{ .name = "stream chunk", .text = aic_str(chunk) },
		{ .name = "body, ASCII", .text = aic_buf_str(&english) },
		{ .name = "body, Greek", .text = aic_buf_str(&greek) },
	};
	for (size_t i = 0; i < AIC_ARRAY_LEN(jobs); i++)
		measure(&jobs[i], seconds);
	aic_buf_done(&english);
	aic_buf_done(&greek);
	return 0;
}
