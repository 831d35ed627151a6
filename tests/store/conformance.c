/*
 * The suite and the kinds of store that it runs on. A new backend adds a line here.
 */

#include "conformance.h"

static const struct kind kinds[] = {
	{ "memory", false, false },
	{ "sqlite", true, true },
};

const struct kind *kind;
struct aic_store *store;
char store_url[128];

static void set_up(void)
{
	make_test_folder();
	if (kind->file)
		snprintf(store_url, sizeof(store_url), "%s:%s/store", kind->name,
			 test_folder);
	else
		snprintf(store_url, sizeof(store_url), "%s:", kind->name);
	store = must_open(store_url);
}

static void tear_down(void)
{
	ck_assert_ok(aic_store_verify(store, err));
	store = aic_store_unref(store);
	remove_test_folder();
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < AIC_ARRAY_LEN(kinds); i++) {
		kind = &kinds[i];
		Suite *suite = suite_create(kind->name);
		TCase *tests = tcase_create("store");
		tcase_set_timeout(tests, 60);
		tcase_add_checked_fixture(tests, set_up, tear_down);
		add_row_tests(tests);
		add_job_tests(tests);
		add_change_tests(tests);
		add_account_tests(tests);
		suite_add_tcase(suite, tests);
		failed += run_suite(suite);
	}
	return failed ? 1 : 0;
}
