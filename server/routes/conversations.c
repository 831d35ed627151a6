/*
 * Conversations: listing, making, reading, changing and deleting them.
 */

#include <stdio.h>
#include <string.h>

#include "idempotency.h"
#include "page.h"
#include "send.h"

/* ---- answers ---- */

static void fail(struct call *call, aichat_error *error)
{
	call_fail(call, error);
	aichat_error_unref(error);
}

static void answer_conversation(struct call *call, int status,
				aichat_conversation *conversation)
{
	aichat_error *error = NULL;
	int64_t version = 0;
	char *json = NULL;
	size_t len = 0;

	if (aichat_conversation_to_json(conversation, &json, &len, &version, &error) <
	    0) {
		fail(call, error);
		return;
	}
	call_set_version(call, version);
	call_answer_json(call, status, json, len);
	aichat_free(json);
}

/* ---- handlers ---- */

static void list(struct call *call)
{
	aichat_error *error = NULL;
	aichat_list *found = NULL;

	if (aichat_conversation_list_filtered(
		    call->ai, call_bool(call->query, "archived", false),
		    call_text(call->query, "tag", NULL),
		    call_text(call->query, "text", NULL), page_cursor(call),
		    page_limit(call), &found, &error) < 0) {
		fail(call, error);
		return;
	}
	aichat_json_writer *w = page_begin();
	for (size_t n = 0; n < aichat_list_count(found); n++) {
		char *json = NULL;
		size_t len = 0;
		/* Without memory the writer is told of NULL, and says so at the end. */
		(void)aichat_list_to_json(found, n, &json, &len);
		aichat_json_writer_raw(w, json, (int64_t)len);
		aichat_free(json);
	}
	page_answer(call, w, aichat_list_cursor(found));
	aichat_list_unref(found);
}

/* What an earlier request with this key has made. True when the call is answered. */
static bool answer_repeated(struct call *call)
{
	aichat_conversation *conversation = NULL;
	aichat_error *error = NULL;
	char *id = NULL;
	int found = idempotency_find(call, &id);

	if (found > 0) {
		http_set_header(call->request, "Idempotent-Replayed", "true");
		if (aichat_conversation_open(call->ai, id, &conversation, &error) < 0)
			fail(call, error);
		else
			answer_conversation(call, 201, conversation);
	}
	aichat_conversation_unref(conversation);
	aichat_free(id);
	return found != 0;
}

/* What the library makes of a body whose shape the router has checked. */
static int change(struct call *call, aichat_conversation *conversation, int64_t version)
{
	aichat_error *error = NULL;
	size_t len = 0;
	const char *json = aichat_json_raw(call->body, 0, &len);
	int rc = aichat_conversation_change(conversation, json, (int64_t)len, version,
					    &error);

	if (rc == AICHAT_EEXIST && answer_repeated(call)) {
		aichat_error_unref(error);
	} else if (rc == AICHAT_EINVAL || rc == AICHAT_ETOOLARGE) {
		call_mistake(call, "body", "invalid", "%s", aichat_error_message(error));
		call_refuse_mistakes(call);
		aichat_error_unref(error);
	} else if (rc < 0) {
		fail(call, error);
	}
	return rc;
}

static void create(struct call *call)
{
	aichat_options *options = aichat_options_new();
	aichat_conversation *conversation = NULL;
	aichat_error *error = NULL;
	char location[80];

	if (answer_repeated(call)) {
		aichat_options_free(options);
		return;
	}
	int rc = options ? idempotency_set(call, options, &error) : AICHAT_ENOMEM;
	if (rc == 0)
		rc = aichat_conversation_new(call->ai, options, &conversation, &error);
	if (rc < 0) {
		fail(call, error);
	} else if (change(call, conversation, 0) == 0) {
		snprintf(location, sizeof(location), "/api/v1/conversations/%s",
			 aichat_conversation_id(conversation));
		http_set_header(call->request, "Location", location);
		answer_conversation(call, 201, conversation);
	}
	aichat_conversation_unref(conversation);
	aichat_options_free(options);
}

static void get(struct call *call)
{
	aichat_conversation *conversation = conversation_of(call);

	if (conversation)
		answer_conversation(call, 200, conversation);
	aichat_conversation_unref(conversation);
}

static void patch(struct call *call)
{
	int64_t version = 0;

	if (call_if_match(call, &version) < 0)
		return;
	aichat_conversation *conversation = conversation_of(call);
	if (conversation && change(call, conversation, version) == 0)
		answer_conversation(call, 200, conversation);
	aichat_conversation_unref(conversation);
}

static void delete (struct call *call)
{
	aichat_conversation *conversation = conversation_of(call);
	aichat_error *error = NULL;

	if (!conversation)
		return;
	if (aichat_conversation_delete(conversation, &error) < 0)
		fail(call, error);
	else
		call_answer_empty(call, 204);
	aichat_conversation_unref(conversation);
}

/* ---- the table ---- */

static const struct field tool_fields[] = {
	{ .name = "name",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .maximum = 64,
	  .help = "by which the model calls it" },
	{ .name = "description",
	  .type = FIELD_STRING,
	  .help = "what it does, for the model" },
	{ .name = "parameters",
	  .type = FIELD_OBJECT,
	  .help = "a JSON schema of an object" },
	{ .name = "strict",
	  .type = FIELD_BOOL,
	  .help = "whether the provider shall hold the model to the schema" },
	{ .type = FIELD_END },
};

static const struct field settings_fields[] = {
	{ .name = "options",
	  .type = FIELD_OBJECT,
	  .help = "model, system, temperature, max_tokens and the other options of a "
		  "chat; null takes one back" },
	{ .name = "tools",
	  .type = FIELD_OBJECTS,
	  .nullable = true,
	  .maximum = 128,
	  .fields = tool_fields,
	  .help = "that the model may call; null for none" },
	{ .type = FIELD_END },
};

#define TITLE_HELP "at most 200 characters; null for the first words"
#define CONVERSATION_FIELDS                                                              \
	{ .name = "title",                                                               \
	  .type = FIELD_STRING,                                                          \
	  .nullable = true,                                                              \
	  .maximum = 800,                                                                \
	  .help = TITLE_HELP },                                                          \
		{ .name = "tags",                                                        \
		  .type = FIELD_STRINGS,                                                 \
		  .maximum = 64,                                                         \
		  .help = "up to 64 of 1 to 64 characters" },                            \
		{ .name = "pinned", .type = FIELD_BOOL, .help = "for the user's list" }, \
		{ .name = "archived",                                                    \
		  .type = FIELD_BOOL,                                                    \
		  .help = "kept out of the user's list" },                               \
	{                                                                                \
		.name = "settings", .type = FIELD_OBJECT, .fields = settings_fields,     \
		.help = "for the messages that follow"                                   \
	}

static const struct field create_fields[] = {
	CONVERSATION_FIELDS,
	{ .type = FIELD_END },
};

static const struct field patch_fields[] = {
	CONVERSATION_FIELDS,
	{ .name = "head",
	  .type = FIELD_ID,
	  .nullable = true,
	  .help = "the message that the next one follows; null for before the first" },
	{ .type = FIELD_END },
};

static const struct field list_fields[] = {
	PAGE_FIELDS,
	{ .name = "tag",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "only those that have this tag" },
	{ .name = "text",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .maximum = 256,
	  .help = "only those whose title has this text in it" },
	{ .name = "archived",
	  .type = FIELD_BOOL,
	  .help = "true for those that are archived, else the others" },
	{ .type = FIELD_END },
};

#define ID                                                                               \
	{                                                                                \
		"id", OBJECT_CONVERSATION, "the conversation"                            \
	}

const struct route routes_conversations[] = {
	{
		.method = "GET",
		.path = "/api/v1/conversations",
		.name = "conversations.list",
		.summary = "List conversations, the ones changed last first",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_READ,
		.query = list_fields,
		.answers = { { 200, "ConversationList", "A page of them." } },
		.handle = list,
	},
	{
		.method = "POST",
		.path = "/api/v1/conversations",
		.name = "conversations.create",
		.summary = "Make an empty conversation",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.flags = ROUTE_IDEMPOTENT,
		.body = create_fields,
		.answers = { { 201, "Conversation", "It is made; Location names it." } },
		.handle = create,
	},
	{
		.method = "GET",
		.path = "/api/v1/conversations/{id}",
		.name = "conversations.get",
		.summary = "Read a conversation",
		.about = "ETag is its version, for If-Match.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_READ,
		.path_values = { ID },
		.answers = { { 200, "Conversation", "The conversation." } },
		.handle = get,
	},
	{
		.method = "PATCH",
		.path = "/api/v1/conversations/{id}",
		.name = "conversations.change",
		.summary = "Change title, tags, head or settings",
		.about = "What is named is changed, all at once. With If-Match only if "
			 "nobody has changed the conversation since that version: else "
			 "412 STALE.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.path_values = { ID },
		.body = patch_fields,
		.answers = { { 200, "Conversation", "As it is now." } },
		.handle = patch,
	},
	{
		.method = "DELETE",
		.path = "/api/v1/conversations/{id}",
		.name = "conversations.delete",
		.summary = "Delete a conversation for good, with all its messages",
		.about = "409 WRONG_STATE while a reply is being written: cancel it "
			 "first.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.path_values = { ID },
		.answers = { { 204, NULL, "It is gone." } },
		.handle = delete,
	},
	{ .method = NULL },
};
