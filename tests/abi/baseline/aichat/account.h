#ifndef AICHAT_ACCOUNT_H
#define AICHAT_ACCOUNT_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#include <aichat/model.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_record aichat_record;
typedef struct aichat_records aichat_records;
AICHAT_API int aichat_record_new(const char *kind, const char *id,
				 aichat_record **ret_record, aichat_error **reterr);
AICHAT_API aichat_record *aichat_record_free(aichat_record *record);
AICHAT_API const char *aichat_record_kind(const aichat_record *record);
AICHAT_API const char *aichat_record_id(const aichat_record *record);
AICHAT_API const char *aichat_record_name(const aichat_record *record);
AICHAT_API int aichat_record_set_name(aichat_record *record, const char *name,
				      aichat_error **reterr);
AICHAT_API const char *aichat_record_parent_kind(const aichat_record *record);
AICHAT_API const char *aichat_record_parent_id(const aichat_record *record);
AICHAT_API int aichat_record_set_parent(aichat_record *record, const char *kind,
					const char *id, aichat_error **reterr);
AICHAT_API const char *aichat_record_json(const aichat_record *record, size_t *ret_len);
AICHAT_API int aichat_record_set_json(aichat_record *record, const char *json,
				      int64_t json_len, aichat_error **reterr);
AICHAT_API int64_t aichat_record_expires_unix_ms(const aichat_record *record);
AICHAT_API void aichat_record_set_expires(aichat_record *record, int64_t expires_unix_ms);
AICHAT_API int64_t aichat_record_created_unix_ms(const aichat_record *record);
AICHAT_API int64_t aichat_record_updated_unix_ms(const aichat_record *record);
AICHAT_API int64_t aichat_record_version(const aichat_record *record);
AICHAT_API int aichat_record_set_idempotency(aichat_record *record, const char *key,
					     const char *digest, aichat_error **reterr);
AICHAT_API int aichat_record_add(aichat *ai, aichat_record *record,
				 aichat_error **reterr);
AICHAT_API int aichat_record_save(aichat *ai, aichat_record *record,
				  aichat_error **reterr);
AICHAT_API int aichat_record_get(aichat *ai, const char *kind, const char *id,
				 aichat_record **ret_record, aichat_error **reterr);
AICHAT_API int aichat_record_find(aichat *ai, const char *kind, const char *name,
				  aichat_record **ret_record, aichat_error **reterr);
AICHAT_API int aichat_record_delete(aichat *ai, const char *kind, const char *id,
				    aichat_error **reterr);
AICHAT_API int aichat_record_list(aichat *ai, const char *kind, const char *parent_kind,
				  const char *parent_id, const char *after, size_t limit,
				  aichat_records **ret_records, aichat_error **reterr);
AICHAT_API size_t aichat_records_count(const aichat_records *records);
AICHAT_API aichat_record *aichat_records_at(aichat_records *records, size_t n);
AICHAT_API const char *aichat_records_cursor(const aichat_records *records);
AICHAT_API aichat_records *aichat_records_free(aichat_records *records);
AICHAT_API int aichat_idempotency_find(aichat *ai, const char *key, const char *digest,
				       char **ret_id, aichat_error **reterr);
AICHAT_API int aichat_audit_add(aichat *ai, const char *actor, const char *action,
				const char *object, const char *details,
				int64_t details_len, aichat_error **reterr);
AICHAT_API int aichat_audit_list(aichat *ai, const char *after, size_t limit,
				 char **ret_json, size_t *ret_len, aichat_error **reterr);
AICHAT_API int aichat_audit_verify(aichat *ai, int64_t *ret_count, char **ret_hash,
				   aichat_error **reterr);
AICHAT_API int aichat_usage_add(aichat *ai, const char *json, int64_t json_len,
				aichat_error **reterr);
AICHAT_API int aichat_usage_list(aichat *ai, const char *after, size_t limit,
				 char **ret_json, size_t *ret_len, aichat_error **reterr);
AICHAT_API int aichat_usage_sum(aichat *ai, int64_t since_unix_ms, int64_t until_unix_ms,
				char **ret_json, size_t *ret_len, aichat_error **reterr);
AICHAT_API int aichat_owner_delete(aichat *ai, const char *owner, aichat_error **reterr);
#ifdef __cplusplus
}
#endif
#endif
