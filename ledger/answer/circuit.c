/*
 * circuit.c - every edge is replayed, those of the page are kept.
 */
#include "answer/circuit.h"

#include <stdlib.h>
#include <string.h>

#include "answer/circuit_own.h"
#include "base/must.h"

const char *
circuit_text(enum circuit_code state)
{
	static const char *const texts[] = {"", "closed", "open", "half_open"};

	must(state <= CIRCUIT_HALF_OPEN);
	return texts[state];
}

struct circuits {
	const struct facts_view *v;
	const struct circuit_question *q;
	const struct budget *budget;
	struct circuit_answer *out;
	struct circuit_calls calls;
	struct circuit_lists *lists;
	struct circuit_edge *edges;
	struct index_list window, rests_on;
	size_t room;
	bool full;
};

/* Larger numbers, later edges; never 0. */
static uint64_t
key_of(uint32_t from, uint32_t to)
{
	return ((uint64_t)from << 32 | to) + 1;
}

static bool
keep(struct circuits *c, const struct circuit_edge *e)
{
	struct arena *arena = c->budget->arena;
	struct circuit_edge *to = &c->edges[c->out->edge_count];
	struct bytes changes, reports;

	*to = *e;
	if (!arena_dup(
		arena, bytes_of(e->changes, e->change_count * sizeof(*e->changes)), &changes) ||
	    !arena_dup(
		arena, bytes_of(e->reports, e->report_count * sizeof(*e->reports)), &reports))
		return false;
	to->changes = (const struct circuit_change *)(const void *)changes.p;
	to->reports = (const struct circuit_report *)(const void *)reports.p;
	for (size_t i = 0; i < c->window.count; i++)
		list_put(&c->rests_on, c->window.at[i]);
	c->out->edge_count++;
	return !c->rests_on.bad;
}

static enum rc
one_edge(struct circuits *c, struct circuit_edge *e, size_t call, size_t calls, size_t told,
    size_t tolds)
{
	struct circuit_answer *out = c->out;
	enum rc rc;

	c->window.count = 0;
	rc = circuit_replay(c->v, calls == 0 ? NULL : c->calls.call + call, calls,
	    tolds == 0 ? NULL : c->calls.told + told, tolds, c->lists, e, &c->window);
	if (rc != RC_OK)
		return rc;
	out->edge_total++;
	out->open += e->state == CIRCUIT_OPEN;
	out->half_open += e->state == CIRCUIT_HALF_OPEN;
	if (key_of(e->from, e->to) <= c->q->after ||
	    (!c->q->all && e->change_total == 0 && e->report_total == 0))
		return RC_OK;
	if (out->edge_count == c->room) {
		if (!c->full && c->room > 0)
			out->next = key_of(c->edges[c->room - 1].from, c->edges[c->room - 1].to);
		c->full = true;
		return RC_OK;
	}
	return keep(c, e) ? RC_OK : RC_NO_MEMORY;
}

static enum rc
all_edges(struct circuits *c)
{
	const struct circuit_calls *x = &c->calls;
	size_t call = 0, told = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && (call < x->count || told < x->told_count)) {
		uint64_t a =
		    call < x->count ? key_of(x->call[call].from, x->call[call].to) : UINT64_MAX;
		uint64_t b = told < x->told_count ? key_of(x->told[told].from, x->told[told].to)
						  : UINT64_MAX;
		uint64_t key = a < b ? a : b;
		struct circuit_edge e = {
		    .from = (uint32_t)((key - 1) >> 32), .to = (uint32_t)(key - 1)};
		size_t n = 0, m = 0;

		while (call + n < x->count &&
		       key_of(x->call[call + n].from, x->call[call + n].to) == key)
			n++;
		while (told + m < x->told_count &&
		       key_of(x->told[told + m].from, x->told[told + m].to) == key)
			m++;
		if (budget_late(c->budget)) {
			c->out->complete = false;
			break;
		}
		rc = one_edge(c, &e, call, n, told, m);
		call += n;
		told += m;
	}
	return rc;
}

enum rc
answer_circuit(const struct facts_view *v, const struct circuit_question *question,
    const struct budget *budget, struct circuit_answer *out, struct why *why)
{
	struct circuits c = {.v = v, .q = question, .budget = budget, .out = out};
	enum rc rc;

	*out = (struct circuit_answer){.tree_size = v->size};
	if ((rc = circuit_gather(v, question, budget, &c.calls)) != RC_OK)
		goto out;
	out->complete = c.calls.complete;
	out->strays = c.calls.strays;
	c.room = c.calls.count + c.calls.told_count;
	c.room = c.room < question->limit ? c.room : question->limit;
	c.edges = arena_alloc(budget->arena, (c.room + 1) * sizeof(*c.edges));
	c.lists = calloc(1, sizeof(*c.lists));
	rc = c.edges == NULL || c.lists == NULL ? RC_NO_MEMORY : all_edges(&c);
	out->edges = c.edges;
	if (rc == RC_OK &&
	    !list_take(&c.rests_on, budget->arena, &out->rests_on, &out->rests_on_count))
		rc = RC_NO_MEMORY;

out:
	circuit_calls_release(&c.calls);
	if (c.lists != NULL)
		circuit_lists_release(c.lists);
	free(c.lists);
	list_release(&c.window);
	list_release(&c.rests_on);
	return rc == RC_OK ? RC_OK
			   : why_set(why, rc, "query_bytes_max", NULL, 0, "no room for the answer");
}
