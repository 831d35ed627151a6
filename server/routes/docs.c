/*
 * The contract, and a page to read it and try calls. The page comes from here alone and
 * holds nothing of anybody's; what it shows it asks for with the reader's key.
 */

#include <string.h>

#include "call.h"
#include "openapi.h"
#include "web.h"

#define POLICY                                                                           \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "  \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static void openapi(struct call *call)
{
	call_answer(call, 200, openapi_write());
}

static void page(struct call *call)
{
	const struct web_file *file = web_find(call->route->path);

	http_set_header(call->request, "Content-Security-Policy", POLICY);
	http_set_header(call->request, "Referrer-Policy", "no-referrer");
	http_answer(call->request, 200, file->type, file->bytes, file->len);
}

#define PAGE(where, operation, what)                                                     \
	{                                                                                \
		.method = "GET", .path = where, .name = operation, .summary = what,      \
		.flags = ROUTE_OPEN, .answers = { { 200, "Text", "The file." } },        \
		.handle = page,                                                          \
	}

const struct route routes_docs[] = {
	{
		.method = "GET",
		.path = "/openapi.json",
		.name = "docs.openapi",
		.summary = "This document",
		.roles = ROLE_ANY,
		.scopes = SCOPE_READ | SCOPE_CHAT | SCOPE_GATEWAY | SCOPE_ADMIN,
		.answers = { { 200, "Any", "OpenAPI 3.1." } },
		.handle = openapi,
	},
	PAGE("/docs", "docs.page", "A page to read this document and try calls"),
	PAGE("/docs/page.js", "docs.script", "The script of the page"),
	PAGE("/docs/page.css", "docs.style", "The style of the page"),
	{ .method = NULL },
};
