/*
 * Asking: what is said, edited or answered again becomes a turn. The handle's options and
 * tools go with it, a send's own options over them.
 */

#include <aichat/conversation.h>

#include "api/conversation.h"
#include "base/clock.h"
#include "base/mem.h"
#include "chat/cursor.h"
#include "chat/turn.h"

/* What a send is made of; the rest is the conversation's. */
struct ask {
	struct aichat_message *user_message; /* a reference, or NULL to answer again */
	struct aic_id parent_id;
	bool follows_head; /* parent_id is the handle's head */
	int64_t version;   /* that the conversation must have; 0 = any */
	bool edits;        /* it stands beside another, under the same parent */
	struct aic_id answer_id;
	const aichat_options *options;
};

/* The conversation's options with a send's over them. */
static int merge_options(const struct aichat_options *below,
			 const struct aichat_options *above,
			 struct aichat_options **ret_options, aichat_error **reterr)
{
	struct aichat_options *merged = aic_options_copy(below);
	size_t count = above ? aic_options_count(above) : 0;
	int rc = merged ? 0 : aic_error_nomem(reterr);

	for (size_t i = 0; i < count && rc == 0; i++) {
		const char *value;
		const char *name = aic_options_at(above, i, &value);
		rc = aic_options_set(merged, name, aic_str(value), "set", false, reterr);
	}
	if (rc < 0)
		aichat_options_free(merged);
	else
		*ret_options = merged;
	return rc;
}

static int start(struct aichat_conversation *conv, const struct ask *ask,
		 aichat_reply **ret_reply, aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf settings = aic_buf(0);
	struct aichat_options *options = NULL;
	struct aic_feed *feed = NULL;
	struct aic_id answer;
	static const struct aic_id nothing;
	/* Only of this send, whatever the conversation's options say. */
	const struct aic_idempotency request = {
		aic_options_get(ask->options, "idempotency_key", NULL),
		aic_options_get(ask->options, "request_digest", NULL),
	};
	int rc = aic_idempotency_check(&request, reterr);

	if (rc < 0)
		return rc;
	struct aichat_reply *reply = aic_cursor_new();
	if (!reply)
		return aic_error_nomem(reterr);
	pthread_mutex_lock(&conv->lock);
	rc = merge_options(conv->options, ask->options, &options, reterr);
	if (rc == 0 && (conv->is_new || conv->settings_new))
		rc = aic_conversation_settings_json(conv->options, conv->tools,
						    &settings);
	if (rc == 0) {
		const struct aic_options_chain chain = { { options,
							   conv->ai->core->options } };
		const struct aic_turn_question question = {
			.conversation_id = conv->id,
			.new_conversation = conv->is_new,
			.version = ask->version,
			.system = ask->user_message && !ask->edits
					  ? aic_chain_string(&chain, "system")
					  : NULL,
			.parent_id = ask->follows_head ? conv->head : ask->parent_id,
			.after_reply = ask->follows_head ? conv->reply : nothing,
			.user_message = ask->user_message,
			.answer_id = ask->answer_id,
			.settings = settings.len ? settings.data : NULL,
			.request = request,
			.tools = conv->tools,
			.options = options,
		};
		rc = aic_turn_start(conv->ai->core, conv->ai->owner, &question, &feed,
				    &answer, reterr);
	}
	if (rc == 0) {
		conv->head = answer;
		conv->reply = feed->reply_id;
		conv->settings_new = false;
	}
	pthread_mutex_unlock(&conv->lock);
	aichat_options_free(options);
	if (rc < 0) {
		aichat_reply_unref(reply);
		return rc;
	}
	aic_cursor_attach(reply, feed, 0);
	*ret_reply = reply;
	return 0;
}

static int user_message(struct aichat_conversation *conv, struct aic_str text,
			struct aichat_message **ret_message, aichat_error **reterr)
{
	struct aichat_message *message = aic_message_new(AICHAT_ROLE_USER);

	if (!message || aic_message_add_text(message, text) < 0) {
		aichat_message_unref(message);
		aic_error_nomem(reterr);
		return AICHAT_ENOMEM;
	}
	message->id = aic_id_new();
	message->conversation_id = conv->id;
	message->created_unix_ms = aic_clock_unix_ms();
	message->state = AICHAT_MESSAGE_SEALED;
	*ret_message = message;
	return 0;
}

/* A text that has something in it. */
static int prompt_argument(const char *text, int64_t len, struct aic_str *ret,
			   aichat_error **reterr)
{
	int rc = aic_text_argument(text, len, "the message", ret, reterr);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ret->len; i++)
		if ((unsigned char)ret->data[i] > ' ')
			return 0;
	return aic_error_set(reterr, AICHAT_EINVAL, "the message is empty");
}

int aichat_conversation_send(aichat_conversation *conversation, const char *text,
			     int64_t text_len, const aichat_options *options,
			     aichat_reply **ret_reply, aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	struct aic_str prompt;

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = prompt_argument(text, text_len, &prompt, reterr);
	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc == 0)
		rc = user_message(conversation, prompt, &message, reterr);
	if (rc < 0)
		return rc;
	const struct ask ask = {
		.user_message = message,
		.follows_head = true,
		.options = options,
	};
	return start(conversation, &ask, ret_reply, reterr);
}

int aichat_conversation_send_message(aichat_conversation *conversation,
				     const aichat_message *message,
				     const aichat_options *options,
				     aichat_reply **ret_reply, aichat_error **reterr)
{
	return aichat_conversation_send_after(conversation, NULL, message, 0, options,
					      ret_reply, reterr);
}

int aichat_conversation_send_after(aichat_conversation *conversation,
				   const char *parent_id, const aichat_message *message,
				   int64_t version, const aichat_options *options,
				   aichat_reply **ret_reply, aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *parent = NULL;
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);

	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc == 0 && version < 0)
		rc = aic_error_set(reterr, AICHAT_EINVAL, "a version is from 1");
	if (rc == 0 && parent_id && *parent_id)
		rc = aic_conversation_message(conversation, parent_id, &parent, reterr);
	if (rc < 0)
		return rc;
	if (!message || message->role != AICHAT_ROLE_USER || !message->part_count)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a user message with at least one part is needed");
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *copy = aic_message_copy(message);
	if (!copy)
		return aic_error_nomem(reterr);
	copy->id = aic_id_new();
	copy->conversation_id = conversation->id;
	copy->created_unix_ms = aic_clock_unix_ms();
	copy->state = AICHAT_MESSAGE_SEALED;
	struct ask ask = {
		.user_message = copy,
		.follows_head = !parent_id,
		.version = version,
		.options = options,
	};
	if (parent)
		ask.parent_id = parent->id;
	return start(conversation, &ask, ret_reply, reterr);
}

int aichat_conversation_edit(aichat_conversation *conversation, const char *message_id,
			     const char *text, int64_t text_len,
			     const aichat_options *options, aichat_reply **ret_reply,
			     aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *before = NULL;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	struct aic_str prompt;

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = prompt_argument(text, text_len, &prompt, reterr);
	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc == 0)
		rc = aic_conversation_message(conversation, message_id, &before, reterr);
	if (rc < 0)
		return rc;
	if (before->role != AICHAT_ROLE_USER)
		return aic_error_set(
			reterr, AICHAT_ESTATE,
			"message %s is not a user's: only those can be edited",
			message_id);
	rc = user_message(conversation, prompt, &message, reterr);
	if (rc < 0)
		return rc;
	message->edit_of = before->id;
	const struct ask ask = {
		.user_message = message,
		.parent_id = before->parent_id,
		.edits = true,
		.options = options,
	};
	return start(conversation, &ask, ret_reply, reterr);
}

/* The user's message that a message answers, itself if it is one. */
static int find_question(struct aichat_conversation *conv,
			 struct aichat_message **message, aichat_error **reterr)
{
	struct aichat *ai = conv->ai;

	while ((*message)->role != AICHAT_ROLE_USER) {
		struct aichat_message *parent = NULL;
		if (!aic_id_is_set(&(*message)->parent_id))
			return aic_error_set(reterr, AICHAT_ESTATE,
					     "there is no user message to answer again");
		int rc = aic_store_message(ai->core->store, ai->owner,
					   &(*message)->parent_id, &parent, reterr);
		if (rc < 0)
			return rc;
		aichat_message_unref(*message);
		*message = parent;
	}
	return 0;
}

int aichat_conversation_retry(aichat_conversation *conversation, const char *message_id,
			      const aichat_options *options, aichat_reply **ret_reply,
			      aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	char head[AIC_ID_TEXT];

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc < 0)
		return rc;
	if (!message_id) {
		struct aic_id id;
		rc = aic_conversation_head(conversation, &id, reterr);
		if (rc < 0)
			return rc;
		aic_id_text(&id, head);
		if (!aic_id_is_set(&id))
			return aic_error_set(
				reterr, AICHAT_ESTATE,
				"the conversation is empty: nothing to answer");
		message_id = head;
	}
	rc = aic_conversation_message(conversation, message_id, &message, reterr);
	if (rc == 0)
		rc = find_question(conversation, &message, reterr);
	if (rc < 0)
		return rc;
	struct ask ask = { .options = options };
	ask.answer_id = message->id;
	return start(conversation, &ask, ret_reply, reterr);
}
