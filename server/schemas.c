/*
 * JSON schemas of what the daemon answers. Members may be added in later versions, so
 * none of them is closed.
 */

#include <stddef.h>

#include "schemas.h"

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define OBJECT(members) "{\"type\":\"object\",\"properties\":{" members "}}"
#define LIST_OF(name)                                                                    \
	OBJECT("\"object\":{\"const\":\"list\"},\"data\":{\"type\":\"array\","           \
	       "\"items\":" REF(name) "},\"has_more\":" BOOL ",\"next_cursor\":" TEXT)
#define TEXT "{\"type\":\"string\"}"
#define INT "{\"type\":\"integer\"}"
#define BOOL "{\"type\":\"boolean\"}"
#define ID "{\"type\":\"string\",\"format\":\"uuid\"}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define ANY "{\"type\":\"object\",\"additionalProperties\":true}"
#define STRINGS "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"

#define USER_MEMBERS                                                                     \
	"\"id\":" ID ",\"name\":" TEXT ",\"role\":{\"enum\":[\"admin\",\"user\","        \
	"\"viewer\"]},\"has_password\":" BOOL ",\"ending\":" BOOL                        \
	",\"limits\":" REF("Limits") ",\"created_at\":" TIME ",\"updated_at\":" TIME
#define KEY_MEMBERS                                                                      \
	"\"id\":" TEXT ",\"user_id\":" ID ",\"name\":" TEXT ",\"scopes\":" STRINGS       \
	",\"limits\":" REF("Limits") ",\"created_at\":" TIME ",\"expires_at\":" TIME     \
				     ",\"last_used_at\":" TIME

static const struct schema schemas[] = {
	{ "Text", TEXT },
	{ "Any", ANY },
	{ "Health", OBJECT("\"status\":{\"const\":\"ok\"}") },
	{ "Readiness", OBJECT("\"status\":{\"enum\":[\"ok\",\"failed\",\"draining\"]},"
			      "\"store\":" TEXT ",\"disk\":" TEXT ",\"version\":" TEXT) },
	{ "Error",
	  "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":"
	  "{\"type\":\"object\",\"required\":[\"code\",\"message\",\"details\"],"
	  "\"properties\":{\"code\":" TEXT ",\"message\":" TEXT ",\"details\":" OBJECT(
		  "\"request_id\":" TEXT ",\"provider_code\":" TEXT
		  ",\"provider_request_id\":" TEXT
		  ",\"errors\":{\"type\":\"array\",\"items\":" OBJECT(
			  "\"loc\":{\"type\":\"array\",\"items\":{\"type\":[\"string\","
			  "\"integer\"]}},\"type\":" TEXT ",\"msg\":" TEXT) "}") "}}}}" },
	{ "OpenAIError",
	  OBJECT("\"error\":" OBJECT("\"message\":" TEXT ",\"type\":" TEXT
				     ",\"param\":{\"type\":[\"string\",\"null\"]},"
				     "\"code\":{\"type\":[\"string\",\"null\"]}")) },
	{ "AnthropicError",
	  OBJECT("\"type\":{\"const\":\"error\"},\"error\":" OBJECT(
		  "\"type\":" TEXT ",\"message\":" TEXT) ",\"request_id\":" TEXT) },
	{ "Usage", OBJECT("\"input_tokens\":" INT ",\"cached_tokens\":" INT
			  ",\"cache_write_tokens\":" INT ",\"output_tokens\":" INT
			  ",\"reasoning_tokens\":" INT) },
	{ "Part",
	  "{\"type\":\"object\",\"required\":[\"type\"],\"properties\":{\"type\":{"
	  "\"enum\":"
	  "[\"text\",\"reasoning\",\"tool_call\",\"tool_result\",\"image\",\"audio\","
	  "\"file\",\"refusal\",\"source\",\"compaction\",\"unknown\"]},\"text\":" TEXT
	  ",\"id\":" TEXT ",\"name\":" TEXT ",\"arguments\":" TEXT
	  ",\"tool_call_id\":" TEXT ",\"is_error\":" BOOL
	  ",\"parts\":{\"type\":\"array\",\"items\":" REF("Part") "},\"media_type\":" TEXT
								  ",\"sha256\":" TEXT
								  ",\"raw\":" TEXT "}}" },
	{ "Message",
	  "{\"type\":\"object\",\"required\":[\"id\",\"conversation_id\",\"role\","
	  "\"state\","
	  "\"created_at\",\"parts\"],\"properties\":{\"id\":" ID
	  ",\"conversation_id\":" ID ",\"parent_id\":" ID
	  ",\"role\":{\"enum\":[\"system\",\"user\",\"assistant\",\"tool\"]},"
	  "\"state\":{\"enum\":[\"open\",\"sealed\",\"interrupted\",\"stopped\","
	  "\"failed\","
	  "\"erased\"]},\"created_at\":" TIME ",\"provider\":" TEXT ",\"model\":" TEXT
	  ",\"stop_reason\":{\"enum\":[\"stop\",\"stop_sequence\",\"length\","
	  "\"context_window\",\"tool_calls\",\"refusal\",\"content_filter\",\"pause\","
	  "\"unknown\"]},\"usage\":" REF(
		  "Usage") ",\"cost_nano_usd\":" INT
			   ",\"parts\":{\"type\":\"array\",\"items\":" REF(
				   "Part") "}}}" },
	{ "MessageList", LIST_OF("Message") },
	{ "Conversation",
	  OBJECT("\"id\":" ID ",\"title\":" TEXT ",\"head\":" ID ",\"tags\":" STRINGS
		 ",\"pinned\":" BOOL ",\"archived\":" BOOL ",\"settings\":" ANY
		 ",\"version\":" INT ",\"created_at\":" TIME ",\"updated_at\":" TIME) },
	{ "ConversationList", LIST_OF("Conversation") },
	{ "Reply",
	  OBJECT("\"id\":" ID ",\"conversation_id\":" ID
		 ",\"state\":{\"enum\":[\"queued\",\"running\",\"waiting\","
		 "\"complete\",\"stopped\",\"interrupted\",\"failed\"]},\"model\":" TEXT
		 ",\"user_message_id\":" ID ",\"message_id\":" ID
		 ",\"message_ids\":" STRINGS ",\"rounds\":" INT ",\"last_seq\":" INT
		 ",\"created_at\":" TIME ",\"ended_at\":" TIME ",\"error\":" ANY) },
	{ "ReplyEnd", OBJECT("\"reply\":" REF("Reply") ",\"message\":" REF(
			      "Message") ",\"messages\":{\"type\":\"array\","
					 "\"items\":" REF("Message") "}") },
	{ "Event",
	  "{\"type\":\"object\",\"required\":[\"type\",\"seq\"],\"properties\":{\"type\":"
	  "{\"enum\":[\"start\",\"part_start\",\"text\",\"reasoning\",\"tool_call\","
	  "\"part_end\",\"usage\",\"retry\",\"message\",\"snapshot\",\"done\",\"error\"]}"
	  ","
	  "\"seq\":" INT "}}" },
	{ "Model", OBJECT("\"id\":" TEXT ",\"ready\":" BOOL ",\"context_tokens\":" INT
			  ",\"output_tokens\":" INT ",\"abilities\":" STRINGS
			  ",\"nano_usd_per_token\":" ANY ",\"priced_on\":" TEXT) },
	{ "ModelList", LIST_OF("Model") },
	{ "Limits", OBJECT("\"requests_per_minute\":" INT ",\"tokens_per_minute\":" INT
			   ",\"concurrent_replies\":" INT) },
	{ "User", OBJECT(USER_MEMBERS) },
	{ "UserList", LIST_OF("User") },
	{ "Key", OBJECT(KEY_MEMBERS) },
	{ "NewKey", OBJECT(KEY_MEMBERS ",\"key\":" TEXT) },
	{ "KeyList", LIST_OF("Key") },
	{ "Login", OBJECT("\"user\":" REF("User") ",\"csrf_token\":" TEXT) },
	{ "Me", OBJECT("\"user\":" REF("User") ",\"key_id\":" TEXT ",\"scopes\":" STRINGS
					       ",\"csrf_token\":" TEXT) },
	{ "AuditEntry", OBJECT("\"number\":" INT ",\"time\":" TIME ",\"actor\":" TEXT
			       ",\"action\":" TEXT ",\"object\":" TEXT ",\"details\":" ANY
			       ",\"hash\":" TEXT) },
	{ "AuditList", LIST_OF("AuditEntry") },
	/* What the gateway answers is described by those whose words it speaks. */
	{ "ChatCompletion",
	  OBJECT("\"id\":" TEXT ",\"object\":" TEXT ",\"model\":" TEXT
		 ",\"choices\":{\"type\":\"array\",\"items\":" ANY "},\"usage\":" ANY) },
	{ "AnthropicMessage",
	  OBJECT("\"id\":" TEXT ",\"type\":{\"const\":\"message\"},\"role\":" TEXT
		 ",\"model\":" TEXT ",\"content\":{\"type\":\"array\",\"items\":" ANY
		 "},\"stop_reason\":" TEXT ",\"usage\":" ANY) },
	{ "TokenCount", OBJECT("\"input_tokens\":" INT) },
	{ "Embeddings",
	  OBJECT("\"object\":" TEXT ",\"data\":{\"type\":\"array\",\"items\":" ANY
		 "},\"model\":" TEXT ",\"usage\":" ANY) },
	{ "Erased",
	  OBJECT("\"id\":" ID ",\"state\":{\"const\":\"erased\"},\"purged\":" BOOL) },
	{ "Events", TEXT },
};

const struct schema *schema_at(int n)
{
	return n >= 0 && (size_t)n < sizeof(schemas) / sizeof(*schemas) ? &schemas[n]
									: NULL;
}
