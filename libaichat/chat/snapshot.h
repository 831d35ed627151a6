#pragma once

/*
 * What a viewer gets of a reply whose log was dropped: one event that replaces
 * everything, and the terminal one.
 */

#include "chat/feed.h"

int aic_snapshot_read(struct aic_feed *feed, uint64_t after,
		      struct aic_event_list *ret_events);
