#include <aichat/conversation.h>

#include "api/context.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "chat/cursor.h"
#include "chat/turn.h"

#define TITLE_CHARACTERS_MAX 200

struct aichat_conversation {
	_Atomic unsigned refs;
	struct aichat *ai; /* a reference */
	struct aic_id id;
	char id_text[AIC_ID_TEXT];

	pthread_mutex_t lock; /* guards what follows */
	struct aic_id head;   /* what this handle's next message follows */
	struct aic_id reply;  /* or the last message of this reply, if it is stored */
	struct aichat_options *options;
	char *tools;       /* JSON or NULL */
	bool is_new;       /* to be written with the first message */
	bool settings_new; /* options or tools that the store has not */
};

struct aichat_messages {
	_Atomic unsigned refs;
	struct aic_messages list;
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

static int enter(const struct aichat_conversation *conv, struct aic_core **ret_core,
		 aichat_error **reterr)
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

/* The settings as they are stored: {"options":{...},"tools":[...]}. */
static int read_settings(struct aichat_conversation *conv, const char *settings,
			 aichat_error **reterr)
{
	struct aic_json doc = { 0 };
	const char *text = settings ? settings : "{}";
	int rc = aic_json_scan(&doc, text, strlen(text), &aic_json_wire);

	if (rc < 0) {
		aic_json_scan_error(&doc, rc, "the conversation's settings", reterr);
	} else {
		int options = aic_json_get(&doc, 0, "options");
		struct aic_str tools = aic_json_raw(&doc, aic_json_get(&doc, 0, "tools"));
		if (options >= 0)
			rc = aic_options_read(&doc, options, &conv->options, reterr);
		else if (!(conv->options = aichat_options_new()))
			rc = aic_error_nomem(reterr);
		if (rc == 0 && tools.len &&
		    !(conv->tools = aic_strndup(tools.data, tools.len)))
			rc = aic_error_nomem(reterr);
	}
	aic_json_done(&doc);
	return rc;
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
	rc = read_settings(conv, row.settings, reterr);
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

/* ---- asking ---- */

/* What a send is made of; the rest is the conversation's. */
struct ask {
	struct aichat_message *user_message; /* a reference, or NULL to answer again */
	struct aic_id parent_id;
	bool follows_head; /* parent_id is the handle's head */
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

static int settings_json(const struct aichat_conversation *conv, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);

	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "options");
	aic_options_write(conv->options, &w);
	if (conv->tools) {
		aic_json_put_key(&w, "tools");
		aic_json_put_raw(&w, aic_str(conv->tools));
	}
	aic_json_end(&w, '}');
	return out->error;
}

static int start(struct aichat_conversation *conv, const struct ask *ask,
		 aichat_reply **ret_reply, aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf settings = aic_buf(0);
	struct aichat_options *options = NULL;
	struct aic_feed *feed = NULL;
	struct aic_id answer;
	static const struct aic_id nothing;
	struct aichat_reply *reply = aic_cursor_new();

	if (!reply)
		return aic_error_nomem(reterr);
	pthread_mutex_lock(&conv->lock);
	int rc = merge_options(conv->options, ask->options, &options, reterr);
	if (rc == 0 && (conv->is_new || conv->settings_new))
		rc = settings_json(conv, &settings);
	if (rc == 0) {
		const struct aic_options_chain chain = { { options,
							   conv->ai->core->options } };
		const struct aic_turn_question question = {
			.conversation_id = conv->id,
			.new_conversation = conv->is_new,
			.system = conv->is_new ? aic_chain_string(&chain, "system")
					       : NULL,
			.parent_id = ask->follows_head ? conv->head : ask->parent_id,
			.after_reply = ask->follows_head ? conv->reply : nothing,
			.user_message = ask->user_message,
			.answer_id = ask->answer_id,
			.settings = settings.len ? settings.data : NULL,
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
	int rc = enter(conversation, &core, reterr);
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
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = enter(conversation, &core, reterr);

	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
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
	const struct ask ask = {
		.user_message = copy,
		.follows_head = true,
		.options = options,
	};
	return start(conversation, &ask, ret_reply, reterr);
}

/* A message of this conversation. */
static int find_message(struct aichat_conversation *conv, const char *text,
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

int aichat_conversation_edit(aichat_conversation *conversation, const char *message_id,
			     const char *text, int64_t text_len,
			     const aichat_options *options, aichat_reply **ret_reply,
			     aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *before = NULL;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	struct aic_str prompt;

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = enter(conversation, &core, reterr);
	if (rc == 0)
		rc = prompt_argument(text, text_len, &prompt, reterr);
	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc == 0)
		rc = find_message(conversation, message_id, &before, reterr);
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

/*
 * The head as it is stored: unset for an empty conversation. The last send may not have
 * been stored, or not yet.
 */
static int current_head(struct aichat_conversation *conv, struct aic_id *ret_head,
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

int aichat_conversation_retry(aichat_conversation *conversation, const char *message_id,
			      const aichat_options *options, aichat_reply **ret_reply,
			      aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	char head[AIC_ID_TEXT];

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = enter(conversation, &core, reterr);
	if (rc == 0)
		rc = aic_options_check_chat(options, reterr);
	if (rc < 0)
		return rc;
	if (!message_id) {
		struct aic_id id;
		rc = current_head(conversation, &id, reterr);
		if (rc < 0)
			return rc;
		aic_id_text(&id, head);
		if (!aic_id_is_set(&id))
			return aic_error_set(
				reterr, AICHAT_ESTATE,
				"the conversation is empty: nothing to answer");
		message_id = head;
	}
	rc = find_message(conversation, message_id, &message, reterr);
	if (rc == 0)
		rc = find_question(conversation, &message, reterr);
	if (rc < 0)
		return rc;
	struct ask ask = { .options = options };
	ask.answer_id = message->id;
	return start(conversation, &ask, ret_reply, reterr);
}

/* ---- changing ---- */

/* One change of the stored row. */
struct change_job {
	struct aic_job job;
	struct aichat_conversation *conv;
	const char *title;
	const struct aic_id *head;
	bool erase;
};

/* The title of a conversation that was given none. */
static int first_words(struct aic_store *store, const struct aichat_conversation *conv,
		       char **ret_title, aichat_error **reterr)
{
	AIC_CLEANUP(aic_messages_done) struct aic_messages first = { 0 };
	AIC_CLEANUP(aic_messages_done) struct aic_messages second = { 0 };
	const char *owner = conv->ai->owner;
	int rc = aic_store_children(store, owner, &conv->id, NULL, &first, reterr);
	const struct aichat_message *message = first.count ? first.items[0] : NULL;

	if (rc == 0 && message && message->role == AICHAT_ROLE_SYSTEM) {
		rc = aic_store_children(store, owner, &conv->id, &message->id, &second,
					reterr);
		message = second.count ? second.items[0] : NULL;
	}
	if (rc < 0 || !message)
		return rc;
	*ret_title = aic_turn_title(message);
	return *ret_title ? 0 : aic_error_nomem(reterr);
}

static int change_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct change_job *change = (struct change_job *)job;
	struct aichat_conversation *conv = change->conv;
	const char *owner = conv->ai->owner;

	if (change->erase)
		return aic_store_delete_conversation(store, owner, &conv->id, reterr);
	if (change->head)
		return aic_store_set_head(store, owner, &conv->id, change->head,
					  aic_clock_unix_ms(), reterr);
	struct aic_conversation_row row = { 0 };
	int rc = aic_store_conversation(store, owner, &conv->id, &row, reterr);
	if (rc == 0) {
		aic_free(AIC_TAKE(row.title));
		if (!change->title)
			rc = first_words(store, conv, &row.title, reterr);
		else if (!(row.title = aic_strdup(change->title)))
			rc = aic_error_nomem(reterr);
	}
	if (rc == 0) {
		row.updated_unix_ms = aic_clock_unix_ms();
		rc = aic_store_set_conversation(store, owner, &row, 0, reterr);
	}
	aic_conversation_row_done(&row);
	return rc;
}

static int change(struct change_job *job, aichat_error **reterr)
{
	job->job = (struct aic_job){ .run = change_run, .durable = true };
	return aic_store_run(job->conv->ai->core->store, &job->job, reterr);
}

int aichat_conversation_set_head(aichat_conversation *conversation,
				 const char *message_id, aichat_error **reterr)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	struct aic_id head = { 0 };

	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = enter(conversation, &core, reterr);
	if (rc == 0 && message_id) {
		rc = find_message(conversation, message_id, &message, reterr);
		if (rc == 0)
			head = message->id;
	}
	if (rc < 0)
		return rc;
	struct change_job job = { .conv = conversation, .head = &head };
	rc = change(&job, reterr);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&conversation->lock);
	conversation->head = head;
	conversation->reply = (struct aic_id){ 0 };
	pthread_mutex_unlock(&conversation->lock);
	return 0;
}

int aichat_conversation_head(aichat_conversation *conversation, char **ret_id,
			     aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	char text[AIC_ID_TEXT] = "";
	struct aic_id head;

	int rc = enter(conversation, &core, reterr);
	if (rc == 0)
		rc = current_head(conversation, &head, reterr);
	if (rc < 0)
		return rc;
	if (aic_id_is_set(&head))
		aic_id_text(&head, text);
	*ret_id = aic_strdup(text);
	return *ret_id ? 0 : aic_error_nomem(reterr);
}

int aichat_conversation_set_title(aichat_conversation *conversation, const char *title,
				  aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = enter(conversation, &core, reterr);

	if (rc < 0)
		return rc;
	if (title) {
		size_t len = strlen(title);
		size_t characters = 0;
		if (!aic_utf8_valid(title, len))
			return aic_error_set(reterr, AICHAT_EUTF8,
					     "the title is not UTF-8");
		for (size_t i = 0; i < len; i++)
			characters += ((unsigned char)title[i] & 0xc0) != 0x80;
		if (characters > TITLE_CHARACTERS_MAX)
			return aic_error_set(reterr, AICHAT_ETOOLARGE,
					     "the title has more than %d characters",
					     TITLE_CHARACTERS_MAX);
	}
	struct change_job job = { .conv = conversation, .title = title };
	return change(&job, reterr);
}

int aichat_conversation_delete(aichat_conversation *conversation, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = enter(conversation, &core, reterr);

	if (rc < 0)
		return rc;
	struct change_job job = { .conv = conversation, .erase = true };
	return change(&job, reterr);
}

/* ---- reading ---- */

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

	int rc = enter(conversation, &core, reterr);
	if (rc == 0)
		rc = current_head(conversation, &head, reterr);
	if (rc == 0 && aic_id_is_set(&head))
		rc = aic_store_path(conversation->ai->core->store,
				    conversation->ai->owner, &head, limit, &list, reterr);
	return make_messages(&list, rc, ret_messages, reterr);
}

int aichat_conversation_children(aichat_conversation *conversation,
				 const char *message_id, aichat_messages **ret_messages,
				 aichat_error **reterr)
{
	struct aic_messages list = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	struct aic_id id;

	int rc = enter(conversation, &core, reterr);
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
