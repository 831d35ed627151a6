#pragma once

/*
 * What the tests of stores share: a folder of their own, jobs from functions, and rows
 * with content.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"

/* ---- a folder --------------------------------------------------------------------- */

static char test_folder[64];

static inline void make_test_folder(void)
{
	snprintf(test_folder, sizeof(test_folder), "/tmp/aichat-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(test_folder));
}

static inline void remove_test_folder(void)
{
	char command[128];

	/* The name is ours: letters, digits and dashes. */
	snprintf(command, sizeof(command), "rm -rf %s", test_folder);
	FILE *shell = popen(command, "r");
	if (shell)
		pclose(shell);
}

/* A path in it; the same pointer for the same name, good until the test's end. */
static inline const char *test_path(const char *name)
{
	static char paths[32][128];
	char path[128];
	size_t i = 0;

	snprintf(path, sizeof(path), "%s/%s", test_folder, name);
	while (i < 32 && paths[i][0] && strcmp(paths[i], path) != 0)
		i++;
	ck_assert_uint_lt(i, 32);
	memcpy(paths[i], path, sizeof(path));
	return paths[i];
}

/* ---- stores and jobs -------------------------------------------------------------- */

static inline int try_open(const char *url, struct aic_store **ret_store,
			   aichat_error **reterr)
{
	/* Long: where a tool makes everything slow, a crowd takes its time. */
	const struct aic_store_config config = { .url = url, .busy_timeout_ms = 20000 };

	return aic_store_open(&config, ret_store, reterr);
}

#define ck_assert_ok(call)                                                               \
	do {                                                                             \
		aichat_error *ck_error_ = NULL;                                          \
		aichat_error **err = &ck_error_;                                         \
		int ck_rc_ = (call);                                                     \
		ck_assert_msg(ck_rc_ == 0, "%s: %d: %s", #call, ck_rc_,                  \
			      aichat_error_message(ck_error_));                          \
	} while (0)

static inline struct aic_store *must_open(const char *url)
{
	struct aic_store *store = NULL;

	ck_assert_ok(try_open(url, &store, err));
	return store;
}

/* A job around a function and what it needs. */
struct task {
	struct aic_job job;
	int (*act)(struct aic_store *store, void *data, aichat_error **reterr);
	void *data;
};

static inline int run_task(struct aic_job *job, struct aic_store *store,
			   aichat_error **reterr)
{
	struct task *task = (struct task *)job;

	return task->act(store, task->data, reterr);
}

static inline int try_task(struct aic_store *store, bool durable,
			   int (*act)(struct aic_store *store, void *data,
				      aichat_error **reterr),
			   void *data, aichat_error **reterr)
{
	struct task task = { { .run = run_task, .durable = durable }, act, data };

	return aic_store_run(store, &task.job, reterr);
}

static inline void must_task(struct aic_store *store,
			     int (*act)(struct aic_store *store, void *data,
					aichat_error **reterr),
			     void *data)
{
	ck_assert_ok(try_task(store, false, act, data, err));
}

/* All conversations that are not archived, and all that are. */
static const struct aic_conversation_filter current __attribute__((unused)),
	archive __attribute__((unused)) = { .archived = true };

/* ---- content ---------------------------------------------------------------------- */

static inline struct aichat_message *
new_message(const struct aic_id *conversation, const struct aic_id *parent,
	    enum aichat_role role, enum aichat_message_state state, const char *text)
{
	struct aichat_message *m = aic_message_new(role);

	ck_assert_ptr_nonnull(m);
	m->id = aic_id_new();
	m->conversation_id = *conversation;
	if (parent)
		m->parent_id = *parent;
	m->state = state;
	m->created_unix_ms = aic_clock_unix_ms();
	if (text)
		ck_assert_int_eq(aic_message_add_text(m, aic_str(text)), 0);
	aic_message_set_texts(m);
	return m;
}

static inline struct aichat_event *new_text_event(const struct aic_id *message,
						  uint64_t seq, const char *text)
{
	struct aichat_event event = {
		.type = AICHAT_EVENT_TEXT,
		.seq = seq,
		.message_id = *message,
		.text = aic_str(text),
	};
	struct aichat_event *copy = aic_event_copy(&event);

	ck_assert_ptr_nonnull(copy);
	return copy;
}

/* A conversation with a question and a reply that runs: what a send writes first. */
struct turn {
	const char *owner;
	struct aic_id conversation, reply;
	struct aichat_message *question, *answer;
	uint64_t seq;
};

static inline struct turn new_turn(const char *owner)
{
	struct turn t = { .owner = owner };

	t.conversation = aic_id_new();
	t.reply = aic_id_new();
	t.question = new_message(&t.conversation, NULL, AICHAT_ROLE_USER,
				 AICHAT_MESSAGE_SEALED, "why?");
	t.answer = new_message(&t.conversation, &t.question->id, AICHAT_ROLE_ASSISTANT,
			       AICHAT_MESSAGE_OPEN, NULL);
	return t;
}

static inline void turn_done(struct turn *t)
{
	aichat_message_unref(t->question);
	aichat_message_unref(t->answer);
}

static inline int turn_log(struct aic_store *store, struct turn *t, const char *text,
			   aichat_error **reterr)
{
	struct aichat_event *event = new_text_event(&t->answer->id, t->seq + 1, text);
	int rc = aic_store_add_events(store, &t->reply, &event, 1, reterr);

	aic_event_unref(event);
	t->seq += rc == 0;
	return rc;
}

static inline int turn_begin(struct aic_store *store, void *data, aichat_error **reterr)
{
	struct turn *t = data;
	char request[] = "{}", model[] = "echo/echo";
	struct aic_conversation_row conversation = {
		.id = t->conversation,
		.created_unix_ms = 1000,
		.updated_unix_ms = 1000,
		.version = 1,
	};
	struct aic_reply_row reply = {
		.id = t->reply,
		.conversation_id = t->conversation,
		.parent_id = t->question->id,
		.message_id = t->answer->id,
		.state = AICHAT_REPLY_RUNNING,
		.created_unix_ms = 1000,
		.model = model,
		.request = request,
	};
	struct aichat_event start = {
		.type = AICHAT_EVENT_START,
		.seq = 1,
		.message_id = t->answer->id,
		.reply_id = t->reply,
		.conversation_id = t->conversation,
		.user_message_id = t->question->id,
	};
	struct aichat_event *events = &start;
	int rc = aic_store_add_conversation(store, t->owner, &conversation, reterr);

	if (rc < 0 ||
	    (rc = aic_store_add_message(store, t->owner, t->question, NULL, reterr)) <
		    0 ||
	    (rc = aic_store_add_reply(store, t->owner, &reply, reterr)) < 0 ||
	    (rc = aic_store_add_message(store, t->owner, t->answer, &t->reply, reterr)) <
		    0 ||
	    (rc = aic_store_set_head(store, t->owner, &t->conversation, &t->answer->id,
				     2000, reterr)) < 0 ||
	    (rc = aic_store_add_events(store, &t->reply, &events, 1, reterr)) < 0)
		return rc;
	t->seq = 1;
	return 0;
}

static inline int turn_text(struct aic_store *store, void *data, aichat_error **reterr)
{
	return turn_log(store, data, "word ", reterr);
}

/* The end: the sealed message, the terminal event, the row. */
static inline int turn_end(struct aic_store *store, void *data, aichat_error **reterr)
{
	struct turn *t = data;
	struct aichat_message *sealed = aic_message_copy(t->answer);
	ck_assert_ptr_nonnull(sealed);
	ck_assert_int_eq(aic_message_add_text(sealed, AIC_STR("word word ")), 0);
	sealed->state = AICHAT_MESSAGE_SEALED;
	sealed->stop_reason = AICHAT_STOP_STOP;
	struct aichat_event done = {
		.type = AICHAT_EVENT_DONE,
		.seq = t->seq + 1,
		.message_id = sealed->id,
		.state = AICHAT_REPLY_COMPLETE,
		.message = sealed,
	};
	struct aichat_event *events = &done;
	struct aic_reply_row row = {
		.id = t->reply,
		.message_id = sealed->id,
		.state = AICHAT_REPLY_COMPLETE,
		.rounds = 1,
		.last_seq = t->seq + 1,
		.ended_unix_ms = 3000,
	};
	int rc = aic_store_add_events(store, &t->reply, &events, 1, reterr);
	if (rc == 0)
		rc = aic_store_update_message(store, t->owner, sealed, reterr);
	if (rc == 0)
		rc = aic_store_set_reply(store, t->owner, &row, reterr);
	if (rc == 0) {
		t->seq++;
		aichat_message_unref(t->answer);
		t->answer = AIC_TAKE(sealed);
	}
	aichat_message_unref(sealed);
	return rc;
}

static inline int erase_answer(struct aic_store *s, void *data, aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_erase_message(s, t->owner, &t->answer->id, reterr);
}

static inline int set_head_to_question(struct aic_store *s, void *data,
				       aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_set_head(s, t->owner, &t->conversation, &t->question->id, 3000,
				  reterr);
}

static inline int delete_conversation(struct aic_store *s, void *data,
				      aichat_error **reterr)
{
	struct turn *t = data;

	return aic_store_delete_conversation(s, t->owner, &t->conversation, reterr);
}
