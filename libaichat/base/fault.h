#pragma once

/*
 * Fault points: places in the code where a test build can be made to die, fail or wait.
 * AICHAT_FAULT="NAME:kill", "NAME:fail", "NAME:delay=MS", each with "@N" for the N-th
 * passage ("turn.before_commit:kill@3"); several are separated by commas. In release
 * builds nothing of this exists.
 */

#include "base/common.h"

#ifdef AIC_TEST_HOOKS
/* True when the point is to fail now. */
bool aic_fault(const char *name);
/* Instead of the environment; NULL goes back to it. */
void aic_fault_set(const char *faults);
#define AIC_FAULT(name) aic_fault(name)
#else
#define AIC_FAULT(name) false
#endif
