/*
 * path.h - how two tasks hang together: a shortest path, everything on any path, the nearest ancestors that
 * they share.  docs/PROVENANCE.md has the rules.
 *
 * A parent has a smaller index than its child, so of two tasks only the older can be the ancestor: it does
 * not matter which is named first.  And indexes are an order in which every parent comes before its
 * children, so distances need no queue once it is known who is above.
 */
#ifndef ANSWER_PATH_H
#define ANSWER_PATH_H

#include "answer/provenance.h"

struct path_answer {
	uint64_t tree_size;
	bool complete;		/* false: the budget was used up, and nothing is said */
	bool found;
	const uint32_t *path;	/* from the ancestor to the descendant, both included */
	size_t path_count;
	const uint64_t *rests_on; /* the path's entries, ascending */
};
/* A shortest path.  Of several: read from the descendant, always the parent with the smallest index.  A task has a
 * path of one task to itself.  RC_NOT_FOUND: not tasks of the view. */
enum rc answer_path(const struct facts_view *v, uint32_t a, uint32_t b, const struct budget *budget,
    struct path_answer *out, struct why *why);

/* All tasks on any path, as a graph, and paged like one; a node's depth is its distance from the ancestor.  No
 * path: no nodes.  A node is foreign when it is in another workflow than both ends. */
enum rc answer_paths(const struct facts_view *v, uint32_t a, uint32_t b, uint32_t from, size_t limit,
    const struct budget *budget, struct provenance_answer *out, struct why *why);

struct common_node {
	uint32_t index;
	uint32_t steps_a, steps_b; /* up from each */
};
struct common_answer {
	uint64_t tree_size;
	bool complete;		    /* false: the budget was used up, and nothing is said */
	uint64_t common_total;	    /* tasks above both; a task counts as above itself */
	uint64_t nearest_total;
	struct common_node *nearest; /* the page, newest first: above both, and above no other that is */
	size_t nearest_count;
	uint32_t next;		    /* 'below' of the next page; 0: there is none */
	const uint64_t *rests_on;   /* the page's entries and the two tasks, ascending */
	size_t rests_count;
};
/* 'below': only those with a smaller index (0: all). */
enum rc answer_common(const struct facts_view *v, uint32_t a, uint32_t b, uint32_t below, size_t limit,
    const struct budget *budget, struct common_answer *out, struct why *why);

#endif
