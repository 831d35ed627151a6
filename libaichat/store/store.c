/*
 * Stores of this process: opened by URL, shared by all that name the same file, closed
 * with the last reference.
 *
 * A process must not have one file open twice: closing either would drop the locks of
 * both. So there is a registry by device and inode; its lock is held while a store is
 * opened or closed. A child of fork() inherits the registry but not the locks: it may
 * not open what its parent had open, and it closes nothing.
 */

#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "store/store_internal.h"

/* The first is for a path without a scheme. */
static const struct aic_store_backend *const backends[] = {
	&aic_store_sqlite,
	&aic_store_memory,
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t registry_changed = PTHREAD_COND_INITIALIZER;
static struct aic_store *registry;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* Another thread may have held it when fork() was called; it does not exist here. */
static void in_child(void)
{
	pthread_mutex_init(&registry_lock, NULL);
	pthread_cond_init(&registry_changed, NULL);
}

static void prepare_for_fork(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

static bool is_scheme_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* The backend that a URL names, and the rest of the URL. */
static int choose_backend(const char *url, const struct aic_store_backend **ret_ops,
			  const char **ret_location, aichat_error **reterr)
{
	size_t len = 0;

	if (!url || !*url)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "no store was named; use \"sqlite:PATH\", a path or "
				     "\"memory:\"");
	while (is_scheme_char(url[len]))
		len++;
	/* One letter would be a drive elsewhere, and is no scheme of ours. */
	bool has_scheme = len > 1 && url[len] == ':';
	*ret_ops = backends[0];
	*ret_location = has_scheme ? url + len + 1 : url;
	for (size_t i = 0; has_scheme && i < AIC_ARRAY_LEN(backends); i++)
		if (aic_str_is((struct aic_str){ url, len }, backends[i]->scheme)) {
			*ret_ops = backends[i];
			return 0;
		}
	if (!has_scheme)
		return 0;
	return aic_error_set(reterr, AICHAT_EINVAL,
			     "\"%.*s:\" is no kind of store; use \"sqlite:PATH\", a path "
			     "(\"./%.*s:...\" if it is one) or \"memory:\"",
			     (int)len, url, (int)len, url);
}

static void place_done(struct aic_place *place)
{
	aic_free(place->location);
	aic_free(place->name);
}

static struct aic_store *find_locked(const struct aic_place *place)
{
	for (struct aic_store *s = registry; s && place->shared; s = s->next)
		if (s->place.shared && s->place.device == place->device &&
		    s->place.inode == place->inode)
			return s;
	return NULL;
}

static struct aic_store *store_new(struct aic_place *place)
{
	struct aic_store *store = aic_new(struct aic_store);

	if (!store)
		return NULL;
	store->refs = 1;
	store->place = *place;
	*place = (struct aic_place){ 0 };
	store->pid = getpid();
	store->last = &store->first;
	pthread_mutex_init(&store->write, NULL);
	pthread_mutex_init(&store->queue, NULL);
	aic_cond_init(&store->queued);
	aic_cond_init(&store->looked);
	return store;
}

/* Its writer has ended, or never was. */
static void store_free(struct aic_store *store)
{
	if (store->backend)
		store->backend->ops->close(store->backend);
	pthread_cond_destroy(&store->looked);
	pthread_cond_destroy(&store->queued);
	pthread_mutex_destroy(&store->queue);
	pthread_mutex_destroy(&store->write);
	place_done(&store->place);
	aic_free(store);
}

/* Early, for a caller that has something else to begin meanwhile. */
static int start_writer(struct aic_store *store, const struct aic_store_config *config,
			aichat_error **reterr)
{
	if (!config->writer_runs)
		return 0;
	int rc = aic_store_start_writer(store, reterr);
	if (rc == 0)
		config->writer_runs(config->user);
	return rc;
}

/* A new store, or one more reference to one that is open. Under the registry's lock. */
static int open_locked(const struct aic_store_backend *ops, const char *location,
		       const struct aic_store_config *config,
		       struct aic_store **ret_store, aichat_error **reterr)
{
	AIC_CLEANUP(place_done) struct aic_place place = { 0 };
	int rc = ops->locate(location, &place, reterr);

	if (rc < 0)
		return rc;
	struct aic_store *store;
	/* One without references is being closed, which ends its locks. */
	while ((store = find_locked(&place)) && !store->refs && store->pid == getpid())
		pthread_cond_wait(&registry_changed, &registry_lock);
	if (store && store->pid != getpid())
		return aic_error_set(reterr, AICHAT_EFORK,
				     "%s: is open in process %ld, of which this one is a "
				     "copy; open it only after fork(), or exec() first",
				     place.name, (long)store->pid);
	if (store) {
		rc = start_writer(store, config, reterr);
		if (rc < 0)
			return rc;
		store->refs++;
		*ret_store = store;
		return 0;
	}
	store = store_new(&place);
	if (!store)
		return aic_error_nomem(reterr);
	rc = start_writer(store, config, reterr);
	if (rc == 0)
		rc = ops->open(&store->place, config, &store->backend, reterr);
	if (rc < 0) {
		aic_writer_stop(store);
		store_free(store);
		return rc;
	}
	aic_fold_at_open(store);
	store->next = registry;
	registry = store;
	*ret_store = store;
	return 0;
}

int aic_store_open(const struct aic_store_config *config, struct aic_store **ret_store,
		   aichat_error **reterr)
{
	const struct aic_store_backend *ops = NULL;
	const char *location = NULL;
	int rc = choose_backend(config->url, &ops, &location, reterr);

	if (rc < 0)
		return rc;
	pthread_once(&fork_once, prepare_for_fork);
	pthread_mutex_lock(&registry_lock);
	rc = open_locked(ops, location, config, ret_store, reterr);
	pthread_mutex_unlock(&registry_lock);
	return rc;
}

void aic_store_destroy(struct aic_store *store)
{
	pthread_mutex_lock(&registry_lock);
	struct aic_store **link = &registry;
	while (*link != store)
		link = &(*link)->next;
	*link = store->next;
	store_free(store);
	pthread_cond_broadcast(&registry_changed);
	pthread_mutex_unlock(&registry_lock);
}

struct aic_store *aic_store_unref(struct aic_store *store)
{
	/* In a child of fork() the locks, the files and the threads are not ours. */
	if (!store || store->pid != getpid())
		return NULL;
	pthread_mutex_lock(&registry_lock);
	bool last = --store->refs == 0;
	pthread_mutex_unlock(&registry_lock);
	/* Who opens it meanwhile waits until it is gone. */
	if (last && aic_writer_stop(store))
		aic_store_destroy(store);
	return NULL;
}

const char *aic_store_name(const struct aic_store *store)
{
	return store->place.name;
}

int aic_store_check_writable(struct aic_store *store, aichat_error **reterr)
{
	return store->backend->ops->check_writable(store->backend, reterr);
}

bool aic_store_is_shared(const struct aic_store *store)
{
	return store->backend->is_shared;
}

void aic_conversation_row_done(struct aic_conversation_row *row)
{
	aic_free(row->title);
	aic_free(row->settings);
	aic_free(row->tags);
	*row = (struct aic_conversation_row){ 0 };
}

void aic_reply_row_done(struct aic_reply_row *row)
{
	aic_free(row->model);
	aic_free(row->request);
	aic_free(row->error);
	*row = (struct aic_reply_row){ 0 };
}

void aic_messages_done(struct aic_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		aichat_message_unref(messages->items[i]);
	aic_free(messages->items);
	*messages = (struct aic_messages){ 0 };
}

void aic_conversation_rows_done(struct aic_conversation_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		aic_conversation_row_done(&rows->items[i]);
	aic_free(rows->items);
	*rows = (struct aic_conversation_rows){ 0 };
}

void aic_event_list_done(struct aic_event_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		aic_event_unref(list->items[i]);
	aic_free(list->items);
	*list = (struct aic_event_list){ 0 };
}
