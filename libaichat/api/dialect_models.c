/*
 * Lists of models, in the words of a dialect.
 */

#include <aichat/dialect.h>

#include "api/context.h"
#include "base/mem.h"
#include "dialect/dialect.h"

/* When a model was made is not in the catalog; both protocols want something. */
#define MADE_UNIX_S 0
#define MADE_TEXT "1970-01-01T00:00:00Z"

struct listed {
	char *name;
	const char *provider;
	const struct aic_model_info *info; /* NULL = not in the catalog */
};

struct listing {
	const struct aic_registry *registry;
	struct listed *items;
	size_t count, capacity;
};

static void listing_done(struct listing *list)
{
	for (size_t i = 0; i < list->count; i++)
		aic_free(list->items[i].name);
	aic_free(list->items);
}

/* Takes the name. */
static int add(struct listing *list, char *name, const char *provider,
	       const struct aic_model_info *info)
{
	if (!name || !AIC_GROW(list->items, list->count, &list->capacity)) {
		aic_free(name);
		return AICHAT_ENOMEM;
	}
	list->items[list->count++] = (struct listed){ name, provider, info };
	return 0;
}

static bool is_ready(const struct aic_provider *provider)
{
	const struct aic_target target = { .provider = provider };

	return aic_target_check_key(&target, NULL) == 0;
}

static int add_aliases(struct listing *list)
{
	const char *name;
	int rc = 0;

	for (size_t n = 0; rc == 0 && (name = aic_registry_alias_at(list->registry, n));
	     n++) {
		AIC_CLEANUP(aic_target_done) struct aic_target target = { 0 };
		if (aic_target_resolve(list->registry, name, &target, NULL) < 0 ||
		    aic_target_check_key(&target, NULL) < 0)
			continue;
		rc = add(list, aic_strdup(name), target.provider->name, target.info);
	}
	return rc;
}

static char *full_name(const char *provider, const char *model)
{
	struct aic_buf name = aic_buf(0);

	aic_buf_printf(&name, "%s/%s", provider, model);
	char *text = aic_buf_take(&name, NULL);
	aic_buf_done(&name);
	return text;
}

/* The bare name where that is enough. */
static char *shortest_name(const struct listing *list,
			   const struct aic_provider *provider, const char *model)
{
	AIC_CLEANUP(aic_target_done) struct aic_target target = { 0 };

	if (aic_target_resolve(list->registry, model, &target, NULL) == 0 &&
	    target.provider == provider && aic_streq(target.model, model))
		return aic_strdup(model);
	return full_name(provider->name, model);
}

static bool is_listed(const struct aic_provider *provider, const char *model)
{
	const struct aic_model_info *info = aic_model_info_find(provider->name, model);

	return info && !info->family && aic_streq(info->name, model);
}

/* Of providers that are ready: what the configuration names, and what the catalog has. */
static int add_models(struct listing *list)
{
	const struct aic_provider *provider;
	const struct aic_model_info *info;
	int rc = 0;

	for (size_t n = 0;
	     rc == 0 && (provider = aic_registry_provider_at(list->registry, n)); n++) {
		const char *model = provider->default_model;
		if (!is_ready(provider))
			continue;
		if (model && !is_listed(provider, model))
			rc = add(list, full_name(provider->name, model), provider->name,
				 NULL);
		for (size_t i = 0; rc == 0 && (info = aic_model_info_at(i)); i++)
			if (!info->family && aic_streq(info->provider, provider->name))
				rc = add(list, shortest_name(list, provider, info->name),
					 provider->name, info);
	}
	return rc;
}

/* ---- in words ---- */

static void put_count(struct aic_json_writer *w, const char *key, int64_t tokens)
{
	if (tokens <= 0)
		return;
	aic_json_put_key(w, key);
	aic_json_put_int(w, tokens);
}

static void put_model(struct aic_json_writer *w, bool messages, const char *name,
		      const char *provider, const struct aic_model_info *info)
{
	aic_json_begin(w, '{');
	aic_json_put_member(w, messages ? "type" : "object", "model");
	aic_json_put_member(w, "id", name);
	if (messages) {
		aic_json_put_member(w, "display_name", name);
		aic_json_put_member(w, "created_at", MADE_TEXT);
		if (info) {
			put_count(w, "max_input_tokens", info->context_tokens);
			put_count(w, "max_tokens", info->output_tokens);
		}
	} else {
		aic_json_put_key(w, "created");
		aic_json_put_int(w, MADE_UNIX_S);
		aic_json_put_member(w, "owned_by", provider);
	}
	aic_json_end(w, '}');
}

static void put_list(struct aic_json_writer *w, bool messages,
		     const struct listed *models, size_t count, bool more)
{
	aic_json_begin(w, '{');
	if (!messages)
		aic_json_put_member(w, "object", "list");
	aic_json_put_key(w, "data");
	aic_json_begin(w, '[');
	for (size_t i = 0; i < count; i++)
		put_model(w, messages, models[i].name, models[i].provider,
			  models[i].info);
	aic_json_end(w, ']');
	if (messages) {
		aic_json_put_key(w, "has_more");
		aic_json_put_bool(w, more);
		aic_json_put_key(w, "first_id");
		aic_json_put_text(w, count ? models[0].name : NULL);
		aic_json_put_key(w, "last_id");
		aic_json_put_text(w, count ? models[count - 1].name : NULL);
	}
	aic_json_end(w, '}');
}

static int check(aichat *ai, const char *dialect, char **ret_json, const size_t *ret_len,
		 bool *ret_messages, aichat_error **reterr)
{
	const struct aic_dialect *words = aic_dialect_find(dialect);
	int rc = aic_context_check(ai, reterr);

	if (rc < 0)
		return rc;
	if (!words || !ret_json || !ret_len)
		return aic_error_set(reterr, AICHAT_EINVAL, "%s",
				     words ? "an argument is missing"
					   : "there is no such dialect");
	*ret_messages = words == &aic_dialect_anthropic_messages;
	return 0;
}

static int hand_over(struct aic_buf *out, char **ret_json, size_t *ret_len,
		     aichat_error **reterr)
{
	*ret_json = aic_buf_take(out, ret_len);
	return *ret_json ? 0 : aic_error_nomem(reterr);
}

struct page {
	size_t from, count;
	bool more; /* in its direction */
};

/* The place of a name; `otherwise` for NULL, -1 if the list does not have it. */
static ssize_t place_of(const struct listing *list, const char *name, ssize_t otherwise)
{
	if (!name)
		return otherwise;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return (ssize_t)i;
	return -1;
}

static int cut_page(const struct listing *list, const char *after, const char *before,
		    size_t limit, struct page *ret, aichat_error **reterr)
{
	ssize_t at = place_of(list, after, 0);
	ssize_t end = place_of(list, before, (ssize_t)list->count);

	if (after && before)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "a page is after one model or before one, not both");
	if (at < 0 || end < 0)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "there is no model %.128s in the list",
				     after ? after : before);
	ret->from = (size_t)at + (after != NULL);
	ret->count = (size_t)end - ret->from;
	ret->more = limit && ret->count > limit;
	if (ret->more && before)
		ret->from += ret->count - limit;
	if (ret->more)
		ret->count = limit;
	return 0;
}

int aichat_dialect_models(aichat *ai, const char *dialect, const char *after,
			  const char *before, size_t limit, char **ret_json,
			  size_t *ret_len, aichat_error **reterr)
{
	AIC_CLEANUP(listing_done) struct listing list = { 0 };
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&out);
	bool messages = false;
	int rc = check(ai, dialect, ret_json, ret_len, &messages, reterr);

	if (rc < 0)
		return rc;
	list.registry = ai->core->registry;
	if (add_aliases(&list) < 0 || add_models(&list) < 0)
		return aic_error_nomem(reterr);
	struct page page = { 0 };
	rc = cut_page(&list, after, before, limit, &page, reterr);
	if (rc < 0)
		return rc;
	put_list(&w, messages, list.items + page.from, page.count, page.more);
	return hand_over(&out, ret_json, ret_len, reterr);
}

int aichat_dialect_model(aichat *ai, const char *dialect, const char *name,
			 char **ret_json, size_t *ret_len, aichat_error **reterr)
{
	AIC_CLEANUP(aic_target_done) struct aic_target target = { 0 };
	AIC_CLEANUP(aic_buf_done) struct aic_buf out = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&out);
	bool messages = false;
	int rc = check(ai, dialect, ret_json, ret_len, &messages, reterr);

	if (rc < 0)
		return rc;
	if (!name)
		return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
	rc = aic_target_resolve(ai->core->registry, name, &target, reterr);
	if (rc < 0)
		return rc;
	if (aic_target_check_key(&target, NULL) < 0)
		return aic_error_set(
			reterr, AICHAT_EMODEL,
			"%.128s cannot be asked here: its provider has no key", name);
	put_model(&w, messages, name, target.provider->name, target.info);
	return hand_over(&out, ret_json, ret_len, reterr);
}
