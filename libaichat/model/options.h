#pragma once

/*
 * The bag of options as a value: names checked against the one table, values kept as the
 * text they were given as, with where each came from. Typed getters parse; what is in a
 * bag is always valid.
 */

#include <aichat/options.h>

#include "base/common.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

#define AIC_OPTION_VALUE_MAX ((size_t)1 << 20)

enum aic_option_where {
	AIC_OPTION_CONTEXT = 1, /* aichat_open() only */
	AIC_OPTION_CHAT = 2,    /* also a conversation and a send */
	AIC_OPTION_REQUEST = 3, /* of one call only: never kept with what it makes */
};

struct aic_option_info {
	const char *name; /* with NAME where the user chooses */
	enum aichat_option_type type;
	enum aic_option_where where;
	double minimum, maximum;
	const char *fallback; /* the default, or NULL */
	const char *help;
};

/* The row that a name belongs to; NULL for none. */
const struct aic_option_info *aic_option_find(const char *name);

/* As aichat_options_set(), with where the value came from. keep: do not replace. */
int aic_options_set(struct aichat_options *options, const char *name,
		    struct aic_str value, const char *origin, bool keep,
		    aichat_error **reterr);

/* What this bag itself has, with where it came from; NULL for nothing. */
const char *aic_options_get(const struct aichat_options *options, const char *name,
			    const char **ret_origin);

/*
 * A chain of bags, nearest first; what none sets has the table's default. Entries may be
 * NULL. Look-ups of names that are not in the table are bugs.
 */
struct aic_options_chain {
	const struct aichat_options *bags[4];
};

/* NULL when unset and without default. Borrowed from the bag. */
const char *aic_chain_string(const struct aic_options_chain *chain, const char *name);
int64_t aic_chain_int(const struct aic_options_chain *chain, const char *name,
		      int64_t unset);
/* Or NaN. */
double aic_chain_number(const struct aic_options_chain *chain, const char *name);
int aic_chain_bool(const struct aic_options_chain *chain, const char *name, int unset);

/* A value of one of the provider options: "provider.work.base_url" from its pieces. */
const char *aic_options_provider(const struct aichat_options *options,
				 const char *provider, const char *what);

/* Walk what is set, in order of names, those with a prefix ("body.", "provider."). */
size_t aic_options_count(const struct aichat_options *options);
const char *aic_options_at(const struct aichat_options *options, size_t n,
			   const char **ret_value);

struct aichat_options *aic_options_copy(const struct aichat_options *options);
const struct aic_log *aic_options_log(const struct aichat_options *options);
void aic_options_set_log(struct aichat_options *options, const struct aic_log *log);
/* AICHAT_EINVAL when a conversation's or a send's bag has an option of the context. */
int aic_options_check_chat(const struct aichat_options *options, aichat_error **reterr);

/*
 * The bag as a JSON object of name: text, for a conversation's settings; and back, where
 * numbers, true and false may stand for their text and any value for a JSON option's;
 * null takes an option back.
 */
void aic_options_write(const struct aichat_options *options, struct aic_json_writer *w);
int aic_options_apply(const struct aic_json *doc, int object,
		      struct aichat_options *options, aichat_error **reterr);
int aic_options_read(const struct aic_json *doc, int object,
		     struct aichat_options **ret_options, aichat_error **reterr);
