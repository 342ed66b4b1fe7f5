/*
 * walk.h - a breadth-first walk over the graph of tasks, up (parents) or down (children).  Private
 * to query/.
 */
#ifndef QUERY_WALK_H
#define QUERY_WALK_H

#include "query/table.h"
#include "query/view.h"

/* A task that the walk reached.  Texts live in the budget's arena. */
struct walk_node {
	struct query_node node;
	struct bytes trust_domain;
	size_t parents; /* where its parents begin in walk.parents */
	size_t parent_count;
};

struct walk {
	struct query_view *v;
	const struct budget *budget;
	struct why *why;
	bool down;
	unsigned depth_max; /* 0: none */
	bool complete;	    /* false once the budget was used up */
	struct arena scratch;
	struct buf nodes;   /* struct walk_node, in order of reaching: also the queue */
	struct buf parents; /* uint64_t */
	struct numbers seen;
	struct names iss, act, domains;
};

void walk_init(struct walk *w, struct query_view *v, const struct budget *budget, bool down,
    unsigned depth_max, struct why *why);
void walk_release(struct walk *w);
/* Walk from the roots; they have depth 0.  RC_OK also when the budget cut it short (complete is
 * false then). */
enum rc walk_run(struct walk *w, const uint64_t *roots, size_t count);

size_t walk_count(const struct walk *w);
struct walk_node *walk_at(const struct walk *w, size_t i);
const uint64_t *walk_parents(const struct walk *w, const struct walk_node *n);

#endif
