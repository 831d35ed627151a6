/*
 * Configuration: what the file may say, where its mistakes are, and who beats whom.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	chmod(path, 0600);
}

static void check_value(const aichat_options *options, const char *name,
			const char *wanted, const char *origin)
{
	const char *value = NULL;
	char from[600];

	ck_assert_msg(aichat_options_get(options, name, &value) == 1, "%s is not set",
		      name);
	ck_assert_str_eq(value, wanted);
	const char *own = aichat_options_origin(options, name);
	if (!origin)
		return;
	if (origin[0] == ':')
		snprintf(from, sizeof(from), "%s%s", support_path("aichat.conf"), origin);
	else
		snprintf(from, sizeof(from), "%s", origin);
	ck_assert_str_eq(own, from);
}

static aichat_options *load(const char *text)
{
	aichat_options *options = aichat_options_new();
	const char *path = support_path("aichat.conf");

	write_file(path, text);
	expect(aichat_options_load(options, path, &error), 0);
	return options;
}

START_TEST(file)
{
	aichat_options *options = load("# a comment\n"
				       "model = \"work/large\"\n"
				       "// another\n"
				       "temperature = 0.5\n"
				       "stop = {\"one\", \"two\"}\n"
				       "/* a long\n"
				       "   one */ max_tokens = 77\n"
				       "stream = false\n"
				       "provider work {\n"
				       "  base_url = \"http://127.0.0.1:9/#v1//x\"\n"
				       "  dialect = \"openai-chat\"\n"
				       "  headers = {\"A: b\", \"C: d\"}\n"
				       "}\n"
				       "alias fast { model = \"work/small\" }\n"
				       "body {\n"
				       "  top_k = 40\n"
				       "}\n"
				       "system = 'single # quotes'\n");

	check_value(options, "model", "work/large", ":2");
	check_value(options, "temperature", "0.5", ":4");
	check_value(options, "stop", "one\ntwo", ":5");
	check_value(options, "max_tokens", "77", ":7");
	check_value(options, "stream", "false", ":8");
	check_value(options, "provider.work.base_url", "http://127.0.0.1:9/#v1//x",
		    ":10");
	check_value(options, "provider.work.dialect", "openai-chat", ":11");
	check_value(options, "provider.work.headers", "A: b\nC: d", ":12");
	check_value(options, "alias.fast", "work/small", ":14");
	check_value(options, "body.top_k", "40", NULL);
	check_value(options, "system", "single # quotes", ":18");
	aichat_options_free(options);
	options = load("");
	aichat_options_free(options);
	options = load("# only this");
	aichat_options_free(options);
}
END_TEST

/* The line names the file, the line and what is wrong. */
static void refuse(const char *text, int line, const char *word)
{
	aichat_options *options = aichat_options_new();
	const char *path = support_path("aichat.conf");
	aichat_error *error = NULL;
	char place[600];

	write_file(path, text);
	ck_assert_msg(aichat_options_load(options, path, &error) == AICHAT_ECONFIG,
		      "taken: %s", text);
	snprintf(place, sizeof(place), "%s:%d:", path, line);
	const char *said = aichat_error_message(error);
	ck_assert_msg(strstr(said, place) != NULL, "%s does not name %s", said, place);
	ck_assert_msg(strstr(said, word) != NULL, "%s does not say %s", said, word);
	aichat_error_unref(error);
	aichat_options_free(options);
}

START_TEST(mistakes)
{
	refuse("temperature = 3\n", 1, "temperature");
	refuse("\n\ntemperature = warm\n", 3, "temperature");
	refuse("# one\n// two\n/* three\nfour */\nmax_tokens = 0\n", 5, "max_tokens");
	refuse("\nmodle = \"x\"\n", 2, "modle");
	refuse("model = \"x\"\nmodel\n", 3, "");
	refuse("provider work {\n  base_ulr = \"x\"\n}\n", 2, "base_ulr");
	refuse("provider work {\n  base_url = \"http://x\"\n", 1, "brace");
	refuse("provider Wo/rk {\n  base_url = \"http://x\"\n}\n", 2, "provider");
	refuse("body {\n  a = \"{\"\n}\n", 3, "body.a");
	refuse("stream = perhaps\n", 1, "stream");
	refuse("alias a {\n  name = \"x\"\n}\n", 2, "name");
	refuse("model = \"never ends\n", 2, "");
	refuse("}\n", 1, "");
}
END_TEST

START_TEST(unreadable)
{
	aichat_options *options = aichat_options_new();

	expect(aichat_options_load(options, support_path("missing.conf"), &error),
	       AICHAT_ECONFIG);
	expect(aichat_options_load(options, support_path("."), &error), AICHAT_ECONFIG);
	setenv("AICHAT_CONFIG", support_path("missing.conf"), 1);
	expect(aichat_options_load(options, NULL, &error), AICHAT_ECONFIG);
	expect(aichat_options_load(NULL, NULL, &error), AICHAT_EINVAL);
	aichat_options_free(options);
}
END_TEST

/* Without a file there is nothing wrong, and the store has its usual place. */
START_TEST(no_file)
{
	aichat_options *options = aichat_options_new();
	char store[600];

	unsetenv("AICHAT_CONFIG");
	unsetenv("AICHAT_STORE");
	setenv("HOME", support_path("home"), 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	expect(aichat_options_load(options, NULL, &error), 0);
	snprintf(store, sizeof(store), "%s",
		 support_path("home/.local/share/aichat/aichat.db"));
	check_value(options, "store", store, "default");
	aichat_options_free(options);

	/* And where the XDG variables say. */
	options = aichat_options_new();
	setenv("XDG_DATA_HOME", support_path("data"), 1);
	setenv("XDG_CONFIG_HOME", support_path("config"), 1);
	mkdir(support_path("config"), 0700);
	mkdir(support_path("config/aichat"), 0700);
	write_file(support_path("config/aichat/aichat.conf"), "model = \"xdg\"\n");
	expect(aichat_options_load(options, NULL, &error), 0);
	check_value(options, "model", "xdg", NULL);
	check_value(options, "store", support_path("data/aichat/aichat.db"), "default");
	aichat_options_free(options);
}
END_TEST

START_TEST(environment)
{
	aichat_options *options = aichat_options_new();

	write_file(support_path("aichat.conf"),
		   "model = \"file\"\ntemperature = 0.25\nstore = \"file.db\"\n"
		   "provider openai { api_key = \"file-key\" }\n");
	setenv("AICHAT_MODEL", "environment", 1);
	setenv("OPENAI_API_KEY", "key", 1);
	setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", 1);
	setenv("ANTHROPIC_API_KEY", "key2", 1);
	setenv("HTTPS_PROXY", "http://127.0.0.1:8", 1);
	setenv("NO_PROXY", "localhost", 1);
	setenv("AICHAT_STORE", "", 1); /* empty is as good as unset */
	set_option(options, "temperature", "0.75");
	expect(aichat_options_load(options, support_path("aichat.conf"), &error), 0);
	check_value(options, "model", "environment", "environment AICHAT_MODEL");
	check_value(options, "provider.openai.api_key", "key",
		    "environment OPENAI_API_KEY");
	check_value(options, "provider.openai.base_url", "http://127.0.0.1:9/v1",
		    "environment OPENAI_BASE_URL");
	check_value(options, "provider.anthropic.api_key", "key2", NULL);
	check_value(options, "proxy", "http://127.0.0.1:8", "environment HTTPS_PROXY");
	check_value(options, "no_proxy", "localhost", NULL);
	check_value(options, "temperature", "0.75", "set");
	check_value(options, "store", "file.db", ":3");
	aichat_options_free(options);
}
END_TEST

START_TEST(wrong_variable)
{
	aichat_options *options = aichat_options_new();
	aichat_error *error = NULL;

	setenv("AICHAT_MODEL", "a\xff", 1);
	ck_assert_int_eq(aichat_options_load(options, NULL, &error), AICHAT_ECONFIG);
	ck_assert_ptr_nonnull(strstr(aichat_error_message(error), "AICHAT_MODEL"));
	aichat_error_unref(error);
	aichat_options_free(options);
}
END_TEST

static char logged[1024];

static void log_hook(void *user, int level, const char *message)
{
	ck_assert_ptr_eq(user, logged);
	ck_assert_int_le(level, AICHAT_LOG_WARNING);
	snprintf(logged, sizeof(logged), "%s", message);
}

/* Keys that others may read are warned of, but not shown. */
START_TEST(open_keys)
{
	aichat_options *options = aichat_options_new();
	const char *path = support_path("aichat.conf");

	ck_assert_int_eq(
		aichat_options_set_log(options, log_hook, logged, AICHAT_LOG_WARNING), 0);
	write_file(path, "provider openai { api_key = \"a-secret\" }\n");
	expect(aichat_options_load(options, path, &error), 0);
	ck_assert_str_eq(logged, "");
	chmod(path, 0644);
	expect(aichat_options_load(options, path, &error), 0);
	ck_assert_ptr_nonnull(strstr(logged, "chmod 600"));
	ck_assert_ptr_null(strstr(logged, "a-secret"));
	aichat_options_free(options);
}
END_TEST

SUITE("config", file, mistakes, unreadable, no_file, environment, wrong_variable,
      open_keys)
