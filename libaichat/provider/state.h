#pragma once

/*
 * What is learnt about a provider while it is used. Each member says who may touch it.
 */

#include <stdatomic.h>

#include "base/common.h"

struct aic_key_job;

struct aic_provider_state {
	atomic_bool no_stream_usage; /* it rejected stream_options; any thread */
	char *command_key;           /* what the key command printed; engine thread */
	struct aic_key_job *key_job; /* the command that runs; engine thread */
};
