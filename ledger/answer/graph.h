/*
 * graph.h - a page of a graph whose tasks have been reached.  Private to answer/.
 */
#ifndef ANSWER_GRAPH_H
#define ANSWER_GRAPH_H

#include "answer/provenance.h"
#include "answer/reach.h"

struct graph_page {
	struct reach *r;       /* ranked */
	const uint32_t *steps; /* of each task, by its place; NULL: by the queue's levels */
	size_t roots;	       /* the first so many of the queue are what was asked about */
	uint32_t from;
	size_t limit;	       /* 0: all */
};
/* Everything in 'out' but tree_size and complete.  RC_NO_MEMORY. */
enum rc graph_page(const struct graph_page *page, struct arena *arena, struct provenance_answer *out);

#endif
