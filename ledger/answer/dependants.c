/*
 * dependants.c - the agent's tasks, newest first, and of each the children from after the moment.
 *
 * Children come newest first too, and receive times never decrease, so each list is left at the first that is
 * too old: the cost is that of the agent's own tasks and of what depends on them.
 */
#include "answer/dependants.h"

#include <stdlib.h>

#include "answer/reach.h"
#include "answer/rests.h"
#include "base/must.h"

#define LATE_EVERY 4096

struct depend {
	const struct facts_view *v;
	const struct budget *budget;
	uint32_t iss, from;
	size_t limit;
	struct reach set;    /* the dependants */
	uint32_t *agents;    /* dependants by issuer */
	uint32_t *workflows; /* and by workflow */
	uint8_t *part;	     /* bit per workflow: the agent has a task in it */
	struct buf page, names;
	struct rests rests;
	struct dependants_answer *out;
};

static bool
after(const struct depend *d, uint32_t index)
{
	return d->out->since_index == FACTS_NONE ||
	       (index > d->out->since_index && fact(d->v, index)->received_ms >= d->out->since_ms);
}

static void
settle_moment(
    const struct lifecycle *l, const struct lifecycle_agent *life, struct dependants_answer *out)
{
	out->since_index = FACTS_NONE;
	if (life == NULL)
		return;
	if (life->state == LIFE_RETIRED && l->now_ms >= life->retires_at_ms) {
		out->since_index = life->retire;
		out->since_ms = life->retires_at_ms;
	} else if (life->drain != FACTS_NONE) {
		out->since_index = life->drain;
		out->since_ms = life->draining_since_ms;
	}
}

/* ---- gathering ---- */

static bool
gather(struct depend *d)
{
	uint32_t at = facts_issuer_last(d->v, d->iss);

	for (size_t n = 0; at != FACTS_NONE; at = fact(d->v, at)->of_issuer) {
		const struct fact *t = fact(d->v, at);
		uint32_t edge = fact_child_first(d->v, t), c;

		if (n++ == d->budget->nodes_max || (n % LATE_EVERY == 0 && budget_late(d->budget)))
			return false;
		if (t->wid != FACTS_NONE)
			d->part[t->wid / 8] |= (uint8_t)(1 << t->wid % 8);
		while ((c = fact_child(d->v, &edge)) != FACTS_NONE && after(d, c))
			if (fact(d->v, c)->iss != d->iss && !reach_add(&d->set, c))
				return false;
	}
	return true;
}

/* Newest first, so turned round at the end. */
static bool
gather_own(struct depend *d, struct arena *arena)
{
	struct dependants_answer *a = d->out;
	uint32_t at = facts_issuer_last(d->v, d->iss), first = at, *own;

	for (; at != FACTS_NONE && after(d, at); at = fact(d->v, at)->of_issuer)
		a->own_total++;
	a->own_count = a->own_total < DEPENDANTS_NAMES_MAX ? a->own_total : DEPENDANTS_NAMES_MAX;
	if ((own = arena_alloc(arena, (a->own_count + 1) * sizeof(*own))) == NULL)
		return false;
	at = first;
	for (uint64_t i = a->own_total; i-- > 0; at = fact(d->v, at)->of_issuer) {
		if (i >= a->own_count)
			continue;
		own[i] = at;
		rests_add(&d->rests, at);
	}
	a->own = own;
	return true;
}

/* ---- giving ---- */

static int
by_parent(const void *a, const void *b)
{
	const struct dependant *x = a, *y = b;

	return (x->parent > y->parent) - (x->parent < y->parent);
}

static void
give_task(struct depend *d, uint32_t child)
{
	struct dependant met[CLAIM_PRED_MAX];
	const struct fact *t = fact(d->v, child);
	size_t n = 0;

	d->out->task_total++;
	d->agents[t->iss]++;
	if (t->wid != FACTS_NONE)
		d->workflows[t->wid]++;
	if (child < d->from || d->out->next != 0)
		return;
	if (d->page.n / sizeof(met[0]) >= d->limit) {
		d->out->next = child;
		return;
	}
	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t parent = fact_parent(d->v, t, i);

		if (fact(d->v, parent)->iss != d->iss)
			continue;
		met[n++] = (struct dependant){
		    child, parent, d->out->since_index != FACTS_NONE && after(d, parent)};
		rests_add(&d->rests, parent);
	}
	qsort(met, n, sizeof(met[0]), by_parent);
	buf_add(&d->page, met, n * sizeof(met[0]));
	rests_add(&d->rests, child);
}

/* Those with a count, the first so many of them. */
static bool
give_names(struct depend *d, const uint32_t *counts, uint32_t n, uint64_t *total,
    const struct dependants_name **list, size_t *count)
{
	struct bytes kept;

	buf_clear(&d->names);
	for (uint32_t i = 0; i < n; i++) {
		struct dependants_name name = {i, counts[i]};

		if (counts[i] != 0 && (*total)++ < DEPENDANTS_NAMES_MAX)
			buf_add(&d->names, &name, sizeof(name));
	}
	if (d->names.bad || !arena_dup(d->budget->arena, buf_bytes(&d->names), &kept))
		return false;
	*list = (const struct dependants_name *)(const void *)kept.p;
	*count = kept.n / sizeof(struct dependants_name);
	return true;
}

static bool
give_open(struct depend *d)
{
	uint32_t n = facts_count(d->v, FACTS_WID);
	struct bytes kept;

	buf_clear(&d->names);
	for (uint32_t i = 0; i < n; i++) {
		if ((d->part[i / 8] >> i % 8 & 1) == 0 || !after(d, facts_workflow_last(d->v, i)))
			continue;
		if (d->out->open_total++ < DEPENDANTS_NAMES_MAX)
			buf_add(&d->names, &i, sizeof(i));
	}
	if (d->names.bad || !arena_dup(d->budget->arena, buf_bytes(&d->names), &kept))
		return false;
	d->out->open = (const uint32_t *)(const void *)kept.p;
	d->out->open_count = kept.n / sizeof(uint32_t);
	return true;
}

static bool
give(struct depend *d)
{
	struct dependants_answer *a = d->out;
	struct bytes kept;

	for (uint32_t at = reach_next(&d->set, 0); at != FACTS_NONE;
	     at = reach_next(&d->set, at + 1))
		give_task(d, at);
	if (d->page.bad || !arena_dup(d->budget->arena, buf_bytes(&d->page), &kept))
		return false;
	a->tasks = (const struct dependant *)(const void *)kept.p;
	a->task_count = kept.n / sizeof(struct dependant);
	return give_names(d, d->agents, facts_count(d->v, FACTS_ISS), &a->agent_total, &a->agents,
		   &a->agent_count) &&
	       give_names(d, d->workflows, facts_count(d->v, FACTS_WID), &a->workflow_total,
		   &a->workflows, &a->workflow_count) &&
	       give_open(d);
}

/* False: no memory. */
static bool
run(struct depend *d, bool retired)
{
	uint32_t wids = facts_count(d->v, FACTS_WID);

	d->agents = calloc((size_t)facts_count(d->v, FACTS_ISS) + 1, sizeof(*d->agents));
	d->workflows = calloc((size_t)wids + 1, sizeof(*d->workflows));
	d->part = calloc(wids / 8 + 1, 1);
	if (d->agents == NULL || d->workflows == NULL || d->part == NULL ||
	    reach_open(&d->set, d->v, d->budget, 0, d->v->size) != RC_OK)
		return false;
	d->out->complete = gather(d) && d->set.complete;
	if (d->set.dead || (retired && !gather_own(d, d->budget->arena)))
		return false;
	return give(d);
}

enum rc
answer_dependants(const struct facts_view *v, uint32_t iss, const struct lifecycle *l,
    const struct lifecycle_agent *life, uint32_t from, size_t limit, const struct budget *budget,
    struct dependants_answer *out, struct why *why)
{
	struct depend d = {
	    .v = v, .budget = budget, .iss = iss, .from = from, .limit = limit, .out = out};
	bool ok = true;

	must(limit >= 1);
	*out = (struct dependants_answer){.tree_size = v->size, .complete = true};
	settle_moment(l, life, out);
	buf_init(&d.page, 0);
	buf_init(&d.names, 0);
	rests_init(&d.rests, budget->arena);
	if (out->since_index != FACTS_NONE)
		rests_add(&d.rests, out->since_index);
	if (iss != FACTS_NONE)
		ok = run(&d, life != NULL && life->state == LIFE_RETIRED);
	ok = rests_end(&d.rests) && ok;
	out->rests_on = d.rests.items;
	out->rests_on_count = d.rests.count;
	reach_close(&d.set);
	buf_release(&d.page);
	buf_release(&d.names);
	free(d.agents);
	free(d.workflows);
	free(d.part);
	return ok ? RC_OK : why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
}
