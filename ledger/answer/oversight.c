/*
 * oversight.c - times, roles, lists, and what a question costs.
 */
#include "answer/oversight.h"

#include <stdlib.h>
#include <string.h>

#define LATE_EVERY 1024 /* nodes between two looks at the clock */

int64_t
oversight_time(const struct fact *t)
{
	return t->flags & FACT_DEFERRED ? t->iat * 1000 : (int64_t)t->received_ms;
}

int64_t
oversight_now(const struct facts_view *v)
{
	return v->size == 0 ? 0 : (int64_t)fact(v, v->size - 1)->received_ms;
}

bool
oversight_is_work(const struct fact *t)
{
	return fact_is_task(t) && (t->kind == KIND_TASK || t->kind == KIND_OWN ||
				      t->kind == KIND_START || t->kind == KIND_TRANSLATION);
}

bool
oversight_holds(const struct facts_view *v, uint32_t index, const char *role)
{
	return policy_holds(
	    fact_doc(v, index), role, facts_name(v, FACTS_ISS, fact(v, index)->iss));
}

bool
oversight_commands(const struct facts_view *v, uint32_t index)
{
	return oversight_holds(v, index, "operator") || oversight_holds(v, index, "human");
}

/* ---- lists ---- */

bool
indexes_add(struct index_list *l, uint32_t index, struct arena *arena)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 8 : l->room * 2;
		uint32_t *p = arena_alloc(arena, room * sizeof(*p));

		if (p == NULL)
			return false;
		if (l->n > 0)
			memcpy(p, l->p, l->n * sizeof(*p));
		l->p = p;
		l->room = room;
	}
	l->p[l->n++] = index;
	return true;
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
index_sort(struct index_list *l)
{
	size_t n = 0;

	if (l->n == 0)
		return;
	qsort(l->p, l->n, sizeof(*l->p), ascending);
	for (size_t i = 1; i < l->n; i++)
		if (l->p[i] != l->p[n])
			l->p[++n] = l->p[i];
	l->n = n + 1;
}

size_t
index_below(const struct index_list *l, uint32_t index)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->p[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- cost ---- */

bool
meter_spend(struct meter *m)
{
	if (++m->nodes % LATE_EVERY == 0 && budget_late(m->budget))
		m->late = true;
	return !m->late;
}

bool
meter_full(const struct meter *m)
{
	return m->late || m->nodes >= m->budget->nodes_max || budget_late(m->budget);
}

bool
indexes_children(const struct facts_view *v, uint32_t index, uint64_t kinds, struct meter *m,
    struct arena *arena, struct index_list *out)
{
	uint32_t at = fact_child_first(v, fact(v, index)), c;

	*out = (struct index_list){0};
	while ((c = fact_child(v, &at)) != FACTS_NONE) {
		const struct fact *t = fact(v, c);

		if (!meter_spend(m))
			return false;
		if (!fact_is_task(t) || (kinds >> t->kind & 1) == 0)
			continue;
		if (!indexes_add(out, c, arena)) {
			m->no_memory = true;
			return false;
		}
	}
	for (size_t i = 0, j = out->n; i + 1 < j; i++) {
		uint32_t swap = out->p[i];

		out->p[i] = out->p[--j];
		out->p[j] = swap;
	}
	return true;
}
