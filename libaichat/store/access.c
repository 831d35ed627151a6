/*
 * The functions of store.h over the backend's: a read takes a session that shows no dead
 * reply as running, a write wants the job that runs on this thread.
 */

#include "base/mem.h"
#include "store/store_internal.h"

#define OPS(store) ((store)->backend->ops)

int aic_store_conversation(struct aic_store *store, const char *owner,
			   const struct aic_id *id, struct aic_conversation_row *ret_row,
			   aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->conversation(session, owner, id, ret_row, reterr);
	aic_store_read_end(store, session);
	return rc;
}

int aic_store_conversations(struct aic_store *store, const char *owner,
			    const struct aic_conversation_filter *filter,
			    int64_t before_updated_unix_ms,
			    const struct aic_id *before_id, size_t limit,
			    struct aic_conversation_rows *ret_rows, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->conversations(session, owner, filter, before_updated_unix_ms,
				       before_id, limit, ret_rows, reterr);
	aic_store_read_end(store, session);
	if (rc < 0)
		aic_conversation_rows_done(ret_rows);
	return rc;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The first and the last id that begin so; false if none can. */
static bool prefix_range(const char *prefix, struct aic_id *first, struct aic_id *last)
{
	size_t digits = 0;

	memset(first->bytes, 0x00, sizeof(first->bytes));
	memset(last->bytes, 0xff, sizeof(last->bytes));
	for (size_t i = 0; prefix[i]; i++) {
		if (prefix[i] == '-' && (i == 8 || i == 13 || i == 18 || i == 23))
			continue;
		int value = hex_value(prefix[i]);
		if (value < 0 || digits >= 2 * sizeof(first->bytes))
			return false;
		unsigned shift = digits % 2 ? 0 : 4;
		unsigned char *low = &first->bytes[digits / 2];
		unsigned char *high = &last->bytes[digits / 2];
		*low = (unsigned char)(*low | (unsigned)value << shift);
		*high = (unsigned char)((*high & ~(0xfu << shift)) | (unsigned)value
									     << shift);
		digits++;
	}
	return digits > 0;
}

int aic_store_conversation_by_prefix(struct aic_store *store, const char *owner,
				     const char *prefix, struct aic_id *ret_id,
				     aichat_error **reterr)
{
	struct aic_session *session = NULL;
	struct aic_id first, last, found[2];
	size_t count = 0;

	if (prefix_range(prefix, &first, &last)) {
		int rc = aic_store_read_begin(store, &session, reterr);
		if (rc < 0)
			return rc;
		rc = OPS(store)->by_prefix(session, owner, &first, &last, found, &count,
					   reterr);
		aic_store_read_end(store, session);
		if (rc < 0)
			return rc;
	}
	if (!count)
		return aic_error_set(reterr, AICHAT_ENOTFOUND,
				     "no conversation's id begins with \"%.64s\"",
				     prefix);
	if (count > 1)
		return aic_error_set(reterr, AICHAT_EEXIST,
				     "several conversations begin with \"%.64s\"; give "
				     "more of the id",
				     prefix);
	*ret_id = found[0];
	return 0;
}

/* What is read inside of a job is what is stored. */
static int show(struct aic_store *store, struct aic_session *session, const char *owner,
		struct aichat_message **messages, size_t count, aichat_error **reterr)
{
	int rc = 0;

	if (aic_store_in_job(store))
		return 0;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = aic_fold_shown(session, owner, &messages[i], reterr);
	return rc;
}

/* A whole list replaces the caller's; what broke off leaves it as it was. */
static int give(struct aic_messages *list, int rc, struct aic_messages *ret_messages)
{
	if (rc < 0) {
		aic_messages_done(list);
		return rc;
	}
	aic_messages_done(ret_messages);
	*ret_messages = *list;
	return 0;
}

int aic_store_message(struct aic_store *store, const char *owner, const struct aic_id *id,
		      struct aichat_message **ret_message, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	struct aichat_message *message = NULL;
	rc = OPS(store)->message(session, owner, id, &message, reterr);
	if (rc == 0)
		rc = show(store, session, owner, &message, 1, reterr);
	aic_store_read_end(store, session);
	if (rc < 0)
		aichat_message_unref(message);
	else
		*ret_message = message;
	return rc;
}

int aic_store_path(struct aic_store *store, const char *owner, const struct aic_id *tip,
		   size_t limit, struct aic_messages *ret_messages, aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->path(session, owner, tip, limit, &list, reterr);
	if (rc == 0)
		rc = show(store, session, owner, list.items, list.count, reterr);
	aic_store_read_end(store, session);
	for (size_t i = 0; i < list.count / 2; i++) {
		struct aichat_message *message = list.items[i];
		list.items[i] = list.items[list.count - 1 - i];
		list.items[list.count - 1 - i] = message;
	}
	return give(&list, rc, ret_messages);
}

int aic_store_tree(struct aic_store *store, const char *owner,
		   const struct aic_id *conversation_id, const struct aic_id *after,
		   size_t limit, struct aic_messages *ret_messages, aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->tree(session, owner, conversation_id, after, limit, &list,
			      reterr);
	if (rc == 0)
		rc = show(store, session, owner, list.items, list.count, reterr);
	aic_store_read_end(store, session);
	return give(&list, rc, ret_messages);
}

int aic_store_children(struct aic_store *store, const char *owner,
		       const struct aic_id *conversation_id, const struct aic_id *parent,
		       struct aic_messages *ret_messages, aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	if (parent && !aic_id_is_set(parent))
		parent = NULL;
	rc = OPS(store)->children(session, owner, conversation_id, parent, &list, reterr);
	if (rc == 0)
		rc = show(store, session, owner, list.items, list.count, reterr);
	aic_store_read_end(store, session);
	return give(&list, rc, ret_messages);
}

int aic_store_reply(struct aic_store *store, const char *owner, const struct aic_id *id,
		    struct aic_reply_row *ret_row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->reply(session, owner, id, ret_row, reterr);
	if (rc == 0 && !aic_store_in_job(store))
		aic_fold_shown_reply(session, owner, ret_row);
	aic_store_read_end(store, session);
	return rc;
}

int aic_store_reply_of(struct aic_store *store, const char *owner,
		       const struct aic_id *message_id, struct aic_reply_row *ret_row,
		       aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->reply_of(session, owner, message_id, ret_row, reterr);
	if (rc == 0 && !aic_store_in_job(store))
		aic_fold_shown_reply(session, owner, ret_row);
	aic_store_read_end(store, session);
	return rc;
}

int aic_store_reply_messages(struct aic_store *store, const char *owner,
			     const struct aic_id *reply_id,
			     struct aic_messages *ret_messages, aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->reply_messages(session, owner, reply_id, &list, reterr);
	if (rc == 0)
		rc = show(store, session, owner, list.items, list.count, reterr);
	aic_store_read_end(store, session);
	return give(&list, rc, ret_messages);
}

int aic_store_events(struct aic_store *store, const char *owner,
		     const struct aic_id *reply_id, uint64_t after,
		     struct aic_event_list *ret_events, aichat_error **reterr)
{
	struct aic_event_list list = { 0 };
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, reterr);

	if (rc < 0)
		return rc;
	rc = OPS(store)->events(session, owner, reply_id, after, &list, reterr);
	if (rc == 0 && !list.count && !aic_store_in_job(store))
		rc = aic_fold_shown_end(session, owner, reply_id, after, &list, reterr);
	aic_store_read_end(store, session);
	if (rc < 0) {
		aic_event_list_done(&list);
		return rc;
	}
	aic_event_list_done(ret_events);
	*ret_events = list;
	return 0;
}

int aic_store_cancelled(struct aic_store *store, struct aic_id *ret_ids, size_t max,
			size_t *ret_count)
{
	struct aic_session *session = NULL;
	int rc = aic_store_read_begin(store, &session, NULL);

	*ret_count = 0;
	if (rc < 0)
		return rc;
	rc = OPS(store)->cancelled(session, ret_ids, max, ret_count, NULL);
	aic_store_read_end(store, session);
	return rc;
}

/* ---- writes ----------------------------------------------------------------------- */

int aic_store_job_session(struct aic_store *store, struct aic_session **ret_session,
			  aichat_error **reterr AIC_UNUSED) /* by test builds */
{
	if (!aic_store_in_job(store))
		AIC_BUG(aic_error_set(reterr, AICHAT_EINTERNAL,
				      "a write to the store outside a job"));
	*ret_session = store->backend->writer;
	return 0;
}

int aic_store_add_conversation(struct aic_store *store, const char *owner,
			       const struct aic_conversation_row *row,
			       aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc : OPS(store)->add_conversation(session, owner, row, reterr);
}

int aic_store_set_conversation(struct aic_store *store, const char *owner,
			       const struct aic_conversation_row *row, int64_t version,
			       aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc
		      : OPS(store)->set_conversation(session, owner, row, version,
						     reterr);
}

int aic_store_set_head(struct aic_store *store, const char *owner,
		       const struct aic_id *conversation_id, const struct aic_id *head,
		       int64_t updated_unix_ms, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc
		      : OPS(store)->set_head(session, owner, conversation_id, head,
					     updated_unix_ms, reterr);
}

int aic_store_delete_conversation(struct aic_store *store, const char *owner,
				  const struct aic_id *id, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	/* A reply whose owner is dead does not run. */
	if (rc == 0)
		rc = aic_store_read_begin(store, &session, reterr);
	return rc < 0 ? rc : OPS(store)->delete_conversation(session, owner, id, reterr);
}

int aic_store_erase_message(struct aic_store *store, const char *owner,
			    const struct aic_id *id, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	/* A reply whose owner is dead is over. */
	if (rc == 0)
		rc = aic_store_read_begin(store, &session, reterr);
	return rc < 0 ? rc : OPS(store)->erase_message(session, owner, id, reterr);
}

bool aic_store_is_purged(struct aic_store *store)
{
	return OPS(store)->is_purged(store->backend);
}

int aic_store_add_message(struct aic_store *store, const char *owner,
			  const struct aichat_message *message,
			  const struct aic_id *reply_id, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc
		      : OPS(store)->add_message(session, owner, message, reply_id,
						reterr);
}

int aic_store_update_message(struct aic_store *store, const char *owner,
			     const struct aichat_message *message, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc : OPS(store)->update_message(session, owner, message, reterr);
}

/*
 * A proof of life that is new may be one that a dead process left: its replies end
 * before the first of ours begins.
 */
static int claim(struct aic_session *session, aichat_error **reterr)
{
	int rc = session->backend->ops->claim(session, reterr);

	if (rc <= 0)
		return rc;
	rc = aic_fold_dead(session, reterr);
	if (rc == 0)
		session->backend->ops->own(session);
	return rc;
}

int aic_store_add_reply(struct aic_store *store, const char *owner,
			const struct aic_reply_row *row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	if (rc == 0 && row->state == AICHAT_REPLY_RUNNING)
		rc = claim(session, reterr);
	return rc < 0 ? rc : OPS(store)->add_reply(session, owner, row, reterr);
}

int aic_store_set_reply(struct aic_store *store, const char *owner,
			const struct aic_reply_row *row, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	if (rc == 0 && row->state == AICHAT_REPLY_RUNNING)
		rc = claim(session, reterr);
	return rc < 0 ? rc : OPS(store)->set_reply(session, owner, row, reterr);
}

int aic_store_cancel_reply(struct aic_store *store, const char *owner,
			   const struct aic_id *id, aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc : OPS(store)->cancel_reply(session, owner, id, reterr);
}

int aic_store_add_events(struct aic_store *store, const struct aic_id *reply_id,
			 struct aichat_event *const *events, size_t count,
			 aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	if (rc < 0 || !count)
		return rc;
	return OPS(store)->add_events(session, reply_id, events, count, reterr);
}

int aic_store_prune(struct aic_store *store, int64_t ended_before_unix_ms, size_t max,
		    aichat_error **reterr)
{
	struct aic_session *session = NULL;
	int rc = aic_store_job_session(store, &session, reterr);

	return rc < 0 ? rc
		      : OPS(store)->prune(session, ended_before_unix_ms, max, reterr);
}
