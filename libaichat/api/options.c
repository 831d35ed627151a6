/*
 * Options for applications: checks arguments, then the model.
 */

#include <math.h>

#include <aichat/options.h>

#include "model/options.h"
#include "model/options_value.h"

static int missing(aichat_error **reterr)
{
	return aic_error_set(reterr, AICHAT_EINVAL, "an argument is missing");
}

int aichat_options_set(aichat_options *options, const char *name, const char *value,
		       int64_t value_len, aichat_error **reterr)
{
	if (!options || !name || value_len < -1)
		return missing(reterr);
	struct aic_str text = aic_str(NULL);
	if (value)
		text = (struct aic_str){ value, value_len < 0 ? strlen(value)
							      : (size_t)value_len };
	return aic_options_set(options, name, text, "set", false, reterr);
}

int aichat_options_set_json(aichat_options *options, const char *json, int64_t json_len,
			    aichat_error **reterr)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };

	if (!options || !json || json_len < -1)
		return missing(reterr);
	size_t len = json_len < 0 ? strlen(json) : (size_t)json_len;
	int rc = aic_json_scan(&doc, json, len, &aic_json_strict);
	if (rc < 0)
		return aic_json_scan_error(&doc, rc, "the options", reterr);
	if (!aic_json_is(&doc, 0, AIC_JSON_OBJECT))
		return aic_error_set(reterr, AICHAT_EINVAL, "the options are no object");
	return aic_options_apply(&doc, 0, options, reterr);
}

/* A number goes the way of a text, through the same checks. */
static int set_number(aichat_options *options, const char *name, int type,
		      const struct aic_buf *text, aichat_error **reterr)
{
	if (!options || !name)
		return missing(reterr);
	const struct aic_option_info *info = aic_option_find(name);
	if (!info)
		return aic_option_unknown(name, reterr);
	if ((int)info->type != type)
		return aic_error_set(reterr, AICHAT_EINVAL,
				     "option \"%s\" is no %snumber", name,
				     type == AICHAT_OPTION_INT ? "whole " : "");
	if (text->error)
		return aic_error_nomem(reterr);
	return aic_options_set(options, name, aic_buf_str(text), "set", false, reterr);
}

int aichat_options_set_int(aichat_options *options, const char *name, int64_t value,
			   aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);

	aic_buf_put_int(&text, value);
	return set_number(options, name, AICHAT_OPTION_INT, &text, reterr);
}

int aichat_options_set_number(aichat_options *options, const char *name, double value,
			      aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	struct aic_json_writer w = aic_json_writer(&text);

	/* JSON has no word for the rest, and no option takes it. */
	if (isfinite(value))
		aic_json_put_double(&w, value);
	else
		aic_buf_puts(&text, "infinite");
	return set_number(options, name, AICHAT_OPTION_NUMBER, &text, reterr);
}

int aichat_options_get(const aichat_options *options, const char *name,
		       const char **ret_value)
{
	if (!options || !name || !ret_value)
		return AICHAT_EINVAL;
	const struct aic_option_info *info = aic_option_find(name);
	if (!info)
		return AICHAT_EINVAL;
	const char *value = aic_options_get(options, name, NULL);
	*ret_value = value ? value : info->fallback;
	return value ? 1 : 0;
}

const char *aichat_options_origin(const aichat_options *options, const char *name)
{
	const char *origin = "default";

	if (!options || !name || !aic_option_find(name))
		return NULL;
	aic_options_get(options, name, &origin);
	return origin;
}

const char *aichat_options_name(const aichat_options *options, size_t n)
{
	return aic_options_at(options, n, NULL);
}

int aichat_options_set_log(aichat_options *options, aichat_log_hook hook, void *user,
			   int level)
{
	if (!options || level < AICHAT_LOG_ERROR || level > AICHAT_LOG_DEBUG)
		return AICHAT_EINVAL;
	aic_options_set_log(options, &(struct aic_log){ hook, user, level });
	return 0;
}

const char *aichat_option_name(size_t n)
{
	const struct aic_option_info *info = aic_option_row(n);

	return info ? info->name : NULL;
}

int aichat_option_type(size_t n)
{
	const struct aic_option_info *info = aic_option_row(n);

	return info ? (int)info->type : 0;
}

const char *aichat_option_help(size_t n)
{
	const struct aic_option_info *info = aic_option_row(n);

	return info ? info->help : NULL;
}

const char *aichat_option_default(size_t n)
{
	const struct aic_option_info *info = aic_option_row(n);

	return info ? info->fallback : NULL;
}
