#pragma once

/*
 * Writing a request of the Messages protocol: what its files share.
 */

#include "dialect/anthropic.h"

#define AIC_MAX_TOKENS_DEFAULT 4096
/* Where the conversation gives no words for a turn that the protocol demands. */
#define AIC_FILLER "Continue."

enum aic_side {
	AIC_SIDE_USER,
	AIC_SIDE_ASSISTANT,
	AIC_SIDE_SYSTEM, /* an instruction in the middle */
};

/* One block. */
struct aic_item {
	enum aic_side side;
	const struct aichat_message *message; /* NULL: AIC_FILLER */
	const struct aichat_part *part;
	bool raw;    /* the part's raw is the block */
	bool marked; /* an instruction in a user's mouth */
};

enum aic_thinking {
	AIC_THINKING_UNSET,
	AIC_THINKING_DISABLED,
	AIC_THINKING_BUDGET,
	AIC_THINKING_ADAPTIVE,
};

struct aic_anthropic_request {
	const struct aic_request *request;
	const struct aic_profile *profile;
	struct aic_report *report;
	struct aic_json_writer w;
	struct aic_json doc; /* for a look at raw JSON */
	struct aic_item *items;
	size_t count, capacity;
	size_t leading; /* messages that are the system prompt */
	/* Messages with instructions that wait for a place where they may stand. */
	const struct aichat_message **waiting;
	size_t waiting_count, waiting_capacity;
	bool has_calls; /* tool blocks are among the items */
	enum aic_thinking thinking;
	int64_t budget;
	const char *effort; /* for output_config, or NULL */
	int64_t max_tokens;
};

static inline bool aic_has_quirk(const struct aic_anthropic_request *e, uint32_t quirk)
{
	return e->profile->quirks & quirk;
}

/* Members that the caller sets by hand replace ours. */
bool aic_anthropic_is_extra(const struct aic_anthropic_request *e, const char *name);
bool aic_anthropic_is_blank(struct aic_str text);

/* anthropic_items.c: which blocks are sent, into items. 0 or AICHAT_ENOMEM. */
int aic_anthropic_collect(struct aic_anthropic_request *e);
/* Whether raw of this message's parts is in our language and from this provider. */
bool aic_anthropic_is_own(const struct aic_anthropic_request *e,
			  const struct aichat_message *message);
/* Whether the part's raw can be sent as it is. */
bool aic_anthropic_is_raw(struct aic_anthropic_request *e,
			  const struct aichat_message *message,
			  const struct aichat_part *part);
static inline bool aic_is_result(const struct aic_item *item)
{
	return item->part && item->part->type == AICHAT_PART_TOOL_RESULT;
}

/* anthropic_turns.c: the members `messages` and `system`. */
void aic_anthropic_put_messages(struct aic_anthropic_request *e);
void aic_anthropic_put_system(struct aic_anthropic_request *e);

/* anthropic_tools.c: the members `tools` and `tool_choice`. */
void aic_anthropic_put_tools(struct aic_anthropic_request *e);

/* anthropic_thinking.c: what reasoning_effort comes to, max_tokens included; then the
 * member `thinking`. */
void aic_anthropic_plan_thinking(struct aic_anthropic_request *e);
void aic_anthropic_put_thinking(struct aic_anthropic_request *e);
