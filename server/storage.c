/*
 * What callers are told when the store takes nothing new.
 */

#include <stdatomic.h>

#include "log.h"
#include "storage.h"

/* What was found last: what stays as it is, is told once. */
static _Atomic int last;

int storage_check(aichat *ai, aichat_error **reterr)
{
	int rc = aichat_store_check(ai, reterr);

	if (rc == AICHAT_ECLOSED || atomic_exchange(&last, rc) == rc)
		return rc;
	if (rc < 0)
		log_line(AICHAT_LOG_ERROR, "nothing new is taken: %s",
			 aichat_error_message(*reterr));
	else
		log_line(AICHAT_LOG_INFO, "the store takes what is new again");
	return rc;
}

bool storage_takes(struct call *call)
{
	aichat_error *error = NULL;
	int rc = storage_check(call->ai, &error);

	aichat_error_unref(error);
	if (rc == AICHAT_ESTOREFULL)
		call_refuse(call, 507, "STORAGE_FULL",
			    "the server has no disk space left; no model was asked");
	else if (rc == AICHAT_ESTOREREADONLY)
		call_refuse(call, 503, "STORAGE_READ_ONLY",
			    "the server's disk failed; no model was asked");
	else if (rc == AICHAT_ECLOSED)
		call_refuse(call, 503, "DRAINING", "the server is shutting down");
	else if (rc < 0)
		call_refuse(call, 503, "STORAGE",
			    "the server's store is damaged; no model was asked");
	return rc == 0;
}
