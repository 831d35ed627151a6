/*
 * Fault points of test builds. The table is filled once, from AICHAT_FAULT at the
 * first passage or by aic_fault_set(); `lock` guards it.
 */

#include "base/fault.h"

#ifdef AIC_TEST_HOOKS

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum action {
	FAIL,
	KILL,
	DELAY,
};

#define FAULTS_MAX 16
#define NAME_MAX_BYTES 64

struct fault {
	char name[NAME_MAX_BYTES];
	enum action action;
	unsigned long delay_ms;
	unsigned long at; /* the only passage that is meant; 0 = every one */
	unsigned long passages;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULTS_MAX];
static size_t count;
static bool loaded;

/* NAME:kill, NAME:fail or NAME:delay=MS, each perhaps with @N. */
static bool parse_one(const char *text, size_t len, struct fault *ret)
{
	char spec[2 * NAME_MAX_BYTES];
	char *end;

	if (len >= sizeof(spec))
		return false;
	memcpy(spec, text, len);
	spec[len] = '\0';
	*ret = (struct fault){ .action = FAIL };
	char *at = strrchr(spec, '@');
	if (at) {
		*at = '\0';
		ret->at = strtoul(at + 1, &end, 10);
		if (*end || !ret->at)
			return false;
	}
	char *action = strrchr(spec, ':');
	if (!action || action == spec || action - spec >= NAME_MAX_BYTES)
		return false;
	*action++ = '\0';
	memcpy(ret->name, spec, strlen(spec) + 1);
	if (strcmp(action, "kill") == 0) {
		ret->action = KILL;
	} else if (strncmp(action, "delay=", 6) == 0) {
		ret->action = DELAY;
		ret->delay_ms = strtoul(action + 6, &end, 10);
		return end > action + 6 && !*end;
	} else {
		return strcmp(action, "fail") == 0;
	}
	return true;
}

static void load(const char *text)
{
	count = 0;
	loaded = true;
	while (text && *text && count < FAULTS_MAX) {
		size_t len = strcspn(text, ",");
		/* A typing error would be a test that tests nothing. */
		if (!parse_one(text, len, &faults[count]))
			__builtin_trap();
		count++;
		text += len;
		text += *text == ',';
	}
}

void aic_fault_set(const char *text)
{
	pthread_mutex_lock(&lock);
	load(text);
	loaded = text;
	pthread_mutex_unlock(&lock);
}

static void wait_ms(unsigned long ms)
{
	struct timespec left = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

bool aic_fault(const char *name)
{
	bool fail = false;
	unsigned long delay_ms = 0;

	pthread_mutex_lock(&lock);
	if (!loaded)
		load(secure_getenv("AICHAT_FAULT")); /* test builds only */
	for (size_t i = 0; i < count; i++) {
		struct fault *fault = &faults[i];
		if (strcmp(fault->name, name) != 0)
			continue;
		fault->passages++;
		if (fault->at && fault->at != fault->passages)
			continue;
		if (fault->action == KILL)
			raise(SIGKILL);
		else if (fault->action == DELAY)
			delay_ms += fault->delay_ms;
		else
			fail = true;
	}
	pthread_mutex_unlock(&lock);
	if (delay_ms)
		wait_ms(delay_ms);
	return fail;
}

#else
typedef int aic_fault_no_empty_unit; /* ISO C wants a declaration in every file */
#endif
