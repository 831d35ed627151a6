#ifndef AICHAT_MODEL_H
#define AICHAT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Models: what the catalog knows, and what a name means.
 *
 * A model that is not in the catalog works too; its figures are then unknown.
 */

/** A context: one store and one engine, seen by one owner. */
typedef struct aichat aichat;
/** A model of the catalog, or what a name meant; counted references. */
typedef struct aichat_model aichat_model;

/** What a model can do, one bit each. */
enum aichat_ability {
	AICHAT_ABILITY_TOOLS = 1,
	AICHAT_ABILITY_IMAGES = 2,
	AICHAT_ABILITY_REASONING = 4,
	AICHAT_ABILITY_SCHEMA = 8, /**< replies bound to a JSON schema */
	AICHAT_ABILITY_AUDIO = 16,
	AICHAT_ABILITY_DOCUMENTS = 32
};

/** Which price. */
enum aichat_price_kind {
	AICHAT_PRICE_INPUT = 1,
	AICHAT_PRICE_CACHED = 2,
	AICHAT_PRICE_CACHE_WRITE = 3,
	AICHAT_PRICE_OUTPUT = 4
};

/**
 * The n-th model of the catalog.
 *
 * @param ai         a context
 * @param n          from 0
 * @param ret_model  set on success; caller owns: aichat_model_unref()
 * @return 0, or
 *   AICHAT_ENOTFOUND  past the last
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_model_at(aichat *ai, size_t n, aichat_model **ret_model);

/**
 * What a name means: PROVIDER/MODEL, a model's name, an alias, or a provider's name
 * for its default model.
 *
 * @param ai         a context
 * @param name       NUL-terminated
 * @param ret_model  set on success; caller owns: aichat_model_unref()
 * @param reterr     may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EMODEL   no model has that name, or several have and the line lists them
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_model_find(aichat *ai, const char *name, aichat_model **ret_model,
				 aichat_error **reterr);

/**
 * The model to use when none is named: the option `model`, else that of the first
 * provider with a key, else one of an Ollama or llama-server on this machine that
 * answers within 50 ms, else the built-in `echo`, which repeats what it is told.
 *
 * @param ai        a context
 * @param ret_name  set on success; PROVIDER/MODEL; caller owns: aichat_free()
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EMODEL   the option names no model
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: network, at most 50 ms.   Since: 0.1
 */
AICHAT_API int aichat_model_choose(aichat *ai, char **ret_name, aichat_error **reterr);

/**
 * Give a reference back.
 *
 * @param model  may be NULL
 * @return NULL
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_model *aichat_model_unref(aichat_model *model);

/**
 * The model's full name.
 *
 * @param model  a model
 * @return PROVIDER/MODEL, borrowed from @p model
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_model_name(const aichat_model *model);

/**
 * Whether it can be asked: its provider needs no key, or has one.
 *
 * @param model  a model
 * @return 1 or 0
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_model_is_ready(const aichat_model *model);

/**
 * How much it can read, the reply included.
 *
 * @param model  a model
 * @return tokens; -1 if it is not known
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_model_context_tokens(const aichat_model *model);

/**
 * How much it can write in one reply.
 *
 * @param model  a model
 * @return tokens; -1 if it is not known
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_model_output_tokens(const aichat_model *model);

/**
 * What it can do.
 *
 * @param model  a model
 * @return bits of enum aichat_ability; 0 if it is not known
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API uint32_t aichat_model_abilities(const aichat_model *model);

/**
 * One of its prices.
 *
 * @param model  a model
 * @param kind   enum aichat_price_kind
 * @return 10^-9 US dollars a token; -1 if it is not known
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_model_price_nano_usd(const aichat_model *model, int kind);

/**
 * The day of the prices.
 *
 * @param model  a model
 * @return such as "2026-11-20"; NULL if there are none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_model_priced_on(const aichat_model *model);

#ifdef __cplusplus
}
#endif

#endif
