/*
 * From the command line to an open context: options, the model, conversations and their
 * ids, and what the library's errors mean for the exit status.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* --- cleanup --- */

void error_unrefp(aichat_error **error)
{
	aichat_error_unref(*error);
}

void conversation_unrefp(aichat_conversation **conversation)
{
	aichat_conversation_unref(*conversation);
}

void reply_unrefp(aichat_reply **reply)
{
	aichat_reply_unref(*reply);
}

void messages_unrefp(aichat_messages **messages)
{
	aichat_messages_unref(*messages);
}

void freep(void *pointer)
{
	free(*(void **)pointer);
}

void aichat_freep(void *pointer)
{
	aichat_free(*(void **)pointer);
}

/* --- failing --- */

int app_status(int code)
{
	/* -40 to -59 are the provider's and the network's. */
	return code <= AICHAT_ENETWORK && code > -60 ? STATUS_PROVIDER : STATUS_FAILED;
}

int app_fail(struct app *app, const aichat_error *error)
{
	app_say(app, "%s", aichat_error_message(error));
	return app_status(aichat_error_code(error));
}

int app_nomem(struct app *app)
{
	app_say(app, "%s", aichat_error_text(AICHAT_ENOMEM));
	return STATUS_FAILED;
}

/* --- options --- */

/*
 * The log of any thread: one write for each line. What goes wrong once the context is
 * open is an error that the caller gets, too; saying it once is enough.
 */
static void on_log(void *user, int level, const char *message)
{
	static const char *const names[] = { "", "error", "warning", "info", "debug" };
	const struct app *app = user;
	char *text = NULL;

	if (app->ai && !args_has(&app->args, 'v'))
		return;
	char *line = term_line(message, 4000);
	int len = asprintf(&text, "aichat: %s: %s\n",
			   level >= 1 && level <= 4 ? names[level] : "log",
			   line ? line : message);
	if (len > 0) {
		struct out out = { .fd = app->err.fd };
		out_raw(&out, text, (size_t)len);
	}
	free(line);
	if (len >= 0)
		free(text);
}

static int log_level(const struct args *args)
{
	if (args->counts['v'])
		return args->counts['v'] > 1 ? AICHAT_LOG_DEBUG : AICHAT_LOG_INFO;
	return args_has(args, 'q') ? AICHAT_LOG_ERROR : AICHAT_LOG_WARNING;
}

static int set_option(struct app *app, const char *name, const char *value)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;

	if (aichat_options_set(app->options, name, value, -1, &error) == 0)
		return STATUS_OK;
	if (aichat_error_code(error) == AICHAT_ENOMEM)
		return app_nomem(app);
	return app_usage(app, "%s", aichat_error_message(error));
}

static int set_settings(struct app *app)
{
	for (size_t i = 0; i < app->args.setting_count; i++) {
		const char *setting = app->args.settings[i];
		size_t len = strcspn(setting, "=");
		if (!setting[len])
			return app_usage(app, "-o %s: KEY=VALUE is needed", setting);
		char *name = strndup(setting, len);
		int status = name ? set_option(app, name, setting + len + 1)
				  : app_nomem(app);
		free(name);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

int app_configure(struct app *app)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	const char *store = args_value(&app->args, 'S');
	int status;

	app->options = aichat_options_new();
	app->ask = aichat_options_new();
	if (!app->options || !app->ask)
		return app_nomem(app);
	aichat_options_set_log(app->options, on_log, app, log_level(&app->args));
	if (args_has(&app->args, 'n') && store)
		return app_usage(app,
				 "-n keeps nothing, so --store makes no sense with it");
	if (args_has(&app->args, 'n'))
		store = "memory:";
	if ((status = set_settings(app)) != STATUS_OK ||
	    (store && (status = set_option(app, "store", store)) != STATUS_OK))
		return status;
	if (aichat_options_load(app->options, args_value(&app->args, 'F'), &error) < 0)
		return app_fail(app, error);
	return STATUS_OK;
}

int app_open(struct app *app, bool in_memory)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	int status = app_configure(app);

	if (status == STATUS_OK && in_memory)
		status = set_option(app, "store", "memory:");
	if (status != STATUS_OK)
		return status;
	if (aichat_open(app->options, &app->ai, &error) < 0)
		return app_fail(app, error);
	return STATUS_OK;
}

/*
 * The model of those conversations that say nothing of one. It has to be among the
 * options of the context, because what a conversation says must win; so a context of its
 * own is asked, which has no store.
 */
static int choose_model(struct app *app)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(aichat_freep) char *name = NULL;
	CLEANUP(freep) char *store = NULL;
	const char *value = NULL;
	aichat *probe = NULL;

	if (args_has(&app->args, 'm') ||
	    aichat_options_get(app->options, "model", &value) == 1)
		return STATUS_OK;
	aichat_options_get(app->options, "store", &value);
	store = strdup(value ? value : "memory:");
	if (!store)
		return app_nomem(app);
	int status = set_option(app, "store", "memory:");
	if (status != STATUS_OK)
		return status;
	int rc = aichat_open(app->options, &probe, &error);
	if (rc == 0)
		rc = aichat_model_choose(probe, &name, &error);
	aichat_close(probe);
	if (rc < 0)
		return app_fail(app, error);
	app->fell_back = strcmp(name, "echo/echo") == 0;
	status = set_option(app, "store", store);
	return status == STATUS_OK ? set_option(app, "model", name) : status;
}

/*
 * Options of -o count for this question even where the conversation has its own. Which of
 * them a question takes, a new conversation tells, which is not stored.
 */
static int fill_ask(struct app *app)
{
	const char *model = args_value(&app->args, 'm');

	for (size_t i = 0; i < app->args.setting_count; i++) {
		aichat_conversation *conversation = NULL;
		aichat_options *one = aichat_options_new();
		const char *setting = app->args.settings[i];
		size_t len = strcspn(setting, "=");
		CLEANUP(freep) char *name = strndup(setting, len);
		bool ok = one && name;
		if (ok &&
		    aichat_options_set(one, name, setting + len + 1, -1, NULL) == 0 &&
		    aichat_conversation_new(app->ai, one, &conversation, NULL) == 0)
			ok = aichat_options_set(app->ask, name, setting + len + 1, -1,
						NULL) == 0;
		aichat_conversation_unref(conversation);
		aichat_options_free(one);
		if (!ok)
			return app_nomem(app);
	}
	if (model && aichat_options_set(app->ask, "model", model, -1, NULL) < 0)
		return app_usage(app, "-m %s: no model can have this name", model);
	return STATUS_OK;
}

/* The network is got ready while the store is opened, unless nobody asks over it. */
static int prepare_to_send(struct app *app)
{
	const char *model = args_value(&app->args, 'm');

	if (!model)
		aichat_options_get(app->options, "model", &model);
	if (model && strncmp(model, "echo", 4) == 0)
		return STATUS_OK;
	return set_option(app, "prepare_to_send", "true");
}

int app_open_to_ask(struct app *app)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	int status = app_configure(app);

	if (status == STATUS_OK)
		status = choose_model(app);
	if (status == STATUS_OK)
		status = prepare_to_send(app);
	if (status != STATUS_OK)
		return status;
	if (aichat_open(app->options, &app->ai, &error) < 0) {
		app->printer->failure(app, error);
		return app_fail(app, error);
	}
	return fill_ask(app);
}

void app_close(struct app *app)
{
	app->ai = aichat_close(app->ai);
	app->options = aichat_options_free(app->options);
	app->ask = aichat_options_free(app->ask);
}

/* --- conversations --- */

int app_new_conversation(struct app *app, aichat_conversation **ret)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	const char *model = args_value(&app->args, 'm');
	const char *system = args_value(&app->args, 's');
	aichat_options *options = aichat_options_new();

	/* The model that was named stays the conversation's. */
	int rc = options ? 0 : AICHAT_ENOMEM;
	if (rc == 0 && model)
		rc = aichat_options_set(options, "model", model, -1, &error);
	if (rc == 0 && system)
		rc = aichat_options_set(options, "system", system, -1, &error);
	if (rc == 0)
		rc = aichat_conversation_new(app->ai, options, ret, &error);
	aichat_options_free(options);
	if (rc == AICHAT_EINVAL)
		return app_usage(app, "%s", aichat_error_message(error));
	if (rc < 0)
		return error ? app_fail(app, error) : app_nomem(app);
	return STATUS_OK;
}

int app_conversation(struct app *app, const char *id, aichat_conversation **ret)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	aichat_list *list = NULL;
	int rc = 0;

	if (!id) {
		rc = aichat_conversation_list(app->ai, NULL, 1, &list, &error);
		id = rc == 0 ? aichat_list_id(list, 0) : NULL;
	}
	if (id)
		rc = aichat_conversation_open(app->ai, id, ret, &error);
	aichat_list_unref(list);
	if (rc < 0)
		return app_fail(app, error);
	if (*ret)
		return STATUS_OK;
	app_say(app, "there is no conversation yet; begin one with: aichat PROMPT");
	return STATUS_FAILED;
}

void app_short_id(struct app *app, const char *id, char text[37])
{
	/* Ids of one minute share their first eight characters; cut at the dashes. */
	static const int lengths[] = { 8, 13, 18, 23 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		aichat_conversation *found = NULL;
		snprintf(text, 37, "%.*s", lengths[i], id);
		int rc = aichat_conversation_open(app->ai, text, &found, NULL);
		aichat_conversation_unref(found);
		if (rc == 0)
			return;
	}
	snprintf(text, 37, "%s", id);
}
