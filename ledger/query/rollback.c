/*
 * rollback.c - this task was wrong: what depends on it, and in which order is it undone.
 *
 * The set is the task and all its descendants; a join with one bad parent is in, whatever its other
 * parents.  Parents have smaller indexes than their children, so descending index undoes every task
 * before what it depends on: no sorting of the graph.  Records of the recovery itself hang below
 * the task too; they report on the set and are no work to undo, so they are left out.  What depends
 * on them is followed all the same: leaving too much out is the worse error.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "query/walk.h"

static bool
is_recovery(const struct query_node *n)
{
	static const char *const names[] = {
	    "failure", "rollback_request", "rollback_result", "compensation"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(n->kind, names[i]) == 0)
			return true;
	return false;
}

static int
by_index_descending(const void *a, const void *b)
{
	const struct query_node *x = a, *y = b;

	return (x->index < y->index) - (x->index > y->index);
}

/* How far the damage reaches: agents, workflows and trust domains of the tasks in the set. */
static enum rc
measure(const struct walk *w, uint64_t target, struct query_rollback *out)
{
	struct names agents, workflows, domains;
	struct arena arena;
	struct bytes kept;
	bool ok = true;

	arena_init(&arena, SIZE_MAX / 2);
	names_init(&agents, &arena);
	names_init(&workflows, &arena);
	names_init(&domains, &arena);
	for (size_t i = 0; ok && i < walk_count(w); i++) {
		const struct walk_node *n = walk_at(w, i);

		if (n->node.index != target && is_recovery(&n->node))
			continue;
		ok = names_keep(&agents, n->node.iss, &kept);
		/* A task outside every workflow touches none; an issuer of no known domain likewise. */
		if (ok && n->node.has_wid)
			ok = names_keep(&workflows, bytes_of(n->node.wid, UUID_SIZE), &kept);
		if (ok && n->trust_domain.n > 0)
			ok = names_keep(&domains, n->trust_domain, &kept);
	}
	out->agents = agents.count;
	out->workflows = workflows.count;
	out->trust_domains = domains.count;
	names_release(&agents);
	names_release(&workflows);
	names_release(&domains);
	arena_release(&arena);
	return ok ? RC_OK
		  : why_set(w->why, RC_NO_MEMORY, "memory", NULL, 0, "no room to count agents");
}

static enum rc
give_order(const struct walk *w, struct arena *arena, struct query_rollback *out)
{
	const struct query_node *target = &walk_at(w, 0)->node;
	size_t count = 0;

	must(target->index == out->target);
	out->order = arena_alloc(arena, walk_count(w) * sizeof(*out->order));
	if (out->order == NULL)
		return why_set(w->why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
	for (size_t i = 0; i < walk_count(w); i++) {
		const struct query_node *n = &walk_at(w, i)->node;

		if (i > 0 && is_recovery(n))
			continue; /* the task asked about is in, whatever it is */
		out->order[count] = *n;
		out->order[count].foreign =
		    n->has_wid != target->has_wid || memcmp(n->wid, target->wid, UUID_SIZE) != 0;
		count++;
	}
	out->count = count;
	out->tasks = count;
	qsort(out->order, count, sizeof(*out->order), by_index_descending);
	return RC_OK;
}

enum rc
query_rollback(struct query_view *v, uint64_t target, const struct budget *budget,
    struct query_rollback *out, struct why *why)
{
	struct walk w;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->target = target;
	out->tree_size = v->size;
	walk_init(&w, v, budget, true, 0, why);
	if ((rc = walk_run(&w, &target, 1)) != RC_OK)
		goto out;
	out->complete = w.complete;
	if (walk_count(&w) == 0)
		goto out; /* a budget of nothing */
	if ((rc = give_order(&w, budget->arena, out)) != RC_OK)
		goto out;
	rc = measure(&w, target, out);

out:
	walk_release(&w);
	return rc;
}
