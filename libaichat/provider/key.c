/*
 * Keys that a command prints, so that they need not be stored: `pass show openai`.
 *
 * The command runs beside the engine: its output is a watched pipe, its end is looked for
 * by a timer (its standard output may outlive it, held by a daemon that it started). It
 * gets no input, and what it says on standard error is dropped, for it could be a secret.
 * Whoever wants the key meanwhile waits for the same command.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "provider/key.h"
#include "provider/state.h"

#define KEY_MAX ((size_t)16 << 10)
#define COMMAND_TIMEOUT_MS 30000
#define LOOK_EVERY_MS 10

extern char **environ;

struct aic_key_job {
	struct aic_engine *engine;
	const struct aic_provider *provider;
	struct aic_key_wait *waits;
	pid_t pid; /* 0 = its end was seen */
	struct aic_watch watch;
	struct aic_timer timer;
	struct aic_closer closer;
	int64_t deadline_mono_ms;
	struct aic_buf output;
	bool output_over;
};

#define OWNER(pointer, member)                                                           \
	((struct aic_key_job *)((char *)(pointer)-offsetof(struct aic_key_job, member)))

const char *aic_key_now(const struct aic_provider *provider)
{
	return provider->api_key ? provider->api_key : provider->state->command_key;
}

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	aic_free(AIC_TAKE(*text));
}

void aic_key_forget(const struct aic_provider *provider)
{
	wipe(&provider->state->command_key);
}

/* Everything but telling those who wait. */
static void job_free(struct aic_key_job *job)
{
	if (!job->output_over)
		aic_watch_remove(job->engine, &job->watch);
	if (job->watch.fd >= 0)
		close(job->watch.fd);
	if (job->pid > 0) {
		kill(job->pid, SIGKILL);
		waitpid(job->pid, NULL, 0);
	}
	aic_timer_clear(job->engine, &job->timer);
	aic_closer_remove(job->engine, &job->closer);
	if (job->output.data)
		explicit_bzero(job->output.data, job->output.capacity);
	aic_buf_done(&job->output);
	job->provider->state->key_job = NULL;
	aic_free(job);
}

/* Tells all who wait and ends the job. Takes the error. */
static void job_end(struct aic_key_job *job, int code, aichat_error *error)
{
	struct aic_key_wait *wait = AIC_TAKE(job->waits);

	job_free(job);
	while (wait) {
		struct aic_key_wait *next = wait->next;
		wait->provider = NULL;
		wait->ready(wait, code, code ? aichat_error_ref(error) : NULL);
		wait = next;
	}
	aichat_error_unref(error);
}

static void job_fail(struct aic_key_job *job, int code, const char *why)
{
	aichat_error *error = NULL;

	aic_error_set(&error, code, "provider.%s.key_command %s", job->provider->name,
		      why);
	job_end(job, code, error);
}

/* The output without white space at its end is the key. */
static void job_finish(struct aic_key_job *job, int status)
{
	struct aic_buf *output = &job->output;
	char why[64];

	if (output->error == AICHAT_ENOMEM) {
		job_end(job, AICHAT_ENOMEM, NULL);
		return;
	}
	if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "was ended by signal %d", WTERMSIG(status));
		job_fail(job, AICHAT_EKEY, why);
		return;
	}
	if (WEXITSTATUS(status) != 0) {
		snprintf(why, sizeof(why), "failed with status %d", WEXITSTATUS(status));
		job_fail(job, AICHAT_EKEY, why);
		return;
	}
	if (output->error) {
		job_fail(job, AICHAT_EKEY, "printed more than a key");
		return;
	}
	while (output->len > 0 && strchr("\r\n \t", output->data[output->len - 1]))
		output->len--;
	if (output->len == 0) {
		job_fail(job, AICHAT_EKEY, "printed no key");
		return;
	}
	char *key = aic_strndup(output->data, output->len);
	if (key) {
		aic_key_forget(job->provider);
		job->provider->state->command_key = key;
	}
	job_end(job, key ? 0 : AICHAT_ENOMEM, NULL);
}

static void read_output(struct aic_key_job *job)
{
	char bytes[4096];
	ssize_t count = 0;

	while (!job->output_over) {
		count = read(job->watch.fd, bytes, sizeof(bytes));
		if (count > 0) {
			aic_buf_append(&job->output, bytes, (size_t)count);
			continue;
		}
		if (count < 0 && errno == EINTR)
			continue;
		if (count == 0 || errno != EAGAIN) {
			aic_watch_remove(job->engine, &job->watch);
			job->output_over = true;
		}
		break;
	}
	explicit_bzero(bytes, sizeof(bytes));
}

static void look(struct aic_key_job *job)
{
	int status = 0;
	pid_t ended = waitpid(job->pid, &status, WNOHANG);

	if (ended == 0) {
		int64_t now = aic_clock_mono_ms();
		if (now >= job->deadline_mono_ms)
			job_fail(job, AICHAT_ETIMEOUT, "did not end within 30 s");
		else if (aic_timer_set(job->engine, &job->timer, now + LOOK_EVERY_MS))
			job_end(job, AICHAT_ENOMEM, NULL);
		return;
	}
	/* A program that collects all its children, or ignores them, leaves no status:
	 * then what was printed decides. */
	job->pid = 0;
	read_output(job);
	job_finish(job, ended < 0 ? 0 : status);
}

static void on_timer(struct aic_timer *timer)
{
	look(OWNER(timer, timer));
}

static void on_output(struct aic_watch *watch)
{
	struct aic_key_job *job = OWNER(watch, watch);

	read_output(job);
	if (job->output_over)
		look(job);
}

static void on_close(struct aic_closer *closer)
{
	struct aic_key_job *job = OWNER(closer, closer);

	job_fail(job, AICHAT_ECLOSED, "was not waited for: the context is being closed");
}

/* Returns errno. The command starts with no signal blocked, as a program expects. */
static int spawn(const char *command, int output, pid_t *ret_pid)
{
	char shell[] = "sh";
	char flag[] = "-c";
	char *own = aic_strdup(command);
	char *const arguments[] = { shell, flag, own, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t defaults;

	if (!own)
		return ENOMEM;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGCHLD);
	int failed = posix_spawn_file_actions_init(&actions);
	if (failed) {
		aic_free(own);
		return failed;
	}
	failed = posix_spawnattr_init(&attributes);
	if (!failed) {
		failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
							  O_RDONLY, 0);
		if (!failed)
			failed = posix_spawn_file_actions_adddup2(&actions, output, 1);
		if (!failed)
			failed = posix_spawn_file_actions_addopen(
				&actions, 2, "/dev/null", O_WRONLY, 0);
		if (!failed)
			failed = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
		posix_spawnattr_setsigmask(&attributes, &none);
		posix_spawnattr_setsigdefault(&attributes, &defaults);
		posix_spawnattr_setflags(&attributes,
					 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		if (!failed)
			failed = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes,
					     arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	aic_free(own);
	return failed;
}

static int job_start(struct aic_key_job *job, aichat_error **reterr)
{
	const char *name = job->provider->name;
	char text[128];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return aic_error_set(reterr, AICHAT_ELIMIT,
				     "provider.%s.key_command cannot be started: %s",
				     name, aic_errno_text(errno, text, sizeof(text)));
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	job->watch.fd = ends[0];
	int failed = spawn(job->provider->key_command, ends[1], &job->pid);
	close(ends[1]);
	if (failed) {
		job->pid = 0;
		return aic_error_set(reterr,
				     failed == ENOMEM ? AICHAT_ENOMEM : AICHAT_EKEY,
				     "provider.%s.key_command cannot be started: %s",
				     name, aic_errno_text(failed, text, sizeof(text)));
	}
	int64_t now = aic_clock_mono_ms();
	job->deadline_mono_ms = now + COMMAND_TIMEOUT_MS;
	if (aic_watch_add(job->engine, &job->watch))
		return aic_error_nomem(reterr);
	job->output_over = false;
	if (aic_timer_set(job->engine, &job->timer, now + LOOK_EVERY_MS))
		return aic_error_nomem(reterr);
	return 0;
}

int aic_key_get(struct aic_engine *engine, const struct aic_provider *provider,
		struct aic_key_wait *wait, aichat_error **reterr)
{
	if (aic_key_now(provider) || !provider->key_command)
		return 1;
	struct aic_key_job *job = provider->state->key_job;
	if (!job) {
		job = aic_new(struct aic_key_job);
		if (!job)
			return aic_error_nomem(reterr);
		*job = (struct aic_key_job){
			.engine = engine,
			.provider = provider,
			.watch = { .fd = -1, .ready = on_output },
			.timer = { .fire = on_timer },
			.closer = { .close = on_close },
			.output = aic_buf(KEY_MAX),
			.output_over = true, /* nothing is watched yet */
		};
		int result = job_start(job, reterr);
		if (result) {
			job_free(job);
			return result;
		}
		aic_closer_add(engine, &job->closer);
		provider->state->key_job = job;
	}
	wait->provider = provider;
	wait->next = job->waits;
	job->waits = wait;
	return 0;
}

void aic_key_leave(struct aic_key_wait *wait)
{
	struct aic_key_job *job = wait->provider ? wait->provider->state->key_job : NULL;

	wait->provider = NULL;
	if (!job)
		return;
	struct aic_key_wait **at = &job->waits;
	while (*at && *at != wait)
		at = &(*at)->next;
	if (*at)
		*at = wait->next;
	if (!job->waits)
		job_free(job);
}
