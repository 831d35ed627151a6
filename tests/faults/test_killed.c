/*
 * Processes that are killed: at named points of a reply, and at any moment of a stream.
 * What they showed is in the store, and each reply has one terminal state.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_as_other(int argc, char **argv);
#define SUITE_MAIN(argc, argv) run_as_other(argc, argv)
#include "seeds.h"
#include "suite.h"

#define CYCLES 100

/* ---- the one that is killed: writes what it was told to its output ---- */

static void run_as_other(int argc, char **argv)
{
	const aichat_event *event = NULL;
	aichat *ai = NULL;
	aichat_conversation *conv = NULL;
	aichat_reply *reply = NULL;

	if (argc < 4 || strcmp(argv[1], "stream") != 0)
		return;
	aichat_options *options = aichat_options_new();
	if (aichat_options_set(options, "store", argv[2], -1, NULL) < 0 ||
	    aichat_options_set(options, "model", "openai/fake", -1, NULL) < 0 ||
	    aichat_options_set(options, "provider.openai.base_url", argv[3], -1, NULL) <
		    0 ||
	    aichat_options_set(options, "provider.openai.api_key", "k", -1, NULL) < 0 ||
	    aichat_open(options, &ai, NULL) < 0 ||
	    aichat_conversation_new(ai, NULL, &conv, NULL) < 0 ||
	    aichat_conversation_send(conv, "Talk.", -1, NULL, &reply, NULL) < 0)
		_exit(2);
	dprintf(1, "%s", aichat_reply_id(reply));
	while (aichat_reply_next(reply, -1, &event) == 1) {
		const char *text = aichat_event_text(event);
		size_t len = aichat_event_text_len(event);
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT &&
		    write(1, text, len) != (ssize_t)len)
			_exit(3);
	}
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_close(ai);
	aichat_options_free(options);
	exit(0);
}

struct other {
	pid_t pid;
	int output;
	char said[1 << 16];
	size_t len;
};

static void start_other(struct other *other, const char *store, const char *elements,
			const char *fault)
{
	char url[256], self[4096] = "";
	int fds[2];

	/* Under valgrind the link itself leads to valgrind. */
	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);

	snprintf(url, sizeof(url), "%s/%s/v1", support_llm.url, elements);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	other->len = 0;
	other->output = fds[0];
	other->pid = fork();
	ck_assert_int_ge(other->pid, 0);
	if (other->pid == 0) {
		dup2(fds[1], 1);
		if (fault)
			setenv("AICHAT_FAULT", fault, 1);
		execl(self, "faults_killed", "stream", store, url, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
}

/* What it says within a time; false at its end. */
static bool listen_to(struct other *other, int timeout_ms)
{
	struct pollfd ready = { .fd = other->output, .events = POLLIN };

	if (poll(&ready, 1, timeout_ms) < 1)
		return true;
	ssize_t n = read(other->output, other->said + other->len,
			 sizeof(other->said) - 1 - other->len);
	ck_assert_int_ge(n, 0);
	other->len += (size_t)n;
	other->said[other->len] = '\0';
	return n > 0;
}

static int end_other(struct other *other, bool kill_it)
{
	int status;

	if (kill_it)
		kill(other->pid, SIGKILL);
	while (listen_to(other, STEP_MS))
		;
	close(other->output);
	ck_assert_int_eq(waitpid(other->pid, &status, 0), other->pid);
	return status;
}

/* The reply that it wrote, as the store has it now. */
static void check_reply(aichat *ai, const struct other *other, bool killed)
{
	struct heard heard = { 0 };
	char id[40] = "";

	ck_assert_uint_ge(other->len, 36);
	memcpy(id, other->said, 36);
	aichat_reply *reply = NULL;
	int rc = aichat_reply_open(ai, id, 0, &reply, NULL);
	if (rc == AICHAT_ENOTFOUND) {
		/* It died before anything was on disk, so nothing was shown. */
		ck_assert_uint_eq(other->len, 36);
		return;
	}
	ck_assert_int_eq(rc, 0);
	hear(reply, &heard);
	ck_assert_int_eq(heard.result, 0);
	if (!killed)
		ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	else
		ck_assert_msg(heard.state == AICHAT_REPLY_INTERRUPTED ||
				      heard.state == AICHAT_REPLY_COMPLETE,
			      "%s", aichat_reply_state_name(heard.state));
	char *text = text_of(heard.message);
	ck_assert_uint_ge(strlen(text), other->len - 36);
	ck_assert_int_eq(strncmp(text, other->said + 36, other->len - 36), 0);
	ck_assert_str_eq(text, heard.text ? heard.text : "");
	aichat_free(text);
	aichat_reply_unref(reply);
	heard_done(&heard);
}

START_TEST(at_points)
{
	static const char *const faults[] = {
		"turn.begin:kill",
		"turn.seal:kill",
		"store.before_begin:kill@1",
		"store.before_begin:kill@2",
		"store.before_begin:kill@3",
		"store.before_commit:kill@1",
		"store.before_commit:kill@2",
		"store.before_commit:kill@3",
		"store.after_commit:kill@1",
		"store.after_commit:kill@2",
		"store.after_commit:kill@3",
		"store.after_commit:kill@4",
	};
	size_t killed = 0;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const char *store = support_path("points.db");
		struct other other;
		start_other(&other, store, "n/30/rate/200", faults[i]);
		int status = end_other(&other, false);
		ck_assert_msg(WIFSIGNALED(status) || status == 0, "%s: %d", faults[i],
			      status);
		killed += WIFSIGNALED(status);
		aichat *ai = open_ai(store, "n/1");
		verify(ai);
		if (other.len >= 36)
			check_reply(ai, &other, WIFSIGNALED(status));
		verify(ai);
		aichat_close(ai);
	}
	ck_assert_uint_ge(killed, 8);
}
END_TEST

START_TEST(at_any_moment)
{
	const char *store = support_path("cycles.db");
	aichat *ai = open_ai(store,
			     "n/1"); /* open all the time, so that it must notice */
	size_t shown = 0;

	for (uint64_t i = 0; i < seeds(CYCLES); i++) {
		struct other other;
		start_other(&other, store, "n/2000/rate/2000", NULL);
		while (other.len <= 36)
			ck_assert(listen_to(&other, STEP_MS));
		int64_t until = now_ms() + (int64_t)(i % 25);
		while (now_ms() < until)
			listen_to(&other, 1);
		int status = end_other(&other, true);
		ck_assert(WIFSIGNALED(status));
		shown += other.len - 36;
		check_reply(ai, &other, true);
	}
	ck_assert_uint_gt(shown, seeds(1000));
	verify(ai);
	aichat_close(ai);
}
END_TEST

/* A cursor that waits here sees at once that the writer elsewhere is gone. */
START_TEST(while_watched)
{
	const char *store = support_path("watched.db");
	aichat *ai = open_ai(store, "n/1");
	struct other other;
	struct heard heard = { 0 };
	char id[40] = "";

	start_other(&other, store, "n/1000/rate/100", NULL);
	while (other.len <= 36)
		ck_assert(listen_to(&other, STEP_MS));
	memcpy(id, other.said, 36);
	aichat_reply *reply = open_reply(ai, id, 0);
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	end_other(&other, true);
	int64_t before = now_ms();
	hear(reply, &heard);
	ck_assert_int_lt(now_ms() - before, 3000);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_INTERRUPTED);
	ck_assert_int_eq(heard.code, AICHAT_EINTERRUPTED);
	ck_assert_int_eq(strncmp(heard.text, other.said + 36, other.len - 36), 0);
	aichat_reply_unref(reply);
	verify(ai);
	heard_done(&heard);
	aichat_close(ai);
}
END_TEST

SUITE("killed", at_points, at_any_moment, while_watched)
