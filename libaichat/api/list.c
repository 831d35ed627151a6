/*
 * Lists of conversations, page by page. A page's cursor is the place of its last row in
 * the order of the list: time and id.
 */

#include <inttypes.h>
#include <stdio.h>

#include <aichat/conversation.h>

#include "api/conversation.h"
#include "base/mem.h"
#include "base/utf8.h"

#define CURSOR_TEXT (20 + 1 + AIC_ID_TEXT)

struct aichat_list {
	_Atomic unsigned refs;
	struct aic_conversation_rows rows;
	char (*ids)[AIC_ID_TEXT];
	char cursor[CURSOR_TEXT];
};

static bool read_cursor(const char *text, int64_t *ret_updated, struct aic_id *ret_id)
{
	const bool negative = *text == '-'; /* before 1970 */
	const char *digits = text + negative;
	const char *at = digits;
	int64_t updated = 0;

	while (*at >= '0' && *at <= '9' && at - digits < 18)
		updated = updated * 10 + (*at++ - '0');
	if (at == digits || *at != '-' || !aic_id_parse(at + 1, strlen(at + 1), ret_id))
		return false;
	*ret_updated = negative ? -updated : updated;
	return true;
}

int aichat_conversation_list(aichat *ai, const char *after, size_t limit,
			     aichat_list **ret_list, aichat_error **reterr)
{
	return aichat_conversation_list_filtered(ai, 0, NULL, NULL, after, limit,
						 ret_list, reterr);
}

int aichat_conversation_list_filtered(aichat *ai, int archived, const char *tag,
				      const char *text, const char *after, size_t limit,
				      aichat_list **ret_list, aichat_error **reterr)
{
	struct aic_id before = { 0 };
	const struct aic_conversation_filter filter = {
		.archived = archived != 0,
		.tag = tag,
		.text = text,
	};
	int64_t updated = INT64_MAX;

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);
	if (rc < 0)
		return rc;
	if (limit < 1 || limit > AIC_LIST_MAX)
		return aic_error_set(reterr, AICHAT_EINVAL, "a list has 1 to %d entries",
				     AIC_LIST_MAX);
	if (after && !read_cursor(after, &updated, &before))
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "\"%.64s\" is no list's cursor", after);
	if ((tag && !aic_utf8_valid(tag, strlen(tag))) ||
	    (text && !aic_utf8_valid(text, strlen(text))))
		return aic_error_set(reterr, AICHAT_EUTF8, "the filter is not UTF-8");
	struct aichat_list *list = aic_new(struct aichat_list);
	if (!list)
		return aic_error_nomem(reterr);
	list->refs = 1;
	/* One more than wanted tells whether there is a next page. */
	rc = aic_store_conversations(core->store, ai->owner, &filter, updated,
				     after ? &before : NULL, limit + 1, &list->rows,
				     reterr);
	if (rc == 0 &&
	    !(list->ids = aic_calloc(list->rows.count + 1, sizeof(*list->ids))))
		rc = aic_error_nomem(reterr);
	if (rc < 0) {
		aichat_list_unref(list);
		return rc;
	}
	if (list->rows.count > limit) {
		list->rows.count = limit;
		aic_conversation_row_done(&list->rows.items[limit]);
		const struct aic_conversation_row *last = &list->rows.items[limit - 1];
		char id[AIC_ID_TEXT];
		snprintf(list->cursor, sizeof(list->cursor), "%" PRId64 "-%s",
			 last->updated_unix_ms, aic_id_text(&last->id, id));
	}
	for (size_t i = 0; i < list->rows.count; i++)
		aic_id_text(&list->rows.items[i].id, list->ids[i]);
	*ret_list = list;
	return 0;
}

size_t aichat_list_count(const aichat_list *list)
{
	return list ? list->rows.count : 0;
}

const char *aichat_list_id(const aichat_list *list, size_t n)
{
	return n < aichat_list_count(list) ? list->ids[n] : NULL;
}

const char *aichat_list_title(const aichat_list *list, size_t n)
{
	if (n >= aichat_list_count(list))
		return NULL;
	const char *title = list->rows.items[n].title;
	return title ? title : "";
}

int64_t aichat_list_updated_unix_ms(const aichat_list *list, size_t n)
{
	return n < aichat_list_count(list) ? list->rows.items[n].updated_unix_ms : 0;
}

int aichat_list_to_json(const aichat_list *list, size_t n, char **ret_json,
			size_t *ret_json_len)
{
	return n < aichat_list_count(list)
		       ? aic_conversation_row_json(&list->rows.items[n], ret_json,
						   ret_json_len)
		       : AICHAT_EINVAL;
}

const char *aichat_list_cursor(const aichat_list *list)
{
	return list && list->cursor[0] ? list->cursor : NULL;
}

aichat_list *aichat_list_unref(aichat_list *list)
{
	if (list &&
	    atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) == 1) {
		aic_conversation_rows_done(&list->rows);
		aic_free(list->ids);
		aic_free(list);
	}
	return NULL;
}
