#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "libedit.h"

/* The name is that of the ABI, Debian's and everybody's; macOS has another. */
#define LIBRARY "libedit.so.2"

struct libedit libedit;

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define FUNCTION(name) { #name, offsetof(struct libedit, name) },
	LIBEDIT_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

const char *libedit_load(void)
{
	void *handle = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

	if (!handle)
		return dlerror();
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *address = dlsym(handle, functions[i].name);
		if (!address)
			return dlerror();
		memcpy((char *)&libedit + functions[i].offset, &address, sizeof(address));
	}
	return NULL;
}
