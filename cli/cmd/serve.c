/* `aichat serve`: become the daemon, aichatd, which is a program of its own. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"

/* The daemon that was installed beside this program. */
static char *beside_us(void)
{
	char path[4096];
	char *daemon = NULL;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len <= 0)
		return NULL;
	path[len] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash || asprintf(&daemon, "%.*s/aichatd", (int)(slash - path), path) < 0)
		return NULL;
	return daemon;
}

static int run(struct app *app)
{
	CLEANUP(freep) char *daemon = beside_us();
	char **words = app->args.words;
	char **argv = calloc(app->args.word_count + 2, sizeof(*argv));

	if (!argv)
		return app_nomem(app);
	argv[0] = (char[]){ "aichatd" };
	for (size_t i = 0; i < app->args.word_count; i++)
		argv[i + 1] = words[i];
	if (daemon)
		execv(daemon, argv);
	execvp("aichatd", argv);
	app_say(app,
		"aichatd cannot be started: %s; it is a program of its own and may "
		"have to be installed",
		strerror(errno));
	free(argv);
	return STATUS_FAILED;
}

const struct command command_serve = {
	.name = "serve",
	.arguments = "[ARGUMENT...]",
	.summary = "start the daemon, aichatd, with these arguments",
	.takes = "",
	.about = "All that follows is for aichatd; `aichat serve --help` shows what it "
		 "takes.\n",
	.raw = true,
	.run = run,
};
