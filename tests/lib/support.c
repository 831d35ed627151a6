#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

struct fakellm support_llm;

static char folder[64];
static int fds_before, threads_before;

void sleep_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the fixture ---- */

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

int thread_count(void)
{
	return entries("/proc/self/task");
}

#ifdef __SANITIZE_THREAD__
static void *nothing(void *argument)
{
	return argument;
}

/* The sanitizer's own thread starts with the first one of ours. */
static void start_sanitizer(void)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, nothing, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
#else
static void start_sanitizer(void)
{
}
#endif

void support_setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/aichat-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fakellm_start(&support_llm);
	start_sanitizer();
	fds_before = entries("/proc/self/fd");
	threads_before = thread_count();
}

static int remove_entry(const char *path, const struct stat *status, int flag,
			struct FTW *at)
{
	(void)status;
	(void)flag;
	(void)at;
	return remove(path);
}

void support_teardown(void)
{
	/* The kernel counts a joined thread for a moment longer. */
	for (int i = 0; i < 200 && thread_count() > threads_before; i++)
		sleep_ms(5);
	ck_assert_int_eq(thread_count(), threads_before);
	ck_assert_int_eq(entries("/proc/self/fd"), fds_before);
	fakellm_stop(&support_llm);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *support_path(const char *name)
{
	static char paths[8][512];
	static unsigned n;
	char *path = paths[n++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* ---- contexts ---- */

void expect_at(const char *file, int line, int result, int wanted, aichat_error *error)
{
	const char *text = error ? aichat_error_message(error) : "(no error)";

	ck_assert_msg(result == wanted, "%s:%d: %d (%s) instead of %d (%s): %s", file,
		      line, result, aichat_error_name(result), wanted,
		      aichat_error_name(wanted), text);
	if (error) {
		ck_assert_msg(aichat_error_code(error) == result, "%s:%d: code %d", file,
			      line, aichat_error_code(error));
		ck_assert_msg(*text && !strchr(text, '\n'), "%s:%d: \"%s\"", file, line,
			      text);
	}
	ck_assert_msg((error != NULL) == (result < 0), "%s:%d: error object", file, line);
	aichat_error_unref(error);
}

void set_option(aichat_options *options, const char *name, const char *value)
{
	expect(aichat_options_set(options, name, value, -1, &error), 0);
}

static void set_pairs(aichat_options *options, const char *name, va_list args)
{
	for (; name; name = va_arg(args, const char *))
		set_option(options, name, va_arg(args, const char *));
}

aichat_options *options_for(const char *store, const char *elements, ...)
{
	aichat_options *options = aichat_options_new();
	char url[512];
	va_list args;

	ck_assert_ptr_nonnull(options);
	set_option(options, "store", store);
	set_option(options, "model", "openai/gpt-fake");
	snprintf(url, sizeof(url), "%s/%s/v1", support_llm.url, elements);
	set_option(options, "provider.openai.base_url", url);
	set_option(options, "provider.openai.api_key", "key-of-a-test");
	snprintf(url, sizeof(url), "%s/%s", support_llm.url, elements);
	set_option(options, "provider.anthropic.base_url", url);
	set_option(options, "provider.anthropic.api_key", "key-of-a-test");
	va_start(args, elements);
	set_pairs(options, va_arg(args, const char *), args);
	va_end(args);
	return options;
}

aichat_options *bag(const char *name, ...)
{
	aichat_options *options = aichat_options_new();
	va_list args;

	ck_assert_ptr_nonnull(options);
	va_start(args, name);
	set_pairs(options, name, args);
	va_end(args);
	return options;
}

aichat *open_with(aichat_options *options)
{
	aichat *ai = NULL;

	expect(aichat_open(options, &ai, &error), 0);
	aichat_options_free(options);
	return ai;
}

aichat_conversation *new_conversation(aichat *ai, const aichat_options *options)
{
	aichat_conversation *conv = NULL;

	expect(aichat_conversation_new(ai, options, &conv, &error), 0);
	return conv;
}

aichat_conversation *open_conversation(aichat *ai, const char *id)
{
	aichat_conversation *conv = NULL;

	expect(aichat_conversation_open(ai, id, &conv, &error), 0);
	return conv;
}

aichat_reply *open_reply(aichat *ai, const char *id, uint64_t after)
{
	aichat_reply *reply = NULL;

	expect(aichat_reply_open(ai, id, after, &reply, &error), 0);
	return reply;
}

aichat_reply *send_text(aichat_conversation *conv, const char *text,
			const aichat_options *options)
{
	aichat_reply *reply = NULL;

	expect(aichat_conversation_send(conv, text, -1, options, &reply, &error), 0);
	return reply;
}

aichat_reply *complete_text(aichat *ai, const char *text, const aichat_options *options)
{
	aichat_message *message = NULL;
	aichat_reply *reply = NULL;

	ck_assert_int_eq(aichat_message_new(AICHAT_ROLE_USER, text, -1, &message), 0);
	expect(aichat_complete(ai, &message, 1, NULL, 0, options, &reply, &error), 0);
	aichat_message_unref(message);
	return reply;
}

void verify(aichat *ai)
{
	expect(aichat_verify(ai, &error), 0);
}

/* ---- what a reply tells ---- */

void heard_done(struct heard *heard)
{
	free(heard->text);
	free(heard->reasoning);
	free(heard->arguments);
	aichat_message_unref(heard->message);
	*heard = (struct heard){ 0 };
}

static void append(char **text, size_t *len, const aichat_event *event)
{
	size_t more = aichat_event_text_len(event);

	*text = realloc(*text, *len + more + 1);
	ck_assert_ptr_nonnull(*text);
	memcpy(*text + *len, aichat_event_text(event), more + 1);
	*len += more;
}

char *json_member(const char *json, const char *key, ...)
{
	aichat_json *doc = NULL;
	va_list args;
	int at = 0;

	expect(aichat_json_parse_limited(json, -1, (size_t)1 << 30, 10000000, 0, NULL,
					 &doc, &error),
	       0);
	va_start(args, key);
	for (; key; key = va_arg(args, const char *))
		at = aichat_json_get(doc, at, key);
	va_end(args);
	const char *text = aichat_json_string(doc, at, NULL);
	char *copy = text ? strdup(text) : NULL;
	aichat_json_unref(doc);
	return copy;
}

static void take_id(const char *json, const char *key, char to[40])
{
	char *id = json_member(json, key, NULL);

	ck_assert_msg(id && strlen(id) == 36, "%s of %s", key, json);
	snprintf(to, 40, "%s", id);
	free(id);
}

static void note_calls(struct heard *heard)
{
	heard->calls = 0;
	for (size_t i = 0; i < aichat_message_part_count(heard->message); i++) {
		if (aichat_message_part_type(heard->message, i) != AICHAT_PART_TOOL_CALL)
			continue;
		ck_assert_uint_lt(heard->calls, CALLS_MAX);
		snprintf(heard->call_ids[heard->calls], sizeof(heard->call_ids[0]), "%s",
			 aichat_message_part_id(heard->message, i));
		snprintf(heard->call_names[heard->calls++], sizeof(heard->call_names[0]),
			 "%s", aichat_message_part_name(heard->message, i));
	}
}

static void note_error(struct heard *heard, const aichat_error *error)
{
	const char *request_id = aichat_error_request_id(error);
	const char *provider_code = aichat_error_provider_code(error);

	heard->code = aichat_error_code(error);
	ck_assert_int_lt(heard->code, 0);
	heard->http_status = aichat_error_http_status(error);
	snprintf(heard->line, sizeof(heard->line), "%s", aichat_error_message(error));
	ck_assert_msg(!strstr(heard->line, "key-of-a-test"), "%s", heard->line);
	snprintf(heard->request_id, sizeof(heard->request_id), "%s",
		 request_id ? request_id : "");
	snprintf(heard->provider_code, sizeof(heard->provider_code), "%s",
		 provider_code ? provider_code : "");
}

/* What every event must be like, whatever it is. */
static char *check_event(const struct heard *heard, const aichat_event *event)
{
	int type = aichat_event_type(event);
	char *json = NULL;
	size_t len = 0;

	ck_assert_int_gt(type, 0);
	ck_assert_int_lt(type, EVENT_TYPES);
	ck_assert_int_eq(heard->terminal, 0);
	if (heard->any && type != AICHAT_EVENT_SNAPSHOT)
		ck_assert_uint_eq(aichat_event_seq(event), heard->last_seq + 1);
	ck_assert_uint_gt(aichat_event_seq(event), heard->last_seq);
	ck_assert_int_eq(aichat_event_to_json(event, &json, &len), 0);
	ck_assert_uint_eq(strlen(json), len);
	ck_assert_msg(!strchr(json, '\n'), "%s", json);
	char *name = json_member(json, "type", NULL);
	ck_assert_str_eq(name, aichat_event_type_name(type));
	free(name);
	return json;
}

static void note(struct heard *heard, const aichat_event *event)
{
	char *json = check_event(heard, event);
	int type = aichat_event_type(event);

	heard->any = true;
	heard->last_seq = aichat_event_seq(event);
	heard->events++;
	heard->count[type]++;
	snprintf(heard->message_id, sizeof(heard->message_id), "%s",
		 aichat_event_message_id(event));
	if (type == AICHAT_EVENT_START) {
		take_id(json, "reply_id", heard->reply_id);
		char *id = json_member(json, "conversation_id", NULL);
		if (id) {
			take_id(json, "conversation_id", heard->conversation_id);
			take_id(json, "user_message_id", heard->user_id);
		}
		free(id);
	} else if (type == AICHAT_EVENT_TEXT) {
		append(&heard->text, &heard->text_len, event);
	} else if (type == AICHAT_EVENT_REASONING) {
		append(&heard->reasoning, &heard->reasoning_len, event);
	} else if (type == AICHAT_EVENT_TOOL_CALL) {
		append(&heard->arguments, &heard->arguments_len, event);
	}
	if (aichat_event_message(event)) {
		aichat_message_unref(heard->message);
		heard->message = aichat_message_ref(aichat_event_message(event));
		if (aichat_message_role(heard->message) == AICHAT_ROLE_ASSISTANT)
			note_calls(heard);
	}
	if (aichat_event_error(event))
		note_error(heard, aichat_event_error(event));
	if (type == AICHAT_EVENT_RETRY)
		heard->delay_ms = aichat_event_delay_ms(event);
	if (type == AICHAT_EVENT_DONE || type == AICHAT_EVENT_ERROR) {
		heard->terminal = type;
		heard->state = aichat_event_state(event);
		ck_assert_int_eq(aichat_event_error(event) != NULL,
				 type == AICHAT_EVENT_ERROR);
	}
	aichat_free(json);
}

int hear_one(aichat_reply *reply, struct heard *heard)
{
	const aichat_event *event = NULL;

	heard->result = aichat_reply_next(reply, STEP_MS, &event);
	ck_assert_msg(heard->result != AICHAT_EAGAIN,
		      "nothing after event %lu of reply %s",
		      (unsigned long)heard->last_seq, aichat_reply_id(reply));
	if (heard->result == 1)
		note(heard, event);
	return heard->result;
}

void hear_until(aichat_reply *reply, struct heard *heard, int type)
{
	size_t before = heard->count[type];

	while (heard->count[type] == before)
		ck_assert_msg(hear_one(reply, heard) == 1,
			      "the reply ended (%d: %s) before a %s", heard->result,
			      heard->line, aichat_event_type_name(type));
}

void hear(aichat_reply *reply, struct heard *heard)
{
	const aichat_event *event = NULL;

	while (hear_one(reply, heard) == 1)
		;
	/* Over, for ever. */
	ck_assert_int_eq(aichat_reply_next(reply, 0, &event), heard->result);
	if (heard->result == 0)
		ck_assert_int_ne(heard->terminal, 0);
}

void hear_done(aichat_reply *reply, struct heard *heard, int state)
{
	hear(reply, heard);
	ck_assert_int_eq(heard->result, 0);
	ck_assert_msg(heard->state == state, "%s instead of %s: %d %s",
		      aichat_reply_state_name(heard->state),
		      aichat_reply_state_name(state), heard->code, heard->line);
	aichat_reply_unref(reply);
}

char *text_of(const aichat_message *message)
{
	char *text = NULL;

	ck_assert_ptr_nonnull(message);
	ck_assert_int_eq(aichat_message_text(message, &text, NULL), 0);
	return text;
}

void check_message(const aichat_messages *list, size_t n, int role, const char *text)
{
	const aichat_message *message = aichat_messages_at(list, n);
	char *own = text_of(message);

	ck_assert_int_eq(aichat_message_role(message), role);
	ck_assert_str_eq(own, text);
	aichat_free(own);
}
