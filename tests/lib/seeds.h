#pragma once

/*
 * How much a test does whose length is a number: all of it, or the n-th part that
 * AICHAT_TEST_PART asks for, where a tool makes everything slow.
 */

#include <stdint.h>
#include <stdlib.h>

/* The distance between the cases of a walk that ends by itself. */
static inline uint64_t stride(void)
{
	const char *part = getenv("AICHAT_TEST_PART");
	uint64_t divisor = part ? strtoull(part, NULL, 10) : 1;

	return divisor > 1 ? divisor : 1;
}

/* How many of n cases. */
static inline uint64_t seeds(uint64_t n)
{
	return (n + stride() - 1) / stride();
}
