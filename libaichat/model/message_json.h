#pragma once

/*
 * The pieces of the canonical JSON that events share with messages. A part or a message
 * that is read as a piece of something else has the whole place in its errors.
 */

#include "model/message.h"
#include "model/read.h"

void aic_usage_write(const struct aic_usage *usage, struct aic_json_writer *w);
/* 0 or an error; members that are absent are set to unknown. */
int aic_usage_read(const struct aic_read *r, struct aic_usage *usage);
int aic_part_read_at(const struct aic_read *r, struct aichat_part *part);
int aic_message_read_at(const struct aic_read *r, struct aichat_message **ret_message);
