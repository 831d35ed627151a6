#ifndef AICHAT_OPTIONS_H
#define AICHAT_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <aichat/error.h>
#include <aichat/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Options: a bag of named values.
 *
 * One table names every option with its type, range and default; the
 * configuration file, `aichat -o`, and the bindings read the same table. Some
 * names have a part of your choosing: `body.NAME` (raw JSON merged into the
 * request), `provider.NAME.base_url`, `alias.NAME`.
 *
 * Options are given to aichat_open() for everything, and to a single
 * conversation or send for that one: the nearest that sets a value wins. They
 * are copied where they are given, so the object may be changed or freed after.
 */

/** A bag of options. */
typedef struct aichat_options aichat_options;

/** The type of an option's value. */
enum aichat_option_type {
	AICHAT_OPTION_STRING = 1,
	AICHAT_OPTION_INT = 2,
	AICHAT_OPTION_NUMBER = 3,
	AICHAT_OPTION_BOOL = 4,
	AICHAT_OPTION_LIST = 5, /**< of strings, one a line */
	AICHAT_OPTION_JSON = 6
};

/**
 * Make an empty bag.
 *
 * @return caller owns: aichat_options_free(); NULL if memory is out
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_options *aichat_options_new(void);

/**
 * Free a bag.
 *
 * @param options  may be NULL
 * @return NULL
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API aichat_options *aichat_options_free(aichat_options *options);

/**
 * Set options from the members of a JSON object, such as
 * `{"model": "openai/gpt-5.6", "temperature": 0.2}`: text, numbers, true and false as
 * they are, of an option that is JSON any value; null takes the value back.
 *
 * @param options   a bag; on failure some may be set
 * @param json      an object
 * @param json_len  bytes in @p json; -1 if it is NUL-terminated
 * @param reterr    may be NULL; set on failure only, names the option:
 *                  aichat_error_unref()
 * @return 0, or
 *   AICHAT_EJSON    not JSON
 *   AICHAT_EUTF8    not UTF-8
 *   AICHAT_ETOOLARGE  beyond the limits of aichat_json_parse()
 *   AICHAT_EINVAL   not an object, no such option, or a value that does not fit
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_options_set_json(aichat_options *options, const char *json,
				       int64_t json_len, aichat_error **reterr);

/**
 * Set an option from text, as in a configuration file or on a command line.
 *
 * @param options    a bag
 * @param name       from the table, such as "temperature" or "body.top_k"
 * @param value      UTF-8; NULL takes the value back
 * @param value_len  bytes in @p value; -1 if it is NUL-terminated
 * @param reterr     may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   no such option (the nearest name is suggested), or the value does
 *                   not fit its type or range
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_options_set(aichat_options *options, const char *name,
				  const char *value, int64_t value_len,
				  aichat_error **reterr);

/**
 * Set an option that is a whole number.
 *
 * @param options  a bag
 * @param name     from the table
 * @param value    within the option's range
 * @param reterr   may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   no such option, another type, or out of range
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_options_set_int(aichat_options *options, const char *name,
				      int64_t value, aichat_error **reterr);

/**
 * Set an option that is a number.
 *
 * @param options  a bag
 * @param name     from the table
 * @param value    within the option's range
 * @param reterr   may be NULL; set on failure only: aichat_error_unref()
 * @return 0, or
 *   AICHAT_EINVAL   no such option, another type, or out of range
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_options_set_number(aichat_options *options, const char *name,
					 double value, aichat_error **reterr);

/**
 * The text of an option's value.
 *
 * @param options    a bag
 * @param name       from the table
 * @param ret_value  set on success; borrowed until the option is set again
 * @return 1 if it is set here, 0 if it is not and *ret_value is the default (NULL if
 *         there is none), or
 *   AICHAT_EINVAL   no such option
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_options_get(const aichat_options *options, const char *name,
				  const char **ret_value);

/**
 * Where an option's value came from: "FILE:LINE", "environment NAME", "set" or
 * "default".
 *
 * @param options  a bag
 * @param name     from the table
 * @return borrowed until the option is set again; NULL for no such option
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_options_origin(const aichat_options *options,
					     const char *name);

/**
 * The n-th option that is set, in order of names.
 *
 * @param options  a bag
 * @param n        from 0
 * @return its name, borrowed until an option is set; NULL past the last
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_options_name(const aichat_options *options, size_t n);

/**
 * Read the user's configuration file and environment into a bag. What is set in
 * the bag already stays.
 *
 * The file is optional unless @p path names one. The environment gives keys
 * (OPENAI_API_KEY and the like), base URLs (OPENAI_BASE_URL, ANTHROPIC_BASE_URL),
 * AICHAT_MODEL, AICHAT_STORE, and proxies (HTTPS_PROXY, NO_PROXY); it beats the file.
 *
 * @param options  a bag
 * @param path     a file; NULL for AICHAT_CONFIG, else aichat/aichat.conf in
 *                 XDG_CONFIG_HOME (~/.config)
 * @param reterr   may be NULL; set on failure only, names file and line:
 *                 aichat_error_unref()
 * @return 0, or
 *   AICHAT_ECONFIG  the file cannot be read or is not valid
 *   AICHAT_ENOMEM
 *
 * Threads: one at a time per object; reads the environment.   Blocks: storage.
 * Since: 0.1
 */
AICHAT_API int aichat_options_load(aichat_options *options, const char *path,
				   aichat_error **reterr);

/**
 * Set the hook that gets the library's log.
 *
 * @param options  a bag; the hook counts where it is given to aichat_open()
 * @param hook     NULL for none
 * @param user     handed to the hook
 * @param level    enum aichat_log_level: the least important that is wanted
 * @return 0, or
 *   AICHAT_EINVAL   no such level
 *
 * Threads: one at a time per object.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_options_set_log(aichat_options *options, aichat_log_hook hook,
				      void *user, int level);

/**
 * The name of the n-th option of the table.
 *
 * @param n  from 0
 * @return a static string, with `NAME` in place of a part of your choosing; NULL past
 *         the last
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_option_name(size_t n);

/**
 * The type of the n-th option of the table.
 *
 * @param n  from 0
 * @return enum aichat_option_type; 0 past the last
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API int aichat_option_type(size_t n);

/**
 * What the n-th option of the table is for, in one line.
 *
 * @param n  from 0
 * @return a static string; NULL past the last
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_option_help(size_t n);

/**
 * The default of the n-th option of the table.
 *
 * @param n  from 0
 * @return its text; NULL if it has none, and past the last
 *
 * Threads: any.   Blocks: no.   Since: 0.1
 */
AICHAT_API const char *aichat_option_default(size_t n);

#ifdef __cplusplus
}
#endif

#endif
