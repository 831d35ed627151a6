/*
 * The table is filled once, under the lock, and never changes again: whoever has come
 * through aic_curl_load() reads it without. A failure is not remembered, so that a
 * process that runs for long needs no restart when the library was installed.
 *
 * Nothing is ever unloaded: libcurl and what it brings have threads and exit handlers of
 * their own, and the program may use them, too.
 */

#include <dlfcn.h>
#include <pthread.h>

#include "net/curl.h"

/* The name is that of the ABI, which has not changed since 2006. */
#define LIBRARY "libcurl.so.4"
/* Where the options that we set exist; the same as in meson.build. */
#define VERSION_LEAST 0x075800 /* 7.88.0 */

struct aic_curl aic_curl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;
static const char *library = LIBRARY;

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define FUNCTION(name) { "curl_" #name, offsetof(struct aic_curl, name) },
	AIC_CURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* dlerror() tells of the failure of the calling thread. */
static int fail_load(aichat_error **reterr)
{
	const char *why = dlerror();

	return aic_error_set(reterr, AICHAT_ENETWORK,
			     "libcurl cannot be loaded: %s; install the package libcurl4",
			     why ? why : library);
}

static int find_functions(void *handle, aichat_error **reterr)
{
	for (size_t i = 0; i < AIC_ARRAY_LEN(functions); i++) {
		void *address = dlsym(handle, functions[i].name);
		if (!address)
			return fail_load(reterr);
		memcpy((char *)&aic_curl + functions[i].offset, &address,
		       sizeof(address));
	}
	return 0;
}

static int load(aichat_error **reterr)
{
	/* Now would cost a fifth more, most of it for functions that nobody calls. */
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
	if (!handle)
		return fail_load(reterr);
	int result = find_functions(handle, reterr);
	if (result)
		return result;
	CURLcode bad = aic_curl.global_init(CURL_GLOBAL_DEFAULT);
	if (bad)
		return aic_error_set(reterr, AICHAT_ENETWORK,
				     "libcurl cannot be started: %s",
				     aic_curl.easy_strerror(bad));
	const curl_version_info_data *info = aic_curl.version_info(CURLVERSION_NOW);
	if (info->version_num < VERSION_LEAST)
		return aic_error_set(reterr, AICHAT_ENETWORK,
				     "libcurl %s is too old; install 7.88 or newer",
				     info->version);
	return 0;
}

int aic_curl_load(aichat_error **reterr)
{
	int result = 0;

	pthread_mutex_lock(&lock);
	if (!loaded)
		result = load(reterr);
	loaded = result == 0;
	pthread_mutex_unlock(&lock);
	return result;
}

#ifdef AIC_TEST_HOOKS
void aic_curl_set_name(const char *name)
{
	pthread_mutex_lock(&lock);
	library = name ? name : LIBRARY;
	pthread_mutex_unlock(&lock);
}
#endif
