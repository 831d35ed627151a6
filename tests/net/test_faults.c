/*
 * Everything that may go wrong between us and a provider: each ends the call with the
 * right code, a line that tells what to do, and as many requests as are allowed.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "support.h"

/* One call against the elements; its answer is the caller's. */
static struct asked *call(struct world *world, const char *elements, const char *dialect,
			  int64_t retries)
{
	struct asked *asked = asked_new();

	world_open(world, elements, dialect, NULL);
	world->limits.max_retries = retries;
	if (ask(world, asked, "fake/model-1", true) == 0)
		await(asked);
	return asked;
}

static void expect(const char *elements, const char *dialect, int code, bool began,
		   const char *words)
{
	struct world world;
	struct asked *asked = call(&world, elements, dialect, 0);

	ck_assert_msg(asked->code == code, "%s: %d: %s", elements, asked->code,
		      asked->line);
	ck_assert_msg(asked->began == began, "%s: began", elements);
	ck_assert_int_eq(asked->parts_open, 0);
	ck_assert_msg(strstr(asked->line, words), "%s: %s", elements, asked->line);
	/* Every line says who it is about, and none tells the key. */
	ck_assert_msg(strncmp(asked->line, "fake: ", 6) == 0, "%s", asked->line);
	ck_assert_ptr_null(strstr(asked->line, "test-key"));
	asked_free(asked);
	world_close(&world);
}

/* --- no connection --- */

START_TEST(test_refused)
{
	struct world world;
	char url[64];
	int fd;
	int port = free_port(&fd);

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	struct asked *asked = call(&world, url, CHAT, 2);
	ck_assert_int_eq(asked->code, AICHAT_ENETWORK);
	ck_assert_int_eq(asked->retries, 2);
	ck_assert(!asked->began);
	snprintf(url, sizeof(url), "fake: http://127.0.0.1:%d/v1", port);
	ck_assert_msg(strncmp(asked->line, url, strlen(url)) == 0, "%s", asked->line);
	ck_assert_ptr_nonnull(strstr(asked->line, "connection refused"));
	ck_assert_str_eq(asked->retry_line, asked->line);
	asked_free(asked);
	world_close(&world);
	close(fd);
}
END_TEST

START_TEST(test_no_such_host)
{
	expect("http://no-such-host.invalid/", CHAT, AICHAT_ENETWORK, false,
	       "cannot be resolved");
}
END_TEST

START_TEST(test_no_answer_while_connecting)
{
	struct silence silence;
	struct world world;
	struct asked *asked = asked_new();

	silence_open(&silence);
	world_open(&world, silence.url, CHAT, NULL);
	world.limits.connect_timeout_ms = 200;
	world.limits.max_retries = 1;
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	ck_assert_int_eq(asked->code, AICHAT_ETIMEOUT);
	ck_assert_int_eq(asked->retries, 1);
	ck_assert_ptr_nonnull(strstr(asked->line, "no connection within 200 ms"));
	asked_free(asked);
	world_close(&world);
	silence_close(&silence);
}
END_TEST

/* --- a server that says what it is told to --- */

struct mini {
	const char *answer; /* the bytes, head and all */
	const char *other;  /* instead, when the request holds `when` */
	const char *when;
	int fd, port, requests;
	pthread_t thread;
};

/* Until the head and as much body as it tells of were read, or 64 KiB. */
static void mini_read(int fd, char *request, size_t size)
{
	size_t len = 0;
	ssize_t count;

	request[0] = '\0';
	while (len < size - 1 && (count = read(fd, request + len, size - 1 - len)) > 0) {
		len += (size_t)count;
		request[len] = '\0';
		const char *body = strstr(request, "\r\n\r\n");
		const char *told = strstr(request, "Content-Length: ");
		if (request[0] == 0x16 ||
		    (body && told && strlen(body + 4) >= strtoul(told + 16, NULL, 10)))
			return;
	}
}

static void *mini_run(void *argument)
{
	struct mini *mini = argument;
	char request[65536];
	int fd;

	while ((fd = accept(mini->fd, NULL, NULL)) >= 0) {
		mini_read(fd, request, sizeof(request));
		const char *answer = mini->when && strstr(request, mini->when)
					     ? mini->other
					     : mini->answer;
		mini->requests++;
		ssize_t done AIC_UNUSED = write(fd, answer, strlen(answer));
		shutdown(fd, SHUT_WR);
		while (read(fd, request, sizeof(request)) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void mini_start(struct mini *mini)
{
	mini->port = free_port(&mini->fd);
	ck_assert_int_eq(listen(mini->fd, 8), 0);
	ck_assert_int_eq(pthread_create(&mini->thread, NULL, mini_run, mini), 0);
}

static void mini_stop(struct mini *mini)
{
	shutdown(mini->fd, SHUT_RDWR);
	pthread_join(mini->thread, NULL);
	close(mini->fd);
}

/* Asks it once; the answer is the caller's. */
static struct asked *ask_mini(struct mini *mini, const char *scheme, bool stream)
{
	struct world world;
	struct asked *asked = asked_new();
	char url[64];

	mini_start(mini);
	snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", scheme, mini->port);
	world_open(&world, url, CHAT, NULL);
	if (ask(&world, asked, "fake/model-1", stream) == 0)
		await(asked);
	world_close(&world);
	mini_stop(mini);
	return asked;
}

static void expect_mini(const char *answer, int code, const char *words)
{
	struct mini mini = { .answer = answer };
	struct asked *asked = ask_mini(&mini, "http", true);

	ck_assert_msg(asked->code == code, "%s: %d: %s", answer, asked->code,
		      asked->line);
	ck_assert_msg(strstr(asked->line, words), "%s", asked->line);
	ck_assert_int_eq(mini.requests, 1);
	ck_assert_int_eq(asked->parts_open, 0);
	asked_free(asked);
}

#define HELLO                                                                            \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},"            \
	"\"finish_reason\":\"stop\"}]}\n\n"

START_TEST(test_strange_answers)
{
	/* Events without their type, behind a comment; an end without a blank line. */
	expect_mini("HTTP/1.1 200 OK\r\n\r\n: hi\n\n" HELLO "data: [DONE]", 0, "");
	expect_mini("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" HELLO, 0, "");
	expect_mini(
		"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; a=b\r\n\r\n" HELLO,
		0, "");
	/* White space before a document, as some send it while they compute. */
	expect_mini("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\n \r\n"
		    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
		    "\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}",
		    0, "");
	expect_mini("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" HELLO, 0, "");
	/* An error under a 200. */
	expect_mini("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
		    "{\"error\":{\"message\":\"no luck\",\"code\":429}}",
		    AICHAT_ERATELIMIT, "fake: no luck");
	expect_mini("HTTP/1.1 200 OK\r\n\r\n", AICHAT_EPROTOCOL,
		    "the answer was nothing");
	expect_mini("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
		    AICHAT_EPROTOCOL, "a web page");
	expect_mini("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx",
		    AICHAT_EPROTOCOL, "compressed");
	expect_mini("HTTP/1.1 304 Not Modified\r\n\r\n", AICHAT_EPROTOCOL,
		    "redirects (304)");
	expect_mini("HTTP/1.1 302 Found\r\nLocation: "
		    "https://user:pw@evil.example/?k=v\r\n\r\n",
		    AICHAT_EPROTOCOL, "to evil.example,");
	expect_mini("SSH-2.0-OpenSSH_9.2\r\n", AICHAT_EPROTOCOL, "fake: ");
	expect_mini("HTTP/1.1 402 Payment\r\n\r\n", AICHAT_EQUOTA, "fake: 402");
	/* Azure's filter is no failure of the request. */
	expect_mini(
		"HTTP/1.1 400 Bad Request\r\n\r\n{\"error\":{\"code\":\"content_filter\","
		"\"message\":\"filtered\"}}",
		AICHAT_EFILTER, "fake: 400: filtered");
	/* What comes after the end changes nothing. */
	expect_mini("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" HELLO
		    "data: [DONE]\n\ndata: nonsense\n\n",
		    0, "");
	expect_mini("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: "
		    "nonsense\n\n",
		    AICHAT_EPROTOCOL, "fake: ");
}
END_TEST

START_TEST(test_a_head_without_end)
{
	size_t size = 400000;
	char *answer = malloc(size);
	size_t len = (size_t)snprintf(answer, size, "HTTP/1.1 200 OK\r\n");

	while (len + 64 < size)
		len += (size_t)snprintf(answer + len, size - len,
					"X-Header: a value like others\r\n");
	struct mini mini = { .answer = answer };
	struct asked *asked = ask_mini(&mini, "http", true);
	ck_assert_int_eq(asked->code, AICHAT_EPROTOCOL);
	ck_assert_msg(strstr(asked->line, "head does not end"), "%s", asked->line);
	asked_free(asked);
	free(answer);
}
END_TEST

/* A server that knows no stream_options is asked once more, without. */
START_TEST(test_stream_options_rejected)
{
	struct mini mini = {
		.answer = "HTTP/1.1 200 OK\r\n\r\n" HELLO,
		.when = "\"stream_options\"",
		.other =
			"HTTP/1.1 422 Unprocessable\r\n\r\n"
			"{\"detail\":\"Extra inputs are not permitted: stream_options\"}",
	};
	struct asked *asked = ask_mini(&mini, "http", true);

	ck_assert_msg(asked->code == 0, "%s", asked->line);
	ck_assert_str_eq(asked->text, "hello");
	ck_assert_int_eq(mini.requests, 2);
	ck_assert_int_eq(asked->retries, 0);
	asked_free(asked);

	/* Not for ever. */
	mini.when = "\"model\"";
	mini.requests = 0;
	asked = ask_mini(&mini, "http", true);
	ck_assert_int_eq(asked->code, AICHAT_EREQUEST);
	ck_assert_int_eq(mini.requests, 2);
	asked_free(asked);
}
END_TEST

/* All goes through the proxy, and nobody else's settings count. */
START_TEST(test_proxy)
{
	struct mini mini = {
		.answer = "HTTP/1.1 200 OK\r\n\r\n" HELLO,
		.when = "POST http://provider.example/v1/chat/completions HTTP/1.1\r\n",
		.other = "HTTP/1.1 200 OK\r\n\r\n"
			 "data: "
			 "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"proxied\"},"
			 "\"finish_reason\":\"stop\"}]}\n\n",
	};
	struct world world;
	char proxy[64];

	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
	mini_start(&mini);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", mini.port);
	world_proxy = proxy;
	struct asked *asked = call(&world, "http://provider.example/", CHAT, 0);
	ck_assert_msg(asked->code == 0, "%s", asked->line);
	ck_assert_str_eq(asked->text, "proxied");
	asked_free(asked);
	world_close(&world);
	mini_stop(&mini);

	/* A proxy that is gone is what the line is about. */
	asked = call(&world, "http://provider.example/", CHAT, 0);
	ck_assert_int_eq(asked->code, AICHAT_ENETWORK);
	ck_assert_msg(strstr(asked->line, "127.0.0.1"), "%s", asked->line);
	asked_free(asked);
	world_close(&world);

	world_proxy = NULL;
	asked = call(&world, "gen/n/3/", CHAT, 0);
	ck_assert_msg(asked->code == 0, "%s", asked->line);
	asked_free(asked);
	world_close(&world);
}
END_TEST

START_TEST(test_tls_where_there_is_none)
{
	struct mini mini = { .answer = "HTTP/1.1 400 Bad Request\r\n\r\n" };
	struct asked *asked = ask_mini(&mini, "https", true);

	ck_assert_int_eq(asked->code, AICHAT_ETLS);
	ck_assert(!asked->began);
	ck_assert_int_eq(mini.requests, 1);
	asked_free(asked);
}
END_TEST

START_TEST(test_dropped)
{
	struct world world;
	char path[600];
	struct asked *asked = call(&world, "drop/", CHAT, 1);

	ck_assert_int_eq(asked->code, AICHAT_ENETWORK);
	ck_assert_int_eq(asked->retries, 1);
	world_path(&world, path, sizeof(path));
	ck_assert_int_eq(server_requests(path), 2);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* --- silence --- */

static void expect_timeout(const char *elements, const char *dialect, bool began,
			   const char *words)
{
	struct world world;
	struct asked *asked = asked_new();
	char path[600];

	world_open(&world, elements, dialect, NULL);
	world.limits.first_event_timeout_ms = began ? 20000 : 300;
	world.limits.event_timeout_ms = began ? 300 : 20000;
	world.limits.max_retries = 3;
	int64_t before = aic_clock_mono_ms();
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	ck_assert_msg(asked->code == AICHAT_ETIMEOUT, "%s: %d: %s", elements, asked->code,
		      asked->line);
	ck_assert_int_ge(aic_clock_mono_ms() - before, 290);
	ck_assert_int_eq(asked->began, began);
	ck_assert_int_eq(asked->parts_open, 0);
	ck_assert_msg(strstr(asked->line, words), "%s", asked->line);
	/* It may have been begun over there: asking again could cost twice. */
	ck_assert_int_eq(asked->retries, 0);
	world_path(&world, path, sizeof(path));
	ck_assert_int_eq(server_requests(path), 1);
	asked_free(asked);
	world_close(&world);
}

START_TEST(test_silence)
{
	expect_timeout("delay/30000/", CHAT, false, "first_event_timeout_ms");
	expect_timeout("stall/0/", CHAT, false, "first_event_timeout_ms");
	expect_timeout("ping-only/", CHAT, false, "first_event_timeout_ms");
	expect_timeout("ping-only/", MESSAGES, false, "first_event_timeout_ms");
	expect_timeout("stall/1000/gen/n/100/", CHAT, true, "event_timeout_ms");
	expect_timeout("stall/2000/gen/n/100/", MESSAGES, true, "event_timeout_ms");
}
END_TEST

/* A slow reply is no silence: each event starts the time anew. */
START_TEST(test_slow_is_not_silent)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "gen/n/12/rate/10/", CHAT, NULL);
	world.limits.event_timeout_ms = 700;
	world.limits.first_event_timeout_ms = 5000;
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	ck_assert_msg(asked->code == 0, "%s", asked->line);
	ck_assert_int_eq(asked->output_tokens, 12);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* --- cut off --- */

START_TEST(test_cut_anywhere)
{
	static const char *const kinds[] = { "cut", "reset" };
	static const char *const dialects[] = { CHAT, MESSAGES };
	char elements[128];

	for (size_t d = 0; d < AIC_ARRAY_LEN(dialects); d++)
		for (size_t k = 0; k < AIC_ARRAY_LEN(kinds); k++)
			for (int at = 1; at < 2500; at += 311) {
				struct world world;
				snprintf(elements, sizeof(elements), "%s/%d/gen/n/40/",
					 kinds[k], at);
				struct asked *asked = call(&world, elements, dialects[d],
							   3);
				ck_assert_msg(asked->code == AICHAT_EINTERRUPTED,
					      "%s: %d: %s", elements, asked->code,
					      asked->line);
				/* Nothing is sent again once a 2xx came. */
				ck_assert_int_eq(asked->retries, 0);
				ck_assert_int_eq(asked->parts_open, 0);
				ck_assert_ptr_nonnull(strstr(asked->line, "cut off"));
				asked_free(asked);
				world_close(&world);
			}
}
END_TEST

START_TEST(test_end_without_the_terminal_event)
{
	expect("no-done/gen/n/4/", MESSAGES, AICHAT_EINTERRUPTED, true, "cut off");
	expect("cut/300/json/", CHAT, AICHAT_EINTERRUPTED, false, "cut off");
}
END_TEST

START_TEST(test_broken_content)
{
	static const char *const dialects[] = { CHAT, MESSAGES };

	for (size_t d = 0; d < AIC_ARRAY_LEN(dialects); d++) {
		struct world world;
		struct asked *asked = call(&world, "bad-utf8/gen/n/5/", dialects[d], 3);
		ck_assert_msg(asked->code == AICHAT_EPROTOCOL, "%d: %s", asked->code,
			      asked->line);
		ck_assert_int_eq(asked->retries, 0);
		asked_free(asked);
		world_close(&world);
	}
}
END_TEST

START_TEST(test_error_within_the_reply)
{
	static const char *const dialects[] = { CHAT, MESSAGES };

	for (size_t d = 0; d < AIC_ARRAY_LEN(dialects); d++) {
		struct world world;
		struct asked *asked = call(&world, "gen/n/20/error-after/5/", dialects[d],
					   3);
		ck_assert_int_ne(asked->code, 0);
		ck_assert_int_ne(asked->code, AICHAT_EINTERRUPTED);
		ck_assert(asked->began);
		ck_assert_int_eq(asked->retries, 0);
		ck_assert_str_eq(asked->text, "tok0 tok1 tok2 tok3 tok4 ");
		ck_assert_int_eq(asked->parts_open, 0);
		asked_free(asked);
		world_close(&world);
	}
}
END_TEST

/* --- too much --- */

START_TEST(test_too_large)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "gen/n/100000/", CHAT, NULL);
	world.limits.max_reply_bytes = 100000;
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	ck_assert_int_eq(asked->code, AICHAT_ETOOLARGE);
	ck_assert(asked->began);
	ck_assert_uint_lt(asked->text_len, 100000);
	asked_free(asked);
	world_close(&world);

	/* One line without end. */
	expect("huge-line/40000000/", CHAT, AICHAT_ETOOLARGE, false, "max_reply_bytes");
}
END_TEST

START_TEST(test_compressed)
{
	expect("gzip-bomb/", CHAT, AICHAT_EPROTOCOL, false, "compressed");
}
END_TEST

/* --- refusals --- */

START_TEST(test_statuses)
{
	static const struct {
		const char *elements;
		int code, status, requests;
	} cases[] = {
		{ "status/400/", AICHAT_EREQUEST, 400, 1 },
		{ "status/401/", AICHAT_EAUTH, 401, 1 },
		{ "status/403/", AICHAT_EAUTH, 403, 1 },
		{ "status/404/", 0, 404, 1 },
		{ "status/413/", AICHAT_EREQUEST, 413, 1 },
		{ "status/408/", AICHAT_ETIMEOUT, 408, 3 },
		{ "status/409/", AICHAT_EREQUEST, 409, 3 },
		{ "status/429/", AICHAT_ERATELIMIT, 429, 3 },
		{ "status/500/", AICHAT_EPROVIDER, 500, 3 },
		{ "status/503/", AICHAT_EOVERLOADED, 503, 3 },
		{ "status/529/", AICHAT_EOVERLOADED, 529, 3 },
		{ "status/500/should-retry/false/", AICHAT_EPROVIDER, 500, 1 },
		{ "status/400/should-retry/true/", AICHAT_EREQUEST, 400, 3 },
		{ "quota/", AICHAT_EQUOTA, 429, 1 },
		{ "status/429/retry-after/3600/", AICHAT_ERATELIMIT, 429, 1 },
		{ "html/", AICHAT_EPROVIDER, 502, 3 },
	};
	static const char *const dialects[] = { CHAT, MESSAGES };

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++)
		for (size_t d = 0; d < AIC_ARRAY_LEN(dialects); d++) {
			struct world world;
			struct asked *asked = asked_new();
			char path[600];
			world_open(&world, cases[i].elements, dialects[d], NULL);
			world.limits.max_retries = 2;
			/* Else the backoff would take its time. */
			world.limits.max_retry_delay_ms = 5;
			ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
			await(asked);
			ck_assert_msg(!cases[i].code || asked->code == cases[i].code,
				      "%s: %d: %s", cases[i].elements, asked->code,
				      asked->line);
			ck_assert_int_lt(asked->code, 0);
			ck_assert_msg(asked->http_status == cases[i].status, "%s: %d",
				      cases[i].elements, asked->http_status);
			world_path(&world, path, sizeof(path));
			ck_assert_msg(server_requests(path) == cases[i].requests,
				      "%s: %d", cases[i].elements, server_requests(path));
			ck_assert_int_eq(asked->retries, cases[i].requests - 1);
			ck_assert(!asked->began);
			if (cases[i].status != 502) /* a proxy's page has none */
				ck_assert_int_gt((int)strlen(asked->request_id), 0);
			asked_free(asked);
			world_close(&world);
		}
}
END_TEST

START_TEST(test_what_a_line_says)
{
	expect("status/401/", CHAT, AICHAT_EAUTH, false, "fake: 401: ");
	expect("status/401/", CHAT, AICHAT_EAUTH, false, "provider.fake.api_key");
	expect("redirect/", CHAT, AICHAT_EPROTOCOL, false,
	       "redirects (307) to 127.0.0.1");
	expect("html/status/200/", CHAT, AICHAT_EPROTOCOL, false,
	       "provider.fake.base_url");
	/* An element that is none: the line tells where we asked. */
	expect("wrong-place/", CHAT, AICHAT_EREQUEST, false,
	       "/wrong-place/v1/chat/completions");
}
END_TEST

START_TEST(test_recovery)
{
	struct world world;
	char path[600];
	struct asked *asked = asked_new();

	world_open(&world, "fail-first/2/retry-after-ms/30/gen/n/7/", CHAT, NULL);
	world.limits.max_retries = 3;
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	ck_assert_msg(asked->code == 0, "%s", asked->line);
	ck_assert_int_eq(asked->retries, 2);
	ck_assert_int_eq(asked->last_delay_ms, 30);
	ck_assert_int_eq(asked->output_tokens, 7);
	world_path(&world, path, sizeof(path));
	ck_assert_int_eq(server_requests(path), 3);
	asked_free(asked);
	world_close(&world);

	/* The redirect's target gets nothing. */
	asked = call(&world, "redirect/gen/n/61/", CHAT, 3);
	ck_assert_int_eq(asked->code, AICHAT_EPROTOCOL);
	ck_assert_int_eq(asked->retries, 0);
	ck_assert_int_eq(server_requests("/gen/n/61/v1/chat/completions"), 0);
	asked_free(asked);
	world_close(&world);
}
END_TEST

/* --- keys --- */

static int ask_with(struct asked *asked, const char *elements, const char *const *options)
{
	struct world world;

	world_open(&world, elements, CHAT, options);
	int result = ask(&world, asked, "fake/model-1", true);
	if (!result)
		await(asked);
	world_close(&world);
	return result;
}

START_TEST(test_key_command)
{
	static const struct {
		const char *command;
		int code;
		const char *words;
	} cases[] = {
		{ "echo secret-of-ours", 0, "" },
		{ "printf 'secret-of-ours\\r\\n\\n'", 0, "" },
		/* What goes on in the background holds up nobody. */
		{ "echo secret-of-ours; sleep 20 >/dev/null & exit 0", 0, "" },
		{ "(sleep 20; true) & echo secret-of-ours", 0, "" },
		{ "echo secret-of-ours; exit 3", AICHAT_EKEY, "failed with status 3" },
		{ "kill -9 $$", AICHAT_EKEY, "ended by signal 9" },
		{ "true", AICHAT_EKEY, "printed no key" },
		{ "head -c 100000 /dev/zero | tr '\\0' k", AICHAT_EKEY,
		  "more than a key" },
		{ "/no/such/program", AICHAT_EKEY, "failed with status 127" },
		{ "echo wrong-key", AICHAT_EAUTH, "provider.fake.key_command" },
		{ "printf 'a\\nb'", AICHAT_EINVAL, "control character" },
		{ "cat; echo secret-of-ours", 0, "" }, /* no input */
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		struct asked *asked = asked_new();
		ask_with(asked, "gen/n/3/",
			 OPTIONS("provider.fake.api_key", "", "provider.fake.key_command",
				 cases[i].command));
		ck_assert_msg(asked->code == cases[i].code, "%s: %d: %s",
			      cases[i].command, asked->code, asked->line);
		ck_assert_msg(strstr(asked->line, cases[i].words), "%s: %s",
			      cases[i].command, asked->line);
		ck_assert_ptr_null(strstr(asked->line, "secret-of-ours"));
		asked_free(asked);
	}
}
END_TEST

/* A refused key is made anew once; many calls share one command. */
START_TEST(test_key_is_renewed)
{
	enum {
		COUNT = 8
	};
	struct world world;
	struct asked *asked[COUNT];
	char folder[] = "/tmp/aichat-key-XXXXXX";
	char command[256];
	char name[64];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/runs", folder);
	snprintf(command, sizeof(command),
		 "echo run >> %s; test $(wc -l < %s) -gt 1 && echo good-key || echo "
		 "wrong-key",
		 name, name);
	world_open(&world, "gen/n/3/", CHAT,
		   OPTIONS("provider.fake.api_key", "", "provider.fake.key_command",
			   command));
	for (int i = 0; i < COUNT; i++) {
		asked[i] = asked_new();
		ck_assert_int_eq(ask(&world, asked[i], "fake/model-1", true), 0);
	}
	for (int i = 0; i < COUNT; i++) {
		await(asked[i]);
		ck_assert_msg(asked[i]->code == 0, "%s", asked[i]->line);
		ck_assert_int_eq(asked[i]->retries, 0);
		asked_free(asked[i]);
	}
	struct stat status;
	ck_assert_int_eq(stat(name, &status), 0);
	/* One for all, then one for all who were refused. */
	ck_assert_int_eq(status.st_size, 2 * 4);
	world_close(&world);
	unlink(name);
	rmdir(folder);
}
END_TEST

START_TEST(test_missing_and_wrong_keys)
{
	struct world world;
	struct asked *asked = asked_new();

	world_open(&world, "gen/", CHAT, OPTIONS("provider.openai.api_key", ""));
	ck_assert_int_eq(ask(&world, asked, "openai/gpt-4o", true), AICHAT_EKEY);
	ck_assert_ptr_nonnull(strstr(asked->line, "OPENAI_API_KEY"));
	asked_free(asked);
	world_close(&world);

	asked = asked_new();
	ask_with(asked, "gen/", OPTIONS("provider.fake.api_key", "wrong-key"));
	ck_assert_int_eq(asked->code, AICHAT_EAUTH);
	/* What the provider repeats of it is taken out. */
	ck_assert_msg(!strstr(asked->line, "wrong-key"), "%s", asked->line);
	asked_free(asked);
}
END_TEST

int main(void)
{
	server_start();
	Suite *suite = suite_create("faults");
	TCase *tests = tcase_create("faults");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_refused);
	tcase_add_test(tests, test_no_such_host);
	tcase_add_test(tests, test_no_answer_while_connecting);
	tcase_add_test(tests, test_proxy);
	tcase_add_test(tests, test_tls_where_there_is_none);
	tcase_add_test(tests, test_strange_answers);
	tcase_add_test(tests, test_a_head_without_end);
	tcase_add_test(tests, test_stream_options_rejected);
	tcase_add_test(tests, test_dropped);
	tcase_add_test(tests, test_silence);
	tcase_add_test(tests, test_slow_is_not_silent);
	tcase_add_test(tests, test_cut_anywhere);
	tcase_add_test(tests, test_end_without_the_terminal_event);
	tcase_add_test(tests, test_broken_content);
	tcase_add_test(tests, test_error_within_the_reply);
	tcase_add_test(tests, test_too_large);
	tcase_add_test(tests, test_compressed);
	tcase_add_test(tests, test_statuses);
	tcase_add_test(tests, test_what_a_line_says);
	tcase_add_test(tests, test_recovery);
	tcase_add_test(tests, test_key_command);
	tcase_add_test(tests, test_key_is_renewed);
	tcase_add_test(tests, test_missing_and_wrong_keys);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
