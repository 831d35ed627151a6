/*
 * Command line and settings.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define SPARE_WORKERS 32 /* beyond the connections: they turn others away */

/* ---- the command line ---- */

static bool problem(struct args *args, const char *what, const char *argument)
{
	snprintf(args->problem, sizeof(args->problem), "%s%s%.180s", what,
		 *argument ? " " : "", argument);
	return false;
}

/* `--name VALUE` or `--name=VALUE`: whether it is the one at *at, which moves on. */
static bool take_value(const char *name, int argc, char **argv, int *at,
		       const char **ret_value)
{
	size_t len = strlen(name);

	if (strncmp(argv[*at], name, len) != 0)
		return false;
	if (argv[*at][len] == '=' && name[1] == '-') {
		*ret_value = argv[*at] + len + 1;
		return true;
	}
	if (argv[*at][len] != '\0')
		return false;
	*ret_value = *at + 1 < argc ? argv[++*at] : NULL;
	return true;
}

static bool read_option(struct args *args, int argc, char **argv, int *at)
{
	const char *option = argv[*at];
	const char *value = NULL;

	if (strcmp(option, "-h") == 0 || strcmp(option, "--help") == 0) {
		args->help = true;
		return true;
	}
	if (strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0) {
		args->version = true;
		return true;
	}
	if (take_value("--config", argc, argv, at, &value))
		args->config = value;
	else if (take_value("--store", argc, argv, at, &value))
		args->store = value;
	else if (take_value("--listen", argc, argv, at, &value))
		args->listen = value;
	else if (take_value("-o", argc, argv, at, &value) ||
		 take_value("--option", argc, argv, at, &value)) {
		if (args->setting_count == 64)
			return problem(args, "-o is given more than 64 times", "");
		args->settings[args->setting_count++] = value;
	} else {
		return problem(args, "there is no option", option);
	}
	return value ? true : problem(args, "a value is missing after", option);
}

bool args_read(struct args *args, int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		if (!read_option(args, argc, argv, &at))
			return false;
	}
	args->words = argv + at;
	args->word_count = argc - at;
	return true;
}

void args_print_help(void)
{
	fputs("Usage: aichatd [OPTION...]\n"
	      "       aichatd [OPTION...] user|key|audit COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Serves conversations with language models, and the interfaces of OpenAI "
	      "and\nAnthropic, over HTTP. The first start makes the store and a key for "
	      "you.\n"
	      "\n"
	      "      --listen HOST:PORT  where to listen (server.listen)\n"
	      "      --store URL         where everything is kept (store)\n"
	      "      --config FILE       read this configuration file\n"
	      "  -o, --option KEY=VALUE  set an option of the library or the server\n"
	      "  -h, --help              show this\n"
	      "  -V, --version           show the version\n"
	      "\n"
	      "Options of the section `server` of the configuration file:\n",
	      stdout);
	const char *name;
	for (size_t i = 0; (name = aichat_option_name(i)); i++) {
		if (strncmp(name, "server.", 7) != 0)
			continue;
		const char *standard = aichat_option_default(i);
		printf("  %-32s %s%s%s%s\n", name, aichat_option_help(i),
		       standard && *standard ? " (" : "",
		       standard && *standard ? standard : "",
		       standard && *standard ? ")" : "");
	}
}

static int set_text(aichat_options *options, const char *setting, aichat_error **reterr)
{
	const char *equals = strchr(setting, '=');
	char *name = NULL;
	int rc;

	if (!equals)
		return aichat_options_set(options, setting, "", -1, reterr);
	name = strndup(setting, (size_t)(equals - setting));
	if (!name)
		return AICHAT_ENOMEM;
	rc = aichat_options_set(options, name, equals + 1, -1, reterr);
	free(name);
	return rc;
}

int options_read(const struct args *args, aichat_options *options, aichat_error **reterr)
{
	int rc = 0;

	/* The environment and the file then fill in what is not set. */
	for (int i = 0; rc == 0 && i < args->setting_count; i++)
		rc = set_text(options, args->settings[i], reterr);
	if (rc == 0 && args->store)
		rc = aichat_options_set(options, "store", args->store, -1, reterr);
	if (rc == 0 && args->listen)
		rc = aichat_options_set(options, "server.listen", args->listen, -1,
					reterr);
	return rc < 0 ? rc : aichat_options_load(options, args->config, reterr);
}

/* ---- settings ---- */

static const char *text_of(const aichat_options *options, const char *name)
{
	const char *value = NULL;

	aichat_options_get(options, name, &value);
	return value ? value : "";
}

static int64_t number_of(const aichat_options *options, const char *name)
{
	return strtoll(text_of(options, name), NULL, 10);
}

/* The lines of a list, cut in one block of memory behind the pointers. */
static const char *const *list_of(const aichat_options *options, const char *name)
{
	const char *text = text_of(options, name);
	size_t count = 1;

	for (const char *c = text; *c; c++)
		count += *c == '\n';
	char **list = calloc(1, (count + 1) * sizeof(*list) + strlen(text) + 1);
	if (!list)
		return NULL;
	char *at = (char *)(list + count + 1);
	memcpy(at, text, strlen(text));
	size_t n = 0;
	while (*at) {
		size_t len = strcspn(at, "\n");
		bool more = at[len] != '\0';
		at[len] = '\0';
		if (len)
			list[n++] = at;
		at += len + more;
	}
	return (const char *const *)list;
}

int settings_read(const aichat_options *options, struct settings *settings,
		  char error[256])
{
	struct settings *s = settings;

	s->listen = text_of(options, "server.listen");
	s->admin_listen = text_of(options, "server.admin_listen");
	if (strcmp(s->admin_listen, "none") == 0)
		s->admin_listen = "";
	s->hosts = list_of(options, "server.hosts");
	s->origins = list_of(options, "server.origins");
	s->proxies = list_of(options, "server.proxies");
	s->connections = (int)number_of(options, "server.connections");
	s->streams = (int)number_of(options, "server.streams");
	s->workers = s->connections + SPARE_WORKERS;
	s->connections_per_ip = (int)number_of(options, "server.connections_per_ip");
	s->max_body_bytes = number_of(options, "server.max_body_bytes");
	s->header_timeout_ms = number_of(options, "server.header_timeout_ms");
	s->idle_timeout_ms = number_of(options, "server.idle_timeout_ms");
	s->body_timeout_ms = number_of(options, "server.body_timeout_ms");
	s->write_timeout_ms = number_of(options, "server.write_timeout_ms");
	s->min_body_rate = number_of(options, "server.min_body_rate");
	s->min_free_bytes = number_of(options, "server.min_free_bytes");
	s->drain_ms = number_of(options, "server.drain_ms");
	s->heartbeat_ms = number_of(options, "server.heartbeat_ms");
	s->kept_answer_bytes = number_of(options, "server.kept_answer_bytes");
	s->detached_per_user = (int)number_of(options, "server.detached_per_user");
	s->detached_ms = number_of(options, "server.detached_ms");
	s->requests_per_minute = number_of(options, "server.requests_per_minute");
	s->tokens_per_minute = number_of(options, "server.tokens_per_minute");
	s->concurrent_replies = number_of(options, "server.concurrent_replies");
	s->user_requests_per_minute = number_of(options,
						"server.user_requests_per_minute");
	s->user_tokens_per_minute = number_of(options, "server.user_tokens_per_minute");
	s->user_concurrent_replies = number_of(options, "server.user_concurrent_replies");
	if (!s->hosts || !s->origins || !s->proxies) {
		snprintf(error, 256, "out of memory");
		return -1;
	}
	/* A plain request always finds a connection that no stream holds. */
	if (s->streams >= s->connections)
		s->streams = s->connections > 1 ? s->connections - 1 : 1;
	s->user_streams = (int)number_of(options, "server.user_streams");
	for (const char *const *proxy = s->proxies; *proxy; proxy++) {
		struct in_addr address;
		if (inet_pton(AF_INET, *proxy, &address) == 1)
			continue;
		snprintf(error, 256, "server.proxies: %.100s is not an IPv4 address",
			 *proxy);
		return -1;
	}
	return 0;
}

static void free_list(const char *const *list)
{
	free((void *)(uintptr_t)list);
}

void settings_done(struct settings *settings)
{
	free_list(settings->hosts);
	free_list(settings->origins);
	free_list(settings->proxies);
}
