/*
 * circuit_calls.c - calls, their failures, and what agents told, gathered from the graph and sorted by edge.
 */
#include <stdlib.h>

#include "answer/circuit_own.h"
#include "answer/recovery.h"

struct failed {
	uint32_t task, failure;
};

struct gather {
	const struct facts_view *v;
	const struct circuit_question *q;
	const struct budget *budget;
	struct circuit_calls *out;
	struct failed *failed; /* by task, then failure */
	size_t failed_count, failed_room;
	struct arena page;
	size_t looked;
	bool no_memory;
};

/* The list with room for one more, moved or not; NULL: no memory, it stays as it is. */
static void *
grown(void *list, size_t *room, size_t count, size_t item)
{
	size_t more = *room == 0 ? 256 : *room * 2;
	void *p;

	if (count < *room)
		return list;
	if ((p = realloc(list, more * item)) != NULL)
		*room = more;
	return p;
}

/* One more entry to look at: false when the budget is used up. */
static bool
look(struct gather *g)
{
	if (g->looked >= g->budget->nodes_max || (g->looked % 64 == 0 && budget_late(g->budget)))
		g->out->complete = false;
	g->looked++;
	return g->out->complete && !g->no_memory;
}

/* A list is as large as an answer may be: a task has up to a hundred callers, and that is not counted above. */
static bool
fits(struct gather *g, size_t count, size_t item)
{
	if (count >= g->budget->arena->max / item)
		g->out->complete = false;
	return g->out->complete;
}

static bool
is_work(const struct facts_view *v, uint32_t index)
{
	const struct fact *t = fact(v, index);

	return fact_is_task(t) && recovery_is_work((enum kind_id)t->kind);
}

static void
add_call(struct gather *g, uint32_t from, uint32_t to, uint32_t index)
{
	struct circuit_calls *c = g->out;
	struct circuit_call *list;

	if (from == to || !fits(g, c->count, sizeof(*list)))
		return;
	if ((list = grown(c->call, &c->room, c->count, sizeof(*list))) == NULL) {
		g->no_memory = true;
		return;
	}
	c->call = list;
	c->call[c->count++] = (struct circuit_call){from, to, index, FACTS_NONE};
}

/* The calls that a task answers: one for each other agent whose work it rests on directly. */
static void
calls_of(struct gather *g, uint32_t index)
{
	const struct fact *t = fact(g->v, index);

	for (unsigned k = 0; k < t->parent_count; k++) {
		uint32_t p = fact_parent(g->v, t, k);
		uint32_t from = fact(g->v, p)->iss;

		if (is_work(g->v, p) && (g->q->from == FACTS_NONE || from == g->q->from))
			add_call(g, from, t->iss, index);
	}
}

static void
calls_by(struct gather *g, uint32_t index)
{
	const struct fact *t = fact(g->v, index);
	uint32_t at = fact_child_first(g->v, t), c;

	while ((c = fact_child(g->v, &at)) != FACTS_NONE && look(g))
		if (is_work(g->v, c))
			add_call(g, t->iss, fact(g->v, c)->iss, c);
}

static void
gather_calls(struct gather *g)
{
	uint32_t one = g->q->to != FACTS_NONE ? g->q->to : g->q->from;

	if (one == FACTS_NONE) {
		for (uint32_t i = 0; i < g->v->size && look(g); i++)
			if (is_work(g->v, i))
				calls_of(g, i);
		return;
	}
	for (uint32_t i = facts_issuer_last(g->v, one); i != FACTS_NONE && look(g);
	     i = fact(g->v, i)->of_issuer) {
		if (!is_work(g->v, i))
			continue;
		if (g->q->to != FACTS_NONE)
			calls_of(g, i);
		else
			calls_by(g, i);
	}
}

/* What nobody signed says nothing about what somebody did. */
static void
gather_failures(struct gather *g)
{
	for (uint32_t i = facts_kind_last(g->v, KIND_FAILURE); i != FACTS_NONE && look(g);
	     i = facts_kind_before(g->v, i)) {
		const struct fact *t = fact(g->v, i);

		for (unsigned k = 0; !(t->flags & FACT_BREACH) && k < t->parent_count; k++) {
			uint32_t p = fact_parent(g->v, t, k);
			const struct fact *x = fact(g->v, p);
			struct failed *list;

			if (!is_work(g->v, p) || (t->level == LEVEL_1 && x->level != LEVEL_1) ||
			    (g->q->to != FACTS_NONE && x->iss != g->q->to))
				continue;
			if (!fits(g, g->failed_count, sizeof(*list)))
				return;
			list = grown(g->failed, &g->failed_room, g->failed_count, sizeof(*list));
			if (list == NULL) {
				g->no_memory = true;
				return;
			}
			g->failed = list;
			g->failed[g->failed_count++] = (struct failed){p, i};
		}
	}
}

static uint32_t
issuer_of(struct gather *g, uint32_t index, const char *key, uint32_t other)
{
	const struct json_node *n = fact_key(g->v, index, key, &g->page);

	return n == NULL ? other : facts_number(g->v, FACTS_ISS, n->text);
}

static void
gather_reports(struct gather *g)
{
	struct circuit_calls *c = g->out;

	for (uint32_t i = facts_kind_last(g->v, KIND_CIRCUIT); i != FACTS_NONE && look(g);
	     i = facts_kind_before(g->v, i)) {
		const struct fact *t = fact(g->v, i);
		uint32_t from = FACTS_NONE, to = FACTS_NONE;
		struct circuit_told *list;

		arena_reset(&g->page);
		if (!(t->flags & FACT_BREACH) && t->code != 0) {
			from = issuer_of(g, i, "edge_from", t->iss);
			to = issuer_of(g, i, "edge_to", FACTS_NONE);
		}
		if (from == FACTS_NONE || to == FACTS_NONE || from == to) {
			c->strays++;
			continue;
		}
		if ((g->q->from != FACTS_NONE && from != g->q->from) ||
		    (g->q->to != FACTS_NONE && to != g->q->to))
			continue;
		if ((list = grown(c->told, &c->told_room, c->told_count, sizeof(*list))) == NULL) {
			g->no_memory = true;
			return;
		}
		c->told = list;
		c->told[c->told_count++] = (struct circuit_told){from, to, i};
	}
}

/* ---- in order ---- */

static int
order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int
by_edge(const void *a, const void *b)
{
	const struct circuit_call *x = a, *y = b;
	int c = order(x->from, y->from);

	if (c == 0)
		c = order(x->to, y->to);
	return c != 0 ? c : order(x->index, y->index);
}

static int
told_by_edge(const void *a, const void *b)
{
	const struct circuit_told *x = a, *y = b;
	int c = order(x->from, y->from);

	if (c == 0)
		c = order(x->to, y->to);
	return c != 0 ? c : order(x->index, y->index);
}

static int
by_task(const void *a, const void *b)
{
	const struct failed *x = a, *y = b;
	int c = order(x->task, y->task);

	return c != 0 ? c : order(x->failure, y->failure);
}

/* The first failure of a task; FACTS_NONE. */
static uint32_t
first_failure(const struct gather *g, uint32_t task)
{
	size_t low = 0, high = g->failed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (g->failed[middle].task < task)
			low = middle + 1;
		else
			high = middle;
	}
	return low < g->failed_count && g->failed[low].task == task ? g->failed[low].failure
								    : FACTS_NONE;
}

static void
sort_all(struct gather *g)
{
	struct circuit_calls *c = g->out;
	size_t kept = 0;

	if (g->failed_count > 1)
		qsort(g->failed, g->failed_count, sizeof(*g->failed), by_task);
	if (c->count > 1)
		qsort(c->call, c->count, sizeof(*c->call), by_edge);
	if (c->told_count > 1)
		qsort(c->told, c->told_count, sizeof(*c->told), told_by_edge);
	for (size_t i = 0; i < c->count; i++) {
		if (i > 0 && by_edge(&c->call[i], &c->call[kept - 1]) == 0)
			continue; /* two predecessors by one caller: one call */
		c->call[kept] = c->call[i];
		c->call[kept].failure = first_failure(g, c->call[i].index);
		kept++;
	}
	c->count = kept;
}

enum rc
circuit_gather(const struct facts_view *v, const struct circuit_question *q,
    const struct budget *budget, struct circuit_calls *out)
{
	struct gather g = {.v = v, .q = q, .budget = budget, .out = out};

	*out = (struct circuit_calls){.complete = true};
	arena_init(&g.page, (size_t)16 << 20);
	gather_calls(&g);
	g.looked = 0;
	gather_failures(&g);
	g.looked = 0;
	gather_reports(&g);
	if (!g.no_memory)
		sort_all(&g);
	arena_release(&g.page);
	free(g.failed);
	return g.no_memory ? RC_NO_MEMORY : RC_OK;
}

void
circuit_calls_release(struct circuit_calls *c)
{
	free(c->call);
	free(c->told);
	c->call = NULL;
	c->told = NULL;
}
