/*
 * One page of a list.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

size_t page_limit(const struct call *call)
{
	return (size_t)call_int(call->query, "limit", PAGE_LIMIT);
}

const char *page_cursor(const struct call *call)
{
	return call_text(call->query, "cursor", NULL);
}

aichat_json_writer *page_begin(void)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "object", -1);
	aichat_json_writer_string(w, "list", -1);
	aichat_json_writer_key(w, "data", -1);
	aichat_json_writer_begin_array(w);
	return w;
}

/* The same request with another cursor. Cursors are letters, digits and dashes. */
static void set_link(struct call *call, const char *cursor)
{
	const char *path = http_path(call->request);
	const char *query = http_query(call->request);
	size_t room = strlen(path) + strlen(query) + strlen(cursor) + 32;
	char *link = malloc(room);

	if (!link)
		return; /* next_cursor says the same */
	size_t len = (size_t)snprintf(link, room, "<%s?", path);
	for (const char *at = query; *at;) {
		size_t part = strcspn(at, "&");
		if (part && strncmp(at, "cursor=", 7) != 0)
			len += (size_t)snprintf(link + len, room - len, "%.*s&",
						(int)part, at);
		at += part + (at[part] == '&');
	}
	snprintf(link + len, room - len, "cursor=%s>; rel=\"next\"", cursor);
	http_set_header(call->request, "Link", link);
	free(link);
}

void page_answer(struct call *call, aichat_json_writer *writer, const char *next_cursor)
{
	aichat_json_writer_end_array(writer);
	aichat_json_writer_key(writer, "has_more", -1);
	aichat_json_writer_bool(writer, next_cursor != NULL);
	if (next_cursor) {
		aichat_json_writer_key(writer, "next_cursor", -1);
		aichat_json_writer_string(writer, next_cursor, -1);
		set_link(call, next_cursor);
	}
	aichat_json_writer_end_object(writer);
	call_answer(call, 200, writer);
}
