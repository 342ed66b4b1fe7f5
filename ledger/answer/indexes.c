/*
 * indexes.c - sorted, twins out.
 */
#include "answer/indexes.h"

#include <stdlib.h>

static int
by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool
indexes_give(struct buf *from, struct arena *arena, const uint64_t **out, size_t *count)
{
	size_t n = from->n / sizeof(uint64_t), kept = 0;
	uint64_t *list = from->bad ? NULL : arena_alloc(arena, (n + 1) * sizeof(*list));

	for (size_t i = 0; list != NULL && i < n; i++)
		list[i] = ((const uint64_t *)(const void *)from->p)[i];
	buf_release(from);
	*out = list;
	*count = 0;
	if (list == NULL)
		return false;
	qsort(list, n, sizeof(*list), by_value);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || list[kept - 1] != list[i])
			list[kept++] = list[i];
	*count = kept;
	return true;
}
