#ifndef AICHAT_JSON_H
#define AICHAT_JSON_H
#include <stddef.h>
#include <stdint.h>
#include <aichat/error.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct aichat_json aichat_json;
typedef struct aichat_json_writer aichat_json_writer;
#define AICHAT_JSON_NONE (-1)
enum aichat_json_type {
	AICHAT_JSON_ABSENT = 0,
	AICHAT_JSON_NULL = 1,
	AICHAT_JSON_FALSE = 2,
	AICHAT_JSON_TRUE = 3,
	AICHAT_JSON_NUMBER = 4,
	AICHAT_JSON_STRING = 5,
	AICHAT_JSON_ARRAY = 6,
	AICHAT_JSON_OBJECT = 7
};
AICHAT_API int aichat_json_parse(const char *text, int64_t text_len,
				 aichat_json **ret_doc, aichat_error **reterr);
AICHAT_API int aichat_json_parse_limited(const char *text, int64_t text_len,
					 size_t max_bytes, uint32_t max_values,
					 uint32_t max_depth, size_t *ret_error_at,
					 aichat_json **ret_doc, aichat_error **reterr);
AICHAT_API aichat_json *aichat_json_ref(aichat_json *doc);
AICHAT_API aichat_json *aichat_json_unref(aichat_json *doc);
AICHAT_API int aichat_json_type(const aichat_json *doc, int value);
AICHAT_API int aichat_json_get(const aichat_json *doc, int object, const char *key);
AICHAT_API int aichat_json_at(const aichat_json *doc, int array, size_t n);
AICHAT_API size_t aichat_json_count(const aichat_json *doc, int container);
AICHAT_API int aichat_json_first(const aichat_json *doc, int container);
AICHAT_API int aichat_json_next(const aichat_json *doc, int container, int value);
AICHAT_API int aichat_json_key(const aichat_json *doc, int value);
AICHAT_API const char *aichat_json_string(const aichat_json *doc, int value,
					  size_t *ret_len);
AICHAT_API int aichat_json_int(const aichat_json *doc, int value, int64_t *ret_int);
AICHAT_API int aichat_json_double(const aichat_json *doc, int value, double *ret_double);
AICHAT_API int aichat_json_bool(const aichat_json *doc, int value, int otherwise);
AICHAT_API const char *aichat_json_raw(const aichat_json *doc, int value,
				       size_t *ret_len);
AICHAT_API aichat_json_writer *aichat_json_writer_new(size_t max_bytes);
AICHAT_API aichat_json_writer *aichat_json_writer_unref(aichat_json_writer *writer);
AICHAT_API void aichat_json_writer_begin_object(aichat_json_writer *writer);
AICHAT_API void aichat_json_writer_end_object(aichat_json_writer *writer);
AICHAT_API void aichat_json_writer_begin_array(aichat_json_writer *writer);
AICHAT_API void aichat_json_writer_end_array(aichat_json_writer *writer);
AICHAT_API void aichat_json_writer_key(aichat_json_writer *writer, const char *key,
				       int64_t key_len);
AICHAT_API void aichat_json_writer_string(aichat_json_writer *writer, const char *text,
					  int64_t text_len);
AICHAT_API void aichat_json_writer_int(aichat_json_writer *writer, int64_t number);
AICHAT_API void aichat_json_writer_double(aichat_json_writer *writer, double number);
AICHAT_API void aichat_json_writer_bool(aichat_json_writer *writer, int truth);
AICHAT_API void aichat_json_writer_null(aichat_json_writer *writer);
AICHAT_API void aichat_json_writer_raw(aichat_json_writer *writer, const char *json,
				       int64_t json_len);
AICHAT_API int aichat_json_writer_finish(aichat_json_writer *writer,
					 const char **ret_text, size_t *ret_len);
AICHAT_API void aichat_json_writer_reset(aichat_json_writer *writer);
#ifdef __cplusplus
}
#endif
#endif
