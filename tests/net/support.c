#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aichat/options.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/thread.h"
#include "support.h"

static char server_url[64];
static int server_port;
const char *world_proxy;

/* Outside of a test there is nothing that Check could report to. */
static void must(bool so, const char *why)
{
	if (so)
		return;
	fprintf(stderr, "fakellm cannot be started: %s\n", why);
	exit(EXIT_FAILURE);
}

void server_start(void)
{
	const char *program = getenv("FAKELLM");
	char line[128] = "";
	int input[2];
	int output[2];

	must(program, "FAKELLM names no program");
	must(pipe(input) == 0 && pipe(output) == 0, "pipe");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		/* It ends with us: at the end of its input. */
		dup2(input[0], 0);
		dup2(output[1], 1);
		close(input[0]);
		close(input[1]);
		close(output[0]);
		close(output[1]);
		execl(program, program, "--until-eof", "--max-seconds", "600",
		      (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	for (size_t len = 0; !strchr(line, '\n') && len < sizeof(line) - 1;) {
		ssize_t count = read(output[0], line + len, sizeof(line) - 1 - len);
		must(count > 0, "it says nothing");
		len += (size_t)count;
		line[len] = '\0';
	}
	close(output[0]);
	must(sscanf(line, "listening http://127.0.0.1:%d", &server_port) == 1, line);
	snprintf(server_url, sizeof(server_url), "http://127.0.0.1:%d", server_port);
}

char *server_get(const char *path)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)server_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char request[256];
	size_t size = 1 << 20;
	size_t len = 0;
	ssize_t count;
	char *answer = malloc(size);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	ck_assert_int_eq(write(fd, request, strlen(request)), (int)strlen(request));
	while ((count = read(fd, answer + len, size - 1 - len)) > 0)
		len += (size_t)count;
	close(fd);
	answer[len] = '\0';
	char *body = strstr(answer, "\r\n\r\n");
	ck_assert_ptr_nonnull(body);
	memmove(answer, body + 4, strlen(body + 4) + 1);
	return answer;
}

int server_requests(const char *path)
{
	struct aic_json doc = { 0 };
	char *stats = server_get("/control/stats");
	int64_t requests = 0;

	ck_assert_int_eq(aic_json_scan(&doc, stats, strlen(stats), &aic_json_wire), 0);
	int paths = aic_json_get(&doc, 0, "paths");
	aic_json_int(&doc,
		     aic_json_get(&doc, aic_json_get(&doc, paths, path), "requests"),
		     &requests);
	aic_json_done(&doc);
	free(stats);
	return (int)requests;
}

int free_port(int *ret_fd)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_fd = fd; /* bound, but not listening, so that nobody else takes it */
	return ntohs(address.sin_port);
}

void silence_open(struct silence *silence)
{
	int port = free_port(&silence->fd);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	/* A full queue: the kernel answers no more. */
	ck_assert_int_eq(listen(silence->fd, 0), 0);
	for (size_t i = 0; i < AIC_ARRAY_LEN(silence->fillers); i++) {
		silence->fillers[i] = socket(
			AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(silence->fillers[i], (struct sockaddr *)&address,
			sizeof(address));
	}
	snprintf(silence->url, sizeof(silence->url), "http://127.0.0.1:%d/", port);
}

void silence_close(struct silence *silence)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(silence->fillers); i++)
		close(silence->fillers[i]);
	close(silence->fd);
}

void world_open(struct world *world, const char *elements, const char *dialect,
		const char *const *more)
{
	aichat_options *options = aichat_options_new();
	aichat_error *error = NULL;

	*world = (struct world){
		.limits = {
			.connect_timeout_ms = 5000,
			.first_event_timeout_ms = 20000,
			.event_timeout_ms = 20000,
			.max_retries = 0,
			.max_retry_delay_ms = 60000,
			.max_reply_bytes = 32 << 20,
		},
	};
	/* A whole URL is one of another server. */
	snprintf(world->base_url, sizeof(world->base_url), "%s%s%sv1",
		 strstr(elements, "://") ? "" : server_url,
		 strstr(elements, "://") ? "" : "/", elements);
	aichat_options_set(options, "provider.fake.base_url", world->base_url, -1, NULL);
	aichat_options_set(options, "provider.fake.dialect", dialect, -1, NULL);
	aichat_options_set(options, "provider.fake.api_key", "test-key-0123456789", -1,
			   NULL);
	for (; more && *more; more += 2)
		ck_assert_int_eq(aichat_options_set(options, more[0],
						    *more[1] ? more[1] : NULL, -1, NULL),
				 0);
	int result = aic_registry_new(options, &world->registry, &error);
	ck_assert_msg(result == 0, "%s", aichat_error_message(error));
	aichat_options_free(options);
	struct aic_engine_config config = { .proxy = world_proxy };
	ck_assert_int_eq(aic_engine_new(&config, &world->engine, NULL), 0);
}

void world_close(struct world *world)
{
	world->engine = aic_engine_free(world->engine);
	world->registry = aic_registry_free(world->registry);
}

void world_path(const struct world *world, char *path, size_t size)
{
	const struct aic_provider *fake = aic_registry_provider(world->registry, "fake");
	const char *start = strchr(strstr(world->base_url, "://") + 3, '/');

	snprintf(path, size, "%s%s", start,
		 fake->dialect == &aic_dialect_anthropic_messages ? "/messages"
								  : "/chat/completions");
}

/* --- what a call is told --- */

static void take_event(struct asked *asked, const struct aichat_event *event)
{
	size_t room = sizeof(asked->text) - 1 - asked->text_len;
	size_t len = AIC_MIN(event->text.len, room);

	asked->events++;
	switch (event->type) {
	case AICHAT_EVENT_PART_START:
		asked->parts_open++;
		break;
	case AICHAT_EVENT_PART_END:
		asked->parts_open--;
		break;
	case AICHAT_EVENT_TEXT:
		memcpy(asked->text + asked->text_len, event->text.data, len);
		asked->text_len += len;
		asked->text[asked->text_len] = '\0';
		break;
	case AICHAT_EVENT_USAGE:
		asked->output_tokens = event->usage.output;
		break;
	case AICHAT_EVENT_MESSAGE:
		asked->messages++;
		asked->stop_reason = event->stop_reason;
		break;
	case AICHAT_EVENT_RETRY:
		asked->retries++;
		ck_assert_int_eq(event->attempt, asked->retries);
		asked->last_delay_ms = event->delay_ms;
		snprintf(asked->retry_line, sizeof(asked->retry_line), "%s",
			 aichat_error_message(event->error));
		break;
	default:
		break;
	}
}

static void on_events(void *user, const struct aic_events *events)
{
	struct asked *asked = user;

	pthread_mutex_lock(&asked->lock);
	ck_assert(!asked->done);
	for (size_t i = 0; i < events->count; i++)
		take_event(asked, &events->items[i]);
	bool slow = asked->slow;
	pthread_cond_broadcast(&asked->changed);
	pthread_mutex_unlock(&asked->lock);
	if (slow)
		usleep(2000);
}

static void on_done(void *user, struct aic_call_result *result)
{
	struct asked *asked = user;
	const char *code = aichat_error_provider_code(result->error);
	const char *id = aichat_error_request_id(result->error);

	ck_assert_int_eq(result->code, aichat_error_code(result->error));
	pthread_mutex_lock(&asked->lock);
	ck_assert(!asked->done);
	asked->done = true;
	asked->code = result->code;
	asked->began = result->began;
	asked->http_status = aichat_error_http_status(result->error);
	asked->retry_after_ms = aichat_error_retry_after_ms(result->error);
	snprintf(asked->line, sizeof(asked->line), "%s",
		 aichat_error_message(result->error));
	snprintf(asked->provider_code, sizeof(asked->provider_code), "%s",
		 code ? code : "");
	snprintf(asked->request_id, sizeof(asked->request_id), "%s", id ? id : "");
	aichat_error_unref(result->error);
	pthread_cond_broadcast(&asked->changed);
	pthread_mutex_unlock(&asked->lock);
}

static const struct aic_call_ops call_ops = { .events = on_events, .done = on_done };

struct asked *asked_new(void)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	pthread_mutex_init(&asked->lock, NULL);
	aic_cond_init(&asked->changed);
	asked->output_tokens = -1;
	return asked;
}

void asked_free(struct asked *asked)
{
	aic_call_release(asked->call);
	pthread_mutex_destroy(&asked->lock);
	pthread_cond_destroy(&asked->changed);
	free(asked);
}

int ask(struct world *world, struct asked *asked, const char *model, bool stream)
{
	struct aic_target target = { 0 };
	aichat_error *error = NULL;
	struct aic_request *request = aic_request_new();
	struct aichat_message *question = aic_message_new(AICHAT_ROLE_USER);
	int result = 0;

	if (!request || !question ||
	    aic_message_add_text(question, AIC_STR("Say  something\nnice")) ||
	    aic_request_add_message(request, question))
		result = AICHAT_ENOMEM;
	aichat_message_unref(question);
	if (!result)
		result = aic_target_resolve(world->registry, model, &target, &error);
	if (!result) {
		request->stream = stream;
		request->max_tokens = 100000;
		result = aic_call_start(world->engine, &target, request, NULL,
					&world->limits, &call_ops, asked, &asked->call,
					&error);
	} else {
		aic_request_free(request);
	}
	if (result) { /* else it is the engine's from here on */
		asked->done = true;
		asked->code = result;
		snprintf(asked->line, sizeof(asked->line), "%s",
			 aichat_error_message(error));
	}
	aichat_error_unref(error);
	aic_target_done(&target);
	return result;
}

static void await_until(struct asked *asked, bool text)
{
	int64_t end = aic_clock_mono_ms() + 30000;

	pthread_mutex_lock(&asked->lock);
	while (!asked->done && !(text && asked->text_len > 0))
		ck_assert_msg(aic_cond_wait_until(&asked->changed, &asked->lock, end),
			      "nothing happens");
	pthread_mutex_unlock(&asked->lock);
}

void await(struct asked *asked)
{
	await_until(asked, false);
}

void await_text(struct asked *asked)
{
	await_until(asked, true);
}
