#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "model/request.h"

struct aic_request *aic_request_new(void)
{
	struct aic_request *request = aic_new(struct aic_request);

	if (!request)
		return NULL;
	request->max_tokens = -1;
	request->temperature = NAN;
	request->top_p = NAN;
	request->parallel_tool_calls = -1;
	request->format_strict = -1;
	return request;
}

struct aic_request *aic_request_free(struct aic_request *request)
{
	if (!request)
		return NULL;
	for (size_t i = 0; i < request->message_count; i++)
		aichat_message_unref(request->messages[i]);
	for (size_t i = 0; i < request->tool_count; i++)
		aic_tool_done(&request->tools[i]);
	for (size_t i = 0; i < request->stop_count; i++)
		aic_free(request->stop[i]);
	for (size_t i = 0; i < request->extra_count; i++) {
		aic_free(request->extra[i].name);
		aic_string_done(&request->extra[i].value);
	}
	aic_free(request->messages);
	aic_free(request->tools);
	aic_free(request->stop);
	aic_free(request->extra);
	aic_free(request->model);
	aic_free(request->tool_choice_name);
	aic_free(request->reasoning_effort);
	aic_free(request->format_name);
	aic_free(request->format_description);
	aic_string_done(&request->format_schema);
	aic_free(request->user);
	aic_free(request);
	return NULL;
}

int aic_request_add_message(struct aic_request *request, struct aichat_message *message)
{
	if (!AIC_GROW(request->messages, request->message_count,
		      &request->message_capacity))
		return AICHAT_ENOMEM;
	request->messages[request->message_count++] = aichat_message_ref(message);
	return 0;
}

int aic_request_add_tool(struct aic_request *request, struct aic_tool *tool)
{
	if (!AIC_GROW(request->tools, request->tool_count, &request->tool_capacity))
		return AICHAT_ENOMEM;
	request->tools[request->tool_count++] = *tool;
	*tool = (struct aic_tool){ .strict = -1 };
	return 0;
}

int aic_request_add_stop(struct aic_request *request, struct aic_str stop)
{
	if (!AIC_GROW(request->stop, request->stop_count, &request->stop_capacity))
		return AICHAT_ENOMEM;
	char *copy = aic_strndup(stop.data, stop.len);
	if (!copy)
		return AICHAT_ENOMEM;
	request->stop[request->stop_count++] = copy;
	return 0;
}

int aic_request_set_extra(struct aic_request *request, struct aic_str name,
			  struct aic_str json)
{
	for (size_t i = 0; i < request->extra_count; i++)
		if (aic_str_is(name, request->extra[i].name))
			return aic_string_set(&request->extra[i].value, json);
	if (!AIC_GROW(request->extra, request->extra_count, &request->extra_capacity))
		return AICHAT_ENOMEM;
	struct aic_member *member = &request->extra[request->extra_count];
	*member = (struct aic_member){ .name = aic_strndup(name.data, name.len) };
	if (!member->name)
		return AICHAT_ENOMEM;
	if (aic_string_set(&member->value, json) < 0) {
		aic_free(member->name);
		return AICHAT_ENOMEM;
	}
	request->extra_count++;
	return 0;
}

void aic_tool_done(struct aic_tool *tool)
{
	aic_free(tool->name);
	aic_free(tool->description);
	aic_string_done(&tool->schema);
	aic_string_done(&tool->raw);
	*tool = (struct aic_tool){ .strict = -1 };
}

int aic_tool_copy(struct aic_tool *to, const struct aic_tool *from)
{
	struct aic_tool copy = {
		.name = aic_strdup(from->name),
		.description = aic_strdup(from->description),
		.strict = from->strict,
	};

	if ((copy.name || !from->name) && (copy.description || !from->description) &&
	    aic_string_set(&copy.schema, aic_string_str(&from->schema)) == 0 &&
	    aic_string_set(&copy.raw, aic_string_str(&from->raw)) == 0) {
		*to = copy;
		return 0;
	}
	aic_tool_done(&copy);
	*to = copy;
	return AICHAT_ENOMEM;
}

/* A log line is not worth failing for: past the limit and without memory it is lost. */
#define REPORT_LINES_MAX 64

void aic_report_add(struct aic_report *report, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!report || report->count >= REPORT_LINES_MAX)
		return;
	va_start(args, format);
	int len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len < 0)
		return;
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->lines[i], line) == 0)
			return;
	if (!AIC_GROW(report->lines, report->count, &report->capacity))
		return;
	char *copy = aic_strdup(line);
	if (copy)
		report->lines[report->count++] = copy;
}

void aic_report_done(struct aic_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		aic_free(report->lines[i]);
	aic_free(report->lines);
	*report = (struct aic_report){ 0 };
}
