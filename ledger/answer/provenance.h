/*
 * provenance.h - what led to a task, to data or to an agent's work, or what came of it: the graph between
 * all tasks that are reached.  docs/PROVENANCE.md has the rules.
 */
#ifndef ANSWER_PROVENANCE_H
#define ANSWER_PROVENANCE_H

#include "base/budget.h"
#include "facts/facts.h"

struct provenance_ask {
	const uint32_t *roots; /* tasks; twins are fine */
	size_t root_count;
	uint32_t iss;	       /* instead: every task of this agent; FACTS_NONE: the roots */
	bool down;	       /* what came of them */
	unsigned depth_max;    /* 0: no limit but the budget */
	uint32_t from;	       /* the page begins with the first node at or behind this index */
	size_t limit;	       /* nodes of the page; 0: all */
};

struct provenance_node {
	uint32_t index;
	uint32_t depth; /* steps from the nearest task asked about */
	bool foreign;	/* in another workflow than every task asked about */
};
struct provenance_edge {
	uint32_t parent, child;
	bool foreign; /* from one workflow to another; "none" is a workflow here */
};

struct provenance_answer {
	uint64_t tree_size;
	bool complete;		/* false: the walk was cut, nearest tasks first */
	uint64_t node_total, edge_total; /* of the graph, whatever the page */
	struct provenance_node *nodes;	 /* ascending */
	size_t node_count;
	struct provenance_edge *edges; /* into the page's nodes; ascending (child, parent) */
	size_t edge_count;
	uint32_t next;		/* 'from' of the next page; 0: there is none */
	const uint64_t *rests_on; /* the page's entries: a task's entry names its parents */
	size_t rests_on_count;
};

/* RC_NOT_FOUND: a root is no task of the view. */
enum rc answer_provenance(const struct facts_view *v, const struct provenance_ask *ask,
    const struct budget *budget, struct provenance_answer *out, struct why *why);

#endif
