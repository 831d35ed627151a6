/*
 * The descriptor's rule under load: 100,000 events through each kind of loop. A loop that
 * waits in vain lost a wakeup; one that wakes and finds nothing would spin.
 */

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "suite.h"

#define REPLIES 4
/* A reply that is not stored has an event for each of these, and a few more. */
#define TOKENS "n/25000"
#define EVENTS_MIN (REPLIES * 25000)

struct tally {
	size_t wakeups;
	size_t for_nothing; /* of these, that found no event */
	size_t events;
	size_t over;
};

/* At most so many events of a reply that was said to have some; -1 = all. */
static void take(aichat_reply *reply, int most, struct tally *tally)
{
	const aichat_event *event = NULL;
	size_t before = tally->events;
	int result = 1;

	while (most-- != 0 && (result = aichat_reply_next(reply, 0, &event)) == 1) {
		tally->events++;
		if (aichat_event_type(event) < AICHAT_EVENT_DONE)
			continue;
		ck_assert_int_eq(aichat_event_state(event), AICHAT_REPLY_COMPLETE);
		tally->over++;
	}
	ck_assert(result >= 0 || result == AICHAT_EAGAIN);
	tally->for_nothing += tally->events == before;
}

static void poll_loop(aichat_reply *const *replies, size_t count, int most,
		      struct tally *tally)
{
	struct pollfd fds[REPLIES];

	for (size_t i = 0; i < count; i++) {
		fds[i].events = POLLIN;
		expect(aichat_reply_fd(replies[i], &fds[i].fd, &error), 0);
	}
	while (tally->over < count) {
		int ready = poll(fds, count, STEP_MS);
		ck_assert_int_ge(ready, 1);
		for (size_t i = 0; i < count; i++) {
			if (!fds[i].revents)
				continue;
			tally->wakeups++;
			take(replies[i], most, tally);
		}
	}
	/* Over, and silent for ever. */
	ck_assert_int_eq(poll(fds, count, 10), 0);
}

static void epoll_loop(aichat_reply *const *replies, uint32_t events, struct tally *tally)
{
	int loop = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[REPLIES];

	for (size_t i = 0; i < REPLIES; i++) {
		struct epoll_event want = { .events = events, .data.ptr = replies[i] };
		int fd = -1;
		expect(aichat_reply_fd(replies[i], &fd, &error), 0);
		ck_assert_int_eq(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &want), 0);
	}
	while (tally->over < REPLIES) {
		int count = epoll_wait(loop, ready, REPLIES, STEP_MS);
		ck_assert_int_ge(count, 1);
		for (int i = 0; i < count; i++) {
			tally->wakeups++;
			take(ready[i].data.ptr, -1, tally);
		}
	}
	ck_assert_int_eq(epoll_wait(loop, ready, REPLIES, 10), 0);
	close(loop);
}

static void start_replies(aichat *ai, aichat_reply **replies)
{
	for (size_t i = 0; i < REPLIES; i++)
		replies[i] = complete_text(ai, "Many words.", NULL);
}

static void check_tally(const struct tally *tally, aichat_reply **replies)
{
	ck_assert_uint_ge(tally->events, EVENTS_MIN);
	ck_assert_uint_le(tally->wakeups, tally->events);
	ck_assert_uint_eq(tally->for_nothing, 0);
	for (size_t i = 0; i < REPLIES; i++)
		aichat_reply_unref(replies[i]);
}

static void check_poll(int most)
{
	aichat *ai = open_ai("memory:", TOKENS);
	aichat_reply *replies[REPLIES];
	struct tally tally = { 0 };

	start_replies(ai, replies);
	poll_loop(replies, REPLIES, most, &tally);
	check_tally(&tally, replies);
	if (most == 1)
		ck_assert_uint_eq(tally.wakeups, tally.events);
	aichat_close(ai);
}

START_TEST(poll_one_by_one)
{
	check_poll(1);
}
END_TEST

START_TEST(poll_all)
{
	check_poll(-1);
}
END_TEST

static void check_epoll(uint32_t events)
{
	aichat *ai = open_ai("memory:", TOKENS);
	aichat_reply *replies[REPLIES];
	struct tally tally = { 0 };

	start_replies(ai, replies);
	epoll_loop(replies, events, &tally);
	check_tally(&tally, replies);
	aichat_close(ai);
}

START_TEST(epoll_level)
{
	check_epoll(EPOLLIN);
}
END_TEST

START_TEST(epoll_edge)
{
	check_epoll(EPOLLIN | EPOLLET);
}
END_TEST

/* What was told is taken as a whole. */
static void watch_loop(aichat_reply *const *replies, struct tally *tally)
{
	aichat_watch *watch = NULL;
	uint64_t tag = 0;

	ck_assert_int_eq(aichat_watch_new(&watch), 0);
	for (size_t i = 0; i < REPLIES; i++)
		expect(aichat_watch_add(watch, replies[i], i, &error), 0);
	while (tally->over < REPLIES) {
		ck_assert_int_eq(aichat_watch_next(watch, STEP_MS, &tag), 1);
		ck_assert_uint_lt(tag, REPLIES);
		tally->wakeups++;
		take(replies[tag], -1, tally);
	}
	/* Over, and silent for ever. */
	ck_assert_int_eq(aichat_watch_next(watch, 10, &tag), AICHAT_EAGAIN);
	aichat_watch_free(watch);
}

static void start_stored(aichat *ai, aichat_reply *replies[REPLIES])
{
	for (size_t i = 0; i < REPLIES; i++) {
		aichat_conversation *conv = new_conversation(ai, NULL);
		replies[i] = send_text(conv, "Many words.", NULL);
		aichat_conversation_unref(conv);
	}
}

START_TEST(watch_all)
{
	aichat *ai = open_ai("memory:", TOKENS);
	aichat_reply *replies[REPLIES];
	struct tally tally = { 0 };

	start_replies(ai, replies);
	watch_loop(replies, &tally);
	check_tally(&tally, replies);
	aichat_close(ai);
}
END_TEST

START_TEST(watch_stored)
{
	aichat *ai = open_ai(support_path("watch.db"), "n/5000/bytes/200");

	for (int round = 0; round < 2; round++) {
		aichat_reply *replies[REPLIES];
		struct tally tally = { 0 };
		start_stored(ai, replies);
		/* Once from the start, once from where the events are on disk only. */
		if (round)
			sleep_ms(100);
		watch_loop(replies, &tally);
		ck_assert_uint_eq(tally.for_nothing, 0);
		for (size_t i = 0; i < REPLIES; i++)
			aichat_reply_unref(replies[i]);
	}
	aichat_close(ai);
}
END_TEST

static void *watch_until_woken(void *watch)
{
	uint64_t tag = 0;
	int rc = aichat_watch_next(watch, -1, &tag);

	return rc == AICHAT_EAGAIN ? watch : NULL;
}

START_TEST(a_watch_and_its_members)
{
	aichat *ai = open_ai(support_path("members.db"), "n/1000/stall/2000");
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_reply *reply = send_text(conv, "hi", NULL);
	aichat_watch *watch = NULL, *other = NULL;
	const aichat_event *event = NULL;
	struct heard heard = { 0 };
	uint64_t tag = 0;
	pthread_t thread;
	void *woken = NULL;

	ck_assert_int_eq(aichat_watch_new(NULL), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_watch_new(&watch), 0);
	ck_assert_int_eq(aichat_watch_new(&other), 0);
	ck_assert_int_eq(aichat_watch_next(NULL, 0, &tag), AICHAT_EINVAL);
	ck_assert_int_eq(aichat_watch_next(watch, 0, &tag), AICHAT_EAGAIN);
	expect(aichat_watch_add(watch, NULL, 1, &error), AICHAT_EINVAL);
	expect(aichat_watch_add(NULL, reply, 1, &error), AICHAT_EINVAL);

	/* Told once while there is something, and of nothing when that was taken. */
	hear_until(reply, &heard, AICHAT_EVENT_TEXT);
	while (aichat_reply_next(reply, 200, &event) == 1)
		heard.last_seq = aichat_event_seq(event);
	expect(aichat_watch_add(watch, reply, 7, &error), 0);
	ck_assert_int_eq(aichat_watch_next(watch, 0, &tag), AICHAT_EAGAIN);
	expect(aichat_watch_add(watch, reply, 8, &error), AICHAT_ESTATE);
	expect(aichat_watch_add(other, reply, 8, &error), AICHAT_ESTATE);
	aichat_watch_remove(other, reply); /* it is not in there */

	/* The one that waits is woken, or the next that would. */
	ck_assert_int_eq(pthread_create(&thread, NULL, watch_until_woken, watch), 0);
	sleep_ms(50);
	aichat_watch_wake(watch);
	ck_assert_int_eq(pthread_join(thread, &woken), 0);
	ck_assert_ptr_eq(woken, watch);
	aichat_watch_wake(watch);
	ck_assert_int_eq(aichat_watch_next(watch, -1, &tag), AICHAT_EAGAIN);
	aichat_watch_wake(NULL);

	/* What is there when a reply comes is told, and not any more when it goes. */
	expect(aichat_reply_cancel(reply, &error), 0);
	ck_assert_int_eq(aichat_watch_next(watch, STEP_MS, &tag), 1);
	ck_assert_uint_eq(tag, 7);
	ck_assert_int_eq(aichat_watch_next(watch, 0, &tag), AICHAT_EAGAIN);
	aichat_watch_remove(watch, reply);
	expect(aichat_watch_add(watch, reply, 9, &error), 0);
	aichat_watch_remove(watch, reply);
	ck_assert_int_eq(aichat_watch_next(watch, 0, &tag), AICHAT_EAGAIN);
	aichat_watch_remove(watch, NULL);
	aichat_watch_remove(NULL, reply);

	/* A watch keeps its members. */
	expect(aichat_watch_add(other, reply, 9, &error), 0);
	aichat_reply_unref(reply);
	ck_assert_int_eq(aichat_watch_next(other, 0, &tag), 1);
	ck_assert_ptr_null(aichat_watch_free(other));
	ck_assert_ptr_null(aichat_watch_free(watch));
	ck_assert_ptr_null(aichat_watch_free(NULL));
	heard_done(&heard);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}
END_TEST

struct looper {
	pthread_t thread;
	aichat_reply *reply;
	struct tally tally;
};

static void *run_looper(void *argument)
{
	struct looper *looper = argument;

	poll_loop(&looper->reply, 1, -1, &looper->tally);
	return NULL;
}

/* A loop in each of several threads, all of which run dry between the events. */
START_TEST(poll_in_threads)
{
	aichat *ai = open_ai("memory:", TOKENS);
	aichat_reply *replies[REPLIES];
	struct looper loopers[REPLIES] = { 0 };
	struct tally tally = { 0 };

	start_replies(ai, replies);
	for (size_t i = 0; i < REPLIES; i++) {
		loopers[i].reply = replies[i];
		ck_assert_int_eq(
			pthread_create(&loopers[i].thread, NULL, run_looper, &loopers[i]),
			0);
	}
	for (size_t i = 0; i < REPLIES; i++) {
		ck_assert_int_eq(pthread_join(loopers[i].thread, NULL), 0);
		tally.wakeups += loopers[i].tally.wakeups;
		tally.for_nothing += loopers[i].tally.for_nothing;
		tally.events += loopers[i].tally.events;
	}
	check_tally(&tally, replies);
	aichat_close(ai);
}
END_TEST

/* The writer publishes, and slow cursors read the store: the same rule. */
START_TEST(poll_stored)
{
	aichat *ai = open_ai(support_path("loops.db"), "n/5000/bytes/200");

	for (int round = 0; round < 3; round++) {
		aichat_reply *replies[REPLIES];
		struct tally tally = { 0 };
		start_stored(ai, replies);
		if (round)
			sleep_ms(100);
		poll_loop(replies, REPLIES, round == 2 ? 1 : -1, &tally);
		ck_assert_uint_eq(tally.for_nothing, 0);
		ck_assert_uint_le(tally.wakeups, tally.events);
		for (size_t i = 0; i < REPLIES; i++)
			aichat_reply_unref(replies[i]);
	}
	aichat_close(ai);
}
END_TEST

SUITE("loops", poll_one_by_one, poll_all, epoll_level, epoll_edge, poll_in_threads,
      poll_stored, watch_all, watch_stored, a_watch_and_its_members)
