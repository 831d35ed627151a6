#pragma once

/*
 * libedit, loaded when a chat begins: a question need not wait for it, nor for the
 * libraries that it brings.
 */

#include <histedit.h>

#define LIBEDIT_FUNCTIONS(X)                                                             \
	X(el_end)                                                                        \
	X(el_get)                                                                        \
	X(el_gets)                                                                       \
	X(el_init)                                                                       \
	X(el_reset)                                                                      \
	X(el_set)                                                                        \
	X(el_wgetc)                                                                      \
	X(el_winsertstr)                                                                 \
	X(el_wset)                                                                       \
	X(history)                                                                       \
	X(history_end)                                                                   \
	X(history_init)

struct libedit {
#define MEMBER(name) __typeof__(&name) name;
	LIBEDIT_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* Filled by libedit_load(); of use only after it returned NULL. */
extern struct libedit libedit;

/* NULL, or why it cannot be loaded. */
const char *libedit_load(void);
