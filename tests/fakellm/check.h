/* What the checks of both dialects share. */
#pragma once

#include "generate.h"

#define REFUSE_CHAT(code, param, ...)                                                    \
	(answer_error(c, p, 400, "invalid_request_error", code, param, __VA_ARGS__),     \
	 false)
#define REFUSE_MESSAGES(...)                                                             \
	(answer_error(c, p, 400, "invalid_request_error", NULL, NULL, __VA_ARGS__), false)

#define MAX_PROMPT 200000 /* tokens, as we count them */

size_t array_length(struct json_object *v); /* 0 for what is no array */
bool one_of(const char *s, const char *const *list);
bool name_ok(const char *s, size_t max); /* [A-Za-z0-9_-]{1,max} */
bool blank_text(const char *s);
int model_version(const char *model);

bool check_chat_messages(struct conn *c, const struct plan *p, struct json_object *req);
bool check_turns(struct conn *c, const struct plan *p, struct json_object *req,
		 const char *model, bool new_version);
