#pragma once

/*
 * The only place that allocates. Test builds can make the n-th allocation fail,
 * once or from then on, so that every path of a failing allocation can be walked.
 */

#include "base/common.h"

void *aic_malloc(size_t size) __attribute__((malloc, warn_unused_result));
void *aic_calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
/* NULL when count * size overflows, too. */
void *aic_realloc_array(void *old, size_t count, size_t size)
	__attribute__((warn_unused_result));
void aic_free(void *memory);

/* Copies; NULL for out of memory or for a NULL text. */
char *aic_strdup(const char *text);
/* Copies len bytes and adds a NUL. */
char *aic_strndup(const char *data, size_t len);

#define aic_new(type) ((type *)aic_calloc(1, sizeof(type)))

static inline void aic_freep(void *pointer)
{
	aic_free(*(void **)pointer);
}

/*
 * Make room for one more element of an array that doubles; false for out of memory.
 * `AIC_GROW(list->items, list->count, &list->capacity)`
 */
#define AIC_GROW(array, count, capacity)                                                 \
	aic_mem_grow((void **)&(array), sizeof(*(array)), (count), (capacity))
bool aic_mem_grow(void **array, size_t element, size_t count, size_t *capacity);

#ifdef AIC_TEST_HOOKS
/* Fail the n-th allocation from now (1 = the next); persistent: and all after it. 0 =
 * off. */
void aic_mem_fail_at(uint64_t n, bool persistent);
/* Allocations since the last aic_mem_fail_at(). */
uint64_t aic_mem_count(void);
#endif
