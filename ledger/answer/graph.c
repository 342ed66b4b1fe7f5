/*
 * graph.c - the page of what a walk reached.
 *
 * The walk's bitmap gives the nodes in ascending order, and its ranks the place of a node, so nothing is
 * sorted but the parents of one task.  An edge is there when both its ends are, whichever way the walk
 * went, and travels with its child's page.
 */
#include "answer/graph.h"

#include <stdlib.h>

#include "base/must.h"

#define EDGES_PER_NODE 4 /* a page of n nodes has at most 4n edges, or one node */

struct page {
	const struct facts_view *v;
	const struct graph_page *ask;
	struct reach *r;
	const uint8_t *home; /* bit per workflow: of a task asked about; the last one is "none" */
	struct provenance_answer *out;
	size_t edge_room, edge_limit;
	size_t first; /* place of the page's first node among all */
};

static size_t
workflow_of(const struct page *p, const struct fact *t)
{
	return t->wid == FACTS_NONE ? facts_count(p->v, FACTS_WID) : t->wid;
}

static enum rc
mark_home(struct page *p, struct arena *arena)
{
	uint8_t *home = arena_zalloc(arena, facts_count(p->v, FACTS_WID) / 8 + 1);

	if (home == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < p->ask->roots; i++) {
		size_t wid = workflow_of(p, fact(p->v, reach_nth(p->r, i)));

		home[wid / 8] |= (uint8_t)(1 << wid % 8);
	}
	p->home = home;
	return RC_OK;
}

/* How many of its edges are in the graph. */
static size_t
edges_of(const struct page *p, const struct fact *t)
{
	size_t n = 0;

	for (unsigned i = 0; i < t->parent_count; i++)
		n += reach_has(p->r, fact_parent(p->v, t, i));
	return n;
}

/* Count all, and settle which nodes the page has. */
static void
measure(struct page *p)
{
	struct provenance_answer *a = p->out;
	bool open = false, closed = false;

	for (uint32_t at = reach_next(p->r, 0); at != FACTS_NONE; at = reach_next(p->r, at + 1)) {
		size_t n = edges_of(p, fact(p->v, at));

		a->edge_total += n;
		if (at < p->ask->from || closed)
			continue;
		if (!open)
			p->first = reach_place(p->r, at);
		open = true;
		if (a->node_count > 0 && p->ask->limit != 0 &&
		    (a->node_count == p->ask->limit || p->edge_room + n > p->edge_limit)) {
			a->next = at;
			closed = true;
			continue;
		}
		a->node_count++;
		p->edge_room += n;
	}
	a->node_total = reach_count(p->r);
}

static int
by_parent(const void *a, const void *b)
{
	const struct provenance_edge *x = a, *y = b;

	return (x->parent > y->parent) - (x->parent < y->parent);
}

static void
give_edges(struct page *p, uint32_t child)
{
	const struct fact *t = fact(p->v, child);
	struct provenance_answer *a = p->out;
	size_t first = a->edge_count;

	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t parent = fact_parent(p->v, t, i);

		if (reach_has(p->r, parent))
			a->edges[a->edge_count++] = (struct provenance_edge){
			    parent, child, fact(p->v, parent)->wid != t->wid};
	}
	qsort(a->edges + first, a->edge_count - first, sizeof(*a->edges), by_parent);
}

static void
give_nodes(struct page *p, uint64_t *rests_on)
{
	uint32_t at = reach_next(p->r, p->ask->from);

	for (size_t i = 0; i < p->out->node_count; i++, at = reach_next(p->r, at + 1)) {
		size_t wid = workflow_of(p, fact(p->v, at));

		p->out->nodes[i] = (struct provenance_node){
		    .index = at, .foreign = (p->home[wid / 8] >> wid % 8 & 1) == 0};
		rests_on[i] = at;
		give_edges(p, at);
	}
}

/* The queue is in the order of depth: a level at a time. */
static void
give_depths(struct page *p)
{
	struct provenance_answer *a = p->out;
	size_t count = reach_count(p->r);
	uint32_t depth = 0;

	for (size_t i = 0; p->ask->steps != NULL && i < a->node_count; i++)
		a->nodes[i].depth = p->ask->steps[p->first + i];
	if (p->ask->steps != NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		uint32_t index = reach_nth(p->r, i);
		size_t place = reach_place(p->r, index);

		reach_depth(p->r, i, &depth);
		if (place >= p->first && place - p->first < a->node_count)
			a->nodes[place - p->first].depth = depth;
	}
}

enum rc
graph_page(const struct graph_page *ask, struct arena *arena, struct provenance_answer *a)
{
	struct page p = {.v = ask->r->v,
	    .ask = ask,
	    .r = ask->r,
	    .out = a,
	    .edge_limit = ask->limit * EDGES_PER_NODE};
	uint64_t *rests_on;

	if (mark_home(&p, arena) != RC_OK)
		return RC_NO_MEMORY;
	measure(&p);
	a->nodes = arena_alloc(arena, (a->node_count + 1) * sizeof(*a->nodes));
	a->edges = arena_alloc(arena, (p.edge_room + 1) * sizeof(*a->edges));
	rests_on = arena_alloc(arena, (a->node_count + 1) * sizeof(*rests_on));
	if (a->nodes == NULL || a->edges == NULL || rests_on == NULL)
		return RC_NO_MEMORY;
	give_nodes(&p, rests_on);
	give_depths(&p);
	a->rests_on = rests_on;
	a->rests_on_count = a->node_count;
	return RC_OK;
}
