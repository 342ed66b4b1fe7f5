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
	size_t kept = 0, in_order = 1;

	if (l->bad)
		return false;
	while (in_order < l->count && l->at[in_order] >= l->at[in_order - 1])
		in_order++;
	if (in_order < l->count)
		qsort(l->at, l->count, sizeof(*l->at), ascending);
	for (size_t i = 0; i < l->count; i++)
		if (i == 0 || l->at[i] != l->at[i - 1])
			l->at[kept++] = l->at[i];
	l->count = kept;
	return true;
}

bool
list_merge(struct index_list *l, const uint32_t *more, size_t count)
{
	size_t a, b = count, at;

	if (!list_sort(l))
		return false;
	a = l->count;
	at = a + count;
	if (at > l->room) {
		uint32_t *room = realloc(l->at, at * sizeof(*room));

		if (room == NULL) {
			l->bad = true;
			return false;
		}
		l->at = room;
		l->room = at;
	}
	l->count = at;
	/* From the back, so that nothing is written over before it was read. */
	while (b > 0)
		l->at[--at] = a > 0 && l->at[a - 1] > more[b - 1] ? l->at[--a] : more[--b];
	return list_sort(l);
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
