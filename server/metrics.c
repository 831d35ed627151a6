/*
 * Histograms and counters in one table, found by family and labels. The number of series
 * is bounded: routes and statuses are few, and of models only the first that are seen
 * have a name.
 */

#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "server.h"

#define SERIES_MAX 2048
#define BUCKETS_MAX 16
#define LABELS_MAX 320
#define MODELS_MAX 100
#define MODEL_BYTES 96
#define ERROR_TYPES_MAX 32

enum family {
	HTTP_DURATION,
	MODEL_DURATION,
	FIRST_TOKEN,
	PER_TOKEN,
	TOKENS,
	FAMILIES,
};

/* Bounds as the conventions advise them; 0 ends. */
static const struct {
	const char *name, *help;
	double bounds[BUCKETS_MAX];
} families[FAMILIES] = {
	[HTTP_DURATION] = { "http_server_request_duration_seconds",
			    "Time to answer a request",
			    { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1,
			      2.5, 5, 7.5, 10 } },
	[MODEL_DURATION] = { "gen_ai_server_request_duration_seconds",
			     "Time to answer a request that asks a model",
			     { 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12,
			       10.24, 20.48, 40.96, 81.92 } },
	[FIRST_TOKEN] = { "gen_ai_server_time_to_first_token_seconds",
			  "Time to the first byte of a model's answer",
			  { 0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5,
			    0.75, 1, 2.5, 5, 7.5, 10 } },
	[PER_TOKEN] = { "gen_ai_server_time_per_output_token_seconds",
			"Time of each token after the first",
			{ 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75,
			  1, 2.5 } },
	[TOKENS] = { "gen_ai_client_token_usage",
		     "Tokens of requests and answers",
		     { 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576,
		       4194304, 16777216, 67108864 } },
};

struct series {
	enum family family;
	char *labels; /* NULL: the place is free */
	uint64_t buckets[BUCKETS_MAX + 1];
	uint64_t count;
	double sum;
};

struct metrics {
	pthread_mutex_t lock; /* guards all of it */
	struct series series[SERIES_MAX];
	size_t used;
	uint64_t errors[ERROR_TYPES_MAX];
	char models[MODELS_MAX][MODEL_BYTES];
	size_t model_count;
};

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics)
		pthread_mutex_init(&metrics->lock, NULL);
	return metrics;
}

struct metrics *metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return NULL;
	for (size_t i = 0; i < SERIES_MAX; i++)
		free(metrics->series[i].labels);
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
	return NULL;
}

/* ---- counting, under the lock ---- */

static size_t hash(enum family family, const char *labels)
{
	size_t h = 1469598103934665603u + (size_t)family;

	for (; *labels; labels++)
		h = (h ^ (unsigned char)*labels) * 1099511628211u;
	return h;
}

static struct series *find(struct metrics *metrics, enum family family,
			   const char *labels)
{
	for (size_t at = hash(family, labels);; at++) {
		struct series *series = &metrics->series[at % SERIES_MAX];
		if (!series->labels) {
			if (metrics->used >= SERIES_MAX / 2)
				return NULL;
			series->labels = strdup(labels);
			series->family = family;
			metrics->used += series->labels != NULL;
			return series->labels ? series : NULL;
		}
		if (series->family == family && strcmp(series->labels, labels) == 0)
			return series;
	}
}

static void observe(struct metrics *metrics, enum family family, const char *labels,
		    double value)
{
	struct series *series = find(metrics, family, labels);
	size_t bucket = 0;

	if (!series)
		return;
	while (bucket < BUCKETS_MAX && families[family].bounds[bucket] > 0 &&
	       value > families[family].bounds[bucket])
		bucket++;
	series->buckets[bucket]++;
	series->count++;
	series->sum += value;
}

/* The model's name as a label: whoever asks for a million models sees "_OTHER" counted.
 */
static const char *model_label(struct metrics *metrics, const char *model)
{
	char plain[MODEL_BYTES];
	size_t len = 0;

	for (; *model && len < sizeof(plain) - 1; model++)
		plain[len++] = isgraph((unsigned char)*model) && *model != '"' &&
					       *model != '\\'
				       ? *model
				       : '_';
	plain[len] = '\0';
	for (size_t i = 0; i < metrics->model_count; i++)
		if (strcmp(metrics->models[i], plain) == 0)
			return metrics->models[i];
	if (metrics->model_count == MODELS_MAX)
		return "_OTHER";
	char *place = metrics->models[metrics->model_count++];
	memcpy(place, plain, len + 1);
	return place;
}

static void count_model(struct metrics *metrics, const struct call *call, double seconds)
{
	const char *model = model_label(metrics, call->model);
	const char *slash = strchr(model, '/');
	int provider = slash ? (int)(slash - model) : (int)strlen("unknown");
	char labels[LABELS_MAX], typed[LABELS_MAX + 40];

	snprintf(labels, sizeof(labels),
		 "gen_ai_operation_name=\"%s\",gen_ai_provider_name=\"%.*s\","
		 "gen_ai_request_model=\"%s\"%s%s%s",
		 strstr(call->route->name, "embed") ? "embeddings" : "chat", provider,
		 slash ? model : "unknown", slash ? slash + 1 : model,
		 call->error_type ? ",error_type=\"" : "",
		 call->error_type ? call->error_type : "", call->error_type ? "\"" : "");
	observe(metrics, MODEL_DURATION, labels, seconds);
	if (call->first_byte_mono_us) {
		double first = (double)(call->first_byte_mono_us -
					call->started_mono_us) /
			       1e6;
		observe(metrics, FIRST_TOKEN, labels, first);
		if (call->output_tokens > 1)
			observe(metrics, PER_TOKEN, labels,
				(seconds - first) / (double)(call->output_tokens - 1));
	}
	for (int output = 0; output < 2; output++) {
		int64_t tokens = output ? call->output_tokens : call->input_tokens;
		if (tokens < 0)
			continue;
		snprintf(typed, sizeof(typed), "%s,gen_ai_token_type=\"%s\"", labels,
			 output ? "output" : "input");
		observe(metrics, TOKENS, typed, (double)tokens);
	}
}

void metrics_request(struct metrics *metrics, const struct call *call)
{
	double seconds = (double)(clock_mono_us() - call->started_mono_us) / 1e6;
	char labels[LABELS_MAX];

	snprintf(labels, sizeof(labels),
		 "http_request_method=\"%s\",http_route=\"%s\","
		 "http_response_status_code=\"%d\"",
		 call->route ? call->route->method : "_OTHER",
		 call->route ? call->route->path : "", http_status(call->request));
	pthread_mutex_lock(&metrics->lock);
	observe(metrics, HTTP_DURATION, labels, seconds);
	if (call->route && call->model[0])
		count_model(metrics, call, seconds);
	for (int i = 0; call->error_type && error_type_at(i); i++)
		if (strcmp(error_type_at(i), call->error_type) == 0)
			metrics->errors[i]++;
	pthread_mutex_unlock(&metrics->lock);
}

/* ---- showing ---- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Under the lock. */
static void show_family(FILE *out, const struct metrics *metrics, enum family family)
{
	const char *name = families[family].name;

	head(out, name, "histogram", families[family].help);
	for (size_t i = 0; i < SERIES_MAX; i++) {
		const struct series *series = &metrics->series[i];
		uint64_t below = 0;
		if (!series->labels || series->family != family)
			continue;
		for (size_t b = 0; b < BUCKETS_MAX && families[family].bounds[b] > 0;
		     b++) {
			below += series->buckets[b];
			fprintf(out, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", name,
				series->labels, families[family].bounds[b], below);
		}
		fprintf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name,
			series->labels, series->count);
		fprintf(out, "%s_sum{%s} %.9g\n", name, series->labels, series->sum);
		fprintf(out, "%s_count{%s} %" PRIu64 "\n", name, series->labels,
			series->count);
	}
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
	head(out, name, "gauge", help);
	fprintf(out, "%s %.16g\n", name, value);
}

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long all = 0, resident = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &all, &resident) != 2)
		resident = 0;
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void show_gauges(FILE *out, struct server *server)
{
	gauge(out, "aichatd_connections", "Open connections",
	      http_server_connections(server->http));
	gauge(out, "aichatd_connections_max", "The most that may be open",
	      server->settings.connections);
	gauge(out, "aichatd_workers_busy", "Requests that are being answered",
	      http_server_active(server->http));
	gauge(out, "aichatd_workers", "Threads that answer requests",
	      server->settings.workers);
	gauge(out, "aichatd_streams", "Requests that may hold their worker for long",
	      atomic_load(&server->streams));
	gauge(out, "aichatd_streams_max", "The most of them", server->settings.streams);
	gauge(out, "aichatd_draining", "1 after SIGTERM", atomic_load(&server->draining));
	gauge(out, "process_start_time_seconds", "Start of the process",
	      (double)server->started_unix_ms / 1000.0);
	gauge(out, "process_resident_memory_bytes", "Memory in use", resident_bytes());
}

char *metrics_text(struct server *server, size_t *ret_len)
{
	struct metrics *metrics = server->metrics;
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (!out)
		return NULL;
	head(out, "aichatd_build_info", "gauge", "Which version this is");
	fprintf(out, "aichatd_build_info{version=\"%s\"} 1\n", aichat_version());
	show_gauges(out, server);
	pthread_mutex_lock(&metrics->lock);
	head(out, "aichatd_errors_total", "counter",
	     "Errors by whose they are: the caller's, the policy's, the provider's, "
	     "ours");
	for (int i = 0; error_type_at(i); i++)
		fprintf(out, "aichatd_errors_total{error_type=\"%s\"} %" PRIu64 "\n",
			error_type_at(i), metrics->errors[i]);
	for (int family = 0; family < FAMILIES; family++)
		show_family(out, metrics, (enum family)family);
	pthread_mutex_unlock(&metrics->lock);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
