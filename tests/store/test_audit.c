/* The audit log after somebody has had the file in hands. */

#include "file_support.h"
#include "model_support.h"
#include "store/account.h"

static void set_up(void)
{
	make_test_folder();
}

static void tear_down(void)
{
	remove_test_folder();
}

static int add_audit(struct aic_store *store, void *data, aichat_error **reterr)
{
	return aic_store_add_audit(store, data, reterr);
}

/* Five entries of the actors a to e. */
static void write_log(const char *path)
{
	char owner[] = "local", actor[] = "a", action[] = "ba", object[] = "c",
	     details[] = "{}";
	struct aic_store *store = must_open(path);

	for (int n = 0; n < 5; n++) {
		actor[0] = (char)('a' + n);
		struct aic_audit_row row = {
			.at_unix_ms = 1000 + n,
			.owner = owner,
			.actor = actor,
			.action = action,
			.object = object,
			.details = details,
		};
		must_task(store, add_audit, &row);
	}
	ck_assert_ok(aic_store_verify(store, err));
	aic_store_unref(store);
}

static const struct {
	const char *sql, *what;
} changes[] = {
	{ "UPDATE audit SET actor = 'eve' WHERE no = 3", "entry 3 " },
	{ "UPDATE audit SET details = NULL WHERE no = 3", "entry 3 " },
	{ "UPDATE audit SET action = 'b', object = 'ac' WHERE no = 3", "entry 3 " },
	{ "UPDATE audit SET at = at + 1 WHERE no = 1", "entry 1 " },
	{ "UPDATE audit SET hash = x'00' WHERE no = 2", "entry 2 " },
	{ "UPDATE audit SET owner = 'x' WHERE no = 5", "entry 5 " },
	{ "DELETE FROM audit WHERE no = 2", "no entry 2" },
	{ "DELETE FROM audit WHERE no = 5", "ends at entry 4" },
	{ "DELETE FROM audit", "ends at entry 0" },
	{ "UPDATE audit SET no = 9 WHERE no = 5", "no entry 5" },
	{ "UPDATE audit SET actor = (SELECT actor FROM audit WHERE no = 2),"
	  " hash = (SELECT hash FROM audit WHERE no = 2) WHERE no = 4",
	  "entry 4 " },
};

START_TEST(a_changed_log_is_found)
{
	aichat_error *error = NULL;
	char name[16];

	snprintf(name, sizeof(name), "store%d", _i);
	const char *path = test_path(name);
	write_log(path);
	run_sql(path, changes[_i].sql);
	struct aic_store *store = must_open(path);
	ck_assert_int_eq(aic_store_verify_audit(store, NULL, &error),
			 AICHAT_ESTORECORRUPT);
	ck_assert_msg(strstr(aichat_error_message(error), changes[_i].what), "%s: %s",
		      changes[_i].sql, aichat_error_message(error));
	aichat_error_unref(error);
	ck_assert_int_eq(aic_store_verify(store, NULL), AICHAT_ESTORECORRUPT);
	aic_store_unref(store);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("audit");
	TCase *tests = tcase_create("audit");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_changed_log_is_found, 0, AIC_ARRAY_LEN(changes));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
