#pragma once

/*
 * Answers that are one page of a list: {"object":"list","data":[...],"has_more":...,
 * "next_cursor":"..."}, and the next page's address in Link.
 */

#include "call.h"

#define PAGE_LIMIT 50
#define PAGE_LIMIT_MAX 200

/* The parameters `limit` and `cursor`, for a route's table of them. */
#define PAGE_FIELDS                                                                      \
	{ .name = "limit",                                                               \
	  .type = FIELD_INT,                                                             \
	  .minimum = 1,                                                                  \
	  .maximum = PAGE_LIMIT_MAX,                                                     \
	  .help = "the most entries of the page; 50 if it is absent" },                  \
	{                                                                                \
		.name = "cursor", .type = FIELD_STRING, .minimum = 1, .maximum = 100,    \
		.help = "`next_cursor` of the page before"                               \
	}

size_t page_limit(const struct call *call);
const char *page_cursor(const struct call *call); /* NULL for the first page */

/* The elements follow, then page_answer(), which takes the writer. */
aichat_json_writer *page_begin(void);
void page_answer(struct call *call, aichat_json_writer *writer, const char *next_cursor);
