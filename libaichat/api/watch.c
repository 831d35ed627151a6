/*
 * The watch's public face; chat/watch.c does the work.
 */

#include <unistd.h>

#include <aichat/watch.h>

#include "base/error.h"
#include "chat/watch.h"

int aichat_watch_new(aichat_watch **ret_watch)
{
	if (!ret_watch)
		return AICHAT_EINVAL;
	aichat_watch *watch = aic_reply_watch_new();
	if (!watch)
		return AICHAT_ENOMEM;
	*ret_watch = watch;
	return 0;
}

aichat_watch *aichat_watch_free(aichat_watch *watch)
{
	return watch ? aic_reply_watch_free(watch) : NULL;
}

int aichat_watch_add(aichat_watch *watch, aichat_reply *reply, uint64_t tag,
		     aichat_error **reterr)
{
	if (!watch || !reply)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "no watch or no reply was given");
	if (watch->pid != getpid())
		return aic_error_set(reterr, AICHAT_EFORK,
				     "this watch was made by process %ld",
				     (long)watch->pid);
	if (reply->feed->core->pid != getpid())
		return aic_core_check(reply->feed->core, reterr);
	if (!aic_reply_watch_add(watch, reply, tag))
		return aic_error_set(reterr, AICHAT_ESTATE,
				     "the cursor is in a watch already");
	return 0;
}

void aichat_watch_remove(aichat_watch *watch, aichat_reply *reply)
{
	if (watch && reply && watch->pid == getpid())
		aic_reply_watch_remove(watch, reply);
}

int aichat_watch_next(aichat_watch *watch, int64_t timeout_ms, uint64_t *ret_tag)
{
	if (!watch || !ret_tag)
		return AICHAT_EINVAL;
	if (watch->pid != getpid())
		return AICHAT_EFORK;
	return aic_reply_watch_next(watch, timeout_ms, ret_tag);
}

void aichat_watch_wake(aichat_watch *watch)
{
	if (watch && watch->pid == getpid())
		aic_reply_watch_wake(watch);
}
