/*
 * reach.h - which tasks lie above or below others: a breadth-first walk over the facts.
 *
 * Linear in the tasks and edges that are met, whatever their shape: a bitmap over the indexes, the queue
 * that is also the list of what was reached, no recursion and nothing per task beside.  A parent has a
 * smaller index than its child, so the span of a walk is known before it begins.
 */
#ifndef ANSWER_REACH_H
#define ANSWER_REACH_H

#include "base/budget.h"
#include "facts/facts.h"

struct reach {
	const struct facts_view *v;
	const struct budget *budget;
	uint32_t low, high;	/* indexes in [low, high) can be reached; others are passed over */
	uint64_t *bits;		/* of index low + i */
	uint32_t *ranks;	/* reached ones before each word of 'bits'; reach_rank() makes them */
	struct buf queue;	/* uint32_t, in the order of reaching */
	struct buf levels;	/* uint32_t: where in the queue each depth begins, but the first */
	size_t edges;		/* looked at */
	bool complete;		/* false: the budget was used up, or (dead) there was no memory */
	bool dead;
};

/* 'high' at most the view's size.  RC_NO_MEMORY.  Always reach_close(). */
enum rc reach_open(struct reach *r, const struct facts_view *v, const struct budget *budget, uint32_t low,
    uint32_t high);
void reach_close(struct reach *r);
/* Reach a task, if it was not and is in the span.  False: the budget or memory is used up. */
bool reach_add(struct reach *r, uint32_t index);
/* From what has been added, nearest first; 'depth_max' steps at most (0: no limit).  'until' (FACTS_NONE: no
 * such): end with the level on which this one is reached.  RC_NO_MEMORY; the budget makes it incomplete. */
enum rc reach_run(struct reach *r, bool down, unsigned depth_max, uint32_t until);

size_t reach_count(const struct reach *r);
uint32_t reach_nth(const struct reach *r, size_t i); /* in the order of reaching */
/* Depths as one goes through the queue: begin with 0; give the places one after the other. */
void reach_depth(const struct reach *r, size_t i, uint32_t *depth);
bool reach_has(const struct reach *r, uint32_t index);
/* The next reached index at or behind 'from', ascending; FACTS_NONE: no more.  The last one below 'from'. */
uint32_t reach_next(const struct reach *r, uint32_t from);
uint32_t reach_before(const struct reach *r, uint32_t from);
/* From now on reach_place() knows how many were reached before this one (which must be reached).  Nothing
 * more may be added. */
enum rc reach_rank(struct reach *r);
size_t reach_place(const struct reach *r, uint32_t index);

#endif
