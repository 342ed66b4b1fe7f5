/*
 * override_scope.c - work that was done in spite of an override.
 *
 * From the override's entry to that of its release.  A subgraph is walked as a bitmap in ascending
 * order: a child has a larger index than its parents, so one pass over the bits sees each entry after
 * whatever reaches it.
 */
#include <string.h>

#include "answer/overrides_own.h"

/* Is work of this agent stopped?  Who took over works on. */
static bool
is_stopped(const struct overrides *o, const struct command *c, uint32_t index)
{
	const struct fact *t = fact(o->v, index);

	if (!oversight_is_work(t) || (o->q->in_workflow && t->wid != o->q->wid))
		return false;
	return c->level != OVERRIDE_TAKEOVER || !oversight_commands(o->v, index);
}

static uint32_t
end_of(const struct overrides *o, const struct command *c)
{
	return c->release == FACTS_NONE ? o->v->size : c->release;
}

static bool
take(struct overrides *o, const struct command *c, uint32_t index, struct index_list *out)
{
	if (!is_stopped(o, c, index))
		return true;
	if (indexes_add(out, index, &o->scratch))
		return true;
	o->meter.no_memory = true;
	return false;
}

/* ---- what rests on the targets ---- */

static bool
by_node(struct overrides *o, const struct command *c, struct index_list *out)
{
	uint32_t end = end_of(o, c);

	for (size_t i = 0; i < c->tasks.n; i++) {
		uint32_t at = fact_child_first(o->v, fact(o->v, c->tasks.p[i])), child;

		while ((child = fact_child(o->v, &at)) != FACTS_NONE && child > c->index) {
			if (!meter_spend(&o->meter))
				return false;
			if (child < end && !take(o, c, child, out))
				return false;
		}
	}
	return true;
}

static bool
reach_clear(struct overrides *o, uint32_t from, uint32_t end)
{
	size_t words = ((size_t)end - from) / 64 + 1;

	if (words > o->reach_words) {
		if ((o->reach = arena_alloc(&o->scratch, words * sizeof(*o->reach))) == NULL) {
			o->meter.no_memory = true;
			return false;
		}
		o->reach_words = words;
	}
	memset(o->reach, 0, words * sizeof(*o->reach));
	return true;
}

/* Mark the children of a marked entry. */
static bool
mark_children(struct overrides *o, uint32_t from, uint32_t end, uint32_t index)
{
	uint32_t at = fact_child_first(o->v, fact(o->v, index)), child;

	while ((child = fact_child(o->v, &at)) != FACTS_NONE) {
		if (!meter_spend(&o->meter))
			return false;
		if (child < end)
			o->reach[(child - from) / 64] |= UINT64_C(1) << ((child - from) % 64);
	}
	return true;
}

/* What rests on entries 'from' that are marked below 'end', in one pass. */
static bool
by_subgraph(struct overrides *o, const struct command *c, const struct index_list *tasks,
    struct index_list *out)
{
	uint32_t from, end = end_of(o, c);

	if (tasks->n == 0)
		return true;
	from = tasks->p[0];
	if (!reach_clear(o, from, end))
		return false;
	for (size_t i = 0; i < tasks->n; i++)
		if (!mark_children(o, from, end, tasks->p[i]))
			return false;
	for (size_t w = 0; w <= ((size_t)end - from) / 64; w++) {
		for (unsigned b = 0; b < 64; b++) {
			uint32_t index = from + (uint32_t)w * 64 + b;

			if (o->reach[w] >> b == 0)
				break;
			if ((o->reach[w] >> b & 1) == 0)
				continue;
			if (!mark_children(o, from, end, index) ||
			    (index > c->index && !take(o, c, index, out)))
				return false;
		}
	}
	return true;
}

/* ---- whole workflows, and agents ---- */

static bool
in_workflow(struct overrides *o, const struct command *c, uint32_t wid, struct index_list *out)
{
	uint32_t end = end_of(o, c);

	for (uint32_t at = facts_workflow_last(o->v, wid); at != FACTS_NONE && at > c->index;
	     at = fact(o->v, at)->in_workflow) {
		if (!meter_spend(&o->meter))
			return false;
		if (at < end && !take(o, c, at, out))
			return false;
	}
	return true;
}

/* The workflows of the override and of its targets, each once; a target of none stands for its subgraph. */
static bool
by_workflow(struct overrides *o, const struct command *c, struct index_list *out)
{
	struct index_list wids = {0}, loose = {0};
	uint32_t own = fact(o->v, c->index)->wid;

	if (own != FACTS_NONE && !indexes_add(&wids, own, &o->scratch))
		goto out;
	for (size_t i = 0; i < c->tasks.n; i++) {
		uint32_t wid = fact(o->v, c->tasks.p[i])->wid;

		if (!indexes_add(wid == FACTS_NONE ? &loose : &wids,
			wid == FACTS_NONE ? c->tasks.p[i] : wid, &o->scratch))
			goto out;
	}
	index_sort(&wids);
	for (size_t i = 0; i < wids.n; i++)
		if (!in_workflow(o, c, wids.p[i], out))
			return false;
	return by_subgraph(o, c, &loose, out);
out:
	o->meter.no_memory = true;
	return false;
}

/* The agent's work in the override's workflow; in the whole log when it was given in none. */
static bool
by_agents(struct overrides *o, const struct command *c, struct index_list *out)
{
	uint32_t own = fact(o->v, c->index)->wid, end = end_of(o, c);

	for (size_t i = 0; i < c->agents.n; i++) {
		uint32_t at = facts_issuer_last(o->v, c->agents.p[i]);

		for (; at != FACTS_NONE && at > c->index; at = fact(o->v, at)->of_issuer) {
			if (!meter_spend(&o->meter))
				return false;
			if (at < end && (own == FACTS_NONE || fact(o->v, at)->wid == own) &&
			    !take(o, c, at, out))
				return false;
		}
	}
	return true;
}

bool
override_breaches(struct overrides *o, const struct command *c, struct index_list *out)
{
	bool ok;

	*out = (struct index_list){0};
	if (!c->effective || !override_binds((enum override_code)c->level))
		return true;
	if (c->scope == SCOPE_NODE)
		ok = by_node(o, c, out);
	else if (c->scope == SCOPE_SUBGRAPH)
		ok = by_subgraph(o, c, &c->tasks, out);
	else if (c->agents.n > 0 && c->tasks.n == 0)
		ok = true; /* these agents, not the whole workflow */
	else
		ok = by_workflow(o, c, out);
	if (!ok || !by_agents(o, c, out))
		return false;
	index_sort(out);
	return true;
}
