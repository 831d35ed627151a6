/**
 * @file
 * What Doxygen has to complain about.
 */

typedef struct aichat_bare aichat_bare;

/**
 * Refers to what is not there: @ref aichat_nowhere.
 *
 * @param other  not what it is called
 * @return 0, or
 *   AICHAT_ENOSUCH  a code that there is not
 */
int aichat_refers(int number);
