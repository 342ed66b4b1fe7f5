/*
 * undo.h - what has to be undone when some tasks were wrong: the walk that rollback sets and rollback
 * requests share.  Private to answer/.
 *
 * Linear in the entries and edges reached; the queue is an array of indexes and what was reached is a bit,
 * so nothing is allocated per entry.  Parents have smaller indexes than their children: reading the bits
 * from the top down is an order in which every task comes before what it depends on.
 */
#ifndef ANSWER_UNDO_H
#define ANSWER_UNDO_H

#include "answer/marks.h"
#include "base/budget.h"

enum undo_scope { UNDO_NODE, UNDO_FAILED, UNDO_CHECKPOINT, UNDO_FULL, UNDO_WORKFLOW };

/* Reused from set to set; zero it before the first. */
struct undo {
	struct facts_view view; /* the set at this size */
	uint64_t now_ms;	/* for the time to live of checkpoints */
	const struct budget *budget;
	struct marks in;     /* reached, records included: the set is the work among them */
	uint32_t low, high;  /* the least and the largest reached; low > high: none */
	uint32_t checkpoint; /* of UNDO_CHECKPOINT and UNDO_FULL; FACTS_NONE */
	size_t nodes;	     /* reached by the walk down */
	unsigned depth;	     /* the most hops that it took */
	bool complete;	     /* false: over the budget */
	/* private */
	struct marks up;
	uint32_t *queue;
	size_t queued, queue_room;
	uint32_t up_low, up_high;
};

/* A set of 'v'; what was reached before is forgotten.  'v' must not be larger than the one of the first call. */
enum rc undo_begin(
    struct undo *u, const struct facts_view *v, uint64_t now_ms, const struct budget *budget);
void undo_release(struct undo *u);

/* A checkpoint that can be returned to: it does not say that it cannot, and its time to live is not over. */
bool undo_usable(const struct undo *u, uint32_t index, struct arena *scratch);
/* The nearest one that these tasks rest on: fewest hops, then the larger index.  FACTS_NONE in *out: there is
 * none (or u->complete is false). */
enum rc undo_nearest(
    struct undo *u, const uint32_t *roots, size_t count, struct arena *scratch, uint32_t *out);
/* Reach everything of the scope.  'checkpoint' for UNDO_CHECKPOINT and UNDO_FULL; RC_NOT_FOUND when none of the tasks
 * rests on it.  The roots are always in. */
enum rc undo_run(struct undo *u, enum undo_scope scope, const uint32_t *roots, size_t count,
    uint32_t checkpoint);
/* Is the entry of the set: reached, and work? */
bool undo_has(const struct undo *u, uint32_t index);

#endif
