#pragma once

/*
 * Records: small documents of the program that uses us. A handle is a working copy; what
 * it says is checked when it is set, so that storing it has no more to check.
 */

#include <aichat/account.h>

#include "store/account.h"
#include "store/store.h"

#define AIC_RECORD_KIND_MAX 32
#define AIC_RECORD_ID_MAX 64
#define AIC_RECORD_TEXT_MAX 255
#define AIC_RECORD_JSON_MAX ((size_t)64 << 10)

struct aichat_record {
	struct aic_record_row row;
	char *key, *digest; /* of the request that adds it; or NULL */
};

AIC_DEFINE_CLEANUP(struct aichat_record *, aichat_record_free)

/* 1 to AIC_RECORD_TEXT_MAX bytes of UTF-8 without control characters, or AICHAT_EINVAL;
 * `what` begins the error's line. */
int aic_record_check_text(const char *text, const char *what, aichat_error **reterr);
int aic_record_check_kind(const char *kind, aichat_error **reterr);
int aic_record_check_id(const char *id, aichat_error **reterr);
/* A JSON object of at most AIC_RECORD_JSON_MAX bytes; `what` begins the error's line. */
int aic_record_check_json(struct aic_str json, const char *what, aichat_error **reterr);

int aic_record_add(struct aic_store *store, const char *owner,
		   struct aichat_record *record, aichat_error **reterr);
int aic_record_save(struct aic_store *store, const char *owner,
		    struct aichat_record *record, aichat_error **reterr);
int aic_record_delete(struct aic_store *store, const char *owner, const char *kind,
		      const char *id, aichat_error **reterr);
