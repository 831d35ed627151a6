#pragma once

/* The files of web/, compiled in. */

#include <stddef.h>

struct web_file {
	const char *path; /* where they are asked for */
	const char *type;
	const char *bytes;
	size_t len;
};

/* By its path; NULL for none. */
const struct web_file *web_find(const char *path);
