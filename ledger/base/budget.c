/*
 * budget.c - see budget.h.
 */
#include "base/budget.h"

#include "base/clock.h"

bool
budget_late(const struct budget *budget)
{
	struct clock clock = clock_real();

	if (budget->cancelled != NULL &&
	    atomic_load_explicit(budget->cancelled, memory_order_relaxed))
		return true;
	return budget->deadline_mono_us != 0 && clock_mono_us(&clock) > budget->deadline_mono_us;
}
