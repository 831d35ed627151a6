/*
 * When the provider fails: the right code, status and request id, what came is kept, and
 * the question can be asked again.
 */

#include <stdio.h>
#include <string.h>

#include "suite.h"

static const char *const models[] = { "openai/gpt-fake", "anthropic/claude-fake" };

struct failure {
	const char *elements;
	int code, http_status;
	int state;
	size_t least; /* bytes of text that come before */
};

/* The error of a stored reply, live and read again; and a retry that works. */
static void check_failure(const struct failure *f, const char *model)
{
	aichat_options *options = options_for(support_path("errors.db"), f->elements,
					      "model", model, "max_retries", "0", NULL);
	/* Only of silence a test need not wait for the end; others may be slow. */
	if (f->code == AICHAT_ETIMEOUT)
		set_option(options,
			   f->least ? "event_timeout_ms" : "first_event_timeout_ms",
			   "400");
	aichat *ai = open_with(options);
	aichat_conversation *conv = new_conversation(ai, NULL);
	aichat_options *echo = bag("model", "echo", NULL);
	aichat_messages *path = NULL;
	struct heard heard = { 0 }, again = { 0 };
	aichat_reply *reply = send_text(conv, "Will it fail?", NULL);

	hear(reply, &heard);
	ck_assert_msg(heard.code == f->code, "%s %s: %d instead of %d: %s", f->elements,
		      model, heard.code, f->code, heard.line);
	ck_assert_int_eq(heard.terminal, AICHAT_EVENT_ERROR);
	ck_assert_msg(heard.state == f->state, "%s %s: %s: %s", f->elements, model,
		      aichat_reply_state_name(heard.state), heard.line);
	ck_assert_msg(heard.http_status == f->http_status, "%s %s: %d: %s", f->elements,
		      model, heard.http_status, heard.line);
	ck_assert_uint_ge(heard.text_len, f->least);
	char *text = text_of(heard.message);
	ck_assert_str_eq(text, heard.text ? heard.text : "");
	aichat_free(text);
	hear_done(open_reply(ai, aichat_reply_id(reply), 0), &again, f->state);
	ck_assert_int_eq(again.code, heard.code);
	ck_assert_str_eq(again.line, heard.line);
	ck_assert_int_eq(again.http_status, heard.http_status);
	ck_assert_str_eq(again.request_id, heard.request_id);
	aichat_reply_unref(reply);

	expect(aichat_conversation_path(conv, 0, &path, &error), 0);
	ck_assert_uint_eq(aichat_messages_count(path), 2);
	check_message(path, 0, AICHAT_ROLE_USER, "Will it fail?");
	aichat_messages_unref(path);
	heard_done(&heard);
	expect(aichat_conversation_retry(conv, NULL, echo, &reply, &error), 0);
	hear_done(reply, &heard, AICHAT_REPLY_COMPLETE);
	ck_assert_str_eq(heard.text, "Will it fail?");
	verify(ai);
	heard_done(&heard);
	heard_done(&again);
	aichat_options_free(echo);
	aichat_conversation_unref(conv);
	aichat_close(ai);
}

START_TEST(refusals)
{
	static const struct failure failures[] = {
		{ "status/401", AICHAT_EAUTH, 401, AICHAT_REPLY_FAILED, 0 },
		{ "status/403", AICHAT_EAUTH, 403, AICHAT_REPLY_FAILED, 0 },
		{ "status/429", AICHAT_ERATELIMIT, 429, AICHAT_REPLY_FAILED, 0 },
		{ "quota", AICHAT_EQUOTA, 429, AICHAT_REPLY_FAILED, 0 },
		{ "status/400", AICHAT_EREQUEST, 400, AICHAT_REPLY_FAILED, 0 },
		{ "status/500", AICHAT_EPROVIDER, 500, AICHAT_REPLY_FAILED, 0 },
		{ "status/529", AICHAT_EOVERLOADED, 529, AICHAT_REPLY_FAILED, 0 },
		{ "html", AICHAT_EPROVIDER, 502, AICHAT_REPLY_FAILED, 0 },
		{ "html/status/200", AICHAT_EPROTOCOL, 0, AICHAT_REPLY_FAILED, 0 },
		{ "redirect", AICHAT_EPROTOCOL, 307, AICHAT_REPLY_FAILED, 0 },
	};

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		for (size_t m = 0; m < 2; m++)
			check_failure(&failures[i], models[m]);
}
END_TEST

START_TEST(breaks)
{
	static const struct failure failures[] = {
		{ "cut/1500/n/100", AICHAT_EINTERRUPTED, 0, AICHAT_REPLY_INTERRUPTED, 5 },
		{ "reset/1500/n/100", AICHAT_EINTERRUPTED, 0, AICHAT_REPLY_INTERRUPTED,
		  0 },
		{ "no-done/cut/100000/n/20", AICHAT_EINTERRUPTED, 0,
		  AICHAT_REPLY_INTERRUPTED, 100 },
	};

	for (size_t m = 0; m < 2; m++)
		for (size_t i = 0; i < 2; i++)
			check_failure(&failures[i], models[m]);
	check_failure(&failures[2], models[1]);
}
END_TEST

START_TEST(silence)
{
	static const struct failure failures[] = {
		{ "stall/1500/n/100", AICHAT_ETIMEOUT, 0, AICHAT_REPLY_INTERRUPTED, 5 },
		{ "stall/0", AICHAT_ETIMEOUT, 0, AICHAT_REPLY_FAILED, 0 },
		{ "ping-only", AICHAT_ETIMEOUT, 0, AICHAT_REPLY_FAILED, 0 },
	};

	for (size_t i = 0; i < 3; i++)
		for (size_t m = 0; m < 2; m++)
			check_failure(&failures[i], models[m]);
}
END_TEST

/* No server at all. */
START_TEST(unreachable)
{
	aichat_options *options = options_for("memory:", "gen", "max_retries", "0", NULL);
	struct heard heard = { 0 };

	set_option(options, "provider.openai.base_url", "http://127.0.0.1:1/v1");
	aichat *ai = open_with(options);
	hear_done(complete_text(ai, "Anybody?", NULL), &heard, AICHAT_REPLY_FAILED);
	ck_assert_int_eq(heard.code, AICHAT_ENETWORK);
	heard_done(&heard);
	aichat_close(ai);
}
END_TEST

/* The failures before, then the answer; each told as it happens. */
START_TEST(retries)
{
	for (size_t m = 0; m < 2; m++) {
		aichat *ai = open_ai("memory:", "fail-first/2/retry-after-ms/20/n/3",
				     "model", models[m]);
		aichat_conversation *conv = new_conversation(ai, NULL);
		struct heard heard = { 0 };

		hear_done(send_text(conv, "Once more.", NULL), &heard,
			  AICHAT_REPLY_COMPLETE);
		ck_assert_uint_eq(heard.count[AICHAT_EVENT_RETRY], 2);
		ck_assert_str_eq(heard.text, "tok0 tok1 tok2 ");
		heard_done(&heard);
		aichat_conversation_unref(conv);
		aichat_close(ai);
	}
}
END_TEST

START_TEST(request_id)
{
	aichat *ai = open_ai("memory:", "status/401");
	struct heard heard = { 0 };

	hear_done(complete_text(ai, "Who am I?", NULL), &heard, AICHAT_REPLY_FAILED);
	ck_assert_str_ne(heard.request_id, "");
	heard_done(&heard);
	aichat_close(ai);
}
END_TEST

/* More than the limit of the caller's choice. */
START_TEST(too_much)
{
	aichat *ai = open_ai("memory:", "n/1000/bytes/100", "max_reply_bytes", "20000");
	aichat_conversation *conv = new_conversation(ai, NULL);
	struct heard heard = { 0 };

	hear_done(send_text(conv, "All of it.", NULL), &heard, AICHAT_REPLY_INTERRUPTED);
	ck_assert_int_eq(heard.code, AICHAT_ETOOLARGE);
	ck_assert_uint_le(heard.text_len, 20000);
	heard_done(&heard);
	aichat_conversation_unref(conv);
	verify(ai);
	aichat_close(ai);
}
END_TEST

SUITE("errors", refusals, breaks, silence, unreachable, retries, request_id, too_much)
