/*
 * Reading a caller's request. What is forwarded is only looked at: it must be JSON with
 * a model and something to read, and whatever else it says is between the caller and the
 * provider. What is translated is read by the dialect, and strictly.
 */

#include <aichat/log.h>

#include "base/mem.h"
#include "chat/exchange.h"
#include "chat/projection.h"
#include "model/read.h"

/* A string this long that is no text counts as so many tokens: as a large image does. */
#define MEDIA_BYTES_MIN 1024
#define MEDIA_TOKENS 1600
#define BYTES_PER_TOKEN 4
#define ANSWERS_MAX 128
#define MODEL_BYTES_MAX 255 /* as a row of usage takes it */
/* Each value of a request costs memory, however short it is. So many may be there, which
 * are more than an embedding of token ids takes; or one for so many bytes. */
#define VALUES_MIN 400000
#define BYTES_PER_VALUE 16

/* ---- how long it is ---- */

/* Whether a string is base64 or a data: URL; its first bytes tell. */
static bool is_media(struct aic_str text)
{
	if (text.len < MEDIA_BYTES_MIN)
		return false;
	if (memcmp(text.data, "data:", 5) == 0)
		return true;
	for (size_t i = 0; i < 256; i++) {
		char c = text.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '+' && c != '/' && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

static int64_t estimate(const struct aic_json *doc)
{
	static const char *const read[] = { "messages",  "system", "tools",
					    "functions", "input",  "response_format" };
	size_t bytes = 0;
	int64_t media = 0;

	for (size_t i = 0; i < AIC_ARRAY_LEN(read); i++) {
		int value = aic_json_get_set(doc, 0, read[i]);
		if (value < 0)
			continue;
		bytes += aic_json_raw(doc, value).len;
		int end = value + (int)doc->tokens[value].skip;
		for (int v = value; v < end; v++) {
			if (!aic_json_is(doc, v, AIC_JSON_STRING))
				continue;
			struct aic_str text = aic_json_raw(doc, v);
			text = (struct aic_str){ text.data + 1, text.len - 2 };
			if (is_media(text)) {
				bytes -= text.len;
				media++;
			}
		}
	}
	return ((int64_t)bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN +
	       media * MEDIA_TOKENS;
}

/* ---- what is changed in it ---- */

static int splice_model(struct aichat_exchange *x, const struct aic_json *doc)
{
	struct aic_str old = aic_json_raw(doc, aic_json_get(doc, 0, "model"));
	struct aic_json_writer w = aic_json_writer(&x->model.insert);

	if (aic_streq(x->asked, x->target.model))
		return 0;
	x->model.at = (size_t)(old.data - x->body);
	x->model.cut = old.len;
	aic_json_put_text(&w, x->target.model);
	return x->model.insert.error;
}

/* "stream_options":{"include_usage":true}, where the caller has none of it. */
static int splice_usage(struct aichat_exchange *x, const struct aic_json *doc)
{
	int options = aic_json_get(doc, 0, "stream_options");
	int usage = aic_json_get(doc, options, "include_usage");
	struct aic_str old = aic_json_raw(doc, usage >= 0 ? usage : options);
	bool is_object = aic_json_is(doc, options, AIC_JSON_OBJECT);
	const char *insert = "\"stream_options\":{\"include_usage\":true},";

	if (options < 0) { /* behind the brace: there is a member at least, the model */
		old = (struct aic_str){ aic_json_raw(doc, 0).data + 1, 0 };
	} else if (!is_object) {
		insert = "{\"include_usage\":true}";
	} else if (usage >= 0) {
		insert = "true";
	} else {
		insert = aic_json_count(doc, options) ? "\"include_usage\":true,"
						      : "\"include_usage\":true";
		old = (struct aic_str){ old.data + 1, 0 };
	}
	x->usage.at = (size_t)(old.data - x->body);
	x->usage.cut = old.len;
	return aic_buf_puts(&x->usage.insert, insert);
}

static void put_splice(const struct aichat_exchange *x, const struct aic_splice *splice,
		       size_t *at, struct aic_buf *out)
{
	if (!splice->insert.len)
		return;
	aic_buf_append(out, x->body + *at, splice->at - *at);
	aic_buf_append(out, splice->insert.data, splice->insert.len);
	*at = splice->at + splice->cut;
}

int aic_exchange_body(void *user, bool usage, struct aic_buf *out)
{
	static const struct aic_splice none = { 0 };
	struct aichat_exchange *x = user;
	const struct aic_splice *one = &x->model;
	const struct aic_splice *two = usage ? &x->usage : &none;
	size_t at = 0;

	if (two->at < one->at) {
		two = one;
		one = usage ? &x->usage : &none;
	}
	x->usage_hidden = usage && x->usage.insert.len;
	put_splice(x, one, &at, out);
	put_splice(x, two, &at, out);
	return aic_buf_append(out, x->body + at, x->body_len - at);
}

/* ---- what it says ---- */

static int read_limits(struct aichat_exchange *x, const struct aic_read *root)
{
	int64_t most = aic_target_profile(&x->target).max_tokens;
	int64_t answers = 1;
	int rc = aic_read_count(root, "max_completion_tokens", &most);

	if (rc == 0)
		rc = aic_read_count(root, "max_tokens", &most);
	if (rc >= 0)
		rc = aic_read_count(root, "n", &answers);
	if (rc < 0)
		return rc;
	if (answers > ANSWERS_MAX)
		return aic_read_fail(root, "n", AICHAT_EJSON, "is more than 128");
	/* So many that the product would not fit is a mistake, not a limit. */
	x->output_limit = AIC_MIN(most, (int64_t)1 << 40) * AIC_MAX(answers, (int64_t)1);
	if (answers > 1 && !x->forwards)
		return aic_read_fail(root, "n", AICHAT_EREQUEST,
				     "asks for several answers, which this model's "
				     "provider does not give");
	return 0;
}

static int read_stream(struct aichat_exchange *x, const struct aic_read *root)
{
	struct aic_read options;
	int rc = aic_read_bool(root, "stream", &x->stream);

	if (rc >= 0)
		rc = aic_read_child(root, "stream_options", AIC_JSON_OBJECT, &options);
	if (rc <= 0)
		return rc;
	options.up = NULL;
	return AIC_MIN(aic_read_bool(&options, "include_usage", &x->usage_wanted), 0);
}

/*
 * A conversation that Anthropic holds would be everybody's who asks with the one key that
 * we have. Its clients know this word, and send the whole history then.
 */
static int refuse_thread(const struct aic_read *root)
{
	const struct aic_error_detail detail = {
		.provider_code = "thread_unsupported_request",
		.retry_after_ms = -1,
	};

	if (aic_json_get_set(root->doc, root->value, "thread") < 0)
		return 0;
	return aic_error_set_detail(root->reterr, AICHAT_EREQUEST, &detail,
				    "request.thread: no conversation is held here; send "
				    "all messages");
}

/* ---- who answers ---- */

/* Clients call these by their bare names; the catalog has only models that chat. */
static int resolve_embeddings(struct aichat_exchange *x, aichat_error **reterr)
{
	const struct aic_provider *openai = aic_registry_provider(x->core->registry,
								  "openai");
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	int rc = aic_target_resolve(x->core->registry, x->asked, &x->target, &error);

	if (rc == 0 || strncmp(x->asked, "text-embedding-", 15) != 0 || !openai)
		return rc == 0 ? 0 : aic_error_pass(reterr, AIC_TAKE(error));
	x->target.provider = openai;
	x->target.model = aic_strdup(x->asked);
	return x->target.model ? 0 : aic_error_nomem(reterr);
}

/*
 * Thinking without a signature is what we make of another provider's reasoning; replayed
 * to where signatures are checked it would be refused, so the request is written anew
 * without it.
 */
static bool has_unsigned_thinking(const struct aic_json *doc)
{
	for (uint32_t i = 0; i + 1 < doc->count; i++)
		if (aic_json_is(doc, (int)i, AIC_JSON_STRING) &&
		    aic_str_is(aic_json_raw(doc, (int)i), "\"signature\"") &&
		    aic_str_is(aic_json_raw(doc, (int)i + 1), "\"\""))
			return true;
	return false;
}

static int choose(struct aichat_exchange *x, const struct aic_json *doc,
		  aichat_error **reterr)
{
	const struct aic_provider *provider;
	struct aic_buf name = aic_buf(0);
	int rc = x->kind == AICHAT_EXCHANGE_EMBEDDINGS
			 ? resolve_embeddings(x, reterr)
			 : aic_target_resolve(x->core->registry, x->asked, &x->target,
					      reterr);

	if (rc == 0)
		rc = aic_target_check_key(&x->target, reterr);
	if (rc < 0)
		return rc;
	provider = x->target.provider;
	aic_buf_printf(&name, "%s/%s", provider->name, x->target.model);
	x->model_name = aic_buf_take(&name, NULL);
	aic_buf_done(&name);
	if (!x->model_name)
		return aic_error_nomem(reterr);
	x->forwards = provider->dialect == x->dialect;
	if (x->kind == AICHAT_EXCHANGE_REPLY && x->forwards &&
	    !(provider->quirks & AIC_QUIRK_UNSIGNED_THINKING) &&
	    x->dialect == &aic_dialect_anthropic_messages)
		x->forwards = !has_unsigned_thinking(doc);
	if (x->kind != AICHAT_EXCHANGE_EMBEDDINGS || x->forwards)
		return 0;
	return aic_error_set(reterr, AICHAT_EREQUEST, "%s has no embeddings",
			     x->model_name);
}

/* ---- the translation ---- */

static void report(const struct aichat_exchange *x, struct aic_report *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		aic_log(&x->core->log, AICHAT_LOG_INFO, "%s: %s", x->model_name,
			lines->lines[i]);
	aic_report_done(lines);
}

/* What only the caller's dialect has words for. */
static void leave_behind(struct aic_request *request, struct aic_report *lines)
{
	size_t kept = 0;

	for (size_t i = 0; i < request->extra_count; i++) {
		aic_report_add(lines, "%.64s: left out, the provider has no such thing",
			       request->extra[i].name);
		aic_free(request->extra[i].name);
		aic_string_done(&request->extra[i].value);
	}
	request->extra_count = 0;
	for (size_t i = 0; i < request->tool_count; i++) {
		struct aic_tool *tool = &request->tools[i];
		if (!tool->raw.data) {
			request->tools[kept++] = *tool;
			continue;
		}
		aic_report_add(lines, "a tool that another provider runs was left out");
		aic_tool_done(tool);
	}
	request->tool_count = kept;
}

static int project(const struct aichat_exchange *x, struct aic_request *request,
		   struct aic_report *lines)
{
	static const struct aic_dialect no_dialect = { .name = "echo" };
	const struct aic_dialect *to = x->target.provider->dialect;
	const struct aic_profile profile = aic_target_profile(&x->target);
	struct aichat_message **path = AIC_TAKE(request->messages);
	size_t count = request->message_count;

	request->message_count = request->message_capacity = 0;
	for (size_t i = 0; i < count; i++)
		path[i]->state = AICHAT_MESSAGE_SEALED; /* whole as it is */
	int rc = aic_project(path, count, to ? to : &no_dialect, &profile, request,
			     lines);
	for (size_t i = 0; i < count; i++)
		aichat_message_unref(path[i]);
	aic_free(path);
	return rc;
}

static int translate_request(struct aichat_exchange *x, aichat_error **reterr)
{
	const struct aic_str body = { x->body, x->body_len };
	struct aic_report lines = { 0 };
	int rc = x->dialect->decode_request(body, &x->request, reterr);

	if (rc < 0)
		return rc;
	if (x->dialect != x->target.provider->dialect)
		leave_behind(x->request, &lines);
	aic_free(x->request->model);
	x->request->model = aic_strdup(x->target.model);
	rc = x->request->model ? project(x, x->request, &lines) : AICHAT_ENOMEM;
	report(x, &lines);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the request");
	if (!x->request->message_count)
		return aic_error_set(reterr, AICHAT_EJSON,
				     "request.messages has nothing to answer");
	return 0;
}

/* ---- all of it ---- */

static int read_what(struct aichat_exchange *x, const struct aic_read *root)
{
	bool embeddings = x->kind == AICHAT_EXCHANGE_EMBEDDINGS;
	const char *key = embeddings ? "input" : "messages";
	int value = aic_json_get_set(root->doc, root->value, key);

	if (value < 0)
		return aic_read_fail(root, key, AICHAT_EJSON, "is missing");
	if (!embeddings && !aic_json_is(root->doc, value, AIC_JSON_ARRAY))
		return aic_read_fail(root, key, AICHAT_EJSON, "is no array");
	if (!embeddings && aic_json_count(root->doc, value) == 0)
		return aic_read_fail(root, key, AICHAT_EJSON, "is empty");
	x->input_estimate = estimate(root->doc);
	return x->kind == AICHAT_EXCHANGE_REPLY ? read_stream(x, root) : 0;
}

static int read_all(struct aichat_exchange *x, const struct aic_read *root)
{
	bool chat = x->dialect == &aic_dialect_openai_chat;
	int rc = aic_read_text(root, "model", &x->asked);

	if (rc == 0)
		return aic_read_fail(root, "model", AICHAT_EJSON, "is missing");
	if (rc > 0 && strlen(x->asked) > MODEL_BYTES_MAX)
		return aic_read_fail(root, "model", AICHAT_EJSON,
				     "is longer than 255 bytes");
	if (rc > 0)
		rc = read_what(x, root);
	if (rc >= 0 && !chat)
		rc = refuse_thread(root);
	if (rc >= 0)
		rc = choose(x, root->doc, root->reterr);
	if (rc >= 0 && x->kind == AICHAT_EXCHANGE_REPLY)
		rc = read_limits(x, root);
	if (rc < 0)
		return rc;
	if (!x->forwards)
		return x->kind == AICHAT_EXCHANGE_REPLY
			       ? translate_request(x, root->reterr)
			       : 0;
	if (x->kind != AICHAT_EXCHANGE_REPLY) {
		x->raw.document = true;
		x->raw.path = chat ? "/embeddings" : "/v1/messages/count_tokens";
	}
	rc = splice_model(x, root->doc);
	if (rc == 0 && x->stream && chat && !x->usage_wanted)
		rc = splice_usage(x, root->doc);
	return rc < 0 ? aic_error_code(root->reterr, rc, "the request") : 0;
}

int aic_exchange_read(struct aichat_exchange *x, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_json_limits limits = aic_json_wire;
	struct aic_read root;

	limits.max_tokens = (uint32_t)AIC_MIN(
		AIC_MAX(x->body_len / BYTES_PER_VALUE, (size_t)VALUES_MIN),
		(size_t)limits.max_tokens);
	int rc = aic_json_scan(&doc, x->body, x->body_len, &limits);
	if (rc < 0)
		return aic_json_scan_error(&doc, rc, "the request", reterr);
	rc = aic_read_root(&root, &doc, 0, "request", reterr);
	return rc < 0 ? rc : read_all(x, &root);
}
