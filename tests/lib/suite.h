#pragma once

/*
 * SUITE("name", test, test, ...): main() of a file of tests with the common fixture.
 */

#include <stdlib.h>

#include "support.h"

static inline int support_run(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, support_setup, support_teardown);
	tcase_set_timeout(tcase, 55);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * The same for one test in this process, without the fixture: what another process does
 * that a test started by exec. Does not return.
 */
static inline void support_run_other(const TTest *test)
{
	Suite *suite = suite_create("other");
	TCase *tcase = tcase_create("other");

	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase, test);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_MINIMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	exit(failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* What main() does before, in a test that starts itself as another process. */
#ifndef SUITE_MAIN
#define SUITE_MAIN(argc, argv) ((void)(argc), (void)(argv))
#endif

#define SUITE(name, ...)                                                                 \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		const TTest *const tests[] = { __VA_ARGS__ };                            \
		SUITE_MAIN(argc, argv);                                                  \
		return support_run(name, tests, sizeof(tests) / sizeof(tests[0]));       \
	}
