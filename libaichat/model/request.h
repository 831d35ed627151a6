#pragma once

/*
 * A request as a value: what a dialect encodes, and what it decodes a caller's body to.
 */

#include "base/common.h"
#include "model/message.h"

/* A tool that the model may call. */
struct aic_tool {
	char *name;
	char *description;        /* or NULL */
	struct aic_string schema; /* of the arguments: a JSON object, if there are any */
	int strict;               /* -1 = not said */
	struct aic_string raw;    /* a tool that the provider runs: only this, its JSON */
};

enum aic_tool_choice {
	AIC_TOOL_CHOICE_UNSET,
	AIC_TOOL_CHOICE_AUTO,
	AIC_TOOL_CHOICE_NONE,
	AIC_TOOL_CHOICE_REQUIRED,
	AIC_TOOL_CHOICE_NAMED,
};

enum aic_format {
	AIC_FORMAT_UNSET,
	AIC_FORMAT_TEXT,
	AIC_FORMAT_JSON,   /* any JSON object */
	AIC_FORMAT_SCHEMA, /* JSON by a schema */
};

/* A member of the request's body that we have no name for: raw JSON by its name. */
struct aic_member {
	char *name;
	struct aic_string value;
};

struct aic_request {
	char *model; /* by the provider's name for it */
	/* references, in order; system messages first */
	struct aichat_message **messages;
	size_t message_count, message_capacity;
	struct aic_tool *tools;
	size_t tool_count, tool_capacity;
	enum aic_tool_choice tool_choice;
	char *tool_choice_name;  /* AIC_TOOL_CHOICE_NAMED */
	int parallel_tool_calls; /* 1, 0, -1 = not said */
	int64_t max_tokens;      /* -1 = not said */
	double temperature;      /* NaN = not said */
	double top_p;            /* NaN = not said */
	char **stop;
	size_t stop_count, stop_capacity;
	char *reasoning_effort; /* none minimal low medium high xhigh max, or NULL */
	int64_t seed;
	bool has_seed;
	enum aic_format format;
	char *format_name;
	char *format_description;
	struct aic_string format_schema;
	int format_strict; /* -1 = not said */
	char *user;        /* an opaque id of the person behind the request */
	bool stream;
	bool stream_usage;        /* Chat: stream_options.include_usage */
	struct aic_member *extra; /* merged into the body last, replacing what is there */
	size_t extra_count, extra_capacity;
};

/* Nothing set. */
struct aic_request *aic_request_new(void);
struct aic_request *aic_request_free(struct aic_request *request);
AIC_DEFINE_CLEANUP(struct aic_request *, aic_request_free)

/* Takes a reference. */
int aic_request_add_message(struct aic_request *request, struct aichat_message *message);
/* Moves it in. */
int aic_request_add_tool(struct aic_request *request, struct aic_tool *tool);
int aic_request_add_stop(struct aic_request *request, struct aic_str stop);
int aic_request_set_extra(struct aic_request *request, struct aic_str name,
			  struct aic_str json);
void aic_tool_done(struct aic_tool *tool);
int aic_tool_copy(struct aic_tool *to, const struct aic_tool *from);

/* What a translation could not carry, in words for a log: "temperature: not taken". */
struct aic_report {
	char **lines;
	size_t count, capacity;
};
void aic_report_add(struct aic_report *report, const char *format, ...) AIC_PRINTF(2, 3);
void aic_report_done(struct aic_report *report);
