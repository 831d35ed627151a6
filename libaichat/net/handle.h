#pragma once

/*
 * Easy handles that are ready for a URL: what the engine allows is set, which is http and
 * https, HTTP/1.1, verified certificates, no redirects, no netrc, no proxy but the one
 * that was configured, and none to this machine itself, no compression. Engine thread
 * only, and curl is loaded.
 */

#include "base/error.h"
#include "net/curl.h"
#include "net/engine.h"

struct aic_handle {
	struct aic_handle *next;
	CURL *easy;
	CURLU *url;
	char *text;      /* the URL that it is for */
	char *shown_url; /* without user, query and fragment */
	bool direct;     /* without the proxy */
};

/* One that is idle, or a new one. AICHAT_EINVAL: no http or https address;
 * AICHAT_ENOMEM. */
int aic_handle_take(struct aic_engine *engine, const char *url,
		    struct aic_handle **ret_handle, aichat_error **reterr);
/* After a transfer that went well, and out of the multi: for the next one. */
void aic_handle_keep(struct aic_engine *engine, struct aic_handle *handle);
/* NULL. */
struct aic_handle *aic_handle_free(struct aic_handle *handle);
