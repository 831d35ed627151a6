/* Providers from presets and options, what names mean, what replies cost. */

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <aichat/model.h>
#include <aichat/options.h>

#include "base/error.h"
#include "base/mem.h"
#include "provider/preset.h"
#include "provider/provider.h"

/* A registry of options given as name, value pairs up to a NULL. */
static int build(struct aic_registry **ret, aichat_error **reterr,
		 const char *const *pairs)
{
	aichat_options *options = aichat_options_new();

	for (; *pairs; pairs += 2)
		ck_assert_msg(aichat_options_set(options, pairs[0], pairs[1], -1, NULL) ==
				      0,
			      "%s", pairs[0]);
	int result = aic_registry_new(options, ret, reterr);
	aichat_options_free(options);
	return result;
}

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct aic_registry *with(const char *const *pairs)
{
	struct aic_registry *registry = NULL;
	aichat_error *error = NULL;

	int result = build(&registry, &error, pairs);
	ck_assert_msg(result == 0, "%s", aichat_error_message(error));
	return registry;
}

static void expect_broken(const char *const *pairs, const char *words)
{
	struct aic_registry *registry = NULL;
	aichat_error *error = NULL;

	ck_assert_int_eq(build(&registry, &error, pairs), AICHAT_ECONFIG);
	ck_assert_msg(strstr(aichat_error_message(error), words), "%s",
		      aichat_error_message(error));
	aichat_error_unref(error);
}

static void expect_name(const struct aic_registry *registry, const char *name,
			const char *provider, const char *model)
{
	struct aic_target target = { 0 };
	aichat_error *error = NULL;

	int result = aic_target_resolve(registry, name, &target, &error);
	ck_assert_msg(result == 0, "%s: %s", name, aichat_error_message(error));
	ck_assert_str_eq(target.provider->name, provider);
	ck_assert_str_eq(target.model, model);
	aic_target_done(&target);
}

static void expect_no_name(const struct aic_registry *registry, const char *name,
			   const char *words)
{
	struct aic_target target = { 0 };
	aichat_error *error = NULL;

	int result = aic_target_resolve(registry, name, &target, &error);
	ck_assert_msg(result == AICHAT_EMODEL, "%s", name);
	ck_assert_msg(strstr(aichat_error_message(error), words), "%s: %s", name,
		      aichat_error_message(error));
	aichat_error_unref(error);
}

START_TEST(test_every_preset)
{
	struct aic_registry *registry = with(PAIRS(NULL));
	const struct aic_preset *preset;
	size_t n = 0;

	for (; (preset = aic_preset_at(n)); n++) {
		const struct aic_provider *provider = aic_registry_provider(registry,
									    preset->name);
		ck_assert_ptr_nonnull(provider);
		ck_assert_ptr_eq(provider->dialect, preset->dialect);
		ck_assert_ptr_eq(aic_preset_find(preset->name), preset);
		/* A slash at the end would be doubled, a key over plain HTTP read by
		 * others. */
		if (*provider->base_url)
			ck_assert_int_ne(
				provider->base_url[strlen(provider->base_url) - 1], '/');
		if (preset->needs_key && preset->base_url)
			ck_assert_int_eq(strncmp(preset->base_url, "https://", 8), 0);
		ck_assert_int_eq(preset->needs_key, preset->key_variable != NULL);
		if (preset->default_model)
			expect_name(registry, preset->name, preset->name,
				    preset->default_model);
		/* What is taken when none is named had better be known. */
		if (preset->default_model)
			ck_assert_msg(
				aic_model_info_find(preset->name, preset->default_model),
				"%s", preset->name);
	}
	ck_assert_uint_ge(n, 18);
	ck_assert_ptr_null(aic_preset_find("nobody"));
	aic_registry_free(registry);
}
END_TEST

START_TEST(test_configured_providers)
{
	struct aic_registry *registry = with(PAIRS(
		"provider.work.base_url", "https://llm.example.com/v1/",
		"provider.work.dialect", "openai-chat", "provider.work.headers",
		"X-Team: red\nX-Other:  1", "provider.work.quirks",
		"max_tokens\nno_sampling", "provider.work.organization", "org",
		"provider.claude.preset", "anthropic", "provider.claude.base_url",
		"http://127.0.0.1:1/v1", "provider.openai.base_url",
		"http://localhost:2/v1", "provider.azure.base_url",
		"https://x.openai.azure.com/", "provider.mistral.quirks", "-choice_any"));
	const struct aic_provider *work = aic_registry_provider(registry, "work");
	const struct aic_provider *claude = aic_registry_provider(registry, "claude");
	const struct aic_provider *azure = aic_registry_provider(registry, "azure");
	const struct aic_provider *mistral = aic_registry_provider(registry, "mistral");

	ck_assert_str_eq(work->base_url, "https://llm.example.com/v1");
	ck_assert_ptr_eq(work->dialect, &aic_dialect_openai_chat);
	ck_assert_int_eq(work->auth, AIC_AUTH_BEARER);
	ck_assert_uint_eq(work->quirks, AIC_QUIRK_MAX_TOKENS | AIC_QUIRK_NO_SAMPLING);
	ck_assert_uint_eq(work->header_count, 3);
	ck_assert_str_eq(work->headers[0], "OpenAI-Organization: org");
	ck_assert_str_eq(work->headers[1], "X-Team: red");
	ck_assert_str_eq(work->headers[2], "X-Other:  1");
	ck_assert(!work->needs_key);

	ck_assert_str_eq(claude->base_url, "http://127.0.0.1:1");
	ck_assert_ptr_eq(claude->dialect, &aic_dialect_anthropic_messages);
	ck_assert_int_eq(claude->auth, AIC_AUTH_X_API_KEY);
	ck_assert_ptr_null(claude->key_variable);

	/* Another place than the preset's may do without a key. */
	ck_assert(!aic_registry_provider(registry, "openai")->needs_key);
	ck_assert_str_eq(azure->base_url, "https://x.openai.azure.com/openai/v1");
	ck_assert_uint_eq(mistral->quirks & AIC_QUIRK_CHOICE_ANY, 0);
	ck_assert_uint_ne(mistral->quirks & AIC_QUIRK_MAX_TOKENS, 0);
	aic_registry_free(registry);
}
END_TEST

START_TEST(test_configuration_that_makes_no_sense)
{
	expect_broken(PAIRS("provider.work.base_url", "https://x/v1"),
		      "provider.work.dialect");
	expect_broken(PAIRS("provider.work.dialect", "openai-chat"),
		      "base_url is not set");
	expect_broken(PAIRS("provider.work.preset", "nobody"),
		      "no built-in provider nobody");
	expect_broken(PAIRS("provider.openai.dialect", "latin"), "no dialect latin");
	expect_broken(PAIRS("provider.openai.quirks", "no_such"), "there is no no_such");
}
END_TEST

START_TEST(test_names)
{
	struct aic_registry *registry = with(
		PAIRS("alias.fast", "gpt-4o-mini", "alias.best", "claude", "alias.claude",
		      "anthropic/claude-opus-5", "alias.gpt-4o", "gpt-4o", "alias.a", "b",
		      "alias.b", "a", "provider.work.base_url", "http://127.0.0.1:1/v1",
		      "provider.work.dialect", "openai-chat"));

	expect_name(registry, "openai/gpt-4o", "openai", "gpt-4o");
	expect_name(registry, "openai/not-in-the-catalog", "openai",
		    "not-in-the-catalog");
	expect_name(registry, "work/any/thing", "work", "any/thing");
	expect_name(registry, "openrouter/meta-llama/llama-3.3", "openrouter",
		    "meta-llama/llama-3.3");
	expect_name(registry, "gpt-4o", "openai", "gpt-4o");
	expect_name(registry, "gpt-4o-mini-2024-07-18", "openai",
		    "gpt-4o-mini-2024-07-18");
	expect_name(registry, "claude-sonnet-4-5-20250929", "anthropic",
		    "claude-sonnet-4-5-20250929");
	expect_name(registry, "gpt-6.9-future", "openai", "gpt-6.9-future");
	expect_name(registry, "fast", "openai", "gpt-4o-mini");
	expect_name(registry, "best", "anthropic", "claude-opus-5");
	expect_name(registry, "echo", "echo", "echo");
	/* Of those who serve others' models, only the full name says which. */
	expect_name(registry, "meta-llama/Llama-3.3-70B-Instruct-Turbo", "together",
		    "meta-llama/Llama-3.3-70B-Instruct-Turbo");

	expect_no_name(registry, "gpt-4o-minj", "did you mean gpt-4o-mini");
	expect_no_name(registry, "zzzzzzzzzz", "PROVIDER/MODEL works");
	expect_no_name(registry, "opnai/gpt-4o", "did you mean openai");
	expect_no_name(registry, "work", "no default model");
	expect_no_name(registry, "a", "circle");
	expect_no_name(registry, "", "no model");
	expect_no_name(registry, "/x", "no model");
	expect_no_name(registry, "openai/", "no model");
	aic_registry_free(registry);
}
END_TEST

START_TEST(test_several_who_serve_it)
{
	struct aic_registry *registry = with(PAIRS(NULL));
	const struct aic_model_info *a;
	const struct aic_model_info *b;
	size_t found = 0;

	/* Whatever the catalog holds: a name is one thing, its maker's, or an error. */
	for (size_t i = 0; (a = aic_model_info_at(i)); i++) {
		struct aic_target target = { 0 };
		if (strchr(a->name, '/'))
			continue; /* may begin like PROVIDER/MODEL */
		bool twice = false;
		bool maker = aic_preset_find(a->provider)->maker;
		for (size_t k = 0; (b = aic_model_info_at(k)); k++)
			if (i != k && strcmp(a->name, b->name) == 0) {
				twice = true;
				maker = maker || aic_preset_find(b->provider)->maker;
			}
		int result = aic_target_resolve(registry, a->name, &target, NULL);
		ck_assert_int_eq(result, twice && !maker ? AICHAT_EMODEL : 0);
		aic_target_done(&target);
		found++;
	}
	ck_assert_uint_ge(found, 60);
	aic_registry_free(registry);
}
END_TEST

START_TEST(test_catalog)
{
	const struct aic_model_info *info;

	for (size_t n = 0; (info = aic_model_info_at(n)); n++) {
		ck_assert_ptr_nonnull(aic_preset_find(info->provider));
		/* Every row can be reached, so no two are alike. */
		ck_assert_ptr_eq(aic_model_info_find(info->provider, info->name), info);
		ck_assert_int_eq(info->priced_on == NULL, info->input_price < 0);
		ck_assert(!info->family);
		if (info->priced_on)
			ck_assert_uint_eq(strlen(info->priced_on), 10);
		if (strcmp(info->provider, "echo") != 0 && info->input_price >= 0)
			ck_assert_int_ge(info->output_price, info->input_price);
	}
	info = aic_model_info_find("openai", "gpt-5.4-2026-03-05");
	ck_assert_str_eq(info->name, "gpt-5.4");
	info = aic_model_info_find("openai", "gpt-5.4-something");
	ck_assert(info->family);
	ck_assert_str_eq(info->name, "gpt-5.4");
	ck_assert_uint_ne(info->quirks & AIC_QUIRK_EFFORT_NONE_WITH_TOOLS, 0);
	ck_assert_int_eq(info->input_price, -1);
	info = aic_model_info_find("openai", "gpt-4o-2024-11-20");
	ck_assert_str_eq(info->name, "gpt-4o");
	ck_assert_int_eq(info->input_price, 2500);
	ck_assert_ptr_null(aic_model_info_find("openai", "claude-opus-5"));
	ck_assert_ptr_null(aic_model_info_find("ollama", "gpt-4o"));
}
END_TEST

START_TEST(test_profiles)
{
	struct aic_registry *registry = with(PAIRS("provider.anthropic.api_version",
						   "2026-10-21", "provider.my.preset",
						   "mistral"));
	struct aic_target target = { 0 };

	ck_assert_int_eq(aic_target_resolve(registry, "claude-opus-4-8", &target, NULL),
			 0);
	struct aic_profile profile = aic_target_profile(&target);
	ck_assert_str_eq(profile.version, "2026-10-21");
	ck_assert_int_eq(profile.max_tokens, 32000);
	ck_assert_uint_ne(profile.quirks & AIC_QUIRK_THINKING_ADAPTIVE, 0);
	ck_assert_uint_ne(profile.quirks & AIC_QUIRK_NO_PREFILL, 0);
	ck_assert_uint_eq(profile.quirks & AIC_QUIRK_THINKING_BUDGET, 0);
	aic_target_done(&target);

	ck_assert_int_eq(
		aic_target_resolve(registry, "my/mistral-large-2512", &target, NULL), 0);
	profile = aic_target_profile(&target);
	ck_assert_str_eq(profile.provider, "my");
	ck_assert_ptr_null(profile.version);
	ck_assert_uint_eq(profile.id_max, 9);
	ck_assert(profile.id_alnum);
	ck_assert_ptr_nonnull(target.info);
	aic_target_done(&target);
	aic_registry_free(registry);
}
END_TEST

START_TEST(test_keys)
{
	struct aic_registry *registry = with(PAIRS("provider.mistral.api_key", "k",
						   "provider.xai.key_command", "true"));
	static const struct {
		const char *name;
		int code;
		const char *words;
	} cases[] = {
		{ "openai/gpt-4o", AICHAT_EKEY,
		  "OPENAI_API_KEY or provider.openai.api_key" },
		{ "mistral", 0, "" },
		{ "xai", 0, "" },
		{ "ollama/x", 0, "" },
		{ "echo", 0, "" },
		{ "azure/x", AICHAT_ECONFIG, "provider.azure.base_url" },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(cases); i++) {
		struct aic_target target = { 0 };
		aichat_error *error = NULL;
		ck_assert_int_eq(
			aic_target_resolve(registry, cases[i].name, &target, NULL), 0);
		ck_assert_int_eq(aic_target_check_key(&target, &error), cases[i].code);
		ck_assert_ptr_nonnull(
			strstr(aichat_error_message(error), cases[i].words));
		aichat_error_unref(error);
		aic_target_done(&target);
	}
	aic_registry_free(registry);
}
END_TEST

START_TEST(test_cost)
{
	const struct aic_model_info info = {
		.input_price = 1000,
		.cached_price = 100,
		.cache_write_price = -1,
		.output_price = 5000,
		.priced_up_to = 1000,
	};
	struct aic_usage usage = AIC_USAGE_UNKNOWN;

	ck_assert_int_eq(aic_model_cost(&info, &usage), -1);
	usage.input = 10;
	ck_assert_int_eq(aic_model_cost(&info, &usage), -1);
	usage.output = 2;
	ck_assert_int_eq(aic_model_cost(&info, &usage), 20000);
	usage.cached = 4;
	ck_assert_int_eq(aic_model_cost(&info, &usage), 16400);
	usage.cache_write = 1; /* at a price that is not known */
	ck_assert_int_eq(aic_model_cost(&info, &usage), -1);
	usage.cache_write = 0;
	usage.input = 1001; /* longer than the prices reach */
	ck_assert_int_eq(aic_model_cost(&info, &usage), -1);
	usage.input = INT64_MAX / 100;
	ck_assert_int_eq(
		aic_model_cost(&(struct aic_model_info){ .input_price = 1000 }, &usage),
		-1);
	ck_assert_int_eq(aic_model_cost(NULL, &usage), -1);
}
END_TEST

START_TEST(test_choice)
{
	aichat_options *options = aichat_options_new();
	static const struct {
		const char *option, *value, *chosen;
	} steps[] = {
		{ "provider.groq.api_key", "k", "groq/openai/gpt-oss-120b" },
		{ "provider.anthropic.api_key", "k", "anthropic/claude-sonnet-5-5" },
		{ "provider.openai.key_command", "true", "openai/gpt-6-sol" },
		{ "model", "claude-opus-5", "anthropic/claude-opus-5" },
		{ "model", "work/x", NULL },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(steps); i++) {
		struct aic_registry *registry = NULL;
		char *name = NULL;
		ck_assert_int_eq(aichat_options_set(options, steps[i].option,
						    steps[i].value, -1, NULL),
				 0);
		ck_assert_int_eq(aic_registry_new(options, &registry, NULL), 0);
		int result = aic_model_choose(registry, options, &name, NULL);
		ck_assert_int_eq(result, steps[i].chosen ? 0 : AICHAT_EMODEL);
		if (steps[i].chosen)
			ck_assert_str_eq(name, steps[i].chosen);
		aic_free(name);
		aic_registry_free(registry);
	}
	aichat_options_free(options);
}
END_TEST

#ifdef AIC_TEST_HOOKS
START_TEST(test_out_of_memory)
{
	aichat_options *options = aichat_options_new();
	uint64_t failures = 0;

	ck_assert_int_eq(aichat_options_set(options, "alias.x", "gpt-4o", -1, NULL), 0);
	ck_assert_int_eq(
		aichat_options_set(options, "provider.work.preset", "openai", -1, NULL),
		0);
	ck_assert_int_eq(
		aichat_options_set(options, "provider.work.headers", "A: b", -1, NULL),
		0);
	for (uint64_t n = 1;; n++) {
		struct aic_registry *registry = NULL;
		struct aic_target target = { 0 };
		aichat_error *error = NULL;
		aic_mem_fail_at(n, n % 2);
		int result = aic_registry_new(options, &registry, &error);
		if (!result)
			result = aic_target_resolve(registry, "x", &target, &error);
		bool finished = aic_mem_count() < n;
		aic_mem_fail_at(0, false);
		aichat_error_unref(error);
		aic_target_done(&target);
		aic_registry_free(registry);
		if (finished) {
			ck_assert_int_eq(result, 0);
			break;
		}
		ck_assert_int_eq(result, AICHAT_ENOMEM);
		failures++;
	}
	ck_assert_uint_gt(failures, 50);
	aichat_options_free(options);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *tests = tcase_create("names");

	tcase_add_test(tests, test_every_preset);
	tcase_add_test(tests, test_configured_providers);
	tcase_add_test(tests, test_configuration_that_makes_no_sense);
	tcase_add_test(tests, test_names);
	tcase_add_test(tests, test_several_who_serve_it);
	tcase_add_test(tests, test_catalog);
	tcase_add_test(tests, test_profiles);
	tcase_add_test(tests, test_keys);
	tcase_add_test(tests, test_cost);
	tcase_add_test(tests, test_choice);
#ifdef AIC_TEST_HOOKS
	tcase_add_test(tests, test_out_of_memory);
#endif
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
