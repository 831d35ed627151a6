/*
 * The operator's commands.
 */

#include <stdio.h>
#include <stdlib.h>

#include "admin.h"

int admin_run(struct server *server, int argc, char **argv)
{
	(void)server;
	(void)argc;
	fprintf(stderr, "aichatd: there is no command `%s`\n", argv[0]);
	return 2;
}
