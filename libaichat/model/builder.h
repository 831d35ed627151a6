#pragma once

/*
 * Puts a message together from its events: those of a decoder as they come, or those of
 * a log after its writer died. The same events give the same message.
 */

#include "model/event.h"
#include "model/message.h"

/* Applies to an open message that its caller owns. Events that are not about its content
 * change nothing. 0, AICHAT_ENOMEM, AICHAT_ETOOLARGE or AICHAT_EPROTOCOL. */
int aic_builder_apply(struct aichat_message *message, const struct aichat_event *event);
/*
 * The last word: a reply that carries tool calls stopped for tool_calls, empty text parts
 * go, and the state is set.
 */
void aic_builder_seal(struct aichat_message *message, enum aichat_message_state state);
/* The events that build this message, for a reply that came whole. */
int aic_builder_events(const struct aichat_message *message, struct aic_events *events);
