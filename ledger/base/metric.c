/*
 * metric.c - a fixed table of atomic counters.
 *
 * The table is as large as main asked for and never moves, so that a counter's address is good for
 * the registry's life.  Relaxed order: a counter says how often, never before or after what.
 */
#include "base/metric.h"

#include <stdlib.h>

#include "base/must.h"

struct metrics {
	size_t count, max;
	struct metric at[];
};

struct metrics *
metrics_new(size_t max)
{
	struct metrics *m;

	must(max < SIZE_MAX / (2 * sizeof(struct metric)));
	if ((m = calloc(1, sizeof(*m) + max * sizeof(m->at[0]))) == NULL)
		return NULL;
	m->max = max;
	return m;
}

void
metrics_free(struct metrics *m)
{
	free(m);
}

struct metric *
metrics_add(struct metrics *m, const char *name, const char *label, const char *help)
{
	struct metric *c;

	must(m != NULL && name != NULL && help != NULL);
	must(m->count < m->max);
	c = &m->at[m->count++];
	c->name = name;
	c->label = label;
	c->help = help;
	atomic_init(&c->value, 0);
	return c;
}

void
metric_add(struct metric *c, uint64_t n)
{
	if (c != NULL)
		atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}

void
metric_set(struct metric *c, uint64_t n)
{
	if (c != NULL)
		atomic_store_explicit(&c->value, n, memory_order_relaxed);
}

size_t
metrics_count(const struct metrics *m)
{
	return m->count;
}

const struct metric *
metrics_at(const struct metrics *m, size_t i)
{
	must(i < m->count);
	return &m->at[i];
}
