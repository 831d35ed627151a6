/*
 * A program that uses a bit of everything and gives all of it back: what is left at its
 * end, valgrind tells (test_leaks.py).
 *
 *     session STORE [OPENAI_BASE_URL ANTHROPIC_BASE_URL]
 *
 * Without the URLs only the built-in echo is asked, and no libcurl is loaded.
 */

#include <stdio.h>
#include <string.h>

#include <aichat/aichat.h>

#define TOOLS                                                                            \
	"[{\"name\": \"add\", \"parameters\": {\"type\": \"object\","                    \
	" \"properties\": {\"n\": {\"type\": \"number\"}}}}]"

static int answer_calls(aichat_reply *reply, const aichat_message *message,
			aichat_error **error)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < aichat_message_part_count(message); i++)
		if (aichat_message_part_type(message, i) == AICHAT_PART_TOOL_CALL)
			rc = aichat_reply_tool_result(reply,
						      aichat_message_part_id(message, i),
						      "42", -1, 0, error);
	return rc;
}

/* To its end, which is told; cancelled at the first text if that is wanted. */
static int finish(aichat_reply *reply, int cancel, aichat_error **error)
{
	const aichat_event *event;
	char *json = NULL;
	int state = 0;
	int rc;

	while ((rc = aichat_reply_next(reply, 20000, &event)) == 1) {
		int type = aichat_event_type(event);
		if (aichat_event_to_json(event, &json, NULL) < 0)
			return -1;
		aichat_free(json);
		if (type == AICHAT_EVENT_TEXT && cancel)
			rc = aichat_reply_cancel(reply, error);
		else if (type == AICHAT_EVENT_MESSAGE)
			rc = answer_calls(reply, aichat_event_message(event), error);
		else if (type >= AICHAT_EVENT_DONE)
			state = aichat_event_state(event);
		if (rc < 0)
			return rc;
	}
	printf("%s\n", aichat_reply_state_name(state));
	aichat_reply_unref(reply);
	return rc;
}

static int ask(aichat *ai, const char *model, int cancel, aichat_error **error)
{
	aichat_options *options = aichat_options_new();
	aichat_conversation *conversation = NULL;
	aichat_messages *path = NULL;
	aichat_reply *reply = NULL;
	int fd;

	int rc = aichat_options_set(options, "model", model, -1, error);
	if (rc == 0)
		rc = aichat_conversation_new(ai, options, &conversation, error);
	if (rc == 0)
		rc = aichat_conversation_set_tools(conversation, TOOLS, -1, error);
	if (rc == 0)
		rc = aichat_conversation_send(conversation, "Hello.", -1, NULL, &reply,
					      error);
	if (rc == 0)
		rc = aichat_reply_fd(reply, &fd, error);
	if (rc == 0)
		rc = finish(reply, cancel, error);
	if (rc == 0)
		rc = aichat_conversation_retry(conversation, NULL, NULL, &reply, error);
	if (rc == 0)
		rc = finish(reply, 0, error);
	if (rc == 0)
		rc = aichat_conversation_path(conversation, 0, &path, error);
	aichat_messages_unref(path);
	aichat_conversation_unref(conversation);
	aichat_options_free(options);
	return rc;
}

/* What goes wrong leaves as little. */
static int fail(aichat *ai)
{
	aichat_conversation *conversation = NULL;
	aichat_json *json = NULL;
	aichat_error *error = NULL;

	int rc = aichat_conversation_open(ai, "0197a000-0000-7000-8000-000000000000",
					  &conversation, &error);
	error = aichat_error_unref(error);
	if (rc != AICHAT_ENOTFOUND)
		return -1;
	rc = aichat_json_parse("{\"a\": [1, 2", -1, &json, &error);
	aichat_error_unref(error);
	return rc == AICHAT_EJSON ? 0 : -1;
}

static int session(int argc, char **argv, aichat_error **error)
{
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat *view = NULL;

	int rc = aichat_options_set(options, "store", argv[1], -1, error);
	if (rc == 0 && argc > 3)
		rc = aichat_options_set(options, "provider.openai.base_url", argv[2], -1,
					error);
	if (rc == 0 && argc > 3)
		rc = aichat_options_set(options, "provider.anthropic.base_url", argv[3],
					-1, error);
	if (rc == 0)
		rc = aichat_options_set(options, "provider.openai.api_key", "key", -1,
					error);
	if (rc == 0)
		rc = aichat_options_set(options, "provider.anthropic.api_key", "key", -1,
					error);
	if (rc == 0)
		rc = aichat_open(options, &ai, error);
	aichat_options_free(options);
	if (rc == 0)
		rc = aichat_for_owner(ai, "somebody", &view, error);
	if (rc == 0)
		rc = ask(view, "echo", 0, error);
	if (rc == 0 && argc > 3)
		rc = ask(view, "openai/gpt-fake", 0, error);
	if (rc == 0 && argc > 3)
		rc = ask(ai, "anthropic/claude-fake", 1, error);
	if (rc == 0)
		rc = fail(ai);
	if (rc == 0)
		rc = aichat_verify(ai, error);
	aichat_close(view);
	aichat_close(ai);
	return rc;
}

int main(int argc, char **argv)
{
	aichat_error *error = NULL;

	if (argc < 2)
		return 2;
	int rc = session(argc, argv, &error);
	if (rc < 0)
		fprintf(stderr, "%d: %s\n", rc,
			error ? aichat_error_message(error) : aichat_error_text(rc));
	aichat_error_unref(error);
	return rc < 0;
}
