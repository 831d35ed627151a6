/*
 * Messages of a conversation: reading them, saying something, saying it differently,
 * asking again, and erasing.
 */

#include <stdio.h>
#include <string.h>

#include "page.h"
#include "send.h"

static void fail(struct call *call, aichat_error *error)
{
	call_fail(call, error);
	aichat_error_unref(error);
}

static void write_message(aichat_json_writer *w, const aichat_message *message)
{
	char *json = NULL;
	size_t len = 0;

	/* Without memory the writer is told of NULL, and says so at the end. */
	(void)aichat_message_to_json(message, &json, &len);
	aichat_json_writer_raw(w, json, (int64_t)len);
	aichat_free(json);
}

/* ---- reading ---- */

static void list(struct call *call)
{
	aichat_conversation *conversation = conversation_of(call);
	aichat_messages *messages = NULL;
	aichat_error *error = NULL;

	if (!conversation)
		return;
	bool tree = strcmp(call_text(call->query, "view", "path"), "tree") == 0;
	int rc = tree ? aichat_conversation_tree(conversation, page_cursor(call),
						 page_limit(call), &messages, &error)
		      : aichat_conversation_path_page(conversation, page_cursor(call),
						      page_limit(call), &messages,
						      &error);
	if (rc < 0) {
		fail(call, error);
	} else {
		aichat_json_writer *w = page_begin();
		for (size_t n = 0; n < aichat_messages_count(messages); n++)
			write_message(w, aichat_messages_at(messages, n));
		page_answer(call, w, aichat_messages_cursor(messages));
	}
	aichat_messages_unref(messages);
	aichat_conversation_unref(conversation);
}

static void get(struct call *call)
{
	aichat_conversation *conversation = conversation_of(call);
	aichat_message *message = NULL;
	aichat_error *error = NULL;

	if (!conversation)
		return;
	if (aichat_conversation_message(conversation, call->path_values[1], &message,
					&error) < 0) {
		fail(call, error);
	} else {
		aichat_json_writer *w = aichat_json_writer_new(0);
		write_message(w, message);
		call_answer(call, 200, w);
	}
	aichat_message_unref(message);
	aichat_conversation_unref(conversation);
}

static void erase(struct call *call)
{
	aichat_conversation *conversation = conversation_of(call);
	aichat_error *error = NULL;

	if (!conversation)
		return;
	int rc = aichat_conversation_erase(conversation, call->path_values[1], &error);
	if (rc < 0) {
		fail(call, error);
	} else {
		aichat_json_writer *w = aichat_json_writer_new(0);
		aichat_json_writer_begin_object(w);
		aichat_json_writer_key(w, "id", -1);
		aichat_json_writer_string(w, call->path_values[1], -1);
		aichat_json_writer_key(w, "state", -1);
		aichat_json_writer_string(w, "erased", -1);
		aichat_json_writer_key(w, "purged", -1);
		aichat_json_writer_bool(w, rc == 0);
		aichat_json_writer_end_object(w);
		call_answer(call, 200, w);
	}
	aichat_conversation_unref(conversation);
}

/* ---- saying ---- */

/* {"role":"user","parts":[...]} of what the body has; NULL and answered. */
static aichat_message *read_message(struct call *call)
{
	const char *text = call_text(call->body, "text", NULL);
	int parts = aichat_json_get(call->body, 0, "parts");
	aichat_json_writer *w = aichat_json_writer_new(0);
	aichat_message *message = NULL;
	aichat_error *error = NULL;
	const char *json = NULL, *raw;
	size_t len = 0;

	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "role", -1);
	aichat_json_writer_string(w, "user", -1);
	aichat_json_writer_key(w, "parts", -1);
	if (text) {
		aichat_json_writer_begin_array(w);
		aichat_json_writer_begin_object(w);
		aichat_json_writer_key(w, "type", -1);
		aichat_json_writer_string(w, "text", -1);
		aichat_json_writer_key(w, "text", -1);
		aichat_json_writer_string(w, text, -1);
		aichat_json_writer_end_object(w);
		aichat_json_writer_end_array(w);
	} else {
		raw = aichat_json_raw(call->body, parts, &len);
		aichat_json_writer_raw(w, raw, (int64_t)len);
	}
	aichat_json_writer_end_object(w);
	int rc = aichat_json_writer_finish(w, &json, &len);
	if (rc == 0)
		rc = aichat_message_from_json(json, (int64_t)len, &message, &error);
	if (rc == AICHAT_EJSON) {
		call_mistake(call, "body.parts", "invalid", "%s",
			     aichat_error_message(error));
		call_refuse_mistakes(call);
	} else if (rc < 0) {
		call_fail(call, error);
	}
	aichat_error_unref(error);
	aichat_json_writer_unref(w);
	return message;
}

/* Exactly one of the two, and something in it. */
static bool check_content(struct call *call)
{
	const char *text = call_text(call->body, "text", NULL);
	bool has_parts = call_has(call->body, "parts");

	if (text && has_parts)
		call_mistake(call, "body.parts", "both",
			     "text and parts exclude each "
			     "other");
	else if (!text && !has_parts)
		call_mistake(call, "body.text", "missing", "text or parts is required");
	else if (text && strspn(text, " \t\r\n") == strlen(text))
		call_mistake(call, "body.text", "too_short", "the message is empty");
	return !call_refuse_mistakes(call);
}

static int begin_say(struct call *call, aichat_conversation *conversation,
		     const aichat_options *options, aichat_reply **ret_reply,
		     aichat_error **reterr)
{
	int parent = aichat_json_get(call->body, 0, "parent_id");
	const char *parent_id = aichat_json_string(call->body, parent, NULL);
	int64_t version = 0;

	if (aichat_json_type(call->body, parent) == AICHAT_JSON_NULL)
		parent_id = "";
	if (!check_content(call) || call_if_match(call, &version) < 0)
		return AICHAT_EINVAL;
	aichat_message *message = read_message(call);
	if (!message)
		return AICHAT_EINVAL;
	int rc = aichat_conversation_send_after(conversation, parent_id, message, version,
						options, ret_reply, reterr);
	aichat_message_unref(message);
	return rc;
}

static void say(struct call *call)
{
	send_answer(call, begin_say);
}

static int begin_edit(struct call *call, aichat_conversation *conversation,
		      const aichat_options *options, aichat_reply **ret_reply,
		      aichat_error **reterr)
{
	return aichat_conversation_edit(conversation, call->path_values[1],
					call_text(call->body, "text", ""), -1, options,
					ret_reply, reterr);
}

static void edit(struct call *call)
{
	send_answer(call, begin_edit);
}

static int begin_retry(struct call *call, aichat_conversation *conversation,
		       const aichat_options *options, aichat_reply **ret_reply,
		       aichat_error **reterr)
{
	return aichat_conversation_retry(conversation, call->path_values[1], options,
					 ret_reply, reterr);
}

static void retry(struct call *call)
{
	send_answer(call, begin_retry);
}

/* ---- the table ---- */

static const char *const views[] = { "path", "tree", NULL };

static const struct field list_fields[] = {
	{ .name = "view",
	  .type = FIELD_STRING,
	  .choices = views,
	  .help = "`path`: the messages up to the head, the last page first; `tree`: "
		  "all, "
		  "in the order in which they were stored" },
	PAGE_FIELDS,
	{ .type = FIELD_END },
};

static const char *const part_types[] = { "text", "image", "audio", "file", NULL };

static const struct field part_fields[] = {
	{ .name = "type",
	  .type = FIELD_STRING,
	  .required = true,
	  .choices = part_types,
	  .help = "what the part is" },
	{ .name = "text", .type = FIELD_STRING, .help = "of a text" },
	{ .name = "media_type",
	  .type = FIELD_STRING,
	  .maximum = 127,
	  .help = "of data, such as image/png" },
	{ .name = "data", .type = FIELD_STRING, .help = "the bytes in base64" },
	{ .name = "url",
	  .type = FIELD_STRING,
	  .maximum = 8192,
	  .help = "in place of data: where the provider finds it" },
	{ .name = "name", .type = FIELD_STRING, .maximum = 255, .help = "a file's name" },
	{ .type = FIELD_END },
};

#define REPLY_FIELDS                                                                     \
	{ .name = "options",                                                             \
	  .type = FIELD_OBJECT,                                                          \
	  .help = "for this reply only, such as another model" },                        \
	{                                                                                \
		.name = "stream", .type = FIELD_BOOL,                                    \
		.help = "true: events as they come; false: the end as JSON; if absent, " \
			"what Accept asks for"                                           \
	}

static const struct field say_fields[] = {
	{ .name = "text",
	  .type = FIELD_STRING,
	  .minimum = 1,
	  .help = "what is said; or `parts`" },
	{ .name = "parts",
	  .type = FIELD_OBJECTS,
	  .minimum = 1,
	  .maximum = 256,
	  .fields = part_fields,
	  .help = "text, images, audio and files, in their order" },
	{ .name = "parent_id",
	  .type = FIELD_ID,
	  .nullable = true,
	  .help = "the message that it follows; if absent, the head; null for none" },
	REPLY_FIELDS,
	{ .type = FIELD_END },
};

static const struct field edit_fields[] = {
	{ .name = "text",
	  .type = FIELD_STRING,
	  .required = true,
	  .minimum = 1,
	  .help = "what is said instead" },
	REPLY_FIELDS,
	{ .type = FIELD_END },
};

static const struct field retry_fields[] = {
	REPLY_FIELDS,
	{ .type = FIELD_END },
};

#define ID                                                                               \
	{                                                                                \
		"id", OBJECT_CONVERSATION, "the conversation"                            \
	}
#define MESSAGE_ID                                                                       \
	{                                                                                \
		"message_id", OBJECT_MESSAGE, "one of its messages"                      \
	}
#define BEGINS (ROUTE_STREAM | ROUTE_MODEL | ROUTE_IDEMPOTENT)
#define TOLD                                                                             \
	{                                                                                \
		{                                                                        \
			200, "ReplyEnd",                                                 \
				"The reply at its end, or as soon as it waits for tool " \
				"results; or its events. Location names the reply."      \
		}                                                                        \
	}
#define ABOUT_STREAM                                                                     \
	"A stream is server-sent events: `id` is the event's number, `data` the event "  \
	"as "                                                                            \
	"JSON, the last one `done` or `error`. A client that leaves changes nothing: "   \
	"the "                                                                           \
	"reply goes on, and can be looked at from any number with replies.events. "

const struct route routes_messages[] = {
	{
		.method = "GET",
		.path = "/api/v1/conversations/{id}/messages",
		.name = "messages.list",
		.summary = "Read messages: the path to the head, or the whole tree",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ,
		.path_values = { ID },
		.query = list_fields,
		.answers = { { 200, "MessageList", "A page of them." } },
		.handle = list,
	},
	{
		.method = "POST",
		.path = "/api/v1/conversations/{id}/messages",
		.name = "messages.send",
		.summary = "Add a user message, and have it answered",
		.about = ABOUT_STREAM "Two messages under one parent become siblings; "
				      "with If-Match the later one is refused with 412 "
				      "STALE.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.flags = BEGINS,
		.path_values = { ID },
		.body = say_fields,
		.answers = TOLD,
		.handle = say,
	},
	{
		.method = "GET",
		.path = "/api/v1/conversations/{id}/messages/{message_id}",
		.name = "messages.get",
		.summary = "Read one message",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ,
		.path_values = { ID, MESSAGE_ID },
		.answers = { { 200, "Message", "The message." } },
		.handle = get,
	},
	{
		.method = "DELETE",
		.path = "/api/v1/conversations/{id}/messages/{message_id}",
		.name = "messages.erase",
		.summary = "Erase a message's content for good",
		.about = "Its place in the tree stays. 409 WRONG_STATE while it is being "
			 "written.",
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.path_values = { ID, MESSAGE_ID },
		.answers = { { 200, "Erased",
			       "The content is gone; `purged` once it is in no file." } },
		.handle = erase,
	},
	{
		.method = "POST",
		.path = "/api/v1/conversations/{id}/messages/{message_id}/edit",
		.name = "messages.edit",
		.summary = "Say a user message differently: a sibling, and its reply",
		.about = ABOUT_STREAM,
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.flags = BEGINS,
		.path_values = { ID, MESSAGE_ID },
		.body = edit_fields,
		.answers = TOLD,
		.handle = edit,
	},
	{
		.method = "POST",
		.path = "/api/v1/conversations/{id}/messages/{message_id}/retry",
		.name = "messages.retry",
		.summary = "Answer again: a sibling of the reply",
		.about = ABOUT_STREAM,
		.roles = ROLE_ADMIN | ROLE_USER,
		.scopes = SCOPE_CHAT,
		.flags = BEGINS,
		.path_values = { ID, MESSAGE_ID },
		.body = retry_fields,
		.answers = TOLD,
		.handle = retry,
	},
	{ .method = NULL },
};
