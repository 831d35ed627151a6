/*
 * Who guesses passwords has to wait, whatever else is asked meanwhile.
 */

#include <stdio.h>

#include "log.h"
#include "password.h"
#include "suite.h"

#define OTHERS 20000 /* far more than there is room for */

static int64_t now_us;

int64_t clock_mono_us(void)
{
	return now_us;
}

static void guess(const char *name, const char *peer, int count)
{
	for (int i = 0; i < count; i++)
		throttle_note(name, peer, false);
}

START_TEST(waiting_gets_longer)
{
	now_us = 1000000;
	guess("ann", "192.0.2.1", 4);
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 0);
	guess("ann", "192.0.2.1", 1);
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 1000);
	guess("ann", "192.0.2.1", 1);
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 2000);
	ck_assert_int_eq(throttle_wait_ms("bob", "192.0.2.1"), 0);
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.2"), 0);
	now_us += 2000000;
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 0);
	ck_assert(!throttle_note("ann", "192.0.2.1", true));
	guess("ann", "192.0.2.1", 4);
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 0);
}
END_TEST

START_TEST(all_names_of_an_address)
{
	char name[24];

	now_us = 1000000;
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		guess(name, "192.0.2.1", 1);
	}
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 1000);
}
END_TEST

/* Attempts that are refused cost nothing, so they must not change anything. */
START_TEST(asking_changes_nothing)
{
	char name[24];

	now_us = 1000000;
	guess("ann", "192.0.2.1", 9);
	for (int i = 0; i < OTHERS; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		throttle_wait_ms(name, "192.0.2.1");
	}
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 16000);
}
END_TEST

START_TEST(others_push_nobody_out)
{
	char peer[24];

	now_us = 1000000;
	guess("ann", "192.0.2.1", 9);
	for (int i = 0; i < OTHERS; i++) {
		snprintf(peer, sizeof(peer), "10.0.%d.%d", i / 256, i % 256);
		guess("bob", peer, 1);
	}
	ck_assert_int_eq(throttle_wait_ms("ann", "192.0.2.1"), 16000);
}
END_TEST

SUITE("password", waiting_gets_longer, all_names_of_an_address, asking_changes_nothing,
      others_push_nobody_out)
