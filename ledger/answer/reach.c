/*
 * reach.c - see reach.h.
 *
 * Levels: 'next' runs through the queue while expansion appends; where a level ends is remembered as a
 * place in the queue, so that depths cost no memory.  The clock is looked at by edges, not by tasks: one
 * task can have a million children.
 */
#include "answer/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define WORD	   64
#define LATE_EVERY 4096 /* edges between two looks at the clock */

enum rc
reach_open(struct reach *r, const struct facts_view *v, const struct budget *budget, uint32_t low,
    uint32_t high)
{
	must(low <= high && high <= v->size);
	*r = (struct reach){.v = v, .budget = budget, .low = low, .high = high, .complete = true};
	buf_init(&r->queue, 0);
	buf_init(&r->levels, 0);
	r->bits = calloc((high - low) / WORD + 1, sizeof(*r->bits));
	if (budget_late(budget))
		r->complete = false;
	return r->bits == NULL ? RC_NO_MEMORY : RC_OK;
}

void
reach_close(struct reach *r)
{
	free(r->bits);
	free(r->ranks);
	buf_release(&r->queue);
	buf_release(&r->levels);
	r->bits = NULL;
	r->ranks = NULL;
}

size_t
reach_count(const struct reach *r)
{
	return r->queue.n / sizeof(uint32_t);
}

uint32_t
reach_nth(const struct reach *r, size_t i)
{
	must(i < reach_count(r));
	return ((const uint32_t *)(const void *)r->queue.p)[i];
}

bool
reach_has(const struct reach *r, uint32_t index)
{
	if (index < r->low || index >= r->high)
		return false;
	index -= r->low;
	return (r->bits[index / WORD] >> index % WORD & 1) != 0;
}

bool
reach_add(struct reach *r, uint32_t index)
{
	uint32_t i = index - r->low;

	if (!r->complete)
		return false;
	if (++r->edges % LATE_EVERY == 0 && budget_late(r->budget))
		return r->complete = false;
	if (index < r->low || index >= r->high || (r->bits[i / WORD] >> i % WORD & 1) != 0)
		return true;
	if (reach_count(r) >= r->budget->nodes_max)
		return r->complete = false;
	buf_add(&r->queue, &index, sizeof(index));
	if (r->queue.bad) {
		r->dead = true;
		return r->complete = false;
	}
	r->bits[i / WORD] |= UINT64_C(1) << i % WORD;
	return true;
}

static void
expand(struct reach *r, uint32_t index, bool down)
{
	const struct fact *t = fact(r->v, index);

	if (down) {
		uint32_t at = fact_child_first(r->v, t), c;

		while ((c = fact_child(r->v, &at)) != FACTS_NONE && reach_add(r, c))
			;
	} else {
		for (unsigned i = 0; i < t->parent_count; i++)
			if (!reach_add(r, fact_parent(r->v, t, i)))
				return;
	}
}

/* The queue's tasks from this place on are one step further. */
static void
begin_level(struct reach *r, size_t place)
{
	uint32_t at = (uint32_t)place;

	buf_add(&r->levels, &at, sizeof(at));
	r->dead = r->dead || r->levels.bad;
}

enum rc
reach_run(struct reach *r, bool down, unsigned depth_max, uint32_t until)
{
	size_t level_end = reach_count(r);
	unsigned depth = 0;

	for (size_t next = 0; next < reach_count(r) && r->complete; next++) {
		if (next == level_end) {
			begin_level(r, next);
			level_end = reach_count(r);
			depth++;
			if (until != FACTS_NONE && reach_has(r, until))
				break;
		}
		if (depth_max != 0 && depth >= depth_max)
			break; /* asked for no more: this is not the budget */
		expand(r, reach_nth(r, next), down);
	}
	if (level_end < reach_count(r))
		begin_level(r, level_end); /* it was cut while this level was reached */
	return r->dead ? RC_NO_MEMORY : RC_OK;
}

void
reach_depth(const struct reach *r, size_t i, uint32_t *depth)
{
	const uint32_t *begins = (const uint32_t *)(const void *)r->levels.p;

	while (*depth < r->levels.n / sizeof(*begins) && begins[*depth] <= i)
		++*depth;
}

uint32_t
reach_next(const struct reach *r, uint32_t from)
{
	uint32_t i = from < r->low ? 0 : from - r->low, words = (r->high - r->low) / WORD + 1;
	uint64_t word;

	if (from >= r->high)
		return FACTS_NONE;
	word = r->bits[i / WORD] & ~UINT64_C(0) << i % WORD;
	for (uint32_t w = i / WORD;;) {
		if (word != 0)
			return r->low + w * WORD + (uint32_t)__builtin_ctzll(word);
		if (++w >= words)
			return FACTS_NONE;
		word = r->bits[w];
	}
}

uint32_t
reach_before(const struct reach *r, uint32_t from)
{
	uint32_t i = (from > r->high ? r->high : from) - r->low, w = i / WORD;
	uint64_t word;

	if (from <= r->low)
		return FACTS_NONE;
	word = i % WORD == 0 ? 0 : r->bits[w] & ((UINT64_C(1) << i % WORD) - 1);
	for (;;) {
		if (word != 0)
			return r->low + w * WORD + (WORD - 1 - (uint32_t)__builtin_clzll(word));
		if (w-- == 0)
			return FACTS_NONE;
		word = r->bits[w];
	}
}

enum rc
reach_rank(struct reach *r)
{
	uint32_t words = (r->high - r->low) / WORD + 1, sum = 0;

	must(r->ranks == NULL);
	if ((r->ranks = malloc(words * sizeof(*r->ranks))) == NULL)
		return RC_NO_MEMORY;
	for (uint32_t w = 0; w < words; w++) {
		r->ranks[w] = sum;
		sum += (uint32_t)__builtin_popcountll(r->bits[w]);
	}
	return RC_OK;
}

size_t
reach_place(const struct reach *r, uint32_t index)
{
	uint32_t i = index - r->low;

	must(r->ranks != NULL && reach_has(r, index));
	return r->ranks[i / WORD] +
	       (uint32_t)__builtin_popcountll(r->bits[i / WORD] & ((UINT64_C(1) << i % WORD) - 1));
}
