#pragma once

/*
 * What every file of the library may use: compiler attributes, ownership by
 * attribute, and borrowed strings.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AIC_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define AIC_CLEANUP(function) __attribute__((cleanup(function)))
#define AIC_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define AIC_UNUSED __attribute__((unused))
#define AIC_LIKELY(x) __builtin_expect(!!(x), 1)
#define AIC_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Hand over what an owned variable holds; the variable is empty afterwards. */
#define AIC_TAKE(variable)                                                               \
	__extension__({                                                                  \
		__auto_type aic_taken_ = (variable);                                     \
		(variable) = NULL;                                                       \
		aic_taken_;                                                              \
	})

#define AIC_MIN(a, b)                                                                    \
	__extension__({                                                                  \
		__auto_type aic_min_a_ = (a);                                            \
		__auto_type aic_min_b_ = (b);                                            \
		aic_min_a_ < aic_min_b_ ? aic_min_a_ : aic_min_b_;                       \
	})

#define AIC_MAX(a, b)                                                                    \
	__extension__({                                                                  \
		__auto_type aic_max_a_ = (a);                                            \
		__auto_type aic_max_b_ = (b);                                            \
		aic_max_a_ > aic_max_b_ ? aic_max_a_ : aic_max_b_;                       \
	})

/* Define a cleanup function for a pointer: `AIC_CLEANUP(aic_x_freep) struct x *v`. */
#define AIC_DEFINE_CLEANUP(type, function)                                               \
	static inline void function##p(type *pointer)                                    \
	{                                                                                \
		if (*pointer)                                                            \
			function(*pointer);                                              \
	}

/* An impossible state: stops test builds, is an error value in release builds. */
#ifdef AIC_TEST_HOOKS
#define AIC_BUG(result) __builtin_trap()
#else
#define AIC_BUG(result) return (result)
#endif

/* A borrowed run of bytes, usually UTF-8; not NUL-terminated. */
struct aic_str {
	const char *data;
	size_t len;
};

#define AIC_STR(literal) ((struct aic_str){ "" literal, sizeof(literal) - 1 })

static inline struct aic_str aic_str(const char *text)
{
	return (struct aic_str){ text, text ? strlen(text) : 0 };
}

static inline bool aic_str_equal(struct aic_str a, struct aic_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool aic_str_is(struct aic_str a, const char *text)
{
	return aic_str_equal(a, aic_str(text));
}

/* strcmp that takes NULL for a missing string. */
static inline bool aic_streq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}
