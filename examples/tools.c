/*
 * A tool that the model may call: the application declares it, gets the call in a sealed
 * message, answers, and the same reply goes on.
 */

#include <stdio.h>
#include <string.h>

#include <aichat/aichat.h>

static const char tools[] =
	"[{\"name\": \"get_weather\", \"description\": \"The weather of a city.\","
	"  \"parameters\": {\"type\": \"object\","
	"    \"properties\": {\"city\": {\"type\": \"string\"}},"
	"    \"required\": [\"city\"]}}]";

/* What the tool does. The arguments come from a model: they are read, never trusted. */
static const char *get_weather(const char *arguments, size_t len, char *city, size_t size)
{
	aichat_json *json = NULL;
	const char *text = NULL;
	size_t text_len = 0;

	snprintf(city, size, "somewhere");
	if (aichat_json_parse(arguments, (int64_t)len, &json, NULL) == 0) {
		int value = aichat_json_get(json, 0, "city");
		text = aichat_json_string(json, value, &text_len);
	}
	if (text)
		snprintf(city, size, "%.*s", (int)text_len, text);
	aichat_json_unref(json);
	return "Sunny, 21 degrees.";
}

/* Answer every call of a message. */
static int answer(aichat_reply *reply, const aichat_message *message,
		  aichat_error **error)
{
	for (size_t i = 0; i < aichat_message_part_count(message); i++) {
		char city[64];
		size_t len;
		if (aichat_message_part_type(message, i) != AICHAT_PART_TOOL_CALL)
			continue;
		const char *arguments = aichat_message_part_text(message, i, &len);
		const char *result = get_weather(arguments, len, city, sizeof(city));
		printf("[%s of %s: %s]\n", aichat_message_part_name(message, i), city,
		       result);
		int rc = aichat_reply_tool_result(
			reply, aichat_message_part_id(message, i), result, -1, 0, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int main(void)
{
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_conversation *conversation = NULL;
	aichat_reply *reply = NULL;
	aichat_error *error = NULL;
	const aichat_event *event;
	int rc = -1;

	if (aichat_options_load(options, NULL, &error) < 0 ||
	    aichat_open(options, &ai, &error) < 0 ||
	    aichat_conversation_new(ai, NULL, &conversation, &error) < 0 ||
	    aichat_conversation_set_tools(conversation, tools, -1, &error) < 0 ||
	    aichat_conversation_send(conversation, "What is the weather in Paris?", -1,
				     NULL, &reply, &error) < 0)
		goto out;
	rc = 0;
	while (rc == 0 && aichat_reply_next(reply, -1, &event) == 1) {
		switch (aichat_event_type(event)) {
		case AICHAT_EVENT_TEXT:
			fwrite(aichat_event_text(event), 1, aichat_event_text_len(event),
			       stdout);
			break;
		case AICHAT_EVENT_MESSAGE:
			if (aichat_message_role(aichat_event_message(event)) ==
			    AICHAT_ROLE_ASSISTANT)
				rc = answer(reply, aichat_event_message(event), &error);
			break;
		case AICHAT_EVENT_ERROR:
			fprintf(stderr, "%s\n",
				aichat_error_message(aichat_event_error(event)));
			rc = -1;
			break;
		}
	}
	putchar('\n');
out:
	if (error)
		fprintf(stderr, "%s\n", aichat_error_message(error));
	aichat_error_unref(error);
	aichat_reply_unref(reply);
	aichat_conversation_unref(conversation);
	aichat_close(ai);
	aichat_options_free(options);
	return rc < 0;
}
