/*
 * budget.h - what one question may cost: tasks looked at, time, memory, and whether anybody waits
 * for the answer still.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>

#include "base/arena.h"

/* nodes_max and the deadline (0: none; CLOCK_MONOTONIC) cut an answer short, and so does
 * 'cancelled' (NULL: never) once it is true: nobody reads the answer then.  The arena's limit
 * refuses it (RC_NO_MEMORY). */
struct budget {
	size_t nodes_max;
	int64_t deadline_mono_us;
	struct arena *arena;
	const _Atomic bool *cancelled;
};
/* Is the time over, or the answer not wanted any more?  Looks at the clock: not once a node. */
bool budget_late(const struct budget *budget);

#endif
