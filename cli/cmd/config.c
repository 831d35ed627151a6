/* `aichat config`: the options in force and where each comes from. No secret is shown. */

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_secret(const char *name)
{
	/* Headers may carry anything. */
	return ends_with(name, ".api_key") || ends_with(name, ".headers");
}

/* What stands before the host in a URL is a name and a password. */
static char *without_password(const char *value)
{
	const char *host = strstr(value, "://");
	char *shown = NULL;

	if (!host)
		return strdup(value);
	host += 3;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	if (!at)
		return strdup(value);
	if (asprintf(&shown, "%.*s***%s", (int)(host - value), value, at) < 0)
		return NULL;
	return shown;
}

static void print_option(struct app *app, const char *name)
{
	const char *origin = aichat_options_origin(app->options, name);
	const char *value = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *where = NULL;
	CLEANUP(freep) char *shown = NULL;

	aichat_options_get(app->options, name, &value);
	bool secret = is_secret(name);
	if (!secret)
		shown = value ? without_password(value) : NULL;
	const char *said = secret  ? (value && *value ? "set" : "unset")
			   : value ? (shown ? shown : "")
				   : "unset";
	if (asprintf(&text, "%s = %s", name, said) < 0)
		text = NULL;
	if (asprintf(&where, "(%s)", value && origin ? origin : "default") < 0)
		where = NULL;
	const struct field fields[] = {
		{ .name = "name", .text = text, .width = 48, .value = name },
		{ .name = "value", .value = secret ? NULL : shown },
		{ .name = "set",
		  .type = FIELD_BOOL,
		  .number = aichat_options_get(app->options, name, &value) == 1 },
		{ .name = "origin", .text = where, .value = origin },
	};
	app->printer->row(app, fields, sizeof(fields) / sizeof(*fields));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The file as aichat_options_load() looks for it. */
static char *config_path(const struct app *app)
{
	const char *named = args_value(&app->args, 'F');
	const char *folder = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	const struct passwd *user = home && *home ? NULL : getpwuid(getuid());
	char *path = NULL;
	int len = -1;

	if (!named)
		named = getenv("AICHAT_CONFIG");
	if (named && *named)
		return strdup(named);
	if (user)
		home = user->pw_dir;
	if (folder && *folder == '/')
		len = asprintf(&path, "%s/aichat/aichat.conf", folder);
	else if (home && *home)
		len = asprintf(&path, "%s/.config/aichat/aichat.conf", home);
	return len < 0 ? NULL : path;
}

static void print_paths(struct app *app)
{
	CLEANUP(freep) char *path = config_path(app);
	bool is_there = path && access(path, F_OK) == 0;

	if (app->printer == &print_json) {
		const struct field fields[] = {
			{ .name = "config_file", .value = path },
			{ .name = "exists", .type = FIELD_BOOL, .number = is_there },
		};
		app->printer->row(app, fields, sizeof(fields) / sizeof(*fields));
		return;
	}
	out_printf(&app->out, "# configuration file: %s%s\n", path ? path : "none",
		   is_there ? "" : " (not there)");
}

static int run(struct app *app)
{
	const char **names = NULL;
	size_t count = 0, room = 0;
	const char *name;

	if (app->args.word_count)
		return app_usage(app, "`config` takes no words");
	int status = app_configure(app);
	if (status != STATUS_OK)
		return status;
	print_paths(app);
	/* All of the table, and what is set under names of the user's choosing. */
	while (aichat_option_name(room))
		room++;
	for (size_t i = 0; aichat_options_name(app->options, i); i++)
		room++;
	names = calloc(room + 1, sizeof(*names));
	if (!names)
		return app_nomem(app);
	for (size_t i = 0; (name = aichat_option_name(i)); i++)
		if (!strstr(name, "NAME"))
			names[count++] = name;
	for (size_t i = 0; (name = aichat_options_name(app->options, i)); i++)
		if (strchr(name, '.'))
			names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++)
		print_option(app, names[i]);
	free(names);
	return STATUS_OK;
}

const struct command command_config = {
	.name = "config",
	.arguments = "",
	.summary = "show the options in force and where each comes from",
	.takes = "J",
	.about = "Keys are shown as set or unset only.\n",
	.run = run,
};
