/*
 * The operator's commands, on the store itself: a daemon may run beside. It notices what
 * was taken away within seconds.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "accounts.h"
#include "admin.h"
#include "lock.h"
#include "log.h"
#include "rfc3339.h"

#define STATUS_USAGE 2
#define SCOPES_MAX 4
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static const char usage[] =
	"Usage: aichatd [OPTION...] COMMAND\n"
	"\n"
	"  user list\n"
	"  user add NAME [--role admin|user|viewer] [--password] [LIMIT...]\n"
	"  user role NAME admin|user|viewer\n"
	"  user passwd NAME\n"
	"  user limit NAME LIMIT...\n"
	"  user revoke NAME          take away keys, logins and password\n"
	"  user delete NAME          with all that is theirs, for good\n"
	"  key list [USER]\n"
	"  key add USER [--name TEXT] [--scope SCOPE]... [--days N] [LIMIT...]\n"
	"  key revoke ID\n"
	"  audit list [--limit N]\n"
	"  audit verify\n"
	"\n"
	"LIMIT is --requests-per-minute N, --tokens-per-minute N or "
	"--concurrent-replies N.\n"
	"SCOPE is read, chat, gateway or admin; without one all that the role allows "
	"but\n"
	"admin. A password is asked for on the terminal, or is the first line of "
	"standard\n"
	"input. --json after any command prints JSON.\n";

struct command {
	struct server *server;
	struct accounts *accounts;
	const char *words[4]; /* noun, verb and what follows */
	int word_count;
	const char *role, *name;
	unsigned scopes;
	struct limit_values limits;
	bool has_limits, json, password;
	int64_t days, limit;
	aichat_error *error;
};

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...)
{
	va_list args;

	fputs("aichatd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; `aichatd help` shows the commands\n", stderr);
	return STATUS_USAGE;
}

__attribute__((format(printf, 1, 2))) static int failed(const char *format, ...)
{
	va_list args;

	fputs("aichatd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

static int failed_store(struct command *c, int rc)
{
	const char *line = aichat_error_message(c->error);

	return failed("%s", *line ? line : aichat_error_text(rc));
}

static void record(struct command *c, const char *action, const char *object)
{
	audit(c->accounts, "operator", action, object, NULL);
}

/* ---- output ----------------------------------------------------------------------- */

/* Takes the writer. */
static int print_json(aichat_json_writer *w)
{
	const char *text = NULL;
	int rc = aichat_json_writer_finish(w, &text, NULL);

	if (rc == 0)
		puts(text);
	aichat_json_writer_unref(w);
	return rc == 0 ? EXIT_SUCCESS : failed("%s", aichat_error_text(rc));
}

static int print_user(struct command *c, const struct user *user, const char *done)
{
	if (!c->json) {
		printf("%s %s\n", user->name, done);
		return EXIT_SUCCESS;
	}
	aichat_json_writer *w = aichat_json_writer_new(0);
	write_user(w, user);
	return print_json(w);
}

static const char *day_text(int64_t unix_ms, char text[TIME_TEXT])
{
	return unix_ms ? time_text(unix_ms, text) : "-";
}

static void print_user_line(const struct user *user)
{
	char created[TIME_TEXT];

	printf("%-24s %-7s %-9s %s\n", user->name, role_name(user->role),
	       user->ending      ? "ending"
	       : *user->password ? "password"
				 : "-",
	       day_text(user->created_unix_ms, created));
}

static void print_key_line(const struct key *key, const char *user)
{
	char used[TIME_TEXT], expires[TIME_TEXT];
	const char *scope;

	printf("%s %-16s ", key->id, user);
	for (int i = 0; (scope = scope_name(i, key->scopes)); i++)
		printf("%c", *scope ? *scope : '-');
	printf(" %-24s %-24s %s\n", day_text(key->last_used_unix_ms, used),
	       day_text(key->expires_unix_ms, expires), key->name);
}

/* ---- lists ------------------------------------------------------------------------ */

static int print_record(struct command *c, aichat_json_writer *w,
			const aichat_record *record, bool is_key)
{
	struct user user;
	struct key key;
	int rc = 0;

	if (is_key && key_from(record, &key)) {
		rc = user_get(c->accounts, key.user, NULL, &user, &c->error);
		if (w) {
			aichat_json_writer_begin_object(w);
			write_key(w, &key);
			aichat_json_writer_end_object(w);
		} else if (rc == 0) {
			print_key_line(&key, user.name);
		}
	} else if (!is_key && user_from(record, &user)) {
		if (w)
			write_user(w, &user);
		else
			print_user_line(&user);
	}
	return rc;
}

static int list_records(struct command *c, const char *kind, const char *user)
{
	bool is_key = strcmp(kind, "key") == 0;
	aichat_json_writer *w = c->json ? aichat_json_writer_new(0) : NULL;
	char after[64] = "";
	int rc;

	if (w)
		aichat_json_writer_begin_array(w);
	do {
		aichat_records *records = NULL;
		rc = accounts_list(c->accounts, kind, user, *after ? after : NULL, 500,
				   &records, &c->error);
		for (size_t i = 0; rc == 0 && i < aichat_records_count(records); i++)
			rc = print_record(c, w, aichat_records_at(records, i), is_key);
		const char *next = aichat_records_cursor(records);
		snprintf(after, sizeof(after), "%s", next ? next : "");
		aichat_records_free(records);
	} while (rc == 0 && *after);
	if (rc < 0) {
		aichat_json_writer_unref(w);
		return failed_store(c, rc);
	}
	if (!w)
		return EXIT_SUCCESS;
	aichat_json_writer_end_array(w);
	return print_json(w);
}

/* ---- passwords -------------------------------------------------------------------- */

/* One line, without its end. False: none, or too long. */
static bool read_line(FILE *file, char *line, size_t size)
{
	bool ok = fgets(line, (int)size, file);
	size_t len = ok ? strcspn(line, "\r\n") : 0;

	ok = ok && (line[len] || feof(file));
	if (ok)
		line[len] = '\0';
	return ok;
}

static bool ask(const char *question, char *line, size_t size)
{
	struct termios before, silent;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return read_line(stdin, line, size);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(question, stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	bool ok = read_line(stdin, line, size);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return ok;
}

/* Asked twice on a terminal. 0 and its hash, or an exit status. */
static int read_password(char hash[PASSWORD_HASH])
{
	char password[PASSWORD_MAX + 2] = "", again[PASSWORD_MAX + 2] = "";
	int status = EXIT_SUCCESS;

	if (!ask("Password: ", password, sizeof(password)))
		status = failed("no password, or one of more than %d bytes",
				PASSWORD_MAX);
	else if (strlen(password) < PASSWORD_MIN)
		status = failed("a password has at least %d bytes", PASSWORD_MIN);
	else if (isatty(STDIN_FILENO) &&
		 (!ask("Again: ", again, sizeof(again)) || strcmp(password, again) != 0))
		status = failed("the two passwords differ");
	else if (password_hash(password, hash) != PASSWORD_RIGHT)
		status = failed("out of memory");
	sodium_memzero(password, sizeof(password));
	sodium_memzero(again, sizeof(again));
	return status;
}

/* ---- users ------------------------------------------------------------------------ */

static int find_user(struct command *c, const char *name, struct user *user)
{
	int rc = user_get(c->accounts, NULL, name, user, &c->error);

	if (rc == AICHAT_ENOTFOUND)
		return failed("there is no user %s", name);
	return rc < 0 ? failed_store(c, rc) : EXIT_SUCCESS;
}

static int user_add_command(struct command *c)
{
	struct user user = { .role = ROLE_USER, .limits = c->limits };

	if (!is_user_name(c->words[2]))
		return wrong("a user's name is 1 to %d of a-z, 0-9 and .-_@",
			     USER_NAME_MAX);
	if (c->role && !(user.role = role_of(c->role)))
		return wrong("there is no role %s", c->role);
	snprintf(user.name, sizeof(user.name), "%s", c->words[2]);
	if (c->password) {
		int status = read_password(user.password);
		if (status != EXIT_SUCCESS)
			return status;
	}
	int rc = user_add(c->accounts, &user, NULL, &c->error);
	if (rc == AICHAT_EEXIST)
		return failed("there is a user %s already", user.name);
	if (rc < 0)
		return failed_store(c, rc);
	record(c, "user.add", user.name);
	return print_user(c, &user, "was made");
}

/* After a change of `user`. */
static int save_user(struct command *c, struct user *user, const char *action,
		     const char *done)
{
	int rc = user_save(c->server, user, &c->error);

	if (rc == AICHAT_ESTATE && !c->error)
		return failed("%s is the last admin; make another one first", user->name);
	if (rc < 0)
		return failed_store(c, rc);
	record(c, action, user->name);
	return print_user(c, user, done);
}

static int user_role_command(struct command *c)
{
	struct user user;
	unsigned role = role_of(c->words[3]);

	if (!role)
		return wrong("there is no role %s", c->words[3]);
	int status = find_user(c, c->words[2], &user);
	if (status != EXIT_SUCCESS)
		return status;
	user.role = role;
	return save_user(c, &user, "user.role", "has another role");
}

static int user_passwd_command(struct command *c)
{
	struct user user;
	int status = find_user(c, c->words[2], &user);

	if (status == EXIT_SUCCESS)
		status = read_password(user.password);
	return status == EXIT_SUCCESS
		       ? save_user(c, &user, "user.password", "has another password")
		       : status;
}

static int user_limit_command(struct command *c)
{
	struct user user;
	int status = find_user(c, c->words[2], &user);

	if (status != EXIT_SUCCESS)
		return status;
	if (!c->has_limits)
		return wrong("no limit was given");
	user.limits = c->limits;
	return save_user(c, &user, "user.change", "has other limits");
}

/* Calls and replies of theirs may run in a daemon beside, which then has to end them
 * first, and does the rest. */
static int delete_beside(struct command *c, struct user *user)
{
	int64_t end_us = clock_mono_us() + user_delete_wait_ms(c->server) * 1000;
	int rc = user_begin_delete(c->server, user, &c->error);

	while (rc == 0 && lock_is_taken(c->server)) {
		struct user left;
		rc = user_get(c->accounts, user->id, NULL, &left, &c->error);
		if (rc == AICHAT_ENOTFOUND) {
			c->error = aichat_error_unref(c->error);
			return 0;
		}
		if (clock_mono_us() > end_us)
			return AICHAT_EAGAIN;
		usleep(20000);
	}
	return rc < 0 ? rc : user_delete(c->server, user, 0, 0, &c->error);
}

static int user_end_command(struct command *c)
{
	bool for_good = strcmp(c->words[1], "delete") == 0;
	struct user user;
	int status = find_user(c, c->words[2], &user);

	if (status != EXIT_SUCCESS)
		return status;
	int rc = for_good ? delete_beside(c, &user)
			  : user_revoke(c->server, &user, &c->error);
	if (rc == AICHAT_EAGAIN && !c->error)
		return failed("%s cannot get in any more, but requests of theirs still "
			      "run in the daemon, which deletes the rest when they have "
			      "ended",
			      user.name);
	if (rc == AICHAT_ESTATE && !c->error)
		return failed("%s is the last admin; make another one first", user.name);
	if (rc < 0)
		return failed_store(c, rc);
	record(c, for_good ? "user.delete" : "user.revoke", user.name);
	return print_user(c, &user,
			  for_good ? "was deleted" : "has no keys, logins or password");
}

static int user_list_command(struct command *c)
{
	return list_records(c, "user", NULL);
}

/* ---- keys ------------------------------------------------------------------------- */

static int key_add_command(struct command *c)
{
	struct key key = { .scopes = c->scopes, .limits = c->limits };
	char token[TOKEN_TEXT];
	struct user user;
	int status = find_user(c, c->words[2], &user);

	if (status != EXIT_SUCCESS)
		return status;
	if (!key.scopes)
		key.scopes = role_scopes(user.role) & ~(unsigned)SCOPE_ADMIN;
	if (key.scopes & ~role_scopes(user.role))
		return failed("a key cannot have more than its user, who is %s",
			      role_name(user.role));
	if (c->name && strlen(c->name) > KEY_NAME_MAX)
		return wrong("a key's name has at most %d bytes", KEY_NAME_MAX);
	snprintf(key.user, sizeof(key.user), "%s", user.id);
	snprintf(key.name, sizeof(key.name), "%s", c->name ? c->name : "");
	key.expires_unix_ms = c->days ? clock_unix_ms() + c->days * DAY_MS : 0;
	int rc = key_add(c->accounts, &key, token, NULL, &c->error);
	if (rc < 0)
		return failed_store(c, rc);
	record(c, "key.add", key.id);
	if (!c->json) {
		printf("%s\n", token);
		fprintf(stderr, "This key is shown only now.\n");
	} else {
		aichat_json_writer *w = aichat_json_writer_new(0);
		aichat_json_writer_begin_object(w);
		write_key(w, &key);
		aichat_json_writer_key(w, "key", -1);
		aichat_json_writer_string(w, token, -1);
		aichat_json_writer_end_object(w);
		status = print_json(w);
	}
	sodium_memzero(token, sizeof(token));
	return status;
}

static int key_revoke_command(struct command *c)
{
	struct key key;
	int rc = key_get(c->accounts, c->words[2], &key, &c->error);

	if (rc == 0)
		rc = key_revoke(c->server, key.id, &c->error);
	if (rc == AICHAT_ENOTFOUND)
		return failed("there is no key %s", c->words[2]);
	if (rc < 0)
		return failed_store(c, rc);
	record(c, "key.revoke", key.id);
	if (!c->json)
		printf("%s is revoked\n", key.id);
	return EXIT_SUCCESS;
}

static int key_list_command(struct command *c)
{
	struct user user;
	int status = c->word_count > 2 ? find_user(c, c->words[2], &user) : EXIT_SUCCESS;

	if (status != EXIT_SUCCESS)
		return status;
	return list_records(c, "key", c->word_count > 2 ? user.id : NULL);
}

/* ---- audit ------------------------------------------------------------------------ */

static void print_entry(const aichat_json *page, int entry)
{
	static const char *const columns[] = { "time", "actor", "action", "object" };
	int64_t number = 0;

	aichat_json_int(page, aichat_json_get(page, entry, "number"), &number);
	printf("%6" PRId64, number);
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		const char *text = aichat_json_string(
			page, aichat_json_get(page, entry, columns[i]), NULL);
		printf(" %s", text ? text : "");
	}
	putchar('\n');
}

static int audit_list_command(struct command *c)
{
	aichat_json *page = NULL;
	char *text = NULL;
	int rc = aichat_audit_list(accounts_store(c->accounts), NULL,
				   (size_t)(c->limit ? c->limit : 100), &text, NULL,
				   &c->error);

	if (rc == 0 && c->json)
		puts(text);
	else if (rc == 0)
		rc = aichat_json_parse_limited(text, -1, (size_t)64 << 20, 0, 0, NULL,
					       &page, &c->error);
	int list = aichat_json_get(page, 0, "entries");
	for (int v = aichat_json_first(page, list); v != AICHAT_JSON_NONE;
	     v = aichat_json_next(page, list, v))
		print_entry(page, v);
	aichat_json_unref(page);
	aichat_free(text);
	return rc < 0 ? failed_store(c, rc) : EXIT_SUCCESS;
}

static int audit_verify_command(struct command *c)
{
	int64_t count = 0;
	char *hash = NULL;
	int rc = aichat_audit_verify(accounts_store(c->accounts), &count, &hash,
				     &c->error);

	if (rc < 0)
		return failed_store(c, rc);
	if (c->json)
		printf("{\"entries\":%" PRId64 ",\"hash\":\"%s\"}\n", count, hash);
	else
		printf("%" PRId64 " entries, none was changed; the last one's digest is "
		       "%s\n",
		       count, *hash ? hash : "-");
	aichat_free(hash);
	return EXIT_SUCCESS;
}

/* ---- which one -------------------------------------------------------------------- */

static const struct {
	const char *noun, *verb;
	int minimum, maximum; /* words after them */
	int (*run)(struct command *c);
} commands[] = {
	{ "user", "list", 0, 0, user_list_command },
	{ "user", "add", 1, 1, user_add_command },
	{ "user", "role", 2, 2, user_role_command },
	{ "user", "passwd", 1, 1, user_passwd_command },
	{ "user", "limit", 1, 1, user_limit_command },
	{ "user", "revoke", 1, 1, user_end_command },
	{ "user", "delete", 1, 1, user_end_command },
	{ "key", "list", 0, 1, key_list_command },
	{ "key", "add", 1, 1, key_add_command },
	{ "key", "revoke", 1, 1, key_revoke_command },
	{ "audit", "list", 0, 0, audit_list_command },
	{ "audit", "verify", 0, 0, audit_verify_command },
};

static bool read_number(const char *text, int64_t most, int64_t *ret)
{
	size_t len = strspn(text, "0123456789");

	*ret = len && len < 16 && !text[len] ? strtoll(text, NULL, 10) : -1;
	return *ret >= 0 && *ret <= most;
}

static int read_flag_number(const char *flag, const char *value, int64_t most,
			    int64_t *ret)
{
	if (!value || !read_number(value, most, ret))
		return wrong("%s takes a number up to %" PRId64, flag, most);
	return EXIT_SUCCESS;
}

/* A flag and its value, which may be NULL. *ret_took: the value was taken. */
static int read_flag(struct command *c, const char *flag, const char *value,
		     bool *ret_took)
{
	static const int64_t most = 1000000000000;

	*ret_took = true;
	if (strcmp(flag, "--requests-per-minute") == 0) {
		c->has_limits = true;
		return read_flag_number(flag, value, most,
					&c->limits.requests_per_minute);
	}
	if (strcmp(flag, "--tokens-per-minute") == 0) {
		c->has_limits = true;
		return read_flag_number(flag, value, most, &c->limits.tokens_per_minute);
	}
	if (strcmp(flag, "--concurrent-replies") == 0) {
		c->has_limits = true;
		return read_flag_number(flag, value, most, &c->limits.concurrent_replies);
	}
	if (strcmp(flag, "--days") == 0)
		return read_flag_number(flag, value, 36500, &c->days);
	if (strcmp(flag, "--limit") == 0)
		return read_flag_number(flag, value, 1000, &c->limit);
	if (strcmp(flag, "--role") == 0 || strcmp(flag, "--name") == 0) {
		*(flag[2] == 'r' ? &c->role : &c->name) = value;
		return value ? EXIT_SUCCESS : wrong("a value is missing after %s", flag);
	}
	if (strcmp(flag, "--scope") == 0) {
		unsigned scope = value ? scope_of(value) : 0;
		c->scopes |= scope;
		return scope ? EXIT_SUCCESS
			     : wrong("--scope is read, chat, gateway or admin");
	}
	*ret_took = false;
	if (strcmp(flag, "--json") == 0)
		c->json = true;
	else if (strcmp(flag, "--password") == 0)
		c->password = true;
	else
		return wrong("there is no option %s", flag);
	return EXIT_SUCCESS;
}

static int read_words(struct command *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		bool took = false;
		if (strncmp(argv[i], "--", 2) != 0) {
			if (c->word_count == 4)
				return wrong("too many words: %s", argv[i]);
			c->words[c->word_count++] = argv[i];
			continue;
		}
		int status = read_flag(c, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
				       &took);
		if (status != EXIT_SUCCESS)
			return status;
		i += took;
	}
	return EXIT_SUCCESS;
}

void admin_print_help(void)
{
	fputs(usage, stdout);
}

int admin_run(struct server *server, int argc, char **argv)
{
	struct command c = { .server = server, .accounts = server->accounts };
	int status = read_words(&c, argc, argv);

	if (status != EXIT_SUCCESS)
		return status;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (c.word_count < 2 || strcmp(commands[i].noun, c.words[0]) != 0 ||
		    strcmp(commands[i].verb, c.words[1]) != 0)
			continue;
		if (c.word_count - 2 < commands[i].minimum ||
		    c.word_count - 2 > commands[i].maximum)
			return wrong("%s %s takes another number of words", c.words[0],
				     c.words[1]);
		status = commands[i].run(&c);
		aichat_error_unref(c.error);
		return status;
	}
	return wrong("there is no command %s%s%s", c.words[0], c.words[1] ? " " : "",
		     c.words[1] ? c.words[1] : "");
}
