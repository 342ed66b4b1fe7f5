/*
 * dag.h - a random graph of tasks in a facts world, and plain answers about it: the oracle of the suites
 * about graphs.
 */
#ifndef TESTS_DAG_H
#define TESTS_DAG_H

#include <string.h>

#include "lib/facts_world.h"

#define DAG_MAX 400

struct dag {
	struct facts_world w;
	unsigned n;
	uint32_t parents[DAG_MAX][4];
	size_t parent_count[DAG_MAX];
	bool above[DAG_MAX][DAG_MAX]; /* [x][y]: y is x or an ancestor of x */
};

/* 'reach': how far back parents lie at most.  Agents "a" to "g"; workflows by turns of three. */
static inline void
dag_make(struct dag *d, unsigned n, unsigned reach, uint64_t seed)
{
	static const char *const iss[] = {
	    "a", "b", "spiffe://two.example/c", "urn:d", "e", "f", "g"};
	static const char *const wid[] = {"one", "two", ""};

	memset(d, 0, sizeof(*d));
	world_init(&d->w);
	d->n = n;
	for (unsigned i = 0; i < n; i++) {
		struct world_task t = {.iss = iss[i * 5 % 7], .wid = wid[i % 3]};

		for (unsigned k = 0; i > 0 && k < 3; k++) {
			uint32_t p;
			bool twin = false;

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			p = i - 1 - (uint32_t)(seed >> 33) % (i < reach ? i : reach);
			for (size_t j = 0; j < t.parent_count; j++)
				twin = twin || t.parents[j] == p;
			if (!twin && (seed >> 20) % 3 != 0)
				t.parents[t.parent_count++] = p;
		}
		d->above[i][i] = true;
		for (size_t k = 0; k < t.parent_count; k++) {
			d->parents[i][k] = t.parents[k];
			for (unsigned y = 0; y < n; y++)
				d->above[i][y] |= d->above[t.parents[k]][y];
		}
		d->parent_count[i] = t.parent_count;
		(void)world_add(&d->w, &t);
	}
}

/* Fewest steps from each task up to 'to', by plain relaxation; -1: none. */
static inline void
dag_steps(const struct dag *d, unsigned to, int out[DAG_MAX])
{
	for (unsigned i = 0; i < d->n; i++) {
		out[i] = i == to ? 0 : -1;
		for (size_t k = 0; i != to && k < d->parent_count[i]; k++) {
			int s = out[d->parents[i][k]];

			if (s >= 0 && (out[i] < 0 || s + 1 < out[i]))
				out[i] = s + 1;
		}
	}
}

#endif
