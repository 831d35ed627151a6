/* fakellm: plays LLM providers over HTTP on 127.0.0.1, good and bad. See README.md. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "plan.h"

static const char help[] =
	"usage: fakellm [options]\n"
	"  --port N          listen on 127.0.0.1:N; 0, the default, takes a free port\n"
	"  --recordings DIR  recorded exchanges (*.jsonl), for /rec/ID/...\n"
	"  --fixtures DIR    own replies, for /fix/NAME/... and /fixtures/...\n"
	"  --log FILE        append one JSON line for each request\n"
	"  --until-eof       exit when standard input (a pipe) ends\n"
	"  --max-seconds N   exit after so long (default 600)\n"
	"  --help\n"
	"Prints \"listening http://127.0.0.1:PORT\", then serves until SIGTERM or "
	"SIGINT.\n";

static long number(const char *text, const char *option, long max)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > max) {
		fprintf(stderr,
			"fakellm: --%s wants a number from 0 to %ld, not \"%s\"\n",
			option, max, text);
		exit(64);
	}
	return n;
}

/* Thousands of streams are thousands of descriptors. */
static void raise_limits(void)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim))
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static int catch_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	enum {
		PORT = 1,
		RECORDINGS,
		FIXTURES,
		LOG,
		UNTIL_EOF,
		MAX_SECONDS,
		HELP
	};
	static const struct option options[] = {
		{ "port", required_argument, NULL, PORT },
		{ "recordings", required_argument, NULL, RECORDINGS },
		{ "fixtures", required_argument, NULL, FIXTURES },
		{ "log", required_argument, NULL, LOG },
		{ "until-eof", no_argument, NULL, UNTIL_EOF },
		{ "max-seconds", required_argument, NULL, MAX_SECONDS },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	long port = 0, seconds = 600;
	bool until_eof = false;
	for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (opt) {
		case PORT:
			port = number(optarg, "port", 65535);
			break;
		case RECORDINGS:
			recordings_dir(optarg);
			break;
		case FIXTURES:
			fixtures_dir(optarg);
			break;
		case LOG:
			journal_open(optarg);
			break;
		case UNTIL_EOF:
			until_eof = true;
			break;
		case MAX_SECONDS:
			seconds = number(optarg, "max-seconds", 1000000000);
			break;
		case HELP:
			fputs(help, stdout);
			return 0;
		default:
			fputs(help, stderr);
			return 64;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fakellm: unexpected argument \"%s\"\n", argv[optind]);
		return 64;
	}
	raise_limits();
	int signals = catch_signals();
	if (signals < 0 || server_listen((int)port) < 0) {
		fprintf(stderr, "fakellm: cannot listen on 127.0.0.1:%ld: %s\n", port,
			strerror(errno));
		return 71;
	}
	printf("listening http://127.0.0.1:%d\n", server_port);
	fflush(stdout);
	if (server_run(signals, until_eof, now_ns() + seconds * 1000000000ll) < 0) {
		fprintf(stderr, "fakellm: cannot wait for events: %s\n", strerror(errno));
		return 71;
	}
	for (struct conn *c = server_conns(); c; c = c->next_conn)
		if (c->phase != PH_REQUEST)
			journal_end(c, "open");
	return 0;
}
