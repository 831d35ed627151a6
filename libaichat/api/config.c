/*
 * The user's configuration: the file, read with libconfuse, and the environment. The only
 * place that reads either, and only when aichat_options_load() asks for it.
 *
 * libconfuse hands no argument through its callbacks and its scanner has state of its
 * own, so one file is read at a time (load_lock).
 */

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <confuse.h>

#include <aichat/options.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/options.h"
#include "provider/preset.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define PATH_BYTES_MAX ((size_t)4096)
#define OPTIONS_MAX 96
#define PROVIDER_PREFIX "provider.NAME."
#define SERVER_PREFIX "server."

/* The file that is being read. Guarded by load_lock. */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	const char *path;
	struct aichat_options *options; /* what it says */
	aichat_error *error;            /* the first thing wrong with it */
	aichat_error *doubt;            /* what is wrong if it cannot be parsed */
} load;

/* ---- paths ---- */

static const char *home_folder(struct aic_buf *buf)
{
	const char *home = getenv("HOME");
	struct passwd entry;
	struct passwd *found = NULL;
	char text[1024];

	if (home && *home)
		aic_buf_puts(buf, home);
	else if (getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 && found)
		aic_buf_puts(buf, found->pw_dir);
	return buf->len ? buf->data : NULL;
}

/* A file of ours in one of the XDG folders (XDG Base Directory Specification 0.8). */
static char *xdg_path(const char *variable, const char *below_home, const char *name)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf path = aic_buf(PATH_BYTES_MAX);
	const char *folder = getenv(variable);

	if (folder && *folder == '/') /* the specification wants others ignored */
		aic_buf_puts(&path, folder);
	else if (home_folder(&path))
		aic_buf_puts(&path, below_home);
	else
		return NULL;
	aic_buf_printf(&path, "/aichat/%s", name);
	return aic_buf_take(&path, NULL);
}

/* ---- the file ---- */

static AIC_PRINTF(2, 0) void fail_at(int line, const char *format, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, args);
	if (!load.error)
		aic_error_set(&load.error, AICHAT_ECONFIG, "%s:%d: %s", load.path, line,
			      text);
}

/*
 * libconfuse 3.3 complains of each name in a section with free names, and takes it all
 * the same. So what it says there counts only when it then gives up.
 */
static AIC_PRINTF(2, 0) void on_error(cfg_t *cfg, const char *format, va_list args)
{
	aichat_error *before = AIC_TAKE(load.error);

	fail_at(cfg->line, format, args);
	if (cfg->flags & CFGF_KEYSTRVAL) {
		aichat_error_unref(load.doubt);
		load.doubt = AIC_TAKE(load.error);
	}
	if (before) {
		aichat_error_unref(load.error);
		load.error = before;
	}
}

/* The option's name in the table, from where it stands in the file. */
static int full_name(cfg_t *cfg, cfg_opt_t *opt, struct aic_buf *name)
{
	if (aic_streq(cfg->name, "provider"))
		return aic_buf_printf(name, "provider.%s.%s", cfg_title(cfg), opt->name);
	if (aic_streq(cfg->name, "server"))
		return aic_buf_printf(name, SERVER_PREFIX "%s", opt->name);
	if (aic_streq(cfg->name, "alias"))
		return aic_buf_printf(name, "alias.%s", cfg_title(cfg));
	if (aic_streq(cfg->name, "body"))
		return aic_buf_printf(name, "body.%s", opt->name);
	return aic_buf_puts(name, opt->name);
}

/* A value was read: all there are of a list so far, one a line. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf name = aic_buf(256);
	AIC_CLEANUP(aic_buf_done) struct aic_buf value = aic_buf(AIC_OPTION_VALUE_MAX);
	AIC_CLEANUP(aic_buf_done) struct aic_buf origin = aic_buf(PATH_BYTES_MAX + 32);
	aichat_error *error = NULL;

	full_name(cfg, opt, &name);
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		if (i)
			aic_buf_putc(&value, '\n');
		aic_buf_puts(&value, cfg_opt_getnstr(opt, i));
	}
	aic_buf_printf(&origin, "%s:%d", load.path, cfg->line);
	int rc = name.error ? name.error : value.error ? value.error : origin.error;
	if (rc < 0)
		rc = aic_error_code(&error, rc, name.data ? name.data : "an option");
	else
		rc = aic_options_set(load.options, name.data, aic_buf_str(&value),
				     origin.data, false, &error);
	if (rc == 0)
		return 0;
	if (!load.error)
		aic_error_set(
			&load.error, rc == AICHAT_ENOMEM ? AICHAT_ENOMEM : AICHAT_ECONFIG,
			"%s:%d: %s", load.path, cfg->line, aichat_error_message(error));
	aichat_error_unref(error);
	return -1;
}

static cfg_opt_t option_of(const char *name, bool list)
{
	cfg_opt_t one = CFG_STR(name, NULL, CFGF_NODEFAULT);
	cfg_opt_t many = CFG_STR_LIST(name, NULL, CFGF_NODEFAULT);

	return list ? many : one;
}

static void add_option(cfg_opt_t *list, size_t *count, cfg_opt_t option)
{
	option.validcb = on_value;
	if (*count + 1 < OPTIONS_MAX)
		list[(*count)++] = option;
}

/* libconfuse's view of the one option table. */
static void fill_options(cfg_opt_t *top, cfg_opt_t *provider, cfg_opt_t *server,
			 cfg_opt_t *alias)
{
	static cfg_opt_t nothing[] = { CFG_END() };
	const cfg_opt_t end = CFG_END();
	size_t tops = 0;
	size_t providers = 0;
	size_t servers = 0;
	size_t aliases = 0;
	const char *name;

	for (size_t i = 0; (name = aichat_option_name(i)); i++) {
		bool list = aichat_option_type(i) == AICHAT_OPTION_LIST;
		if (strncmp(name, PROVIDER_PREFIX, strlen(PROVIDER_PREFIX)) == 0)
			add_option(provider, &providers,
				   option_of(name + strlen(PROVIDER_PREFIX), list));
		else if (strncmp(name, SERVER_PREFIX, strlen(SERVER_PREFIX)) == 0)
			add_option(server, &servers,
				   option_of(name + strlen(SERVER_PREFIX), list));
		else if (!strchr(name, '.'))
			add_option(top, &tops, option_of(name, list));
	}
	add_option(alias, &aliases, option_of("model", false));
	provider[providers] = server[servers] = alias[aliases] = end;

	cfg_opt_t provider_section = CFG_SEC("provider", provider,
					     CFGF_MULTI | CFGF_TITLE);
	cfg_opt_t server_section = CFG_SEC("server", server, CFGF_NONE);
	cfg_opt_t alias_section = CFG_SEC("alias", alias, CFGF_MULTI | CFGF_TITLE);
	cfg_opt_t body_section = CFG_SEC("body", nothing, CFGF_KEYSTRVAL);
	top[tops++] = provider_section;
	top[tops++] = server_section;
	top[tops++] = alias_section;
	top[tops++] = body_section;
	top[tops] = end;
}

/*
 * Blank the comments. libconfuse knows them, but counts their lines wrongly, and lines
 * are what an error is about. It also takes a section that never ends: the line of its
 * brace is what this returns, 0 for none.
 */
static int blank_comments(char *text)
{
	char quote = '\0';
	int line = 1;
	int depth = 0;
	int opened = 0;

	for (char *c = text; *c; c++) {
		line += *c == '\n';
		if (quote) {
			if (*c == '\\' && c[1])
				c++;
			else if (*c == quote)
				quote = '\0';
		} else if (*c == '"' || *c == '\'') {
			quote = *c;
		} else if (*c == '{') {
			opened = depth++ ? opened : line;
		} else if (*c == '}') {
			depth -= depth > 0;
		} else if (*c == '#' || (*c == '/' && c[1] == '/')) {
			for (; *c && *c != '\n'; c++)
				*c = ' ';
			c--;
		} else if (*c == '/' && c[1] == '*') {
			const char *end = strstr(c + 2, "*/");
			for (; *c && (!end || c < end + 2); c++) {
				line += *c == '\n';
				if (*c != '\n')
					*c = ' ';
			}
			c--;
		}
	}
	return depth ? opened : 0;
}

/* The free members of `body { }`. */
static int take_body(cfg_t *cfg)
{
	cfg_t *body = cfg_getsec(cfg, "body");

	for (unsigned i = 0; body && i < cfg_num(body); i++) {
		cfg_opt_t *opt = cfg_getnopt(body, i);
		if (opt && cfg_opt_size(opt) && on_value(body, opt) < 0)
			return -1;
	}
	return 0;
}

static int parse_file(char *text, size_t len)
{
	cfg_opt_t top[OPTIONS_MAX + 5];
	cfg_opt_t provider[OPTIONS_MAX];
	cfg_opt_t server[OPTIONS_MAX];
	cfg_opt_t alias[4];

	fill_options(top, provider, server, alias);
	int unclosed = blank_comments(text);
	cfg_t *cfg = cfg_init(top, CFGF_NONE);
	FILE *stream = cfg && len ? fmemopen(text, len, "r") : NULL;
	int rc = cfg && (stream || !len) ? 0 : AICHAT_ENOMEM;
	if (rc == 0) {
		cfg_set_error_function(cfg, on_error);
		rc = stream ? cfg_parse_fp(cfg, stream) : CFG_SUCCESS;
		if (unclosed && !load.error)
			rc = aic_error_set(&load.error, AICHAT_ECONFIG,
					   "%s:%d: the brace is never closed", load.path,
					   unclosed);
		if (rc == CFG_SUCCESS)
			rc = take_body(cfg);
		if (rc != CFG_SUCCESS && !load.error)
			load.error = AIC_TAKE(load.doubt);
		if (rc != CFG_SUCCESS && !load.error)
			aic_error_set(&load.error, AICHAT_ECONFIG,
				      "%s: cannot be understood", load.path);
	}
	if (stream)
		fclose(stream);
	if (cfg)
		cfg_free(cfg);
	return load.error ? aichat_error_code(load.error) : rc;
}

/* Keys in a file that others may read are no secret any more. */
static void warn_of_readers(const struct aichat_options *options, const char *path)
{
	struct stat status;
	size_t count = aic_options_count(options);

	if (stat(path, &status) < 0 || !(status.st_mode & (S_IRWXG | S_IRWXO)))
		return;
	for (size_t i = 0; i < count; i++) {
		const char *value;
		const char *name = aic_options_at(options, i, &value);
		const char *last = strrchr(name, '.');
		if (last && aic_streq(last, ".api_key")) {
			aic_log(aic_options_log(options), AICHAT_LOG_WARNING,
				"%s: others can read the keys in it; run: chmod 600 %s",
				path, path);
			return;
		}
	}
}

static int read_file(const char *path, bool optional, struct aichat_options *options,
		     aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *text = NULL;
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	size_t len = 0;

	if (optional && access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	int rc = aic_file_read_all(path, FILE_BYTES_MAX, &text, &len, &error);
	if (rc == AICHAT_ENOMEM)
		return aic_error_nomem(reterr);
	if (rc < 0)
		return aic_error_set(reterr, AICHAT_ECONFIG, "%s",
				     aichat_error_message(error));
	if (memchr(text, '\0', len))
		return aic_error_set(reterr, AICHAT_ECONFIG, "%s: not a text file", path);

	pthread_mutex_lock(&load_lock);
	load.path = path;
	load.options = options;
	load.error = NULL;
	rc = parse_file(text, len);
	aichat_error *wrong = AIC_TAKE(load.error);
	load.doubt = aichat_error_unref(load.doubt);
	load.options = NULL;
	load.path = NULL;
	pthread_mutex_unlock(&load_lock);
	if (wrong)
		return aic_error_pass(reterr, wrong);
	return rc < 0 ? aic_error_nomem(reterr) : 0;
}

/* ---- the environment ---- */

static int take_variable(struct aichat_options *options, const char *variable,
			 const char *name, aichat_error **reterr)
{
	const char *value = getenv(variable);
	char origin[80];
	aichat_error *error = NULL;

	if (!value || !*value)
		return 0;
	snprintf(origin, sizeof(origin), "environment %s", variable);
	int rc = aic_options_set(options, name, aic_str(value), origin, true, &error);
	if (rc == 0)
		return 0;
	aic_error_set(reterr, rc == AICHAT_ENOMEM ? rc : AICHAT_ECONFIG,
		      "environment %s: %s", variable, aichat_error_message(error));
	aichat_error_unref(error);
	return rc == AICHAT_ENOMEM ? rc : AICHAT_ECONFIG;
}

static int take_preset_variables(struct aichat_options *options, aichat_error **reterr)
{
	const struct aic_preset *preset;
	char name[128];
	int rc = 0;

	for (size_t i = 0; rc == 0 && (preset = aic_preset_at(i)); i++) {
		if (preset->key_variable) {
			snprintf(name, sizeof(name), "provider.%s.api_key", preset->name);
			rc = take_variable(options, preset->key_variable, name, reterr);
		}
		if (rc == 0 && preset->url_variable) {
			snprintf(name, sizeof(name), "provider.%s.base_url",
				 preset->name);
			rc = take_variable(options, preset->url_variable, name, reterr);
		}
	}
	return rc;
}

static int take_environment(struct aichat_options *options, aichat_error **reterr)
{
	/* Several variables of one option: the first that is set counts. */
	static const struct {
		const char *variable;
		const char *name;
	} variables[] = {
		{ "AICHAT_MODEL", "model" }, { "AICHAT_STORE", "store" },
		{ "HTTPS_PROXY", "proxy" },  { "https_proxy", "proxy" },
		{ "ALL_PROXY", "proxy" },    { "all_proxy", "proxy" },
		{ "NO_PROXY", "no_proxy" },  { "no_proxy", "no_proxy" },
	};

	for (size_t i = 0; i < AIC_ARRAY_LEN(variables); i++) {
		int rc = take_variable(options, variables[i].variable, variables[i].name,
				       reterr);
		if (rc < 0)
			return rc;
	}
	return take_preset_variables(options, reterr);
}

/* ---- all of it ---- */

/* What the file says counts where nothing else said anything. */
static int take_file(struct aichat_options *options, const struct aichat_options *from,
		     aichat_error **reterr)
{
	size_t count = aic_options_count(from);

	for (size_t i = 0; i < count; i++) {
		const char *value;
		const char *name = aic_options_at(from, i, &value);
		int rc = aic_options_set(options, name, aic_str(value),
					 aichat_options_origin(from, name), true, reterr);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_default_store(struct aichat_options *options, aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep)
	char *path = xdg_path("XDG_DATA_HOME", "/.local/share", "aichat.db");

	if (!path)
		return aic_error_set(reterr, AICHAT_ECONFIG,
				     "no place for the store: set HOME, XDG_DATA_HOME or "
				     "AICHAT_STORE");
	return aic_options_set(options, "store", aic_str(path), "default", true, reterr);
}

int aichat_options_load(aichat_options *options, const char *path, aichat_error **reterr)
{
	if (!options)
		return aic_error_set(reterr, AICHAT_EINVAL, "no options were given");
	struct aichat_options *from_file = aichat_options_new();
	AIC_CLEANUP(aic_freep) char *own = NULL;
	bool optional = false;

	if (!from_file)
		return aic_error_nomem(reterr);
	const struct aic_log *log = aic_options_log(options);
	if (log->hook)
		aichat_options_set_log(from_file, log->hook, log->user, log->level);
	if (!path) {
		const char *named = getenv("AICHAT_CONFIG");
		optional = !named || !*named;
		own = optional ? xdg_path("XDG_CONFIG_HOME", "/.config", "aichat.conf")
			       : aic_strdup(named);
		path = own;
	}
	int rc = take_environment(options, reterr);
	if (rc == 0 && path) {
		rc = read_file(path, optional, from_file, reterr);
		if (rc == 0)
			warn_of_readers(from_file, path);
	}
	if (rc == 0)
		rc = take_file(options, from_file, reterr);
	const char *store = NULL;
	if (rc == 0 && aichat_options_get(options, "store", &store) == 0)
		rc = take_default_store(options, reterr);
	aichat_options_free(from_file);
	return rc;
}
