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
	const struct aic_id *message; /* whose content goes */
	bool delete;
};

/* The title of a conversation that was given none. */
int aic_conversation_first_words(struct aic_store *store,
				 const struct aichat_conversation *conv, char **ret_title,
				 aichat_error **reterr)
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

static int forget_system(struct aic_conversation_row *row, aichat_error **reterr)
{
	struct aichat_options *options = NULL;
	AIC_CLEANUP(aic_freep) char *tools = NULL;
	AIC_CLEANUP(aic_buf_done) struct aic_buf settings = aic_buf(0);
	int rc = aic_conversation_settings_read(row->settings, &options, &tools, reterr);

	if (rc == 0)
		rc = aichat_options_set(options, "system", NULL, 0, reterr);
	if (rc == 0 && aic_conversation_settings_json(options, tools, &settings) < 0)
		rc = aic_error_nomem(reterr);
	aichat_options_free(options);
	if (rc < 0)
		return rc;
	aic_free(row->settings);
	row->settings = aic_buf_take(&settings, NULL);
	return row->settings ? 0 : aic_error_nomem(reterr);
}

/*
 * A title made of the message's words goes with it, and the system prompt that new
 * branches would begin with.
 */
static int erase(const struct change_job *change, struct aic_store *store,
		 aichat_error **reterr)
{
	struct aichat_conversation *conv = change->conv;
	const char *owner = conv->ai->owner;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	AIC_CLEANUP(aic_conversation_row_done) struct aic_conversation_row row = { 0 };
	AIC_CLEANUP(aic_freep) char *words = NULL;

	int rc = aic_store_message(store, owner, change->message, &message, reterr);
	if (rc == 0)
		rc = aic_store_conversation(store, owner, &conv->id, &row, reterr);
	if (rc == 0 && !(words = aic_turn_title(message)))
		rc = aic_error_nomem(reterr);
	if (rc == 0)
		rc = aic_store_erase_message(store, owner, change->message, reterr);
	if (rc == 0 && message->role == AICHAT_ROLE_SYSTEM)
		rc = forget_system(&row, reterr);
	if (rc < 0)
		return rc;
	if (*words && aic_streq(words, row.title))
		aic_free(AIC_TAKE(row.title));
	row.updated_unix_ms = aic_clock_unix_ms();
	return aic_store_set_conversation(store, owner, &row, 0, reterr);
}

static int change_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct change_job *change = (struct change_job *)job;
	struct aichat_conversation *conv = change->conv;
	const char *owner = conv->ai->owner;

	if (change->delete)
		return aic_store_delete_conversation(store, owner, &conv->id, reterr);
	if (change->message)
		return erase(change, store, reterr);
	if (change->head)
		return aic_store_set_head(store, owner, &conv->id, change->head,
					  aic_clock_unix_ms(), reterr);
	struct aic_conversation_row row = { 0 };
	int rc = aic_store_conversation(store, owner, &conv->id, &row, reterr);
	if (rc == 0) {
		aic_free(AIC_TAKE(row.title));
		if (!change->title)
			rc = aic_conversation_first_words(store, conv, &row.title,
							  reterr);
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
	job->job = (struct aic_job){
		.run = change_run,
		.durable = true,
		.ends = job->delete || job->message,
	};
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

int aic_conversation_check_title(const char *title, aichat_error **reterr)
{
	size_t len = strlen(title);
	size_t characters = 0;

	if (!aic_utf8_valid(title, len))
		return aic_error_set(reterr, AICHAT_EUTF8, "the title is not UTF-8");
	for (size_t i = 0; i < len; i++)
		characters += ((unsigned char)title[i] & 0xc0) != 0x80;
	if (characters > TITLE_CHARACTERS_MAX)
		return aic_error_set(reterr, AICHAT_ETOOLARGE,
				     "the title has more than %d characters",
				     TITLE_CHARACTERS_MAX);
	return 0;
}

int aichat_conversation_set_title(aichat_conversation *conversation, const char *title,
				  aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);

	if (rc == 0 && title)
		rc = aic_conversation_check_title(title, reterr);
	if (rc < 0)
		return rc;
	struct change_job job = { .conv = conversation, .title = title };
	return change(&job, reterr);
}

int aichat_conversation_erase(aichat_conversation *conversation, const char *message_id,
			      aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *message = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);

	if (rc == 0)
		rc = aic_conversation_message(conversation, message_id, &message, reterr);
	if (rc < 0)
		return rc;
	struct change_job job = { .conv = conversation, .message = &message->id };
	rc = change(&job, reterr);
	return rc < 0 || aic_store_is_purged(core->store) ? rc : 1;
}

int aichat_conversation_delete(aichat_conversation *conversation, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_conversation_enter(conversation, &core, reterr);

	if (rc < 0)
		return rc;
	struct change_job job = { .conv = conversation, .delete = true };
	return change(&job, reterr);
}
