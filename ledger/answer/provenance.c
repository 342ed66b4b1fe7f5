/*
 * provenance.c - where the walk begins, the walk, then the page of what it reached.
 */
#include "answer/provenance.h"

#include "answer/graph.h"
#include "base/must.h"

static enum rc
no_memory(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
}

/* ---- where the walk begins ---- */

static enum rc
add_roots(struct reach *r, const struct provenance_ask *ask, struct why *why)
{
	const struct facts_view *v = r->v;

	if (ask->iss != FACTS_NONE) {
		uint32_t at = facts_issuer_last(v, ask->iss);

		for (; at != FACTS_NONE && reach_add(r, at); at = fact(v, at)->of_issuer)
			;
		return RC_OK;
	}
	for (size_t i = 0; i < ask->root_count; i++) {
		if (ask->roots[i] >= v->size || !fact_is_task(fact(v, ask->roots[i])))
			return why_set(why, RC_NOT_FOUND, "graphs are of tasks", NULL, 0,
			    "entry %lu is no task", (unsigned long)ask->roots[i]);
		(void)reach_add(r, ask->roots[i]);
	}
	return RC_OK;
}

/* [0, newest root] above, [oldest root, size) below. */
static void
span(const struct facts_view *v, const struct provenance_ask *ask, uint32_t *low, uint32_t *high)
{
	*low = 0;
	*high = v->size;
	if (ask->iss != FACTS_NONE)
		return;
	must(ask->root_count >= 1);
	*low = v->size;
	*high = 0;
	for (size_t i = 0; i < ask->root_count; i++) {
		if (ask->roots[i] < *low)
			*low = ask->roots[i];
		if (ask->roots[i] >= *high)
			*high = ask->roots[i] < v->size ? ask->roots[i] + 1 : v->size;
	}
	if (ask->down)
		*high = v->size;
	else
		*low = 0;
}

enum rc
answer_provenance(const struct facts_view *v, const struct provenance_ask *ask,
    const struct budget *budget, struct provenance_answer *out, struct why *why)
{
	struct reach r;
	struct graph_page page = {.r = &r, .from = ask->from, .limit = ask->limit};
	uint32_t low, high;
	enum rc rc = RC_OK;

	*out = (struct provenance_answer){.tree_size = v->size};
	span(v, ask, &low, &high);
	if (reach_open(&r, v, budget, low, high < low ? low : high) != RC_OK) {
		rc = no_memory(why);
		goto out;
	}
	if ((rc = add_roots(&r, ask, why)) != RC_OK)
		goto out;
	page.roots = reach_count(&r);
	if (reach_run(&r, ask->down, ask->depth_max, FACTS_NONE) != RC_OK ||
	    reach_rank(&r) != RC_OK || graph_page(&page, budget->arena, out) != RC_OK)
		rc = no_memory(why);
	out->complete = r.complete;

out:
	reach_close(&r);
	return rc;
}
