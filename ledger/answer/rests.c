/*
 * rests.c - see rests.h.
 */
#include "answer/rests.h"

#include <stdlib.h>
#include <string.h>

#define RESTS_MIN 64

void
rests_init(struct rests *r, struct arena *arena)
{
	*r = (struct rests){.arena = arena};
}

void
rests_add(struct rests *r, uint64_t index)
{
	if (r->count == r->room) {
		size_t room = r->room == 0 ? RESTS_MIN : r->room * 2;
		uint64_t *items = r->bad ? NULL : arena_alloc(r->arena, room * sizeof(*items));

		if (items == NULL) {
			r->bad = true;
			return;
		}
		if (r->count > 0)
			memcpy(items, r->items, r->count * sizeof(*items));
		r->items = items;
		r->room = room;
	}
	r->items[r->count++] = index;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

bool
rests_end(struct rests *r)
{
	size_t kept = 0;

	if (r->bad)
		return false;
	if (r->count > 1)
		qsort(r->items, r->count, sizeof(*r->items), ascending);
	for (size_t i = 0; i < r->count; i++)
		if (kept == 0 || r->items[kept - 1] != r->items[i])
			r->items[kept++] = r->items[i];
	r->count = kept;
	return true;
}
