#pragma once

/*
 * Only one daemon on a store: limits, logins and detached replies are kept in one
 * process. The lock is the kernel's, on a file beside the store, so nothing is left over
 * after a crash; the pid in the file is for people.
 */

#include "server.h"

/* For as long as *ret_fd is open; it is -1 where the store is in memory. 0, or -1 with
 * one line in error[]. */
int lock_take(const struct server *server, int *ret_fd, char error[512]);
/* Whether a daemon has the store. */
bool lock_is_taken(const struct server *server);
