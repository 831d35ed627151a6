#pragma once

/*
 * The document that describes every route, made from the table.
 */

#include <aichat/aichat.h>

/* OpenAPI 3.1; the caller finishes the writer and unrefs it. */
aichat_json_writer *openapi_write(void);
