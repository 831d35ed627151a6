#pragma once

/*
 * Which of many cursors have news: behind `aichat_watch`. A cursor joins the list of the
 * ready when it gets news, once until it has none.
 */

#include <sys/types.h>

#include "chat/cursor.h"

struct aichat_watch {
	pid_t pid;            /* of the process that made it */
	pthread_mutex_t lock; /* taken last; guards the lists and what follows */
	pthread_cond_t changed;
	struct aichat_reply *members;       /* each with a reference */
	struct aichat_reply *first, **last; /* the ready */
	unsigned waiting;
	bool woken;
};

/* NULL for no memory. */
struct aichat_watch *aic_reply_watch_new(void);
struct aichat_watch *aic_reply_watch_free(struct aichat_watch *watch);
/* False: the cursor is in a watch already. */
bool aic_reply_watch_add(struct aichat_watch *watch, struct aichat_reply *reply,
			 uint64_t tag);
void aic_reply_watch_remove(struct aichat_watch *watch, struct aichat_reply *reply);
int aic_reply_watch_next(struct aichat_watch *watch, int64_t timeout_ms,
			 uint64_t *ret_tag);
void aic_reply_watch_wake(struct aichat_watch *watch);
/* The cursor, which is in a watch, has news, or has none any more. Under the feed's lock.
 */
void aic_reply_watch_tell(struct aichat_reply *reply, bool news);
