/* libcurl comes with the first attempt, and not before; without it the line says so. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/curl.h"
#include "support.h"

static bool is_loaded(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];
	bool found = false;

	ck_assert_ptr_nonnull(maps);
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, "libcurl");
	fclose(maps);
	return found;
}

static struct asked *call(struct world *world, const char *model)
{
	struct asked *asked = asked_new();

	ck_assert_msg(ask(world, asked, model, true) == 0, "%s", asked->line);
	await(asked);
	return asked;
}

static void expect_good(struct world *world, const char *model)
{
	struct asked *asked = call(world, model);

	ck_assert_msg(asked->code == 0, "%s", asked->line);
	asked_free(asked);
}

#ifdef AIC_TEST_HOOKS
static void expect_missing(struct world *world, const char *library, const char *words)
{
	aic_curl_set_name(library);
	struct asked *asked = call(world, "fake/model-1");
	ck_assert_int_eq(asked->code, AICHAT_ENETWORK);
	ck_assert_int_eq(asked->retries, 0);
	ck_assert(!asked->began);
	ck_assert_msg(strstr(asked->line, "libcurl cannot be loaded: "), "%s",
		      asked->line);
	ck_assert_msg(strstr(asked->line, words), "%s", asked->line);
	ck_assert_msg(strstr(asked->line, "; install the package libcurl4"), "%s",
		      asked->line);
	asked_free(asked);
	/* Who asks no provider does not notice. */
	expect_good(world, "echo/echo");
	aic_curl_set_name(NULL);
}
#endif

START_TEST(test_first_attempt)
{
	struct world world;

	ck_assert(!is_loaded());
	world_open(&world, "gen/n/3/", CHAT, NULL);
	expect_good(&world, "echo/echo");
	ck_assert(!is_loaded());
#ifdef AIC_TEST_HOOKS
	expect_missing(&world, "libcurl-of-nobody.so.0", "libcurl-of-nobody.so.0");
	expect_missing(&world, "libm.so.6", "curl_easy_cleanup");
	ck_assert(!is_loaded());
	/* An engine that was told in time has the same to say. */
	aic_curl_set_name("libcurl-of-nobody.so.0");
	aic_engine_prepare(world.engine);
	expect_missing(&world, "libcurl-of-nobody.so.0", "libcurl-of-nobody.so.0");
#endif
	expect_good(&world, "fake/model-1");
	ck_assert(is_loaded());
	world_close(&world);
	ck_assert(is_loaded());
}
END_TEST

START_TEST(test_prepare)
{
	struct world world;
	int64_t end = aic_clock_mono_ms() + 30000;

	world_open(&world, "gen/n/3/", CHAT, NULL);
	aic_engine_prepare(world.engine);
	aic_engine_prepare(world.engine);
	while (!is_loaded() && aic_clock_mono_ms() < end)
		usleep(1000);
	ck_assert(is_loaded());
	expect_good(&world, "fake/model-1");
	world_close(&world);
	/* And one that is closed before it could do anything with it. */
	world_open(&world, "gen/n/3/", CHAT, NULL);
	aic_engine_prepare(world.engine);
	world_close(&world);
}
END_TEST

int main(void)
{
	server_start();
	Suite *suite = suite_create("curl");
	TCase *tests = tcase_create("curl");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_first_attempt);
	tcase_add_test(tests, test_prepare);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
