#pragma once

/*
 * How many of n random cases a test runs: all of them, or the n-th part that
 * AICHAT_TEST_PART asks for, where a tool makes everything slow.
 */

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t seeds(uint64_t n)
{
	const char *part = getenv("AICHAT_TEST_PART");
	uint64_t divisor = part ? strtoull(part, NULL, 10) : 1;

	return divisor > 1 ? (n + divisor - 1) / divisor : n;
}
