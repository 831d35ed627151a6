#pragma once

/*
 * fakellm as a child of a test. It ends with the test, whatever happens to it: its
 * input is a pipe of ours.
 */

#include <sys/types.h>

struct fakellm {
	pid_t pid;
	int input;
	char url[128]; /* http://127.0.0.1:PORT */
};

/* The program that FAKELLM names; fails the test when it does not start. */
void fakellm_start(struct fakellm *llm);
/* Nothing for one that was never started, or in a child of fork(). */
void fakellm_stop(struct fakellm *llm);
