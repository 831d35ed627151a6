/**
 * Three codes, on two lines.
 *
 * @return 0, or
 *   AICHAT_EJSON, AICHAT_EUTF8  not JSON
 *   AICHAT_ENOMEM
 *
 * Not AICHAT_EAGAIN, and not AICHAT_EVENT_DONE.
 */
AICHAT_API int aichat_one(const char *text, int number);

/**
 * Two codes.
 *
 * @return 0, or
 *   AICHAT_ECLOSED  over
 *   AICHAT_EFORK    elsewhere
 *   AICHAT_ENOMEM
 */
AICHAT_API int aichat_two(aichat *ai);
