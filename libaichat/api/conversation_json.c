/*
 * A conversation as canonical JSON, and changing it by such JSON: the members that are
 * there replace what is stored, in one transaction. That is also how an empty one is
 * written.
 */

#include <aichat/conversation.h>

#include "api/conversation.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/options.h"
#include "store/account.h"

#define TAGS_MAX 64
#define TAG_CHARACTERS_MAX 64

/* ---- writing ---------------------------------------------------------------------- */

static void put_time(struct aic_json_writer *w, const char *key, int64_t unix_ms)
{
	char text[AIC_TIME_TEXT];

	aic_json_put_member(w, key, aic_time_text(unix_ms, text));
}

static void put_flag(struct aic_json_writer *w, const char *key, bool flag)
{
	aic_json_put_key(w, key);
	aic_json_put_bool(w, flag);
}

int aic_conversation_row_json(const struct aic_conversation_row *row, char **ret_json,
			      size_t *ret_len)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf json = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&json);
	char id[AIC_ID_TEXT];

	aic_json_begin(&w, '{');
	aic_json_put_member(&w, "id", aic_id_text(&row->id, id));
	if (row->title)
		aic_json_put_member(&w, "title", row->title);
	if (aic_id_is_set(&row->head))
		aic_json_put_member(&w, "head", aic_id_text(&row->head, id));
	aic_json_put_key(&w, "settings");
	aic_json_put_raw(&w, aic_str(row->settings ? row->settings : "{\"options\":{}}"));
	aic_json_put_key(&w, "tags");
	aic_json_put_raw(&w, aic_str(row->tags ? row->tags : "[]"));
	put_flag(&w, "pinned", row->pinned);
	put_flag(&w, "archived", row->archived);
	aic_json_put_key(&w, "version");
	aic_json_put_int(&w, row->version);
	put_time(&w, "created_at", row->created_unix_ms);
	put_time(&w, "updated_at", row->updated_unix_ms);
	aic_json_end(&w, '}');
	char *text = aic_buf_take(&json, ret_len);
	if (!text)
		return AICHAT_ENOMEM;
	*ret_json = text;
	return 0;
}

int aichat_conversation_to_json(aichat_conversation *conversation, char **ret_json,
				size_t *ret_json_len, int64_t *ret_version,
				aichat_error **reterr)
{
	AIC_CLEANUP(aic_conversation_row_done) struct aic_conversation_row row = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc == 0)
		rc = aic_store_conversation(core->store, conversation->ai->owner,
					    &conversation->id, &row, reterr);
	if (rc < 0)
		return rc;
	if (aic_conversation_row_json(&row, ret_json, ret_json_len) < 0)
		return aic_error_nomem(reterr);
	if (ret_version)
		*ret_version = row.version;
	return 0;
}

int aic_conversation_settings_json(const struct aichat_options *options,
				   const char *tools, struct aic_buf *out)
{
	struct aic_json_writer w = aic_json_writer(out);

	aic_json_begin(&w, '{');
	aic_json_put_key(&w, "options");
	aic_options_write(options, &w);
	if (tools) {
		aic_json_put_key(&w, "tools");
		aic_json_put_raw(&w, aic_str(tools));
	}
	aic_json_end(&w, '}');
	return out->error;
}

static int parse_settings(const char *settings, struct aichat_options **ret_options,
			  char **ret_tools, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	const char *text = settings ? settings : "{}";
	int rc = aic_json_scan(&doc, text, strlen(text), &aic_json_wire);

	if (rc < 0)
		return aic_json_scan_error(&doc, rc, "settings", reterr);
	int options = aic_json_get(&doc, 0, "options");
	struct aic_str tools = aic_json_raw(&doc, aic_json_get(&doc, 0, "tools"));
	if (options >= 0)
		rc = aic_options_read(&doc, options, ret_options, reterr);
	else if (!(*ret_options = aichat_options_new()))
		rc = aic_error_nomem(reterr);
	if (rc == 0 && tools.len && !(*ret_tools = aic_strndup(tools.data, tools.len)))
		rc = aic_error_nomem(reterr);
	return rc;
}

/* What makes no sense here was not written so. */
int aic_conversation_settings_read(const char *settings,
				   struct aichat_options **ret_options, char **ret_tools,
				   aichat_error **reterr)
{
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	int rc = parse_settings(settings, ret_options, ret_tools, &error);

	if (rc == AICHAT_ENOMEM)
		return aic_error_nomem(reterr);
	return rc < 0 ? aic_error_set(reterr, AICHAT_ESTORECORRUPT,
				      "the conversation's settings are damaged: %s",
				      aichat_error_message(error))
		      : 0;
}

/* ---- changing --------------------------------------------------------------------- */

struct patch_job {
	struct aic_job job;
	struct aichat_conversation *conv;
	const struct aic_json *doc;
	int64_t version;
	bool is_new;
	struct aic_conversation_row row; /* as it becomes */
	struct aichat_options *options;
	char *tools;
};

static void patch_done(struct patch_job *patch)
{
	aic_conversation_row_done(&patch->row);
	aichat_options_free(patch->options);
	aic_free(patch->tools);
}

static int invalid(aichat_error **reterr, const char *member, const char *why)
{
	return aic_error_set(reterr, AICHAT_EINVAL, "%s %s", member, why);
}

static int patch_title(struct patch_job *patch, int value, struct aic_store *store,
		       aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *title = aic_json_strdup(patch->doc, value);
	bool is_text = aic_json_is(patch->doc, value, AIC_JSON_STRING);

	if (!is_text && !aic_json_is(patch->doc, value, AIC_JSON_NULL))
		return invalid(reterr, "title", "is neither text nor null");
	if (is_text && !title)
		return invalid(reterr, "title", "has a NUL in it");
	int rc = title ? aic_conversation_check_title(title, reterr) : 0;
	if (rc < 0)
		return rc;
	aic_free(patch->row.title);
	patch->row.title = AIC_TAKE(title);
	return patch->row.title || patch->is_new
		       ? 0
		       : aic_conversation_first_words(store, patch->conv,
						      &patch->row.title, reterr);
}

static size_t count_characters(struct aic_str text)
{
	size_t characters = 0;

	for (size_t i = 0; i < text.len; i++)
		characters += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return characters;
}

/* What each tag must be; one that is named twice stays once. */
static int patch_tags(struct patch_job *patch, int value, aichat_error **reterr)
{
	const struct aic_json *doc = patch->doc;
	AIC_CLEANUP(aic_buf_done) struct aic_buf json = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf scratch = aic_buf(0);
	AIC_CLEANUP(aic_buf_done) struct aic_buf other = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&json);

	if (!aic_json_is(doc, value, AIC_JSON_ARRAY))
		return invalid(reterr, "tags", "is no array");
	if (aic_json_count(doc, value) > TAGS_MAX)
		return invalid(reterr, "tags", "has more than 64 elements");
	aic_json_begin(&w, '[');
	for (int v = aic_json_first(doc, value); v >= 0;
	     v = aic_json_next(doc, value, v)) {
		struct aic_str tag = aic_json_str(doc, v, &scratch);
		bool seen = false;
		if (!tag.data && scratch.error)
			return aic_error_nomem(reterr);
		if (!tag.len || memchr(tag.data, '\0', tag.len) ||
		    count_characters(tag) > TAG_CHARACTERS_MAX)
			return invalid(reterr, "tags",
				       "has an element that is no text of 1 to 64 "
				       "characters");
		for (int u = aic_json_first(doc, value); u != v && !seen;
		     u = aic_json_next(doc, value, u))
			seen = aic_str_equal(aic_json_str(doc, u, &other), tag);
		if (!seen)
			aic_json_put_str(&w, tag);
	}
	aic_json_end(&w, ']');
	aic_free(AIC_TAKE(patch->row.tags));
	if (aic_json_count(doc, value) && !(patch->row.tags = aic_buf_take(&json, NULL)))
		return aic_error_nomem(reterr);
	return 0;
}

static int patch_head(struct patch_job *patch, int value, aichat_error **reterr)
{
	AIC_CLEANUP(aic_freep) char *text = aic_json_strdup(patch->doc, value);

	if (aic_json_is(patch->doc, value, AIC_JSON_NULL)) {
		patch->row.head = (struct aic_id){ 0 };
		return 0;
	}
	if (!text || !aic_id_parse(text, strlen(text), &patch->row.head))
		return invalid(reterr, "head", "is neither a message's id nor null");
	return 0;
}

static int patch_flag(struct patch_job *patch, int value, const char *name, bool *flag,
		      aichat_error **reterr)
{
	bool on = aic_json_is(patch->doc, value, AIC_JSON_TRUE);

	if (!on && !aic_json_is(patch->doc, value, AIC_JSON_FALSE))
		return invalid(reterr, name, "is neither true nor false");
	*flag = on;
	return 0;
}

static int patch_tools(struct patch_job *patch, int value, aichat_error **reterr)
{
	struct aic_str raw = aic_json_raw(patch->doc, value);
	struct aic_str tools;
	size_t count = 0;

	aic_free(AIC_TAKE(patch->tools));
	if (aic_json_is(patch->doc, value, AIC_JSON_NULL))
		return 0;
	int rc = aic_tools_argument(raw.data, (int64_t)raw.len, &tools, &count, reterr);
	if (rc == 0 && count && !(patch->tools = aic_strndup(tools.data, tools.len)))
		rc = aic_error_nomem(reterr);
	return rc;
}

static int patch_settings(struct patch_job *patch, int settings, aichat_error **reterr)
{
	const struct aic_json *doc = patch->doc;

	if (!aic_json_is(doc, settings, AIC_JSON_OBJECT))
		return invalid(reterr, "settings", "is no object");
	for (int v = aic_json_first(doc, settings); v >= 0;
	     v = aic_json_next(doc, settings, v)) {
		int key = aic_json_key(v);
		int rc = AICHAT_EINVAL;
		if (aic_json_equals(doc, key, "tools")) {
			rc = patch_tools(patch, v, reterr);
		} else if (aic_json_equals(doc, key, "options")) {
			if (!aic_json_is(doc, v, AIC_JSON_OBJECT))
				return invalid(reterr, "settings.options",
					       "is no object");
			rc = aic_options_apply(doc, v, patch->options, reterr);
		} else {
			invalid(reterr, "settings", "has options and tools, no others");
		}
		if (rc < 0)
			return rc;
	}
	return aic_options_check_chat(patch->options, reterr);
}

static int patch_member(struct patch_job *patch, int value, struct aic_store *store,
			aichat_error **reterr)
{
	const struct aic_json *doc = patch->doc;
	int key = aic_json_key(value);

	if (aic_json_equals(doc, key, "title"))
		return patch_title(patch, value, store, reterr);
	if (aic_json_equals(doc, key, "tags"))
		return patch_tags(patch, value, reterr);
	if (aic_json_equals(doc, key, "head"))
		return patch_head(patch, value, reterr);
	if (aic_json_equals(doc, key, "pinned"))
		return patch_flag(patch, value, "pinned", &patch->row.pinned, reterr);
	if (aic_json_equals(doc, key, "archived"))
		return patch_flag(patch, value, "archived", &patch->row.archived, reterr);
	if (aic_json_equals(doc, key, "settings"))
		return patch_settings(patch, value, reterr);
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "a conversation has title, tags, head, pinned, archived and "
			     "settings to be changed, no others");
}

static struct aic_idempotency request_of(const struct patch_job *patch)
{
	return (struct aic_idempotency){
		aic_options_get(patch->options, "idempotency_key", NULL),
		aic_options_get(patch->options, "request_digest", NULL),
	};
}

/* One request makes one conversation, however often it is repeated. */
static int claim_request(struct patch_job *patch, struct aic_store *store,
			 aichat_error **reterr)
{
	const struct aic_idempotency request = request_of(patch);

	return aic_store_add_idempotency(store, patch->conv->ai->owner, &request,
					 patch->conv->id_text, reterr);
}

/* The handle's settings go with the row if the store has others. */
static int patch_run(struct aic_job *job, struct aic_store *store, aichat_error **reterr)
{
	struct patch_job *patch = (struct patch_job *)job;
	struct aichat_conversation *conv = patch->conv;
	const char *owner = conv->ai->owner;
	AIC_CLEANUP(aic_buf_done) struct aic_buf settings = aic_buf(0);
	AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
	int64_t now = aic_clock_unix_ms();

	int rc = aic_store_conversation(store, owner, &conv->id, &patch->row, &error);
	if (rc == AICHAT_ENOTFOUND && patch->is_new && !patch->version)
		patch->row = (struct aic_conversation_row){ .id = conv->id,
							    .created_unix_ms = now };
	else if (rc < 0)
		return aic_error_pass(reterr, AIC_TAKE(error));
	else
		patch->is_new = false;
	/* Another handle may have stored settings since this one read them. */
	if (!patch->options) {
		rc = aic_conversation_settings_read(patch->row.settings, &patch->options,
						    &patch->tools, reterr);
		if (rc < 0)
			return rc;
	}
	rc = 0;
	for (int v = aic_json_first(patch->doc, 0); rc == 0 && v >= 0;
	     v = aic_json_next(patch->doc, 0, v))
		rc = patch_member(patch, v, store, reterr);
	if (rc < 0)
		return rc;
	aic_free(AIC_TAKE(patch->row.settings));
	if (aic_conversation_settings_json(patch->options, patch->tools, &settings) < 0 ||
	    !(patch->row.settings = aic_buf_take(&settings, NULL)))
		return aic_error_nomem(reterr);
	patch->row.updated_unix_ms = now;
	if (!patch->is_new)
		return aic_store_set_conversation(store, owner, &patch->row,
						  patch->version, reterr);
	rc = claim_request(patch, store, reterr);
	return rc < 0 ? rc
		      : aic_store_add_conversation(store, owner, &patch->row, reterr);
}

/* What the handle has and the store has not. */
static int take_unsaved(struct patch_job *patch, aichat_error **reterr)
{
	struct aichat_conversation *conv = patch->conv;
	int rc = 0;

	pthread_mutex_lock(&conv->lock);
	patch->is_new = conv->is_new;
	if (conv->is_new || conv->settings_new) {
		patch->options = aic_options_copy(conv->options);
		patch->tools = aic_strdup(conv->tools);
		if (!patch->options || (conv->tools && !patch->tools))
			rc = aic_error_nomem(reterr);
	}
	pthread_mutex_unlock(&conv->lock);
	return rc;
}

int aichat_conversation_change(aichat_conversation *conversation, const char *json,
			       int64_t json_len, int64_t version, aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	AIC_CLEANUP(aic_core_exitp) struct aic_core *core = NULL;
	AIC_CLEANUP(patch_done)
	struct patch_job patch = {
		.job = { .run = patch_run, .durable = true },
		.conv = conversation,
		.doc = &doc,
		.version = version,
	};

	int rc = aic_conversation_enter(conversation, &core, reterr);
	if (rc < 0)
		return rc;
	if (!json || json_len < -1 || version < 0)
		return aic_error_set(reterr, AICHAT_EINVAL, "no change was given");
	size_t len = json_len < 0 ? strlen(json) : (size_t)json_len;
	rc = aic_json_scan(&doc, json, len, &aic_json_strict);
	if (rc < 0)
		return aic_json_scan_error(&doc, rc, "the change", reterr);
	if (!aic_json_is(&doc, 0, AIC_JSON_OBJECT))
		return aic_error_set(reterr, AICHAT_EINVAL, "the change is no object");
	rc = take_unsaved(&patch, reterr);
	const struct aic_idempotency request = request_of(&patch);
	if (rc == 0)
		rc = aic_idempotency_check(&request, reterr);
	if (rc == 0)
		rc = aic_store_run(core->store, &patch.job, reterr);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&conversation->lock);
	struct aichat_options *options = conversation->options;
	conversation->options = patch.options;
	patch.options = options;
	char *tools = conversation->tools;
	conversation->tools = patch.tools;
	patch.tools = tools;
	conversation->is_new = conversation->settings_new = false;
	if (aic_json_get(&doc, 0, "head") >= 0) {
		conversation->head = patch.row.head;
		conversation->reply = (struct aic_id){ 0 };
	}
	pthread_mutex_unlock(&conversation->lock);
	return 0;
}

int aichat_conversation_save(aichat_conversation *conversation, aichat_error **reterr)
{
	return aichat_conversation_change(conversation, "{}", 2, 0, reterr);
}
