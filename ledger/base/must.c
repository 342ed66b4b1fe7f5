/*
 * must.c - how a broken assertion ends: one line on standard error, then abort.
 *
 * write(2) and not stdio: the heap or a stdio lock may be what is broken.
 */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void
must_failed(const char *cond, const char *file, int line, const char *func)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "must failed: %s (%s:%d, %s)\n", cond, file, line, func);
	if (n > 0) {
		size_t size = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

		if (write(STDERR_FILENO, text, size) < 0)
			abort();
	}
	abort();
}
