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
