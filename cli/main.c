/*
 * aichat: the terminal client. Reads the command line and runs one command; everything
 * else is in cmd/ and in the files that the commands share.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define COMMAND(name) extern const struct command command_##name;
#include "commands.inc"
#undef COMMAND

static const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "commands.inc"
#undef COMMAND
};

const struct command *command_at(size_t n)
{
	return n < sizeof(commands) / sizeof(*commands) ? commands[n] : NULL;
}

const struct command *command_find(const char *name)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)); i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/*
 * A file that is opened later must not become a standard stream by accident: who was
 * started without one gets one that is empty, or fails, or says nothing.
 */
static void fill_standard_streams(void)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", modes[fd]) != fd)
			_exit(STATUS_FAILED);
}

static int run(struct app *app)
{
	const struct args *args = &app->args;
	const struct command *command = args->command;

	if (args_has(args, 'V')) {
		out_printf(&app->out, "aichat %s\n", aichat_version());
		return STATUS_OK;
	}
	if (args_has(args, 'h'))
		command = command_find("help");
	else if (!command)
		command = command_find("ask");
	return command->run(app);
}

int main(int argc, char **argv)
{
	struct app app = { .printer = &print_text };

	fill_standard_streams();
	interrupt_setup();
	bool understood = args_read(&app.args, argc, argv);
	out_setup(&app.out, STDOUT_FILENO, args_has(&app.args, 'C'));
	out_setup(&app.err, STDERR_FILENO, args_has(&app.args, 'C'));
	if (args_has(&app.args, 'J'))
		app.printer = &print_json;

	int status = understood ? run(&app) : app_usage(&app, "%s", app.args.problem);
	app_close(&app);
	out_end_line(&app.out);
	if (app.out.error == EPIPE)
		return STATUS_CLOSED;
	if (app.out.error == EIO && app.out.tty)
		return 128 + SIGHUP; /* the terminal is gone */
	if (app.out.error) {
		app_say(&app, "standard output cannot be written: %s",
			strerror(app.out.error));
		return status == STATUS_OK ? STATUS_FAILED : status;
	}
	return status;
}
