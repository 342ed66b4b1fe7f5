/*
 * walk.c - breadth first, iterative, every entry read once.
 *
 * The list of reached nodes is the queue: 'next' runs through it while expansion appends.  Each
 * entry is read when it is reached, checked against its leaf, and what the answer needs is taken
 * out of it; the parsed form is dropped at once.
 *
 * Up, the edges come from the entries' own parents, which are under the leaf hash.  Down, the index
 * says who the children are, and each child must name this parent itself.  A parent has a smaller
 * index: asserted on every node, so no cycle can exist and the walk ends.
 *
 * The budget: nodes_max and the deadline cut the walk, and the answer says so.  The arena's limit
 * does not: an answer that cannot be held is refused.
 */
#include "query/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "claim/kind.h"

#define SCRATCH_MAX   ((size_t)1 << 20)
#define CHILDREN_PAGE 1024
#define LATE_EVERY    64 /* nodes between two looks at the clock */

void
walk_init(struct walk *w, struct query_view *v, const struct budget *budget, bool down,
    unsigned depth_max, struct why *why)
{
	must(budget->arena != NULL);
	*w = (struct walk){.v = v,
	    .budget = budget,
	    .why = why,
	    .down = down,
	    .depth_max = depth_max,
	    .complete = true};
	arena_init(&w->scratch, SCRATCH_MAX);
	buf_init(&w->nodes, 0);
	buf_init(&w->parents, 0);
	numbers_init(&w->seen);
	names_init(&w->iss, budget->arena);
	names_init(&w->act, budget->arena);
	names_init(&w->domains, budget->arena);
}

void
walk_release(struct walk *w)
{
	arena_release(&w->scratch);
	buf_release(&w->nodes);
	buf_release(&w->parents);
	numbers_release(&w->seen);
	names_release(&w->iss);
	names_release(&w->act);
	names_release(&w->domains);
}

size_t
walk_count(const struct walk *w)
{
	return w->nodes.n / sizeof(struct walk_node);
}

struct walk_node *
walk_at(const struct walk *w, size_t i)
{
	must(i < walk_count(w));
	return (struct walk_node *)(void *)w->nodes.p + i;
}

const uint64_t *
walk_parents(const struct walk *w, const struct walk_node *n)
{
	if (n->parent_count == 0)
		return NULL;
	return (const uint64_t *)(const void *)w->parents.p + n->parents;
}

static enum rc
no_memory(struct walk *w)
{
	return why_set(w->why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the walk");
}

static enum rc
keep_parents(struct walk *w, const struct query_entry *e, struct walk_node *n)
{
	n->parents = w->parents.n / sizeof(uint64_t);
	n->parent_count = e->entry.parent_count;
	for (size_t i = 0; i < e->entry.parent_count; i++)
		if (e->entry.parents[i] >= e->index)
			return why_set(w->why, RC_CORRUPT, "a parent has a smaller index", "pred",
			    0, "entry %llu names %llu as a parent", (unsigned long long)e->index,
			    (unsigned long long)e->entry.parents[i]);
	buf_add(&w->parents, e->entry.parents, e->entry.parent_count * sizeof(uint64_t));
	return w->parents.bad ? no_memory(w) : RC_OK;
}

static enum rc
keep_node(struct walk *w, const struct query_entry *e, unsigned depth)
{
	struct walk_node n = {.node = {.index = e->index, .depth = depth}};
	const struct claim *c = &e->claim;
	enum rc rc;

	memcpy(n.node.jti, c->jti, UUID_SIZE);
	n.node.has_wid = c->has_wid;
	memcpy(n.node.wid, c->wid, UUID_SIZE);
	n.node.kind = c->kind->name;
	n.node.chain_level = query_chain_level(&e->entry);
	if (!names_keep(&w->iss, c->iss, &n.node.iss) ||
	    !names_keep(&w->act, c->act, &n.node.act) ||
	    !names_keep(&w->domains, c->trust_domain, &n.trust_domain))
		return no_memory(w);
	if ((rc = keep_parents(w, e, &n)) != RC_OK)
		return rc;
	buf_add(&w->nodes, &n, sizeof(n));
	if (w->nodes.bad || !numbers_add(&w->seen, e->index))
		return no_memory(w);
	return RC_OK;
}

enum token_level
query_chain_level(const struct entry *entry)
{
	return entry->flags & ENTRY_LOWER_PARENT ? LEVEL_1 : entry->level;
}

static bool
names_parent(const struct query_entry *e, uint64_t parent)
{
	for (size_t i = 0; i < e->entry.parent_count; i++)
		if (e->entry.parents[i] == parent)
			return true;
	return false;
}

/* Reach a node: read it once.  'from': the node that was expanded, UINT64_MAX for a root. */
static enum rc
reach(struct walk *w, uint64_t index, uint64_t from, unsigned depth)
{
	struct query_entry e;
	size_t count = walk_count(w);
	enum rc rc;

	if (!w->complete || numbers_find(&w->seen, index) != UINT32_MAX)
		return RC_OK;
	if (count >= w->budget->nodes_max || (count % LATE_EVERY == 0 && budget_late(w->budget))) {
		w->complete = false;
		return RC_OK;
	}
	arena_reset(&w->scratch);
	if ((rc = view_entry(w->v, index, &w->scratch, &e, w->why)) != RC_OK)
		return rc;
	if (e.entry.kind == ENTRY_EQUIVOCATION && w->down && from != UINT64_MAX)
		return RC_OK; /* it names the task whose id it took, and comes of nothing */
	if (e.entry.kind != ENTRY_TOKEN)
		return why_set(w->why, from == UINT64_MAX ? RC_NOT_FOUND : RC_CORRUPT,
		    "graphs are of tasks", NULL, 0, "entry %llu is no task",
		    (unsigned long long)index);
	if (w->down && from != UINT64_MAX && !names_parent(&e, from))
		return why_set(w->why, RC_CORRUPT, "the index agrees with the log", "pred", 0,
		    "the index calls %llu a child of %llu; its entry does not",
		    (unsigned long long)index, (unsigned long long)from);
	return keep_node(w, &e, depth);
}

static enum rc
expand_down(struct walk *w, uint64_t index, unsigned depth)
{
	uint64_t children[CHILDREN_PAGE], after = UINT64_MAX;
	size_t count = CHILDREN_PAGE;
	enum rc rc;

	while (count == CHILDREN_PAGE && w->complete) {
		rc = index_children(w->v->ids, index, after, children, CHILDREN_PAGE, &count);
		if (rc != RC_OK)
			return why_set(w->why, rc, "children index", NULL, 0, "%s", rc_text(rc));
		for (size_t i = 0; i < count; i++)
			if ((rc = reach(w, children[i], index, depth + 1)) != RC_OK)
				return rc;
		if (count > 0)
			after = children[count - 1];
	}
	return RC_OK;
}

static enum rc
expand_up(struct walk *w, size_t at, unsigned depth)
{
	const struct walk_node *n = walk_at(w, at);
	uint64_t index = n->node.index;
	size_t first = n->parents, count = n->parent_count;
	enum rc rc;

	/* By position: both lists may move while they grow. */
	for (size_t i = 0; i < count; i++) {
		uint64_t parent = ((const uint64_t *)(const void *)w->parents.p)[first + i];

		if ((rc = reach(w, parent, index, depth + 1)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc
walk_run(struct walk *w, const uint64_t *roots, size_t count)
{
	enum rc rc;

	for (size_t i = 0; i < count; i++)
		if ((rc = reach(w, roots[i], UINT64_MAX, 0)) != RC_OK)
			return rc;
	for (size_t next = 0; next < walk_count(w) && w->complete; next++) {
		const struct walk_node *n = walk_at(w, next);
		unsigned depth = n->node.depth;

		if (w->depth_max != 0 && depth >= w->depth_max)
			continue; /* asked for no more: this is not the budget */
		rc = w->down ? expand_down(w, n->node.index, depth) : expand_up(w, next, depth);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}
