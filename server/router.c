/*
 * From a method and a path to a row of the route table.
 */

#include <string.h>

#include "route.h"

#define ROUTES(name) extern const struct route routes_##name[];
#include "routes.inc"
#undef ROUTES

static const struct route *const tables[] = {
#define ROUTES(name) routes_##name,
#include "routes.inc"
#undef ROUTES
};

const struct route *route_at(int n)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct route *route = tables[i]; route->method; route++)
			if (n-- == 0)
				return route;
	return NULL;
}

/* The value of a {name}: what ids and names are made of, nothing encoded. A {name*} at
 * the end takes slashes, too. */
static size_t value_length(const char *path, bool rest)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@";
	size_t len = strspn(path, alphabet);

	while (rest && path[len] == '/' && path[len + 1])
		len += 1 + strspn(path + len + 1, alphabet);
	return len;
}

static bool matches(const char *pattern, const char *path,
		    char values[PATH_VALUES_MAX][128])
{
	int count = 0;

	while (*pattern) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		const char *end = strchr(pattern, '}');
		size_t len = value_length(path, end[-1] == '*');
		if (len == 0 || len >= sizeof(values[0]) || count == PATH_VALUES_MAX)
			return false;
		memcpy(values[count], path, len);
		values[count++][len] = '\0';
		path += len;
		pattern = end + 1;
	}
	return *path == '\0';
}

/* Add a method to a list that Allow takes. */
static void allow(char list[64], const char *method)
{
	size_t len = strlen(list), more = strlen(method);

	if (strstr(list, method) || len + more + 3 > 64)
		return;
	if (len) {
		memcpy(list + len, ", ", 2);
		len += 2;
	}
	memcpy(list + len, method, more + 1);
}

const struct route *route_find(const char *method, const char *path,
			       char values[PATH_VALUES_MAX][128], int *ret_status,
			       char ret_allow[64])
{
	const struct route *route;

	ret_allow[0] = '\0';
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (route = tables[i]; route->method; route++) {
			if (!matches(route->path, path, values))
				continue;
			if (strcmp(route->method, method) == 0)
				return route;
			allow(ret_allow, route->method);
			if (strcmp(route->method, "GET") == 0)
				allow(ret_allow, "HEAD");
		}
	}
	*ret_status = ret_allow[0] ? 405 : 404;
	return NULL;
}
