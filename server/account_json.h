#pragma once

/* Between the records of accounts and their JSON: for accounts.c and keys.c. */

#include "accounts.h"

void account_put_text(aichat_json_writer *w, const char *name, const char *text);
void account_put_int(aichat_json_writer *w, const char *name, int64_t number);
void account_put_digest(aichat_json_writer *w, const unsigned char digest[DIGEST_BYTES]);
/* False if there is none. */
bool account_digest(const aichat_json *doc, unsigned char ret_digest[DIGEST_BYTES]);
struct limit_values account_limits(const aichat_json *doc);
unsigned account_scopes(const aichat_json *doc);
/* The record's document; takes the writer. */
int account_set_json(aichat_record *record, aichat_json_writer *w, aichat_error **reterr);
/* request may be NULL. */
int account_set_request(aichat_record *record, const struct request_key *request,
			aichat_error **reterr);
