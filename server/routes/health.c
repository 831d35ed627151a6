/*
 * Whether the process is alive.
 */

#include "call.h"

static void healthz(struct call *call)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	aichat_json_writer_key(w, "status", -1);
	aichat_json_writer_string(w, "ok", -1);
	aichat_json_writer_end_object(w);
	call_answer(call, 200, w);
}

const struct route routes_health[] = {
	{
		.method = "GET",
		.path = "/healthz",
		.name = "health.live",
		.summary = "Whether the process answers",
		.flags = ROUTE_OPEN | ROUTE_ADMIN_PORT,
		.answers = { { 200, "Health", "It does." } },
		.handle = healthz,
	},
	{ .method = NULL },
};
