#pragma once

/* A conversation's handle, for the files that read, ask and change. */

#include "api/context.h"
#include "base/thread.h"

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
	bool is_new;       /* to be written with the first message, or by save */
	bool settings_new; /* options or tools that the store has not */
};

/* As aic_context_enter(). */
int aic_conversation_enter(const struct aichat_conversation *conv,
			   struct aic_core **ret_core, aichat_error **reterr);
/* The message of this conversation that has the id. */
int aic_conversation_message(struct aichat_conversation *conv, const char *id,
			     struct aichat_message **ret_message, aichat_error **reterr);
/*
 * The head as it is stored: unset for an empty conversation. The last send may not have
 * been stored, or not yet.
 */
int aic_conversation_head(struct aichat_conversation *conv, struct aic_id *ret_head,
			  aichat_error **reterr);

/* {"options":{...},"tools":[...]}, as it is stored; and back. */
int aic_conversation_settings_json(const struct aichat_options *options,
				   const char *tools, struct aic_buf *out);
int aic_conversation_settings_read(const char *settings,
				   struct aichat_options **ret_options, char **ret_tools,
				   aichat_error **reterr);
/* The canonical JSON. AICHAT_ENOMEM. */
int aic_conversation_row_json(const struct aic_conversation_row *row, char **ret_json,
			      size_t *ret_len);
/* AICHAT_EUTF8, AICHAT_ETOOLARGE. */
int aic_conversation_check_title(const char *title, aichat_error **reterr);
/* The title of one that was given none: NULL while it is empty. */
int aic_conversation_first_words(struct aic_store *store,
				 const struct aichat_conversation *conv, char **ret_title,
				 aichat_error **reterr);
