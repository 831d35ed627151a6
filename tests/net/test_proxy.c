/* A proxy is for other machines: what is on this one is reached without it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static int server_port(void)
{
	struct world world;

	world_open(&world, "gen/n/3/", CHAT, NULL);
	int port = (int)strtol(strstr(world.base_url, "127.0.0.1:") + 10, NULL, 10);
	world_close(&world);
	return port;
}

/* One call of fakellm under another name of its host. */
static struct asked *call(const char *host, int port)
{
	struct asked *asked = asked_new();
	struct world world;
	char url[128];

	snprintf(url, sizeof(url), "http://%s:%d/gen/n/3/", host, port);
	world_open(&world, url, CHAT, NULL);
	ck_assert_int_eq(ask(&world, asked, "fake/model-1", true), 0);
	await(asked);
	world_close(&world);
	return asked;
}

START_TEST(test_this_machine)
{
	static const char *const here[] = { "127.0.0.1", "127.1", "localhost",
					    "LocalHost" };
	/* Here, too, but there nobody listens; IPv6 may be missing altogether. */
	static const char *const refused[] = { "127.9.8.7", "[::1]" };
	static const char *const elsewhere[] = { "128.0.0.1", "10.0.0.127",
						 "notlocalhost", "localhost.example",
						 "[::2]" };
	char proxy[64];
	char words[64];
	int fd;
	int dead = free_port(&fd);
	int port = server_port();

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", dead);
	snprintf(words, sizeof(words), "127.0.0.1 port %d", dead);
	world_proxy = proxy;
	for (size_t i = 0; i < AIC_ARRAY_LEN(here); i++) {
		struct asked *asked = call(here[i], port);
		ck_assert_msg(asked->code == 0, "%s: %s", here[i], asked->line);
		asked_free(asked);
	}
	for (size_t i = 0; i < AIC_ARRAY_LEN(refused); i++) {
		struct asked *asked = call(refused[i], port);
		ck_assert_msg(asked->code == AICHAT_ENETWORK, "%s: %d", refused[i],
			      asked->code);
		ck_assert_msg(!strstr(asked->line, words), "%s", asked->line);
		asked_free(asked);
	}
	for (size_t i = 0; i < AIC_ARRAY_LEN(elsewhere); i++) {
		struct asked *asked = call(elsewhere[i], port);
		ck_assert_msg(asked->code == AICHAT_ENETWORK, "%s: %d", elsewhere[i],
			      asked->code);
		ck_assert_msg(strstr(asked->line, words), "%s: %s", elsewhere[i],
			      asked->line);
		asked_free(asked);
	}
	world_proxy = NULL;
	close(fd);
}
END_TEST

int main(void)
{
	server_start();
	Suite *suite = suite_create("proxy");
	TCase *tests = tcase_create("proxy");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_this_machine);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
