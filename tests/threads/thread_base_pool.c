/*
 * thread_base_pool.c - a pool under load, for ThreadSanitizer: every item runs once, on a thread
 * with its own local, and the counters that all threads bump lose nothing.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metric.h"
#include "base/must.h"
#include "base/pool.h"

#define SUBMITTERS 3
#define ITEMS	   4000
#define THREADS	   4

struct local {
	size_t runs; /* one thread's alone: no lock */
};

struct test {
	struct pool *pool;
	struct metric *count;
	struct local locals[THREADS];
	size_t locals_made;
};

struct item {
	struct pool_work work;
	struct test *test;
	unsigned runs;
};

static void *
local_new(void *ctx)
{
	struct test *t = ctx;

	must(t->locals_made < THREADS);
	return &t->locals[t->locals_made++];
}

static void
run(struct pool_work *work, void *local)
{
	struct item *item = (struct item *)(void *)work;

	((struct local *)local)->runs++;
	metric_add(item->test->count, 1);
	item->runs++;
}

static void *
submit(void *arg)
{
	struct item *items = arg;
	unsigned i;

	for (i = 0; i < ITEMS; i++)
		while (!pool_submit(items[i].test->pool, &items[i].work))
			(void)sched_yield();
	return NULL;
}

int
main(void)
{
	struct test t = {.pool = NULL};
	struct pool_options options = {.threads = THREADS,
	    .queue_max = 100,
	    .take_max = 8,
	    .name = "load",
	    .local_new = local_new,
	    .ctx = &t};
	struct metrics *metrics = metrics_new(1);
	pthread_t threads[SUBMITTERS];
	struct item *items = calloc((size_t)SUBMITTERS * ITEMS, sizeof(*items));
	size_t runs = 0;
	unsigned i;

	must(metrics != NULL && items != NULL);
	t.count = metrics_add(metrics, "ectledger_test_total", NULL, "runs");
	must(pool_start(&t.pool, &options) == RC_OK);
	for (i = 0; i < SUBMITTERS * ITEMS; i++) {
		items[i].work.run = run;
		items[i].test = &t;
	}
	for (i = 0; i < SUBMITTERS; i++)
		must(pthread_create(&threads[i], NULL, submit, items + (size_t)i * ITEMS) == 0);
	for (i = 0; i < SUBMITTERS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	pool_stop(t.pool);
	for (i = 0; i < SUBMITTERS * ITEMS; i++)
		must(items[i].runs == 1);
	for (i = 0; i < THREADS; i++)
		runs += t.locals[i].runs;
	must(runs == (size_t)SUBMITTERS * ITEMS);
	must(atomic_load(&t.count->value) == runs);
	free(items);
	metrics_free(metrics);
	(void)printf("%zu items\n", runs);
	return 0;
}
