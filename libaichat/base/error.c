#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"

struct aichat_error {
	_Atomic unsigned refs;
	int code;
	int http_status;
	int64_t retry_after_ms;
	char *provider_code;
	char *request_id;
	char *message;
};

static char out_of_memory_text[] = "out of memory";
static aichat_error out_of_memory = {
	.refs = 1,
	.code = AICHAT_ENOMEM,
	.retry_after_ms = -1,
	.message = out_of_memory_text,
};

const char *aichat_error_name(int code)
{
	switch (code) {
	case AICHAT_OK:
		return "OK";
#define NAME_CASE(name, number, text_name, text)                                         \
	case number:                                                                     \
		return text_name;
		AICHAT_ERROR_MAP(NAME_CASE)
#undef NAME_CASE
	default:
		return "UNKNOWN";
	}
}

const char *aichat_error_text(int code)
{
	switch (code) {
	case AICHAT_OK:
		return "no error";
#define TEXT_CASE(name, number, text_name, text)                                         \
	case number:                                                                     \
		return text;
		AICHAT_ERROR_MAP(TEXT_CASE)
#undef TEXT_CASE
	default:
		return "unknown error";
	}
}

aichat_error *aichat_error_ref(aichat_error *error)
{
	if (error && error != &out_of_memory)
		atomic_fetch_add_explicit(&error->refs, 1, memory_order_relaxed);
	return error;
}

aichat_error *aichat_error_unref(aichat_error *error)
{
	if (!error || error == &out_of_memory)
		return NULL;
	if (atomic_fetch_sub_explicit(&error->refs, 1, memory_order_acq_rel) == 1) {
		aic_free(error->provider_code);
		aic_free(error->request_id);
		aic_free(error->message);
		aic_free(error);
	}
	return NULL;
}

int aichat_error_code(const aichat_error *error)
{
	return error ? error->code : 0;
}

const char *aichat_error_message(const aichat_error *error)
{
	return error ? error->message : "";
}

int aichat_error_http_status(const aichat_error *error)
{
	return error ? error->http_status : 0;
}

const char *aichat_error_provider_code(const aichat_error *error)
{
	return error ? error->provider_code : NULL;
}

const char *aichat_error_request_id(const aichat_error *error)
{
	return error ? error->request_id : NULL;
}

int64_t aichat_error_retry_after_ms(const aichat_error *error)
{
	return error ? error->retry_after_ms : -1;
}

/* The line may quote a provider or a file: it must stay one line and harmless. */
static void blunt(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?'; /* C1 controls */
}

AIC_PRINTF(1, 0)
static char *format_message(const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *text = len < 0 ? NULL : aic_malloc((size_t)len + 1);
	if (!text)
		return NULL;
	vsnprintf(text, (size_t)len + 1, format, args);
	blunt(text);
	return text;
}

AIC_PRINTF(4, 0)
static int set(aichat_error **reterr, int code, const struct aic_error_detail *detail,
	       const char *format, va_list args)
{
	if (!reterr)
		return code;
	*reterr = &out_of_memory;
	aichat_error *error = aic_new(aichat_error);
	if (!error)
		return code;
	error->refs = 1;
	error->code = code;
	error->retry_after_ms = -1;
	error->message = format_message(format, args);
	bool ok = error->message;
	if (detail) {
		error->http_status = detail->http_status;
		error->retry_after_ms = detail->retry_after_ms;
		error->provider_code = aic_strdup(detail->provider_code);
		error->request_id = aic_strdup(detail->request_id);
		ok = ok && (error->provider_code || !detail->provider_code) &&
		     (error->request_id || !detail->request_id);
	}
	if (ok)
		*reterr = error;
	else
		aichat_error_unref(error);
	return code;
}

int aic_error_set(aichat_error **reterr, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(reterr, code, NULL, format, args);
	va_end(args);
	return code;
}

int aic_error_set_detail(aichat_error **reterr, int code,
			 const struct aic_error_detail *detail, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(reterr, code, detail, format, args);
	va_end(args);
	return code;
}

int aic_error_nomem(aichat_error **reterr)
{
	if (reterr)
		*reterr = &out_of_memory;
	return AICHAT_ENOMEM;
}

int aic_error_code(aichat_error **reterr, int code, const char *doing)
{
	if (code == AICHAT_ENOMEM)
		return aic_error_nomem(reterr);
	return aic_error_set(reterr, code, "%s: %s", doing, aichat_error_text(code));
}

int aic_error_pass(aichat_error **reterr, aichat_error *error)
{
	int code = aichat_error_code(error);

	if (reterr)
		*reterr = error;
	else
		aichat_error_unref(error);
	return code;
}

const char *aic_errno_text(int number, char *buf, size_t size)
{
	/* The GNU form returns the text, which may not be in buf. */
	return strerror_r(number, buf, size);
}
