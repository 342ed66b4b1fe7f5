/*
 * list.c - indexes gathered, sorted once.
 */
#include "answer/list.h"

#include <stdlib.h>

#define LIST_FIRST 64

void
list_put(struct index_list *l, uint32_t index)
{
	if (l->bad)
		return;
	if (l->count == l->room) {
		size_t room = l->room == 0 ? LIST_FIRST : l->room * 2;
		uint32_t *more = realloc(l->at, room * sizeof(*more));

		if (more == NULL) {
			l->bad = true;
			return;
		}
		l->at = more;
		l->room = room;
	}
	l->at[l->count++] = index;
}

void
list_release(struct index_list *l)
{
	free(l->at);
	*l = (struct index_list){0};
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

bool
list_sort(struct index_list *l)
{
	size_t kept = 0;

	if (l->bad)
		return false;
	if (l->count > 1)
		qsort(l->at, l->count, sizeof(*l->at), ascending);
	for (size_t i = 0; i < l->count; i++)
		if (i == 0 || l->at[i] != l->at[i - 1])
			l->at[kept++] = l->at[i];
	l->count = kept;
	return true;
}

bool
list_take(struct index_list *l, struct arena *arena, uint64_t **out, size_t *count)
{
	*count = 0;
	if (!list_sort(l) || (*out = arena_alloc(arena, (l->count + 1) * sizeof(**out))) == NULL)
		return false;
	for (size_t i = 0; i < l->count; i++)
		(*out)[i] = l->at[i];
	*count = l->count;
	return true;
}
