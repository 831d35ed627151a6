#ifndef AICHAT_DIALECT_H
#define AICHAT_DIALECT_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>
#include <aichat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Requests in the words of others: what a gateway is made of.
 *
 * An **exchange** is one request in a caller's dialect, answered by any provider in the
 * same dialect; nothing of it is stored. The dialects are `openai-chat` (Chat
 * Completions) and `anthropic-messages` (Messages).
 *
 * Where the provider speaks the caller's dialect, the caller's bytes go to it as they
 * came, but for the model's name and what asks for the usage of a stream, and the
 * provider's bytes come back as they came. Else request and answer are translated:
 * docs/gateway.md says what is carried, and what is left out. Of the caller's headers
 * only those given to aichat_exchange_set_header() are passed on.
 *
 * The order of calls: open, perhaps set_header, start, then next until it says 0 or
 * fails, the figures, free. Only cancel may come from another thread.
 */

/** One request of a caller, and its answer. */
typedef struct aichat_exchange aichat_exchange;

/** What is asked. */
enum aichat_exchange_kind {
	AICHAT_EXCHANGE_REPLY = 1,        /**< a reply: chat/completions, messages */
	AICHAT_EXCHANGE_COUNT_TOKENS = 2, /**< messages/count_tokens */
	AICHAT_EXCHANGE_EMBEDDINGS = 3    /**< embeddings */
};

/**
 * Read a caller's request. Nothing is sent.
 *
 * @param ai            a context
 * @param kind          enum aichat_exchange_kind
 * @param dialect       "openai-chat" or "anthropic-messages"
 * @param body          the JSON of the request, copied
 * @param body_len      bytes in @p body
 * @param ret_exchange  set on success; caller owns: aichat_exchange_free()
 * @param reterr        may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EJSON      no JSON, or not that of such a request, or a model's name of more
 *                     than 255 bytes; the line says where
 *   AICHAT_EUTF8      not UTF-8
 *   AICHAT_ETOOLARGE  more than 64 MiB; nested too deeply; or too many values: over
 *                     400,000, and over one for 16 bytes
 *   AICHAT_EMODEL     no model has that name
 *   AICHAT_EKEY       its provider has no key
 *   AICHAT_ECONFIG    its provider has no address
 *   AICHAT_EREQUEST   the model's provider cannot do what is asked
 *   AICHAT_EINVAL     no such dialect or kind
 *   AICHAT_ENOMEM, AICHAT_ECLOSED, AICHAT_EFORK
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_open(aichat *ai, int kind, const char *dialect,
				    const char *body, size_t body_len,
				    aichat_exchange **ret_exchange,
				    aichat_error **reterr);

/**
 * Pass on one of the caller's headers: `anthropic-version` or `anthropic-beta`. They go
 * out where the provider speaks the caller's dialect.
 *
 * @param exchange  open, not started
 * @param name      in any case
 * @param value     visible ASCII and blanks, at most 1,024 bytes
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL  another header, or a value that is none
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_set_header(aichat_exchange *exchange, const char *name,
					  const char *value, aichat_error **reterr);

/**
 * The model that answers.
 *
 * @param exchange  an exchange
 * @return PROVIDER/MODEL, borrowed from @p exchange
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_exchange_model(const aichat_exchange *exchange);

/**
 * Whether the answer is a stream of server-sent events.
 *
 * @param exchange  an exchange
 * @return 1 or 0
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_is_stream(const aichat_exchange *exchange);

/**
 * About how many tokens the request has: the bytes of what the model reads (messages,
 * system prompt, tools, input) as JSON, divided by four and rounded up; a string of more
 * than 1 KiB that is base64 or a data: URL counts as 1,600 tokens instead.
 *
 * @param exchange  an exchange
 * @return tokens
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_exchange_input_estimate(const aichat_exchange *exchange);

/**
 * The most tokens that the answer may have: what the request says, else what the catalog
 * knows of the model, at most 32,000, else 4,096; for each of the answers asked for.
 *
 * @param exchange  an exchange
 * @return tokens; 0 if the kind writes none
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_exchange_output_limit(const aichat_exchange *exchange);

/**
 * Ask the provider. Everything else is told by aichat_exchange_next().
 *
 * @param exchange  open, not started
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_ESTATE    it was started before
 *   AICHAT_ECONFIG   an option of the provider makes no request
 *   AICHAT_ECANCELED, AICHAT_ECLOSED, AICHAT_EFORK, AICHAT_ENOMEM, AICHAT_ELIMIT
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_start(aichat_exchange *exchange, aichat_error **reterr);

/**
 * Take what there is of the answer: of a stream whole frames, as many as came; else the
 * whole document.
 *
 * Nothing is given before the provider's first content, so a failure up to then is a
 * result of this call and can be answered with a status of its own. A failure after
 * that is a last frame, in the form that the dialect has for it; what ends a stream in
 * the dialect is given only at the end of a whole reply.
 *
 * @param exchange    started
 * @param timeout_ms  how long to wait; 0 = not at all, -1 = for ever
 * @param ret_bytes   set when 1 is returned; borrowed until the next call
 * @param ret_len     bytes in @p ret_bytes
 * @param reterr      may be NULL; set on failure only: aichat_error_unref()
 * @return 1 with bytes; 0 when the answer is over, from then on always; or
 *   AICHAT_EAGAIN     nothing came in the time given
 *   AICHAT_ECANCELED  aichat_exchange_cancel() was called
 *   AICHAT_ECLOSED    the context was closed
 *   AICHAT_ESTATE     it was not started
 *   AICHAT_EFORK      it was made by another process
 *   AICHAT_ENOMEM
 *   what the provider failed with: AICHAT_ENETWORK, AICHAT_ETIMEOUT, AICHAT_ETLS,
 *   AICHAT_EPROTOCOL, AICHAT_EINTERRUPTED, AICHAT_ETOOLARGE, AICHAT_EAUTH, AICHAT_EKEY,
 *   AICHAT_ERATELIMIT, AICHAT_EQUOTA, AICHAT_EREQUEST, AICHAT_ECONTEXT, AICHAT_EFILTER,
 *   AICHAT_EMODEL, AICHAT_EPROVIDER, AICHAT_EOVERLOADED
 *
 * Threads: one at a time per object.   Blocks: network, at most @p timeout_ms.
 * Since: 0.1
 */
AICHAT_API int aichat_exchange_next(aichat_exchange *exchange, int64_t timeout_ms,
				    const char **ret_bytes, size_t *ret_len,
				    aichat_error **reterr);

/**
 * The caller has been sent the head of a stream before anything came: from here on a
 * failure is a frame. Changes nothing where the answer is no stream.
 *
 * @param exchange  an exchange
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_exchange_set_begun(aichat_exchange *exchange);

/**
 * Whether nothing comes after what aichat_exchange_next() gave last: the figures below
 * are final, and can be booked before the last bytes go out.
 *
 * @param exchange  an exchange
 * @return 1 or 0
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_is_over(aichat_exchange *exchange);

/**
 * End it: the connection to the provider is closed at once. Nothing if it is over.
 *
 * @param exchange  an exchange
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API void aichat_exchange_cancel(aichat_exchange *exchange);

/**
 * How it ended.
 *
 * @param exchange  over, or failed
 * @return 0 for a whole answer, else the code of what went wrong
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_result(const aichat_exchange *exchange);

/**
 * What was used. Where the provider was asked and said nothing of it, or not all, because
 * the answer was cut off, it is estimated: the request as
 * aichat_exchange_input_estimate(), the answer as its text's bytes divided by four.
 *
 * @param exchange  over, or failed
 * @param kind      enum aichat_usage_kind of <aichat/message.h>
 * @return tokens; -1 if it is not known, and if nothing was used
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_exchange_usage(const aichat_exchange *exchange, int kind);

/**
 * Whether aichat_exchange_usage() is estimated, in whole or in part.
 *
 * @param exchange  over, or failed
 * @return 1 or 0
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_is_estimated(const aichat_exchange *exchange);

/**
 * What it cost by the catalog's prices.
 *
 * @param exchange  over, or failed
 * @return 10^-9 US dollars; -1 if the usage or a price is not known
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int64_t aichat_exchange_cost_nano_usd(const aichat_exchange *exchange);

/**
 * Why the reply ended.
 *
 * @param exchange  over, or failed
 * @return enum aichat_stop_reason of <aichat/message.h>; 0 if it did not end by itself
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_exchange_stop_reason(const aichat_exchange *exchange);

/**
 * The provider's id of the request, for its support.
 *
 * @param exchange  one that gave bytes, or failed
 * @return borrowed from @p exchange; NULL if there was none
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_exchange_request_id(const aichat_exchange *exchange);

/**
 * Give it back; one that still runs is cancelled.
 *
 * @param exchange  may be NULL
 * @return NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_exchange *aichat_exchange_free(aichat_exchange *exchange);

/**
 * An error in the words of a dialect.
 *
 * @param dialect     "openai-chat" or "anthropic-messages"
 * @param error       any error
 * @param ret_status  set on success: the HTTP status that goes with it
 * @param ret_json    set on success: the body; caller owns: aichat_free()
 * @param ret_len     set on success: bytes in it
 * @return 0, or
 *   AICHAT_EINVAL  no such dialect, or no error
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_dialect_error(const char *dialect, const aichat_error *error,
				    int *ret_status, char **ret_json, size_t *ret_len);

/**
 * What `x-should-retry` says of an error. What a provider failed with was tried again
 * here already, so another try by the caller would multiply; only a limit of speed with
 * a time to wait for, and a context that is being closed, are worth one.
 *
 * @param error  any error
 * @return 1 or 0
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_dialect_should_retry(const aichat_error *error);

/**
 * The models that can be asked, as the dialect lists them: aliases, the default models
 * of configured providers, and the catalog's models of every provider that is ready. A
 * model goes by its bare name where that is enough, else as PROVIDER/MODEL. When a model
 * was made is not known: 1970-01-01.
 *
 * @param ai        a context
 * @param dialect   "openai-chat" or "anthropic-messages"
 * @param after     only those behind this one of the list; NULL for all
 * @param before    only those before this one, and of them the last; NULL for all
 * @param limit     at most so many; 0 for all
 * @param ret_json  set on success: the document; caller owns: aichat_free()
 * @param ret_len   set on success: bytes in it
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL  no such dialect; no such model in the list, or both are named
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_dialect_models(aichat *ai, const char *dialect, const char *after,
				     const char *before, size_t limit, char **ret_json,
				     size_t *ret_len, aichat_error **reterr);

/**
 * One model, as the dialect tells of it.
 *
 * @param ai        a context
 * @param dialect   "openai-chat" or "anthropic-messages"
 * @param name      any name that aichat_model_find() takes
 * @param ret_json  set on success: the document; caller owns: aichat_free()
 * @param ret_len   set on success: bytes in it
 * @param reterr    may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EMODEL  no model has that name, or its provider is not ready
 *   AICHAT_EINVAL  no such dialect
 *   AICHAT_ENOMEM
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_dialect_model(aichat *ai, const char *dialect, const char *name,
				    char **ret_json, size_t *ret_len,
				    aichat_error **reterr);

#ifdef __cplusplus
}
#endif

#endif
