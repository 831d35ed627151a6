#pragma once

/*
 * `aichat`: a view of a core for one owner. The plain one and those made by
 * aichat_for_owner() differ in the owner's name, and in that closing the plain one closes
 * the core.
 */

#include <aichat/aichat.h>

#include "chat/core.h"

#define AIC_OWNER_LOCAL "local"
#define AIC_OWNER_MAX 128
/* The longest page of a list. */
#define AIC_LIST_MAX 1000
#define AIC_TEXT_MAX ((size_t)16 << 20) /* of a message, a result, tools */

struct aichat {
	_Atomic unsigned refs; /* of conversations, and one of the application */
	struct aic_core *core;
	char *owner;
	bool is_view;
};

struct aichat *aic_context_ref(struct aichat *ai);
struct aichat *aic_context_unref(struct aichat *ai);
/* NULL, a copy of another process, closed: as aic_core_check(). */
int aic_context_check(const struct aichat *ai, aichat_error **reterr);
/* The same, and the core stays open until aic_core_exit(*ret_core). */
int aic_context_enter(const struct aichat *ai, struct aic_core **ret_core,
		      aichat_error **reterr);
/* Bytes of a text whose length may be -1 for NUL-terminated. AICHAT_EINVAL, AICHAT_EUTF8,
 * AICHAT_ETOOLARGE; `what` begins the error's line. */
int aic_text_argument(const char *text, int64_t len, const char *what,
		      struct aic_str *ret, aichat_error **reterr);
/* The same for tools: AICHAT_EJSON, AICHAT_EINVAL. */
int aic_tools_argument(const char *json, int64_t len, struct aic_str *ret,
		       size_t *ret_count, aichat_error **reterr);
/*
 * Of a list whose cursor is a number: AICHAT_EINVAL for the limit or the cursor.
 * `begin` is the number to begin with when there is no cursor.
 */
int aic_page_arguments(size_t limit, size_t max, const char *cursor, int64_t begin,
		       int64_t *ret_number, aichat_error **reterr);
#define AIC_CURSOR_TEXT 24
void aic_page_cursor(int64_t number, char text[AIC_CURSOR_TEXT]);
int aic_id_argument(const char *text, const char *what, struct aic_id *ret,
		    aichat_error **reterr);
