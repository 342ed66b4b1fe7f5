/*
 * provenance.c - what led to a task, or what came of it; and which tasks touched a piece of data.
 *
 * The answer is the whole graph between the nodes that were reached: an edge is there when both its
 * ends are, and edges come from the entries alone, whichever way the walk went.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "query/walk.h"

#define HASH_PAGE 256

static int
by_index(const void *a, const void *b)
{
	const struct query_node *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static int
by_child_parent(const void *a, const void *b)
{
	const struct query_edge *x = a, *y = b;

	if (x->child != y->child)
		return x->child > y->child ? 1 : -1;
	return (x->parent > y->parent) - (x->parent < y->parent);
}

static bool
same_workflow(const struct query_node *a, const struct query_node *b)
{
	if (a->has_wid != b->has_wid)
		return false;
	return !a->has_wid || memcmp(a->wid, b->wid, UUID_SIZE) == 0;
}

static enum rc
too_large(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
}

static enum rc
give_nodes(const struct walk *w, struct arena *arena, struct query_graph *out)
{
	const struct query_node *asked;

	out->node_count = walk_count(w);
	out->nodes = arena_alloc(arena, out->node_count * sizeof(*out->nodes));
	if (out->nodes == NULL)
		return too_large(w->why);
	if (out->node_count == 0)
		return RC_OK;
	asked = &walk_at(w, 0)->node;
	for (size_t i = 0; i < out->node_count; i++) {
		out->nodes[i] = walk_at(w, i)->node;
		out->nodes[i].foreign = !same_workflow(asked, &out->nodes[i]);
	}
	qsort(out->nodes, out->node_count, sizeof(*out->nodes), by_index);
	return RC_OK;
}

static enum rc
give_edges(const struct walk *w, struct arena *arena, struct query_graph *out)
{
	size_t count = 0;

	/* Every parent of every node: an upper bound, and for whole graphs nearly exact. */
	out->edges = arena_alloc(arena, w->parents.n / sizeof(uint64_t) * sizeof(*out->edges));
	if (out->edges == NULL)
		return too_large(w->why);
	for (size_t i = 0; i < walk_count(w); i++) {
		const struct walk_node *n = walk_at(w, i);
		const uint64_t *parents = walk_parents(w, n);

		for (size_t k = 0; k < n->parent_count; k++)
			if (numbers_find(&w->seen, parents[k]) != UINT32_MAX)
				out->edges[count++] =
				    (struct query_edge){parents[k], n->node.index};
	}
	out->edge_count = count;
	qsort(out->edges, count, sizeof(*out->edges), by_child_parent);
	return RC_OK;
}

enum rc
query_provenance(struct query_view *v, const uint64_t *roots, size_t root_count, bool down,
    unsigned depth_max, const struct budget *budget, struct query_graph *out, struct why *why)
{
	struct walk w;
	enum rc rc;

	must(root_count >= 1);
	memset(out, 0, sizeof(*out));
	walk_init(&w, v, budget, down, depth_max, why);
	if ((rc = walk_run(&w, roots, root_count)) != RC_OK)
		goto out;
	out->root = roots[0];
	out->tree_size = v->size;
	out->down = down;
	out->complete = w.complete;
	if ((rc = give_nodes(&w, budget->arena, out)) != RC_OK)
		goto out;
	rc = give_edges(&w, budget->arena, out);

out:
	walk_release(&w);
	return rc;
}

/* ---- by hash ---- */

static bool
hash_is(const struct claim_hash *a, const struct claim_hash *b)
{
	return a->alg == b->alg && a->size == b->size && memcmp(a->b, b->b, a->size) == 0;
}

/* One candidate: the index knows 16 bytes of the hash, the entry all of it. */
static enum rc
try_hash(struct query_view *v, uint64_t index, const struct claim_hash *hash, struct arena *scratch,
    struct buf *found, struct why *why)
{
	struct query_entry e;
	enum rc rc;

	arena_reset(scratch);
	if ((rc = view_entry(v, index, scratch, &e, why)) != RC_OK)
		return rc;
	if (e.entry.kind != ENTRY_TOKEN)
		return RC_OK;
	if (hash_is(&e.claim.inp_hash, hash) || hash_is(&e.claim.out_hash, hash))
		buf_add(found, &index, sizeof(index));
	return found->bad ? too_large(why) : RC_OK;
}

/* All candidates, page by page, within the budget. */
static enum rc
try_hashes(struct query_view *v, const struct claim_hash *hash, const struct budget *budget,
    struct arena *scratch, struct buf *found, bool *complete, struct why *why)
{
	uint64_t page[HASH_PAGE], after = UINT64_MAX;
	size_t count = HASH_PAGE, tried = 0;
	enum rc rc;

	while (count == HASH_PAGE) {
		rc = index_by_hash(v->ids, hash->b, after, page, HASH_PAGE, &count);
		if (rc != RC_OK)
			return why_set(why, rc, "hash index", NULL, 0, "%s", rc_text(rc));
		for (size_t i = 0; i < count; i++) {
			if (tried++ >= budget->nodes_max) {
				*complete = false;
				return RC_OK;
			}
			if ((rc = try_hash(v, page[i], hash, scratch, found, why)) != RC_OK)
				return rc;
		}
		if (count > 0)
			after = page[count - 1];
		if (count == HASH_PAGE && budget_late(budget)) {
			*complete = false;
			return RC_OK;
		}
	}
	return RC_OK;
}

enum rc
query_by_hash(struct query_view *v, const struct claim_hash *hash,
    const struct budget *budget, uint64_t **out, size_t *count, bool *complete,
    struct why *why)
{
	struct arena scratch;
	struct bytes list;
	struct buf found;
	enum rc rc;

	must(hash->alg != CLAIM_HASH_NONE && hash->size >= UUID_SIZE);
	*out = NULL;
	*count = 0;
	*complete = true;
	arena_init(&scratch, (size_t)1 << 20);
	buf_init(&found, 0);
	rc = try_hashes(v, hash, budget, &scratch, &found, complete, why);
	if (rc != RC_OK)
		goto out;
	if (!arena_dup(budget->arena, buf_bytes(&found), &list)) {
		rc = too_large(why);
		goto out;
	}
	*out = (uint64_t *)(uintptr_t)list.p;
	*count = list.n / sizeof(uint64_t);

out:
	buf_release(&found);
	arena_release(&scratch);
	return rc;
}
