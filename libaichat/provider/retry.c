/*
 * The rules that the official clients share: connection failures and the statuses below
 * are worth another attempt, the provider's own word beats them, and the wait is what it
 * asked for, else it doubles from half a second to eight, less a random quarter at most.
 * A wait that is longer than the caller's patience is not shortened: it would be in vain.
 */

#include <aichat/error.h>

#include "provider/retry.h"

#define FIRST_DELAY_MS 500.0
#define LAST_DELAY_MS 8000.0

static bool is_worth_it(const struct aic_retry_facts *facts)
{
	if (facts->never_retry)
		return false;
	if (facts->http_status == 0)
		return facts->code == AICHAT_ENETWORK || facts->code == AICHAT_ETIMEOUT;
	if (facts->should_retry >= 0)
		return facts->should_retry;
	switch (facts->http_status) {
	case 402: /* OpenRouter: credit that comes back by itself */
		return facts->retry_after_ms >= 0;
	case 408:
	case 409:
	case 429:
	case 498: /* Groq: no capacity for the flex tier */
		return true;
	default:
		return facts->http_status >= 500;
	}
}

int64_t aic_retry_delay_ms(const struct aic_retry_facts *facts, int64_t made,
			   int64_t max_retries, int64_t max_delay_ms, double random)
{
	double delay = FIRST_DELAY_MS;

	if (made >= max_retries || !is_worth_it(facts))
		return -1;
	if (facts->retry_after_ms >= 0)
		return facts->retry_after_ms <= max_delay_ms ? facts->retry_after_ms : -1;
	for (int64_t i = 0; i < made && delay < LAST_DELAY_MS; i++)
		delay *= 2;
	delay = AIC_MIN(delay, LAST_DELAY_MS) * (1 - 0.25 * random);
	return AIC_MIN((int64_t)delay, max_delay_ms);
}
