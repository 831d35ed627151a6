/*
 * Stopping and closing: at once, in the middle, after the end, from other threads and
 * processes, while a retry or a tool result is waited for. What came stays.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_as_other(int argc, char **argv);
#define SUITE_MAIN(argc, argv) run_as_other(argc, argv)
#include "suite.h"

static void cancel(aichat_reply *reply)
{
	expect(aichat_reply_cancel(reply, &error), 0);
}

START_TEST(at_once)
{
	aichat *ai = open_ai("memory:", "delay/5000/n/5");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Stop!", NULL);
	int64_t before = now_ms();

	cancel(reply);
	cancel(reply);
	hear(reply, &heard);
	ck_assert_int_lt(now_ms() - before, 3000);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_STOPPED);
	ck_assert_int_eq(heard.terminal, AICHAT_EVENT_DONE);
	ck_assert_ptr_null(heard.text);
	ck_assert_int_eq(aichat_message_state(heard.message), AICHAT_MESSAGE_STOPPED);
	cancel(reply); /* it is over: left as it is */
	aichat_reply_unref(reply);
	verify(ai);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(in_the_middle)
{
	static const char *const models[] = { "openai/gpt-fake",
					      "anthropic/claude-fake" };

	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai(support_path("middle.db"), "n/1000/rate/100",
				     "model", models[m]);
		aichat_conversation *conv = new_conversation(ai, NULL);
		aichat_options *quick = bag("model", "echo", NULL);
		struct heard heard = { 0 };
		aichat_reply *reply = send_text(conv, "Long story.", NULL);

		while (heard.text_len < 50)
			hear_until(reply, &heard, AICHAT_EVENT_TEXT);
		int64_t before = now_ms();
		cancel(reply);
		hear(reply, &heard);
		ck_assert_int_lt(now_ms() - before, 3000);
		ck_assert_int_eq(heard.state, AICHAT_REPLY_STOPPED);
		char *text = text_of(heard.message);
		ck_assert_str_eq(text, heard.text);
		ck_assert_uint_eq(heard.count[AICHAT_EVENT_PART_START],
				  heard.count[AICHAT_EVENT_PART_END]);
		aichat_reply_unref(reply);

		/* The question can be asked again; the stopped answer stays. */
		heard_done(&heard);
		aichat_messages *children = NULL;
		expect(aichat_conversation_retry(conv, NULL, quick, &reply, &error), 0);
		hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
		ck_assert_str_eq(heard.text, "Long story.");
		expect(aichat_conversation_children(conv, heard.user_id, &children,
						    &error),
		       0);
		ck_assert_uint_eq(aichat_messages_count(children), 2);
		check_message(children, 0, AICHAT_ROLE_ASSISTANT, text);
		aichat_messages_unref(children);
		/* And what follows a stopped answer can be asked, too. */
		aichat_free(text);
		heard_done(&heard);
		verify(ai);
		aichat_options_free(quick);
		aichat_conversation_unref(conv);
		aichat_close(ai);
	}
}
END_TEST

START_TEST(after_the_end)
{
	aichat *ai = open_ai(support_path("end.db"), "n/3");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Short.", NULL);

	hear(reply, &heard);
	cancel(reply);
	aichat_reply *again = open_reply(ai, aichat_reply_id(reply), 0);
	cancel(again);
	heard_done(&heard);
	hear_done(again, &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

static void *cancel_soon(void *argument)
{
	sleep_ms(100);
	cancel(argument);
	return NULL;
}

/* Another thread stops it while this one waits for the next event. */
static void from_thread(aichat *ai, aichat_reply *reply)
{
	pthread_t thread;
	struct heard heard = { 0 };

	(void)ai;
	hear_until(reply, &heard, AICHAT_EVENT_START);
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, reply), 0);
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_STOPPED);
	pthread_join(thread, NULL);
	heard_done(&heard);
	aichat_reply_unref(reply);
}

START_TEST(from_another_thread)
{
	aichat *ai = open_ai("memory:", "stall/0");
	aichat_conversation *conv = new_conversation(ai, NULL);

	from_thread(ai, send_text(conv, "Silence.", NULL));
	from_thread(ai, complete_text(ai, "Silence.", NULL));
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(while_a_retry_waits)
{
	aichat *ai = open_ai("memory:", "status/503/retry-after/30", "max_retries", "5");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Later.", NULL);

	hear_until(reply, &heard, AICHAT_EVENT_RETRY);
	ck_assert_int_eq(heard.code < 0, 1);
	ck_assert_int_ge(heard.delay_ms, 29000);
	int64_t before = now_ms();
	cancel(reply);
	hear_done(reply, &heard, AICHAT_REPLY_STOPPED);
	ck_assert_int_lt(now_ms() - before, 3000);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* Stop races with the end: one terminal state, and the store agrees. */
START_TEST(races_with_the_end)
{
	aichat *ai = open_ai(support_path("race.db"), "n/20");
	aichat_conversation *conv = new_conversation(ai, NULL);
	size_t stopped = 0;

	for (int i = 0; i < 60; i++) {
		struct heard heard = { 0 }, again = { 0 };
		aichat_reply *reply = send_text(conv, "Quick.", NULL);
		if (i % 3)
			sleep_ms(i % 12);
		cancel(reply);
		hear(reply, &heard);
		ck_assert_int_eq(heard.terminal, AICHAT_EVENT_DONE);
		ck_assert(heard.state == AICHAT_REPLY_STOPPED ||
			  heard.state == AICHAT_REPLY_COMPLETE);
		stopped += heard.state == AICHAT_REPLY_STOPPED;
		hear_done(open_reply(ai, aichat_reply_id(reply), 0), &again, heard.state);
		ck_assert_uint_eq(again.text_len, heard.text_len);
		aichat_reply_unref(reply);
		heard_done(&heard);
		heard_done(&again);
	}
	ck_assert_uint_ge(stopped, 1);
	verify(ai);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

#define ONE_TOOL                                                                         \
	"[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]"

/* Stop races with the step from running to waiting; it is never lost. */
START_TEST(races_with_tools)
{
	aichat *ai = open_ai("memory:", "tools/1");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_message *message = NULL;

	expect(aichat_conversation_set_tools(conv, ONE_TOOL, -1, &error), 0);
	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "Call it.", -1, &message),
			 0);
	for (int i = 0; i < 80; i++) {
		struct heard heard = { 0 };
		aichat_reply *reply = NULL;
		if (i % 2)
			reply = send_text(conv, "Call it.", NULL);
		else
			expect(aichat_complete(ai, &message, 1, ONE_TOOL, -1, NULL,
					       &reply, &error),
			       0);
		sleep_ms(i % 8);
		cancel(reply);
		hear_done(reply, &heard, AICHAT_REPLY_STOPPED);
		heard_done(&heard);
	}
	verify(ai);
	aichat_message_unref(message);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

/* ---- other processes ---- */

static void *act_as_other(void *argument)
{
	char *const *args = argument;
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv(program_invocation_name, args);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	return NULL;
}

static char **other_args;

/* As the other process: look at the reply, perhaps stop it, and see the end. */
START_TEST(watch_or_cancel)
{
	struct heard heard = { 0 };
	aichat *ai = open_ai(other_args[2], "n/1");
	aichat_reply *reply = open_reply(ai, other_args[3], 0);

	if (strcmp(other_args[1], "cancel") == 0) {
		hear_until(reply, &heard, AICHAT_EVENT_TEXT);
		cancel(reply);
	}
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, strcmp(other_args[1], "cancel") == 0
					      ? AICHAT_REPLY_STOPPED
					      : AICHAT_REPLY_COMPLETE);
	char *text = text_of(heard.message);
	ck_assert_str_eq(text, heard.text);
	aichat_free(text);
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_close(ai);
}
END_TEST

static void run_as_other(int argc, char **argv)
{
	if (argc < 5)
		return;
	other_args = argv;
	snprintf(support_llm.url, sizeof(support_llm.url), "%s", argv[4]);
	support_run_other(watch_or_cancel);
}

static void with_other(const char *what, const char *elements, int state)
{
	const char *store = support_path("shared.db");
	aichat *ai = open_ai(store, elements);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Who stops me?", NULL);
	char id[40];
	const char *args[] = { "api_cancel", what, store, id, support_llm.url, NULL };
	pthread_t thread;

	hear_until(reply, &heard, AICHAT_EVENT_START);
	snprintf(id, sizeof(id), "%s", aichat_reply_id(reply));
	ck_assert_int_eq(pthread_create(&thread, NULL, act_as_other, args), 0);
	hear_done(reply, &heard, state);
	pthread_join(thread, NULL);
	verify(ai);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}

START_TEST(from_another_process)
{
	with_other("cancel", "n/1000/rate/100", AICHAT_REPLY_STOPPED);
}
END_TEST

START_TEST(watched_by_another_process)
{
	with_other("watch", "n/100/rate/100", AICHAT_REPLY_COMPLETE);
}
END_TEST

/* ---- close ---- */

START_TEST(close_in_the_middle)
{
	const char *store = support_path("closed.db");
	aichat *ai = open_ai(store, "n/1000/rate/100");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Not to the end.", NULL);

	while (heard.text_len < 50)
		hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	int64_t before = now_ms();
	aichat_close(ai);
	ck_assert_int_lt(now_ms() - before, 5000);
	char id[40];
	snprintf(id, sizeof(id), "%s", aichat_conversation_id(conv));
	aichat_conversation_unref(conv);
	/* What is in memory may still be taken; nothing blocks. */
	while (hear_one(reply, &heard) == 1)
		;
	ck_assert(heard.result == 0 || heard.result == AICHAT_ECLOSED);
	aichat_reply_unref(reply);

	ai = open_ai(store, "n/1");
	conv = open_conversation(ai, id);
	aichat_messages *path = NULL;
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 2);
	ck_assert_int_eq(aichat_message_state(aichat_messages_at(path, 1)),
			 AICHAT_MESSAGE_INTERRUPTED);
	char *text = text_of(aichat_messages_at(path, 1));
	ck_assert(strncmp(text, heard.text, heard.text_len) == 0);
	aichat_free(text);
	struct heard after = { 0 };
	hear_done(open_reply(ai, heard.message_id, 0), &after, AICHAT_REPLY_INTERRUPTED);
	ck_assert_int_eq(after.code, AICHAT_EINTERRUPTED);
	heard_done(&after);
	/* It goes on from there. */
	hear_done(send_text(conv, "Go on.", NULL), &after, AICHAT_REPLY_COMPLETE);
	heard_done(&after);
	heard_done(&heard);
	aichat_messages_unref(path);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

static _Atomic bool reading;

static void *read_all(void *argument)
{
	aichat_conversation *conv = argument;

	while (reading) {
		aichat_messages *path = NULL;
		int rc = aichat_conversation_path(conv, 0, &path, NULL);
		ck_assert(rc == 0 || rc == AICHAT_ECLOSED);
		aichat_messages_unref(path);
	}
	return NULL;
}

static void *next_all(void *argument)
{
	const aichat_event *event = NULL;
	int rc;

	while ((rc = aichat_reply_next(argument, 1000, &event)) == 1 ||
	       rc == AICHAT_EAGAIN)
		;
	ck_assert(rc == 0 || rc == AICHAT_ECLOSED);
	return NULL;
}

/* Close while other threads read, wait and ask. */
START_TEST(close_under_load)
{
	for (int round = 0; round < 5; round++) {
		aichat *ai = open_ai(support_path("load.db"), "n/1000/rate/500");
		aichat_conversation *conv = new_conversation(ai, NULL);
		aichat_reply *stored = send_text(conv, "Read me.", NULL);
		aichat_reply *loose = complete_text(ai, "And me.", NULL);
		pthread_t threads[4];

		reading = true;
		pthread_create(&threads[0], NULL, read_all, conv);
		pthread_create(&threads[1], NULL, read_all, conv);
		pthread_create(&threads[2], NULL, next_all, stored);
		pthread_create(&threads[3], NULL, next_all, loose);
		sleep_ms(20 + 30 * round);
		aichat_close(ai);
		reading = false;
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		aichat_reply_unref(stored);
		aichat_reply_unref(loose);
		aichat_conversation_unref(conv);
	}
}
END_TEST

SUITE("cancel", at_once, in_the_middle, after_the_end, from_another_thread,
      while_a_retry_waits, races_with_the_end, races_with_tools, from_another_process,
      watched_by_another_process, close_in_the_middle, close_under_load)
