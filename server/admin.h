#pragma once

/*
 * What an operator does beside the running daemon: `aichatd user|key|audit ...`.
 */

#include "server.h"

void admin_print_help(void);
/* Run a command; the exit status. */
int admin_run(struct server *server, int argc, char **argv);
