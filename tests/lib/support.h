#pragma once

/*
 * What tests of the whole library share: a folder of their own, fakellm, contexts that
 * ask it, and what a reply tells, checked while it is taken.
 *
 *     tcase_add_checked_fixture(tcase, support_setup, support_teardown);
 *
 * The fixture checks that no descriptor and no thread is left.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <check.h>

#include <aichat/aichat.h>

#include "fakellm.h"

/* The longest that a single step of a test may take. */
#define STEP_MS 20000

extern struct fakellm support_llm;

void support_setup(void);
/* Folder and program only: for tests that count nothing. */
void support_teardown(void);
/* A path in the test's own folder; one of a few buffers in turn. */
const char *support_path(const char *name);

/* Of this process, as the kernel counts them. */
int thread_count(void);
void sleep_ms(int64_t ms);
int64_t now_ms(void);

/* ---- contexts ---- */

/*
 * Options for a context on a store ("memory:" or a path) whose providers `openai` and
 * `anthropic` are ELEMENTS of fakellm ("gen/n/5") and whose model is openai/gpt-fake.
 * Further options follow as name, value, ..., NULL.
 */
aichat_options *options_for(const char *store, const char *elements, ...)
	__attribute__((sentinel));
void set_option(aichat_options *options, const char *name, const char *value);
/* A bag of just these. */
aichat_options *bag(const char *name, ...) __attribute__((sentinel));
/* Opens and frees the options. */
aichat *open_with(aichat_options *options);
#define open_ai(store, ...) open_with(options_for(store, __VA_ARGS__, NULL))

aichat_conversation *new_conversation(aichat *ai, const aichat_options *options);
aichat_conversation *open_conversation(aichat *ai, const char *id);
aichat_reply *open_reply(aichat *ai, const char *id, uint64_t after);
aichat_reply *send_text(aichat_conversation *conv, const char *text,
			const aichat_options *options);
aichat_reply *complete_text(aichat *ai, const char *text, const aichat_options *options);
void verify(aichat *ai);

/* A result with its error: fails the test with the error's line. Frees the error. */
void expect_at(const char *file, int line, int result, int wanted, aichat_error *error);
#define expect(call, wanted)                                                             \
	do {                                                                             \
		aichat_error *error = NULL;                                              \
		int result_ = (call);                                                    \
		expect_at(__FILE__, __LINE__, result_, (wanted), error);                 \
	} while (0)

/* ---- what a reply tells ---- */

#define EVENT_TYPES 16
#define CALLS_MAX 8

struct heard {
	bool any;
	uint64_t last_seq;
	size_t events;
	size_t count[EVENT_TYPES];
	char *text, *reasoning, *arguments;
	size_t text_len, reasoning_len, arguments_len;
	int result;   /* what the last call of next returned */
	int terminal; /* AICHAT_EVENT_DONE, AICHAT_EVENT_ERROR or 0 */
	int state;
	int code, http_status;
	char line[512], request_id[128], provider_code[64];
	char reply_id[40], conversation_id[40], user_id[40]; /* of `start` */
	char message_id[40];                                 /* of the last event */
	char call_ids[CALLS_MAX][64], call_names[CALLS_MAX][64];
	size_t calls;            /* of the message that was sealed last */
	aichat_message *message; /* of the newest event that had one; a reference */
	int64_t delay_ms;        /* of the last retry */
};

void heard_done(struct heard *heard);
/* Take one event within STEP_MS and note it: what next returned. */
int hear_one(aichat_reply *reply, struct heard *heard);
/* Up to the next event of this type. */
void hear_until(aichat_reply *reply, struct heard *heard, int type);
/* To the end, or to an error of next. */
void hear(aichat_reply *reply, struct heard *heard);
/* hear() of a reply that is given back, and ends so. */
void hear_done(aichat_reply *reply, struct heard *heard, int state);

/* The text of a message; free with aichat_free(). */
char *text_of(const aichat_message *message);
/* Whether the n-th of a list has this role and text. */
void check_message(const aichat_messages *list, size_t n, int role, const char *text);
/* A string member of the JSON text, by path of keys ("message", "id"); free(). */
char *json_member(const char *json, const char *key, ...) __attribute__((sentinel));
