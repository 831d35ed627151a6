/*
 * SIGINT, SIGTERM and SIGHUP. While nothing is at stake they end the process, which the
 * store survives at any instant. During a reply the first is remembered and wakes
 * whoever polls, so that the reply can be stopped in order; the second ends the process.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "command.h"

static volatile sig_atomic_t deferred;
static volatile sig_atomic_t arrived;
static void (*volatile at_exit)(void);
static int wake[2] = { -1, -1 };

static void on_signal(int number)
{
	int saved = errno;

	if (!deferred || arrived) {
		if (at_exit)
			at_exit();
		_exit(128 + number);
	}
	arrived = number;
	/* Full means that somebody is woken already. */
	ssize_t count = write(wake[1], "", 1);
	(void)count;
	errno = saved;
}

void interrupt_setup(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;

	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return; /* they then end the process, as if this had not been called */
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		/* nohup and shells without job control ignore some on purpose. */
		if (sigaction(numbers[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
	/* A reader that went away is seen by the failing write, and so is a file that may
	 * not grow any more. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void interrupt_defer(bool on)
{
	deferred = on;
}

void interrupt_at_exit(void (*function)(void))
{
	at_exit = function;
}

int interrupt_signal(void)
{
	return arrived;
}

void interrupt_forget(void)
{
	char bytes[16];

	while (read(wake[0], bytes, sizeof(bytes)) > 0)
		;
	arrived = 0;
}

int interrupt_fd(void)
{
	return wake[0];
}
