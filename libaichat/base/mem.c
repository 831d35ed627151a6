#include <stdlib.h>

#include "base/mem.h"

#ifdef AIC_TEST_HOOKS
#include <stdatomic.h>

static _Atomic uint64_t allocations;
static _Atomic uint64_t fail_at;
static _Atomic bool fail_on;

static bool must_fail(void)
{
	uint64_t n = atomic_fetch_add(&allocations, 1) + 1;
	uint64_t at = atomic_load(&fail_at);

	return at && (n == at || (n > at && atomic_load(&fail_on)));
}

void aic_mem_fail_at(uint64_t n, bool persistent)
{
	atomic_store(&fail_at, 0);
	atomic_store(&allocations, 0);
	atomic_store(&fail_on, persistent);
	atomic_store(&fail_at, n);
}

uint64_t aic_mem_count(void)
{
	return atomic_load(&allocations);
}
#else
static inline bool must_fail(void)
{
	return false;
}
#endif

void *aic_malloc(size_t size)
{
	return must_fail() ? NULL : malloc(size ? size : 1);
}

void *aic_calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *aic_realloc_array(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || must_fail())
		return NULL;
	return realloc(old, bytes ? bytes : 1);
}

void aic_free(void *memory)
{
	free(memory);
}

char *aic_strdup(const char *text)
{
	return text ? aic_strndup(text, strlen(text)) : NULL;
}

char *aic_strndup(const char *data, size_t len)
{
	if (len == SIZE_MAX)
		return NULL;
	char *copy = aic_malloc(len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

bool aic_mem_grow(void **array, size_t element, size_t count, size_t *capacity)
{
	if (count < *capacity)
		return true;
	size_t larger = *capacity ? *capacity * 2 : 8;
	void *grown = aic_realloc_array(*array, larger, element);
	if (!grown)
		return false;
	*array = grown;
	*capacity = larger;
	return true;
}
