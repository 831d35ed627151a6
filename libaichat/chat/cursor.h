#pragma once

/*
 * The cursor behind `aichat_reply`: a place in a feed.
 */

#include "chat/feed.h"

struct aichat_reply {
	_Atomic unsigned refs;
	struct aic_feed *feed; /* a reference */
	char id_text[AIC_ID_TEXT];

	/* Of the one thread that takes events. */
	struct aichat_event *current; /* borrowed by the caller until the next call */
	struct aic_event_list page;   /* read from the store, not yet given */
	size_t page_at;

	/* Under the feed's lock. */
	uint64_t seq; /* of the event that was given last */
	bool has_page;
	bool woken; /* next is to return, once, with what there is */
	int fd;     /* eventfd, -1 until it is asked for */
	bool raised;
	struct aichat_reply *next;
	struct aichat_watch *watch; /* that it is in, or NULL */
	uint64_t tag;
	bool told;  /* the watch knows of the news */
	bool ended; /* the caller knows that it is over */

	/* Under the watch's lock. */
	struct aichat_reply *member_next, **member_link;
	struct aichat_reply *ready_next, **ready_link; /* no link: it is not ready */
};

int aic_cursor_next(struct aichat_reply *reply, int64_t timeout_ms,
		    const struct aichat_event **ret_event);
/* Any thread. */
void aic_cursor_wake(struct aichat_reply *reply);
int aic_cursor_fd(struct aichat_reply *reply, int *ret_fd, aichat_error **reterr);
/* Raise or lower the descriptor to what is true, and tell the watch. Under the feed's
 * lock. */
void aic_cursor_signal(struct aichat_reply *reply);
