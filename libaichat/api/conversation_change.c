/* Changing what is stored of a conversation: its head, its title, that it exists. */

#include <aichat/conversation.h>

#include "api/conversation.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/turn.h"

#define TITLE_CHARACTERS_MAX 200

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
	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0 && message_id) {
		rc = aic_conversation_message(conversation, message_id, &message, reterr);
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

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = aic_conversation_head(conversation, &head, reterr);
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
	int rc = aic_conversation_enter(conversation, &core, reterr);

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
	int rc = aic_conversation_enter(conversation, &core, reterr);

	if (rc < 0)
		return rc;
	struct change_job job = { .conv = conversation, .erase = true };
	return change(&job, reterr);
}
