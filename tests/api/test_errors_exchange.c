/* The errors of exchanges that their entries list, each from what causes it. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange_support.h"

static aichat_options *provider(const char *elements)
{
	return options_for("memory:", elements, "max_retries", "0", NULL);
}

/* ---- what a provider fails with ---- */

static void fail_with(aichat_options *options, int code)
{
	aichat *ai = open_with(options);
	const char *bytes = NULL;
	size_t len = 0;
	aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
					   question(GPT, true, ""));

	expect(aichat_exchange_start(x, &error), 0);
	expect(aichat_exchange_next(x, STEP_MS, &bytes, &len, &error), code);
	aichat_exchange_free(x);
	aichat_close(ai);
}

START_TEST(providers)
{
	fail_with(provider("drop"), AICHAT_ENETWORK);
	aichat_options *impatient = provider("stall/0");
	set_option(impatient, "first_event_timeout_ms", "300");
	fail_with(impatient, AICHAT_ETIMEOUT);
	fail_with(provider("html/status/200"), AICHAT_EPROTOCOL);
	fail_with(provider("cut/0"), AICHAT_EINTERRUPTED);
	fail_with(provider("status/401"), AICHAT_EAUTH);
	fail_with(provider("status/429"), AICHAT_ERATELIMIT);
	fail_with(provider("quota"), AICHAT_EQUOTA);
	fail_with(provider("status/400"), AICHAT_EREQUEST);
	fail_with(provider("status/500"), AICHAT_EPROVIDER);
	fail_with(provider("status/503"), AICHAT_EOVERLOADED);
}
END_TEST

/* No key from the command; more than is taken. */
START_TEST(ours)
{
	aichat_options *options = provider("n/1");
	set_option(options, "provider.openai.api_key", NULL);
	set_option(options, "provider.openai.key_command", "false");
	fail_with(options, AICHAT_EKEY);

	options = provider("json/n/1000/bytes/100");
	set_option(options, "max_reply_bytes", "1024");
	fail_with(options, AICHAT_ETOOLARGE);
}
END_TEST

/* One answer of 400 with this code, from a process that ends with it. */
static pid_t refuse_once(const char *word, const char *scheme, char url[64])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	snprintf(url, 64, "%s://127.0.0.1:%d/v1", scheme, ntohs(address.sin_port));
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		char request[4096], body[256], answer[512];
		int fd = accept(listener, NULL, NULL);
		snprintf(body, sizeof(body),
			 "{\"error\":{\"message\":\"No.\",\"code\":\"%s\"}}", word);
		int size = snprintf(answer, sizeof(answer),
				    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
				    "Content-Type: application/json\r\n"
				    "Content-Length: %zu\r\n\r\n%s",
				    strlen(body), body);
		bool fine = read(fd, request, sizeof(request)) > 0 &&
			    write(fd, answer, (size_t)size) == size;
		shutdown(fd, SHUT_WR);
		while (read(fd, request, sizeof(request)) > 0)
			;
		_exit(fine ? 0 : 1);
	}
	close(listener);
	return child;
}

static void refuse_with(const char *word, const char *scheme, int code)
{
	aichat_options *options = provider("n/1");
	char url[64];
	int status;
	pid_t child = refuse_once(word, scheme, url);

	set_option(options, "provider.openai.base_url", url);
	fail_with(options, code);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(words)
{
	refuse_with("context_length_exceeded", "http", AICHAT_ECONTEXT);
	refuse_with("content_filter", "http", AICHAT_EFILTER);
	refuse_with("model_not_found", "http", AICHAT_EMODEL);
	/* Words in the clear are no TLS. */
	refuse_with("anything", "https", AICHAT_ETLS);
}
END_TEST

/* ---- opening and starting ---- */

static void refuse_body(aichat *ai, const char *dialect, const char *body, int code)
{
	aichat_exchange *x = NULL;

	expect(aichat_exchange_open(ai, AICHAT_EXCHANGE_REPLY, dialect, body,
				    strlen(body), &x, &error),
	       code);
	ck_assert_ptr_null(x);
}

START_TEST(requests)
{
	aichat *ai = open_with(provider("n/1"));
	char deep[5001];

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refuse_body(ai, CHAT, "{}", AICHAT_EJSON);
	refuse_body(ai, CHAT, "{\"model\":\"\xff\"}", AICHAT_EUTF8);
	refuse_body(ai, CHAT, deep, AICHAT_ETOOLARGE);
	refuse_body(ai, "esperanto", "{}", AICHAT_EINVAL);
	refuse_body(ai, CHAT, question("nowhere/none", true, ""), AICHAT_EMODEL);
	refuse_body(ai, CHAT, question("xai/grok-4", true, ""), AICHAT_EKEY);
	refuse_body(ai, CHAT, question("azure/deployment", true, ""), AICHAT_ECONFIG);
	refuse_body(ai, CHAT, question(CLAUDE, true, ",\"n\":2"), AICHAT_EREQUEST);
	aichat_close(ai);
}
END_TEST

START_TEST(starting)
{
	aichat_options *options = provider("n/1");
	struct rlimit before, none;

	set_option(options, "provider.openai.api_version", "not a version");
	aichat *ai = open_with(options);
	aichat_exchange *x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT,
					   question(GPT, true, ""));
	/* The engine is not there yet, and has nothing to open. */
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect(aichat_exchange_start(x, &error), AICHAT_ELIMIT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	aichat_exchange_free(x);

	x = open_exchange(ai, AICHAT_EXCHANGE_REPLY, CHAT, question(GPT, true, ""));
	expect(aichat_exchange_start(x, &error), AICHAT_ECONFIG);
	aichat_exchange_free(x);
	aichat_close(ai);
}
END_TEST

START_TEST(models)
{
	aichat *ai = open_with(provider("n/1"));
	char *json = NULL;
	size_t len = 0;

	expect(aichat_dialect_model(ai, "esperanto", GPT, &json, &len, &error),
	       AICHAT_EINVAL);
	expect(aichat_dialect_model(ai, CHAT, "nowhere/none", &json, &len, &error),
	       AICHAT_EMODEL);
	aichat_close(ai);
}
END_TEST

SUITE("errors_exchange", providers, ours, words, requests, starting, models)
