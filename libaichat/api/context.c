#include <inttypes.h>
#include <stdio.h>

#include "api/context.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/cursor.h"
#include "chat/feed.h"
#include "chat/turn.h"
#include "model/tools.h"

const char *aichat_version(void)
{
	return AICHAT_VERSION;
}

int aichat_abi_version(void)
{
	return AICHAT_ABI;
}

void *aichat_free(void *memory)
{
	aic_free(memory);
	return NULL;
}

struct aichat *aic_context_ref(struct aichat *ai)
{
	atomic_fetch_add_explicit(&ai->refs, 1, memory_order_relaxed);
	return ai;
}

struct aichat *aic_context_unref(struct aichat *ai)
{
	if (ai && atomic_fetch_sub_explicit(&ai->refs, 1, memory_order_acq_rel) == 1) {
		aic_core_unref(ai->core);
		aic_free(ai->owner);
		aic_free(ai);
	}
	return NULL;
}

int aic_context_check(const struct aichat *ai, aichat_error **reterr)
{
	if (!ai)
		return aic_error_set(reterr, AICHAT_EINVAL, "no context was given");
	return aic_core_check(ai->core, reterr);
}

int aic_context_enter(const struct aichat *ai, struct aic_core **ret_core,
		      aichat_error **reterr)
{
	if (!ai)
		return aic_error_set(reterr, AICHAT_EINVAL, "no context was given");
	return aic_core_enter(ai->core, ret_core, reterr);
}

int aic_text_argument(const char *text, int64_t len, const char *what,
		      struct aic_str *ret, aichat_error **reterr)
{
	if (!text || len < -1)
		return aic_error_set(reterr, AICHAT_EINVAL, "%s: no text was given",
				     what);
	*ret = (struct aic_str){ text, len < 0 ? strlen(text) : (size_t)len };
	if (ret->len > AIC_TEXT_MAX)
		return aic_error_set(reterr, AICHAT_ETOOLARGE,
				     "%s: %zu bytes are more than the limit of %zu", what,
				     ret->len, AIC_TEXT_MAX);
	size_t valid = aic_utf8_valid_prefix(text, ret->len);
	if (valid < ret->len)
		return aic_error_set(reterr, AICHAT_EUTF8, "%s: not UTF-8 at byte %zu",
				     what, valid);
	return 0;
}

int aic_tools_argument(const char *json, int64_t len, struct aic_str *ret,
		       size_t *ret_count, aichat_error **reterr)
{
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	struct aic_json doc = { 0 };
	struct aic_tool *tools = NULL;

	int rc = aic_text_argument(json, len, "the tools", ret, reterr);
	if (rc < 0)
		return rc;
	rc = aic_tools_read(*ret, &tools, ret_count, &error);
	aic_tools_free(tools, rc < 0 ? 0 : *ret_count);
	if (rc != AICHAT_EJSON)
		return rc < 0 ? aic_error_pass(reterr, AIC_TAKE(error)) : 0;
	/* JSON, but not that of tools, is the caller's mistake of another kind. */
	if (aic_json_scan(&doc, ret->data, ret->len, &aic_json_strict) == 0)
		rc = AICHAT_EINVAL;
	aic_json_done(&doc);
	return aic_error_set(reterr, rc, "%s", aichat_error_message(error));
}

int aic_page_arguments(size_t limit, size_t max, const char *cursor, int64_t begin,
		       int64_t *ret_number, aichat_error **reterr)
{
	int64_t number = 0;
	const char *at = cursor;

	if (limit < 1 || limit > max)
		return aic_error_set(reterr, AICHAT_EINVAL, "a list has 1 to %zu entries",
				     max);
	*ret_number = begin;
	if (!cursor)
		return 0;
	while (*at >= '0' && *at <= '9' && at - cursor < 18)
		number = number * 10 + (*at++ - '0');
	if (at == cursor || *at)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "\"%.64s\" is no list's cursor", cursor);
	*ret_number = number;
	return 0;
}

void aic_page_cursor(int64_t number, char text[AIC_CURSOR_TEXT])
{
	snprintf(text, AIC_CURSOR_TEXT, "%" PRId64, number);
}

int aic_id_argument(const char *text, const char *what, struct aic_id *ret,
		    aichat_error **reterr)
{
	if (!text || !aic_id_parse(text, strlen(text), ret))
		return aic_error_set(reterr, AICHAT_EINVAL, "%s: \"%.64s\" is not an id",
				     what, text ? text : "");
	return 0;
}

static int make_context(struct aic_core *core, const char *owner, struct aichat **ret_ai,
			aichat_error **reterr)
{
	struct aichat *ai = aic_new(struct aichat);

	if (!ai)
		return aic_error_nomem(reterr);
	ai->refs = 1;
	ai->owner = aic_strdup(owner);
	if (!ai->owner) {
		aic_free(ai);
		return aic_error_nomem(reterr);
	}
	ai->core = core;
	*ret_ai = ai;
	return 0;
}

int aichat_open(const aichat_options *options, aichat **ret_ai, aichat_error **reterr)
{
	struct aic_core *core = NULL;

	if (!ret_ai)
		return aic_error_set(reterr, AICHAT_EINVAL, "no place for the context");
	int rc = aic_core_open(options, &core, reterr);
	if (rc < 0)
		return rc;
	rc = make_context(core, AIC_OWNER_LOCAL, ret_ai, reterr);
	if (rc < 0) {
		aic_core_close(core);
		aic_core_unref(core);
	}
	return rc;
}

int aichat_for_owner(aichat *ai, const char *owner, aichat **ret_view,
		     aichat_error **reterr)
{
	int rc = aic_context_check(ai, reterr);

	if (rc < 0)
		return rc;
	size_t len = owner ? strlen(owner) : 0;
	bool valid = len > 0 && len <= AIC_OWNER_MAX && aic_utf8_valid(owner, len);
	for (size_t i = 0; valid && i < len; i++)
		valid = (unsigned char)owner[i] >= 0x20 && owner[i] != 0x7f;
	if (!valid)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "an owner's name has 1 to %d bytes of UTF-8 without "
				     "control characters",
				     AIC_OWNER_MAX);
	rc = make_context(ai->core, owner, ret_view, reterr);
	if (rc == 0) {
		aic_core_ref(ai->core);
		(*ret_view)->is_view = true;
	}
	return rc;
}

aichat *aichat_close(aichat *ai)
{
	if (!ai)
		return NULL;
	if (!ai->is_view)
		aic_core_close(ai->core);
	return aic_context_unref(ai);
}

int aichat_verify(aichat *ai, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	return rc < 0 ? rc : aic_store_verify(core->store, reterr);
}

int aichat_store_check(aichat *ai, aichat_error **reterr)
{
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	int rc = aic_context_enter(ai, &core, reterr);

	return rc < 0 ? rc : aic_store_check_writable(core->store, reterr);
}

/* ---- replies ---- */

int aichat_reply_open(aichat *ai, const char *reply_id, uint64_t after,
		      aichat_reply **ret_reply, aichat_error **reterr)
{
	AIC_CLEANUP(aic_reply_row_done) struct aic_reply_row row = { 0 };
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *missing = NULL;
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_feed *feed = NULL;
	struct aic_id id;

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc == 0)
		rc = aic_id_argument(reply_id, "the reply", &id, reterr);
	if (rc < 0)
		return rc;
	struct aic_store *store = core->store;
	rc = aic_store_reply(store, ai->owner, &id, &row, &missing);
	if (rc == AICHAT_ENOTFOUND)
		rc = aic_store_reply_of(store, ai->owner, &id, &row, reterr);
	else if (rc < 0)
		return aic_error_pass(reterr, AIC_TAKE(missing));
	if (rc < 0)
		return rc;
	if (row.state < AICHAT_REPLY_COMPLETE)
		rc = aic_store_start_writer(store, reterr);
	if (rc < 0)
		return rc;
	struct aichat_reply *reply = aic_cursor_new();
	if (!reply || aic_feed_find(core, ai->owner, &row, &feed) < 0) {
		aichat_reply_unref(reply);
		return aic_error_nomem(reterr);
	}
	aic_cursor_attach(reply, feed, after);
	*ret_reply = reply;
	return 0;
}

/* The messages, behind the system prompt of the options if they have none themselves. */
static int with_system(const struct aic_core *core, const aichat_options *options,
		       aichat_message *const *messages, size_t count,
		       struct aic_messages *ret)
{
	const struct aic_options_chain chain = { { options, core->options } };
	const char *system = aic_chain_string(&chain, "system");

	ret->items = aic_calloc(count + 1, sizeof(*ret->items));
	if (!ret->items)
		return AICHAT_ENOMEM;
	ret->capacity = count + 1;
	if (system && aichat_message_role(messages[0]) != AICHAT_ROLE_SYSTEM) {
		struct aichat_message *first = aic_message_new(AICHAT_ROLE_SYSTEM);
		if (!first)
			return AICHAT_ENOMEM;
		ret->items[ret->count++] = first;
		first->state = AICHAT_MESSAGE_SEALED;
		if (aic_message_add_text(first, aic_str(system)) < 0)
			return AICHAT_ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct aichat_message *message = aichat_message_ref(messages[i]);
		if (message->state == AICHAT_MESSAGE_OPEN) {
			/* Made for this call, and whole as it is. */
			message = aic_message_copy(messages[i]);
			aichat_message_unref(messages[i]);
			if (!message)
				return AICHAT_ENOMEM;
			message->state = AICHAT_MESSAGE_SEALED;
		}
		ret->items[ret->count++] = message;
	}
	return 0;
}

int aichat_complete(aichat *ai, aichat_message *const *messages, size_t count,
		    const char *tools, int64_t tools_len, const aichat_options *options,
		    aichat_reply **ret_reply, aichat_error **reterr)
{
	AIC_CLEANUP(aic_messages_done) struct aic_messages list = { 0 };
	AIC_CLEANUP(aic_freep) char *tools_text = NULL;
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	struct aic_feed *feed = NULL;

	int rc = aic_context_enter(ai, &core, reterr);
	if (rc < 0)
		return rc;
	if (!messages || !count || !ret_reply)
		return aic_error_set(reterr, AICHAT_EINVAL, "no message was given");
	for (size_t i = 0; i < count; i++)
		if (!messages[i])
			return aic_error_set(reterr, AICHAT_EINVAL,
					     "message %zu is missing", i);
	rc = aic_options_check_chat(options, reterr);
	if (rc == 0 && aic_options_get(options, "idempotency_key", NULL))
		rc = aic_error_set(reterr, AICHAT_EINVAL,
				   "an idempotency key is for what is stored");
	if (rc < 0)
		return rc;
	if (tools) {
		struct aic_str text;
		size_t tool_count = 0;
		rc = aic_tools_argument(tools, tools_len, &text, &tool_count, reterr);
		if (rc < 0)
			return rc;
		tools_text = aic_strndup(text.data, text.len);
	}
	struct aichat_reply *reply = aic_cursor_new();
	if (!reply || (tools && !tools_text) ||
	    with_system(ai->core, options, messages, count, &list) < 0) {
		aichat_reply_unref(reply);
		return aic_error_nomem(reterr);
	}
	const struct aic_turn_question question = {
		.messages = list.items,
		.message_count = list.count,
		.tools = tools_text,
		.options = options,
	};
	rc = aic_turn_start(core, ai->owner, &question, &feed, NULL, reterr);
	if (rc < 0) {
		aichat_reply_unref(reply);
		return rc;
	}
	aic_cursor_attach(reply, feed, 0);
	*ret_reply = reply;
	return 0;
}
