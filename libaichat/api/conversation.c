/*
 * Conversations: their handles, and what can be read of them. Asking is in
 * conversation_send.c, changing in conversation_change.c.
 */

#include <aichat/conversation.h>

#include "api/conversation.h"
#include "base/mem.h"

struct aichat_messages {
	_Atomic unsigned refs;
	struct aic_messages list;
	char cursor[AIC_ID_TEXT]; /* "" = there is no further page */
};

/* ---- the handle ---- */

static struct aichat_conversation *handle_new(struct aichat *ai, const struct aic_id *id)
{
	struct aichat_conversation *conv = aic_new(struct aichat_conversation);

	if (!conv)
		return NULL;
	conv->refs = 1;
	conv->ai = aic_context_ref(ai);
	conv->id = *id;
	aic_id_text(id, conv->id_text);
	pthread_mutex_init(&conv->lock, NULL);
	return conv;
}

aichat_conversation *aichat_conversation_ref(aichat_conversation *conversation)
{
	if (conversation)
		atomic_fetch_add_explicit(&conversation->refs, 1, memory_order_relaxed);
	return conversation;
}

aichat_conversation *aichat_conversation_unref(aichat_conversation *conversation)
{
	if (conversation && atomic_fetch_sub_explicit(&conversation->refs, 1,
						      memory_order_acq_rel) == 1) {
		aichat_options_free(conversation->options);
		aic_free(conversation->tools);
		pthread_mutex_destroy(&conversation->lock);
		aic_context_unref(conversation->ai);
		aic_free(conversation);
	}
	return NULL;
}

int aic_conversation_enter(const struct aichat_conversation *conv,
			   struct aic_core **ret_core, aichat_error **reterr)
{
	if (!conv)
		return aic_error_set(reterr, AICHAT_EINVAL, "no conversation was given");
	return aic_context_enter(conv->ai, ret_core, reterr);
}

const char *aichat_conversation_id(const aichat_conversation *conversation)
{
	return conversation ? conversation->id_text : "";
}

int aichat_conversation_new(aichat *ai, const aichat_options *options,
			    aichat_conversation **ret_conversation, aichat_error **reterr)
{
	int rc = aic_context_check(ai, reterr);

	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc < 0)
		return rc;
	const struct aic_id id = aic_id_new();
	struct aichat_conversation *conv = handle_new(ai, &id);
	if (!conv)
		return aic_error_nomem(reterr);
	conv->options = options ? aic_options_copy(options) : aichat_options_new();
	conv->is_new = true;
	if (!conv->options) {
		aichat_conversation_unref(conv);
		return aic_error_nomem(reterr);
	}
	*ret_conversation = conv;
	return 0;
}

/* An id's text to the conversation it means, and the head that goes with it. */
static int find_conversation(struct aichat *ai, const char *text, struct aic_id *ret_id,
			     struct aic_id *ret_head, aichat_error **reterr)
{
	struct aic_store *store = ai->core->store;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	struct aic_id id;

	if (!text || !*text)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "no conversation's id was given");
	if (strspn(text, "0123456789abcdefABCDEF-") != strlen(text))
		return aic_error_set(reterr, AICHAT_EINVAL, "\"%.64s\" begins no id",
				     text);
	if (!aic_id_parse(text, strlen(text), &id))
		return aic_store_conversation_by_prefix(store, ai->owner, text, ret_id,
							reterr);
	int rc = aic_store_message(store, ai->owner, &id, &message, NULL);
	if (rc == AICHAT_ENOTFOUND) {
		*ret_id = id;
		return 0;
	}
	if (rc < 0)
		return aic_store_message(store, ai->owner, &id, &message, reterr);
	*ret_id = message->conversation_id;
	*ret_head = id;
	return 0;
}

/* A reply that is not over, and stands at the head, will have more messages there. */
static int follow_reply(struct aichat_conversation *conv, aichat_error **reterr)
{
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;

	if (!aic_id_is_set(&conv->head))
		return 0;
	int rc = aic_store_reply_of(conv->ai->core->store, conv->ai->owner, &conv->head,
				    &row, &error);
	if (rc == 0 && row.state < AICHAT_REPLY_COMPLETE)
		conv->reply = row.id;
	return rc == 0 || rc == AICHAT_ENOTFOUND
		       ? 0
		       : aic_error_pass(reterr, AIC_TAKE(error));
}

int aichat_conversation_open(aichat *ai, const char *id,
			     aichat_conversation **ret_conversation,
			     aichat_error **reterr)
{
	AIC_CLEANUP(aic_conversation_row_done) struct aic_conversation_row row = { 0 };
	struct aic_id found = { 0 };
	struct aic_id head = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = find_conversation(ai, id, &found, &head, reterr);
	if (rc == 0)
		rc = aic_store_conversation(ai->core->store, ai->owner, &found, &row,
					    reterr);
	if (rc < 0)
		return rc;
	struct aichat_conversation *conv = handle_new(ai, &found);
	if (!conv)
		return aic_error_nomem(reterr);
	conv->head = aic_id_is_set(&head) ? head : row.head;
	rc = aic_conversation_settings_read(row.settings, &conv->options, &conv->tools,
					    reterr);
	if (rc == 0 && !aic_id_is_set(&head))
		rc = follow_reply(conv, reterr);
	if (rc < 0) {
		aichat_conversation_unref(conv);
		return rc;
	}
	*ret_conversation = conv;
	return 0;
}

int aichat_conversation_set_tools(aichat_conversation *conversation, const char *json,
				  int64_t json_len, aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *tools = NULL;

	if (!conversation)
		return aic_error_set(reterr, AICHAT_EINVAL, "no conversation was given");
	if (json) {
		struct aic_str text;
		size_t count = 0;
		int rc = aic_tools_argument(json, json_len, &text, &count, reterr);
		if (rc < 0)
			return rc;
		tools = count ? aic_strndup(text.data, text.len) : NULL;
		if (count && !tools)
			return aic_error_nomem(reterr);
	}
	pthread_mutex_lock(&conversation->lock);
	char *before = conversation->tools;
	conversation->settings_new = conversation->settings_new ||
				     !aic_streq(before, tools);
	conversation->tools = tools;
	pthread_mutex_unlock(&conversation->lock);
	tools = before;
	return 0;
}

/* ---- reading ---- */

int aic_conversation_message(struct aichat_conversation *conv, const char *text,
			     struct aichat_message **ret_message, aichat_error **reterr)
{
	struct aichat *ai = conv->ai;
	struct aic_id id;

	int rc = aic_id_argument(text, "the message", &id, reterr);
	if (rc == 0)
		rc = aic_store_message(ai->core->store, ai->owner, &id, ret_message,
				       reterr);
	if (rc == 0 && !aic_id_equal(&(*ret_message)->conversation_id, &conv->id)) {
		*ret_message = aichat_message_unref(*ret_message);
		rc = aic_error_set(reterr, AICHAT_ENOTFOUND,
				   "no message %s in this conversation", text);
	}
	return rc;
}

int aic_conversation_head(struct aichat_conversation *conv, struct aic_id *ret_head,
			  aichat_error **reterr)
{
	struct aic_store *store = conv->ai->core->store;
	const char *owner = conv->ai->owner;
	AIC_CLEANUP(aic_conversation_row_done) struct aic_conversation_row row = { 0 };
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row reply = { 0 };

	pthread_mutex_lock(&conv->lock);
	struct aic_id head = conv->head;
	const struct aic_id reply_id = conv->reply;
	pthread_mutex_unlock(&conv->lock);
	*ret_head = (struct aic_id){ 0 };
	int rc = AICHAT_ENOTFOUND;
	if (aic_id_is_set(&reply_id))
		rc = aic_store_reply(store, owner, &reply_id, &reply, NULL);
	if (rc == 0)
		head = reply.message_id;
	else if (rc == AICHAT_ENOTFOUND && aic_id_is_set(&head))
		rc = aic_store_message(store, owner, &head, &message, NULL);
	else if (rc == AICHAT_ENOTFOUND)
		return 0;
	if (rc == AICHAT_ENOTFOUND) {
		rc = aic_store_conversation(store, owner, &conv->id, &row, NULL);
		head = row.head;
	}
	if (rc == AICHAT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return aic_error_code(reterr, rc, "the conversation's head");
	*ret_head = head;
	return 0;
}

static int make_messages(struct aic_messages *list, int rc,
			 aichat_messages **ret_messages, aichat_error **reterr)
{
	struct aichat_messages *messages = rc < 0 ? NULL
						  : aic_new(struct aichat_messages);

	if (!messages) {
		aic_messages_done(list);
		return rc < 0 ? rc : aic_error_nomem(reterr);
	}
	messages->refs = 1;
	messages->list = *list;
	*ret_messages = messages;
	return 0;
}

int aichat_conversation_path(aichat_conversation *conversation, size_t limit,
			     aichat_messages **ret_messages, aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_id head = { 0 };

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = aic_conversation_head(conversation, &head, reterr);
	if (rc == 0 && aic_id_is_set(&head))
		rc = aic_store_path(conversation->ai->core->store,
				    conversation->ai->owner, &head, limit, &list, reterr);
	return make_messages(&list, rc, ret_messages, reterr);
}

static int check_limit(size_t limit, aichat_error **reterr)
{
	return limit >= 1 && limit <= AIC_LIST_MAX
		       ? 0
		       : aic_error_set(reterr, AICHAT_EINVAL,
				       "a page has 1 to %d entries", AIC_LIST_MAX);
}

int aichat_conversation_path_page(aichat_conversation *conversation, const char *before,
				  size_t limit, aichat_messages **ret_messages,
				  aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *later = NULL;
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_messages list = { 0 };
	struct aic_id tip = { 0 };

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = check_limit(limit, reterr);
	if (rc == 0 && !before)
		rc = aic_conversation_head(conversation, &tip, reterr);
	else if (rc == 0)
		rc = aic_conversation_message(conversation, before, &later, reterr);
	if (rc == 0 && later)
		tip = later->parent_id;
	if (rc == 0 && aic_id_is_set(&tip))
		rc = aic_store_path(core->store, conversation->ai->owner, &tip, limit,
				    &list, reterr);
	bool has_more = list.count && aic_id_is_set(&list.items[0]->parent_id);
	rc = make_messages(&list, rc, ret_messages, reterr);
	if (rc == 0 && has_more)
		aic_id_text(&list.items[0]->id, (*ret_messages)->cursor);
	return rc;
}

int aichat_conversation_tree(aichat_conversation *conversation, const char *after,
			     size_t limit, aichat_messages **ret_messages,
			     aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_messages list = { 0 };
	struct aic_id id = { 0 };

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = check_limit(limit, reterr);
	if (rc == 0 && after)
		rc = aic_id_argument(after, "the cursor", &id, reterr);
	/* One more than wanted tells whether there is a next page. */
	if (rc == 0)
		rc = aic_store_tree(core->store, conversation->ai->owner,
				    &conversation->id, after ? &id : NULL, limit + 1,
				    &list, reterr);
	bool has_more = list.count > limit;
	if (has_more)
		aichat_message_unref(list.items[--list.count]);
	rc = make_messages(&list, rc, ret_messages, reterr);
	if (rc == 0 && has_more)
		aic_id_text(&list.items[limit - 1]->id, (*ret_messages)->cursor);
	return rc;
}

int aichat_conversation_message(aichat_conversation *conversation, const char *message_id,
				aichat_message **ret_message, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);

	return rc < 0 ? rc
		      : aic_conversation_message(conversation, message_id, ret_message,
						 reterr);
}

const char *aichat_messages_cursor(const aichat_messages *messages)
{
	return messages && messages->cursor[0] ? messages->cursor : NULL;
}

int aichat_conversation_children(aichat_conversation *conversation,
				 const char *message_id, aichat_messages **ret_messages,
				 aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	struct aic_id id;

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0 && message_id)
		rc = aic_id_argument(message_id, "the message", &id, reterr);
	if (rc < 0)
		return rc;
	rc = aic_store_children(core->store, conversation->ai->owner, &conversation->id,
				message_id ? &id : NULL, &list, &error);
	if (rc == AICHAT_ENOTFOUND) /* nothing was stored yet, so nothing follows */
		rc = 0;
	else if (rc < 0)
		aic_error_pass(reterr, AIC_TAKE(error));
	return make_messages(&list, rc, ret_messages, reterr);
}

size_t aichat_messages_count(const aichat_messages *messages)
{
	return messages ? messages->list.count : 0;
}

aichat_message *aichat_messages_at(const aichat_messages *messages, size_t n)
{
	return messages && n < messages->list.count ? messages->list.items[n] : NULL;
}

aichat_messages *aichat_messages_unref(aichat_messages *messages)
{
	if (messages &&
	    atomic_fetch_sub_explicit(&messages->refs, 1, memory_order_acq_rel) == 1) {
		aic_messages_done(&messages->list);
		aic_free(messages);
	}
	return NULL;
}
