/*
 * import_otlp_order.c - spans so that parents and targets of links come first.
 *
 * Telemetry may lie: a span can be its own ancestor.  First the cycles of parents are cut: spans are
 * walked upwards in the order of the file, and where a walk meets itself that span loses its parent.
 * Parents are a forest then, and Kahn's order runs over parents and links together.  When nothing is
 * ready any more, the first span whose parent is placed loses its links to spans that are not, so that
 * it goes on: there is always such a span.  All that was dropped is counted.
 *
 * What is dropped follows from the file alone.  Every edge is looked at a fixed number of times: linear
 * for hostile files too.
 */
#include <stdlib.h>

#include "base/must.h"
#include "import_otlp.h"

struct work {
	struct otlp *t;
	uint32_t *order; /* placed, then ready ones */
	size_t ready;
	uint32_t *from; /* where the edges out of a span begin; count + 1 of them */
	uint32_t *edge; /* i: the parent's edge to span i; count + k: that of link k to its owner */
	uint32_t *waits; /* edges into a span that are neither placed nor dropped */
	uint32_t *half;	 /* spans whose parent is placed */
	size_t half_count;
	bool *placed;
};

static bool
cut_parents(struct otlp *t)
{
	uint32_t *walk = calloc(t->count + 1, sizeof *walk);

	if (walk == NULL)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		uint32_t at = i;

		while (at != OTLP_NONE && walk[at] == 0) {
			walk[at] = i + 1;
			at = t->spans[at].parent;
		}
		if (at != OTLP_NONE && walk[at] == i + 1) {
			t->spans[at].parent = OTLP_NONE;
			t->spans[at].has_parent = false;
			t->cycles++;
		}
	}
	free(walk);
	return true;
}

/* Call 'visit' for each edge of the graph: (from, number). */
static void
edges_each(struct work *w, void (*visit)(struct work *w, uint32_t from, uint32_t to, uint32_t edge))
{
	const struct otlp *t = w->t;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct otlp_span *s = &t->spans[i];

		if (s->parent != OTLP_NONE)
			visit(w, s->parent, i, i);
		for (uint32_t k = s->links_at; k < s->links_at + s->links; k++)
			if (t->links[k].span != OTLP_NONE)
				visit(w, t->links[k].span, i, (uint32_t)t->count + k);
	}
}

static void
edge_count(struct work *w, uint32_t from, uint32_t to, uint32_t edge)
{
	(void)edge;
	w->from[from + 1]++;
	w->waits[to]++;
}

static void
edge_put(struct work *w, uint32_t from, uint32_t to, uint32_t edge)
{
	(void)to;
	w->edge[w->from[from]++] = edge;
}

/* An edge into 'i' is done with. */
static void
settle(struct work *w, uint32_t i)
{
	must(w->waits[i] > 0);
	if (--w->waits[i] == 0)
		w->order[w->ready++] = i;
}

static void
place(struct work *w, uint32_t i)
{
	struct otlp *t = w->t;

	w->placed[i] = true;
	for (uint32_t at = w->from[i]; at < w->from[i + 1]; at++) {
		const uint32_t e = w->edge[at];

		if (e < t->count) {
			w->half[w->half_count++] = e;
			settle(w, e);
		} else if (!t->links[e - t->count].dropped) {
			settle(w, t->links[e - t->count].owner);
		}
	}
}

static void
drop_links(struct work *w, uint32_t i)
{
	struct otlp *t = w->t;
	const struct otlp_span *s = &t->spans[i];

	for (uint32_t k = s->links_at; k < s->links_at + s->links; k++) {
		struct otlp_link *link = &t->links[k];

		if (link->span == OTLP_NONE || link->dropped || w->placed[link->span])
			continue;
		link->dropped = true;
		t->cycles++;
		settle(w, i);
	}
}

static void
run(struct work *w)
{
	const size_t count = w->t->count;
	size_t done = 0, next = 0;

	for (uint32_t i = 0; i < count; i++)
		if (w->t->spans[i].parent == OTLP_NONE) {
			w->half[w->half_count++] = i;
			if (w->waits[i] == 0)
				w->order[w->ready++] = i;
		}
	while (done < count) {
		while (done < w->ready)
			place(w, w->order[done++]);
		while (done < count && w->ready == done) {
			must(next < w->half_count); /* parents are a forest */
			if (!w->placed[w->half[next]])
				drop_links(w, w->half[next]);
			next++;
		}
	}
}

bool
otlp_order(struct otlp *t, uint32_t *order)
{
	const size_t n = t->count + 1;
	struct work w = {.t = t,
	    .order = order,
	    .from = calloc(n + 1, sizeof *w.from),
	    .edge = calloc(n + t->link_count, sizeof *w.edge),
	    .waits = calloc(n, sizeof *w.waits),
	    .half = calloc(n, sizeof *w.half),
	    .placed = calloc(n, sizeof *w.placed)};
	bool ok = w.from != NULL && w.edge != NULL && w.waits != NULL && w.half != NULL &&
		  w.placed != NULL && cut_parents(t);

	if (ok) {
		edges_each(&w, edge_count);
		for (size_t i = 1; i < n; i++)
			w.from[i] += w.from[i - 1];
		/* Putting moves every begin to its end, which is where the next one begins. */
		edges_each(&w, edge_put);
		for (size_t i = n - 1; i > 0; i--)
			w.from[i] = w.from[i - 1];
		w.from[0] = 0;
		run(&w);
	}
	free(w.from);
	free(w.edge);
	free(w.waits);
	free(w.half);
	free(w.placed);
	return ok;
}
