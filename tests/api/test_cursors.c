/*
 * Cursors: several on one reply, at every place, in several threads; and the descriptor,
 * which is readable exactly when there is something to take.
 */

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "suite.h"

struct viewer {
	pthread_t thread;
	aichat *ai;
	char id[40];
	uint64_t after;
	int64_t nap_ms; /* after each event */
	struct heard heard;
};

static void *view(void *argument)
{
	struct viewer *viewer = argument;
	aichat_reply *reply = open_reply(viewer->ai, viewer->id, viewer->after);

	while (hear_one(reply, &viewer->heard) == 1)
		if (viewer->nap_ms)
			sleep_ms(viewer->nap_ms);
	aichat_reply_unref(reply);
	return NULL;
}

static void start_viewer(struct viewer *viewer, aichat *ai, const char *id,
			 uint64_t after)
{
	viewer->ai = ai;
	viewer->after = after;
	snprintf(viewer->id, sizeof(viewer->id), "%s", id);
	ck_assert_int_eq(pthread_create(&viewer->thread, NULL, view, viewer), 0);
}

/* Eight threads see the same events, whether they came early or late, fast or slow. */
static void many_viewers(const char *store)
{
	aichat *ai = open_ai(store, "n/200/rate/400");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	struct viewer viewers[8] = { 0 };
	aichat_reply *reply = send_text(conv, "Everybody look.", NULL);

	hear_until(reply, &heard, AICHAT_EVENT_START);
	for (size_t i = 0; i < 8; i++) {
		viewers[i].nap_ms = i % 4 == 1 ? 3 : 0;
		start_viewer(&viewers[i], ai, i % 2 ? heard.reply_id : heard.message_id,
			     0);
		sleep_ms(30);
	}
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	for (size_t i = 0; i < 8; i++) {
		ck_assert_int_eq(pthread_join(viewers[i].thread, NULL), 0);
		ck_assert_int_eq(viewers[i].heard.result, 0);
		ck_assert_uint_eq(viewers[i].heard.last_seq, heard.last_seq);
		ck_assert_str_eq(viewers[i].heard.text, heard.text);
		ck_assert_int_eq(viewers[i].heard.state, heard.state);
		heard_done(&viewers[i].heard);
	}
	heard_done(&heard);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}

START_TEST(viewers_in_memory)
{
	many_viewers("memory:");
}
END_TEST

START_TEST(viewers_on_disk)
{
	many_viewers(support_path("viewers.db"));
}
END_TEST

/* Opened after event N, a cursor tells exactly the rest, running or over. */
START_TEST(every_place)
{
	aichat *ai = open_ai(support_path("places.db"), "n/60/rate/300");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard whole = { 0 };
	aichat_reply *reply = send_text(conv, "Number them.", NULL);
	char id[40];

	snprintf(id, sizeof(id), "%s", aichat_reply_id(reply));
	while (hear_one(reply, &whole) == 1) {
		/* While it runs: the next event of a cursor here is the next there. */
		aichat_reply *late = open_reply(ai, id, whole.last_seq);
		struct heard heard = { .any = true, .last_seq = whole.last_seq };
		if (hear_one(late, &heard) == 1)
			ck_assert_uint_eq(heard.last_seq, whole.last_seq + 1);
		else
			ck_assert_int_ne(whole.terminal, 0);
		heard_done(&heard);
		aichat_reply_unref(late);
	}
	ck_assert_int_eq(whole.state, AICHAT_REPLY_COMPLETE);
	for (uint64_t after = 0; after <= whole.last_seq + 1; after++) {
		struct heard heard = { .any = true, .last_seq = after };
		aichat_reply *late = open_reply(ai, id, after);
		hear_one(late, &heard);
		while (heard.result == 1)
			hear_one(late, &heard);
		ck_assert_int_eq(heard.result, 0);
		size_t len = heard.text_len;
		ck_assert_uint_eq(heard.events,
				  after < whole.last_seq ? whole.last_seq - after : 0);
		if (len)
			ck_assert_str_eq(heard.text, whole.text + whole.text_len - len);
		heard_done(&heard);
		aichat_reply_unref(late);
	}
	heard_done(&whole);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

START_TEST(open_errors)
{
	aichat *ai = open_ai("memory:", "n/1");
	aichat_reply *reply = NULL;

	expect(aichat_reply_open(ai, "nonsense", 0, &reply, &error), AICHAT_EINVAL);
	expect(aichat_reply_open(ai, NULL, 0, &reply, &error), AICHAT_EINVAL);
	expect(aichat_reply_open(NULL, "x", 0, &reply, &error), AICHAT_EINVAL);
	expect(aichat_reply_open(ai, "0197a000-0000-7000-8000-000000000000", 0, &reply,
				 &error),
	       AICHAT_ENOTFOUND);
	ck_assert_ptr_null(reply);
	ck_assert_ptr_null(aichat_reply_unref(NULL));
	ck_assert_ptr_null(aichat_reply_ref(NULL));
	ck_assert_int_eq(aichat_reply_next(NULL, 0, NULL), AICHAT_EINVAL);
	aichat_close(ai);
}
END_TEST

/* A reader that stands still holds up nobody, and misses nothing. */
START_TEST(slow_reader)
{
	aichat *ai = open_ai(support_path("slow.db"), "n/4000/bytes/400");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard slow = { 0 };
	struct heard fast = { 0 };
	aichat_reply *reply = send_text(conv, "A megabyte and a half.", NULL);

	hear_until(reply, &slow, AICHAT_EVENT_START);
	aichat_reply *other = open_reply(ai, aichat_reply_id(reply), 0);
	hear(other, &fast);
	ck_assert_int_eq(fast.state, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(fast.text_len, 4000 * 400);
	hear(reply, &slow);
	ck_assert_str_eq(slow.text, fast.text);
	ck_assert_uint_eq(slow.last_seq, fast.last_seq);
	aichat_reply_unref(other);
	aichat_reply_unref(reply);
	heard_done(&slow);
	heard_done(&fast);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What nobody takes of a reply that is not stored stays with the provider. */
START_TEST(slow_reader_of_stateless)
{
	/* A pause of ours is no silence of the provider's. */
	aichat *ai = open_ai("memory:", "n/5000/bytes/1000", "event_timeout_ms", "1000");
	struct heard heard = { 0 };
	aichat_reply *reply = complete_text(ai, "Five megabytes.", NULL);

	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	sleep_ms(300);
	long before = resident_kib();
	sleep_ms(1500);
	/* The message itself grows with what was read, so reading must have stopped. */
	ck_assert_int_lt(resident_kib() - before, 4096);
	hear(reply, &heard);
	ck_assert_int_eq(heard.state, AICHAT_REPLY_COMPLETE);
	ck_assert_uint_eq(heard.text_len, 5000u * 1000u);
	aichat_reply_unref(reply);
	heard_done(&heard);
	aichat_close(ai);
}
END_TEST

/* ---- the descriptor ---- */

static bool readable(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int n = poll(&ready, 1, 0);

	ck_assert_int_ge(n, 0);
	return n == 1;
}

/* Polls say what next(0) would do. Between the two only "no" may become "yes". */
static void check_rule(const char *store, const char *elements, bool late_fd)
{
	aichat *ai = open_ai(store, elements);
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };
	aichat_reply *reply = send_text(conv, "Poll me.", NULL);
	const aichat_event *event = NULL;
	int fd = -1;
	int64_t deadline = now_ms() + STEP_MS;

	if (late_fd)
		sleep_ms(100);
	expect(aichat_reply_fd(reply, &fd, &error), 0);
	for (int result = 1; result != 0;) {
		bool before = readable(fd);
		result = aichat_reply_next(reply, 0, &event);
		if (before)
			ck_assert_int_eq(result, 1);
		if (result == 1) {
			heard.events++;
			heard.terminal = aichat_event_type(event);
			continue;
		}
		ck_assert(!before);
		if (result == 0)
			break;
		ck_assert_int_eq(result, AICHAT_EAGAIN);
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ck_assert_int_eq(poll(&ready, 1, STEP_MS), 1);
		ck_assert_int_lt(now_ms(), deadline);
	}
	ck_assert_int_eq(heard.terminal, AICHAT_EVENT_DONE);
	ck_assert(!readable(fd));
	int again = -1;
	expect(aichat_reply_fd(reply, &again, &error), 0);
	ck_assert_int_eq(again, fd);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}

START_TEST(fd_fast)
{
	check_rule("memory:", "n/2000", false);
	check_rule(support_path("fd.db"), "n/2000", true);
}
END_TEST

START_TEST(fd_slow)
{
	check_rule("memory:", "n/100/rate/200", false);
	check_rule(support_path("fd.db"), "n/100/rate/200", false);
}
END_TEST

/* Two replies and a timer in one loop, which wakes for a reason or not at all. */
START_TEST(fd_loop)
{
	aichat *ai = open_ai("memory:", "n/2000/rate/2000");
	aichat_conversation *one = new_conversation(ai, NULL);
	aichat_conversation *two = new_conversation(ai, NULL);
	aichat_reply *replies[2] = { send_text(one, "one", NULL),
				     send_text(two, "two", NULL) };
	struct heard heard[2] = { 0 };
	struct pollfd fds[3] = { 0 };
	struct itimerspec every = { .it_value = { .tv_nsec = 20000000 },
				    .it_interval = { .tv_nsec = 20000000 } };
	size_t wakeups = 0, for_nothing = 0, ticks = 0;

	fds[2].fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	ck_assert_int_eq(timerfd_settime(fds[2].fd, 0, &every, NULL), 0);
	for (int i = 0; i < 3; i++)
		fds[i].events = POLLIN;
	for (int i = 0; i < 2; i++)
		expect(aichat_reply_fd(replies[i], &fds[i].fd, &error), 0);
	while (!heard[0].terminal || !heard[1].terminal) {
		uint64_t expirations;
		ck_assert_int_ge(poll(fds, 3, STEP_MS), 1);
		wakeups++;
		if (fds[2].revents & POLLIN) {
			ck_assert_int_eq(read(fds[2].fd, &expirations, 8), 8);
			ticks++;
		}
		for (int i = 0; i < 2; i++) {
			const aichat_event *event = NULL;
			size_t taken = 0;
			if (!(fds[i].revents & POLLIN))
				continue;
			while (aichat_reply_next(replies[i], 0, &event) == 1) {
				taken++;
				heard[i].text_len += aichat_event_text_len(event);
				if (aichat_event_type(event) >= AICHAT_EVENT_DONE)
					heard[i].terminal = aichat_event_type(event);
			}
			for_nothing += taken == 0;
		}
	}
	ck_assert_uint_eq(for_nothing, 0);
	ck_assert_uint_gt(ticks, 5);
	/* Each event wakes the loop once at most. */
	ck_assert_uint_lt(wakeups, 2 * 2100 + ticks + 1);
	ck_assert_uint_eq(heard[0].text_len, heard[1].text_len);
	close(fds[2].fd);
	aichat_reply_unref(replies[0]);
	aichat_reply_unref(replies[1]);
	aichat_conversation_unref(one);
	aichat_conversation_unref(two);
	aichat_close(ai);
}
END_TEST

/* 64 conversations in one thread, and each reply whole. */
/* Who polls learns that the context is closed, as who waits does. */
START_TEST(fd_at_close)
{
	aichat *ai = open_ai("memory:", "tools/1");
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;
	const aichat_event *event = NULL;
	int fd = -1;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, "Do.", -1, &message), 0);
	expect(aichat_complete(ai, &message, 1,
			       "[{\"name\":\"do\",\"parameters\":{\"type\":\"object\"}}]",
			       -1, NULL, &reply, &error),
	       0);
	expect(aichat_reply_fd(reply, &fd, &error), 0);
	do
		ck_assert_int_eq(aichat_reply_next(reply, STEP_MS, &event), 1);
	while (aichat_event_type(event) != AICHAT_EVENT_MESSAGE);
	ck_assert_int_eq(aichat_reply_next(reply, 0, &event), AICHAT_EAGAIN);
	ck_assert(!readable(fd));
	aichat_close(ai);
	ck_assert(readable(fd));
	ck_assert_int_eq(aichat_reply_next(reply, 0, &event), AICHAT_ECLOSED);
	ck_assert(readable(fd));
	aichat_reply_unref(reply);
	aichat_message_unref(message);
}
END_TEST

START_TEST(fd_many)
{
	aichat *ai = open_ai("memory:", "n/40/rate/100");
	aichat_conversation *convs[64];
	aichat_reply *replies[64];
	struct pollfd fds[64];
	size_t lengths[64] = { 0 };
	size_t open = 64;

	for (size_t i = 0; i < 64; i++) {
		convs[i] = new_conversation(ai, NULL);
		replies[i] = send_text(convs[i], "One of many.", NULL);
		fds[i].events = POLLIN;
		expect(aichat_reply_fd(replies[i], &fds[i].fd, &error), 0);
	}
	while (open) {
		ck_assert_int_ge(poll(fds, 64, STEP_MS), 1);
		for (size_t i = 0; i < 64; i++) {
			const aichat_event *event = NULL;
			while (fds[i].revents & POLLIN &&
			       aichat_reply_next(replies[i], 0, &event) == 1) {
				lengths[i] += aichat_event_text_len(event);
				if (aichat_event_type(event) < AICHAT_EVENT_DONE)
					continue;
				ck_assert_int_eq(aichat_event_state(event),
						 AICHAT_REPLY_COMPLETE);
				open--;
			}
		}
	}
	for (size_t i = 0; i < 64; i++) {
		ck_assert_uint_eq(lengths[i], lengths[0]);
		aichat_reply_unref(replies[i]);
		aichat_conversation_unref(convs[i]);
	}
	verify(ai);
	aichat_close(ai);
}
END_TEST

static void *converse(void *argument)
{
	aichat *ai = argument;
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	for (int turn = 0; turn < 3; turn++) {
		char text[32];
		snprintf(text, sizeof(text), "turn %d", turn);
		heard_done(&heard);
		hear_done(send_text(conv, text, NULL), &heard, AICHAT_REPLY_COMPLETE);
		ck_assert_str_eq(heard.text, text);
	}
	aichat_messages *path = NULL;
	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 6);
	aichat_messages_unref(path);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	return NULL;
}

START_TEST(threads)
{
	aichat *ai = open_ai(support_path("threads.db"), "echo");
	pthread_t running[16];
	aichat_list *list = NULL;

	for (size_t i = 0; i < 16; i++)
		ck_assert_int_eq(pthread_create(&running[i], NULL, converse, ai), 0);
	for (size_t i = 0; i < 16; i++)
		ck_assert_int_eq(pthread_join(running[i], NULL), 0);
	expect(aichat_conversation_list(ai, NULL, 100, &list, &error), 0);
	ck_assert_uint_eq(aichat_list_count(list), 16);
	aichat_list_unref(list);
	verify(ai);
	aichat_close(ai);
}
END_TEST

START_TEST(timeouts)
{
	aichat *ai = open_ai("memory:", "delay/1500/n/1");
	aichat_reply *reply = complete_text(ai, "Not yet.", NULL);
	const aichat_event *event = NULL;

	ck_assert_int_eq(aichat_reply_next(reply, 1000, &event), 1); /* start */
	ck_assert_int_eq(aichat_reply_next(reply, 0, &event), AICHAT_EAGAIN);
	int64_t before = now_ms();
	ck_assert_int_eq(aichat_reply_next(reply, 100, &event), AICHAT_EAGAIN);
	ck_assert_int_ge(now_ms() - before, 99);
	ck_assert_int_eq(aichat_reply_next(reply, -1, &event), 1);
	ck_assert_int_eq(aichat_reply_next(reply, INT64_MAX, &event), 1);
	aichat_reply_unref(reply);
	aichat_close(ai);
}
END_TEST

SUITE("cursors", viewers_in_memory, viewers_on_disk, every_place, open_errors,
      slow_reader, slow_reader_of_stateless, fd_fast, fd_slow, fd_loop, fd_at_close,
      fd_many, threads, timeouts)
