#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "fakellm.h"

#define GREETING "listening "

static void run(const char *program, int input, int output)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(input, 0) < 0 || dup2(output, 1) < 0)
		_exit(126);
	/* Nothing else of the test's stays open in it. */
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	execl(program, program, "--until-eof", "--max-seconds", "240", (char *)NULL);
	_exit(127);
}

/* The first line of its output, which says where it listens. */
static void read_url(struct fakellm *llm, int output)
{
	char line[128];
	size_t len = 0;
	struct pollfd ready = { .fd = output, .events = POLLIN };

	while (len + 1 < sizeof(line) && (!len || line[len - 1] != '\n')) {
		ck_assert_int_eq(poll(&ready, 1, 20000), 1);
		ck_assert_int_eq(read(output, line + len, 1), 1);
		len++;
	}
	line[len - 1] = '\0';
	ck_assert_msg(strncmp(line, GREETING, strlen(GREETING)) == 0,
		      "fakellm said \"%s\"", line);
	snprintf(llm->url, sizeof(llm->url), "%s", line + strlen(GREETING));
}

void fakellm_start(struct fakellm *llm)
{
	const char *program = getenv("FAKELLM");
	int input[2], output[2];

	ck_assert_msg(program != NULL, "FAKELLM must name the fakellm program");
	ck_assert_int_eq(pipe(input), 0);
	ck_assert_int_eq(pipe(output), 0);
	llm->pid = fork();
	ck_assert_int_ge(llm->pid, 0);
	if (llm->pid == 0)
		run(program, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	llm->input = input[1];
	read_url(llm, output[0]);
	close(output[0]);
}

void fakellm_stop(struct fakellm *llm)
{
	int status;

	if (llm->pid <= 0)
		return;
	close(llm->input);
	kill(llm->pid, SIGTERM);
	ck_assert_int_eq(waitpid(llm->pid, &status, 0), llm->pid);
	llm->pid = 0;
}
